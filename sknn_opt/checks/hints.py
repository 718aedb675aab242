"""Why a gradient is wrong: usual slips, each tried on the numbers.

A slip turns the right gradient n into the wrong one a in its own way: a = N n where the 1/N is missing,
a = n - (α/N) W where the penalty is. Each hypothesis predicts n from a; one that explains the numbers is
reported. Where only directional derivatives of n are known, the prediction is taken along the same
directions.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

# A hypothesis explains a block if it leaves at most this share of its numbers, and of the error.
CLOSE = 1e-4


@dataclass(frozen=True)
class Evidence:
    """A wrong block: its analytic gradient, and what is known of the numeric one.

    `numeric` holds the elements, or the derivatives along `directions`, each right to `error`.
    """

    block: str
    shape: tuple
    analytic: np.ndarray
    theta: np.ndarray
    numeric: np.ndarray
    directions: np.ndarray | None
    error: float = 0.0

    def seen(self, gradient):
        """A gradient as the numeric one is known: by element or along the directions."""
        return gradient if self.directions is None else self.directions @ gradient

    @property
    def can_tell(self):
        """Whether one free factor would not explain anything."""
        return self.numeric.size > 1

    def explains(self, gradient):
        """Whether this would be the right gradient."""
        left = np.linalg.norm(self.numeric - self.seen(gradient))
        wrong = np.linalg.norm(self.numeric - self.seen(self.analytic))
        norm = np.linalg.norm(self.numeric)
        return bool(left <= max(CLOSE * norm, self.error) and left <= 0.03 * wrong)

    def factor(self, gradient, of):
        """The c for which c · gradient comes closest to `of`, both as seen; NaN for 0."""
        seen = self.seen(gradient)
        square = seen @ seen
        return (seen @ of) / square if square else np.nan


@dataclass(frozen=True)
class Context:
    """What else is known: the number of rows (or Σw), α/N, and other gradients it might be."""

    n_rows: float | None = None
    penalty: float | None = None
    alternatives: tuple = ()  # pairs of a sentence and a function block -> gradient as seen


def explain(evidence, context):
    """The probable causes, those of most blocks first; a cause names all its blocks."""
    found = defaultdict(list)
    for item in evidence:
        cause = _cause(item, context)
        if cause:
            found[cause].append(item.block)
    ordered = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return tuple(f"{', '.join(blocks)}: {cause}" for cause, blocks in ordered)


def _cause(item, context):
    """The first hypothesis that holds, the plainest first."""
    if not np.isfinite(item.analytic).all():
        return "it is not finite (NaN or infinite)"
    if not np.isfinite(item.numeric).all():
        return None
    if not item.analytic.any():
        return "it is all zero: never written, overwritten, or cut off from the loss"
    for hypothesis in (_sign, _transposed, _alternative, _penalty, _scale, _order, _part):
        cause = hypothesis(item, context)
        if cause:
            return cause
    return None


def _sign(item, context):
    return "its sign is wrong" if item.explains(-item.analytic) else None


def _scale(item, context):
    """a = c n."""
    c = 1 / item.factor(item.analytic, item.numeric)
    if not np.isfinite(c) or not item.explains(item.analytic / c):
        return None
    n = context.n_rows
    if n and n != 1:
        if np.isclose(c, n, rtol=1e-3):
            return f"it is N = {n:g} times too large: the 1/N is missing"
        if np.isclose(c, 1 / n, rtol=1e-3):
            mean = " or a sum over rows is taken as a mean" if _is_bias(item) else ""
            return f"it is N = {n:g} times too small: 1/N is applied twice{mean}"
        if np.isclose(c, -n, rtol=1e-3):
            return f"it is -N = {-n:g} times the right one: the sign is wrong, the 1/N missing"
    if not item.can_tell and not _is_plain(c):
        return None
    rows = ""
    if n is None and _is_plain(c) and abs(c) >= 3:
        rows = f": if there are {c:.3g} rows, the 1/N is missing"
    elif n is None and _is_plain(c) and abs(c) <= 1 / 3:
        mean = ", or a sum over rows is taken as a mean" if _is_bias(item) else ""
        rows = f": if there are {1 / c:.3g} rows, 1/N is applied twice{mean}"
    elif np.isclose(c, 2, rtol=1e-3) or np.isclose(c, 0.5, rtol=1e-3):
        rows = ": the 1/2 or the 2 of a square"
    return f"it is {c:.6g} times the right one{rows}"


def _penalty(item, context):
    """a - n = c θ."""
    error = item.seen(item.analytic) - item.numeric
    c = item.factor(item.theta, error)
    if not (np.isfinite(c) and c and item.can_tell and item.explains(item.analytic - c * item.theta)):
        return None
    known = context.penalty
    size = f"{abs(c):.3g}"
    if known and np.isclose(abs(c), known, rtol=1e-2):
        size = f"α/N = {known:.3g}"
    if _is_bias(item):
        return f"the difference is {c:+.3g} b: the L2 penalty must leave biases out"
    if c < 0:
        return f"the difference is -{size} W: the L2 penalty is missing or too small"
    return f"the difference is +{size} W: the L2 penalty is counted twice or too large"


def _transposed(item, context):
    shape = item.shape
    if len(shape) != 2 or min(shape) < 2:
        return None
    matrix = item.analytic.reshape(shape)
    if shape[0] == shape[1] and item.explains(matrix.T.ravel()):
        return "it is transposed"
    # the right numbers, read off in the wrong order
    other = item.analytic.reshape(shape[::-1]).T.ravel()
    if shape[0] != shape[1] and item.explains(other):
        return "it is transposed, and reshaped where .T belongs"
    return None


def _alternative(item, context):
    """The gradient of another function, which differs by a usual slip."""
    for sentence, gradient in context.alternatives:
        other = gradient(item)
        seen = item.seen(item.analytic)
        wrong = np.linalg.norm(seen - item.numeric)
        if np.linalg.norm(seen - other) <= min(CLOSE * np.linalg.norm(seen), 0.03 * wrong):
            return sentence
    return None


def _order(item, context):
    """The right numbers in the wrong places."""
    if item.directions is not None or item.analytic.size < 2:
        return None
    a, n = np.sort(item.analytic), np.sort(item.numeric)
    if np.linalg.norm(a - n) <= CLOSE * np.linalg.norm(n):
        return "it holds the right numbers in the wrong order"
    return None


def _part(item, context):
    """Only some elements are wrong: which?"""
    if item.directions is not None:
        return None
    wrong = np.abs(item.analytic - item.numeric) > CLOSE * np.abs(item.numeric).max()
    if not 0 < wrong.sum() < wrong.size:
        return None
    if len(item.shape) == 2:
        wrong = wrong.reshape(item.shape)
        for axis, word in ((0, "column"), (1, "row")):
            lines = np.flatnonzero(wrong.any(axis=axis))
            if wrong.sum() > 1 and len(lines) == 1:
                return f"only {word} {lines[0]} is wrong" + _how(item, wrong)
    if wrong.sum() == 1:
        index = ", ".join(map(str, np.argwhere(wrong)[0]))
        return f"only element [{index}] is wrong" + _how(item, wrong)
    if wrong.sum() > wrong.size / 2:
        return None
    return f"{int(wrong.sum())} of {wrong.size} elements are wrong" + _how(item, wrong)


def _how(item, wrong):
    """What the wrong elements have in common."""
    a, n = item.analytic[wrong.ravel()], item.numeric[wrong.ravel()]
    if not a.any():
        return ": zero"
    with np.errstate(all="ignore"):
        factors = a / n
    if np.allclose(factors, factors[0], rtol=1e-3):
        return ": its sign" if np.isclose(factors[0], -1) else f": {factors[0]:.4g} times"
    return ""


def _is_plain(c):
    """Whether a factor is an integer or one over an integer."""
    return bool(
        np.isclose(c, round(c), rtol=1e-3) or (c and np.isclose(1 / c, round(1 / c), rtol=1e-3))
    )


def _is_bias(item):
    return max(item.shape, default=1) == int(np.prod(item.shape))
