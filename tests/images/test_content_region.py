"""The region of ultrasound against pictures whose region is known."""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.images.content_region import content_region
from aurora_mm.phantoms.geometry import sector_view


def screen(inside, background=0, seed=0, text=True, box=False):
    """A scanner's screen: speckle where `inside` is true, and texts, a scale and a grey bar around it."""
    rng = np.random.default_rng(seed)
    pixels = np.full(inside.shape, background, np.uint8)
    tissue = rng.rayleigh(40, inside.shape).clip(5, 255).astype(np.uint8)
    pixels[inside] = tissue[inside]
    height, width = inside.shape
    if text:
        for line, words in enumerate(('MI 1.2  TIs 0.4', '12 cm  5 MHz', 'PATIENT, TEST')):
            cv2.putText(pixels, words, (4, 16 + 18 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230, 1, cv2.LINE_AA)
        cv2.putText(pixels, 'ABDOMEN 08:15', (4, height - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230, 1, cv2.LINE_AA)
        for y in range(20, height, 25):
            cv2.line(pixels, (width - 8, y), (width - 3, y), 200, 1)
        pixels[60:-60, 6:12] = np.linspace(255, 0, height - 120).astype(np.uint8)[:, None]
    if box:
        pixels[height - 40 :, width - 90 :] = 0
    return pixels


def rectangle(shape, box):
    inside = np.zeros(shape, bool)
    x1, y1, x2, y2 = box
    inside[y1:y2, x1:x2] = True
    return inside


def assert_near(found, box, shape):
    """At most two hundredths of the longer side, to which a margin of one belongs; and nothing is cut away."""
    assert found is not None
    differences = np.subtract(found, box) * (-1, -1, 1, 1)
    assert differences.min() >= -1, (found, box)
    assert differences.max() <= 0.02 * max(shape) + 1, (found, box)


@pytest.mark.parametrize('background', [0, 38, 200])
@pytest.mark.parametrize('seed', [0, 1])
def test_a_rectangle_on_a_screen(background, seed):
    box = (110, 70, 480, 400)
    pixels = screen(rectangle((460, 600), box), background, seed)
    assert_near(content_region([pixels]), box, pixels.shape)
    assert_near(content_region([np.stack([pixels] * 3, axis=-1)]), box, pixels.shape)


@pytest.mark.parametrize(('half_angle', 'face'), [(0.6, 0.03), (0.75, 0.05), (0.5, 0.4), (0.7, 0.3)])
@pytest.mark.parametrize('size', [(420, 620), (760, 1024)])
def test_a_sector_on_a_screen(half_angle, face, size):
    """Wide margins at both sides: the sector takes the middle of the screen."""
    inside = np.zeros(size, bool)
    view = sector_view(size[0] - 70, size[1] - 280, half_angle, face)
    inside[60 : size[0] - 10, 140 : size[1] - 140] = view.inside
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    found = content_region([screen(inside, box=True)])
    # The tip of a phased array is thinner than any tissue that counts, so that a part of it may be lost.
    slack = 0.05 * size[0] if face < 0.1 else 2
    assert columns[0] - 0.02 * size[1] - 2 <= found[0] <= columns[0] + 2
    assert columns[-1] - 2 <= found[2] <= columns[-1] + 0.02 * size[1] + 3
    assert rows[0] - 0.02 * size[1] - 2 <= found[1] <= rows[0] + slack
    assert rows[-1] - 2 <= found[3] <= rows[-1] + 0.02 * size[1] + 3


def test_tissue_that_fills_the_picture_is_left_whole():
    pixels = screen(np.ones((300, 400), bool), text=False)
    assert content_region([pixels]) == (0, 0, 400, 300)


def test_a_shadow_across_the_picture_does_not_end_it():
    pixels = screen(rectangle((400, 500), (50, 40, 450, 360)), text=False)
    pixels[170:215] = 0
    assert_near(content_region([pixels]), (50, 40, 450, 360), pixels.shape)


@pytest.mark.parametrize('pixels', [np.zeros((200, 300), np.uint8), np.full((200, 300), 90, np.uint8)])
def test_nothing_is_found_in_an_empty_picture(pixels):
    assert content_region([pixels]) is None


def test_a_logo_is_no_ultrasound():
    assert content_region([screen(rectangle((400, 500), (200, 200, 260, 250)))]) is None


def test_what_stands_still_in_a_clip_is_left_out():
    """A bar as wide as tissue touches the sector; only the frames tell them apart."""
    box = (120, 60, 460, 400)
    frames = []
    for seed in range(4):
        frame = screen(rectangle((460, 600), box), seed=seed)
        frame[60:400, 460:580] = screen(np.ones((340, 120), bool), text=False)
        frames.append(frame)
    assert content_region(frames[:1])[2] > 570
    assert_near(content_region(frames), box, frames[0].shape)


def test_a_frozen_clip_is_a_picture():
    frame = screen(rectangle((460, 600), (120, 60, 460, 400)))
    assert content_region([frame, frame]) == content_region([frame])


@pytest.mark.slow
@pytest.mark.skipif('AURORA_REAL_DATA' not in os.environ, reason='AURORA_REAL_DATA names no data set to read')
def test_no_label_of_real_images_is_cut():
    """Two masks of the nerve data reach below the ultrasound, into the black margin."""
    root = Path(os.environ['AURORA_REAL_DATA'])
    boxes = defaultdict(list)
    for file in root.glob('*/csv_files/*.csv'):
        for row in csv.DictReader(file.open()):
            image = (file.parent / row['image_path']).resolve()
            points = [json.loads(cell) for name, cell in row.items() if name.startswith('point_')]
            if row.get('mask_path'):
                mask = cv2.imread(str(file.parent / row['mask_path']), cv2.IMREAD_UNCHANGED)
                points = np.argwhere(mask)[:, ::-1]
            elif row.get('x_min'):
                x1, y1, x2, y2 = (float(row[side]) for side in ('x_min', 'y_min', 'x_max', 'y_max'))
                points = [(x1, y1), (x2 - 1, y2 - 1)]
            if len(points):
                boxes[image].append((*np.min(points, axis=0), *(np.max(points, axis=0) + 1)))
    cut = []
    for image, labels in boxes.items():
        pixels = cv2.imread(str(image))
        region = content_region([pixels])
        assert region is not None, image
        if any(np.any(np.subtract(label, region) * (1, 1, -1, -1) < 0) for label in labels):
            cut.append(image.name)
    assert len(boxes) > 400
    assert sorted(cut) == ['0071.png', '0199.png']
