"""Samples between host and device."""

import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from torch.utils.data._utils.pin_memory import pin_memory

from aurora_mm.structures import MultiTaskDataSample, TaskDataSample, to_host


@pytest.fixture
def sample():
    """An image with a mask for one task and boxes for another."""
    mask, boxes = (TaskDataSample(metainfo=dict(task=name, img_id=7)) for name in ('lung', 'nodule'))
    mask.gt_sem_seg = PixelData(data=torch.arange(6).view(1, 2, 3))
    boxes.gt_instances = InstanceData(bboxes=torch.rand(2, 4), labels=torch.tensor([0, 1]))
    return MultiTaskDataSample([mask, boxes], metainfo=dict(img_id=7))


def tensors(sample):
    return [sample['lung'].gt_sem_seg.data, sample['nodule'].gt_instances.bboxes, sample['nodule'].gt_instances.labels]


def test_all_tensors_come_to_the_host_by_one_copy_a_dtype(sample, accelerator):
    moved = [sample.to(accelerator.device), sample.to(accelerator.device)]
    with accelerator.watch() as waits:
        back = to_host(moved)
    assert len(waits) == 2  # int64 and float32
    for one in back:
        assert (one.task_names, one['lung'].img_id) == (['lung', 'nodule'], 7)
        for got, expected in zip(tensors(one), tensors(sample), strict=True):
            assert got.device == torch.device('cpu')
            assert torch.equal(got, expected)
            assert got.untyped_storage().nbytes() == got.nbytes  # who keeps it does not keep the batch


def test_what_is_on_the_host_is_not_copied(sample):
    (back,) = to_host([sample])
    assert all(got is tensor for got, tensor in zip(tensors(back), tensors(sample), strict=True))


def test_the_data_loader_pins_every_tensor_of_a_sample(sample, monkeypatch):
    """Through torch's own walk over a batch; pinning itself needs a GPU, so a copy stands for it."""
    pinned = []
    monkeypatch.setattr(torch.Tensor, 'pin_memory', lambda tensor, *_: pinned.append(tensor) or tensor.clone())
    image = torch.zeros(3, 2, 2)
    batch = pin_memory(dict(inputs=[image], data_samples=[sample]))
    assert all(any(tensor is p for p in pinned) for tensor in [image, *tensors(sample)])
    assert len(pinned) == 4
    assert all(a is not b for a, b in zip(tensors(batch['data_samples'][0]), tensors(sample), strict=True))
