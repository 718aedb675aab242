"""Trainings whose results are pinned to the bit, and how to pin them anew.

``python tests/pins/cases.py`` writes the results of today's code to ``pinned.json``. Do so only for
a change that is meant to change bits, and give the reason in the commit.
"""

import hashlib
import json
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from threadpoolctl import threadpool_info

from sknn_opt import MLPClassifier, MLPRegressor
from sknn_opt.kernels import in_use

FILE = Path(__file__).with_name("pinned.json")
SEED = 3


def standardized(X):
    """Mean 0 and variance 1; rounded, since rows are held out by a hash of all of their bits."""
    return np.round((X - X.mean(axis=0)) / X.std(axis=0), 3)


IRIS = (standardized(load_iris().data), load_iris().target)
CANCER = (standardized(load_breast_cancer().data), load_breast_cancer().target)
DIABETES = (standardized(load_diabetes().data), load_diabetes().target)
WEIGHT = np.arange(150) % 4 * 0.5  # some are zero
LABELS = np.column_stack([IRIS[1] == 0, IRIS[1] == 2]).astype(int)
OUTPUTS = np.column_stack([DIABETES[1], -3 * DIABETES[1] + 7])
SPARSE = csr_array(np.maximum(IRIS[0], 0))
COUNTS = np.round(DIABETES[1] / 40)


def classifier(**parameters):
    """A small classifier that takes several batches."""
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 4, "batch_size": 32, "random_state": SEED}
    return MLPClassifier(**defaults | parameters)


def regressor(**parameters):
    """A small regressor that takes several batches."""
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 4, "batch_size": 64, "random_state": SEED}
    return MLPRegressor(**defaults | parameters)


def fit(model, X, y, *args, **options):
    """One call of fit."""
    return model.fit(X, y, *args, **options), X


def stream(model, X, y, size=30, weight=None, **first):
    """partial_fit over parts of the rows in an order that mixes the classes."""
    order = np.random.default_rng(0).permutation(len(y))
    for start in range(0, len(y), size):
        rows = order[start : start + size]
        weights = () if weight is None else (weight[rows],)
        model.partial_fit(X[rows], y[rows], *weights, **first)
        first = {}
    return model, X


def again(model, X, y, **parameters):
    """fit, and a warm start with other parameters."""
    model.set_params(warm_start=True).fit(X, y)
    return model.set_params(**parameters).fit(X, y), X


def thawed(model, X, y, **first):
    """A stream that is pickled midway."""
    stream(model, X[:60], y[:60], **first)
    return stream(pickle.loads(pickle.dumps(model)), X[60:], y[60:])


VALIDATION = {"X_val": IRIS[0][::5], "y_val": IRIS[1][::5], "sample_weight_val": 1 + WEIGHT[::5]}
CLASSES = {"classes": [0, 1, 2]}

CASES = {
    "adam": lambda: fit(classifier(), *IRIS),
    "one batch": lambda: fit(classifier(batch_size="auto"), *IRIS),
    "sgd": lambda: fit(classifier(solver="sgd", learning_rate_init=0.1), *IRIS),
    "sgd plain": lambda: fit(classifier(solver="sgd", momentum=0), *IRIS),
    "sgd adaptive": lambda: fit(
        classifier(solver="sgd", learning_rate="adaptive", n_iter_no_change=1, tol=0.1, max_iter=9),
        *IRIS,
    ),
    "rmsprop": lambda: fit(classifier(solver="rmsprop"), *IRIS),
    "adamw": lambda: fit(classifier(solver="adamw", weight_decay=0.3), *IRIS),
    "lbfgs": lambda: fit(classifier(solver="lbfgs", max_iter=7), *IRIS),
    "lbfgs float32": lambda: fit(
        classifier(solver="lbfgs", max_iter=7), IRIS[0].astype(np.float32), IRIS[1]
    ),
    "lbfgs early stopping": lambda: fit(
        classifier(solver="lbfgs", max_iter=9, early_stopping=True), *IRIS
    ),
    "lbfgs batch norm": lambda: fit(
        classifier(solver="lbfgs", max_iter=5, batch_norm=True), *IRIS, WEIGHT
    ),
    "early stopping": lambda: fit(
        classifier(early_stopping=True, n_iter_no_change=1, max_iter=20), *IRIS
    ),
    "early stopping by score": lambda: fit(
        classifier(early_stopping=True, scoring=None, validation_fraction=0.3), *IRIS
    ),
    "early stopping by a scorer": lambda: fit(
        classifier(early_stopping=True, scoring="average_precision"), *CANCER
    ),
    "validation set": lambda: fit(classifier(early_stopping=True), *IRIS, **VALIDATION),
    "watched validation set": lambda: fit(classifier(), *IRIS, WEIGHT, **VALIDATION),
    "weights": lambda: fit(classifier(), *IRIS, WEIGHT),
    "weights, one batch": lambda: fit(classifier(batch_size=200, dropout=0.2), *IRIS, WEIGHT),
    "class weights": lambda: fit(classifier(class_weight={0: 0.0, 2: 3.0}), *IRIS),
    "balanced": lambda: fit(classifier(class_weight="balanced", early_stopping=True), *CANCER),
    "batch norm": lambda: fit(classifier(hidden_layer_sizes=(8, 6), batch_norm=True), *IRIS),
    "batch norm and weights": lambda: fit(
        classifier(batch_norm=True, batch_norm_momentum=0.5), *IRIS, WEIGHT
    ),
    "dropout": lambda: fit(
        classifier(hidden_layer_sizes=(8, 6), dropout=[0.2, 0.4], input_dropout=0.1), *IRIS
    ),
    "float64": lambda: fit(classifier(dtype="float64", activation="tanh"), *IRIS),
    "two classes": lambda: fit(classifier(label_smoothing=0.1, activation="gelu"), *CANCER),
    "labels": lambda: fit(classifier(activation="logistic"), IRIS[0], LABELS),
    "no hidden layer": lambda: fit(classifier(hidden_layer_sizes=()), *IRIS),
    "sparse": lambda: fit(classifier(input_dropout=0.2), SPARSE, IRIS[1]),
    "schedule": lambda: fit(
        classifier(learning_rate="one_cycle", warmup_epochs=1.5, max_grad_norm=0.2), *IRIS
    ),
    "invscaling": lambda: fit(
        classifier(solver="sgd", learning_rate="invscaling", learning_rate_init=0.5), *IRIS
    ),
    "average": lambda: fit(classifier(average=0.9, batch_norm=True), *IRIS),
    "no shuffle": lambda: fit(classifier(shuffle=False, init="orthogonal"), *IRIS),
    "warm start": lambda: again(classifier(), *IRIS, dropout=0.2, alpha=0.1),
    "warm start, other solver": lambda: again(classifier(average=0.5), *IRIS, solver="sgd"),
    "warm start from lbfgs": lambda: again(classifier(solver="lbfgs"), *IRIS, solver="adam"),
    "warm start, early stopping": lambda: again(classifier(early_stopping=True), *IRIS, tol=0.1),
    "stream": lambda: stream(classifier(), *IRIS, **CLASSES),
    "stream of single rows": lambda: stream(classifier(), *IRIS, size=1, **CLASSES),
    "stream, early stopping": lambda: stream(
        classifier(early_stopping=True, validation_fraction=0.3, n_iter_no_change=1),
        *IRIS,
        **CLASSES,
    ),
    "stream, average": lambda: stream(
        classifier(average=0.8, batch_norm=True), *IRIS, weight=1 + WEIGHT, **CLASSES
    ),
    "stream, balanced": lambda: stream(
        classifier(class_weight="balanced", dropout=0.3), *IRIS, **CLASSES
    ),
    "stream, adaptive": lambda: stream(
        classifier(solver="sgd", learning_rate="adaptive", tol=1.0, n_iter_no_change=1, max_iter=9),
        *IRIS,
        size=15,
        **CLASSES,
    ),
    "stream after fit": lambda: stream(fit(classifier(), *IRIS)[0], *IRIS),
    "stream, pickled midway": lambda: thawed(classifier(dropout=0.2), *IRIS, **CLASSES),
    "regression": lambda: fit(regressor(), *DIABETES),
    "regression, lbfgs": lambda: fit(regressor(solver="lbfgs", max_iter=6), *DIABETES),
    "outputs": lambda: fit(regressor(early_stopping=True, scoring="r2"), DIABETES[0], OUTPUTS),
    "target as it is": lambda: fit(
        regressor(normalize_target=False, learning_rate_init=0.1), *DIABETES
    ),
    "absolute error": lambda: fit(regressor(loss="absolute_error"), *DIABETES),
    "huber": lambda: fit(regressor(loss="huber", huber_delta=0.5), *DIABETES),
    "quantile": lambda: fit(regressor(loss="quantile", quantile=0.9, average=0.8), *DIABETES),
    "poisson": lambda: fit(regressor(loss="poisson"), DIABETES[0], COUNTS),
    "poisson, average": lambda: fit(
        regressor(loss="poisson", average=0.9, solver="sgd", learning_rate="invscaling"),
        DIABETES[0],
        COUNTS,
    ),
    "poisson, lbfgs, weights": lambda: fit(
        regressor(loss="poisson", solver="lbfgs"), DIABETES[0], COUNTS, np.arange(442) % 3
    ),
    "stream of counts, average": lambda: stream(
        regressor(loss="poisson", average=0.9, early_stopping=True), DIABETES[0], COUNTS
    ),
    "gamma": lambda: fit(regressor(loss="gamma", solver="rmsprop"), *DIABETES),
    "stream of targets": lambda: stream(regressor(early_stopping=True), *DIABETES),
    "stream of outputs": lambda: stream(regressor(batch_norm=True), DIABETES[0], OUTPUTS, size=50),
}


def outcome(case):
    """What a case trained: a hash of all of its bits, and a few numbers to compare elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, X = CASES[case]()
    predictions = [model.predict(X)]
    if hasattr(model, "predict_proba"):
        predictions += [model.predict_proba(X), model.decision_function(X)]
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_]
    digest = hashlib.sha256(json.dumps(history).encode())
    for array in (model.theta_, model.statistics_, *predictions):
        digest.update(np.ascontiguousarray(array).tobytes())
    numbers = [model.loss_, np.linalg.norm(model.theta_), np.mean(np.abs(predictions[-1]))]
    return {"hash": digest.hexdigest()[:16], "numbers": [float(number) for number in numbers]}


def arithmetic():
    """What decides the last digits: versions, processor, and a sample of what they compute.

    Where it is the same as when the pins were made, results must be the same to the bit.
    """
    rng = np.random.default_rng(0)
    digest = hashlib.sha256()
    for dtype in (np.float32, np.float64):
        for shape in ((1, 30, 8), (32, 4, 8), (150, 30, 8), (64, 10, 8)):
            rows, n_in, n_out = shape
            a, b = rng.normal(size=(rows, n_in)), rng.normal(size=(n_in, n_out))
            z = a.astype(dtype) @ b.astype(dtype)
            parts = (z, z.T @ a.astype(dtype), np.exp(z), np.tanh(z), np.log1p(np.abs(z)))
            for part in (*parts, np.sqrt(np.abs(z)), z.sum(axis=0), z.sum(axis=1)):
                digest.update(np.ascontiguousarray(part).tobytes())
    words = [np.__version__, scipy.__version__, sklearn.__version__, sys.version.split()[0]]
    words += sorted(f"{lib['internal_api']} {lib.get('architecture')}" for lib in threadpool_info())
    if in_use() == "numba":
        import llvmlite
        import numba
        from llvmlite.binding import get_host_cpu_name

        words += [numba.__version__, llvmlite.__version__, get_host_cpu_name()]
    return f"{digest.hexdigest()[:16]} {' '.join(words)}"


if __name__ == "__main__":
    pinned = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    pinned[in_use()] = {"arithmetic": arithmetic(), "cases": {c: outcome(c) for c in CASES}}
    FILE.write_text(json.dumps(pinned, indent=1) + "\n", encoding="utf-8")
