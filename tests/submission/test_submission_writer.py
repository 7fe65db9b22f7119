import json
import math

import cv2
import numpy as np
import pytest
import torch
import torch.distributed as dist
from mmengine.structures import InstanceData, PixelData

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.structures import TaskDataSample
from aurora_mm.submission import SubmissionWriter
from aurora_mm.submission.mask_files import mask_file

FILES = ('classification_predictions.json', 'detection_predictions.json', 'regression_predictions.json')


def sample(task_type, number=0, **metainfo):
    meta = dict(task=f'{task_type} task', task_type=task_type, img_id=number, image_path=f'../A b/ä_{number}.png')
    return TaskDataSample(metainfo=meta | dict(ori_shape=(30, 40), img_path=f'/data/{number}.png') | metainfo)


def written(folder, *samples):
    writer = SubmissionWriter(folder)
    for item in samples:
        writer.add(item)
    writer.finish()
    return {name: json.loads((folder / name).read_text(encoding='utf-8')) for name in FILES}


def test_entries_are_as_the_challenge_wants_them(tmp_path):
    label, box, points = (sample(kind) for kind in ('classification', 'detection', 'landmark'))
    label.pred_label, label.pred_scores = torch.tensor([1]), torch.tensor([0.25, 0.5, 0.25])
    box.pred_instances = InstanceData(
        bboxes=torch.tensor([[0.0, 0, 1, 1], [10, 15, 20, 30]]), scores=torch.tensor([0.1, 0.2])
    )
    points.pred_landmarks = torch.tensor([[10.0, 15], [20, 30]])
    lists = written(tmp_path, label, box, points)
    place = {'image_path': '../A b/ä_0.png'}
    assert lists == {
        FILES[0]: [
            place | {'task_id': 'classification task', 'predicted_class': 1, 'predicted_probs': [0.25, 0.5, 0.25]}
        ],
        FILES[1]: [
            place
            | {'task_id': 'detection task', 'bbox_normalized': [0.25, 0.5, 0.5, 1.0], 'bbox_pixels': [10, 15, 20, 30]}
        ],
        FILES[2]: [
            place
            | {
                'task_id': 'landmark task',
                'predicted_points_normalized': [0.25, 0.5, 0.5, 1.0],
                'predicted_points_pixels': [10, 15, 20, 30],
            }
        ],
    }
    assert all(type(value) is float for value in lists[FILES[1]][0]['bbox_pixels'])
    assert type(lists[FILES[0]][0]['predicted_class']) is int
    assert 'ä' in (tmp_path / FILES[0]).read_text(encoding='utf-8')


def test_masks_are_8_bit_png_of_the_original_size_at_their_place(tmp_path):
    masks = [torch.randint(0, 5, (1, *shape)) for shape in ((30, 40), (15, 20))]
    samples = [sample('segmentation', i, mask_path=f'../Segmentation/Five/m {i}.png') for i in range(2)]
    for item, mask in zip(samples, masks, strict=True):
        item.pred_sem_seg = PixelData(data=mask)
    lists = written(tmp_path, *samples)
    assert lists == {name: [] for name in FILES}
    same, enlarged = (
        cv2.imread(str(tmp_path / f'Segmentation/Five/m {i}.png'), cv2.IMREAD_UNCHANGED) for i in range(2)
    )
    assert same.dtype == enlarged.dtype == np.uint8
    np.testing.assert_array_equal(same, masks[0][0])
    np.testing.assert_array_equal(enlarged, masks[1][0].repeat_interleave(2, 0).repeat_interleave(2, 1))
    assert (tmp_path / 'Segmentation/Five/m 0.png').read_bytes()[:4] == b'\x89PNG'


def test_no_box_is_the_empty_box(tmp_path):
    item = sample('detection')
    item.pred_instances = InstanceData(bboxes=torch.zeros(0, 4), scores=torch.zeros(0))
    (entry,) = written(tmp_path, item)[FILES[1]]
    assert entry['bbox_pixels'] == entry['bbox_normalized'] == [0, 0, 0, 0]


def test_an_unfinished_submission_has_no_lists(tmp_path):
    item = sample('classification')
    item.pred_label, item.pred_scores = torch.tensor([0]), torch.tensor([1.0, 0])
    written(tmp_path, item)
    SubmissionWriter(tmp_path).add(item)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_what_is_not_finite_is_refused(tmp_path, value):
    item = sample('landmark')
    item.pred_landmarks = torch.tensor([[1.0, value]])
    with pytest.raises(ConfigError, match=r'/data/0.png is not finite'):
        SubmissionWriter(tmp_path).add(item)


def test_a_sample_without_prediction_or_place_is_refused(tmp_path):
    writer = SubmissionWriter(tmp_path)
    with pytest.raises(ConfigError, match='pred_landmarks'):
        writer.add(sample('landmark'))
    with pytest.raises(DataError, match=r'x.csv, row 7: no mask_path'):
        writer.add(sample('segmentation', csv_file='x.csv', csv_row=7))
    items = [sample('segmentation', mask_path='../m.png', task=name) for name in 'ab']
    for item in items:
        item.pred_sem_seg = PixelData(data=torch.zeros(1, 30, 40).long())
    writer.add(items[0])
    writer.add(items[0])  # again, as a sampler pads its last round
    with pytest.raises(DataError, match=r"m.png: tasks 'a' and 'b' have the same mask_path"):
        writer.add(items[1])


@pytest.mark.parametrize(('text', 'place'), [('../S/m.png', 'S/m.png'), ('../../m.png', 'm.png'), ('m.png', 'm.png')])
def test_place_of_a_mask(text, place):
    assert mask_file(text) == place


@pytest.mark.parametrize('text', ['', '..', '../a/../../m.png', '/m.png'])
def test_a_mask_stays_inside_the_submission(text):
    with pytest.raises(DataError, match='names no place'):
        mask_file(text)


def work(rank, folder, samples, queue):
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    writer = SubmissionWriter(folder / 'submission')
    # As a sampler deals them, the last round padded with the first samples.
    for item in [*samples, *samples[:3]][rank::2]:
        writer.add(item)
    writer.finish()
    dist.destroy_process_group()


def test_two_processes_write_what_one_writes(tmp_path, submission, samples, two_ranks):
    (tmp_path / 'two').mkdir()
    two_ranks(work, tmp_path / 'two', samples)
    ours, theirs = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob('*') if path.is_file()}
        for folder in (submission, tmp_path / 'two/submission')
    )
    assert ours == theirs


def test_two_images_cannot_have_one_mask(tmp_path):
    writer = SubmissionWriter(tmp_path)
    samples = [sample('segmentation', i, mask_path='../m.png') for i in (0, 0, 1)]
    for one in samples:
        one.pred_sem_seg = PixelData(data=torch.zeros(1, 30, 40, dtype=torch.long))
    writer.add(samples[0])
    writer.add(samples[1])  # the same image again, as a sampler of several processes gives it
    with pytest.raises(DataError, match=r"m.png: images '../A b/ä_0.png' and '../A b/ä_1.png' have the same mask_path"):
        writer.add(samples[2])


def test_two_processes_cannot_write_one_mask(tmp_path, monkeypatch):
    writers = [SubmissionWriter(tmp_path) for _ in range(2)]
    for i, writer in enumerate(writers):
        item = sample('segmentation', i, mask_path='../m.png')
        item.pred_sem_seg = PixelData(data=torch.zeros(1, 30, 40, dtype=torch.long))
        writer.add(item)
    monkeypatch.setattr(
        'aurora_mm.submission.writer.all_gather_object', lambda _: [writer._masks for writer in writers]
    )
    with pytest.raises(DataError, match=r"m.png: images '../A b/ä_0.png' and '../A b/ä_1.png' have the same mask_path"):
        writers[0].finish()
    assert sorted(file.name for file in tmp_path.iterdir()) == ['m.png']
