"""What all displays have in common: they draw at once, where and how they are told."""

import inspect
import warnings

import numpy as np
import pytest
from pictures import SPACE, coarse_to_fine
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_opt import (
    GradientCheckDisplay,
    InputNormalizer,
    LossCurveDisplay,
    LossSurfaceDisplay,
    MLPClassifier,
    NormalizationDisplay,
    SearchDisplay,
    SearchSpaceDisplay,
    SignalPropagationDisplay,
    check_gradients,
    check_signals,
)

plt = pytest.importorskip("matplotlib.pyplot")
X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] > 0
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    NET = MLPClassifier((4,), max_iter=3, random_state=0).fit(X, Y)
SCALED = InputNormalizer().fit(X)
# name: how to draw it, and a property with a value that none of its artists has by default
DRAWN = {
    "loss": (lambda **kw: LossCurveDisplay.from_estimator(NET, **kw), {"lw": 7.5}),
    "gradients": (
        lambda **kw: GradientCheckDisplay.from_report(check_gradients(NET, X, Y), **kw),
        {"markersize": 7.5},
    ),
    "signals": (
        lambda **kw: SignalPropagationDisplay.from_estimator(NET, X, Y, **kw),
        {"linewidth": 7.5},
    ),
    "reports": (
        lambda **kw: SignalPropagationDisplay.from_report(check_signals(NET, X, Y), **kw),
        {"linewidth": 7.5},
    ),
    "features": (
        lambda **kw: NormalizationDisplay.from_estimator(SCALED, X, X_new=X, **kw),
        {"alpha": 0.123},
    ),
    "surface": (
        lambda **kw: LossSurfaceDisplay.from_estimator(NET, X, Y, n_points=5, **kw),
        {"alpha": 0.123},
    ),
    "scores": (lambda **kw: SearchDisplay.from_search(coarse_to_fine(), **kw), {"ms": 7.5}),
    "pairs": (
        lambda **kw: SearchDisplay.from_search(coarse_to_fine(), kind="pairs", **kw),
        {"alpha": 0.123},
    ),
    "cost": (
        lambda **kw: SearchDisplay.from_search(coarse_to_fine(), kind="cost", **kw),
        {"markersize": 7.5},
    ),
    "space": (lambda **kw: SearchSpaceDisplay.from_space(SPACE, **kw), {"alpha": 0.123}),
}
each_display = pytest.mark.parametrize("name", DRAWN)
DISPLAYS = [
    GradientCheckDisplay,
    LossCurveDisplay,
    LossSurfaceDisplay,
    NormalizationDisplay,
    SearchDisplay,
    SearchSpaceDisplay,
    SignalPropagationDisplay,
]


@each_display
def test_they_draw_at_once(name):
    display = DRAWN[name][0]()
    assert plt.get_fignums() == [display.figure_.number]
    assert display.plot() is display  # and again, in a new figure
    assert len(plt.get_fignums()) == 2


@each_display
def test_they_draw_on_axes_of_the_user(name):
    figure, axes = plt.subplots(1, 2, squeeze=False)
    display = DRAWN[name][0](ax=axes[0, 1])
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    left = axes[0, 0].get_position().x1
    drawn = [ax for ax in np.ravel(display.ax_) if ax is not None]
    assert all(ax.get_position().x0 > left for ax in drawn)


@each_display
def test_they_draw_on_axes_in_no_grid(name):
    figure = plt.figure(figsize=(8, 8))
    ax = figure.add_axes([0.5, 0.5, 0.4, 0.4])
    drawn = [ax for ax in np.ravel(DRAWN[name][0](ax=ax).ax_) if ax is not None]
    for each in drawn:
        box = each.get_position(original=True)
        assert box.x0 >= 0.499
        assert box.y1 <= 0.901


@each_display
def test_keywords_are_properties(name):
    draw, properties = DRAWN[name]
    (key, value), names = next(iter(properties.items())), {"lw": "linewidth", "ms": "markersize"}
    getter = f"get_{names.get(key, key)}"
    found = [
        artist
        for artist in draw(**properties).figure_.findobj()
        if getattr(artist, getter, int)() == value
    ]
    assert found


@each_display
def test_what_is_no_property_is_refused(name):
    with pytest.raises(TypeError, match="has no parameter 'colour'|keyword argument.*'colour'"):
        DRAWN[name][0](colour="red")


@each_display
@pytest.mark.parametrize(("given", "got"), [("left", "str"), (3, "int")])
def test_what_is_no_axes_is_refused(name, given, got):
    with pytest.raises(TypeError, match=f"ax must be one matplotlib Axes.*, or None; got {got}"):
        DRAWN[name][0](ax=given)


@each_display
def test_too_many_axes_are_refused(name):
    _, axes = plt.subplots(1, 3)
    with pytest.raises(TypeError, match="ax must be one matplotlib Axes.*got 3 of them"):
        DRAWN[name][0](ax=axes)


@pytest.mark.parametrize("display", DISPLAYS)
def test_options_have_names(display):
    """Of scikit-learn's displays nothing follows X and y by place."""
    makers = {name: getattr(display, name) for name in dir(display) if name.startswith("from_")}
    assert makers
    for maker in makers.values():
        parameters = inspect.signature(maker).parameters.values()
        by_place = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert set(by_place) <= {"estimator", "normalizer", "report", "search", "space", "X", "y"}
        assert "ax" in [p.name for p in parameters]
        assert inspect.signature(maker).return_annotation == "Self"


def test_points_that_are_not_there():
    for display, report in (
        (GradientCheckDisplay, check_gradients(NET, X, Y)),
        (SignalPropagationDisplay, check_signals(NET, X, Y)),
    ):
        display.from_report(report, point=-2)
        with pytest.raises(ValueError, match="point must be a number from -2 to 1; got 2"):
            display.from_report(report, point=2)
        with pytest.raises(ValueError, match="from -2 to 1; got 'last'"):
            display.from_report(report, point="last")
        with pytest.raises(TypeError, match="from_report takes what check_.*returned.*got str"):
            display.from_report("report")
    with pytest.raises(ValueError, match="no network to draw"):
        SignalPropagationDisplay.from_report([])


# Training curves of others ----------------------------------------------------------------------


def fit(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, Y)


def drawn(model):
    display = LossCurveDisplay.from_estimator(fit(model))
    return display, {line.get_label(): line.get_data() for line in display.ax_.lines}


def test_the_curve_of_scikit_learn():
    net = SklearnMLPClassifier((4,), early_stopping=True, max_iter=6, random_state=0)
    display, curves = drawn(GridSearchCV(make_pipeline(StandardScaler(), net), {}, cv=2))
    (x, y) = curves["training loss with penalty"]
    assert len(x) == len(y) == 6
    (line,) = display.score_ax_.lines
    assert display.score_ax_.get_ylabel() == "accuracy"
    best = display.best_epoch
    assert line.get_ydata()[best - 1] == max(line.get_ydata())
    assert display.ax_.get_xlabel() == "epoch"
    with pytest.raises(ValueError, match="show_rate=True needs a history of learning rates"):
        LossCurveDisplay.from_estimator(fit(net), show_rate=True)


def test_the_curve_of_boosting():
    model = HistGradientBoostingClassifier(max_iter=5, early_stopping=True, random_state=0)
    display, curves = drawn(make_pipeline(StandardScaler(), model))
    np.testing.assert_array_equal(curves["validation loss"], [range(6), -model.validation_score_])
    np.testing.assert_array_equal(curves["training loss"], [range(6), -model.train_score_])
    assert display.ax_.get_xlabel() == "iteration"
    _, curves = drawn(model.set_params(scoring="accuracy"))
    np.testing.assert_array_equal(curves["training accuracy"], [range(6), model.train_score_])
    old = GradientBoostingRegressor(n_estimators=4, random_state=0)
    _, curves = drawn(old)
    np.testing.assert_array_equal(curves["training loss"], [range(1, 5), old.train_score_])


def test_what_keeps_no_curve_says_why():
    with pytest.raises(ValueError, match="scores with early stopping only: early_stopping=True"):
        drawn(HistGradientBoostingClassifier(max_iter=2, early_stopping=False))
    with pytest.raises(ValueError, match="solver='lbfgs' scikit-learn's MLPClassifier keeps no"):
        drawn(SklearnMLPClassifier((2,), solver="lbfgs", max_iter=2))
    with pytest.raises(TypeError, match="LossCurveDisplay needs.*have a loss_curve_"):
        LossCurveDisplay.from_estimator(HistGradientBoostingClassifier())


# Which features ---------------------------------------------------------------------------------


@pytest.mark.parametrize("as_sparse", [False, True])
def test_the_worst_of_many_features_come_first(as_sparse):
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    old = rng.normal(size=(300, 100))
    old[:, 70] = rng.exponential(size=300) ** 4
    new = rng.normal(size=(300, 100))
    new[:, 90] += 1
    new[:, 80] *= 5
    new[:, 70] = rng.exponential(size=300) ** 4
    kind = csr_array if as_sparse else np.asarray
    scaled = InputNormalizer(with_mean=not as_sparse).fit(old)
    display = NormalizationDisplay.from_estimator(scaled, kind(old), X_new=kind(new))
    assert set(display.names[:2]) == {"x80", "x90"} == set(display.report.shifted)
    assert len(display.names) == 20
    assert NormalizationDisplay.from_estimator(scaled, kind(old)).names[0] == "x70"


def test_features_that_are_neither_name_nor_number():
    for feature in (1.5, True, None):
        with pytest.raises(TypeError, match="features must be names or numbers of columns"):
            NormalizationDisplay.from_estimator(SCALED, X, features=[feature])


def test_names_that_are_numbers():
    with pytest.raises(TypeError, match=r"features must be names or numbers.*got 1\.5"):
        NormalizationDisplay.from_estimator(SCALED, X, features=1.5)
    with pytest.raises(ValueError, match="no hyperparameter 3 in the search; there are learning"):
        SearchDisplay.from_search(coarse_to_fine(), params=3)
    with pytest.raises(ValueError, match="no hyperparameter 3 in the space; there are learning"):
        SearchSpaceDisplay.from_space(SPACE, params=3)


def test_before_the_first_epoch():
    (text,) = LossCurveDisplay([]).plot().ax_.texts
    assert text.get_text() == "no epoch yet"


def test_names_that_are_short_and_alike_are_told_apart():
    from sknn_opt.checks.texts import told_apart

    names = [f"{a}{'x' * 60}{b}{'y' * 60}{c}" for a in "pq" for b in "mno" for c in "rs"]
    for width in (12, 20, 34):
        short = told_apart(names, width)
        assert len(set(short)) == len(names)
        assert max(map(len, short)) <= width
