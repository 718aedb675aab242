"""
15. Pandas and caviar: one watched model, or many at once
=========================================================

A panda has one cub and watches it; a fish lays thousands of eggs and looks after none. With little
computing power you watch one network, and change its learning rate while it trains. With more you
train many, and take the best. This chapter does both on the same digits, and counts what each
costs.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV, train_test_split

from sknn_opt import InputNormalizer, LossCurveDisplay, MLPClassifier
from sknn_opt.search import (
    CoarseToFineSearchCV,
    LogUniform,
    LogUniformInt,
    OneMinusLogUniform,
    TrainingWatch,
)

warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs on purpose, some rates too large

X, y = load_digits(return_X_y=True)
X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(
    X_rest, y_rest, test_size=0.4, stratify=y_rest, random_state=0
)
normalizer = InputNormalizer().fit(X_train)
X_train, X_val, X_test = map(normalizer.transform, (X_train, X_val, X_test))
print(f"{len(X_train)} rows to train on, {len(X_val)} to choose by, {len(X_test)} to judge by")

# %%
# The panda
# ---------
# ``TrainingWatch`` is a callback: it shows the curves while a network trains, in a terminal or a
# notebook, and takes orders. In a terminal Ctrl-C asks for them. On a page nobody can type, so a
# function plays the person: it looks at each row of the history, and intervenes. (A rule that
# decides by itself: :ref:`sphx_glr_auto_examples_plot_babysitting.py`.)


def person(row, watch):
    if row["epoch"] == 10:
        watch.scale_rate(10)  # it falls, but slowly
    if row["epoch"] == 20:
        watch.set_rate(1.0)  # a bold idea
    if row["epoch"] == 24:
        watch.go_back(20)  # a bad one: forget it
        watch.set_rate(0.1)
    if row["epoch"] == 40:
        watch.set_rate(0.01)  # smaller steps at the end


watch = TrainingWatch(person, display=None, signals_every=10)
panda = MLPClassifier(
    (64,),
    solver="sgd",
    learning_rate_init=0.003,
    batch_size=64,
    max_iter=50,
    early_stopping=True,  # keeps the best epoch
    n_iter_no_change=50,
    random_state=0,
)
panda.set_callbacks(watch).fit(X_train, y_train, X_val=X_val, y_val=y_val)
for done in watch.interventions_:
    print(f"after epoch {done['epoch']}: {done['what']} {done['value']:g}")
for epoch in (10, 20, 24, 25, 40, 50):
    print(f"epoch {epoch:>3}: validation loss {panda.history_[epoch - 1]['validation_loss']:.3f}")
print(f"signals at the end: {watch.signals_[-1]['verdict']}")

display = LossCurveDisplay.from_estimator(panda)
display.ax_.set(title="One network, changed by hand", yscale="log")
plt.show()

# %%
# Caviar
# ------
# 24 networks with random hyperparameters, 20 epochs each, and nobody looks. ``PredefinedSplit``
# makes the search use the same validation rows.

EPOCHS = 20
SPACE = {
    "learning_rate_init": LogUniform(1e-3, 1.0),
    "momentum": OneMinusLogUniform(0.5, 0.99),
    "hidden_layer_sizes": LogUniformInt(16, 128),
    "alpha": LogUniform(1e-5, 1.0),
}
net = MLPClassifier(
    solver="sgd", batch_size=64, max_iter=EPOCHS, tol=0, n_iter_no_change=np.inf, random_state=0
)
both = np.vstack([X_train, X_val]), np.concatenate([y_train, y_val])
split = PredefinedSplit([-1] * len(X_train) + [0] * len(X_val))
search = RandomizedSearchCV(
    net, SPACE, n_iter=24, cv=split, scoring="neg_log_loss", refit=False, random_state=0
).fit(*both)
for name, best in search.best_params_.items():
    print(f"{name:<20}{best:.4g}")

# %%
# Which could have been stopped early?
# ------------------------------------
# A look at all curves shows that most candidates are hopeless, and soon. We train them once more,
# with the validation set passed to ``fit``, which then notes its loss after each epoch.

candidates = search.cv_results_["params"]
fitted, curves = [], []
for candidate in candidates:
    one = MLPClassifier(**net.get_params()).set_params(**candidate)
    one.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    curve = np.full(EPOCHS, np.inf)  # training that diverges ends early
    curve[: len(one.validation_loss_curve_)] = one.validation_loss_curve_
    fitted.append(one)
    curves.append(curve)
curves = np.array(curves)
best = curves[:, -1].argmin()
print(f"the best after {EPOCHS} epochs has a validation loss of {curves[best, -1]:.3f}")
for epoch in (1, 2, 5, 10):
    rank = 1 + np.sum(curves[:, epoch - 1] < curves[best, epoch - 1])
    print(f"    after {epoch:>2} epochs it was number {rank} of {len(curves)}")

# %%
# The best one starts slowly. So whoever stops the others must leave enough of them. Successive
# halving does: train all for a few epochs, keep a part, train that part further. It may lose the
# very best, and saves most of the epochs:


def halving(stages):
    """Return who is left, and the epochs spent, with (epoch, how many go on) at each stage."""
    left, spent, behind = np.arange(len(curves)), 0, 0
    for epoch, n_kept in stages:
        spent, behind = spent + len(left) * (epoch - behind), epoch
        left = left[curves[left, epoch - 1].argsort()][:n_kept]
    return left, spent


STAGES = ((2, 12), (5, 6), (10, 3), (EPOCHS, 1))
halved, spent = halving(STAGES)
print(f"all to the end:     {curves.size:>4} epochs, validation loss {curves[best, -1]:.3f}")
print(f"successive halving: {spent:>4} epochs,", end=" ")
print(f"validation loss {curves[halved[0], -1]:.3f}")

figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
for k, curve in enumerate(curves):
    ends = [epoch for stage, (epoch, _) in enumerate(STAGES) if k in halving(STAGES[:stage])[0]]
    ax.plot(range(1, EPOCHS + 1), curve, color="0.8", linewidth=1)
    ax.plot(range(1, ends[-1] + 1), curve[: ends[-1]], color="#0072B2", linewidth=1)
ax.plot(EPOCHS, curves[halved[0], -1], "o", color="#0072B2", label="chosen by successive halving")
ax.plot(EPOCHS, curves[best, -1], "s", color="#D55E00", markerfacecolor="none", label="the best")
ax.set(yscale="log", ylim=(0.09, 10), xlabel="epoch", ylabel="validation loss")
ax.set_xticks((1, 5, 10, 15, 20))
ax.set_title(f"{len(curves)} networks; blue: what successive halving trains")
ax.legend(frameon=False)
plt.show()

# %%
# ``CoarseToFineSearchCV`` does this by itself, and more: after each round it draws where the best
# candidates lie. A network that goes on keeps its weights and its optimizer, so no epoch is done
# twice. Here there is one split, so candidates are compared after a part of their epochs:
# ``min_share`` says after which at first.

fine = CoarseToFineSearchCV(
    net, SPACE, n_iter=24, n_rounds=2, min_share=0.1, cv=split, scoring="neg_log_loss"
)
fine = fine.set_params(refit=False, random_state=0).fit(*both)
low, high = fine.spaces_[1]["learning_rate_init"].support()
print(f"{len(fine.cv_results_['params'])} candidates in {fine.n_epochs_:.0f} epochs,", end=" ")
print(f"validation loss {-fine.best_score_:.3f}")
print(f"the second round draws learning rates from {low:.2g} to {high:.2g}")
found = MLPClassifier(**net.get_params()).set_params(**fine.best_params_).fit(X_train, y_train)

# %%
# What each costs, and reaches
# ----------------------------
# The epochs are what you pay; the test rows have not been looked at before.

results = {
    "panda": (panda, panda.n_iter_),
    "caviar, all to the end": (fitted[best], curves.size),
    "caviar, successive halving": (fitted[halved[0]], spent),
    "caviar, coarse to fine": (found, int(fine.n_epochs_)),
}
tested = {}
print(f"{'':<28}{'epochs':>7}{'test loss':>11}{'test error':>12}")
for name, (model, epochs) in results.items():
    tested[name] = log_loss(y_test, model.predict_proba(X_test))
    error = 1 - model.score(X_test, y_test)
    print(f"{name:<28}{epochs:>7}{tested[name]:>11.3f}{error:>12.1%}")

# %%
# Here the panda comes first, for few epochs: its person knew from :doc:`chapter 10
# <plot_10_momentum_rmsprop_adam>` which rates are good for these digits. The caviar knew nothing
# but wide ranges, cost nobody's attention, and successive halving lost nothing that the test rows
# show.

assert [done["what"] for done in watch.interventions_] == ["rate", "rate", "back", "rate", "rate"]
assert panda.history_[24]["validation_loss"] < 0.2 < panda.history_[23]["validation_loss"]
assert spent < curves.size / 3
assert fine.n_epochs_ < curves.size / 3
assert curves[halved[0], -1] < 1.3 * curves[best, -1]
assert max(tested.values()) < 1.5 * min(tested.values())

# %%
# What to take away
# -----------------
# Watch one network when a training takes days, and when you know the data. Otherwise draw many,
# stop the hopeless early, and keep enough of them that a slow starter can come through.
