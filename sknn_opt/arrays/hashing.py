"""Rows recognized by their content.

A hash of each row's values, keyed by the random state, answers three questions in a way that
depends neither on the order of the rows nor on the calls in which they come:

- which rows are equal: a set that fits into one batch is trained as a *weighted set*, equal rows
  merged and in the order of their hashes. Repeating a row then is the same as giving it weight 2,
  to the bit, and so is dropping it and giving it weight 0;
- which rows are for validation: those of lowest hash (see `sknn_opt.training.holdout`);
- and in partial_fit, a row that was held out in one call is held out in all.

The hash of a row is Σⱼ kⱼ · bits(xⱼ) mod 2⁶⁴ with random odd kⱼ, then mixed; entries of zero
contribute nothing, so sparse and dense rows have the same hash. No row has the hash 0: that of
zeros alone, which it would have under every key, has another.
"""

import numpy as np
from scipy.sparse import csr_array, issparse

BLOCK_ELEMENTS = 2**15
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ / φ: its multiples are far apart


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
    h[h == 0] = factors[0]
    return _mix(h)


def renumbered(hashes, numbers):
    """The hashes of rows that are told apart by a number as well."""
    return _mix(hashes + GOLDEN * numbers.astype(np.uint64))


def merge_equal_rows(X, y, weight, key):
    """The weighted set behind the rows: equal (x, y) once, weights added, in order of x's hash.

    Rows of equal x come in the order of y. So multiplying y by 1000 changes no order.

    Returns
    -------
    rows : ndarray of int
        Where those that are left stand. Rows of weight 0 are gone.
    weight : ndarray or None
        Their weights; None where all are 1.
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
    return kept[order[is_first]], None if (merged == 1).all() else merged


def held_out_in_stream(hashes, fraction):
    """Which rows of a stream are held out: those whose hash lies in the lowest `fraction`."""
    return (hashes >> np.uint64(11)) * 2.0**-53 < fraction


def uniform(positions):
    """A hash of each integer, as a number in (0, 1)."""
    h = _mix(positions.astype(np.uint64) * GOLDEN)
    return ((h >> np.uint64(11)) + 0.5) * 2.0**-53
