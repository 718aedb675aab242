"""Losses on raw outputs z: the value and dL/dz from one function, so that they cannot disagree.

``loss(z, y, weight)`` returns Σᵢ wᵢ ℓ(zᵢ, yᵢ) over the rows of a batch and overwrites z with its
gradient, row i being wᵢ ∂ℓ/∂zᵢ. The caller divides by the batch's size (see
`sknn_opt.nn.network`). With an output activation that fits the loss, ŷ = link(z), the gradient of
each one is ŷ - y:

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

    value_and_gradient: Callable
    link: str


def _weigh(row_losses, delta, weight):
    """Σᵢ wᵢ ℓᵢ, and weigh the rows of the gradient likewise."""
    if weight is None:
        return row_losses.sum().item()
    delta *= weight[:, np.newaxis]
    return (weight @ row_losses).item()


def _log_loss(z, y, weight):
    rows = np.arange(len(z))
    z -= kernels.row_maximum(z)
    chosen = z[rows, y]
    np.exp(z, out=z)
    total = z.sum(axis=1)
    z /= total[:, np.newaxis]
    z[rows, y] -= 1  # ∂ℓ/∂z = softmax(z) - onehot(y)
    return _weigh(np.log(total) - chosen, z, weight)


def _binary_log_loss(z, y, weight):
    losses = np.empty_like(z)
    kernels.softplus(z, out=losses)
    losses -= y * z
    kernels.logistic(z, out=z)
    z -= y  # ∂ℓ/∂z = σ(z) - y
    return _weigh(losses.sum(axis=1), z, weight)


def _squared_error(z, y, weight):
    z -= y  # ∂ℓ/∂z
    # Not np.vdot or abs: a complex z must stay analytic.
    return _weigh(0.5 * np.einsum("ij,ij->i", z, z), z, weight)


def _poisson(z, y, weight):
    losses = xlogy(y, y) - y - y * z
    np.exp(z, out=z)
    losses += z
    z -= y  # ∂ℓ/∂z = e^z - y
    return _weigh(losses.sum(axis=1), z, weight)


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
