import pytest

from aurora_mm.analysis.report.cases import pick
from aurora_mm.analysis.report.results import Results, tasks_of
from aurora_mm.analysis.report.tables import Score, confusion, task_rows
from aurora_mm.analysis.report.training_log import TrainingLog
from aurora_mm.errors import DataError


@pytest.fixture
def results(run_folder):
    return Results.read(run_folder / 'test')


def test_images_are_ordered_worst_first(results):
    for task in results.tasks.values():
        assert [case.rows[0].img_id for case in results.images(task)] == [0, 1, 2, 3, 4]


def test_cases(results):
    images = results.images(results.tasks['spot'])
    assert [(rank, case.rows[0].img_id) for rank, case in pick(images)] == [('worst', 0), ('median', 2), ('best', 4)]
    assert [rank for rank, _ in pick(images[:2])] == ['worst', 'best']
    assert [rank for rank, _ in pick(images[:1])] == ['worst']
    assert pick([]) == []


def test_confusion_by_hand(results):
    """True classes 0 1 2 0 1; the first two images have the true class at .1 and .3."""
    matrix = confusion(results, results.tasks['kind'])
    assert matrix.counts == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert matrix.shares[0] == [0.5, 0.5, 0]


def test_rows_take_the_interval_of_the_primary_score(results):
    row = task_rows(results, 'segmentation')[0]
    assert row.images == 5
    assert row.bar.interval == (0.4, 0.55)
    assert row.scores['HD'].text == '12.0'
    assert row.scores['DSC'].interval_text == '0.400 to 0.550'
    assert task_rows(results, 'classification')[0].scores['MCC'].text == '-'


def test_a_bar_ends_at_its_ends():
    assert [Score(0.5).percent(value) for value in (-0.2, 0.25, 1.3, None)] == [0, 25, 100, 0]


def test_a_resumed_run_counts_where_it_repeats_a_step(run_folder):
    later = run_folder / '20260102_000000' / 'vis_data'
    later.mkdir(parents=True)
    (later / 'scalars.json').write_text(
        '{"loss": 9.0, "step": 30}\n{"loss": 8.0, "step": 40}\n{"score": 0.9, "step": 4}\n'
    )
    tested = run_folder / '20260103_000000' / 'vis_data'
    tested.mkdir(parents=True)
    (tested / 'scalars.json').write_text('{"score": 0.1, "step": 4}\n')
    log = TrainingLog.read(run_folder)
    assert log.series('loss') == ([10, 20, 30, 40], [0.3, 0.15, 9.0, 8.0])
    assert log.series('score')[1][-1] == 0.9, 'a test run is no part of the training'


def test_tasks_are_read_off_the_rows(results, run_folder):
    """Classes that no true label has and no name are numbered, so that the table has all columns."""
    assert [task.name for task in results.tasks.values()] == ['organs', 'kind', 'spot', 'ends']
    assert results.tasks['organs'].classes == ('background', 'liver', 'vein')
    assert results.tasks['ends'].points == ('left', 'right')
    rows = [row for row in results.rows if row.task == 'kind' and row.truth != 1]
    assert tasks_of(rows, {})['kind'].classes == ('benign', 'class 1', 'malignant')
    assert tasks_of(rows, {'kind': ['a', 'b', 'c']})['kind'].classes == ('a', 'b', 'c')


def test_the_name_is_the_configs_or_the_folders(results, run_folder):
    assert results.name == 'tiny'
    (run_folder / 'test' / 'tiny.py').unlink()
    assert Results.read(run_folder / 'test').name == 'test'


def test_broken_scores_are_refused(run_folder):
    (run_folder / 'test' / 'metrics.json').write_text('{')
    with pytest.raises(DataError, match=r'metrics.json: no scores'):
        Results.read(run_folder / 'test')
