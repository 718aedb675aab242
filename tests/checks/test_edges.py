"""Where the domain of a function ends: one-sided derivatives; and steep places beside poles."""

import numpy as np
import pytest

from sknn_opt import check_gradients

SLOPES = np.arange(1.0, 7)


def in_box(x):
    if (x < 0).any() or (x > 1).any():
        raise ValueError("out of bounds")
    return np.sum(np.exp(x) * SLOPES)


def with_variances(p):
    if (p["s"] < 0).any():
        return np.inf
    return np.sum(p["W"] ** 2) + np.sum(2 * p["s"] + p["s"] ** 2)


def log_or_nan(x):
    return np.nan if x[0] < 2 else x[0] ** 3


AT_THE_END = {
    "a box": (in_box, lambda x: np.exp(x) * SLOPES, np.array([0, 0, 1, 1, 0.5, 0.3])),
    "one number": (log_or_nan, lambda x: 3 * x**2, np.array([2.0])),
    "variances of 0": (
        with_variances,
        lambda p: {"W": 2 * p["W"], "s": 2 + 2 * p["s"]},
        {"W": np.ones((3, 3)), "s": np.zeros(5)},
    ),
    "x to 1.5": (
        lambda x: np.sum(np.sqrt(x) ** 3 + 3 * x),
        lambda x: 1.5 * np.sqrt(x) + 3,
        np.array([0.0, 0.7, 2, 3, 4]),
    ),
}


def times(factor, gradient):
    def scaled(p):
        found = gradient(p)
        return (
            {k: factor * v for k, v in found.items()} if isinstance(found, dict) else factor * found
        )

    return scaled


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("case", AT_THE_END.values(), ids=AT_THE_END)
@pytest.mark.parametrize("method", ["auto", "real"])
def test_derivatives_are_one_sided_at_the_end_of_a_domain(case, method):
    f, gradient, x0 = case
    report = check_gradients(f, gradient, x0, method=method)
    assert report.verdict == "OK", report
    assert report.notes[-1].startswith("x lies at the end of the function's domain")
    for factor in (1.03, -1, 0):
        wrong = check_gradients(f, times(factor, gradient), x0, method=method)
        assert wrong.verdict == "WRONG", wrong


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_single_wrong_element_at_the_end_of_a_domain():
    f, gradient, x0 = AT_THE_END["a box"]
    for k in range(6):
        report = check_gradients(f, lambda x: gradient(x) * (1 + 0.1 * (np.arange(6) == k)), x0)  # noqa: B023
        assert report.verdict == "WRONG"
        assert report.worst(1)[0]["index"] == (k,)
        assert report.hints == [f"x is wrong only in element [{k}]: 1.1 times"]


def test_inside_of_a_domain_nothing_is_said():
    f, gradient, x0 = AT_THE_END["a box"]
    report = check_gradients(f, gradient, 0.01 + 0.9 * x0)
    assert report.verdict == "OK"
    assert report.notes == ()


def test_nothing_can_be_told_where_all_ways_lead_out():
    report = check_gradients(
        lambda x: np.sum(x**2) if np.array_equal(x, [1, 2]) else np.nan, lambda x: 2 * x, [1.0, 2]
    )
    assert report.verdict == "INCONCLUSIVE"


def test_a_steep_place_is_no_scatter():
    report = check_gradients(np.tan, lambda x: 1 / np.cos(x) ** 2, np.pi / 2 - 1e-7, method="real")
    assert report.verdict == "INCONCLUSIVE"
    (hint,) = report.hints
    assert "so steep here" in hint


@pytest.mark.parametrize("distance", [1e-1, 1e-3, 1e-5, 1e-7])
def test_poles_are_neither_kinks_nor_noise(distance):
    poles = {
        "1/x": (lambda x: np.sum(1 / x), lambda x: -1 / x**2),
        "log": (lambda x: np.sum(np.log(np.abs(x))), lambda x: 1 / x),
        "cube root": (lambda x: np.sum(np.cbrt(x)), lambda x: 1 / np.cbrt(x) ** 2 / 3),
    }
    for f, gradient in poles.values():
        for x0 in ([distance], [distance, 3.0], [1.0, -distance, 2.0, 5.0]):
            assert check_gradients(f, gradient, x0).verdict == "OK"
            wrong = check_gradients(f, lambda x: 1.03 * gradient(x), x0)  # noqa: B023
            assert wrong.verdict == "WRONG"
