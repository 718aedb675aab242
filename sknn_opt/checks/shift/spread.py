"""Has the variance of a feature changed by more than chance, whatever its distribution?

Of two samples let the narrow one have the variance v, where that of the wide one is 1. Chance has
two ways to make v small. The variance of every sample varies: an F test tells how much, with
2 (n - 1) / (κ - 1) degrees of freedom for n rows, as the kurtosis κ has it (3 for normal features).
And a narrow sample may lack rare large values, of which a sample's own kurtosis does not tell: of
incomes, or of a feature that is mostly zero, a few values make all of the variance. But which rows
they fall into is chance alone: of n + m rows in random order the k largest are all in the wide
sample, of n rows, with probability

.. math::

    \\binom{n}{k} / \\binom{m + n}{k},

whatever the distribution. Without a share q = k / n of its rows the wide sample has at least the
variance

.. math::

    u = \\max\\left(1 - \\sqrt{(\\kappa - 1) \\frac{q}{1 - q}},\\;
                    1 - (R - 1) \\frac{q}{1 - q}\\right),

by the inequality of Cauchy and Schwarz for the squares of the standardized values, whose mean is 1
and whose variance κ - 1, and because none is larger than R. So v is put down to chance if, for some
k, the k values are missing *and* the F test of v / u is passed with a probability that is not
below the level. Both variances are those around the mean of the wide sample.
"""

import numpy as np
from scipy.special import gammaln
from scipy.stats import f as f_distribution

from sknn_opt.arrays import moments

NORMAL = 3.0  # a sample's kurtosis is not trusted to be less
SHARES = np.append(0.0, np.geomspace(1e-5, 0.9, 60))  # of the wide sample's rows: q


def wider(one, other, suspects, level):
    """Which of the suspects, columns, have a larger variance in one sample than chance explains."""
    found = np.flatnonzero(suspects)
    chance = _chance(*(moments.part(sample, found) for sample in (one, other)))
    return np.isin(np.arange(len(suspects)), found[chance < level])


def _chance(wide, narrow):
    """The probability that the variances of two samples differ so much by chance."""
    n, m, variance = wide.count, narrow.count, moments.variance(wide)
    second = moments.variance(narrow) * m / (m - 1) + np.square(
        moments.mean(narrow) - moments.mean(wide)
    )
    ratio = second / variance * ((n - 1) / n)
    kurtosis, largest = moments.kurtosis(wide), _largest(wide)
    pooled = np.fmax(np.fmax(kurtosis, moments.kurtosis(narrow)), NORMAL)
    k = np.floor(np.multiply.outer(SHARES, n))
    odds = k / (n - k)
    rest = np.fmax(1 - np.sqrt((kurtosis - 1) * odds), 1 - (largest - 1) * odds)
    per_row = 2 / (pooled - 1)  # 1 for normal features
    by_chance = f_distribution.sf(rest / ratio, per_row * (n - 1), per_row * (m - 1))
    by_chance = np.where(rest > ratio, by_chance, 1.0)
    return np.max(np.exp(log_ratio(n, m + n, k)) * by_chance, axis=0)


def log_ratio(a, b, k):
    """log C(a, k) / C(b, k)."""
    return gammaln(a + 1) - gammaln(a - k + 1) - gammaln(b + 1) + gammaln(b - k + 1)


def _largest(sample):
    """The square of the farthest standardized value; as many as there are rows if unknown."""
    mean = moments.mean(sample)
    farthest = np.square(np.fmax(sample.high - mean, mean - sample.low)) / moments.variance(sample)
    return np.where(np.isnan(farthest), sample.count, farthest)
