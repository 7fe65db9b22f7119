"""An index of shards that is damaged, or was made by somebody who means ill, is refused in one sentence."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from aurora_mm.errors import DataError
from aurora_mm.images.shards.shard_index import _KEY, _NUMBERS, Member, Shard, ShardIndex, write_shard_index

MEMBERS = [Member(f'images/{number}.png', 0, 512 + number * 1024, 7, 1, 2) for number in range(4)]
SHARDS = [Shard('shard-00000.tar', 8192, '0' * 32)]


@pytest.fixture
def file(tmp_path):
    write_shard_index(tmp_path / 'index.arrow', MEMBERS, SHARDS)
    return tmp_path / 'index.arrow'


def batch_of(file):
    return pa.ipc.open_file(pa.BufferReader(file.read_bytes())).get_batch(0)


def write(file, *batches):
    with pa.ipc.new_file(str(file), batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def with_column(batch, name, column):
    return batch.set_column(batch.schema.get_field_index(name), name, column)


def test_members_are_found(file):
    index = ShardIndex(file)
    assert [index.find(member.path) for member in MEMBERS] == MEMBERS
    assert index.find('images/4.png') is None


@pytest.mark.parametrize('length', [0, 1, 8, 100, 700])
def test_a_file_that_was_cut_off(file, length):
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(DataError, match=r'index\.arrow: cannot be read as an index of shards'):
        ShardIndex(file)


CHANGES = {
    'two batches': lambda batch: [batch, batch],
    'no metadata': lambda batch: [batch.replace_schema_metadata(None)],
    'short texts': lambda batch: [with_column(batch, 'path', batch.column('path').cast(pa.string()))],
    'paths that are numbers': lambda batch: [with_column(batch, 'path', pa.array(range(4)))],
    'paths that are missing': lambda batch: [with_column(batch, 'path', pa.array([None] * 4, pa.large_string()))],
    'a column less': lambda batch: [batch.drop_columns(['offset'])],
}
for name in _NUMBERS:
    CHANGES[f'{name} is no number'] = lambda batch, name=name: [with_column(batch, name, pa.array([np.nan] * 4))]
    CHANGES[f'{name} is missing'] = lambda batch, name=name: [
        with_column(batch, name, pa.array([None] * 4, batch.column(name).type))
    ]


@pytest.mark.parametrize('change', CHANGES)
def test_columns_of_another_kind(file, change):
    write(file, *CHANGES[change](batch_of(file)))
    with pytest.raises(DataError, match=r'index\.arrow: cannot be read as an index of shards'):
        ShardIndex(file)


@pytest.mark.parametrize(
    'shards',
    [
        5, None, [[1, 2, 3]], [['shard-00000.tar']], [['shard-00000.tar', '1', '0' * 32]],
        [['../../x.tar', 1, '0' * 32]], [['shard-00000.tar', 1, '../x']],
    ],
)  # fmt: skip
def test_shards_of_another_kind(file, shards):
    write(file, batch_of(file).replace_schema_metadata({_KEY: json.dumps(shards).encode()}))
    with pytest.raises(DataError, match=r'index\.arrow: (cannot be read as an index of shards|names .* as a shard)'):
        ShardIndex(file)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('shard', -1), ('shard', 1), ('shard', 2**31 - 1), ('offset', -1), ('offset', 2**63 - 1), ('size', -1),
        ('size', 8192), ('size', 2**63 - 1),
    ],
)  # fmt: skip
def test_a_member_where_no_shard_is(file, name, value):
    batch = batch_of(file)
    write(file, with_column(batch, name, pa.array(np.full(4, value, _NUMBERS[name]))))
    with pytest.raises(DataError, match=r'index\.arrow: says that images/2\.png is where no shard is'):
        ShardIndex(file).find('images/2.png')


def test_no_shards(file):
    write(file, batch_of(file).replace_schema_metadata({_KEY: b'[]'}))
    with pytest.raises(DataError, match='where no shard is'):
        ShardIndex(file).find('images/2.png')
