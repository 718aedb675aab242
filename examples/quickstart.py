"""
Quickstart
==========

One real data set from end to end: handwritten digits, normalised by the training set's mean and
standard deviation, classified by a network with dropout, beside scikit-learn's own MLP on the same
split; a grid search over the initialisation and dropout; the proof that the gradients are right;
and a picture of the training curves.

Run it with ``make demo``, or ``python examples/quickstart.py``.
"""

import warnings
from pathlib import Path
from time import perf_counter

from scipy.optimize import check_grad
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_opt import InputNormalizer, MLPClassifier, check_gradients

# sphinx_gallery_thumbnail_path = "_static/quickstart.png"
PICTURE = Path("quickstart.png")
EPOCHS = 60


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


def train(name, model, X_train, X_test, y_train, y_test):
    start = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    accuracy = model.score(X_test, y_test)
    print(f"{name:<34} test accuracy {accuracy:.1%}   trained in {seconds:.1f} s")
    return model


def compare(split):
    """Our network and scikit-learn's, with the same layers, epochs and data."""
    same = {"max_iter": EPOCHS, "tol": 0, "random_state": 0}
    ours = make_pipeline(
        InputNormalizer(), MLPClassifier((100,), init="orthogonal", dropout=0.2, **same)
    )
    theirs = make_pipeline(
        StandardScaler(), SklearnMLPClassifier(hidden_layer_sizes=(100,), **same)
    )
    train("sknn_opt, orthogonal, dropout 0.2", ours, *split)
    train("scikit-learn's MLPClassifier", theirs, *split)
    print(f"(One image of the test set is {1 / len(split[1]):.1%}.)")
    return ours, theirs


def search(X_train, X_test, y_train, y_test):
    """Which initialisation, and how much dropout?"""
    pipeline = make_pipeline(
        InputNormalizer(), MLPClassifier((100,), max_iter=EPOCHS, random_state=0)
    )
    grid = {
        "mlpclassifier__init": ["auto", "he_normal", "glorot_uniform", "orthogonal"],
        "mlpclassifier__dropout": [0.0, 0.2, 0.5],
    }
    found = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X_train, y_train)
    by_settings = {
        (p["mlpclassifier__init"], p["mlpclassifier__dropout"]): score
        for p, score in zip(
            found.cv_results_["params"], found.cv_results_["mean_test_score"], strict=True
        )
    }
    rates = grid["mlpclassifier__dropout"]
    print("cross-validated accuracy    " + "".join(f"dropout {rate:<6}" for rate in rates))
    for init in grid["mlpclassifier__init"]:
        print(f"  init={init:<21}" + "".join(f"{by_settings[init, r]:<14.1%}" for r in rates))
    best = {name.split("__")[1]: value for name, value in found.best_params_.items()}
    print(f"best: {best}, test accuracy {found.score(X_test, y_test):.1%}")


def prove(X_train, y_train):
    """Backprop against two independent derivatives, on a small net with everything in it."""
    X, y = InputNormalizer().fit_transform(X_train)[:20], y_train[:20]
    net = MLPClassifier((12, 8), dropout=0.2, batch_norm=True, max_iter=5, random_state=0)
    print(check_gradients(net.fit(X, y), X, y))
    objective = net.objective(X, y)
    error = check_grad(objective.value, objective.gradient, objective.theta)
    print(f"scipy.optimize.check_grad, by finite differences: {error:.1e}")
    print("(It is an absolute number, and cannot see below the rounding error of a difference.)")


def draw(ours, theirs):
    """Training loss of both networks."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    ours, theirs = ours[-1], theirs[-1]
    ax.plot(ours.loss_curve_, color="#0072B2", label="sknn_opt, dropout 0.2")
    ax.plot(theirs.loss_curve_, "--", color="#D55E00", label="scikit-learn, no dropout")
    ax.set(
        yscale="log",
        xlabel="epoch",
        ylabel="training loss",
        title="Handwritten digits: dropout keeps the training loss from collapsing",
    )
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
    figure.savefig(PICTURE, dpi=150)
    print(f"training curves saved to {PICTURE.resolve()}")


def main():
    # All networks train for the same number of epochs on purpose.
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    X_train, X_test, y_train, _ = split

    title(f"Handwritten digits: {len(X_train)} images of 8 x 8 to train on, {len(X_test)} to test")
    ours, theirs = compare(split)
    title("Grid search over init and dropout: 12 settings, 3 folds")
    search(*split)
    title("Are the gradients right?")
    prove(X_train, y_train)
    title("Picture")
    draw(ours, theirs)


if __name__ == "__main__":
    main()
