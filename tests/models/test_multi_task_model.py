import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from torch import nn

import aurora_mm.models  # noqa: F401
from aurora_mm.engine import GradientSurgeryOptimWrapper
from aurora_mm.errors import AuroraError, ConfigError
from aurora_mm.models import MultiTaskModel, TokenPyramid
from tests.models.conftest import CLS, DET, POINTS, SEG, SEG2, make_image

TASKS = [SEG, SEG2, CLS, DET, POINTS]
SIZES = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
FILM = dict(type='aurora_mm.TaskFiLM')
BOTTLENECK = dict(type='aurora_mm.TaskBottleneckAdapter', channels=8)


def config(**changes):
    return (
        dict(
            tasks=[task.to_config() for task in TASKS],
            backbone=dict(type='aurora_mm.Qwen3VLBackbone', preset=SIZES),
            neck=dict(
                pyramid=dict(type='aurora_mm.TokenPyramid', out_channels=16, scales=(2, 1, 1 / 2, 1 / 4)),
                pooled=dict(type='aurora_mm.TokenPyramid', out_channels=8, downsample='avg_pool'),
            ),
            heads=dict(
                segmentation=dict(type='aurora_mm.SegmentationHead', channels=8),
                classification=dict(type='aurora_mm.ClassificationHead', hidden_channels=16),
                detection=dict(type='aurora_mm.GridDetectionHead', channels=16),
                landmark=dict(type='aurora_mm.LandmarkHead', hidden_channels=16),
            ),
            sources=dict(segmentation='pooled', classification='pyramid', detection='pyramid', landmark='backbone'),
            balancer=dict(type='aurora_mm.SelectiveLossBalancer'),
        )
        | changes
    )


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MultiTaskModel(**config())


def batch(*tasks):
    torch.manual_seed(1)
    return torch.randn(len(tasks), 3, 64, 64), [make_image(task) for task in tasks]


def test_a_mixed_batch_has_the_mean_loss_of_its_images(model):
    """Without dropout and balancing, a batch of many tasks and batches of one give the same losses."""
    model = MultiTaskModel(**config(balancer=None)).eval()
    inputs, samples = batch(SEG, CLS, CLS, DET)
    mixed = sum(model.loss(inputs, samples).values())
    single = [sum(model.loss(inputs[i : i + 1], samples[i : i + 1]).values()) for i in range(4)]
    torch.testing.assert_close(mixed, sum(single) / 4)


def test_labels_of_several_tasks_count_as_if_their_image_stood_in_the_batch_again():
    model = MultiTaskModel(**config(balancer=None)).eval()
    inputs, (first, second) = batch(SEG, CLS)
    others = [make_image(task) for task in (DET, POINTS, SEG2)]
    apart = model.loss(inputs[[0, 1, 0, 0, 0]], [first, second, *others])
    encoded = []
    model.backbone.register_forward_hook(lambda module, args, output: encoded.append(len(args[0])))
    for other in others:
        first.add(other.task_samples[0])
    together = model.loss(inputs, [first, second])
    assert together.keys() == apart.keys()
    for key in apart:  # the sum over the labels, divided by 2 images in place of 5
        torch.testing.assert_close(together[key], apart[key] * 5 / 2)
    assert encoded == [2]
    model.tracker.update()
    assert model.tracker.seen.tolist() == [2, 2, 2, 2, 2]
    predicted = model.predict(inputs, [first, second])
    assert [sample.task_names for sample in predicted] == [['seg', 'det', 'points', 'seg2'], ['cls']]
    assert predicted[0]['points'].pred_landmarks.shape == (POINTS.num_outputs, 2)


def test_a_head_runs_once_for_all_tasks_of_its_type_and_as_it_would_for_each():
    model = MultiTaskModel(**config(balancer=None)).eval()
    inputs, _ = batch(SEG, SEG, SEG)
    images = [make_image(SEG, SEG2), make_image(SEG2), make_image(SEG)]
    calls = []
    hook = model.heads['segmentation'].fusion.register_forward_hook(lambda *_: calls.append(1))
    together = gradients(model, inputs, images)
    assert calls == [1]
    hook.remove()
    parts = [
        gradients(model, inputs[rows], [make_image(task) for _ in rows])
        for task, rows in ((SEG, [0, 2]), (SEG2, [0, 1]))
    ]
    for name, gradient in together.items():
        expected = sum(part[name] * 2 / 3 for part in parts if name in part)
        torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-4)


def test_a_task_that_is_not_in_the_batch_gets_no_gradient(model):
    sum(model.loss(*batch(SEG)).values()).backward()
    layers = model.heads['segmentation'].outputs.layers
    assert layers['seg'].weight.grad is not None
    assert layers['seg2'].weight.grad is None


@pytest.mark.parametrize(
    'balancer',
    [
        None,
        dict(type='aurora_mm.SelectiveLossBalancer'),
        dict(type='aurora_mm.GradientNormBalancer', per='task', interval=1),
    ],
)
def test_eight_images_at_once_or_four_times_two_are_one_update(balancer):
    """Whatever the numbers of labels are: an image with four labels beside images with one."""
    inputs = torch.randn(8, 3, 64, 64)
    images = [make_image(SEG, SEG2, CLS, DET), *(make_image(task) for task in (CLS, SEG, POINTS, CLS))]
    images += [make_image(SEG, CLS), make_image(DET, POINTS), make_image(SEG)]
    weights = []
    for size in (8, 2):
        torch.manual_seed(0)
        model = MultiTaskModel(**config(balancer=balancer)).eval()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        wrapper = OptimWrapper(optimizer, accumulative_counts=8 // size)
        model.connect(optimizer)
        for _ in range(2):  # the second update has what the first left in tracker and balancer
            for start in range(0, 8, size):
                loss = sum(model.loss(inputs[start : start + size], images[start : start + size]).values())
                wrapper.update_params(loss)
        weights.append(model.state_dict())
    assert weights[0]['tracker.seen'].tolist() == [8, 2, 8, 4, 4]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], atol=2e-6, rtol=1e-4)


def test_the_dense_detector_in_the_model_gives_images_their_own_losses_and_many_boxes():
    dense = dict(
        type='aurora_mm.DenseDetectionHead',
        in_index=(0, 1, 2),
        channels=16,
        codec=dict(type='DenseBoxCodec', score_thr=0.0),
    )
    model = MultiTaskModel(**config(balancer=None, heads=config()['heads'] | dict(detection=dense))).eval()
    inputs, samples = batch(DET, SEG, DET)
    samples[2]['det'].gt_instances = samples[2]['det'].gt_instances[:0]
    together = sum(model.loss(inputs, samples).values())
    single = [sum(model.loss(inputs[i : i + 1], samples[i : i + 1]).values()) for i in range(3)]
    torch.testing.assert_close(together, sum(single) / 3)
    found = model.predict(inputs, samples)
    assert len(found[0]['det'].pred_instances.bboxes) > 1
    alone = model.predict(inputs[:1], [samples[0].clone()])[0]
    torch.testing.assert_close(found[0]['det'].pred_instances.bboxes, alone['det'].pred_instances.bboxes)


def test_predictions_keep_the_order_and_do_not_depend_on_the_batch(model):
    model.eval()
    inputs, samples = batch(POINTS, SEG, CLS, SEG2, DET, CLS)
    together = model.predict(inputs, [sample.clone() for sample in samples])
    for i, image in enumerate(together):
        assert image.task_names == samples[i].task_names
        (sample,) = image
        (alone,) = model.predict(inputs[i : i + 1], [samples[i].clone()])[0]
        for key in ('pred_sem_seg', 'pred_scores', 'pred_landmarks', 'pred_instances'):
            assert (key in sample) == (key in alone)
        if 'pred_scores' in sample:
            torch.testing.assert_close(sample.pred_scores, alone.pred_scores)
        if 'pred_landmarks' in sample:
            torch.testing.assert_close(sample.pred_landmarks, alone.pred_landmarks)
        if 'pred_instances' in sample:
            torch.testing.assert_close(sample.pred_instances.bboxes, alone.pred_instances.bboxes)


def test_the_encoder_runs_once_a_batch(model):
    calls = []
    model.backbone.register_forward_hook(lambda *_: calls.append(1))
    model.loss(*batch(SEG, CLS, DET, POINTS))
    assert len(calls) == 1


def test_every_weight_learns_from_a_batch_of_all_tasks(model):
    sum(model.loss(*batch(*TASKS)).values()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


def test_losses_of_the_tasks_are_tracked(model):
    model.loss(*batch(SEG, CLS))
    model.tracker.update()
    means = model.tracker.means()
    assert means['seg'] > 0
    assert means['cls'] > 0
    assert means['det'] is None


def spoilt():
    """A batch whose second image has a bad annotation, and whose third is bad itself."""
    inputs, samples = batch(CLS, POINTS, DET, SEG)
    samples[1]['points'].gt_landmarks[:] = torch.inf  # nan would be points that are not labelled
    inputs[2] = torch.nan
    return inputs, samples


def gradients(model, inputs, samples):
    model.zero_grad()
    sum(model.loss(inputs, samples).values()).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def update(model, inputs, samples):
    """One step of plain gradient descent, as training makes it."""
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    return model.train_step(dict(inputs=inputs, data_samples=samples), wrapper)


def test_what_is_not_finite_never_reaches_a_weight(model):
    inputs, samples = spoilt()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    log_vars = update(model, inputs, samples)
    assert all(value.isfinite() for value in log_vars.values())
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    update(model, *batch(CLS, POINTS, DET, SEG))
    assert not any(torch.equal(p, before[name]) for name, p in model.named_parameters() if 'heads.cl' in name)


def test_labels_that_are_not_finite_do_not_count_as_met(model):
    update(model, *spoilt())
    assert model.tracker.means()['points'] is None
    assert model.tracker.seen.tolist() == [1, 0, 1, 0, 0]
    assert all(value is None or value > 0 for value in model.tracker.means().values())


def test_a_loss_that_is_not_finite_is_named_and_too_many_stop_the_run(caplog):
    model = MultiTaskModel(**config(max_nonfinite=2))
    inputs, samples = spoilt()
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    update(model, inputs, samples)
    assert caplog.text == ''  # nothing is read from the device until it is asked for
    model.guard.report()
    logger.removeHandler(caplog.handler)
    assert "the loss of task 'points' is not finite on points.png" in caplog.text
    assert "the loss of task 'det' is not finite on det.png" in caplog.text
    assert dict(zip(model.tasks, model.guard.skipped.tolist(), strict=True)) == dict(
        seg=0, seg2=0, cls=0, det=1, points=1
    )
    resumed = MultiTaskModel(**config(max_nonfinite=2))
    resumed.load_state_dict(model.state_dict())
    resumed.loss(inputs[:2], samples[:2])
    with pytest.raises(
        AuroraError, match=r"'points' is not finite on points.png\. That makes 3 losses .*; a run bears 2"
    ):
        resumed.guard.report()


def test_gradients_that_are_not_finite_are_told_and_too_many_stop_the_run(caplog):
    """Such as those of a root of 0, whose loss is finite."""
    model = MultiTaskModel(**config(max_nonfinite=1))
    weight = next(model.heads['classification'].parameters())
    weight.register_hook(lambda grad: grad * torch.nan)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    update(model, *batch(SEG))
    model.guard.report()
    assert caplog.text == ''  # this head was not used
    update(model, *batch(CLS, SEG))
    model.guard.report()
    logger.removeHandler(caplog.handler)
    assert 'the gradients of 1 updates were not. These gradients were left out' in caplog.text
    model.guard.report()
    update(model, *batch(CLS, SEG))
    with pytest.raises(AuroraError, match=r'That makes 2 updates; a run bears 1 \(model\.max_nonfinite\)'):
        model.guard.report()


def test_a_head_may_have_nothing_to_learn(model, monkeypatch):
    monkeypatch.setattr(model.heads['classification'], 'loss', lambda feats, batches: [{} for _ in batches])
    inputs, samples = batch(CLS, SEG)
    assert set(model.loss(inputs, samples)) == {'loss_segmentation'}
    assert model.loss(inputs[:1], samples[:1])['loss_nothing'] == 0


def test_a_task_with_a_head_of_its_own():
    heads = config()['heads'] | dict(seg2=dict(type='aurora_mm.SegmentationHead', channels=16))
    model = MultiTaskModel(**config(heads=heads, sources=config()['sources'] | dict(seg2='pyramid')))
    assert [task.name for task in model.heads['seg2'].tasks] == ['seg2']
    assert [task.name for task in model.heads['segmentation'].tasks] == ['seg']
    assert model.heads['seg2'].in_channels == [16] * 4


def test_a_head_named_after_no_task_is_left_out_and_told(caplog):
    """The table may lack what comes with the data; a name may also be misspelt."""
    heads = config()['heads'] | dict(sge2=dict(type='aurora_mm.SegmentationHead', channels=16))
    MMLogger.get_current_instance().addHandler(caplog.handler)
    model = MultiTaskModel(**config(heads=heads))
    MMLogger.get_current_instance().removeHandler(caplog.handler)
    assert model.head_of['seg2'] == 'segmentation'
    assert 'sge2' not in model.heads
    assert "head 'sge2' is not built: it is named after no task" in caplog.text


def test_parts_that_do_not_fit_are_refused_with_both_sides():
    neck = dict(type='aurora_mm.TokenPyramid', in_channels=[64] * 4)
    with pytest.raises(ConfigError, match=r"takes in_channels \[64.*'backbone' \(Qwen3VLBackbone\) .* \[48"):
        MultiTaskModel(**config(neck=neck, sources=None))


def test_a_task_without_head_and_an_unknown_source_are_refused():
    heads = config()['heads']
    heads.pop('landmark')
    with pytest.raises(ConfigError, match="no head for task 'points'"):
        MultiTaskModel(**config(heads=heads))
    with pytest.raises(ConfigError, match="no neck named 'fpn'"):
        MultiTaskModel(**config(sources=config()['sources'] | dict(segmentation='fpn')))


def test_with_several_necks_a_head_says_which_it_reads():
    """The order of the necks must not matter: checkpoints keep their config with sorted keys."""
    with pytest.raises(ConfigError, match="which of the necks pyramid, pooled the head 'classification' reads"):
        MultiTaskModel(**config(sources=dict(segmentation='pooled')))
    only = dict(pyramid=config()['neck']['pyramid'])
    assert MultiTaskModel(**config(neck=only, sources=None)).source_of['landmark'] == 'pyramid'


def test_a_sample_of_an_unknown_task_is_refused(model):
    inputs, samples = batch(SEG)
    samples[0]['seg'].set_metainfo(dict(task='spleen'))
    with pytest.raises(ConfigError, match=r"seg.png asks for task 'spleen'"):
        model.predict(inputs, samples)


def test_tensor_mode(model):
    inputs, samples = batch(CLS, SEG)
    assert [m.shape for m in model(inputs)] == [(2, 48, 4, 4)] * 4
    outputs = model(inputs, samples, mode='tensor')
    assert {name: out.shape for name, out in outputs.items()} == {'cls': (1, 3), 'seg': (1, 3, 4, 4)}


@pytest.mark.parametrize('mode', ['loss', 'predict'])
def test_losses_and_predictions_need_data_samples(model, mode):
    with pytest.raises(ValueError, match=f"mode '{mode}' needs data samples"):
        model(batch(CLS)[0], mode=mode)


def test_an_unknown_mode_is_refused(model):
    with pytest.raises(ValueError, match="mode 'train' is none of 'loss', 'predict', 'tensor'"):
        model(*batch(CLS), mode='train')


def answers(model, *tasks):
    """What a model predicts for a batch, as one flat tensor for each task."""
    inputs, samples = batch(*tasks)
    with torch.no_grad():
        outputs = model.eval()(inputs, samples, mode='tensor')
    return {
        name: torch.cat([o.flatten() for o in (out if isinstance(out, tuple) else (out,))])
        for name, out in outputs.items()
    }


@pytest.mark.parametrize('adapter', [FILM, BOTTLENECK])
def test_adapters_start_as_nothing_and_then_speak_for_one_task(model, adapter):
    """Heads read maps of 8, 16 and 48 channels, one of them only the last."""
    adapted = MultiTaskModel(**config(adapter=adapter))
    assert adapted.load_state_dict(model.state_dict(), strict=False).unexpected_keys == []
    assert len(adapted.adapters['seg'].levels) == 4
    assert list(adapted.adapters['points'].levels) == ['3']
    before = answers(model, *TASKS)
    first = answers(adapted, *TASKS)
    for name, value in first.items():  # behind adapters a head runs once a task, and not once for all
        torch.testing.assert_close(value, before[name])
    with torch.no_grad():
        for parameter in adapted.adapters['seg2'].parameters():
            parameter.add_(0.1)
    after = answers(adapted, *TASKS)
    assert [name for name in after if not torch.equal(first[name], after[name])] == ['seg2']


@pytest.mark.parametrize('adapter', [FILM, BOTTLENECK])
def test_every_weight_of_adapters_learns(adapter):
    model = MultiTaskModel(**config(adapter=adapter, own_heads=True))
    sum(model.loss(*batch(*TASKS)).values()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_an_unknown_adapter_is_refused():
    with pytest.raises(ConfigError, match=r"'aurora_mm\.TaskPrompt' is not registered"):
        MultiTaskModel(**config(adapter=dict(type='aurora_mm.TaskPrompt')))


@pytest.mark.parametrize('own_heads', [False, True])
def test_a_loss_has_arguments_of_a_task_also_where_each_task_has_a_head_of_its_own(own_heads):
    weights = dict(seg2=dict(class_weight=[0.1, 1.0]), seg=dict(loss_weight=2.0))
    loss = dict(type='mmdet.CrossEntropyLoss', by_task=weights)
    heads = config()['heads']
    heads['segmentation'] = dict(type='aurora_mm.SegmentationHead', channels=8, loss_cls=loss)
    model = MultiTaskModel(**config(heads=heads, own_heads=own_heads))
    used = {name: model.heads[model.head_of[name]].loss_cls.own[name] for name in ('seg', 'seg2')}
    assert [used[name].loss_weight for name in used] == [2.0, 1.0]
    assert [used[name].class_weight for name in used] == [None, [0.1, 1.0]]
    heads['segmentation']['loss_cls'] = loss | dict(by_task=weights | dict(lung={}))
    if not own_heads:
        with pytest.raises(ConfigError, match='SegmentationHead: loss_cls: by_task names lung'):
            MultiTaskModel(**config(heads=heads))


def test_heads_of_their_own():
    """Built from the type's config, or the task's where it has one, and reading what that would read."""
    heads = config()['heads'] | dict(seg2=dict(type='aurora_mm.SegmentationHead', channels=16))
    model = MultiTaskModel(**config(heads=heads, own_heads=True))
    assert list(model.heads) == [task.name for task in TASKS]
    assert model.head_of == {task.name: task.name for task in TASKS}
    assert model.source_of == dict(seg='pooled', seg2='pooled', cls='pyramid', det='pyramid', points='backbone')
    assert all([task.name for task in head.tasks] == [name] for name, head in model.heads.items())
    assert [model.heads[name].fusion.laterals[0].out_channels for name in ('seg', 'seg2')] == [8, 16]
    heads.pop('detection')
    with pytest.raises(ConfigError, match="no head for task 'det'"):
        MultiTaskModel(**config(heads=heads, own_heads=True))


def test_frozen_parts_keep_weights_and_graph_and_mode():
    neck = config()['neck'] | dict(pyramid=config()['neck']['pyramid'] | dict(num_refine=1))
    model = MultiTaskModel(**config(neck=neck, frozen=['backbone', 'necks'])).train()
    assert not any(part.training for name in ('backbone', 'necks') for part in getattr(model, name).modules())
    assert all(part.training for part in model.heads.modules())
    inputs, samples = batch(*TASKS)
    maps = model.extract_feat(inputs)
    assert not any(m.requires_grad for m in (*maps, *model.necks['pyramid'](maps)))
    before = {name: p.clone() for name, p in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), 0.1, weight_decay=0.5)
    sum(model.loss(inputs, samples).values()).backward()
    optimizer.step()
    for name, tensor in model.state_dict().items():
        if name.startswith(('backbone.', 'necks.')):
            assert torch.equal(tensor, before[name])
    assert not any(torch.equal(p, before[name]) for name, p in model.named_parameters() if name.startswith('heads.'))


class WithBatchNorm(TokenPyramid):
    """A neck whose levels are normalised over the batch."""

    def __init__(self, in_channels, in_strides, out_channels, scales):
        super().__init__(in_channels, out_channels, scales, in_strides)
        self.norm = nn.BatchNorm2d(self.out_channels[0])

    def forward(self, inputs):
        return tuple(self.norm(level) for level in super().forward(inputs))


def with_batch_norm(**changes):
    neck = config()['neck']
    return MultiTaskModel(**config(neck=neck | dict(pyramid=neck['pyramid'] | dict(type=WithBatchNorm)), **changes))


def test_a_frozen_batch_norm_stays_as_it_is_to_the_last_bit():
    model = with_batch_norm(frozen=['necks.pyramid']).train()
    before = {name: value.clone() for name, value in model.necks['pyramid'].state_dict().items()}
    update(model, *batch(*TASKS))
    for name, value in model.necks['pyramid'].state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_bad_image_does_not_spoil_the_statistics_of_batch_norm():
    model = with_batch_norm().train()
    norm = model.necks['pyramid'].norm
    update(model, *batch(*TASKS))
    before = norm.running_mean.clone(), norm.running_var.clone()
    assert before[0].abs().sum() > 0
    inputs, samples = batch(*TASKS)
    inputs[TASKS.index(CLS)] = torch.nan
    update(model, inputs, samples)
    assert torch.equal(norm.running_mean, before[0])
    assert torch.equal(norm.running_var, before[1])
    update(model, *batch(*TASKS))
    assert norm.running_mean.isfinite().all()
    assert not torch.equal(norm.running_mean, before[0])


def test_our_own_models_take_no_image_that_the_encoder_would_pad():
    with pytest.raises(ConfigError, match=r'64 x 70 pixels; Qwen3VLBackbone takes multiples of 32'):
        MultiTaskModel(**config())(torch.zeros(1, 3, 64, 70))


def test_what_comes_before_a_frozen_part_learns_through_it():
    model = MultiTaskModel(**config(frozen=['necks.pyramid', 'heads.segmentation']))
    sum(model.loss(*batch(SEG, CLS)).values()).backward()
    learning = {
        name.split('.')[0] + '.' + name.split('.')[1] for name, p in model.named_parameters() if p.grad is not None
    }
    assert 'necks.pooled' in learning
    assert 'backbone.blocks' in learning
    assert not {'necks.pyramid', 'heads.segmentation'} & learning


@pytest.mark.parametrize(
    ('frozen', 'message'),
    [
        (['backbone', 'neck'], r"frozen names 'neck'; parts of this model are .*backbone, necks, .*necks\.pyramid"),
        (['backbone.blocks'], "frozen names 'backbone.blocks'"),
        (['backbone', 'necks', 'heads'], 'nothing is left to learn'),
    ],
)
def test_what_cannot_be_frozen_is_refused(frozen, message):
    with pytest.raises(ConfigError, match=message):
        MultiTaskModel(**config(frozen=frozen))


def test_what_is_not_finite_moves_nothing_of_a_frozen_model():
    model = MultiTaskModel(**config(frozen=['backbone', 'necks']))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    inputs, samples = spoilt()
    update(model, inputs[1:3], samples[1:3])
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_gradient_surgery_of_a_frozen_encoder_is_refused():
    model = MultiTaskModel(**config(frozen=['backbone']))
    wrapper = GradientSurgeryOptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    inputs, samples = batch(SEG)
    with pytest.raises(ConfigError, match=r'no parameter that is trained has a name that begins with backbone\.'):
        model.train_step(dict(inputs=inputs, data_samples=samples), wrapper)


def test_channels_last_is_a_layout_and_changes_no_result():
    torch.manual_seed(0)
    plain, changed = (MultiTaskModel(**config(), channels_last=flag) for flag in (False, True))
    changed.load_state_dict(plain.state_dict())
    kernels = [p for p in changed.parameters() if p.dim() == 4 and min(p.shape[1:]) > 1]
    assert kernels and all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
    inputs, samples = batch(*TASKS)
    assert all(m.is_contiguous(memory_format=torch.channels_last) for m in changed.extract_feat(inputs))
    expected, got = (gradients(model.eval(), inputs, samples) for model in (plain, changed))
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)
