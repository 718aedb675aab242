"""What training remembers from epoch to epoch: losses, scores, the best weights, when to stop."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Snapshot:
    """A copy of a network's numbers."""

    theta: np.ndarray
    statistics: np.ndarray

    @classmethod
    def of(cls, network):
        """Copy θ and the running statistics."""
        return cls(network.theta.copy(), network.statistics.copy())

    def restore(self, network):
        """Write them back."""
        network.theta[...] = self.theta
        network.statistics[...] = self.statistics


@dataclass
class Progress:
    """The course of a training and its best point so far.

    With `by_score` the best epoch is the one that scores highest on held-out rows, otherwise the
    one of lowest training loss. `n_stalled` counts the epochs since the last improvement by `tol`.
    """

    tol: float
    by_score: bool = False
    losses: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    best_loss: float = np.inf
    best_score: float = -np.inf
    n_stalled: int = 0
    best: Snapshot | None = None
    best_epoch: int = 0

    def record(self, loss, score, network):
        """Take in one epoch; copy the network if it is the best so far.

        With `by_score`, an epoch without a score (no row was held out) changes neither the best
        point nor the count of stalled epochs.
        """
        self.losses.append(loss)
        improved = self._take_score(score) if self.by_score else self._take_loss(loss)
        if improved or self.best is None:
            self.best, self.best_epoch = Snapshot.of(network), len(self.losses)

    def _take_loss(self, loss):
        self._count(stalled=loss > self.best_loss - self.tol)
        improved = loss < self.best_loss
        self.best_loss = min(self.best_loss, loss)
        return improved

    def _take_score(self, score):
        if score is None:
            return False
        self.scores.append(score)
        self._count(stalled=score < self.best_score + self.tol)
        improved = score > self.best_score
        self.best_score = max(self.best_score, score)
        return improved

    def _count(self, stalled):
        self.n_stalled = self.n_stalled + 1 if stalled else 0


@dataclass
class Outcome:
    """How a training ended.

    `reason` is "converged", "max_iter", "diverged" or "interrupted"; `message` says it to the user
    ("" where there is nothing to say).
    """

    reason: str
    message: str = ""
