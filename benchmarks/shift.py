"""How often `check_shift` raises a false alarm, and how often it sees a change.

    python benchmarks/shift.py [reports]

False alarms: reports of 20 features on rows of the training distribution, for five kinds of
features and all pairs of numbers of rows; `check_shift` promises one in a thousand. The limits were
chosen on other distributions than these. Power: the share of reports in which one of 20 features
has changed and is named: its mean by half a standard deviation, or its spread by a factor; and that
of reports with `X_train` which see that two features are no longer correlated as they were.
Streams: the same of a `ShiftMonitor`. Run with ``make bench``; it writes docs/_static/shift.txt.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np
from speed.reporting import simple_table

from sknn_opt import InputNormalizer, ShiftMonitor, check_shift
from sknn_opt.checks.shift.check import FALSE_ALARMS, N_TESTS
from sknn_opt.checks.shift.numeric import NumberObserver

N_FEATURES = 20
NUMBERS = 6e7  # that are drawn for a cell of a table at most
WIDE = 4e6  # numbers in a table at most
SIZES = (50, 500, 5000, 50_000)
PAIRS = ((50, 50), (50, 500), (500, 50), (500, 200), (500, 2000), (5000, 200), (5000, 500))
FILE = Path(__file__).parents[1] / "docs" / "_static" / "shift.txt"


def zeros(share, draw):
    """Mostly zero, else from a distribution."""
    return lambda rng, shape: np.where(rng.random(shape) < share, 0.0, draw(rng, shape))


KINDS = {
    "normal": (
        lambda rng, shape: rng.normal(size=shape),
        lambda rng, shape: rng.normal(1e4, 2.0, shape),
        lambda rng, shape: rng.normal(size=shape) + 6 * (rng.random(shape) < 0.5),
    ),
    "heavy-tailed": (
        lambda rng, shape: rng.lognormal(size=shape),
        lambda rng, shape: rng.standard_cauchy(shape),
        lambda rng, shape: rng.normal(size=shape) * np.where(rng.random(shape) < 0.05, 100, 1),
        lambda rng, shape: rng.standard_t(5, shape),
    ),
    "discrete": (
        lambda rng, shape: rng.poisson(0.1, shape).astype(float),
        lambda rng, shape: rng.geometric(0.3, shape).astype(float),
        lambda rng, shape: (rng.random(shape) < 0.02).astype(float),
        lambda rng, shape: (rng.random(shape) < 0.5).astype(float),
    ),
    "zero-inflated": (
        zeros(0.99, lambda rng, shape: rng.exponential(size=shape)),
        zeros(0.8, lambda rng, shape: rng.pareto(1.5, shape)),
        zeros(0.5, lambda rng, shape: rng.normal(size=shape)),
    ),
    "bounded": (
        lambda rng, shape: rng.beta(0.1, 0.1, shape),
        lambda rng, shape: rng.beta(20, 1, shape),
        lambda rng, shape: np.clip(rng.normal(size=shape), -1, 1),
    ),
}
CHANGES = {
    "mean + 0.5 sigma": lambda x: x + 0.5 * x.std(axis=0),
    "mean - 0.5 sigma": lambda x: x - 0.5 * x.std(axis=0),
    "spread x 2": lambda x: x.mean(axis=0) + 2 * (x - x.mean(axis=0)),
    "spread / 2": lambda x: x.mean(axis=0) + (x - x.mean(axis=0)) / 2,
}


def mixed(rng, draws, shape):
    """A table whose columns come from several distributions in turn."""
    X = np.empty(shape)
    for k, draw in enumerate(draws):
        X[:, k :: len(draws)] = draw(rng, X[:, k :: len(draws)].shape)
    return X


def reports(draws, n, m, n_reports, change=None):
    """The features of so many reports on m new rows and n of training; the first may change.

    Many reports are made at once, as one of a wide table whose tests have the level of a narrow.
    """
    rng = np.random.default_rng([n, m])
    left = max(1, min(n_reports, int(NUMBERS / (N_FEATURES * (n + m)))))
    while left:
        k = max(1, min(left, int(WIDE / (N_FEATURES * (n + m)))))
        X, X_new = (
            np.hstack([mixed(rng, draws, (rows, N_FEATURES)) for _ in range(k)]) for rows in (n, m)
        )
        if change:
            X_new[:, ::N_FEATURES] = change(X_new[:, ::N_FEATURES])
        observer = NumberObserver(InputNormalizer().fit(X), [""] * X.shape[1])
        found, _ = observer.judged(observer.tally(X_new), FALSE_ALARMS / (N_TESTS * N_FEATURES))
        yield from (found[i * N_FEATURES : (i + 1) * N_FEATURES] for i in range(k))
        left -= k


def false_alarms(n_reports):
    """A row of the first table for each pair of sizes, and one of all."""
    table = []
    for n, m in product(SIZES, SIZES):
        counts = []
        for draws in KINDS.values():
            passed = [all(f.passed for f in report) for report in reports(draws, n, m, n_reports)]
            counts.append((len(passed) - sum(passed), len(passed)))
        table.append((f"{n:,}", f"{m:,}", *counts, tuple(np.sum(counts, axis=0))))
    sums = np.sum([row[2:] for row in table], axis=0)
    for row in [*table, ("all", "", *sums)]:
        yield [*row[:2], *(f"{alarms} of {total:,}" for alarms, total in row[2:])]


def power(n_reports):
    """A row of the second table for each distribution and change."""
    for name, draw in {"normal": KINDS["normal"][0], "lognormal": KINDS["heavy-tailed"][0]}.items():
        for change, apply in CHANGES.items():
            cells = []
            for n, m in PAIRS:
                found = [report[0].passed for report in reports([draw], n, m, n_reports, apply)]
                cells.append(f"{1 - np.mean(found):.0%}")
            yield [name, change, *cells]
    for before, after in ((0.6, 0.0), (0.9, -0.9)):
        change = f"correlation {before} to {after}"
        cells = [f"{np.mean([*correlated(n, m, before, after)]):.0%}" for n, m in PAIRS]
        yield ["two normal", change, *cells]


def correlated(n, m, before, after, n_reports=10):
    """Whether reports with `X_train` say that a correlation of two of 20 features has changed."""
    rng = np.random.default_rng([n, m])
    for _ in range(n_reports):
        X, X_new = rng.normal(size=(n, N_FEATURES)), rng.normal(size=(m, N_FEATURES))
        for rows, r in ((X, before), (X_new, after)):
            rows[:, 1] = r * rows[:, 0] + np.sqrt(1 - r * r) * rows[:, 1]
        yield not check_shift(InputNormalizer().fit(X), X_new, X_train=X).joint.passed


def streams(n_streams, n_rows=20_000, batch=50):
    """A row of the third table for each kind: false alarms, and rows until a shift is seen."""
    for name, draws in KINDS.items():
        rng, alarms = np.random.default_rng(0), 0
        rows = {0.15: [], 0.5: []}
        for k in range(n_streams):
            normalizer = InputNormalizer().fit(mixed(rng, draws, (5000, N_FEATURES)))
            alarms += not watched(normalizer, rng, draws, n_rows, batch)[1].passed
            for shift, seen in rows.items() if k < n_streams // 5 else ():
                step = np.eye(N_FEATURES)[0] * shift * normalizer.scale_[0]
                seen.append(watched(normalizer, rng, draws, n_rows, batch, step)[0])
        yield [name, f"{alarms} of {n_streams}", *(f"{np.median(s):,.0f}" for s in rows.values())]


def watched(normalizer, rng, draws, n_rows, batch, step=0.0):
    """The rows that a monitor has seen when it raises an alarm, or all; and the monitor."""
    monitor = ShiftMonitor(normalizer)
    while monitor.n_rows < n_rows and monitor.passed:
        monitor.update(mixed(rng, draws, (batch, N_FEATURES)) + step)
    return monitor.n_rows, monitor


def main():
    """Print and write the tables."""
    n_reports = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    sizes = [f"{n:,} / {m:,}" for n, m in PAIRS]
    tables = [
        simple_table(("training", "new", *KINDS, "all"), list(false_alarms(n_reports))),
        simple_table(("changed", "how", *sizes), list(power(n_reports // 10))),
        simple_table(
            ("streams", "false alarms", "rows until 0.15 sigma", "rows until 0.5 sigma"),
            list(streams(max(5, n_reports // 20))),
        ),
    ]
    text = "\n\n".join(tables)
    print(text)
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
