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
    epochs since the last improvement by more than `tol` times `unit`, a loss to compare with. For
    scores that are no losses (`is_loss` is false) it is `tol` times the best score so far.
    Multiplying targets by 1000 then changes no decision.

    Scores of few rows have many equals: an average precision of 1 that stays is no reason to stop
    while the loss on the same rows still falls.

    Attributes
    ----------
    history : list of dict
        One row an epoch, of earlier fits first where they are continued.
    at_first : str
        What the weights were before the first epoch.
    """

    tol: float
    unit: float = 1.0
    by_score: bool = False
    is_loss: bool = True
    history: list = field(default_factory=list)
    best_value: float = -np.inf
    lowest_loss: float = np.inf
    n_stalled: int = 0
    best: Snapshot | None = None
    best_epoch: int = 0
    at_first: str = "initial weights"

    @property
    def kept(self):
        """Which weights a training that breaks off now leaves."""
        return f"weights of epoch {self.best_epoch}" if self.best_epoch else self.at_first

    def record(self, row, point):
        """Take in one epoch; copy the point if it is the best so far.

        With `by_score`, an epoch without a score (no row was held out) changes neither the best
        point nor the count of stalled epochs.
        """
        row = {"epoch": len(self.history) + 1, **row}
        self.history.append(row)
        value = row["score"] if self.by_score else -total_loss(row)
        improved = value is not None and self._take(value, row.get("validation_loss"))
        if improved or self.best is None:
            self.best, self.best_epoch = point.copy(), row["epoch"]

    def _take(self, value, validation_loss):
        best = self.best_value
        if best == -np.inf:
            moves_on = True
        else:
            margin = self.tol * (self.unit if self.is_loss else abs(best))
            moves_on = value > best and value - best >= margin
        if not self.is_loss:
            lower = validation_loss < self.lowest_loss - self.tol * self.unit
            moves_on |= lower and value == best
            self.lowest_loss = min(self.lowest_loss, validation_loss)
        self.n_stalled = 0 if moves_on else self.n_stalled + 1
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
