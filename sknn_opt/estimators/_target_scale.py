"""``normalize_target``: to the units of the network, and back to those of the user."""

import numpy as np

from sknn_opt.estimators.normalizer import InputNormalizer

FAR = 1e30  # float32 ends at 3e38
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


def undo(normalizer, y):
    """Predictions in the units of the user.

    In the dtype of y, unless the units are beyond it. A constant target is predicted as it is.
    """
    mean, scale = _mean_and_scale(normalizer)
    near = (scale > 1 / FAR) & (scale < FAR) & (np.abs(mean) < OFFSET * scale)
    dtype = y.dtype if near.all() else np.dtype(np.float64)
    with np.errstate(over="ignore"):
        # A column with a scale but without a variance is constant.
        is_constant = normalizer.with_mean & (normalizer.var_ < 0.25 * scale**2)
        in_units = y.astype(np.float64) * np.where(is_constant, 0.0, scale) + mean
    bound = np.finfo(dtype).max
    return np.clip(in_units, -bound, bound).astype(dtype)


def _mean_and_scale(normalizer):
    scale = normalizer.scale_
    return (normalizer.mean_ if normalizer.with_mean else np.zeros_like(scale)), scale
