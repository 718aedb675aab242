"""A table as a list of columns, and whether it is the table that was expected.

`open_table` takes data frames of pandas, polars and pyarrow, and arrays. `Cells` are what an
encoder reads of a table: the columns of the training data, in their order, wherever they stand now.
"""

from difflib import get_close_matches

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from sknn_opt._sklearn import feature_names, safe_indexing
from sknn_opt.tables.columns import (
    DATES,
    KINDS,
    NUMBERS,
    TRUTH,
    ArrowColumn,
    Column,
    PolarsColumn,
    column_of_pandas,
)

SHOWN = 5  # columns that a message names


class Table:
    """Columns by number, read when they are asked for.

    `names` are those of the columns, or their numbers; `labels` are the former, or None, and
    `named` are they if all are strings, else None.
    """

    def __init__(self, X, shape, names, read):
        self.X, self.shape, self._read, self._kept = X, shape, read, {}
        self.labels = None if names is None else list(names)
        self.names = list(range(shape[1])) if names is None else self.labels
        strings = names is not None and all(isinstance(name, str) for name in self.names)
        self.named = np.asarray(self.names, dtype=object) if strings else None

    def column(self, j):
        """Column j. Those of Python objects are kept: they are slow to look through."""
        if j in self._kept:
            return self._kept[j]
        column = self._read(j)
        if column.values.dtype.kind == "O":
            self._kept[j] = column
        return column


def open_table(X, estimator):
    """The columns of a frame or array.

    Raises
    ------
    ValueError, TypeError
        If it has no rows or no columns, two columns of one name, or is no table.
    """
    library = type(X).__module__.partition(".")[0]
    if library == "pandas" and hasattr(X, "iloc") and X.ndim == 2:
        table = Table(X, X.shape, X.columns, lambda j: column_of_pandas(X.iloc[:, j]))
    elif library == "polars" and hasattr(X, "to_series"):
        table = Table(X, X.shape, X.columns, lambda j: PolarsColumn(X.to_series(j)))
    elif library == "pyarrow" and hasattr(X, "column_names"):
        its = X if hasattr(X, "combine_chunks") else _as_table(X)
        table = Table(its, X.shape, X.column_names, lambda j: ArrowColumn(its.column(j)))
    else:
        return _open_array(X, estimator)
    if 0 in table.shape:
        what = "columns" if table.shape[1] == 0 else "rows"
        raise ValueError(f"X has no {what} (shape={table.shape}): there is nothing to encode.")
    twice = sorted({str(name) for name in table.names if table.names.count(name) > 1})
    if twice:
        raise ValueError(f"X has several columns named {listed(twice)}: rename all but one.")
    if table.named is None and library == "pandas":
        feature_names(X)  # raises TypeError if some names are strings and some are not
    return table


def _open_array(X, estimator):
    """The columns of an array, or of lists of rows, in which numbers beside text stay numbers."""
    if isinstance(X, list | tuple) and np.asarray(X, dtype=object).ndim == 2:
        array = np.asarray(X)
        X = np.asarray(X, dtype=object) if array.dtype.kind in "US" else array
    X = check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator, input_name="X")
    return Table(X, X.shape, None, lambda j: Column(X[:, j]))


def _as_table(batch):
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def rows_of(X, rows):
    """Some rows of a frame or array."""
    return X.take(rows) if type(X).__module__.startswith("pyarrow") else safe_indexing(X, rows)


class Cells:
    """The columns of a table by their numbers in the training data."""

    def __init__(self, table, order=None, codes=None):
        self._table, self._order, self._codes = table, order, codes or {}
        self.n_rows = table.shape[0]

    def column(self, j):
        """Column j of the training data."""
        return self._table.column(j if self._order is None else self._order[j])

    def floats(self, columns):
        """Numbers of some columns, each of them contiguous, as (n_rows, n_columns)."""
        read = (self.column(j).floats() for j in columns)
        return gathered(read, self.n_rows, len(columns))

    def objects(self, columns):
        """Values of some columns as categories."""
        values = np.empty((self.n_rows, len(columns)), dtype=object, order="F")
        for i, j in enumerate(columns):
            values[:, i] = self.column(j).objects()
        return values

    def remember(self, columns, codes):
        """Keep the numbers of categories."""
        self._codes = dict(zip(columns, codes.T, strict=True))

    def codes(self, columns):
        """The numbers of the categories of some columns."""
        return np.stack([self._codes[j] for j in columns], axis=1)


def gathered(columns, n_rows, n_columns):
    """One array of float columns; float32 if all of them are."""
    first = next(columns)
    X = np.empty((n_rows, n_columns), first.dtype, order="F")
    X[:, 0] = first
    for i, column in enumerate(columns, 1):
        if column.dtype.itemsize > X.dtype.itemsize:
            X = X.astype(column.dtype, order="F")
        X[:, i] = column
    return X


# What is refused --------------------------------------------------------------------------------


def listed(names):
    """Names in a sentence, the first few of many."""
    said = ", ".join(repr(name) for name in names[:SHOWN])
    return f"{said} and {len(names) - SHOWN} more" if len(names) > SHOWN else said


def kinds_of(table):
    """What each column holds.

    Raises
    ------
    ValueError
        If one holds several kinds of values, or something that is none of the known.
    """
    kinds = [table.column(j).kind for j in range(table.shape[1])]
    for name, kind in zip(table.names, kinds, strict=True):
        if " and " in kind:
            by = "astype(str) or pandas.to_numeric"
            by = "pandas.to_datetime(..., utc=True)" if kind.startswith("dates in") else by
            raise ValueError(
                f"Column {name!r} of X mixes {kind}: make all its values of one kind, such as "
                f"by {by}."
            )
        if kind not in KINDS:
            raise ValueError(
                f"Column {name!r} of X holds values of type {kind}, which are no {KINDS[0]}, "
                f"{', '.join(KINDS[1:4])} or {KINDS[4]}: convert it, or leave it out."
            )
    return kinds


def order_of(table, estimator):
    """Where the columns of the training data stand in a table; None if in their order.

    Columns of frames are found by name, be that a string, a number or a tuple.

    Raises
    ------
    ValueError
        If columns are missing or unknown.
    """
    known = estimator._labels_in
    strings = hasattr(estimator, "feature_names_in_"), table.named is not None
    if known is None or table.labels is None or strings[0] != strings[1]:
        validate_data(estimator, table.X, reset=False, skip_check_array=True)
        return None
    if known == table.labels:
        return None
    place = {name: j for j, name in enumerate(table.names)}
    missing = [name for name in known if name not in place]
    new = [name for name in table.names if name not in set(known)]
    if missing or new:
        raise ValueError(_other_columns(missing, new))
    return [place[name] for name in known]


def _other_columns(missing, new):
    said, hints = [], []
    if missing:
        said.append(f"lacks {listed(missing)}")
    if new:
        said.append(f"has {listed(new)}, which the training data had not")
    plain = {str(name).casefold().strip(): name for name in new if isinstance(name, str)}
    for name in missing:
        for close in get_close_matches(str(name).casefold().strip(), plain, 1):
            hints.append(f"did you mean {name!r} by {plain.pop(close)!r}?")
    text = f"The columns of X are not those of the training data: it {' and '.join(said)}"
    return f"{text} ({' '.join(hints)})." if hints else f"{text}."


def refuse_other_kinds(cells, known, names):
    """Raise ValueError if columns hold something else than in training.

    `known` are kind and time zone by the number of the column.
    """
    said = []
    for j, (kind, zone) in known.items():
        column = cells.column(j)
        numbers = {kind, column.kind} <= {NUMBERS, TRUTH}
        same = kind == column.kind and zone == column.zone
        if same or numbers or column.is_empty():
            continue
        now, then = column.kind, kind
        if now == then == DATES:
            now, then = (f"dates in {z or 'no time zone'}" for z in (column.zone, zone))
        said.append(f"{names[j]!r} holds {now}, not {then}")
    if said:
        more = f"; and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        raise ValueError(
            "The columns of X do not hold what they held in the training data: "
            f"{'; '.join(said[:SHOWN])}{more}. Convert them as before."
        )
