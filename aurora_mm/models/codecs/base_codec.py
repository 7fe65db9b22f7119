from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.errors import ConfigError


class BaseCodec(metaclass=ABCMeta):
    """Converts annotations to training targets of a head (encode), and the output of a head to annotations (decode).

    A codec has no weights. ``decode`` inverts ``encode``: an annotation that is encoded and decoded is the same again.
    A head builds its codec from its config, ``codec=dict(type='HeatmapCodec', sigma=2.0)``.

    Coordinates are normalised to [0, 1] by the size of the network input. ``encode`` runs in every training step, so it
    must not copy anything from the device to the host.
    """

    @abstractmethod
    def encode(self, *args: Any, **kwargs: Any) -> Any:
        """Encode annotations to training targets."""

    @abstractmethod
    def decode(self, *args: Any, **kwargs: Any) -> Any:
        """Decode the output of a head to annotations."""


class BoxTargets(NamedTuple):
    """The training targets of a detection head.

    Legend: B images, K classes (without background), h x w cells.

    Attributes:
        scores (Tensor): ``(B, K, h, w)`` in [0, 1], the target of the score of each class.
        boxes (Tensor): ``(B, 4, h, w)``, xyxy normalised, the target of the box in each cell; any values where there is
            none.
        weights (Tensor): ``(B, h, w)``, the weight of each cell in the losses of boxes. The weights sum to 1 in an
            image with boxes and are 0 in an image without.
    """

    scores: Tensor
    boxes: Tensor
    weights: Tensor


class FixedBoxes(NamedTuple):
    """Boxes of a batch in tensors whose shapes do not depend on the number of boxes.

    Legend: B images, N the largest number of boxes of an image.

    Attributes:
        boxes (Tensor): ``(B, N, 4)``, xyxy normalised, by falling score.
        scores (Tensor): ``(B, N)``.
        labels (Tensor): ``(B, N)`` int64.
        num_boxes (Tensor): ``(B,)`` int64, the number of boxes of each image, at least 1. What follows these in the
            other tensors has no meaning.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    num_boxes: Tensor


class BaseBoxCodec(BaseCodec):
    """A codec of boxes on a grid of cells, for a detection head.

    Legend: B images, N boxes of an image, K classes (without background), h x w cells.

    Attributes:
        raw_prior (tuple[float, ...]): Raw output, as :meth:`place` takes it, of the box that an untrained head
            predicts.
    """

    raw_prior: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @abstractmethod
    def encode(
        self, boxes: Sequence[Tensor], labels: Sequence[Tensor], num_classes: int, grid: tuple[int, int]
    ) -> BoxTargets:
        """Encode the boxes of a batch.

        Args:
            boxes: Boxes of each image, ``(N, 4)``, xyxy normalised.
            labels: Classes of the boxes of each image, ``(N,)`` int64 in [0, K).
            num_classes: K.
            grid: Number of cells ``(h, w)``.

        Returns:
            The training targets.
        """

    @abstractmethod
    def place(self, raw: Tensor) -> Tensor:
        """Convert the raw output of a network to boxes.

        Args:
            raw: ``(B, 4, h, w)``, any values.

        Returns:
            ``(B, 4, h, w)``, xyxy normalised, not clipped to [0, 1].
        """

    @abstractmethod
    def decode(self, scores: Tensor, boxes: Tensor) -> list[InstanceData]:
        """Decode the boxes of each image, by falling score.

        Args:
            scores: Scores of the classes, ``(B, K, h, w)`` in [0, 1].
            boxes: ``(B, 4, h, w)``, xyxy normalised, as :meth:`place` returns them.

        Returns:
            ``bboxes`` (M, 4) xyxy normalised, ``scores`` (M,) and ``labels`` (M,) of each image.
        """

    def decode_fixed(self, scores: Tensor, boxes: Tensor) -> FixedBoxes:
        """Decode the same boxes as :meth:`decode`, without loops or shapes that depend on values, for export.

        Args:
            scores: See :meth:`decode`.
            boxes: See :meth:`decode`.

        Raises:
            ConfigError: If the codec cannot be exported.
        """
        raise ConfigError(f'{type(self).__name__} cannot be exported: it has no method decode_fixed')


class BaseLandmarkCodec(BaseCodec):
    """A codec of landmarks as heatmaps, for a landmark head.

    Legend: B images, K points, h x w cells of the image, m cells of margin.

    Attributes:
        margin (int): m, the number of cells by which the heatmaps extend beyond each side of the image.
    """

    margin: int = 0

    @abstractmethod
    def encode(self, points: Tensor, grid: tuple[int, int]) -> Tensor:
        """Encode points to heatmaps.

        Args:
            points: ``(B, K, 2)``, x and y normalised.
            grid: Number of cells of the image ``(h, w)``.

        Returns:
            Heatmaps ``(B, K, h + 2 m, w + 2 m)``; each sums to 1.
        """

    @abstractmethod
    def decode(self, maps: Tensor) -> Tensor:
        """Decode heatmaps to points; differentiable.

        Args:
            maps: Heatmaps ``(B, K, h + 2 m, w + 2 m)``; each sums to 1.

        Returns:
            ``(B, K, 2)``, x and y normalised.
        """
