"""Columns without numbers: the error names them, and the line that it gives works when pasted."""

import datetime
import decimal
import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import check_array

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

pl = pytest.importorskip("polars")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [
    InputNormalizer(),
    InputNormalizer(clip=3.0),
    MLPClassifier((2,), max_iter=1),
    MLPRegressor((2,), max_iter=1),
]
N, Y = 6, [0, 1] * 3
A = np.arange(6.0)
DAY = datetime.timedelta(days=1)
DATES = [datetime.datetime(2024, 1, 1) + i * DAY for i in range(N)]
SPANS = [i * DAY for i in range(N)]
TEXT = ["v1", "v2"] * 3

COLUMNS = {
    "dates": DATES,
    "dates of a zone": pd.Series(DATES).dt.tz_localize("Europe/Vienna"),
    "dates as objects": np.array([date.date() for date in DATES], dtype=object),
    "missing date": [*DATES[:-1], None],
    "time spans": SPANS,
    "time spans as objects": np.array(SPANS, dtype=object),
    "text": TEXT,
    "text of pandas": pd.array(TEXT, dtype="string"),
    "categories": pd.Categorical(TEXT),
    "missing text": [*TEXT[:-1], None],
    "missing date as object": np.array([pd.NA, *DATES[1:]], dtype=object),
    "numbers and text": ["1", "2.5", "n/a"] * 2,
    "pandas.NA": np.array([1, pd.NA, 2, 3, 4, 5], dtype=object),
}
FRAMES = {kind: pd.DataFrame({"a": A, "bad one": values}) for kind, values in COLUMNS.items()}
FRAMES["dates alone"] = FRAMES["dates"][["bad one"]]
FRAMES |= {
    f"polars, {kind}": pl.DataFrame({"a": A, "bad one": COLUMNS[kind]})
    for kind in ("dates", "missing date", "time spans", "text", "numbers and text")
}
FRAMES["polars, days"] = FRAMES["polars, dates"].with_columns(pl.col("bad one").cast(pl.Date))
FRAMES["polars, categories"] = FRAMES["polars, text"].cast({"bad one": pl.Categorical})


def remedies(message):
    """The code after "by" in each line."""
    return [line.partition(" by ")[2] for line in message.splitlines()]


def output_of(estimator):
    """What is asked of it once it is fitted."""
    return estimator.transform if isinstance(estimator, InputNormalizer) else estimator.predict


def treated(X, remedy):
    """X after the pasted line, which may be a transformer."""
    scope = {"X": X.copy() if hasattr(X, "iloc") else X, "pd": pd, "pl": pl, "np": np}
    scope |= {each.__name__: each for each in (make_column_transformer, OneHotEncoder)}
    scope |= {"InputNormalizer": InputNormalizer}
    if remedy.startswith("make_column_transformer"):
        return eval(remedy, scope).fit_transform(X)
    exec(remedy, scope)
    return scope["X"]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("kind", FRAMES)
def test_the_column_is_named_and_the_remedy_works(estimator, kind):
    X, estimator = FRAMES[kind], clone(estimator)
    first = {"classes": [0, 1]} if isinstance(estimator, MLPClassifier) else {}
    for method, options in ((estimator.fit, {}), (estimator.partial_fit, first)):
        with pytest.raises(ValueError, match=r"X holds [\w\. ]+ in feature 'bad one'") as caught:
            method(X, Y, **options)
    (remedy,) = remedies(str(caught.value))
    Z = treated(X, remedy)
    if "missing date" in kind or "numbers and" in kind or "NA" in kind:
        Z = SimpleImputer().fit_transform(Z)
    estimator.fit(Z, Y)
    if "text" not in kind and "categories" not in kind:
        assert Z.shape[1] == X.shape[1]
    assert np.isfinite(np.asarray(output_of(estimator)(Z))).all()


@pytest.mark.parametrize("missing", [0, 3])
@pytest.mark.parametrize("dtype", ["string", object])
def test_text_with_gaps_of_pandas_takes_two_steps(missing, dtype):
    X = pd.DataFrame({"a": A, "b": pd.Series(TEXT, dtype=dtype)})
    X.loc[missing, "b"] = pd.NA
    for found in ("text and pandas.NA", "text"):
        with pytest.raises(
            ValueError, match=f"holds {found} in feature 'b', such as '[vm]"
        ) as error:
            InputNormalizer().fit(X)
        X = treated(X, remedies(str(error.value))[0])
    assert InputNormalizer().fit_transform(X).shape == (N, 4)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_what_is_new_at_prediction_is_named(estimator):
    estimator = clone(estimator).fit(pd.DataFrame({"a": A, "b": A}), Y)
    call = output_of(estimator)
    with pytest.raises(ValueError, match="text in feature 'b', such as 'v1'"):
        call(pd.DataFrame({"a": A, "b": TEXT}))
    with pytest.raises(ValueError, match="dates in feature 'a'"):
        call(pd.DataFrame({"a": DATES, "b": A}))
    call(pd.DataFrame({"a": A, "b": A}))


@pytest.mark.parametrize("library", [pd, pl])
def test_several_columns(library):
    bad = {f"t{j}": TEXT for j in range(5)} | {"from": DATES, "to": DATES, "stay": SPANS}
    X = library.DataFrame({"a": A} | bad)
    with pytest.raises(ValueError, match="text") as caught:
        InputNormalizer().fit(X)
    message = str(caught.value)
    assert "text in features 't0', 't1', 't2' and 2 more" in message
    assert "dates in features 'from', 'to'" in message
    encode, *rest = remedies(message)
    for remedy in rest:
        X = treated(X, remedy)
    assert np.isfinite(treated(X, encode)).all()


def test_names_that_are_no_words():
    for names in ([0, 1], ["", 'say "b"'], ["a", "a"]):
        X = pd.DataFrame(np.array([A, TEXT], dtype=object).T, columns=names)
        with pytest.raises(ValueError, match=re.escape(f"in feature {names[1]!r}")):
            InputNormalizer().fit(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([["1", "v2"]] * N), "text in column 1, such as 'v2'"),
        (np.array([[1, "v2"]] * N, dtype=object), "text in column 1"),
        ([["1", "v2"]] * N, "text in column 1"),
        (np.array(DATES, dtype="M8[s]")[:, np.newaxis], "dates in column 0, such as '2024"),
        (pd.DataFrame({"b": [[1, 2]] * N}), r"no number in feature 'b', such as '\[1, 2\]'"),
        (pd.DataFrame({"b": pd.period_range("2024", periods=N, freq="D")}), "in feature 'b'"),
    ],
)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_arrays_and_other_values(estimator, X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        clone(estimator).fit(X, Y)


def test_numbers_in_other_dress():
    """Decimals, numbers as text, None and booleans as objects are numbers."""
    prices = [decimal.Decimal("1.5"), decimal.Decimal("4")] * 3
    columns = {"price": prices, "text": ["1", "2.5"] * 3, "flag": [True, False] * 3}
    expected = StandardScaler().fit_transform(np.array([[1.5, 1, 1], [4, 2.5, 0]] * 3))
    for library in (pd, pl):
        Z = InputNormalizer().fit_transform(library.DataFrame(columns))
        np.testing.assert_allclose(Z, expected)
        for j, name in enumerate(columns):
            Z = InputNormalizer().fit_transform(library.DataFrame({name: columns[name]}))
            np.testing.assert_allclose(Z[:, 0], expected[:, j])
    assert np.isnan(InputNormalizer().fit_transform(np.array([[1], [None]], dtype=object))[1, 0])


# ---------------------------------------------------------------- time spans


@pytest.mark.parametrize("library", [pd, pl])
def test_time_spans_count_in_seconds_whatever_their_unit(library):
    hours = np.array([1, 2, 5], "m8[h]")
    fitted = InputNormalizer().fit(frame_of(library, hours.astype("m8[us]")))
    assert fitted.mean_ == pytest.approx(3600 * 8 / 3)
    expected = StandardScaler().fit_transform(hours.astype(float)[:, np.newaxis])
    for unit in ("ms", "us", "ns"):
        Z = fitted.transform(frame_of(library, hours.astype(f"m8[{unit}]")))
        np.testing.assert_allclose(Z, expected)
    missing = fitted.transform(frame_of(library, np.array([1, "NaT"], "m8[us]")))
    np.testing.assert_array_equal(np.isnan(missing), [[False], [True]])


def frame_of(library, spans):
    return library.DataFrame({"stay": spans})


# ---------------------------------------------------------------- sparse frames


def sparse_frames():
    flags = pd.get_dummies(pd.Series(list("abcab")), sparse=True)
    return [flags, flags.astype(pd.SparseDtype(float, 0.0)), flags.astype(pd.SparseDtype(int, 0))]


@pytest.mark.parametrize("number", range(3))
def test_a_sparse_frame_is_not_centered_in_silence(number):
    X = sparse_frames()[number]
    if not sparse.issparse(check_array(X, accept_sparse=True)):
        pytest.skip("scikit-learn 1.6 makes sparse flags dense")
    dense = np.asarray(X, dtype=float)
    fitted = InputNormalizer().fit(pd.DataFrame(dense, columns=X.columns))
    for call in (InputNormalizer().fit, InputNormalizer(clip=2.0).partial_fit, fitted.transform):
        with pytest.raises(ValueError, match=r"Cannot center sparse.*with_mean=False"):
            call(X)
    for options in ({}, {"clip": 2.0}, {"scale": "iqr"}):
        ours = InputNormalizer(with_mean=False, **options)
        Z = ours.fit_transform(X)
        assert sparse.issparse(Z)
        np.testing.assert_allclose(Z.toarray(), ours.fit(dense).transform(dense), rtol=1e-6)


@pytest.mark.parametrize("number", range(3))
def test_a_network_takes_a_sparse_frame(number):
    X, y = sparse_frames()[number], [0, 1, 0, 1, 0]
    net = MLPClassifier((3,), max_iter=3, random_state=0)
    P = net.fit(X, y).predict_proba(X)
    dense = np.asarray(X, dtype=float)
    np.testing.assert_allclose(P, net.fit(dense, y).predict_proba(dense), rtol=1e-5)


# ---------------------------------------------------------------- frames that come out


@pytest.mark.parametrize(("asked", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
@pytest.mark.parametrize("given", [pd.DataFrame, pl.DataFrame, np.array])
def test_inverse_transform_returns_what_set_output_asks_for(asked, kind, given):
    X = given({"a": A, "b": A**2}) if given is not np.array else np.c_[A, A**2]
    normalizer = InputNormalizer(clip=2.0).set_output(transform=asked).fit(X)
    back = normalizer.inverse_transform(normalizer.transform(X))
    assert isinstance(back, kind)
    assert list(back.columns) == list(normalizer.get_feature_names_out())
    np.testing.assert_allclose(back, X, atol=1e-12)
    normalizer.set_output(transform="default")
    assert isinstance(normalizer.inverse_transform(np.ones((2, 2))), np.ndarray)


def test_the_index_stays():
    X = pd.DataFrame({"a": A, "b": A**2}, index=list("uvwxyz"))
    with config_context(transform_output="pandas"):
        normalizer = InputNormalizer().fit(X)
        pd.testing.assert_frame_equal(normalizer.inverse_transform(normalizer.transform(X)), X)


# ---------------------------------------------------------------- missing values


@pytest.mark.parametrize("convert", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("Net", [MLPClassifier, MLPRegressor])
def test_nan_names_the_column_and_the_imputer(convert, Net):
    X = convert({"a": [0.0, 1, 2, np.nan], "b": [np.nan, 1, 2, 3], "c": [1.0, 2, 3, 4]})
    net = Net((2,), max_iter=1)
    with pytest.raises(
        ValueError, match=r"X contains NaN, first in feature 'a' at row 3"
    ) as caught:
        net.fit(X, [0, 1, 0, 1])
    (remedy,) = remedies(str(caught.value))
    scope = {each.__name__: each for each in (make_pipeline, SimpleImputer, InputNormalizer, Net)}
    model = eval(remedy.rstrip("."), scope).fit(X, [0, 1, 0, 1])
    assert len(model.predict(X)) == 4
    with pytest.raises(ValueError, match="NaN, first in column 1 at row 2"):
        net.fit(sparse.csr_array([[0, 1.0], [2.0, 0], [0, np.nan]]), [0, 1, 0])
