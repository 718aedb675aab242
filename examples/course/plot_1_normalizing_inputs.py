"""
1. Normalizing inputs, and how to scale test data
=================================================

If you subtract the mean μ of each feature and divide by its standard deviation σ, the long
narrow valley of the cost becomes rounder. Then comes the part that goes wrong in practice: you must
scale new data with *the same* μ and σ. This chapter measures both, on tumors of 569 patients.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier

data = load_breast_cancer()
X_train, X_test, y_train, y_test = train_test_split(
    data.data, data.target, test_size=0.3, stratify=data.target, random_state=0
)
print(f"features: the smallest reaches {X_train.max(axis=0).min():.3f},")
print(f"          the largest {X_train.max(axis=0).max():.0f}")

# %%
# The shape of the cost
# ---------------------
# For a network without hidden layers, the curvature of the cost is that of XᵀX / m, except for
# weights between 0 and 1/4. Its condition number is the square of the ratio of the longest to the
# shortest axis of a contour.

normalizer = InputNormalizer().fit(X_train)
Z_train, Z_test = normalizer.transform(X_train), normalizer.transform(X_test)


def condition_number(X):
    """Return the largest over the smallest eigenvalue of XᵀX."""
    singular = np.linalg.svd(X, compute_uv=False)
    return (singular[0] / singular[-1]) ** 2


print(f"condition number of XᵀX: raw {condition_number(X_train):.0e},", end=" ")
print(f"normalized {condition_number(Z_train):.0e}")

# %%
# The remaining part comes from features that say nearly the same, such as radius, perimeter and
# area; no scaling can remove it. The rest was a matter of units, and it decides how well the
# network trains:

nets = {}
for name, X in (("raw", X_train), ("normalized", Z_train)):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nets[name] = MLPClassifier((20,), max_iter=200, random_state=0).fit(X, y_train)
    print(f"{name}: training loss {nets[name].loss_:.3f} after {nets[name].n_iter_} epochs")
    said = [line for warning in caught for line in str(warning.message).splitlines()]
    advice = [line.split(". ")[0] for line in said if "not scaled" in line]
    print("    fit says:", *(advice or ["nothing about scales"])[0].split(": "), sep="\n      ")

# %%
# The same μ and σ for new data
# -----------------------------
# We train one network on normalized rows, and scale the test rows in four ways. They come all at
# once, ten at a time, or one at a time, as in a service.

net = nets["normalized"]


def accuracy(way, size):
    """Return the accuracy when test rows come in groups of `size`."""
    order = np.random.default_rng(0).permutation(len(X_test))
    correct = 0
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        correct += np.sum(net.predict(way(X_test[rows])) == y_test[rows])
    return correct / len(order)


WAYS = {
    "training set's μ and σ": normalizer.transform,
    "not normalized": lambda X: X,
    "its own μ and σ": lambda X: InputNormalizer().fit_transform(X),
    "its own μ, training σ": lambda X: (X - X.mean(axis=0)) / normalizer.scale_,
}
SIZES = (len(X_test), 10, 1)
scores = {name: [accuracy(way, size) for size in SIZES] for name, way in WAYS.items()}
print(f"{'test rows by':<26}{'all at once':>12}{'by ten':>9}{'one by one':>12}")
for name, row in scores.items():
    print(f"{name:<26}{row[0]:>12.3f}{row[1]:>9.3f}{row[2]:>12.3f}")

# %%
# If the test data come all at once, it looks harmless to normalize them by themselves: 171 rows
# drawn at random have nearly the mean of the training set. Ten rows do not. A single row minus its
# own mean is zero, so all patients get the same answer. The worst case is a ward that sees
# malignant tumors only, because no error shows. Its own mean removes just what the network looks
# for.

ward = X_test[y_test == 0]
found = {name: np.mean(net.predict(way(ward)) == 0) for name, way in WAYS.items()}
print(f"{len(ward)} malignant tumors; found")
for name in ("training set's μ and σ", "its own μ and σ"):
    print(f"    by {name:<24}{found[name]:>6.0%}")

KINDS = ((1, "#0072B2", "o", "benign"), (0, "#E69F00", "^", "malignant"))
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharex=True, sharey=True)
names = list(data.feature_names)
first, second = names.index("worst radius"), names.index("worst concave points")
for ax, name in zip(axes, ("training set's μ and σ", "its own μ and σ"), strict=True):
    for code, color, marker, label in KINDS:
        rows, look = Z_train[y_train == code], {"color": color, "markersize": 3, "alpha": 0.35}
        ax.plot(rows[:, first], rows[:, second], marker, **look, label=f"training, {label}")
    Z = WAYS[name](ward)
    ax.plot(Z[:, first], Z[:, second], "x", color="black", markersize=5, label="the ward")
    ax.set(title=f"ward by {name}: {found[name]:.0%} found", xlabel="worst radius")
axes[0].set_ylabel("worst concave points")
axes[0].legend(frameon=False)
plt.show()

assert scores["training set's μ and σ"][0] > 0.93
assert scores["its own μ and σ"][2] < 0.7
assert found["its own μ and σ"] < 0.8

# %%
# What to take away
# -----------------
# Normalize, learn μ and σ from the training set alone, and keep them with the network. A pipeline
# does all three: ``make_pipeline(InputNormalizer(), MLPClassifier())``.
