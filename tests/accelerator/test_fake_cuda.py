"""Training steps and predictions on tensors of CUDA without values: devices and dtypes as a GPU has them.

Needs torch with CUDA, which need not find a GPU, and runs in a process of its own:

    python -m pytest -p tests.fixtures.pretend_cuda_driver tests/accelerator/test_fake_cuda.py
"""

import copy
import sys

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from aurora_mm.models.heads import base_detection_head
from aurora_mm.registry import HOOKS, MODELS
from tests.accelerator.small_run import build_model, narrow_config, small_config
from tests.accelerator.test_configs_on_an_accelerator import FILES
from tests.accelerator.test_parts_on_an_accelerator import (
    ADAPTERS,
    BACKBONES,
    BALANCERS,
    FPN,
    OPTIM_WRAPPERS,
    OUR_HEADS,
    SEGMENTATION,
    batch,
    own,
)
from tests.fixtures.fake_cuda import FakeCuda

if 'tests.fixtures.pretend_cuda_driver' not in sys.modules:
    pytest.skip('needs -p tests.fixtures.pretend_cuda_driver', allow_module_level=True)
if torch.version.cuda is None:
    pytest.skip(f'torch {torch.__version__} is a CPU build', allow_module_level=True)

WRAPPERS = dict(bfloat16='AutocastOptimWrapper', float32='AccumulatingOptimWrapper')
# What has no deterministic kernel on CUDA, by torch's documentation of use_deterministic_algorithms.
REFUSED = {
    *('upsample_linear1d_backward', 'upsample_bilinear2d_backward', 'upsample_bicubic2d_backward'),
    *('_adaptive_avg_pool2d_backward', 'adaptive_max_pool2d_backward', 'max_pool2d_with_indices_backward'),
    *('reflection_pad2d_backward', 'grid_sampler_2d_backward', 'cumsum', 'put_', 'histc', 'bincount', 'kthvalue'),
    *('median', 'ctc_loss', '_embedding_bag', 'nll_loss2d', 'resize_'),
}
FAST = ('aurora_fmc_plus-bfloat16', 'aurora_us_real-float32')


@pytest.fixture
def cfg(us_real, tmp_path):
    cfg = narrow_config(us_real, tmp_path)
    cfg.optim_wrapper.type = 'AutocastOptimWrapper'
    return cfg


def run(cfg):
    """Trains for two steps and predicts.

    Returns:
        The device, what the host waited for in the second step, and the dtypes of each operation of the two steps.
    """
    model = build_model(cfg)
    first, second, last = batch(cfg.train_dataloader), batch(cfg.train_dataloader), batch(cfg.test_dataloader)
    with FakeCuda() as cuda, DefaultScope.overwrite_default_scope('aurora_mm'):
        model.to(cuda.device)
        wrapper = build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
        means = [
            MODELS.build(HOOKS.build(hook).ema_cfg, default_args=dict(model=model))
            for hook in cfg.get('custom_hooks', [])
            if hook.type == 'EMAHook'
        ]
        for data in (first, second):
            with cuda.watch() as waits:
                losses = model.train_step(data, wrapper)
                for mean in means:
                    mean.update_parameters(model)
        assert all(torch.is_tensor(loss) and loss.device == cuda.device for loss in losses.values())
        assert {p.device for p in (*model.parameters(), *model.buffers())} == {cuda.device}
        trained = copy.deepcopy(cuda.operations)
        model.eval().test_step(last)
    return cuda, waits, trained


def params():
    names = {f'{file.stem}-{precision}': (file, precision) for file in FILES for precision in WRAPPERS}
    assert set(FAST) <= set(names)
    return [
        pytest.param(*case, id=name, marks=() if name in FAST else pytest.mark.slow) for name, case in names.items()
    ]


@pytest.mark.parametrize(('file', 'precision'), params())
def test_a_config_trains_and_predicts(file, precision, us_real, fmc_uia, tmp_path):
    cfg = small_config(file, fmc_uia if 'fmc' in file.stem else us_real, tmp_path)
    if precision == 'float32' or cfg.optim_wrapper.type != 'ShardedOptimWrapper':
        cfg.optim_wrapper.type = WRAPPERS[precision]
    _, waits, trained = run(cfg)
    assert waits == []
    assert (torch.bfloat16 in trained['aten.convolution.default']) == (precision == 'bfloat16')
    if 'detail' in cfg.model:  # the group norms between convolutions; predictions compute in fp32 without --amp
        assert trained['aten.native_group_norm.default'] == {getattr(torch, precision)}


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted({*OUR_HEADS} - {'foreign losses of masks'}))  # Lovasz loss, see below
def test_a_head_of_ours(name, cfg):
    cfg.merge_from_dict(dict(model=dict(heads=OUR_HEADS[name])))
    _, waits, _ = run(cfg)
    assert (own(waits) if 'foreign' in name else waits) == []


# Lovasz loss and heads of mmdet look at values to find how many there are, which fake tensors cannot tell.
@pytest.mark.slow
@pytest.mark.parametrize('name', sorted({*SEGMENTATION} - {'losses'}))
def test_a_decode_head_of_mmseg(name, cfg):
    cfg.merge_from_dict(dict(model=dict(heads=dict(segmentation=SEGMENTATION[name] | dict(_delete_=True)))))
    _, waits, _ = run(cfg)
    assert own(waits) == []


@pytest.mark.slow
@pytest.mark.parametrize('name', BACKBONES)
def test_a_backbone_and_a_neck_of_theirs(name, cfg):
    cfg.model.pop('detail')
    cfg.model.neck = {}
    cfg.merge_from_dict(dict(model=dict(backbone=BACKBONES[name], neck=FPN)))
    assert run(cfg)[1] == []


@pytest.mark.slow
@pytest.mark.parametrize('adapter', ADAPTERS, ids=lambda adapter: adapter['type'])
def test_an_adapter(adapter, cfg):
    cfg.merge_from_dict(dict(model=dict(adapter=adapter, own_heads=True)))
    assert run(cfg)[1] == []


@pytest.mark.slow
@pytest.mark.parametrize('balancer', BALANCERS, ids=lambda balancer: balancer['type'] + balancer.get('per', ''))
def test_a_balancer(balancer, cfg):
    cfg.merge_from_dict(dict(model=dict(balancer=balancer)))
    assert run(cfg)[1] == []


@pytest.mark.slow
@pytest.mark.parametrize('name', OPTIM_WRAPPERS)
def test_an_optimiser_and_a_gradient_method(name, cfg):
    cfg.optim_wrapper = OPTIM_WRAPPERS[name]
    assert run(cfg)[1] == []


@pytest.mark.slow
def test_recomputed_blocks_and_channels_last(cfg):
    cfg.merge_from_dict(dict(model=dict(channels_last=True, backbone=dict(with_cp=True))))
    assert run(cfg)[1] == []


@pytest.mark.slow
@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_a_deterministic_step_asks_for_no_kernel_that_refuses(file, us_real, fmc_uia, tmp_path):
    cfg = small_config(file, fmc_uia if 'fmc' in file.stem else us_real, tmp_path)
    torch.use_deterministic_algorithms(True)
    try:
        cuda, _, _ = run(cfg)
    finally:
        torch.use_deterministic_algorithms(False)
    assert not REFUSED & {operation.split('.')[1] for operation in cuda.operations}


def test_a_value_that_the_host_reads_is_seen(cfg, monkeypatch):
    sizes = base_detection_head.input_sizes

    def reads(*args):
        found = sizes(*args)
        found.sum().item()
        return found

    monkeypatch.setattr(base_detection_head, 'input_sizes', reads)
    _, waits, _ = run(cfg)
    assert len(waits) == 1, waits  # once for both tasks of detection, which are alike
    assert all('base_detection_head' in wait for wait in waits)


@pytest.mark.parametrize('device', ['cuda', None])
def test_a_tensor_without_a_device_is_seen(device, cfg, monkeypatch):
    """The fault that this is for, planted: sizes of images that stay on the CPU."""
    sizes = base_detection_head.input_sizes
    monkeypatch.setattr(base_detection_head, 'input_sizes', lambda *args: sizes(*args).to(device or 'cpu'))
    if device:
        run(cfg)
    else:
        with pytest.raises(RuntimeError, match='two different devices cuda:0, cpu'):
            run(cfg)
