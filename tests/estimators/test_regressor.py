"""MLPRegressor: one output and several, squared error and Poisson, against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.metrics import mean_poisson_deviance, r2_score

from sknn_opt import InputNormalizer, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_diabetes(return_X_y=True)
X = InputNormalizer().fit_transform(X)
Y = (Y - Y.mean()) / Y.std()
TWO = np.column_stack([Y, X[:, 2] - Y])
COUNTS = np.round(np.exp(1 + 0.5 * Y))


def regressor(**parameters):
    return MLPRegressor(**{"hidden_layer_sizes": (10,), "random_state": 0} | parameters)


@pytest.mark.parametrize("target", [Y, TWO], ids=["one output", "two outputs"])
def test_no_hidden_layer_is_ridge_regression(target):
    alpha = 20.0
    net = regressor(
        hidden_layer_sizes=(), solver="lbfgs", alpha=alpha, tol=1e-10, normalize_target=False
    ).fit(X, target)
    theirs = Ridge(alpha=alpha).fit(X, target)
    np.testing.assert_allclose(net.predict(X), theirs.predict(X), atol=1e-4)
    np.testing.assert_allclose(net.coefs_[0].squeeze(), theirs.coef_.T, atol=1e-4)


def test_no_hidden_layer_is_poisson_regression():
    alpha = 0.1
    net = regressor(
        hidden_layer_sizes=(),
        loss="poisson",
        solver="lbfgs",
        alpha=alpha * len(X),
        tol=1e-10,
        normalize_target=False,
    ).fit(X, COUNTS)
    theirs = PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=1000).fit(X, COUNTS)
    np.testing.assert_allclose(net.predict(X), theirs.predict(X), rtol=1e-3)
    assert net.out_activation_ == "exp"


def test_the_loss_is_half_the_squared_error_summed_over_outputs():
    net = regressor(alpha=0.0, solver="lbfgs", max_iter=5, normalize_target=False).fit(X, TWO)
    half = 0.5 * np.mean(np.sum((net.predict(X) - TWO) ** 2, axis=1))
    assert net.loss_ == pytest.approx(half, rel=1e-9)
    assert net.objective(X, TWO).value(net.theta_) == pytest.approx(half, rel=1e-9)


def test_the_loss_is_half_the_poisson_deviance():
    net = regressor(
        loss="poisson", alpha=0.0, solver="lbfgs", max_iter=5, normalize_target=False
    ).fit(X, COUNTS)
    half = mean_poisson_deviance(COUNTS, net.predict(X)) / 2
    assert net.loss_ == pytest.approx(half, rel=1e-9)


def test_the_penalty_is_alpha_over_twice_the_rows():
    net = regressor(solver="lbfgs", max_iter=3).fit(X, Y)
    plain = regressor(alpha=0.0).objective(X, Y)
    value = net.set_params(alpha=7.0).objective(X, Y).value(net.theta_)
    squares = sum(np.sum(W**2) for W in net.coefs_)
    assert value == pytest.approx(plain.value(net.theta_) + 7.0 / (2 * len(X)) * squares)


@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop", "sgd", "lbfgs"])
@pytest.mark.parametrize("target", [Y, TWO], ids=["one output", "two outputs"])
def test_every_solver_learns(solver, target):
    net = regressor(solver=solver, learning_rate_init=0.01, max_iter=60, alpha=0.1).fit(X, target)
    prediction = net.predict(X)
    assert prediction.shape == target.shape
    assert r2_score(target, prediction) > 0.45
    assert net.n_outputs_ == (1 if target.ndim == 1 else 2)


def test_adamw_shrinks_weights_but_not_biases():
    def norms(decay):
        net = regressor(solver="adamw", weight_decay=decay, max_iter=50).fit(X, Y + 5)
        return sum(np.sum(W**2) for W in net.coefs_), sum(np.sum(b**2) for b in net.intercepts_)

    (weights, biases), (shrunk, shrunk_biases) = norms(0.0), norms(5.0)
    assert shrunk < 0.5 * weights
    assert shrunk_biases > 0.5 * biases


def test_one_column_warns_and_becomes_one_dimensional():
    with pytest.warns(DataConversionWarning):
        net = regressor(max_iter=2).fit(X, Y[:, np.newaxis])
    assert net.predict(X).shape == (len(X),)


def test_frames_of_several_targets():
    data = load_linnerud(as_frame=True)
    net = regressor(max_iter=5).fit(data.data, data.target)
    assert net.predict(data.data).shape == data.target.shape
    assert list(net.feature_names_in_) == list(data.data.columns)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, int])
def test_dtypes_of_the_target(dtype):
    net = regressor(max_iter=3).fit(X, COUNTS.astype(dtype))
    expected = regressor(max_iter=3).fit(X, COUNTS)
    np.testing.assert_allclose(net.predict(X), expected.predict(X), rtol=1e-6)


@pytest.mark.parametrize("parameters", [{}, {"loss": "poisson"}, {"batch_norm": True}], ids=str)
def test_integer_weights_equal_repetition_to_the_bit_in_one_batch(parameters):
    weight = np.random.default_rng(0).integers(0, 4, 60)
    rows = np.repeat(np.arange(60), weight)
    weighted = regressor(max_iter=20, **parameters).fit(X[:60], COUNTS[:60], weight)
    repeated = regressor(max_iter=20, **parameters).fit(X[rows], COUNTS[rows])
    assert np.array_equal(weighted.theta_, repeated.theta_)


def test_weights_equal_repetition_with_lbfgs_on_any_size():
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    rows = np.repeat(np.arange(len(X)), weight)
    parameters = {"solver": "lbfgs", "alpha": 5.0, "tol": 1e-8, "hidden_layer_sizes": ()}
    weighted = regressor(**parameters).fit(X, Y, weight)
    repeated = regressor(**parameters).fit(X[rows], Y[rows])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-6)


def test_sparse_and_frame_inputs_agree_with_dense():
    blanked = np.where(np.abs(X) < 0.5, 0, X)
    dense, sparse, frame = (
        regressor(max_iter=5, dtype="float64").fit(data, Y)
        for data in (blanked, csr_array(blanked), pd.DataFrame(blanked))
    )
    np.testing.assert_allclose(sparse.predict(blanked), dense.predict(blanked), rtol=1e-6)
    assert np.array_equal(frame.theta_, dense.theta_)


def test_partial_fit_learns():
    net = regressor(learning_rate_init=0.01)
    for _ in range(40):
        for chunk in np.array_split(np.arange(len(X)), 4):
            net.partial_fit(X[chunk], Y[chunk], sample_weight=np.ones(len(chunk)))
    assert net.score(X, Y) > 0.45
    assert net.n_iter_ == len(net.loss_curve_) == 160
