"""Limits of the API."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from aurora_mm.errors import ConfigError


@dataclass(frozen=True)
class ApiLimits:
    """Limits of requests, and how images are gathered into batches.

    Args:
        max_request_mb: Largest body of a request in MB.
        max_files: Most files of a request.
        max_images: Most images of a request. Frames of clips and slices of volumes count one by one.
        max_megapixels: Largest image, in millions of pixels.
        max_requests: Most requests that are read or wait for their answer at the same time.
        timeout: Seconds from the first byte of a request to its answer.
        max_batch: Most images of one network size that go through the model together.
        batch_wait: Seconds that an image waits for others to go through the model with it.
        rate: Most requests of a client, such as ``'60/minute'``; None for any number.

    Raises:
        ConfigError: If a number is not larger than 0. ``batch_wait`` may be 0.
    """

    max_request_mb: float = 50
    max_files: int = 32
    max_images: int = 256
    max_megapixels: float = 25
    max_requests: int = 64
    timeout: float = 60
    max_batch: int = 8
    batch_wait: float = 0.005
    rate: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == 'rate':
                continue
            is_large = value >= (field.type == 'int') and (value > 0 or field.name == 'batch_wait')
            if not (math.isfinite(value) and is_large):
                raise ConfigError(f'{field.name} of the API cannot be {value}')

    @property
    def max_bytes(self) -> int:
        """Largest body of a request in bytes."""
        return round(self.max_request_mb * 10**6)

    @property
    def max_pixels(self) -> int:
        """Largest image in pixels."""
        return round(self.max_megapixels * 10**6)
