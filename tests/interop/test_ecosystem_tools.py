"""The hosts' own scripts on our configs and logs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
mmdet = pytest.importorskip('mmdet')
MMDET = Path(mmdet.__file__).parent / '.mim/tools'


def run(script, *args):
    env = os.environ | {'PYTHONPATH': str(REPO), 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, str(script), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize('config', ['aurora_fmc.py', 'interop/mmdet_faster_rcnn.py'])
def test_print_config(config):
    printed = run(MMDET / 'misc/print_config.py', REPO / 'configs' / config, '--cfg-options', 'randomness.seed=7')
    assert 'Qwen3VLBackbone' in printed
    assert 'seed=7' in printed


@pytest.mark.slow
@pytest.mark.parametrize('config', ['mmdet_fcos', 'mmdet_aurora_head', 'mmseg_upernet', 'mmseg_aurora_head'])
def test_the_hosts_count_the_interop_models(config, data, monkeypatch):
    monkeypatch.setenv('US_COCO', str(data.coco))
    host = config.split('_')[0]
    tools = Path(pytest.importorskip(host).__file__).parent / '.mim/tools/analysis_tools'
    size = ('--num-images', 1) if host == 'mmdet' else ('--shape', 224, 224)
    printed = run(tools / 'get_flops.py', REPO / f'configs/interop/{config}.py', *size)
    (giga,), (mega,) = (
        re.findall(rf'{what}: *([0-9.]+){unit}', printed) for what, unit in (('Flops', 'G'), ('Params', 'M'))
    )
    assert 0.3 < float(giga) < 10  # the encoder alone: 2.4 M weights for each of 14 x 14 tokens
    assert 3 < float(mega) < 10


@pytest.mark.slow
def test_mmdet_browses_an_interop_config(data, tmp_path, monkeypatch):
    monkeypatch.setenv('US_COCO', str(data.coco))
    config = REPO / 'configs/interop/mmdet_fcos.py'
    run(MMDET / 'analysis_tools/browse_dataset.py', config, '--output-dir', tmp_path, '--not-show')
    assert len(list(tmp_path.rglob('*.png'))) == 8


@pytest.mark.slow
def test_analyze_logs(tmp_path):
    """mmdet's script plots the loss from among the rows that MultiTaskHook and the evaluator add."""
    log, out = tmp_path / 'scalars.json', tmp_path / 'curve.png'
    rows = []
    for step in range(1, 17):
        rows.append({'lr': 1e-4, 'loss': 2 / step, 'time': 0.1, 'epoch': 1 + step // 9, 'iter': step, 'step': step})
        rows.append({'task_loss/organs': 1 / step, 'task_prob/organs': 1.0, 'step': step})
    rows.append({'organs/DSC': 0.7, 'score': 0.6, 'step': 2})
    log.write_text('\n'.join(map(json.dumps, rows)))
    options = ('--keys', 'loss', '--out', out, '--style', 'ggplot')  # its default style is gone from matplotlib
    run(MMDET / 'analysis_tools/analyze_logs.py', 'plot_curve', log, *options)
    assert out.stat().st_size > 5000


@pytest.mark.slow
def test_mmdet_trains_an_interop_config_by_its_own_script(data, tmp_path, monkeypatch):
    monkeypatch.setenv('US_COCO', str(data.coco))
    options = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    config = REPO / 'configs/interop/mmdet_aurora_head.py'
    run(MMDET / 'train.py', config, '--work-dir', tmp_path, '--cfg-options', *options)
    assert list(tmp_path.glob('*/vis_data/scalars.json'))
