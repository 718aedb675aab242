"""Minibatches: each row once, in buffers, cast on the way."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse

from sknn_opt.training import batches
from sknn_opt.training.batches import Minibatches
from sknn_opt.training.rows import Rows

N = 23
COLUMNS = np.array([0, 100, 200, 300])


def make_data(dtype=np.float64, kind="C", rows=None, weighted=True):
    """Row i holds i in every array, so that each can be recognized."""
    X = (np.arange(N)[:, np.newaxis] + COLUMNS).astype(dtype)
    X = {"C": np.ascontiguousarray, "F": np.asfortranarray, "sparse": csr_array}[kind](X)
    y = np.arange(N, dtype=dtype)[:, np.newaxis]
    return Rows(X, y, np.arange(1.0, N + 1) if weighted else None, rows)


def collect(batches, rng):
    """Copies of what the batches hold."""
    epoch = []
    for X, y, weight in batches.epoch(rng):
        X = X.toarray() if issparse(X) else X.copy()
        epoch.append((X, y.copy(), None if weight is None else weight.copy()))
    return epoch


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("size", [1, 5, 22, 23, 1000])
@pytest.mark.parametrize("kind", ["C", "F", "sparse"])
def test_an_epoch_is_every_row_once(kind, size, shuffle):
    batches = Minibatches(make_data(kind=kind), size, np.float64, 2.0)
    rng = np.random.default_rng(0) if shuffle else None
    for _ in range(3):
        epoch = collect(batches, rng)
        sizes = [len(X) for X, _, _ in epoch]
        assert sum(sizes) == N
        assert len(sizes) == batches.n_batches == math.ceil(N / size)
        assert max(sizes) == batches.size <= size
        assert max(sizes) - min(sizes) <= 1
        y = np.concatenate([y[:, 0] for _, y, _ in epoch])
        np.testing.assert_array_equal(np.sort(y), np.arange(N))
        if not shuffle:
            np.testing.assert_array_equal(y, np.arange(N))
        for X, y, weight in epoch:
            np.testing.assert_array_equal(X, y + COLUMNS)
            np.testing.assert_array_equal(weight, (y[:, 0] + 1) / 2)


def test_sizes():
    batches = Minibatches(make_data(), 5, np.float32, 1.0)
    assert (batches.n_rows, batches.size) == (N, 5)
    assert Minibatches(make_data(), 500, np.float32, 1.0).size == N
    assert [len(X) for X, _, _ in collect(batches, None)] == [5, 5, 5, 4, 4]


def test_no_last_batch_of_one_row():
    """It would move θ by a full step, and batch norm cannot normalize it."""
    batches = Minibatches(make_data(), N - 1, np.float32, 1.0)
    assert [len(X) for X, _, _ in collect(batches, None)] == [12, 11]


def test_shuffling_differs_from_epoch_to_epoch_and_is_repeatable():
    batches, twin = (Minibatches(make_data(), 5, np.float64, 1.0) for _ in range(2))
    rng, rng_twin = np.random.default_rng(3), np.random.default_rng(3)
    orders = []
    for _ in range(3):
        order, same = (
            np.concatenate([y[:, 0] for _, y, _ in collect(b, r)])
            for b, r in ((batches, rng), (twin, rng_twin))
        )
        np.testing.assert_array_equal(order, same)
        orders.append(order.tolist())
    assert len({tuple(order) for order in orders}) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("data_dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["C", "F", "sparse"])
def test_batches_have_the_dtype_of_the_network(kind, data_dtype, dtype):
    batches = Minibatches(make_data(data_dtype, kind), 5, dtype, 2.0)
    for X, y, weight in batches.epoch(None):
        assert X.dtype == y.dtype == weight.dtype == dtype
    np.testing.assert_array_equal(y[:, 0], [19, 20, 21, 22])
    np.testing.assert_array_equal(weight, [10, 10.5, 11, 11.5])


def test_class_codes_stay_integers():
    data = Rows(np.ones((4, 2)), np.array([0, 2, 1, 2]))
    (_, y, weight), *_ = collect(Minibatches(data, 2, np.float32, 1.0), None)
    assert y.dtype.kind == "i"
    assert weight is None
    np.testing.assert_array_equal(y, [0, 2])


def test_buffers_are_reused():
    batches = Minibatches(make_data(), 5, np.float32, 1.0)
    seen = list(batches.epoch(None))
    for later in seen[1:]:
        for first, other in zip(seen[0], later, strict=True):
            assert np.shares_memory(first, other)


@pytest.mark.parametrize("kind", ["C", "F", "sparse"])
def test_a_subset_of_the_rows(kind):
    rows = np.array([20, 3, 7, 11, 4])
    data = make_data(kind=kind, rows=rows)
    batches = Minibatches(data, 2, np.float64, 1.0)
    for rng in (None, np.random.default_rng(0), np.random.default_rng(1)):
        y = np.concatenate([y[:, 0] for _, y, _ in collect(batches, rng)])
        np.testing.assert_array_equal(np.sort(y), np.sort(rows))
        if rng is None:
            np.testing.assert_array_equal(y, rows)
    np.testing.assert_array_equal(rows, [20, 3, 7, 11, 4])  # shuffled is a copy


@pytest.mark.parametrize("kind", ["C", "F", "sparse"])
def test_the_data_are_only_read(kind):
    data, before = (make_data(kind=kind) for _ in range(2))
    for _ in range(2):
        collect(Minibatches(data, 4, np.float64, 3.0), np.random.default_rng(0))
    for name in ("X", "y", "weight"):
        ours, theirs = (getattr(d, name) for d in (data, before))
        ours, theirs = (v.toarray() if issparse(v) else v for v in (ours, theirs))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_mapped(tmp_path, order):
    path = tmp_path / "X.npy"
    np.save(path, np.asarray(make_data().X, order=order))
    X = np.load(path, mmap_mode="r")
    plain = make_data()
    mapped = Rows(X, plain.y, plain.weight)
    pair = [
        collect(Minibatches(d, 5, np.float32, 1.0), np.random.default_rng(0))
        for d in (plain, mapped)
    ]
    for ours, theirs in zip(*pair, strict=True):
        for one, two in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("kind", ["C", "F", "sparse"])
def test_a_single_batch_is_gathered_once(kind):
    batches = Minibatches(make_data(kind=kind), N, np.float32, 1.0)
    (first,) = batches.epoch(np.random.default_rng(0))
    (second,) = batches.epoch(np.random.default_rng(0))
    assert all(one is two for one, two in zip(first, second, strict=True))
    np.testing.assert_array_equal(first[1][:, 0], np.arange(N))  # no order to shuffle


def test_weights_have_mean_one_over_the_set():
    data = make_data()
    batches = Minibatches(data, 4, np.float64, data.mean_weight)
    weights = np.concatenate([w for _, _, w in collect(batches, np.random.default_rng(0))])
    assert weights.mean() == pytest.approx(1, rel=1e-14)


# Data -------------------------------------------------------------------------------------------


def test_counts_and_means():
    assert make_data().n_rows == N
    assert make_data().mean_weight == 12.0
    assert make_data(weighted=False).mean_weight == 1.0
    some = make_data(rows=np.array([0, 4]))
    assert some.n_rows == 2
    assert some.mean_weight == 3.0
    np.testing.assert_array_equal(some.of(some.weight), [1, 5])
    assert some.of(None) is None


def test_take_is_a_view_of_the_same_arrays():
    data = make_data()
    odd = data.take(np.arange(N) % 2 == 1)
    assert odd.X is data.X
    np.testing.assert_array_equal(odd.chosen, np.arange(1, N, 2))
    np.testing.assert_array_equal(odd.take(np.arange(11) < 2).chosen, [1, 3])


def test_that_count():
    data = make_data()
    assert data.that_count() is data
    assert make_data(weighted=False).that_count().chosen is None
    data.weight[[2, 5]] = 0
    np.testing.assert_array_equal(data.that_count().chosen, np.delete(np.arange(N), [2, 5]))


@pytest.mark.parametrize("kind", ["C", "sparse"])
def test_as_arrays(kind):
    X, y, weight = make_data(kind=kind).as_arrays(np.float32)
    assert X.dtype == y.dtype == weight.dtype == np.float32
    data = Rows(np.ones((2, 1)), np.array([0, 1]))
    X, y, weight = data.as_arrays(np.float64)
    assert X is data.X
    assert y.dtype.kind == "i"
    assert weight is None


# Memory-mapped data -------------------------------------------------------------------------------


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """2,000 rows, each holding its number; 320 of them make a part, 10 a block."""
    monkeypatch.setattr(batches, "SMALL", 1)  # else it is cast once
    monkeypatch.setattr(batches, "PART", 320 * 4 * 3)
    X = np.repeat(np.arange(2000, dtype=np.float32)[:, np.newaxis], 3, axis=1)
    X.tofile(tmp_path / "X")
    return np.memmap(tmp_path / "X", np.float32, "r", shape=X.shape)


def numbers(data, size, rng):
    batches = Minibatches(data, size, np.float32, 1.0)
    return [X[:, 0].astype(int).copy() for X, _, _ in batches.epoch(rng)]


@pytest.mark.parametrize("subset", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("size", [7, 200, 1999, 2000])
def test_an_epoch_over_a_file_has_each_row_once(mapped, size, shuffle, subset):
    rows = np.flatnonzero(np.arange(2000) % 3) if subset else None
    data = Rows(mapped, np.zeros(2000), chosen=rows)
    got = numbers(data, size, np.random.default_rng(0) if shuffle else None)
    sizes = [len(batch) for batch in got]
    assert sizes == [len(part) for part in np.array_split(np.arange(data.n_rows), len(got))]
    expected = np.arange(2000) if rows is None else rows
    flat = np.concatenate(got)
    np.testing.assert_array_equal(np.sort(flat), expected)
    if len(got) > 1:
        assert (flat == expected).all() == (not shuffle)


def test_a_file_is_read_part_by_part(mapped):
    """Between two parts rows do not mix; within one they come from 32 places."""
    got = np.concatenate(numbers(Rows(mapped, np.zeros(2000)), 50, np.random.default_rng(0)))
    first = got[:250]
    blocks = np.unique(first // 10)
    assert len(blocks) <= 33
    assert np.ptp(blocks) > 100
    assert (np.abs(np.diff(first)) > 10).mean() > 0.9


def test_epochs_over_a_file_differ_and_repeat(mapped):
    data, rng = Rows(mapped, np.zeros(2000)), np.random.default_rng(0)
    first, second = (np.concatenate(numbers(data, 50, rng)) for _ in range(2))
    assert (first != second).mean() > 0.9
    again = np.concatenate(numbers(data, 50, np.random.default_rng(0)))
    np.testing.assert_array_equal(again, first)


def test_a_small_file_is_shuffled_like_an_array(mapped, monkeypatch):
    monkeypatch.setattr(batches, "PART", 2**20)
    in_file = numbers(Rows(mapped, np.zeros(2000)), 50, np.random.default_rng(0))
    in_memory = numbers(Rows(np.array(mapped), np.zeros(2000)), 50, np.random.default_rng(0))
    np.testing.assert_array_equal(np.concatenate(in_file), np.concatenate(in_memory))
