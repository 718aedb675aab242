"""Arrays in files: what counts as one, what is read at a time, and that nothing is lost."""

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from sknn_opt.arrays import chunks as module
from sknn_opt.arrays.chunks import memory_map, parts, release, rows_in_part, take

pytestmark = pytest.mark.skipif(
    not hasattr(mmap, "MADV_DONTNEED"), reason="the system cannot drop pages"
)
SHAPE = 1000, 10


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "X"
    np.arange(np.prod(SHAPE), dtype=np.float32).tofile(path)
    return path


def mapped(file, mode="r"):
    return np.memmap(file, np.float32, mode, shape=SHAPE)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(module, "PART", 4000)  # bytes: 100 rows


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_views_of_a_map_are_in_it(file, mode):
    X = mapped(file, mode)
    for view in (X, X[3:], np.asarray(X), np.asarray(X)[::2, 1:], X.T, X.view(np.int32)):
        assert isinstance(memory_map(view), mmap.mmap)


def test_what_is_no_map(file):
    X = mapped(file)
    for array in (np.array(X), X[[1, 2]], X + 1, np.ones(3)):
        assert memory_map(array) is None


def test_changes_that_are_in_memory_only_are_kept(file):
    X = mapped(file, "c")
    X[5] = -1
    assert memory_map(X) is memory_map(np.asarray(X)[2:]) is None
    release(X)
    assert (X[5] == -1).all()


def test_changes_on_their_way_to_the_file_are_kept(file):
    X = mapped(file, "r+")
    X[5] = -1
    release(X)
    assert (X[5] == -1).all()


def test_parts(file, small_parts):
    X = mapped(file)
    assert rows_in_part(X) == 100
    assert rows_in_part(X, n_used=500) == 50
    pieces = [np.array(part) for part in parts(X)]
    assert [len(piece) for piece in pieces] == [100] * 10
    np.testing.assert_array_equal(np.concatenate(pieces), X)


def test_an_array_in_memory_is_one_part(file, small_parts):
    X = np.array(mapped(file))
    assert rows_in_part(X) == 1000
    (part,) = parts(X)
    assert part.shape == SHAPE
    assert list(parts(X[:0])) == []


def test_take(file):
    X = mapped(file)
    rows = np.random.default_rng(0).permutation(1000)[:77]
    np.testing.assert_array_equal(take(X, rows), np.array(X)[rows])
    assert take(X, rows[:0]).shape == (0, 10)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_read_is_no_longer_resident(tmp_path):
    path = tmp_path / "large"
    np.zeros(2**27, np.uint8).tofile(path)
    X = np.memmap(path, np.uint8, "r").reshape(-1, 2**10)

    def resident():
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssFile")) / 2**10

    before = resident()
    X.sum()
    assert resident() > before + 100
    release(X)
    for part in parts(X):
        part.sum()
        assert resident() < before + 100
    assert resident() < before + 20


def test_what_lies_between_is_read_as_well(file, small_parts):
    X = mapped(file)
    assert rows_in_part(X[:, :2]) < 110
    assert rows_in_part(X[::10]) == 10


def test_a_view_that_does_not_know_its_mode(file):
    X = mapped(file, "c")
    X[:] = 7
    view = np.asarray(X).view(np.memmap)
    release(view)
    assert (X == 7).all()
