"""What the rest costs: dropout and batch norm, L-BFGS, the normalizer, more rows, threads.

Each function of the first part runs in a worker; each of the second gives rows of a table:
(what, {kernels: figure}, {kernels: Target}).
"""

from dataclasses import replace
from functools import cache, partial
from time import perf_counter

import numpy as np
from contenders import ALPHA, ours
from nets import NETS, Net, data
from reporting import Target
from workers import KERNELS, Worker, medians, threads

# In a worker --------------------------------------------------------------------------------------


def seconds_per_lbfgs_iteration(ours):
    """64-100-10 on all digits."""
    if ours:
        from sknn_opt import MLPClassifier
    else:
        from sklearn.neural_network import MLPClassifier
    X, y = data(NETS["A"], "float64")
    net = MLPClassifier((100,), solver="lbfgs", alpha=ALPHA, max_iter=100, tol=0, random_state=0)
    start = perf_counter()
    net.fit(X, y)
    return (perf_counter() - start) / net.n_iter_


@cache
def _matrix(n_rows):
    return np.random.default_rng(0).standard_normal((n_rows, 50), np.float32)


def seconds_to_normalize(ours, n_rows):
    """Of fit and of transform."""
    if ours:
        from sknn_opt import InputNormalizer as Normalizer
    else:
        from sklearn.preprocessing import StandardScaler as Normalizer
    X, normalizer = _matrix(n_rows), Normalizer()
    start = perf_counter()
    normalizer.fit(X)
    fitted = perf_counter()
    normalizer.transform(X)
    return fitted - start, perf_counter() - fitted


# In turn ------------------------------------------------------------------------------------------


def _kernels(workers):
    return {name: workers[name] for name in KERNELS if name in workers}


def _for_all(target):
    return dict.fromkeys(KERNELS, target)


def of_regularization(workers, repetitions, quick):
    """A net with dropout or batch norm over the same net without."""
    kinds = {"none": {}, "dropout": {"dropout": 0.5}, "batch_norm": {"batch_norm": True}}
    tasks = {
        (kernels, kind): (worker, partial(ours, **parameters), NETS["C"])
        for kind, parameters in kinds.items()
        for kernels, worker in _kernels(workers).items()
    }
    times = medians(tasks, repetitions)
    for what, kind, target in (
        ("dropout 0.5 on C: time over that without", "dropout", Target("≤", 1.25)),
        ("batch norm on C: time over that without", "batch_norm", Target("≤", 1.40)),
    ):
        figures = {name: times[name, kind] / times[name, "none"] for name in _kernels(workers)}
        yield what, figures, _for_all(target)


def of_lbfgs(workers, repetitions, quick):
    """Iterations a second over scikit-learn's."""
    tasks = {"theirs": (workers["scikit-learn"], seconds_per_lbfgs_iteration, False)}
    for name, worker in _kernels(workers).items():
        tasks[name] = worker, seconds_per_lbfgs_iteration, True
    times = medians(tasks, repetitions)
    figures = {name: times["theirs"] / times[name] for name in _kernels(workers)}
    yield "L-BFGS on A: iterations a second over scikit-learn's", figures, _for_all(Target("≥", 1))


def of_normalizer(workers, repetitions, quick):
    """StandardScaler's time over ours."""
    n_rows = 100_000 if quick else 1_000_000
    tasks = {"theirs": (workers["scikit-learn"], seconds_to_normalize, False, n_rows)}
    for name, worker in _kernels(workers).items():
        tasks[name] = worker, seconds_to_normalize, True, n_rows
    times = medians(tasks, repetitions)
    fit, transform = ({name: times["theirs"][i] / times[name][i] for name in times} for i in (0, 1))
    of_fit = {"NumPy kernels": Target("≥", 4), "with fast": Target("≥", 10)}
    what = f"StandardScaler's time over InputNormalizer's, {n_rows:,} x 50: "
    yield what + "fit", fit, of_fit
    yield what + "transform", transform, _for_all(Target("≥", 2))


def of_size(workers, repetitions, quick):
    """The slope of log time against log rows, and log epochs: 1 is linear."""
    net = Net((20, 32, 2), 200, 10_000, n_epochs=1)
    rows = (10_000, 30_000, 100_000) + (() if quick else (300_000, 1_000_000))
    sweeps = {
        f"20-32-2: exponent of time in rows, {rows[0]:,} to {rows[-1]:,}": [
            (n, replace(net, n_rows=n)) for n in rows
        ],
        "20-32-2: exponent of time in epochs, 10 to 300": [
            (n, replace(net, n_epochs=n)) for n in (10, 30, 100, 300)
        ],
    }
    for what, sweep in sweeps.items():
        tasks = {
            (name, n): (worker, ours, sized)
            for n, sized in sweep
            for name, worker in _kernels(workers).items()
        }
        times = medians(tasks, min(repetitions, 3))
        sizes = [n for n, _ in sweep]
        yield (
            what,
            {
                name: _slope(sizes, [times[name, n] * sized.n_epochs for n, sized in sweep])
                for name in _kernels(workers)
            },
            {},
        )


def _slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def of_threads(workers, repetitions, quick):
    """The time on one BLAS thread over that on two."""
    kernels = list(_kernels(workers))[-1]
    counts = {n: threads(n) | {"SKNN_OPT_KERNELS": KERNELS[kernels]} for n in (1, 2)}
    with Worker(**counts[1]) as one, Worker(**counts[2]) as two:
        for name in "A" if quick else "ADF":
            times = medians({1: (one, ours, NETS[name]), 2: (two, ours, NETS[name])}, repetitions)
            figure = {kernels: times[1] / times[2]}
            target = Target("≥", 0.95 if name == "A" else 1.6)
            yield f"{name}: time on one BLAS thread over two allowed", figure, _for_all(target)


COSTS = (of_regularization, of_lbfgs, of_normalizer, of_size, of_threads)
