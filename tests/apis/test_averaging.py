import pytest
import torch

from aurora_mm.apis import average_checkpoints, batch_norm_statistics, write_checkpoint
from aurora_mm.datasets.image_fingerprints import FINGERPRINTS, known_images, pack_fingerprints
from aurora_mm.errors import WeightsError
from tests.models.conftest import CLS, DET


@pytest.fixture
def save(tmp_path):
    def run(name, images=(), tasks=(CLS,), **tensors):
        dataset = dict(tasks=[task.to_config() for task in tasks])
        if images:
            dataset[FINGERPRINTS] = pack_fingerprints(images)
        meta = dict(dataset_meta=dataset, cfg='model = dict()', epoch=3)
        write_checkpoint(tmp_path / name, dict(meta=meta, state_dict=tensors, optimizer=dict(step=1)))
        return tmp_path / name

    return run


def test_weights_are_averaged_and_counters_kept(save):
    files = [
        save(f'{i}.pth', weight=torch.full((2, 2), value), seen=torch.tensor([i]), half=torch.tensor([value]).half())
        for i, value in enumerate((1.0, 2.0, 6.0))
    ]
    averaged = average_checkpoints(files)
    assert averaged['state_dict']['weight'].tolist() == [[3, 3], [3, 3]]
    assert averaged['state_dict']['weight'].dtype == torch.float32
    assert averaged['state_dict']['half'].dtype == torch.float16
    assert averaged['state_dict']['seen'].tolist() == [0]
    assert averaged['meta']['averaged_from'] == [str(file) for file in files]
    assert averaged['meta']['cfg'] == 'model = dict()'
    assert averaged.keys() == {'meta', 'state_dict'}


def test_it_was_trained_on_the_images_of_all(tmp_path, save):
    """Otherwise models of several folds would be tested on images that they were trained on, as unknown ones."""
    images = []
    for name in 'abc':
        images.append(str(tmp_path / f'{name}.png'))
        (tmp_path / f'{name}.png').write_bytes(name.encode())
    files = [save('1.pth', images[:1], weight=torch.ones(1)), save('2.pth', images[1:2], weight=torch.ones(1))]
    averaged = average_checkpoints(files)
    assert known_images(images, [averaged['meta']['dataset_meta'][FINGERPRINTS]]).tolist() == [True, True, False]
    unknown = average_checkpoints([*files, save('3.pth', weight=torch.ones(1))])
    assert FINGERPRINTS not in unknown['meta']['dataset_meta']


def test_small_differences_survive_the_sum(save):
    """In single precision 1e8 + 1 is 1e8."""
    files = [save('a.pth', weight=torch.tensor([1e8])), save('b.pth', weight=torch.tensor([1.0]))]
    files += [save('c.pth', weight=torch.tensor([-1e8]))]
    assert average_checkpoints(files)['state_dict']['weight'].item() == pytest.approx(1 / 3)


def test_what_does_not_fit_is_refused_by_name(save, tmp_path):
    first = save('a.pth', weight=torch.zeros(2), bias=torch.zeros(1))
    with pytest.raises(WeightsError, match=r'b.pth does not fit .*a.pth: bias is missing; weight has shape \(3,\)'):
        average_checkpoints([first, save('b.pth', weight=torch.zeros(3))])
    with pytest.raises(WeightsError, match='extra is only there'):
        average_checkpoints([first, save('c.pth', weight=torch.zeros(2), bias=torch.zeros(1), extra=torch.zeros(1))])
    with pytest.raises(WeightsError, match='different tasks: cls, det'):
        average_checkpoints([first, save('d.pth', tasks=[DET], weight=torch.zeros(2), bias=torch.zeros(1))])
    with pytest.raises(WeightsError, match='two checkpoints or more'):
        average_checkpoints([first])
    with pytest.raises(WeightsError, match=r'no checkpoint at .*absent.pth'):
        average_checkpoints([first, tmp_path / 'absent.pth'])


def test_running_statistics_are_told(save):
    assert batch_norm_statistics(dict(state_dict={'bn.running_var': 1, 'conv.weight': 2})) == ['bn.running_var']
