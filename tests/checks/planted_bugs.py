"""Bugs that people make in backprop, planted into a network: for tests and for the comparison.

``with bug.planted(layer): ...`` changes the backward pass of every network that is built inside;
the forward pass, and so the function itself, stays correct.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from sknn_opt.nn.layers import ActivationLayer, BatchNorm, Dense, Dropout
from sknn_opt.nn.network import Network


@dataclass(frozen=True)
class Bug:
    """One kind of bug.

    `plant(network, layer)` changes a network. `where` tells in which of n layers it can be:
    "all", "hidden" (those with an activation), "inner" (those that pass a gradient on), "first",
    "top" or "none" (no single layer). `hint` is a regular expression for the hint that names it;
    `needs` are parameters of the estimator.
    """

    name: str
    plant: Callable
    where: str = "all"
    hint: str | None = None
    needs: tuple = ()

    def layers(self, n):
        """The layers of a network with n of them that can have this bug."""
        return {
            "all": range(1, n + 1),
            "hidden": range(1, n),
            "inner": range(2, n + 1),
            "square": range(2, n),
            "top": [n],
            "first": [1],
            "none": [None],
        }[self.where]

    @contextmanager
    def planted(self, layer):
        """Every network built within has the bug at `layer`."""
        original = Network.__init__

        def init(network, *args, **kwargs):
            original(network, *args, **kwargs)
            self.plant(network, layer)

        Network.__init__ = init
        try:
            yield
        finally:
            Network.__init__ = original


def _of_layer(network, kind, layer):
    """The layer of a kind with a number; what lies between two Dense counts with the lower one."""
    numbers = np.cumsum([isinstance(each, Dense) for each in network.layers])
    return next(
        each
        for each, number in zip(network.layers, numbers, strict=True)
        if isinstance(each, kind) and number == layer
    )


def after(kind, change):
    """Run `change(layer, delta, result, network)` after backward; what it returns is passed on."""

    def plant(network, number):
        layer = _of_layer(network, kind, number)
        original = layer.backward

        def backward(delta):
            given = delta.copy()
            state = {"mean": None}
            if isinstance(layer, BatchNorm):
                state["x_hat"] = layer.x_hat.copy()
            layer.planted_state = state
            result = original(delta)
            changed = change(layer, given, result, network)
            return result if changed is None else changed

        layer.backward = backward

    return plant


def dense(change):
    """A bug in a Dense layer's own gradients."""
    return after(Dense, lambda layer, delta, result, network: change(layer, delta))


def _scale(name, factor):
    def change(layer, delta):
        array = getattr(layer, name)
        array *= factor(len(delta)) if callable(factor) else factor

    return dense(change)


def _element(change_element):
    def change(layer, delta):
        largest = np.unravel_index(np.argmax(np.abs(layer.dW)), layer.dW.shape)
        layer.dW[largest] = change_element(layer.dW[largest])

    return dense(change)


def _column(layer, delta):
    layer.dW[:, np.argmax(np.abs(layer.dW).sum(axis=0))] = 0


def _last_row_dropped(layer, delta):
    layer.dW[...] = layer._a[:-1].T @ delta[:-1]


def _rows_permuted(layer, delta):
    layer.dW[...] = np.roll(layer._a, 1, axis=0).T @ delta


def _transposed(layer, delta):
    layer.dW[...] = layer.dW.T.copy()


def _bias_of_one_row(layer, delta):
    layer.db[...] = delta[0]


def _passed(change):
    """A bug in what a layer passes on."""
    return lambda kind: after(
        kind, lambda layer, delta, result, network: change(layer, delta, result)
    )


_skipped = _passed(lambda layer, delta, result: delta)


def _stale(layer, delta, result):
    rng = np.random.default_rng(0)
    return delta @ (layer.W + 1e-3 * rng.normal(size=layer.W.shape)).T


def _other_mask(layer, delta, result, network):
    """The derivative of the next hidden layer, or of the one before the last."""
    others = [
        each for each in network.layers if isinstance(each, ActivationLayer) and each is not layer
    ]
    return delta * (others[0]._a != 0)


def _other_function(layer, delta, result, network):
    return delta * 0.5


def _leaky(layer, delta, result, network):
    """The derivative of leaky_relu; activations have the signs of z."""
    return delta * np.where(layer._a > 0, 1, 0.01)


def _loss(change):
    """A bug in the loss's gradient; its value stays."""

    def plant(network, number):
        original = network.row_losses

        def row_losses(z, y):
            losses, gradient = original(z, y)
            if z.dtype.kind != "c":
                change(gradient, y, network)
            return losses, gradient

        network.row_losses = row_losses

    return plant


def _times_n(z, y, network):
    z *= len(z)


def _minus(z, y, network):
    z *= -1


def _last_row_of_loss(z, y, network):
    z[-1] = 0


def _penalty(factor):
    """The L2 penalty with a factor, in all layers."""

    def plant(network, number):
        original = network.backward
        network.backward = lambda penalty=0.0: original(factor * penalty)

    return plant


def _penalty_in_one_layer(network, number):
    layer, original = _of_layer(network, Dense, number), network.backward

    def backward(penalty=0.0):
        original(penalty)
        layer.dW[...] -= penalty * layer.W

    network.backward = backward


def _penalty_on_biases(network, number):
    layer, original = _of_layer(network, Dense, number), network.backward

    def backward(penalty=0.0):
        original(penalty)
        layer.db[...] += penalty * layer.b

    network.backward = backward


def _norm_without(term):
    """Batch norm's backward without the mean's or the variance's part."""

    def change(layer, delta, result, network):
        x_hat, p = layer.planted_state["x_hat"], layer._p[:, np.newaxis]
        inner = delta.copy()
        if term != "mean":
            inner -= p * layer.dbeta
        if term != "variance":
            inner -= p * x_hat * layer.dgamma
        return inner * (layer.gamma * layer._inverse_std)

    return after(BatchNorm, change)


def _norm_block(name, factor):
    def change(layer, delta, result, network):
        array = getattr(layer, name)
        array *= factor

    return after(BatchNorm, change)


def _unweighted(network, number):
    """The loss's gradient forgets the weights of the rows."""
    original = network.loss

    def loss(X, y, weight=None, scale=1.0, penalty=0.0):
        value = original(X, y, weight, scale, penalty)
        if weight is not None and network.delta.dtype.kind != "c":
            network.delta /= weight[:, np.newaxis] * scale * len(network.delta)
            network.delta *= scale * len(network.delta) * weight.mean()
            network.delta *= scale
        return value

    network.loss = loss


def _dw_without_scale(layer, delta):
    layer.dW /= layer.scale[:, np.newaxis]


NORM, DROPOUT = (("batch_norm", True),), (("dropout", 0.4),)
SCALE = (("input_scale", True),)

BUGS = [
    Bug("1/N missing in the loss", _loss(_times_n), "top", "1/N is missing"),
    Bug("sign of the loss", _loss(_minus), "top", "sign is wrong"),
    Bug("last row dropped in the loss", _loss(_last_row_of_loss), "top", "last row"),
    Bug("sample weights forgotten", _unweighted, "top", None, (("weights", True),)),
    Bug("dW N times too large", _scale("dW", lambda n: n), "all", "1/N is missing"),
    Bug("dW doubled", _scale("dW", 2.0), "all", "2 times the right one"),
    Bug("dW x 0.99", _scale("dW", 0.99), "all", "0.99 times"),
    Bug("dW x 1.0001", _scale("dW", 1.0001), "all", "1.0001 times"),
    Bug("dW of the wrong sign", _scale("dW", -1.0), "all", "sign is wrong"),
    Bug("dW zero", _scale("dW", 0.0), "all", "all zero"),
    Bug("dW transposed", dense(_transposed), "square", "transposed"),
    Bug("dW: last row dropped", dense(_last_row_dropped), "all", "last row"),
    Bug("dW: rows permuted", dense(_rows_permuted)),
    Bug("dW: one element +10 %", _element(lambda x: 1.1 * x), "all", "only in element"),
    Bug("dW: one sign", _element(lambda x: -x), "all", "only in element"),
    Bug("dW: a zero column", dense(_column), "all", "column"),
    Bug("db as a mean", _scale("db", lambda n: 1 / n), "all", "mean"),
    Bug("db zero", _scale("db", 0.0), "all", "all zero"),
    Bug("db of the wrong sign", _scale("db", -1.0), "all", "sign is wrong"),
    Bug("db of the first row", dense(_bias_of_one_row)),
    Bug("delta x 0.99", _passed(lambda layer, d, r: 0.99 * r)(Dense), "inner"),
    Bug("stale weights", _passed(_stale)(Dense), "inner"),
    Bug("delta by W, not its transpose", _passed(lambda layer, d, r: d @ layer.W)(Dense), "square"),
    Bug("activation's derivative forgotten", _skipped(ActivationLayer), "hidden", "forgotten"),
    Bug("derivative of another layer", after(ActivationLayer, _other_mask), "hidden"),
    Bug("half the derivative", after(ActivationLayer, _other_function), "hidden"),
    Bug("dropout's mask forgotten", _skipped(Dropout), "hidden", "forgotten", DROPOUT),
    Bug("L2 missing", _penalty(0.0), "none", "is missing"),
    Bug("L2 doubled", _penalty(2.0), "none", "is counted twice"),
    Bug("L2 missing in one layer", _penalty_in_one_layer, "all", "is missing"),
    Bug("L2 on biases", _penalty_on_biases, "all", "not penalized"),
    Bug("batch norm without its mean's part", _norm_without("mean"), "hidden", None, NORM),
    Bug("batch norm without its variance's part", _norm_without("variance"), "hidden", None, NORM),
    Bug("dgamma zero", _norm_block("dgamma", 0.0), "hidden", "all zero", NORM),
    Bug("dbeta of the wrong sign", _norm_block("dbeta", -1.0), "hidden", "sign", NORM),
]

# These have hints too, but do not count in the comparison with other checkers.
N_ROWS = 17
RARE = [
    Bug("derivative of leaky_relu", after(ActivationLayer, _leaky), "hidden", "of leaky_relu, not"),
    Bug("L2 of the wrong sign", _penalty(-1.0), "none", "penalty has the wrong sign"),
    Bug("L2 without 1/N", _penalty(N_ROWS), "none", "penalty lacks its 1/N"),
    Bug("L2 of another size", _penalty(0.3), "none", "penalty is 0.3 times the correct one"),
    Bug("dscale zero", _scale("dscale", 0.0), "first", "all zero", SCALE),
    Bug("dscale of the wrong sign", _scale("dscale", -1.0), "first", "sign is wrong", SCALE),
    Bug("dW without the scale", dense(_dw_without_scale), "first", None, SCALE),
]
