"""Directional derivatives of any function by real evaluations, each with its error and its kinks.

On a ladder of steps h = 1, 0.1, …, 1e-8 (of the parameters' own size) stand the central differences

    C(h) = (f(x + hd) - f(x - hd)) / 2h   with error   f''' h²/6 + ε/h,

ε being the noise of f, which is measured. Two neighbouring rungs agree to about the error of the
smaller one, so the derivative is taken where they agree best, not where they agree with anybody's
expectation. One step of Richardson's extrapolation takes out the h² term.

The gap between the right and the left derivative, |f(x + hd) - 2 f(x) + f(x - hd)| / h, shrinks
with h where f is smooth. Where it does not, there is a kink within h, and the ladder is
climbed down past it; a kink that the smallest steps still see lies at x itself.
"""

from dataclasses import dataclass, replace

import numpy as np

START = 4  # the first two rungs tried are 1e-4 and 1e-5
LAST = 8
TINY = (1e-10, 1e-11, 1e-12)
SMALLEST = 11  # of the steps that confirm a contradiction
EXTRAPOLATED = 20  # C(h/10) differs from C(h) by 99 times its own error; how much of that we trust
GOOD_ENOUGH = 1e-9
SAFETY = 5  # how many of its probable errors an estimate may be off
N_NOISE = 8
NOISE_STEPS = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)


@dataclass(frozen=True)
class Estimate:
    """A directional derivative, its probable error, and whether x lies on a kink of f."""

    value: float
    error: float
    kink: bool
    rung: int

    def agrees(self, expected):
        """Whether a derivative may be as good as this one; NaN may not."""
        if not np.isfinite(self.error):
            return True
        return bool(abs(self.value - expected) <= SAFETY * self.error)


class RealStep:
    """Directional derivatives of f at x by real evaluations.

    `scale` is the size of the elements of x, from which the steps for the noise are taken.
    """

    def __init__(self, f, x, scale, rng):
        self._f, self._x = f, x
        self.f0 = f(x)
        self.noise = self._measure_noise(scale * rng.normal(size=x.size))

    def _measure_noise(self, direction):
        """ε: the scatter of f over tiny steps, where third differences of a smooth f vanish.

        To one side of x, so that a kink at x itself does not count as noise; over wider steps where
        f does not move at all, as if rounded. Source: Moré & Wild (2011), "Estimating computational
        noise".
        """
        for step in NOISE_STEPS:
            moved = [self._x + k * step * direction for k in range(1, N_NOISE + 1)]
            values = np.array([self._f(x) for x in moved])
            if np.ptp(values):
                break
        with np.errstate(all="ignore"):
            scatter = np.sqrt(np.mean(np.diff(values, 3) ** 2) / 20)  # 20 = 1 + 9 + 9 + 1
        return np.fmax(3 * scatter, np.finfo(float).eps * abs(self.f0))

    def derivative(self, direction, expected, start=START):
        """The derivative along `direction`, as an Estimate; the ladder is tried from `start` on.

        Where it contradicts `expected`, rungs further down must contradict it as well: a kink
        between two rungs can make them agree by chance.
        """
        rungs = {}

        def pair(r):
            for i in (r, r + 1):
                if i not in rungs:
                    rungs[i] = self._rung(direction, 10.0**-i)
            return self._compare(rungs[r], rungs[r + 1], r)

        found = self._climb(pair, start)
        if found.kink or found.agrees(expected):
            return found
        found = self._confirm(found, pair, expected)
        if not found.agrees(expected) and self._oscillates(direction, found.value, expected):
            return replace(found, error=np.inf)
        return found

    def _confirm(self, found, pair, expected):
        """`found` if a smaller step contradicts `expected` as well, else what that step says."""
        difference, above = abs(found.value - expected), found
        for r in range(found.rung + 1, SMALLEST):
            noise = 2 * self.noise * 10.0 ** (r + 1)
            if noise > 3 * difference:
                return found  # f is too noisy to look closer
            lower = pair(r)
            if abs(lower.value - expected) < 0.3 * difference and lower.agrees(expected):
                return lower
            # Errors may grow as noise does, and no more: else f varies below these steps.
            explained = lower.error <= 2 * above.error + 3 * noise
            if explained and not lower.kink and lower.error < difference / 10:
                return found
            above = lower
        return replace(found, error=np.inf)

    def _oscillates(self, direction, value, expected):
        """Whether tiny steps, too noisy to prove anything, side with a claim far from `value`.

        Then what looked like noise is f itself, which varies below all other steps.
        """
        if abs(value - expected) < 0.1 * abs(expected):
            return False
        tiny = np.array([self._rung(direction, h)[1] for h in TINY])
        return np.sum(np.abs(tiny - expected) < 0.01 * abs(expected)) > 1

    def _climb(self, pair, start):
        """The best estimate that the ladder has, tried from `start` on."""
        tried = [pair(start)]
        # Down, past kinks and while the truncation error dominates; then up, while noise does.
        while tried[-1].rung + 1 < LAST and self._should_go_down(tried):
            tried.append(pair(tried[-1].rung + 1))
        if not any(estimate.kink for estimate in tried):
            upwards = [tried[0]]
            while upwards[-1].rung > 0 and self._should_go_up(upwards, tried):
                upwards.append(pair(upwards[-1].rung - 1))
            tried += upwards[1:]
        smooth = [e for e in tried if not e.kink and np.isfinite(e.error)]
        return _best(smooth) if smooth else tried[-1]

    def _rung(self, direction, h):
        """h, C(h) and the gap."""
        right, left = self._f(self._x + h * direction), self._f(self._x - h * direction)
        with np.errstate(all="ignore"):
            return h, (right - left) / (2 * h), abs(right - 2 * self.f0 + left) / h

    def _compare(self, big, small, r):
        (_, c_big, gap_big), (h, c_small, gap_small) = big, small
        with np.errstate(all="ignore"):
            difference = abs(c_small - c_big)
            # The step itself is rounded, by eps |x|, which matters where f is steep or curved.
            floor = 4 * np.finfo(float).eps * (abs(c_small) + abs(gap_big) / (10 * h))
            # Of a smooth f a tenth of the gap is left. Only where that shows is f known to be
            # smooth between the two, and the smaller rung that much better than the difference.
            kink = gap_small - gap_big / 4 > 10 * self.noise / h
            smooth = 0.09 * gap_big < gap_small < 0.11 * gap_big
            value = c_small + (c_small - c_big) / 99 if smooth else c_small
            error = difference / (EXTRAPOLATED if smooth else 1) + 2 * self.noise / h + floor
        return Estimate(value, error if np.isfinite(value) else np.inf, bool(kink), r)

    def _should_go_down(self, tried):
        last = tried[-1]
        if last.kink or not np.isfinite(last.error):
            return True
        if last.error <= GOOD_ENOUGH * abs(last.value):
            return False
        better = len(tried) == 1 or tried[-2].kink or last.error < tried[-2].error
        next_noise = 2 * self.noise * 10.0 ** (last.rung + 2)
        return better and next_noise < last.error / 2

    def _should_go_up(self, upwards, tried):
        last = upwards[-1]
        best = min(e.error for e in tried)
        if last.kink or min(best, last.error) <= GOOD_ENOUGH * abs(last.value):
            return False
        noise = 2 * self.noise * 10.0 ** (last.rung + 1)
        better = len(upwards) == 1 or last.error < upwards[-2].error
        return better and noise > last.error / 2


def _best(estimates):
    """The estimate of least error, which grows by what the others contradict it."""
    best = min(estimates, key=lambda e: e.error)
    doubt = max(abs(best.value - e.value) - 2 * e.error for e in estimates)
    return replace(best, error=max(best.error, doubt))
