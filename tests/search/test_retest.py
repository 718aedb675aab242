"""Do yesterday's best hyperparameters still rank first on new data?"""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import loguniform, randint, ttest_rel
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    ShuffleSplit,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sknn_opt.records import RetestReport
from sknn_opt.search import retest
from sknn_opt.search.agreement import (
    Measured,
    chance_of_loss,
    critical,
    differences,
    rank_correlation,
)
from sknn_opt.search.retest import _judged

X, Y = load_digits(return_X_y=True)
GRID = {"n_neighbors": [1, 4, 8, 16, 32, 64]}
SEARCH = GridSearchCV(KNeighborsClassifier(), GRID, cv=3).fit(X[::2], Y[::2])


class Scripted(BaseEstimator):
    """Its score is what a table in X says of its parameter, in each test row."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y=None):
        return self

    def score(self, X, y=None):
        return np.mean(X[:, self.column])


def table(truth, n_rows, noise, seed):
    """Rows of scores, with noise that all have in common, too."""
    rng = np.random.RandomState(seed)
    rows = np.asarray(truth) + noise * rng.standard_normal((n_rows, len(truth)))
    return rows + rng.standard_normal((n_rows, 1))


def scripted(truth, new_truth, n_rows=200, n_new=200, noise=1.0, seed=0, cv=5):
    grid = {"column": list(range(len(truth)))}
    search = GridSearchCV(Scripted(), grid, cv=cv, refit=False)
    search.fit(table(truth, n_rows, noise, seed))
    return retest(search, table(new_truth, n_new, noise, seed + 5000), random_state=seed)


LADDER = np.linspace(0, 3, 10)


def test_same_order_is_still_first():
    report = scripted(LADDER, LADDER)
    assert isinstance(report, RetestReport)
    assert report.verdict == "still first"
    assert report.passed
    assert report.tau > 0.8
    assert 0 <= report.tau_error < 0.3
    assert report.loss == 0
    assert str(report).startswith("STILL FIRST: the old best ranks 1 of 10")


def test_a_reversed_order_is_stale():
    report = scripted(LADDER, LADDER[::-1])
    assert report.verdict == "stale"
    assert report.tau < -0.8
    assert report.loss == pytest.approx(3, abs=0.5)
    assert report.new_best.params == {"column": 0}
    assert report.new_best.verdict == "BETTER"
    assert "STALE: the old best ranks 10 of 10 on the new data, and keeping it costs" in str(report)
    with pytest.raises(AssertionError, match="STALE"):
        report.raise_if_failed()


def test_scores_that_differ_by_less_than_their_errors():
    verdicts = [scripted(LADDER / 1000, LADDER / 1000, seed=seed).verdict for seed in range(20)]
    assert verdicts.count("cannot say") >= 16
    assert verdicts.count("stale") <= 3


def verdict_of(truth, new_truth, error_old, error_new, rng, n_splits=5):
    """The verdict on scores with such standard errors, without any fit."""
    share = 1 / (n_splits - 1)
    both = []
    for scores, error in ((truth, error_old), (new_truth, error_new)):
        # The error of a mean over splits: a part that all splits share, and that of each split.
        sigma = error / np.sqrt(1 / n_splits + share)
        shared = np.sqrt(share) * sigma * rng.standard_normal((len(scores), 1))
        own = sigma * rng.standard_normal((len(scores), n_splits))
        alike = rng.standard_normal(n_splits)
        both.append(np.asarray(scores)[:, None] + shared + own + alike)
    order = np.argsort(-both[0].mean(axis=1))
    old, new = (Measured(splits[order], share) for splits in both)
    params = [{"candidate": int(i)} for i in order]
    return _judged(params, old.means, old, new, rng, "score", 100).verdict


@pytest.mark.parametrize("error_new", [0.03, 0.3, 1.0])
@pytest.mark.parametrize("error_old", [0.03, 0.3, 1.0])
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_false_alarms_are_rare(scale, error_old, error_new, monkeypatch):
    """At most 10 % of searches on equal data; chance may add a little to 100 of them."""
    monkeypatch.setattr("sknn_opt.search.agreement.N_RESAMPLES", 2)
    rng, verdicts = np.random.RandomState(0), []
    for _ in range(100):
        truth = -scale * np.abs(rng.standard_normal(10))
        verdicts.append(verdict_of(truth, truth, error_old, error_new, rng))
    assert verdicts.count("stale") <= 10 + 5
    if scale and max(error_old, error_new) < 0.1:
        assert verdicts.count("still first") > 90
    if not scale:
        assert verdicts.count("cannot say") > 80


@pytest.mark.parametrize("error", [0.03, 0.3, 1.0])
def test_a_shuffled_order_is_not_called_still_first(error, monkeypatch):
    monkeypatch.setattr("sknn_opt.search.agreement.N_RESAMPLES", 2)
    rng = np.random.RandomState(0)
    verdicts = [verdict_of(LADDER, rng.permutation(LADDER), error, error, rng) for _ in range(100)]
    assert verdicts.count("still first") <= 10
    if error < 0.1:
        assert verdicts.count("stale") > 80


def test_scores_are_those_of_cross_validation():
    report = retest(SEARCH, X[1::2], Y[1::2])
    for row in report.candidates:
        scores = cross_val_score(KNeighborsClassifier(**row.params), X[1::2], Y[1::2], cv=3)
        assert row.new_score == pytest.approx(scores.mean())
    old = [row.old_score for row in report.candidates]
    assert old == sorted(SEARCH.cv_results_["mean_test_score"], reverse=True)
    assert (report.n_new, report.n_splits) == (len(X[1::2]), 3)
    ranks = [row.new_rank for row in sorted(report.candidates, key=lambda row: -row.new_score)]
    assert ranks == sorted(ranks)


def test_half_of_the_candidates_are_the_first_and_half_are_spread():
    search = RandomizedSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": randint(1, 30), "min_samples_leaf": randint(1, 100)},
        n_iter=40, cv=2, random_state=0,
    ).fit(X[:300], Y[:300])  # fmt: skip
    report = retest(search, X[300:600], Y[300:600], 8)
    scores = np.sort(search.cv_results_["mean_test_score"])[::-1]
    old = [row.old_score for row in report.candidates]
    np.testing.assert_array_equal(old[:4], scores[:4])
    assert old[-1] == scores[-1]
    assert len(old) == 8
    assert report.candidates[0].params == search.best_params_


def test_halving_searches():
    space = {"C": loguniform(0.001, 100), "gamma": loguniform(1e-5, 10)}
    options = {"n_candidates": 27, "cv": 2, "random_state": 0, "min_resources": 20}
    X_iris, y_iris = load_iris(return_X_y=True)
    search = HalvingRandomSearchCV(SVC(), space, **options).fit(X_iris, y_iris)
    report = retest(search, X_iris, y_iris, 9)
    assert report.old_best.params == search.best_params_
    assert len(report.candidates) == 9
    options = {"resource": "max_iter", "max_resources": 90_000, "min_resources": 10_000}
    search = HalvingRandomSearchCV(
        SVC(), space, n_candidates=9, cv=2, random_state=0, **options
    ).fit(X_iris, y_iris)
    report = retest(search, X_iris, y_iris, 4)
    assert {row.params["max_iter"] for row in report.candidates} == {90_000}


def test_several_metrics_and_weights():
    search = GridSearchCV(
        DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3, 9]}, cv=3,
        scoring=["accuracy", "neg_log_loss"], refit="accuracy",
    ).fit(X[::2], Y[::2])  # fmt: skip
    plain, by_loss = (retest(search, X[1::2], Y[1::2], metric=m) for m in (None, "neg_log_loss"))
    assert plain.metric == "accuracy"
    assert by_loss.metric == "neg_log_loss"
    assert by_loss.candidates[0].new_score < 0 < plain.candidates[0].new_score
    weights = {"sample_weight": (Y[1::2] < 3).astype(float)}
    weighted = retest(search, X[1::2], Y[1::2], fit_params=weights)
    assert weighted.old_best.new_score != plain.old_best.new_score
    named = GridSearchCV(KNeighborsClassifier(), GRID, scoring="accuracy", cv=3)
    assert retest(named.fit(X[::2], Y[::2]), X[1::2], Y[1::2], metric="accuracy").tau > 0


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test scores")
def test_candidates_that_fail_on_new_data():
    report = retest(SEARCH, X[:60], Y[:60], cv=KFold(3))
    failed = [row.params["n_neighbors"] for row in report.candidates if row.verdict == "FAILED"]
    assert failed == [64]
    assert report.candidates[-1].new_rank == 6
    assert np.isfinite(report.tau)
    only = SimpleNamespace(**vars(SEARCH))
    only.cv_results_ = dict(SEARCH.cv_results_)
    scores = only.cv_results_["mean_test_score"].copy()
    scores[-1] = 2.0  # 64 neighbors are the old best
    only.cv_results_["mean_test_score"] = scores
    report = retest(only, X[:60], Y[:60], cv=KFold(3))
    assert report.verdict == "stale"
    assert "STALE: the old best fails on the new data" in str(report)


def test_a_single_split_has_no_error():
    report = scripted(LADDER, LADDER, cv=ShuffleSplit(1, random_state=0))
    assert report.verdict == "cannot say"
    assert "a single split has no error" in " ".join(str(report).split())


def test_the_report_prints_in_a_terminal_and_in_a_notebook():
    report = retest(SEARCH, X[1::2], Y[1::2])
    lines = str(report).splitlines()
    assert lines[0].startswith(f"{report.verdict.upper()}: the old best ranks 1 of 6")
    start = lines.index("score on 898 new rows, 3 splits")
    assert any("Kendall's τ = " in line for line in lines[:start])
    assert lines[start + 1].startswith("old  new  old score  new score  to old best")
    assert "n_neighbors=4" in lines[start + 3]
    assert "<td>OLD BEST</td>" in report._repr_html_()
    assert len(report.to_frame()) == 6
    assert retest(SEARCH, X[1::2], Y[1::2]) == report


def test_bad_input():
    for bad in (1, 0, 2.5, True, None):
        with pytest.raises(ValueError, match="n_top must be an integer of at least 2; got"):
            retest(SEARCH, X, Y, bad)
    with pytest.raises(TypeError, match="retest needs a fitted search"):
        retest(SVC(), X, Y)
    with pytest.raises(NotFittedError, match="call fit of this GridSearchCV first"):
        retest(GridSearchCV(SVC(), {}), X, Y)
    table = {"params": [{}], "mean_test_score": [1.0]}
    with pytest.raises(TypeError, match="retest needs a search with estimator; this one has none"):
        retest(SimpleNamespace(cv_results_=table), X, Y)
    one = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [3]}, cv=2).fit(X, Y)
    with pytest.raises(ValueError, match="at least 2 candidates with a score; got 1"):
        retest(one, X, Y)
    listed = GridSearchCV(KNeighborsClassifier(), GRID, cv=list(KFold(3).split(X))).fit(X, Y)
    with pytest.raises(ValueError, match="a list of splits of the old rows: give cv, for example"):
        retest(listed, X[1::2], Y[1::2])
    assert retest(listed, X[1::2], Y[1::2], cv=3).n_splits == 3


# The statistics ---------------------------------------------------------------------------------


def test_the_error_of_a_difference_is_that_of_nadeau_and_bengio():
    rng = np.random.default_rng(0)
    splits = rng.normal(size=(2, 400)) + rng.normal(size=400)
    gains, errors = differences(Measured(splits, 0.0), 0)
    t = ttest_rel(splits[1], splits[0])
    assert gains[1] / errors[1] == pytest.approx(t.statistic, rel=1e-9)
    _, corrected = differences(Measured(splits, 1 / 4), 0)
    assert corrected[1] / errors[1] == pytest.approx(np.sqrt((1 / 400 + 1 / 4) * 400))
    assert (gains[0], errors[0]) == (0, 0)


def test_errors_leave_out_what_all_have_in_common():
    rng = np.random.default_rng(0)
    own = rng.normal(size=(6, 500))
    plain, shifted = (Measured(own + s * rng.normal(size=500), 0.0).errors for s in (0, 100))
    np.testing.assert_allclose(shifted, plain, rtol=1e-9)
    np.testing.assert_allclose(plain, 1 / np.sqrt(500), rtol=0.15)


def test_the_chance_of_a_loss_is_uniform_where_nothing_has_changed():
    rng, chances = np.random.RandomState(0), []
    for _ in range(300):
        old, new = (Measured(rng.standard_normal((8, 5)), 0.0) for _ in range(2))
        chances.append(chance_of_loss(old, new, int(old.means.argmax()), rng))
    assert np.mean(np.array(chances) <= 0.05) < 0.1
    assert 0.3 < np.mean(chances) < 0.7


def test_critical_values_and_correlations():
    assert critical(10**6, 1, 0.05) == pytest.approx(1.645, abs=1e-3)
    assert critical(5, 9, 0.05) > critical(5, 1, 0.05)
    rng = np.random.RandomState(0)
    tau, error, p = rank_correlation(np.arange(8.0), np.arange(8.0), rng)
    assert (tau, p) == (pytest.approx(1), pytest.approx(1 / 40320))
    assert error == pytest.approx(0, abs=1e-9)
    nothing = rank_correlation(np.arange(4.0), np.zeros(4), rng)
    assert np.isnan(nothing[0])
    assert nothing[2] == 1
