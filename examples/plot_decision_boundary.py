"""
Where a network draws the line
==============================

A softmax output without hidden layers gives class :math:`j` the score
:math:`z_j = w_j^T x + b_j`. Two classes have the same score where
:math:`(w_j - w_k)^T x = b_k - b_j`, which is a straight line: such a network can only cut the plane
into convex pieces with straight edges. Hidden layers bend these edges.

scikit-learn's ``DecisionBoundaryDisplay`` works with our estimators as it does with its own.
"""

from inspect import signature

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.datasets import load_wine
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier

COLORS, MARKERS = ("#0072B2", "#E69F00", "#009E73"), "osD"


def network(hidden):
    net = MLPClassifier(
        hidden, activation="tanh", solver="lbfgs", alpha=0.3, max_iter=3000, random_state=0
    )
    return make_pipeline(InputNormalizer(), net)


# scikit-learn 1.7 added a parameter for the colors of several classes.
new = "multiclass_colors" in signature(DecisionBoundaryDisplay.from_estimator).parameters
CLASS_COLORS = {"multiclass_colors": list(COLORS)} if new else {"cmap": ListedColormap(COLORS)}


def draw(ax, hidden, pair):
    """Draw the regions of the classes, their edges, and the rows."""
    X = wine.data[:, [wine.feature_names.index(name) for name in pair]]
    model = network(hidden).fit(X, y)
    accuracy = cross_val_score(model, X, y, cv=folds).mean()
    layers = f"hidden layer of {hidden[0]}" if hidden else "no hidden layer"
    print(f"{' and '.join(pair)}, {layers}: cross-validated accuracy {accuracy:.2f}")
    display = DecisionBoundaryDisplay.from_estimator(
        model,
        X,
        ax=ax,
        response_method="predict",
        plot_method="pcolormesh",
        alpha=0.35,
        grid_resolution=300,
        xlabel=pair[0],
        ylabel=pair[1],
        **CLASS_COLORS,
    )
    for k in range(3):
        region = display.response == k
        ax.contour(display.xx0, display.xx1, region, levels=[0.5], colors="black", linewidths=1)
        ax.plot(
            *X[y == k].T,
            linestyle="",
            marker=MARKERS[k],
            markersize=4.5,
            color=COLORS[k],
            markeredgecolor="black",
            markeredgewidth=0.4,
            label=f"cultivar {k}",
        )
    low, high = X.min(axis=0), X.max(axis=0)
    margin = np.minimum(1.0, 0.05 * (high - low))
    (left, bottom), (right, top) = low - margin, high + margin
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.set_title(f"{layers}: accuracy {accuracy:.2f}", fontsize="medium")
    return model


# %%
# Where straight lines are enough
# -------------------------------
# The data are three cultivars of wine, described by the intensity of their color and an amino acid.
# A hidden layer bends the edges, and gains nothing.

wine = load_wine()
y, folds = wine.target, StratifiedKFold(5, shuffle=True, random_state=0)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
linear = draw(axes[0], (), ("color_intensity", "proline"))
draw(axes[1], (30,), ("color_intensity", "proline"))
axes[1].legend(fontsize="small", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %%
# The weights determine the line: between the first two cultivars it is the set of points where
# their scores are equal.

(W,), (b,) = linear[-1].coefs_, linear[-1].intercepts_
w, c = W[:, 0] - W[:, 1], b[1] - b[0]
print(f"in standard deviations:  {w[0]:.2f} · color_intensity {w[1]:+.2f} · proline = {c:.2f}")
points = w * c / (w @ w) + np.outer([-1.0, 0.0, 1.0], [-w[1], w[0]]) / np.linalg.norm(w)
probabilities = linear[-1].predict_proba(points)[:, :2]
print("probabilities of both at three points on it:")
for one, other in probabilities:
    print(f"    {one:.4f} {other:.4f}")
print()

# %%
# Where they are not enough
# -------------------------
# In malic acid and hue, the first cultivar lies in a narrow band, and the second lies around it: no
# convex piece contains it.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
draw(axes[0], (), ("malic_acid", "hue"))
draw(axes[1], (30,), ("malic_acid", "hue"))
axes[1].legend(fontsize="small", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

assert np.allclose(probabilities[:, 0], probabilities[:, 1], atol=1e-4)

# %%
# What to take away
# -----------------
# Without hidden layers the edges are straight for any number of classes: this is softmax
# regression. Hidden layers bend the edges. That is useful only if it raises the accuracy on rows
# that the network has not seen. Start without hidden layers.
