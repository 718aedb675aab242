"""One column of each library and type: what it holds, and its values in NumPy."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sknn_opt.tables.columns import ArrowColumn, Column, PolarsColumn, column_of_pandas, in_words

pa = pytest.importorskip("pyarrow", exc_type=ImportError)

UTC = dt.UTC
NAN, NAT = np.nan, np.datetime64("NaT")
# kind -> values as Python has them, and as an encoder reads them
VALUES = {
    "integers": ("numbers", [1, 2, None], [1, 2, NAN]),
    "floats": ("numbers", [1.5, None, 2.0], [1.5, NAN, 2]),
    "decimals": ("numbers", [decimal.Decimal("1.5"), None], [1.5, NAN]),
    "flags": ("truth values", [True, None, False], [1, NAN, 0]),
    "text": ("text", ["a", None, "b"], ["a", NAN, "b"]),
    "times": ("dates", [dt.datetime(2020, 1, 2, 3), None], ["2020-01-02T03", NAT]),
    "days": ("dates", [dt.date(2020, 1, 2), None], ["2020-01-02", NAT]),
    "zone": ("dates", [dt.datetime(2020, 7, 2, 3, tzinfo=UTC), None], ["2020-07-02T03", NAT]),
    "spans": ("time spans", [dt.timedelta(hours=1), None], [3600, NAN]),
    "nothing": ("nothing", [None, None], [NAN, NAN]),
    "lists": ("list", [[1], None], [[1], NAN]),
}


def of_pandas(values):
    return column_of_pandas(pd.Series(values))


def of_pandas_objects(values):
    return column_of_pandas(pd.Series(values, dtype=object))


def of_pandas_nullable(values):
    return column_of_pandas(pd.Series(values).convert_dtypes())


def of_pandas_on_arrow(values):
    array = pa.array(values)
    return column_of_pandas(pd.Series(pd.array(array, dtype=pd.ArrowDtype(array.type))))


def of_polars(values):
    return PolarsColumn(pl.Series(values))


def of_pyarrow(values):
    return ArrowColumn(pa.table({"x": values})["x"])


def of_numpy(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return Column(array)


READERS = (
    of_pandas,
    of_pandas_objects,
    of_pandas_nullable,
    of_pandas_on_arrow,
    of_polars,
    of_pyarrow,
    of_numpy,
)


def read(column):
    """The values as their kind is read."""
    if column.kind == "dates":
        return column.times()
    return column.objects() if column.kind in ("text", "nothing", "list") else column.floats()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("reader", READERS)
def test_equal_columns_are_read_equally(reader, name):
    kind, values, expected = VALUES[name]
    column = reader(values)
    if name == "lists":
        assert column.kind in ("list", "ndarray")
        return
    assert (column.kind, column.is_category) == (kind, False)
    assert column.zone == ("UTC" if name == "zone" else None)
    assert column.is_empty() == (kind == "nothing")
    found = read(column)
    if kind == "dates":
        np.testing.assert_array_equal(found, np.array(expected, dtype="M8[us]"))
    else:
        assert found.dtype.kind == ("O" if kind in ("text", "nothing") else "f")
        np.testing.assert_array_equal(pd.isna(found), pd.isna(expected))
        assert found[~pd.isna(found)].tolist() == [v for v in expected if v == v]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (column_of_pandas(pd.Series(["a", None], dtype="category")), "text"),
        (column_of_pandas(pd.Series([1, None], dtype="category")), "numbers"),
        (PolarsColumn(pl.Series(["a", None], dtype=pl.Categorical)), "text"),
        (PolarsColumn(pl.Series(["a", None], dtype=pl.Enum(["a", "b"]))), "text"),
        (ArrowColumn(pa.chunked_array([pa.array(["a", None]).dictionary_encode()])), "text"),
    ],
)
def test_dtypes_of_categories(column, kind):
    assert column.is_category
    assert column.kind == kind
    assert column.objects()[0] in ("a", 1)
    assert np.isnan(column.objects()[1])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array(["a", 1], dtype=object), "numbers and text"),
        (np.array([True, 2.5, None], dtype=object), "numbers"),
        (np.array([True, np.nan], dtype=object), "truth values"),
        (np.array(["a", np.nan], dtype=object), "text"),
        (np.array([dt.date(2020, 1, 1), "a"], dtype=object), "dates and text"),
        (np.array([{}], dtype=object), "dict"),
        (np.array(["a"]), "text"),
        (np.array([b"a"]), "text"),
        (np.array([1], dtype="m8[h]"), "time spans"),
        (np.array(["2020"], dtype="M8[Y]"), "dates"),
        (np.array([1], dtype=np.int8), "numbers"),
    ],
)
def test_arrays_are_known_by_their_values(values, kind):
    assert Column(values).kind == kind


def test_bytes_are_text():
    assert Column(np.array([b"a", b"b"])).objects().tolist() == ["a", "b"]


def test_dates_are_read_as_the_clock_there_shows_them():
    noon = [dt.datetime(2020, 7, 1, 12, tzinfo=UTC)]
    there = "Europe/Berlin"
    columns = [
        column_of_pandas(pd.Series(noon).dt.tz_convert(there)),
        PolarsColumn(pl.Series(noon).dt.convert_time_zone(there)),
        ArrowColumn(pa.chunked_array([pa.array(noon, pa.timestamp("us", there))])),
    ]
    for column in columns:
        assert column.zone == there
        assert column.times()[0] == np.datetime64("2020-07-01T14")


def test_float32_stays():
    values = np.array([1, 2], dtype=np.float32)
    for column in (
        Column(values),
        column_of_pandas(pd.Series(values)),
        PolarsColumn(pl.Series(values)),
        ArrowColumn(pa.chunked_array([values])),
    ):
        assert column.floats().dtype == np.float32


LARGE = [2**60, 2**60 + 1, 5, None]


@pytest.mark.parametrize(
    "column",
    [
        column_of_pandas(pd.Series(LARGE, dtype="Int64")),
        column_of_pandas(pd.Series(LARGE, dtype=object)),
        column_of_pandas(pd.Series(LARGE, dtype="int64[pyarrow]")),
        column_of_pandas(pd.Series(pd.Categorical(LARGE))),
        PolarsColumn(pl.Series(LARGE)),
        ArrowColumn(pa.chunked_array([pa.array(LARGE)])),
        Column(np.array(LARGE, dtype=object)),
    ],
)
def test_large_integers_are_different_categories(column):
    """As floats, 2**60 and 2**60 + 1 are one number."""
    assert column.kind == "numbers"
    assert column.objects()[:3].tolist() == LARGE[:3]
    assert np.isnan(column.objects()[3])


def test_large_integers_without_gaps():
    values = np.array(LARGE[:3])
    for column in (Column(values), column_of_pandas(pd.Series(values))):
        assert column.objects().tolist() == LARGE[:3]


@pytest.mark.parametrize(
    ("number", "words"), [(1000001.0, "1000001"), (2**60, str(2**60)), (0.1, "0.1"), (-3.0, "-3")]
)
def test_numbers_in_words(number, words):
    assert in_words(number) == words


def test_bytes_that_are_no_text():
    assert Column(np.array([b"\xff", b"b"], dtype=object)).objects().tolist() == [r"\xff", "b"]


def test_categories_of_any_type_are_text():
    numbers = np.array([0.1, 1.9, np.nan])
    column = column_of_pandas(pd.Series(pd.cut(numbers, [0, 1, 2])))
    assert column.kind == "text"
    assert column.objects()[:2].tolist() == ["(0, 1]", "(1, 2]"]
    assert np.isnan(column.objects()[2])
    whole = column_of_pandas(pd.Series(pd.cut(numbers[:2], [0, 1, 2])))
    assert whole.objects().tolist() == ["(0, 1]", "(1, 2]"]
