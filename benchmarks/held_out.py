"""Early stopping on rows that repeat: the share held out, and what it costs in accuracy.

A kind of data per line: the share of the rows that is held out in fit and in a stream of single
rows, for validation_fraction=0.1, and the loss on fresh rows of a network that stopped early over
that of one which trained on all rows for as long. Run with ``make bench``.
"""

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from sknn_opt import MLPClassifier, MLPRegressor

N, SEEDS = 2000, range(3)
EPOCHS = 60


def table(probabilities, shares):
    """Rows of cells (one-hot), which come in these shares, and y = 1 with these probabilities."""

    def draw(rng, n):
        cell = rng.choice(len(shares), size=n, p=np.divide(shares, sum(shares)))
        return np.eye(len(shares))[cell], (rng.random(n) < np.asarray(probabilities)[cell]) * 1

    return draw


def one_flag(rng, n):
    x = (rng.random((n, 1)) < 0.1) * 1.0
    return x, (rng.random(n) < np.where(x[:, 0] == 1, 0.9, 0.1)) * 1


def flags(rng, n):
    X = rng.integers(0, 2, (n, 6)) * 1.0
    return X, (rng.random(n) < 1 / (1 + np.exp(3 - 2 * X[:, :3].sum(axis=1)))) * 1


def parity(rng, n):
    X = rng.integers(0, 2, (n, 3)) * 1.0
    return X, X.sum(axis=1).astype(int) % 2


def counts(rng, n):
    X = rng.poisson(2, (n, 2)) * 1.0
    return X / 2, (rng.random(n) < 1 / (1 + np.exp(2 - X[:, 0]))) * 1


def rounded(rng, n):
    X = np.round(rng.normal(size=(n, 2)), 1)
    return X, (X[:, 0] + rng.normal(size=n) > 0) * 1


def many_classes(rng, n):
    y = np.arange(n) % 400
    return np.c_[np.cos(y), np.sin(y), np.cos(7 * y)] + 0.1 * rng.normal(size=(n, 3)), y


def oversampled(rng, n):
    """A rare class whose rows were copied 19 times."""
    X = rng.normal(size=(n // 2 + n // 38, 5))
    y = np.r_[np.zeros(n // 2, int), np.ones(n // 38, int)]
    X[y == 1, :2] += 1
    copies = np.where(y == 1, 19, 1)
    return np.repeat(X, copies, axis=0), np.repeat(y, copies)


def bootstrapped(rng, n):
    X, y = load_breast_cancer(return_X_y=True)
    rows = rng.integers(0, len(y), n)
    return scale(X)[rows], y[rows]


def labels(rng, n):
    X, _ = flags(rng, n)
    return X, (rng.random((n, 3)) < 0.2 + 0.6 * X[:, :3]) * 1


def scores(rng, n):
    """A regression on answers from 1 to 5."""
    X = rng.integers(1, 6, (n, 3)) - 3.0
    return X / 2, X @ [1.0, 2.0, -1.0] + rng.normal(size=n)


def diabetes(rng, n):
    X, y = load_diabetes(return_X_y=True)
    rows = rng.integers(0, len(y), n)
    return np.round(scale(X)[rows], 0), y[rows]


def digits(rng, n):
    X, y = load_digits(return_X_y=True)
    rows = rng.permutation(len(y))[:n]
    return np.round(X[rows] / 16), y[rows]


KINDS = {
    "a flag, 90 % are 0": one_flag,
    "three categories of .45, .45, .1": table([0.2, 0.7, 0.5], [0.45, 0.45, 0.1]),
    "200 categories": table(np.linspace(0.05, 0.95, 200), np.ones(200)),
    "6 flags": flags,
    "parity of 3 flags": parity,
    "two counts": counts,
    "rounded numbers": rounded,
    "400 classes of 5 rows": many_classes,
    "a rare class, 19 copies of each row": oversampled,
    "bootstrapped rows (breast cancer)": bootstrapped,
    "3 labels of 6 flags": labels,
    "answers from 1 to 5, regression": scores,
    "rounded and bootstrapped (diabetes)": diabetes,
    "black and white digits": digits,
}


def loss_of(model, X, y):
    """The loss on fresh rows: log-loss, or the mean squared error."""
    if isinstance(model, MLPRegressor):
        return np.mean((model.predict(X) - y) ** 2)
    proba = model.predict_proba(X)
    if y.ndim == 2:
        return np.mean([log_loss(t, p) for t, p in zip(y.T, proba.T, strict=True)])
    return log_loss(y, proba, labels=model.classes_)


def share_of(model, n):
    """The share of n rows that did not train, by the rows that the solver has seen."""
    return 1 - model.t_ / model.n_iter_ / n


def measure(draw, seed):
    """(share in fit, share in a stream, loss with early stopping over that with all rows)."""
    X, y = draw(np.random.default_rng(seed), N)
    X_test, y_test = draw(np.random.default_rng(1000 + seed), N)
    cls = MLPRegressor if y.dtype.kind == "f" else MLPClassifier
    net = {"hidden_layer_sizes": (32,), "random_state": seed, "learning_rate_init": 0.005}
    early = cls(**net, early_stopping=True, max_iter=EPOCHS).fit(X, y)
    everything = cls(**net, max_iter=early.n_iter_, tol=0).fit(X, y)
    ratio = loss_of(early, X_test, y_test) / loss_of(everything, X_test, y_test)
    stream = cls(**net, early_stopping=True, n_iter_no_change=np.inf)
    classes = {"classes": np.unique(y)} if y.ndim == 1 and cls is MLPClassifier else {}
    order = np.random.default_rng(seed).permutation(len(y))
    for rows in np.array_split(order, len(y) // 5):
        stream.partial_fit(X[rows], y[rows], **classes)
        classes = {}
    return share_of(early, len(y)), 1 - stream.t_ / len(y), ratio


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(f"\nRows held out for validation_fraction=0.1, mean of {len(SEEDS)} seeds")
    print(f"{'data':<38}{'fit':>8}{'stream':>8}{'loss over that of all rows':>28}")
    for name, draw in KINDS.items():
        fit, stream, ratio = np.mean([measure(draw, seed) for seed in SEEDS], axis=0)
        print(f"{name:<38}{fit:>8.1%}{stream:>8.1%}{ratio:>28.3f}")
