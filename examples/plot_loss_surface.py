"""
Why inputs are normalised: the shape of the cost
================================================

The course draws two bowls. With inputs of unequal size the contours of the cost are elongated:
gradient descent has to take small steps, or it jumps from one side of the valley to the other. With
normalised inputs they are round, and it walks straight down.

Here are the two bowls of real data, with the paths that gradient descent took, and the number that
says how elongated they are: the **condition number** of the Hessian, the largest curvature over
the smallest.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, LossSurfaceDisplay, MLPClassifier, MLPRegressor, record_path

warnings.simplefilter("ignore", ConvergenceWarning)  # the raw inputs do not converge: the point

# %%
# Two weights, before and after
# -----------------------------
# 442 patients: their age in years and their body mass index, and how far diabetes has gone one year
# later. A network without hidden layers has two weights and a bias; ``record_path`` trains it by
# plain gradient descent on all rows at once, and returns its weights after each epoch.

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = X[["age", "bmi"]]


def linear(rate):
    return MLPRegressor(
        (), solver="sgd", momentum=0, batch_size=len(X), learning_rate_init=rate, alpha=0, tol=0,
        max_iter=40, random_state=21,
    )  # fmt: skip


raw, normalised = linear(0.0006), make_pipeline(InputNormalizer(), linear(0.3))
weights = ("W[1]", 0, 0), ("W[1]", 1, 0)
displays = {}
for name, model in {"raw": raw, "normalised": normalised}.items():
    path = record_path(model, X, y)
    displays[name] = LossSurfaceDisplay.from_estimator(
        model, X, y, directions=weights, path=path, n_points=101
    )
    print(
        f"{name:10s} inputs: condition number {displays[name].condition_number:5.1f}, "
        f"R² {model.score(X, y):.2f} after {len(path) - 1} epochs"
    )

figure, axes = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
for ax, (name, display) in zip(axes, displays.items(), strict=True):
    display.plot(ax)
    ax.set_title(f"{name} inputs: {ax.get_title()}", fontsize="medium")
figure.savefig("loss_surfaces.png", dpi=150)
print("picture saved to loss_surfaces.png")

# %%
# The rate on the left is close to the largest that does not diverge, 0.0006, and 500 times smaller
# than on the right: it must suit the steepest direction, while the flattest is the one that needs
# to be walked. After as many epochs the left network still predicts worse than the mean would.
#
# A network with hidden layers
# ----------------------------
# Its weights have no plane of their own. Two choices are common: random directions, scaled unit by
# unit to the fitted weights, and the two directions in which the path itself extends most. The
# latter show where training went; in random directions a path hardly moves.

X, y = load_breast_cancer(return_X_y=True)
clf = make_pipeline(
    InputNormalizer(), MLPClassifier((16,), alpha=0.1, max_iter=400, random_state=0)
)  # fmt: skip
path = record_path(clf, X, y)
along_path = LossSurfaceDisplay.from_estimator(clf, X, y, directions="path", path=path)
at_random = LossSurfaceDisplay.from_estimator(clf, X, y, directions="random", path=path, span=1.0)
print(f"\n{path.shape[1]} weights, {len(path) - 1} epochs, accuracy {clf.score(X, y):.3f}")
for label in along_path.labels:
    print(f"    {label}")

figure, axes = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
along_path.plot(axes[0])
at_random.plot(axes[1])
figure.savefig("loss_surface_hidden.png", dpi=150)
print("picture saved to loss_surface_hidden.png")

assert displays["raw"].condition_number > 20 * displays["normalised"].condition_number

# %%
# What to take away
# -----------------
# The condition number fell from 73 to 1.5 by nothing but subtracting a mean and dividing by a
# deviation, and with it the time that gradient descent needs. Put ``InputNormalizer()`` in front of
# every network.
