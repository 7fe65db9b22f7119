"""Which files of this machine a client can have read."""

import os
import shutil

import numpy as np
import pytest

from aurora_mm.files import write_image
from aurora_mm.images.image_header import BadImage
from aurora_mm.web.uploads import UploadFolder, shown_name

GREY = np.full((8, 8), 90, np.uint8)


@pytest.fixture
def uploads(tmp_path):
    (tmp_path / 'page' / 'a1').mkdir(parents=True)
    write_image(tmp_path / 'secret.png', GREY)
    return UploadFolder(tmp_path / 'page')


def test_an_uploaded_file_is_read(uploads):
    write_image(uploads.folder / 'a1' / 'x.png', GREY)
    assert uploads.open(uploads.folder / 'a1' / 'x.png').read().pixels.shape == (8, 8, 3)


@pytest.mark.parametrize(
    'path', ['{}/../secret.png', '{}/a1/../../secret.png', '/etc/passwd', '{}', '{}/a1', '', 'x\0.png', '{}/link.png']
)
def test_no_other_file_is_read(uploads, path):
    (uploads.folder / 'link.png').symlink_to(uploads.folder.parent / 'secret.png')
    with pytest.raises(BadImage, match='was not uploaded'):
        uploads.open(path.format(uploads.folder))


def test_a_frame_in_a_name_names_no_other_file(uploads):
    """`scan.png#frame=0` would elsewhere be a picture of `scan.png`; here it is a file of that name or none."""
    write_image(uploads.folder / 'a1' / 'x.png', GREY)
    with pytest.raises(BadImage, match='was not uploaded'):
        uploads.open(uploads.folder / 'a1' / 'x.png#frame=0')
    (uploads.folder / 'a1' / 'x.png').rename(uploads.folder / 'a1' / 'z.png#frame=0')
    assert uploads.open(uploads.folder / 'a1' / 'z.png#frame=0').read().pixels[0, 0, 0] == 90


@pytest.mark.parametrize('suffix', ['.mhd', '.MHA'])
def test_formats_that_name_other_files_are_refused(uploads, suffix):
    path = uploads.folder / 'a1' / f'x{suffix}'
    path.write_text(f'ElementDataFile = {uploads.folder.parent}/secret.png')
    with pytest.raises(BadImage, match='may name further files'):
        uploads.open(path)


def test_old_files_are_deleted_and_new_ones_stay(uploads):
    uploads = UploadFolder(uploads.folder, kept=['examples'])
    for name in ('old', 'new', 'examples'):
        (uploads.folder / name).mkdir()
        write_image(uploads.folder / name / 'x.png', GREY)
    for name in ('old', 'examples'):
        for path in (uploads.folder / name / 'x.png', uploads.folder / name):
            os.utime(path, (0, 0))
    uploads.forget_old()
    assert (uploads.folder / 'examples' / 'x.png').is_file()
    assert not (uploads.folder / 'old').exists()
    assert (uploads.folder / 'new' / 'x.png').is_file()


def test_a_folder_that_another_request_deletes_meanwhile_is_passed_over(uploads, monkeypatch):
    def gone(folder):
        shutil.rmtree(folder)
        yield folder / 'x.png'

    (uploads.folder / 'old').mkdir()
    os.utime(uploads.folder / 'old', (0, 0))
    monkeypatch.setattr('aurora_mm.web.uploads._files', gone)
    uploads.forget_old()


@pytest.mark.parametrize(
    ('path', 'name'),
    [
        ('/tmp/a/scan.png', 'scan.png'),
        ('clip.mp4#frame=3', 'clip.mp4_frame=3'),
        ('a\nb.png', 'a_b.png'),
        ('x' * 200 + '.png', 'x' * 69 + '...' + 'xxxx.png'),
    ],
)
def test_the_name_that_is_shown(path, name):
    assert shown_name(path) == name
