"""DICOM files as scanners and archives export them, without a suffix, are images for all that take folders."""

import os

import numpy as np
import pytest

from aurora_mm.datasets import ImageFolderDataset
from aurora_mm.datasets.class_folder_dataset import ClassFolderDataset
from aurora_mm.images.image_finder import find_files
from aurora_mm.images.reading import images_in, is_image_file
from aurora_mm.importing.tree import Tree
from tests.fixtures.dicom_files import write

pytest.importorskip('pydicom')
NAMES = ['1.2.840.113619.2.55', 'IM000001', 'IM000002']


@pytest.fixture
def exported(tmp_path):
    """Three images, the list of the medium's files, and files that are no images."""
    from pydicom.fileset import FileSet

    folder = tmp_path / 'medium' / 'a'
    folder.mkdir(parents=True)
    FileSet().write(folder)
    for name in NAMES:
        write(folder / name, np.full((12, 20), 90, np.uint8))
    (folder / 'README').write_text('no image ' * 100)
    (folder / 'notes.txt').write_text('no image')
    (folder / 'report.pdf').write_bytes(b'\0' * 128 + b'DICM')
    os.mkfifo(folder / 'pipe')
    return folder


def test_what_is_an_image(exported):
    assert (exported / 'DICOMDIR').read_bytes()[128:132] == b'DICM'
    assert sorted(path.name for path in exported.iterdir() if is_image_file(path)) == NAMES
    assert not is_image_file(exported / 'absent')


def test_all_that_take_folders_find_the_same_images(exported):
    expected = [str(exported / name) for name in NAMES]
    assert images_in(exported) == expected
    found, problems = find_files([exported])
    assert ([file.path for file in found], problems) == (expected, [])
    tree = Tree(exported)
    assert [str(tree.path(file)) for file in tree.images] == expected
    pretraining = ImageFolderDataset(str(exported.parent))
    assert [pretraining.get_data_info(i)['img_path'] for i in range(len(pretraining))] == expected
    classes = ClassFolderDataset(str(exported.parent), metainfo=dict(classes=['a']), lazy_init=True)
    assert [item['img_path'] for item in classes.load_data_list()] == expected
