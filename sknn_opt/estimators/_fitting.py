"""One training: from validated data and an architecture to the numbers that an estimator keeps.

`Fit` reads the estimator's parameters but never writes to it. It returns a `Fitted`, which the
estimator stores when all has gone well.
"""

import copy
from dataclasses import dataclass, field, fields

import numpy as np

from sknn_opt.arrays.threads import blas_threads
from sknn_opt.estimators import _rows
from sknn_opt.estimators._evaluation import Evaluation, make_scorer
from sknn_opt.nn.losses import constant_outputs, make_loss
from sknn_opt.nn.network import Architecture, Network
from sknn_opt.nn.objective import Objective
from sknn_opt.optim import OPTIMIZERS, TrainingTime
from sknn_opt.optim.schedules import find_schedule
from sknn_opt.training import symptoms
from sknn_opt.training.averaging import Average
from sknn_opt.training.batches import Minibatches
from sknn_opt.training.lbfgs import train_lbfgs
from sknn_opt.training.minibatch import Settings, Training, train
from sknn_opt.training.progress import Outcome, Progress, Snapshot
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
        # A stream's first rows may all have been held out.
        self.is_new = not goes_on or self.before.get("n_seen") == 0
        self.normalizer = getattr(estimator, "target_normalizer_", None) if goes_on else None
        by_score = bool(estimator.early_stopping)
        is_loss = not by_score or estimator.scoring == "loss"
        self.progress = Progress(float(estimator.tol), by_score=by_score, is_loss=is_loss)
        if goes_on:
            self.streams = Streams.from_state(self.before["streams"])
            self.progress.history = list(estimator.history_)
            self.progress.at_first = "weights of the last fit"
        else:
            self.streams = Streams.from_random_state(estimator.random_state)
        self.n_before = len(self.progress.history)
        self.training, self.seen = None, {}
        self.watcher = task and task.watcher(self._attributes)

    # The two ways to train --------------------------------------------------------------------

    def by_lbfgs(self, data, validation=None):
        """Minimise the loss of all rows at once."""
        est, n_given = self.estimator, data.n_rows
        data, evaluate = self._prepare(data, validation)
        if self.progress.by_score and validation is None:
            n_given = data.n_rows
        dtype = self._dtype(data.X)
        start = self._start(data, dtype)
        objective = Objective(
            self.spec, start.theta, *data.as_arrays(dtype), float(est.alpha), self.streams.dropout
        )
        with blas_threads(data.n_rows, self.spec.n_units):
            point, outcome = train_lbfgs(
                objective, self.progress, max_iter=est.max_iter, max_fun=est.max_fun,
                tol=float(est.tol), patience=est.n_iter_no_change, verbose=bool(est.verbose),
                evaluate=evaluate, watcher=self.watcher,
            )  # fmt: skip
        self._advise_on_result(outcome, point, data)
        return self._fitted(point or start, outcome, n_given * self._n_iter())

    def by_minibatches(self, data, validation=None):
        """Train for epochs until the loss, or the validation score, no longer improves."""
        progress, n_given = self.progress, data.n_rows
        data, evaluate = self._prepare(data, validation)
        if progress.by_score and validation is None:
            n_given = data.n_rows
        start = self._start(data, self._dtype(data.X))
        self.training = self._training(data, start.copy(), self._time())
        batches = self._batches(data, data.mean_weight())
        with blas_threads(batches.size, self.spec.n_units):
            outcome = train(self.training, batches, progress, evaluate, self.watcher)
        self._advise_on_result(outcome, progress.best, data)
        return self._fitted(progress.best or start, outcome, n_given * self._n_iter())

    def _n_iter(self):
        return len(self.progress.history) - self.n_before

    # Data -------------------------------------------------------------------------------------

    def _prepare(self, data, validation):
        """The rows to train on, as the network takes them, and the evaluation of an epoch."""
        est, weighted = self.estimator, data.weight is not None
        self._advise_on_inputs(data.X)
        data = _rows.merge_if_one_batch(est, data, self.streams.key)
        held_out, weighted_val = validation, weighted
        if validation is not None:
            weighted_val = validation.weight is not None
        elif self.progress.by_score:
            data, held_out, missing = _rows.split(est, data, self.streams.key)
            labels = est._decode(missing).tolist() if missing.size else []
            self.advice += symptoms.on_validation_part(held_out.n_rows, labels)
        totals = _rows.totals_of_classes(est, data)
        n_given = data.n_rows
        if not weighted and data.weight is not None:  # equal rows were merged
            n_given = data.of_rows(data.weight).sum().item()
        data, held_out, scorer = self._as_trained_on(data, held_out, weighted_val, totals)
        _rows.check_class_weight_leaves_rows(training=data, validation=held_out)
        data = data.without_zero_weights()
        self._count({}, n_given, data, totals)
        complain = None if self.progress.by_score else self._complain_once
        return data, held_out and Evaluation(self.spec, held_out, scorer, complain)

    def _complain_once(self, error):
        message = f"A score of the validation set is missing in history_: {error}"
        if not any(said.startswith(message[:40]) for said in self.advice):
            self.advice.append(message)

    def _as_trained_on(self, data, held_out, weighted, totals):
        """Both sets in the network's units, and the scorer for the held-out one."""
        est = self.estimator
        if self.is_new and data.n_rows:
            self.normalizer = _rows.learn_target_scale(est, self.loss, data)
        data = _rows.as_trained_on(est, data, self.normalizer, totals)
        if self.loss.normalizes == "mean and scale" and data.n_rows:
            y = data.of_rows(data.y)
            self.advice += symptoms.on_targets(y, self.normalizer, self.is_new)
        if held_out is None:
            return data, None, None
        scorer = make_scorer(est, held_out, est._decode, self._as_fitted, weighted)
        return data, _rows.as_trained_on(est, held_out, self.normalizer, totals), scorer

    def _count(self, before, n_given, data, totals):
        """Note what later calls must know of all rows so far, and what `tol` is a share of.

        That is the loss of a constant prediction.
        """
        weight = data.mean_weight() * data.n_rows if data.n_rows else 0.0
        unit = before.get("unit")
        if unit is None and data.n_rows:
            unit = symptoms.constant_loss(self.spec, self.loss.link, data)
        self.seen = {
            "n_seen": before.get("n_seen", 0) + n_given,
            "weight_seen": before.get("weight_seen", 0.0) + weight,
            "class_totals": totals,
            "unit": unit,
        }
        self.progress.unit = unit if unit and unit < np.inf else 1.0

    def _advise_on_inputs(self, X):
        if not self.goes_on:
            names = getattr(self.estimator, "feature_names_in_", None)
            self.advice += symptoms.on_inputs(X, names)

    def _advise_on_result(self, outcome, point, data):
        if outcome.reason in ("converged", "max_iter", "interrupted"):
            self.advice += symptoms.on_fitted(self.spec, self.loss.link, point, data)

    def _batches(self, data, mean_weight):
        size = _rows.batch_size(self.estimator, data.n_rows)
        return Minibatches(data, size, self._dtype(data.X), mean_weight)

    # Network ----------------------------------------------------------------------------------

    def _dtype(self, X):
        """The precision of the network: float32 wherever minibatches or the data are no better."""
        if self.estimator.dtype != "auto":
            return np.dtype(self.estimator.dtype)
        single = X.dtype == np.float32 or self.estimator.solver in OPTIMIZERS
        return np.dtype(np.float32 if single else np.float64)

    def _start(self, data, dtype):
        """A copy of the weights to begin with: those of the estimator, or new ones."""
        est = self.estimator
        if self.goes_on:
            start = Snapshot(est.theta_.astype(dtype), est.statistics_.astype(dtype))
        else:
            theta = self.spec.initial_parameters(est.init, self.streams.init, dtype)
            start = Snapshot(theta, self.spec.initial_statistics(dtype))
        if self.is_new:
            start_at_the_mean(self.spec, self.loss, start.theta, data)
        return start

    def _time(self, epoch=0):
        est, before = self.estimator, self.before
        initial = float(est.learning_rate_init)
        n_stalls = before.get("n_stalls", 0) if before.get("initial_rate") == initial else 0
        seen, power = before.get("rows_seen", 0), float(est.power_t)
        return TrainingTime(initial, est.max_iter, epoch, seen, n_stalls, power)

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

    # Result -----------------------------------------------------------------------------------

    def _criterion(self):
        """What decides when to stop: scores of another one cannot be compared with."""
        scoring = self.estimator.scoring
        if not self.progress.by_score:
            return "training loss"
        return (
            scoring if isinstance(scoring, str) else getattr(scoring, "__qualname__", str(scoring))
        )

    def _state(self):
        """What the next call needs to go on, in plain arrays, numbers, strings and dicts."""
        state = {
            **self.seen,
            "streams": self.streams.state(),
            "by_score": self.progress.by_score,
            "criterion": self._criterion(),
            "best_epoch": self.progress.best_epoch,
        }
        if self.progress.by_score:
            state["best_score"] = self.progress.best_value
        if self.training is not None:
            state |= {
                "solver": self.estimator.solver,
                "betas": [self.estimator.beta_1, self.estimator.beta_2],
                "optimizer": self.training.state,
                "n_stalls": self.training.time.n_stalls,
                "initial_rate": self.training.time.initial_rate,
                "rows_seen": self.training.time.n_rows_seen,
                "running_weight": self.training.running_weight,
            }
        return state

    def _n_rows_seen(self):
        return self.estimator.t_ if self.goes_on else 0

    def _fitted(self, point, outcome, n_given, state=None):
        return Fitted(
            self.spec, point, self.progress, self.normalizer, outcome,
            self._state() if state is None else state, self._n_rows_seen() + n_given, self.advice,
        )  # fmt: skip

    def _attributes(self, point, progress):
        """The attributes of an estimator that stopped here, in arrays of their own."""
        progress = copy.copy(progress)
        progress.history = list(progress.history)
        state = copy.deepcopy(self._state())
        fitted = Fitted(self.spec, point.copy(), progress, self.normalizer, state=state,
                        n_rows_seen=self._n_rows_seen())  # fmt: skip
        return self.estimator._attributes(fitted, self._n_iter())

    def _as_fitted(self, point):
        """An estimator that predicts with a point, from arrays without feature names."""
        estimator, state = copy.copy(self.estimator), {"by_score": self.progress.by_score}
        fitted = Fitted(self.spec, point, self.progress, self.normalizer, state=state)
        vars(estimator).update(self.estimator._attributes(fitted, self._n_iter()))
        vars(estimator).pop("feature_names_in_", None)
        return estimator


def start_at_the_mean(spec, loss, theta, data):
    """Let the outputs of a loss with the link 'exp' start at the mean of the targets.

    e^b is a mean: at b = 0 amounts in the millions would be far away.
    """
    if loss.link == "exp" and data.n_rows:
        b = spec.blocks[f"b[{spec.n_layers}]"].of(theta)
        b += constant_outputs("exp", data.of_rows(data.y), data.of_rows(data.weight), len(b))
