import json

import pytest

from aurora_mm.analysis.ablation_table import AblationRow, ablation_json, ablation_table, training_speed
from aurora_mm.errors import DataError


def scores(folder, seed, lung, kind):
    """Of a run with one segmentation and one classification task."""
    metrics = dict(
        tasks=dict(lung=dict(primary=lung, DSC=lung, HD=9.0), kind=dict(primary=kind, Accuracy=kind)),
        types=dict(segmentation=lung, classification=kind),
        task_mean=(lung + kind) / 2,
        score=(lung + kind) / 2,
        intervals={},
    )
    file = folder / f'seed_{seed}' / 'test' / 'metrics.json'
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(metrics))


def log(work_dir, start, lines, batch_size=8):
    vis = work_dir / start / 'vis_data'
    vis.mkdir(parents=True)
    (vis / 'config.py').write_text(f'train_dataloader = dict(batch_size={batch_size})')
    (vis / 'scalars.json').write_text(''.join(json.dumps(line) + '\n' for line in lines))


@pytest.fixture
def rows(tmp_path):
    """Two seeds of `base`, one of `better`, none yet of `late`."""
    scores(tmp_path / 'base', 10, lung=0.5, kind=0.4)
    scores(tmp_path / 'base', 2, lung=0.7, kind=0.4)
    scores(tmp_path / 'better', 2, lung=0.9, kind=0.5)
    (tmp_path / 'better' / 'seed_3').mkdir()  # still training
    log(tmp_path / 'base' / 'seed_10', '20260101_000000', [{'loss': 1.0, 'time': 0.4, 'step': 50}])
    return [AblationRow.read(tmp_path / name) for name in ('base', 'better', 'late')]


def test_means_and_sample_deviations_over_the_seeds_that_are_there(rows):
    base, better, late = rows
    assert (base.seeds, better.seeds, late.seeds) == ([2, 10], [2], [])
    assert base.values['tasks/lung'] == [0.7, 0.5]
    assert base.mean('task_mean') == pytest.approx(0.5)  # of 0.55 and 0.45
    assert base.deviation('task_mean') == pytest.approx(0.1 / 2**0.5)
    assert better.deviation('task_mean') is None
    assert late.mean('task_mean') is None


def test_the_tables(rows):
    first, second = ablation_table(rows).split('\n\n')
    assert first.splitlines() == [
        '| config | seeds | segmentation | classification | mean over tasks | change | score | images / s |',
        '|---|---|---|---|---|---|---|---|',
        '| base | 2 | 0.600 ± 0.141 | 0.400 ± 0.000 | 0.500 ± 0.071 |  | 0.500 ± 0.071 | 20.0 |',
        '| better | 1 | 0.900 | 0.500 | 0.700 | +0.200 | 0.700 | - |',
        '| late | 0 | - | - | - | - | - | - |',
    ]
    assert second.splitlines()[0] == '| primary score | lung | kind |'
    assert second.splitlines()[2:4] == ['| base | 0.600 ± 0.141 | 0.400 ± 0.000 |', '| better | 0.900 | 0.500 |']


def test_the_json_holds_every_seed(rows):
    entries = json.loads(ablation_json(rows))
    assert [entry['config'] for entry in entries] == ['base', 'better', 'late']
    assert entries[0]['figures']['types/segmentation']['values'] == [0.7, 0.5]
    assert entries[0]['figures']['images_per_second'] == dict(mean=20.0, std=None, values=[None, 20.0])  # by seed
    assert entries[1]['change'] == pytest.approx(0.2)
    assert entries[1]['figures']['score'] == dict(mean=0.7, std=None, values=[0.7])
    assert entries[2] == dict(config='late', seeds=[], change=None, figures={})


def test_speed_leaves_validation_out_and_takes_a_resumed_runs_later_start(tmp_path):
    lines = [{'loss': 1, 'time': 0.2, 'step': 50}, {'score': 0.5, 'time': 9.0, 'step': 1}]
    log(tmp_path, '20260101_000000', [*lines, {'loss': 1, 'time': 7.0, 'step': 100}])
    log(tmp_path, '20260101_000001', [{'loss': 1, 'time': 0.4, 'step': 100}])
    assert training_speed(tmp_path) == pytest.approx(8 / 0.3)
    assert training_speed(tmp_path / 'empty') is None


def test_a_file_without_scores_is_named(tmp_path):
    file = tmp_path / 'seed_0' / 'test' / 'metrics.json'
    file.parent.mkdir(parents=True)
    file.write_text('{"tasks": 3}')
    with pytest.raises(DataError, match=r'seed_0/test/metrics\.json'):
        AblationRow.read(tmp_path)
