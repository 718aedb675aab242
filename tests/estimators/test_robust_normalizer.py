"""InputNormalizer by median and quartile range: what outliers can no longer do."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from sknn_opt import InputNormalizer, MLPClassifier, NormalizationDisplay, check_shift

ROBUST = {"center": "median", "scale": "iqr"}
X = np.random.default_rng(0).lognormal(size=(600, 3)) * [1.0, 50.0, 1e-4]
SENTINELS = X.copy()
SENTINELS[:4, 0] = 999999


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_it_is_robust_scaler(with_mean, with_std, dtype):
    theirs = RobustScaler(with_centering=with_mean, with_scaling=with_std, unit_variance=True)
    ours = InputNormalizer(with_mean=with_mean, with_std=with_std, **ROBUST)
    table = X.astype(dtype)
    rtol = 1e-12 if dtype == np.float64 else 1e-4
    Z = ours.fit_transform(table)
    np.testing.assert_allclose(Z, theirs.fit_transform(table), rtol=rtol, atol=rtol)
    assert Z.dtype == dtype
    np.testing.assert_allclose(ours.inverse_transform(Z), table, rtol=rtol)
    for name in ("center_", "scale_"):
        mine, yours = getattr(ours, name), getattr(theirs, name)
        assert (mine is None) == (yours is None)
        if mine is not None:
            np.testing.assert_allclose(mine, yours, rtol=1e-6)


def test_mean_and_variance_keep_their_meaning():
    ours, theirs = InputNormalizer(**ROBUST).fit(X), StandardScaler().fit(X)
    np.testing.assert_allclose(ours.mean_, theirs.mean_)
    np.testing.assert_allclose(ours.var_, theirs.var_)
    mixed = InputNormalizer(center="mean", scale="iqr").fit(X)
    np.testing.assert_array_equal(mixed.center_, mixed.mean_)
    np.testing.assert_array_equal(mixed.scale_, ours.scale_)
    mixed = InputNormalizer(center="median", scale="std").fit(X)
    np.testing.assert_array_equal(mixed.center_, ours.center_)
    np.testing.assert_allclose(mixed.scale_, theirs.scale_)


@pytest.mark.parametrize("clip", [None, 3.0])
def test_auto_is_robust_where_there_is_a_clip(clip):
    auto = InputNormalizer(clip=clip).fit(X)
    named = ROBUST if clip else {"center": "mean", "scale": "std"}
    other = InputNormalizer(clip=clip, **named).fit(X)
    np.testing.assert_array_equal(auto.center_, other.center_)
    np.testing.assert_array_equal(auto.scale_, other.scale_)
    assert hasattr(auto, "_sketch") == bool(clip)


@pytest.mark.parametrize("clip", [None, 3.0])
def test_sentinels_move_nothing(clip):
    clean = InputNormalizer(clip=clip, **ROBUST).fit(X)
    dirty = InputNormalizer(clip=clip, **ROBUST).fit(SENTINELS)
    assert np.abs(clean.transform(X) - dirty.transform(X)).max() < (0.5 if clip is None else 0.05)
    if clip:
        assert np.abs(dirty.transform(SENTINELS)).max() < clip


def test_a_network_learns_beside_sentinels():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 2))
    y = (x.prod(axis=1) > 0).astype(int)
    dirty = x.copy()
    dirty[:4, 0] = 999999
    net = MLPClassifier((32,), random_state=0, learning_rate_init=0.01, tol=1e-3)
    for normalizer in (InputNormalizer(clip=3), InputNormalizer(clip=3, **ROBUST)):
        model = make_pipeline(normalizer, clone(net)).fit(dirty, y)
        assert model.score(x[4:], y[4:]) > 0.9


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 599), max_size=4, unique=True),
    st.sampled_from([None, "whole", "fractions"]),
    st.sampled_from([np.asarray, sparse.csr_array, sparse.csc_matrix]),
)
def test_a_short_stream_is_fit(cuts, kind, convert):
    rng = np.random.default_rng(0)
    table = np.where(rng.random(X.shape) < 0.3, np.nan, SENTINELS.round(2))
    weights = {"whole": rng.integers(0, 3, 600), "fractions": rng.exponential(size=600)}.get(kind)
    if weights is not None:
        weights[[0, *cuts]] = 1
    params = {"with_mean": convert is np.asarray, "clip": 2.0}
    whole = InputNormalizer(**params).fit(convert(table), sample_weight=weights)
    parts = InputNormalizer(**params)
    for rows in map(slice, [0, *sorted(cuts)], [*sorted(cuts), 600]):
        w = None if weights is None else weights[rows]
        parts.partial_fit(convert(table)[rows], sample_weight=w)
    np.testing.assert_array_equal(parts.scale_, whole.scale_)
    if params["with_mean"]:
        np.testing.assert_array_equal(parts.center_, whole.center_)
    np.testing.assert_allclose(parts.n_samples_seen_, whole.n_samples_seen_)


def test_a_row_of_weight_two_is_two_rows():
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, 600)
    one = InputNormalizer(**ROBUST).fit(X, sample_weight=weights)
    other = InputNormalizer(**ROBUST).fit(np.repeat(X, weights, axis=0))
    np.testing.assert_array_equal(one.center_, other.center_)
    np.testing.assert_array_equal(one.scale_, other.scale_)


def test_a_long_stream_is_bounded_and_near():
    rng = np.random.default_rng(0)
    rows = rng.normal(5, 2, (50_000, 2))
    stream = InputNormalizer(clip=3.0)
    sizes = []
    for start in range(0, 50_000, 1000):
        stream.partial_fit(rows[start : start + 1000])
        sizes.append(len(pickle.dumps(stream)))
    assert sizes[-1] - sizes[2] < 100
    assert stream.n_samples_seen_ == 50_000
    np.testing.assert_allclose(stream.center_, 5, atol=0.2)
    np.testing.assert_allclose(stream.scale_, 2, rtol=0.08)
    again = pickle.loads(pickle.dumps(stream)).partial_fit(rows)
    np.testing.assert_array_equal(again.center_, stream.partial_fit(rows).center_)


def test_a_stream_goes_on_after_fit():
    halves = InputNormalizer(**ROBUST).fit(X[:300]).partial_fit(X[300:])
    np.testing.assert_array_equal(halves.scale_, InputNormalizer(**ROBUST).fit(X).scale_)


def test_rare_values_of_a_long_stream_have_mean_and_deviation():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(6000, 2))
    table[100:, 1] = np.nan
    table[:100, 1] += 70
    stream = InputNormalizer(**ROBUST).partial_fit(table[:3000]).partial_fit(table[3000:])
    assert stream.center_[1] == stream.mean_[1]
    assert stream.scale_[1] == np.sqrt(stream.var_[1])
    assert stream.center_[0] != stream.mean_[0]


def test_features_with_few_distinct_values():
    flag = (np.arange(1000) < 80).astype(float)
    rare = (np.arange(1000) < 5).astype(float)
    table = np.column_stack([flag, rare, np.full(1000, 4.0), np.full(1000, np.nan)])
    normalizer = InputNormalizer(**ROBUST).fit(table)
    np.testing.assert_array_equal(normalizer.center_, [0, 0, 4, np.nan])
    expected = [1 / 3.2897, rare.std(), 1, np.nan]
    np.testing.assert_allclose(normalizer.scale_, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("before", "after"), [({}, ROBUST), ({}, {"clip": 3.0}), ({"scale": "std"}, {"scale": "iqr"})]
)
def test_quartiles_need_the_rows_of_all_calls(before, after):
    stream = InputNormalizer(**before).partial_fit(X)
    state = pickle.dumps(stream.set_params(**after))
    with pytest.raises(ValueError, match=r"quartiles of the earlier calls.*or start anew with fit"):
        stream.partial_fit(X)
    assert pickle.dumps(stream) == state
    stream.set_params(center="mean", scale="std").partial_fit(X)
    assert stream.n_samples_seen_ == 1200


def test_moments_take_over_from_quartiles():
    stream = InputNormalizer(**ROBUST).partial_fit(X).set_params(center="mean", scale="std")
    np.testing.assert_allclose(stream.partial_fit(X).scale_, X.std(axis=0))
    with pytest.raises(ValueError, match="which kept none"):
        stream.set_params(center="median").partial_fit(X)


@pytest.mark.parametrize("bad", [{"center": "mode"}, {"scale": "mad"}, {"center": None}])
def test_messages_about_names(bad):
    with pytest.raises(ValueError, match=r"must be a str among {'(auto|iqr|mean|median|std)'"):
        InputNormalizer(**bad).fit(X)


def test_with_the_checks_and_the_picture():
    frame = pd.DataFrame(X, columns=list("abc"))
    net = MLPClassifier((4,), max_iter=2, random_state=0)
    y = (X[:, 0] > 1).astype(int)
    grid = {"inputnormalizer__center": ["mean", "median"], "inputnormalizer__scale": ["std", "iqr"]}
    pipe = make_pipeline(InputNormalizer(**ROBUST), net)
    with pytest.warns(ConvergenceWarning):
        search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(frame, y)
    for model in (search, search.best_estimator_, pipe.named_steps["inputnormalizer"].fit(frame)):
        assert check_shift(model, frame).verdict == "OK"
        assert check_shift(model, frame * 3).verdict == "SHIFTED"
        assert NormalizationDisplay.from_estimator(model, frame).names == ["a", "b", "c"]
