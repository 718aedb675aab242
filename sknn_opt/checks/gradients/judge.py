"""One judge for all: from what is claimed of a block and what a source found to a verdict.

WRONG is said only where the two differ by more than the errors of the derivatives, OK only where
an error above the stated resolution would have shown.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sknn_opt.checks.gradients.numeric import ZERO, Estimates, Source, error_size, ratio
from sknn_opt.checks.gradients.numeric.layerwise import Outer
from sknn_opt.checks.gradients.report import (
    BLURRED,
    CLOSE,
    INCONCLUSIVE,
    KINK,
    OK,
    VERDICTS,
    WRONG,
    BlockCheck,
)

NOTHING = 4500  # so many times eps of the whole gradient are zero
ROUNDED = 50  # so many times eps of the whole are rounding
# Along three directions an error shows less than 1/20 of itself in 1 of 10,000 blocks; along three
# of rank one, less than 1/100 in 1 of 20,000.
UNSEEN, UNSEEN_OUTER = 20, 100
# Along many directions an error e of the gradient leaves Σ (e·d)², which is below this multiple of
# ‖e‖² in 1 of 10,000 blocks, whatever noise is added: what they differ by is a bound by itself.
MANY, SHOWN = 16, 2.77  # the 1e-4 quantile of χ² with 16 degrees of freedom
HANDFUL = 8  # elements of a wrong block that are compared one by one
UNDECIDED = "complex step agrees"


@dataclass(frozen=True)
class Comparison:
    """A block's derivatives along some directions (by element, if None): claimed, and found."""

    block: str
    gradient: np.ndarray
    directions: np.ndarray | Outer | None
    claimed: np.ndarray
    estimates: Estimates
    source: Source

    def along(self, vector):
        """A gradient of the block as this comparison sees it."""
        return vector if self.directions is None else self.directions @ vector

    @property
    def numeric(self):
        """The best that is known."""
        refined = self.estimates.refined
        return self.estimates.value if refined is None else refined

    @cached_property
    def ratio(self):
        return ratio(self.claimed, self.numeric)

    @property
    def share(self):
        """How often each direction stands for the whole block, as a factor of norms."""
        return 1.0 if self.directions is None else np.sqrt(len(self.directions))

    @cached_property
    def norm(self):
        """‖n‖, on the scale of the elements."""
        return np.linalg.norm(self.numeric) / self.share

    @cached_property
    def resolution(self):
        """The smallest error that would have been seen, as a share of the block's norm."""
        if self.directions is None:
            norm = self.norm
            seen = 1 if self.estimates.is_exact else np.sqrt(len(self.gradient))
        else:
            known = self.source.weights(self.block) * self.gradient
            norm = max(np.linalg.norm(known), self.norm)
            if len(self.directions) >= MANY and norm:
                left = np.linalg.norm(self.claimed - self.estimates.value)
                return float(max(left / np.sqrt(SHOWN) / norm, BLURRED))
            seen = UNSEEN_OUTER if isinstance(self.directions, Outer) else UNSEEN
        return float(seen * self.estimates.largest_error / norm) if norm else np.nan


def decide(problem, compared, whole_norm=0.0):
    """The verdict on one block, and a note; `whole_norm` is the norm of the whole gradient."""
    estimates = compared.estimates
    if not np.isfinite(compared.gradient).all():
        return WRONG, ""
    if _is_rounding(problem, compared, whole_norm):
        return OK, ZERO
    if estimates.contradict(compared.claimed):
        return WRONG, ""
    if estimates.kink.any():
        return KINK, ""
    # A gradient of zeros is correct only if all is 0: else it is small, and nobody knows.
    if not compared.gradient.any() and not np.any(estimates.error):
        return OK, ""
    given = problem.rtol or 0.0
    enough = max(problem.tolerance, 0.0 if problem.exact else CLOSE, given)
    agrees = estimates.refined is not None and compared.ratio < enough
    zero = compared.source.finds_zero(compared, whole_norm)
    if zero:
        return OK, zero
    if compared.gradient.any() and compared.resolution <= max(BLURRED, given):
        if estimates.doubt:
            return INCONCLUSIVE, estimates.doubt
        if estimates.refined is not None and not agrees:
            return INCONCLUSIVE, "complex step differs, by less than real steps can see"
        return OK, ""
    if not estimates.is_exact:
        return INCONCLUSIVE, UNDECIDED if agrees else ""
    if estimates.error <= NOTHING * problem.eps * whole_norm:
        return OK, ZERO
    return INCONCLUSIVE, "rounding errors are too large to tell"


def _is_rounding(problem, compared, whole_norm):
    """Whether exact derivatives of a function and what is claimed are both but rounding errors.

    That is of the whole gradient, or of x: at an optimum both move as x does in its last digits.
    """
    if problem.exact or not compared.estimates.is_exact:
        return False
    value, claimed = (np.linalg.norm(side) for side in (compared.numeric, compared.claimed))
    limit = max(ROUNDED * problem.eps * whole_norm, compared.estimates.error)
    return max(value, claimed) <= limit


def forgive(problem, compared, check):
    """A wrong block is right after all if it differs by no more than `rtol`.

    By default that is 1e-7 of each element: a function that is solved for to a tolerance is no
    more exact than this. What the user gives is a share of the block.
    """
    if check.verdict != WRONG or problem.exact:
        return check
    given, found = problem.rtol, compared.numeric
    gap = np.abs(compared.claimed - found)
    if given is not None:
        close = np.linalg.norm(gap) <= given * np.linalg.norm(found)
    else:
        close = check.index is not None and np.all(gap <= CLOSE * np.abs(found))
        close = close and abs(check.analytic - check.numeric) <= CLOSE * abs(check.numeric)
    if not close:
        return check
    limit = CLOSE if given is None else given
    seen = float(np.fmax(check.resolution, limit))
    note = f"differs by less than {limit:.0e} (rtol)"
    return replace(check, verdict=OK, passed=True, resolution=seen, note=note)


def report_on(problem, compared, verdict, note, rng):
    """A block's BlockCheck, with the worst element that is known."""
    block, place = compared.block, problem.blocks[compared.block]
    resolution = compared.resolution if problem.exact else np.maximum(compared.resolution, CLOSE)
    found = place.size, verdict, compared.ratio, float(resolution)
    return BlockCheck(
        *(problem.name, block, problem.layers.get(block), *found),
        *_worst(compared, place, verdict, rng),
        passed=verdict == OK,
        note=note,
        samples=(compared.claimed, compared.numeric),
        elementwise=compared.directions is None,
        shape=place.shape,
    )


def list_elements(compared):
    """A wrong block compared by element, or None if that is dear or not each can be told."""
    estimates = compared.source.elements(compared)
    if estimates is None:
        return None
    return replace(compared, directions=None, claimed=compared.gradient, estimates=estimates)


def name_worst(listed, check):
    """The check of a block whose elements are known by now."""
    k = int(np.argmax(error_size(listed.claimed - listed.numeric)))
    return replace(
        check,
        ratio=listed.ratio,
        index=tuple(int(i) for i in np.unravel_index(k, check.shape)),
        analytic=float(listed.claimed[k]),
        numeric=float(listed.numeric[k]),
        samples=(listed.claimed, listed.numeric),
        elementwise=True,
    )


def _worst(compared, place, verdict, rng):
    """The worst element known: its index, analytic and numeric derivative."""
    if compared.directions is None:
        k = int(np.argmax(error_size(compared.claimed - compared.numeric)))
        a, n = compared.claimed[k], compared.numeric[k]
    elif verdict == WRONG:
        source, block = compared.source, compared.block
        weights = source.weights(block) * np.ones(place.size)

        def along(directions):
            return source.along(block, weights * directions).smooth

        k, a, n = _locate(along, weights * compared.gradient, rng)
        a, n = a / weights[k], n / weights[k]
    else:
        return None, None, None
    return tuple(int(i) for i in np.unravel_index(k, place.shape)), float(a), float(n)


def _locate(along, analytic, rng):
    """A wrong element of a block: its number, its analytic and its numeric derivative.

    A block that is wrong along random directions has a wrong half, and so on: about 2 log₂ n
    derivatives find an element. The half that differs more is followed, which leads to a wrong
    element, though not always to the worst. `along(directions)` is NaN where nothing can be told.
    """
    start, stop = 0, analytic.size
    bad = np.flatnonzero(~np.isfinite(analytic))
    if bad.size:  # no halves are needed, and 0 · NaN would be NaN in both
        start, stop = bad[0], bad[0] + 1
    while stop - start > HANDFUL:
        middle = (start + stop) // 2
        directions = np.zeros((2, analytic.size))
        directions[0, start:middle] = rng.normal(size=middle - start)
        directions[1, middle:stop] = rng.normal(size=stop - middle)
        left, right = np.nan_to_num(np.abs(along(directions) - directions @ analytic))
        start, stop = (start, middle) if left >= right else (middle, stop)
    numeric = along(np.eye(stop - start, analytic.size, start))
    k = int(np.argmax(np.nan_to_num(np.abs(numeric - analytic[start:stop]))))
    return start + k, analytic[start + k], numeric[k]


def judge_all(problem, compared, checks):
    """The whole gradient: the blocks together, each direction counting as the whole block."""
    # A block on a kink has no gradient that the ratio could be taken of.
    told = [c for c in compared if c.estimates.refined is not None or not c.estimates.kink.any()]
    total, beside = problem.total()
    pairs = []
    for each in told or compared:
        place = problem.blocks[each.block].slice
        numeric = each.numeric + each.along(beside[place])
        pairs.append((each.along(total[place]) / each.share, numeric / each.share))
    value = ratio(*(np.concatenate(side) for side in zip(*pairs, strict=True)))
    gravest = max((check.verdict for check in checks), key=VERDICTS.index)
    if problem.exact and gravest == OK:  # what has been checked by blocks need not add up
        # Each block may be zero but for rounding, and then so is their sum.
        excused = all(check.note for check in checks)
        gravest = OK if excused or value < problem.tolerance else WRONG
    told = [check.resolution for check in checks if check.verdict != OK or check.note != ZERO]
    resolution = max((share for share in told if not np.isnan(share)), default=np.nan)
    passed, size = gravest != WRONG and all(check.passed for check in checks), problem.x0.size
    return BlockCheck(problem.name, "all", None, size, gravest, value, resolution, passed=passed)
