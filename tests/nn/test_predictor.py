"""Folding batch norm into the weights, undone; and the activations of a hidden layer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sknn_opt.nn.network import Architecture, Weights
from sknn_opt.nn.predictor import Predictor, fold, unfold

SPEC = Architecture((3, 4, 2, 2), "tanh", "squared_error", (0.0, 0.0, 0.0), True)
RNG = np.random.default_rng(0)
SIZES = st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3)


def draw(dtype, gamma=1.0, variance=1.0):
    weights = Weights(RNG.normal(size=SPEC.n_parameters), SPEC.initial_statistics(float))
    weights.statistics[:] = RNG.normal(size=weights.statistics.size)
    for i in (1, 2):
        SPEC.blocks[f"gamma[{i}]"].of(weights.theta)[...] = np.resize(gamma, SPEC.n_units[i])
        SPEC.statistics[f"variance[{i}]"].of(weights.statistics)[...] = variance
    return weights.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(gamma=arrays(float, 4, elements=SIZES), variance=st.floats(0, 1e6), factor=SIZES)
def test_fold_gives_what_unfold_was_given(dtype, gamma, variance, factor):
    weights = draw(dtype, gamma, variance)
    coefs, intercepts = fold(SPEC, *vars(draw(dtype)).values())
    coefs = [factor * W for W in coefs]
    unfold(SPEC, weights, coefs, intercepts)
    eps = 10 * np.finfo(dtype).eps
    folded = fold(SPEC, weights.theta, weights.statistics)
    for W, expected in zip(folded[0], coefs, strict=True):
        np.testing.assert_allclose(W, expected, rtol=eps)
    for i, (b, expected) in enumerate(zip(folded[1], intercepts, strict=True), 1):
        beta = SPEC.blocks.get(f"beta[{i}]")
        shift = 0 if beta is None else np.abs(beta.of(weights.theta)).max()
        np.testing.assert_allclose(b, expected, rtol=eps, atol=eps * shift)


def test_unfold_leaves_gamma_the_statistics_and_what_is_not_given():
    weights = draw(float)
    before = weights.copy()
    unfold(SPEC, weights)
    assert np.array_equal(weights.theta, before.theta)
    coefs, intercepts = fold(SPEC, *vars(draw(float)).values())
    unfold(SPEC, weights, intercepts=intercepts)
    changed = {
        name
        for name, block in SPEC.blocks.items()
        if not np.array_equal(block.of(weights.theta), block.of(before.theta))
    }
    assert changed == {"beta[1]", "beta[2]", "b[3]"}
    unfold(SPEC, weights, coefs)
    assert np.array_equal(weights.statistics, before.statistics)
    for i in (1, 2):
        block = SPEC.blocks[f"gamma[{i}]"]
        assert np.array_equal(block.of(weights.theta), block.of(before.theta))


@pytest.mark.parametrize("gamma", [0.0, 1e-40])
def test_a_unit_that_batch_norm_turns_off(gamma):
    weights = draw(np.float32, [1, 1, gamma, 1])
    with pytest.raises(ValueError, match=r"coefs_\[0\] cannot be set: .* unit 2 by .*gamma\[1\]"):
        unfold(SPEC, weights, [np.ones(W.shape) for W in fold(SPEC, *vars(weights).values())[0]])


@pytest.mark.parametrize("depth", [1, 2])
def test_depth(depth):
    weights, X = draw(float), RNG.normal(size=(50_000, 3))
    predictor, a = Predictor(SPEC, weights), X
    for W, b in zip(predictor.coefs[:depth], predictor.intercepts, strict=False):
        a = np.tanh(a @ W + b)
    chosen = RNG.permutation(len(X))[:40_000]
    np.testing.assert_allclose(predictor.outputs(X, lambda z: z, depth=depth), a, atol=1e-12)
    found = predictor.outputs(X, lambda z: -z, chosen, depth)
    np.testing.assert_allclose(found, -a[chosen], atol=1e-12)
