"""Models on the hub, with a stand-in for the download."""

from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from aurora_mm.checkpoints import find_models, is_hub_id, local_model, path_for_results
from aurora_mm.errors import WeightsError


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub with the model ``lab/model``; holds the arguments of downloads."""
    asked = []

    def download(repo_id, revision=None, allow_patterns=None):
        asked.append((repo_id, revision, allow_patterns))
        if repo_id != 'lab/model':
            raise LocalEntryNotFoundError('cannot find it\nmore')
        return str(tmp_path / 'cache')

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', download)
    (tmp_path / 'cache').mkdir()
    (tmp_path / 'cache' / 'manifest.json').write_text('{}')
    return asked


def test_a_hub_id_is_downloaded_and_only_files_of_model_folders(hub, tmp_path):
    assert local_model('lab/model', 'v1') == tmp_path / 'cache'
    ((name, revision, patterns),) = hub
    assert (name, revision) == ('lab/model', 'v1')
    assert 'model.safetensors' in patterns
    assert all(pattern.endswith(('.json', '.md', '.safetensors')) for pattern in patterns)
    assert find_models(['lab/model', 'a.pth']) == [tmp_path / 'cache', Path('a.pth')]


@pytest.mark.parametrize('text', ['model', './a/b', '/a/b', 'a/b/c', 'runs/epoch_1.pth', 'a/', 'lab/mo del', 'cache/x'])
def test_paths_are_no_hub_ids(hub, text):
    assert not is_hub_id(text)
    assert local_model(text) == text
    assert hub == []


def test_a_folder_of_that_name_is_taken_before_the_hub(hub, tmp_path):
    (tmp_path / 'lab' / 'model').mkdir(parents=True)
    assert local_model('lab/model') == 'lab/model'
    assert hub == []


def test_what_the_hub_does_not_give_is_told_in_one_line(hub):
    with pytest.raises(WeightsError, match=r'^lab/other is neither .* nor a model that the hub gives: cannot find it$'):
        local_model('lab/other')


def test_a_revision_of_a_local_path(hub):
    with pytest.raises(WeightsError, match=r"a\.pth is a local path, which has no revision 'v1'"):
        local_model('a.pth', 'v1')


def test_a_folder_of_model_folders_is_an_ensemble(hub, tmp_path):
    for name in ('b', 'a', 'notes'):
        (tmp_path / 'all' / name).mkdir(parents=True)
        if name != 'notes':
            (tmp_path / 'all' / name / 'manifest.json').write_text('{}')
    assert find_models(tmp_path / 'all') == [tmp_path / 'all' / 'a', tmp_path / 'all' / 'b']
    with pytest.raises(WeightsError, match=r'notes has no manifest\.json'):
        find_models(tmp_path / 'all' / 'notes')


def test_results_of_a_model_on_the_hub_go_to_the_current_folder(hub):
    assert str(path_for_results('lab/model')) == 'model'
    assert str(path_for_results('runs/model.pth')) == 'runs/model.pth'


def test_an_address_is_no_id(hub):
    with pytest.raises(WeightsError, match=r'^https://huggingface.co/lab/model is an address: .* the id OWNER/NAME'):
        local_model('https://huggingface.co/lab/model')
    assert hub == []
