"""The moments of columns agree with 50-digit arithmetic, however the rows arrive."""

import mpmath
import numpy as np
import pytest
from scipy import sparse, stats

from sknn_opt.arrays import moments as columns
from sknn_opt.arrays.moments import BLOCK_SIZE
from sknn_opt.kernels.with_numpy import NARROW

N_ROWS = 20_000
TOLERANCE = 1e-12


def exact(X, weights=None):
    """Return mean and variance of each column, summed with 50 digits, as float64."""
    weights = np.ones(len(X)) if weights is None else weights
    results = []
    with mpmath.workdps(50):
        w = [mpmath.mpf(float(v)) for v in weights]
        for column in X.T:
            pairs = [(mpmath.mpf(float(x)), v) for x, v in zip(column, w, strict=True) if x == x]
            total = mpmath.fsum(v for _, v in pairs)
            mu = mpmath.fsum(x * v for x, v in pairs) / total
            var = mpmath.fsum((x - mu) ** 2 * v for x, v in pairs) / total
            results.append((float(mu), float(var)))
    return np.array(results).T


def add(X, weights=None, chunk=None, to=None):
    """Return the moments of X, added in chunks of so many rows."""
    moments = columns.no_moments(X.shape[1]) if to is None else to
    function = columns.add_sparse if sparse.issparse(X) else columns.add_dense
    chunk = chunk or X.shape[0]
    for start in range(0, X.shape[0], chunk):
        rows = slice(start, start + chunk)
        moments = function(moments, X[rows], None if weights is None else weights[rows])
    return moments


def assert_exact(moments, reference, rtol=TOLERANCE):
    np.testing.assert_allclose(columns.mean(moments), reference[0], rtol=rtol)
    np.testing.assert_allclose(columns.variance(moments), reference[1], rtol=rtol)
    np.testing.assert_allclose(columns.deviation(moments), np.sqrt(reference[1]), rtol=rtol)


@pytest.fixture(scope="module")
def hard():
    """Two columns of mean 1e8 and standard deviation 1, where the textbook formula gives noise."""
    rng = np.random.default_rng(0)
    return 1e8 + rng.standard_normal((N_ROWS, 2))


@pytest.fixture(scope="module")
def hard_weights():
    weights = np.random.default_rng(1).exponential(size=N_ROWS)
    weights[::7] = 0.0
    return weights


@pytest.fixture(scope="module")
def hard_exact(hard):
    return exact(hard)


@pytest.mark.parametrize("chunk", [None, 5000, 37, 1])
def test_large_mean(hard, hard_exact, chunk):
    assert_exact(add(hard, chunk=chunk), hard_exact)


@pytest.mark.parametrize("chunk", [None, 5000, 37])
def test_large_mean_weighted(hard, hard_weights, chunk):
    assert_exact(add(hard, hard_weights, chunk), exact(hard, hard_weights))


@pytest.mark.parametrize("chunk", [None, 1000])
def test_large_mean_float32(chunk):
    # The deviation must exceed the spacing of float32 at 1e8, which is 8.
    X = (1e8 + 100 * np.random.default_rng(2).standard_normal((N_ROWS, 2))).astype(np.float32)
    assert_exact(add(X, chunk=chunk), exact(X))


@pytest.mark.parametrize("chunk", [None, 1000])
def test_large_mean_with_missing_values(hard, chunk):
    X = hard.copy()
    X[np.random.default_rng(3).random(X.shape) < 0.1] = np.nan
    X[:3000, 1] = np.nan
    moments = add(X, chunk=chunk)
    assert_exact(moments, exact(X))
    np.testing.assert_array_equal(moments.count, np.isfinite(X).sum(axis=0))


@pytest.mark.parametrize("convert", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix])
@pytest.mark.parametrize("chunk", [None, 1000])
def test_large_mean_sparse(hard, hard_exact, hard_weights, convert, chunk):
    assert_exact(add(convert(hard), chunk=chunk), hard_exact)
    weighted = add(convert(hard), hard_weights, chunk)
    assert_exact(weighted, exact(hard, hard_weights))


@pytest.mark.parametrize("first", [0.0, 1e4, -1e8])
def test_a_first_value_far_from_the_rest(hard, first):
    X = hard.copy()
    X[0] = first
    reference = exact(X)
    for chunk in (None, 100, 1):
        assert_exact(add(X, chunk=chunk), reference)


def test_a_mean_that_drifts_from_block_to_block():
    n_rows = 4 * (BLOCK_SIZE // (NARROW + 1))
    rng = np.random.default_rng(4)
    X = rng.standard_normal((n_rows, NARROW + 1))
    X[:, :2] += np.linspace(1e3, 2e3, n_rows)[:, np.newaxis]  # only these two are centered twice
    moments = add(X)
    reference = exact(X[:, [0, 2]])
    np.testing.assert_allclose(columns.mean(moments)[[0, 2]], reference[0], rtol=1e-10)
    np.testing.assert_allclose(columns.variance(moments)[[0, 2]], reference[1], rtol=TOLERANCE)


def test_sorted_data_in_small_chunks(hard):
    X = np.sort(hard, axis=0)
    assert_exact(add(X, chunk=50), exact(X))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_features", [1, NARROW, NARROW + 1, BLOCK_SIZE + 1])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "longdouble"])
def test_every_shape_order_and_dtype(order, n_features, dtype):
    rng = np.random.default_rng(5)
    n_rows = 3 if n_features > BLOCK_SIZE else 2 * BLOCK_SIZE // n_features // 16 + 5
    X = np.asarray(rng.integers(0, 2, (n_rows, n_features)), dtype=dtype, order=order)
    moments = add(X)
    np.testing.assert_allclose(columns.mean(moments), X.astype(float).mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(columns.variance(moments), X.astype(float).var(axis=0), atol=1e-14)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e8 / 3, 1e100, -1e100, 5e-324])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chunk", [None, 7])
def test_a_constant_column_has_variance_zero(value, weighted, chunk):
    X = np.full((1000, 3), value)
    weights = np.random.default_rng(6).random(1000) if weighted else None
    moments = add(X, weights, chunk)
    np.testing.assert_array_equal(columns.mean(moments), value)
    np.testing.assert_array_equal(columns.variance(moments), 0.0)
    np.testing.assert_array_equal(columns.scale(moments), 1.0)


def test_a_constant_sparse_column_has_scale_one():
    X = sparse.csr_array(np.full((100_000, 1), 1e8 / 3))
    assert columns.scale(add(X)) == 1.0


def test_scale_tells_rounding_from_variation():
    """The bound does not grow with the number of rows, which would hide a true deviation."""
    n_rows = 100_000
    ulp = np.spacing(1e8)
    sign = np.where(np.arange(n_rows) % 2, 1.0, -1.0)[:, np.newaxis]
    X = 1e8 + sign * np.array([[0.0, ulp, 100 * ulp]])
    scale = columns.scale(add(X))
    np.testing.assert_array_equal(scale[:2], 1.0)
    np.testing.assert_allclose(scale[2], 100 * ulp)


def test_rows_of_weight_zero_do_not_count():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((500, 3))
    weights = rng.integers(0, 2, 500).astype(float)
    X[weights == 0] = rng.choice([np.nan, 1e300, -1e300], ((weights == 0).sum(), 3))
    kept = add(X[weights > 0])
    for moments in (add(X, weights), add(sparse.csr_array(X), weights)):
        np.testing.assert_allclose(columns.mean(moments), columns.mean(kept))
        np.testing.assert_allclose(columns.variance(moments), columns.variance(kept))
    assert all(map(np.array_equal, add(X, weights), kept))


def test_weights_count_as_repetition():
    rng = np.random.default_rng(8)
    X, weights = rng.standard_normal((300, 2)), rng.integers(0, 4, 300)
    assert_exact(add(X, weights.astype(float)), exact(np.repeat(X, weights, axis=0)))


@pytest.mark.parametrize("size", [1e-150, 1e38, 1e100])
@pytest.mark.parametrize("chunk", [None, 1, 4])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_columns_of_any_size(size, chunk, convert):
    # The first column is ordinary; the last grows large only at the end.
    X = np.array([[1.0, 1.0, 1.0], [3.0, -4.0, 1.0], [0.0, -1.0, 1.0], [0.0, 1.0, size]] * 2)
    X[:, 1] *= size
    assert_exact(add(convert(X), chunk=chunk), exact(X))


def test_a_column_without_values_recovers_later():
    X = np.array([[1.0, np.nan], [3.0, np.nan]])
    for convert in (np.asarray, sparse.csr_array, sparse.csc_array):
        moments = add(convert(X))
        for summary in (columns.mean, columns.variance, columns.deviation, columns.scale):
            assert np.isnan(summary(moments)[1])
            assert np.isfinite(summary(moments)[0])
        later = add(convert(X[:, ::-1].copy()), to=moments)
        np.testing.assert_array_equal(columns.mean(later), [2.0, 2.0])
        np.testing.assert_array_equal(columns.variance(later), [1.0, 1.0])


def test_sparse_zeros_missing_values_and_duplicates():
    rng = np.random.default_rng(9)
    dense = rng.standard_normal((400, 5)) * (rng.random((400, 5)) < 0.3)
    dense[rng.random(dense.shape) < 0.1] = np.nan
    dense[:, 4] = 0.0
    weights = rng.random(400)
    for w in (None, weights):
        reference = add(dense, w)
        for convert in (sparse.csr_array, sparse.csc_array):
            moments = add(convert(dense), w)
            np.testing.assert_allclose(moments.count, reference.count)
            np.testing.assert_allclose(columns.mean(moments), columns.mean(reference))
            np.testing.assert_allclose(columns.variance(moments), columns.variance(reference))
    twice = sparse.csr_array(([1.0, 2.0, 5.0], [0, 0, 0], [0, 2, 3]), shape=(2, 1))
    moments = add(twice)
    assert (columns.mean(moments), columns.variance(moments)) == (4.0, 1.0)
    assert twice.nnz == 3  # the argument is not tidied up in place


def test_sparse_and_dense_chunks_mix(hard, hard_exact):
    half = N_ROWS // 2
    dense_first = add(sparse.csr_array(hard[half:]), to=add(hard[:half]))
    sparse_first = add(hard[half:], to=add(sparse.csc_array(hard[:half])))
    assert_exact(dense_first, hard_exact)
    assert_exact(sparse_first, hard_exact)


def test_arguments_are_left_alone(hard):
    X, weights = hard[:100].copy(), np.ones(100)
    X.flags.writeable = weights.flags.writeable = False
    moments = add(X, weights)
    for array in moments:
        array.flags.writeable = False
    add(X, weights, to=moments)
    add(1e90 * X, weights, to=moments)
    stored = sparse.csr_array(X)
    stored.data.flags.writeable = False
    add(stored, weights, to=moments)


# ---------------------------------------------------------------- range and missing values


@pytest.mark.parametrize("chunk", [None, 997, 1])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_features", [1, 3, NARROW + 1, 300])
def test_the_range_and_the_missing_share(chunk, convert, dtype, n_features):
    n_rows = 3 if chunk == 1 else 2000
    rng = np.random.default_rng(n_features)
    X = (rng.standard_normal((n_rows, n_features)) + 3).astype(dtype)
    X[rng.random(X.shape) < 0.2] = 0
    X[rng.random(X.shape) < 0.1] = np.nan
    X[0] = 5.0
    moments = add(convert(X), chunk=chunk)
    np.testing.assert_array_equal(moments.low, np.nanmin(X, axis=0))
    np.testing.assert_array_equal(moments.high, np.nanmax(X, axis=0))
    share = np.isnan(X).mean(axis=0)
    np.testing.assert_allclose(columns.missing_share(moments), share, rtol=1e-12)
    np.testing.assert_array_equal(columns.missing_share(moments) == 0, share == 0)


def test_the_range_of_tall_columns():
    X = np.asfortranarray(np.random.default_rng(0).standard_normal((columns.TALL + 7, 2)))
    moments = add(X)
    np.testing.assert_array_equal(moments.low, X.min(axis=0))
    np.testing.assert_array_equal(moments.high, X.max(axis=0))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "longdouble"])
def test_the_range_of_other_dtypes(dtype):
    X = np.random.default_rng(0).integers(0, 2, (300, 4)).astype(dtype)
    X[:, 3] = 1
    moments = add(X)
    np.testing.assert_array_equal(moments.low, [0, 0, 0, 1])
    np.testing.assert_array_equal(moments.high, 1)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_rows_of_weight_zero_are_not_in_the_range(convert):
    X = np.array([[1.0, -9.0], [2.0, np.nan], [50.0, np.nan], [3.0, 4.0]])
    moments = add(convert(X), np.array([0.3, 0.1, 0.0, 0.2]))
    np.testing.assert_array_equal(moments.low, [1, -9])
    np.testing.assert_array_equal(moments.high, [3, 4])
    np.testing.assert_allclose(columns.missing_share(moments), [0, 1 / 6])


def test_the_range_of_huge_and_of_absent_values():
    X = np.array([[1e300, np.nan, -1.7e308], [-1e300, np.nan, 1.7e308]])
    moments = add(X)
    np.testing.assert_array_equal(moments.low, [-1e300, np.nan, -1.7e308])
    np.testing.assert_array_equal(moments.high, [1e300, np.nan, 1.7e308])
    np.testing.assert_array_equal(columns.missing_share(moments), [0, 1, 0])
    moments = add(np.array([[2e300, 3.0, 0.0]]), to=moments)
    np.testing.assert_array_equal(moments.low, [-1e300, 3, -1.7e308])
    np.testing.assert_array_equal(moments.high, [2e300, 3, 1.7e308])


def test_equal_weights_leave_no_trace_of_missing_values():
    X, weights = np.ones((100_000, 3)), np.full(100_000, 0.1)
    for data in (X, sparse.csr_array(X)):
        assert not columns.missing_share(add(data, weights, chunk=777)).any()


# The fourth moment ------------------------------------------------------------------------------


HEAVY = {
    "normal": lambda rng, n: rng.normal(5, 2, n),
    "lognormal": lambda rng, n: rng.lognormal(sigma=1.5, size=n),
    "flag": lambda rng, n: (rng.random(n) < 0.01).astype(float),
    "far from zero": lambda rng, n: 1e8 + rng.standard_t(5, n),
}


@pytest.mark.parametrize("name", HEAVY)
@pytest.mark.parametrize("chunk", [None, 3000, 37, 1])
def test_kurtosis_is_that_of_scipy(name, chunk):
    X = np.column_stack([HEAVY[name](np.random.default_rng(seed), 4000) for seed in range(3)])
    near = X - X[0]  # scipy itself loses digits where the mean is large
    moments, expected, skew = (
        add(X, chunk=chunk),
        stats.kurtosis(near, fisher=False),
        stats.skew(near),
    )
    np.testing.assert_allclose(columns.kurtosis(moments), expected, rtol=1e-8)
    np.testing.assert_allclose(columns.skewness(moments), skew, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("chunk", [None, 1000, 1])
def test_kurtosis_of_a_stream_that_drifts(chunk):
    """Each block is far from the first, where the shift lies."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 2)) + np.linspace(0, 1000, 6000)[:, np.newaxis] // 100 * [1, -1e4]
    expected = stats.kurtosis(X, fisher=False)
    np.testing.assert_allclose(columns.kurtosis(add(X, chunk=chunk)), expected, rtol=1e-9)


def test_kurtosis_with_weights_gaps_and_zeros():
    rng = np.random.default_rng(1)
    X, weights = rng.gamma(1, size=(900, 4)) * (rng.random((900, 4)) < 0.6), np.arange(900.0) % 4
    X[rng.random(X.shape) < 0.2] = np.nan
    repeated = np.repeat(X, weights.astype(int), axis=0)
    expected = stats.kurtosis(repeated, fisher=False, nan_policy="omit")
    for form in (X, np.asfortranarray(X), sparse.csr_array(X), sparse.csc_array(X)):
        for chunk in (None, 100) if form is X else (None,):
            got = columns.kurtosis(add(form, weights, chunk))
            np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_kurtosis_is_unknown_without_a_deviation_and_where_powers_are_no_floats():
    X = np.array([[1.0, np.nan, 1e-120, 1e99], [1.0, np.nan, 0, -1e99], [1.0, np.nan, 0, 3e99]])
    assert np.isnan(columns.kurtosis(add(X))).all()
    assert np.isnan(columns.skewness(add(X))).all()
    two = add(np.array([[0.0], [1.0]]))
    assert columns.kurtosis(two) == pytest.approx(1)  # the least there is
    assert columns.kurtosis(columns.in_unit(two, np.array([2.0**100]))) == pytest.approx(1)


def test_moments_of_an_earlier_version_stay_exact_but_for_the_kurtosis():
    X = np.random.default_rng(2).normal(size=(100, 2))
    state = add(X[:50])._asdict()
    del state["m3"], state["m4"]
    moments = add(X[50:], to=columns.restored(state))
    assert_exact(moments, exact(X))
    assert np.isnan(columns.kurtosis(moments)).all()
    assert len(columns.part(moments, [0]).m4) == 1
