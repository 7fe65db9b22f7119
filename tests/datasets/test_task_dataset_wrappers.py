import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import ClassBalancedDataset

from aurora_mm.apis.data_tasks import keep_tasks
from aurora_mm.config_variables import datasets_of_loader
from aurora_mm.datasets import (
    ClassBalancedTaskDataset,
    ConcatTaskDataset,
    FMCUIADataset,
    RepeatTaskDataset,
    TaskAwareBatchSampler,
)
from aurora_mm.datasets.rare_classes import repeat_factors
from aurora_mm.errors import ConfigError


@pytest.fixture
def part(fmc_root):
    fmc_root.fill(10)
    return dict(type='FMCUIADataset', data_root=str(fmc_root.path))


def test_repeat(part):
    plain, repeated = FMCUIADataset(part['data_root']), RepeatTaskDataset(part, times=3)
    assert len(repeated) == 3 * len(plain)
    assert repeated.tasks == plain.tasks
    for name, indices in plain.indices_by_task().items():
        files = [plain.get_data_info(i)['img_path'] for i in indices]
        found = [repeated.get_data_info(i)['img_path'] for i in repeated.indices_by_task()[name]]
        assert found == [file for file in files for _ in range(3)]
        assert repeated.metainfo['images_per_task'][name] == 3 * len(files)
    assert {k: v for k, v in repeated.metainfo.items() if k != 'images_per_task'} == {
        k: v for k, v in plain.metainfo.items() if k != 'images_per_task'
    }


def test_images_with_several_labels_stay_one(fmc_root):
    fmc_root.csv('a', [fmc_root.cls_row(0, task_id='left'), fmc_root.cls_row(1, task_id='left')])
    fmc_root.csv('b', [fmc_root.cls_row(0, task_id='right')])
    part = dict(type='FMCUIADataset', data_root=str(fmc_root.path), split='all', all_labels=True)
    repeated = RepeatTaskDataset(part, times=2)
    kinds = {kind: len(indices) for kind, indices in repeated.indices_by_kind().items()}
    assert kinds == {('left', 'right'): 2, ('left',): 2}


def test_one_data_set_of_several_is_repeated(part):
    both = ConcatTaskDataset([part, dict(type='RepeatTaskDataset', times=2, dataset=part)], pipeline=[])
    assert len(both) == 3 * len(FMCUIADataset(part['data_root']))
    assert both[len(both) - 1]['img_path'] == both.datasets[0][len(both) // 3 - 1]['img_path']
    nested = ConcatTaskDataset([part, dict(type='ConcatTaskDataset', datasets=[part, part])])
    assert len(nested) == len(both)
    assert len(nested.datasets) == 3


class TestBalance:
    def test_one_task_as_in_mmengine(self):
        rng = np.random.default_rng(0)
        items = [dict(task='a', gt_label=int(label)) for label in rng.choice(4, 200, p=[0.6, 0.3, 0.07, 0.03])]
        theirs = ClassBalancedDataset.__new__(ClassBalancedDataset)
        theirs.dataset = type('Listed', (list,), dict(get_cat_ids=lambda self, i: [self[i]['gt_label']]))(items)
        for threshold in (0.05, 0.1, 1.0):
            expected = np.ceil(theirs._get_repeat_factors(theirs.dataset, threshold))
            assert repeat_factors(items, threshold).tolist() == expected.tolist()
            assert (expected > 1).any()

    def test_a_class_is_rare_within_its_task(self):
        """Class 0 is in 1 of 4 images of each task: sqrt(1 / 0.25) = 2. The tasks' sizes do not matter."""
        small = [dict(task='small', gt_label=label) for label in (0, 1, 1, 1)]
        large = [dict(task='large', bboxes_labels=labels, bboxes=[]) for labels in [[0, 1], [1], [1, 1], [1]] * 10]
        masks = [dict(task='mask', seg_map_path='m.png')]
        factors = repeat_factors(small + large + masks, 1.0).tolist()
        assert factors == [2, 2, 2, 2] + [2, 1, 1, 1] * 10 + [1]  # class 1 of the small task: sqrt(1 / 0.75)
        assert repeat_factors([item | dict(other_rows=[small[0]]) for item in masks] + small, 0.5).tolist() == [
            2,
            2,
            1,
            1,
            1,
        ]

    def test_the_data_set(self, fmc_root):
        fmc_root.csv('a', [fmc_root.cls_row(i, label) for i, label in enumerate([0, 0, 0, 0, 0, 0, 0, 1])])
        part = dict(type='FMCUIADataset', data_root=str(fmc_root.path), split='all')
        balanced = ClassBalancedTaskDataset(part, 0.5)
        labels = [balanced.get_data_info(i)['gt_label'] for i in range(len(balanced))]
        assert labels == [0] * 7 + [1, 1]  # sqrt(0.5 / 0.125) = 2

    def test_without_classes_there_is_nothing_to_balance(self, fmc_root):
        fmc_root.csv('a', [fmc_root.seg_row(0), fmc_root.seg_row(1)])
        part = dict(type='FMCUIADataset', data_root=str(fmc_root.path), split='all')
        with pytest.raises(ConfigError, match='knows the classes of images and of boxes, not of pixels or points'):
            ClassBalancedTaskDataset(part, 0.5)


@pytest.mark.parametrize('times', [0, 1.5, '2'])
def test_wrong_numbers_are_refused(part, times):
    with pytest.raises(ConfigError, match='times must be a whole number from 1 on'):
        RepeatTaskDataset(part, times=times)
    with pytest.raises(ConfigError, match=r'oversample_thr must be in \(0, 1\]'):
        ClassBalancedTaskDataset(part, oversample_thr=times if times != 1.5 else 2)


@pytest.mark.parametrize('kind', ['RepeatDataset', 'ConcatDataset', 'ClassBalancedDataset'])
def test_the_wrappers_of_mmengine_name_ours(kind):
    import mmengine.dataset

    wrapper = getattr(mmengine.dataset, kind)
    sampler = type('Sampler', (), dict(dataset=wrapper.__new__(wrapper), seed=0))()
    ours = kind.replace('Dataset', 'TaskDataset')
    with pytest.raises(ConfigError, match=f'needs a data set of tasks, and {kind} is none: use {ours}'):
        TaskAwareBatchSampler(sampler, 1)


def test_tools_find_the_data_sets_inside():
    nodules = dict(type='TaskDataset', task=dict(name='nodules'), dataset=dict(type='mmdet.CocoDataset'))
    planes = dict(type='TaskDataset', task=dict(name='planes'), dataset=dict(type='ClassFolderDataset'))
    fmc = dict(type='FMCUIADataset')
    parts = [fmc, dict(type='RepeatTaskDataset', times=2, dataset=nodules), planes]
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type='ConcatTaskDataset', datasets=parts))))
    assert [each.type for each in datasets_of_loader(cfg, 'train_dataloader')] == [
        'FMCUIADataset',
        'TaskDataset',
        'TaskDataset',
    ]
    keep_tasks(cfg, ['planes'])
    assert [each.task.name for each in datasets_of_loader(cfg, 'train_dataloader')[1:]] == ['planes']
    alone = Config(dict(train_dataloader=dict(dataset=dict(type='RepeatTaskDataset', times=2, dataset=nodules))))
    keep_tasks(alone, ['nodules'])
    with pytest.raises(ConfigError, match="train_dataloader of the config is of 'nodules' alone"):
        keep_tasks(alone, ['planes'])
