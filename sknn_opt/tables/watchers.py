"""A fit that is watched: by a clock that ends it in time, a line that shows its way, callbacks."""

import copy
import math
import warnings
from time import perf_counter

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sknn_opt.estimators.listeners import FitTask
from sknn_opt.tables.caller import warn_caller
from sknn_opt.training.symptoms import OTHER_SHARE, SMALL_VALIDATION_PART

TRAINING = 0.9  # of the time that a fit may take; the rest is for what follows
OURS = tuple(  # what a fit says of the share to hold out, where that was not the user's choice
    symptom.sentence.partition("{")[0].capitalize()
    for symptom in (SMALL_VALIDATION_PART, OTHER_SHARE)
)


def fit_in_time(estimator, network, started, data, options, task):
    """Fit the network of an estimator of tables, as that was asked for.

    The estimator's callbacks see its epochs as parts of the `task`, if there is one. Returns what
    held-out rows say, a function of weights, or None. Warnings are those of the caller's line.
    """
    watcher, bar, clock = Watcher(), None, None
    if estimator.max_time is not None:
        clock = Clock(TRAINING * estimator.max_time, started)
    if estimator.verbose:
        bar = ProgressBar()
    if task:
        task.train(network)
    network._listeners = [each for each in (clock, watcher, bar, task) if each]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            network.fit(*data, **options)
        finally:
            del network._listeners
            if bar:
                bar.close()
    if clock and clock.late:
        said = _LATE.format(estimator.max_time, clock.planned)
        warn_caller(said, ConvergenceWarning)
    unasked = "validation_fraction" not in (estimator.network_params or {})
    for warning in caught:
        lines = str(warning.message).split("\n")
        said = "\n".join(line for line in lines if not (unasked and line.startswith(OURS)))
        if said:
            warn_caller(said, warning.category)
    return watcher.evaluate


class Watcher:
    """Keeps what held-out rows say, a function of weights."""

    evaluate = None

    def begin(self, state, weights):
        """An epoch begins."""

    def end(self, state, weights):
        """An epoch is over. Returns whether to stop."""


class Clock(Watcher):
    """Lets training end before a time is up.

    After each epoch the plan becomes what the time allows at the pace so far, so that the learning
    rate still falls to 0. There is at least one epoch, and `late` says that there was no other.
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
        now, done = perf_counter(), max(1, state.n_epochs)
        left = self._seconds - (now - self._started)
        pace = (now - self._first) / done
        possible = done + math.floor(left / pace) if left > 0 else done
        state.time.max_iter = min(self.planned, possible)
        self.late = done == state.time.max_iter < self.planned and done == 1
        return done >= state.time.max_iter


class ProgressBar(Watcher):
    """One line that is written over and over: epochs, the loss on held-out rows, the time left."""

    WIDTH, LINE = 20, 70

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
        said = f"[{bar:<{self.WIDTH}}] epoch {done}/{of}, loss {loss:.4g}, {left:.0f} s left"
        print(f"\r{said:<{self.LINE}}", end="", flush=True)

    def close(self):
        """The fit is over."""
        print(flush=True)


class TableTask(FitTask):
    """The task of a fit of an estimator of tables, in which its network's epochs are tasks."""

    evaluate = None

    def train(self, network):
        """This network is trained now; with the encoder it makes a fitted estimator."""
        self.network = network
        self.attributes = lambda state, weights: {"network_": _stopped(network, state, weights)}

    def begin(self, state, weights):
        """An epoch begins; before the first of them the number that is planned is known."""
        if self._epoch is None:
            self.begin_fit(state.time.max_iter)
        super().begin(state, weights)


def _stopped(network, state, weights):
    """A network as if its training had stopped there, in the precision in which it predicts."""
    stopped, weights = copy.copy(network), weights.astype(np.float64)
    vars(stopped).update(network._attributes(state.copy(), weights, state.n_epochs, 0))
    del stopped._listeners
    return stopped


_LATE = (
    "max_time={} was up after the first of {} epochs, and the network has learned little: give "
    "more time, preset='fast', or fewer rows."
)
