import pytest

from aurora_mm.analysis.settings_file import SETTINGS_FILE, absolute, keep_settings
from aurora_mm.errors import ConfigError, DataError

BEFORE = {'--data-root': '/data/a', '--cfg-options': ['a=1']}


@pytest.mark.parametrize('begun', ['a/seed_0/last_checkpoint', 'a/seed_0/test/metrics.json', 'search.json'])
def test_other_settings_than_those_of_the_runs_are_refused_with_both(tmp_path, begun):
    keep_settings(tmp_path, BEFORE)
    keep_settings(tmp_path, BEFORE | {'--data-root': '/data/b'})  # no run has begun
    keep_settings(tmp_path, BEFORE)
    (tmp_path / begun).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / begun).touch()
    keep_settings(tmp_path, BEFORE)
    with pytest.raises(ConfigError, match='runs with --data-root /data/a, not /data/b, and'):
        keep_settings(tmp_path, BEFORE | {'--data-root': '/data/b'})
    with pytest.raises(ConfigError, match=r'runs with --cfg-options a=1, not \(none\), and'):
        keep_settings(tmp_path, BEFORE | {'--cfg-options': []})


def test_a_damaged_file_is_named(tmp_path):
    keep_settings(tmp_path, BEFORE)
    (tmp_path / 'last_checkpoint').touch()
    (tmp_path / SETTINGS_FILE).write_text('[]')
    with pytest.raises(DataError, match=SETTINGS_FILE):
        keep_settings(tmp_path, BEFORE)


def test_a_path_is_the_same_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute('data') == absolute(tmp_path / 'data') == str(tmp_path / 'data')
    assert absolute('s3://bucket/data') == 's3://bucket/data'
    assert absolute(None) is None
