"""Which hyperparameters decided a search: a forest learns the scores, and is asked what it needs.

A random forest predicts the rank of a candidate's score from its hyperparameters. Importance is
what its error on held-out candidates gains when one hyperparameter is shuffled, in units of the
variance of the ranks: 0 is no use at all, 1 as bad as guessing the mean, 2 the worst. Source:
Breiman (2001), "Random forests", section 10; for hyperparameters, Hutter, Hoos and Leyton-Brown
(2014), "An efficient approach for assessing hyperparameter importance", which takes another
measure. A forest that explains nothing has importances too, which are noise: its R² on the
candidates that a tree has not seen (out of bag) tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import ShuffleSplit
from sklearn.utils import check_random_state

from sknn_opt.arrays.types import RandomState
from sknn_opt.checks.layout import Column, Table
from sknn_opt.checks.report import Report
from sknn_opt.checks.texts import number
from sknn_opt.search.results import read_results

CLEAR, UNCLEAR = "CLEAR", "UNCLEAR"
LEAST = 10  # candidates, of fewer a forest says nothing
# Out-of-bag R² of noise is below 0.2 in more than 95 % of 10 candidates, and less for more of them.
SOME, MUCH = 0.2, 0.5
HELD_OUT = 0.25
N_TREES, N_SHUFFLES = 100, 3
ERRORS = 2.0  # an importance of more standard errors than these is no chance
COLUMNS = (
    Column("hyperparameter", "Its name.", left=True),
    Column(
        "importance",
        "What the error on held-out candidates gains when its values are shuffled, in units of the "
        "variance of the ranks: 0 is no use at all, 1 as bad as guessing the mean. Below 0 is "
        "chance.",
    ),
    Column("std", "Standard deviation of the importance over the repeats.", 1),
    Column(
        "verdict",
        f"CLEAR: more than {ERRORS:g} standard errors, which is more than chance. Else UNCLEAR.",
        left=True,
    ),
)
MEANINGS = {
    "clear": f"The forest explains {MUCH:.0%} of the ranks or more, by its out-of-bag R².",
    "partial": f"It explains {SOME:.0%} or more: trust what is marked CLEAR, not the order of the "
    "rest.",
    "unclear": f"It explains less, or there are fewer than {LEAST} candidates.",
}


@dataclass(frozen=True)
class ParameterImportance:
    """One hyperparameter.

    Attributes
    ----------
    name : str
    importance : float
        What the error on held-out candidates gains when its values are shuffled, in units of the
        variance of the ranks. Below 0 is chance.
    std : float
        Standard deviation over the repeats.
    verdict : {"CLEAR", "UNCLEAR"}
        CLEAR: the importance is more than chance.
    """

    name: str
    importance: float
    std: float
    verdict: str

    @property
    def passed(self) -> bool:
        """Whether it is more than chance."""
        return self.verdict == CLEAR

    def cells(self) -> tuple[str, ...]:
        """The table's row, as text."""
        numbers = number(self.importance, ".3f"), f"± {number(self.std, '.3f')}"
        return self.name, *numbers, self.verdict


@dataclass(frozen=True, repr=False)
class ImportanceReport(Report):
    """What `parameter_importances` found. Prints as a table; a notebook shows it as HTML.

    ``report["alpha"]`` is the row of the hyperparameter of that name.

    Attributes
    ----------
    parameters : tuple of ParameterImportance
        The most important first.
    r2 : float
        Out-of-bag R² of the forest on the ranks: how much of them it explains.
    n_candidates : int
        How many it has learned from.
    n_failed : int
        How many of them failed, and were ranked last.
    metric : str
        What the scores are called.
    notes : tuple of str
        What to know when reading them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import RandomizedSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sknn_opt.search import Uniform, UniformInt, parameter_importances
    >>> space = {"max_depth": UniformInt(1, 6), "min_impurity_decrease": Uniform(0, 0.5)}
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> search = RandomizedSearchCV(tree, space, n_iter=40, random_state=0)
    >>> report = parameter_importances(search.fit(*load_iris(return_X_y=True)), random_state=0)
    >>> report.verdict, report.parameters[0].name
    ('clear', 'min_impurity_decrease')
    """

    parameters: tuple[ParameterImportance, ...]
    r2: float
    n_candidates: int
    n_failed: int
    metric: str
    notes: tuple[str, ...] = ()

    _COLUMNS = COLUMNS
    _VERDICTS = MEANINGS
    _REMARKS = ("The most important hyperparameter is first.",)
    _LONGEST = 44
    _INDEX = "name"

    @property
    def verdict(self) -> str:
        """ "clear", "partial" or "unclear": how well the forest explains the scores."""
        if self.n_candidates < LEAST or not self.r2 >= SOME:
            return "unclear"
        return "clear" if self.r2 >= MUCH else "partial"

    @property
    def passed(self) -> bool:
        """Whether the forest explains the scores well enough to be read."""
        return self.verdict != "unclear"

    def __getitem__(self, name: str) -> ParameterImportance:
        """The row of a hyperparameter."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        there = ", ".join(parameter.name for parameter in self.parameters)
        raise KeyError(f"There is no hyperparameter {name!r} in the search; there are {there}.")

    def _rows(self):
        return self.parameters

    def _tables(self):
        caption = f"what decided {self.metric} of {self.n_candidates} candidates"
        yield Table(caption, self.parameters, lambda row: row.importance)

    def _names(self):
        return [row.name for row in self.parameters]

    def _verdict_lines(self) -> Iterator[str]:
        told = f"the forest explains {max(self.r2, 0):.0%} of the ranks (out-of-bag R²)"
        if self.n_candidates < LEAST:
            yield f"UNCLEAR: {self.n_candidates} candidates are too few; try {LEAST} or more"
        elif not self.passed:
            yield f"UNCLEAR: {told}, so these importances are noise; try more candidates"
        elif self.verdict == "partial":
            yield f"PARTIAL: {told}; trust what is marked CLEAR, not the order of the rest"
        else:
            yield f"CLEAR: {told}"
        if self.n_failed:
            yield f"{self.n_failed} candidates failed and are ranked last"


def parameter_importances(
    search: Any,
    n_repeats: int = 10,
    random_state: RandomState = None,
    *,
    metric: str | None = None,
) -> ImportanceReport:
    """Say which hyperparameters decided the scores of a search.

    A random forest learns the ranks of the scores; permutation importance of scikit-learn is taken
    on candidates that it has not seen. Ranks, since one diverged candidate would outweigh all
    others. Candidates that failed are ranked last.

    Parameters
    ----------
    search : fitted search
        Any of scikit-learn's, or another object with `cv_results_`. Of a halving search the first
        iteration counts, where all candidates had equal resources.
    n_repeats : int, default=10
        How many forests are trained, each on 75 % of the candidates.
    random_state : int, RandomState instance or None, default=None
        Of the forests and of what is held out.
    metric : str, default=None
        Which of several metrics of the search; None is that of `refit`.

    Returns
    -------
    report : ImportanceReport
        The most important first, with standard deviations, and how far to trust them.

    Raises
    ------
    TypeError, NotFittedError
        If it is no search, or is not fitted.
    ValueError
        If all candidates failed, or there are fewer than five.

    Notes
    -----
    Importance is that within the ranges searched: a learning rate that was only drawn where it
    works well has none. Late rounds of a coarse-to-fine search weigh the region of the best more.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.svm import SVC
    >>> from sknn_opt.search import parameter_importances
    >>> grid = {"C": [0.01, 0.1, 1, 10, 100], "gamma": [0.001, 0.01, 0.1, 1], "shrinking": [True]}
    >>> search = GridSearchCV(SVC(), grid).fit(*load_iris(return_X_y=True))
    >>> report = parameter_importances(search, random_state=0)
    >>> round(report["shrinking"].importance, 3)
    0.0
    """
    if not isinstance(n_repeats, Integral) or isinstance(n_repeats, bool) or n_repeats < 2:
        raise ValueError(f"n_repeats must be an integer of at least 2; got {n_repeats!r}.")
    results = read_results(search, "parameter_importances", metric)
    rows = results.comparable
    scores, failed = results.standing[rows], np.isnan(results.scores[rows])
    if failed.all():
        raise ValueError("All candidates failed: there is no score to explain; see error_score.")
    if len(rows) < 5:
        raise ValueError(f"parameter_importances needs 5 candidates or more; got {len(rows)}.")
    parameters = results.parameters
    y = rankdata(np.where(failed, -np.inf, scores)) / len(rows)
    X = np.array([parameter.places[rows] for parameter in parameters]).T.reshape(len(rows), -1)
    r2, gains = _ask_forests(X, y, int(n_repeats), check_random_state(random_state))
    clear = len(rows) >= LEAST and r2 >= SOME
    found = []
    for parameter, own in zip(parameters, gains.T, strict=True):
        # Forests share candidates: their mean is less certain than that of independent ones.
        # Source: Nadeau and Bengio (2003), "Inference for the generalization error".
        std = own.std(ddof=1)
        error = std * np.sqrt(1 / len(own) + HELD_OUT / (1 - HELD_OUT))
        verdict = CLEAR if clear and own.mean() > ERRORS * error else UNCLEAR
        found.append(ParameterImportance(parameter.name, own.mean().item(), std.item(), verdict))
    found.sort(key=lambda row: -row.importance)
    notes = _notes(results, X, parameters)
    return ImportanceReport(tuple(found), r2, len(rows), int(failed.sum()), results.metric, notes)


def _ask_forests(X, y, n_repeats, rng):
    """Out-of-bag R² of a forest on all, and what shuffling costs, (n_repeats, n_parameters)."""
    gains = np.zeros((n_repeats, X.shape[1]))
    if not X.shape[1] or np.ptp(y) == 0:
        return 0.0, gains
    model = _forest(rng, oob_score=True).fit(X, y)
    splits = ShuffleSplit(n_repeats, test_size=HELD_OUT, random_state=rng.randint(2**31))
    for gain, (train, test) in zip(gains, splits.split(X), strict=True):
        held_out = _forest(rng).fit(X[train], y[train])
        options = {"scoring": "neg_mean_squared_error", "n_repeats": N_SHUFFLES}
        seed = rng.randint(2**31)
        asked = permutation_importance(held_out, X[test], y[test], random_state=seed, **options)
        gain[:] = asked.importances_mean / y.var()
    return float(model.oob_score_), gains


def _forest(rng, **options):
    """It takes numbers of categories, and NaN for what is absent, as they are."""
    options |= {"min_samples_leaf": 2, "random_state": rng.randint(2**31)}
    return RandomForestRegressor(N_TREES, **options)


def _notes(results, X, parameters):
    """What to know when reading the importances."""
    notes = []
    if results.resources is not None:
        notes.append(f"of the first iteration, where all had {results.resources[0]:,} resources")
    if not results.is_done.all():
        notes.append("candidates that were stopped early rank below those that went on")
    fixed = [p.name for p, x in zip(parameters, X.T, strict=True) if len(np.unique(x)) == 1]
    if fixed:
        notes.append(f"one value only: {', '.join(fixed)}")
    return tuple(notes)
