"""The picture of a search."""

import sys

import numpy as np
import pytest
from pictures import LONG, SPACE, coarse_to_fine, texts_over_each_other
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sknn_opt import SearchDisplay

plt = pytest.importorskip("matplotlib.pyplot")
X, Y = load_iris(return_X_y=True)
KINDS = ("scores", "pairs", "cost")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(search, **options):
    """The display, drawn to its end, with no text over another."""
    display = SearchDisplay.from_search(search, **options)
    assert texts_over_each_other(display.figure_) == []
    return display


def lines(ax):
    return {line.get_label(): line.get_data() for line in ax.lines}


def test_scores_lie_at_the_places_of_their_values():
    search = coarse_to_fine()
    display = drawn(search)
    table = search.cv_results_
    for name, place in (
        ("learning_rate_init", np.log10),
        ("momentum", lambda x: -np.log10(1 - x)),
        ("validation_fraction", lambda x: x),
    ):
        ax = display.ax_[display.names.index(name)]
        values = np.array([params[name] for params in table["params"]])
        for number in (1, 2, 3):
            x, y = lines(ax)[f"round {number}"]
            own = table["round"] == number
            np.testing.assert_allclose(x, place(values[own]))
            np.testing.assert_array_equal(y, table["mean_test_score"][own])
        (x,), (y,) = lines(ax)["best"]
        best = table["mean_test_score"].argmax()
        assert (x, y) == (pytest.approx(place(values[best])), table["mean_test_score"][best])
    assert display.ax_[0].get_ylabel() == "accuracy"


def test_ticks_stand_where_their_texts_say():
    ax_of = dict(zip(SPACE, drawn(coarse_to_fine()).ax_, strict=True))
    for name, place in (
        ("learning_rate_init", np.log10),
        ("n_units", np.log10),
        ("momentum", lambda x: -np.log10(1 - x)),
        ("depth", lambda x: x),
    ):
        axis = ax_of[name].xaxis
        texts = [float(label.get_text()) for label in axis.get_ticklabels()]
        assert len(texts) >= 3
        np.testing.assert_allclose(axis.get_ticklocs(), [place(text) for text in texts], rtol=1e-6)
    assert [t.get_text() for t in ax_of["depth"].get_xticklabels()] == ["2", "4", "6"]
    names = [t.get_text() for t in ax_of["activation"].get_xticklabels()]
    assert names == list(SPACE["activation"].values)
    assert ax_of["dropout"].get_xticklabels()[0].get_text() == "0"


def test_zero_stands_apart_and_so_does_what_is_absent():
    search = coarse_to_fine()
    del search.cv_results_["params"][0]["dropout"]
    display = drawn(search)
    ax = display.ax_[display.names.index("dropout")]
    absent, zero, least, *_ = ax.get_xticks()
    assert [t.get_text() for t in ax.get_xticklabels()][:2] == ["none", "0"]
    assert absent < zero < least
    x, _ = lines(ax)["round 1"]
    assert x[0] == absent
    assert np.sum(x == zero) == sum(
        p.get("dropout") == 0 for p in search.cv_results_["params"][:15]
    )


def test_the_zoom_is_drawn():
    search = coarse_to_fine()
    display = drawn(search)
    ax = display.ax_[1]
    bands = [patch.get_extents().transformed(ax.transData.inverted()) for patch in ax.patches]
    assert len(bands) == 3
    for band, space in zip(bands, search.spaces_, strict=True):
        bounds = [-np.log10(1 - end) for end in space["momentum"].support()]
        np.testing.assert_allclose([band.x0, band.x1], bounds)
    activation = display.ax_[display.names.index("activation")]
    assert not activation.patches


def test_rounds_differ_without_color():
    ax = drawn(coarse_to_fine()).ax_[0]
    markers = [line.get_marker() for line in ax.lines if line.get_label().startswith("round")]
    assert len(set(markers)) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_failed_candidates_and_those_far_below(kind):
    search = coarse_to_fine()
    search.cv_results_["mean_test_score"][[3, 20]] = np.nan, -np.inf
    search.cv_results_["mean_test_score"][[5, 6]] = -1e9, -1e300
    display = drawn(search, kind=kind)
    ax = display.ax_[0, 0] if kind == "pairs" else display.ax_[0]
    assert len(lines(ax)["failed"][0]) == 2
    if kind != "pairs":
        assert len(lines(ax)["far below"][0]) == 2
        assert ax.get_ylim()[0] > 0.8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 30])
def test_all_failed_or_all_equal(kind, n):
    search = coarse_to_fine(n_rounds=1, n_each=n)
    for score in (np.nan, 0.5, 0.0, -1e300):
        search.cv_results_["mean_test_score"][:] = score
        drawn(search, kind=kind)


@pytest.mark.parametrize("kind", KINDS)
def test_many_long_names_and_rounds(kind):
    display = drawn(coarse_to_fine(LONG, n_rounds=10, n_each=4), kind=kind)
    texts = {text.get_text() for text in display.figure_.findobj(plt.Text)}
    if kind != "cost":
        assert f"{len(display.names)} of 14 hyperparameters" in texts


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9, 12])
def test_one_to_twelve_panels(n):
    names = list(SPACE | LONG)[:n]
    search = coarse_to_fine(SPACE | LONG, n_each=5)
    assert len(drawn(search, params=names).ax_) == n


def test_hostile_categories():
    class Thing:
        pass

    values = [None, True, "", "a" * 80, (100, 100), {"a": [1]}, np.arange(3), Thing(), np.tanh]
    params = [{"what": value, "same": 1.0, "n": i} for i, value in enumerate(values * 3)]
    search = coarse_to_fine(n_rounds=1, n_each=27)
    search.cv_results_ = {"params": params, "mean_test_score": np.arange(27.0)}
    search.spaces_ = []
    display = drawn(search)
    assert display.names == ["what", "same", "n"]
    drawn(search, kind="pairs")
    drawn(search, kind="cost")
    many = [{"layers": (i, i)} for i in range(100)]
    search.cv_results_ = {"params": many, "mean_test_score": np.arange(100.0)}
    assert len(drawn(search).ax_[0].get_xticklabels()) <= 12


def test_pairs():
    search = coarse_to_fine()
    display = drawn(search, params=["momentum", "depth", "n_units"], kind="pairs")
    assert display.ax_.shape == (2, 2)
    assert display.ax_[0, 1] is None
    points = display.ax_[1, 0].collections
    assert sum(len(each.get_offsets()) for each in points) == 45
    shown = np.sort(np.concatenate([each.get_array() for each in points]))
    np.testing.assert_array_equal(shown, np.sort(search.cv_results_["mean_test_score"]))


def test_best_so_far_by_cost():
    search = coarse_to_fine()
    table = search.cv_results_
    ax = drawn(search, kind="cost").ax_[0]
    x, y = lines(ax)["best so far"]
    np.testing.assert_array_equal(x, np.cumsum(table["n_epochs"]))
    np.testing.assert_array_equal(y, np.maximum.accumulate(table["mean_test_score"]))
    assert ax.get_xlabel() == "epochs, all splits together"
    del table["n_epochs"]
    assert drawn(search, kind="cost").ax_[0].get_xlabel() == "seconds of computing"


def test_searches_of_scikit_learn():
    space = {"C": loguniform(0.01, 100), "kernel": ["rbf", "linear"]}
    random = RandomizedSearchCV(SVC(), space, n_iter=8, cv=2, random_state=0).fit(X, Y)
    display = drawn(random)
    assert [p.scale.kind for p in display.results.parameters] == ["log", "category"]
    grids = [{"kernel": ["rbf"], "gamma": [0.01, 0.1, 1]}, {"kernel": ["poly"], "degree": [2, 3]}]
    display = drawn(GridSearchCV(SVC(), grids, cv=2).fit(X, Y))
    kinds = {p.name: p.scale.kind for p in display.results.parameters}
    assert kinds == {"kernel": "category", "gamma": "log", "degree": "linear"}
    pipe = make_pipeline(StandardScaler(), SVC())
    space = {"svc__C": loguniform(0.01, 100), "svc__gamma": loguniform(0.001, 1)}
    options = {"n_candidates": 9, "cv": 3, "random_state": 0, "min_resources": 15}
    halving = HalvingRandomSearchCV(pipe, space, **options).fit(X, Y)
    for kind in KINDS:
        display = drawn(halving, kind=kind)
    last = display.results.rounds == display.results.rounds.max()
    best = display.results.scores[last].max()
    assert lines(display.ax_[0])["best"][1] == [best]
    assert "iteration 1" in lines(display.ax_[0])
    assert [ax.get_xlabel() for ax in drawn(halving).ax_] == ["C", "gamma"]


def test_the_resource_of_a_halving_is_no_hyperparameter():
    halving = HalvingRandomSearchCV(
        SVC(max_iter=-1), {"C": loguniform(0.01, 100)}, resource="max_iter", max_resources=90_000,
        min_resources=10_000, n_candidates=9, cv=2, random_state=0,
    ).fit(X, Y)  # fmt: skip
    assert drawn(halving).names == ["C"]


def test_several_metrics():
    scoring = ["accuracy", "f1_macro"]
    search = GridSearchCV(SVC(), {"C": [0.1, 1]}, scoring=scoring, refit=False)
    search.fit(X, Y)
    with pytest.raises(ValueError, match="must be one of .* accuracy, f1_macro; none was"):
        SearchDisplay.from_search(search)
    display = drawn(search, metric="f1_macro")
    assert display.ax_[0].get_ylabel() == "f1_macro"
    scores = search.cv_results_["mean_test_f1_macro"]
    np.testing.assert_array_equal(display.results.scores, scores)
    search.set_params(refit="accuracy").fit(X, Y)
    assert drawn(search).ax_[0].get_ylabel() == "accuracy"


def test_axes_of_the_user():
    figure, axes = plt.subplots(1, 2, figsize=(14, 5), layout="constrained")
    display = SearchDisplay.from_search(coarse_to_fine(), params=["momentum", "depth"], ax=axes[1])
    assert display.figure_ is figure
    left = axes[0].get_position().x1
    figure.draw_without_rendering()
    assert all(ax.get_position().x0 > left for ax in display.ax_)


def test_bad_input():
    search = coarse_to_fine()
    with pytest.raises(ValueError, match=r"no hyperparameter 'rate' in the search; there are lea"):
        SearchDisplay.from_search(search, params="rate")
    with pytest.raises(ValueError, match="params is empty"):
        SearchDisplay.from_search(search, params=[])
    with pytest.raises(ValueError, match="kind must be one of 'scores', 'pairs', 'cost'; got 'x'"):
        SearchDisplay.from_search(search, kind="x")
    with pytest.raises(ValueError, match="needs two hyperparameters or more; got momentum"):
        SearchDisplay.from_search(search, params=["momentum"], kind="pairs")
    with pytest.raises(TypeError, match="needs a fitted search.*; got LogisticRegression"):
        SearchDisplay.from_search(LogisticRegression())
    with pytest.raises(NotFittedError, match="call fit of this GridSearchCV first"):
        SearchDisplay.from_search(GridSearchCV(SVC(), {}))
    plain = GridSearchCV(SVC(), {}, cv=2).fit(X, Y)
    assert len(drawn(plain).ax_) == 1


def test_without_matplotlib_the_message_names_the_extra(monkeypatch):
    display = SearchDisplay.from_search(coarse_to_fine())
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"SearchDisplay.plot needs.*sknn_opt\[plots\]"):
        display.plot()
