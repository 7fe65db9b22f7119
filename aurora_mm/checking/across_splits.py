"""What the splits of a data root show side by side: groups, such as patients, and tasks."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aurora_mm.checking.problem import Problem
from aurora_mm.tasks import TaskTable


def groups_of_splits(images_of: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[Problem]:
    """Groups, such as patients, that are in several splits, and those whose names are so alike that they may be one.

    Args:
        images_of: Paths of the images of each group, by split and by name of the group.
    """
    splits_of: dict[str, list[str]] = defaultdict(list)
    for split, groups in images_of.items():
        for group in groups:
            splits_of[group].append(split)
    for group, splits in splits_of.items():
        if len(splits) > 1:
            paths = tuple(path for split in splits for path in images_of[split][group])
            text = f'group {group!r} has {len(paths)} images, in {", ".join(sorted(splits))}'
            yield Problem('same group in several splits', text, images=paths)
    alike: dict[str, list[str]] = defaultdict(list)
    for group in splits_of:
        alike[_plain_group(group)].append(group)
    for names in alike.values():
        if len(names) > 1:
            paths = tuple(path for name in names for split in splits_of[name] for path in images_of[split][name])
            text = (
                f'groups {" and ".join(map(ascii, sorted(names)))} differ in case, spaces, zeros or the form of their '
                'letters alone, and count as several'
            )
            yield Problem('groups written alike', text, images=paths)


def images_without_group(rows: Iterable[tuple[str, str, bool]]) -> Iterator[Problem]:
    """Tasks of which some images have a group and others have none, so that each of these counts as one of its own.

    Args:
        rows: The task of each row, the path of its image, and whether that has a group.
    """
    grouped: Counter[str] = Counter()
    alone: dict[str, list[str]] = defaultdict(list)
    for task, path, has_group in rows:
        if has_group:
            grouped[task] += 1
        else:
            alone[task].append(path)
    for task, paths in alone.items():
        if with_group := grouped[task]:
            text = (
                f'{len(paths)} images of task {task!r} have no group and {with_group} have one; each image without '
                f'one counts as a group of its own, such as {paths[0]}'
            )
            yield Problem('images without a group', text, task=task, images=tuple(paths))


def tasks_of_splits(rows: Mapping[tuple[str, str], int], tasks: TaskTable, splits: Sequence[str]) -> Iterator[Problem]:
    """Tasks that have images in one split and none in another. Training stops at one that it has no images of.

    Args:
        rows: Number of usable rows of each split and task.
        tasks: The tasks of all splits.
        splits: The splits with usable rows.
    """
    of_split = {split: [name for name in tasks if rows.get((split, name))] for split in splits}
    for split, present in of_split.items():
        for name in tasks:
            others = [other for other in splits if name in of_split[other]]
            if name in present or not others:
                continue
            text = f'task {name!r} has no image in {split}, but some in {" and ".join(others)}'
            if split == 'train':
                nearest = tasks.only(present).nearest(name)
                text += f'; those in train are {", ".join(nearest)}'
            stops = split == 'train' and 'val' in others
            yield Problem('task without images in a split', text, stops, name)


def _plain_group(name: str) -> str:
    """Return the name of a group without what people and spreadsheets change: case, spaces, zeros, forms of letters."""
    name = ''.join(unicodedata.normalize('NFKC', name).casefold().split())
    return re.sub(r'(?<!\d)0+(?=\d)', '', re.sub(r'\.0+$', '', name))
