"""What training remembers from epoch to epoch: its history, the best weights, when to stop."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Snapshot:
    """A network's numbers."""

    theta: np.ndarray
    statistics: np.ndarray

    def copy(self):
        """Arrays of its own."""
        return Snapshot(self.theta.copy(), self.statistics.copy())


@dataclass
class Progress:
    """The course of a training and its best point so far.

    With `by_score` the best epoch is the one that scores highest on held-out rows, otherwise the
    one of lowest training loss, penalty included; the last of equals wins. `n_stalled` counts the
    epochs since the last improvement by more than `tol` times `unit`. Without a unit, that is, for
    scores that are no losses, it is `tol` times the best score so far: multiplying targets by 1000
    then changes no decision.

    Attributes
    ----------
    history : list of dict
        One row an epoch, of earlier fits first where they are continued.
    """

    tol: float
    unit: float | None = 1.0
    by_score: bool = False
    history: list = field(default_factory=list)
    best_value: float = -np.inf
    n_stalled: int = 0
    best: Snapshot | None = None
    best_epoch: int = 0

    def record(self, row, point):
        """Take in one epoch; copy the point if it is the best so far.

        With `by_score`, an epoch without a score (no row was held out) changes neither the best
        point nor the count of stalled epochs.
        """
        row = {"epoch": len(self.history) + 1, **row}
        self.history.append(row)
        value = row["score"] if self.by_score else -total_loss(row)
        improved = value is not None and self._take(value)
        if improved or self.best is None:
            self.best, self.best_epoch = point.copy(), row["epoch"]

    def _take(self, value):
        best = self.best_value
        if best == -np.inf:
            self.n_stalled = 0
        else:
            margin = self.tol * (abs(best) if self.unit is None else self.unit)
            gain = value - best
            self.n_stalled = 0 if gain > 0 and gain >= margin else self.n_stalled + 1
        self.best_value = max(value, best)
        return value >= best


def total_loss(row):
    """The function that training descends, in an epoch: loss and penalty."""
    return row["loss"] + row["penalty"]


@dataclass
class Outcome:
    """How a training ended.

    `reason` is "converged", "stopped", "max_iter", "stuck", "diverged" or "interrupted"; `message`
    says it to the user ("" where there is nothing to say).
    """

    reason: str
    message: str = ""
