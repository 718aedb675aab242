"""One column of a table, whatever library it is from: what it holds, and its values in NumPy.

A column of pandas, polars, pyarrow or NumPy holds one **kind** of values: numbers, truth values,
text, dates or time spans. The libraries write a kind in many ways (dates in four units, text in
six types, a missing value as None, NaN, NA or NaT); here each kind gets one:

- numbers and truth values are floats, time spans are seconds, all with NaN where one is missing;
- dates are ``datetime64[us]`` as the clock on the wall shows them, with NaT;
- text, and other values that serve as categories, are Python objects, with NaN.

So equal tables of two libraries give equal arrays. A `Reader` says how a library is read; an object
column of NumPy or pandas is read by the types of its values.
"""

import datetime
from decimal import Decimal
from numbers import Real

import numpy as np

from sknn_opt.arrays.extremes import HUGE

NUMBERS, TRUTH, TEXT, DATES, SPANS, EMPTY = KINDS = (
    *("numbers", "truth values", "text", "dates", "time spans"),
    "nothing",
)
MISSING = {"NoneType", "NAType", "NaTType"}
ORDER = (  # a type is of the first kind that it belongs to: a bool is also a number
    (bool | np.bool_, TRUTH),
    (Real | Decimal, NUMBERS),
    (str | bytes, TEXT),
    (datetime.date | np.datetime64, DATES),
    (datetime.timedelta | np.timedelta64, SPANS),
)
MICROSECONDS = 1e6  # in a second
EXACT = 2.0**53  # beyond it, different integers may be one float


class Column:
    """The values of a column that NumPy, or pandas in the manner of NumPy, holds.

    Attributes
    ----------
    kind : str
        One of `KINDS`, or the name of a type that none of them takes.
    zone : str or None
        The time zone of dates.
    is_category : bool
        Whether the library calls its values categories.
    """

    is_category, zone = False, None

    def __init__(self, values):
        self.values = values
        kinds = {"b": TRUTH, "i": NUMBERS, "u": NUMBERS, "f": NUMBERS, "M": DATES, "m": SPANS}
        kind = kinds.get(values.dtype.kind)
        if kind is None:
            self.values = np.asarray(values, dtype=object)
            kind = self._kind_of_objects()
        self.kind = kind

    def _kind_of_objects(self):
        """The kind of the values' types; of several types in one column all, joined by "and"."""
        types = {t for t in set(map(type, self.values)) if t.__name__ not in MISSING}
        floats = {t for t in types if issubclass(t, float | np.floating)}
        if floats and all(v != v for v in self.values if type(v) in floats):
            types -= floats  # NaN among other things
        kinds = sorted({_kind_of(t) for t in types})
        if kinds == [NUMBERS, TRUTH]:
            return NUMBERS
        if kinds == [DATES]:
            known = (v for v in self.values if type(v).__name__ not in MISSING)
            zones = sorted({str(getattr(v, "tzinfo", None) or "no time zone") for v in known})
            if len(zones) > 1:
                return " and ".join(f"dates in {zone}" for zone in zones)
            self.zone = zones[0] if zones[0] != "no time zone" else None
        return " and ".join(kinds) or EMPTY

    def is_empty(self):
        """Whether every value is missing."""
        kind = self.values.dtype.kind
        if kind in "fmM":
            return bool((np.isnan if kind == "f" else np.isnat)(self.values).all())
        return self.kind == EMPTY

    def floats(self):
        """Numbers, truth values or seconds; NaN throughout where the column is empty."""
        values = self.values
        if self.kind == DATES:
            return np.full(len(values), np.nan)
        if self.kind == SPANS:
            spans = _without(values, np.timedelta64("NaT")).astype("m8[us]")
            return np.where(np.isnat(spans), np.nan, spans.astype(np.int64) / MICROSECONDS)
        if values.dtype.kind == "O":
            values = _without(values, np.nan)
        try:
            return values.astype(
                np.float32 if values.dtype == np.float32 else np.float64, copy=False
            )
        except OverflowError:  # an integer of Python beyond 1e308
            return np.array([np.inf if abs(v) > float(HUGE) else float(v) for v in values])

    def times(self):
        """Dates; NaT throughout where the column is empty."""
        values = self.values
        if self.kind != DATES:
            return np.full(len(values), "NaT", dtype="M8[us]")
        if values.dtype.kind == "O":
            values = _without(values, np.datetime64("NaT"))
            if self.zone is not None:
                values = [getattr(v, "replace", lambda tzinfo, v=v: v)(tzinfo=None) for v in values]
        return np.asarray(values, dtype="M8[us]")

    def objects(self):
        """Values as categories."""
        if self.kind in (NUMBERS, TRUTH, SPANS):
            floats = self.floats()
            return self._integers(floats) if (abs(floats) > EXACT).any() else floats.astype(object)
        if self.kind == DATES:
            times = self.times()
            return np.where(np.isnat(times), np.nan, np.datetime_as_string(times).astype(object))
        values = _without(self.values, np.nan)
        if any(issubclass(t, bytes) for t in set(map(type, values))):
            values = _objects([_text(v) if isinstance(v, bytes) else v for v in values])
        return values

    def _integers(self, floats):
        """Numbers as objects, of which integers are exact."""
        pairs = zip(self.exact(), floats, strict=True)
        return _objects([int(v) if isinstance(v, int | np.integer) else x for v, x in pairs])

    def exact(self):
        """The values as the library holds them."""
        return self.values


def in_words(number):
    """A number as a label: an integer in full."""
    return f"{number:.15g}" if isinstance(number, float) else str(number)


def _text(value):
    return value.decode(errors="backslashreplace")


def _kind_of(type_):
    """The kind of a type of Python or NumPy; else its name."""
    return next((kind for kinds, kind in ORDER if issubclass(type_, kinds)), type_.__name__)


def _without(values, missing):
    """An array with one mark where values are missing."""
    if values.dtype.kind != "O" or not {t.__name__ for t in set(map(type, values))} & MISSING:
        return values
    return np.array([missing if type(v).__name__ in MISSING else v for v in values], dtype=object)


class PandasColumn(Column):
    """A series of pandas."""

    def __init__(self, series):
        dtype, self._series = series.dtype, series
        self.is_category = dtype.name == "category"
        if self.is_category:
            values = series.to_numpy(dtype=object)
        elif dtype.kind in "biuf":
            wanted = np.float32 if dtype == np.float32 else np.float64
            values = series.to_numpy(wanted, na_value=np.nan)
        elif dtype.kind in "Mm":
            zone = getattr(dtype, "tz", None)
            self.zone = None if zone is None else str(zone)
            series = series if zone is None else series.dt.tz_localize(None)
            values = series.to_numpy(f"{dtype.kind}8[us]")
        else:
            values = series.to_numpy(dtype=object)
        super().__init__(values)
        self.kind = TRUTH if dtype.kind == "b" else self.kind
        if self.is_category and self.kind not in KINDS and " and " not in self.kind:
            words = [*map(str, series.cat.categories), np.nan]  # such as intervals of pandas.cut
            self.values, self.kind = np.array(words, dtype=object)[series.cat.codes], TEXT

    def exact(self):
        return self._series.to_numpy(dtype=object)


class PolarsColumn(Column):
    """A series of polars."""

    def __init__(self, series):
        dtype, name, self._series = series.dtype, type(series.dtype).__name__, series
        name = getattr(dtype, "__name__", name) if isinstance(dtype, type) else name
        self.is_category = name in ("Categorical", "Enum")
        if dtype.is_numeric() or name == "Boolean":
            values = series.to_numpy() if name == "Float32" else series.cast(float).to_numpy()
        elif name in ("Date", "Datetime", "Duration"):
            self.zone = getattr(dtype, "time_zone", None)
            series = series if self.zone is None else series.dt.replace_time_zone(None)
            values = series.to_numpy()
        else:
            values = _objects(series.to_list())
        super().__init__(values)
        self.kind = TRUTH if name == "Boolean" else self.kind

    def exact(self):
        return self._series.to_list()


class ArrowColumn(Column):
    """A chunked array of pyarrow."""

    def __init__(self, column):
        import pyarrow as pa
        from pyarrow import compute

        its, types, self._column = column.type, pa.types, column
        self.is_category = types.is_dictionary(its)
        if types.is_boolean(its):
            column = column.cast(pa.int8())
        elif types.is_timestamp(its) and its.tz is not None:
            self.zone, column = str(its.tz), compute.local_timestamp(column)
        number = types.is_integer(its) or types.is_decimal(its) or types.is_boolean(its)
        plain = types.is_floating(its) or (types.is_temporal(its) and not types.is_time(its))
        if number:
            values = column.cast(pa.float64(), safe=False).to_numpy()
        elif plain:
            values = column.to_numpy()
        else:
            values = _objects(column.to_pylist())
        super().__init__(values)
        self.kind = TRUTH if types.is_boolean(its) else self.kind

    def exact(self):
        return self._column.to_pylist()


def _objects(values):
    """A list as an array of objects, lists among them too."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def column_of_pandas(series):
    """A series of pandas, which may hold an array of pyarrow."""
    if type(series.dtype).__name__ != "ArrowDtype":
        return PandasColumn(series)
    import pyarrow as pa

    array = series.array.__arrow_array__()
    return ArrowColumn(array if hasattr(array, "num_chunks") else pa.chunked_array([array]))
