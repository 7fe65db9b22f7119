from dataclasses import replace

import pytest
import torch

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models import MultiTaskModel, starting_state
from aurora_mm.tasks import Task, TaskTable
from tests.models.conftest import CLS, DET, SEG, SEG2
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
    after.load_state_dict(starting_state(after, before.state_dict()).state)
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
    model.load_state_dict(starting_state(model, joint.state_dict()).state)
    joint.tracker.update()
    assert joint.tracker.seen.tolist() == [1] * 5
    assert model.tracker.seen.tolist() == [0] * 5


def test_adapters_are_taken_over_where_there_are_some():
    joint = trained(config(adapter=FILM))
    model = MultiTaskModel(**config(adapter=FILM, own_heads=True))
    model.load_state_dict(starting_state(model, joint.state_dict()).state)
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


def tensors(model, *prefixes):
    return {name: tensor for name, tensor in model.state_dict().items() if name.startswith(prefixes)}


OWN_OUTPUTS = 'heads.segmentation.outputs.layers.'
# Of the joint model's tasks the first stays as it is, the second has other classes under its old name.
RENAMED = replace(SEG2, classes=('background', 'spleen'))
NEW = Task('lump', 'segmentation', classes=('background', 'lump'))


def moved(tasks, **changes):
    """A model for ``tasks``, before and after it gets the weights of a joint model."""
    joint = trained(config())
    torch.manual_seed(1)
    cfg = config(tasks=[task.to_config() for task in tasks], **changes)
    cfg['heads'] = {key: head for key, head in cfg['heads'].items() if any(task.type == key for task in tasks)}
    model = MultiTaskModel(**cfg)
    initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    start = starting_state(model, joint.state_dict(), TaskTable(TASKS))
    model.load_state_dict(start.state)
    return joint.state_dict(), initial, model, start


def test_other_tasks_start_from_what_types_share():
    joint, initial, model, start = moved([SEG, RENAMED, NEW, CLS])
    for name, tensor in tensors(model, 'backbone.', 'necks.', 'heads.').items():
        new = name.startswith((f'{OWN_OUTPUTS}seg2.', f'{OWN_OUTPUTS}lump.'))
        assert torch.equal(tensor, initial[name] if new else joint[name]), name
    layers = {name.rpartition('.')[0] for name in start.new}
    assert layers == {f'{OWN_OUTPUTS}seg2', f'{OWN_OUTPUTS}lump'}
    assert {name.split('.')[1] for name in start.left_out} == {'segmentation', 'detection', 'landmark'}
    assert [name for name in start.left_out if name.startswith('heads.segmentation')] == [
        f'{OWN_OUTPUTS}seg2.weight',
        f'{OWN_OUTPUTS}seg2.bias',
    ]


def test_own_heads_of_other_tasks_start_from_the_head_of_their_type():
    joint, _, model, start = moved([SEG, NEW], own_heads=True, adapter=FILM)
    shared = 'fusion.laterals.0.conv.weight'
    for task in ('seg', 'lump'):
        assert torch.equal(model.state_dict()[f'heads.{task}.{shared}'], joint[f'heads.segmentation.{shared}'])
    assert torch.equal(model.state_dict()['heads.seg.outputs.layers.seg.bias'], joint[f'{OWN_OUTPUTS}seg.bias'])
    assert 'heads.lump.outputs.layers.lump.bias' in start.new
    assert 'heads.seg.outputs.layers.seg.bias' not in start.new


def test_a_type_that_the_other_model_did_not_have_gets_a_new_head():
    joint = MultiTaskModel(**config(tasks=[SEG.to_config(), CLS.to_config()]))
    model = MultiTaskModel(**config(tasks=[SEG.to_config(), DET.to_config()]))
    start = starting_state(model, joint.state_dict(), TaskTable([SEG, CLS]))
    assert set(start.new) == set(tensors(model, 'heads.detection.'))
    assert set(start.left_out) == set(tensors(joint, 'heads.classification.'))


def test_other_tasks_need_the_same_necks_and_heads():
    other = config(tasks=[NEW.to_config(), CLS.to_config()])
    other['heads'] |= dict(segmentation=dict(type='aurora_mm.SegmentationHead', channels=16))
    with pytest.raises(WeightsError, match=r'heads\.segmentation\.fusion.* has shape .*new_parts of StartFromHook'):
        starting_state(MultiTaskModel(**other), trained(config()).state_dict(), TaskTable(TASKS))


@pytest.mark.parametrize('own_heads', [False, True])
def test_new_parts_may_be_of_another_kind(own_heads):
    joint = trained(config())
    other = config(own_heads=own_heads)
    other['heads'] |= dict(detection=dict(type='aurora_mm.DenseDetectionHead', channels=16))
    torch.manual_seed(1)
    model = MultiTaskModel(**other)
    with pytest.raises(WeightsError, match='is missing'):
        starting_state(model, joint.state_dict())
    start = starting_state(model, joint.state_dict(), new_parts=['heads.detection'])
    head = 'heads.det.' if own_heads else 'heads.detection.'
    assert set(start.new) == set(tensors(model, head))
    assert set(start.left_out) == set(tensors(joint, 'heads.detection.'))
    assert torch.equal(start.state['backbone.pos_embed.weight'], joint.state_dict()['backbone.pos_embed.weight'])


def test_new_parts_that_are_none_are_refused():
    model = MultiTaskModel(**config())
    with pytest.raises(ConfigError, match=r"'heads\.segment' is no part of the model"):
        starting_state(model, model.state_dict(), new_parts=['heads.segment'])
