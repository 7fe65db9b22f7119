"""Clips, written by OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import frame_sources, read_frames, read_image, read_shape

LEVELS = [20, 90, 160, 230, 60]


@pytest.fixture(params=[('.avi', 'MJPG'), ('.mp4', 'mp4v')], ids=['avi', 'mp4'])
def clip(request, tmp_path):
    suffix, codec = request.param
    path = tmp_path / f'clip{suffix}'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (64, 48))
    for level in LEVELS:
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    return path


def test_every_frame_is_reached_in_any_order(clip):
    assert frame_sources(clip) == [f'{clip}#frame={number}' for number in range(5)]
    for number in (3, 0, 4, 4, 1):
        pixels = read_image(f'{clip}#frame={number}').pixels
        assert pixels.shape == (48, 64, 3)
        assert pixels.mean() == pytest.approx(LEVELS[number], abs=3)
    assert read_shape(f'{clip}#frame=0') == (48, 64)


def test_frames_in_order(clip):
    levels = [image.pixels.mean() for image in read_frames(clip, every=2)]
    assert levels == pytest.approx(LEVELS[::2], abs=3)


def test_a_frame_that_is_not_there(clip):
    with pytest.raises(BadImage, match='has no frame 5: it has 5'):
        read_image(f'{clip}#frame=5')


def test_a_broken_clip_is_refused(clip):
    clip.write_bytes(clip.read_bytes()[:200])
    with pytest.raises(BadImage):
        read_image(f'{clip}#frame=0')


def test_a_playlist_is_no_video(tmp_path):
    """FFmpeg would open the files that it names."""
    (tmp_path / 'a.mp4').write_text('#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n')
    with pytest.raises(BadImage, match='cannot be read'):
        read_image(tmp_path / 'a.mp4')
