"""A function to check: f, its claimed gradient, a point, and the names of its blocks.

Whatever the user brings is turned into this by `readers`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sknn_opt.checks.gradients.explain import Explainer
from sknn_opt.checks.gradients.numeric.complex_step import ComplexStep
from sknn_opt.checks.gradients.numeric.real_step import RealStep
from sknn_opt.checks.gradients.numeric.source import rms
from sknn_opt.checks.gradients.preflight import preflight

EXACT = 1e-9  # a correct gradient agrees so well with complex steps
SINGLE = 1e-5  # a correct float32 gradient so well with anything
SPREAD = 1.0  # standard deviation of log10 |x|, above which elements have scales of their own


@dataclass
class Problem:
    """f, its gradient and the point x0, all as functions of one float64 vector.

    `layers` gives each block's layer. `n_rows` and `penalty` are known for networks. `moves` says
    whether the gradient can be had elsewhere.
    """

    value: Callable
    gradient: Callable
    x0: np.ndarray
    blocks: dict
    layers: dict = field(default_factory=dict)
    name: str = "x0"
    n_rows: float | None = None
    penalty: float | None = None
    moves: bool = True
    remedy: str = (
        "draw its random numbers (dropout masks, noise) once and reuse them, or reset the seed in "
        "each call; networks of sknn_opt do so by themselves"
    )
    dtype: np.dtype = field(default_factory=lambda: np.dtype(float))

    @property
    def order(self):
        """The layers, the first one first."""
        return list(dict.fromkeys(self.layers.values()))

    @cached_property
    def scale(self):
        """The size of steps for each element."""
        scale = np.empty_like(self.x0)
        for place in self.blocks.values():
            scale[place.slice] = _scales(self.x0[place.slice], self.x0)
        return scale

    def weights(self, block):
        """How much each element of a block takes part in a random direction."""
        scale = self.scale[self.blocks[block].slice]
        return scale / rms(scale)

    # What networks of ours do in their own way ----------------------------------------------------

    @property
    def whole(self):
        """The function that a user would check: its value, its gradient and the point."""
        return self.value, self.gradient, self.x0

    def claim(self):
        """The gradient at x0, after a look at what f and its gradient return."""
        gradient, single = preflight(self)
        return Claim(self, gradient, single=single)

    def source(self, f, method, rng):
        """Real steps decide and complex ones refine them, or one of the two by itself."""
        exact = ComplexStep(f, self)
        if method == "complex":
            if exact.works(rng):
                return exact
            raise ValueError(
                "method='complex' needs a function that takes complex arguments and returns a "
                "complex number; this one does not. Use method='real' or 'auto'."
            )
        real = RealStep(f, self, rng)
        if method == "auto" and exact.works(rng):
            real.exact = exact
        return real

    def complete(self, compared):
        """Each with its claimed and its numeric derivatives of the whole function."""
        return [(each, each.claimed, each.numeric) for each in compared]

    def more_checks(self, claim):
        """Checks of what is no block."""
        return []

    explainer = Explainer  # what is told of wrong blocks


class Claim:
    """The gradient that is claimed at x0, and how far rounding may have moved it."""

    def __init__(self, problem, gradient, *, single):
        self.gradient, self.single, self._problem = gradient, single, problem
        self.eps = np.finfo(np.float32 if single else float).eps
        self.tolerance = SINGLE if single else EXACT
        self.rng = np.random.default_rng(0)

    def of(self, block):
        """The gradient of a block."""
        return self.gradient[self._problem.blocks[block].slice]

    def along(self, block, directions=None):
        """The derivatives along directions of a block, or by each of its elements."""
        return self.of(block) if directions is None else directions @ self.of(block)

    def slack(self, block):
        """How far the gradient of a block is off if it is one of single precision."""
        if not self.single:
            return 0.0
        rounding = 3 * self.rounding[self._problem.blocks[block].slice]
        return np.linalg.norm(rounding) + SINGLE * np.linalg.norm(self.of(block))

    @cached_property
    def nearby(self):
        """Two points that differ from x0 in its last digits."""
        x0 = self._problem.x0
        return [x0 * (1 + 4 * self.eps * self.rng.uniform(-1, 1, x0.size)) for _ in range(2)]

    @cached_property
    def rounding(self):
        """How far each element moves as x0 moves in its last digits."""
        moved = np.zeros(self.gradient.shape)
        if self._problem.moves:
            for x in self.nearby:
                there = np.asarray(self._problem.gradient(x), float)
                np.fmax(moved, np.abs(there - self.gradient), out=moved)
        return moved


def numbered_layers(blocks):
    """The layer of each block: the number at the end of its name (W1, b[1]), if all have one."""
    numbers = {name: re.search(r"(\d+)\]?$", str(name)) for name in blocks}
    if not all(numbers.values()):
        return {}
    layers = {name: int(found[1]) for name, found in numbers.items()}
    return dict(sorted(layers.items(), key=lambda pair: pair[1]))


def _scales(block, x0):
    """The size of steps for each element of a block: that of the whole block.

    Where its elements differ by orders of magnitude, it is each element's own.
    """
    known = np.abs(block[block != 0])
    if not known.size:
        return np.full(block.size, rms(x0) or 1.0)
    if np.std(np.log10(known)) <= SPREAD:
        return np.full(block.size, rms(block))
    return np.where(block == 0, np.median(known), np.abs(block))
