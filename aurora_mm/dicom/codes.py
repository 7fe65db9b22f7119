"""The codes of a task's classes, points and measurements: its own, or the default ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurora_mm.dicom.default_codes import (
    ABNORMAL,
    ANATOMY,
    ANSWERS,
    FINDINGS,
    MEASUREMENT_TYPES,
    PRIVATE_SCHEME,
    QUANTITIES,
    STRUCTURES,
    UNITS,
    Code,
)
from aurora_mm.measurements import Measurement
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

_MOST_LETTERS = 64  # of a Code Meaning (0008,0104)


def code_of(task: Task, name: str) -> Code:
    """Return the code of a class or point of a task, or of the task itself.

    Args:
        task: The task, whose ``codes`` come first.
        name: Name of a class or point, or of the task.
    """
    if name in task.codes:
        return _code(task.codes[name]['type'])
    plain = _plain(name)
    for table in (STRUCTURES, FINDINGS, ANSWERS):
        if plain in table:
            return table[plain]
    return _private(name if name == task.name else f'{task.name}.{name}', name)


def category_of(task: Task, name: str) -> Code:
    """Return the code of the category of a class: anatomical structure where neither task nor table says another."""
    if 'category' in task.codes.get(name, {}):
        return _code(task.codes[name]['category'])
    return ABNORMAL if _plain(name) in FINDINGS else ANATOMY


def measurement_code(task: Task, measurement: Measurement) -> Code:
    """Return the code of a quantity: by its name, or else by its type."""
    if measurement.name in task.codes:
        return _code(task.codes[measurement.name]['type'])
    found = QUANTITIES.get(_plain(measurement.name)) or MEASUREMENT_TYPES.get(type(measurement).__name__)
    return found or _private(f'{task.name}.{measurement.name}', measurement.name)


def probability_code(task: Task, name: str) -> Code:
    """Return the code of the probability of a class, which is always private: DICOM has none that names the class."""
    return _private(f'{task.name}.{name}.probability', f'Probability of {name}')


def unit_code(unit: str) -> Code:
    """Return the UCUM code of a unit; one that UCUM does not know stands in its braces."""
    plain = ''.join(letter for letter in unit if letter.isascii() and letter.isprintable() and letter not in '{}')
    return UNITS.get(unit) or (f'{{{plain}}}', 'UCUM', unit[:_MOST_LETTERS])


def concept(code: Code) -> CodedConcept:
    """Return a code as highdicom has it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(value=code[0], scheme_designator=code[1], meaning=code[2])


def _private(value: str, meaning: str) -> Code:
    return value, PRIVATE_SCHEME, meaning[:_MOST_LETTERS]


def _plain(name: str) -> str:
    return name.lower().replace('_', ' ')


def _code(values: list[str]) -> Code:
    value, scheme, meaning = values
    return value, scheme, meaning
