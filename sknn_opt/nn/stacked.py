"""Networks of one architecture side by side, each with a row of θ for itself.

Row j of θ is all of network j, so that its optimizer, its average and its copies are those of a
network alone; only the passes go through all of them at once, by packed products. In contrast to
the members of one network, each has a penalty and dropout rates of its own.
"""

import math

import numpy as np
from scipy.linalg import norm

from sknn_opt.nn.layers import Masks
from sknn_opt.nn.losses import is_ours
from sknn_opt.nn.network import Network


class StackedNetwork(Network):
    """Networks of one architecture, bound to the rows of θ and dθ.

    Parameters
    ----------
    architectures : list of Architecture
        Alike but for the rates of dropout; a layer has dropout in all of them, or in none.
    theta, statistics : ndarray of shape (k, n_parameters) and (k, n_statistics)
    n_rows : int
        The rows of each network in the largest batch.
    """

    def __init__(self, architectures, theta, statistics, n_rows):
        super().__init__(architectures[0], theta, statistics, n_rows)
        self.gradients = list(self.grad)  # of each network
        self._rows = list(theta)
        self._losses = [architecture.loss for architecture in architectures]
        if not is_ours(self.row_losses):
            self.row_losses = self._losses_of_each
        by_layer = zip(*(architecture.dropout for architecture in architectures), strict=True)
        for layer, rates in zip(self.dropouts, filter(any, by_layer), strict=True):
            dtype = layer.mask.dtype
            layer.masks = MasksOfEach([Masks(rate, dtype) for rate in rates])

    def losses_and_gradients(self, X, y, scale, penalties):
        """Those of each network on its own rows.

        Returns
        -------
        list of (J, penalty, norm of the gradient)
        """
        self.loss(X, y, None, scale)
        delta = self.delta
        for layer in self.backward_layers:
            delta = layer.backward(delta)
        found, n_decayed = [], self.architecture.n_decayed
        sums = self.member_sums.tolist()
        for theta, grad, sum_, penalty in zip(
            self._rows, self.gradients, sums, penalties, strict=True
        ):
            squares, length = self._add_penalty(theta, grad, n_decayed, penalty)
            term, in_range = 0.5 * penalty * squares, 1e-30 < length < math.inf
            of_grad = math.sqrt(length) if in_range else norm(grad, check_finite=False)
            found.append((scale * sum_ + term, term, of_grad))
        return found

    def _losses_of_each(self, z, y):
        """Those of a user's loss, which may look at all rows of a batch, or remember some."""
        k = len(self._losses)
        each = zip(self._losses, np.split(z, k), np.split(y, k), strict=True)
        losses, gradients = zip(*(loss(*own) for loss, *own in each), strict=True)
        return np.concatenate(losses), np.concatenate(gradients)


class MasksOfEach:
    """Dropout masks of several networks, each with its own rate and generator."""

    def __init__(self, each):
        self.each = each

    def draw(self, generators, mask):
        """Fill a vector, of which each network has a part; one without a generator keeps it."""
        parts = mask.reshape(len(self.each), -1)
        for masks, rng, part in zip(self.each, generators, parts, strict=True):
            if rng is not None:
                masks.draw(rng, part)
