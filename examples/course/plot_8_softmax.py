"""
8. Softmax: more than two classes
=================================

For C classes the last layer has C units, and softmax turns their outputs into probabilities that
add up to 1. Without hidden layers its boundaries are straight lines; hidden layers bend them.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sknn_opt import InputNormalizer, MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)

# %%
# The course's example: z = (5, 2, -1, 3)
# ---------------------------------------
# Softmax is soft compared with *hardmax*, which gives everything to the largest.


def softmax(z):
    t = np.exp(z - np.max(z, axis=-1, keepdims=True))  # the shift cancels, and nothing overflows
    return t / t.sum(axis=-1, keepdims=True)


z = np.array([5.0, 2.0, -1.0, 3.0])
print("softmax:", softmax(z).round(3), " sum", softmax(z).sum().round(12))
print("hardmax:", np.eye(4, dtype=int)[z.argmax()])
print("softmax of 10 z:", softmax(10 * z).round(3), " nearly hard")
print("softmax of z + 1000:", softmax(z + 1000).round(3), " the same")

# %%
# With two classes it is the logistic function of z₁ - z₂, so softmax extends logistic regression.

pair = np.array([1.3, 0.4])
logistic = 1 / (1 + np.exp(-(pair[0] - pair[1])))
print(f"two classes: softmax {softmax(pair)[0]:.6f}, logistic {logistic:.6f}")

# %%
# Its loss, and a short gradient
# ------------------------------
# The loss of a row is -log of the probability of the correct class; the probabilities of the other
# classes do not matter. Its derivative with respect to z is ŷ - y. A complex step confirms this.

y_hat, correct = softmax(z), np.eye(4)[1]
loss = -np.log(y_hat[1])


def loss_at(z):
    return -np.log(np.exp(z)[1] / np.exp(z).sum())


numeric = [loss_at(z + 1e-200j * unit).imag / 1e-200 for unit in np.eye(4)]
print(f"the correct class is the second, with probability {y_hat[1]:.3f}: loss {loss:.3f}")
print("ŷ - y:       ", (y_hat - correct).round(6))
print("complex step:", np.round(numeric, 6))

# %%
# Linear boundaries without hidden layers
# ---------------------------------------
# The data are three wines with two of their thirteen measurements. ``hidden_layer_sizes=()`` is
# softmax regression: two classes are equally likely where a difference of two linear functions is
# zero, which is a straight line.

data = load_wine()
columns = [data.feature_names.index("flavanoids"), data.feature_names.index("alcohol")]
X = InputNormalizer().fit_transform(data.data[:, columns])
y = data.target

NETS = {
    "no hidden layer": MLPClassifier((), solver="lbfgs", alpha=0.01, tol=1e-7, random_state=0),
    "one hidden layer of 20": MLPClassifier((20,), solver="lbfgs", alpha=0.01, random_state=0),
}
MARKS = (("#0072B2", "o"), ("#E69F00", "^"), ("#009E73", "s"))
areas = ListedColormap([color for color, _ in MARKS])
plane = np.meshgrid(np.linspace(-2.5, 4, 400), np.linspace(-3, 3, 400))
points = np.column_stack([axis.ravel() for axis in plane])
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), layout="constrained", sharey=True)
for ax, (name, net) in zip(axes, NETS.items(), strict=True):
    net.fit(X, y)
    print(f"{name:<24}{net.score(X, y):>7.1%} of the training rows")
    ax.pcolormesh(*plane, net.predict(points).reshape(plane[0].shape), cmap=areas, alpha=0.25)
    for code, (color, marker) in enumerate(MARKS):
        ax.plot(*X[y == code].T, marker, color=color, markersize=4, label=f"wine {code}")
    ax.set(xlabel="flavanoids (normalized)", title=name)
axes[0].set_ylabel("alcohol (normalized)")
axes[1].legend(frameon=True, framealpha=0.9, loc="upper right")
plt.show()

# %%
# How straight are they? Along any line through the plane, log p₁/p₂ of the left network is
# linear, so its second differences vanish. With the same penalty, it equals scikit-learn's logistic
# regression.

line = np.linspace(-2, 2, 9)[:, np.newaxis] * [0.6, 0.8]
for name, net in NETS.items():
    log_p = np.log(net.predict_proba(line))
    bend = abs(np.diff(log_p[:, 0] - log_p[:, 1], 2)).max()
    print(f"{name:<24} largest second difference {bend:.0e}")
regression = LogisticRegression(C=1 / 0.01, tol=1e-8, max_iter=1000).fit(X, y)
difference = abs(regression.predict_proba(X) - NETS["no hidden layer"].predict_proba(X)).max()
print(f"LogisticRegression's probabilities differ by {difference:.0e}")

assert np.allclose(softmax(z), [0.842, 0.042, 0.002, 0.114], atol=5e-4)
assert np.allclose(numeric, y_hat - correct, atol=1e-14)
assert difference < 1e-2

# %%
# What to take away
# -----------------
# Softmax with its loss is logistic regression for several classes. Its gradient is ŷ - y, and alone
# it draws straight lines. Hidden layers bend them.
