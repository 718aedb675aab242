"""Residuals with their Jacobian: dense, sparse or an operator, of parameters of every structure."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from sknn_opt import check_gradients

RNG = np.random.default_rng(0)
A = sp.random(30, 10, density=0.3, random_state=0, format="csr")
X0 = RNG.normal(size=10)
X = RNG.normal(size=(5, 3))
W = RNG.normal(size=(3, 2))


def residuals(x):
    return A @ np.sin(x)


def jacobian(x):
    return A @ sp.diags(np.cos(x))


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dok", "dia", "bsr"])
@pytest.mark.parametrize("array", [True, False])
def test_sparse_jacobians_of_every_format(kind, array):
    def found(x):
        made = jacobian(x).asformat(kind)
        return sp.csr_array(made).asformat(kind) if array else made

    for options in ((residuals, found, X0), (residuals, found(X0), X0)):
        report = check_gradients(*options)
        assert report.passed, report
        assert report.notes[0].startswith("30 residuals r with their Jacobian")
    assert check_gradients(lambda x: (residuals(x), found(x)), X0).passed
    assert check_gradients(residuals, lambda x: found(x) * 1.01, X0).verdict == "WRONG"
    with pytest.raises(
        ValueError, match=r"have shape \(30, 10\); it has shape \(10, 30\): it is tr"
    ):
        check_gradients(residuals, lambda x: found(x).T, X0)


def test_a_linear_operator_as_jacobian():
    def operator(x, **ways):
        return LinearOperator(A.shape, matvec=lambda v: jacobian(x) @ v, dtype=float, **ways)

    assert check_gradients(residuals, lambda x: aslinearoperator(jacobian(x)), X0).passed
    assert check_gradients(residuals, aslinearoperator(jacobian(X0)), X0).passed
    assert check_gradients(
        residuals, lambda x: operator(x, rmatvec=lambda v: jacobian(x).T @ v), X0
    ).passed
    report = check_gradients(residuals, lambda x: aslinearoperator(2 * jacobian(x)), X0)
    assert "2 times the right one: a missing 1/2" in report.hints[0]
    with pytest.raises(TypeError, match="LinearOperator without rmatvec.*dense or sparse"):
        check_gradients(residuals, operator, X0)
    with pytest.raises(ValueError, match="it is transposed"):
        check_gradients(residuals, lambda x: aslinearoperator(jacobian(x).T), X0)


def row(J):
    J[3] *= -1


def column(J):
    J[:, 2] *= 2


def element(J):
    J[4, 1] += 0.5


def sign(J):
    J *= -1


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (row, r"the Jacobian is wrong only in row 3: \w+ sign"),
        (column, r"the Jacobian is wrong only in column 2: 2 times"),
        (element, r"the Jacobian is wrong only in element \[4, 1\]"),
        (sign, "the Jacobian .*sign"),
    ],
)
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.coo_array])
def test_what_is_wrong_in_a_jacobian(change, hint, kind):
    B = np.random.default_rng(1).normal(size=(12, 6)) + 3

    def wrong(x):
        J = B * np.cos(x)
        change(J)
        return kind(J)

    report = check_gradients(lambda x: B @ np.sin(x), wrong, X0[:6])
    assert report.verdict == "WRONG"
    assert len(report.hints) == 1
    assert re.match(hint, report.hints[0])


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("place", [(0, 0), (29, 4), (7, 9)])
def test_one_element_of_a_sparse_jacobian(place, scale):
    def wrong(x):
        J = sp.lil_array(scale * jacobian(x))
        J[place] += 0.1 * scale
        return J

    report = check_gradients(lambda x: scale * residuals(x), wrong, X0)
    assert report.verdict == "WRONG"
    assert report.worst(1)[0]["index"] == (place[1],)
    assert f"element {[*place]}" in report.hints[0]


def test_a_jacobian_of_integers():
    def f(x):
        return np.array([x[0] * x[1], x[1] ** 2])

    def whole(x):
        return np.array([[x[1], x[0]], [0, 2 * x[1]]]).astype(int)

    report = check_gradients(f, whole, [1.3, 2.6])
    assert report.hints == ["the Jacobian is an array of integers, which cuts off fractions"]
    assert check_gradients(lambda x: A @ x, (A != 0).astype(int), X0).verdict == "WRONG"
    assert check_gradients(
        lambda x: np.array([x[0] - x[1], x[1]]), [[1, -1], [0, 1]], [0.3, 2]
    ).passed


@pytest.mark.parametrize("kind", [float, np.float64, np.array])
def test_residuals_of_a_number(kind):
    t = np.linspace(0, 1, 7)
    for J in (t, t[:, None], sp.csr_array(t[:, None])):
        assert check_gradients(lambda a: a * t, J, kind(2.0)).passed
        assert check_gradients(lambda a: a * t, 2 * J, kind(2.0)).verdict == "WRONG"
    assert check_gradients(lambda a: [a, 2 * a], lambda a: [1.0, 2.0], kind(2.0)).passed


def test_residuals_of_a_matrix():
    J = np.einsum("nk,ij->nikj", X, np.eye(2))
    for f, found in (
        (lambda W: X @ W, J),
        (lambda W: X @ W, J.reshape(5, 2, 6)),
        (lambda W: (X @ W).ravel(), np.kron(X, np.eye(2))),
        (lambda W: (X @ W).ravel(), sp.csr_array(np.kron(X, np.eye(2)))),
        (lambda W: (X @ W).ravel(), J.reshape(10, 3, 2)),
    ):
        assert check_gradients(f, found, W).passed
        assert check_gradients(f, 3 * found, W).verdict == "WRONG"
    with pytest.raises(ValueError, match=r"of shape \(5, 2\) by .*\(3, 2\) must.*it is transposed"):
        check_gradients(lambda W: X @ W, J.transpose(2, 3, 0, 1), W)
    with pytest.raises(ValueError, match=r"return its .reshape\(5, 2, 3, 2\)"):
        check_gradients(lambda W: X @ W, J.reshape(10, 6), W)


@pytest.mark.parametrize("sparse", [np.asarray, sp.csr_array])
def test_residuals_of_a_structure_with_args(sparse):
    def f(p, X):
        return p["scale"] * (X @ p["W"])[:, 0]

    def slopes(p, X):
        by_W = p["scale"] * np.stack([X, 0 * X], axis=-1).reshape(5, -1)
        return {"scale": (X @ p["W"])[:, 0], "dW": sparse(by_W)}

    x0 = {"scale": 2.0, "W": W}
    assert check_gradients(f, slopes, x0, args=(X,)).passed
    report = check_gradients(f, lambda p, X: slopes(p, X) | {"scale": X[:, 0]}, x0, args=(X,))
    assert [c.block for c in report.blocks if c.verdict == "WRONG"] == ["scale", "all"]
    with pytest.raises(
        ValueError, match=r"The Jacobian 'dW' of 5 residuals.*it has shape \(6, 5\)"
    ):
        check_gradients(f, lambda p, X: slopes(p, X) | {"dW": slopes(p, X)["dW"].T}, x0, args=(X,))


def test_one_residual_and_one_parameter():
    for J in ([[4.0]], sp.csr_array([[4.0]]), [4.0]):
        assert check_gradients(lambda x: x**2, J, [2.0]).passed
    assert check_gradients(lambda x: np.array([x @ x]), lambda x: 2 * x, X0).passed
    assert check_gradients(lambda x: np.array([x @ x]), lambda x: 2 * x[None], X0).passed


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_matrix, sp.coo_array])
def test_sparse_gradients(kind):
    def f(x):
        return x[1] ** 2 + 3 * x[4]

    def slopes(x):
        found = np.zeros(10)
        found[[1, 4]] = 2 * x[1], 3
        return found

    assert check_gradients(f, lambda x: kind(slopes(x)[None]), X0).passed
    assert check_gradients(f, lambda x: kind(slopes(x)[:, None]), X0).passed
    assert check_gradients(f, lambda x: kind(slopes(x)[None] * 2), X0).verdict == "WRONG"
    assert check_gradients(
        lambda W: np.sum(W[1] ** 2), lambda W: kind(W * [[0], [2], [0]]), W
    ).passed


def test_what_is_refused():
    with pytest.raises(TypeError, match="x0 is a sparse csr_matrix: parameters.*dense"):
        check_gradients(lambda x: x.sum(), lambda x: x, A)
    with pytest.raises(TypeError, match="return one real number.*np.diag"):
        check_gradients(np.tanh, lambda x: 1 - np.tanh(x) ** 2, X0)
    with pytest.raises(
        TypeError, match="complex128, though its imaginary part is 0: return its .re"
    ):
        check_gradients(residuals, lambda x: jacobian(x) + 0j * A, X0)
    with pytest.raises(TypeError, match="complex128, and its imaginary part is not 0"):
        check_gradients(np.sum, lambda x: x + 1j, X0)
    with pytest.raises(
        ValueError, match=r"3 residuals by 10 .*shape \(3, 10\); it has shape \(30, 10\)"
    ):
        check_gradients(lambda x: residuals(x)[:3], jacobian, X0)


def test_a_large_sparse_jacobian_stays_sparse():
    B = sp.random(8000, 2000, density=1e-3, random_state=0, format="csr")
    x0 = np.random.default_rng(0).normal(size=2000)
    assert check_gradients(lambda x: B @ np.sin(x), lambda x: B @ sp.diags(np.cos(x)), x0).passed


def test_a_wrong_jacobian_at_the_end_of_a_domain():
    def f(x):
        if np.any(x < 1):
            raise ValueError("outside")
        return np.array([x[0] * x[1], np.log(x[1])])

    def wrong(x):
        return np.array([[x[1], x[0]], [0, 1.7 / x[1]]])

    report = check_gradients(f, wrong, [1.0, 2.0])
    assert report.verdict == "WRONG"
    report = check_gradients(f, wrong, [3.0, 2.0])
    assert report.hints == ["the Jacobian is wrong only in element [1, 1]: 1.7 times"]
