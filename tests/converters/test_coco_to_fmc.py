"""COCO files of others: found under the names that tools give them, joined by name, never one file over another."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.converters import coco_to_fmc, fmc_to_coco
from aurora_mm.converters.coco_exports import find_exports
from aurora_mm.converters.splits import split_of
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError, DataError
from tests.fixtures.coco_files import HEIGHT, SQUARE, WIDTH, box, content, image, write_coco

DETECTION = dict(name='lump', task_type='detection')
SEGMENTATION = dict(name='lump', task_type='segmentation')
OTHER = [[40.0, 30.0, 44.0, 30.0, 44.0, 34.0, 40.0, 34.0]]


@pytest.fixture
def source(tmp_path) -> Path:
    return tmp_path / 'source'


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / 'out'


def put(source: Path, split: str, data: dict) -> Path:
    return write_coco(source / f'annotations/instances_{split}.json', data, source / 'images' / split)


def items(root: Path, split: str = 'all') -> list[dict]:
    dataset = FMCUIADataset(str(root), split, serialize_data=False)
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def mask_of(item: dict) -> np.ndarray:
    return cv2.imread(item['seg_map_path'], cv2.IMREAD_UNCHANGED)


def files_under(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob('*') if file.is_file()}


class TestNames:
    @pytest.mark.parametrize(
        ('layout', 'split'),
        [
            ('train/_annotations.coco.json', 'train'),  # Roboflow
            ('valid/_annotations.coco.json', 'val'),
            ('annotations/instances_train2017.json', 'train'),  # COCO
            ('annotations/instances_Train.json', 'train'),  # CVAT
            ('annotations/training.json', 'train'),
            ('annotations/a-validation.json', 'val'),
            ('annotations/a_testing.json', 'test'),
            ('annotations/a[x][b]_val.json', 'val'),  # neither markup nor a pattern
            ('train/labels.json', 'train'),  # FiftyOne
            ('annotations/instances_default.json', 'all'),  # CVAT
            ('result.json', 'all'),  # Label Studio
            ('labels.json', 'all'),  # FiftyOne
            ('_annotations.coco.json', 'all'),  # Roboflow
        ],
    )
    def test_exports_are_found(self, source, out, layout, split):
        write_coco(source / layout, content())
        coco_to_fmc(source, out, **DETECTION)
        (item,) = items(out, split)
        assert item['bbox'] == [8, 10, 24, 20]

    @pytest.mark.parametrize(
        ('file', 'folder', 'name'),
        [
            ('annotations/instances_default.json', 'images/default', 'a.png'),  # CVAT
            ('annotations/instances_default.json', 'images', 'a.png'),
            ('result.json', '.', 'images/a.png'),  # Label Studio
            ('result.json', '.', 'images\\a.png'),  # on Windows
            ('labels.json', 'data', 'a.png'),  # FiftyOne
            ('annotations/instances_train2017.json', 'train2017', 'a.png'),  # COCO
        ],
    )
    def test_images_are_found_where_tools_put_them(self, source, out, file, folder, name):
        write_coco(source / file, content([image(name=name.replace('\\', '/'))]), source / folder)
        text = (source / file).read_text()
        (source / file).write_text(text.replace('images/a.png', name.replace('\\', '\\\\')))
        coco_to_fmc(source, out, **DETECTION)
        assert len(items(out, 'train' if 'train' in file else 'all')) == 1

    @pytest.mark.parametrize('name', ['instances', 'captions_untrained', 'trainer', 'holdout', 'val_extra'])
    def test_a_name_that_says_no_split_is_refused(self, source, out, name):
        """It was left out, and the tool said 'wrote'."""
        put(source, 'train', content())
        write_coco(source / f'annotations/{name}.json', content())
        with pytest.raises(DataError, match=rf'{name}\.json: the name says no split: it must end with train, training'):
            coco_to_fmc(source, out, **DETECTION)
        coco_to_fmc(source, out, annotations='annotations/instances_*.json', **DETECTION)
        assert len(items(out, 'train')) == 1

    def test_only_some_files_with_a_split(self, source, out):
        put(source, 'train', content())
        put(source, 'default', content())
        with pytest.raises(DataError, match=r'_default\.json: says no split .* but .*instances_train\.json does'):
            coco_to_fmc(source, out, **DETECTION)

    def test_nothing_to_find(self, source, out):
        source.mkdir()
        with pytest.raises(DataError, match='no COCO file in this folder: looked for annotations/'):
            coco_to_fmc(source, out, **DETECTION)
        with pytest.raises(ConfigError, match='is no pattern of files'):
            coco_to_fmc(source, out, annotations='/etc/*.json', **DETECTION)

    def test_an_image_that_is_missing(self, source, out):
        file = put(source, 'train', content())
        (source / 'images/train/a.png').unlink()
        with pytest.raises(DataError, match=rf'{file}: there is no image .*/images/train/a\.png; looked in '):
            coco_to_fmc(source, out, **DETECTION)
        with pytest.raises(DataError, match=r'there is no image .*/elsewhere/train/a\.png'):
            coco_to_fmc(source, out, images='elsewhere/{split}', **DETECTION)
        with pytest.raises(ConfigError, match=r"may hold '\{split\}' and no other braces"):
            coco_to_fmc(source, out, images='{folder}', **DETECTION)

    def test_splits_by_name(self):
        assert split_of('instances_train2017') == ('train', 'train2017')
        assert split_of('Validation') == ('val', 'Validation')
        assert split_of('unval') is None

    def test_hidden_files_are_passed_over(self, source):
        put(source, 'train', content())
        (source / 'annotations/._instances_train.json').write_bytes(b'\0\5')
        assert [export.file.name for export in find_exports(source)] == ['instances_train.json']


class TestJoinedByName:
    def test_categories_with_other_ids_in_another_order(self, source, out):
        """val's classes were swapped."""
        kinds = [dict(id=1, name='liver'), dict(id=2, name='vein')]
        swapped = [dict(id=1, name='vein'), dict(id=9, name='liver')]
        put(source, 'train', content(annotations=[box(category_id=1, segmentation=[SQUARE])], categories=kinds))
        put(source, 'val', content(annotations=[box(category_id=9, segmentation=[SQUARE])], categories=swapped))
        (task,) = coco_to_fmc(source, out, **SEGMENTATION)
        assert task.classes == ('background', 'liver', 'vein')
        for split in ('train', 'val'):
            (item,) = items(out, split)
            assert np.unique(mask_of(item)).tolist() == [0, 1]
            assert (mask_of(item)[12:24, 16:32] == 1).all()

    def test_training_data_names_the_classes_though_test_comes_first(self, source, out):
        kinds = [dict(id=1, name='liver'), dict(id=2, name='vein')]
        put(source, 'train', content(annotations=[box(category_id=1, segmentation=[SQUARE])], categories=kinds))
        only = content(annotations=[box(category_id=5, segmentation=[SQUARE])], categories=[dict(id=5, name='vein')])
        put(source, 'test', only)
        (task,) = coco_to_fmc(source, out, **SEGMENTATION)
        assert task.classes == ('background', 'liver', 'vein')
        assert np.unique(mask_of(items(out, 'test')[0])).tolist() == [0, 2]

    def test_a_category_that_training_data_does_not_know(self, source, out):
        put(source, 'train', content())
        put(source, 'val', content(categories=[dict(id=7, name='nodules')]))
        with pytest.raises(
            DataError,
            match=r'instances_val\.json: categories are nodules, .* nodule by .*instances_train\.json: nodules',
        ):
            coco_to_fmc(source, out, **DETECTION)
        assert not out.exists()

    def test_keypoints_in_another_order(self, source, out):
        for split, names in (('train', ['left', 'right']), ('val', ['right', 'left'])):
            kinds = [dict(id=7, name='femur', keypoints=names)]
            points = {'left': [1, 2, 2], 'right': [30, 40, 1]}
            keypoints = points[names[0]] + points[names[1]]
            put(source, split, content(annotations=[box(keypoints=keypoints)], categories=kinds))
        (task,) = coco_to_fmc(source, out, name='ends', task_type='landmark')
        assert task.points == ('left', 'right')
        for split in ('train', 'val'):
            assert items(out, split)[0]['points'] == [[1, 2], [30, 40]]

    def test_keypoints_that_are_not_labelled(self, source, out, monkeypatch):
        """Visibility 0: of one of the two, of both, and there and back again."""
        messages = []
        monkeypatch.setattr(
            'aurora_mm.converters.coco_answers.print_log', lambda message, logger, level: messages.append(message)
        )
        kinds = [dict(id=7, name='femur', keypoints=['left', 'right'])]
        half, none = [0, 0, 0, 30, 40, 1], [0, 0, 0, 0, 0, 0]
        objects = [box(id=1, keypoints=half), box(id=2, keypoints=none)]
        put(source, 'train', content(annotations=objects, categories=kinds))
        coco_to_fmc(source, out, name='ends', task_type='landmark')
        assert items(out, 'train')[0]['points'] == [None, [30, 40]]
        (message,) = messages
        assert '1 keypoints of visibility 0, which are not labelled' in message
        assert '1 objects without a labelled keypoint left out' in message
        fmc_to_coco(out, out.parent / 'back')
        (file,) = (out.parent / 'back').rglob('*.json')
        (found,) = json.loads(file.read_text())['annotations']
        assert found['keypoints'] == [0, 0, 0, 30, 40, 2]
        assert (found['num_keypoints'], found['bbox'], found['area']) == (1, [30, 40, 0, 0], 0)

    @pytest.mark.parametrize('names', [['left', 'top'], ['left'], ['left', 'right', 'top']])
    def test_other_keypoints(self, source, out, names):
        for split, of_split in (('train', ['left', 'right']), ('val', names)):
            kinds = [dict(id=7, name='femur', keypoints=of_split)]
            item = box(keypoints=[1, 2, 2] * len(of_split))
            put(source, split, content(annotations=[item], categories=kinds))
        with pytest.raises(DataError, match=r'_val\.json: keypoints are .*by .*instances_train\.json: (top|right)'):
            coco_to_fmc(source, out, name='ends', task_type='landmark')

    def test_a_file_that_describes_its_task_otherwise(self, source, out):
        for split, points in (('train', ['a', 'b']), ('val', ['b', 'a'])):
            kinds = [dict(id=7, name='ends', keypoints=points)]
            data = content(annotations=[box(keypoints=[1, 2, 2] * 2)], categories=kinds)
            data['info'] = dict(aurora_mm_task=dict(name='ends', type='landmark', points=points))
            put(source, split, data)
        with pytest.raises(DataError, match=r"_val\.json: describes task 'ends' otherwise than .*_train\.json"):
            coco_to_fmc(source, out)

    @pytest.mark.parametrize(
        'task', [5, {}, dict(name='../x', type='detection', classes=['a']), dict(name='a', type='x')]
    )
    def test_a_file_that_describes_no_task(self, source, out, task):
        put(source, 'train', content() | dict(info=dict(aurora_mm_task=task)))
        with pytest.raises(ConfigError, match=r'instances_train\.json: '):
            coco_to_fmc(source, out)
        assert not out.exists()

    @pytest.mark.parametrize('categories', [[], [dict(id=7, name='a'), dict(id=8, name='b')], [dict(id=7, name='a')]])
    def test_points_of_no_or_several_categories(self, source, out, categories):
        put(source, 'train', content(annotations=[], categories=categories))
        with pytest.raises(DataError, match=r'there is no category|2 categories|names no keypoints'):
            coco_to_fmc(source, out, name='ends', task_type='landmark')


class TestImages:
    def test_names_that_differ_in_their_suffix_alone(self, source, out):
        """The second mask overwrote the first."""
        images = [image(1, 'a.png'), image(2, 'a.jpg'), image(3, 'b/a.png')]
        shapes = [SQUARE], OTHER, [SQUARE]
        annotations = [box(id=i, image_id=i, segmentation=s) for i, s in zip((1, 2, 3), shapes, strict=True)]
        put(source, 'train', content(images, annotations))
        coco_to_fmc(source, out, **SEGMENTATION)
        found = {item['image_path']: mask_of(item) for item in items(out, 'train')}
        assert len({item['seg_map_path'] for item in items(out, 'train')}) == 3
        assert found['../a.png'][12:24, 16:32].all()
        assert found['../a.png'].sum() == found['../b/a.png'].sum() == 192
        assert found['../a.jpg'][30:34, 40:44].all()
        assert found['../a.jpg'].sum() == 16

    @pytest.mark.parametrize('link', [False, True])
    def test_a_mask_path_that_is_an_image_path(self, source, out, link):
        """With links, the mask went through the link into the user's own image."""
        put(source, 'train', content([image(mask_path='../a.png')], [box(segmentation=[SQUARE])]))
        before = files_under(source)
        with pytest.raises(DataError, match=r"the mask of .*a\.png for 'lump' and .*a\.png would both become a\.png"):
            coco_to_fmc(source, out, link=link, **SEGMENTATION)
        assert files_under(source) == before
        assert not out.exists()

    @pytest.mark.parametrize('link', [False, True])
    @pytest.mark.parametrize(
        ('first', 'second'),
        [
            (dict(name='a.png', mask_path='../m.png'), dict(name='b.png', mask_path='../m.png')),
            (dict(name='a.png', mask_path='../b.png'), dict(name='b.png', mask_path='../m.png')),
            (dict(name='a.png', mask_path='../b.png/m.png'), dict(name='b.png', mask_path='../m.png')),
            (dict(name='a.png', mask_path='../csv_files/lump.csv'), dict(name='b.png')),
            (dict(name='csv_files/a.csv.png'), dict(name='b.png')),
        ],
    )
    def test_two_files_that_would_be_one(self, source, out, link, first, second):
        images = [image(1, **first), image(2, **second)]
        put(source, 'train', content(images, [box(id=i, image_id=i, segmentation=[SQUARE]) for i in (1, 2)]))
        before = files_under(source)
        with pytest.raises(DataError, match=r'would become|would both become|lies in csv_files'):
            coco_to_fmc(source, out, link=link, **SEGMENTATION)
        assert files_under(source) == before
        assert not out.exists()

    @pytest.mark.parametrize('link', [False, True])
    def test_a_source_that_is_a_link(self, source, out, tmp_path, link):
        """The file behind it is left as it is, and links lead to it."""
        put(source, 'train', content(annotations=[box(segmentation=[SQUARE])]))
        real = tmp_path / 'elsewhere.png'
        (source / 'images/train/a.png').rename(real)
        (source / 'images/train/a.png').symlink_to(real)
        before = real.read_bytes()
        coco_to_fmc(source, out, link=link, **SEGMENTATION)
        assert real.read_bytes() == before
        assert (out / 'train/a.png').is_symlink() is link
        assert (out / 'train/a.png').resolve() == (real if link else out / 'train/a.png').resolve()

    @pytest.mark.parametrize('task', [DETECTION, SEGMENTATION])
    @pytest.mark.parametrize('size', [dict(height=WIDTH, width=HEIGHT), dict(height=96, width=128)])
    def test_a_size_that_is_not_the_file_s(self, source, out, task, size):
        put(source, 'train', content([image(**size)], [box(segmentation=[SQUARE])]))
        with pytest.raises(DataError, match=r'images\[0\]: image .*a\.png has .* \(48, 64\), but is listed'):
            coco_to_fmc(source, out, **task)

    def test_an_image_that_is_stored_turned(self, source, out):
        put(source, 'train', content([image(name='a.jpg')]))
        exif = Image.Exif()
        exif[0x0112] = 3
        Image.new('L', (WIDTH, HEIGHT)).save(source / 'images/train/a.jpg', exif=exif)
        with pytest.raises(DataError, match=r'a\.jpg is stored in orientation 3 by its EXIF data'):
            coco_to_fmc(source, out, **DETECTION)

    def test_a_file_that_is_no_image(self, source, out):
        put(source, 'train', content())
        (source / 'images/train/a.png').write_bytes(b'no image')
        with pytest.raises(DataError, match=r'images\[0\]: image .*a\.png cannot be read'):
            coco_to_fmc(source, out, **DETECTION)

    def test_one_image_in_two_files_of_a_split(self, source, out):
        put(source, 'train2014', content())
        put(source, 'train2017', content())
        with pytest.raises(DataError, match=r"a\.png stands in the data of task 'lump' twice"):
            coco_to_fmc(source, out, **DETECTION)

    def test_a_file_without_images(self, source, out):
        put(source, 'train', content([], []))
        with pytest.raises(DataError, match='lists no image'):
            coco_to_fmc(source, out, **DETECTION)


class TestObjects:
    """Which boxes count, and what is done with images that have not one."""

    def convert(self, source, out, annotations, **kwargs):
        images = [image(i, f'{i}.png') for i in (1, 2, 3)]
        put(source, 'train', content(images, annotations))
        coco_to_fmc(source, out, **DETECTION, **kwargs)
        return {item['image_path']: item['bbox'] for item in items(out, 'train')}

    def test_crowds_and_ignored_objects_are_left_out(self, source, out):
        """They became ordinary boxes."""
        annotations = [box(id=i, image_id=i) for i in (1, 2, 3)]
        annotations += [box(0, 0, 5, 5, id=4, image_id=1, iscrowd=1), box(0, 0, 5, 5, id=5, image_id=2, ignore=1)]
        found = self.convert(source, out, annotations)
        assert list(found.values()) == [[8, 10, 24, 20]] * 3

    @pytest.mark.parametrize('area', [0, -1, None])
    def test_a_box_of_area_0_is_a_box(self, source, out, area):
        found = self.convert(source, out, [box(id=i, image_id=i, area=area) for i in (1, 2, 3)])
        assert len(found) == 3

    def test_what_hangs_over_is_cut_so_that_it_can_be_read(self, source, out):
        found = self.convert(source, out, [box(-4, 40, 16, 30, id=i, image_id=i) for i in (1, 2, 3)])
        assert list(found.values()) == [[0, 40, 12, HEIGHT]] * 3

    @pytest.mark.parametrize('bbox', [[8, 10, 0, 10], [8, 10, -5, 10], [100, 10, 5, 5]])
    def test_an_empty_box_is_refused(self, source, out, bbox):
        annotations = [box(id=1, image_id=1), box(id=2, image_id=2, bbox=bbox), box(id=3, image_id=3)]
        with pytest.raises(DataError, match=r'annotations\[1\]: bbox .* (is empty|lies outside)'):
            self.convert(source, out, annotations)

    def test_images_with_no_or_several_boxes(self, source, out):
        annotations = [box(id=1, image_id=1), box(1, 2, 3, 4, id=2, image_id=2), box(5, 6, 7, 8, id=3, image_id=2)]
        with pytest.raises(
            DataError, match=r"images\[1\]: image '2.png' has 2 annotations; .*--objects.*multi_object_detection"
        ):
            self.convert(source, out, annotations)
        assert self.convert(source, out, annotations, objects='single') == {'../1.png': [8, 10, 24, 20]}
        found = self.convert(source, out.with_name('other'), annotations, objects='largest')
        assert found == {'../1.png': [8, 10, 24, 20], '../2.png': [5, 6, 12, 14]}

    def test_an_unknown_rule(self, source, out):
        with pytest.raises(ConfigError, match="objects must be one of one, single, largest, not 'several'"):
            coco_to_fmc(source, out, objects='several')

    def test_no_image_is_left(self, source, out):
        with pytest.raises(DataError, match='no image is left: 3 images with no annotation left out'):
            self.convert(source, out, [], objects='single')

    def test_boxes_of_several_categories(self, source, out):
        kinds = [dict(id=7, name='a'), dict(id=8, name='b')]
        put(source, 'train', content(categories=kinds))
        with pytest.raises(DataError, match=r'2 categories \(a, b\); a detection task has boxes of one class'):
            coco_to_fmc(source, out, **DETECTION)


class TestMasks:
    def test_an_image_without_annotations_is_background(self, source, out):
        put(source, 'train', content(annotations=[]))
        coco_to_fmc(source, out, **SEGMENTATION)
        assert not mask_of(items(out, 'train')[0]).any()

    def test_a_crowd_is_pixels_of_its_class(self, source, out):
        put(source, 'train', content(annotations=[box(segmentation=[SQUARE], iscrowd=1)]))
        coco_to_fmc(source, out, **SEGMENTATION)
        assert mask_of(items(out, 'train')[0]).sum() == 192

    def test_ignored_pixels_have_no_place(self, source, out):
        put(source, 'train', content(annotations=[box(segmentation=[SQUARE], ignore=1)]))
        with pytest.raises(DataError, match=r'annotations\[0\]: ignore is 1, but the masks here have no value'):
            coco_to_fmc(source, out, **SEGMENTATION)


def test_a_category_called_background_is_refused(source, out):
    put(source, 'train', content(categories=[dict(id=7, name='background')]))
    with pytest.raises(ConfigError, match=r'instances_train\.json: .*twice'):
        coco_to_fmc(source, out, **SEGMENTATION)


def test_the_id_of_an_image_as_text_gives_no_empty_masks(source, out):
    data = content(annotations=[box(image_id='3', segmentation=[SQUARE])])
    put(source, 'train', data)
    with pytest.raises(DataError, match=r"annotations\[0\]: image_id '3' is the id of no image; there is 3"):
        coco_to_fmc(source, out, **SEGMENTATION)
    data['images'][0]['id'] = '3'
    (source / 'annotations/instances_train.json').write_text(json.dumps(data))
    coco_to_fmc(source, out, **SEGMENTATION)
    assert mask_of(items(out, 'train')[0]).sum() == 192
