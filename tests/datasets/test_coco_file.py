"""A COCO file is read as it is meant, or refused by file, entry and value."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools import mask as run_lengths

from aurora_mm.datasets.coco_file import CocoFile
from aurora_mm.datasets.coco_objects import box_of, points_of, region_of
from aurora_mm.errors import DataError
from tests.fixtures.coco_files import HEIGHT, SQUARE, WIDTH, box, content, image, write_coco

BAD_NAMES = (
    *(None, 5, '', '.', '..', '/a.png', '../a.png', 'a/../../b', '..\\a.png', 'a\0b', '\ud800', 'x' * 256, 'a/' * 900),
)


def read(tmp_path, data) -> CocoFile:
    file = tmp_path / 'x.json'
    file.write_text(data if isinstance(data, str) else json.dumps(data), encoding='utf-8', errors='surrogatepass')
    return CocoFile(file)


def refused(tmp_path, data, said: str) -> None:
    with pytest.raises(DataError, match=rf'x\.json: .*{said}'):
        read(tmp_path, data)


class TestJoins:
    def test_by_id_whatever_the_order(self, tmp_path):
        images = [image(5, 'b.png'), image(3, 'a.png'), image('x', 'c.png')]
        items = [box(id=9), box(id=4, image_id='x'), box(id=2)]
        coco = read(tmp_path, content(images, items))
        assert [item.file_name for item in coco.images] == ['b.png', 'a.png', 'c.png']
        assert [len(coco.objects_of(item)) for item in coco.images] == [0, 2, 1]
        assert coco.objects[0].category == 'nodule'

    def test_whole_numbers_written_as_floats(self, tmp_path):
        coco = read(tmp_path, content([image(3.0, height=48.0)], [box(image_id=3)]))
        assert len(coco.objects_of(coco.images[0])) == 1
        assert coco.images[0].height == 48

    def test_categories_in_the_order_of_their_ids(self, tmp_path):
        kinds = [dict(id=9, name=' cyst '), dict(id=2, name='nodule')]
        coco = read(tmp_path, content(annotations=[box(category_id=9)], categories=kinds))
        assert list(coco.categories) == ['nodule', 'cyst']
        assert coco.objects[0].category == 'cyst'

    def test_a_group_of_categories_without_annotations_is_left_out(self, tmp_path):
        """Roboflow writes it, of the same name even."""
        group = dict(id=0, name='nodule', supercategory='none')
        kind = dict(id=1, name='nodule', supercategory='nodule')
        coco = read(tmp_path, content(annotations=[box(category_id=1)], categories=[group, kind]))
        assert [kind.id for kind in coco.categories.values()] == [1]
        refused(
            tmp_path,
            content(annotations=[box(category_id=1), box(id=2, category_id=0)], categories=[group, kind]),
            "categories 0 and 1 have one name, 'nodule'",
        )


@pytest.mark.parametrize(
    ('data', 'said'),
    [
        ('', 'not a JSON file'),
        ('[]', 'holds a list, not an object'),
        ('5', 'holds a int, not an object'),
        ('{"images": []', 'not a JSON file'),
        ('[' * 100_000, 'not a JSON file'),
        ('{"a": ' * 50_000, 'not a JSON file'),
        ('{"images": [' + '9' * 5000 + ']}', 'not a JSON file'),
        ('{"images": [NaN]}', 'not a JSON file .NaN is no number'),
        ('{"images": [], "images": []}', "not a JSON file .key 'images' stands twice"),
        ('{}', "no COCO file: it has no list 'images'"),
        ({'images': {}, 'annotations': [], 'categories': []}, "it has no list 'images'"),
        ({'images': [], 'categories': []}, "it has no list 'annotations'"),
        (content([5]), r'images\[0\]: 5 is no object'),
        (content(annotations=[[1, 2]]), r'annotations\[0\]: \[1, 2\] is no object'),
        (content([image(), image(3, 'b.png')]), r'images\[1\]: id 3 is also that of images\[0\]'),
        (content(annotations=[box(), box()]), r'annotations\[1\]: id 1 is also that of annotations\[0\]'),
        (
            content(categories=[dict(id=7, name='a'), dict(id=7, name='b')]),
            r'categories\[1\]: id 7 is also that of categories\[0\]',
        ),
        (
            content(categories=[dict(id=7, name='a'), dict(id=8, name='a')]),
            "categories 7 and 8 have one name, 'a'",
        ),
        (content([image(), image(4)]), r"images\[1\]: file 'a.png' is listed by images\[0\] too"),
        (content([image(), image(4, './b/../a.png')]), r"images\[1\]: file 'a.png' is listed by"),
        (content([image('3')]), r"annotations\[0\]: image_id 3 is the id of no image; there is '3', which is another"),
        (content(annotations=[box(image_id='3')]), r"image_id '3' is the id of no image; there is 3, which is another"),
        (content(annotations=[box(image_id=4)]), r'annotations\[0\]: image_id 4 is the id of no image$'),
        (content(annotations=[box(category_id=8)]), r'annotations\[0\]: category_id 8 is the id of no category$'),
        (content([image(None)]), r'images\[0\]: id is None, not a whole number or a text'),
        (content([image(True)]), r'images\[0\]: id is True'),
        (content([image(1.5)]), r'images\[0\]: id is 1.5'),
        (content([image([1])]), r'images\[0\]: id is \[1\]'),
        (content([image('')]), r"images\[0\]: id is ''"),
        (content(annotations=[{}]), r'annotations\[0\]: id is None'),
        (content(annotations=[box(iscrowd=2)]), 'iscrowd is 2, neither 0 nor 1'),
        (content(annotations=[box(iscrowd='0')]), "iscrowd is '0', neither 0 nor 1"),
        (content(annotations=[box(ignore=None)]), 'ignore is None, neither 0 nor 1'),
        (content(categories=[dict(id=7)]), r'categories\[0\]: name None is no name'),
        (content(categories=[dict(id=7, name=' ')]), r"categories\[0\]: name ' ' is no name"),
        (content(categories=[dict(id=7, name='a', keypoints='xy')]), r"keypoints 'xy' is no list of names"),
        (content(categories=[dict(id=7, name='a', keypoints=['x', 'x'])]), 'keypoints name one twice'),
        (content(categories=[dict(id=7, name='a', keypoints=[1])]), 'keypoints 1 is no name'),
        *((content([image(name=name)]), r'images\[0\]: file_name .* is no path below') for name in BAD_NAMES),
        *(
            (content([image(**{key: value})]), rf'images\[0\]: {key} is .*, not a number of pixels')
            for key in ('height', 'width')
            for value in (None, 0, -1, 4.5, '48', True, [48], 1e300)
        ),
        (content([image(height=100_000, width=100_000)]), 'are more than 178,956,970 pixels'),
    ],
)
def test_what_is_wrong_is_told_by_file_entry_and_value(tmp_path, data, said):
    refused(tmp_path, data, said)


def test_no_file(tmp_path):
    with pytest.raises(DataError, match=r'x\.json: cannot be read .No such file or directory.'):
        CocoFile(tmp_path / 'x.json')


def only_object(tmp_path, **changes):
    kinds = [dict(id=7, name='nodule', keypoints=changes.pop('names', ['left', 'right']))]
    coco = read(tmp_path, content(annotations=[box(**changes)], categories=kinds))
    return coco, coco.objects[0]


class TestBoxes:
    @pytest.mark.parametrize('changes', [dict(area=0), dict(area=-1), dict(area=None), dict(area='x')])
    def test_area_is_of_no_matter(self, tmp_path, changes):
        coco, item = only_object(tmp_path, **changes)
        assert box_of(coco, item) == ([8, 10, 24, 20], False)
        del item.fields['area']
        assert box_of(coco, item) == ([8, 10, 24, 20], False)

    def test_a_box_thinner_than_a_pixel_is_a_box(self, tmp_path):
        assert box_of(*only_object(tmp_path, bbox=[8, 10, 0.5, 10])) == ([8, 10, 8.5, 20], False)

    @pytest.mark.parametrize(
        ('bbox', 'cut'),
        [
            ([-4, 10, 16, 10], [0, 10, 12, 20]),
            ([50, 40, 100, 100], [50, 40, WIDTH, HEIGHT]),
            ([-1, -1, 1000, 1000], [0, 0, WIDTH, HEIGHT]),
        ],
    )
    def test_what_hangs_over_is_cut(self, tmp_path, bbox, cut):
        assert box_of(*only_object(tmp_path, bbox=bbox)) == (cut, True)

    def test_corners_in_the_place_of_width_and_height(self, tmp_path):
        """As xywh they would be cut to other boxes without a word."""
        boxes = [[20, 15, 50, 40], [1, 2, 10, 12], [5, 5, 64, 48]]
        images = [image(i, f'{i}.png') for i in range(3)]
        data = content(images, [box(id=i, image_id=i, bbox=corners) for i, corners in enumerate(boxes)])
        file = CocoFile(write_coco(tmp_path / 'x.json', data))
        with pytest.raises(DataError, match=r'annotations\[0\]: bbox \[20.0, .* would fit as \[x1, y1, x2, y2\]; COCO'):
            box_of(file, file.objects[0])
        data['annotations'][1]['bbox'] = [40, 2, 10, 12]  # no corners: one box hangs over, as it may
        file = CocoFile(write_coco(tmp_path / 'x.json', data))
        assert box_of(file, file.objects[0]) == ([20, 15, WIDTH, HEIGHT], True)

    @pytest.mark.parametrize(
        ('bbox', 'said'),
        [
            (None, 'bbox is no list of numbers: None'),
            ('8 10 16 10', 'bbox is no list of numbers'),
            ({'x': 1}, 'bbox is no list of numbers'),
            ([8, 10, 16], r'bbox \[8.0, 10.0, 16.0\] does not read \[x, y, width, height\]'),
            ([8, 10, 16, 10, 1], 'does not read'),
            ([8, 10, '16', 10], "bbox holds '16', which is no number"),
            ([8, 10, True, 10], 'bbox holds True'),
            ([8, 10, None, 10], 'bbox holds None'),
            ([8, 10, 1e300, 10], r'bbox holds 1e\+300'),
            ([8, 10, 0, 10], 'is empty: its width or height is not above 0'),
            ([8, 10, 16, -10], 'is empty'),
            ([100, 10, 16, 10], "lies outside of image 'a.png', 64 x 48 pixels"),
            ([-20, 10, 20, 10], 'lies outside'),
            ([64, 10, 5, 5], 'lies outside'),
        ],
    )
    def test_what_is_no_box(self, tmp_path, bbox, said):
        with pytest.raises(DataError, match=rf'x\.json: annotations\[0\]: .*{said}'):
            box_of(*only_object(tmp_path, bbox=bbox))


def expected_square() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[12:24, 16:32] = True
    return mask


class TestRegions:
    def test_polygons(self, tmp_path):
        other = [40.0, 30.0, 44.0, 30.0, 44.0, 34.0, 40.0, 34.0]
        expected = expected_square()
        expected[30:34, 40:44] = True
        np.testing.assert_array_equal(region_of(*only_object(tmp_path, segmentation=[SQUARE, other])), expected)

    def test_a_polygon_over_the_edge(self, tmp_path):
        polygon = [-10, -10, 20, -10, 20, 20, -10, 20]
        region = region_of(*only_object(tmp_path, segmentation=[polygon]))
        assert region[:20, :20].all()
        assert region.sum() == 400

    @pytest.mark.parametrize('seed', range(20))
    def test_run_lengths_against_pycocotools(self, tmp_path, seed):
        rng = np.random.default_rng(seed)
        mask = rng.random((HEIGHT, WIDTH)) < rng.random()
        mask[0, 0] |= not mask.any()
        code = run_lengths.encode(np.asfortranarray(mask, np.uint8))
        text = dict(size=code['size'], counts=code['counts'].decode())
        np.testing.assert_array_equal(region_of(*only_object(tmp_path, segmentation=text)), mask)
        flat = mask.T.ravel()
        edges = np.flatnonzero(np.diff(flat)) + 1
        counts = np.diff([0, *edges, flat.size]).tolist()
        listed = dict(size=[HEIGHT, WIDTH], counts=[0, *counts] if flat[0] else counts)
        np.testing.assert_array_equal(region_of(*only_object(tmp_path, segmentation=listed)), mask)

    @pytest.mark.parametrize(
        ('segmentation', 'said'),
        [
            (None, "image 'a.png': there is no segmentation"),
            ([], 'there is no segmentation'),
            (5, 'there is no segmentation'),
            ([[1, 2, 3, 4]], 'a polygon of 4 numbers: 3 points are the least'),
            ([[1, 2, 3, 4, 5, 6, 7]], 'a polygon of 7 numbers'),
            ([[]], 'a polygon of 0 numbers'),
            ([SQUARE, 5], 'segmentation is no list of numbers: 5'),
            (SQUARE, 'segmentation is no list of numbers'),
            ([[1, 2, 3, 4, 5, 'x']], "segmentation holds 'x', which is no number"),
            ([[1, 2, 3, 4, 5, 1e9]], "lies far outside of 'a.png', 64 x 48 pixels"),
            ([[5, 5, 5, 5, 5, 5]], "segmentation of 'nodule' covers no pixel of 'a.png'"),
            ({}, 'segmentation.size is no list of numbers: None'),
            (dict(size=[64, 48], counts='x'), r'is of \(height, width\) \(64, 48\), image .* listed with \(48, 64\)'),
            (dict(size=[48, 64]), 'counts is no text of compressed run lengths|counts is no list of numbers'),
            (dict(size=[48, 64], counts=[100, 10]), "sum to 110, but image 'a.png' has 3072 pixels"),
            (dict(size=[48, 64], counts=[0, 3073]), 'sum to 3073'),
            (dict(size=[48, 64], counts=[-5, 3077]), 'sum to 3072, but'),
            (dict(size=[48, 64], counts=[0.5, 3071.5]), 'sum to 3072, but'),
            (dict(size=[48, 64], counts=['3072']), "counts holds '3072'"),
            (dict(size=[48, 64], counts='0' * 9), 'sum to 0'),
            (dict(size=[48, 64], counts='o' * 40), 'no text of compressed run lengths'),
            (dict(size=[48, 64], counts='PPYo'), 'no text of compressed run lengths'),
            (dict(size=[48, 64], counts='\u00e9'), 'no text of compressed run lengths'),
            (dict(size=[48, 64], counts=''), 'sum to 0'),
            (dict(size=[48, 64], counts=[3072]), 'covers no pixel'),
        ],
    )
    def test_what_is_no_region(self, tmp_path, segmentation, said):
        with pytest.raises(DataError, match=rf'x\.json: annotations\[0\]: .*({said})'):
            region_of(*only_object(tmp_path, segmentation=segmentation))

    def test_run_lengths_that_are_too_short(self, tmp_path):
        """pycocotools leaves the rest of the image to whatever was in memory."""
        mask = np.asfortranarray(expected_square(), np.uint8)
        code = run_lengths.encode(mask)['counts'].decode()
        short = dict(size=[HEIGHT, WIDTH], counts=code[: len(code) // 2])
        with pytest.raises(DataError, match=r"but image 'a\.png' has 3072 pixels"):
            region_of(*only_object(tmp_path, segmentation=short))


class TestPoints:
    def test_by_name(self, tmp_path):
        coco, item = only_object(tmp_path, keypoints=[1, 2, 2, 3.5, 4, 1], names=['right', 'left'])
        assert points_of(coco, item, ('left', 'right')) == [[3.5, 4], [1, 2]]

    def test_visibility_0_is_not_labelled(self, tmp_path):
        coco, item = only_object(tmp_path, keypoints=[1, 2, 2, 3, 4, 0], names=['right', 'left'])
        assert points_of(coco, item, ('left', 'right')) == [None, [1, 2]]

    @pytest.mark.parametrize(
        ('keypoints', 'said'),
        [
            (None, 'keypoints is no list of numbers'),
            ([1, 2, 2], 'keypoints are 3 numbers, not 3 x 2'),
            ([1, 2, 2, 3, 4, 3], "keypoint 'right' has visibility 3, none of 0, 1, 2"),
            ([1, 2, 2, 3, '4', 2], "keypoints holds '4'"),
            ([1, 2, 2, 3, True, 2], 'keypoints holds True'),
        ],
    )
    def test_what_are_no_points(self, tmp_path, keypoints, said):
        coco, item = only_object(tmp_path, keypoints=keypoints)
        with pytest.raises(DataError, match=rf'x\.json: annotations\[0\]: .*{said}'):
            points_of(coco, item, ('left', 'right'))
