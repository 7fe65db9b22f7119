import pytest

from aurora_mm.sided_names import questions_about_sides, unswapped_sides
from aurora_mm.tasks import Task


@pytest.mark.parametrize(
    ('names', 'pairs'),
    [
        (('left_end', 'right_end'), [('left_end', 'right_end')]),
        (('end right', 'top', 'end left'), [('end left', 'end right')]),
        (('kidney_L', 'kidney_R', 'r1', 'l1'), [('kidney_L', 'kidney_R'), ('l1', 'r1')]),
        (('leftEye', 'rightEye'), [('leftEye', 'rightEye')]),
        (('cleft', 'bright', 'left', 'upright'), []),
        (('left_1', 'right_2'), []),
    ],
)
def test_names_that_differ_in_left_and_right_alone(names, pairs):
    assert unswapped_sides(Task('ends', 'landmark', points=names)) == pairs


@pytest.mark.parametrize(
    'said', [dict(flip=False), dict(swaps=[('right', 'left')]), dict(ordered=[('x', 'left', 'right')])]
)
def test_a_task_that_says_what_mirroring_does(said):
    assert unswapped_sides(Task('ends', 'landmark', points=('left', 'right'), **said)) == []


def test_the_question_has_the_line_to_add():
    tasks = [
        Task('ends', 'landmark', points=('left', 'right')),
        Task('lungs', 'segmentation', classes=('background', 'left_lung', 'right_lung')),
        Task('kind', 'classification', classes=('a', 'b')),
    ]
    (name, text), (other, _) = questions_about_sides(tasks)
    assert (name, other) == ('ends', 'lungs')
    assert "swaps=[('left', 'right')]" in text
    assert 'flip=False' in text
