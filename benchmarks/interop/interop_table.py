"""Try every head, detector, neck, backbone, loss, metric and data set class of mmdet and mmseg in this package.

Run it as ``python benchmarks/interop/interop_table.py``: it writes the tables of docs/interop.md, between their marks.
With names as arguments it tries these parts alone and prints what it finds.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from attempts import attempt_backbone, attempt_head, attempt_loss, attempt_metric, attempt_neck
from data_attempts import attempt_data_set

from aurora_mm.errors import AuroraError
from aurora_mm.files import write_bytes

DOCS = Path(__file__).resolve().parents[2] / 'docs/interop.md'
BEGIN, END = '<!-- interop table: begin -->', '<!-- interop table: end -->'


class Kind(NamedTuple):
    """A kind of part.

    Args:
        title: In the table.
        registry: Name of the hosts' registry.
        modules: Of the hosts, in which the classes are defined.
        attempt: Tries a part of a host and says what it needs, or raises an AuroraError.
    """

    title: str
    registry: str
    modules: tuple[str, ...]
    attempt: Callable[[str, str], str]


class Outcome(NamedTuple):
    """What came of a part: it works, perhaps with a note, or it is refused for a reason."""

    part: str
    works: bool
    text: str


KINDS = (
    Kind('heads', 'MODELS', ('dense_heads', 'roi_heads', 'seg_heads', 'decode_heads'), attempt_head),
    Kind('detectors and segmentors', 'MODELS', ('detectors', 'segmentors'), partial(attempt_head, whole=True)),
    Kind('backbones', 'MODELS', ('backbones',), attempt_backbone),
    Kind('necks', 'MODELS', ('necks',), attempt_neck),
    Kind('losses', 'MODELS', ('losses',), attempt_loss),
    Kind('metrics', 'METRICS', ('metrics',), attempt_metric),
    Kind('data sets', 'DATASETS', ('datasets',), attempt_data_set),
)
_FOLDERS = dict(MODELS='models', METRICS='evaluation', DATASETS='datasets')


def parts_of_kind(kind: Kind) -> Iterator[tuple[str, str]]:
    """Host and name of every registered class of a kind, in the hosts' order."""
    for host in ('mmdet', 'mmseg'):
        folder = _FOLDERS[kind.registry]
        importlib.import_module(f'{host}.{folder}')
        for name, found in getattr(importlib.import_module(f'{host}.registry'), kind.registry).module_dict.items():
            place = found.__module__.split('.')
            if place[0] == host and folder in place and set(kind.modules) & set(place):
                yield host, name


def try_part(kind: Kind, host: str, name: str) -> Outcome:
    """What comes of one part. Anything but a refusal of this package's own is raised."""
    try:
        return Outcome(f'{host}.{name}', True, kind.attempt(host, name))
    except AuroraError as error:
        return Outcome(f'{host}.{name}', False, reason_in(str(error), f'{host}.{name}'))


def reason_in(message: str, part: str) -> str:
    """The reason within a message, without the name of the part and of the task that it was tried for."""
    found = re.search(r'cannot (?:be|score)\b.*?: (.*)', message, re.DOTALL)
    text = found.group(1) if found else message
    return ' '.join(text.split())


def table_of(kind: Kind, outcomes: list[Outcome]) -> str:
    """The outcomes of a kind as Markdown."""
    working = [outcome for outcome in outcomes if outcome.works]
    lines = [f'### {kind.title.capitalize()}: {len(working)} of {len(outcomes)}', '']
    by_note: dict[str, list[str]] = {}
    for outcome in working:
        by_note.setdefault(outcome.text, []).append(outcome.part)
    by_reason: dict[str, list[str]] = {}
    for outcome in outcomes:
        if not outcome.works:
            by_reason.setdefault(outcome.text, []).append(outcome.part)
    lines += ['| | |', '|---|---|']
    for note, parts in by_note.items():
        lines.append(f'| works{" " + note if note else ""} | {_listed(parts)} |')
    for reason, parts in by_reason.items():
        lines.append(f'| refused: {reason.replace("|", "/")} | {_listed(parts)} |')
    return '\n'.join(lines) + '\n'


def _listed(parts: list[str]) -> str:
    return ', '.join(f'`{part}`' for part in parts)


def document(outcomes: dict[str, list[Outcome]]) -> str:
    """All tables, with the counts first."""
    counts = ['| parts | work | refused |', '|---|---|---|']
    for title, found in outcomes.items():
        works = sum(outcome.works for outcome in found)
        counts.append(f'| {title} | {works} | {len(found) - works} |')
    total = [outcome for found in outcomes.values() for outcome in found]
    works = sum(outcome.works for outcome in total)
    counts.append(f'| all | {works} | {len(total) - works} |')
    tables = [table_of(kind, outcomes[kind.title]) for kind in KINDS if kind.title in outcomes]
    return '\n'.join([*counts, '', *tables])


def main() -> None:
    """Write the tables, or try some parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('parts', nargs='*', help='names of classes or kinds to try alone')
    names = parser.parse_args().parts
    warnings.filterwarnings('ignore')
    outcomes: dict[str, list[Outcome]] = {}
    for kind in KINDS:
        for host, name in parts_of_kind(kind):
            if names and not {name, f'{host}.{name}', kind.title} & set(names):
                continue
            outcome = try_part(kind, host, name)
            print(f'{outcome.part}: {"works" if outcome.works else "refused"} {outcome.text}', flush=True)
            outcomes.setdefault(kind.title, []).append(outcome)
    if not names:
        text = DOCS.read_text(encoding='utf-8')
        start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
        write_bytes(DOCS, f'{text[:start]}\n{document(outcomes)}{text[end:]}'.encode())


if __name__ == '__main__':
    main()
