"""From a network to points at which its signals can be followed.

An MLP of ours or of scikit-learn becomes an `Objective` at its initial weights and, if it is
fitted, one at its fitted weights.
"""

import math
from copy import copy

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import clone, is_classifier
from sklearn.utils import check_array, check_consistent_length

from sknn_opt._sklearn import safe_indexing
from sknn_opt.checks.gradients.readers.sklearn_mlp import read_sklearn_mlp
from sknn_opt.checks.opener import SKLEARN
from sknn_opt.estimators.parameters import batch_size, optimizer_of
from sknn_opt.nn.network import Architecture
from sknn_opt.nn.objective import Objective
from sknn_opt.optim.schedules import SCHEDULES, TrainingTime, warm_up
from sknn_opt.training.remedies import n_hidden_layers

MAX_ROWS = 500  # more would say the same
INITIAL, FITTED = "initial weights", "fitted weights"


def check_input(mlp, X, y, sample_weight):
    """X with a shape and its number of rows, or one clear sentence on what is wrong."""
    if not issparse(X) and not hasattr(X, "shape"):
        X = np.asarray(X)
    least = {"ensure_min_samples": 0, "ensure_min_features": 0, "ensure_all_finite": False}
    found = check_array(X, accept_sparse=True, dtype=(np.float64, np.float32), **least)
    n_rows, n_features = found.shape
    values = found.data if issparse(found) else found
    if n_rows < 2:
        raise ValueError(
            f"X has {n_rows} row{'s' * (n_rows != 1)}, and variances over rows are undefined below "
            "2; pass 2 rows or more (100 to 500 are enough)."
        )
    expected = getattr(mlp, "n_features_in_", n_features)
    if n_features != expected:
        raise ValueError(
            f"X has {n_features} features, but this {type(mlp).__name__} was fitted to {expected}; "
            "pass rows with the same columns, or an unfitted clone."
        )
    if not np.isfinite(values).all():
        what = "NaN" if np.isnan(values).any() else "infinite values"
        raise ValueError(
            f"X contains {what}; remove or impute them first, for example by a SimpleImputer "
            "before the network, in a pipeline."
        )
    if not values.any():
        raise ValueError("X is zero everywhere, so there is no signal to follow; pass real rows.")
    check_consistent_length(X, y, sample_weight)
    if not n_hidden_layers(mlp):
        raise ValueError(
            "hidden_layer_sizes is empty, or depth is 0: a network without hidden layers has no "
            "gains to show; give at least one hidden layer."
        )
    return X, n_rows


def choose_rows(mlp, X, y, sample_weight, rng):
    """At most MAX_ROWS of the rows, with a row of each class among them."""
    n_rows = X.shape[0]
    if n_rows <= MAX_ROWS:
        return X, y, sample_weight
    chosen = rng.choice(n_rows, MAX_ROWS, replace=False)
    rows = np.union1d(chosen, _one_of_each(mlp, y))
    if not len(_not_zero(safe_indexing(X, rows))):  # few rows may hold all there is
        rows = np.union1d(rows, _not_zero(X)[:MAX_ROWS])
    return [None if part is None else safe_indexing(part, rows) for part in (X, y, sample_weight)]


def _not_zero(X):
    """The rows with a number in them."""
    if issparse(X):
        return np.unique(X.nonzero()[0])
    return np.flatnonzero((np.asarray(X) != 0).any(axis=1))


def _one_of_each(mlp, y):
    """A row for each class, or for a label that is there and one that is not."""
    if y is None or issparse(y) or not is_classifier(mlp):
        return np.empty(0, int)
    labels = np.asarray(y)
    first = np.unique(labels, return_index=True)[1]
    return np.unique(first // math.prod(labels.shape[1:]))


def objectives(mlp, X, y, sample_weight, seed, *, initial=True):
    """The points to look at: name -> Objective. Without y targets are made up, for their shape.

    Those of initial weights are left out of a fitted estimator unless asked for.
    """
    fresh, n_rows = clone(mlp), X.shape[0]
    if fresh.random_state is None:
        fresh.set_params(random_state=seed)
    points = {INITIAL: fresh}
    if hasattr(mlp, "n_features_in_"):
        points[FITTED] = copy(mlp)
        points[FITTED].random_state = fresh.random_state
        if not initial:
            del points[INITIAL]
    if y is None:
        y = _made_up_targets(mlp, n_rows)
        for model in points.values():
            vars(model).update({"class_weight": None} if hasattr(mlp, "class_weight") else {})
    if isinstance(mlp, SKLEARN):
        return _of_sklearn(list(points.values())[-1], X, y, sample_weight)
    found = {}
    for name, model in points.items():
        objective = model.objective(X, y, sample_weight)
        if objective.n_members == 1:
            found[name] = objective
            continue
        for i in range(objective.n_members):
            found[f"{name}, member {i + 1}"] = objective.member(i)
    return found


def first_optimizer(mlp, objective, n_rows):
    """The solver with the learning rate of its first step, None for lbfgs."""
    optimizer = optimizer_of(mlp, objective)
    if optimizer:
        optimizer.learning_rate = rate_of_step(mlp, optimizer, n_rows, 0)
    return optimizer


def rate_of_step(mlp, optimizer, n_rows, step):
    """The learning rate of a step of a fit, from 0; scikit-learn has schedules for sgd alone."""
    n_batches, schedule = -(-n_rows // batch_size(mlp, n_rows)), mlp.learning_rate
    if isinstance(mlp, SKLEARN) and mlp.solver != "sgd":
        schedule = "constant"
    schedule = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    epoch = step / n_batches
    seen = n_rows * int(epoch)
    time = TrainingTime(optimizer.learning_rate, mlp.max_iter, epoch, seen, power_t=mlp.power_t)
    return float(schedule(time)) * warm_up(epoch + 1 / n_batches, getattr(mlp, "warmup_epochs", 0))


def _made_up_targets(mlp, n_rows):
    """Targets that the network takes; what depends on them is not reported."""
    n_outputs = getattr(mlp, "n_outputs_", 1)
    if not is_classifier(mlp):
        y = np.resize([1.0, 2.0], n_rows)
        of_one_column = n_outputs == 1 or np.ndim(getattr(mlp, "quantile", None))
        return y if of_one_column else np.tile(y[:, np.newaxis], n_outputs)
    classes = getattr(mlp, "classes_", np.arange(2))
    if n_outputs > 1 and mlp.out_activation_ == "logistic":  # several labels a row
        return np.arange(n_rows * n_outputs).reshape(n_rows, n_outputs) % 2
    return np.resize(classes, n_rows)


def _of_sklearn(mlp, X, y, sample_weight):
    """scikit-learn's weights in networks of ours, which compute the same."""
    X = check_array(X, accept_sparse="csr", dtype=np.float64)
    X = csr_array(X) if issparse(X) else X
    y = y.toarray() if issparse(y) else np.asarray(y)
    few = np.union1d([0, 1], _one_of_each(mlp, y))  # the weights do not depend on the rows
    weight = None if sample_weight is None else np.asarray(sample_weight, float)
    found = {}
    for problem in read_sklearn_mlp(mlp, X[few], y[few]):
        shapes = [block.shape for name, block in problem.blocks.items() if name.startswith("W")]
        n_units = (shapes[0][0], *(shape[1] for shape in shapes))
        loss, codes = _encoded(mlp, y, n_units[-1])
        architecture = Architecture(n_units, mlp.activation, loss, (0.0,) * len(shapes), False)
        data = X, codes, weight, float(mlp.alpha)
        found[problem.name] = Objective(architecture, problem.x0, *data)
    return found


def _encoded(mlp, y, n_outputs):
    """The loss of scikit-learn's MLP, and its targets as that loss of ours takes them."""
    if not is_classifier(mlp):
        return getattr(mlp, "loss", "squared_error"), y.reshape(len(y), -1).astype(float)
    if y.ndim > 1 and n_outputs > 1:
        return "binary_log_loss", y.astype(float)
    codes = np.searchsorted(np.unique(getattr(mlp, "classes_", y)), y.ravel())
    if n_outputs > 1:
        return "log_loss", codes
    return "binary_log_loss", codes[:, np.newaxis].astype(float)
