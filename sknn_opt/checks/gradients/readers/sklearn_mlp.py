"""scikit-learn's MLPClassifier and MLPRegressor as a Problem.

One step of plain gradient descent over all rows at once turns θ into θ - ηg, so that g = (θ - θ')
/ η, and `loss_` tells J(θ). With η = 2⁴⁰ a product or quotient by η does not round, and g comes
out to its last digits.
"""

import warnings

import numpy as np
from sklearn.base import clone, is_classifier

from sknn_opt._sklearn import check_sample_weight, forget_optimizer
from sknn_opt.checks.gradients.problem import Problem
from sknn_opt.nn.network import lay_out

RATE = 2.0**40
NO_RATE = 1e-300


def read_sklearn_mlp(mlp, X, y, sample_weight=None, n_draws=1):
    """The Problems at the random initial weights and, if fitted, at the fitted ones."""
    problems = [_problem("initial weights", mlp, None, X, y, sample_weight)]
    for k in range(2, n_draws + 1):
        other = clone(mlp).set_params(random_state=k)
        problems.append(_problem(f"initial weights, draw {k}", other, None, X, y, sample_weight))
    if hasattr(mlp, "coefs_"):
        weights = [*mlp.coefs_, *mlp.intercepts_]
        problems.append(_problem("fitted weights", mlp, weights, X, y, sample_weight))
    return problems


def _problem(name, mlp, start_at, X, y, sample_weight):
    X = np.asarray(X, dtype=float) if not hasattr(X, "tocsr") else X.astype(float)
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, X, dtype=float)
    n_rows = X.shape[0]
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    classes = {"classes": getattr(mlp, "classes_", np.unique(y))} if is_classifier(mlp) else {}
    descent = {"solver": "sgd", "learning_rate": "constant", "momentum": 0.0}
    off = ("nesterovs_momentum", "shuffle", "early_stopping", "verbose", "warm_start")
    mlp = clone(mlp).set_params(batch_size=n_rows, **descent, **dict.fromkeys(off, False))

    def step(model, rate):
        """One step from the model's weights."""
        model.set_params(learning_rate_init=rate)
        forget_optimizer(model)  # else it goes on from the last weights
        first = not hasattr(model, "coefs_")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            model.partial_fit(X, y, **weights, **(classes if first else {}))
        return model

    step(mlp, NO_RATE)  # draws the weights and leaves them where they are
    shapes = {f"W[{i}]": W.shape for i, W in enumerate(mlp.coefs_, 1)}
    shapes |= {f"b[{i}]": b.shape for i, b in enumerate(mlp.intercepts_, 1)}
    blocks, n_layers = lay_out(shapes), len(mlp.coefs_)

    def load(theta):
        arrays = [block.of(theta).astype(float) for block in blocks.values()]
        mlp.coefs_, mlp.intercepts_ = arrays[:n_layers], arrays[n_layers:]
        return mlp

    def pack(arrays):
        return np.concatenate([np.ravel(array) for array in arrays]).astype(float)

    def value(theta):
        return step(load(theta), NO_RATE).loss_

    def gradient(theta):
        after = step(load(theta), RATE)
        return (theta - pack([*after.coefs_, *after.intercepts_])) / RATE

    theta0 = pack(start_at or [*mlp.coefs_, *mlp.intercepts_])
    total = n_rows if sample_weight is None else sample_weight.sum()
    known = {"n_rows": float(total), "penalty": mlp.alpha / total}
    return Problem(value, gradient, theta0, blocks, name=name, **known)
