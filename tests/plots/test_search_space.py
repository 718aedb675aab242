"""The picture of what a search space draws."""

from itertools import pairwise

import numpy as np
import pytest
from pictures import LONG, SPACE, coarse_to_fine, texts_over_each_other
from scipy import stats

from sknn_opt import MLPClassifier, SearchSpaceDisplay, TabularMLPRegressor
from sknn_opt.search import Choice, LogUniform, Uniform, UniformInt, ZeroOr, search_space

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(space, **options):
    display = SearchSpaceDisplay.from_space(space, **options)
    assert texts_over_each_other(display.figure_) == []
    return display


def shape(ax):
    """The heights and the places of the steps."""
    return ax.patches[-1].get_data()[:2]


@pytest.mark.parametrize("name", ["learning_rate_init", "momentum", "validation_fraction"])
def test_what_is_drawn_evenly_looks_even(name):
    heights, _ = shape(drawn({name: SPACE[name]}).ax_[0])
    np.testing.assert_allclose(heights, 1)


def test_whole_numbers_look_even_too():
    heights, places = shape(drawn({"n": SPACE["n_units"]}).ax_[0])
    np.testing.assert_allclose(heights, 1, rtol=1e-6)
    np.testing.assert_allclose(10 ** places[[0, -1]], [3.5, 512.5])
    bars = drawn({"depth": UniformInt(1, 6)}).ax_[0].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([1.0] * 6)


@pytest.mark.parametrize("scipys", [stats.norm(0, 3), stats.expon(), stats.beta(2, 5)])
def test_densities_of_scipy(scipys):
    heights, places = shape(drawn({"x": scipys}).ax_[0])
    shares = np.diff(scipys.cdf(places))
    np.testing.assert_allclose(heights, shares / shares.max(), rtol=1e-6)


def test_probabilities_of_whole_numbers():
    bars = drawn({"n": stats.poisson(4)}).ax_[0].patches
    at = np.array([bar.get_x() + bar.get_width() / 2 for bar in bars])
    pmf = stats.poisson(4).pmf(at.round())
    heights = [bar.get_height() for bar in bars]
    np.testing.assert_allclose(heights, pmf / pmf.max(), rtol=1e-6)


def test_weights_and_zero():
    ax = drawn({"a": Choice(["relu", "tanh"], [3, 1])}).ax_[0]
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([1, 1 / 3])
    ax = drawn({"d": ZeroOr(LogUniform(0.01, 1), 0.3)}).ax_[0]
    (share,) = (text.get_text() for text in ax.texts)
    assert share == "30%"
    assert ax.get_xticks()[0] < ax.get_xticks()[1]
    draws = ax.lines[-1].get_xdata()
    assert 5 < np.sum(draws == ax.get_xticks()[0]) < 35


def test_zero_on_a_linear_scale_has_its_bar_at_0():
    ax = drawn({"d": ZeroOr(Uniform(0.05, 0.5), 0.4)}).ax_[0]
    bar = ax.patches[-1]
    assert bar.get_height() == 0.4
    assert bar.get_x() + bar.get_width() / 2 == pytest.approx(0)
    assert ax.get_xlim()[0] < 0


def test_draws_come_from_random_state():
    first, again, other = (
        drawn(SPACE, random_state=seed).ax_[0].lines[-1].get_xdata() for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert -5 <= first.min() < -4 < -1 < first.max() <= 0


def test_rounds_and_parts():
    display = drawn(coarse_to_fine().spaces_)
    ends = [patch.get_data()[1][[0, -1]] for patch in display.ax_[0].patches[1::2]]
    assert all(a[0] < b[0] and b[1] < a[1] for a, b in pairwise(ends))
    parts = [
        {"kernel": ["rbf"], "gamma": stats.loguniform(1e-4, 1)},
        {"kernel": ["linear", "poly"], "C": [1]},
    ]
    display = drawn(parts)
    names = [label.get_text() for label in display.ax_[0].get_xticklabels()]
    assert names == ["rbf", "linear", "poly"]


def test_long_categories_are_told_apart():
    values = [f"FadeOut(start={rate}, at=0.5)" for rate in (0.1, 0.25, 0.5)] + ["off"]
    labels = drawn({"dropout": values}).ax_[0].get_xticklabels()
    assert [label.get_text() for label in labels] == ["…0.1…", "…0.25…", "…0.5…", "off"]


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_names_that_are_long_and_many(n):
    assert len(drawn(LONG, params=list(LONG)[:n]).ax_) == n
    assert len(drawn(LONG | SPACE).ax_) == 12


@pytest.mark.parametrize(
    "values",
    [
        [1], [0], [0.0, 1e-3, 1e-1], [True, False], [None, 5], list(range(40)), [np.arange(3)] * 2,
        [0.9, 0.99, 0.999], [(100,) * i for i in range(30)], [1e-300, 1e300], ["", "x" * 90],
        stats.randint(0, 10**6), stats.cauchy(), LogUniform(1.0, 1.0000001), UniformInt(3, 3),
        ZeroOr(UniformInt(1, 5)), ZeroOr(LogUniform(1, 2), 1.0), stats.uniform(-1, 2),
    ],
    ids=lambda values: f"{values!s:.20}".partition(" object at")[0],  # no addresses
)  # fmt: skip
def test_hostile_ranges(values):
    drawn({"x": values})


def test_bad_input():
    for bad in (5, "alpha", None, [1]):
        with pytest.raises(TypeError, match="takes a dict of names and distributions"):
            SearchSpaceDisplay.from_space(bad)
    for empty in ({}, [{}], []):
        with pytest.raises(ValueError, match="space is empty"):
            SearchSpaceDisplay.from_space(empty)
    with pytest.raises(TypeError, match="A range must be a distribution"):
        SearchSpaceDisplay.from_space({"alpha": 0.1})
    with pytest.raises(ValueError, match="no hyperparameter 'rate' in the space; there are learn"):
        SearchSpaceDisplay.from_space(SPACE, params="rate")
    with pytest.raises(ValueError, match="params is empty"):
        SearchSpaceDisplay.from_space(SPACE, params=[])


@pytest.mark.parametrize("estimator", [MLPClassifier(solver="sgd"), TabularMLPRegressor()])
def test_the_spaces_of_our_estimators(estimator):
    space = search_space(estimator)
    assert list(drawn(space).names) == list(space)
