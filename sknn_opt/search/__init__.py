"""Choosing hyperparameters: at random, on the right scale, coarse to fine.

- `CoarseToFineSearchCV`: a search in rounds, which stops the hopeless early.
- `search_space`: good ranges for our estimators, those that matter most first.
- `LogUniform`, `OneMinusLogUniform`, `LogUniformInt`, `Uniform`, `UniformInt`, `Choice`, `ZeroOr`:
  what to draw from, for any search that takes distributions with ``rvs``, scikit-learn's too.
- `TrainingWatch`: curves of one training while it runs, and a hand on it: rate, back, stop.
- `as_distribution`: the same from scipy's distributions and from lists.
- `parameter_importances`: which hyperparameters decided a search.
- `retest`: do its best ones still rank first on new data?
"""

from sknn_opt.search.coarse_to_fine import CoarseToFineSearchCV
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
from sknn_opt.search.watch import TrainingWatch

__all__ = [
    "Choice",
    "CoarseToFineSearchCV",
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
    "parameter_importances",
    "retest",
    "search_space",
]
