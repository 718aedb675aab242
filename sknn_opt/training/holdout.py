"""Which rows of a set are held out to validate on.

Each class gives its share, to the nearest row: sets of equal rows, those of lowest hash first. A
set stays together, so that no copy of a training row is validated on. Two kinds of sets do not:

- *Observations.* Where equal rows have different targets, they are no copies but draws from the
  cells of a table (a flag, a count, answers on a scale). A cell that is held out as a whole would
  never be learned. Whether rows are observations is decided for the data set, by the share of its
  repeated sets that have several targets.
- *Heavy sets* are so large that the share would be missed by far.

Of these every 1/fraction-th occurrence is held out, in the order of x's hash and then of y, so that
each cell gives its share as well. Where equal rows were merged, a row is put on both sides, with a
part of its weight on each. Neither the order of the rows nor the unit of y makes a difference.

Classes of which less than one row would be held out are pooled: together they give their share.
Every class keeps something to train on.
"""

from dataclasses import dataclass

import numpy as np

OBSERVATIONS = 0.1  # the share of the repeated sets that have several targets
HEAVY = 0.25  # of all that is to be held out
AT_MOST = 2.0  # times what is to be held out of a class


def held_out_weight(hashes, y, strata, weight, fraction, minimum, *, divisible=False):
    """How much of the weight of each row is held out.

    Parameters
    ----------
    hashes : ndarray of uint64 of shape (n,)
        Equal where rows are.
    y : ndarray of shape (n,) or (n, n_outputs)
    strata : ndarray of shape (n,)
        The class of each row.
    weight : ndarray of shape (n,) or None
        Above 0.
    fraction : float
        The share to hold out of each class.
    minimum : int
        How many rows are held out of each class, or pool of classes, at least.
    divisible : bool
        Whether equal rows were merged, so that a row may be put on both sides.

    Returns
    -------
    ndarray of shape (n,)
        Of each row 0 or its weight or, where `divisible`, a part of it.
    """
    w = np.ones(len(hashes)) if weight is None else weight
    held = np.zeros(len(w))
    if not fraction:
        return held
    in_parts = divisible and bool((w % 1).any())
    count = w if divisible and not in_parts else np.ones(len(w))  # how often a row occurs
    rows = _Rows(hashes, y.reshape(len(y), -1), _codes(strata), w, count, fraction, in_parts)
    split, whole = rows.to_split(), rows.to_keep_whole()
    if split.any():
        n_held = fraction if in_parts else rows.every_so_many(split, minimum)
        held[split] = w[split] / count[split] * n_held
    share = rows.share - _total(rows.pool, held)
    missing = minimum - _total(rows.pool, np.ceil(held * count / w))
    held[whole] = w[whole] * _lowest_sets(
        *(array[whole] for array in (hashes, rows.same, rows.pool, w, share, missing))
    )
    return held


def groups_held_out(hashes, weight, fraction):
    """Which rows are held out where whole groups are, whose hashes these are; never all of them."""
    w = np.ones(len(hashes)) if weight is None else weight
    group, one = _codes(hashes), np.zeros(len(w), int)
    share = np.full(len(w), fraction * w.sum())
    weight_of_group = _total(group, w)
    allowed = weight_of_group <= max(AT_MOST * share[0], weight_of_group.min())
    held = np.zeros(len(w), bool)
    held[allowed] = _lowest_sets(
        *(array[allowed] for array in (hashes, group, one, w, share, one + 1))
    )
    return held & (hashes < hashes.max()) if held.all() else held


@dataclass
class _Rows:
    """Rows, and the sets and classes that they belong to; an entry of each array is a row's."""

    hashes: np.ndarray
    y: np.ndarray
    stratum: np.ndarray
    weight: np.ndarray
    count: np.ndarray
    fraction: float
    in_parts: bool

    def __post_init__(self):
        self.small = self.fraction * _total(self.stratum, self.count) < 1
        self.pool = np.where(self.small, 0, 1 + self.stratum)
        self.x = _codes(self.hashes)
        self.same = _codes(self.stratum * len(self.x) + self.x)  # equal rows of one class
        self.share = self.fraction * _total(self.pool, self.weight)  # what the pool holds out
        self.of_set = _total(self.same, self.weight)
        self.splittable = self._splittable()
        is_last = self.hashes == ~_least(self.stratum, ~self.hashes)
        # Every class keeps its last set to train on, unless it keeps a part of each.
        self.trained = is_last & (~self.splittable | (self.small & (not self.in_parts)))
        # A set that can neither be divided nor be held out counts for nothing.
        lightest = _least(self.pool, np.where(self.splittable, np.inf, self.of_set))
        limit = np.maximum(AT_MOST * self.share, lightest)
        self.too_heavy = ~self.splittable & (self.of_set > limit)
        self.share = self.fraction * _total(self.pool, self.weight * ~self.too_heavy)

    def _splittable(self):
        """Rows of heavy sets, and of all repeated ones where those are observations."""
        heavy = self.of_set > np.minimum(
            AT_MOST * self.share, HEAVY * self.fraction * self.weight.sum()
        )
        heavy &= self.fraction * _total(self.same, self.count) >= 1
        repeated = _total(self.x, self.count) > 1
        return heavy | repeated if self._are_observations(repeated) else heavy

    def _are_observations(self, repeated):
        if not repeated.any():
            return False
        x, y = self.x[repeated], self.y[repeated]
        order = np.lexsort((*y.T, x))
        is_new = _changes(x[order])
        is_other = is_new | _changes(*y[order].T)
        n_targets = np.add.reduceat(is_other, np.flatnonzero(is_new), dtype=int)
        return np.mean(n_targets > 1) > OBSERVATIONS

    def to_split(self):
        """Which rows are held out one by one."""
        return self.splittable & ~self.trained

    def to_keep_whole(self):
        """Which rows are held out with all of their set, or not at all."""
        return ~(self.splittable | self.trained | self.too_heavy)

    def every_so_many(self, split, minimum):
        """How many occurrences of each of the rows that are split are held out."""
        pool, count = self.pool[split], self.count[split]
        of_these, of_all = _total(pool, count), _total(self.pool, self.count)[split]
        left = _total(self.pool, self.count * ~self.trained)[split]
        rate = np.minimum(np.maximum(self.fraction * of_all / left, minimum / of_these), 1)
        order = np.lexsort((self.weight[split], *self.y[split].T, self.hashes[split], pool))
        until = _running(pool[order], count[order])
        n_held = np.minimum(np.floor(rate[order] * until + 0.5), of_these[order] - 1)
        n_held[1:] -= np.where(_changes(pool[order])[1:], 0, n_held[:-1])
        by_row = np.empty(len(order))
        by_row[order] = n_held
        return by_row


def _lowest_sets(hashes, same, pool, weight, share, minimum):
    """Which rows are held out: of each pool the sets of lowest hash, until they are its share."""
    order = np.lexsort((same, hashes, pool))
    is_first = _changes(same[order])
    start = np.flatnonzero(is_first)
    pool, share, minimum = (array[order][start] for array in (pool, share, minimum))
    of_set = np.add.reduceat(weight[order], start)
    until, number = _running(pool, of_set), _running(pool, np.ones(len(start)))
    chosen = (until - of_set / 2 <= share) | (number <= minimum)
    held = np.empty(len(order), bool)
    held[order] = chosen[np.cumsum(is_first) - 1]
    return held


def _codes(values):
    """Numbers from 0 on in place of values."""
    return np.unique(values, return_inverse=True)[1]


def _total(groups, values):
    """Σ values over the group of each row."""
    return np.bincount(groups, weights=values)[groups]


def _least(groups, values):
    """The least value in the group of each row."""
    least = np.full(groups.max() + 1, values.max())
    np.minimum.at(least, groups, values)
    return least[groups]


def _changes(*keys):
    """Where sorted rows begin that differ from the one before in any key."""
    is_new = np.ones(len(keys[0]), bool)
    is_new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return is_new


def _running(groups, values):
    """Σ values over the group of each row up to it, in sorted rows."""
    until, is_first = np.cumsum(values), _changes(groups)
    before = np.where(is_first, until - values, 0)
    return until - before[is_first][np.cumsum(is_first) - 1]
