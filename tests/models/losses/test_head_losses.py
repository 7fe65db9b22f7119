"""How heads build, try and call losses, ours and the hosts'."""

import copy

import pytest
import torch
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.losses import ClassLoss, CoordinateLoss, HeatmapLoss, ScoreLoss
from aurora_mm.registry import MODELS
from tests.models.conftest import CLS, DET, DET2, POINTS, SEG, SEG2


def class_loss(cfg, tasks=(CLS,), **more):
    return ClassLoss(cfg, tasks, 'SomeHead', 'loss_cls', **more)


SLOTS = {
    'images': class_loss,
    'pixels': lambda cfg: class_loss(cfg, (SEG, SEG2), pixels=True),
    'scores': lambda cfg: ScoreLoss(cfg, [DET, DET2], 'SomeHead', 'loss_cls'),
    'boxes': lambda cfg: CoordinateLoss(cfg, [DET], 'SomeHead', 'loss_bbox', dimensions=4),
    'points': lambda cfg: CoordinateLoss(cfg, [POINTS], 'SomeHead', 'loss_landmark', dimensions=2),
    'heatmaps': lambda cfg: HeatmapLoss(cfg, [POINTS], 'SomeHead', 'loss_heatmap'),
}
# Which losses of the hosts, with which arguments, fit where; all others are refused everywhere.
REGRESSION = ('SmoothL1Loss', 'L1Loss', 'BalancedL1Loss', 'MSELoss')
OVERLAP = ('IoULoss', 'BoundedIoULoss', 'GIoULoss', 'DIoULoss', 'CIoULoss', 'EIoULoss', 'SIoULoss')
FITTING = {
    'images': {
        'mmdet.CrossEntropyLoss': {},
        'mmdet.CrossEntropyCustomLoss': dict(num_classes=3),
        'mmdet.DiceLoss': {},
        'mmdet.FocalLoss': {},
        'mmdet.FocalCustomLoss': dict(num_classes=3),
        'mmdet.L2Loss': {},
        'mmdet.MarginL2Loss': {},
        'mmdet.MultiPosCrossEntropyLoss': {},
        'mmdet.QualityFocalLoss': {},
        'mmdet.VarifocalLoss': {},
        'mmseg.CrossEntropyLoss': {},
        'mmseg.FocalLoss': {},
        'mmseg.TverskyLoss': {},
    },
    'pixels': {
        'mmdet.CrossEntropyLoss': {},
        'mmdet.DiceLoss': {},
        'mmdet.FocalLoss': {},
        'mmdet.L2Loss': {},
        'mmdet.MarginL2Loss': {},
        'mmdet.MultiPosCrossEntropyLoss': {},
        'mmdet.QualityFocalLoss': {},
        'mmdet.VarifocalLoss': {},
        'mmseg.CrossEntropyLoss': {},
        'mmseg.DiceLoss': {},
        'mmseg.FocalLoss': {},
        'mmseg.LovaszLoss': dict(reduction='none'),
        'mmseg.OhemCrossEntropy': {},
        'mmseg.TverskyLoss': {},
    },
    'scores': {
        'mmdet.CrossEntropyLoss': dict(use_sigmoid=True),
        'mmdet.FocalLoss': {},
        'mmdet.QualityFocalLoss': {},
        'mmdet.VarifocalLoss': {},
        'mmdet.L2Loss': {},
        'mmdet.MarginL2Loss': {},
        'mmseg.FocalLoss': {},
    },
    'boxes': {f'mmdet.{name}': {} for name in (*REGRESSION, *OVERLAP)},
    'points': {f'mmdet.{name}': {} for name in REGRESSION},
    'heatmaps': {'mmdet.CrossEntropyLoss': {}, 'mmseg.CrossEntropyLoss': {}},
}


def losses_of(package: str) -> list[str]:
    registry = __import__(f'{package}.registry', fromlist=['MODELS']).MODELS
    registry.get('CrossEntropyLoss')  # imports the package's models
    kinds = registry.module_dict.items()
    return [f'{package}.{name}' for name, kind in kinds if kind.__module__.startswith(f'{package}.models.losses')]


@pytest.mark.parametrize('slot', SLOTS)
def test_every_loss_of_the_hosts_fits_or_is_refused_with_one_sentence(slot):
    fitting = set()
    names = losses_of('mmdet') + losses_of('mmseg')
    assert len(names) > 35
    for name in names:
        try:
            SLOTS[slot](dict(type=name, **FITTING[slot].get(name, {})))
            fitting.add(name)
        except ConfigError as error:
            message = str(error)
            assert message.startswith('SomeHead: loss_')
            assert name in message
            assert '\n' not in message
    assert fitting == set(FITTING[slot])


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(loss_weight=2.0), r'SomeHead: loss_cls is a config of a loss and needs a type'),
        (dict(type='mmdet.NoLoss'), r"SomeHead: loss_cls: 'mmdet.NoLoss' is not registered"),
        (dict(type='mmdet.CrossEntropyLoss', beta=1), r'SomeHead: loss_cls: mmdet.CrossEntropyLoss cannot be built'),
        (dict(type='mmdet.CrossEntropyLoss', class_weight=[1.0, 2.0]), r'for task cls, .* weight'),
        (
            dict(type='mmdet.CrossEntropyLoss', loss_weight=0.0),
            r'it is 0.0 for wrong predictions and 0.0 for right ones',
        ),
        (
            dict(type='aurora_mm.BalancedCrossEntropyLoss', class_balance=0.5),
            r'ValueError: class_balance weighs the cl',
        ),
        (dict(type='mmdet.CrossEntropyLoss', by_task=dict(clss={})), r'by_task names clss, which is no task'),
    ],
)
def test_what_is_refused(cfg, message):
    with pytest.raises(ConfigError, match=message):
        class_loss(cfg)


@pytest.mark.parametrize('reduction', ['sum', 'none'])
@pytest.mark.parametrize('slot', ['boxes', 'images'])
def test_a_reduction_that_would_have_no_effect_is_refused(slot, reduction):
    name = dict(boxes='mmdet.L1Loss', images='mmdet.CrossEntropyLoss')[slot]
    with pytest.raises(ConfigError, match=f"reduction='{reduction}' of {name} would have no effect"):
        SLOTS[slot](dict(type=name, reduction=reduction))


def test_a_loss_of_pixels_gives_one_number_for_an_image():
    with pytest.raises(ConfigError, match=r'it gives \(1, 5, 18\) and not one number'):
        SLOTS['pixels'](dict(type='mmseg.CrossEntropyLoss', reduction='none'))


def test_a_loss_without_a_gradient_is_refused():
    @MODELS.register_module(name='BlindLoss', force=True)
    class BlindLoss(nn.Module):
        def forward(self, pred, target):
            value = nn.functional.cross_entropy(pred.detach(), target)
            return value + 0 * pred.sum()

    with pytest.raises(ConfigError, match='its gradient is not finite, or 0 everywhere'):
        class_loss(dict(type='aurora_mm.BlindLoss'))


def test_the_trial_changes_nothing_in_the_loss_or_in_random_numbers():
    @MODELS.register_module(name='CountingLoss', force=True)
    class CountingLoss(nn.Module):
        calls = 0

        def forward(self, pred, target):
            self.calls += 1
            return nn.functional.cross_entropy(pred, target)

    state = torch.get_rng_state()
    loss = class_loss(dict(type='aurora_mm.CountingLoss'))
    assert loss.shared.calls == 0
    assert torch.equal(torch.get_rng_state(), state)


def test_arguments_by_task():
    cfg = dict(type='mmdet.CrossEntropyLoss', by_task=dict(seg=dict(class_weight=[0.1, 1.0, 5.0])))
    before = copy.deepcopy(cfg)
    loss = class_loss(cfg, (SEG, SEG2), pixels=True)
    assert cfg == before
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 4, 4), torch.randint(0, 3, (2, 4, 4))
    plain = nn.functional.cross_entropy(logits, target, reduction='none')
    weights = torch.tensor([0.1, 1.0, 5.0])[target]
    torch.testing.assert_close(loss(logits, target, SEG), (plain * weights).mean((1, 2)))
    pair = nn.functional.cross_entropy(logits[:, :2], target.clamp(max=1), reduction='none')
    torch.testing.assert_close(loss(logits[:, :2], target.clamp(max=1), SEG2), pair.mean((1, 2)))


@pytest.mark.parametrize('name', ['mmdet.CrossEntropyLoss', 'mmseg.CrossEntropyLoss'])
def test_weights_of_classes_count_for_images(name):
    """mmseg's divides by the weights where it takes the mean, which for one image would undo them."""
    loss = class_loss(dict(type=name, class_weight=[0.0, 1.0, 5.0]))
    torch.manual_seed(0)
    logits, target = torch.randn(3, 3), torch.tensor([0, 1, 2])
    plain = nn.functional.cross_entropy(logits, target, reduction='none')
    torch.testing.assert_close(loss(logits, target, CLS), plain * torch.tensor([0.0, 1.0, 5.0]))


@pytest.mark.parametrize(
    ('cfg', 'reference'),
    [
        (dict(type='mmdet.CrossEntropyLoss'), dict()),
        (dict(type='mmdet.CrossEntropyLoss', class_weight=[0.5, 1.0, 5.0]), dict(weight=torch.tensor([0.5, 1.0, 5.0]))),
        (dict(type='aurora_mm.BalancedCrossEntropyLoss', label_smoothing=0.1), dict(label_smoothing=0.1)),
        (
            dict(type='aurora_mm.BalancedCrossEntropyLoss', label_smoothing=0.2, class_weight=[0.5, 1.0, 5.0]),
            dict(label_smoothing=0.2, weight=torch.tensor([0.5, 1.0, 5.0])),
        ),
    ],
)
def test_cross_entropy_of_mixed_classes_is_torchs_with_soft_targets(cfg, reference):
    torch.manual_seed(0)
    logits, target = torch.randn(4, 3), torch.rand(4, 3)
    target = target / target.sum(1, keepdim=True)
    expected = nn.functional.cross_entropy(logits, target, reduction='none', **reference)
    torch.testing.assert_close(class_loss(cfg)(logits, target, CLS), expected)


@pytest.mark.parametrize('name', FITTING['images'])
def test_every_loss_takes_mixed_classes(name):
    loss = class_loss(dict(type=name, **FITTING['images'][name]))
    torch.manual_seed(0)
    logits = torch.randn(2, 3)
    first, last = (loss(logits, torch.tensor([label, label]), CLS) for label in (0, 2))
    torch.testing.assert_close(
        loss(logits, torch.tensor([[0.25, 0, 0.75], [1, 0, 0]]), CLS),
        torch.stack([0.25 * first[0] + 0.75 * last[0], first[1]]),
    )


@pytest.mark.parametrize('slot', ['images', 'pixels'])
def test_the_loss_of_an_image_does_not_depend_on_its_batch(slot):
    torch.manual_seed(0)
    sides = (6, 6) if slot == 'pixels' else ()
    logits, target = torch.randn(3, 3, *sides), torch.randint(0, 3, (3, *sides))
    if slot == 'pixels':
        target[1, :3] = 255
    ours = {'aurora_mm.BalancedCrossEntropyLoss': {}} | ({'aurora_mm.ForegroundDiceLoss': {}} if sides else {})
    for name, settings in (FITTING[slot] | ours).items():
        loss = SLOTS[slot](dict(type=name, **settings))
        task = SEG if slot == 'pixels' else CLS
        alone = torch.cat([loss(logits[i : i + 1], target[i : i + 1], task) for i in range(3)])
        torch.testing.assert_close(loss(logits, target, task), alone)


# mmseg's Dice and Tversky losses count the probabilities of ignored pixels.
@pytest.mark.parametrize('name', sorted(FITTING['pixels'].keys() - {'mmseg.DiceLoss', 'mmseg.TverskyLoss'}))
def test_losses_of_pixels_leave_out_what_is_ignored(name):
    loss = SLOTS['pixels'](dict(type=name, **FITTING['pixels'][name]))
    torch.manual_seed(0)
    logits, target = torch.randn(1, 3, 6, 6), torch.randint(0, 3, (1, 6, 6))
    target[:, 4:] = 255
    other = logits.clone()
    other[:, :, 4:] = torch.randn(1, 3, 2, 6) * 3
    torch.testing.assert_close(loss(logits, target, SEG), loss(other, target, SEG))


class TestCoordinates:
    def test_weights_by_hand(self):
        """Two images of two boxes; the second image has no box."""
        loss = SLOTS['boxes'](dict(type='mmdet.L1Loss', loss_weight=2.0))
        pred = torch.tensor([[[0.0, 0, 1, 1], [0, 0, 0.5, 0.5]], [[0.0, 0, 1, 1], [0, 0, 1, 1]]])
        target = torch.zeros(2, 2, 4)
        weight = torch.tensor([[0.25, 0.75], [0.0, 0.0]])
        expected = [2 * (0.25 * 0.5 + 0.75 * 0.25), 0]  # each row has the mean over its coordinates
        assert loss(pred, target, DET, weight).tolist() == pytest.approx(expected)
        assert loss(pred, target, DET).tolist() == pytest.approx([2 * 0.375, 2 * 0.5])

    @pytest.mark.parametrize('name', FITTING['boxes'])
    def test_what_does_not_count_gives_finite_gradients_of_0(self, name):
        loss = SLOTS['boxes'](dict(type=name))
        pred = torch.tensor([[[0.2, 0.2, 0.4, 0.5], [0.0, 0, 0, 0], [1e30, -1e30, 0, 0]]], requires_grad=True)
        target = torch.tensor([[[0.2, 0.3, 0.5, 0.5], [0.0, 0, 0, 0], [0, 0, 0, 0]]])
        value = loss(pred, target, DET, torch.tensor([[1.0, 0.0, 0.0]]))
        alone = loss(pred[:, :1], target[:, :1], DET)
        torch.testing.assert_close(value, alone)
        value.backward()
        assert pred.grad[0, 0].any()
        assert pred.grad[0, 1:].eq(0).all()


def test_scores_are_summed_over_each_image():
    loss = SLOTS['scores'](dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True))
    torch.manual_seed(0)
    logits, target = torch.randn(2, 2, 3, 4), (torch.rand(2, 2, 3, 4) > 0.5).float()
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction='none')
    torch.testing.assert_close(loss(logits, target, DET2), entropy.sum((1, 2, 3)))


def test_heatmaps_have_the_weighted_sum_over_points():
    loss = SLOTS['heatmaps'](dict(type='mmdet.CrossEntropyLoss', loss_weight=0.5))
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 4, 5), torch.rand(2, 3, 20).softmax(2).unflatten(2, (4, 5))
    entropy = -(target * logits.flatten(2).log_softmax(2).unflatten(2, (4, 5))).sum((2, 3))
    weight = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]])
    torch.testing.assert_close(loss(logits, target, POINTS, weight), 0.5 * (weight * entropy).sum(1))


@pytest.mark.parametrize(
    'context', [torch.no_grad(), torch.inference_mode(), torch.device('meta')], ids=['no_grad', 'inference', 'meta']
)
def test_losses_are_tried_wherever_the_model_is_built(context):
    with context:
        assert SLOTS['boxes'](dict(type='mmdet.GIoULoss'))


def test_a_loss_of_mmseg_says_itself_over_which_pixels_it_takes_the_mean():
    torch.manual_seed(0)
    logits, target = torch.randn(1, 3, 4, 6), torch.randint(0, 3, (1, 4, 6))
    target[:, 3] = 255
    total = nn.functional.cross_entropy(logits, target, ignore_index=255, reduction='sum')
    for avg_non_ignore, pixels in ((False, 24), (True, 18)):
        loss = SLOTS['pixels'](dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=avg_non_ignore))
        torch.testing.assert_close(loss(logits, target, SEG), total[None] / pixels)
