"""How weights are compared with those of a model."""

import torch

from aurora_mm.models.utils.model_weights import joined, misfits


def test_names_shapes_and_kinds_are_compared_and_precision_is_not():
    own = {'a': torch.zeros(2), 'b': torch.zeros(2), 'c': torch.zeros(2), 'd': torch.zeros(2), 'n': torch.tensor(3)}
    state = {
        'b': torch.zeros(3),
        'c': torch.zeros(2, dtype=torch.int32),
        'd': torch.zeros(2).half(),
        'e': torch.zeros(1),
    }
    assert misfits(own, state | {'n': torch.tensor(1.0)}) == [
        'a is missing',
        'e is left over',
        'b has shape (3,), not (2,)',
        'c holds torch.int32, not torch.float32',
        'n holds torch.float32, not torch.int64',
    ]
    assert misfits(own, {'d': torch.zeros(2, dtype=torch.complex64), **{k: own[k] for k in 'abcn'}}) == [
        'd holds torch.complex64, not torch.float32'
    ]
    assert misfits(own, own) == []


def test_of_many_the_first_are_named():
    assert joined([str(i) for i in range(10)]) == '0; 1; 2; 3; 4; 5; 6; 7; and 2 more'
    assert joined(['a', 'b']) == 'a; b'
