"""Learning rates by layer: which parts of θ get which factor, and what training makes of them."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from sknn_opt import InputNormalizer, MLPClassifier, check_signals
from sknn_opt.estimators.layer_rates import segments_of
from sknn_opt.nn.network import Architecture
from sknn_opt.optim import SGD, Adam, AdamW, RMSprop

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
RECIPE = {"W": "fan_in", "b": 0.1}


def network(**parameters):
    return MLPClassifier((6,), batch_size=50, **{"max_iter": 4, "random_state": 0} | parameters)


def blocks(*n_units, batch_norm=False):
    zeros = (0.0,) * (len(n_units) - 1)
    return Architecture(n_units, "relu", "log_loss", zeros, batch_norm).blocks


def test_segments_cover_theta_and_neighbors_are_merged():
    assert segments_of(RECIPE, blocks(4, 9, 9, 3)) == [
        (slice(0, 36), 8.0),
        (slice(36, 36 + 81 + 27), 16 / 3),
        (slice(144, 144 + 9 + 9 + 3), 0.1),
    ]


def test_one_factor_is_one_segment():
    assert segments_of({}, blocks(4, 9, 3)) == [(slice(0, 75), 1.0)]


def test_a_layer_goes_before_its_kind():
    found = segments_of({"W": 2, "W[2]": 3, "b[1]": 0}, blocks(2, 3, 1))
    assert [factor for _, factor in found] == [2.0, 3.0, 0.0, 1.0]


def test_fan_in_of_other_blocks_is_that_of_their_layer():
    found = segments_of({"gamma": "fan_in", "beta": 0.5}, blocks(4, 9, 3, batch_norm=True))
    assert [factor for _, factor in found] == [1.0, 8.0, 0.5, 1.0]


def test_a_kind_may_be_missing():
    assert segments_of({"gamma": 3.0}, blocks(4, 9, 3)) == [(slice(0, 75), 1.0)]


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"bias": 0.1}, r"layer_rates has 'bias', which is no block of .* Did you mean 'b'\?"),
        ({"w[1]": 0.1}, r"one of W\[1\], W\[2\], b\[1\], b\[2\]. Did you mean 'W\[1\]'\?"),
        ({"gama": 0.1}, r"Did you mean 'gamma'\?"),
        ({"W[3]": 0.1}, r"layer_rates has 'W\[3\]'"),
        ({3: 0.1}, "layer_rates has 3"),
        ({"W": -1}, r"layer_rates\['W'\] must be a number >= 0 or 'fan_in'; got -1"),
        ({"W": np.inf}, "got inf"),
        ({"W": "fan_out"}, "got 'fan_out'"),
        ([0.1, 0.2], "must be a dict of names of blocks and factors"),
    ],
)
def test_what_is_refused(rates, message):
    net = network().fit(X, Y)
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        net.set_params(solver=Adam(layer_rates=rates)).fit(X, Y)
    assert np.array_equal(net.predict_proba(X), before)


@pytest.mark.parametrize("optimizer", [SGD, RMSprop, Adam])  # AdamW decays by the rate of all
def test_a_factor_of_all_is_a_learning_rate(optimizer):
    kinds = dict.fromkeys(("W", "b"), 2.0)
    by_factor = network(solver=optimizer(0.005, layer_rates=kinds)).fit(X, Y)
    assert np.array_equal(by_factor.theta_, network(solver=optimizer(0.01)).fit(X, Y).theta_)


def test_no_rates_change_no_bits():
    plain, by_layer = (network(solver=AdamW(layer_rates=r)).fit(X, Y) for r in (None, {}))
    assert np.array_equal(plain.theta_, by_layer.theta_)


def test_a_layer_of_factor_0_stays():
    net = network(solver=Adam(layer_rates={"W[1]": 0, "b[1]": 0}))
    start = net.objective(X, Y).theta.astype(np.float32)
    net.fit(X, Y)
    for name, block in net.blocks_.items():
        stays = np.array_equal(block.of(net.theta_), block.of(start))
        assert stays == name.endswith("[1]"), name


def test_decay_goes_by_the_rate_of_all():
    solver = AdamW(0.1, weight_decay=0.5, layer_rates={"W": 0, "b": 0})
    net = network(solver=solver, max_iter=1)
    start = net.objective(X, Y).theta
    net.fit(X, Y)
    n = net.blocks_["W[2]"].slice.stop
    np.testing.assert_allclose(net.theta_[:n], start[:n] * 0.95**3, rtol=1e-5)
    np.testing.assert_allclose(net.theta_[n:], start[n:], rtol=1e-5)


@pytest.mark.parametrize(
    "parameters", [{"batch_norm": True}, {"dtype": "float64"}, {"average": 0.9}]
)
def test_with_other_parameters(parameters):
    rates = RECIPE | {"gamma": 2.0}
    net = network(solver=AdamW(0.01, layer_rates=rates), early_stopping=True, **parameters)
    assert net.fit(X, Y).score(X, Y) > 0.6


def test_streams_warm_starts_and_pickles_go_on_with_them():
    net = network(solver=Adam(layer_rates=RECIPE), warm_start=True).fit(X, Y)
    thawed = pickle.loads(pickle.dumps(net))
    assert np.array_equal(net.fit(X, Y).theta_, thawed.fit(X, Y).theta_)
    assert np.array_equal(net.partial_fit(X, Y).theta_, thawed.partial_fit(X, Y).theta_)
    assert clone(net).solver == Adam(layer_rates=RECIPE)


def test_a_search_over_them():
    grid = {"solver": [Adam(layer_rates=rates) for rates in (None, RECIPE)]}
    search = GridSearchCV(network(), grid, cv=2).fit(X, Y)
    assert search.best_params_["solver"] in grid["solver"]


def test_the_first_step_that_check_signals_shows_goes_by_them():
    ratios = []
    for factor in (1.0, 3.0):
        net = network(solver=Adam(layer_rates={"W[2]": factor}))
        ratios.append([layer.update_ratio for layer in check_signals(net, X, Y).layers])
    np.testing.assert_allclose(ratios[1], np.multiply(ratios[0], [1, 3]), rtol=1e-6)
