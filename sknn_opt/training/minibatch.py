"""Minibatch training: one function for one step, one for an epoch, one for all of them."""

import math
from dataclasses import dataclass
from numbers import Real
from time import perf_counter

import numpy as np
from scipy.sparse import issparse

from sknn_opt.optim.schedules import TrainingTime, goes_on_when_stalled, runs_its_course, warm_up
from sknn_opt.training.averaging import Average
from sknn_opt.training.progress import Outcome, Snapshot, total_loss


@dataclass
class Settings:
    """The knobs of the loop, named as the estimators' parameters are."""

    alpha: float
    max_iter: int
    n_iter_no_change: float
    shuffle: bool
    batch_norm_momentum: float
    warmup_epochs: float
    max_grad_norm: float | None
    verbose: bool


@dataclass
class Training:
    """A network in training: what moves it, and how far it has come.

    `running_weight` is the weight of all rows in batch norm's running statistics, older batches
    counting less, in the user's unit of weights.
    """

    network: object
    optimizer: object
    state: dict
    streams: object
    settings: Settings
    schedule: object
    time: TrainingTime
    average: Average | None = None
    running_weight: float = 0.0
    rate: float = 0.0

    @property
    def point(self):
        """The weights that would predict if training stopped now (not a copy)."""
        if self.average:
            return self.average.point
        return Snapshot(self.network.theta, self.network.statistics)

    def run_epoch(self, batches):
        """One pass over the data. Returns its row of the history.

        The loss that counts for an epoch is the mean over its batches, each before its own step;
        NaN or inf as soon as a batch gives it.
        """
        started, epoch = perf_counter(), self.time.epoch
        loss = penalty = norm = 0.0
        rng = self.streams.shuffle if self.settings.shuffle else None
        for k, batch in enumerate(batches.epoch(rng)):
            self.time.epoch = epoch + k / batches.n_batches
            total, of_penalty, of_gradient = self._step(batch, batches)
            if not math.isfinite(total):
                loss = total
                break
            share = batch[0].shape[0] / batches.n_rows
            loss += (total - of_penalty) * share
            penalty += of_penalty * share
            norm += of_gradient / batches.n_batches
        self.failed_batch = batch
        self.time.epoch = epoch + 1
        self.time.n_rows_seen += batches.n_rows
        if not self._is_finite():
            loss = math.nan
        return {
            "loss": loss, "penalty": penalty, "validation_loss": None, "score": None,
            "learning_rate": self.rate, "gradient_norm": norm, "seconds": perf_counter() - started,
        }  # fmt: skip

    def _step(self, batch, batches):
        """One step. Returns loss and penalty together, the penalty, and the gradient's norm."""
        (X, y, weight), network = batch, self.network
        m = X.shape[0]
        network.draw_masks(self.streams.dropout, X)
        penalty = self.settings.alpha / (m * batches.mean_weight)
        total = network.loss_and_gradient(X, y, weight, 1 / m, penalty)
        if not math.isfinite(total):
            return total, 0.0, 0.0
        norm = network.grad_norm
        if self.settings.max_grad_norm and norm > self.settings.max_grad_norm:
            network.grad *= float(self.settings.max_grad_norm / norm)
        given = float(m if weight is None else weight.sum()) * batches.mean_weight
        self._update_running(given)
        self.rate = self._rate(1 / batches.n_batches)
        self.optimizer.step(network.theta, network.grad, self.state, self.rate)
        if self.average:
            self.average.update(network)
        return total, network.penalty_term, norm

    def _update_running(self, weight):
        """Weigh the batch against all before it, which the momentum makes count less and less."""
        if self.network.batch_norms and weight > 0:
            keep = float(self.settings.batch_norm_momentum)
            self.running_weight = keep * self.running_weight + weight
            self.network.update_running(weight / self.running_weight)

    def _rate(self, one_step):
        """The learning rate of this step, which ends at epoch time.epoch + one_step."""
        rate = self.schedule(self.time)
        if not (isinstance(rate, (float, int, Real)) and 0 <= rate < math.inf):  # float is fast
            raise ValueError(
                f"learning_rate returned {rate!r} for epoch {self.time.epoch:g}; a schedule must "
                "return the learning rate of the next step, a finite number >= 0."
            )
        return float(rate) * warm_up(self.time.epoch + one_step, self.settings.warmup_epochs)

    def _is_finite(self):
        return all(np.isfinite(v).all() for v in (self.network.theta, self.network.statistics))


def train(training, batches, progress, evaluate=None, watcher=None):
    """Train until the loss, or the validation score, no longer improves.

    `evaluate(point)` gives what a validation set adds to a row of the history. `watcher` is told
    when an epoch begins and ends, and may ask to stop. Returns an `Outcome`; the best point
    is ``progress.best``.
    """
    settings, outcome = training.settings, None
    with np.errstate(all="ignore"):  # overflow shows as a loss that is not finite
        try:
            while outcome is None and training.time.epoch < settings.max_iter:
                outcome = _one_epoch(training, batches, progress, evaluate, watcher)
        except KeyboardInterrupt:
            if progress.best is None:
                raise  # nothing worth keeping yet
            outcome = Outcome("interrupted", f"Interrupted; the {progress.kept} are kept.")
    if outcome is None and runs_its_course(training.schedule):
        outcome = Outcome("converged")
    return outcome or Outcome("max_iter", _not_converged(settings.max_iter))


def _one_epoch(training, batches, progress, evaluate, watcher):
    """Train for one epoch. Returns an outcome if it was the last one."""
    if watcher:
        watcher.begin(training.point, progress)
    row = training.run_epoch(batches)
    if not math.isfinite(row["loss"]):
        if watcher:
            watcher.end(None, progress)
        epoch = len(progress.history) + 1
        message = explain_divergence(training, epoch, row["loss"], progress.kept)
        return Outcome("diverged", message)
    if evaluate:
        row |= evaluate(training.point)
    progress.record(row, training.point)
    if training.settings.verbose:
        print_epoch(progress.history[-1])
    if watcher and watcher.end(training.point, progress):
        return Outcome("stopped")
    if progress.n_stalled > training.settings.n_iter_no_change:
        if not goes_on_when_stalled(training.schedule, training.rate, progress.by_score):
            return Outcome("converged")
        progress.n_stalled = 0
        training.time.n_stalls += 1
    return None


def print_epoch(row):
    """What ``verbose`` shows."""
    print(f"Iteration {row['epoch']}, loss = {total_loss(row):.8f}")
    if row["score"] is not None:
        print(f"Validation score: {row['score']:f}")


def _not_converged(max_iter):
    return (
        f"Training stopped at max_iter={max_iter} epochs before it converged, that is, before it "
        "had stopped improving by more than tol. Raise max_iter, or the learning rate."
    )


def explain_divergence(training, epoch, loss, kept):
    """One sentence on what happened, one on the likely cause, one on what is kept."""
    X, y, _ = training.failed_batch
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
            "set normalize_target=True, or divide y by its standard deviation"
        )
    else:
        rate = training.time.initial_rate
        cause = f"learning_rate_init={rate:g} is too large; lower it, or set max_grad_norm=1"
    return (
        f"Training diverged in epoch {epoch}: the loss became {loss}. Likely cause: {cause}. "
        f"The {kept} are kept."
    )
