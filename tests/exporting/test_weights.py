"""Resizing by products with matrices is that of the pipelines."""

import cv2
import numpy as np
import pytest
import torch

from aurora_mm.datasets.geometry import fit_matrix
from aurora_mm.datasets.pixel_warping import warp_image
from aurora_mm.exporting.area_weights import area_weights
from aurora_mm.models.utils.linear_weights import linear_weights
from aurora_mm.models.utils.original_coordinates import map_to_original


# OpenCV interpolates an axis that grows with weights of 11 bits, and rounds after each axis.
@pytest.mark.parametrize(
    ('shape', 'differ'),
    [((97, 131), 0.01), ((64, 64), 0), ((200, 64), 0.02), ((32, 32), 0), ((20, 24), 0.3), ((33, 31), 0.3)],
)
def test_images_are_resized_as_by_the_pipeline(shape, differ):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(pixels, (3, 3), 0)
    expected = warp_image(image, fit_matrix(shape, (32, 32)), (32, 32))
    x = torch.from_numpy(image).permute(2, 0, 1).double()
    rows, columns = (area_weights(32, side, x) for side in shape)
    assert torch.allclose(rows.sum(1), torch.ones(32, dtype=torch.float64))
    found = (rows @ x @ columns.T + 0.5).floor().permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() <= differ


@pytest.mark.parametrize('shape', [(50, 70), (8, 8), (5, 30)])
def test_maps_are_resized_as_predictions_are(shape):
    probs = torch.rand(3, 8, 8)
    rows, columns = (linear_weights(side, 8, probs) for side in shape)
    expected = map_to_original(probs, fit_matrix(shape, (32, 32)), (32, 32), shape)
    torch.testing.assert_close(rows @ probs @ columns.T, expected)
