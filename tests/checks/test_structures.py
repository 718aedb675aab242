"""Parameters of every structure: taken as they are, gradients in the same one, misfits named."""

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from sknn_opt import assert_gradients_close, check_gradients

RNG = np.random.default_rng(0)
X, W, b = RNG.normal(size=(7, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
Pair = namedtuple("Pair", "W b")


@dataclass(frozen=True)
class Layer:
    W: np.ndarray
    b: np.ndarray

    def __getitem__(self, k):
        return (self.W, self.b)[k]


def blocks_of(report):
    return {check.block: check.verdict for check in report.blocks if check.block != "all"}


# Numbers ------------------------------------------------------------------------------------------


def test_the_number_of_the_course():
    report = check_gradients(lambda theta, x: theta * x, lambda theta, x: x, 4.0, args=(3.0,))
    assert report.passed
    assert blocks_of(report) == {"x": "OK"}


@pytest.mark.parametrize(
    ("theta", "kind"),
    [
        (2.0, float),
        (2, float),
        (np.float64(2), np.float64),
        (np.float32(2), np.float64),  # values are taken in double precision
        (np.array(2.0), np.ndarray),
    ],
)
@pytest.mark.parametrize("method", ["auto", "real", "complex"])
def test_a_number_stays_a_number(theta, kind, method):
    seen = set()

    def cube(t):
        seen.add(type(t))
        assert np.shape(t) == ()
        return t**3

    report = check_gradients(cube, lambda t: 3 * t**2, theta, method=method)
    assert report.passed, report
    complex_kind = {float: complex, np.float64: np.complex128, np.ndarray: np.ndarray}[kind]
    assert seen <= {kind, complex_kind}
    assert kind in seen
    wrong = check_gradients(cube, lambda t: 2 * t**2, theta, method=method)
    assert wrong.verdict == "WRONG"
    (worst,) = [each for each in wrong.worst() if each["block"] == "x"]
    assert worst["index"] == ()
    assert worst["numeric"] == pytest.approx(12, rel=1e-5)
    assert "+1.2" in str(wrong)


@pytest.mark.parametrize("gradient", [12.0, 12, np.array(12.0), np.array([12.0]), [[12.0]]])
def test_a_gradient_of_one_element_fits_a_number(gradient):
    assert check_gradients(lambda t: t**3, lambda t: gradient, 2.0).passed
    assert check_gradients(lambda x: x[0] ** 3, lambda x: 12.0, [2.0]).passed


# Arrays and structures ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3), (1, 4), (5, 1), (1, 1), (2, 3, 4), (2, 1, 2, 2)])
def test_arrays_of_any_shape(shape):
    def quartic(W):
        assert W.shape == shape
        return np.sum(W**4)

    W = np.random.default_rng(1).normal(size=shape) + 2
    assert check_gradients(quartic, lambda W: 4 * W**3, W).passed
    assert check_gradients(quartic, 4 * W**3, W).passed
    assert check_gradients(lambda W: (quartic(W), 4 * W**3), W).passed

    def wrong(W):
        gradient = 4 * W**3
        gradient[(-1,) * W.ndim] *= 1.1
        return gradient

    report = check_gradients(quartic, wrong, W)
    assert report.verdict == "WRONG"
    assert report.worst(1)[0]["index"] == tuple(n - 1 for n in shape)


def test_nested_lists_of_numbers_are_an_array():
    report = check_gradients(lambda W: np.sum(W**2), lambda W: 2 * W, [[1, 2.5], (3, 4)])
    assert report.passed
    assert report.blocks[0].shape == (2, 2)


def cost(W, b):
    return np.sum(np.tanh(X @ W + b) ** 2)


def slopes(W, b):
    a = np.tanh(X @ W + b)
    delta = 2 * a * (1 - a**2)
    return X.T @ delta, delta.sum(axis=0)


@pytest.mark.parametrize(
    ("x0", "names"),
    [
        ([W, b], ["x[0]", "x[1]"]),
        ((W, b), ["x[0]", "x[1]"]),
        (Pair(W, b), ["W", "b"]),
        (Layer(W, b), ["W", "b"]),
        ([W, b.tolist()], ["x[0]", "x[1]"]),
    ],
    ids=["list", "tuple", "named tuple", "data class", "list in a list"],
)
@pytest.mark.parametrize("method", ["auto", "real", "complex"])
def test_rows_of_arrays(x0, names, method):
    def f(p):
        assert type(p) is type(x0)
        assert isinstance(p[1], np.ndarray)
        return cost(p[0], p[1])

    assert list(blocks_of(check_gradients(f, lambda p: slopes(*p), x0, method=method))) == names
    for gradient in (
        lambda p: slopes(*p),
        lambda p: [*slopes(*p)],
        lambda p: Pair(*slopes(*p)),
        slopes(W, b),
    ):
        assert check_gradients(f, gradient, x0, method=method).passed
    report = check_gradients(f, lambda p: (slopes(*p)[0], 3 * slopes(*p)[1]), x0, method=method)
    assert blocks_of(report) == dict(zip(names, ["OK", "WRONG"], strict=True))
    assert report.fault == names[1]  # the place in a list is no layer


def test_a_gradient_with_the_fields_of_its_parameters():
    for kind in (Pair, Layer):
        for gradient in (lambda p: kind(*slopes(p.W, p.b)), lambda p: slopes(p.W, p.b)):  # noqa: B023
            assert check_gradients(lambda p: cost(p.W, p.b), gradient, kind(W, b)).passed
    with pytest.raises(TypeError, match="must be a Layer of 2, as the parameters are; got dict"):
        check_gradients(lambda p: cost(p.W, p.b), lambda p: {"W": W, "b": b}, Layer(W, b))
    with pytest.raises(TypeError, match="must be a list of 2, as the parameters are; got Layer"):
        check_gradients(lambda p: cost(*p), lambda p: Layer(*slopes(*p)), [W, b])


def test_an_array_of_equal_gradients_fits_a_list():
    x0 = [np.ones(3), np.full(3, 2.0)]
    gradient = np.array([2 * np.ones(3), 3 * np.full(3, 4.0)])
    assert check_gradients(lambda p: np.sum(p[0] ** 2) + np.sum(p[1] ** 3), gradient, x0).passed


@pytest.mark.parametrize(
    "x0",
    [
        {"W": W, "b": b},
        OrderedDict(W=W, b=b),
        defaultdict(list, W=W, b=b),
        MappingProxyType({"W": W, "b": b}),
    ],
    ids=lambda x0: type(x0).__name__,
)
def test_dicts_of_every_kind(x0):
    def f(p):
        assert type(p) is type(x0)
        return cost(p["W"], p["b"])

    report = check_gradients(
        f, lambda p: dict(zip(["dW", "db"], slopes(p["W"], p["b"]), strict=True)), x0
    )
    assert report.passed
    assert list(x0) == ["W", "b"]


def network():
    rng = np.random.default_rng(2)
    layers = [
        {"W": rng.normal(size=pair), "b": rng.normal(size=pair[1])} for pair in pairwise([3, 4, 2])
    ]
    return {"layers": layers, "head": (rng.normal(size=2), 0.5)}


def forward(p):
    a = [X]
    for layer in p["layers"]:
        a.append(np.tanh(a[-1] @ layer["W"] + layer["b"]))
    return a


def loss(p):
    w, c = p["head"]
    assert isinstance(c, float | complex)
    return np.mean((forward(p)[-1] @ w + c) ** 2)


def backward(p):
    a, (w, c) = forward(p), p["head"]
    residual = 2 * (a[-1] @ w + c) / len(X)
    head, delta = (a[-1].T @ residual, residual.sum()), np.outer(residual, w)
    layers = []
    for k in (1, 0):
        delta = delta * (1 - a[k + 1] ** 2)
        layers.insert(0, {"dW": a[k].T @ delta, "db": delta.sum(axis=0)})
        delta = delta @ p["layers"][k]["W"].T
    return {"layers": layers, "head": head}


NAMES = ["layers[0].W", "layers[0].b", "layers[1].W", "layers[1].b", "head[0]", "head[1]"]


@pytest.mark.parametrize("method", ["auto", "real", "complex"])
def test_nested_structures(method):
    report = check_gradients(loss, backward, network(), method=method)
    assert report.passed, report
    assert list(blocks_of(report)) == NAMES
    for name in NAMES:

        def wrong(p, name=name):
            found = backward(p)
            found["head"] = list(found["head"])
            part = found["head"] if name.startswith("head") else found["layers"][int(name[7])]
            key = f"d{name[-1]}" if "." in name else int(name[5])
            part[key] = 1.5 * part[key]
            return found

        report = check_gradients(loss, wrong, network(), method=method)
        assert [k for k, verdict in blocks_of(report).items() if verdict == "WRONG"] == [name]


def square_of(parts):
    return lambda p: sum(np.sum(part**2) for part in parts(p))


@pytest.mark.parametrize(
    ("x0", "gradient", "fault"),
    [
        ([(W, b), (W, b)], [(0 * W, 2 * b), (2 * W, 2 * b)], "layer 0: x[0][0]"),
        ({"W": [W, W], "b": [b, b]}, {"W": [2 * W, 0 * W], "b": [2 * b, 2 * b]}, "layer 1: W[1]"),
        ({"block2": {"W": W}, "block1": {"W": b}}, None, "layer 2: block2.W"),
        ({"conv1": {"W": W}, "fc1": {"W": b}}, None, "conv1.W"),
        ({"a": {"W": W}, "c": {"W": b}}, None, "a.W"),
    ],
)
def test_layers_are_told_by_the_way_to_an_array(x0, gradient, fault):
    def parts(p):
        if isinstance(p, np.ndarray):
            return [p]
        values = p.values() if isinstance(p, dict) else p
        return [part for value in values for part in parts(value)]

    if gradient is None:  # the first is wrong
        gradient = {name: {"W": k * 2 * group["W"]} for k, (name, group) in enumerate(x0.items())}
    assert check_gradients(square_of(parts), gradient, x0).fault == fault


def test_every_call_gets_a_structure_of_its_own():
    def f(p):
        p["layers"].append(p.pop("more"))  # its own lists and dicts are the function's to change
        return sum(np.sum(part**2) for part in p["layers"])

    def gradient(p):
        return {"layers": [2 * p["layers"][0]], "more": 2 * p.pop("more")}

    x0 = {"layers": [W], "more": b}
    assert check_gradients(f, gradient, x0).passed
    assert list(x0) == ["layers", "more"]
    assert len(x0["layers"]) == 1


def test_each_gradient_is_called_in_its_own_precision():
    def gradient(p):
        assert p["W"].dtype == np.float32
        assert p["b"].dtype == np.float64
        assert type(p["c"]) is float
        return {"W": 2 * p["W"], "b": 2 * p["b"], "c": 1.0}

    def f(p):
        return np.sum(p["W"] ** 2) + np.sum(p["b"] ** 2) + p["c"]

    x0 = {"W": W.astype("f"), "b": b, "c": 1.0}
    report = check_gradients(f, gradient, x0)
    assert report.passed, report
    assert "float32" in report.points[0].method
    half = check_gradients(f, lambda p: {**gradient(p), "b": b}, x0)
    assert blocks_of(half) == {"W": "OK", "b": "WRONG", "c": "OK"}


def test_frames_and_series_of_pandas():
    pd = pytest.importorskip("pandas")

    def f(p):
        return float(np.sum(p["a"] ** 2 * p["b"]))

    def gradient(p):
        return type(p)({"a": 2 * p["a"] * p["b"], "b": p["a"] ** 2})

    for x0 in (pd.Series({"a": 1.5, "b": 2.0}), pd.DataFrame({"a": [1.5, 2.0], "b": [2.0, 3.0]})):
        assert check_gradients(f, gradient, x0).passed
        assert check_gradients(f, lambda p: 2 * gradient(p), x0).verdict == "WRONG"


def test_functions_of_torch_tensors():
    torch = pytest.importorskip("torch")
    data = torch.from_numpy(X)

    def f(p):
        assert isinstance(p[0], torch.Tensor)
        return torch.tanh(data.to(p[0].dtype) @ p[0] + p[1]).pow(2).mean()

    def gradient(p):
        parts = [part.detach().clone().requires_grad_() for part in p]
        f(parts).backward()
        return [part.grad for part in parts]

    x0 = [torch.from_numpy(W), torch.from_numpy(b)]
    leaves = [part.clone().requires_grad_() for part in x0]
    for point in (x0, leaves):
        report = check_gradients(f, gradient, point)
        assert report.passed
        assert report.scipy_check_grad < 1e-6
    report = check_gradients(f, lambda p: [gradient(p)[0], 2 * gradient(p)[1]], x0)
    assert blocks_of(report) == {"x[0]": "OK", "x[1]": "WRONG"}
    with pytest.raises(TypeError, match=r"The gradient 'x\[1\]' is None"):
        check_gradients(f, lambda p: [p[0], None], x0)


def test_functions_that_take_nothing_but_their_own_precision():
    def f(W):
        if W.dtype != np.float32:
            raise TypeError("float32 only")
        return np.sum(W**2)

    W = np.random.default_rng(1).normal(size=(2, 3)).astype("f")
    assert check_gradients(f, lambda W: 2 * W, W).verdict != "WRONG"
    assert check_gradients(f, lambda W: 3 * W, W).verdict == "WRONG"
    with pytest.raises(ValueError, match="method='complex' needs a function that takes complex"):
        check_gradients(f, lambda W: 2 * W, W, method="complex")


def test_args_are_handed_on_as_scipy_does():
    def f(w, X, y):
        return np.mean((X @ w - y) ** 2)

    def gradient(w, X, y):
        return 2 * X.T @ (X @ w - y) / len(y)

    y, w0 = X @ [1.0, 2.0, 3.0], np.ones(3)
    assert check_gradients(f, gradient, w0, args=(X, y)).passed
    assert check_gradients(f, w0, jac=gradient, args=(X, y)).passed
    assert check_gradients(lambda *a: (f(*a), gradient(*a)), w0, args=(X, y)).passed
    assert_gradients_close(f, gradient, w0, args=(X, y))
    # one argument by itself, as scipy takes it
    report = check_gradients(lambda w, X: np.sum(X @ w), lambda w, X: X.sum(axis=0), w0, args=X)
    assert report.passed
    with pytest.raises(TypeError, match="args=.* does not apply"):
        check_gradients(MLPRegressor(), X, y, args=(1,))


# Residuals ----------------------------------------------------------------------------------------


TIMES = np.linspace(0, 3, 20)
DECAY = np.array([1.0, 1.2, 0.1])


def residuals(p):
    return p[0] * np.exp(-p[1] * TIMES) + p[2] - 2 * np.exp(-1.3 * TIMES)


def jacobian(p):
    e = np.exp(-p[1] * TIMES)
    return np.column_stack([e, -p[0] * TIMES * e, np.ones_like(e)])


@pytest.mark.parametrize("method", ["auto", "real", "complex"])
def test_residuals_with_their_jacobian(method):
    blocks = {"factor": slice(0, 1), "rest": slice(1, 3)}
    for args, options in (
        ((residuals, jacobian, DECAY), {}),
        ((residuals, DECAY), {"jac": jacobian}),
        ((residuals, jacobian(DECAY), DECAY), {}),
        ((lambda p: (residuals(p), jacobian(p)), DECAY), {}),
        ((residuals, jacobian, DECAY), {"blocks": blocks}),
    ):
        report = check_gradients(*args, **options, method=method)
        assert report.passed, report
        (note,) = report.notes
        assert note.startswith("20 residuals r with their Jacobian")
    one = check_gradients(lambda x: np.array([np.sum(x**2)]), lambda x: 2 * x[None], DECAY)
    assert one.passed


@pytest.mark.parametrize("place", [(3, 1), (0, 0), (19, 2)])
def test_one_wrong_element_of_a_jacobian(place):
    def wrong(p):
        found = jacobian(p)
        found[place] += 0.1
        return found

    report = check_gradients(residuals, wrong, DECAY)
    assert report.verdict == "WRONG"
    assert report.worst(1)[0]["index"] == (place[1],)


@pytest.mark.parametrize("n", [2, 4, 30])
def test_a_transposed_jacobian_is_called_so(n):
    A = np.random.default_rng(n).normal(size=(n, n))
    x0 = np.linspace(0.5, 1, n)

    def turned(x):
        return (A * np.cos(x)).T

    assert check_gradients(lambda x: A @ np.sin(x), lambda x: turned(x).T, x0).passed
    report = check_gradients(lambda x: A @ np.sin(x), turned, x0)
    assert report.verdict == "WRONG"
    assert report.hints[0] == "x comes of a transposed Jacobian"
    twice = check_gradients(lambda x: A @ np.sin(x), lambda x: 2 * turned(x).T, x0)
    assert not any("transposed" in hint for hint in twice.hints)
    with pytest.raises(
        ValueError, match=r"have shape \(20, 3\); it has.* transposed, return its .T"
    ):
        check_gradients(residuals, lambda p: jacobian(p).T, DECAY)
    with pytest.raises(ValueError, match=r"have shape \(20, 3\); it has shape \(5, 3\)\.$"):
        check_gradients(residuals, lambda p: jacobian(p)[:5], DECAY)


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x0", "error", "message"),
    [
        (float("nan"), ValueError, "^x0 holds NaN or infinity; choose"),
        ([1.0, np.inf], ValueError, r"^x0 holds NaN or infinity in element \[1\]"),
        ({"a": [W, W * np.nan]}, ValueError, r"'a\[1\]' holds NaN or infinity in element \[0, 0\]"),
        (1 + 2j, TypeError, "^x0 must be float64 or float32.*conventions.*z.real"),
        ([W, b + 0j], TypeError, r"'x\[1\]' must be float64 or float32.*conventions"),
        ([W, np.arange(3)], TypeError, r"'x\[1\]' has dtype int64: small steps of integers"),
        (True, TypeError, "x0 has dtype bool"),
        ([], ValueError, "x0 is empty"),
        ({"a": [{}]}, ValueError, "dict of parameters is empty"),
        ([W, []], ValueError, r"'x\[1\]' is empty: its shape is \(0,\)"),
        ({"W": W, "b": None}, TypeError, "'b' must be a number or an array.*got NoneType"),
        ({"W": W, "kind": "relu"}, TypeError, "'kind' must be float64 or float32"),
        (
            np.array([W, b], object),
            TypeError,
            r"x0 must be a number.*got an array of objects of shapes \(3, 2\), \(2,\): pass list",
        ),
        (
            [[1.0, 2.0], [3.0]],
            ValueError,
            r"^x0 must be an array.*list of parts of unequal shapes, \(2,\), \(1,\)\. Make each",
        ),
        (
            {"a": [[1.0], [2.0, 3.0]]},
            ValueError,
            r"^'a' must be an array of numbers.*\(1,\), \(2,\)",
        ),
        ([[1.0], [2.0, [3.0]]], ValueError, r"unequal shapes, \(1,\), mixed"),
        ([[1.0] * k for k in range(1, 9)], ValueError, r"\(4,\), \.\.\.\. Make"),
        ({"a": {"b": W}, "a.b": b}, ValueError, "Two parameters in x0 are called 'a.b'"),
        ({1: W, "1": b}, ValueError, "Two parameters in x0 are called '1'"),
    ],
)
def test_points_that_are_refused(x0, error, message):
    with pytest.raises(error, match=message):
        check_gradients(lambda p: 1.0, lambda p: p, x0)


def changed(change):
    found = backward(network())
    change(found)
    return found


@pytest.mark.parametrize(
    ("gradient", "error", "message"),
    [
        (lambda g: g.pop("head"), ValueError, "no entry for 'head': neither 'dhead' nor"),
        (
            lambda g: g.update(layers=W),
            ValueError,
            r"be a list of 2.*an array of shape \(3, 2\)\.$",
        ),
        (lambda g: g["layers"].pop(), ValueError, "'layers' must be a list of 2.*got list of 1"),
        (lambda g: g.update(layers={}), TypeError, "'layers' must be a list of 2.*got dict"),
        (
            lambda g: g["layers"][1].pop("dW"),
            ValueError,
            r"'layers\[1\]' has no entry for 'W': neither 'dW' nor 'W'.*\['db'\]",
        ),
        (lambda g: g["layers"].insert(0, W), ValueError, "'layers' must be a list of 2.*of 3"),
        (
            lambda g: g["layers"][1].update(c=b),
            ValueError,
            r"'layers\[1\]' has an entry 'c' that the parameters, \['W', 'b'\], have not",
        ),
        (
            lambda g: g["layers"].__setitem__(1, b),
            TypeError,
            r"'layers\[1\]' must be a dict as well; got an array of shape \(2,\)",
        ),
        (
            lambda g: g["layers"][0].update(dW=np.ones((4, 3))),
            ValueError,
            r"'layers\[0\].dW' must have the shape of 'layers\[0\].W', \(3, 4\).*transposed.*\.T",
        ),
        (
            lambda g: g["layers"][0].update(db={"x": b}),
            TypeError,
            r"'layers\[0\].db' must be an array of shape \(4,\); got a dict",
        ),
        (
            lambda g: g["layers"][0].update(db=np.ones(4) + 1j),
            TypeError,
            r"'layers\[0\].db' must be real numbers",
        ),
        (
            lambda g: g.update(head=(np.ones(2), np.ones(2))),
            ValueError,
            r"'head\[1\]' must have the shape of 'head\[1\]', \(\); it has shape \(2,\)",
        ),
    ],
)
def test_the_first_difference_of_structures_is_named(gradient, error, message):
    with pytest.raises(error, match=message):
        check_gradients(loss, changed(gradient), network())


@pytest.mark.parametrize(
    ("shape", "got", "message"),
    [
        ((2, 3), (3, 2), "it is transposed, return its .T"),
        ((4, 1), (1, 4), "it is transposed, return its .T"),
        ((5,), (1, 5), r"it has shape \(1, 5\): return its .ravel\(\)"),
        ((5,), (5, 1), r"return its .ravel\(\)"),
        ((2, 3), (6,), r"return its .reshape\(2, 3\)"),
        ((5,), (9, 5), "one gradient for each row: sum or average over the rows"),
        ((5,), (5, 9), "one gradient for each column, a transposed Jacobian"),
        ((2, 3), (2, 4), r"it has shape \(2, 4\)\.$"),
    ],
)
def test_what_to_do_about_a_shape(shape, got, message):
    with pytest.raises(ValueError, match=message):
        check_gradients(lambda x: np.sum(x**2), np.ones(got), np.ones(shape))


def test_a_transposed_square_gradient_is_called_so():
    A = np.random.default_rng(3).normal(size=(4, 4))
    report = check_gradients(lambda W: np.sum((A @ W) ** 2), lambda W: (2 * A.T @ A @ W).T, A + 1)
    assert report.hints == ["x is transposed"]


def test_gradients_of_integers():
    x0 = np.array([1.3, 2.2, 4.1, 5.5])
    assert check_gradients(np.sum, lambda x: np.ones(4, int), x0).passed
    assert check_gradients(lambda t: 3 * t, lambda t: 3, 2.0).passed

    def f(p):
        return np.sum(p["a"] ** 2) + np.sum(p["c"] ** 2)

    report = check_gradients(
        f, lambda p: {"a": 2 * p["a"], "c": (2 * p["c"]).astype(int)}, {"a": x0, "c": x0[:2]}
    )
    assert blocks_of(report) == {"a": "OK", "c": "WRONG"}
    assert any(hint.startswith("the gradient of c is an array of int") for hint in report.hints)
    # integers that are wrong for another reason
    report = check_gradients(np.sum, lambda x: np.full(4, 3), x0)
    assert report.verdict == "WRONG"
    assert not any("integers" in hint for hint in report.hints)
    report = check_gradients(lambda x: np.sum(x**2), lambda x: 4 * x, x0)
    assert not any("integers" in hint for hint in report.hints)


# Where the domain ends ----------------------------------------------------------------------------


DATA = np.random.default_rng(0).gamma(2.0, 1.5, 200)


def nll(x):
    if x[1] <= 0:
        raise ValueError("sigma must be positive")
    return float(np.mean(0.5 * ((DATA - x[0]) / x[1]) ** 2) + np.log(x[1]))


def nll_gradient(x, factor=1.0):
    rest = DATA - x[0]
    return np.array([-rest.mean() / x[1] ** 2, factor / x[1] - np.mean(rest**2) / x[1] ** 3])


@pytest.mark.parametrize("sigma", [1.0, 5e-2, 1e-3, 1e-5])
def test_errors_outside_the_domain_do_not_come_out(sigma):
    x0 = [3.0, sigma]
    assert check_gradients(nll, nll_gradient, x0).passed
    assert check_gradients(nll, lambda x: nll_gradient(x) * [1, 1.3], x0).verdict == "WRONG"


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, np.linalg.LinAlgError, KeyError])
def test_errors_of_any_kind_mean_the_end_of_the_domain(error):
    def f(x):
        if np.any(x < 0.9):
            raise error("too small")
        return np.sum(np.log(x))

    x0 = np.linspace(1, 2, 12)
    assert check_gradients(f, lambda x: 1 / x, x0).passed
    assert check_gradients(f, lambda x: 2 / x, x0).verdict == "WRONG"


@pytest.mark.parametrize("root", [np.sqrt, lambda x: x**0.5], ids=["NaN", "complex"])
def test_results_that_are_no_real_numbers_beside_x0(root):
    # a negative float to the power of 1/2 is complex in Python
    for theta in (1e-3, 2.0):
        assert check_gradients(lambda t: root(t), lambda t: 0.5 / t**0.5, theta).passed


@pytest.mark.parametrize("how", ["raises", "is nan"])
def test_the_end_of_the_domain_is_told_where_it_leaves_no_steps(how):
    def f(x):
        if np.any(x < 0) and how == "raises":
            raise ValueError("negative")
        return np.sum(x + np.sqrt(x))

    x0 = np.array([0.0, 1, 2, 3, 4])
    report = check_gradients(f, lambda x: 1 + 0.5 / np.sqrt(x + (x == 0)), x0)
    assert report.verdict == "INCONCLUSIVE"  # the slope at 0 is infinite
    (hint,) = [hint for hint in report.hints if "domain" in hint]
    assert hint.startswith("the domain of the function ends near x0")
    assert how in hint
    inside = check_gradients(f, lambda x: 1 + 0.5 / np.sqrt(x), x0 + 0.1)
    assert inside.passed
    assert inside.hints == []


def test_a_gradient_that_raises_beside_a_kink():
    x0 = np.array([0.0, 1.0, -1.0])

    def gradient(x):
        if not np.array_equal(x, x0):
            raise ValueError("not here")
        return np.sign(x)

    report = check_gradients(lambda x: np.sum(np.abs(x.real)), gradient, x0)
    assert report.verdict == "KINK"


@pytest.mark.parametrize(
    ("fun", "grad", "message"),
    [
        (lambda x: 1 / 0, lambda x: x, r"function raised ZeroDivisionError \(division by zero\)"),
        (lambda x: x["W3"], lambda x: x, "The function raised IndexError"),
        (lambda x: np.sum(x), lambda x: {}["dW"], r"The gradient raised KeyError \('dW'\)"),
    ],
)
def test_an_error_at_x0_is_told_in_one_sentence(fun, grad, message):
    with pytest.raises(ValueError, match=f"{message}.* at x0, so it cannot") as caught:
        check_gradients(fun, grad, np.ones(3))
    assert isinstance(caught.value.__cause__, ArithmeticError | LookupError)


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-12])
def test_steps_shrink_where_the_domain_is_narrow(gap):
    def f(p):
        if not 0 < p < 1:
            raise ValueError
        return -np.log(1 - p)

    for factor in (1.0, 1.1):
        report = check_gradients(f, lambda p, factor=factor: factor / (1 - p), 1 - gap)
        if gap >= 1e-4:
            assert report.verdict == ("OK" if factor == 1 else "WRONG")
        else:  # so near to the end p itself is rounded too coarsely
            assert report.verdict != ("WRONG" if factor == 1 else "OK")
            assert report.verdict == "WRONG" or report.passed or "domain" in str(report.hints)
