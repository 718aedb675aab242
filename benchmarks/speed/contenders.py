"""The contenders: each trains a net with Adam and returns the seconds that one epoch took.

Libraries are imported where they are used, so that each worker holds one. Where a choice was to be
made it was made for the rival: what PyTorch and JAX need before the first epoch is not counted,
while ours, scikit-learn's and skorch's times are those of ``fit``.
"""

from functools import cache
from itertools import pairwise
from time import perf_counter

import numpy as np
from nets import data

RATE, ALPHA, BETA_1, BETA_2, EPSILON = 1e-3, 1e-4, 0.9, 0.999, 1e-8


# Estimators ---------------------------------------------------------------------------------------


def ours(net, dtype="float32", **parameters):
    """The network itself is float32 for either dtype of the input, as ``dtype="auto"`` has it."""
    from sknn_opt import MLPClassifier

    return _fit(MLPClassifier, net, dtype, **parameters)


def sklearn_mlp(net, dtype="float32"):
    """The network is of the input's dtype."""
    from sklearn.neural_network import MLPClassifier

    return _fit(MLPClassifier, net, dtype)


def _fit(cls, net, dtype, **parameters):
    model = cls(
        net.hidden,
        batch_size=net.batch_size,
        alpha=ALPHA,
        learning_rate_init=RATE,
        max_iter=net.n_epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
        **parameters,
    )
    X, y = data(net, dtype)
    start = perf_counter()
    model.fit(X, y)
    return (perf_counter() - start) / net.n_epochs


# PyTorch ------------------------------------------------------------------------------------------


def _torch_module(n_units):
    from torch import nn

    layers = [layer for pair in pairwise(n_units) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def torch_loop(net):
    """The usual eager loop; rows are taken by index, which is faster than a DataLoader."""
    import torch

    torch.set_num_threads(1)
    X, y = map(torch.from_numpy, data(net))
    model, loss = _torch_module(net.n_units), torch.nn.CrossEntropyLoss()
    decay = ALPHA / net.batch_size
    adam = torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=decay, fused=True)
    start = perf_counter()
    for _ in range(net.n_epochs):
        for rows in torch.randperm(len(X)).split(net.batch_size):
            adam.zero_grad()
            loss(model(X[rows]), y[rows]).backward()
            adam.step()
    return (perf_counter() - start) / net.n_epochs


def skorch_net(net):
    """skorch, without callbacks and without a validation set."""
    import torch
    from skorch import NeuralNetClassifier

    torch.set_num_threads(1)
    model = NeuralNetClassifier(
        _torch_module(net.n_units),
        criterion=torch.nn.CrossEntropyLoss,
        lr=RATE,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        optimizer__weight_decay=ALPHA / net.batch_size,
        iterator_train__shuffle=True,
        batch_size=net.batch_size,
        max_epochs=net.n_epochs,
        train_split=None,
        callbacks="disable",
        verbose=0,
    )
    X, y = data(net)
    start = perf_counter()
    model.fit(X, y)
    return (perf_counter() - start) / net.n_epochs


# JAX ----------------------------------------------------------------------------------------------


def _jax_loss(weights, biases, X, y):
    import jax
    import jax.numpy as jnp

    z = X
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        z = jax.nn.relu(z @ W + b)
    log_p = jax.nn.log_softmax(z @ weights[-1] + biases[-1])
    loss = -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()
    return loss + ALPHA / (2 * len(X)) * sum((W * W).sum() for W in weights)


def _jax_adam(theta, grad, first, second, t):
    import jax

    first = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, first, grad)
    second = jax.tree.map(lambda s, g: BETA_2 * s + (1 - BETA_2) * g * g, second, grad)
    rate = RATE * (1 - BETA_2**t) ** 0.5 / (1 - BETA_1**t)
    theta = jax.tree.map(lambda w, m, s: w - rate * m / (s**0.5 + EPSILON), theta, first, second)
    return theta, first, second


@cache
def _jax_epoch(n_batches):
    """One compiled function for a whole epoch: (state, X, y, order of rows) -> state, losses."""
    import jax

    def epoch(state, X, y, order):
        def step(state, rows):
            theta, first, second, t = state
            batch = (array.at[rows].get(mode="promise_in_bounds") for array in (X, y))
            loss, grad = jax.value_and_grad(lambda theta: _jax_loss(*theta, *batch))(theta)
            t = t + 1
            return (*_jax_adam(theta, grad, first, second, t), t), loss

        return jax.lax.scan(step, state, order.reshape(n_batches, -1))

    return jax.jit(epoch, donate_argnums=0)


def jax_epochs(net):
    """Batches must be of one size: a few rows come twice where they do not divide the set."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    X, y = map(jnp.asarray, data(net))
    weights = [jnp.asarray(W) for W in _weights(net, rng)]
    theta = weights, [jnp.zeros(n, jnp.float32) for n in net.n_units[1:]]
    first, second = (jax.tree.map(jnp.zeros_like, theta) for _ in range(2))
    state, epoch = (theta, first, second, jnp.float32(0)), _jax_epoch(net.n_batches)
    jax.block_until_ready((X, y, state))
    start = perf_counter()
    for _ in range(net.n_epochs):
        order = np.resize(rng.permutation(net.n_rows), net.n_batches * net.largest_batch)
        state, losses = epoch(state, X, y, order)
        jax.block_until_ready((state, losses))
    return (perf_counter() - start) / net.n_epochs


def _weights(net, rng):
    for n_in, n_out in pairwise(net.n_units):
        yield rng.standard_normal((n_in, n_out), np.float32) / np.float32(n_in**0.5)


# BLAS ---------------------------------------------------------------------------------------------


def blas_only(net):
    """The matrix products of an epoch and nothing else: what no NumPy network can undercut."""
    products = list(_products(net))
    start = perf_counter()
    for _ in range(net.n_epochs * net.n_batches):
        for a, b, out in products:
            np.matmul(a, b, out=out)
    return (perf_counter() - start) / net.n_epochs


def _products(net):
    """(a, b, out) of z = a W forward, of dW = aᵀ δ and δ Wᵀ backward."""
    rng, m = np.random.default_rng(0), net.largest_batch
    weights = list(_weights(net, rng))
    a = [rng.standard_normal((m, n), np.float32) for n in net.n_units]
    delta = [rng.standard_normal((m, n), np.float32) for n in net.n_units]
    for i, W in enumerate(weights):
        yield a[i], W, a[i + 1]
    for i, W in reversed(list(enumerate(weights))):
        yield a[i].T, delta[i + 1], np.empty_like(W)
        if i > 0:
            yield delta[i + 1], W.T, delta[i]
