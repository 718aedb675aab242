"""normalize_target: the unit of y does not matter, and predictions are in it."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPRegressor
from sknn_opt.estimators.regressor import REGRESSION_LOSSES

pytestmark = pytest.mark.filterwarnings("ignore:Training stopped at max_iter")

X, Y = load_diabetes(return_X_y=True)
X = InputNormalizer().fit_transform(X)


def regressor(**parameters):
    return MLPRegressor((20,), **{"random_state": 0, "max_iter": 50} | parameters)


# Of 15 validation rows the first epochs may be the best.
@pytest.mark.filterwarnings("ignore:The network learned nothing")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("factor", [1e-3, 0.1, 1e3])
def test_the_unit_of_y_does_not_matter(factor, loss, early_stopping):
    net = regressor(
        loss=loss,
        quantile=0.7,
        dtype="float64",
        early_stopping=early_stopping,
        dropout=0.1,
        learning_rate_init=0.01,
    )
    for rows in (slice(None), slice(0, 150)):  # several batches, and one
        mine = clone(net).fit(X[rows], Y[rows]).predict(X)
        theirs = clone(net).fit(X[rows], factor * Y[rows]).predict(X)
        np.testing.assert_allclose(theirs / factor, mine, rtol=1e-6)


def test_the_regression_that_breaks_scikit_learns_mlp():
    X_made, y = make_regression(1000, 20, noise=5.0, random_state=0)
    for factor in (1e-3, 1.0, 1e3):
        model = make_pipeline(InputNormalizer(), MLPRegressor(random_state=0, max_iter=100))
        assert model.fit(100 * X_made + 7, factor * y).score(100 * X_made + 7, factor * y) > 0.95


@pytest.mark.parametrize(
    "y", [Y * 1e-100, Y * 1e-6, Y * 1e90, Y + 1e6, Y - 1e9, np.float32(Y)], ids=range(6)
)
def test_targets_of_any_size(y):
    net = regressor(learning_rate_init=0.01).fit(X, y)
    predicted = net.predict(X)
    assert np.isfinite(predicted).all()
    # Not r2_score, whose squares overflow.
    scale = np.abs(y - y.mean()).max()
    residual, spread = (predicted - y) / scale, (y - y.mean()) / scale
    assert 1 - np.sum(residual**2) / np.sum(spread**2) > 0.5


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma"])
@pytest.mark.parametrize("value", [7.0, 1e-100, 1e90])
def test_a_constant_target_is_learned(value, loss):
    net = regressor(loss=loss, learning_rate="cosine", learning_rate_init=0.01)
    predicted = net.fit(X, np.full(len(X), value)).predict(X)
    if loss.endswith("error"):
        np.testing.assert_allclose(predicted, value, rtol=1e-15)
    else:
        assert np.median(np.abs(predicted / value - 1)) < 0.1


def test_targets_too_small_for_any_scale_are_warned_of():
    with pytest.warns(ConvergenceWarning, match=r"The targets hardly vary \(from .*multiply"):
        regressor().fit(X, 1e-300 * Y)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_a_logarithmic_link_starts_at_the_mean(loss, factor):
    """From e⁰ = 1 the way to amounts of 1e10 would be too long."""
    net = regressor(loss=loss, max_iter=100).fit(X, factor * Y)
    assert net.score(X, factor * Y) > 0.4
    alone = regressor(loss=loss, max_iter=1, learning_rate_init=1e-12, normalize_target=False)
    alone.fit(X, factor * Y)
    assert 0.3 < np.median(alone.predict(X)) / (factor * Y.mean()) < 3


def test_several_outputs_have_scales_of_their_own():
    targets = np.column_stack([Y, 1e6 * X[:, 0] + 5e6, 1e-6 * X[:, 1]])
    net = regressor(learning_rate_init=0.01).fit(X, targets)
    r2 = 1 - ((net.predict(X) - targets) ** 2).mean(axis=0) / targets.var(axis=0)
    assert r2.min() > 0.5
    expected = targets.mean(axis=0)
    np.testing.assert_allclose(net.target_normalizer_.mean_, expected, rtol=1e-9, atol=1e-20)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
@pytest.mark.parametrize("as_stream", [False, True])
def test_one_absurd_target_does_not_move_a_robust_loss(loss, as_stream):
    truth = 10 + 5 * X[:, 0]
    dirty = truth.copy()
    dirty[3] = 1e5
    net = regressor(loss=loss, quantile=0.5, learning_rate_init=0.01)
    for _ in range(30 if as_stream else 0):
        for start in range(0, len(X), 50):
            net.partial_fit(X[start : start + 50], dirty[start : start + 50])
    net = net if as_stream else net.fit(X, dirty)
    assert np.median(np.abs(net.predict(X) - truth)) < 0.5
    units = net.target_normalizer_
    np.testing.assert_allclose(units.center_, np.median(dirty), rtol=1e-6)
    quartiles = np.subtract(*np.quantile(dirty, [0.75, 0.25]))
    np.testing.assert_allclose(units.scale_, quartiles / 1.349, rtol=0.01)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
def test_a_share_of_absurd_targets_does_not_hide_what_was_learned(loss):
    truth = 10 + 5 * X[:, 0]
    dirty = np.where(np.arange(len(X)) % 12, truth, -1e6)
    net = regressor(loss=loss, quantile=0.5, learning_rate_init=0.01)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "(?s).*learned nothing")
        net.fit(X, dirty)
    assert np.median(np.abs(net.predict(X) - truth)) < 2


def test_half_of_the_targets_may_be_equal():
    """Whose quartile range is 0."""
    rare = np.where(np.arange(len(X)) % 10 == 0, 7 + X[:, 0], 7.0)
    net = regressor(loss="absolute_error").fit(X, rare)
    assert 0.01 < net.target_normalizer_.scale_[0] < 2
    np.testing.assert_allclose(net.predict(X), 7.0, atol=0.2)


def test_two_heaps_of_targets_far_from_the_middle_are_not_constant():
    """Their deviation is less than half of the quartile range."""
    heaps = np.select([X[:, 0] < -0.7, X[:, 0] > 0.7], [-1.0, 1.0], 0.0)
    net = regressor(loss="huber", learning_rate_init=0.01).fit(X, heaps)
    assert net.score(X, heaps) > 0.7


def test_the_scale_is_that_of_the_training_part_with_its_weights():
    weight = np.linspace(0, 3, len(X))
    net = regressor(max_iter=2).fit(X, Y, weight)
    assert net.target_normalizer_.mean_[0] == pytest.approx(np.average(Y, weights=weight))
    X_val, y_val = X + 1, Y + 1000
    watched = regressor(max_iter=2).fit(X, Y, X_val=X_val, y_val=y_val)
    assert watched.target_normalizer_.mean_[0] == pytest.approx(Y.mean())


def test_it_can_be_switched_off():
    net = regressor(normalize_target=False, learning_rate_init=0.01)
    net.fit(X, Y / 100)
    assert net.target_normalizer_ is None
    assert net.score(X, Y / 100) > 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_have_the_dtype_of_x_unless_the_unit_is_beyond_it(dtype):
    X_as = X.astype(dtype)
    assert regressor(max_iter=2).fit(X_as, Y).predict(X_as).dtype == dtype
    assert regressor(max_iter=2).fit(X_as, 1e90 * Y).predict(X_as).dtype == np.float64
    far = regressor().fit(X_as, Y + 1e8)
    assert far.score(X_as, Y + 1e8) > 0.3  # float32 has no digits left at 1e8


def test_predictions_of_a_network_that_diverged_are_finite():
    X_bad = (1e4 * X).astype(np.float32)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        net = regressor(solver="sgd").fit(X_bad, Y)
    assert np.isfinite(net.predict(X_bad)).all()


def test_the_objective_is_in_the_networks_units():
    net = regressor(max_iter=20, alpha=0.0, dtype="float64").fit(X, Y)
    residual = (net.predict(X) - Y) / net.target_normalizer_.scale_
    expected = np.mean(residual**2) / 2
    assert net.objective(X, Y).value(net.theta_) == pytest.approx(expected, rel=1e-9)
    fresh, scaled = regressor().objective(X, Y), regressor().objective(X, 1000 * Y)
    assert fresh.value(fresh.theta) == pytest.approx(scaled.value(fresh.theta), rel=1e-12)
