"""Mean and variance of columns, in one pass, to nearly full float64 precision.

The textbook formula :math:`E[x^2] - E[x]^2` subtracts two large numbers: with a mean of 1e8 and a
standard deviation of 1 nothing is left. The variance does not change when a constant K is taken
from every value, so each column first gets a **shift** K close to its mean (the mean of the first
block of rows) and everything is summed in :math:`d = x - K`, which is about as large as the
deviation itself. For a block of rows with weights w,

.. math::

    r = \\frac{\\sum w d}{\\sum w}, \\qquad
    M_2 = \\sum w (d - r)^2 = \\sum w d^2 - r \\sum w d,

and two blocks a and b join by the pairwise formula of Chan, Golub and LeVeque,

.. math::

    r = r_a + \\delta \\frac{n_b}{n}, \\qquad
    M_2 = M_{2a} + M_{2b} + \\delta^2 \\frac{n_a n_b}{n}, \\qquad
    \\delta = r_b - r_a, \\quad n = n_a + n_b .

The difference that gives :math:`M_2` loses one bit at most while the block's mean stays within a
standard deviation of K. Where a block has drifted farther, its columns are centred a second time
(the corrected two-pass algorithm of the same paper).

A column of equal values has d = 0 throughout, hence a variance of exactly 0.

References
----------
T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance: analysis
and recommendations", The American Statistician 37(3), 1983, pp. 242-247.
"""

from typing import NamedTuple

import numpy as np

# A block of float64 this long (512 KiB) stays in the L2 cache from its first use to its last.
BLOCK_SIZE = 2**16

# Columns whose squares overflow are measured in this unit. A power of two changes no digit;
# the largest float64, 2**1024, becomes 2**484, and the sum of 2**50 such squares is still finite.
HUGE_UNIT = 2.0**540

# A block this narrow, or one from column-major data, is buffered column by column: the inner
# loops of NumPy then run along the rows instead of over a handful of columns.
NARROW = 16


class Moments(NamedTuple):
    """What has been seen of each column: arrays of shape (n_features,), in float64.

    ``shift`` (NaN before the first value) and ``unit`` (a power of two) define the coordinates
    d = (x - shift) / unit; ``count`` is the sum of the weights, ``residual`` the mean of d and
    ``m2`` the weighted sum of (d - residual)**2.
    """

    shift: np.ndarray
    unit: np.ndarray
    count: np.ndarray
    residual: np.ndarray
    m2: np.ndarray


def no_moments(n_features):
    """Return the moments of no rows at all."""
    zeros = np.zeros(n_features)
    return Moments(np.full(n_features, np.nan), np.ones(n_features), zeros, zeros, zeros)


def mean(moments):
    """Return the mean of each column; NaN where no value was seen."""
    # In units, so that two large numbers of opposite sign do not overflow on the way.
    return (moments.shift / moments.unit + moments.residual) * moments.unit


def variance(moments):
    """Return the variance of each column: NaN where nothing was seen, inf where it overflows."""
    with np.errstate(over="ignore"):
        return _per_count(moments.m2, moments.count) * moments.unit * moments.unit


def deviation(moments):
    """Return the standard deviation, which is finite even where the variance overflows."""
    return np.sqrt(_per_count(moments.m2, moments.count)) * moments.unit


def scale(moments):
    """Return what to divide by: the standard deviation, or 1 for constant columns.

    A column counts as constant when its deviation is at most 8 eps of its mean: the values differ
    by the rounding of their own last digits. The bound need not grow with the number of rows, as
    it must where the mean is a plain sum of the values: in shifted coordinates equal values add
    no rounding error at all. Below 1.5e-154 squares underflow: that too counts as constant.
    """
    std = deviation(moments)
    eps, tiny = np.finfo(np.float64).eps, np.finfo(np.float64).tiny
    constant = (std <= 8 * eps * np.abs(mean(moments))) | (std < np.sqrt(tiny))
    return np.where(constant, 1.0, std)


def add_dense(moments, X, weights=None):
    """Return the moments with the rows of X added; neither argument is changed.

    Parameters
    ----------
    moments : Moments
    X : ndarray of shape (n_samples, n_features)
        Any real dtype; finite, or NaN for a missing value. Read block by block, never copied whole.
    weights : ndarray of shape (n_samples,) or None
        Not negative. A row of weight zero is left out.
    """
    n_samples, n_features = X.shape
    n_rows = min(n_samples, max(1, BLOCK_SIZE // n_features))
    by_column = n_features <= NARROW or X.flags.f_contiguous
    buffer = np.empty((n_rows, n_features), order="F" if by_column else "C")
    ones = np.ones(n_rows)
    for start in range(0, n_samples, n_rows):
        rows = X[start : start + n_rows]
        w = ones[: len(rows)] if weights is None else weights[start : start + n_rows]
        if not w.all():
            rows, w = rows[w > 0], w[w > 0]
        if len(rows):
            moments = _absorb(moments, _DenseBlock(rows, w, buffer))
    return moments


def add_sparse(moments, X, weights=None):
    """Return the moments with the rows of X added; neither argument is changed.

    As `add_dense`, for a CSR or CSC matrix or array: entries that are not stored are zeros, stored
    NaNs are missing values.
    """
    if weights is not None and not weights.all():
        X, weights = X[np.flatnonzero(weights)], weights[weights > 0]
    if not X.has_canonical_format:  # an entry stored twice means the sum of the two
        X = X.copy()
        X.sum_duplicates()
    return _absorb(moments, _SparseBlock(X, np.ones(X.shape[0]) if weights is None else weights))


def _per_count(total, count):
    """Divide by the count; NaN where it is zero."""
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _absorb(moments, block):
    """Join one block: choose missing shifts, measure, merge, change the unit if that overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        unset = np.flatnonzero(np.isnan(moments.shift))
        if unset.size:
            shift = moments.shift.copy()
            shift[unset] = block.typical_values(unset)
            moments = moments._replace(shift=shift)
        merged = _merge(moments, block.measure(moments.shift, moments.unit))
        overflow = ~np.isfinite(merged.m2)
        if overflow.any():
            moments = _in_unit(moments, np.where(overflow, HUGE_UNIT, moments.unit))
            merged = _merge(moments, block.measure(moments.shift, moments.unit))
    return merged


def _in_unit(moments, unit):
    """Return the same moments in another unit."""
    ratio = moments.unit / unit
    # Not ratio**2, which underflows by itself.
    return moments._replace(
        unit=unit, residual=moments.residual * ratio, m2=moments.m2 * ratio * ratio
    )


def _merge(moments, measured):
    """Join the (count, residual, m2) of a block to the moments: Chan, Golub and LeVeque."""
    count_b, residual_b, m2_b = measured
    count = moments.count + count_b
    share = np.divide(count_b, count, out=np.zeros(len(count)), where=count > 0)  # n_b / n
    delta = residual_b - moments.residual
    return moments._replace(
        count=count,
        residual=moments.residual + delta * share,
        m2=moments.m2 + m2_b + delta * delta * (moments.count * share),
    )


class _DenseBlock:
    """Rows small enough for the cache, their positive weights, and a buffer to work in."""

    def __init__(self, rows, weights, buffer):
        self.rows, self.weights, self.buffer = rows, weights, buffer[: len(rows)]

    def typical_values(self, columns):
        """Return the mean of the values present; NaN for a column without any."""
        values = self.rows[:, columns].astype(np.float64)
        missing = np.isnan(values)
        # Seen from the first value, equal values have an exact mean.
        first = values[missing.argmin(axis=0), np.arange(len(columns))]
        values -= first
        values[missing] = 0.0
        typical = first + values.sum(axis=0) / np.maximum((~missing).sum(axis=0), 1)
        return np.where(np.isfinite(typical), typical, first)  # the differences can overflow

    def measure(self, shift, unit):
        """Return count, residual and m2 of each column."""
        w, d = self.weights, self._shifted(slice(None), shift, unit, self.buffer)
        first = w @ d
        if np.isnan(first).any():  # only then look at the values one by one
            missing = np.isnan(d)
            d[missing] = 0.0
            first, count = w @ d, w @ ~missing
        else:
            count = np.full(len(shift), w.sum())
        residual = np.divide(first, count, out=np.zeros(len(shift)), where=count > 0)
        second = w @ np.multiply(d, d, out=d)
        loss = residual * first
        m2 = second - loss
        drifted = np.flatnonzero(loss > 0.5 * second)
        if drifted.size:
            residual[drifted], m2[drifted] = self._centred_again(
                drifted, shift[drifted], unit[drifted], count[drifted], residual[drifted]
            )
        return count, residual, m2

    def _shifted(self, columns, shift, unit, out):
        """Write d = (x - shift) / unit to out."""
        np.copyto(out, self.rows[:, columns], casting="same_kind")
        if (unit != 1.0).any():
            out /= unit
            shift = shift / unit
        out -= shift
        return out

    def _centred_again(self, columns, shift, unit, count, residual):
        """Return the residual and m2 of some columns by the corrected two-pass algorithm."""
        d = self._shifted(columns, shift, unit, np.empty((len(self.rows), len(columns))))
        d -= residual
        d[np.isnan(d)] = 0.0
        correction = self.weights @ d / count
        m2 = self.weights @ np.multiply(d, d, out=d) - correction * correction * count
        return residual + correction, np.maximum(m2, 0.0)


class _SparseBlock:
    """The stored values of a sparse matrix, each with its column and weight; the rest are zeros."""

    def __init__(self, X, weights):
        n_samples, self.n_features = X.shape
        compressed = np.repeat(np.arange(len(X.indptr) - 1), np.diff(X.indptr))
        row, column = (compressed, X.indices) if X.format == "csr" else (X.indices, compressed)
        w = weights[row]
        missing = np.isnan(X.data)
        absent = np.bincount(column[missing], w[missing], minlength=self.n_features)
        self.count = np.maximum(weights.sum() - absent, 0.0)
        full = np.bincount(column, minlength=self.n_features) == n_samples
        # A difference of sums is not exactly zero where every entry is stored.
        zeros = self.count - np.bincount(column[~missing], w[~missing], minlength=self.n_features)
        self.zeros = np.where(full, 0.0, np.maximum(zeros, 0.0))
        n_missing = np.bincount(column[missing], minlength=self.n_features)
        self.count[n_missing == n_samples] = 0.0
        self.values = X.data[~missing].astype(np.float64)
        self.column, self.weights = column[~missing], w[~missing]

    def _sum(self, stored, implicit):
        """Return the weighted sum over each column."""
        total = np.bincount(self.column, self.weights * stored, minlength=self.n_features)
        return total + self.zeros * implicit

    def typical_values(self, columns):
        """Return the mean of the values present; NaN for a column without any."""
        typical = _per_count(self._sum(self.values, 0.0), self.count)
        return np.where(np.isinf(typical), 0.0, typical)[columns]

    def measure(self, shift, unit):
        """Return count, residual and m2 of each column, by the corrected two-pass algorithm."""
        shift = np.nan_to_num(shift) / unit
        d = self.values / unit[self.column] - shift[self.column]
        count = np.where(self.count > 0, self.count, 1.0)
        residual = self._sum(d, -shift) / count
        d -= residual[self.column]
        rest = -shift - residual
        correction = self._sum(d, rest) / count
        m2 = self._sum(d * d, rest * rest) - correction * correction * count
        # np.maximum keeps the NaN or inf that tells of an overflow.
        return self.count, residual + correction, np.maximum(m2, 0.0)
