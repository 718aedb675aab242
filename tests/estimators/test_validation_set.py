"""A validation set of the user's, and what early stopping looks at."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    log_loss,
    make_scorer,
    mean_absolute_error,
)
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X, X_VAL, Y, Y_VAL = train_test_split(X / 16, Y, test_size=300, random_state=0, stratify=Y)
X_REG, Y_REG = load_diabetes(return_X_y=True)
X_REG = InputNormalizer().fit_transform(X_REG)
SOLVERS = ["lbfgs", "sgd", "rmsprop", "adam", "adamw"]


def classifier(**parameters):
    return MLPClassifier((20,), **{"max_iter": 15, "random_state": 0} | parameters)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_validation_loss_is_that_of_the_rows_given(weighted):
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X_VAL)) if weighted else None
    net = classifier(max_iter=1).fit(X, Y, X_val=X_VAL, y_val=Y_VAL, sample_weight_val=weight)
    expected = log_loss(Y_VAL, net.predict_proba(X_VAL), sample_weight=weight)
    assert net.validation_loss_curve_ == pytest.approx([expected], rel=1e-6)
    assert net.validation_scores_ == [-net.validation_loss_curve_[0]]


def test_it_is_watched_and_does_not_change_the_training():
    watched = classifier().fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    alone = classifier().fit(X, Y)
    assert np.array_equal(watched.theta_, alone.theta_)
    assert len(watched.validation_loss_curve_) == watched.n_iter_
    assert watched.best_loss_ == min(watched.loss_curve_)


@pytest.mark.parametrize("solver", SOLVERS)
def test_early_stopping_keeps_its_best_weights(solver):
    net = classifier(
        solver=solver,
        early_stopping=True,
        max_iter=60,
        n_iter_no_change=3,
        learning_rate_init=0.3 if solver == "sgd" else 0.03,
        dtype="float64",
    ).fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    assert net.n_iter_ < 60
    best = min(net.validation_loss_curve_)
    assert log_loss(Y_VAL, net.predict_proba(X_VAL)) == pytest.approx(best, rel=1e-9)
    assert net.best_validation_score_ == -best
    assert net.validation_loss_curve_[-1] > best
    assert net.best_loss_ is None


def test_no_row_of_the_training_set_is_held_out():
    trained = classifier(early_stopping=True, max_iter=1).fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    assert np.array_equal(trained.theta_, classifier(max_iter=1).fit(X, Y).theta_)


def test_frames_and_sparse_matrices():
    names = [f"pixel {k}" for k in range(64)]
    frame, val = pd.DataFrame(X, columns=names), pd.DataFrame(X_VAL, columns=names)
    plain = classifier(max_iter=2).fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    framed = classifier(max_iter=2, scoring=None).fit(
        frame, pd.Series(Y), X_val=val, y_val=pd.Series(Y_VAL)
    )
    sparse = classifier(max_iter=2).fit(csr_array(X), Y, X_val=csr_array(X_VAL), y_val=Y_VAL)
    assert framed.validation_loss_curve_ == plain.validation_loss_curve_
    assert sparse.validation_loss_curve_ == pytest.approx(plain.validation_loss_curve_, rel=1e-4)


def test_the_regressor_measures_in_normalized_units():
    net = MLPRegressor((10,), random_state=0, max_iter=3)
    net.fit(X_REG[:300], Y_REG[:300], X_val=X_REG[300:], y_val=Y_REG[300:])
    residual = (net.predict(X_REG[300:]) - Y_REG[300:]) / net.target_normalizer_.scale_
    assert net.validation_loss_curve_[-1] == pytest.approx(np.mean(residual**2) / 2, rel=1e-5)


BAD = [
    (
        {"X_val": X_VAL, "y_val": np.eye(10, dtype=int)[Y_VAL]},
        r"y_val must have targets of the same kind and number as y; its shape is \(300, 10\)",
    ),
    ({"X_val": X_VAL}, "needs both X_val and y_val; y_val missing"),
    ({"y_val": Y_VAL}, "needs both X_val and y_val; X_val missing"),
    ({"sample_weight_val": Y_VAL}, "X_val and y_val missing"),
    (
        {"X_val": X_VAL[:, :9], "y_val": Y_VAL},
        r"validation set \(X_val, y_val\) cannot be used: X has 9 features",
    ),
    ({"X_val": X_VAL, "y_val": Y_VAL[:5]}, r"\(X_val, y_val\).*inconsistent numbers of samples"),
    ({"X_val": X_VAL, "y_val": Y_VAL + 5}, r"\(X_val, y_val\).*classes \[10, 11, 12, 13, 14\]"),
    ({"X_val": X_VAL * np.nan, "y_val": Y_VAL}, r"\(X_val, y_val\).*NaN"),
    (
        {"X_val": X_VAL, "y_val": Y_VAL, "sample_weight_val": -np.ones(300)},
        r"\(X_val, y_val\).*sample_weight is negative",
    ),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[b[1] for b in BAD])
def test_bad_validation_sets(options, message):
    net = classifier()
    with pytest.raises(ValueError, match=message):
        net.fit(X, Y, **options)
    assert not hasattr(net, "n_features_in_")


class TestRouting:
    def test_a_pipeline_normalizes_it_like_the_training_set(self):
        raw, val = X * 100 + 5, X_VAL * 100 + 5
        with sklearn.config_context(enable_metadata_routing=True):
            net = classifier(early_stopping=True).set_fit_request(
                X_val=True, y_val=True, sample_weight=True
            )
            model = Pipeline(
                [
                    ("normalize", InputNormalizer().set_fit_request(sample_weight=True)),
                    ("net", net),
                ],
                transform_input=["X_val"],
            ).fit(raw, Y, X_val=val, y_val=Y_VAL, sample_weight=np.ones(len(Y)))
        best = min(model[-1].validation_loss_curve_)
        assert log_loss(Y_VAL, model.predict_proba(val)) == pytest.approx(best, rel=1e-5)

    def test_a_search_hands_it_on(self):
        with sklearn.config_context(enable_metadata_routing=True):
            net = classifier(max_iter=3).set_fit_request(X_val=True, y_val=True)
            search = GridSearchCV(net, {"alpha": [1e-4, 1e-2]}, cv=2)
            search.fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
        assert len(search.best_estimator_.validation_loss_curve_) == 3


class TestFramesInScorers:
    """A scorer of the user's gets the rows of the frame that fit got, as they are there."""

    FRAME = pd.DataFrame(
        {"pixels": X[:, 20], "kind": Y % 3, "id": np.arange(len(X))},
        index=[f"row {k}" for k in range(len(X))],
    )

    def seen_by(self, net, *data, **options):
        seen = []

        def scorer(estimator, X, y):
            seen.append((X, y))
            estimator.predict(X)  # has the names of the features
            return 0.5

        net.set_params(early_stopping=True, scoring=scorer, max_iter=1, random_state=0)
        net.fit(*data, **options)
        return seen[0]

    @pytest.mark.parametrize("n", [150, 1000])
    @pytest.mark.parametrize("how", [0.2, "last"])
    def test_rows_held_out(self, n, how):
        frame = pd.concat([self.FRAME[:n], self.FRAME[:30]])
        y = np.append(Y[:n], Y[:30])
        X_seen, y_seen = self.seen_by(classifier(validation_fraction=how), frame, y)
        assert list(X_seen.columns) == ["pixels", "kind", "id"]
        assert X_seen.dtypes.equals(frame.dtypes)
        pd.testing.assert_frame_equal(X_seen, self.FRAME.loc[X_seen.index])
        np.testing.assert_array_equal(y_seen, Y[X_seen["id"]])
        assert len(X_seen) == pytest.approx((0.1 if how == "last" else 0.2) * (n + 30), abs=5)

    def test_a_validation_set(self):
        X_seen, y_seen = self.seen_by(
            classifier(), self.FRAME, Y, X_val=self.FRAME[:50], y_val=Y[:50]
        )
        pd.testing.assert_frame_equal(X_seen, self.FRAME[:50])
        np.testing.assert_array_equal(y_seen, Y[:50])

    def test_a_part_of_a_stream(self):
        seen = []

        def scorer(estimator, X, y):
            seen.append(X)
            return 0.5

        net = classifier(early_stopping=True, scoring=scorer)
        net.partial_fit(self.FRAME[:300], Y[:300], classes=range(10))
        assert list(seen[0].columns) == ["pixels", "kind", "id"]

    def test_polars(self):
        pl = pytest.importorskip("polars")
        X_seen, _ = self.seen_by(classifier(), pl.from_pandas(self.FRAME), Y)
        assert X_seen.columns == ["pixels", "kind", "id"]

    def test_arrays_stay_arrays(self):
        X_seen, _ = self.seen_by(classifier(), X, Y)
        assert type(X_seen) is np.ndarray


class TestScoring:
    @pytest.mark.parametrize("solver", ["lbfgs", "adam"])
    @pytest.mark.parametrize(
        "scoring", [None, "neg_log_loss", "roc_auc_ovr", lambda clf, X, y: clf.score(X, y)]
    )
    def test_the_score_is_that_of_the_weights_kept(self, scoring, solver):
        net = classifier(early_stopping=True, scoring=scoring, solver=solver, dtype="float64")
        net.fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
        scorer = sklearn.metrics.check_scoring(net, scoring)
        assert scorer(net, X_VAL, Y_VAL) == pytest.approx(net.best_validation_score_, rel=1e-9)
        assert net.best_validation_score_ == max(net.validation_scores_)

    def test_on_a_held_out_part_with_twins_and_a_scorer_without_weights(self):
        """Twins are merged for training; the scorer must see each of them all the same."""
        rows = np.repeat(np.arange(100), 2)
        sizes = []

        def scorer(estimator, X, y):
            sizes.append((len(X), len(np.unique(X, axis=0))))
            return estimator.score(X, y)

        classifier(early_stopping=True, scoring=scorer, max_iter=2).fit(
            X[rows][:180], Y[rows][:180]
        )
        assert sizes[0][0] == 2 * sizes[0][1] > 0

    def test_a_scorer_gets_weights_if_the_user_gave_some(self):
        seen = []

        def scorer(estimator, X, y, sample_weight=None):
            seen.append(sample_weight)
            return 0.5

        weight = np.random.default_rng(0).uniform(1, 2, len(X))
        net = classifier(early_stopping=True, scoring=scorer, max_iter=1, class_weight="balanced")
        net.fit(X, Y, weight)
        assert set(seen[0]) <= set(weight)  # class weights are for training
        net.fit(X, Y)
        assert seen[1] is None

    def test_it_sees_labels_and_units_of_the_user(self):
        names = np.array(list("abcdefghij"))
        seen = []

        def scorer(estimator, X, y):
            seen.append(y)
            return estimator.score(X, y)

        classifier(early_stopping=True, scoring=scorer, max_iter=1).fit(X, names[Y])
        assert set(seen[0]) <= set(names)
        error = make_scorer(mean_absolute_error, greater_is_better=False)
        net = MLPRegressor((5,), early_stopping=True, scoring=error, max_iter=5, random_state=0)
        net.fit(X_REG, 1000 * Y_REG)
        assert -80_000 < net.best_validation_score_ < -20_000

    def test_no_warning_for_feature_names(self):
        frame = pd.DataFrame(X, columns=[f"pixel {k}" for k in range(64)])
        net = classifier(early_stopping=True, scoring=None, max_iter=2).fit(frame, Y)
        assert list(net.feature_names_in_) == list(frame.columns)

    @pytest.mark.parametrize("value", [np.nan, None, "good", [0.5]])
    def test_a_score_that_is_no_number(self, value):
        net = classifier(early_stopping=True, scoring=lambda *args: value)
        with pytest.raises(ValueError, match=r"scoring=.* returned .* must return a number"):
            net.fit(X, Y)
        assert not hasattr(net, "theta_")

    def test_a_score_that_cannot_be_computed(self):
        def fails(*args):
            raise KeyError("no column 'age'")

        with pytest.raises(ValueError, match=r"fails on the validation set.*KeyError.*'age'"):
            classifier(early_stopping=True, scoring=fails).fit(X, Y)

    @pytest.mark.parametrize("scoring", ["neg_max_error", lambda e, X, y: e.score(X, y)])
    def test_a_scorer_that_takes_no_weights_gets_none(self, scoring):
        net = MLPRegressor((5,), early_stopping=True, scoring=scoring, max_iter=2, random_state=0)
        net.fit(X_REG, Y_REG, np.linspace(1, 2, len(Y_REG)))
        assert len(net.validation_scores_) == 2

    def test_an_error_of_a_scorer_is_its_own(self):
        def looks_up(estimator, X, y):
            return X["amount"].sum()

        net = classifier(early_stopping=True, scoring=looks_up)
        told = r"looks_up on the validation set of \d+ rows raised IndexError: only integers"
        with pytest.raises(ValueError, match=told) as found:
            net.fit(X, Y)
        assert isinstance(found.value.__cause__, IndexError)
        assert "missing there" not in str(found.value)

    @pytest.mark.parametrize("scoring", ["roc_auc_ovr", lambda *args: np.nan])
    def test_a_class_that_is_missing_is_named_where_one_is(self, scoring):
        net = classifier(early_stopping=True, scoring=scoring)
        with pytest.raises(
            ValueError, match=r"classes \[0, 1\] are missing there, and some scores"
        ):
            net.fit(X, Y, X_val=X_VAL[Y_VAL > 1], y_val=Y_VAL[Y_VAL > 1])

    def test_a_label_that_never_varies_is_named(self):
        labels = np.column_stack([Y < 5, Y > 2]).astype(int)
        labels_val = np.column_stack([Y_VAL < 5, 0 * Y_VAL])
        net = classifier(early_stopping=True, scoring=lambda *args: np.nan)
        with pytest.raises(ValueError, match=r"One of the values of the labels \[1\]"):
            net.fit(X, labels, X_val=X_VAL, y_val=labels_val)

    @pytest.mark.parametrize("scoring", ["f1", make_scorer(f1_score)])
    def test_a_positive_class_of_another_name(self, scoring):
        names = np.array(["bad", "good"])[(Y > 4) * 1]
        net = classifier(early_stopping=True, scoring=scoring)
        with pytest.raises(ValueError, match=r"make_scorer\(f1_score, pos_label='good'\)") as found:
            net.fit(X, names)
        assert "missing there" not in str(found.value)
        net.set_params(scoring=make_scorer(f1_score, pos_label="good"), max_iter=2).fit(X, names)

    def test_an_unknown_name(self):
        for early_stopping in (False, True):
            with pytest.raises(ValueError, match=r"scoring='precise' is unknown.*'average_prec"):
                classifier(scoring="precise", early_stopping=early_stopping).fit(X, Y)

    def test_partial_fit_stops_by_it_too(self):
        net = classifier(early_stopping=True, scoring="accuracy", n_iter_no_change=1)
        for _ in range(4):
            net.partial_fit(X, Y, classes=range(10))
        scores = net.validation_scores_
        assert len(scores) == 4
        assert net.best_validation_score_ == max(scores) > min(scores) >= 0


def test_the_last_of_equals_wins():
    """Accuracy on few rows stays at its maximum while the network goes on learning."""
    net = classifier(
        early_stopping=True, scoring=lambda *args: 1.0, max_iter=5, n_iter_no_change=100
    )
    last = clone(net).set_params(early_stopping=False)
    net.fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    assert np.array_equal(net.theta_, last.fit(X, Y).theta_)


def test_without_a_validation_set_the_best_epoch_comes_back():
    net = classifier(learning_rate_init=0.5, max_iter=30, solver="sgd", momentum=0.99).fit(X, Y)
    best = int(np.argmin(net.loss_curve_)) + 1
    assert best < net.n_iter_
    again = classifier(learning_rate_init=0.5, max_iter=best, solver="sgd", momentum=0.99)
    assert np.array_equal(net.theta_, again.fit(X, Y).theta_)


@pytest.mark.parametrize("scoring", ["loss", "average_precision"])
def test_imbalance_does_not_mislead_early_stopping(scoring):
    """By accuracy, as scikit-learn's does, it ends before the rare class is found."""
    X_rare, y = make_classification(
        6000, 20, n_informative=6, weights=[0.98], flip_y=0, class_sep=1.5, random_state=0
    )
    X_train, X_test, y_train, y_test = train_test_split(X_rare, y, stratify=y, random_state=0)
    precision = {}
    for early_stopping in (False, True):
        model = make_pipeline(
            InputNormalizer(),
            MLPClassifier(early_stopping=early_stopping, scoring=scoring, random_state=0),
        ).fit(X_train, y_train)
        precision[early_stopping] = average_precision_score(
            y_test, model.predict_proba(X_test)[:, 1]
        )
    assert precision[False] > 0.6
    assert precision[True] > precision[False] - 0.02


def test_weights_and_class_weights_enter_the_validation_loss():
    X_cancer, y = load_breast_cancer(return_X_y=True)
    X_cancer = InputNormalizer().fit_transform(X_cancer)
    factors = {0: 3.0, 1: 0.5}
    net = MLPClassifier((5,), class_weight=factors, max_iter=1, random_state=0)
    net.fit(X_cancer[::2], y[::2], X_val=X_cancer[1::2], y_val=y[1::2])
    weight = np.where(y[1::2] == 0, 3.0, 0.5)
    expected = log_loss(y[1::2], net.predict_proba(X_cancer[1::2]), sample_weight=weight)
    assert net.validation_loss_curve_ == pytest.approx([expected], rel=1e-6)


def test_an_undefined_score_that_is_only_watched_stops_nothing():
    one_class = Y_VAL == 3
    with pytest.warns(UserWarning, match=r"missing in history_: scoring='roc_auc_ovr'") as found:
        net = classifier(scoring="roc_auc_ovr", max_iter=3).fit(
            X, Y, X_val=X_VAL[one_class], y_val=Y_VAL[one_class]
        )
    assert str(found[0].message).count("missing in history_") == 1
    assert net.validation_scores_ is None
    assert len(net.validation_loss_curve_) == 3
    np.testing.assert_array_equal(net.theta_, classifier(max_iter=3).fit(X, Y).theta_)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_rows_held_out_are_not_rows_seen(solver):
    net = classifier(solver=solver, early_stopping=True, max_iter=4).fit(X, Y)
    assert net.t_ % net.n_iter_ == 0
    assert 0.85 < net.t_ / net.n_iter_ / len(X) < 0.95
