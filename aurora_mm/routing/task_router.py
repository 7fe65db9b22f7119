"""The router of a model, which is kept in its checkpoint and chooses the tasks of an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from aurora_mm.calibration.conformal import check_coverage
from aurora_mm.calibration.feature_distance import FeatureDistance, pool
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import TaskTable

ROUTER = 'router'  # key of the metadata of a checkpoint
IS_ROUTED = 'is_routed'  # key of the metainfo of images whose tasks are to be chosen
ROUTING = 'routing'  # key that the router adds to their metainfo

Floats = NDArray[np.floating]
_REGULARISATION = 0.1  # inverse strength, for features of unit variance


def check_confidence(confidence: float) -> None:
    """Raise a ConfigError if the least probability of a chosen task is not between 0 and 1."""
    if not 0 < confidence < 1:
        raise ConfigError(f'the confidence of a router is between 0 and 1, not {confidence!r}')


@dataclass(frozen=True)
class TaskRouter:
    """Logistic regression from the pooled features of the encoder to each task, and a distance for unusual images.

    The probability of a task is that an image like this one is labelled for it in the training data. Tasks are
    independent of each other, so several tasks that share images are all likely for such an image. A task is chosen if
    its probability is at least ``confidence``. No task is chosen if the image is farther from the training images than
    ``distance`` allows.

    Legend: N images, D features, T tasks.

    Args:
        tasks: Names of the tasks.
        weights: ``(T, D)``, for features as the encoder gives them.
        bias: ``(T,)``.
        confidence: Least probability of a chosen task, in (0, 1).
        distance: Distance from the training images; None chooses tasks for any image.
    """

    tasks: tuple[str, ...]
    weights: Floats
    bias: Floats
    confidence: float = 0.5
    distance: FeatureDistance | None = None

    @classmethod
    def fit(
        cls,
        features: Floats,
        labels: NDArray[np.bool_],
        tasks: Sequence[str],
        confidence: float = 0.5,
        distance: FeatureDistance | None = None,
    ) -> TaskRouter:
        """Fit a router.

        Args:
            features: ``(N, D)`` pooled features of training images.
            labels: ``(N, T)``, whether an image is labelled for a task.
            tasks: Names of the tasks.
            confidence: See :class:`TaskRouter`.
            distance: See :class:`TaskRouter`.

        Raises:
            ConfigError: If ``confidence`` is not between 0 and 1, or there are no images.
        """
        check_confidence(confidence)
        if not len(features):
            raise ConfigError('a router needs training images')
        mean, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
        scale[scale < 1e-6 * max(float(scale.max()), 1e-30)] = np.inf  # features that never change say nothing
        unit = (features - mean) / scale
        weights, bias = np.zeros((len(tasks), features.shape[1])), np.zeros(len(tasks))
        for number, labelled in enumerate(labels.T):
            count = int(labelled.sum())
            if 0 < count < len(labelled):
                fitted = LogisticRegression(C=_REGULARISATION, max_iter=2000).fit(unit, labelled)
                weights[number] = fitted.coef_[0] / scale
                bias[number] = fitted.intercept_[0] - weights[number] @ mean
            else:  # the same for all images, after Laplace
                bias[number] = math.log((count + 1) / (len(labelled) - count + 1))
        return cls(tuple(tasks), weights, bias, confidence, distance)

    def probabilities(self, features: Floats) -> Floats:
        """Return the probability of each task, ``(N, D) -> (N, T)``."""
        logits = features.astype(np.float64) @ self.weights.T + self.bias
        return 0.5 * (1 + np.tanh(logits / 2))

    def choose(self, features: Floats) -> NDArray[np.bool_]:
        """Return which tasks are chosen, ``(N, D) -> (N, T)``."""
        chosen = self.probabilities(features) >= self.confidence
        if self.distance is not None:
            chosen &= (self.distance(features) <= self.distance.limit)[:, None]
        return chosen

    def __call__(self, maps: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample]) -> None:
        """Choose the tasks of the images whose metainfo asks for it.

        Tasks that are not chosen are removed from the sample, and its metainfo gets ``routing``: a dict with
        ``probabilities`` by task, ``confidence``, and ``distance`` and ``limit``, None without a distance.

        Args:
            maps: Maps of the encoder, ``(B, C_i, h_i, w_i)``.
            data_samples: One for each image; changed in place.
        """
        if not any(sample.get(IS_ROUTED) for sample in data_samples):
            return
        features = pool(maps)
        probabilities, chosen = self.probabilities(features), self.choose(features)
        distances = None if self.distance is None else self.distance(features)
        for row, sample in enumerate(data_samples):
            if sample.get(IS_ROUTED):
                picked = {name for name, is_chosen in zip(self.tasks, chosen[row], strict=True) if is_chosen}
                sample.keep([name for name in sample.task_names if name in picked])
                routing = dict(
                    probabilities={
                        name: round(float(value), 4) for name, value in zip(self.tasks, probabilities[row], strict=True)
                    },
                    confidence=self.confidence,
                    distance=None if distances is None else round(float(distances[row]), 4),
                    limit=None if self.distance is None else round(self.distance.limit, 4),
                )
                sample.set_metainfo({ROUTING: routing})

    def plain(self) -> dict[str, Any]:
        """Return the router as plain values, for the metadata of a checkpoint."""
        return dict(
            tasks=list(self.tasks),
            weights=[[float(f'{value:.6g}') for value in row] for row in self.weights],
            bias=[float(f'{value:.9g}') for value in self.bias],
            confidence=self.confidence,
            distance=None if self.distance is None else self.distance.plain(),
        )

    @classmethod
    def from_plain(cls, values: Mapping[str, Any], tasks: TaskTable, file: Any) -> TaskRouter:
        """Create a router from the metadata of a checkpoint.

        Args:
            values: What :meth:`plain` returned.
            tasks: The tasks of the model.
            file: Path of the checkpoint, for the error message.

        Raises:
            WeightsError: If the values are not those of a router for these tasks.
        """
        try:
            weights, bias = (np.array(values[key], np.float64) for key in ('weights', 'bias'))
            names, confidence = tuple(values['tasks']), float(values['confidence'])
            if set(names) != set(tasks) or len(names) != len(tasks):
                raise ValueError(f'its tasks are {", ".join(map(str, names))}')
            if weights.ndim != 2 or not bias.shape == weights.shape[:1] == (len(names),):
                raise ValueError(f'weights of shape {weights.shape} and {bias.shape} for {len(names)} tasks')
            if not np.isfinite(weights).all() or not np.isfinite(bias).all():
                raise ValueError('a weight is not finite')
            check_coverage(confidence)
            distance = None if values['distance'] is None else FeatureDistance.from_plain(values['distance'])
            return cls(names, weights, bias, confidence, distance)
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
            reason = f'{type(error).__name__}: {error}'
            raise WeightsError(f'the router in {file} cannot be used ({reason})') from error
