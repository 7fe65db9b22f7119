"""The one reader: which reader takes a file, frames, and what it refuses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.errors import DataError
from aurora_mm.images import reading
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import frame_sources, images_in, open_image_file, read_frames, read_image, read_shape
from aurora_mm.images.sources import frame_source, split_source

PAGES = [np.full((8, 10), value, np.uint8) for value in (10, 120, 250)]


@pytest.fixture
def pages(tmp_path):
    path = tmp_path / 'pages.tif'
    first, *others = map(Image.fromarray, PAGES)
    first.save(path, save_all=True, append_images=others)
    return path


@pytest.mark.parametrize('name', ['a.png', 'folder#1/a b.png', 'odd#frame=x', '#frame=1/a.png'])
def test_a_plain_path_has_no_frame(name):
    assert split_source(name) == (type(split_source(name)[0])(name), None)


def test_a_source_names_file_and_frame():
    path, frame = split_source(frame_source('/data/clip.mp4', 12))
    assert (str(path), frame) == ('/data/clip.mp4', 12)


def test_pages_are_frames(pages):
    assert frame_sources(pages) == [f'{pages}#frame={number}' for number in range(3)]
    assert frame_sources(pages, every=2) == [f'{pages}#frame=0', f'{pages}#frame=2']
    assert frame_sources(f'{pages}#frame=1') == [f'{pages}#frame=1']
    for number, page in enumerate(PAGES):
        image = read_image(frame_source(pages, number))
        assert image.source == f'{pages}#frame={number}'
        np.testing.assert_array_equal(image.pixels, np.repeat(page[..., None], 3, axis=2))
    assert [int(image.pixels.mean()) for image in read_frames(pages, every=2)] == [10, 250]


def test_pages_of_16_bits_keep_their_values(tmp_path):
    ramp = (np.arange(80).reshape(8, 10) * 50).astype(np.uint16)  # 12 bits
    Image.fromarray(ramp).save(tmp_path / 'a.tif', save_all=True, append_images=[Image.fromarray(ramp[::-1])])
    np.testing.assert_array_equal(read_image(f'{tmp_path / "a.tif"}#frame=1').pixels[..., 0], ramp[::-1] >> 4)


def test_which_of_several_is_meant_must_be_said(pages):
    with pytest.raises(BadImage, match=r'has 3 frames or pages; name the one that is meant, as pages.tif#frame=0'):
        read_image(pages)
    with pytest.raises(BadImage, match='has 3 frames or pages'):
        read_shape(pages)
    with pytest.raises(BadImage, match=r'has no frame 3: it has 3, counted from 0'):
        read_image(f'{pages}#frame=3')
    assert read_shape(f'{pages}#frame=1') == (8, 10)


def test_the_only_picture_may_be_named(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), PAGES[1])
    assert frame_sources(tmp_path / 'a.png') == [str(tmp_path / 'a.png')]
    assert read_image(f'{tmp_path / "a.png"}#frame=0').pixels.mean() == 120
    with pytest.raises(BadImage, match='has no frame 1'):
        read_image(f'{tmp_path / "a.png"}#frame=1')
    assert [image.source for image in read_frames(tmp_path / 'a.png')] == [str(tmp_path / 'a.png')]


@pytest.mark.parametrize('suffix', reading.SUFFIXES)
@pytest.mark.parametrize('content', [b'', b'text', b'\0' * 2000, b'#EXTM3U\n#EXTINF:1,\n/etc/passwd\n'])
def test_a_file_that_is_nothing_is_refused_under_every_name(tmp_path, suffix, content):
    path = tmp_path / f'file{suffix}'
    path.write_bytes(content)
    with pytest.raises(BadImage):
        read_image(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadImage, match='No such file'):
        open_image_file(tmp_path / 'none.dcm')
    with pytest.raises(BadImage, match='cannot be read'):
        read_image('nu\0ll.png')
    with pytest.raises(BadImage, match='Is a directory'):
        read_image(tmp_path)


def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch):
    (tmp_path / 'a.dcm').write_bytes(b'\0' * 128 + b'DICM')
    monkeypatch.setitem(__import__('sys').modules, 'pydicom', None)
    with pytest.raises(BadImage, match=r"DICOM files need `pip install 'aurora_mm\[dicom\]'`"):
        read_image(tmp_path / 'a.dcm')


def test_the_images_of_a_folder(tmp_path, monkeypatch):
    logged = []
    monkeypatch.setattr(reading, 'print_log', lambda message, logger, level: logged.append(message))
    for name in ('b.PNG', 'a.jpg', 'notes.txt', '.hidden.png', 'c.nii.gz', 'd.DCM'):
        (tmp_path / name).touch()
    (tmp_path / 'more.png').mkdir()
    assert images_in(tmp_path) == [f'{tmp_path}/{name}' for name in ('a.jpg', 'b.PNG', 'c.nii.gz', 'd.DCM')]
    assert logged == [f'{tmp_path}: 2 entries are no image files and left out: more.png, notes.txt']
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='no image in this folder'):
        images_in(tmp_path / 'empty')
