"""What the import refuses, options, a described layout, and the command."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.cli.main import main
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing import ImportOptions, find_tasks, write_tasks
from aurora_mm.importing.pairs import is_mask_name, key_of
from aurora_mm.importing.task_names import task_name
from aurora_mm.tasks import Task
from tests.importing import trees


def refused(root, message, **options):
    with pytest.raises((DataError, ConfigError), match=message):
        _, found = find_tasks(root, ImportOptions(**options))
        write_tasks(found, root.parent / 'out')
    assert not (root.parent / 'out').exists()


@pytest.fixture
def src(tmp_path):
    (tmp_path / 'src').mkdir()
    return tmp_path / 'src'


class TestRefusals:
    def test_an_unknown_tree_gets_a_template(self, src):
        trees.text(src / 'notes' / 'a.docx', 'x')
        trees.save(src / 'scans' / 'a.png', trees.picture(0))
        with pytest.raises(
            DataError, match=r'(?s)no way that is known.*notes/: 1 x \.docx.*scans/: 1 x \.png.*"images"'
        ):
            find_tasks(src)

    def test_nothing(self, src, tmp_path):
        refused(src, 'there is no file in this folder')
        refused(tmp_path / 'none', 'is no folder')

    @pytest.mark.parametrize(
        'names', [('malignant', 'Malignant'), ('no lesion', 'no_lesion'), ('1', '01'), ('b\u00e9nin', 'be\u0301nin')]
    )
    def test_classes_that_are_spelt_almost_alike(self, src, names):
        for split, name in zip(('train', 'val'), names, strict=True):
            for kind in ('benign', name):
                trees.save(src / split / kind / '1.png', trees.picture(0))
        refused(
            src, r"classes '.*' and '.*' of task 'src' differ in capitals, spaces, signs, zeros or the form of their"
        )

    def test_masks_of_0_and_255_need_a_word(self, src):
        trees.ddti(src)
        refused(src, r'the values 0 255, which are no class indices; .*--mask-values 0 255')

    def test_a_mask_value_that_is_no_class(self, src):
        trees.mmseg(src)
        trees.save(src / 'ann_dir' / 'val' / '2.png', trees.mask(7))
        refused(
            src, r'2\.png: this mask has other values|this mask has the values 0 7', classes=('background', 'a', 'b')
        )

    def test_an_image_without_a_mask_and_a_mask_without_an_image(self, src):
        trees.masks_beside(src)
        (src / 'scan1_mask.png').rename(src / 'scan9_mask.png')
        refused(src, r'scan9_mask\.png: this mask has no image')
        (src / 'scan9_mask.png').unlink()
        refused(src, r'scan1\.png: this image has no mask')

    def test_two_images_of_one_name(self, src):
        trees.masks_beside(src)
        trees.save(src / 'scan1.jpg', trees.picture(5))
        refused(src, r'have one name')

    def test_images_outside_of_the_splits(self, src):
        trees.split_class_folders(src)
        trees.save(src / 'b' / '9.png', trees.picture(1))
        refused(src, r'9\.png: lies in no split, but other images are split into train, val')

    def test_yolo_lines(self, src):
        trees.yolo(src)
        (src / 'data.yaml').unlink()
        trees.text(src / 'labels' / 'train' / '1.txt', '0 30 20 24 20\n')
        refused(src, r'1\.txt, row 1: .* is not normalised')
        trees.text(src / 'labels' / 'train' / '1.txt', '0 .5\n')
        refused(src, r'1\.txt, row 1: .* is no line of class, x, y, width and height')
        trees.text(src / 'labels' / 'train' / '1.txt', '1 .5 .5 .1 .1\n')
        with pytest.raises(DataError, match=r'boxes are of 2 classes \(0, 1\).*--classes NAME takes all as one'):
            find_tasks(src, ImportOptions(objects='largest'))

    def test_several_boxes(self, src, tmp_path):
        trees.yolo(src)
        label = src / 'labels' / 'train' / '1.txt'
        label.write_text(label.read_text() + '0 .8 .8 .05 .05\n')
        with pytest.raises(DataError, match=r'1\.txt: has 2 boxes, not one; --objects all'):
            write_tasks(find_tasks(src, ImportOptions(objects='one'))[1], tmp_path / 'one')
        write_tasks(find_tasks(src, ImportOptions(objects='single'))[1], tmp_path / 'single')
        assert len(FMCUIADataset(str(tmp_path / 'single'), 'train', test_mode=True)) == 2
        write_tasks(find_tasks(src, ImportOptions(objects='largest'))[1], tmp_path / 'largest')
        boxes = [row['bbox'] for row in FMCUIADataset(str(tmp_path / 'largest'), 'train').load_data_list()]
        np.testing.assert_allclose(boxes, [trees.BOX] * 3, atol=1e-3)

    def test_all_boxes(self, src, tmp_path):
        trees.yolo(src)
        (src / 'data.yaml').unlink()
        label = src / 'labels' / 'train' / '1.txt'
        label.write_text(label.read_text() + '2 .8 .8 .05 .05\n')
        (src / 'labels' / 'train' / '2.txt').write_text('')
        ((item,),) = [find_tasks(src, ImportOptions())[1]]
        assert item.task.type == 'multi_object_detection'
        assert item.task.classes == ('class_0', 'class_1', 'class_2')
        write_tasks([item], tmp_path / 'all')
        rows = FMCUIADataset(str(tmp_path / 'all'), 'train').load_data_list()
        assert [row['bboxes_labels'] for row in rows] == [[0], [0, 2], []]
        np.testing.assert_allclose(rows[1]['bboxes'][0], trees.BOX, atol=1e-3)
        for names in (('nodule', 'cyst', 'node'), ('lesion',)):
            (item,) = find_tasks(src, ImportOptions(classes=names))[1]
            assert item.task.classes == names
        with pytest.raises(ConfigError, match='the boxes have classes 0 to 2, but 2 names were given'):
            find_tasks(src, ImportOptions(classes=('a', 'b')))

    def test_all_boxes_of_coco_files(self, src, tmp_path):
        trees.roboflow_coco(src)
        file = src / 'valid' / '_annotations.coco.json'
        content = json.loads(file.read_text())
        content['categories'].append(dict(id=9, name='cyst'))
        content['annotations'][0] |= dict(category_id=9, image_id=2)
        file.write_text(json.dumps(content))
        train = src / 'train' / '_annotations.coco.json'
        train.write_text(json.dumps(json.loads(train.read_text()) | dict(categories=content['categories'])))
        (item,) = find_tasks(src)[1]
        assert (item.task.type, item.task.classes) == ('multi_object_detection', ('nodule', 'cyst'))
        write_tasks([item], tmp_path / 'all')
        rows = FMCUIADataset(str(tmp_path / 'all'), 'val').load_data_list()
        assert [row['bboxes_labels'] for row in rows] == [[], [0], [1, 0]]
        content['annotations'][0]['category_id'] = 3
        file.write_text(json.dumps(content | dict(categories=content['categories'][:1])))
        train.write_text(json.dumps(json.loads(train.read_text()) | dict(categories=content['categories'][:1])))
        (item,) = find_tasks(src, ImportOptions(objects='single'))[1]
        write_tasks([item], tmp_path / 'single')
        assert item.task.type == 'detection'
        assert len(FMCUIADataset(str(tmp_path / 'single'), 'val').load_data_list()) == 1

    def test_all_boxes_of_labelme_files(self, src, tmp_path):
        trees.labelme(src)
        content = json.loads((src / '1.json').read_text())
        content['shapes'].append(dict(label='other', shape_type='rectangle', points=[[1, 2], [9, 8]]))
        (src / '1.json').write_text(json.dumps(content))
        (item,) = [item for item in find_tasks(src)[1] if item.task.name.endswith('rectangle')]
        assert (item.task.type, item.task.classes) == ('multi_object_detection', ('lesion', 'other'))
        write_tasks([item], tmp_path / 'all')
        rows = FMCUIADataset(str(tmp_path / 'all'), 'all').load_data_list()
        assert [row['bboxes_labels'] for row in rows] == [[0], [0, 1], [0]]
        assert rows[1]['bboxes'][1] == [1, 2, 9, 8]

    def test_named_classes_of_boxes(self, src, tmp_path):
        trees.pascal_voc(src)
        file = src / 'Annotations' / '1.xml'
        file.write_text(file.read_text().replace('<name>', '<name>other ', 1))
        (item,) = find_tasks(src)[1]
        other = next(name for name in item.task.classes if name.startswith('other'))
        assert item.task.type == 'multi_object_detection'
        write_tasks([item], tmp_path / 'out')
        labels = [
            r['bboxes_labels']
            for s in ('train', 'val')
            for r in FMCUIADataset(str(tmp_path / 'out'), s).load_data_list()
        ]
        assert sum(label == [item.task.classes.index(other)] for label in labels) == 1
        with pytest.raises(ConfigError, match=f'the boxes are of class .*, which is none of {other}, x'):
            find_tasks(src, ImportOptions(classes=(other, 'x')))

    def test_labelme_files(self, src):
        trees.labelme(src)
        content = json.loads((src / '1.json').read_text())
        content['shapes'][2]['label'] = 'middle'
        (src / '1.json').write_text(json.dumps(content))
        refused(src, r'\.json: has the points \[.*\], not \[')
        content['shapes'][2]['shape_type'] = 'line'
        (src / '1.json').write_text(json.dumps(content))
        refused(src, r"1\.json: has shapes of type \['line'\]")
        content['imageHeight'] = None
        (src / '1.json').write_text(json.dumps(content))
        refused(src, r'1\.json: is no file of LabelMe')

    def test_a_labelme_file_beside_two_images(self, src):
        trees.labelme(src)
        trees.save(src / '1.jpg', trees.picture(8))
        refused(src, r'1\.json: may be of 1\.jpg or of 1\.png; remove one')

    def test_a_class_that_the_list_of_names_lacks(self, src):
        trees.yolo(src)
        trees.text(src / 'labels' / 'val' / '1.txt', '3 .5 .5 .1 .1\n')
        refused(src, r'1\.txt: has the class 3, but data\.yaml names 1: nodule')

    @pytest.mark.parametrize('names', ['names: nodule\n', 'names: {1: nodule}\n', 'names: [\n', '- nodule\n'])
    def test_a_list_of_names_that_is_none(self, src, names):
        trees.yolo(src)
        trees.text(src / 'data.yaml', names)
        refused(src, r'data\.yaml: (names must list a name for each class|is no YAML file)')


@pytest.mark.parametrize(
    ('file', 'content'),
    [
        ('data.yaml', 'names: [cyst, nodule]\n'),
        ('data.yaml', 'nc: 2\nnames:\n  1: nodule\n  0: cyst\n'),
        ('labels/classes.txt', 'cyst\r\nnodule\r\n'),
        ('obj.names', 'cyst\nnodule\n'),
    ],
)
def test_yolo_classes_have_the_names_of_their_list(src, tmp_path, file, content):
    trees.yolo(src)
    (src / 'data.yaml').unlink()
    trees.text(src / file, content)
    trees.text(src / 'labels' / 'val' / '1.txt', '1 .5 .5 .1 .1\n')
    (found,) = find_tasks(src)[1]
    assert (found.task.type, found.task.classes) == ('multi_object_detection', ('cyst', 'nodule'))
    write_tasks([found], tmp_path / 'out')
    labels = [row['bboxes_labels'] for row in FMCUIADataset(str(tmp_path / 'out'), 'val').load_data_list()]
    assert labels == [[0], [1], [0]]
    assert find_tasks(src, ImportOptions(classes=('any',)))[1][0].task.classes == ('any',)
    trees.text(src / 'labels' / 'val' / '1.txt', '0 .5 .5 .1 .1\n')
    (found,) = find_tasks(src)[1]
    assert (found.task.type, found.task.classes) == ('detection', ('cyst',))


def test_a_polygon_of_labelme_covers_the_pixels_within_it(src, tmp_path):
    """Nothing of the pixels beyond its edge, which would make a small structure a fifth larger."""
    trees.labelme(src, 1)
    content = json.loads((src / '0.json').read_text())
    triangle = [[40.0, 5.0], [55.0, 5.0], [40.0, 35.0]]
    content['shapes'].append(dict(label='plane', shape_type='polygon', points=triangle))
    (src / '0.json').write_text(json.dumps(content))
    (item,) = [item for item in find_tasks(src)[1] if item.task.type == 'segmentation']
    mask = item.rows[0].answer()['mask']
    np.testing.assert_array_equal(mask == 1, trees.mask() == 1)
    y, x = np.mgrid[: trees.HEIGHT, : trees.WIDTH] + 0.5
    within = (x >= 40) & (y >= 5) & (2 * (x - 40) + (y - 5) <= 30)
    assert abs((mask == 2).sum() - within.sum()) <= 10
    assert ((mask == 2) == within)[np.abs(2 * (x - 40) + (y - 5) - 30) > 2].all()


def test_files_of_voc_belong_to_the_images_beside_them(src, tmp_path):
    """Frames have the same names in all splits, and one of them is not labelled."""
    trees.pascal_voc(src / 'train')
    trees.pascal_voc(src / 'val')
    for folder in (src / 'train' / 'ImageSets', src / 'val' / 'ImageSets'):
        shutil.rmtree(folder)
    (src / 'val' / 'Annotations' / '1.xml').unlink()
    write_tasks(find_tasks(src)[1], tmp_path / 'out')
    names = {
        split: sorted(row['image_path'] for row in FMCUIADataset(str(tmp_path / 'out'), split).load_data_list())
        for split in ('train', 'val')
    }
    assert names['train'] == [f'../train/JPEGImages/{i}.jpg' for i in range(6)]
    assert names['val'] == [f'../val/JPEGImages/{i}.jpg' for i in (0, 2, 3, 4, 5)]


@pytest.mark.parametrize('layout', ['cvat_coco', 'label_studio_coco'])
def test_crowds_and_ignored_objects_that_are_left_out_are_told(src, layout, tmp_path, monkeypatch):
    """A mask holds a crowd, a task of boxes does not."""
    messages = []
    monkeypatch.setattr(
        'aurora_mm.converters.coco_answers.print_log', lambda message, logger, level: messages.append(message)
    )
    getattr(trees, layout)(src)
    write_tasks(find_tasks(src)[1], tmp_path / 'out')
    assert messages == []
    file = next(src.rglob('*.json'))
    content = json.loads(file.read_text())
    flags = ('iscrowd', 'iscrowd', 'ignore') if layout == 'cvat_coco' else ('iscrowd', 'iscrowd')
    content['annotations'] += [content['annotations'][0] | dict(id=90 + i, **{flag: 1}) for i, flag in enumerate(flags)]
    file.write_text(json.dumps(content))
    write_tasks(find_tasks(src)[1], tmp_path / 'out2')
    expected = [f'{file}: 2 crowds left out, 1 ignored objects left out'] if layout == 'cvat_coco' else []
    assert messages == expected


def test_images_without_points_have_no_row_in_a_landmark_task(src, tmp_path, monkeypatch):
    """As where polygons were drawn in all images, and points in some."""
    messages = []
    monkeypatch.setattr('aurora_mm.importing.tree.print_log', lambda text, **_: messages.append(text))
    trees.labelme(src)
    find_tasks(src)
    assert messages == []
    file = src / '1.json'
    content = json.loads(file.read_text())
    content['shapes'] = [shape for shape in content['shapes'] if shape['shape_type'] != 'point']
    file.write_text(json.dumps(content))
    written = write_tasks(find_tasks(src)[1], tmp_path / 'out')
    assert {name.rpartition('_')[2]: count for name, count in written.items()} == dict(point=2, polygon=3, rectangle=3)
    assert messages == [f'{src}: 1 images without any point are left out of the landmark task']


def test_points_that_some_labelme_files_do_not_have(src, tmp_path, monkeypatch):
    """They may be misspelt, so that they are read only where the user says so, and told."""
    messages = []
    monkeypatch.setattr('aurora_mm.importing.tree.print_log', lambda text, **_: messages.append(text))
    trees.labelme(src)
    file = src / '1.json'
    content = json.loads(file.read_text())
    content['shapes'] = [shape for shape in content['shapes'] if shape['label'] != 'left']
    file.write_text(json.dumps(content))
    refused(src, r"1\.json: has the points \['right'\], not \['left', 'right'\]; --missing-points takes images without")
    write_tasks(find_tasks(src, ImportOptions(missing_points=True))[1], tmp_path / 'out')
    rows = [row for row in FMCUIADataset(str(tmp_path / 'out'), 'all').load_data_list() if row['task'] == 'src_point']
    x1, y1, x2, y2 = trees.BOX
    assert [row['points'] for row in rows] == [[[x1, y1], [x2, y2]], [None, [x2, y2]], [[x1, y1], [x2, y2]]]
    assert messages == [f"{src}: points are missing in some of 3 images: 'left' in 1"]


def test_voc_counts_from_1_unless_a_box_begins_at_0(src, tmp_path):
    trees.pascal_voc(src)
    file = src / 'Annotations' / '1.xml'
    file.write_text(file.read_text().replace(f'<xmin>{trees.BOX[0] + 1}', '<xmin>0'))
    write_tasks(find_tasks(src)[1], tmp_path / 'out')
    boxes = [row['bbox'] for row in FMCUIADataset(str(tmp_path / 'out'), 'val').load_data_list()]
    np.testing.assert_allclose(boxes[0], np.add(trees.BOX, (1, 1, 0, 0)))


def test_a_table_beside_masks_is_told(src, monkeypatch):
    messages = []
    monkeypatch.setattr('aurora_mm.importing.tree.print_log', lambda text, **_: messages.append(text))
    trees.masks_beside(src)
    find_tasks(src)
    assert messages == []
    trees.text(src / 'patients.csv', 'image,patient\n')
    find_tasks(src)
    assert messages == [
        f'{src}: patients.csv: not read; if it holds labels, patients or splits, --map reads them (docs/data.md)'
    ]


class TestMaskValues:
    """Classes that stand in masks as colours, or as values of 16 bits."""

    COLOURS = ('#000000', '#ff0000', '#0000fF')  # background, red, blue

    def write(self, src, dtype=np.uint8):
        """Pairs of an image and a mask of two classes, and the class indices of the mask."""
        indices = trees.mask(1)
        indices[-4:, -6:] = 2
        colours = np.array([(0, 0, 0), (0, 0, 255), (255, 0, 0)], dtype)  # BGR
        for i in range(2):
            trees.save(src / 'images' / f'{i}.png', trees.picture(i))
            trees.save(src / 'masks' / f'{i}.png', colours[indices])
        return indices

    def masks(self, src, out, **options):
        write_tasks(find_tasks(src, ImportOptions(**options))[1], out)
        rows = FMCUIADataset(str(out), 'all', test_mode=True).load_data_list()
        return [cv2.imread(row['seg_map_path'], cv2.IMREAD_UNCHANGED) for row in rows]

    def test_colours(self, src, tmp_path):
        indices = self.write(src)
        for mask in self.masks(src, tmp_path / 'out', mask_values=self.COLOURS):
            np.testing.assert_array_equal(mask, indices)

    def test_colours_of_a_palette_and_on_a_transparent_background(self, src, tmp_path):
        indices = self.write(src)
        palette = Image.fromarray(indices)
        palette.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
        palette.save(src / 'masks' / '0.png')
        alpha = np.zeros((*indices.shape, 4), np.uint8)
        alpha[indices == 1], alpha[indices == 2] = (255, 0, 0, 120), (0, 0, 255, 120)
        Image.fromarray(alpha).save(src / 'masks' / '1.png')
        for mask in self.masks(src, tmp_path / 'out', mask_values=self.COLOURS):
            np.testing.assert_array_equal(mask, indices)

    def test_16_bits(self, src, tmp_path):
        for i in range(2):
            trees.save(src / 'images' / f'{i}.png', trees.picture(i))
            trees.save(src / 'masks' / f'{i}.png', trees.mask(1).astype(np.uint16) * 65535)
        with pytest.raises(DataError, match=r'0\.png: this mask has values such as 65535, .*--mask-values 0 \.\.\.'):
            find_tasks(src)
        for mask in self.masks(src, tmp_path / 'out', mask_values=(0, 65535)):
            np.testing.assert_array_equal(mask, trees.mask(1))

    def test_by_the_command_and_by_a_map(self, src, tmp_path):
        indices = self.write(src)
        main(['import-data', str(src), str(tmp_path / 'a'), '--mask-values', *self.COLOURS])
        item = dict(name='a', type='segmentation', classes=['background', 'x', 'y'], mask_values=list(self.COLOURS))
        trees.text(tmp_path / 'map.json', json.dumps([item | dict(images='images/{id}.png', masks='masks/{id}.png')]))
        main(['import-data', str(src), str(tmp_path / 'b'), '--map', str(tmp_path / 'map.json')])
        for out in ('a', 'b'):
            (file, *_) = sorted((tmp_path / out).rglob('mask/**/0.png'))
            np.testing.assert_array_equal(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), indices)

    def test_what_is_refused(self, src):
        self.write(src)
        refused(src, r"0\.png: this mask is a colour image; .*--mask-values '#000000' '#ff0000'")
        refused(src, '0.png: this mask has the colours #0000ff besides #000000 #ff0000', mask_values=self.COLOURS[:2])
        refused(src, "the mask value 'red' is no number from 0 on and no colour", mask_values=('#000000', 'red'))
        refused(src, 'must all be numbers or all be colours', mask_values=(0, '#ff0000'))
        refused(src, 'the mask value -1 is no number from 0 on', mask_values=(0, -1))


def test_jpeg_masks_go_by_the_nearest_value(src, tmp_path):
    trees.tn3k(src)
    write_tasks(find_tasks(src)[1], tmp_path / 'out')
    row = FMCUIADataset(str(tmp_path / 'out'), 'train').load_data_list()[0]
    mask = cv2.imread(row['seg_map_path'], cv2.IMREAD_UNCHANGED)
    assert (mask == trees.mask(1)).mean() > 0.98
    grey = np.full((trees.HEIGHT, trees.WIDTH), 128, np.uint8)
    trees.save(src / 'trainval-mask' / '0001.jpg', grey)
    with pytest.raises(DataError, match=r'0001\.jpg: this mask has other values than \[0, 255\] in 100% of its pixels'):
        write_tasks(find_tasks(src)[1], tmp_path / 'out2')


class TestMap:
    ITEMS = (
        dict(name='lesion', type='segmentation', classes=['background', 'lesion'], images='{split}/scans/{id}.png',
             masks='{split}/outlines/{id}_m.png', mask_values=[0, 255]),
        dict(name='finding', type='classification', classes=['benign', 'malignant'],
             images='*/{class}/{group}_{id}.png'),
    )  # fmt: skip

    @pytest.fixture
    def tree(self, src):
        for split in ('training', 'val'):
            for i in range(2):
                trees.save(src / split / 'scans' / f's{i}.png', trees.picture(i))
                trees.save(src / split / 'outlines' / f's{i}_m.png', trees.mask(255))
        return src

    def test_masks(self, tree, tmp_path):
        trees.text(tmp_path / 'map.json', json.dumps(self.ITEMS[:1]))
        layout, found = find_tasks(tree, mapping=tmp_path / 'map.json')
        assert layout.name == 'described by a file'
        write_tasks(found, tmp_path / 'out')
        row = FMCUIADataset(str(tmp_path / 'out'), 'train').load_data_list()[1]
        np.testing.assert_array_equal(cv2.imread(row['seg_map_path'], -1), trees.mask(1))

    def test_classes_and_groups(self, src, tmp_path):
        for kind in ('benign', 'malignant'):
            for i in range(2):
                trees.save(src / 'sorted' / kind / f'p{i}_7.png', trees.picture(i))
        trees.text(tmp_path / 'map.json', json.dumps(self.ITEMS[1:]))
        (found,) = find_tasks(src, mapping=tmp_path / 'map.json')[1]
        assert [(row.group, row.answer()['gt_label']) for row in found.rows] == [
            ('p0', 0),
            ('p1', 0),
            ('p0', 1),
            ('p1', 1),
        ]

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (dict(images=None), "needs a pattern 'images'"),
            (dict(masks='outlines/a.png'), r"needs a pattern 'masks' that holds \{id\}, not 'outlines/a\.png'"),
            (dict(type='landmark', classes=(), points=['a']), 'a task of type landmark has no masks'),
            (dict(group='patient'), "'group' has no effect here"),
            (dict(mask_values=[0]), 'must be different numbers, one for each class'),
            (dict(mask_values=[0, 0]), 'must be different numbers'),
            (dict(mask_values=['0', '255']), 'must be different numbers'),
            (dict(mask_values=[0, 0.5]), 'must be different numbers'),
            (dict(images='none/{id}.png'), 'no file fits the pattern'),
            (dict(masks='{split}/none/{id}.png'), 'this image has no mask'),
            (dict(mask_values=[0, 1]), r'this mask has values \[255\] besides \[0, 1\]'),
            (dict(kind='x'), "has fields .*'kind'"),
        ],
    )
    def test_mistakes(self, tree, tmp_path, change, message):
        trees.text(tmp_path / 'map.json', json.dumps([self.ITEMS[0] | change]))
        with pytest.raises((ConfigError, DataError), match=message):
            write_tasks(find_tasks(tree, mapping=tmp_path / 'map.json')[1], tmp_path / 'out')

    @pytest.mark.parametrize('content', ['', '{}', '[]', '[1]', '__import__("os")'])
    def test_files_that_describe_nothing(self, tree, tmp_path, content):
        trees.text(tmp_path / 'map.json', content)
        with pytest.raises(ConfigError, match=r'map\.json'):
            find_tasks(tree, mapping=tmp_path / 'map.json')


class TestCommand:
    def test_it_shows_and_writes(self, src, tmp_path, capsys):
        trees.ddti(src)
        arguments = [str(src), str(tmp_path / 'out'), '--mask-values', '0', '255', '--classes', 'background', 'nodule']
        main(['import-data', *arguments, '--name', 'thyroid', '--dry-run'])
        assert 'thyroid' in capsys.readouterr().out
        assert not (tmp_path / 'out').exists()
        main(['import-data', *arguments, '--name', 'thyroid'])
        assert 'wrote' in capsys.readouterr().out
        tasks: dict = {}
        exec((tmp_path / 'out' / 'tasks.py').read_text(), tasks)
        assert Task.from_config(tasks['tasks'][0]) == Task('thyroid', 'segmentation', classes=('background', 'nodule'))

    def test_data_that_is_all_in_train_is_not_split(self, src, tmp_path, monkeypatch):
        told = []
        monkeypatch.setattr('aurora_mm.importing.import_data.print_log', lambda text, **_: told.append(text))
        trees.yolo(src)
        main(['import-data', str(src), str(tmp_path / 'both')])
        assert {path.name for path in (tmp_path / 'both').iterdir()} == {'tasks.py', 'train', 'val'}
        assert told == []
        shutil.rmtree(src / 'images' / 'val')
        shutil.rmtree(src / 'labels' / 'val')
        main(['import-data', str(src), str(tmp_path / 'out')])
        assert (tmp_path / 'out' / 'csv_files' / 'src.csv').is_file()
        assert told == [
            'all images are in the split train; they are taken as data that was not split, which training splits'
        ]

    def test_it_asks_about_left_and_right(self, src, tmp_path, capsys):
        trees.coco_landmarks(src)
        main(['import-data', str(src), str(tmp_path / 'out'), '--dry-run'])
        assert "add swaps=[('left', 'right')] to the task if" in capsys.readouterr().out

    def test_it_overwrites_nothing(self, src, tmp_path, capsys):
        trees.pocus(src)
        trees.text(tmp_path / 'out' / 'mine.txt', 'x')
        with pytest.raises(SystemExit):
            main(['import-data', str(src), str(tmp_path / 'out')])
        assert 'stands in the way' in capsys.readouterr().err
        assert (tmp_path / 'out' / 'mine.txt').read_text() == 'x'


@pytest.mark.parametrize(
    ('name', 'key'),
    [
        ('a_mask.png', 'a'),
        ('A-seg.nii.gz', 'a'),
        ('a_mask_1.png', 'a'),
        ('a_image.png', 'a'),
        ('masked.png', 'masked'),
    ],
)
def test_names_of_masks(name, key):
    from pathlib import PurePosixPath

    assert key_of(PurePosixPath(name)) == key
    assert is_mask_name(PurePosixPath(name)) == ('_mask' in name or 'seg' in name)


@pytest.mark.parametrize('text', ['', '  ', '...', 'Breast US (2020)', '_x', 'é', '0', 'a' * 300, '../..', 'type'])
def test_any_text_becomes_a_name(text):
    name = task_name(text)
    if text != 'type':  # a word that no task may have; the error says so
        Task(name, 'classification', classes=('a', 'b'))


def test_images_of_a_patient_stay_on_one_side(src, tmp_path):
    """The column `group` counts without a word: half of the heads have two images."""
    trees.hc18(src, 12)
    for i in range(1, 12):
        for end in ('', '_Annotation'):
            (src / 'training_set' / f'{i:03d}_2HC{end}.png').write_bytes(
                (src / 'training_set' / f'{i:03d}_HC{end}.png').read_bytes()
            )
    write_tasks(find_tasks(src)[1], tmp_path / 'out')
    sides = {}
    for split in ('train', 'val'):
        rows = FMCUIADataset(str(tmp_path / 'out'), split, ratios=dict(train=0.5, val=0.5)).load_data_list()
        sides[split] = {row['image_path'].split('/')[-1][:3] for row in rows}
    assert sides['train'] and sides['val'] and not sides['train'] & sides['val']
