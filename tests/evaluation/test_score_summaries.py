import json
import math

import pytest

from aurora_mm.evaluation import aggregate_scores, nested_scores, score_tables
from tests.fixtures.evaluation_samples import TASKS

RESULTS = {
    'organs/DSC': 0.8,
    'organs/HD': 12.5,
    'organs/primary': 0.8,
    'lesion/DSC': 0.6,
    'lesion/HD': 7.5,
    'lesion/primary': 0.6,
    'nodule/IoU': 0.31,
    'nodule/coco/bbox_mAP': 0.25,
    'nodule/primary': 0.31,
    'plane/AUC': float('nan'),
    'plane/Accuracy': 1.0,
    'plane/primary': 1.0,
    'type/segmentation': 0.7,
    'type/detection': 0.31,
    'type/classification': 1.0,
    'task_mean': 0.6775,
    'score': 0.67,
}


def test_nested_scores():
    nested = nested_scores(RESULTS)
    assert nested['tasks']['organs'] == {'DSC': 0.8, 'HD': 12.5, 'primary': 0.8}
    assert nested['tasks']['nodule'] == {'IoU': 0.31, 'coco/bbox_mAP': 0.25, 'primary': 0.31}
    assert nested['types'] == {'segmentation': 0.7, 'detection': 0.31, 'classification': 1.0}
    assert (nested['score'], nested['task_mean']) == (0.67, 0.6775)
    assert nested['tasks']['plane']['AUC'] is None
    assert json.loads(json.dumps(nested, allow_nan=False)) == nested


def test_aggregate_scores():
    scores = aggregate_scores({'organs': 0.8, 'lesion': 0.6, 'nodule': 0.3}, TASKS)
    assert scores['type/segmentation'] == pytest.approx(0.7)
    assert scores['task_mean'] == pytest.approx(1.7 / 3)
    assert scores['score'] == pytest.approx((0.7 + 0.3) / 2)
    assert 'type/landmark' not in scores


def rows(text):
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_score_tables_show_units_and_every_scored_task():
    text = score_tables(RESULTS, TASKS, {'organs': 4, 'lesion': 2, 'nodule': 3, 'plane': 5})
    found = rows(text)
    assert found['organs'] == ['4', '80.00', '80.00', '12.50']
    assert found['lesion'] == ['2', '60.00', '60.00', '7.50']
    assert found['nodule'] == ['3', '31.00', '31.00']
    assert found['plane'] == ['5', '100.00', 'nan', '-', '-', '100.00', '-']
    means = next(line for line in text.splitlines() if 'mean over tasks' in line)
    assert means.split()[3:] == ['6', '70.00', '70.00', '10.00']
    assert 'DSC [%]' in text
    assert 'HD [px]' in text
    assert 'landmark' not in text
    assert text.splitlines()[-1] == 'score 67.00 % (mean over task types), 67.75 % (mean over 4 tasks)'


def test_long_task_names_stay_on_one_line():
    config = [dict(TASKS['plane'].to_config(), name='fetal_sacral_position_classification')]
    text = score_tables(
        {'fetal_sacral_position_classification/primary': 0.5, 'score': 0.5, 'task_mean': 0.5},
        type(TASKS)(config),
        {'fetal_sacral_position_classification': 12345},
    )
    assert rows(text)['fetal_sacral_position_classification'][:2] == ['12345', '50.00']


def test_nan_primaries_count_0():
    assert aggregate_scores({'organs': math.nan, 'lesion': 1.0}, TASKS)['score'] == 0.5
