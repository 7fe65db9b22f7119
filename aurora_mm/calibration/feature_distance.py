"""The distance of an image from the training images in the features of the encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from aurora_mm.calibration.conformal import conformal_limit
from aurora_mm.errors import ConfigError

Floats = NDArray[np.floating]
_COMPONENTS = 64  # at most
_PART = 8  # images for each component, at least
_FEWEST = 16  # images


@dataclass(frozen=True)
class FeatureDistance:
    """The Mahalanobis distance of pooled features from those of the training images.

    The covariance is that of probabilistic PCA (Tipping and Bishop 1999): some directions with a variance each, and one
    variance for all others. It can be fitted from fewer images than there are features. The squared distance is divided
    by the number of features, so it is about 1 for training images.

    Legend: N images, D features, K directions.

    Args:
        mean: ``(D,)``.
        directions: ``(K, D)``, orthonormal.
        variances: ``(K,)``, of the training features along the directions.
        rest: Variance along any other direction.
        limit: Images at a larger distance are flagged.
    """

    mean: Floats
    directions: Floats
    variances: Floats
    rest: float
    limit: float

    @classmethod
    def fit(cls, training: Floats, held_out: Floats, coverage: float) -> FeatureDistance:
        """Fit the distance.

        Args:
            training: ``(N, D)`` pooled features of training images.
            held_out: Those of other images of the same kind, for the limit; training images are nearer than new ones.
            coverage: Fraction of new images of this kind that are not flagged.

        Raises:
            ConfigError: If there are fewer than 16 training images, or too few held-out images for the coverage.
        """
        if len(training) < _FEWEST:
            raise ConfigError(
                f'a distance of features is fitted to {_FEWEST} training images or more, not {len(training)}'
            )
        components = max(1, min(_COMPONENTS, len(training) // _PART, training.shape[1] - 1))
        pca = PCA(components, svd_solver='full').fit(training.astype(np.float64))
        distance = cls(pca.mean_, pca.components_, pca.explained_variance_, float(pca.noise_variance_), np.inf)
        limit = conformal_limit(distance(held_out), coverage)
        if not np.isfinite(limit):
            raise ConfigError(f'{len(held_out)} held-out images are too few for a limit that {coverage:g} of them keep')
        return cls(distance.mean, distance.directions, distance.variances, distance.rest, limit)

    def __call__(self, features: Floats) -> NDArray[np.float64]:
        """Return the squared distance of images, (N, D) -> (N,), divided by D."""
        centred = features.astype(np.float64) - self.mean
        along = centred @ self.directions.T
        rest = (centred**2).sum(1) - (along**2).sum(1)
        return ((along**2 / self.variances).sum(1) + np.maximum(rest, 0) / self.rest) / centred.shape[1]

    def plain(self) -> dict[str, Any]:
        """Return the values as plain numbers and lists of 7 digits."""
        values = asdict(self)
        return {k: _rounded(v) if isinstance(v, np.ndarray) else float(v) for k, v in values.items()}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> FeatureDistance:
        """Create a distance from what :meth:`plain` returned.

        Raises:
            ValueError: If the values do not fit together.
        """
        arrays = {key: np.array(values[key], np.float64) for key in ('mean', 'directions', 'variances')}
        numbers = {key: float(values[key]) for key in ('rest', 'limit')}
        shapes = arrays['mean'].shape, arrays['directions'].shape, arrays['variances'].shape
        if shapes != ((shapes[0] or (0,))[:1], (*shapes[2], *shapes[0]), shapes[2][:1]) or not all(
            np.isfinite(a).all() for a in arrays.values()
        ):
            raise ValueError(f'features of shapes {shapes} do not fit together')
        if not (arrays['variances'] > 0).all() or not numbers['rest'] > 0 or not numbers['limit'] > 0:
            raise ValueError('variances and limit of the features must be positive')
        return cls(arrays['mean'], arrays['directions'], arrays['variances'], numbers['rest'], numbers['limit'])


def pool(maps: Sequence[Tensor]) -> Floats:
    """Average each map over its cells, and concatenate the averages.

    Args:
        maps: Maps ``(B, C_i, h_i, w_i)`` of the encoder.

    Returns:
        ``(B, sum of C_i)``.
    """
    return np.concatenate([level.float().mean((2, 3)).cpu().numpy() for level in maps], axis=1)


def _rounded(values: Floats) -> Any:
    flat = [float(f'{value:.7g}') for value in values.ravel()]
    return flat if values.ndim == 1 else np.array(flat).reshape(values.shape).tolist()
