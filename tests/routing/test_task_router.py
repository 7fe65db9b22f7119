"""The router: which tasks it chooses, when it does not know, and how it is kept."""

import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aurora_mm.calibration.feature_distance import FeatureDistance
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.routing.task_router import IS_ROUTED, ROUTING, TaskRouter
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import Task, TaskTable

TASKS = TaskTable([Task(name, 'classification', classes=('x', 'y')) for name in ('head', 'axes', 'nerve')])
GROUPS = np.array([[1, 1, 0], [0, 0, 1]], bool)  # images of two kinds, the first labelled for two tasks


def images(count, seed=0):
    """Features (N, 6), labels (N, 3)."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, count)
    features = rng.normal(size=(count, 6)) * [1, 5, 0.1, 1, 1, 0.01] + 7
    features[:, 2] += kind
    return features.astype(np.float32), GROUPS[kind]


@pytest.fixture(scope='module')
def router():
    features, labels = images(200)
    distance = FeatureDistance.fit(features, images(100, 1)[0], 0.9)
    return TaskRouter.fit(features, labels, list(TASKS), 0.5, distance)


def sample(**metainfo):
    ones = [TaskDataSample(metainfo=dict(task=name, task_type='classification')) for name in TASKS]
    return MultiTaskDataSample(ones, metainfo=metainfo)


def test_all_tasks_of_an_image_are_right_answers(router):
    features, labels = images(100, 2)
    np.testing.assert_array_equal(router.probabilities(features) > 0.5, labels)
    assert (router.probabilities(features)[labels] > 0.7).mean() > 0.9  # sure of both, not half of each


def test_it_is_logistic_regression_of_each_task():
    features, labels = images(50)
    features[:, 5] = 7  # a feature that never changes
    mine = TaskRouter.fit(features, labels, list(TASKS)).probabilities(features)
    other = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(C=0.1, max_iter=2000)))
    np.testing.assert_allclose(mine, other.fit(features, labels.astype(int)).predict_proba(features), atol=1e-4)


def test_a_task_of_all_images_and_a_task_of_none():
    features, _ = images(8)
    labels = np.zeros((8, 3), bool)
    labels[:, 0] = True
    router = TaskRouter.fit(features, labels, list(TASKS))
    np.testing.assert_allclose(router.probabilities(features), [[0.9, 0.1, 0.1]] * 8)


def test_below_its_confidence_it_chooses_nothing():
    features, labels = images(100)
    undecided = features.mean(0, keepdims=True)
    assert not TaskRouter.fit(features, labels, list(TASKS), 0.95).choose(undecided).any()
    assert TaskRouter.fit(features, labels, list(TASKS), 0.05).choose(undecided).all()


def test_an_image_unlike_all_others_is_not_known(router):
    features = images(1)[0]
    assert router.choose(features).any()
    features[:, 5] += 50  # a feature that is nearly the same in all images
    assert (router.probabilities(features) > 0.5).any()  # however sure the regression is
    assert not router.choose(features).any()


def test_tasks_are_removed_where_they_are_to_be_chosen(router):
    features, labels = images(2, 5)
    maps = [torch.from_numpy(features)[:, :, None, None].expand(-1, -1, 2, 3)]
    asked, left = sample(**{IS_ROUTED: True}), sample()
    router(maps, [asked, left])
    assert asked.task_names == [name for name, is_right in zip(TASKS, labels[0], strict=True) if is_right]
    assert [one.task for one in asked] == asked.task_names
    assert asked.routing['probabilities'].keys() == set(TASKS)
    assert asked.routing['distance'] <= asked.routing['limit']
    assert left.task_names == list(TASKS) and ROUTING not in left


def test_it_is_the_same_after_a_checkpoint(router):
    kept = TaskRouter.from_plain(json.loads(json.dumps(router.plain())), TASKS, 'a.pth')
    features = images(50, 3)[0]
    np.testing.assert_allclose(kept.probabilities(features), router.probabilities(features), atol=1e-4)
    np.testing.assert_array_equal(kept.choose(features), router.choose(features))


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('tasks', ['head', 'axes']), ('tasks', ['head', 'axes', 'spleen']), ('tasks', 3), ('weights', [1.0]),
        ('weights', [[float('nan')] * 6] * 3), ('bias', [0.0]), ('confidence', 1.5), ('confidence', 'x'),
        ('distance', {}),
    ],
)  # fmt: skip
def test_a_damaged_router_is_refused(router, key, value):
    with pytest.raises(WeightsError, match=r'the router in a\.pth cannot be used'):
        TaskRouter.from_plain(router.plain() | {key: value}, TASKS, 'a.pth')


def test_arguments_that_are_wrong():
    features, labels = images(5)
    with pytest.raises(ConfigError, match='between 0 and 1'):
        TaskRouter.fit(features, labels, list(TASKS), 1.0)
    with pytest.raises(ConfigError, match='needs training images'):
        TaskRouter.fit(features[:0], labels[:0], list(TASKS))
