"""Minibatches: rows of X, y and w gathered into buffers of the network's dtype.

A large X is never copied or converted as a whole: a shuffled index is, eight bytes a row, and each
batch is gathered, and cast, into the same buffers. So a memory-mapped X works. One that is larger
than a part is shuffled so that its file is read in blocks: the blocks are shuffled, and then the
rows of as many blocks as make a part.
"""

import numpy as np
from scipy.sparse import issparse

SMALL = 2**25  # bytes of a table that is rather cast once than in each epoch
PART = 2**25  # bytes of a file whose rows are shuffled among each other
BLOCKS_IN_PART = 32  # of 1 MiB: enough for a disk, and a part mixes rows from as many places


class Minibatches:
    """The batches of an epoch, in buffers that the next batch reuses.

    Weights are divided by `mean_weight`, so that the loss of a batch, divided by its number of
    rows, is on the scale of the whole set: a row of weight 2 counts twice in any batch.

    No batch has more than `batch_size` rows, and their sizes differ by at most one: 201 rows in
    batches of 200 make 101 and 100, not 200 and a last row that would move θ by a full step.

    Of several members each has its own order of its own rows, so many in each batch, and `n_rows`
    in all; those of one member come behind those of the other.
    """

    def __init__(self, rows, batch_size, dtype, mean_weight, n_members=1):
        if n_members == 1:
            self._numbers = np.arange(rows.n_rows) if rows.chosen is None else rows.chosen
            # Divided before they are cast: weights of 1e40 are none of float32.
            weight = None if rows.weight is None else rows.weight / mean_weight
        else:
            self._numbers, weight, mean_weight = rows.of_members(n_members, mean_weight)
            self._offsets = np.arange(n_members)[:, np.newaxis] * rows.X.shape[0]
        n, self.mean_weight = self._numbers.shape[-1], mean_weight
        self.n_batches = -(-n // batch_size)
        self.n_rows, self.size = n, -(-n // self.n_batches)
        X, in_part = rows.X, n
        if not issparse(X):
            if X.size * np.dtype(dtype).itemsize <= SMALL:
                with np.errstate(over="ignore"):  # shows as a loss that is not finite
                    X = np.ascontiguousarray(X, dtype)
            elif _is_in_file(X):
                in_part = min(n, max(1, PART * n // X.nbytes))
        self._X, self._y, self._weight = X, rows.y, weight
        self._dtype, self._in_part = dtype, in_part
        self._buffers = {}
        self._only_batch = None

    def epoch(self, rng):
        """Yield (X, y, weight) for each batch; shuffle the rows by `rng`, or not if it is None."""
        if self._only_batch is not None:
            yield self._only_batch
            return
        rest, k = self._numbers[..., :0], 0
        for part in self._parts(None if self.n_batches == 1 else rng):
            numbers = np.concatenate([rest, part], axis=-1) if rest.size else part
            start = 0
            while k < self.n_batches:
                # The larger batches come first.
                stop = start + self.n_rows // self.n_batches + (k < self.n_rows % self.n_batches)
                if stop > numbers.shape[-1]:
                    break
                batch = self._gather(numbers[..., start:stop])
                if self.n_batches == 1:
                    self._only_batch = batch  # the set is one batch: gather it once
                yield batch
                start, k = stop, k + 1
            rest = numbers[..., start:]

    def _parts(self, rng):
        """The rows in an order of this epoch's own; those of a file part by part.

        Each epoch starts from the same order, so that epochs have no memory.
        """
        n, in_part = self.n_rows, self._in_part
        if rng is None:
            yield self._numbers
            return
        if in_part == n:
            yield rng.permuted(self._numbers, axis=-1)  # each member in an order of its own
            return
        size = max(1, in_part // BLOCKS_IN_PART)
        blocks = np.split(self._numbers, range(size, n, size), axis=-1)
        order = rng.permutation(len(blocks))
        for some in np.array_split(order, -(-len(blocks) // BLOCKS_IN_PART)):
            yield rng.permuted(np.concatenate([blocks[k] for k in some], axis=-1), axis=-1)

    def _gather(self, numbers):
        of_weight = numbers
        if numbers.ndim == 2:
            of_weight, numbers = (numbers + self._offsets).ravel(), numbers.ravel()
        if issparse(self._X):
            X = self._X[numbers].astype(self._dtype)
        else:
            X = self._take("X", self._X, numbers)
        weight = self._weight
        y = self._take("y", self._y, numbers)
        return X, y, None if weight is None else self._take("weight", weight, of_weight)

    def _take(self, name, array, numbers):
        """array[numbers] in a buffer; cast on the way, except that class codes stay integers."""
        if name not in self._buffers:
            # Where batches go, and where they are put before if they are of another dtype.
            shape = (self.size * (self._numbers.size // self.n_rows), *array.shape[1:])
            out = np.empty(shape, np.intp if array.dtype.kind == "i" else self._dtype)
            staging = out if out.dtype == array.dtype else np.empty(shape, array.dtype)
            self._buffers[name] = out, staging
        out, staging = self._buffers[name]
        m = len(numbers)
        if m < len(out):
            out, staging = out[:m], staging[:m]
        if array.flags.c_contiguous:
            array.take(numbers, 0, staging, "clip")  # "raise" would buffer once more
        else:
            staging[...] = array[numbers]  # take would first copy all of an F-ordered array
        if out.dtype != staging.dtype:
            np.copyto(out, staging, casting="unsafe")
        return out


def _is_in_file(array):
    """Whether an array is memory-mapped, or a view of one that is."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False
