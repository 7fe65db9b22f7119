"""Predictions for images from a checkpoint alone."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.infer import BaseInferencer
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from aurora_mm.apis.checkpoint import read_checkpoint, trained_config, trained_tasks
from aurora_mm.apis.config import adopt_ensemble, load_weights
from aurora_mm.apis.pipelines import leave_annotations_out
from aurora_mm.apis.tta import use_tta
from aurora_mm.datasets.transforms import LoadUltrasoundImage
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.files import write_image
from aurora_mm.images.reading import images_in
from aurora_mm.models.predictions import prediction_of
from aurora_mm.registry import TRANSFORMS
from aurora_mm.structures import TaskDataSample
from aurora_mm.visualization import MultiTaskVisualizer

Row = dict[str, Any]
_SCOPE = 'aurora_mm'
_LOADER_THREADS = 4  # decoding and warping run outside of Python's lock


class MultiTaskInferencer(BaseInferencer):
    """MMEngine's inferencer for all task types.

    The config, the tasks and the test pipeline are those that the checkpoint was trained with: no config file, no
    data set and no network is needed.

    Args:
        weights: A checkpoint, or several that answer as an ensemble.
        device: Of the model; a GPU if there is one by default.
        tta: Scales of test-time augmentation, see :func:`aurora_mm.apis.use_tta`; None is without.
        show_progress: Whether calls show a progress bar.

    Raises:
        WeightsError: If a file is no checkpoint of aurora_mm or does not fit the others.

    Example:
        >>> inferencer = MultiTaskInferencer('work_dirs/aurora_fmc/epoch_20.pth')
        >>> inferencer(['a.png', 'b.png'], task='breast_2cls')['predictions'][0]
        {'img_path': 'a.png', 'task': 'breast_2cls', 'label': 'benign', 'scores': {'benign': 0.9, 'malignant': 0.1}}
    """

    preprocess_kwargs = {'task'}
    forward_kwargs: set[str] = set()
    visualize_kwargs = {'out_dir'}
    postprocess_kwargs: set[str] = set()

    def __init__(
        self,
        weights: str | Path | Sequence[str | Path],
        device: str | None = None,
        tta: Sequence[float] | None = None,
        show_progress: bool = True,
    ) -> None:
        files = [weights] if isinstance(weights, str | Path) else list(weights)
        checkpoint = read_checkpoint(files[0], parts=())
        self.tasks = trained_tasks(checkpoint)
        cfg = trained_config(checkpoint, files[0])
        cfg.tasks = cfg.model.tasks = self.tasks.to_config()
        if len(files) > 1:
            adopt_ensemble(cfg, files)
        leave_annotations_out(cfg)
        if tta is not None:
            use_tta(cfg, tta)
        super().__init__(cfg, files, device, scope=_SCOPE, show_progress=show_progress)

    def __call__(
        self, inputs: Any, return_datasamples: bool = False, batch_size: int = 1, **kwargs: Any
    ) -> dict[str, list]:
        """Predictions for images.

        Args:
            inputs: A file, a folder (its images, sorted; the log says which files are left out), an image as an array,
                or a list of files and arrays. An array is ``(H, W, 3)`` in the order blue, green, red, as OpenCV reads
                files, or ``(H, W)`` grey, of uint8, or of uint16, which is scaled as a 16-bit file is (see
                :class:`aurora_mm.datasets.transforms.LoadUltrasoundImage`). Any other array is refused.
            return_datasamples: Whether predictions are data samples instead of plain values.
            batch_size: Images of one network size that are answered together.
            kwargs: ``task``, the name of the question to ask; it may be left out where the model knows one task.
                ``out_dir``, a folder for pictures of the predictions.

        Returns:
            ``predictions`` in the order of the inputs and ``visualization``, the pictures ``(H, W, 3)`` RGB, empty
            without ``out_dir``. A plain prediction holds ``img_path``, ``task``, and ``mask`` ``(H, W)`` uint8;
            ``label`` and ``scores``; ``boxes`` (xyxy, ``label``, ``score``), the surest first; or ``points`` by name,
            all in pixels of the original image.

        Raises:
            DataError: If an image cannot be read, an array is none of these, or there is no image in a folder.
            ConfigError: If the model does not know the task, or ``batch_size`` is no number of images.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ConfigError(f'batch_size must be a number of images, 1 or more, not {batch_size!r}')
        return super().__call__(inputs, return_datasamples, batch_size, **kwargs)

    def predict_rows(
        self, rows: Iterable[Mapping[str, Any]], batch_size: int = 8
    ) -> Iterator[tuple[int, TaskDataSample | DataError]]:
        """Predictions as they come, for any number of images in little memory.

        Images of one network size are answered together, whatever stands between them.

        Args:
            rows: ``img_path`` (or ``img``) and ``task`` of each, and further metainfo of the sample.
            batch_size: Most images of a batch.

        Yields:
            The position of a row and its sample; or the error, where the image cannot be read.

        Raises:
            ConfigError: If the model does not know a task.
        """
        waiting: dict[Any, list[tuple[int, Row]]] = {}
        for position, item in enumerate(self._load(rows)):
            if isinstance(item, DataError):
                yield position, item
                continue
            size = _network_size(item)
            waiting.setdefault(size, []).append((position, item))
            if len(waiting[size]) == batch_size:
                yield from self._answer(waiting.pop(size))
        for batch in waiting.values():
            yield from self._answer(batch)

    def preprocess(self, inputs: list, batch_size: int = 1, task: str | None = None, **kwargs: Any) -> Iterator[list]:
        """Rows for :meth:`forward`, a batch at a time."""
        if task is None and len(self.tasks) > 1:
            raise ConfigError(f'say which task is asked; the model knows {", ".join(self.tasks)}')
        name = next(iter(self.tasks)) if task is None else task
        rows = [
            dict(img_path=image, task=name) if isinstance(image, str) else dict(img=image, img_path='', task=name)
            for image in inputs
        ]
        for start in range(0, len(rows), batch_size):
            yield rows[start : start + batch_size]

    def forward(self, inputs: list[Row], **kwargs: Any) -> list[TaskDataSample]:
        """Samples in the order of the rows."""
        answers = dict(self.predict_rows(inputs, max(len(inputs), 1)))
        for answer in answers.values():
            if isinstance(answer, DataError):
                raise answer
        return [answers[position] for position in range(len(inputs))]

    def visualize(
        self, inputs: list, preds: list[TaskDataSample], out_dir: str | Path | None = None, **kwargs: Any
    ) -> list[np.ndarray]:
        """Pictures of the predictions, written to ``<out_dir>/<position>_<name>.png``."""
        if out_dir is None:
            return []
        pictures = []
        for position, (image, sample) in enumerate(zip(inputs, preds, strict=True)):
            row = dict(img_path=image) if isinstance(image, str) else dict(img=image)
            pixels = self._loader.transform(row)['img'][..., ::-1]
            pictures.append(self.visualizer.draw(pixels, sample, draw_gt=False))
            name = Path(sample.img_path).stem or 'image'
            write_image(Path(out_dir) / f'{position:05d}_{name}.png', pictures[-1][..., ::-1])
        return pictures

    def postprocess(
        self,
        preds: list[TaskDataSample],
        visualization: list[np.ndarray],
        return_datasamples: bool = False,
        **kwargs: Any,
    ) -> dict[str, list]:
        """See :meth:`__call__`."""
        predictions = preds if return_datasamples else [self._plain(sample) for sample in preds]
        return dict(predictions=predictions, visualization=visualization)

    def _init_model(self, cfg: Config, weights: Sequence[str | Path], device: str = 'cpu') -> nn.Module:
        with DefaultScope.overwrite_default_scope(_SCOPE):
            model = MODELS.build(cfg.model)
        load_weights(model, weights)
        return model.to(device).eval()

    def _init_pipeline(self, cfg: Config) -> Compose:
        with DefaultScope.overwrite_default_scope(_SCOPE):
            steps = [TRANSFORMS.build(step) for step in cfg.test_dataloader.dataset.pipeline]
        self._loader = next((step for step in steps if isinstance(step, LoadUltrasoundImage)), LoadUltrasoundImage())
        return Compose(steps)

    def _inputs_to_list(self, inputs: Any) -> list[str | np.ndarray]:
        """Paths as text, and arrays.

        Raises:
            DataError: If there is no image in a folder, or an input is neither a path nor an array.
        """
        if isinstance(inputs, str | os.PathLike) and Path(inputs).is_dir():
            return images_in(inputs)
        listed = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        for position, item in enumerate(listed):
            if not isinstance(item, str | os.PathLike | np.ndarray):
                raise DataError(f'input {position} is {type(item).__name__}: give a path or a NumPy array')
        return [os.fspath(item) if isinstance(item, os.PathLike) else item for item in listed]

    def _init_visualizer(self, cfg: Config) -> MultiTaskVisualizer:
        visualizer = MultiTaskVisualizer()
        visualizer.dataset_meta = dict(tasks=self.tasks.to_config())
        return visualizer

    def _load(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Row | DataError]:
        """Rows through the pipeline, in order, some ahead of their use."""
        ahead: deque[Future] = deque()
        with ThreadPoolExecutor(_LOADER_THREADS) as pool:
            for row in rows:
                ahead.append(pool.submit(self._load_one, row))
                if len(ahead) > 2 * _LOADER_THREADS:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _load_one(self, row: Mapping[str, Any]) -> Row | DataError:
        if row['task'] not in self.tasks:
            known = ', '.join(self.tasks.nearest(str(row['task'])))
            raise ConfigError(f'the model does not know task {row["task"]!r}; it knows {known}')
        fields = dict(img_id=0) | self.tasks[row['task']].item_fields()
        try:
            return self.pipeline(fields | dict(row))
        except DataError as error:
            return error

    @torch.no_grad()
    def _answer(self, batch: list[tuple[int, Row]]) -> Iterator[tuple[int, TaskDataSample]]:
        samples = self.model.test_step(self.collate_fn([row for _, row in batch]))
        for (position, _), image in zip(batch, samples, strict=True):
            (sample,) = image
            yield position, sample

    def _plain(self, sample: TaskDataSample) -> dict[str, Any]:
        task = self.tasks[sample.task]
        return dict(img_path=sample.img_path, task=task.name) | prediction_of(task.type).plain(sample, task)


def _network_size(row: Row) -> tuple:
    """Sizes of the network's inputs for one image, of every view of it."""
    inputs = row['inputs']
    return tuple(view.shape for view in inputs) if isinstance(inputs, list) else inputs.shape
