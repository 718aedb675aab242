"""What the classifier and the regressor share: from scikit-learn's conventions to θ and back.

The path of data: the estimator reads its parameters and its data into `Rows`, a `TrainingState`, a
`Monitor` and `Settings`; a trainer changes the state; a `Predictor` is made of what it leaves.
Nothing below this floor knows an estimator.
"""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from operator import is_, itemgetter
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_consistent_length, validate_data

from sknn_opt._sklearn import (
    CALLBACK_ATTRIBUTES,
    CallbackSupportMixin,
    fit_context,
    validate_params,
)
from sknn_opt.arrays.extremes import LARGEST, refuse_extremes
from sknn_opt.arrays.threads import UNTHREADED, blas_threads
from sknn_opt.arrays.types import Matrix
from sknn_opt.estimators import class_weight, evaluation, frames, spelling
from sknn_opt.estimators.fitted import FittedNetwork
from sknn_opt.estimators.folds import divide_among
from sknn_opt.estimators.listeners import WATCHED, FitTask, Printer, listeners_of
from sknn_opt.estimators.objectives import WithObjective
from sknn_opt.estimators.parameters import (
    CONSTRAINTS,
    DidYouMean,
    architecture_of,
    batch_size,
    checked_weights,
    initial_rate,
    settings_of,
    transaction,
)
from sknn_opt.estimators.target_scale import Units
from sknn_opt.estimators.validation import checked_groups, divide, divide_stream
from sknn_opt.nn.losses import LOG_LINKS, SquaredError, constant_loss, constant_outputs
from sknn_opt.nn.network import Weights
from sknn_opt.nn.predictor import Predictor
from sknn_opt.optim import TrainingTime
from sknn_opt.training import data_symptoms, diagnosis, lbfgs, minibatch, randomness, symptoms
from sknn_opt.training.monitor import Monitor, Outcome
from sknn_opt.training.rows import Rows, by_row
from sknn_opt.training.state import Progress, TrainingState

INIT_ROWS = 1000  # that init="data" looks at


class BaseMLP(WithObjective, FittedNetwork, DidYouMean, CallbackSupportMixin, BaseEstimator):
    """The common part of MLPClassifier and MLPRegressor; not for direct use.

    A mixin of `sknn_opt.estimators.targets` says how targets are encoded and decoded.
    """

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS
    _can_pause: ClassVar[tuple[str, ...]] = ("epochs", "rows")

    def _validate_params(self):
        try:
            super()._validate_params()
        except ValueError as error:
            raise spelling.with_hint(error, self) from None

    # Training ---------------------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Matrix,
        y: Matrix,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: Matrix | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs, best with mean 0 and variance 1 (see `InputNormalizer`).
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets. Of several, or of several labels, a row may lack some (NaN).
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, >= 0. An integer weight counts like repetition.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate on after each epoch. With `early_stopping` they decide when to stop, in
            place of a part held out; without, they are only watched. In a pipeline, normalize them
            like X with ``Pipeline(..., transform_input=["X_val"])``.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.
        groups : array-like of shape (n_samples,), default=None
            What each row belongs to, such as a patient: with `early_stopping` the rows of a group
            are held out together, or as a group splitter in `validation_fraction` says.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used, such as numbers beyond 1e100 in size. The
            estimator is then as it was before.
        """
        task = None
        if CALLBACK_ATTRIBUTES & vars(self).keys():
            task = FitTask(self, X, y, sample_weight)
        with transaction(self):
            before = self._training if self.warm_start and hasattr(self, "theta_") else None
            rows = self._read(X, y, sample_weight, reset=before is None, every_column=True)
            validation = None
            if not (X_val is None and y_val is None and sample_weight_val is None):
                given = X_val, y_val, sample_weight_val
                validation = evaluation.validation_set(self._read, rows, *given)
            if groups is not None:
                groups = checked_groups(self, groups, rows, validation)
            outcome, advice = self._train(rows, validation, groups, before, task)
        if task:
            task.end_fit()
        return self._report(outcome, advice)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        with transaction(self):
            values = itemgetter(*self._parameter_constraints)(vars(self))
            known = vars(self).get("_checked")
            if known is None or not all(map(is_, values, known)):
                validate_params(self)  # takes as long as a short call: once for the same values
                self._checked = values
            classes = self._check_classes(classes, y)
            before = self._training if hasattr(self, "theta_") else None
            known = vars(self).get("classes_")
            rows = self._read(X, y, sample_weight, reset=before is None, classes=classes)
            if before and classes is not None:
                self._take_in(known, rows.y)
                before = self._training
            outcome, advice = self._train_one_pass(rows, before)
        return self._report(outcome, advice)

    def _train(self, rows, validation, groups, before, task):
        """Train until the end. Returns the outcome and advice."""
        n_given, weighted, advice = rows.n_rows, rows.weight is not None, []
        pause, n_before = vars(self).get("_pause"), before.n_epochs if before else 0
        paused = pause and pause.state
        state, learn = self._begin(rows, before, paused), "anew" if before else "first"
        if not (before or paused):
            advice += symptoms.on_inputs(rows.X, getattr(self, "feature_names_in_", None))
        monitor = self._monitor(before, "fit")
        rows, held_out = self._divide(rows, validation, groups, state.key, advice)
        repeated = rows.weight is not None and not weighted  # equal rows were merged
        state.n_seen = rows.total_weight() if repeated else rows.n_rows
        if getattr(self, "class_weight", None) is not None:
            self._count_classes(state, rows)
        rows = self._to_network(state, rows, None if paused else learn, advice)
        if held_out is not None:
            given = weighted if validation is None else validation.weight is not None
            said = None if monitor.by_score else _NO_SCORE  # where it decides it must be there
            monitor.evaluate = evaluation.evaluation_of(self, state, held_out, given, advice, said)
        if not rows.n_rows or (monitor.evaluate and not monitor.evaluate.rows.n_rows):
            raise ValueError(_NO_ROWS.format("validation" if rows.n_rows else "training"))
        n_given = rows.n_trained if monitor.by_score and validation is None else n_given
        settings, start = settings_of(self, state, rows, rows.mean_weight), state.weights.copy()
        if task or self.verbose or WATCHED & vars(self).keys():
            monitor.listeners = listeners_of(self, task, n_before, settings.max_iter, monitor)
        outcome = self._run(state, rows, monitor, settings)
        best, n_iter = state.best or start, state.n_epochs - n_before
        if outcome.reason in ("converged", "max_iter", "stuck"):
            case = diagnosis.Case(state, start, best, rows, settings, n_iter, outcome.reason)
            look = diagnosis.on_members if state.members else symptoms.on_fitted
            advice += look(state.architecture, best, rows, case)
        # What comes next goes on from the best.
        state.weights, state.average, state.n_averaged = best, None, 0
        state.best, state.apart = None, False
        if outcome.reason == "diverged":
            state.moments = {}  # a velocity of 1e30 would make the next fit diverge as well
        for each in (state, *(state.members or ())):
            best_value = each.best_value if monitor.by_score else -np.inf
            each.n_stalled, each.lowest_loss, each.best_value = 0, np.inf, best_value
        n_rows_seen = (self.t_ if before else 0) + n_given * n_iter
        self.__dict__.update(self._attributes(state, best, n_iter, n_rows_seen))
        return outcome, advice

    def _train_one_pass(self, rows, before):
        """Train for one epoch, from where the last call ended. Returns the outcome and advice.

        With early stopping two sets of weights go from call to call: the best so far, which
        predict, and the latest, which train on. So do the averaged and the latest ones.
        """
        state, advice = self._begin(rows, before, latest=True), []
        monitor = self._monitor(before, "call")
        if before is None:
            advice += symptoms.on_inputs(rows.X, getattr(self, "feature_names_in_", None))
        elif monitor.by_score and state.n_stalled > monitor.patience:
            return Outcome("stopped", _ALREADY_STOPPED.format(state.n_stalled)), advice
        elif max(each.best_value for each in state.members or (state,)) > -np.inf:
            state.best = self._weights.astype(state.weights.theta.dtype)
        state.time.epoch = state.n_epochs
        rows, held_out, weighted = rows.that_count(), None, rows.weight is not None
        self._count_classes(state, rows)
        if monitor.by_score:
            rows, held_out = divide_stream(self, rows, state)
        learn = "follow" if state.n_seen else "first"
        rows = self._to_network(state, rows, learn, advice)
        state.n_seen += rows.n_rows
        least = 1 if self.scoring == "loss" else self._strata(rows.y[:0])[1]
        # Initial weights are not judged: without rows to train on there is no unit yet.
        if held_out is not None and held_out.n_rows >= least and state.n_seen:
            args = self, state, held_out, weighted, advice, _NO_DECISION
            found = evaluation.evaluation_of(*args)
            if found.rows.n_rows:
                monitor.begin_call(state, found, rows.n_rows)
        if self.verbose:
            monitor.listeners = [Printer()]
        outcome, spare = Outcome("passed"), None if before else state.copy()
        if rows.n_rows:  # else all are held out
            mean_weight = state.weight_seen / state.n_seen
            settings = settings_of(self, state, rows, mean_weight)
            advice += diagnosis.on_plan(settings, state.time)
            outcome = self._run(state, rows, monitor, settings, minibatch.train_one_pass)
        if outcome.reason == "diverged":
            if before:
                return outcome, advice  # the estimator stays as it was
            state, rows = spare, rows.sample(0)
        weights = state.best if monitor.by_score and state.best else state.predicting()
        state.best, state.apart = None, weights is not state.weights
        state.thin_history()
        n_rows_seen = (self.t_ if before else 0) + rows.n_rows
        self.__dict__.update(self._attributes(state, weights, state.n_epochs, n_rows_seen))
        return outcome, advice

    def _run(self, state, rows, monitor, settings, train=None):
        """Call a trainer, with as many BLAS threads as pay."""
        train = train or (minibatch.train if settings.optimizer else lbfgs.train)
        architecture, pause = state.architecture, vars(self).get("_pause")
        n = settings.batch_size if settings.optimizer else rows.n_rows
        small = n * architecture.largest_product < UNTHREADED
        if pause:
            settings.pause_at = pause.after(settings.max_iter)
            train = pause.trainer or train
        with nullcontext() if small else blas_threads(n, architecture.n_units):
            outcome = train(state, rows, monitor, settings)
        if pause:
            pause.keep(state if outcome.reason == "paused" else None)
        return outcome

    def _begin(self, rows, before, paused=None, *, latest=False):
        """A state to train: a new one, or a copy of the last one, or of one that paused.

        Training goes on from the weights that predict, or with `latest` from those that trained
        last where these are others.
        """
        if paused:
            return paused.copy()
        architecture = architecture_of(self, rows, before and before.architecture)
        single = rows.X.dtype == np.float32 or self.solver != "lbfgs"
        auto = np.float32 if single else np.float64
        dtype = np.dtype(auto if self.dtype == "auto" else self.dtype)
        named = isinstance(self.solver, str)
        rate = float(self.learning_rate_init) if named else initial_rate(self)
        time = TrainingTime(rate, self.max_iter, power_t=float(self.power_t))
        if before is None:
            init, shuffle, dropout, key = randomness.generators(self.random_state)
            theta = architecture.initial_parameters(self.init, init, dtype)
            statistics = architecture.initial_statistics(dtype) if self.batch_norm else theta[:0]
            weights = Weights(theta, statistics.copy())
            bits = shuffle.bit_generator.state, dropout.bit_generator.state
            state = TrainingState(architecture, weights, time, key, *bits)
            if architecture.n_members > 1:
                state.members = [Progress() for _ in range(architecture.n_members)]
        else:
            apart = latest and before.apart and (self.early_stopping or self.average)
            state = before.copy(dtype, None if apart else self._weights)
            state.architecture = architecture  # dropout may differ
            time.n_rows_seen = state.time.n_rows_seen
            if state.time.initial_rate == time.initial_rate:
                time.n_stalls = state.time.n_stalls
            state.time = time
        if not self.average:
            state.average = None
        elif state.average is None or not latest:
            state.average, state.n_averaged = state.weights.copy(), 0
        criterion, by_score = "training loss", bool(self.early_stopping)
        if by_score:
            criterion = getattr(self.scoring, "__qualname__", str(self.scoring))
        if not latest:
            state.weight_seen, state.unit, state.class_totals = 0.0, None, None
        if before and (not latest or state.criterion != criterion):
            state.start_anew()  # values of another criterion cannot be compared with
        state.criterion, state.by_score = criterion, by_score
        return state

    def _divide(self, rows, validation, groups, key, advice):
        """The rows to train on, and those to validate on if there are any."""
        if self.early_stopping and validation is None:
            by = divide if self.n_members == 1 else divide_among
            return by(self, rows, groups, key, advice)
        if validation is not None:
            names = getattr(self, "feature_names_in_", None)
            advice += data_symptoms.on_validation_set(rows.X, validation.X, names)
        return self._weighted_set(rows, key), validation

    def _weighted_set(self, rows, key):
        """Rows to train on: those of one batch as a weighted set, equal rows once."""
        if batch_size(self, rows.n_rows) == rows.n_rows:
            return rows.merged(key)
        return rows.that_count() if self.solver != "lbfgs" else rows

    def _count_classes(self, state, rows):
        """Note what ``class_weight="balanced"`` goes by: the weight of each class so far."""
        if getattr(self, "class_weight", None) == "balanced":
            totals = class_weight.class_totals(
                rows.of(rows.y), len(self.classes_), rows.of(rows.weight)
            )
            state.class_totals = totals + (0 if state.class_totals is None else state.class_totals)

    def _to_network(self, state, rows, learn, advice):
        """The rows that count, in the network's units; what they teach goes into the state.

        `learn` says how they set the scale of the targets: they are the "first" rows of all, they
        set it "anew", or it is to "follow" them. With None it stays.
        """
        architecture = state.architecture
        is_new = learn != "follow"
        if is_new and type(architecture.loss) is SquaredError:
            advice += data_symptoms.on_far_targets(rows.of(rows.y))
        rows = self._as_trained_on(state, rows, learn)
        if architecture.loss.normalizes not in (None, "scale") and rows.n_rows:
            advice += data_symptoms.on_targets(rows.of(rows.y), state.target_scale, is_new)
        labels = architecture.loss.link == "logistic" and architecture.n_units[-1] > 1
        if labels and learn == "first":
            advice += data_symptoms.on_labels(rows.of(rows.y))
        rows = rows.that_count()
        if rows.parts is not None and not min(rows.n_of_each):
            raise ValueError(_NO_ROWS.format("training"))
        if rows.n_rows:
            state.weight_seen += rows.mean_weight * rows.n_rows
        if rows.n_rows and state.unit is None:
            y, weight, n_outputs = rows.of(rows.y), rows.of(rows.weight), architecture.n_units[-1]
            some = rows.sample(max(100, symptoms.SAMPLE // n_outputs))
            sample = None if some is rows else (some.of(some.y), some.of(some.weight))
            constant = constant_loss(architecture.loss, n_outputs, y, weight, sample)
            # 1 for targets of variance 1, and for classes unless these are very uneven
            unit = min(2 * constant, 1.0) if architecture.loss.link in LOG_LINKS else 2 * constant
            state.unit = unit if 0 < unit < np.inf else 1.0
        return rows

    def _as_trained_on(self, state, rows, learn):
        """The rows as the network takes them; they set the scale of the targets."""
        architecture = state.architecture
        learn = learn if rows.n_rows else None
        rows = self._for_network(rows, state, learn)
        if learn == "first" and self.init == "data":
            some = rows.that_count().sample(INIT_ROWS).merged(state.key)
            X, _, weight = some.as_arrays(np.float64)
            for weights in filter(None, (state.weights, state.average)):
                rng = np.random.default_rng(state.key)
                architecture.fit_to_data(weights.theta, X, weight, rng)
        if learn == "first" and architecture.loss.link == "exp":
            # Outputs start at the mean of the targets: e^0 = 1 is far from amounts in millions.
            b, counting = architecture.blocks[f"b[{architecture.n_layers}]"], rows.that_count()
            y, weight = counting.of(rows.y), counting.of(rows.weight)
            at_the_mean = constant_outputs(architecture.loss, y, weight, b.shape[-1])
            for weights in filter(None, (state.weights, state.average)):
                b.of(weights.theta)[...] += at_the_mean
        return rows

    def _monitor(self, before, what):
        by_score = bool(self.early_stopping)
        return Monitor(
            float(self.tol),
            self.n_iter_no_change if by_score or self.solver != "lbfgs" else np.inf,
            by_score,
            is_loss=not by_score or self.scoring == "loss",
            at_first=f"weights of the last {what}" if before else "initial weights",
        )

    # Data -------------------------------------------------------------------------------------

    def _read(self, X, y, sample_weight, *, reset, classes=None, every_column=False):
        """Validate X, y and the weights, and encode y for the loss."""
        frame = X if hasattr(X, "columns") else None
        if not isinstance(y, np.ndarray):
            frames.refuse_tensors(y, type(self))
        # A list may have several columns.
        table = self._with_gaps(y, every_column) if getattr(y, "ndim", 2) == 2 else None
        try:
            if table is None:
                options = {"multi_output": True, "y_numeric": self._y_numeric}
                X, checked = self._validate(X, y, reset=reset, **options)
                if isinstance(y, list | tuple) and checked.dtype.kind == "U":
                    self._refuse(y)  # "nan" would be a class
            else:
                X, checked = self._validate(X, reset=reset), table
                check_consistent_length(X, table)
            encoded = self._encode(checked, reset=reset, classes=classes)
        except (TypeError, ValueError):
            if y is not None and table is None:
                self._refuse(y)
            raise
        if sample_weight is not None:
            sample_weight = checked_weights(sample_weight, X)
        return Rows(X, encoded, sample_weight, frame=frame)

    def _validate(self, X, *y, **options):
        """scikit-learn's validation, without the warnings of its own sums over huge numbers.

        Float data stay as they are; float16 works in float32, all else in float64. Sparse data come
        by row.
        """
        given = getattr(X, "dtype", None)  # a frame has dtypes
        if getattr(given, "kind", "M") in "mM":
            frames.refuse_tensors(X, type(self))
            frames.refuse_times(X)
        dtype = np.float32 if given == np.float16 else (np.float64, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            options |= {"accept_sparse": ("csr", "csc"), "ensure_all_finite": False}
            try:
                checked = validate_data(self, X, *y, dtype=dtype, **options)
            except (TypeError, ValueError) as error:
                frames.refuse_columns(X, error)
                raise
            table = checked[0] if y else checked
            if issparse(table):
                table = by_row(table)
                checked = (table, checked[1]) if y else table
            if issparse(table) or not (table.flags.forc and np.linalg.norm(table) < LARGEST):
                refuse_extremes(table, "X", vars(self).get("feature_names_in_"), type(self))
        return checked

    # Fitted attributes ------------------------------------------------------------------------

    def _attributes(self, state, weights, n_iter, n_rows_seen):
        """All that a fitted estimator keeps."""
        architecture = state.architecture
        units = state.target_scale and Units(state.target_scale)
        return {
            "_weights": weights,
            "history_": state.history,
            "n_iter_": n_iter,
            "n_layers_": len(architecture.n_units),
            "n_outputs_": architecture.n_units[-1],
            "out_activation_": architecture.loss.link,
            "t_": n_rows_seen,
            "_training": state,
            "_predictor": Predictor(architecture, weights, units),
        }

    def _report(self, outcome, advice):
        if outcome.reason == "interrupted":
            raise KeyboardInterrupt(outcome.message)
        message = outcome.message
        if symptoms.CAUSE in "".join(advice):  # that is what to change
            message = message.removesuffix(symptoms.NOT_CONVERGED.advice).rstrip()
        if message:
            advice.insert(0, message)
        if advice:
            warnings.warn("\n".join(advice), ConvergenceWarning, stacklevel=4)
        return self


_ALREADY_STOPPED = (
    "Early stopping: the validation score has not improved for {} calls of partial_fit. The best "
    "weights are kept, and this call trained nothing. Set early_stopping=False to train on."
)
_NO_DECISION = "This call decides nothing about when to stop"
_NO_SCORE = "A score of the validation set is missing in history_"
_NO_ROWS = (
    "class_weight leaves no row of the {} set with a weight above zero; give at least one class in "
    "it a positive weight."
)
