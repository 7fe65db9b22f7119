"""The inferencer, which predicts images with a checkpoint."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.infer import BaseInferencer
from numpy.typing import NDArray
from rich.progress import track
from torch import nn

from aurora_mm.apis.checkpoint import build_trained, read_checkpoint, trained_config, trained_tasks
from aurora_mm.apis.config import adopt_ensemble, load_weights
from aurora_mm.apis.config_check import check_prediction_pipeline
from aurora_mm.apis.fast_prediction import speed_up
from aurora_mm.apis.listed_inputs import listed_inputs
from aurora_mm.apis.pipelines import build_test_pipeline, crop_images, leave_annotations_out
from aurora_mm.apis.row_loader import Row, RowLoader
from aurora_mm.apis.row_predictor import RowPredictor, Sample
from aurora_mm.apis.task_groups import AUTO_TASKS, named_tasks
from aurora_mm.apis.tta import use_tta
from aurora_mm.calibration.calibration import CALIBRATED_FIELDS
from aurora_mm.checkpoints import local_model
from aurora_mm.datasets.transforms import LoadUltrasoundImage
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.files import write_image
from aurora_mm.models.predictions import prediction_of
from aurora_mm.routing.task_router import ROUTING, TaskRouter
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.visualization import MultiTaskVisualizer

T = TypeVar('T')
_SCOPE = 'aurora_mm'


class MultiTaskInferencer(BaseInferencer):
    """Inferencer for all task types, based on MMEngine's BaseInferencer.

    The config, the tasks and the test pipeline are read from the checkpoint or model folder, so no config file, data
    set or internet connection is needed. Several threads may use an inferencer at the same time.

    Args:
        weights: Path of a checkpoint or a model folder, or the id ``'owner/name'`` of a model on the Hugging Face hub;
            a list of these for an ensemble.
        device: Device of the model. By default a GPU if there is one.
        tta: Scales of test-time augmentation, see :func:`aurora_mm.apis.use_tta`. None for no augmentation.
        show_progress: Whether to show a progress bar.
        compile: Whether encoder and necks are compiled by ``torch.compile``; a dict gives arguments of it. The first
            image then takes up to some minutes.
        amp: Whether the encoder runs in bfloat16 mixed precision.
        crop: Whether images are cropped to the part that shows ultrasound, for a model that was trained on cropped
            images, see :class:`aurora_mm.datasets.transforms.CropToUltrasound`. Predictions are in coordinates of the
            whole image all the same. A model whose own pipeline crops needs no option.

    Raises:
        ConfigError: If ``compile`` or ``amp`` does not work on this machine; if the model's pipeline lacks a step or
            has one in a wrong place. The message then names the file and the step.
        WeightsError: If a file is not a checkpoint of aurora_mm, or its tasks are not those of the first one.

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
        compile: bool | Mapping[str, Any] = False,
        amp: bool = False,
        crop: bool = False,
    ) -> None:
        files = [local_model(one) for one in ([weights] if isinstance(weights, str | Path) else weights)]
        checkpoint = read_checkpoint(files[0], keys=())
        self.tasks = trained_tasks(checkpoint)
        cfg = trained_config(checkpoint, files[0])
        check_prediction_pipeline(cfg, files[0])
        cfg.tasks = cfg.model.tasks = self.tasks.to_config()
        if len(files) > 1:
            adopt_ensemble(cfg, files)
        leave_annotations_out(cfg)
        if crop:
            crop_images(cfg)
        if tta is not None:
            use_tta(cfg, tta)
        self._files = files
        self._has_views = tta is not None
        super().__init__(cfg, files, device, scope=_SCOPE, show_progress=show_progress)
        speed_up(self.model, compile, amp)
        loader = RowLoader(self.pipeline, self.tasks, has_views=tta is not None)
        self._rows = RowPredictor(self.model, loader, self.collate_fn)

    @classmethod
    def from_pretrained(cls, source: str | Path, revision: str | None = None, **kwargs: Any) -> MultiTaskInferencer:
        """Create an inferencer from a model folder or a model on the Hugging Face hub.

        Args:
            source: Path of a model folder or a checkpoint, or a hub id ``'owner/name'``.
            revision: Branch, tag or commit of the model on the hub.
            kwargs: Further arguments of the class.

        Raises:
            WeightsError: If there is no such model, or it cannot be used.
        """
        return cls(local_model(source, revision), **kwargs)

    def save_pretrained(self, folder: str | Path, **kwargs: Any) -> None:
        """Write the model, with the weights that it has now, to a model folder by :func:`aurora_mm.publishing.publish`.

        Args:
            folder: Folder to write. It must not exist or be empty.
            kwargs: ``results``, ``data_root``, ``licence`` and ``groups`` of :func:`publish`.

        Raises:
            ConfigError: If this is an ensemble or averages over views, which a model folder cannot describe.
            AuroraError: See :func:`publish`.
        """
        from aurora_mm.publishing import publish

        if len(self._files) > 1 or self._has_views:
            raise ConfigError('a model folder holds one model without test-time views; publish each member by itself')
        publish(self._files[0], folder, state=self.model.state_dict(), **kwargs)

    def __call__(
        self, inputs: Any, return_datasamples: bool = False, batch_size: int = 1, **kwargs: Any
    ) -> dict[str, list[Any]]:
        """Predict images.

        Args:
            inputs: Path of an image file; path of a folder, whose images are predicted in sorted order (other files
                are logged); an array; or a list of paths and arrays. An array is ``(H, W, 3)`` BGR or ``(H, W)`` grey,
                uint8 or uint16. uint16 values are scaled like 16-bit files, see
                :class:`aurora_mm.datasets.transforms.LoadUltrasoundImage`.
            return_datasamples: Whether to return data samples instead of dicts.
            batch_size: Largest number of images in a batch. All images of a batch have the same network input size.
            kwargs: ``task``, the name of a task, a list of names, ``'all'``, or ``'auto'`` for the tasks that the
                router of the model chooses for each image. It may be omitted if the model has only one task. An image
                is encoded once for all tasks. ``out_dir``, a folder to which drawings of the predictions are written.

        Returns:
            A dict with ``predictions``, in the order of the inputs, and ``visualization``, the drawings, ``(H, W, 3)``
            RGB uint8, empty without ``out_dir``. A prediction is a dict with ``img_path``, ``task`` and the result of
            :meth:`aurora_mm.models.predictions.Prediction.plain`, in original coordinates. If ``task`` is a list or
            ``'all'``, it is a dict of these by task. For ``'auto'`` the dict also has ``routing``, the probabilities of
            the tasks, see :class:`aurora_mm.routing.task_router.TaskRouter`. With ``return_datasamples`` a prediction
            is a :class:`TaskDataSample` or a :class:`MultiTaskDataSample` instead.

        Raises:
            DataError: If an image cannot be read, an array has another shape or type, or a folder has no images.
            ConfigError: If the model does not have a task, or ``batch_size`` is not a positive integer.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ConfigError(f'batch_size must be a number of images, 1 or more, not {batch_size!r}')
        preprocess, forward, visualize, postprocess = self._dispatch_kwargs(**kwargs)
        images = listed_inputs(inputs)
        rows = self.preprocess(images, batch_size, **preprocess)
        samples = self.forward(rows, batch_size=batch_size, **forward)
        pictures = self.visualize(images, samples, **visualize)
        return self.postprocess(samples, pictures, return_datasamples, **postprocess)

    def predict_rows(
        self, rows: Iterable[Mapping[str, Any]], batch_size: int = 8
    ) -> Iterator[tuple[int, Sample | DataError]]:
        """Predict any number of images with little memory, and yield each prediction when it is ready.

        Images are grouped into batches by the size of their network input, so the order of the predictions differs from
        the order of the rows.

        Args:
            rows: Dicts with ``img_path`` or ``img``; ``task``, or ``tasks`` for several tasks or ``'auto'``; and any
                metainfo.
            batch_size: Largest number of images in a batch.

        Yields:
            Index of a row, and its :class:`TaskDataSample` for ``task`` or :class:`MultiTaskDataSample` for ``tasks``,
            on the CPU; or the error if the image cannot be read, or outputs of the model for it are not finite.

        Raises:
            ConfigError: If the model does not have a task.
        """
        return self._rows.predict(rows, batch_size)

    @property
    def router(self) -> TaskRouter | None:
        """The router of the model, which chooses tasks for ``'auto'``. None for ensembles and models without one."""
        return getattr(self.model, 'router', None)

    def preprocess(
        self, inputs: list[Any], batch_size: int = 1, task: str | Sequence[str] | None = None, **kwargs: Any
    ) -> list[Row]:
        """Create a row for :meth:`predict_rows` from each input."""
        if task is None and len(self.tasks) > 1:
            raise ConfigError(f"say which task is asked, or 'all'; the model knows {', '.join(self.tasks)}")
        if task is None:
            task = next(iter(self.tasks))
        if isinstance(task, str) and task in self.tasks:
            asked: dict[str, Any] = dict(task=task)
        else:
            asked = dict(tasks=task if task == AUTO_TASKS else self.task_names(task))
        return [
            asked | (dict(img_path=image) if isinstance(image, str) else dict(img=image, img_path=''))
            for image in inputs
        ]

    def task_names(self, asked: str | Iterable[str]) -> list[str]:
        """Return the names of the tasks to predict.

        Args:
            asked: A name, names, or ``'all'`` for all tasks of the model.

        Raises:
            ConfigError: If the model does not have a task, a name is given twice, or there are no names.
        """
        return named_tasks(self.tasks, asked)

    def forward(self, inputs: list[Row], batch_size: int = 1, **kwargs: Any) -> list[Sample]:
        """Predict rows, and return the predictions in the order of the rows."""
        answers: dict[int, Sample] = {}
        for position, answer in self._with_progress(self.predict_rows(inputs, batch_size), len(inputs)):
            if isinstance(answer, DataError):
                raise answer
            answers[position] = answer
        return [answers[position] for position in range(len(inputs))]

    def visualize(
        self, inputs: list[Any], preds: list[Sample], out_dir: str | Path | None = None, **kwargs: Any
    ) -> list[NDArray[np.uint8]]:
        """Draw the predictions, and write the drawings to ``<out_dir>/<index>_<name>.png``."""
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
        visualization: list[NDArray[np.uint8]],
        return_datasamples: bool = False,
        **kwargs: Any,
    ) -> dict[str, list[Any]]:
        """See :meth:`__call__`."""
        predictions = preds if return_datasamples else [self._plain(sample) for sample in preds]
        return dict(predictions=predictions, visualization=visualization)

    def _init_model(self, cfg: Config, weights: Sequence[str | Path], device: str = 'cpu') -> nn.Module:
        model = build_trained(cfg, weights[0])
        self.calibration = load_weights(model, weights)
        return model.to(device).eval()

    def _init_pipeline(self, cfg: Config) -> Compose:
        steps = build_test_pipeline(cfg, self._files[0])
        loader = next((step for step in steps if isinstance(step, LoadUltrasoundImage)), LoadUltrasoundImage())
        self._loader = LoadUltrasoundImage(loader.depth)  # for drawings, in original coordinates
        return Compose(steps)

    def _init_visualizer(self, cfg: Config) -> MultiTaskVisualizer:
        visualizer = MultiTaskVisualizer()
        visualizer.dataset_meta = dict(tasks=self.tasks.to_config())
        return visualizer

    def _with_progress(self, answers: Iterator[T], total: int) -> Iterator[T]:
        """Show a progress bar for several images, only in the main thread because rich cannot draw several bars."""
        alone = threading.current_thread() is threading.main_thread()
        if self.show_progress and alone and total > 1:
            return iter(track(answers, 'Inference', total=total))
        return answers

    def _plain(self, sample: Sample) -> dict[str, Any]:
        if isinstance(sample, MultiTaskDataSample):
            routing = {ROUTING: sample.routing} if ROUTING in sample else {}
            return routing | {one.task: self._plain(one) for one in sample}
        task = self.tasks[sample.task]
        plain = dict(img_path=sample.img_path, task=task.name) | prediction_of(task.type).plain(sample, task)
        return plain | {key: sample.get(key) for key in CALIBRATED_FIELDS if key in sample}
