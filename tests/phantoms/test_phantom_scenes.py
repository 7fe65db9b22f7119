"""What the scenes draw is what they answer."""

from __future__ import annotations

import numpy as np
import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.phantoms import make_scene
from aurora_mm.phantoms.canvas import Canvas
from aurora_mm.phantoms.landmark_scene import point_groups
from aurora_mm.phantoms.shapes import tight_box
from aurora_mm.phantoms.style import Style
from aurora_mm.tasks import Task

CLASSES = tuple('abcdefghijklmnop')


def draw(task: Task, index: int = 0, seed: int = 0):
    return make_scene(task).draw(np.random.default_rng([seed, index]), index)


def points_of(phantom, task: Task) -> np.ndarray:
    return np.array(phantom.annotation['points'])


@pytest.mark.parametrize('number', [2, 3, 5, 9])
def test_masks_hold_the_classes_of_the_task_and_lie_in_the_view(number):
    task = Task('some_organ', 'segmentation', CLASSES[:number])
    seen: set[int] = set()
    for index in range(3):
        phantom = draw(task, index)
        assert phantom.mask.shape == phantom.image.shape and phantom.mask.dtype == np.uint8
        seen |= set(np.unique(phantom.mask))
        assert phantom.image[phantom.mask > 0].mean() > 3  # not in the black around the view
    assert seen == set(range(number))


def test_each_class_of_a_segmentation_has_an_echo_of_its_own():
    task = Task('contrast', 'segmentation', CLASSES[:5])
    order = []
    for index in range(4):
        phantom = draw(task, index)
        levels = {c: float(phantom.image[phantom.mask == c].mean()) for c in np.unique(phantom.mask) if c}
        order.append(min(levels, key=levels.get))
        assert max(levels.values()) - min(levels.values()) > 60
    assert len(set(order)) == 1  # the darkest structure is always the same class


def test_a_class_is_sometimes_absent_but_rarely_and_never_of_a_binary_task():
    scene = make_scene(Task('three', 'segmentation', CLASSES[:3]))
    present = [len(np.unique(scene.draw(np.random.default_rng([1, i]), i).mask)) for i in range(60)]
    assert present.count(2) + present.count(3) == 60
    assert 1 <= present.count(2) <= 12
    binary = Task('two', 'segmentation', CLASSES[:2])
    assert all(draw(binary, i).mask.any() for i in range(10))


def test_the_box_is_tight_around_the_lesion(monkeypatch):
    painted = []
    paint = Canvas.paint
    monkeypatch.setattr(Canvas, 'paint', lambda *args: painted.append(paint(*args)) or painted[-1])
    for index in range(5):
        phantom = draw(Task('lesion_det', 'detection', ('lesion',)), index)
        ys, xs = np.nonzero(painted[-1])
        box = phantom.annotation['bbox']
        assert box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == tight_box(painted[-1])
        height, width = phantom.image.shape
        assert 0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height


def test_the_lesion_in_the_box_can_be_seen():
    for name in ('aaa', 'bbb', 'ccc', 'ddd'):
        phantom = draw(Task(name, 'detection', ('lesion',)))
        x0, y0, x1, y1 = phantom.annotation['bbox']
        dx, dy = (x1 - x0) // 4, (y1 - y0) // 4
        inside = phantom.image[y0 + dy : y1 - dy, x0 + dx : x1 - dx].mean()
        tissue = np.median(phantom.image[phantom.image > 0])
        assert abs(inside - tissue) > 25, name


@pytest.mark.parametrize(
    'task',
    [
        Task('femur', 'landmark', points=('left', 'right'), swaps=(('left', 'right'),)),
        Task('cervix', 'landmark', points=('inner', 'outer'), flip=False),
        Task('three_points', 'landmark', points=('a', 'b', 'c'), flip=False),
        Task('five_points', 'landmark', points=tuple('abcde')),
    ],
    ids=lambda task: task.name,
)
def test_points_lie_in_the_image_on_bright_structures_in_their_order(task):
    for index in range(6):
        phantom = draw(task, index)
        points = points_of(phantom, task)
        height, width = phantom.image.shape
        assert (points >= 0).all() and (points <= (width, height)).all()
        for group in point_groups(task):
            if len(group) == 2:
                left, right = points[list(group)]
                assert left[0] < right[0]
                x, y = ((left + right) / 2).astype(int)
                assert phantom.image[y - 1 : y + 2, x - 1 : x + 2].mean() > 150
    assert sorted(i for group in point_groups(task) for i in group) == list(range(task.num_outputs))


def test_points_without_a_partner_stand_one_under_another_where_images_are_mirrored():
    task = Task('column', 'landmark', points=tuple('abcd'))
    assert point_groups(task) == [(0,), (1,), (2,), (3,)]
    task = Task('mixed', 'landmark', points=tuple('abc'), swaps=(('a', 'c'),))
    assert point_groups(task) == [(0, 2), (1,)]
    task = Task('fixed', 'landmark', points=tuple('abc'), flip=False)
    assert point_groups(task) == [(0, 1), (2,)]


@pytest.mark.parametrize('flip,number', [(True, 2), (True, 3), (True, 6), (False, 8)])
def test_classes_take_turns(flip, number):
    task = Task(f'cls_{number}', 'classification', CLASSES[:number], flip=flip)
    assert [draw(task, i).annotation['gt_label'] for i in range(number + 1)] == [*range(number), 0]


def test_position_is_the_class_where_images_are_not_mirrored():
    task = Task('quarters', 'classification', CLASSES[:4], flip=False)
    brightest = []
    for index in range(4):
        image = draw(task, index).image.astype(float)
        rows, columns = np.nonzero(image)
        ys, xs = np.nonzero(image > np.percentile(image[image > 0], 96))
        brightest.append((xs.mean() - columns.mean(), ys.mean() - rows.mean()))
    right, below, left, above = brightest
    assert right[0] > abs(right[1]) and -left[0] > abs(left[1])
    assert below[1] > 0 > above[1]


def test_one_style_to_a_task_and_another_to_another():
    task = Task('lung', 'segmentation', CLASSES[:2])
    assert Style.of(task) == Style.of(task)
    assert len({Style.of(Task(name, 'segmentation', CLASSES[:2])) for name in CLASSES}) == len(CLASSES)


def test_images_differ_in_size_and_stay_within_the_limits():
    task = Task('sizes', 'detection', ('a',))
    shapes = {draw(task, i).image.shape for i in range(8)}
    assert len(shapes) > 5
    assert all(190 <= side <= 700 for shape in shapes for side in shape)


def test_boxes_of_several_lesions_surround_a_lesion_of_their_class_each(monkeypatch):
    painted = []
    paint = Canvas.paint
    monkeypatch.setattr(
        Canvas, 'paint', lambda self, *args: painted.append((paint(self, *args), args[1])) or painted[-1][0]
    )
    task = Task('lesions', 'multi_object_detection', CLASSES[:3])
    looks = make_scene(task).looks
    assert len(set(looks)) == 3
    counts, seen = [], set()
    for index in range(6):
        painted.clear()
        found = draw(task, index).annotation
        assert found['bboxes'] == [list(tight_box(mask)) for mask, _ in painted]
        assert [looks[label] for label in found['bboxes_labels']] == [look for _, look in painted]
        assert not painted or sum(mask.astype(int) for mask, _ in painted).max() == 1
        counts.append(len(painted))
        seen |= set(found['bboxes_labels'])
    assert counts == [0, 1, 2, 3, 4, 0] and seen == {0, 1, 2}


def test_an_image_shows_the_looks_of_its_classes(monkeypatch):
    painted = []
    paint = Canvas.paint
    monkeypatch.setattr(Canvas, 'paint', lambda self, *args: painted.append(args[1]) or paint(self, *args))
    task = Task('signs', 'multi_label_classification', CLASSES[:3])
    looks = make_scene(task).looks
    counts = set()
    for index in range(12):
        painted.clear()
        labels = draw(task, index).annotation['gt_labels']
        assert [looks[label] for label in labels] == painted and labels == sorted(labels)
        counts.add(len(labels))
    assert {0, 1, 2} <= counts


def test_the_number_is_the_part_of_the_image_that_the_structure_covers(monkeypatch):
    painted = []
    paint = Canvas.paint
    monkeypatch.setattr(Canvas, 'paint', lambda *args: painted.append(paint(*args)) or painted[-1])
    values = [draw(Task('covered', 'scalar_regression', values=('part',)), i).annotation['value'] for i in range(8)]
    assert values == [round(100 * mask.sum() / mask.size, 2) for mask in painted]
    assert max(values) > 4 * min(values) > 0


@pytest.mark.parametrize(
    'task',
    [
        Task('many_organs', 'segmentation', CLASSES[:10]),
        Task('many_classes', 'classification', CLASSES[:9]),
        Task('many_boxes', 'detection', CLASSES[:2]),
        Task('many_lesions', 'multi_object_detection', CLASSES[:9]),
    ],
    ids=lambda task: task.name,
)
def test_too_many_classes_are_refused(task):
    with pytest.raises(ConfigError, match=f'{task.name}.*{task.num_outputs} classes'):
        make_scene(task)
