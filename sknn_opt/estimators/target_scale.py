"""``normalize_target``: to the units of the network, and back to those of the user."""

import numpy as np

from sknn_opt.estimators.normalizer import InputNormalizer

FAR = 1e30  # float32 ends at 3e38
LARGEST = {np.dtype(dtype): float(np.finfo(dtype).max) for dtype in (np.float32, np.float64)}
OFFSET = 1e3  # mean / scale beyond which float32 has too few digits


def learn(loss, y, weight):
    """An `InputNormalizer` of the targets, fitted; None where the loss allows none."""
    if loss.normalizes is None:
        return None
    if loss.normalizes == "mean and scale":
        return InputNormalizer().fit(y, sample_weight=weight)
    # About 0: the root mean square, which is no smaller for amounts that are almost equal.
    weight = None if weight is None else np.tile(weight, 2)
    return InputNormalizer(with_mean=False).fit(np.concatenate([y, -y]), sample_weight=weight)


def apply(normalizer, y):
    """Targets in the units of the network."""
    mean, scale = _mean_and_scale(normalizer)
    return (y - mean) / scale


class Units:
    """From the units of the network to those of the user: a function of predictions.

    They stay in their dtype, unless the units are beyond it. A constant target is predicted as it
    is.
    """

    def __init__(self, normalizer):
        mean, scale = _mean_and_scale(normalizer)
        near = (scale > 1 / FAR) & (scale < FAR) & (np.abs(mean) < OFFSET * scale)
        # A column with a scale but without a variance is constant.
        is_constant = normalizer.with_mean & (np.sqrt(normalizer.var_) < 0.5 * scale)
        self._near, self._mean = bool(near.all()), mean
        self._scale = np.where(is_constant, 0.0, scale)

    def __call__(self, y):
        dtype = y.dtype if self._near else np.dtype(np.float64)
        in_units = y.astype(np.float64)
        in_units *= self._scale
        in_units += self._mean
        bound = LARGEST[dtype]
        np.minimum(in_units, bound, out=in_units)
        return np.maximum(in_units, -bound, out=in_units).astype(dtype, copy=False)


def _mean_and_scale(normalizer):
    """0 and 1 for a column that had no target yet."""
    scale = np.where(np.isnan(normalizer.scale_), 1.0, normalizer.scale_)
    mean = np.nan_to_num(normalizer.mean_) if normalizer.with_mean else np.zeros_like(scale)
    return mean, scale
