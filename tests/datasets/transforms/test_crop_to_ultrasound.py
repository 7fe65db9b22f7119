"""A crop in the pipeline against the same crop made beforehand, to the last pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from aurora_mm.datasets.geometry import warp_points
from aurora_mm.datasets.transforms import ApplyGeometry, CropToUltrasound, FitToSize, LoadUltrasoundImage
from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.original_coordinates import boxes_to_original, mask_from_views, points_to_original
from aurora_mm.structures import MaskView

SHAPE = (240, 360)
TISSUE = (80, 40, 300, 200)  # xyxy


@pytest.fixture
def picture():
    pixels = np.zeros(SHAPE, np.uint8)
    x1, y1, x2, y2 = TISSUE
    pixels[y1:y2, x1:x2] = np.random.default_rng(0).integers(20, 220, (y2 - y1, x2 - x1))
    cv2.putText(pixels, 'MI 1.1', (4, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255)
    return pixels


def results_of(pixels, **row):
    fields = dict(may_flip=True, may_zoom=True, max_rotation=None, num_outputs=1, flip_indices=[0], point_order=[])
    return LoadUltrasoundImage().transform(dict(img=pixels, img_path='a.png', **fields, **row))


def test_a_region_of_the_file_goes_before_the_content(picture):
    found = CropToUltrasound().transform(results_of(picture, region=(10, 20, 330, 230)))
    assert found['crop'] == (10, 20, 330, 230)
    assert found['img'].shape == (210, 320, 3)
    assert found['ori_shape'] == SHAPE


def test_without_a_region_the_content_counts(picture):
    x1, y1, x2, y2 = CropToUltrasound().transform(results_of(picture))['crop']
    assert 70 < x1 <= 80
    assert 30 < y1 <= 40
    assert 300 <= x2 < 310
    assert 200 <= y2 < 210


@pytest.mark.parametrize('size', [(64, 96), 32, (256, 384)])
@pytest.mark.parametrize('mode', ['squash', 'letterbox'])
def test_the_network_sees_what_it_sees_of_a_cropped_file(picture, size, mode):
    x1, y1, x2, y2 = region = (77, 33, 311, 208)
    cropped = FitToSize(size, mode).transform(results_of(picture[y1:y2, x1:x2]))
    whole = FitToSize(size, mode).transform(CropToUltrasound().transform(results_of(picture, region=region)))
    expected, found = (ApplyGeometry().transform(results) for results in (cropped, whole))
    np.testing.assert_array_equal(found['img'], expected['img'])
    points = np.array([[80.0, 40.0], [150.5, 99.25]])
    np.testing.assert_allclose(
        warp_points(points, found['homography_matrix']),
        warp_points(points - (x1, y1), expected['homography_matrix']),
        atol=1e-9,
    )


@pytest.mark.parametrize('size', [(64, 96), 32])
def test_predictions_come_back_in_the_whole_image(picture, size):
    x1, y1, x2, y2 = region = (77, 33, 311, 208)
    cropped = FitToSize(size).transform(results_of(picture[y1:y2, x1:x2]))
    whole = FitToSize(size).transform(CropToUltrasound().transform(results_of(picture, region=region)))
    matrix, alone = whole['homography_matrix'], cropped['homography_matrix']
    shape, small = whole['ori_shape'], cropped['ori_shape']
    torch.manual_seed(0)
    for classes in (2, 4):
        probs = torch.randn(classes, 16, 16).softmax(0)
        # A structure at the border of the network input, which must not leak out of the crop.
        probs[1, :4], probs[0, :4] = 0.9, 0.0
        mask = mask_from_views([MaskView(probs, matrix, whole['img_shape'])], shape)[0]
        expected = torch.zeros(shape, dtype=torch.int64)
        expected[y1:y2, x1:x2] = mask_from_views([MaskView(probs, alone, cropped['img_shape'])], small)[0]
        assert expected[y1].any()
        assert torch.equal(mask, expected)
    boxes = torch.tensor([[3.0, 5.0, 20.0, 30.0]])
    shift = torch.tensor([x1, y1], dtype=torch.float32)
    torch.testing.assert_close(
        boxes_to_original(boxes, matrix, shape), boxes_to_original(boxes, alone, small) + shift.repeat(2)
    )
    points = torch.tensor([[3.0, 5.0], [20.0, 30.0]])
    torch.testing.assert_close(points_to_original(points, matrix), points_to_original(points, alone) + shift)


def test_a_reduced_picture_is_cut_between_its_own_pixels(tmp_path, picture):
    large = cv2.resize(picture, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / 'a.jpg'), large)
    results = LoadUltrasoundImage(least_side=130).transform(dict(img_path=str(tmp_path / 'a.jpg')))
    assert results['reduction'] == 4
    results['region'] = (321, 161, 1198, 799)
    found = CropToUltrasound().transform(results)
    assert found['crop'] == (320, 160, 1200, 800)
    assert found['img'].shape == (160, 220, 3)
    warped = ApplyGeometry().transform(FitToSize((160, 224)).transform(found))['img']
    assert warped.shape == (160, 224, 3)
    assert np.corrcoef(warped[..., 0].ravel(), cv2.resize(picture[40:200, 80:300], (224, 160)).ravel())[0, 1] > 0.9


class TestTraining:
    def labelled(self, picture, points):
        row = dict(gt_coordinates='original', task_type='landmark', gt_landmarks=np.array(points, float))
        return results_of(picture, region=(77, 33, 311, 208)) | row

    def test_labels_move_with_the_crop(self, picture):
        found = CropToUltrasound().transform(self.labelled(picture, [[100.0, 50.0]]))
        found = ApplyGeometry().transform(FitToSize((32, 32)).transform(found))
        np.testing.assert_allclose(found['gt_landmarks'], [[(100 - 77) * 32 / 234, (50 - 33) * 32 / 175]], rtol=1e-6)

    def test_an_image_whose_landmark_would_be_lost_is_not_cropped(self, picture):
        found = CropToUltrasound().transform(self.labelled(picture, [[100.0, 50.0], [20.0, 50.0]]))
        assert 'crop' not in found
        assert found['img_shape'] == SHAPE
        np.testing.assert_array_equal(found['homography_matrix'], np.eye(3))


def test_an_image_without_margins_stays(picture):
    x1, y1, x2, y2 = TISSUE
    found = CropToUltrasound().transform(results_of(picture[y1:y2, x1:x2]))
    assert 'crop' not in found


def test_its_place_in_the_pipeline(picture):
    once = CropToUltrasound().transform(results_of(picture))
    for results in (once, FitToSize(32).transform(results_of(picture))):
        with pytest.raises(ConfigError, match='directly after LoadUltrasoundImage'):
            CropToUltrasound().transform(results)
