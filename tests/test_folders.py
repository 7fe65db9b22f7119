"""Folders are written whole or not at all, and replace others whole or not at all."""

from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from aurora_mm.errors import OutputError
from aurora_mm.folders import replaced_folder, whole_folder
from tests.fixtures.limited_files import limited_files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_files_of_a_folder_are_flushed_before_it_takes_its_place(tmp_path, flushed):
    with whole_folder(tmp_path / 'out') as folder:
        (folder / 'sub').mkdir()
        for i in range(5):
            (folder / 'sub' / f'{i}').write_text('x')
        (folder / 'link').symlink_to(tmp_path / 'elsewhere')
    place = flushed.index(f'now {tmp_path}/out')
    assert {Path(path).name for path in flushed[:place]} >= {*'01234', 'sub'}
    assert flushed[place + 1 :] == [str(tmp_path)]


def test_a_folder_with_something_in_it_stays(tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'mine').touch()
    with pytest.raises(OutputError, match='out: Directory not empty'), whole_folder(tmp_path / 'out') as folder:
        (folder / 'new').touch()
    assert names(tmp_path) == ['out']
    assert names(tmp_path / 'out') == ['mine']


def test_safetensors_says_it_in_its_own_way(tmp_path):
    with limited_files(1000), pytest.raises(OutputError, match=r'cannot write .*/out: .*File too large'):  # noqa: SIM117
        with whole_folder(tmp_path / 'out') as folder:
            save_file(dict(a=torch.zeros(999)), folder / 'a.safetensors')
    assert names(tmp_path) == []
    (tmp_path / 'b.safetensors').write_bytes(b'x')
    with pytest.raises(SafetensorError), whole_folder(tmp_path / 'out'):  # a file that is read
        load_file(tmp_path / 'b.safetensors')


def test_a_link_to_a_folder_is_written_through(tmp_path):
    disk = tmp_path / 'disk'
    disk.mkdir()
    (disk / 'empty').mkdir()
    for name in ('empty', 'new'):
        link = tmp_path / name
        link.symlink_to(disk / name)
        with whole_folder(link) as folder:
            (folder / 'a').write_text(name)
        assert link.is_symlink()
        assert (disk / name / 'a').read_text() == name
    assert sorted(path.name for path in disk.iterdir()) == ['empty', 'new']


def test_a_folder_stays_until_the_one_in_its_place_is_complete(tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'old').write_text('old')
    with pytest.raises(OutputError, match='no more'), replaced_folder(out) as new:
        new.mkdir()
        raise OutputError('no more')
    assert [path.name for path in out.iterdir()] == ['old']
    with replaced_folder(out) as new:
        new.mkdir()
        (new / 'new').write_text('new')
        assert (out / 'old').read_text() == 'old'
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob('*'))] == ['out', 'out/new']


def test_a_folder_comes_back_if_the_new_one_cannot_take_its_place(tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'old').write_text('old')
    with pytest.raises(OutputError, match='out'), replaced_folder(out):
        pass  # no folder was made that could take its place
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob('*'))] == ['out', 'out/old']


def test_a_folder_that_can_neither_be_replaced_nor_come_back_is_kept_beside(tmp_path, monkeypatch):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'old').write_text('old')
    rename = Path.rename

    def only_away(self, to):
        if to == out:
            raise PermissionError(13, 'Permission denied', str(to))
        return rename(self, to)

    monkeypatch.setattr(Path, 'rename', only_away)
    with pytest.raises(OutputError, match='out: Permission denied'), replaced_folder(out) as new:
        new.mkdir()
    (kept,) = tmp_path.iterdir()
    assert names(kept) == ['old']
