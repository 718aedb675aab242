"""Recurrence, attention, embeddings, sums over time."""

import numpy as np

from planted.case import case, cross_entropy, d_cross_entropy, log_sum_exp, sigmoid, softmax

CHOOSE, CONFIRM = "choose", "confirm"


@case(
    CHOOSE,
    no_recurrence="",
    clipped="clipped",
    last_step="",
    untransposed="",
    no_tanh="",
    shifted_h="",
)
def recurrent(bug):
    rng = np.random.default_rng(0)
    n, width, words = 8, 6, 5
    x, t, eye = rng.integers(0, words, n), rng.integers(0, words, n), np.eye(words)
    start = {
        "Wx": 0.3 * rng.normal(size=(words, width)),
        "Wh": 0.3 * rng.normal(size=(width, width)),
        "Wy": 0.3 * rng.normal(size=(width, words)),
        "bh": 0.1 * rng.normal(size=width),
    }

    def forward(p):
        h = [np.zeros(width)]
        for k in x:
            h.append(np.tanh(eye[k] @ p["Wx"] + h[-1] @ p["Wh"] + p["bh"]))
        h = np.array(h)
        return h, h[1:] @ p["Wy"]

    def f(p):
        return len(x) * cross_entropy(forward(p)[1], t)

    def gradient(p):
        h, s = forward(p)
        ds = len(x) * d_cross_entropy(s, t)
        if bug == "last_step":
            ds[:-1] = 0
        g = {name: np.zeros_like(value) for name, value in p.items()}
        g["Wy"] = h[1:].T @ ds
        later = 0
        for k in reversed(range(n)):
            dh = p["Wy"] @ ds[k] + (0 if bug == "no_recurrence" else later)
            dz = dh * (1 if bug == "no_tanh" else 1 - h[k + 1] ** 2)
            g["bh"] += dz
            g["Wx"] += np.outer(eye[x[k]], dz)
            g["Wh"] += np.outer(h[k + 1 if bug == "shifted_h" else k], dz)
            later = (p["Wh"].T if bug == "untransposed" else p["Wh"]) @ dz
        if bug == "clipped":
            g = {name: np.clip(value, -0.5, 0.5) for name, value in g.items()}
        return g

    return f, gradient, start


@case(CHOOSE, dropped="more than once", no_mean="1/N", transposed="transposed")
def embedding(bug):
    rng = np.random.default_rng(1)
    ids, y = rng.integers(0, 10, 20), rng.integers(0, 3, 20)
    start = {"E": rng.normal(size=(12, 5)), "W": rng.normal(size=(5, 3))}

    def f(p):
        return cross_entropy(p["E"][ids] @ p["W"], y)

    def gradient(p):
        d = d_cross_entropy(p["E"][ids] @ p["W"], y)
        if bug == "no_mean":
            d = d * 20
        dE = np.zeros_like(p["E"])
        if bug == "dropped":
            dE[ids] += d @ p["W"].T
        else:
            np.add.at(dE, ids, d @ p["W"].T)
        dW = p["E"][ids].T @ d
        return {"E": dE, "W": dW.T.reshape(5, 3) if bug == "transposed" else dW}

    return f, gradient, start


@case(CHOOSE, no_scale="√", softmax_copied="", q_for_k="another", values_untransposed="")
def attention(bug):
    rng = np.random.default_rng(2)
    n, d = 6, 8
    X, target = rng.normal(size=(n, 5)), rng.normal(size=(n, d))
    start = {name: 0.5 * rng.normal(size=(5, d)) for name in ("Wq", "Wk", "Wv")}

    def forward(p):
        Q, K, V = (X @ p[name] for name in ("Wq", "Wk", "Wv"))
        A = softmax(Q @ K.T / np.sqrt(d))
        return Q, K, V, A, A @ V

    def f(p):
        return 0.5 * np.sum((forward(p)[-1] - target) ** 2)

    def gradient(p):
        Q, K, V, A, out = forward(p)
        off = out - target
        dA = off @ V.T
        dS = dA if bug == "softmax_copied" else A * (dA - (dA * A).sum(1, keepdims=True))
        dS = dS / (1 if bug == "no_scale" else np.sqrt(d))
        g = {"Wq": X.T @ (dS @ K), "Wk": X.T @ (dS.T @ Q), "Wv": X.T @ (A.T @ off)}
        if bug == "q_for_k":
            g["Wq"], g["Wk"] = g["Wk"], g["Wq"]
        if bug == "values_untransposed":
            g["Wv"] = X.T @ (A @ off)
        return g

    return f, gradient, start


@case(CHOOSE, no_sum="cumulative", forward_sum="", one_late="")
def random_walk(bug):
    rng = np.random.default_rng(3)
    seen = rng.normal(size=12).cumsum()
    start = rng.normal(size=12)

    def f(steps):
        return 0.5 * np.sum((np.cumsum(steps) - seen) ** 2)

    def gradient(steps):
        off = np.cumsum(steps) - seen
        if bug == "no_sum":
            return off
        if bug == "forward_sum":
            return np.cumsum(off)
        g = np.cumsum(off[::-1])[::-1]
        return np.append(g[1:], 0) if bug == "one_late" else g

    return f, gradient, start


@case(CHOOSE, no_forget="", gates_mixed="order|swapped|exchanged", no_tanh="", cell_only="")
def lstm(bug):
    rng = np.random.default_rng(4)
    n, width = 5, 3
    X, target = rng.normal(size=(n, 4)), rng.normal(size=width)
    start = {"W": 0.4 * rng.normal(size=(7, 12)), "b": 0.1 * rng.normal(size=12)}

    def forward(p):
        h, c, kept = np.zeros(width), np.zeros(width), []
        for x in X:
            both = np.concatenate([x, h])
            z = both @ p["W"] + p["b"]
            i, u, o = sigmoid(z[:3]), sigmoid(z[3:6]), sigmoid(z[6:9])
            g, before = np.tanh(z[9:]), c
            c = u * c + i * g
            h = o * np.tanh(c)
            kept.append((both, i, u, o, g, before, c))
        return h, kept

    def f(p):
        return 0.5 * np.sum((forward(p)[0] - target) ** 2)

    def gradient(p):
        h, kept = forward(p)
        dW, db = np.zeros((7, 12)), np.zeros(12)
        dh, dc = h - target, np.zeros(width)
        for both, i, u, o, g, before, c in reversed(kept):
            t = np.tanh(c)
            dc = dc + dh * o * (1 if bug == "no_tanh" else 1 - t**2)
            gates = [
                dc * g * i * (1 - i),
                (0 if bug == "no_forget" else dc) * before * u * (1 - u),
                dh * t * o * (1 - o),
                dc * i * (1 - g**2),
            ]
            if bug == "gates_mixed":
                gates = [gates[0], gates[1], gates[3], gates[2]]
            dz = np.concatenate(gates)
            dW += np.outer(both, dz)
            db += dz
            dh = 0 * h if bug == "cell_only" else (p["W"] @ dz)[4:]
            dc = dc * u
        return {"W": dW, "b": db}

    return f, gradient, start


@case(CHOOSE, no_partition="", no_transitions="", transposed="transposed", start_twice="")
def chain_field(bug):
    # a linear-chain conditional random field
    rng = np.random.default_rng(5)
    n, k = 7, 4
    y = rng.integers(0, k, n)
    start = {"emit": rng.normal(size=(n, k)), "move": rng.normal(size=(k, k))}

    def forward(p):
        alpha = [p["emit"][0]]
        for e in p["emit"][1:]:
            alpha.append(log_sum_exp((alpha[-1][:, np.newaxis] + p["move"]).T) + e)
        return alpha

    def f(p):
        gold = p["emit"][np.arange(n), y].sum() + p["move"][y[:-1], y[1:]].sum()
        return log_sum_exp(forward(p)[-1]) - gold

    def gradient(p):
        alpha, beta = forward(p), [np.zeros(k)]
        for e in p["emit"][:0:-1]:
            beta.insert(0, log_sum_exp(p["move"] + e + beta[0]))
        total = log_sum_exp(alpha[-1])
        emit = np.exp(np.array(alpha) + np.array(beta) - total)
        move = np.zeros((k, k))
        for t in range(1, n):
            ahead = p["emit"][t] + beta[t]
            move += np.exp(alpha[t - 1][:, np.newaxis] + p["move"] + ahead - total)
        if bug == "no_partition":
            emit, move = 0 * emit, 0 * move
        emit[np.arange(n), y] -= 1
        if bug == "start_twice":
            emit[0, y[0]] -= 1
        if bug != "no_transitions":
            np.subtract.at(move, (y[:-1], y[1:]), 1)
        return {"emit": emit, "move": move.T if bug == "transposed" else move}

    return f, gradient, start


@case(CONFIRM, no_reset="never written", no_carry="", update_inverted="sign")
def gated_recurrence(bug):
    rng = np.random.default_rng(6)
    X, target = rng.normal(size=(5, 3)), rng.normal(size=4)
    names = ("Wz", "Wr", "Wn")
    start = {name: 0.5 * rng.normal(size=(7, 4)) for name in names}

    def forward(p):
        h, kept = np.zeros(4), []
        for x in X:
            both = np.concatenate([x, h])
            z, r = sigmoid(both @ p["Wz"]), sigmoid(both @ p["Wr"])
            inner = np.concatenate([x, r * h])
            n = np.tanh(inner @ p["Wn"])
            kept.append((both, inner, z, r, n, h))
            h = (1 - z) * n + z * h
        return h, kept

    def f(p):
        return 0.5 * np.sum((forward(p)[0] - target) ** 2)

    def gradient(p):
        h, kept = forward(p)
        g, dh = {name: np.zeros((7, 4)) for name in names}, h - target
        for both, inner, z, r, n, before in reversed(kept):
            dz = dh * (n - before if bug == "update_inverted" else before - n) * z * (1 - z)
            dn = dh * (1 - z) * (1 - n**2)
            back = p["Wn"] @ dn
            dr = back[3:] * before * r * (1 - r)
            if bug == "no_reset":
                dr = 0 * dr
            for name, into, d in (("Wz", both, dz), ("Wr", both, dr), ("Wn", inner, dn)):
                g[name] += np.outer(into, d)
            carried = 0 if bug == "no_carry" else dh * z
            dh = carried + back[3:] * r + (p["Wz"] @ dz)[3:] + (p["Wr"] @ dr)[3:]
        return g

    return f, gradient, start


@case(CONFIRM, anticausal="", no_bias_sum="", shifted="shifted|order")
def causal_convolution(bug):
    rng = np.random.default_rng(7)
    x, seen = rng.normal(size=16), rng.normal(size=16)
    start = {"w": rng.normal(size=5), "b": rng.normal(size=1)}
    lagged = np.array([np.concatenate([np.zeros(k), x[: 16 - k]]) for k in range(5)])

    def f(p):
        return 0.5 * np.sum((np.tanh(p["w"] @ lagged + p["b"]) - seen) ** 2)

    def gradient(p):
        a = np.tanh(p["w"] @ lagged + p["b"])
        d = (a - seen) * (1 - a**2)
        dw = lagged @ (d[::-1] if bug == "anticausal" else d)
        if bug == "shifted":
            dw = np.roll(dw, 1)
        return {"w": dw, "b": d[-1:] if bug == "no_bias_sum" else d.sum(keepdims=True)}

    return f, gradient, start


@case(CONFIRM, not_row_centered="", emission_only="never written", posterior_hard="")
def hidden_markov(bug):
    rng = np.random.default_rng(8)
    n, k = 9, 3
    log_b = rng.normal(size=(n, k))
    start = {"move": rng.normal(size=(k, k))}

    def log_rows(s):
        return s - log_sum_exp(s)[:, None]

    def forward(T):
        alpha = [log_b[0]]
        for b in log_b[1:]:
            alpha.append(log_sum_exp((alpha[-1][:, None] + T).T) + b)
        return alpha

    def f(p):
        return -log_sum_exp(forward(log_rows(p["move"]))[-1])

    def gradient(p):
        T = log_rows(p["move"])
        alpha, beta = forward(T), [np.zeros(k)]
        for b in log_b[:0:-1]:
            beta.insert(0, log_sum_exp(T + b + beta[0]))
        total, d = log_sum_exp(alpha[-1]), np.zeros((k, k))
        for t in range(1, n):
            part = np.exp(alpha[t - 1][:, None] + T + log_b[t] + beta[t] - total)
            if bug == "posterior_hard":
                part = (part == part.max()) * 1.0
            d -= part
        if bug != "not_row_centered":
            d = d - d.sum(1, keepdims=True) * np.exp(T)
        return {"move": 0 * d if bug == "emission_only" else d}

    return f, gradient, start
