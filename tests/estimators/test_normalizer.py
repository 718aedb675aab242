"""InputNormalizer does what StandardScaler does, more exactly, and clips."""

import pickle
import tracemalloc
import warnings
from fractions import Fraction

import mpmath
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sknn_opt import check_shift
from sknn_opt.arrays import moments
from sknn_opt.estimators.normalizer import InputNormalizer

ESTIMATORS = [
    InputNormalizer(),
    InputNormalizer(clip=3.0),
    InputNormalizer(center="median", scale="iqr"),
    InputNormalizer(with_mean=False, scale="iqr"),
    InputNormalizer(with_mean=False),
    InputNormalizer(with_std=False),
]

# The checks that scikit-learn runs on its own estimators only.
OWN_CHECKS = [
    "check_param_validation",
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]

MOMENTS = {"center": "mean", "scale": "std"}  # also with clip

SPARSE_FORMATS = [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix]


def failures_of_scikit_learn(estimator):
    """Return the check that scikit-learn 1.6 forgets to limit to estimators for sparse data."""
    if estimator.with_mean and sklearn.__version__.startswith("1.6."):
        return {"check_sample_weight_equivalence_on_sparse_data": "scikit-learn issue 30139"}
    return {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=failures_of_scikit_learn)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


# Some of these checks fit a data frame and transform an array, or the reverse, which warns.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("name", OWN_CHECKS)
def test_scikit_learn_contract_for_its_own(estimator, name):
    getattr(estimator_checks, name)("InputNormalizer", clone(estimator))


def test_tags_are_those_of_standard_scaler():
    for with_mean in (True, False):
        ours = get_tags(InputNormalizer(with_mean=with_mean))
        theirs = get_tags(StandardScaler(with_mean=with_mean))
        assert ours.input_tags == theirs.input_tags
        assert ours.transformer_tags == theirs.transformer_tags
        assert ours.target_tags == theirs.target_tags
        assert ours.array_api_support == theirs.array_api_support


# ---------------------------------------------------------------- against StandardScaler


def oracle(X, weights, **params):
    """Return a fitted StandardScaler; it warns of columns without values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return StandardScaler(**params).fit(X, sample_weight=weights)


def assert_same(ours, theirs, rtol):
    if theirs is None or ours is None:
        assert ours is theirs
    else:
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-12)


@st.composite
def tables(draw):
    """Return X, weights and the sizes of the chunks in which to feed them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_features = draw(st.integers(1, 20))
    chunks = draw(st.lists(st.integers(1, 60), min_size=1, max_size=5))
    X = rng.standard_normal((sum(chunks), n_features)) * 10.0 ** rng.integers(-2, 3, n_features)
    X += rng.integers(-100, 100, n_features)
    X = np.asarray(X, order=draw(st.sampled_from("CF")))
    X = X.astype(draw(st.sampled_from([np.float64, np.float32, np.int64, np.uint8, bool])))
    if X.dtype.kind == "f":
        X[rng.random(X.shape) < draw(st.sampled_from([0.0, 0.0, 0.1, 0.9]))] = np.nan
    weights = None
    if draw(st.booleans()):
        weights = rng.exponential(size=len(X)) * rng.integers(0, 2, len(X))
        weights[np.cumsum(chunks) - 1] = 1.0  # a chunk of nothing but zeros is refused
    return X, weights, chunks


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.booleans(), st.booleans())
def test_agrees_with_standard_scaler(table, with_mean, with_std):
    X, weights, chunks = table
    params = {"with_mean": with_mean, "with_std": with_std}
    theirs = oracle(X.astype(np.float64), weights, **params)
    whole = InputNormalizer(**params).fit(X, sample_weight=weights)
    parts = InputNormalizer(**params)
    for end, size in zip(np.cumsum(chunks), chunks, strict=True):
        rows = slice(end - size, end)
        parts.partial_fit(X[rows], sample_weight=None if weights is None else weights[rows])
    for ours in (whole, parts):
        for name in ("mean_", "var_", "scale_"):
            assert_same(getattr(ours, name), getattr(theirs, name), rtol=1e-9)
        if with_mean or with_std:  # else StandardScaler does not look at the weights
            np.testing.assert_allclose(ours.n_samples_seen_, theirs.n_samples_seen_)
    rtol = 1e-3 if X.dtype == np.float32 else 1e-9
    before, Z = X.copy(), whole.transform(X)
    assert Z.dtype == (np.float32 if X.dtype == np.float32 else np.float64)
    np.testing.assert_allclose(Z, theirs.transform(X.astype(np.float64)), rtol=rtol, atol=1e-5)
    # A feature without any (weighted) value is transformed to NaN, and stays that.
    expected = np.where(np.isnan(Z), np.nan, X)
    np.testing.assert_allclose(whole.inverse_transform(Z), expected, rtol=rtol, atol=1e-3)
    np.testing.assert_array_equal(X, before)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(SPARSE_FORMATS), st.booleans())
def test_sparse_agrees_with_dense_and_standard_scaler(table, convert, with_std):
    X, weights, _ = table
    X = np.where(np.abs(X.astype(float)) < 50, X, 0).astype(X.dtype)
    params = {"with_mean": False, "with_std": with_std}
    theirs = oracle(convert(X.astype(np.float64)), weights, **params)
    ours = InputNormalizer(**params).fit(convert(X), sample_weight=weights)
    dense = InputNormalizer(**params).fit(X, sample_weight=weights)
    for name in ("mean_", "var_", "scale_"):
        assert_same(getattr(ours, name), getattr(theirs, name), rtol=1e-7)
        assert_same(getattr(ours, name), getattr(dense, name), rtol=1e-9)
    np.testing.assert_allclose(ours.n_samples_seen_, dense.n_samples_seen_)
    Z = ours.transform(convert(X))
    assert Z.format == "csr"
    assert isinstance(Z, sparse.sparray) == issubclass(convert, sparse.sparray)
    np.testing.assert_allclose(Z.toarray(), dense.transform(X), rtol=1e-6)
    np.testing.assert_allclose(ours.inverse_transform(Z).toarray(), X, rtol=1e-5)


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_which_attributes_are_none(with_mean, with_std):
    X = np.array([[1.0, 2.0], [3.0, 5.0]])
    params = {"with_mean": with_mean, "with_std": with_std}
    inputs = [X] if with_mean else [X, sparse.csr_array(X)]
    for data in inputs:
        ours, theirs = InputNormalizer(**params).fit(data), StandardScaler(**params).fit(data)
        for name in ("mean_", "var_", "scale_"):
            assert (getattr(ours, name) is None) == (getattr(theirs, name) is None)


def test_the_kinds_of_n_samples_seen():
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    gap = np.array([[1.0, np.nan], [3.0, 4.0]])
    normalizer = InputNormalizer().fit(X)
    assert type(normalizer.n_samples_seen_) is int
    assert normalizer.partial_fit(X).n_samples_seen_ == 4
    seen = InputNormalizer().fit(gap).n_samples_seen_
    assert seen.dtype == np.int64
    np.testing.assert_array_equal(seen, [2, 1])
    normalizer.fit(X, sample_weight=[0.5, 1.0])
    assert type(normalizer.n_samples_seen_) is float
    assert normalizer.n_samples_seen_ == 1.5
    assert normalizer.partial_fit(X).n_samples_seen_ == 3.5  # once weighted, always weighted
    assert InputNormalizer().fit(gap, sample_weight=[1, 2]).n_samples_seen_.dtype == np.float64


def test_a_feature_without_values_becomes_nan():
    X = np.array([[1.0, np.nan], [3.0, np.nan]])
    for params in ({}, {"with_mean": False}, {"clip": 2.0}):
        normalizer = InputNormalizer(**params).fit(X)
        assert np.isnan([normalizer.mean_[1], normalizer.var_[1], normalizer.scale_[1]]).all()
        Z = normalizer.transform([[1.0, 2.0]])
        np.testing.assert_array_equal(np.isnan(Z), [[False, True]])
    np.testing.assert_array_equal(normalizer.partial_fit([[2.0, 7.0]]).mean_, [2.0, 7.0])


def test_a_constant_feature_is_only_centered():
    X = np.full((1000, 2), [0.1, 1e8 / 3])
    normalizer = InputNormalizer().fit(X)
    np.testing.assert_array_equal(normalizer.scale_, 1.0)
    np.testing.assert_array_equal(normalizer.var_, 0.0)
    np.testing.assert_array_equal(normalizer.transform(X), 0.0)


# ---------------------------------------------------------------- exactness


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_exact_to_twelve_digits(weighted, dtype):
    rng = np.random.default_rng(0)
    spread = 1.0 if dtype == np.float64 else 100.0  # float32 numbers are 8 apart at 1e8
    x = (1e8 + spread * rng.standard_normal((20_000, 1))).astype(dtype)
    weights = rng.integers(1, 5, len(x)).astype(float) if weighted else None
    with mpmath.workdps(50):
        w = [mpmath.mpf(int(v)) for v in weights] if weighted else [mpmath.mpf(1)] * len(x)
        values = [mpmath.mpf(float(v)) for v in x[:, 0]]
        mu = mpmath.fdot(values, w) / mpmath.fsum(w)
        var = mpmath.fdot([(v - mu) ** 2 for v in values], w) / mpmath.fsum(w)
        expected_z = float((values[0] - mu) / mpmath.sqrt(var))
    whole = InputNormalizer().fit(x, sample_weight=weights)
    parts = InputNormalizer()
    for rows in np.array_split(np.arange(len(x)), 50):
        parts.partial_fit(x[rows], sample_weight=weights[rows] if weighted else None)
    for normalizer in (whole, parts):
        np.testing.assert_allclose(normalizer.mean_[0], float(mu), rtol=1e-12)
        np.testing.assert_allclose(normalizer.var_[0], float(var), rtol=1e-12)
        np.testing.assert_allclose(normalizer.scale_[0], float(mpmath.sqrt(var)), rtol=1e-12)
    # The float32 mean alone would be off by up to 4, a bias of 4 % of the deviation.
    rtol = 1e-6 if dtype == np.float32 else 1e-7
    np.testing.assert_allclose(whole.transform(x[:1])[0, 0], expected_z, rtol=rtol)


@pytest.mark.parametrize("clip", [None, 3.0])
@pytest.mark.parametrize("size", [1e-150, 1e-60, 1e60, 1e100])
def test_columns_of_any_size(size, clip):
    X = size * np.array([[1.0], [-1.0], [1.0], [-1.0]])
    normalizer = InputNormalizer(clip=clip, **MOMENTS).fit(X)
    np.testing.assert_allclose(normalizer.scale_, size, rtol=1e-14)
    expected = InputNormalizer(clip=clip, **MOMENTS).fit(X / size).transform(X / size)
    Z = normalizer.transform(X)
    np.testing.assert_allclose(Z, expected, rtol=1e-14)
    np.testing.assert_allclose(normalizer.inverse_transform(Z), X, rtol=1e-14)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=6),
    st.integers(1, 6),
    st.sampled_from([None, 3.0]),
    st.sampled_from([np.asarray, sparse.csr_array]),
)
def test_finite_input_stays_finite(values, chunk, clip, convert):
    """Whatever the sizes: no warning, no NaN, and the deviation is that of exact fractions."""
    X = np.array(values)[:, np.newaxis]
    normalizer = InputNormalizer(clip=clip, with_mean=convert is np.asarray, **MOMENTS)
    for start in range(0, len(X), chunk):
        normalizer.partial_fit(convert(X[start : start + chunk]))
    Z = normalizer.transform(X)
    assert np.isfinite(Z).all()
    assert np.isfinite(normalizer.inverse_transform(Z)).all()
    exact = [Fraction(value) for value in values]
    mu = sum(exact) / len(exact)
    var = sum((value - mu) ** 2 for value in exact) / len(exact)
    with mpmath.workdps(50):
        std = float(mpmath.sqrt(mpmath.mpf(var.numerator) / var.denominator))
    if std > 1e-153 and std > 1e-14 * abs(mu):  # else constant
        np.testing.assert_allclose(normalizer.scale_, std, rtol=1e-12, atol=3e-16 * abs(mu))
    else:
        assert normalizer.scale_ in (1.0, pytest.approx(std))


@pytest.mark.parametrize("clip", [None, 3.0])
@pytest.mark.parametrize("size", [1e-30, 1e-15, 1e25, 1e36])
def test_float32_columns_of_any_size(size, clip):
    X = (size * np.array([[1.0, 1.0], [-1.0, 2.0], [1.0, 1.0]])).astype(np.float32)
    normalizer = InputNormalizer(clip=clip).fit(X)
    Z = normalizer.transform(X)
    assert Z.dtype == np.float32
    expected = InputNormalizer(clip=clip).fit(X.astype(float)).transform(X.astype(float))
    np.testing.assert_allclose(Z, expected, rtol=1e-5)
    np.testing.assert_allclose(normalizer.inverse_transform(Z), X, rtol=1e-5)


def test_float32_overflow_is_infinite_without_a_warning():
    normalizer = InputNormalizer().fit([[1e-10], [3e-10]])
    Z = normalizer.transform(np.array([[3e38], [-3e38]], dtype=np.float32))
    np.testing.assert_array_equal(Z, [[np.inf], [-np.inf]])


# ---------------------------------------------------------------- clip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("clip", [3.0, 3.1, 0.7, 1e-30, 1e30, 1e-300, 1e300])
def test_clip_formula_and_bounds(clip, dtype):
    """One feature of mean 0 and deviation 1, so that z = x."""
    normalizer = InputNormalizer(clip=clip, **MOMENTS).fit(np.array([[1.0], [-1.0]]))
    z = np.concatenate([np.linspace(-10, 10, 41), [1e4, 1e20, 3e38, -3e38]])
    if dtype == np.float64:
        z = np.concatenate([z, [1e60, 1e100, -1e100]])
    z = z.astype(dtype)[:, np.newaxis]
    y = normalizer.transform(z)
    assert y.dtype == dtype
    with mpmath.workdps(50):
        exact = [float(v / mpmath.sqrt(1 + (v / mpmath.mpf(clip)) ** 2)) for v in z[:, 0].tolist()]
    tiny = float(np.finfo(dtype).tiny)
    rtol = 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(y[:, 0].astype(float), exact, rtol=rtol, atol=tiny)
    assert (np.abs(y.astype(float)) < clip).all()
    assert (np.diff(y[:41, 0]) >= 0).all()
    back = normalizer.inverse_transform(y)
    assert np.isfinite(back).all()
    near = (np.abs(z.astype(float)) < 10 * clip) & (np.abs(y) > tiny)
    np.testing.assert_allclose(back[near], z[near], rtol=2000 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inverse_of_values_beyond_the_bound(dtype):
    normalizer = InputNormalizer(clip=3.0).fit(np.array([[1.0], [-1.0]]))
    y = np.array([[np.nextafter(dtype(3), dtype(0))], [3.0], [4.0], [1e30], [-3.0]], dtype=dtype)
    x = normalizer.inverse_transform(y)
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(np.abs(x), x[0, 0])
    assert x[0, 0] > 1e3


def test_clip_in_the_unit_of_the_data():
    X = np.random.default_rng(0).normal(50.0, 7.0, (200, 3))
    normalizer = InputNormalizer(clip=2.5, **MOMENTS).fit(X)
    z = StandardScaler().fit_transform(X)
    y = normalizer.transform(X)
    np.testing.assert_allclose(y, z / np.sqrt(1 + (z / 2.5) ** 2), rtol=1e-10)
    np.testing.assert_allclose(normalizer.inverse_transform(y), X, rtol=1e-12)


def test_clip_keeps_nan_and_acts_on_stored_values():
    X = np.array([[0.0, 1.0], [np.nan, 0.0], [4.0, 3.0]])
    normalizer = InputNormalizer(clip=1.5, with_mean=False).fit(X)
    Z = normalizer.transform(sparse.csr_array(X))
    assert Z.nnz == 4
    np.testing.assert_allclose(Z.toarray(), normalizer.transform(X))
    np.testing.assert_allclose(normalizer.inverse_transform(Z).toarray(), X)
    only_clip = InputNormalizer(clip=1.5, with_mean=False, with_std=False).fit(X)
    np.testing.assert_allclose(only_clip.transform(X), X / np.sqrt(1 + (X / 1.5) ** 2))


# ---------------------------------------------------------------- input, output and memory


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1, 3), (70_001, 1), (30_001, 3), (301, 1500), (3, 70_001)])
def test_blocks_of_every_shape(shape, order):
    X = np.random.default_rng(0).normal(3.0, 2.0, shape)
    X = np.asarray(X, order=order)
    normalizer = InputNormalizer().fit(X)
    expected = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
    for data in (X, X.astype(np.float32)):
        Z = normalizer.transform(data)
        assert Z.flags.f_contiguous == data.flags.f_contiguous
        np.testing.assert_allclose(Z, expected, rtol=1e-2 if data is not X else 1e-9, atol=1e-6)
    np.testing.assert_allclose(normalizer.transform(X[::-2]), expected[::-2], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(normalizer.inverse_transform(expected), X, rtol=1e-9)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float64, np.float64),
        (np.float32, np.float32),
        (np.float16, np.float32),
        (np.longdouble, np.float64),
        (np.int32, np.float64),
        (np.uint64, np.float64),
        (bool, np.float64),
        (object, np.float64),
    ],
)
def test_dtypes(given, expected):
    X = np.array([[0, 1], [1, 1], [1, 0], [0, 1]]).astype(given)
    normalizer = InputNormalizer().fit(X)
    assert normalizer.mean_.dtype == normalizer.scale_.dtype == np.float64
    for copy in (True, False):
        Z = normalizer.transform(X.copy(), copy=copy)
        assert Z.dtype == expected
        np.testing.assert_allclose(Z, StandardScaler().fit_transform(X.astype(float)), rtol=1e-6)
        assert normalizer.inverse_transform(Z).dtype == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_in_place_only_on_request(dtype):
    X = np.random.default_rng(0).normal(5.0, 2.0, (2000, 3)).astype(dtype)
    normalizer = InputNormalizer().fit(X)
    before = X.copy()
    Z = normalizer.transform(X)
    np.testing.assert_array_equal(X, before)
    assert not np.shares_memory(normalizer.inverse_transform(Z), Z)

    assert normalizer.transform(X, copy=False) is X
    np.testing.assert_array_equal(X, Z)
    assert InputNormalizer(copy=False).fit(before).inverse_transform(X) is X
    np.testing.assert_allclose(X, before, rtol=1e-5, atol=1e-5)
    X.flags.writeable = False
    assert not np.shares_memory(normalizer.transform(X, copy=False), X)


@pytest.mark.parametrize("convert", SPARSE_FORMATS)
def test_sparse_in_place_only_on_request(convert):
    dense = np.array([[0.0, 2.0], [3.0, 4.0], [5.0, 0.0]])
    X = convert(dense)
    normalizer = InputNormalizer(with_mean=False).fit(X)
    Z = normalizer.transform(X)
    np.testing.assert_array_equal(X.toarray(), dense)
    assert not np.shares_memory(Z.indices, X.indices)
    again = normalizer.transform(X, copy=False)
    np.testing.assert_array_equal(again.toarray(), Z.toarray())
    assert np.shares_memory(again.data, X.data) == (X.format == "csr")
    np.testing.assert_array_equal((X if X.format == "csr" else Z).toarray(), Z.toarray())


def test_sparse_without_stored_values():
    X = sparse.csr_array((3, 2))
    Z = InputNormalizer(with_mean=False, clip=1.0).fit(X).transform(X)
    assert Z.shape == (3, 2)
    assert Z.nnz == 0


def test_a_data_frame_is_never_changed():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    before = frame.copy()
    normalizer = InputNormalizer(copy=False).set_output(transform="pandas").fit(frame)
    Z = normalizer.transform(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert list(Z.columns) == ["a", "b"]
    assert list(normalizer.feature_names_in_) == ["a", "b"]
    assert list(normalizer.get_feature_names_out()) == ["a", "b"]


def test_nullable_columns():
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64")})
    np.testing.assert_array_equal(
        InputNormalizer().fit_transform(frame), StandardScaler().fit_transform(frame)
    )


def traced_peak(function):
    """Return the result and the largest number of bytes held meanwhile."""
    function()  # what is imported and compiled at first is not what is measured
    tracemalloc.start()
    try:
        return function(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_memory_on_a_read_only_memmap(tmp_path, dtype):
    shape = (100_000, 50)
    values = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8).astype(dtype)
    values.tofile(tmp_path / "X.bin")
    X = np.memmap(tmp_path / "X.bin", dtype=dtype, mode="r", shape=shape)
    normalizer, peak = traced_peak(lambda: InputNormalizer().fit(X))
    assert peak < 3 * 2**20  # X has 5 or 20 million bytes, in float64 40
    for clip in (None, 3.0):
        normalizer.set_params(clip=clip)
        Z, peak = traced_peak(lambda: normalizer.transform(X))
        assert peak < Z.nbytes + 3 * 2**20
        assert type(Z) is np.ndarray
    np.testing.assert_array_equal(X, values)


# ---------------------------------------------------------------- state


def test_the_training_range_and_the_missing_share():
    X = np.array([[1.0, np.nan], [3.0, 7.0], [99.0, 5.0]])
    normalizer = InputNormalizer().fit(X, sample_weight=[1, 1, 0])
    np.testing.assert_array_equal(normalizer.data_min_, [1, 7])
    np.testing.assert_array_equal(normalizer.data_max_, [3, 7])
    np.testing.assert_array_equal(normalizer.data_missing_, [0, 0.5])
    normalizer.partial_fit([[-2.0, 9.0], [2.0, 9.0]])
    np.testing.assert_array_equal(normalizer.data_min_, [-2, 7])
    np.testing.assert_array_equal(normalizer.data_max_, [3, 9])
    np.testing.assert_array_equal(normalizer.data_missing_, [0, 0.25])
    assert normalizer.fit([[0.0, 0.0]]).data_max_.tolist() == [0, 0]
    sparse_too = InputNormalizer(with_mean=False).fit(sparse.csr_array([[0, 4.0], [0, 0]]))
    np.testing.assert_array_equal(sparse_too.data_min_, [0, 0])
    np.testing.assert_array_equal(sparse_too.data_max_, [0, 4])


def test_fit_starts_afresh_and_partial_fit_goes_on():
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((50, 3)), rng.standard_normal((70, 3)) + 5
    once = InputNormalizer().fit(B)
    np.testing.assert_array_equal(InputNormalizer().fit(A).fit(B).mean_, once.mean_)
    both = InputNormalizer().fit(A).partial_fit(B)
    np.testing.assert_allclose(both.var_, np.vstack([A, B]).var(axis=0), rtol=1e-13)
    narrower = InputNormalizer().fit(pd.DataFrame(A, columns=list("abc"))).fit(A[:, :2])
    assert narrower.n_features_in_ == 2
    assert not hasattr(narrower, "feature_names_in_")


FRAME = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 5.0, 5.0]})
OTHER = pd.DataFrame({"c": [1.0, 2.0, 4.0], "d": [3.0, 5.0, 5.0], "e": [1.0, 1.0, 2.0]})
FAILURES = {
    "infinity": (OTHER.replace(5.0, np.inf), None, ValueError),
    "text": (pd.DataFrame({"c": ["x", "y"]}), None, ValueError),
    "one dimension": (np.ones(3), None, ValueError),
    "no rows": (OTHER.iloc[:0], None, ValueError),
    "sparse": (sparse.csr_array(np.eye(3)), None, ValueError),
    "negative weight": (OTHER, [1.0, -1.0, 1.0], ValueError),
    "zero weights": (OTHER, [0.0, 0.0, 0.0], ValueError),
    "too few weights": (OTHER, [1.0], ValueError),
    "nan weight": (OTHER, [1.0, np.nan, 1.0], ValueError),
    "too large weights": (OTHER, [1e308, 1e308, 1e308], ValueError),
    "interrupt": (OTHER, None, KeyboardInterrupt),
    "bad parameter": (OTHER, None, ValueError),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_failed_fit_changes_nothing(monkeypatch, method, fitted, failure):
    X, weights, error = FAILURES[failure]
    normalizer = InputNormalizer()
    if fitted:
        normalizer.fit(FRAME)
        if method == "partial_fit" and hasattr(X, "columns"):
            X = X.iloc[:, :2].set_axis(FRAME.columns[: X.shape[1]], axis=1)  # fail late, not early
    if failure == "interrupt":

        def interrupt(*args):
            raise KeyboardInterrupt

        monkeypatch.setattr(moments, "add_dense", interrupt)
    if failure == "bad parameter":
        normalizer.set_params(clip=-1.0)
    before = vars(normalizer).copy()
    arrays = pickle.dumps(before)
    with pytest.raises(error):
        getattr(normalizer, method)(X, sample_weight=weights)
    assert vars(normalizer).keys() == before.keys()
    assert all(vars(normalizer)[name] is before[name] for name in before)
    assert pickle.dumps(vars(normalizer)) == arrays


def test_pickle_and_clone():
    X = np.random.default_rng(0).standard_normal((40, 3))
    normalizer = InputNormalizer(clip=2.0).fit(X[:20])
    copy = pickle.loads(pickle.dumps(normalizer))
    np.testing.assert_array_equal(copy.transform(X), normalizer.transform(X))
    copy.partial_fit(X[20:])
    np.testing.assert_array_equal(copy.mean_, normalizer.partial_fit(X[20:]).mean_)
    fresh = clone(normalizer)
    assert fresh.get_params() == normalizer.get_params()
    with pytest.raises(NotFittedError):
        fresh.transform(X)


def test_state_is_plain():
    normalizer = InputNormalizer(clip=2.0).fit([[1.0], [2.0]])
    state = {**vars(normalizer), **vars(normalizer)["_moments"], **vars(normalizer)["_sketch"]}
    del state["_moments"], state["_sketch"]
    assert {type(value) for value in state.values()} <= {
        bool,
        int,
        str,
        float,
        type(None),
        np.ndarray,
    }


def test_skops_loads_it():
    skops_io = pytest.importorskip("skops.io")
    X = np.array([[1.0, 2.0], [3.0, 5.0]])
    normalizer = InputNormalizer().fit(X)
    dumped = skops_io.dumps(normalizer)
    trusted = skops_io.get_untrusted_types(data=dumped)
    assert trusted == ["sknn_opt.estimators.normalizer.InputNormalizer"]
    loaded = skops_io.loads(dumped, trusted=trusted)
    np.testing.assert_array_equal(loaded.partial_fit(X).transform(X), normalizer.transform(X))


# ---------------------------------------------------------------- messages


def test_messages_about_sparse_input():
    X = sparse.coo_array(np.eye(3))
    normalizer = InputNormalizer().fit(np.eye(3))
    for call in (InputNormalizer().fit, InputNormalizer().partial_fit, normalizer.transform):
        with pytest.raises(ValueError, match=r"Cannot center sparse matrices.*with_mean=False"):
            call(X)
    with pytest.raises(ValueError, match=r"Cannot uncenter sparse matrices.*with_mean=False"):
        normalizer.inverse_transform(X)


@pytest.mark.parametrize("where", ["first", "last", "opposite", "all"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(70_001, 2), (300, 40), (1, 3)])
def test_messages_about_infinity(where, order, dtype, shape):
    """Found in the sums, in the result, or beforehand: the message is scikit-learn's."""
    X = np.ones(shape, dtype, order=order)
    X[0, 0] = np.nan
    fitted = InputNormalizer().fit(np.ones((2, shape[1])))
    for sign in (1, -1):
        if where == "all":
            X[:, -1] = sign * np.inf
        else:
            X[-1 if where == "last" else 0, -1] = sign * np.inf
            X[-1, -1] *= -1 if where == "opposite" else 1
        message = f"Input X contains infinity or a value too large for dtype\\('{dtype}'\\)"
        before = X.copy()
        for call in calls_that_read(fitted):
            with pytest.raises(ValueError, match=message):
                call(X)
            np.testing.assert_array_equal(X, before)


def calls_that_read(fitted):
    """All calls that look for numbers that are too large."""
    return (
        InputNormalizer().fit,
        lambda X: InputNormalizer().fit(X, sample_weight=np.arange(X.shape[0]) + 1.0),
        fitted.partial_fit,
        fitted.transform,
        fitted.inverse_transform,
        lambda X: fitted.transform(X, copy=False),
    )


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("size", [1e99, 1e130, 1e200, 1e304])
@pytest.mark.parametrize("robust", [False, True])
def test_huge_columns_are_those_of_numbers_that_are_not(size, convert, robust):
    X = np.random.default_rng(0).normal(size=(60, 3)) + [0, 1, 2]
    kind = {"center": "median", "scale": "iqr"} if robust else {}
    expected = InputNormalizer(with_mean=convert is np.asarray, **kind).fit(convert(X))
    found = InputNormalizer(**expected.get_params())
    factor = np.array([1.0, size, -size])
    found.fit(convert(X * factor))
    for name in ("mean_", "center_", "scale_"):
        if getattr(expected, name) is not None:
            sign = [1, 1, -1] if name != "scale_" else 1
            own = getattr(found, name) / [1, size, size] * sign
            np.testing.assert_allclose(own, getattr(expected, name), rtol=1e-12)
    streamed = InputNormalizer(**expected.get_params())
    for part in (X[:20], X[20:40] * 1e-3, X[40:]):  # the unit becomes larger on the way
        streamed.partial_fit(convert(part * np.minimum(np.abs(factor), 1e90)))
    for part in (X[:20], X[20:]):
        streamed.partial_fit(convert(part * factor))
    assert np.isfinite(streamed.scale_).all()
    z = found.transform(convert(X * factor))
    own = expected.transform(convert(X))
    np.testing.assert_allclose(dense(z), dense(own) * [1, 1, -1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        dense(found.inverse_transform(z)), X * factor, rtol=1e-9, atol=1e-9 * size
    )


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


def test_shift_of_numbers_whose_squares_overflow_is_refused():
    normalizer = InputNormalizer().fit([[1e120], [2e120]])
    with pytest.raises(ValueError, match=r"check_shift cannot square numbers beyond 1e\+100"):
        check_shift(normalizer, [[1.0], [2.0]])


@pytest.mark.parametrize("value", [1.01e305, -1e307])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sparse.csr_array])
@pytest.mark.parametrize("shape", [(70_001, 2), (300, 40), (2, 3)])
def test_messages_about_extremes(value, convert, shape):
    """Above 1e305 the column is named, and nothing changes."""
    dense = np.ones(shape)
    fitted = InputNormalizer(with_mean=convert is not sparse.csr_array).fit(convert(dense))
    dense[0, 0] = np.nan
    dense[-2:, -1] = 1e100, value
    X, before = convert(dense), convert(dense)
    message = f"X holds {value:g} in column {shape[1] - 1}; no number .* 1e+305 .*: correct it"
    for call in calls_that_read(fitted)[2 * sparse.issparse(X) :]:
        state = pickle.dumps(vars(fitted))
        with pytest.raises(ValueError, match=message.replace("+", r"\+")):
            call(X)
        assert pickle.dumps(vars(fitted)) == state
        np.testing.assert_array_equal(*(m.data if m is not dense else m for m in (X, before)))


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_infinity_in_sparse_data_and_beside_weight_zero(convert):
    X, weights = np.array([[1.0, 0.0], [3.0, np.inf], [2.0, 5.0]]), [1.0, 0.0, 2.0]
    with pytest.raises(ValueError, match="Input X contains infinity"):
        InputNormalizer(with_mean=False).fit(convert(X))
    normalizer = InputNormalizer(with_mean=False).fit(convert(X), sample_weight=weights)
    absent = InputNormalizer(with_mean=False).fit(X[::2], sample_weight=weights[::2])
    np.testing.assert_allclose(normalizer.var_, absent.var_, rtol=1e-14)


def test_the_message_about_extremes_names_the_feature():
    frame = pd.DataFrame({"age": [1.0, 2.0], "income": [3.0, -1e306]})
    normalizer = InputNormalizer().fit(frame.clip(lower=0))
    for call in (normalizer.fit, normalizer.partial_fit, normalizer.transform):
        with pytest.raises(ValueError, match=r"X holds -1e\+306 in feature 'income'"):
            call(frame)


def test_messages_about_weights():
    X = np.eye(3)
    with pytest.raises(ValueError, match=r"negative \(-2\) at row 1.*weight zero"):
        InputNormalizer().fit(X, sample_weight=[1, -2, 3])
    for weights in ([0, 0, 0], 0.0):
        with pytest.raises(ValueError, match=r"(.*weight.*zero.*)|(.*zero.*weight.*)"):
            InputNormalizer().fit(X, sample_weight=weights)
    with pytest.raises(ValueError, match=r"beyond 1e\+100 \(largest weight 1e\+308\).*divide"):
        InputNormalizer().fit(X, sample_weight=[1e308, 1e308, 1])


def test_messages_about_features():
    normalizer = InputNormalizer().fit(FRAME)
    for call in (normalizer.transform, normalizer.partial_fit):
        with pytest.raises(ValueError, match="feature names should match"):
            call(OTHER)
    plain = InputNormalizer().fit(np.eye(3))
    for call in (plain.transform, plain.partial_fit, plain.inverse_transform):
        with pytest.raises(
            ValueError, match="X has 2 features, but InputNormalizer is expecting 3"
        ):
            call(np.eye(2))


@pytest.mark.parametrize("clip", [0, -1.0, np.inf, np.nan, "3"])
def test_message_about_clip(clip):
    with pytest.raises(ValueError, match="The 'clip' parameter of InputNormalizer must be"):
        InputNormalizer(clip=clip).fit(np.eye(2))


def test_not_fitted():
    for call in (InputNormalizer().transform, InputNormalizer().inverse_transform):
        with pytest.raises(NotFittedError):
            call(np.eye(2))
