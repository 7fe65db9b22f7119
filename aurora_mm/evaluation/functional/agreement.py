"""Agreement of predicted with true numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurora_mm.evaluation.functional.weighted_mean import weighted_mean

Floats = NDArray[np.float64]


def agreement(truth: Floats, pred: Floats, weights: Floats) -> dict[str, Floats]:
    """Compute errors, correlations and limits of agreement over N images, for R resamples at once.

    Args:
        truth: True numbers (N,).
        pred: Predicted numbers (N,).
        weights: (R, N), how often each resample contains each image.

    Returns:
        (R,) values by name, nan where they are not defined:

        - ``MAE`` and ``RMSE``, the mean absolute and the root mean square error,
        - ``R2``, 1 minus the mean square error divided by the variance of the truth,
        - ``Pearson``, the correlation,
        - ``ICC``, the intraclass correlation of absolute agreement of single measurements, ICC(2,1) of Shrout and
          Fleiss (1979),
        - ``bias``, the mean of prediction minus truth, and ``LoA_low`` and ``LoA_high``, the limits of agreement of
          Bland and Altman (1986): bias -/+ 1.96 standard deviations of the differences.
    """
    count = weights.sum(axis=1)
    errors = pred - truth
    bias, square = weighted_mean(errors, weights), weighted_mean(errors**2, weights)
    true_mean, pred_mean = weighted_mean(truth, weights), weighted_mean(pred, weights)
    # Deviations from the mean of all images are small numbers, so that little is lost by cancellation.
    t, p = truth - truth.mean(), pred - pred.mean()
    true_variance = _variance(t, weights)
    pred_variance = _variance(p, weights)
    covariance = weighted_mean(t * p, weights) - weighted_mean(t, weights) * weighted_mean(p, weights)
    error_variance = _variance(errors - errors.mean(), weights)
    per_image = _ratio(count, count - 1)  # from variance to estimated variance
    spread = np.sqrt(error_variance * per_image)
    between = 2 * _variance((t + p) / 2, weights) * per_image  # mean squares between images,
    residual = error_variance * per_image / 2  # of the residuals,
    between_raters = count * (pred_mean - true_mean) ** 2 / 2  # and between truth and prediction
    return {
        'MAE': weighted_mean(np.abs(errors), weights),
        'RMSE': np.sqrt(square),
        'R2': 1 - _ratio(square, true_variance),
        'Pearson': _ratio(covariance, np.sqrt(true_variance * pred_variance)),
        'ICC': _ratio(between - residual, between + residual + 2 * (between_raters - residual) / count),
        'bias': bias,
        'LoA_low': bias - 1.96 * spread,
        'LoA_high': bias + 1.96 * spread,
    }


def _variance(values: Floats, weights: Floats) -> Floats:
    variance = weighted_mean(values**2, weights) - weighted_mean(values, weights) ** 2
    # What rounding leaves of equal numbers is no variance.
    return np.where(variance > 1e-12 * weighted_mean(values**2, weights), variance, 0.0)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Return the quotients, nan where the divisor is 0 or not finite."""
    usable = np.isfinite(below) & (below != 0)
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=usable)
