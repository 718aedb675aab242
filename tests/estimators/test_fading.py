"""Dropout and weight decay that follow a schedule."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_gradients, check_signals
from sknn_opt.nn.network import Network
from sknn_opt.optim import AdamW, FadeOut, TrainingTime

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)


STEPS = np.arange(12) / 12  # of four epochs of three batches


def network(**parameters):
    defaults = {"max_iter": 4, "batch_size": 50, "random_state": 0}
    return MLPClassifier((60,), **defaults | parameters)


def always(value):
    return lambda time: value


def linear(time):
    return 0.5 * time.fraction


@pytest.mark.parametrize("name", ["dropout", "input_dropout", "weight_decay"])
@pytest.mark.parametrize("schedule", [FadeOut(0.3, start=1.0), always(0.3)], ids=["object", "def"])
def test_one_that_stays_trains_the_same_bits(name, schedule):
    plain, follows = (network(solver="adamw", **{name: value}) for value in (0.3, schedule))
    assert np.array_equal(plain.fit(X, Y).theta_, follows.fit(X, Y).theta_)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"dropout": FadeOut(0.6)}, [0.3 * (1 + np.cos(np.pi * np.clip(STEPS * 2 - 1, 0, 1)))]),
        ({"dropout": [linear]}, [STEPS / 2]),
        ({"input_dropout": linear, "dropout": [0.2]}, [STEPS / 2, [0.2] * 12]),
    ],
    ids=["falls", "rises", "by layer"],
)
@pytest.mark.parametrize("convert", [np.asarray, csr_array])
def test_the_masks_of_each_step(parameters, expected, convert, monkeypatch):
    drops, draw = [], Network.draw_masks

    def note(self, rng, X):
        draw(self, rng, X)
        drops.append([np.mean(layer.mask[: X.shape[0]] == 0) for layer in self.dropouts])

    monkeypatch.setattr(Network, "draw_masks", note)
    big = convert(np.tile(X, (10, 10)))
    network(batch_size=500, **parameters).fit(big, np.tile(Y, 10))
    assert len(drops) == 12
    np.testing.assert_allclose(np.transpose(drops), expected, atol=0.03)


@pytest.mark.parametrize("by_object", [True, False])
def test_the_decay_of_each_step(by_object):
    schedule = FadeOut(0.5)
    solver = AdamW(0.1, weight_decay=schedule, layer_rates={"W": 0, "b": 0})
    one_epoch = {"max_iter": 1, "batch_size": 15}  # the best of several would be kept
    net = network(solver=solver, **one_epoch)
    start = net.objective(X, Y).theta
    factor = np.prod([1 - 0.1 * schedule(TrainingTime(1.0, 1, k / 10)) for k in range(10)])
    if not by_object:  # no step but the decay: no learning rate is left for the rest
        net = network(solver="adamw", weight_decay=schedule, learning_rate_init=0.1)
        net.set_params(max_grad_norm=1e-30, epsilon=1.0, **one_epoch)
    n = net.fit(X, Y).blocks_["W[2]"].slice.stop
    np.testing.assert_allclose(net.theta_[:n], start[:n] * factor, rtol=1e-5)


def test_streams_follow_them_over_max_iter_calls():
    seen = []

    def note(time):
        seen.append(time.fraction)
        return 0.2

    net = network(dropout=note, solver="adamw", weight_decay=FadeOut(0.1))
    for _ in range(5):
        net.partial_fit(X, Y, classes=[0, 1, 2])
    assert sorted({round(p, 6) for p in seen}) == [round(min(1, k / 12), 6) for k in range(13)]


@pytest.mark.parametrize(
    "parameters",
    [
        {"batch_norm": True},
        {"early_stopping": True},
        {"average": 0.9},
        {"warm_start": True},
        {"dtype": "float64"},
    ],
    ids=lambda p: next(iter(p)),
)
def test_with_other_parameters(parameters):
    net = network(dropout=FadeOut(0.2), input_dropout=FadeOut(0.1), **parameters)
    net.set_params(solver=AdamW(0.01, weight_decay=FadeOut(0.1)), max_iter=8)
    assert net.fit(X, Y).score(X, Y) > 0.6
    thawed = pickle.loads(pickle.dumps(net))
    assert np.array_equal(net.fit(X, Y).theta_, thawed.fit(X, Y).theta_)


def test_the_objective_and_its_checks_have_the_first_value():
    net = network(dropout=FadeOut(0.4), solver=AdamW(weight_decay=FadeOut(0.1)))
    plain = network(dropout=0.4, solver=AdamW(weight_decay=0.1))
    theta = plain.objective(X, Y).theta
    assert net.objective(X, Y).value(theta) == plain.objective(X, Y).value(theta)
    assert check_gradients(net, X[::5], Y[::5]).passed
    ratios = [check_signals(each, X, Y).layers[0].update_ratio for each in (net, plain)]
    assert ratios[0] == ratios[1]


def test_clones_and_searches():
    net = network(dropout=FadeOut(0.2))
    assert clone(net).dropout == FadeOut(0.2)
    search = GridSearchCV(net, {"dropout": [0.1, FadeOut(0.1), [FadeOut(0.3)]]}, cv=2).fit(X, Y)
    assert search.best_params_["dropout"] in (0.1, FadeOut(0.1), [FadeOut(0.3)])


def test_other_solvers_have_no_use_for_a_decay():
    plain, other = (network(solver="sgd", weight_decay=d).fit(X, Y) for d in (0.1, FadeOut(0.1)))
    assert np.array_equal(plain.theta_, other.theta_)
    MLPRegressor((3,), solver="lbfgs", weight_decay=FadeOut(0.1), max_iter=3).fit(X, Y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dropout": FadeOut}, r"dropout=FadeOut is a class; it must be an object.*a number"),
        ({"dropout": FadeOut(1.5)}, r"returned 1.5 for epoch 0; it must return a number in \[0, 1"),
        ({"dropout": lambda time: time.epoch}, "returned 1.0 for epoch 1; it must return a number"),
        ({"dropout": [FadeOut(0.1)] * 2}, "one rate for each of the 1 hidden layers; got a list"),
        ({"dropout": [None]}, "dropout must be one rate"),
        ({"dropout": ["0.1"]}, "dropout must be one rate"),
        (
            {"weight_decay": always(-1), "solver": "adamw"},
            "returned -1 for epoch 0; it must return",
        ),
        ({"dropout": FadeOut(0.1), "solver": "lbfgs"}, "dropout needs a minibatch solver"),
    ],
)
def test_what_is_refused(parameters, message):
    net = network().fit(X, Y)
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        net.set_params(**parameters).fit(X, Y)
    assert np.array_equal(net.predict_proba(X), before)


def test_without_an_estimator_a_decay_is_a_number():
    optimizer = AdamW(weight_decay=FadeOut(0.1))
    with pytest.raises(ValueError, match=r"weight_decay=FadeOut\(.*\) of AdamW needs a network"):
        optimizer.step(np.ones(2), np.ones(2), optimizer.init(np.ones(2)))
