"""A Keras model: its layers as they are called, for any backend; forward only."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import numpy as np

from sknn_opt.checks.signals.recorded import Passage, Recorded

NORM = "Normalization"  # in the names of Keras's normalizing layers


@dataclass
class _Walk:
    """The calls of layers with a kernel, as dicts of name, layer, x and z."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    has_norm: bool = False

    def watch(self, model, stack):
        """Replace the methods of all layers until the stack is closed."""
        for layer in _leaves(model):
            if NORM in type(layer).__name__:
                stack.enter_context(_replaced(layer, "call", self._norm(layer.call)))
            elif getattr(getattr(layer, "kernel", None), "ndim", 0) >= 2:
                stack.enter_context(_replaced(layer, "call", self._layer(layer)))
                if callable(getattr(layer, "activation", None)):
                    watched = self._activation(layer.activation)
                    stack.enter_context(_replaced(layer, "activation", watched))

    def _layer(self, layer):
        call = layer.call

        @wraps(call)
        def watched(x, *args, **kwargs):
            seen = {"name": layer.name, "layer": layer, "x": x}
            self.calls.append(seen)
            out = call(x, *args, **kwargs)
            seen.setdefault("z", out)
            return out

        return watched

    def _activation(self, function):
        @wraps(function)
        def watched(z, *args, **kwargs):
            self.calls[-1]["z"] = z
            return function(z, *args, **kwargs)

        return watched

    def _norm(self, call):
        @wraps(call)
        def watched(x, *args, **kwargs):
            self.has_norm, out = True, call(x, *args, **kwargs)
            if self.calls and self.calls[-1]["z"].shape == out.shape:
                self.calls[-1]["z"] = out
            return out

        return watched


@contextmanager
def _replaced(layer, name, value):
    """An attribute with another value, for the time being."""
    own = name in vars(layer)
    before = getattr(layer, name)
    setattr(layer, name, value)
    try:
        yield
    finally:
        if own:
            setattr(layer, name, before)
        else:
            delattr(layer, name)


def pass_through(model, X, y, loss, seed):
    """One pass through a model, which is left as it was.

    Raises
    ------
    TypeError
        If it has several outputs.
    ValueError
        If it has no hidden layer, or is not built.
    """
    import keras

    if not model.built:
        raise ValueError(f"{model.name} is not built; call it on some rows first, model(X[:2]).")
    walk, X, before = _Walk(), keras.ops.convert_to_tensor(np.asarray(X)), model.get_weights()
    as_array = keras.ops.convert_to_numpy
    try:
        with ExitStack() as stack:
            walk.watch(model, stack)
            at_rest = model(keras.ops.zeros_like(X[:2]), training=True)
            rests = [call["x"] for call in walk.calls[1:]] + [at_rest]
            walk.calls.clear()
            out = model(X, training=True)
    finally:
        model.set_weights(before)
    if isinstance(out, list | tuple | dict):
        raise TypeError(
            f"{model.name} has several outputs; check_signals needs a model with one. Make one "
            "by keras.Model(model.inputs, model.outputs[0])."
        )
    calls = walk.calls
    if len(calls) < 2:
        raise ValueError(
            f"{model.name} called {len(calls)} layers with a kernel: a network without hidden "
            "layers has no gains to show; give at least one hidden layer."
        )
    afters = [call["x"] for call in calls[1:]] + [out]
    layers = [
        Recorded(
            call["name"],
            _matrix(call["layer"]),
            as_array(call["z"]),
            as_array(after),
            rest=as_array(rest)[:1].reshape(1, -1),
        )
        for call, after, rest in zip(calls, afters, rests, strict=True)
    ]
    return Passage(as_array(calls[0]["x"]), layers, walk.has_norm)


def _leaves(model):
    """The layers of a model, and of models in it."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _matrix(layer):
    """The kernel, a row for each unit."""
    import keras

    kernel = np.moveaxis(keras.ops.convert_to_numpy(layer.kernel), -1, 0)
    return kernel.reshape(len(kernel), -1)
