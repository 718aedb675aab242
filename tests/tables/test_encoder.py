"""`TableEncoder`: what becomes of each kind of column, held to scikit-learn's transformers."""

import datetime as dt
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler, SplineTransformer, TargetEncoder

from sknn_opt import TableEncoder
from sknn_opt.tables import blocks

pa = pytest.importorskip("pyarrow", exc_type=ImportError)

RNG = np.random.default_rng(0)
N = 120


def mixed_table(n=N, seed=0):
    """A pandas frame with a column of each kind, with gaps."""
    rng = np.random.default_rng(seed)
    times = pd.Timestamp("2023-05-01") + pd.to_timedelta(rng.integers(0, 9000, n), unit="h")
    X = pd.DataFrame(
        {
            "age": rng.normal(40, 12, n),
            "rooms": rng.integers(1, 6, n),
            "member": rng.random(n) < 0.3,
            "sex": rng.choice(["f", "m"], n),
            "color": rng.choice(["red", "green", "blue"], n),
            "size": pd.Categorical(rng.choice(list("abcd"), n)),
            "joined": times,
            "stay": pd.to_timedelta(rng.integers(1, 99, n), unit="h"),
            "country": "NL",
        }
    )
    for j, name in enumerate(["age", "color", "joined", "stay", "sex"]):
        X.loc[j::17, name] = None
    return X


def column(encoder, Z, name):
    """A column of the result by its name."""
    return Z[:, encoder.get_feature_names_out().tolist().index(name)]


def robust(x):
    """The formula of the docstring, for a column whose quartiles differ."""
    low, median, high = np.nanquantile(x, [0.25, 0.5, 0.75])
    z = (x - median) / (high - low)
    return np.nan_to_num(z / np.sqrt(1 + (z / 3) ** 2))


# Kinds of columns -------------------------------------------------------------------------------


def test_numbers_are_scaled_by_quartiles_and_clipped():
    X = RNG.standard_cauchy((N, 3)) * [1, 1e6, 1e-6] + [0, 1e7, 0]
    X[::7, 1] = np.nan
    Z = TableEncoder(dtype="float64").fit_transform(X)
    assert_allclose(Z[:, 0], robust(X[:, 0]), rtol=1e-4, atol=1e-6)  # of the width 1.349
    assert_allclose(Z[:, 1], robust(X[:, 1]), rtol=1e-4, atol=1e-6)
    assert np.abs(Z).max() <= 3
    z = RobustScaler().fit_transform(X)[:, 2]
    assert_allclose(Z[:, 2], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-4, atol=1e-6)
    assert_array_equal(Z[:, 3], np.isnan(X[:, 1]))


def test_time_spans_are_numbers():
    hours = RNG.integers(1, 50, N)
    spans = pd.DataFrame({"stay": pd.to_timedelta(hours, unit="h")})
    seconds = pd.DataFrame({"stay": hours * 3600.0})
    assert_allclose(TableEncoder().fit_transform(spans), TableEncoder().fit_transform(seconds))


def test_few_integers_are_one_hot_beside_the_number():
    X = np.c_[RNG.integers(0, 4, N), RNG.integers(0, 40, N), RNG.integers(0, 2, N)].astype(float)
    X[3, 0] = np.nan
    encoder = TableEncoder().fit(X)
    names = ["x0", "x1", "x2", "x0_missing", "x0_0", "x0_1", "x0_2", "x0_3"]
    assert encoder.get_feature_names_out().tolist() == names
    Z = encoder.transform(X)
    assert_array_equal(Z[:, 4:], X[:, [0]] == np.arange(4))
    unseen = encoder.transform([[7.0, 0, 0]])
    assert not unseen[0, 3:].any()


def test_few_integers_of_few_rows_stay_numbers():
    X = np.arange(8.0)[:, np.newaxis] % 5
    assert TableEncoder().fit_transform(X).shape == (8, 1)


@pytest.mark.parametrize("values", [(False, True), ("no", "yes"), (0, 1)])
def test_two_values_are_one_column(values):
    truth = RNG.random(N) < 0.4
    X = pd.DataFrame({"flag": np.where(truth, values[1], values[0]).astype(object)})
    X.loc[5, "flag"] = None
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["flag", "flag_missing"]
    Z = encoder.transform(X)
    assert len(np.unique(Z[~X["flag"].isna(), 0])) == 2
    assert Z[5].tolist() == [0, 1]
    assert np.all((Z[:, 0] > Z[:, 0].mean())[truth & ~X["flag"].isna()])


def test_an_unseen_value_of_two_is_the_median():
    encoder = TableEncoder().fit(pd.DataFrame({"a": ["x", "y", "y"] * 9}))
    assert encoder.transform(pd.DataFrame({"a": ["z", None]})).ravel().tolist() == [0, 0]


def test_categories_are_those_of_scikit_learns_encoder():
    words = RNG.choice(list("abcd"), size=N - 2, p=[0.3, 0.3, 0.2, 0.2])
    words = np.append(words, ["e", "f"]).astype(object)
    words[1:100:5] = np.nan
    X = pd.DataFrame({"w": words})
    encoder = TableEncoder().fit(X)
    theirs = OneHotEncoder(
        min_frequency=3, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    Z = theirs.fit_transform(X[["w"]].astype(object))
    names = [str(name).replace("w_nan", "w_missing") for name in theirs.get_feature_names_out()]
    names = [name.replace("infrequent_sklearn", "infrequent") for name in names]
    assert "w_infrequent" in names
    for name, expected in zip(names, Z.T, strict=True):
        assert_array_equal(column(encoder, encoder.transform(X), name), expected)
    unseen = encoder.transform(pd.DataFrame({"w": ["new"]}))
    assert column(encoder, unseen, "w_infrequent") == 1
    assert unseen.sum() == 1


def test_an_unseen_value_without_rare_ones_is_zero():
    encoder = TableEncoder().fit(pd.DataFrame({"w": list("abc") * 20}))
    assert not encoder.transform(pd.DataFrame({"w": ["new"]})).any()


def test_dates_become_the_parts_that_vary():
    days = pd.date_range("2024-01-01", periods=N, freq="36h")
    encoder = TableEncoder().fit(pd.DataFrame({"t": days}))
    names = encoder.get_feature_names_out().tolist()
    cycles = [f"t_{c}_{a}" for c in ("month", "weekday", "hour") for a in ("sin", "cos")]
    assert names == ["t", *cycles]  # one year only
    Z = encoder.transform(pd.DataFrame({"t": days}))
    for name, turn in (
        ("month", (days.month - 1) / 12),
        ("weekday", days.day_of_week / 7),
        ("hour", days.hour / 24),
    ):
        angle = 2 * np.pi * np.asarray(turn)
        assert_allclose(column(encoder, Z, f"t_{name}_sin"), np.sin(angle), atol=1e-6)
        assert_allclose(column(encoder, Z, f"t_{name}_cos"), np.cos(angle), atol=1e-6)
    number = (days - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    assert_allclose(Z[:, 0], robust(np.asarray(number)), rtol=1e-3, atol=1e-6)
    missing = encoder.transform(pd.DataFrame({"t": pd.to_datetime([None])}))
    assert not missing.any()


def test_years_and_gaps_of_dates():
    X = pd.DataFrame({"t": pd.to_datetime(["2020-03-01", "2021-03-01", None] * 9)})
    names = TableEncoder().fit(X).get_feature_names_out().tolist()
    assert names[:3] == ["t", "t_year", "t_missing"]


def test_constant_and_empty_columns_are_left_out_and_named():
    X = mixed_table().assign(none=None, one=1.0, gaps=[1.0, None] * (N // 2))
    encoder = TableEncoder().fit(X)
    assert encoder.dropped_ == {"country": "constant", "none": "empty", "one": "constant"}
    names = encoder.get_feature_names_out()
    assert [name for name in names if name.startswith("gaps")] == ["gaps_missing"]


def test_bins_are_piecewise_linear_between_quantiles():
    x = RNG.gamma(1, size=(N, 1))
    Z = TableEncoder(bins=4, dtype="float64").fit_transform(x)[:, 1:]
    edges = np.quantile(x, np.linspace(0, 1, 5))
    assert_allclose(Z, np.clip((x - edges[:-1]) / np.diff(edges), 0, 1), rtol=1e-12)
    # They span what linear splines with these knots span.
    splines = SplineTransformer(n_knots=5, degree=1, knots="quantile").fit_transform(x)
    fitted = np.linalg.lstsq(np.c_[Z, np.ones(N)], splines, rcond=None)[0]
    assert_allclose(np.c_[Z, np.ones(N)] @ fitted, splines, atol=1e-10)


def test_bins_of_gaps_are_those_of_the_median():
    x = np.r_[RNG.normal(size=50), np.nan][:, np.newaxis]
    encoder = TableEncoder(bins=3).fit(x)
    gap, median = encoder.transform([[np.nan], [np.nanmedian(x)]])
    assert_allclose(gap[2:], median[2:])


# Many values ------------------------------------------------------------------------------------


def many_values(n=600, n_values=80, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_values, n)
    X = pd.DataFrame({"city": [f"c{k}" for k in codes], "x": rng.normal(size=n)})
    return X, rng.normal(size=n_values)[codes]


def test_many_values_become_what_they_say_of_y():
    X, y = many_values()
    encoder = TableEncoder(dtype="float64").fit(X, y)
    assert encoder.get_feature_names_out().tolist() == ["x", "city_target"]
    theirs = TargetEncoder(target_type="continuous").fit(X[["city"]].astype(object), y)
    means = theirs.transform(X[["city"]].astype(object)).ravel()
    z = (means - y.mean()) / y.std()
    found = encoder.transform(X)[:, 1]
    assert_allclose(found, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    assert_allclose(encoder.transform(X.assign(city="new"))[:, 1], 0, atol=1e-12)


def test_training_rows_get_the_means_of_other_folds():
    X, y = many_values()
    encoder = TableEncoder(random_state=3, dtype="float64")
    Z = encoder.fit_transform(X, y)
    assert_allclose(Z[:, 0], encoder.transform(X)[:, 0])
    assert np.abs(Z[:, 1] - encoder.transform(X)[:, 1]).max() > 0.01
    assert_array_equal(Z, clone(encoder).fit_transform(X, y))
    shuffled = np.random.default_rng(5).permutation(y)
    Z = encoder.fit_transform(X, shuffled)
    assert abs(np.corrcoef(Z[:, 1], shuffled)[0, 1]) < 0.15
    assert np.corrcoef(encoder.transform(X)[:, 1], shuffled)[0, 1] > 0.3  # what would leak


@pytest.mark.parametrize("n_classes", [2, 4])
def test_random_categories_do_not_leak_the_classes(n_classes):
    rng = np.random.default_rng(1)
    n = 3000
    X = pd.DataFrame({"id": rng.integers(0, 1000, n).astype(str), "x": rng.normal(size=n)})
    y = rng.choice(list("abcd")[:n_classes], n)
    trees = HistGradientBoostingClassifier(max_leaf_nodes=4, max_iter=20, random_state=0)
    model = make_pipeline(TableEncoder(random_state=0), trees).fit(X, y)
    Z = model[0].fit_transform(X, y)
    labels = [name for name in model[0].get_feature_names_out() if name.startswith("id")]
    assert labels == (["id_target"] if n_classes == 2 else [f"id_target_{c}" for c in "abcd"])
    leak = clone(trees).fit(model[0].transform(X), y).score(model[0].transform(X), y)
    score = clone(trees).fit(Z, y).score(Z, y)
    noise = Z.copy()
    noise[:, 1:] = rng.permutation(Z[:, 1:])  # chance, with as many columns
    chance = clone(trees).fit(noise, y).score(noise, y)
    assert leak > chance + 0.1
    assert score < chance + 0.02
    assert cross_val_score(model, X, y, cv=3).mean() < 1 / n_classes + 0.05


def test_several_outputs():
    X, y = many_values()
    Y = np.c_[y, np.arange(len(y)) % 3]
    encoder = TableEncoder(random_state=0).fit(X, Y)
    names = ["x", "city_target_0", "city_target_1_0", "city_target_1_1", "city_target_1_2"]
    assert encoder.get_feature_names_out().tolist() == names
    alone = TableEncoder(random_state=0).fit(X, y)
    assert_allclose(encoder.transform(X)[:, 1], alone.transform(X)[:, 1])


@pytest.mark.parametrize("y", [None, np.arange(600) % 40], ids=["no y", "many classes"])
def test_without_y_the_most_frequent_values_are_one_hot(y):
    X, _ = many_values()
    y = None if y is None else np.array([f"class {k}" for k in y])
    encoder = TableEncoder(max_categories=10).fit(X, y)
    names = encoder.get_feature_names_out().tolist()
    assert names[0] == "x"
    assert names[-1] == "city_infrequent"
    assert len(names) <= 12
    assert_array_equal(encoder.transform(X)[:, 1:].sum(axis=1), 1)


def test_all_different_text_is_left_out_with_one_warning():
    X = mixed_table().assign(id=[f"r{k}" for k in range(N)], note=[f"n{k}" for k in range(N)])
    with pytest.warns(UserWarning, match="missing: 'id', 'note'") as caught:
        encoder = TableEncoder().fit(X, np.arange(N))
    assert len(caught) == 1
    assert encoder.dropped_["id"] == encoder.dropped_["note"] == "all different"


def test_a_hundred_thousand_categories_stay_small():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"id": pd.Categorical(rng.integers(0, 100_000, 250_000))})
    Z = TableEncoder().fit_transform(X, rng.normal(size=len(X)))
    assert Z.shape == (250_000, 1)


# Tables -----------------------------------------------------------------------------------------


def as_polars(X):
    types = {"joined": pl.Datetime("ms")} if "joined" in X else {}
    return pl.DataFrame(pa.Table.from_pandas(X, preserve_index=False)).cast(types)


def as_pyarrow(X):
    return pa.Table.from_pandas(X, preserve_index=False)


def as_objects(X):
    return X.astype(object).to_numpy()


@pytest.mark.parametrize("convert", [as_polars, as_pyarrow, as_objects])
def test_libraries_give_the_same_matrix(convert):
    X, new = mixed_table(), mixed_table(seed=1)
    encoder = TableEncoder().fit(X)
    other = TableEncoder().fit(convert(X))
    assert_array_equal(other.transform(convert(new)), encoder.transform(new))
    if convert is not as_objects:
        assert_array_equal(other.get_feature_names_out(), encoder.get_feature_names_out())
        assert_array_equal(encoder.transform(convert(new)), encoder.transform(new))


def test_lists_keep_numbers_beside_text():
    X = [[1.5, "a"], [2.5, "b"], [3.5, "b"]] * 5
    assert TableEncoder().fit(X).get_feature_names_out().tolist() == ["x0", "x1"]


def test_columns_of_frames_are_found_by_name():
    X = mixed_table()
    encoder = TableEncoder().fit(X)
    assert_array_equal(encoder.transform(X[X.columns[::-1]]), encoder.transform(X))
    assert_array_equal(encoder.transform(as_polars(X)[:, ::-1]), encoder.transform(X))


@pytest.mark.parametrize("names", [[3, 1], [("a", "x"), ("a", "y")], [1, 0]])
def test_columns_are_found_by_names_that_are_no_strings(names):
    """scikit-learn goes by their order then, and a reordered frame is another one unnoticed."""
    X = pd.DataFrame(np.c_[RNG.normal(size=N), RNG.gamma(2, size=N)])
    X.columns = pd.Index(names)
    encoder = TableEncoder().fit(X)
    assert not hasattr(encoder, "feature_names_in_")
    Z = encoder.transform(X)
    assert_array_equal(encoder.transform(X.iloc[:, ::-1]), Z)
    assert_array_equal(encoder.transform(X.to_numpy()), Z)
    other = X.set_axis([names[0], 7], axis=1)
    with pytest.raises(ValueError, match=f"lacks {re.escape(repr(names[1]))} and has 7, which"):
        encoder.transform(other)


def test_an_array_after_a_frame_as_scikit_learn_does_it():
    X = mixed_table()[["age", "rooms"]]
    encoder = TableEncoder().fit(X)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        Z = encoder.transform(X.to_numpy())
    assert_array_equal(Z, encoder.transform(X))
    encoder = TableEncoder().fit(X.to_numpy())
    with pytest.raises(ValueError, match="X has 1 features, but TableEncoder is expecting 2"):
        encoder.transform(X.to_numpy()[:, :1])


def test_an_empty_column_is_all_gaps_whatever_its_dtype():
    X = mixed_table()
    encoder = TableEncoder().fit(X)
    for name in X.columns:
        for dtype in (float, object, "datetime64[s]"):
            gone = X.assign(**{name: pd.Series([None] * N, dtype=dtype)})
            assert np.isfinite(encoder.transform(gone)).all()


def test_truth_values_and_numbers_go_for_each_other():
    X = mixed_table()
    encoder = TableEncoder().fit(X)
    numbers = X.assign(member=X["member"].astype(float))
    assert_array_equal(encoder.transform(numbers), encoder.transform(X))


def test_origin_says_which_column_an_output_is_from():
    X = mixed_table()
    encoder = TableEncoder().fit(X)
    for j, name in zip(encoder.origin_, encoder.get_feature_names_out(), strict=True):
        assert name.startswith(X.columns[j])


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_set_config(output):
    """Transformers inside give arrays all the same."""
    X = mixed_table().assign(city=[f"c{k % 40}" for k in range(N)])
    y = np.arange(N) * 1.0
    plain = TableEncoder(random_state=0).fit_transform(X, y)
    with config_context(transform_output=output):
        encoder = TableEncoder(random_state=0)
        frame = encoder.fit_transform(X, y)
        again = encoder.transform(X)
    assert type(frame).__module__.startswith(output)
    assert list(again.columns) == encoder.get_feature_names_out().tolist()
    assert_array_equal(np.asarray(frame), plain)


def test_set_output():
    X = mixed_table().set_index(np.arange(N) + 7)
    encoder = TableEncoder().set_output(transform="pandas")
    Z = encoder.fit_transform(X)
    assert Z.index.equals(X.index)
    assert (Z.dtypes == np.float32).all()
    assert list(Z.columns) == encoder.get_feature_names_out().tolist()
    assert isinstance(encoder.set_output(transform="polars").transform(X), pl.DataFrame)


def test_names_are_all_different():
    X = pd.DataFrame({"a": list("xyz") * 9, "a_x": np.arange(27.0)})
    assert len(set(TableEncoder().fit(X).get_feature_names_out())) == 4


@pytest.mark.parametrize("chosen", [["rooms"], [1], [False, True] + [False] * 7, [-8]])
def test_categorical_features_make_categories_of_numbers(chosen):
    X = mixed_table()
    names = TableEncoder(chosen).fit(X).get_feature_names_out().tolist()
    assert "rooms" not in names
    assert {f"rooms_{k}" for k in range(1, 6)} <= set(names)
    assert "color_red" in names  # text is always a category


def test_dates_may_serve_as_categories():
    X = pd.DataFrame({"t": pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"] * 9)})
    encoder = TableEncoder(["t"]).fit(X)
    assert encoder.transform(X).shape == (27, 3)


# Weights, dtype, state --------------------------------------------------------------------------


@pytest.mark.parametrize("bins", [None, 3])
def test_weights_are_repetitions(bins):
    rng = np.random.default_rng(2)
    X = mixed_table()
    weights = rng.integers(1, 4, N)
    repeated = X.loc[np.repeat(np.arange(N), weights)]
    weighted = TableEncoder(bins=bins).fit(X, sample_weight=weights)
    assert_array_equal(weighted.transform(X), TableEncoder(bins=bins).fit(repeated).transform(X))


@pytest.mark.parametrize("convert", [lambda X: X, as_polars, as_pyarrow])
def test_a_weight_of_zero_is_absence(convert):
    X, y = many_values()
    use = np.arange(len(y)) % 3 > 0
    encoder = TableEncoder(random_state=0, dtype="float64")
    Z = clone(encoder).fit_transform(convert(X), y, sample_weight=use.astype(float))
    alone = clone(encoder)
    expected = alone.fit_transform(convert(X[use]), y[use])
    assert_allclose(Z[use], expected, rtol=1e-12)
    assert_allclose(Z[~use], alone.transform(convert(X[~use])), rtol=1e-12)


def test_dtype():
    X = mixed_table()
    single, double = (TableEncoder(dtype=d).fit_transform(X) for d in ("float32", "float64"))
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    assert_allclose(single, double, rtol=1e-5, atol=1e-6)


def test_large_numbers_keep_their_differences_in_float32():
    x = 1.7e18 + np.arange(100.0)[:, np.newaxis] * 1e6
    Z = TableEncoder().fit_transform(x)
    assert len(np.unique(Z)) == 100


def test_pickle_and_clone():
    X, y = many_values()
    X = mixed_table(600).assign(city=X["city"])
    encoder = TableEncoder(random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(encoder))
    assert_array_equal(again.transform(X), encoder.transform(X))
    assert_array_equal(clone(encoder).fit(X, y).transform(X), encoder.transform(X))


def test_blocks_of_columns_give_the_same(monkeypatch):
    X, y = many_values()
    X = mixed_table(600).assign(city=X["city"])
    encoder = TableEncoder(random_state=0).fit(X, y)
    expected = pd.DataFrame(encoder.transform(X), columns=encoder.get_feature_names_out())
    monkeypatch.setattr(blocks, "AT_ONCE", 1000)
    small = TableEncoder(random_state=0).fit(X, y)
    found = pd.DataFrame(small.transform(X), columns=small.get_feature_names_out())
    pd.testing.assert_frame_equal(found[expected.columns], expected)


def test_in_pipelines_and_searches():
    X = mixed_table()
    y = (X["rooms"] > 2).to_numpy()
    model = make_pipeline(TableEncoder(), LogisticRegression())
    search = GridSearchCV(model, {"tableencoder__bins": [None, 4]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.9
    columns = make_column_transformer((TableEncoder(), ["color", "age"]), remainder="drop")
    scores = cross_val_score(make_pipeline(columns, LogisticRegression()), X, y, cv=3)
    assert np.isfinite(scores).all()
    assert make_pipeline(TableEncoder(), Ridge()).fit(X, y).predict(X).shape == (N,)


def test_inverse_transform_returns_what_can_be_known():
    X = mixed_table().assign(city=many_values(N)[0]["city"])
    encoder = TableEncoder(max_categories=4, dtype="float64").fit(X, np.arange(N) * 1.0)
    back = pd.DataFrame(encoder.inverse_transform(encoder.transform(X)), columns=X.columns)
    for name in ("age", "rooms"):
        assert_allclose(back[name].astype(float), X[name], rtol=1e-6)
    for name in ("sex", "color", "size", "member"):
        known = X[name].notna()
        assert (back[name][known] == X[name][known]).all()
        assert back[name][~known].isna().all()
    for name in ("joined", "stay"):
        known = X[name].notna()
        expected = X[name][known].dt.round("s")
        gap = (back[name][known].astype(X[name].dtype) - expected).abs()
        assert gap.max() <= pd.Timedelta(seconds=1)
        assert back[name][~known].isna().all()
    assert back[["city", "country"]].isna().all(axis=None)
    with pytest.raises(ValueError, match="inverse_transform must be what transform returned"):
        encoder.inverse_transform(np.ones((2, 3)))


def test_inverse_transform_of_an_unseen_value_is_none():
    encoder = TableEncoder().fit(pd.DataFrame({"w": list("abc") * 20}))
    back = encoder.inverse_transform(encoder.transform(pd.DataFrame({"w": ["new", "b"]})))
    assert back.tolist() == [[None], ["b"]]


def test_inverse_transform_of_numbers_is_of_floats():
    X = RNG.normal(size=(30, 2))
    encoder = TableEncoder(dtype="float64").fit(X)
    assert_allclose(encoder.inverse_transform(encoder.transform(X)), X, rtol=1e-10)


# Any table --------------------------------------------------------------------------------------

COLUMNS = {
    "number": st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
    "count": st.one_of(st.none(), st.integers(0, 5)),
    "flag": st.one_of(st.none(), st.booleans()),
    "word": st.one_of(st.none(), st.sampled_from(["a", "b", "c", "", "missing"])),
    "time": st.one_of(st.none(), st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))),
}


@st.composite
def tables(draw):
    n = draw(st.integers(2, 25))
    return {
        name: draw(st.lists(values, min_size=n, max_size=n)) for name, values in COLUMNS.items()
    } | {"row": list(range(n))}


@pytest.mark.filterwarnings("ignore:Columns of X hold another text")
@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables(), st.randoms(use_true_random=False))
def test_any_table(values, random):
    X = pl.DataFrame(values, strict=False)
    encoder = TableEncoder()
    Z = encoder.fit_transform(X)
    assert np.isfinite(Z).all()
    assert Z.shape == (len(X), len(encoder.get_feature_names_out()))
    assert_array_equal(encoder.transform(X), Z)
    rows = list(range(len(X)))
    random.shuffle(rows)
    assert_array_equal(encoder.transform(X[rows]), Z[rows])
    names = list(X.columns)
    random.shuffle(names)
    assert_array_equal(encoder.transform(X.select(names)), Z)
    arrow = X.to_arrow()
    assert_array_equal(TableEncoder().fit_transform(arrow), Z)
    assert_array_equal(TableEncoder().fit_transform(pd.DataFrame(values)), Z)
