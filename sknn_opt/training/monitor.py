"""What becomes of an epoch: history, score, the best weights, when to stop, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sknn_opt.nn.members import norms
from sknn_opt.nn.network import Weights
from sknn_opt.optim.schedules import goes_on_when_stalled
from sknn_opt.training.state import TrainingState

RESUMED = "resumed"  # what a listener says that went back from an epoch that came to nothing


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

    def end(self, state: TrainingState, weights: Weights | None) -> bool | str | None:
        """An epoch is over. Returns whether to stop.

        Without weights the epoch came to nothing; `RESUMED` then says that the listener put an
        earlier epoch back into the state.
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

    Of several members each has its own best epoch; they have stalled when the last one has.

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
        if state.members and state.best_epoch:
            return "best weights of each member"
        return f"weights of epoch {state.best_epoch}" if state.best_epoch else self.at_first

    def begin_epoch(self, state, weights):
        """Tell the listeners."""
        for listener in self.listeners:
            listener.begin(state, weights)

    def give_up_epoch(self, state):
        """Tell the listeners that the epoch came to nothing.

        Returns whether one of them went back to an earlier epoch, from which training can go on.
        """
        return RESUMED in [listener.end(state, None) for listener in self.listeners]

    def finish_epoch(self, state, row, weights, schedule=None):
        """Take in the row of an epoch. Returns an `Outcome` if training should end.

        A learning rate that falls when training stalls falls, and training goes on.
        """
        state.n_epochs += 1
        row = {"epoch": state.n_epochs, **row}
        if self.evaluate:
            row |= self.evaluate(weights)
        state.history.append(row)
        if state.members:
            self._judge_members(state, row, weights)
        else:
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
        for each in (state, *(state.members or ())):
            each.n_stalled = 0
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
            for each, (value, loss) in self._judged(state, found):
                if value is not None:
                    each.best_value, each.lowest_loss = value, loss
        if n_rows:
            return
        weights = state.predicting()
        found = evaluate(weights)
        value, loss = found["score"], found["validation_loss"]
        if state.members:
            self._judge_members(state, {"epoch": state.n_epochs, **found}, weights)
        elif value is not None and self._improves(state, value, loss):
            state.best, state.best_epoch = weights.copy(), state.n_epochs

    def _judged(self, state, found):
        """Whose epochs are judged, each with its score and loss; None where none are held out."""
        if not state.members:
            return [(state, (found["score"], found["validation_loss"]))]
        numbers = range(1, len(state.members) + 1)
        columns = [(found.get(f"score[{i}]"), found.get(f"validation_loss[{i}]")) for i in numbers]
        return zip(state.members, columns, strict=True)

    def _judge_members(self, state, row, weights):
        """Keep the weights of each member that are its best."""
        architecture = state.architecture
        if self.by_score:
            values = [value for _, (value, _) in self._judged(state, row)]
        else:
            matrices = {n: b for n, b in architecture.blocks.items() if n.startswith("W")}
            squares = norms(matrices, weights.theta) ** 2
            penalties = row["penalty"] * squares * len(squares) / (squares.sum() or 1.0)
            values = [-(row[f"loss[{i}]"] + penalty) for i, penalty in enumerate(penalties, 1)]
        state.best = state.best.copy() if state.best else weights.copy()
        for i, (each, value) in enumerate(zip(state.members, values, strict=True)):
            each.unit = state.unit
            loss = row.get(f"validation_loss[{i + 1}]")
            if value is not None and self._improves(each, value, loss):
                state.best.put(architecture, i, weights.of_member(architecture, i))
                each.best_epoch = row["epoch"]
        state.best_value = float(np.mean([each.best_value for each in state.members]))
        state.best_epoch = max(each.best_epoch for each in state.members)
        state.n_stalled = min(each.n_stalled for each in state.members)

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


def member_columns(name, values):
    """A column for each member, numbered from 1."""
    return {f"{name}[{i}]": None if v is None else float(v) for i, v in enumerate(values, 1)}


def total_loss(row):
    """The function that training descends, in an epoch: loss and penalty."""
    return row["loss"] + row["penalty"]
