"""mmdet's and mmseg's data sets as tasks, alone and beside FMC-UIA."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.converters import fmc_to_mmseg
from aurora_mm.datasets import ConcatTaskDataset, TaskDataset, coco_source
from aurora_mm.errors import ConfigError, DataError

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

LOAD = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=32),
    dict(type='ApplyGeometry'),
    dict(type='PackMultiTaskInputs'),
]
NODULES = dict(name='nodules', type='detection', classes=['nodule', 'cyst'])


@pytest.fixture
def coco(tmp_path):
    """Three images of 64 x 48: two boxes of two classes and a crowd; a box over the edge; none."""
    annotations = [
        dict(id=1, image_id=10, category_id=5, bbox=[8, 10, 16, 10], area=160, iscrowd=0),
        dict(id=2, image_id=10, category_id=2, bbox=[30, 10, 10, 10], area=100, iscrowd=0),
        dict(id=3, image_id=10, category_id=2, bbox=[0, 0, 9, 9], area=81, iscrowd=1),
        dict(id=4, image_id=20, category_id=5, bbox=[50, 10, 20, 10], area=200, iscrowd=0),
    ]
    images = [dict(id=i, file_name=f'{i}.png', height=48, width=64) for i in (10, 20, 30)]
    categories = [dict(id=2, name='cyst'), dict(id=5, name='nodule')]
    for image in images:
        cv2.imwrite(str(tmp_path / image['file_name']), np.full((48, 64), image['id'], np.uint8))
    file = tmp_path / 'train.json'
    file.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    return dict(type='mmdet.CocoDataset', ann_file=str(file), data_prefix=dict(img=str(tmp_path)))


def test_a_coco_file_as_a_detection_task(coco):
    dataset = TaskDataset(NODULES, coco, LOAD)
    assert len(dataset) == 3
    assert list(dataset.indices_by_task()) == ['nodules']
    samples = [dataset[i]['data_samples']['nodules'] for i in range(3)]
    assert [sample.img_id for sample in samples] == [10, 20, 30]  # the file's own, so that CocoMetric can read it too
    # 64 x 48 becomes 32 x 32. Classes are found by name: category 5 is class 0, though second in the file. The crowd
    # is left out.
    by_class = dict(zip(samples[0].gt_instances.labels.tolist(), samples[0].gt_instances.bboxes.tolist(), strict=True))
    assert by_class[0] == pytest.approx([4, 20 / 3, 12, 40 / 3])
    assert by_class[1] == pytest.approx([15, 20 / 3, 20, 40 / 3])
    assert samples[1].gt_instances.bboxes.tolist()[0] == pytest.approx([25, 20 / 3, 32, 40 / 3])  # cut at the edge
    assert len(samples[2].gt_instances) == 0
    assert samples[0].task == 'nodules'


def changed(coco, change) -> dict:
    """The data set with its file changed by a function of the content."""
    file = Path(coco['ann_file'])
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))
    return coco


class TestACocoFileIsReadStrictly:
    @pytest.mark.parametrize('area', [0, -1, None, 'x'])
    def test_a_box_of_area_0_is_a_box(self, coco, area):
        """mmdet drops it, in testing too, or ends with a KeyError."""

        def change(data):
            for annotation in data['annotations']:
                annotation['area'] = area
            del data['annotations'][0]['area']

        dataset = TaskDataset(NODULES, changed(coco, change), LOAD, test_mode=True)
        assert [len(dataset[i]['data_samples']['nodules'].gt_instances) for i in range(3)] == [2, 1, 0]

    def test_a_box_thinner_than_a_pixel_is_a_box(self, coco):
        dataset = TaskDataset(NODULES, changed(coco, lambda data: data['annotations'][0].update(bbox=[8, 10, 0.5, 10])))
        assert dataset.get_data_info(0)['bboxes'][0] == [8, 10, 8.5, 20]

    @pytest.mark.parametrize(
        ('change', 'said'),
        [
            (lambda data: data['annotations'][0].update(bbox=[8, 10, 0, 10]), r'\[0\]: bbox .* is empty'),
            (lambda data: data['annotations'][0].update(bbox=[100, 10, 5, 5]), r'\[0\]: bbox .* lies outside'),
            (lambda data: data['annotations'][0].pop('bbox'), r'annotations\[0\]: bbox is no list'),
            (lambda data: data['annotations'][0].update(image_id='10'), "image_id '10' is .*; there is 10"),
            (lambda data: data['annotations'][0].update(image_id=40), 'image_id 40 is the id of no image'),
            (lambda data: data['annotations'][0].update(category_id=40), 'category_id 40 is the id of no category'),
            (lambda data: data['annotations'][0].update(id=2), 'id 2 is also that of'),
            (lambda data: data['images'][0].update(id=20), 'id 20 is also that of'),
            (lambda data: data['images'][0].update(file_name='20.png'), "file '20.png' is listed by"),
            (lambda data: data['images'][0].pop('height'), 'height is None'),
            (lambda data: data.pop('categories'), "no list 'categories'"),
        ],
    )
    def test_what_is_wrong_is_told(self, coco, change, said):
        with pytest.raises(DataError, match=rf'train\.json: .*{said}'):
            TaskDataset(NODULES, changed(coco, change))

    @pytest.mark.parametrize('size', [dict(height=64, width=48), dict(height=96, width=128)])
    def test_a_size_that_is_not_the_image_s(self, coco, size):
        """Boxes vanished or lay elsewhere."""
        dataset = TaskDataset(NODULES, changed(coco, lambda data: data['images'][0].update(size)), LOAD)
        with pytest.raises(DataError, match=r'10\.png has \(height, width\) \(48, 64\), but is listed with'):
            dataset[0]
        assert dataset[1]['data_samples'].img_id == 20

    def test_classes_are_joined_by_name_in_every_split(self, coco, tmp_path):
        """val.json lists the same categories under other ids in another order."""
        expected = TaskDataset(NODULES, coco)
        data = json.loads(Path(coco['ann_file']).read_text())
        data['categories'] = [dict(id=1, name='nodule'), dict(id=7, name='cyst')]
        for annotation in data['annotations']:
            annotation['category_id'] = {5: 1, 2: 7}[annotation['category_id']]
        (tmp_path / 'val.json').write_text(json.dumps(data))
        found = TaskDataset(NODULES, coco | dict(ann_file=str(tmp_path / 'val.json')))
        for key in ('bboxes', 'bboxes_labels', 'img_path'):
            assert [found.get_data_info(i)[key] for i in range(3)] == [expected.get_data_info(i)[key] for i in range(3)]
        assert expected.get_data_info(0)['bboxes_labels'] == [0, 1]

    def test_other_categories_are_left_out_and_told(self, coco, monkeypatch):
        messages = []
        monkeypatch.setattr(coco_source, 'print_log', lambda message, logger, level: messages.append(message))
        dataset = TaskDataset(NODULES | dict(classes=['nodule']), coco)
        assert [dataset.get_data_info(i)['bboxes_labels'] for i in range(3)] == [[0], [0], []]
        assert messages[0].endswith("2 objects of 'cyst', which is no class of the task, left out")

    def test_bad_images_are_skipped_up_front_and_listed(self, coco):
        def change(data):
            data['annotations'][0]['bbox'] = [8, 10, 0, 10]
            data['images'][1]['height'] = 96

        dataset = TaskDataset(NODULES, changed(coco, change), LOAD, on_error='skip')
        assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == [30]
        assert [row.task for row in dataset.skipped] == ['nodules'] * 2
        assert 'is empty' in dataset.skipped[0].message
        assert 'is listed with (96, 64)' in dataset.skipped[1].message
        with pytest.raises(ConfigError, match="on_error must be 'raise' or 'skip'"):
            TaskDataset(NODULES, coco, on_error='ignore')


def test_classes_that_the_file_does_not_know_are_refused(coco):
    with pytest.raises(ConfigError, match=r'has classes nodule, tumour, but .*train\.json knows nodule of them'):
        TaskDataset(NODULES | dict(classes=['nodule', 'tumour']), coco)


def test_an_mmseg_folder_as_a_segmentation_task(fmc_root, tmp_path):
    fmc_root.csv('a', [fmc_root.seg_row(index) for index in range(5)])
    fmc_to_mmseg(fmc_root.path, tmp_path / 'seg')
    task = dict(name='tissue', type='segmentation', classes=['background', 'a', 'b'])
    source = dict(
        type='mmseg.BaseSegDataset',
        data_root=str(tmp_path / 'seg/organs'),
        data_prefix=dict(img_path='img_dir/train', seg_map_path='ann_dir/train'),
        img_suffix='.png',
    )
    dataset = TaskDataset(task, source, [LOAD[0], LOAD[2], LOAD[3], LOAD[1], LOAD[4]])
    assert len(dataset) == 4
    mask = np.zeros((48, 64), int)
    mask[10:20, 8:24], mask[30:40, 40:56] = 1, 2
    assert (next(iter(dataset[0]['data_samples'])).gt_sem_seg.data[0].numpy() == mask).all()


def test_a_data_set_of_the_wrong_kind_is_refused(coco):
    with pytest.raises(ConfigError, match='has no mask'):
        TaskDataset(dict(name='n', type='segmentation', classes=['nodule', 'cyst']), coco)
    with pytest.raises(ConfigError, match=r"landmark task 'n' gives no 'points'; use .*CocoKeypointDataset"):
        TaskDataset(dict(name='n', type='landmark', points=['a']), coco)


def test_side_by_side_with_fmc_uia(fmc_root, coco):
    fmc_root.fill(10)
    parts = [
        dict(type='FMCUIADataset', data_root=str(fmc_root.path)),
        dict(type='TaskDataset', task=NODULES, dataset=coco),
    ]
    dataset = ConcatTaskDataset(parts, pipeline=LOAD)
    assert len(dataset) == 4 * 8 + 3
    assert {task['name'] for task in dataset.metainfo['tasks']} == {'organs', 'breast', 'nodule', 'femur', 'nodules'}
    counts = dataset.metainfo['images_per_task']
    assert counts == dict(organs=8, breast=8, nodule=8, femur=8, nodules=3)
    indices = dataset.indices_by_task()
    assert sorted(np.concatenate(list(indices.values()))) == list(range(35))
    kinds = ConcatTaskDataset([parts[0] | dict(all_labels=True), parts[1]], pipeline=LOAD).indices_by_kind()
    assert sorted(np.concatenate([rows for kind, rows in kinds.items() if len(kind) == 1])) == list(range(35))
    assert kinds['nodules',].tolist() == [32, 33, 34]
    for name, rows in indices.items():
        assert all(dataset[int(i)]['data_samples'].task_names == [name] for i in rows)


def test_images_of_a_task_in_two_parts_have_numbers_of_their_own(fmc_root, coco):
    fmc_root.csv('a', [fmc_root.cls_row(i, task_id='left') for i in range(3)])
    fmc_root.csv('b', [fmc_root.cls_row(0, task_id='right')])
    part = dict(type='FMCUIADataset', data_root=str(fmc_root.path), split='all', all_labels=True, tasks=[NODULES])
    nodules = dict(type='TaskDataset', task=NODULES, dataset=coco)
    dataset = ConcatTaskDataset([part, nodules, part], pipeline=LOAD)
    ids = {}
    for i in range(len(dataset)):
        samples = dataset[i]['data_samples']
        info = dataset.get_data_info(i)
        rows = [info, *info.get('other_rows', ())]
        assert [sample.img_id for sample in samples] == [row['img_id'] for row in rows]
        assert samples.img_id == info['img_id']
        for sample in samples:
            ids.setdefault(sample.task, []).append(sample.img_id)
    assert {name: len(set(found)) for name, found in ids.items()} == dict(left=6, right=2, nodules=3)
    sizes = [dict(type='aurora_mm.FitToSize', size=size) for size in (32, 64)]
    rest = [[dict(type=f'aurora_mm.{name}')] for name in ('ApplyGeometry', 'PackMultiTaskInputs')]
    views = [*LOAD[:2], dict(type='TestTimeAug', transforms=[sizes, *rest])]
    twice = ConcatTaskDataset([part, part], pipeline=views)
    assert [len({sample.img_id for sample in twice[i]['data_samples']}) for i in (0, 4)] == [1, 1]
    assert twice[0]['data_samples'][1].img_id != twice[4]['data_samples'][1].img_id
    alone = TaskDataset(NODULES, coco)
    assert ids['nodules'] == [alone.get_data_info(i)['img_id'] for i in range(3)]  # those of the COCO file


def test_parts_that_contradict_each_other_are_refused(fmc_root, coco):
    fmc_root.fill(10)
    other = NODULES | dict(name='nodule')  # of one class in the CSV files
    parts = [
        dict(type='FMCUIADataset', data_root=str(fmc_root.path)),
        dict(type='TaskDataset', task=other, dataset=coco),
    ]
    with pytest.raises(ConfigError, match=r'task .nodule. is detection with 1 outputs .* but detection with 2'):
        ConcatTaskDataset(parts).metainfo  # noqa: B018
    swapped = dict(type='TaskDataset', task=NODULES | dict(classes=['cyst', 'nodule']), dataset=coco)
    with pytest.raises(ConfigError, match='has nodule, cyst in one data set, cyst, nodule in another'):
        ConcatTaskDataset([parts[1] | dict(task=NODULES), swapped]).metainfo  # noqa: B018
    with pytest.raises(ConfigError, match='CocoDataset is none: wrap it in TaskDataset'):
        ConcatTaskDataset([coco | dict(metainfo=dict(classes=('nodule',)), pipeline=[])])
