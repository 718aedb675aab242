"""Outputs in other units: the network changes, and what it predicts does not.

When targets are measured anew as y' = ratio · y + shift, the last layer follows,

    W' = ratio · W,    b' = ratio · b + shift,

so that z' = ratio · z + shift for every row: a prediction, in the user's units, stays where it was.
With the link exp it is b' = b + log(ratio). Source: van Hasselt et al. (2016), "Learning values
across many orders of magnitude" (Pop-Art).

Gradients change with the units as well. Where ℓ' = ratio^d · ℓ, d being the `degree` of the loss,

    ∂ℓ'/∂z' = ratio^(d - 1) · ∂ℓ/∂z,

and so do the means of gradients and of their squares that an optimizer keeps. A layer below the
last one sees ∂ℓ'/∂z' through W': of several outputs it gets the mean factor.
"""

import numpy as np
from scipy.linalg import norm

FAR, NEAR, FAR_IN_LOG, LARGE = 5, 1e-6, 3, 5  # outputs that say nothing in the new units
POWERS = {"velocity": 1, "first_moment": 1, "second_moment": 2}  # of the gradient, in a buffer


def rescale(state, ratio, shift):
    """Change the units of a `TrainingState`.

    Parameters
    ----------
    state : TrainingState
    ratio, shift : ndarray of shape (n_outputs,)
        Old outputs z are new outputs ratio · z + shift. Where these are 5 times as large or as far
        away, or differ by less than a millionth (the targets before were constant), the old outputs
        say nothing in the new units. The last layer then stays as it is, for it trains badly from
        so far away, and from 0. With the link exp, so far away is a factor of e³ either way. Many
        small changes make a large one: weights of a norm above 5 do not grow.
    """
    if state.architecture.loss.link == "exp":
        kept = lost = np.abs(np.log(ratio)) > FAR_IN_LOG
    else:
        lost = (ratio > FAR) | (np.abs(shift) > FAR) | (ratio < NEAR)
        W, _ = _last_layer(state.architecture, state.weights.theta)
        large = (norm(W, axis=-2) > LARGE).reshape(-1, W.shape[-1]).any(axis=0)  # in any member
        kept = lost | ((ratio > 1) & large)
    ratio, shift = np.where(kept, 1.0, ratio), np.where(kept, 0.0, shift)
    state.best = state.best and state.best.copy()  # which others may hold
    for weights in filter(None, (state.weights, state.average, state.best)):
        _rescale_outputs(state.architecture, weights, ratio, shift)
    if lost.any():
        state.moments = {}
    _rescale_moments(state, ratio)


def _rescale_outputs(architecture, weights, ratio, shift):
    W, b = _last_layer(architecture, weights.theta)
    if architecture.loss.link == "exp":
        b += np.log(ratio)
    else:
        W *= ratio
        b *= ratio
        b += shift


def _rescale_moments(state, ratio):
    loss = state.architecture.loss
    at_output = ratio ** (loss.degree - (loss.link != "exp"))
    below = np.mean(at_output * ratio if loss.link != "exp" else at_output)
    for name, power in POWERS.items():
        if name in state.moments:
            state.moments[name] *= float(below**power)
            for block in _last_layer(state.architecture, state.moments[name]):
                block *= (at_output / below) ** power


def _last_layer(architecture, vector):
    """Views of the last W and b in a vector of the length of θ."""
    n = architecture.n_layers
    return architecture.blocks[f"W[{n}]"].of(vector), architecture.blocks[f"b[{n}]"].of(vector)
