"""Activations against mpmath, complex step and torch; the gains against the integrals behind them.

The oracle of f and f' is mpmath with 40 digits: it shares no line of code with the kernels.
"""

import math
import tracemalloc

import mpmath
import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.optimize import brentq

from sknn_opt.nn.activations import ACTIVATIONS, LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from sknn_opt.nn.network import Architecture, Network

NAMES = sorted(ACTIVATIONS)
KINKED = ("relu", "leaky_relu")
# So small that its square underflows to 0: the complex step then has no second-order term, which at
# a larger step could carry a unit that sits on its kink across it, and no subtraction, so no
# rounding either. What is left is the derivative of the very code that trains.
STEP = 1e-200


def _selu_constants():
    """The closed form of Klambauer et al. (2017), equation 14."""
    e, pi = mpmath.e, mpmath.pi
    c1, c2 = mpmath.erfc(1 / mpmath.sqrt(2)), mpmath.erfc(mpmath.sqrt(2))
    alpha = -mpmath.sqrt(2 / pi) / (c1 * mpmath.sqrt(e) - 1)
    scale = (1 - c1 * mpmath.sqrt(e)) * mpmath.sqrt(2 * pi)
    radicand = 2 * c2 * e**2 + pi * c1**2 * e - 2 * (2 + pi) * c1 * mpmath.sqrt(e) + pi + 2
    return scale / mpmath.sqrt(radicand), alpha


LAMBDA, ALPHA = _selu_constants()


def _softplus(z):
    return mpmath.log1p(mpmath.exp(z))


FORMULAS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "relu": lambda z: z if z > 0 else 0 * z,
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "selu": lambda z: LAMBDA * (z if z > 0 else ALPHA * mpmath.expm1(z)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "softplus": _softplus,
    "mish": lambda z: z * mpmath.tanh(_softplus(z)),
}

HALF_GRID = np.concatenate([np.geomspace(1e-12, 0.05, 12), np.linspace(0.1, 12, 60), [20, 40, 700]])
GRID = np.concatenate([-HALF_GRID[::-1], HALF_GRID])


def run(name, z, delta=None):
    """f(z), and f'(z) · delta if delta is given, as a layer computes them."""
    function = ACTIVATIONS[name]
    a = np.array(z)
    scratch = np.empty((function.n_scratch, *a.shape), a.dtype)
    function.forward(a, *scratch)
    value = a.copy()
    if delta is None:
        return value
    delta = np.array(delta, a.dtype)
    function.backward(a, delta, *scratch)
    return value, delta


def oracle(name, z):
    """f and f' of mpmath at the float numbers in z."""
    with mpmath.workdps(40):
        points = [mpmath.mpf(float(x)) for x in z]
        # The step of mpmath.diff is far below 1e-12, so that no difference crosses a kink.
        value = [float(FORMULAS[name](x)) for x in points]
        slope = [float(mpmath.diff(FORMULAS[name], x)) for x in points]
    return np.array(value), np.array(slope)


def test_the_table_of_formulas_is_complete():
    assert sorted(FORMULAS) == NAMES


def test_selu_constants_are_the_fixed_point():
    assert float(LAMBDA) == pytest.approx(SELU_SCALE, rel=1e-15)
    assert float(ALPHA) == pytest.approx(SELU_ALPHA, rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NAMES)
def test_forward_and_backward_equal_mpmath(name, dtype):
    z = GRID.astype(dtype)
    delta = np.random.default_rng(0).normal(size=z.size).astype(dtype)
    value, slope = oracle(name, z)
    a, dz = run(name, z, delta)
    assert a.dtype == dz.dtype == dtype
    # Rounding of a sigmoid is absolute, and z · sigmoid multiplies it by |z| up to about 36.
    tolerance = 40 * np.finfo(dtype).eps
    assert np.all(np.abs(a - value) <= tolerance * np.maximum(1, np.abs(value)))
    assert np.all(np.abs(dz - slope * delta) <= tolerance * np.maximum(1, np.abs(slope * delta)))


@pytest.mark.parametrize("name", sorted({"elu", "gelu", "selu", "softplus", "tanh"}))
def test_small_values_keep_their_relative_accuracy(name):
    z = GRID[np.abs(GRID) < 20]
    value, _ = oracle(name, z)
    np.testing.assert_allclose(run(name, z), value, rtol=2e-13)


@pytest.mark.parametrize("name", NAMES)
def test_complex_step_equals_backward(name):
    z = np.concatenate([GRID[np.abs(GRID) <= 40], [0.0, -0.0]])
    stepped = run(name, z + 1j * STEP)
    value, slope = run(name, z, np.ones_like(z))
    np.testing.assert_allclose(stepped.real, value, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(stepped.imag / STEP, slope, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_at_zero(name):
    a, slope = run(name, [0.0, -0.0], [1.0, 1.0])
    np.testing.assert_allclose(a, ACTIVATIONS[name].at_rest, rtol=1e-15, atol=0)
    expected = {"relu": 0, "leaky_relu": LEAKY_SLOPE}.get(name)
    if expected is None:
        expected = 1 if name in ("elu",) else oracle(name, [0.0])[1][0]
    if name == "selu":
        expected = SELU_SCALE * SELU_ALPHA  # the left branch, as in a = λ α (e^z - 1)
    np.testing.assert_allclose(slope, expected, rtol=1e-15)


@pytest.mark.parametrize(("dtype", "largest"), [(np.float64, 1e300), (np.float32, 1e38)])
@pytest.mark.parametrize("name", NAMES)
def test_huge_inputs_give_neither_nan_nor_warning(name, dtype, largest):
    z = np.array([-largest, -1e30, -1e10, -1e5, -0.0, 0.0, 1e5, 1e10, 1e30, largest], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        a, slope = run(name, z, np.ones(len(z)))
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()
    left = {"identity": 1, "leaky_relu": 0.01}.get(name, 0)
    right = {"logistic": 0, "tanh": 0, "selu": SELU_SCALE}.get(name, 1)
    np.testing.assert_allclose(slope[:4], left, rtol=1e-6, atol=0)
    np.testing.assert_allclose(slope[6:], right, rtol=1e-6, atol=0)
    far_left = {"elu": -1, "selu": -SELU_SCALE * SELU_ALPHA, "tanh": -1}.get(name, 0)
    limit = left * z[:4].astype(float) if left else np.full(4, float(far_left))
    np.testing.assert_allclose(a[:4], limit, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"logistic", "tanh"}))
def test_torch_agrees(name):
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    theirs = {
        "identity": lambda z: z * 1,
        "relu": f.relu,
        "leaky_relu": lambda z: f.leaky_relu(z, 0.01),
        "elu": f.elu,
        "selu": f.selu,
        "gelu": lambda z: f.gelu(z, approximate="none"),
        "silu": f.silu,
        "softplus": f.softplus,
        "mish": f.mish,
    }[name]
    # torch's softplus is the identity above 20
    z = torch.tensor(GRID[np.abs(GRID) < 20], dtype=torch.float64, requires_grad=True)
    out = theirs(z)
    out.sum().backward()
    a, slope = run(name, z.detach().numpy(), np.ones(len(z)))
    np.testing.assert_allclose(a, out.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(slope, z.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_in_place_and_inside_the_given_rows(name):
    function = ACTIVATIONS[name]
    rng = np.random.default_rng(0)
    buffer = rng.normal(size=(6, 3))
    rows, before = buffer[:4], buffer.copy()
    scratch = np.full((function.n_scratch, 6, 3), 7.0)
    delta_buffer = rng.normal(size=(6, 3))
    delta_before = delta_buffer.copy()
    assert function.forward(rows, *scratch[:, :4]) is None
    value, slope = run(name, before[:4], delta_before[:4])
    np.testing.assert_array_equal(buffer[:4], value)
    assert function.backward(rows, delta_buffer[:4], *scratch[:, :4]) is None
    np.testing.assert_array_equal(delta_buffer[:4], slope)
    np.testing.assert_array_equal(buffer[4:], before[4:])
    np.testing.assert_array_equal(delta_buffer[4:], delta_before[4:])
    np.testing.assert_array_equal(scratch[:, 4:], 7.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["identity", "logistic", "tanh", "relu", "leaky_relu"])
def test_no_allocation_of_a_batch(name, dtype):
    function = ACTIVATIONS[name]
    z = np.random.default_rng(0).normal(size=(512, 512)).astype(dtype)
    delta = np.ones_like(z)
    scratch = list(np.empty((function.n_scratch, *z.shape), dtype))
    function.forward(z, *scratch)  # the first call may fill caches of its own
    function.backward(z, delta, *scratch)
    tracemalloc.start()
    try:
        function.forward(z, *scratch)
        function.backward(z, delta, *scratch)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A ufunc that casts on the way works through a small buffer; a batch would be all of z.
    assert peak < z.nbytes / 4


# Gains ------------------------------------------------------------------------------------------


def _normal_mean(values, nodes):
    """E[values(Z)] for a standard normal Z, by the trapezoid rule (values given at the nodes)."""
    density = np.exp(-0.5 * nodes**2) / math.sqrt(2 * math.pi)
    return trapezoid(values * density, nodes)


def _signals(name, gain, n_layers=20):
    """The forward variances q, and the log of the gain of a gradient, over n_layers."""
    nodes = np.linspace(-12, 12, 6000)  # an even number: the kink of relu lies between two
    q, log_gain, variances = 1.0, 0.0, []
    for _ in range(n_layers):
        z = math.sqrt(q) * nodes
        a, slope = run(name, z, np.ones_like(z))
        log_gain += math.log(gain**2 * _normal_mean(slope**2, nodes))
        q = gain**2 * _normal_mean((a - run(name, np.zeros(1))) ** 2, nodes)
        variances.append(q)
    return np.array(variances), log_gain


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"selu"}))
def test_gain_carries_a_gradient_unchanged_through_20_layers(name):
    gain = ACTIVATIONS[name].gain
    exact = brentq(lambda g: _signals(name, g)[1], 0.8 * gain, 1.25 * gain, xtol=1e-7)
    # The table gives three decimals.
    assert gain == pytest.approx(exact, abs=6e-4)
    variances, _ = _signals(name, gain)
    assert variances.min() > 0.2
    assert variances.max() < 1.001


def test_gain_of_selu_is_one_with_unit_variance_as_the_fixed_point():
    assert ACTIVATIONS["selu"].gain == 1.0
    variances, log_gain = _signals("selu", 1.0)
    np.testing.assert_allclose(variances, 1.0, atol=1e-5)
    assert 1.0 < math.exp(log_gain / 40) < 1.05  # per layer, in rms: a slow growth


def test_gain_of_relu_is_he():
    assert ACTIVATIONS["relu"].gain == pytest.approx(math.sqrt(2), rel=1e-15)
    assert ACTIVATIONS["leaky_relu"].gain == pytest.approx(math.sqrt(2 / 1.0001), rel=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_deep_networks_start_with_signals_that_live(name):
    width, depth, n = 512, 20, 128
    spec = Architecture((width,) * (depth + 1) + (1,), name, "squared_error", (0,) * 21, False)
    rng = np.random.default_rng(1)
    theta = spec.initial_parameters("auto", rng, np.float32)
    network = Network(spec, theta, spec.initial_statistics(np.float32), n)
    a = rng.normal(size=(n, width)).astype(np.float32)
    for layer in network.layers[:-2]:
        a = layer.forward(a, None)
    # Of the last hidden layer: its variance over the rows, which is what can be learned from.
    variance = a.var(axis=0).mean()
    last = network.layers[-2]
    last.forward(a, None)
    delta = rng.normal(size=a.shape).astype(np.float32)
    first = _rms(delta)
    for layer in network.layers[-2:1:-1]:  # from a[20] back to a[1]: 19 times f' and Wᵀ
        delta = layer.backward(delta)
    per_layer = (_rms(delta) / first) ** (1 / (depth - 1))
    assert 0.8 < per_layer < 1.25
    assert 0.02 < variance < 20
    if name in ("elu", "identity", "logistic", "selu", "tanh"):
        # Their map of q has a stable fixed point, so that a finite width stays near the integrals.
        # Of gelu, mish, silu and softplus q = 1 lies beside an unstable one: rows drift apart.
        assert 0.98 < per_layer < 1.05
        assert 0.2 < variance < 1.2


def _rms(x):
    return math.sqrt(float(np.mean(np.square(x, dtype=np.float64))))
