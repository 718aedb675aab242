"""How far f scatters: its rounding errors, and whatever else is not smooth.

Over tiny steps a smooth f is a parabola, and what is left of its values beside one is noise. Steps
go to one side of x, so that a kink at x itself does not count, and are uneven, as even ones can all
be rounded alike. Source: Moré & Wild (2011), "Estimating computational noise" (by differences).
"""

import numpy as np

STEPS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
CLOSER = (1e-10, 1e-11, 1e-12)
PLACES = np.array([0.76, 1.93, 3.17, 3.89, 5.31, 6.08, 7.42, 8.0])
PARABOLAS = np.linalg.qr(np.vander(PLACES, 3))[0]
N_SCATTERS = 3
N_HALVINGS, FLAT = 50, 2e-14  # how closely a jump is looked for, and what of f is rounding
UNIT = 1e-7  # of the way that f goes, which it goes at once if it is rounded
SMOOTH = 10  # rounding errors that a smooth f may scatter by
SHRINKS = 8  # what falls by this factor with a tenth of the step is no noise
FARTHEST = 1e-5  # over steps wider than this even a smooth f scatters


def measure_noise(f, x, f0, direction):
    """Three times the scatter of f near x, and no less than the rounding of f0.

    A rounded f does not move over tiny steps, and over wider ones it may scatter little by chance:
    the largest of three scatters counts. Not so where f moves at each of the tiniest steps and
    hardly scatters, or ever less the closer one looks: what it scatters by farther off comes from a
    kink or a pole nearby.
    """
    eps, scatters, flat = np.finfo(float).eps * abs(f0), [], False
    for step in STEPS:
        scatter, moves = _scatter(f, x, step * direction)
        if scatter is None:
            flat = True
            continue
        if flat and not scatters and jump_of(f, x, f0, PLACES[-1] * step * direction) < UNIT:
            return eps  # it starts to move at a kink, as a unit does that was off
        if step == STEPS[0] and moves and scatter > SMOOTH * eps:
            closest = _look_closer(f, x, direction, scatter)
            if closest < scatter:
                scatters = [closest]
                break
        scatters.append(scatter)
        smooth = moves and scatter <= SMOOTH * eps
        if smooth or len(scatters) == N_SCATTERS or step > FARTHEST:
            break
    return np.fmax(3 * np.fmax.reduce(scatters, initial=0.0), eps)


def _look_closer(f, x, direction, scatter):
    """The scatter where it no longer shrinks with the step; as it is, where that is nowhere."""
    least = scatter
    for step in CLOSER:
        closer, moves = _scatter(f, x, step * direction)
        if not (moves and closer < least / SHRINKS):
            return least
        least = closer
    return scatter


def _scatter(f, x, step):
    """How far f scatters, None if it does not move; and whether it moves at each step."""
    values = np.array([f(x + k * step) for k in PLACES])
    if not np.ptp(values):
        return None, False
    values = values - values[0]
    left = values - PARABOLAS @ (PARABOLAS.T @ values)
    return np.linalg.norm(left) / np.sqrt(len(PLACES) - 3), bool(np.diff(values).all())


def jump_of(f, x, f0, move):
    """How far f jumps where it stops being f(x), as a share of all that it changes along a move."""

    def differs(value):
        return not abs(value - f0) <= FLAT * abs(f0)

    whole = last = f(x + move) - f0
    if not np.isfinite(whole) or not differs(f0 + whole):
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        found = f(x + middle * move)
        if differs(found):
            high, last = middle, found - f0
        else:
            low = middle
    return abs(last / whole)
