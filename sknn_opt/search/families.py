"""Two families of distributions that scipy lacks, as scipy has its own.

With β for x, and a and b for the bounds:

==================  ==========================================  ====================================
family              density or probability                      quantile of q
==================  ==========================================  ====================================
one_minus_log       1 / ((1 - x) log((1 - a) / (1 - b)))        1 - (1 - a)^(1 - q) (1 - b)^q
log_uniform_int     log((k + ½) / (k - ½)) / log(B / A)         ⌈A (B / A)^q - ½⌉
==================  ==========================================  ====================================

where A = a - ½ and B = b + ½: an integer stands for all numbers that round to it.
"""

from functools import lru_cache

import numpy as np
from scipy import stats


class OneMinusLog(stats.rv_continuous):
    """1 - x is log-uniform."""

    def _argcheck(self, low, high):
        return (low < high) & (high < 1)

    def _get_support(self, low, high):
        return low, high

    def _pdf(self, x, low, high):
        return 1 / ((1 - x) * np.log((1 - low) / (1 - high)))

    def _cdf(self, x, low, high):
        return np.log((1 - low) / (1 - x)) / np.log((1 - low) / (1 - high))

    def _ppf(self, q, low, high):
        return 1 - (1 - low) ** (1 - q) * (1 - high) ** q

    def _stats(self, low, high):
        mean, variance, skewness, kurtosis = stats.loguniform.stats(
            1 - high, 1 - low, moments="mvsk"
        )
        return 1 - mean, variance, -skewness, kurtosis


class LogUniformInteger(stats.rv_discrete):
    """A log-uniform number from a - ½ to b + ½, rounded."""

    def _argcheck(self, low, high):
        return (low >= 1) & (low <= high)

    def _get_support(self, low, high):
        return low, high

    def _pmf(self, k, low, high):
        return np.log((k + 0.5) / (k - 0.5)) / np.log((high + 0.5) / (low - 0.5))

    def _cdf(self, x, low, high):
        return np.log((np.floor(x) + 0.5) / (low - 0.5)) / np.log((high + 0.5) / (low - 0.5))

    def _ppf(self, q, low, high):
        start = low - 0.5
        k = np.ceil(start * ((high + 0.5) / start) ** q - 0.5)
        # Rounding must not miss by one: ppf(cdf(k)) is k.
        enough = (k > low) & (self._cdf(np.maximum(k - 1, low), low, high) >= q)
        return np.where(enough, k - 1, k)


one_minus_log = OneMinusLog(name="one_minus_log")
log_uniform_int = LogUniformInteger(name="log_uniform_int")
FAMILIES = {
    "LogUniform": stats.loguniform,
    "OneMinusLogUniform": one_minus_log,
    "LogUniformInt": log_uniform_int,
    "Uniform": stats.uniform,
    "UniformInt": stats.randint,
}


@lru_cache(maxsize=1024)  # freezing takes longer than a draw
def frozen(kind, low, high):
    """The scipy distribution of a kind with these bounds."""
    if kind == "Uniform":
        high = high - low  # scipy's scale
    if kind == "UniformInt":
        high = high + 1  # scipy leaves the upper bound out
    return FAMILIES[kind](low, high)
