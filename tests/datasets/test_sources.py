"""Classification and keypoints as tasks, masks with pixels that do not count, and wrappers around data sets."""

import json

import cv2
import numpy as np
import pytest
import torch

from aurora_mm.datasets import ConcatTaskDataset, TaskDataset
from aurora_mm.datasets.source_readers import class_of_value
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import MultiTaskEvaluator

LOAD = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=32),
    dict(type='ApplyGeometry'),
    dict(type='PackMultiTaskInputs'),
]
PLANE = dict(name='plane', type='classification', classes=['head', 'abdomen'])
FEMUR = dict(name='femur', type='landmark', points=['left', 'right'])


def write(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((48, 64), value, np.uint8) if np.isscalar(value) else value
    cv2.imwrite(str(path), image)


@pytest.fixture
def folders(tmp_path):
    for number, name in enumerate(['abdomen/1.png', 'abdomen/2.png', 'head/deeper/3.png']):
        write(tmp_path / 'data' / name, number)
    return dict(type='aurora_mm.ClassFolderDataset', data_root=str(tmp_path / 'data'))


class TestClassification:
    def test_a_folder_a_class(self, folders):
        """Labels go by the order of the task's classes, not of the folders."""
        dataset = TaskDataset(PLANE, folders, LOAD)
        labels = {entry['img_path'][-5:]: entry['gt_label'] for entry in map(dataset.get_data_info, range(3))}
        assert labels == {'1.png': 1, '2.png': 1, '3.png': 0}
        assert [dataset[i]['data_samples']['plane'].gt_label.item() for i in range(3)] == [0, 1, 1]

    def test_a_list(self, folders, tmp_path):
        write(tmp_path / 'data/with space.png')
        (tmp_path / 'data/train.txt').write_text('abdomen/1.png 1\n\nwith space.png 0\n')
        dataset = TaskDataset(PLANE, folders | dict(ann_file='train.txt'), LOAD)
        assert [dataset.get_data_info(i)['gt_label'] for i in range(len(dataset))] == [1, 0]

    @pytest.mark.parametrize(
        ('line', 'said'),
        [
            ('abdomen/1.png 2', r'train\.txt, row 2: .* the index of a class, 0 to 1'),
            ('abdomen/1.png', 'row 2: .* is no path and'),
            ('abdomen/9.png 1', "row 2: image 'abdomen/9.png' is not there"),
        ],
    )
    def test_what_is_wrong_with_a_list(self, folders, tmp_path, line, said):
        (tmp_path / 'data/train.txt').write_text(f'abdomen/2.png 1\n{line}\n')
        with pytest.raises(DataError, match=said):
            TaskDataset(PLANE, folders | dict(ann_file='train.txt'))

    def test_folders_that_are_no_classes(self, folders, tmp_path):
        (tmp_path / 'data/femur').mkdir()
        with pytest.raises(ConfigError, match='has folders abdomen, femur, head, but the classes are head, abdomen'):
            TaskDataset(PLANE, folders)
        with pytest.raises(DataError, match=r"class 'femur' has no image"):
            TaskDataset(PLANE | dict(classes=['head', 'abdomen', 'femur']), folders)

    def test_a_data_set_of_another_kind(self, tmp_path):
        write(tmp_path / 'img/a.png')
        source = dict(type='mmseg.BaseSegDataset', data_prefix=dict(img_path=str(tmp_path / 'img')), img_suffix='.png')
        with pytest.raises(ConfigError, match=r"gives no 'gt_label'; use dict\(type='aurora_mm.ClassFolderDataset'\)"):
            TaskDataset(PLANE, source)


@pytest.fixture
def keypoints(tmp_path):
    images = [dict(id=i, file_name=f'{i}.png', height=48, width=64) for i in (1, 2, 3)]
    for image in images:
        write(tmp_path / image['file_name'])
    category = dict(id=1, name='femur', keypoints=['right', 'left'])
    annotations = [
        dict(id=i, image_id=i, category_id=1, keypoints=[40, 10, 2, 8 * i, 20, 1], num_keypoints=2) for i in (1, 2)
    ]
    content = dict(images=images, annotations=annotations, categories=[category])
    (tmp_path / 'train.json').write_text(json.dumps(content))
    return dict(type='aurora_mm.CocoKeypointDataset', data_root=str(tmp_path), ann_file='train.json')


class TestKeypoints:
    def test_points_are_found_by_name(self, keypoints):
        """The file lists right before left; an image without an object is left out."""
        dataset = TaskDataset(FEMUR, keypoints, LOAD)
        assert [dataset.get_data_info(i)['points'] for i in range(len(dataset))] == [
            [[8, 20], [40, 10]],
            [[16, 20], [40, 10]],
        ]
        found = dataset[0]['data_samples']['femur'].gt_landmarks  # 64 x 48 pixels become 32 x 32
        torch.testing.assert_close(found, torch.tensor([[4, 40 / 3], [20, 20 / 3]]), check_dtype=False)

    def test_other_points_and_two_objects(self, keypoints, tmp_path):
        with pytest.raises(ConfigError, match=r"no category has the keypoints left, knee; they have .*'right', 'left'"):
            TaskDataset(FEMUR | dict(points=['left', 'knee']), keypoints)
        file = tmp_path / 'train.json'
        content = json.loads(file.read_text())
        content['annotations'][1]['image_id'] = 1
        file.write_text(json.dumps(content))
        with pytest.raises(DataError, match=r"train\.json: image '1\.png' has 2 objects with keypoints"):
            TaskDataset(FEMUR, keypoints)


@pytest.fixture
def masks(tmp_path):
    """One image, whose mask has the values 0 to 3 and 255 from left to right."""
    values = np.repeat(np.array([0, 1, 2, 3, 255], np.uint8), [16, 16, 16, 8, 8])
    write(tmp_path / 'img/a.png')
    write(tmp_path / 'ann/a.png', np.tile(values, (48, 1)))
    prefix = dict(img_path=str(tmp_path / 'img'), seg_map_path=str(tmp_path / 'ann'))
    return dict(type='mmseg.BaseSegDataset', data_prefix=prefix, img_suffix='.png')


def truth_of(dataset):
    return dataset[0]['data_samples'].task_samples[0].gt_sem_seg.data[0, 0].tolist()


class TestMasks:
    TEST = [LOAD[0], LOAD[2], LOAD[3], LOAD[1], LOAD[4]]

    def test_pixels_of_255_do_not_count(self, masks):
        task = dict(name='tissue', type='segmentation', classes=['background', 'a', 'b', 'c'])
        dataset = TaskDataset(task, masks, self.TEST)
        assert truth_of(dataset) == [0] * 16 + [1] * 16 + [2] * 16 + [3] * 8 + [255] * 8
        trained = TaskDataset(task, masks, LOAD)
        assert set(truth_of(trained)) == {0, 1, 2, 3, 255}

        # Wherever the prediction differs in these pixels alone, the score is perfect.
        sample = dataset[0]['data_samples']
        pred = sample['tissue'].gt_sem_seg.clone()
        pred.data[pred.data == 255] = 2
        sample['tissue'].pred_sem_seg = pred
        evaluator = MultiTaskEvaluator()
        evaluator.dataset_meta = dataset.metainfo
        evaluator.process([sample])
        scores = evaluator.evaluate(1)
        assert (scores['tissue/DSC'], scores['tissue/HD']) == (1, 0)

    def test_reduce_zero_label(self, masks):
        task = dict(name='tissue', type='segmentation', classes=['a', 'b', 'c'])
        dataset = TaskDataset(task, masks | dict(reduce_zero_label=True), self.TEST)
        assert truth_of(dataset) == [255] * 16 + [0] * 16 + [1] * 16 + [2] * 8 + [255] * 8

    def test_label_map(self, masks):
        """mmseg makes one where the classes that are asked for are some of those that its data set knows."""
        pytest.importorskip('mmseg')
        from mmseg.registry import DATASETS

        @DATASETS.register_module(name='FourTissues', force=True)
        class FourTissues(DATASETS.get('BaseSegDataset')):
            METAINFO = dict(classes=('background', 'a', 'b', 'c'), palette=[[0, 0, 0]] * 4)

        task = dict(name='tissue', type='segmentation', classes=['background', 'c', 'a'])
        dataset = TaskDataset(task, masks | dict(type='mmseg.FourTissues'), self.TEST)
        assert truth_of(dataset) == [0] * 16 + [2] * 16 + [255] * 16 + [1] * 8 + [255] * 8

    def test_values_are_renamed_as_mmseg_renames_them(self, tmp_path):
        pytest.importorskip('mmseg')
        from mmseg.datasets.transforms import LoadAnnotations

        values = np.arange(256, dtype=np.uint8).reshape(16, 16)
        cv2.imwrite(str(tmp_path / 'all.png'), values)
        label_map = {0: 3, 1: 255, 5: 0}
        for reduce_zero_label in (False, True):
            results = dict(
                seg_map_path=str(tmp_path / 'all.png'),
                label_map=label_map,
                reduce_zero_label=reduce_zero_label,
                seg_fields=[],
            )
            expected = LoadAnnotations(imdecode_backend='pillow').transform(results)['gt_seg_map'].ravel().tolist()
            assert class_of_value(label_map, reduce_zero_label) == expected

    def test_other_values_are_refused(self, masks):
        task = dict(name='tissue', type='segmentation', classes=['background', 'a'])
        with pytest.raises(DataError, match=r"values \[2, 3\], which are none of the 2 classes of task 'tissue'"):
            TaskDataset(task, masks, self.TEST)[0]


class TestWrappers:
    def test_repeat_and_concat(self, folders):
        source = dict(
            type='ConcatDataset', datasets=[dict(type='mmdet.RepeatDataset', times=2, dataset=folders), folders]
        )
        dataset = TaskDataset(PLANE, source, LOAD)
        names = [dataset.get_data_info(i)['img_path'][-5:] for i in range(len(dataset))]
        assert names == ['3.png', '1.png', '2.png'] * 3
        assert len({(dataset.get_data_info(i)['img_id'], names[i]) for i in range(9)}) == 3
        assert len(ConcatTaskDataset([dict(type='TaskDataset', task=PLANE, dataset=source)])) == 9

    def test_ids_of_several_files_do_not_clash(self, keypoints, tmp_path):
        for name in ('1.png', '2.png'):
            write(tmp_path / 'other' / name)
        other = keypoints | dict(data_prefix=dict(img='other'))
        dataset = TaskDataset(FEMUR, dict(type='ConcatDataset', datasets=[keypoints, other]))
        assert [dataset.get_data_info(i)['img_id'] for i in range(4)] == [0, 1, 2, 3]

    def test_rare_classes_are_repeated_as_mmengine_does_it(self, folders):
        from mmengine.dataset import ClassBalancedDataset

        from aurora_mm.datasets import ClassFolderDataset

        source = dict(type='ClassBalancedDataset', oversample_thr=1.0, dataset=folders)
        dataset = TaskDataset(PLANE, source)
        settings = dict(data_root=folders['data_root'], metainfo=dict(classes=PLANE['classes']))
        plain = ClassFolderDataset(**settings)
        plain.get_cat_ids = lambda index: [plain.get_data_info(index)['gt_label']]
        expected = ClassBalancedDataset(plain, 1.0)
        assert [entry['img_path'] for entry in map(dataset.get_data_info, range(len(dataset)))] == [
            expected.get_data_info(i)['img_path'] for i in range(len(expected))
        ]
        assert len(dataset) == 6  # each class is in less than all images, so each image is repeated

    def test_what_wraps_nothing(self, folders):
        with pytest.raises(ConfigError, match='RepeatDataset needs a `dataset`'):
            TaskDataset(PLANE, dict(type='RepeatDataset', times=2))
        with pytest.raises(ConfigError, match='mixes images by transforms of the hosts'):
            TaskDataset(PLANE, dict(type='mmdet.MultiImageMixDataset', dataset=folders, pipeline=[]))


def test_files_that_are_not_there_are_named():
    task = dict(name='n', type='detection', classes=['a'])
    with pytest.raises(DataError, match=r"VOCDataset of task 'n' cannot be read: .*missing\.txt"):
        TaskDataset(task, dict(type='mmdet.VOCDataset', ann_file='VOC2007/missing.txt', data_root='/nowhere/VOC2007'))
