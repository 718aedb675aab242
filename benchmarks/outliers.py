"""What a few absurd values in X cost, and which normalizer holds.

    python benchmarks/outliers.py [seeds]

In each column of the training rows 2 of 1,000 values, at least one, become 999999, as where a
program writes "unknown". A network learns behind each normalizer, and predicts test rows that are
clean. The accuracy is the mean over the seeds. Run with ``make bench``; it writes
docs/_static/outliers.txt.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from speed.reporting import simple_table

from sknn_opt import InputNormalizer, MLPClassifier

SENTINEL, SHARE = 999999, 0.002
FILE = Path(__file__).parents[1] / "docs" / "_static" / "outliers.txt"
MEAN = {"center": "mean", "scale": "std"}
NORMALIZERS = {
    "``StandardScaler()``": StandardScaler(),
    "``InputNormalizer()``": InputNormalizer(),
    '``clip=3``, ``center="mean"``, ``scale="std"``': InputNormalizer(clip=3, **MEAN),
    "``RobustScaler(unit_variance=True)``": RobustScaler(unit_variance=True),
    '``center="median"``, ``scale="iqr"``': InputNormalizer(center="median", scale="iqr"),
    "``clip=3``": InputNormalizer(clip=3),
}


def sets(seed):
    """Name -> X, y."""
    X = np.random.default_rng(seed).standard_normal((3000, 2))
    yield "signs", X, (X.prod(axis=1) > 0).astype(int)
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        yield load.__name__.removeprefix("load_"), *load(return_X_y=True)


def soiled(X, rng):
    """X with sentinels in each column."""
    X = X.astype(float)
    n = max(1, round(SHARE * len(X)))
    for column in X.T:
        column[rng.choice(len(X), n, replace=False)] = SENTINEL
    return X


def accuracies(seed):
    """(set, normalizer, whether soiled) -> accuracy on test rows."""
    found = {}
    net = MLPClassifier((32,), learning_rate_init=0.01, max_iter=100, tol=1e-3, random_state=seed)
    for name, X, y in sets(seed):
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
        dirty = soiled(X, np.random.default_rng(seed))
        for normalizer, instance in NORMALIZERS.items():
            for is_dirty, table in ((False, X), (True, dirty)):
                model = make_pipeline(clone(instance), clone(net)).fit(table, y)
                found[name, normalizer, is_dirty] = model.score(X_test, y_test)
    return found


def main():
    """Print and write the table."""
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs = [accuracies(seed) for seed in range(n_seeds)]
    mean = {key: np.mean([run[key] for run in runs]) for key in runs[0]}
    names = list(dict.fromkeys(name for name, _, _ in mean))
    rows = []
    for normalizer in NORMALIZERS:
        dirty = [f"{mean[name, normalizer, True]:.2f}" for name in names]
        clean = np.mean([mean[name, normalizer, False] for name in names])
        rows.append([normalizer, *dirty, f"{clean:.3f}"])
    table = simple_table(("test accuracy", *names, "clean data"), rows)
    print(table)
    FILE.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
