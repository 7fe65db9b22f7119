"""A runner with a short console."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from mmengine.logging import MMLogger
from torch import nn

from aurora_mm.engine.console.console_handler import ConsoleHandler


class ConsoleRunner:
    """Mixed into a runner of MMEngine: the log file gets everything, the console warnings and what was meant for it.

    The environment and the whole config are logged when a runner is made, before any hook is asked. So the logger's
    handlers are changed where the logger is made: by MMEngine's ``Runner`` itself, or by the strategy of its
    ``FlexibleRunner``.
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """As ``Runner`` has it, with a :class:`ConsoleHandler` in place of what wrote to stdout."""
        return _shorten(super().build_logger(*args, **kwargs))  # type: ignore[misc]

    def build_strategy(self, *args: Any, **kwargs: Any) -> Any:
        """As ``FlexibleRunner`` has it, its logger with a :class:`ConsoleHandler`."""
        strategy = super().build_strategy(*args, **kwargs)  # type: ignore[misc]
        _shorten(strategy.logger)
        return strategy

    def train(self) -> nn.Module:
        """As MMEngine has it."""
        return self._run(super().train)  # type: ignore[misc]

    def val(self) -> dict:
        """As MMEngine has it."""
        return self._run(super().val)  # type: ignore[misc]

    def test(self) -> dict:
        """As MMEngine has it."""
        return self._run(super().test)  # type: ignore[misc]

    def _run(self, run: Callable[[], Any]) -> Any:
        try:
            return run()
        finally:  # an error or Ctrl-C leaves no torn progress bar behind
            self.call_hook('close_console')  # type: ignore[attr-defined]


def _shorten(logger: MMLogger) -> MMLogger:
    for index, handler in enumerate(logger.handlers):
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            logger.handlers[index] = short = ConsoleHandler(handler.level)
            short.filters = handler.filters
    return logger
