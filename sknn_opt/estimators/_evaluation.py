"""What a validation set says about the weights after an epoch."""

import math

import numpy as np
from sklearn.metrics import check_scoring

from sknn_opt.nn.losses import make_loss
from sknn_opt.nn.prediction import fold, raw_outputs


class Evaluation:
    """A function of a point: its loss on held-out rows, without penalty, and its score.

    Parameters
    ----------
    spec : Architecture
    data : Data
        Rows to validate on, encoded and weighted as for training.
    scorer : callable or None
        From `make_scorer`; None is minus the loss.
    """

    def __init__(self, spec, data, scorer=None):
        self._spec, self._data, self._scorer = spec, data, scorer

    def __call__(self, point):
        """The entries of a row of the history."""
        loss = mean_loss(self._spec, point, self._data)
        score = -loss if self._scorer is None else self._scorer(point)
        return {"validation_loss": loss, "score": score}


def mean_loss(spec, point, data):
    """Σ wᵢ ℓ(zᵢ, yᵢ) / Σ wᵢ of the network as it predicts."""
    weights = fold(spec, point.theta, point.statistics)
    z = raw_outputs(*weights, spec.activation, data.X, data.rows)
    return mean_loss_of_outputs(spec, z, data)


def mean_loss_of_outputs(spec, z, data):
    """The same of raw outputs, which are overwritten."""
    y, weight = data.of_rows(data.y), data.of_rows(data.weight)
    with np.errstate(all="ignore"):
        losses, _ = make_loss(spec.loss)(z, y)
        loss = float(np.average(losses, weights=weight))
    return math.inf if math.isnan(loss) else loss


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
        Whether the user gave weights; only then does the scorer get any, since not all take them.
    """
    if estimator.scoring == "loss":
        return None
    scorer = check_scoring(estimator, estimator.scoring)
    X, y, weight = map(data.of_rows, (data.X, data.y, data.weight))
    if weight is not None and not weighted:
        rows = np.repeat(np.arange(len(weight)), weight.astype(int))
        X, y, weight = X[rows], y[rows], None
    y, options = decode(y), {} if weight is None else {"sample_weight": weight}

    def score(point):
        value = scorer(as_fitted(point), X, y, **options)
        if not isinstance(value, float | int | np.number) or math.isnan(value):
            raise ValueError(
                f"scoring={estimator.scoring!r} returned {value!r} on the validation set of "
                f"{len(y)} rows; it must return a number. Some scores are undefined if a class is "
                "missing there: raise validation_fraction, or use scoring='loss'."
            )
        return float(value)

    return score
