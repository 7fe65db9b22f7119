import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.errors import ConfigError
from aurora_mm.tasks import Task
from aurora_mm.visualization import MultiTaskVisualizer, contact_sheet
from aurora_mm.visualization.drawers import PALETTE
from tests.models.conftest import CLS, DET, POINTS, SEG, make_sample

SIZE = 192
TRUTH = np.s_[-SIZE:, :SIZE]
PREDICTION = np.s_[-SIZE:, -SIZE:]


def predicted(task: Task):
    """A sample whose truth is the network's frame called original, and another prediction."""
    sample = make_sample(task, ori_shape=(64, 64), frame='original')
    if task.type == 'segmentation':
        sample.pred_sem_seg = PixelData(data=torch.zeros(1, 64, 64, dtype=torch.long))
    elif task.type == 'classification':
        sample.pred_label, sample.pred_scores = torch.tensor([2]), torch.tensor([0.1, 0.2, 0.7])
    elif task.type == 'detection':
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([[8.0, 8, 24, 24]]), scores=torch.tensor([0.5]), labels=torch.tensor([0])
        )
    else:
        sample.pred_landmarks = torch.tensor([[8.0, 8], [60.0, 60]])
    return sample


@pytest.fixture
def visualizer():
    made = MultiTaskVisualizer(size=SIZE)
    made.dataset_meta = dict(tasks=[task.to_config() for task in (SEG, CLS, DET, POINTS)])
    return made


@pytest.mark.parametrize('task', [SEG, CLS, DET, POINTS], ids=lambda task: task.type)
def test_truth_stands_left_of_the_prediction(visualizer, task, tmp_path):
    file = tmp_path / 'out.png'
    visualizer.add_datasample('x', np.full((64, 64, 3), 128, np.uint8), predicted(task), out_file=str(file))
    drawn = cv2.imread(str(file))
    assert 2 * SIZE <= drawn.shape[1] < 2 * SIZE + 8
    assert drawn.shape[0] > SIZE
    truth, prediction = drawn[TRUTH], drawn[PREDICTION]
    if task.type == 'classification':  # the answer is in the captions
        assert (drawn[:-SIZE, :SIZE] != drawn[:-SIZE, -SIZE:]).any()
    else:
        assert (truth != 128).any()
        assert (truth != prediction).any()


def test_a_mask_is_drawn_where_it_is(visualizer, tmp_path):
    file = tmp_path / 'out.png'
    visualizer.add_datasample('x', np.full((64, 64, 3), 128, np.uint8), predicted(SEG), out_file=str(file))
    coloured = (cv2.imread(str(file))[TRUTH] != 128).any(2)
    assert coloured[60:84, 60:180].all()  # rows 16..32 and columns 16.. of 64, at three times the size
    assert not coloured[120:].any()
    assert not coloured[:, :42].any()


def test_boxes_that_are_not_sure_are_left_out_but_never_the_surest(visualizer):
    sample = predicted(DET)
    image = np.full((64, 64, 3), 128, np.uint8)

    def boxes(scores):
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([[8.0, 8, 24, 24], [32, 32, 60, 60]]),
            scores=torch.tensor(scores),
            labels=torch.zeros(2),
        )
        panel = visualizer.draw(image, sample)[PREDICTION]
        return [bool((panel[3 * y : 3 * y + 48, 3 * x] != 128).any(1).all()) for x, y in ((8, 8), (32, 32))]

    assert boxes([0.5, 0.4]) == [True, True]
    assert boxes([0.5, 0.2]) == [True, False]
    assert boxes([0.2, 0.1]) == [True, False]
    assert len(sample.pred_instances) == 2


@pytest.mark.parametrize('task', [SEG, DET], ids=lambda task: task.type)
def test_visualisers_of_theirs_draw_instead(task, tmp_path):
    """As they draw in their own package; truth and prediction side by side at the image's own size."""
    mmdet = pytest.importorskip('mmdet.visualization')
    mmseg = pytest.importorskip('mmseg.visualization')
    foreign = dict(segmentation=dict(type='mmseg.SegLocalVisualizer'), det=dict(type='mmdet.DetLocalVisualizer'))
    made = MultiTaskVisualizer(size=128, foreign=foreign)
    made.dataset_meta = dict(tasks=[task.to_config() for task in (SEG, DET)])
    image, file = np.full((64, 64, 3), 128, np.uint8), tmp_path / 'out.png'
    made.add_datasample('x', image, predicted(task), out_file=str(file))

    theirs = mmseg.SegLocalVisualizer() if task is SEG else mmdet.DetLocalVisualizer()
    palette = [(0, 0, 0), *PALETTE[:2]] if task is SEG else list(PALETTE[:1])
    theirs.dataset_meta = dict(classes=task.classes, palette=palette)
    theirs.add_datasample('x', image, predicted(task), out_file=str(tmp_path / 'theirs.png'))
    drawn = cv2.imread(str(file))
    assert drawn.shape == (64, 128, 3)
    assert (drawn == cv2.imread(str(tmp_path / 'theirs.png'))).all()
    assert (drawn[:, :64] != drawn[:, 64:]).any()


def test_annotations_in_network_pixels_are_refused(visualizer):
    with pytest.raises(ConfigError, match='original pixels'):
        visualizer.add_datasample('x', np.zeros((64, 64, 3), np.uint8), make_sample(SEG))


def test_an_image_without_a_sample_is_shown_as_it_is(visualizer, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    visualizer.add_datasample('x', image, out_file=str(tmp_path / 'out.png'))
    assert (cv2.imread(str(tmp_path / 'out.png'))[..., ::-1] == image).all()


def test_contact_sheet(tmp_path):
    for i, shade in enumerate((50, 100, 150)):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.full((20 + i, 40, 3), shade, np.uint8))
    contact_sheet(sorted(tmp_path.glob('*.png')), tmp_path / 'sheet.png', columns=2, cell_width=80)
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert sheet.shape[1] == 2 * 86
    assert [int(sheet[5, 5, 0]), int(sheet[5, 100, 0]), int(sheet[-20, 5, 0])] == [50, 100, 150]
