"""Several quantiles in one network: they never cross, and all that meets them works with them."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import d2_pinball_score, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, Loss, MLPRegressor, check_gradients, check_signals
from sknn_opt.nn.losses import Huber, Quantile, constant_loss, constant_outputs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_diabetes(return_X_y=True)
X = InputNormalizer().fit_transform(X)
LEVELS = [0.5, 0.05, 0.95]


def regressor(quantile=LEVELS, **parameters):
    defaults = {"hidden_layer_sizes": (10,), "learning_rate_init": 0.01, "max_iter": 60}
    return MLPRegressor(loss="quantile", quantile=quantile, random_state=0, **defaults | parameters)


def pinball(y, predictions, levels=LEVELS, weight=None):
    each = zip(predictions.T, levels, strict=True)
    return [mean_pinball_loss(y, p, alpha=q, sample_weight=weight) for p, q in each]


# The loss ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_is_the_sum_of_the_pinball_losses(dtype):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(50, 3)).astype(dtype), rng.normal(size=(50, 1)).astype(dtype)
    losses, gradient = Quantile(tuple(LEVELS))(z.copy(), y)
    assert losses.mean() == pytest.approx(sum(pinball(y, z)), rel=1e-5)
    expected = np.where(z > y, 1 - np.array(LEVELS), -np.array(LEVELS))
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)
    assert losses.dtype == gradient.dtype == dtype


def test_rearrangement_sorts_and_never_increases_the_loss():
    rng = np.random.default_rng(0)
    y, crossing = rng.normal(size=200), rng.normal(size=(200, 3))
    sorted_ = Quantile(tuple(LEVELS)).rearranged(crossing)
    np.testing.assert_array_equal(np.sort(crossing, axis=1), sorted_[:, [1, 0, 2]])
    assert sum(pinball(y, sorted_)) <= sum(pinball(y, crossing))
    assert Quantile(0.5).rearranged(crossing) is crossing


class LogCosh(Loss):
    def __call__(self, z, y):
        return np.log(np.cosh(z - y)).sum(axis=1), np.tanh(z - y)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", [Quantile(0.2), Huber(0.3), LogCosh()])
def test_the_best_constant_is_no_worse_than_any_other(loss, weighted):
    rng = np.random.default_rng(0)
    y = rng.lognormal(size=(301, 2))
    weight = rng.integers(1, 4, 301) if weighted else None

    def cost(z):
        return np.average(loss(np.tile(z, (301, 1)), y)[0], weights=weight)

    best = constant_outputs(loss, y, weight, 2)
    assert constant_loss(loss, 2, y, weight) == cost(best)
    for z in np.linspace(y.min(axis=0), y.max(axis=0), 300):
        assert cost(best) <= cost(z) * (1 + 1e-12)


def test_the_best_constants_of_quantiles_are_those_of_y():
    y = np.random.default_rng(0).normal(size=(1001, 1))
    best = constant_outputs(Quantile((0.1, 0.9)), y, None, 2)
    np.testing.assert_allclose(best, np.quantile(y, [0.1, 0.9]), atol=0.01)


# The network -------------------------------------------------------------------------------------

WAYS = {
    "adam": {},
    "lbfgs": {"solver": "lbfgs"},
    "in the units of y": {"normalize_target": False, "learning_rate_init": 0.3},
    "early stopping": {"early_stopping": True},
    "early stopping by D²": {"early_stopping": True, "scoring": None},
    "batch norm": {"batch_norm": True, "average": 0.9, "dropout": 0.1},
    "float64": {"dtype": "float64", "batch_size": 50},
}


@pytest.mark.parametrize("way", WAYS)
def test_quantiles_never_cross_and_cover(way):
    net = regressor(**WAYS[way]).fit(X, Y)
    predictions = net.predict(X)
    assert predictions.shape == (len(Y), 3)
    assert net.n_outputs_ == 3
    assert (np.diff(predictions[:, [1, 0, 2]], axis=1) >= 0).all()
    below = (Y[:, np.newaxis] <= predictions).mean(axis=0)
    np.testing.assert_allclose(below, LEVELS, atol=0.1)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict(X), predictions)


def test_without_hidden_layers_it_is_quantile_regression():
    net = regressor(
        hidden_layer_sizes=(), learning_rate="cosine", max_iter=400, alpha=0.0, batch_size=50
    ).fit(X, Y)
    for q, ours in zip(LEVELS, pinball(Y, net.predict(X)), strict=True):
        theirs = QuantileRegressor(quantile=q, alpha=0.0).fit(X, Y).predict(X)
        assert ours < 1.02 * mean_pinball_loss(Y, theirs, alpha=q)


def test_unseen_rows_are_covered():
    net = regressor(alpha=3.0, dropout=0.2, learning_rate="cosine", max_iter=100)
    _, low, high = cross_val_predict(net, X, Y, cv=5).T
    assert 0.83 < np.mean((low <= Y) & (high >= Y)) < 0.96


def test_the_order_of_the_levels_is_that_of_the_columns():
    one, other = regressor([0.1, 0.9]), regressor([0.9, 0.1])
    for net in (one, other):
        net.set_params(hidden_layer_sizes=(), max_iter=150).fit(X, Y)
    assert (one.predict(X)[:, 0] <= one.predict(X)[:, 1]).all()
    assert (other.predict(X)[:, 0] >= other.predict(X)[:, 1]).all()


def test_one_level_in_a_list_is_that_level():
    listed, alone = regressor([0.3]).fit(X, Y), regressor(0.3).fit(X, Y)
    np.testing.assert_array_equal(listed.predict(X), alone.predict(X))
    assert listed.predict(X).shape == (len(Y),)


def test_the_score_is_the_mean_d2_of_the_levels():
    weight = np.arange(len(Y)) % 3
    net = regressor(np.array(LEVELS)).fit(X, Y, sample_weight=weight)
    each = [
        d2_pinball_score(Y, p, alpha=q, sample_weight=weight)
        for p, q in zip(net.predict(X).T, LEVELS, strict=True)
    ]
    assert net.score(X, Y, weight) == pytest.approx(np.mean(each))


def test_gradients_and_signals():
    net = regressor(batch_norm=True, alpha=0.1).fit(X, Y)
    assert check_gradients(net, X[:30], Y[:30]).passed
    assert check_signals(net, X[:30]).verdict == "healthy"


def test_streams_warm_starts_and_sparse_rows():
    net = regressor()
    for _ in range(30):
        for part in np.array_split(np.arange(len(Y)), 3):
            net.partial_fit(X[part], Y[part])
    assert net.score(X, Y) > 0.2
    score = net.set_params(warm_start=True).fit(csr_array(X), Y).score(X, Y)
    assert score > 0.2
    with pytest.raises(ValueError, match=r"loss was Quantile.*and is now"):
        net.set_params(quantile=[0.1, 0.2]).partial_fit(X, Y)


def test_weights_equal_repetition():
    weight = np.arange(150) % 3
    repeated = np.repeat(np.arange(150), weight)
    one = regressor().fit(X[:150], Y[:150], sample_weight=weight)
    other = regressor().fit(X[repeated], Y[repeated])
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-5)


def test_search_pipeline_clone_and_transformed_targets():
    grid = {"mlpregressor__quantile": [[0.1, 0.9], [0.5], (0.2, 0.5, 0.8)]}
    net = make_pipeline(InputNormalizer(), clone(regressor(max_iter=5)))
    search = GridSearchCV(net, grid, cv=2, error_score="raise").fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    logarithmic = TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp)
    predictions = logarithmic.fit(X, Y).predict(X)
    assert (predictions[:, 1] <= predictions[:, 2]).all()


# Errors ------------------------------------------------------------------------------------------

TWO_COLUMNS = np.column_stack([Y, Y])
ERRORS = {
    "none": ({"quantile": []}, Y, r"number in \(0, 1\).*flat list.*it is \[\]"),
    "one outside": ({"quantile": [0.5, 1.5]}, Y, r"number in \(0, 1\).*\[0.5, 1.5\]"),
    "an end": ({"quantile": [0.0, 0.5]}, Y, r"number in \(0, 1\)"),
    "NaN": ({"quantile": [0.5, np.nan]}, Y, r"number in \(0, 1\).*nan"),
    "text": ({"quantile": ["low", 0.5]}, Y, r"number in \(0, 1\).*low"),
    "nested": ({"quantile": [[0.1, 0.9], [0.5]]}, Y, "flat list"),
    "a number": ({"quantile": 1.0}, Y, "'quantile' parameter"),
    "twice": ({"quantile": [0.1, 0.5, 0.1]}, Y, "the same number twice"),
    "several targets": ({}, TWO_COLUMNS, r"y has 2 columns.*MultiOutputRegressor"),
    "a scorer": ({"scoring": "r2"}, Y, r"scoring='r2' compares one prediction.*scoring='loss'"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_levels(case):
    parameters, y, message = ERRORS[case]
    with pytest.raises(ValueError, match=message):
        regressor(**parameters).fit(X, y)
    net = regressor().fit(X, Y)
    before = net.predict(X)
    with pytest.raises(ValueError, match=message):
        net.set_params(**parameters).partial_fit(X, y)
    np.testing.assert_array_equal(net.predict(X), before)


def test_a_scorer_object_that_compares_one_prediction():
    from sklearn.metrics import get_scorer

    net = regressor(early_stopping=True, scoring=get_scorer("r2"))
    with pytest.raises(ValueError, match="on the validation set of 44 rows raised ValueError"):
        net.fit(X, Y)


def test_several_quantiles_need_their_loss():
    with pytest.raises(ValueError, match=r"quantile=\[0.1, 0.9\] asks for .* Set loss='quantile'"):
        MLPRegressor(quantile=[0.1, 0.9]).fit(X, Y)
