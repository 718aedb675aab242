"""Optimizers and learning-rate schedules: they move a flat vector θ and know nothing of layers.

Each optimizer also works as a method of `scipy.optimize.minimize`:

>>> from scipy.optimize import minimize
>>> from sknn_opt.optim import Adam
>>> result = minimize(
...     lambda w: w @ w - 10 * w.sum() + 25, [0.0], jac=lambda w: 2 * w - 10,
...     method=Adam(learning_rate=0.1),
... )
>>> round(result.x.item(), 4)
5.0
"""

from sknn_opt.optim.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop
from sknn_opt.optim.schedules import (
    SCHEDULES,
    Cosine,
    Exponential,
    FadeOut,
    OneCycle,
    Schedule,
    Step,
    TrainingTime,
)

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Optimizer", "RMSprop"]
__all__ += ["SCHEDULES", "Cosine", "Exponential", "FadeOut", "OneCycle", "Schedule", "Step"]
__all__ += ["TrainingTime"]
