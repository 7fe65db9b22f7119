"""One process and two must give the same scores."""

import numpy as np
import pytest
import torch.distributed as dist

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation import MultiTaskEvaluator
from tests.fixtures.evaluation_samples import OWN_METRICS, TASKS, random_samples

FOREIGN_METRICS = {
    **OWN_METRICS,
    'segmentation': [*OWN_METRICS['segmentation'], {'type': 'mmseg.IoUMetric', 'iou_metrics': ['mIoU', 'mDice']}],
    'detection': [*OWN_METRICS['detection'], {'type': 'mmdet.CocoMetric', 'metric': 'bbox'}],
}
# Two metrics of one name: found by the main process alone, while it computes the scores.
CLASHING_METRICS = {**OWN_METRICS, 'detection': OWN_METRICS['detection'] * 2}


def make_evaluator(metrics):
    evaluator = MultiTaskEvaluator(metrics)
    evaluator.dataset_meta = {'tasks': TASKS.to_config()}
    return evaluator


def share(samples, rank):
    """Rank 0 gets every landmark sample and most others; rank 1 gets some of rank 0's again, as if padded."""
    if rank == 0:
        return [s for i, s in enumerate(samples) if s.task == 'femur' or i % 3]
    return [s for i, s in enumerate(samples) if s.task != 'femur' and i % 3 == 0] + samples[1:3]


def samples_of(seed):
    """Samples of which every other one has a pixel spacing, so that there are scores in mm."""
    samples = random_samples(seed, 7)
    for index, sample in enumerate(samples[::2]):
        sample.set_metainfo(dict(pixel_spacing=(0.1, 0.1 + 0.1 * (index % 2))))
    return samples


def work(rank, folder, metrics, queue):
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    evaluator = make_evaluator(metrics)
    outcomes = []
    for seed in (0, 1):  # twice: the second evaluation starts from the state that the first left
        samples = samples_of(seed)
        evaluator.process(share(samples, rank))
        try:
            outcomes.append(evaluator.evaluate(len(samples)))
        except ConfigError as error:
            outcomes.append(str(error))
    queue.put((rank, outcomes))
    dist.destroy_process_group()


@pytest.fixture
def run_two_processes(two_ranks, tmp_path):
    def run(metrics):
        outcomes = dict(two_ranks(work, tmp_path, metrics))
        return outcomes[0], outcomes[1]

    return run


def run_one_process(metrics):
    evaluator = make_evaluator(metrics)
    outcomes = []
    for seed in (0, 1):
        samples = samples_of(seed)
        evaluator.process(samples)
        outcomes.append(evaluator.evaluate(len(samples)))
    return outcomes


def test_two_processes_score_as_one(run_two_processes):
    expected = run_one_process(OWN_METRICS)
    assert expected[0] != expected[1]
    assert expected[0]['femur/n_mm'] == 3
    assert expected[0]['organs/n_mm'] == 4
    assert run_two_processes(OWN_METRICS) == (expected, expected)


@pytest.mark.slow
def test_two_processes_score_as_one_with_mmseg_and_mmdet(run_two_processes):
    pytest.importorskip('mmseg')
    pytest.importorskip('mmdet')
    expected = run_one_process(FOREIGN_METRICS)
    assert 'organs/mDice' in expected[0]
    assert 'nodule/coco/bbox_mAP' in expected[0]
    np.testing.assert_equal(run_two_processes(FOREIGN_METRICS), (expected, expected))  # nan equals nan


@pytest.mark.slow
def test_an_error_of_the_main_process_reaches_the_other(run_two_processes):
    for outcomes in run_two_processes(CLASHING_METRICS):
        assert "'IoU', a name already taken" in outcomes[0]
