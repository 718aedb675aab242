"""Rows: what a network trains on, or is validated on.

Rows are held out and merged by a hash of their content (see `sknn_opt.arrays.hashing`): equal rows
are never on both sides, and neither the order of the rows nor the calls in which they come make a
difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array, issparse

from sknn_opt.arrays.hashing import (
    hash_rows,
    held_out_in_stream,
    merge_equal_rows,
    validation_part,
)

LONG_ROW = 1024  # numbers


@dataclass
class Rows:
    """Inputs, targets and weights, and which of them take part.

    Attributes
    ----------
    X : ndarray or csr_array of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_outputs)
        Encoded as the loss wants it.
    weight : ndarray of shape (n,) or None
    chosen : ndarray of int or None
        The rows that take part; None is all.
    n_rows : int
        How many do.
    """

    X: np.ndarray | csr_array
    y: np.ndarray
    weight: np.ndarray | None = None
    chosen: np.ndarray | None = None
    n_rows: int = field(init=False)

    def __post_init__(self):
        self.n_rows = self.X.shape[0] if self.chosen is None else len(self.chosen)

    def of(self, array):
        """The rows of `array` that take part (None stays None)."""
        return array if self.chosen is None or array is None else array[self.chosen]

    def take(self, mask):
        """The rows where `mask` is true, as another view of the same arrays."""
        chosen = np.flatnonzero(mask) if self.chosen is None else self.chosen[mask]
        return replace(self, chosen=chosen)

    def that_count(self):
        """The rows of a weight above zero."""
        counts = None if self.weight is None else self.of(self.weight) > 0
        return self if counts is None or counts.all() else self.take(counts)

    def weighted_by(self, factors):
        """The same rows, their weights multiplied."""
        return replace(self, weight=factors if self.weight is None else factors * self.weight)

    def sample(self, n_rows):
        """At most `n_rows` of them, evenly spread."""
        if self.n_rows <= n_rows:
            return self
        chosen = np.linspace(0, self.n_rows - 1, n_rows).astype(int)
        return replace(self, chosen=chosen if self.chosen is None else self.chosen[chosen])

    def as_arrays(self, dtype):
        """X, y and weight in one dtype; class codes stay integers."""
        X, y, weight = map(self.of, (self.X, self.y, self.weight))
        y = y.astype(np.intp if y.dtype.kind == "i" else dtype, copy=False)
        weight = None if weight is None else weight.astype(dtype, copy=False)
        return X.astype(dtype, copy=False), y, weight

    def total_weight(self) -> float:
        """Σw, of repeated rows where they were merged."""
        return self.n_rows if self.weight is None else self.of(self.weight).sum().item()

    @cached_property
    def mean_weight(self) -> float:
        """Σw / n."""
        return 1.0 if self.weight is None else float(np.mean(self.of(self.weight)))

    def merged(self, key):
        """Equal rows once, their weights added, in the order of their hashes."""
        return Rows(*merge_equal_rows(self.X, self.y, self.weight, key))

    def split(self, key, strata, fraction, minimum):
        """(training part, validation part): of each stratum the last `fraction` by hash."""
        hashes = self.of(hash_rows(key, self.X))
        held_out = validation_part(hashes, strata, self.of(self.weight), fraction, minimum)
        return self.take(~held_out), self.take(held_out)

    def split_stream(self, key, fraction):
        """The same for a part of a stream: a row that was held out once always is."""
        held_out = held_out_in_stream(self.of(hash_rows(key, self.X)), fraction)
        return self.take(~held_out), self.take(held_out)


def ranges(X):
    """The smallest and the largest value of each feature.

    NumPy is five times faster with long rows: many short ones are taken as fewer, first.
    """
    if issparse(X):
        return tuple(end(axis=0).toarray().ravel().astype(float) for end in (X.min, X.max))
    (n_rows, n_features), low, high = X.shape, [], []
    group = max(1, LONG_ROW // n_features) if X.flags.c_contiguous else 1
    n_long = n_rows - n_rows % group
    for rows in (X[:n_long].reshape(-1, group * n_features), X[n_long:]):
        if len(rows):
            low.append(rows.min(axis=0).reshape(-1, n_features).min(axis=0))
            high.append(rows.max(axis=0).reshape(-1, n_features).max(axis=0))
    return np.min(low, axis=0).astype(float), np.max(high, axis=0).astype(float)
