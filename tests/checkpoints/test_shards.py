"""Shards that two ranks write, read by one process whole and by another number of ranks in parts."""

import os
import shutil

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from aurora_mm.checkpoints import (
    SHARDS,
    insert_shards,
    load_checkpoint_file,
    read_shards,
    remove_lost_shards,
    remove_shards,
    require_shards,
    take_shards,
    write_checkpoint,
    write_shards,
)
from aurora_mm.errors import ConfigError, OutputError, WeightsError


def whole_tensors():
    """Tensors that two ranks share unequally, and one of which the second has nothing."""
    generator = torch.Generator().manual_seed(0)
    return {
        'blocks.0.weight': torch.randn(5, 3, generator=generator),
        'blocks.0.bias': torch.randn(1, generator=generator),
        'blocks.1.weight': torch.randn(4, 2, generator=generator).bfloat16(),
    }


def states():
    """States of a model with sharded blocks and a head that is not sharded, and of its optimiser."""
    mesh = init_device_mesh('cpu', (dist.get_world_size(),))
    sharded = {name: distribute_tensor(tensor, mesh, [Shard(0)]) for name, tensor in whole_tensors().items()}
    moment = distribute_tensor(2 * whole_tensors()['blocks.0.weight'], mesh, [Shard(0)])
    model = sharded | {'head.weight': torch.ones(2)}
    optimizer = {'state': {0: {'step': torch.tensor(7.0), 'exp_avg': moment}}, 'param_groups': [{'lr': 0.1}]}
    return model, optimizer


def write(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    model, optimizer = states()
    record = write_shards(folder / 'epoch_1.pth', take_shards(model, optimizer))
    if rank == 0:
        rest = {name: tensor for name, tensor in model.items() if not isinstance(tensor, DTensor)}
        optimizer['state'][0].pop('exp_avg')
        content = dict(meta=dict(epoch=1), state_dict=rest, optimizer=optimizer)
        write_checkpoint(folder / 'epoch_1.pth', content | {SHARDS: record})
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shards')
    mp.spawn(write, args=(folder,), nprocs=2)
    return folder


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written, tmp_path / 'copy') / 'epoch_1.pth'


@pytest.fixture
def one_rank(tmp_path):
    dist.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def shards_of(file):
    return next(file.parent.glob('*.shards'))


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


def test_each_rank_writes_its_part_and_nothing_else(written):
    files = sorted(shards_of(written / 'epoch_1.pth').iterdir())
    assert [file.suffix for file in files] == ['.safetensors'] * 2
    assert sorted(path.name for path in written.iterdir() if not path.name.startswith('store')) == [
        'epoch_1.pth', shards_of(written / 'epoch_1.pth').name,
    ]  # fmt: skip


def test_one_process_reads_the_whole(written):
    found = load_checkpoint_file(written / 'epoch_1.pth')
    assert_equal(found['state_dict'], whole_tensors() | {'head.weight': torch.ones(2)})
    moments = found['optimizer']['state'][0]
    assert_equal(moments, {'step': torch.tensor(7.0), 'exp_avg': 2 * whole_tensors()['blocks.0.weight']})
    assert found.keys() == {'meta', 'state_dict', 'optimizer'}


def test_only_what_is_asked_for_is_read(written, copy):
    assert load_checkpoint_file(written / 'epoch_1.pth', ['meta', 'state_dict']).keys() == {'meta', 'state_dict'}
    shutil.rmtree(shards_of(copy))
    assert load_checkpoint_file(copy, ['meta']) == dict(meta=dict(epoch=1))


def test_another_number_of_ranks_reads_its_parts(written, one_rank):
    model, optimizer = states()
    own = take_shards(model, optimizer)
    own['state_dict/blocks.0.bias'] = distribute_tensor(torch.zeros(3), own['state_dict/blocks.0.bias'].device_mesh)
    checkpoint = load_checkpoint_file(written / 'epoch_1.pth', shards=False)
    tensors = read_shards(written / 'epoch_1.pth', checkpoint.pop(SHARDS), like=own.get)
    assert isinstance(tensors['state_dict/blocks.0.weight'], DTensor)
    assert not isinstance(tensors['state_dict/blocks.0.bias'], DTensor), 'the shape is another one here'
    insert_shards(checkpoint, tensors)
    found = {name: value.full_tensor() if isinstance(value, DTensor) else value for name, value in
             checkpoint['state_dict'].items()}  # fmt: skip
    assert_equal(found, whole_tensors() | {'head.weight': torch.ones(2)})
    moment = checkpoint['optimizer']['state'][0]['exp_avg']
    assert torch.equal(moment.to_local(), 2 * whole_tensors()['blocks.0.weight'])


def make_a_folder_of_a_file(folder):
    file = max(folder.iterdir())
    file.unlink()
    file.mkdir()


def change_a_byte(folder):
    file = max(folder.iterdir())
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (shutil.rmtree, r'epoch_1\.pth cannot be read: its folder epoch_1\.pth\.\w{8}\.shards is not beside it'),
        (make_a_folder_of_a_file, r'\.safetensors cannot be read: Is a directory'),
        (change_a_byte, r'\.safetensors cannot be read: it changed since it was written'),
        (lambda folder: max(folder.iterdir()).unlink(), r'other files than were written \(shard-.*\.safetensors\)'),
        (lambda folder: (folder / 'more.safetensors').touch(), r'other files than were written \(more\.safetensors\)'),
    ],
)
def test_shards_that_are_not_the_written_ones_are_refused(copy, one_rank, damage, message):
    damage(shards_of(copy))
    with pytest.raises(WeightsError, match=message):
        load_checkpoint_file(copy)
    record = load_checkpoint_file(copy, shards=False)[SHARDS]
    with pytest.raises(WeightsError, match=message):
        read_shards(copy, record, like=lambda name: None)


@pytest.mark.parametrize(
    'record', ['x', {}, dict(folder='../a.0123abcd.shards', files={}), dict(folder='shards', files={})]
)
def test_a_record_that_names_another_place_is_refused(tmp_path, record):
    write_checkpoint(tmp_path / 'a.pth', dict(meta={}, state_dict={}) | {SHARDS: record})
    with pytest.raises(WeightsError, match=r'a\.pth cannot be read: what it says about its shards is damaged'):
        load_checkpoint_file(tmp_path / 'a.pth')


def test_a_tensor_of_nothing_is_refused():
    with pytest.raises(WeightsError, match="the shards hold 'meta/x', which is no tensor of a model"):
        insert_shards({}, {'meta/x': torch.zeros(1)})


def test_folders_are_removed_with_their_checkpoint_and_without_one(copy):
    kept = shards_of(copy)
    old = shutil.copytree(kept, kept.with_name('epoch_1.pth.00000000.shards'))
    other = shutil.copytree(kept, kept.with_name('epoch_10.pth.00000000.shards'))
    foreign = shutil.copytree(kept, kept.with_name('mine.shards'))
    remove_shards(copy, keep=kept.name)
    assert not old.exists() and kept.exists() and other.exists() and foreign.exists()
    remove_lost_shards(copy.parent)
    assert not other.exists() and kept.exists() and foreign.exists()
    copy.unlink()
    remove_shards(copy)
    assert not kept.exists() and foreign.exists()


def test_shards_of_a_renamed_or_copied_checkpoint_stay(copy):
    best = copy.rename(copy.with_name('best.pth'))
    remove_lost_shards(copy.parent)
    load_checkpoint_file(best)
    shutil.copy(best, copy)
    copy.unlink()
    remove_shards(copy)
    load_checkpoint_file(best)


def test_shards_stay_if_a_checkpoint_beside_them_cannot_be_read(copy):
    folder = shards_of(copy)
    copy.write_bytes(copy.read_bytes()[:500])
    remove_lost_shards(copy.parent)
    assert folder.is_dir()


def test_a_disk_that_is_full_leaves_nothing(tmp_path, one_rank, monkeypatch):
    def full(*args):
        raise OSError(28, 'No space left on device')

    model, optimizer = states()
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OutputError, match=r'cannot write .*epoch_2\.pth\.\w+\.shards: .*No space left on device'):
        write_shards(tmp_path / 'work/epoch_2.pth', take_shards(model, optimizer))
    assert not list((tmp_path / 'work').iterdir())


def test_an_older_torch_is_told(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.8.0+cu128')
    with pytest.raises(ConfigError, match=r'sharded checkpoints need torch 2\.9 or newer, this is 2\.8\.0\+cu128'):
        require_shards()
