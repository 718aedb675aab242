"""Row hashes, the merging of equal rows, and the choice of validation rows."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array, csr_matrix
from sklearn.datasets import load_digits, load_iris

from sknn_opt.arrays.hashing import (
    BLOCK_ELEMENTS,
    hash_rows,
    held_out_in_stream,
    merge_equal_rows,
    renumbered,
)

KEY = [12, 34]
QUICK = settings(max_examples=100, deadline=None, derandomize=True)
BINARY = np.array(list(product([0.0, 1.0], repeat=12)))
# Few different values, so that equal rows, zeros of both signs and huge numbers come up.
VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, 3.0])


def n_different(X):
    return len(np.unique(X + 0.0, axis=0))


# Hashes -----------------------------------------------------------------------------------------


@QUICK
@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=VALUES))
def test_hashes_are_equal_where_rows_are_equal(X):
    hashes = hash_rows(KEY, X)
    assert hashes.dtype == np.uint64
    assert hashes.shape == (len(X),)
    equal_rows = (X[:, np.newaxis] == X[np.newaxis]).all(axis=2)
    np.testing.assert_array_equal(hashes[:, np.newaxis] == hashes, equal_rows)
    np.testing.assert_array_equal(hash_rows(KEY, csr_array(X)), hashes)
    np.testing.assert_array_equal(hash_rows(KEY, csr_matrix(X)), hashes)
    np.testing.assert_array_equal(hash_rows(KEY, np.asfortranarray(X)), hashes)


def test_zeros_that_a_sparse_matrix_stores_count_for_nothing():
    X = csr_array((np.array([0.0, 2.0, -0.0]), np.array([0, 1, 2]), np.array([0, 3])), shape=(1, 3))
    np.testing.assert_array_equal(hash_rows(KEY, X), hash_rows(KEY, np.array([[0.0, 2.0, 0.0]])))


def test_order_of_stored_entries_does_not_matter():
    X = csr_array((np.array([2.0, 1.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    np.testing.assert_array_equal(hash_rows(KEY, X), hash_rows(KEY, np.array([[1.0, 2.0]])))


def test_float32_and_float64_of_equal_value():
    X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    expected = hash_rows(KEY, X.astype(np.float64))
    np.testing.assert_array_equal(hash_rows(KEY, X), expected)
    np.testing.assert_array_equal(hash_rows(KEY, csr_array(X)), expected)


def test_integers_and_floats_of_equal_value():
    X = np.arange(-6, 6).reshape(4, 3)
    np.testing.assert_array_equal(hash_rows(KEY, X), hash_rows(KEY, X.astype(float)))


def test_a_row_hashes_alike_wherever_it_stands():
    X = np.random.default_rng(0).normal(size=(300, 5))
    hashes = hash_rows(KEY, X)
    order = np.random.default_rng(1).permutation(300)
    np.testing.assert_array_equal(hash_rows(KEY, X[order]), hashes[order])
    one_by_one = np.concatenate([hash_rows(KEY, X[i : i + 1]) for i in range(300)])
    np.testing.assert_array_equal(one_by_one, hashes)


@pytest.mark.parametrize("width", [1, 3, BLOCK_ELEMENTS // 2 + 1, BLOCK_ELEMENTS + 1])
def test_rows_in_many_blocks(width):
    n = 2 * BLOCK_ELEMENTS + 3 if width == 1 else 5
    X = np.random.default_rng(0).normal(size=(n, width))
    hashes = hash_rows(KEY, X)
    for i in (0, n // 2, n - 1):
        assert hash_rows(KEY, X[i : i + 1])[0] == hashes[i]


def test_the_input_is_only_read():
    X = np.array([[-0.0, 1.0]])
    X.flags.writeable = False
    hash_rows(KEY, X)
    assert np.signbit(X[0, 0])


def test_the_key_matters():
    one, two, again = (hash_rows(key, BINARY) for key in ([1, 2], [1, 3], [1, 2]))
    np.testing.assert_array_equal(one, again)
    assert not np.any(one == two)


def test_no_row_has_the_hash_0():
    """A row of zeros would have the lowest hash under every key, and always be held out."""
    hashes = [hash_rows([k, 1], np.zeros((1, 3)))[0] for k in range(200)]
    assert 0 not in hashes
    assert 5 < held_out_in_stream(np.array(hashes), 0.1).sum() < 40
    assert hash_rows(KEY, csr_array((1, 3))) == hash_rows(KEY, np.zeros((1, 3)))


def test_equal_rows_are_told_apart_by_numbers():
    hashes, numbers = np.full(5000, 7, np.uint64), np.arange(5000)
    told_apart = renumbered(hashes, numbers)
    assert len(np.unique(told_apart)) == 5000
    assert 400 < held_out_in_stream(told_apart, 0.1).sum() < 600
    np.testing.assert_array_equal(hashes, 7)


def test_the_order_of_the_rows_depends_on_the_key():
    one, two = (np.argsort(hash_rows(key, BINARY)) for key in (1, 2))
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.08


def test_several_arrays_side_by_side():
    X, y = BINARY[:, :6], BINARY[:, 6:]
    hashes = hash_rows(KEY, X, y)
    assert len(np.unique(hashes)) == len(BINARY)
    np.testing.assert_array_equal(hash_rows(KEY, csr_array(X), y), hashes)
    np.testing.assert_array_equal(hash_rows(KEY, X, y[:, :1]), hash_rows(KEY, X, y[:, 0]))
    codes = np.arange(len(X)) % 7
    assert len(np.unique(hash_rows(KEY, np.ones((len(X), 1)), codes))) == 7


def test_columns_do_not_commute():
    assert hash_rows(KEY, np.array([[1.0, 2.0]])) != hash_rows(KEY, np.array([[2.0, 1.0]]))


@pytest.mark.parametrize(
    "X",
    [
        BINARY,
        2 * BINARY,
        1 - 2 * BINARY,
        BINARY * 2.0 ** np.arange(12),
        np.eye(2000),
        np.arange(50_000.0)[:, np.newaxis],
        np.arange(-5000, 5000)[:, np.newaxis] / 8,
        np.array(list(product(range(10), repeat=4)), float),
        1e300 * BINARY,
        load_iris().data,
        load_digits().data,
    ],
    ids=[
        "0/1",
        "0/2",
        "-1/1",
        "powers of 2",
        "unit vectors",
        "counts",
        "eighths",
        "digits of 4",
        "huge",
        "iris",
        "digits",
    ],
)
@pytest.mark.parametrize("key", [0, 1, [7, 8]])
def test_no_collisions(X, key):
    assert len(np.unique(hash_rows(key, X))) == n_different(X)


@pytest.mark.parametrize("X", [BINARY, np.arange(4096.0)[:, np.newaxis]], ids=["0/1", "counts"])
def test_bits_are_uniform(X):
    hashes = hash_rows(KEY, X)
    n = len(hashes)
    bits = (hashes[:, np.newaxis] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    # Each bit is set in half of the rows: 5 standard deviations of a fair coin.
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(n)
    for byte in (hashes & np.uint64(63), hashes >> np.uint64(58)):
        counts = np.bincount(byte.astype(int), minlength=64)
        chi_square = ((counts - n / 64) ** 2 / (n / 64)).sum()
        assert chi_square < 63 + 5 * np.sqrt(2 * 63)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.9])
def test_share_held_out_in_a_stream(fraction):
    for X in (BINARY, np.random.default_rng(0).normal(size=(5000, 3))):
        hashes = hash_rows(KEY, X)
        mask = held_out_in_stream(hashes, fraction)
        assert mask.dtype == bool
        spread = np.sqrt(fraction * (1 - fraction) / len(X))
        assert abs(mask.mean() - fraction) < 5 * spread
        # Row by row it is the same: a row that is held out once is held out always.
        parts = np.concatenate([held_out_in_stream(h, fraction) for h in np.array_split(hashes, 7)])
        np.testing.assert_array_equal(parts, mask)


def test_held_out_of_nothing_and_of_all():
    hashes = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    assert not held_out_in_stream(hashes, 0.0).any()
    assert held_out_in_stream(hashes, 1.0).all()
    np.testing.assert_array_equal(held_out_in_stream(hashes, 0.5), [True, True, False, False])


# Equal rows merged ------------------------------------------------------------------------------


def merged(X, y, weight, key):
    rows, weight = merge_equal_rows(X, y, weight, key)
    return X[rows], y[rows], weight


def assert_same_set(one, two):
    for ours, theirs in zip(one, two, strict=True):
        if ours is None or theirs is None:
            assert ours is theirs
            continue
        ours, theirs = (v.toarray() if hasattr(v, "toarray") else v for v in (ours, theirs))
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", ["codes", "outputs"])
def test_weights_are_repetitions_to_the_bit(kind, sparse):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)) * (rng.random((40, 3)) < 0.6)
    y = rng.integers(3, size=40) if kind == "codes" else rng.normal(size=(40, 2))
    wrap = csr_array if sparse else np.asarray
    for seed in range(10):
        rng = np.random.default_rng(seed)
        count = rng.integers(0, 4, size=40)
        repeated = rng.permutation(np.repeat(np.arange(40), count))
        assert_same_set(
            merged(wrap(X), y, count.astype(float), KEY),
            merged(wrap(X[repeated]), y[repeated], None, KEY),
        )


def test_what_is_merged_is_the_weighted_set():
    X = np.array([[1.0], [2.0], [1.0], [1.0], [3.0]])
    y = np.array([0, 0, 1, 0, 0])
    weight = np.array([0.5, 1.0, 2.0, 0.25, 0.0])
    X_m, y_m, w_m = merged(X, y, weight, KEY)
    found = {(x, c): w for x, c, w in zip(X_m[:, 0], y_m, w_m, strict=True)}
    assert found == {(1.0, 0): 0.75, (2.0, 0): 1.0, (1.0, 1): 2.0}
    assert y_m.dtype == y.dtype


def test_rows_without_twins_keep_no_weights_and_get_an_order_of_their_own():
    y = np.arange(len(BINARY))
    X_m, y_m, weight = merged(BINARY, y, None, KEY)
    assert weight is None
    np.testing.assert_array_equal(np.sort(y_m), y)
    np.testing.assert_array_equal(BINARY[y_m], X_m)
    # In the order of the hash of x, then of y: whatever the unit of y, the order is the same.
    ordered = list(zip(hash_rows(KEY, X_m).tolist(), y_m.tolist(), strict=True))
    assert ordered == sorted(ordered)
    assert np.array_equal(merged(BINARY, 0.001 * y, None, KEY)[1], 0.001 * y_m)
    assert merged(BINARY, y, np.ones(len(y)), KEY)[2] is None


def test_merging_is_of_the_order_of_the_rows_independent():
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    assert_same_set(merged(X, y, None, KEY), merged(X[order], y[order], None, KEY))


def test_merging_twice_changes_nothing():
    X, y = np.repeat(BINARY, 2, axis=0), np.zeros(2 * len(BINARY), int)
    once = merged(X, y, None, KEY)
    assert_same_set(merged(*once, KEY), once)
    assert len(once[0]) == len(BINARY)
    np.testing.assert_array_equal(once[2], 2.0)
