"""BLAS threads: as many as pay, and afterwards as many as before."""

import threading

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits

from sknn_opt import MLPClassifier
from sknn_opt.arrays import threads
from sknn_opt.arrays.threads import blas_threads

SMALL, LARGE = (200, (64, 100, 10)), (512, (784, 2048, 10))


def n_threads():
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


@pytest.fixture(autouse=True)
def three_threads(monkeypatch):
    monkeypatch.delenv("SKNN_OPT_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads.joblib, "cpu_count", lambda: 8)
    with threadpool_limits(3, user_api="blas"):
        if n_threads() != 3:
            pytest.skip("this BLAS has no adjustable number of threads")
        yield


@pytest.mark.parametrize(
    ("n_rows", "n_units", "expected"),
    [(*SMALL, 1), (*LARGE, 3), (40, (1000, 1000, 1), 2), (1, (5000, 5000), 1)],
)
def test_the_number_follows_the_largest_product(n_rows, n_units, expected):
    with blas_threads(n_rows, n_units):
        assert n_threads() == expected
    assert n_threads() == 3


def test_no_more_than_there_are_processors(monkeypatch):
    monkeypatch.setattr(threads.joblib, "cpu_count", lambda: 2)
    with blas_threads(*LARGE):
        assert n_threads() == 2


def test_no_more_than_were_allowed():
    with threadpool_limits(1, user_api="blas"):
        with blas_threads(*LARGE):
            assert n_threads() == 1
        assert n_threads() == 1


def test_restored_after_an_error():
    with pytest.raises(KeyboardInterrupt), blas_threads(*SMALL):
        raise KeyboardInterrupt
    assert n_threads() == 3


def test_the_first_number_holds_inside():
    with blas_threads(*SMALL):
        with blas_threads(*LARGE):
            assert n_threads() == 1
        assert n_threads() == 1
    assert n_threads() == 3


def test_the_last_one_out_restores():
    inside, go, seen = threading.Barrier(2), threading.Event(), []

    def work():
        with blas_threads(*LARGE):
            seen.append(n_threads())
            inside.wait(10)
            go.wait(10)
            seen.append(n_threads())
        seen.append(n_threads())

    thread = threading.Thread(target=work)
    with blas_threads(*SMALL):
        thread.start()
        inside.wait(10)
    assert n_threads() == 1  # the other one is still at work
    go.set()
    thread.join(10)
    assert seen == [1, 1, 3]
    assert n_threads() == 3


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_one_inside_workers(backend):
    with blas_threads(*SMALL):
        pass  # a fit before, which must not keep the workers from deciding

    def number_in_a_worker():  # sent by value: a worker may find the `tests` of another package
        with blas_threads(*LARGE):
            pools = threadpool_info()
        return max(pool["num_threads"] for pool in pools if pool["user_api"] == "blas")

    with parallel_config(backend=backend, inner_max_num_threads=3 if backend == "loky" else None):
        found = Parallel(n_jobs=2)([delayed(number_in_a_worker)()])
    assert found == [1]


def test_the_environment_overrides(monkeypatch):
    monkeypatch.setenv("SKNN_OPT_NUM_THREADS", "2")
    for case in (SMALL, LARGE):
        with blas_threads(*case):
            assert n_threads() == 2


@pytest.mark.parametrize("value", ["two", "0", "-1", "1.5", "٣", "9" * 30])
def test_a_number_that_is_none(monkeypatch, value):
    monkeypatch.setenv("SKNN_OPT_NUM_THREADS", value)
    with pytest.raises(ValueError, match=f"SKNN_OPT_NUM_THREADS is '{value}'; it must be a number"):
        MLPClassifier((600,)).fit(np.eye(30), np.arange(30) % 2)
    assert n_threads() == 3


def test_fit_and_predict_set_and_restore_it():
    seen = []

    class Loss(MLPClassifier):
        def score(self, X, y, sample_weight=None):
            seen.append(n_threads())
            return super().score(X, y, sample_weight)

    X = np.random.default_rng(0).normal(size=(60, 100))
    net = Loss((60,), max_iter=2, early_stopping=True, scoring=None, random_state=0)
    with pytest.warns(ConvergenceWarning):
        net.fit(X, X[:, 0] > 0)
    assert seen == [1, 1]
    assert n_threads() == 3
    net.predict(X)
    assert n_threads() == 3


def test_small_products_leave_it_alone(monkeypatch):
    """BLAS starts no second thread there, and setting the number takes as long as they do."""
    monkeypatch.setattr(threads, "_set", lambda *args: pytest.fail("the number was set"))
    X = np.random.default_rng(0).normal(size=(60, 4))
    net = MLPClassifier((5,), max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        net.fit(X, X[:, 0] > 0)
    net.partial_fit(X, X[:, 0] > 0).predict_proba(X[:1])
