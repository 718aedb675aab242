"""What becomes of an epoch: history, score, the best weights, when to stop, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sknn_opt.nn.network import Weights
from sknn_opt.optim.schedules import goes_on_when_stalled
from sknn_opt.training.state import TrainingState


@dataclass
class Outcome:
    """How a training ended.

    `reason` is "converged", "stopped", "max_iter", "stuck", "diverged", "interrupted" or, of one
    pass, "passed"; `message` says it to the user ("" where there is nothing to say).
    """

    reason: str
    message: str = ""


class Listener(Protocol):
    """Who wants to know of each epoch."""

    def begin(self, state: TrainingState, weights: Weights) -> None:
        """An epoch begins, with these weights."""

    def end(self, state: TrainingState, weights: Weights | None) -> bool | None:
        """An epoch is over. Returns whether to stop.

        Without weights the epoch came to nothing.
        """


@dataclass
class Monitor:
    """Judges each epoch, and keeps what it finds in the state.

    With `by_score` the best epoch is the one that scores highest on held-out rows, otherwise the
    one of lowest training loss, penalty included; the last of equals wins. Training has stalled
    when more than `patience` epochs have passed since the last improvement by more than `tol` times
    the state's `unit`. For scores that are no losses (`is_loss` is false)
    it is `tol` times the best score so far. Multiplying targets by 1000 then changes no decision.

    Scores of few rows have many equals: an average precision of 1 that stays is no reason to stop
    while the loss on the same rows still falls.

    Attributes
    ----------
    evaluate : callable or None
        What a validation set adds to a row of the history, as a function of weights.
    listeners : sequence of Listener
    at_first : str
        What the weights were before the first epoch.
    """

    tol: float
    patience: float = np.inf
    by_score: bool = False
    is_loss: bool = True
    evaluate: Callable[[Weights], dict] | None = None
    listeners: Sequence[Listener] = ()
    at_first: str = "initial weights"

    def kept(self, state):
        """Which weights a training that breaks off now leaves."""
        return f"weights of epoch {state.best_epoch}" if state.best_epoch else self.at_first

    def begin_epoch(self, state, weights):
        """Tell the listeners."""
        for listener in self.listeners:
            listener.begin(state, weights)

    def give_up_epoch(self, state):
        """Tell the listeners that the epoch came to nothing."""
        for listener in self.listeners:
            listener.end(state, None)

    def finish_epoch(self, state, row, weights, schedule=None):
        """Take in the row of an epoch. Returns an `Outcome` if training should end.

        A learning rate that falls when training stalls falls, and training goes on.
        """
        state.n_epochs += 1
        row = {"epoch": state.n_epochs, **row}
        if self.evaluate:
            row |= self.evaluate(weights)
        state.history.append(row)
        value = row["score"] if self.by_score else -(row["loss"] + row["penalty"])
        # With held-out rows, an epoch without a score decides nothing.
        improved = value is not None and self._improves(state, value, row["validation_loss"])
        if improved or state.best is None:
            state.best, state.best_epoch = weights.copy(), row["epoch"]
        asked_to_stop = False
        for listener in self.listeners:
            asked_to_stop |= bool(listener.end(state, weights))
        if asked_to_stop:
            return Outcome("stopped")
        if state.n_stalled <= self.patience:
            return None
        if not goes_on_when_stalled(schedule, row["learning_rate"], self.by_score):
            return Outcome("converged")
        state.n_stalled = 0
        state.time.n_stalls += 1
        return None

    def begin_call(self, state, evaluate, n_rows):
        """Judge what a stream has, on the rows that are held out now.

        The best weights so far are scored again: a score on a few easy rows would never be beaten.
        In a call without rows to train on, the latest ones are judged now.
        """
        self.evaluate = evaluate
        if state.best:
            found = evaluate(state.best)
            if found["score"] is not None:
                state.best_value, state.lowest_loss = found["score"], found["validation_loss"]
        if not n_rows:
            weights = state.predicting()
            found = evaluate(weights)
            value = found["score"]
            if value is not None and self._improves(state, value, found["validation_loss"]):
                state.best, state.best_epoch = weights.copy(), state.n_epochs

    def _improves(self, state, value, validation_loss):
        """Whether a value is the best so far; counts the epochs without a real improvement."""
        best = state.best_value
        if best == -np.inf:
            moves_on = True
        else:
            margin = self.tol * (state.unit if self.is_loss else abs(best))
            moves_on = value > best and value - best >= margin
        if not self.is_loss:
            lower = validation_loss < state.lowest_loss - self.tol * state.unit
            moves_on |= lower and value == best
            state.lowest_loss = min(state.lowest_loss, validation_loss)
        state.n_stalled = 0 if moves_on else state.n_stalled + 1
        state.best_value = max(value, best)
        return value >= best


def total_loss(row):
    """The function that training descends, in an epoch: loss and penalty."""
    return row["loss"] + row["penalty"]
