import os

import pytest

from aurora_mm.checkpoints import check_derived_file
from aurora_mm.errors import OutputError


def test_checkpoints_of_a_training_and_sources_are_not_replaced(tmp_path):
    for name in ('epoch_1.pth', 'iter_20.pth', 'best_score_epoch_2.pth', 'best_of_tasks.pth', 'mine.pth'):
        (tmp_path / name).touch()
    for name in ('epoch_1.pth', 'iter_20.pth', 'best_score_epoch_2.pth', 'best_of_tasks.pth'):
        with pytest.raises(OutputError, match=f'{name} is a checkpoint that would be lost'):
            check_derived_file(tmp_path / name)
    check_derived_file(tmp_path / 'epoch_3.pth')
    check_derived_file(tmp_path / 'mine.pth', [tmp_path / 'epoch_1.pth', 'owner/name'])
    (tmp_path / 'link.pth').symlink_to('mine.pth')
    with pytest.raises(OutputError, match=r'mine\.pth is a checkpoint that would be lost'):
        check_derived_file(tmp_path / 'mine.pth', [tmp_path / 'link.pth'])


def test_what_cannot_be_written_is_said_before_the_work(tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    check_derived_file(tmp_path / 'new' / 'folder' / 'a.pth')
    with pytest.raises(OutputError, match='it is a folder; name the file'):
        check_derived_file(tmp_path)
    with pytest.raises(OutputError, match='Not a directory'):
        check_derived_file(tmp_path / 'file' / 'a.pth')
    monkeypatch.setattr(os, 'access', lambda folder, mode: folder != tmp_path)  # tests may run as root
    with pytest.raises(OutputError, match=r'cannot write .*a\.pth: Permission denied'):
        check_derived_file(tmp_path / 'new' / 'a.pth')
