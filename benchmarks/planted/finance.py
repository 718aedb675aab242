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


@case(CHOOSE, vega_without_root="", no_discount="", delta_for_vega="")
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


@case(CHOOSE, no_product="", level="", decay_inside="")
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


@case(CHOOSE, 30, no_mean="1/N", subgradient="", sign="sign")
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


@case(CONFIRM, no_cost_sign="", wealth_power="", today="elements|element|shifted")
def trading_utility(bug):
    rng = np.random.default_rng(6)
    r = 0.05 * rng.normal(size=14)
    start = rng.normal(size=14)

    def f(x):
        trades = np.diff(x, prepend=0)
        gain = 1 + x * r - 0.01 * np.sqrt(trades**2 + 1e-2)
        return -np.sum(gain**0.3) / 0.3

    def gradient(x):
        trades = np.diff(x, prepend=0)
        smooth = np.sqrt(trades**2 + 1e-2)
        gain = 1 + x * r - 0.01 * smooth
        slope = -(gain ** (0.3 if bug == "wealth_power" else -0.7))
        cost = -0.01 * trades / (1 if bug == "no_cost_sign" else smooth) * slope
        g = slope * r + cost
        if bug != "today":
            g[:-1] -= cost[1:]
        return g

    return f, gradient, start


@case(CONFIRM, basis_points="times", no_time="", convexity="")
def bond_portfolio(bug):
    years = np.array([1.0, 2, 3, 5, 7, 10])
    rates = np.array([0.011, 0.013, 0.017, 0.021, 0.024, 0.029])
    start = {"rates": rates, "units": np.arange(6.0) + 1.3}

    def f(p):
        return np.sum(p["units"] * np.exp(-p["rates"] * years)) ** 2 / 10

    def gradient(p):
        price = np.exp(-p["rates"] * years)
        value = p["units"] @ price
        d_rates = -value / 5 * p["units"] * price * (1 if bug == "no_time" else years)
        if bug == "basis_points":
            d_rates = d_rates * 1e-4
        if bug == "convexity":
            d_rates = -d_rates * years
        return {"rates": d_rates, "units": value / 5 * price}

    return f, gradient, start


@case(CONFIRM, not_orthogonal="", halved="1/2|2 from")
def factor_model(bug):
    rng = np.random.default_rng(8)
    S = np.cov(rng.normal(size=(40, 6)).T)
    start = {"B": rng.normal(size=(6, 2)), "log_noise": 0.3 * rng.normal(size=6)}

    def f(p):
        C = p["B"] @ p["B"].T + np.diag(np.exp(p["log_noise"]))
        return np.sum((C - S) ** 2)

    def gradient(p):
        off = 2 * (p["B"] @ p["B"].T + np.diag(np.exp(p["log_noise"])) - S)
        dB = 2 * (np.tril(off) if bug == "not_orthogonal" else off) @ p["B"]
        return {
            "B": dB / 2 if bug == "halved" else dB,
            "log_noise": np.diag(off) * np.exp(p["log_noise"]),
        }

    return f, gradient, start
