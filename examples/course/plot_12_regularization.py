"""
12. Regularization: penalty, dropout, early stopping, more data
===============================================================

A network with enough units fits its training rows, noise included. On new rows the noise is another
one. This chapter measures what four remedies do to the error on training rows and on new rows, and
why early stopping, the most convenient of them, mixes two tasks that are easier one by one.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

warnings.simplefilter("ignore", ConvergenceWarning)  # too much of everything, on purpose

# %%
# A small table with much noise
# -----------------------------
# Blood values of 442 patients, and how their diabetes progressed in a year. 300 rows train, 142
# test. The error is the mean squared one as a share of the variance: 1 is what the mean of y
# reaches.

X, y = load_diabetes(return_X_y=True)


def errors(seeds=3, **parameters):
    """Return the mean errors on training and test rows, and the epochs, of some random splits."""
    found = []
    for seed in range(seeds):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=142, random_state=seed)
        normalizer = InputNormalizer().fit(X_train)
        X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)
        net = MLPRegressor((64,), learning_rate_init=0.003, batch_size=32, max_iter=100, tol=0)
        net.set_params(random_state=seed, n_iter_no_change=np.inf)
        net.set_params(**parameters).fit(X_train, y_train)
        found.append((1 - net.score(X_train, y_train), 1 - net.score(X_test, y_test), net.n_iter_))
    return np.mean(found, axis=0)


def row(name, found):
    print(f"{name:<22}{found[0]:>10.2f}{found[1]:>8.2f}{found[2]:>9.0f}")


ALPHAS = (0.1, 1.0, 3.0, 10.0, 30.0)
DROPOUTS = (0.1, 0.3, 0.5, 0.7, 0.9)
STOPPING = {"early_stopping": True, "n_iter_no_change": 10, "validation_fraction": 0.2}
nothing = errors(alpha=0)
by_alpha = {alpha: errors(alpha=alpha) for alpha in ALPHAS}
by_dropout = {rate: errors(alpha=0, dropout=rate) for rate in DROPOUTS}
stopped = errors(alpha=0, **STOPPING)

print(f"{'':<22}{'training':>10}{'test':>8}{'epochs':>9}")
row("nothing", nothing)
for alpha, found in by_alpha.items():
    row(f"alpha={alpha}", found)
for rate, found in by_dropout.items():
    row(f"dropout={rate}", found)
row("early stopping", stopped)

# %%
# Without regularization the training error is far below the test error: high variance. A penalty or
# dropout raises the training error and lowers the test error, up to a point. With too strong a
# penalty both are high: high bias. The best strengths of each reach about the same.

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained", sharey=True)
for ax, found, label in (
    (axes[0], by_alpha, "alpha"),
    (axes[1], by_dropout, "dropout"),
):
    strengths, values = list(found), np.array(list(found.values()))
    ax.plot(strengths, values[:, 1], "o-", color="#D55E00", label="test")
    ax.plot(strengths, values[:, 0], "s--", color="#0072B2", label="training")
    for value, color in ((nothing[1], "#D55E00"), (nothing[0], "#0072B2")):
        ax.axhline(value, color=color, linestyle=":", linewidth=1)
    ax.set(xlabel=label, ylim=(0, 1))
axes[0].set(xscale="log", ylabel="error", title="L2 penalty; dotted: without")
axes[1].set_title("Dropout; dotted: without")
axes[1].legend(frameon=False, loc="lower right")
plt.show()

# %%
# Why a penalty makes the network simpler
# ---------------------------------------
# It shrinks the weights, and small weights make a smooth function. We measure the length of the
# weight matrices, and how far the prediction moves along a straight line between two patients: the
# sum of its ups and downs over the distance that it covers, which is 1 for a straight line.

Z = InputNormalizer().fit_transform(X)
pairs = np.random.default_rng(0).integers(len(Z), size=(100, 2))
t = np.linspace(0, 1, 101)[:, np.newaxis]
print(f"{'':<12}{'|W|':>8}{'ups and downs':>16}")
detours = {}
for alpha in (0, 0.1, 3.0):
    net = MLPRegressor((64,), learning_rate_init=0.003, batch_size=32, max_iter=100, tol=0)
    net.set_params(alpha=alpha, n_iter_no_change=np.inf, random_state=0).fit(Z, y)
    along = np.array([net.predict((1 - t) * Z[i] + t * Z[j]) for i, j in pairs if i != j])
    up_and_down = abs(np.diff(along)).sum()
    detours[alpha] = up_and_down / abs(along[:, -1] - along[:, 0]).sum()
    size = np.sqrt(sum(np.sum(W**2) for W in net.coefs_))
    print(f"{f'alpha={alpha}':<12}{size:>8.2f}{detours[alpha]:>16.2f}")

# %%
# Early stopping mixes two tasks
# ------------------------------
# One task is to minimize the cost, the other is not to overfit. Early stopping does the second by
# not finishing the first. Two consequences can be measured. First, the number of epochs becomes a
# knob of regularization: without a penalty the test error depends on when you stop, with one it
# does not.

EPOCHS = (10, 30, 100, 200)
by_epochs = {
    alpha: [errors(alpha=alpha, max_iter=epochs)[1] for epochs in EPOCHS] for alpha in (0, 3.0)
}
print(f"{'test error after':<18}" + "".join(f"{f'{epochs} epochs':>13}" for epochs in EPOCHS))
for alpha, values in by_epochs.items():
    print(f"{f'alpha={alpha}':<18}" + "".join(f"{value:>13.2f}" for value in values))

# %%
# Second, the learning rate then does two things at once: it changes how well the cost is minimized
# and how strongly the network is regularized, so you cannot tune the one without the other.

RATES = (0.0003, 0.003, 0.03, 0.1)
print(f"{'training / test':<18}" + "".join(f"{f'η = {rate}':>14}" for rate in RATES))
by_rate = {}
for name, parameters in (("early stopping", {"alpha": 0} | STOPPING), ("alpha=3", {"alpha": 3.0})):
    by_rate[name] = [errors(learning_rate_init=rate, **parameters) for rate in RATES]
    print(f"{name:<18}" + "".join(f"{f'{a:.2f} / {b:.2f}':>14}" for a, b, _ in by_rate[name]))
print(f"{'epochs until stop':<18}" + "".join(f"{n:>14.0f}" for *_, n in by_rate["early stopping"]))

# %%
# More data
# ---------
# The best remedy is more rows. Digits have enough to show it: the network is the same, and makes
# about 1000 steps each time.

X, y = load_digits(return_X_y=True)
X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=500, stratify=y, random_state=0)
ROWS = (75, 150, 300, 600, 1200)
by_rows = []
print(f"{'rows':>6}{'training':>10}{'test':>8}")
for n_rows in ROWS:
    found = []
    for seed in range(3):
        some = np.random.default_rng(seed).permutation(len(X_rest))[:n_rows]
        normalizer = InputNormalizer().fit(X_rest[some])
        Z, Z_test = normalizer.transform(X_rest[some]), normalizer.transform(X_test)
        net = MLPClassifier((64,), learning_rate_init=0.003, batch_size=25, random_state=seed)
        net.set_params(max_iter=1000 * 25 // n_rows, tol=0, n_iter_no_change=np.inf)
        net.fit(Z, y_rest[some])
        found.append((1 - net.score(Z, y_rest[some]), 1 - net.score(Z_test, y_test)))
    by_rows.append(np.mean(found, axis=0))
    print(f"{n_rows:>6}{by_rows[-1][0]:>10.1%}{by_rows[-1][1]:>8.1%}")

# %%
# The training error is 0 throughout, and the test error falls with every doubling of the rows.

assert nothing[1] > 1.15 * max(by_alpha[3.0][1], by_dropout[0.7][1], stopped[1])
assert by_alpha[30.0][0] > 0.7 > 0.3 > nothing[0]
assert detours[0] > detours[0.1] > detours[3.0]
assert by_epochs[0][-1] > by_epochs[0][0] + 0.1
assert np.ptp(by_epochs[3.0]) < 0.03
spreads = {name: np.ptp([test for _, test, _ in found]) for name, found in by_rate.items()}
assert spreads["early stopping"] > spreads["alpha=3"]
assert by_rows[0][1] > 3 * by_rows[-1][1]

# %%
# What to take away
# -----------------
# Compare training and test error first: only if they are far apart, regularize. ``alpha`` acts as α
# / (2 n) on a batch of n rows, so it takes large values, 0.01 to 10; look for it on a logarithmic
# scale. ``dropout`` takes 0.1 to 0.7. Early stopping needs no search, and is good for a first
# model; to tune, prefer a penalty, and let training go on to its end.
