"""The mmdet config of the tutorial, run as it is written."""

import json
import re
import shutil
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

TUTORIAL = Path(__file__).parents[2] / 'docs/tutorials/mmdet_plugin.md'
pytest.importorskip('mmdet')


@pytest.mark.needs_operators
@pytest.mark.long
def test_the_config_trains_and_is_scored(data, tmp_path, monkeypatch):
    blocks = re.findall(r'```python\n(# my_faster_rcnn\.py\n.*?)```', TUTORIAL.read_text(), re.DOTALL)
    assert len(blocks) == 1
    root = tmp_path / 'data/nodules'
    for split in ('train', 'val'):
        shutil.copytree(data.coco / 'images' / split, root / split)
        content = json.loads((data.coco / f'annotations/fetal_head_det_{split}.json').read_text())
        content['categories'][0]['name'] = 'nodule'
        (root / f'{split}.json').write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    Path('my_faster_rcnn.py').write_text(blocks[0])

    cfg = Config.fromfile('my_faster_rcnn.py')
    cfg.work_dir = 'work_dirs'
    cfg.visualizer.name = 'tutorial'  # MMEngine keeps visualisers by name: another test's would write to its own folder
    with DefaultScope.overwrite_default_scope('mmdet'):
        runner = Runner.from_cfg(cfg)
        assert type(runner.model.backbone).__name__ == 'Qwen3VLBackbone'
        runner.train()
    assert Path('work_dirs/epoch_2.pth').is_file()
    scalars = [json.loads(line) for file in Path('work_dirs').rglob('scalars.json') for line in file.open()]
    assert sum('coco/bbox_mAP' in entry for entry in scalars) == 2
