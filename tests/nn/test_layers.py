"""Each layer on its own: against plain formulas, complex step and torch."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array

from sknn_opt.nn.layers import ActivationLayer, BatchNorm, Dense, Dropout, SparseInputDropout

STEP = 1e-200


def dense(n_in=4, n_out=3, n_rows=6, dtype=np.float64, *, bias=True, is_first=False, seed=0):
    rng = np.random.default_rng(seed)
    params = {"W": rng.normal(size=(n_in, n_out)).astype(dtype)}
    if bias:
        params["b"] = rng.normal(size=n_out).astype(dtype)
    grads = {name: np.full_like(value, 99) for name, value in params.items()}
    return Dense(params, grads, n_rows, dtype, is_first=is_first), params, grads


def batch_norm(n=3, n_rows=8, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    params = {
        "gamma": rng.normal(1, 0.3, n).astype(dtype),
        "beta": rng.normal(size=n).astype(dtype),
    }
    grads = {name: np.full_like(value, 99) for name, value in params.items()}
    statistics = {"mean": np.zeros(n, dtype), "variance": np.ones(n, dtype)}
    return BatchNorm(params, grads, statistics, n_rows, dtype), params, grads, statistics


# Dense ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("m", [6, 4, 1])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_dense_formulas(bias, sparse, m, dtype):
    layer, params, grads = dense(dtype=dtype, bias=bias)
    rng = np.random.default_rng(1)
    a = (rng.normal(size=(m, 4)) * (rng.random((m, 4)) < 0.6)).astype(dtype)
    delta = rng.normal(size=(m, 3)).astype(dtype)
    tolerance = 20 * np.finfo(dtype).eps
    z = layer.forward(csr_array(a) if sparse else a, None)
    assert z.dtype == dtype
    np.testing.assert_allclose(z, a @ params["W"] + params.get("b", 0), atol=tolerance)
    below = layer.backward(delta)
    np.testing.assert_allclose(grads["W"], a.T @ delta, atol=tolerance)
    if bias:
        np.testing.assert_allclose(grads["b"], delta.sum(axis=0), atol=tolerance)
    np.testing.assert_allclose(below, delta @ params["W"].T, atol=tolerance)


def test_dense_of_the_inputs_passes_nothing_on():
    layer, _, grads = dense(is_first=True)
    a = np.ones((2, 4))
    layer.forward(a, None)
    assert layer.backward(np.ones((2, 3))) is None
    np.testing.assert_array_equal(grads["W"], np.full((4, 3), 2.0))


def test_dense_leaves_its_input_alone_and_reads_the_parameters_anew():
    layer, params, _ = dense()
    a = np.random.default_rng(0).normal(size=(6, 4))
    before = a.copy()
    first = layer.forward(a, None).copy()
    layer.backward(first.copy())
    np.testing.assert_array_equal(a, before)
    params["W"] *= 2
    params["b"] *= 2
    np.testing.assert_allclose(layer.forward(a, None), 2 * first)


# Batch normalization ----------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("m", [8, 5, 2, 1])
def test_batch_norm_formula(m, weighted):
    layer, params, _, _ = batch_norm()
    rng = np.random.default_rng(2)
    z = rng.normal(3, 2, size=(m, 3))
    weight = rng.uniform(0.2, 3, m) if weighted else None
    mean = np.average(z, axis=0, weights=weight)
    variance = np.average((z - mean) ** 2, axis=0, weights=weight)
    expected = params["gamma"] * (z - mean) / np.sqrt(variance + 1e-5) + params["beta"]
    np.testing.assert_allclose(layer.forward(z.copy(), weight), expected, rtol=1e-12, atol=1e-12)


def test_batch_norm_of_one_row_is_the_shift_and_passes_no_gradient():
    layer, params, grads, _ = batch_norm()
    y = layer.forward(np.array([[1.0, -5.0, 1e6]]), None)
    np.testing.assert_array_equal(y, params["beta"][np.newaxis])
    delta = np.array([[1.0, 2.0, 3.0]])
    below = layer.backward(delta.copy())
    np.testing.assert_array_equal(below, np.zeros((1, 3)))
    np.testing.assert_array_equal(grads["gamma"], np.zeros(3))
    np.testing.assert_array_equal(grads["beta"], delta[0])


def test_batch_norm_of_one_row_goes_by_the_running_statistics():
    layer, params, grads, statistics = batch_norm()
    layer.remembers = True
    statistics["mean"][...], statistics["variance"][...] = [1, 2, 3], [4, 9, 16]
    z, delta = np.array([[1.0, -5.0, 1e6]]), np.array([[1.0, 2.0, 3.0]])
    std = np.sqrt(statistics["variance"] + BatchNorm.EPSILON)
    x_hat = (z - statistics["mean"]) / std
    y = layer.forward(z.copy(), np.array([2.0]))
    np.testing.assert_allclose(y, params["gamma"] * x_hat + params["beta"], rtol=1e-13)
    below = layer.backward(delta.copy())
    np.testing.assert_allclose(below, delta * params["gamma"] / std, rtol=1e-13)
    np.testing.assert_allclose(grads["gamma"], (delta * x_hat)[0], rtol=1e-13)
    np.testing.assert_array_equal(grads["beta"], delta[0])


def test_batch_norm_running_statistics_of_rows_that_come_alone_are_those_of_all():
    layer, _, _, statistics = batch_norm()
    layer.remembers = True
    z = np.random.default_rng(7).normal(2, 3, size=(20, 3))
    layer.forward(z[:4].copy(), None)
    layer.update_running(1.0)
    for n in range(5, 21):
        layer.forward(z[n - 1 : n].copy(), None)
        layer.update_running(1 / n)
    np.testing.assert_allclose(statistics["mean"], z.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(statistics["variance"], z.var(axis=0), rtol=1e-12)


def test_batch_norm_keeps_its_first_variance_where_the_first_batch_is_one_row():
    layer, _, _, statistics = batch_norm()
    layer.remembers = True
    before = statistics["variance"].copy()
    layer.forward(np.array([[1.0, 2.0, 3.0]]), None)
    layer.update_running(1.0)
    np.testing.assert_array_equal(statistics["mean"], [1, 2, 3])
    np.testing.assert_array_equal(statistics["variance"], before)


def test_batch_norm_of_constant_columns():
    layer, params, _, _ = batch_norm()
    y = layer.forward(np.full((8, 3), 0.1), None)
    np.testing.assert_allclose(y, np.tile(params["beta"], (8, 1)), atol=1e-12)
    assert np.isfinite(layer.backward(np.ones((8, 3)))).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_batch_norm_gradients_equal_complex_step(weighted):
    rng = np.random.default_rng(3)
    n, m = 3, 5
    z, above = rng.normal(size=(m, n)), rng.normal(size=(m, n))
    weight = rng.uniform(0.2, 3, m) if weighted else None
    layer, params, grads, _ = batch_norm(n, m)
    layer.forward(z.copy(), weight)
    below = layer.backward(above.copy())

    def moved(block, index):
        twin, values, _, _ = batch_norm(n, m, complex)
        values["gamma"][...], values["beta"][...] = params["gamma"], params["beta"]
        inputs = z.astype(complex)
        target = inputs if block == "z" else values[block]
        target[index] += 1j * STEP
        return (above * twin.forward(inputs, weight)).sum().imag / STEP

    for name, gradient in {"z": below, **grads}.items():
        exact = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            exact[index] = moved(name, index)
        np.testing.assert_allclose(gradient, exact, rtol=1e-12, atol=1e-13)


def test_batch_norm_weights_are_repetitions():
    rng = np.random.default_rng(4)
    count = np.array([1, 3, 0, 2])
    z, delta = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    weighted, _, grads, _ = batch_norm()
    # A row of the gradient carries its weight already, as the losses deliver it.
    y = weighted.forward(z.copy(), count.astype(float)).copy()
    below = weighted.backward(delta * count[:, np.newaxis])
    repeated, _, grads_repeated, _ = batch_norm()
    y_repeated = repeated.forward(np.repeat(z, count, axis=0), None).copy()
    below_repeated = repeated.backward(np.repeat(delta, count, axis=0))
    np.testing.assert_allclose(np.repeat(y, count, axis=0), y_repeated, rtol=1e-13)
    for name in grads:
        np.testing.assert_allclose(grads[name], grads_repeated[name], rtol=1e-12)
    np.testing.assert_allclose(
        below[count > 0] / count[count > 0, np.newaxis],
        below_repeated[[0, 1, 4]],
        rtol=1e-11,
        atol=1e-13,
    )


def test_batch_norm_running_statistics():
    layer, _, _, statistics = batch_norm()
    rng = np.random.default_rng(5)
    mean, variance, keep = np.zeros(3), np.ones(3), 0.9
    for m in (8, 8, 3):
        z = rng.normal(2, 3, size=(m, 3))
        layer.forward(z.copy(), None)
        layer.update_running(1 - keep)
        mean = keep * mean + (1 - keep) * z.mean(axis=0)
        variance = keep * variance + (1 - keep) * z.var(axis=0)  # biased, unlike torch's
    np.testing.assert_allclose(statistics["mean"], mean, rtol=1e-13)
    np.testing.assert_allclose(statistics["variance"], variance, rtol=1e-13)
    layer.update_running(0.0)
    np.testing.assert_allclose(statistics["mean"], mean, rtol=1e-13)


def test_batch_norm_running_statistics_at_rate_one_are_the_batch_statistics():
    layer, _, _, statistics = batch_norm(dtype=np.float32)
    z = np.random.default_rng(6).normal(scale=1e-4, size=(8, 3)).astype(np.float32)
    layer.forward(z.copy(), None)
    layer.update_running(1.0)
    np.testing.assert_allclose(statistics["mean"], z.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(statistics["variance"], z.var(axis=0), rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_batch_norm_equals_torch(dtype):
    torch = pytest.importorskip("torch")
    n, m = 4, 16
    rng = np.random.default_rng(7)
    layer, params, grads, statistics = batch_norm(n, m, dtype)
    theirs = torch.nn.BatchNorm1d(n, eps=BatchNorm.EPSILON, momentum=0.1)
    theirs = theirs.to(torch.float64 if dtype == np.float64 else torch.float32)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(params["gamma"]))
        theirs.bias.copy_(torch.tensor(params["beta"]))
    z, delta = (rng.normal(1, 2, size=(m, n)).astype(dtype) for _ in range(2))
    zt = torch.tensor(z, requires_grad=True)
    out = theirs(zt)
    out.backward(torch.tensor(delta))
    y = layer.forward(z.copy(), None)
    tolerance = (
        {"rtol": 1e-11, "atol": 1e-12} if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-5}
    )
    np.testing.assert_allclose(y, out.detach().numpy(), **tolerance)
    below = layer.backward(delta.copy())
    np.testing.assert_allclose(below, zt.grad.numpy(), **tolerance)
    np.testing.assert_allclose(grads["gamma"], theirs.weight.grad.numpy(), **tolerance)
    np.testing.assert_allclose(grads["beta"], theirs.bias.grad.numpy(), **tolerance)
    layer.update_running(0.1)
    np.testing.assert_allclose(statistics["mean"], theirs.running_mean.numpy(), **tolerance)
    # torch keeps the unbiased variance; ours is the one it normalizes by
    unbiased = (statistics["variance"] - 0.9) * m / (m - 1) + 0.9
    np.testing.assert_allclose(unbiased, theirs.running_var.numpy(), **tolerance)


# Dropout ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_masks(rate, dtype):
    layer = Dropout(rate, 100, 400, dtype)
    a = np.ones((400, 100), dtype)
    layer.draw(np.random.default_rng(0), a)
    out = layer.forward(a, None)
    assert out.dtype == dtype
    kept = out != 0
    np.testing.assert_allclose(1 / out[kept], 1 - rate, atol=2**-17)  # rates have 16 bits
    share = kept.mean()
    assert abs(share - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / a.size)
    # Rows and columns are dropped alike, and independently of each other.
    spread = np.sqrt(rate * (1 - rate))
    assert np.abs(kept.mean(axis=0) - (1 - rate)).max() < 5 * spread / np.sqrt(400)
    assert np.abs(kept.mean(axis=1) - (1 - rate)).max() < 5 * spread / np.sqrt(100)
    neighbors = np.corrcoef(kept[:, :-1].ravel(), kept[:, 1:].ravel())[0, 1]
    assert abs(neighbors) < 5 / np.sqrt(a.size)


def test_dropout_does_not_write_into_the_activation_below():
    layer = Dropout(0.5, 4, 6, np.float64)
    a = np.random.default_rng(0).normal(size=(6, 4))
    before = a.copy()
    layer.draw(np.random.default_rng(1), a)
    out = layer.forward(a, None)
    np.testing.assert_array_equal(a, before)
    assert not np.shares_memory(out, a)
    np.testing.assert_array_equal(out, a * layer.mask)


def test_dropout_backward_is_the_same_mask():
    layer = Dropout(0.3, 4, 6, np.float64)
    a, delta = np.ones((5, 4)), np.arange(20.0).reshape(5, 4)
    layer.draw(np.random.default_rng(1), a)
    mask = layer.forward(a, None).copy()
    np.testing.assert_array_equal(layer.backward(delta.copy()), mask * delta)


def test_dropout_masks_stay_until_drawn_again():
    layer, a = Dropout(0.5, 50, 20, np.float32), np.ones((20, 50), np.float32)
    rng = np.random.default_rng(0)
    layer.draw(rng, a)
    first = layer.forward(a, None).copy()
    np.testing.assert_array_equal(layer.forward(a, None), first)
    layer.draw(rng, a)
    second = layer.forward(a, None).copy()
    assert 0.3 < np.mean(first != second) < 0.7
    layer.draw(np.random.default_rng(0), a)
    np.testing.assert_array_equal(layer.forward(a, None), first)


def test_dropout_draws_without_allocating_a_batch():
    layer, a = Dropout(0.5, 512, 512, np.float32), np.ones((512, 512), np.float32)
    rng = np.random.default_rng(0)
    tracemalloc.start()
    try:
        layer.draw(rng, a)
        layer.forward(a, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < a.nbytes / 4


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_dropout_drops_stored_entries(dtype):
    rng = np.random.default_rng(0)
    dense_rows = (rng.normal(size=(300, 40)) * (rng.random((300, 40)) < 0.3)).astype(dtype)
    X = csr_array(dense_rows)
    layer = SparseInputDropout(0.25, dtype)
    layer.draw(np.random.default_rng(1), X)
    out = layer.forward(X, None)
    assert out.dtype == dtype
    np.testing.assert_array_equal(X.toarray(), dense_rows)
    stored = dense_rows != 0
    kept = out.toarray()[stored] != 0
    np.testing.assert_allclose(
        out.toarray()[stored][kept], dense_rows[stored][kept] / 0.75, rtol=1e-6
    )
    assert abs(kept.mean() - 0.75) < 5 * np.sqrt(0.25 * 0.75 / kept.size)


# Activation -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["identity", "relu", "leaky_relu", "gelu", "mish"])
def test_activation_works_in_the_memory_it_is_given(name):
    layer = ActivationLayer(name, 3, 6, np.float64)
    z = np.random.default_rng(0).normal(size=(4, 3))
    a = layer.forward(z, None)
    assert a is z
    delta = np.ones((4, 3))
    assert layer.backward(delta) is delta
