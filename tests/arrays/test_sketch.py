"""A sample of a stream: the same however it is cut, all of it while it is short, fair later."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import kstest

from sknn_opt.arrays import sketch
from sknn_opt.arrays.quantiles import median_and_spread

RNG = np.random.default_rng(0)
LONG = RNG.standard_normal((9000, 3))
WEIGHTS = RNG.exponential(size=9000) * RNG.integers(0, 2, 9000)


def fed(cuts, X=LONG, weights=None):
    """The sketch of a stream that comes in parts."""
    known = sketch.no_rows(X)
    for part in zip([0, *cuts], [*cuts, X.shape[0]], strict=True):
        rows = slice(*part)
        known = sketch.add(known, X[rows], None if weights is None else weights[rows])
    return known


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        dense = (m.toarray() if sparse.issparse(m) else m for m in (a, b))
        np.testing.assert_array_equal(*dense)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=6), st.sampled_from([None, WEIGHTS]))
def test_it_does_not_depend_on_how_the_stream_is_cut(cuts, weights):
    whole = fed([], weights=weights)
    assert_equal(fed(sorted(cuts), weights=weights), whole)
    assert len(whole.keys) == sketch.ROWS
    assert_equal(fed(sorted(cuts), sparse.csr_array(LONG), weights), whole)


def test_row_by_row_is_at_once():
    assert_equal(fed(range(1, 2500), LONG[:2500]), fed([], LONG[:2500]))


@pytest.mark.parametrize("weights", [None, WEIGHTS[: sketch.ROWS]])
def test_a_short_stream_is_kept(weights):
    X = LONG[: sketch.ROWS]
    found = fed([700], X, weights).median_and_spread()
    np.testing.assert_array_equal(found, median_and_spread(X, weights))


def test_rows_of_weight_zero_are_absent():
    kept = WEIGHTS > 0
    assert_equal(fed([100], weights=WEIGHTS), fed([], LONG[kept], WEIGHTS[kept]))


def test_the_sample_is_fair():
    """Positions of the sample are uniform; weights sum to about those of the stream."""
    position = np.arange(100_000.0)[:, np.newaxis]
    assert kstest(fed([], position).rows[:, 0] / 100_000, "uniform").pvalue > 0.01
    for weights in (
        np.ones(100_000),
        np.random.default_rng(1).exponential(size=100_000),
        2 - position[:, 0] / 50_000,
    ):
        known = fed([], position, weights)
        n_kept = known.weights / -np.expm1(-known.weights * known.threshold)
        assert n_kept.sum() == pytest.approx(weights.sum(), rel=0.1)
        (median,), _ = known.median_and_spread()
        (exact,), _ = median_and_spread(position, weights)
        assert abs(median - exact) < 4000


def test_one_heavy_row_counts_by_its_weight():
    weights = np.where(np.arange(9000) == 7, 8000.0, 1.0)
    median, _ = fed([], weights=weights).median_and_spread()
    np.testing.assert_allclose(median, LONG[7], atol=0.1)


def test_a_wide_table_keeps_fewer_rows():
    wide = sparse.csr_array((500, 100_000), dtype=np.float32)
    assert fed([], wide).rows.shape == (sketch.FEWEST, 100_000)


def test_a_column_with_few_values_in_the_sample_is_unknown():
    X = LONG.copy()
    X[np.random.default_rng(1).permutation(9000)[100:], 1] = np.nan
    for table in (X, sparse.csr_array(X)):
        median, spread = fed([], table).median_and_spread()
        np.testing.assert_array_equal(np.isnan(median), [False, True, False])
        np.testing.assert_array_equal(np.isnan(spread), [False, True, False])


@pytest.mark.parametrize("first", [np.asarray, sparse.csr_array])
def test_dense_and_sparse_parts_mix(first):
    other = sparse.csc_array if first is np.asarray else np.asarray
    known = sketch.add(sketch.no_rows(first(LONG)), first(LONG[:3000]))
    assert_equal(sketch.add(known, other(LONG[3000:])), fed([]))


@pytest.mark.parametrize(
    ("dtype", "kept"), [(bool, "f4"), (np.int8, "f4"), (np.int64, "f8"), (np.float16, "f4")]
)
def test_numbers_keep_their_digits(dtype, kept):
    known = fed([1], np.ones((3, 2), dtype))
    assert known.rows.dtype == kept
