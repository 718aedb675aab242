"""As many BLAS threads as the products of a network deserve.

Two threads halve the time of a large product; on a small one they wait for each other, on a busy
machine up to ten times longer than the product takes. The number is set for the time of a fit or
a prediction and restored afterwards. ``SKNN_OPT_NUM_THREADS`` overrides it.
"""

import os
import threading
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

VARIABLE = "SKNN_OPT_NUM_THREADS"
FLOPS = 30e6  # what a thread must have to do in the largest product
_LOCK = threading.Lock()


class _State:
    """Who is at work, in whatever thread: the number of threads belongs to the process."""

    n_inside = 0
    limiter = None


@contextmanager
def blas_threads(n_rows, n_units):
    """Run the products of ``n_rows`` rows with layers of ``n_units`` by as many threads as pay.

    Where several are at work at once, or one inside the other, the first one's number holds until
    the last has finished.
    """
    with _LOCK:
        if not _State.n_inside:
            _State.limiter = _limit(n_rows, n_units)
        _State.n_inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _State.n_inside -= 1
            if not _State.n_inside and _State.limiter is not None:
                _State.limiter.restore_original_limits()


def _limit(n_rows, n_units):
    """Set the number of threads, unless it is right already."""
    now = max((library["num_threads"] for library in _blas().info()), default=1)
    wanted = _asked_for() or _worth_it(n_rows, n_units, now)
    return None if wanted == now else _blas().limit(limits=wanted)


def _worth_it(n_rows, n_units, at_most):
    """At most what BLAS has been allowed, and one inside a worker of joblib."""
    if get_active_backend()[0].nesting_level:
        return 1
    largest = 2 * n_rows * max(n_in * n_out for n_in, n_out in pairwise(n_units))
    return max(1, min(int(largest // FLOPS), at_most, joblib.cpu_count()))


def _asked_for():
    """The number in the environment variable; None if it is unset."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(
            f"The environment variable {VARIABLE} is {text!r}; it must be a number of threads >= 1."
        )
    return int(text)


@cache
def _blas():
    return ThreadpoolController().select(user_api="blas")
