"""The correct numbers in the wrong places, and blocks of which only a part is wrong.

n is a with its axes swapped, flipped or shifted, with its rows in another order, ...: each is a
guess that is compared with what is known of n.
"""

from dataclasses import replace
from itertools import combinations, permutations

import numpy as np

from sknn_opt.checks.gradients.hypotheses.evidence import times

MOST_AXES = 5
MOST_LINES = 200  # rows that are compared with each other
ZERO, FLAT = 1e-6, 1e-9  # an element is 0 by so small a share of the claim, and of the block
FEW = 8  # numbers that are listed


def moved(item, context):
    """Pairs of words and of the correct gradient, if its numbers stand in the wrong places."""
    yield from _transposed(item)
    a = item.analytic.reshape(item.shape)
    yield from _with_other_axes(a)
    for k in range(1, a.ndim + 1):
        for axes in combinations(range(a.ndim), k):
            if all(a.shape[axis] > 1 for axis in axes):
                yield _flip_words(a.ndim, axes), np.flip(a, axes).ravel()
    for axis, size in enumerate(a.shape):
        for by in (1, -1) if size > 2 else ():
            words = f"is shifted by {abs(by)} to the {'right' if by > 0 else 'left'}"
            yield words + _along(axis, a.ndim), np.roll(a, -by, axis).ravel()


def _transposed(item):
    shape = item.shape
    if len(shape) != 2 or min(shape) < 2:
        return
    # the correct numbers, read off in the wrong order
    guess = item.analytic.reshape(shape[::-1]).T.ravel()
    is_square = shape[0] == shape[1]
    if is_square and item.numeric.size > 2:
        # a penalty may stand beside it untransposed:  n = aᵀ + p (θ - θᵀ)
        theta = item.theta.reshape(shape)
        shift = (theta - theta.T).ravel()
        rest = replace(item, numeric=item.numeric - item.seen(guess))
        guess = guess + rest.fit(shift)[0] * shift
    yield "is transposed" if is_square else "is transposed, and reshaped where .T belongs", guess


def _with_other_axes(a):
    """Arrays whose axes were permuted, and which were reshaped if the shape no longer fitted."""
    if not 2 < a.ndim <= MOST_AXES:
        return
    for order in permutations(range(a.ndim)):
        moving = [axis for axis in range(a.ndim) if order[axis] != axis]
        if not moving or min(a.shape[axis] for axis in moving) < 2:
            continue
        shape = tuple(a.shape[axis] for axis in order)
        words = f"has axes {' and '.join(map(str, moving))} swapped"
        if len(moving) > 2:
            words = f"has its axes in the order {order}"
        if shape != a.shape:
            words += ", and is reshaped where they have to be swapped back"
        yield words, a.reshape(shape).transpose(np.argsort(order)).ravel()


def _flip_words(n_axes, axes):
    if n_axes == 1:
        return "is reversed"
    if len(axes) == n_axes:
        return "is reversed (flipped along all axes)"
    places = ", ".join(map(str, axes))
    return f"is flipped along {'axes' if len(axes) > 1 else 'axis'} {places}"


def _along(axis, n_axes):
    return "" if n_axes == 1 else f" along axis {axis}"


# Where each element is known ----------------------------------------------------------------------


def swapped(item, context):
    """The gradient of another block of the same size."""
    for block, claim in context.claims.items():
        if block != item.block and claim.size == item.analytic.size > 1 and claim.any():
            words = f"holds another gradient: the right one stands in {block}"
            yield words, claim


def order(item, context):
    """The correct numbers in another order, by row, by column, or one by one."""
    if not item.listed or item.analytic.size < 2:
        return None
    a, n = item.sides
    for axis, word in enumerate(_line_words(a.ndim)):
        found = _order_of_lines(*(np.moveaxis(side, axis, 0) for side in (a, n)))
        if found is not None and item.explains(np.take(a, found, axis).ravel()):
            return f"holds the correct {word} in the wrong order{_exchange(found)}"
    a, n = item.analytic, item.numeric
    ordered = np.sort(a)[np.argsort(np.argsort(n))]
    moving = np.unique(np.abs(n[~np.isclose(a, n, rtol=1e-6)]).round(9))
    if moving.size < 2 or not item.explains(ordered):
        return None
    return "holds the correct numbers in the wrong order"


def _line_words(n_axes):
    """What the slices along each axis are called."""
    if n_axes == 1:
        return ("elements",)
    return ("rows", "columns") if n_axes == 2 else [f"slices of axis {i}" for i in range(n_axes)]


def _order_of_lines(a, n):
    """Which line of a belongs in each place, or None."""
    if a.ndim < 2 or not 1 < len(a) <= MOST_LINES or a[0].size < 2:
        return None
    a, n = (side.reshape(len(side), -1) for side in (a, n))
    nearest = np.array([np.argmin(np.abs(a - line).max(axis=1)) for line in n])
    return nearest if np.unique(nearest).size == len(a) else None


def _exchange(found):
    changed = np.flatnonzero(found != np.arange(len(found)))
    return f": {changed[0]} and {changed[1]} are exchanged" if changed.size == 2 else ""


def part(item, context):
    """Only some elements are wrong: which, and what do they have in common?"""
    wrong = item.wrong_elements()
    if wrong is None or not wrong.any():
        return None
    a, n = item.sides
    alive = (a != 0) | (n != 0)
    if wrong[alive].all():
        return None
    return f"is wrong {_where(wrong, alive)}{_how(item, wrong, context)}"


def _where(wrong, alive):
    """The wrong elements in words, by row or column if these tell them.

    Elements that are 0 on both sides, as of dead units, count neither way.
    """
    n_wrong = int(wrong.sum())
    if n_wrong == 1:
        return f"only in element {np.argwhere(wrong)[0].tolist()}"
    if region := _region(wrong, alive):
        return f"only {region}"
    if wrong.ndim == 1:
        found = _numbered(np.flatnonzero(wrong), wrong.size, "elements")
        return found if "of" not in found else f"in {n_wrong} of {wrong.size} elements"
    # as a whole, lines tell more than elements do: few lines that are wrong in most elements
    lines = [_lines_of(wrong, axis) for axis in range(wrong.ndim)]
    axis = int(np.argmin([found.mean() for found in lines]))
    named = np.flatnonzero(lines[axis])
    inside, living = (np.moveaxis(each, axis, 0)[named].sum() for each in (wrong, alive))
    if not lines[axis].all() and inside > 0.5 * living:
        return _numbered(named, wrong.shape[axis], _line_words(wrong.ndim)[axis])
    return f"in {n_wrong} of {wrong.size} elements"


def _lines_of(wrong, axis):
    return wrong.any(axis=tuple(i for i in range(wrong.ndim) if i != axis))


def _numbered(named, n, words):
    """The lines that are wrong, or those that are not, whichever are fewer."""
    if len(named) == 1:
        one = words.removesuffix("s") if words in ("rows", "columns") else "slice" + words[6:]
        return f"only in {one} {named[0]}"
    others = np.setdiff1d(np.arange(n), named)
    if len(others) < len(named) and len(others) <= FEW:
        return f"in all {words} but {_list(others)}"
    return (
        f"only in {words} {_list(named)}"
        if len(named) <= FEW
        else f"in {len(named)} of {n} {words}"
    )


def _list(numbers):
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def _region(wrong, alive):
    """A part of a square matrix that holds all wrong elements and none but them."""
    if wrong.ndim != 2 or wrong.shape[0] != wrong.shape[1] or len(wrong) < 3:
        return None
    i, j = np.indices(wrong.shape)
    regions = {
        "on the diagonal": i == j,
        "off the diagonal": i != j,
        "above the diagonal": i < j,
        "below the diagonal": i > j,
        "on and above the diagonal": i <= j,
        "on and below the diagonal": i >= j,
    }
    return next(
        (words for words, region in regions.items() if ((region & alive) == wrong).all()), None
    )


def _how(item, wrong, context):
    """What the wrong elements have in common."""
    a, n = item.analytic[wrong.ravel()], item.numeric[wrong.ravel()]
    error = item.error[wrong.ravel()] if np.ndim(item.error) else 0.0
    if not a.any():
        return ": zero"
    # a claim may be too large by any factor: n itself has to be as nothing in its block
    floor = FLAT * np.abs(item.weigh(item.numeric)).max() / (item.weights * np.ones(wrong.size))
    limit = np.fmin(ZERO * np.abs(a), floor[wrong.ravel()])
    if np.all(np.abs(n) <= np.maximum(limit, error)):
        return ": f does not change with it"
    with np.errstate(all="ignore"):
        factors = a / n
    if np.allclose(factors, -1, rtol=1e-3, atol=0):
        return ": the sign"
    if np.allclose(factors, factors[0], rtol=1e-3, atol=0):
        return f": {times(factors[0], 4)}"
    return _repeats(item, wrong, context)


def _repeats(item, wrong, context):
    """Rows that an array of indices names more than once are those that are wrong."""
    rows = np.flatnonzero(_lines_of(wrong, 0))
    for name, indices in context.indices.items():
        named, counts = np.unique(indices, return_counts=True)
        if not np.array_equal(named[counts > 1], rows):
            continue
        a, n = (side.reshape(len(wrong), -1)[rows] for side in item.sides)
        if np.allclose(a * counts[counts > 1][:, np.newaxis], n, rtol=1e-5):
            return f": those that {name} names more than once, divided by how often"
        return (
            f": those that {name} names more than once. d[{name}] += … counts each but once, "
            f"np.add.at(d, {name}, …) does not"
        )
    return ""
