"""What a file may be, and what is refused."""

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

from aurora_mm.checkpoints import load_checkpoint_file, seal, write_checkpoint
from aurora_mm.errors import WeightsError
from aurora_mm.trust import VARIABLE, trust_checkpoints
from tests.checkpoints.objects import Reduced, payloads

NAMES = list(payloads(None))


@pytest.fixture(autouse=True)
def untrusted(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def content():
    return dict(meta=dict(tasks=('a', 'b'), note='x'), state_dict={'w': torch.arange(4.0)}, optimizer=dict(lr=0.1))


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_what_was_written_is_read_and_only_the_parts_that_are_asked_for(tmp_path):
    write_checkpoint(tmp_path / 'a.pth', content())
    found = load_checkpoint_file(tmp_path / 'a.pth')
    assert same(found.pop('state_dict'), content()['state_dict'])
    assert found == dict(meta=content()['meta'], optimizer=dict(lr=0.1))
    assert load_checkpoint_file(tmp_path / 'a.pth', ('meta', 'absent')) == dict(meta=content()['meta'])


def test_weights_that_were_published_without_the_optimiser_are_read_but_not_resumed(tmp_path):
    """As mmdet's publish_model.py leaves them."""
    sealed = seal(content())
    del sealed['optimizer']
    torch.save(sealed, tmp_path / 'a.pth')
    assert load_checkpoint_file(tmp_path / 'a.pth', ('meta', 'state_dict')).keys() == {'meta', 'state_dict'}
    with pytest.raises(WeightsError, match='its optimizer was removed'):
        load_checkpoint_file(tmp_path / 'a.pth')


@pytest.mark.parametrize('protocol', [2, 4])
@pytest.mark.parametrize('how', ['zip', 'legacy', 'pickle'])
@pytest.mark.parametrize('name', NAMES)
def test_no_code_in_a_file_runs(tmp_path, name, how, protocol):
    proof, file = tmp_path / 'proof', tmp_path / 'evil.pth'
    values = content() | dict(x=payloads(proof)[name])
    if how == 'pickle':
        file.write_bytes(pickle.dumps(values, protocol))
    else:
        torch.save(values, file, _use_new_zipfile_serialization=how == 'zip', pickle_protocol=protocol)
    with pytest.raises(WeightsError, match=r'evil\.pth .*(--trust|is no checkpoint)'):
        load_checkpoint_file(file)
    assert not proof.exists()


def test_trust_is_what_it_says(tmp_path):
    """The same file runs its code where the user trusts it, and only there."""
    proof, file = tmp_path / 'proof', tmp_path / 'evil.pth'
    torch.save(content() | dict(x=payloads(proof)['os.system']), file)
    with trust_checkpoints():
        assert load_checkpoint_file(file)['optimizer'] == dict(lr=0.1)
    assert proof.exists()
    proof.unlink()
    with pytest.raises(WeightsError, match=r'a Python pickle that names \w+\.system'):
        load_checkpoint_file(file)
    assert not proof.exists()


def test_checkpoints_of_mmengine_are_read_without_trust(tmp_path):
    """Histories of logged values, numbers of NumPy and the functions of OneCycleLR are all that they hold."""
    history = HistoryBuffer([0.5, 0.25], [1, 1])
    values = dict(
        message_hub=dict(log_scalars=dict(loss=history), runtime_info=dict(eta=np.float64(3)), resumed_keys={}),
        param_schedulers=[dict(anneal_func=OneCycleParamScheduler._annealing_cos)],
        state_dict={'w': torch.ones(2)},
    )
    torch.save(values, tmp_path / 'mm.pth')
    found = load_checkpoint_file(tmp_path / 'mm.pth')
    assert found['message_hub']['log_scalars']['loss'].data[0].tolist() == [0.5, 0.25]
    assert found['message_hub']['runtime_info'] == dict(eta=3.0)
    assert found['param_schedulers'][0]['anneal_func'](0, 1, 0.5) == pytest.approx(0.5)


@pytest.mark.parametrize('call', [(getattr, HistoryBuffer, '__init__'), (getattr, np.ndarray, 'tofile')])
def test_getattr_gives_nothing_but_mmengines_methods(tmp_path, call):
    torch.save(dict(x=Reduced(*call)), tmp_path / 'x.pth')
    with pytest.raises(WeightsError, match='--trust'):
        load_checkpoint_file(tmp_path / 'x.pth')


def test_a_config_that_mmengine_would_run_needs_trust(tmp_path):
    """Its ``resume`` runs ``meta['config']``."""
    torch.save(dict(meta=dict(config='import os')), tmp_path / 'x.pth')
    with pytest.raises(WeightsError, match='holds the text of a program'):
        load_checkpoint_file(tmp_path / 'x.pth')
    with trust_checkpoints():
        assert load_checkpoint_file(tmp_path / 'x.pth') == dict(meta=dict(config='import os'))


def test_torchscript_is_no_checkpoint(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / 'x.pth')
    with pytest.raises(WeightsError, match=r'x\.pth'):
        load_checkpoint_file(tmp_path / 'x.pth')


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'cannot be read: it is empty'),
        (b'hello\nworld\n', r"cannot be read: it is a text, which begins with 'hello\\nworld'"),
        (b'a' + 'é'.encode() * 400, 'cannot be read: it is a text'),  # the head ends within a character
        (b' <!DOCTYPE html>\n<html>', 'cannot be read: it is a web page'),
        (
            b'version https://git-lfs.github.com/spec/v1\noid',
            'cannot be read: it is a pointer of Git LFS; `git lfs pull`',
        ),
        (b'PK\x03\x04' + bytes(100), 'cannot be read: it is only part of a zip file'),
        (b'\xff' * 1000, 'cannot be read: it is neither a zip file nor a Python pickle'),
        (b'\x93NUMPY' + bytes(100), 'cannot be read: it is neither a zip file nor a Python pickle'),
        (b'\x80\x02}q\x00.', 'is no checkpoint, or only part of one'),
        (b'\x80', 'is no checkpoint, or only part of one'),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path, data, message):
    (tmp_path / 'x.pth').write_bytes(data)
    with pytest.raises(WeightsError, match=rf'x\.pth {message}') as raised:
        load_checkpoint_file(tmp_path / 'x.pth')
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize('compression', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_another_zip_file_is_no_checkpoint(tmp_path, compression):
    with zipfile.ZipFile(tmp_path / 'x.pth', 'w', compression) as archive:
        archive.writestr('images/a.png', b'pixels')
    with pytest.raises(WeightsError, match=r'x\.pth cannot be read: it is a zip file that torch\.save did not write'):
        load_checkpoint_file(tmp_path / 'x.pth')


def test_what_is_not_there_or_another_folder_is_refused(tmp_path):
    for file in (tmp_path / 'absent.pth', tmp_path / 'absent.safetensors', tmp_path / 'x' / 'y.pth'):
        with pytest.raises(WeightsError, match='no checkpoint at'):
            load_checkpoint_file(file)
    with pytest.raises(WeightsError, match=r'no model folder; `aurora-mm publish` writes one'):
        load_checkpoint_file(tmp_path)
    (tmp_path / 'epoch_3.pth').touch()
    with pytest.raises(
        WeightsError, match=r'has no manifest\.json, .*; give a checkpoint in it, such as .*/epoch_3\.pth'
    ):
        load_checkpoint_file(tmp_path)


@pytest.fixture
def records(tmp_path):
    """Writes a checkpoint anew with other records in its zip file, each with a right checksum of the zip's own."""
    write_checkpoint(tmp_path / 'a.pth', content())
    with zipfile.ZipFile(tmp_path / 'a.pth') as archive:
        found = {name: archive.read(name) for name in archive.namelist()}

    def write(change):
        with zipfile.ZipFile(tmp_path / 'a.pth', 'w') as archive:
            for name, data in change(dict(found)).items():
                archive.writestr(name, data)
        return tmp_path / 'a.pth'

    return write


def test_a_zip_file_written_anew_is_the_same_checkpoint(records):
    assert load_checkpoint_file(records(lambda found: found)).keys() == content().keys()


def test_a_tensor_of_another_file_is_noticed(records):
    def swap(found):
        (name,) = (name for name in found if '/data/' in name)
        return found | {name: torch.arange(4.0).flip(0).numpy().tobytes()}

    with pytest.raises(WeightsError, match='its state_dict changed since it was written'):
        load_checkpoint_file(records(swap))
    with trust_checkpoints():
        assert load_checkpoint_file(records(swap))['state_dict']['w'][0] == 3


def test_values_of_another_file_are_noticed(records):
    def change(found):
        (name,) = (name for name in found if name.endswith('data.pkl'))
        return found | {name: found[name].replace(b'note', b'nope')}

    with pytest.raises(WeightsError, match='its meta changed'):
        load_checkpoint_file(records(change))


@pytest.mark.parametrize('end', ['data.pkl', 'data/0', 'version'])
def test_a_missing_record_is_noticed(records, end):
    with pytest.raises(WeightsError):
        load_checkpoint_file(records(lambda found: {k: v for k, v in found.items() if not k.endswith(end)}))


def test_bytes_that_changed_are_noticed_without_checksums_of_ours_too(tmp_path):
    """A file of another program has those of the zip format, which torch does not compare."""
    buffer = io.BytesIO()
    torch.save({'w': torch.full((1000,), 7.0)}, buffer)
    data = buffer.getvalue()
    at = data.index(torch.full((10,), 7.0).numpy().tobytes()) + 100
    (tmp_path / 'x.pth').write_bytes(data[:at] + b'\x01' + data[at + 1 :])
    with pytest.raises(WeightsError, match='CRC'):
        load_checkpoint_file(tmp_path / 'x.pth')


def test_tensors_alone_are_refused(tmp_path):
    (tmp_path / 'x.safetensors').touch()
    with pytest.raises(WeightsError, match=r'x\.safetensors holds tensors alone; give the model folder'):
        load_checkpoint_file(tmp_path / 'x.safetensors')


def test_sealed_content_of_another_writer_is_checked_too(tmp_path):
    sealed = seal(content())
    sealed['state_dict']['w'][0] = 5
    torch.save(sealed, tmp_path / 'x.pth')
    with pytest.raises(WeightsError, match='--trust'):
        load_checkpoint_file(tmp_path / 'x.pth')
