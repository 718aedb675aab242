"""``init="data"``: weights and biases that follow from the rows."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_gradients, check_signals
from sknn_opt.nn.activations import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
TARGET = InputNormalizer().fit_transform(load_diabetes().data), load_diabetes().target
SPARSE = csr_array(np.where(X > 3, X, 0))
WEIGHT = np.arange(150) % 4 * 0.5


def network(**parameters):
    own = {"hidden_layer_sizes": (30, 20), "init": "data", "random_state": 0, "max_iter": 3}
    return MLPClassifier(**own | parameters)


def start(net, X, y, weight=None):
    """Blocks by name, before the first step."""
    objective = net.objective(X, y, weight)
    return {name: block.of(objective.theta) for name, block in objective.blocks.items()}


def activate(name, z):
    z = z.copy()
    ACTIVATIONS[name].forward(z, *np.empty((ACTIVATIONS[name].n_scratch, *z.shape)))
    return z


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("data", [X, SPARSE], ids=["dense", "sparse"])
@pytest.mark.parametrize("activation", ["relu", "silu", "logistic"])
def test_deviations_are_1_and_units_bend_at_rows(activation, data, weight):
    theta = start(network(activation=activation), data, Y, weight)
    share = np.ones(150) if weight is None else weight
    a = data.toarray() if data is SPARSE else data
    for layer in (1, 2):
        z = a @ theta[f"W[{layer}]"]
        _, deviation = moments(z, share)
        np.testing.assert_allclose(deviation, 1, rtol=1e-9)
        distance = np.abs(z + theta[f"b[{layer}]"])[share > 0]
        assert (distance.min(axis=0) < 1e-9).all()
        assert len(np.unique(distance.argmin(axis=0))) > 10  # at rows of their own
        a = activate(activation, z + theta[f"b[{layer}]"])
    z = a @ theta["W[3]"]
    assert np.sqrt(np.mean(moments(z, share)[1] ** 2)) == pytest.approx(1)
    assert (theta["b[3]"] == 0).all()


def moments(z, weight):
    mean = np.average(z, axis=0, weights=weight)
    return mean, np.sqrt(np.average((z - mean) ** 2, axis=0, weights=weight))


def test_with_batch_norm_beta_takes_the_part_of_the_bias():
    theta = start(network(batch_norm=True, activation="tanh"), X, Y)
    z = X @ theta["W[1]"]
    normalized = (z - z.mean(axis=0)) / z.std(axis=0)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-9)
    assert (theta["gamma[1]"] == 1).all()
    distance = np.abs(normalized + theta["beta[1]"])
    assert (distance.min(axis=0) < 1e-9).all()


def test_input_scales_start_at_1():
    plain, scaled = (start(network(input_scale=s), X, Y) for s in (False, True))
    assert (scaled.pop("scale[1]") == 1).all()
    assert all(np.array_equal(scaled[name], plain[name]) for name in plain)


def test_rows_of_weight_0_do_not_matter():
    big = np.where(WEIGHT[:, np.newaxis] == 0, 1e6, X)
    first, second = (start(network(), data, Y, WEIGHT) for data in (X, big))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_neither_does_their_order_nor_whether_they_are_repeated_or_weighted():
    weight, order = np.arange(150) % 3, np.random.default_rng(0).permutation(150)
    rows = np.repeat(order, weight[order])
    net = network(batch_size=500, dtype="float64")
    theta = net.fit(X, Y, weight).theta_.copy()
    np.testing.assert_allclose(clone(net).fit(X[rows], Y[rows]).theta_, theta, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-20, 1e-4, 1e6, 1e15])
def test_the_scale_of_the_inputs_does_not_matter(scale):
    plain, theta = (start(network(), A, Y) for A in (X, X * scale))
    np.testing.assert_allclose(theta["W[1]"] * scale, plain["W[1]"], rtol=1e-9)
    z = X * scale @ theta["W[1]"] + theta["b[1]"]
    assert (np.abs(z).min(axis=0) < 1e-9).all()


HOSTILE = {
    "constant columns": np.column_stack([X, np.full((150, 3), 7.1)]),
    "all constant": np.full((150, 3), 7.1),
    "zeros": np.zeros((150, 3)),
    "tiny": X * 1e-60,
    "huge": X * 1e30,
    "equal rows": np.tile(X[:1], (150, 1)),
    "a rare flag": np.eye(150)[:, :2],
    "sparse zeros": csr_array((150, 3)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_there_is_no_nan(name, batch_norm, dtype):
    net = network(batch_norm=batch_norm, dtype=dtype, learning_rate=lambda time: 0.0)
    net.fit(HOSTILE[name], Y)
    assert np.isfinite(net.theta_).all()
    assert np.abs(net.intercepts_[0]).max() < 1e30
    assert np.isfinite(net.predict_proba(HOSTILE[name])).all()


def test_one_row_has_no_deviation():
    net = network(hidden_layer_sizes=(400,)).partial_fit(X[:1], Y[:1], classes=[0, 1, 2])
    W = net.coefs_[0]
    assert W.std() == pytest.approx(1 / 2, rel=0.1)  # 1 / √n_in
    for row in range(1, 150):
        net.partial_fit(X[row : row + 1], Y[row : row + 1])
    assert np.isfinite(net.theta_).all()


def test_a_stream_starts_from_its_first_rows_alone():
    nets = [network(learning_rate=lambda time: 0.0) for _ in range(2)]
    for net, last in zip(nets, (X[:50], 100 * X[:50]), strict=True):
        net.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(last, Y[:50])
    assert np.array_equal(nets[0].theta_, nets[1].theta_)
    theta = start(network(), X, Y)
    np.testing.assert_allclose(nets[0].coefs_[0], theta["W[1]"], rtol=1e-5)


def test_rows_that_are_held_out_have_no_say():
    net = network(early_stopping=True, validation_fraction="last")
    net.set_params(learning_rate=lambda time: 0.0)
    first = net.fit(X, Y).theta_.copy()
    other = X.copy()
    other[135:] *= 50
    assert np.array_equal(clone(net).fit(other, Y).theta_, first)


def test_the_average_starts_there_too():
    still = {"learning_rate": lambda time: 0.0}
    plain, average = (network(average=d, **still).fit(X, Y) for d in (0.0, 0.9))
    np.testing.assert_allclose(average.theta_, plain.theta_, rtol=1e-5)


def test_a_warm_start_keeps_what_it_has():
    net = network(warm_start=True).fit(X, Y)
    theta = net.theta_.copy()
    net.set_params(learning_rate=lambda time: 0.0).fit(10 * X, Y)
    assert np.array_equal(net.theta_, theta)


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "poisson"},
        {"loss": "quantile", "quantile": [0.1, 0.9]},
        {"solver": "lbfgs"},
        {"hidden_layer_sizes": ()},
        {"early_stopping": True},
    ],
    ids=str,
)
def test_regressors(parameters):
    A, y = TARGET
    own = {"hidden_layer_sizes": (20,), "init": "data", "random_state": 0, "max_iter": 60}
    net = MLPRegressor(**own | {"learning_rate_init": 0.01} | parameters).fit(A, y)
    assert net.score(A, y) > 0.1
    objective = MLPRegressor(**own | parameters).objective(A, y)
    assert np.isfinite(objective.value(objective.theta))
    assert objective.value(objective.theta) < 20


def test_same_seed_same_bits_and_pickles():
    net = network(dropout=0.1).fit(X, Y)
    assert np.array_equal(clone(net).fit(X, Y).theta_, net.theta_)
    assert not np.array_equal(clone(net).set_params(random_state=1).fit(X, Y).theta_, net.theta_)
    thawed = pickle.loads(pickle.dumps(net))
    assert np.array_equal(thawed.partial_fit(X, Y).theta_, net.partial_fit(X, Y).theta_)


def test_its_signals_are_healthy_and_its_gradients_correct():
    A = InputNormalizer().fit_transform(X)
    deep = network(hidden_layer_sizes=(30,) * 8, activation="tanh")
    assert check_signals(deep, A, Y).passed
    assert check_gradients(network(batch_norm=True, input_scale=True), A[::5], Y[::5]).passed
    assert check_gradients(network(), SPARSE[::5], Y[::5]).passed


def test_large_sets_are_sampled():
    rng = np.random.default_rng(0)
    A, y = rng.normal(size=(5000, 3)), rng.integers(2, size=5000)
    z = A @ start(network(), A, y)["W[1]"]
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=0.1)
