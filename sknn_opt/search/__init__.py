"""Choosing hyperparameters: at random, on the right scale, coarse to fine.

- `search_space`: good ranges for our estimators, those that matter most first.
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
from sknn_opt.search.space import search_space
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
    "search_space",
]
