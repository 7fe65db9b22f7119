from __future__ import annotations

import numpy as np
import pytest

from aurora_mm.datasets.transforms import (
    RandomBrightnessContrast,
    RandomGamma,
    RandomGaussianBlur,
    RandomGaussianNoise,
    RandomMotionBlur,
)
from aurora_mm.datasets.transforms.blur import line_kernel
from aurora_mm.errors import ConfigError

ALL = [RandomBrightnessContrast, RandomGamma, RandomGaussianNoise, RandomGaussianBlur, RandomMotionBlur]


def grey(value: int | None = None) -> np.ndarray:
    if value is not None:
        return np.full((64, 64, 3), value, np.uint8)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8)
    return np.repeat(pixels, 3, axis=2)


@pytest.mark.parametrize('cls', ALL)
class TestAll:
    def test_grey_8_bit_images_stay_so_and_the_input_is_kept(self, cls):
        np.random.seed(0)
        img = grey()
        before = img.copy()
        out = cls(prob=1).transform(dict(img=img))['img']
        assert out.dtype == np.uint8
        assert out.shape == img.shape
        assert (out == out[..., :1]).all()
        assert not np.array_equal(out, before)
        np.testing.assert_array_equal(img, before)

    def test_probability_zero(self, cls):
        img = grey()
        assert cls(prob=0).transform(dict(img=img))['img'] is img

    def test_default_probability(self, cls):
        expected = dict(zip(ALL, (0.35, 0.30, 0.30, 0.20, 0.10), strict=True))[cls]
        np.random.seed(0)
        img = grey(100)[:8, :8]
        img[4, 4] = 200
        changed = sum(not np.array_equal(cls().transform(dict(img=img))['img'], img) for _ in range(1000))
        assert abs(changed / 1000 - expected) < 0.05

    def test_the_same_seed_gives_the_same_image(self, cls):
        outs = []
        for _ in range(2):
            np.random.seed(5)
            outs.append(cls(prob=1).transform(dict(img=grey()))['img'])
        np.testing.assert_array_equal(*outs)


def test_brightness_shifts_and_contrast_scales():
    np.random.seed(0)
    for _ in range(50):
        brighter = RandomBrightnessContrast(prob=1, contrast=0).transform(dict(img=grey(100)))['img']
        assert abs(int(brighter[0, 0, 0]) - 100) <= 51
        assert (RandomBrightnessContrast(prob=1, brightness=0).transform(dict(img=grey(0)))['img'] == 0).all()
    bright = RandomBrightnessContrast(prob=1, brightness=0.2, contrast=0.2)
    assert all((bright.transform(dict(img=grey(255)))['img'] >= 153).all() for _ in range(50))  # no wrap-around


@pytest.mark.parametrize(('gamma', 'expected'), [(2.0, [0, 0, 64, 255]), (0.5, [0, 16, 180, 255])])
def test_gamma_by_hand(gamma, expected):
    """255 (1/255)^2 = 0.004, 255 (128/255)^2 = 64.25; 255 (1/255)^.5 = 15.97, 255 (127/255)^.5 = 179.96."""
    img = np.array([0, 1, 128 if gamma == 2 else 127, 255], np.uint8)[None, :, None].repeat(3, axis=2)
    out = RandomGamma(prob=1, gamma=(gamma, gamma)).transform(dict(img=img))['img']
    assert out[0, :, 0].tolist() == expected


def test_gamma_brightens_as_often_as_it_darkens():
    np.random.seed(0)
    changes = [int(RandomGamma(prob=1).transform(dict(img=grey(100)))['img'][0, 0, 0]) - 100 for _ in range(400)]
    assert abs(np.mean(np.sign(changes))) < 0.1
    assert -40 < min(changes) < -30  # 255 (100/255)^1.5 = 62.6
    assert 30 < max(changes) < 40  # 255 (100/255)^(2/3) = 136.6


@pytest.mark.parametrize('gamma', [(0, 1), (1.5, 0.5), (1.0,)])
def test_gammas_that_are_refused(gamma):
    with pytest.raises(ConfigError, match='RandomGamma: gamma must be'):
        RandomGamma(gamma=gamma)


def test_noise_has_the_asked_spread():
    np.random.seed(0)
    out = RandomGaussianNoise(prob=1, std=(6, 6)).transform(dict(img=grey(128)))['img'][..., 0].astype(float)
    assert abs(out.mean() - 128) < 0.5
    assert abs(out.std() - 6) < 0.3


@pytest.mark.parametrize('cls', [RandomGaussianBlur, RandomMotionBlur])
def test_blur_keeps_flat_images_and_lowers_variance(cls):
    np.random.seed(0)
    np.testing.assert_array_equal(cls(prob=1).transform(dict(img=grey(77)))['img'], grey(77))
    assert cls(prob=1).transform(dict(img=grey()))['img'].std() < grey().std()


@pytest.mark.parametrize('length', [3, 5, 7])
def test_motion_kernels_are_lines_through_the_middle(length):
    for degrees in range(0, 180, 10):
        kernel = line_kernel(length, degrees)
        assert kernel.sum() == pytest.approx(1)
        np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])  # so the image stays in place
        reach = np.hypot(*(np.argwhere(kernel) - length // 2).T).max()
        assert abs(reach - length // 2) < 0.75
        assert np.count_nonzero(kernel) <= 2 * length
    np.testing.assert_allclose(line_kernel(5, 0)[2], 0.2)
    np.testing.assert_allclose(line_kernel(5, 90)[:, 2], 0.2)


def test_even_lengths_would_move_the_image():
    with pytest.raises(ConfigError, match=r'odd .* not \(3, 4\)'):
        RandomMotionBlur(lengths=(3, 4))
