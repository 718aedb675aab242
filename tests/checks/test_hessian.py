"""Hessians and their products with vectors, against gradients."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import BFGS, rosen, rosen_der, rosen_hess, rosen_hess_prod
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from sknn_opt import GradientCheckDisplay, check_hessian

X0 = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
RNG = np.random.default_rng(0)
W = RNG.normal(size=(2, 3))
Q = RNG.normal(size=(6, 6))
Q = Q + Q.T
TREE = {"a": 1.5, "b": np.array([1.0, 2.0])}


def gradient_of_tree(p):
    return {"a": p["b"] @ p["b"], "b": 2 * p["a"] * p["b"]}


def hessian_of_tree(p):
    return {
        "a": {"a": 0.0, "b": 2 * p["b"]},
        "b": {"a": 2 * p["b"], "b": 2 * p["a"] * np.eye(2)},
    }


def product_of_tree(x, p):
    return {"a": 2 * x["b"] @ p["b"], "b": 2 * p["a"] * x["b"] + 2 * x["a"] * p["b"]}


def wrong_blocks(report):
    return [check.block for check in report.blocks if check.verdict == "WRONG"]


KINDS = {
    "dense": np.asarray,
    "list": np.ndarray.tolist,
    **{kind: getattr(sp, f"{kind}_array") for kind in ("csr", "csc", "coo", "dia", "lil")},
    "sparse matrix": sp.csr_matrix,
    "operator": aslinearoperator,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["auto", "real", "complex"])
def test_hessians_of_every_kind(kind, method):
    def hess(x, factor=1.0):
        return KINDS[kind](factor * rosen_hess(x))

    for inputs, options in (
        ((hess, X0), {}),
        ((X0,), {"hess": hess}),
        ((hess(X0), X0), {}),
        ((X0,), {"hessp": lambda x, p: np.asarray(hess(x) @ p) if kind != "list" else hess(x) @ p}),
    ):
        report = check_hessian(rosen_der, *inputs, **options, method=method)
        assert report.passed, report
        assert [check.block for check in report.blocks] == ["x", "symmetry", "all"]
    report = check_hessian(rosen_der, hess, X0, args=(), method=method, rtol=1e-3)
    assert report.passed
    report = check_hessian(lambda x, f: rosen_der(x), hess, X0, args=(1.01,), method=method)
    assert wrong_blocks(report) == ["x", "all"]


def one(H):
    H[1, 2] += 50


def both(H):
    H[1, 2] += 50
    H[2, 1] += 50


def row(H):
    H[3] *= -1


def sign(H):
    H *= -1


def half(H):
    H /= 2


def shifted(H):
    H -= 0.1 * np.eye(5)


def lower(H):
    H[np.triu_indices(5, 1)] = 0


def upper(H):
    H[np.tril_indices(5, -1)] = 0


def inverted(H):
    H[:] = np.linalg.inv(H)


@pytest.mark.parametrize(
    ("change", "hint", "symmetric"),
    [
        (one, r"the Hessian is wrong only in element \[1, 2\]", False),
        (both, "the Hessian is wrong in 2 of 25 elements", True),
        (row, r"the Hessian is wrong only in row 3: \w+ sign", False),
        (sign, "the Hessian .*sign", True),
        (half, "the Hessian .*2 times too small", True),
        (shifted, "the Hessian differs by -0.1 I: the L2 penalty is missing or too small", True),
        (lower, "x comes of a Hessian of which only the lower triangle is filled", False),
        (upper, "x comes of a Hessian of which only the upper triangle is filled", False),
        (inverted, "x comes of the inverse of the Hessian", True),
    ],
)
@pytest.mark.parametrize("kind", ["dense", "csr", "operator", "hessp"])
def test_what_is_wrong_in_a_hessian(change, hint, symmetric, kind):
    def wrong(x):
        H = rosen_hess(x)
        change(H)
        return H

    if kind == "hessp":
        report = check_hessian(rosen_der, X0, hessp=lambda x, p: wrong(x) @ p)
    else:
        report = check_hessian(rosen_der, lambda x: KINDS[kind](wrong(x)), X0)
    assert re.match(hint, report.hints[0])
    assert ("symmetry" in wrong_blocks(report)) is not symmetric
    assert any("not symmetric" in found for found in report.hints) is not symmetric
    assert "x" in wrong_blocks(report)


def test_a_product_with_its_arguments_swapped():
    report = check_hessian(rosen_der, X0, hessp=lambda p, x: rosen_hess_prod(x, p))
    assert report.hints[0] == "x is that of hessp(p, x): the order is hessp(x, p)"


def test_a_field_that_is_no_gradient():
    R = np.random.default_rng(1).normal(size=(5, 5))
    report = check_hessian(lambda x: R @ np.sin(x), lambda x: R * np.cos(x), X0)
    assert report.verdict == "WRONG"
    assert report.hints[0] == "the Hessian is that of grad, which is the gradient of no function"
    S = R + R.T
    assert check_hessian(lambda x: S @ x, lambda x: S, X0).passed


def test_an_approximate_hessian_is_nearly_symmetric():
    H = Q.copy()
    H[0, 1] += 1e-4 * np.linalg.norm(Q)
    report = check_hessian(lambda x: Q @ x, H, np.ones(6), rtol=1e-5)
    assert wrong_blocks(report) == ["x", "symmetry", "all"]
    assert report.hints[-1] == "the Hessian is not symmetric in element [0, 1]"
    assert check_hessian(lambda x: Q @ x, H, np.ones(6), rtol=1e-3).passed
    assert check_hessian(
        lambda x: Q @ x, Q * (1 + 1e-9 * RNG.normal(size=(6, 6))), X0[0] * np.ones(6)
    ).passed


@pytest.mark.parametrize("theta", [2.0, np.float64(2.0), np.array(2.0), [2.0]])
def test_one_parameter(theta):
    for H in (12.0, [12.0], [[12.0]], np.array([[12.0]])):
        assert check_hessian(lambda t: t**3 - 1, lambda t, H=H: H, theta).passed
        assert check_hessian(lambda t: t**4, lambda t, H=H: H, theta).verdict == "WRONG"
    assert check_hessian(lambda t: 3 * t**2, lambda t: 3 * t, theta).verdict == "WRONG"
    assert check_hessian(lambda t: t**3, theta, hessp=lambda t, p: 3 * t**2 * p).passed
    report = check_hessian(lambda t: t**3, theta, hessp=lambda t, p: t**2 * p)
    assert report.verdict == "WRONG"
    found = {"a": {"a": np.reshape(12.0, np.shape(theta) * 2)}}
    assert check_hessian(
        lambda p: {"a": 4 * np.square(p["a"]) - 4 * p["a"]}, found, {"a": theta}
    ).passed


def test_parameters_of_a_matrix():
    for H in (Q, Q.reshape(2, 3, 2, 3), sp.csr_array(Q)):
        assert check_hessian(lambda W: (Q @ W.ravel()).reshape(2, 3), lambda W, H=H: H, W).passed
        report = check_hessian(lambda W: (Q @ W.ravel()).reshape(2, 3), lambda W, H=H: 2 * H, W)
        assert report.verdict == "WRONG"

    def hessp(W, V):
        assert V.shape == (2, 3)
        return (Q @ V.ravel()).reshape(2, 3)

    assert check_hessian(lambda W: (Q @ W.ravel()).reshape(2, 3), W, hessp=hessp).passed


def test_structures():
    def flat(p):
        b = p["b"][None]
        return np.block([[np.zeros((1, 1)), 2 * b], [2 * b.T, 2 * p["a"] * np.eye(2)]])

    assert check_hessian(gradient_of_tree, hessian_of_tree, TREE).passed
    assert check_hessian(gradient_of_tree, flat, TREE).passed
    assert check_hessian(gradient_of_tree, lambda p: sp.csr_array(flat(p)), TREE).passed
    report = check_hessian(gradient_of_tree, TREE, hessp=product_of_tree)
    assert [check.block for check in report.blocks] == ["a", "b", "symmetry", "all"]
    assert report.passed

    def half(p):
        H = hessian_of_tree(p)
        H["a"]["b"] = p["b"]
        return H

    report = check_hessian(gradient_of_tree, half, TREE)
    assert report.verdict == "WRONG"
    assert "symmetry" in wrong_blocks(report)
    assert not any("no function" in hint for hint in report.hints)

    def missing(p):
        H = hessian_of_tree(p)
        del H["b"]["a"]
        return H

    with pytest.raises(ValueError, match="no entry for 'a'"):
        check_hessian(gradient_of_tree, missing, TREE)


def test_structures_at_several_points_with_args():
    def grad(p, c):
        return {name: c * part for name, part in gradient_of_tree(p).items()}

    def hessp(x, p, c):
        return {name: c * part for name, part in product_of_tree(x, p).items()}

    report = check_hessian(grad, TREE, hessp=hessp, args=(3.0,), points=4)
    assert report.passed
    assert [point.name for point in report.points] == ["x0", "point 2", "point 3", "point 4"]


def test_rows_of_every_size_count():
    sizes = np.array([1e6, 1.0, 1e-6])
    x0 = np.array([1.0, 2.0, 3.0])

    def grad(x):
        return sizes * np.sin(x)

    assert check_hessian(grad, lambda x: np.diag(sizes * np.cos(x)), x0).passed
    for k in range(3):
        off = np.where(np.arange(3) == k, 1.1, 1.0)
        report = check_hessian(grad, lambda x, off=off: np.diag(sizes * np.cos(x) * off), x0)
        assert report.verdict == "WRONG"
        assert report.hints == [f"the Hessian is wrong only in element [{k}, {k}]: 1.1 times"]
    # parameters of every size: a Hessian of units 1/x²
    x0 = np.array([1e-4, 1.0, 1e4])
    assert check_hessian(lambda x: 1 / x, lambda x: np.diag(-1 / x**2), x0).passed
    for k in range(3):
        off = np.where(np.arange(3) == k, 1.1, 1.0)
        report = check_hessian(lambda x: 1 / x, lambda x, off=off: np.diag(-off / x**2), x0)
        assert report.verdict == "WRONG"


def test_logistic_regression():
    X, y = RNG.normal(size=(40, 4)), RNG.integers(0, 2, 40)

    def p(w):
        return 1 / (1 + np.exp(-X @ w))

    def grad(w):
        return X.T @ (p(w) - y)

    def hess(w):
        return (X.T * (p(w) * (1 - p(w)))) @ X

    w0 = RNG.normal(size=4)
    assert check_hessian(grad, hess, w0).passed
    assert check_hessian(grad, w0, hessp=lambda w, v: hess(w) @ v).passed
    wrong = check_hessian(grad, lambda w: (X.T * p(w)) @ X, w0)  # the (1 - p) is forgotten
    assert wrong.verdict == "WRONG"
    report = check_hessian(grad, lambda w: hess(w) / 40, w0)
    assert "40 times too small" in report.hints[0]


def test_single_precision():
    def hess(x):
        return rosen_hess(x).astype(np.float32)

    assert check_hessian(rosen_der, hess, X0).passed
    assert check_hessian(rosen_der, hess, X0.astype(np.float32)).passed
    assert check_hessian(rosen_der, lambda x: 1.01 * hess(x), X0).verdict == "WRONG"


def test_large_hessians_stay_sparse():
    n = 3000
    B = sp.random(n, n, density=1e-3, random_state=0)
    B = (B @ B.T).tocsr()
    x0 = np.random.default_rng(0).normal(size=n)

    def grad(x):
        return B @ x + x**3

    assert check_hessian(grad, lambda x: B + sp.diags(3 * x**2), x0).passed
    report = check_hessian(grad, lambda x: sp.triu(B) + sp.diags(3 * x**2), x0)
    assert wrong_blocks(report) == ["x", "symmetry", "all"]

    def hessp(x, p):
        return B @ p + 3 * x**2 * p

    assert check_hessian(grad, x0, hessp=hessp).passed
    operator = LinearOperator((n, n), matvec=lambda p: hessp(x0, p), dtype=float)
    assert check_hessian(grad, operator, x0).passed


def test_a_hessian_can_be_drawn():
    pytest.importorskip("matplotlib")
    display = GradientCheckDisplay.from_report(check_hessian(rosen_der, rosen_hess, X0)).plot()
    assert display.ax_.get_legend_handles_labels()[1] == ["not resolved", "x"]


@pytest.mark.parametrize(
    ("inputs", "options", "error", "message"),
    [
        ((rosen, rosen_hess, X0), {}, TypeError, "gradient first, and that returned a number"),
        (
            (lambda x: (rosen(x), rosen_der(x)), rosen_hess, X0),
            {},
            TypeError,
            r"returned the pair of.*lambda x: fun\(x\)\[1\]",
        ),
        ((X0, rosen_hess, X0), {}, TypeError, "gradient first, a function of x; got ndarray"),
        ((rosen_der, X0, rosen_hess), {}, TypeError, "the order is check_hessian"),
        ((rosen_der, X0), {}, TypeError, "got 1 arguments after the gradient"),
        (
            (rosen_der, X0),
            {"hess": rosen_hess, "hessp": rosen_hess_prod},
            TypeError,
            "got 1 arguments after the gradient and hess and hessp",
        ),
        ((rosen_der, "2-point", X0), {}, TypeError, "an approximation that scipy makes by itself"),
        ((rosen_der, BFGS(), X0), {}, TypeError, "an approximation that scipy makes by itself"),
        ((rosen_der, lambda x: None, X0), {}, TypeError, "Hessian returned None"),
        (
            (rosen_der, lambda x: np.diag(rosen_hess(x)), X0),
            {},
            ValueError,
            r"of shape \(5, 5\); it has shape \(5,\): pass a product with a vector as hessp=",
        ),
        ((rosen_der, np.eye(4), X0), {}, ValueError, r"shape \(5, 5\); it has shape \(4, 4\)\."),
        ((lambda x: rosen_der(x)[:4], rosen_hess, X0), {}, ValueError, r"have the shape of x0"),
        (
            (rosen_der, X0),
            {"hessp": lambda x, p: np.outer(x, p)},
            ValueError,
            r"have the shape of x0, \(5,\); it has shape \(5, 5\)",
        ),
        ((rosen_der, lambda x: rosen_hess(x) + 0j, X0), {}, TypeError, "must be real numbers"),
        ((rosen_der, rosen_hess, X0 * np.nan), {}, ValueError, "x0 holds NaN"),
        ((rosen_der, rosen_hess, X0 + 1j), {}, TypeError, "x0 must be float64.*conventions"),
        ((rosen_der, rosen_hess, X0), {"rtol": 2}, ValueError, "rtol must be"),
        ((rosen_der, rosen_hess, X0), {"points": 0}, ValueError, "points must be"),
        ((rosen_der, np.eye(5), X0), {"points": 3}, ValueError, "points= needs a gradient that"),
        ((rosen_der, lambda x: 1 / 0, X0), {}, ValueError, "The Hessian raised ZeroDivisionError"),
    ],
)
def test_what_is_refused(inputs, options, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        check_hessian(*inputs, **options)
