"""Choosing hyperparameters, and watching one training while it runs.

- `TrainingWatch`: curves of a training while it runs, and a hand on it: rate, back, stop.
"""

from sknn_opt.search.watch import TrainingWatch

__all__ = ["TrainingWatch"]
