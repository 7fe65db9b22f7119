import pytest

from aurora_mm.analysis.report import write_html_report
from aurora_mm.analysis.report.pictures import pick
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.report.tables import Score, confusion, score_tables
from aurora_mm.analysis.report.training_log import TrainingLog
from aurora_mm.errors import DataError


@pytest.fixture
def results(run_folder):
    return Results.read(run_folder / 'test')


def test_images_are_ordered_worst_first(results):
    for task in results.tasks.values():
        assert [image.rows[0].img_id for image in results.images(task)] == [0, 1, 2, 3, 4]


def test_worst_median_and_best(results):
    images = results.images(results.tasks['spot'])
    assert [(rank, image.rows[0].img_id) for rank, image in pick(images)] == [('worst', 0), ('median', 2), ('best', 4)]
    assert [rank for rank, _ in pick(images[:2])] == ['worst', 'best']
    assert [rank for rank, _ in pick(images[:1])] == ['worst']
    assert pick([]) == []


def test_confusion_by_hand(results):
    """True classes 0 1 2 0 1; the first two images have the true class at .1 and .3."""
    matrix = confusion(results, results.tasks['kind'])
    assert matrix.counts == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert matrix.shares[0] == [0.5, 0.5, 0]


def test_rows_take_the_interval_of_the_primary_score(results):
    (table,) = score_tables(results, 'segmentation')
    (row,) = table.rows
    assert table.bar_title == 'DSC'
    assert row.images == 5
    assert row.bar.interval == (0.4, 0.55)
    assert row.scores['HD'].text == '12.0'
    assert row.scores['DSC'].interval_text == '0.400 to 0.550'


def test_tables_say_what_their_numbers_are(results):
    (labels,), (points,) = (score_tables(results, name) for name in ('classification', 'landmark'))
    assert labels.rows[0].scores['MCC'].text == '-'
    assert labels.notes == []
    assert points.bar_title == 'score'
    assert points.notes == ['The bar is 1 - MRE / image diagonal.']


def test_a_score_that_is_not_defined_is_no_0(results):
    results.scores['tasks']['kind']['AUC'] = None
    (labels,) = score_tables(results, 'classification')
    assert labels.rows[0].scores['AUC'].text == '-'
    assert labels.notes == ['AUC is not defined where it is -; the official scorer takes 0.']


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


def test_tasks_are_those_of_the_run_with_their_names(results):
    assert list(results.tasks) == ['organs', 'kind', 'spot', 'ends']
    assert results.tasks['kind'].classes == ('benign', '<b>odd</b>', r'$\frac{$ [/b]')


def test_a_task_that_another_packages_metric_judges_has_its_score_alone(run_folder):
    file = run_folder / 'test' / 'per_image.csv'
    file.write_text('\n'.join(line for line in file.read_text().splitlines() if not line.startswith('spot')))
    results = Results.read(run_folder / 'test')
    (table,) = score_tables(results, 'detection')
    assert (table.bar_title, table.columns, table.rows[0].bar.value) == ('score', {}, 0.6)
    write_html_report(run_folder)


def test_the_name_is_the_configs_or_the_folders(results, run_folder):
    assert results.name == 'tiny'
    (run_folder / 'test' / 'tiny.py').unlink()
    assert Results.read(run_folder / 'test').name == 'test'


@pytest.mark.parametrize('content', ['{', '[]', '{"score": 1}', '{"table": [{"name": "a", "type": "unheard of"}]}'])
def test_broken_scores_are_refused(run_folder, content):
    (run_folder / 'test' / 'metrics.json').write_text(content)
    with pytest.raises(DataError, match=r'metrics.json: (no scores as|not a JSON file|holds a list)'):
        Results.read(run_folder / 'test')
