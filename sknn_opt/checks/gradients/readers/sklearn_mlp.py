"""scikit-learn's MLPClassifier and MLPRegressor as a Problem.

The one private name is ``_optimizer`` (scikit-learn 1.6 to 1.9): it is dropped before each call,
since it holds on to the weights of the last one. All else is done by public methods.

One step of plain gradient descent over all rows at once turns θ into θ - ηg, so that g = (θ - θ')
/ η, and `loss_` tells J(θ). With η = 2⁴⁰ a product or quotient by η does not round, and g comes
out to its last digits.
"""

import warnings

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import _check_sample_weight

from sknn_opt.checks.gradients.problem import Problem, numbered_layers
from sknn_opt.nn.network import lay_out

RATE = 2.0**40
NO_RATE = 1e-300


def is_sklearn_mlp(what):
    """Whether this is scikit-learn's own MLP."""
    return isinstance(what, MLPClassifier | MLPRegressor)


def read_sklearn_mlp(mlp, X, y, sample_weight=None):
    """The Problems at the random initial weights and, if fitted, at the fitted ones."""
    problems = [_problem("initial weights", mlp, None, X, y, sample_weight)]
    if hasattr(mlp, "coefs_"):
        weights = [*mlp.coefs_, *mlp.intercepts_]
        problems.append(_problem("fitted weights", mlp, weights, X, y, sample_weight))
    return problems


def _problem(name, mlp, start_at, X, y, sample_weight):
    X = np.asarray(X, dtype=float) if not hasattr(X, "tocsr") else X.astype(float)
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, X, dtype=float)
    n_rows = X.shape[0]
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    classes = {"classes": getattr(mlp, "classes_", np.unique(y))} if is_classifier(mlp) else {}
    mlp = clone(mlp).set_params(
        solver="sgd", learning_rate="constant", momentum=0.0, nesterovs_momentum=False,
        batch_size=n_rows, shuffle=False, early_stopping=False, verbose=False, warm_start=False,
    )  # fmt: skip

    def step(model, rate):
        """One step from the model's weights."""
        model.set_params(learning_rate_init=rate)
        vars(model).pop("_optimizer", None)
        first = not hasattr(model, "coefs_")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            model.partial_fit(X, y, **weights, **(classes if first else {}))
        return model

    step(mlp, NO_RATE)  # draws the weights and leaves them where they are
    blocks = lay_out({
        f"{letter}[{i}]": array.shape
        for letter, arrays in (("W", mlp.coefs_), ("b", mlp.intercepts_))
        for i, array in enumerate(arrays, 1)
    })  # fmt: skip
    n_layers = len(mlp.coefs_)

    def load(theta):
        arrays = [block.of(theta).astype(float) for block in blocks.values()]
        mlp.coefs_, mlp.intercepts_ = arrays[:n_layers], arrays[n_layers:]
        return mlp

    def pack(arrays):
        return np.concatenate([np.ravel(array) for array in arrays]).astype(float)

    def gradient(theta):
        after = step(load(theta), RATE)
        return (theta - pack([*after.coefs_, *after.intercepts_])) / RATE

    theta0 = pack(start_at or [*mlp.coefs_, *mlp.intercepts_])
    total = n_rows if sample_weight is None else sample_weight.sum()
    return Problem(
        lambda theta: step(load(theta), NO_RATE).loss_,
        gradient, theta0, blocks, numbered_layers(blocks), name=name, n_rows=float(total),
        penalty=mlp.alpha / total,
    )  # fmt: skip
