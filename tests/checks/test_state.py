"""What changes from call to call: random numbers, state, gradients that add up."""

import random

import numpy as np
import pytest

from sknn_opt import check_gradients
from sknn_opt.checks.gradients.reach import look_around

X0 = np.array([1.0, -0.5, 0.3])


def refusal(f, gradient=lambda x: 2 * x):
    with pytest.raises(ValueError, match="calls at the same point") as caught:
        check_gradients(f, gradient, X0)
    return str(caught.value)


class Dropout:
    def __init__(self):
        self.rng = np.random.RandomState(0)

    def loss(self, x):
        return np.sum(x**2 * self.rng.rand(3))


def from_a_closure():
    rng = np.random.default_rng(0)
    return lambda x: np.sum(x**2) + rng.normal()


RANDOM = {
    "numpy's own": lambda x: np.sum(x**2) + np.random.normal(),  # noqa: NPY002
    "Python's": lambda x: np.sum(x**2) + random.random(),
    "a new generator each time": lambda x: np.sum(x**2) + np.random.default_rng().normal(),
    "a closure": from_a_closure(),
    "an object": Dropout().loss,
}


@pytest.mark.parametrize("f", RANDOM.values(), ids=RANDOM)
def test_random_numbers(f):
    assert "The function is random" in refusal(f)


def recurrent():
    h = [np.zeros(3)]

    def f(x):
        h[0] = np.tanh(h[0] + x)
        return h[0].sum()

    return f


class Simulator:
    def __init__(self):
        self.time = 0.0

    def __call__(self, x):
        self.time += 0.1
        return np.sum(np.sin(x + self.time))


class RunningMean:
    mean = 0.0

    def loss(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean()
        return np.sum((x - self.mean) ** 2)


def cached():
    kept = {}

    def f(x):
        first = "seen" not in kept
        kept["seen"] = 0.5
        return np.sum(x**2) + first

    return f


def alternating():
    turn = [1]

    def f(x):
        turn[0] = -turn[0]
        return np.sum(x**2) + turn[0]

    return f


STATES = [recurrent(), Simulator(), RunningMean().loss, cached(), alternating()]


@pytest.mark.parametrize("f", STATES, ids=["hidden", "clock", "running mean", "cache", "turns"])
def test_state(f):
    said = refusal(f)
    assert "carries state over from one call to the next" in said
    assert "random:" not in said


def test_gradients_that_add_up():
    total = np.zeros(3)

    def gradient(x):
        total[:] += 2 * x
        return total.copy()

    assert "adds up from call to call" in refusal(lambda x: np.sum(x**2), gradient)


def test_the_generators_are_put_back():
    rng = np.random.default_rng(0)
    refusal(lambda x: np.sum(x**2) + rng.normal())
    after = rng.normal()
    drawn = np.random.default_rng(0).normal(size=50)
    assert after in drawn


def test_what_a_function_can_reach():
    X, ids = np.zeros((7, 2)), np.arange(5)
    rng = np.random.default_rng(0)

    class Model:
        def __init__(self):
            self.table = np.zeros((3, 11))

        def loss(self, x):
            return self.table.sum() + helper(x)

    def helper(x):
        return X.sum() + ids.sum() + rng.normal()

    found = look_around(Model().loss)
    assert found.sizes.keys() >= {2, 3, 5, 7, 11, 14, 33}
    assert 33 not in found.widths
    assert list(found.indices) == ["ids"]
    assert found.generators == [rng]
    assert "normal" in found.names
    assert not found.may_draw  # what is called rng is found by itself
