"""Find a wrong element of a block by halving it.

A block whose derivative along random directions is wrong has a wrong half, and so on down to a
handful of elements, which are compared one by one: about 2 log₂ n derivatives instead of n.
"""

import numpy as np

HANDFUL = 8


def locate(along, analytic, rng):
    """A wrong element of a block.

    `along(directions)` gives the numeric derivatives along directions of shape (k, size), NaN
    where they cannot be told. Returns the element's number, its analytic and its numeric
    derivative. The half that differs more is followed, which leads to a wrong element, though not
    always to the worst.
    """
    start, stop = 0, analytic.size
    while stop - start > HANDFUL:
        middle = (start + stop) // 2
        directions = np.zeros((2, analytic.size))
        directions[0, start:middle] = rng.normal(size=middle - start)
        directions[1, middle:stop] = rng.normal(size=stop - middle)
        left, right = _errors(along, analytic, directions)
        start, stop = (start, middle) if left >= right else (middle, stop)
    directions = np.zeros((stop - start, analytic.size))
    directions[np.arange(stop - start), np.arange(start, stop)] = 1
    numeric = along(directions)
    errors = np.abs(numeric - analytic[start:stop])
    k = int(np.argmax(np.where(np.isnan(analytic[start:stop]), np.inf, np.nan_to_num(errors))))
    return start + k, analytic[start + k], numeric[k]


def largest_error(analytic, numeric):
    """The number of the element where two gradients differ most; a NaN is the largest."""
    errors = np.abs(analytic - numeric)
    return int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))


def _errors(along, analytic, directions):
    errors = np.abs(along(directions) - directions @ analytic)
    # 0 · NaN is NaN: an analytic NaN is looked for in each half by itself.
    bad = ~np.isfinite(analytic)
    if bad.any():
        return [np.inf if bad[direction != 0].any() else 0.0 for direction in directions]
    return np.nan_to_num(errors)
