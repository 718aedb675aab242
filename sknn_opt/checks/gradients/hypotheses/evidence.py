"""What is known of a wrong block, and when a hypothesis explains it."""

import re
from dataclasses import dataclass, field

import numpy as np

CLOSE = 1e-5  # a hypothesis leaves at most this share of a block's numbers, ...
REST = 0.01  # ... and at most this share of the error that it is to explain
EXACT = 1e-7  # an element that differs by no more than this share of itself is correct, ...
CLEARLY = 10  # ... and one that differs by so many times more is wrong
BIAS = re.compile(r"^d?b[a-z]?[][_\d]*$|bias")
FLOOR = 1e-12  # of the largest element, which is rounding


@dataclass(frozen=True)
class Evidence:
    """A wrong block: its analytic gradient, and what is known of the numeric one.

    `numeric` holds the elements, or the derivatives along `directions`, each correct to `error`
    (one for each, or the norm of all). `weights` are the parameters' own sizes, where these differ
    by orders of magnitude: by them each element counts, if it is known.
    """

    block: str
    shape: tuple
    analytic: np.ndarray
    theta: np.ndarray
    numeric: np.ndarray
    directions: np.ndarray | None
    error: np.ndarray | float = 0.0
    weights: np.ndarray | float = 1.0

    @property
    def listed(self):
        """Whether each element of the numeric gradient is known."""
        return self.directions is None

    @property
    def is_bias(self):
        """A vector whose name says so: b1, b[1], db1, bh, conv.bias."""
        vector = max(self.shape, default=1) == int(np.prod(self.shape))
        name = str(self.block).lower()
        return vector and bool(BIAS.search(name))

    @property
    def sides(self):
        """(a, n) in the shape of the block, where each element is known."""
        return self.analytic.reshape(self.shape), self.numeric.reshape(self.shape)

    def seen(self, gradient):
        """A gradient as the numeric one is known: by element or along the directions."""
        return gradient if self.directions is None else self.directions @ gradient

    def weigh(self, side):
        """What is seen, or its error, each element in its own unit."""
        return side * self.weights if self.listed else side

    def size_of(self, side):
        """‖side‖ in these units; an error that is one number is a norm already."""
        return np.linalg.norm(self.weigh(side)) if np.ndim(side) else float(side)

    def left_by(self, gradient):
        """‖n - gradient‖, as far as it is seen."""
        return self.size_of(self.numeric - self.seen(gradient))

    def explains(self, gradient):
        """Whether this would be the correct gradient."""
        close = max(CLOSE * self.size_of(self.numeric), self.size_of(self.error))
        return bool(self.left_by(gradient) <= min(close, REST * self.left_by(self.analytic)))

    def fit(self, *gradients):
        """The factors with which these gradients add up to the numeric one, best as they can."""
        columns = np.column_stack([self.weigh(self.seen(gradient)) for gradient in gradients])
        return np.linalg.lstsq(columns, self.weigh(self.numeric), rcond=None)[0]

    def wrong_elements(self):
        """Which elements are wrong, in the block's shape; None where that is not clear of all."""
        if not self.listed:
            return None
        a, n = self.analytic, self.numeric
        gap = np.abs(a - n)
        floor = FLOOR * np.abs(self.weigh(n)).max() / self.weights
        limit = np.maximum(EXACT * np.maximum(np.abs(a), np.abs(n)), floor)
        limit = np.maximum(limit, self.error)
        wrong = gap > limit
        clear = np.all(gap[wrong] > CLEARLY * limit[wrong])
        return wrong.reshape(self.shape) if clear else None


@dataclass(frozen=True)
class Context:
    """What else is known: the number of rows (or Σw), α/N, and other gradients it might be.

    `sizes` gives the sizes of arrays that the function reads, of their axes and of all elements,
    each with the name of one, `widths` those of axes alone; `indices` its arrays of integers, by
    name; `claims` the claimed gradient of each block, and `whole_norm` the norm of all; `size_of_f`
    is |f| at the point, or infinite where it is 0 or not known.
    """

    n_rows: float | None = None
    penalty: float | None = None
    alternatives: tuple = ()  # pairs of a sentence and f(block, directions), a gradient as seen
    sizes: dict = field(default_factory=dict)
    widths: dict = field(default_factory=dict)
    indices: dict = field(default_factory=dict)
    claims: dict = field(default_factory=dict)
    whole_norm: float = np.nan
    size_of_f: float = np.inf


def times(c, digits=6):
    """A factor in words, with as many digits as tell it from 1."""
    text = f"{c:.{digits}g}"
    return f"{text} times" if text != "1" else f"1 {'+' if c > 1 else '-'} {abs(c - 1):.1g} times"
