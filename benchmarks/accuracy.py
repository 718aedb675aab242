"""Test accuracy compared with scikit-learn's MLPClassifier: same architecture, data, epochs, seeds.

Each seed draws its own stratified split and its own initial weights. Inputs are standardized.
"mean difference" is ours minus theirs; "s.e." is the standard error of scikit-learn's own mean.
Run with ``make bench``.
"""

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sknn_opt import InputNormalizer, MLPClassifier

SEEDS = range(5)
DATA = {"digits": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine}
SETTINGS = {"hidden_layer_sizes": (100,), "max_iter": 100, "tol": 0, "n_iter_no_change": np.inf}
VARIANTS = {"plain": {}, "dropout 0.3": {"dropout": 0.3}, "batch norm": {"batch_norm": True}}


def accuracies(make_model, X, y):
    scores = []
    for seed in SEEDS:
        parts = train_test_split(X, y, stratify=y, test_size=0.3, random_state=seed)
        X_train, X_test, y_train, y_test = parts
        scores.append(make_model(seed).fit(X_train, y_train).score(X_test, y_test))
    return np.array(scores)


def main():
    print(f"Test accuracy, mean of {len(SEEDS)} seeds; hidden layer of 100 units, 100 epochs\n")
    print(f"{'data':<14}{'model':<26}{'accuracy':>9}{'difference':>12}{'s.e.':>8}")
    for name, load in DATA.items():
        X, y = load(return_X_y=True)
        theirs = accuracies(
            lambda seed: make_pipeline(
                StandardScaler(), SklearnMLPClassifier(**SETTINGS, random_state=seed)
            ),
            X,
            y,
        )
        error = theirs.std(ddof=1) / np.sqrt(len(SEEDS))
        print(f"{name:<14}{'scikit-learn':<26}{theirs.mean():>9.4f}{'':>12}{error:>8.4f}")
        for variant, parameters in VARIANTS.items():
            ours = accuracies(
                lambda seed, parameters=parameters: make_pipeline(
                    InputNormalizer(), MLPClassifier(**SETTINGS, **parameters, random_state=seed)
                ),
                X,
                y,
            )
            difference = ours.mean() - theirs.mean()
            label = f"sknn_opt, {variant}"
            print(f"{'':<14}{label:<26}{ours.mean():>9.4f}{difference:>+12.4f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(limits=1):
        main()
