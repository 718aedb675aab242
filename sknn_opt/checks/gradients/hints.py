"""Why a gradient is wrong: usual slips, each tried on the numbers.

A slip turns the right gradient n into the wrong one a in its own way: a = N n where the 1/N is
missing, a = n - (α/N) W where the penalty is. Each hypothesis predicts n from a; one that
explains the numbers is reported. Where only directional derivatives of n are known, the
prediction is taken along the same directions.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

# A hypothesis explains a block if it leaves at most this share of its numbers, ...
CLOSE = 1e-5
# ... and at most this share of the error that it is to explain.
REST = 0.01
MOST_ROWS = 1e6  # a larger factor is hardly a number of rows


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
    element: tuple | None = None  # (number, numeric derivative) of the element searched out

    def seen(self, gradient):
        """A gradient as the numeric one is known: by element or along the directions."""
        return gradient if self.directions is None else self.directions @ gradient

    def left_by(self, gradient):
        """‖n - gradient‖, as far as it is seen."""
        return np.linalg.norm(self.numeric - self.seen(gradient))

    def explains(self, gradient):
        """Whether this would be the right gradient."""
        left = self.left_by(gradient)
        wrong = np.linalg.norm(self.numeric - self.seen(self.analytic))
        norm = np.linalg.norm(self.numeric)
        return bool(left <= max(CLOSE * norm, self.error) and left <= REST * wrong)

    def fit(self, *gradients):
        """The factors with which these gradients add up to the numeric one, best as they can."""
        columns = np.column_stack([self.seen(gradient) for gradient in gradients])
        return np.linalg.lstsq(columns, self.numeric, rcond=None)[0]


@dataclass(frozen=True)
class Context:
    """What else is known: the number of rows (or Σw), α/N, and other gradients it might be."""

    n_rows: float | None = None
    penalty: float | None = None
    alternatives: tuple = ()  # pairs of a sentence and a function block -> gradient as seen


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
    return tuple(f"{', '.join(blocks)}: {cause}" for cause, blocks in ordered)


def _cause(item, context):
    """The first hypothesis that holds, the plainest first."""
    if not np.isfinite(item.analytic).all():
        return "it is not finite (NaN or infinite)"
    if not np.isfinite(item.numeric).all():
        return None
    if not item.analytic.any():
        return "it is all zero: never written, overwritten, or cut off from the loss"
    for hypothesis in (_transposed, _alternative, _linear, _only_penalty, _order, _part):
        cause = hypothesis(item, context)
        if cause:
            return cause
    return None


def _linear(item, context):
    """n = s a + q θ: a wrong factor 1/s, or a wrong penalty."""
    fits = [(item.fit(item.analytic)[0], 0.0)]
    if item.numeric.size > 2 and item.theta.any():
        fits.append(tuple(item.fit(item.analytic, item.theta)))
    left = [item.left_by(s * item.analytic + q * item.theta) for s, q in fits]
    # the penalty comes in only where it explains much more
    s, q = fits[-1] if left[-1] < 0.1 * left[0] else fits[0]
    if not item.explains(s * item.analytic + q * item.theta):
        return None
    if abs(s - 1) < 1e-6 and q:
        return _penalty(item, -q, context)
    return _factor(item, 1 / s, context) if s and (item.numeric.size > 1 or _is_plain(s)) else None


def _factor(item, c, context):
    """a = c n."""
    c = float(np.round(c)) if np.isclose(c, np.round(c), rtol=1e-5) else c
    n = context.n_rows
    mean = " or a sum over rows is taken as a mean" if _is_bias(item) else ""
    if n and n != 1:
        known = {
            n: f"it is N = {n:g} times too large: the 1/N is missing",
            1 / n: f"it is N = {n:g} times too small: 1/N is applied twice{mean}",
            -n: f"it is -N = {-n:g} times the right one: its sign is wrong, the 1/N missing",
        }
        for factor, words in known.items():
            if np.isclose(c, factor, rtol=1e-4):
                return words
    if np.isclose(c, -1, rtol=1e-5):
        return "its sign is wrong"
    guess = ""
    if np.isclose(c, 2, rtol=1e-5) or np.isclose(c, 0.5, rtol=1e-5):
        guess = ": the 1/2 or the 2 of a square"
    elif n is None and _is_plain(c) and abs(c) > 1:
        guess = f": if there are {abs(c):.3g} rows, the 1/N is missing"
    elif n is None and _is_plain(c):
        guess = f": if there are {abs(1 / c):.3g} rows, 1/N is applied twice{mean}"
    return f"it is {c:.6g} times the right one{guess}"


def _penalty(item, c, context):
    """a - n = c θ."""
    known = context.penalty
    size = f"{abs(c):.3g}"
    if known and np.isclose(abs(c), known, rtol=1e-2):
        size = f"α/N = {known:.3g}"
    if _is_bias(item):
        return f"the difference is {c:+.3g} b: biases are not penalised"
    letter = "W" if len(item.shape) == 2 else item.block
    if c < 0:
        return f"the difference is -{size} {letter}: the L2 penalty is missing or too small"
    return f"the difference is +{size} {letter}: the L2 penalty is counted twice or too large"


def _only_penalty(item, context):
    """a = c θ, and n is more than that."""
    square = item.theta @ item.theta
    if _is_bias(item) or not square:
        return None
    c = (item.analytic @ item.theta) / square
    if np.linalg.norm(item.analytic - c * item.theta) > 1e-9 * np.linalg.norm(item.analytic):
        return None
    return f"it is {c:.3g} W and nothing else: all zero but for the L2 penalty"


def _transposed(item, context):
    shape = item.shape
    if len(shape) != 2 or min(shape) < 2:
        return None
    matrix = item.analytic.reshape(shape)
    if shape[0] == shape[1]:
        # a penalty may stand beside it untransposed:  n = aᵀ + p (θ - θᵀ)
        theta = item.theta.reshape(shape)
        shift = (theta - theta.T).ravel()
        rest = replace(item, numeric=item.numeric - item.seen(matrix.T.ravel()))
        p = rest.fit(shift)[0] if item.numeric.size > 2 else 0.0
        if item.explains(matrix.T.ravel()) or item.explains(matrix.T.ravel() + p * shift):
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
        if np.linalg.norm(seen - other) <= min(CLOSE * np.linalg.norm(seen), REST * wrong):
            return sentence
    return None


def _order(item, context):
    """The right numbers in the wrong places."""
    if item.directions is not None or item.analytic.size < 2:
        return None
    left = np.linalg.norm(np.sort(item.analytic) - np.sort(item.numeric))
    wrong = np.linalg.norm(item.analytic - item.numeric)
    if left <= CLOSE * np.linalg.norm(item.numeric) + item.error and left <= REST * wrong:
        return "it holds the right numbers in the wrong order"
    return None


def _part(item, context):
    """Only some elements are wrong: which?"""
    if item.directions is not None:
        return _one_element(item)
    errors = np.abs(item.analytic - item.numeric)
    wrong = errors > max(REST * errors.max(), item.error)
    if not 0 < wrong.sum() < wrong.size:
        return None
    if len(item.shape) == 2:
        wrong = wrong.reshape(item.shape)
        for axis, word in ((0, "column"), (1, "row")):
            if item.shape[1 - axis] == 1:
                continue  # the only one
            lines = np.flatnonzero(wrong.any(axis=axis))
            if wrong.sum() > 1 and len(lines) == 1:
                return f"only {word} {lines[0]} is wrong" + _how(item, wrong)
    if wrong.sum() == 1:
        index = ", ".join(map(str, np.argwhere(wrong)[0]))
        return f"only element [{index}] is wrong" + _how(item, wrong)
    if wrong.sum() > wrong.size / 2:
        return None
    return f"{int(wrong.sum())} of {wrong.size} elements are wrong" + _how(item, wrong)


def _one_element(item):
    """Whether the element that was searched out is all that is wrong."""
    if item.element is None:
        return None
    k, numeric = item.element
    corrected = item.analytic.copy()
    corrected[k] = numeric
    if not item.explains(corrected):
        return None
    index = ", ".join(map(str, np.unravel_index(k, item.shape)))
    return f"only element [{index}] is wrong" + _how(
        replace(item, numeric=corrected), np.arange(corrected.size) == k
    )


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
        2 <= max(abs(c), abs(1 / c)) <= MOST_ROWS
        and min(abs(c - round(c)), abs(1 / c - round(1 / c))) < 1e-3
    )


def _is_bias(item):
    """A vector whose name says so: b1, b[1], db1, conv.bias."""
    vector = max(item.shape, default=1) == int(np.prod(item.shape))
    name = str(item.block).lower()
    return vector and (name.startswith(("b", "db")) or "bias" in name)
