"""Which tasks are asked of a model, and what is measured in their predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aurora_mm.apis import MultiTaskInferencer, read_tasks
from aurora_mm.apis.task_groups import ALL_TASKS, AUTO_TASKS
from aurora_mm.errors import ConfigError
from aurora_mm.measurements import measurements_of
from aurora_mm.tasks import TaskTable


def asked_tasks(
    inferencer: MultiTaskInferencer, names: str = 'all', measurements: str | Path | None = None
) -> TaskTable:
    """Make the table of the tasks that are asked.

    Args:
        inferencer: The model.
        names: Of its tasks, separated by commas; ``'all'``; or ``'auto'``, for which all may be asked.
        measurements: Config file with a list ``tasks``; the measurements of its tasks take the place of those that
            the model was trained with, and their DICOM codes are added. None leaves the model's own.

    Raises:
        ConfigError: If the model does not know a task, none of the file's tasks is asked, or a measurement is wrong.
    """
    if names == AUTO_TASKS and inferencer.router is None:
        raise ConfigError(
            '--tasks auto needs one model with a router and no test-time views: `aurora-mm fit-router` fits one to a '
            'checkpoint'
        )
    asked = ALL_TASKS if names in (ALL_TASKS, AUTO_TASKS) else [name.strip() for name in names.split(',')]
    tasks = {name: inferencer.tasks[name] for name in inferencer.task_names(asked)}
    if measurements is not None:
        given = {name: task for name, task in read_tasks(measurements).items() if name in tasks}
        if not given:
            raise ConfigError(f'{measurements} describes none of the tasks {", ".join(tasks)}')
        tasks |= {
            name: replace(tasks[name], measurements=task.measurements, codes=tasks[name].codes | task.codes)
            for name, task in given.items()
        }
    for task in tasks.values():
        measurements_of(task)  # a mistake ends here, before anything is predicted
    return TaskTable(tasks.values())
