"""Networks as functions of θ: backprop proved by complex step, prediction, and the objective."""

import math
import tracemalloc
from itertools import product

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize
from scipy.sparse import csr_array, csr_matrix
from scipy.special import erf, expit

from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.losses import LOSSES
from sknn_opt.nn.network import Architecture, Network, Weights
from sknn_opt.nn.objective import Objective
from sknn_opt.nn.predictor import Predictor, fold
from sknn_opt.optim import OPTIMIZERS

STEP = 1e-200  # its square is 0: the complex step is exact to rounding, also beside kinks
N_OUTPUTS = {name: 3 if name == "log_loss" else 2 for name in LOSSES}
# Written anew, so that a bug in the package cannot hide in its own oracle.
PLAIN = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
    "selu": lambda z: (
        1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * (np.exp(np.minimum(z, 0)) - 1))
    ),
    "gelu": lambda z: z * (1 + erf(z / math.sqrt(2))) / 2,
    "silu": lambda z: z * expit(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
}


def architecture(
    activation="tanh", loss="squared_error", *, dropout=False, batch_norm=False, input_scale=False
):
    rates = (0.25, 0.4, 0.3) if dropout else (0.0, 0.0, 0.0)
    n_units = (5, 4, 3, N_OUTPUTS[loss])
    flags = {"batch_norm": batch_norm, "input_scale": input_scale}
    return Architecture(n_units, activation, loss, rates, **flags)


def data(loss="squared_error", n=7, dtype=np.float64, seed=0):
    """Inputs with zeros in them, targets, and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)) * (rng.random((n, 5)) < 0.7)
    k = N_OUTPUTS[loss]
    y = {
        "log_loss": lambda: rng.integers(k, size=n),
        "binary_log_loss": lambda: rng.integers(2, size=(n, k)).astype(dtype),
        "poisson": lambda: rng.poisson(2.0, size=(n, k)).astype(dtype),
        "gamma": lambda: rng.gamma(2.0, size=(n, k)).astype(dtype),
    }.get(loss, lambda: rng.normal(size=(n, k)).astype(dtype))()
    return X.astype(dtype), y, rng.uniform(0.3, 2, n).astype(dtype)


def parameters(spec, dtype=np.float64, seed=1):
    """Random θ in which no block is at its initial value."""
    rng = np.random.default_rng(seed)
    theta = spec.initial_parameters("lecun_normal", rng, np.float64)
    return (theta + 0.3 * rng.normal(size=theta.size)).astype(dtype)


def complex_step_gradient(objective, theta):
    gradient = np.empty(theta.size)
    stepped = theta.astype(complex)
    for k in range(theta.size):
        stepped[k] += 1j * STEP
        gradient[k] = objective.value(stepped).imag / STEP
        stepped[k] = theta[k]
    return gradient


# Backprop ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_backprop_equals_complex_step(activation, loss):
    switches = product((False, True), repeat=4)
    for batch_norm, dropout, weighted, sparse in switches:
        flags = {"batch_norm": batch_norm, "input_scale": dropout != weighted}
        spec = architecture(activation, loss, dropout=dropout, **flags)
        X, y, weight = data(loss)
        theta = parameters(spec)
        objective = Objective(
            spec,
            theta,
            csr_array(X) if sparse else X,
            y,
            weight if weighted else None,
            alpha=0.1,
            rng=np.random.default_rng(2),
        )
        value, backprop = objective.value_and_gradient(theta)
        exact = complex_step_gradient(objective, theta)
        assert isinstance(value, float)
        assert objective.value(theta + 0j).real == pytest.approx(value, rel=1e-13)
        # A block may be 0 in truth, as β between an identity and the next batch norm.
        floor = 1e-3 * np.linalg.norm(exact)
        for name, block in spec.blocks.items():
            scale = max(np.linalg.norm(exact[block.slice]), floor)
            error = np.linalg.norm(backprop[block.slice] - exact[block.slice]) / scale
            assert error < 1e-12, (name, batch_norm, dropout, weighted, sparse)


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_relu_units_exactly_at_their_kink(loss):
    spec = architecture("relu", loss)
    X, y, _ = data(loss)
    theta = parameters(spec)
    for name in ("W[1]", "b[1]", "b[2]"):
        spec.blocks[name].of(theta)[...] = 0  # all pre-activations of both hidden layers are 0
    objective = Objective(spec, theta, X, y)
    np.testing.assert_allclose(
        objective.gradient(theta), complex_step_gradient(objective, theta), rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("n_hidden", [0, 1, 3])
def test_other_depths(n_hidden):
    units = (5, *(4, 3, 6)[:n_hidden], 2)
    spec = Architecture(units, "gelu", "squared_error", (0.2,) * (n_hidden + 1), True)
    X, y, weight = data()
    theta = parameters(spec)
    objective = Objective(spec, theta, X, y, weight, 0.3, np.random.default_rng(0))
    exact = complex_step_gradient(objective, theta)
    error = np.linalg.norm(objective.gradient(theta) - exact)
    assert error < 1e-13 * np.linalg.norm(exact)


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_float32_objective_equals_float64(activation, loss):
    for batch_norm, sparse in product((False, True), repeat=2):
        spec = architecture(activation, loss, batch_norm=batch_norm)
        theta = parameters(spec, np.float32)
        results = []
        for dtype in (np.float32, np.float64):
            X, y, weight = data(loss, dtype=dtype, n=20)
            y = y if y.dtype.kind == "i" else y.astype(dtype)
            # the same numbers in both precisions
            X, weight = (v.astype(np.float32).astype(dtype) for v in (X, weight))
            y = y if y.dtype.kind == "i" else y.astype(np.float32).astype(dtype)
            inputs = csr_array(X) if sparse else X
            objective = Objective(spec, theta.astype(dtype), inputs, y, weight, 0.1)
            results.append(objective.value_and_gradient(theta.astype(dtype)))
        (value, gradient), (exact_value, exact) = results
        assert gradient.dtype == np.float32
        assert value == pytest.approx(exact_value, rel=1e-5)
        assert np.linalg.norm(gradient - exact) < 1e-5 * np.linalg.norm(exact)


def test_objective_is_the_formula():
    spec = architecture("tanh", "squared_error")
    X, y, weight = data()
    theta, alpha = parameters(spec), 0.7
    W1, W2, W3 = (spec.blocks[f"W[{i}]"].of(theta) for i in (1, 2, 3))
    b1, b2, b3 = (spec.blocks[f"b[{i}]"].of(theta) for i in (1, 2, 3))
    z = np.tanh(np.tanh(X @ W1 + b1) @ W2 + b2) @ W3 + b3
    squares = sum((W**2).sum() for W in (W1, W2, W3))
    for w in (None, weight):
        p = np.ones(len(X)) if w is None else w
        data_term = (p * ((z - y) ** 2).sum(axis=1) / 2).sum() / p.sum()
        expected = data_term + alpha / (2 * p.sum()) * squares
        value = Objective(spec, theta, X, y, w, alpha).value(theta)
        assert value == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_weights_are_repetitions(loss, batch_norm):
    spec = architecture("silu", loss, batch_norm=batch_norm)
    X, y, _ = data(loss)
    theta = parameters(spec)
    count = np.array([1, 2, 0, 3, 1, 1, 4])
    ours = Objective(spec, theta, X, y, count.astype(float), 0.2)
    theirs = Objective(
        spec, theta, np.repeat(X, count, axis=0), np.repeat(y, count, axis=0), None, 0.2
    )
    assert ours.value(theta) == pytest.approx(theirs.value(theta), rel=1e-13)
    np.testing.assert_allclose(ours.gradient(theta), theirs.gradient(theta), rtol=1e-10, atol=1e-13)


# Layout -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_norm", [False, True])
def test_blocks_lie_in_theta_one_behind_the_other_weights_first(batch_norm):
    spec = architecture(batch_norm=batch_norm)
    per_layer = ["gamma", "beta"] if batch_norm else ["b"]
    names = [f"W[{i}]" for i in (1, 2, 3)]
    names += [f"{name}[{i}]" for i in (1, 2) for name in per_layer] + ["b[3]"]
    assert list(spec.blocks) == names
    units = (5, 4, 3, 2)
    stop = 0
    for name, block in spec.blocks.items():
        layer = int(name[-2])
        shape = (units[layer - 1], units[layer]) if name[0] == "W" else (units[layer],)
        assert block.shape == shape
        assert block.slice == slice(stop, stop + math.prod(shape))
        stop = block.slice.stop
    assert stop == spec.n_parameters
    assert spec.n_decayed == 5 * 4 + 4 * 3 + 3 * 2
    theta = np.arange(float(spec.n_parameters))
    view = spec.blocks["W[2]"].of(theta)
    assert np.shares_memory(view, theta)
    np.testing.assert_array_equal(view, np.arange(20.0, 32).reshape(4, 3))


def test_layout_of_the_statistics():
    assert architecture().statistics == {}
    assert architecture().initial_statistics(np.float64).size == 0
    spec = architecture(batch_norm=True)
    assert list(spec.statistics) == ["mean[1]", "variance[1]", "mean[2]", "variance[2]"]
    assert spec.initial_statistics(np.float32).size == 2 * (4 + 3)


def test_layers_above_ten_keep_their_own_blocks():
    spec = Architecture((2,) * 13, "relu", "squared_error", (0,) * 12, False)
    theta = np.arange(float(spec.n_parameters))
    network = Network(spec, theta, spec.initial_statistics(np.float64), 1)
    dense = network.layers[0::2]
    assert len(dense) == 12
    for i, layer in enumerate(dense, 1):
        np.testing.assert_array_equal(layer.W, spec.blocks[f"W[{i}]"].of(theta))
        np.testing.assert_array_equal(layer.b, spec.blocks[f"b[{i}]"].of(theta))


def test_the_penalty_decays_weights_and_nothing_else():
    spec = architecture(batch_norm=True)
    X, y, _ = data()
    theta = parameters(spec)
    with_penalty, without = (Objective(spec, theta, X, y, None, a).gradient(theta) for a in (2, 0))
    n = spec.n_decayed
    np.testing.assert_allclose((with_penalty - without)[:n], 2 / len(X) * theta[:n], rtol=1e-10)
    np.testing.assert_array_equal(with_penalty[n:], without[n:])


def test_network_holds_views_of_theta():
    spec = architecture(batch_norm=True)
    theta = parameters(spec)
    network = Network(spec, theta, spec.initial_statistics(np.float64), 7)
    X, y, _ = data()
    before = network.loss_and_gradient(X, y)
    gradient = network.grad
    theta -= 0.05 * gradient  # what an optimizer does
    assert network.loss_and_gradient(X, y) < before
    assert network.theta is theta
    assert network.grad is gradient


def test_a_smaller_batch_leaves_no_trace_of_a_larger_one():
    for sparse in (False, True):
        spec = architecture("mish", dropout=True, batch_norm=True)
        X, y, weight = data()
        wrap = csr_array if sparse else np.asarray
        theta = parameters(spec)
        fresh = Network(spec, theta, spec.initial_statistics(float), 3, sparse=sparse)
        used = Network(spec, theta, spec.initial_statistics(float), 7, sparse=sparse)
        used.draw_masks(np.random.default_rng(9), wrap(X))
        used.loss_and_gradient(wrap(X), y, weight, 1 / 7, 0.1)
        values = []
        for network in (fresh, used):
            part = wrap(X[:3])
            network.draw_masks(np.random.default_rng(4), part)
            values.append(network.loss_and_gradient(part, y[:3], weight[:3], 1 / 3, 0.1))
        assert values[0] == pytest.approx(values[1], rel=1e-14)
        np.testing.assert_allclose(fresh.grad, used.grad, rtol=1e-12, atol=1e-15)


def test_training_leaves_the_data_alone():
    for sparse in (False, True):
        spec = architecture("relu", dropout=True, batch_norm=True)
        X, y, weight = data()
        inputs = csr_array(X) if sparse else X.copy()
        copies = y.copy(), weight.copy()
        theta = parameters(spec)
        Objective(spec, theta, inputs, y, weight, 1.0, np.random.default_rng(0)).gradient(theta)
        np.testing.assert_array_equal(inputs.toarray() if sparse else inputs, X)
        np.testing.assert_array_equal(y, copies[0])
        np.testing.assert_array_equal(weight, copies[1])


def test_masks_of_a_network_are_redrawn_only_on_request():
    spec = architecture(dropout=True)
    X, _, _ = data()
    network = Network(spec, parameters(spec), spec.initial_statistics(float), len(X))
    rng = np.random.default_rng(0)
    network.draw_masks(rng, X)
    first = network.forward(X).copy()
    np.testing.assert_array_equal(network.forward(X), first)
    network.draw_masks(rng, X)
    assert not np.array_equal(network.forward(X), first)


def test_dropout_keeps_the_mean_of_a_linear_network():
    spec = Architecture((5, 4, 1), "identity", "squared_error", (0.3, 0.5), False)
    X, theta = data()[0], parameters(spec)
    network = Network(spec, theta, spec.initial_statistics(float), len(X))
    rng, total, squares, n = np.random.default_rng(0), 0.0, 0.0, 4000
    for _ in range(n):
        network.draw_masks(rng, X)
        z = network.forward(X)
        total, squares = total + z, squares + z**2
    mean = total / n
    error = np.sqrt((squares / n - mean**2) / n)
    expected = raw_outputs(spec, theta, spec.initial_statistics(float), X)
    assert np.all(np.abs(mean - expected) < 5 * error + 1e-12)


# Prediction -------------------------------------------------------------------------------------


def raw_outputs(spec, theta, statistics, X, rows=None):
    return Predictor(spec, Weights(theta, statistics)).outputs(X, lambda z: z, rows)


def plain_prediction(spec, theta, statistics, X):
    """z[L] layer by layer, batch norm with fixed statistics not folded."""
    a = X
    for i in range(1, spec.n_layers + 1):
        z = a @ spec.blocks[f"W[{i}]"].of(theta)
        if f"b[{i}]" in spec.blocks:
            z = z + spec.blocks[f"b[{i}]"].of(theta)
        else:
            gamma, beta = (spec.blocks[f"{name}[{i}]"].of(theta) for name in ("gamma", "beta"))
            mean, variance = (
                spec.statistics[f"{name}[{i}]"].of(statistics) for name in ("mean", "variance")
            )
            z = gamma * (z - mean) / np.sqrt(variance + 1e-5) + beta
        a = PLAIN[spec.activation](z) if i < spec.n_layers else z
    return a


def random_statistics(spec, dtype=np.float64):
    rng = np.random.default_rng(8)
    statistics = spec.initial_statistics(dtype)
    for name, block in spec.statistics.items():
        draw = rng.normal if name.startswith("mean") else rng.gamma
        block.of(statistics)[...] = draw(2.0, 1.0, block.shape)
    return statistics


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_folded_prediction_equals_the_unfolded_formula(activation, batch_norm):
    spec = architecture(activation, batch_norm=batch_norm, dropout=True)
    theta, statistics = parameters(spec), random_statistics(spec)
    copies = theta.copy(), statistics.copy()
    X = data(n=50)[0]
    expected = plain_prediction(spec, theta, statistics, X)
    weights = fold(spec, theta, statistics)
    assert [W.shape for W in weights[0]] == [(5, 4), (4, 3), (3, 2)]
    assert [b.shape for b in weights[1]] == [(4,), (3,), (2,)]
    for inputs in (X, csr_array(X), csr_matrix(X), np.asfortranarray(X)):
        z = raw_outputs(spec, theta, statistics, inputs)
        assert isinstance(z, np.ndarray)
        np.testing.assert_allclose(z, expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(theta, copies[0])
    np.testing.assert_array_equal(statistics, copies[1])


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_prediction_with_the_batch_statistics_equals_the_training_forward(activation):
    spec = architecture(activation, batch_norm=True)
    X, y, weight = data(n=12)
    theta = parameters(spec)
    for w in (None, weight):
        network = Network(spec, theta, spec.initial_statistics(float), len(X))
        z = network.forward(X, w).copy()
        statistics = Objective(spec, theta, X, y, w).batch_statistics(theta)
        predicted = raw_outputs(spec, theta, statistics, X)
        np.testing.assert_allclose(predicted, z, rtol=1e-10, atol=1e-12)


def test_fold_without_batch_norm_gives_views():
    spec = architecture()
    theta = parameters(spec)
    coefs, intercepts = fold(spec, theta, spec.initial_statistics(float))
    assert all(np.shares_memory(array, theta) for array in (*coefs, *intercepts))


@pytest.mark.parametrize("sparse", [False, True])
def test_raw_outputs_in_blocks_of_rows(sparse):
    spec = Architecture((5, 2000, 2), "relu", "squared_error", (0, 0), False)
    theta = parameters(spec)
    statistics = spec.initial_statistics(float)
    X = data(n=333)[0]  # blocks of 64: five full ones and a rest
    expected = plain_prediction(spec, theta, None, X)
    inputs = csr_array(X) if sparse else X
    np.testing.assert_allclose(raw_outputs(spec, theta, statistics, inputs), expected, rtol=1e-11)
    rows = np.random.default_rng(0).permutation(333)[:150]
    some = raw_outputs(spec, theta, statistics, inputs, rows)
    np.testing.assert_allclose(some, expected[rows], rtol=1e-11)
    assert raw_outputs(spec, theta, statistics, inputs, rows[:0]).shape == (0, 2)
    np.testing.assert_allclose(
        raw_outputs(spec, theta, statistics, inputs[:1]), expected[:1], rtol=1e-11
    )


@pytest.mark.parametrize("theta_dtype", [np.float32, np.float64])
@pytest.mark.parametrize("X_dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparse", [False, True])
def test_raw_outputs_have_the_wider_dtype(sparse, X_dtype, theta_dtype):
    spec = architecture("tanh", batch_norm=True)
    theta, statistics = parameters(spec, theta_dtype), random_statistics(spec, theta_dtype)
    X = data(n=20, dtype=X_dtype)[0]
    weights = fold(spec, theta, statistics)
    assert all(array.dtype == theta_dtype for part in weights for array in part)
    z = raw_outputs(spec, theta, statistics, csr_array(X) if sparse else X)
    wide = np.result_type(X_dtype, theta_dtype)
    assert z.dtype == wide
    expected = plain_prediction(
        spec, theta.astype(float), statistics.astype(float), X.astype(float)
    )
    rtol = 1e-4 if np.float32 in (theta_dtype, X_dtype) else 1e-12
    np.testing.assert_allclose(z, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("dtype", "largest"), [(np.float64, 1e100), (np.float32, 3e38)])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_huge_inputs_are_predicted_without_nan(activation, dtype, largest):
    rng = np.random.default_rng(0)
    signs = np.array(list(product([-1.0, 0.0, 1.0], repeat=5)))
    X = np.concatenate([largest * signs, rng.normal(size=(30, 5))]).astype(dtype)
    for batch_norm in (False, True):
        spec = architecture(activation, batch_norm=batch_norm)
        theta = 3 * parameters(spec, dtype)
        statistics = random_statistics(spec, dtype)
        for inputs in (X, csr_array(X)):
            z = raw_outputs(spec, theta, statistics, inputs)
            assert z.dtype == dtype
            assert np.isfinite(z).all()
            # Ordinary rows are what they are, whatever stands beside them.
            alone = raw_outputs(spec, theta, statistics, X[-30:])
            np.testing.assert_allclose(z[-30:], alone, rtol=1e-3 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize("size", [1e120, 1e300])
def test_a_network_that_diverged_is_finite(size):
    spec = architecture("relu")
    theta = size * parameters(spec)
    assert np.isfinite(raw_outputs(spec, theta, random_statistics(spec), data()[0])).all()


def test_rows_that_overflow_in_float32_are_predicted_in_float64():
    spec = architecture("relu")
    theta, statistics = parameters(spec, np.float32), random_statistics(spec, np.float32)
    X = np.vstack([data(dtype=np.float32)[0], np.full((2, 5), 3e38, np.float32)])
    b1, b2, b3 = (spec.blocks[f"b[{i}]"].of(theta) for i in (1, 2, 3))
    for b in (b1, b2, b3):
        b[...] = 0
    spec.blocks["W[1]"].of(theta)[...] *= 100
    spec.blocks["W[3]"].of(theta)[...] /= 1000
    exact = plain_prediction(spec, theta.astype(float), statistics.astype(float), X.astype(float))
    assert 1e35 < np.abs(exact[-2:]).max() < 3e38
    z = raw_outputs(spec, theta, statistics, X)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, exact, rtol=1e-4, atol=1e-4)


# Objective --------------------------------------------------------------------------------------


def objective_of(dtype=np.float64, **switches):
    spec = architecture(**switches)
    X, y, weight = data(switches.get("loss", "squared_error"), dtype=dtype)
    theta = parameters(spec, dtype)
    return Objective(spec, theta, X, y, weight, 0.1, np.random.default_rng(3)), theta


def test_gradient_is_a_fresh_copy():
    objective, theta = objective_of()
    first = objective.gradient(theta)
    kept = first.copy()
    second = objective.gradient(theta + 1)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)


def test_objective_keeps_its_own_theta():
    objective, theta = objective_of()
    at, before = theta.copy(), objective.theta.copy()
    value = objective.value(theta)
    theta += 1
    np.testing.assert_array_equal(objective.theta, before)
    moved = theta.copy()
    objective.value_and_gradient(theta)
    np.testing.assert_array_equal(theta, moved)  # and does not write into what it is given
    assert objective.value(at) == value


@pytest.mark.parametrize("dtype", [float, complex])
def test_wrong_shape_of_theta(dtype):
    objective, theta = objective_of()
    for wrong in (theta[:-1], theta[np.newaxis], np.append(theta, 0), theta[:1], 0.0):
        with pytest.raises(ValueError, match=rf"theta must have shape \({theta.size},\)"):
            objective.value(np.asarray(wrong, dtype))
        if dtype is float:
            with pytest.raises(ValueError, match="theta must have shape"):
                objective.gradient(wrong)


def test_theta_may_be_a_list_or_integers():
    objective, theta = objective_of()
    assert objective.value(theta.tolist()) == objective.value(theta)
    np.testing.assert_array_equal(objective.gradient(theta.tolist()), objective.gradient(theta))
    ones = np.ones(theta.size, int)
    assert objective.value(ones) == objective.value(ones.astype(float))


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_scipy_check_grad(loss):
    objective, theta = objective_of(loss=loss, dropout=True, batch_norm=True)
    scale = np.linalg.norm(objective.gradient(theta))
    assert check_grad(objective.value, objective.gradient, theta) < 1e-5 * max(1, scale)


@pytest.mark.parametrize("method", ["BFGS", "CG", "L-BFGS-B"])
def test_scipy_minimizes_it(method):
    objective, theta = objective_of()
    options = {"maxiter": 30}
    result = minimize(objective.value_and_gradient, theta, jac=True, method=method, options=options)
    assert result.fun < 0.5 * objective.value(theta)


def test_deterministic_with_dropout():
    objective, theta = objective_of(dropout=True)
    value, gradient = objective.value_and_gradient(theta)
    for _ in range(2):
        assert objective.value(theta) == value
        np.testing.assert_array_equal(objective.gradient(theta), gradient)
    assert objective.value(theta.astype(complex)).real == pytest.approx(value, rel=1e-14)
    again, _ = objective_of(dropout=True)
    assert again.value(theta) == value


def test_value_of_complex_theta_is_complex_and_of_real_theta_real():
    objective, theta = objective_of()
    assert isinstance(objective.value(theta), float)
    assert isinstance(objective.value(theta.astype(complex)), complex)
    direction = np.random.default_rng(0).normal(size=theta.size)
    derivative = objective.value(theta + 1j * STEP * direction).imag / STEP
    assert derivative == pytest.approx(direction @ objective.gradient(theta), rel=1e-12)


def test_batch_statistics():
    objective, theta = objective_of(batch_norm=True)
    X, _, weight = data()
    spec = architecture(batch_norm=True)
    statistics = objective.batch_statistics(theta)
    z = X @ spec.blocks["W[1]"].of(theta)
    mean = np.average(z, axis=0, weights=weight)
    variance = np.average((z - mean) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(spec.statistics["mean[1]"].of(statistics), mean, rtol=1e-12)
    np.testing.assert_allclose(spec.statistics["variance[1]"].of(statistics), variance, rtol=1e-12)
    # The result is a copy, and the next call starts anew, even after a variance that overflows.
    assert np.isinf(objective.batch_statistics(theta * 1e200)).any()
    np.testing.assert_allclose(objective.batch_statistics(theta), statistics, rtol=1e-12)


@pytest.mark.parametrize("loss", ["log_loss", "binary_log_loss", "squared_error"])
def test_no_warning_where_theta_overflows(loss):
    objective, theta = objective_of(loss=loss)
    objective.value(1e200 * theta)
    objective.gradient(1e200 * theta)


def test_complex_step_works_on_a_float32_objective():
    rng = np.random.default_rng(0)
    spec = Architecture((3, 4, 2), "tanh", "squared_error", (0.0, 0.0), False)
    theta = spec.initial_parameters("auto", rng, np.float32)
    X, y = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    objective = Objective(spec, theta, X, y)
    step = np.zeros(len(theta), complex)
    step[2] = 1e-200j
    exact = objective.value(theta + step).imag / 1e-200
    assert exact == pytest.approx(objective.gradient(theta)[2], rel=1e-5)
    with pytest.raises(TypeError, match="theta must be real for a gradient"):
        objective.gradient(theta + step)


def peak_of_a_step(loss, batch_norm, width):
    """Bytes that one training step allocates at most at a time."""
    m, n_outputs = 256, 3
    rng = np.random.default_rng(0)
    spec = Architecture((50, width, width, n_outputs), "relu", loss, (0.0, 0.2, 0.2), batch_norm)
    theta = spec.initial_parameters("auto", rng, np.float32)
    network = Network(spec, theta, spec.initial_statistics(np.float32), m)
    X = rng.normal(size=(m, 50)).astype(np.float32)
    y = rng.integers(1, 3, m if loss == "log_loss" else (m, n_outputs))
    y = y if loss == "log_loss" else y.astype(np.float32)
    optimizer = OPTIMIZERS["adam"]()
    state = optimizer.init(theta)

    def step():
        network.draw_masks(rng, X)
        network.loss_and_gradient(X, y, None, 1 / m, 1e-6)
        network.update_running(0.1)
        optimizer.step(theta, network.grad, state)

    step()
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_training_step_allocates_nothing_of_a_layers_size(loss, batch_norm):
    narrow, wide = (peak_of_a_step(loss, batch_norm, width) for width in (256, 512))
    assert narrow < 60_000  # NumPy's own casting buffers
    assert wide - narrow < 10_000  # a layer of the wide net takes 262,144 bytes more
