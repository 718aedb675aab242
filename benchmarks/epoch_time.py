"""Seconds per epoch beside scikit-learn's MLPClassifier: ratios in one run.

Same data, architecture, batch size, optimizer (Adam) and dtype; one thread; the two alternate, and
the median over the repetitions counts. Run with ``make bench``.
"""

import time
import warnings
from statistics import median

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from threadpoolctl import threadpool_limits

from sknn_opt import MLPClassifier

REPETITIONS = 7


def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def random_classes(n_rows, n_features, n_classes):
    """Noise does: the time of an epoch does not depend on the values."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_rows, n_features)), rng.integers(0, n_classes, n_rows)


NETS = {
    # name: data, hidden layers, batch size, epochs
    "64-100-10": (digits, (100,), 200, 30),
    "54-100-7": (lambda: random_classes(50_000, 54, 7), (100,), 200, 2),
    "54-256-256-7": (lambda: random_classes(20_000, 54, 7), (256, 256), 256, 2),
    "784-256-256-10": (lambda: random_classes(10_000, 784, 10), (256, 256), 256, 2),
    "20-32-2": (lambda: random_classes(10_000, 20, 2), (32,), 32, 2),
}


def seconds_per_epoch(cls, X, y, n_epochs, **parameters):
    net = cls(**parameters, max_iter=n_epochs, tol=0, n_iter_no_change=np.inf, random_state=0)
    start = time.perf_counter()
    net.fit(X, y)
    return (time.perf_counter() - start) / n_epochs


def compare(dtype):
    print(f"\n{dtype}: milliseconds per epoch (median of {REPETITIONS}), one thread")
    print(f"{'net':<16}{'batch':>6}{'scikit-learn':>14}{'sknn_opt':>10}{'ratio':>8}")
    for name, (load, sizes, batch_size, n_epochs) in NETS.items():
        X, y = load()
        X = X.astype(dtype)
        times = {SklearnMLPClassifier: [], MLPClassifier: []}
        for _ in range(REPETITIONS):
            for cls, seconds in times.items():
                parameters = {"hidden_layer_sizes": sizes, "batch_size": batch_size}
                if cls is MLPClassifier:
                    parameters["dtype"] = dtype
                seconds.append(seconds_per_epoch(cls, X, y, n_epochs, **parameters))
        theirs, ours = (1e3 * median(seconds) for seconds in times.values())
        print(f"{name:<16}{batch_size:>6}{theirs:>14.2f}{ours:>10.2f}{theirs / ours:>7.1f}x")


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(limits=1):
        for dtype in ("float32", "float64"):
            compare(dtype)
