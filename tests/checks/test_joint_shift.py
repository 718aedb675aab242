"""`check_shift` with `X_train`: do the features vary together as in training?"""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknn_opt import InputNormalizer, TableEncoder, check_shift
from sknn_opt.checks.shift.joint import LEAST_AREA, joint_shift


def pair(rng, n, r, p=6):
    """Normal rows, of which the first two features have the correlation r."""
    X = rng.normal(size=(n, p))
    X[:, 1] = r * X[:, 0] + np.sqrt(1 - r * r) * X[:, 1]
    return X


def ring(rng, n):
    """Two features on a ring, beside four others."""
    X, angle = rng.normal(size=(n, 6)), rng.uniform(0, 2 * np.pi, n)
    X[:, 0], X[:, 1] = np.cos(angle), np.sin(angle)
    return X


def apart(rng, n):
    """The same two, not on it, each distributed as before."""
    X = ring(rng, n)
    X[:, 1] = rng.permutation(X[:, 1])
    return X


def alternating(rng, n):
    """Three signs whose product is 1, each pair of them independent."""
    X = rng.normal(size=(n, 4))
    X[:, 2] = np.abs(X[:, 2]) * np.sign(X[:, 0] * X[:, 1])
    return X


CHANGES = {
    "sign": (lambda rng, n: pair(rng, n, 0.9), lambda rng, n: pair(rng, n, -0.9)),
    "gone": (lambda rng, n: pair(rng, n, 0.7), lambda rng, n: pair(rng, n, 0.0)),
    "new": (lambda rng, n: pair(rng, n, 0.0), lambda rng, n: pair(rng, n, 0.7)),
    "heavy": (
        lambda rng, n: np.exp(pair(rng, n, 0.8)),
        lambda rng, n: np.exp(pair(rng, n, 0.0)),
    ),
    "ring": (ring, apart),
    "three": (alternating, lambda rng, n: rng.normal(size=(n, 4))),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_dependence_is_found_and_no_feature_is_blamed(name):
    before, after = CHANGES[name]
    rng = np.random.default_rng(0)
    X, X_new = before(rng, 4000), after(rng, 3000)
    normalizer = InputNormalizer().fit(X)
    alone = check_shift(normalizer, X_new)
    assert alone.passed, str(alone)
    assert alone.joint is None
    assert "each feature is judged by itself" in str(alone)
    report = check_shift(normalizer, X_new, X_train=X)
    assert report.verdict == report.joint.verdict == "SHIFTED"
    assert report.shifted == []
    assert f"AUC of {report.joint.area:.2f}" in str(report)
    assert "SHIFTED: no feature by itself" in repr(report)
    assert list(report.to_frame().index) == [f.name for f in report.features]
    with pytest.raises(AssertionError, match="joint distribution SHIFTED"):
        report.raise_if_shifted()


@pytest.mark.parametrize("sizes", [(60, 60), (400, 60), (60, 400), (500, 500)])
def test_rows_of_one_distribution_pass(sizes):
    rng, chances = np.random.default_rng(1), []
    for k in range(6):
        X, X_new = (pair(rng, n, 0.8, p=4) for n in sizes)
        if k % 2:
            X, X_new = np.exp(2 * X), np.exp(2 * X_new)
        X[rng.random(X.shape) < 0.05] = np.nan
        X_new[rng.random(X_new.shape) < 0.05] = np.nan
        report = check_shift(InputNormalizer().fit(X), X_new, X_train=X)
        assert report.passed, str(report)
        chances.append(report.joint.chance)
    assert 0.1 < np.mean(chances) < 0.9  # uniform, of mean 0.5 with a standard error of 0.12


def test_the_area_is_that_of_scikit_learn(monkeypatch):
    seen = {}
    rng = np.random.default_rng(2)
    X, X_new = rng.normal(size=(300, 3)), rng.normal(size=(200, 3)) + 0.6

    class Sum:
        def fit(self, X, y):
            seen["shares"] = np.bincount(y)
            return self

        def predict_proba(self, X):
            seen["score"] = X.sum(axis=1)
            return np.column_stack([-X.sum(axis=1), X.sum(axis=1)])

    monkeypatch.setattr("sknn_opt.checks.shift.joint._judge", lambda X: Sum())
    joint = joint_shift(X, X_new, 1e-3)
    assert list(seen["shares"]) == [150, 100]
    is_new = np.isin(seen["score"], X_new.sum(axis=1))
    assert joint.area == pytest.approx(roc_auc_score(is_new, seen["score"]))
    assert joint.verdict == "SHIFTED"


def test_a_difference_that_does_not_matter_does_not_count():
    assert abs(LEAST_AREA - 0.528) < 5e-4
    rng = np.random.default_rng(3)
    X, X_new = rng.normal(size=(20_000, 2)), rng.normal(size=(20_000, 2)) + [0.05, 0]
    report = check_shift(InputNormalizer().fit(X), X_new, X_train=X)
    assert report.joint.area < LEAST_AREA
    assert report.passed


def test_features_are_held_to_half_of_the_rate_and_the_classifier_to_the_other():
    rng = np.random.default_rng(4)
    X, X_new = rng.normal(size=(500, 3)), rng.normal(size=(100, 3))
    normalizer = InputNormalizer().fit(X)
    alone, both = check_shift(normalizer, X_new), check_shift(normalizer, X_new, X_train=X)
    assert both.sees_above > alone.sees_above
    assert [f.mean_difference for f in both.features] == [f.mean_difference for f in alone.features]


def test_tables_pipelines_sparse_rows_and_wide_ones():
    rng = np.random.default_rng(5)

    def table(n, together):
        size, color = rng.normal(size=n), rng.choice(["red", "blue"], n)
        known = np.where(size > 0, "red", "blue")
        return pd.DataFrame({"size": size, "color": known if together else color})

    X = table(1500, together=True)
    encoder = TableEncoder(random_state=0).fit(X, rng.normal(size=1500))
    report = check_shift(encoder, table(800, together=False), X_train=X)
    assert (report.verdict, report.shifted) == ("SHIFTED", [])
    assert check_shift(encoder, table(800, together=True), X_train=X).passed

    X, X_new = np.exp(pair(rng, 1500, 0.9)), np.exp(pair(rng, 1500, -0.9))
    pipe = make_pipeline(FunctionTransformer(np.log), InputNormalizer()).fit(X)
    assert not check_shift(pipe, X_new, X_train=X[:700]).joint.passed

    rows = sparse.random_array((1200, 60), density=0.3, rng=0, format="csr")
    normalizer = InputNormalizer(with_mean=False).fit(rows)
    report = check_shift(normalizer, rows[:300], X_train=rows[300:])
    assert report.passed
    assert report.joint.verdict == "OK"


def test_few_rows_and_other_training_rows_are_said():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(200, 3))
    normalizer = InputNormalizer().fit(X)
    report = check_shift(normalizer, X[:5], X_train=X)
    assert report.joint.verdict == report.verdict == "UNKNOWN"
    assert "joint distribution UNKNOWN: too few rows" in str(report)
    assert report.passed
    report = check_shift(normalizer, X[:50], X_train=10 * X)
    assert "X_train is not like what the normalizer was fitted to (x0, x1, x2)" in report.notes[0]
    with pytest.raises(ValueError, match="X_train has no rows"):
        check_shift(normalizer, X, X_train=X[:0])
    with pytest.raises(ValueError, match="X has 2 features"):
        check_shift(normalizer, X, X_train=X[:, :2])
