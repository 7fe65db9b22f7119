"""Pictures of what the network is shown."""

import mmcv
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from aurora_mm.errors import ConfigError
from aurora_mm.phantoms import make_dataset
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import TaskTable
from aurora_mm.visualization import MultiTaskVisualizer
from aurora_mm.visualization.browse import browse_dataset

TASKS = TaskTable(
    [
        dict(name='organs', type='segmentation', classes=['background', 'a']),
        dict(name='kind', type='classification', classes=['x', 'y']),
        dict(name='find', type='detection', classes=['lesion']),
        dict(name='ends', type='landmark', points=['left', 'right']),
    ]
)
LOAD, FIT, WARP = dict(type='LoadUltrasoundImage'), dict(type='FitToSize', size=64), dict(type='ApplyGeometry')
LABEL, PACK = dict(type='LoadTaskAnnotations'), dict(type='PackMultiTaskInputs')


@pytest.mark.parametrize('pipeline', [[LOAD, LABEL, FIT, WARP, PACK], [LOAD, FIT, WARP, LABEL, PACK]])
def test_every_task_gets_pictures_and_a_sheet(tmp_path, pipeline):
    make_dataset(tmp_path / 'data', TASKS, 5)
    dataset = dict(type='FMCUIADataset', data_root=str(tmp_path / 'data'), tasks=TASKS.to_config(), pipeline=pipeline)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        browse_dataset(dataset, dict(type='MultiTaskVisualizer', size=128), tmp_path / 'out', per_task=2)
    for name in TASKS:
        assert len(list((tmp_path / 'out' / name).glob('*.png'))) == 2
        assert (tmp_path / 'out' / f'{name}.png').is_file()


def test_a_box_in_network_pixels_is_drawn_on_the_networks_input(tmp_path):
    visualizer = MultiTaskVisualizer(size=64)
    visualizer.dataset_meta = dict(tasks=TASKS.to_config())
    meta = dict(task='find', task_type='detection', gt_coordinates='network', img_shape=(64, 64), ori_shape=(200, 300))
    sample = TaskDataSample(metainfo=meta)
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[16.0, 8.0, 48.0, 40.0]]), labels=torch.tensor([0]))
    black = torch.zeros(64, 64, 3, dtype=torch.uint8).numpy()
    visualizer.add_datasample('x', black, sample, draw_pred=False, out_file=str(tmp_path / 'x.png'))
    picture = mmcv.imread(str(tmp_path / 'x.png'))[-64:, :60]
    rows, columns = picture.max(2).nonzero()
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == pytest.approx((16, 48, 8, 40), abs=2)
    with pytest.raises(ConfigError, match=r"cannot show annotations in 'network' pixels of \(64, 64\)"):
        visualizer.add_datasample('x', black[:32], sample, draw_pred=False, out_file=str(tmp_path / 'y.png'))
