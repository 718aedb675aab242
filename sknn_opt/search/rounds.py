"""Rounds: draw at random, stop the hopeless early, zoom into the region of the best.

A region is an interval of each parameter on its own scale, in quantiles of the distribution that
it was drawn from at first.
"""

import math

import numpy as np
from sklearn.model_selection import ParameterSampler

from sknn_opt.search.distributions import Choice, ZeroOr

BEST = 0.2  # the share of the candidates whose region the next round zooms into
FEWEST = 4  # of them
MARGIN = 0.25  # by which a region is wider than that of the best, as a share of it, on each side
LEAST_MARGIN = 0.05  # and at least so many quantiles
OUTSIDE = 0.2  # the share of candidates that are drawn from the whole space all the same
LEARNED = 0.7  # how much of a category's new weights is its share among the best


def shares(factor, least):
    """The shares of the whole effort after which candidates are compared, in rising order."""
    if factor == 1:
        return [1.0]
    n = max(0, math.floor(math.log(1 / least, factor) + 1e-9))
    return [factor**-k for k in range(n, -1, -1)]


def draw(space, region, n, is_first, rng):
    """Draw n candidates: of each later round a few from the whole space."""
    n_outside = 0 if is_first else round(OUTSIDE * n)
    found = []
    for distributions, how_many in ((region, n - n_outside), (space, n_outside)):
        if how_many:
            seed = int(rng.randint(2**31))
            found += ParameterSampler(distributions, how_many, random_state=seed)
    return found


def promoted(candidates, factor, score):
    """Those of the highest scores, one in `factor`; NaN is lowest."""
    n = max(1, math.ceil(len(candidates) / factor))
    return sorted(candidates, key=lambda one: -_low_if_nan(score(one)))[:n]


def ranked(candidates, score):
    """Those that have a score, best first: those that were trained longest, by their scores."""
    scores = [(one, score(one)) for one in candidates]
    known = [(one, value) for one, value in scores if not math.isnan(value)]
    return [one for one, _ in sorted(known, key=lambda each: (-each[0].share, -each[1]))]


def worth_a_look(best):
    """Those of ranked candidates in whose region the next round draws."""
    return best[: max(FEWEST, math.ceil(BEST * len(best)))]


def zoomed(space, best):
    """The region of the best, with room around it, as distributions."""
    if not best:
        return space
    return {name: _zoomed(each, [one.params[name] for one in best]) for name, each in space.items()}


def bounds_of(space):
    """The lowest and the highest value of each parameter that has such."""
    return {name: each.support() for name, each in space.items() if not isinstance(each, Choice)}


def _zoomed(distribution, values):
    if isinstance(distribution, Choice):
        return distribution.reweighted(values, LEARNED)
    ends = np.array([_quantiles(distribution, value) for value in values])
    low, high = ends.min(), ends.max()
    margin = max(LEAST_MARGIN, MARGIN * (high - low))
    return distribution.zoomed(max(0.0, low - margin), min(1.0, high + margin))


def _quantiles(distribution, value):
    """From where to where the quantiles of a value reach: of a continuous one, a point."""
    if isinstance(distribution, ZeroOr) and value == 0:
        return 0.0, distribution.p_zero
    high = distribution.cdf(value)
    weight = distribution.pmf(value) if hasattr(distribution, "pmf") else 0.0
    return max(0.0, high - weight), high


def _low_if_nan(score):
    return -math.inf if math.isnan(score) else score
