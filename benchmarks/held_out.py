"""Early stopping on rows that repeat: the share held out, and what it costs in accuracy.

A kind of data per line: the share of the rows that is held out in fit, and in a stream of five rows
a call, for validation_fraction=0.1; and the loss on fresh rows of a network that stopped early
beside that of one which trained on all rows for as many epochs. Run with ``make bench``.
"""

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from sknn_opt import MLPClassifier, MLPRegressor

N, SEEDS = 2000, range(3)


def draw_from(shares, probabilities):
    """Rows that are cells (one-hot) of these shares; y is 1 with these probabilities."""

    def draw(rng, n, fresh):
        cell = rng.choice(len(shares), size=n, p=np.divide(shares, sum(shares)))
        return np.eye(len(shares))[cell], coin(rng, np.asarray(probabilities)[cell])

    return draw


def coin(rng, p):
    """1 with probability p, else 0."""
    return (rng.random(np.shape(p)) < p) * 1


def logistic(z):
    """The probability of 1."""
    return 1 / (1 + np.exp(-z))


def one_flag(rng, n, fresh):
    """Like a rare diagnosis."""
    x = coin(rng, np.full((n, 1), 0.1)) * 1.0
    return x, coin(rng, 0.1 + 0.8 * x[:, 0])


def flags(rng, n, fresh):
    """64 cells."""
    X = rng.integers(0, 2, (n, 6)) * 1.0
    return X, coin(rng, logistic(2 * X[:, :3].sum(axis=1) - 3))


def parity(rng, n, fresh):
    """Equal rows have equal targets."""
    X = rng.integers(0, 2, (n, 3)) * 1.0
    return X, X.sum(axis=1).astype(int) % 2


def counts(rng, n, fresh):
    """Some cells are frequent and many are rare."""
    X = rng.poisson(2, (n, 2)) * 1.0
    return X / 2, coin(rng, logistic(X[:, 0] - 2))


def rounded(rng, n, fresh):
    """Most rows come once or twice."""
    X = np.round(rng.normal(size=(n, 2)), 1)
    return X, coin(rng, logistic(2 * X[:, 0]))


def many_classes(rng, n, fresh):
    """No class can give a tenth of its rows."""
    y = np.arange(n) % 400
    return np.c_[np.cos(y), np.sin(y), np.cos(7 * y)] + 0.1 * rng.normal(size=(n, 3)), y


def oversampled(rng, n, fresh):
    """A rare class whose rows were copied."""
    n_rare = n // 38
    X, y = rng.normal(size=(n // 2 + n_rare, 5)), np.repeat([0, 1], [n // 2, n_rare])
    X[y == 1, :2] += 1
    times = 1 if fresh else np.where(y == 1, 19, 1)
    return np.repeat(X, times, axis=0), np.repeat(y, times)


def weighted(rng, n, fresh):
    """Three rows of four are a weight."""
    X, y = counts(rng, n, fresh)
    return X, y, {"sample_weight": 1.0 + np.arange(n) % 4}


def grouped(rng, n, fresh):
    """Ten visits of each of 200 patients, who differ more than their visits."""
    patient = np.arange(n) // 10
    center = rng.normal(size=(n // 10, 3))
    X = center[patient] + 0.1 * rng.normal(size=(n, 3))
    return X, coin(rng, logistic(2 * center[:, 0]))[patient], {"groups": patient}


def labels(rng, n, fresh):
    """Several answers for each row."""
    X, _ = flags(rng, n, fresh)
    return X, coin(rng, 0.2 + 0.6 * X[:, :3])


def answers(rng, n, fresh):
    """A regression on a scale from 1 to 5."""
    X = rng.integers(1, 6, (n, 3)) - 3.0
    return X / 2, X @ [1.0, 2.0, -1.0] + rng.normal(size=n)


def bootstrap(load, change):
    """Rows drawn with replacement from a half of a set; fresh ones come from the other half."""

    def draw(rng, n, fresh):
        X, y = load(return_X_y=True)
        half = np.flatnonzero(np.random.default_rng(0).random(len(y)) < 0.5)
        rows = np.setdiff1d(np.arange(len(y)), half) if fresh else rng.choice(half, n)
        return change(X)[rows], y[rows]

    return draw


KINDS = {
    "a flag that is 0 in 90 %": one_flag,
    "three categories of .45, .45, .1": draw_from([0.45, 0.45, 0.1], [0.2, 0.7, 0.5]),
    "200 categories": draw_from(np.ones(200), np.linspace(0.05, 0.95, 200)),
    "six flags": flags,
    "parity of three flags": parity,
    "two counts": counts,
    "two counts, weights of 1 to 4": weighted,
    "two rounded numbers": rounded,
    "400 classes of 5 rows": many_classes,
    "a rare class, each row 19 times": oversampled,
    "groups of 10 rows": grouped,
    "three labels of six flags": labels,
    "answers from 1 to 5 (regression)": answers,
    "breast cancer, bootstrapped": bootstrap(load_breast_cancer, scale),
    "digits in black and white": bootstrap(load_digits, lambda X: np.round(X / 16)),
    "diabetes, rounded (regression)": bootstrap(load_diabetes, lambda X: np.round(scale(X))),
}


def loss_of(model, X, y, options):
    """The log-loss, or the mean squared error over the variance."""
    if isinstance(model, MLPRegressor):
        return np.mean((model.predict(X) - y) ** 2) / np.var(y)
    proba = model.predict_proba(X)
    if y.ndim == 2:
        return np.mean([log_loss(t, p) for t, p in zip(y.T, proba.T, strict=True)])
    weight = options.get("sample_weight")
    return log_loss(y, proba, labels=model.classes_, sample_weight=weight)


def measure(draw, seed):
    """(share in fit, share in a stream, loss of all rows, loss with early stopping)."""
    X, y, *options = draw(np.random.default_rng(seed), N, False)
    X_test, y_test, *of_test = draw(np.random.default_rng(1000 + seed), N, True)
    options, of_test = (found[0] if found else {} for found in (options, of_test))
    weight = options.get("sample_weight")
    cls = MLPRegressor if y.dtype.kind == "f" else MLPClassifier
    net = {"hidden_layer_sizes": (32,), "random_state": seed, "learning_rate_init": 0.005}
    early = cls(**net, early_stopping=True, max_iter=60).fit(X, y, **options)
    everything = cls(**net, max_iter=early.n_iter_, tol=0).fit(X, y, weight)
    losses = [loss_of(model, X_test, y_test, of_test) for model in (everything, early)]
    stream = cls(**net, early_stopping=True, n_iter_no_change=np.inf)
    classes = {"classes": np.unique(y)} if y.ndim == 1 and cls is MLPClassifier else {}
    for rows in np.array_split(np.random.default_rng(seed).permutation(len(y)), len(y) // 5):
        stream.partial_fit(X[rows], y[rows], **classes)
        classes = {}
    shares = [1 - early.t_ / early.n_iter_ / len(y), 1 - stream.t_ / len(y)]
    return *shares, *losses


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(f"\nShares held out for validation_fraction=0.1, and loss on fresh rows: {SEEDS}")
    print(f"{'data':<34}{'fit':>8}{'stream':>8}{'all rows':>10}{'early stopping':>16}")
    for name, draw in KINDS.items():
        fit, stream, *losses = np.mean([measure(draw, seed) for seed in SEEDS], axis=0)
        print(f"{name:<34}{fit:>8.1%}{stream:>8.1%}{losses[0]:>10.3f}{losses[1]:>16.3f}")
