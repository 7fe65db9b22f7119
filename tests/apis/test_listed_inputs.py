"""What the inferencer is given becomes a list of images, or is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from aurora_mm.apis.listed_inputs import listed_inputs
from aurora_mm.errors import DataError


def test_paths_arrays_and_folders_become_a_list(tmp_path):
    array = np.zeros((2, 2), np.uint8)
    assert listed_inputs('a.png') == listed_inputs(Path('a.png')) == ['a.png']
    assert listed_inputs(array)[0] is array
    mixed = listed_inputs((Path('b.png'), array, 'a.png'))
    assert (mixed[0], mixed[2]) == ('b.png', 'a.png')
    assert mixed[1] is array
    for name in ('b.png', 'a.dcm'):
        (tmp_path / name).touch()
    assert listed_inputs(tmp_path) == listed_inputs(str(tmp_path)) == [f'{tmp_path}/a.dcm', f'{tmp_path}/b.png']


@pytest.mark.parametrize('given', [None, 5, b'a.png', {'a.png'}, torch.zeros(3, 8, 8), [['a.png']]])
def test_what_is_neither_a_path_nor_an_array(given):
    with pytest.raises(DataError, match=r'input 0 is .*: give a path or a NumPy array'):
        listed_inputs(given)
    with pytest.raises(DataError, match=r'input 1 is'):
        listed_inputs(['a.png', given])
