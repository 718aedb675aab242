"""Rows: what a network trains on, or is validated on.

Rows are held out and merged by a hash of their content (see `sknn_opt.arrays.hashing`), so that
neither the order of the rows nor the calls in which they come make a difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array, issparse

from sknn_opt._sklearn import safe_indexing
from sknn_opt.arrays.hashing import hash_rows, merge_equal_rows
from sknn_opt.training.holdout import held_out_weight

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
    given : ndarray of int or None
        Where each row stood in what the user gave; None where they are in that order.
    frame : data frame or None
        X as the user gave it, where its columns have names.
    parts : (ndarray, ndarray) of shape (n_members, n), or None
        Whether each member trains, and validates, on each row; where equal rows were merged, on
        which share of its weight. None is all, and nothing.
    n_rows : int
        How many do.
    """

    X: np.ndarray | csr_array
    y: np.ndarray
    weight: np.ndarray | None = None
    chosen: np.ndarray | None = None
    given: np.ndarray | None = None
    frame: object = None
    parts: tuple[np.ndarray, np.ndarray] | None = None
    n_rows: int = field(init=False)

    def __post_init__(self):
        self.n_rows = self.X.shape[0] if self.chosen is None else len(self.chosen)

    def of(self, array):
        """The rows of `array` that take part (None stays None)."""
        return array if self.chosen is None or array is None else array[self.chosen]

    def of_frame(self, numbers):
        """The rows of the user's table that stand here in these places."""
        return safe_indexing(self.frame, numbers if self.given is None else self.given[numbers])

    def take(self, mask):
        """The rows where `mask` is true, as another view of the same arrays."""
        chosen = np.flatnonzero(mask) if self.chosen is None else self.chosen[mask]
        return replace(self, chosen=chosen)

    def at(self, numbers):
        """The rows with these numbers."""
        return replace(self, chosen=self.of(np.arange(self.X.shape[0]))[numbers])

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

    def of_member(self, member, *, held_out=False):
        """What one member trains on, or what it has held out."""
        if self.parts is None:
            return self
        share = self.parts[held_out][member]
        whole, rows = share.dtype == bool, replace(self, parts=None)
        return (rows if whole else rows.weighted_by(share)).take(rows.of(share) > 0)

    @property
    def n_trained(self):
        """How many of them an epoch takes, of several members that of the most."""
        if self.parts is None:
            return self.n_rows
        return max(self.n_of_each)

    @property
    def n_of_each(self):
        """How many of them each member trains on."""
        return [int(self.of(share > 0).sum()) for share in self.parts[0]]

    def of_members(self, n_members, mean_weight):
        """The rows that each member trains on, so many of each, and their weights.

        Members with fewer rows than others get some that weigh nothing. Weights are divided by
        `mean_weight`, or by the mean of what the member trains on where each has a part.

        Returns
        -------
        numbers : ndarray of shape (n_members, n_rows)
        weight : ndarray of shape (n_members * n,) or None
        mean_weight : float
            By which they are divided, of parts the mean over the members.
        """
        each = [self.of_member(member).that_count() for member in range(n_members)]
        all_rows = np.arange(self.X.shape[0])
        chosen, n = [rows.of(all_rows) for rows in each], max(rows.n_rows for rows in each)
        if all(rows.weight is None and rows.n_rows == n for rows in each):
            return np.array(chosen), None, mean_weight
        weight, means = np.zeros((n_members, len(all_rows))), []
        for member, (rows, own) in enumerate(zip(each, chosen, strict=True)):
            given = 1.0 if rows.weight is None else rows.weight[own]
            weight[member, own] = given
            means.append(mean_weight if self.parts is None else weight[member].sum() / n)
            weight[member] /= means[-1]
            if len(own) < n:
                others = np.setdiff1d(all_rows, own, assume_unique=True)[: n - len(own)]
                chosen[member] = np.sort(np.concatenate([own, others]))
        return np.array(chosen), weight.ravel(), float(np.mean(means))

    def as_arrays(self, dtype):
        """X, y and weight in one dtype; class codes stay integers."""
        X, y, weight = map(self.of, (self.X, self.y, self.weight))
        if self.parts is not None:
            share = self.parts[0] if self.chosen is None else self.parts[0][:, self.chosen]
            weight = share * (1.0 if weight is None else weight)
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
        X, y = self.of(self.X), self.of(self.y)
        rows, weight = merge_equal_rows(X, y, self.of(self.weight), key)
        given = rows if self.chosen is None else self.chosen[rows]
        return Rows(X[rows], y[rows], weight, given=given, frame=self.frame)

    def split(self, key, strata, fraction, minimum):
        """(training part, validation part), as `held_out_weight` says.

        A merged row may be on both sides, with a part of its weight on each.
        """
        hashes, y, weight = self.of(hash_rows(key, self.X)), self.of(self.y), self.of(self.weight)
        divisible = self.given is not None and weight is not None
        held = held_out_weight(hashes, y, strata, weight, fraction, minimum, divisible=divisible)
        if not divisible:
            return self.take(held == 0), self.take(held > 0)
        sides = np.zeros((2, self.X.shape[0]))
        sides[:, slice(None) if self.chosen is None else self.chosen] = weight - held, held
        return tuple(replace(self, weight=side).that_count() for side in sides)

    def split_stream(self, key, fraction, sightings):
        """The same for a part of a stream, of which the `sightings` know what came before."""
        hashes, targets = self.of(hash_rows(key, self.X)), hash_rows(key, self.of(self.y))
        held_out = sightings.held_out(hashes, targets, fraction)
        return self.take(~held_out), self.take(held_out)


def by_row(X):
    """Sparse data as CSR of floats, whose rows can be taken, without duplicate entries."""
    X = csr_array(X, dtype=None if X.dtype.kind == "f" else np.float64)  # a frame's flags
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


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
