"""Has the variance of a feature changed by more than chance, whatever its distribution?

Of two samples let the narrow one, of m rows, have the variance v, where that of the wide one, of n
rows, is 1. Chance has two ways to make v small. The variance of every sample varies: an F test
tells how much, with 2 (n - 1) / (κ - 1) degrees of freedom for n rows, as the kurtosis κ has it (3
for normal features). And a narrow sample may have too few of the rare large values, of which a
sample's own kurtosis does not tell: of incomes, or of a feature that is mostly zero, a few values
make all of the variance. But which rows they fall into is chance alone: of K in all, k or more come
into the wide sample with probability

.. math::

    P\\left(B \\ge k\\right), \\qquad B \\sim \\text{Bin}\\left(K, \\frac{n}{n + m}\\right),

whatever their distribution. Without k of its rows, a share q, the wide sample has a variance of

.. math::

    u \\ge \\max\\left(1 - \\sqrt{(\\kappa - 1) \\frac{q}{1 - q}},\\;
                      1 - (R - 1) \\frac{q}{1 - q},\\; 0\\right),

by the inequality of Cauchy and Schwarz for the squares of its standardized values, whose mean is 1
and whose variance κ - 1, and because none is larger than R. If v > u, the narrow sample has values
of their size too, on average c = (1 - u) / q: a share (v - u) / c of its rows, in K. Since its
fourth moment φ, about the same mean, has room for them, :math:`(v - u) c \\le \\varphi`, so that

.. math::

    u \\ge \\frac{1 + v - \\sqrt{(1 - v)^2 + 4 \\varphi q}}{2}.

A difference is put down to chance if for some k, and the least u, that probability is not below the
level, times the probability of the F test of v and u where v < u. All of this needs the moments of
both samples alone.

The F test stands alone, with κ between the sample's and R, where no value of the larger sample is
farther than √3 σ from its mean, so that none is rare, and where κ exceeds 1 + the square of the
skewness, its least (Pearson), by far: that of two clusters does not, and one of them alone may well
be all that a few rows see.
"""

import numpy as np
from scipy.special import betainc, gammaln
from scipy.stats import f as f_distribution

from sknn_opt.arrays import moments

ROUNDING = 1e-9  # two values may make u and v the same
NORMAL = 3.0  # a sample's kurtosis is not trusted to be less
NEAR = 3.0  # of R: two values so far apart are in a share of 1/4 or more of the rows each
APART = 0.5  # κ - 1 - skewness²: 0 of two values, 0.8 of a uniform feature, 2 of a normal one
STEPS = np.arange(64.0)
SHARES = 0.5 * 1.2 ** (STEPS - STEPS[-1])  # of the rows of the wide sample


def wider(one, other, suspects, level):
    """Which of the suspects, columns, have a larger variance in one sample than chance explains."""
    found = np.flatnonzero(suspects)
    chance = _chance(*(moments.part(sample, found) for sample in (one, other)))
    return np.isin(np.arange(len(suspects)), found[chance < level])


def log_ratio(a, b, k):
    """log C(a, k) / C(b, k)."""
    return gammaln(a + 1) - gammaln(a - k + 1) - gammaln(b + 1) + gammaln(b - k + 1)


def _chance(wide, narrow):
    """The probability that the variances of two samples differ so much by chance."""
    n, m = wide.count, narrow.count
    tails, own_tails = moments.kurtosis(wide), moments.kurtosis(narrow)
    unit = moments.variance(wide)
    own = moments.variance(narrow) * (m / (m - 1)) / unit
    far = np.square(moments.mean(narrow) - moments.mean(wide)) / unit
    v, fourth = own + far, (own_tails**0.25 * np.sqrt(own) + np.sqrt(far)) ** 4
    # The k values that the wide sample may have by chance, few or many: without them it has u.
    k = np.minimum(np.maximum(STEPS[:, np.newaxis], np.floor(np.multiply.outer(SHARES, n))), n / 2)
    odds, q = k / (n - k), k / n
    u = np.fmax(1 - np.sqrt((tails - 1) * odds), 1 - (_largest(wide) - 1) * odds)
    least = (1 + v - np.sqrt(np.square(1 - v) + 4 * fourth * q)) / 2
    u = np.fmax(np.maximum(u, 0.0), least)
    alike = np.maximum(v - u, 0.0) / (1 - u) * m * q  # K - k
    rare = np.where(k > 0, betainc(np.maximum(k, 1.0), alike + 1, n / (n + m)), 1.0)
    per_row = 2 / (np.fmax(np.fmax(tails, own_tails), NORMAL) - 1)  # 1 for normal features
    by_chance = f_distribution.sf(u / v, per_row * (n - 1), per_row * (m - 1))
    chance = np.max(rare * np.where(u > v * (1 + ROUNDING), by_chance, 1.0), axis=0)
    unlike_two = tails - 1 - np.square(moments.skewness(wide)) >= APART
    near = (_largest(wide) <= NEAR) & unlike_two & (n >= m) & (own > 0)
    return np.where(near, np.fmin(chance, _near(wide, np.where(near, own, 1.0), m)), chance)


def _near(wide, own, m):
    """The F test alone, of a sample without far values."""
    kurtosis = np.fmax(moments.kurtosis(wide), NORMAL)
    per_row = 2 / (np.sqrt(kurtosis * np.fmax(_largest(wide), kurtosis)) - 1)
    return f_distribution.sf(1 / own, per_row * (wide.count - 1), per_row * (m - 1))


def _largest(sample):
    """The square of the farthest standardized value; as many as there are rows if unknown."""
    mean = moments.mean(sample)
    farthest = np.square(np.fmax(sample.high - mean, mean - sample.low)) / moments.variance(sample)
    return np.where(np.isnan(farthest), sample.count, farthest)
