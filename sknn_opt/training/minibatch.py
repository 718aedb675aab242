"""Minibatch training: one function for one step, one for an epoch, one for all of them."""

from __future__ import annotations

import math
from numbers import Real
from time import perf_counter

import numpy as np
from scipy.sparse import issparse

from sknn_opt.nn.network import Network
from sknn_opt.optim.schedules import runs_its_course, value_at, warm_up
from sknn_opt.training import diagnosis, randomness, symptoms
from sknn_opt.training.batches import Minibatches
from sknn_opt.training.monitor import Outcome, member_columns


def train(state, rows, monitor, settings, rate=None):
    """Train for epochs until the loss, or the validation score, no longer improves.

    `rate` is the learning rate of the last step, where epochs of this training went before.
    """
    descent, outcome = _Descent(state, rows, settings), None
    descent.rate = rate
    with np.errstate(all="ignore"):  # overflow shows as a loss that is not finite
        try:
            if state.time.epoch >= settings.pause_at:
                return Outcome("paused")
            while outcome is None:
                outcome = descent.epoch(monitor)
        except KeyboardInterrupt:
            if state.best is None:
                raise  # nothing worth keeping yet
            outcome = Outcome("interrupted", f"Interrupted; the {monitor.kept(state)} are kept.")
    return outcome


def train_one_pass(state, rows, monitor, settings):
    """Train for one epoch, whatever it says; partial_fit is this."""
    descent = _Descent(state, rows, settings)
    with np.errstate(all="ignore"):
        outcome = descent.epoch(monitor, monitor.at_first)
    return outcome if outcome and outcome.reason == "diverged" else Outcome("passed")


class Course:
    """How a state moves: its rates, its random numbers, and what becomes of an epoch.

    A subclass has the `batches`, and goes through them in `_pass`.
    """

    def __init__(self, state, settings, n_rows):
        self.state, self.settings = state, settings
        several = settings.shuffle and n_rows > settings.batch_size
        self.shuffle = randomness.resume(state.shuffle) if several else None
        drops = any(state.architecture.dropout)
        self.dropout = randomness.resume(state.dropout) if drops else None
        self.fading, self.follows, self.rate = [], bool(settings.weight_decay), None

    def epoch(self, monitor, kept=None):
        """Train for one epoch. Returns an outcome if it was the last one.

        `kept` says which weights are left if it comes to nothing, by default the best so far.
        """
        state, settings = self.state, self.settings
        weights = state.average or state.weights
        if monitor.listeners:
            monitor.begin_epoch(state, weights)
        (loss, penalty, norm, seconds), batch, more = self._pass()
        state.time.n_rows_seen += self.batches.n_rows
        if self.shuffle is not None:
            state.shuffle = self.shuffle.bit_generator.state
        if self.dropout is not None:
            state.dropout = self.dropout.bit_generator.state
        latest = state.weights
        if not (np.isfinite(latest.theta).all() and np.isfinite(latest.statistics).all()):
            loss = math.nan
        if not math.isfinite(loss):
            if monitor.listeners and monitor.give_up_epoch(state):
                return None
            kept, found = kept or monitor.kept(state), f"the loss became {loss}"
            number, moved = state.n_epochs + 1, self.rate is not None
            args = number, found, kept, state, settings, batch
            return Outcome("diverged", diagnosis.on_divergence(*args, moved=moved))
        row = {
            "loss": loss,
            "penalty": penalty,
            "validation_loss": None,
            "score": None,
            "learning_rate": self.rate,
            "gradient_norm": norm,
            "seconds": seconds,
        } | more
        outcome = monitor.finish_epoch(state, row, weights, settings.schedule)
        if outcome is None and state.time.epoch >= settings.max_iter:
            if settings.schedule and runs_its_course(settings.schedule):
                return Outcome("converged")
            return Outcome("max_iter", symptoms.NOT_CONVERGED.say(max_iter=settings.limit))
        pauses = outcome is None and state.time.epoch >= settings.pause_at
        return Outcome("paused") if pauses else outcome

    def fade(self, masks):
        """Let the rates of these masks, of all layers with dropout, follow their schedules."""
        rates = self.state.architecture.dropout
        schedules = [s for s, rate in zip(self.settings.dropout, rates, strict=True) if rate]
        pairs = zip(masks, schedules, strict=True)
        self.fading = [(own, schedule) for own, schedule in pairs if schedule]
        self.follows |= bool(self.fading)

    def follow_schedules(self):
        """Set dropout and weight decay for this step."""
        time, settings = self.state.time, self.settings
        for masks, schedule in self.fading:
            masks.set_rate(value_at(schedule, time, "dropout", below=1))
        if settings.weight_decay:
            decay = value_at(settings.weight_decay, time, "weight_decay")
            settings.optimizer.weight_decay = decay

    def _update_average(self):
        """θ̄ ← d θ̄ + (1 - d) θ after step t, with d = min(decay, (1 + t) / (10 + t)).

        The average forgets fast at first, so that it does not drag the initial weights along
        (Polyak & Juditsky 1992 average all steps alike). The running statistics go with it.
        """
        state = self.state
        state.n_averaged += 1
        t = state.n_averaged
        decay = min(self.settings.average, (1 + t) / (10 + t))
        for average, latest in zip(
            vars(state.average).values(), vars(state.weights).values(), strict=True
        ):
            average *= decay
            average += (1 - decay) * latest

    def _rate(self):
        """The learning rate of this step."""
        settings, time = self.settings, self.state.time
        rate = settings.schedule(time)
        if not (isinstance(rate, (float, int, Real)) and 0 <= rate < math.inf):  # float is fast
            raise ValueError(
                f"learning_rate returned {rate!r} for epoch {time.epoch:g}; a schedule must "
                "return the learning rate of the next step, a finite number >= 0."
            )
        ends = time.epoch + 1 / self.batches.n_batches
        return float(rate) * warm_up(ends, settings.warmup_epochs)


class _Descent(Course):
    """The network that carries the state's weights, and the batches that move them."""

    def __init__(self, state, rows, settings):
        super().__init__(state, settings, rows.n_rows)
        weights, size, sparse = state.weights, settings.batch_size, issparse(rows.X)
        self.network = Network(
            state.architecture, weights.theta, weights.statistics, size, sparse=sparse
        )
        for batch_norm in self.network.batch_norms:
            batch_norm.remembers = True
        self.n_members = k = state.architecture.n_members
        self.batches = Minibatches(rows, size, weights.theta.dtype, settings.mean_weight, k)
        if settings.dropout:
            self.fade([layer.masks for layer in self.network.dropouts])

    def _pass(self):
        """One pass over the rows.

        Returns loss, penalty, norm of the gradient and seconds; the last batch; and what else the
        history is to say.

        The loss that counts for an epoch is the mean over its batches, each before its own step;
        NaN or inf as soon as a batch gives it. Of several members it is the mean of theirs.
        """
        time, batches, n_members = self.state.time, self.batches, self.n_members
        started, epoch, of_members = perf_counter(), time.epoch, np.zeros(n_members)
        loss = penalty = norm = 0.0
        for k, batch in enumerate(batches.epoch(self.shuffle)):
            time.epoch = epoch + k / batches.n_batches
            total, of_penalty, of_gradient = self._step(*batch)
            if not math.isfinite(total):
                loss = total
                break
            share = batch[0].shape[0] / (batches.n_rows * n_members**2)  # in the mean of their sums
            loss += (total - of_penalty) * share
            penalty += of_penalty * share
            norm += of_gradient / batches.n_batches
            if n_members > 1:
                of_members += self.network.member_losses * (share * n_members)
        time.epoch = epoch + 1
        norm /= math.sqrt(n_members)  # the root mean square of theirs
        found = loss, penalty, norm, perf_counter() - started
        return found, batch, member_columns("loss", of_members) if n_members > 1 else {}

    def _step(self, X, y, weight):
        """One step. Returns loss and penalty together, the penalty, and the gradient's norm."""
        network, settings, state = self.network, self.settings, self.state
        m, mean_weight = X.shape[0] // self.n_members, self.batches.mean_weight
        if self.follows:
            self.follow_schedules()
        if self.dropout is not None:
            network.draw_masks(self.dropout, X)
        total = network.loss_and_gradient(X, y, weight, 1 / m, settings.alpha / (m * mean_weight))
        if not math.isfinite(total):
            return total, 0.0, 0.0
        norm = network.grad_norm
        if settings.max_grad_norm and norm > settings.max_grad_norm:
            network.limit_gradient(float(settings.max_grad_norm))
        if network.batch_norms:
            self._update_running(self._weight_of_batch(m, weight) * mean_weight)
        self.rate = rate = self._rate() if settings.schedule else state.time.initial_rate
        settings.optimizer.step(state.weights.theta, network.grad, state.moments, rate)
        if state.average:
            self._update_average()
        return total, network.penalty_term, norm

    def _weight_of_batch(self, m, weight):
        """That of its rows, of several members for each."""
        k = self.n_members
        if k == 1:
            return float(m if weight is None else weight.sum())
        return np.full(k, float(m)) if weight is None else weight.reshape(k, -1).sum(axis=1)

    def _update_running(self, weight):
        """Weigh the batch against all before it, which the momentum makes count less and less.

        Of several members each has a `weight` of its own, which may be 0.
        """
        keep, state = float(self.settings.batch_norm_momentum), self.state
        state.running_weight = total = keep * state.running_weight + weight
        if self.n_members > 1:
            rate = np.divide(weight, total, out=np.zeros(self.n_members), where=weight > 0)
            self.network.update_running(rate)
        elif weight > 0:
            self.network.update_running(weight / total)
