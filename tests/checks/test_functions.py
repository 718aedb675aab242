"""Functions of vectors and dicts: correct ones pass, wrong ones are named, bad input refused."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from sklearn.datasets import load_wine

from sknn_opt import assert_gradients_close, check_gradients

X0 = np.array([1.3, 0.7, 0.8, 1.9, 1.2])


def rosen_pair(x):
    return rosen(x), rosen_der(x)


# The ways to call ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((rosen, rosen_der, X0), {}),
        ((rosen, X0), {"jac": rosen_der}),
        ((rosen_pair, X0), {}),
        ((rosen_pair, X0), {"jac": True}),
        ((rosen, rosen_der(X0), X0), {}),
        ((rosen, rosen_der, X0.tolist()), {}),
    ],
    ids=["fun, grad, x0", "jac", "pair", "jac=True", "array", "list"],
)
@pytest.mark.parametrize("method", ["auto", "real", "complex"])
def test_every_way_to_pass_a_vector_function(args, options, method):
    report = check_gradients(*args, **options, method=method)
    assert report.passed, report
    assert report.relative_error < (1e-7 if method == "real" else 1e-12)
    assert [check.block for check in report.blocks] == ["x", "all"]
    assert report.first_bad_layer is None
    assert report.fault is None


def test_blocks_of_a_vector_are_named():
    blocks = {"first": slice(0, 2), "rest": slice(2, None)}

    def wrong(x):
        gradient = rosen_der(x)
        gradient[2:] *= 3
        return gradient

    report = check_gradients(rosen, wrong, X0, blocks=blocks)
    verdicts = {check.block: check.verdict for check in report.blocks}
    assert verdicts == {"first": "OK", "rest": "WRONG", "all": "WRONG"}
    assert report.fault == "rest"
    assert report.hints == ["rest is 3 times the right one"]


def logistic_regression():
    """The course's style: columns are examples, parameters and gradients are dicts."""
    X, y = load_wine(return_X_y=True)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).T[:, 30:90]
    y = (y[30:90] == 0).astype(float)[np.newaxis]
    m = X.shape[1]

    def forward(p):
        a1 = np.tanh(p["W1"] @ X + p["b1"])
        return a1, 1 / (1 + np.exp(-(p["W2"] @ a1 + p["b2"])))

    def cost(p):
        _, a2 = forward(p)
        return -np.sum(y * np.log(a2) + (1 - y) * np.log(1 - a2)) / m

    def gradients(p):
        a1, a2 = forward(p)
        dz2 = a2 - y
        dz1 = p["W2"].T @ dz2 * (1 - a1**2)
        return {
            "dZ2": dz2,  # a cache beside the gradients, as in the course
            "dW2": dz2 @ a1.T / m,
            "db2": dz2.sum(axis=1, keepdims=True) / m,
            "dW1": dz1 @ X.T / m,
            "db1": dz1.sum(axis=1, keepdims=True) / m,
        }

    rng = np.random.default_rng(0)
    shapes = {"W1": (4, 13), "b1": (4, 1), "W2": (1, 4), "b2": (1, 1)}
    return cost, gradients, {name: 0.3 * rng.normal(size=shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("method", ["auto", "real", "complex"])
def test_a_dict_of_arrays(method):
    cost, gradients, parameters = logistic_regression()
    report = check_gradients(cost, gradients, parameters, method=method)
    assert report.passed, report
    assert [check.block for check in report.blocks] == ["W1", "b1", "W2", "b2", "all"]
    assert [check.layer for check in report.blocks] == [1, 1, 2, 2, None]
    for other in (
        check_gradients(lambda p: (cost(p), gradients(p)), parameters),
        check_gradients(cost, gradients(parameters), parameters),
        check_gradients(cost, parameters, jac=gradients),
        check_gradients(cost, lambda p: {k[1:]: v for k, v in gradients(p).items()}, parameters),
    ):
        assert other.passed


def test_a_dict_with_two_bugs():
    cost, gradients, parameters = logistic_regression()

    def wrong(p):
        found = gradients(p)
        found["dW2"] = 2 * found["dW2"]
        found["db1"] = 4 * found["db1"]
        return found

    report = check_gradients(cost, wrong, parameters)
    verdicts = {check.block: check.verdict for check in report.blocks}
    assert verdicts == {"W1": "OK", "b1": "WRONG", "W2": "WRONG", "b2": "OK", "all": "WRONG"}
    assert report.first_bad_layer == 2
    assert report.fault == "layer 2: W2"
    assert any(hint.startswith("W2 is 2 times the right one: a missing") for hint in report.hints)
    assert "b1 is 4 times the right one" in report.hints
    worst = report.worst(8)
    assert {each["block"] for each in worst} == {"W2", "b1"}
    for each in worst:
        factor = 2 if each["block"] == "W2" else 4
        assert each["analytic"] == pytest.approx(factor * each["numeric"], rel=1e-6)


# Verdicts -----------------------------------------------------------------------------------------


def test_zeros_do_not_pass_by_being_small():
    def f(x):
        return 1e-9 * np.sum(x**2) + np.sum(np.cos(x[:0])) + 1.0

    report = check_gradients(f, lambda x: np.zeros_like(x), np.ones(9), method="real")
    assert not report.passed
    assert report.verdict in ("WRONG", "INCONCLUSIVE")
    report = check_gradients(f, lambda x: 2e-9 * x, np.ones(9), method="real")
    assert report.verdict != "WRONG"


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6, 1e-7])
def test_zeros_are_wrong_where_the_function_moves(size):
    # also where x is small: over the tiniest steps f does not move, which proves no zero
    def f(x):
        return 1.0 + np.sum(np.sin(x))

    for n in (2, 9):
        x0 = size * np.random.default_rng(0).normal(size=n)
        assert check_gradients(f, np.cos, x0).passed
        assert check_gradients(f, lambda x: 0 * x, x0).verdict == "WRONG"


def test_a_block_that_the_function_does_not_feel_may_be_zero():
    report = check_gradients(
        lambda x: x[0] ** 2,
        lambda x: np.array([2 * x[0], 0, 0]),
        np.ones(3),
        blocks={"used": slice(0, 1), "unused": slice(1, 3)},
    )
    assert report.passed


def test_a_constant_function_has_gradient_zero():
    assert check_gradients(lambda x: 3.0, lambda x: np.zeros(5), np.ones(5)).passed
    assert not check_gradients(lambda x: 3.0, lambda x: np.full(5, 1e-3), np.ones(5)).passed


def relu_sum(x):
    return float(np.sum(np.where(x.real > 0, x, 0).real))


def relu_gradient(x):
    return (x > 0).astype(float)


def test_kinks_are_named_and_judged_beside_them():
    at_kink = np.array([0.0, 1.0, -1.0, 2.0, 0.0, 0.0])
    report = check_gradients(relu_sum, relu_gradient, at_kink)
    assert report.verdict == "KINK"
    assert report.passed  # a little beside it the gradient is correct
    assert report.blocks[0].note == "correct a little beside it"

    report = check_gradients(relu_sum, lambda x: 2 * relu_gradient(x), at_kink)
    assert report.verdict == "WRONG"
    assert not report.passed

    # an array cannot be asked beside the kink
    report = check_gradients(relu_sum, relu_gradient(at_kink), at_kink)
    assert report.verdict == "KINK"
    assert not report.passed
    assert "lies on a kink" in report.hints[0]


def test_complex_steps_do_not_decide_on_kinks():
    # one exact zero puts every random direction on a kink of abs, where complex steps see none
    x0 = np.random.default_rng(0).normal(size=10)
    x0[3] = 0

    def f(x):
        return 0.5 * np.sum((x - 1) ** 2) + 10 * np.sum(np.abs(x))

    assert check_gradients(f, lambda x: x - 1, x0).verdict == "WRONG"
    assert check_gradients(f, lambda x: x - 1 + 10 * np.sign(x), x0).passed


@pytest.mark.parametrize("strength", [1e-6, 1e-7, 1e-8])
def test_a_weak_kink_is_no_bug(strength):
    x0 = np.random.default_rng(1).normal(size=5)
    x0[0] = 0

    def f(x):
        return float(np.sum(np.cos(x.real)) + strength * np.sum(np.maximum(x.real, 0)))

    report = check_gradients(f, lambda x: -np.sin(x) + strength * (x > 0), x0)
    assert report.passed, report


@pytest.mark.parametrize("offset", [100, 1000, 10_000])
def test_a_part_of_the_function_may_be_rounded(offset):
    # a loss in float32 beside a penalty in float64: small steps see the penalty alone
    def f(x):
        return float(np.float32(offset + np.sum(np.sin(x)))) + 0.05 * float(x @ x)

    x0 = np.random.default_rng(1).normal(size=5)
    report = check_gradients(f, lambda x: np.cos(x) + 0.1 * x, x0)
    assert report.verdict != "WRONG", report


@pytest.mark.parametrize("frequency", [1e7, 1e8, 1e9, 1e10])
def test_a_function_that_varies_below_the_steps_is_left_open(frequency):
    def f(x):
        return np.sum(x**2) + np.sum(np.sin(frequency * x)) / frequency

    x0 = np.random.default_rng(1).normal(size=5)
    right = check_gradients(f, lambda x: 2 * x + np.cos(frequency * x), x0)
    assert right.verdict != "WRONG"
    blind = check_gradients(f, lambda x: 2 * x, x0)
    assert not blind.passed


def test_a_single_precision_gradient_near_a_minimum():
    rng = np.random.default_rng(1)
    A, b = rng.normal(size=(20, 5)).astype("f"), rng.normal(size=20).astype("f")
    best = np.linalg.lstsq(A, b, rcond=None)[0]

    def f(x):
        return 0.5 * np.sum((A @ x - b) ** 2)

    near = (best + 1e-3).astype("f")
    assert check_gradients(f, lambda x: A.T @ (A @ x - b), near).verdict != "WRONG"
    # float32 inside, though x0 is float64
    far = best.astype(float) + 0.1
    assert check_gradients(f, lambda x: A.T @ (A @ x.astype("f") - b), far).passed


def test_results_of_one_element_count_as_numbers():
    assert check_gradients(lambda x: x**2, lambda x: 2 * x, np.array([1.5])).passed


def test_names_may_look_like_gradients():
    x = np.random.default_rng(1).normal(size=5)
    report = check_gradients(
        lambda p: np.sum(p["x"] ** 2) + np.sum(p["dx"] ** 3),
        lambda p: {"x": 2 * p["x"], "dx": 3 * p["dx"] ** 2},
        {"x": x, "dx": x + 1},
    )
    assert report.passed


def test_an_infinite_gradient_is_wrong_without_a_warning():
    report = check_gradients(lambda x: np.sum(x**2), lambda x: np.inf * x, X0)
    assert report.verdict == "WRONG"


def test_complex_steps_that_lie_are_found_out():
    # np.abs drops the imaginary part without a word
    def f(x):
        return np.sum(x**2) + np.sum(np.abs(x))

    def gradient(x):
        return 2 * x + np.sign(x)

    x0 = np.linspace(0.5, 2, 8)
    report = check_gradients(f, gradient, x0)
    assert report.passed, report
    assert "complex" not in report.points[0].method
    # forgetting the same term as the complex step does not help
    assert check_gradients(f, lambda x: 2 * x, x0).verdict == "WRONG"


def test_a_penalty_by_abs_that_is_tiny_is_not_claimed_to_be_seen():
    def f(x):
        return np.sum(x**2) + 1e-12 * np.sum(np.abs(x))

    report = check_gradients(f, lambda x: 2 * x, np.linspace(0.5, 2, 8))
    assert all(check.resolution > 1e-11 for check in report.blocks)


def test_noise_makes_inconclusive_not_wrong():
    def f(x):
        return float(np.float32(np.sum(np.sin(x))))

    report = check_gradients(f, np.cos, np.linspace(0.1, 1, 20))
    assert report.verdict in ("OK", "INCONCLUSIVE")
    rough = check_gradients(
        lambda x: np.round(np.sum(np.sin(x)), 3), np.cos, np.linspace(0.1, 1, 20)
    )
    assert rough.verdict == "INCONCLUSIVE"
    assert not rough.passed


def test_float32_is_compared_with_float64():
    X = np.random.default_rng(0).normal(size=(30, 8))

    def cost(w):
        return np.sum(np.log1p(np.exp(X.astype(w.dtype) @ w))) / 30

    def gradient(w):
        Xw = X.astype(w.dtype)
        return Xw.T @ (1 / (1 + np.exp(-(Xw @ w)))) / w.dtype.type(30)

    w0 = np.random.default_rng(1).normal(size=8).astype(np.float32)
    report = check_gradients(cost, gradient, w0)
    assert report.passed, report
    assert "float32 against float64" in report.points[0].method
    assert 1e-9 < report.relative_error < 1e-5
    assert not check_gradients(cost, lambda w: 1.001 * gradient(w), w0).passed


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_the_minimum_is_never_wrong(offset):
    x0 = np.ones(6) + 1e-9 * offset
    report = check_gradients(lambda x: np.sum((x - 1) ** 2), lambda x: 2 * (x - 1), x0)
    assert report.verdict != "WRONG"


def test_elements_of_different_orders_of_magnitude():
    unit = np.logspace(-6, 6, 12)
    x0 = np.random.default_rng(0).normal(size=12) / unit

    def gradient(x):
        return np.cos(x * unit) * unit

    report = check_gradients(lambda x: np.sum(np.sin(x * unit)), gradient, x0, method="real")
    assert report.passed, report
    for k in (0, 5, 11):

        def wrong(x, k=k):
            found = gradient(x)
            found[k] *= 1.5
            return found

        report = check_gradients(lambda x: np.sum(np.sin(x * unit)), wrong, x0, method="real")
        assert report.verdict == "WRONG"
        assert report.worst(1)[0]["index"] == (k,)


def test_steps_out_of_the_domain_are_silent():
    # warnings are errors here: log of a negative number would raise
    x0 = np.array([1e-2, 2.0, 3.0, 4.0, 5.0])
    report = check_gradients(lambda x: np.sum(np.log(x)), lambda x: 1 / x, x0, method="real")
    assert report.passed, report


def test_complex_steps_alone_do_not_evaluate_at_other_points():
    points = []

    def f(x):
        points.append(x.real)
        return np.sum(x**3)

    assert check_gradients(f, lambda x: 3 * x**2, X0, method="complex").passed
    assert all(np.array_equal(point, X0) for point in points)


def test_few_evaluations_are_enough():
    cost, gradients, parameters = logistic_regression()
    n_calls = 0

    def counted(p):
        nonlocal n_calls
        n_calls += 1
        return cost(p)

    report = check_gradients(counted, gradients, parameters)
    assert report.n_evaluations <= n_calls <= 100


# Bad input ----------------------------------------------------------------------------------------


def in_place(x):
    x *= 2
    return float(np.sum(x))


def raises_midway():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        if calls > 15:
            raise ZeroDivisionError("inside")
        return float(np.sum(x**2))

    return f


def random_value(rng=np.random.default_rng(0)):  # noqa: B008
    return lambda x: float(np.sum(x)) + rng.normal()


def double(x):
    return 2 * x


def square(x):
    return float(np.sum(x**2))


@pytest.mark.parametrize(
    ("fun", "grad", "x0", "error", "message"),
    [
        (lambda x: x, double, X0, TypeError, r"one real number.*array of shape \(5,\)"),
        (lambda x: np.sum(x) + 0j, double, X0, TypeError, "must return a real number"),
        (lambda x: "0.5", double, X0, TypeError, "one real number.*str"),
        (lambda x: None, double, X0, TypeError, "function returned None: is a return missing"),
        (lambda x: np.nan, double, X0, ValueError, "The function is nan at x0"),
        (lambda x: np.inf, double, X0, ValueError, "The function is inf at x0"),
        (square, lambda x: x[:3], X0, ValueError, r"shape of x0, \(5,\); it has shape \(3,\)"),
        (square, lambda x: x[None], X0, ValueError, r"it has shape \(1, 5\)"),
        (square, lambda x: x + 0j, X0, TypeError, "real numbers; it has dtype complex128"),
        (square, lambda x: None, X0, TypeError, "gradient returned None: is a return missing"),
        (square, double, np.arange(5), TypeError, "x0 has dtype int64.*astype"),
        (square, double, np.ones(5, bool), TypeError, "x0 has dtype bool"),
        (square, double, X0 + 0j, TypeError, "float64 or float32"),
        (square, double, np.array(["a"]), TypeError, "float64 or float32"),
        (square, double, np.full(3, np.nan), ValueError, "NaN or infinity"),
        (square, double, np.ones(0), ValueError, "at least one element"),
        (square, double, [[1.0], [1.0, 2.0]], ValueError, "x0 must be an array"),
        (in_place, double, X0, ValueError, "The function changes its argument.*Work on a copy"),
        (square, in_place, X0, ValueError, "The gradient changes its argument"),
        (random_value(), double, X0, ValueError, "The function is random.*reset the seed"),
        (square, lambda x: 2 * x + np.random.normal(), X0, ValueError, "The gradient is random"),  # noqa: NPY002
        (square, True, X0, TypeError, "must return the pair"),
        (square, False, X0, TypeError, "jac=False"),
    ],
)
def test_bad_functions_are_refused_in_one_sentence(fun, grad, x0, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        check_gradients(fun, grad, x0)


def test_an_error_of_the_function_passes_through_with_its_block():
    blocks = {"a": slice(0, 2), "b": slice(2, 5)}
    with pytest.raises(ZeroDivisionError, match="inside") as caught:
        check_gradients(raises_midway(), double, X0, blocks=blocks)
    assert caught.value.__notes__ == ["raised by the function while block 'a' was checked"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda p, g: (p, {"dW1": g["dW1"]}), ValueError, "no entry for 'b1': neither 'db1' nor"),
        (lambda p, g: (p, {**g, "dW1": g["dW1"].T}), ValueError, r"'dW1'.* it has shape \(3, 2\)"),
        (lambda p, g: (p, {**g, "db1": g["db1"] + 0j}), TypeError, "'db1' must be real"),
        (lambda p, g: (p, [1, 2]), TypeError, "must be a dict as well; got list"),
        (lambda p, g: ({}, {}), ValueError, "dict of parameters is empty"),
        (lambda p, g: ({**p, "W1": np.ones((2, 3), int)}, g), TypeError, "'W1' has dtype int64"),
        (lambda p, g: ({**p, "W1": np.ones((0, 3))}, g), ValueError, "'W1' is empty"),
    ],
)
def test_bad_dicts_are_refused_in_one_sentence(change, error, message):
    parameters = {"W1": np.ones((2, 3)), "b1": np.ones((2, 1))}
    gradients = {"dW1": np.ones((2, 3)), "db1": np.ones((2, 1))}
    parameters, gradients = change(parameters, gradients)
    with pytest.raises(error, match=message):
        check_gradients(lambda p: sum(v.sum() for v in p.values()), gradients, parameters)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"a": slice(0, 3)}, "element 3 lies in 0 blocks"),
        ({"a": slice(0, 4), "b": slice(3, 5)}, "element 3 lies in 2 blocks"),
        ({"a": slice(0, 5, 2)}, "step 1"),
        ({"a": slice(2, 2), "b": slice(0, 5)}, "'a' must be a slice"),
        ({"a": (slice(0, 5), (2, 2))}, r"'a' has 5 elements.*\(2, 2\)"),
    ],
)
def test_bad_blocks_are_refused(blocks, message):
    with pytest.raises(ValueError, match=message):
        check_gradients(square, double, X0, blocks=blocks)


def test_arguments_that_do_not_belong_together():
    with pytest.raises(TypeError, match=r"is a function: the order is check_gradients\(fun, grad"):
        check_gradients(square, X0, double)
    with pytest.raises(TypeError, match="blocks must be a dict.*got list"):
        check_gradients(square, double, X0, blocks=["a"])
    with pytest.raises(TypeError, match="Block 'a' must be a slice of x0; got int"):
        check_gradients(square, double, X0, blocks={"a": 3})
    with pytest.raises(TypeError, match="got 0 arguments after the function"):
        check_gradients(square)
    with pytest.raises(TypeError, match="got 3 arguments after the function"):
        check_gradients(square, double, X0, X0)
    with pytest.raises(TypeError, match="burn_in=3 does not apply"):
        check_gradients(square, double, X0, burn_in=3)
    with pytest.raises(TypeError, match="sample_weight=.* does not apply"):
        check_gradients(square, double, X0, sample_weight=[1])
    with pytest.raises(TypeError, match="a dict names its own"):
        check_gradients(square, double, {"x": X0}, blocks={"x": slice(0, 5)})
    with pytest.raises(ValueError, match="method must be one of.*'complex'"):
        check_gradients(square, double, X0, method="elements")
    with pytest.raises(ValueError, match="method='complex' needs a function that takes complex"):
        check_gradients(square, double, X0, method="complex")
    with pytest.raises(ValueError, match="method='complex' needs a function that takes complex"):
        check_gradients(lambda x: np.sum(x.real**2), double, X0, method="complex")
    with pytest.raises(TypeError, match="got int"):
        check_gradients(3, X0)


def test_assert_gradients_close():
    assert assert_gradients_close(rosen, rosen_der, X0).passed
    with pytest.raises(AssertionError, match="(?s)WRONG.*the sign is wrong"):
        assert_gradients_close(rosen, lambda x: -rosen_der(x), X0)
