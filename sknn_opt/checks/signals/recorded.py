"""Signals of a network of another library, from what was recorded of one pass through it.

A layer is whatever has a weight matrix or kernel. Its activations are what enters the next layer,
so that it does not matter how an activation function was written; which it was is seen from the
numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.signals import FLAT, N_SAMPLE, LayerSignals, flatness, rms, sizes

SOME = 2_000  # numbers from which an activation function is recognized
CLOSE = 1e-5  # relative
FITTING = 0.8, 1.25  # n_in Var(W) / gain² of weights that fit their activation
LEAST_WEIGHTS = 64  # from which a variance can be told


@dataclass
class Recorded:
    """What was seen of one layer; units are the last axis of all but the weights, where they are
    the first.

    Attributes
    ----------
    name : str
    weight : ndarray of shape (n_units, n_in)
    z, a : ndarray of shape (n_rows, ..., n_units)
        Before and after the activation function; the last layer's `a` are the outputs.
    delta : ndarray or None
        The gradient at z of a random one at the outputs.
    gradient : ndarray or None
        That of the loss with respect to the weights.
    rest : ndarray of shape (n_units of all places,), or 0
        The activations where X is 0.
    """

    name: str
    weight: np.ndarray
    z: np.ndarray
    a: np.ndarray
    delta: np.ndarray | None = None
    gradient: np.ndarray | None = None
    rest: np.ndarray | float = 0.0

    def activation(self):
        """Its name in our table, None if it is another."""
        if self.z.shape != self.a.shape or not self.z.any():
            return None
        z, a = (each.ravel()[:: max(1, each.size // SOME)] for each in (self.z, self.a))
        for name in ("relu", *ACTIVATIONS):  # the likeliest where several would do
            function = ACTIVATIONS[name]
            found = z.copy()
            function.forward(found, *np.empty((function.n_scratch, *found.shape)))
            if np.allclose(found, a, rtol=CLOSE, atol=CLOSE * rms(a)):
                return name
        return None


@dataclass
class Passage:
    """What one pass showed: what entered the first layer, all layers, and if a norm is used."""

    first: np.ndarray
    layers: list[Recorded]
    has_norm: bool = False


def signals_of(first, layers):
    """The `LayerSignals` of recorded layers, and of what enters the first one."""
    found, before = [LayerSignals(0, first.shape[-1], **sizes(_by_rows(first)))], rms(first)
    for number, layer in enumerate(layers, 1):
        facts = {"z_rms": rms(layer.z), "z_mean": float(layer.z.mean())}
        facts |= sizes(_by_rows(layer.a), layer.rest)
        facts["weight_norm"] = float(np.linalg.norm(layer.weight))
        facts["forward_gain"] = facts["a_rms"] / before if before else math.nan
        facts["sample"] = layer.a.ravel()[:N_SAMPLE]
        if number < len(layers):
            facts |= _flat(layer) | {"alike": _are_alike(layer, layers[number])}
        if number > 1 and layer.delta is not None:
            below, size = layers[number - 2].delta, rms(layer.delta)
            facts["backward_gain"] = rms(below) / size if size else math.nan
        if layer.gradient is not None:
            facts["gradient_norm"] = float(np.linalg.norm(layer.gradient))
        found.append(LayerSignals(number, layer.z.shape[-1], **facts))
        before = facts["a_rms"]
    return found


def fits_activations(layers):
    """Whether all weights have the variance that keeps signals, as init='auto' has."""
    gain = ACTIVATIONS["identity"].gain
    for layer in layers[:-1]:
        if layer.weight.size >= LEAST_WEIGHTS:
            share = layer.weight.shape[1] * np.mean(layer.weight**2) / gain**2
            if not FITTING[0] <= share <= FITTING[1]:
                return False
        gain = ACTIVATIONS[layer.activation() or "identity"].gain
    return True


def _by_rows(a):
    """A row for each of X, whatever the axes between."""
    return a.reshape(len(a), -1)


def _flat(layer):
    """The shares of dead units and of flat activations."""
    name, units = layer.activation(), layer.z.shape[-1]
    if name:
        z = layer.z.reshape(-1, units).copy()
        return flatness(ACTIVATIONS[name], z)[1]
    if layer.delta is None:
        return {}
    largest = np.abs(layer.delta).reshape(-1, units).max(axis=0)
    return {"dead": float(np.mean(largest <= FLAT**2 * largest.max(initial=0)))}


def _are_alike(layer, after):
    """Whether all units have equal weights, and the next layer weighs them alike."""
    same = np.ptp(layer.weight, axis=0).max() <= CLOSE * np.abs(layer.weight).max()
    n_units, next_weight = len(layer.weight), after.weight
    if n_units < 2 or not same or next_weight.shape[1] % n_units:
        return False
    by_unit = next_weight.reshape(len(next_weight), n_units, -1)
    return bool(np.ptp(by_unit, axis=1).max() <= CLOSE * np.abs(by_unit).max())
