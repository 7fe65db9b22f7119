from collections import OrderedDict, deque
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub

from aurora_mm.checkpoints import plain_checkpoint
from aurora_mm.checkpoints.plain_values import plain, restore_message_hub
from aurora_mm.errors import ConfigError, WeightsError


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_('a'), 'a'),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (Path('a/b'), 'a/b'),
        ({'b', 'a'}, ['a', 'b']),
        (deque([1, 2], 5), [1, 2]),
        ((1, [np.float64(2)]), (1, [2.0])),
        (torch.Size([2, 3]), (2, 3)),
        (OrderedDict(a=np.int64(1)), {'a': 1}),
        (None, None),
        (b'ab', b'ab'),
        (True, True),
        (torch.float16, torch.float16),
    ],
)
def test_values_become_pythons_own(value, expected):
    found = plain(value, 'x')
    assert found == expected
    assert type(found) is type(expected)


def test_versions_of_modules_stay_on_a_state_dict():
    state = torch.nn.BatchNorm1d(2).state_dict()
    assert plain(state, 'x')._metadata == {'': {'version': 2}}


@pytest.mark.parametrize(
    'value',
    [lambda: 1, object(), [{'a': len}], torch.zeros(2, 2).to_sparse()],
    ids=['lambda', 'object', 'in', 'sparse'],
)
def test_an_object_is_refused_with_its_place(value):
    with pytest.raises(ConfigError, match=r'a checkpoint holds .*tensors.*, but hooks\.mine'):
        plain({'mine': value}, 'hooks')


def hub(**info):
    made = MessageHub('plain values', runtime_info=info, resumed_keys=dict.fromkeys(info, True))
    for value in (0.1, 0.2, float('nan')):
        made.update_scalar('train/loss', value)
    made.update_scalar('train/n', 7)
    return made


def test_the_message_hub_goes_to_plain_values_and_back():
    before = hub(eta=np.float64(3), drawn={'a': 1}).state_dict()
    plain_hub = plain_checkpoint(dict(message_hub=before))['message_hub']
    assert not any(isinstance(value, HistoryBuffer) for value in plain_hub['log_scalars'].values())
    assert plain_hub['runtime_info'] == dict(eta=3.0, drawn={'a': 1})
    after = MessageHub('restored')
    after.load_state_dict(restore_message_hub(plain_hub))
    for key, buffer in before['log_scalars'].items():
        for old, new in zip(buffer.data, after.get_scalar(key).data, strict=True):
            np.testing.assert_array_equal(old, new)
            assert old.dtype == new.dtype
        assert after.get_scalar(key).mean() == pytest.approx(buffer.mean(), nan_ok=True)
    assert after.get_info('drawn') == {'a': 1}
    after.update_scalar('train/loss', 0.3)  # a resumed run goes on
    assert after.get_scalar('train/loss').current() == 0.3


def test_an_object_in_the_message_hub_is_left_out_and_told(monkeypatch):
    told = []
    monkeypatch.setattr('aurora_mm.checkpoints.plain_values.print_log', lambda text, **kwargs: told.append(text))
    state = hub(mine=lambda: 1, kept=2).state_dict()
    plain_hub = plain_checkpoint(dict(message_hub=state))['message_hub']
    assert plain_hub['runtime_info'] == dict(kept=2)
    assert 'mine' not in plain_hub['resumed_keys']
    assert 'message_hub.mine is of type builtins.function: it is left out' in told[0]


@pytest.mark.parametrize(
    'history',
    [
        {},
        dict(values=dict(type='<f8', data=b'1'), counts=dict(type='<i8', data=b''), max_length=3),
        dict(values=dict(type='O', data=b''), counts=dict(type='<i8', data=b''), max_length=3),
        dict(values=dict(type='<f8', data=bytes(8)), counts=dict(type='<i8', data=b''), max_length=3),
        dict(values=3, counts=4, max_length=3),
    ],
)
def test_a_damaged_history_is_refused(history):
    with pytest.raises(WeightsError, match="history of 'train/loss' is damaged"):
        restore_message_hub(dict(log_scalars={'train/loss': history}))


def test_functions_of_schedulers_are_left_out():
    """A scheduler is made from its config before its state is loaded."""
    schedulers = [dict(last_step=3, anneal_func=len, nested=dict(f=print, x=1))]
    assert plain_checkpoint(dict(param_schedulers=schedulers)) == dict(
        param_schedulers=[dict(last_step=3, nested=dict(x=1))]
    )
    by_name = plain_checkpoint(dict(param_schedulers=dict(a=schedulers)))
    assert by_name['param_schedulers']['a'][0]['last_step'] == 3
