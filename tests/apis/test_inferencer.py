import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from aurora_mm.apis import MultiTaskInferencer, adopt_checkpoint, load_weights, read_checkpoint
from aurora_mm.apis.checkpoint import trained_config
from aurora_mm.apis.pipelines import without_annotations
from aurora_mm.apis.row_loader import RowLoader
from aurora_mm.apis.row_predictor import RowPredictor
from aurora_mm.errors import ConfigError, DataError, WeightsError
from aurora_mm.images import reading
from aurora_mm.structures import task_samples_of


@pytest.fixture(scope='module')
def inferencer(checkpoints):
    return MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False)


def images(root, task):
    return sorted(str(file) for file in root.glob(f'*/**/{task}/images/*.png'))


def test_it_answers_as_the_test_loop_does(inferencer, checkpoints, generated, tmp_path):
    """The same predictions as MMEngine's own test run of the same checkpoint."""
    cfg = adopt_checkpoint(
        trained_config(read_checkpoint(checkpoints[0]), checkpoints[0]), checkpoints[0], str(generated)
    )
    cfg.work_dir, cfg.launcher = str(tmp_path), 'none'
    cfg.test_dataloader.num_workers = 0
    runner = Runner.from_cfg(cfg)
    load_weights(runner.model, checkpoints[:1])
    runner.model.eval()
    for batch in runner.test_dataloader:
        expected = list(task_samples_of(runner.model.test_step(batch)))
        rows = [dict(img_path=sample.img_path, task=sample.task) for sample in expected]
        found = dict(inferencer.predict_rows(rows, batch_size=3))
        for i, sample in enumerate(expected):
            for field in ('pred_label', 'pred_scores', 'pred_landmarks'):
                assert (field in sample) == (field in found[i])
                if field in sample:
                    torch.testing.assert_close(found[i].get(field), sample.get(field), atol=1e-3, rtol=1e-5)
            if 'pred_sem_seg' in sample:
                assert (found[i].pred_sem_seg.data == sample.pred_sem_seg.data).float().mean() > 0.9999
            if 'pred_instances' in sample:
                pixels = (found[i].pred_instances.bboxes, sample.pred_instances.bboxes)
                torch.testing.assert_close(*pixels, atol=1e-3, rtol=0)


def test_plain_answers_of_every_type(inferencer, generated):
    for task, key in (('organs', 'mask'), ('kind', 'scores'), ('find', 'boxes'), ('ends', 'points')):
        files = images(generated, task)[:3]
        predictions = inferencer(files, task=task, batch_size=2)['predictions']
        assert [prediction['img_path'] for prediction in predictions] == files
        assert all(key in prediction for prediction in predictions)
    assert predictions[0]['points'].keys() == {'left', 'right'}
    mask = inferencer(images(generated, 'organs')[0], task='organs')['predictions'][0]['mask']
    assert mask.shape == cv2.imread(images(generated, 'organs')[0]).shape[:2]
    assert mask.dtype == np.uint8


def test_an_array_is_answered_as_its_file(inferencer, generated, tmp_path):
    file = images(generated, 'kind')[0]
    answers = [
        inferencer(image, task='kind', out_dir=tmp_path)['predictions'][0]['scores']
        for image in (file, cv2.imread(file))
    ]
    assert answers[0] == answers[1]
    assert len(list(tmp_path.glob('00000_*.png'))) == 2


class TestInputs:
    """What is no path to an image and no array that holds one is refused in a sentence, never answered as another."""

    @pytest.fixture
    def grey(self, generated):
        return cv2.imread(images(generated, 'kind')[0], cv2.IMREAD_GRAYSCALE)

    def test_grey_and_16_bit_arrays(self, inferencer, generated, grey):
        expected = inferencer(images(generated, 'kind')[0], task='kind')['predictions'][0]['scores']
        deep = grey.astype(np.uint16) << 8 | 0xFF
        for array in (grey, grey[..., None], np.stack([grey] * 3, axis=-1), deep, deep >> 4):
            assert inferencer(array, task='kind')['predictions'][0]['scores'] == expected

    @pytest.mark.parametrize(
        ('change', 'said'),
        [
            (lambda a: a / 255, 'holds float64'),
            (lambda a: (a / 255).astype(np.float16), 'holds float16'),
            (lambda a: a * np.float32(np.nan), 'holds float32'),
            (lambda a: a > 5, 'holds bool'),
            (lambda a: np.stack([a] * 4, axis=-1), r'has shape \(\d+, \d+, 4\)'),
            (lambda a: np.stack([a] * 3), r'has shape \(3, \d+, \d+\); give \(H, W, 3\)'),
            (lambda a: np.stack([np.stack([a] * 3, axis=-1)] * 2), r'has shape \(2, \d+, \d+, 3\)'),
            (lambda a: a[:0, :0], r'has shape \(0, 0, 1\): no pixel'),
            (lambda a: a.astype(object), 'holds object'),
        ],
    )
    def test_other_arrays_are_refused(self, inferencer, grey, change, said):
        for given in (change(grey), [grey, change(grey)]):
            with pytest.raises(DataError, match=rf'image given as an array {said}'):
                inferencer(given, task='kind')

    def test_a_pixel_is_an_image(self, inferencer):
        (answer,) = inferencer(np.zeros((1, 1), np.uint8), task='organs')['predictions']
        assert answer['mask'].shape == (1, 1)

    @pytest.mark.parametrize('kind', [str, Path])
    def test_a_folder(self, inferencer, generated, tmp_path, monkeypatch, kind):
        messages = []
        monkeypatch.setattr(reading, 'print_log', lambda message, logger, level: messages.append(message))
        files = images(generated, 'kind')[:2]
        for number, file in enumerate(files):
            shutil.copy(file, tmp_path / f'{number}.png')
        (tmp_path / 'notes.txt').write_text('not an image')
        answers = inferencer(kind(tmp_path), task='kind', batch_size=2)['predictions']
        expected = inferencer([Path(file) for file in files], task='kind', batch_size=2)['predictions']
        assert [answer['img_path'] for answer in answers] == [str(tmp_path / '0.png'), str(tmp_path / '1.png')]
        assert [answer['scores'] for answer in answers] == [answer['scores'] for answer in expected]
        assert messages == [f'{tmp_path}: 1 entries are no image files and left out: notes.txt']

    def test_a_folder_without_images_and_no_file(self, inferencer, tmp_path):
        (tmp_path / 'notes.txt').write_text('not an image')
        with pytest.raises(DataError, match='no image in this folder'):
            inferencer(tmp_path, task='kind')
        for given in (tmp_path / 'absent.png', f'{tmp_path}/a\0b', [str(tmp_path)]):
            with pytest.raises(DataError, match='cannot be read'):
                inferencer(given, task='kind')

    @pytest.mark.parametrize('batch_size', [0, -1, 1.5, True, None])
    def test_a_batch_of_no_size(self, inferencer, generated, batch_size):
        with pytest.raises(ConfigError, match='batch_size must be a number of images'):
            inferencer(images(generated, 'kind')[0], task='kind', batch_size=batch_size)

    def test_pictures_of_grey_and_16_bit_arrays(self, inferencer, grey, tmp_path):
        pictures = [
            inferencer(array, task='kind', out_dir=tmp_path / str(i))['visualization'][0]
            for i, array in enumerate((grey, grey.astype(np.uint16) << 8, np.stack([grey] * 3, axis=-1)))
        ]
        assert all((picture == pictures[0]).all() for picture in pictures)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(checkpoints, tmp_path, value):
    checkpoint = read_checkpoint(checkpoints[0])
    name = next(name for name, tensor in checkpoint['state_dict'].items() if tensor.dim() > 1)
    tensor = checkpoint['state_dict'][name].clone()
    tensor.view(-1)[:3] = value
    checkpoint['state_dict'][name] = tensor
    torch.save(checkpoint, tmp_path / 'broken.pth')
    with pytest.raises(WeightsError, match=rf'broken\.pth: 3 of the {tensor.numel()} values of {name} are not finite'):
        MultiTaskInferencer(tmp_path / 'broken.pth', device='cpu')


def test_images_are_batched_by_the_size_of_their_input(inferencer, generated, monkeypatch):
    """Two network sizes in turn, as a pipeline may choose: batches are full and of one size all the same."""
    sizes = []
    pipeline, step = inferencer.pipeline, inferencer.model.test_step

    def two_sizes(row):
        row = pipeline(row)
        side = 128 if row['data_samples'].img_id % 2 else 64
        row['inputs'] = row['inputs'][:, :side]
        return row

    def record(data):
        sizes.append([tuple(image.shape) for image in data['inputs']])
        return step(data)

    monkeypatch.setattr(inferencer.model, 'test_step', record)
    predictor = RowPredictor(inferencer.model, RowLoader(two_sizes, inferencer.tasks), inferencer.collate_fn)
    file = images(generated, 'kind')[0]
    rows = [dict(img_path=file, task='kind', img_id=i) for i in range(7)]
    answers = dict(predictor.predict(rows, batch_size=3))
    assert sorted(answers) == list(range(7))
    assert all(answers[i].img_id == i for i in range(7))
    assert [len(batch) for batch in sizes] == [3, 3, 1]
    assert all(len(set(batch)) == 1 for batch in sizes)
    assert len({shape for batch in sizes for shape in batch}) == 2


def test_an_unreadable_image_is_told_and_others_are_answered(inferencer, generated, tmp_path):
    bad = tmp_path / 'bad.png'
    bad.write_bytes(b'nothing')
    files = [images(generated, 'kind')[0], str(bad), images(generated, 'kind')[1]]
    answers = dict(inferencer.predict_rows([dict(img_path=file, task='kind') for file in files]))
    assert isinstance(answers[1], DataError)
    assert 'pred_scores' in answers[0]
    assert 'pred_scores' in answers[2]
    with pytest.raises(DataError, match=r'bad\.png cannot be read'):
        inferencer(files, task='kind')


def test_outputs_that_are_not_finite_are_no_prediction(inferencer, generated, monkeypatch):
    layer = inferencer.model.heads['segmentation'].outputs.layers['organs']
    monkeypatch.setitem(layer._parameters, 'bias', torch.full_like(layer.bias, torch.nan))
    file = images(generated, 'organs')[0]
    rows = [dict(img_path=file, task='organs'), dict(img_path=file, task='kind')]
    rows += [dict(img_path=file, tasks=['kind', 'organs']), dict(img=np.zeros((40, 50), np.uint8), task='organs')]
    answers = dict(inferencer.predict_rows(rows))
    assert 'pred_scores' in answers[1]
    assert str(answers[0]) == str(answers[2])
    assert str(answers[0]) == f'image {file} has no prediction: outputs of the model for organs are not finite'
    assert str(answers[3]).startswith('image given as an array has no prediction')
    with pytest.raises(DataError, match='outputs of the model for organs are not finite'):
        inferencer(file, task='organs')


def test_a_task_must_be_named_and_known(inferencer, generated):
    with pytest.raises(ConfigError, match='knows organs, kind, find, ends'):
        inferencer(images(generated, 'kind')[0])
    with pytest.raises(ConfigError, match="does not know task 'spleen'; it knows "):
        inferencer(images(generated, 'kind')[0], task='spleen')


def test_an_ensemble_with_test_time_augmentation(checkpoints, generated):
    """Models of different width, two views each."""
    together = MultiTaskInferencer(checkpoints, device='cpu', tta=(), show_progress=False)
    sample = together(images(generated, 'organs')[0], True, task='organs')['predictions'][0]
    assert len(sample.mask_views) == 4
    each = [MultiTaskInferencer(file, device='cpu', show_progress=False) for file in checkpoints]
    plain = MultiTaskInferencer(checkpoints, device='cpu', show_progress=False)
    file = images(generated, 'kind')[0]
    scores = [one(file, True, task='kind')['predictions'][0].pred_scores for one in (*each, plain)]
    torch.testing.assert_close((scores[0] + scores[1]) / 2, scores[2])


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(WeightsError, match='no checkpoint at'):
        MultiTaskInferencer(tmp_path / 'absent.pth')
    torch.save(dict(state_dict={}), tmp_path / 'other.pth')
    with pytest.raises(WeightsError, match='names no tasks'):
        MultiTaskInferencer(tmp_path / 'other.pth')


def test_annotations_are_left_out_of_views_too():
    load, fit, annotations = dict(type='LoadUltrasoundImage'), dict(type='FitToSize'), dict(type='LoadTaskAnnotations')
    pipeline = [load, dict(type='TestTimeAug', transforms=[[fit], [dict(annotations)]]), annotations]
    assert without_annotations(pipeline) == [load, dict(type='TestTimeAug', transforms=[[fit]])]


class TestSeveralTasks:
    """Each task's prediction is the one that it gets alone, from one pass through the encoder."""

    def assert_same(self, found, alone):
        assert found.task == alone.task
        for name in ('pred_label', 'pred_scores', 'pred_landmarks'):
            assert (name in found) == (name in alone)
            if name in alone:
                torch.testing.assert_close(found.get(name), alone.get(name), atol=1e-3, rtol=1e-4)
        if 'pred_sem_seg' in alone:
            assert (found.pred_sem_seg.data == alone.pred_sem_seg.data).float().mean() > 0.999
        if 'pred_instances' in alone:
            torch.testing.assert_close(found.pred_instances.bboxes, alone.pred_instances.bboxes, atol=1e-2, rtol=1e-4)

    @pytest.fixture
    def passes(self, inferencer, monkeypatch):
        """How many images went through the encoder in each pass."""
        counts, extract = [], inferencer.model.extract_feat

        def count(inputs):
            counts.append(len(inputs))
            return extract(inputs)

        monkeypatch.setattr(inferencer.model, 'extract_feat', count)
        return counts

    def test_all_tasks_from_one_encoding(self, inferencer, generated, passes):
        files = images(generated, 'kind')[:3]
        together = inferencer(files, True, batch_size=2, task='all')['predictions']
        assert passes == [2, 1]
        assert [sample.task_names for sample in together] == [list(inferencer.tasks)] * 3
        for name in inferencer.tasks:
            alone = inferencer(files, True, batch_size=2, task=name)['predictions']
            for found, expected in zip(together, alone, strict=True):
                self.assert_same(found[name], expected)

    def test_plain_values_and_an_array(self, inferencer, generated):
        file = images(generated, 'kind')[0]
        for image in (file, cv2.imread(file)):
            (answer,) = inferencer(image, task=['ends', 'organs'])['predictions']
            assert list(answer) == ['ends', 'organs']
            assert answer['ends']['points'].keys() == {'left', 'right'}
            assert answer['organs']['mask'].dtype == np.uint8

    def test_views_where_some_tasks_are_mirrored_and_others_are_not(self, checkpoints, generated, monkeypatch):
        viewer = MultiTaskInferencer(checkpoints[0], device='cpu', tta=(), show_progress=False)
        changed = [task.to_config() | dict(flip=task.name != 'kind') for task in viewer.tasks.values()]
        monkeypatch.setattr(viewer, 'tasks', type(viewer.tasks)(changed))
        files = images(generated, 'kind')[:2]
        together = viewer(files, True, task='all', batch_size=2)['predictions']
        assert [sample.task_names for sample in together] == [list(viewer.tasks)] * 2
        for name in viewer.tasks:
            for found, expected in zip(together, viewer(files, True, task=name)['predictions'], strict=True):
                self.assert_same(found[name], expected)

    def test_an_unreadable_image_is_told_once(self, inferencer, tmp_path, generated):
        (tmp_path / 'bad.png').write_bytes(b'nothing')
        rows = [
            dict(img_path=f, tasks=['kind', 'ends']) for f in (str(tmp_path / 'bad.png'), *images(generated, 'kind'))
        ]
        answers = list(inferencer.predict_rows(rows))
        assert sorted(position for position, _ in answers) == list(range(len(rows)))
        assert isinstance(dict(answers)[0], DataError)

    @pytest.mark.parametrize('asked', [[], ['kind', 'kind'], ['kind', 'spleen'], ['kind', 5], 'everything'])
    def test_tasks_that_are_none(self, inferencer, generated, asked):
        with pytest.raises(ConfigError, match=r'does not know task|each once'):
            inferencer(images(generated, 'kind')[0], task=asked)

    def test_threads_get_the_answers_that_they_get_alone(self, checkpoints, generated):
        shared = MultiTaskInferencer(checkpoints[0], device='cpu')
        files = images(generated, 'kind')[:4]
        expected = {name: shared(files, True, task=name)['predictions'] for name in shared.tasks}
        with ThreadPoolExecutor(8) as pool:
            asked = [(name, pool.submit(shared, files, True, 2, task=name)) for name in [*shared.tasks] * 4]
            for name, answer in asked:
                for found, alone in zip(answer.result()['predictions'], expected[name], strict=True):
                    self.assert_same(found, alone)


@pytest.mark.parametrize('tta', [None, [1.0]])
def test_a_cropped_image_is_answered_in_coordinates_of_the_whole(checkpoints, generated, tta):
    """With a wide margin around it, of which the region says that it is none of the picture."""
    inferencer = MultiTaskInferencer(checkpoints[0], 'cpu', tta, show_progress=False, crop=True)
    for task in ('organs', 'kind', 'find', 'ends'):
        picture = cv2.imread(images(generated, task)[0])
        height, width = picture.shape[:2]
        framed = cv2.copyMakeBorder(picture, 30, 50, 70, 20, cv2.BORDER_CONSTANT, value=(255, 255, 255))
        rows = [
            dict(img=picture, task=task, region=(0, 0, width, height)),
            dict(img=framed, task=task, region=(70, 30, 70 + width, 30 + height)),
        ]
        found = dict(inferencer.predict_rows(rows))
        plain, moved = found[0], found[1]
        if 'pred_sem_seg' in plain:
            expected = torch.nn.functional.pad(plain.pred_sem_seg.data, (70, 20, 30, 50))
            assert plain.pred_sem_seg.data.any()
            assert (moved.pred_sem_seg.data == expected).float().mean() > 0.9999
        for field, shift in (('pred_landmarks', (70.0, 30.0)), ('pred_scores', 0.0)):
            if field in plain:
                torch.testing.assert_close(moved.get(field), plain.get(field) + torch.tensor(shift), atol=1e-3, rtol=0)
        if 'pred_instances' in plain:
            boxes = plain.pred_instances.bboxes + torch.tensor([70.0, 30.0, 70.0, 30.0])
            torch.testing.assert_close(moved.pred_instances.bboxes, boxes, atol=1e-3, rtol=0)
