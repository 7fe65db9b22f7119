"""Which requests are let in."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from aurora_mm.errors import ConfigError
from aurora_mm.serving.api_error import ApiError

_RETRY_AFTER = 1  # seconds, if the server is busy


class Admission:
    """Refuses requests before anything of them is read, if there are too many.

    Args:
        max_requests: Most requests at the same time.
        rate: Most requests of a client, such as ``'60/minute'``; None for any number.

    Raises:
        ConfigError: If ``rate`` is written in another way.
    """

    def __init__(self, max_requests: int, rate: str | None = None) -> None:
        self.max_requests = max_requests
        self.active = 0
        try:
            self._rate = None if rate is None else parse(rate)
        except ValueError as error:
            raise ConfigError(f'{rate!r} is no rate such as 60/minute or 5/second') from error
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    @property
    def is_full(self) -> bool:
        """Whether no further request is let in."""
        return self.active >= self.max_requests

    @contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """Let a request in for as long as the context lasts.

        Args:
            client: Address of the client.

        Raises:
            ApiError: If the client asks too often, or too many requests are being answered.
        """
        if self.is_full:
            message = f'{self.max_requests} requests are being answered; try again later'
            raise ApiError(503, 'busy', message, retry_after=_RETRY_AFTER)
        if self._rate is not None and not self._limiter.hit(self._rate, client):
            reset = self._limiter.get_window_stats(self._rate, client).reset_time
            wait = max(math.ceil(reset - time.time()), 1)
            raise ApiError(429, 'rate_limit', f'a client may ask {self._rate}', retry_after=wait)
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
