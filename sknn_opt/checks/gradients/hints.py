"""Why a gradient is wrong: usual bugs, each tried on the numbers.

A bug turns the correct gradient n into the wrong one a in its own way: a = N n where the 1/N is
missing, a = n - (α/N) W where the penalty is. Each hypothesis predicts n from a, or a from n; one
that explains the numbers is reported, and if several do, all of them. Where only directional
derivatives of n are known, the prediction is taken along the same directions.
"""

from collections import defaultdict
from dataclasses import replace
from itertools import chain

import numpy as np

from sknn_opt.checks.gradients.hypotheses.evidence import CLOSE, REST
from sknn_opt.checks.gradients.hypotheses.factors import added, chained, linear, only_penalty
from sknn_opt.checks.gradients.hypotheses.places import moved, order, part, swapped
from sknn_opt.checks.gradients.hypotheses.values import changed, moves_in_vain, unfinished

ZERO = 1e-6  # a derivative of so small a share of what is claimed is 0, ...
ROUNDING = 1e-13  # and of the whole gradient, ...
SMALL = 1e-3  # ... one of this share if it is within its error
APPROXIMATE = 1e-3  # of a block: who solves for a function is so accurate
HAS_TO_BE_ZERO = "has to be zero: to first order f does not change with it at this point"
ALL_ZERO = "is all zero: never written, overwritten, cut off from the loss, or canceled out"
PLURAL = {
    "is": "are",
    "has": "have",
    "holds": "hold",
    "differs": "differ",
    "leaves": "leave",
    "lacks": "lack",
    "must": "must",
    "counts": "count",
}


def name_causes(evidence, context):
    """The probable causes, those of most blocks first; a cause names all its blocks.

    Of others that of the last block comes first, as backprop runs.
    """
    found = defaultdict(list)
    causes = [(item, cause_of(item, context)) for item in reversed(evidence)]
    if evidence and not any(cause for _, cause in causes):
        causes = [(item, _approximate(item)) for item, _ in causes]
    for item, cause in causes:
        if cause:
            found[cause].insert(0, item.block)
    ordered = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return tuple(_sentence(blocks, *cause.split(" ", 1)) for cause, blocks in ordered)


def _sentence(blocks, verb, rest):
    return f"{', '.join(blocks)} {verb if len(blocks) == 1 else PLURAL[verb]} {rest}"


def cause_of(item, context):
    """The first hypothesis that holds, the plainest first, or None."""
    if not np.isfinite(item.analytic).all():
        return "is not finite (NaN or infinite)"
    if not np.isfinite(item.numeric).all():
        return None
    if not item.analytic.any():
        return ALL_ZERO
    if _is_zero(item, context):
        return HAS_TO_BE_ZERO
    found = (holds(item, context) for holds in HYPOTHESES)
    return next(filter(None, found), None)


def _is_zero(item, context):
    """Whether n is 0 but for rounding, or for its error if that is small beside the claim."""
    sides = np.abs([item.numeric, item.seen(item.analytic)])
    if item.listed and np.ndim(item.weights):  # each in its own unit
        return bool(np.all(sides[0] <= np.maximum(ZERO * sides[1], item.error)))
    found, largest = sides.max(axis=1)
    rounding = np.fmin(ZERO * largest, ROUNDING * context.whole_norm)
    size = np.abs(item.theta).max(initial=0.0)
    if size:  # a claim may be too large by any factor: f itself has to be flat
        rounding = np.fmin(rounding, ROUNDING * context.size_of_f / size)
    return found <= max(rounding, min(np.linalg.norm(item.error), SMALL * largest))


def _approximate(item):
    """A small difference without any pattern."""
    size = item.size_of(item.numeric)
    share = item.left_by(item.analytic) / size if size else np.inf
    if not ROUNDING < share <= APPROXIMATE:
        return None
    rtol = 10.0 ** np.ceil(np.log10(2 * share))
    return (
        f"differs by {share:.0e} of its size, without a pattern: if the function is solved for to "
        f"a tolerance, rtol={rtol:.0e} lets it differ by that"
    )


def _in_other_places(item, context):
    return _those_that_explain(item, chain(moved(item, context), swapped(item, context)))


def _in_other_places_with_the_other_sign(item, context):
    turned = ((f"{words}, and the sign is wrong", -guess) for words, guess in moved(item, context))
    return _those_that_explain(item, turned)


def _incomplete(item, context):
    return _those_that_explain(item, chain(chained(item, context), unfinished(item, context)))


def _those_that_explain(item, guesses):
    """All guesses that hold, as one sentence."""
    found = [words for words, guess in guesses if item.explains(guess)]
    return ", or ".join(dict.fromkeys(found)) or None


def _alternative(item, context):
    """The gradient of another function, which differs by a usual bug."""
    close = CLOSE * np.linalg.norm(item.seen(item.analytic))
    for sentence, gradient in context.alternatives:
        other = replace(item, numeric=gradient(item.block, item.directions))
        if other.left_by(item.analytic) <= min(close, REST * item.left_by(item.analytic)):
            return sentence
    return None


HYPOTHESES = (
    *(_in_other_places, _alternative, linear, _in_other_places_with_the_other_sign),
    *(_incomplete, added, only_penalty, order, changed, part),
    moves_in_vain,
)
