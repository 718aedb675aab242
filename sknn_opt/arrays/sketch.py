"""A sample of the rows of a stream, from which its quantiles are estimated.

The row at position t of the stream, of weight w, gets the key

.. math::

    k = -\\log(u_t) / w, \\qquad u_t = \\text{a hash of } t, \\text{ in } (0, 1),

and the rows of the lowest keys are kept: a sample without replacement, in which heavy rows come
first (Efraimidis and Spirakis). Keys depend on positions alone, so the sample does not depend on
how the stream is cut into calls. A row is kept if k is below the lowest key that was dropped, τ;
that has the probability 1 - exp(-w τ), hence (Horvitz and Thompson) the row stands for the weight

.. math::

    w / (1 - e^{-w \\tau}),

which is w itself while nothing was dropped.

References
----------
P. S. Efraimidis and P. G. Spirakis, "Weighted random sampling with a reservoir", Information
Processing Letters 97(5), 2006, pp. 181-185.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sknn_opt.arrays.hashing import uniform
from sknn_opt.arrays.quantiles import median_and_spread

ROWS = 2000  # the standard error of their median is 0.028 standard deviations, of normal data
NUMBERS = 2**22  # in the sample of a wide table
FEWEST = 100  # rows, of however wide a table, and values of a column


class Sketch(NamedTuple):
    """The rows kept, in the order of the stream, and what is known of the others."""

    rows: np.ndarray | sparse.csr_array  # shape (n_kept, n_features)
    keys: np.ndarray
    weights: np.ndarray
    threshold: float  # the lowest key that was dropped
    n_seen: int  # rows of positive weight

    def median_and_spread(self):
        """Those of the stream; NaN for a column with too few values in a part of its rows."""
        is_all = self.threshold == np.inf
        stands_for = self.weights / -np.expm1(-self.weights * self.threshold)
        plain = is_all and (self.weights == 1).all()
        found = median_and_spread(self.rows, None if plain else stands_for)
        rare = 0 if is_all else _n_values(self.rows) < FEWEST
        return tuple(np.where(rare, np.nan, each) for each in found)


def no_rows(X):
    """The sketch of no rows at all, of tables like X; it keeps its rows dense, or by row (CSR)."""
    rows = sparse.csr_array(X[:0]) if sparse.issparse(X) else X[:0]
    return Sketch(_floats(rows), np.zeros(0), np.zeros(0), np.inf, 0)


def add(sketch, X, weights=None):
    """The sketch with the rows of X added; neither is changed.

    Parameters
    ----------
    sketch : Sketch
    X : {ndarray, CSR or CSC matrix} of shape (n_samples, n_features)
    weights : ndarray of shape (n_samples,) or None
        Not negative. A row of weight zero is left out.
    """
    weights = np.ones(X.shape[0]) if weights is None else weights
    counting = np.flatnonzero(weights > 0)
    n_seen, n_kept = sketch.n_seen + len(counting), len(sketch.keys)
    with np.errstate(over="ignore"):  # of a tiny weight: the key is infinite
        keys = -np.log(uniform(np.arange(sketch.n_seen, n_seen))) / weights[counting]
    candidates = keys <= sketch.threshold
    if not candidates.any():
        return sketch._replace(n_seen=n_seen)
    new, keys = counting[candidates], np.concatenate([sketch.keys, keys[candidates]])
    size, threshold = min(ROWS, max(FEWEST, NUMBERS // X.shape[1])), sketch.threshold
    kept = np.arange(len(keys))
    if len(keys) > size:
        order = np.argsort(keys, kind="stable")
        kept, threshold = np.sort(order[:size]), float(keys[order[size]])
    new = new[kept[kept >= n_kept] - n_kept]
    old = kept[kept < n_kept]
    return Sketch(
        _stacked(sketch.rows[old], _floats(X.tocsr()[new] if sparse.issparse(X) else X[new])),
        keys[kept],
        np.concatenate([sketch.weights[old], weights[new]]),
        threshold,
        n_seen,
    )


def _stacked(old, new):
    """The rows of both in one table, of the kind of the first."""
    if sparse.issparse(old):
        return sparse.csr_array(sparse.vstack([old, sparse.csr_array(new)]))
    return np.concatenate([old, new.toarray() if sparse.issparse(new) else new])


def _n_values(X):
    """How many values each column has, the zeros that are not stored included."""
    if sparse.issparse(X):
        return X.shape[0] - np.bincount(X.indices[np.isnan(X.data)], minlength=X.shape[1])
    return len(X) - np.isnan(X).sum(axis=0)


def _floats(X):
    """X as floats of no fewer digits."""
    return X.astype(np.result_type(X.dtype, np.float32), copy=False)
