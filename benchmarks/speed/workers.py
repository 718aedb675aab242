"""Processes that are kept alive and asked in turn, each with an environment of its own.

Threads and kernels are chosen by environment variables, once in a process. So each contender lives
in a process of its own, where no other library's threads disturb it, and only one works at a time.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from multiprocessing import get_context
from unittest import mock

import numpy as np

KERNELS = {"NumPy kernels": "numpy", "with fast": "numba"}
PACKAGES = {  # who takes part: the package that must be installed
    "NumPy kernels": "sknn_opt",
    "with fast": "numba",
    "scikit-learn": "sklearn",
    "PyTorch": "torch",
    "skorch": "skorch",
    "JAX": "jax",
    "BLAS": "numpy",
}


def threads(n):
    """The variables that allow BLAS, PyTorch and XLA n threads."""
    names = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")
    eigen = str(n > 1).lower()
    return {f"{name}_NUM_THREADS": str(n) for name in names} | {
        "NPROC": str(n),  # XLA's count of processors
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={n}",
        "JAX_PLATFORMS": "cpu",
    }


class Worker:
    """A process that answers calls, one at a time."""

    def __init__(self, **environment):
        self._pool = ProcessPoolExecutor(1, get_context("spawn"))
        quiet = {"PYTHONWARNINGS": "ignore"}  # networks that stop at max_iter
        # Variables must stand before the process starts: NumPy reads them when it is imported.
        with mock.patch.dict(os.environ, threads(1) | quiet | environment):
            self.ask(os.getpid)

    def ask(self, function, *arguments):
        """What a function of a module returns there."""
        return self._pool.submit(function, *arguments).result()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._pool.shutdown()


@contextmanager
def team(names=tuple(PACKAGES)):
    """A worker for each name whose package is installed: name -> Worker."""
    with ExitStack() as stack:
        workers = {}
        for name in names:
            if not find_spec(PACKAGES[name]):
                print(f"{name}: skipped, {PACKAGES[name]} is not installed")
                continue
            kernels = KERNELS.get(name, "numpy")
            workers[name] = stack.enter_context(Worker(SKNN_OPT_KERNELS=kernels))
        yield workers


def medians(tasks, repetitions):
    """The median answer to each task, name -> (worker, function, *arguments).

    They are asked in turn, so that a slow minute of the machine meets all of them alike. The first
    round, in which kernels are compiled and data are made, does not count.
    """
    answers = {name: [] for name in tasks}
    for _ in range(1 + repetitions):
        for name, (worker, *question) in tasks.items():
            answers[name].append(worker.ask(*question))
    return {name: np.median(found[1:], axis=0) for name, found in answers.items()}
