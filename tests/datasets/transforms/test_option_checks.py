"""Numbers that cannot be what they are called are refused when a transform is built."""

import math

import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.registry import TRANSFORMS

PROBS = ('RandomBrightnessContrast', 'RandomGamma', 'RandomGaussianNoise', 'RandomGaussianBlur', 'RandomMotionBlur')


@pytest.mark.parametrize('name', (*PROBS, 'RandomGeometry'))
@pytest.mark.parametrize('prob', [-0.1, 7, math.nan, '0.5', True, None])
def test_a_probability_is_from_0_to_1(name, prob):
    with pytest.raises(ConfigError, match=rf'^{name}: prob must be a number from 0 to 1, not '):
        TRANSFORMS.build(dict(type=name, prob=prob))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(type='RandomGeometry', degrees=math.nan), 'degrees must be a number from 0 to 180, not nan'),
        (dict(type='RandomGeometry', degrees=-3), 'degrees must be a number from 0 to 180, not -3'),
        (dict(type='RandomGeometry', flip_prob=2), 'flip_prob must be a number from 0 to 1, not 2'),
        (dict(type='RandomGeometry', shift=math.inf), 'shift must be a number from 0 to 1, not inf'),
        (dict(type='RandomGeometry', scale=(2, 1)), r'scale must be above 0, the smaller number first, not \(2, 1\)'),
        (dict(type='RandomGeometry', scale=(0, 1)), r'scale must be above 0, the smaller number first, not \(0, 1\)'),
        (dict(type='RandomGeometry', scale=1.2), 'scale must be two numbers, not 1.2'),
        (dict(type='RandomGaussianNoise', std=(5, 1)), r'std must have the smaller number first, not \(5, 1\)'),
        (dict(type='RandomGaussianNoise', std=(math.nan, 1)), 'std must be a finite number from 0 on, not nan'),
        (dict(type='RandomGaussianBlur', sigma=(0, 1)), 'sigma must be above 0'),
        (dict(type='RandomBrightnessContrast', contrast=1.5), 'contrast must be a number from 0 to 1, not 1.5'),
        (dict(type='RandomGamma', gamma='12'), "gamma must be two numbers, not '12'"),
        (dict(type='RandomPatchMask', patch_size=0), 'patch_size must be a whole number from 1 on, not 0'),
        (dict(type='RandomPatchMask', patch_size=8.0), 'patch_size must be a whole number from 1 on, not 8.0'),
        (dict(type='RandomPatchMask', ratio=0), 'ratio must be a number from 0 to 1, above 0, not 0'),
        (dict(type='RandomPatchMask', ratio='a'), "ratio must be a number from 0 to 1, above 0, not 'a'"),
        (dict(type='RandomPatchMask', level=256), 'level must be a number from 0 to 255, not 256'),
        (dict(type='RandomPatchMask', min_share=math.nan), 'min_share must be a number from 0 to 1, not nan'),
        (dict(type='LandmarkJitter', sigma=math.inf), 'sigma must be a finite number from 0 on, not inf'),
    ],
)
def test_what_is_out_of_range(options, message):
    with pytest.raises(ConfigError, match=f'^{options["type"]}: {message}'):
        TRANSFORMS.build(options)


def test_ends_of_ranges_are_allowed():
    built = TRANSFORMS.build(dict(type='RandomGeometry', prob=0, flip_prob=1, degrees=180, scale=[1, 1], shift=0))
    assert (built.prob, built.flip_prob, built.degrees, built.scale, built.shift) == (0, 1, 180, (1, 1), 0)
    assert TRANSFORMS.build(dict(type='RandomGaussianNoise', std=[0, 0])).std == (0, 0)
