"""
Attention
=========

Each position of a sequence asks a question q, and each offers a key k and a value v. How well k
goes with q decides how much of v is taken. Positions are rows, and d is the width of q and k:

    Q = X Wq + bq        K = X Wk + bk        V = X Wv + bv
    A = softmax(Q Kᵀ / √d)        over each row        out = A V

Backward, through the product, the softmax and the scale (the sum runs along each row):

    dV = Aᵀ dout        dA = dout Vᵀ        dS = A · (dA - Σ dA · A)
    dQ = dS K / √d      dK = dSᵀ Q / √d

X is read three times, so three gradients add up. And bk adds the same number to all of a row, which
the softmax does not see: its gradient is 0, which the report says.

Source: Vaswani et al., "Attention is all you need" (2017), equation 1; Ng, "Sequence models",
week 4.
"""

import numpy as np


def forward(X, Wq, bq, Wk, bk, Wv, bv, causal=False):
    """Let each position look at all, or with `causal` at itself and those before.

    X is of shape (m, T, n_x), Wq and Wk of (n_x, d), Wv of (n_x, n_v), each b has one number for
    each column of its W; out is of shape (m, T, n_v).
    """
    Q, K, V = X @ Wq + bq, X @ Wk + bk, X @ Wv + bv
    S = Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[-1])
    if causal:
        S = np.where(np.tri(S.shape[-1], dtype=bool), S, -np.inf)
    e = np.exp(S - S.max(axis=-1, keepdims=True))
    A = e / e.sum(axis=-1, keepdims=True)
    return A @ V, (X, Wq, Wk, Wv, Q, K, V, A)


def backward(dout, cache):
    """Return the gradients, each shaped like what it is the gradient of."""
    X, Wq, Wk, Wv, Q, K, V, A = cache
    dV = A.swapaxes(1, 2) @ dout
    dA = dout @ V.swapaxes(1, 2)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True))
    dS = dS / np.sqrt(Q.shape[-1])
    dQ = dS @ K
    dK = dS.swapaxes(1, 2) @ Q
    dX = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    rows = X.reshape(-1, X.shape[-1])  # the positions of all examples, one below the other
    gradients = {"dX": dX}
    for name, d in (("q", dQ), ("k", dK), ("v", dV)):
        d = d.reshape(-1, d.shape[-1])
        gradients |= {f"dW{name}": rows.T @ d, f"db{name}": d.sum(axis=0)}
    return gradients


def draw(rng, m=2, T=4, n_x=5, d=3, n_v=2, causal=False):
    """Settings, and random sequences and parameters."""
    point = {"X": rng.normal(size=(m, T, n_x))}
    for name, width in (("q", d), ("k", d), ("v", n_v)):
        point[f"W{name}"] = 0.5 * rng.normal(size=(n_x, width))
        point[f"b{name}"] = 0.1 * rng.normal(size=width)
    return {"causal": causal}, point


# %%
# Is backward the gradient of forward? The check needs one number, so each output gets a random
# weight: J = Σ dout · out.

if __name__ == "__main__":
    from sknn_opt import check_gradients

    rng = np.random.default_rng(0)
    settings, point = draw(rng)
    dout = rng.normal(size=forward(**point, **settings)[0].shape)
    report = check_gradients(
        lambda p: np.sum(dout * forward(**p, **settings)[0]),
        lambda p: backward(dout, forward(**p, **settings)[1]),
        point,
    )
    print(report)
