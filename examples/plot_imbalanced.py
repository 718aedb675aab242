"""
A rare class: class_weight, and early stopping on average precision
===================================================================

The training set has twenty images of the digit 8 among a thousand others. Accuracy is useless here:
always answering "not 8" is correct 98 % of the time, and early stopping on accuracy can end before
the network has found the digit. Instead, a network can stop on a metric that matters, and give the
rare class more weight.
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

# Some networks train to max_iter, and some predict one class only: the table shows it.
warnings.simplefilter("ignore", ConvergenceWarning)

SPLITS = 6


def rare_eights(seed):
    """Return a split with 20 eights to train on, and all eights of the test part."""
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
# With two eights in the validation part, average precision moves in steps and stays at its best for
# many epochs. That is no reason to stop while the loss on the same rows still falls. Among equal
# epochs, the last one wins.

display = LossCurveDisplay.from_estimator(model)
display.ax_.set_title("Balanced classes, stopped on average precision")
plt.show()

precision_of = {name: np.mean(rows, axis=0)[0] for name, rows in measured.items()}
recall_of = {name: np.mean(rows, axis=0)[1] for name, rows in measured.items()}
assert precision_of["on the validation loss"] > precision_of["no early stopping"] - 0.05
assert precision_of["scikit-learn, early stopping"] < 0.6
assert recall_of["the same, class_weight='balanced'"] > recall_of["no early stopping"] + 0.1

# %%
# What to take away
# -----------------
# Class weights move the decision: the network finds more eights, and takes more other digits for
# eights. If you need only the ranking, leave the weights out and choose a threshold afterwards.
