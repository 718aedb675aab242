"""Who watches a fit from outside: a clock that ends it in time, and a line that shows its way."""

import math
import sys
from time import perf_counter


class Watcher:
    """Keeps what held-out rows say, a function of weights."""

    evaluate = None

    def begin(self, state, weights):
        """An epoch begins."""

    def end(self, state, weights):
        """An epoch is over. Returns whether to stop."""


class Clock(Watcher):
    """Lets training end before a time is up.

    After each epoch the plan is cut to what the time allows at the pace so far, so that the
    learning rate still falls to 0. There is at least one epoch.
    """

    def __init__(self, seconds, started):
        self._seconds, self._started = seconds, started
        self._first, self.planned, self.late = None, None, False

    def begin(self, state, weights):
        """An epoch begins."""
        if self._first is None:
            self._first, self.planned = perf_counter(), state.time.max_iter

    def end(self, state, weights):
        """An epoch is over. Returns whether to stop."""
        now = perf_counter()
        left = self._seconds - (now - self._started)
        pace = (now - self._first) / max(1, state.n_epochs)
        self.late = left < 0 and state.n_epochs == 1
        possible = state.n_epochs + max(0, math.floor(left / pace))
        state.time.max_iter = max(1, min(state.time.max_iter, possible))
        return state.n_epochs >= state.time.max_iter


class ProgressBar(Watcher):
    """One line that is written over and over: epochs, the loss on held-out rows, the time left."""

    WIDTH = 20

    def __init__(self):
        self._started = perf_counter()

    def end(self, state, weights):
        """An epoch is over."""
        if weights is None:
            return
        done, of = state.n_epochs, max(state.n_epochs, state.time.max_iter)
        row, bar = state.history[-1], "#" * round(self.WIDTH * done / of)
        loss = row["loss"] if row["validation_loss"] is None else row["validation_loss"]
        left = (perf_counter() - self._started) / done * (of - done)
        print(
            f"\r[{bar:<{self.WIDTH}}] epoch {done}/{of}, loss {loss:.4f}, {left:.0f} s left  ",
            end="" if done < of else "\n",
            file=sys.stdout,
            flush=True,
        )
