"""Handling of losses and gradients that are not finite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from mmengine.dist import all_gather_object, all_reduce
from mmengine.logging import MMLogger
from torch import Tensor, nn

from aurora_mm.errors import AuroraError
from aurora_mm.models.utils.sharded_tensors import local_part
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

# Of steps whose flags wait for a report. More are read at once, so that memory stays bounded in a training without
# MultiTaskHook, whose interval they never reach.
_MOST_PENDING = 1_000


_ADVICE = 'The learning rate (optim_wrapper.optimizer.lr) may be too large; --resume goes on from the last checkpoint'


class NonFiniteGuard(nn.Module):
    """Counts the labels whose loss is not finite and the updates whose gradient is not, and stops a run with too many.

    In training, :meth:`note` and :meth:`note_update` keep flags on the device without a copy to the host. The hook
    :class:`aurora_mm.engine.MultiTaskHook` calls :meth:`report` at its interval, which reads all flags at once.

    Args:
        tasks: The T tasks.
        limit: How many such labels a run may have, over all tasks and ranks; and how many such updates more than that,
            since it was started or resumed.

    Attributes:
        skipped (Tensor): Number of such labels so far on all ranks, ``(T,)`` int64; saved in checkpoints.
    """

    skipped: Tensor

    def __init__(self, tasks: Sequence[Task], limit: int) -> None:
        super().__init__()
        self.index = {task.name: i for i, task in enumerate(tasks)}
        self.limit = limit
        self.register_buffer('skipped', torch.zeros(len(tasks), dtype=torch.long))
        self._latest: Tensor | None = None
        self._pending: list[tuple[Tensor, list[tuple[str, str]]]] = []
        self._found: dict[str, list[str]] = {}
        self._dropped: Tensor | None = None  # number of updates whose gradients were left out, the same on all ranks
        self._labels = 0  # of these, how many losses that were not finite can explain
        self._told = 0  # how many others were told

    def note(self, samples: Sequence[TaskDataSample], finite: Tensor) -> None:
        """Keep the flags of a step.

        Args:
            samples: The samples of the n labels.
            finite: Whether the loss of each label is finite, ``(n,)`` bool on the device.
        """
        self._latest = finite
        self._pending.append((finite, [(sample.task, str(sample.get('img_path'))) for sample in samples]))
        if len(self._pending) >= _MOST_PENDING:
            self._read()

    def note_update(self, finite: Tensor) -> None:
        """Keep whether the gradients of an update were finite.

        Args:
            finite: The result of :func:`gradients_are_finite`.
        """
        dropped = 1 - finite
        self._dropped = dropped if self._dropped is None else self._dropped + dropped

    def latest_is_finite(self) -> bool:
        """Whether all losses of the last step are finite on this rank; it waits for the device."""
        return self._latest is None or bool(self._latest.all())

    def report(self) -> None:
        """Count and log what was noted on all ranks since the last report; every rank must call it.

        Raises:
            AuroraError: On all ranks, if there are more labels or more updates than ``limit``. The message names the
                tasks and their images.
        """
        self._read()
        found, self._found = self._found, {}
        merged: dict[str, list[str]] = {}
        for of_rank in all_gather_object(found):
            for name, paths in of_rank.items():
                merged.setdefault(name, []).extend(paths)
        for name, paths in merged.items():
            self.skipped[self.index[name]] += len(paths)
            self._labels += len(paths)
        if merged:
            self._report_labels(merged)
        self._report_updates()

    def _report_labels(self, paths_of: Mapping[str, Sequence[str]]) -> None:
        message = '; '.join(
            f'the loss of task {name!r} is not finite on {", ".join(paths)}' for name, paths in paths_of.items()
        )
        total = int(self.skipped.sum())
        if total > self.limit:
            raise AuroraError(
                f'{message}. That makes {total} losses that are not finite; a run bears {self.limit} '
                f'(model.max_nonfinite). {_ADVICE}'
            )
        MMLogger.get_current_instance().warning(
            f'{message}. Their gradients were left out of the updates ({total} so far, a run bears {self.limit})'
        )

    def _report_updates(self) -> None:
        """Report updates whose gradients were left out, beyond those that the losses explain."""
        total = 0 if self._dropped is None else int(self._dropped) - self._labels
        if total <= self._told:
            return
        message = f'the losses were finite, but the gradients of {total - self._told} updates were not'
        self._told = total
        if total > self.limit:
            raise AuroraError(
                f'{message}. That makes {total} updates; a run bears {self.limit} (model.max_nonfinite). {_ADVICE}'
            )
        MMLogger.get_current_instance().warning(
            f'{message}. These gradients were left out ({total} so far, a run bears {self.limit})'
        )

    def _read(self) -> None:
        """Move the images of the losses that are not finite from the flags to the names."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        flags = torch.cat([finite for finite, _ in pending]).tolist()
        labels = [label for _, labels in pending for label in labels]
        for (name, path), finite in zip(labels, flags, strict=True):
            if not finite:
                self._found.setdefault(name, []).append(path)


@torch.no_grad()
def gradients_are_finite(parameters: Iterable[nn.Parameter]) -> Tensor | None:
    """Find on the device whether all gradients are finite, on all ranks; the host does not wait for it.

    Args:
        parameters: The parameters.

    Returns:
        1 if all gradients are finite, else 0, on the device; None if there is no gradient.
    """
    gradients = _gradients(parameters)
    if not gradients:
        return None
    finite = torch.stack(torch._foreach_norm(gradients)).sum().isfinite().float()
    all_reduce(finite, op='min')
    return finite


@torch.no_grad()
def drop_gradients_unless(finite: Tensor, parameters: Iterable[nn.Parameter]) -> None:
    """Set all gradients to 0, in place, if not all of them are finite.

    A value that is not finite in a batch affects the gradients of all weights that it depends on, so no part of the
    update could be kept.

    Args:
        finite: The result of :func:`gradients_are_finite`.
        parameters: The same parameters.
    """
    dropped = finite == 0
    for gradient in _gradients(parameters):
        gradient.masked_fill_(dropped, 0)


def _gradients(parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    return [local_part(p.grad) for p in parameters if p.grad is not None]
