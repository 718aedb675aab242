"""A fit that pauses, and goes on later as if it had never stopped.

A paused network predicts with its best weights so far. The fit that goes on must have the same
parameters and data; then the network is, to the bit, that of one fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from sknn_opt.training.monitor import Outcome
from sknn_opt.training.state import TrainingState


@dataclass
class Pause:
    """Where a fit is to pause, and what it goes on from.

    Attributes
    ----------
    share : float
        The share of its epochs after which it pauses, in (0, 1].
    state : TrainingState or None
        What to go on from. After the fit: where it paused, or None if it is over.
    trainer : callable or None
        Trains in place of the network's own trainer, with the same arguments.
    """

    share: float
    state: TrainingState | None = None
    trainer: Callable[..., Outcome] | None = None

    def after(self, epochs: float) -> float:
        """The epochs of all after which to pause."""
        return math.inf if self.share >= 1 else max(1, math.ceil(self.share * epochs))

    def keep(self, state: TrainingState | None) -> None:
        """Note where a fit paused; it will count its rows again."""
        self.state = state and state.copy()
        if self.state:
            self.state.weight_seen, self.state.class_totals = 0.0, None


def last_step(estimator):
    """The last step of a pipeline; any other estimator itself."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def pausable(estimator, *, more_rows=False):
    """The network of an estimator, or the last one of a pipeline, whose fit can pause; or None.

    With `more_rows` it must be able to go on with more rows than before.
    """
    estimator = last_step(estimator)
    can = getattr(estimator, "_can_pause", ())
    return estimator if ("rows" if more_rows else "epochs") in can else None
