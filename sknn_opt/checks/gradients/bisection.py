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
