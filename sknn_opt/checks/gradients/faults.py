"""Whose backward is at fault: the layer that turns a right gradient into a wrong one.

Backprop hands δ = ∂J/∂signal from layer to layer, the last first. Each δ that it handed over is
compared with complex steps. A layer that got a right δ, and either passed on a wrong one or wrote
wrong gradients of its own blocks, is at fault; the layers below it only inherit.
"""

import numpy as np

from sknn_opt.checks.gradients.problem import numbered_layers
from sknn_opt.checks.gradients.report import ratio
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.layers import Activation, BatchNorm, Dense, Dropout

N_DIRECTIONS = 3


def find_fault(data, layerwise, wrong, tolerance, rng):
    """Who is at fault for the blocks in `wrong`.

    Returns a sentence (None if all layers are right), the layer's number and a tuple of hints.
    """
    layers = layerwise.layers
    deltas = _handed_over(data)
    tolerance = 100 * tolerance  # looser than for the blocks: only they decide whether all is right
    right = {k: _agrees(layerwise, k, deltas[k], tolerance, rng) for k in deltas}
    top, numbers = len(layers), _numbers(layers)
    if not right[top]:
        return f"layer {numbers[-1]}: the gradient of the loss", numbers[-1], ()
    for k in range(top - 1, min(deltas) - 2, -1):
        layer, number = layers[k], numbers[k]
        own = [block for block in _blocks_of(layer, number) if block in wrong]
        passes = k in deltas and not right[k]
        if right[k + 1] and (own or passes):
            return (
                f"layer {number}: {_describe(layer, own, passes)}",
                number,
                _details(layerwise, k, deltas) if passes else (),
            )
    others = sorted(block for block in wrong if block not in ("all", "L2"))
    if others:
        number = max(numbered_layers(others).values())
        return f"layer {number}: {', '.join(others)}", number, ()
    return ("the L2 penalty", None, ()) if "L2" in wrong else (None, None, ())


def _handed_over(data):
    """δ of each signal as backprop computes it: {k: ∂J/∂signal k}."""
    network = data.network_at(data.theta)
    network.loss(data.X, data.y, data.weight, data.scale)
    k, delta = len(network.layers), network.delta
    deltas = {k: delta.astype(float)}
    for layer in network.backward_layers:
        delta = layer.backward(delta)
        k -= 1
        if delta is not None:
            deltas[k] = delta.astype(float)
    return deltas


def _agrees(layerwise, k, delta, tolerance, rng):
    n_rows, n_units = delta.shape
    moved = rng.normal(size=(n_rows, N_DIRECTIONS, n_units))
    numeric = layerwise.along_signal(k, moved)
    return ratio(np.einsum("ndu,nu->d", moved, delta), numeric) < tolerance


def _numbers(layers):
    """The number of each layer: those between two Dense count with the one below."""
    return np.cumsum([isinstance(layer, Dense) for layer in layers]).tolist()


def _blocks_of(layer, number):
    names = {Dense: ("W", "b"), BatchNorm: ("gamma", "beta")}.get(type(layer), ())
    return [f"{name}[{number}]" for name in names]


def _describe(layer, own, passes):
    below = "the gradient it passes to the layer below"
    match layer:
        case Dense():
            kind, passed = "Dense", f"{below}, δ Wᵀ"
        case BatchNorm():
            kind, passed = "batch norm", f"{below}, through its mean and variance"
        case Dropout():
            kind, passed = "dropout", "the mask"
        case Activation():
            kind, passed = "activation", f"the derivative of {_name(layer)}"
    return f"{kind}, " + " and ".join([*(f"d{block}" for block in own), *[passed] * passes])


def _name(activation):
    return next(name for name, f in ACTIVATIONS.items() if f is activation.function)


def _details(layerwise, k, deltas):
    """What the layer may have done instead, tried on the δ that it got."""
    got, gave = deltas[k + 1], deltas[k]
    layer = layerwise.layers[k]
    if not np.isfinite(gave).all():
        return ("its result is not finite",)
    candidates = {}
    if isinstance(layer, (Activation, Dropout, BatchNorm)):
        candidates["it passes its gradient on unchanged: its derivative is forgotten"] = got
        candidates["it passes zeros on"] = np.zeros_like(got)
    if isinstance(layer, Activation):
        for name, function in ACTIVATIONS.items():
            if function is not layer.function:
                slope = layerwise.slope(k, function)
                candidates[f"it uses the derivative of {name}, not of {_name(layer)}"] = got * slope
        for j, other in enumerate(layerwise.layers):
            if j != k and isinstance(other, Activation):
                slope = layerwise.slope(j, other.function)
                if slope.shape == got.shape:
                    text = f"it uses the derivative at layer {_numbers(layerwise.layers)[j]}"
                    candidates[f"{text}, not at its own"] = got * slope
    if isinstance(layer, Dropout):
        for j, other in enumerate(layerwise.layers):
            if j != k and isinstance(other, Dropout) and other.mask.shape == layer.mask.shape:
                text = f"it uses the mask of layer {_numbers(layerwise.layers)[j]}, not its own"
                candidates[text] = got * other.mask
    if isinstance(layer, Dense) and layer.W.shape[0] == layer.W.shape[1]:
        candidates["it multiplies by W where Wᵀ belongs"] = got @ layer.W
    fitting = [hint for hint, passed in candidates.items() if ratio(gave, passed) < 1e-6]
    return tuple(fitting[:1])
