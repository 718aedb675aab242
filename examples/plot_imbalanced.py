"""
A rare class: class_weight, and early stopping on average precision
===================================================================

Twenty images of the digit 8 among a thousand others. Accuracy is blind here: who never says "8" is
right 98 times in 100, and early stopping on accuracy can end before the network has found the
digit. A network may stop on what matters instead, and give the rare class more weight.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import average_precision_score, precision_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as TheirMLPClassifier
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, LossCurveDisplay, MLPClassifier

# Some of the networks train to max_iter, and some find one class only: the table shows it.
warnings.simplefilter("ignore", ConvergenceWarning)

SPLITS = 6


def rare_eights(seed):
    """A split with 20 eights to train on, and all of the other half to test."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y == 8, test_size=0.4, stratify=y, random_state=seed
    )
    kept = np.r_[np.flatnonzero(~y_train), np.flatnonzero(y_train)[:20]]
    return X_train[kept], X_test, y_train[kept], y_test


# %%
# Five ways to stop
# -----------------

NETWORKS = {
    "scikit-learn, early stopping": TheirMLPClassifier(early_stopping=True),
    "no early stopping": MLPClassifier(),
    "on the validation loss": MLPClassifier(early_stopping=True),
    "on average precision": MLPClassifier(early_stopping=True, scoring="average_precision"),
    "the same, class_weight='balanced'": MLPClassifier(
        early_stopping=True, scoring="average_precision", class_weight="balanced"
    ),
}

measured = {name: [] for name in NETWORKS}
for seed in range(SPLITS):
    X_train, X_test, y_train, y_test = rare_eights(seed)
    for name, net in NETWORKS.items():
        model = make_pipeline(InputNormalizer(), net.set_params(random_state=seed))
        model.fit(X_train, y_train)
        probability, found = model.predict_proba(X_test)[:, 1], model.predict(X_test)
        measured[name].append(
            (
                average_precision_score(y_test, probability),
                recall_score(y_test, found),
                precision_score(y_test, found, zero_division=0),
                model[-1].n_iter_,
            )
        )

print(f"{'':<34}{'average precision':>18}{'recall':>8}{'precision':>11}{'epochs':>8}")
for name, rows in measured.items():
    ap, recall, precision, epochs = np.mean(rows, axis=0)
    print(f"{name:<34}{ap:>18.2f}{recall:>8.2f}{precision:>11.2f}{epochs:>8.0f}")

# %%
# What early stopping saw
# -----------------------
# With two eights in the validation part, average precision moves in steps and stays at its best
# for long. That is no reason to stop while the loss on the same rows still falls; of equal epochs
# the last one wins.

display = LossCurveDisplay.from_estimator(model).plot()
display.ax_.set_title("Balanced classes, stopped on average precision")
plt.show()

precision_of = {name: np.mean(rows, axis=0)[0] for name, rows in measured.items()}
recall_of = {name: np.mean(rows, axis=0)[1] for name, rows in measured.items()}
assert precision_of["on the validation loss"] > precision_of["no early stopping"] - 0.02
assert precision_of["scikit-learn, early stopping"] < 0.6
assert recall_of["the same, class_weight='balanced'"] > recall_of["no early stopping"] + 0.1

# %%
# What to take away
# -----------------
# Class weights move the decision: more eights are found, and more others are taken for eights.
# Whoever needs the ranking alone can leave them out, and choose a threshold afterwards.
