"""
LSTM
====

A recurrent layer with a memory c. Of the last activations and the new input, side by side, three
gates decide what is forgotten, what is written and what is read:

    concat = [a[t-1]; x[t]]
    f = sigmoid(Wf concat + bf)        i = sigmoid(Wi concat + bi)
    o = sigmoid(Wo concat + bo)        cc = tanh(Wc concat + bc)
    c[t] = f · c[t-1] + i · cc         a[t] = o · tanh(c[t])

Backward, two gradients come from step t+1: da, and dc of the memory itself, to which the output
adds

    dc = dc[t+1] + da · o · (1 - tanh(c[t])²)

Each gate gets its factor in c or a, times its derivative by z: g (1 - g) for a sigmoid, 1 - cc² for
tanh. The memory is handed back as dc · f, which is why an LSTM remembers.

Source: Hochreiter and Schmidhuber, "Long short-term memory" (1997); Gers et al., "Learning to
forget" (2000), for f; Ng, "Sequence models", week 1, for the names.
"""

import numpy as np


def sigmoid(z):
    """Return a number from 0 to 1 for each element."""
    return 1 / (1 + np.exp(-z))


def forward(x, a0, c0, Wf, bf, Wi, bi, Wc, bc, Wo, bo):
    """Read the sequences from the left.

    x is of shape (n_x, m, T), a0 and c0 of (n_a, m), each W of (n_a, n_a + n_x) and each b of
    (n_a, 1); the activations a of all steps are of shape (n_a, m, T).
    """
    a, c, steps = a0, c0, []
    for t in range(x.shape[2]):
        concat = np.vstack([a, x[:, :, t]])
        f, i, o = sigmoid(Wf @ concat + bf), sigmoid(Wi @ concat + bi), sigmoid(Wo @ concat + bo)
        cc = np.tanh(Wc @ concat + bc)
        c_prev, c = c, f * c + i * cc
        a = o * np.tanh(c)
        steps.append((concat, f, i, o, cc, c_prev, c, a))
    return np.stack([step[-1] for step in steps], axis=2), (x, Wf, Wi, Wc, Wo, steps)


def backward(da, cache):
    """Return the gradients, each shaped like what it is the gradient of."""
    x, Wf, Wi, Wc, Wo, steps = cache
    n_a, dx = len(Wf), np.zeros_like(x)
    W = np.vstack([Wf, Wi, Wc, Wo])  # the four of them at once, one below the other
    dW, db = np.zeros_like(W), np.zeros((4 * n_a, 1))
    da_prev = dc_prev = np.zeros_like(steps[0][-1])
    for t in reversed(range(x.shape[2])):
        concat, f, i, o, cc, c_prev, c, _ = steps[t]
        da_next = da[:, :, t] + da_prev
        dc_next = dc_prev + da_next * o * (1 - np.tanh(c) ** 2)
        dzf = dc_next * c_prev * f * (1 - f)
        dzi = dc_next * cc * i * (1 - i)
        dzc = dc_next * i * (1 - cc**2)
        dzo = da_next * np.tanh(c) * o * (1 - o)
        dz = np.vstack([dzf, dzi, dzc, dzo])
        dW += dz @ concat.T
        db += np.sum(dz, axis=1, keepdims=True)
        dconcat = W.T @ dz
        da_prev, dx[:, :, t] = dconcat[:n_a], dconcat[n_a:]
        dc_prev = dc_next * f
    dWf, dWi, dWc, dWo = np.split(dW, 4)
    dbf, dbi, dbc, dbo = np.split(db, 4)
    gradients = {"dx": dx, "da0": da_prev, "dc0": dc_prev, "dWf": dWf, "dbf": dbf, "dWi": dWi}
    return gradients | {"dbi": dbi, "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}


def draw(rng, n_x=3, n_a=4, m=2, T=5):
    """Settings, and random sequences and parameters."""
    point = {
        "x": rng.normal(size=(n_x, m, T)),
        "a0": rng.normal(size=(n_a, m)),
        "c0": rng.normal(size=(n_a, m)),
    }
    for gate in "fico":
        point[f"W{gate}"] = 0.5 * rng.normal(size=(n_a, n_a + n_x))
        point[f"b{gate}"] = 0.1 * rng.normal(size=(n_a, 1))
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
