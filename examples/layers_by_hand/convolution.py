"""
Convolution
===========

A filter W slides over an image. At each position (h, w) it sees a window, and gives one number for
each of its channels c:

    Z[h, w, c] = Σ window(h, w) · W[:, :, :, c] + b[c]

One weight serves all positions, so its gradient is a sum over them:

    dW[:, :, :, c] = Σ window(h, w) · dZ[h, w, c]        db[c] = Σ dZ[h, w, c]

A pixel is seen from several windows, so each of them *adds* to its gradient:

    dA_prev[window(h, w)] += Σ W[:, :, :, c] · dZ[h, w, c]

Source: Ng, "Convolutional neural networks", week 1, whose names these are. As in all of deep
learning, the filter is not flipped: mathematicians call this a cross-correlation.
"""

import numpy as np


def forward(A_prev, W, b, stride=1, pad=0):
    """Slide the filters over the images.

    A_prev is of shape (m, n_H_prev, n_W_prev, n_C_prev), W of (f, f, n_C_prev, n_C), b of (n_C,);
    Z is of shape (m, n_H, n_W, n_C) with n_H = (n_H_prev - f + 2 pad) // stride + 1.
    """
    A_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    f, (n_H, n_W) = len(W), (np.array(A_pad.shape[1:3]) - len(W)) // stride + 1
    rows = [slice(h * stride, h * stride + f) for h in range(n_H)]
    columns = [slice(w * stride, w * stride + f) for w in range(n_W)]
    Z = np.array([[np.tensordot(A_pad[:, r, c], W, axes=3) + b for c in columns] for r in rows])
    return Z.transpose(2, 0, 1, 3), (A_pad, W, stride, pad)


def backward(dZ, cache):
    """Return dA_prev, dW and db, each shaped like what it is the gradient of."""
    A_pad, W, stride, pad = cache
    f, (_, n_H, n_W, _) = len(W), dZ.shape
    dA_pad, dW = np.zeros_like(A_pad), np.zeros_like(W)
    for h in range(n_H):
        for w in range(n_W):
            top, left = h * stride, w * stride
            window = np.s_[:, top : top + f, left : left + f]
            dW += np.tensordot(A_pad[window], dZ[:, h, w], axes=(0, 0))
            dA_pad[window] += np.tensordot(dZ[:, h, w], W, axes=(1, 3))
    db = dZ.sum(axis=(0, 1, 2))
    n_H_prev, n_W_prev = A_pad.shape[1] - 2 * pad, A_pad.shape[2] - 2 * pad
    dA_prev = dA_pad[:, pad : pad + n_H_prev, pad : pad + n_W_prev]
    return {"dA_prev": dA_prev, "dW": dW, "db": db}


def draw(rng, m=2, n_H_prev=5, n_W_prev=6, n_C_prev=2, f=3, n_C=4, stride=2, pad=1):
    """Settings, and random images and parameters."""
    point = {
        "A_prev": rng.normal(size=(m, n_H_prev, n_W_prev, n_C_prev)),
        "W": rng.normal(size=(f, f, n_C_prev, n_C)),
        "b": rng.normal(size=n_C),
    }
    return {"stride": stride, "pad": pad}, point


# %%
# Is backward the gradient of forward? The check needs one number, so each output gets a random
# weight: J = Σ dZ · Z. The gradient of J by Z is dZ, and backward has to do the rest.

if __name__ == "__main__":
    from sknn_opt import check_gradients

    rng = np.random.default_rng(0)
    settings, point = draw(rng)
    dZ = rng.normal(size=forward(**point, **settings)[0].shape)
    report = check_gradients(
        lambda p: np.sum(dZ * forward(**p, **settings)[0]),
        lambda p: backward(dZ, forward(**p, **settings)[1]),
        point,
    )
    print(report)
