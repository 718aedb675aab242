"""Choosing hyperparameters: at random, on the right scale, coarse to fine.

- `LogUniform`, `OneMinusLogUniform`, `LogUniformInt`, `Uniform`, `UniformInt`, `Choice`, `ZeroOr`:
  what to draw from, for any search that takes distributions with ``rvs``, scikit-learn's too.
- `as_distribution`: the same from scipy's distributions and from lists.
- `TrainingWatch`: curves of a training while it runs, and a hand on it: rate, back, stop.
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
from sknn_opt.search.watch import TrainingWatch

__all__ = [
    "Choice",
    "Distribution",
    "LogUniform",
    "LogUniformInt",
    "OneMinusLogUniform",
    "Quantiles",
    "TrainingWatch",
    "Uniform",
    "UniformInt",
    "ZeroOr",
    "as_distribution",
]
