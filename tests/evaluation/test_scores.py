import json
import logging
import math

import pytest
from mmengine.logging import MMLogger

from aurora_mm.evaluation import aggregate_scores, nested_scores
from tests.fixtures.evaluation_samples import TASKS

RESULTS = {
    'organs/DSC': 0.8,
    'organs/HD': 12.5,
    'organs/primary': 0.8,
    'nodule/IoU': 0.31,
    'nodule/coco/bbox_mAP': 0.25,
    'nodule/primary': 0.31,
    'plane/AUC_present': float('nan'),
    'type/segmentation': 0.8,
    'type/detection': 0.31,
    'task_mean': 0.6,
    'score': 0.7,
}
SCORED = TASKS.only(['organs', 'lesion', 'nodule'])


@pytest.fixture
def warnings():
    """Texts of the warnings that MMEngine's current logger gave."""
    found = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: found.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def test_nested_scores():
    nested = nested_scores(RESULTS)
    assert nested['tasks']['organs'] == {'DSC': 0.8, 'HD': 12.5, 'primary': 0.8}
    assert nested['tasks']['nodule'] == {'IoU': 0.31, 'coco/bbox_mAP': 0.25, 'primary': 0.31}
    assert nested['types'] == {'segmentation': 0.8, 'detection': 0.31}
    assert (nested['score'], nested['task_mean']) == (0.7, 0.6)
    assert nested['tasks']['plane']['AUC_present'] is None
    assert json.loads(json.dumps(nested, allow_nan=False)) == nested


def test_aggregate_scores(warnings):
    scores = aggregate_scores({'organs': 0.8, 'lesion': 0.6, 'nodule': 0.3}, SCORED)
    assert scores['type/segmentation'] == pytest.approx(0.7)
    assert scores['task_mean'] == pytest.approx(1.7 / 3)
    assert scores['score'] == pytest.approx((0.7 + 0.3) / 2)
    assert 'type/landmark' not in scores
    assert warnings == []


@pytest.mark.parametrize(
    ('primaries', 'warning'),
    [
        ({'organs': 0.8, 'lesion': math.nan, 'nodule': 0.3}, 'task lesion: the primary score is nan and counts as 0'),
        ({'organs': 0.8, 'nodule': 0.3}, 'task lesion: no image was scored, so it counts as 0'),
    ],
)
def test_a_task_that_cannot_be_scored_or_is_missing_counts_as_0(warnings, primaries, warning):
    scores = aggregate_scores(primaries, SCORED)
    assert scores['lesion/primary'] == 0
    assert scores['type/segmentation'] == pytest.approx(0.4)
    assert scores['score'] == pytest.approx((0.4 + 0.3) / 2)
    assert warnings == [warning]


def test_a_type_that_is_missing_altogether_counts_as_0():
    scores = aggregate_scores({'organs': 0.8, 'lesion': 0.6}, SCORED)
    assert scores['type/detection'] == 0
    assert scores['score'] == pytest.approx((0.7 + 0) / 2)
