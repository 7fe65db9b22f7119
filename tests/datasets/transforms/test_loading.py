from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage, load_image
from aurora_mm.errors import ConfigError, DataError

SHAPE = (20, 30)


@pytest.fixture
def entry(tmp_path) -> dict:
    pixels = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'img.png'), pixels)
    return dict(
        img_path=str(tmp_path / 'img.png'),
        csv_file='x.csv',
        csv_row=7,
        task='t',
        task_type='segmentation',
        num_outputs=3,
    )


TYPES = dict(
    seg_map_path='segmentation', gt_label='classification', bbox='detection', bboxes='detection', points='landmark'
)


def load(results: dict) -> dict:
    """What the transform makes of a row of the task type that its key belongs to."""
    types = [TYPES[key] for key in TYPES if key in results]
    return LoadTaskAnnotations().transform(results | dict(task_type=types[0] if types else 'classification'))


def with_mask(entry: dict, tmp_path, mask: np.ndarray) -> dict:
    path = tmp_path / 'mask.png'
    cv2.imwrite(str(path), mask)
    return LoadUltrasoundImage().transform(entry | dict(seg_map_path=str(path)))


class TestImage:
    def test_grey_becomes_three_equal_channels(self, entry):
        results = LoadUltrasoundImage().transform(dict(entry))
        assert results['img'].shape == (*SHAPE, 3)
        assert results['img'].dtype == np.uint8
        assert (results['img'] == cv2.imread(entry['img_path'], cv2.IMREAD_UNCHANGED)[..., None]).all()
        assert results['ori_shape'] == results['img_shape'] == SHAPE
        np.testing.assert_array_equal(results['homography_matrix'], np.eye(3))

    def test_16_bits_keep_the_upper_8(self, entry):
        pixels = np.arange(600, dtype=np.uint16).reshape(SHAPE) * 109
        cv2.imwrite(entry['img_path'], pixels)
        img = LoadUltrasoundImage().transform(entry)['img'][..., 0]
        np.testing.assert_array_equal(img, pixels >> 8)

    @pytest.mark.parametrize('content', [None, b'', b'not an image'])
    def test_unreadable(self, entry, tmp_path, content):
        path = tmp_path / 'bad.png'
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError, match=r'x\.csv, row 7: image .*bad\.png cannot be read'):
            LoadUltrasoundImage().transform(entry | dict(img_path=str(path)))

    @pytest.mark.parametrize('kind', ['jpg', 'png', 'bmp', 'tif'])
    def test_a_file_that_was_cut_off_is_no_image(self, entry, tmp_path, kind):
        path = tmp_path / f'cut.{kind}'
        cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8))
        entry['img_path'] = str(path)
        whole = path.read_bytes()
        LoadUltrasoundImage().transform(dict(entry))
        for share in (0.5, 0.99):
            path.write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(DataError, match=rf'x\.csv, row 7: image .*cut\.{kind} (ends early|cannot be read)'):
                LoadUltrasoundImage().transform(dict(entry))

    def test_what_stands_behind_the_end_of_a_jpeg_is_no_matter(self, entry, tmp_path):
        path = tmp_path / 'camera.jpg'
        cv2.imwrite(str(path), np.zeros(SHAPE, np.uint8))
        path.write_bytes(path.read_bytes() + b'a note of the scanner')
        assert LoadUltrasoundImage().transform(entry | dict(img_path=str(path)))['ori_shape'] == SHAPE

    def test_more_pixels_than_opencv_reads(self, entry, tmp_path, huge_png):
        (tmp_path / 'bad.png').write_bytes(huge_png)
        with pytest.raises(DataError, match=r'bad\.png has more than 178,956,970 pixels'):
            LoadUltrasoundImage().transform(entry | dict(img_path=str(tmp_path / 'bad.png')))

    def test_an_array_is_brought_into_the_same_form(self, entry):
        grey = cv2.imread(entry['img_path'], cv2.IMREAD_UNCHANGED)
        expected = LoadUltrasoundImage().transform(dict(entry))
        for array in (grey, np.stack([grey] * 3, axis=-1), grey.astype(np.uint16) << 8):
            results = LoadUltrasoundImage().transform(dict(img=array, img_path=''))
            np.testing.assert_array_equal(results['img'], expected['img'])
            assert results['ori_shape'] == SHAPE
        with pytest.raises(DataError, match='image given as an array holds float64'):
            LoadUltrasoundImage().transform(dict(img=grey / 255, img_path=''))

    @pytest.mark.parametrize('depth', [7, 17, 12.0, '12', True])
    def test_a_depth_that_no_file_has(self, depth):
        with pytest.raises(ConfigError, match='depth must be 8 to 16 bits'):
            LoadUltrasoundImage(depth=depth)


class TestTurnedImages:
    """EXIF turns the picture; masks, boxes and points may be of the one before or after."""

    @pytest.fixture
    def turned(self, entry, tmp_path):
        self.save(tmp_path / 'turned.jpg', np.zeros(SHAPE, np.uint8), 3)
        return LoadUltrasoundImage().transform(entry | dict(img_path=str(tmp_path / 'turned.jpg')))

    @staticmethod
    def save(path, pixels, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(path, exif=exif)

    def test_a_mask_that_is_not_turned_too(self, turned, tmp_path):
        """180 degrees pass every check of sizes."""
        cv2.imwrite(str(tmp_path / 'mask.png'), np.zeros(SHAPE, np.uint8))
        with pytest.raises(DataError, match=r'x\.csv, row 7: image .*turned\.jpg is .* 3 by .* mask .*mask\.png in 1'):
            load(turned | dict(seg_map_path=str(tmp_path / 'mask.png')))

    def test_a_mask_that_is_turned_alone(self, entry, tmp_path):
        self.save(tmp_path / 'mask.png', np.zeros(SHAPE, np.uint8), 3)
        results = LoadUltrasoundImage().transform(entry | dict(seg_map_path=str(tmp_path / 'mask.png')))
        with pytest.raises(DataError, match=r'img\.png is stored in orientation 1 by .*mask\.png in 3'):
            load(results)

    @pytest.mark.parametrize('orientation', [3, 6])
    def test_both_turned_lie_on_each_other(self, entry, tmp_path, orientation):
        mask = np.zeros(SHAPE, np.uint8)
        mask[2:5, 3:9] = 1
        self.save(tmp_path / 'image.png', mask * 200, orientation)
        self.save(tmp_path / 'mask.png', mask, orientation)
        paths = dict(img_path=str(tmp_path / 'image.png'), seg_map_path=str(tmp_path / 'mask.png'))
        results = load(LoadUltrasoundImage().transform(entry | paths))
        np.testing.assert_array_equal(results['gt_seg_map'] * 200, results['img'][..., 0])
        assert results['gt_seg_map'].sum() == 18
        assert not np.array_equal(results['gt_seg_map'], mask)

    @pytest.mark.parametrize(
        'label', [dict(bbox=[1, 1, 5, 5]), dict(points=[[1, 1]]), dict(bboxes=[], bboxes_labels=[])]
    )
    def test_boxes_and_points(self, turned, label):
        with pytest.raises(DataError, match=r'x\.csv, row 7: image .*turned\.jpg is stored in orientation 3 by its'):
            load(turned | label)

    def test_a_class_is_that_of_the_picture_however_it_lies(self, turned):
        assert load(turned | dict(gt_label=1))['gt_label'] == 1


def test_a_size_that_a_list_gives_otherwise(entry):
    results = LoadUltrasoundImage().transform(entry | dict(bboxes=[[1, 1, 5, 5]], bboxes_labels=[0]))
    assert load(results | dict(listed_shape=SHAPE))['gt_bboxes'].tolist() == [[1, 1, 5, 5]]
    with pytest.raises(DataError, match=r'img\.png has \(height, width\) \(20, 30\), but is listed with \(30, 20\)'):
        load(results | dict(listed_shape=(30, 20)))


class TestAnnotations:
    def test_mask(self, entry, tmp_path):
        mask = np.arange(600, dtype=np.uint8).reshape(SHAPE) % 3
        results = load(with_mask(entry, tmp_path, mask))
        np.testing.assert_array_equal(results['gt_seg_map'], mask)
        assert results['gt_coordinates'] == 'original'

    def test_mask_with_a_palette(self, entry, tmp_path):
        """Its indices count, not their colours."""
        mask = np.arange(600, dtype=np.uint8).reshape(SHAPE) % 3
        image = Image.fromarray(mask, mode='P')
        image.putpalette([0, 0, 0, 230, 159, 0, 86, 180, 233])
        image.save(tmp_path / 'palette.png')
        results = LoadUltrasoundImage().transform(entry | dict(seg_map_path=str(tmp_path / 'palette.png')))
        np.testing.assert_array_equal(load(results)['gt_seg_map'], mask)

    def test_mask_of_equal_channels(self, entry, tmp_path):
        mask = np.zeros((*SHAPE, 3), np.uint8)
        mask[5:9, 5:9] = 2
        results = load(with_mask(entry, tmp_path, mask))
        np.testing.assert_array_equal(results['gt_seg_map'], mask[..., 0])
        mask[0, 0] = (0, 1, 0)
        with pytest.raises(DataError, match=r'x\.csv, row 7: mask .*mask\.png is a colour image'):
            load(with_mask(entry, tmp_path, mask))

    @pytest.mark.parametrize('value', [3, 255, np.uint16(256)])
    def test_mask_value_that_is_no_class(self, entry, tmp_path, value):
        mask = np.zeros(SHAPE, np.asarray(value).dtype if isinstance(value, np.uint16) else np.uint8)
        mask[3, 4] = value
        with pytest.raises(
            DataError, match=rf"x\.csv, row 7: mask .* values \[{value}\], but task 't' has classes 0..2"
        ):
            load(with_mask(entry, tmp_path, mask))

    def test_mask_of_another_size(self, entry, tmp_path):
        with pytest.raises(DataError, match=r'row 7: mask .* \(20, 31\), its image .* \(20, 30\)'):
            load(with_mask(entry, tmp_path, np.zeros((20, 31), np.uint8)))

    def test_unreadable_mask(self, entry, tmp_path):
        results = with_mask(entry, tmp_path, np.zeros(SHAPE, np.uint8))
        (tmp_path / 'mask.png').write_bytes(b'no image')
        with pytest.raises(DataError, match=r'x\.csv, row 7: mask .*mask\.png cannot be read'):
            load(results)

    def test_coordinates_keep_the_precision_of_the_csv(self, entry):
        """Scores are taken from them: single precision would move a point at 234.1 by 6e-6 pixels."""
        for label, key in (
            (dict(bbox=[0.1, 1.7, 29.3, 19.9]), 'gt_bboxes'),
            (dict(points=[[0.1, 19.9]]), 'gt_landmarks'),
        ):
            results = load(LoadUltrasoundImage().transform(entry | label))
            assert results[key].ravel().tolist() == np.ravel(next(iter(label.values()))).tolist()

    def test_box_up_to_the_edge(self, entry):
        results = LoadUltrasoundImage().transform(entry | dict(bbox=[0, 1.5, 30, 20]))
        results = load(results)
        np.testing.assert_array_equal(results['gt_bboxes'], np.array([[0, 1.5, 30, 20]], np.float32))
        np.testing.assert_array_equal(results['gt_bboxes_labels'], [0])

    @pytest.mark.parametrize('label', [dict(bbox=[0, 0, 30.1, 20]), dict(points=[[1, 1], [3, -0.5]])])
    def test_outside_the_image(self, entry, label):
        results = LoadUltrasoundImage().transform(entry | label)
        value = '30.1' if 'bbox' in label else '-0.5'
        with pytest.raises(DataError, match=rf"x\.csv, row 7: .*{value}.* of 't' not within .*img\.png, 30 x 20"):
            load(results)

    def test_points_and_label(self, entry):
        results = load(LoadUltrasoundImage().transform(entry | dict(points=[[1.5, 2], [3, 4]])))
        np.testing.assert_array_equal(results['gt_landmarks'], np.array([[1.5, 2], [3, 4]], np.float32))
        assert load(LoadUltrasoundImage().transform(entry | dict(gt_label=1)))['gt_coordinates'] == 'original'

    def test_no_label(self, entry):
        with pytest.raises(DataError, match=r'x\.csv, row 7: no label'):
            load(LoadUltrasoundImage().transform(entry))


class TestPixelSpacing:
    """A row of a CSV file and the image file may both say it."""

    @pytest.fixture
    def volume(self, entry, tmp_path):
        sitk = pytest.importorskip('SimpleITK', reason='it writes the MetaImage file')
        image = sitk.GetImageFromArray(np.zeros(SHAPE, np.uint8))
        image.SetSpacing((0.3, 0.2))  # x, y
        sitk.WriteImage(image, str(tmp_path / 'img.mha'))
        return entry | dict(img_path=str(tmp_path / 'img.mha'), csv_file=str(tmp_path / 'x.csv'))

    @pytest.fixture
    def warnings(self, monkeypatch):
        told = []
        monkeypatch.setattr(load_image, '_TOLD_FILES', set())
        monkeypatch.setattr(load_image, 'print_log', lambda message, **_: told.append(message))
        return told

    def test_the_file_says_it_where_the_row_does_not(self, volume, warnings):
        assert LoadUltrasoundImage().transform(volume)['pixel_spacing'] == pytest.approx((0.2, 0.3))
        assert not warnings

    def test_the_row_says_it_where_the_file_does_not(self, entry):
        assert LoadUltrasoundImage().transform(entry | dict(pixel_spacing=(0.4, 0.5)))['pixel_spacing'] == (0.4, 0.5)
        assert 'pixel_spacing' not in LoadUltrasoundImage().transform(entry)

    def test_a_contradiction_is_told_once_for_each_csv_file(self, volume, warnings):
        row = volume | dict(pixel_spacing=(0.3, 0.2))
        for _ in range(3):
            assert LoadUltrasoundImage().transform(dict(row))['pixel_spacing'] == (0.3, 0.2)
        (message,) = warnings
        assert f'{row["csv_file"]}, row 7: pixel_spacing is [0.3, 0.2], but [0.2, 0.3] in the header of' in message
        LoadUltrasoundImage().transform(row | dict(csv_file='y.csv'))
        assert len(warnings) == 2

    def test_an_impossible_one_is_told_and_not_taken(self, volume, entry, warnings, tmp_path):
        sitk = pytest.importorskip('SimpleITK', reason='it writes the MetaImage file')
        image = sitk.ReadImage(volume['img_path'])
        image.SetSpacing((1e9, 0.2))
        sitk.WriteImage(image, str(tmp_path / 'bad.mha'))
        for csv_file in ('x.csv', 'x.csv', 'y.csv'):
            row = volume | dict(img_path=str(tmp_path / 'bad.mha'), csv_file=csv_file)
            assert 'pixel_spacing' not in LoadUltrasoundImage().transform(dict(row))
        assert [message[:14] for message in warnings] == ['x.csv, row 7: ', 'y.csv, row 7: ']
        assert 'bad.mha cannot have a pixel spacing of [0.2, 1000000000.0] mm' in warnings[0]
        assert LoadUltrasoundImage().transform(row | dict(pixel_spacing=(0.4, 0.5)))['pixel_spacing'] == (0.4, 0.5)
        row = entry | dict(csv_file='z.csv', pixel_spacing=(1e9, 1e9))
        assert 'pixel_spacing' not in LoadUltrasoundImage().transform(row)
        assert 'cannot have a pixel spacing of [1000000000.0, 1000000000.0] mm' in warnings[2]

    def test_rounding_is_no_contradiction(self, volume, warnings):
        row = volume | dict(pixel_spacing=(0.2001, 0.2999))
        assert LoadUltrasoundImage().transform(row)['pixel_spacing'] == (0.2001, 0.2999)
        assert not warnings

    def test_what_a_user_gives_for_a_prediction_is_no_contradiction(self, volume, warnings):
        row = {key: value for key, value in volume.items() if key not in ('csv_file', 'csv_row')}
        assert LoadUltrasoundImage().transform(row | dict(pixel_spacing=(1.0, 1.0)))['pixel_spacing'] == (1.0, 1.0)
        assert not warnings
