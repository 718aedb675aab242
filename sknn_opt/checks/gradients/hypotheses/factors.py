"""A factor, a penalty, or a function of θ too much or too little:  n = s a + q θ,  n = a g(θ)."""

import numpy as np

from sknn_opt.checks.gradients.hypotheses.evidence import REST, times
from sknn_opt.checks.gradients.hypotheses.values import is_written

MOST_ROWS = 1e6  # a larger factor is hardly a number of rows
RIGHT = "the right one"
TENS = (10, 100, 1000, 10_000)  # are constants as often as they are sizes
LEAST_SIZE = 5  # smaller numbers are factors of formulas as often as they are sizes
LEAST_WIDTH = 2  # whose root may be a factor
MOST_CAUSES = 3  # more say nothing
SAME = 1e-4  # relative difference up to which two factors are one
FELT = 1e-3  # of the largest element, in the elements' own units
LEAST = 3  # numbers, of which one or two are used up by fitting
CHAINS = {  # what a chain rule leaves out or doubles
    "{}": lambda x: x,
    "1/{}": lambda x: 1 / x,
    "{}²": lambda x: x**2,
    "1/{}²": lambda x: x**-2.0,
    "√{}": np.sqrt,
    "1/√{}": lambda x: 1 / np.sqrt(x),
    "exp({})": np.exp,
    "exp(-{})": lambda x: np.exp(-x),
    "exp(2 {})": lambda x: np.exp(2 * x),
    "exp(-2 {})": lambda x: np.exp(-2 * x),
    "the sign of {}": np.sign,
    "σ(1 - σ), σ the logistic function of {}": lambda x: 1 / (2 + np.exp(x) + np.exp(-x)),
    "1/(σ(1 - σ)), σ the logistic function of {}": lambda x: 2 + np.exp(x) + np.exp(-x),
    "1 - tanh²({})": lambda x: np.cosh(x) ** -2.0,
    "1/(1 - tanh²({}))": lambda x: np.cosh(x) ** 2,
    "{0}(1 - {0})": lambda x: x * (1 - x),
    "1/({0}(1 - {0}))": lambda x: 1 / (x * (1 - x)),
}


def linear(item, context):
    """n = s a + q θ: a wrong factor 1/s, or a wrong penalty."""
    s, q = item.fit(item.analytic)[0], 0.0
    if not item.explains(s * item.analytic):
        if item.numeric.size < LEAST:
            return None
        q = _part_of(item, item.theta)
        if item.explains(item.analytic + q * item.theta):
            return None if _is_across(item) else _penalty(item, -q, context)
        if added(item, context) or not _is_felt(item, item.theta):
            return None  # one number that is fitted says more than two
        s, q = item.fit(item.analytic, item.theta)
        if not item.explains(s * item.analytic + q * item.theta):
            return None
    # one number is always some multiple of another
    tells = item.numeric.size > 1 or abs(s + 1) < SAME or is_plain(s)
    words = factor(item, 1 / s, context) if s and tells else None
    return words and words.replace(RIGHT, f"{RIGHT} without its penalty") if q else words


def _part_of(item, vector):
    """q of n = a + q vector."""
    if not _is_felt(item, vector):
        return 0.0
    seen = item.weigh(item.seen(vector))
    square = seen @ seen
    rest = item.weigh(item.numeric - item.seen(item.analytic))
    return rest @ seen / square if square else 0.0


def _is_felt(item, vector):
    """Whether a multiple of this would show in several elements, whose sizes may differ widely."""
    sizes = np.abs(vector * item.weights)
    return np.ndim(item.weights) == 0 or np.sum(sizes > FELT * sizes.max()) >= LEAST


def _is_across(item):
    """Whether f does not move along θ, so that it has no penalty."""
    n, theta = item.numeric, item.seen(item.theta)
    return item.listed and abs(n @ theta) <= REST * np.linalg.norm(n) * np.linalg.norm(theta)


def chained(item, context):
    """Pairs of words and of the correct gradient, if a function of θ is missing in each element."""
    a, theta = item.analytic, item.theta
    with np.errstate(all="ignore"):
        for words, function in CHAINS.items():
            factors = function(theta)
            if np.isfinite(a * factors).all() and _is_telling(factors[a != 0]):
                each = " in each element" if a.size > 1 else ""
                yield f"lacks a factor {words.format(item.block)}{each}", a * factors


def _is_telling(factors):
    """Whether these could hardly come from elsewhere: two numbers, or a crooked one."""
    distinct = np.unique(factors[np.abs(factors - 1) > 1e-3].round(6))
    return distinct.size > 1 or (distinct.size == 1 and not is_written(distinct[0]))


def added(item, context):
    """A penalty on |θ|, or a constant, that f does not have, or that is left out."""
    if item.numeric.size < LEAST:
        return None
    for words, vector in (
        ("in each element", np.ones_like(item.theta)),
        (f"times the sign of {item.block}: the L1 penalty is", np.sign(item.theta)),
    ):
        q = _part_of(item, vector)
        if q and item.explains(item.analytic + q * vector):
            if words.endswith("is"):
                words += " missing or too small" if q > 0 else " counted twice or too large"
            return f"differs by {-q:+.3g} {words}"
    return None


# Factors in words ---------------------------------------------------------------------------------


def factor(item, c, context):
    """a = c n."""
    if abs(c + 1) < SAME:
        return "is -1 times the right one: the sign is wrong"
    n = context.n_rows
    if n and n != 1:
        known = known_rows(item, n)
        words = next((words for c_, words in known.items() if abs(c / c_ - 1) < SAME), None)
        if words:
            return words
    for norm, whose in ((np.linalg.norm(item.analytic), "its"), (context.whole_norm, "the whole")):
        if 0 < c < 1 and item.analytic.size > 1 and is_written(norm):
            whose = "its norm is" if whose == "its" else "the norm of the whole gradient is"
            return f"is {times(c)} the right one: {whose} {norm:.4g}, to which it is cut or scaled"
    causes = _causes(item, abs(c), context)
    text = f"is {times(c)} the right one"
    if is_plain(c) and abs(c) < 1:
        text = f"is {c:.6g} times the right one, {abs(1 / c):.6g} times too small"
    if c < 0:
        causes = ["the sign is wrong", *causes[:1]] if len(causes) < 2 else ["the sign is wrong"]
        return f"{text}: {', and '.join(causes)}"
    return text + (f": {', or '.join(causes)}" if 0 < len(causes) <= MOST_CAUSES else "")


def known_rows(item, n):
    """Factors that a known number of rows explains, in words."""
    mean = " or a sum over rows is taken as a mean" if item.is_bias else ""
    return {
        n: f"is N = {n:g} times the right one: the 1/N is missing",
        1 / n: f"is N = {n:g} times too small: the 1/N is applied twice{mean}",
        -n: f"is -N = {-n:g} times the right one: the sign is wrong, and the 1/N is missing",
    }


def _causes(item, c, context):
    """What may explain a factor c > 0: a 2, sizes that are known, or rows nobody has seen."""
    size = float(f"{max(c, 1 / c):.6g}")
    how = "missing" if c > 1 else "applied twice"
    found = []
    if abs(size - 2) < SAME:
        one, two = ("a missing", "an extra") if c > 1 else ("an extra", "a missing")
        found.append(f"{one} 1/2, or {two} 2 from a square")
    mean = " or a sum over rows is taken as a mean" if item.is_bias and c < 1 else ""
    for n, where in context.sizes.items():
        if n >= LEAST_SIZE and abs(size / n - 1) < SAME:
            found.append(f"the 1/N is {how}{mean} ({n} is a size of {where})")
        elif n >= 4 * LEAST_SIZE and abs(2 * size / n - 1) < SAME:
            found.append(f"the 2/N is {how} ({n} is a size of {where})")
    own = dict.fromkeys(item.shape, "a width here") if len(item.shape) > 1 else {}
    others = {n: f"a size of {name}" for n, name in context.widths.items()}
    # a whole number has other causes, so that only the block's own width counts
    for n, where in (own if is_plain(c) else others | own).items():
        if n >= LEAST_WIDTH and abs(size / np.sqrt(n) - 1) < SAME:
            found.append(f"the 1/√width is {how} ({n} is {where})")
    if found and (size in TENS or (is_plain(c) and "√" in found[-1] and size > 2)):
        found.append(f"a constant {size:.6g}")
    if not (found or context.sizes) and is_plain(c):
        found.append(f"if there are {size:.6g} rows, the 1/N is {how}{mean}")
    return found


def _penalty(item, c, context):
    """a - n = c θ."""
    if item.is_bias and context.n_rows is not None:
        return f"differs by {c:+.3g} b: biases are not penalized"
    if item.is_bias and c > 0:
        return f"differs by {c:+.3g} b: it is not penalized in f, or but once"
    known = context.penalty
    size = f" (α/N = {known:.3g})" if known and np.isclose(abs(c), known, rtol=1e-2) else ""
    cause = "missing or too small" if c < 0 else "counted twice or too large"
    letter = "W" if len(item.shape) == 2 else item.block
    return f"differs by {c:+.3g} {letter}{size}: the L2 penalty is {cause}"


def only_penalty(item, context):
    """a = c θ, and n is more than that."""
    square = item.theta @ item.theta
    if item.is_bias or not square or item.numeric.size < LEAST:
        return None
    c = (item.analytic @ item.theta) / square
    if np.linalg.norm(item.analytic - c * item.theta) > 1e-9 * np.linalg.norm(item.analytic):
        return None
    if len(item.shape) < 2:
        return f"is {c:.3g} {item.block} and nothing else"
    return f"is {c:.3g} W and nothing else: all zero but for the L2 penalty"


def is_plain(c):
    """Whether a factor is an integer or one over an integer."""
    size = max(abs(c), abs(1 / c)) if c else 0.0
    return bool(2 - 1e-3 <= size <= MOST_ROWS and abs(size - round(size)) < 1e-3)
