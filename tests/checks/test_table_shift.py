"""`check_shift` on tables: it sees through a `TableEncoder`, and judges categories."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, TableEncoder, check_shift


def table(n, seed):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "sex": rng.choice(["f", "m"], n),
            "color": rng.choice(["red", "green", "blue"], n, p=[0.5, 0.4, 0.1]),
            "city": rng.choice([f"c{k}" for k in range(200)], n),
            "joined": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.random(n) * 900, unit="D"),
            "same": 1,
        }
    )
    X.loc[rng.random(n) < 0.1, ["age", "color"]] = None
    return X


X, Y = table(2000, 0), np.random.default_rng(1).normal(size=2000)
NEW = table(500, 2)
ENCODER = TableEncoder(random_state=0).fit(X, Y)


def test_rows_of_the_same_distribution_pass():
    for seed in range(30):
        report = check_shift(ENCODER, table(400, seed))
        assert report.passed, str(report)
    assert [f.name for f in report.features] == ["age", "sex", "color", "city", "joined"]
    assert (report.n_new, report.n_training) == (400, 2000)


def test_numbers_are_judged_as_by_a_normalizer():
    names = ["age"]
    ours = check_shift(TableEncoder().fit(X[names]), NEW[names] + 3)
    theirs = check_shift(InputNormalizer().fit(X[names]), NEW[names] + 3)
    assert ours.features == theirs.features
    assert "mean rose" in ours["age"].note


@pytest.mark.parametrize(
    ("name", "values", "note"),
    [
        ("color", ["pink"] * 500, "100.0% have values that training had not"),
        ("color", ["red"] * 500, "'red' went from 4"),
        ("color", [None] * 500, "more is missing"),
        ("color", list("rgb") * 100 + ["red"] * 200, "60.0% have values"),
        ("sex", ["f"] * 500, "'f' went from "),
        ("sex", ["x"] * 20 + ["f", "m"] * 240, "4.0% have values that training had not"),
        ("city", ["c1"] * 100 + NEW["city"].tolist()[100:], "'c1' went from"),
        ("joined", NEW["joined"] + pd.Timedelta(days=900), "mean rose"),
        ("age", [None] * 250 + NEW["age"].tolist()[250:], "more is missing"),
    ],
)
def test_what_changed_is_told(name, values, note):
    report = check_shift(ENCODER, NEW.assign(**{name: values}))
    assert report.shifted == [name]
    assert note in report[name].note


def test_shares():
    colors = ["pink"] * 100 + [None] * 100 + ["red"] * 300
    row = check_shift(ENCODER, NEW.assign(color=colors))["color"]
    assert (row.outside, row.missing) == (0.2, 0.2)
    assert row.missing_in_training == pytest.approx(X["color"].isna().mean())
    assert np.isnan(row.mean_difference)


def test_a_rare_new_value_is_no_shift_where_training_had_such():
    cities = NEW["city"].tolist()
    few = X.assign(city=[f"c{k}" for k in np.random.default_rng(0).geometric(0.01, 2000)])
    new = NEW.assign(city=[f"c{k}" for k in np.random.default_rng(1).geometric(0.01, 500)])
    encoder = TableEncoder(random_state=0).fit(few, Y)
    row = check_shift(encoder, new)["city"]
    assert row.outside > 0
    assert row.passed
    assert check_shift(encoder, new.assign(city=[f"z{c}" for c in cities])).shifted == ["city"]


def test_weights_are_repetitions():
    weights = np.arange(2000) % 3
    weighted = TableEncoder(["sex"]).fit(X[["sex", "color"]], sample_weight=weights)
    repeated = TableEncoder(["sex"]).fit(X[["sex", "color"]].loc[np.repeat(X.index, weights)])
    reports = (check_shift(encoder, NEW[["sex", "color"]]) for encoder in (weighted, repeated))
    one, other = ([feature.cells() for feature in report.features] for report in reports)
    assert one == other


def test_it_may_be_anywhere():
    report = check_shift(ENCODER, NEW.assign(color="pink"))
    model = make_pipeline(TableEncoder(random_state=0), Ridge()).fit(X, Y)
    assert str(check_shift(model, NEW.assign(color="pink"))) == str(report)
    columns = make_column_transformer((TableEncoder(), ["sex", "color"]), remainder="drop")
    model = make_pipeline(columns, Ridge()).fit(X, Y)
    assert check_shift(model, NEW.assign(color="pink")).shifted == ["color"]


def test_arrays_have_numbers_for_names():
    encoder = TableEncoder().fit(X[["sex", "color"]].to_numpy())
    assert [f.name for f in check_shift(encoder, X[["sex", "color"]].to_numpy()).features] == [
        "x0",
        "x1",
    ]
