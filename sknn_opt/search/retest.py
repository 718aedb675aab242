"""Do yesterday's best hyperparameters still rank first on new data, or have they gone stale?

The best candidates of a search, and some of the others, are scored anew by cross-validation on new
data. The verdict compares what the old best loses there with what it would lose by chance if
nothing had changed (`sknn_opt.search.agreement`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from sklearn.base import is_classifier
from sklearn.model_selection import GridSearchCV, check_cv
from sklearn.utils import check_random_state

from sknn_opt.arrays.types import Matrix, RandomState
from sknn_opt.search.agreement import (
    Measured,
    chance_of_loss,
    critical,
    differences,
    rank_correlation,
)
from sknn_opt.search.results import read_results
from sknn_opt.search.retest_report import (
    BETTER,
    FAILED,
    LEVEL,
    OLD_BEST,
    WORSE,
    RetestedCandidate,
    RetestReport,
)
from sknn_opt.search.scales import spelled

LEVEL_OF_ERROR = 0.05  # of one verdict


def retest(
    search: Any,
    X_new: Matrix,
    y_new: ArrayLike | None = None,
    n_top: int = 10,
    *,
    cv: Any = None,
    groups: ArrayLike | None = None,
    metric: str | None = None,
    n_jobs: int | None = None,
    fit_params: Mapping[str, Any] | None = None,
    random_state: RandomState = 0,
) -> RetestReport:
    """Score the best candidates of a search on new data, and say whether the best still is.

    Half of the candidates are the first by rank, the others are spread over the remaining ranks.
    All are scored on the same splits, with the scorer of the search.

    Parameters
    ----------
    search : fitted search
        Any of scikit-learn's, or another one with `cv_results_`, `estimator` and `scorer_`. Of a
        halving search the last iteration counts that has `n_top` candidates, since only scores of
        equal resources can be compared.
    X_new : {array-like, sparse matrix, DataFrame} of shape (n_new, n_features)
        New data, which the search has not seen.
    y_new : array-like of shape (n_new,) or (n_new, n_outputs), default=None
        The targets.
    n_top : int, default=10
        How many candidates to score, at least 2.
    cv : int, splitter or iterable, default=None
        As for the search; None is what the search used.
    groups : array-like of shape (n_new,), default=None
        Groups of the new rows, for splitters that need them.
    metric : str, default=None
        Which of several metrics of the search; None is that of `refit`.
    n_jobs : int, default=None
        As for the search; None is what the search used.
    fit_params : dict, default=None
        What `fit` of the search takes besides X and y, such as ``sample_weight``.
    random_state : int, RandomState instance or None, default=0
        Of the errors, which are drawn.

    Returns
    -------
    report : RetestReport
        Its `verdict` is "still first", "stale" or "cannot say".

    Raises
    ------
    TypeError, NotFittedError
        If it is no search, or is not fitted.
    ValueError
        If fewer than 2 candidates have a score, or `cv` of the search is a list of old rows.

    Notes
    -----
    "stale": the old best loses more than it would by chance if nothing had changed, p <= 0.05; the
    luck of the best of many is allowed for. "still first": the ranks agree (Kendall's τ > 0,
    p <= 0.05) and no candidate is clearly better. Else "cannot say": more new rows help. Take about
    as many as the search had, since the best hyperparameters also depend on the number of rows.

    In simulations of 400 searches each, with errors from 0.02 to 1 of the spread of the scores, 1
    to 9 % were called stale on equal data. On data with another order, 1 to 6 % were called "still
    first", and of those with errors of 0.1 or less 77 % or more were found stale.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sknn_opt.search import retest
    >>> X, y = load_digits(return_X_y=True)
    >>> search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 4, 8, 16, 32, 64]})
    >>> retest(search.fit(X[::2], y[::2]), X[1::2], y[1::2]).verdict
    'still first'
    """
    if not isinstance(n_top, Integral) or isinstance(n_top, bool) or n_top < 2:
        raise ValueError(f"n_top must be an integer of at least 2; got {n_top!r}.")
    for name in ("estimator", "scorer_"):
        if hasattr(search, "cv_results_") and not hasattr(search, name):
            raise TypeError(f"retest needs a search with {name}; this one has none.")
    results = read_results(search, "retest", metric)
    rows = _to_retest(search, results, int(n_top))
    candidates = [_with_most_resources(search, results, row) for row in rows]
    splits = _splits(search, X_new, y_new, cv, groups)
    again = GridSearchCV(
        search.estimator,
        [{name: [value] for name, value in params.items()} for params in candidates],
        scoring=search.scorer_,
        cv=splits,
        n_jobs=search.n_jobs if n_jobs is None and hasattr(search, "n_jobs") else n_jobs,
        refit=False,
    ).fit(X_new, y_new, **(fit_params or {}))
    key = metric if metric != getattr(search, "scoring", None) else None
    key = key or (search.refit if isinstance(getattr(search, "refit", None), str) else None)
    new = read_results(again, "retest", key if len(_metrics(again)) > 1 else None)
    share = float(np.mean([len(test) / len(train) for train, test in splits]))
    old = Measured(results.splits[rows], share), Measured(new.splits, share)
    rng = check_random_state(random_state)
    return _judged(candidates, results.scores[rows], *old, rng, results.metric, _n_rows(splits))


def _metrics(search):
    return [key for key in search.cv_results_ if key.startswith("mean_test_")]


def _n_rows(splits):
    return len(np.unique(np.concatenate([np.concatenate(split) for split in splits])))


def _to_retest(search, results, n_top):
    """The rows of candidates, the best first: half from the top, half spread over the rest."""
    order = _order(results, np.flatnonzero(results.is_done))
    if results.resources is not None:
        sizes = {number: np.sum(results.rounds == number) for number in np.unique(results.rounds)}
        used = max((n for n, size in sizes.items() if size >= n_top), default=min(sizes))
        last = order[results.rounds[order] == results.rounds.max()]
        key = _key(search, results, last[0]) if len(last) else None
        order = _order(results, np.flatnonzero(results.rounds == used))
        order = sorted(order, key=lambda row: _key(search, results, row) != key)
    rows = list({_key(search, results, row): row for row in reversed(order)}.values())[::-1]
    if len(rows) < 2:
        raise ValueError(f"retest needs at least 2 candidates with a score; got {len(rows)}.")
    n = min(n_top, len(rows))
    n_first = -(-n // 2)
    spread = np.linspace(n_first, len(rows) - 1, n - n_first).round().astype(int)
    return [rows[place] for place in [*range(n_first), *spread]]


def _order(results, rows):
    """Those with a score, the best first."""
    rows = rows[np.isfinite(results.scores[rows])]
    return rows[np.argsort(-results.scores[rows], kind="stable")]


def _key(search, results, row):
    """What tells candidates apart: their hyperparameters, without the resource of a halving."""
    resource = getattr(search, "resource", None)
    params = results.candidates[row]
    return tuple(sorted((name, spelled(v)) for name, v in params.items() if name != resource))


def _with_most_resources(search, results, row):
    params, resource = dict(results.candidates[row]), getattr(search, "resource", None)
    if resource in params:
        params[resource] = max(each[resource] for each in results.candidates)
    return params


def _splits(search, X, y, cv, groups):
    """The same splits for all candidates."""
    cv = getattr(search, "cv", None) if cv is None else cv
    if cv is getattr(search, "cv", None) and not (
        cv is None or isinstance(cv, Integral) or hasattr(cv, "split")
    ):
        raise ValueError(
            "cv of the search is a list of splits of the old rows: give cv, for example cv=5."
        )
    splitter = check_cv(cv, y, classifier=is_classifier(search.estimator))
    return list(splitter.split(X, y, groups))


def _judged(candidates, old_scores, old, new, rng, metric, n_new):
    """The report."""
    alive = np.isfinite(new.means)
    ranks = rankdata(np.where(alive, -new.means, np.inf), method="min").astype(int)
    gains, errors = differences(Measured(new.splits[alive], new.share), 0) if alive[0] else ([], [])
    limits = dict.fromkeys((BETTER, WORSE), math.nan)
    n_splits, n_others = new.splits.shape[1], max(int(alive.sum()) - 1, 1)
    if n_splits > 1:
        limits = {BETTER: critical(n_splits, n_others, LEVEL_OF_ERROR)}
        limits[WORSE] = critical(n_splits, 1, LEVEL_OF_ERROR)
    told = iter(zip(gains, errors, strict=True))
    rows = []
    for i, params in enumerate(candidates):
        gain, error = next(told) if alive[i] and alive[0] else (math.nan, math.nan)
        verdict = _verdict(i, alive[i], gain, error, limits)
        scores = float(old_scores[i]), float(new.means[i])
        rows.append(
            RetestedCandidate(
                i + 1, int(ranks[i]), verdict, *scores, float(gain), float(error), params
            )
        )
    p_loss = _p_loss(old, new, alive, rng)
    order = np.where(alive, new.means, -np.inf)
    correlation = rank_correlation(-np.arange(len(rows), dtype=float), rankdata(order), rng)
    return RetestReport(tuple(rows), *correlation, p_loss, metric, n_new, n_splits)


def _verdict(i, is_alive, gain, error, limits):
    """Of one candidate, compared with the old best."""
    if not is_alive:
        return FAILED
    if i == 0:
        return OLD_BEST
    if gain > limits[BETTER] * error:
        return BETTER
    return WORSE if gain < -limits[WORSE] * error else LEVEL


def _p_loss(old, new, alive, rng):
    """The chance of such a loss where nothing has changed; 0 if the old best fails by now."""
    if not alive[0]:
        return 0.0 if alive.any() else math.nan
    alive = alive & np.isfinite(old.splits).all(axis=1)
    if alive.sum() < 2 or not alive[0] or old.splits.shape[1] < 2:
        return math.nan
    both = (Measured(each.splits[alive], each.share) for each in (old, new))
    return chance_of_loss(*both, 0, rng)
