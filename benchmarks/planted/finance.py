"""Portfolios, prices and volatility."""

import numpy as np
from scipy.stats import norm

from planted.case import case, softmax

CHOOSE, CONFIRM = "choose", "confirm"


@case(CHOOSE, no_two="1/2|2 from", no_risk="", asymmetric="")
def mean_variance(bug):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(9, 6))
    covariance, mean = A.T @ A / 9, 0.1 * rng.normal(size=6)
    start = rng.normal(size=6)

    def f(w):
        return w @ covariance @ w - mean @ w

    def gradient(w):
        risk = 2 * covariance @ w
        if bug == "no_two":
            return risk / 2 - mean / 2
        if bug == "asymmetric":
            return 2 * np.tril(covariance) @ w - mean
        return (0 if bug == "no_risk" else risk) - mean

    return f, gradient, start


@case(CHOOSE, not_centered="", copied="", sign="sign")
def softmax_weights(bug):
    rng = np.random.default_rng(1)
    returns = rng.normal(size=(40, 5)) * 0.1
    start = rng.normal(size=5)

    def f(z):
        return -np.mean(np.log(1 + returns @ softmax(z)))

    def gradient(z):
        w = softmax(z)
        dw = -np.mean(returns / (1 + returns @ w)[:, np.newaxis], axis=0)
        if bug == "not_centered":
            return w * dw
        if bug == "copied":
            return dw - dw @ w
        g = w * (dw - dw @ w)
        return -g if bug == "sign" else g

    return f, gradient, start


@case(CHOOSE, no_recursion="", no_log="", last_day="")
def garch(bug):
    rng = np.random.default_rng(2)
    r2 = rng.normal(size=60) ** 2
    start = np.array([0.13, 0.17, 0.71])

    def variances(x):
        h = [np.mean(r2) + 0 * x[0]]
        for each in r2[:-1]:
            h.append(x[0] + x[1] * each + x[2] * h[-1])
        return np.array(h)

    def f(x):
        h = variances(x)
        return 0.5 * np.sum(np.log(h) + r2 / h)

    def gradient(x):
        h, dh, g = variances(x), np.zeros(3), np.zeros(3)
        for t in range(1, 60 - (bug == "last_day")):
            carried = 0 if bug == "no_recursion" else x[2] * dh
            dh = np.array([1, r2[t - 1], h[t - 1]]) + carried
            slope = (0 if bug == "no_log" else 1 / h[t]) - r2[t] / h[t] ** 2
            g += 0.5 * slope * dh
        return g

    return f, gradient, start


@case(CONFIRM, vega_without_root="", no_discount="", delta_for_vega="")
def black_scholes(bug):
    strikes = np.array([80.0, 95.0, 105.0, 120.0])
    quotes = np.array([23.0, 11.0, 6.0, 2.0])
    start = {"sigma": np.array([0.21, 0.23, 0.22, 0.26]), "rate": np.array([0.013])}
    spot, years = 100.0, 0.7

    def prices(p):
        root = p["sigma"] * np.sqrt(years)
        d1 = (np.log(spot / strikes) + (p["rate"] + p["sigma"] ** 2 / 2) * years) / root
        discount = np.exp(-p["rate"] * years)
        price = spot * norm.cdf(d1) - strikes * discount * norm.cdf(d1 - root)
        return price, d1, root, discount

    def f(p):
        return np.sum((prices(p)[0] - quotes) ** 2)

    def gradient(p):
        price, d1, root, discount = prices(p)
        off = 2 * (price - quotes)
        vega = spot * norm.pdf(d1) * (1 if bug == "vega_without_root" else np.sqrt(years))
        if bug == "delta_for_vega":
            vega = norm.cdf(d1)
        if bug == "no_discount":
            discount = 1.0
        rho = strikes * years * discount * norm.cdf(d1 - root)
        return {"sigma": off * vega, "rate": np.array([off @ rho])}

    return f, gradient, start


@case(CONFIRM, no_product="", level="", decay_inside="")
def nelson_siegel(bug):
    t = np.linspace(0.5, 10, 15)
    seen = 0.03 - 0.01 * np.exp(-t / 3)
    start = {"beta": np.array([0.031, -0.012, 0.017]), "tau": np.array([2.3])}

    def curve(p):
        e = np.exp(-t / p["tau"])
        slope = (1 - e) * p["tau"] / t
        return p["beta"][0] + p["beta"][1] * slope + p["beta"][2] * (slope - e), slope, e

    def f(p):
        return 1e4 * np.sum((curve(p)[0] - seen) ** 2)

    def gradient(p):
        fitted, slope, e = curve(p)
        off = 2e4 * (fitted - seen)
        d_e = e * t / p["tau"] ** 2
        d_slope = (1 - e) / t - (0 if bug == "no_product" else d_e * p["tau"] / t)
        inside = d_slope if bug == "decay_inside" else d_slope - d_e
        d_tau = p["beta"][1] * d_slope + p["beta"][2] * inside
        basis = np.array([np.ones(15), slope, slope if bug == "level" else slope - e])
        return {"beta": basis @ off, "tau": np.array([off @ d_tau])}

    return f, gradient, start


@case(CONFIRM, 30, no_mean="1/N", subgradient="", sign="sign")
def quantile_loss(bug):
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    start = rng.normal(size=4)

    def f(w):
        off = y - X @ w
        return np.mean(np.where(off > 0, 0.9 * off, -0.1 * off))

    def gradient(w):
        off = y - X @ w
        slope = np.where(off > 0, -0.9, 0.1)
        if bug == "subgradient":
            slope = np.where(off > 0, -0.9, 0.9)
        g = X.T @ slope / (1 if bug == "no_mean" else 30)
        return -g if bug == "sign" else g

    return f, gradient, start
