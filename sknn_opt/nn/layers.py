"""The layers: each computes its output from its input, and the gradients from dL/doutput.

A layer declares its ``blocks`` of parameters; `sknn_opt.nn.network` places them in θ and hands the
layer views of θ and of dθ. Buffers are allocated once, for `n_rows` rows, and a smaller batch uses
their first rows, so that a training step allocates nothing of a layer's size.

``forward(a, weight)`` runs in training mode; what backward needs stays in the layer.
``backward(delta)`` takes dL/doutput, writes the gradients of the layer's own blocks and returns
dL/dinput. It consumes what forward left behind: one backward for one forward.
"""

import numpy as np
from scipy.sparse import csr_array

from sknn_opt.kernels import fastest
from sknn_opt.kernels import with_numpy as kernels
from sknn_opt.nn.activations import ACTIVATIONS


class Dense:
    """z = a W + b.  dW = aᵀ δ,  db = Σ rows of δ,  dL/da = δ Wᵀ."""

    bias_kernel = staticmethod(kernels.add_bias)

    def __init__(self, params, grads, n_rows, dtype, *, is_first):
        self.W, self.b = params["W"], params.get("b")
        self.dW, self.db = grads["W"], grads.get("b")
        n_in, n_out = self.W.shape[-2:]
        self._z = np.empty((n_rows, n_out), dtype)
        self._ones = np.ones(n_rows, dtype)
        self._add_bias = fastest(self.bias_kernel, self._z.dtype)
        # Nobody asks for the gradient with respect to X.
        self._delta_in = None if is_first else np.empty((n_rows, n_in), dtype)

    def forward(self, a, weight):
        self._a = a
        z = self._z[: a.shape[0]]
        if isinstance(a, np.ndarray):
            a.dot(self.W, z)  # half a microsecond less than np.matmul(out=)
        else:
            z[...] = a @ self.W
        if self.b is not None:
            self._add_bias(z, self.b)
        return z

    def backward(self, delta):
        m = len(delta)
        if isinstance(self._a, np.ndarray):
            self._a.T.dot(delta, self.dW)
        else:
            self.dW[...] = self._a.T @ delta
        if self.db is not None:
            self._ones[:m].dot(delta, self.db)
        if self._delta_in is None:
            return None
        return delta.dot(self.W.T, self._delta_in[:m])


class Scaled:
    """z = (a ⊙ c ⊙ s) W + b, with a learned scale s of each input; a mixin of `Dense` and its kin.

    The matrix of the layer is V = diag(c s) W, which is smaller than a batch, and leaves a sparse
    one as it is. The factors c are constants, with 0 for an input that is left out.
    With G = aᵀ δ = dL/dV:  dW = c s ⊙ G,  ds = c Σ units of W ⊙ G.
    """

    def __init__(self, params, grads, n_rows, dtype, *, is_first, factors=1.0):
        super().__init__(params, grads, n_rows, dtype, is_first=is_first)
        self.unscaled, self.W = self.W, np.empty_like(self.W)
        self.scale, self.dscale = params["scale"], grads["scale"]
        self.factors = np.asarray(factors, np.finfo(dtype).dtype)

    def forward(self, a, weight):
        self._by_input = (self.scale * self.factors)[..., np.newaxis]
        np.multiply(self.unscaled, self._by_input, out=self.W)
        return super().forward(a, weight)

    def backward(self, delta):
        passed = super().backward(delta)
        np.einsum("...ij,...ij->...i", self.unscaled, self.dW, out=self.dscale)
        self.dscale *= self.factors
        self.dW *= self._by_input
        return passed


class ScaledDense(Scaled, Dense):
    """`Dense` with a scale of each input."""


class ActivationLayer:
    """a = f(z), in z's own memory."""

    def __init__(self, name, n_units, n_rows, dtype):
        self.function = ACTIVATIONS[name]
        self._scratch = np.empty((self.function.n_scratch, n_rows, n_units), dtype)
        self._forward = fastest(self.function.forward, self._scratch.dtype)
        self._backward = fastest(self.function.backward, self._scratch.dtype)

    def forward(self, z, weight):
        self._saved = self._scratch[:, : len(z)]
        self._forward(z, *self._saved)
        self._a = z
        return z

    def backward(self, delta):
        self._backward(self._a, delta, *self._saved)
        return delta


class BatchNorm:
    """y = γ x̂ + β,  x̂ = (z - μ) / √(σ² + ε), with μ and σ² of the batch, rows weighted by pᵢ.

    With pᵢ = wᵢ / Σw (1/m without weights):  μ = Σ pᵢ zᵢ,  σ² = Σ pᵢ (zᵢ - μ)².
    dγ = Σ δᵢ x̂ᵢ,  dβ = Σ δᵢ,  dL/dzᵢ = γ / √(σ² + ε) · (δᵢ - pᵢ (dβ + x̂ᵢ dγ)).
    Prediction uses running averages of μ and σ² instead; `update_running` moves them.
    A row alone has no variance. Where a training `remembers` other batches, it, too, is normalized
    by the running averages, which are constants then (pᵢ = 0), and its distance from the running
    mean is what it says of the variance.
    Source: Ioffe & Szegedy (2015), "Batch normalization"; the weights are ours.
    """

    EPSILON = 1e-5
    remembers = False  # an objective has no other batches than its own

    def __init__(self, params, grads, statistics, n_rows, dtype):
        self.gamma, self.beta = params["gamma"], params["beta"]
        self.dgamma, self.dbeta = grads["gamma"], grads["beta"]
        self._running_mean, self._running_variance = statistics["mean"], statistics["variance"]
        self.use(np.empty((n_rows, len(self.gamma)), dtype), np.ones(n_rows, dtype))
        self._normalize = fastest(kernels.batch_norm, self._y.dtype)
        self._differentiate = fastest(kernels.batch_norm_backward, self._y.dtype)

    def use(self, y, ones):
        """Put the outputs there; `ones` is a vector of them, of as many rows."""
        self._y, self._ones = y, ones

    def forward(self, z, weight):
        m = len(z)
        y, self.x_hat = self._y[:m], z
        if m == 1 and self.remembers:
            return self._forward_alone(z, y)
        self._p = self._ones[:m] / m if weight is None else weight / weight.sum()
        self._mean, self._variance, self._inverse_std = self._normalize(
            z, self._p, self.gamma, self.beta, self.EPSILON, y
        )
        return y

    def _forward_alone(self, z, y):
        self._mean, self._variance, self._p = z[0].copy(), None, np.zeros_like(self._ones[:1])
        self._inverse_std = 1 / np.sqrt(self._running_variance + self.EPSILON)
        z -= self._running_mean
        z *= self._inverse_std
        np.multiply(z, self.gamma, out=y)
        y += self.beta
        return y

    def backward(self, delta):
        scale, scratch = self.gamma * self._inverse_std, self._y[: len(delta)]
        self._differentiate(delta, self.x_hat, self._p, scale, self.dgamma, self.dbeta, scratch)
        return delta

    def update_running(self, rate):
        """Move the running statistics toward those of the last batch by `rate` in [0, 1]."""
        if self._variance is None:  # (1 - rate) σ² + rate (1 - rate) (z - μ)², of both together
            distance = self._mean - self._running_mean
            alone = rate == 1  # the first row of all leaves the variance at 1
            self._variance = self._running_variance.copy() if alone else (1 - rate) * distance**2
        for running, batch in (
            (self._running_mean, self._mean),
            (self._running_variance, self._variance),
        ):
            running *= 1 - rate
            running += rate * batch


class Masks:
    """Draws dropout masks: each element 0 with probability `rate`, else 1 / (1 - rate).

    The decision takes 16 random bits, four from each number that the generator makes. The rate is
    rounded to them; the factor is that of the rounded rate, so that the mean is kept to all digits.
    """

    CHUNK = 2**13  # what is drawn at a time: a step allocates nothing of a layer's size

    def __init__(self, rate, dtype):
        self.set_rate(rate)
        self._fill = fastest(kernels.dropout_mask, dtype)

    def set_rate(self, rate):
        """Draw with another rate from now on."""
        n_kept = max(1, round((1 - rate) * 2**16))
        self._last_kept, self._value = n_kept - 1, 2**16 / n_kept

    def draw(self, rng, mask):
        """Fill a vector."""
        for start in range(0, len(mask), self.CHUNK):
            part = mask[start : start + self.CHUNK]
            bits = rng.bit_generator.random_raw(-(-len(part) // 4)).view(np.uint16)
            self._fill(bits[: len(part)], self._last_kept, self._value, part)


class Dropout:
    """a ⊙ m, with mₖ = 1 / (1 - rate) with probability 1 - rate, else 0 (inverted dropout).

    Masks are drawn apart from the passes, by `draw`, so that they can be held still: with a frozen
    mask the loss is an ordinary function, whose gradient can be checked.
    Source: Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
    overfitting"; scaled in training, as the course has it, so that prediction needs no change.
    """

    def __init__(self, rate, n_units, n_rows, dtype):
        self._out = np.empty((n_rows, n_units), dtype)
        self.mask = np.empty((n_rows, n_units), np.finfo(dtype).dtype)  # real, also for complex
        self.masks = Masks(rate, self.mask.dtype)

    def draw(self, rng, X):
        """Draw the masks for a batch X."""
        self.masks.draw(rng, self.mask[: X.shape[0]].reshape(-1))

    def forward(self, a, weight):
        # Not in place: the activation below needs its output for its own derivative.
        return np.multiply(a, self.mask[: len(a)], out=self._out[: len(a)])

    def backward(self, delta):
        delta *= self.mask[: len(delta)]
        return delta


class SparseInputDropout:
    """Dropout of the entries that a CSR input stores; the others are 0, dropped or not."""

    def __init__(self, rate, dtype):
        self.mask = np.empty(0, np.finfo(dtype).dtype)
        self.masks = Masks(rate, self.mask.dtype)

    def draw(self, rng, X):
        self.mask = np.empty(X.nnz, self.mask.dtype)
        self.masks.draw(rng, self.mask)

    def forward(self, X, weight):
        data = np.multiply(X.data, self.mask, dtype=X.dtype)
        return csr_array((data, X.indices, X.indptr), shape=X.shape)
