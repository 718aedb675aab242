"""Minibatch training: one function for one epoch, one for all of them."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from sknn_opt.optim.schedules import SCHEDULES, ScheduleInput, can_slow_down
from sknn_opt.training.progress import Outcome, Snapshot


@dataclass
class Settings:
    """The knobs of the loop, named as the estimators' parameters are."""

    alpha: float
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    n_iter_no_change: float
    shuffle: bool
    batch_norm_momentum: float
    verbose: bool


@dataclass
class Training:
    """A network in training: what moves it, and how far it has come."""

    network: object
    optimizer: object
    state: dict
    streams: object
    settings: Settings
    rate: float
    n_rows_seen: int = 0

    def run_epoch(self, batches):
        """One pass over the data. Returns its mean loss; NaN or inf as soon as a batch gives it.

        The loss that counts for an epoch is the mean over its batches, each before its own step.
        """
        network, settings, total = self.network, self.settings, 0.0
        keep = float(settings.batch_norm_momentum)
        for X, y, weight in batches.epoch(self.streams.shuffle if settings.shuffle else None):
            m = X.shape[0]
            network.draw_masks(self.streams.dropout, X)
            penalty = settings.alpha / (m * batches.mean_weight)
            loss = network.loss_and_gradient(X, y, weight, 1 / m, penalty)
            if not math.isfinite(loss):
                self.failed_batch = X, y
                return loss
            # A batch moves the running statistics by the weight it has of a full one.
            share = (m if weight is None else weight.sum().item()) / batches.size
            network.update_running(1 - keep ** min(share, 1.0))
            self.optimizer.step(network.theta, network.grad, self.state, self.rate)
            total += loss * m
        self.failed_batch = X, y
        self.n_rows_seen += batches.n_given
        finite = np.isfinite(network.theta).all() and np.isfinite(network.statistics).all()
        return total / batches.n_rows if finite else math.nan

    def next_rate(self, stalled):
        """Set the learning rate of the next epoch."""
        s = self.settings
        progress = ScheduleInput(
            s.learning_rate_init, self.rate, self.n_rows_seen, stalled, s.power_t
        )
        self.rate = SCHEDULES[s.learning_rate](progress)


def train(training, batches, progress, score=None):
    """Train until the loss, or the validation score, no longer improves. Returns an `Outcome`.

    `score` is a function without arguments that scores the network as it is on held-out rows. With
    it, and after a divergence or an interrupt, the network is left at its best epoch.
    """
    start = Snapshot.of(training.network)
    settings, outcome = training.settings, None
    with np.errstate(all="ignore"):  # overflow shows as a loss that is not finite
        try:
            for epoch in range(1, settings.max_iter + 1):
                loss = training.run_epoch(batches)
                if not math.isfinite(loss):
                    outcome = Outcome(
                        "diverged", explain_divergence(training, epoch, loss, _kept(progress))
                    )
                    break
                progress.record(loss, score and score(), training.network)
                if settings.verbose:
                    _print_epoch(epoch, progress)
                stalled = progress.n_stalled > settings.n_iter_no_change
                if stalled and not can_slow_down(settings.learning_rate, training.rate):
                    outcome = Outcome("converged")
                    break
                if stalled:
                    progress.n_stalled = 0
                training.next_rate(stalled)
        except KeyboardInterrupt:
            if progress.best is None:
                raise  # nothing worth keeping yet
            outcome = Outcome("interrupted", f"Interrupted; the {_kept(progress)} are kept.")
    if score or (outcome and outcome.reason in ("diverged", "interrupted")):
        (progress.best or start).restore(training.network)
    return outcome or Outcome("max_iter", _not_converged(settings.max_iter))


def _print_epoch(epoch, progress):
    print(f"Iteration {epoch}, loss = {progress.losses[-1]:.8f}")
    if progress.scores:
        print(f"Validation score: {progress.scores[-1]:f}")


def _not_converged(max_iter):
    return (
        f"Training stopped at max_iter={max_iter} epochs before it converged, that is, before it "
        "had stopped improving by more than tol. Raise max_iter, or the learning rate."
    )


def explain_divergence(training, epoch, loss, kept):
    """One sentence on what happened, one on the likely cause, one on what is kept."""
    X, y = training.failed_batch
    X = X.data if issparse(X) else X
    largest_x, largest_y = (float(np.abs(a).max(initial=0)) for a in (X, y))
    if not largest_x < 1e3:
        cause = (
            f"the inputs are not scaled (one is {largest_x:.3g} in {X.dtype}); "
            "put InputNormalizer() before the network"
        )
    elif y.dtype.kind == "f" and not largest_y < 1e3:
        cause = (
            f"the targets are not scaled (one is {largest_y:.3g} in {y.dtype}); "
            "divide y by its standard deviation"
        )
    else:
        cause = f"learning_rate_init={training.settings.learning_rate_init:g} is too large"
    return (
        f"Training diverged in epoch {epoch}: the loss became {loss}. Likely cause: {cause}. "
        f"The {kept} are kept."
    )


def _kept(progress):
    return f"weights of epoch {progress.best_epoch}" if progress.best else "initial weights"
