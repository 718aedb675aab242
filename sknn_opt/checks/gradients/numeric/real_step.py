"""Directional derivatives of any function by real evaluations, each with its error and its kinks.

On a ladder of steps h = 1, 0.1, …, 1e-8 (of the parameters' own size) stand the central differences

    C(h) = (f(x + hd) - f(x - hd)) / 2h   with error   f''' h²/6 + ε/h,

ε being the noise of f, which is measured. Two neighboring rungs agree to about the error of the
smaller one, so the derivative is taken where they agree best, not where they agree with anybody's
expectation. One step of Richardson's extrapolation takes out the h² term.

The gap between the right and the left derivative, |f(x + hd) - 2 f(x) + f(x - hd)| / h, shrinks
with h where f is smooth. Where it does not, there is a kink within h, and the ladder is
climbed down past it; a kink that the smallest steps still see lies at x itself.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sknn_opt.checks.gradients.numeric import ZERO, Estimates, Source, rms
from sknn_opt.checks.gradients.numeric.noise import measure_noise

START = 4  # the first two rungs tried are 1e-4 and 1e-5
LAST = 8
TINY = (1e-10, 1e-11, 1e-12)
WIDE = (1e-1, 1e-2, 1e-3)
SMALLEST = 11  # of the steps that confirm a contradiction
EXTRAPOLATED = 20  # C(h/10) differs from C(h) by 99 times its own error; how much of that we trust
GOOD_ENOUGH = 1e-9
SAFETY = 5  # how many of its probable errors an estimate may be off
ONE_SIDED = 4  # times the noise of a central difference
SMALL = (1e-8, 1e-7, 1e-6)  # steps that a function which is merely rounded takes notice of
EDGE = 1e-7  # a domain that ends within such a step ends at x
STEEP = 30  # times what rounding x moves f by
WAYS = (1.0, -1.0, 0.3)
TELLING = 1e-3  # with a resolution below this a block is no zero
HOPELESS = 1.0  # with one above this more directions do not help
ROUNDINGS = 10  # f changes with a block if it does by so many times its noise
SHARE, SINGLE_SHARE = 1e-10, 1e-5  # of the whole gradient, which are its rounding
# At an optimum: of what f changes over the parameters' own size, each side may be so much, and the
# error of the steps; both, where all zeros are claimed.
NEARLY, RESOLVED, EXACT_SHARE = 1e-5, 1e-7, 1e-10
OPTIMUM = "nearly zero on both sides: an optimum"


@dataclass(frozen=True)
class Estimate:
    """A directional derivative, its probable error, and whether x lies on a kink of f."""

    value: float
    error: float
    kink: bool
    rung: int

    @property
    def is_good(self):
        """Whether no better one is needed."""
        return self.error <= GOOD_ENOUGH * abs(self.value)

    def agrees(self, expected):
        """Whether a finite derivative may be as good as this one."""
        return not abs(self.value - expected) > SAFETY * self.error


class RealStep(Source):
    """Directional derivatives of f at x0 by real evaluations.

    `exact`, a `ComplexStep` or None, refines them where it agrees with them.
    """

    def __init__(self, f, problem, rng):
        super().__init__(problem)
        self.f, self.x, self.exact = f, problem.x0, None
        self.f0, self._start, self._inward = f(self.x), START, None
        draw = rng.normal(size=self.x.size)
        self._direction = problem.scale * draw / rms(draw)  # of x's own size, by no chance less
        if not all(np.isfinite(f(self.x + way * self._direction)) for way in (EDGE, -EDGE)):
            self._inward = self._find_inward()
            self._direction = self._turned(self._direction, slice(None))
        # At the end of its domain f may be as steep as √x, which looks like noise.
        inner = self._direction * (self._inward == 0) if self.is_at_edge else self._direction
        self.noise = measure_noise(f, self.x, self.f0, inner)

    @cached_property
    def is_steep(self):
        """Whether f scatters as the last digits of x do, close to a pole."""
        rounding = np.abs(self.x * self.problem.claimed).max() * np.finfo(float).eps
        return bool(self.noise <= STEEP * rounding)

    @cached_property
    def is_flat(self):
        """Whether small steps do not move f at all."""
        steps = (*SMALL, *np.negative(SMALL))
        return all(self.f(self.x + h * self._direction) == self.f0 for h in steps)

    def _find_inward(self):
        """For each element, which way leads into the domain of f: 1, -1, or 0 if both do.

        x lies at the end of it (x = 0 of √x³, a variance of 0, a bound). What neither way leads
        into is NaN.
        """
        inward = np.zeros(self.x.size)
        for k, size in enumerate(self.problem.scale):
            move = np.zeros(self.x.size)
            move[k] = EDGE * size
            right, left = (np.isfinite(self.f(self.x + way * move)) for way in (1, -1))
            inward[k] = float(right) - float(left) if right or left else np.nan
        if np.any(inward):
            self.problem.notes.append(
                "x lies at the end of the function's domain: derivatives are one-sided there"
            )
        return inward

    def _turned(self, directions, place):
        """Directions into the domain of f."""
        inward = self._inward[place]
        turned = np.where(inward == 0, directions, inward * np.abs(directions))
        return np.nan_to_num(turned)

    def directions(self, block, n, rng):
        drawn = super().directions(block, n, rng)
        return drawn if self._inward is None else self._turned(drawn, self.blocks[block].slice)

    @cached_property
    def relative_noise(self):
        """The noise as a share of f: of its largest value over a long way, as it may be 0 at x."""
        values = [self.f0, *(self.f(self.x + way * self._direction) for way in WAYS)]
        return self.noise / (np.abs([v for v in values if np.isfinite(v)]).max() or 1.0)

    def derivative(self, direction, expected, start=START, slack=0.0):
        """The derivative along `direction`, as an Estimate; the ladder is tried from `start` on.

        Where it contradicts `expected`, by more than `slack`, every doubt is followed up first.
        """
        ladder = _Ladder(self, direction)
        found = ladder.climb(start)
        if not np.isfinite(expected):
            return found
        for doubt in (ladder.confirm, ladder.jitter, ladder.blame_a_kink, ladder.ask_the_others):
            close = abs(found.value - expected) <= slack
            if found.kink or close or found.agrees(expected):
                return found
            found = doubt(found, expected)
        return found

    def along(self, block, directions=None, claimed=None):
        if claimed is None and self.exact is not None:
            found = self.exact.along(block, directions)
            if np.isfinite(found.value).all():  # NaN where x + ih is out of f's domain
                return found
        self.f.block, place = block, self.blocks[block].slice
        moves, sizes = self._moves(block, directions)
        if claimed is None:
            return self._estimates(moves, sizes, np.nan * sizes, 0.0, self._start)
        found = self._estimates(moves, sizes, claimed, self.problem.slack(place), START)
        if not (self.problem.claimed[place].any() or found.value.any() or self._is_felt(moves)):
            found = replace(found, error=np.zeros(len(moves)))
        refined = None if self.exact is None else self.exact.derivatives(block, directions)
        return replace(found, refined=refined)

    def _moves(self, block, directions):
        """Directions of a block as moves of x by the block's own size, and these sizes."""
        place = self.blocks[block].slice
        scale = self.problem.scale[place]
        sizes = scale if directions is None else np.full(len(directions), rms(scale))
        moves = np.zeros((len(sizes), self.x.size))
        moves[:, place] = np.diag(scale) if directions is None else rms(scale) * directions
        return moves, sizes

    def settle(self, compared, compare, rng):
        """Drop complex steps that disagree anywhere: then f only seems to take complex arguments.

        Where real steps cannot tell, nothing vouches for the complex ones.
        """
        found = {block: each.estimates for block, each in compared.items()}
        if self.exact is not None and any(e.contradict(e.refined) for e in found.values()):
            self.exact = None
        doubt = "the function varies below the steps" if self._varies_below_the_steps() else ""
        for block, e in found.items():
            refined = e.refined if self.exact and e.told.any() else None
            found[block] = replace(e, doubt=doubt, refined=refined)
        return {block: replace(each, estimates=found[block]) for block, each in compared.items()}

    def size(self, compared):
        if not compared.resolution <= TELLING:
            return 0.0
        return compared.norm * rms(self.problem.scale[self.blocks[compared.block].slice])

    def finds_zero(self, compared, whole):
        """Whether both sides are zero to rounding, of the whole gradient or of what f changes.

        The one holds where f does not change with the block over its own size (a bias before batch
        norm), the other at an optimum. That a block of zeros is small proves nothing.
        """
        estimates, block = compared.estimates, compared.block
        if estimates.doubt or compared.resolution <= TELLING or not np.any(estimates.error):
            return ""
        moves, sizes = self._moves(block, compared.directions)
        error = (estimates.error * sizes).max()
        claim, found = (np.abs(side * sizes).max() for side in (compared.claimed, estimates.value))
        if not np.isfinite(error):
            return ""
        least, most = self._reach(moves)
        if most <= ROUNDINGS * self.noise:
            known = max(claim, error if self.problem.single else most)
            share = SINGLE_SHARE if self.problem.single else SHARE
            return ZERO if known <= share * (whole or self._size_of_f(sizes)) else ""
        if not compared.gradient.any():
            return ZERO if max(found, error) <= EXACT_SHARE * least else ""
        if max(claim, found) > NEARLY * least or error > RESOLVED * least:
            return ""
        return ZERO if max(claim, found) <= RESOLVED * least else OPTIMUM

    def _size_of_f(self, sizes):
        """|f|, or where f is 0 but for rounding (a sum of what is centered) the size of x."""
        return abs(self.f0) if abs(self.f0) > ROUNDINGS * self.noise else sizes.max()

    def _reach(self, moves):
        """How far f changes as a block moves by its own size: at least, and at most."""
        values = [[self.f(self.x + way * move) for move in moves] for way in WAYS]
        changes = np.abs(np.array(values) - self.f0)
        finite = np.where(np.isfinite(changes), changes, 0.0)
        return finite.max(axis=1).min(), np.nan_to_num(changes, nan=np.inf).max()

    @property
    def is_at_edge(self):
        """Whether the domain of f ends at x."""
        return self._inward is not None

    def elements(self, compared):
        listed = self.exact and self.exact.elements(compared)
        if listed:
            return listed
        if compared.directions is None or not np.isfinite(compared.gradient).all():
            return None
        moves, sizes = self._moves(compared.block, None)
        found = self._estimates(moves, sizes, np.nan * sizes, 0.0, START, follow=False)
        gap = np.abs(compared.gradient - found.value)
        worst = np.argmax(gap)  # it must be no error of the steps
        clear = np.isfinite(gap).all() and found.told.all() and gap[worst] > found.error[worst]
        return found if clear else None

    def insists(self, compared):
        return compared.resolution <= HOPELESS and not compared.estimates.doubt

    def describe(self):
        more = "" if self.exact is None else " and complex step"
        return f"real steps{more}, along random directions, {self.f.n_calls} evaluations"

    def _estimates(self, moves, sizes, claimed, slack, start, *, follow=True):
        """The derivatives along moves of these sizes, each begun on the best rung of the last.

        Moves that do not follow the last begin anew, as single elements are of different kinds.
        """
        found = []
        for move, size, expected in zip(moves, sizes, claimed * sizes, strict=True):
            found.append(self.derivative(move, expected, start, size * slack))
            if follow:
                start = self._start = found[-1].rung
        value, error, kink = np.array([(e.value, e.error, e.kink) for e in found]).T
        return Estimates(value / sizes, SAFETY * error / sizes + slack, kink > 0)

    def _is_felt(self, moves):
        """Whether f moves at all with a block, even over long ways."""
        ways = (1.0, -1.0, 1e3)
        return {self.f(self.x + way * move) for move in moves for way in ways} != {self.f0}

    def _varies_below_the_steps(self):
        """Whether the tiniest steps agree with each other, and on another slope than the rest."""
        ladder = _Ladder(self, self._direction)
        found, (first, second) = ladder.climb(START), (ladder.central(h) for h in TINY[-2:])
        consistent = abs(first - second) < 0.02 * abs(first)
        other = abs(first - found.value) > max(0.1 * abs(first), 10 * found.error)
        return bool(consistent and other and not found.kink)


class _Ladder:
    """The central differences of f along one direction, each computed once."""

    def __init__(self, real, direction):
        self._real, self._direction, self._known = real, direction, {}
        self._is_one_sided = False

    def central(self, h):
        return self._differences(h)[0]

    def climb(self, start):
        """The best estimate that the ladder has, tried from `start` on."""
        # Down, past kinks and while the truncation error dominates; then up, while noise does.
        tried = self._walk(self._pair(min(start, LAST - 1)), 1, LAST - 1)
        if not np.isfinite(tried[-1].error):  # the domain of f ends before the usual steps
            tried += self._walk(tried[-1], 1, SMALLEST - 1)[1:]
        if not any(estimate.kink for estimate in tried) and not tried[-1].is_good:
            tried += self._walk(tried[0], -1, 0)[1:]
        smooth = [e for e in tried if not e.kink and np.isfinite(e.error)]
        if not smooth:
            return tried[-1]
        best = min(smooth, key=lambda e: e.error)
        doubt = max(abs(best.value - e.value) - 2 * e.error for e in smooth)
        return replace(best, error=max(best.error, doubt))

    def _walk(self, first, step, end):
        """Estimates rung by rung, as long as they get better and can."""
        walk = [first]
        while walk[-1].rung != end and self._goes_on(*walk[-2:], step=step):
            walk.append(self._pair(walk[-1].rung + step))
        return walk

    def _noise_below(self, rung):
        """What the noise of f makes of the smaller step of a rung."""
        return (ONE_SIDED if self._is_one_sided else 1) * 2 * self._real.noise * 10.0 ** (rung + 1)

    def _goes_on(self, *lasts, step):
        before, last = lasts[0], lasts[-1]
        if last.kink or not np.isfinite(last.error):
            return step > 0
        better = before is last or before.kink or last.error < before.error
        noise = self._noise_below(last.rung)
        counts = 10 * noise < last.error / 2 if step > 0 else noise > last.error / 2
        return better and counts and not last.is_good

    # Doubts about a contradiction -----------------------------------------------------------------

    def confirm(self, found, expected):
        """A smaller step must contradict `expected` as well: else what that step says.

        A kink between two rungs can make them agree with each other by chance.
        """
        difference, above = abs(found.value - expected), found
        for r in range(found.rung + 1, SMALLEST):
            noise = self._noise_below(r)
            if noise > 3 * difference:
                return found  # f is too noisy to look closer
            lower = self._pair(r)
            if abs(lower.value - expected) < 0.3 * difference and lower.agrees(expected):
                return lower
            # Errors may grow as noise does, and no more: else f varies below these steps.
            explained = lower.error <= 2 * above.error + 3 * noise
            if explained and not lower.kink and lower.error < difference / 10:
                return found
            above = lower
        return replace(found, error=np.inf)

    def jitter(self, found, expected):
        """Steps of nearly the same size must say the same: a rounded f can be flat for a while."""
        h = 10.0 ** -(found.rung + 1)
        others = [self.central(factor * h) for factor in (0.4, 0.7, 1.5)]
        spread = max(abs(other - found.value) for other in others)
        return replace(found, error=max(found.error, spread))

    def blame_a_kink(self, found, expected):
        """A kink at x of this strength explains any difference up to it."""
        if self._is_one_sided:
            return found
        difference = abs(found.value - expected)
        usable = [r for r in range(1, LAST + 1) if 10 * self._real.noise * 10.0**r < difference]
        if not usable or usable[-1] <= found.rung:
            return found
        wide, narrow = (self._differences(10.0**-r)[1] for r in (usable[-1] - 1, usable[-1]))
        # gap(h) = kink + h f'': two steps tell the one from the other
        strength = abs(10 * narrow - wide) / 9
        return replace(found, kink=True) if difference <= strength else found

    def ask_the_others(self, found, expected):
        """Do steps that were passed over side with `expected`, against a value far from it?

        Tiny ones do if f varies below all other steps, which looks like noise; wide ones if a part
        of f is rounded, and small steps see only the rest of it.
        """
        difference = abs(found.value - expected)
        if difference <= 0.01 * abs(expected):
            return found
        # Over smaller steps f cannot move by as much as the two differ: it seems to be constant.
        least = 10 * np.finfo(float).eps * abs(self._real.f0) / difference
        for steps in (TINY, WIDE):
            central = [self.central(h) for h in steps if h > least]
            if sum(abs(c - expected) < 0.05 * difference for c in central) > 1:
                return replace(found, error=np.inf)
        return found

    def _differences(self, h):
        """C(h), the gap (the right less the left derivative), and the noise of both."""
        if h not in self._known:
            f, x, f0 = self._real.f, self._real.x, self._real.f0
            right, left = f(x + h * self._direction), f(x - h * self._direction)
            noise = max(self._real.noise, np.finfo(float).eps * max(abs(right), abs(left))) / h
            self._known[h] = (right - left) / (2 * h), (right - 2 * f0 + left) / h, noise
            if self._real.is_at_edge and np.isfinite(right) != np.isfinite(left):
                self._known[h] = self._one_sided(h, 1 if np.isfinite(right) else -1, right, left)
        return self._known[h]

    def _one_sided(self, h, way, *sides):
        """The same from one side, where the domain of f ends at x.

        C(h) = (4 f(x + hd) - f(x + 2hd) - 3 f(x)) / 2h, also with an error of the order h²; the gap
        is between the derivatives over the first and over the second step.
        """
        self._is_one_sided = True
        near, f0 = sides[0] if way > 0 else sides[1], self._real.f0
        far = self._real.f(self._real.x + 2 * way * h * self._direction)
        size = max(self._real.noise, np.finfo(float).eps * max(abs(near), abs(far)))
        slope = way * (4 * near - far - 3 * f0) / (2 * h)
        return slope, (far - 2 * near + f0) / h, ONE_SIDED * size / h

    def _pair(self, r):
        """What the rungs r and r + 1 say together: h = 10⁻ʳ and a tenth of it."""
        c_big, gap_big, _ = self._differences(10.0**-r)
        c_small, gap_small, noise = self._differences(10.0 ** -(r + 1))
        gap_big, gap_small = abs(gap_big), abs(gap_small)
        difference = abs(c_small - c_big)
        # The step itself is rounded, by eps |x|, which matters where f is steep or curved.
        floor = 4 * np.finfo(float).eps * (abs(c_small) + gap_big * 10.0**r)
        # Of a smooth f a tenth of the gap is left. Only where that shows is f known to be
        # smooth between the two, and the smaller rung that much better than the difference.
        kink = not self._is_one_sided and gap_small - gap_big / 4 > 10 * noise
        smooth = 0.09 * gap_big < gap_small < 0.11 * gap_big
        value = c_small + (c_small - c_big) / 99 if smooth else c_small
        error = difference / (EXTRAPOLATED if smooth else 1) + 2 * noise + floor
        return Estimate(value, error if np.isfinite(value + error) else np.inf, bool(kink), r)
