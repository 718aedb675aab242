"""What held-out rows say about the weights after an epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import signature
from numbers import Real

import numpy as np
from sklearn.metrics import check_scoring

from sknn_opt._sklearn import metric_of
from sknn_opt.nn.losses import over_observed, row_losses, weighted_mean
from sknn_opt.nn.network import Architecture
from sknn_opt.nn.predictor import Predictor
from sknn_opt.training.monitor import member_columns
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
        loss = self.loss_on(self.rows, weights)
        try:
            score = -loss if self.score is None else self.score(weights)
        except ValueError as error:
            if self.complain is None:
                raise
            self.complain(error)
            score = None
        return {"validation_loss": loss, "score": score}

    def of_each(self, weights):
        """(evaluation, weights) of each member."""
        return [(self, weights)]

    def loss_on(self, rows, weights):
        """Σ wᵢ ℓ(zᵢ, yᵢ) / Σ wᵢ of the network as it predicts."""
        predictor, start = Predictor(self.architecture, weights), 0
        y = rows.of(rows.y)
        loss = over_observed(self.architecture.loss, y)

        def losses_of_block(z):
            nonlocal start
            part, start = y[start : start + len(z)], start + len(z)
            return row_losses(loss, z, part)

        losses = predictor.outputs(rows.X, losses_of_block, rows.chosen)
        return weighted_mean(losses, rows.of(rows.weight))


@dataclass
class MemberEvaluation:
    """The same of each member on rows of its own: the means, and a column for each."""

    architecture: Architecture
    members: list[Evaluation]

    def of_each(self, weights):
        """(evaluation, weights) of each member."""
        k = range(len(self.members))
        return [(self.members[i], weights.of_member(self.architecture, i)) for i in k]

    @property
    def rows(self):
        """The rows of the member that has the fewest."""
        return min((each.rows for each in self.members), key=lambda rows: rows.n_rows)

    def __call__(self, weights):
        """The entries of a row of the history."""
        found, row = [each(own) for each, own in self.of_each(weights)], {}
        for name in ("validation_loss", "score"):
            values = [each[name] for each in found]
            known = [value for value in values if value is not None]
            row |= {name: float(np.mean(known)) if known else None, **member_columns(name, values)}
        return row


def evaluation_of(estimator, state, rows, weighted, advice, said):
    """What these rows say after each epoch; `weighted` if the user gave weights.

    A score that fails is `said` once in the advice; with None its error is raised.
    """
    if state.members:
        args = weighted, advice, said
        return MemberEvaluation(
            state.architecture,
            [
                evaluation_of(
                    estimator, state.of_member(i), rows.of_member(i, held_out=True), *args
                )
                for i in range(len(state.members))
            ],
        )

    # Only a scorer of the user's looks at the table itself; for the others arrays are faster.
    frame = rows.frame if callable(estimator.scoring) else None

    def as_fitted(weights):
        """An estimator that predicts with these; from arrays without feature names."""
        fitted = copy.copy(estimator)
        vars(fitted).update(estimator._attributes(state, weights.copy(), 0, 0))
        if frame is None:
            vars(fitted).pop("feature_names_in_", None)
        return fitted

    def complain(error):
        if not any(sentence.startswith(said) for sentence in advice):
            advice.append(f"{said}: {error}")

    score = make_scorer(estimator, replace(rows, frame=frame), as_fitted, weighted)
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
    numbers, weight = rows.of(np.arange(rows.X.shape[0])), rows.of(rows.weight)
    if weight is not None and not weighted:
        numbers, weight = np.repeat(numbers, np.rint(weight).astype(int)), None
    y = estimator._decode(rows.y[numbers])
    X = rows.X[numbers] if rows.frame is None else rows.of_frame(numbers)
    options = {} if weight is None or not _takes_weights(scorer) else {"sample_weight": weight}
    who = f"scoring={_name(estimator.scoring)} on the validation set of {len(y)} rows"

    def score(weights):
        try:
            value = scorer(as_fitted(weights), X, y, **options)
        except Exception as error:
            remedy = _remedy(estimator, scorer, y, error)
            raise ValueError(f"{who} raised {type(error).__name__}: {error}{remedy}") from error
        if not isinstance(value, Real) or math.isnan(value) or value == math.inf:
            remedy = _remedy(estimator, scorer, y)
            raise ValueError(f"{who} returned {value!r}; it must return a number.{remedy}")
        return float(value)

    return score


def _name(scoring):
    """What a user calls a scorer."""
    return getattr(scoring, "__qualname__", None) or repr(scoring)


def _remedy(estimator, scorer, y, error=None):
    """What to do about a score that is undefined; "" where that is the scorer's own affair."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return ""
    if "pos_label" in str(error):
        metric = getattr(metric_of(scorer), "__name__", "metric")
        return (
            f" Name the positive class: scoring=make_scorer({metric}, "
            f"pos_label={classes.tolist()[-1]!r}), with make_scorer of sklearn.metrics."
        )
    lacking = (
        np.setdiff1d(classes, y).tolist()
        if y.ndim == 1
        else np.flatnonzero((y == y[0]).all(axis=0)).tolist()
    )
    if not lacking:
        return ""
    what = f"The classes {lacking}" if y.ndim == 1 else f"One of the values of the labels {lacking}"
    return (
        f" {what} are missing there, and some scores are then undefined: give X_val and y_val, "
        "raise validation_fraction, or use scoring='loss'."
    )


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
