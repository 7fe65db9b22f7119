from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.structures import InstanceData
from torch import Tensor


class BaseCodec(metaclass=ABCMeta):
    """Turns annotations into what a head is trained with, and what a head puts out into annotations.

    A codec holds no weights. ``encode`` and ``decode`` are inverse to each other: what is encoded and decoded again is
    the annotation. A head builds its codec from its config, ``codec=dict(type='HeatmapCodec', sigma=2.0)``.

    Coordinates are normalised to [0, 1] by the size of the network input. ``encode`` runs in every training step and
    reads nothing back to the host.
    """

    @abstractmethod
    def encode(self, *args: Any, **kwargs: Any) -> Any:
        """Targets for the training of annotations."""

    @abstractmethod
    def decode(self, *args: Any, **kwargs: Any) -> Any:
        """Annotations of a head's output."""


class BoxTargets(NamedTuple):
    """What a detection head is trained with.

    Legend: B images, K classes, h x w cells.

    Attributes:
        scores: ``(B, K, h, w)`` in [0, 1], how much a cell is to find a box of the class.
        boxes: ``(B, 4, h, w)`` xyxy, the box that the cell is to find; any values where there is none.
        weights: ``(B, h, w)``, how much the cell counts in the losses of boxes. They sum to 1 in an image with boxes
            and are 0 elsewhere.
    """

    scores: Tensor
    boxes: Tensor
    weights: Tensor


class BaseBoxCodec(BaseCodec):
    """A codec of boxes on a grid of cells, for a detection head.

    Legend: B images, N boxes of an image, K classes, h x w cells.

    Attributes:
        raw_prior: Raw output, as :meth:`place` takes it, of the box that an untrained head is to answer with.
    """

    raw_prior: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @abstractmethod
    def encode(
        self, boxes: Sequence[Tensor], labels: Sequence[Tensor], num_classes: int, grid: tuple[int, int]
    ) -> BoxTargets:
        """Targets of a batch.

        Args:
            boxes: ``(N, 4)`` xyxy of each image.
            labels: ``(N,)`` int64 in [0, K) of each image.
            num_classes: K.
            grid: ``(h, w)``.
        """

    @abstractmethod
    def place(self, raw: Tensor) -> Tensor:
        """Boxes of a network's raw output.

        Args:
            raw: ``(B, 4, h, w)``, of any range.

        Returns:
            ``(B, 4, h, w)`` xyxy, not clipped to [0, 1].
        """

    @abstractmethod
    def decode(self, scores: Tensor, boxes: Tensor) -> list[InstanceData]:
        """Boxes that were found in each image, by falling score, at least one.

        Args:
            scores: ``(B, K, h, w)`` in [0, 1].
            boxes: ``(B, 4, h, w)`` xyxy, as :meth:`place` gives them.

        Returns:
            ``bboxes`` (M, 4) xyxy, ``scores`` (M,) and ``labels`` (M,) of each image.
        """


class BaseLandmarkCodec(BaseCodec):
    """A codec of landmarks as maps, for a landmark head.

    Legend: B images, K points, h x w cells of the image, m cells of margin.

    Attributes:
        margin: m, how many cells the maps go beyond each side of the image.
    """

    margin: int = 0

    @abstractmethod
    def encode(self, points: Tensor, grid: tuple[int, int]) -> Tensor:
        """Maps of points.

        Args:
            points: ``(B, K, 2)``, x and y.
            grid: ``(h, w)``.

        Returns:
            ``(B, K, h + 2 m, w + 2 m)``; each map sums to 1.
        """

    @abstractmethod
    def decode(self, maps: Tensor) -> Tensor:
        """Points of maps; differentiable.

        Args:
            maps: ``(B, K, h + 2 m, w + 2 m)``; each sums to 1.

        Returns:
            ``(B, K, 2)``, x and y.
        """
