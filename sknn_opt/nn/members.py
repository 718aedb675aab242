"""Several networks of one architecture side by side, as one packed network.

Block ``W[l]`` of θ holds the matrices of all k members, with shape (k, n_in, n_out). The rows of a
batch lie one member behind the other, (k · m, n_units), so that whatever works row by row (an
activation, dropout, the loss) needs to know nothing of members. Only these layers do:

    z[j] = a[j] W[j] + b[j]      one batched product for all members j

Members share no parameter: the gradient of Σⱼ Jⱼ with respect to θ[j] is that of Jⱼ alone.

Together they predict the mean of what each predicts. In raw outputs, with the link g, that is
z = g⁻¹(mean g(z[j])): probabilities are averaged, and amounts.
"""

import math

import numpy as np
from scipy.linalg import norm
from scipy.sparse import issparse, vstack
from scipy.special import log_expit, log_softmax, logsumexp

from sknn_opt.kernels import with_numpy as kernels
from sknn_opt.nn.layers import BatchNorm, Dense, Scaled


def one_of(blocks, vector, member):
    """A member's part of a vector like θ, as a vector of its own."""
    parts = [block.of(vector)[member].ravel() for block in blocks.values()]
    return np.concatenate(parts) if parts else vector[:0].copy()


def put(blocks, vector, member, part):
    """Write a member's part into a vector like θ."""
    start = 0
    for block in blocks.values():
        place = block.of(vector)[member]
        place[...] = part[start : start + place.size].reshape(place.shape)
        start += place.size


def norms(blocks, vector):
    """The norm of each member's part of a vector like θ."""
    k = next(iter(blocks.values())).shape[0]
    parts = (one_of(blocks, vector, member).astype(np.float64) for member in range(k))
    return np.array([norm(part, check_finite=False) for part in parts])  # squares may overflow


def repeat(rows, k):
    """The same rows for each of k members, one behind the other."""
    return vstack([rows] * k, format="csr") if issparse(rows) else np.concatenate([rows] * k)


def rows_of(rows, k, member):
    """A member's part of what lies one member behind the other."""
    m = rows.shape[0] // k
    return rows[member * m : (member + 1) * m]


def pool(z, link):
    """The raw outputs of all members together, from those of each, of shape (k, m, n_outputs)."""
    if link == "identity":
        return (z / len(z)).sum(axis=0)  # a sum of large ones could overflow
    log_k = math.log(len(z))
    if link == "logistic":  # log p - log(1 - p)
        pooled = logsumexp(log_expit(z), axis=0) - logsumexp(log_expit(-z), axis=0)
    elif link == "softmax":
        pooled = logsumexp(log_softmax(z, axis=2), axis=0) - log_k
    else:
        pooled = logsumexp(z, axis=0) - log_k
    return pooled.astype(z.dtype, copy=False)


class PackedDense(Dense):
    """z[j] = a[j] W[j] + b[j] for each member j; `n_rows` counts those of all members."""

    bias_kernel = staticmethod(kernels.add_member_bias)

    def _by_member(self, rows):
        return rows.reshape(len(self.W), -1, rows.shape[-1])

    def forward(self, a, weight):
        z = self._z[: a.shape[0]]
        by_member = self._by_member(z)
        if isinstance(a, np.ndarray):
            self._a = self._by_member(a)
            np.matmul(self._a, self.W, out=by_member)
        else:
            self._a = self._split(a)
            for own, W, z_of_one in zip(self._a, self.W, by_member, strict=True):
                z_of_one[...] = own @ W
        if self.b is not None:
            self._add_bias(by_member, self.b)
        return z

    def backward(self, delta):
        by_member = self._by_member(delta)
        if isinstance(self._a, np.ndarray):
            np.matmul(self._a.swapaxes(1, 2), by_member, out=self.dW)
        else:
            for own, delta_of_one, dW in zip(self._a, by_member, self.dW, strict=True):
                dW[...] = own.T @ delta_of_one
        if self.db is not None:
            ones = self._ones[: by_member.shape[1]]
            np.matmul(ones, by_member, out=self.db)
        if self._delta_in is None:
            return None
        delta_in = self._delta_in[: len(delta)]
        np.matmul(by_member, self.W.swapaxes(1, 2), out=self._by_member(delta_in))
        return delta_in

    def _split(self, X):
        """The rows of each member of a sparse X."""
        k = len(self.W)
        return [rows_of(X, k, member) for member in range(k)]


class ScaledPackedDense(Scaled, PackedDense):
    """The same with a scale of each input and member."""


class PackedBatchNorm:
    """Batch norm of each member by itself."""

    def __init__(self, params, grads, statistics, n_rows, dtype):
        k, n_units = params["gamma"].shape
        self._y = np.empty((n_rows, n_units), dtype)
        self.members = []
        for member in range(k):
            given = params, grads, statistics
            own = ({name: array[member] for name, array in part.items()} for part in given)
            self.members.append(BatchNorm(*own, 0, dtype))
        self._ones = np.ones(n_rows, dtype)

    @property
    def remembers(self):
        """As in `BatchNorm`."""
        return self.members[0].remembers

    @remembers.setter
    def remembers(self, value):
        for layer in self.members:
            layer.remembers = value

    def _by_member(self, rows):
        return rows.reshape(len(self.members), -1, *rows.shape[1:])

    def forward(self, z, weight):
        y = self._y[: len(z)]
        weights = [None] * len(self.members) if weight is None else self._by_member(weight)
        each = zip(self.members, self._by_member(z), self._by_member(y), weights, strict=True)
        for layer, own_z, own_y, own_weight in each:
            layer.use(own_y, self._ones[: len(own_y)])
            counts = own_weight is not None and own_weight.any()  # else there is no mean of them
            layer.forward(own_z, own_weight if counts else None)
        return y

    def backward(self, delta):
        for layer, own in zip(self.members, self._by_member(delta), strict=True):
            layer.backward(own)
        return delta

    def update_running(self, rate):
        """As in `BatchNorm`, by one rate or by one of each member."""
        rates = np.broadcast_to(rate, len(self.members)).tolist()
        for layer, own in zip(self.members, rates, strict=True):
            if own:
                layer.update_running(own)
