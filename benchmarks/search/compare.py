"""Which search finds the best network in equal seconds?

    PYTHONPATH=benchmarks python -m search.compare [--quick] [--seconds S] [--seeds N]

Each search has the same ranges and seconds on twelve tables; what it found is fitted to all rows
and scored on rows that it never saw. The table says the mean rank of that score, on how many
tables a search is ahead of each rival, and how soon it reached the score in cross-validation that
RandomizedSearchCV ended with. Writes docs/_static/searches.txt. Run with ``make bench``.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.metrics import get_scorer
from speed.reporting import simple_table
from threadpoolctl import threadpool_limits

from search.problems import DEVELOPMENT, problems
from search.rivals import SEARCHES

FILE = Path(__file__).parents[2] / "docs" / "_static" / "searches.txt"
RANDOM = "RandomizedSearchCV"
SECONDS, SEEDS = 30, 2


def measure(problem, seconds, seed):
    """For each search its test score, and its way of (seconds, best score so far)."""
    found = {}
    for name, search in SEARCHES.items():
        way = search(problem, seconds, seed)
        best = max(way[::-1], key=lambda step: -np.inf if np.isnan(step[1]) else step[1])
        model = clone(problem.estimator).set_params(**best[2]).fit(problem.X, problem.y)
        scorer = get_scorer("neg_log_loss" if problem.has_classes else "r2")
        found[name] = {
            "test": scorer(model, problem.X_test, problem.y_test),
            "way": [step[:2] for step in way],
            "n": len(way),
        }
    return found


def seconds_to(way, score):
    """When a search reached a score; twice its seconds if it did not."""
    for seconds, value in way:
        if value >= score:
            return seconds
    return 2 * way[-1][0]


def report(found):
    """The table as text. `found` is a list of (table, measures)."""
    names = list(SEARCHES)
    scores = np.array([[each[name]["test"] for name in names] for _, each in found])
    ranks = np.mean([rankdata(-row) for row in scores], axis=0)
    tables = sorted({table for table, _ in found})
    by_table = np.array(
        [np.mean([rankdata(-scores[i]) for i, (t, _) in enumerate(found) if t == table], axis=0)
         for table in tables]
    )  # fmt: skip
    rows = []
    for i, name in enumerate(names):
        ahead = (by_table[:, 0] < by_table[:, i]).sum() + 0.5 * (
            by_table[:, 0] == by_table[:, i]
        ).sum()
        last = [
            seconds_to(each[name]["way"], max(v for _, v in each[RANDOM]["way"]))
            / each[RANDOM]["way"][-1][0]
            for _, each in found
        ]
        rows.append(
            [
                name,
                f"{ranks[i]:.2f}",
                f"{ahead:g} of {len(tables)}" if i else "",
                f"{np.median(last):.2f}",
                f"{np.median([each[name]['n'] for _, each in found]):.0f}",
            ]
        )
    header = [
        "search", "mean rank of the test score", "tables on which coarse to fine is ahead",
        "seconds to the last score of RandomizedSearchCV, over its seconds", "scores",
    ]  # fmt: skip
    return simple_table(header, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three tables, 5 seconds")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--tables", nargs="*", default=DEVELOPMENT)
    options = parser.parse_args()
    names, seconds, seeds = options.tables, options.seconds, options.seeds
    if options.quick:
        names, seconds, seeds = names[:3], 5, 1
    found = []
    with threadpool_limits(1):
        for seed in range(seeds):
            for problem in problems(names):
                each = measure(problem, seconds, seed)
                found.append((problem.name, each))
                said = {name: round(float(one["test"]), 4) for name, one in each.items()}
                print(problem.name, seed, json.dumps(said), flush=True)
    text = report(found)
    print(text)
    if not options.quick:
        FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
