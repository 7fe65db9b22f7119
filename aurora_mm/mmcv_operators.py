"""A replacement for mmcv's compiled operators, so that mmdet and mmseg can be imported without them.

mmdet and mmseg import ``mmcv.ops`` as a whole, and ``mmcv.ops`` needs the compiled module ``mmcv._ext``. aurora_mm uses
none of these operators, and most heads of mmdet and mmseg use only non-maximum suppression. The replacement takes the
place of the missing module: non-maximum suppression runs in plain torch, and any other operator raises an error that
says how to compile it. Operators that are installed and cannot be loaded raise such an error, too.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

import torch
from torch import Tensor

from aurora_mm.errors import OperatorError

_MODULE = 'mmcv._ext'
_COMPILE = (
    'compile them by `make setup-ops`, or by `MMCV_WITH_OPS=1 pip install --no-build-isolation --no-deps '
    '--force-reinstall --no-cache-dir onedl-mmcv==2.3.6`'
)


class MMCVOperatorStandIn(ModuleType):
    """A module that has every operator: :func:`nms` works, the others raise :class:`OperatorError` when called."""

    def __init__(self) -> None:
        super().__init__(_MODULE, __doc__)
        self.__spec__ = importlib.util.spec_from_loader(_MODULE, loader=None)
        self.nms = nms

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> NoReturn:
            raise OperatorError(
                f"this needs mmcv's compiled operator {name!r} and mmcv was installed without; {_COMPILE}"
            )

        return missing


class OperatorFinder(MetaPathFinder):
    """Finds mmcv's compiled operators, and raises :class:`OperatorError` if they cannot be loaded.

    They cannot where they were compiled for another torch or another system. MMEngine's registries ignore the
    ImportError, so that a class of mmdet or mmseg would be reported as not registered.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the operators; None for any other module."""
        spec = importlib.machinery.PathFinder.find_spec(fullname, path) if fullname == _MODULE else None
        if spec is not None and spec.loader is not None:
            spec.loader = _OperatorLoader(spec.loader)
        return spec


class _OperatorLoader(Loader):
    """Loads a module by another loader, and turns its ImportError into an :class:`OperatorError`."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        try:
            return self._loader.create_module(spec)
        except ImportError as error:
            raise OperatorError(f"mmcv's compiled operators cannot be loaded ({error}); {_COMPILE}") from error

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)


def has_operators() -> bool:
    """Return whether mmcv's compiled operators are installed, without importing mmcv."""
    module = sys.modules.get(_MODULE)
    if module is not None:
        return not isinstance(module, MMCVOperatorStandIn)
    package = importlib.util.find_spec('mmcv')
    if package is None or package.submodule_search_locations is None:
        return False
    finder = importlib.machinery.PathFinder()
    return finder.find_spec(_MODULE, package.submodule_search_locations) is not None


def stand_in_for_operators() -> bool:
    """Install the replacement if mmcv has no compiled operators.

    It must run before the first import of ``mmcv.ops``, mmdet or mmseg; ``aurora_mm.registry`` calls it.

    Returns:
        Whether the replacement is installed.
    """
    if has_operators():
        if not any(isinstance(finder, OperatorFinder) for finder in sys.meta_path):
            sys.meta_path.insert(0, OperatorFinder())
        return False
    sys.modules.setdefault(_MODULE, MMCVOperatorStandIn())
    return True


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int = 0) -> Tensor:
    """Perform non-maximum suppression in plain torch, with the signature of mmcv's operator.

    A box is dropped if its IoU with a kept box of a higher score exceeds ``iou_threshold``. Of boxes with equal scores
    the first one is kept.

    Args:
        boxes: ``(N, 4)`` xyxy, in pixels or normalised.
        scores: ``(N,)``.
        iou_threshold: Largest IoU of two kept boxes.
        offset: Value added to widths and heights: 1 if boxes end with the index of their last pixel, otherwise 0.

    Returns:
        Indices of the kept boxes, ``(M,)`` int64, by falling score.
    """
    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order].detach()
    areas = (boxes[:, 2:] - boxes[:, :2] + offset).prod(1)
    kept = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    # Row by row instead of one (N, N) matrix, because a dense detector returns tens of thousands of boxes.
    for i in range(len(boxes) - 1):
        if not kept[i]:
            continue
        rest = boxes[i + 1 :]
        sides = torch.minimum(boxes[i, 2:], rest[:, 2:]) - torch.maximum(boxes[i, :2], rest[:, :2]) + offset
        overlap = sides.clamp(min=0).prod(1)
        union = areas[i] + areas[i + 1 :] - overlap
        kept[i + 1 :] &= overlap <= iou_threshold * union
    return order[kept]
