"""Measuring a config's training steps, as benchmarks/training.py --device does."""

import argparse

import pytest
import torch
from mmengine.registry import DefaultScope

from tests.benchmarks.conftest import FOLDER


@pytest.fixture(scope='module')
def step_profile(load_benchmark):
    return load_benchmark('step_profile')


@pytest.mark.parametrize(
    ('name', 'category'),
    [
        ('aten::addmm', 'matrix products'),
        ('aten::add_', 'element-wise'),
        ('aten::convolution_backward', 'convolutions'),
        ('aten::_scaled_dot_product_flash_attention', 'attention'),
        ('aten::native_group_norm', 'norms'),
        ('aten::_to_copy', 'copies, casts and concatenations'),
        ('aten::_fused_adamw_', 'optimiser'),
        ('aten::upsample_bilinear2d', 'resizing'),
        ('triton_poi_fused_add_0', 'compiled kernels'),
        ('triton_red_fused__to_copy_native_layer_norm_backward_addmm_3', 'compiled kernels'),
        ('cpp_fused__scaled_dot_product_convolution_1', 'compiled kernels'),
        ('cudaLaunchKernel', 'everything else'),
    ],
)
def test_operations_are_sorted_by_what_they_do(step_profile, name, category):
    assert step_profile.category_of(name) == category


@pytest.mark.slow
def test_a_small_model_on_the_cpu(step_profile, tmp_path, capsys):
    args = argparse.Namespace(
        config=str(FOLDER.parent / 'configs' / 'aurora_fmc_demo.py'),
        data_root=None,
        device='cpu',
        preset='tiny',
        size=64,
        batch=2,
        workers=0,
        warm=1,
        steps=2,
        compile=False,
        channels_last=True,
        peak_tflops=None,
        json=str(tmp_path / 'figures.json'),
    )
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        step_profile.run(args)
    figures = step_profile.json.loads((tmp_path / 'figures.json').read_text())
    assert figures['images_per_s'] == pytest.approx(2 / figures['step_s'])
    assert figures['labels_per_s'] >= figures['images_per_s']
    assert 0 <= figures['host_waited_for_data'] < 1
    assert sum(figures['time_by_category'].values()) == pytest.approx(1)
    assert figures['time_by_category']['convolutions'] > 0
    assert '| images per s |' in capsys.readouterr().out
