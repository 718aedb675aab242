"""How often `check_shift` raises a false alarm, and how often it sees a change.

    python benchmarks/shift.py [reports]

False alarms: reports of 20 features on rows of the training distribution, for several distributions
and numbers of rows; `check_shift` promises one in a thousand. Power: the share of reports in which
one of 20 features has changed and is named: its mean by half a standard deviation, or its spread by
a factor. Run with ``make bench``; it writes docs/_static/shift.txt.
"""

import sys
from pathlib import Path

import numpy as np
from speed.reporting import simple_table

from sknn_opt import InputNormalizer, check_shift

N_FEATURES = 20
NUMBERS = 2e8  # that are drawn for a row of the table at most
SIZES = ((50, 50), (50, 500), (500, 50), (500, 2000), (5000, 500), (50_000, 50_000))
FILE = Path(__file__).parents[1] / "docs" / "_static" / "shift.txt"


def zeros_and_incomes(rng, shape):
    """Mostly zero, else a heavy tail."""
    return np.where(rng.random(shape) < 0.92, 0.0, rng.lognormal(8, 1, shape))


DISTRIBUTIONS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.random(shape),
    "counts (Poisson, mean 1)": lambda rng, shape: rng.poisson(1.0, shape).astype(float),
    "a flag of 1 in 500 rows": lambda rng, shape: (rng.random(shape) < 0.002).astype(float),
    "t with 3 degrees of freedom": lambda rng, shape: rng.standard_t(3, shape),
    "lognormal, sigma 1": lambda rng, shape: rng.lognormal(size=shape),
    "lognormal, sigma 2": lambda rng, shape: rng.lognormal(sigma=2, size=shape),
    "zeros and incomes": zeros_and_incomes,
}
CHANGES = {
    "mean + 0.5 sigma": lambda x: x + 0.5 * x.std(),
    "mean - 0.5 sigma": lambda x: x - 0.5 * x.std(),
    "spread x 2": lambda x: x.mean() + 2 * (x - x.mean()),
    "spread / 2": lambda x: x.mean() + (x - x.mean()) / 2,
}


def reports(draw, n, m, n_reports, change=None):
    """The reports on so many pairs of tables of n and m rows."""
    rng = np.random.default_rng(0)
    for _ in range(min(n_reports, int(NUMBERS / (N_FEATURES * (n + m))))):
        normalizer, X_new = InputNormalizer().fit(draw(rng, (n, N_FEATURES))), draw(rng, (m, 20))
        if change:
            X_new[:, 0] = change(X_new[:, 0])
        yield check_shift(normalizer, X_new)


def false_alarms(n_reports):
    """A row of the first table for each distribution."""
    n_all = alarms_of_all = 0
    for name, draw in DISTRIBUTIONS.items():
        cells = []
        for n, m in SIZES:
            found = [not report.passed for report in reports(draw, n, m, n_reports)]
            cells.append(f"{sum(found)} of {len(found):,}")
            n_all, alarms_of_all = n_all + len(found), alarms_of_all + sum(found)
        yield [name, *cells]
    yield ["all", f"{alarms_of_all} of {n_all:,}", *[""] * (len(SIZES) - 1)]


def power(n_reports):
    """A row of the second table for each distribution and change."""
    for name in ("normal", "lognormal, sigma 1"):
        for change, apply in CHANGES.items():
            cells = []
            for n, m in SIZES[:-1]:
                found = reports(DISTRIBUTIONS[name], n, m, n_reports // 10, apply)
                cells.append(f"{np.mean(['x0' in report.shifted for report in found]):.0%}")
            yield [name, change, *cells]


def main():
    """Print and write the tables."""
    n_reports = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    sizes = [f"{n:,} / {m:,}" for n, m in SIZES]
    alarms = simple_table(("false alarms", *sizes), list(false_alarms(n_reports)))
    seen = simple_table(("changed", "how", *sizes[:-1]), list(power(n_reports)))
    text = f"{alarms}\n\n{seen}"
    print(text)
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
