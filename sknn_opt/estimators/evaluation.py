"""What held-out rows say about the weights after an epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from numbers import Real

import numpy as np
from sklearn.metrics import check_scoring

from sknn_opt._sklearn import metric_of
from sknn_opt.nn.losses import over_observed, row_losses, weighted_mean
from sknn_opt.nn.network import Architecture
from sknn_opt.nn.predictor import Predictor
from sknn_opt.training.rows import Rows


@dataclass
class Evaluation:
    """A function of weights: their loss on held-out rows, without penalty, and their score.

    Attributes
    ----------
    rows : Rows
        Encoded and weighted as for training.
    score : callable or None
        From `make_scorer`; None is minus the loss.
    complain : callable or None
        Takes the ValueError of a score that failed and is then None; without it, that is raised.
    """

    architecture: Architecture
    rows: Rows
    score: Callable | None = None
    complain: Callable | None = None

    def __call__(self, weights):
        """The entries of a row of the history."""
        loss = self._loss(Predictor(self.architecture, weights))
        try:
            score = -loss if self.score is None else self.score(weights)
        except ValueError as error:
            if self.complain is None:
                raise
            self.complain(error)
            score = None
        return {"validation_loss": loss, "score": score}

    def _loss(self, predictor):
        """Σ wᵢ ℓ(zᵢ, yᵢ) / Σ wᵢ of the network as it predicts."""
        rows, start = self.rows, 0
        y = rows.of(rows.y)
        loss = over_observed(self.architecture.loss, y)

        def losses_of_block(z):
            nonlocal start
            part, start = y[start : start + len(z)], start + len(z)
            return row_losses(loss, z, part)

        losses = predictor.outputs(rows.X, losses_of_block, rows.chosen)
        return weighted_mean(losses, rows.of(rows.weight))


def evaluation_of(estimator, state, rows, weighted, advice, said):
    """What these rows say after each epoch; `weighted` if the user gave weights.

    A score that fails is `said` once in the advice; with None its error is raised.
    """

    def as_fitted(weights):
        """An estimator that predicts with these, from arrays without feature names."""
        fitted = copy.copy(estimator)
        vars(fitted).update(estimator._attributes(state, weights.copy(), 0, 0))
        vars(fitted).pop("feature_names_in_", None)
        return fitted

    def complain(error):
        if not any(sentence.startswith(said) for sentence in advice):
            advice.append(f"{said}: {error}")

    score = make_scorer(estimator, rows, as_fitted, weighted)
    rows = estimator._for_network(rows, state).that_count()
    return Evaluation(state.architecture, rows, score, said and complain)


def make_scorer(estimator, rows, as_fitted, weighted):
    """``scoring`` as a function of weights, or None for 'loss'.

    Parameters
    ----------
    estimator : estimator
    rows : Rows
        Held-out rows with the user's weights, or, if the user gave none, how often each occurs.
    as_fitted : callable
        Weights to an estimator that predicts with them.
    weighted : bool
        Whether the user gave weights, which go to scorers that take them.
    """
    if estimator.scoring == "loss":
        return None
    scorer = check_scoring(estimator, estimator.scoring)
    if isinstance(estimator.scoring, str) and np.isnan(rows.of(rows.y)).any():
        raise ValueError(
            f"scoring={estimator.scoring!r} takes no targets with gaps (NaN in y). Use "
            "scoring='loss', None for the score of those that are there, or a callable "
            "(estimator, X, y)."
        )
    X, y, weight = rows.of(rows.X), rows.of(rows.y), rows.of(rows.weight)
    if weight is not None and not weighted:
        repeated = np.repeat(np.arange(len(weight)), weight.astype(int))
        X, y, weight = X[repeated], y[repeated], None
    y = estimator._decode(y)
    options = {} if weight is None or not _takes_weights(scorer) else {"sample_weight": weight}
    who = f"scoring={estimator.scoring!r}"

    def score(weights):
        try:
            value = scorer(as_fitted(weights), X, y, **options)
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
        parameters = signature(metric_of(scorer)).parameters.values()
    except ValueError:  # no signature to look at
        return True
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)


def validation_set(read, rows, X_val, y_val, sample_weight_val):
    """The validation set that a user gives to fit.

    Parameters
    ----------
    read : callable
        The estimator's validation and encoding of X, y and weights.
    rows : Rows
        The training set.
    """
    given = {"X_val": X_val, "y_val": y_val}
    missing = [name for name, array in given.items() if array is None]
    if missing:
        raise ValueError(
            f"A validation set needs both X_val and y_val; {' and '.join(missing)} missing. Pass "
            "both, or neither and early_stopping=True, which holds out a part of X and y."
        )
    try:
        validation = read(X_val, y_val, sample_weight_val, reset=False)
    except ValueError as error:
        raise ValueError(f"The validation set (X_val, y_val) cannot be used: {error}") from error
    if validation.y.shape[1:] != rows.y.shape[1:]:
        raise ValueError(
            f"y_val must have targets of the same kind and number as y; its shape is "
            f"{np.shape(y_val)}."
        )
    return validation
