"""Speckle statistics, geometry round trips and outlines against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aurora_mm.phantoms.geometry import BEAMS, DEPTHS, linear_view, sector_view
from aurora_mm.phantoms.shapes import bar, blob, fill, rim, tight_box
from aurora_mm.phantoms.speckle import beyond, log_compress, rayleigh_speckle, scan

VIEWS = {
    'linear': lambda: linear_view(240, 320),
    'convex': lambda: sector_view(240, 320, 0.6, 0.3),
    'phased': lambda: sector_view(300, 280, 0.7, 0.03),
}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_speckle_amplitudes_follow_a_rayleigh_distribution(rng):
    amplitude = rayleigh_speckle(rng, (384, 224), 1.2, 1.8)
    assert np.mean(amplitude**2) == pytest.approx(1, rel=1e-5)
    apart = amplitude[::12, ::14].ravel()  # far enough apart to be independent
    assert stats.kstest(apart, stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 0.01
    assert amplitude.mean() == pytest.approx(np.sqrt(np.pi) / 2, rel=0.01)


def test_speckle_is_wider_across_the_beams_than_along_them(rng):
    a = rayleigh_speckle(rng, (384, 224), 1.0, 2.5)
    axial = np.corrcoef(a[:-2].ravel(), a[2:].ravel())[0, 1]
    lateral = np.corrcoef(a[:, :-2].ravel(), a[:, 2:].ravel())[0, 1]
    assert lateral > axial + 0.2


def test_log_compress_maps_full_scale_to_one_and_the_range_to_zero():
    assert log_compress(np.array([1.0, 10 ** (-30 / 20), 1e-9, 5.0]), 60) == pytest.approx([1, 0.5, 0, 1])


def test_sound_is_lost_behind_a_reflector_and_spared_behind_fluid():
    loss = np.array([[0, 0], [12, -5], [0, 0], [0, 0]], float)
    assert beyond(loss).tolist() == [[0, 0], [0, 0], [12, -5], [12, -5]]


def test_scan_darkens_with_depth_and_in_a_shadow(rng):
    echo = np.full((DEPTHS, BEAMS), -20, np.float32)  # well above the electronic noise, shadow and all
    loss = np.zeros_like(echo)
    loss[100:110, :100] = 9
    image = scan(rng, echo, loss, attenuation=10)
    assert image[:80].mean() - image[-80:, 120:].mean() == pytest.approx(10 / 60 * 0.8, abs=0.02)
    assert image[200:, 120:].mean() - image[200:, :90].mean() == pytest.approx(9 / 60, abs=0.01)


@pytest.mark.parametrize('make', VIEWS.values(), ids=VIEWS)
def test_a_smooth_image_survives_the_way_to_the_beams_and_back(make):
    view = make()
    height, width = view.shape
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    image = 0.3 * xs + 0.7 * ys
    inner = view.inside & (np.abs(view.beam_of_pixel - 0.5) < 0.48).all(-1)
    assert inner.sum() > 0.8 * view.inside.sum()
    assert np.abs(view.to_image(view.to_beams(image)) - image)[inner].max() < 0.05


@pytest.mark.parametrize('make', VIEWS.values(), ids=VIEWS)
def test_a_view_lies_within_its_image_and_its_points_within_the_view(make):
    view = make()
    height, width = view.shape
    assert (view.pixel_of_beam > 0).all() and (view.pixel_of_beam < (width, height)).all()
    border = np.ones(view.shape, bool)
    border[3:-3, 3:-3] = False
    assert not view.inside[border].any()
    for u, v in [(0.05, 0.05), (0.5, 0.5), (0.95, 0.9)]:
        x, y = view.point(u, v)
        assert view.beam_of_pixel[int(y), int(x)] == pytest.approx((u, v), abs=0.06)
    assert view.scale**2 == pytest.approx(view.inside.sum())


def test_linear_view_is_the_identity_up_to_a_scale():
    view = linear_view(200, 400)
    assert view.point(0.5, 0.5) == pytest.approx((200, 100), abs=1)
    assert view.inside.sum() == pytest.approx(200 * 400 * 0.94**2, rel=0.02)


def test_sector_beams_meet_at_one_point():
    view = sector_view(240, 320, 0.6, 0.3)
    starts, ends = view.pixel_of_beam[0].astype(float), view.pixel_of_beam[-1].astype(float)
    where = (160 - starts[:, 0]) / (ends[:, 0] - starts[:, 0])
    heights = starts[:, 1] + where * (ends[:, 1] - starts[:, 1])
    assert np.ptp(heights) < 0.01


def test_a_smooth_blob_has_the_area_and_extent_of_its_ellipse(rng):
    outline = blob(rng, np.array([60.0, 50.0]), 30, aspect=0.5, angle=np.pi / 2)
    mask = fill(outline, (100, 120))
    assert mask.sum() == pytest.approx(np.pi * 30 * 15, rel=0.05)
    assert tight_box(mask) == pytest.approx((45, 20, 75, 80), abs=1)


def test_fill_and_box_of_whole_pixels():
    square = np.array([[2.5, 3.5], [6.5, 3.5], [6.5, 8.5], [2.5, 8.5]])  # through pixel centres
    mask = fill(square, (12, 10))
    assert np.argwhere(mask).min(0).tolist() == [3, 2] and np.argwhere(mask).max(0).tolist() == [8, 6]
    assert mask.sum() == 6 * 5
    assert tight_box(mask) == (2, 3, 7, 9)
    with pytest.raises(ValueError, match='empty mask'):
        tight_box(np.zeros((4, 4), bool))


def test_rim_lies_within_the_shape_and_leaves_its_middle(rng):
    outline = blob(rng, np.array([50.0, 50.0]), 30)
    inside, border = fill(outline, (100, 100)), rim(outline, (100, 100), 4)
    assert not (border & ~inside).any() and not border[50, 50]
    ys, xs = np.nonzero(border)
    assert np.hypot(xs + 0.5 - 50, ys + 0.5 - 50).min() == pytest.approx(26, abs=1.5)


def test_bar_ends_at_its_points():
    outline = bar(np.array([20.0, 30.0]), np.array([80.0, 30.0]), 6, flare=0)
    assert tight_box(fill(outline, (60, 100))) == pytest.approx((20, 27, 80, 33), abs=1)
