"""Which rows of a set are held out: its share, whatever repeats, and no copy on both sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sknn_opt.arrays.hashing import hash_rows
from sknn_opt.training.holdout import groups_held_out, held_out_weight

KEY = [12, 34]
QUICK = settings(max_examples=200, deadline=None, derandomize=True)


def held_out(X, y, fraction=0.1, *, weight=None, strata=None, minimum=1, **options):
    hashes = hash_rows(KEY, np.asarray(X, float))
    strata = y if strata is None else strata
    return held_out_weight(hashes, y, strata, weight, fraction, minimum, **options)


@st.composite
def samples(draw):
    """Hashes with twins, targets and strata that go with them or not, and small whole weights."""
    n = draw(st.integers(2, 80))
    hashes = draw(arrays(np.uint64, n, elements=st.integers(1, draw(st.sampled_from([3, 40])))))
    y = draw(arrays(np.int64, n, elements=st.integers(0, 2)))
    if draw(st.booleans()):
        y = hashes.astype(int) % 3  # no conflicts
    strata = y if draw(st.booleans()) else np.zeros(n, int)
    weight = draw(arrays(np.float64, n, elements=st.integers(1, draw(st.sampled_from([1, 9])))))
    fraction = draw(st.sampled_from([0.05, 0.1, 0.25, 0.5, 0.9]))
    return hashes, y, strata, weight, fraction, draw(st.integers(1, 2))


def by_kind(hashes, y, held):
    """The weight held out of each kind of row (x, y)."""
    kinds, number = np.unique(np.column_stack([hashes, y]), axis=0, return_inverse=True)
    return np.bincount(number.ravel(), weights=held, minlength=len(kinds))


@QUICK
@given(samples(), st.integers(0, 1000))
def test_neither_order_nor_unit_of_y_matters(sample, seed):
    hashes, y, strata, weight, fraction, minimum = sample
    held = held_out_weight(*sample)
    order = np.random.default_rng(seed).permutation(len(y))
    again = held_out_weight(
        hashes[order], 1000.0 * y[order], strata[order], weight[order], fraction, minimum
    )
    np.testing.assert_allclose(by_kind(hashes[order], y[order], again), by_kind(hashes, y, held))


@QUICK
@given(samples())
def test_merged_rows_are_repetitions(sample):
    hashes, y, strata, weight, fraction, minimum = sample
    count = weight.astype(int)
    repeated = [np.repeat(array, count) for array in (hashes, y, strata)]
    one_by_one = held_out_weight(*repeated, None, fraction, minimum)
    assert set(one_by_one) <= {0.0, 1.0}
    first = np.unique(np.column_stack([hashes, y]), axis=0, return_index=True)[1]
    total = by_kind(hashes, y, weight)
    merged = held_out_weight(
        hashes[first], y[first], strata[first], total, fraction, minimum, divisible=True
    )
    np.testing.assert_allclose(merged, by_kind(*repeated[:2], one_by_one), atol=1e-9)


@QUICK
@given(samples())
def test_every_class_keeps_something_to_train_on(sample):
    strata, weight = sample[2:4]
    for options in ({}, {"divisible": True}):
        held = held_out_weight(*sample, **options)
        assert np.all((held >= 0) & (held <= weight))
        trained = np.bincount(strata, weights=weight - held)
        assert np.all(trained[np.bincount(strata) > 0] > 0)


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3, 0.9])
def test_different_rows_those_of_lowest_hash_to_the_nearest_row(fraction):
    rng = np.random.default_rng(0)
    hashes, y = rng.integers(1, 2**63, 500, dtype=np.uint64), rng.integers(0, 3, 500)
    held = held_out_weight(hashes, y, y, None, fraction, 1)
    for c in range(3):
        n = np.count_nonzero(y == c)
        k = round(fraction * n - 1e-9)
        expected = np.sort(hashes[y == c])[:k]
        np.testing.assert_array_equal(np.sort(hashes[(held > 0) & (y == c)]), expected)


@pytest.mark.parametrize("n_copies", [2, 3, 9, 19])
def test_copies_stay_together(n_copies):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), np.arange(300) % 2
    rare = np.where(y == 1, n_copies, 1)
    held = held_out(np.repeat(X, rare, axis=0), np.repeat(y, rare))
    by_row = np.bincount(np.repeat(np.arange(300), rare), weights=held)
    assert set(by_row / rare) == {0.0, 1.0}
    for c in (0, 1):
        assert by_row[y == c].sum() / rare[y == c].sum() == pytest.approx(0.1, abs=0.03)


def test_a_few_conflicts_do_not_make_observations():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 300, 1500)
    X, y = rng.normal(size=(300, 2))[rows], rows % 2
    y[:10] = 1 - y[:10]  # wrong labels
    held = held_out(X, y)
    by_row = np.bincount(rows, weights=held) / np.maximum(np.bincount(rows), 1)
    assert np.mean((by_row == 0) | (by_row == 1)) > 0.95


TABLES = {
    "a flag": [1800, 200],
    "three categories": [900, 900, 200],
    "200 categories": [10] * 200,
    "one category": [2000],
    "a category and other rows": [1000] + [1] * 1000,
}


@pytest.mark.parametrize("kind", ["classes", "regression", "labels"])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_observations_give_their_share_in_every_cell(table, kind):
    rng = np.random.default_rng(0)
    cell = np.repeat(np.arange(len(table)), table)
    p = np.linspace(0.2, 0.8, len(table))[cell]
    y = (rng.random(len(cell)) < p).astype(int)
    if kind == "regression":
        y = p + rng.normal(size=len(cell))
    elif kind == "labels":
        y = np.column_stack([y, rng.integers(0, 2, len(cell))])
    held = held_out(cell[:, np.newaxis], y, strata=y if kind == "classes" else 0 * cell)
    assert held.sum() == pytest.approx(200, abs=2)
    counts = np.array(table)
    share = np.bincount(cell, weights=held) / counts
    repeated = counts > 1
    assert np.all(np.abs(share - 0.1)[repeated] <= 2 / counts[repeated])


@pytest.mark.parametrize("n_categories", [2, 8, 100])
def test_categories_whose_rows_all_have_one_target(n_categories):
    """Without a conflict equal rows could be copies; but nearly all rows come often."""
    X = np.repeat(np.arange(n_categories), 50)[:, np.newaxis]
    held = held_out(X, X.ravel() % 2)
    np.testing.assert_allclose(np.bincount(X.ravel(), weights=held), 5, atol=1)


def test_a_heavy_category_among_rows_that_come_once():
    X = np.concatenate([np.zeros(300), np.random.default_rng(0).normal(size=700)])
    held = held_out(X[:, np.newaxis], np.arange(1000) >= 500)
    assert held[:300].sum() == 30
    assert held.sum() == 100


@pytest.mark.parametrize("n_rows", [2, 3, 5, 11, 15])
def test_many_small_classes_hold_out_the_share_asked_for(n_rows):
    y = np.repeat(np.arange(400), n_rows)
    X = np.random.default_rng(0).normal(size=(len(y), 2))
    held = held_out(X, y)
    assert 0.1 / 1.5 < held.mean() < 0.1 * 1.5
    assert np.bincount(y, weights=held).max() < n_rows


def test_one_small_class_beside_large_ones_is_still_validated():
    y = np.repeat([0, 1], [995, 5])
    held = held_out(np.arange(1000)[:, np.newaxis], y)
    assert held[y == 1].sum() == 1


def test_a_row_of_huge_weight_stays_in_training():
    rng = np.random.default_rng(0)
    for seed in range(20):
        X = np.random.default_rng(seed).normal(size=(1000, 2))
        weight = np.ones(1000)
        weight[0] = 1e6
        held = held_out(X, rng.normal(size=1000), weight=weight, strata=np.zeros(1000), minimum=2)
        assert held[0] == 0
        assert 90 <= held.sum() <= 110


def test_merged_rows_of_other_weights_are_divided_in_proportion():
    X, y = np.array([0, 0, 1, 1])[:, np.newaxis], np.array([0, 1, 0, 1])
    weight = np.array([12.5, 3.25, 100.0, 7.0])
    held = held_out(X, y, weight=weight, divisible=True)
    np.testing.assert_allclose(held, 0.1 * weight)


def test_nothing_of_nothing():
    assert not held_out(np.arange(50)[:, np.newaxis], np.arange(50) % 2, 0.0).any()


# Groups -----------------------------------------------------------------------------------------


@QUICK
@given(
    arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 12)),
    st.sampled_from([0.05, 0.1, 0.3, 0.9]),
)
def test_groups_stay_together(groups, fraction):
    hashes = hash_rows(KEY, groups)
    held = groups_held_out(hashes, None, fraction)
    assert not set(groups[held]) & set(groups[~held])
    assert not held.all()
    assert held.any() == (len(set(groups)) > 1)


@pytest.mark.parametrize("sizes", [[10] * 30, [1] * 300, [50, *[5] * 50]], ids=str)
def test_share_of_groups(sizes):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(10):
        held = groups_held_out(hash_rows([seed, 1], groups), None, 0.1)
        assert 0.06 < held.mean() < 0.2
