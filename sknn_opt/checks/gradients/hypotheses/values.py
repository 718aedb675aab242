"""The correct numbers changed: clipped, rounded, without signs, averaged, not yet summed up.

`changed` predicts a from n, so that each element must be known; `unfinished` predicts n from a.
"""

import numpy as np

from sknn_opt.checks.gradients.hypotheses.evidence import CLOSE, REST

DIGITS = 2  # a bound that somebody wrote down has so many
TIGHT = 1e-9
LEAST = 3  # elements of a line
VAIN, MOVES = 1e-3, 1e-2  # of a line's length: hardly any part, and a clear one


def changed(item, context):
    """The first way of changing n that gives a."""
    if not item.listed or item.analytic.size < 2:
        return None
    a, n = item.sides
    gap, size = (item.size_of(side.ravel()) for side in (a - n, a))
    for words, guess in _ways(a, n):
        left = item.size_of((a - guess).ravel())
        if left <= min(max(CLOSE * size, item.size_of(item.error)), REST * gap):
            return words
    return None


def _ways(a, n):
    """Pairs of words and of what n becomes."""
    by_lines = _has_lines_of_one_sign(n)
    if np.sum(n < 0) > 1 and not by_lines:  # one is an element that is wrong
        yield "has no signs: it is the absolute value of the right one", np.abs(n)
        yield "has no negative numbers: they are cut off at 0", np.maximum(n, 0)
    if np.sum(n > 0) > 1 and not by_lines:
        yield "has no positive numbers: they are cut off at 0", np.minimum(n, 0)
    yield from _clipped(a, n)
    yield from _rounded(a, n)
    yield "is the square of the right one", n**2
    if a.ndim == 2 and a.shape[0] == a.shape[1] > 1:
        yield "is symmetric: the right one plus its transpose", n + n.T
        yield "is symmetric: the mean of the right one and its transpose", (n + n.T) / 2
    words = ("element", "elements") if a.ndim == 1 else ("row", "rows")
    for axis in range(a.ndim):
        if a.shape[axis] > 1 and np.ptp(a, axis).max() <= TIGHT * np.abs(a).max():
            words = ("slice", f"slices along axis {axis}")
            if a.ndim == 1:
                words = ("element", "elements")
            elif a.ndim == 2:
                words = (("row", "rows"), ("column", "columns"))[axis]
            whole = f"holds the same {words[0]} everywhere: "
            yield f"{whole}the mean over the {words[1]}", _spread(n.mean(axis, keepdims=True), n)
            yield f"{whole}the sum over the {words[1]}", _spread(n.sum(axis, keepdims=True), n)


def _has_lines_of_one_sign(n):
    """Whether no row, or no column, holds both signs: then whole lines may be wrong as well."""
    if n.ndim < 2 or not ((n < 0).any() and (n > 0).any()):
        return False
    every = range(n.ndim)
    others = [tuple(other for other in every if other != axis) for axis in every]
    return any(not np.any((n < 0).any(each) & (n > 0).any(each)) for each in others)


def _spread(part, like):
    return np.broadcast_to(part, like.shape)


def _clipped(a, n):
    """Between bounds that several elements meet, or two opposite ones."""
    low, high = a.min(), a.max()
    at_high, at_low = np.isclose(a, high, rtol=TIGHT), np.isclose(a, low, rtol=TIGHT)
    opposite = bool(np.isclose(-low, high, rtol=TIGHT))
    if (at_high | at_low).all():
        if opposite:
            yield f"holds the signs of the right one alone, times {high:.6g}", high * np.sign(n)
        return
    cut_high, cut_low = at_high & (n > high), at_low & (n < low)
    if 0 in (low, high):  # that is to have no signs
        return
    if cut_high.any() and cut_low.any() and (opposite or min(cut_high.sum(), cut_low.sum()) > 1):
        yield f"is clipped to {low:.4g} and {high:.4g}", np.clip(n, low, high)
    if cut_high.sum() > 1:
        yield f"is clipped at {high:.4g}", np.minimum(n, high)
    if cut_low.sum() > 1:
        yield f"is clipped at {low:.4g}", np.maximum(n, low)


def is_written(bound):
    """Whether a bound is a number of few digits."""
    return bound != 0 and abs(float(f"{bound:.{DIGITS}g}") - bound) <= TIGHT * abs(bound)


def _rounded(a, n):
    """To some decimals, or to half precision."""
    for digits in range(7):
        if np.array_equal(np.round(a, digits), a) and np.unique(a).size > DIGITS:
            places = f"to {digits} decimals" if digits else "to integers"
            unit = 10.0**digits
            yield f"is rounded {places}", np.round(n, digits)
            yield f"is cut off {places}", np.trunc(n * unit) / unit
            break
    half = n.astype(np.float16)
    if np.isfinite(half).all():
        yield "is rounded to float16, or computed in it", half.astype(float)


def unfinished(item, context):
    """Pairs of words and of the correct gradient, if one more step leads from a to it."""
    a, theta = item.analytic.reshape(item.shape), item.theta.reshape(item.shape)
    if a.ndim == 2 and a.shape[0] == a.shape[1] > 1:
        yield from _unfinished_matrix(a)
    for axis, size in enumerate(a.shape):
        if size < 3:
            continue
        along = "" if a.ndim == 1 else f" along axis {axis}"
        yield f"lacks a cumulative sum{along}", np.cumsum(a, axis).ravel()
        later = np.flip(np.cumsum(np.flip(a, axis), axis), axis)
        yield f"lacks a cumulative sum from the end{along}", later.ravel()
        centered = a - a.mean(axis, keepdims=True)
        words = f"has a mean{along}, which must be subtracted: f does not move with it"
        yield words, centered.ravel()
        lengths = np.sum(theta**2, axis, keepdims=True)
        if lengths.all():
            across = a - theta * (np.sum(a * theta, axis, keepdims=True) / lengths)
            words = f"has a part along {item.block} itself{along}, which must be subtracted"
            yield f"{words}: f does not move with the length", across.ravel()


def _unfinished_matrix(a):
    """What is missing in the gradient of a square matrix."""
    twice = a + a.T
    yield "lacks its transpose: the right one is this plus its transpose", twice.ravel()
    yield "is not symmetric: the right one is the mean of it and its transpose", twice.ravel() / 2
    yield (
        "counts elements off the diagonal once: the right one adds the transpose there",
        (twice - np.diag(np.diag(a))).ravel(),
    )
    yield "must be lower triangular: f does not move with the rest", np.tril(a).ravel()
    yield "must be upper triangular: f does not move with the rest", np.triu(a).ravel()
    yield "must be diagonal: f does not move with the rest", np.diag(np.diag(a)).ravel()


def moves_in_vain(item, context):
    """f does not move along θ, or with a constant, in any row or column; a says that it does."""
    if not item.listed or item.numeric.size < 2 * LEAST:
        return None
    a, n = item.sides
    theta = item.theta.reshape(item.shape)
    for axis, size in enumerate(item.shape):
        if size < LEAST or item.numeric.size == size:
            continue
        words = "" if a.ndim != 2 else " of each column" if axis == 0 else " of each row"
        for along, what in ((theta, "length"), (np.ones_like(theta), "mean")):
            found, claimed = (_share_along(side, along, axis) for side in (n, a))
            if found < VAIN < MOVES < claimed:
                return (
                    f"has to leave the {what}{words} alone: f does not change with it, as before a "
                    f"{'normalization' if what == 'length' else 'softmax or a centering'}"
                )
    return None


def _share_along(side, along, axis):
    """The largest part of any line of a gradient that points along another."""
    lengths = np.linalg.norm(side, axis=axis) * np.linalg.norm(along, axis=axis)
    products = np.abs(np.sum(side * along, axis=axis))
    return np.max(products[lengths > 0] / lengths[lengths > 0], initial=0.0)
