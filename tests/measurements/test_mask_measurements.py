"""Measurements of masks against formulas of ideal shapes and SimpleITK."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.measurements import Structure, measurements_of
from aurora_mm.measurements.ellipse import Ellipse, fit_ellipse
from aurora_mm.measurements.structure import polygon_area
from aurora_mm.tasks import Task

HEIGHT, WIDTH = 190, 200


def measure(mask, *configs, spacing=None, classes=('background', 'head', 'symphysis')):
    task = Task('heads', 'segmentation', classes=classes, measurements=configs)
    structure = Structure(spacing, mask)
    return [measurement(structure) for measurement in measurements_of(task)]


def one(mask, kind, spacing=None, **arguments):
    (measured,) = measure(mask, dict(type=kind, name='it', **(dict(label='head') | arguments)), spacing=spacing)
    return measured


def ellipse_mask(centre, half_x, half_y, turn=0.0, spacing=(1.0, 1.0), shape=(HEIGHT, WIDTH)):
    """Pixels whose centres lie in an ellipse that is given in mm."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    x, y = x * spacing[1] - centre[0], y * spacing[0] - centre[1]
    u, v = math.cos(turn) * x + math.sin(turn) * y, -math.sin(turn) * x + math.cos(turn) * y
    return ((u / half_x) ** 2 + (v / half_y) ** 2 <= 1).astype(np.uint8)


@pytest.mark.parametrize('spacing', [None, (0.5, 0.5), (0.4, 0.6)])
@pytest.mark.parametrize('turn', [0.0, 0.5, 2.0])
def test_an_ellipse_in_mm(spacing, turn):
    scale = 1.0 if spacing is None else 0.5
    half_x, half_y, centre = 60 * scale, 40 * scale, (100 * scale, 80 * scale)
    mask = ellipse_mask(centre, half_x, half_y, turn, spacing or (1.0, 1.0))
    area, around, long, short = measure(
        mask,
        dict(type='Area', name='area', label='head'),
        dict(type='Circumference', name='HC', label='head'),
        dict(type='LongAxis', name='OFD', label='head'),
        dict(type='ShortAxis', name='BPD', label='head'),
        spacing=spacing,
    )
    unit = 'px' if spacing is None else 'mm'
    assert [measured.unit for measured in (area, around, long, short)] == [f'{unit}2', unit, unit, unit]
    assert area.value == pytest.approx(math.pi * half_x * half_y, rel=0.005)
    assert long.value == pytest.approx(2 * half_x, rel=0.005)
    assert short.value == pytest.approx(2 * half_y, rel=0.005)
    assert around.value == pytest.approx(Ellipse((0, 0), half_x, half_y, 0).circumference, rel=0.005)
    ends = long.lines[0] * (1.0 if spacing is None else np.array(spacing[::-1]))  # lines are in pixels
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(long.value)
    np.testing.assert_allclose(ends.mean(0), centre, atol=0.3)


def test_the_circumference_against_the_integral():
    for long, short in ((50, 50), (60, 40), (60, 20)):
        turns = np.linspace(0, 2 * math.pi, 200_001)
        steps = np.diff(np.stack([long * np.cos(turns), short * np.sin(turns)]), axis=1)
        assert Ellipse((0, 0), long, short, 0).circumference == pytest.approx(np.hypot(*steps).sum(), rel=1e-5)


def test_exact_ellipses_are_found_whatever_their_place():
    truth = Ellipse((1e4, -3e3), 61.5, 40.25, 0.7)
    found = fit_ellipse(truth.outline(100)[:-1])
    assert found[1:3] == pytest.approx(truth[1:3], abs=1e-3)
    assert found.centre == pytest.approx(truth.centre, abs=1e-3)
    assert found.angle % math.pi == pytest.approx(0.7, abs=1e-3)


def test_against_simpleitk():
    sitk = pytest.importorskip('SimpleITK')
    mask = ellipse_mask((55, 40), 40, 18, 0.6, (0.5, 0.5))
    mask[100:104, 20:120] = 1  # no ellipse any more
    image = sitk.GetImageFromArray(mask)
    image.SetSpacing((0.5, 0.5))
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.ComputeFeretDiameterOn()
    shapes.Execute(image)
    assert one(mask, 'Area', (0.5, 0.5)).value == pytest.approx(shapes.GetPhysicalSize(1))
    # SimpleITK takes the distance of pixel centres, this package that of edges: one pixel more at most.
    difference = one(mask, 'LargestDiameter', (0.5, 0.5)).value - shapes.GetFeretDiameter(1)
    assert 0 < difference <= 0.5 * math.sqrt(2)


def test_a_rectangle():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[50:80, 20:60] = 1  # 40 x 30, its corners cut by half a pixel
    assert one(mask, 'LargestDiameter').value == pytest.approx(50, abs=1)
    assert one(mask, 'PerpendicularDiameter').value == pytest.approx(2 * 40 * 30 / 50, abs=1)


def test_a_drawn_outline_is_taken_off():
    """A mask that was filled from an outline of 3 pixels reaches 1.5 pixels farther than the outline's middle."""
    wide = ellipse_mask((100, 80), 61.5, 41.5)
    assert one(wide, 'LongAxis', border=1.5).value == pytest.approx(120, abs=0.3)
    assert one(wide, 'LongAxis').value == pytest.approx(123, abs=0.3)
    assert one(wide, 'LongAxis', (0.5, 0.5), border=1.5).value == pytest.approx(60, abs=0.15)
    assert math.isnan(one(ellipse_mask((100, 80), 3, 3), 'LongAxis', border=5).value)


def test_a_head_that_the_picture_cuts_off_keeps_its_size():
    mask = ellipse_mask((100, 10), 60, 40)
    assert mask[0].any()
    assert one(mask, 'Circumference').value == pytest.approx(Ellipse((0, 0), 60, 40, 0).circumference, rel=0.01)


@pytest.mark.parametrize('mirrored', [False, True])
def test_pixels_that_touch_at_corners_are_one_part(mirrored):
    """A line of one pixel's width, such as a canal, and two squares, by the extent of their pixels' edges."""
    line = np.eye(50, dtype=np.uint8)
    squares = np.zeros((60, 60), np.uint8)
    squares[5:15, 5:15] = squares[15:35, 15:35] = 1
    for mask, extent in ((line, 50), (squares, 30)):
        mask = mask[:, ::-1] if mirrored else mask
        diameter = one(mask, 'LargestDiameter').value
        assert extent * math.sqrt(2) - 1 <= diameter <= extent * math.sqrt(2)
        outline = Structure(None, mask).outline(1)
        assert abs(polygon_area(outline)) == pytest.approx(mask.sum(), rel=0.02, abs=5)


def test_the_largest_part_counts():
    mask = ellipse_mask((60, 80), 40, 30)
    mask[5:9, 180:184] = 1
    assert one(mask, 'LongAxis').value == pytest.approx(80, abs=0.5)
    assert one(mask, 'Area').value == mask.sum()


@pytest.mark.parametrize('kind', ['Circumference', 'LongAxis', 'ShortAxis', 'LargestDiameter', 'PerpendicularDiameter'])
def test_nothing_to_measure(kind):
    measured = one(np.zeros((HEIGHT, WIDTH), np.uint8), kind)
    assert math.isnan(measured.value)
    assert measured.lines == ()


def test_an_area_of_nothing_is_0():
    assert one(np.zeros((HEIGHT, WIDTH), np.uint8), 'Area').value == 0


@pytest.mark.parametrize('kind', ['Circumference', 'LargestDiameter'])
@pytest.mark.parametrize('size', [1, 2])
def test_a_structure_of_few_pixels_breaks_nothing(kind, size):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5 : 5 + size, 7] = 1
    value = one(mask, kind).value
    assert math.isnan(value) or 0 < value < 8


@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('spacing', [None, (0.3, 0.3)])
@pytest.mark.parametrize('head_at', [(130, 90), (110, 110), (80, 115)])
def test_the_angle_of_progression_of_a_circle(mirrored, spacing, head_at):
    """The tangent to a circle of radius r at distance d stands asin(r / d) behind the line to its centre."""
    mask = ellipse_mask((50, 40), 25, 8, 0.2)  # the symphysis
    mask[mask == 1] = 2
    mask[ellipse_mask(head_at, 40, 40) == 1] = 1
    end = np.array([50 + 25 * math.cos(0.2), 40 + 25 * math.sin(0.2)])
    to_centre = np.array(head_at) - end
    axis = np.array([50, 40]) - end
    between = math.acos(axis @ to_centre / np.linalg.norm(axis) / np.linalg.norm(to_centre))
    expected = math.degrees(between + math.asin(40 / np.linalg.norm(to_centre)))
    (measured,) = measure(
        mask[:, ::-1].copy() if mirrored else mask,
        dict(type='AngleOfProgression', name='AoP', symphysis='symphysis', head='head'),
        spacing=spacing,
    )
    assert measured.unit == 'deg'
    assert measured.value == pytest.approx(expected, abs=1.5)


class TestConfigs:
    def test_wrong_ones_are_refused(self):
        mask = np.zeros((9, 9), np.uint8)
        for config, message in (
            (dict(type='Aria', name='a', label='head'), "'Aria'.*known are Angle, .*Area"),
            (dict(type='Area', name='a'), "missing 1 required positional argument: 'label'"),
            (dict(type='Area', name='a', label='heart'), "names 'heart'; known are head, symphysis"),
            (dict(type='Area', name='a', label='background'), "names 'background'"),
            (dict(type='Area', name='', label='head'), 'must have a name of one line'),
            (dict(type='LongAxis', name='a', label='head', border=-1), 'border must be a number of pixels'),
            (dict(type='Distance', name='a', points=['x', 'y']), 'is for tasks of type landmark'),
            (dict(type='BoxWidth', name='a', label='head'), 'is for tasks of type detection'),
        ):
            with pytest.raises(ConfigError, match=message):
                measure(mask, config)

    @pytest.mark.parametrize(
        'config',
        [
            dict(type='torch.hub.load', repo_or_dir='hub', model='outline', source='local', trust_repo=True),
            dict(type='outlines.Outline'),
            dict(type='Area', name='a', label='head', _scope_='outlines'),
        ],
        ids=['a function', 'a module', 'a scope'],
    )
    def test_nothing_is_imported_or_called_for_a_task_of_a_file(self, config, tmp_path, monkeypatch):
        code = f"open(r'{tmp_path / 'ran'}', 'w')\n"
        (tmp_path / 'hub').mkdir()
        (tmp_path / 'outlines').mkdir()
        for name in ('hub/hubconf.py', 'outlines/__init__.py', 'outlines/registry.py'):
            (tmp_path / name).write_text(code)
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(ConfigError, match=r'is not registered|unexpected keyword argument'):
            measurements_of(Task('t', 'segmentation', classes=('background', 'head'), measurements=[config]))
        assert not (tmp_path / 'ran').exists()

    def test_the_scope_may_stand_in_the_type(self):
        (area,) = measurements_of(
            Task(
                't',
                'segmentation',
                classes=('background', 'head'),
                measurements=[dict(type='aurora_mm.Area', name='a', label='head')],
            )
        )
        assert area.name == 'a'

    def test_two_of_one_name(self):
        with pytest.raises(ConfigError, match='two measurements of one name'):
            measure(np.zeros((9, 9)), *[dict(type='Area', name='a', label='head')] * 2)

    @pytest.mark.parametrize('value', ['Area', dict(type='Area'), [1], [dict(name='a')], 5])
    def test_a_task_takes_a_list_of_configs_alone(self, value):
        with pytest.raises(ConfigError, match="measurements of task 'heads' must be"):
            Task('heads', 'segmentation', classes=['background', 'head'], measurements=value)

    def test_they_travel_with_the_task(self):
        task = Task(
            'heads',
            'segmentation',
            classes=['background', 'head'],
            measurements=[dict(type='Area', name='a', label='head')],
        )
        assert Task.from_config(task.to_config()) == task
        assert hash(task)
