"""Median and quantile ranges of columns: a center and a spread that outliers cannot move.

Sort a column x₀ ≤ x₁ ≤ …; row i has weight wᵢ, and x(m) is the first value whose weights add up to
more than m. With W = Σ w and a unit u = min(1, smallest w), the quantile of q is

.. math::

    h = q \\frac{W - u}{u}, \\qquad
    x(\\lfloor h \\rfloor u) + (h - \\lfloor h \\rfloor)
    \\bigl(x((\\lfloor h \\rfloor + 1) u) - x(\\lfloor h \\rfloor u)\\bigr).

Without weights this is NumPy's (type 7 of Hyndman and Fan); a row of weight 2 is the same as two
rows, to the bit; and weights that sum to 1 are as good as any.

The **spread** is the interquartile range over 1.349, the interquartile range of N(0, 1): for normal
data it is the standard deviation. Where most values are equal that range is 0; then wider ones are
tried, up to that from the 1st to the 99th percentile, each over its own width for N(0, 1).

References
----------
R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician
50(4), 1996, pp. 361-365.
"""

import numpy as np
from scipy.sparse import issparse
from scipy.special import ndtri

TAILS = np.array([0.25, 0.1, 0.05, 0.025, 0.01])
WIDTHS = -2 * ndtri(TAILS)  # of the ranges between both tails of N(0, 1)
LEVELS = np.array([0.5, *TAILS, *(1 - TAILS)])
ROUNDING = 8 * np.finfo(np.float64).eps  # a range of so much of the median is none,
UNDERFLOW = np.sqrt(np.finfo(np.float64).tiny)  # nor is one below this, whose square is 0


def median_and_spread(X, weights=None):
    """The median and the spread of each column, the values left out that are NaN.

    Parameters
    ----------
    X : {ndarray, CSR or CSC matrix} of shape (n_samples, n_features)
        Finite numbers or NaN. Entries that are not stored are zeros.
    weights : ndarray of shape (n_samples,) or None
        Not negative. A row of weight zero is left out.

    Returns
    -------
    median : ndarray of shape (n_features,)
        NaN for a column without any value.
    spread : ndarray of shape (n_features,)
        Zero where all ranges are: 98 % of the values are equal, or nearly.
    """
    columns = _sparse_columns if issparse(X) else _dense_columns
    table = np.array([quantiles(*column, LEVELS) for column in columns(X, weights)])
    median, low, high = np.split(table.T, [1, 1 + len(TAILS)])
    ranges = high - low
    ranges[ranges <= np.maximum(ROUNDING * np.abs(median), UNDERFLOW)] = 0.0
    first = (ranges > 0).argmax(axis=0)
    return median[0], (ranges / WIDTHS[:, np.newaxis])[first, np.arange(len(first))]


def quantiles(x, w, levels):
    """The quantiles of some values with positive weights (None: all one)."""
    if not len(x):
        return np.full(len(levels), np.nan)
    if w is None:
        h, x = levels * (len(x) - 1), np.sort(x)
        i = np.floor(h)
        places = i.astype(int), np.minimum(i + 1, len(x) - 1).astype(int)
    else:
        order = np.argsort(x, kind="stable")
        x, mass, unit = x[order], np.cumsum(w[order]), min(1.0, w.min())
        h = levels * ((mass[-1] - unit) / unit)
        i = np.floor(h)
        places = [np.searchsorted(mass, m * unit, side="right") for m in (i, i + 1)]
    low, high = (x[np.minimum(at, len(x) - 1)].astype(np.float64) for at in places)
    return low + (h - i) * (high - low)


def _dense_columns(X, weights):
    """The values present and their weights, column by column."""
    for x in X.T:
        use = ~np.isnan(x) if weights is None else ~np.isnan(x) & (weights > 0)
        yield x[use], None if weights is None else weights[use]


def _sparse_columns(X, weights):
    """The same of a sparse matrix: its zeros are one value of their common weight."""
    X, n_samples = X.tocsc(), X.shape[0]
    weights = np.ones(n_samples) if weights is None else weights
    for start, end in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        x, w = X.data[start:end], weights[X.indices[start:end]]
        zeros = weights.sum() - w.sum() if end - start < n_samples else 0.0
        x, w = np.append(x, 0), np.append(w, zeros)
        use = ~np.isnan(x) & (w > 0)
        yield x[use], w[use]
