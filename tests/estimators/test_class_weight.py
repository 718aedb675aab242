"""class_weight: a factor of the sample weight, nothing else."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.utils.class_weight import compute_sample_weight

from sknn_opt import InputNormalizer, MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
LABELS = np.column_stack([Y == 0, Y > 1]).astype(int)
RARE = np.r_[0:50, 50:60, 100:103]
WEIGHT = np.random.default_rng(0).uniform(0.2, 3, len(RARE))


def exact(**parameters):
    return MLPClassifier(
        (4,),
        activation="tanh",
        solver="lbfgs",
        alpha=0.5,
        tol=1e-7,
        max_iter=1000,
        random_state=0,
        **parameters,
    )


CASES = {
    "dict": ({0: 0.5, 1: 2.0, 2: 7.0}, Y),
    "dict of some": ({2: 7.0}, Y),
    "strings": ({"setosa": 0.5, "virginica": 3.0}, NAMES),
    "binary": ({False: 0.5, True: 4.0}, Y == 0),
    "balanced": ("balanced", Y),
    "balanced strings": ("balanced", NAMES),
    "balanced binary": ("balanced", Y == 0),
    "labels": ([{0: 1.0, 1: 3.0}, {0: 2.0, 1: 5.0}], LABELS),
    "balanced labels": ("balanced", LABELS),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_it_equals_the_sample_weight_of_scikit_learn(case, weighted):
    class_weight, y = CASES[case][0], CASES[case][1][RARE]
    weight = WEIGHT if weighted else np.ones(len(y))
    expected = weight * compute_sample_weight(class_weight, y)
    if isinstance(class_weight, str) and weighted:
        # scikit-learn balances numbers of rows, we their weights: a weight of 2 is a row twice.
        columns = y.reshape(len(y), -1).T
        expected = weight * np.prod(
            [_balanced_by_weight(column, weight) for column in columns], axis=0
        )
    ours = exact(class_weight=class_weight).fit(X[RARE], y, WEIGHT if weighted else None)
    theirs = exact().fit(X[RARE], y, expected)
    np.testing.assert_allclose(ours.theta_, theirs.theta_, rtol=0, atol=1e-10)


def _balanced_by_weight(y, weight):
    classes, codes = np.unique(y, return_inverse=True)
    total = np.array([weight[y == c].sum() for c in classes])
    return (total.sum() / (len(classes) * total))[codes]


@pytest.mark.parametrize("case", ["balanced", "dict"])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_integer_weights_are_still_repetitions(case, solver):
    class_weight, y = CASES[case][0], Y[RARE]
    count = np.random.default_rng(1).integers(1, 4, len(RARE))
    rows = np.repeat(RARE, count)
    net = MLPClassifier((5,), class_weight=class_weight, solver=solver, max_iter=30, random_state=0)
    weighted = net.fit(X[RARE], y, count).theta_
    assert np.array_equal(weighted, net.fit(X[rows], Y[rows]).theta_)


def test_balanced_lifts_the_recall_of_the_rare_class():
    X_cancer, y = load_breast_cancer(return_X_y=True)
    X_cancer = InputNormalizer().fit_transform(X_cancer)[:, :2]
    rows = np.r_[np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:20]]
    recall = {}
    for class_weight in (None, "balanced"):
        net = MLPClassifier((10,), class_weight=class_weight, max_iter=100, random_state=0)
        net.fit(X_cancer[rows], y[rows])
        recall[class_weight] = np.mean(net.predict(X_cancer[y == 0]) == 0)
    assert recall[None] < 0.6
    assert recall["balanced"] > 0.75


def test_a_class_of_weight_zero_is_not_learned():
    net = MLPClassifier((5,), class_weight={1: 0}, max_iter=400, learning_rate_init=0.01)
    net.set_params(random_state=0).fit(X, Y)
    assert net.predict_proba(X)[:, 1].max() < 0.05
    alone = MLPClassifier((5,), class_weight={1: 0}, random_state=0, max_iter=5).fit(X, Y)
    without = MLPClassifier((5,), random_state=0, max_iter=5)
    without.fit(X, Y, np.where(Y == 1, 0.0, 1.0))
    np.testing.assert_array_equal(alone.theta_, without.theta_)


class TestPartialFit:
    def test_a_dict_equals_sample_weight(self):
        factors = np.array([0.5, 2.0, 7.0])[Y]
        ours = MLPClassifier((5,), class_weight={0: 0.5, 1: 2.0, 2: 7.0}, random_state=0)
        theirs = MLPClassifier((5,), random_state=0)
        for _ in range(3):
            ours.partial_fit(X, Y, classes=[0, 1, 2])
            theirs.partial_fit(X, Y, factors, classes=[0, 1, 2])
        assert np.array_equal(ours.theta_, theirs.theta_)

    def test_balanced_counts_all_calls(self):
        """Sorted calls: the first has one class alone, and no call knows its share by itself."""
        net = MLPClassifier((30,), class_weight="balanced", random_state=0, learning_rate_init=0.02)
        for rows in (np.arange(50), np.arange(50, 60), np.arange(100, 103)):
            net.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
        np.testing.assert_array_equal(net._training.class_totals, [[50, 10, 3]])
        for _ in range(150):
            net.partial_fit(X[RARE], Y[RARE])
        shares = net._training.class_totals[0] / net._training.class_totals.sum()
        np.testing.assert_allclose(shares, np.array([50, 10, 3]) / 63)
        assert (net.predict(X[100:]) == 2).mean() > 0.8


BAD = [
    (
        {7: 2.0},
        Y,
        r"class_weight has weights for \[7\], which are not among the classes \[0, 1, 2\]",
    ),
    ({"setosa": 1.0}, Y, r"class_weight has weights for \['setosa'\].*classes \[0, 1, 2\]"),
    ({0: -1.0}, Y, r"class_weight\[0\] is -1.0; it must be a finite number >= 0"),
    ({0: np.inf}, Y, r"class_weight\[0\] is inf; it must be a finite number"),
    ({0: "much"}, Y, r"class_weight\[0\] is 'much'; it must be a finite number"),
    ({0: 0, 1: 0, 2: 0}, Y, "class_weight leaves no row of the training set with a weight"),
    (
        {0: 1, 1: 2},
        LABELS,
        r"class_weight must be a list of 2 dicts.* for these targets; got \{0: 1, 1: 2\}",
    ),
    ([{0: 1}], LABELS, r"class_weight must be a list of 2 dicts, one for each label"),
    ([{0: 1}, "balanced"], LABELS, "got 'balanced' in place of a dict"),
    ([{0: 1}, {2: 1}], LABELS, r"weights for \[2\], which are not among the classes \[0, 1\]"),
    ([1, 2], Y == 0, r"class_weight must be one dict \{class: weight\}, 'balanced' or None"),
    ("uniform", Y, "The 'class_weight' parameter of MLPClassifier must be"),
]


@pytest.mark.parametrize(("class_weight", "y", "message"), BAD, ids=[str(b[0]) for b in BAD])
def test_bad_class_weights(class_weight, y, message):
    net = MLPClassifier((5,), class_weight=class_weight, max_iter=2)
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)
    assert not hasattr(net, "classes_")
