"""Which files are taken for DICOM by their first bytes: those that pydicom writes, and nothing else."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.images.dicom_start import begins_as_dicom
from aurora_mm.images.reading import images_in, is_image_file, read_image
from tests.fixtures.dicom_files import write

RAMP = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)
ELEMENTS = b''.join(struct.pack('<HHI', 8, number, 4) + b'ABCD' for number in (5, 8, 0x16))


def bare(tmp_path, implicit=False, little=True, **elements):
    """An ultrasound image with neither preamble nor file meta information, without a suffix."""
    pydicom = pytest.importorskip('pydicom')
    header = pydicom.dcmread(write(tmp_path / 'whole.dcm', RAMP, **elements))
    (tmp_path / 'whole.dcm').unlink()
    path = tmp_path / 'IM000001'
    pydicom.dcmwrite(
        path, pydicom.Dataset(header), implicit_vr=implicit, little_endian=little, enforce_file_format=False
    )
    assert path.read_bytes()[128:132] != b'DICM'
    return path


@pytest.mark.parametrize(('implicit', 'little'), [(False, True), (True, True), (False, False)])
def test_files_without_a_preamble_are_found_and_read(tmp_path, implicit, little):
    path = bare(tmp_path, implicit, little)
    assert images_in(tmp_path) == [str(path)]
    np.testing.assert_array_equal(read_image(path).pixels[..., 0], RAMP)


def test_file_meta_information_without_a_preamble(tmp_path):
    data = write(tmp_path / 'whole.dcm', RAMP).read_bytes()
    (tmp_path / 'whole.dcm').unlink()
    path = tmp_path / 'IM000001'
    path.write_bytes(data[132:])
    assert images_in(tmp_path) == [str(path)]
    np.testing.assert_array_equal(read_image(path).pixels[..., 0], RAMP)


def test_the_length_of_a_group_comes_first(tmp_path):
    data = bare(tmp_path, implicit=True).read_bytes()
    assert begins_as_dicom((struct.pack('<HHII', 8, 0, 4, 300) + data)[:1024])
    assert not begins_as_dicom((struct.pack('<HHIH', 8, 0, 2, 300) + data)[:1024])


def test_pydicoms_own_files():
    pydicom = pytest.importorskip('pydicom')
    folder = Path(pydicom.__file__).parent / 'data' / 'test_files'
    for name in ('rtstruct.dcm', 'ExplVR_LitEndNoMeta.dcm', 'ExplVR_BigEndNoMeta.dcm', 'MR_small.dcm'):
        assert begins_as_dicom((folder / name).read_bytes()[:1024]), name
    others = [path for path in folder.iterdir() if path.suffix in ('.txt', '.json', '.dump', '.gz', '.icc', '.md')]
    assert len(others) > 5
    for path in others:
        assert not begins_as_dicom(path.read_bytes()[:1024]), path.name


@pytest.mark.parametrize(
    'content',
    [
        pytest.param(ELEMENTS[:24], id='two elements'),
        pytest.param(ELEMENTS[:12] * 3, id='the same element again'),
        pytest.param(ELEMENTS[12:24] + ELEMENTS[:12] + ELEMENTS[24:], id='falling tags'),
        pytest.param(ELEMENTS.replace(b'\4\0\0\0ABCD', b'\3\0\0\0ABC'), id='odd lengths'),
        pytest.param(ELEMENTS[:28] + struct.pack('<I', 2**20) + b'ABCD', id='a value of a MB'),
        pytest.param(b'\t' + ELEMENTS[1:], id='another group'),
        pytest.param(struct.pack('<6H', *[8] * 6) * 80, id='grey values of one kind'),
        pytest.param(np.arange(8, 500, dtype='<u2').tobytes(), id='rising grey values'),
        pytest.param(np.array([8, 4] * 100, '<u4').tobytes(), id='numbers of 32 bits'),
        pytest.param(b'', id='empty'),
        pytest.param(bytes(1024), id='zeros'),
    ],
)
def test_what_only_resembles_elements(content):
    assert begins_as_dicom(ELEMENTS)  # what the faults were made from
    assert not begins_as_dicom(content)


def test_an_unknown_value_representation():
    explicit = b''.join(struct.pack('<HH2sH', 8, number, b'CS', 4) + b'ABCD' for number in (5, 8, 0x16))
    assert begins_as_dicom(explicit)
    assert not begins_as_dicom(explicit.replace(b'CS', b'QQ'))


def test_files_of_other_kinds_in_a_folder(tmp_path):
    """Without a suffix, so that only their content can tell."""
    contents = {
        'text': b'\x08\x00 notes of the study\n' * 50,
        'table': b'image;mask\n' + b'a.png;b.png\n' * 90,
        'utf16': 'Bild;Maske\n'.encode('utf-16') * 90,
    }
    for suffix in ('.png', '.jpg', '.tiff', '.bmp'):
        contents[suffix[1:]] = cv2.imencode(suffix, np.tile(RAMP, (9, 9)))[1].tobytes()
    for name, array in (('arrays', {'a': RAMP}), ('more', {'a': RAMP.astype(float)})):
        stream = io.BytesIO()
        np.savez(stream, **array)
        contents[name] = stream.getvalue()
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    assert [path.name for path in tmp_path.iterdir() if is_image_file(path)] == []


def test_random_bytes():
    random = np.random.default_rng(0)
    starts = (b'', b'\x08\x00', b'\x02\x00', b'\x08\x00\x05\x00', b'\x02\x00\x00\x00UL\x04\x00', b'\x00\x08\x00\x05')
    for start in starts:
        for _ in range(500):
            assert not begins_as_dicom(start + random.bytes(1000))
            small = random.integers(0, 16, 500).astype('<u2').tobytes()  # dark pixels of 16 bits
            assert not begins_as_dicom(start + small)
