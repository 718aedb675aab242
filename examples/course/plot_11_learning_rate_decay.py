"""
11. Decay of the learning rate: large steps first, small ones at the end
========================================================================

With small batches the gradient is noisy, so gradient descent with a constant learning rate never
settles: it wanders around the minimum. A smaller rate wanders less but takes longer to arrive. So
start with large steps and let the rate fall. This chapter measures how near each schedule comes to
a minimum that is known, and then what decay does for a network.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor
from sknn_opt.optim import SCHEDULES, TrainingTime

warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs on purpose, some rates too large

# %%
# The schedules
# -------------
# A schedule is a function of the time of training: of the epochs that are over, and of T, the
# epochs that there will be. Any function will do, so the course's own formulas are one line each.
# We print the rate as a share of the first, over T = 40 epochs.

EPOCHS = 40
COURSE = {
    "1 / (1 + t)": lambda time: time.initial_rate / (1 + time.epoch),
    "0.95^t": lambda time: time.initial_rate * 0.95**time.epoch,
}
OURS = ("constant", "exponential", "step", "cosine", "one_cycle")
schedules = COURSE | {name: SCHEDULES[name] for name in OURS}
AT = (0, 1, 5, 10, 20, 30, 39)
print(f"{'after epoch':<14}" + "".join(f"{epoch:>8}" for epoch in AT))
for name, schedule in schedules.items():
    shares = [schedule(TrainingTime(1.0, EPOCHS, epoch)) for epoch in AT]
    print(f"{name:<14}" + "".join(f"{share:>8.3f}" for share in shares))

# %%
# (Two more look at something else than the time: ``"adaptive"`` divides by 5 whenever training
# stalls, and ``"invscaling"`` counts rows, not epochs.)
#
# How near to a known minimum?
# ----------------------------
# Without hidden layers a regressor is linear, and least squares gives the minimum. We train on four
# features of 442 patients, with batches of 8 rows, and measure how far the cost on all rows is
# above the minimum, for three seeds. Passing the training set as validation set gives that cost
# after each epoch.

X, y = load_diabetes(return_X_y=True)
X = InputNormalizer().fit_transform(X[:, :4])
y = (y - y.mean()) / y.std()
solution = np.linalg.lstsq(X, y, rcond=None)[0]
minimum = np.mean((y - X @ solution) ** 2) / 2


def above_minimum(schedule, rate):
    """Return the cost above the minimum after each epoch, the mean of three seeds."""
    curves = []
    for seed in range(3):
        net = MLPRegressor(
            (),
            solver="sgd",
            momentum=0,
            alpha=0,
            batch_size=8,
            learning_rate=schedule,
            learning_rate_init=rate,
            normalize_target=False,
            max_iter=EPOCHS,
            tol=0,
            n_iter_no_change=np.inf,
            dtype="float64",
            random_state=seed,
        ).fit(X, y, X_val=X, y_val=y)
        curves.append(net.validation_loss_curve_)
    return np.mean(curves, axis=0) - minimum


RATES = (0.003, 0.01, 0.03, 0.1)
curves = {
    (name, rate): above_minimum(schedule, rate)
    for name, schedule in schedules.items()
    for rate in RATES
}
print(f"{'':<14}" + "".join(f"{f'η = {rate}':>12}" for rate in RATES))
for name in schedules:
    print(f"{name:<14}" + "".join(f"{curves[name, rate][-1]:>12.1e}" for rate in RATES))

# %%
# A small constant rate has not arrived after 40 epochs, a large one wanders. The best of them ends
# far above what the schedules reach at theirs:

reached = {name: min(curves[name, rate][-1] for rate in RATES) for name in schedules}
for name in ("exponential", "cosine", "1 / (1 + t)"):
    ratio = reached["constant"] / reached[name]
    print(f"{name:<14}{ratio:>4.0f} times nearer than a constant rate, each at its best η")

SHOWN = ("constant", "1 / (1 + t)", "step", "exponential", "cosine", "one_cycle")
COLORS = ("#000000", "#E69F00", "#CC79A7", "#009E73", "#0072B2", "#D55E00")
STYLES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)))
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
epochs = np.linspace(0, EPOCHS - 0.05, 400)
for name, color, style in zip(SHOWN, COLORS, STYLES, strict=True):
    look = {"color": color, "linestyle": style}
    shares = [schedules[name](TrainingTime(1.0, EPOCHS, epoch)) for epoch in epochs]
    left.plot(epochs, shares, **look, label=name)
    right.plot(range(1, EPOCHS + 1), curves[name, 0.03], **look)
left.set(xlabel="epoch", ylabel="share of the first rate", title="The schedules")
left.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
right.set(yscale="log", xlabel="epoch", ylabel="cost above the minimum")
right.set_title("A linear model, η = 0.03")
plt.show()

# %%
# A network on digits
# -------------------
# Momentum 0.9, 16 rows a step, 15 epochs, three seeds.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
normalizer = InputNormalizer().fit(X_train)
X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)


def test_error(schedule, rate):
    """Return the mean test error of three seeds."""
    scores = []
    for seed in range(3):
        net = MLPClassifier(
            (32,),
            solver="sgd",
            batch_size=16,
            learning_rate=schedule,
            learning_rate_init=rate,
            max_iter=15,
            tol=0,
            n_iter_no_change=np.inf,
            random_state=seed,
        ).fit(X_train, y_train)
        scores.append(net.score(X_test, y_test))
    return 1 - np.mean(scores)


NET_RATES = (0.003, 0.01, 0.03, 0.1)
errors = {(name, rate): test_error(name, rate) for name in OURS for rate in NET_RATES}
print(f"{'test error':<14}" + "".join(f"{f'η = {rate}':>11}" for rate in NET_RATES))
for name in OURS:
    print(f"{name:<14}" + "".join(f"{errors[name, rate]:>11.1%}" for rate in NET_RATES))

# %%
# At a good rate, 0.01 to 0.03, decay changes little here: the test error of a network does not ask
# for the last digits of the minimum. It helps where the rate is too large, 0.1, and it hurts where
# the rate is too small, since it takes away from what was too little. So find the rate first, then
# let it fall.

assert reached["constant"] > 10 * max(reached["exponential"], reached["cosine"])
assert min(errors["constant", 0.1] - errors[name, 0.1] for name in OURS[1:]) > 0.02
assert errors["exponential", 0.003] > errors["constant", 0.003]
best = {name: min(errors[name, rate] for rate in NET_RATES) for name in OURS}
assert max(best.values()) - min(best.values()) < 0.01

# %%
# What to take away
# -----------------
# ``learning_rate="cosine"`` needs no knob and ends near 0. A schedule is planned over ``max_iter``
# epochs, so say how many there will be. Decay comes after the learning rate in the order of what to
# tune.
