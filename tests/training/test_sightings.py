"""Which rows of a stream are held out: always the same, except for those that repeat too much."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from sknn_opt.arrays.hashing import hash_rows, held_out_in_stream
from sknn_opt.training.sightings import PERIOD, Sightings

KEY = [5, 6]


def stream(X, y, sizes, fraction=0.1, sightings=None):
    """The mask of the rows held out of calls of these sizes; the last takes the rest."""
    x, t = hash_rows(KEY, np.asarray(X, float)), hash_rows(KEY, np.asarray(y, float))
    sightings = sightings or Sightings.nothing()
    parts = np.split(np.arange(len(x)), np.cumsum(sizes)[np.cumsum(sizes) < len(x)])
    return np.concatenate([sightings.held_out(x[p], t[p], fraction) for p in parts])


def flag(rng, n):
    x = (rng.random((n, 1)) < 0.1) * 1.0
    return x, (rng.random(n) < np.where(x[:, 0] == 1, 0.9, 0.1)) * 1


def categories(rng, n):
    cell = rng.choice(3, size=n, p=[0.45, 0.45, 0.1])
    return np.eye(3)[cell], (rng.random(n) < np.array([0.2, 0.7, 0.5])[cell]) * 1


def many_categories(rng, n):
    cell = rng.integers(0, 200, n)
    return cell[:, np.newaxis], rng.normal(size=n)


def parity(rng, n):
    X = rng.integers(0, 2, (n, 3))
    return X, X.sum(axis=1) % 2


def continuous(rng, n):
    return rng.normal(size=(n, 2)), rng.normal(size=n)


KINDS = [flag, categories, many_categories, parity, continuous]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_the_share_and_no_category_for_ever(kind, fraction):
    for seed in range(5):
        X, y = kind(np.random.default_rng(seed), 6000)
        held = stream(X, y, [], fraction)
        assert held.mean() == pytest.approx(fraction, abs=0.03)
        if kind is not continuous:
            _, cell = np.unique(X, axis=0, return_inverse=True)
            share = np.bincount(cell.ravel(), weights=held) / np.bincount(cell.ravel())
            assert share.max() < 0.8
            assert (share[np.bincount(cell.ravel()) > 100] > fraction / 3).all()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 3000), max_size=12))
def test_calls_do_not_matter(kind, sizes):
    X, y = kind(np.random.default_rng(0), 9000)
    np.testing.assert_array_equal(stream(X, y, sizes), stream(X, y, []))


def test_row_by_row_is_all_at_once():
    X, y = flag(np.random.default_rng(1), 500)
    np.testing.assert_array_equal(stream(X, y, [1] * 500), stream(X, y, []))


def test_passes_over_a_file_hold_out_the_same_rows():
    X, y = load_iris(return_X_y=True)
    once = held_out_in_stream(hash_rows(KEY, X), 0.1)
    assert 5 < once.sum() < 30
    order = np.concatenate([np.random.default_rng(k).permutation(150) for k in range(40)])
    held = stream(X[order], y[order], [1] * 200)
    np.testing.assert_array_equal(held, once[order])


def test_unique_rows_are_decided_by_their_hash_alone():
    X, y = continuous(np.random.default_rng(0), 3 * PERIOD)
    expected = held_out_in_stream(hash_rows(KEY, X), 0.1)
    np.testing.assert_array_equal(stream(X, y, [777] * 5), expected)


def test_a_category_that_comes_late_is_noticed():
    """Rows that came once leave the table."""
    rng, sightings = np.random.default_rng(0), Sightings.nothing()
    stream(*continuous(rng, 20 * PERIOD), [], sightings=sightings)
    key = next(
        k for k in range(99) if held_out_in_stream(hash_rows(KEY, np.array([[k, 0.0]])), 0.1)
    )
    X, y = continuous(rng, PERIOD)
    late = rng.random(PERIOD) < 0.2
    X[late] = key, 0
    held = stream(X, np.where(late, 1, y), [], sightings=sightings)
    assert held[late][200:].mean() < 0.2


def test_a_copy_has_a_life_of_its_own():
    sightings = Sightings.nothing()
    stream(*flag(np.random.default_rng(0), 100), [], sightings=sightings)
    copy = sightings.copy()
    stream(*flag(np.random.default_rng(1), 100), [], sightings=copy)
    assert sightings.n_rows == 100
    assert copy.n_rows == 200
    assert sightings.count.sum() == 100
