"""Which hyperparameters decided a search, and how far to trust the answer."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV
from sklearn.svm import SVC

from sknn_opt.records import ImportanceReport
from sknn_opt.search import Choice, LogUniform, Uniform, parameter_importances


def search_of(score, n=60, seed=0, part=1.0, **columns):
    """A random search whose scores are a function of the hyperparameters."""
    rng = np.random.RandomState(seed)
    space = {"rate": LogUniform(1e-5, 1), "kind": Choice(list("abc")), "idle": Uniform(0, 1)}
    params = [{name: d.rvs(random_state=rng) for name, d in space.items()} for _ in range(n)]
    for each in params:
        if rng.rand() > part:
            del each["idle"]
    scores = np.array([score(each, rng) for each in params], dtype=float)
    table = {"params": params, "mean_test_score": scores} | columns
    return SimpleNamespace(cv_results_=table, param_distributions=space)


def by_rate(params, rng):
    return -((np.log10(params["rate"]) + 2) ** 2)


def by_noise(params, rng):
    return rng.rand()


def test_what_decides_is_first_and_what_does_nothing_is_unclear():
    report = parameter_importances(search_of(by_rate), random_state=0)
    assert isinstance(report, ImportanceReport)
    assert report.verdict == "clear"
    assert report.r2 > 0.8
    assert [row.name for row in report.parameters][0] == "rate"
    assert report["rate"].importance > 10 * abs(report["idle"].importance)
    assert [row.verdict for row in report.parameters] == ["CLEAR", "UNCLEAR", "UNCLEAR"]
    assert all(row.std >= 0 for row in report.parameters)


def test_categories_and_what_is_absent():
    report = parameter_importances(
        search_of(lambda p, rng: (p["kind"] == "b") + 0.1 * rng.rand(), part=0.5), random_state=0
    )
    assert report.parameters[0].name == "kind"
    assert report["kind"].passed
    absent = search_of(lambda p, rng: ("idle" in p) + 0.1 * rng.rand(), part=0.5)
    assert parameter_importances(absent, random_state=0).parameters[0].name == "idle"


def test_noise_is_not_sold_as_importance():
    reports = [parameter_importances(search_of(by_noise, seed=s), 2, s) for s in range(12)]
    assert sum(report.passed for report in reports) <= 2
    unclear = next(report for report in reports if not report.passed)
    assert not any(row.passed for row in unclear.parameters)
    assert "these importances are noise" in " ".join(str(unclear).split())


def test_failed_candidates_are_ranked_last():
    def fails_when_large(params, rng):
        return np.nan if params["rate"] > 0.01 else rng.rand()

    search = search_of(fails_when_large)
    report = parameter_importances(search, random_state=0)
    assert report["rate"].passed
    assert report.n_failed == np.isnan(search.cv_results_["mean_test_score"]).sum() > 0
    assert f"{report.n_failed} candidates failed" in str(report)


def test_one_diverged_candidate_does_not_outweigh_the_rest():
    search = search_of(by_rate)
    expected = parameter_importances(search, random_state=0)
    scores = search.cv_results_["mean_test_score"]
    scores[scores.argmin()] = -1e300
    assert parameter_importances(search, random_state=0).parameters == expected.parameters


def test_same_seed_same_report():
    search = search_of(by_rate)
    first, again, other = (parameter_importances(search, 3, seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_of_a_halving_search_the_first_iteration_counts():
    X, y = load_iris(return_X_y=True)
    space = {"C": loguniform(0.001, 100), "gamma": loguniform(1e-5, 10)}
    options = {"n_candidates": 27, "cv": 2, "random_state": 0, "min_resources": 20}
    search = HalvingRandomSearchCV(SVC(), space, **options).fit(X, y)
    report = parameter_importances(search, 2, 0)
    assert report.n_candidates == 27 < len(search.cv_results_["params"])
    assert report.notes == ("of the first iteration, where all had 20 resources",)


def test_the_report_prints_in_a_terminal_and_in_a_notebook():
    report = parameter_importances(search_of(by_rate), 2, 0)
    text = str(report)
    assert text.startswith("CLEAR: the forest explains ")
    assert "\nwhat decided score of 60 candidates\nhyperparameter  importance" in text
    assert "(out-of-bag R²)" in text
    assert "<td>rate</td>" in report._repr_html_()
    assert repr(report).startswith("<ImportanceReport: CLEAR: the forest explains")
    assert list(report.to_frame().index) == [row.name for row in report.parameters]
    with pytest.raises(KeyError, match="no hyperparameter 'rat' in the search; there are"):
        report["rat"]


def test_equal_scores_and_fixed_values():
    report = parameter_importances(search_of(lambda p, rng: 1.0), 2, 0)
    assert report.verdict == "unclear"
    search = search_of(by_rate)
    for params in search.cv_results_["params"]:
        params["idle"] = 0.5
    report = parameter_importances(search, 2, 0)
    assert report.notes == ("one value only: idle",)
    assert report["idle"].importance == 0
    few = parameter_importances(search_of(by_rate, n=6), 2, 0)
    assert not few.passed
    assert "6 candidates are too few; try 10 or more" in str(few)


def test_bad_input():
    with pytest.raises(ValueError, match="All candidates failed"):
        parameter_importances(search_of(lambda p, rng: np.nan))
    with pytest.raises(ValueError, match="needs 5 candidates or more; got 4"):
        parameter_importances(search_of(by_rate, n=4))
    for bad in (1, 0, 2.5, True, None):
        with pytest.raises(ValueError, match="n_repeats must be an integer of at least 2; got"):
            parameter_importances(search_of(by_rate), bad)
    with pytest.raises(TypeError, match="parameter_importances needs a fitted search"):
        parameter_importances(SVC())
    with pytest.raises(NotFittedError, match="call fit of this GridSearchCV first"):
        parameter_importances(GridSearchCV(SVC(), {}))
    with pytest.raises(ValueError, match="metric of parameter_importances must be one of .*'f1'"):
        parameter_importances(search_of(by_rate), metric="f1")
