"""One training: from validated data and an architecture to the numbers that an estimator keeps.

`Fit` reads the estimator's parameters but never writes to it. It returns a `Fitted`, which the
estimator stores when all has gone well.
"""

import copy
from dataclasses import dataclass, field, fields

import numpy as np

from sknn_opt.estimators import _advice, _rows
from sknn_opt.estimators._evaluation import Evaluation, make_scorer
from sknn_opt.nn.losses import constant_outputs, make_loss
from sknn_opt.nn.network import Architecture, Network
from sknn_opt.nn.objective import Objective
from sknn_opt.optim import OPTIMIZERS, TrainingTime
from sknn_opt.optim.schedules import find_schedule, goes_on_when_stalled
from sknn_opt.training.averaging import Average
from sknn_opt.training.batches import Minibatches
from sknn_opt.training.lbfgs import train_lbfgs
from sknn_opt.training.minibatch import Settings, Training, explain_divergence, train
from sknn_opt.training.progress import Outcome, Progress, Snapshot, total_loss
from sknn_opt.training.streams import Streams


@dataclass
class Fitted:
    """What a training leaves behind: the weights that predict, and what it takes to go on."""

    spec: Architecture
    point: Snapshot
    progress: Progress
    normalizer: object
    outcome: Outcome | None = None
    state: dict = field(default_factory=dict)
    n_rows_seen: int = 0
    advice: list = field(default_factory=list)


class Fit:
    """A training of `estimator`, from the start or from where its last one ended.

    `task` tells callbacks of each epoch.
    """

    def __init__(self, estimator, spec, *, goes_on, task=None):
        self.estimator, self.spec, self.goes_on = estimator, spec, goes_on
        self.loss, self.advice = make_loss(spec.loss), []
        self.before = estimator._training if goes_on else {}
        self.normalizer = getattr(estimator, "target_normalizer_", None) if goes_on else None
        by_score = bool(estimator.early_stopping)
        is_loss = not by_score or estimator.scoring == "loss"
        self.progress = Progress(float(estimator.tol), by_score=by_score, is_loss=is_loss)
        if goes_on:
            self.streams = Streams.from_state(self.before["streams"])
            self.progress.history = list(estimator.history_)
        else:
            self.streams = Streams.from_random_state(estimator.random_state)
        self.n_before = len(self.progress.history)
        self.watcher = task and task.watcher(self._attributes)

    # The three ways to train ------------------------------------------------------------------

    def by_lbfgs(self, data, validation=None):
        """Minimise the loss of all rows at once."""
        est, n_given = self.estimator, data.n_rows
        data, evaluate = self._prepare(data, validation)
        dtype = self._dtype(data.X)
        start = self._start(data, dtype)
        objective = Objective(
            self.spec, start.theta, *data.as_arrays(dtype), float(est.alpha), self.streams.dropout
        )
        point, outcome = train_lbfgs(
            objective, self.progress, max_iter=est.max_iter, max_fun=est.max_fun,
            tol=float(est.tol), patience=est.n_iter_no_change, verbose=bool(est.verbose),
            evaluate=evaluate, watcher=self.watcher,
        )  # fmt: skip
        n_iter = len(self.progress.history) - self.n_before
        n_seen = self._n_rows_seen() + n_iter * n_given
        return self._fitted(point or start, outcome, {}, n_seen, data)

    def by_minibatches(self, data, validation=None):
        """Train for epochs until the loss, or the validation score, no longer improves."""
        progress, n_given = self.progress, data.n_rows
        data, evaluate = self._prepare(data, validation)
        if progress.by_score and validation is None:
            n_given = data.n_rows
        start = self._start(data, self._dtype(data.X))
        training = self._training(data, start.copy(), self._time())
        batches = self._batches(data, data.mean_weight(), n_given)
        outcome = train(training, batches, progress, evaluate, self.watcher)
        state = self._state(training)
        if progress.by_score:
            state["best_score"] = progress.best_value
        n_seen = training.time.n_rows_seen
        return self._fitted(progress.best or start, outcome, state, n_seen, data)

    def by_one_pass(self, data):
        """One epoch over a part of a stream.

        With early stopping two sets of weights go from call to call: the best so far, which
        predict, and the latest, which train on. So do the averaged and the latest ones.
        """
        progress, before = self.progress, self.before
        data = data.without_zero_weights()
        progress.n_stalled = before.get("n_stalled", 0)
        if progress.by_score and progress.n_stalled > self.estimator.n_iter_no_change:
            return self._fitted_as_before()
        data, evaluate, seen = self._prepare_stream(data)
        start = self._start(data, self._dtype(data.X))
        self._recall_best(start)
        training = self._training(data, self._latest(start), self._time(epoch=self.n_before))
        if before.get("average"):
            training.average = self._recall_average(start)
        row = self._one_epoch(training, data, seen)
        if not np.isfinite(total_loss(row)):
            kept = "weights of the last call" if self.goes_on else "initial weights"
            message = explain_divergence(training, self.n_before + 1, row["loss"], kept)
            state = before or self._state(self._training(data, start, self._time())) | seen
            return self._fitted(start, Outcome("diverged", message), state, self._n_rows_seen())
        progress.record(row | (evaluate(training.point) if evaluate else {}), training.point)
        if progress.n_stalled > self.estimator.n_iter_no_change and goes_on_when_stalled(
            training.schedule, training.rate, progress.by_score
        ):
            progress.n_stalled = 0
            training.time.n_stalls += 1
        point = progress.best if progress.by_score else training.point.copy()
        state = self._state(training) | seen | self._state_of_stream(training)
        return self._fitted(point, Outcome("passed"), state, training.time.n_rows_seen)

    def _fitted_as_before(self):
        message = (
            "Early stopping: the validation score has not improved for "
            f"{self.progress.n_stalled} calls of partial_fit. The best weights are kept, and this "
            "call trained nothing. Set early_stopping=False to train on."
        )
        est = self.estimator
        start = Snapshot(est.theta_, est.statistics_)
        return self._fitted(start, Outcome("stopped", message), self.before, self._n_rows_seen())

    # Data -------------------------------------------------------------------------------------

    def _prepare(self, data, validation):
        """The rows to train on, as the network takes them, and the evaluation of an epoch."""
        est, weighted = self.estimator, data.weight is not None
        self._advise_on_inputs(data)
        data = _rows.merge_if_one_batch(est, data, self.streams.key)
        held_out = validation
        if validation is not None:
            weighted = validation.weight is not None
        elif self.progress.by_score:
            data, held_out, missing = _rows.split(est, data, self.streams.key)
            labels = est._decode(missing).tolist() if missing.size else []
            self.advice += _advice.on_validation_part(held_out.n_rows, labels)
        totals = _rows.totals_of_classes(est, data)
        data, evaluate = self._as_trained_on(data, held_out, weighted, totals)
        self.progress.unit = self._unit(data)
        return data.without_zero_weights(), evaluate

    def _prepare_stream(self, data):
        """The same for a part of a stream, and what the next call must know of the rows so far."""
        before = self.before
        self._advise_on_inputs(data)
        totals = _rows.totals_of_classes(self.estimator, data, before.get("class_totals"))
        weighted, held_out = data.weight is not None, None
        if self.progress.by_score:
            data, held_out = _rows.split_stream(self.estimator, data, self.streams.key)
        data, evaluate = self._as_trained_on(data, held_out, weighted, totals)
        data = data.without_zero_weights()
        weight = data.mean_weight() * data.n_rows if data.n_rows else 0.0
        seen = {
            "n_seen": before.get("n_seen", 0) + data.n_rows,
            "weight_seen": before.get("weight_seen", 0.0) + weight,
            "class_totals": totals,
            "unit": before["unit"] if "unit" in before else self._unit(data),
        }
        self.progress.unit = seen["unit"]
        return data, evaluate, seen

    def _as_trained_on(self, data, held_out, weighted, totals):
        """Training rows in the network's units, and the evaluation on the held-out ones."""
        est, new = self.estimator, not self.goes_on
        if new and data.n_rows:
            self.normalizer = _rows.learn_target_scale(est, self.loss, data)
        data = _rows.as_trained_on(est, data, self.normalizer, totals)
        if self.loss.normalizes and data.n_rows:
            self.advice += _advice.on_targets(data.of_rows(data.y), self.normalizer, new)
        if held_out is None:
            return data, None
        scorer = make_scorer(est, held_out, est._decode, self._as_fitted, weighted)
        held_out = _rows.as_trained_on(est, held_out, self.normalizer, totals)
        return data, Evaluation(self.spec, held_out, scorer)

    def _advise_on_inputs(self, data):
        if not self.goes_on:
            names = getattr(self.estimator, "feature_names_in_", None)
            self.advice += _advice.on_inputs(data, names)

    def _unit(self, data):
        """What `tol` is a share of: the loss of a constant prediction."""
        constant = _advice.constant_loss(self.spec, self.loss.link, data) if data.n_rows else 0.0
        return constant if 0 < constant < np.inf else 1.0

    def _batches(self, data, mean_weight, n_given=None):
        size = _rows.batch_size(self.estimator, data.n_rows)
        return Minibatches(data, size, self._dtype(data.X), mean_weight, n_given)

    # Network ----------------------------------------------------------------------------------

    def _dtype(self, X):
        """The precision of the network: float32 wherever minibatches or the data are no better."""
        if self.estimator.dtype != "auto":
            return np.dtype(self.estimator.dtype)
        single = X.dtype == np.float32 or self.estimator.solver in OPTIMIZERS
        return np.dtype(np.float32 if single else np.float64)

    def _start(self, data, dtype):
        """A copy of the weights to begin with: those of the estimator, or new ones."""
        if self.goes_on:
            est = self.estimator
            return Snapshot(est.theta_.astype(dtype), est.statistics_.astype(dtype))
        theta = self.spec.initial_parameters(self.estimator.init, self.streams.init, dtype)
        if self.loss.link == "exp" and data.n_rows:
            # e^b is a mean: at b = 0 amounts in the millions would be far away.
            b = self.spec.blocks[f"b[{self.spec.n_layers}]"].of(theta)
            y, weight = data.of_rows(data.y), data.of_rows(data.weight)
            b += constant_outputs("exp", y, weight, len(b))
        return Snapshot(theta, self.spec.initial_statistics(dtype))

    def _latest(self, start):
        """The weights that a stream trains on: the latest, which need not be those that predict."""
        if "latest" not in self.before or not (self.progress.by_score or self.estimator.average):
            return start.copy()
        dtype = start.theta.dtype
        return Snapshot(**{k: v.astype(dtype) for k, v in self.before["latest"].items()})

    def _time(self, epoch=0):
        est, before = self.estimator, self.before
        initial = float(est.learning_rate_init)
        n_stalls = before.get("n_stalls", 0) if before.get("initial_rate") == initial else 0
        power = float(est.power_t)
        return TrainingTime(initial, est.max_iter, epoch, self._n_rows_seen(), n_stalls, power)

    def _training(self, data, start, time):
        est, before = self.estimator, self.before
        n_rows = _rows.batch_size(est, data.n_rows)
        sparse = not isinstance(data.X, np.ndarray)
        network = Network(self.spec, start.theta, start.statistics, n_rows, sparse=sparse)
        optimizer = self._optimizer()
        settings = Settings(**{f.name: getattr(est, f.name) for f in fields(Settings)})
        average = Average(start.copy(), float(est.average)) if est.average else None
        return Training(
            network, optimizer, self._optimizer_state(optimizer, start.theta), self.streams,
            settings, find_schedule(est.learning_rate), time, average,
            before.get("running_weight", 0.0),
        )  # fmt: skip

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

    def _optimizer_state(self, optimizer, theta):
        """That of the last call if it still fits, else a new one."""
        est, before, state = self.estimator, self.before, optimizer.init(theta)
        same = before.get("solver") == est.solver and before["betas"] == [est.beta_1, est.beta_2]
        if same and state.keys() == before["optimizer"].keys():
            old = before["optimizer"]
            state = {k: old[k] if k == "step" else old[k].astype(v.dtype) for k, v in state.items()}
        return state

    def _one_epoch(self, training, data, seen):
        if not data.n_rows:  # the whole part is held out
            last = (
                dict(self.progress.history[-1]) if self.n_before else {"loss": 0.0, "penalty": 0.0}
            )
            nothing = {"validation_loss": None, "score": None, "gradient_norm": 0.0, "seconds": 0.0}
            return {"learning_rate": training.rate} | last | nothing
        with np.errstate(all="ignore"):
            return training.run_epoch(self._batches(data, seen["weight_seen"] / seen["n_seen"]))

    # From call to call ------------------------------------------------------------------------

    def _recall_best(self, start):
        progress, before = self.progress, self.before
        if progress.by_score:
            progress.best_value = before.get("best_score", -np.inf)
            progress.lowest_loss = before.get("lowest_loss", np.inf)
            progress.best = start if progress.best_value > -np.inf else None
        else:
            losses = [total_loss(row) for row in progress.history]
            progress.best_value = -min(losses, default=np.inf)

    def _recall_average(self, start):
        kept, dtype = self.before["average"], start.theta.dtype
        point = Snapshot(kept["theta"].astype(dtype), kept["statistics"].astype(dtype))
        return Average(point, float(self.estimator.average), kept["n_updates"])

    def _state(self, training):
        """What the next call needs to go on, in plain arrays, numbers, strings and dicts."""
        return {
            "solver": self.estimator.solver,
            "betas": [self.estimator.beta_1, self.estimator.beta_2],
            "optimizer": training.state,
            "n_stalls": training.time.n_stalls,
            "initial_rate": training.time.initial_rate,
            "running_weight": training.running_weight,
        }

    def _state_of_stream(self, training):
        progress, average = self.progress, training.average
        state = {"n_stalled": progress.n_stalled}
        if progress.by_score or average:
            network = training.network
            state["latest"] = vars(Snapshot(network.theta, network.statistics).copy())
        if progress.by_score:
            state |= {"best_score": progress.best_value, "lowest_loss": progress.lowest_loss}
        if average:
            state["average"] = vars(average.point) | {"n_updates": average.n_updates}
        return state

    # Result -----------------------------------------------------------------------------------

    def _attributes(self, point, progress):
        """The attributes of an estimator that stopped here."""
        point = point.copy()
        progress = copy.copy(progress)
        progress.history = list(progress.history)
        fitted = Fitted(self.spec, point, progress, self.normalizer, state=self.before)
        return self.estimator._attributes(fitted, len(progress.history) - self.n_before)

    def _as_fitted(self, point):
        """An estimator that predicts with a point, from arrays without feature names."""
        estimator = copy.copy(self.estimator)
        vars(estimator).update(self._attributes(point, self.progress))
        vars(estimator).pop("feature_names_in_", None)
        return estimator

    def _fitted(self, point, outcome, state, n_rows_seen, data=None):
        """The result; with data, that is, after fit, also whether it came to anything."""
        if data is not None and outcome.reason in ("converged", "max_iter", "interrupted"):
            self.advice += _advice.on_fitted(self.spec, self.loss.link, point, data)
        state = {**state, "streams": self.streams.state(), "by_score": self.progress.by_score}
        return Fitted(
            self.spec, point, self.progress, self.normalizer, outcome, state, n_rows_seen,
            self.advice,
        )  # fmt: skip
