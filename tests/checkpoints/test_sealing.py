from collections import OrderedDict

import pytest
import torch

from aurora_mm.checkpoints import CHECKSUMS, seal
from aurora_mm.checkpoints.sealing import checksum, compare_checksums, require_all_keys
from aurora_mm.errors import WeightsError


def checkpoint(**changes):
    state = OrderedDict(
        a=torch.arange(6.0).reshape(2, 3),
        half=torch.tensor(1.5, dtype=torch.bfloat16),
        none=torch.zeros(0, 4),
        flag=torch.tensor([True]),
        long=torch.tensor(3),
    )
    return dict(meta=dict(tasks=['x', 'y'], lr=0.1), state_dict=state) | changes


def test_a_checksum_is_that_of_the_values():
    """Not of how they lie in memory, or of what type a dict is."""
    part = checkpoint()['state_dict']
    other = {name: tensor.clone() for name, tensor in part.items()}
    other['a'] = torch.arange(6.0).reshape(3, 2).T.contiguous().T.reshape(3, 2).flatten().reshape(2, 3)
    assert checksum(part) == checksum(other)
    assert checksum(part) == checksum(torch.load(_saved(part)))


def _saved(part):
    import io

    buffer = io.BytesIO()
    torch.save(part, buffer)
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize(
    'other',
    [
        {'a': 1.0, 'b': torch.zeros(2)},
        {'a': 2, 'b': torch.zeros(2)},
        {'a': True, 'b': torch.zeros(2)},
        {'a': 1, 'c': torch.zeros(2)},
        {'b': torch.zeros(2), 'a': 1},
        {'a': 1, 'b': torch.zeros(2, 1)},
        {'a': 1, 'b': torch.zeros(2, dtype=torch.float64)},
        {'a': 1, 'b': torch.zeros(2, dtype=torch.int32)},
        {'a': 1, 'b': torch.tensor([0.0, -0.0])},
        {'a': 1, 'b': '<torch.float32 (2,)>'},
        {'a': 1, 'b': [0.0, 0.0]},
        {'a': 1},
    ],
)
def test_every_difference_counts(other):
    assert checksum(other) != checksum({'a': 1, 'b': torch.zeros(2)})


def test_parts_are_compared_alone():
    sealed = seal(checkpoint())
    assert set(sealed[CHECKSUMS]) == {'meta', 'state_dict'}
    compare_checksums(sealed, ['meta', 'state_dict'])
    sealed['state_dict']['a'][0, 0] += 1
    compare_checksums(sealed, ['meta'])
    with pytest.raises(WeightsError, match='its state_dict changed since it was written'):
        compare_checksums(sealed, ['meta', 'state_dict'])


def test_a_part_without_a_checksum_is_refused():
    with pytest.raises(WeightsError, match='its extra changed'):
        compare_checksums(seal(checkpoint()) | dict(extra=1), ['extra'])
    with pytest.raises(WeightsError, match='checksums are damaged'):
        compare_checksums(checkpoint() | {CHECKSUMS: 'abc'}, ['meta'])


def test_a_part_that_is_gone_is_noticed():
    sealed = seal(checkpoint())
    require_all_keys(sealed)
    del sealed['state_dict']
    with pytest.raises(WeightsError, match='its state_dict was removed'):
        require_all_keys(sealed)


def test_sealing_again_seals_what_is_there_now():
    sealed = seal(checkpoint())
    sealed['meta']['lr'] = 0.2
    again = seal(sealed)
    assert again[CHECKSUMS]['meta'] != sealed[CHECKSUMS]['meta']
    compare_checksums(again, ['meta', 'state_dict'])
