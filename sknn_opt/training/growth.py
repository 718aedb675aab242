"""Classes that turn up later: an output layer that grows, and predicts the others as before.

Softmax has an output for each class. The logistic function has one, z, for two classes: it is the
softmax of (0, z). A new class gets the mean of the outputs of the others, less log(n + 1) after n
rows. Since that mean is below log Σₖ e^zₖ, its probability is at most 1 / (n + 1) of theirs.
"""

import math
from dataclasses import replace

import numpy as np

from sknn_opt.nn.network import Weights


def with_more_classes(state, predicting, loss, places, n_classes):
    """The state and the weights that predict, with outputs for new classes.

    Parameters
    ----------
    state : TrainingState
    predicting : (ndarray, ndarray)
        θ and the running statistics that predict.
    loss : Loss
        That of all classes.
    places : ndarray of int
        Where the known classes are among all of them.
    n_classes : int
        How many there are.

    Returns
    -------
    TrainingState, Weights
    """
    old = state.architecture
    n_outputs = 1 if loss.link == "logistic" else n_classes
    new = replace(old, n_units=(*old.n_units[:-1], n_outputs), loss=loss)
    rare = {f"W[{old.n_layers}]": 0.0, f"b[{old.n_layers}]": -math.log(state.n_seen + 1)}

    def grown(vector, *, of_weights=True):
        longer = np.zeros(new.n_parameters, vector.dtype)
        for name, block in new.blocks.items():
            values = old.blocks[name].of(vector)
            if name in rare:
                known = _by_class(values, old.loss)
                values = np.zeros((*known.shape[:-1], n_classes))
                if of_weights:
                    values[...] = known.mean(axis=-1, keepdims=True) + rare[name]
                values[..., places] = known
                if loss.link == "logistic":  # there was but one class, whose output is free
                    values = (values[..., 1:] - values[..., :1]) * of_weights
            block.of(longer)[...] = values
        return longer

    def grown_weights(of):
        return of and Weights(grown(of.theta), of.statistics.copy())

    state, moments = state.copy(), state.moments.items()
    state.architecture = new
    state.weights, state.average = map(grown_weights, (state.weights, state.average))
    state.moments = {k: grown(v, of_weights=False) if np.ndim(v) else v for k, v in moments}
    if state.class_totals is not None:
        totals = np.zeros((1, n_classes))
        totals[:, places] = state.class_totals[:, : len(places)]
        state.class_totals = totals
    state.start_anew()  # scores of fewer classes cannot be compared with
    return state, grown_weights(Weights(*predicting))


def _by_class(values, loss):
    """Columns of outputs with one for each class."""
    if loss.link == "softmax":
        return values
    return np.concatenate([np.zeros_like(values), values], axis=-1)
