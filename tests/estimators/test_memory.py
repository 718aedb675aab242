"""X is never copied whole: tracemalloc sees what a fit allocates beside a memory-mapped X."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SHAPE = 6000, 2000


@pytest.fixture(params=["float32", "float64"])
def X(request, tmp_path):
    path = tmp_path / "X"
    np.random.default_rng(0).normal(size=SHAPE).astype(request.param).tofile(path)
    return np.memmap(path, dtype=request.param, mode="r", shape=SHAPE)


@pytest.fixture(autouse=True, scope="module")
def compiled_kernels():
    """Importing and compiling them takes memory, too, once."""
    X = np.ones((30, 3), np.float32)
    for cls in (MLPClassifier, MLPRegressor):
        cls((3,), max_iter=1, batch_norm=True, dropout=0.1).fit(X, np.arange(30) % 3)


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


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_in_a_file_is_found(tmp_path, bad):
    values = np.ones((40, 3), np.float32)
    values[33, 1] = bad
    values.tofile(tmp_path / "X")
    X = np.memmap(tmp_path / "X", np.float32, "r", shape=values.shape)
    y = np.arange(40) % 2
    messages = []
    for array in (X, values):
        with pytest.raises(ValueError, match=r"^Input X contains (NaN|infinity)") as error:
            MLPClassifier().fit(array, y)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_prediction_makes_nothing_of_the_size_of_the_data_but_the_result(method):
    X = np.random.default_rng(0).normal(size=(300_000, 5)).astype(np.float32)
    net = MLPClassifier((50,), max_iter=2, random_state=0).fit(X[:500], np.arange(500) % 4)
    tracemalloc.start()
    result = getattr(net, method)(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - result.nbytes < 2e6


PRIVATE = """
import resource, sys, threading, time, warnings
from pathlib import Path
import numpy as np
from sknn_opt import MLPClassifier

def private():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 2**10

warnings.simplefilter("ignore")
X = np.memmap(sys.argv[1], np.float32, "r").reshape(-1, 100)
y = (np.arange(len(X)) % 3).astype(np.int8)
net = MLPClassifier((8,), max_iter=1, random_state=0, early_stopping=sys.argv[2] == "True")
net.fit(np.array(X[:1000]), y[:1000])  # imports and compiled kernels are no part of the question
before, most, done = private(), 0.0, False

def watch():
    global most
    while not done:
        most = max(most, private())
        time.sleep(0.002)

watcher = threading.Thread(target=watch)
watcher.start()
net.set_params(batch_size=2000).fit(X, y).predict_proba(X)
done = True
watcher.join()
print(most - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_on_a_large_file_takes_little_memory_of_its_own(tmp_path, early_stopping):
    """200 MB, whose pages are the system's to keep or to drop, whatever reads them."""
    np.random.default_rng(0).random((500_000, 100), dtype=np.float32).tofile(tmp_path / "X")
    command = [sys.executable, "-c", PRIVATE, str(tmp_path / "X"), str(early_stopping)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 60 + 40 * early_stopping


def test_a_file_is_left_as_it_was_if_its_end_is_not_finite(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float64, (500_000, 10))
    X[:] = np.arange(10.0) + np.arange(len(X))[:, np.newaxis] % 7
    normalizer = InputNormalizer(copy=False).fit(X)
    X[-1, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        normalizer.transform(X)
    np.testing.assert_array_equal(X[:3, 0], [0, 1, 2])
    X[-1, 0] = 0
    assert normalizer.transform(X) is not None
    assert abs(X[:, 0].mean()) < 1e-3


def test_many_classes_take_no_matrix_of_all_of_them():
    X, y = np.random.default_rng(0).normal(size=(12_000, 3)), np.arange(12_000) % 4000
    net = MLPClassifier((4,), batch_size=50, max_iter=1, random_state=0)
    tracemalloc.start()
    net.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
