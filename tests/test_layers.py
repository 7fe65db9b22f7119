"""Rooms import what lies below them and nothing else, so that each can be read and tested without those above."""

import ast
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'aurora_mm'
GROUND = {'annotations', 'compat', 'errors', 'registry', 'structures', 'tables', 'task_types', 'tasks'}
_ROOMS_OF_TRAINING = {'models', 'engine', 'evaluation', 'baselines', 'challenge', 'analysis', 'apis', 'visualization'}
ABOVE = {
    'datasets': {
        'models',
        'engine',
        'evaluation',
        'baselines',
        'analysis',
        'apis',
        'visualization',
        'calibration',
        'prediction_files',
    },
    'models': {
        'calibration',
        'datasets',
        'engine',
        'evaluation',
        'baselines',
        'challenge',
        'analysis',
        'apis',
        'visualization',
    },
    'exporting': {'challenge', 'analysis', 'engine', 'visualization', 'prediction_files'},
    'publishing': {'challenge', 'engine', 'visualization', 'prediction_files', 'web', 'cli'},
    'checkpoints': _ROOMS_OF_TRAINING | {'datasets', 'calibration', 'publishing'},
    'weight_formats': {*_ROOMS_OF_TRAINING, 'datasets', 'calibration', 'publishing'},
    'calibration': {'challenge', 'analysis', 'apis', 'datasets', 'engine', 'visualization', 'prediction_files'},
    'routing': {'challenge', 'analysis', 'apis', 'datasets', 'engine', 'visualization', 'prediction_files'},
    'visualization': {'models', 'datasets', 'engine', 'evaluation', 'baselines', 'challenge', 'analysis', 'apis'},
    'evaluation': {
        'calibration',
        'models',
        'datasets',
        'engine',
        'baselines',
        'challenge',
        'analysis',
        'apis',
        'visualization',
    },
    'baselines': {'models', 'engine', 'challenge', 'analysis', 'apis', 'visualization'},
    'challenge': {'engine', 'analysis'},
    'analysis': {'models', 'challenge'},
    'engine': {'analysis', 'apis', 'calibration'},
    'web': {'cli'},
    'images': {*_ROOMS_OF_TRAINING, 'datasets', 'converters', 'measurements'},
    'measurements': {*_ROOMS_OF_TRAINING, 'datasets', 'converters', 'images'},
    'importing': _ROOMS_OF_TRAINING,
    'splitting': _ROOMS_OF_TRAINING - {'challenge'},
    'checking': _ROOMS_OF_TRAINING - {'challenge'},
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


def test_test_files_of_different_folders_have_different_names():
    """Folders of tests are no packages, so that pytest takes two files of one name for one module."""
    names = Counter(file.name for file in Path(__file__).parent.glob('*/**/test_*.py'))
    assert {name: count for name, count in names.items() if count > 1} == {}
