"""The pretended device makes the mistakes of a GPU, and no others."""

import copy
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.accelerator.test_parts_on_an_accelerator import own
from tests.fixtures.accelerator import CudaAccelerator
from tests.fixtures.pretend_accelerator import DEVICE, PretendAccelerator, is_marked


@pytest.fixture
def device():
    with PretendAccelerator() as accelerator:
        yield accelerator


def test_what_is_made_on_it_or_moved_to_it_tells_so(device):
    made = [
        torch.zeros(2, device=DEVICE),
        torch.arange(3, device='cpu:0'),
        torch.tensor([1.0], device=DEVICE),
        torch.as_tensor(np.ones(2), device=DEVICE),
        torch.ones(2).to(DEVICE),
        torch.ones(2).to(DEVICE, torch.float64, non_blocking=True),
        torch.ones(2).cuda(),
        torch.ones(2).to(torch.zeros(1, device=DEVICE)),
    ]
    made += [made[0].new_zeros(3), made[0].new_tensor([1, 2]), torch.zeros_like(made[0]), made[0].detach()[1:]]
    made += [copy.deepcopy(made[0]), nn.Parameter(made[0]), made[0].to(torch.float16), made[0].type(torch.int)]
    assert all(tensor.device == DEVICE for tensor in made)
    assert made[5].dtype == torch.float64
    other = [torch.zeros(2), torch.tensor(1.0), made[0].cpu(), made[0].to('cpu'), made[0].to(torch.zeros(1))]
    other += [torch.zeros(2, device='cpu'), made[0].new_zeros(2, device='cpu')]
    assert all(tensor.device == torch.device('cpu') for tensor in other)


def test_outside_of_it_tensors_are_what_they_were():
    with PretendAccelerator():
        tensor = torch.zeros(2, device=DEVICE)
    assert tensor.device == torch.device('cpu')
    assert torch.zeros(2, device=DEVICE).device == torch.device('cpu')


@pytest.mark.parametrize(
    'mistake',
    [
        lambda here, there: here + there,
        lambda here, there: here @ there.T,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: torch.stack([here.sum(), there.sum()]),
        lambda here, there: here.sum() * there,
        lambda here, there: here.mul_(there),
        lambda here, there: torch.where(there > 0, here, 0.0),
        lambda here, there: F.cross_entropy(here, there[:, 0].long()),
        lambda here, there: there[here[:, 0].long()],
        lambda here, there: nn.Linear(2, 2)(here),
    ],
)
def test_two_devices_do_not_mix(device, mistake):
    with pytest.raises(RuntimeError, match='same device'):
        mistake(torch.ones(2, 2, device=DEVICE), torch.ones(2, 2))


def test_nor_do_they_in_the_backward_pass(device):
    class Mixes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * torch.ones(2)

    x = torch.ones(2, device=DEVICE, requires_grad=True)
    with pytest.raises(RuntimeError, match='same device'):
        Mixes.apply(x).sum().backward()


def test_operations_make_tensors_where_their_arguments_are(device):
    x = torch.ones(1, 4, 3, 3, device=DEVICE, requires_grad=True)
    first, _ = x.split(2, dim=1)
    first.sum().backward()  # of the second part the gradient is made of zeros
    assert x.grad.device == DEVICE
    grid = F.affine_grid(torch.eye(3, device=DEVICE)[None, :2], [1, 1, 2, 2], align_corners=False)
    assert F.grid_sample(x, grid, align_corners=False).device == DEVICE
    target = torch.zeros(1, dtype=torch.long, device=DEVICE)
    assert F.cross_entropy(x.flatten(1), target, label_smoothing=0.1).device == DEVICE


def test_a_single_number_of_the_cpu_may_meet_anything(device):
    x = torch.ones(2, device=DEVICE)
    assert (x * torch.tensor(2.0)).device == DEVICE
    assert torch.where(x > 0, x, torch.tensor(0.0)).device == DEVICE
    with device.watch() as waits:
        x[torch.tensor([0])] = 0.0  # CUDA takes indices on the CPU, and waits for them
    assert len(waits) == 1


@pytest.mark.parametrize(
    'read',
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: bool(x[0] > 0),
        lambda x: float(x[0]),
        lambda x: int(x[0]),
        lambda x: x.cpu(),
        lambda x: x.to('cpu', non_blocking=True),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: torch.zeros(2).copy_(x),
        lambda x: torch.equal(x, x),
        lambda x: torch.bincount(x.long()),
        lambda x: x + torch.ones(2).to(DEVICE),
        lambda x: x + torch.tensor([1.0, 2.0], device=DEVICE),
        lambda x: x + x.new_tensor([1.0, 2.0]),
    ],
)
def test_the_host_waits_once(device, read):
    x = torch.ones(2, device=DEVICE)
    with device.watch() as waits:
        read(x)
    assert len(waits) == 1, waits
    assert 'test_pretend_accelerator' in waits[0]


def test_it_does_not_wait_for_what_the_device_does_alone(device):
    x = torch.ones(2, device=DEVICE)
    with device.watch() as waits:
        x[x > 0] = 0.0
        x += torch.ones(2).to(DEVICE, non_blocking=True)
        x.clamp(min=0).topk(1)
        x.copy_(torch.ones(2), non_blocking=True)
        torch.zeros(2).sum().item()
        torch.ones(2).tolist()
    assert waits == []


def test_a_real_one_tells_where_the_host_waited(monkeypatch):
    """As torch says it, with the place in C++ first; by frames of Python, of which torch's own do not count."""
    monkeypatch.setattr(torch.cuda, 'synchronize', lambda: None)
    monkeypatch.setattr(torch.cuda, 'set_sync_debug_mode', lambda mode: None)
    text = 'called a synchronizing CUDA operation (Triggered internally at /pytorch/c10/cuda/CUDAFunctions.cpp:150.)'
    monkeypatch.setattr(torch, 'equal', lambda *args: warnings.warn(text, stacklevel=1))
    with CudaAccelerator().watch() as waits:
        torch.equal()
        warnings.warn('something else', stacklevel=1)
    (wait,) = waits
    assert own(waits) == waits
    assert 'test_pretend_accelerator.py' in wait.rpartition(' at ')[2]
    assert (
        own([f'{text} at /opt/site/mmseg/models/losses/accuracy.py:49 < /opt/aurora_mm/models/heads/mmseg_head.py:1'])
        == []
    )


def test_numpy_needs_the_cpu(device):
    with pytest.raises(TypeError, match='numpy'):
        torch.ones(2, device=DEVICE).numpy()
    with pytest.raises(TypeError, match='numpy'):
        np.asarray(torch.ones(2, device=DEVICE))
    assert torch.ones(2, device=DEVICE).cpu().numpy().tolist() == [1, 1]


@pytest.mark.parametrize('options', [dict(fused=True), dict(foreach=True), dict(foreach=False)])
def test_a_model_learns_there_as_on_the_cpu(device, options):
    """Module.to, autograd, clipping and an optimiser, with results equal to those of the CPU."""

    def learn(where):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, 3))
        model.to(where)
        optimizer = torch.optim.AdamW(model.parameters(), **options)
        inputs, target = torch.randn(4, 1, 6, 6).to(where), torch.arange(4).to(where) % 3
        for _ in range(2):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), target).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        return model.state_dict(), optimizer

    ours, optimizer = learn(DEVICE)
    theirs, _ = learn('cpu')
    assert all(is_marked(tensor) for tensor in ours.values())
    assert all(torch.equal(ours[name].cpu(), theirs[name]) for name in ours)
    again = torch.optim.AdamW([nn.Parameter(p.detach().clone()) for p in optimizer.param_groups[0]['params']])
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert all(is_marked(state['exp_avg']) for state in again.state.values())
