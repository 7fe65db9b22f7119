"""Limits of the API."""

import math

import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.serving.api_limits import ApiLimits


def test_units():
    limits = ApiLimits(max_request_mb=1.5, max_megapixels=0.25, batch_wait=0)
    assert (limits.max_bytes, limits.max_pixels) == (1_500_000, 250_000)


@pytest.mark.parametrize(
    'wrong',
    [dict(max_files=0), dict(timeout=0), dict(batch_wait=-1), dict(max_megapixels=math.nan), dict(max_batch=-2)],
)
def test_limits_that_cannot_be(wrong):
    with pytest.raises(ConfigError, match=f'{next(iter(wrong))} of the API cannot be'):
        ApiLimits(**wrong)
