"""Trials: one candidate on one split, trained for a share of its epochs or on a share of the rows.

Trials run through joblib, in any order; what they find does not depend on the order.
"""

import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property

import joblib
import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils.parallel import Parallel, delayed

from sknn_opt._sklearn import fit_and_score, insert_error_scores
from sknn_opt.estimators.pausing import Pause, last_step, pausable
from sknn_opt.search.packs import LARGEST_PACK, can_be_packed, kind_of, run_pack


@dataclass(eq=False)
class Candidate:
    """One set of hyperparameters, and how it fares.

    Attributes
    ----------
    params : dict
    round : int
        In which it was drawn, from 1.
    bounds : dict of str to (low, high)
        Those of the round, of parameters that have bounds.
    share : float
        The share of the whole effort that was spent on it; 1 if it is over.
    part : float
        The part of the epochs, or of the rows, that it was last trained with.
    results : dict of int to dict
        What was found, by the number of the split.
    """

    params: dict
    round: int
    bounds: dict
    share: float = 0.0
    part: float = 0.0
    results: dict = field(default_factory=dict)

    @cached_property
    def key(self):
        """The same for the same hyperparameters."""
        return joblib.hash(self.params)

    def unfinished(self, splits):
        """Those splits on which training is not over."""
        return [i for i in splits if i not in self.results or not self.results[i]["is_over"]]


@dataclass
class Trials:
    """Trains and scores candidates.

    Attributes
    ----------
    estimator : estimator
        To be cloned for each trial.
    X, y : array-like
    splits : list of (train, test)
    options : dict
        Of scikit-learn's function that fits and scores: scorer, fit_params and so on.
    study : Study
        What is known already.
    task : SearchTask
    rungs : list of Rung
        After how much training candidates are compared, up to all.
    n_jobs, pre_dispatch : of joblib
    by_rows : bool
        Whether a share is one of the rows; else of the epochs.
    max_epochs, max_time : float
        The budget.
    """

    estimator: object
    X: object
    y: object
    splits: list
    options: dict
    study: object
    task: object
    rungs: list
    n_jobs: int | None = None
    pre_dispatch: int | str = "2*n_jobs"
    by_rows: bool = False
    max_epochs: float = np.inf
    max_time: float = np.inf
    n_epochs: float = 0.0
    n_started: int = 0

    @property
    def is_spent(self):
        """Whether there is no budget left."""
        return self.n_epochs >= self.max_epochs or self.study.seconds >= self.max_time

    @cached_property
    def order(self):
        """The splits, those of many rows in both parts first: they tell most."""
        sizes = [len(train) * len(test) for train, test in self.splits]
        return sorted(range(len(sizes)), key=lambda i: -sizes[i])

    def evaluate(self, candidates, rung, *, at_any_cost=False):
        """Train candidates up to a rung, while there is budget. Returns those that got there."""
        wanted = [one for one in candidates if one.share < rung.share]
        splits, part = self.order[: rung.n_splits], rung.part
        keys = [(one.key, i, part) for one in wanted for i in one.unfinished(splits)]
        known = {key: self.study[key] for key in dict.fromkeys(keys) if key in self.study}
        # Tasks are made before any trial is pickled: each is entered in the one around it.
        tasks = {key: self._next_task() for key in dict.fromkeys(keys) if key not in known}
        calls = self._calls(wanted, splits, part, tasks, at_any_cost)
        options = {"n_jobs": self.n_jobs, "pre_dispatch": self.pre_dispatch}
        parallel = Parallel(return_as="generator_unordered", **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the search says what went wrong, once
            for pack in parallel(calls):
                for key, result, state in pack:
                    self.study.add(key, result, state)
                    known[key] = result
        in_order = [known[key] for key in dict.fromkeys(keys) if key in known]
        self.n_epochs += sum(each["new_epochs"] for each in in_order)  # they came in any order
        for one in wanted:
            found = {i: known.get((one.key, i, part)) for i in one.unfinished(splits)}
            if None not in found.values():
                one.results |= found
                one.part, one.share = part, rung.share
        return [one for one in candidates if one.share >= rung.share]

    def drop(self, candidates):
        """Forget the states of candidates that will not go on: they would fill the memory."""
        for one in candidates:
            for i in range(len(self.splits)):
                self.study.forget_state((one.key, i))

    def _next_task(self):
        self.n_started += 1
        return self.task.trial(self.n_started)

    def _calls(self, candidates, splits, part, tasks, at_any_cost):
        """The trials that are to run, those of `tasks`; none once the budget is spent."""
        for pack in self._packs(candidates, splits, part, tasks):
            if self.is_spent and not at_any_cost:
                return
            yield delayed(run_pack)(run, [self._call(*trial, part, tasks) for trial in pack])

    def _packs(self, candidates, splits, part, tasks):
        """(candidate, number of the split) of trials that may be trained together."""
        packs, started = {}, set()
        can = can_be_packed(self.estimator) and not self.task.is_watched
        for one in candidates:
            kind = kind_of(self.estimator, one.params) if can else one.key
            for i in one.unfinished(splits):
                key = one.key, i, part
                if key in tasks and key not in started:
                    started.add(key)
                    packs.setdefault((kind, i), []).append((one, i))
        most = -(-len(started) // joblib.effective_n_jobs(self.n_jobs))  # no worker is to wait
        for pack in packs.values():
            n = -(-len(pack) // min(LARGEST_PACK, most))
            for k in range(n):
                yield pack[k::n]

    def _call(self, candidate, i, part, tasks):
        """The arguments of `run` for a trial."""
        return (
            (candidate.key, i, part),
            self.estimator,
            candidate.params,
            (self.X, self.y),
            self._rows_of(self.splits[i], part),
            self._pause(part, self.study.state((candidate.key, i, candidate.part))),
            candidate.results.get(i, {}),
            part if self.by_rows else None,
            tasks[candidate.key, i, part],
            self.options,
        )

    def _pause(self, part, state):
        """Where a network is to pause. With more rows each time it trains on for equal parts."""
        if self.by_rows:
            parts = sorted({rung.part for rung in self.rungs})
            part = (parts.index(part) + 1) / len(parts)
        return Pause(part, state)

    def _rows_of(self, split, part):
        """The split, with a part of its training rows."""
        train, test = split
        if not self.by_rows or part >= 1:
            return train, test
        return np.sort(self._in_order(train)[: max(1, round(part * len(train)))]), test

    def _in_order(self, train):
        """Training rows such that those in front are like all; of classes, each comes early."""
        rows = np.random.default_rng(0).permutation(np.asarray(train))
        if not is_classifier(self.estimator):
            return rows
        classes = np.unique(np.asarray(self.y)[rows], axis=0, return_inverse=True)[1].ravel()
        place = np.empty(len(rows))
        for label in np.unique(classes):
            mine = classes == label
            place[mine] = np.arange(mine.sum()) / mine.sum()
        return rows[np.argsort(place, kind="stable")]


def run(key, estimator, params, data, split, pause, spent, of_rows, task, options, trained=None):
    """Run one trial. Returns its key, what was found, and the state to go on from.

    `trained` is its training, if that is done.
    """
    estimator = clone(estimator).set_params(**clone(params, safe=False))
    network, (train, test) = pausable(estimator, more_rows=of_rows is not None), split
    if network is not None:
        network._pause = replace(pause, trainer=trained)
    result = fit_and_score(
        estimator, *data, task=task, train=train, test=test, return_estimator=True, **options
    )
    fitted, failed = result.pop("estimator"), result["fit_error"] is not None
    state = None if network is None or failed else network._pause.state
    n_iter, before = 0 if failed else epochs_of(fitted), spent.get("n_iter", 0)
    new = (n_iter - before if network is not None else n_iter) * (of_rows or 1)
    result["fit_time"] += spent.get("fit_time", 0.0) + (trained.seconds if trained else 0.0)
    result |= {"n_iter": n_iter, "new_epochs": new, "n_epochs": spent.get("n_epochs", 0) + new}
    result["is_over"] = failed or (state is None and (of_rows is None or of_rows == 1))
    return key, result, state


def epochs_of(estimator):
    """The epochs that a fitted estimator took, 0 if it does not say."""
    n_iter = getattr(last_step(estimator), "n_iter_", None)
    return 0.0 if n_iter is None or not np.size(n_iter) else float(np.max(n_iter))


def with_error_scores(candidates, error_score):
    """Give trials that failed the score of an error, for each metric."""
    insert_error_scores([each for one in candidates for each in one.results.values()], error_score)
