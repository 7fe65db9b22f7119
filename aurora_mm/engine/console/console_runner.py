"""A runner with short output on the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmengine.logging import MMLogger
from torch import nn

from aurora_mm.console import use_console


class ConsoleRunner:
    """A mixin for runners of MMEngine: only warnings and selected texts are logged to the console.

    The log file still gets everything.

    The environment and the whole config are logged when a runner is built, before any hook runs. So the handlers of the
    logger are replaced where the logger is built: by MMEngine's ``Runner`` itself, or by the strategy of its
    ``FlexibleRunner``.
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger of ``Runner``, with a :class:`ConsoleHandler` in place of the handler for stdout."""
        return use_console(super().build_logger(*args, **kwargs))  # type: ignore[misc]

    def build_strategy(self, *args: Any, **kwargs: Any) -> Any:
        """Build the strategy of ``FlexibleRunner``, with a :class:`ConsoleHandler` in its logger."""
        strategy = super().build_strategy(*args, **kwargs)  # type: ignore[misc]
        use_console(strategy.logger)
        return strategy

    def train(self) -> nn.Module:
        """Train, see MMEngine's runner."""
        return self._run(super().train)  # type: ignore[misc]

    def val(self) -> dict[str, Any]:
        """Validate, see MMEngine's runner."""
        return self._run(super().val)  # type: ignore[misc]

    def test(self) -> dict[str, Any]:
        """Test, see MMEngine's runner."""
        return self._run(super().test)  # type: ignore[misc]

    def _run(self, run: Callable[[], Any]) -> Any:
        try:
            return run()
        finally:  # closes the progress bar after an error or Ctrl-C
            self.call_hook('close_console')  # type: ignore[attr-defined]
