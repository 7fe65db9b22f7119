"""Which rows of a root a model is tested on: all, if it was not trained on any, else those of the config's split."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.apis.rows_to_test import choose_test_rows
from aurora_mm.datasets import ConcatTaskDataset, FMCUIADataset
from aurora_mm.datasets.image_fingerprints import FINGERPRINTS, known_images, pack_fingerprints
from aurora_mm.registry import DATASETS
from tests.fixtures.checkpoints import checkpoint_of
from tests.fixtures.fmc_root import FmcRoot


@pytest.fixture
def root(tmp_path):
    return FmcRoot(tmp_path / 'root').fill(10).path


@pytest.fixture
def trained(root, tmp_path):
    """A checkpoint with what a training on the root leaves in it."""
    return checkpoint_of(tmp_path / 'trained.pth', FMCUIADataset(str(root)).metainfo)


def choose(root, checkpoint, split=None, **changes) -> tuple[str, int]:
    """The sentence, and the number of rows that are scored."""
    dataset = dict(type='FMCUIADataset', data_root=str(root), split='val', test_mode=True) | changes
    cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
    said = choose_test_rows(cfg, [checkpoint], split)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        return said, len(DATASETS.build(cfg.test_dataloader.dataset))


def test_a_root_that_the_model_was_trained_on(root, trained):
    said, count = choose(root, trained)
    assert count == 8
    assert said == f"testing on the 8 rows of split 'val' of {root}; the model was trained on none of their images"


def test_a_root_of_its_own_is_tested_whole(trained, tmp_path):
    """A fifth of it was scored, as 'val', without a word."""
    other = FmcRoot(tmp_path / 'other')
    other.csv('b', [other.cls_row(index + 50) for index in range(10)])
    said, count = choose(other.path, trained)
    assert count == 10
    assert said == f'testing on all 10 rows of {other.path}; the model was trained on none of their images'


@pytest.mark.parametrize('move', [shutil.copytree, shutil.move])
def test_a_root_that_was_moved_or_copied_is_known_again(root, trained, tmp_path, move):
    moved = tmp_path / 'moved'
    move(str(root), str(moved))
    assert choose(moved, trained)[1] == 8


def test_images_under_other_names_are_known_again(root, trained, tmp_path):
    """Mixed with images of its own."""
    other = FmcRoot(tmp_path / 'other')
    dataset = FMCUIADataset(str(root))
    rows = [other.cls_row(index + 50) for index in range(10)]
    for index in dataset.indices_by_task()['breast'][:3]:
        shutil.copy(dataset.get_data_info(int(index))['img_path'], other.path / f'{index}.png')
        rows.append(other.cls_row(0, image_path=f'../{index}.png'))
    other.csv('b', rows)
    said, count = choose(other.path, trained)
    assert count == round(0.2 * 13)
    assert "rows of split 'val'" in said
    said, count = choose(other.path, trained, 'all')
    assert count == 13
    assert said.endswith('the model was trained on the images of 3 of them, whose scores are too good')


def test_another_seed_is_told(root, trained):
    said, _ = choose(root, trained, seed=7)
    assert 'whose scores are too good' in said


def test_ready_made_parts(root, tmp_path):
    parts = tmp_path / 'parts'
    for split in ('train', 'val'):
        shutil.copytree(root, parts / split)
    checkpoint = checkpoint_of(tmp_path / 'c.pth', FMCUIADataset(str(parts)).metainfo)
    said, count = choose(parts, checkpoint)
    assert count == 40
    assert said.startswith(f'testing on all 40 rows of {parts}/val; the model was trained on the images of 40 of them')


def test_an_older_checkpoint(root, tmp_path):
    metainfo = FMCUIADataset(str(root)).metainfo
    del metainfo[FINGERPRINTS]
    said, count = choose(root, checkpoint_of(tmp_path / 'old.pth', metainfo))
    assert count == 8
    assert said.endswith('the checkpoint does not say which images it was trained on')


def test_data_sets_of_other_kinds_are_left_alone(trained):
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type='TaskDataset'))))
    assert choose_test_rows(cfg, [trained]) == ''


def test_fingerprints(root, tmp_path):
    dataset = FMCUIADataset(str(root))
    files = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    packed = dataset.metainfo[FINGERPRINTS]
    assert known_images(files, [packed]).all()
    assert pack_fingerprints(files[::-1] + files) == packed
    absent = str(tmp_path / 'absent.png')
    assert known_images([absent, *files[:2]], ['', pack_fingerprints([absent, files[0]])]).tolist() == [
        False,
        True,
        False,
    ]
    assert FINGERPRINTS not in FMCUIADataset(str(root), 'val', test_mode=True).metainfo
    parts = [dict(type='FMCUIADataset', data_root=str(root), split=split) for split in ('train', 'val')]
    both = ConcatTaskDataset(parts)
    everything = [
        info['img_path'] for part in both.datasets for info in (part.get_data_info(i) for i in range(len(part)))
    ]
    assert known_images(everything, [both.metainfo[FINGERPRINTS]]).all()
    assert Path(everything[0]).is_file()
