"""Private. Sources of derivatives: real steps, complex steps, complex steps through layers. Each,

    source.along(block, directions, claimed)  ->  Estimates

gives the derivatives of f along directions of one block (by each of its elements, if None). Where
they contradict what is claimed, a source doubts itself first: its errors grow by what it finds.
"""

import math
from dataclasses import dataclass

import numpy as np

__all__: list[str] = []
ZERO = "zero on both sides to rounding"
FEW = 3  # blocks of so few elements are compared element by element


@dataclass(frozen=True)
class Estimates:
    """Derivatives, how far each may be off, and which directions lead over a kink at x0.

    Exact ones are off by rounding alone: their `error` is one number, the norm of all errors.
    `refined` are more accurate values that agree with these; `doubt` says why an agreement with
    these values proves nothing.
    """

    value: np.ndarray
    error: np.ndarray | float
    kink: np.ndarray | np.bool_ = np.False_
    refined: np.ndarray | None = None
    doubt: str = ""

    @property
    def is_exact(self):
        """Whether nothing but rounding is between these and the truth."""
        return np.ndim(self.error) == 0

    @property
    def told(self):
        """Which directions the source can tell something about."""
        return np.isfinite(self.error) & ~self.kink

    @property
    def largest_error(self):
        """How far any of them may be off, or all of the exact ones; NaN if all lie on kinks."""
        if self.is_exact:
            return self.error
        return np.nan if self.kink.all() else self.error[~self.kink].max()

    @property
    def smooth(self):
        """The derivatives, NaN on a kink."""
        return np.where(self.kink, np.nan, self.value)

    def contradict(self, claimed):
        """Whether other derivatives differ by more than the errors."""
        if self.is_exact:
            gap = np.linalg.norm(claimed - self.value)
            return math.isfinite(self.error) and not gap <= self.error
        return not np.all((np.abs(claimed - self.value) <= self.error)[self.told])


class Source:
    """Ways that most sources share."""

    relative_noise = 0.0  # of f, as a share of its value
    f = None  # the function itself, where derivatives are not taken through its parts
    is_steep = False  # whether that comes of rounding x
    is_flat = False  # whether f does not move at all near x

    def __init__(self, problem):
        self.problem, self.blocks = problem, problem.blocks

    def weights(self, block):
        """How much each element of a block takes part in a random direction."""
        scale = self.problem.scale[self.blocks[block].slice]
        return scale / rms(scale)

    def lists(self, block, *, wrong=False):
        """Whether each element of a block is worth its cost, the more so if the block is wrong."""
        return self.blocks[block].size <= FEW

    def directions(self, block, n, rng):
        return self.weights(block) * rng.normal(size=(n, self.blocks[block].size))

    def size(self, compared):
        """The norm of a block, on the scale on which blocks are compared."""
        return compared.norm

    def finds_zero(self, compared, whole):
        """Why a block that agrees has no gradient, by evidence other than its size; or ""."""
        return ""

    def elements(self, compared):
        """The derivatives of a wrong block by element, if each can be told; else None."""
        return None

    def insists(self, compared):
        """Whether more directions may clear a block that is left open."""
        return False

    def settle(self, compared, compare, rng):
        """Second thoughts, once all blocks have been compared."""
        return compared


def rms(x):
    return float(np.sqrt(np.mean(x**2)))


def ratio(analytic, numeric):
    """‖a - n‖ / (‖a‖ + ‖n‖); 0 where both are 0, and NaN where one is."""
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(analytic) + np.linalg.norm(numeric)
    if 1e-140 < norms < 1e140:
        return float(np.linalg.norm(analytic - numeric) / norms)
    # squares underflow or overflow: in another unit
    largest = np.max([np.abs(side).max(initial=0) for side in (analytic, numeric)])
    if largest == 0 or not np.isfinite(largest):
        return float(largest - largest)  # 0, or NaN
    return ratio(analytic / largest, numeric / largest)


def error_size(error):
    """|error|, of which NaN is the largest."""
    return np.nan_to_num(np.abs(error), nan=np.inf)
