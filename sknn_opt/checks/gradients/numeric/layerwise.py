"""Derivatives of a network of ours by complex steps through its layers.

The real part of each signal is known from one ordinary pass, so that only imaginary parts are
carried through the layers above a block: a matrix product is a real one, and an activation,
stepped through once, a product with f'. Where rows do not mix (no batch norm above), one pass
differentiates by a unit in all rows at once. A block follows from its layer's output, in which it
is linear:

    z = a W + b:     ∂J/∂W = aᵀ ∂J/∂z,   ∂J/∂b = Σ rows of ∂J/∂z
    z = (a c s) W + b: ∂J/∂s = Σ rows of c a ∂J/∂z Wᵀ;  W sees a c s
    y = γ x̂ + β:     ∂J/∂γ = Σ x̂ ∂J/∂y,  ∂J/∂β = Σ rows of ∂J/∂y

This shares nothing with backprop but that linearity, and `Layerwise.settle` holds it to steps
through J itself.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import issparse

from sknn_opt.checks.gradients.numeric.complex_step import ROUNDINGS, STEP, Exact
from sknn_opt.nn.layers import ActivationLayer, BatchNorm, Dense, Dropout

KINDS = ("W", "b", "gamma", "beta", "scale")  # of blocks
CHUNK = 2**16  # complex numbers worked on at a time: they stay in the cache
# Elements are compared up to this many numbers of work, at most about half a second.
MAX_COST = 5_000_000
HELD = 1e-9  # how well the derivatives through layers agree with those of J, ...
ROUNDED = 1e-6  # ... each block having the same norm, unless this share of the whole is larger


@dataclass(frozen=True)
class Outer:
    """Directions of a weight matrix, each the outer product u vᵀ of a row of `left` and `right`.

    In a large matrix they cost n_in + n_out random numbers in place of n_in · n_out, and their
    products with signals and gradients cost as little.
    """

    left: np.ndarray
    right: np.ndarray

    def __len__(self):
        return len(self.left)

    def __getitem__(self, i):
        return np.outer(self.left[i], self.right[i]).ravel()

    def __matmul__(self, gradient):
        """uᵀ G v for each direction, G being the gradient as a matrix."""
        matrix = gradient.reshape(self.left.shape[1], self.right.shape[1])
        return np.einsum("kj,kj->k", self.left @ matrix, self.right)


class Layerwise(Exact):
    """∂J/∂θ and ∂J/∂signals of a network by complex steps through its layers.

    Signal k is the input of layer k; the last one is the raw output. `data` is the `Objective` to
    differentiate, by default the problem's data term; `whole` is the `ComplexStep` through it, and
    `method` one of "auto", "elements" and "directions".
    """

    def __init__(self, problem, theta, whole=None, method="auto", data=None):
        super().__init__(problem)
        self._whole, self._data = whole, data or problem.objective.data_term()
        network = self._data.new_network(theta)
        self.layers, self._row_losses = network.layers, network.row_losses
        weight = self._data.weight
        weights = 1.0 if weight is None else weight.astype(float)[:, np.newaxis]
        self._row_scale = self._data.scale * weights
        self.signals, self.numbers, self.places = [], [], {}
        self._slopes, self._gradients = {}, {}
        a, number = self._data.X, 0
        for k, layer in enumerate(self.layers):
            self.signals.append(a if issparse(a) else a.copy())  # layers work in place
            a = layer.forward(a, weight)
            number += isinstance(layer, Dense)  # what stands above it counts with it
            self.numbers.append(number)
            own = [name for name in KINDS if hasattr(layer, name)]
            self.places |= {f"{name}[{number}]": k for name in own}
            if isinstance(layer, ActivationLayer):
                self._slopes[k] = self.slope(k, layer.function)[:, np.newaxis]
        self.signals.append(a.copy())
        is_cheap = method == "auto" and self.cost() <= MAX_COST
        self._listed = method == "elements" or is_cheap

    def weights(self, block):
        return 1.0

    def lists(self, block, *, wrong=False):
        """Whether to compare each element: of all blocks if that is cheap, or of a wrong one."""
        return self.cost_of(block) <= 20 * MAX_COST if wrong else self._listed

    def directions(self, block, n, rng):
        """n random directions of a block; those of a matrix have rank one."""
        shape = self.blocks[block].shape
        if len(shape) == 1:
            return rng.normal(size=(n, *shape))
        return Outer(*(rng.normal(size=(n, size)) for size in shape))

    def at(self, theta, seed):
        """The same at another θ, every f' off by rounding, as it is where a unit saturates.

        So is each row's share of J: slopes of ±1 do not move with θ, but their sum is rounded.
        """
        other, rng = Layerwise(self.problem, theta), np.random.default_rng(seed)
        eps, shares = 4 * self.problem.eps, (len(self.signals[-1]), 1)
        other._row_scale = other._row_scale * (1 + eps * rng.uniform(-1, 1, shares))
        for slope in other._slopes.values():
            slope += eps * rng.uniform(-1, 1, slope.shape)
        return other

    def settle(self, compared, compare, rng):
        """Hold the derivatives to J itself, along a direction in which each block weighs the same.

        Where the two differ, derivatives are taken from J.
        """
        least = ROUNDED * np.linalg.norm([each.norm for each in compared.values()])
        moved, expected = np.zeros(self._whole.x.size), 0.0
        for block, each in compared.items():
            place, unit = self.blocks[block], max(each.norm, least) or 1.0
            is_listed = each.directions is None
            direction = rng.normal(size=place.size) if is_listed else each.directions[0]
            expected += (direction @ each.numeric if is_listed else each.numeric[0]) / unit
            np.divide(direction, unit, out=moved[place.slice])
        if abs(self._whole.derivative(moved) - expected) <= HELD * len(compared):
            return compared
        return {block: self._widened(compare(block, self._whole)) for block in compared}

    def _widened(self, found):
        """Derivatives of J, off by the rounding of the sum over rows, which J does not tell."""
        if not found.estimates.contradict(found.claimed):
            return found
        block, directions = found.block, found.directions
        noise = self._noise(block, directions, self.derivatives(block, directions))
        error = max(found.estimates.error, ROUNDINGS * noise)
        return replace(found, estimates=replace(found.estimates, error=error))

    def describe(self):
        how = "every element" if self._listed else "3 random directions a block"
        return f"complex step, {how}"

    def derivatives(self, block, directions=None):
        k = self.places[block]
        if directions is not None:
            return self.along_signal(k + 1, self._moved_output(block, k, directions))
        if k not in self._gradients:
            self._gradients[k] = self.signal_gradient(k + 1)
        delta = self._gradients[k]
        match block.partition("[")[0]:
            case "W":
                return np.ravel(self._read(k).T @ delta)
            case "scale":
                layer = self.layers[k]
                return layer.factors * np.sum(layer.unscaled * (self.signals[k].T @ delta), axis=1)
            case "gamma":
                return np.einsum("ij,ij->j", self.layers[k].x_hat, delta)
            case "b" | "beta":
                return delta.sum(axis=0)

    def cost(self):
        """How many numbers go through the layers for the whole gradient."""
        return sum(self.cost_of(block) for block in self.blocks if block[0] in "Wg")

    def cost_of(self, block):
        """The same for one block."""
        k = self.places[block] + 1
        return self._n_variants(k) * self._cost_of_one(k)

    def _moved_output(self, block, k, directions):
        """How the output of layer k moves with its block, of shape (rows, n_directions, units)."""
        n_units = self.signals[k + 1].shape[1]
        match block.partition("[")[0]:
            case "W" if isinstance(directions, Outer):
                moved = (self._read(k) @ directions.left.T)[:, :, np.newaxis] * directions.right
            case "W":
                matrices, read = directions.reshape(len(directions), -1, n_units), self._read(k)
                moved = np.stack([read @ matrix for matrix in matrices], axis=1)
            case "scale":
                layer = self.layers[k]
                matrices = (directions * layer.factors)[:, :, np.newaxis] * layer.unscaled
                moved = np.stack([self.signals[k] @ matrix for matrix in matrices], axis=1)
            case "gamma":
                moved = self.layers[k].x_hat[:, np.newaxis] * directions
            case "b" | "beta":
                moved = np.broadcast_to(directions, (len(self.signals[-1]), *directions.shape))
        return moved.reshape(len(moved), -1, n_units)

    def _read(self, k):
        """What the weights of layer k multiply."""
        layer, signal = self.layers[k], self.signals[k]
        return signal * (layer.scale * layer.factors) if hasattr(layer, "scale") else signal

    def along_signal(self, k, moved):
        """The derivatives as signal k moves along `moved`, of shape (rows, n_directions, units)."""
        return self._push(k, moved).sum(axis=0)

    def signal_gradient(self, k):
        """∂J/∂signal k, of its shape."""
        n_rows, n_units = self.signals[k].shape
        gradient = np.empty(self.signals[k].shape)
        n_variants, apart = self._n_variants(k), self._rows_are_apart(k)
        size = max(1, CHUNK // self._cost_of_one(k))
        for start in range(0, n_variants, size):
            variants = np.arange(start, min(start + size, n_variants))
            rows, units = (slice(None), variants) if apart else np.divmod(variants, n_units)
            moved = np.zeros((n_rows, len(variants), n_units))
            moved[rows, np.arange(len(variants)), units] = 1
            pushed = self._push(k, moved)
            gradient[rows, units] = pushed if apart else pushed.sum(axis=0)
        return gradient

    def slope(self, k, function):
        """f' of an activation function at signal k."""
        z = self.signals[k] + 1j * STEP
        function.forward(z, *np.empty((function.n_scratch, *z.shape), z.dtype))
        return z.imag / STEP

    def _rows_are_apart(self, k):
        return not any(isinstance(layer, BatchNorm) for layer in self.layers[k:])

    def _n_variants(self, k):
        """How many ways there are to move signal k: by unit, or by unit and row."""
        n_rows, n_units = self.signals[k].shape
        return n_units if self._rows_are_apart(k) else n_rows * n_units

    def _cost_of_one(self, k):
        return sum(signal.size for signal in self.signals[k:])

    def _push(self, k, moved):
        """Carry a movement of signal k up to scale · wᵢ ℓᵢ, of shape (rows, n_directions)."""
        for j in range(k, len(self.layers)):
            moved = self._through(j, moved)
        z = _step(self.signals[-1], moved)
        y = np.repeat(self._data.y, moved.shape[1], axis=0)
        losses, _ = self._row_losses(z.reshape(-1, z.shape[2]), y)
        return losses.imag.reshape(moved.shape[:2]) / STEP * self._row_scale

    def _through(self, j, moved):
        """How the output of layer j moves with its input, rows x directions x units."""
        match layer := self.layers[j]:
            case Dense():
                return (moved.reshape(-1, moved.shape[2]) @ layer.W).reshape(*moved.shape[:2], -1)
            case Dropout():
                return moved * layer.mask[: len(moved), np.newaxis]
            case ActivationLayer():
                return moved * self._slopes[j]
            case BatchNorm():
                return self._through_batch_norm(layer, _step(self.signals[j], moved))
        raise TypeError(f"there is no rule for {type(layer).__name__}")

    def _through_batch_norm(self, layer, z):
        """Batch norm knows rows and units: the units of all directions stand side by side."""
        n_rows, n_directions, _ = z.shape
        tiled = {name: np.tile(getattr(layer, name), n_directions) for name in ("gamma", "beta")}
        nothing = dict.fromkeys(("gamma", "beta", "mean", "variance"))
        stack = BatchNorm(tiled, nothing, nothing, n_rows, z.dtype)
        return stack.forward(z.reshape(n_rows, -1), self._data.weight).reshape(z.shape).imag / STEP


def _step(signal, moved):
    """signal + ih · moved, one signal for all directions."""
    z = np.empty(moved.shape, complex)
    z.real = signal[:, np.newaxis]
    np.multiply(moved, STEP, out=z.imag)
    return z
