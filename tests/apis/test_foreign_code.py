from pathlib import Path

import pytest
from mmengine.config import Config

from aurora_mm.apis.foreign_code import refuse_foreign_parts
from aurora_mm.errors import ConfigError

CONFIGS = sorted((Path(__file__).resolve().parents[2] / 'configs').glob('*.py'))


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_the_parts_of_every_config_are_known(file):
    refuse_foreign_parts(Config.fromfile(file).to_dict())


@pytest.mark.parametrize(
    'part',
    [
        dict(type='aurora_mm.Qwen3VLBackbone'),
        dict(type='mmdet.FCOSHead'),
        dict(type='mmseg.UPerHead'),
        dict(type='mmdet.models.dense_heads.FCOSHead'),
        dict(type='mmcv.transforms.Resize'),
        dict(type='mmengine.model.BaseModel') | dict(type='Resize'),
        dict(type='segmentation', name='a task'),
        dict(_scope_='mmdet', type='FCOSHead'),
        dict(type=3),
        dict(type=''),
    ],
)
def test_registered_parts_pass(part):
    refuse_foreign_parts([part])


@pytest.mark.parametrize(
    'name',
    [
        'os.system', 'builtins.eval', 'torch.load', 'mmengine.load', 'mmengine.fileio.load', 'mmdet.os.system', 'os',
        'code', 'mmcv.cv2.imwrite', 'mmengine.utils.misc.import_module', 'aurora_mm.NoSuchHead', 'mmengine..x',
        '.', 'mmdet.', 'this.', 'aurora_mm.apis.read_config', '__main__', 'antigravity',
    ],
)  # fmt: skip
def test_anything_else_that_could_be_called_is_refused(name):
    with pytest.raises(ConfigError, match='which is no part that'):
        refuse_foreign_parts(dict(a=[dict(type=name)]))
