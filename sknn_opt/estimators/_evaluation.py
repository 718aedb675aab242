"""What a validation set says about the weights after an epoch."""

import math
from inspect import signature
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import check_scoring

from sknn_opt.arrays.chunks import take
from sknn_opt.nn.losses import row_losses, weighted_mean
from sknn_opt.nn.predictor import fold, raw_outputs


class Evaluation:
    """A function of a point: its loss on held-out rows, without penalty, and its score.

    Parameters
    ----------
    spec : Architecture
    data : Data
        Rows to validate on, encoded and weighted as for training.
    scorer : callable or None
        From `make_scorer`; None is minus the loss.
    complain : callable or None
        Takes the ValueError of a score that failed and is then None; without it, that is raised.
    """

    def __init__(self, spec, data, scorer=None, complain=None):
        self._spec, self._data = spec, data
        self._scorer, self._complain = scorer, complain

    def __call__(self, point):
        """The entries of a row of the history."""
        loss = mean_loss(self._spec, point, self._data)
        try:
            score = -loss if self._scorer is None else self._scorer(point)
        except ValueError as error:
            if self._complain is None:
                raise
            self._complain(error)
            score = None
        return {"validation_loss": loss, "score": score}


def mean_loss(spec, point, data):
    """Σ wᵢ ℓ(zᵢ, yᵢ) / Σ wᵢ of the network as it predicts."""
    weights, y, start = fold(spec, point.theta, point.statistics), data.of_rows(data.y), 0

    def losses_of_block(z):
        nonlocal start
        part, start = y[start : start + len(z)], start + len(z)
        return row_losses(spec.loss, z, part)

    losses = raw_outputs(*weights, spec.activation, data.X, data.rows, then=losses_of_block)
    return weighted_mean(losses, data.of_rows(data.weight))


def make_scorer(estimator, data, decode, as_fitted, weighted):
    """``scoring`` as a function of a point, or None for 'loss'.

    Parameters
    ----------
    estimator : estimator
    data : Data
        Held-out rows with the user's weights, or, if the user gave none, how often each occurs.
    decode : callable
        Encoded targets to those of the user.
    as_fitted : callable
        A point to an estimator that predicts with it.
    weighted : bool
        Whether the user gave weights, which go to scorers that take them.
    """
    if estimator.scoring == "loss":
        return None
    scorer = check_scoring(estimator, estimator.scoring)
    X, y, weight = data.X, data.of_rows(data.y), data.of_rows(data.weight)
    if data.rows is not None:
        X = X[data.rows] if issparse(X) else take(X, data.rows)
    if weight is not None and not weighted:
        rows = np.repeat(np.arange(len(weight)), weight.astype(int))
        X, y, weight = X[rows], y[rows], None
    y = decode(y)
    options = {} if weight is None or not _takes_weights(scorer) else {"sample_weight": weight}
    who = f"scoring={estimator.scoring!r}"

    def score(point):
        try:
            value = scorer(as_fitted(point), X, y, **options)
        except Exception as error:
            raise ValueError(
                f"{who} failed on the validation set of {len(y)} rows: {error} Some scores are "
                "undefined if a class is missing there: give X_val and y_val, raise "
                "validation_fraction, or use scoring='loss'."
            ) from error
        if not isinstance(value, Real) or math.isnan(value) or value == math.inf:
            raise ValueError(
                f"{who} returned {value!r} on the validation set of {len(y)} rows; it must return "
                "a number. Some scores are undefined if a class is missing there: raise "
                "validation_fraction, or use scoring='loss'."
            )
        return float(value)

    return score


def _takes_weights(scorer):
    """Whether a scorer, or the metric inside one of scikit-learn's, has sample_weight."""
    try:
        parameters = signature(getattr(scorer, "_score_func", scorer)).parameters.values()
    except ValueError:  # no signature to look at
        return True
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)
