"""One fit that is watched: what it showed so far, what it was asked for, and how that is done.

A wish may come from a rule, another thread or the keyboard. It is granted between two epochs, in
the thread that trains, so that each epoch is one thing or the other.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np

from sknn_opt._sklearn import safe_indexing
from sknn_opt.checks.signals.check import signal_report
from sknn_opt.optim.schedules import SCHEDULES
from sknn_opt.training.monitor import RESUMED
from sknn_opt.training.snapshots import Snapshots, forget_stall

COLUMNS = {"rate": "new_rate", "back": "back_to", "stop": "stopped"}  # of the history
SHARE = 0.05  # of the time that training took may go into looks at the signals
FIRST_LOOK = 0.005  # seconds that a look is thought to take before there was one
N_ROWS = 100  # that the signals are followed with
LBFGS = (
    "{} cannot be asked of solver='lbfgs', which chooses each step by itself from those before: "
    "only stop works; for the others train with 'adam', 'adamw', 'rmsprop' or 'sgd'."
)


@dataclass
class Record:
    """What a fit showed."""

    history: list[dict] = field(default_factory=list)
    interventions: list[dict] = field(default_factory=list)
    signals: list[dict] = field(default_factory=list)
    seconds: dict[str, float] = field(
        default_factory=lambda: {"training": 0.0, "snapshots": 0.0, "signals": 0.0, "display": 0.0}
    )


class Watched:
    """The listener of one fit, for a `TrainingWatch`."""

    def __init__(self, watch, task, screen, keyboard):
        self.task, self.screen, self.record, self.state = task, screen, Record(), None
        self.is_open, self._watch, self._keyboard = True, watch, keyboard
        self._snapshots, self._asked = Snapshots(watch.memory), deque()
        self._granted = {"rate": self._set_rate, "scale": self._scale_rate, "back": self._go_back}
        self._rows, self._first_took, self._since = None, None, perf_counter()

    # Told by the trainer ----------------------------------------------------------------------

    def begin(self, state, weights):
        """An epoch begins; the first of them can be gone back to as well."""
        if self.state is None:
            self.state, self.record.history = state, state.history
            self.first, self.planned = state.n_epochs, state.n_epochs + state.time.max_iter
            self._keyboard.open()
            if self._turns_back():
                self._timed("snapshots", self._snapshots.take, state)
            self._timed("display", self.screen.open, self)
        self._since = perf_counter()

    def end(self, state, weights):
        """An epoch is over. Returns whether to stop, or `RESUMED`."""
        self.record.seconds["training"] += perf_counter() - self._since
        is_lost = weights is None
        row = _lost(state) if is_lost else state.history[-1]
        if not is_lost:
            if self._turns_back():
                self._timed("snapshots", self._snapshots.take, state)
            if self._is_time_to_look(row["epoch"] - self.first):
                self._timed("signals", self._look, state, weights)
        if self._keyboard.was_pressed:
            self.screen.pause()
            self._keyboard.ask(row, self._watch)
        if self._watch.rule is not None:
            self._watch.rule(dict(row), self._watch)
        wishes = self._grant(state)
        self._timed("display", self.screen.show, self, row, wishes)
        stop = "stop" in wishes
        return RESUMED if is_lost and "back" in wishes and not stop else stop

    def close(self, *, failed=False):
        """The fit is over, or has failed."""
        if self.is_open:
            self.is_open = False
            self._snapshots.clear()
            self._keyboard.close()
            if failed:
                self.screen.pause()
            elif self.state is not None:
                self.screen.close(self)

    def _timed(self, what, call, *args):
        started = perf_counter()
        call(*args)
        self.record.seconds[what] += perf_counter() - started

    # What is asked for ------------------------------------------------------------------------

    @property
    def epochs(self):
        """Those that can be gone back to."""
        return self._snapshots.epochs

    @property
    def best_epoch(self):
        """The best so far; before the first, the one before it."""
        return max(self.state.best_epoch, self.first)

    def ask_rate(self, what, value):
        """Ask for another learning rate: `what` is "rate" or "scale".

        Raises
        ------
        ValueError
            If it cannot be.
        """
        if not self._turns_back():
            raise ValueError(LBFGS.format("Another learning rate"))
        initial = self.state.time.initial_rate
        now, doubled = self._plan(initial), self._plan(2 * initial)
        if not now > 0 or not math.isclose(doubled, 2 * now, rel_tol=1e-6):
            raise ValueError(
                f"learning_rate={self.task.network.learning_rate!r} does not follow the "
                f"time.initial_rate it is given (of {initial:g} it makes {now:g}, of twice as much "
                f"{doubled:g}), so that nobody can steer it: let it return a multiple of that."
            )
        self._asked.append((what, value))

    def ask_back(self, epoch):
        """Ask for an earlier epoch; None is the best.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not self._turns_back():
            raise ValueError(LBFGS.format("An earlier epoch"))
        epoch, last = self.best_epoch if epoch is None else epoch, self.state.n_epochs
        if not self.first <= epoch <= last:
            raise ValueError(
                f"There is no epoch {epoch} to go back to: give one from {self.first}, which is "
                f"before the first, to {last}."
            )
        self._asked.append(("back", epoch))

    def ask_stop(self):
        """Ask for the end."""
        self._asked.append(("stop", None))

    def _turns_back(self):
        return self.task.network.solver != "lbfgs"

    def _plan(self, initial_rate):
        """The learning rate that the schedule has now for such a first one, warm-up apart."""
        schedule = self.task.network.learning_rate
        schedule = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
        return float(schedule(replace(self.state.time, initial_rate=initial_rate)))

    # How it is done ---------------------------------------------------------------------------

    def _grant(self, state):
        """Do what was asked for. Returns what that was."""
        wishes = []
        while self._asked:
            what, value = self._asked.popleft()
            if what in self._granted:
                value = self._granted[what](state, value)
            what = "rate" if what == "scale" else what
            wishes.append(what)
            done = {"epoch": state.n_epochs, "what": what, "value": value}
            self.record.interventions.append(done)
            if state.n_epochs > self.first:
                state.history[-1][COLUMNS[what]] = True if value is None else value
        return wishes

    def _set_rate(self, state, rate):
        time = state.time
        time.initial_rate = rate * (time.initial_rate / self._plan(time.initial_rate))
        forget_stall(state)
        return self._plan(time.initial_rate)

    def _scale_rate(self, state, factor):
        state.time.initial_rate *= factor
        forget_stall(state)
        return self._plan(state.time.initial_rate)

    def _go_back(self, state, epoch):
        kept = self._snapshots.nearest(epoch)
        self._snapshots.put_back(kept, state)
        return kept

    # The signals ------------------------------------------------------------------------------

    def _is_time_to_look(self, n_epochs):
        every, seconds = self._watch.signals_every, self.record.seconds
        if every is None:
            return False
        if every != "auto":
            return n_epochs % every == 0
        if not self.record.signals:
            return SHARE * seconds["training"] >= FIRST_LOOK
        if self._first_took is None:  # with what is loaded once in a process
            self._first_took = seconds["signals"]
        spent, n_more = seconds["signals"] - self._first_took, len(self.record.signals) - 1
        one = spent / n_more if n_more else FIRST_LOOK
        return spent + FIRST_LOOK + one <= SHARE * seconds["training"]

    def _look(self, state, weights):
        """What check_signals says of these weights, on a few rows."""
        stopped, epoch = self.task.estimator_at(state, weights), state.n_epochs
        try:
            if self._rows is None:
                self._rows = [safe_indexing(part, _few(self.task.y)) for part in self._data()]
            report = signal_report(stopped, *self._rows, initial=False)
        except (TypeError, ValueError) as error:  # such as: no hidden layer
            found = {"verdict": "unknown", "finding": str(error)}
        else:
            findings = report.findings
            found = {"verdict": report.verdict, "finding": str(findings[0]) if findings else ""}
        self.record.signals.append({"epoch": epoch, **found})

    def _data(self):
        return self.task.X, self.task.y


def _few(y):
    """The numbers of a few rows, the same ones each time."""
    n_rows = y.shape[0] if hasattr(y, "shape") else len(y)
    if n_rows <= N_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, N_ROWS, replace=False))


def _lost(state):
    """A row for an epoch that came to nothing."""
    names = "loss", "penalty", "validation_loss", "score", "learning_rate", "gradient_norm"
    row = dict.fromkeys((*names, "seconds")) | {"loss": math.nan, "penalty": math.nan}
    return {"epoch": state.n_epochs + 1, **row}
