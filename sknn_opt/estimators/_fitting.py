"""One training: from validated data and an architecture to the numbers that an estimator keeps.

`Fit` reads the estimator's parameters but never writes to it. It returns a `Fitted`, which the
estimator stores when all has gone well.
"""

from dataclasses import dataclass, fields

import numpy as np

from sknn_opt.nn.network import Architecture, Network
from sknn_opt.nn.objective import Objective
from sknn_opt.nn.prediction import fold, raw_outputs
from sknn_opt.optim import OPTIMIZERS
from sknn_opt.optim.schedules import can_slow_down
from sknn_opt.training.batches import Data, Minibatches
from sknn_opt.training.lbfgs import train_lbfgs
from sknn_opt.training.minibatch import Settings, Training, explain_divergence, train
from sknn_opt.training.progress import Outcome, Progress, Snapshot
from sknn_opt.training.rows import (
    hash_rows,
    held_out_in_stream,
    merge_equal_rows,
    validation_part,
)
from sknn_opt.training.streams import Streams

AUTO_BATCH_SIZE = 200


@dataclass
class Fitted:
    """What a training leaves behind: the weights that predict, and what it takes to go on."""

    spec: Architecture
    point: Snapshot
    progress: Progress
    outcome: Outcome
    state: dict
    n_rows_seen: int


class Fit:
    """A training of `estimator`, from the start or from where its last one ended."""

    def __init__(self, estimator, spec, *, goes_on):
        self.estimator, self.spec, self.goes_on = estimator, spec, goes_on
        self.before = estimator._training if goes_on else {}
        if goes_on:
            self.streams = Streams.from_state(self.before["streams"])
        else:
            self.streams = Streams.from_random_state(estimator.random_state)
        self.progress = Progress(float(estimator.tol))
        if goes_on:
            self.progress.losses = list(estimator.loss_curve_)
            self.progress.scores = list(estimator.validation_scores_ or ())

    # The three ways to train ------------------------------------------------------------------

    def by_lbfgs(self, data):
        """Minimise the loss of all rows at once."""
        est, n_given, n_before = self.estimator, data.n_rows, len(self.progress.losses)
        data = self._merge_if_one_batch(data)
        dtype = self._dtype(data.X)
        start = self._start(dtype)
        objective = Objective(
            self.spec, start.theta, *data.as_arrays(dtype), float(est.alpha), self.streams.dropout
        )
        theta, outcome = train_lbfgs(
            objective, self.progress, max_iter=est.max_iter, max_fun=est.max_fun,
            tol=float(est.tol), verbose=bool(est.verbose),
        )  # fmt: skip
        theta = theta.astype(dtype)
        if outcome.reason != "diverged":
            start = Snapshot(theta, objective.batch_statistics(theta))
        n_seen = self._n_rows_seen() + (len(self.progress.losses) - n_before) * n_given
        return self._fitted(start, outcome, {}, n_seen)

    def by_minibatches(self, data):
        """Train for epochs until the loss, or the validation score, no longer improves."""
        est, progress = self.estimator, self.progress
        n_given = data.n_rows
        data, held_out = self._merge_if_one_batch(data), None
        if est.early_stopping:
            progress.by_score = True
            data, held_out = self._split(data)
            n_given = data.n_rows
        training = self._training(data, self._start(self._dtype(data.X)))
        batches = self._batches(data, data.mean_weight(), n_given)
        score = held_out and (lambda: self._score(training.network, held_out))
        outcome = train(training, batches, progress, score)
        state = self._state(training) | {"best_score": progress.best_score}
        point = Snapshot.of(training.network)
        return self._fitted(point, outcome, state, training.n_rows_seen)

    def by_one_pass(self, data):
        """One epoch over a part of a stream.

        With early stopping two sets of weights go from call to call: the best so far, which
        predict, and the latest, which train on.
        """
        est, progress, before = self.estimator, self.progress, self.before
        data = data.without_zero_weights()
        progress.n_stalled = before.get("n_stalled", 0)
        if est.early_stopping and self._has_stopped():
            return self._fitted_as_before()
        seen = {
            "n_seen": before.get("n_seen", 0) + data.n_rows,
            "weight_seen": before.get("weight_seen", 0.0) + data.mean_weight() * data.n_rows,
        }
        held_out, start = None, self._start(self._dtype(data.X))
        if est.early_stopping:
            progress.by_score = True
            progress.best_score = before.get("best_score", -np.inf)
            progress.best = start if progress.best_score > -np.inf else None
            data, held_out = self._split_stream(data)
        progress.best_loss = min(progress.losses, default=np.inf)

        training = self._training(data, self._latest(start))
        loss = self._one_epoch(training, data, seen["weight_seen"] / seen["n_seen"])
        if not np.isfinite(loss):
            epoch = len(progress.losses) + 1
            kept = "weights of the last call" if self.goes_on else "initial weights"
            message = explain_divergence(training, epoch, loss, kept)
            state = before or self._state(self._training(data, start))
            return self._fitted(start, Outcome("diverged", message), state, self._n_rows_seen())
        score = self._score(training.network, held_out) if held_out else None
        progress.record(loss, score, training.network)
        stalled = progress.n_stalled > est.n_iter_no_change
        if stalled and can_slow_down(est.learning_rate, training.rate):
            progress.n_stalled = 0
        training.next_rate(stalled)
        latest = Snapshot.of(training.network)
        state = self._state(training) | seen | {"n_stalled": progress.n_stalled}
        if est.early_stopping:
            state |= {"best_score": progress.best_score, "latest": vars(latest)}
        point = progress.best if est.early_stopping else latest
        return self._fitted(point, Outcome("passed"), state, training.n_rows_seen)

    def _has_stopped(self):
        return self.progress.n_stalled > self.estimator.n_iter_no_change

    def _fitted_as_before(self):
        self.progress.by_score = True
        self.progress.best_score = self.before["best_score"]
        message = (
            "Early stopping: the validation score has not improved for "
            f"{self.progress.n_stalled} calls of partial_fit. The best weights are kept, and this "
            "call trained nothing. Set early_stopping=False to train on."
        )
        start = self._start(self.estimator.theta_.dtype)
        return self._fitted(start, Outcome("stopped", message), self.before, self._n_rows_seen())

    # Data -------------------------------------------------------------------------------------

    def _batch_size(self, n_rows):
        size = self.estimator.batch_size
        return min(AUTO_BATCH_SIZE if size == "auto" else int(size), n_rows)

    def _merge_if_one_batch(self, data):
        """Equal rows once, in an order of their own, where no batch is drawn anyway."""
        if self._batch_size(data.n_rows) < data.n_rows:
            return data.without_zero_weights() if self.estimator.solver in OPTIMIZERS else data
        return Data(*merge_equal_rows(data.X, data.y, data.weight, self.streams.key))

    def _split(self, data):
        """Training part and validation part."""
        est = self.estimator
        strata, minimum = est._strata(data.of_rows(data.y))
        hashes = data.of_rows(hash_rows(self.streams.key, data.X))
        weight = data.of_rows(data.weight)
        mask = validation_part(hashes, strata, weight, est.validation_fraction, minimum)
        if mask.sum() < minimum:
            raise ValueError(
                "early_stopping=True leaves too few rows to validate on: found n_samples = "
                f"{data.n_rows} different rows, validation_fraction={est.validation_fraction}. "
                "Give more rows, raise validation_fraction, or set early_stopping=False."
            )
        return data.take(~mask), data.take(mask)

    def _split_stream(self, data):
        hashes = data.of_rows(hash_rows(self.streams.key, data.X))
        mask = held_out_in_stream(hashes, self.estimator.validation_fraction)
        _, enough = self.estimator._strata(data.y)
        return data.take(~mask), data.take(mask) if mask.sum() >= enough else None

    def _batches(self, data, mean_weight, n_given=None):
        size = self._batch_size(data.n_rows)
        return Minibatches(data, size, self._dtype(data.X), mean_weight, n_given)

    # Network ----------------------------------------------------------------------------------

    def _dtype(self, X):
        """The precision of the network: float32 wherever minibatches or the data are no better."""
        if self.estimator.dtype != "auto":
            return np.dtype(self.estimator.dtype)
        single = X.dtype == np.float32 or self.estimator.solver in OPTIMIZERS
        return np.dtype(np.float32 if single else np.float64)

    def _start(self, dtype):
        """A copy of the weights to begin with: those of the estimator, or new ones."""
        if self.goes_on:
            est = self.estimator
            return Snapshot(est.theta_.astype(dtype), est.statistics_.astype(dtype))
        theta = self.spec.initial_parameters(self.estimator.init, self.streams.init, dtype)
        return Snapshot(theta, self.spec.initial_statistics(dtype))

    def _latest(self, start):
        """The weights that a stream trains on: the latest, which need not be the best."""
        if not (self.estimator.early_stopping and "latest" in self.before):
            return Snapshot(start.theta.copy(), start.statistics.copy())
        dtype = start.theta.dtype
        return Snapshot(**{k: v.astype(dtype) for k, v in self.before["latest"].items()})

    def _training(self, data, start):
        est, before = self.estimator, self.before
        n_rows = self._batch_size(data.n_rows)
        sparse = not isinstance(data.X, np.ndarray)
        network = Network(self.spec, start.theta, start.statistics, n_rows, sparse=sparse)
        optimizer = self._optimizer()
        state = optimizer.init(start.theta)
        same = before.get("solver") == est.solver and before["betas"] == [est.beta_1, est.beta_2]
        if same and state.keys() == before["optimizer"].keys():
            old = before["optimizer"]
            state = {k: old[k] if k == "step" else old[k].astype(v.dtype) for k, v in state.items()}
        initial = float(est.learning_rate_init)
        rate = before["rate"] if before.get("initial_rate") == initial else initial
        settings = Settings(**{f.name: getattr(est, f.name) for f in fields(Settings)})
        return Training(
            network, optimizer, state, self.streams, settings, rate, self._n_rows_seen()
        )

    def _n_rows_seen(self):
        return self.estimator.t_ if self.goes_on else 0

    def _optimizer(self):
        est = self.estimator
        cls = OPTIMIZERS[est.solver]
        knobs = {
            "learning_rate": est.learning_rate_init, "momentum": est.momentum,
            "nesterov": est.nesterovs_momentum, "beta_1": est.beta_1, "beta_2": est.beta_2,
            "epsilon": est.epsilon, "weight_decay": est.weight_decay,
            "n_decayed": self.spec.n_decayed,
        }  # fmt: skip
        return cls(**{f.name: knobs[f.name] for f in fields(cls)})

    def _one_epoch(self, training, data, mean_weight):
        if not data.n_rows:  # the whole part is held out
            return self.progress.losses[-1] if self.progress.losses else 0.0
        with np.errstate(all="ignore"):
            return training.run_epoch(self._batches(data, mean_weight))

    def _score(self, network, data):
        """The estimator's own score of the network on held-out rows, as it would predict."""
        weights = fold(self.spec, network.theta, network.statistics)
        z = raw_outputs(*weights, self.spec.activation, data.X, data.rows)
        y, weight = data.of_rows(data.y), data.of_rows(data.weight)
        return float(self.estimator._score_raw(y, z, weight))

    # Result -----------------------------------------------------------------------------------

    def _state(self, training):
        """What the next call needs to go on, in plain arrays, numbers, strings and dicts."""
        return {
            "solver": self.estimator.solver,
            "betas": [self.estimator.beta_1, self.estimator.beta_2],
            "optimizer": training.state,
            "rate": training.rate,
            "initial_rate": float(self.estimator.learning_rate_init),
        }

    def _fitted(self, point, outcome, state, n_rows_seen):
        state = {**state, "streams": self.streams.state()}
        return Fitted(self.spec, point, self.progress, outcome, state, n_rows_seen)
