"""
RNN
===

A recurrent layer reads a sequence, step by step, and hands its activations on to the next step:

    a[t] = tanh(z[t]),        z[t] = Wax x[t] + Waa a[t-1] + ba

Backward runs from the last step to the first. What reaches a[t] is the gradient of its own output
and what step t+1 hands back:

    da = da[t] + Waaᵀ dz[t+1]        dz[t] = da · (1 - a[t]²)

All steps share their weights, so each of them *adds* to the gradients:

    dWax += dz[t] x[t]ᵀ        dWaa += dz[t] a[t-1]ᵀ        dba += Σ dz[t]

Source: Ng, "Sequence models", week 1, whose names these are; Werbos, "Backpropagation through time"
(1990).
"""

import numpy as np


def forward(x, a0, Wax, Waa, ba):
    """Read the sequences from the left.

    x is of shape (n_x, m, T), a0 of (n_a, m), Wax of (n_a, n_x), Waa of (n_a, n_a), ba of (n_a, 1);
    the activations a of all steps are of shape (n_a, m, T).
    """
    a = [a0]
    for t in range(x.shape[2]):
        a.append(np.tanh(Wax @ x[:, :, t] + Waa @ a[-1] + ba))
    return np.stack(a[1:], axis=2), (x, a, Wax, Waa, ba)


def backward(da, cache):
    """Return dx, da0, dWax, dWaa and dba, each shaped like what it is the gradient of."""
    x, a, Wax, Waa, ba = cache
    dx, dWax, dWaa, dba = map(np.zeros_like, (x, Wax, Waa, ba))
    da_prev = np.zeros_like(a[0])
    for t in reversed(range(x.shape[2])):
        a_prev, a_next = a[t], a[t + 1]
        da_next = da[:, :, t] + da_prev
        dz = da_next * (1 - a_next**2)
        dx[:, :, t] = Wax.T @ dz
        dWax += dz @ x[:, :, t].T
        dWaa += dz @ a_prev.T
        dba += np.sum(dz, axis=1, keepdims=True)
        da_prev = Waa.T @ dz
    return {"dx": dx, "da0": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def draw(rng, n_x=3, n_a=4, m=2, T=5):
    """Settings, and random sequences and parameters."""
    point = {
        "x": rng.normal(size=(n_x, m, T)),
        "a0": rng.normal(size=(n_a, m)),
        "Wax": 0.5 * rng.normal(size=(n_a, n_x)),
        "Waa": 0.5 * rng.normal(size=(n_a, n_a)),
        "ba": 0.1 * rng.normal(size=(n_a, 1)),
    }
    return {}, point


# %%
# Is backward the gradient of forward? The check needs one number, so each output gets a random
# weight: J = Σ da · a.

if __name__ == "__main__":
    from sknn_opt import check_gradients

    rng = np.random.default_rng(0)
    settings, point = draw(rng)
    da = rng.normal(size=forward(**point, **settings)[0].shape)
    report = check_gradients(
        lambda p: np.sum(da * forward(**p, **settings)[0]),
        lambda p: backward(da, forward(**p, **settings)[1]),
        point,
    )
    print(report)
