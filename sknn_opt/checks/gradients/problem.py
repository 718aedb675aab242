"""A function to check: f, its claimed gradient, a point, and the names of its blocks.

Whatever the user brings is turned into this by `readers`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from sknn_opt.checks.gradients.explain import Explainer
from sknn_opt.checks.gradients.numeric import rms
from sknn_opt.checks.gradients.numeric.complex_step import ComplexStep
from sknn_opt.checks.gradients.numeric.real_step import RealStep
from sknn_opt.checks.gradients.preflight import Raised, preflight

EXACT = 1e-9  # a correct gradient agrees so well with complex steps
SINGLE = 1e-5  # a correct float32 gradient so well with anything
SPREAD = 1.0  # standard deviation of log10 |x|, above which elements have scales of their own


@dataclass
class Problem:
    """f, its gradient and the point x0, all as functions of one float64 vector.

    `layers` gives each block's layer, by default that of its number. `n_rows` and `penalty` are
    known for networks. `moves` says whether the gradient can be had elsewhere, `rtol` which share
    of a block it may be off. An `exact` f has no error but rounding.
    """

    value: Callable
    gradient: Callable
    x0: np.ndarray
    blocks: dict
    layers: dict | None = None
    name: str = "x0"
    n_rows: float | None = None
    penalty: float | None = None
    moves: bool = True
    rtol: float | None = None
    remedy: str = (
        "draw its random numbers (dropout masks, noise) once and reuse them, or reset the seed in "
        "each call; networks of sknn_opt do so by themselves"
    )
    dtype: np.dtype = field(default_factory=lambda: np.dtype(float))
    integers: np.ndarray | bool = False  # where the claimed gradient came as integers
    notes: list = field(default_factory=list)  # on how it was read
    structure: object = None  # of x0, as the user has it

    def __post_init__(self):
        if self.layers is None:
            self.layers = _numbered_layers(self.blocks)

    @cached_property
    def scale(self):
        """The size of steps for each element."""
        scale = np.empty_like(self.x0)
        for place in self.blocks.values():
            scale[place.slice] = _scales(self.x0[place.slice], self.x0)
        return scale

    def look(self):
        """Call f and its gradient at x0, and keep what is claimed there."""
        self.claimed, self.single = self.claim()
        self.eps = np.finfo(np.float32 if self.single else float).eps
        self.tolerance = SINGLE if self.single else EXACT

    @cached_property
    def nearby(self):
        """Two points that differ from x0 in its last digits."""
        rng, n = np.random.default_rng(0), self.x0.size
        return [self.x0 * (1 + 4 * self.eps * rng.uniform(-1, 1, n)) for _ in range(2)]

    @cached_property
    def rounding(self):
        """How the gradient moves as x0 moves in its last digits, one row for each point."""
        if not self.moves:
            return np.zeros((1, self.x0.size))
        return np.array([self._gradient_or_nan(x) for x in self.nearby], float) - self.claimed

    def _gradient_or_nan(self, x):
        try:
            return self.gradient(x)
        except Raised:  # it is defined at x0, if nowhere else
            return np.full(x.size, np.nan)

    def slack(self, place):
        """How far a part of the gradient is off if it is one of single precision."""
        if not self.single:
            return 0.0
        rounding = 3 * np.linalg.norm(np.fmax.reduce(np.abs(self.rounding[:, place])))
        return rounding + SINGLE * np.linalg.norm(self.claimed[place])

    def read_point(self, point):
        """A further point, given as x0 was, as a vector."""
        if self.structure is None:
            raise TypeError("A list of points goes with a function; a module takes their number.")
        other = type(self.structure)(point)
        shapes = [{k: b.shape for k, b in each.blocks.items()} for each in (other, self.structure)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"Each of points= must have the structure of x0, {shapes[1]}; one has {shapes[0]}."
            )
        return other.theta

    # What networks of ours do in their own way ----------------------------------------------------

    @property
    def whole(self):
        """The function that a user would check: its value, its gradient and the point."""
        return self.value, self.gradient, self.x0

    def claim(self):
        """The gradient at x0, and whether it is one of single precision."""
        return preflight(self)

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

    def total(self):
        """The claimed gradient of the whole function, and what it has beside that of the blocks."""
        return self.claimed, np.zeros_like(self.x0)

    def more_checks(self):
        """Checks of what is no block."""
        return []

    mistaken: ClassVar[dict] = {}  # words on the claim, and what is right if they are true
    exact = False
    explainer = Explainer  # what is told of wrong blocks


def _numbered_layers(blocks):
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
