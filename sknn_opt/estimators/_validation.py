"""What every fit does with its caller's trust: check the weights, and fail without damage."""

from contextlib import contextmanager

import numpy as np
from sklearn.metrics import get_scorer
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


def validation_set(read, data, X_val, y_val, sample_weight_val):
    """The validation set that a user gives to fit, or None.

    Parameters
    ----------
    read : callable
        The estimator's validation and encoding of X, y and weights.
    data : Data
        The training set.
    """
    given = {"X_val": X_val, "y_val": y_val}
    missing = [name for name, array in given.items() if array is None]
    if len(missing) == 2 and sample_weight_val is None:
        return None
    if missing:
        raise ValueError(
            f"A validation set needs both X_val and y_val; {' and '.join(missing)} missing. Pass "
            "both, or neither and early_stopping=True, which holds out a part of X and y."
        )
    try:
        validation = read(X_val, y_val, sample_weight_val, reset=False)
    except ValueError as error:
        raise ValueError(f"The validation set (X_val, y_val) cannot be used: {error}") from error
    if validation.y.shape[1:] != data.y.shape[1:]:
        raise ValueError(
            f"y_val must have targets of the same kind and number as y; its shape is "
            f"{np.shape(y_val)}."
        )
    return validation


def check_scoring_name(scoring):
    """Raise ValueError if ``scoring`` is a string that scikit-learn does not know."""
    if isinstance(scoring, str) and scoring != "loss":
        try:
            get_scorer(scoring)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"scoring={scoring!r} is unknown; it must be 'loss', None for the estimator's own "
                "score, a callable, or one of sklearn.metrics.get_scorer_names(), such as "
                "'average_precision' or 'r2'."
            ) from error


def check_loss(loss, y, n_outputs):
    """Raise ValueError if a loss does not return what it must, here for the first two targets."""
    allowed = [None, "scale"] if loss.link == "exp" else [None, "scale", "mean and scale"]
    if loss.normalizes not in allowed:
        raise ValueError(
            f"loss={loss!r} has normalizes={loss.normalizes!r}; with the link {loss.link!r} it "
            f"must be one of {allowed}."
        )
    y = y[:2]
    y = y if y.dtype.kind == "i" else y.astype(np.float64)
    z = np.zeros((len(y), n_outputs))
    with np.errstate(all="ignore"):
        result = loss(z, y)
    shapes = [np.shape(part) for part in result] if isinstance(result, tuple) else []
    if shapes == [(len(y),), (len(y), n_outputs)] and np.isnan(result[0]).any():
        raise ValueError(
            f"loss={loss!r} returned NaN for raw outputs of 0; it must be a number for any finite "
            "raw outputs and the targets of y."
        )
    if shapes != [(len(y),), z.shape]:
        raise ValueError(
            f"loss={loss!r} must return (losses, gradient) of shapes (n_rows,) and (n_rows, "
            f"n_outputs); for {len(y)} rows and {n_outputs} outputs it returned shapes {shapes}."
        )


def check_schedule(learning_rate):
    """Raise ValueError if ``learning_rate`` is a class where an object is meant."""
    if isinstance(learning_rate, type):
        name = learning_rate.__name__
        raise ValueError(
            f"learning_rate={name} is a class; it must be an object, such as {name}(), a name, or "
            "a function of a TrainingTime."
        )
