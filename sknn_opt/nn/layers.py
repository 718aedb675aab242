"""The layers: each computes its output from its input, and the gradients from dL/doutput.

A layer declares its ``blocks`` of parameters; `sknn_opt.nn.network` places them in θ and hands the
layer views of θ and of dθ. Buffers are allocated once, for `n_rows` rows, and a smaller batch uses
their first rows, so that a training step allocates nothing of a layer's size.

``forward(a, weight)`` runs in training mode; what backward needs stays in the layer.
``backward(delta)`` takes dL/doutput, writes the gradients of the layer's own blocks and returns
dL/dinput. It consumes what forward left behind: one backward for one forward.
"""

import numpy as np
from scipy.sparse import csr_array, issparse

from sknn_opt.nn.activations import ACTIVATIONS


class Dense:
    """z = a W + b.  dW = aᵀ δ,  db = Σ rows of δ,  dL/da = δ Wᵀ."""

    def __init__(self, params, grads, n_rows, dtype, *, is_first):
        self.W, self.b = params["W"], params.get("b")
        self.dW, self.db = grads["W"], grads.get("b")
        n_in, n_out = self.W.shape
        self._z = np.empty((n_rows, n_out), dtype)
        self._ones = np.ones(n_rows, dtype)
        # Nobody asks for the gradient with respect to X.
        self._delta_in = None if is_first else np.empty((n_rows, n_in), dtype)

    def forward(self, a, weight):
        self._a = a
        z = self._z[: a.shape[0]]
        if issparse(a):
            z[...] = a @ self.W
        else:
            np.matmul(a, self.W, out=z)
        if self.b is not None:
            z += self.b
        return z

    def backward(self, delta):
        m = len(delta)
        if issparse(self._a):
            self.dW[...] = self._a.T @ delta
        else:
            np.matmul(self._a.T, delta, out=self.dW)
        if self.db is not None:
            np.matmul(self._ones[:m], delta, out=self.db)
        if self._delta_in is None:
            return None
        return np.matmul(delta, self.W.T, out=self._delta_in[:m])


class Activation:
    """a = f(z), in z's own memory."""

    def __init__(self, name, n_units, n_rows, dtype):
        self.function = ACTIVATIONS[name]
        self._scratch = np.empty((self.function.n_scratch, n_rows, n_units), dtype)

    def forward(self, z, weight):
        self._saved = self._scratch[:, : len(z)]
        self.function.forward(z, *self._saved)
        self._a = z
        return z

    def backward(self, delta):
        self.function.backward(self._a, delta, *self._saved)
        return delta


class BatchNorm:
    """y = γ x̂ + β,  x̂ = (z - μ) / √(σ² + ε), with μ and σ² of the batch, rows weighted by pᵢ.

    With pᵢ = wᵢ / Σw (1/m without weights):  μ = Σ pᵢ zᵢ,  σ² = Σ pᵢ (zᵢ - μ)².
    dγ = Σ δᵢ x̂ᵢ,  dβ = Σ δᵢ,  dL/dzᵢ = γ / √(σ² + ε) · (δᵢ - pᵢ (dβ + x̂ᵢ dγ)).
    Prediction uses running averages of μ and σ² instead; `update_running` moves them.
    Source: Ioffe & Szegedy (2015), "Batch normalization"; the weights are ours.
    """

    EPSILON = 1e-5

    def __init__(self, params, grads, statistics, n_rows, dtype):
        self.gamma, self.beta = params["gamma"], params["beta"]
        self.dgamma, self.dbeta = grads["gamma"], grads["beta"]
        self._running_mean, self._running_variance = statistics["mean"], statistics["variance"]
        self._y = np.empty((n_rows, len(self.gamma)), dtype)
        self._ones = np.ones(n_rows, dtype)

    def forward(self, z, weight):
        m = len(z)
        self._p = self._ones[:m] / m if weight is None else weight / weight.sum()
        y = self._y[:m]
        self._mean = self._p @ z
        z -= self._mean
        np.multiply(z, z, out=y)
        self._variance = self._p @ y
        self._inverse_std = 1 / np.sqrt(self._variance + self.EPSILON)
        z *= self._inverse_std
        self.x_hat = z
        np.multiply(z, self.gamma, out=y)
        y += self.beta
        return y

    def backward(self, delta):
        x_hat, y = self.x_hat, self._y[: len(delta)]
        np.multiply(delta, x_hat, out=y)
        np.matmul(self._ones[: len(delta)], y, out=self.dgamma)
        np.matmul(self._ones[: len(delta)], delta, out=self.dbeta)
        x_hat *= self.dgamma
        x_hat += self.dbeta
        x_hat *= self._p[:, np.newaxis]
        delta -= x_hat
        delta *= self.gamma * self._inverse_std
        return delta

    def update_running(self, rate):
        """Move the running statistics towards those of the last batch by `rate` in [0, 1]."""
        for running, batch in (
            (self._running_mean, self._mean),
            (self._running_variance, self._variance),
        ):
            running *= 1 - rate
            running += rate * batch


class Dropout:
    """a ⊙ m, with mₖ = 1 / (1 - rate) with probability 1 - rate, else 0 (inverted dropout).

    Masks are drawn apart from the passes, by `draw`, so that they can be held still: with a frozen
    mask the loss is an ordinary function, whose gradient can be checked.
    Source: Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
    overfitting"; scaled in training, as the course has it, so that prediction needs no change.
    """

    def __init__(self, rate, n_units, n_rows, dtype):
        self._keep = 1.0 - rate
        self._out = np.empty((n_rows, n_units), dtype)
        self.mask = np.empty((n_rows, n_units), np.finfo(dtype).dtype)  # real, also for complex

    def draw(self, rng, X):
        """Draw the masks for a batch X."""
        mask = self.mask[: X.shape[0]]
        rng.random(dtype=mask.dtype, out=mask)
        np.less(mask, self._keep, out=mask)
        mask *= 1 / self._keep

    def forward(self, a, weight):
        # Not in place: the activation below needs its output for its own derivative.
        return np.multiply(a, self.mask[: len(a)], out=self._out[: len(a)])

    def backward(self, delta):
        delta *= self.mask[: len(delta)]
        return delta


class SparseInputDropout:
    """Dropout of the entries that a CSR input stores; the others are 0, dropped or not."""

    def __init__(self, rate, dtype):
        self._keep = 1.0 - rate
        self._dtype = np.finfo(dtype).dtype
        self.mask = np.empty(0, self._dtype)

    def draw(self, rng, X):
        self.mask = (rng.random(X.nnz, dtype=self._dtype) < self._keep) / self._keep

    def forward(self, X, weight):
        data = np.multiply(X.data, self.mask, dtype=X.dtype)
        return csr_array((data, X.indices, X.indptr), shape=X.shape)
