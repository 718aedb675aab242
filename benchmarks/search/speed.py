"""How much faster is a search whose trials share a packed network, or two processes?

    PYTHONPATH=benchmarks python -m search.speed

24 candidates of one architecture, which differ in rate, penalty and seed, trained for 20 and for
100 epochs on one split: in packs, and one by one. Then a search of 16 candidates of many
architectures, in two processes and in one. Whole searches on one thread, taken in turns: the
medians of the ratios.
Writes docs/_static/search_speed.txt. Run with ``make bench``.
"""

import warnings
from pathlib import Path
from statistics import median
from time import perf_counter
from unittest.mock import patch

import numpy as np
from sklearn.datasets import load_digits, make_classification
from sklearn.model_selection import ShuffleSplit
from speed.reporting import machine, simple_table
from threadpoolctl import threadpool_limits

from sknn_opt import MLPClassifier
from sknn_opt.search import CoarseToFineSearchCV, LogUniform, LogUniformInt, UniformInt, trials

FILE = Path(__file__).parents[2] / "docs" / "_static" / "search_speed.txt"
RUNS, EPOCHS = 5, (20, 100)
SPACE = {
    "learning_rate_init": LogUniform(1e-4, 1e-2),
    "alpha": LogUniform(1e-6, 1e-2),
    "random_state": UniformInt(0, 1000),
}
NETS = [((32,), 32), ((16, 16), 32), ((64, 64), 32), ((64, 64), 64), ((64, 64), 200), ((100,), 200)]


def seconds(search, X, y):
    """Those of a search."""
    started = perf_counter()
    search.fit(X, y)
    return perf_counter() - started


def of_packs(sizes, batch_size, max_iter):
    """The seconds of 24 candidates one by one over those in packs."""
    X, y = make_classification(3000, 20, n_informative=10, random_state=0)
    options = {"max_iter": max_iter, "n_iter_no_change": np.inf, "batch_size": batch_size}
    search = CoarseToFineSearchCV(
        MLPClassifier(sizes, **options),
        SPACE,
        n_iter=24,
        n_rounds=1,
        factor=1,
        refit=False,
        cv=ShuffleSplit(1, test_size=1 / 3, random_state=0),
        random_state=0,
    )
    with patch.object(trials, "can_be_packed", lambda estimator: False):
        alone = seconds(search, X, y)
    return alone / seconds(search, X, y)


def of_processes():
    """The seconds of 16 candidates in one process over those in two."""
    space = SPACE | {"hidden_layer_sizes": LogUniformInt(50, 300), "batch_size": [50, 100, 200]}
    net = MLPClassifier(max_iter=30, n_iter_no_change=np.inf)
    X, y = load_digits(return_X_y=True)
    found = []
    for n_jobs in (2, 1):
        search = CoarseToFineSearchCV(
            net, space, n_iter=16, n_rounds=2, n_jobs=n_jobs, refit=False, random_state=0
        )
        found.append(seconds(search, X / 16, y))
    return found[1] / found[0]


def main():
    rows = []
    with threadpool_limits(1):
        of_processes()  # starts the workers
        for sizes, batch_size in NETS:
            each = [median(of_packs(sizes, batch_size, n) for _ in range(RUNS)) for n in EPOCHS]
            name = "-".join(map(str, (20, *sizes, 2)))
            rows.append([f"24 of {name}, batches of {batch_size}", *(f"{r:.2f}" for r in each)])
            print(*rows[-1], flush=True)
        ratio = median(of_processes() for _ in range(RUNS))
        rows.append(["two processes, 16 candidates of 30 epochs", f"{ratio:.2f}", ""])
    text = (
        simple_table(["search", "times as fast, 20 epochs", "100 epochs"], rows)
        + f"\n\n{machine()}\n"
    )
    print(text)
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
