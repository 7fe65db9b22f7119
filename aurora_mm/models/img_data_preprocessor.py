"""A faster version of MMEngine's ImgDataPreprocessor, which can also mix the images of a batch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import ImgDataPreprocessor as MMEngineImgDataPreprocessor
from mmengine.model import stack_batch
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.models.batch_augments import RandomBatchAugment
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample


@MODELS.register_module()
class ImgDataPreprocessor(MMEngineImgDataPreprocessor):
    """Move a batch to the device, swap colour channels, normalise and pad.

    MMEngine's class reorders the channels by a list of indices, which torch copies to the device for each image while
    the host waits, and normalises each image by itself. Here all images of a batch are handled at once if they have one
    size. In training, images of a batch can also be mixed, as by the data preprocessor of mmpretrain.

    Args:
        batch_augments: Arguments of :class:`RandomBatchAugment`, such as
            ``dict(augments=[dict(type='CutMix'), dict(type='Mixup')], probs=[0.5, 0.5])``. It mixes images of which
            only classes are labelled. None mixes none.
        non_blocking: Whether the host continues while data is copied to the device. This works from pinned memory only,
            see ``pin_memory`` of the data loader.
        kwargs: See MMEngine's class: ``mean``, ``std``, ``bgr_to_rgb``, ``pad_size_divisor``, ``pad_value``, ...
    """

    def __init__(
        self, *, batch_augments: dict[str, Any] | None = None, non_blocking: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs, non_blocking=non_blocking)
        self.batch_augments = None if batch_augments is None else RandomBatchAugment(**batch_augments)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Prepare a batch.

        Args:
            data: ``inputs``, a list of B images ``(3, h, w)`` of any sizes or one tensor ``(B, 3, h, w)``, of integers
                or floats; and ``data_samples``, which may be None.
            training: Whether to mix images, see ``batch_augments``.

        Returns:
            ``inputs`` as one tensor ``(B, 3, H, W)`` of float32, padded on the right and at the bottom, and
            ``data_samples``; both on the device. Data samples of mixed images have mixed labels.

        Raises:
            ConfigError: If images do not have the three channels that ``mean`` or ``bgr_to_rgb`` need; or images are to
                be mixed and the data samples are not :class:`MultiTaskDataSample`.
        """
        data = self.cast_data(data)
        inputs = data['inputs']
        if isinstance(inputs, Tensor):
            batch = self._padded(self._normalised(inputs))
        elif len({image.shape for image in inputs}) == 1:
            batch = self._padded(self._normalised(torch.stack(list(inputs))))
        else:
            batch = stack_batch(
                [self._normalised(image) for image in inputs], self.pad_size_divisor, float(self.pad_value)
            )
        data_samples = data.get('data_samples')
        if training and self.batch_augments is not None:
            if not data_samples or not all(isinstance(sample, MultiTaskDataSample) for sample in data_samples):
                raise ConfigError('batch_augments mixes images with MultiTaskDataSamples, and there are none here')
            sizes = [(image.shape[-2], image.shape[-1]) for image in inputs]
            batch = self.batch_augments(batch, sizes, data_samples)
        return data | dict(inputs=batch, data_samples=data_samples)

    def _normalised(self, images: Tensor) -> Tensor:
        """Convert ``(..., C, h, w)`` to float32, in the channel order and value range of the model."""
        channels = images.shape[-3]
        if channels != 3 and (self._channel_conversion or (self._enable_normalize and len(self.mean) == 3)):
            raise ConfigError(f'images of {channels} channels; this ImgDataPreprocessor is set to take three')
        if self._channel_conversion:
            images = images.flip(-3)
        images = images.float()
        return (images - self.mean) / self.std if self._enable_normalize else images

    def _padded(self, images: Tensor) -> Tensor:
        right, bottom = (-side % self.pad_size_divisor for side in (images.shape[-1], images.shape[-2]))
        return F.pad(images, (0, right, 0, bottom), value=self.pad_value) if right or bottom else images
