"""Verdicts that hold: zero gradients, approximate functions, noise; each with a bug beside it."""

import zlib

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import rosen, rosen_der

from sknn_opt import check_gradients
from sknn_opt.checks.gradients.numeric.noise import measure_noise
from sknn_opt.checks.gradients.report import VERDICTS, band

ZERO = "zero on both sides to rounding"
METHODS = ("auto", "real", "complex")


def found(report, block):
    (check,) = [check for check in report.blocks if check.block == block]
    return check


# Blocks whose gradient is zero --------------------------------------------------------------------


def normalized(x):
    centered = x - x.mean(axis=0)
    scale = 1 / np.sqrt((centered**2).mean(axis=0) + 1e-5)
    return centered * scale, scale


def bias_before_batch_norm(claim=lambda db: db, other=1.0):
    """A layer, batch norm and a squared loss; `claim` changes db, `other` is a factor of dv."""
    rng = np.random.default_rng(0)
    X, target = rng.normal(size=(9, 4)), rng.normal(size=9)
    start = {"W": rng.normal(size=(4, 5)), "b": rng.normal(size=5), "v": rng.normal(size=5)}

    def forward(p):
        x_hat, scale = normalized(X @ p["W"] + p["b"])
        return x_hat, scale, np.tanh(x_hat)

    def cost(p):
        return np.sum((forward(p)[2] @ p["v"] - target) ** 2) / 9

    def gradients(p):
        x_hat, scale, a = forward(p)
        delta = 2 * (a @ p["v"] - target) / 9
        d_hat = delta[:, np.newaxis] * p["v"] * (1 - a**2)
        dz = scale * (d_hat - d_hat.mean(axis=0) - x_hat * (d_hat * x_hat).mean(axis=0))
        return {"W": X.T @ dz, "b": claim(dz.sum(axis=0)), "v": other * a.T @ delta}

    return cost, gradients, start


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("claim", [lambda db: db, np.zeros_like], ids=["rounding", "zeros"])
def test_a_bias_before_batch_norm(method, claim):
    report = check_gradients(*bias_before_batch_norm(claim), method=method)
    assert report.passed, report
    assert found(report, "b").note == ZERO


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9])
def test_a_bias_before_batch_norm_with_a_gradient_is_wrong(method, size):
    report = check_gradients(*bias_before_batch_norm(lambda db: db + size), method=method)
    assert found(report, "b").verdict == "WRONG"
    assert report.hints == [
        "b has to be zero: to first order f does not change with it at this point"
    ]


@pytest.mark.parametrize("method", METHODS)
def test_a_zero_beside_it_is_no_excuse(method):
    report = check_gradients(*bias_before_batch_norm(other=0.0), method=method)
    assert found(report, "v").verdict == "WRONG"
    assert found(report, "b").verdict == "OK"


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6, 1e-9, 1e-11, 1e-13])
@pytest.mark.parametrize("claim", [0.0, 1e-17])
def test_a_zero_where_f_changes_never_passes(size, claim):
    start = {"a": np.linspace(0.1, 1, 9), "b": np.linspace(0.3, 1.2, 9)}
    report = check_gradients(
        lambda p: 2 + np.sum(np.sin(p["a"])) + size * np.sum(np.cos(p["b"])),
        lambda p: {"a": np.cos(p["a"]), "b": claim * np.sin(7 * p["b"])},
        start,
        method="real",
    )
    assert not found(report, "b").passed
    if size > 1e-12:
        assert found(report, "b").verdict == "WRONG"


@pytest.mark.parametrize("method", METHODS)
def test_the_sum_of_what_is_normalized(method):
    x = np.random.default_rng(0).normal(size=24)

    def f(x):
        return np.sum(normalized(x.reshape(6, 4))[0])

    assert check_gradients(f, lambda x: 1e-17 * x, x, method=method).passed
    assert check_gradients(lambda x: 3 + f(x), lambda x: 0 * x, x, method=method).passed
    assert check_gradients(f, lambda x: 0.1 * x, x, method=method).verdict == "WRONG"


@pytest.mark.parametrize("method", METHODS)
def test_an_optimum(method):
    rng = np.random.default_rng(1)
    A, b = rng.normal(size=(30, 8)), rng.normal(size=30)
    best = np.linalg.lstsq(A, b, rcond=None)[0]

    def f(w):
        return np.sum((A @ w - b) ** 2)

    def gradient(w):
        return 2 * A.T @ (A @ w - b)

    assert check_gradients(f, gradient, best, method=method).passed
    assert check_gradients(rosen, rosen_der, np.ones(5), method=method).passed
    off = check_gradients(f, lambda w: gradient(w) + 1e-6, best, method=method)
    assert off.verdict == "WRONG"
    beside = best * (1 + 1e-9)
    assert check_gradients(f, lambda w: 0 * w, beside, method=method).verdict == "WRONG"


def test_an_optimum_next_to_where_f_ends():
    # over the widest steps sigma is negative, and f NaN
    data = np.random.default_rng(0).gamma(2.0, 1.5, 200)

    def f(x):
        return np.mean(((data - x[0]) / x[1]) ** 2) / 2 + (np.log(x[1]) if x[1] > 0 else np.nan)

    def gradient(x):
        off = np.mean((data - x[0]) ** 2)
        return np.array([-np.mean(data - x[0]) / x[1] ** 2, 1 / x[1] - off / x[1] ** 3])

    best = np.array([data.mean(), data.std()])
    for x in (best, best + 1e-6):
        assert check_gradients(f, gradient, x).passed
        assert check_gradients(f, lambda x: gradient(x) + 1e-5, x).verdict == "WRONG"
    assert check_gradients(f, lambda x: 1.03 * gradient(x), best + 1e-6).verdict == "WRONG"


def test_a_derivative_where_f_does_not_change():
    report = check_gradients(
        lambda x: np.clip(x, 1, 1).sum(), lambda x: (x == 1) * 1.0, np.arange(4.0)
    )
    assert report.verdict == "WRONG"
    assert report.hints == [
        "x has to be zero: to first order f does not change with it at this point"
    ]
    assert report.worst(1)[0]["index"] == (1,)
    report = check_gradients(
        lambda x: np.clip(x, 1, 1).sum() + x[3], lambda x: 1.0 * (x == 1) + (x == 3), np.arange(4.0)
    )
    assert report.hints == ["x is wrong only in element [1]: f does not change with it"]


def test_conv_bias_before_batch_norm_in_torch():
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 3))
    X, y = torch.randn(6, 2, 6, 6), torch.randint(0, 3, (6,))
    report = check_gradients(net, lambda net: nn.functional.cross_entropy(net(X), y))
    assert report.passed, report
    assert found(report, "0.bias").note == ZERO


# Functions that are approximate -------------------------------------------------------------------


def logistic_growth(tolerance):
    """A fit to an ODE that is solved to a tolerance, with the exact gradient."""
    t = np.linspace(0, 5, 11)
    seen = 2 / (1 + 19 * np.exp(-t)) + 0.05 * np.random.default_rng(0).normal(size=11)

    def f(p):
        options = {"t_eval": t, "rtol": tolerance, "atol": 1e-3 * tolerance}
        y = solve_ivp(lambda s, y: p[0] * y * (1 - y / p[1]), (0, 5), [0.1], **options).y[0]
        return np.sum((y - seen) ** 2) / 2

    def gradient(p):
        decay = np.exp(-p[0] * t)
        below = 1 + (p[1] / 0.1 - 1) * decay
        slopes = [p[1] * (p[1] / 0.1 - 1) * t * decay, below - p[1] / 0.1 * decay]
        return (np.array(slopes) / below**2) @ (p[1] / below - seen)

    return f, gradient, [0.8, 1.7]


def test_a_function_solved_to_a_tolerance():
    f, gradient, x = logistic_growth(1e-10)
    report = check_gradients(f, gradient, x)
    assert report.verdict == "OK"
    assert found(report, "x").note == "differs by less than 1e-07 (rtol)"
    assert report.hints == []
    assert found(report, "x").resolution >= 1e-7
    f, gradient, x = logistic_growth(1e-6)
    assert check_gradients(f, gradient, x, rtol=1e-4).passed
    for factor in (1.03, 1.001):
        wrong = check_gradients(f, lambda p: factor * gradient(p), x, rtol=1e-4)  # noqa: B023
        assert wrong.verdict == "WRONG"


def test_no_element_of_a_large_block_is_forgiven():
    # the block as a whole differs by 1.5e-7 only
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(2, 2000))

    def gradient(x):
        found = np.cos(x * w) * w
        found[77] *= 1 + 1e-5
        return found

    report = check_gradients(lambda x: np.sum(np.sin(x * w)), gradient, x)
    assert report.verdict == "WRONG"
    assert report.hints == ["x is wrong only in element [77]: 1 + 1e-05 times"]
    # nor is a small element beside large ones
    x0 = np.ones(3)
    report = check_gradients(
        lambda x: x[0] ** 2 + x[1] ** 2 + 1e-4 * x[2], lambda x: np.array([2.0, 2.0, 1.0003e-4]), x0
    )
    assert report.verdict == "WRONG"


@pytest.mark.parametrize("rtol", [0, -1e-3, 1, 2.0, np.nan, True, "1e-3"])
def test_rtol_is_a_small_number(rtol):
    with pytest.raises(ValueError, match="rtol must be a number between 0 and 1"):
        check_gradients(rosen, rosen_der, np.ones(3), rtol=rtol)


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("value", [1e-12, 1e-6, 1e-3, 1.0, np.nan])
def test_the_word_goes_with_the_verdict(verdict, value):
    word = band(value, verdict)
    assert not (verdict == "WRONG" and word == "great")
    assert not (verdict == "OK" and word in ("worth a look", "worrying"))
    assert not (verdict == "WRONG" and word == "worth a look")
    assert not (verdict == "KINK" and word in ("great", "worth a look", "worrying"))
    assert not (verdict == "INCONCLUSIVE" and word in ("great", "worrying"))


# Noise and kinks ----------------------------------------------------------------------------------


def with_noise(change, seed, n):
    rng = np.random.default_rng(seed)
    w, x = rng.normal(size=(2, n))
    return lambda x: change(float(np.sum(np.sin(x * w))), x), lambda x: np.cos(x * w) * w, x


def scatter(size):
    return lambda e, x: e + size * (zlib.crc32(x.tobytes()) / 2**31 - 1)


NOISES = {
    "7 decimals": lambda e, x: round(e, 7),
    "9 decimals": lambda e, x: round(e, 9),
    "10 decimals": lambda e, x: round(e, 10),
    "6 digits": lambda e, x: float(f"{e:.6g}"),
    "float32": lambda e, x: float(np.float32(e)),
    "float32 + 5": lambda e, x: float(np.float32(5 + e)),
    "scatters by 1e-9": scatter(1e-9),
    "scatters by 1e-7": scatter(1e-7),
}


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
@pytest.mark.parametrize("n", [1, 3, 20, 60])
def test_noise_is_neither_a_bug_nor_a_kink(noise, n):
    verdicts, wrong = [], []
    for seed in range(12):
        f, gradient, x = with_noise(noise, seed, n)
        verdicts.append(check_gradients(f, gradient, x).verdict)
        off = check_gradients(f, lambda x: 1.03 * gradient(x), x)  # noqa: B023
        wrong.append(off.verdict)
    assert set(verdicts) <= {"OK", "INCONCLUSIVE"}, verdicts
    assert set(wrong) <= {"WRONG", "INCONCLUSIVE"}, wrong
    # a single derivative may happen to be too small to be seen
    least = 9 if n == 1 else 11
    assert verdicts.count("OK") >= least, verdicts
    assert wrong.count("WRONG") >= least, wrong


def test_too_much_noise_stays_open():
    for seed in range(5):
        f, gradient, x = with_noise(scatter(1e-2), seed, 20)
        assert check_gradients(f, gradient, x).verdict == "INCONCLUSIVE"
        assert check_gradients(f, lambda x: -gradient(x), x).verdict != "OK"  # noqa: B023


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-6, 1e-7, 1e-8])
def test_a_kink_nearby_is_no_noise(distance):
    x = np.random.default_rng(0).normal(size=12)
    x[:4] = distance * np.array([1, -1, 1, -1])
    slopes = np.arange(1.0, 13)

    def f(x):
        return float(np.sum(np.maximum(x.real, 0) * slopes))

    assert check_gradients(f, lambda x: (x > 0) * slopes, x).passed
    # the slope of the other side, in two elements
    wrong = check_gradients(f, lambda x: (x > -0.01) * slopes, x)
    assert wrong.verdict == "WRONG"


@pytest.mark.parametrize("distance", [1e-3, 1e-4, 1e-5])
def test_a_pole_nearby_is_no_noise(distance):
    def f(x):
        return np.log(x[0] - 0.1 + distance) + x[1] ** 2

    def gradient(x):
        return np.array([1 / (x[0] - 0.1 + distance), 2 * x[1]])

    assert check_gradients(f, gradient, [0.1, 3.0]).passed
    wrong = check_gradients(f, lambda x: 1.03 * gradient(x), [0.1, 3.0])
    assert wrong.verdict == "WRONG"


def test_dates_far_from_zero():
    days = np.array([2451545.3, 2451546.7, 2451550.1])

    def f(x):
        return np.sum(np.cos(x - 2451545))

    assert check_gradients(f, lambda x: -np.sin(x - 2451545), days).passed
    assert check_gradients(f, lambda x: -1.03 * np.sin(x - 2451545), days).verdict == "WRONG"


def noise_of(f, x):
    return measure_noise(f, x, f(x), np.random.default_rng(0).normal(size=x.size))


def test_the_noise_that_is_measured():
    x = np.linspace(0.1, 1, 10)
    assert noise_of(lambda x: np.sum(np.sin(x)), x) < 1e-14
    for digits in (4, 6, 8):
        # the error of rounding has a standard deviation of 0.29 units
        noise = noise_of(lambda x: round(np.sum(np.sin(x)), digits), x)  # noqa: B023
        assert 0.5 * 10.0**-digits < noise < 3 * 10.0**-digits
    assert 1e-6 < noise_of(lambda x: scatter(1e-6)(np.sum(x), x), x) < 4e-6
    assert noise_of(lambda x: np.sum(np.abs(x - 0.1 - 1e-8)), x) < 1e-14
    assert noise_of(lambda x: 3.0, x) == np.finfo(float).eps * 3
