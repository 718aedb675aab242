"""The cost over a plane, and the path of training on it."""

import sys

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknn_opt import (
    InputNormalizer,
    LossSurfaceDisplay,
    MLPClassifier,
    MLPRegressor,
    record_path,
)

plt = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True, as_frame=True)
DIABETES, TARGET = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
AGE_BMI = DIABETES[["age", "bmi"]]
WEIGHTS = ("W[1]", 0, 0), ("W[1]", 1, 0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def network(hidden=(4,), **parameters):
    return MLPClassifier(hidden, **{"max_iter": 15, "random_state": 0} | parameters)


def linear(**parameters):
    return MLPRegressor((), solver="lbfgs", alpha=0, max_iter=1000, random_state=0, **parameters)


def surface(model, X, y, **options):
    return LossSurfaceDisplay.from_estimator(model, X, y, **{"n_points": 7} | options)


# ---------------------------------------------------------------- the numbers


def test_values_are_those_of_the_objective():
    pipe = make_pipeline(InputNormalizer(), network()).fit(X, Y)
    display = surface(pipe, X, Y, directions=(("W[2]", 1, 2), ("b[1]", 3)), span=0.5)
    net, Z = pipe[-1], pipe[0].transform(X)
    objective = net.objective(Z, Y)
    for i in (0, 3, 6):
        for j in (1, 3):
            theta = objective.theta.copy()
            objective.blocks["W[2]"].of(theta)[1, 2] = display.x[j]
            objective.blocks["b[1]"].of(theta)[3] = display.y[i]
            assert display.values[i, j] == pytest.approx(objective.value(theta))
    assert display.center == pytest.approx((display.x[3], display.y[3]))
    assert display.labels == ("W[2][1, 2]", "b[1][3]")


def test_the_condition_number_is_that_of_the_hessian():
    """Of a linear network, whose Hessian is that of the squares."""
    Z = AGE_BMI.to_numpy()
    display = surface(linear().fit(Z, TARGET), Z, TARGET, directions=WEIGHTS)
    expected = np.linalg.cond(Z.T @ Z)
    assert display.condition_number == pytest.approx(expected, rel=1e-4)
    assert f"{expected:,.3g}" in display.ax_.get_title()
    normalized = make_pipeline(InputNormalizer(), linear()).fit(AGE_BMI, TARGET)
    display = surface(normalized, AGE_BMI, TARGET, directions=WEIGHTS)
    r = np.corrcoef(Z.T)[0, 1]
    assert display.condition_number == pytest.approx((1 + r) / (1 - r), rel=1e-4)
    assert display.labels[1] == "W[1][1, 0], weight of bmi"


def test_curvatures_of_a_network_with_hidden_layers():
    Z = InputNormalizer().fit_transform(X)
    net = network(activation="tanh").fit(Z, Y)
    display = surface(net, Z, Y, directions=WEIGHTS, span=0.1)
    objective = net.objective(Z, Y)
    first = objective.blocks["W[1]"].slice.start

    def gradient(point):
        theta = objective.theta.copy()
        objective.blocks["W[1]"].of(theta)[:2, 0] = point
        return objective.blocks["W[1]"].of(objective.gradient(theta))[:2, 0]

    hessian = approx_fprime(np.array(display.center), gradient, 1e-6)
    np.testing.assert_allclose(
        display.curvatures, np.linalg.eigvalsh((hessian + hessian.T) / 2), rtol=1e-3, atol=1e-6
    )
    assert first == 0


def test_saddles_and_plains_have_no_condition_number():
    grid = np.linspace(-1, 1, 5)
    values = np.add.outer(-(grid**2), grid**2)
    saddle = LossSurfaceDisplay(values, grid, grid, (0, 0), np.array([-2.0, 2.0]))
    assert np.isnan(saddle.condition_number)
    assert saddle.plot().ax_.get_title() == "no minimum here"
    plain = LossSurfaceDisplay(np.ones((5, 5)), grid, grid, (0, 0), np.zeros(2))
    assert np.isnan(plain.condition_number)
    assert plain.plot().ax_.get_title() == "flat here"
    valley = LossSurfaceDisplay(values, grid, grid, (0, 0), np.array([0.0, 2.0]))
    assert valley.condition_number == np.inf


def test_random_directions_have_the_length_of_each_unit():
    net = network((5, 3), batch_norm=True).fit(X, Y)
    display = surface(net, X, Y, directions="random", n_points=3)
    assert display.center == (0, 0)
    assert (display.x == [-1, 0, 1]).all()
    again = surface(net, X, Y, directions="random", n_points=3)
    other = surface(net, X, Y, directions="random", n_points=3, random_state=1)
    np.testing.assert_array_equal(display.values, again.values)
    assert (display.values[0] != other.values[0]).all()
    assert display.values[1, 1] == pytest.approx(net.objective(X, Y).value(net.theta_))

    from sknn_opt.plots.loss_surface import _random_directions

    objective = net.objective(X, Y)
    for direction in _random_directions(objective, np.random.RandomState(0))[0]:
        for name, block in objective.blocks.items():
            lengths = np.linalg.norm(block.of(direction), axis=0)
            fitted = np.linalg.norm(block.of(objective.theta), axis=0)
            np.testing.assert_allclose(lengths, fitted if name[0] == "W" else 0, rtol=1e-12)


# ---------------------------------------------------------------- the path


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"batch_norm": True}])
def test_a_recorded_training_is_the_training_itself(solver, options):
    Z = InputNormalizer().fit_transform(X)
    net, plain = (network(solver=solver, **options) for _ in range(2))
    path = record_path(net, Z, Y)
    plain.fit(Z, Y)
    np.testing.assert_array_equal(net.theta_, plain.theta_)
    assert vars(net).keys() == vars(plain).keys()
    assert path.shape == (net.n_iter_ + 1, net.theta_.size)
    assert (path == net.theta_).all(axis=1).any()
    if not options:
        np.testing.assert_allclose(path[0], network().objective(Z, Y).theta, rtol=1e-6)


def test_a_path_of_a_pipeline_beside_callbacks_and_after_a_failure():
    pipe = make_pipeline(InputNormalizer(), network())
    path = record_path(pipe, X, Y, mlpclassifier__sample_weight=np.ones(150))
    assert len(path) == 16
    with pytest.raises(ValueError, match="NaN"):
        record_path(pipe[-1], np.full((150, 4), np.nan), Y)
    assert "_path" not in vars(pipe[-1])
    with pytest.raises(TypeError, match="record_path needs an MLP.*got LogisticRegression"):
        record_path(make_pipeline(LogisticRegression()), X, Y)


def test_callbacks_are_told_as_well():
    pytest.importorskip("sklearn.callback")

    class Stop:
        def setup(self, estimator, context):
            self.n_epochs = 0

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **seen):
            pass

        def on_fit_task_end(self, estimator, context, **seen):
            self.n_epochs += context.task_name == "epoch"
            return self.n_epochs == 5

    stop = Stop()
    path = record_path(network().set_callbacks(stop), X, Y)
    assert len(path) - 1 == stop.n_epochs == 5


def test_the_path_is_drawn_where_it_was():
    net = linear()
    path = record_path(net, AGE_BMI, TARGET)
    display = surface(net, AGE_BMI, TARGET, directions=WEIGHTS, path=path)
    np.testing.assert_allclose(display.path, path[:, :2])
    drawn = {line.get_label(): line.get_data() for line in display.ax_.lines}
    np.testing.assert_allclose(np.transpose(drawn[f"path of {len(path) - 1} epochs"]), path[:, :2])
    np.testing.assert_allclose(np.ravel(drawn["start"]), path[0, :2])
    np.testing.assert_allclose(np.ravel(drawn["fitted weights"]), net.theta_[:2], rtol=1e-6)
    inside = (display.x[0] <= path[:, 0]) & (path[:, 0] <= display.x[-1])
    assert inside.all()


def test_the_directions_of_the_path():
    Z, y = load_breast_cancer(return_X_y=True)
    net = network(hidden=(8,))
    path = record_path(make_pipeline(InputNormalizer(), net), Z, y)
    display = surface(net, InputNormalizer().fit_transform(Z), y, directions="path", path=path)
    moved = path - net.theta_
    shares = np.linalg.svd(moved, compute_uv=False) ** 2
    assert display.labels[0] == f"main direction of the path ({shares[0] / shares.sum():.0%})"
    kept = np.linalg.norm(display.path, axis=1) ** 2
    assert kept.sum() == pytest.approx(shares[:2].sum(), rel=1e-5)


def test_search_axes_of_the_user_and_no_hidden_layer():
    search = GridSearchCV(network(()), {"alpha": [0.1, 1.0]}, cv=2).fit(X, Y)
    _, ax = plt.subplots()
    display = surface(search, X, Y, directions=WEIGHTS, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.labels[0] == "W[1][0, 0], weight of sepal length (cm)"


# ---------------------------------------------------------------- bad input


def test_sentences_on_bad_input():
    net = network().fit(X, Y)
    with pytest.raises(NotFittedError, match="call fit first"):
        surface(network(), X, Y)
    with pytest.raises(NotFittedError):
        surface(make_pipeline(InputNormalizer(), network()), X, Y)
    with pytest.raises(TypeError, match="LossSurfaceDisplay needs.*got LogisticRegression"):
        surface(LogisticRegression(), X, Y)
    with pytest.raises(ValueError, match="feature names should match"):
        surface(net, X.iloc[:, :2], Y)
    with pytest.raises(ValueError, match="NaN"):
        surface(net, X.mask(X > 5), Y)
    for directions, message in (
        ("sideways", "'random', 'path' or two weights; got 'sideways'"),
        (("W[1]", 0), "two weights such as"),
        ((("W[1]", 0, 0),), "two weights such as"),
        ((("W[7]", 0, 0), ("W[1]", 0, 0)), r"no block 'W\[7\]'; the network has W\[1\]"),
        ((("W[1]", 0, 9), ("W[1]", 0, 0)), r"shape \(4, 4\); \(0, 9\) is no element"),
        ((("W[1]", 0), ("W[1]", 0, 0)), r"\(0,\) is no element"),
        ((("W[1]", 0, 0), ("W[1]", 0, 0)), r"same weight, W\[1\]\[0, 0\]"),
        ("path", "needs a path"),
    ):
        with pytest.raises(ValueError, match=message):
            surface(net, X, Y, directions=directions)
    with pytest.raises(ValueError, match=r"one row of 35 parameters.*got shape \(3, 2\)"):
        surface(net, X, Y, path=np.ones((3, 2)))
    with pytest.raises(ValueError, match="lies on a line"):
        surface(net, X, Y, directions="path", path=net.theta_[np.newaxis])
    with pytest.raises(ValueError, match="span must be a positive number"):
        surface(net, X, Y, span=-1)
    with pytest.raises(ValueError, match="n_points must be an integer from 3 on"):
        surface(net, X, Y, n_points=2)
    net.theta_ = np.zeros_like(net.theta_)
    with pytest.raises(ValueError, match="All weights are 0"):
        surface(net, X, Y)


def test_one_row_zeros_and_overflow_are_drawn():
    net = network().fit(X, Y)
    assert surface(net, X[:1], Y[:1]).values.shape == (7, 7)
    display = surface(net.set_params(alpha=0), X * 0, Y, directions=WEIGHTS)
    assert display.ax_.get_title() == "flat here"
    far = surface(linear().fit(AGE_BMI, TARGET), AGE_BMI, TARGET, directions=WEIGHTS, span=1e200)
    assert not np.isfinite(far.values).all()


def test_without_matplotlib_the_message_names_the_extra(monkeypatch):
    display = surface(network().fit(X, Y), X, Y)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"LossSurfaceDisplay.plot needs.*sknn_opt\[plots\]"):
        display.plot()
