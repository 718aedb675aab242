"""What a fit says of its features, its targets and its validation set."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor
from sknn_opt.training import symptoms
from sknn_opt.training.data_symptoms import on_far_targets, on_validation_set
from sknn_opt.training.symptoms import judge_inputs

SCALERS = [None, StandardScaler(), RobustScaler(), MinMaxScaler()]
LOADERS = [load_iris, load_wine, load_breast_cancer, load_diabetes]
TAILS = {
    "normal": lambda rng, size: rng.normal(size=size),
    "lognormal": lambda rng, size: rng.lognormal(0, 2, size),
    "pareto": lambda rng, size: rng.pareto(2, size),
    "t": lambda rng, size: rng.standard_t(2, size),
    "cauchy": lambda rng, size: rng.standard_cauchy(size),
    "counts": lambda rng, size: rng.negative_binomial(0.2, 0.01, size).astype(float),
}

# Features ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaler", [StandardScaler(), RobustScaler(), InputNormalizer()], ids=str)
@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("n", [100, 2000, 20_000])
def test_scaled_features_of_any_tail_are_scaled(tail, n, scaler):
    X = scaler.fit_transform(TAILS[tail](np.random.default_rng(0), (n, 4)))
    symptom, found = judge_inputs(X)
    # With a quartile at 0, a robust scaler divides by 1 what goes up to hundreds.
    assert symptom is None or (tail == "counts" and isinstance(scaler, RobustScaler)), found


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("scaler", [StandardScaler(), RobustScaler(), MinMaxScaler()], ids=str)
def test_scaled_real_data_are_scaled(load, scaler):
    X = scaler.fit_transform(load().data)
    for rows in (slice(None), slice(None, None, 3), slice(40)):
        assert judge_inputs(X[rows])[0] is None


def test_flags_beside_heavy_tails_are_scaled():
    rng = np.random.default_rng(0)
    flags = (rng.random((2000, 5)) < 0.003).astype(float)
    X = np.column_stack([RobustScaler().fit_transform(rng.lognormal(0, 2, (2000, 3))), flags])
    assert judge_inputs(X)[0] is None


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize("sentinel", [999_999, -9999.0, 1e9])
def test_sentinels_are_told_to_be_clipped(scaler, sentinel):
    X = np.random.default_rng(0).normal(size=(2000, 2))
    X[:4, 0] = sentinel
    (said,) = symptoms.on_inputs(X if scaler is None else scaler.fit_transform(X), ["pay", "age"])
    assert said.startswith("A few values lie far from all others: feature 'pay' goes up to ")
    assert "half of its values lie within" in said
    assert "put InputNormalizer(center='median', scale='iqr', clip=3) before the network" in said
    assert "not scaled" not in said


def test_rows_that_are_equal():
    assert symptoms.on_inputs(np.full((9, 2), 0.5)) == [
        "All rows of X are equal: there is nothing to learn from."
    ]
    assert symptoms.on_inputs(np.full((1, 2), 0.5)) == []  # one row of a stream


# Targets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("n", [10, 100, 1000, 10_000])
def test_targets_of_any_tail_are_no_outliers(tail, n):
    assert on_far_targets(TAILS[tail](np.random.default_rng(1), (n, 2))) == []


@pytest.mark.parametrize("load", LOADERS)
def test_real_numbers_are_no_outliers(load):
    X, y = load(return_X_y=True)
    assert on_far_targets(np.column_stack([X, y])) == []


def test_a_target_far_away_is_told_in_its_own_units():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = 10 + X[:, 0]
    y[7] = -1e5
    net = MLPRegressor((5,), max_iter=3, random_state=0)
    with pytest.warns(
        UserWarning, match="A few targets lie far.*one is -1e.05, half.*loss='huber'"
    ):
        net.fit(X, y)
    for loss in ("huber", "absolute_error"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            net.set_params(loss=loss).fit(X, y)
        assert not any("A few targets" in str(w.message) for w in caught)


# A validation set -------------------------------------------------------------------------------


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_an_honest_validation_set_is_silent(load, scaler):
    X, y = load(return_X_y=True)
    if scaler:
        X = scaler.fit_transform(X)
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(X))
        for n in (1, 2, 5, 30):
            assert on_validation_set(X[order[n:]], X[order[:n]]) == []
    n = len(X) * 4 // 5
    for order in (np.arange(len(X)), np.argsort(y), np.argsort(X[:, 0])):  # drift
        assert on_validation_set(X[order[:n]], X[order[n:]]) == []


@pytest.mark.parametrize("n", [1, 3, 50])
@pytest.mark.parametrize("scaler", [InputNormalizer(), MinMaxScaler(), RobustScaler()], ids=str)
@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_a_validation_set_that_skipped_the_pipeline(load, scaler, n):
    X, y = load(return_X_y=True)
    net = MLPClassifier((5,), max_iter=2, random_state=0)
    fit = {"mlpclassifier__X_val": X[::2][:n], "mlpclassifier__y_val": y[::2][:n]}
    with pytest.warns(ConvergenceWarning, match="X_val is on another scale") as caught:
        make_pipeline(scaler, net).fit(X, y, **fit)
    text = str(caught[0].message)
    assert "X_val is on another scale than X in " in text
    assert "Pipeline(..., transform_input=['X_val'])" in text
    assert "its median in X_val is" in text


def test_spread_tells_where_places_do_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6))
    assert on_validation_set(X, X[:20] * 0.02)
    assert on_validation_set(X, X[:20] * 0.5) == []


def test_constant_and_rare_features_are_no_matter_of_scale():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(200), np.zeros(200), rng.random(200) < 0.02, rng.normal(size=200)])
    X_val = X[:9].copy()
    X_val[:, 0] = 5  # a constant that changed is another matter
    assert on_validation_set(X, X_val) == []


def test_one_hot_columns_do_not_hide_it():
    data = load_wine(as_frame=True)
    frame = data.data.assign(kind=[f"k{i % 40}" for i in range(178)])
    numbers = data.data.columns.tolist()
    encode = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(sparse_output=False), ["kind"])
    )
    X = encode.fit_transform(frame)
    raw = np.column_stack([data.data, X[:, len(numbers) :]])
    assert on_validation_set(X, X[:20]) == []
    assert on_validation_set(X, raw[:20])


def test_sparse_sets_are_not_looked_at():
    X = np.random.default_rng(0).normal(size=(50, 3))
    assert on_validation_set(csr_array(X), csr_array(X * 1e6)) == []
    assert on_validation_set(X, csr_array(X * 1e6)) == []
