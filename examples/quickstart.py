"""
Quickstart
==========

This script takes one real data set from end to end. It normalizes handwritten digits with the
training set's mean and standard deviation, and compares a network with dropout with scikit-learn's
own MLP on the same split. Then it runs a grid search over the initialization and dropout, learns
from patients who come one by one, verifies the gradients, and draws the training curves.

Run it with ``make demo``, or ``python examples/quickstart.py [picture.png]``. It prints where it
saved the picture; without a path, that is a temporary folder.
"""

import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

from scipy.optimize import check_grad
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_gradients

# sphinx_gallery_thumbnail_path = "_static/quickstart.png"
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
    """Train our network and scikit-learn's, with the same layers, epochs and data."""
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
    """Which initialization is best, and how much dropout?"""
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
    dropouts = grid["mlpclassifier__dropout"]
    print("cross-validated accuracy    " + "".join(f"dropout {p:<6}" for p in dropouts))
    for init in grid["mlpclassifier__init"]:
        print(f"  init={init:<21}" + "".join(f"{by_settings[init, p]:<14.1%}" for p in dropouts))
    best = {name.split("__")[1]: value for name, value in found.best_params_.items()}
    print(f"best: {best}, test accuracy {found.score(X_test, y_test):.1%}")


def stream():
    """Learn the progression of diabetes from one patient a call, without looking at y before."""
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
    scaler = InputNormalizer().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    for name, net in {
        "sknn_opt": MLPRegressor((50,), random_state=0),
        "scikit-learn's MLPRegressor": SklearnMLPRegressor(
            hidden_layer_sizes=(50,), random_state=0
        ),
    }.items():
        for i in range(len(X_train)):
            net.partial_fit(X_train[i : i + 1], y_train[i : i + 1])
        print(f"{name:<34} test R² {net.score(X_test, y_test):.2f}")


def verify(X_train, y_train):
    """Compare backprop with two independent derivatives, on a small net with all features."""
    X, y = InputNormalizer().fit_transform(X_train)[:20], y_train[:20]
    net = MLPClassifier((12, 8), dropout=0.2, batch_norm=True, max_iter=5, random_state=0)
    print(check_gradients(net.fit(X, y), X, y))
    objective = net.objective(X, y)
    error = check_grad(objective.value, objective.gradient, objective.theta)
    print(f"scipy.optimize.check_grad, by finite differences: {error:.1e}")
    print("(SciPy reports an absolute error limited by finite-difference rounding,")
    print("so it cannot get much smaller.)")


def picture_path():
    """The path given on the command line, or one in a new temporary folder."""
    if len(sys.argv) > 1:
        return Path(sys.argv[1])
    return Path(tempfile.mkdtemp(prefix="sknn_opt-")) / "quickstart.png"


def draw(ours, theirs, picture):
    """Draw the training loss of both networks."""
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
    figure.savefig(picture, dpi=150)
    print(f"training curves saved to {picture.resolve()}")


def main():
    # On purpose, all networks train for the same number of epochs.
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    X_train, X_test, y_train, _ = split

    title(f"Handwritten digits: {len(X_train)} images of 8 x 8 to train on, {len(X_test)} to test")
    ours, theirs = compare(split)
    title("Grid search over init and dropout: 12 settings, 3 folds")
    search(*split)
    title("A stream: 331 patients, one a call, y from 25 to 346")
    stream()
    title("Are the gradients correct?")
    verify(X_train, y_train)
    title("Picture")
    draw(ours, theirs, picture_path())


if __name__ == "__main__":
    main()
