from dataclasses import replace

import torch

from aurora_mm.evaluation import MultiTaskEvaluator, score_table
from aurora_mm.tables import console_text
from tests.fixtures.evaluation_samples import TASKS, random_samples


def table(result):
    return [line.split() for line in console_text(score_table(result)).splitlines() if line.strip()]


def evaluated(samples, **kwargs):
    evaluator = MultiTaskEvaluator(**kwargs)
    evaluator.dataset_meta = {'tasks': TASKS.to_config()}
    evaluator.process(samples)
    evaluator.evaluate(len(samples))
    return evaluator.result


def percent(value):
    return f'{100 * value:.2f}'


def test_every_score_stands_under_its_name_and_unit():
    result = evaluated(random_samples(seed=0, number=5))
    scores, lines = result.scores, table(result)
    assert lines[0] == ['segmentation', 'images', 'DSC', '%', 'HD', 'px']
    assert lines[1] == ['organs', '5', percent(scores['organs/DSC']), f'{scores["organs/HD"]:.2f}']
    assert lines[2][:2] == ['lesion', '2']
    mean_hd = (scores['organs/HD'] + scores['lesion/HD']) / 2
    assert lines[3] == ['mean', 'over', '2', 'tasks', '7', percent(scores['type/segmentation']), f'{mean_hd:.2f}']
    assert lines[4] == ['classification', 'images', 'Accuracy', '%', 'AUC', '%', 'F1_macro', '%', 'MCC', '%']
    assert lines[10] == ['landmark', 'images', 'score', '%', 'MRE', 'px']  # 1 - MRE / diagonal is no MRE
    assert lines[11] == ['femur', '5', percent(scores['femur/primary']), f'{scores["femur/MRE"]:.2f}']
    assert lines[-2] == ['mean', 'over', '5', 'tasks', '22', percent(scores['task_mean'])]
    assert lines[-1] == ['score', '(mean', 'over', '4', 'types)', percent(scores['score'])]


def test_an_auc_that_is_not_defined_is_no_0():
    samples = random_samples(seed=0, number=5)
    for sample in samples:
        if sample.task == 'plane':
            sample.gt_label = torch.tensor([0])
    lines = table(evaluated(samples))
    of_task = next(line for line in lines if line[0] == 'plane')
    assert of_task[3] == '-'  # after the name, the images and the accuracy
    assert next(line for line in lines[5:] if line[:3] == ['mean', 'over', '1'])[6] == '-'


def test_scores_in_mm_stand_beside_the_number_of_their_images():
    samples = random_samples(seed=0, number=5)
    for sample in samples[:-1]:  # all but a lesion
        sample.set_metainfo(dict(pixel_spacing=(0.1, 0.2)))
    result = evaluated(samples)
    scores, lines = result.scores, table(result)
    assert lines[0] == ['segmentation', 'images', 'DSC', '%', 'HD', 'px', 'HD95_mm', 'n_mm']
    assert lines[1][-2:] == [f'{scores["organs/HD95_mm"]:.2f}', '5']
    assert lines[2][-2:] == [f'{scores["lesion/HD95_mm"]:.2f}', '1']
    mean = (scores['organs/HD95_mm'] + scores['lesion/HD95_mm']) / 2
    assert lines[3][-2:] == [f'{mean:.2f}', '6']  # of distances the mean, of images the sum
    assert lines[11] == ['femur', '5', *lines[11][2:4], f'{scores["femur/MRE_mm"]:.2f}', '5']


def test_a_task_with_metrics_of_its_own_has_a_line_of_names_of_its_own():
    mmseg = dict(type='aurora_mm.SegmentationMetric', prefix='mine')
    lines = table(evaluated(random_samples(seed=0, number=5), task_metrics=dict(lesion=[mmseg])))
    assert [line[:5] for line in lines if line[0] == 'segmentation'] == [
        ['segmentation', 'images', 'DSC', '%', 'HD'],
        ['segmentation', 'images', 'mine/DSC', '%', 'mine/HD'],
    ]
    assert sum(line[:3] == ['mean', 'over', '2'] for line in lines) == 1


def test_a_missing_task_is_seen():
    result = evaluated([sample for sample in random_samples(seed=0, number=5) if sample.task != 'nodule'])
    assert ['nodule', '0', '0.00'] in table(result)


def test_an_undefined_score_is_no_number():
    result = evaluated(random_samples(seed=0, number=5))
    result = replace(result, scores=result.scores | {'organs/HD': float('nan')})
    assert table(result)[1][-1] == '-'
    assert result.columns['organs'].columns['HD'].text(float('nan')) == '-'
