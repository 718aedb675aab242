"""How much each column of a table matters: what it costs a network to have the column shuffled.

The loss is that on held-out rows, of each member on its own. All columns that were made of one
column of the table are shuffled together. Source: Breiman (2001), "Random forests", section 10;
scikit-learn's `permutation_importance` shuffles columns one by one, and cannot see folds.
"""

from dataclasses import replace

import numpy as np

from sknn_opt.estimators.evaluation import evaluation_of

WORK = 2_000_000  # rows times columns that are predicted anew, about a second
SHARE = 0.1  # of the time that a fit may take
LEAST, MOST = 50, 5000  # rows of each member
REPEATS = 10  # at most: of few rows


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
        for column in np.unique(origin):
            shuffled, places = X.copy(), np.flatnonzero(origin == column)
            for order in orders:
                shuffled[:, places] = X[np.ix_(order, places)]
                rise = evaluation.loss_on(replace(rows, X=shuffled), weights) - usual
                rises[column] += rise / (len(orders) * len(evaluations))
    return rises
