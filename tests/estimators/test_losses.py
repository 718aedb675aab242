"""Losses as users choose them: they predict what they say, and their gradients are right."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import GammaRegressor, HuberRegressor, QuantileRegressor
from sklearn.metrics import get_scorer, mean_pinball_loss

from sknn_opt import InputNormalizer, Loss, MLPClassifier, MLPRegressor, check_gradients
from sknn_opt.estimators.regressor import REGRESSION_LOSSES
from sknn_opt.nn.activations import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_diabetes(return_X_y=True)
X = InputNormalizer().fit_transform(X)
X_IRIS, SPECIES = load_iris(return_X_y=True)
X_IRIS = InputNormalizer().fit_transform(X_IRIS)


class LogCosh(Loss):
    normalizes = "mean and scale"

    def __call__(self, z, y):
        r = z - y
        return np.log(np.cosh(r)).sum(axis=1), np.tanh(r)


class Wrong(LogCosh):
    def __call__(self, z, y):
        losses, gradient = super().__call__(z, y)
        return losses, 2 * gradient


class Focal(Loss):
    """-(1 - p)² log p of the right class (Lin et al. 2017)."""

    link = "softmax"

    def __call__(self, z, y):
        rows = np.arange(len(z))
        z = z - z.real.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        right = p[rows, y]
        gradient = p * -_slope(right)[:, np.newaxis]
        gradient[rows, y] += _slope(right)
        return -((1 - right) ** 2) * np.log(right), gradient


def _slope(p):
    """p · d/dp of -(1 - p)² log p."""
    return 2 * (1 - p) * p * np.log(p) - (1 - p) ** 2


def linear(**parameters):
    return MLPRegressor(
        (), solver="lbfgs", tol=1e-9, max_iter=3000, alpha=0.0, random_state=0, **parameters
    )


def test_huber_without_hidden_layers_is_huber_regression():
    theirs = HuberRegressor(alpha=0.0, epsilon=1.35, tol=1e-9, max_iter=1000).fit(X, Y)
    # scikit-learn's scale is its own estimate; ours is given.
    ours = linear(loss="huber", huber_delta=1.35 * theirs.scale_, normalize_target=False).fit(X, Y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-3)


def test_gamma_without_hidden_layers_is_gamma_regression():
    theirs = GammaRegressor(alpha=0.0, tol=1e-9, max_iter=3000).fit(X, Y)
    ours = linear(loss="gamma").fit(X, Y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantile_without_hidden_layers_is_quantile_regression(quantile):
    theirs = QuantileRegressor(quantile=quantile, alpha=0.0).fit(X, Y)
    ours = MLPRegressor(
        (),
        loss="quantile",
        quantile=quantile,
        learning_rate="cosine",
        learning_rate_init=0.05,
        max_iter=400,
        alpha=0.0,
        dtype="float64",
        random_state=0,
    ).fit(X, Y)
    best = mean_pinball_loss(Y, theirs.predict(X), alpha=quantile)
    assert mean_pinball_loss(Y, ours.predict(X), alpha=quantile) < 1.01 * best
    assert np.mean(ours.predict(X) >= Y) == pytest.approx(quantile, abs=0.03)


def test_absolute_error_shrugs_off_what_squared_error_follows():
    rng = np.random.default_rng(0)
    y = X[:, 0] + 2 * X[:, 1] + 0.1 * rng.normal(size=len(X))
    wild = np.where(rng.random(len(X)) < 0.1, 50.0, y)
    error = {}
    for loss in ("squared_error", "absolute_error", "huber"):
        net = MLPRegressor(
            (),
            loss=loss,
            learning_rate="cosine",
            learning_rate_init=0.1,
            max_iter=200,
            huber_delta=0.05,
            random_state=0,
        )
        error[loss] = np.abs(net.fit(X, wild).predict(X) - y).mean()
    assert error["absolute_error"] < 0.3
    assert error["huber"] < 0.5
    assert error["squared_error"] > 3


@pytest.mark.parametrize("factor", [1.0, 3.0])
@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("loss", [*REGRESSION_LOSSES, LogCosh()], ids=[*REGRESSION_LOSSES, "mine"])
def test_gradients_of_every_loss_are_correct(loss, activation, trained, factor):
    net = MLPRegressor(
        (6, 5),
        loss=loss,
        quantile=0.8,
        activation=activation,
        max_iter=30,
        random_state=0,
        batch_norm=factor > 1,
        dropout=0.2 * (factor > 1),
    )
    weight = np.linspace(0.1, 2, 30)
    if trained:
        net.fit(X, factor * Y)
    report = check_gradients(net, X[:30], factor * Y[:30], sample_weight=weight)
    assert report.passed, report


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("y", [SPECIES, SPECIES > 0, np.eye(3, dtype=int)[SPECIES]], ids=len)
def test_gradients_of_the_classifiers_losses_are_correct(y, smoothing):
    net = MLPClassifier(
        (5,), label_smoothing=smoothing, class_weight="balanced", max_iter=20, random_state=0
    )
    for estimator in (clone(net), net.fit(X_IRIS, y)):
        assert check_gradients(estimator, X_IRIS[::7], y[::7]).passed


def test_label_smoothing_tempers_the_probabilities():
    sure, tempered = (
        MLPClassifier((10,), solver="lbfgs", alpha=1e-6, label_smoothing=s, random_state=0)
        .fit(X_IRIS, SPECIES)
        .predict_proba(X_IRIS)
        .max(axis=1)
        .mean()
        for s in (0.0, 0.3)
    )
    assert sure > 0.97
    assert tempered == pytest.approx(0.8, abs=0.05)  # 1 - ε + ε / 3


def test_slopes_of_one_that_cancel_are_no_error():
    """db of the last layer is a sum of ±1/n: 0 in truth, 3e-17 by rounding."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        net = MLPRegressor((5,), loss="absolute_error", random_state=0)
        report = check_gradients(net, rng.normal(size=(12, 4)), rng.normal(size=12))
        assert report.passed, report


class TestLossesOfTheUser:
    def test_it_trains_and_predicts_in_the_users_units(self):
        net = MLPRegressor((10,), loss=LogCosh(), max_iter=100, random_state=0).fit(X, 1000 * Y)
        assert net.score(X, 1000 * Y) > 0.4
        assert net.target_normalizer_ is not None

    def test_a_wrong_one_is_found_out(self):
        report = check_gradients(MLPRegressor((5,), loss=Wrong()), X[:20], Y[:20])
        assert not report.passed

    def test_a_classifier_takes_one_as_well(self):
        net = MLPClassifier((8,), loss=Focal(), max_iter=100, learning_rate_init=0.01)
        net.set_params(random_state=0).fit(X_IRIS, SPECIES)
        assert net.score(X_IRIS, SPECIES) > 0.95
        assert check_gradients(net, X_IRIS[::9], SPECIES[::9]).passed
        binary = clone(net).fit(X_IRIS, SPECIES > 0)  # two outputs for two classes
        assert binary.predict_proba(X_IRIS).shape == (150, 2)
        assert binary.score(X_IRIS, SPECIES > 0) == 1

    def test_it_survives_clone_copy_pickle_and_warm_start(self):
        net = MLPRegressor((5,), loss=LogCosh(), max_iter=5, warm_start=True, random_state=0)
        net.fit(X, Y)
        for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
            assert np.array_equal(other.predict(X), net.predict(X))
            other.fit(X, Y)
        assert np.array_equal(clone(net).fit(X, Y).theta_, net.theta_)

    @pytest.mark.parametrize(
        "result",
        [
            lambda z, y: 1.0,
            lambda z, y: (z - y, z - y),
            lambda z, y: ((z - y).sum(axis=1), z.sum(axis=1)),
        ],
    )
    def test_what_returns_the_wrong_shapes(self, result):
        class Bad(Loss):
            __call__ = staticmethod(result)

        with pytest.raises(ValueError, match=r"must return \(losses, gradient\) of shapes"):
            MLPRegressor(loss=Bad()).fit(X, Y)

    def test_what_returns_nan(self):
        class Bad(Loss):
            def __call__(self, z, y):
                return np.full(len(z), np.nan), z

        with pytest.raises(ValueError, match="returned NaN for raw outputs of 0"):
            MLPRegressor(loss=Bad()).fit(X, Y)

    def test_links_that_do_not_fit(self):
        with pytest.raises(ValueError, match=r"MLPRegressor takes losses with the link 'identity'"):
            MLPRegressor(loss=Focal()).fit(X, Y)
        with pytest.raises(ValueError, match="these targets need 'softmax'"):
            MLPClassifier(loss=LogCosh()).fit(X_IRIS, SPECIES)


BAD = [
    ({"loss": "quantile"}, Y, r"loss='quantile' needs the parameter quantile.*it is None"),
    ({"loss": "quantile", "quantile": 1.0}, Y, r"'quantile' parameter.*in the range \(0.0, 1.0\)"),
    ({"loss": "quantile", "quantile": 0}, Y, "'quantile' parameter"),
    ({"loss": "poisson"}, Y - 100, r"loss='poisson' needs targets y >= 0.*found -75"),
    ({"loss": "gamma"}, Y - 25, r"loss='gamma' needs targets y > 0.*found 0"),
    ({"huber_delta": 0}, Y, "'huber_delta' parameter"),
    ({"loss": "mse"}, Y, "(?=.*'loss' parameter)(?=.*absolute_error)"),
    ({"loss": "log_loss"}, Y, "'loss' parameter"),
    ({"max_grad_norm": 0}, Y, "'max_grad_norm' parameter"),
    ({"average": 1.0}, Y, "'average' parameter"),
    ({"warmup_epochs": -1}, Y, "'warmup_epochs' parameter"),
    ({"learning_rate": "linear"}, Y, "(?=.*'learning_rate' parameter)(?=.*one_cycle)"),
    ({"normalize_target": "yes"}, Y, "'normalize_target' parameter"),
    ({"scoring": 3}, Y, "'scoring' parameter"),
]


@pytest.mark.parametrize(("parameters", "y", "message"), BAD, ids=[str(b[0]) for b in BAD])
def test_bad_parameters(parameters, y, message):
    net = MLPRegressor((5,), **parameters)
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)
    assert not hasattr(net, "n_features_in_")


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_bad_label_smoothing(smoothing):
    with pytest.raises(ValueError, match="'label_smoothing' parameter"):
        MLPClassifier(label_smoothing=smoothing).fit(X_IRIS, SPECIES)


# Losses of the user's, and what they claim --------------------------------------------------------


class Softmax2(Loss):
    link = "softmax"

    def __call__(self, z, y):
        z = z - z.real.max(axis=1, keepdims=True)
        e = np.exp(z)
        rows, total = np.arange(len(z)), e.sum(axis=1)
        gradient = e / total[:, np.newaxis]
        gradient[rows, y] -= 1
        return np.log(total) - z[rows, y], gradient


def test_softmax_of_two_classes_has_one_decision():
    X, y = load_breast_cancer(return_X_y=True)
    X = InputNormalizer().fit_transform(X)
    net = MLPClassifier((10,), loss=Softmax2(), max_iter=30, tol=0, random_state=0).fit(X, y)
    decision = net.decision_function(X)
    assert decision.shape == (len(X),)
    np.testing.assert_array_equal(decision > 0, net.predict(X))
    assert get_scorer("roc_auc")(net, X, y) > 0.98


@pytest.mark.parametrize(
    ("link", "normalizes"), [("identity", "mean"), ("exp", "mean and scale"), ("exp", "both")]
)
def test_a_normalization_that_the_loss_cannot_have(link, normalizes):
    loss = type("Odd", (Loss,), {"link": link, "normalizes": normalizes})()
    X, y = np.ones((5, 2)), np.arange(1.0, 6.0)
    with pytest.raises(ValueError, match=rf"normalizes='{normalizes}'.*must be one of"):
        MLPRegressor(loss=loss).fit(X, y)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_the_objective_starts_where_fit_does(loss):
    net = MLPRegressor((5,), loss=loss, random_state=0, max_iter=1, batch_size=442, dtype="float64")
    objective = net.objective(X, Y)
    first = net.fit(X, Y).loss_curve_[0]
    assert objective.value(objective.theta) == pytest.approx(first, rel=1e-12)


class SignedLogLoss(Loss):
    """The logistic loss as books have it, for targets of -1 and 1."""

    link = "logistic"

    def __call__(self, z, y):
        sign = 2 * y - 1
        e = np.exp(-sign * z)
        return np.log(1 + e).sum(axis=1), -sign * e / (1 + e)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_the_average_starts_at_the_mean_too(loss):
    y = 1e6 + Y
    net = MLPRegressor((5,), loss=loss, normalize_target=False, random_state=0)
    net.set_params(learning_rate_init=1e-9)
    averaged = clone(net).set_params(average=0.9).partial_fit(X, y)
    np.testing.assert_allclose(averaged.predict(X), net.partial_fit(X, y).predict(X), rtol=1e-5)


def test_losses_see_the_same_targets_in_training_and_validation():
    """Bytes of 0 and 1 would make 2 * 0 - 1 = 255."""
    X, y = X_IRIS[:100], SPECIES[:100]
    mine, ours = (
        MLPClassifier((5,), loss=loss, early_stopping=True, max_iter=4, random_state=0).fit(X, y)
        for loss in (SignedLogLoss(), "log_loss")
    )
    np.testing.assert_allclose(mine.validation_loss_curve_, ours.validation_loss_curve_, rtol=1e-5)
