"""mmdet and mmseg without mmcv's compiled operators."""

import importlib.machinery
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from aurora_mm.errors import OperatorError
from aurora_mm.mmcv_operators import MMCVOperatorStandIn, has_operators, nms
from tests.fixtures.waiting import LONG

REPO = Path(__file__).resolve().parents[1]
# Makes mmcv look as if its operators had not been compiled, whether or not they were.
HIDE = """
import importlib.machinery
find = importlib.machinery.PathFinder.find_spec.__func__
def find_spec(cls, name, path=None, target=None):
    return None if name == 'mmcv._ext' else find(cls, name, path, target)
importlib.machinery.PathFinder.find_spec = classmethod(find_spec)
"""
FCOS = """
import torch
from aurora_mm import registry
from aurora_mm.mmcv_operators import has_operators
assert not has_operators()
import mmdet.models, mmseg.models, mmdet.evaluation
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from mmdet.structures import DetDataSample

head = registry.MODELS.build(ConfigDict(
    type='mmdet.FCOSHead', num_classes=1, in_channels=8, feat_channels=8, stacked_convs=1,
    norm_cfg=dict(type='GN', num_groups=4), strides=[8], regress_ranges=((-1, 1e8),),
    test_cfg=dict(nms_pre=50, score_thr=0.0, max_per_img=5, nms=dict(type='nms', iou_threshold=0.5)),
))
sample = DetDataSample(metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1.0, 1.0)))
sample.gt_instances = InstanceData(bboxes=torch.tensor([[8.0, 8, 40, 40]]), labels=torch.tensor([0]))
feats = (torch.randn(1, 8, 8, 8),)
sum(head.loss(feats, [sample]).values()).backward()
print(len(head.predict(feats, [sample])[0].bboxes), 'boxes')
from mmcv.ops import RoIAlign
try:
    RoIAlign((7, 7), 1.0)(torch.randn(1, 4, 8, 8), torch.tensor([[0.0, 1, 1, 5, 5]]))
except Exception as error:
    print(type(error).__name__, error)
"""


BROKEN = """
import importlib.machinery, importlib.util, sys
find = importlib.machinery.PathFinder.find_spec.__func__
def find_spec(cls, name, path=None, target=None):
    if name == 'mmcv._ext':
        return importlib.util.spec_from_file_location(name, sys.argv[1])
    return find(cls, name, path, target)
importlib.machinery.PathFinder.find_spec = classmethod(find_spec)
from aurora_mm.registry import MODELS
MODELS.build(dict(type='mmdet.FCOSHead', num_classes=1, in_channels=8))
"""


@pytest.mark.long
def test_operators_of_another_system_are_told_and_not_a_class_that_is_not_registered(tmp_path):
    library = tmp_path / f'_ext{importlib.machinery.EXTENSION_SUFFIXES[0]}'
    library.write_bytes(b'of another system')
    done = subprocess.run(
        [sys.executable, '-c', BROKEN, library], capture_output=True, text=True, cwd=REPO, timeout=LONG, check=False
    )
    assert f"OperatorError: mmcv's compiled operators cannot be loaded ({library}: " in done.stderr
    assert 'make setup-ops' in done.stderr


@pytest.mark.long
def test_the_hosts_train_and_predict_without_compiled_operators():
    done = subprocess.run(
        [sys.executable, '-c', HIDE + FCOS], capture_output=True, text=True, cwd=REPO, timeout=LONG, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '5 boxes' in done.stdout
    assert "OperatorError this needs mmcv's compiled operator 'roi_align_forward'" in done.stdout
    assert 'make setup-ops' in done.stdout


def test_a_missing_operator_says_how_to_get_it():
    stand_in = MMCVOperatorStandIn()
    assert hasattr(stand_in, 'anything_at_all')
    assert not hasattr(stand_in, '__path__')
    with pytest.raises(OperatorError, match=r"operator 'softnms'.*make setup-ops.*MMCV_WITH_OPS=1"):
        stand_in.softnms(torch.zeros(1, 4))


@pytest.mark.needs_operators
@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('threshold', [0.0, 0.3, 0.7])
def test_nms_equals_the_compiled_operator(offset, threshold):
    from mmcv.ops import nms as compiled

    random = torch.Generator().manual_seed(0)
    for count in (0, 1, 2, 200):
        corners = torch.rand(count, 2, generator=random) * 60
        boxes = torch.cat([corners, corners + 1 + torch.rand(count, 2, generator=random) * 40], dim=1)
        scores = torch.rand(count, generator=random)
        expected = compiled(boxes, scores, iou_threshold=threshold, offset=offset)[1] if count else torch.empty(0)
        assert nms(boxes, scores, threshold, offset).tolist() == expected.tolist()


def test_nms_by_hand():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 30, 30], [0, 0, 10, 9]])
    scores = torch.tensor([0.9, 0.8, 0.95, 0.7])
    # The second box overlaps the first by exactly 1/2, which is not more than 1/2; the fourth by 9/10.
    assert nms(boxes, scores, 0.5).tolist() == [2, 0, 1]
    assert nms(boxes, scores, 0.49).tolist() == [2, 0]


def test_the_stand_in_is_not_used_where_operators_are_compiled():
    (package,) = importlib.util.find_spec('mmcv').submodule_search_locations
    if not list(Path(package).glob('_ext.*')):
        pytest.skip("mmcv's operators are not compiled here")
    assert has_operators()
