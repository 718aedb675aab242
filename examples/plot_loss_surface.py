"""
Why inputs are normalized: the shape of the cost
================================================

The course draws two bowls. With inputs of unequal size, the contours of the cost are elongated:
gradient descent must take small steps, or it jumps from one side of the valley to the other. With
normalized inputs the contours are round, and gradient descent goes straight down.

This example draws the two bowls for real data, with the paths that gradient descent took. It also
prints a number that measures how elongated they are: the **condition number** of the Hessian, which
is the largest curvature divided by the smallest.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, LossSurfaceDisplay, MLPClassifier, MLPRegressor, record_path

warnings.simplefilter("ignore", ConvergenceWarning)  # raw inputs do not converge, on purpose

# %%
# Two weights, before and after
# -----------------------------
# The data are the age in years and the body mass index of 442 patients, and how far their diabetes
# has progressed one year later. A network without hidden layers has two weights and a bias;
# ``record_path`` trains it by plain gradient descent on all rows at once, and returns its weights
# after each epoch.

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = X[["age", "bmi"]]


def linear(rate):
    return MLPRegressor(
        (),
        solver="sgd",
        momentum=0,
        batch_size=len(X),
        learning_rate_init=rate,
        alpha=0,
        tol=0,
        max_iter=40,
        random_state=21,
    )


raw, normalized = linear(0.0006), make_pipeline(InputNormalizer(), linear(0.3))
weights = ("W[1]", 0, 0), ("W[1]", 1, 0)
models, displays = {"raw": raw, "normalized": normalized}, {}
figure, axes = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    path = record_path(model, X, y)
    displays[name] = LossSurfaceDisplay.from_estimator(
        model, X, y, directions=weights, path=path, n_points=101, ax=ax
    )
    ax.set_title(f"{name} inputs: {ax.get_title()}", fontsize="medium")
    print(
        f"{name:10s} inputs: condition number {displays[name].condition_number:5.1f}, "
        f"R² {model.score(X, y):.2f} after {len(path) - 1} epochs"
    )
plt.show()

# %%
# The learning rate on the left, 0.0006, is close to the largest one that does not diverge. It is
# 500 times smaller than on the right: it must suit the steepest direction, while most of the way
# lies along the flattest. After the same number of epochs, the left network still predicts worse
# than the mean would.
#
# A network with hidden layers
# ----------------------------
# Here the weights do not span a plane. Two choices are common: random directions, scaled unit by
# unit to the fitted weights, and the two directions in which the path itself extends most. The
# latter show where training went; in random directions a path hardly moves.

X, y = load_breast_cancer(return_X_y=True)
clf = make_pipeline(
    InputNormalizer(), MLPClassifier((16,), alpha=0.1, max_iter=400, random_state=0)
)
path = record_path(clf, X, y)
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
along_path = LossSurfaceDisplay.from_estimator(clf, X, y, directions="path", path=path, ax=left)
LossSurfaceDisplay.from_estimator(clf, X, y, directions="random", path=path, span=1.0, ax=right)
print(f"\n{path.shape[1]} weights, {len(path) - 1} epochs, accuracy {clf.score(X, y):.3f}")
for label in along_path.labels:
    print(f"    {label}")
plt.show()

assert displays["raw"].condition_number > 20 * displays["normalized"].condition_number

# %%
# What to take away
# -----------------
# We subtracted a mean and divided by a standard deviation, and the condition number fell from 73 to
# 1.5. So did the time that gradient descent needs. Put ``InputNormalizer()`` in front of every
# network.
