"""Pretraining of an encoder on images without labels, by masked image modelling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.build import build_foreign, require_module_configs
from aurora_mm.models.utils.maps import maps_of
from aurora_mm.registry import MODELS


@MODELS.register_module()
class MaskedImageModel(BaseModel):
    """SimMIM (https://arxiv.org/abs/2111.09886): an encoder predicts the pixels of patches that it does not see.

    Patches are masked at random, see :class:`aurora_mm.datasets.transforms.RandomPatchMask`. One linear layer predicts
    the pixels from the last map of the encoder. The loss is the mean absolute difference over masked pixels.

    An encoder whose first convolution has windows that do not overlap (vision transformers, Swin, ConvNeXt) has a
    learned token in place of the embedding of a masked patch. Any other encoder (EfficientNetLite, ResNet) sees a
    learned colour in place of its pixels.

    Args:
        backbone: Config of the encoder: one of this package, or of mmdet or mmseg by prefix. Blocks after its last tap
            do not exist, so ``out_indices`` must have the last block that is to be trained.
        data_preprocessor: Config of the data preprocessor, see :class:`ImgDataPreprocessor`.
        init_cfg: Config of the initialisation, see MMEngine's ``BaseModule``.

    Raises:
        ConfigError: If the encoder cannot be built.
    """

    required_hooks = ('MaskedImageHook',)

    def __init__(
        self,
        backbone: dict[str, Any],
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        require_module_configs(backbone=backbone)
        self.backbone = build_foreign(backbone)
        maps = maps_of(self.backbone)
        self.stride = maps.strides[-1]
        embedding = patch_embedding_of(self.backbone)
        self.mask_token = nn.Parameter(torch.zeros(3 if embedding is None else embedding.out_channels))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.predictor = nn.Conv2d(maps.channels[-1], 3 * self.stride**2, kernel_size=1)

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement], mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor]:
        """Run the model.

        Args:
            inputs: Images, ``(B, 3, h, w)``, normalised.
            data_samples: One for each image, with ``mask``, (n, m) bool: which of n x m cells of equal size are masked.
            mode: 'loss' for training, 'tensor' or 'predict' for the predicted images.

        Returns:
            For 'loss' a dict with ``loss_pixels``, otherwise the images that :meth:`predict` returns.
        """
        masks = torch.stack([sample.mask for sample in data_samples])
        predicted = self.predict(inputs, masks)
        return dict(loss_pixels=masked_l1(predicted, inputs, masks)) if mode == 'loss' else predicted

    def predict(self, inputs: Tensor, masks: Tensor) -> Tensor:
        """Predict images, of which the encoder does not see the masked cells.

        Args:
            inputs: Images, ``(B, 3, h, w)``, normalised.
            masks: ``(B, n, m)`` bool.

        Returns:
            ``(B, 3, h, w)``, normalised as the inputs.

        Raises:
            ConfigError: If a side of a cell is not a multiple of the encoder's patches.
        """
        embedding = patch_embedding_of(self.backbone)
        if embedding is None:
            hidden = spread(masks, inputs.shape[-2:])
            maps = self.backbone(torch.where(hidden[:, None], self.mask_token.to(inputs.dtype)[:, None, None], inputs))
        else:
            with self._replace(embedding, inputs.shape[-2:], masks):
                maps = self.backbone(inputs)
        pixels = F.pixel_shuffle(self.predictor(maps[-1]), self.stride)
        return pixels[..., : inputs.shape[-2], : inputs.shape[-1]]

    @contextmanager
    def _replace(self, embedding: nn.Conv2d, size: Sequence[int], masks: Tensor) -> Iterator[None]:
        """Have a patch embedding give the token for masked patches within the block."""
        patches = (size[0] // embedding.stride[0], size[1] // embedding.stride[1])
        hidden = spread(masks, patches)

        def replace(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:  # (B, C, H, W)
            bottom, right = output.shape[-2] - patches[0], output.shape[-1] - patches[1]  # of padding
            of_patches = F.pad(hidden, (0, right, 0, bottom))[:, None]
            return torch.where(of_patches, self.mask_token.to(output.dtype)[:, None, None], output)

        hook = embedding.register_forward_hook(replace)
        try:
            yield
        finally:
            hook.remove()


def patch_embedding_of(backbone: nn.Module) -> nn.Conv2d | None:
    """Return the first convolution of an encoder if its windows do not overlap, otherwise None."""
    first = next((module for module in backbone.modules() if isinstance(module, nn.Conv2d)), None)
    return first if first is not None and first.kernel_size == first.stride != (1, 1) else None


def spread(masks: Tensor, size: Sequence[int]) -> Tensor:
    """Repeat each cell of masks, ``(B, n, m)``, so that they have ``size``, ``(B, h, w)``.

    Raises:
        ConfigError: If a side is not a multiple of the number of cells.
    """
    cells = masks.shape[1:]
    if size[0] % cells[0] or size[1] % cells[1]:
        raise ConfigError(
            f"{cells[0]} x {cells[1]} masked cells do not divide the encoder's {size[0]} x {size[1]} patches: "
            "set patch_size of RandomPatchMask to a multiple of the encoder's patches"
        )
    return masks.repeat_interleave(size[0] // cells[0], 1).repeat_interleave(size[1] // cells[1], 2)


def masked_l1(predicted: Tensor, target: Tensor, masks: Tensor) -> Tensor:
    """Return the mean absolute difference over the pixels of masked cells; 0 if there are none.

    Args:
        predicted: ``(B, 3, h, w)``.
        target: ``(B, 3, h, w)``.
        masks: ``(B, n, m)`` bool.
    """
    hidden = spread(masks, target.shape[-2:])[:, None]
    difference = (predicted.float() - target.float()).abs() * hidden
    return difference.sum() / (hidden.sum() * target.shape[1]).clamp(min=1)
