"""Logged values that are read only when somebody asks."""

import copy
import pickle

import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub

from aurora_mm.engine import DeviceHistory, device_history, log_tensor


@pytest.fixture
def hub(request):
    return MessageHub(request.node.name)


def test_it_gives_what_mmengine_gives(hub):
    theirs = HistoryBuffer()
    for value in (1.5, 0.25, 4.0):
        log_tensor(hub, 'train/loss', torch.tensor([value]))
        theirs.update(value)
    ours = hub.get_scalar('train/loss')
    assert isinstance(ours, DeviceHistory)
    for name in ('min', 'max', 'mean', 'current'):
        assert ours.statistics(name) == theirs.statistics(name)
    assert ours.mean(2) == theirs.mean(2) == 2.125
    assert [x.tolist() for x in ours.data] == [x.tolist() for x in theirs.data] == [[1.5, 0.25, 4.0], [1, 1, 1]]


def test_the_order_of_numbers_and_tensors_is_kept(hub):
    hub.update_scalar('train/loss', 1.0)
    log_tensor(hub, 'train/loss', torch.tensor(2.0))
    hub.update_scalar('train/loss', 3.0)
    log_tensor(hub, 'train/loss', torch.tensor(4.0))
    assert hub.get_scalar('train/loss').data[0].tolist() == [1, 2, 3, 4]


def test_nothing_is_read_before_somebody_asks(hub, accelerator):
    with accelerator.watch() as waits:
        for _ in range(3):
            log_tensor(hub, 'train/loss', torch.ones((), device=accelerator.device))
    assert waits == []
    with accelerator.watch() as waits:
        assert hub.get_scalar('train/loss').mean() == 1
    assert len(waits) == 1


def test_the_oldest_go_and_memory_is_bounded(hub, monkeypatch):
    monkeypatch.setattr(device_history, '_MOST_PENDING', 4)
    history = DeviceHistory(max_length=5)
    for value in range(7):
        history.append(torch.tensor(float(value)))
    assert len(history._pending) == 3
    assert history.data[0].tolist() == [2, 3, 4, 5, 6]


def test_a_copy_is_mmengines_own(hub):
    log_tensor(hub, 'train/loss', torch.tensor(0.5))
    history = hub.get_scalar('train/loss')
    for copied in (
        copy.deepcopy(history),
        pickle.loads(pickle.dumps(history)),
        hub.state_dict()['log_scalars']['train/loss'],
    ):
        assert type(copied) is HistoryBuffer
        assert copied.data[0].tolist() == [0.5]


def test_a_resumed_run_goes_on(hub):
    hub.load_state_dict(
        dict(log_scalars={'train/loss': HistoryBuffer([1.0], [1])}, runtime_info={}, resumed_keys={'train/loss': True})
    )
    log_tensor(hub, 'train/loss', torch.tensor(2.0))
    assert hub.get_scalar('train/loss').data[0].tolist() == [1.0, 2.0]
    assert 'train/loss' in hub.state_dict()['log_scalars']
