"""Scanners: the statistics of their speckle, their physics by hand, and labels in coordinates of their screens."""

from __future__ import annotations

import csv
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy import stats

from aurora_mm.cli.main import main
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import DataError
from aurora_mm.images.content_region import content_region
from aurora_mm.phantoms import SCANNERS, make_dataset, make_scene
from aurora_mm.phantoms.canvas import Canvas, Look
from aurora_mm.phantoms.geometry import BEAMS, DEPTHS, linear_view, sector_view
from aurora_mm.phantoms.physical_scanner import PhysicalScanner
from aurora_mm.phantoms.screen import Screen
from aurora_mm.phantoms.shapes import blob, tight_box
from aurora_mm.phantoms.speckle import focused_speckle
from aurora_mm.phantoms.style import Style
from aurora_mm.tasks import Task, TaskTable

PROBES = dict(linear=(5.0, 8.0), convex=(5.0, 8.0), phased=(5.0, 8.0))
PLAIN = PhysicalScanner('plain', PROBES)
TASKS = TaskTable(
    [
        Task('organ', 'segmentation', ('background', 'a')),
        Task('find', 'detection', ('lesion',)),
        Task('ends', 'landmark', points=('left', 'right'), swaps=(('left', 'right'),)),
    ]
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def acquired(scanner, rng, echo=-20.0, loss=None, frequency=5.0, depth=8.0):
    """The levels in decibels of a scan of homogeneous tissue, before they are cut to the range of the screen."""
    wide = replace(scanner, dynamic_range=200.0, gain=-20.0, gamma=1.0)
    shape = (DEPTHS, BEAMS)
    loss = np.zeros(shape, np.float32) if loss is None else loss
    return (wide.acquire(np.full(shape, echo, np.float32), loss, frequency, depth, rng) - 1) * 200 + 20


class TestSpeckle:
    WIDTHS = 1.8 * np.sqrt(1 + np.linspace(-1.5, 1.5, DEPTHS) ** 2)

    def test_of_a_focused_beam_follows_a_rayleigh_distribution_at_every_depth(self, rng):
        fields = np.stack([focused_speckle(rng, (DEPTHS, BEAMS), 1.2, self.WIDTHS) for _ in range(6)])
        for rows in (slice(0, 40), slice(170, 210), slice(344, 384)):
            part = fields[:, rows]
            apart = part[:, ::8, ::16].ravel()  # far enough apart to be independent
            assert stats.kstest(apart, stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 0.01
            # The mean of a Rayleigh distribution is 1.913 of its standard deviations.
            assert part.mean() / part.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.03)
            assert np.mean(part**2) == pytest.approx(1, rel=0.05)

    def test_is_finest_at_the_focus(self, rng):
        field = focused_speckle(rng, (DEPTHS, BEAMS), 1.2, self.WIDTHS)

        def correlation(rows):
            return np.corrcoef(field[rows, :-3].ravel(), field[rows, 3:].ravel())[0, 1]

        assert correlation(slice(172, 212)) < correlation(slice(0, 40)) - 0.15
        assert correlation(slice(172, 212)) < correlation(slice(344, 384)) - 0.15

    def test_of_a_constant_width(self, rng):
        field = focused_speckle(rng, (DEPTHS, BEAMS), 1.2, np.full(DEPTHS, 2.0))
        assert field.mean() / field.std() == pytest.approx(1.913, rel=0.03)

    def test_is_what_a_scanner_shows(self, rng):
        """The levels of the image, turned back to amplitudes."""
        amplitude = 10 ** (acquired(PLAIN, rng)[150:250] / 20)
        assert amplitude.mean() / amplitude.std() == pytest.approx(1.913, rel=0.05)

    def test_is_smoothed_by_compounding(self, rng):
        """The power of n looks is a gamma distribution, whose mean is sqrt(n) of its standard deviations."""
        for looks in (1, 4):
            power = 10 ** (acquired(replace(PLAIN, looks=looks), rng) / 10)
            assert power.mean() / power.std() == pytest.approx(np.sqrt(looks), rel=0.08)


class TestPhysics:
    def test_the_gain_curve_compensates_the_attenuation(self, rng):
        levels = acquired(PLAIN, rng).mean(axis=1)
        assert levels[:60].mean() == pytest.approx(levels[-60:].mean(), abs=0.7)

    def test_and_what_it_adds_is_seen(self, rng):
        levels = acquired(replace(PLAIN, tgc=(0.0, -12.0, 6.0)), rng).mean(axis=1)
        flat = acquired(PLAIN, rng).mean(axis=1)
        for row, expected in ((0, 0.0), (DEPTHS // 4, -6.0), (DEPTHS // 2, -12.0), (3 * DEPTHS // 4, -3.0)):
            rows = slice(max(row - 4, 0), row + 5)
            assert (levels - flat)[rows].mean() == pytest.approx(expected, abs=1.3)

    def test_noise_rises_with_the_gain_curve(self, rng):
        """Of 5 MHz at 8 cm: 0.5 x 5 x 2 x 8 = 40 dB from the skin to the far end."""
        levels = acquired(replace(PLAIN, noise=-80.0), rng, echo=-150.0)
        rise = levels[-20:].mean() - levels[:20].mean()
        assert rise == pytest.approx(40 * (DEPTHS - 20) / DEPTHS, abs=0.6)

    def test_shadow_and_enhancement(self, rng):
        loss = np.zeros((DEPTHS, BEAMS), np.float32)
        loss[100:120, :70], loss[100:120, 150:] = 9.0, -6.0
        levels = acquired(PLAIN, rng, loss=loss)[200:]
        beside = levels[:, 85:140].mean()
        assert levels[:, :60].mean() - beside == pytest.approx(-9, abs=0.5)
        assert levels[:, 160:].mean() - beside == pytest.approx(6, abs=0.5)

    def test_the_dynamic_range_is_that_of_black_and_white(self, rng):
        shape = (DEPTHS, BEAMS)
        echo = np.full(shape, -30, np.float32)
        shown = {}
        for dynamic_range in (40.0, 60.0):
            scanner = replace(PLAIN, dynamic_range=dynamic_range, looks=16)
            shown[dynamic_range] = scanner.acquire(echo, 0 * echo, 5.0, 8.0, rng).mean()
        assert shown[40.0] == pytest.approx(1 - 30 / 40, abs=0.02)
        assert shown[60.0] == pytest.approx(1 - 30 / 60, abs=0.02)

    def test_pulses_by_hand(self):
        """2 periods of 5 MHz are 0.616 mm, of which sound on its way back makes 0.308 mm; 384 samples on 80 mm."""
        assert PLAIN.axial(5.0, 8.0) == pytest.approx(0.308 / 2.3548 / (80 / 384), rel=1e-3)
        assert PLAIN.axial(2.5, 8.0) == pytest.approx(2 * PLAIN.axial(5.0, 8.0))


class TestScreens:
    def test_a_padded_view_is_the_view_moved(self):
        for view in (linear_view(120, 160), sector_view(120, 160, 0.6, 0.3)):
            padded = view.padded(30, 10, 5, 20)
            assert padded.shape == (150, 195)
            np.testing.assert_array_equal(padded.inside[10:130, 30:190], view.inside)
            assert padded.inside.sum() == view.inside.sum()
            np.testing.assert_allclose(padded.point(0.3, 0.7), view.point(0.3, 0.7) + np.array([30, 10]), atol=1e-4)
            echo = (0.3 * np.arange(160) + 0.7 * np.arange(120)[:, None]).astype(np.float32)  # smooth
            inside = np.pad(echo, ((10, 20), (30, 5)), mode='edge')
            np.testing.assert_allclose(padded.to_beams(inside), view.to_beams(echo), atol=0.04)

    @pytest.mark.parametrize('probe', ['linear', 'convex', 'phased'])
    def test_the_area_and_the_centre_of_an_ellipse_after_scan_conversion(self, probe, rng):
        """What is dark in the image lies where the mask says, and the mask where the ellipse was asked for."""
        style = replace(Style.of(TASKS['organ']), probe=probe, layers=0, patchiness=0.0, tissue=-20.0)
        scanner = replace(PLAIN, looks=8, screen=Screen((0.3, 0.1, 0.05, 0.2)))
        canvas = Canvas(style, rng, scanner)
        centre, radius = canvas.view.point(0.55, 0.6), 0.2 * canvas.view.scale
        mask = canvas.paint(blob(rng, centre, radius, aspect=0.6, angle=0.4), Look(-60))
        ys, xs = np.nonzero(mask)
        assert len(xs) == pytest.approx(np.pi * radius**2 * 0.6, rel=0.03)
        np.testing.assert_allclose([xs.mean() + 0.5, ys.mean() + 0.5], centre, atol=0.5)
        image = canvas.render()
        dark = (image < 60) & canvas.view.inside
        dark = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0
        assert (dark & mask).sum() / (dark | mask).sum() > 0.9
        ys, xs = np.nonzero(dark)
        np.testing.assert_allclose([xs.mean() + 0.5, ys.mean() + 0.5], centre, atol=2)

    @pytest.mark.parametrize('name', SCANNERS)
    def test_labels_of_every_type_lie_in_the_ultrasound(self, name):
        for task in TASKS.values():
            phantom = make_scene(task).draw(np.random.default_rng(1), 0, SCANNERS[name])
            view = SCANNERS[name].view(Style.of(task), np.random.default_rng(1))
            if phantom.mask is not None:
                assert phantom.mask.shape == phantom.image.shape == view.shape
                assert phantom.mask.any()
                assert not (phantom.mask.astype(bool) & ~view.inside).any()
            box = phantom.annotation.get('bbox')
            if box is not None:
                x1, y1, x2, y2 = tight_box(view.inside)
                assert x1 <= box[0] < box[2] <= x2 and y1 <= box[1] < box[3] <= y2
            for x, y in phantom.annotation.get('points', ()):
                assert view.inside[int(y), int(x)]
                assert phantom.image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].max() > 150  # the end of a bone

    @pytest.mark.parametrize('name', SCANNERS)
    def test_margins_and_text_are_found_by_the_crop(self, name):
        for task in TASKS.values():
            for seed in range(2):
                image = make_scene(task).draw(np.random.default_rng(seed), 0, SCANNERS[name]).image
                view = SCANNERS[name].view(Style.of(task), np.random.default_rng(seed))
                expected, found = tight_box(view.inside), content_region([image])
                assert found is not None
                differences = np.subtract(found, expected) * (-1, -1, 1, 1)
                # The tip of a phased array may be lost.
                assert np.delete(differences, 1).min() >= -2, (expected, found)
                assert differences[1] >= (-0.06 * len(image) if Style.of(task).probe == 'phased' else -2)
                assert differences.max() <= 0.03 * max(image.shape)

    def test_text_lies_around_the_ultrasound_and_numbers_change(self):
        screen = Screen((0.2, 0.2, 0.0, 0.0), 30, ('MI {}',), ('P {} {}',), True, True)
        view = screen.around(linear_view(200, 260))
        shown = [screen.show(np.full(view.shape, 7, np.uint8), view, np.random.default_rng(s)) for s in range(2)]
        assert (shown[0][view.inside] == 7).all()
        assert (shown[0][~view.inside] == 30).mean() > 0.8
        assert (shown[0] > 200).sum() > 50
        assert (shown[0] != shown[1]).any()


class TestScale:
    """The far end of a view is as deep as the probe shows, here 80 mm."""

    @pytest.mark.parametrize('margins', [(0, 0, 0, 0), (0.2, 0.1, 0.1, 0.3)])
    def test_a_linear_probe_by_the_rows_that_it_fills(self, margins):
        scanner = replace(PLAIN, screen=Screen(margins))
        view = scanner.screen.around(linear_view(400, 300))
        rows = np.flatnonzero(view.inside.any(axis=1))
        height, width = scanner.pixel_spacing(replace(Style.of(TASKS['organ']), probe='linear'), view)
        assert height == width == pytest.approx(80 / len(rows), rel=0.01)

    def test_a_sector_by_the_way_along_its_middle(self):
        view = sector_view(400, 500, 0.6, 0.3)
        filled = int(view.inside[:, 250].sum())
        height, width = PLAIN.pixel_spacing(replace(Style.of(TASKS['organ']), probe='convex'), view)
        assert height == width == pytest.approx(80 / filled, rel=0.01)


class TestDataSets:
    def test_scanners_look_different_and_are_named(self, tmp_path):
        out = tmp_path / 'data'
        make_dataset(out, TASKS, 2, scanners=list(SCANNERS.values()))
        rows = list(csv.DictReader((out / 'csv_files' / 'find.csv').open()))
        assert [row['scanner'] for row in rows] == ['cart'] * 2 + ['handheld'] * 2 + ['vintage'] * 2
        assert len({row['image_path'] for row in rows}) == 6
        images = [cv2.imread(str(out / 'csv_files' / row['image_path']), 0) for row in rows]
        assert {int(np.bincount(image[:3].ravel()).argmax()) for image in images} == {0, 26}
        for image, row in zip(images, rows, strict=True):
            box = [float(row[side]) for side in ('x_min', 'y_min', 'x_max', 'y_max')]
            assert 0 <= box[0] < box[2] <= image.shape[1] and 0 <= box[1] < box[3] <= image.shape[0]

    def test_the_size_of_a_pixel_is_in_the_csv_files(self, tmp_path):
        make_dataset(tmp_path / 'data', TASKS, 1, scanners=list(SCANNERS.values()))
        for item in FMCUIADataset(str(tmp_path / 'data'), 'all', test_mode=True).data_list:
            height, width = item['pixel_spacing']
            assert height == width
            image = cv2.imread(item['img_path'])
            assert 40 < height * image.shape[0] < 400  # mm; screens are a little higher than what the probe shows

    def test_an_image_does_not_depend_on_the_other_scanners(self, tmp_path):
        make_dataset(tmp_path / 'all', TASKS, 1, scanners=list(SCANNERS.values()))
        make_dataset(tmp_path / 'one', TASKS, 1, scanners=[SCANNERS['vintage']])
        images = {path.name: path for path in (tmp_path / 'all').rglob('*vintage*.png')}
        found = list((tmp_path / 'one').rglob('*.png'))
        assert found
        for path in found:
            twin = tmp_path / 'all' / path.relative_to(tmp_path / 'one')
            assert path.read_bytes() == twin.read_bytes()
        assert images

    def test_the_demonstration_data_has_no_such_column(self, tmp_path):
        make_dataset(tmp_path / 'demo', TASKS, 1)
        text = (tmp_path / 'demo/csv_files/find.csv').read_text()
        assert 'scanner' not in text
        assert 'pixel_spacing' not in text
        assert [path.name for path in (tmp_path / 'demo/Detection/find/images').iterdir()] == ['train_00000.png']

    def test_the_command_and_a_split_that_leaves_a_scanner_out(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        (tmp_path / 'tasks.py').write_text("tasks = [dict(name='spot', type='detection', classes=['spot'])]\n")
        main(['make-phantoms', 'data', '--tasks', 'tasks.py', '--images-per-task', '1', '--workers', '1'])
        assert '1 images of each task by each of cart, handheld, vintage' in capsys.readouterr().out
        main(['split-data', 'data', 'split', '--leave-out', 'scanner'])
        rows = list(csv.DictReader((tmp_path / 'split/without_vintage/val/csv_files/spot.csv').open()))
        assert [row['scanner'] for row in rows] == ['vintage']

    def test_an_unknown_scanner(self, tmp_path, capsys):
        with pytest.raises(SystemExit):
            main(['make-phantoms', str(tmp_path / 'data'), '--scanners', 'cart', 'carts'])
        assert "there is no scanner 'carts'; there are cart, handheld, vintage" in capsys.readouterr().err
        with pytest.raises(DataError):
            make_dataset(__file__, TASKS, scanners=[SCANNERS['cart']])
