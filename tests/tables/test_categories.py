"""What becomes of categories of many, rare or different values, and that nothing leaks from y."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.preprocessing import TargetEncoder

from sknn_opt import TableEncoder, TabularMLPClassifier, TabularMLPRegressor, check_shift
from sknn_opt.tables.categories import groups_of, targets_of

RNG = np.random.default_rng(0)
CITIES = 40
N = 400
X = pd.DataFrame({"city": [f"c{k % CITIES}" for k in range(N)], "x": RNG.normal(size=N)})
EFFECT = RNG.normal(size=CITIES)[np.arange(N) % CITIES]
Y = EFFECT + RNG.normal(size=N)
QUICK = {
    "preset": "fast",
    "random_state": 0,
    "encoder": TableEncoder(max_categories=20),
    "network_params": {"min_steps": 0, "max_iter": 3, "n_iter_no_change": 3},
}
FEW_EPOCHS = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LEFT_OUT = "hold another text in nearly every row, and are left out but for where they are missing"


def encoded_city(y, **options):
    encoder = TableEncoder(max_categories=20, dtype="float64", random_state=0)
    Z = encoder._fit_transform(X, y, None, **options)
    return Z[:, encoder.origin_ == 0]


# Values that are rare, or all different ----------------------------------------------------------


@pytest.mark.parametrize("max_categories", [30, 200])
@pytest.mark.parametrize("n", [4, 25, 90])
def test_text_that_differs_in_all_rows_is_left_out_of_few_rows_too(n, max_categories):
    table = pd.DataFrame({"id": [f"i{k}" for k in range(n)], "x": np.arange(n) * 1.0})
    encoder = TableEncoder(max_categories=max_categories)
    with pytest.warns(UserWarning, match=f"{LEFT_OUT}: 'id'") as caught:
        encoder.fit(table)
    assert encoder.dropped_ == {"id": "all different"}
    assert [w.filename for w in caught] == [__file__]


@FEW_EPOCHS
def test_where_text_is_missing_is_kept():
    note = [f"note {k}" if k % 3 else None for k in range(N)]
    encoder = TableEncoder()
    with pytest.warns(UserWarning, match=LEFT_OUT):
        Z = encoder.fit_transform(X.assign(note=note))
    at = encoder.get_feature_names_out().tolist().index("note_missing")
    assert_array_equal(Z[:, at], np.arange(N) % 3 == 0)
    assert b"note 1" not in pickle.dumps(encoder)
    new = X.assign(note=["another", None] * (N // 2))
    assert encoder.transform(new)[:2, at].tolist() == [0, 1]
    assert check_shift(encoder, new).verdict == "OK"
    with pytest.warns(UserWarning, match=LEFT_OUT) as caught:
        TabularMLPRegressor(**QUICK).fit(X.assign(note=note), Y)
    assert {w.filename for w in caught} == {__file__}


def test_values_that_are_mostly_rare_are_what_they_say_of_y():
    """One-hot they would be one column of ones."""
    encoder = TableEncoder(max_categories=100).fit(X[:300], Y[:300])
    rows = pd.DataFrame({"city": [f"c{k}" for k in range(CITIES)], "x": 0.0})
    frequent = TableEncoder(max_categories=100).fit(X, Y)  # ten rows of each
    assert len(np.unique(frequent.transform(rows), axis=0)) == CITIES
    half = TableEncoder(max_categories=100).fit(X[:120], Y[:120])  # three rows of each
    assert half.get_feature_names_out().tolist()[-1] == "city_c9"
    many = X.assign(city=[f"c{k % 130}" for k in range(N)])  # three of 400 are rare
    encoder = TableEncoder(max_categories=200).fit(many, Y)
    assert encoder.get_feature_names_out().tolist() == ["x", "city_target"]
    alone = TableEncoder(max_categories=200).fit(many)
    assert alone.dropped_ == {"city": "all rare"}
    beside = TableEncoder(max_categories=200).fit(many.assign(a=list("uvwz") * (N // 4)))
    names = beside.get_feature_names_out().tolist()
    assert names == ["x", *(f"a_{v}" for v in "uvwz")]
    assert beside.inverse_transform(beside.transform(many.assign(a="w")))[0, 2] == "w"


# What they say of y ------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [3, 25])
def test_classes_are_classes_by_whatever_name(n_classes):
    codes = np.arange(N) % n_classes
    words = np.array([f"k{c:03}" for c in codes])
    digits = np.array([f"{c:03}" for c in codes])
    expected = encoded_city(words, classes=True)
    for y in (codes, codes * 1.5, digits, codes.astype(object)):
        assert_array_equal(encoded_city(y, classes=True), expected)
    assert expected.shape[1] == (3 if n_classes == 3 else 21)  # else one-hot


@FEW_EPOCHS
def test_estimators_know_what_y_is():
    y = np.arange(N) % 7
    names = [
        kind(**QUICK).fit(X, y).encoder_.get_feature_names_out().tolist()
        for kind in (TabularMLPRegressor, TabularMLPClassifier)
    ]
    assert names == [["x", "city_target"], ["x", *(f"city_target_{k}" for k in range(7))]]


def test_labels_in_a_sparse_matrix():
    y = RNG.random((N, 3)) < 0.4
    expected = encoded_city(y.astype(int))
    assert_array_equal(encoded_city(sparse.csr_array(y.astype(int))), expected)


@FEW_EPOCHS
@pytest.mark.parametrize("kind", [TabularMLPRegressor, TabularMLPClassifier])
def test_rows_without_some_of_the_targets(kind):
    """They say nothing of those, and the others are as they were."""
    y = np.c_[Y, Y, -Y] if kind is TabularMLPRegressor else np.c_[Y > 0, Y > 0, Y < 1] * 1.0
    gaps = y.copy()
    gaps[::5, 1] = np.nan
    whole, found = encoded_city(y), encoded_city(gaps)
    assert_array_equal(found[:, [0, 2]], whole[:, [0, 2]])
    known = np.arange(N) % 5 > 0
    encoder = TableEncoder(max_categories=20, dtype="float64").fit(X, gaps)
    means = TargetEncoder(target_type="continuous").fit(X.loc[known, ["city"]], y[known, 1])
    z = (means.transform(X[["city"]])[:, 0] - y[known, 1].mean()) / y[known, 1].std()
    at = encoder.get_feature_names_out().tolist().index("city_target_1")
    assert_allclose(
        encoder.transform(X)[:, at], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-9, atol=1e-12
    )
    assert np.isfinite(kind(**QUICK).fit(X, gaps).predict(X)).all()


@pytest.mark.parametrize("name", ["numbers", "text", "pandas"])
def test_rows_of_a_group_do_not_learn_of_each_other(name):
    """Each city is of one group: no row of another says anything of it, as of new groups."""
    groups = np.arange(N) % CITIES // 2
    given = {"numbers": groups, "text": [f"g{k}" for k in groups], "pandas": pd.Series(groups)}
    alone, together = encoded_city(Y), encoded_city(Y, groups=given[name])
    assert np.corrcoef(alone[:, 0], EFFECT)[0, 1] > 0.8
    assert len(np.unique(together)) == 5  # a fold has one mean
    assert abs(np.corrcoef(together[:, 0], EFFECT)[0, 1]) < 0.5


def test_a_row_sees_nothing_of_its_own_y():
    """Nor of its group: other targets there change nothing in these rows."""
    groups = np.arange(N) // 20
    for own, options in ((np.arange(N) == 7, {}), (groups == 3, {"groups": groups})):
        other = np.where(own, 50 - Y, Y)
        encoder = TableEncoder(max_categories=20, dtype="float64", random_state=0)
        found = [encoder._fit_transform(X, y, None, **options)[own] for y in (Y, other)]
        raw = [_unscaled(z[:, 1], y) for z, y in zip(found, (Y, other), strict=True)]
        assert_allclose(raw[0], raw[1], rtol=1e-8)


def _unscaled(z, y):
    return y.mean() + y.std() * z / np.sqrt(1 - (z / 3) ** 2)


def test_groups():
    rows = np.array([0, 2, 3])
    assert groups_of(np.array(["b", "x", "a", "b"]), rows, 4).tolist() == [0, 1, 0]
    assert groups_of(None, rows, 4).tolist() == [0, 1, 2]
    assert groups_of(np.zeros(4), rows, 4).tolist() == [0, 1, 2]  # else there is nothing to learn
    assert groups_of(np.zeros(9), rows, 4).tolist() == [0, 1, 2]  # the network refuses them


@pytest.mark.parametrize("are_classes", [None, True, False])
def test_one_class(are_classes):
    targets, labels = targets_of(np.ones(5), 9, are_classes)
    assert targets.shape == (5, 1)
    assert labels == [""]
