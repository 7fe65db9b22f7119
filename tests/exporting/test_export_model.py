"""An exported model predicts what the inferencer does, also where neither torch nor OpenMMLab is."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.apis import MultiTaskInferencer, resolve_config, write_checkpoint
from aurora_mm.calibration.calibration import CALIBRATION
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.exporting.export_model import export_model
from aurora_mm.exporting.exported_network import require_plain_pipeline
from aurora_mm.exporting.onnx_predictor import Predictor
from aurora_mm.models.heads import ClassificationHead
from aurora_mm.registry import MODELS
from aurora_mm.tasks import TaskTable
from tests.fixtures.checkpoints import ALL_TYPES, REPO, SIZES, TASKS

pytest.importorskip('onnxruntime')

ENCODERS = dict(
    qwen3_vl=dict(type='Qwen3VLBackbone', preset=SIZES),
    convnext=dict(
        type='HFBackbone',
        config=dict(model_type='convnext', hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1]),
    ),
)
STATES = dict(
    kind=dict(parameters=dict(temperature=3.0), limits={'class': 0.5}),
    find=dict(parameters=dict(slope=0.5, shift=1.0), limits=dict(box=0.1)),
)


def save_model(file, data, encoder, tasks=TASKS, calibrated=True):
    """A small random model of tasks of different types, those of the data if there is one, with a calibration."""
    cfg = Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')
    cfg.tasks = tasks.to_config()
    cfg.model.backbone = ENCODERS[encoder]
    cfg.model.heads.detection.codec = dict(type='aurora_mm.DenseBoxCodec', nms_pre=30, max_per_img=3)
    if data is None:
        cfg.model.tasks = cfg.tasks
    else:
        resolve_config(cfg, str(data), 'none')
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
    calibration = dict(coverage=0.9, tasks=STATES if calibrated else {}, distance=None)
    meta = {'cfg': cfg.pretty_text, 'dataset_meta': dict(tasks=tasks.to_config()), CALIBRATION: calibration}
    write_checkpoint(file, dict(meta=meta, state_dict=model.state_dict()))
    return file


@pytest.fixture(scope='module', params=['convnext', pytest.param('qwen3_vl', marks=pytest.mark.slow)])
def exported(request, generated, tmp_path_factory):
    """The checkpoint, and the folder of its ONNX model."""
    folder = tmp_path_factory.mktemp('exported')
    file = save_model(folder / 'model.pth', generated, request.param)
    assert export_model(file, folder / 'onnx') == list(TASKS)
    return file, folder / 'onnx'


@pytest.fixture
def images(generated):
    """Images of several sizes, two of them of one."""
    read = [cv2.imread(str(file)) for file in sorted(generated.rglob('images/*.png'))[::9]]
    return [*read, np.ascontiguousarray(read[0][:, ::-1]), cv2.resize(read[1], (190, 131))]


def differences(found, expected, shape):
    """Largest difference of each kind: of probabilities, share of pixels, and coordinates relative to the diagonal."""
    diagonal = np.hypot(*shape[:2])
    assert found['kind']['label'] == expected['kind']['label']
    assert len(found['find']['boxes']) == len(expected['find']['boxes'])
    boxes = list(zip(found['find']['boxes'], expected['find']['boxes'], strict=True))
    assert all(a['label'] == b['label'] for a, b in boxes)
    return dict(
        probs=max(abs(found['kind']['scores'][name] - p) for name, p in expected['kind']['scores'].items()),
        mask=np.mean(found['organs']['mask'] != expected['organs']['mask']),
        score=max(abs(a['score'] - b['score']) for a, b in boxes),
        box=max(np.abs(np.subtract(a['box'], b['box'])).max() for a, b in boxes) / diagonal,
        points=max(
            np.abs(np.subtract(point, found['ends']['points'][name])).max()
            for name, point in expected['ends']['points'].items()
        )
        / diagonal,
    )


def test_onnxruntime_agrees_with_the_inferencer(exported, images):
    file, folder = exported
    expected = MultiTaskInferencer(file, 'cpu', show_progress=False)(images, task='all')['predictions']
    predictor = Predictor(folder / 'model.onnx')
    for image, mine, theirs in zip(images, predictor(images, batch_size=2), expected, strict=True):
        assert max(differences(mine, theirs, image.shape).values()) < 1e-3
    assert predictor.metadata['calibrated'] == ['kind', 'find']


@pytest.mark.long
def test_types_with_several_answers_and_numbers_agree_too(images, tmp_path):
    tasks = TaskTable([ALL_TYPES[name] for name in ('boxes', 'signs', 'age', 'parts')])
    file = save_model(tmp_path / 'model.pth', None, 'convnext', tasks, calibrated=False)
    export_model(file, tmp_path / 'onnx')
    expected = MultiTaskInferencer(file, 'cpu', show_progress=False)(images, task='all')['predictions']
    several = 0
    for image, mine, theirs in zip(images, Predictor(tmp_path / 'onnx/model.onnx')(images), expected, strict=True):
        assert mine['age']['value'] == pytest.approx(theirs['age']['value'], abs=1e-3)
        masks = np.stack([mine['parts']['class_masks'], theirs['parts']['class_masks']])
        assert masks.shape == (2, 3, *image.shape[:2]) and (masks[0] != masks[1]).mean() < 1e-3
        assert mine['signs']['scores'] == pytest.approx(theirs['signs']['scores'], abs=1e-3)
        found, wanted = mine['boxes']['boxes'], theirs['boxes']['boxes']
        assert [box['label'] for box in found] == [box['label'] for box in wanted]
        np.testing.assert_allclose([box['score'] for box in found], [box['score'] for box in wanted], atol=1e-3)
        corners = np.subtract([box['box'] for box in found], [box['box'] for box in wanted])
        assert np.abs(corners).max() / np.hypot(*image.shape[:2]) < 1e-3
        several += len(found) > 1
    assert several  # otherwise the order of boxes was not compared


def test_grey_images_are_those_of_three_equal_channels(exported, images):
    predictor = Predictor(exported[1] / 'model.onnx')
    grey = images[0][..., 0]
    one, other = predictor([grey, np.stack([grey] * 3, axis=2)])
    assert one['kind'] == other['kind']
    for wrong in (grey.astype(float), grey[0], images[0][..., :2], images[0][:0]):
        with pytest.raises(ValueError, match='image 0 is'):
            predictor([wrong])
    for one_image in (images[0], grey):
        with pytest.raises(ValueError, match=r'not one array of shape .*: write \[image\]'):
            predictor(one_image)


def test_the_predictor_needs_onnxruntime_and_numpy_alone(exported, images, tmp_path):
    """It runs from its own file in a process in which torch, OpenMMLab and this package cannot be imported."""
    np.save(tmp_path / 'image.npy', images[0])
    blocked = (
        'torch',
        'mmengine',
        'mmcv',
        'mmdet',
        'mmseg',
        'aurora_mm',
        'cv2',
        'scipy',
        'PIL',
        'onnx',
        'transformers',
    )
    code = (
        f'import runpy, sys\n'
        f'for name in {blocked}: sys.modules[name] = None\n'
        f'sys.argv = ["predictor.py", {str(exported[1] / "model.onnx")!r}, "image.npy"]\n'
        f'runpy.run_path({str(exported[1] / "predictor.py")!r}, run_name="__main__")\n'
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)['predictions']
    (expected,) = Predictor(exported[1] / 'model.onnx')(images[:1])
    assert found['kind'] == expected['kind']
    assert found['organs']['areas']['a'] == int((expected['organs']['mask'] == 1).sum())


class TestOneEncoder:
    """What does not depend on the encoder."""

    @pytest.fixture(scope='class')
    def checkpoint(self, generated, tmp_path_factory):
        return save_model(tmp_path_factory.mktemp('one') / 'model.pth', generated, 'convnext')

    @pytest.mark.slow
    def test_pt2_holds_the_same_function(self, checkpoint, images, tmp_path):
        export_model(checkpoint, tmp_path / 'pt2', 'pt2', ['kind', 'ends'])
        extra = {'aurora_mm': ''}
        program = torch.export.load(tmp_path / 'pt2' / 'model.pt2', extra_files=extra).module()
        found = program(torch.from_numpy(images[0])[None])
        (expected,) = MultiTaskInferencer(checkpoint, 'cpu')(images[:1], task=['kind', 'ends'])['predictions']
        np.testing.assert_allclose(found['kind.probs'][0], list(expected['kind']['scores'].values()), atol=1e-3)
        np.testing.assert_allclose(found['ends.points'][0], list(expected['ends']['points'].values()), atol=0.05)
        assert [task['name'] for task in json.loads(extra['aurora_mm'])['tasks']] == ['kind', 'ends']

    @pytest.mark.slow
    def test_low_precision(self, checkpoint, images, tmp_path):
        sizes = {}
        found = {}
        for precision in ('fp32', 'fp16', 'int8'):
            samples = images if precision == 'int8' else ()
            export_model(checkpoint, tmp_path / precision, 'onnx', ['kind'], precision, samples)
            sizes[precision] = (tmp_path / precision / 'model.onnx').stat().st_size
            probs = Predictor(tmp_path / precision / 'model.onnx')(images)
            found[precision] = np.array([list(one['kind']['scores'].values()) for one in probs])
        assert sizes['int8'] < sizes['fp16'] < sizes['fp32']
        assert 0 < np.abs(found['fp16'] - found['fp32']).max() < 0.01
        assert 0 < np.abs(found['int8'] - found['fp32']).max() < 0.1

    def test_a_head_that_cannot_is_left_out_and_says_so_when_asked(self, checkpoint, tmp_path, monkeypatch, caplog):
        monkeypatch.delattr(ClassificationHead, 'tensors_by_feat')
        with pytest.raises(ConfigError, match="'kind' cannot be exported: its head ClassificationHead"):
            export_model(checkpoint, tmp_path / 'out', tasks=['kind'])
        names = []
        monkeypatch.setattr('aurora_mm.exporting.export_model.ExportedNetwork.eval', lambda self: self)
        monkeypatch.setattr(
            'torch.export.export', lambda network, *_, **__: names.extend(t.name for t in network.tasks)
        )
        monkeypatch.setattr('torch.export.save', lambda *_, **__: None)
        assert export_model(checkpoint, tmp_path / 'out', 'pt2') == names == ['organs', 'find', 'ends']

    @pytest.mark.parametrize(
        ('options', 'match'),
        [
            (dict(format='coreml'), 'formats are'),
            (dict(precision='fp8'), 'formats are'),
            (dict(precision='int8'), 'int8 is for ONNX'),
            (dict(images=[np.zeros((8, 8, 3), np.uint8)]), 'images are for int8, and fp32 needs none'),
            (dict(tasks=['other']), 'does not know'),
        ],
    )
    def test_wrong_arguments(self, checkpoint, tmp_path, options, match):
        with pytest.raises(ConfigError, match=match):
            export_model(checkpoint, tmp_path / 'out', **options)
        assert not (tmp_path / 'out').exists()

    def test_a_folder_that_holds_something(self, checkpoint, tmp_path):
        (tmp_path / 'file').touch()
        with pytest.raises(DataError, match='an empty folder'):
            export_model(checkpoint, tmp_path)

    def test_a_pipeline_that_does_more(self, checkpoint):
        steps = MultiTaskInferencer(checkpoint, 'cpu').pipeline.transforms
        fit = next(step for step in steps if type(step).__name__ == 'FitToSize')
        assert require_plain_pipeline(steps) == fit.size
        with pytest.raises(ConfigError, match='FitToSize'):
            require_plain_pipeline([type(fit)(fit.size, 'letterbox')])
        with pytest.raises(ConfigError, match='Flip'):
            require_plain_pipeline([*steps, type('Flip', (), {'__repr__': lambda self: 'Flip()'})()])


def test_no_model_of_ours(tmp_path):
    import onnx

    node = onnx.helper.make_node('Identity', ['images'], ['y'])
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ('images', 'y')]
    graph = onnx.helper.make_graph([node], 'g', values[:1], values[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 18)], ir_version=10)
    onnx.save(model, tmp_path / 'other.onnx')
    with pytest.raises(ValueError, match='no model of `aurora-mm export`'):
        Predictor(tmp_path / 'other.onnx')
