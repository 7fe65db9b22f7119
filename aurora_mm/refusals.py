"""Classes of OpenMMLab that cannot be used for something in this package, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping

from aurora_mm.errors import ConfigError


class Refusals:
    """A table of classes of mmdet and mmseg that, like their subclasses, cannot be used for one purpose.

    Args:
        reasons: Why a class cannot be used, and what to use instead, by the name of the class.
        bases: Classes that cannot be used while their subclasses can: which one to use instead, by name.
    """

    def __init__(self, reasons: Mapping[str, str], bases: Mapping[str, str] | None = None) -> None:
        self.reasons = dict(reasons)
        self.bases = dict(bases or {})

    def check(self, found: type, what: str) -> None:
        """Raise an error if a class is in the table; classes of other packages never are.

        Args:
            found: The class.
            what: Beginning of the message, such as ``'mmdet.RPN cannot be a head'``.

        Raises:
            ConfigError: If it is. The message gives the reason.
        """
        if _is_foreign(found) and found.__name__ in self.bases:
            raise ConfigError(f'{what}: it is the base of others; use one such as {self.bases[found.__name__]}')
        for ancestor in found.__mro__:
            if _is_foreign(ancestor) and ancestor.__name__ in self.reasons:
                raise ConfigError(f'{what}: {self.reasons[ancestor.__name__]}')


def _is_foreign(kind: type) -> bool:
    return kind.__module__.startswith(('mmdet.', 'mmseg.', 'mmengine.'))
