"""Losses on raw outputs z: the value and dℓ/dz from one function, so that they cannot disagree.

``loss(z, y)`` returns ℓ(zᵢ, yᵢ) of each row and overwrites z with the gradient, row i being
∂ℓ/∂zᵢ. The caller weighs the rows and divides by the batch's size (see `sknn_opt.nn.network`).
With an output activation that fits the loss, ŷ = link(z), the gradient of each one is ŷ - y:

================  ===================  ======================================  =================
name              link                 ℓ(z, y), summed over the outputs         y
================  ===================  ======================================  =================
log_loss          softmax              log Σₖ e^zₖ - z_y                       class codes
binary_log_loss   logistic             log(1 + e^z) - y z                      0 or 1 per output
squared_error     identity             (z - y)² / 2                            real
poisson           exp                  e^z - y z + y log y - y                 real, >= 0
================  ===================  ======================================  =================
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax, xlogy

from sknn_opt.nn import kernels


@dataclass(frozen=True)
class Loss:
    """A loss on raw outputs and the link that turns these into predictions."""

    values_and_gradient: Callable
    link: str


def _log_loss(z, y):
    rows = np.arange(len(z))
    z -= kernels.row_maximum(z)
    chosen = z[rows, y]
    np.exp(z, out=z)
    total = z.sum(axis=1)
    z /= total[:, np.newaxis]
    z[rows, y] -= 1  # ∂ℓ/∂z = softmax(z) - onehot(y)
    return np.log(total) - chosen


def _binary_log_loss(z, y):
    losses = np.empty_like(z)
    kernels.softplus(z, out=losses)
    losses -= y * z
    kernels.logistic(z, out=z)
    z -= y  # ∂ℓ/∂z = σ(z) - y
    return losses.sum(axis=1)


def _squared_error(z, y):
    z -= y  # ∂ℓ/∂z
    # Not np.vdot or abs: a complex z must stay analytic.
    return 0.5 * np.einsum("ij,ij->i", z, z)


def _poisson(z, y):
    losses = xlogy(y, y) - y - y * z
    np.exp(z, out=z)
    losses += z
    z -= y  # ∂ℓ/∂z = e^z - y
    return losses.sum(axis=1)


LOSSES = {
    "log_loss": Loss(_log_loss, link="softmax"),
    "binary_log_loss": Loss(_binary_log_loss, link="logistic"),
    "squared_error": Loss(_squared_error, link="identity"),
    "poisson": Loss(_poisson, link="exp"),
}


def _bounded_exp(z):
    """e^z, at most the largest finite number."""
    largest = np.log(np.finfo(z.dtype).max)  # may have been rounded up
    return np.exp(np.minimum(z, np.nextafter(largest, z.dtype.type(0))))


LINKS = {
    "softmax": lambda z: softmax(z, axis=1),
    "logistic": expit,
    "identity": lambda z: z,
    "exp": _bounded_exp,
}
LOG_LINKS = {"softmax": lambda z: log_softmax(z, axis=1), "logistic": log_expit}
