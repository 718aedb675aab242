"""Coarse to fine: rounds of random draws, each in the region of the best so far."""

from __future__ import annotations

import math
import os
import warnings
from itertools import chain, repeat
from numbers import Integral, Real
from time import time
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, get_tags, indexable

from sknn_opt._sklearn import (
    BaseSearchCV,
    Interval,
    SearchTask,
    StrOptions,
    best_index,
    by_name,
    check_method_params,
    fit_context,
    routed_for_fit,
    scorers_of,
)
from sknn_opt.search import checks, cv_results, rounds
from sknn_opt.search.distributions import Distribution
from sknn_opt.search.space import search_space
from sknn_opt.search.study import Study
from sknn_opt.search.trials import Candidate, Trials, with_error_scores
from sknn_opt.training.state import FORMAT

FIRST, LATER = 27, 9  # candidates of a round where `n_iter` does not say how many


class CoarseToFineSearchCV(BaseSearchCV):
    """Search for hyperparameters at random: everywhere at first, then where the best are.

    Each round draws candidates at random. All of them are compared on one split, and only the
    better ones on the others; with a smaller `min_share`, even after few epochs. The next round
    draws where the best candidates so far lie, on each parameter's own scale; a fifth of its
    candidates come from the whole space all the same, so that the search can leave a region again.

    A network that was stopped early goes on with its weights, its optimizer and its random numbers:
    what comes out is, to the bit, the network of one fit. Other estimators are trained to their end
    on each split; with ``resource="rows"`` they too are compared on few rows first. Small networks
    of one architecture are trained together, as one packed network, which changes nothing but the
    time.

    Parameters
    ----------
    estimator : estimator
        What to search: `MLPClassifier`, `TabularMLPRegressor`, a pipeline, or any other of
        scikit-learn's kind. Where a ``random_state`` in it is None, the search sets one.
    param_distributions : dict of str to distribution or list, default=None
        For each parameter what to draw it from: `LogUniform` and its kin, scipy's frozen
        distributions, or a list to choose from. None is `search_space` of the estimator.
    n_iter : int or None, default=60
        The candidates of all rounds together. None goes on until `max_epochs` or `max_time` is
        spent, with 27 candidates in the first round and 9 in each later one.
    n_rounds : int, default=3
        The number of rounds. Without `n_iter` it is of no use.
    factor : float, default=3
        One candidate in so many goes on, each time with so many times as much training. 1 trains
        all to the end on all splits.
    resource : {'epochs', 'rows'}, default='epochs'
        What the better ones get more of: epochs of their plan, or rows.
    min_share : float, default=0.3
        The least share of the whole effort, all epochs or rows on all splits, after which
        candidates are compared, in (0, 1]. Those splits come first that have many rows in both
        parts; a share below that of one split is a part of its epochs or rows.
    max_epochs : float, default=None
        A budget: the passes over training rows, of all candidates and splits together. It is
        looked at before each comparison, so that the result does not depend on `n_jobs`.
    max_time : float, default=None
        A budget: seconds, without those of the last fit of the best. What runs when it is spent is
        finished; the result then depends on the speed of the machine.
    scoring : str, callable, list, tuple or dict, default=None
        As in scikit-learn's searches. Of several metrics `refit` names the one that decides; where
        it is no name, the first does.
    n_jobs : int, default=None
        Trials at a time, through joblib and any of its backends. It does not change the result.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows, as in scikit-learn's searches.
    cv : int, splitter or iterable, default=None
        The splits: 5 folds unless you say so. They are the same for all candidates.
    verbose : int, default=0
        1 prints a line for each round; more prints a line for each trial as well.
    pre_dispatch : int or str, default='2*n_jobs'
        How many trials joblib prepares ahead.
    random_state : int, RandomState instance or None, default=None
        Where candidates, and seeds of the estimator, come from.
    error_score : 'raise' or float, default=np.nan
        The score of a trial that fails.
    return_train_score : bool, default=False
        Whether `cv_results_` has the scores on training rows.
    warm_start : bool, default=False
        Whether `fit` goes on from what it found before, after an interruption too. With twice
        `n_iter` and twice `n_rounds` it is as if they had been so from the start.
    checkpoint : str or path-like, default=None
        A file for the result of each trial as it comes. If it is there when `fit` begins, the
        search goes on from it: after a crash at most the running trials are lost. The file is a
        sequence of pickles; use only one that you trust.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray
        As in scikit-learn's searches, with these columns more: ``round``; ``share``, that of the
        whole effort with which a candidate was scored; ``n_epochs`` and ``seconds``, those of all
        splits; ``ended``, the seconds of the search after which
        its score was there; ``low_NAME`` and ``high_NAME``, the bounds of the round; ``error``, why
        it failed, or "". Ranks put those first that were trained longest. Scores are NaN on splits
        that a candidate was not trained on; its mean and standard deviation are of the others.
    best_params_ : dict
        The hyperparameters of rank 1.
    best_score_ : float
        Its mean score over the splits.
    best_index_ : int
        Its place in `cv_results_`.
    best_estimator_ : estimator
        Fitted with them on all rows.
    spaces_ : list of dict of str to Distribution
        What each round drew from.
    n_epochs_ : float
        The passes over training rows of all trials together.
    scorer_ : callable or dict of str to callable
        What scores.
    n_splits_ : int
    multimetric_ : bool
    refit_time_ : float
        The seconds of the last fit of the best.

    See Also
    --------
    search_space : Good ranges.
    SearchDisplay : The picture of a search.
    retest : Do the best still rank first on new data?

    References
    ----------
    Bergstra & Bengio (2012), "Random search for hyper-parameter optimization", for random draws.
    Jamieson & Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter
    optimization", for stopping the hopeless early.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknn_opt import MLPClassifier
    >>> from sknn_opt.search import CoarseToFineSearchCV, LogUniform, OneMinusLogUniform
    >>> X, y = load_iris(return_X_y=True)
    >>> net = make_pipeline(StandardScaler(), MLPClassifier(max_iter=30, learning_rate="cosine"))
    >>> ranges = {
    ...     "mlpclassifier__learning_rate_init": LogUniform(1e-4, 1),
    ...     "mlpclassifier__beta_1": OneMinusLogUniform(0.5, 0.99),
    ... }
    >>> search = CoarseToFineSearchCV(net, ranges, n_iter=12, cv=3, random_state=0).fit(X, y)
    >>> bool(search.best_score_ > 0.95), len(search.spaces_)
    (True, 3)
    """

    cv_results_: dict[str, Any]
    best_params_: dict[str, Any]
    best_score_: float
    best_index_: int
    best_estimator_: Any
    spaces_: list[dict[str, Distribution]]
    n_epochs_: float
    scorer_: Any
    n_splits_: int
    multimetric_: bool
    refit_time_: float

    _parameter_constraints: ClassVar[dict] = BaseSearchCV._parameter_constraints | {
        "param_distributions": [dict, None],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "factor": [Interval(Real, 1, None, closed="left")],
        "resource": [StrOptions({"epochs", "rows"})],
        "min_share": [Interval(Real, 0, 1, closed="right")],
        "max_epochs": [Interval(Real, 0, None, closed="neither"), None],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "checkpoint": [str, os.PathLike, None],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: dict[str, Any] | None = None,
        *,
        n_iter: int | None = 60,
        n_rounds: int = 3,
        factor: float = 3,
        resource: str = "epochs",
        min_share: float = 0.3,
        max_epochs: float | None = None,
        max_time: float | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        warm_start: bool = False,
        checkpoint: Any = None,
    ):
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.n_rounds = n_rounds
        self.factor = factor
        self.resource = resource
        self.min_share = min_share
        self.max_epochs = max_epochs
        self.max_time = max_time
        self.random_state = random_state
        self.warm_start = warm_start
        self.checkpoint = checkpoint

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, and fit the best candidate on all rows.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.
        **params : dict of str to object
            For the estimator's ``fit``, the scorer and the splitter, as in scikit-learn's searches:
            ``sample_weight``, ``groups`` and so on.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a range or a parameter cannot be used, or all candidates fail.
        """
        self._refuse_endless()
        if y is None and get_tags(self.estimator).target_tags.required:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        scorer, metric = scorers_of(self)
        X, y = indexable(X, y)
        params = check_method_params(X, params=params)
        routed = routed_for_fit(self, params)
        with np.errstate(invalid="ignore"):  # infinite targets, which the estimator refuses
            splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(splitter.split(X, y, **routed.splitter.split))
        given = self._space()
        space = checks.checked_space(given, self.estimator)
        task = SearchTask(self, X, y, params.get("sample_weight"))
        self._study = study = self._open_study((X, y, params, splits), given)
        estimator = checks.seeded(self.estimator, np.random.RandomState(study.seed))
        self.n_splits_, score = len(splits), cv_results.metric_of(metric)
        options = {
            "scorer": scorer,
            "fit_params": routed.estimator.fit,
            "score_params": routed.scorer.score,
        }
        trials = self._trials(estimator, (X, y, splits), options, study, task)
        try:
            candidates = self._search(trials, space, score)
        finally:
            study.close()
        task.end_trials()
        self._take_in(candidates, space, scorer, metric, score)
        if self.refit:
            self._refit(estimator, X, y, routed.estimator.fit, task)
        task.end()
        return self

    @property
    def n_features_in_(self) -> int:
        """The number of features that `best_estimator_` was fitted with."""
        return super().n_features_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags = get_tags(self.estimator).target_tags
        return tags

    def _refuse_endless(self):
        if self.n_iter is None and self.max_epochs is None and self.max_time is None:
            raise ValueError("n_iter=None searches without end: set max_epochs or max_time.")

    def _space(self):
        """What to search, as it was given, or as it suits the estimator."""
        if self.param_distributions is None:
            return search_space(self.estimator)
        return self.param_distributions

    def _open_study(self, data, space):
        """What is known from before, or nothing yet."""
        before = vars(self).get("_study") if self.warm_start else None
        if before is None and self.checkpoint is None and not self.warm_start:
            return Study({}, self._new_seed())
        origin = checks.origin_of(
            data=data,
            estimator=self.estimator,
            param_distributions=space,
            scoring=self.scoring,
            resource=(self.resource, self.factor, self.min_share),
            random_state=self.random_state if isinstance(self.random_state, Integral) else None,
            version=FORMAT,
        )
        study = before if before is not None else Study(origin, self._new_seed(), self.checkpoint)
        study.go_on(origin)
        return study

    def _new_seed(self):
        return int(check_random_state(self.random_state).randint(2**31))

    def _trials(self, estimator, data, options, study, task):
        options |= {
            "return_train_score": self.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "error_score": self.error_score,
            "verbose": self.verbose,
            "caller": clone(self),
        }
        return Trials(
            estimator,
            *data,
            options,
            study,
            task,
            rounds.ladder(self.factor, self.min_share, len(data[2])),
            n_jobs=self.n_jobs,
            pre_dispatch=self.pre_dispatch,
            by_rows=self.resource == "rows",
            max_epochs=self.max_epochs or math.inf,
            max_time=self.max_time or math.inf,
        )

    def _search(self, trials, space, score):
        """Rounds, until the budget is spent. Returns the candidates that were trained."""
        rng = np.random.RandomState(trials.study.seed + 1)
        everyone, drawn, region, self.spaces_ = {}, [], space, []
        for number, size in enumerate(self._sizes(), 1):
            found = rounds.draw(space, region, size, number == 1, rng)
            bounds = rounds.bounds_of(region)
            drawn = {one.key: one for one in (Candidate(each, number, bounds) for each in found)}
            drawn = [one for key, one in drawn.items() if key not in everyone]
            self.spaces_.append(region)
            self._race(trials, drawn, score)
            everyone |= {one.key: one for one in drawn if one.results}
            best = rounds.ranked(everyone.values(), score)
            if self.verbose:
                self._print_round(number, drawn, best, score, trials)
            if trials.is_spent or not drawn:
                break
            region = rounds.zoomed(space, rounds.worth_a_look(best))
        if not any(one.share >= 1 for one in everyone.values()):
            best = rounds.ranked(everyone.values(), score)[:1] or drawn[:1]
            self._finish(trials, best[0])
            everyone |= {best[0].key: best[0]}
        self.n_epochs_ = trials.n_epochs
        return list(everyone.values())

    def _sizes(self):
        """The number of candidates of each round."""
        if self.n_iter is None:
            return chain([FIRST], repeat(LATER))
        n_rounds = min(self.n_rounds, self.n_iter)
        n, more = divmod(self.n_iter, n_rounds)
        return [n + (i < more) for i in range(n_rounds)]

    def _race(self, trials, candidates, score):
        """Train all a little, the better ones on, and the best to the end."""
        for rung in trials.rungs:
            candidates = trials.evaluate(candidates, rung)
            if rung.share < 1:
                better = rounds.promoted(candidates, self.factor, score)
                trials.drop(one for one in candidates if one not in better)
                candidates = better

    def _finish(self, trials, candidate):
        """Train a candidate to its end: without one there is no result."""
        for rung in trials.rungs:
            trials.evaluate([candidate], rung, at_any_cost=True)
        limit = "max_time" if self.max_time is not None else "max_epochs"
        warnings.warn(
            f"{limit}={getattr(self, limit)} was spent before any candidate was trained to its "
            "end; the best so far was trained on all the same. Give the search more.",
            ConvergenceWarning,
            stacklevel=5,
        )

    def _print_round(self, number, drawn, best, score, trials):
        said = f"round {number}: {len(drawn)} candidates, {trials.n_epochs:.0f} epochs and "
        said += f"{trials.study.seconds:.0f} s so far"
        if best:
            params = {name.rpartition("__")[2]: _short(v) for name, v in best[0].params.items()}
            first = ", ".join(f"{name}={value}" for name, value in params.items())
            said += f"; best {score(best[0]):.5g} ({first})"
        print(said)

    def _take_in(self, candidates, space, scorer, metric, score):
        """Set the attributes of a search that is over."""
        with_error_scores(candidates, self.error_score)
        cv_results.refuse_failures(candidates, score)
        found = cv_results.formatted(self, candidates, space)
        some = next(iter(candidates[0].results.values()))
        self.multimetric_ = isinstance(some["test_scores"], dict)
        cv_results.warn_of_failures(candidates, score)
        if self.refit or not self.multimetric_:
            self.best_index_ = best_index(self, metric, found)
            self.best_params_ = found["params"][self.best_index_]
            if not callable(self.refit):
                self.best_score_ = found[f"mean_test_{metric}"][self.best_index_]
        self.scorer_ = by_name(scorer)
        self.cv_results_ = found

    def _refit(self, estimator, X, y, fit_params, task):
        """Fit the best candidate on all rows."""
        best = clone(estimator).set_params(**clone(self.best_params_, safe=False))
        started = time()
        given = (X,) if y is None else (X, y)
        task.refit(best, lambda: best.fit(*given, **fit_params))
        self.refit_time_ = time() - started
        self.best_estimator_ = best
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else repr(value)
