"""
Layer norm
==========

Each example is given mean 0 and variance 1 over its own features, whatever the other examples are.
Columns are examples, as in the course, and n is the number of features:

    μ = mean(X)        σ = √(mean((X - μ)²) + ε)        X_norm = (X - μ) / σ
    Y = γ X_norm + β

The means run over the features, and so down the columns. But γ and β have one number for each
feature, so their gradients are sums over the examples, along the rows. And γ does not leave the
means, because it differs from feature to feature. With dX_norm = γ dY:

    dX = (dX_norm - mean(dX_norm) - X_norm · mean(dX_norm · X_norm)) / σ

Source: Ba, Kiros and Hinton, "Layer normalization" (2016), equation 3.
"""

import numpy as np


def forward(X, gamma, beta, epsilon=1e-5):
    """Normalize each column over its features; X is of shape (n, m), gamma and beta of (n, 1)."""
    mu = np.mean(X, axis=0, keepdims=True)
    sigma = np.sqrt(np.mean((X - mu) ** 2, axis=0, keepdims=True) + epsilon)
    X_norm = (X - mu) / sigma
    return gamma * X_norm + beta, (X, X_norm, sigma, gamma)


def backward(dY, cache):
    """Return dX, dgamma and dbeta, each shaped like what it is the gradient of."""
    X, X_norm, sigma, gamma = cache
    n = X.shape[0]
    dgamma = np.sum(dY * X_norm, axis=1, keepdims=True)
    dbeta = np.sum(dY, axis=1, keepdims=True)
    dX_norm = gamma * dY
    through_mu = np.sum(dX_norm, axis=0, keepdims=True) / n
    through_sigma = X_norm * np.sum(dX_norm * X_norm, axis=0, keepdims=True) / n
    dX = (dX_norm - through_mu - through_sigma) / sigma
    return {"dX": dX, "dgamma": dgamma, "dbeta": dbeta}


def draw(rng, n=5, m=4):
    """Settings, and random inputs and parameters."""
    point = {
        "X": 2 * rng.normal(size=(n, m)) + 1,
        "gamma": rng.uniform(0.5, 2, size=(n, 1)),
        "beta": rng.normal(size=(n, 1)),
    }
    return {"epsilon": 1e-5}, point


# %%
# Is backward the gradient of forward? The check needs one number, so each output gets a random
# weight: J = Σ dY · Y.

if __name__ == "__main__":
    from sknn_opt import check_gradients

    rng = np.random.default_rng(0)
    settings, point = draw(rng)
    dY = rng.normal(size=point["X"].shape)
    report = check_gradients(
        lambda p: np.sum(dY * forward(**p, **settings)[0]),
        lambda p: backward(dY, forward(**p, **settings)[1]),
        point,
    )
    print(report)
