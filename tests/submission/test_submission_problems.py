"""Whatever is wrong with a submission is named, and the rest is scored."""

import json

import cv2
import numpy as np
import pytest

from aurora_mm.errors import DataError
from aurora_mm.submission import problem_table, score_submission

CLASSES, BOXES, POINTS = (f'{name}_predictions.json' for name in ('classification', 'detection', 'regression'))


@pytest.fixture
def score(root, submission, tasks):
    return lambda: score_submission(root, submission, tasks)


def edit(path, change):
    """Replaces a list by what ``change`` makes of it."""
    entries = json.loads(path.read_text())
    path.write_text(json.dumps(change(entries)))
    return entries


def with_first(**values):
    return lambda entries: [entries[0] | values, *entries[1:]]


def first_without(field):
    return lambda entries: [{k: v for k, v in entries[0].items() if k != field}, *entries[1:]]


def test_a_good_submission_has_no_problem(score):
    result = score()
    assert result.problems == []
    assert result.asked == result.scored == dict(organs=4, kind=4, find=4, ends=4)
    assert result.summary().endswith('16 of 16 images scored')


@pytest.mark.parametrize(
    ('file', 'change', 'message', 'scored'),
    [
        (CLASSES, lambda e: e[1:], 'no entry for this image', False),
        (CLASSES, lambda e: [*e, e[0]], 'entry 4 is a second one', True),
        (CLASSES, lambda e: [*e, e[0] | {'image_path': '../x.png'}], 'entry 4 is of no row', False),
        (CLASSES, lambda e: [*e, {'task_id': 'kind'}], 'entry 4 has no image_path and task_id', False),
        (CLASSES, lambda e: [*e, 7], 'entry 4 has no image_path', False),
        (CLASSES, with_first(predicted_class='1'), "predicted_class '1' is not a 64-bit integer", False),
        (CLASSES, with_first(predicted_class=True), 'predicted_class True is not a 64-bit integer', False),
        (CLASSES, with_first(predicted_class=10**30), 'is not a 64-bit integer', False),
        (CLASSES, with_first(predicted_class=3), 'predicted_class 3 is not in 0..2', True),
        (CLASSES, with_first(predicted_probs=[0.5, 0.5]), 'not a list of 3 numbers', False),
        (CLASSES, with_first(predicted_probs=None), 'predicted_probs None is not a list', False),
        (CLASSES, with_first(predicted_probs=[0.5, 0.5, float('nan')]), 'nan, which is not a finite', False),
        (CLASSES, with_first(predicted_probs=[0.5, 0.4, 0.2]), 'sum to 1.1, not 1', True),
        (CLASSES, with_first(predicted_probs=[1.5, -0.5, 0.0]), 'not all in 0..1', True),
        (BOXES, with_first(bbox_pixels=[0, 0, 1]), 'bbox_pixels [0, 0, 1] is not a list of 4', False),
        (BOXES, with_first(bbox_pixels=[0, 0, 1, '2']), "'2', which is not a finite number", False),
        (BOXES, with_first(bbox_pixels=[0, 0, 1, 10**400]), '00, which is not a finite number', False),
        (BOXES, with_first(bbox_pixels=[0, 0, 9999, 2]), 'outside of the image', True),
        (BOXES, with_first(bbox_pixels=[50, 40, 40, 50]), 'corners swapped', True),
        (BOXES, with_first(bbox_normalized=[0.1, 0.2, 50, 60]), 'is not bbox_pixels', True),
        (BOXES, with_first(bbox_normalized=None), 'bbox_normalized None is not a list', True),
        (BOXES, first_without('bbox_pixels'), 'bbox_pixels is missing', False),
        (BOXES, first_without('bbox_normalized'), 'bbox_normalized is missing', True),
        (POINTS, with_first(predicted_points_pixels=[[1, 2], [3, 4]]), 'not a list of 4 numbers', False),
        (POINTS, with_first(predicted_points_pixels=[1, 2, 3, -40]), 'outside of the image', True),
    ],
)
def test_entries(score, submission, file, change, message, scored):
    first = edit(submission / file, change)[0]
    result = score()
    problems = [problem for problem in result.problems if message in problem.message]
    assert len(problems) == 1, result.problems
    problem = problems[0]
    assert problem.file == file
    assert problem.scored == scored
    if problem.image and 'entry 4 is of' not in message:
        assert (problem.task, problem.image) == (first['task_id'], first['image_path'])
        assert result.scored[problem.task] == 3 + scored
    assert all(result.scored[task] == 4 for task in result.asked if task != problem.task)


def test_classes_of_a_decision_threshold_are_counted_and_no_problem(score, submission):
    def below(entries):  # a class may be as likely as another one, too
        probs = [[0.5, 0.2, 0.3], [0.4, 0.3, 0.3], [0.4, 0.4, 0.2]]
        changed = [
            entry | dict(predicted_class=1, predicted_probs=prob) for entry, prob in zip(entries, probs, strict=False)
        ]
        return [*changed, *entries[len(changed) :]]

    edit(submission / CLASSES, below)
    result = score()
    assert result.problems == []
    (line,) = (line for line in result.summary().splitlines() if 'predicted_class' in line)
    wanted = (
        'kind: predicted_class is not that of the largest of predicted_probs in 2 of 4 images, which the format allows'
    )
    assert line == wanted


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'no such file'),
        (b'[{"a": 1]', 'as JSON'),
        (b'{}', 'not dict'),
        (b'\xff\xfe\x00', 'as JSON'),
        (b'[' * 100_000, 'as JSON'),
    ],
)
def test_a_list_as_a_whole_is_one_problem(score, submission, content, message):
    (submission / BOXES).unlink()
    if content is not None:
        (submission / BOXES).write_bytes(content)
    result = score()
    assert [problem.file for problem in result.problems] == [BOXES]
    assert message in result.problems[0].message
    assert result.scored['find'] == 0
    assert result.result.scores['find/primary'] == result.result.scores['type/detection'] == 0
    assert result.result.scores['score'] < 3 / 4  # it must not rise because a task is missing
    assert 'find: 0 of 4 images scored' in result.summary()


@pytest.mark.parametrize(
    ('spoil', 'message', 'scored'),
    [
        (lambda path, mask: path.unlink(), 'there is no such mask', False),
        (lambda path, mask: path.write_bytes(path.read_bytes()[:50]), 'cannot be read as an image', False),
        (lambda path, mask: path.write_text('mask'), 'cannot be read as an image', False),
        (lambda path, mask: cv2.imwrite(str(path), mask[::2, ::2]), r' pixels, the image ', True),
        (lambda path, mask: cv2.imwrite(str(path), mask.astype(np.uint16) * 257), '1 channel(s) of uint16', True),
        (lambda path, mask: cv2.imwrite(str(path), np.stack([mask] * 3, 2)), '3 channel(s) of uint8', True),
        (lambda path, mask: cv2.imwrite(str(path), mask * 127), 'mask values [127, 254] are not in 0..2', True),
    ],
)
def test_masks(score, submission, spoil, message, scored):
    path = next(
        path
        for path in sorted(submission.rglob('*.png'))
        if set(np.unique(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))) == {0, 1, 2}
    )
    spoil(path, cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    result = score()
    (problem,) = result.problems
    assert message in problem.message
    assert problem.file == str(path.relative_to(submission))
    assert problem.task == 'organs'
    assert problem.scored == scored
    assert result.scored['organs'] == 3 + scored


def test_a_mask_that_claims_more_pixels_than_opencv_reads(score, submission, huge_png):
    next(submission.rglob('*.png')).write_bytes(huge_png)
    (problem,) = score().problems
    assert problem.message == 'this mask cannot be read as an image'


def test_a_folder_in_place_of_a_list(score, submission):
    (submission / BOXES).unlink()
    (submission / BOXES).mkdir()
    (problem,) = score().problems
    assert (problem.file, problem.message) == (BOXES, 'this file cannot be read: Is a directory')


def test_all_problems_are_collected_into_one_table(score, submission):
    edit(submission / CLASSES, lambda entries: [])
    edit(submission / POINTS, with_first(predicted_points_pixels=[1, 2, 3, -40]))
    for path in submission.rglob('*.png'):
        path.unlink()
    result = score()
    table = problem_table(result.problems)
    assert '10 problems' in table
    assert len(result.problems) == 4 + 4 + 2  # a point outside is also not what its normalised one says
    assert table.index('no entry') < table.index('as it stands')
    assert [task for task, number in result.scored.items() if number] == ['find', 'ends']
    assert all(problem.image in table for problem in result.problems)


def test_nothing_at_all_is_scored_as_nothing(score, submission):
    for path in [*submission.rglob('*.png'), *submission.glob('*.json')]:
        path.unlink()
    result = score()
    assert result.result is None
    assert result.summary() == '\n'.join(
        [f'{task}: 0 of 4 images scored' for task in ('ends', 'find', 'kind', 'organs')] + ['0 of 16 images scored']
    )
    assert len(result.problems) == 4 + 3


def test_no_folder(root, tmp_path, tasks):
    with pytest.raises(DataError, match=r'absent: there is no such submission folder'):
        score_submission(root, tmp_path / 'absent', tasks)


def test_groups_of_images_reach_the_table(root, submission, tasks):
    rows = score_submission(root, submission, tasks, group_column='task_id').result.rows
    assert {row.group for row in rows} == {'organs', 'kind', 'find', 'ends'}
