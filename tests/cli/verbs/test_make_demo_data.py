"""The verb's arguments and its exit messages."""

from __future__ import annotations

import pytest

from aurora_mm.cli.verbs.make_demo_data import main


def test_the_default_tasks_are_the_challenges_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(['demo', '--images-per-task', '1', '--workers', '1'])
    assert len(list((tmp_path / 'demo/csv_files').glob('*.csv'))) == 27
    assert {p.name for p in (tmp_path / 'demo/Segmentation').iterdir()} == {'Two', 'Three', 'Four', 'Five'}


def test_a_table_of_ones_own(tmp_path, capsys):
    table = tmp_path / 'tasks.py'
    table.write_text("tasks = [dict(name='spot', type='detection', classes=['spot'])]\n")
    out = tmp_path / 'demo'
    main([str(out), '--tasks', str(table), '--images-per-task', '2', '--workers', '1', '--seed', '3'])
    assert [p.name for p in (out / 'csv_files').iterdir()] == ['spot.csv']
    assert len(list((out / 'Detection/spot/images').iterdir())) == 2
    assert str(out) in capsys.readouterr().out.replace('\n', '')


def test_a_full_folder_ends_with_a_message_and_no_traceback(tmp_path, capsys):
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit, match='1'):
        main([str(tmp_path)])
    assert 'new or an empty folder' in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ['file']
