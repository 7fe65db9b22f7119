"""A pipeline without a step that it needs is refused where it is read, and its file and key are named."""

import pytest

from aurora_mm.apis import MultiTaskInferencer, write_checkpoint
from aurora_mm.apis.checkpoint import read_checkpoint
from aurora_mm.apis.config_check import pipelines as module
from aurora_mm.checkpoints import read_config_text
from aurora_mm.errors import ConfigError

LOAD, FIT, WARP = dict(type='LoadUltrasoundImage'), dict(type='FitToSize', size=64), dict(type='ApplyGeometry')
LABELS, PACK = dict(type='LoadTaskAnnotations'), dict(type='PackMultiTaskInputs')


@pytest.mark.parametrize(
    ('loader', 'steps', 'fault'),
    [
        ('train', [LOAD, LABELS, FIT, WARP], 'it has no PackMultiTaskInputs'),
        ('train', [LOAD, FIT, WARP, PACK], 'it has no LoadTaskAnnotations'),
        ('train', [LOAD, FIT, WARP, LABELS, PACK], 'LoadTaskAnnotations must come before ApplyGeometry in training'),
        ('train', [], 'it has no step'),
        ('val', [LOAD, LABELS, FIT, WARP, PACK], 'LoadTaskAnnotations must come after ApplyGeometry'),
        ('test', [FIT, WARP, LABELS, PACK], 'it has no LoadUltrasoundImage'),
    ],
)
def test_a_config(on_demo, loader, steps, fault):
    with pytest.raises(ConfigError, match=rf'config\.py: {loader}_dataloader\.dataset\.pipeline: {fault}'):
        on_demo(f'{loader}_dataloader = dict(dataset=dict(pipeline={steps}))')


def test_data_sets_within_data_sets(on_demo):
    within = "dict(_delete_=True, type='ConcatTaskDataset', datasets=[dict(type='FMCUIADataset', data_root='a'{})]{})"
    with pytest.raises(ConfigError, match=r'train_dataloader\.dataset\.datasets\.0\.pipeline: it has no step'):
        on_demo(f'train_dataloader = dict(dataset={within.format("", "")})')
    right = f', pipeline={[LOAD, LABELS, FIT, WARP, PACK]}'
    on_demo(f'train_dataloader = dict(dataset={within.format("", right)})')
    on_demo(f'train_dataloader = dict(dataset={within.format(right, "")})')
    foreign = "dict(_delete_=True, type='mmdet.CocoDataset', pipeline=[])"
    on_demo(f'train_dataloader = dict(dataset={foreign})')


def test_views_of_test_time_augmentation(on_demo):
    def check(*views):
        module.check_pipeline([LOAD, dict(type='TestTimeAug', transforms=views)], 'a.py: tta', 'aurora_mm', None)

    check([FIT, dict(FIT, size=32)], [WARP], [PACK])
    with pytest.raises(ConfigError, match=r'a\.py: tta: FitToSize must come before ApplyGeometry'):
        check([WARP], [FIT], [PACK])
    views = dict(type='TestTimeAug', transforms=[[FIT], [PACK]])
    with pytest.raises(ConfigError, match=r'config\.py: tta_pipeline: FitToSize needs ApplyGeometry'):
        on_demo(f'tta_pipeline = {[LOAD, views]}')


@pytest.mark.parametrize(
    ('steps', 'fault'),
    [
        ([LOAD, FIT, WARP], 'it has no PackMultiTaskInputs'),
        ([LOAD, WARP, FIT, PACK], 'FitToSize must come before ApplyGeometry'),
        ([], 'it has no step'),
        ('LoadUltrasoundImage', 'takes a list of steps'),
        ([LOAD, dict(size=64), PACK], r'takes the config of a step'),
        ([LOAD, dict(type='FitToSiz'), PACK], "'FitToSiz' is not registered"),
        ([LOAD, dict(type='FitToSize', sise=64), WARP, PACK], 'FitToSize.*sise'),
        ([LOAD, dict(type='FitToSize', size=65), WARP, PACK], 'multiples of 32'),
        (None, 'has no test_dataloader.dataset.pipeline'),
    ],
)
def test_a_trained_model(checkpoints, tmp_path, steps, fault):
    content = read_checkpoint(checkpoints[0])
    cfg = read_config_text(content['meta']['cfg'])
    cfg['test_dataloader']['dataset']['pipeline'] = steps
    text = '\n'.join(f'{key} = {value!r}' for key, value in cfg.items())
    file = tmp_path / 'edited.pth'
    write_checkpoint(file, dict(meta=content['meta'] | dict(cfg=text), state_dict=content['state_dict']))
    with pytest.raises(ConfigError, match=rf'edited\.pth: .*{fault}'):
        MultiTaskInferencer(file, device='cpu')
