"""Pictures of what people really bring: long names, many features, numbers of any size, NaN.

Each case is drawn as users see it. No text may lie over another one or be cut by the edge of the
figure, and none of the axes may be empty.
"""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pictures import boxes_of, coarse_to_fine, cut_off, overlaps
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier

from sknn_opt import (
    GradientCheckDisplay,
    InputNormalizer,
    LossCurveDisplay,
    LossSurfaceDisplay,
    MLPClassifier,
    MLPRegressor,
    NormalizationDisplay,
    SearchDisplay,
    SearchSpaceDisplay,
    SignalPropagationDisplay,
    check_gradients,
    check_signals,
    record_path,
)
from sknn_opt.search import Choice, LogUniform, OneMinusLogUniform, Uniform, UniformInt, ZeroOr

plt = pytest.importorskip("matplotlib.pyplot")

RNG = np.random.default_rng(0)
LONG = "share_of_customers_in_the_northern_region_who_returned_a_product_within_thirty_days_no_{}"
SCALES = 10.0 ** np.linspace(-12, 12, 25)  # from the least to the largest in one picture
CASES = {}


def case(function):
    """A function without arguments that draws a display."""
    CASES[function.__name__] = function
    return function


def rows(losses, **columns):
    """A history of such losses, and of other columns."""
    columns = {"validation_loss": None, "learning_rate": 0.1, "score": None} | columns
    n = len(losses)
    columns = {k: v if isinstance(v, list) else [v] * n for k, v in columns.items()}
    history = [{"epoch": k, "loss": loss} for k, loss in enumerate(losses, 1)]
    for name, values in columns.items():
        for row, value in zip(history, values, strict=True):
            row[name] = value
    return history


def fit(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


# Training ---------------------------------------------------------------------------------------


@case
def loss_of_many_decades():
    return LossCurveDisplay(rows([*SCALES[::-1]], validation_loss=[*(3 * SCALES[::-1])])).plot()


@case
def loss_of_both_signs_and_many_decades():
    return LossCurveDisplay(rows([*SCALES[::-1], 0.0, *-SCALES])).plot()


@case
def loss_without_bounds():
    return LossCurveDisplay(rows([1e250, 1e100, 1.0, 1e-100, 1e-250])).plot()


@case
def loss_near_the_largest_number():
    return LossCurveDisplay(rows([-1e250, 1e250, 3e249, 1.0])).plot()


@case
def loss_with_gaps_and_a_long_name():
    losses = [3, 2, np.nan, 1.5, np.inf, 1.2]
    score = [0.5, np.nan, 0.6, 0.7, 0.72, 0.71]
    history = rows(losses, validation_loss=[4, 3, 2, 2, np.nan, 1.9], score=score)
    return LossCurveDisplay(history, 5, LONG, True).plot()


@case
def loss_that_is_never_a_number():
    return LossCurveDisplay(rows([np.nan] * 5)).plot()


@case
def loss_of_one_epoch():
    return LossCurveDisplay(rows([0.3], score=0.5), 1, "accuracy").plot()


@case
def loss_of_equal_epochs():
    return LossCurveDisplay(rows([0.123456789012] * 7)).plot()


@case
def loss_with_eighty_changes():
    history = rows([*np.geomspace(5, 0.1, 100)], learning_rate=[*np.geomspace(1e-12, 1e12, 100)])
    for k, row in enumerate(history[:80]):
        row |= {"new_rate": 1.2345e-7 * k} if k % 2 else {"back_to": max(k - 3, 0), "new_rate": 0.5}
    return LossCurveDisplay(history, show_rate=True).plot()


@case
def loss_with_changes_in_few_epochs():
    history = rows([3.0, 2.0, 1.0])
    for row in history:
        row |= {"back_to": row["epoch"] - 1, "new_rate": 1.2345e-7, "stopped": True}
    return LossCurveDisplay(history, 2, None).plot()


@case
def loss_of_a_diverged_fit():
    X = 100 * RNG.normal(size=(60, 4))
    net = MLPRegressor((8,), activation="identity", solver="sgd", learning_rate_init=10.0)
    return LossCurveDisplay.from_estimator(fit(net.set_params(random_state=0), X, X[:, 0]))


@case
def loss_of_26_classes():
    X, y = RNG.normal(size=(26 * 8, 5)), np.repeat([*"abcdefghijklmnopqrstuvwxyz"], 8)
    net = MLPClassifier((20,), early_stopping=True, scoring=None, max_iter=8)
    net.set_params(random_state=0)
    return LossCurveDisplay.from_estimator(fit(net, X, y), show_rate=True)


@case
def loss_of_scikit_learn():
    X = RNG.normal(size=(200, 4))
    net = SklearnMLPClassifier((8,), early_stopping=True, max_iter=20, random_state=0)
    return LossCurveDisplay.from_estimator(fit(net, X, X[:, 0] > 0))


@case
def loss_of_boosting():
    X = RNG.normal(size=(200, 4))
    model = HistGradientBoostingClassifier(max_iter=12, early_stopping=True, random_state=0)
    return LossCurveDisplay.from_estimator(model.fit(X, X[:, 0] > 0))


@case
def loss_of_boosting_by_accuracy():
    X = RNG.normal(size=(200, 4))
    options = {"early_stopping": True, "scoring": "accuracy", "random_state": 0}
    model = HistGradientBoostingClassifier(max_iter=12, **options)
    return LossCurveDisplay.from_estimator(model.fit(X, X[:, 0] > 0))


# Gradients --------------------------------------------------------------------------------------


@case
def gradients_of_30_layers_with_batch_norm():
    net = MLPClassifier((3,) * 30, activation="tanh", batch_norm=True, random_state=0)
    X = RNG.normal(size=(20, 4))
    return GradientCheckDisplay.from_report(check_gradients(net, X, X[:, 0] > 0))


@case
def gradients_of_26_classes():
    X, y = RNG.normal(size=(26 * 2, 5)), np.repeat([*"abcdefghijklmnopqrstuvwxyz"], 2)
    return GradientCheckDisplay.from_report(check_gradients(MLPClassifier((5,)), X, y))


@case
def gradients_of_long_names_half_of_them_wrong():
    theta = {LONG.format(i): RNG.normal(size=3) for i in range(30)}

    def gradient(p):
        return {name: (-2) ** (i % 2) * x for i, (name, x) in enumerate(p.items())}

    report = check_gradients(lambda p: sum(x @ x for x in p.values()) / 2, gradient, theta)
    return GradientCheckDisplay.from_report(report)


@case
def gradients_of_names_with_dollars_and_underscores():
    theta = {"_price in $": np.ones(2), "$x^2$ in \n€ and $": np.ones(2)}
    report = check_gradients(lambda p: sum(x @ x for x in p.values()) / 2, lambda p: p, theta)
    return GradientCheckDisplay.from_report(report)


@case
def gradients_of_many_decades():
    theta = {f"{scale:.0e}": np.full(3, 0.1) for scale in SCALES}

    def f(p):
        return sum(float(name) * np.sin(x).sum() for name, x in p.items())

    def gradient(p):
        return {name: float(name) * np.cos(x) for name, x in p.items()}

    return GradientCheckDisplay.from_report(check_gradients(f, gradient, theta))


def with_samples(analytic, numeric):
    """A report whose derivatives are replaced."""
    report = check_gradients(lambda x: x @ x / 2, lambda x: x, np.arange(1.0, 5.0))
    (point,) = report.points
    samples = np.array(analytic, dtype=float), np.array(numeric, dtype=float)
    blocks = tuple(replace(check, samples=samples, verdict="WRONG") for check in point.blocks)
    return replace(report, points=(replace(point, blocks=blocks),))


@case
def gradients_that_are_huge():
    report = with_samples([1e250, -2e250, 1e249, 3e240], [1e250, 2e250, 1e250, 3e240])
    return GradientCheckDisplay.from_report(report)


@case
def gradients_that_are_tiny():
    report = with_samples([1e-250, -2e-250, 0.0, 1e-255], [1e-250, 2e-250, 1e-250, 0.0])
    return GradientCheckDisplay.from_report(report)


@case
def gradients_that_are_not_finite():
    report = with_samples([1.0, np.nan, np.inf, 1e-3], [1.0, 2.0, 1.0, np.nan])
    return GradientCheckDisplay.from_report(report)


@case
def gradients_that_are_zero():
    return GradientCheckDisplay.from_report(with_samples([0.0, 0.0], [0.0, 0.0]))


# Signals ----------------------------------------------------------------------------------------


def net(depth=3, **parameters):
    return MLPClassifier((10,) * depth, **{"random_state": 0} | parameters)


X_SMALL = RNG.normal(size=(60, 5))
Y_SMALL = X_SMALL[:, 0] > 0


@case
def signals_of_30_layers_with_batch_norm_and_long_names():
    nets = {LONG.format(i): net(30, batch_norm=i < 2) for i in range(3)}
    return SignalPropagationDisplay.from_estimator(nets, X_SMALL, Y_SMALL)


@case
def signals_of_7_networks():
    report = check_signals(net(2), X_SMALL, Y_SMALL)
    return SignalPropagationDisplay.from_report({LONG.format(i): report for i in range(7)})


@case
def signals_of_one_layer():
    return SignalPropagationDisplay.from_estimator(net(1), X_SMALL, Y_SMALL)


@case
def signals_of_26_classes():
    y = [*"abcdefghijklmnopqrstuvwxyz"] * 2 + [*"abcdefgh"]
    return SignalPropagationDisplay.from_estimator(net(), X_SMALL, y)


def signals_with(scales, **changes):
    """A report whose layers are scaled by numbers, and their gains with them."""
    report = check_signals(net(len(scales)), X_SMALL, Y_SMALL)
    (point,) = report.points
    with np.errstate(all="ignore"):
        layers = [
            replace(layer, sample=layer.sample * scale, forward_gain=scale, backward_gain=1 / scale)
            for layer, scale in zip(point.layers, np.array(scales), strict=False)
        ]
    point = replace(point, layers=(*layers, point.layers[-1]))
    return replace(report, points=(point,))


@case
def signals_of_many_decades():
    return SignalPropagationDisplay.from_report(signals_with(10.0 ** np.arange(-12, 13, 3)))


@case
def signals_without_bounds():
    reports = [signals_with([1e250, 1.0, 1e-250]), signals_with([1.0, np.nan, np.inf])]
    return SignalPropagationDisplay.from_report(reports)


@case
def signals_of_rows_without_bounds():
    return SignalPropagationDisplay.from_estimator(net(3), 1e99 * X_SMALL, Y_SMALL)


# Normalization ----------------------------------------------------------------------------------


def table(n_features, scales=1.0, name=LONG):
    X = np.random.default_rng(1).normal(size=(80, n_features)) * scales
    return pd.DataFrame(X, columns=[name.format(j) for j in range(n_features)])


@case
def features_500_of_which_some_at_the_end_have_shifted():
    X = table(500)
    X_new = X[::2] + 5 * (np.arange(500) >= 485)
    return NormalizationDisplay.from_estimator(InputNormalizer().fit(X), X, X_new=X_new)


@case
def features_500_without_new_data():
    X = table(500)
    X.iloc[:, 490:] = np.exp(3 * X.iloc[:, 490:])
    return NormalizationDisplay.from_estimator(InputNormalizer().fit(X), X)


@case
def features_of_many_decades():
    X = table(25, SCALES).iloc[:, ::2]
    return NormalizationDisplay.from_estimator(InputNormalizer().fit(X), X, X_new=X[1::2] * 3)


@case
def features_of_many_decades_above_zero():
    X = table(25, SCALES).abs().iloc[:, ::2]
    return NormalizationDisplay.from_estimator(InputNormalizer().fit(X), X)


@case
def features_with_new_data_far_off():
    X = table(3, name="feature {}")
    X_new = X * [1, 1e12, 1] + [0, 0, 1e5]
    return NormalizationDisplay.from_estimator(InputNormalizer().fit(X), X, X_new=X_new)


@case
def features_without_bounds():
    X = table(4, [1e-250, 1, 1e250, 1e100])
    return NormalizationDisplay.from_estimator(InputNormalizer().fit(X), X)


@case
def features_that_are_constant_or_missing():
    X = table(5)
    X.iloc[:, 1], X.iloc[:, 2], X.iloc[::2, 3] = 7.0, np.nan, np.nan
    return NormalizationDisplay.from_estimator(InputNormalizer().fit(X), X, X_new=X[::3])


@case
def features_alone():
    X = table(1, name="$p$ in \n$")
    return NormalizationDisplay.from_estimator(InputNormalizer().fit(X), X, X_new=X + 9)


# Surfaces ---------------------------------------------------------------------------------------


def surface(model, X, y, **options):
    return LossSurfaceDisplay.from_estimator(model, X, y, n_points=9, **options)


@case
def surface_of_long_names():
    X = table(3)
    model = fit(MLPClassifier((), solver="lbfgs", alpha=1.0), X, X.iloc[:, 0] > 0)
    weights = ("W[1]", 0, 0), ("W[1]", 1, 0)
    return surface(model, X, X.iloc[:, 0] > 0, directions=weights)


@case
def surface_of_30_layers_with_batch_norm_and_a_path():
    model = MLPClassifier((4,) * 30, batch_norm=True, max_iter=4, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = record_path(model, X_SMALL, Y_SMALL)
    return surface(model, X_SMALL, Y_SMALL, path=path, directions="path")


@case
def surface_of_a_path_that_diverged():
    X, y = X_SMALL, X_SMALL[:, 0]
    model = fit(MLPRegressor((4,), max_iter=3, random_state=0), X, y)
    theta = model.theta_
    path = theta + np.outer(10.0 ** np.arange(0, 250, 10), np.resize([1.0, -2.0], theta.size))
    path = np.vstack([path + RNG.normal(size=path.shape), np.full(theta.size, np.nan)])
    return surface(model, X, y, path=path)


@case
def surface_of_targets_of_many_decades():
    y = 1e12 * X_SMALL[:, :2] ** 5
    model = MLPRegressor((), solver="lbfgs", max_iter=3, random_state=0)
    return surface(fit(model, X_SMALL, y), X_SMALL, y)


@case
def surface_without_bounds():
    x, values = np.linspace(-1e250, 1e250, 9), 10.0 ** np.linspace(-250, 250, 81).reshape(9, 9)
    values[3, 4] = np.nan
    return LossSurfaceDisplay(values, x, x, (0.0, 0.0), np.array([1e-250, 1e250])).plot()


@case
def surface_that_is_never_finite():
    x = np.linspace(-1, 1, 9)
    return LossSurfaceDisplay(np.full((9, 9), np.inf), x, x, (0.0, 0.0), np.full(2, np.nan)).plot()


# Searches ---------------------------------------------------------------------------------------


def made_up(space, n=40, scores=None, seed=0, **options):
    """A search with scores of our own."""
    search = coarse_to_fine(space, n_each=n, seed=seed, **{"n_rounds": 1} | options)
    if scores is not None:
        search.cv_results_["mean_test_score"] = np.resize(scores, len(search.cv_results_["params"]))
    return search


SMALL_SPACE = {"C": LogUniform(1e-3, 1), "n": UniformInt(1, 3)}
WIDE_SPACE = {
    "alpha": LogUniform(1e-12, 1e12),
    "C": LogUniform(1e-250, 1e250),
    "letter": Choice([*"abcdefghijklmnopqrstuvwxyz"]),
    LONG.format(1): Choice([LONG.format(i) for i in range(26)]),
    LONG.format(2): Uniform(0.0, 1e250),
    "$x$ & $y": ZeroOr(LogUniform(1e-12, 1e-3)),
    "steps": UniformInt(1, 10**12),
    "beta_2": OneMinusLogUniform(0.9, 1 - 1e-12),
}


def search_drawn(kind, search, **options):
    return SearchDisplay.from_search(search, kind=kind, **options)


for kind in ("scores", "pairs", "cost"):

    @case
    def _searched(kind=kind):
        return search_drawn(kind, made_up(WIDE_SPACE))

    CASES[f"search_{kind}_of_wide_spaces"] = CASES.pop("_searched")

    @case
    def _scored(kind=kind):
        scores = [1e250, -1e250, np.nan, 0.0, 1.0, 1e-250]
        return search_drawn(
            kind, made_up({"C": LogUniform(1e-3, 1), "n": UniformInt(1, 3)}, scores=scores)
        )

    CASES[f"search_{kind}_of_huge_scores"] = CASES.pop("_scored")

    @case
    def _failed(kind=kind):
        return search_drawn(
            kind, made_up({"C": LogUniform(1e-3, 1), "n": UniformInt(1, 3)}, scores=[np.nan])
        )

    CASES[f"search_{kind}_that_failed"] = CASES.pop("_failed")

    @case
    def _rounds(kind=kind):
        space = {LONG.format(i): Uniform(-1e12, 1e12) for i in range(3)}
        return search_drawn(kind, made_up(space, 3, n_rounds=30))

    CASES[f"search_{kind}_of_30_rounds"] = CASES.pop("_rounds")


@case
def search_of_500_parameters():
    space = {LONG.format(i): Uniform(-1e12, 1e12) for i in range(500)}
    return SearchDisplay.from_search(made_up(space, 3))


@case
def search_by_a_metric_of_a_long_name_and_many_decades():
    search = made_up({"C": LogUniform(1e-3, 1)}, scores=-SCALES)
    search.cv_results_[f"mean_test_{LONG}"] = search.cv_results_.pop("mean_test_score")
    search.multimetric_, search.refit, search.scoring = True, LONG, {LONG: None}
    return SearchDisplay.from_search(search)


@case
def space_that_is_wide():
    return SearchSpaceDisplay.from_space(WIDE_SPACE)


@case
def space_of_500_parameters():
    return SearchSpaceDisplay.from_space({LONG.format(i): Uniform(-1, 1) for i in range(500)})


@case
def space_of_9_rounds():
    space = {LONG.format(i): Uniform(-1e12, 1e12) for i in range(3)}
    return SearchSpaceDisplay.from_space([space] * 9)


@case
def space_of_one_parameter():
    return SearchSpaceDisplay.from_space({LONG: Choice([LONG.format(i) for i in range(26)])})


# The tests --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", CASES)
def test_texts_neither_overlap_nor_are_cut(name):
    figure = CASES[name]().figure_
    boxes = boxes_of(figure)
    assert overlaps(boxes) == []
    assert cut_off(boxes, figure) == []
    assert all(ax.has_data() or ax.texts for ax in figure.axes if ax.axison)


@pytest.mark.parametrize(
    "name",
    ["loss_with_gaps_and_a_long_name", "features_of_many_decades", "surface_of_long_names"],
)
def test_texts_fit_into_half_a_figure(name):
    figure, (_, right) = plt.subplots(1, 2, figsize=(14, 6), layout="constrained")
    CASES[name]().plot(right)
    boxes = boxes_of(figure)
    assert overlaps(boxes) == []
    assert cut_off(boxes, figure) == []


def test_the_rules_see_what_is_wrong():
    figure, ax = plt.subplots(figsize=(3, 3))
    ax.set_xticks([0.5, 0.51], ["a long text", "another one"])
    ax.text(1.0, 0.5, "a text that is too long")
    boxes = boxes_of(figure)
    assert overlaps(boxes) == [("another one", "a long text")]
    assert cut_off(boxes, figure) == ["a text that is too long"]
    for label in ax.get_xticklabels():
        label.set(rotation=90)
    assert overlaps(boxes_of(figure)) == [("another one", "a long text")]
    ax.set_xlim(0.49, 0.52)
    assert overlaps(boxes_of(figure)) == []
