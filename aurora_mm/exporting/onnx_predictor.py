"""Predict ultrasound images with an exported model. Needs numpy and onnxruntime, and nothing else.

    from predictor import Predictor
    predictor = Predictor('model.onnx')
    predictor([image])[0]['breast_2cls']   # {'label': 'benign', 'scores': {'benign': 0.9, 'malignant': 0.1}}

`python predictor.py model.onnx image.npy ...` prints the predictions of arrays as JSON, masks as their areas in pixels.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime

KEY = 'aurora_mm'  # of the metadata of the model, JSON with the tasks


class Predictor:
    """Predicts images with an exported model.

    Args:
        file: Path of ``model.onnx``.
        providers: Execution providers of onnxruntime, in order of preference; by default those that are installed.
        threads: Number of threads; 0 lets onnxruntime choose.

    Raises:
        ValueError: If the file is not a model that ``aurora-mm export`` wrote.
    """

    def __init__(self, file: str, providers: Sequence[str] | None = None, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        providers = list(providers or onnxruntime.get_available_providers())
        self.session = onnxruntime.InferenceSession(str(file), options, providers=providers)
        metadata = self.session.get_modelmeta().custom_metadata_map
        if KEY not in metadata:
            raise ValueError(f'{file} is no model of `aurora-mm export`: its metadata has no {KEY!r}')
        self.metadata: dict[str, Any] = json.loads(metadata[KEY])
        self.tasks: dict[str, dict[str, Any]] = {task['name']: task for task in self.metadata['tasks']}
        self._names = [output.name for output in self.session.get_outputs()]

    def __call__(self, images: Sequence[np.ndarray], batch_size: int = 8) -> list[dict[str, dict[str, Any]]]:
        """Predict images.

        Args:
            images: Arrays ``(H, W, 3)`` BGR or ``(H, W)`` grey, uint8, of any sizes.
            batch_size: Largest number of images, of one size, that are predicted together.

        Returns:
            For each image a dict by task: ``label`` and ``scores``; ``mask`` (H, W) uint8 class indices; ``boxes``,
            dicts of ``box`` (xyxy in pixels), ``label`` and ``score``; or ``points``, [x, y] in pixels by name.

        Raises:
            ValueError: If an array has another shape or type, or it is one image and not a list of them.
        """
        if isinstance(images, np.ndarray) and images.ndim < 4:
            raise ValueError(f'images are a list of arrays, not one array of shape {images.shape}: write [image]')
        arrays = [_bgr(image, position) for position, image in enumerate(images)]
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for position, array in enumerate(arrays):
            by_shape.setdefault(array.shape, []).append(position)
        found: list[dict[str, dict[str, Any]]] = [{} for _ in arrays]
        for positions in by_shape.values():
            for start in range(0, len(positions), batch_size):
                batch = positions[start : start + batch_size]
                tensors = self.run(np.stack([arrays[position] for position in batch]))
                for row, position in enumerate(batch):
                    found[position] = {
                        name: _plain(task, {key: value[row] for key, value in tensors[name].items()})
                        for name, task in self.tasks.items()
                    }
        return found

    def run(self, images: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """Return the outputs of the model by task and name, for images ``(B, H, W, 3)`` uint8 BGR of one size."""
        tensors: dict[str, dict[str, np.ndarray]] = {name: {} for name in self.tasks}
        for name, value in zip(self._names, self.session.run(None, {'images': images}), strict=True):
            task, _, key = name.rpartition('.')
            tensors[task][key] = value
        return tensors


def _bgr(image: np.ndarray, position: int) -> np.ndarray:
    is_picture = image.ndim in (2, 3) and image.shape[2:] in ((), (3,)) and image.size > 0
    if image.dtype != np.uint8 or not is_picture:
        raise ValueError(f'image {position} is {image.dtype} of shape {image.shape}, not uint8 (H, W) or (H, W, 3)')
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


def _plain(task: dict[str, Any], tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Name the outputs of one image; those with names that are not known stay arrays."""
    tensors = dict(tensors)
    plain: dict[str, Any] = {}
    if 'probs' in tensors:
        probs = tensors.pop('probs')
        plain['label'] = task['classes'][int(probs.argmax())]
        plain['scores'] = dict(zip(task['classes'], probs.tolist(), strict=True))
    if 'boxes' in tensors:
        boxes, scores, labels, count = (tensors.pop(key) for key in ('boxes', 'scores', 'labels', 'count'))
        rows = zip(boxes.tolist(), labels.tolist(), scores.tolist(), strict=True)
        plain['boxes'] = [dict(box=b, label=task['classes'][i], score=s) for b, i, s in rows][: int(count)]
    if 'label_probs' in tensors:
        plain['scores'] = dict(zip(task['classes'], tensors.pop('label_probs').tolist(), strict=True))
    if 'value' in tensors:
        plain['value'] = float(tensors.pop('value'))
    if 'points' in tensors:
        plain['points'] = dict(zip(task['points'], tensors.pop('points').tolist(), strict=True))
    return plain | tensors


def _main() -> None:
    predictor = Predictor(sys.argv[1])
    files = sys.argv[2:]
    for file, tasks in zip(files, predictor([np.load(file) for file in files]), strict=True):
        for task, found in tasks.items():
            names = predictor.tasks[task].get('classes', ())
            areas = None
            if 'mask' in found:
                areas = np.bincount(found.pop('mask').ravel(), minlength=len(names))
            elif 'class_masks' in found:
                areas = found.pop('class_masks').sum((1, 2), dtype=int)
            if areas is not None:
                found['areas'] = dict(zip(names, areas.tolist(), strict=True))
        print(json.dumps(dict(file=file, predictions=tasks)))


if __name__ == '__main__':
    _main()
