"""Writes a trained model in a format that runs without this package."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.errors import ConfigError
from aurora_mm.exporting import onnx_predictor
from aurora_mm.exporting.exported_network import ExportedNetwork, require_plain_pipeline
from aurora_mm.folders import require_new_folder, whole_folder
from aurora_mm.version import __version__

FORMATS = ('onnx', 'pt2')
PRECISIONS = ('fp32', 'fp16', 'int8')
_OPSET = 18
_LARGEST = 16384  # pixels of a side
_PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')


def export_model(
    checkpoint: str | Path,
    out: str | Path,
    format: str = 'onnx',
    tasks: Sequence[str] | None = None,
    precision: str = 'fp32',
    images: Sequence[np.ndarray] = (),
) -> list[str]:
    """Export a model to a folder, which is written whole or not at all.

    ``model.onnx`` and ``predictor.py``, which needs numpy and onnxruntime alone; or ``model.pt2``, a program of
    ``torch.export``. Both take ``(B, H, W, 3)`` uint8 BGR images of any number and size, and return results in
    original coordinates.

    Args:
        checkpoint: Path of a checkpoint or a model folder, or a hub id. Its calibration is applied to probabilities.
        out: Folder to write; it must be new or empty.
        format: ``'onnx'`` or ``'pt2'``.
        tasks: Names of the tasks; by default all that the model knows and that can be exported. Those that cannot are
            logged.
        precision: ``'fp32'``; ``'fp16'``, weights and activations in half precision; or, for ONNX, ``'int8'``, static
            quantization of convolutions and linear layers.
        images: Images ``(H, W, 3)`` uint8 BGR, from which the ranges of int8 activations are found.

    Returns:
        Names of the exported tasks.

    Raises:
        ConfigError: If an argument is not known, a named task cannot be exported, the test pipeline does more than
            scale images, a package is missing, int8 has no images, or another precision has some.
        WeightsError: If ``checkpoint`` is not a checkpoint of aurora_mm.
        DataError: If ``out`` is a folder that holds something.
        OutputError: If ``out`` cannot be written.
    """
    if format not in FORMATS or precision not in PRECISIONS:
        raise ConfigError(f'formats are {", ".join(FORMATS)}, precisions {", ".join(PRECISIONS)}')
    if precision == 'int8' and (format != 'onnx' or not len(images)):
        raise ConfigError('int8 is for ONNX, and needs images from which the ranges of activations are found')
    if len(images) and precision != 'int8':
        raise ConfigError(f'images are for int8, and {precision} needs none')
    missing = [name for name in _PACKAGES if format == 'onnx' and find_spec(name) is None]
    if missing:
        raise ConfigError(f"{', '.join(missing)} not installed; pip install 'aurora_mm[export]'")
    require_new_folder(Path(out))
    inferencer = MultiTaskInferencer(checkpoint, device='cpu', show_progress=False)
    size = require_plain_pipeline(inferencer.pipeline.transforms)
    dtype = torch.float16 if precision == 'fp16' else torch.float32
    names = _exportable(inferencer, size, tasks)
    network = ExportedNetwork(inferencer.model, names, size, dtype).eval().requires_grad_(False)
    described = json.dumps(_metadata(inferencer, names, size, precision))
    with _quiet(), torch.no_grad():
        example = torch.zeros(2, size[0] + 7, size[1] + 9, 3, dtype=torch.uint8)
        outputs = list(network(example))
        axes = dict(enumerate(torch.export.Dim(name, max=_LARGEST) for name in ('batch', 'height', 'width')))
        program = torch.export.export(network, (example,), dynamic_shapes=(axes,), strict=False)
        with whole_folder(Path(out)) as folder:
            if format == 'pt2':
                buffer = BytesIO()  # torch ends the process if it cannot write a file
                torch.export.save(program, buffer, extra_files={onnx_predictor.KEY: described})
                (folder / 'model.pt2').write_bytes(buffer.getbuffer())
            else:
                _save_onnx(program, folder / 'model.onnx', outputs, described)
                if precision == 'int8':
                    from aurora_mm.exporting.quantize import quantize

                    quantize(folder / 'model.onnx', images)
                text = Path(onnx_predictor.__file__).read_text(encoding='utf-8')
                (folder / 'predictor.py').write_text(text, encoding='utf-8')
    return names


def _exportable(inferencer: MultiTaskInferencer, size: tuple[int, int], asked: Sequence[str] | None) -> list[str]:
    """Return the names of the tasks whose heads can be exported."""
    names = []
    example = torch.zeros(1, *size, 3, dtype=torch.uint8)
    for name in inferencer.task_names('all' if asked is None else asked):
        try:
            with torch.no_grad():
                ExportedNetwork(inferencer.model, [name], size, torch.float32).eval()(example)
            names.append(name)
        except ConfigError as error:
            if asked is not None:
                raise
            print_log(f'left out: {error}', logger='current', level=logging.WARNING)
    if not names:
        raise ConfigError('no task of the model can be exported')
    return names


def _metadata(inferencer: Any, names: Sequence[str], size: tuple[int, int], precision: str) -> dict[str, Any]:
    calibration = inferencer.calibration
    return dict(
        aurora_mm=__version__,
        tasks=[inferencer.tasks[name].to_config() for name in names],
        size=list(size),
        precision=precision,
        calibrated=[] if calibration is None else [name for name in names if name in calibration.states],
    )


def _save_onnx(program: torch.export.ExportedProgram, file: Path, outputs: list[str], described: str) -> None:
    exported: Any = torch.onnx.export(
        program, dynamo=True, input_names=['images'], output_names=outputs, opset_version=_OPSET, verbose=False
    )
    exported.model.metadata_props[onnx_predictor.KEY] = described
    exported.save(file)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the notes of torch's exporter about packages that are not needed."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', '.*LeafSpec', FutureWarning)  # torch warns of what torch does
            yield
    finally:
        logger.setLevel(level)
