"""What `TableEncoder` refuses, in one sentence each; the encoder then stays as it was."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sknn_opt import TableEncoder

pa = pytest.importorskip("pyarrow", exc_type=ImportError)

N = 90
X = pd.DataFrame(
    {
        "age": np.arange(N) % 37 * 1.0,
        "color": list("rgb") * (N // 3),
        "joined": pd.date_range("2024-01-01", periods=N),
        "city": [f"c{k % 40}" for k in range(N)],
    }
)
Y = np.arange(N) * 1.0
ZONES = ["UTC", "Europe/Berlin"] * (N // 2)
SOME = ["UTC", None] * (N // 2)


def twice(frame):
    return frame.set_axis(["age", "color", "age", "city"], axis=1)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (X[[]], "X has no columns (shape=(90, 0))"),
        (X[:0], "X has no rows (shape=(0, 4))"),
        (pl.DataFrame(), "X has no columns"),
        (pa.table({}), "X has no columns"),
        (X[:1], "X has one row (n_samples=1, 4 columns): all columns are constant"),
        (X.assign(**{name: X[name][0] for name in X}), "X has no column that varies"),
        (X.assign(age=[[1, 2]] * N), "Column 'age' of X holds values of type list"),
        (X.assign(age=[{"a": 1}] * N), "Column 'age' of X holds values of type dict"),
        (pl.DataFrame({"a": [[1], [2]]}), "Column 'a' of X holds values of type list"),
        (X.assign(age=pd.period_range("2024", periods=N)), "'age' of X holds values of type Per"),
        (X.assign(age=[1, "b", 3] * (N // 3)), "Column 'age' of X mixes numbers and text"),
        (X.assign(age=[X["joined"][0], "b"] * (N // 2)), "Column 'age' of X mixes dates and text"),
        (np.array([[1, "a"], ["b", 2]], dtype=object), "Column 0 of X mixes numbers and text"),
        (
            X.assign(joined=[t.tz_localize(z) for t, z in zip(X["joined"], ZONES, strict=True)]),
            "Column 'joined' of X mixes dates in Europe/Berlin and dates in UTC: make all its "
            "values of one kind, such as by pandas.to_datetime(..., utc=True).",
        ),
        (
            X.assign(joined=[t.tz_localize(z) for t, z in zip(X["joined"], SOME, strict=True)]),
            "Column 'joined' of X mixes dates in UTC and dates in no time zone",
        ),
        (X.assign(age=[-(10**400), 1, None] * (N // 3)), "first in feature 'age' at row 0"),
        (twice(X), "X has several columns named 'age': rename all but one."),
        (X.assign(age=np.r_[np.inf, np.arange(N - 1)]), "infinity"),
        (X.assign(age=np.r_[1e306, np.arange(N - 1)]), "X holds 1e+306 in feature 'age'"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_bad_tables(bad, said, method):
    encoder = TableEncoder(random_state=0).fit(X, Y)
    before, state = encoder.transform(X), dict(vars(encoder))
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        getattr(encoder, method)(bad)
    assert "\n" not in str(caught.value)
    assert vars(encoder) == state
    assert_array_equal(encoder.transform(X), before)


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_infinity_names_the_column(method):
    bad = X.assign(age=np.r_[np.arange(N - 1), -np.inf])
    encoder = TableEncoder().fit(X, Y)
    with pytest.raises(ValueError, match="infinity.* first in feature 'age' at row 89: .* NaN"):
        getattr(encoder, method)(bad)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (["colour"], "categorical_features has 'colour', which X has not. Did you mean 'color'?"),
        (["age", "a", "b"], "categorical_features has 'a', 'b', which X has not."),
        ([4], "their numbers from 0 to 3"),
        ([True, False], "a mask of the 4 columns of X"),
        ([1.5], "must be 'from_dtype', a mask"),
        ("color", "The 'categorical_features' parameter of TableEncoder must be"),
    ],
)
def test_unknown_categorical_features(chosen, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        TableEncoder(chosen).fit(X)


def test_names_of_categories_need_names():
    with pytest.raises(ValueError, match="X has no names"):
        TableEncoder(["a"]).fit(X.to_numpy())


def test_numbers_of_columns_whose_names_are_other_numbers():
    with pytest.raises(ValueError, match=r"places of columns or their names, since X .* 1, 2, 3"):
        TableEncoder([1]).fit(X[["age", "city", "color"]].set_axis([1, 2, 3], axis=1))
    named = X[["age", "color"]].set_axis([0, 1], axis=1)
    assert TableEncoder([0]).fit(named).transform(named).shape[1] > 5


def test_sparse_matrices():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        TableEncoder().fit(sparse.eye_array(4, format="csr"))


def test_a_frame_that_is_not_there_yet():
    with pytest.raises((TypeError, ValueError), match="LazyFrame"):
        TableEncoder().fit(pl.DataFrame({"a": [1, 2]}).lazy())


def test_gaps_in_y_count_where_y_is_needed():
    y = Y.copy()
    y[7] = np.nan
    with pytest.raises(ValueError, match="no target .* the first of them row 7"):
        TableEncoder().fit(X, y)
    TableEncoder().fit(X[["age"]], y)


def test_y_of_another_length():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TableEncoder().fit(X, Y[:5])


def test_weights():
    for weights, said in ((-np.ones(N), "negative"), (np.zeros(N), "zero")):
        with pytest.raises(ValueError, match=said):
            TableEncoder().fit(X, Y, sample_weight=weights)


def test_infinite_targets_are_said_to_be_in_y():
    with pytest.raises(ValueError, match=r"Input y contains infinity .* row 3"):
        TableEncoder(max_categories=5).fit(X, np.where(np.arange(N) == 3, np.inf, Y))


def test_a_row_of_weight_zero_that_holds_something_else():
    mixed = X.assign(age=pd.Series(["x", *range(N - 1)], dtype=object))
    with pytest.raises(ValueError, match="'age' holds numbers and text, not numbers"):
        TableEncoder().fit_transform(mixed, Y, sample_weight=np.arange(N) > 0)


# At prediction ----------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas])
@pytest.mark.parametrize(
    ("new", "said"),
    [
        (X.drop(columns="age"), "it lacks 'age'."),
        (X.assign(more=1), "it has 'more', which the training data had not."),
        (X.rename(columns={"age": "Age"}), "(did you mean 'age' by 'Age'?)"),
        (
            X.rename(columns={"age": "aged", "city": "zzz"}),
            "it lacks 'age', 'city' and has 'aged', 'zzz', which the training data had not "
            "(did you mean 'age' by 'aged'?)",
        ),
        (X.assign(age=X["color"]), "'age' holds text, not numbers."),
        (
            X.assign(color=X["age"], joined=X["age"]),
            "'color' holds numbers, not text; 'joined' holds numbers, not dates.",
        ),
        (
            X.assign(joined=X["joined"].dt.tz_localize("UTC")),
            "'joined' holds dates in UTC, not dates in no time zone.",
        ),
    ],
)
def test_other_columns_than_in_training(convert, new, said):
    encoder = TableEncoder(random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        encoder.transform(convert(new))
    assert str(caught.value).startswith("The columns of X ")
    assert "\n" not in str(caught.value)


def test_columns_that_are_left_out_may_hold_anything():
    table = X.assign(same="x")
    encoder = TableEncoder().fit(table, Y)
    assert_array_equal(encoder.transform(table.assign(same=1.0)), encoder.transform(table))
