"""Rounds: draw at random, stop the hopeless early, zoom into the region of the best.

A region is an interval of each parameter on its own scale, in quantiles of the distribution that
it was drawn from at first.
"""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import ParameterSampler

from sknn_opt.search.distributions import Choice, ZeroOr

BEST = 5  # the candidates whose region the next round zooms into
MARGIN = 0.1  # by which a region is wider than that of the best, as a share of it, on each side
LEAST_MARGIN = 0.05  # and at least so many quantiles
OUTSIDE = 0.2  # the share of candidates that are drawn from the whole space all the same
LEARNED = 0.7  # how much of a category's new weights is its share among the best


@dataclass(frozen=True)
class Rung:
    """After how much training candidates are compared.

    Attributes
    ----------
    part : float
        Of the epochs, or of the rows, on each split.
    n_splits : int
        On how many splits.
    share : float
        Of the whole effort: all epochs and rows on all splits are 1.
    """

    part: float
    n_splits: int
    share: float


def ladder(factor, least, n_splits):
    """The rungs from about a share `least` of the whole effort, each `factor` times as much.

    One split to its end tells more of a candidate than all splits for a while, and takes fewer
    fits: so the splits come one by one, and only of the first less than the whole is trained.
    """
    if factor == 1:
        return [Rung(1.0, n_splits, 1.0)]
    n = max(0, math.floor(math.log(1 / least, factor) + 1e-9))
    rungs = {}
    for share in (factor**-k for k in range(n, -1, -1)):
        n_trained = max(1, round(share * n_splits))
        part = min(1.0, share * n_splits) if n_trained == 1 else 1.0
        rungs[part, n_trained] = Rung(part, n_trained, part * n_trained / n_splits)
    return list(rungs.values())


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
    return best[:BEST]


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
