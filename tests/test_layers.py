"""Rooms import what lies below them and nothing else, so that each can be read and tested without those above."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'aurora_mm'
GROUND = {'annotations', 'compat', 'errors', 'registry', 'structures', 'tables', 'task_types', 'tasks'}
ABOVE = {
    'datasets': {'models', 'engine', 'evaluation', 'baselines', 'analysis', 'apis', 'visualization'},
    'models': {'datasets', 'engine', 'evaluation', 'baselines', 'challenge', 'analysis', 'apis', 'visualization'},
    'visualization': {'models', 'datasets', 'engine', 'evaluation', 'baselines', 'challenge', 'analysis', 'apis'},
    'evaluation': {'models', 'datasets', 'engine', 'baselines', 'challenge', 'analysis', 'apis', 'visualization'},
    'baselines': {'models', 'engine', 'challenge', 'analysis', 'apis', 'visualization'},
    'challenge': {'engine', 'analysis'},
    'analysis': {'models', 'challenge'},
    'engine': {'analysis', 'apis'},
}


def imported_rooms(room):
    rooms = set()
    for file in (PACKAGE / room).rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ''] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            rooms |= {name.split('.')[1] for name in names if name.startswith('aurora_mm.')}
    return rooms - {room}


@pytest.mark.parametrize('room', ABOVE)
def test_nothing_is_imported_from_above(room):
    found = imported_rooms(room)
    assert found & GROUND, 'the test finds imports'
    assert not found & ABOVE[room]
