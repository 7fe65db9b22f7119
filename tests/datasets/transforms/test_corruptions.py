"""Corruptions of ultrasound images: what each does to pixels, by hand, and what all of them leave alone."""

import cv2
import numpy as np
import pytest

from aurora_mm.datasets.transforms.corruptions import (
    CORRUPTIONS,
    DepthAttenuation,
    Gain,
    Haze,
    Shadow,
    Speckle,
    UltrasoundBlur,
)
from aurora_mm.datasets.transforms.corruptions.corruption import STRENGTHS
from aurora_mm.datasets.transforms.corruptions.sector import find_sector
from aurora_mm.errors import ConfigError
from aurora_mm.images.shared_channels import share_channels, shared_plane
from aurora_mm.registry import TRANSFORMS

HEIGHT, WIDTH = 160, 200


def fan():
    """(H, W) bool: the sector of a curved probe, 80 degrees wide."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    radius, angle = np.hypot(x - WIDTH / 2, y + 40), np.arctan2(x - WIDTH / 2, y + 40)
    return (radius > 60) & (radius < 190) & (np.abs(angle) < np.radians(40))


FAN = fan()


def scan(seed=0):
    """A grey image: speckle of 40 to 200 in the sector with a black disc of 8 pixels, 0 outside."""
    grain = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH)), (0, 0), 2)
    plane = np.clip(120 + 30 * grain / grain.std(), 40, 200).astype(np.uint8) * FAN.astype(np.uint8)
    return share_channels(cv2.circle(plane, (100, 80), 4, 0, -1))


def flat(value=100):
    return share_channels(np.full((HEIGHT, WIDTH), value, np.uint8))


def corrupted(kind, strength, image, seed=3):
    return kind(strength=strength, seed=seed)(dict(img=image))['img']


def test_the_sector_holds_its_dark_structures_and_not_the_dark_around():
    sector = find_sector(scan())
    assert (sector.mask & FAN).sum() > 0.99 * FAN.sum()
    assert (sector.mask & ~FAN).sum() < 0.02 * FAN.sum()
    assert sector.mask[80, 100]
    rows = np.flatnonzero(FAN.any(axis=1))
    assert (sector.depth[rows[0]], sector.depth[rows[-1]]) == pytest.approx((0, 1), abs=0.02)


def test_a_scale_beside_the_sector_is_no_part_of_it():
    image = np.array(scan())
    image[40:120, 2:4] = np.linspace(255, 30, 80, dtype=np.uint8)[:, None, None]
    image[150:154, 150:190] = 180  # a line of text
    assert (find_sector(image).mask ^ find_sector(scan()).mask).sum() < 0.002 * FAN.sum()


def test_a_picture_without_a_dark_background_is_one_sector():
    assert find_sector(np.zeros((20, 30), np.uint8)).mask.all()
    assert find_sector(np.full((20, 30), 90, np.uint8)).mask.all()


@pytest.mark.parametrize('kind', CORRUPTIONS)
class TestAll:
    def test_strength_0_changes_nothing(self, kind):
        image = scan()
        assert corrupted(kind, 0, image) is image

    def test_the_stronger_the_more_changes(self, kind):
        image = scan().astype(float)
        changes = [np.abs(corrupted(kind, strength, scan()) - image).mean() for strength in (0, *STRENGTHS)]
        assert (np.diff(changes) > 0.02).all(), changes

    def test_outside_of_the_sector_nothing_changes(self, kind):
        image = scan()
        outside = ~find_sector(image).mask
        changed = corrupted(kind, 1.0, image)
        np.testing.assert_array_equal(changed[outside], image[outside])
        assert (outside & ~FAN).sum() > 0.99 * (~FAN).sum()
        assert not changed[outside & ~FAN].any()

    def test_it_is_the_same_in_each_run_and_another_for_another_image(self, kind):
        image = scan()
        first = corrupted(kind, 0.6, image)
        np.random.seed(7)
        np.testing.assert_array_equal(first, corrupted(kind, 0.6, np.array(image)))
        if kind in (Shadow, Speckle, Haze):
            other = flat(), flat(101)
            changes = [corrupted(kind, 0.6, one).astype(int) - one for one in other]
            assert np.abs(changes[0] - changes[1]).max() > 3
            assert (corrupted(kind, 0.6, image, seed=4) != first).any()

    def test_as_augmentation_it_follows_numpys_state(self, kind):
        transform = TRANSFORMS.build(dict(type=f'aurora_mm.{kind.__name__}', strength=(0.1, 1.0)))
        np.random.seed(1)
        first = transform(dict(img=scan()))['img']
        others = [transform(dict(img=scan()))['img'] for _ in range(3)]
        np.random.seed(1)
        np.testing.assert_array_equal(first, transform(dict(img=scan()))['img'])
        assert any((first != other).any() for other in others)
        assert TRANSFORMS.build(dict(type=kind.__name__, prob=0.0))(dict(img=(image := scan())))['img'] is image

    def test_grey_images_stay_one_plane_and_colours_are_changed_alike(self, kind):
        image = scan()
        shared = corrupted(kind, 0.8, image)
        assert shared_plane(shared) is not None
        own = corrupted(kind, 0.8, np.array(image))
        assert (own.shape, own.dtype) == (image.shape, np.uint8)
        np.testing.assert_array_equal(own, shared)

    def test_bad_arguments(self, kind):
        for options, told in (
            (dict(strength=1.5), 'strength must be a number from 0 to 1, not 1.5'),
            (dict(strength='0.5'), "strength must be a number from 0 to 1, not '0.5'"),
            (dict(strength=(0.5, 1.5)), 'strength must be a number from 0 to 1, not 1.5'),
            (dict(strength=(0.5, 0.1)), r'strength must have the smaller number first, not \(0.5, 0.1\)'),
            (dict(strength=[0.5]), r'strength must be two numbers, not \[0.5\]'),
            (dict(prob=2), 'prob must be a number from 0 to 1, not 2'),
            (dict(seed=-1), 'seed must be a whole number from 0 on, not -1'),
        ):
            with pytest.raises(ConfigError, match=f'^{kind.__name__}: {told}'):
                kind(**options)


def test_gain_by_hand():
    """6 dB of 60 are a tenth of 255."""
    assert np.unique(corrupted(Gain, 0.4, flat())).tolist() == [126]  # 125.5 is rounded to even
    assert np.unique(corrupted(Gain, 1.0, flat(240))).tolist() == [255]


def test_attenuation_by_hand():
    """Nothing at the top, 30 of 60 dB at the bottom, half of them in the middle."""
    column = corrupted(DepthAttenuation, 1.0, flat(200))[:, 0, 0]
    assert (column[0], column[-1]) == (200, 72)
    assert column[HEIGHT // 2] == pytest.approx(200 - 127.5 / 2, abs=1)


def test_a_shadow_takes_a_quarter_of_the_width_and_reaches_to_the_bottom():
    lost = 200 - corrupted(Shadow, 1.0, flat(200))[..., 0].astype(int)
    assert lost[-1].max() == round(40 * 255 / 60)
    assert (lost[-1] > lost[-1].max() / 2).sum() == pytest.approx(WIDTH / 4, abs=1)
    assert not lost[0].any()
    assert (np.diff(lost, axis=0) >= 0).all()


def test_speckle_has_the_stated_standard_deviation():
    found = corrupted(Speckle, 0.4, flat(128))[..., 0].astype(float)
    assert found.std() == pytest.approx(0.4 * 2 * 5.57 * 255 / 60, rel=0.02)
    assert found.mean() == pytest.approx(128, abs=2)


def test_haze_adds_amplitudes():
    """At the top at most 16 dB below white: 255 * 44 / 60 on black; at the bottom 20 dB less. White hardly changes."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    top, bottom = (corrupted(Haze, 1.0, image)[row].max() for row in (0, -1))
    assert 255 * 38 / 60 < top <= 255 * 44 / 60 + 1
    assert 255 * 18 / 60 < bottom <= 255 * 24 / 60 + 2
    image[0] = 250
    assert corrupted(Haze, 1.0, image)[0].max() - 250 <= 5


def test_blur_keeps_an_even_sector_even():
    plane = np.where(FAN, 150, 0).astype(np.uint8)
    found = corrupted(UltrasoundBlur, 1.0, share_channels(plane))[..., 0]
    inside = cv2.erode(FAN.astype(np.uint8), np.ones((31, 31))).astype(bool)
    assert np.unique(found[inside]).tolist() == [150]


def test_blur_is_twice_as_wide_across():
    """A bright point: the second moments of its image are the variances of the Gaussian."""
    image = np.full((HEIGHT, WIDTH), 20, np.uint8)
    image[70:90, 90:110] = 220
    found = corrupted(UltrasoundBlur, 1.0, share_channels(image))[..., 0].astype(float)
    rows, columns = np.abs(np.diff(found[:, 100])), np.abs(np.diff(found[80]))

    def spread(profile, start):
        edge = profile[start - 15 : start + 9]
        places = np.arange(len(edge))
        mean = (edge * places).sum() / edge.sum()
        return np.sqrt((edge * (places - mean) ** 2).sum() / edge.sum())

    assert spread(columns, 90) == pytest.approx(0.015 * WIDTH, rel=0.1)
    assert spread(rows, 70) == pytest.approx(0.0075 * WIDTH, rel=0.1)
