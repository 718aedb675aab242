"""
13. The tuning process: 25 draws at random, not a grid of 5 by 5
================================================================

You do not know beforehand which hyperparameter matters. A grid of 5 by 5 tries 5 values of each; 25
random draws try 25 values of each. If only one of two matters, that is a search five times as fine
for the same money. This chapter counts it, and measures on a network how often the random search
wins, and where it does not.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import ParameterGrid, ParameterSampler, train_test_split

from sknn_opt import InputNormalizer, MLPClassifier
from sknn_opt.search import LogUniform, LogUniformInt, OneMinusLogUniform

warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs on purpose, some rates too large

# %%
# 5 against 25
# ------------
# The course's example: the learning rate, which matters, and Adam's ε, which does not. We take each
# on a logarithmic scale; the next chapter says why. Both searches have 25 candidates.

SPACE = {"learning_rate_init": LogUniform(1e-5, 1.0), "epsilon": LogUniform(1e-8, 1e-6)}
middles = (np.arange(5) + 0.5) / 5
grid = list(ParameterGrid({name: values.ppf(middles) for name, values in SPACE.items()}))
draws = list(ParameterSampler(SPACE, 25, random_state=0))
for name, candidates in (("grid", grid), ("random", draws)):
    distinct = [len({candidate[key] for candidate in candidates}) for key in SPACE]
    print(f"{name:<8}{len(candidates)} candidates: {distinct[0]} rates, {distinct[1]} values of ε")

# %%
# A network that is measured everywhere
# -------------------------------------
# To repeat a search thousands of times, we train once at 51 rates times 2 values of ε: a small
# network, 10 epochs, 300 digits. A candidate then gets the result of the nearest point. One part of
# the other digits chooses the candidate, another part judges the choice.

X, y = load_digits(return_X_y=True)
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, train_size=300, stratify=y, random_state=0
)
X_val, X_test, y_val, y_test = train_test_split(
    X_rest, y_rest, train_size=500, stratify=y_rest, random_state=0
)
normalizer = InputNormalizer().fit(X_train)
X_train, X_val, X_test = map(normalizer.transform, (X_train, X_val, X_test))


def losses(**parameters):
    """Return the log-losses of a network on validation and test rows, at most 9."""
    net = MLPClassifier((16,), batch_size=32, max_iter=10, tol=0, random_state=0)
    net.set_params(**parameters).fit(X_train, y_train)
    parts = ((X_val, y_val), (X_test, y_test))
    return [min(9.0, log_loss(y_part, net.predict_proba(part))) for part, y_part in parts]


def measured(space, shape, **fixed):
    """Return the losses at evenly spaced points of two parameters, on their own scales."""
    (a, b), (n, m) = space, shape
    points = [
        {a: rate, b: value}
        for rate in space[a].ppf((np.arange(n) + 0.5) / n)
        for value in space[b].ppf((np.arange(m) + 0.5) / m)
    ]
    return np.reshape([losses(**point, **fixed) for point in points], (n, m, 2))


by_epsilon = measured(SPACE, (51, 2))
print(f"{'rate':>10}{'lowest':>9}{'highest validation loss over ε':>33}")
for k in (5, 15, 25, 30, 35, 40, 45):
    rate, values = SPACE["learning_rate_init"].ppf((k + 0.5) / 51), by_epsilon[k, :, 0]
    print(f"{rate:>10.5f}{values.min():>9.3f}{values.max():>33.3f}")

# %%
# Below a rate of 0.1 the rate alone decides; above it training is unstable. On this map both
# searches look like this; the marks below are the rates that they try.

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained", sharey=True)
edges = [SPACE[key].ppf(np.linspace(0, 1, n + 1)) for key, n in zip(SPACE, (51, 2), strict=True)]
for ax, (name, candidates) in zip(axes, (("grid", grid), ("random", draws)), strict=True):
    mesh = ax.pcolormesh(*edges, by_epsilon[..., 0].T, norm=LogNorm(0.2, 9), cmap="cividis")
    rates, epsilons = (np.array([c[key] for c in candidates]) for key in SPACE)
    ax.plot(rates, epsilons, "o", color="white", markeredgecolor="black", markersize=5)
    ax.plot(rates, np.full(25, 8.5e-9), "|", color="black", markersize=10)
    ax.set(xscale="log", yscale="log", xlabel="learning rate", ylim=(7e-9, 1e-6))
    ax.set_title(f"{name}: {len(set(rates))} rates")
axes[0].set_ylabel("ε")
figure.colorbar(mesh, label="validation loss")
plt.show()

# %%
# How often does the random search win?
# -------------------------------------
# 5000 searches of each kind. The grid is even, and its place is random, too: else it could be lucky
# once for all. A search wins if the test loss of its choice is lower.


def chosen(table, u, v):
    """Return the test loss of the candidate that validates best, by places in [0, 1)."""
    n, m = table.shape[:2]
    found = table[(u * n).astype(int), (v * m).astype(int)]
    return found[found[:, 0].argmin(), 1]


def repeated(table, repeats=5000):
    """Return the test losses of the choices of grids, and of random searches."""
    rng = np.random.default_rng(0)
    of_grids, of_draws = np.empty(repeats), np.empty(repeats)
    for k in range(repeats):
        u, v = (np.arange(5)[:, np.newaxis] + rng.uniform(size=2)).T / 5
        of_grids[k] = chosen(table, np.repeat(u, 5), np.tile(v, 5))
        of_draws[k] = chosen(table, *rng.uniform(size=(2, 25)))
    return of_grids, of_draws


def compared(of_grids, of_draws):
    """Return how often the random search wins, and print it."""
    wins, ties = np.mean(of_draws < of_grids), np.mean(of_draws == of_grids)
    print(f"random wins {wins:.0%}, ties {ties:.0%}, the grid wins {1 - wins - ties:.0%};", end=" ")
    print(f"mean test loss: grid {of_grids.mean():.3f}, random {of_draws.mean():.3f}")
    return wins


one_matters = repeated(by_epsilon)
wins_one = compared(*one_matters)

# %%
# Where both matter
# -----------------
# Gradient descent with momentum β: a step of rate η adds up to η / (1 - β), so both matter, and
# they act together. Here five values of each are well placed, and 25 random points leave gaps:

PAIR = {"learning_rate_init": LogUniform(1e-5, 1.0), "momentum": OneMinusLogUniform(0.0, 0.999)}
by_momentum = measured(PAIR, (21, 8), solver="sgd")
both_matter = repeated(by_momentum)
wins_both = compared(*both_matter)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained", sharex=True)
for ax, found, title in (
    (axes[0], one_matters, f"Rate and ε: random wins {wins_one:.0%}"),
    (axes[1], both_matter, f"Rate and momentum: random wins {wins_both:.0%}"),
):
    bins = np.linspace(0.24, 0.48, 41)
    ax.hist(found[0], bins, histtype="step", linestyle="--", color="#E69F00", label="grid")
    ax.hist(found[1], bins, histtype="step", color="#0072B2", label="random")
    ax.set(title=title, xlabel="test loss of the choice", ylabel="searches")
axes[0].legend(frameon=False)
plt.show()

# %%
# Four parameters
# ---------------
# In practice there are more than two, and few of them matter. A grid of two values of each of four
# parameters already has 16 candidates, with two learning rates among them. We train 10 searches of
# each kind, without a map.

FOUR = {
    "learning_rate_init": LogUniform(1e-5, 1.0),
    "hidden_layer_sizes": LogUniformInt(4, 64),
    "alpha": LogUniform(1e-5, 1.0),
    "epsilon": LogUniform(1e-8, 1e-6),
}


def best_of(candidates):
    """Return the test loss of the candidate with the lowest validation loss."""
    return min(losses(**candidate) for candidate in candidates)[1]


rng = np.random.RandomState(0)
grids, randoms = [], []
for _ in range(10):
    places = [(np.arange(2) + rng.uniform()) / 2 for _ in FOUR]
    values = {name: FOUR[name].ppf(place) for name, place in zip(FOUR, places, strict=True)}
    grids.append(best_of(ParameterGrid(values)))
    randoms.append(best_of(ParameterSampler(FOUR, 16, random_state=rng)))
wins_four = compared(np.array(grids), np.array(randoms))

# %%
# With four parameters the random search wins again, though the grid would have won on the pair
# above. A grid needs few parameters that all matter, and a good guess of their ranges.

assert wins_one > 0.6 > 0.5 > wins_both
assert np.mean(randoms) < np.mean(grids)

# %%
# What to take away
# -----------------
# Draw at random, and give each parameter a distribution in place of a list. ``RandomizedSearchCV``
# of scikit-learn does that. Then look at which parameters matter, and search those again in a
# smaller region: coarse to fine. ``CoarseToFineSearchCV`` does both.
