"""A network is an architecture bound to one flat vector θ.

All trained parameters lie in one array, weights first, so that the L2 penalty is a slice:

    θ = [ W[1] … W[L] | b[1] or gamma[1], beta[1] … b[L] ]

(scale[1], if the inputs have scales, stands before b[1]) and dθ has the same shape; the layers hold
views of both. J(θ) is then an ordinary function of a vector, an optimizer is a few lines over one
array, and the best weights so far are one copy. Running statistics of batch norm, which no gradient
moves, lie in an array of their own.

The function that training descends, on a batch of rows with weights w:

    J(θ) = scale · Σᵢ wᵢ ℓ(z[L](xᵢ), yᵢ)  +  penalty / 2 · Σₗ ‖W[l]‖²
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from operator import mul
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import norm

from sknn_opt.kernels import fastest
from sknn_opt.kernels import with_numpy as kernels
from sknn_opt.nn import members
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.initializers import draw_weights, fit_to_data
from sknn_opt.nn.layers import (
    ActivationLayer,
    BatchNorm,
    Dense,
    Dropout,
    ScaledDense,
    SparseInputDropout,
)
from sknn_opt.nn.losses import (
    Loss,
    loss_from_plain,
    loss_to_plain,
    make_loss,
    over_all,
    over_observed,
)
from sknn_opt.nn.members import PackedBatchNorm, PackedDense, ScaledPackedDense


class Block(NamedTuple):
    """Where a named block of parameters lies in θ, and its shape.

    Attributes
    ----------
    slice : slice
        The elements of θ.
    shape : tuple of int
        ``(n_in, n_out)`` of a weight matrix, ``(n_units,)`` of a bias, scale or shift; of several
        members behind their number.
    """

    slice: slice
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many elements."""
        return int(np.prod(self.shape))

    def of(self, vector: NDArray[Any]) -> NDArray[Any]:
        """The block as a view of a vector.

        Parameters
        ----------
        vector : ndarray of shape (n_parameters,) or (k, n_parameters)
            θ, or another vector of its length, such as a gradient; or k of them in rows.

        Returns
        -------
        ndarray of the block's shape, or of k blocks
        """
        return vector[..., self.slice].reshape(vector.shape[:-1] + self.shape)


def as_tuples(nested):
    """Nested lists as tuples, which can be compared and hashed."""
    return tuple(map(as_tuples, nested)) if isinstance(nested, list) else nested


def lay_out(shapes):
    """Place named arrays one behind the other: name -> Block."""
    blocks, start = {}, 0
    for name, shape in shapes.items():
        stop = start + int(np.prod(shape))
        blocks[name] = Block(slice(start, stop), shape)
        start = stop
    return blocks


@dataclass(frozen=True)
class Architecture:
    """The shape of a network: everything but its parameters.

    Attributes
    ----------
    n_units : tuple of int
        Units from the inputs to the outputs.
    activation : str
    loss : Loss
        Or its name, which becomes the `Loss`.
    dropout : tuple of float
        The rates of the input and of each hidden layer.
    batch_norm : bool
    input_scale : bool or tuple
        Whether each input is multiplied by a learned scale; or what this is multiplied by in turn,
        one number for each input, or a tuple of them for each member. 0 leaves an input out.
    n_members : int
        Networks of this shape side by side; each block then holds those of all, one behind the
        other.
    n_layers : int
        Layers with weights, L.
    blocks : dict of str to Block
        The blocks of θ, weights first.
    statistics : dict of str to Block
        Those of the running statistics.
    n_parameters : int
        The length of θ.
    n_decayed : int
        How many elements at the head of θ are weights, which L2 and weight decay shrink.
    largest_product : int
        The multiplications of the largest layer for one row.
    """

    n_units: tuple[int, ...]
    activation: str
    loss: Loss
    dropout: tuple[float, ...]
    batch_norm: bool
    input_scale: bool | tuple[Any, ...] = False
    n_members: int = 1
    n_layers: int = field(init=False, repr=False, compare=False)
    blocks: dict[str, Block] = field(init=False, repr=False, compare=False)
    statistics: dict[str, Block] = field(init=False, repr=False, compare=False)
    n_parameters: int = field(init=False, repr=False, compare=False)
    n_decayed: int = field(init=False, repr=False, compare=False)
    largest_product: int = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        n_units, n_layers = self.n_units, len(self.n_units) - 1
        k = (self.n_members,) if self.n_members > 1 else ()
        weights, vectors, statistics = {}, {}, {}
        for i in range(1, n_layers + 1):
            weight, *others = self.parameters_of(i)
            weights[f"{weight}[{i}]"] = k + n_units[i - 1 : i + 1]
            for name in others:
                of = i - (name == "scale")  # the layer whose units it belongs to
                vectors[f"{name}[{i}]"] = k + n_units[of : of + 1]
            if "gamma" in others:
                statistics[f"mean[{i}]"] = statistics[f"variance[{i}]"] = k + n_units[i : i + 1]
        blocks = lay_out(weights | vectors)
        vars(self).update(  # past the frozen __setattr__
            loss=self.loss if isinstance(self.loss, Loss) else make_loss(self.loss),
            n_layers=n_layers,
            blocks=blocks,
            statistics=lay_out(statistics),
            n_parameters=blocks[next(reversed(blocks))].slice.stop,
            n_decayed=blocks[f"W[{n_layers}]"].slice.stop,
            largest_product=max(map(mul, n_units, n_units[1:])),
        )

    def for_targets(self, y=None):
        """The same with a loss that leaves out the gaps of y, if it has any."""
        loss = over_all(self.loss) if y is None else over_observed(self.loss, y)
        return self if loss == self.loss else replace(self, loss=loss)

    def of_member(self, member):
        """The architecture of one member."""
        scale = self.input_scale
        own = scale[member] if isinstance(scale, tuple) and np.ndim(scale) == 2 else scale
        return replace(self, n_members=1, input_scale=own)

    @property
    def input_factors(self):
        """What the scales of the inputs are multiplied by."""
        return np.array(self.input_scale, float) if isinstance(self.input_scale, tuple) else 1.0

    def parameters_of(self, layer):
        """The bare names of a layer's blocks in θ.

        Batch norm subtracts the mean, and with it any bias: only β is left to learn.
        """
        normalized = self.batch_norm and layer < len(self.n_units) - 1
        names = ("W", "gamma", "beta") if normalized else ("W", "b")
        return ("W", "scale", *names[1:]) if self.input_scale and layer == 1 else names

    def to_plain(self):
        """A dict of plain numbers, strings and lists (and a loss of the user's, as it is)."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        plain |= {name: list(plain[name]) for name in ("n_units", "dropout")}
        if isinstance(self.input_scale, tuple):
            plain["input_scale"] = self.input_factors.tolist()
        return plain | {"loss": loss_to_plain(self.loss)}

    @classmethod
    def from_plain(cls, plain):
        """Undo `to_plain`."""
        tuples = {name: tuple(plain[name]) for name in ("n_units", "dropout")}
        if isinstance(plain.get("input_scale"), list):
            tuples["input_scale"] = as_tuples(plain["input_scale"])
        return cls(**plain | tuples | {"loss": loss_from_plain(plain["loss"])})

    def initial_parameters(self, init, rng, dtype):
        """Draw θ: weights by `init`, γ and scales = 1, all else 0.

        With ``init="auto"`` the weights read standardized inputs in W[1] (gain 1), activations in
        the hidden layers (their gain), and feed the loss in W[L] (gain 1: small first outputs).
        An activation with f(0) ≠ 0 would add the same constant to every row; b = -f(0) Σ W takes
        it out again, which is what makes logistic nets as trainable as tanh nets.

        A relu bends alike at every scale, so W[1] may start small, with variance
        1 / (n_in + n_out): the optimizer's steps then turn its units sooner. b[1] is drawn twice
        as wide, lest all bends pass through the mean of the inputs.

        Members draw one after the other, the first one as it would alone.
        """
        if self.n_members > 1:
            theta = np.empty(self.n_parameters, dtype)
            for member in range(self.n_members):
                drawn = self.of_member(member).initial_parameters(init, rng, dtype)
                members.put(self.blocks, theta, member, drawn)
            return theta
        theta = np.zeros(self.n_parameters, dtype)
        function, auto = ACTIVATIONS[self.activation], init == "auto"
        small = auto and function.is_homogeneous and self.n_layers > 1
        weights = []
        for i in range(1, self.n_layers + 1):
            weights.append(self.blocks[f"W[{i}]"].of(theta))
        for i, W in enumerate(weights, 1):
            hidden = 1 < i < self.n_layers
            gain = function.gain if hidden or (i > 1 and not auto) else 1.0
            if i == 1 and small:
                gain = math.sqrt(W.shape[0] / sum(W.shape))
            W[...] = draw_weights(init, W.shape, rng, gain, dtype)
        if self.input_scale:
            self.blocks["scale[1]"].of(theta)[...] = 1
        for i, W in enumerate(weights, 1):
            if f"gamma[{i}]" in self.blocks:
                self.blocks[f"gamma[{i}]"].of(theta)[...] = 1
            elif auto and i > 1:
                self.blocks[f"b[{i}]"].of(theta)[...] = -function.at_rest * W.sum(axis=0)
            elif small:
                b = self.blocks["b[1]"].of(theta)
                b[...] = rng.normal(0.0, 2 / math.sqrt(sum(W.shape)), b.shape)
        return theta

    def fit_to_data(self, theta, X, weight, rng):
        """Scale the weights that ``init="data"`` drew to some rows, and set the biases by them."""
        if self.n_members == 1:
            fit_to_data(self, theta, X, weight, rng)
            return
        for member in range(self.n_members):
            own = members.one_of(self.blocks, theta, member)
            fit_to_data(self.of_member(member), own, X, weight, rng)
            members.put(self.blocks, theta, member, own)

    def initial_statistics(self, dtype):
        """Running mean 0 and variance 1."""
        n_statistics = 2 * sum(self.n_units[1:-1]) * self.batch_norm
        statistics = np.zeros(n_statistics * self.n_members, dtype)
        for name, block in self.statistics.items():
            block.of(statistics)[...] = name.startswith("variance")
        return statistics


@dataclass
class Weights:
    """A network's numbers: θ, and the running statistics of batch norm."""

    theta: np.ndarray
    statistics: np.ndarray

    def copy(self):
        """Arrays of their own."""
        return Weights(self.theta.copy(), self.statistics.copy())

    def astype(self, dtype):
        """Arrays of their own, of a dtype."""
        return Weights(self.theta.astype(dtype), self.statistics.astype(dtype))

    def of_member(self, architecture, member):
        """Those of one member, as arrays of their own."""
        return Weights(
            members.one_of(architecture.blocks, self.theta, member),
            members.one_of(architecture.statistics, self.statistics, member),
        )

    def put(self, architecture, member, weights):
        """Take over those of one member."""
        members.put(architecture.blocks, self.theta, member, weights.theta)
        members.put(architecture.statistics, self.statistics, member, weights.statistics)

    def protect(self):
        """Make them read-only."""
        self.theta.flags.writeable = self.statistics.flags.writeable = False


class Network:
    """An architecture bound to θ and dθ, with the buffers for batches of up to `n_rows` rows.

    So many rows each member has. Batches hold those of the first one, then those of the next, and
    J is the sum of theirs, which `member_losses` has without the penalty.
    """

    DENSE: ClassVar = {  # by whether inputs have scales, and whether there are several members
        (False, False): Dense,
        (True, False): ScaledDense,
        (False, True): PackedDense,
        (True, True): ScaledPackedDense,
    }

    def __init__(self, architecture, theta, statistics, n_rows, *, sparse=False):
        self.architecture, self.theta, self.statistics = architecture, theta, statistics
        self.n_members = len(theta) if theta.ndim == 2 else architecture.n_members
        self.grad = np.zeros(theta.shape, theta.dtype)  # not touched before it is needed
        n = architecture.n_decayed
        self._weights = theta[..., :n]
        self._add_penalty = fastest(kernels.add_penalty, theta.dtype)
        self.row_losses = architecture.loss
        self.layers, self.dropouts, self.batch_norms = [], [], []
        self._build(n_rows * self.n_members, sparse)
        self.backward_layers = self.layers[::-1]
        if self.layers[0] in self.dropouts:
            self.backward_layers.pop()  # below the first parameters there is nothing to learn

    def _build(self, n_rows, sparse):
        architecture, dtype, layers, views = self.architecture, self.theta.dtype, self.layers, []
        packed = self.theta.ndim == 2 or self.n_members > 1
        batch_norm = PackedBatchNorm if packed else BatchNorm
        for i in range(1, architecture.n_layers + 1):
            params, grads = {}, {}
            for name in architecture.parameters_of(i):
                block = architecture.blocks[f"{name}[{i}]"]
                params[name], grads[name] = block.of(self.theta), block.of(self.grad)
            views.append((params, grads))
        for i, (params, grads) in enumerate(views, 1):
            rate, (n_in, n_out) = architecture.dropout[i - 1], architecture.n_units[i - 1 : i + 1]
            if rate and i == 1 and sparse:
                self.dropouts.append(SparseInputDropout(rate, dtype))
            elif rate:
                self.dropouts.append(Dropout(rate, n_in, n_rows, dtype))
            layers += self.dropouts[-1:] if rate else []
            dense, scaled = self.DENSE["scale" in params, packed], "scale" in params
            options = {"factors": architecture.input_factors} if scaled else {}
            layers.append(dense(params, grads, n_rows, dtype, is_first=i == 1, **options))
            if "gamma" in params:
                statistics = {
                    name: architecture.statistics[f"{name}[{i}]"].of(self.statistics)
                    for name in ("mean", "variance")
                }
                self.batch_norms.append(batch_norm(params, grads, statistics, n_rows, dtype))
                layers.append(self.batch_norms[-1])
            if i < architecture.n_layers:
                layers.append(ActivationLayer(architecture.activation, n_out, n_rows, dtype))

    def draw_masks(self, rng, X):
        """Draw the dropout masks for a batch X; they stay until drawn again."""
        for layer in self.dropouts:
            layer.draw(rng, X)

    def forward(self, X, weight=None):
        """Raw outputs z[L] in training mode, in a buffer that the next call reuses."""
        a = X
        for layer in self.layers:
            a = layer.forward(a, weight)
        return a

    def loss(self, X, y, weight=None, scale=1.0, penalty=0.0):
        """J(θ); leaves dJ/dz[L] in ``delta`` for `backward`."""
        self.delta = delta = self.forward(X, weight)
        losses, gradient = self.row_losses(delta, y)
        if gradient is not delta:  # a loss of the user's
            delta[...] = gradient
        if weight is None:
            value = np.add.reduce(losses).item()
            delta *= scale
        else:
            value = (weight @ losses).item()
            delta *= (scale * weight)[:, np.newaxis]
        if self.n_members > 1:
            losses = losses if weight is None else weight * losses
            self.member_sums = np.add.reduce(losses.reshape(self.n_members, -1), axis=1)
            self.member_losses = scale * self.member_sums
        return scale * value + (self.penalty(penalty) if penalty else 0.0)

    def penalty(self, penalty):
        """penalty / 2 · Σₗ ‖W[l]‖²."""
        return 0.5 * penalty * (self._weights @ self._weights).item()

    def backward(self, penalty=0.0):
        """dθ of the last `loss` into ``grad``, its norm, and the penalty into ``penalty_term``."""
        delta = self.delta
        for layer in self.backward_layers:
            delta = layer.backward(delta)
        # dW += penalty · W; all that one reading of the two vectors gives
        n = len(self._weights)
        squares, length = self._add_penalty(self.theta, self.grad, n, penalty)
        self.penalty_term = 0.5 * penalty * squares
        in_range = 1e-30 < length < math.inf
        self.grad_norm = math.sqrt(length) if in_range else norm(self.grad, check_finite=False)

    def loss_and_gradient(self, X, y, weight=None, scale=1.0, penalty=0.0):
        """J(θ), with its gradient left in ``grad``."""
        value = self.loss(X, y, weight, scale)
        self.backward(penalty)
        return value + self.penalty_term

    def limit_gradient(self, largest):
        """Shorten the last gradient, of each member by itself, to a norm of `largest`."""
        if self.n_members == 1:
            self.grad *= largest / self.grad_norm
            return
        blocks = self.architecture.blocks
        with np.errstate(divide="ignore"):
            factors = np.minimum(1, largest / members.norms(blocks, self.grad))
        for block in blocks.values():
            part = block.of(self.grad).reshape(self.n_members, -1)
            part *= factors[:, np.newaxis].astype(part.dtype)

    def update_running(self, rate):
        """Move batch norm's running statistics toward the last batch by `rate`."""
        for layer in self.batch_norms:
            layer.update_running(rate)
