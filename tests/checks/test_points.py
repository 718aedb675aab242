"""Several points in one call: random ones, given ones, and which of them is worst."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_opt import GradientCheckDisplay, MLPClassifier, assert_gradients_close, check_gradients

X0 = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
X, Y = load_iris(return_X_y=True)
X, Y = StandardScaler().fit_transform(X)[::10], Y[::10]


def leaky(x):
    return np.sum(np.where(x > 0, x, 0.1 * x) ** 2)


def leaky_slope(x, below=0.1):
    return 2 * np.where(x > 0, x, 0.1 * x) * np.where(x > 0, 1, below)


def test_random_points_find_what_one_does_not():
    def wrong(x):
        return leaky_slope(x, below=0.2)

    assert check_gradients(leaky, wrong, X0).passed
    report = check_gradients(leaky, wrong, X0, points=6)
    assert report.verdict == "WRONG"
    assert report.worst_point.name != "x0"
    assert (report.worst_point.theta < 0).any()
    assert len(report.points) == 6
    assert check_gradients(leaky, leaky_slope, X0, points=6).passed


def test_the_report_shows_the_worst_point():
    def wrong(x):
        return rosen_der(x) * (1.5 if x[0] > 3 else 1.01 if x[0] > 2 else 1)

    points = [X0 + np.eye(5)[0] * k for k in (0.1, 1.0, 2.0, 0.2)]
    report = check_gradients(rosen, wrong, X0, points=points)
    assert report.worst_point.name == "point 4"
    text = str(report)
    assert text.startswith("WRONG: ")
    assert text[text.index("\n\n") :].startswith("\n\nat point 4, by")
    assert "5 points: 3 OK, 2 WRONG; the worst is first" in text
    assert report.full().count("\nat ") == 5
    assert "5 points" in report._repr_html_()
    assert len(report.to_frame()) == 10
    few = check_gradients(rosen, wrong, X0, points=points[:2])
    assert few.full().count("at point") == 2
    assert few.worst_point.name == "point 3"


def test_points_are_the_same_in_each_call():
    first, second = (check_gradients(rosen, rosen_der, X0, points=4) for _ in range(2))
    for one, other in zip(first.points, second.points, strict=True):
        np.testing.assert_array_equal(one.theta, other.theta)
    assert len({tuple(point.theta) for point in first.points}) == 4


@pytest.mark.parametrize("domain", [0.0, 1e-3, 0.5])
def test_random_points_stay_where_the_function_is(domain):
    def f(x):
        if np.any(x <= domain):
            raise ValueError("outside")
        return np.sum(np.log(x - domain))

    def slope(x):
        assert np.all(x > domain)
        return 1 / (x - domain)

    report = check_gradients(f, slope, X0, points=8)
    assert report.verdict == "OK"
    assert len(report.points) == 8


def test_a_point_that_is_nowhere_is_left_out():
    def f(x):
        return np.sum(x**2) if abs(x[0] - 1.3) < 1e-6 else np.nan

    report = check_gradients(f, lambda x: 2 * x, X0, points=3)
    assert len(report.points) == 1
    assert "point 2 was left out: the function is not finite around x0" in report.notes


@pytest.mark.parametrize(
    "x0",
    [2.0, X0.reshape(5, 1), {"a": X0, "b": {"c": 3.0}}, [X0, (X0[:2], 1.0)], X0.astype("f")],
    ids=["number", "matrix", "dict", "list", "float32"],
)
def test_points_of_every_structure(x0):
    def total(p):
        if isinstance(p, dict | list | tuple):
            return sum(map(total, p.values() if isinstance(p, dict) else p))
        return np.sum(p**3)

    def slopes(p, factor=3):
        if isinstance(p, dict):
            return {k: slopes(v, factor) for k, v in p.items()}
        if isinstance(p, list | tuple):
            return [slopes(v, factor) for v in p]
        return factor * p**2

    for points in (3, [x0, x0]):
        report = check_gradients(total, slopes, x0, points=points)
        assert report.passed
        assert len(report.points) == 3
        report = check_gradients(lambda p: (total(p), slopes(p, 3.1)), x0, points=points)
        assert {point.blocks[0].verdict for point in report.points} == {"WRONG"}


def test_args_and_jacobians_at_several_points():
    t = np.linspace(0, 1, 9)

    def residuals(p, t):
        return p[0] * np.exp(-p[1] * t)

    def jacobian(p, t):
        e = np.exp(-p[1] * t)
        return np.column_stack([e, -p[0] * t * e])

    report = check_gradients(residuals, jacobian, [2.0, 1.0], args=(t,), points=5)
    assert report.passed
    assert len(report.notes) == 1
    square = np.array([[1.0, 2.0], [3.0, 5.0]])

    def turned(x):
        return (square * np.cos(x)).T

    report = check_gradients(lambda x: square @ np.sin(x), turned, [0.5, 1.0], points=4)
    assert report.hints == ["x comes of a transposed Jacobian"]


@pytest.mark.parametrize("kind", [MLPClassifier, SklearnMLPClassifier])
def test_several_draws_of_initial_weights(kind):
    net = kind((4,), random_state=0)
    for model in (net, make_pipeline(StandardScaler(), net)):
        report = check_gradients(model, X, Y, points=4)
        assert report.passed
        names = [point.name for point in report.points]
        assert names == ["initial weights"] + [f"initial weights, draw {k}" for k in (2, 3, 4)]
        assert len({point.theta.tobytes() for point in report.points}) == 4
    with pytest.raises(TypeError, match="points=.* does not apply"):
        check_gradients(net, X, Y, points=[1, 2])


def test_a_torch_module_at_several_points():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net, inputs = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh()), torch.randn(5, 4)
    report = check_gradients(net, lambda net: net(inputs).pow(2).sum(), points=3)
    assert report.passed
    assert len(report.points) == 3
    with pytest.raises(TypeError, match="A list of points goes with a function"):
        check_gradients(net, lambda net: net(inputs).pow(2).sum(), points=[X0])


def test_what_is_refused():
    for points in (0, -1, 2.5, True, "3", None, X0):
        with pytest.raises(ValueError, match="points must be the number of points, 1 or more"):
            check_gradients(rosen, rosen_der, X0, points=points)
    with pytest.raises(ValueError, match="points= needs a gradient that can be had at several"):
        check_gradients(rosen, rosen_der(X0), X0, points=2)
    with pytest.raises(ValueError, match=r"structure of x0, {'x': \(5,\)}; one has {'x': \(2,\)}"):
        check_gradients(rosen, rosen_der, X0, points=[X0, X0[:2]])
    with pytest.raises(ValueError, match="x0 holds NaN"):
        check_gradients(rosen, rosen_der, X0, points=[X0 * np.nan])
    # at x0 itself it is refused in the usual words
    with pytest.raises(ValueError, match="is nan at x0"):
        check_gradients(lambda x: np.nan, rosen_der, X0, points=4)


def test_for_tests_and_pictures():
    report = assert_gradients_close(rosen, rosen_der, X0, points=4)
    pytest.importorskip("matplotlib")
    display = GradientCheckDisplay.from_report(report, point=2).plot()
    assert display.ax_.get_title() == "Gradient check at point 3: OK"
    with pytest.raises(AssertionError, match="at point"):
        assert_gradients_close(leaky, lambda x: leaky_slope(x, 0.2), X0, points=6)
