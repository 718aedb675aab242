"""What one row costs: predictions and partial_fit, compared with scikit-learn's MLP.

    python benchmarks/speed/one_row.py

Medians of alternating runs in one process; networks of 100 hidden units on iris and on the digits.
"""

import warnings
from functools import partial
from statistics import median
from timeit import timeit

import numpy as np
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits, load_iris

import sknn_opt as ours

CALLS, RUNS = 100, 41
TARGET = 1.0


def in_turn(*calls):
    """The median microseconds of each call, and the median ratio of the first to the second."""
    times = [[timeit(call, number=CALLS) / CALLS * 1e6 for call in calls] for _ in range(RUNS)]
    return [median(each) for each in zip(*times, strict=True)], median(a / b for a, b in times)


def standardized(X):
    """Mean 0 and variance 1, constant columns left at 0."""
    return (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)


def measure(X, y):
    """Yield (what, times, ratio) for a data set."""
    amounts, row = y.astype(float), X[:1]
    first = {"MLPClassifier": {"classes": np.unique(y)}, "MLPRegressor": {}}
    for name, announced in first.items():
        targets = amounts if name == "MLPRegressor" else y
        pair = [getattr(library, name) for library in (ours, theirs)]
        fitted = [cls(max_iter=3).fit(X, targets) for cls in pair]
        for method in ("predict", "predict_proba"):
            if hasattr(fitted[0], method):
                calls = [partial(getattr(net, method), row) for net in fitted]
                yield f"{name}.{method}", *in_turn(*calls)
        streams = [cls().partial_fit(X[:50], targets[:50], **announced) for cls in pair]
        calls = [partial(net.partial_fit, row, targets[:1]) for net in streams]
        yield f"{name}.partial_fit", *in_turn(*calls)


def main():
    """Print a line for each call."""
    warnings.simplefilter("ignore")
    for name, (X, y) in {
        "iris": load_iris(return_X_y=True),
        "digits": load_digits(return_X_y=True),
    }.items():
        for what, (our, their), ratio in measure(standardized(X), y):
            verdict = "" if ratio <= TARGET else f"  above {TARGET:g}"
            print(f"{name:<7} {what:<28} {our:7.1f} µs {their:7.1f} µs  {ratio:.2f}{verdict}")


if __name__ == "__main__":
    main()
