"""
3. Weight initialization: the variance of each, seen at depth 50
================================================================

A unit adds up n inputs, so the variance of z is n · Var(W) times the mean square of its inputs.
If you keep that product at 1, and compensate for what the activation takes away, signals neither
vanish nor explode. Each initializer of this package sets a variance; fifty layers show which one
suits which activation.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)  # a few epochs show which nets learn

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
normalizer = InputNormalizer().fit(X_train)
X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)

# %%
# The variance of each
# --------------------
# Each initializer draws the weights of a layer from 400 to 100 units behind relu, and we measure
# their variance.

VARIANCES = {
    "he_normal": ("2 / n_in", 2 / 400),
    "he_uniform": ("2 / n_in", 2 / 400),
    "glorot_normal": ("2 / (n_in + n_out)", 2 / 500),
    "glorot_uniform": ("2 / (n_in + n_out)", 2 / 500),
    "lecun_normal": ("1 / n_in", 1 / 400),
    "lecun_uniform": ("1 / n_in", 1 / 400),
    "xavier": ("1 / n_in", 1 / 400),
    "orthogonal": ("2 / max(n_in, n_out)", 2 / 400),
    "auto": ("2 / n_in", 2 / 400),
}


def initial_weights(sizes, init, activation):
    """Return the objective of a network, its initial weight matrices and its biases."""
    net = MLPClassifier(sizes, activation=activation, init=init, random_state=0)
    objective = net.objective(X_train[:200], y_train[:200])
    layers = range(1, len(sizes) + 2)
    theta, blocks = objective.theta, objective.blocks
    W = [blocks[f"W[{layer}]"].of(theta) for layer in layers]
    b = [blocks[f"b[{layer}]"].of(theta) for layer in layers]
    return objective, W, b


print(f"{'init':<16}{'Var(W)':<22}{'formula':>9}{'drawn':>9}")
for init, (formula, expected) in VARIANCES.items():
    _, W, _ = initial_weights((400, 100), init, "relu")
    print(f"{init:<16}{formula:<22}{expected:>9.5f}{W[1].var():>9.5f}")
    assert abs(W[1].var() / expected - 1) < 0.05

# %%
# (``orthogonal`` and ``auto`` multiply by the square of the activation's gain, which is 2 for relu
# and another number for tanh and the others. A small normal, the course's 0.01 · randn, is not
# among them, but a callable can draw it.)
#
# Fifty layers
# ------------
# We measure the root mean square of the activations in each of 50 hidden layers of 64 units, at the
# initial weights, on digits.

FUNCTIONS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}
INITS = {
    "0.01 · randn": lambda shape, rng, gain: 0.01 * rng.normal(size=shape),
    "xavier, 1 / n_in": "xavier",
    "he_normal": "he_normal",
    "orthogonal": "orthogonal",
    "auto": "auto",
}
DEPTH = 50


def signals(init, activation):
    """Return the root mean square of the activations and the norms of dW, by layer."""
    objective, W, b = initial_weights((64,) * DEPTH, init, activation)
    a, forward = X_train[:200], []
    for layer in range(DEPTH):
        a = FUNCTIONS[activation](a @ W[layer] + b[layer])
        forward.append(np.sqrt(np.mean(a**2)))
    gradient = objective.data_term().gradient(objective.theta)
    norms = [
        np.linalg.norm(objective.blocks[f"W[{layer}]"].of(gradient))
        for layer in range(1, DEPTH + 1)
    ]
    return forward, norms


print(f"{'':<26}{'activations':>24}{'gradient':>20}")
print(f"{'':<18}{'layer':>8}{'1':>12}{'50':>12}{'1':>10}{'50':>10}")
seen = {}
for activation in FUNCTIONS:
    for name, init in INITS.items():
        forward, norms = seen[activation, name] = signals(init, activation)
        print(f"{activation:<6}{name:<20}{forward[0]:>12.1e}{forward[-1]:>12.1e}", end="")
        print(f"{norms[0]:>10.1e}{norms[-1]:>10.1e}")

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained", sharey=True)
COLORS = ("#000000", "#0072B2", "#E69F00", "#CC79A7", "#009E73")
STYLES = (":", "--", "-.", (0, (5, 1)), "-")
for ax, activation in zip(axes, FUNCTIONS, strict=True):
    for name, color, style in zip(INITS, COLORS, STYLES, strict=True):
        forward = np.maximum(seen[activation, name][0], 1e-30)  # a log axis has no zero
        ax.plot(range(1, DEPTH + 1), forward, color=color, linestyle=style, label=name)
    ax.set(yscale="log", ylim=(1e-12, 1e3), xlabel="layer", title=activation)
axes[0].set_ylabel("root mean square of a")
axes[1].legend(frameon=False, loc="lower right")
plt.show()

# %%
# With relu, 1 / n_in loses half of the mean square in every layer, because relu zeroes half of the
# signals; 2 / n_in compensates for it. With tanh, 2 / n_in does not explode, because tanh is
# bounded: it saturates, and the gradients of the early layers grow instead.
#
# Which networks learn?
# ---------------------
# We train twenty relu layers of 64 units for fifteen epochs, and measure the test accuracy.

accuracy = {}
for name, init in INITS.items():
    net = MLPClassifier((64,) * 20, init=init, max_iter=15, random_state=0)
    accuracy[name] = net.fit(X_train, y_train).score(X_test, y_test)
    print(f"{name:<18}{accuracy[name]:>6.2f}")

assert seen["relu", "0.01 · randn"][0][-1] < 1e-10
assert 0.1 < seen["relu", "auto"][0][-1] < 10
assert accuracy["auto"] > accuracy["0.01 · randn"] + 0.5

# %%
# What to take away
# -----------------
# The best variance depends on the number of inputs *and* on the activation: 2 / n_in for relu, and
# 1 / n_in for tanh as a first rule. ``init="auto"`` uses the gain of the activation that you
# choose, so you need not remember these rules.
