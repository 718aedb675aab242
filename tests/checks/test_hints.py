"""Hints: every bug is named from its numbers alone, and random numbers name nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sknn_opt.checks.gradients.hints import name_causes
from sknn_opt.checks.gradients.hypotheses.evidence import Context, Evidence

RNG = np.random.default_rng([7, 7, 7])  # a seed that hypothesis does not try
RIGHT, THETA = RNG.normal(size=(5, 5)), RNG.normal(size=(5, 5))
N = 12


def hints(wrong, right=RIGHT, theta=THETA, *, block="W2", along=None, n_rows=None, penalty=None):
    wrong, right = np.asarray(wrong, float), np.asarray(right, float)
    directions = None
    numeric = right.ravel()
    if along:
        directions = np.random.default_rng(1).normal(size=(along, right.size))
        numeric = directions @ numeric
    evidence = Evidence(
        block,
        right.shape,
        wrong.ravel(),
        np.broadcast_to(theta, right.shape).ravel(),
        numeric,
        directions,
    )
    return name_causes([evidence], Context(n_rows, penalty))


@pytest.mark.parametrize("along", [None, 7])
@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (0 * RIGHT, "all zero"),
        (-RIGHT, "is -1 times the right one: the sign is wrong"),
        (2 * RIGHT, "is 2 times the right one: a missing 1/2, or an extra 2 from a square"),
        (RIGHT / 2, "2 times too small: an extra 1/2, or a missing 2 from a square"),
        (N * RIGHT, "is 12 times the right one: if there are 12 rows, the 1/N is missing"),
        (RIGHT / N, "12 times too small: if there are 12 rows, the 1/N is applied twice"),
        (0.99 * RIGHT, "is 0.99 times the right one"),
        (1.0001 * RIGHT, "is 1.0001 times the right one"),
        (RIGHT.T, "is transposed"),
        (RIGHT - 0.1 * THETA, "differs by -0.1 W: the L2 penalty is missing"),
        (RIGHT + 0.1 * THETA, "differs by +0.1 W: the L2 penalty is counted twice"),
        (0.3 * THETA, "is 0.3 W and nothing else"),
        (3 * (RIGHT - 0.1 * THETA) + 0.1 * THETA, "is 3 times the right one"),
        ((RIGHT - 0.1 * THETA).T + 0.1 * THETA, "is transposed"),
    ],
)
def test_one_cause(wrong, expected, along):
    (hint,) = hints(wrong, along=along)
    assert hint.startswith("W2 ")
    assert expected in hint


@pytest.mark.parametrize("along", [None, 7])
def test_the_number_of_rows_is_named_where_it_is_known(along):
    (hint,) = hints(N * RIGHT, along=along, n_rows=N)
    assert hint == "W2 is N = 12 times the right one: the 1/N is missing"
    (hint,) = hints(RIGHT / N, along=along, n_rows=N)
    assert "N = 12 times too small" in hint
    (hint,) = hints(-N * RIGHT, along=along, n_rows=N)
    assert hint == ("W2 is -N = -12 times the right one: the sign is wrong, and the 1/N is missing")
    (hint,) = hints(RIGHT - 0.1 * THETA, along=along, penalty=0.1)
    assert "α/N = 0.1" in hint


def test_biases_have_causes_of_their_own():
    right, theta = RIGHT[0], THETA[0]
    (hint,) = hints(right + 0.1 * theta, right, theta, block="b2", n_rows=N)
    assert hint == "b2 differs by +0.1 b: biases are not penalized"
    # a function of the user's may penalize them
    (hint,) = hints(right + 0.1 * theta, right, theta, block="b2")
    assert hint == "b2 differs by +0.1 b: it is not penalized in f, or but once"
    (hint,) = hints(right - 0.1 * theta, right, theta, block="b2")
    assert hint == "b2 differs by -0.1 b2: the L2 penalty is missing or too small"
    (hint,) = hints(right / N, right, theta, block="b2", n_rows=N)
    assert "a sum over rows is taken as a mean" in hint
    # a vector that is no bias
    (hint,) = hints(right - 0.1 * theta, right, theta, block="x")
    assert "differs by -0.1 x: the L2 penalty is missing" in hint


def test_parts_are_named_where_elements_are_known():
    wrong = RIGHT.copy()
    wrong[1, 2] *= 1.1
    assert hints(wrong) == ("W2 is wrong only in element [1, 2]: 1.1 times",)
    wrong = RIGHT.copy()
    wrong[:, 3] = 0
    assert hints(wrong) == ("W2 is wrong only in column 3: zero",)
    wrong = RIGHT.copy()
    wrong[2] *= -1
    assert hints(wrong) == ("W2 is wrong only in row 2: the sign",)
    assert hints(np.roll(RIGHT, 3)) == ("W2 holds the correct numbers in the wrong order",)
    wrong = RIGHT.copy()
    wrong[0, 0] += 1
    wrong[1, 1] += 1
    assert hints(wrong) == ("W2 is wrong in 2 of 25 elements",)
    wide = RNG.normal(size=(2, 6))
    (hint,) = hints(wide.T.reshape(2, 6), wide, 0.0)
    assert "transposed, and reshaped" in hint


def test_values_that_are_not_finite():
    assert hints(np.full((5, 5), np.nan)) == ("W2 is not finite (NaN or infinite)",)
    assert hints(RIGHT, np.full((5, 5), np.nan)) == ()


def test_a_single_number_tells_little():
    # one number is always some multiple of another: only plain factors are worth a word
    assert hints([[2.0]], [[1.0]], 0.0) != ()
    assert hints([[0.37]], [[1.0]], 0.0) == ()


def test_blocks_with_one_cause_share_a_line():
    evidence = [
        Evidence(name, RIGHT.shape, factor * RIGHT.ravel(), 0 * RIGHT.ravel(), RIGHT.ravel(), None)
        for name, factor in [("W1", 3), ("W2", -1), ("W3", 3)]
    ]
    assert name_causes(evidence, Context(n_rows=3)) == (
        "W1, W3 are N = 3 times the right one: the 1/N is missing",
        "W2 is -1 times the right one: the sign is wrong",
    )


@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 7]), st.floats(1e-6, 10))
@settings(max_examples=60, deadline=None)
def test_a_random_error_has_no_cause(seed, along, size):
    rng = np.random.default_rng(seed)
    found = hints(RIGHT + size * rng.normal(size=RIGHT.shape), along=along)
    assert found == () or (size < 2e-3 and "rtol" in found[0])
