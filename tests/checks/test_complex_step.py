"""Layerwise complex steps against those through J itself, and against closed forms."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.datasets import load_iris

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor
from sknn_opt.checks.gradients.numeric.complex_step import ComplexStep
from sknn_opt.checks.gradients.numeric.layerwise import Layerwise
from sknn_opt.checks.gradients.preflight import Guarded
from sknn_opt.checks.gradients.readers.networks import read_objective
from sknn_opt.nn.activations import ACTIVATIONS

X, Y = load_iris(return_X_y=True)
X, Y = InputNormalizer().fit_transform(X)[::10], Y[::10]


def both(objective):
    problem = read_objective(objective)
    whole = ComplexStep(Guarded(problem.value, problem.x0), problem)
    return Layerwise(problem, problem.x0, whole), whole


def in_general_position(objective):
    objective.theta += 0.1 * np.random.default_rng(0).normal(size=objective.theta.size)
    return objective


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"batch_norm": True},
        {"dropout": 0.4, "input_dropout": 0.2},
        {"input_scale": True},
        {"input_scale": [1.0, 0.5, 0.0, 2.0]},
    ],
    ids=["plain", "batch_norm", "dropout", "scale", "factors"],
)
@pytest.mark.parametrize("sparse", [False, True])
def test_layerwise_equals_whole(activation, parameters, sparse):
    net = MLPClassifier((5, 4), activation=activation, random_state=0, **parameters)
    weight = np.linspace(0.5, 2, len(Y)) if sparse else None
    objective = in_general_position(net.objective(csr_array(X) if sparse else X, Y, weight))
    layerwise, whole = both(objective)
    rng = np.random.default_rng(1)
    # with identity, β of stacked batch norms has a gradient of rounding errors alone
    floor = 1e-3 * np.linalg.norm(objective.gradient(objective.theta))
    for block, place in objective.blocks.items():
        exact = whole.derivatives(block)
        scale = max(np.linalg.norm(exact), floor)
        np.testing.assert_allclose(layerwise.derivatives(block), exact, rtol=0, atol=1e-12 * scale)
        directions = rng.normal(size=(2, place.size))
        for source in (layerwise, whole):
            along = source.derivatives(block, directions)
            np.testing.assert_allclose(along, directions @ exact, rtol=0, atol=1e-11 * scale)


def test_closed_form_of_softmax_regression():
    objective = in_general_position(MLPClassifier((), alpha=0.0).objective(X, Y))
    W, b = (objective.blocks[name].of(objective.theta) for name in ("W[1]", "b[1]"))
    delta = (softmax(X @ W + b, axis=1) - np.eye(3)[Y]) / len(X)
    layerwise, _ = both(objective)
    np.testing.assert_allclose(layerwise.derivatives("W[1]"), (X.T @ delta).ravel(), atol=1e-15)
    np.testing.assert_allclose(layerwise.derivatives("b[1]"), delta.sum(axis=0), atol=1e-15)
    np.testing.assert_allclose(layerwise.signal_gradient(1), delta, atol=1e-15)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("chunk", [1, 100, 2**16])
def test_chunks_do_not_matter(monkeypatch, batch_norm, chunk):
    monkeypatch.setattr("sknn_opt.checks.gradients.numeric.layerwise.CHUNK", chunk)
    net = MLPRegressor((5, 4), activation="tanh", batch_norm=batch_norm, random_state=0)
    layerwise, whole = both(net.objective(X, X[:, :2]))
    exact = whole.derivatives("W[1]")
    atol = 1e-12 * np.linalg.norm(exact)
    np.testing.assert_allclose(layerwise.derivatives("W[1]"), exact, rtol=0, atol=atol)


def test_cost_counts_the_signals_above():
    layerwise, _ = both(MLPClassifier((5, 4), random_state=0).objective(X, Y))
    n = len(X)
    # signals from z[1] on: z1, a1, z2, a2, z3
    above_z1, above_z2, above_z3 = n * (5 + 5 + 4 + 4 + 3), n * (4 + 4 + 3), n * 3
    assert layerwise.cost() == 5 * above_z1 + 4 * above_z2 + 3 * above_z3
    assert layerwise.cost_of("W[2]") == layerwise.cost_of("b[2]") == 4 * above_z2


def test_a_unit_on_its_kink_stays_there():
    X0 = X.copy()
    X0[::2] = 0  # zero biases: every unit of these rows is at 0
    objective = MLPClassifier((6, 5), init="he_normal", random_state=0).objective(X0, Y)
    layerwise, whole = both(objective)
    gradient = objective.data_term().gradient(objective.theta)
    for block, place in objective.blocks.items():
        np.testing.assert_allclose(layerwise.derivatives(block), gradient[place.slice], atol=1e-15)
        np.testing.assert_allclose(whole.derivatives(block), gradient[place.slice], atol=1e-15)


def test_slope_is_the_derivative_of_the_activation():
    objective = MLPClassifier((5,), activation="tanh", random_state=0).objective(X, Y)
    layerwise, _ = both(objective)
    z = layerwise.signals[1]
    slope = layerwise.slope(1, ACTIVATIONS["tanh"])
    np.testing.assert_allclose(slope, 1 - np.tanh(z) ** 2, rtol=1e-14)
