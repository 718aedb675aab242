"""What people of several fields bring: unequal units, single blocks, columns of one sign."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sknn_opt import MLPClassifier, check_gradients, check_hessian

RNG = np.random.default_rng(0)
A = RNG.normal(size=(30, 7))
SEEN = RNG.normal(size=30)
UNITS = 10.0 ** np.linspace(-18, 18, 7)
X0 = UNITS * np.array([0.7, -1.1, 0.4, 1.3, -0.6, 0.9, 1.2])


def misfit(x):
    return 0.5 * np.sum((A @ (x / UNITS) - SEEN) ** 2)


def slope(x):
    return A.T @ (A @ (x / UNITS) - SEEN) / UNITS


@pytest.mark.parametrize("k", [0, 3, 6])
@pytest.mark.parametrize("off", [1.01, -1.0, 3.0])
def test_in_unequal_units_one_wrong_element_is_named(k, off):
    factors = np.where(np.arange(7) == k, off, 1.0)
    report = check_gradients(misfit, lambda x: factors * slope(x), X0)
    how = "the sign" if off == -1 else f"{off:.4g} times"
    assert report.hints == [f"x is wrong only in element [{k}]: {how}"]


def test_in_unequal_units_a_factor_of_all_is_named():
    assert check_gradients(misfit, slope, X0).verdict == "OK"
    report = check_gradients(misfit, lambda x: 2 * slope(x), X0)
    assert report.hints[0].startswith("x is 2 times the right one")


def test_units_that_are_forgotten_are_no_single_factor():
    report = check_gradients(misfit, lambda x: UNITS * slope(x), X0)
    assert report.hints == ["x is wrong in all elements but 3"]


@pytest.mark.parametrize("k", [0, 3, 6])
def test_hessian_in_unequal_units(k):
    H = (A / UNITS).T @ (A / UNITS)
    wrong = H.copy()
    wrong[k, k] *= 1.1
    assert check_hessian(slope, H, X0).verdict == "OK"
    report = check_hessian(slope, wrong, X0)
    assert report.hints == [f"the Hessian is wrong only in element [{k}, {k}]: 1.1 times"]
    report = check_hessian(slope, H + np.diag(UNITS**-2.0), X0)
    assert report.hints == ["the Hessian is wrong only on the diagonal"]


def test_an_asymmetric_gradient_is_still_told():
    B = np.array([[1.0, 2.0], [0.5, 3.0]])
    report = check_hessian(lambda x: B @ x, B, np.array([1.0, 2.0]))
    assert any("the gradient of no function" in hint for hint in report.hints)


def test_a_hessian_wrong_everywhere_says_in_how_many_elements():
    X = np.random.default_rng(1).normal(size=(40, 4))

    def grad(b):
        return X.T @ np.tanh(X @ b)

    report = check_hessian(grad, X.T @ X / 4, np.array([0.3, -0.2, 0.5, 0.1]))
    assert report.hints[0].startswith("the Hessian is wrong in 16 of 16 elements, most in [")


@pytest.mark.parametrize(
    ("factor", "how"), [(-1, "the sign"), (0, "zero"), (2, "2 times"), (-2, "-2 times")]
)
def test_a_column_of_one_sign_is_no_absolute_value(factor, how):
    t = np.linspace(0, 3, 20)

    def jacobian(p):
        decay = np.exp(-p[1] * t)
        return np.column_stack([decay, factor * -p[0] * t * decay, np.ones_like(t)])

    report = check_gradients(
        lambda p: p[0] * np.exp(-p[1] * t) + p[2], jacobian, np.array([2.0, 1.1, 0.3])
    )
    assert report.hints == [f"the Jacobian is wrong only in column 1: {how}"]


def test_a_constant_is_no_factor_and_penalty():
    x = np.array([120.0, 30.0, 250.0, 77.0, 5.0])
    report = check_gradients(lambda x: 0.5 * np.sum((x - 100) ** 2), lambda x: x - 101, x)
    assert report.hints == ["x differs by -1 in each element"]


def test_a_single_block_of_a_dict_is_at_fault():
    def cost(p):
        return np.sum(np.cosh(p["beta"]))

    report = check_gradients(
        cost, lambda p: {"beta": np.cosh(p["beta"])}, {"beta": np.array([0.2, 0.5, -0.9])}
    )
    assert report.fault == "beta"
    report = check_gradients(lambda x: np.sum(np.cosh(x)), np.cosh, np.array([0.2, 0.5, -0.9]))
    assert report.fault is None  # there is but one block, and it has no name


def test_a_block_of_zeros_may_have_canceled_out():
    report = check_gradients(
        lambda x: np.sum(x**2), lambda x: 2 * x - 2 * x, np.array([0.4, -1.0, 2.0])
    )
    assert report.hints == [
        "x is all zero: never written, overwritten, cut off from the loss, or canceled out"
    ]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_dead_units_over_balanced_classes_leave_rounding(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[:: 50 // 5][: 5 * n_classes], y[:: 50 // 5][: 5 * n_classes]
    report = check_gradients(MLPClassifier((4,), random_state=2), X, y)
    assert report.verdict == "OK", str(report)


def test_dead_units_over_other_counts_of_classes():
    X, y = load_iris(return_X_y=True)
    report = check_gradients(MLPClassifier((4,), random_state=2), X[:90:10], y[:90:10])
    assert report.verdict == "OK", str(report)


@pytest.mark.parametrize("factor", [1e12, 6.2e18, 1e-18])
def test_however_large_a_factor_f_is_not_flat(factor):
    k = np.array([0.3, 1.0, 0.1, 2.0]) * 1e-21
    x = np.array([1.0, -2.0, 0.7, 3.0]) * 1e-11
    report = check_gradients(lambda x: 0.5 * k @ x**2, lambda x: factor * k * x, x)
    assert len(report.hints) == 1
    assert report.hints[0].startswith(f"x is {factor:.6g} times the right one")
    one = np.array([1, 1, factor, 1])
    report = check_gradients(lambda x: 0.5 * k @ x**2, lambda x: one * k * x, x)
    assert not any("does not change" in hint for hint in report.hints)


def test_a_triangle_of_a_hessian_is_said_once():
    H = A.T @ A
    report = check_hessian(lambda x: H @ x, np.tril(H), np.ones(7))
    assert [hint.split()[-1] for hint in report.hints[:1]] == ["filled"]
    assert not any(" elements" in hint for hint in report.hints)
