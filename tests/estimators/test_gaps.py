"""Several targets of which a row may lack some: the gaps add nothing, to loss, scale and score."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, make_multilabel_classification
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, Loss, MLPClassifier, MLPRegressor, check_gradients
from sknn_opt.nn.losses import LOSSES, Observed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X, Y = load_diabetes(return_X_y=True)
X = InputNormalizer().fit_transform(X)
FULL = np.column_stack([Y, 3 * Y + RNG.normal(size=len(Y)), Y**2 / 100])
GAPS = np.where(RNG.random(FULL.shape) < 0.4, np.nan, FULL)
SEEN = ~np.isnan(GAPS)
X_L, LABELS = make_multilabel_classification(300, n_classes=3, random_state=0)
X_L = InputNormalizer().fit_transform(X_L.astype(float))
LABELS_SEEN = RNG.random(LABELS.shape) > 0.4
LABEL_GAPS = np.where(LABELS_SEEN, LABELS, np.nan)


class LogCosh(Loss):
    normalizes = "mean and scale"

    def __call__(self, z, y):
        r = z - y
        return np.log(np.cosh(r)).sum(axis=1), np.tanh(r)


def regressor(**parameters):
    defaults = {"hidden_layer_sizes": (10,), "learning_rate_init": 0.01, "max_iter": 60}
    return MLPRegressor(**defaults | {"random_state": 0} | parameters)


def classifier(**parameters):
    defaults = {"hidden_layer_sizes": (10,), "learning_rate_init": 0.01, "max_iter": 60}
    return MLPClassifier(**defaults | {"random_state": 0} | parameters)


# The loss ----------------------------------------------------------------------------------------

BY_ENTRY = sorted({*LOSSES} - {"log_loss"})


@pytest.mark.parametrize("name", BY_ENTRY)
def test_the_loss_is_the_sum_over_the_targets_that_are_there(name):
    loss, rng = LOSSES[name], np.random.default_rng(1)
    z, y = rng.normal(size=(40, 3)), rng.integers(0, 2, size=(40, 3)) + (name == "gamma") * 1.0
    seen = rng.random(y.shape) < 0.5
    losses, gradient = Observed(loss)(z.copy(), np.where(seen, y, np.nan))
    for i, j in np.ndindex(z.shape):
        one, slope = loss(z[i : i + 1, j : j + 1].copy(), y[i : i + 1, j : j + 1].astype(float))
        assert gradient[i, j] == (slope[0, 0] if seen[i, j] else 0)
        losses[i] -= one[0] * seen[i, j]
    np.testing.assert_allclose(losses, 0, atol=1e-12)


@pytest.mark.parametrize("name", BY_ENTRY)
def test_without_gaps_it_is_the_loss_itself(name):
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(40, 3)), rng.integers(1, 2, size=(40, 3)) * 1.0
    ours, theirs = Observed(LOSSES[name])(z.copy(), y), LOSSES[name](z.copy(), y)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_rows_without_any_target_add_nothing():
    losses, gradient = Observed(LOSSES["huber"])(np.ones((3, 2)), np.full((3, 2), np.nan))
    assert not losses.any()
    assert not gradient.any()


# Regression --------------------------------------------------------------------------------------

WAYS = {
    "adam": {},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True},
    "early stopping by R²": {"early_stopping": True, "scoring": None},
    "batch norm": {"batch_norm": True, "average": 0.9, "dropout": 0.1},
    "float64": {"dtype": "float64", "batch_size": 32},
    "in the units of y": {"normalize_target": False, "learning_rate_init": 0.1},
    "huber": {"loss": "huber"},
    "absolute error": {"loss": "absolute_error"},
    "quantile": {"loss": "quantile", "quantile": 0.6},
    "poisson": {"loss": "poisson"},
    "gamma": {"loss": "gamma"},
    "one's own loss": {"loss": LogCosh()},
}


@pytest.mark.parametrize("way", WAYS)
def test_networks_learn_from_what_is_there(way):
    net = regressor(**WAYS[way]).fit(X, GAPS)
    assert np.isfinite(net.predict(X)).all()
    assert net.score(X, FULL) > 0.3
    assert check_gradients(net, X[:20], GAPS[:20]).passed
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    if net.solver != "lbfgs":  # with and without gaps in turn
        for part in (GAPS, FULL, GAPS):
            net.partial_fit(X, part)
            again.partial_fit(X, part)
        np.testing.assert_array_equal(again.predict(X), net.predict(X))
    for part in (FULL, GAPS):
        net.set_params(warm_start=True).fit(csr_array(X), part)
    assert net.score(X, FULL) > 0.3


def test_without_hidden_layers_each_column_is_fitted_to_its_own_rows():
    net = regressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, max_iter=5000, tol=1e-9)
    predictions = net.fit(X, GAPS).predict(X)
    for j in range(3):
        own = LinearRegression().fit(X[SEEN[:, j]], GAPS[SEEN[:, j], j])
        off = predictions[:, j] - own.predict(X)
        assert np.abs(off).max() < 0.005 * FULL[:, j].std()


def test_the_scale_is_that_of_the_targets_that_are_there():
    net = regressor().fit(X, GAPS)
    np.testing.assert_allclose(net.target_normalizer_.mean_, np.nanmean(GAPS, axis=0))


def test_the_score_is_the_mean_over_the_rows_of_each_column():
    net, weight = regressor().fit(X, GAPS), np.arange(len(X)) % 3
    predictions = net.predict(X)
    each = [
        r2_score(GAPS[rows, j], predictions[rows, j], sample_weight=weight[rows])
        for j, rows in enumerate(SEEN.T)
    ]
    assert net.score(X, GAPS, weight) == pytest.approx(np.mean(each))
    assert np.isnan(net.score(X[:2], [[1.0, np.nan, np.nan], [np.nan, 1.0, 1.0]]))


def test_weights_equal_repetition():
    weight = np.arange(150) % 3
    repeated = np.repeat(np.arange(150), weight)
    one = regressor().fit(X[:150], GAPS[:150], sample_weight=weight)
    other = regressor().fit(X[repeated], GAPS[repeated])
    np.testing.assert_array_equal(one.theta_, other.theta_)


def test_a_stream_whose_calls_lack_a_column():
    net = regressor()
    for _ in range(60):
        for j, rows in enumerate(np.array_split(np.arange(len(X)), 3)):
            part = FULL[rows].copy()
            part[:, j] = np.nan
            net.partial_fit(X[rows], part)
    assert net.score(X, FULL) > 0.3


def test_a_column_that_is_away_for_long_keeps_its_scale():
    net = regressor().partial_fit(X, FULL)
    mean, predictions = net.target_normalizer_.mean_.copy(), net.predict(X)
    part = FULL.copy()
    part[:, 1] = np.nan
    for _ in range(4):
        net.partial_fit(X, part)
    assert net.target_normalizer_.mean_[1] == mean[1]
    assert np.corrcoef(net.predict(X)[:, 1], predictions[:, 1])[0, 1] > 0.5


def test_a_column_that_comes_later_is_learned():
    part = FULL.copy()
    part[:, 1] = np.nan
    net = regressor()
    for _ in range(5):
        net.partial_fit(X, part)
    assert (net.predict(X)[:, 1] == 0).all()
    for _ in range(150):
        net.partial_fit(X, FULL)
    assert net.score(X, FULL) > 0.4


@pytest.mark.parametrize("dtype", [object, "Float64", np.float32])
def test_frames_and_lists_with_gaps(dtype):
    frame = pd.DataFrame(GAPS.astype(np.float32), columns=list("abc")).astype(dtype)
    net = regressor(max_iter=3).fit(X, frame)
    theta = regressor(max_iter=3).fit(X, GAPS.astype(np.float32)).theta_
    np.testing.assert_allclose(net.theta_, theta, rtol=1e-3, atol=1e-5)
    rows = [[None if np.isnan(value) else value for value in row] for row in GAPS.tolist()]
    assert np.isfinite(regressor(max_iter=3).fit(X, rows).predict(X)).all()


def test_a_validation_set_with_gaps():
    net = regressor(max_iter=3).fit(X, FULL, X_val=X[:50], y_val=GAPS[:50])
    full = regressor(max_iter=3).fit(X, FULL, X_val=X[:50], y_val=FULL[:50])
    np.testing.assert_array_equal(net.theta_, full.theta_)
    z, y = net.target_normalizer_.transform, GAPS[:50]
    r = z(net.predict(X[:50]).astype(float)) - z(y)
    expected = np.nansum(r**2 / 2, axis=1).mean()
    assert net.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-4)


def test_searches_and_pipelines():
    pipe = make_pipeline(InputNormalizer(), regressor(max_iter=10))
    grid = {"mlpregressor__alpha": [1e-4, 1.0]}
    search = GridSearchCV(pipe, grid, cv=3, error_score="raise").fit(X, GAPS)
    assert np.isfinite(search.best_score_)


# Labels ------------------------------------------------------------------------------------------

LABEL_WAYS = {
    "adam": {},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 40},
    "early stopping by accuracy": {
        "early_stopping": True,
        "scoring": None,
        "n_iter_no_change": 40,
    },
    "batch norm": {"batch_norm": True, "average": 0.9},
    "smoothing": {"label_smoothing": 0.1},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": [{1: 3.0}, {0: 2.0}, {}]},
}


@pytest.mark.parametrize("way", LABEL_WAYS)
def test_labels_are_learned_from_what_is_there(way):
    net = classifier(**LABEL_WAYS[way]).fit(X_L, LABEL_GAPS)
    assert net.score(X_L, LABELS) > 0.5  # 0.15 for a constant
    assert net.predict(X_L).dtype.kind == "i"
    assert check_gradients(net, X_L[:20], LABEL_GAPS[:20]).passed
    again = pickle.loads(pickle.dumps(net.set_params(warm_start=True)))
    net.fit(X_L, LABELS).fit(X_L, LABEL_GAPS)
    again.fit(X_L, LABELS).fit(X_L, LABEL_GAPS)
    np.testing.assert_array_equal(again.predict_proba(X_L), net.predict_proba(X_L))


def test_the_labels_that_are_there_all_count_in_the_score():
    net = classifier(max_iter=5).fit(X_L, LABEL_GAPS)
    weight, filled = np.arange(300) % 3 + 1.0, np.where(LABELS_SEEN, LABELS, net.predict(X_L))
    some = LABELS_SEEN.any(axis=1)
    expected = accuracy_score(filled[some], net.predict(X_L)[some], sample_weight=weight[some])
    assert net.score(X_L, LABEL_GAPS, weight) == pytest.approx(expected)


def test_a_stream_of_labels():
    net = classifier()
    for _ in range(60):
        net.partial_fit(X_L[:150], LABEL_GAPS[:150])
        net.partial_fit(X_L[150:], LABELS[150:])
    assert net.score(X_L, LABELS) > 0.6


def test_weights_of_labels_that_are_missing_are_one():
    weighted = classifier(class_weight=[{1: 3.0, 0: 2.0}, {}, {}], max_iter=3)
    y = LABEL_GAPS
    factor = np.where(np.isnan(y[:, 0]), 1.0, np.where(y[:, 0] == 1, 3.0, 2.0))
    alone = classifier(max_iter=3).fit(X_L, y, sample_weight=factor)
    np.testing.assert_allclose(weighted.fit(X_L, y).theta_, alone.theta_, rtol=1e-4, atol=1e-6)


def test_the_loss_of_held_out_labels():
    net = classifier(max_iter=3).fit(X_L, LABELS, X_val=X_L[:50], y_val=LABEL_GAPS[:50])
    p, seen = net.predict_proba(X_L[:50])[LABELS_SEEN[:50]], LABELS[:50][LABELS_SEEN[:50]]
    expected = log_loss(seen, p.astype(float), normalize=False) / 50
    assert net.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-4)


def test_a_network_of_all_rows_is_better_than_one_of_the_complete_rows():
    complete = LABELS_SEEN.all(axis=1)
    few = classifier(alpha=1.0).fit(X_L[complete], LABELS[complete])
    all_ = classifier(alpha=1.0).fit(X_L, LABEL_GAPS)
    assert all_.score(X_L, LABELS) > few.score(X_L, LABELS)


def test_cross_validation_of_labels():
    scores = cross_val_score(classifier(), X_L, LABEL_GAPS, cv=KFold(3), error_score="raise")
    assert (scores > 0.4).all()


# Errors ------------------------------------------------------------------------------------------


class Norm(Loss):
    def __call__(self, z, y):
        r = z - y
        norm = np.sqrt((r * r).sum(axis=1) + 1e-9)
        return norm, r / norm[:, np.newaxis]


class OfColumns(Loss):
    def __call__(self, z, y):
        r = z - y
        return (np.array([1, 2, 3]) * r * r / 2).sum(axis=1), np.array([1, 2, 3]) * r


class Difference(Loss):
    def __call__(self, z, y):
        r = z[:, 0] - y[:, 1]
        return r * r / 2, np.column_stack([r, 0 * r, 0 * r])


LACKING = GAPS.copy()
LACKING[:, 1] = np.nan
INFINITE = GAPS.copy()
INFINITE[3] = np.inf
ERRORS = {
    "nothing": (regressor(), FULL * np.nan, "y holds no target at all"),
    "no labels": (classifier(), FULL * np.nan, "y holds no target at all"),
    "a column": (regressor(), LACKING, "no target in its column 1: .* Leave the column out"),
    "a name": (regressor(), pd.DataFrame(LACKING, columns=list("abc")), "in its column 'b'"),
    "infinity": (regressor(), INFINITE, "Input y contains infinity"),
    "too large": (regressor(), np.where(SEEN, 1e101, np.nan), r"y holds 1e\+101 in column"),
    "one column": (regressor(), GAPS[:, :1], r"y contains NaN: .* in \d+ of 442 rows"),
    "a scorer": (regressor(early_stopping=True, scoring="r2"), GAPS, "scoring='r2' takes no targ"),
    "negative counts": (regressor(loss="poisson"), GAPS - 1e4, "loss='poisson' needs targets y >="),
    "amounts": (classifier(), GAPS, "matrix of labels with the values.*must be 0 and 1"),
    "a norm": (regressor(loss=Norm()), GAPS, "no sum of losses of single outputs.*NaN in y"),
    "factors": (regressor(loss=OfColumns()), GAPS, "no sum of losses of single outputs"),
    "a difference": (regressor(loss=Difference()), GAPS, "no sum of losses of single outputs"),
    "another length": (regressor(), GAPS[1:], "inconsistent numbers of samples"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_gaps_that_cannot_be_left_out(case):
    net, y, message = ERRORS[case]
    state = vars(net).copy()
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)
    assert vars(net) == state
