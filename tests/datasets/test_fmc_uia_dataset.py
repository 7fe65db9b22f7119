from __future__ import annotations

import copy
import itertools
import os
import pickle
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from aurora_mm.datasets import FMCUIADataset, fmc_uia_dataset
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.registry import DATASETS
from aurora_mm.tasks import TaskTable

TRAIN = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=64),
    dict(type='RandomGeometry'),
    dict(type='ApplyGeometry'),
    dict(type='RandomBrightnessContrast'),
    dict(type='RandomGaussianNoise'),
    dict(type='RandomGaussianBlur'),
    dict(type='RandomMotionBlur'),
    dict(type='PackMultiTaskInputs'),
]
TEST = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=64),
    dict(type='ApplyGeometry'),
    dict(type='LoadTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]


class DropEverything:
    """A transform that gives up, as mmcv's transforms may."""

    def __call__(self, results: dict) -> None:
        return None


@pytest.fixture
def logged(monkeypatch) -> list[str]:
    """What the data set logs; MMEngine's own loggers do not reach pytest's handler."""
    messages: list[str] = []
    monkeypatch.setattr(fmc_uia_dataset, 'print_log', lambda message, logger, level: messages.append(message))
    return messages


def test_items_of_every_type(fmc_root):
    dataset = FMCUIADataset(fmc_root.fill(2).path, split='all')
    assert len(dataset) == 8
    seg = dataset.get_data_info(1)
    assert seg == dict(
        img_path=str(fmc_root.path / 'Segmentation/Three/organs/img/1.png'),
        img_id=1,
        sample_idx=1,
        task='organs',
        task_type='segmentation',
        num_outputs=3,
        may_flip=True,
        may_zoom=True,
        max_rotation=None,
        flip_indices=[0, 1, 2],
        point_order=[],
        csv_file=str(fmc_root.path / 'csv_files/a.csv'),
        csv_row=3,
        image_path='../Segmentation/Three/organs/img/1.png',
        mask_path='../Segmentation/Three/organs/mask/1.png',
        seg_map_path=str(fmc_root.path / 'Segmentation/Three/organs/mask/1.png'),
    )
    assert dataset.get_data_info(3)['gt_label'] == 1
    assert dataset.get_data_info(4)['bbox'] == [8, 10, 24, 20]
    assert dataset.get_data_info(6)['points'] == [[16, 15], [48.5, 35]]
    assert 'mask_path' not in dataset.get_data_info(6)


def test_built_from_a_config_with_known_tasks(fmc_root):
    known = [
        dict(name='femur', type='landmark', points=['left', 'right'], swaps=[('left', 'right')]),
        dict(name='absent', type='detection', classes=['x']),
    ]
    config = dict(type='FMCUIADataset', data_root=str(fmc_root.fill(2).path), split='all', tasks=known)
    dataset = DATASETS.build(config)
    assert list(dataset.tasks) == ['femur', 'absent', 'organs', 'breast', 'nodule']
    assert TaskTable(dataset.metainfo['tasks']) == dataset.tasks
    assert dataset.get_data_info(7)['flip_indices'] == [1, 0]
    by_task = dataset.indices_by_task()
    assert list(by_task) == ['femur', 'organs', 'breast', 'nodule']
    assert by_task['nodule'].tolist() == [4, 5]
    assert dataset.metainfo['images_per_task'] == dict(femur=2, organs=2, breast=2, nodule=2)
    assert 'images_per_task' not in DATASETS.build(config | dict(lazy_init=True)).metainfo  # nothing is read for it


def test_the_two_sides_complete_each_other(fmc_root):
    fmc_root.fill(10)
    train, val = (FMCUIADataset(fmc_root.path, split=split) for split in ('train', 'val'))
    images = [{dataset.get_data_info(i)['img_path'] for i in range(len(dataset))} for dataset in (train, val)]
    assert not images[0] & images[1]
    assert {name: len(indices) for name, indices in train.indices_by_task().items()} == dict.fromkeys(train.tasks, 8)
    assert {name: len(indices) for name, indices in val.indices_by_task().items()} == dict.fromkeys(val.tasks, 2)
    labels = Counter(val.get_data_info(i)['gt_label'] for i in val.indices_by_task()['breast'])
    assert labels == {0: 1, 1: 1}
    again = FMCUIADataset(fmc_root.path, split='val')
    assert [again.get_data_info(i) for i in range(8)] == [val.get_data_info(i) for i in range(8)]


def test_include_keeps_the_split(fmc_root):
    fmc_root.fill(10)
    whole = FMCUIADataset(fmc_root.path, split='val')
    only = FMCUIADataset(fmc_root.path, split='val', include=['nodule'])
    paths = [whole.get_data_info(i)['img_path'] for i in whole.indices_by_task()['nodule']]
    assert [only.get_data_info(i)['img_path'] for i in range(len(only))] == paths
    assert list(only.tasks) == ['nodule']
    with pytest.raises(ConfigError, match=r"'nodules'; the tasks are nodule, "):
        FMCUIADataset(fmc_root.path, include=['nodules'])


def test_ready_made_parts_are_used_as_they_stand(fmc_root, tmp_path):
    fmc_root.fill(3).path.rename(tmp_path / 'val')
    assert len(FMCUIADataset(tmp_path, split='val', ratios=dict(train=1.0))) == 12
    with pytest.raises(DataError, match=r"no split 'train': the data is divided into val"):
        FMCUIADataset(tmp_path, split='train')


def test_splits_that_cannot_be(fmc_root):
    fmc_root.fill(2)
    with pytest.raises(ConfigError, match="take split='all'"):
        FMCUIADataset(fmc_root.path, split='test')
    with pytest.raises(ConfigError, match="'valid' is none of"):
        FMCUIADataset(fmc_root.path, split='valid')


def test_a_split_without_a_task_is_told(fmc_root, logged):
    fmc_root.fill(5)
    fmc_root.csv('e', [fmc_root.det_row(9, task_id='rare')])
    val = FMCUIADataset(fmc_root.path, split='val')
    assert 'rare' not in val.indices_by_task()
    assert "split 'val' has no image of rare" in logged[0]


def test_a_column_of_patients_that_the_split_does_not_read(fmc_root, logged):
    fmc_root.csv('a', [fmc_root.cls_row(i, patient_id=f'p{i // 2}') for i in range(10)])
    FMCUIADataset(fmc_root.path, split='train').full_init()
    (text,) = logged
    assert "a.csv, row 1: column 'patient_id' is not read, so a split may divide its images" in text
    for options in (dict(split='train', group_column='patient_id'), dict(split='val'), dict(split='all')):
        FMCUIADataset(fmc_root.path, **options).full_init()
    assert len(logged) == 1


def test_unlabelled(fmc_root):
    keys = ('task_id', 'task_name', 'num_classes', 'image_path', 'mask_path')
    rows = [fmc_root.seg_row(0), fmc_root.cls_row(0)]
    fmc_root.csv('x', [{key: row[key] for key in keys if key in row} for row in rows])
    steps = [step for step in TEST if step['type'] != 'LoadTaskAnnotations']
    dataset = FMCUIADataset(fmc_root.path, split='all', with_labels=False, pipeline=steps, test_mode=True)
    (sample,) = dataset[0]['data_samples']
    assert sample.mask_path == '../Segmentation/Three/organs/mask/0.png'
    assert sample.all_keys() == sample.metainfo_keys()
    labelled = FMCUIADataset(fmc_root.path, split='all', with_labels=False, pipeline=TEST, test_mode=True)
    with pytest.raises(DataError, match=r'x\.csv, row 3: no label was read'):
        labelled[1]


def test_bad_files_are_skipped_up_front_and_listed(fmc_root, logged):
    fmc_root.fill(4)
    fmc_root.csv('b', [fmc_root.cls_row(0), fmc_root.cls_row(1, 9), fmc_root.cls_row(2)])
    (fmc_root.path / 'Classification/breast/2.png').write_bytes(b'no image')
    cv2.imwrite(str(fmc_root.path / 'Segmentation/Three/organs/mask/0.png'), np.full((48, 64), 3, np.uint8))
    cv2.imwrite(str(fmc_root.path / 'Segmentation/Three/organs/mask/1.png'), np.zeros((48, 63), np.uint8))
    fmc_root.csv('c', [fmc_root.det_row(0), fmc_root.det_row(1, (8, 10, 65, 20))])
    dataset = FMCUIADataset(fmc_root.path, split='all', on_error='skip', pipeline=TRAIN)
    assert {name: len(indices) for name, indices in dataset.indices_by_task().items()} == dict(
        organs=2, breast=1, nodule=1, femur=4
    )
    assert [dataset.get_data_info(i)['img_id'] for i in range(8)] == list(range(8))
    assert Counter(row.task for row in dataset.skipped) == dict(organs=2, breast=2, nodule=1)
    assert '5 bad rows left out: breast 2, nodule 1, organs 2' in logged[0]
    for place in ('a.csv, row 2', 'a.csv, row 3', 'b.csv, row 3', 'b.csv, row 4', 'c.csv, row 3'):
        assert place in logged[0]
    assert all(dataset[i]['inputs'].shape == (3, 64, 64) for i in range(8))


def test_nothing_is_replaced_by_another_sample(fmc_root):
    fmc_root.fill(2)
    (fmc_root.path / 'Classification/breast/1.png').write_bytes(b'no image')
    dataset = FMCUIADataset(fmc_root.path, split='all', pipeline=TRAIN)
    with pytest.raises(DataError, match=r'b\.csv, row 3: image .*breast/1\.png cannot be read'):
        dataset[3]
    silent = FMCUIADataset(fmc_root.path, split='all', pipeline=[DropEverything()])
    with pytest.raises(ConfigError, match=r'DropEverything returned None, .*a\.csv, row 2'):
        silent[0]


def test_nothing_left_for_the_split(fmc_root):
    fmc_root.csv('c', [fmc_root.det_row(0)])
    with pytest.raises(DataError, match="no row is left for split 'val'"):
        FMCUIADataset(fmc_root.path, split='val')


def test_lazy_copies_and_subsets(fmc_root):
    dataset = FMCUIADataset(fmc_root.fill(2).path, split='all', pipeline=TEST, lazy_init=True)
    assert not dataset._fully_initialized
    assert list(dataset.tasks) == ['organs', 'breast', 'nodule', 'femur']
    for twin in (copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
        assert twin.metainfo == dataset.metainfo
        assert torch.equal(twin[5]['inputs'], dataset[5]['inputs'])
    assert {k: v.tolist() for k, v in dataset.get_subset([3, 6, 7]).indices_by_task().items()} == dict(
        breast=[0], femur=[1, 2]
    )


@pytest.mark.parametrize('pipeline', [TRAIN, TEST])
def test_a_loader_with_workers_reads_it_and_reports_its_errors(fmc_root, pipeline):
    dataset = FMCUIADataset(fmc_root.fill(2).path, split='all', pipeline=pipeline)
    loader = DataLoader(dataset, batch_size=4, num_workers=1, collate_fn=pseudo_collate)
    samples = [sample for batch in loader for sample in batch['data_samples']]
    assert [sample.img_id for sample in samples] == list(range(8))
    assert {sample.gt_coordinates for sample in samples} == {'network' if pipeline is TRAIN else 'original'}
    (fmc_root.path / 'Detection/nodule/0.png').write_bytes(b'no image')
    with pytest.raises(DataError, match=r'c\.csv, row 2'):
        list(loader)


@pytest.mark.skipif('AURORA_REAL_DATA' not in os.environ, reason='AURORA_REAL_DATA names no data set to read')
def test_real_data():
    root = Path(os.environ['AURORA_REAL_DATA'])
    fields = dict(
        segmentation='gt_sem_seg', classification='gt_label', detection='gt_instances', landmark='gt_landmarks'
    )
    for split, steps, frame in [('train', TRAIN, 'network'), ('val', TEST, 'original')]:
        dataset = FMCUIADataset(root, split=split, pipeline=steps)
        lines = sum(len(file.read_text().splitlines()) - 1 for file in (root / split / 'csv_files').glob('*.csv'))
        assert len(dataset) == lines
        by_task = dataset.indices_by_task()
        assert len(by_task) == 8
        for name, indices in by_task.items():
            for index in indices[:3]:
                item = dataset[int(index)]
                (sample,) = item['data_samples']
                assert item['inputs'].shape == (3, 64, 64)
                assert (sample.task, sample.gt_coordinates) == (name, frame)
                assert fields[sample.task_type] in sample


def test_an_item_brings_the_labels_that_its_image_has_for_other_tasks(fmc_root):
    """All rows of an image are moved alike: mask, box and points of one place stay in one place."""
    image = fmc_root.image('shared.png')
    ys, xs = np.mgrid[:48, :64] + 0.5
    mask = (((xs - 16) / 8) ** 2 + ((ys - 15) / 5) ** 2 <= 1).astype(np.uint8)  # the ellipse in the box
    rows = [
        fmc_root.seg_row(0, image_path=image, mask_path=fmc_root.array('shared_mask.png', mask)),
        fmc_root.det_row(0, (8, 10, 24, 20), image_path=image),
        fmc_root.point_row(0, ('[8, 10]', '[24, 20]'), image_path=image),
        fmc_root.cls_row(1),
    ]
    fmc_root.csv('all', rows)
    dataset = FMCUIADataset(fmc_root.path, split='all', all_labels=True, pipeline=TRAIN)
    kinds = {kind: rows.tolist() for kind, rows in dataset.indices_by_kind().items()}
    assert sorted(kinds.values()) == [[0], [3]]  # the image once, not once for each of its rows
    assert {len(kind) for kind in kinds} == {3, 1}
    np.random.seed(0)
    for index in range(3):
        for _ in range(4):
            sample = dataset[index]['data_samples']
            found = {one.task_type: one for one in sample}
            assert sample.task_names[0] == dataset.get_data_info(index)['task']
            assert found.keys() == {'segmentation', 'detection', 'landmark'}
            assert {one.gt_coordinates for one in found.values()} == {'network'}
            assert len({one.homography_matrix.tobytes() for one in found.values()}) == 1
            box = found['detection'].gt_instances.bboxes[0]
            ys, xs = found['segmentation'].gt_sem_seg.data[0].nonzero().T
            around = torch.tensor([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
            torch.testing.assert_close(box, around.to(box), atol=1.5, rtol=0)
            corners = found['landmark'].gt_landmarks
            torch.testing.assert_close(corners.mean(0), (box[:2] + box[2:]) / 2, atol=1e-3, rtol=0)
    assert len(dataset[3]['data_samples']) == 1
    assert len(FMCUIADataset(fmc_root.path, split='all', pipeline=TRAIN)[0]['data_samples']) == 1


def test_every_class_has_its_part_of_each_side(fmc_root):
    fmc_root.csv('breast', [fmc_root.cls_row(i, int(i < 10)) for i in range(40)])
    for seed, (split, expected) in itertools.product((4, 5, 6), (('train', (24, 8)), ('val', (6, 2)))):
        rows = FMCUIADataset(fmc_root.path, split=split, seed=seed).load_data_list()
        labels = [row['gt_label'] for row in rows]
        assert (labels.count(0), labels.count(1)) == expected


@pytest.mark.parametrize('serialize_data', [False, True])
def test_subsets_group_their_own_items(fmc_root, serialize_data):
    fmc_root.csv('c', [*(fmc_root.cls_row(i) for i in range(4)), *(fmc_root.det_row(i) for i in range(4, 7))])
    dataset = FMCUIADataset(str(fmc_root.path), split='all', serialize_data=serialize_data)
    whole = dataset.indices_by_task()
    assert sorted(map(len, whole.values())) == [3, 4]
    name, indices = max(whole.items(), key=lambda pair: len(pair[1]))
    subset = dataset.get_subset(indices[:2].tolist())
    assert {key: found.tolist() for key, found in subset.indices_by_task().items()} == {name: [0, 1]}
    np.testing.assert_array_equal(dataset.indices_by_task()[name], indices)
    dataset.get_subset_(indices[::-1].tolist())
    assert {key: found.tolist() for key, found in dataset.indices_by_task().items()} == {name: [0, 1, 2, 3]}
