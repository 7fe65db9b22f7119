"""Scores of groups of images, by hand."""

import json

import pytest

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.column_groups import FEWEST_IMAGES, NO_VALUE, by_columns, column_table, from_json, to_json
from aurora_mm.evaluation import ResultRow


def row(img_id, dsc, group=''):
    place = dict(image_path=f'../{img_id}.png', mask_path='', img_path=f'/d/{img_id}.png', height=30, width=40)
    values = dict(size=0.1, DSC=dsc, HD=5.0, HD95=1.0, NSD=0.5)
    return ResultRow('lung', 'SegmentationMetric', 'lung', img_id, **place, group=group, values=values)


def values(**of_images):
    return {'centre': {('lung', f'../{number}.png'): value for value, ids in of_images.items() for number in ids}}


MANY = FEWEST_IMAGES
ROWS = [row(i, 0.9 if i % 2 else 0.7) for i in range(MANY)]  # mean 0.8
ROWS += [row(i, 0.5) for i in range(MANY, 2 * MANY)]
ROWS += [row(i, 0.1) for i in range(2 * MANY, 2 * MANY + 3)]
CENTRES = values(north=range(MANY), south=range(MANY, 2 * MANY), west=range(2 * MANY, 2 * MANY + 2))


@pytest.fixture(scope='module')
def groups():
    return by_columns(ROWS, CENTRES, resamples=200)['centre']['lung']


def test_scores_by_hand_the_worst_first(groups):
    assert [(group.value, group.images) for group in groups] == [
        (NO_VALUE, 1),
        ('west', 2),
        ('south', MANY),
        ('north', MANY),
    ]
    assert [group.primary for group in groups] == pytest.approx([0.1, 0.1, 0.5, 0.8])


def test_a_small_group_is_flagged_and_not_the_worst(groups):
    assert [group.is_small for group in groups] == [True, True, False, False]
    assert [group.value for group in groups if group.is_worst] == ['south']
    small = by_columns(ROWS[-3:], CENTRES, resamples=50)['centre']['lung']
    assert [group.is_worst for group in small] == [True, False]
    (alone,) = by_columns(ROWS[:MANY], CENTRES, resamples=50)['centre']['lung']
    assert not alone.is_worst


def test_intervals_are_those_of_the_groups_images_alone(groups):
    north = groups[-1]
    assert list(north.interval) == bootstrap_intervals(ROWS[:MANY], resamples=200)['tasks']['lung']['primary']
    assert north.interval[0] < 0.8 < north.interval[1]
    assert groups[2].interval == (0.5, 0.5)


def test_json_and_markdown(groups):
    content = json.loads(json.dumps(to_json({'centre': {'lung': groups}})))
    assert content['centre']['lung'][2] == dict(
        value='south', images=MANY, primary=0.5, interval=[0.5, 0.5], is_small=False, is_worst=True
    )
    assert from_json(content) == {'centre': {'lung': groups}}
    head, _, *rows = column_table('centre|site', {'lung': groups}).splitlines()
    assert head.startswith('| task | centre\\|site | images |')
    assert [row.split(' | ')[0] for row in rows] == ['| lung', '| ', '| ', '| ']
    assert rows[2] == f'|  | south | {MANY} | 0.500 | 0.500 to 0.500 | worst |'
    assert sum('few images' in row for row in rows) == 2
