"""Median and spread of columns against NumPy, scikit-learn, repetition and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import norm
from sklearn.preprocessing import RobustScaler

from sknn_opt.arrays.quantiles import median_and_spread


@st.composite
def tables(draw):
    """Columns of every kind, and whole weights that are not all zero."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, n_features = draw(st.integers(1, 60)), draw(st.integers(1, 5))
    X = rng.standard_normal((n, n_features)) * 10.0 ** rng.integers(-3, 4, n_features)
    if draw(st.booleans()):
        X = np.round(X)
    X[rng.random(X.shape) < draw(st.sampled_from([0.0, 0.4]))] = 0.0
    X[rng.random(X.shape) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    X = np.asarray(X, order=draw(st.sampled_from("CF")))
    weights = rng.integers(0, 4, n)
    weights[0] = max(weights[0], 1)
    return X, weights


@settings(deadline=None)
@given(tables())
def test_a_row_of_weight_two_is_two_rows(table):
    X, weights = table
    twice = np.repeat(X, weights, axis=0)
    expected = median_and_spread(twice)
    np.testing.assert_array_equal(median_and_spread(X, weights.astype(float)), expected)
    for x, median in zip(twice.T, expected[0], strict=True):
        present = x[~np.isnan(x)]
        numpys = np.median(present) if len(present) else np.nan
        np.testing.assert_allclose(median, numpys, rtol=1e-12, atol=1e-12)


@settings(deadline=None)
@given(tables(), st.sampled_from([sparse.csr_array, sparse.csc_array]), st.booleans())
def test_sparse_is_dense(table, convert, weighted):
    X, weights = table
    weights = weights * 1.0 if weighted else None
    ours, theirs = median_and_spread(convert(X), weights), median_and_spread(X, weights)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.uint8])
def test_without_weights_it_is_robust_scaler(dtype):
    X = (40 * np.random.default_rng(0).lognormal(size=(501, 4))).clip(0, 200).astype(dtype)
    theirs = RobustScaler(unit_variance=True).fit(X.astype(float))
    median, spread = median_and_spread(X)
    np.testing.assert_array_equal(median, theirs.center_)
    np.testing.assert_allclose(spread, theirs.scale_, rtol=1e-14)


@pytest.mark.parametrize("factor", [1e-6, 0.3, 1.0, 7.0])
def test_weights_of_any_size(factor):
    """Fractions, also such that sum to much less than 1: half of the weight lies on each side."""
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(5000), factor * rng.exponential(size=5000)
    (median,), (spread,) = median_and_spread(x[:, np.newaxis], w)
    order = np.argsort(x)
    share = np.cumsum(w[order]) / w.sum()
    assert abs(x[order][np.searchsorted(share, 0.5)] - median) < 0.01
    ends = x[order][np.searchsorted(share, [0.25, 0.75])]
    np.testing.assert_allclose(spread, np.diff(ends)[0] / 1.3489795, rtol=0.01)


def test_for_normal_data_every_range_is_the_standard_deviation():
    x = norm.ppf((np.arange(100_000) + 0.5) / 100_000) * 7 + 5
    for tail in (0.25, 0.1, 0.05, 0.025, 0.01):
        hidden = np.where(np.abs(norm.cdf(x, 5, 7) - 0.5) < 0.4999 - tail, 5.0, x)
        (median,), (spread,) = median_and_spread(hidden[:, np.newaxis])
        assert median == pytest.approx(5)
        assert spread == pytest.approx(7, rel=1e-3)


@pytest.mark.parametrize(
    ("share", "width"),
    [(0.3, 1.349), (0.2, 2.563), (0.08, 3.290), (0.03, 3.920), (0.015, 4.653), (0.005, np.inf)],
)
def test_the_narrowest_range_that_is_not_zero(share, width):
    flag = (np.arange(2000) < 2000 * share).astype(float)
    median, spread = median_and_spread(flag[:, np.newaxis])
    assert median == 0
    assert spread == pytest.approx(1 / width, rel=1e-3)


def test_columns_without_a_range():
    noise = 0.3 + np.finfo(float).eps * np.array([0.0, 0.5, -0.5, 0.0])
    X = np.column_stack([np.full(4, np.nan), np.full(4, 7.0), noise, 1e-200 * np.arange(4)])
    median, spread = median_and_spread(X)
    np.testing.assert_array_equal(np.isnan(median), [True, False, False, False])
    assert np.isnan(spread[0])
    np.testing.assert_array_equal(spread[1:], 0)
