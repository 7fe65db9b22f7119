"""The data sample of an image with several tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from mmengine.structures import BaseDataElement
from torch import Tensor

from aurora_mm.structures.task_data_sample import TaskDataSample
from aurora_mm.structures.transfer import map_tensors

# Prefix of the data fields of tasks, so that a task may have a name such as `keys` or `to`.
_PREFIX = 'task/'


class MultiTaskDataSample(BaseDataElement):
    """Data sample of an image, which contains a :class:`TaskDataSample` for each of its tasks.

    Task samples are data fields, so methods of MMEngine's data elements such as ``to``, ``cuda``, ``cpu``, ``detach``
    and ``clone`` apply to all of them.

    Args:
        task_samples: Samples of different tasks. Their order is kept.
        metainfo: Metainfo of the image: ``img_id``; ``img_path``; ``ori_shape`` and ``img_shape``, (height, width) of
            the original image and of the network input; ``homography_matrix``, (3, 3) from original to network
            coordinates; ``flip``; ``gt_coordinates``.
        fields: Further data fields.

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
        """Add the sample of a task. A sample of the same task is replaced."""
        name = task_sample.task
        if name not in self.task_names:
            self.set_field((*self.task_names, name), 'task_order', field_type='metainfo')
        self.set_field(task_sample, _PREFIX + name, dtype=TaskDataSample)

    def keep(self, names: Collection[str]) -> None:
        """Remove the samples of all other tasks.

        Args:
            names: Names of tasks.
        """
        for name in self.task_names:
            if name not in names:
                delattr(self, _PREFIX + name)
        self.set_field(tuple(name for name in self.task_names if name in names), 'task_order', field_type='metainfo')

    def pin_memory(self) -> MultiTaskDataSample:
        """Return a copy with its tensors in pinned memory. The data loader calls this if ``pin_memory=True``."""
        return map_tensors(self, Tensor.pin_memory)

    def __getitem__(self, task_name: str) -> TaskDataSample:
        if task_name not in self.task_names:
            raise KeyError(f'{self.get("img_path")} has no sample of task {task_name!r}; it has {self.task_names}')
        sample: TaskDataSample = getattr(self, _PREFIX + task_name)
        return sample

    def __iter__(self) -> Iterator[TaskDataSample]:
        return iter(self.task_samples)

    def __len__(self) -> int:
        return len(self.task_names)


def task_samples_of(data_samples: Iterable[MultiTaskDataSample | TaskDataSample]) -> Iterator[TaskDataSample]:
    """Iterate over the task samples of a batch, image by image.

    Args:
        data_samples: Samples of images. A task sample among them is yielded as it is.

    Yields:
        The samples of each image's tasks, in their order.
    """
    for data_sample in data_samples:
        if isinstance(data_sample, TaskDataSample):
            yield data_sample
        else:
            yield from data_sample
