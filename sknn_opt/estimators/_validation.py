"""What every fit does with its caller's trust: check the weights, and fail without damage."""

from contextlib import contextmanager

import numpy as np
from sklearn.utils.validation import _check_sample_weight


@contextmanager
def transaction(estimator):
    """Undo every change of the estimator's attributes if the block raises anything.

    scikit-learn's validation records the number and names of the features before a fit has
    succeeded; without this, a fit that fails would leave a model that no longer predicts.
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def checked_weights(sample_weight, X):
    """Return the weights as a float64 array of shape (n_samples,)."""
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise ValueError(
            f"sample_weight is negative ({weights[row]:g}) at row {row}; weights must be zero or "
            "positive: leave that row out, or give it weight zero."
        )
    if not weights.any():
        raise ValueError(
            "All entries of sample_weight are zero; at least one must be positive: without it "
            "there is no sample to learn from."
        )
    with np.errstate(over="ignore"):
        if not np.isfinite(weights.sum()):
            raise ValueError(
                f"The sum of sample_weight is beyond float64 (largest weight {weights.max():g}); "
                "it must be finite: divide the weights by their maximum."
            )
    return weights
