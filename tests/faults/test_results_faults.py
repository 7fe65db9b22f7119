"""Folders of results and logs changed at random: read as they stand, or refused; nothing is answered from a part."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from mmengine.config import Config

from aurora_mm.analysis.ablation_table import AblationRow, ablation_json, ablation_table
from aurora_mm.analysis.report import write_html_report
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.report.tables import comparisons, score_tables
from aurora_mm.analysis.report.training_charts import task_charts, training_charts
from aurora_mm.analysis.report.training_log import TrainingLog
from aurora_mm.analysis.run_comparison import comparison_table, draw_comparison
from aurora_mm.analysis.run_history import read_run
from aurora_mm.analysis.weight_search import WeightSearch
from aurora_mm.errors import AuroraError
from aurora_mm.evaluation import read_per_image
from aurora_mm.phantoms import make_dataset
from aurora_mm.submission import problem_table, score_submission
from aurora_mm.tasks import TaskTable
from tests.faults.bad_values import TEXTS
from tests.faults.conftest import many
from tests.faults.json_changes import changed, changes
from tests.faults.mutations import OF_BYTES
from tests.fixtures.run_folder import write_run_folder
from tests.submission import predictions

number = st.integers(0, 200)
cells = st.lists(
    st.tuples(
        st.sampled_from(['set', 'append', 'drop', 'add', 'repeat', 'delete', 'move', 'swap']),
        number,
        number,
        st.sampled_from(TEXTS) | st.text(max_size=8),
    ),
    min_size=1,
    max_size=2,
)
damage = st.tuples(st.sampled_from(list(OF_BYTES.values())), st.integers(0, 2**32 - 1))


def one_line(error: AuroraError) -> None:
    assert '\n' not in str(error), error


def changed_table(text: str, steps) -> str:
    rows = list(csv.reader(io.StringIO(text)))
    for what, row, column, value in steps:
        line = rows[row % len(rows)]
        place = column % max(len(line), 1)
        if what in ('set', 'append') and line:
            line[place] = value if what == 'set' else line[place] + value
        elif what == 'drop' and line:
            del line[place]
        elif what == 'add':
            line.append(value)
        elif what == 'repeat':
            rows.append(list(line))
        elif what == 'delete' and len(rows) > 1:
            rows.remove(line)
        elif what == 'move':
            rows.append(rows.pop(row % len(rows)))
        elif what == 'swap' and line:
            line[place], line[0] = line[0], line[place]
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> Path:
    return write_run_folder(tmp_path_factory.mktemp('results'))


def damaged(data: bytes, case) -> bytes:
    mutation, seed = case
    return mutation(data, np.random.default_rng(seed))


@many(60, 3000)
def test_scores_of_a_test(run, try_cases, cases):
    """Every number that the report shows is the file's; what the tasks need is there."""
    file = run / 'test' / 'metrics.json'
    text = file.read_text()

    def one(steps) -> str:
        new = changed(json.loads(text), steps)
        file.write_text(new, encoding='utf-8', errors='surrogatepass')
        try:
            results = Results.read(run / 'test')
        except AuroraError as error:
            one_line(error)
            return 'refused'
        plain = json.loads(new)
        for task_type in results.tasks.types():
            for table in score_tables(results, task_type):
                for row in table.rows:
                    assert row.bar.value == plain['tasks'][row.task.name]['primary']
                    assert row.images == plain['images'][row.task.name]
                    assert all(type(score.text) is str for score in row.scores.values())
        assert comparisons(results)
        return 'right'

    try:
        try_cases('metrics.json of a test', cases, changes, one)
    finally:
        file.write_text(text)


@many(60, 3000)
def test_rows_of_images(run, try_cases, cases):
    """Rows are read as the cells say, and the worst images can be told from them."""
    file = run / 'test' / 'per_image.csv'
    data = file.read_bytes()

    def one(case) -> str:
        if isinstance(case, list):
            file.write_bytes(changed_table(data.decode(), case).encode('utf-8', 'surrogatepass'))
        else:
            file.write_bytes(damaged(data, case))
        try:
            results = Results.read(run / 'test')
        except AuroraError as error:
            one_line(error)
            return 'refused'
        with file.open(newline='', encoding='utf-8') as stream:
            lines = list(csv.DictReader(stream))
        assert len(lines) == len(results.rows)
        for line, row in zip(lines, results.rows, strict=True):
            assert (row.task, row.metric, row.target) == (line['task'], line['metric'], line['target'])
            assert (row.img_id, row.height, row.width) == tuple(
                int(line[name]) for name in ('img_id', 'height', 'width')
            )
            for name, value in row.values.items():
                assert value == (json.loads(line[name]) if line[name] else None)
        for task in results.tasks.values():
            assert all(image.goodness == image.goodness for image in results.images(task))
        return 'right'

    try:
        try_cases('per_image.csv of a test', cases, cells | damage, one)
    finally:
        file.write_bytes(data)


@many(3, 150)
def test_a_report_of_what_was_read(run, tmp_path, try_cases, cases):
    """Both files and the log changed: the report is written whole, or not at all."""
    files = [run / 'test' / 'metrics.json', run / 'test' / 'per_image.csv', *run.glob('*/vis_data/scalars.json')]
    before = [file.read_bytes() for file in files]
    out = tmp_path / 'report.html'

    def one(case) -> str:
        steps, table, (entry, key, value) = case
        out.unlink(missing_ok=True)
        files[0].write_text(changed(json.loads(before[0]), steps), encoding='utf-8', errors='surrogatepass')
        files[1].write_bytes(changed_table(before[1].decode(), table).encode('utf-8', 'surrogatepass'))
        lines = [json.loads(line) for line in before[2].decode().splitlines()]
        names = list(lines[entry % len(lines)])
        lines[entry % len(lines)][names[key % len(names)]] = value
        files[2].write_text(''.join(json.dumps(line) + '\n' for line in lines))
        try:
            write_html_report(run, out_file=out)
        except AuroraError as error:
            one_line(error)
            assert not out.exists()
            return 'refused'
        assert out.read_text().rstrip().endswith('</html>')
        return 'right'

    # Changes that are often read: the numbers of one row.
    row = st.lists(st.tuples(st.just('set'), number, st.integers(8, 20), st.sampled_from(TEXTS)), max_size=1)
    logged = st.tuples(number, number, st.sampled_from([0, -1, 1e-300, 1e308, float('nan'), float('inf'), 10**30]))
    try:
        steps = st.lists(st.tuples(st.just('set'), st.lists(st.integers(0, 20), max_size=4), st.floats()), max_size=1)
        try_cases('reports of changed folders', cases, st.tuples(steps, row, logged), one)
    finally:
        for file, data in zip(files, before, strict=True):
            file.write_bytes(data)


def logged(data: bytes) -> dict[tuple[str, int], float]:
    """Every number of a log by name and step, of two the later."""
    lines = data.split(b'\n')
    found = {}
    for line in lines:
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            step = entry['step']
        except (ValueError, KeyError):
            assert line is lines[-1]
            continue
        for name, value in entry.items():
            if name not in ('step', 'iter', 'epoch') and type(value) in (int, float):
                found[name, step] = float(value)
    return found


@many(60, 3000)
def test_logs_of_a_training(tmp_path, try_cases, cases):
    """Every logged number is where it was logged; a line that is not finished counts as not there."""
    folder = write_run_folder(tmp_path)
    (file,) = folder.glob('*/vis_data/scalars.json')
    config = file.with_name('config.py')
    config.write_text((folder / 'test' / 'tiny.py').read_text() + 'train_dataloader = dict(batch_size=4)\n')
    data = {file: file.read_bytes(), config: config.read_bytes()}

    def one(case) -> str:
        which, mutation = case
        for path, content in data.items():
            path.write_bytes(damaged(content, mutation) if path is (file, config)[which] else content)
        try:
            log, history = TrainingLog.read(folder), read_run(folder)
        except AuroraError as error:
            one_line(error)
            return 'refused'
        kept = {
            (name, step): value
            for part in (log.training, log.validation)
            for name, values in part.items()
            for step, value in values.items()
        }
        assert repr(sorted(kept.items())) == repr(sorted(logged(file.read_bytes()).items()))
        assert comparison_table([history])
        return 'right'

    try_cases('scalars.json and config.py of a training', cases, st.tuples(st.integers(0, 1), damage), one)


@many(2, 100)
def test_charts_of_odd_numbers(tmp_path, try_cases, cases):
    folder = write_run_folder(tmp_path)
    (file,) = folder.glob('*/vis_data/scalars.json')
    shutil.copy(folder / 'test' / 'tiny.py', file.with_name('config.py'))
    lines = [json.loads(line) for line in file.read_text().splitlines()]

    def one(new) -> str:
        changed_lines = [dict(line) for line in lines]
        for row, key, value in new:
            line = changed_lines[row % len(lines)]
            names = list(line)
            line[names[key % len(names)]] = value
        file.write_text(''.join(json.dumps(line) + '\n' for line in changed_lines))
        try:
            log, history = TrainingLog.read(folder), read_run(folder)
        except AuroraError as error:
            one_line(error)
            return 'refused'
        assert all(chart.uri for chart in (*training_charts(log), *task_charts(log, history.tasks)))
        draw_comparison([history], folder / 'compare.png')
        return 'right'

    values = st.sampled_from([0, -1, 1e-300, 1e300, -1e300, float('nan'), float('inf'), -float('inf'), 2**40])
    odd = st.lists(st.tuples(number, number, values), min_size=1, max_size=4)
    try_cases('charts of odd logged numbers', cases, odd, one)


@many(60, 3000)
def test_scores_of_an_ablation(tmp_path, try_cases, cases):
    text = (write_run_folder(tmp_path) / 'test' / 'metrics.json').read_text()
    file = tmp_path / 'base' / 'seed_3' / 'test' / 'metrics.json'
    file.parent.mkdir(parents=True)
    (tmp_path / 'base' / 'seed_old' / 'test').mkdir(parents=True)
    (tmp_path / 'base' / 'seed_old' / 'test' / 'metrics.json').write_text('none of the runs')

    def one(steps) -> str:
        new = changed(json.loads(text), steps)
        file.write_text(new, encoding='utf-8', errors='surrogatepass')
        try:
            row = AblationRow.read(tmp_path / 'base')
        except AuroraError as error:
            one_line(error)
            return 'refused'
        plain = json.loads(new)
        assert row.seeds == [3]
        assert row.mean('score') == float(plain['score'])
        assert {key: row.mean(f'tasks/{key}') for key in plain['tasks']} == {
            key: float(scores['primary']) for key, scores in plain['tasks'].items()
        }
        assert ablation_table([row])
        assert json.loads(ablation_json([row]))[0]['figures']['score']['values'] == [plain['score']]
        return 'right'

    try_cases('metrics.json of an ablation', cases, changes, one)


@many(60, 3000)
def test_results_of_a_search(tmp_path, try_cases, cases):
    tasks = [dict(name='a', type='detection', classes=['x']), dict(name='b', type='landmark', points=['p'])]
    cfg = Config(dict(tasks=tasks, model={}, train_cfg=dict(max_epochs=9), default_hooks=dict(checkpoint={})))
    for name in ('trial_00', 'trial_01'):
        (tmp_path / name).mkdir()

    def search() -> WeightSearch:
        return WeightSearch(cfg, tmp_path, trials=2, epochs=[1, 2])

    search().run(lambda cfg, epoch: 0.5)
    file = tmp_path / 'search.json'
    text = file.read_text()

    def one(steps) -> str:
        file.write_text(changed(json.loads(text), steps), encoding='utf-8', errors='surrogatepass')
        trained = []
        try:
            found = search()
            found.run(lambda cfg, epoch: trained.append(cfg.work_dir) or 0.5)
        except AuroraError as error:
            one_line(error)
            return 'refused'
        assert found.table()
        assert {Path(folder).parent for folder in trained} <= {tmp_path}
        return 'right'

    try_cases('search.json', cases, changes, one)


@pytest.fixture(scope='module')
def labelled(tmp_path_factory):
    """A data root, its tasks, and a submission that answers it."""
    from aurora_mm.submission import SubmissionWriter

    folder = tmp_path_factory.mktemp('submission')
    tasks = TaskTable(
        [
            dict(name='organs', type='segmentation', classes=['background', 'a', 'b']),
            dict(name='kind', type='classification', classes=['x', 'y', 'z']),
            dict(name='find', type='detection', classes=['lesion']),
            dict(name='ends', type='landmark', points=['left', 'right']),
        ]
    )
    make_dataset(folder / 'data', tasks, images_per_task=2)
    writer = SubmissionWriter(folder / 'submission')
    for sample in predictions.true_samples(folder / 'data', tasks):
        predictions.disturb(sample, tasks[sample.task], np.random.default_rng(0))
        writer.add(sample)
    writer.finish()
    return folder / 'data', folder / 'submission', tasks


@many(40, 1000)
def test_submissions(labelled, try_cases, cases):
    """What cannot be scored is listed; all else has the score that it had."""
    root, submission, tasks = labelled
    files = sorted(path for path in submission.rglob('*') if path.is_file())
    before = {file: file.read_bytes() for file in files}
    whole = score_submission(root, submission, tasks).result

    def one(case) -> str:
        which, steps, mutation = case
        file = files[which % len(files)]
        if file.suffix == '.json' and steps:
            file.write_text(changed(json.loads(before[file]), steps), encoding='utf-8', errors='surrogatepass')
        else:
            file.write_bytes(damaged(before[file], mutation))
        try:
            scored = score_submission(root, submission, tasks)
        except AuroraError as error:
            one_line(error)
            return 'refused'
        finally:
            file.write_bytes(before[file])
        assert problem_table(scored.problems) or not scored.problems
        assert scored.summary()
        for task, kind in (('organs', '.png'), ('kind', 'class'), ('find', 'det'), ('ends', 'regr')):
            if kind not in file.name:
                # nan, of what is not defined, is not equal to itself
                assert repr(scored.result.of_task(task)) == repr(whole.of_task(task))
        return 'refused' if scored.problems else 'right'

    try_cases(
        'submissions',
        cases,
        st.tuples(number, st.lists(changes, max_size=1).map(lambda c: c[0] if c else []), damage),
        one,
    )


def test_a_metric_named_in_a_file_is_looked_up_and_not_imported(run, tmp_path, monkeypatch):
    shutil.copytree(run, tmp_path / 'run')
    (tmp_path / 'evil.py').write_text(f'open({str(tmp_path / "proof")!r}, "w")\nMetric = None\n')
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / 'run' / 'test' / 'per_image.csv'
    file.write_text(file.read_text().replace('BoxIoUMetric', 'evil.Metric', 1))
    with pytest.raises(AuroraError, match=r"per_image\.csv, row \d+: .*'evil\.Metric' is no TaskMetric"):
        Results.read(tmp_path / 'run' / 'test')
    assert not (tmp_path / 'proof').exists()


def test_the_rows_of_results_are_checked_against_the_file(run):
    assert read_per_image(run / 'test' / 'per_image.csv') == Results.read(run / 'test').rows
