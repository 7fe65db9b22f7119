"""Faults of the machine end the command line with one sentence."""

import argparse
import errno
import os
import signal
import sys

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from aurora_mm.cli import faults
from aurora_mm.cli.command import command
from aurora_mm.cli.faults import fault_message
from aurora_mm.cli.trust_option import add_trust_option
from aurora_mm.errors import DataError
from aurora_mm.trust import VARIABLE


class Failing(Dataset):
    """An item that fails as it is told to, in a process of the data loader."""

    def __init__(self, fail):
        self.fail = fail

    def __len__(self):
        return 2

    def __getitem__(self, index):
        self.fail()
        return index


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    os._exit(3)


def no_memory():
    raise MemoryError


def vanished():
    raise FileNotFoundError(errno.ENOENT, 'No such file or directory', '/data/a.png')


def torch_memory():
    torch.empty(10**18)


@pytest.mark.parametrize(
    ('fail', 'told'),
    [
        (kill, 'a process that loads data was ended by the signal Killed, most often because memory ran out: fewer'),
        (leave, 'a process that loads data ended'),
        (no_memory, 'memory ran out in a process that loads data'),
        (torch_memory, 'memory ran out in a process that loads data'),
        (vanished, '/data/a.png'),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_a_process_of_the_data_loader_that_ends(fail, told):
    with pytest.raises((RuntimeError, OSError, MemoryError)) as raised:
        list(DataLoader(Failing(fail), num_workers=1))
    message = fault_message(raised.value)
    assert told in message
    assert '\n' not in message


@pytest.mark.parametrize(
    ('error', 'told'),
    [
        (OSError(errno.ENOSPC, 'No space left on device'), 'No space left on device'),
        (PermissionError(errno.EACCES, 'Permission denied', '/a/b'), '/a/b: Permission denied'),
        (OSError(errno.EROFS, 'Read-only file system', b'/a/b'), '/a/b: Read-only file system'),
        (OSError(errno.EIO, None, 3), 'file 3: Input/output error'),
        (MemoryError(), 'memory ran out in this process'),
        (
            RuntimeError(
                'NCCL error in: NCCLUtils.cpp:94, remote process exited or there was a network error, NCCL version '
                '2.28.9\nncclRemoteError: A call failed possibly due to a network error'
            ),
            'another process of this run',
        ),
        (
            torch.distributed.DistNetworkError('failed to recv, got 0 bytes. Connection was likely closed.'),
            'another process of this run',
        ),
        (RuntimeError('DataLoader timed out after 3 seconds'), 'gave no batch for 3 seconds, the timeout'),
        (
            RuntimeError('[transport/tcp/pair.cc] Connection closed by peer [127.0.0.1]:1'),
            'another process of this run',
        ),
    ],
)
def test_faults_of_this_process(error, told):
    assert told in fault_message(error)


OUT_OF_MEMORY = (
    'CUDA out of memory. Tried to allocate 2.25 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.10 GiB is '
    'free. Including non-PyTorch memory, this process has 22.53 GiB memory in use. Of the allocated memory 21.90 GiB '
    'is allocated by PyTorch, and 180.11 MiB is reserved by PyTorch but unallocated.'
)


@pytest.mark.parametrize(
    ('error', 'told'),
    [
        (
            torch.OutOfMemoryError(OUT_OF_MEMORY),
            'the memory of the GPU ran out (Tried to allocate 2.25 GiB. GPU 0 has a total capacity of 23.64 GiB of '
            'which 1.10 GiB is free): ',
        ),
        (torch.OutOfMemoryError('CUDA out of memory. Tried to allocate more than 1EB memory.'), 'GPU ran out: '),
        (RuntimeError('CUDA error: out of memory\nCUDA kernel errors might be'), 'GPU ran out: '),
        (RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'), 'GPU ran out: '),
        (
            RuntimeError(f'Caught OutOfMemoryError in replica 0 on device 0.\nTraceback:\n{OUT_OF_MEMORY}'),
            'of which 1.10 GiB is free): ',
        ),
    ],
    ids=str,
)
def test_a_gpu_whose_memory_ran_out(error, told):
    message = fault_message(error)
    assert message.startswith('the memory of the GPU ran out')
    assert told in message
    assert '\n' not in message
    for option in ('train_dataloader.batch_size', 'optim_wrapper.accumulative_counts', 'model.backbone.with_cp=True'):
        assert option in message
    assert '--resume' in message


def test_defects_of_the_program_are_no_faults_of_the_machine():
    for error in (RuntimeError('size mismatch'), OSError('odd'), ValueError('x'), OSError(errno.EINVAL, 'Invalid')):
        assert fault_message(error) is None


@pytest.fixture
def verb(monkeypatch):
    """A verb that runs a function."""

    def make(run):
        monkeypatch.setattr(sys.modules[__name__], '__doc__', 'A verb.')

        @command(add_trust_option)
        def main(args: argparse.Namespace) -> None:
            run()

        return main

    return make


def fail(error):
    def run():
        raise error

    return run


@pytest.mark.parametrize(
    ('error', 'status', 'told'),
    [
        (OSError(errno.ENOSPC, 'No space left on device'), 1, 'error: No space left on device\n'),
        (DataError('bad', file='a.csv', row=3), 1, 'error: a.csv, row 3: bad\n'),
        (KeyboardInterrupt(), 130, 'interrupted\n'),
    ],
)
def test_one_sentence_and_a_status(verb, capsys, error, status, told):
    with pytest.raises(SystemExit) as stopped:
        verb(fail(error))([])
    assert stopped.value.code == status
    assert capsys.readouterr().err == told


def test_a_defect_leaves_with_its_traceback(verb):
    with pytest.raises(RuntimeError, match='size mismatch'):
        verb(fail(RuntimeError('size mismatch')))([])


def test_trust_is_for_the_process_and_said_by_the_user_alone(verb, monkeypatch, capsys):
    monkeypatch.delenv(VARIABLE, raising=False)
    found = []
    main = verb(lambda: found.append(os.environ.get(VARIABLE)))
    main([])
    main(['--trust'])
    monkeypatch.delenv(VARIABLE)
    assert found == [None, '1']
    with pytest.raises(SystemExit):
        main(['--help'])
    text = ' '.join(capsys.readouterr().out.split())
    assert 'can run any code on this machine with your rights' in text


@pytest.mark.long
def test_the_verbs_that_read_checkpoints_have_it():
    from aurora_mm.cli.main import load_verbs

    has = set()
    for name, module in load_verbs().items():
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        if any('--trust' in action.option_strings for action in parser._actions):
            has.add(name)
    writers = {'average-checkpoints', 'calibrate', 'convert-weights', 'export', 'fit-router', 'merge-lora', 'publish'}
    assert has == {'train', 'pretrain', 'test', 'predict', 'serve', 'serve-api', 'listen', *writers}


def test_names_of_errors_of_the_operating_system():
    assert {'OSError', 'FileNotFoundError', 'PermissionError', 'TimeoutError'} <= set(faults._OS_ERRORS)
