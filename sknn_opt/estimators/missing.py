"""Targets that are missing: NaN, None or NA in y.

A row that lacks its only target teaches nothing, and is refused. A row that lacks some of several
targets has *gaps*: the loss and the score leave these out (see `sknn_opt.nn.losses.Observed`).
"""

from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import r2_score


def with_gaps(y, every_column=False):
    """Several columns of targets as floats with NaN in their gaps; None where there are no gaps.

    Raises
    ------
    ValueError
        If there is no target at all or, with `every_column`, none in one of the columns.
    """
    try:
        table = np.empty(0) if issparse(y) else np.asarray(y)
        if table.ndim != 2 or table.shape[1] < 2 or table.dtype.kind not in "fO":
            return None
        gaps = _are_missing(table)
        if not gaps.any():
            return None
        if table.dtype.kind == "O":
            table = np.where(gaps, np.nan, table).astype(np.float64)
    except (TypeError, ValueError):  # rows of different lengths, or words
        return None
    empty = np.flatnonzero(gaps.all(axis=0))
    if len(empty) == table.shape[1]:
        raise ValueError("y holds no target at all: every entry is missing (NaN).")
    if every_column and len(empty):
        names = getattr(y, "columns", range(table.shape[1]))
        raise ValueError(
            f"y holds no target in its column {names[empty[0]]!r}: every entry is missing (NaN). "
            "Leave the column out."
        )
    return table


def refuse_missing(y):
    """Raise ValueError if a row has no target, and say which.

    scikit-learn's own sentences on None, NaN and NA depend on the type, and some do not name y.
    """
    as_given = object if isinstance(y, list | tuple) else None  # NaN among words would be "nan"
    table = np.empty(0) if issparse(y) else np.asarray(y, dtype=as_given)
    if not table.size or table.dtype.kind not in "fOmM":
        return
    rows = np.flatnonzero(_are_missing(table.reshape(len(table), -1)).any(axis=1))
    if len(rows) == len(table):
        raise ValueError("Input y contains NaN: there is no target at all (NaN, None or NA).")
    if len(rows):
        raise ValueError(
            f"Input y contains NaN: there is no target (NaN, None or NA) in {len(rows)} of "
            f"{len(table)} rows, the first of them row {rows[0]}. Leave these rows out: "
            "keep = ~pandas.isna(y); fit(X[keep], y[keep])."
        )


def _are_missing(table):
    if table.dtype.kind in "fmM":
        return np.isnan(table)
    return np.frompyfunc(_is_missing, 1, 1)(table).astype(bool)


def _is_missing(value):
    if isinstance(value, Real):
        return value != value
    return value is None or type(value).__name__ in ("NAType", "NaTType")


# Scores that leave the gaps out ------------------------------------------------------------------


def mean_r2(y, predictions, weight):
    """The mean R² of the columns, each over the rows that have its target.

    Columns with fewer than two of these do not count.
    """
    scores = []
    for truth, predicted in zip(y.T, predictions.T, strict=True):
        seen = ~np.isnan(truth)
        if np.count_nonzero(seen) > 1:
            options = {} if weight is None else {"sample_weight": np.asarray(weight)[seen]}
            scores.append(r2_score(truth[seen], predicted[seen], **options))
    return float(np.mean(scores)) if scores else np.nan


def subset_accuracy(y, predictions, weight):
    """The share of rows, of those with any label, in which all labels that are there are right."""
    seen = ~np.isnan(y)
    right = ((y == predictions) | ~seen).all(axis=1)
    counts = seen.any(axis=1) * (1.0 if weight is None else np.asarray(weight, float))
    return float(np.average(right, weights=counts))
