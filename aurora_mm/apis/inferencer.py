"""Predictions for images from a checkpoint alone."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.infer import BaseInferencer
from mmengine.registry import MODELS, DefaultScope
from rich.progress import track
from torch import nn

from aurora_mm.apis.checkpoint import read_checkpoint, trained_config, trained_tasks
from aurora_mm.apis.config import adopt_ensemble, load_weights
from aurora_mm.apis.pipelines import leave_annotations_out
from aurora_mm.apis.row_parts import RowJoiner, RowPart, split_row
from aurora_mm.apis.tta import use_tta
from aurora_mm.datasets.transforms import LoadUltrasoundImage
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.files import write_image
from aurora_mm.images.reading import images_in
from aurora_mm.models.predictions import prediction_of
from aurora_mm.registry import TRANSFORMS
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.visualization import MultiTaskVisualizer

Row = dict[str, Any]
Sample = TaskDataSample | MultiTaskDataSample
ALL_TASKS = 'all'
_SCOPE = 'aurora_mm'
_LOADER_THREADS = 4  # decoding and warping run outside of Python's lock


class MultiTaskInferencer(BaseInferencer):
    """MMEngine's inferencer for all task types.

    The config, the tasks and the test pipeline are those that the checkpoint was trained with: no config file, no
    data set and no network is needed. Several threads may ask one inferencer at a time.

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
        self._has_views = tta is not None
        super().__init__(cfg, files, device, scope=_SCOPE, show_progress=show_progress)

    def __call__(
        self, inputs: Any, return_datasamples: bool = False, batch_size: int = 1, **kwargs: Any
    ) -> dict[str, list]:
        """Predict images.

        Args:
            inputs: A file, a folder (its images, sorted; the log says which files are left out), an image as an array,
                or a list of files and arrays. An array is ``(H, W, 3)`` in the order blue, green, red, as OpenCV reads
                files, or ``(H, W)`` grey, of uint8, or of uint16, which is scaled as a 16-bit file is (see
                :class:`aurora_mm.datasets.transforms.LoadUltrasoundImage`). Any other array is refused.
            return_datasamples: Whether predictions are data samples instead of plain values.
            batch_size: Most images of one network size that go through the model together.
            kwargs: ``task``, the name of the question to ask, a list of names, or ``'all'``; it may be left out where
                the model knows one task. An image is encoded once for all of them. ``out_dir``, a folder for pictures
                of the predictions.

        Returns:
            ``predictions`` in the order of the inputs and ``visualization``, the pictures ``(H, W, 3)`` RGB, empty
            without ``out_dir``. A plain prediction holds ``img_path``, ``task``, and what
            :meth:`aurora_mm.models.predictions.Prediction.plain` gives for the task's type, in pixels of the original
            image. Where ``task`` is a list or ``'all'``, there is a dict of plain predictions by task for each image,
            or a :class:`MultiTaskDataSample`.

        Raises:
            DataError: If an image cannot be read, an array is none of these, or there is no image in a folder.
            ConfigError: If the model does not know a task, or ``batch_size`` is no number of images.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ConfigError(f'batch_size must be a number of images, 1 or more, not {batch_size!r}')
        preprocess, forward, visualize, postprocess = self._dispatch_kwargs(**kwargs)
        images = self._inputs_to_list(inputs)
        rows = self.preprocess(images, batch_size, **preprocess)
        samples = self.forward(rows, batch_size=batch_size, **forward)
        pictures = self.visualize(images, samples, **visualize)
        return self.postprocess(samples, pictures, return_datasamples, **postprocess)

    def predict_rows(
        self, rows: Iterable[Mapping[str, Any]], batch_size: int = 8
    ) -> Iterator[tuple[int, Sample | DataError]]:
        """Predict any number of images in little memory, and give each prediction as it comes.

        Images of one network size go through the model together, whatever stands between them.

        Args:
            rows: ``img_path`` (or ``img``) of each; ``task``, or ``tasks`` for several at once; further metainfo.
            batch_size: Most images of a batch.

        Yields:
            The position of a row and its sample: a :class:`TaskDataSample` for ``task``, a
            :class:`MultiTaskDataSample` for ``tasks``; or the error, where the image cannot be read.

        Raises:
            ConfigError: If the model does not know a task.
        """
        waiting: dict[Any, list[tuple[RowPart, Row]]] = {}
        joiner = RowJoiner()
        failed = -1
        for part, item in self._load(rows):
            if isinstance(item, DataError):
                if part.position != failed:  # all parts of a row read the same image
                    yield part.position, item
                failed = part.position
                continue
            size = _network_size(item)
            waiting.setdefault(size, []).append((part, item))
            if len(waiting[size]) == batch_size:
                yield from joiner.add(self._answer(waiting.pop(size)))
        for batch in waiting.values():
            yield from joiner.add(self._answer(batch))

    def preprocess(
        self, inputs: list, batch_size: int = 1, task: str | Sequence[str] | None = None, **kwargs: Any
    ) -> list[Row]:
        """Make a row for :meth:`predict_rows` of each input."""
        if task is None and len(self.tasks) > 1:
            raise ConfigError(f"say which task is asked, or 'all'; the model knows {', '.join(self.tasks)}")
        if task is None:
            task = next(iter(self.tasks))
        asked = dict(task=task) if isinstance(task, str) and task in self.tasks else dict(tasks=self.task_names(task))
        return [
            asked | (dict(img_path=image) if isinstance(image, str) else dict(img=image, img_path=''))
            for image in inputs
        ]

    def task_names(self, asked: str | Iterable[str]) -> list[str]:
        """Name the tasks that are asked.

        Args:
            asked: Names, or ``'all'`` for all that the model knows.

        Raises:
            ConfigError: If the model does not know one, one is named twice, or there is none.
        """
        names = list(self.tasks) if asked == ALL_TASKS else [asked] if isinstance(asked, str) else list(asked)
        for name in names:
            if not isinstance(name, str) or name not in self.tasks:
                known = ', '.join(self.tasks.nearest(str(name)))
                raise ConfigError(f'the model does not know task {name!r}; it knows {known}')
        if not names or len(set(names)) < len(names):
            raise ConfigError(f'tasks must be named, each once: {names}')
        return names

    def forward(self, inputs: list[Row], batch_size: int = 1, **kwargs: Any) -> list[Sample]:
        """Predict rows, in their order."""
        answers: dict[int, Sample] = {}
        for position, answer in self._with_progress(self.predict_rows(inputs, batch_size), len(inputs)):
            if isinstance(answer, DataError):
                raise answer
            answers[position] = answer
        return [answers[position] for position in range(len(inputs))]

    def visualize(
        self, inputs: list, preds: list[Sample], out_dir: str | Path | None = None, **kwargs: Any
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
        preds: list[Sample],
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

    def _with_progress(self, answers: Iterator, total: int) -> Iterator:
        """Show a bar, of several images and in the main thread: rich draws one bar at a time."""
        alone = threading.current_thread() is threading.main_thread()
        if self.show_progress and alone and total > 1:
            return iter(track(answers, 'Inference', total=total))
        return answers

    def _load(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[RowPart, Row | DataError]]:
        """Rows through the pipeline, in order, some ahead of their use."""
        parts = (part for position, row in enumerate(rows) for part in self._parts(position, row))
        first = list(islice(parts, 2))
        if len(first) < 2:  # a thread would cost more than it gives
            for part in first:
                yield part, self._load_one(part)
            return
        ahead: deque[tuple[RowPart, Future]] = deque()
        with ThreadPoolExecutor(_LOADER_THREADS) as pool:
            for part in chain(first, parts):
                ahead.append((part, pool.submit(self._load_one, part)))
                if len(ahead) > 2 * _LOADER_THREADS:
                    part, loaded = ahead.popleft()
                    yield part, loaded.result()
            for part, loaded in ahead:
                yield part, loaded.result()

    def _parts(self, position: int, row: Mapping[str, Any]) -> list[RowPart]:
        """The tasks of a row, all together, unless views of its image are mirrored for some of them only."""
        names = self.task_names(row['tasks'] if 'tasks' in row else [row['task']])
        groups = [names]
        if self._has_views:
            groups = [[name for name in names if self.tasks[name].flip == flip] for flip in (True, False)]
        return split_row(position, row, names, groups)

    def _load_one(self, part: RowPart) -> Row | DataError:
        try:
            return self.pipeline(part.item(self.tasks))
        except DataError as error:
            return error

    @torch.no_grad()
    def _answer(self, batch: list[tuple[RowPart, Row]]) -> Iterator[tuple[RowPart, MultiTaskDataSample]]:
        samples = self.model.test_step(self.collate_fn([row for _, row in batch]))
        for (part, _), sample in zip(batch, samples, strict=True):
            yield part, sample

    def _plain(self, sample: Sample) -> dict[str, Any]:
        if isinstance(sample, MultiTaskDataSample):
            return {one.task: self._plain(one) for one in sample}
        task = self.tasks[sample.task]
        return dict(img_path=sample.img_path, task=task.name) | prediction_of(task.type).plain(sample, task)


def _network_size(row: Row) -> tuple:
    """Sizes of the network's inputs for one image, of every view of it."""
    inputs = row['inputs']
    return tuple(view.shape for view in inputs) if isinstance(inputs, list) else inputs.shape
