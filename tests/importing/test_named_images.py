"""What a table may call an image."""

from pathlib import PurePosixPath

import pytest

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing.named_images import NamedImages
from aurora_mm.importing.tree import Tree
from tests.fixtures import dicom_files
from tests.importing import trees


@pytest.fixture
def tree(tmp_path):
    for name in ('P1/a/x.png', 'P1/b/x.png', 'P2/y.PNG', 'P2/z.nii.gz'):
        trees.save(tmp_path / name, trees.picture(1)) if name.lower().endswith('png') else trees.volume(
            tmp_path / name, trees.picture(2)
        )
    return Tree(tmp_path)


@pytest.mark.parametrize(
    ('name', 'found'),
    [
        ('P1/a/x.png', ['P1/a/x.png']),
        ('./P1/a/x', ['P1/a/x.png']),
        ('P1\\a\\x.png', ['P1/a/x.png']),
        ('a/x', ['P1/a/x.png']),
        ('x', ['P1/a/x.png', 'P1/b/x.png']),
        ('y.png', ['P2/y.PNG']),
        ('z', ['P2/z.nii.gz']),
        ('P1', ['P1/a/x.png', 'P1/b/x.png']),
        ('p2', ['P2/y.PNG', 'P2/z.nii.gz']),
        ('P1/a', ['P1/a/x.png']),
        ('P', []),
        ('1/a/x', []),
        ('P1/./b/../a/x.png', ['P1/a/x.png']),
        ('../P1/a/x.png', []),
        ('{root}/P1/a/x.png', ['P1/a/x.png']),
        ('/elsewhere/P1/a/x.png', []),
    ],
)
def test_names(tree, name, found):
    assert NamedImages(tree).find(name.format(root=tree.root)) == list(map(PurePosixPath, found))


def test_two_files_that_differ_in_case_alone(tmp_path):
    for name in ('a.png', 'A.png'):
        trees.save(tmp_path / name, trees.picture(1))
    named = NamedImages(Tree(tmp_path))
    assert [named.find(name) for name in ('a', 'A.png')] == [[PurePosixPath('a.png')], [PurePosixPath('A.png')]]


class TestAttribute:
    @pytest.fixture
    def tree(self, tree):
        pytest.importorskip('pydicom')
        for name, number in (('1.dcm', 'A7'), ('2.dcm', ' A7 '), ('3.dcm', '')):
            dicom_files.write(tree.root / name, trees.picture(1), AccessionNumber=number)
        return Tree(tree.root)

    def test_all_images_of_a_study(self, tree):
        named = NamedImages(tree, 'AccessionNumber')
        assert named.find('A7') == [PurePosixPath('1.dcm'), PurePosixPath('2.dcm')]
        assert named.find('1.dcm') == named.find('') == []

    def test_what_is_refused(self, tree):
        with pytest.raises(ConfigError, match="'Accession' is no keyword of a DICOM attribute"):
            NamedImages(tree, 'Accession')
        (tree.root / '4.dcm').write_bytes(b'\0' * 128 + b'DICM' + b'\x02\0\0\0UL\x04\0\1')
        tree = Tree(tree.root)
        with pytest.raises(DataError, match=r'4\.dcm: cannot be read as DICOM'):
            NamedImages(tree, 'AccessionNumber')


def test_lock_files_of_open_workbooks_are_no_data(tmp_path):
    trees.save(tmp_path / 'a.png', trees.picture(1))
    trees.text(tmp_path / '~$labels.xlsx', 'user')
    assert Tree(tmp_path).files == [PurePosixPath('a.png')]
