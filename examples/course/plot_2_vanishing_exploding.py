"""
2. Vanishing and exploding gradients: 1.5 and 0.5 to the power L
================================================================

A signal goes through L layers, and each multiplies it by about the same factor. If the factor is a
little above 1, the signal explodes; if it is a little below 1, the signal vanishes. This chapter
shows the course's own example first, then a network of logistic units on handwritten digits.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
normalizer = InputNormalizer().fit(X_train)
X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)

# %%
# Linear layers, W = 1.5 I and W = 0.5 I
# --------------------------------------
# The network has L layers of 64 units without any nonlinearity. The gradient of the cost with
# respect to *each* layer contains the product of all the other layers, hence the factor to the
# power L.

DEPTHS = (5, 10, 20, 50, 100, 150)


def times_identity(factor):
    """An initializer: `factor` times the identity; small random numbers in the last layer."""

    def init(shape, rng, gain):
        if shape[0] == shape[1]:
            return factor * np.eye(shape[0])
        return rng.normal(scale=0.01, size=shape)

    return init


def gradient_norm(factor, depth):
    """Return the norm of dW[1] on 100 rows, in float64, at the initial weights."""
    net = MLPClassifier(
        (64,) * depth, activation="identity", init=times_identity(factor), alpha=0, random_state=0
    )
    objective = net.objective(X_train[:100], y_train[:100])
    gradient = objective.gradient(objective.theta)
    return np.linalg.norm(objective.blocks["W[1]"].of(gradient))


norms = {factor: [gradient_norm(factor, depth) for depth in DEPTHS] for factor in (1.5, 1.0, 0.5)}
print(f"{'layers L':>9}{'W = 1.5 I':>14}{'W = 1.0 I':>14}{'W = 0.5 I':>14}   1.5^L     0.5^L")
for row, depth in enumerate(DEPTHS):
    print(f"{depth:>9}" + "".join(f"{values[row]:>14.1e}" for values in norms.values()), end="")
    print(f"{1.5**depth:>10.1e}{0.5**depth:>10.1e}")

smallest, largest = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max
print(f"\nfloat32 ends at {smallest:.1e} and {largest:.1e}: a factor of 0.5 underflows after")
print(f"{np.log(smallest) / np.log(0.5):.0f} layers, one of 1.5 overflows after", end=" ")
print(f"{np.log(float(largest)) / np.log(1.5):.0f}")

# %%
# Where the factor comes from in a real network
# ---------------------------------------------
# A logistic unit has a derivative of at most 1/4. With Glorot's weights the forward signals look
# perfectly healthy, and the backward ones lose three quarters in every layer. So look at both, and
# at the *gain* of a layer, the ratio of what comes out to what goes in. It does not depend on the
# scale of the data or of the loss.


def gains(init, depth=10, width=64):
    """Return the rms of the signals of each layer, forward and backward, at initial weights."""
    net = MLPClassifier((width,) * depth, activation="logistic", init=init, random_state=0)
    objective = net.objective(X_train[:200], y_train[:200])
    theta, blocks = objective.theta, objective.blocks
    a, forward = X_train[:200], []
    for layer in range(1, depth + 1):
        z = a @ blocks[f"W[{layer}]"].of(theta) + blocks[f"b[{layer}]"].of(theta)
        a = 1 / (1 + np.exp(-z))
        forward.append(a)
    z = a @ blocks[f"W[{depth + 1}]"].of(theta) + blocks[f"b[{depth + 1}]"].of(theta)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    delta = p / p.sum(axis=1, keepdims=True) - np.eye(10)[y_train[:200]]
    backward = []
    for layer in range(depth, 0, -1):
        a = forward[layer - 1]
        delta = delta @ blocks[f"W[{layer + 1}]"].of(theta).T * a * (1 - a)
        backward.append(np.sqrt(np.mean(delta**2)))
    return [np.sqrt(np.mean(a**2)) for a in forward], backward[::-1]


signals = {init: gains(init) for init in ("glorot_uniform", "auto")}
for init, (forward, backward) in signals.items():
    ahead = (forward[-1] / forward[0]) ** (1 / 9)
    back = (backward[0] / backward[-1]) ** (1 / 9)
    print(f"init={init!r:<18} gain a layer: forward {ahead:.3f}, backward {back:.3f},")
    print(f"{'':<24}over 10 layers back {back**10:.1e}")

# %%
# What does training make of it? The fit itself says that the network learned nothing.

accuracy = {}
for init in signals:
    net = MLPClassifier((64,) * 10, activation="logistic", init=init, max_iter=15, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X_train, y_train)
    accuracy[init] = net.score(X_test, y_test)
    print(f"init={init!r}: test accuracy {accuracy[init]:.2f}")
    for line in str(caught[0].message).splitlines() if caught else []:
        if "learned nothing" in line:
            print("    fit says:", *line.split(". Scale")[0].split(": "), sep="\n      ")

# %%
# The picture
# -----------
# The left side shows the powers, which are straight lines on a logarithmic axis, and the range of
# float32 between the dotted lines. The right side shows the gradient on its way back, from layer 10
# to layer 1.

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for (factor, values), style, color in zip(
    norms.items(), ("o-", "s--", "^:"), ("#D55E00", "#000000", "#0072B2"), strict=True
):
    left.plot(DEPTHS, values, style, color=color, label=f"W = {factor} I")
for bound in (smallest, largest):
    left.axhline(float(bound), color="0.5", linestyle=":", linewidth=1)
left.set(yscale="log", xlabel="layers", ylabel="norm of the gradient dW[1]", title="Linear layers")
left.legend(frameon=False)
for (init, (_, backward)), style, color in zip(
    signals.items(), ("^-", "o--"), ("#0072B2", "#E69F00"), strict=True
):
    right.plot(range(1, 11), backward, style, color=color, label=f"init={init!r}")
right.set(yscale="log", xlabel="layer", ylabel="root mean square of δ", ylim=(None, 10))
right.set_title("Logistic units: the gradient on its way back")
right.legend(frameon=False)
plt.show()

assert norms[1.5][-1] > 1e20
assert norms[0.5][-1] < 1e-40
assert accuracy["auto"] > accuracy["glorot_uniform"] + 0.3

# %%
# What to take away
# -----------------
# With depth, a per-layer factor becomes a power of L. Healthy activations prove nothing; look at
# the gradient of the first layers as well. The cure is a gain near 1 in every layer, which is the
# subject of the next chapter.
