import pytest
import torch
from safetensors.torch import save_file

from aurora_mm.checkpoints import load_tensors
from aurora_mm.errors import WeightsError


@pytest.mark.parametrize('name', ['w.safetensors', 'w.pth'])
def test_tensors_are_read_from_both_kinds_of_files(tmp_path, name):
    tensors = {'a.weight': torch.arange(3.0)}
    (save_file if name.endswith('.safetensors') else torch.save)(tensors, tmp_path / name)
    found = load_tensors(tmp_path / name)
    assert found.keys() == tensors.keys()
    assert torch.equal(found['a.weight'], tensors['a.weight'])


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'is no file of weights: it is empty'),
        (b'<html>Log in</html>', 'is no file of weights: it is a web page'),
        (bytes(4), 'is no file of weights'),
        (None, 'is no file of weights'),
    ],
)
def test_another_file_in_the_place_of_safetensors_is_named(tmp_path, data, message):
    file = tmp_path / 'w.safetensors'
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(WeightsError, match=rf'w\.safetensors {message}'):
        load_tensors(file)
