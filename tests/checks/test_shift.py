"""Data of the training distribution pass; data that left it are found, and named."""

import pickle
import re
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sknn_opt import InputNormalizer, MLPClassifier, ShiftReport, check_shift
from sknn_opt.arrays import moments
from sknn_opt.checks.shift.spread import wider

RNG_SEED = 6
DISTRIBUTIONS = {
    "normal": lambda rng, shape: rng.normal(1e4, 2, shape),
    "uniform": lambda rng, shape: rng.random(shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "rare event": lambda rng, shape: rng.binomial(1, 0.002, shape).astype(float),
    "coin": lambda rng, shape: rng.binomial(1, 0.5, shape).astype(float),
    "counts": lambda rng, shape: rng.poisson(0.1, shape).astype(float),
    "missing": lambda rng, shape: np.where(rng.random(shape) < 0.1, np.nan, rng.normal(size=shape)),
}


# ---------------------------------------------------------------- sampling noise


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize(("n_new", "n_draws"), [(50, 300), (500, 100), (50_000, 4)])
@pytest.mark.parametrize("n_training", [300, 20_000])
def test_samples_of_the_training_distribution_pass(name, n_new, n_draws, n_training):
    rng, draw = np.random.default_rng(RNG_SEED), DISTRIBUTIONS[name]
    n_shifted, n_judged = 0, 0
    for k in range(n_draws):
        if k % 10 == 0:  # a training sample may be odd itself
            normalizer = InputNormalizer().fit(draw(rng, (n_training, 8)))
        n_shifted += len(check_shift(normalizer, draw(rng, (n_new, 8))).shifted)
        n_judged += 8
    assert n_shifted <= 0.01 * n_judged


FEW_MAKE_THE_VARIANCE = {
    "lognormal": lambda rng, shape: rng.lognormal(sigma=2, size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "pareto": lambda rng, shape: rng.pareto(2, shape),
    "zeros and incomes": lambda rng, shape: np.where(
        rng.random(shape) < 0.92, 0.0, rng.lognormal(8, 1, shape)
    ),
    "jumps": lambda rng, shape: rng.normal(size=shape) * np.where(rng.random(shape) < 0.05, 100, 1),
}


@pytest.mark.parametrize("name", FEW_MAKE_THE_VARIANCE)
@pytest.mark.parametrize("sizes", [(50, 50), (50, 500), (500, 50), (500, 2000), (3000, 300)])
@pytest.mark.parametrize("gaps", [False, True])
def test_reports_on_features_whose_variance_few_values_make_pass(name, sizes, gaps):
    rng, draw = np.random.default_rng(RNG_SEED), FEW_MAKE_THE_VARIANCE[name]
    alarms = 0
    for _ in range(60):
        X, X_new = (draw(rng, (n, 20)) for n in sizes)
        if gaps:
            X[rng.random(X.shape) < 0.1], X_new[rng.random(X_new.shape) < 0.1] = np.nan, np.nan
        alarms += not check_shift(InputNormalizer().fit(X), X_new).passed
    assert alarms <= 1


@pytest.mark.parametrize("to", [np.asarray, sparse.csr_array])
def test_a_spread_that_changed_is_found_in_features_that_are_mostly_zero(to):
    rng = np.random.default_rng(8)

    def draw(n):
        return rng.normal(size=(n, 3)) * (rng.random((n, 3)) < 0.2)

    normalizer = InputNormalizer(with_mean=False).fit(to(draw(5000)))
    X_new = draw(5000) * [2, 1, 0.5]
    report = check_shift(normalizer, to(X_new))
    assert [feature.passed for feature in report.features] == [False, True, False]
    assert "variance grew" in report["x0"].note
    assert report["x2"].note == "variance shrank"


def test_the_training_rows_themselves_and_halves_of_real_data_pass():
    X, _ = load_breast_cancer(return_X_y=True)
    normalizer = InputNormalizer().fit(X)
    report = check_shift(normalizer, X)
    assert report.verdict == "OK"
    for feature in report.features:
        assert feature.mean_difference == pytest.approx(0, abs=1e-12)
        assert feature.variance_ratio == pytest.approx(len(X) / (len(X) - 1))
        assert feature.outside == feature.missing == feature.missing_in_training == 0
    order = np.random.default_rng(0).permutation(len(X))
    one, other = np.array_split(X[order], 2)
    assert check_shift(InputNormalizer().fit(one), other).passed


@pytest.mark.parametrize("sign", [1, -1])
def test_half_a_deviation_in_500_rows_is_found(sign):
    rng = np.random.default_rng(1)
    normalizer = InputNormalizer().fit(rng.normal(size=(5000, 10)))
    for _ in range(50):
        X = rng.normal(size=(500, 10))
        X[:, 3] += sign * 0.5
        report = check_shift(normalizer, X)
        assert report.shifted == ["x3"]
        assert ("mean rose" if sign > 0 else "mean fell") in report["x3"].note
        assert report["x3"].mean_difference == pytest.approx(sign * 0.5, abs=0.2)


@pytest.mark.parametrize(("factor", "word"), [(2.0, "variance grew"), (0.5, "variance shrank")])
def test_another_spread_in_500_rows_is_found(factor, word):
    rng = np.random.default_rng(2)
    normalizer = InputNormalizer().fit(rng.normal(size=(5000, 5)))
    for _ in range(20):
        X = rng.normal(size=(500, 5))
        X[:, 1] *= factor
        report = check_shift(normalizer, X)
        assert word in report["x1"].note
        assert report["x1"].variance_ratio == pytest.approx(factor**2, rel=0.3)


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("sizes", [(500, 200), (5000, 200), (50_000, 200), (500, 20_000)])
def test_another_spread_of_normal_features_is_found_in_200_rows(sizes, factor):
    rng, seen = np.random.default_rng(8), 0
    for _ in range(20):
        X, X_new = (rng.normal(size=(n, 10)) for n in sizes)
        X_new[:, 4] *= factor
        report = check_shift(InputNormalizer().fit(X), X_new)
        seen += report.shifted == ["x4"]
    assert seen >= 19


def _of_flags(n, ones):
    X = np.zeros((n, 1))
    X[:ones] = 1
    return moments.add_dense(moments.no_moments(1), X)


@pytest.mark.parametrize("sizes", [(50, 50), (50, 2000), (2000, 50), (500, 500), (300, 20_000)])
def test_no_spread_of_two_values_is_less_probable_than_by_fishers_exact_test(sizes):
    n, m = sizes
    rng, n_small = np.random.default_rng(9), 0
    for share in (0.003, 0.01, 0.05, 0.2):
        for _ in range(40):
            a = rng.binomial(n, min(0.5, 3 * share))
            b = rng.binomial(m, share * rng.random())
            if 0 < a < n and a / n * (1 - a / n) > 1.25 * b / m * (1 - b / m):
                exact = stats.fisher_exact([[a, n - a], [b, m - b]], alternative="greater").pvalue
                n_small += exact < 1e-3
                with np.errstate(all="ignore"):
                    found = wider(_of_flags(n, a), _of_flags(m, b), [True], min(exact, 1e-3))
                assert not found[0]
    assert n_small > 5


@pytest.mark.parametrize("factor", [0.5, 0.7, 0.85])
def test_a_spread_is_never_less_probable_than_by_an_f_test(factor):
    rng = np.random.default_rng(10)
    X, X_new = rng.normal(size=(20_000, 1)), factor * rng.normal(size=(100, 1))
    one, other = (moments.add_dense(moments.no_moments(1), rows) for rows in (X, X_new))
    chance = stats.f.sf(X.var(ddof=1) / X_new.var(ddof=1), 19_999, 99)
    with np.errstate(all="ignore"):
        assert not wider(one, other, [True], chance)[0]
        assert wider(one, other, [True], chance**0.3)[0]


@pytest.mark.parametrize("shape", ["uniform", "sine", "iris"])
def test_a_few_rows_that_hardly_vary_are_seen_where_no_value_is_rare(shape):
    rng = np.random.default_rng(12)
    X = {
        "uniform": rng.random((200, 1)),
        "sine": np.sin(rng.uniform(-1.3, 1.3, size=(200, 1))),
        "iris": load_iris().data[:, 3:],
    }[shape]
    X_new = X.mean() + X.std() * np.array([[-0.1, 0.1] * 4]).T
    report = check_shift(InputNormalizer().fit(X), X_new)
    assert report.features[0].note == "variance shrank"


def test_a_few_rows_of_one_cluster_are_chance():
    rng = np.random.default_rng(13)
    X = np.repeat([0.0, 1.0], 100)[:, np.newaxis] + 0.05 * rng.normal(size=(200, 1))
    assert check_shift(InputNormalizer().fit(X), X[:8]).passed


def test_a_normalizer_of_an_earlier_version_knows_no_kurtosis():
    rng = np.random.default_rng(11)
    normalizer = InputNormalizer().fit(rng.normal(size=(500, 3)))
    del normalizer._moments["m3"], normalizer._moments["m4"]
    old = pickle.loads(pickle.dumps(normalizer))
    assert check_shift(old, rng.normal(size=(200, 3))).passed
    report = check_shift(old, rng.normal(size=(2000, 3)) * [1, 3, 0.3])
    assert report.shifted == ["x1", "x2"]
    old.partial_fit(rng.normal(size=(500, 3)))
    assert old.n_samples_seen_ == 1000
    assert check_shift(old, rng.normal(size=(200, 3)) + [0, 1, 0]).shifted == ["x1"]


def test_the_spread_is_judged_alike_however_the_training_rows_came():
    rng = np.random.default_rng(12)
    X, X_new = rng.lognormal(size=(600, 3)), rng.lognormal(size=(300, 3)) * [1, 1.5, 0.2]
    notes = []
    for dtype, chunk in ((np.float64, 600), (np.float64, 1), (np.float32, 37)):
        normalizer = InputNormalizer()
        for i in range(0, 600, chunk):
            normalizer.partial_fit(X[i : i + chunk].astype(dtype))
        for each in (normalizer, clone(normalizer).fit(X, sample_weight=np.ones(600))):
            notes.append([feature.note for feature in check_shift(each, X_new).features])
    assert all(note == notes[0] for note in notes)


def test_small_differences_do_not_matter_in_however_many_rows():
    rng = np.random.default_rng(3)
    normalizer = InputNormalizer().fit(rng.normal(size=(200_000, 2)))
    X = rng.normal(size=(200_000, 2))
    assert check_shift(normalizer, X + 0.05).verdict == "OK"
    assert check_shift(normalizer, X * 1.05).verdict == "OK"
    assert check_shift(normalizer, X + 0.15).verdict == "SHIFTED"


def test_values_outside_the_range():
    rng = np.random.default_rng(4)
    normalizer = InputNormalizer().fit(rng.random((2000, 2)))
    X = np.clip(rng.random((400, 2)), 0.1, 0.9)
    X[:8, 0], X[:20, 1] = 1.01, -0.01
    report = check_shift(normalizer, X)
    assert report["x0"].outside == 8 / 400
    assert report["x0"].note == "2.0% above the range"
    assert report["x1"].note == "5.0% below the range"


def test_a_sensor_that_stands_still():
    rng = np.random.default_rng(5)
    normalizer = InputNormalizer().fit(rng.normal(size=(5000, 1)))
    report = check_shift(normalizer, np.zeros((2000, 1)))
    assert report["x0"].note == "variance shrank"
    assert report["x0"].variance_ratio == 0


@pytest.mark.parametrize(("before", "after", "word"), [(0.0, 0.1, "more"), (0.3, 0.0, "less")])
def test_missing_values(before, after, word):
    rng = np.random.default_rng(6)
    X = rng.normal(size=(2000, 2))
    X[rng.random(2000) < before, 1] = np.nan
    X_new = rng.normal(size=(300, 2))
    X_new[rng.random(300) < after, 1] = np.nan
    report = check_shift(InputNormalizer().fit(X), X_new)
    assert report.shifted == ["x1"]
    assert report["x1"].note == f"{word} is missing"
    assert report["x1"].missing == np.isnan(X_new[:, 1]).mean()
    assert report["x1"].missing_in_training == pytest.approx(np.isnan(X[:, 1]).mean())


def test_the_numbers_are_those_of_their_formulas():
    rng = np.random.default_rng(7)
    X, X_new = rng.gamma(2, size=(400, 3)), rng.gamma(2.2, size=(70, 3))
    report = check_shift(InputNormalizer().fit(X), X_new)
    for j, feature in enumerate(report.features):
        expected = (X_new[:, j].mean() - X[:, j].mean()) / X[:, j].std()
        assert feature.mean_difference == pytest.approx(expected)
        ratio = X_new[:, j].var(ddof=1) / X[:, j].var()
        assert feature.variance_ratio == pytest.approx(ratio)
        outside = (X_new[:, j] < X[:, j].min()) | (X_new[:, j] > X[:, j].max())
        assert feature.outside == pytest.approx(outside.mean())
    z = stats.norm.isf(0.001 / 24)
    assert report.sees_above == pytest.approx(z * np.sqrt(1 / 70 + 1 / 400))
    assert (report.n_new, report.n_training) == (70, 400)


# ---------------------------------------------------------------- what it takes


X_IRIS, Y_IRIS = load_iris(return_X_y=True, as_frame=True)


def same(one, other):
    assert [f.name for f in one.features] == [f.name for f in other.features]
    for a, b in zip(one.features, other.features, strict=True):
        assert a.verdict == b.verdict
        assert a.mean_difference == pytest.approx(b.mean_difference, nan_ok=True)
        assert a.variance_ratio == pytest.approx(b.variance_ratio, nan_ok=True)


def test_pipelines_and_searches_pass_the_data_through_the_steps_before():
    gaps = X_IRIS.mask(np.random.default_rng(0).random(X_IRIS.shape) < 0.1)
    pipe = make_pipeline(SimpleImputer(), VarianceThreshold(0.3), InputNormalizer(), "passthrough")
    pipe.fit(gaps)
    report = check_shift(pipe, gaps[:50])
    assert [f.name for f in report.features] == list(X_IRIS.columns[[0, 2, 3]])
    X = SimpleImputer().fit_transform(gaps)[:, [0, 2, 3]]
    expected = check_shift(InputNormalizer().fit(X), X[:50])
    for one, other in zip(report.features, expected.features, strict=True):
        assert one.mean_difference == other.mean_difference
    assert report["petal length (cm)"].mean_difference < -1
    assert report["petal length (cm)"].missing == 0

    net = make_pipeline(InputNormalizer(), MLPClassifier((3,), max_iter=200, random_state=0))
    search = GridSearchCV(net, {"inputnormalizer__clip": [None, 3.0]}, cv=2, error_score="raise")
    with pytest.warns(ConvergenceWarning):
        search.fit(X_IRIS, Y_IRIS)
    plain = InputNormalizer().fit(X_IRIS)
    same(check_shift(search, X_IRIS[:40]), check_shift(plain, X_IRIS[:40]))


def test_steps_without_names_give_numbers():
    pipe = make_pipeline(FunctionTransformer(np.log), InputNormalizer())
    pipe.fit(X_IRIS.to_numpy())
    assert [f.name for f in check_shift(pipe, X_IRIS.to_numpy()).features] == [
        "x0",
        "x1",
        "x2",
        "x3",
    ]


@pytest.mark.parametrize("gaps", [False, True])
def test_standard_scaler_has_no_range(gaps):
    X = X_IRIS.to_numpy().copy()
    if gaps:
        X[::7, 1] = np.nan
    report = check_shift(StandardScaler().fit(X), X[:50])
    ours = check_shift(InputNormalizer().fit(X), X[:50])
    for theirs, own in zip(report.features, ours.features, strict=True):
        assert theirs.mean_difference == pytest.approx(own.mean_difference)
        assert theirs.variance_ratio == pytest.approx(own.variance_ratio)
        assert np.isnan(theirs.outside)
        assert np.isnan(theirs.missing_in_training)
    assert "x2" in report.shifted


@pytest.mark.parametrize("params", [{"with_mean": False}, {"with_std": False}, {"clip": 2.0}])
def test_every_kind_of_input_normalizer(params):
    same(
        check_shift(InputNormalizer(**params).fit(X_IRIS), X_IRIS[:50]),
        check_shift(InputNormalizer().fit(X_IRIS), X_IRIS[:50]),
    )


def test_sparse_partial_fit_and_weights():
    dense = np.where(X_IRIS.to_numpy() > 3, X_IRIS.to_numpy(), 0.0)
    normalizer = InputNormalizer(with_mean=False).fit(sparse.csr_array(dense))
    expected = check_shift(InputNormalizer().fit(dense), dense[:50])
    same(check_shift(normalizer, sparse.csr_array(dense[:50])), expected)
    same(check_shift(normalizer, sparse.csc_array(dense[:50])), expected)
    parts = InputNormalizer().partial_fit(dense[:70]).partial_fit(dense[70:])
    same(check_shift(parts, dense[:50]), expected)
    weights = np.arange(150) % 3
    weighted = InputNormalizer().fit(dense, sample_weight=weights)
    repeated = InputNormalizer().fit(np.repeat(dense, weights, axis=0))
    one, other = check_shift(weighted, dense[:50]), check_shift(repeated, dense[:50])
    same(one, other)
    assert one.n_training == other.n_training


def test_another_precision_is_no_shift():
    X = np.round(np.random.default_rng(0).random((500, 3)), 1)  # many values at either end
    report = check_shift(InputNormalizer().fit(X.astype(np.float32)), X)
    assert report.verdict == "OK"
    constant = np.full((100, 1), 0.1)
    assert check_shift(InputNormalizer().fit(constant.astype(np.float32)), constant).passed


# ---------------------------------------------------------------- bad and bare input


def test_one_row_says_that_there_is_no_variance():
    normalizer = InputNormalizer().fit(X_IRIS)
    report = check_shift(normalizer, X_IRIS[:1])
    assert report.verdict == "OK"
    assert all(np.isnan(f.variance_ratio) for f in report.features)
    assert "one row has no variance" in str(report)
    far = check_shift(normalizer, X_IRIS[:1] + [0, 100, 0, 0])
    assert far.shifted == ["sepal width (cm)"]


def test_one_row_of_training_says_nothing():
    report = check_shift(InputNormalizer().fit(X_IRIS[:1]), X_IRIS)
    assert report.verdict == "UNKNOWN"
    assert report.passed
    assert {feature.note for feature in report.features} == {"one value in training"}


def test_all_zero_rows_constant_features_and_columns_without_values():
    X = np.column_stack([np.arange(60.0), np.full(60, 7.0), np.full(60, np.nan)])
    normalizer = InputNormalizer().fit(X)
    same_again = check_shift(normalizer, X[:30])
    assert same_again["x1"].verdict == "OK"
    assert same_again["x1"].note == "constant in training: 7"
    assert same_again["x2"].verdict == same_again.verdict == "UNKNOWN"
    assert same_again["x2"].note == "no value in training"
    assert same_again.passed
    report = check_shift(normalizer, np.zeros((30, 3)))
    assert report["x0"].verdict == report["x1"].verdict == "SHIFTED"
    assert report["x1"].note == "100.0% below the range, constant in training: 7"
    empty = check_shift(normalizer, np.full((30, 3), np.nan))
    assert empty["x0"].note == "more is missing, no value in the new data"
    assert np.isnan(empty["x0"].mean_difference)


def test_huge_values():
    X = np.array([[4e99], [-4e99], [8e99], [0.0]])
    report = check_shift(InputNormalizer().fit(X), X)
    assert report.verdict == "OK"
    assert report["x0"].variance_ratio == pytest.approx(4 / 3)


def test_sentences_on_bad_input():
    normalizer = InputNormalizer().fit(X_IRIS)
    with pytest.raises(NotFittedError, match="InputNormalizer instance is not fitted"):
        check_shift(InputNormalizer(), X_IRIS)
    with pytest.raises(NotFittedError):
        check_shift(make_pipeline(InputNormalizer()), X_IRIS)
    with pytest.raises(TypeError, match="check_shift needs a fitted InputNormalizer.*got int"):
        check_shift(3, X_IRIS)
    with pytest.raises(TypeError, match="the pipeline has none"):
        check_shift(make_pipeline(SimpleImputer()).fit(X_IRIS), X_IRIS)
    with pytest.raises(ValueError, match="feature names should match"):
        check_shift(normalizer, X_IRIS.iloc[:, :2])
    plain = InputNormalizer().fit(X_IRIS.to_numpy())
    with pytest.raises(ValueError, match="X has 2 features, but InputNormalizer is expecting 4"):
        check_shift(plain, np.ones((5, 2)))
    with pytest.raises(ValueError, match="contains infinity"):
        check_shift(plain, np.full((5, 4), np.inf))
    for empty in (np.empty((0, 4)), [], X_IRIS[:0]):
        with pytest.raises(ValueError, match="X_new has no rows: check_shift needs one at least"):
            check_shift(plain, empty)
    with pytest.raises(ValueError, match="with_std=False does not keep"):
        check_shift(StandardScaler(with_std=False).fit(X_IRIS), X_IRIS)


# ---------------------------------------------------------------- the report


def test_the_table():
    report = check_shift(InputNormalizer().fit(X_IRIS), X_IRIS[:50])
    lines = str(report).splitlines()
    assert lines[0].startswith("SHIFTED: 4 of 4 features (petal length (cm), petal width (cm), ")
    assert "train again with such rows" in " ".join(lines[1:4])
    start = lines.index("50 new rows compared with 150 of training") + 3
    worst = [X_IRIS.columns[j] for j in (2, 3, 0, 1)]
    assert [line.split("  ")[0] for line in lines[start : start + 4]] == worst
    assert [feature.name for feature in report.worst(3)] == worst[:3]
    assert repr(report).startswith("<ShiftReport: SHIFTED: 4 of 4")
    page = report._repr_html_()
    assert page.count("<tr>") == 5
    assert "petal width (cm)" in page
    frame = report.to_frame()
    assert list(frame.index) == list(X_IRIS.columns)
    assert frame.loc["petal width (cm)", "verdict"] == "SHIFTED"
    with pytest.raises(KeyError, match="no feature 'color'"):
        report["color"]
    with pytest.raises(AssertionError, match="petal width"):
        report.raise_if_shifted()
    check_shift(InputNormalizer().fit(X_IRIS), X_IRIS).raise_if_shifted()


def test_a_wide_table_shows_what_is_not_right():
    rng = np.random.default_rng(0)
    names = [f"<pixel {j}>" for j in range(300)]
    X = pd.DataFrame(rng.normal(size=(400, 300)), columns=names)
    X_new = pd.DataFrame(rng.normal(size=(400, 300)), columns=names)
    X_new["<pixel 17>"] += 3
    report = check_shift(InputNormalizer().fit(X), X_new)
    assert report.shifted == ["<pixel 17>"]
    text = str(report)
    assert len(text.splitlines()) <= 20
    assert text.splitlines()[0] == "SHIFTED: 1 of 300 features (<pixel 17>)"
    assert re.search(r"\n-+\n<pixel 17> +SHIFTED ", text)
    assert re.search(r"\nnot shown: (\d+) of 300 rows \(\1 OK\)", text)
    assert "&lt;pixel 17&gt;" in report._repr_html_()


def test_the_worst_feature_is_first():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(400, 100)), columns=[f"f{j}" for j in range(100)])
    X_new = X + 0.6
    X_new["f99"] += 20
    X_new["f98"] = 0.0
    report = check_shift(InputNormalizer().fit(X), X_new)
    assert len(report.shifted) == 100
    assert {feature.name for feature in report.worst(2)} == {"f98", "f99"}
    assert str(report).splitlines()[0].startswith("SHIFTED: 100 of 100 features (f98, f99, ")


def test_without_pandas_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        ShiftReport((), 1, 1.0, 1.0).to_frame()
