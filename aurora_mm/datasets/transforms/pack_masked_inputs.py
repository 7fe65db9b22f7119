from __future__ import annotations

from typing import Any

import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement

from aurora_mm.datasets.transforms.pack_inputs import channels_first
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackMaskedInputs(BaseTransform):
    """Pack an image and its mask into the inputs of :class:`aurora_mm.models.MaskedImageModel`.

    Returns a dict with:

    - ``inputs``: (3, h, w) uint8 BGR,
    - ``data_samples``: a BaseDataElement with ``mask``, (n, m) bool, and the metainfo ``img_path``.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        sample = BaseDataElement(metainfo=dict(img_path=results.get('img_path', '')))
        sample.mask = torch.from_numpy(results['mask'])
        return dict(inputs=channels_first(results['img']), data_samples=sample)
