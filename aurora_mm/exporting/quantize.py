"""Static quantization of an exported model to 8-bit integers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from rich.progress import track

_QUANTIZED = ('Conv', 'MatMul', 'Gemm')


class _Images(CalibrationDataReader):
    def __init__(self, images: Sequence[np.ndarray]) -> None:
        self._rows: Iterator[np.ndarray] = iter(track(images, 'ranges of activations'))

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._rows, None)
        return None if image is None else {'images': image[None]}


def quantize(file: Path, images: Sequence[np.ndarray]) -> None:
    """Quantize weights and activations of convolutions and linear layers, in place.

    Products of two activations stay in fp32: attention, and the resizing of images and masks.

    Args:
        file: An exported model.
        images: Images ``(H, W, 3)`` uint8 BGR, from which the ranges of activations are found.
    """
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        prepared = Path(folder) / 'prepared.onnx'
        quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
        model = onnx.load(prepared)
        weights = {initializer.name for initializer in model.graph.initializer}
        kept = [n.name for n in model.graph.node if n.op_type in _QUANTIZED and not weights & set(n.input[1:2])]
        quantize_static(
            str(prepared),
            str(file),
            _Images(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_QUANTIZED),
            nodes_to_exclude=kept,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
