"""
Batch norm
==========

Each unit is given mean 0 and variance 1 over the examples of the batch, and then a mean β and a
standard deviation γ that are learned. Columns are examples, as in the course; there are m of them:

    μ = mean(Z)        σ = √(mean((Z - μ)²) + ε)        Z_norm = (Z - μ) / σ
    Z_tilde = γ Z_norm + β

An example moves μ and σ too, and so all the others. With dZ_norm = γ dZ_tilde, the chain rule
through the three ways adds up to

    dZ = (dZ_norm - mean(dZ_norm) - Z_norm · mean(dZ_norm · Z_norm)) / σ

The second term is what goes through μ, the third what goes through σ.

Source: Ioffe and Szegedy, "Batch normalization" (2015), algorithm 1; Ng, "Improving deep neural
networks", week 3, for the names.
"""

import numpy as np


def forward(Z, gamma, beta, epsilon=1e-5):
    """Normalize each row over the examples; Z is of shape (n, m), gamma and beta of (n, 1)."""
    mu = np.mean(Z, axis=1, keepdims=True)
    sigma = np.sqrt(np.mean((Z - mu) ** 2, axis=1, keepdims=True) + epsilon)
    Z_norm = (Z - mu) / sigma
    return gamma * Z_norm + beta, (Z, Z_norm, sigma, gamma)


def backward(dZ_tilde, cache):
    """Return dZ, dgamma and dbeta, each shaped like what it is the gradient of."""
    Z, Z_norm, sigma, gamma = cache
    m = Z.shape[1]
    dgamma = np.sum(dZ_tilde * Z_norm, axis=1, keepdims=True)
    dbeta = np.sum(dZ_tilde, axis=1, keepdims=True)
    dZ_norm = gamma * dZ_tilde
    through_mu = np.sum(dZ_norm, axis=1, keepdims=True) / m
    through_sigma = Z_norm * np.sum(dZ_norm * Z_norm, axis=1, keepdims=True) / m
    dZ = (dZ_norm - through_mu - through_sigma) / sigma
    return {"dZ": dZ, "dgamma": dgamma, "dbeta": dbeta}


def draw(rng, n=4, m=7):
    """Settings, and random inputs and parameters."""
    point = {
        "Z": 2 * rng.normal(size=(n, m)) + 1,
        "gamma": rng.uniform(0.5, 2, size=(n, 1)),
        "beta": rng.normal(size=(n, 1)),
    }
    return {"epsilon": 1e-5}, point


# %%
# Is backward the gradient of forward? The check needs one number, so each output gets a random
# weight: J = Σ dZ_tilde · Z_tilde. A plain sum would not do: that of a normalized Z is always 0.

if __name__ == "__main__":
    from sknn_opt import check_gradients

    rng = np.random.default_rng(0)
    settings, point = draw(rng)
    dZ_tilde = rng.normal(size=point["Z"].shape)
    report = check_gradients(
        lambda p: np.sum(dZ_tilde * forward(**p, **settings)[0]),
        lambda p: backward(dZ_tilde, forward(**p, **settings)[1]),
        point,
    )
    print(report)
