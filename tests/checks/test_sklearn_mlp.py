"""scikit-learn's own MLP under the checker, which finds its one gradient that is wrong."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import __version__
from sklearn.datasets import load_diabetes, load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sknn_opt import MLPClassifier as OurMLPClassifier
from sknn_opt import check_gradients
from sknn_opt.checks.gradients.readers.sklearn_mlp import read_sklearn_mlp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X, Y = ((X - X.mean(axis=0)) / X.std(axis=0))[::8], Y[::8]
D, T = load_diabetes(return_X_y=True)
D, T = 20 * D[:20], T[:20] / 100
takes_weights = tuple(map(int, __version__.split(".")[:2])) >= (1, 7)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_classifier_at_both_points(activation, solver):
    mlp = MLPClassifier((6, 5), activation=activation, solver=solver, max_iter=20, random_state=0)
    report = check_gradients(mlp.fit(X, Y), X, Y)
    assert [point.name for point in report.points] == ["initial weights", "fitted weights"]
    start, end = (point.blocks for point in report.points)
    assert all(check.passed for check in start), report
    # at a minimum that lbfgs has found there may be too little gradient left to tell
    assert "WRONG" not in {check.verdict for check in end}, report


@pytest.mark.parametrize(
    ("mlp", "data", "target"),
    [
        (MLPClassifier((6,), random_state=0), X, Y == 1),
        (MLPClassifier((6,), random_state=0), X, np.column_stack([Y > 0, Y > 1]).astype(int)),
        (MLPClassifier((6,), random_state=0), csr_array(X), Y),
        (MLPRegressor(hidden_layer_sizes=(6,), random_state=0, alpha=1.0), D, T),
    ],
    ids=["binary", "multilabel", "sparse", "regressor"],
)
def test_other_targets(mlp, data, target):
    report = check_gradients(mlp, data, target)
    assert report.passed, report
    assert not hasattr(mlp, "coefs_")


@pytest.mark.skipif(not takes_weights, reason="scikit-learn 1.7 brought sample_weight")
def test_sample_weight():
    weight = np.linspace(0.5, 2, len(Y))
    assert check_gradients(MLPClassifier((6,), random_state=0), X, Y, weight).passed


def test_the_gradient_of_several_outputs_is_not_that_of_the_loss():
    # Its loss is averaged over the outputs, its gradient summed: scikit-learn's issue 8349.
    targets = np.column_stack([T, -T, T**2])
    mlp = MLPRegressor(hidden_layer_sizes=(6, 5), activation="tanh", random_state=0)
    report = check_gradients(mlp, D, targets)
    assert report.verdict == "WRONG"
    assert report.first_bad_layer == 3
    assert "the gradient of the loss may be" in report.fault
    assert all("are 3 times the right one" in hint for hint in report.hints)
    assert set(", ".join(hint.partition(" are ")[0] for hint in report.hints).split(", ")) == {
        *("W[1]", "W[2]", "W[3]", "b[1]", "b[2]", "b[3]")
    }


def test_the_gradient_is_exact():
    # the same weights in a network of ours
    mlp = MLPClassifier((6, 5), activation="tanh", random_state=0)
    (problem,) = read_sklearn_mlp(mlp, X, Y)
    ours = OurMLPClassifier((6, 5), activation="tanh").objective(X, Y)
    assert list(ours.blocks) == list(problem.blocks)
    value, gradient = ours.value_and_gradient(problem.x0)
    assert problem.value(problem.x0) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(problem.gradient(problem.x0), gradient, rtol=1e-9, atol=1e-14)


def test_a_fitted_one_is_not_changed():
    mlp = MLPClassifier((6,), random_state=0, max_iter=5).fit(X, Y)
    before = [w.copy() for w in (*mlp.coefs_, *mlp.intercepts_)]
    parameters, loss = mlp.get_params(), mlp.loss_
    check_gradients(mlp, X, Y)
    assert mlp.get_params() == parameters
    assert mlp.loss_ == loss
    for array, old in zip((*mlp.coefs_, *mlp.intercepts_), before, strict=True):
        assert np.array_equal(array, old)


def test_data_that_fails_validation_fails_as_in_fit():
    with pytest.raises(ValueError, match="NaN"):
        check_gradients(MLPClassifier((6,)), np.full((5, 2), np.nan), [0, 1, 0, 1, 0])
    with pytest.raises(TypeError, match="X and y"):
        check_gradients(MLPClassifier((6,)), X)
