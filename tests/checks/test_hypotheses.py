"""Hints on functions as users have them: kinds of bugs, and where a likely cause is not the one."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from sknn_opt import check_gradients

RNG = np.random.default_rng(11)


def weighted(shape, seed=0):
    """A smooth function of one block, its gradient and a point."""
    rng = np.random.default_rng(seed)
    weight, x0 = rng.normal(size=shape), rng.normal(size=shape)
    return (
        lambda p: np.sum(weight * np.sin(p["K"])) + np.sum(p["K"] ** 2) / 7,
        lambda p: weight * np.cos(p["K"]) + 2 * p["K"] / 7,
        {"K": x0},
    )


def hints(change, shape, method="auto"):
    f, gradient, start = weighted(shape)
    report = check_gradients(f, lambda p: {"K": change(gradient(p))}, start, method=method)
    assert report.verdict == "WRONG"
    return report.hints


# Places -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "real"])
@pytest.mark.parametrize(
    ("change", "shape", "expected"),
    [
        (lambda g: g[::-1], (9,), "is reversed"),
        (lambda g: g[:, ::-1], (4, 6), "is flipped along axis 1"),
        (lambda g: g[:, :, ::-1, ::-1], (2, 3, 3, 3), "is flipped along axes 2, 3"),
        (lambda g: g[::-1, ::-1], (5, 3), "is reversed (flipped along all axes)"),
        (lambda g: -g[:, ::-1], (4, 6), "is flipped along axis 1, and the sign is wrong"),
        (lambda g: g.swapaxes(2, 3), (2, 3, 4, 4), "has axes 2 and 3 swapped"),
        (
            lambda g: g.transpose(0, 2, 1).reshape(2, 3, 5),
            (2, 3, 5),
            "axes 1 and 2 swapped, and",
        ),
        (lambda g: g.transpose(1, 2, 0), (4, 4, 4), "has its axes in the order (1, 2, 0)"),
        (lambda g: np.roll(g, 1), (9,), "is shifted by 1 to the right"),
        (lambda g: np.roll(g, -1, 1), (4, 6), "is shifted by 1 to the left along axis 1"),
        (
            lambda g: g[[0, 2, 1, 3]],
            (4, 6),
            "correct rows in the wrong order: 1 and 2 are ex",
        ),
        (lambda g: g[:, [2, 0, 3, 1]], (5, 4), "holds the correct columns in the wrong order"),
        (lambda g: g.ravel()[np.roll(np.arange(12), 5)].reshape(3, 4), (3, 4), "wrong order"),
    ],
)
def test_the_correct_numbers_in_the_wrong_places(change, shape, expected, method):
    (hint,) = hints(change, shape, method)
    assert expected in hint


def test_places_in_a_block_too_large_to_be_listed():
    (hint,) = hints(lambda g: g[::-1], (60, 40))
    assert hint == "K is flipped along axis 0"
    (hint,) = hints(lambda g: g * (np.arange(60) != 7)[:, np.newaxis], (60, 40))
    assert hint == "K is wrong only in row 7: zero"
    (hint,) = hints(lambda g: g * np.where(np.arange(60) < 2, -1, 1)[:, np.newaxis], (60, 40))
    assert hint == "K is wrong only in rows 0 and 1: the sign"


def _at(places, change):
    def changed(g):
        g = g.copy()
        g[places] = change(g[places])
        return g

    return changed


@pytest.mark.parametrize(
    ("places", "shape", "expected"),
    [
        (np.s_[3], (9,), "only in element [3]: zero"),
        (np.s_[[2, 5, 6]], (9,), "only in elements 2, 5 and 6: zero"),
        (np.s_[1:], (9,), "in all elements but 0: zero"),
        (np.s_[2], (5, 4), "only in row 2: zero"),
        (np.s_[:, [0, 3]], (5, 4), "only in columns 0 and 3: zero"),
        (np.s_[[0, 1, 2, 4]], (5, 4), "in all rows but 3: zero"),
        (np.s_[:, :, 1], (3, 4, 5), "only in slice 1 of axis 2: zero"),
        (np.s_[np.arange(4), np.arange(4)], (4, 4), "only on the diagonal: zero"),
        (np.triu_indices(4, 1), (4, 4), "only above the diagonal: zero"),
        (np.tril_indices(4, 0), (4, 4), "only on and below the diagonal: zero"),
        (([0, 1, 2], [3, 1, 0]), (5, 4), "in 3 of 20 elements: zero"),
    ],
)
def test_which_elements_are_wrong(places, shape, expected):
    (hint,) = hints(_at(places, lambda g: 0 * g), shape)
    expected = expected.replace("slice 1 of axis 2", "slice of axis 2 1")
    assert hint == f"K is wrong {expected}"
    (hint,) = hints(_at(places, lambda g: -g), shape)
    assert hint.endswith(": the sign")
    (hint,) = hints(_at(places, lambda g: 3 * g), shape)
    assert hint.endswith(": 3 times")


# Values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (np.abs, "has no signs"),
        (lambda g: np.maximum(g, 0), "has no negative numbers"),
        (lambda g: np.minimum(g, 0), "has no positive numbers"),
        (np.sign, "holds the signs of the right one alone, times 1"),
        (lambda g: np.clip(g, -0.3, 0.3), "is clipped to -0.3 and 0.3"),
        (lambda g: np.minimum(g, 0.2), "is clipped at 0.2"),
        (lambda g: 0.5 * g / np.linalg.norm(g), "its norm is 0.5, to which it is cut or scaled"),
        (lambda g: np.round(g, 2), "is rounded to 2 decimals"),
        (lambda g: np.trunc(10 * g).astype(int) / 10, "is cut off to 1 decimals"),
        (lambda g: g.astype(np.float16).astype(float), "is rounded to float16"),
        (lambda g: g**2, "is the square of the right one"),
        (lambda g: np.repeat(g.mean(0)[np.newaxis], 5, 0), "same row everywhere: the mean over"),
        (
            lambda g: np.repeat(g.sum(1)[:, np.newaxis], 5, 1),
            "column everywhere: the sum over",
        ),
        (lambda g: g + g.T, "is symmetric: the right one plus its transpose"),
        (lambda g: (g + g.T) / 2, "is symmetric: the mean of the right one and its transpose"),
        (lambda g: g + 0.1, "differs by +0.1 in each element"),
    ],
)
def test_the_correct_numbers_changed(change, expected):
    (hint,) = hints(change, (5, 5))
    assert expected in hint


def test_penalties_on_sizes():
    sign = np.sign(weighted((4, 5))[2]["K"])
    (hint,) = hints(lambda g: g - 0.1 * sign, (4, 5))
    assert hint == "K differs by -0.1 times the sign of K: the L1 penalty is missing or too small"


@pytest.mark.parametrize("method", ["auto", "real"])
def test_a_chain_rule_is_left_out(method):
    data, start = RNG.normal(size=(12, 5)), np.array([0.37, 0.81, 1.22, 0.55, 0.93])
    for function, slope, words in (
        (np.exp, np.exp, "exp(x)"),
        (np.log, lambda s: 1 / s, "1/x"),
        (np.tanh, lambda s: np.cosh(s) ** -2.0, "1 - tanh²(x)"),
        (lambda s: 1 / (1 + np.exp(-s)), lambda s: 1 / (2 + np.exp(s) + np.exp(-s)), "σ(1 - σ)"),
    ):

        def f(s, function=function):
            return np.sum((data - function(s)) ** 2)

        def inner(s, function=function):
            return -2 * np.sum(data - function(s), axis=0)

        correct = check_gradients(f, lambda s: inner(s) * slope(s), start, method=method)  # noqa: B023
        assert correct.passed
        report = check_gradients(f, inner, start, method=method)
        (hint,) = report.hints
        assert hint.startswith(f"x lacks a factor {words}"), hint


def test_sums_over_time_and_means_that_stay():
    seen = np.random.default_rng(3).normal(size=10).cumsum()
    report = check_gradients(
        lambda x: np.sum((np.cumsum(x) - seen) ** 2),
        lambda x: 2 * (np.cumsum(x) - seen),
        0.1 * seen,
    )
    assert report.hints == ["x lacks a cumulative sum from the end"]
    share = np.array([0.1, 0.2, 0.3, 0.4])
    report = check_gradients(
        lambda z: -share @ log_softmax(z), lambda z: softmax(z) - share + 0.3, 3 * share
    )
    assert len(report.hints) == 1
    assert report.hints[0].startswith("x has a mean, which must be subtracted")
    report = check_gradients(
        lambda x: x @ seen / np.linalg.norm(x), lambda x: seen / np.linalg.norm(x), seen**2
    )
    assert report.hints == [
        "x has a part along x itself, which must be subtracted: f does not move with the length"
    ]


def test_the_gradient_of_another_block():
    f = lambda p: np.sum(np.sin(p["u"] * p["v"]))  # noqa: E731

    def gradient(p):
        c = np.cos(p["u"] * p["v"])
        return {"u": c * p["u"], "v": c * p["v"]}

    start = {"u": RNG.normal(size=6), "v": RNG.normal(size=6)}
    assert check_gradients(f, gradient, start).hints == [
        "v holds another gradient: the right one stands in u",
        "u holds another gradient: the right one stands in v",
    ]


# Factors that sizes explain -----------------------------------------------------------------------


def attention(width, scale):
    rng = np.random.default_rng(0)
    X, target = rng.normal(size=(7, 3)), rng.normal(size=(7, width))
    start = {name: 0.5 * rng.normal(size=(3, width)) for name in ("Wq", "Wk", "Wv")}

    def forward(p):
        Q, K, V = (X @ p[name] for name in start)
        A = softmax(Q @ K.T / np.sqrt(width), axis=1)
        return Q, K, V, A, A @ V

    def cost(p):
        return 0.5 * np.sum((forward(p)[-1] - target) ** 2)

    def gradients(p):
        Q, K, V, A, out = forward(p)
        dA = (out - target) @ V.T
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True)) / scale
        return {"Wq": X.T @ dS @ K, "Wk": X.T @ dS.T @ Q, "Wv": X.T @ A.T @ (out - target)}

    return cost, gradients, start


@pytest.mark.parametrize("width", [5, 8, 12])
def test_the_root_of_a_width(width):
    assert check_gradients(*attention(width, np.sqrt(width))).passed
    (hint,) = check_gradients(*attention(width, 1.0)).hints
    assert hint.startswith(
        f"Wq, Wk are {np.sqrt(width):.6g} times the right one: the 1/√width is missing"
    )
    assert f"({width} is a width here)" in hint
    (hint,) = check_gradients(*attention(width, width)).hints
    assert "the 1/√width is applied twice" in hint


def test_a_factor_with_two_explanations_has_both():
    (hint,) = check_gradients(*attention(4, 1.0)).hints
    assert "2 from a square, or the 1/√width is missing" in hint


def test_rows_are_named_where_something_has_so_many():
    X, y = RNG.normal(size=(38, 3)), RNG.normal(size=38)

    def f(w):
        return np.sum((X @ w - y) ** 2) / 38

    def times(c):
        report = check_gradients(f, lambda w: c * 2 * X.T @ (X @ w - y) / 38, np.ones(3))
        (hint,) = report.hints
        return hint

    assert times(38).startswith("x is 38 times the right one: the 1/N is missing (38 is a size of")
    assert "the 1/N is applied twice (38 is a size of" in times(1 / 38)
    assert "the 2/N is missing (38 is a size of" in times(19)
    assert times(4) == "x is 4 times the right one"  # nothing has 4 rows
    assert times(39) == "x is 39 times the right one"
    assert times(0.3) == "x is 0.3 times the right one"
    assert times(-38).startswith("x is -38 times the right one: the sign is wrong, and the 1/N is")


# Likely causes that are not the ones --------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_a_gradient_along_x_is_no_penalty(size):
    x = np.linspace(0.7, 2.3, size)
    report = check_gradients(lambda x: np.sum(x**2), lambda x: 3.1 * x, x)
    assert not any("penalty" in hint for hint in report.hints), report.hints


def test_two_numbers_and_a_sign():
    start = {"u": 0.3, "v": 0.7}

    def gradient(p):
        off = 3 * (2 - 1.5 * p["u"] * p["v"])
        return {"u": off * p["v"], "v": off * p["u"]}

    report = check_gradients(lambda p: (2 - 1.5 * p["u"] * p["v"]) ** 2, gradient, start)
    assert report.hints == ["u, v are -1 times the right one: the sign is wrong"]


def test_a_large_gradient_that_is_wrong_is_not_one_that_has_to_be_zero():
    start = np.array([0.3, 0.5, 0.9])
    report = check_gradients(lambda x: np.sum(np.sin(x)), lambda x: 1e9 + np.cos(x), start)
    assert not any("has to be zero" in hint for hint in report.hints)


def test_no_penalty_where_f_does_not_move_with_the_length():
    A = RNG.normal(size=(6, 6))
    A = A + A.T

    def f(x):
        return x @ A @ x / (x @ x)

    report = check_gradients(f, lambda x: 2 * A @ x / (x @ x), np.arange(1.0, 7))
    (hint,) = report.hints
    assert "part along x itself" in hint
    assert "penalty" not in hint


def test_small_differences_without_a_pattern_name_rtol():
    x = RNG.normal(size=8)
    noise = 1 + 1e-5 * np.sin(100 * x)
    report = check_gradients(lambda x: np.sum(np.sin(x)), lambda x: np.cos(x) * noise, x)
    assert report.verdict == "WRONG"
    (hint,) = report.hints
    assert "rtol=1e-04" in hint
    assert check_gradients(
        lambda x: np.sum(np.sin(x)), lambda x: np.cos(x) * noise, x, rtol=1e-4
    ).passed
    # a factor is a pattern
    report = check_gradients(lambda x: np.sum(np.sin(x)), lambda x: 1.00001 * np.cos(x), x)
    assert report.hints == ["x is 1.00001 times the right one"]


# Embeddings, surrogates, normalization ------------------------------------------------------------


@pytest.mark.parametrize("vocabulary", [60, 250])
def test_rows_that_are_used_more_than_once(vocabulary):
    rng = np.random.default_rng(5)
    tokens = rng.integers(0, vocabulary, (6, 8))
    target, start = rng.normal(size=(6, 8, 5)), {"E": rng.normal(size=(vocabulary, 5))}

    def gradient(p):
        d = np.zeros_like(p["E"])
        d[tokens] += p["E"][tokens] - target
        return {"E": d}

    report = check_gradients(lambda p: np.sum((p["E"][tokens] - target) ** 2) / 2, gradient, start)
    (hint,) = report.hints
    assert "those that tokens names more than once" in hint
    assert "np.add.at" in hint


def test_a_surrogate_of_a_step_is_said():
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(20, 4)), rng.normal(size=3)
    start = {"W": rng.normal(size=(4, 3)), "b": np.ones(2)}
    report = check_gradients(
        lambda p: np.sum(np.sign(X @ p["W"]) @ w) + p["b"] @ p["b"],
        lambda p: {"W": X.T @ np.tile(w, (20, 1)), "b": 2 * p["b"]},
        start,
    )
    assert report.verdict == "WRONG"
    assert "f does not change with it" in report.hints[0]
    assert "straight-through" in report.hints[1]
    # a unit that is switched off starts without a jump
    report = check_gradients(
        lambda x: np.sum(np.maximum(x + 5, 0)), np.ones_like, -6 - np.arange(4.0)
    )
    assert report.hints == [
        "x has to be zero: to first order f does not change with it at this point"
    ]


def test_a_function_of_steps_alone():
    x = RNG.normal(size=30)
    report = check_gradients(
        lambda x: np.sum(np.round(5 * x) ** 2), lambda x: 10 * np.round(5 * x), x
    )
    assert not report.passed
    (hint,) = report.hints
    assert "jumps by" in hint
    assert "float64" not in hint


def normalized(axis, own):
    """Two layers with a normalization by hand between them; `own` adds to its backward."""
    rng = np.random.default_rng(1)
    X, target = rng.normal(size=(9, 4)), rng.normal(size=9)
    start = {
        "W1": rng.normal(size=(4, 5)),
        "gamma1": 1 + 0.1 * rng.normal(size=5),
        "beta1": 0.1 * rng.normal(size=5),
        "v2": rng.normal(size=5),
    }

    def forward(p):
        z = X @ p["W1"]
        z = z - z.mean(axis=axis, keepdims=True)
        scale = 1 / np.sqrt((z**2).mean(axis=axis, keepdims=True) + 1e-5)
        return scale, z * scale, np.tanh(p["gamma1"] * z * scale + p["beta1"])

    def cost(p):
        return 0.5 * np.sum((forward(p)[2] @ p["v2"] - target) ** 2)

    def gradients(p):
        scale, x_hat, a = forward(p)
        off = a @ p["v2"] - target
        dn = off[:, np.newaxis] * p["v2"] * (1 - a**2)
        d = dn * p["gamma1"]
        means = [(d * each).mean(axis=axis, keepdims=True) for each in (1, x_hat)]
        dz = scale * (d - means[0] - x_hat * means[1]) + own * scale * x_hat * means[1]
        return {
            "W1": X.T @ dz,
            "gamma1": (dn * x_hat).sum(axis=0),
            "beta1": dn.sum(axis=0),
            "v2": a.T @ off,
        }

    return cost, gradients, start


@pytest.mark.parametrize("axis", [0, 1])
def test_the_backward_of_a_normalization_lies_between_its_blocks(axis):
    assert check_gradients(*normalized(axis, 0.0)).passed
    for own in (1.0, 2.0):
        report = check_gradients(*normalized(axis, own))
        assert report.first_bad_layer == 1
        assert "between gamma1, beta1, which are correct, and W1" in report.fault
        assert "normalization" in report.fault


def test_a_weight_above_a_normalization_is_not_blamed_on_it():
    cost, gradients, start = normalized(0, 0.0)
    report = check_gradients(cost, lambda p: {**gradients(p), "v2": 2 * gradients(p)["v2"]}, start)
    assert report.fault == "layer 2: v2"
