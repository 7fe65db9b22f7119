"""Every image and label of a data root, read and looked at before training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.challenge.fmc_index import NoUsableRowError, SkippedRow
from aurora_mm.challenge.unread_columns import unread_columns
from aurora_mm.checking.across_images import duplicates, near_duplicates
from aurora_mm.checking.across_labels import (
    balance,
    equal_answers,
    equal_masks,
    inverted_masks,
    names_of_masks,
    order_of_points,
)
from aurora_mm.checking.across_splits import groups_of_splits, images_without_group, tasks_of_splits
from aurora_mm.checking.image_facts import ImageFacts, facts_of
from aurora_mm.checking.labelled_image import by_task
from aurora_mm.checking.outliers import unusual_images, unusual_values
from aurora_mm.checking.problem import Problem
from aurora_mm.data_root import DataRoot
from aurora_mm.errors import DataError
from aurora_mm.images.shards.remote_root import local_data_root
from aurora_mm.sided_names import questions_about_sides
from aurora_mm.tasks import Task, TaskTable
from aurora_mm.worker_pool import worker_pool

_CHUNK = 8
_LOOKS = (  # at all labels of a task
    unusual_values,
    inverted_masks,
    equal_masks,
    equal_answers,
    names_of_masks,
    order_of_points,
)


@dataclass(frozen=True)
class DataReport:
    """What was found.

    Args:
        root: The data root, a folder or a URL.
        tasks: Its tasks.
        rows: Number of usable rows of each split and task.
        facts: Of each image file, by split.
        problems: Those that stop training first.
    """

    root: str
    tasks: TaskTable
    rows: dict[tuple[str, str], int]
    facts: dict[str, list[ImageFacts]]
    problems: list[Problem]

    @property
    def stops_training(self) -> bool:
        """Whether training would end with an error."""
        return any(problem.stops_training for problem in self.problems)

    @property
    def images_with_spacing(self) -> int:
        """Number of image files whose pixel spacing is known, so that scores are in mm, too."""
        return sum(fact.pixel_spacing is not None for found in self.facts.values() for fact in found)

    def by_kind(self) -> dict[str, list[Problem]]:
        """The problems of each kind."""
        found: dict[str, list[Problem]] = defaultdict(list)
        for problem in self.problems:
            found[problem.kind].append(problem)
        return dict(found)


def check_data(
    root: str | Path,
    tasks: Sequence[Task | Mapping[str, Any]] = (),
    workers: int | None = None,
    shard_cache: Mapping[str, Any] | None = None,
) -> DataReport:
    """Reads every row, image and label, and looks for what is wrong or looks wrong.

    Args:
        root: Data root, a folder or a URL, see :class:`aurora_mm.datasets.FMCUIADataset`.
        tasks: Known tasks.
        workers: Number of processes. None takes one for each processor, 0 works in this process.
        shard_cache: ``folder`` and ``max_gb``, where shards of a URL are kept, see
            :func:`aurora_mm.images.shards.remote_root.local_data_root`.

    Raises:
        DataError: If there is no data root.
        ConfigError: If it is a URL and there is no ``shard_cache``.
    """
    data_root = DataRoot.find(local_data_root(root, shard_cache), str(root))
    table = TaskTable(tasks)
    problems: list[Problem] = []
    rows: Counter[tuple[str, str]] = Counter()
    entries: dict[str, list[list[dict[str, Any]]]] = {}
    groups: dict[str, dict[str, list[str]]] = {}
    grouped: list[tuple[str, str, bool]] = []
    for split, folder in data_root.folders().items():
        problems += _unread_columns(folder)
        try:
            index = read_root(folder, table, on_error='skip')
        except NoUsableRowError as error:
            problems += _wrong_rows(error.skipped) or [Problem('unusable CSV file', str(error), True)]
            continue
        except DataError as error:
            problems.append(Problem('unusable CSV file', str(error), True))
            continue
        table = table.with_tasks(index.tasks.values())
        problems += _wrong_rows(index.skipped)
        problems += [Problem('repeated row', skipped.message, False, skipped.task) for skipped in index.repeated]
        by_image: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in index.records:
            rows[split, record.task] += 1
            by_image[record.img_path].append(_entry(record, table))
            has_group = record.group != record.image
            grouped.append((record.task, record.img_path, has_group))
            if has_group and len(by_image[record.img_path]) == 1:
                groups.setdefault(split, {}).setdefault(record.group, []).append(record.img_path)
        entries[split] = list(by_image.values())
    facts = _look_at(entries, workers)
    split_of = {fact.path: split for split, found in facts.items() for fact in found}
    everything = [fact for found in facts.values() for fact in found]
    problems += [problem for fact in everything for problem in fact.problems]
    problems += duplicates(everything, split_of)
    problems += near_duplicates(everything, split_of)
    problems += groups_of_splits(groups)
    problems += images_without_group(grouped)
    problems += tasks_of_splits(rows, table, list(entries))
    problems += unusual_images(everything, table)
    labelled = by_task(everything)
    for task in table.values():
        for look in _LOOKS:
            problems += look(task, labelled[task.name])
    problems += [Problem('left and right', text, task=name) for name, text in questions_about_sides(table.values())]
    for split, found in facts.items():
        of_split = by_task(found)
        problems += (problem for task in table.values() for problem in balance(task, of_split[task.name], split))
    problems.sort(key=lambda problem: (not problem.stops_training, problem.kind))
    return DataReport(data_root.place, table, dict(rows), facts, problems)


def facts_of_images(images: Sequence[str], workers: int | None = None) -> list[ImageFacts]:
    """What there is to know of image files alone, without labels.

    Args:
        images: Their paths.
        workers: See :func:`check_data`.

    Raises:
        DataError: If one cannot be read.
    """
    rows = [[dict(img_path=image, task='', task_type='', csv_file=None, csv_row=None)] for image in images]
    facts = _look_at({'': rows}, workers)['']
    for fact in facts:
        if fact.shape is None:
            raise DataError(fact.problems[0].message)
    return facts


def _unread_columns(folder: Path) -> list[Problem]:
    try:
        return [Problem('column that is not read', text) for text in unread_columns(folder)]
    except DataError:  # which reading the rows tells
        return []


def _wrong_rows(skipped: Iterable[SkippedRow]) -> list[Problem]:
    return [Problem('wrong row', row.message, True, row.task) for row in skipped]


def _entry(record: Any, table: TaskTable) -> dict[str, Any]:
    """What a data set lists of a row, see :class:`aurora_mm.datasets.FMCUIADataset`."""
    return dict(
        img_path=record.img_path,
        img_id=0,
        csv_file=record.csv_file,
        csv_row=record.csv_row,
        image_path=record.image_path,
        **({} if record.pixel_spacing is None else dict(pixel_spacing=record.pixel_spacing)),
        **table[record.task].item_fields(),
        **record.annotation,
    )


def _look_at(entries: Mapping[str, Sequence[list[dict[str, Any]]]], workers: int | None) -> dict[str, list[ImageFacts]]:
    columns = (TextColumn('Reading'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    found: dict[str, list[ImageFacts]] = {}
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task('', total=sum(map(len, entries.values())))

        def counted(items: Iterable[ImageFacts]) -> list[ImageFacts]:
            kept = []
            for item in items:
                kept.append(item)
                progress.advance(bar)
            return kept

        if workers == 0:
            return {split: counted(map(facts_of, rows)) for split, rows in entries.items()}
        with worker_pool(workers) as pool:
            for split, rows in entries.items():
                found[split] = counted(pool.map(facts_of, rows, chunksize=_CHUNK))
    return found
