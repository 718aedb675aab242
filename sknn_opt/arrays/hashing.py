"""Rows recognized by their content.

A hash of each row's values, keyed by the random state, answers three questions in a way that
depends neither on the order of the rows nor on the calls in which they come:

- which rows are equal: a set that fits into one batch is trained as a *weighted set*, equal rows
  merged and in the order of their hashes. Repeating a row then is the same as giving it weight 2,
  to the bit, and so is dropping it and giving it weight 0;
- which rows are for validation: never one whose twin (of the same class) is in training, so that
  early stopping is not misled by duplicates;
- and in partial_fit, a row that was held out in one call is held out in all.

The hash of a row is Σⱼ kⱼ · bits(xⱼ) mod 2⁶⁴ with random odd kⱼ, then mixed; entries of zero
contribute nothing, so sparse and dense rows have the same hash.
"""

import numpy as np
from scipy.sparse import csr_array, issparse

BLOCK_ELEMENTS = 2**15


def _bits(values):
    """The 64 bits of each float, stirred so that the low ones matter as much as the high ones."""
    bits = (values.astype(np.float64) + 0.0).view(np.uint64)  # + 0.0 makes -0.0 and 0.0 one
    bits ^= bits >> np.uint64(32)
    bits ^= bits >> np.uint64(16)
    return bits


def _mix(h):
    """A bijection of 64-bit numbers in which each bit of the input flips half of the output."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        h ^= h >> np.uint64(shift)
        h *= np.uint64(factor)
    return h ^ (h >> np.uint64(31))


def hash_rows(key, *arrays):
    """One 64-bit number for each row of `arrays` (dense or CSR, side by side).

    `key` is a seed for `numpy.random.default_rng`.
    """
    rng = np.random.default_rng(key)
    n = arrays[0].shape[0]
    h = np.zeros(n, np.uint64)
    for array in arrays:
        width = array.shape[1] if array.ndim == 2 else 1
        factors = rng.integers(0, 2**64, size=width, dtype=np.uint64) | np.uint64(1)
        if issparse(array):
            bits = _bits(array.data)
            h += csr_array((bits, array.indices, array.indptr), shape=array.shape) @ factors
            continue
        rows, step = array.reshape(n, width), max(1, BLOCK_ELEMENTS // width)
        for start in range(0, n, step):
            block = slice(start, start + step)
            h[block] += _bits(np.ascontiguousarray(rows[block])) @ factors
    return _mix(h)


def merge_equal_rows(X, y, weight, key):
    """The weighted set behind the rows: equal (x, y) once, weights added, in order of x's hash.

    Rows of equal x come in the order of y. So multiplying y by 1000 changes no order.
    Returns X, y, weight (None where all are 1). Rows of weight 0 are gone.
    """
    if weight is None:
        weight = np.ones(X.shape[0])
    kept = np.flatnonzero(weight)
    hashes, targets = hash_rows(key, X)[kept], y[kept].reshape(len(kept), -1)
    order = np.lexsort((*targets.T, hashes))
    hashes, targets = hashes[order], targets[order]
    is_first = np.ones(len(kept), bool)
    is_first[1:] = (hashes[1:] != hashes[:-1]) | (targets[1:] != targets[:-1]).any(axis=1)
    merged = np.bincount(np.cumsum(is_first) - 1, weights=weight[kept][order])
    rows = kept[order[is_first]]
    return X[rows], y[rows], None if (merged == 1).all() else merged


def validation_part(hashes, strata, weight, fraction, minimum):
    """Which rows are held out: in each stratum, by hash, until they hold `fraction` of its weight.

    At least `minimum` different rows are taken from each stratum, but never all of them. Rows are
    equal here if stratum and hash are.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    order = np.lexsort((hashes, strata))
    s, h = strata[order], hashes[order]
    w = np.ones(len(s)) if weight is None else weight[order]
    new_stratum = np.concatenate([[True], s[1:] != s[:-1]])
    new_group = new_stratum | np.concatenate([[True], h[1:] != h[:-1]])
    stratum, group = np.cumsum(new_stratum) - 1, np.cumsum(new_group) - 1

    before = np.cumsum(w) - w
    before = before[new_group][group] - before[new_stratum][stratum]
    nth_group = group - group[new_stratum][stratum]
    n_groups = np.bincount(stratum[new_group])[stratum]
    chosen = (before < fraction * np.bincount(stratum, weights=w)[stratum]) | (nth_group < minimum)
    chosen &= nth_group < n_groups - 1
    held_out = np.empty(len(s), bool)
    held_out[order] = chosen & (fraction > 0)
    return held_out


def held_out_in_stream(hashes, fraction):
    """Which rows of a stream are held out: those whose hash lies in the lowest `fraction`."""
    return (hashes >> np.uint64(11)) * 2.0**-53 < fraction


def uniform(positions):
    """A hash of each integer, as a number in (0, 1)."""
    h = _mix(positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return ((h >> np.uint64(11)) + 0.5) * 2.0**-53
