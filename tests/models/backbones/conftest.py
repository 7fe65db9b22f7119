import pytest

from tests.models.backbones.reference import make_reference, save_sharded


@pytest.fixture(scope='session')
def reference():
    """transformers' encoder with random weights."""
    return make_reference()


@pytest.fixture(scope='session')
def folder(reference, tmp_path_factory):
    """The encoder alone, as transformers saves it."""
    path = tmp_path_factory.mktemp('visual')
    reference.save_pretrained(path)
    return path


@pytest.fixture(scope='session')
def sharded(reference, tmp_path_factory):
    """A whole vision-language model in shards."""
    return save_sharded(reference, tmp_path_factory.mktemp('whole'))
