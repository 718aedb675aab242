"""Choosing hyperparameters: at random, on the right scale, coarse to fine.

- `search_space`: good ranges for our estimators, those that matter most first.
- `LogUniform`, `OneMinusLogUniform`, `LogUniformInt`, `Uniform`, `UniformInt`, `Choice`, `ZeroOr`:
  what to draw from, for any search that takes distributions with ``rvs``, scikit-learn's too.
- `as_distribution`: the same from scipy's distributions and from lists.
- `parameter_importances`: which hyperparameters decided a search.
- `retest`: do its best ones still rank first on new data?
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
from sknn_opt.search.importances import parameter_importances
from sknn_opt.search.retest import retest
from sknn_opt.search.space import search_space

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
    "parameter_importances",
    "retest",
    "search_space",
]
