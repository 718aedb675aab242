"""Minibatches: rows of X, y and w gathered into buffers of the network's dtype.

A large X is never copied or converted as a whole: a shuffled index is, eight bytes a row, and each
batch is gathered, and cast, into the same buffers. So a memory-mapped X works. One that is larger
than a part of `sknn_opt.arrays.chunks` is shuffled so that its file is read in blocks: the blocks
are shuffled, and then the rows of as many blocks as make a part.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import issparse

from sknn_opt.arrays.chunks import memory_map, release, rows_in_part

SMALL = 2**25  # bytes of a table that is rather cast once than in each epoch
BLOCKS_IN_PART = 32  # of 1 MiB: enough for a disk, and a part mixes rows from as many places


@dataclass
class Data:
    """Rows to train on or to validate on.

    Attributes
    ----------
    X : ndarray or csr_array of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_outputs)
        Encoded as the loss wants it.
    weight : ndarray of shape (n,) or None
    rows : ndarray of int or None
        The rows that take part; None is all.
    """

    X: object
    y: np.ndarray
    weight: np.ndarray | None = None
    rows: np.ndarray | None = None

    @property
    def n_rows(self):
        """How many rows take part."""
        return self.X.shape[0] if self.rows is None else len(self.rows)

    def take(self, mask):
        """The participating rows where `mask` is true, as another view of the same arrays."""
        rows = np.flatnonzero(mask) if self.rows is None else self.rows[mask]
        return replace(self, rows=rows)

    def without_zero_weights(self):
        """The rows that count."""
        counts = None if self.weight is None else self.of_rows(self.weight) > 0
        return self if counts is None or counts.all() else self.take(counts)

    def as_arrays(self, dtype):
        """X, y and weight of the participating rows in one dtype; class codes stay integers."""
        X, y, weight = map(self.of_rows, (self.X, self.y, self.weight))
        y = y.astype(np.intp if y.dtype.kind == "i" else dtype, copy=False)
        weight = None if weight is None else weight.astype(dtype, copy=False)
        return X.astype(dtype, copy=False), y, weight

    def sample(self, n_rows):
        """At most `n_rows` of the participating rows, evenly spread."""
        if self.n_rows <= n_rows:
            return self
        rows = np.linspace(0, self.n_rows - 1, n_rows).astype(int)
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def of_rows(self, array):
        """The participating rows of `array` (None stays None)."""
        return array if self.rows is None or array is None else array[self.rows]

    def mean_weight(self):
        """Σw / n over the participating rows."""
        return 1.0 if self.weight is None else float(np.mean(self.of_rows(self.weight)))


class Minibatches:
    """The batches of an epoch, in buffers that the next batch reuses.

    Weights are divided by `mean_weight`, so that the loss of a batch, divided by its number of
    rows, is on the scale of the whole set: a row of weight 2 counts twice in any batch.

    No batch has more than `batch_size` rows, and their sizes differ by at most one: 201 rows in
    batches of 200 make 101 and 100, not 200 and a last row that would move θ by a full step.
    """

    def __init__(self, data, batch_size, dtype, mean_weight):
        n = data.n_rows
        self.n_batches = -(-n // batch_size)
        self.n_rows, self.size, self.mean_weight = n, -(-n // self.n_batches), mean_weight
        # Divided before they are cast: weights of 1e40 are none of float32.
        weight = None if data.weight is None else data.weight / mean_weight
        X, is_array = data.X, not issparse(data.X)
        if is_array and X.size * np.dtype(dtype).itemsize <= SMALL and memory_map(X) is None:
            with np.errstate(over="ignore"):  # shows as a loss that is not finite
                X = np.ascontiguousarray(X, dtype)
        self._data, self._dtype = replace(data, X=X, weight=weight), dtype
        self._in_part = min(n, rows_in_part(X, n)) if is_array else n
        self._buffers = {}
        self._only_batch = None

    def epoch(self, rng):
        """Yield (X, y, weight) for each batch; shuffle the rows by `rng`, or not if it is None."""
        if self._only_batch is not None:
            yield self._only_batch
            return
        shuffle = None if self.n_batches == 1 else rng
        rows, k = self._rows(slice(0, 0)), 0
        for part in self._parts(shuffle):
            rows = np.concatenate([rows, part]) if len(rows) else part
            start = 0
            while k < self.n_batches and start + self._size_of(k) <= len(rows):
                batch = self._gather(rows[start : start + self._size_of(k)])
                if self.n_batches == 1:
                    self._only_batch = batch  # the set is one batch: gather it once
                yield batch
                start, k = start + self._size_of(k), k + 1
            rows = rows[start:]
            if self._in_part < self.n_rows:
                release(self._data.X)

    def _size_of(self, k):
        """How many rows batch number k has: the larger ones come first."""
        return self.n_rows // self.n_batches + (k < self.n_rows % self.n_batches)

    def _rows(self, chosen):
        """The row numbers of a slice of the participating rows."""
        if self._data.rows is None:
            return np.arange(*chosen.indices(self.n_rows))
        return self._data.rows[chosen]

    def _parts(self, rng):
        """The rows in an order of this epoch's own; those of a file part by part.

        Each epoch starts from the same order, so that epochs have no memory.
        """
        n, in_part = self.n_rows, self._in_part
        if rng is None:
            yield from (self._rows(slice(start, start + in_part)) for start in range(0, n, in_part))
            return
        if in_part == n:
            yield _shuffled(np.array(self._rows(slice(None))), rng)
            return
        size = max(1, in_part // BLOCKS_IN_PART)
        blocks = rng.permutation(-(-n // size))
        for some in np.array_split(blocks, -(-len(blocks) // BLOCKS_IN_PART)):
            rows = [self._rows(slice(k * size, (k + 1) * size)) for k in some]
            yield _shuffled(np.concatenate(rows), rng)

    def _gather(self, rows):
        data = self._data
        X = data.X[rows].astype(self._dtype) if issparse(data.X) else self._take("X", data.X, rows)
        y = self._take("y", data.y, rows)
        if data.weight is None:
            return X, y, None
        return X, y, self._take("weight", data.weight, rows)

    def _take(self, name, array, rows):
        """array[rows] in a buffer; cast on the way, except that class codes stay integers."""
        if name not in self._buffers:
            self._buffers[name] = self._new_buffers(array)
        out, staging = self._buffers[name]
        m = len(rows)
        if m < self.size:
            out, staging = out[:m], staging[:m]
        if array.flags.c_contiguous:
            array.take(rows, 0, staging, "clip")  # "raise" would buffer once more
        else:
            staging[...] = array[rows]  # take would first copy all of an F-ordered array
        if out.dtype != staging.dtype:
            np.copyto(out, staging, casting="unsafe")
        return out

    def _new_buffers(self, array):
        """Where batches go, and where they are put before that if they are of another dtype."""
        shape = (self.size, *array.shape[1:])
        out = np.empty(shape, np.intp if array.dtype.kind == "i" else self._dtype)
        return out, out if out.dtype == array.dtype else np.empty(shape, array.dtype)


def _shuffled(rows, rng):
    rng.shuffle(rows)
    return rows
