"""Layers by hand."""

import numpy as np

from planted.case import case, cross_entropy, d_cross_entropy, sigmoid, softmax

CHOOSE, CONFIRM = "choose", "confirm"


@case(
    CHOOSE,
    24,
    mean_again="the 1/N is applied twice",
    no_tanh="",
    stale="",
    bias_mean="1/N|mean",
    by_output="",
    outer="",
)
def perceptron(bug):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(24, 5)), rng.integers(0, 3, 24)
    start = {
        "W1": 0.5 * rng.normal(size=(5, 8)),
        "b1": 0.1 * rng.normal(size=8),
        "W2": 0.5 * rng.normal(size=(8, 3)),
        "b2": 0.1 * rng.normal(size=3),
    }
    old = 0.5 * rng.normal(size=(8, 3))

    def forward(p):
        a = np.tanh(X @ p["W1"] + p["b1"])
        return a, a @ p["W2"] + p["b2"]

    def f(p):
        return cross_entropy(forward(p)[1], y)

    def gradient(p):
        a, s = forward(p)
        d2 = d_cross_entropy(s, y)
        d1 = d2 @ (old if bug == "stale" else p["W2"]).T
        slope = {"no_tanh": 1, "by_output": 1 - a, "outer": 1 - p["W1"].sum(0) ** 2}
        d1 = d1 * slope.get(bug, 1 - a**2)
        if bug == "mean_again":
            d1 = d1 / 24
        db = d1.mean(0) if bug == "bias_mean" else d1.sum(0)
        return {"W1": X.T @ d1, "b1": db, "W2": a.T @ d2, "b2": d2.sum(0)}

    return f, gradient, start


@case(CHOOSE, encoder_only="", decoder_only="", no_transpose="")
def tied_autoencoder(bug):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(10, 5))
    start = {"W": 0.4 * rng.normal(size=(5, 5)), "b": 0.1 * rng.normal(size=5)}

    def f(p):
        return 0.5 * np.sum((np.tanh(X @ p["W"] + p["b"]) @ p["W"].T - X) ** 2)

    def gradient(p):
        h = np.tanh(X @ p["W"] + p["b"])
        off = h @ p["W"].T - X
        dz = (off @ p["W"]) * (1 - h**2)
        encoder, decoder = X.T @ dz, off.T @ h
        parts = {
            "encoder_only": encoder,
            "decoder_only": decoder,
            "no_transpose": encoder + decoder.T,
        }
        return {"W": parts.get(bug, encoder + decoder), "b": dz.sum(0)}

    return f, gradient, start


@case(CHOOSE, variance_chain="", no_noise="", kl_sign="")
def variational(bug):
    rng = np.random.default_rng(2)
    X, noise = rng.normal(size=(12, 4)), rng.normal(size=(12, 3))
    start = {
        "mu": 0.5 * rng.normal(size=(4, 3)),
        "log_var": 0.3 * rng.normal(size=(4, 3)),
        "out": 0.5 * rng.normal(size=(3, 4)),
    }

    def forward(p):
        m, v = X @ p["mu"], X @ p["log_var"]
        z = m + np.exp(v / 2) * noise
        return m, v, z, z @ p["out"]

    def f(p):
        m, v, _, x = forward(p)
        return 0.5 * np.sum((x - X) ** 2) + 0.5 * np.sum(np.exp(v) + m**2 - 1 - v)

    def gradient(p):
        m, v, z, x = forward(p)
        dz = (x - X) @ p["out"].T
        kl = 0.5 * (np.exp(v) - 1) * (-1 if bug == "kl_sign" else 1)
        chain = 1.0 if bug == "variance_chain" else 0.5
        dv = dz * (1 if bug == "no_noise" else noise) * chain * np.exp(v / 2) + kl
        return {"mu": X.T @ (dz + m), "log_var": X.T @ dv, "out": z.T @ (x - X)}

    return f, gradient, start


@case(CHOOSE, 16, no_weights="", mean_of_weights="times", dead="", no_leak="")
def weighted_leaky(bug):
    rng = np.random.default_rng(3)
    X, y, w = rng.normal(size=(16, 4)), rng.normal(size=(16, 2)), rng.uniform(0.2, 2, 16)
    start = {
        "W1": rng.normal(size=(4, 6)),
        "b1": 0.1 * rng.normal(size=6),
        "W2": rng.normal(size=(6, 2)),
    }

    def forward(p):
        z = X @ p["W1"] + p["b1"]
        a = np.where(z.real > 0, z, 0.1 * z)
        return z, a, a @ p["W2"]

    def f(p):
        return 0.5 * np.sum(w[:, np.newaxis] * (forward(p)[2] - y) ** 2) / w.sum()

    def gradient(p):
        z, a, out = forward(p)
        weight = np.ones(16) if bug == "no_weights" else w
        d = weight[:, np.newaxis] * (out - y) / (16 if bug == "mean_of_weights" else w.sum())
        slope = np.where(z > 0, 1, 0 if bug == "no_leak" else 0.1)
        if bug == "dead":
            slope = np.where(a > 0.5, 1, 0.1)
        d1 = d @ p["W2"].T * slope
        return {"W1": X.T @ d1, "b1": d1.sum(0), "W2": a.T @ d}

    return f, gradient, start


@case(CHOOSE, not_normalized="", one_side="", no_temperature="", sign="sign")
def contrastive(bug):
    rng = np.random.default_rng(4)
    A, B = rng.normal(size=(7, 5)), rng.normal(size=(7, 5))
    start = {"Wa": rng.normal(size=(5, 4)), "Wb": rng.normal(size=(5, 4))}
    eye = np.arange(7)

    def forward(p):
        return A @ p["Wa"], B @ p["Wb"]

    def f(p):
        u, v = forward(p)
        return cross_entropy(u @ v.T / 0.7, eye)

    def gradient(p):
        u, v = forward(p)
        s = u @ v.T / 0.7
        d = (np.exp(s) - np.eye(7)) / 7 if bug == "not_normalized" else d_cross_entropy(s, eye)
        d = d / (1 if bug == "no_temperature" else 0.7)
        du, dv = d @ v, (d if bug == "one_side" else d.T) @ u
        if bug == "sign":
            dv = -dv
        return {"Wa": A.T @ du, "Wb": B.T @ dv}

    return f, gradient, start


@case(CHOOSE, no_gate="", swish_short="", gates_exchanged="another", softmax_axis="")
def gated(bug):
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(11, 4)), rng.integers(0, 3, 11)
    start = {
        "gate": rng.normal(size=(4, 5)),
        "value": rng.normal(size=(4, 5)),
        "W": rng.normal(size=(5, 3)),
    }

    def forward(p):
        g, v = X @ p["gate"], X @ p["value"]
        a = g * sigmoid(g) * v
        return g, v, a, a @ p["W"]

    def f(p):
        return cross_entropy(forward(p)[3], y)

    def gradient(p):
        g, v, a, s = forward(p)
        d = d_cross_entropy(s, y)
        if bug == "softmax_axis":
            d = (softmax(s.T).T - np.eye(3)[y]) / 11
        da, on = d @ p["W"].T, sigmoid(g)
        slope = on * (1 - on) if bug == "swish_short" else on + g * on * (1 - on)
        d_gate, d_value = X.T @ (da * v * slope), X.T @ (da * (1 if bug == "no_gate" else g * on))
        if bug == "gates_exchanged":
            d_gate, d_value = d_value, d_gate
        return {"gate": d_gate, "value": d_value, "W": a.T @ d}

    return f, gradient, start


@case(CONFIRM, no_skip="", skip_twice="", bias_mean="1/N|mean")
def residual(bug):
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(14, 5)), rng.normal(size=(14, 5))
    start = {name: 0.5 * rng.normal(size=(5, 5)) for name in ("W1", "W2")}
    start["b1"] = rng.normal(size=5)

    def forward(p):
        h = X @ p["W2"]
        a = np.tanh(h @ p["W1"] + p["b1"])
        return h, a, h + a

    def f(p):
        return 0.5 * np.sum((forward(p)[2] - y) ** 2)

    def gradient(p):
        h, a, out = forward(p)
        d = out - y
        dz = d * (1 - a**2)
        skip = {"no_skip": 0, "skip_twice": 2}.get(bug, 1)
        dh = skip * d + dz @ p["W1"].T
        db = dz.mean(0) if bug == "bias_mean" else dz.sum(0)
        return {"W1": h.T @ dz, "b1": db, "W2": X.T @ dh}

    return f, gradient, start


@case(CONFIRM, users_for_items="another", repeated="more than once", no_global="never written")
def recommender(bug):
    rng = np.random.default_rng(7)
    user, item, rating = rng.integers(0, 6, 25), rng.integers(0, 6, 25), rng.normal(size=25)
    start = {"U": rng.normal(size=(7, 3)), "V": rng.normal(size=(7, 3)), "mean": np.array([0.17])}

    def f(p):
        off = np.sum(p["U"][user] * p["V"][item], axis=1) + p["mean"] - rating
        return 0.5 * np.sum(off**2) + 0.05 * np.sum(p["U"] ** 2)

    def gradient(p):
        off = np.sum(p["U"][user] * p["V"][item], axis=1) + p["mean"] - rating
        dU, dV = 0.1 * p["U"], np.zeros((7, 3))
        np.add.at(dU, user, off[:, None] * p["V"][item])
        if bug == "repeated":
            dV[item] += off[:, None] * p["U"][user]
        else:
            np.add.at(dV, item, off[:, None] * p["U"][user])
        if bug == "users_for_items":
            dU, dV = dV, dU
        return {"U": dU, "V": dV, "mean": np.array([0 if bug == "no_global" else off.sum()])}

    return f, gradient, start


@case(CONFIRM, no_width="", distance_sign="sign", center_mean="1/N|mean|times too small")
def radial_basis(bug):
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(21, 2)), rng.normal(size=21)
    start = {"c": rng.normal(size=(5, 2)), "w": rng.normal(size=5)}
    start["log_width"] = rng.normal(size=5) / 3

    def forward(p):
        gap = X[:, None] - p["c"]
        square = np.sum(gap**2, axis=-1) * np.exp(-2 * p["log_width"])
        return gap, square, np.exp(-square / 2)

    def f(p):
        return 0.5 * np.sum((forward(p)[2] @ p["w"] - y) ** 2)

    def gradient(p):
        gap, square, k = forward(p)
        off = k @ p["w"] - y
        d = off[:, None] * p["w"] * k
        narrow = 1 if bug == "no_width" else np.exp(-2 * p["log_width"])
        dc = np.sum((d * narrow)[..., None] * gap, axis=0)
        if bug == "distance_sign":
            dc = -dc
        if bug == "center_mean":
            dc = dc / 21
        return {"c": dc, "w": k.T @ off, "log_width": np.sum(d * square, axis=0)}

    return f, gradient, start
