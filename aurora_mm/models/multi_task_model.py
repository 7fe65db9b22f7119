"""The AURORA model: one encoder, a small pyramid, and one small head for each task type.

Start reading here. An image passes through the encoder, the neck and the head of each task type. The heads give losses
in training and predictions otherwise, and the balancer weighs the losses of the tasks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor
from torch.optim import Optimizer

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers import LossBalancer, TaskLosses, TaskLossTracker
from aurora_mm.models.predictions import prediction_of
from aurora_mm.models.utils.batch_statistics import protect_statistics
from aurora_mm.models.utils.build import (
    build_foreign,
    build_in_scope,
    needs_init_weights,
    require_dicts,
    require_module_configs,
)
from aurora_mm.models.utils.build_parts import build_parts
from aurora_mm.models.utils.connect_optimizer import connect_optimizer
from aurora_mm.models.utils.freeze import freeze
from aurora_mm.models.utils.head_inputs import head_inputs
from aurora_mm.models.utils.maps import Maps, maps_of
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard
from aurora_mm.models.utils.refused_modules import refuse_module
from aurora_mm.models.utils.wiring import Wiring
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample, task_samples_of
from aurora_mm.tasks import TaskTable


@MODELS.register_module()
class MultiTaskModel(BaseModel):
    """A model that learns many tasks of several task types at once.

    Args:
        tasks: The task table, as dicts; see :class:`aurora_mm.tasks.Task`.
        backbone: Config of the encoder.
        heads: Configs of the heads, by task type. A key may also be the name of a task, which then has a head of its
            own.
        neck: Config of the neck, or configs of several necks by name:
            ``dict(pyramid=dict(type=...), pooled=dict(type=...))``.
        detail: Config of a convolutional branch that adds maps finer than the encoder's, see
            :class:`ConvDetailBranch`. A neck or head that reads 'backbone' gets its maps first, then the encoder's.
        sources: The source that each head reads, 'backbone' or the name of a neck, by the key of the head in ``heads``.
            The head of a single task reads the source of its task type unless it is listed itself. A head that is not
            listed reads the only neck, or the backbone if there is no neck.
        own_heads: Whether to build one head for each task, from the config of its task type.
        adapter: Config of the adapter between source and head, built once for each task: :class:`TaskFiLM` or
            :class:`TaskBottleneckAdapter`. None uses no adapters.
        frozen: Modules that keep their weights and stay in eval mode: 'backbone', 'detail', 'necks', 'heads',
            'adapters', or one of several, such as 'necks.pyramid'.
        balancer: Config of the loss balancer; None leaves the losses as they are.
        ema_momentum: Momentum of the running mean of each task's loss, in [0, 1).
        max_nonfinite: How many labels may have a loss that is not finite before the run is stopped, counted over all
            tasks and ranks, and how many updates a gradient that is not; see :class:`NonFiniteGuard`.
        data_preprocessor: Config of the data preprocessor; see :class:`ImgDataPreprocessor`.
        channels_last: Whether maps and weights of convolutions use torch's ``channels_last`` memory format, which makes
            convolutions on GPUs faster. Shapes and results do not change. Heads of mmdet that call ``view`` on their
            maps do not support it.
        init_cfg: Config of the initialisation, see MMEngine's ``BaseModule``.

    Backbones and necks of other packages are given by prefix (``mmdet.ResNet``, ``mmdet.FPN``), and so are heads: the
    dense heads of mmdet run inside :class:`MMDetHead`, the decode heads of mmseg inside :class:`MMSegHead`.

    ``in_channels`` of necks and heads, and ``in_strides`` where they take them, may be left out. They are then taken
    from the module that comes before, see :func:`aurora_mm.models.utils.maps.maps_of`. If they are given, they must
    agree with it.

    Attributes:
        router: Called with the maps of the encoder and the data samples before each prediction, to remove task samples
            from images whose tasks are to be chosen; see :class:`aurora_mm.routing.task_router.TaskRouter`.
        calibration: Called with the maps of the encoder and the data samples after each prediction, to calibrate it in
            place; see :class:`aurora_mm.calibration.calibration.Calibration`. None leaves predictions as they are.
        encoder_dtype: ``torch.bfloat16`` computes the maps of the encoder in mixed precision in :meth:`predict`; None
            leaves them in the dtype of the weights. See :func:`aurora_mm.apis.fast_prediction.speed_up`.

    Raises:
        ConfigError: If the configs do not fit together, or a task has no head.
    """

    def __init__(
        self,
        tasks: Sequence[Mapping[str, Any]],
        backbone: dict[str, Any],
        heads: Mapping[str, dict[str, Any]],
        neck: dict[str, Any] | None = None,
        detail: dict[str, Any] | None = None,
        sources: Mapping[str, str] | None = None,
        own_heads: bool = False,
        adapter: dict[str, Any] | None = None,
        frozen: Sequence[str] = (),
        balancer: dict[str, Any] | None = None,
        ema_momentum: float = 0.98,
        max_nonfinite: int = 10,
        data_preprocessor: dict[str, Any] | None = None,
        channels_last: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.tasks = TaskTable(tasks)
        self.router: Callable[[Sequence[Tensor], Sequence[MultiTaskDataSample]], None] | None = None
        self.calibration: Callable[[Sequence[Tensor], Sequence[MultiTaskDataSample]], None] | None = None
        self.encoder_dtype: torch.dtype | None = None
        require_dicts(neck=neck, heads=heads, sources=sources)
        require_module_configs(backbone=backbone, detail=detail, adapter=adapter, balancer=balancer)
        require_module_configs(**{f'heads.{key}': cfg for key, cfg in heads.items()})
        wiring = Wiring(self.tasks, heads, neck, sources, own_heads)
        require_module_configs(**{f'neck.{name}': cfg for name, cfg in wiring.necks.items()})
        refuse_module(backbone['type'])
        self.backbone = build_foreign(backbone)
        self.detail = None if detail is None else build_in_scope(detail)
        maps = maps_of(self.backbone)
        if self.detail is not None:
            fine = maps_of(self.detail)
            maps = Maps(fine.channels + maps.channels, fine.strides + maps.strides)
        self.head_of, self.source_of = wiring.head_of, wiring.source_of
        self.necks, self.heads, self.adapters = build_parts(
            self.tasks, wiring, maps, type(self.backbone).__name__, adapter
        )
        self.channels_last = channels_last
        if channels_last:
            self.to(memory_format=torch.channels_last)
        self._frozen = freeze(dict(self.named_children()), frozen)
        protect_statistics(self)

        self.guard = NonFiniteGuard(list(self.tasks.values()), max_nonfinite)
        self.tracker = TaskLossTracker(list(self.tasks.values()), ema_momentum)
        self.balancer = MODELS.build((balancer or dict(type=LossBalancer)) | dict(tasks=list(self.tasks.values())))

    def init_weights(self) -> None:
        """Initialise the weights, also inside the containers of necks, heads and adapters, which MMEngine skips."""
        super().init_weights()
        for container in (self.necks, self.heads, self.adapters):
            for part in container.values():
                if needs_init_weights(part):
                    part.init_weights()

    def train(self, mode: bool = True) -> MultiTaskModel:
        """Set the training mode; frozen modules stay in eval mode."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps that necks and heads read.

        Args:
            inputs: Images, ``(B, 3, h, w)``, with normalised pixel values.

        Returns:
            Maps ``(B, C_i, h_i, w_i)``: first those of the detail branch, if there is one, then those of the encoder.

        Raises:
            ConfigError: If a side of the images is not a multiple of the encoder's ``size_divisor``. The encoder would
                pad them, and coordinates are normalised by the sides of the unpadded input.
        """
        h, w = inputs.shape[-2:]
        divisor = getattr(self.backbone, 'size_divisor', 1)
        if h % divisor or w % divisor:
            raise ConfigError(
                f'input of {h} x {w} pixels; {type(self.backbone).__name__} takes multiples of {divisor} here'
            )
        if self.channels_last:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        details = () if self.detail is None else self.detail(inputs)
        maps = (*details, *self.backbone(inputs))
        return tuple(m.contiguous(memory_format=torch.channels_last) for m in maps) if self.channels_last else maps

    def forward(
        self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample] | None = None, mode: str = 'tensor'
    ) -> dict[str, Any] | list[MultiTaskDataSample] | tuple[Tensor, ...]:
        """Run the model in one of MMEngine's modes.

        Args:
            inputs: Images, ``(B, 3, h, w)``, with normalised pixel values.
            data_samples: One for each image. Its task samples say which tasks are asked; the image is encoded once for
                all of them.
            mode: 'loss', 'predict' or 'tensor'.

        Returns:
            For 'loss' and 'predict', the result of :meth:`loss` or :meth:`predict`. For 'tensor', the raw outputs of
            the heads by task, or the maps of :meth:`extract_feat` if there are no data samples.

        Raises:
            ValueError: If ``mode`` is another, or 'loss' or 'predict' without data samples.
        """
        if mode not in ('loss', 'predict', 'tensor'):
            raise ValueError(f"mode {mode!r} is none of 'loss', 'predict', 'tensor'")
        if data_samples is None:
            if mode != 'tensor':
                raise ValueError(f'mode {mode!r} needs data samples')
            return self.extract_feat(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        maps = self.extract_feat(inputs)
        outputs = {}
        for head, feats, batches in head_inputs(self, maps, data_samples):
            for batch, output in zip(batches, head.task_outputs(feats, batches), strict=True):
                outputs[batch.task.name] = output
        return {name: outputs[name] for name in self.tasks if name in outputs}

    def loss(self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample]) -> dict[str, Tensor]:
        """Compute one weighted loss for each task type in the batch; training minimises their sum.

        The sum is taken over the losses of all labels, each multiplied by the weight of its task, and divided by the
        number of images. A head computes the loss of a label from its own image alone. Equal batches, on several ranks
        or accumulated one after the other, therefore give the gradient of one large batch, however their labels are
        spread.

        A loss that is not finite counts as 0. Its gradient may still not be finite; :func:`connect_optimizer` has the
        optimiser leave it out. Nothing is copied from the device to the host.
        """
        maps = self.balancer.watch(self.extract_feat(inputs))
        labels = self.label_losses(maps, data_samples)
        if not labels:
            return dict(loss_nothing=self._nothing(maps))
        by_type: dict[str, dict[str, Tensor]] = {}
        for name, (loss, _) in labels.items():
            by_type.setdefault(self.tasks[name].type, {})[name] = loss
        # Each type by itself: the gradient of one loss must not lead through the heads of the others.
        losses = {task_type: TaskLosses.add_up(of_type, list(self.tasks)) for task_type, of_type in by_type.items()}
        samples = [sample for of_type in losses.values() for name in of_type.names for sample in labels[name][1]]
        self.guard.note(samples, torch.cat([of_type.finite for of_type in losses.values()]))
        for of_type in losses.values():
            self.tracker.add(of_type)
            self.balancer.measure(of_type, maps)
        return {
            f'loss_{task_type}': self.balancer(of_type, self.tracker).sum() / len(inputs)
            for task_type, of_type in losses.items()
        }

    def label_losses(
        self, maps: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample]
    ) -> dict[str, tuple[Tensor, list[TaskDataSample]]]:
        """Compute the losses of the labels before they are weighed.

        Args:
            maps: The maps of :meth:`extract_feat`.
            data_samples: One for each of the B images.

        Returns:
            For each task in table order, the losses of its n labels, ``(n,)``, and their n task samples.
        """
        losses = {}
        for head, feats, batches in head_inputs(self, maps, data_samples):
            for batch, terms in zip(batches, head.loss(feats, batches), strict=True):
                if terms:  # otherwise there is no loss for these images
                    total = functools.reduce(torch.add, terms.values())
                    losses[batch.task.name] = total.expand(len(batch.samples)), batch.samples
        return {name: losses[name] for name in self.tasks if name in losses}

    def train_step(
        self, data: dict[str, Any] | tuple[Any, ...] | list[Any], optim_wrapper: OptimWrapper
    ) -> dict[str, Tensor]:
        """Run MMEngine's training step after connecting the optimiser, see :meth:`connect`."""
        self.connect(optim_wrapper.optimizer)
        return super().train_step(data, optim_wrapper)

    def connect(self, optimizer: Optimizer) -> None:
        """Have the optimiser report to tracker, balancer and guard, see :func:`connect_optimizer`.

        Wrappers such as DistributedDataParallel do not call :meth:`train_step`, so
        :class:`aurora_mm.engine.MultiTaskHook` connects the optimiser before training.
        """
        connect_optimizer(optimizer, self.tracker, self.balancer, self.guard)

    def _nothing(self, maps: Sequence[Tensor]) -> Tensor:
        """Return a loss of 0 that can be backpropagated, for a batch without any loss."""
        nothing = torch.stack([level.sum() for level in maps]).sum() * 0
        return nothing if nothing.requires_grad else next(p for p in self.parameters() if p.requires_grad).sum() * 0

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample]) -> list[MultiTaskDataSample]:
        """Predict, in pixels of the original images.

        Args:
            inputs: Images, ``(B, 3, h, w)``, with normalised pixel values.
            data_samples: One for each image; predictions are set in their task samples.

        Returns:
            The data samples, in their order.
        """
        maps = self._predicted_feat(inputs)
        if self.router is not None:
            self.router(maps, data_samples)
        for head, feats, batches in head_inputs(self, maps, data_samples):
            head.predict(feats, batches)
        for sample in task_samples_of(data_samples):
            task = self.tasks[sample.task]
            if sample.get('flip') and task.swaps:
                prediction_of(task.type).unflip(sample, task)
        if self.calibration is not None:
            self.calibration(maps, data_samples)
        return list(data_samples)

    def _predicted_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of :meth:`extract_feat` in ``encoder_dtype``, and return them in fp32."""
        if self.encoder_dtype is None:
            return self.extract_feat(inputs)
        with torch.autocast(inputs.device.type, self.encoder_dtype):
            maps = self.extract_feat(inputs)
        return tuple(m.float() for m in maps)
