"""Why a gradient is wrong: usual bugs, each tried on the numbers.

A bug turns the correct gradient n into the wrong one a in its own way: a = N n where the 1/N is
missing, a = n - (α/N) W where the penalty is. Each hypothesis predicts n from a; one that
explains the numbers is reported. Where only directional derivatives of n are known, the
prediction is taken along the same directions.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

CLOSE = 1e-5  # a hypothesis leaves at most this share of a block's numbers, ...
REST = 0.01  # ... and at most this share of the error that it is to explain
ZERO = 1e-6  # a derivative of so small a share of what is claimed is 0, ...
SMALL = 1e-3  # ... one of this share if it is within its error
MOST_ROWS = 1e6  # a larger factor is hardly a number of rows
PLURAL = {"is": "are", "has": "have", "holds": "hold", "differs": "differ", "leaves": "leave"}


@dataclass(frozen=True)
class Evidence:
    """A wrong block: its analytic gradient, and what is known of the numeric one.

    `numeric` holds the elements, or the derivatives along `directions`, each correct to `error`.
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

    def left_by(self, gradient):
        """‖n - gradient‖, as far as it is seen."""
        return np.linalg.norm(self.numeric - self.seen(gradient))

    def explains(self, gradient):
        """Whether this would be the correct gradient."""
        close = max(CLOSE * np.linalg.norm(self.numeric), self.error)
        return bool(self.left_by(gradient) <= min(close, REST * self.left_by(self.analytic)))

    def fit(self, *gradients):
        """The factors with which these gradients add up to the numeric one, best as they can."""
        columns = np.column_stack([self.seen(gradient) for gradient in gradients])
        return np.linalg.lstsq(columns, self.numeric, rcond=None)[0]


@dataclass(frozen=True)
class Context:
    """What else is known: the number of rows (or Σw), α/N, and other gradients it might be."""

    n_rows: float | None = None
    penalty: float | None = None
    alternatives: tuple = ()  # pairs of a sentence and f(block, directions), a gradient as seen


def name_causes(evidence, context):
    """The probable causes, those of most blocks first; a cause names all its blocks.

    Of others that of the last block comes first, as backprop runs.
    """
    found = defaultdict(list)
    for item in reversed(evidence):
        cause = _cause(item, context)
        if cause:
            found[cause].insert(0, item.block)
    ordered = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return tuple(_sentence(blocks, *cause.split(" ", 1)) for cause, blocks in ordered)


def _sentence(blocks, verb, rest):
    return f"{', '.join(blocks)} {verb if len(blocks) == 1 else PLURAL[verb]} {rest}"


def _cause(item, context):
    """The first hypothesis that holds, the plainest first."""
    if not np.isfinite(item.analytic).all():
        return "is not finite (NaN or infinite)"
    if not np.isfinite(item.numeric).all():
        return None
    if not item.analytic.any():
        return "is all zero: never written, overwritten, or cut off from the loss"
    largest = np.abs(item.seen(item.analytic)).max()
    if np.abs(item.numeric).max() <= max(ZERO * largest, min(item.error, SMALL * largest)):
        return "has to be zero: f does not change with it at this point"
    hypotheses = (_transposed, _alternative, _linear, _only_penalty, _order, _part)
    return next(filter(None, (holds(item, context) for holds in hypotheses)), None)


def _linear(item, context):
    """n = s a + q θ: a wrong factor 1/s, or a wrong penalty."""
    sides = np.array([item.analytic, item.theta])
    s, q = item.fit(item.analytic)[0], 0.0
    if item.numeric.size > 2:
        both = item.fit(*sides)
        # the penalty comes in only where it explains much more
        if item.left_by(both @ sides) < 0.1 * item.left_by(s * item.analytic):
            s, q = both
    if not item.explains(s * item.analytic + q * item.theta):
        return None
    if abs(s - 1) < 1e-6 and q:
        return _penalty(item, -q, context)
    return _factor(item, 1 / s, context) if s and (item.numeric.size > 1 or _is_plain(s)) else None


def _factor(item, c, context):
    """a = c n."""
    n, mean = context.n_rows, " or a sum over rows is taken as a mean" if _is_bias(item) else ""
    known = {-1: "has the wrong sign"}
    if n and n != 1:
        known[n] = f"is N = {n:g} times too large: the 1/N is missing"
        known[1 / n] = f"is N = {n:g} times too small: 1/N is applied twice{mean}"
        known[-n] = f"is -N = {-n:g} times the correct gradient: a wrong sign, and no 1/N"
    known.setdefault(2, "is 2 times too large: a missing 1/2, or an extra 2 from a square")
    known.setdefault(0.5, "is 2 times too small: an extra 1/2, or a missing 2 from a square")
    for factor, words in known.items():
        if np.isclose(c, factor, rtol=1e-4):
            return words
    if not _is_plain(c) or c < 0:
        return f"is {_times(c)} the correct gradient"
    rows = f"{max(c, 1 / c):.6g}"
    text = f"is {rows} times too {'large' if c > 1 else 'small'}"
    if n is None:
        cause = "the 1/N is missing" if c > 1 else f"1/N is applied twice{mean}"
        text += f": if there are {rows} rows, {cause}"
    return text


def _penalty(item, c, context):
    """a - n = c θ."""
    if _is_bias(item):
        return f"differs by {c:+.3g} b: biases are not penalized"
    known = context.penalty
    size = f" (α/N = {known:.3g})" if known and np.isclose(abs(c), known, rtol=1e-2) else ""
    cause = "missing or too small" if c < 0 else "counted twice or too large"
    letter = "W" if len(item.shape) == 2 else item.block
    return f"differs by {c:+.3g} {letter}{size}: the L2 penalty is {cause}"


def _only_penalty(item, context):
    """a = c θ, and n is more than that."""
    square = item.theta @ item.theta
    if _is_bias(item) or not square:
        return None
    c = (item.analytic @ item.theta) / square
    if np.linalg.norm(item.analytic - c * item.theta) > 1e-9 * np.linalg.norm(item.analytic):
        return None
    return f"is {c:.3g} W and nothing else: all zero but for the L2 penalty"


def _transposed(item, context):
    shape = item.shape
    if len(shape) != 2 or min(shape) < 2:
        return None
    # the correct numbers, read off in the wrong order
    guess = item.analytic.reshape(shape[::-1]).T.ravel()
    is_square = shape[0] == shape[1]
    if is_square and item.numeric.size > 2:
        # a penalty may stand beside it untransposed:  n = aᵀ + p (θ - θᵀ)
        theta = item.theta.reshape(shape)
        shift = (theta - theta.T).ravel()
        rest = replace(item, numeric=item.numeric - item.seen(guess))
        guess = guess + rest.fit(shift)[0] * shift
    if not item.explains(guess):
        return None
    return "is transposed" if is_square else "is transposed, and reshaped where .T belongs"


def _alternative(item, context):
    """The gradient of another function, which differs by a usual bug."""
    close = CLOSE * np.linalg.norm(item.seen(item.analytic))
    for sentence, gradient in context.alternatives:
        other = replace(item, numeric=gradient(item.block, item.directions))
        if other.left_by(item.analytic) <= min(close, REST * item.left_by(item.analytic)):
            return sentence
    return None


def _order(item, context):
    """The correct numbers in the wrong places."""
    if item.directions is not None or item.analytic.size < 2:
        return None
    ordered = np.sort(item.analytic)[np.argsort(np.argsort(item.numeric))]
    return "holds the correct numbers in the wrong order" if item.explains(ordered) else None


def _part(item, context):
    """Only some elements are wrong: which?"""
    if item.directions is not None:
        return None
    errors = np.abs(item.analytic - item.numeric)
    wrong = (errors > max(REST * errors.max(), item.error)).reshape(item.shape)
    n_wrong = int(wrong.sum())
    if not 0 < n_wrong < wrong.size:
        return None
    if n_wrong == 1:
        where = f"only in element {np.argwhere(wrong)[0].tolist()}"
    elif line := _line(wrong):
        where = f"only in {line}"
    elif n_wrong <= wrong.size / 2:
        where = f"in {n_wrong} of {wrong.size} elements"
    else:
        return None
    return f"is wrong {where}{_how(item, wrong)}"


def _line(wrong):
    """The one column or row that holds all wrong elements, if there are others."""
    for axis, word in ((0, "column"), (1, "row")) if wrong.ndim == 2 else ():
        lines = np.flatnonzero(wrong.any(axis=axis))
        if len(lines) == 1 < wrong.shape[1 - axis]:
            return f"{word} {lines[0]}"
    return None


def _how(item, wrong):
    """What the wrong elements have in common."""
    a, n = item.analytic[wrong.ravel()], item.numeric[wrong.ravel()]
    if not a.any():
        return ": zero"
    if np.all(np.abs(n) <= ZERO * np.abs(a)):
        return ": f does not change with it"
    with np.errstate(all="ignore"):
        factors = a / n
    if np.allclose(factors, factors[0], rtol=1e-3):
        return ": its sign" if np.isclose(factors[0], -1) else f": {_times(factors[0], 4)}"
    return ""


def _times(c, digits=6):
    """A factor in words, with as many digits as tell it from 1."""
    text = f"{c:.{digits}g}"
    return f"{text} times" if text != "1" else f"1 {'+' if c > 1 else '-'} {abs(c - 1):.1g} times"


def _is_plain(c):
    """Whether a factor is an integer or one over an integer."""
    size = max(abs(c), abs(1 / c))
    return bool(2 <= size <= MOST_ROWS and abs(size - round(size)) < 1e-3)


def _is_bias(item):
    """A vector whose name says so: b1, b[1], db1, conv.bias."""
    vector = max(item.shape, default=1) == int(np.prod(item.shape))
    name = str(item.block).lower()
    return vector and (name.startswith(("b", "db")) or "bias" in name)
