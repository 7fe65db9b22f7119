import pytest
import torch
import torch.distributed as dist
from mmengine.model import BaseModel, MMDistributedDataParallel
from torch import nn

from aurora_mm.engine import GradientSurgeryOptimWrapper, PCGradCombiner
from aurora_mm.errors import ConfigError

PCGRAD = dict(type='aurora_mm.PCGradCombiner')


class TwoTypes(BaseModel):
    """A shared layer and a head for each of two types that pull it in opposite ways."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Linear(3, 4)
        self.heads = nn.ModuleDict(dict(a=nn.Linear(4, 1), b=nn.Linear(4, 1)))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = torch.tanh(self.backbone(inputs))
        sign = dict(a=1.0, b=-1.0)
        share = 1 / len(data_samples)
        losses = {}
        for row, name in enumerate(data_samples):
            loss = (self.heads[name](x[row]) - sign[name] * 3).square().sum() * share
            losses[f'loss_{name}'] = losses.get(f'loss_{name}', 0) + loss
        return losses


def images(n=4):
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(3))


def train(batches, model=None, wrap=lambda model: model, **kwargs):
    """Weights after some steps, and the wrapper."""
    model = wrap(model or TwoTypes())
    wrapper = GradientSurgeryOptimWrapper(torch.optim.SGD(model.parameters(), 0.1), **kwargs)
    wrapper.initialize_count_status(model, 0, len(batches))
    for inputs, names in batches:
        model.train_step(dict(inputs=inputs, data_samples=names), wrapper)
    return {name.removeprefix('module.'): p.detach().clone() for name, p in model.named_parameters()}, wrapper


def same(first, second):
    return all(torch.allclose(first[name], second[name], atol=1e-6) for name in first)


def losses_and_gradients(model):
    """The losses of one batch, and the gradient of each on the shared layer as one vector."""
    losses = model(images(), ['a', 'b', 'b', 'a'], mode='loss')
    shared = list(model.backbone.parameters())
    parts = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in losses.values()]
    return losses, [torch.cat([g.flatten() for g in part]) for part in parts]


def test_without_surgery_it_is_plain_training_and_tells_the_conflict():
    model = TwoTypes()
    losses = model(images(), ['a', 'b', 'b', 'a'], mode='loss')
    gradients = [
        torch.autograd.grad(loss, list(model.backbone.parameters()), retain_graph=True) for loss in losses.values()
    ]
    first, second = (torch.cat([g.flatten() for g in parts]) for parts in gradients)
    expected = torch.cosine_similarity(first, second, dim=0).item()
    sum(losses.values()).backward()
    torch.optim.SGD(model.parameters(), 0.1).step()
    got, wrapper = train([(images(), ['a', 'b', 'b', 'a'])])
    assert same(got, dict(model.named_parameters()))
    assert wrapper.pop_cosines() == pytest.approx({'a-b': expected}, abs=1e-5)
    assert wrapper.pop_cosines() == {}


def test_conflicting_gradients_are_projected_on_the_shared_layer_alone():
    model = TwoTypes()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    losses, g = losses_and_gradients(model)
    assert g[0] @ g[1] < 0
    projected = g[0] - g[0] @ g[1] / (g[1] @ g[1]) * g[1] + g[1] - g[0] @ g[1] / (g[0] @ g[0]) * g[0]
    sum(losses.values()).backward()
    got, _ = train([(images(), ['a', 'b', 'b', 'a'])], combiner=PCGRAD)
    moved = torch.cat([(before[f'backbone.{n}'] - got[f'backbone.{n}']).flatten() for n in ('weight', 'bias')]) / 0.1
    torch.testing.assert_close(moved, projected, rtol=1e-4, atol=1e-5)
    for name, p in model.named_parameters():
        if name.startswith('heads'):
            torch.testing.assert_close(before[name] - 0.1 * p.grad, got[name])


def test_accumulated_batches_of_one_type_are_one_batch_of_all():
    x = images()
    together, _ = train([(x, ['a', 'b', 'b', 'a'])], combiner=PCGRAD)
    # Each half is its type's whole, so half the sum of the halves has the shares of the whole batch.
    halves = [(x[[0, 3]], ['a', 'a']), (x[[1, 2]], ['b', 'b'])]
    apart, wrapper = train(halves, combiner=PCGRAD, accumulative_counts=2)
    assert same(together, apart)
    assert wrapper.pop_cosines()['a-b'] < 0


def test_clipping_comes_after_surgery():
    got, _ = train([(images(), ['a', 'b', 'b', 'a'])], combiner=PCGRAD, clip_grad=dict(max_norm=0.01))
    before = dict(TwoTypes().named_parameters())
    norm = sum(((before[name] - got[name]) / 0.1).square().sum() for name in got).sqrt().item()
    assert norm == pytest.approx(0.01, rel=1e-3)


def test_in_bfloat16_gradients_stay_in_fp32():
    exact, _ = train([(images(), ['a', 'b', 'b', 'a'])] * 3, combiner=PCGRAD)
    rough, wrapper = train([(images(), ['a', 'b', 'b', 'a'])] * 3, combiner=PCGRAD, on_cpu=True)
    assert all(p.dtype == torch.float32 for p in rough.values())
    assert not same(exact, rough)
    assert all(torch.allclose(exact[name], rough[name], atol=0.1) for name in exact)
    assert isinstance(wrapper.combiner, PCGradCombiner)


def test_a_model_without_shared_parameters_is_refused():
    with pytest.raises(ConfigError, match=r'begins with encoder\.'):
        train([(images(), ['a', 'b', 'b', 'a'])], shared=('encoder.',))


def work(rank, folder, queue):
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    batches = batches_of_rank(rank)
    weights, wrapper = train(
        batches,
        wrap=lambda m: MMDistributedDataParallel(m, find_unused_parameters=True),
        combiner=PCGRAD,
        accumulative_counts=2,
        clip_grad=dict(max_norm=1.0),
    )
    queue.put((rank, {name: w.numpy() for name, w in weights.items()}, wrapper.pop_cosines()))
    dist.barrier()
    dist.destroy_process_group()


def batches_of_rank(rank):
    """Four batches, with an update after two; rank 1 has nothing of type a in the first update."""
    x = images(16).reshape(2, 4, 2, 3)[rank]
    names = (
        [['a', 'a'], ['a', 'b'], ['b', 'a'], ['a', 'a']]
        if rank == 0
        else [['b', 'b'], ['b', 'b'], ['a', 'a'], ['b', 'a']]
    )
    return list(zip(x, map(list, names), strict=True))


def test_two_processes_train_as_one(tmp_path, two_ranks):
    ranks = {rank: (weights, cosines) for rank, weights, cosines in two_ranks(work, tmp_path)}
    batches = [
        (torch.cat([a[0], b[0]]), a[1] + b[1]) for a, b in zip(batches_of_rank(0), batches_of_rank(1), strict=True)
    ]
    expected, wrapper = train(batches, combiner=PCGRAD, accumulative_counts=2, clip_grad=dict(max_norm=1.0))
    expected_cosines = pytest.approx(wrapper.pop_cosines(), abs=1e-5)
    for weights, cosines in ranks.values():
        assert same({name: torch.from_numpy(w) for name, w in weights.items()}, expected)
        assert cosines == expected_cosines
