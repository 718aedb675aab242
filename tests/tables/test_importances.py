"""Which columns of a table matter: planted ones are found, whatever they hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr
from sklearn.datasets import load_diabetes
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance

from sknn_opt import TabularMLPClassifier, TabularMLPRegressor
from sknn_opt.estimators.evaluation import Evaluation
from sknn_opt.nn.network import Architecture, Weights
from sknn_opt.tables.importances import importances, on_training_rows
from sknn_opt.training.rows import Rows

N = 400
RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "noise": RNG.normal(size=N),
        "color": RNG.choice(["red", "green", "blue", "white"], N),
        "words": RNG.choice(["a", "b", "c"], N),
        "age": RNG.normal(40, 12, N),
        "joined": pd.Timestamp("2023-01-01") + pd.to_timedelta(RNG.integers(0, 700, N), unit="D"),
        "country": "NL",
    }
)
# Variances: 64 of the color, 36 of the age, 9 of the date.
DAYS = (X["joined"] - X["joined"].min()).dt.days
AMOUNT = 16 * X["color"].isin(["red", "blue"]) + 0.5 * X["age"] + 3 * np.sqrt(12) * DAYS / 700
AMOUNT = AMOUNT.to_numpy()
MIDDLE = np.median(AMOUNT)
FAST = {"preset": "fast", "random_state": 0}


@pytest.fixture(scope="module")
def regressor():
    return TabularMLPRegressor(**FAST).fit(X, AMOUNT)


def named(model):
    """Importances by name."""
    return dict(zip(model.feature_names_in_, model.feature_importances_, strict=True))


def test_planted_columns_are_found_in_their_order(regressor):
    found = named(regressor)
    assert sorted(found, key=found.get, reverse=True)[:3] == ["color", "age", "joined"]
    assert found["country"] == 0
    assert abs(found["noise"]) + abs(found["words"]) < 0.1 * found["joined"]


def test_the_rise_of_a_squared_error_is_twice_the_variance_of_what_was_lost(regressor):
    # E (f(x') - f(x))² / 2 = Var, and halved squared errors are in units of the variance of y.
    found = named(regressor)
    for name, variance in (("color", 64), ("age", 36)):
        assert found[name] == pytest.approx(variance / AMOUNT.var(), rel=0.35)


def test_they_follow_the_order_of_the_frame(regressor):
    turned = TabularMLPRegressor(**FAST).fit(X[X.columns[::-1]], AMOUNT)
    assert turned.feature_names_in_.tolist() == list(X)[::-1]
    names = sorted(X)
    one, other = ([named(model)[name] for name in names] for model in (regressor, turned))
    assert spearmanr(one[:1] + one[2:5], other[:1] + other[2:5]).statistic > 0.7
    assert np.argmax(one) == np.argmax(other) == names.index("color")


def test_classes():
    y = np.where(AMOUNT > MIDDLE, "high", "low")
    found = named(TabularMLPClassifier(**FAST).fit(pl.from_pandas(X), y))
    assert sorted(found, key=found.get, reverse=True)[:2] == ["color", "age"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_members": 1},
        {"network_params": {"early_stopping": False, "min_steps": 300}},
        {"loss": "absolute_error"},
        {"loss": "quantile", "quantile": [0.2, 0.8]},
        {"loss": "poisson"},
    ],
    ids=str,
)
def test_the_order_is_that_of_scikit_learn(params):
    model = TabularMLPRegressor(**FAST, **params).fit(X[:300], AMOUNT[:300])
    theirs = permutation_importance(model, X[300:], AMOUNT[300:], random_state=0, n_repeats=3)
    matter = theirs.importances_mean > 0.05
    assert matter.sum() >= 2
    assert_array_equal(
        np.argsort(model.feature_importances_)[::-1][:2],
        np.argsort(theirs.importances_mean)[::-1][:2],
    )


def test_real_data_have_the_order_of_scikit_learn():
    data, y = load_diabetes(return_X_y=True, as_frame=True)
    model = TabularMLPRegressor("best", random_state=0).fit(data, y)
    theirs = permutation_importance(model, data, y, random_state=0, n_repeats=3)
    assert spearmanr(model.feature_importances_, theirs.importances_mean).statistic > 0.7


def test_rows_of_a_given_validation_set_decide():
    """There the age says nothing, since all are of one age."""
    one_age = X.assign(age=40.0)
    model = TabularMLPRegressor(**FAST).fit(X, AMOUNT, X_val=one_age, y_val=AMOUNT)
    assert named(model)["age"] == 0
    assert named(model)["color"] > 0


def test_few_rows_have_importances_too():
    model = TabularMLPRegressor(**FAST).fit(X[:8], AMOUNT[:8])
    assert np.isfinite(model.feature_importances_).all()


def test_weights_count():
    """Rows of weight 0 are not asked: in all others the color is what decides."""
    y = np.where(np.arange(N) % 2, X["age"], 16.0 * (X["color"] == "red"))
    model = TabularMLPRegressor(**FAST).fit(X, y, sample_weight=np.arange(N) % 2)
    assert model.feature_importances_.argmax() == list(X).index("age")


def test_selectors_take_them():
    model = TabularMLPRegressor("fast", random_state=0, network_params={"min_steps": 200})
    selector = SelectFromModel(model, threshold=0.1).fit(X, AMOUNT)
    assert set(selector.get_feature_names_out()) == {"color", "age"}
    assert selector.set_output(transform="pandas").transform(X).columns.tolist() == ["color", "age"]
    rfe = RFE(model, n_features_to_select=2, step=2).fit(
        X[["noise", "age"]].assign(b=AMOUNT), AMOUNT
    )
    assert rfe.support_.tolist() == [False, True, True]


def test_columns_of_one_origin_are_shuffled_together():
    """Shuffling x adds (a + b)² Var x where its two copies have the weights a and b."""
    x, z = RNG.normal(size=(2, 50_000))
    features, weights = np.column_stack([x, z, x]), np.array([2.0, 0.5, -1.0])
    architecture = Architecture((3, 1), "relu", "squared_error", (0.0,), False)
    linear = Weights(np.append(weights, 0.0), np.empty(0))
    rows = Rows(features, (features @ weights)[:, np.newaxis])
    found = importances(
        [(Evaluation(architecture, rows), linear)], np.array([2, 0, 2]), 3, RNG, work=1e9
    )
    assert_allclose(found, [0.25, 0, 1.0], rtol=0.15)


@pytest.mark.parametrize(
    "params",
    [{}, {"batch_norm": True}, {"hidden_layer_sizes": ()}, {"activation": "tanh"}],
    ids=str,
)
def test_the_narrow_network_is_the_network(params):
    """Each rise is that of the whole network, its column shuffled in the same order."""
    params = {"min_steps": 100, "early_stopping": False, **params}
    model = TabularMLPRegressor("fast", random_state=0, network_params=params).fit(X, AMOUNT)
    Z, origin = model.encoder_.transform(X), model.encoder_.origin_
    of_each = on_training_rows(model.network_, Z, AMOUNT, None).of_each(model.network_._weights)
    found = importances(of_each, origin, 6, np.random.default_rng(1), work=6 * N * len(of_each))
    expected, rng = np.zeros(6), np.random.default_rng(1)
    for evaluation, weights in of_each:
        order = rng.permutation(N)
        for j in range(6):
            shuffled = np.where(origin == j, Z[order], Z)
            rise = evaluation.loss_on(replace(evaluation.rows, X=shuffled), weights)
            expected[j] += (rise - evaluation.loss_on(evaluation.rows, weights)) / len(of_each)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
