"""Mean, variance, kurtosis and range of columns, in one pass, to nearly full float64 precision.

The textbook formula :math:`E[x^2] - E[x]^2` subtracts two large numbers: with a mean of 1e8 and a
standard deviation of 1 nothing is left. The variance does not change when a constant K is taken
from every value, so each column first gets a **shift** K close to its mean (the mean of the first
rows) and everything is summed in :math:`d = x - K`, which is about as large as the
deviation itself. For a block of rows with weights w,

.. math::

    r = \\frac{\\sum w d}{\\sum w}, \\qquad
    M_2 = \\sum w (d - r)^2 = \\sum w d^2 - r \\sum w d,

and two blocks a and b join by the pairwise formula of Chan, Golub and LeVeque,

.. math::

    r = r_a + \\delta \\frac{n_b}{n}, \\qquad
    M_2 = M_{2a} + M_{2b} + \\delta^2 \\frac{n_a n_b}{n}, \\qquad
    \\delta = r_b - r_a, \\quad n = n_a + n_b .

Pébay's formulas join the sums of third and fourth powers of d - r alike; the kurtosis is
:math:`n M_4 / M_2^2`. The difference that gives :math:`M_2` loses one bit at most while the block's
mean stays within a standard deviation of K. Where a block has drifted farther, its columns are
centered a second time (the corrected two-pass algorithm of the first paper).

A column of equal values has d = 0 throughout, hence a variance of exactly 0.

References
----------
T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance: analysis
and recommendations", The American Statistician 37(3), 1983, pp. 242-247.

P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
statistical moments", Sandia Report SAND2008-6212, 2008, equations (2.1) and (2.2).
"""

from typing import NamedTuple

import numpy as np

from sknn_opt.kernels import fastest
from sknn_opt.kernels.with_numpy import shifted_sums

# Numbers in a block: enough to make light of what is done once for each, whose float64 copy,
# where one is needed, is still small (8 MiB).
BLOCK_SIZE = 2**20

# Rows that are one after the other in memory are summed as fewer rows of about this length, and
# columns at least this tall each by itself, unless weighted: the inner loops run long.
LONG_ROW = 256
TALL = 2**16

SMALL = 2**14  # numbers

# Two sums of the same weights may differ by so much, relatively.
ROUNDING = 2.0**-39

# A shift close to the mean is as good as the mean: that of so many rows will do.
SAMPLE = 1024


class Moments(NamedTuple):
    """What has been seen of each column: arrays of shape (n_features,), in float64.

    ``shift`` (NaN before the first value) defines the coordinate d = x - shift; ``count`` is the
    sum of the weights, ``residual`` the mean of d and ``m2``, ``m3`` and ``m4`` the weighted sums
    of the powers of d - residual. ``total`` is the sum of the weights with those of missing values;
    ``low`` and ``high`` (NaN before the first value) are the range of x.
    """

    shift: np.ndarray
    count: np.ndarray  # type: ignore[assignment]  # not the method of tuples
    residual: np.ndarray
    m2: np.ndarray
    total: np.ndarray
    low: np.ndarray
    high: np.ndarray
    m3: np.ndarray
    m4: np.ndarray


def no_moments(n_features):
    """Return the moments of no rows at all."""
    zeros, unknown = np.zeros(n_features), np.full(n_features, np.nan)
    return Moments(unknown, zeros, zeros, zeros, zeros, unknown, unknown, m3=zeros, m4=zeros)


def restored(arrays):
    """Return the moments of a dict of arrays; earlier versions kept no third and fourth powers."""
    unknown = np.full(len(arrays["count"]), np.nan)
    return Moments(**{"m3": unknown, "m4": unknown, **arrays})


def in_unit(moments, unit):
    """Return the moments of x / unit, the units being powers of 2 of shape (n_features,)."""
    lengths = {name: getattr(moments, name) / unit for name in ("shift", "residual", "low", "high")}
    m2, m3, m4 = moments.m2 / unit / unit, moments.m3 / unit / unit / unit, moments.m4
    return moments._replace(**lengths, m2=m2, m3=m3, m4=m4 / unit / unit / unit / unit)


def mean(moments):
    """Return the mean of each column; NaN where no value was seen."""
    return moments.shift + moments.residual


def variance(moments):
    """Return the variance of each column; NaN where no value was seen."""
    return _per_count(moments.m2, moments.count)


def deviation(moments):
    """Return the standard deviation of each column; NaN where no value was seen."""
    return np.sqrt(variance(moments))


def kurtosis(moments):
    """Return the mean of ((x - mean) / deviation)**4: 3 for normal columns; NaN where unknown.

    That is where the deviation is zero, and where a fourth power is too large or small for float64.
    """
    with np.errstate(all="ignore"):
        ratio = (moments.m4 / moments.m2) * (moments.count / moments.m2)
    possible = np.isfinite(ratio) & (ratio > 1 - ROUNDING)  # Jensen's inequality
    return np.where(possible, ratio, np.nan)


def skewness(moments):
    """Return the mean of ((x - mean) / deviation)**3; NaN where the kurtosis is."""
    with np.errstate(all="ignore"):
        ratio = (moments.m3 / moments.m2) * np.sqrt(moments.count / moments.m2)
    return np.where(np.isnan(kurtosis(moments)), np.nan, ratio)


def missing_share(moments):
    """Return the share of each column's weight that lies on missing values."""
    with np.errstate(invalid="ignore"):
        share = (moments.total - moments.count) / moments.total
    return np.where(share < ROUNDING, 0.0, share)


def scale(moments, unit=1.0):
    """Return what to divide by: the standard deviation, times the unit, or 1 for constant columns.

    A column counts as constant when its deviation is at most 8 eps of its mean: the values differ
    by the rounding of their own last digits. The bound need not grow with the number of rows, as
    it must where the mean is a plain sum of the values: in shifted coordinates equal values add
    no rounding error at all. Below 1.5e-154 squares underflow: that too counts as constant.
    """
    std = deviation(moments)
    eps, tiny = np.finfo(np.float64).eps, np.finfo(np.float64).tiny
    constant = (std <= 8 * eps * np.abs(mean(moments))) | (std < np.sqrt(tiny))
    return np.where(constant, 1.0, std * unit)


def add_dense(moments, X, weights=None):
    """Return the moments with the rows of X added; neither argument is changed.

    Parameters
    ----------
    moments : Moments
    X : ndarray of shape (n_samples, n_features)
        Any real dtype; NaN is a missing value. Read block by block, never copied whole. With
        numbers that `arrays.extremes` refuses, only the range is to be relied on.
    weights : ndarray of shape (n_samples,) or None
        Not negative. A row of weight zero is left out.
    """
    n_samples, n_features = X.shape
    if weights is None and n_samples >= TALL and n_features > 1 and X.flags.f_contiguous:
        columns = [slice(j, j + 1) for j in range(n_features)]
        apart = [add_dense(part(moments, c), X[:, c]) for c in columns]
        return Moments(*map(np.concatenate, zip(*apart, strict=True)))
    n_rows = max(1, BLOCK_SIZE // n_features)
    for start in range(0, n_samples, n_rows):
        rows = X[start : start + n_rows]
        w = None if weights is None else weights[start : start + n_rows]
        if w is not None and not w.all():
            rows, w = rows[w > 0], w[w > 0]
        if len(rows):
            plain = w is None or (w == 1.0).all()
            moments = _absorb(moments, _DenseBlock(rows, None if plain else w))
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


def joined(one, other):
    """Return the moments of the rows of both, which are seen from the same shift."""
    powers = other.m2, other.m3, other.m4
    with np.errstate(over="ignore", invalid="ignore"):
        both = _merge(one, (other.count, other.residual, powers, other.low, other.high))
    return both._replace(total=one.total + other.total)


def part(moments, columns):
    """Return the moments of some columns."""
    return Moments(*(array[columns] for array in moments))


def _per_count(total, count):
    """Divide by the count; NaN where it is zero."""
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _absorb(moments, block):
    """Join one block: choose missing shifts, measure, merge."""
    with np.errstate(over="ignore", invalid="ignore"):
        unset = np.flatnonzero(np.isnan(moments.shift))
        if unset.size:
            shift = moments.shift.copy()
            shift[unset] = block.typical_values(unset)
            moments = moments._replace(shift=shift)
        merged = _merge(moments, block.measure(moments.shift))
    return merged._replace(total=moments.total + block.total)


def _merge(moments, measured):
    """Join what was measured of a block to the moments: Chan, Golub and LeVeque."""
    count_b, residual_b, powers_b, low_b, high_b = measured
    count = moments.count + count_b
    share = np.divide(count_b, count, out=np.zeros(len(count)), where=count > 0)  # n_b / n
    delta = residual_b - moments.residual
    m2, m3, m4 = _joined_powers(moments, powers_b, delta, share)
    return moments._replace(
        count=count,
        residual=moments.residual + delta * share,
        m2=m2,
        m3=m3,
        m4=m4,
        low=np.fmin(moments.low, low_b),
        high=np.fmax(moments.high, high_b),
    )


def _joined_powers(moments, powers_b, delta, share):
    """Return M2, M3 and M4 of two samples as one; b has a share of the rows."""
    (_, count, _, a2, *_, a3, a4), (b2, b3, b4) = moments, powers_b
    rest = 1 - share  # n_a / n
    square = delta * delta
    between = square * (count * share)  # delta² n_a n_b / n
    m2 = a2 + b2 + between
    m3 = a3 + b3 + delta * (between * (rest - share) + 3 * (rest * b2 - share * a2))
    m4 = (
        a4
        + b4
        + square
        * (
            between * (rest * rest - rest * share + share * share)
            + 6 * (rest * rest * b2 + share * share * a2)
        )
    )
    return m2, m3, m4 + 4 * delta * (rest * b3 - share * a3)


def _sums(rows, weights, shift):
    """Return `shifted_sums`, taken over long rows where the weights allow it."""
    n_samples, n_features = rows.shape
    # A small table is not worth the time that compiling takes, once on a machine.
    kernel = fastest(shifted_sums, rows.dtype) if rows.size > SMALL else shifted_sums
    if weights is not None:
        return kernel(rows, weights, shift)
    worthwhile = rows.size > LONG_ROW**2 // 4 and rows.flags.c_contiguous
    group = max(1, LONG_ROW // n_features) if worthwhile else 1
    ones, head = np.ones(n_samples // group), n_samples - n_samples % group
    wide = rows[:head].reshape(len(ones), -1)
    sums = kernel(wide, ones, np.tile(shift, group))
    if group > 1:
        sums = _joined(sums.reshape(7, group, n_features).transpose(1, 0, 2))
    if head < n_samples:
        sums = _joined(np.stack([sums, kernel(rows[head:], np.ones(n_samples - head), shift)]))
    return sums


def _joined(sums):
    """Return the `shifted_sums` of all of several groups of rows, the groups along axis 0."""
    joined = sums.sum(axis=0)
    joined[5], joined[6] = np.fmin.reduce(sums[:, 5]), np.fmax.reduce(sums[:, 6])
    return joined


def _sample_mean(rows, weights):
    """Return the mean of each column, or one of its values; NaN for a column without any."""
    first = rows[0].astype(np.float64)
    if np.isnan(first).any():
        first = rows[np.isnan(rows).argmin(axis=0), np.arange(len(first))].astype(np.float64)
    # Seen from the first value, equal values have an exact mean.
    count, total = _sums(rows, weights, first)[:2]
    return first + _per_count(total, count)


class _DenseBlock:
    """Some rows, and their positive weights (None: all one)."""

    def __init__(self, rows, weights):
        self.rows, self.weights = rows, weights
        self.total = float(len(rows)) if weights is None else weights.sum()

    def typical_values(self, columns):
        """Return about the mean of the values present; NaN for a column without any."""
        rows = self._columns(columns)
        for n in (SAMPLE, len(rows)):  # all rows only if some column has no value before
            typical = _sample_mean(rows[:n], None if self.weights is None else self.weights[:n])
            if not np.isnan(typical).any():
                break
        return typical

    def _columns(self, columns):
        """Return some columns of the rows; a copy unless they are all."""
        return self.rows if len(columns) == self.rows.shape[1] else self.rows[:, columns]

    def measure(self, shift):
        """Return count, residual, (m2, m3, m4), lowest and highest value of each column."""
        if len(self.rows) == 1:  # a stream may come row by row
            x = self.rows[0].astype(np.float64)
            present = x == x
            residual = np.where(present, x - shift, 0.0)
            return present * self.total, residual, np.zeros((3, len(x))), x, x
        count, residual, powers, low, high, loss = self._measured_from(shift, self.rows)
        drifted = np.flatnonzero(loss > powers[0])
        if drifted.size:
            # The corrected two-pass algorithm: again, from a shift in the middle of the block.
            start = shift[drifted]
            middle = start + residual[drifted]
            rows = self._columns(drifted)
            _, correction, powers[:, drifted], *_ = self._measured_from(middle, rows)
            residual[drifted] = middle - start + correction
        powers[::2] = np.maximum(powers[::2], 0.0)
        return count, residual, powers, low, high

    def _measured_from(self, shift, rows):
        """Return what `measure` does, and what m2 lost because the residual is not zero."""
        count, first, second, third, fourth, low, high = _sums(rows, self.weights, shift)
        r = np.divide(first, count, out=np.zeros(len(shift)), where=count > 0)
        loss = r * first
        # The sums of (d - r)², (d - r)³ and (d - r)⁴, with first = count r.
        m3 = third - r * (3 * second - 2 * loss)
        m4 = fourth - r * (4 * third - r * (6 * second - 3 * loss))
        return count, r, np.array([second - loss, m3, m4]), low, high, loss


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
        self.total, self.has_zeros = weights.sum(), ~full

    def _sum(self, stored, implicit):
        """Return the weighted sum over each column."""
        total = np.bincount(self.column, self.weights * stored, minlength=self.n_features)
        return total + self.zeros * implicit

    def typical_values(self, columns):
        """Return the mean of the values present; NaN for a column without any."""
        return _per_count(self._sum(self.values, 0.0), self.count)[columns]

    def measure(self, shift):
        """Return what a `_DenseBlock` does, m2 by the corrected two-pass algorithm."""
        shift = np.nan_to_num(shift)
        d = self.values - shift[self.column]
        count = np.where(self.count > 0, self.count, 1.0)
        residual = self._sum(d, -shift) / count
        d -= residual[self.column]
        rest = -shift - residual
        correction = self._sum(d, rest) / count
        m2 = self._sum(d * d, rest * rest) - correction * correction * count
        d -= correction[self.column]
        rest -= correction
        m3, m4 = self._sum(d**3, rest**3), self._sum(d**4, rest**4)
        powers = np.array([np.maximum(m2, 0.0), m3, m4])
        return self.count, residual + correction, powers, *self._range()

    def _range(self):
        """Return the lowest and the highest value of each column."""
        implicit = np.where(self.has_zeros, 0.0, np.nan)
        low, high = implicit.copy(), implicit
        np.fmin.at(low, self.column, self.values)
        np.fmax.at(high, self.column, self.values)
        return low, high
