import json

import cv2
import pytest

from aurora_mm.analysis.run_comparison import comparison_table, draw_comparison
from aurora_mm.analysis.run_history import read_run
from aurora_mm.errors import DataError

TASKS = "tasks = [dict(name='a', type='detection', classes=['x']), dict(name='b', type='landmark', points=['p'])]"


def log(folder, start, lines):
    vis = folder / start / 'vis_data'
    vis.mkdir(parents=True)
    (vis / 'config.py').write_text(TASKS)
    (vis / 'scalars.json').write_text(''.join(json.dumps(line) + '\n' for line in lines))


def step(number, loss=1.0):
    return {'task_loss/a': loss, 'task_prob/a': 0.4, 'task_weight/a': 1.0, 'gradient_cosine/a-b': -0.2, 'step': number}


def scores(epoch, score):
    return {'score': score, 'type/detection': score, 'a/primary': score, 'a/IoU': score, 'step': epoch}


@pytest.fixture
def run(tmp_path):
    """Ten steps an epoch, killed in the third; resumed, with the second validation made up for at the start."""
    folder = tmp_path / 'run'
    log(folder, '20260101_000000', [step(5), step(10), scores(1, 0.3), step(20), step(25, loss=9.0)])
    log(folder, '20260101_000100', [scores(2, 0.5), step(25, loss=0.5), step(30), scores(3, 0.4)])
    return folder


def test_scores_stand_at_the_step_they_were_taken_after(run):
    history = read_run(run)
    assert history.name == 'run'
    assert history.series['score'] == {10: 0.3, 20: 0.5, 30: 0.4}
    assert history.best_step == 20
    assert list(history.tasks) == ['a', 'b']


def test_a_resumed_run_overrides_what_was_lost(run):
    assert read_run(run).series['task_loss/a'] == {5: 1.0, 10: 1.0, 20: 1.0, 25: 0.5, 30: 1.0}
    assert read_run(run).of('gradient_cosine/') == {'a-b': dict.fromkeys((5, 10, 20, 25, 30), -0.2)}


def test_the_table_holds_the_best_validation(run, tmp_path):
    log(tmp_path / 'new', '20260101_000000', [step(5)])
    log(tmp_path / 'better', '20260101_000000', [step(10), scores(1, 0.6)])
    table = comparison_table([read_run(run), read_run(tmp_path / 'better', 'B'), read_run(tmp_path / 'new')])
    assert '| score at the best validation | run | B | new |' in table
    assert '| at step | 20 | 10 | - |' in table
    assert '| a | 0.500 | **0.600** | - |' in table
    assert '| b |' not in table


def test_the_picture_is_drawn(run, tmp_path):
    draw_comparison([read_run(run), read_run(run, 'again')], tmp_path / 'out' / 'compare.png')
    picture = cv2.imread(str(tmp_path / 'out' / 'compare.png'))
    assert min(picture.shape[:2]) > 500
    # Both runs lie upon each other: the colour of the second, and the dark of text.
    assert (abs(picture.astype(int) - (14, 127, 255)).sum(2) < 30).sum() > 200


def test_weights_hundreds_of_decades_apart_are_drawn(tmp_path):
    """Found by a random seed: no axis of matplotlib can label them on a logarithmic scale."""
    log(tmp_path / 'odd', '20260101_000000', [step(5), step(10) | {'task_weight/a': 1e-300}, scores(1, 0.5)])
    draw_comparison([read_run(tmp_path / 'odd')], tmp_path / 'odd.png')
    assert cv2.imread(str(tmp_path / 'odd.png')) is not None


def test_missing_and_broken_logs_are_named(run, tmp_path):
    with pytest.raises(DataError, match=r'nothing: no scalars'):
        read_run(tmp_path / 'nothing')
    file = run / '20260101_000100' / 'vis_data' / 'scalars.json'
    file.write_text(json.dumps(step(25)) + '\n{"task_lo\n')
    with pytest.raises(DataError, match=r'scalars\.json, row 2: no line of logged numbers'):
        read_run(run)


def test_a_killed_run_is_read_up_to_its_unfinished_line(run):
    whole = read_run(run).series
    file = run / '20260101_000100' / 'vis_data' / 'scalars.json'
    file.write_text(file.read_text() + json.dumps(step(35))[:-9])
    assert read_run(run).series == whole
