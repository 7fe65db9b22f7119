import pytest
import torch

from aurora_mm.errors import WeightsError
from aurora_mm.models import MultiTaskModel, starting_state
from tests.models.test_multi_task_model import BOTTLENECK, FILM, TASKS, answers, batch, config


def shared_outputs():
    heads = config()['heads']
    return config(heads={key: head | dict(share_outputs=True) for key, head in heads.items()})


def foreign():
    pytest.importorskip('mmdet')
    pytest.importorskip('mmseg')
    gn = dict(type='GN', num_groups=4)
    heads = config()['heads'] | dict(
        segmentation=dict(type='mmseg.FPNHead', in_index=[0, 1, 2, 3], channels=8, norm_cfg=gn),
        detection=dict(
            type='mmdet.FCOSHead',
            strides=[8, 16, 32, 64],
            regress_ranges=((-1, 32), (32, 64), (64, 128), (128, 1e8)),
            feat_channels=16,
            stacked_convs=1,
            norm_cfg=gn,
        ),
        seg2=dict(type='mmseg.FCNHead', in_index=-1, channels=8, num_convs=1, norm_cfg=gn),
    )
    return config(heads=heads, sources=config()['sources'] | dict(segmentation='pyramid'))


def trained(cfg):
    """A model after a step, so that nothing is as it was initialised."""
    torch.manual_seed(0)
    model = MultiTaskModel(**cfg)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    sum(model.loss(*batch(*TASKS)).values()).backward()
    optimizer.step()
    return model


def flat(outputs):
    return [outputs] if isinstance(outputs, torch.Tensor) else [t for part in outputs for t in flat(part)]


@pytest.mark.parametrize('joint', [config, shared_outputs, foreign])
@pytest.mark.parametrize('adapter', [None, BOTTLENECK])
def test_a_specialised_model_starts_as_the_joint_one(joint, adapter):
    """Every task is answered as before, although its head is now its own, with nothing but its own outputs."""
    before = trained(joint())
    torch.manual_seed(1)
    cfg = joint() | dict(own_heads=True, adapter=adapter, frozen=['backbone', 'necks'], balancer=None)
    after = MultiTaskModel(**cfg)
    after.load_state_dict(starting_state(after, before.state_dict()))
    inputs, samples = batch(*TASKS)
    with torch.no_grad():
        expected, got = (model.eval()(inputs, samples, mode='tensor') for model in (before, after))
    tolerance = 1e-5  # a layer of fewer channels may round in another way
    for name in expected:
        for a, b in zip(flat(expected[name]), flat(got[name]), strict=True):
            torch.testing.assert_close(b, a, rtol=tolerance, atol=tolerance)


def test_what_a_run_counts_is_not_taken_over():
    joint = trained(config())
    model = MultiTaskModel(**config(own_heads=True))
    model.load_state_dict(starting_state(model, joint.state_dict()))
    joint.tracker.update()
    assert joint.tracker.seen.tolist() == [1] * 5
    assert model.tracker.seen.tolist() == [0] * 5


def test_adapters_are_taken_over_where_there_are_some():
    joint = trained(config(adapter=FILM))
    model = MultiTaskModel(**config(adapter=FILM, own_heads=True))
    model.load_state_dict(starting_state(model, joint.state_dict()))
    assert all(torch.equal(v, answers(model, *TASKS)[k]) for k, v in answers(joint, *TASKS).items())
    with pytest.raises(WeightsError, match=r'adapters\.seg\.levels\.0\.scale is left over'):
        starting_state(MultiTaskModel(**config()), joint.state_dict())


def changed(**changes):
    state = MultiTaskModel(**config()).state_dict()
    for name, tensor in changes.items():
        name = name.replace('__', '.')
        if tensor is None:
            del state[name]
        else:
            state[name] = tensor
    return state


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(heads__detection__fusion__conv__weight=None), r'heads\.detection\.fusion\.conv\.weight is missing'),
        (dict(heads__spleen__bias=torch.zeros(1)), r'heads\.spleen\.bias is left over'),
        (
            dict(necks__pooled__projections__0__weight=torch.zeros(8, 9, 1, 1)),
            r'pooled\.projections\.0\.weight has shape \(8, 9, 1, 1\), not \(8, 48, 1, 1\)',
        ),
        (
            dict(heads__segmentation__outputs__layers__seg2__bias=torch.zeros(7)),
            r'heads\.segmentation\.outputs\.layers\.seg2\.bias has shape \(7,\), not \(2,\)',
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(changes, message):
    with pytest.raises(WeightsError, match=message):
        starting_state(MultiTaskModel(**config(own_heads=True)), changed(**changes))


def test_own_heads_cannot_become_one_again():
    state = MultiTaskModel(**config(own_heads=True)).state_dict()
    with pytest.raises(WeightsError, match="head 'segmentation' cannot be made of several heads: seg, seg2"):
        starting_state(MultiTaskModel(**config()), state)
