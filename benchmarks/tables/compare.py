"""How much better or worse than the peers is the one line of `TabularMLPClassifier`?

    PYTHONPATH=benchmarks python -m tables.compare [--quick] [--models NAME ...] [--tables NAME ...]

Every model meets the same rows: 8,000 for training, 5,000 for tests at most; three splits of tables
under 1,500 rows, else two. What was measured before is not measured again: results/results.jsonl
keeps it by table, split, model and version; ours is a hash of sknn_opt/tables. A full run writes
docs/_static/tables.txt. Run with ``make bench``.
"""

import argparse
import warnings
from pathlib import Path

from threadpoolctl import threadpool_limits

from tables.contenders import all_contenders
from tables.measures import measure
from tables.results import Results
from tables.sets import all_tables, n_splits, split
from tables.summary import report

MOST_ROWS, SLOW_ROWS, QUICK_ROWS = 8000, 2500, 500
SPLITS = 3
FILE = Path(__file__).parents[2] / "docs" / "_static" / "tables.txt"


def measure_all(tables, contenders, results, most_rows=MOST_ROWS, splits=SPLITS):
    """Measure what is missing: the first split of all tables, then the second."""
    for seed in range(splits):
        for table in tables:
            X, y = table.rows()
            if seed >= n_splits(len(y), splits):
                continue
            parts = split(X, y, seed, most_rows, table.has_classes)
            categories = list(X.select_dtypes(exclude=["number", "datetime"]))
            for contender in contenders:
                key = table.name, most_rows, seed, contender.name, contender.version
                too_slow = contender.is_slow and (seed or len(parts[0]) > SLOW_ROWS)
                if too_slow or results.get(*key):
                    continue
                model = contender.make(table.has_classes, seed, categories)
                try:
                    found = measure(model, parts, table.has_classes)
                except Exception as error:  # a rival that cannot take a table says so
                    print(f"{table.name}: {contender.name} fails: {error!r:.200}", flush=True)
                    continue
                results.add(*key, measures=found)
                print(*key[:4], *(f"{k} {v:.4g}" for k, v in found.items()), sep="  ", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="500 rows of every fourth table")
    parser.add_argument("--models", nargs="*", help="measure these only, and report all")
    parser.add_argument("--tables", nargs="*", help="measure and report these only")
    options = parser.parse_args()
    tables, contenders = all_tables(), list(all_contenders())
    rows, splits = MOST_ROWS, SPLITS
    if options.quick:
        tables, contenders = tables[::4], [one for one in contenders if not one.is_slow]
        rows, splits = QUICK_ROWS, 1
    if options.tables:
        tables = [table for table in tables if table.name in options.tables]
    wanted = [one for one in contenders if not options.models or one.name in options.models]
    results = Results()
    with threadpool_limits(1):
        measure_all(tables, wanted, results, rows, splits)
    text = report(tables, contenders, results, rows, splits)
    print(text)
    if not (options.quick or options.tables):
        FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
