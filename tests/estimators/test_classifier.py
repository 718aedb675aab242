"""MLPClassifier: every kind of label and input, against scikit-learn and plain formulas."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csc_array, csr_array, csr_matrix
from scipy.special import expit, log_softmax, softmax
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from sknn_opt import InputNormalizer, MLPClassifier
from sknn_opt.nn.activations import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
LABELS = np.column_stack([Y > 0, Y == 1, X[:, 0] > 0]).astype(int)


def classifier(**parameters):
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 150, "learning_rate_init": 0.02}
    return MLPClassifier(**defaults | {"random_state": 0} | parameters)


class TestLabels:
    @pytest.mark.parametrize(
        "labels",
        [
            np.array(["setosa", "versicolor", "virginica"]),
            np.array(["a", "b", "c"], dtype=object),
            np.array([-5, 7, 30]),
            np.array([0.0, 1.0, 2.0]),
            np.array([False, True, True]),
        ],
        ids=lambda labels: labels.dtype.kind,
    )
    def test_come_back_as_they_were(self, labels):
        y = labels[Y]
        net = classifier().fit(X, y)
        assert net.predict(X).dtype == y.dtype
        assert accuracy_score(y, net.predict(X)) > 0.95
        assert np.array_equal(net.classes_, np.unique(y))
        # The coding of the classes does not touch the training.
        assert np.array_equal(
            net.theta_, classifier().fit(X, np.unique(y, return_inverse=True)[1]).theta_
        )

    @pytest.mark.parametrize("container", [pd.Series, pl.Series, list])
    def test_in_any_container(self, container):
        y = np.array(["a", "b", "c"])[Y]
        net = classifier(max_iter=5).fit(X, container(y))
        assert np.array_equal(net.predict(X), classifier(max_iter=5).fit(X, y).predict(X))

    def test_two_classes(self):
        net = classifier().fit(X, Y > 0)
        z = net.decision_function(X)
        assert z.shape == (150,)
        assert net.out_activation_ == "logistic"
        assert net.n_outputs_ == 1
        np.testing.assert_allclose(net.predict_proba(X), np.column_stack([expit(-z), expit(z)]))
        assert np.array_equal(net.predict(X), z > 0)

    def test_several_classes(self):
        net = classifier().fit(X, Y)
        z = net.decision_function(X)
        assert net.out_activation_ == "softmax"
        np.testing.assert_allclose(net.predict_proba(X), softmax(z, axis=1))
        np.testing.assert_allclose(net.predict_log_proba(X), log_softmax(z, axis=1))
        assert np.array_equal(net.predict(X), z.argmax(axis=1))

    @pytest.mark.parametrize("container", [np.asarray, csr_array, csr_matrix, pd.DataFrame])
    def test_several_labels(self, container):
        net = classifier().fit(X, container(LABELS))
        assert np.array_equal(net.classes_, [0, 1, 2])
        assert net.out_activation_ == "logistic"
        np.testing.assert_allclose(net.predict_proba(X), expit(net.decision_function(X)))
        assert net.score(X, LABELS) > 0.9
        assert net.partial_fit(X, container(LABELS)).predict(X).shape == LABELS.shape

    def test_partial_fit_knows_classes_that_have_not_come(self):
        net = classifier()
        for _ in range(3):
            net.partial_fit(X[:100], Y[:100], classes=[2, 1, 0])
        assert np.array_equal(net.classes_, [0, 1, 2])
        assert net.predict_proba(X).shape == (150, 3)


class TestInputs:
    @pytest.mark.parametrize("container", [csr_array, csr_matrix, csc_array])
    @pytest.mark.parametrize(
        "parameters",
        [{}, {"solver": "lbfgs"}, {"batch_norm": True}, {"early_stopping": True}],
        ids=str,
    )
    def test_sparse_equals_dense(self, container, parameters):
        blanked = np.where(np.abs(X) < 0.5, 0, X)
        parameters = {"dtype": "float64", "max_iter": 10, "batch_size": 50} | parameters
        dense = classifier(**parameters).fit(blanked, Y)
        sparse = classifier(**parameters).fit(container(blanked), Y)
        # The products of sparse and dense matrices add up in another order.
        np.testing.assert_allclose(sparse.theta_, dense.theta_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            sparse.predict_proba(container(blanked)), dense.predict_proba(blanked), rtol=1e-6
        )

    def test_sparse_with_dropout_of_the_input(self):
        net = classifier(hidden_layer_sizes=(30,), input_dropout=0.3, batch_size=40)
        net.fit(csr_array(X), Y)
        assert net.score(csr_array(X), Y) > 0.9

    def test_duplicate_entries_of_a_sparse_matrix_add_up(self):
        twice = csr_array((np.r_[1.0, 2.0, 5.0], [1, 1, 2], [0, 2, 3]), shape=(2, 4))
        net = classifier(max_iter=5).fit(X, Y)
        np.testing.assert_allclose(net.predict_proba(twice), net.predict_proba(twice.toarray()))
        net.fit(twice, [0, 1])
        assert twice.nnz == 3  # the caller's matrix is not tidied up behind their back

    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
    def test_frames_and_their_names(self, frame):
        names = ["a", "b", "c", "d"]
        data = frame(dict(zip(names, X.T, strict=True)))
        net = classifier(max_iter=5).fit(data, Y)
        assert list(net.feature_names_in_) == names
        assert np.array_equal(net.theta_, classifier(max_iter=5).fit(X, Y).theta_)
        assert net.score(data, Y) > 0.3

    def test_column_major_and_strided_arrays(self):
        expected = classifier(max_iter=3, batch_size=30).fit(X, Y).theta_
        for variant in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
            net = classifier(max_iter=3, batch_size=30).fit(variant, Y)
            np.testing.assert_array_equal(net.theta_, expected)


class TestPrediction:
    @pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
    @pytest.mark.parametrize("batch_norm", [False, True])
    def test_coefs_and_intercepts_are_the_network_as_it_predicts(self, activation, batch_norm):
        net = classifier(
            hidden_layer_sizes=(7, 6), activation=activation, batch_norm=batch_norm, max_iter=20
        ).fit(X, Y)
        a = X
        for i, (W, b) in enumerate(zip(net.coefs_, net.intercepts_, strict=True)):
            a = a @ W + b
            if i < 2:
                function = ACTIVATIONS[activation]
                function.forward(a, *np.empty((function.n_scratch, *a.shape)))
        np.testing.assert_allclose(a, net.decision_function(X), rtol=1e-5, atol=1e-6)

    def test_blocks_name_theta(self):
        net = classifier(hidden_layer_sizes=(7, 6), max_iter=3).fit(X, Y)
        assert list(net.blocks_) == ["W[1]", "W[2]", "W[3]", "b[1]", "b[2]", "b[3]"]
        for i, (W, b) in enumerate(zip(net.coefs_, net.intercepts_, strict=True), 1):
            assert np.array_equal(net.blocks_[f"W[{i}]"].of(net.theta_), W)
            assert np.array_equal(net.blocks_[f"b[{i}]"].of(net.theta_), b)
        assert sum(np.prod(b.shape) for b in net.blocks_.values()) == len(net.theta_)
        assert net.n_layers_ == 4

    @pytest.mark.parametrize("target", [Y, Y > 0, LABELS], ids=["softmax", "binary", "multilabel"])
    def test_saturated_probabilities_stay_inside_and_in_order(self, target):
        net = classifier().fit(X, target)
        for scale in (1e2, 1e4, 1e8):
            proba, log_proba = net.predict_proba(X * scale), net.predict_log_proba(X * scale)
            assert np.isfinite(log_proba).all()
            assert proba.min() > 0
            assert proba.max() < 1
            order = np.argsort(log_proba, axis=None, kind="stable")
            assert np.all(np.diff(proba.ravel()[order]) >= 0)
        log_proba = np.log(net.predict_proba(X))
        np.testing.assert_allclose(net.predict_log_proba(X), log_proba, atol=1e-12)

    def test_rows_predict_alone_as_together(self):
        net = classifier(max_iter=5).fit(X, Y)
        together = net.predict_proba(X)
        alone = np.vstack([net.predict_proba(X[i : i + 1]) for i in range(20)])
        np.testing.assert_allclose(alone, together[:20], rtol=1e-13)


class TestWeights:
    @pytest.mark.parametrize(
        "parameters",
        [{}, {"dropout": 0.3}, {"batch_norm": True}, {"early_stopping": True}, {"solver": "lbfgs"}],
        ids=str,
    )
    def test_equal_repetition_to_the_bit_in_one_batch(self, parameters):
        weight = np.random.default_rng(0).integers(0, 3, 60)
        rows = np.random.default_rng(1).permutation(np.repeat(np.arange(60) * 2, weight))
        parameters = {"max_iter": 20} | parameters
        weighted = classifier(**parameters).fit(X[:120:2], Y[:120:2], weight)
        repeated = classifier(**parameters).fit(X[rows], Y[rows])
        assert np.array_equal(weighted.theta_, repeated.theta_)

    @pytest.mark.parametrize("batch_size", [1, 7, 150])
    def test_count_globally(self, batch_size):
        """One epoch of plain gradient descent, by hand: no batch cancels its own weights."""
        weight = np.random.default_rng(0).uniform(0.1, 3, 150)
        net = classifier(
            solver="sgd",
            momentum=0.0,
            max_iter=1,
            shuffle=False,
            batch_size=batch_size,
            dtype="float64",
            alpha=0.0,
            learning_rate_init=0.1,
        )
        theta = net.objective(X, Y).theta
        for rows in np.array_split(np.arange(150), -(-150 // batch_size)):
            gradient = net.objective(X, Y, np.where(np.isin(np.arange(150), rows), weight, 0))
            share = weight[rows].sum() / (len(weight[rows]) * weight.mean())
            theta = theta - 0.1 * share * gradient.gradient(theta)
        np.testing.assert_allclose(net.fit(X, Y, weight).theta_, theta, rtol=1e-9, atol=1e-12)

    def test_scale_does_not_matter_without_a_penalty(self):
        weight = np.random.default_rng(0).uniform(0.1, 3, 150)
        nets = [
            classifier(alpha=0.0, dtype="float64", max_iter=5, batch_size=20).fit(X, Y, w)
            for w in (weight, 1000 * weight)
        ]
        np.testing.assert_allclose(nets[0].theta_, nets[1].theta_, rtol=1e-8, atol=1e-12)

    def test_in_score(self):
        net = classifier(max_iter=5).fit(X, Y)
        weight = np.arange(150.0)
        expected = accuracy_score(Y, net.predict(X), sample_weight=weight)
        assert net.score(X, Y, sample_weight=weight) == expected

    def test_in_partial_fit(self):
        """A row's weight counts in comparison with all rows so far, not with its own call."""
        light, heavy = classifier(alpha=0.0), classifier(alpha=0.0)
        for net in (light, heavy):
            net.partial_fit(X, Y, classes=[0, 1, 2])
        light.partial_fit(X[:1], Y[:1], sample_weight=[1e-9])
        heavy.partial_fit(X[:1], Y[:1], sample_weight=[10.0])
        assert light.loss_curve_[1] < 1e-6
        assert heavy.loss_curve_[1] > 0.1


class TestAgainstScikitLearn:
    @pytest.mark.parametrize("target", [Y, Y > 1], ids=["softmax", "logistic"])
    def test_no_hidden_layer_is_logistic_regression(self, target):
        alpha = 3.0
        net = classifier(
            hidden_layer_sizes=(), solver="lbfgs", alpha=alpha, tol=1e-9, max_iter=1000
        ).fit(X, target)
        theirs = LogisticRegression(C=1 / alpha, tol=1e-9, max_iter=1000).fit(X, target)
        np.testing.assert_allclose(net.predict_proba(X), theirs.predict_proba(X), atol=1e-4)

    def test_as_accurate_with_lbfgs(self):
        X_cancer, y = load_breast_cancer(return_X_y=True)
        X_cancer = InputNormalizer().fit_transform(X_cancer)
        net = classifier(solver="lbfgs", alpha=1.0).fit(X_cancer[::2], y[::2])
        assert net.score(X_cancer[1::2], y[1::2]) > 0.95
        assert net.loss_ == net.loss_curve_[-1] < net.loss_curve_[0]
        assert net.n_iter_ == len(net.loss_curve_)

    def test_verbose_prints_as_theirs_does(self, capsys):
        classifier(verbose=True, max_iter=2, early_stopping=True).fit(X, Y)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("Iteration 1, loss = ")
        assert lines[1].startswith("Validation score: ")

    def test_adaptive_rate_falls_until_training_ends(self):
        net = classifier(
            solver="sgd",
            learning_rate="adaptive",
            learning_rate_init=1e-5,
            tol=1.0,
            max_iter=100,
            n_iter_no_change=2,
        ).fit(X, Y)
        # Nothing improves by 1: every three epochs a fifth, 1e-5 -> 2e-6 -> 4e-7 <= 1e-6.
        assert net.n_iter_ < 12
        assert net.history_[-1]["learning_rate"] < 1e-5
