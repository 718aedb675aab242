"""How much each column of a table matters: what it costs a network to have the column shuffled.

The loss is that on held-out rows, of each member on its own. All columns that were made of one
column of the table are shuffled together. Source: Breiman (2001), "Random forests", section 10;
scikit-learn's `permutation_importance` shuffles columns one by one, and cannot see folds.
"""

from dataclasses import replace

import numpy as np

from sknn_opt.estimators.evaluation import evaluation_of
from sknn_opt.nn.network import Weights
from sknn_opt.nn.predictor import fold

WORK = 300_000  # rows times columns that are predicted anew, about a third of a second
SHARE = 0.1  # of the time that a fit may take
LEAST, MOST = 50, 5000  # rows of each member
REPEATS = 5  # at most: of few rows


def on_training_rows(network, Z, y, sample_weight):
    """What the training rows say of a network that has held out none."""
    rows = network._read(Z, y, sample_weight, reset=False)
    return evaluation_of(network, network._training, rows, False, [], "")


def work_in(max_time):
    """How much work is done in a fit of so many seconds."""
    return WORK if max_time is None else min(WORK, WORK * SHARE * max_time)


def importances(evaluations, origin, n_columns, rng, work=WORK):
    """The rise of the loss, a mean over members, for each column of the table.

    Parameters
    ----------
    evaluations : list of (Evaluation, Weights)
        Of each member.
    origin : ndarray of shape (n_features,)
        The column of the table that each column of the network's input is made of.
    n_columns : int
        How many the table has.
    work : float
        At most so many rows times columns are predicted anew.
    """
    rises = np.zeros(n_columns)
    n_rows = int(np.clip(work // (n_columns * len(evaluations)), LEAST, MOST))
    for evaluation, weights in evaluations:
        rows = evaluation.rows.sample(n_rows)
        X, y, weight = (rows.of(part) for part in (rows.X, rows.y, rows.weight))
        rows = replace(rows, X=X, y=y, weight=weight, chosen=None, given=None, frame=None)
        usual, repeats = evaluation.loss_on(rows, weights), min(REPEATS, n_rows // rows.n_rows)
        orders = [rng.permutation(len(X)) for _ in range(max(1, repeats))]
        coefs, intercepts = fold(evaluation.architecture, weights.theta, weights.statistics)
        sums = X @ coefs[0]
        for column in np.unique(origin):
            places = np.flatnonzero(origin == column)
            own, W = X[:, places], coefs[0][places]
            if (own == own[0]).all():
                continue
            narrow, of_narrow = _narrowed(evaluation, [W, *coefs[1:]], intercepts)
            for order in orders:
                shuffled = np.concatenate([sums - own @ W, own[order]], axis=1)
                rise = narrow.loss_on(replace(rows, X=shuffled), of_narrow) - usual
                rises[column] += rise / (len(orders) * len(evaluations))
    return rises


def _narrowed(evaluation, coefs, intercepts):
    """The same network for a few inputs, behind the sums that the first layer makes of the others.

    A table of a thousand columns is then added up once, and not once a column.
    """
    architecture, n_sums = evaluation.architecture, coefs[0].shape[1]
    first = np.concatenate([np.eye(n_sums, dtype=coefs[0].dtype), coefs[0]])
    n_units = (len(first), *architecture.n_units[1:])
    architecture = replace(architecture, n_units=n_units, batch_norm=False, input_scale=False)
    theta = np.empty(architecture.n_parameters, first.dtype)
    for i, layer in enumerate(zip([first, *coefs[1:]], intercepts, strict=True), 1):
        for name, array in zip("Wb", layer, strict=True):
            architecture.blocks[f"{name}[{i}]"].of(theta)[...] = array
    return replace(evaluation, architecture=architecture), Weights(theta, theta[:0])
