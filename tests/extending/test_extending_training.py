"""A task type, its head, codec and loss, and a sampling policy of another package, from the CSV file to the report."""

import csv
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.challenge.csv_files import is_labelled, read_root
from aurora_mm.cli.imports_option import import_modules
from aurora_mm.cli.verbs import report, test, train
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import TaskTable
from tests.fixtures.checkpoints import REPO, SIZES

CONFIG = f"""
_base_ = '{REPO}/configs/aurora_fmc_demo.py'
custom_imports = dict(imports=['aurora_mm', 'age_type', 'age_head', 'worst_task_policy'])
tasks = [
    dict(name='gestation', type='age', classes=['weeks']),
    dict(name='kind', type='classification', classes=['a', 'b']),
]
model = dict(
    tasks=tasks,
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset={SIZES}),
    detail=dict(channels=(8, 8, 16, 16)),
    neck=dict(out_channels=16),
    heads=dict(
        age=dict(type='AgeHead', hidden_channels=16, codec=dict(type='TermCodec'), loss_age=dict(type='AgeLoss')),
        classification=dict(hidden_channels=16),
    ),
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    batch_sampler=dict(num_batches=3, policy=dict(_delete_=True, type='WorstTaskPolicy')),
)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=2, val_interval=1)
"""


@pytest.fixture
def root(tmp_path):
    """20 images with an age in weeks, which is how bright they are, and 10 with a class."""
    folder = tmp_path / 'data' / 'csv_files'
    folder.mkdir(parents=True)
    (tmp_path / 'data' / 'img').mkdir()
    for name, count, answer in (('gestation', 20, 'weeks'), ('kind', 10, 'mask')):
        rows = []
        for i in range(count):
            cv2.imwrite(str(tmp_path / 'data' / 'img' / f'{name}{i}.png'), np.full((64, 64), 8 * i + 20, np.uint8))
            row = dict(task_id=name, task_name='Age' if answer == 'weeks' else 'classification')
            row |= dict(num_classes=1 if answer == 'weeks' else 2, image_path=f'../img/{name}{i}.png')
            rows.append(row | {answer: 10.5 + i if answer == 'weeks' else i % 2})
        with (folder / f'{name}.csv').open('w', newline='') as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return tmp_path / 'data'


@pytest.mark.long
def test_from_csv_to_the_report(add_module, root, tmp_path, capsys):
    config, work = tmp_path / 'config.py', tmp_path / 'work'
    config.write_text(CONFIG)
    train.main([str(config), '--data-root', str(root), '--work-dir', str(work)])
    scalars = [json.loads(line) for file in work.glob('*/vis_data/scalars.json') for line in file.open()]
    assert {'task_loss/gestation', 'gestation/MAE', 'gestation/primary'} <= {key for line in scalars for key in line}
    probs = [line['task_prob/gestation'] for line in scalars if 'task_prob/gestation' in line]
    assert set(np.round(probs, 3)) <= {0.2, 0.5, 0.8}  # of WorstTaskPolicy: a task alone at the bottom is drawn 4 to 1
    assert {0.2, 0.8} & set(np.round(probs, 3))
    test.main([str(config), str(work / 'epoch_2.pth'), '--data-root', str(root)])
    scores = json.loads((work / 'test' / 'metrics.json').read_text())
    assert scores['images']['gestation'] == 4
    assert 0 < scores['tasks']['gestation']['MAE'] < 40
    report.main([str(work), '--imports', 'age_type'])
    assert 'The bar is 1 / (1 + MAE / 10 weeks).' in (work / 'test' / 'report.html').read_text()
    inferencer = MultiTaskInferencer(work / 'epoch_2.pth', device='cpu', show_progress=False)
    (answer,) = inferencer([str(root / 'img' / 'gestation0.png')], task='gestation')['predictions']
    assert answer.keys() == {'img_path', 'task', 'age'}
    assert answer['age'] == pytest.approx(
        inferencer.forward([dict(img_path=answer['img_path'], task='gestation')])[0].pred_age
    )

    _predict_in_another_process(work, root, tmp_path)
    _test_with_what_does_not_know_the_type(config, work, root, tmp_path, capsys)


def _predict_in_another_process(work, root, tmp_path):
    """As a user does, whose program has imported nothing."""
    image, out = root / 'img' / 'gestation0.png', tmp_path / 'out'
    command = ['predict', str(work / 'epoch_2.pth'), str(image), '--out', str(out)]
    env = os.environ | dict(PYTHONPATH=os.pathsep.join([str(REPO), str(Path(__file__).parent)]))
    run = partial(subprocess.run, env=env, capture_output=True, text=True, check=False, timeout=600)
    refused = run([sys.executable, '-m', 'aurora_mm', *command])
    assert refused.returncode == 1
    assert "it imports the module 'age_type', which runs that code; if you trust" in refused.stderr
    trusted = run([sys.executable, '-m', 'aurora_mm', *command, '--trust'])
    assert trusted.returncode == 0, trusted.stderr
    assert 'gestation' in (out / 'predictions.json').read_text()


def _test_with_what_does_not_know_the_type(config, work, root, tmp_path, capsys):
    """The error comes before the test, which may take hours, and not after it."""
    for option, message in (
        ('--constant', "no constant answer for tasks of type 'age'"),
        ('--submission', 'is of type age, which has no place in a submission'),
    ):
        out = tmp_path / option
        with pytest.raises(SystemExit):
            test.main([str(config), str(work / 'epoch_2.pth'), '--data-root', str(root), '--out-dir', str(out), option])
        assert message in capsys.readouterr().err
        assert not (out / 'overlays').exists()


def test_its_column_is_checked_as_those_of_the_package(add_module, root):
    add_module('age_type')
    assert is_labelled(root)
    file = root / 'csv_files' / 'gestation.csv'
    text = file.read_text()
    file.write_text(text.replace('12.5', 'many'))
    with pytest.raises(DataError, match=r"gestation\.csv, row 4: weeks 'many' is not a number"):
        read_root(root, TaskTable())
    file.write_text(text.replace('weeks', 'age'))
    with pytest.raises(DataError, match="column 'weeks' is missing; age task 'gestation' needs it"):
        read_root(root, TaskTable())


def test_a_type_without_annotation_says_so(add_module, root):
    from aurora_mm.annotations import ANNOTATIONS

    add_module('age_type')
    ANNOTATIONS.pop('age')
    with pytest.raises(ConfigError, match="no annotation for tasks of type 'age', only for"):
        read_root(root, TaskTable())
    assert read_root(root, TaskTable(), with_labels=False).tasks['gestation'].type == 'age'


def test_a_module_that_is_not_there():
    with pytest.raises(ConfigError, match=r"--imports no_such_module: No module named 'no_such_module'"):
        import_modules(['no_such_module'])
