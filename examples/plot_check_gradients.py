"""
Are these gradients correct?
============================

``check_gradients`` takes four kinds of input: an estimator, ours or scikit-learn's; a function of a
vector; a function of a dict of arrays; and, where torch is installed, a torch module. It says which
block is wrong, by how much, in which layer the error starts, and what the cause may be.

Along the way it finds a gradient in scikit-learn that does not belong to its loss.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor

from sknn_opt import GradientCheckDisplay, InputNormalizer, MLPClassifier, check_gradients

warnings.simplefilter("ignore", ConvergenceWarning)

# %%
# 1. An estimator. The check includes batch norm and dropout. It runs at the initial weights, after
# 20 steps of training, and at the fitted weights.

X, y = load_wine(return_X_y=True)
X = InputNormalizer().fit_transform(X)[::6]
y = y[::6]
net = MLPClassifier((10, 6), batch_norm=True, dropout=0.2, max_iter=50, random_state=0)
report = check_gradients(net.fit(X, y), X, y, burn_in=20)
print(report)
print(f"scipy.optimize.check_grad says {report.scipy_check_grad:.1e}: an absolute number\n")

# %%
# scikit-learn's own regressor averages its loss over the outputs, but sums its gradient.

D, target = load_diabetes(return_X_y=True)
D, target = 20 * D[:20], target[:20] / 100
two_targets = np.column_stack([target, -target])
theirs = SklearnMLPRegressor(hidden_layer_sizes=(8,), activation="tanh", random_state=0)
wrong = check_gradients(theirs, D, two_targets)
print(wrong, "\n")

# %%
# 2. A function of a vector and its gradient: linear regression with a penalty that is missing in
# the gradient.


def cost(w):
    error = D @ w - target
    return error @ error / (2 * len(D)) + 0.1 * w @ w / 2


def gradient(w):
    return D.T @ (D @ w - target) / len(D)


w0 = np.random.default_rng(0).normal(size=D.shape[1])
print(check_gradients(cost, gradient, w0), "\n")

# %%
# 3. A dict of arrays, in the style of course exercises. Here dW2 is transposed, and its shape does
# not reveal it.

rng = np.random.default_rng(0)
parameters = {"W1": rng.normal(size=(13, 4)), "W2": rng.normal(size=(4, 4)), "b2": np.ones(4)}


def forward(p):
    hidden = np.tanh(X @ p["W1"])
    return hidden, hidden @ p["W2"] + p["b2"]


def half_square(p):
    return np.sum(forward(p)[1] ** 2) / (2 * len(X))


def gradients(p):
    hidden, z = forward(p)
    delta = z / len(X)
    return {
        "dW2": delta.T @ hidden,
        "db2": delta.sum(axis=0),
        "dW1": X.T @ (delta @ p["W2"].T * (1 - hidden**2)),
    }


print(check_gradients(half_square, gradients, parameters), "\n")

# %%
# 4. A torch module with its loss, written as a function of the module.

try:
    import torch
except ImportError:
    print("torch is not installed, so this part is skipped\n")
else:
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(13, 8), torch.nn.GELU(), torch.nn.Dropout(0.2), torch.nn.Linear(8, 3)
    )
    inputs, targets = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
    print(
        check_gradients(
            module, lambda net: torch.nn.functional.cross_entropy(net(inputs), targets)
        ),
        "\n",
    )

# %%
# The picture: correct derivatives lie on the diagonal, and those of scikit-learn's regressor above
# it.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
GradientCheckDisplay.from_report(report, ax=left)
GradientCheckDisplay.from_report(wrong, ax=right)
right.set_title("scikit-learn's MLPRegressor, two outputs: WRONG")
plt.show()

# %%
# What to take away
# -----------------
# For each kind of gradient, one call tells you which block is wrong, and often why. In a test, call
# ``assert_gradients_close`` instead: it raises an error with the same report.
