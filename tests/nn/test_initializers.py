"""Initial weights: the variance that each name promises, and callables."""

import math

import numpy as np
import pytest

from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.initializers import INITIALIZERS, draw_weights
from sknn_opt.nn.network import Architecture

SHAPE = (400, 150)
VARIANCES = {
    "auto": lambda n_in, n_out, gain: gain**2 / n_in,
    "data": lambda n_in, n_out, gain: 1.0,
    "he_normal": lambda n_in, n_out, gain: 2 / n_in,
    "he_uniform": lambda n_in, n_out, gain: 2 / n_in,
    "glorot_normal": lambda n_in, n_out, gain: 2 / (n_in + n_out),
    "glorot_uniform": lambda n_in, n_out, gain: 2 / (n_in + n_out),
    "lecun_normal": lambda n_in, n_out, gain: 1 / n_in,
    "lecun_uniform": lambda n_in, n_out, gain: 1 / n_in,
    "xavier": lambda n_in, n_out, gain: 1 / n_in,
    "orthogonal": lambda n_in, n_out, gain: gain**2 / max(n_in, n_out),
}
GAIN = 1.7


def test_every_name_has_a_variance_here():
    assert set(VARIANCES) == set(INITIALIZERS)


@pytest.mark.parametrize("shape", [SHAPE, SHAPE[::-1]])
@pytest.mark.parametrize("name", sorted(VARIANCES))
def test_mean_and_variance(name, shape):
    W = draw_weights(name, shape, np.random.default_rng(0), GAIN)
    assert W.shape == shape
    variance = VARIANCES[name](*shape, GAIN)
    # Σ W² / σ² is chi-square with W.size degrees of freedom: relative deviation √(2 / size).
    assert np.mean(W**2) == pytest.approx(variance, rel=5 * math.sqrt(2 / W.size))
    assert abs(W.mean()) < 5 * math.sqrt(variance / W.size)
    if name.endswith("uniform"):
        bound = math.sqrt(3 * variance)
        assert np.abs(W).max() <= bound
        assert np.abs(W).max() > 0.999 * bound
    elif name != "orthogonal":
        # Normal: of 60,000 values about 0.27% lie beyond three standard deviations.
        assert np.mean(np.abs(W) > 3 * math.sqrt(variance)) == pytest.approx(0.0027, rel=0.3)


@pytest.mark.parametrize("name", sorted(set(VARIANCES) - {"auto", "orthogonal"}))
def test_named_variances_ignore_the_gain(name):
    one, two = (draw_weights(name, (5, 4), np.random.default_rng(3), g) for g in (1.0, 9.0))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("shape", [(40, 7), (7, 40), (9, 9), (1, 5), (5, 1)])
def test_orthogonal_keeps_lengths(shape):
    W = draw_weights("orthogonal", shape, np.random.default_rng(0), GAIN)
    assert W.shape == shape
    gram = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(gram, GAIN**2 * np.eye(min(shape)), atol=1e-13)


def test_orthogonal_is_uniform_on_the_rotations():
    # QR without the sign correction gives columns whose mean is not 0.
    rng = np.random.default_rng(0)
    mean = np.mean([draw_weights("orthogonal", (2, 2), rng, 1.0) for _ in range(4000)], axis=0)
    assert np.abs(mean).max() < 5 * math.sqrt(0.5 / 4000)


@pytest.mark.parametrize("name", sorted(VARIANCES))
def test_the_same_generator_gives_the_same_weights(name):
    one, two = (draw_weights(name, (5, 4), np.random.default_rng(7), 1.0) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_callable_gets_shape_rng_and_gain():
    seen = []

    def init(shape, rng, gain):
        seen.append((shape, rng, gain))
        return np.full(shape, 0.25)

    rng = np.random.default_rng(0)
    W = draw_weights(init, (3, 2), rng, 1.5)
    assert seen == [((3, 2), rng, 1.5)]
    np.testing.assert_array_equal(W, np.full((3, 2), 0.25))


@pytest.mark.parametrize(
    "returned",
    [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[1, 2], [3, 4], [5, 6]], np.ones((3, 2), np.float32)],
)
def test_callable_may_return_lists_integers_and_float32(returned):
    W = draw_weights(lambda shape, rng, gain: returned, (3, 2), None, 1.0)
    np.testing.assert_array_equal(W, np.asarray(returned))


@pytest.mark.parametrize(
    "returned",
    [
        np.zeros((2, 3)),
        np.zeros(6),
        0.0,
        np.full((3, 2), np.nan),
        np.full((3, 2), np.inf),
        np.zeros((3, 2), complex),
        np.full((3, 2), "1"),
        np.zeros((3, 2), bool),
        None,
    ],
    ids=["transposed", "flat", "scalar", "nan", "inf", "complex", "strings", "bool", "None"],
)
def test_callable_with_a_wrong_result_is_named(returned):
    with pytest.raises(ValueError, match=r"passed as init must return .* shape \(3, 2\)"):
        draw_weights(lambda shape, rng, gain: returned, (3, 2), None, 1.0)


# In a network -----------------------------------------------------------------------------------


def _spec(activation, batch_norm=False):
    return Architecture((6, 5, 4, 3, 2), activation, "squared_error", (0,) * 4, batch_norm)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_auto_centers_what_an_activation_at_rest_passes_on(activation):
    spec = _spec(activation)
    theta = spec.initial_parameters("auto", np.random.default_rng(0), np.float64)
    at_rest = {"logistic": 0.5, "softplus": math.log(2)}.get(activation, 0.0)
    drawn = activation in ("identity", "relu", "leaky_relu")
    assert np.all((spec.blocks["b[1]"].of(theta) != 0) == drawn)
    for i in (2, 3, 4):
        W, b = (spec.blocks[f"{name}[{i}]"].of(theta) for name in "Wb")
        np.testing.assert_allclose(b, -at_rest * W.sum(axis=0), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", sorted(set(VARIANCES) - {"auto"}))
def test_other_inits_leave_the_biases_at_zero(name):
    spec = _spec("logistic")
    theta = spec.initial_parameters(name, np.random.default_rng(0), np.float64)
    assert np.all(theta[spec.n_decayed :] == 0)


def test_batch_norm_starts_as_the_identity():
    spec = _spec("logistic", batch_norm=True)
    theta = spec.initial_parameters("he_normal", np.random.default_rng(0), np.float32)
    assert theta.dtype == np.float32
    for i in (1, 2, 3):
        assert np.all(spec.blocks[f"gamma[{i}]"].of(theta) == 1)
        assert np.all(spec.blocks[f"beta[{i}]"].of(theta) == 0)
    statistics = spec.initial_statistics(np.float32)
    assert statistics.dtype == np.float32
    for name, block in spec.statistics.items():
        assert np.all(block.of(statistics) == name.startswith("variance"))


def test_gain_by_layer():
    seen = {}

    def init(shape, rng, gain):
        seen[shape] = gain
        return np.zeros(shape)

    _spec("relu").initial_parameters(init, np.random.default_rng(0), np.float64)
    root = math.sqrt(2)
    # W[1] reads the inputs; the layers above read relus.
    assert seen == {(6, 5): 1.0, (5, 4): root, (4, 3): root, (3, 2): root}
    rng = np.random.default_rng(0)
    spec = Architecture((300, 300, 300, 300), "relu", "squared_error", (0,) * 3, False)
    theta = spec.initial_parameters("auto", rng, np.float64)
    stds = [spec.blocks[f"W[{i}]"].of(theta).std() * math.sqrt(300) for i in (1, 2, 3)]
    # The first starts small, by √(n_in / (n_in + n_out)); the last feeds the loss: gain 1.
    np.testing.assert_allclose(stds, [root / 2, root, 1], rtol=0.02)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_what_bends_alike_at_every_scale_starts_small(activation):
    function = ACTIVATIONS[activation]
    scratch = [np.empty(9) for _ in range(function.n_scratch)]
    one = np.linspace(-2, 2, 9)
    three = 3 * one
    function.forward(one, *scratch)
    function.forward(three, *scratch)
    assert function.is_homogeneous == np.allclose(three, 3 * one, rtol=1e-12)
    spec = Architecture((300, 900, 2), activation, "squared_error", (0,) * 2, False)
    theta = spec.initial_parameters("auto", np.random.default_rng(0), np.float64)
    W, b = (spec.blocks[name].of(theta) for name in ("W[1]", "b[1]"))
    std = math.sqrt(1 / 1200 if function.is_homogeneous else 1 / 300)
    assert W.std() == pytest.approx(std, rel=0.01)
    drawn = 2 * std if function.is_homogeneous else 0
    assert b.std() == pytest.approx(drawn, rel=5 * math.sqrt(0.5 / 900))


def test_a_linear_model_reads_its_inputs_with_gain_1_and_no_bias():
    spec = Architecture((300, 200), "relu", "squared_error", (0,), False)
    theta = spec.initial_parameters("auto", np.random.default_rng(0), np.float64)
    W, b = (spec.blocks[name].of(theta) for name in ("W[1]", "b[1]"))
    assert W.std() == pytest.approx(1 / math.sqrt(300), rel=0.02)
    assert np.all(b == 0)


def test_a_wrong_callable_is_named_by_the_network_too():
    with pytest.raises(ValueError, match="init"):
        _spec("relu").initial_parameters(lambda *_: np.zeros(3), None, np.float64)
