import logging
import math
import threading

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import (
    Column,
    MultiTaskEvaluator,
    SegmentationMetric,
    TaskMetric,
    measurement_workers,
    score_rows,
    score_table,
)
from aurora_mm.evaluation.metrics import cell_matrix
from aurora_mm.registry import EVALUATOR, METRICS
from aurora_mm.tables import console_text
from tests.fixtures.evaluation_samples import (
    OWN_METRICS,
    TASKS,
    classification_sample,
    detection_sample,
    landmark_sample,
    make_sample,
    random_samples,
    segmentation_sample,
)

META = {'tasks': TASKS.to_config()}
MASK = torch.tensor([[0, 1, 1], [2, 2, 0]])
ONE = MASK.clamp(max=1)


@pytest.fixture
def log():
    """Messages logged by MMEngine's current logger."""
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append((record.levelname, record.getMessage()))
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


@pytest.fixture
def register():
    """Registers a metric class for one test."""
    names = []

    def add(cls):
        METRICS.register_module(module=cls)
        names.append(cls.__name__)
        return cls

    yield add
    for name in names:
        METRICS.module_dict.pop(name)


def make_evaluator(metrics=OWN_METRICS, tasks=TASKS, **kwargs):
    evaluator = MultiTaskEvaluator(metrics, **kwargs)
    evaluator.dataset_meta = {'tasks': tasks.to_config()}
    return evaluator


def only(name):
    return TASKS.only([name])


def evaluate(evaluator, samples):
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def perfect_samples():
    samples = [
        segmentation_sample(MASK, MASK),
        segmentation_sample(MASK.clamp(max=1), MASK.clamp(max=1), task='lesion'),
        *(classification_sample(index, torch.eye(3)[index].tolist()) for index in range(3)),
        detection_sample([1, 2, 20, 30], [[1, 2, 20, 30]]),
        landmark_sample([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
    ]
    for index, sample in enumerate(samples):
        sample.set_metainfo({'img_id': index, 'img_path': f'{index}.png'})
    return samples


def test_perfect_predictions_score_1():
    results = evaluate(make_evaluator(), perfect_samples())
    assert results['score'] == results['task_mean'] == 1
    for task in TASKS:
        assert results[f'{task}/primary'] == 1
    for task_type in OWN_METRICS:
        assert results[f'type/{task_type}'] == 1
    assert results['femur/MRE'] == results['organs/HD'] == 0
    assert results['plane/AUC'] == results['plane/MCC'] == 1
    assert all(type(value) is float for value in results.values())


def test_score_is_the_mean_over_types_of_the_mean_over_tasks():
    empty = torch.zeros_like(MASK)
    results = evaluate(
        make_evaluator(tasks=TASKS.only(['organs', 'lesion', 'nodule'])),
        [
            segmentation_sample(MASK, MASK, img_id=0),  # 1
            segmentation_sample(MASK.clamp(max=1), empty, task='lesion', img_id=1),  # 0
            detection_sample([0, 0, 2, 2], [[0, 0, 4, 2]], img_id=2),  # 0.5
            detection_sample([0, 0, 2, 2], [], img_id=3),  # 0
        ],
    )
    assert results['type/segmentation'] == 0.5
    assert results['type/detection'] == 0.25
    assert results['task_mean'] == pytest.approx((1 + 0 + 0.25) / 3)
    assert results['score'] == pytest.approx((0.5 + 0.25) / 2)
    assert not any(key.startswith(('plane/', 'femur/', 'type/landmark')) for key in results)


def test_a_task_that_was_not_scored_counts_as_0(log):
    results = evaluate(make_evaluator(), [s for s in perfect_samples() if s.task != 'femur'])
    assert results['femur/primary'] == results['type/landmark'] == 0
    assert results['score'] == 3 / 4
    assert ('WARNING', 'task femur: no image was scored, so it counts as 0') in log


def test_a_task_with_outputs_that_are_not_finite_is_not_scored(log):
    """The prediction itself looks perfect, as that of a mask that is empty and should be."""
    samples = perfect_samples()
    for index in (2, 4):
        samples[index].outputs_are_finite = torch.tensor(False)
    samples[0].outputs_are_finite = torch.tensor(True)
    evaluator = make_evaluator()
    results = evaluate(evaluator, samples)
    assert results['plane/primary'] == 0 and results['score'] == 3 / 4
    assert 'plane/AUC' not in results
    assert evaluator.result.images['plane'] == 0 and not [row for row in evaluator.result.rows if row.task == 'plane']
    told = (
        'task plane: outputs of the model are not finite on 2 of 3 images, so that the task is not scored: 2.png, 4.png'
    )
    assert ('WARNING', told) in log
    assert not any('the scores cover' in message for _, message in log)


def test_the_first_images_with_outputs_that_are_not_finite_are_named(log):
    samples = [classification_sample(0, [0, 0, 1], img_id=i, img_path=f'{i}.png') for i in range(5)]
    for sample in samples:
        sample.outputs_are_finite = torch.tensor(False)
    results = evaluate(make_evaluator(tasks=only('plane'), num_workers=1), samples)
    assert results['score'] == 0
    assert any(message.endswith('not scored: 0.png, 1.png, 2.png and 2 more') for _, message in log)


def test_a_task_of_which_the_data_set_has_no_image_does_not_count():
    evaluator = MultiTaskEvaluator()
    counts = dict.fromkeys(TASKS, 3) | {'femur': 0}
    evaluator.dataset_meta = META | {'images_per_task': counts}
    results = evaluate(evaluator, [s for s in perfect_samples() if s.task not in ('femur', 'nodule')])
    assert 'femur/primary' not in results
    assert results['nodule/primary'] == 0  # this one has images
    assert results['score'] == 2 / 3


def test_one_by_one_in_a_batch_or_as_dicts_in_any_order_is_the_same():
    samples = random_samples(seed=0, number=5)
    expected = evaluate(make_evaluator(), samples)
    evaluator = make_evaluator()
    evaluator.process([sample.to_dict() for sample in reversed(samples)], data_batch={'inputs': None})
    assert evaluator.evaluate(len(samples)) == expected
    assert make_evaluator().offline_evaluate(samples, chunk_size=4) == expected


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith('aurora_mm metric')]


def test_workers_measure_what_is_measured_at_once():
    samples, evaluator = random_samples(0, 5), make_evaluator(num_workers=3)
    for _ in range(2):  # a second evaluation gets workers of its own
        expected = make_evaluator()
        assert evaluate(evaluator, samples) == evaluate(expected, samples)
        assert evaluator.result.rows == expected.result.rows
        assert workers() == []


def test_workers_measure_while_samples_come_in_and_only_so_many_wait(register, monkeypatch):
    monkeypatch.setattr(measurement_workers, '_MOST_WAITING', 2)
    started, begun, go_on = [], threading.Event(), threading.Event()

    class SlowMetric(SegmentationMetric):
        def measure(self, sample):
            started.append(sample['img_id'])
            begun.set()
            go_on.wait()
            return super().measure(sample)

    register(SlowMetric)
    evaluator = make_evaluator(dict(segmentation=[dict(type='SlowMetric')]), only('lesion'), num_workers=1)
    samples = [segmentation_sample(ONE, ONE, 'lesion', img_id=i) for i in range(3)]
    evaluator.process(samples[:2])  # returns, though nothing is measured
    begun.wait()
    assert started == [0]
    threading.Timer(0.05, go_on.set).start()
    evaluator.process(samples[2:])  # waits for the first
    assert go_on.is_set()
    assert evaluator.evaluate(3)['lesion/DSC'] == 1
    assert started == [0, 1, 2]


def test_what_is_wrong_with_a_sample_is_raised_from_its_worker():
    evaluator = make_evaluator(tasks=only('lesion'), num_workers=1)
    bad = segmentation_sample(MASK + 5, ONE, 'lesion', img_id=1)
    evaluator.process([segmentation_sample(ONE, ONE, 'lesion', img_id=0), bad])
    with pytest.raises(DataError, match=r'the mask holds values 5\.\.7'):
        evaluator.evaluate(2)
    assert workers() == []


def test_a_batch_comes_to_the_host_at_once(accelerator):
    samples = random_samples(0, 5)
    expected = evaluate(make_evaluator(), samples)
    evaluator = make_evaluator(num_workers=2)
    moved = [sample.to(accelerator.device) for sample in samples]
    with accelerator.watch() as waits:
        evaluator.process(moved)
    assert len(waits) == len({str(t.dtype) for sample in samples for t in tensors_of(sample)})
    assert evaluator.evaluate(len(samples)) == expected


def tensors_of(element):
    for value in element.values():
        yield from [value] if isinstance(value, torch.Tensor) else tensors_of(value)


def test_an_image_counts_once():
    samples = random_samples(seed=0, number=5)
    expected = evaluate(make_evaluator(), samples)
    evaluator = make_evaluator()
    evaluator.process(samples + samples[:7])
    assert evaluator.evaluate(len(samples)) == expected


def test_two_images_with_one_id_are_refused():
    evaluator = make_evaluator()
    evaluator.process([detection_sample([0, 0, 1, 1], [], img_id=4, img_path=path) for path in ('a.png', 'b.png')])
    with pytest.raises(DataError, match=r"'nodule': two images have img_id 4: a.png and b.png"):
        evaluator.evaluate(2)


def test_evaluations_do_not_see_each_other():
    evaluator = make_evaluator(tasks=only('nodule'))
    evaluate(evaluator, [detection_sample([0, 0, 2, 2], [[0, 0, 2, 2]], img_id=0)])
    results = evaluate(evaluator, [detection_sample([0, 0, 2, 2], [[0, 0, 4, 2]], img_id=1)])
    assert results['nodule/IoU'] == results['score'] == 0.5


def test_logs_one_table_and_missing_samples(log):
    evaluator = make_evaluator()
    evaluator.process(perfect_samples())
    evaluator.evaluate(9)
    tables = [message for level, message in log if level == 'INFO']
    assert tables == ['\n' + console_text(score_table(evaluator.result))]
    assert ('WARNING', 'the scores cover 7 of the 9 samples of the data set') in log


def test_nothing_to_evaluate_is_an_error():
    with pytest.raises(DataError, match='no sample was processed'):
        make_evaluator().evaluate(3)


def make_metric(name, value, task_type='segmentation'):
    """A metric that gives a number for every image."""

    class Fixed(TaskMetric):
        columns = row_columns = (Column('value'),)
        headline = 'value'

        def measure(self, sample):
            return [self.row(sample, self.names[-1], value=value)]

        @classmethod
        def aggregate(cls, images, weights):
            return {'value': weights @ cell_matrix(images, 'value')[:, 0] / weights.sum(axis=1)}

    Fixed.__name__, Fixed.task_type = name, task_type
    return Fixed


def test_task_metrics_replace_those_of_the_type(register):
    register(make_metric('HalfMetric', 0.5))
    evaluator = make_evaluator(task_metrics={'lesion': [{'type': 'aurora_mm.HalfMetric', 'prefix': 'of'}]})
    results = evaluate(evaluator, perfect_samples())
    assert results['organs/DSC'] == 1
    assert results['lesion/of/value'] == results['lesion/primary'] == 0.5
    assert 'lesion/DSC' not in results
    (row,) = (row for row in evaluator.result.rows if row.task == 'lesion')
    assert (row.metric, row.target, row.values) == ('of/HalfMetric', 'lesion', {'value': 0.5})


def test_every_metric_beside_the_judge_keeps_rows_and_columns(register):
    register(make_metric('HalfMetric', 0.5))
    metrics = [{'type': 'mmseg.IoUMetric'}, *OWN_METRICS['segmentation'], {'type': 'aurora_mm.HalfMetric'}]
    pytest.importorskip('mmseg')
    evaluator = make_evaluator({'segmentation': metrics})
    results = evaluate(evaluator, perfect_samples())
    assert (results['lesion/primary'], results['lesion/value'], results['lesion/mIoU']) == (1, 0.5, 100)
    assert [row.metric for row in evaluator.result.rows if row.task == 'lesion'] == ['SegmentationMetric', 'HalfMetric']
    assert list(evaluator.result.columns['lesion'].columns) == ['DSC', 'HD', 'HD95', 'NSD', 'value']


def test_a_metric_of_another_package_can_judge():
    pytest.importorskip('mmseg')
    foreign = dict(type='ForeignMetric', metric=dict(type='mmseg.IoUMetric'), primary='mIoU', percent=True)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        evaluator = make_evaluator(task_metrics={'lesion': [foreign, *OWN_METRICS['segmentation']]})
    half = segmentation_sample([[1, 1, 0]], [[1, 0, 0]], task='lesion', img_id=1, img_path='1.png')
    results = evaluate(evaluator, [s for s in perfect_samples() if s.task != 'lesion'] + [half])
    assert results['lesion/primary'] == pytest.approx((1 / 2 + 1 / 2) / 2)  # of the lesion and of the background
    assert results['lesion/DSC'] == pytest.approx(2 / 3)
    assert results['type/segmentation'] == pytest.approx((1 + 0.5) / 2)
    assert evaluator.result.columns['lesion'].headline == 'mIoU'
    assert not any(row.task == 'lesion' for row in evaluator.result.rows)  # the judge keeps none


def test_a_nan_primary_counts_0_and_is_named(register, log):
    register(make_metric('NanMetric', float('nan')))
    evaluator = make_evaluator(task_metrics={'lesion': [{'type': 'aurora_mm.NanMetric'}]})
    results = evaluate(evaluator, perfect_samples())
    assert math.isnan(results['lesion/value'])
    assert results['lesion/primary'] == 0
    assert results['type/segmentation'] == 0.5
    assert ('WARNING', 'task lesion: the primary score is nan and counts as 0') in log


def test_a_metric_of_another_type_is_refused():
    with pytest.raises(ConfigError, match="BoxIoUMetric measures detection tasks; 'lesion' is a segmentation task"):
        make_evaluator(task_metrics={'lesion': OWN_METRICS['detection']})


def test_a_metric_that_rows_cannot_name_is_refused():
    with pytest.raises(ConfigError, match='register HalfMetric under this name'):
        make_evaluator(task_metrics={'lesion': [{'type': make_metric('HalfMetric', 0.5)}]})


@pytest.mark.parametrize('number', [0, 2])
def test_a_metric_must_keep_one_result_a_sample(register, number):
    @register
    class OtherNumber(TaskMetric):
        def process(self, data_batch, data_samples):
            self.results.extend([0] * number)

        task_type = 'segmentation'
        measure = aggregate = None

    evaluator = make_evaluator(task_metrics={'lesion': [{'type': 'aurora_mm.OtherNumber'}]})
    with pytest.raises(ConfigError, match=f"OtherNumber kept {number} results of one sample of task 'lesion'"):
        evaluator.process([make_sample('lesion')])


def test_a_task_needs_a_judge(register):
    @register
    class NoJudge(BaseMetric):
        process = compute_metrics = None

    with pytest.raises(ConfigError, match=r"'organs'.*NoJudge.*add SegmentationMetric, or wrap one in ForeignMetric"):
        make_evaluator({'segmentation': [{'type': 'aurora_mm.NoJudge'}]})


def test_metrics_of_one_name_need_prefixes():
    twice = [{'type': 'aurora_mm.BoxIoUMetric'}, {'type': 'aurora_mm.BoxIoUMetric'}]
    sample = detection_sample([0, 0, 2, 2], [])
    with pytest.raises(ConfigError, match=r"'nodule'.*'IoU'.*prefix"):
        evaluate(make_evaluator({'detection': twice}, only('nodule')), [sample])
    twice[1]['prefix'] = 'again'
    evaluator = make_evaluator({'detection': twice}, only('nodule'))
    results = evaluate(evaluator, [sample])
    assert results['nodule/IoU'] == results['nodule/again/IoU'] == 0
    assert [row.metric for row in evaluator.result.rows] == ['BoxIoUMetric', 'again/BoxIoUMetric']
    assert score_rows(evaluator.result.rows, only('nodule')) == evaluator.result


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'metrics': {'segmentations': OWN_METRICS['segmentation']}}, "'segmentations'"),
        ({'metrics': {'segmentation': []}}, 'at least one'),
        ({'metrics': {'segmentation': OWN_METRICS['segmentation'][0]}}, 'must be a list'),
        ({'num_workers': -1}, 'num_workers -1'),
        ({'metrics': OWN_METRICS, 'task_metrics': {'kidney': OWN_METRICS['segmentation']}}, "names 'kidney'"),
    ],
)
def test_wrong_configs(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        make_evaluator(**kwargs)


def test_wrong_samples():
    with pytest.raises(ConfigError, match="'kidney'"):
        make_evaluator().process([{'task': 'kidney', 'img_id': 0}])
    with pytest.raises(ConfigError, match="needs 'img_id'"):
        make_evaluator().process([{'task': 'organs'}])


def test_a_type_without_metrics_in_the_config_is_judged_by_its_own():
    evaluator = make_evaluator({'detection': OWN_METRICS['detection']})
    assert evaluate(evaluator, perfect_samples()) == evaluate(make_evaluator(), perfect_samples())


def test_a_data_set_without_tasks_is_refused():
    with pytest.raises(ConfigError, match=r"'tasks'.*\['classes'\]"):
        MultiTaskEvaluator(OWN_METRICS).dataset_meta = {'classes': []}


def test_builds_from_a_config_as_the_runner_builds_it():
    config = Config({'val_evaluator': {'type': 'aurora_mm.MultiTaskEvaluator', 'metrics': OWN_METRICS}})
    evaluator = Runner.build_evaluator(None, config.val_evaluator)
    assert isinstance(evaluator, MultiTaskEvaluator)
    evaluator.dataset_meta = META
    assert evaluate(evaluator, perfect_samples())['score'] == 1


def test_short_names_build_under_the_default_scope():
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        metrics = {'landmark': [{'type': 'LandmarkMetric'}]}
        evaluator = EVALUATOR.build({'type': 'MultiTaskEvaluator', 'metrics': metrics})
        evaluator.dataset_meta = META
    assert evaluator.dataset_meta is META


def test_keeps_what_is_known_of_each_image():
    evaluator = make_evaluator()
    samples = random_samples(seed=0, number=4)
    evaluator.process(samples[::-1])
    results = evaluator.evaluate(len(samples))
    rows = evaluator.result.rows
    assert [row.task for row in rows] == sorted((row.task for row in rows), key=list(TASKS).index)
    livers = [row for row in rows if (row.task, row.target) == ('organs', 'liver')]
    assert [row.img_id for row in livers] == [0, 1, 2, 3]
    assert np.mean([row['DSC'] for row in livers]) == pytest.approx(results['organs/DSC_liver'], abs=1e-15)
    evaluator.process(samples[:1])
    evaluator.evaluate(1)
    assert {row.img_id for row in evaluator.result.rows} == {0}  # of the last evaluation alone
