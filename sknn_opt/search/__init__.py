"""Choosing hyperparameters: at random, on the right scale, coarse to fine.

- `LogUniform`, `OneMinusLogUniform`, `LogUniformInt`, `Uniform`, `UniformInt`, `Choice`, `ZeroOr`:
  what to draw from, for any search that takes distributions with ``rvs``, scikit-learn's too.
- `as_distribution`: the same from scipy's distributions and from lists.
"""

from sknn_opt.search.distributions import (
    Choice,
    Distribution,
    LogUniform,
    LogUniformInt,
    OneMinusLogUniform,
    Quantiles,
    Uniform,
    UniformInt,
    ZeroOr,
    as_distribution,
)

__all__ = [
    "Choice",
    "Distribution",
    "LogUniform",
    "LogUniformInt",
    "OneMinusLogUniform",
    "Quantiles",
    "Uniform",
    "UniformInt",
    "ZeroOr",
    "as_distribution",
]
