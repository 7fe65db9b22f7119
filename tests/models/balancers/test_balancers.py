import copy
import math

import numpy as np
import pytest
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers import (
    EMALossBalancer,
    FAMOLossBalancer,
    FixedLossBalancer,
    GradientNormBalancer,
    IGBLossBalancer,
    LossBalancer,
    SelectiveLossBalancer,
    TaskLosses,
    TaskLossTracker,
    UncertaintyLossBalancer,
)
from tests.models.conftest import CLS, DET, POINTS, SEG, SEG2

TASKS = [SEG, CLS, DET, POINTS]
ALL = [
    LossBalancer,
    lambda tasks: FixedLossBalancer(tasks, dict(detection=2.0)),
    EMALossBalancer,
    SelectiveLossBalancer,
    UncertaintyLossBalancer,
    FAMOLossBalancer,
    lambda tasks: IGBLossBalancer(tasks, base_steps=(1, 2)),
    lambda tasks: GradientNormBalancer(tasks, interval=2),
]


def batch(tasks=TASKS, /, **losses):
    """A batch in which each task has labels of the given losses, a number or a list or a tensor ``(n,)``."""
    rows = {name: torch.as_tensor(loss, dtype=torch.float32).reshape(-1) for name, loss in losses.items()}
    return TaskLosses.add_up(rows, [task.name for task in tasks])


def of_types(losses):
    """The same tasks, each as a batch of its own, as the model gives those of a type: the tasks are of four types."""
    return [batch(**{name: loss}) for name, loss in losses.items()]


def weighed(balancer, tracker, losses):
    """The weighted sum of each task's losses, ``(T,)``; losses are given by task."""
    return sum((balancer(of_type, tracker) for of_type in of_types(losses)), torch.zeros(len(TASKS)))


def tracked(**losses):
    tracker = TaskLossTracker(TASKS)
    if losses:
        tracker.add(batch(**losses))
    tracker.update()
    return tracker


def step(balancer, tracker, losses):
    """An update with losses of all tasks, a (T,) array; returns the same losses as they are balanced after it."""
    values = {task.name: float(loss) for task, loss in zip(TASKS, losses, strict=True)}
    tracker.add(batch(**values))
    tracker.update()
    balancer.observe(tracker)
    return weighed(balancer, tracker, values)


def test_running_mean_by_hand():
    tracker = TaskLossTracker(TASKS, momentum=0.9)
    tracker.add(batch(cls=[1, 2, 3]))
    tracker.update()
    tracker.add(batch(cls=1, seg=[4, 6, 8]))
    tracker.add(batch(seg=2))  # a second batch before the same update
    tracker.update()
    means = tracker.means()
    assert means['cls'] == pytest.approx(0.9 * 2 + 0.1 * 1)
    assert means['seg'] == pytest.approx(5)
    assert means['det'] is None
    assert tracker.seen.tolist() == [4, 4, 0, 0]
    assert tracker.batch[:2].tolist() == [5, 1]
    assert tracker.batch[2:].isnan().all()


@pytest.mark.parametrize('momentum', [-0.1, 1.0, 1.5, float('nan')])
def test_a_momentum_that_is_none(momentum):
    with pytest.raises(ConfigError, match=r'ema_momentum .* must be at least 0 and less than 1'):
        TaskLossTracker(TASKS, momentum=momentum)


@pytest.mark.parametrize(
    ('factors', 'message'),
    [
        (dict(classification=float('nan')), 'the weight nan of .* is negative or not finite'),
        (dict.fromkeys((task.name for task in TASKS), 0.0), 'the weights of all tasks are 0'),
    ],
)
def test_weights_with_which_nothing_would_learn(factors, message):
    with pytest.raises(ConfigError, match=message):
        FixedLossBalancer(TASKS, factors)


def test_without_balancing_losses_pass():
    assert LossBalancer(TASKS)(batch(cls=[4, 3]), tracked(cls=4.0)).tolist() == [0, 7, 0, 0]


def test_fixed_weights_by_task_before_type():
    balancer = FixedLossBalancer([SEG, SEG2, CLS], dict(segmentation=0.5, seg2=3.0))
    assert balancer.weights(tracked()).tolist() == [0.5, 3, 1]
    with pytest.raises(ConfigError, match="'organ' is neither a task nor one of segmentation"):
        FixedLossBalancer(TASKS, dict(organ=1.0))
    with pytest.raises(ConfigError, match="weight -1 of 'cls' is negative"):
        FixedLossBalancer(TASKS, dict(cls=-1))


def test_dynamic_weights_by_hand():
    tracker = tracked(seg=1.0, cls=4.0, det=0.01)  # mean 1.67
    mean = 5.01 / 3
    weights = EMALossBalancer(TASKS, limits=(0.01, 50)).weights(tracker)
    torch.testing.assert_close(weights, torch.tensor([mean, mean / 4, 50, 1]))


def test_selective_weights_by_hand():
    tracker = tracked(seg=1.0, cls=4.0, det=0.01, points=0.99)  # mean 1.5
    weights = SelectiveLossBalancer(TASKS).weights(tracker)
    expected = [1, math.sqrt(4 / 1.5), 0.25, 1]  # det: sqrt(0.01 / 1.5) = 0.08, clamped
    torch.testing.assert_close(weights, torch.tensor(expected))


def test_selective_loss_by_hand():
    tracker = tracked(seg=1.0, cls=4.0)
    seg, cls, *_ = weighed(SelectiveLossBalancer(TASKS), tracker, dict(seg=1.0, cls=[3.0, 5.0]))
    s = 1 + math.log(2)  # raw = 0
    assert seg == 1
    assert cls.item() == pytest.approx(2 * (math.sqrt(4 / 2.5) * 4 / (2 * s**2) + math.log(s)))  # of two labels


def test_uncertainty_of_a_hard_type_grows():
    balancer = SelectiveLossBalancer(TASKS)
    balancer(batch(cls=50.0), tracked(cls=50.0)).sum().backward()
    assert balancer.raw['classification'].grad < 0
    assert balancer.raw['detection'].grad is None


def test_learned_uncertainty_settles_at_the_loss():
    """The minimum of L / s^2 + log s is at s^2 = 2 L, that of L / (2 s^2) + log s at s^2 = L."""
    balancer = UncertaintyLossBalancer(TASKS, per='task')
    optimizer = torch.optim.LBFGS(balancer.parameters(), max_iter=100, line_search_fn='strong_wolfe')
    losses = dict(seg=3.0, cls=0.2, det=0.7, points=0.01)
    tracker = tracked(**losses)

    def closure():
        optimizer.zero_grad()
        total = weighed(balancer, tracker, losses).sum()
        total.backward()
        return total

    optimizer.step(closure)
    variance = [balancer.log_variance[name].exp().item() for name in losses]
    assert variance == pytest.approx([2 * 3.0, 2 * 0.2, 0.7, 0.01], rel=1e-3)


def test_uncertainty_by_type_and_its_start():
    balancer = UncertaintyLossBalancer([SEG, SEG2, CLS, POINTS])
    assert set(balancer.log_variance) == {'segmentation', 'classification', 'landmark'}
    assert balancer.weights(tracked()).tolist() == [1, 1, 1, 0.5]
    with pytest.raises(ConfigError, match="per='image'"):
        UncertaintyLossBalancer(TASKS, per='image')


def test_famo_is_the_papers_where_every_batch_holds_all_tasks():
    """Against the algorithm written out with autograd and torch's own Adam."""
    rng = np.random.default_rng(0)
    balancer, tracker = FAMOLossBalancer(TASKS, lr=0.1, decay=0.01), TaskLossTracker(TASKS, momentum=0.0)
    logits = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1, weight_decay=0.01)
    previous = None
    for i in range(30):
        losses = torch.tensor(rng.uniform(0.1, 2, 4) * [1, 0.9**i, 0.99**i, 100], dtype=torch.float32)
        if previous is not None:
            delta = previous.log() - losses.log()
            logits.grad = torch.autograd.grad(logits.softmax(0), logits, delta)[0]
            optimizer.step()
        previous = losses
        step(balancer, tracker, losses)
        # Gradient of the paper's loss, sum of z log(L) / sum of z / L, in the losses.
        leaf = losses.clone().requires_grad_()
        z = logits.detach().softmax(0)
        ((z * leaf.log()).sum() / (z / losses).sum()).backward()
        torch.testing.assert_close(balancer.weights(tracker), 4 * leaf.grad, rtol=1e-4, atol=1e-5)
    assert balancer.logits[0] > balancer.logits[1]  # the loss that falls fastest loses weight


def test_igb_is_the_papers_where_every_batch_holds_all_tasks():
    rng = np.random.default_rng(0)
    losses = torch.tensor(rng.uniform(0.1, 2, (8, 4)), dtype=torch.float32)
    balancer, tracker = IGBLossBalancer(TASKS, base_steps=(3, 5)), TaskLossTracker(TASKS, momentum=0.0)
    for i, values in enumerate(losses, start=1):
        step(balancer, tracker, values)
        w = 4 * (values / losses[2:5].mean(0)).softmax(0) if i >= 5 else torch.ones(4)
        leaf = values.clone().requires_grad_()
        (w * leaf.log()).sum().backward()
        torch.testing.assert_close(balancer.weights(tracker), leaf.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('make', ALL)
def test_zero_and_missing_losses_poison_nothing(make):
    balancer, tracker = make(TASKS), TaskLossTracker(TASKS, momentum=0.5)
    for i in range(6):
        losses = dict(cls=2.0) if i % 2 else dict(seg=0.0, det=1.0)
        tracker.add(batch(**losses))
        tracker.update()
        balancer.observe(tracker)
        assert weighed(balancer, tracker, losses).isfinite().all()
        assert balancer.weights(tracker).isfinite().all()
    tracker.update()  # of a batch without a loss
    balancer.observe(tracker)
    assert balancer.weights(tracker).isfinite().all()


@pytest.mark.parametrize('make', ALL)
def test_state_survives_a_checkpoint(make):
    """A balancer that is saved and loaded half-way ends as one that is not."""
    rng = np.random.default_rng(0)
    balancer, tracker = make(TASKS), TaskLossTracker(TASKS)
    for losses in rng.uniform(0.1, 2, (5, 4)):
        step(balancer, tracker, losses)
    fresh, fresh_tracker = make(TASKS), TaskLossTracker(TASKS)
    fresh.load_state_dict(copy.deepcopy(balancer.state_dict()))
    fresh_tracker.load_state_dict(copy.deepcopy(tracker.state_dict()))
    for losses in rng.uniform(0.1, 2, (5, 4)):
        assert torch.equal(step(balancer, tracker, losses), step(fresh, fresh_tracker, losses))
    assert torch.equal(balancer.weights(tracker), fresh.weights(fresh_tracker))
    assert fresh_tracker.means() == tracker.means()


def test_to_weigh_losses_teaches_a_balancer_nothing():
    """All batches of an accumulation are weighted alike; a balancer learns from updates alone."""
    balancer, tracker = FAMOLossBalancer(TASKS), TaskLossTracker(TASKS)
    step(balancer, tracker, [1, 1, 1, 1])
    step(balancer, tracker, [1, 2, 3, 4])
    before = balancer.logits.clone()
    assert before.any()
    losses = batch(cls=2.0)
    assert torch.equal(balancer(losses, tracker), balancer(losses, tracker))
    assert torch.equal(balancer.logits, before)


def test_options_of_the_selective_balancer():
    tracker = tracked(seg=1.0, cls=4.0)
    flat = SelectiveLossBalancer(TASKS, power=0.0, init_raw=-50.0)
    losses = dict(seg=1.0, cls=4.0)
    assert weighed(flat, tracker, losses)[1].item() == pytest.approx(4 / 2)  # s = 1 and a factor of 1
    other = SelectiveLossBalancer(TASKS, types=('segmentation',))
    assert set(other.raw) == {'segmentation'}
    seg, cls, *_ = weighed(other, tracker, losses)
    assert cls == 4
    assert seg != 1


def measured(balancer, maps, losses, counts):
    """An update in which a batch was measured; returns the weights after it."""
    maps = balancer.watch(maps)
    for name, loss in losses.items():
        rows = loss(maps).expand(counts[name]) / counts[name]
        balancer.measure(batch(balancer.tasks.values(), **{name: rows}), maps)
    balancer.observe(None)
    return balancer.weights(None)


def test_gradients_are_made_equally_long():
    """Two maps of two images; gradients of length 4 and 2 for masks, 1 for a class, and none known for the rest."""
    maps = (torch.zeros(2, 1, 2, 2, requires_grad=True), torch.zeros(2, 1, 1, 1, requires_grad=True))
    losses = dict(
        seg=lambda m: 2 * m[0][0].sum() + 2 * m[1][1].sum(),  # sqrt(4 * 2^2) = 4 on one image, 2 on the other
        cls=lambda m: m[1][1].sum(),
    )
    balancer = GradientNormBalancer(TASKS)
    weights = measured(balancer, maps, losses, dict(seg=2, cls=1))
    torch.testing.assert_close(balancer.squares, torch.tensor([10, 1, torch.nan, torch.nan]), equal_nan=True)
    torch.testing.assert_close(weights, torch.tensor([10**-0.25, 10**0.25, 1, 1]))
    longer = GradientNormBalancer(TASKS, factors=dict(classification=4.0))
    weights = measured(longer, maps, losses, dict(seg=2, cls=1))
    assert weights[1] / weights[0] == pytest.approx(4 * 10**0.5)
    limited = GradientNormBalancer(TASKS, limit=1.5)
    assert measured(limited, maps, losses, dict(seg=2, cls=1))[:2].tolist() == pytest.approx([1 / 1.5, 1.5])


def test_tasks_of_a_type_share_their_length_unless_each_has_its_own():
    maps = (torch.zeros(1, 1, 1, 1, requires_grad=True),)
    losses = dict(seg=lambda m: 3 * m[0].sum(), cls=lambda m: m[0].sum())
    by_type = GradientNormBalancer([SEG, SEG2, CLS])
    measured(by_type, maps, losses, dict(seg=1, cls=1))
    assert by_type.squares.tolist() == pytest.approx([9, 9, 1])
    by_task = GradientNormBalancer([SEG, SEG2, CLS], per='task')
    measured(by_task, maps, losses, dict(seg=1, cls=1))
    assert by_task.squares[[0, 2]].tolist() == pytest.approx([9, 1])
    assert by_task.squares[1].isnan()


def test_lengths_are_measured_at_intervals_also_after_a_checkpoint():
    def loss(factor):
        return dict(cls=lambda m: factor * m[0].sum())

    maps = (torch.zeros(1, 1, 1, 1, requires_grad=True),)
    balancer = GradientNormBalancer(TASKS, interval=2, momentum=0.75)
    measured(balancer, maps, loss(1.0), dict(cls=1))
    fresh = GradientNormBalancer(TASKS, interval=2, momentum=0.75)
    fresh.load_state_dict(balancer.state_dict())
    measured(fresh, maps, loss(5.0), dict(cls=1))
    assert fresh.squares[1] == 1
    measured(fresh, maps, loss(3.0), dict(cls=1))
    assert fresh.squares[1] == 0.75 * 1 + 0.25 * 9
    measured(fresh, maps, loss(5.0), dict(cls=1))
    assert fresh.squares[1] == 3


def test_sums_keep_their_total_on_another_number_of_ranks():
    """A process that goes on alone from two ranks, each of which saved the mean of both."""
    for part in (TaskLossTracker(TASKS), GradientNormBalancer(TASKS)):
        part.sums += 3.0
        part.take_share(ranks=2)
        assert (part.sums == 6).all()


def test_maps_of_a_frozen_encoder_and_gradients_that_are_not_finite():
    balancer = GradientNormBalancer(TASKS, interval=1)
    maps = (torch.ones(1, 1, 1, 1),)
    measured(balancer, maps, dict(cls=lambda m: 2 * m[0].sum()), dict(cls=1))
    assert balancer.squares[1] == pytest.approx(4)
    (bad,) = balancer.watch((torch.ones(1, 1, 1, 1),))  # accumulated with a good batch
    balancer.measure(batch(cls=(bad - 1).sqrt().sum()), (bad,))
    measured(balancer, maps, dict(cls=lambda m: 2 * m[0].sum()), dict(cls=1))
    assert balancer.squares[1] == pytest.approx(4)


@pytest.mark.parametrize(
    ('options', 'message'), [(dict(per='organ'), "per='organ' is neither"), (dict(interval=0), '=0 is')]
)
def test_wrong_options_of_the_gradient_norm_balancer(options, message):
    with pytest.raises(ConfigError, match=message):
        GradientNormBalancer(TASKS, **options)
