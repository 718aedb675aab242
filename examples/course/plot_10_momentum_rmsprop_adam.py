"""
10. Momentum, RMSprop, Adam: what an average of gradients does
==============================================================

In a long narrow valley the gradient points across, not along. Large steps then bounce between the
walls, and small ones crawl. Momentum averages the gradients, so that what points to and fro
cancels; RMSprop divides each direction by its own size; Adam does both. This chapter draws their
paths in a valley with a known formula, and then trains a network with each.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier
from sknn_opt.optim import SGD, Adam, RMSprop

warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs on purpose, some rates too large

# %%
# An average over 1 / (1 - β) steps
# ---------------------------------
# All three keep an exponentially weighted average, v ← β v + (1 - β) g. The value k steps back has
# weight (1 - β) βᵏ. After 1 / (1 - β) steps the weight has fallen to about 1/e = 0.37 of the first,
# so we speak of an average over so many values.

print(f"{'β':>7}{'1 / (1 - β)':>13}{'β to that power':>17}{'noise left':>12}{'√((1-β)/(1+β))':>16}")
rng = np.random.default_rng(0)
noise = rng.normal(size=200_000)
for beta in (0.5, 0.9, 0.98, 0.999):
    window = 1 / (1 - beta)
    v, averages = 0.0, []
    for g in noise:
        v = beta * v + (1 - beta) * g
        averages.append(v)
    left = np.std(averages[10_000:])
    print(f"{beta:>7}{window:>13.0f}{beta**window:>17.2f}{left:>12.3f}", end="")
    print(f"{np.sqrt((1 - beta) / (1 + beta)):>16.3f}")

# %%
# With β = 0.9, 23 % of the noise is left; with 0.999, 2 %.
#
# The start: bias correction
# --------------------------
# The average starts at 0, so at first it is too small: after t steps its weights add up to 1 - βᵗ,
# not to 1. Division by 1 - βᵗ corrects it. For a constant gradient of 1:

v, beta = 0.0, 0.9
print(f"{'step':>5}{'v':>8}{'v / (1 - βᵗ)':>15}")
for t in range(1, 51):
    v = beta * v + (1 - beta) * 1.0
    if t in (1, 2, 5, 10, 20, 50):
        print(f"{t:>5}{v:>8.3f}{v / (1 - beta**t):>15.3f}")

# %%
# For momentum this hardly matters after 20 steps. For Adam's β₂ = 0.999 it does: its average of g²
# needs 1000 steps, and Adam divides by its root. Without the correction the first step would be (1
# - β₁) / √(1 - β₂) times as long:

first = (1 - 0.9) / np.sqrt(1 - 0.999)
theta = np.zeros(2)
Adam(learning_rate=0.01).step(theta, np.array([1e-3, 50.0]), Adam().init(theta))
print(f"without correction {first:.2f} η; with it {-theta / 0.01} η, whatever the gradient")

# %%
# A narrow valley
# ---------------
# J = ½ (x² + 50 y²) is a bowl that is 50 times as steep across as along. Gradient descent
# multiplies x by 1 - η and y by 1 - 50 η in every step, so it diverges if η > 2/50 = 0.04. We start
# at (-10, 1.5), and count the steps until J falls below 0.01, each optimizer with the best of 40
# rates. Then we turn the valley by 45°: momentum does not care, but RMSprop and Adam scale x and y
# apart, and a diagonal valley has no steep coordinate.

ALONG = np.diag([1.0, 50.0])
TURN = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
VALLEYS = {
    "along x": (ALONG, np.array([-10.0, 1.5])),
    "diagonal": (TURN @ ALONG @ TURN.T, TURN @ [-10.0, 1.5]),
}
FAMILIES = {
    "gradient descent": lambda rate: SGD(rate, momentum=0),
    "momentum 0.75": lambda rate: SGD(rate, momentum=0.75, nesterov=False),
    "RMSprop": lambda rate: RMSprop(rate, beta_2=0.9),
    "Adam": lambda rate: Adam(rate, beta_1=0.75, beta_2=0.9),
}
RATES = np.geomspace(0.002, 2, 40)


def path(optimizer, valley, steps=400):
    """Return the points of an optimizer, one a row, until J < 0.01 or it gets lost."""
    H, theta = valley[0], valley[1].copy()
    state, points = optimizer.init(theta), [theta.copy()]
    while 0.01 < 0.5 * theta @ H @ theta < 1e4 and len(points) <= steps:
        optimizer.step(theta, H @ theta, state)
        points.append(theta.copy())
    arrived = 0.5 * theta @ H @ theta <= 0.01
    return np.array(points), len(points) - 1 if arrived else np.inf


paths, counts = {}, {}
print(f"{'':<18}" + "".join(f"{f'valley {name}':>24}" for name in VALLEYS))
for name, family in FAMILIES.items():
    print(f"{name:<18}", end="")
    for place, valley in VALLEYS.items():
        rate = min(RATES, key=lambda rate: path(family(rate), valley)[1])
        paths[name, place], counts[name, place] = path(family(rate), valley)
        print(f"{f'{counts[name, place]} steps, η = {rate:.3f}':>24}", end="")
    print()

# %%
# Gradient descent needs four times the steps of momentum. Adam needs no more than momentum in both
# valleys; RMSprop is fast only along an axis, where it finds a scale for each coordinate.

COLORS = dict(zip(FAMILIES, ("#000000", "#0072B2", "#E69F00", "#009E73"), strict=True))
STYLES = dict(zip(FAMILIES, (".:", "o-", "s--", "^-."), strict=True))
figure, axes = plt.subplots(4, 2, figsize=(10, 9), layout="constrained", sharex="col")
for (place, (H, _)), column in zip(VALLEYS.items(), axes.T, strict=True):
    wide = (-11, 1) if place == "along x" else (-11, 3)
    high = (-2.5, 2.5) if place == "along x" else (-9, 3)
    grid = np.meshgrid(np.linspace(*wide, 200), np.linspace(*high, 200))
    points = np.stack(grid, axis=-1)
    J = 0.5 * np.einsum("...i,ij,...j", points, H, points)
    for ax, name in zip(column, FAMILIES, strict=True):
        ax.contour(*grid, J, levels=np.geomspace(0.5, 200, 8), colors="0.8", linewidths=0.8)
        way = paths[name, place]
        ax.plot(*way.T, STYLES[name], color=COLORS[name], markersize=3.5, linewidth=1)
        ax.set(xlim=wide, ylim=high, title=f"{name}: {counts[name, place]} steps")
plt.show()

# %%
# A real valley: features in different units
# ------------------------------------------
# Raw measurements of wines make such a valley, because their units differ. We train one hidden
# layer for 100 epochs, with eleven rates, and take the lowest training loss of the best rate.

SOLVERS = {
    "gradient descent": {"solver": "sgd", "momentum": 0},
    "momentum 0.9": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    "RMSprop": {"solver": "rmsprop"},
    "Adam": {"solver": "adam"},
}


def trained(X, y, rate, epochs, seed, **solver):
    """Return a network after some epochs, without an early end."""
    net = MLPClassifier(
        (32,), batch_size=64, learning_rate_init=rate, max_iter=epochs, random_state=seed, tol=0
    )
    return net.set_params(n_iter_no_change=np.inf, **solver).fit(X, y)


X, y = load_wine(return_X_y=True)
print(f"largest values of the features: from {X.max(axis=0).min():.2f} to {X.max():.0f}\n")
FORMS = {"raw": X, "normalized": InputNormalizer().fit_transform(X)}
WINE_RATES = 10.0 ** np.arange(-5, 0.1, 0.5)
lowest = {}
print(f"{'lowest training loss':<22}" + "".join(f"{form:>22}" for form in FORMS))
for name, solver in SOLVERS.items():
    print(f"{name:<22}", end="")
    for form, inputs in FORMS.items():
        losses = {}
        for rate in WINE_RATES:
            net = trained(inputs, y, rate, 100, seed=0, **solver)
            losses[rate] = min(net.loss_curve_, default=np.inf)
        rate = min(losses, key=losses.get)
        lowest[name, form] = losses[rate]
        print(f"{f'{losses[rate]:.4f}, η = {rate:.0e}':>22}", end="")
    print()

# %%
# On raw features Adam comes furthest, and gradient descent, with or without momentum, stays far
# behind. On normalized ones all four learn the training set: the best cure for a valley is to have
# none.
#
# Each has its own learning rate
# ------------------------------
# On normalized digits, too, all four come to about 3 % errors. What differs is the rate. Momentum
# adds up 1 / (1 - β) = 10 steps, so it needs a smaller one than plain gradient descent. Adam and
# RMSprop divide by the size of the gradient, and need a smaller one still.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
normalizer = InputNormalizer().fit(X_train)
X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)


def test_error(rate, **solver):
    """Return the mean test error of three seeds after 15 epochs."""
    nets = [trained(X_train, y_train, rate, 15, seed, **solver) for seed in range(3)]
    return 1 - np.mean([net.score(X_test, y_test) for net in nets])


DIGITS_RATES = 10.0 ** np.arange(-3.5, 0.1, 0.5)
errors = {name: [test_error(r, **solver) for r in DIGITS_RATES] for name, solver in SOLVERS.items()}
print(f"{'rate':<18}" + "".join(f"{rate:>8.1g}" for rate in DIGITS_RATES))
for name, row in errors.items():
    print(f"{name:<18}" + "".join(f"{error:>8.1%}" for error in row))

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, row), color, style in zip(errors.items(), COLORS.values(), STYLES.values(), strict=True):
    ax.plot(DIGITS_RATES, row, style, color=color, label=name)
ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="test error after 15 epochs")
ax.set_yticks((0.03, 0.1, 0.3, 1), ("3 %", "10 %", "30 %", "100 %"))
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()

# %%
# Adam's constants
# ----------------
# How much do β₁ and β₂ matter?

print(f"{'test error':>11}" + "".join(f"{f'β₂ = {beta}':>13}" for beta in (0.9, 0.99, 0.999)))
by_betas = {}
for beta_1 in (0.5, 0.9, 0.95):
    print(f"{f'β₁ = {beta_1}':>11}", end="")
    for beta_2 in (0.9, 0.99, 0.999):
        by_betas[beta_1, beta_2] = test_error(0.003, solver="adam", beta_1=beta_1, beta_2=beta_2)
        print(f"{by_betas[beta_1, beta_2]:>13.1%}", end="")
    print()

# %%
# Between the best and the worst of these nine lies little, so they come last on the list of what to
# tune. Compare it with what the learning rate does to the same Adam:

spread = max(by_betas.values()) - min(by_betas.values())
print(f"β₁ and β₂ move the test error by {spread:.1%}, the rate by", end=" ")
print(f"{max(errors['Adam']) - min(errors['Adam']):.1%}")

assert counts["momentum 0.75", "along x"] == counts["momentum 0.75", "diagonal"]
assert counts["gradient descent", "along x"] > 3 * counts["momentum 0.75", "along x"]
assert counts["RMSprop", "diagonal"] > 2 * counts["RMSprop", "along x"]
assert lowest["Adam", "raw"] < 0.5 * lowest["gradient descent", "raw"]
assert max(lowest[name, "normalized"] for name in SOLVERS) < 0.01
assert max(min(row) for row in errors.values()) < 0.04
assert spread < 0.02

# %%
# What to take away
# -----------------
# Normalize first. Then take Adam with its β as they are, or momentum 0.9, and search the learning
# rate of the one that you took: 0.001 to 0.03 for Adam, 0.01 to 0.1 for momentum are good to begin
# with.
