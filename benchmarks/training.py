"""What the training features promise, in figures: scale, imbalance, the cost of callbacks.

Run with ``make bench``.
"""

import contextlib
import io
import time
import warnings
from statistics import median

import numpy as np
from sklearn.datasets import load_diabetes, load_digits, make_classification, make_regression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

FACTORS = (1e-3, 1.0, 1e3)
SEEDS = range(10)
REPETITIONS = 15


def scale():
    """R² on the training set with y in other units, and how far predictions differ."""
    print("\nTargets in other units: R² on the training set, inputs normalized, Adam")
    print(f"{'data':<12}{'y times':>9}{'scikit-learn':>14}{'sknn_opt':>10}{'difference':>12}")
    sets = {
        "diabetes": load_diabetes(return_X_y=True),
        "regression": make_regression(1000, 20, noise=5.0, random_state=0),
    }
    for name, (X, y) in sets.items():
        net = MLPRegressor(random_state=0, dtype="float64")
        reference = make_pipeline(InputNormalizer(), net).fit(X, y).predict(X)
        for factor in FACTORS:
            theirs = make_pipeline(InputNormalizer(), SklearnMLPRegressor(random_state=0))
            ours = make_pipeline(InputNormalizer(), net).fit(X, factor * y)
            r2 = [model.fit(X, factor * y).score(X, factor * y) for model in (theirs, ours)]
            apart = np.abs(ours.predict(X) / factor / reference - 1).max()
            print(f"{name:<12}{factor:>9g}{r2[0]:>14.3f}{r2[1]:>10.3f}{apart:>12.0e}")


def imbalance():
    """Average precision on test rows with 2 % positives, with and without early stopping."""
    print("\nTwo positives in a hundred, 10,000 rows: average precision on test rows")
    print(f"mean of {len(SEEDS)} seeds")
    nets = {
        "scikit-learn": SklearnMLPClassifier(),
        "scikit-learn, early stopping": SklearnMLPClassifier(early_stopping=True),
        "sknn_opt": MLPClassifier(),
        "sknn_opt, early stopping (loss)": MLPClassifier(early_stopping=True),
        "sknn_opt, stopping on average precision": MLPClassifier(
            early_stopping=True, scoring="average_precision"
        ),
        "sknn_opt, stopping on accuracy": MLPClassifier(early_stopping=True, scoring="accuracy"),
    }
    found = {name: [] for name in nets}
    for seed in SEEDS:
        X, y = make_classification(
            10_000,
            20,
            n_informative=8,
            weights=[0.98],
            flip_y=0.005,
            class_sep=1.2,
            random_state=seed,
        )
        X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=seed)
        for name, net in nets.items():
            model = make_pipeline(InputNormalizer(), net.set_params(random_state=seed))
            probability = model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
            found[name].append(average_precision_score(y_test, probability))
    for name, values in found.items():
        print(f"{name:<42}{np.mean(values):>7.3f}")


class Nothing:
    """A callback that looks at nothing."""

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = on_fit_task_end = setup


def callbacks():
    """Time of a fit with callbacks over that without, 64-100-10 on the digits."""
    try:
        from sklearn.callback import ProgressBar
    except ImportError:
        print("\nNo callbacks: they came with scikit-learn 1.9")
        return
    X, y = load_digits(return_X_y=True)
    kinds = {"none": None, "a callback that does nothing": Nothing, "ProgressBar": ProgressBar}
    n_epochs, times = 200, {name: [] for name in kinds}
    for _ in range(REPETITIONS):
        for name, kind in kinds.items():
            net = MLPClassifier(max_iter=n_epochs, tol=0, n_iter_no_change=np.inf, random_state=0)
            if kind:
                net.set_callbacks(kind())
            with contextlib.redirect_stdout(io.StringIO()):
                start = time.perf_counter()
                net.fit(X / 16, y)
                times[name].append((time.perf_counter() - start) / n_epochs)
    print(f"\nCallbacks: 64-100-10, 1,797 rows, median of {REPETITIONS} alternating fits")
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(seconds, times["none"], strict=True)]
        print(f"{name:<30}{1e3 * median(seconds):>8.3f} ms per epoch {median(ratios):>8.3f}x")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # scikit-learn's networks stop at max_iter
    scale()
    imbalance()
    callbacks()
