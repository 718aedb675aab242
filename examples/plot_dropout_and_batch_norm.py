"""
When dropout and batch norm help
================================

Dropout helps if a network is large for its data: such a network memorizes the training set and
becomes overconfident. Batch norm helps if signals do not pass through the layers, as in deep
networks with saturating activations whose initial weights are too small for them.
"""

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier

# On purpose, all networks train for the same number of epochs.
warnings.simplefilter("ignore", ConvergenceWarning)


def measure(load, train_size, seeds, **parameters):
    """Return the mean test accuracy and log-loss over splits."""
    X, y = load(return_X_y=True)
    scores = []
    for seed in range(seeds):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, train_size=train_size, stratify=y, random_state=seed
        )
        model = make_pipeline(
            InputNormalizer(), MLPClassifier(**parameters, tol=0, random_state=seed)
        ).fit(X_train, y_train)
        loss = log_loss(y_test, model.predict_proba(X_test))
        scores.append((model.score(X_test, y_test), loss))
    return np.mean(scores, axis=0)


def show(title, settings, **common):
    """Print a table with one row for each setting."""
    print(f"\n{title}\n{'':<36}{'accuracy':>10}{'log-loss':>10}")
    results = {}
    for name, parameters in settings.items():
        results[name] = measure(**common, **parameters)
        print(f"{name:<36}{results[name][0]:>10.3f}{results[name][1]:>10.3f}")
    return results


# %%
# Dropout: 100 rows, 74,000 parameters
# ------------------------------------
# This experiment trains on 100 rows of the breast cancer data. Without dropout the network has
# about the same accuracy, but it is far too confident where it is wrong, which the log-loss
# penalizes.

dropout = show(
    "Breast cancer, 30-256-256-1, 100 training rows, 200 epochs",
    {
        "no dropout": {},
        "dropout 0.5": {"dropout": 0.5},
        "dropout 0.5, of the input 0.2": {"dropout": 0.5, "input_dropout": 0.2},
    },
    load=load_breast_cancer,
    train_size=100,
    seeds=8,
    hidden_layer_sizes=(256, 256),
    max_iter=200,
)

# %%
# Batch norm: twelve layers of logistic units
# -------------------------------------------
# With Glorot's variance, a logistic unit passes back less than a quarter of the gradient, so after
# twelve layers nothing is left of it and the network does not learn at all. ``init="auto"`` chooses
# the variance that the logistic function needs; batch norm compensates for either variance.

deep = show(
    "Digits, 12 hidden layers of 50 logistic units, 20 epochs",
    {
        "glorot_uniform": {"init": "glorot_uniform"},
        "glorot_uniform, batch norm": {"init": "glorot_uniform", "batch_norm": True},
        "auto": {"init": "auto"},
        "auto, batch norm": {"init": "auto", "batch_norm": True},
    },
    load=load_digits,
    train_size=1200,
    seeds=3,
    hidden_layer_sizes=(50,) * 12,
    activation="logistic",
    max_iter=20,
)

assert dropout["dropout 0.5"][1] < dropout["no dropout"][1]
assert deep["glorot_uniform, batch norm"][0] > deep["glorot_uniform"][0] + 0.5

# %%
# What to take away
# -----------------
# Try dropout when the training loss is far below the validation loss. Try batch norm, or another
# ``init``, when a deep network does not learn at all.
