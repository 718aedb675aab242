"""``input_scale``: a learned factor of each input, in front of the first layer."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_gradients, check_signals
from sknn_opt.optim import Adam
from sknn_opt.tables.recipe import input_factors

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
SPARSE = csr_array(np.where(X > 0, X, 0))
AMOUNTS = load_diabetes(return_X_y=True)


def network(**parameters):
    defaults = {"max_iter": 4, "batch_size": 50, "learning_rate_init": 0.02, "random_state": 0}
    own = {"hidden_layer_sizes": (6,), "input_scale": True}
    return MLPClassifier(**defaults | own | parameters)


def block(net, name):
    return net.blocks_[name].of(net.theta_)


def test_it_starts_as_the_network_without():
    plain, scaled = (network(input_scale=s).objective(X, Y) for s in (False, True))
    scale = scaled.blocks["scale[1]"]
    assert scale.shape == (4,)
    assert (scale.of(scaled.theta) == 1).all()
    assert np.array_equal(np.delete(scaled.theta, scale.slice), plain.theta)
    assert scaled.value(scaled.theta) == plain.value(plain.theta)
    assert scaled.n_decayed == plain.n_decayed  # no penalty on it


@pytest.mark.parametrize("hidden", [(), (6,)])
def test_the_gradient_is_that_of_the_chain_rule(hidden):
    """J(W, s) is J of a plain network at diag(s) W: dJ/dW = s ⊙ G, dJ/ds = Σ W ⊙ G."""
    plain, scaled = (
        network(hidden_layer_sizes=hidden, input_scale=s, alpha=0).objective(X, Y)
        for s in (False, True)
    )
    theta = scaled.theta + 0.3 * np.random.default_rng(0).normal(size=scaled.theta.size)
    s, W = (scaled.blocks[name].of(theta) for name in ("scale[1]", "W[1]"))
    folded = np.delete(theta, scaled.blocks["scale[1]"].slice)
    plain.blocks["W[1]"].of(folded)[...] = s[:, np.newaxis] * W
    G, found = plain.gradient(folded), scaled.gradient(theta)
    np.testing.assert_allclose(scaled.value(theta), plain.value(folded), rtol=1e-13)
    G1 = plain.blocks["W[1]"].of(G)
    for name in plain.blocks:
        expected = s[:, np.newaxis] * G1 if name == "W[1]" else plain.blocks[name].of(G)
        np.testing.assert_allclose(scaled.blocks[name].of(found), expected, atol=1e-14)
    of_scale = scaled.blocks["scale[1]"].of(found)
    np.testing.assert_allclose(of_scale, (W * G1).sum(axis=1), atol=1e-14)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"batch_norm": True},
        {"input_dropout": 0.3, "dropout": 0.2},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (5, 5), "activation": "tanh", "batch_norm": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("data", [X, SPARSE], ids=["dense", "sparse"])
def test_the_gradients_are_correct(parameters, data):
    net, weight = network(**parameters), np.linspace(0.5, 2, 150)
    report = check_gradients(net.fit(data, Y), data, Y, sample_weight=weight)
    assert report.passed, report
    assert any(each.block == "scale[1]" for point in report.points for each in point.blocks)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "lbfgs"])
def test_it_is_trained_and_folded_into_the_weights(solver, dtype):
    net = network(solver=solver, dtype=dtype, batch_norm=solver == "sgd").fit(X, Y)
    scale = block(net, "scale[1]")
    assert scale.dtype == dtype
    assert np.abs(scale - 1).max() > 1e-3
    z = X.astype(dtype) * scale @ block(net, "W[1]")
    if not net.batch_norm:
        np.testing.assert_allclose(net.coefs_[0], scale[:, np.newaxis] * block(net, "W[1]"))
        np.testing.assert_allclose(
            net.activations(X), np.maximum(z + net.intercepts_[0], 0), rtol=2e-4, atol=1e-5
        )


def test_sparse_and_dense_inputs_give_the_same():
    nets = [network(dtype="float64").fit(data, Y) for data in (SPARSE, SPARSE.toarray())]
    np.testing.assert_allclose(nets[0].theta_, nets[1].theta_, rtol=1e-9)
    np.testing.assert_allclose(*(n.predict_proba(SPARSE) for n in nets), rtol=1e-9)


def test_weights_are_repetitions():
    weight = np.arange(150) % 3
    net = network(batch_size=500, dtype="float64")
    by_weight, rows = net.fit(X, Y, weight).theta_.copy(), np.repeat(np.arange(150), weight)
    assert np.array_equal(clone(net).fit(X[rows], Y[rows]).theta_, by_weight)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_coefs_can_be_set(batch_norm):
    net = network(batch_norm=batch_norm, dtype="float64").fit(X, Y)
    expected, scale = net.predict_proba(X), block(net, "scale[1]").copy()
    coefs = [2 * W for W in net.coefs_]
    net.coefs_ = coefs
    for given, found in zip(coefs, net.coefs_, strict=True):
        np.testing.assert_allclose(found, given, rtol=1e-12)
    assert np.array_equal(block(net, "scale[1]"), scale)
    net.coefs_ = [W / 2 for W in coefs]
    np.testing.assert_allclose(net.predict_proba(X), expected, rtol=1e-10)


def test_coefs_of_an_input_that_is_switched_off_cannot_be_set():
    net = network().fit(X, Y)
    theta = net.theta_.copy()
    net.blocks_["scale[1]"].of(theta)[2] = 0
    net.theta_ = theta
    coefs = net.coefs_
    assert (coefs[0][2] == 0).all()
    net.coefs_ = [2 * W for W in coefs]  # those of 0 stay
    with pytest.raises(ValueError, match=r"input_scale multiplies the weights of input 2 by 0, wh"):
        net.coefs_ = [W + 1 for W in coefs]


def test_weights_that_are_shown_cannot_be_changed_in_place():
    net = network().fit(X, Y)
    with pytest.raises(ValueError, match="read-only"):
        net.theta_[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        net.coefs_[0][:] = 0


def test_streams_warm_starts_and_pickles():
    net = network(warm_start=True, average=0.9, early_stopping=True)
    for _ in range(3):
        net.partial_fit(X, Y, classes=[0, 1, 2])
    thawed = pickle.loads(pickle.dumps(net))
    assert np.array_equal(thawed.predict_proba(X), net.predict_proba(X))
    assert np.array_equal(net.partial_fit(X, Y).theta_, thawed.partial_fit(X, Y).theta_)
    assert np.array_equal(net.fit(X, Y).theta_, thawed.fit(X, Y).theta_)
    with pytest.raises(ValueError, match="input_scale was True and is now False"):
        net.set_params(input_scale=False).fit(X, Y)


def test_classes_that_turn_up_later():
    net = network(hidden_layer_sizes=()).partial_fit(X[:100], Y[:100], classes=[0, 1])
    before = net.predict_proba(X[:100])
    net.partial_fit(X[:1], Y[:1], classes=[0, 1, 2])
    np.testing.assert_allclose(net.predict_proba(X[:100])[:, :2], before, atol=0.1)


def test_a_stream_of_targets_in_other_units_makes_no_jump():
    X, y = AMOUNTS
    net = MLPRegressor((), input_scale=True, random_state=0, learning_rate=lambda time: 0.0)
    net.partial_fit(X[:100], y[:100])
    before = net.predict(X)
    net.partial_fit(X[100:], 1.5 * y[100:])
    np.testing.assert_allclose(net.predict(X), before, rtol=1e-4)


def test_signals_are_those_that_the_scales_let_through():
    net = network()
    report = check_signals(net.fit(X, Y), X, Y)
    at_fit = report.points[-1]
    z = X @ net.coefs_[0] + net.intercepts_[0]
    assert at_fit.layers[0].z_rms == pytest.approx(np.sqrt(np.mean(z**2)), rel=1e-5)
    assert at_fit.layers[0].weight_norm == pytest.approx(np.linalg.norm(block(net, "W[1]")))


def test_a_learning_rate_of_its_own():
    net = network(solver=Adam(layer_rates={"scale": 0}))
    assert (block(net.fit(X, Y), "scale[1]") == 1).all()


def test_clones_and_searches():
    search = GridSearchCV(network(), {"input_scale": [False, True]}, cv=2).fit(X, Y)
    assert search.best_params_["input_scale"] in (False, True)
    with pytest.raises(ValueError, match="'input_scale' parameter of MLPClassifier must be"):
        network(input_scale="yes").fit(X, Y)


FACTORS = np.array([1.0, 0.5, 0.0, 2.0])


@pytest.mark.parametrize("init", ["auto", "data"])
def test_factors_are_those_of_the_inputs(init):
    """The same network on X times the factors, whatever its parameters are."""
    here = network(input_scale=FACTORS, init=init).objective(X, Y)
    there = network(init=init).objective(X * FACTORS, Y)
    if init == "auto":
        np.testing.assert_array_equal(here.theta, there.theta)
    theta = here.theta + 0.3 * np.random.default_rng(0).normal(size=here.theta.size)
    np.testing.assert_allclose(here.value(theta), there.value(theta), rtol=1e-13)
    expected = there.gradient(theta)
    np.testing.assert_allclose(here.gradient(theta), expected, atol=1e-14)


@pytest.mark.parametrize("options", [{}, {"batch_norm": True}, {"solver": "lbfgs"}])
@pytest.mark.parametrize("data", [X, SPARSE], ids=["dense", "sparse"])
def test_an_input_that_is_left_out_says_nothing(options, data):
    net = network(input_scale=FACTORS, **options).fit(data, Y)
    other = data.copy()
    if data is X:
        other[:, 2] = 99
        np.testing.assert_array_equal(net.predict_proba(other), net.predict_proba(data))
    assert (net.coefs_[0][2] == 0).all()
    assert (block(net, "scale[1]")[2] == 1).all()
    loaded = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(loaded.predict_proba(data), net.predict_proba(data))
    for each in (net, loaded):
        each.set_params(warm_start=True).fit(data, Y)
    np.testing.assert_array_equal(net.theta_, loaded.theta_)
    assert check_gradients(net, data[::5], Y[::5]).passed


def test_members_see_inputs_of_their_own():
    factors = input_factors(np.array([False, False, True, True]), 3)
    np.testing.assert_array_equal(factors, [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]])
    net = network(n_members=3, input_scale=factors, init="data").fit(X, Y)
    other = X.copy()
    other[:, 2:] = 9
    same = (net.member_predictions(X) == net.member_predictions(other)).all(axis=(1, 2))
    np.testing.assert_array_equal(same, [True, True, False])
    assert check_gradients(net, X[::5], Y[::5]).passed


@pytest.mark.parametrize("wrong", [[1.0, 2.0], np.ones((2, 4)), [1, 2, 3, np.nan], [["a"] * 4]])
def test_factors_that_are_none(wrong):
    with pytest.raises(ValueError, match=r"input_scale must be True, False or an array of finite"):
        network(input_scale=wrong).fit(X, Y)


def test_other_factors_in_a_warm_start():
    net = network(input_scale=FACTORS, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"input_scale was \(1.0, 0.5, 0.0, 2.0\) and is now True"):
        net.set_params(input_scale=True).fit(X, Y)
