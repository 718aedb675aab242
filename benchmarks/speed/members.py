"""Four members trained as one network, compared with four separate fits.

    python benchmarks/speed/members.py

Networks 20-64-64-64-3 in float32 on one thread, with the defaults, and with all the parts that
`TabularMLPClassifier` trains with. The processor time of whole fits, taken in turns: the median of
the ratios. The limit is what the ratio would be if training together took nothing but the products
of matrices. Then the ratios of memory, of one over four: what fitted models keep, and the peak
while they are fitted, the four one after the other or all at once.
"""

import tracemalloc
import warnings
from itertools import pairwise
from statistics import median
from time import process_time
from timeit import timeit

import numpy as np
from reporting import machine, simple_table

from sknn_opt import MLPClassifier
from sknn_opt.tables.recipe import network_parameters

K, UNITS, EPOCHS, RUNS = 4, (20, 64, 64, 64, 3), 20, 11
ROWS = {32: 1_600, 64: 3_200, 256: 6_400}  # by the batch size
TARGETS = {32: 2.5, 256: 1.2}


def parameters_of(kind, batch_size):
    """Parameters of a fit of `EPOCHS` epochs."""
    own = network_parameters("balanced", ROWS[batch_size]) if kind == "recipe" else {}
    own |= {"hidden_layer_sizes": UNITS[1:-1], "batch_size": batch_size, "max_iter": EPOCHS}
    return own | {"tol": 0, "n_iter_no_change": np.inf}


def data(n_rows):
    """Three classes, each a region with a curved border."""
    X = np.random.default_rng(0).normal(size=(n_rows, UNITS[0])).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int) + (X[:, 3] > 1)


def together(X, y, parameters):
    """One fit of all members."""
    return MLPClassifier(**parameters | {"n_members": K, "random_state": 0}).fit(X, y)


def alone(X, y, parameters, seed=0):
    """One fit of one network."""
    return MLPClassifier(**parameters | {"n_members": 1, "random_state": seed}).fit(X, y)


def apart(X, y, parameters):
    """As many fits."""
    return [alone(X, y, parameters, seed) for seed in range(K)]


def seconds(train, *arguments):
    """Processor time: others at work take less of it than of the clock's."""
    start = process_time()
    train(*arguments)
    return process_time() - start


def memory(train, *arguments):
    """Bytes that fitted models keep, and the peak before."""
    tracemalloc.start()
    models = train(*arguments)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del models
    return kept, peak


def products(m):
    """Seconds that the products of a step take, forward and backward, for m rows of each member."""
    total = 0.0
    for layer, (n_in, n_out) in enumerate(pairwise(UNITS)):
        a, W = np.ones((K, m, n_in), np.float32), np.ones((K, n_in, n_out), np.float32)
        z = a @ W
        calls = [(a, W, z), (a.swapaxes(1, 2), z, W.copy()), (z, W.swapaxes(1, 2), a.copy())]
        for left, right, out in calls[: 3 if layer else 2]:
            call = "np.matmul(left, right, out=out)"
            scope = {"np": np, "left": left, "right": right, "out": out}
            total += min(timeit(call, number=3, globals=scope) / 3 for _ in range(100))
    return total


def measure(kind, batch_size):
    """The milliseconds of one and of four fits, and the ratios."""
    X, y = data(ROWS[batch_size])
    parameters = parameters_of(kind, batch_size)
    runs = [[seconds(f, X, y, parameters) for f in (together, apart)] for _ in range(1 + RUNS)][1:]
    ratio = median(four / one for one, four in runs)
    held_out = parameters.get("validation_fraction", 0) * parameters.get("early_stopping", False)
    n_steps = EPOCHS * -(-int(len(X) * (1 - held_out)) // batch_size)
    limit = min(four for _, four in runs) / (n_steps * products(batch_size))
    (kept, peak), (kept_apart, in_turn) = (memory(f, X, y, parameters) for f in (together, apart))
    at_once = K * memory(alone, X, y, parameters)[1]
    times = (1e3 * median(each) for each in zip(*runs, strict=True))
    return times, (ratio, limit, kept / kept_apart, peak / in_turn, peak / at_once)


def main():
    """Print the table."""
    warnings.simplefilter("ignore")
    lines = []
    for kind in ("defaults", "recipe"):
        for batch_size in ROWS:
            times, ratios = measure(kind, batch_size)
            cells = (*(f"{time:.0f} ms" for time in times), *(f"{ratio:.2f}" for ratio in ratios))
            lines.append((kind, batch_size, TARGETS.get(batch_size, "-"), *cells))
    memory_of = ("kept", "peak, in turn", "peak, at once")
    header = ("network", "batch", "target", "together", "apart", "ratio", "limit", *memory_of)
    print(f"{machine()}\n\n{simple_table(header, lines)}")


if __name__ == "__main__":
    main()
