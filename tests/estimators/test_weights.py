"""Weights that are set: they predict, training goes on from them, and nothing else changes."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
import sklearn.neural_network as theirs
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_gradients

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
RNG = np.random.default_rng(0)
STILL = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1e-9}  # training moves nothing
VARIANTS = [
    {},
    {"hidden_layer_sizes": (), "dtype": "float64"},
    {"hidden_layer_sizes": (6, 5), "dtype": "float64"},
    {"batch_norm": True},
    {"batch_norm": True, "dtype": "float64", "hidden_layer_sizes": (6, 5)},
    {"early_stopping": True},
    {"average": 0.9, "dropout": 0.2},
    {"solver": "lbfgs"},
]
STREAMS = [variant for variant in VARIANTS if variant.get("solver") != "lbfgs"]
variants = pytest.mark.parametrize("parameters", VARIANTS, ids=str)
streams = pytest.mark.parametrize("parameters", STREAMS, ids=str)


def classifier(**parameters):
    return MLPClassifier(
        **{"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0} | parameters
    )


def fitted(**parameters):
    return classifier(**parameters).fit(X, Y)


def stream(**parameters):
    net = classifier(**parameters)
    for _ in range(3):
        net.partial_fit(X, Y, classes=[0, 1, 2])
    return net


def others(net):
    """Weights of the same shapes."""
    return [[RNG.normal(size=a.shape) for a in arrays] for arrays in (net.coefs_, net.intercepts_)]


def by_hand(coefs, intercepts, X):
    """The raw outputs of a relu network."""
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        X = np.maximum(X @ W + b, 0)
    return X @ coefs[-1] + intercepts[-1]


def tolerance(net):
    return 200 * np.finfo(net.theta_.dtype).eps


MADE = [(fitted, parameters) for parameters in VARIANTS]
MADE += [(stream, parameters) for parameters in STREAMS]
made = pytest.mark.parametrize(
    ("make", "parameters"), MADE, ids=[f"{make.__name__}-{parameters}" for make, parameters in MADE]
)


class TestPrediction:
    @made
    def test_the_weights_that_are_set_predict(self, make, parameters):
        net = make(**parameters)
        coefs, intercepts = others(net)
        net.coefs_, net.intercepts_ = coefs, intercepts
        for given, found in ((coefs, net.coefs_), (intercepts, net.intercepts_)):
            for one, other in zip(given, found, strict=True):
                np.testing.assert_allclose(other, one, rtol=tolerance(net), atol=tolerance(net))
        z = by_hand(coefs, intercepts, X)
        close = partial(np.testing.assert_allclose, rtol=1e-4, atol=100 * tolerance(net))
        close(net.decision_function(X), z)
        close(net.decision_function(csr_array(X)), z)
        for twin in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net), copy.copy(net)):
            assert np.array_equal(twin.decision_function(X), net.decision_function(X))

    @variants
    def test_one_part_leaves_the_other(self, parameters):
        net = fitted(**parameters)
        coefs, intercepts = others(net)
        before = net.intercepts_
        net.coefs_ = coefs
        assert all(map(np.array_equal, net.intercepts_, before))
        before = net.coefs_
        net.intercepts_ = intercepts
        assert all(map(np.array_equal, net.coefs_, before))

    @variants
    def test_one_layer_of_the_list_is_set(self, parameters):
        net = fitted(**parameters)
        (W, *rest), (*_, b) = others(net)
        last = net.coefs_[1:]
        net.coefs_[0] = W
        net.intercepts_[-1] = b
        assert len(last) == len(rest)
        assert all(map(np.array_equal, net.coefs_[1:], last))
        np.testing.assert_allclose(net.coefs_[0], W, rtol=tolerance(net))
        np.testing.assert_allclose(net.intercepts_[-1], b, rtol=tolerance(net))

    def test_an_old_list_sets_its_layer_alone(self):
        net = stream()
        old = net.coefs_
        net.partial_fit(X, Y)
        now = net.coefs_[1]
        old[0] = old[0]
        assert np.array_equal(net.coefs_[1], now)
        assert np.shares_memory(old[1], net.theta_)

    def test_a_list_holds_no_estimator_when_it_is_copied(self):
        coefs = fitted().coefs_
        for copied in (pickle.loads(pickle.dumps(coefs)), copy.deepcopy(coefs), coefs[:], [*coefs]):
            assert type(copied) is list
            assert all(map(np.array_equal, copied, coefs))

    @variants
    def test_copies_and_old_arrays_stay(self, parameters):
        net = fitted(**parameters)
        twins = copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))
        before, old = net.predict_proba(X), [*net.coefs_, *net.intercepts_]
        values = [a.copy() for a in old]
        net.coefs_, net.intercepts_ = others(net)
        assert not np.array_equal(net.predict_proba(X), before)
        assert all(np.array_equal(twin.predict_proba(X), before) for twin in twins)
        assert all(map(np.array_equal, old, values))

    def test_the_users_arrays_are_copied(self):
        net = fitted()
        coefs, intercepts = others(net)
        net.coefs_, net.intercepts_, theta = coefs, intercepts, net.theta_.copy()
        net.theta_ = theta
        before = net.predict_proba(X)
        for array in (*coefs, *intercepts, theta):
            array[...] = 0
        assert np.array_equal(net.predict_proba(X), before)

    @variants
    def test_the_round_trip_of_a_plain_list(self, parameters):
        net, other = fitted(**parameters), fitted(**parameters | {"random_state": 1})
        weights = [*net.coefs_, *net.intercepts_]
        n_layers = len(weights) // 2
        other.coefs_, other.intercepts_ = weights[:n_layers], weights[n_layers:]
        expected = net.decision_function(X)
        np.testing.assert_allclose(other.decision_function(X), expected, rtol=1e-4, atol=1e-5)

    @variants
    def test_theta_and_statistics_carry_a_network_over_to_the_bit(self, parameters):
        net, other = fitted(**parameters), fitted(**parameters | {"random_state": 1})
        other.theta_, other.statistics_ = net.theta_, net.statistics_
        assert np.array_equal(other.predict_proba(X), net.predict_proba(X))

    def test_pruned_units_of_batch_norm(self):
        net = fitted(batch_norm=True)
        theta = net.theta_.copy()
        net.blocks_["gamma[1]"].of(theta)[2] = 0
        net.theta_ = theta
        assert not net.coefs_[0][:, 2].any()
        before = net.predict_proba(X)
        net.coefs_ = net.coefs_  # zero is what it is
        np.testing.assert_allclose(net.predict_proba(X), before, rtol=1e-5)
        with pytest.raises(ValueError, match=r"coefs_\[0\] cannot be set: .* unit 2 by 0 = gamma"):
            net.coefs_ = [W + 1 for W in net.coefs_]
        np.testing.assert_allclose(net.predict_proba(X), before, rtol=1e-5)


class TestTrainingGoesOn:
    @streams
    @pytest.mark.parametrize("make", [fitted, stream])
    def test_partial_fit(self, make, parameters):
        net = make(**parameters | STILL | {"batch_norm_momentum": 0.0})
        net.coefs_, net.intercepts_ = others(net)
        theta = net.theta_
        net.partial_fit(X, Y)
        np.testing.assert_allclose(net.theta_, theta, rtol=1e-4, atol=1e-5)

    @variants
    @pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
    def test_warm_start(self, solver, parameters):
        net = fitted(**parameters).set_params(warm_start=True, dropout=0, solver=solver)
        net.coefs_, net.intercepts_ = others(net)
        theta = net.theta_
        still = STILL if solver == "sgd" else {"solver": "lbfgs", "tol": 1e10}
        net.set_params(**still, max_iter=1).fit(X, Y)
        np.testing.assert_allclose(net.theta_, theta, rtol=1e-4, atol=1e-5)

    def test_early_stopping_forgets_the_score_of_other_weights(self):
        net = stream(early_stopping=True, n_iter_no_change=1, tol=0.5)
        assert net._training.n_stalled > 1  # the stream has stopped
        for attribute in ("theta_", "coefs_"):
            value = getattr(net, attribute)
            bad = [-W for W in value] if attribute == "coefs_" else -value
            setattr(net, attribute, bad)
            theta = net.theta_
            net.partial_fit(X, Y)
            assert not np.array_equal(net.theta_, theta)
            assert net.best_validation_score_ == net.validation_scores_[-1]

    def test_the_average_starts_anew(self):
        sgd = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1}
        net, plain = stream(average=0.99, **sgd), stream(**sgd)
        theta = RNG.normal(size=net.theta_.size)
        for model in (net, plain):
            model.theta_ = theta
            model.partial_fit(X, Y)
        expected = theta + (1 - 2 / 11) * (plain.theta_ - theta)  # as after any first step
        np.testing.assert_allclose(net.theta_, expected, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("solver", ["sgd", "rmsprop", "adam", "adamw"])
    def test_moments_are_forgotten(self, solver):
        """One step from the same weights is the same, whatever came before."""
        one, other = stream(solver=solver), fitted(solver=solver, batch_size=7)
        weights = others(one)
        for net in (one, other):
            net.set_params(batch_size=200, solver=solver)
            net.coefs_, net.intercepts_ = weights
            net.partial_fit(X, Y)
        np.testing.assert_allclose(one.theta_, other.theta_, rtol=1e-5, atol=1e-6)

    def test_what_is_set_survives_a_pickle_midway(self):
        net = stream(early_stopping=True, average=0.9)
        net.coefs_, net.intercepts_ = others(net)
        twin = pickle.loads(pickle.dumps(net))
        for model in (net, twin):
            model.partial_fit(X, Y).partial_fit(X, Y)
        assert np.array_equal(net.theta_, twin.theta_)
        assert net.best_validation_score_ == twin.best_validation_score_

    @variants
    def test_gradients_are_those_at_the_weights_set(self, parameters):
        net = fitted(**parameters)
        net.coefs_, net.intercepts_ = others(net)
        objective = net.objective(X, Y)
        np.testing.assert_allclose(objective.theta, net.theta_, rtol=1e-12)
        assert check_gradients(net, X, Y).passed

    @pytest.mark.parametrize(
        "parameters", [{}, {"early_stopping": True}, {"average": 0.9}], ids=str
    )
    def test_the_scale_of_a_stream_goes_on(self, parameters):
        """Predictions stay where they are while new rows change the units of the network."""
        net = MLPRegressor((6,), random_state=0, **STILL, **parameters).partial_fit(X, 100.0 * Y)
        net.coefs_, net.intercepts_ = others(net)
        before, theta = net.predict(X), net.theta_
        net.partial_fit(X[::-1], 1000.0 * Y + 7)
        assert not np.allclose(net.theta_, theta)
        np.testing.assert_allclose(net.predict(X), before, rtol=1e-4, atol=0.1)

    def test_clones_know_nothing(self):
        net = fitted()
        net.coefs_, net.intercepts_ = others(net)
        assert not hasattr(clone(net), "coefs_")
        assert np.array_equal(clone(net).fit(X, Y).theta_, fitted().theta_)

    def test_fit_starts_anew_without_warm_start(self):
        net = fitted()
        net.coefs_, net.intercepts_ = others(net)
        assert np.array_equal(net.fit(X, Y).theta_, fitted().theta_)

    def test_in_a_search_and_a_pipeline(self):
        pipe = make_pipeline(InputNormalizer(), classifier())
        search = GridSearchCV(pipe, {"mlpclassifier__alpha": [0, 1]}, cv=2).fit(X, Y)
        net = search.best_estimator_[-1]
        net.coefs_ = [0 * W for W in net.coefs_]
        assert np.ptp(search.predict_proba(X), axis=0).max() == 0

    def test_callbacks_see_the_weights_set(self):
        callback = pytest.importorskip("sklearn.callback")
        scores = callback.ScoringMonitor(scoring="accuracy")
        net = classifier(warm_start=True, **STILL | {"max_iter": 1}).fit(X, Y)
        net.set_callbacks(scores)
        net.coefs_, net.intercepts_ = others(net)
        expected = net.score(X, Y)
        net.fit(X, Y)
        assert net.score(X, Y) == expected


class TestWritingInPlace:
    @made
    @pytest.mark.parametrize(
        "duplicate",
        [lambda net: net, lambda net: pickle.loads(pickle.dumps(net)), copy.deepcopy],
        ids=["itself", "pickle", "deepcopy"],
    )
    def test_is_refused_or_not_lost(self, make, duplicate, parameters):
        """Neither in predictions nor in what is trained on."""
        net = duplicate(make(**parameters))
        net.predict(X)
        before, W = net.predict_proba(X), net.coefs_[0]
        if not W.flags.writeable:
            for array in (net.theta_, net.statistics_, *net.coefs_, *net.intercepts_):
                assert not array.flags.writeable
            return
        W *= -1
        assert not np.array_equal(net.predict_proba(X), before)
        if make is stream:
            theta = net.theta_
            net.set_params(**STILL).partial_fit(X, Y)
            np.testing.assert_allclose(net.theta_, theta, rtol=1e-4, atol=1e-5)

    def test_where_it_is_refused(self):
        writeable = [fitted(**parameters).theta_.flags.writeable for parameters in VARIANTS]
        assert writeable == [True, True, True, False, False, False, True, True]
        assert not stream(average=0.9).theta_.flags.writeable


class TestScikitLearn:
    """Weights of its MLP in ours, and back."""

    def same(self, ours, other, X, method="predict_proba"):
        ours.coefs_, ours.intercepts_ = other.coefs_, other.intercepts_
        expected = getattr(other, method)(X)
        np.testing.assert_allclose(getattr(ours, method)(X), expected, rtol=1e-10)
        back = copy.deepcopy(other)
        back.coefs_ = [np.zeros_like(W) for W in other.coefs_]
        back.coefs_ = [W.copy() for W in ours.coefs_]
        np.testing.assert_allclose(getattr(back, method)(X), expected, rtol=1e-10)

    @pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
    @pytest.mark.parametrize("labels", ["two", "three", "several"])
    def test_classifiers(self, activation, labels):
        table, y = (X, Y) if labels == "three" else (X[:100], Y[:100])
        if labels == "several":
            table, y = make_multilabel_classification(n_features=4, random_state=0)
        same = {"hidden_layer_sizes": (6, 5), "activation": activation, "max_iter": 3}
        other = theirs.MLPClassifier(**same).fit(table, y)
        self.same(MLPClassifier(**same, dtype="float64").fit(table, y), other, table)

    @pytest.mark.parametrize("y", [Y + 1.0, X[:, :2]], ids=["one output", "two outputs"])
    def test_regressors(self, y):
        other = theirs.MLPRegressor(hidden_layer_sizes=(6,), max_iter=3).fit(X, y)
        ours = MLPRegressor((6,), max_iter=1, normalize_target=False, dtype="float64").fit(X, y)
        self.same(ours, other, X, "predict")

    def test_single_precision(self):
        other = theirs.MLPClassifier((6,), max_iter=3).fit(X, Y)
        ours = classifier(max_iter=1).fit(X, Y)
        ours.coefs_, ours.intercepts_ = other.coefs_, other.intercepts_
        np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), rtol=1e-5)
        assert ours.theta_.dtype == np.float32

    def test_normalized_targets(self):
        """The network's units: mean and scale of the targets come after it."""
        net = MLPRegressor((6,), max_iter=3).fit(X, 100 * Y + 7)
        net.coefs_ = [0 * W for W in net.coefs_]
        net.intercepts_ = [0 * b for b in net.intercepts_]
        np.testing.assert_allclose(net.predict(X), (100 * Y + 7).mean(), rtol=1e-6)


def test_federated_averaging():
    parts = [np.arange(k, len(X), 3) for k in range(3)]
    clients = [MLPClassifier((10,), learning_rate_init=0.01, random_state=0) for _ in parts]
    for _ in range(100):
        for client, rows in zip(clients, parts, strict=True):
            client.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
        weights = [[*client.coefs_, *client.intercepts_] for client in clients]
        means = [np.mean(arrays, axis=0) for arrays in zip(*weights, strict=True)]
        for client in clients:
            client.coefs_, client.intercepts_ = means[:2], means[2:]
    assert clients[0].score(X, Y) > 0.9
    assert np.array_equal(clients[0].theta_, clients[2].theta_)


def change(i, array):
    """A function that replaces an array of a list."""
    return lambda arrays: [array if i == k else a for k, a in enumerate(arrays)]


class TestErrors:
    @pytest.mark.parametrize(
        ("attribute", "wrong", "message"),
        [
            ("coefs_", lambda c: c[:1], r"^coefs_ must be a list of 2 arrays, .* got 1\.$"),
            ("coefs_", lambda c: [*c, c[0]], "^coefs_ must be a list of 2 arrays, .* got 3"),
            ("coefs_", lambda c: 3.0, "^coefs_ must be a list of 2 arrays"),
            ("coefs_", lambda c: None, "^coefs_ must be a list of 2 arrays"),
            ("intercepts_", lambda c: [], "^intercepts_ must be a list of 2 arrays"),
            (
                "coefs_",
                change(1, np.ones((3, 6))),
                r"^coefs_\[1\] must have the shape \(6, 3\); got ",
            ),
            ("intercepts_", change(0, np.ones(1)), r"^intercepts_\[0\] must have the shape \(6,\)"),
            (
                "intercepts_",
                change(0, 0.0),
                r"^intercepts_\[0\] must have the shape \(6,\); got \(\)",
            ),
            ("intercepts_", change(1, [0, np.nan, 0]), r"^intercepts_\[1\] holds nan; .* finite"),
            ("intercepts_", change(1, [0, -np.inf, 0]), r"^intercepts_\[1\] holds -inf"),
            ("intercepts_", change(1, [0, 1e99, 0]), "holds 1e\\+99; .*float32.* beyond 3.4e\\+38"),
            (
                "coefs_",
                change(1, [list("abc")] * 6),
                r"^coefs_\[1\] must be an array of real numbers",
            ),
            ("coefs_", change(1, [[1], [2, 3]]), r"^coefs_\[1\] must be an array of real numbers"),
            ("coefs_", change(1, np.full((6, 3), 1j)), r"^coefs_\[1\] must be an array of real"),
            (
                "theta_",
                lambda theta: theta[1:],
                r"^theta_ must have the shape \(51,\); got \(50,\)",
            ),
            ("theta_", lambda theta: theta * np.nan, "^theta_ holds nan"),
            ("statistics_", lambda s: [1.0], r"^statistics_ must have the shape"),
        ],
    )
    @pytest.mark.parametrize("batch_norm", [False, True])
    def test_the_model_before_still_predicts(self, attribute, wrong, message, batch_norm):
        if batch_norm and attribute == "theta_":
            message = message.replace("51", "57").replace("50", "56")
        net = fitted(batch_norm=batch_norm)
        before, state = net.predict_proba(X), vars(net).copy()
        with pytest.raises(ValueError, match=message):
            setattr(net, attribute, wrong(getattr(net, attribute)))
        assert vars(net) == state
        assert np.array_equal(net.predict_proba(X), before)

    def test_a_wrong_layer_of_the_list(self):
        net = fitted()
        coefs = net.coefs_
        before = [W.copy() for W in coefs]
        with pytest.raises(ValueError, match=r"coefs_\[0\] must have the shape"):
            coefs[0] = np.ones(3)
        with pytest.raises(IndexError):
            coefs[2] = np.ones(3)
        assert all(map(np.array_equal, coefs, before))
        assert all(map(np.array_equal, net.coefs_, before))

    def test_beyond_1e100(self):
        net = fitted(dtype="float64")
        with pytest.raises(ValueError, match="holds 1e\\+101; .*not beyond 1e\\+100"):
            net.theta_ = np.full_like(net.theta_, 1e101)

    def test_a_negative_variance(self):
        net = fitted(batch_norm=True)
        with pytest.raises(ValueError, match=r"statistics_ has a negative variance\[1\]"):
            net.statistics_ = -net.statistics_ - 1

    @pytest.mark.parametrize("attribute", ["coefs_", "intercepts_", "theta_", "statistics_"])
    @pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
    def test_not_fitted_yet(self, cls, attribute):
        net = cls()
        assert not hasattr(net, attribute)
        with pytest.raises(NotFittedError, match=f"^This {cls.__name__} is not fitted yet"):
            setattr(net, attribute, [np.ones((4, 3))])
        assert set(vars(net)) == set(net.get_params())
