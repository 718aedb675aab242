"""Outputs in other units: the formulas of Pop-Art, and what they leave as it is."""

import numpy as np
import pytest

from sknn_opt.estimators.regressor import REGRESSION_LOSSES
from sknn_opt.nn.losses import make_loss
from sknn_opt.nn.network import Architecture, Network, Weights
from sknn_opt.nn.predictor import Predictor
from sknn_opt.optim import TrainingTime
from sknn_opt.training.rescaling import rescale
from sknn_opt.training.state import TrainingState

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.exp(0.1 * RNG.normal(size=(40, 2)))


def state_of(loss="squared_error", batch_norm=False, **values):
    architecture = Architecture(
        (3, 6, 2), "tanh", make_loss(loss, quantile=0.3, delta=1e9), (0.0, 0.0), batch_norm
    )
    theta = architecture.initial_parameters("auto", np.random.default_rng(1), np.dtype(float))
    weights = Weights(theta, architecture.initial_statistics(np.dtype(float)))
    return TrainingState(architecture, weights, TrainingTime(0.1, 1), [], {}, {}, **values)


def outputs(state, weights=None):
    return Predictor(state.architecture, weights or state.weights).outputs(X, lambda z: z)


def gradient(state, y):
    theta = state.weights.theta
    network = Network(state.architecture, theta, state.weights.statistics, len(X))
    network.loss_and_gradient(X, y, None, 1 / len(X), 0.0)
    return network.grad.copy()


@pytest.mark.parametrize("batch_norm", [False, True])
def test_outputs_are_those_in_the_new_units(batch_norm):
    state = state_of(batch_norm=batch_norm)
    state.best, state.average = state.weights.copy(), state.weights.copy()
    held, before = state.best, outputs(state)
    ratio, shift = np.array([0.5, 3.0]), np.array([2.0, -1.0])
    rescale(state, ratio, shift)
    for weights in (state.weights, state.best, state.average):
        np.testing.assert_allclose(outputs(state, weights), ratio * before + shift, rtol=1e-12)
    np.testing.assert_array_equal(outputs(state, held), before)  # the best was somebody's


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("ratio", [0.3, 4.0])
def test_moments_are_those_of_gradients_in_the_new_units(loss, ratio):
    """The oracle: the gradient of the rescaled network on rescaled targets.

    Huber's loss (of a large delta here) is squared error.
    """
    state = state_of(loss)
    is_log = state.architecture.loss.link == "exp"
    shift = 0.0 if is_log else -3.0
    g = gradient(state, Y)
    state.moments = {"step": 4, "velocity": g.copy(), "second_moment": g**2}
    rescale(state, np.full(2, ratio), np.full(2, shift))
    expected = gradient(state, ratio * Y + shift)
    np.testing.assert_allclose(state.moments["velocity"], expected, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(state.moments["second_moment"], expected**2, rtol=1e-9, atol=1e-14)
    assert state.moments["step"] == 4


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_the_degree_is_that_of_the_loss(loss):
    function = make_loss(loss, quantile=0.3, delta=1e9)
    z, c = RNG.normal(size=(40, 2)), 1.7
    scaled = z + np.log(c) if function.link == "exp" else c * z
    factor = c**function.degree
    np.testing.assert_allclose(function(scaled, c * Y)[0], factor * function(z.copy(), Y)[0])


def test_many_small_changes_do_not_blow_up_the_layer():
    """Units that shrink a little with each row, after a first call of large targets."""
    state = state_of()
    for _ in range(1000):
        rescale(state, np.array([1.02, 0.98]), np.zeros(2))
    assert 5 < np.linalg.norm(state.weights.theta[18:30].reshape(6, 2)[:, 0]) < 6
    assert state.architecture.blocks["W[2]"].slice == slice(18, 30)


@pytest.mark.parametrize(("ratio", "shift"), [(0.0, 0.0), (1e-7, 0.0), (6.0, 0.0), (1.0, -6.0)])
def test_outputs_that_say_nothing_in_the_new_units_leave_the_layer_as_it_is(ratio, shift):
    state = state_of(moments={"step": 1, "velocity": X})
    before = outputs(state)
    rescale(state, np.array([ratio, 0.5]), np.array([shift, 1.0]))
    expected = before * [1, 0.5] + [0, 1]
    np.testing.assert_allclose(outputs(state), expected, rtol=1e-12)
    assert state.moments == {}
