"""Which splits a data root has is found in one place: the same fault has the same error everywhere."""

import os
import shutil

import pytest
from mmengine.config import ConfigDict

from aurora_mm.apis.data_tasks import fmc_folder
from aurora_mm.checking import check_data
from aurora_mm.converters.coco import fmc_to_coco
from aurora_mm.converters.shards import make_shards
from aurora_mm.data_root import DataRoot, is_url
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.shards.remote_root import local_data_root
from aurora_mm.splitting import split_data


def through_a_cache(root, tmp_path):
    return local_data_root(root, dict(folder=str(tmp_path / 'cache'), max_gb=1))


READERS = {
    'a data set': lambda root, out: FMCUIADataset(str(root), 'train'),
    'a config': lambda root, out: fmc_folder(ConfigDict(data_root=str(root), split='train')),
    'check-data': lambda root, out: check_data(root, workers=0),
    'split-data': lambda root, out: split_data(root, out / 'split'),
    'make-shards': lambda root, out: make_shards(root, out / 'shards'),
    'convert-dataset': lambda root, out: fmc_to_coco(root, out / 'coco'),
}
ALL_SPLITS = [name for name in READERS if name not in ('a data set', 'a config')]


@pytest.fixture
def split_root(fmc_root, tmp_path):
    """A data root with the splits train and val."""
    fmc_root.fill(4)
    for side in ('train', 'val'):
        shutil.copytree(fmc_root.path, tmp_path / 'data' / side)
    return tmp_path / 'data'


@pytest.mark.parametrize('reader', READERS)
def test_no_data(reader, tmp_path, fmc_root):
    def fault(root):
        with pytest.raises(DataError) as raised:
            READERS[reader](root, tmp_path / 'out')
        return str(raised.value)

    nothing = tmp_path / 'empty'
    nothing.mkdir()
    no_data = 'no data: there is neither csv_files nor one of train/csv_files, val/csv_files, test/csv_files in it'
    hint = '; `aurora-mm make-demo-data OUT` generates data to try with'
    assert fault(nothing) == f'{nothing}: {no_data}{hint}'
    assert fault(tmp_path / 'nowhere') == f'{tmp_path / "nowhere"}: no such folder{hint}'
    (tmp_path / 'file').touch()
    assert fault(tmp_path / 'file') == f'{tmp_path / "file"}: is no folder'
    csv_files = fmc_root.path / 'csv_files'
    assert fault(csv_files) == f'{csv_files}: {no_data}; give the folder above it'
    for fold in ('fold_0', 'fold_1'):
        (nothing / fold / 'csv_files').mkdir(parents=True)
    folds = 'there is fold_0/csv_files, fold_1/csv_files: give one of these folders, or name them train, val, test'
    assert fault(nothing) == f'{nothing}: {no_data}, but {folds}'


@pytest.mark.parametrize('reader', READERS)
def test_data_that_is_split_and_is_not(reader, split_root, tmp_path):
    (split_root / 'csv_files').mkdir()
    with pytest.raises(DataError, match='data: contains csv_files and train/csv_files: data is divided'):
        READERS[reader](split_root, tmp_path / 'out')


@pytest.mark.parametrize('reader', READERS)
def test_a_url(reader, tmp_path):
    with pytest.raises(ConfigError, match='s3://bucket/mine is a URL'):
        READERS[reader]('s3://bucket/mine', tmp_path / 'out')


@pytest.mark.parametrize('reader', ALL_SPLITS)
def test_rows_of_a_folder_with_another_name_would_be_left_out(reader, split_root, tmp_path):
    (split_root / 'val').rename(split_root / 'validation')
    with pytest.raises(DataError, match='validation: contains csv_files, but is named none of train, val, test'):
        READERS[reader](split_root, tmp_path / 'out')


@pytest.mark.parametrize('reader', ['a data set', 'a config'])
def test_one_split_is_read_and_another_is_missing(reader, split_root):
    read = READERS[reader]
    (split_root / 'val').rename(split_root / 'validation')
    read(split_root, None)
    (split_root / 'train').rename(split_root / 'test')
    with pytest.raises(DataError) as raised:
        read(split_root, None)
    assert str(raised.value) == (
        f"{split_root}: no split 'train': the data is divided into test; there is validation/csv_files: a folder with "
        'data is named one of train, val, test'
    )


def test_all_rows_of_data_that_is_split(split_root):
    with pytest.raises(DataError, match=r"no split 'all': the data is divided into train, val$"):
        FMCUIADataset(str(split_root), 'all')


def test_a_root_with_train_alone(split_root, tmp_path):
    shutil.rmtree(split_root / 'val')
    assert list(DataRoot.find(split_root).folders()) == ['train']
    assert make_shards(split_root, tmp_path / 'shards').keys() == {'train'}
    with pytest.raises(DataError, match=r"no split 'val': the data is divided into train$"):
        FMCUIADataset(str(split_root), 'val')


def test_the_folder_of_a_split_is_data_that_is_not_split(split_root, monkeypatch):
    logged = []
    monkeypatch.setattr('aurora_mm.datasets.fmc_uia_dataset.print_log', lambda text, **options: logged.append(text))
    assert DataRoot.find(split_root / 'train').folders() == {'all': split_root / 'train'}
    assert len(FMCUIADataset(str(split_root / 'train'), 'train')) < 16
    assert logged == [f'{split_root}/train is one split of {split_root}, and its rows are split again']
    assert len(FMCUIADataset(str(split_root / 'train'), 'all')) == 16
    shutil.rmtree(split_root / 'val')
    FMCUIADataset(str(split_root / 'train'), 'train')
    assert len(logged) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason='the superuser may read everything')
def test_a_folder_that_may_not_be_read(split_root):
    split_root.chmod(0)
    try:
        with pytest.raises(DataError, match='cannot be read'):
            DataRoot.find(split_root)
    finally:
        split_root.chmod(0o755)


def test_a_null_character():
    with pytest.raises(DataError, match=r'cannot be read|no such folder'):
        DataRoot.find('a\0b')


def test_faults_of_a_url(split_root, tmp_path):
    """The same messages, with the URL and not with the folder of the copy."""
    with pytest.raises(DataError) as raised:
        through_a_cache(f'file://{tmp_path}/nowhere', tmp_path)
    assert str(raised.value).startswith(f'file://{tmp_path}/nowhere: no data: there is neither csv_files nor one of')
    (split_root / 'csv_files').mkdir()
    with pytest.raises(DataError, match=r'file://.*data: contains csv_files and train/csv_files'):
        through_a_cache(f'file://{split_root}', tmp_path)


def test_a_split_that_is_gone_at_a_url(split_root, tmp_path):
    out = tmp_path / 'out'
    make_shards(split_root, out)
    assert DataRoot.find(through_a_cache(out, tmp_path)).sides == ('train', 'val')
    shutil.rmtree(out / 'val')
    assert DataRoot.find(through_a_cache(out, tmp_path)).sides == ('train',)
    shutil.rmtree(out)
    make_shards(split_root / 'train', out)
    assert DataRoot.find(through_a_cache(out, tmp_path)).sides == ()


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('s3://b/x', True),
        ('s3:/b/x', True),
        ('file:///a', True),
        ('C:/data', False),
        ('data/s3', False),
        ('/a:/b', False),
    ],
)
def test_what_is_a_url(text, expected):
    assert is_url(text) is expected
