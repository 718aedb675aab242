"""
14. The right scale: where random draws should be dense
=======================================================

To draw at random does not mean to draw all numbers alike. From 0.0001 to 1, nine of ten uniform
draws are above 0.1, and hardly one is near 0.001. A learning rate acts by its order of magnitude,
so each power of ten should come as often as the next. This chapter counts the draws, and shows the
scales for rates, for β, and for numbers of units.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier
from sknn_opt.search import (
    LogUniform,
    LogUniformInt,
    OneMinusLogUniform,
    Uniform,
    UniformInt,
    ZeroOr,
)

warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs on purpose, some rates too large

# %%
# A learning rate
# ---------------
# The course draws r uniformly from [-4, 0] and takes α = 10^r. ``LogUniform`` does the same. We
# count where 10,000 draws lie.

N = 10_000
DECADES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
r = -4 * np.random.default_rng(0).uniform(size=N)
draws = {
    "uniform": Uniform(1e-4, 1.0).rvs(N, random_state=0),
    "10^r": 10**r,
    "LogUniform": LogUniform(1e-4, 1.0).rvs(N, random_state=0),
}
print(f"{'':<12}" + "".join(f"{f'{a:g} to {10 * a:g}':>17}" for a in DECADES[:-1]))
shares = {}
for name, values in draws.items():
    shares[name] = np.histogram(values, DECADES)[0] / N
    print(f"{name:<12}" + "".join(f"{share:>17.1%}" for share in shares[name]))

# %%
# What it costs
# -------------
# We measure a small network on digits once at 81 rates, and then let 5000 searches of ten draws
# look up their rates in the curve: each takes the best of its ten by the validation rows.

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, train_size=600, stratify=y, random_state=0)
normalizer = InputNormalizer().fit(X_train)
X_train, X_val = normalizer.transform(X_train), normalizer.transform(X_val)


def loss(**parameters):
    """Return the log-loss of a network on validation rows, at most 9."""
    net = MLPClassifier((16,), batch_size=32, max_iter=10, tol=0, random_state=0)
    net.set_params(n_iter_no_change=np.inf, **parameters).fit(X_train, y_train)
    return min(9.0, log_loss(y_val, net.predict_proba(X_val)))


curve_rates = np.geomspace(1e-4, 1, 81)
curve = np.array([loss(learning_rate_init=rate) for rate in curve_rates])
best_rate = curve_rates[curve.argmin()]
print(f"lowest loss {curve.min():.3f}, at a rate of {best_rate:.3f}")

found = {}
for name, distribution in (("uniform", Uniform(1e-4, 1.0)), ("LogUniform", LogUniform(1e-4, 1.0))):
    rates = distribution.rvs((5000, 10), random_state=0)
    found[name] = np.interp(np.log(rates), np.log(curve_rates), curve).min(axis=1)
    missed = np.mean(found[name] > 1.5 * curve.min())
    print(f"{name:<12}median of the best of ten {np.median(found[name]):.3f};", end=" ")
    print(f"{missed:.0%} of the searches end more than 50 % above the lowest loss")

# %%
# β: the scale of 1 - β
# ---------------------
# β averages over 1 / (1 - β) steps (:doc:`chapter 10 <plot_10_momentum_rmsprop_adam>`). The same
# change of β does nothing near 0.9 and doubles the average near 0.999:

pairs = ((0.9, 0.9005), (0.999, 0.9995))
for a, b in pairs:
    print(f"β from {a} to {b}: an average over {1 / (1 - a):.0f} steps -> {1 / (1 - b):.2f}")

# %%
# For a network: gradient descent with momentum β and rate η = 0.3 (1 - β), so that steps stay
# alike.

moved = []
for a, b in pairs:
    before, after = (
        loss(solver="sgd", momentum=beta, learning_rate_init=0.3 * (1 - beta)) for beta in (a, b)
    )
    moved.append(abs(after / before - 1))
    print(f"β from {a} to {b}: validation loss {before:.3f} -> {after:.3f}")

# %%
# So 1 - β is drawn log-uniformly: the course takes r from [-3, -1] and β = 1 - 10^r.
# ``OneMinusLogUniform`` is that, as a distribution.

betas = {
    "uniform": Uniform(0.9, 0.999).rvs(N, random_state=0),
    "1 - 10^r": 1 - 10 ** np.random.default_rng(0).uniform(-3, -1, size=N),
    "OneMinusLogUniform": OneMinusLogUniform(0.9, 0.999).rvs(N, random_state=0),
}
print(f"{'':<20}{'10 to 100 steps':>17}{'100 to 1000':>13}")
for name, values in betas.items():
    long = np.mean(values > 0.99)
    print(f"{name:<20}{1 - long:>17.1%}{long:>13.1%}")

# %%
# Units, layers, and zero
# -----------------------
# Units act by their order of magnitude, too, if the range is wide; the number of layers, 1 to 4, is
# drawn uniformly. Dropout may be best at exactly 0, which no continuous distribution draws:
# ``ZeroOr`` does.

units = {"UniformInt": UniformInt(8, 511), "LogUniformInt": LogUniformInt(8, 511)}
bounds = [8, 16, 32, 64, 128, 256, 512]
ranges = [f"{low} to {2 * low - 1}" for low in bounds[:-1]]
print(f"{'units':<14}" + "".join(f"{text:>12}" for text in ranges))
for name, distribution in units.items():
    counts = np.histogram(distribution.rvs(N, random_state=0), bounds)[0] / N
    print(f"{name:<14}" + "".join(f"{share:>12.1%}" for share in counts))
dropout = ZeroOr(Uniform(0.05, 0.5))
print("dropout:", dropout.rvs(8, random_state=0).round(2))

# %%
# The picture
# -----------
# Above, the draws on the axis on which a network feels them; below, what ten draws of a rate find.

figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.5), layout="constrained")
panels = (
    (axes[0, 0], draws["uniform"], draws["LogUniform"], np.geomspace(1e-4, 1, 33)),
    (
        axes[0, 1],
        1 - betas["uniform"],
        1 - betas["OneMinusLogUniform"],
        np.geomspace(1e-3, 0.1, 33),
    ),
)
for ax, wrong, right, bins in panels:
    ax.hist(wrong, bins, histtype="step", linestyle="--", color="#E69F00", label="uniform")
    ax.hist(right, bins, histtype="step", color="#0072B2", label="on the right scale")
    ax.set(xscale="log", ylabel="draws")
axes[0, 0].set(title="Learning rates", xlabel="learning rate")
axes[0, 0].legend(frameon=False, loc="upper left")
axes[0, 1].set(title="β", xlabel="1 - β")
axes[1, 0].plot(curve_rates, curve, color="black")
axes[1, 0].set(xscale="log", yscale="log", xlabel="learning rate", ylabel="validation loss")
axes[1, 0].set_title("A network at 81 rates")
bins = np.geomspace(0.15, 3, 40)
for name, style, color in (("uniform", "--", "#E69F00"), ("LogUniform", "-", "#0072B2")):
    axes[1, 1].hist(found[name], bins, histtype="step", linestyle=style, color=color)
axes[1, 1].set(xscale="log", xlabel="validation loss of the best of ten", ylabel="searches")
axes[1, 1].set_title("5000 searches")
for axis in (axes[1, 0].yaxis, axes[1, 1].xaxis):
    axis.set_ticks((0.2, 0.5, 1, 2), ("0.2", "0.5", "1", "2"))
    axis.set_ticks((), minor=True)
plt.show()

# %%
# Coarse to fine
# --------------
# A second round zooms in on the best of the first, on the same scale. ``cdf`` says where on its
# scale a value lies, and ``zoomed`` restricts a distribution to a part of it. Ten draws and then
# ten more, against twenty at once:

coarse = LogUniform(1e-4, 1.0)


def value(rates):
    return np.interp(np.log(rates), np.log(curve_rates), curve)


rng = np.random.RandomState(0)
two_rounds, one_round = [], []
for _ in range(500):
    first = coarse.rvs(10, rng)
    place = coarse.cdf(first[value(first).argmin()])
    fine = coarse.zoomed(max(0, place - 0.15), min(1, place + 0.15))
    two_rounds.append(min(value(first).min(), value(fine.rvs(10, rng)).min()))
    one_round.append(value(coarse.rvs(20, rng)).min())
print(f"the last search zoomed from {coarse} to {fine.low:.4f} ... {fine.high:.4f}")
for name, losses in (("twenty at once", one_round), ("ten and ten", two_rounds)):
    above = np.array(losses) / curve.min() - 1
    print(f"{name:<16} above the lowest loss: mean {above.mean():.1%}, worst tenth", end=" ")
    print(f"from {np.quantile(above, 0.9):.1%} on")

# %%
# In a search of scikit-learn
# ---------------------------
# All of these go into ``RandomizedSearchCV`` as they are; ``CoarseToFineSearchCV`` zooms
# by itself.

search = RandomizedSearchCV(
    make_pipeline(InputNormalizer(), MLPClassifier(solver="sgd", max_iter=10, random_state=0)),
    {
        "mlpclassifier__learning_rate_init": LogUniform(1e-3, 1.0),
        "mlpclassifier__momentum": OneMinusLogUniform(0.8, 0.99),
        "mlpclassifier__hidden_layer_sizes": LogUniformInt(8, 128),
        "mlpclassifier__batch_size": LogUniformInt(16, 256),
        "mlpclassifier__dropout": ZeroOr(Uniform(0.05, 0.5)),
    },
    n_iter=20,
    cv=3,
    scoring="neg_log_loss",
    random_state=0,
).fit(X[:900], y[:900])
print(f"20 candidates; the best has a log-loss of {-search.best_score_:.3f}")
for name, best in search.best_params_.items():
    print(f"    {name.split('__')[1]:<20}{best:.4g}")
print(f"on new rows: {-search.score(X[900:], y[900:]):.3f}")

assert 0.88 < shares["uniform"][-1] < 0.92
assert max(abs(shares["LogUniform"] - 0.25)) < 0.02
assert np.median(found["uniform"]) > 2 * np.median(found["LogUniform"])
assert moved[0] < 0.1 < 0.3 < moved[1]
assert np.mean(two_rounds) < np.mean(one_round)

# %%
# What to take away
# -----------------
# Logarithmic: learning rate, ``alpha``, ``weight_decay``, units, batch size. Logarithmic in 1 - β:
# momentum, β₁, β₂. Uniform: layers, dropout. Then zoom in on the same scale.
