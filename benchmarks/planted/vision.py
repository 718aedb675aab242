"""Convolution, pooling, normalization, sampling, cameras."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from planted.case import case, cross_entropy, d_cross_entropy

CHOOSE, CONFIRM = "choose", "confirm"


@case(
    CHOOSE,
    4,
    flipped="flipped",
    swapped="swapped",
    no_relu="",
    bias_mean="1/N|mean|times too small",
    wrong_channel="flipped along axis 1$",
)
def convolution(bug):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4, 2, 7, 7)), rng.integers(0, 3, 4)
    windows = sliding_window_view(X, (3, 3), axis=(2, 3))
    start = {
        "K1": 0.3 * rng.normal(size=(3, 2, 3, 3)),
        "b1": 0.1 * rng.normal(size=3),
        "W2": 0.1 * rng.normal(size=(75, 3)),
    }

    def forward(p):
        z = np.einsum("ncijkl,fckl->nfij", windows, p["K1"]) + p["b1"][:, None, None]
        a = np.maximum(z, 0)
        return z, a, a.reshape(4, -1) @ p["W2"]

    def f(p):
        return cross_entropy(forward(p)[2], y)

    def gradient(p):
        z, a, s = forward(p)
        d = d_cross_entropy(s, y)
        dz = (d @ p["W2"].T).reshape(a.shape) * (1 if bug == "no_relu" else z > 0)
        dK = np.einsum("ncijkl,nfij->fckl", windows, dz)
        dK = {
            "flipped": dK[:, :, ::-1, ::-1],
            "swapped": dK.swapaxes(2, 3),
            "wrong_channel": dK[:, ::-1],
        }.get(bug, dK)
        db = dz.mean((0, 2, 3)) if bug == "bias_mean" else dz.sum((0, 2, 3))
        return {"K1": dK, "b1": db, "W2": a.reshape(4, -1).T @ d}

    return f, gradient, start


@case(CHOOSE, no_mean_term="leave", no_variance_term="leave", sign="leave", no_scale="")
def batch_norm(bug):
    return _normalized(0, bug)


@case(CHOOSE, no_mean_term="leave", no_variance_term="leave", sign="leave", no_scale="")
def layer_norm(bug):
    return _normalized(1, bug)


def _normalized(axis, bug):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(9, 6)), rng.integers(0, 3, 9)
    start = {
        "W1": rng.normal(size=(6, 7)),
        "gamma1": 1 + 0.2 * rng.normal(size=7),
        "beta1": 0.2 * rng.normal(size=7),
        "W2": rng.normal(size=(7, 3)),
    }

    def forward(p):
        z = X @ p["W1"]
        mean = z.mean(axis, keepdims=True)
        scale = 1 / np.sqrt(((z - mean) ** 2).mean(axis, keepdims=True) + 1e-5)
        x_hat = (z - mean) * scale
        n = p["gamma1"] * x_hat + p["beta1"]
        a = n * (n.real > 0)
        return scale, x_hat, n, a, a @ p["W2"]

    def f(p):
        return cross_entropy(forward(p)[-1], y)

    def gradient(p):
        scale, x_hat, n, a, s = forward(p)
        d = d_cross_entropy(s, y)
        dn = d @ p["W2"].T * (n > 0)
        d_hat = dn * p["gamma1"]
        dz = d_hat
        if bug != "no_mean_term":
            dz = dz - d_hat.mean(axis, keepdims=True)
        if bug != "no_variance_term":
            part = x_hat * (d_hat * x_hat).mean(axis, keepdims=True)
            dz = dz + part if bug == "sign" else dz - part
        dz = dz * (1 if bug == "no_scale" else scale)
        return {
            "W1": X.T @ dz,
            "gamma1": (dn * x_hat).sum(0),
            "beta1": dn.sum(0),
            "W2": a.T @ d,
        }

    return f, gradient, start


@case(CHOOSE, first_only="wrong order", everywhere="", mean_pool="")
def max_pooling(bug):
    rng = np.random.default_rng(2)
    start = {"image": rng.normal(size=(6, 6))}
    weight = rng.normal(size=(3, 3))

    def blocks(image):
        return image.reshape(3, 2, 3, 2).swapaxes(1, 2).reshape(3, 3, 4)

    def f(p):
        return np.sum(weight * blocks(p["image"]).max(-1) ** 2)

    def gradient(p):
        cells = blocks(p["image"])
        top = cells.max(-1, keepdims=True)
        hit = cells == top
        if bug == "first_only":
            hit = np.arange(4) == 0
        if bug == "everywhere":
            hit = np.ones(4, bool)
        if bug == "mean_pool":
            hit = np.full(4, 0.25)
        d = 2 * weight[..., np.newaxis] * top * hit
        return {"image": d.reshape(3, 3, 2, 2).swapaxes(1, 2).reshape(6, 6)}

    return f, gradient, start


@case(CHOOSE, swapped_xy="order|flipped|exchanged|reversed", no_weights="", sign="sign")
def bilinear_sampling(bug):
    rng = np.random.default_rng(3)
    image, w = rng.normal(size=(8, 8)), rng.normal(size=10)
    start = {"at": rng.uniform(1.05, 5.95, (10, 2))}

    def corners(at):
        i = np.floor(at.real).astype(int)
        near = [image[i[:, 0] + u, i[:, 1] + v] for u in (0, 1) for v in (0, 1)]
        return (at - i).T, near

    def f(p):
        (y, x), (a, b, c, d) = corners(p["at"])
        return w @ (a * (1 - y) * (1 - x) + b * (1 - y) * x + c * y * (1 - x) + d * y * x)

    def gradient(p):
        (y, x), (a, b, c, d) = corners(p["at"])
        dy, dx = (c - a) * (1 - x) + (d - b) * x, (b - a) * (1 - y) + (d - c) * y
        weights = 1 if bug == "no_weights" else w[:, np.newaxis]
        g = weights * np.stack([dy, dx], axis=1)
        return {"at": {"swapped_xy": g[:, ::-1], "sign": -g}.get(bug, g)}

    return f, gradient, start


@case(CHOOSE, no_depth="columns? 2|column", no_focal="", transposed_rotation="")
def camera(bug):
    rng = np.random.default_rng(4)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    seen = rng.normal(size=(6, 2))
    start = {"points": rng.normal(size=(6, 3)) + turn.T @ np.array([0, 0, 5.0])}

    def project(points):
        local = points @ turn.T
        return local, 1.7 * local[:, :2] / local[:, 2:]

    def f(p):
        return np.sum((project(p["points"])[1] - seen) ** 2)

    def gradient(p):
        local, at = project(p["points"])
        off = 2 * (at - seen)
        d = np.zeros((6, 3))
        d[:, :2] = (1 if bug == "no_focal" else 1.7) * off / local[:, 2:]
        if bug != "no_depth":
            d[:, 2] = -np.sum(off * at, axis=1) / local[:, 2]
        return {"points": d @ (turn.T if bug == "transposed_rotation" else turn)}

    return f, gradient, start


@case(CHOOSE, one_direction="", no_eps_root="", doubled="1/2|2 from")
def total_variation(bug):
    rng = np.random.default_rng(5)
    noisy = rng.normal(size=(5, 7))
    start = {"u": rng.normal(size=(5, 7))}

    def f(p):
        u = p["u"]
        size = np.sqrt(np.diff(u, axis=1) ** 2 + 0.01)
        return np.sum(size) + 0.5 * np.sum((u - noisy) ** 2)

    def gradient(p):
        u = p["u"]
        step = np.diff(u, axis=1)
        slope = step / (step**2 + 0.01) ** (1 if bug == "no_eps_root" else 0.5)
        g = u - noisy
        g[:, 1:] += slope
        if bug != "one_direction":
            g[:, :-1] -= slope
        return {"u": 2 * g if bug == "doubled" else g}

    return f, gradient, start


@case(CONFIRM, not_flipped="flipped|reversed", valid_only="", no_stride="")
def deconvolution(bug):
    rng = np.random.default_rng(6)
    kernel_seen, image = rng.normal(size=(10,)), rng.normal(size=8)
    start = {"kernel": rng.normal(size=3)}

    def f(p):
        return 0.5 * np.sum((np.convolve(image, p["kernel"].real) - kernel_seen) ** 2)

    def gradient(p):
        off = np.convolve(image, p["kernel"]) - kernel_seen
        g = np.correlate(off, image, "valid")
        if bug == "not_flipped":
            g = g[::-1]
        if bug == "valid_only":
            g = np.correlate(np.pad(off[2:-2], 2), image, "valid")
        if bug == "no_stride":
            g = g * np.array([1, 0, 1])
        return {"kernel": g}

    return f, gradient, start


@case(CONFIRM, transposed="transposed", no_translation="column", homogeneous="")
def affine_registration(bug):
    rng = np.random.default_rng(7)
    x = np.c_[rng.normal(size=(12, 2)), np.ones(12)]
    seen = rng.normal(size=(12, 2))
    start = {"A": rng.normal(size=(2, 3))}

    def f(p):
        moved = x @ p["A"].T
        return np.sum(np.sqrt(np.sum((moved - seen) ** 2, axis=1) + 0.01))

    def gradient(p):
        off = x @ p["A"].T - seen
        size = np.sqrt(np.sum(off**2, axis=1, keepdims=True) + 0.01)
        g = (off / size).T @ x
        if bug == "transposed":
            g = g.T.reshape(2, 3)
        if bug == "no_translation":
            g[:, 2] = 0
        if bug == "homogeneous":
            g = off.T @ x
        return {"A": g}

    return f, gradient, start


@case(CONFIRM, no_shared="", channel_order="shifted|order", pooled_sum="1/N")
def color_balance(bug):
    rng = np.random.default_rng(8)
    image, target = rng.uniform(size=(5, 5, 3)), rng.uniform(size=(5, 5, 3))
    start = {"gain": np.array([1.13, 0.87, 0.94]), "gamma": np.array([0.91])}

    def f(p):
        return np.mean((p["gain"] * image ** p["gamma"] - target) ** 2)

    def gradient(p):
        raised = image ** p["gamma"]
        off = 2 * (p["gain"] * raised - target) / 75
        d_gain = (off * raised).sum((0, 1))
        if bug == "channel_order":
            d_gain = d_gain[[2, 0, 1]]
        if bug == "pooled_sum":
            d_gain = d_gain * 75
        inner = off * raised * np.log(image)
        d_gamma = inner.sum() if bug == "no_shared" else (inner * p["gain"]).sum()
        return {"gain": d_gain, "gamma": np.array([d_gamma])}

    return f, gradient, start
