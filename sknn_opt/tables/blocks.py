"""What becomes of columns of one kind: a block of columns of the result.

A block is fitted to some columns of `Cells`, which may turn out to hold nothing of interest, and
writes its part of the result. `outputs` has (input column, label) for each of its columns: the
label says what it is, such as "missing", and is "" where it is the input column itself.
"""

from itertools import pairwise

import numpy as np
from sklearn.preprocessing import OneHotEncoder

from sknn_opt.arrays.extremes import HUGE, refuse_extremes
from sknn_opt.arrays.quantiles import quantiles
from sknn_opt.estimators.normalizer import InputNormalizer
from sknn_opt.tables import dates
from sknn_opt.tables.columns import in_words
from sknn_opt.tables.table import gathered

QUARTILES = 1.349  # the interquartile range of N(0, 1): the result is in units of that range
CLIP = 3.0  # in the same unit
SAMPLE = 1000  # rows that are looked at before all of a column are
FEW = range(3, 10)  # different integers that are also one-hot,
ROWS_A_VALUE = 5  # where there are so many rows for each
AT_ONCE = 2**23  # numbers of a block: what it works with takes a small multiple of it


def in_chunks(columns, n_rows, width=1):
    """Lists of columns whose numbers, `width` a value, are at most `AT_ONCE`."""
    n = max(1, AT_ONCE // (n_rows * width))
    return [columns[start : start + n] for start in range(0, len(columns), n)]


class Numbers:
    """Numbers, robustly scaled and smoothly clipped, and where they are missing.

    With the median m and the interquartile range r of a column

    .. math:: z = (x - m) / r, \\qquad y = z / \\sqrt{1 + (z / 3)^2},

    and y = 0 where x is missing: the median. Truth values are 0 and 1, categories of two values 0
    for the first and 1 for the second, and dates count in days. A source is (column, part), with
    "value", "second" of two categories, "known" of text that is nothing else, or a part of `dates`.
    """

    def __init__(self, sources):
        self.sources = sources

    def fit(self, cells, weights, names):
        X = self.read(cells)
        missing = np.isnan(X)
        varies = np.fmin.reduce(X, axis=0) < np.fmax.reduce(X, axis=0)
        gaps = missing.any(axis=0) & ~missing.all(axis=0)
        gaps &= [part != "year" for _, part in self.sources]  # as those of the date
        self.gaps = [s for s, gap in zip(self.sources, gaps, strict=True) if gap]
        self.sources = [s for s, use in zip(self.sources, varies, strict=True) if use]
        X = X if varies.all() else X[:, varies]
        if self.sources:
            self.normalizer = InputNormalizer(clip=CLIP * QUARTILES)
            self._refusing(names, self.normalizer.fit, X, sample_weight=weights)
        return self

    @property
    def amounts(self):
        """(place, input column) of numbers and dates, without years and categories."""
        return [(i, j) for i, (j, part) in enumerate(self.sources) if part in ("value", "")]

    def few_integers(self, cells):
        """The values of each column of a few different integers."""
        found = {}
        for j in (j for j, part in self.sources if part == "value"):
            x = cells.column(j).floats()
            if len(np.unique(x[:SAMPLE][~np.isnan(x[:SAMPLE])])) < FEW.stop:
                values = np.unique(x[~np.isnan(x)])
                enough = len(x) >= ROWS_A_VALUE * len(values)
                if enough and len(values) in FEW and (values == np.round(values)).all():
                    found[j] = values
        return found

    @property
    def outputs(self):
        values = [(j, "" if part in ("value", "second") else part) for j, part in self.sources]
        return values + [(j, "missing") for j, _ in self.gaps]

    def write(self, cells, out, names):
        n = len(self.sources)
        if n:
            X = self.read(cells)
            Z = self._refusing(names, self.normalizer.transform, X)
            Z /= QUARTILES
            np.nan_to_num(Z, copy=False, nan=0.0)
            out[:, :n] = Z
        place = {source: i for i, source in enumerate(self.sources)}
        for i, source in enumerate(self.gaps, n):
            x = X[:, place[source]] if source in place else self._column(cells, *source)
            out[:, i] = np.isnan(x)

    def _refusing(self, names, method, X, **options):
        """Call a method of the normalizer; what it refuses is said with the names of columns."""
        try:
            return method(X, **options)
        except ValueError:
            try:
                refuse_extremes(X, "X", [names[j] for j, _ in self.sources], None, True, HUGE)
            except ValueError as error:
                if "infinity" not in str(error):
                    raise
                hint = "correct it, or make it NaN, which is a gap"
                raise ValueError(f"{str(error).rstrip('.')}: {hint}.") from None
            raise

    def restore(self, Z, columns):
        """Enter the numbers of the columns, NaN where they were missing."""
        n = len(self.sources)
        if n:
            X = self.normalizer.inverse_transform(Z[:, :n].astype(np.float64) * QUARTILES)
        for i, source in enumerate(self.gaps, n):
            if source in self.sources:
                X[Z[:, i] > 0.5, self.sources.index(source)] = np.nan
        for i, (j, part) in enumerate(self.sources):
            if part != "year":
                columns[j] = X[:, i]

    def read(self, cells):
        read = (self._column(cells, *source) for source in self.sources)
        return gathered(read, cells.n_rows, len(self.sources))

    def _column(self, cells, j, part):
        if part == "value":
            return cells.column(j).floats()
        if part == "second":
            codes = cells.codes([j])[:, 0]
            return np.where(codes < 0, np.nan, codes)
        if part == "known":
            values = cells.column(j).objects()
            return np.where(values == values, 0.0, np.nan)
        return dates.number(cells.column(j).times(), part)


class Cycles:
    """Parts of dates that come round again, as points on circles; (0, 0) where one is missing."""

    def __init__(self, columns):
        self.columns = columns

    def fit(self, cells):
        self.sources = []
        for j in self.columns:
            times = cells.column(j).times()
            for cycle in dates.CYCLES:
                share = dates.turn(times, cycle)
                if np.fmin.reduce(share) < np.fmax.reduce(share):
                    self.sources.append((j, cycle))
        return self

    @property
    def outputs(self):
        return [(j, f"{cycle}_{axis}") for j, cycle in self.sources for axis in ("sin", "cos")]

    def write(self, cells, out, names):
        for i, (j, cycle) in enumerate(self.sources):
            angle = 2 * np.pi * dates.turn(cells.column(j).times(), cycle)
            out[:, 2 * i] = np.nan_to_num(np.sin(angle))
            out[:, 2 * i + 1] = np.nan_to_num(np.cos(angle))


class Integers:
    """A few different integers, one-hot; zeros for any other number, and where it is missing."""

    def __init__(self, values):
        self.values = values  # those of each column

    def fit(self, cells, dtype):
        self.encoder = OneHotEncoder(
            categories=list(self.values.values()), handle_unknown="ignore", dtype=dtype
        )
        self.encoder.fit(cells.floats(list(self.values)))
        return self

    @property
    def outputs(self):
        return [(j, in_words(v)) for j, values in self.values.items() for v in values]

    def write(self, cells, out, names):
        out[:] = self.encoder.transform(cells.floats(list(self.values))).toarray()


class Bins:
    """Numbers in a piecewise-linear encoding: one column a bin, which says how far x is through it.

    With quantiles b₀ < b₁ < … of a column, column k is (x - b_k) / (b_{k+1} - b_k), held within
    [0, 1] [1]_; where x is missing, that of the median.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in
       tabular deep learning", NeurIPS 2022.
    """

    are_bins = True

    def __init__(self, columns, n_bins):
        self.columns, self.n_bins = columns, n_bins

    def fit(self, cells, weights):
        self.edges, self.medians, levels = {}, {}, np.linspace(0, 1, self.n_bins + 1)
        for j in self.columns:
            x = cells.column(j).floats()
            use = ~np.isnan(x)
            *edges, median = quantiles(
                x[use], None if weights is None else weights[use], np.append(levels, 0.5)
            )
            if len(edges := np.unique(edges)) > 2:
                self.edges[j], self.medians[j] = edges, median
        return self

    @property
    def outputs(self):
        return [(j, f"bin{k}") for j, edges in self.edges.items() for k in range(len(edges) - 1)]

    def write(self, cells, out, names):
        k = 0
        for j, edges in self.edges.items():
            x = cells.column(j).floats()
            x = np.where(np.isnan(x), self.medians[j], x)
            for low, high in pairwise(edges):
                out[:, k] = np.clip((x - low) / (high - low), 0, 1)
                k += 1
