"""Early stopping: which rows are held out, and that the best weights come back."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score

from sknn_opt import MLPClassifier, MLPRegressor
from sknn_opt.arrays.hashing import hash_rows, held_out_in_stream
from sknn_opt.training.rows import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X = X / 16


@pytest.fixture
def parts(monkeypatch):
    """The (training part, held-out part) of each split that a fit makes."""
    seen = []

    def spy(original):
        def split(*args):
            result = original(*args)
            seen.append(result[:2])
            return result

        return split

    for name in ("split", "split_stream"):
        monkeypatch.setattr(Rows, name, spy(getattr(Rows, name)))
    return seen


def classifier(**parameters):
    defaults = {"max_iter": 30, "random_state": 0, "early_stopping": True, "scoring": None}
    return MLPClassifier((20,), **defaults | parameters)


def test_every_class_gives_its_share(parts):
    classifier(validation_fraction=0.2).fit(X, Y)
    train, held_out = parts[0]
    assert not set(train.chosen) & set(held_out.chosen)
    assert len(train.chosen) + len(held_out.chosen) == len(X)
    share = np.bincount(Y[held_out.chosen]) / np.bincount(Y)
    assert np.all(np.abs(share - 0.2) < 0.5 / 150)


def test_tol_is_scikit_learns_for_even_classes_and_targets_of_variance_1():
    rare = np.arange(len(X)) < 36
    net = MLPClassifier((2,), max_iter=1)
    assert net.fit(X, Y)._training.unit == net.fit(X, Y > 4)._training.unit == 1
    p = rare.mean()
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert net.fit(X, rare)._training.unit == pytest.approx(2 * entropy)
    for factor in (1e-3, 1.0, 1e6):  # whatever the unit of y
        unit = MLPRegressor((2,), max_iter=1).fit(X, factor * X[:, 10])._training.unit
        assert unit == pytest.approx(1)
    raw = MLPRegressor((2,), max_iter=1, normalize_target=False).fit(X, 10 * X[:, 10])
    assert raw._training.unit == pytest.approx(np.var(10 * X[:, 10]))


@pytest.mark.parametrize(("solver", "rate"), [("adam", 0.1), ("sgd", 0.3)])
def test_the_best_weights_come_back(parts, solver, rate):
    net = classifier(solver=solver, learning_rate_init=rate, n_iter_no_change=3).fit(X, Y)
    held_out = parts[0][1].chosen
    scores = net.validation_scores_
    assert net.best_validation_score_ == max(scores)
    assert scores[-1] < max(scores)  # the last weights were not the best
    assert accuracy_score(Y[held_out], net.predict(X[held_out])) == pytest.approx(max(scores))
    assert net.n_iter_ == len(scores) == len(net.loss_curve_) < 30
    assert net.best_loss_ is None


def test_a_regressor_scores_by_r2(parts):
    X_reg, y = load_diabetes(return_X_y=True)
    net = MLPRegressor(
        (10,),
        early_stopping=True,
        scoring=None,
        max_iter=40,
        learning_rate_init=0.1,
        random_state=0,
    ).fit(X_reg * 20, y)
    held_out = parts[0][1].chosen
    score = r2_score(y[held_out], net.predict(X_reg[held_out] * 20))
    assert score == pytest.approx(net.best_validation_score_, rel=1e-6)


def test_without_it_the_attributes_say_so():
    net = classifier(early_stopping=False).fit(X, Y)
    assert net.validation_scores_ is None
    assert net.best_validation_score_ is None
    assert net.best_loss_ == min(net.loss_curve_)


def test_equal_rows_are_never_on_both_sides(parts):
    rows = np.random.default_rng(0).integers(0, len(X), 3 * len(X))
    classifier(max_iter=2).fit(X[rows], Y[rows])
    train, held_out = parts[0]
    assert not {X[rows][i].tobytes() for i in train.chosen} & {
        X[rows][i].tobytes() for i in held_out.chosen
    }


def test_weights_count_in_split_and_score(parts):
    weight = np.where(Y == 3, 0.0, np.where(Y == 4, 2.0, 1.0))
    net = classifier(max_iter=3).fit(X, Y, weight)
    held_out = parts[0][1].chosen
    assert not np.any(Y[held_out] == 3)
    expected = accuracy_score(Y[held_out], net.predict(X[held_out]), sample_weight=weight[held_out])
    assert expected == pytest.approx(net.best_validation_score_)


def test_a_lonely_class_stays_in_training(parts):
    X_iris, y = load_iris(return_X_y=True)
    kept = np.r_[0:1, 50:150]
    classifier(max_iter=2).fit(X_iris[kept], y[kept])
    train, held_out = parts[0]
    assert 0 in train.y[train.chosen]
    assert 0 not in held_out.y[held_out.chosen]


def test_too_few_rows_say_so():
    with pytest.raises(
        ValueError, match=r"too small for early_stopping=True.*n_samples = 3.*validation_fraction"
    ):
        classifier().fit(X[:3], Y[:3])
    with pytest.raises(ValueError, match="validation_fraction=0.0"):
        classifier(validation_fraction=0.0).fit(X, Y)


class TestPartialFit:
    def test_a_row_is_held_out_in_all_calls_or_none(self, parts):
        net, order = classifier(), np.random.default_rng(0)
        held_out, trained = set(), set()
        for _ in range(3):
            rows = order.permutation(len(X))
            for chunk in np.array_split(rows, 5):
                net.partial_fit(X[chunk], Y[chunk], classes=range(10))
                train, out = parts[-1]
                trained |= {X[chunk][i].tobytes() for i in train.chosen}
                held_out |= {X[chunk][i].tobytes() for i in out.chosen}
        assert not held_out & trained
        assert 0.07 < len(held_out) / len(X) < 0.13

    def test_which_rows_is_a_matter_of_the_key_alone(self, parts):
        net = classifier().partial_fit(X, Y, classes=range(10))
        hashes = hash_rows(net._training.key, X)
        assert np.array_equal(np.flatnonzero(held_out_in_stream(hashes, 0.1)), parts[0][1].chosen)

    def test_the_best_weights_predict_and_the_latest_train_on(self, parts):
        net, differ = classifier(learning_rate_init=0.1), False
        for _ in range(12):
            net.partial_fit(X, Y, classes=range(10))
            held_out = parts[-1][1].chosen
            score = accuracy_score(Y[held_out], net.predict(X[held_out]))
            assert score == pytest.approx(max(net.validation_scores_))
            differ |= not np.array_equal(net.theta_, net._training.weights.theta)
        assert differ
        assert net.n_iter_ == 12
        assert min(net.validation_scores_[-5:]) < max(net.validation_scores_)

    def test_it_stops_and_says_so(self):
        net = classifier(learning_rate_init=0.1, n_iter_no_change=2)
        net.partial_fit(X, Y, classes=range(10))
        while not net._training.n_stalled > 2:
            net.partial_fit(X, Y)
            assert len(net.loss_curve_) < 40
        before = copy.deepcopy(net)
        message = r"Early stopping.*3 calls of partial_fit.*trained nothing"
        with pytest.warns(ConvergenceWarning, match=message):
            net.partial_fit(X, Y)
        assert np.array_equal(net.predict_proba(X), before.predict_proba(X))
        assert net.validation_scores_ == before.validation_scores_
        # Training goes on when early stopping is switched off.
        net.set_params(early_stopping=False).partial_fit(X, Y)
        assert len(net.loss_curve_) == len(before.loss_curve_) + 1

    def test_a_part_without_held_out_rows_trains(self):
        net = classifier().partial_fit(X, Y, classes=range(10))
        key = net._training.key
        rows = np.flatnonzero(~held_out_in_stream(hash_rows(key, X), 0.1))[:5]
        net.partial_fit(X[rows], Y[rows])
        assert net.n_iter_ == 2
        score, none = net.validation_scores_
        assert net.best_validation_score_ == score
        assert np.isnan(none)
