"""What an estimator keeps of its training, as the rows of `history_`.

===================================  ==============================================
estimator                            what is read
===================================  ==============================================
a network of ours                    ``history_``
scikit-learn's MLP, and its like     ``loss_curve_``, ``validation_scores_``
HistGradientBoosting                 ``train_score_``, ``validation_score_``
GradientBoosting                     ``train_score_``, which is a loss
===================================  ==============================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sknn_opt.checks.opener import is_ours, open_network

CURVES = ("loss_curve_", "train_score_")


@dataclass
class History:
    """Rows with an epoch each, and what is in them."""

    rows: list[dict[str, Any]]
    best_epoch: int | None = None
    score_name: str | None = None
    loss_name: str = "loss"
    epoch_name: str = "epoch"


def read_history(estimator: Any) -> History:
    """The history of a fitted estimator, or of what is in it."""
    try:
        part = open_network(estimator, who="LossCurveDisplay", fitted=True).part
    except TypeError as error:
        part = _with_curve(estimator)
        if part is None:
            raise TypeError(
                f"{error} Others will do that are fitted and have a loss_curve_ or a train_score_."
            ) from None
    if is_ours(part):
        return _of_ours(part)
    return _of_boosting(part) if hasattr(part, "train_score_") else _of_curve(part)


def _with_curve(estimator):
    """An estimator that keeps a curve, also as the last step of a pipeline or found by a search."""
    if any(hasattr(estimator, name) for name in CURVES):
        return estimator
    if steps := getattr(estimator, "steps", None):
        return _with_curve(steps[-1][1])
    for name in ("best_estimator_", "regressor_", "estimator_"):
        if hasattr(estimator, name):
            return _with_curve(getattr(estimator, name))
    return None


def _of_ours(net):
    scored = any(row["score"] is not None for row in net.history_)
    name = best_epoch = None
    if scored and net.scoring != "loss":
        named = isinstance(net.scoring, str)
        name = net.scoring if named else getattr(net.scoring, "__name__", "score")
    if scored and net._training.by_score:
        best_epoch = net._training.best_epoch
    return History(net.history_, best_epoch, name)


def _of_curve(net):
    """scikit-learn's MLP, whose loss includes the penalty; it keeps the first best weights."""
    if not len(getattr(net, "loss_curve_", ())):
        solver = getattr(net, "solver", None)
        keeps = f"with solver={solver!r} scikit-learn's {type(net).__name__} keeps no loss_curve_"
        raise ValueError(f"{keeps}; take its solver 'adam' or 'sgd', or sknn_opt's estimator.")
    scores = getattr(net, "validation_scores_", None)
    rows = _rows(loss=net.loss_curve_, score=scores)
    if not _has_any(scores):
        return History(rows, loss_name="loss with penalty")
    best = rows[len(rows) - len(scores) + int(np.nanargmax(scores))]["epoch"]
    return History(rows, best, _default_score(net), "loss with penalty")


def _of_boosting(model):
    """The first value is that before the first iteration, where there are scores."""
    name = type(model).__name__
    training, validation = (getattr(model, n, None) for n in ("train_score_", "validation_score_"))
    if not len(training):
        raise ValueError(f"{name} keeps scores with early stopping only: early_stopping=True.")
    if not hasattr(model, "scoring"):  # GradientBoosting
        return History(_rows(loss=training), epoch_name="iteration")
    is_loss = model.scoring == "loss"
    sign = -1 if is_loss else 1
    validation = sign * np.asarray(validation) if _has_any(validation) else None
    rows = _rows(loss=sign * np.asarray(training), validation_loss=validation, first=0)
    what = model.scoring if isinstance(model.scoring, str) else _default_score(model)
    return History(rows, loss_name="loss" if is_loss else what, epoch_name="iteration")


def _default_score(estimator):
    """What ``estimator.score`` returns."""
    return "accuracy" if is_classifier(estimator) else "R²"


def _has_any(values):
    return values is not None and len(values) > 0 and not np.isnan(values).all()


def _rows(first=1, **columns):
    """Rows of columns, of which a shorter one belongs to the last epochs."""
    n = len(columns["loss"])
    rows = [{"epoch": epoch} for epoch in range(first, n + first)]
    for name, values in columns.items():
        values = [] if values is None else [float(value) for value in values][-n:]
        for row, value in zip(rows, [None] * (n - len(values)) + values, strict=True):
            row[name] = value
    return rows
