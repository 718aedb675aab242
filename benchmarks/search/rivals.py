"""Searches: each yields (seconds, mean score of the splits, hyperparameters) as it goes on.

All of them have the same ranges, estimator, splits, scorer and seconds, in one process.
"""

import warnings
from itertools import count
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, ParameterSampler, cross_val_score

from sknn_opt.search import CoarseToFineSearchCV, as_distribution
from sknn_opt.search.distributions import Choice, OneMinusLogUniform, ZeroOr


class OutOfTime(Exception):
    """The seconds are spent."""


def ours(problem, seconds, seed):
    """Coarse to fine."""
    search = CoarseToFineSearchCV(
        problem.estimator,
        problem.space,
        n_iter=None,
        max_time=seconds,
        scoring=problem.scoring,
        cv=problem.cv,
        refit=False,
        random_state=seed,
    ).fit(problem.X, problem.y)
    found = search.cv_results_
    done = np.flatnonzero(found["share"] == 1)
    done = done[np.argsort(found["ended"][done])]
    columns = (found["ended"], found["mean_test_score"], found["params"])
    return [tuple(column[i] for column in columns) for i in done]


def random_search(problem, seconds, seed):
    """What RandomizedSearchCV does, one candidate after the other until time is up."""
    started, way = perf_counter(), []
    for params in ParameterSampler(problem.space, 100_000, random_state=seed):
        score = _score(problem, params)
        way.append((perf_counter() - started, score, params))
        if way[-1][0] > seconds:
            return way[:-1] or way


def halving(problem, seconds, seed):
    """HalvingRandomSearchCV over max_iter, in brackets of 27 candidates until time is up."""
    started, way = perf_counter(), []
    for bracket in count():
        search = HalvingRandomSearchCV(
            problem.estimator,
            problem.space,
            n_candidates=27,
            resource=problem.resource,
            max_resources=problem.max_iter,
            min_resources=max(1, problem.max_iter // 9),
            scoring=problem.scoring,
            cv=problem.cv,
            refit=False,
            random_state=seed + 1000 * bracket,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search.fit(problem.X, problem.y)
        best = search.cv_results_["mean_test_score"][search.best_index_]
        params = dict(search.best_params_)
        params.pop(problem.resource, None)
        way.append((perf_counter() - started, best, params))
        if way[-1][0] > seconds:
            return way[:-1] or way


def tpe(problem, seconds, seed):
    """Optuna's TPE; its median pruner sees the mean after each split."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    started, way = perf_counter(), []

    def objective(trial):
        params = {name: _suggest(trial, name, each) for name, each in problem.space.items()}
        scores = []
        for i, (train, test) in enumerate(problem.splits):
            scores.append(_score(problem, params, [(train, test)]))
            if perf_counter() - started > seconds:
                raise OutOfTime
            trial.report(np.mean(scores), i)
            if trial.should_prune():
                raise optuna.TrialPruned
        way.append((perf_counter() - started, np.mean(scores), params))
        return np.mean(scores)

    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(
        direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner()
    )
    try:
        study.optimize(objective)
    except OutOfTime:
        return way


def _score(problem, params, splits=None):
    model = clone(problem.estimator).set_params(**params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cross_val_score(
            model, problem.X, problem.y, cv=splits or problem.splits, scoring=problem.scoring
        ).mean()


def _suggest(trial, name, value):
    """A range of ours in Optuna's words."""
    each = as_distribution(value)
    if isinstance(each, Choice):
        return trial.suggest_categorical(name, each.values)
    if isinstance(each, ZeroOr):
        if trial.suggest_categorical(f"{name} is 0", [True, False]):
            return 0.0
        return _suggest(trial, name, each.distribution)
    low, high = each.support()
    if isinstance(each, OneMinusLogUniform):
        return 1 - trial.suggest_float(f"1 - {name}", 1 - high, 1 - low, log=True)
    suggest = trial.suggest_int if isinstance(low, int) else trial.suggest_float
    return suggest(name, low, high, log=each.axis_scale == "log")


SEARCHES = {
    "coarse to fine": ours,
    "RandomizedSearchCV": random_search,
    "HalvingRandomSearchCV": halving,
    "Optuna's TPE": tpe,
}
