"""The results of any search that has `cv_results_`, read once for all who look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from sknn_opt._sklearn import BaseSearchCV
from sknn_opt.arrays.types import Floats
from sknn_opt.search.scales import ABSENT, Scale, scale_of, spelled

PREFIX = "mean_test_"


@dataclass(frozen=True, eq=False)
class Parameter:
    """One hyperparameter: its value for each candidate, and where that lies on its scale.

    Attributes
    ----------
    name : str
    values : list
        `ABSENT` where a candidate has none.
    scale : Scale
    places : ndarray of shape (n_candidates,)
    bounds : dict of int to (float, float)
        The places of the bounds of each round; empty if the search tells none.
    """

    name: str
    values: list[Any]
    scale: Scale
    places: Floats
    bounds: dict[int, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Results:
    """What a search found.

    Attributes
    ----------
    metric : str
        What the scores are called.
    candidates : list of dict
    scores : ndarray of shape (n_candidates,)
        Mean test scores, NaN of those that failed.
    standing : ndarray of shape (n_candidates,)
        Numbers in the order of the candidates, NaN of those that failed: the scores, or of a search
        that stops candidates early its ranks, in which a longer training counts first.
    splits : ndarray of shape (n_candidates, n_splits)
        Scores of each split.
    rounds : ndarray of shape (n_candidates,)
        From 1. An iteration of a halving search is a round.
    resources : ndarray of shape (n_candidates,) or None
        Of a halving search: scores of unequal resources cannot be compared.
    shares : ndarray of shape (n_candidates,) or None
        Of a search that stops candidates early: how much of their training they had.
    costs : dict of str to ndarray of shape (n_candidates,)
        "epochs" if the search counts them, and "seconds".
    parameters : list of Parameter
    """

    metric: str
    candidates: list[dict[str, Any]]
    scores: Floats
    standing: Floats
    splits: Floats
    rounds: np.ndarray
    resources: np.ndarray | None
    shares: Floats | None
    costs: dict[str, Floats]
    parameters: list[Parameter]

    @property
    def is_done(self) -> np.ndarray:
        """Which candidates were trained to their end."""
        return np.ones(len(self.scores), bool) if self.shares is None else self.shares >= 1

    @property
    def comparable(self) -> np.ndarray:
        """The candidates whose scores can be compared: those of the first, full iteration."""
        if self.resources is None:
            return np.arange(len(self.scores))
        return np.flatnonzero(self.rounds == self.rounds.min())


def read_results(search: Any, who: str, metric: str | None = None) -> Results:
    """Read a fitted search.

    Parameters
    ----------
    search : fitted search
        With `cv_results_`.
    who : str
        Who asks, for messages.
    metric : str, default=None
        Which of several metrics; None is that of `refit`.

    Raises
    ------
    TypeError, NotFittedError, ValueError
        If it is no search, is not fitted, or has no such metric.
    """
    table = getattr(search, "cv_results_", None)
    if table is None:
        kind = type(search).__name__
        if isinstance(search, BaseSearchCV):
            raise NotFittedError(f"{who} needs a fitted search: call fit of this {kind} first.")
        raise TypeError(f"{who} needs a fitted search, such as RandomizedSearchCV; got {kind}.")
    name = _metric(search, table, metric, who)
    scores = np.asarray(table[PREFIX + name], dtype=float)
    if "round" in table or "iter" in table:
        rounds = np.asarray(table["round"] if "round" in table else np.add(table["iter"], 1))
    else:
        rounds = np.ones(len(scores), dtype=int)
    scores = np.where(np.isfinite(scores), scores, np.nan)
    ranks = np.asarray(table[f"rank_test_{name}"], dtype=float) if "share" in table else -scores
    keys = [key for key in table if _is_split(key, name)]
    splits = [np.asarray(table[key], dtype=float) for key in keys]
    return Results(
        metric=_called(search, name),
        candidates=list(table["params"]),
        scores=scores,
        standing=np.where(np.isnan(scores), np.nan, -ranks),
        splits=np.array(splits).T if splits else np.empty((len(scores), 0)),
        rounds=rounds,
        resources=np.asarray(table["n_resources"]) if "n_resources" in table else None,
        shares=np.asarray(table["share"], float) if "share" in table else None,
        costs=_costs(search, table, len(keys)),
        parameters=_parameters(search, table, rounds),
    )


def _metric(search, table, metric, who):
    """The metric asked for, as the columns name it."""
    names = [key.removeprefix(PREFIX) for key in table if key.startswith(PREFIX)]
    if metric is None and len(names) > 1:
        metric = getattr(search, "refit", None)
    if (metric is None and len(names) == 1) or metric == _called(search, "score"):
        metric = names[0]
    if metric not in names:
        told = f"got {metric!r}" if isinstance(metric, str) else "none was named"
        raise ValueError(
            f"metric of {who} must be one of those of the search, {', '.join(names)}; {told}."
        )
    return metric


def _called(search, name):
    """A better name than "score" where the search has one."""
    scoring = getattr(search, "scoring", None)
    return scoring if name == "score" and isinstance(scoring, str) else name


def _is_split(key, name):
    head, _, tail = key.partition("_")
    return head.startswith("split") and head[5:].isdigit() and tail == f"test_{name}"


def _costs(search, table, n_splits):
    """What each candidate cost, over all splits."""
    n_splits = getattr(search, "n_splits_", None) or max(n_splits, 1)
    costs = {}
    if "n_epochs" in table:
        costs["epochs"] = np.asarray(table["n_epochs"], dtype=float)
    if "seconds" in table:
        costs["seconds"] = np.asarray(table["seconds"], dtype=float)
    elif "mean_fit_time" in table:
        each = np.add(table["mean_fit_time"], table.get("mean_score_time", 0.0))
        costs["seconds"] = np.asarray(each, dtype=float) * n_splits
    return {name: np.nan_to_num(cost) for name, cost in costs.items()}


def _parameters(search, table, rounds):
    """Those that were searched, in the order of the space."""
    given = _given(search)
    names = dict.fromkeys([*given, *(name for params in table["params"] for name in params)])
    names.pop(getattr(search, "resource", None), None)  # grows from round to round
    found = []
    for name in names:
        values = [params.get(name, ABSENT) for params in table["params"]]
        if all(value is ABSENT for value in values):
            continue
        scale = scale_of(values, given.get(name))
        bounds = _bounds(table, name, scale, rounds)
        found.append(Parameter(name, values, scale, scale.places(values), bounds))
    return found


def _given(search):
    """What the search draws from, by name; of a space of several parts the first that has it."""
    spaces = getattr(search, "spaces_", None)  # a list of rounds: the first is the widest
    if not spaces:
        places = ("param_distributions", "param_grid")
        spaces = next((s for s in (getattr(search, name, None) for name in places) if s), [])
    merged: dict[str, Any] = {}
    for space in [spaces] if isinstance(spaces, dict) else spaces:
        for name, values in space.items():
            merged.setdefault(name, values)
    return merged


def _bounds(table, name, scale, rounds):
    """The places of the bounds of each round, if the search tells them."""
    if f"low_{name}" not in table or scale.kind == "category":
        return {}
    ends = [scale.places(np.asarray(table[f"{end}_{name}"])) for end in ("low", "high")]
    bounds = {}
    for number in np.unique(rounds):
        own = [end[rounds == number] for end in ends]
        if all(np.isfinite(end).any() for end in own):
            bounds[int(number)] = (float(np.nanmin(own[0])), float(np.nanmax(own[1])))
    return bounds


def described(params: dict[str, Any]) -> str:
    """A candidate in words: "alpha=0.01, solver=adam"."""
    texts = (
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={spelled(value)}"
        for name, value in params.items()
    )
    return ", ".join(texts) or "the defaults"
