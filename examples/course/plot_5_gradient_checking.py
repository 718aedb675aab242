"""
5. Gradient checking
====================

The course's recipe is: concatenate all parameters into one vector θ and all gradients into dθ,
approximate each element of dθ from both sides, and compare the two vectors by ‖a - n‖ / (‖a‖ +
‖n‖). Below 1e-7 is great, 1e-5 deserves a look, 1e-3 is a bug. This chapter follows the recipe by
hand, on real data, and then makes one call that also says where the bug is.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine

from sknn_opt import GradientCheckDisplay, InputNormalizer, MLPClassifier, check_gradients

X, y = load_wine(return_X_y=True)
X = InputNormalizer().fit_transform(X)[::6]
Y = np.eye(3)[y[::6]]
m = len(X)

# %%
# A network by hand
# -----------------
# It has 13 inputs, 8 tanh units, softmax over 3 wines, and a penalty with λ = 0.1. Rows are
# examples.

LAMBDA = 0.1


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(p):
    a1 = np.tanh(X @ p["W1"] + p["b1"])
    return a1, softmax(a1 @ p["W2"] + p["b2"])


def cost(p):
    _, a2 = forward(p)
    penalty = LAMBDA / (2 * m) * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))
    return -np.sum(Y * np.log(a2)) / m + penalty


def backward(p):
    a1, a2 = forward(p)
    d2 = (a2 - Y) / m
    d1 = d2 @ p["W2"].T * (1 - a1**2)
    return {
        "dW1": X.T @ d1 + LAMBDA / m * p["W1"],
        "db1": d1.sum(axis=0),
        "dW2": a1.T @ d2 + LAMBDA / m * p["W2"],
        "db2": d2.sum(axis=0),
    }


rng = np.random.default_rng(0)
parameters = {
    "W1": rng.normal(scale=13**-0.5, size=(13, 8)),
    "b1": np.zeros(8),
    "W2": rng.normal(scale=8**-0.5, size=(8, 3)),
    "b2": np.zeros(3),
}

# %%
# The recipe
# ----------


def to_vector(arrays):
    return np.concatenate([a.ravel() for a in arrays.values()])


def to_dict(theta):
    parts = np.split(theta, np.cumsum([a.size for a in parameters.values()])[:-1])
    return {
        name: part.reshape(a.shape)
        for (name, a), part in zip(parameters.items(), parts, strict=True)
    }


def check_by_hand(gradients, step=1e-7):
    """Return the course's ratio, from two evaluations of the cost for each element of θ."""
    theta, analytic = to_vector(parameters), to_vector(gradients(parameters))
    numeric = np.empty_like(theta)
    for i in range(theta.size):
        move = np.zeros_like(theta)
        move[i] = step
        numeric[i] = (cost(to_dict(theta + move)) - cost(to_dict(theta - move))) / (2 * step)
    return np.linalg.norm(analytic - numeric) / (np.linalg.norm(analytic) + np.linalg.norm(numeric))


def with_a_bug(p):
    """Apply tanh once too often in its derivative: a1 is tanh(z1) already."""
    a1, a2 = forward(p)
    d2 = (a2 - Y) / m
    d1 = d2 @ p["W2"].T * (1 - np.tanh(a1) ** 2)
    return backward(p) | {"dW1": X.T @ d1 + LAMBDA / m * p["W1"], "db1": d1.sum(axis=0)}


size = to_vector(parameters).size
print(f"{size} parameters, {2 * size} evaluations of the cost")
ratios = {"correct": check_by_hand(backward), "with a bug": check_by_hand(with_a_bug)}
for name, ratio in ratios.items():
    print(f"{name:<12} ratio {ratio:.1e}")

# %%
# The recipe tells you that there is a bug, but not where. Besides, the same 1e-7 means more or less
# in another network, depending on its rounding and its kinks.
#
# The same in one call
# --------------------
# ``check_gradients`` takes the same cost, gradients and dict. It estimates its own error and judges
# each block against it.

report = check_gradients(cost, with_a_bug, parameters)
print(report)

# %%
# Backprop runs from the last layer to the first, so the fault starts in the last layer that is
# wrong: layer 1. Layer 2 and its biases are correct.

correct = check_gradients(cost, backward, parameters)
print(f"without the bug: {correct.verdict}, relative error {correct.relative_error:.0e}")

figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for ax, checked, name in zip(axes, (correct, report), ("correct", "with the bug"), strict=True):
    GradientCheckDisplay.from_report(checked, ax=ax)
    ax.set_title(f"{name}: {checked.verdict}")
plt.show()

# %%
# Estimators
# ----------
# For the networks of this package, the check needs no functions at all. Batch norm and dropout are
# on, and the check is repeated after ten steps of training.

net = MLPClassifier((8,), batch_norm=True, dropout=0.2, random_state=0)
ours = check_gradients(net, X, Y.argmax(axis=1), burn_in=10)
print(f"{ours.verdict}: relative error {ours.relative_error:.0e}, {len(ours.blocks)} blocks")

assert ratios["correct"] < 1e-7 < 1e-3 < ratios["with a bug"]
assert report.first_bad_layer == 1
assert correct.passed
assert ours.passed

# %%
# What to take away
# -----------------
# Check a gradient that you wrote before you train with it. One number says whether it is wrong; a
# table by block says where. The next chapter shows five ways to fool yourself.
