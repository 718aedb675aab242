"""What a normalizer knows of its training data."""

import numpy as np

from sknn_opt.arrays import moments
from sknn_opt.arrays.extremes import LARGEST
from sknn_opt.estimators.normalizer import InputNormalizer


def moments_of(normalizer):
    """The moments of the training data; NaN where the normalizer did not keep one."""
    if isinstance(normalizer, InputNormalizer):
        if hasattr(normalizer, "_unit"):
            raise ValueError(
                f"check_shift cannot square numbers beyond {LARGEST:g}, which the normalizer has "
                "seen: divide the feature by a constant before it."
            )
        return moments.restored(normalizer._moments)
    if normalizer.var_ is None:
        raise ValueError(
            "check_shift needs the variances of the training data, which a StandardScaler with "
            "with_std=False does not keep; use InputNormalizer(with_std=False)."
        )
    n = normalizer.n_features_in_
    count = np.broadcast_to(np.asarray(normalizer.n_samples_seen_, dtype=float), n)
    unknown, total, m2 = np.full(n, np.nan), np.full(n, count.max()), normalizer.var_ * count
    return moments.Moments(normalizer.mean_, count, np.zeros(n), m2, total, *[unknown] * 4)
