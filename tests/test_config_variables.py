import pytest
from mmengine.config import Config

from aurora_mm.apis import tta_pipeline
from aurora_mm.config_variables import check_image_size, set_image_size
from aurora_mm.errors import ConfigError
from tests.fixtures.checkpoints import REPO

FIT = dict(type='FitToSize', size=448)
OTHER = dict(type='LoadUltrasoundImage')


@pytest.fixture
def cfg():
    """A size in each place where a config may hold one."""
    both = dict(type='ConcatTaskDataset', datasets=[dict(pipeline=[OTHER, FIT]), dict(type='X')], pipeline=[FIT])
    return Config(
        dict(
            img_size=448,
            train_dataloader=dict(dataset=both),
            val_dataloader=dict(dataset=dict(pipeline=[OTHER, dict(FIT, type='aurora_mm.FitToSize')])),
            test_dataloader=None,
            tta_pipeline=tta_pipeline([OTHER, FIT, OTHER]),
        )
    )


def sizes(node):
    """Every value of a key `size`."""
    if isinstance(node, dict):
        return [value for key, item in node.items() for value in ([item] if key == 'size' else sizes(item))]
    return [size for item in node for size in sizes(item)] if isinstance(node, (list, tuple)) else []


@pytest.mark.parametrize('size', [96, (64, 96)])
def test_the_size_reaches_every_pipeline(cfg, size):
    set_image_size(cfg, size)
    assert sizes(cfg.to_dict()) == [size] * 4
    assert cfg.img_size == size
    check_image_size(cfg)


def test_a_size_that_no_pipeline_has_is_refused(cfg):
    cfg.val_dataloader.dataset.pipeline[1].size = 64  # another size for validation is a choice
    check_image_size(cfg)
    cfg.img_size = 96
    with pytest.raises(ConfigError, match=r'img_size is 96, but FitToSize .* says 64 x 64, 448 x 448'):
        check_image_size(cfg)
    cfg.img_size = None  # no variable, nothing to hold to
    check_image_size(cfg)


@pytest.mark.parametrize('file', sorted((REPO / 'configs').glob('*.py')), ids=lambda file: file.stem)
def test_each_config_has_one_size(file):
    cfg = Config.fromfile(file)
    pipelines = [cfg[f'{kind}_dataloader'].dataset.pipeline for kind in ('train', 'val', 'test')]
    assert set(sizes(pipelines)) == {cfg.img_size}
