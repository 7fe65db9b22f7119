"""Files are written whole or not at all, whatever goes wrong."""

import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.atomic_writes import remove_partial
from aurora_mm.errors import OutputError
from aurora_mm.files import whole_file, write_bytes, write_image, write_text, write_together
from tests.fixtures.limited_files import limited_files
from tests.fixtures.waiting import wait_until


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_flushed_before_it_takes_its_place_and_its_name_after(tmp_path, flushed):
    write_text(tmp_path / 'deep' / 'a.txt', 'ä\n')
    assert (tmp_path / 'deep' / 'a.txt').read_bytes() == 'ä\n'.encode()
    content, place, folder = flushed
    assert content.endswith('.partial')
    assert (place, folder) == (f'now {tmp_path}/deep/a.txt', f'{tmp_path}/deep')
    assert names(tmp_path / 'deep') == ['a.txt']


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / 'a').write_text('old')
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), whole_file(tmp_path / 'a') as partial:
            partial.write_text('half')
            raise error
    assert (tmp_path / 'a').read_text() == 'old'
    assert names(tmp_path) == ['a']


def test_what_stands_in_the_way_is_named(tmp_path):
    (tmp_path / 'file').touch()
    (tmp_path / 'folder').mkdir()
    with pytest.raises(OutputError, match=r'cannot write .*/file/a: .*(File exists|Not a directory)'):
        write_text(tmp_path / 'file' / 'a', '')
    with pytest.raises(OutputError, match=r'cannot write .*/folder: Is a directory'):
        write_text(tmp_path / 'folder', '')
    with pytest.raises(OutputError, match='File name too long'):
        write_text(tmp_path / ('n' * 300), '')
    write_text(tmp_path / ('n' * 255), 'as long as a name can be')
    assert names(tmp_path) == ['file', 'folder', 'n' * 255]


def test_an_input_that_cannot_be_read_is_not_called_an_output(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / 'out') as partial:
        partial.write_bytes((tmp_path / 'absent').read_bytes())
    assert names(tmp_path) == []


def test_images(tmp_path):
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_image(tmp_path / 'a.png', pixels)
    assert (cv2.imread(str(tmp_path / 'a.png')) == pixels).all()
    with pytest.raises(OutputError, match=r'a.xyz: OpenCV cannot write .xyz images'):
        write_image(tmp_path / 'a.xyz', pixels)


def test_files_that_belong_together_are_never_mixed(tmp_path, monkeypatch):
    """At any moment: all old, all new, or some without the last, which says that the set is complete."""
    write_together(tmp_path, dict(a='1', b='1', last='1'))
    seen = []
    replace = Path.replace
    monkeypatch.setattr(Path, 'replace', lambda self, to: (seen.append(names(tmp_path)), replace(self, to)))
    write_together(tmp_path, dict(a='2', b='2', last='2'))
    assert all('last' not in [name for name in found if not name.startswith('.')] for found in seen)
    assert {name: (tmp_path / name).read_text() for name in names(tmp_path)} == dict(a='2', b='2', last='2')


def test_too_little_room_leaves_the_old_file(tmp_path):
    write_bytes(tmp_path / 'a', b'old')
    with limited_files(1000), pytest.raises(OutputError, match=r'cannot write .*/a: File too large'):
        write_bytes(tmp_path / 'a', bytes(5000))
    assert (tmp_path / 'a').read_bytes() == b'old'
    assert names(tmp_path) == ['a']


@pytest.mark.parametrize('big', ['a', 'b', 'last'])
def test_too_little_room_for_one_file_keeps_the_whole_old_set(tmp_path, big):
    old = dict(a='1', b='1', last='1')
    write_together(tmp_path, old)
    with limited_files(1000), pytest.raises(OutputError):
        write_together(tmp_path, old | {big: '2' * 5000})
    assert {name: (tmp_path / name).read_text() for name in names(tmp_path)} == old


WRITER = """
import sys
from pathlib import Path
from aurora_mm.files import write_bytes
print('ready', flush=True)
for i in range(10**6):
    write_bytes(Path(sys.argv[1]) / 'a', bytes([i % 256]) * 3_000_000)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    for delay in (0.02, 0.05, 0.09):
        process = subprocess.Popen([sys.executable, '-c', WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        wait_until((tmp_path / 'a').exists, pause=0.001)
        time.sleep(delay)
        process.kill()
        process.wait()
        process.stdout.close()
        data = (tmp_path / 'a').read_bytes()
        assert data == data[:1] * 3_000_000
    remove_partial(tmp_path)
    assert names(tmp_path) == ['a']
