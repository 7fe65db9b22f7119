"""Calibrators of tasks with several boxes, several labels and numbers, by themselves and through the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from aurora_mm.apis import resolve_config, write_checkpoint
from aurora_mm.calibration.calibrator import CALIBRATORS, calibrator_of
from aurora_mm.cli.main import main
from aurora_mm.phantoms import make_dataset
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task, TaskTable
from tests.fixtures.checkpoints import ALL_TYPES, REPO, SIZES
from tests.prediction_files.json_schema import errors

SIGNS = Task('signs', 'multi_label_classification', classes=('z', 'a'))
AGE = Task('age', 'scalar_regression', values=('age',), unit='weeks')
FIND = Task('find', 'multi_object_detection', classes=('cyst', 'solid'))


def sample_of(task, **fields):
    sample = TaskDataSample(metainfo=dict(task=task.name, task_type=task.type, ori_shape=(30, 40)))
    for name, value in fields.items():
        setattr(sample, name, value)
    return sample


def fit(task, samples, coverage=0.9):
    calibrator = calibrator_of(task)
    return calibrator.fit([calibrator.observe(one, task) for one in samples], task, coverage)


class TestLabels:
    def samples(self, count, seed):
        """The logits of the first class are three times too large, those of the second as they should be."""
        rng = np.random.default_rng(seed)
        logits = rng.normal(0, 1.5, (count, 2))
        truth = rng.random((count, 2)) < 1 / (1 + np.exp(-logits))
        pairs = zip(torch.tensor(logits * [3, 1]).sigmoid(), torch.tensor(truth).float(), strict=True)
        return [sample_of(SIGNS, pred_scores=p, gt_scores=t) for p, t in pairs]

    def test_each_class_has_a_temperature_and_its_answers_contain_the_truth_as_often_as_asked(self):
        state = fit(SIGNS, self.samples(600, 0), 0.9)
        first, second = (state['parameters'][f'temperature_{i:04d}'] for i in range(2))
        assert first == pytest.approx(3, rel=0.25) and second == pytest.approx(1, rel=0.25)
        new, inside, undecided = self.samples(600, 1), [], 0
        calibrator = CALIBRATORS['multi_label_classification']
        for one in new:
            before = one.pred_scores >= 0.5
            truth = dict(zip(SIGNS.classes, one.gt_scores.tolist(), strict=True))
            observed = calibrator.observe(one, SIGNS)
            found = calibrator.apply(one, SIGNS, state)
            assert (before == (one.pred_scores >= 0.5)).all()
            for name in SIGNS.classes:
                is_in = name in found['undecided'] or (name in found['present']) == bool(truth[name])
                inside.append(is_in)
                score = calibrator.scores(observed, SIGNS, state['parameters'])[name]
                assert is_in == (score <= state['limits'][name])
                size = calibrator.size(observed, name, state['limits'][name], state['parameters'])
                assert size == 1 + (name in found['undecided'])
            undecided += len(found['undecided'])
        assert np.mean(inside) == pytest.approx(0.9, abs=0.04)
        assert 0 < undecided < len(inside)

    def test_an_exported_model_gives_the_same_probabilities(self):
        state, one = fit(SIGNS, self.samples(200, 0)), self.samples(1, 5)[0]
        calibrator = CALIBRATORS['multi_label_classification']
        tensors = calibrator.calibrate_tensors(dict(label_probs=one.pred_scores[None]), state['parameters'])
        calibrator.apply(one, SIGNS, state)
        assert torch.allclose(tensors['label_probs'][0], one.pred_scores, atol=1e-6)

    def test_too_few_images_leave_every_class_undecided(self):
        state = fit(SIGNS, self.samples(3, 0))
        found = CALIBRATORS['multi_label_classification'].apply(self.samples(1, 1)[0], SIGNS, state)
        assert found == dict(present=[], undecided=['z', 'a'])


class TestValues:
    def samples(self, count, seed):
        rng = np.random.default_rng(seed)
        truth = torch.tensor(rng.uniform(10, 40, count))
        pred = truth + torch.tensor(rng.normal(0, 2, count))
        pairs = zip(pred, truth, strict=True)
        return [sample_of(AGE, pred_value=p[None].float(), gt_value=t[None]) for p, t in pairs]

    def test_the_interval_contains_the_true_number_as_often_as_asked(self):
        state = fit(AGE, self.samples(2000, 0), 0.8)
        inside = []
        for one in self.samples(2000, 1):
            low, high = CALIBRATORS['scalar_regression'].apply(one, AGE, state)['interval']
            assert (low + high) / 2 == pytest.approx(float(one.pred_value))
            inside.append(low <= float(one.gt_value) <= high)
        assert np.mean(inside) == pytest.approx(0.8, abs=0.04)
        assert CALIBRATORS['scalar_regression'].unit_of(AGE) == 'weeks'

    def test_too_few_images_give_no_interval(self):
        state = fit(AGE, self.samples(3, 0))
        assert CALIBRATORS['scalar_regression'].apply(self.samples(1, 1)[0], AGE, state) == dict(interval=None)


class TestBoxes:
    def sample(self, rng):
        """Three boxes, of which those of score s are right with probability s squared; the last class is wrong."""
        corners = np.array([[0, 0, 8, 8], [12, 0, 20, 8], [24, 0, 32, 8]], float)
        scores = rng.uniform(0.05, 0.95, 3)
        is_right = rng.random(3) < scores**2
        true = InstanceData(bboxes=torch.tensor(corners[is_right]), labels=torch.zeros(int(is_right.sum())).long())
        found = InstanceData(
            bboxes=torch.tensor(corners).float(), scores=torch.tensor(scores), labels=torch.zeros(3).long()
        )
        return sample_of(FIND, pred_instances=found, gt_instances=true)

    def test_scores_become_the_share_of_boxes_that_find_a_true_one(self):
        rng = np.random.default_rng(0)
        state = fit(FIND, [self.sample(rng) for _ in range(800)])
        assert state['limits'] == {}
        expected, correct = [], []
        for _ in range(800):
            one = self.sample(rng)
            is_right = CALIBRATORS['multi_object_detection'].observe(one, FIND)['correct']
            order = one.pred_instances.scores.argsort(descending=True)
            assert CALIBRATORS['multi_object_detection'].apply(one, FIND, state) == {}
            assert (one.pred_instances.scores.argsort(descending=True) == order).all()
            expected.append(float(one.pred_instances.scores.sum()))
            correct.append(int(is_right.sum()))
        assert np.mean(expected) == pytest.approx(np.mean(correct), rel=0.06)

    def test_a_box_of_another_class_or_a_second_one_finds_nothing(self):
        box = torch.tensor([[0.0, 0, 8, 8]])
        found = InstanceData(
            bboxes=box.repeat(3, 1), scores=torch.tensor([0.3, 0.9, 0.8]), labels=torch.tensor([0, 1, 0])
        )
        one = sample_of(FIND, pred_instances=found, gt_instances=InstanceData(bboxes=box, labels=torch.tensor([0])))
        observed = CALIBRATORS['multi_object_detection'].observe(one, FIND)
        pairs = dict(zip(observed['score'].round(2).tolist(), observed['correct'].tolist(), strict=True))
        assert pairs == {0.3: False, 0.9: False, 0.8: True}


def test_from_the_command_line_to_predictions(tmp_path, capsys):
    names = ('boxes', 'signs', 'age', 'parts')
    tasks = TaskTable([ALL_TYPES[name] for name in names])
    config = tmp_path / 'config.py'
    loader = "dict(num_workers=0, persistent_workers=False, dataset=dict(split='all'))"
    config.write_text(f"_base_ = '{REPO}/configs/aurora_fmc_demo.py'\nval_dataloader = {loader}\n")
    cfg = Config.fromfile(config)
    cfg.tasks, cfg.model.backbone.preset = tasks.to_config(), SIZES
    root = str(tmp_path / 'data')
    make_dataset(root, tasks, 6)
    resolve_config(cfg, root, 'none')
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
    for head in model.heads.values():
        if hasattr(head, 'statistics'):
            head.statistics[:] = 1.0
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(tasks=tasks.to_config()))
    checkpoint = tmp_path / 'model.pth'
    write_checkpoint(checkpoint, dict(meta=meta, state_dict=model.state_dict()))
    main(['calibrate', str(config), str(checkpoint), '--data-root', root, '--coverage', '.6'])
    told = ' '.join(capsys.readouterr().out.split())
    assert "left as it is: task 'parts' cannot be calibrated: there is no calibrator for tasks of type 'multi_l" in told
    content = json.loads((tmp_path / 'model_calibration' / 'calibration.json').read_text())
    assert set(content['tasks']) == {'boxes', 'signs', 'age'}
    assert content['tasks']['age']['unit'] == 'weeks'
    table = (tmp_path / 'model_calibration' / 'calibration.md').read_text()
    assert all(f'| {name} |' in table for name in ('boxes', 'signs', 'age'))

    (image, *_) = sorted((tmp_path / 'data').glob('Classification/signs/images/*.png'))
    main(['predict', str(tmp_path / 'model_calibrated.pth'), str(image), '--out', str(tmp_path / 'out')])
    found = json.loads((tmp_path / 'out' / 'predictions.json').read_text())
    assert errors(found, json.loads((tmp_path / 'out' / 'predictions.schema.json').read_text())) == []
    by_task = {one['task']: one.get('uncertainty') for one in found['images'][0]['predictions']}
    assert by_task['parts'] is None and by_task['boxes'] == dict(coverage=0.6)
    assert set(by_task['signs']) == {'coverage', 'present', 'undecided'}
    assert set(by_task['age']) == {'coverage', 'interval'}
