"""As many BLAS threads as the products of a network deserve.

Two threads halve the time of a large product; on a small one they wait for each other, on a busy
machine up to ten times longer than the product takes. The number is set for the time of a fit or
a prediction and restored afterwards. ``SKNN_OPT_NUM_THREADS`` overrides it. Callers leave the
number alone where no product reaches `UNTHREADED`: BLAS starts no second thread there.
"""

import os
import threading
from contextlib import contextmanager
from functools import cache
from operator import mul

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

VARIABLE = "SKNN_OPT_NUM_THREADS"
MOST = 1024
FLOPS = 30e6  # what a thread must have to do in the largest product
UNTHREADED = 2**18  # multiplications
_LOCK = threading.Lock()


class _AtWork:
    """How many are inside, in whatever thread, and the numbers of threads of before."""

    count = 0
    before = ()


@contextmanager
def blas_threads(n_rows, n_units):
    """Run the products of ``n_rows`` rows with layers of ``n_units`` by as many threads as pay.

    The number belongs to the process. So where several are at work at once, or one inside the
    other, the number of the first one holds until the last one leaves.
    """
    with _LOCK:
        if not _AtWork.count:
            wanted, libraries = _asked_for() or _worth_it(n_rows, n_units), _blas()
            _AtWork.before = [library.get_num_threads() for library in libraries]
            _set(libraries, [wanted] * len(libraries))
        _AtWork.count += 1
    try:
        yield
    finally:
        with _LOCK:
            _AtWork.count -= 1
            if not _AtWork.count:
                _set(_blas(), _AtWork.before)


def _set(libraries, numbers):
    for library, number in zip(libraries, numbers, strict=True):
        library.set_num_threads(number)
        # From threadpoolctl 3.8 on, the thread that set a number is the only one that can.
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread()


def _worth_it(n_rows, n_units):
    """At most what BLAS has been allowed, and one inside a worker of joblib."""
    threads = int(2 * n_rows * max(map(mul, n_units, n_units[1:])) // FLOPS)
    if threads < 2 or get_active_backend()[0].nesting_level:
        return 1
    allowed = max((library.get_num_threads() for library in _blas()), default=1)
    return max(1, min(threads, allowed, joblib.cpu_count()))


def _asked_for():
    """The number in the environment variable; None if it is unset."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST):
        raise ValueError(
            f"The environment variable {VARIABLE} is {text!r}; it must be a number of threads from "
            f"1 to {MOST}."
        )
    return int(text)


@cache
def _blas():
    return ThreadpoolController().select(user_api="blas").lib_controllers
