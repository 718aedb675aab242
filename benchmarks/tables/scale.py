"""The two ends: tables of 100 rows, and one of a million.

    PYTHONPATH=benchmarks python -m tables.scale [--quick]

*100 rows*: so many rows of each table, three draws, against linear models and scikit-learn's MLP.
*A million rows of 50 numbers*: seconds, error and memory beyond X of ``preset="fast"`` with
``max_time=120``, in a process of its own; scikit-learn's boosted trees are fitted to the same rows.
Reads /proc, so Linux only. Run with ``make bench``.
"""

import argparse
import warnings
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from speed.reporting import simple_table
from threadpoolctl import threadpool_limits

from sknn_opt import TabularMLPRegressor
from tables.compare import measure_all
from tables.contenders import OURS, SKLEARN, all_contenders
from tables.results import Results
from tables.sets import all_tables
from tables.summary import Comparison

FEW_ROWS, DRAWS = 100, 3
MANY_ROWS, COLUMNS, TESTED = 1_000_000, 50, 20_000
MAX_TIME, MOST_MEMORY = 120, 1000  # seconds; MB beyond X
AT_100 = (*OURS, SKLEARN, "the same, early stopping", "linear", "HistGradientBoosting")
FILE = Path(__file__).parents[2] / "docs" / "_static" / "tables_scale.txt"


def few_rows(tables):
    """Each model over scikit-learn's MLP and over the linear model, at 100 rows."""
    contenders = [one for one in all_contenders() if one.name in AT_100]
    results = Results()
    with threadpool_limits(1):
        measure_all(tables, contenders, results, FEW_ROWS, DRAWS)
    comparison = Comparison(tables, contenders, results, FEW_ROWS, DRAWS)
    rows = [
        (
            model,
            *(comparison.ratio(model, SKLEARN, key) for key in ("error", "log-loss")),
            *(comparison.ratio(model, "linear", key) for key in ("error", "log-loss")),
            comparison.worse(model, "linear"),
        )
        for model in comparison.names
    ]
    theirs = [f"{key} / {name}" for name in ("MLP", "linear") for key in ("error", "log-loss")]
    return simple_table((f"{FEW_ROWS} rows", *theirs, "worse than linear"), rows)


def many_rows(n_rows):
    """X in float32 and a target of bends, steps, products and noise."""
    rng = np.random.default_rng(0)
    X = np.empty((n_rows, COLUMNS), np.float32)
    for start in range(0, n_rows, 100_000):
        part = X[start : start + 100_000]
        part[:] = rng.standard_normal(part.shape, np.float32)
    y = 2 * np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + np.abs(X[:, 3]) + (X[:, 4] > 0.5)
    y += X[:, 5:15] @ rng.normal(size=10).astype(np.float32) / 3
    return X, y + rng.standard_normal(n_rows, np.float32)


def private():
    """MB of this process that no file backs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3


def fit_many(name, n_rows):
    """Seconds of fit, 1 - R² on other rows, and MB at most beyond X and y."""
    X, y = many_rows(n_rows + TESTED)
    if name == "fast":
        model = TabularMLPRegressor("fast", max_time=MAX_TIME, random_state=0)
    else:
        model = HistGradientBoostingRegressor(random_state=0)
    model.fit(X[:1000], y[:1000])  # compiles kernels
    before, peak, done = private(), [0.0], Event()

    def watch():
        while not done.wait(0.01):
            peak[0] = max(peak[0], private())

    watcher = Thread(target=watch)
    watcher.start()
    start = perf_counter()
    model.fit(X[:n_rows], y[:n_rows])
    seconds = perf_counter() - start
    done.set()
    watcher.join()
    return seconds, 1 - model.score(X[n_rows:], y[n_rows:]), peak[0] - before


def in_own_process(name, n_rows):
    """What `fit_many` returns, where no other model has left memory."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(fit_many, (name, n_rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="every fourth table; 100,000 rows")
    is_quick = parser.parse_args().quick
    few = few_rows(all_tables()[:: 4 if is_quick else 1])
    n_rows = MANY_ROWS // 10 if is_quick else MANY_ROWS
    rows = []
    for name in ("fast", "HistGradientBoosting"):
        seconds, error, memory = in_own_process(name, n_rows)
        rows.append((name, f"{seconds:.0f} s", f"{error:.4f}", f"{memory:.0f} MB"))
    header = (f"{n_rows:,} x {COLUMNS}", "fit", "1 - R²", f"beyond X (at most {MOST_MEMORY})")
    text = f"{few}\n\n{simple_table(header, rows)}\n"
    print(text)
    if not is_quick:
        FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
