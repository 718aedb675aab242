"""check_gradients: silent on right gradients, and a planted bug shows in the blocks it touches."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_gradients
from sknn_opt.checks import gradients
from sknn_opt.nn.layers import Activation, BatchNorm, Dense, Dropout
from sknn_opt.nn.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_IRIS = InputNormalizer().fit_transform(X_IRIS)[::8]
Y_IRIS = Y_IRIS[::8]


def classifier(sizes=(6, 5), **parameters):
    return MLPClassifier(sizes, **{"random_state": 0, "max_iter": 3} | parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"sizes": ()},
        {"sizes": (4,) * 8, "activation": "tanh"},
        {"batch_norm": True},
        {"batch_norm": True, "activation": "identity"},  # some gradients are 0 but for rounding
        {"dropout": 0.4, "input_dropout": 0.2},
        {"dropout": [0.5, 0.1], "batch_norm": True, "activation": "gelu"},
        {"alpha": 10.0},
        {"solver": "lbfgs", "activation": "logistic"},
        {"init": lambda shape, rng, gain: 1e-3 * rng.normal(size=shape)},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_right_gradients_pass(parameters, weighted):
    weight = np.linspace(0.5, 2, len(Y_IRIS)) if weighted else None
    net = classifier(**parameters)
    report = check_gradients(net, X_IRIS, Y_IRIS, weight)
    assert report.passed, report
    assert {check.point for check in report.blocks} == {"initial weights"}
    report = check_gradients(net.fit(X_IRIS, Y_IRIS), X_IRIS, Y_IRIS, weight)
    assert report.passed, report
    assert {check.point for check in report.blocks} == {"initial weights", "fitted weights"}
    assert report.relative_error < 1e-12


def test_every_kind_of_target():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:15] * 20, y[:15] / 100
    counts = np.round(y * 3)
    for net, target in [
        (MLPRegressor((5,), random_state=0), y),
        (MLPRegressor((5,), random_state=0), np.column_stack([y, -y, y**2])),
        (MLPRegressor((5,), loss="poisson", random_state=0), counts),
        (MLPClassifier((5,), random_state=0), y > 1),
        (MLPClassifier((5,), random_state=0), np.column_stack([y > 1, y > 2]).astype(int)),
    ]:
        assert check_gradients(net, X, target).passed
        assert check_gradients(net, csr_array(X), target).passed


def test_rows_of_zeros_put_units_on_their_kinks():
    X = X_IRIS.copy()
    X[::2] = 0
    for activation in ("relu", "leaky_relu", "selu", "elu"):
        assert check_gradients(classifier(activation=activation), X, Y_IRIS).passed


def wrap(monkeypatch, cls, spoil):
    """Let `spoil(layer, delta, result)` change what cls.backward returns."""
    original = cls.backward

    def backward(self, delta):
        given = delta.copy()
        changed = spoil(self, given, original(self, delta))
        return changed

    monkeypatch.setattr(cls, "backward", backward)


def wrong_blocks(report):
    return {check.block for check in report.blocks if not check.passed} - {"all"}


def scaled(block, factor):
    def spoil(layer, delta, result):
        if getattr(layer, block) is not None:
            getattr(layer, block)[...] *= factor
        return result

    return spoil


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.99, 1.0001, len(Y_IRIS)])
@pytest.mark.parametrize(("attribute", "block"), [("dW", "W"), ("db", "b")])
def test_a_wrong_factor_is_found_in_its_blocks(monkeypatch, factor, attribute, block):
    wrap(monkeypatch, Dense, scaled(attribute, factor))
    report = check_gradients(classifier(alpha=0.0), X_IRIS, Y_IRIS)
    assert not report.passed
    assert wrong_blocks(report) == {f"{block}[{i}]" for i in (1, 2, 3)}
    assert "WRONG" in str(report)


def test_one_wrong_element_is_found(monkeypatch):
    def spoil(layer, delta, result):
        if layer.W.shape == (6, 5):
            layer.dW[2, 3] *= 1.1
        return result

    wrap(monkeypatch, Dense, spoil)
    assert wrong_blocks(check_gradients(classifier(), X_IRIS, Y_IRIS)) == {"W[2]"}


def test_an_error_passed_on_shows_in_the_layers_below(monkeypatch):
    def spoil(layer, delta, result):
        return result if layer.W.shape != (6, 5) else result * 1.01

    wrap(monkeypatch, Dense, spoil)
    assert wrong_blocks(check_gradients(classifier(), X_IRIS, Y_IRIS)) == {"W[1]", "b[1]"}


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_a_forgotten_activation_derivative_is_found(monkeypatch, activation):
    monkeypatch.setattr(Activation, "backward", lambda self, delta: delta)
    report = check_gradients(classifier(activation=activation), X_IRIS, Y_IRIS)
    assert {"W[1]", "W[2]", "b[1]", "b[2]"} <= wrong_blocks(report)
    assert "W[3]" not in wrong_blocks(report)


def test_a_forgotten_penalty_is_found(monkeypatch):
    original = Network.backward
    monkeypatch.setattr(Network, "backward", lambda self, penalty=0.0: original(self, 0.0))
    report = check_gradients(classifier(alpha=1e-2), X_IRIS, Y_IRIS)
    assert wrong_blocks(report) == {"W[1]", "W[2]", "W[3]"}


def test_forgotten_masks_are_found(monkeypatch):
    monkeypatch.setattr(Dropout, "backward", lambda self, delta: delta)
    assert not check_gradients(classifier(dropout=0.5), X_IRIS, Y_IRIS).passed


def test_batch_norm_without_its_mean_term_is_found(monkeypatch):
    def backward(self, delta):
        self.dgamma[...] = (delta * self.x_hat).sum(axis=0)
        self.dbeta[...] = delta.sum(axis=0)
        return delta * self.gamma * self._inverse_std

    monkeypatch.setattr(BatchNorm, "backward", backward)
    report = check_gradients(classifier(batch_norm=True), X_IRIS, Y_IRIS)
    assert {"W[1]", "W[2]"} <= wrong_blocks(report)
    assert not {"W[3]", "b[3]", "gamma[2]", "beta[2]"} & wrong_blocks(report)


def test_nan_does_not_pass(monkeypatch):
    wrap(monkeypatch, Dense, scaled("dW", np.nan))
    assert not check_gradients(classifier(), X_IRIS, Y_IRIS).passed


def test_a_large_net_is_checked_along_random_directions(monkeypatch):
    net = classifier((150, 140))
    report = check_gradients(net, X_IRIS, Y_IRIS)
    assert sum(c.n_parameters for c in report.blocks if c.block != "all") > gradients.MAX_COMPONENTS
    assert report.passed, report

    def spoil(layer, delta, result):
        if layer.W.shape == (150, 140):
            layer.dW[7, 7] += 1e-3
        return result

    wrap(monkeypatch, Dense, spoil)
    assert wrong_blocks(check_gradients(net, X_IRIS, Y_IRIS)) == {"W[2]"}


def test_the_estimator_is_not_changed():
    net = classifier(dropout=0.2, batch_norm=True).fit(X_IRIS, Y_IRIS)
    theta, statistics, attributes = net.theta_.copy(), net.statistics_.copy(), set(vars(net))
    check_gradients(net, X_IRIS, Y_IRIS)
    assert np.array_equal(net.theta_, theta)
    assert np.array_equal(net.statistics_, statistics)
    assert set(vars(net)) == attributes
    unfitted = classifier()
    check_gradients(unfitted, X_IRIS, Y_IRIS)
    assert not hasattr(unfitted, "theta_")
    assert not hasattr(unfitted, "classes_")


def test_a_pipeline_is_refused_with_the_remedy():
    model = make_pipeline(InputNormalizer(), classifier())
    with pytest.raises(TypeError, match="got Pipeline.*pass the last step"):
        check_gradients(model, X_IRIS, Y_IRIS)


@pytest.mark.parametrize("parameters", [{}, {"dropout": 0.3}, {"batch_norm": True}], ids=str)
def test_scipy_agrees(parameters):
    objective = classifier(activation="tanh", **parameters).objective(X_IRIS, Y_IRIS)
    error = check_grad(objective.value, objective.gradient, objective.theta)
    assert error < 1e-5 * np.linalg.norm(objective.gradient(objective.theta))


def test_the_report_reads_well():
    lines = str(check_gradients(classifier(), X_IRIS, Y_IRIS)).splitlines()
    assert lines[0].split() == ["point", "block", "parameters", "norm", "ratio", "verdict"]
    assert lines[-1].startswith("backprop is right: relative error")
    assert [line.split()[2] for line in lines[2:-1]] == [
        *("W[1]", "W[2]", "W[3]", "b[1]", "b[2]", "b[3]", "all")
    ]
