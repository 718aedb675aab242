"""Directional derivatives by real steps: known functions, their errors, noise and kinks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sknn_opt.checks.gradients.numeric.real_step import SAFETY, RealStep
from sknn_opt.checks.gradients.problem import Problem
from sknn_opt.nn.network import Block


def step(f, x, seed=0):
    x = np.atleast_1d(np.asarray(x, float))
    problem = Problem(f, None, x, {"x": Block(slice(0, x.size), x.shape)})
    return RealStep(f, problem, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("f", "derivative"),
    [
        (np.sin, np.cos),
        (np.exp, np.exp),
        (lambda x: x**3, lambda x: 3 * x**2),
        (lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2),
        (lambda x: 7 * x, lambda x: 7 + 0 * x),
        (lambda x: 1e9 + np.cos(x), lambda x: -np.sin(x)),
        (lambda x: np.sin(1000 * x), lambda x: 1000 * np.cos(1000 * x)),
        (lambda x: 1e12 * np.sin(x), lambda x: 1e12 * np.cos(x)),
        (lambda x: 1e-12 * np.sin(x), lambda x: 1e-12 * np.cos(x)),
    ],
    ids=["sin", "exp", "cube", "rational", "linear", "offset", "wavy", "large", "small"],
)
@pytest.mark.parametrize("x", [0.3, 1.7, -2.4])
def test_the_error_is_no_less_than_the_truth(f, derivative, x):
    exact = derivative(x)
    estimate = step(lambda v: f(v[0]), x).derivative(np.ones(1), exact)
    assert not estimate.kink
    assert abs(estimate.value - exact) <= SAFETY * estimate.error
    assert estimate.agrees(exact)


def test_smooth_functions_are_resolved_to_nine_digits():
    estimate = step(lambda v: np.sin(v[0]), 0.3).derivative(np.ones(1), np.cos(0.3))
    assert estimate.error < 1e-9


@given(
    x=st.floats(-3, 3),
    size=st.floats(1e-3, 1e3),
    error=st.floats(1e-4, 1e3),
)
@settings(max_examples=100, deadline=None)
def test_a_wrong_derivative_is_contradicted(x, size, error):
    def f(v):
        return size * np.tanh(v[0]) + size * v[0]

    exact = size * (2 - np.tanh(x) ** 2)
    found = step(f, x).derivative(np.ones(1), exact * (1 + error))
    assert not found.kink
    assert not found.agrees(exact * (1 + error))
    assert step(f, x).derivative(np.ones(1), exact).agrees(exact)


@pytest.mark.parametrize("noise", [1e-14, 1e-10, 1e-6])
def test_noise_is_measured(noise):
    rng = np.random.default_rng(1)
    found = step(lambda v: np.sin(v[0]) + noise * rng.normal(), 0.3).noise
    assert noise < found < 10 * noise


def test_float32_inside_is_noise():
    found = step(lambda v: float(np.float32(np.sin(v[0]))), 0.3).noise
    assert 1e-9 < found < 1e-6


@pytest.mark.parametrize("x", [0.0, 2.0])
def test_a_kink_at_x_is_named(x):
    f = step(lambda v: abs(v[0] - x) + v[1] ** 2, [x, 1.0])
    assert f.derivative(np.array([1.0, 0.0]), 0.0).kink
    assert f.derivative(np.array([1.0, 1.0]), 2.0).kink
    assert not f.derivative(np.array([0.0, 1.0]), 2.0).kink


@pytest.mark.parametrize("distance", [1e-1, 1e-3, 1e-5, 1e-6])
def test_a_kink_near_x_is_stepped_under(distance):
    def f(v):
        return 3 * max(v[0] - 1 - distance, 0) + np.sin(v[0])

    estimate = step(f, 1.0).derivative(np.ones(1), np.cos(1))
    assert not estimate.kink
    assert abs(estimate.value - np.cos(1)) <= SAFETY * estimate.error < 1e-3


def test_values_that_are_not_finite_leave_the_question_open():
    def f(v):
        return np.sin(v[0]) if v[0] == 1 else np.nan

    estimate = step(f, 1.0).derivative(np.ones(1), 123.0)
    assert not np.isfinite(estimate.error)
    assert estimate.agrees(123.0)


def test_what_varies_below_every_step_is_left_open():
    # cosines of frequencies up to 2e9: no step sees a slope
    k = 7.0 ** np.arange(12)

    def f(v):
        return float(np.sum(np.cos(k * np.pi * v[0]) * 0.5 ** np.arange(12)))

    exact = -np.sum(k * np.pi * np.sin(k * np.pi * 0.3) * 0.5 ** np.arange(12))
    assert step(f, 0.3).derivative(np.ones(1), exact).agrees(exact)


def test_a_function_that_ends_nearby_is_still_differentiated():
    estimate = step(lambda v: np.log(v[0]) if v[0] > 0 else np.nan, 1e-3)
    found = estimate.derivative(np.ones(1), 1e3)
    assert abs(found.value - 1e3) <= SAFETY * found.error < 1
