"""One image with everything that is known and predicted of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.structures import BaseDataElement
from torch import Tensor

from aurora_mm.structures.task_data_sample import TaskDataSample
from aurora_mm.structures.transfer import map_tensors

# Before the name of a task in the name of its data field, so that a task may be called `keys` or `to`.
_PREFIX = 'task/'


class MultiTaskDataSample(BaseDataElement):
    """One image and the :class:`TaskDataSample` of each of its tasks.

    The task samples are data fields, so whatever MMEngine does to a data element reaches all of them: ``to``,
    ``cuda``, ``cpu``, ``detach``, ``clone``.

    Args:
        task_samples: One for each task, of different tasks; their order is kept.
        metainfo: Of the image: ``img_id``, ``img_path``, ``ori_shape``, ``img_shape`` ((height, width) of the original
            image and of the network input), ``homography_matrix`` ((3, 3), original to network pixels), ``flip``,
            ``gt_coordinates``.

    Example:
        >>> sample = MultiTaskDataSample([TaskDataSample(metainfo=dict(task='lung', task_type='segmentation'))])
        >>> sample.task_names, sample['lung'].task_type
        (['lung'], 'segmentation')
    """

    def __init__(
        self, task_samples: Iterable[TaskDataSample] = (), *, metainfo: dict[str, Any] | None = None, **fields: Any
    ) -> None:
        super().__init__(metainfo=metainfo, **fields)
        for task_sample in task_samples:
            self.add(task_sample)

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks, in the order in which they were added."""
        return list(self.get('task_order', ()))

    @property
    def task_samples(self) -> list[TaskDataSample]:
        """The samples of the tasks, in the order in which they were added."""
        return [self[name] for name in self.task_names]

    def add(self, task_sample: TaskDataSample) -> None:
        """Add the sample of a task, or replace that of the same task."""
        name = task_sample.task
        if name not in self.task_names:
            self.set_field((*self.task_names, name), 'task_order', field_type='metainfo')
        self.set_field(task_sample, _PREFIX + name, dtype=TaskDataSample)

    def pin_memory(self) -> MultiTaskDataSample:
        """Copy its tensors to pinned memory; the data loader calls it where ``pin_memory=True`` and there is a GPU."""
        return map_tensors(self, Tensor.pin_memory)

    def __getitem__(self, task_name: str) -> TaskDataSample:
        if task_name not in self.task_names:
            raise KeyError(f'{self.get("img_path")} has no sample of task {task_name!r}; it has {self.task_names}')
        return getattr(self, _PREFIX + task_name)

    def __iter__(self) -> Iterator[TaskDataSample]:
        return iter(self.task_samples)

    def __len__(self) -> int:
        return len(self.task_names)


def task_samples_of(data_samples: Iterable[MultiTaskDataSample | TaskDataSample]) -> Iterator[TaskDataSample]:
    """Go through the task samples of a batch: image by image, and the tasks of each in their order.

    Args:
        data_samples: Samples of images; one of a single task stands for itself.
    """
    for data_sample in data_samples:
        if isinstance(data_sample, TaskDataSample):
            yield data_sample
        else:
            yield from data_sample
