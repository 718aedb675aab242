"""Which rows of a set are held out to validate on.

Each class gives its share, to the nearest row: sets of equal rows, those of lowest hash first. A
set stays together, so that no copy of a training row is validated on. Two kinds of sets do not:

- *Observations.* Where equal rows have different targets, they are no copies but draws from the
  cells of a table (a flag, a count, answers on a scale). A cell that is held out as a whole would
  never be learned. Whether rows are observations is decided for the data set: by the share of its
  repeated sets that have several targets, or by the share of its sets of 1/fraction rows and more.
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
MOST = 0.5  # of all sets
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
    held, y = np.zeros(len(w)), y.reshape(len(y), -1)
    if not fraction:
        return held
    in_parts = divisible and bool((w % 1).any())
    count = w if divisible and not in_parts else np.ones(len(w))  # how often a row occurs
    sets = _sets_of_equal_rows(hashes, strata, w, count)
    repeated, frequent = _repeated(sets), fraction * sets.count >= 1
    observed = repeated & _are_observations(hashes, y, repeated[sets.of_row])
    observed |= frequent & (frequent.mean() > MOST)
    plan = _Plan(sets, observed, fraction, minimum, in_parts)
    rows = np.flatnonzero(plan.split[sets.of_row])
    if len(rows):
        pool, keys = plan.pool[sets.of_row[rows]], (w[rows], *y[rows].T, hashes[rows])
        n_held = fraction if in_parts else plan.every_so_many(pool, count[rows], keys)
        held[rows] = w[rows] / count[rows] * n_held
        plan.note(pool, held[rows], np.ceil(n_held))
    return held + w * plan.lowest(sets)[sets.of_row]


def groups_held_out(hashes, weight, fraction):
    """Which rows are held out where whole groups are, whose hashes these are; never all of them."""
    w = np.ones(len(hashes)) if weight is None else weight
    hashes, group = np.unique(hashes, return_inverse=True)
    of_group, share = np.bincount(group, w), fraction * w.sum()
    counts = of_group > 0
    allowed = counts & (of_group <= max(AT_MOST * share, of_group[counts].min()))
    until = np.cumsum(of_group * allowed)
    held = allowed & ((until - of_group / 2 <= share) | (until == of_group))
    held[-1] &= not held.all()
    return held[group]


@dataclass
class _Sets:
    """Equal rows of one class, set by set, in the order of classes and hashes."""

    hash: np.ndarray
    stratum: np.ndarray
    weight: np.ndarray
    count: np.ndarray
    of_row: np.ndarray  # the set of each row


def _sets_of_equal_rows(hashes, strata, w, count):
    stratum = np.unique(strata, return_inverse=True)[1].astype(np.int32)
    order = np.lexsort((hashes, stratum))
    is_first = _changes(stratum[order], hashes[order])
    of_row = np.empty(len(order), np.int32)
    of_row[order] = np.cumsum(is_first, dtype=np.int32) - 1
    first = order[is_first]
    totals = (np.bincount(of_row, v) for v in (w, count))
    return _Sets(hashes[first], stratum[first], *totals, of_row)


def _repeated(sets):
    """Which sets have rows that come again, be it in another class."""
    hashes = np.sort(sets.hash)
    in_several = hashes[1:][hashes[1:] == hashes[:-1]]
    again = np.isin(sets.hash, in_several) if len(in_several) else False
    return (sets.count > 1) | again


def _are_observations(hashes, y, repeated):
    """Whether the rows that come again are no copies, since many of them have other targets."""
    if not repeated.any():
        return False
    x, y = hashes[repeated], y[repeated]
    order = np.lexsort((*y.T, x))
    is_new = _changes(x[order])
    is_other = is_new | _changes(*y[order].T)
    n_targets = np.add.reduceat(is_other, np.flatnonzero(is_new), dtype=int)
    return np.mean(n_targets > 1) > OBSERVATIONS


class _Plan:
    """Which sets are split, which are held out as a whole, and how much of each pool.

    Small classes are pool 0; each other class is a pool of its own.
    """

    def __init__(self, sets, observed, fraction, minimum, in_parts):
        size = np.bincount(sets.stratum, sets.count)
        small = fraction * size < 1
        self.pool = np.where(small, 0, np.arange(1, len(size) + 1))[sets.stratum]
        total = np.bincount(self.pool, sets.weight)
        share = fraction * total
        enough = np.minimum(AT_MOST * share, HEAVY * fraction * sets.weight.sum())[self.pool]
        heavy = (sets.weight > enough) & (fraction * sets.count >= 1)
        splittable = heavy | observed
        # What can be neither divided nor held out counts for nothing.
        limit = np.maximum(AT_MOST * share, total / np.maximum(np.bincount(self.pool), 1))
        too_heavy = ~splittable & (sets.weight > limit[self.pool])
        self.share = fraction * np.bincount(self.pool, sets.weight * ~too_heavy)
        # Every class trains on what is too heavy, or its last set, or a part of each.
        trained = np.append(sets.stratum[1:] != sets.stratum[:-1], True)
        trained &= ~splittable | (small[sets.stratum] & (not in_parts))
        trained &= (np.bincount(sets.stratum, too_heavy) == 0)[sets.stratum]
        self.split = splittable & ~trained
        self._whole = np.flatnonzero(~(splittable | trained | too_heavy))
        n, n_trained = (np.bincount(self.pool, v) for v in (sets.count, sets.count * trained))
        self._rate = fraction * n / np.maximum(n - n_trained, 1)
        self._missing = np.full(len(n), float(minimum))

    def every_so_many(self, pool, count, keys):
        """How many occurrences of each row of these pools are held out, in the order of keys."""
        of_pool = np.bincount(pool, count, len(self._rate))
        rate = np.minimum(np.maximum(self._rate, self._missing / np.maximum(of_pool, 1)), 1)
        order = np.lexsort((*keys, pool))
        p = pool[order]
        until = np.floor(rate[p] * _running(p, count[order]) + 0.5)
        until = np.minimum(until, of_pool[p] - 1)
        n_held = np.empty(len(order))
        n_held[order] = until - np.where(_changes(p), 0, np.roll(until, 1))
        return n_held

    def note(self, pool, weight, n_held):
        """Take into account what is held out of sets that are split."""
        n_held = np.broadcast_to(n_held, pool.shape)
        self.share -= np.bincount(pool, weight, len(self.share))
        self._missing -= np.bincount(pool, n_held, len(self.share))

    def lowest(self, sets):
        """Which sets are held out: of each pool those of lowest hash, until it has its share."""
        whole = self._whole[np.lexsort((sets.hash[self._whole], self.pool[self._whole]))]
        p, weight = self.pool[whole], sets.weight[whole]
        middle = _running(p, weight) - weight / 2
        number = _running(p, np.ones(len(p)))
        chosen = np.zeros(len(sets.hash), bool)
        chosen[whole] = (middle <= self.share[p]) | (number <= self._missing[p])
        return chosen


def _changes(*keys):
    """Where sorted rows begin that differ from the one before in any key."""
    is_new = np.ones(len(keys[0]), bool)
    is_new[1:] = keys[0][1:] != keys[0][:-1]
    for key in keys[1:]:
        is_new[1:] |= key[1:] != key[:-1]
    return is_new


def _running(groups, values):
    """Σ values over the group of each row up to it, in sorted rows."""
    until, is_first = np.cumsum(values), _changes(groups)
    before = (until - values)[is_first]
    return until - before[np.cumsum(is_first) - 1]
