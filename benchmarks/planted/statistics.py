"""Likelihoods."""

import numpy as np
from scipy.special import digamma, gammaln

from planted.case import case, sigmoid, softmax

CHOOSE, CONFIRM = "choose", "confirm"


@case(CHOOSE, 40, no_mean="1/N", no_penalty="L2 penalty is missing", bias_decays="b|not penal")
def logistic_regression(bug):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 6)), rng.integers(0, 2, 40)
    start = {"w": rng.normal(size=6), "b": rng.normal(size=1)}

    def f(p):
        z = X @ p["w"] + p["b"]
        return np.mean(np.log(1 + np.exp(z)) - y * z) + 0.05 * p["w"] @ p["w"]

    def gradient(p):
        delta = (sigmoid(X @ p["w"] + p["b"]) - y) / (1 if bug == "no_mean" else 40)
        dw = X.T @ delta + (0 if bug == "no_penalty" else 0.1) * p["w"]
        db = delta.sum(keepdims=True) + (0.1 * p["b"] if bug == "bias_decays" else 0)
        return {"w": dw, "b": db}

    return f, gradient, start


@case(CHOOSE, 30, no_chain=r"exp\(", sign_of_log="sign", mean_only="1/N")
def normal_by_group(bug):
    rng = np.random.default_rng(1)
    data = rng.normal(size=(30, 4)) * 2 + 1
    start = {"mu": rng.normal(size=4), "log_sigma": 0.3 * rng.normal(size=4)}

    def f(p):
        z = (data - p["mu"]) * np.exp(-p["log_sigma"])
        return np.sum(0.5 * z**2 + p["log_sigma"])

    def gradient(p):
        z = (data - p["mu"]) * np.exp(-p["log_sigma"])
        d_mu = -np.sum(z, axis=0) * np.exp(-p["log_sigma"])
        d_log = np.sum(1 - z**2, axis=0)
        if bug == "no_chain":
            d_log = d_log * np.exp(-p["log_sigma"])  # by sigma, not by its logarithm
        if bug == "sign_of_log":
            d_log = -d_log
        if bug == "mean_only":
            d_mu = d_mu / 30
        return {"mu": d_mu, "log_sigma": d_log}

    return f, gradient, start


@case(CHOOSE, 50, no_exposure="", inverse_link="", no_rate="")
def poisson_regression(bug):
    rng = np.random.default_rng(2)
    X, exposure = rng.normal(size=(50, 5)), rng.uniform(0.5, 2, 50)
    y = rng.poisson(2, 50)
    start = rng.normal(size=5) * 0.3

    def f(w):
        z = X @ w
        return np.sum(exposure * np.exp(z) - y * z)

    def gradient(w):
        rate = exposure * np.exp(X @ w)
        if bug == "no_exposure":
            rate = np.exp(X @ w)
        if bug == "inverse_link":
            return X.T @ (y / rate - 1)
        return X.T @ ((0 if bug == "no_rate" else rate) - y)

    return f, gradient, start


@case(CHOOSE, 60, no_centering="mean", hard="", scale_squared=r"exp\(")
def gaussian_mixture(bug):
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(-2, 0.5, 30), rng.normal(1, 1, 30)])[:, np.newaxis]
    start = {
        "logits": rng.normal(size=3),
        "mu": np.array([-1.7, 0.2, 1.3]),
        "log_sigma": np.array([-0.31, 0.12, 0.23]),
    }

    def parts(p):
        z = (x - p["mu"]) * np.exp(-p["log_sigma"])
        prior = np.log(softmax(p["logits"]))
        return z, prior - 0.5 * z**2 - p["log_sigma"]

    def f(p):
        most = parts(p)[1].real.max(1, keepdims=True)
        return -np.sum(np.log(np.exp(parts(p)[1] - most).sum(1)) + most[:, 0])

    def gradient(p):
        z, s = parts(p)
        r = softmax(s)
        if bug == "hard":
            r = np.eye(3)[r.argmax(1)]
        d_logits = -(r - (0 if bug == "no_centering" else softmax(p["logits"]))).sum(0)
        d_log = -(r * (z**2 - 1)).sum(0)
        if bug == "scale_squared":
            d_log = d_log * np.exp(-2 * p["log_sigma"])
        d_mu = -(r * z * np.exp(-p["log_sigma"])).sum(0)
        return {"logits": d_logits, "mu": d_mu, "log_sigma": d_log}

    return f, gradient, start


@case(CHOOSE, 25, full="lower triangular", transposed="", no_determinant="diagonal|only")
def normal_with_precision_factor(bug):
    rng = np.random.default_rng(4)
    data = rng.normal(size=(25, 4))
    start = {"L": np.tril(rng.normal(size=(4, 4))) + 2 * np.eye(4)}

    def f(p):
        L = np.tril(p["L"])
        return 0.5 * np.sum((data @ L) ** 2) - 25 * np.sum(np.log(np.diag(L)))

    def gradient(p):
        L = np.tril(p["L"])
        d = data.T @ (data @ L)
        if bug == "transposed":
            d = L @ (data.T @ data)
        if bug != "no_determinant":
            d = d - 25 * np.diag(1 / np.diag(L))
        return {"L": d if bug == "full" else np.tril(d)}

    return f, gradient, start


@case(CHOOSE, 35, no_digamma="", by_rate="", unsquared="")
def gamma_regression(bug):
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(35, 4)), rng.gamma(2, 1, 35)
    start = {"beta": 0.2 * rng.normal(size=4), "shape": np.array([1.37])}

    def f(p):
        mu, k = np.exp(X @ p["beta"]), p["shape"][0]
        return np.sum(gammaln(k) - k * np.log(k / mu) - (k - 1) * np.log(y) + k * y / mu)

    def gradient(p):
        mu, k = np.exp(X @ p["beta"]), p["shape"][0]
        d_beta = X.T @ (k - k * y / mu)
        if bug == "unsquared":
            d_beta = X.T @ (k / mu - k * y / mu**2)
        d_k = digamma(k) - np.log(k / mu) - 1 - np.log(y) + y / mu
        if bug == "no_digamma":
            d_k = d_k - digamma(k)
        if bug == "by_rate":
            d_k = d_k + 1
        return {"beta": d_beta, "shape": np.array([d_k.sum()])}

    return f, gradient, start


@case(CHOOSE, 30, counts_once="off the diagonal", no_inverse="", log_only="")
def gaussian_graph(bug):
    rng = np.random.default_rng(6)
    S = np.cov(rng.normal(size=(30, 4)).T)
    A = rng.normal(size=(4, 4))
    rows, columns = np.tril_indices(4)

    def matrix(v):
        K = np.zeros((4, 4), v.dtype)
        K[rows, columns] = v
        return K + K.T - np.diag(np.diag(K))

    start = (A @ A.T + 2 * np.eye(4))[rows, columns]

    def f(v):
        return np.trace(S @ matrix(v)) - np.linalg.slogdet(matrix(v))[1]

    def gradient(v):
        inverse = matrix(v) if bug == "no_inverse" else np.linalg.inv(matrix(v))
        d = (0 if bug == "log_only" else S) - inverse
        if bug != "counts_once":
            d = 2 * d - np.diag(np.diag(d))
        return d[rows, columns]

    return f, gradient, start


@case(CONFIRM, risk_reversed="", no_weights="", sign="sign")
def cox_regression(bug):
    rng = np.random.default_rng(7)
    X, died = rng.normal(size=(18, 4)), rng.integers(0, 2, 18)
    start = {"beta": 0.5 * rng.normal(size=4)}

    def f(p):  # the rows are in the order of time: those later are at risk
        z = X @ p["beta"]
        at_risk = np.cumsum(np.exp(z)[::-1])[::-1]
        return -np.sum(died * (z - np.log(at_risk)))

    def gradient(p):
        e = np.exp(X @ p["beta"])
        if bug == "risk_reversed":
            total, weighted = np.cumsum(e), np.cumsum(e[:, None] * X, axis=0)
        else:
            total = np.cumsum(e[::-1])[::-1]
            weighted = np.cumsum((e[:, None] * X)[::-1], axis=0)[::-1]
        mean = X if bug == "no_weights" else weighted / total[:, None]
        g = -died @ (X - mean)
        return {"beta": -g if bug == "sign" else g}

    return f, gradient, start


@case(CONFIRM, 32, no_scale=r"exp\(", mean="1/N", df_forgotten="")
def student_errors(bug):
    rng = np.random.default_rng(8)
    X, y, df = rng.normal(size=(32, 5)), rng.standard_t(3, 32), 3.7
    start = {"coef": rng.normal(size=5), "log_scale": np.array([0.23])}

    def f(p):
        z = (y - X @ p["coef"]) * np.exp(-p["log_scale"])
        return np.sum((df + 1) / 2 * np.log(1 + z**2 / df) + p["log_scale"])

    def gradient(p):
        z = (y - X @ p["coef"]) * np.exp(-p["log_scale"])
        top = df if bug == "df_forgotten" else df + 1
        pull = top * z / (df + z**2)
        d_coef = -X.T @ pull * (1 if bug == "no_scale" else np.exp(-p["log_scale"]))
        d_scale = np.sum(1 - pull * z, keepdims=True)
        return {"coef": d_coef / 32 if bug == "mean" else d_coef, "log_scale": d_scale}

    return f, gradient, start


@case(CONFIRM, no_jacobian="", pooled="same|mean", squared_chain=r"exp\(")
def hierarchical_means(bug):
    rng = np.random.default_rng(9)
    group, y = np.repeat(np.arange(6), 5), rng.normal(size=30)
    start = {"mean": rng.normal(size=6), "log_tau": np.array([-0.37])}

    def f(p):
        tau2 = np.exp(2 * p["log_tau"][0])
        fit = 0.5 * np.sum((y - p["mean"][group]) ** 2)
        return fit + 0.5 * np.sum(p["mean"] ** 2) / tau2 + 6 * p["log_tau"][0]

    def gradient(p):
        tau2 = np.exp(2 * p["log_tau"][0])
        off = np.bincount(group, p["mean"][group] - y)
        if bug == "pooled":
            off = np.full(6, off.mean())
        d_mean = off + p["mean"] / tau2
        d_tau = 6 * (bug != "no_jacobian") - np.sum(p["mean"] ** 2) / tau2
        if bug == "squared_chain":
            d_tau = d_tau * np.exp(-p["log_tau"][0])
        return {"mean": d_mean, "log_tau": np.array([d_tau])}

    return f, gradient, start
