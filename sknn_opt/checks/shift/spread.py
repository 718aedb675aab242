"""Has the variance of a feature changed by more than chance, whatever its distribution?

An F test asks how much the variances v of m new and of n training rows differ, with
2 (m - 1) / (κ - 1) and 2 (n - 1) / (κ - 1) degrees of freedom: the kurtosis κ (3 for normal
features) says how much the variance of a sample varies. A sample may lack the rare large values of
its distribution; so κ is the geometric mean of the new sample's kurtosis and of the largest that
the training range allows, R = max (x - μ)² / σ².

Of incomes, or of a feature that is mostly zero, a few values make all of the variance, and no
kurtosis of a sample tells. But which rows they fall into is chance alone: of n + m rows in random
order the k largest are all new ones with probability

.. math::

    \\binom{m}{k} / \\binom{m + n}{k},

whatever the distribution. So a variance grew only if it did without the k new values that are
farthest out, k being the least number at which that is below the level. And it shrank only if its
sample lacks more than chance explains, m and n changing places: one that is less by the ratio v
lacks at least k = n (1 - v) / (R - v) of the training values, since none takes more than R / n of
σ². Where no training value is farther than 2 σ from the mean none is rare, and the F test stands
alone.
"""

import numpy as np
from scipy.sparse import issparse
from scipy.special import gammaln
from scipy.stats import f as f_distribution

from sknn_opt.arrays import moments

NEAR = 4.0  # of R: two values so far apart are in a share of 1/5 or more of the rows each


def grew(X, training, new, ratio, kurtosis, level, least):
    """Where the variance of the columns of X is larger by a ratio that is no chance."""
    m, n, (broad, _) = new.count, training.count, _kurtosis(training, kurtosis)
    found = (ratio > least) & (_f_test(ratio, m, n, broad) < level)
    k = _by_chance(m, n, level)
    std, columns = moments.deviation(training), X.tocsc() if issparse(X) and found.any() else X
    for j in np.flatnonzero(found):
        left = _trimmed_variance(_values(columns, j), k[j]) / np.square(std[j])
        found[j] = left > least and _f_test(left, m[j], n[j], broad[j]) < level
    return found


def shrank(training, new, ratio, kurtosis, level, least):
    """Where the variance is smaller by a ratio that is no chance."""
    m, n, (broad, largest) = new.count, training.count, _kurtosis(training, kurtosis)
    # How many of the farthest training values the new sample must lack for its variance to be less.
    lacking = np.where(largest > NEAR, np.floor(n * (1 - ratio) / (largest - ratio)), n)
    rare = np.exp(log_ratio(n, m + n, np.clip(lacking, 0.0, n)))
    chance = np.maximum(_f_test(1 / ratio, n, m, broad), rare)
    chance = np.where(ratio > 0, chance, _all_equal(training, new))
    return (ratio < 1 / least) & (chance < level)


def log_ratio(a, b, k):
    """log C(a, k) / C(b, k)."""
    return gammaln(a + 1) - gammaln(a - k + 1) - gammaln(b + 1) + gammaln(b - k + 1)


def _kurtosis(training, kurtosis):
    """κ, and the most that the training range allows; without a range that is n."""
    mu, std, n = moments.mean(training), moments.deviation(training), training.count
    sample = np.maximum(np.nan_to_num(kurtosis, nan=3.0), 3.0)
    largest = np.fmax(training.high - mu, mu - training.low) / std
    largest = np.where(np.isnan(largest), np.sqrt(n), largest) ** 2
    return np.sqrt(sample * np.maximum(largest, sample)), largest


def _f_test(ratio, m, n, kurtosis):
    """The probability of a larger ratio of two variances, of m and of n rows."""
    per_row = 2 / (kurtosis - 1)  # 1 for normal features
    return f_distribution.sf(ratio, per_row * (m - 1), per_row * (n - 1))


def _by_chance(m, n, level):
    """The least k for which C(m, k) / C(m + n, k) is below the level, by bisection; at most m."""
    low, high = np.zeros_like(m), m.copy()
    for _ in range(64):
        k = np.floor((low + high) / 2)
        below = log_ratio(m, m + n, k) < np.log(level)
        low, high = np.where(below, low, k), np.where(below, k, high)
        if (high - low <= 1).all():
            break
    return high


def _values(X, j):
    """Those of a column, without NaN."""
    x = (X[:, [j]].toarray() if issparse(X) else X[:, j]).ravel().astype(np.float64)
    return x[~np.isnan(x)]


def _trimmed_variance(x, k):
    """The variance of x without the k values that are farthest from the median."""
    distance = np.abs(x - np.median(x))
    n_left = max(len(x) - int(k), 0)
    return np.var(x[np.argsort(distance)[:n_left]], ddof=1) if n_left > 1 else 0.0


def _all_equal(training, new):
    """The probability that all new values are equal, given the range of the training data.

    At least a share σ² / r² of the training values is not this one, r being the way from it to the
    farther end of the range. That none of so many, k, comes among m of m + n rows has the
    probability C(n, k) / C(m + n, k).
    """
    value, m, n = moments.mean(new), new.count, training.count
    farthest = np.fmax(training.high - value, value - training.low)
    second = np.square(moments.deviation(training)) + np.square(value - moments.mean(training))
    k = np.floor(n * np.minimum(second / np.square(farthest), 1))
    return np.exp(log_ratio(n, m + n, k))
