"""
The course's exercise: find the two bugs
========================================

The course's exercise on gradient checking has a network of three layers, written by hand, with two
bugs in its backward pass. One number, the relative difference of the whole gradient, tells you that
something is wrong. Here the checker also tells you what is wrong.

Columns are examples, as in the course: z = W a + b.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from sknn_opt import GradientCheckDisplay, InputNormalizer, check_gradients

X, y = load_breast_cancer(return_X_y=True)
X = InputNormalizer().fit_transform(X)[::15].T
y = y[::15].astype(float)[np.newaxis]
m = X.shape[1]


# %%
# A network of three layers: relu, relu, sigmoid.


def forward(p):
    z1 = p["W1"] @ X + p["b1"]
    a1 = np.maximum(z1, 0)
    z2 = p["W2"] @ a1 + p["b2"]
    a2 = np.maximum(z2, 0)
    z3 = p["W3"] @ a2 + p["b3"]
    return z1, a1, z2, a2, 1 / (1 + np.exp(-z3))


def cost(p):
    *_, a3 = forward(p)
    return -np.sum(y * np.log(a3) + (1 - y) * np.log(1 - a3)) / m


# %%
# The backward pass has an extra factor in two of its lines.


def backward(p):
    z1, a1, z2, a2, a3 = forward(p)
    dz3 = a3 - y
    dz2 = p["W3"].T @ dz3 * (z2 > 0)
    dz1 = p["W2"].T @ dz2 * (z1 > 0)
    return {
        "dW3": dz3 @ a2.T / m,
        "db3": np.sum(dz3, axis=1, keepdims=True) / m,
        "dW2": dz2 @ a1.T / m * 2,  # the first bug
        "db2": np.sum(dz2, axis=1, keepdims=True) / m,
        "dW1": dz1 @ X.T / m,
        "db1": 4 / m * np.sum(dz1, axis=1, keepdims=True),  # the second bug
    }


rng = np.random.default_rng(1)
sizes = [30, 5, 3, 1]
parameters = {}
for layer in (1, 2, 3):
    n_in, n_out = sizes[layer - 1], sizes[layer]
    parameters[f"W{layer}"] = rng.normal(size=(n_out, n_in)) * np.sqrt(2 / n_in)
    parameters[f"b{layer}"] = 0.1 * rng.normal(size=(n_out, 1))

report = check_gradients(cost, backward, parameters)
print(report)

# %%
# With both bugs fixed, it passes.


def fixed(p):
    gradients = backward(p)
    gradients["dW2"] = gradients["dW2"] / 2
    gradients["db1"] = gradients["db1"] / 4
    return gradients


after = check_gradients(cost, fixed, parameters)
print("\nFixed:", after.verdict, f"relative error {after.relative_error:.0e}")

# %%
# In the picture, the two blocks lie off the diagonal by the factors 2 and 4.

figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
GradientCheckDisplay.from_report(report, ax=ax)
plt.show()

# %%
# What to take away
# -----------------
# Both bugs are wrong factors. The network would still train, only a little worse, and nobody would
# notice. Check a backward pass that you wrote by hand before you use it.
