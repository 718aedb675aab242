"""X is never copied whole: tracemalloc sees what a fit allocates beside a memory-mapped X."""

import tracemalloc

import numpy as np
import pytest

from sknn_opt import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SHAPE = 6000, 2000


@pytest.fixture(params=["float32", "float64"])
def X(request, tmp_path):
    path = tmp_path / "X"
    np.random.default_rng(0).normal(size=SHAPE).astype(request.param).tofile(path)
    return np.memmap(path, dtype=request.param, mode="r", shape=SHAPE)


def share_of(X, work):
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / X.nbytes


@pytest.mark.parametrize(
    "parameters", [{}, {"early_stopping": True}, {"batch_norm": True, "dropout": 0.2}], ids=str
)
def test_fit_and_predict(X, parameters):
    y = np.arange(len(X)) % 3
    net = MLPClassifier((10,), max_iter=2, random_state=0, **parameters)
    assert share_of(X, lambda: net.fit(X, y)) < 0.1
    assert share_of(X, lambda: net.predict_proba(X)) < 0.05


def test_partial_fit(X):
    net = MLPRegressor((10,), random_state=0)
    assert share_of(X, lambda: net.partial_fit(X, X[:, 0])) < 0.1


def test_lbfgs(X):
    # Few parameters: L-BFGS itself keeps about 25 vectors of their length.
    net = MLPRegressor((2,), solver="lbfgs", max_iter=2, random_state=0)
    assert share_of(X, lambda: net.fit(X, np.asarray(X[:, 0]))) < 0.1
    assert net.theta_.dtype == X.dtype


@pytest.mark.parametrize(
    ("dtype", "solver", "asked", "expected"),
    [
        ("float32", "adam", "auto", "float32"),
        ("float64", "adam", "auto", "float32"),
        ("float64", "adam", "float64", "float64"),
        ("float32", "lbfgs", "auto", "float32"),
        ("float64", "lbfgs", "auto", "float64"),
        ("float64", "lbfgs", "float32", "float32"),
        ("float16", "adam", "auto", "float32"),
    ],
)
def test_precision_of_the_network(dtype, solver, asked, expected):
    X = np.random.default_rng(0).normal(size=(30, 4)).astype(dtype)
    y = np.arange(30) % 3
    net = MLPClassifier((5,), solver=solver, dtype=asked, max_iter=3, random_state=0).fit(X, y)
    assert net.theta_.dtype == expected
    wider = np.result_type(net.theta_, np.float32 if dtype == "float16" else X)
    assert net.predict_proba(X).dtype == wider
