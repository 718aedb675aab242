"""What is wrong with y is named, with the remedy; what can be read is read."""

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import TimeSeriesSplit, cross_val_score

from sknn_opt import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Training stopped at max_iter")

X = np.random.default_rng(0).normal(size=(30, 3))
WORDS = np.array(list("abc") * 10, dtype=object)
CODES = np.array([0, 1, 2] * 10)


def classifier(**parameters):
    return MLPClassifier((4,), **{"max_iter": 2, "random_state": 0} | parameters)


def regressor(**parameters):
    return MLPRegressor((4,), **{"max_iter": 2, "random_state": 0} | parameters)


def without(values, missing, row=4):
    values = values.astype(object)
    values[row] = missing
    return values


# A row without a target --------------------------------------------------------------------------

MISSING = {
    "None": without(WORDS, None),
    "NaN": without(WORDS, np.nan),
    "NA": without(WORDS, pd.NA),
    "a list with None": without(WORDS, None).tolist(),
    "a list with NaN": without(WORDS, np.nan).tolist(),
    "a series": pd.Series(without(WORDS, None)),
    "strings": pd.Series(without(WORDS, None), dtype="string"),
    "categories": pd.Series(pd.Categorical(without(WORDS, None))),
    "numbers": without(CODES, np.nan).astype(float),
    "nullable integers": pd.Series(without(CODES, pd.NA), dtype="Int64"),
    "booleans": pd.Series(without(CODES > 0, None), dtype="boolean"),
    "one column": pd.DataFrame({"y": without(WORDS, None)}),
    "dates": pd.Series(pd.to_datetime(without(CODES, None), unit="D")),
    "time spans": pd.Series(pd.to_timedelta(without(CODES, None), unit="D")),
}
MESSAGE = r"y contains NaN: there is no target .* in 1 of 30 rows, .* row 4\. Leave.*: keep = "


@pytest.mark.parametrize("case", MISSING)
def test_a_label_that_is_missing(case):
    for call in (
        classifier().fit,
        lambda X, y: classifier().partial_fit(X, y, classes=list("abc")),
    ):
        with pytest.raises(ValueError, match=MESSAGE):
            call(X, MISSING[case])


@pytest.mark.parametrize("case", ["numbers", "nullable integers", "booleans"])
def test_an_amount_that_is_missing(case):
    y = MISSING[case]
    for given in (y, pd.Series(y).astype(object).tolist(), np.asarray(y, object)):
        with pytest.raises(ValueError, match=MESSAGE):
            regressor().fit(X, given)


def test_no_target_at_all():
    for net in (classifier(), regressor()):
        with pytest.raises(ValueError, match="y contains NaN: there is no target at all"):
            net.fit(X, np.full(30, np.nan))


@pytest.mark.parametrize("case", ["dates", "time spans"])
def test_amounts_of_time_have_no_unit(case):
    y = MISSING[case].ffill()
    scope = {"numpy": np, "y": y}
    for given in (y, y.to_numpy()):
        with pytest.raises(ValueError, match=f"y holds {case}: make numbers of them by") as caught:
            regressor().fit(X, given)
    exec(str(caught.value).partition(" by ")[2].removesuffix("."), scope)
    assert regressor().fit(X, scope["y"]).predict(X).max() < 1000
    with pytest.raises(ValueError, match=MESSAGE):
        regressor().fit(X, MISSING[case])


def test_the_remedy_works():
    y = MISSING["a series"]
    keep = ~pd.isna(y)
    assert classifier().fit(X[keep], y[keep]).classes_.tolist() == ["a", "b", "c"]


# Labels in an object column ----------------------------------------------------------------------


@pytest.mark.parametrize("y", [CODES, CODES > 0, CODES * 1.0, np.eye(3, dtype=int)[CODES] * 1])
@pytest.mark.filterwarnings("ignore:Each row of y has a single 1")
def test_numbers_in_an_object_column_are_taken(y):
    net, plain = classifier().fit(X, y.astype(object)), classifier().fit(X, y)
    np.testing.assert_array_equal(net.theta_, plain.theta_)
    np.testing.assert_array_equal(net.predict(X), plain.predict(X))
    assert net.predict(X).dtype == plain.predict(X).dtype
    assert net.score(X, y.astype(object).astype(y.dtype)) == plain.score(X, y)


OBJECTS = {
    "of two types": ([1, "a"] * 15, r"one type.*dtype is object.*\['int', 'str'\].*astype\(str\)"),
    "decimals": ([Decimal(1), Decimal(2)] * 15, r"dtype is object.*\['Decimal'\]"),
    "sets": ([{1}, {1, 2}] * 15, r"\['set'\].*MultiLabelBinarizer"),
}


@pytest.mark.parametrize("case", OBJECTS)
def test_objects_that_are_no_labels(case):
    values, message = OBJECTS[case]
    y = np.empty(30, object)
    y[:] = values
    with pytest.raises(TypeError, match=message):
        classifier().fit(X, y)


def test_bytes():
    """scikit-learn 1.6 still takes them, with a warning."""
    with pytest.raises((TypeError, FutureWarning), match="bytes is .*Convert the label"):
        classifier().fit(X, np.array([b"a", b"b"] * 15))


@pytest.mark.parametrize("y", [X[:, 0], X[:, :2], (CODES + 0.5).astype(object)])
def test_amounts_for_the_classifier(y):
    message = r"Unknown label type: continuous.*different values, such as.*Use MLPRegressor"
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y)


@pytest.mark.parametrize("y", [WORDS, WORDS.astype(str), WORDS.tolist()])
def test_words_for_the_regressor(y):
    with pytest.raises(ValueError, match=r"takes numbers in y \(.*'a'\)+; MLPClassifier takes"):
        regressor().fit(X, y)


# One-hot classes ---------------------------------------------------------------------------------


def said(estimator, y, method="fit"):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(estimator, method)(X, y)
    assert all(w.category is ConvergenceWarning for w in caught)
    return "\n".join(str(w.message) for w in caught)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "convert", [np.asarray, csr_array, pd.DataFrame, lambda y: y.astype(bool), lambda y: y * 1.0]
)
def test_one_hot_classes_are_noticed(convert, method):
    text = said(classifier(), convert(np.eye(3, dtype=int)[CODES]), method)
    assert "Each row of y has a single 1" in text
    assert "taken for 3 labels" in text
    assert "y.argmax(axis=1)" in text


def test_one_hot_classes_are_told_once():
    net = classifier(warm_start=True)
    y = np.eye(2, dtype=int)[CODES % 2]
    assert "single 1" in said(net, y)
    assert "single 1" not in said(net, y)
    assert "single 1" not in said(net, y, "partial_fit")


def test_other_labels_give_no_false_alarm():
    labels = np.eye(3, dtype=int)[CODES]
    labels[7, :2] = 1
    none = np.eye(3, dtype=int)[CODES]
    none[7] = 0
    gaps = np.where(np.arange(3) == (CODES + 1)[:, np.newaxis] % 3, np.nan, np.eye(3)[CODES])
    for y in (labels, none, gaps):
        assert "single 1" not in said(classifier(), y)
    assert "single 1" not in said(regressor(), np.eye(3)[CODES])


# Class weights -----------------------------------------------------------------------------------


def test_weights_of_classes_that_a_fold_lacks():
    y = np.repeat([0, 1, 2], 10)
    net = classifier(class_weight={0: 1, 1: 2, 2: 3})
    scores = cross_val_score(net, X, y, cv=TimeSeriesSplit(3), error_score="raise")
    assert np.isfinite(scores).all()
    one = classifier(class_weight={0: 1, 1: 2, 2: 3}).fit(X[:20], y[:20])
    other = classifier(class_weight={0: 1, 1: 2}).fit(X[:20], y[:20])
    np.testing.assert_array_equal(one.theta_, other.theta_)


MISSPELLED = {
    "a word": ({"setoso": 2.0}, ["setosa", "other"], "did you mean 'setosa' in place of 'setoso'"),
    "a number": ({"1": 2.0}, [0, 1], r"did you mean 1 in place of '1'\?"),
    "another": ({7: 2.0}, [0, 1], r"weights for \[7\].*as they are in y\.$"),
    "one too many": ({0: 1, 7: 2.0}, [0, 1], r"weights for \[7\]"),
}


@pytest.mark.parametrize("case", MISSPELLED)
def test_weights_of_unknown_classes(case):
    weights, classes, message = MISSPELLED[case]
    with pytest.raises(ValueError, match=message):
        classifier(class_weight=weights).fit(X, np.array(classes)[CODES % 2])
