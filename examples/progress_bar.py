"""
A progress bar in a grid search
===============================

The networks use scikit-learn's own callback protocol (version 1.9 and later). If you set a callback
on the search, it follows every fit down to the epochs, in worker processes too. If you set one on
the network, each clone of the network keeps it. The bar needs ``rich``.
"""

import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are enough to see the bar move


def main():
    from sklearn.callback import ProgressBar, ScoringMonitor

    X, y = load_digits(return_X_y=True)
    monitor = ScoringMonitor(scoring="accuracy")
    net = MLPClassifier(max_iter=10, random_state=0).set_callbacks(monitor)
    search = GridSearchCV(
        make_pipeline(InputNormalizer(), net),
        {"mlpclassifier__dropout": [0.0, 0.3], "mlpclassifier__init": ["auto", "orthogonal"]},
        cv=2,
        n_jobs=2,
    ).set_callbacks(ProgressBar(max_propagation_depth=1))
    search.fit(X, y)
    best = {name.split("__")[1]: value for name, value in search.best_params_.items()}
    print(f"best: {best}, accuracy {search.best_score_:.1%}")

    rows = [row for log in monitor.get_logs(select="all") for row in log.data]
    print(f"{len(rows)} epochs were scored on their training sets; those of the last fit:")
    for row in rows[-10:]:
        print(f"  epoch {row['task_id'] + 1:>2}: {row['accuracy']:.3f}")


if __name__ == "__main__":
    try:
        main()
    except ModuleNotFoundError as error:
        print(f"{error}: callbacks came with scikit-learn 1.9.")
        print(*["Without them, fitting works as usual."] * 5, sep="\n")
