"""What the classifier and the regressor share: from scikit-learn's conventions to θ and back.

What a fitted estimator keeps is plain arrays, numbers, strings, lists and dicts: ``theta_``,
``statistics_``, the description of the architecture, the curves, and in ``_training`` what it takes
to go on. Everything else is derived from these when asked for.
"""

import copy
import warnings
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted, validate_data

from sknn_opt._sklearn import CallbackSupportMixin, fit_context
from sknn_opt.arrays.chunks import memory_map, parts
from sknn_opt.arrays.threads import blas_threads
from sknn_opt.estimators import _rows
from sknn_opt.estimators._callbacks import FitTask
from sknn_opt.estimators._fitting import Fit, start_at_the_mean
from sknn_opt.estimators._streaming import StreamFit
from sknn_opt.estimators._validation import (
    check_loss,
    check_schedule,
    check_scoring_name,
    checked_weights,
    transaction,
    validation_set,
)
from sknn_opt.estimators.parameters import CONSTRAINTS, dropout_rates, hidden_sizes
from sknn_opt.nn.losses import make_loss
from sknn_opt.nn.network import Architecture
from sknn_opt.nn.objective import Objective
from sknn_opt.nn.predictor import block_rows, fold, raw_outputs
from sknn_opt.optim import OPTIMIZERS
from sknn_opt.training.batches import Data
from sknn_opt.training.progress import total_loss
from sknn_opt.training.streams import Streams


def takes_minibatches(estimator):
    """Whether partial_fit exists for the estimator's solver."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit needs a minibatch solver; solver='lbfgs' works on the whole set. "
            f"Choose one of {sorted(OPTIMIZERS)}."
        )
    return True


class BaseMLP(CallbackSupportMixin, BaseEstimator):
    """The common part of MLPClassifier and MLPRegressor; not for direct use.

    A subclass says how targets are encoded and decoded (`_encode`, `_decode`), which loss and how
    many outputs they need (`_loss_and_outputs`), and how to stratify (`_strata`).
    """

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None
    ):  # fmt: skip
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs, best with mean 0 and variance 1 (see `InputNormalizer`).
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, >= 0. An integer weight counts like repetition.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate on after each epoch. With `early_stopping` they decide when to stop, in
            place of a part held out; without, they are only watched. In a pipeline, normalise them
            like X with ``Pipeline(..., transform_input=["X_val"])``.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used. The estimator is then as it was before.
        """
        task = FitTask(self, X, y, sample_weight, self.max_iter)
        with transaction(self):
            goes_on = self.warm_start and hasattr(self, "theta_")
            data = self._read(X, y, sample_weight, reset=not goes_on)
            validation = validation_set(self._read, data, X_val, y_val, sample_weight_val)
            spec = self._spec_to_continue(data) if goes_on else self._new_spec(data)
            fit = Fit(self, spec, goes_on=goes_on, task=task)
            run = fit.by_lbfgs if self.solver == "lbfgs" else fit.by_minibatches
            fitted = run(data, validation)
            n_iter = len(fitted.progress.history) - fit.n_before
            vars(self).update(self._attributes(fitted, n_iter))  # at once: never half of them
        task.end()
        return self._report(fitted)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        self._validate_params()
        classes = self._check_classes(classes, y)
        with transaction(self):
            goes_on = hasattr(self, "theta_")
            data = self._read(X, y, sample_weight, reset=not goes_on, classes=classes)
            spec = self._spec_to_continue(data) if goes_on else self._new_spec(data)
            fitted = StreamFit(self, spec, goes_on=goes_on).by_one_pass(data)
            vars(self).update(self._attributes(fitted, len(fitted.progress.history)))
        return self._report(fitted)

    def objective(self, X, y, sample_weight=None, *, dtype="float64"):
        """The function that training descends, as a function of the parameter vector.

        It is taken with all rows as one batch, in training mode: batch norm uses the
        statistics of these rows, and dropout masks are drawn once and then stay.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        dtype : {'float64', 'float32'}, default='float64'
            The precision of the network.

        Returns
        -------
        Objective
            With ``value(theta)``, ``gradient(theta)``, ``value_and_gradient(theta)``, ``theta``
            (that of a fitted estimator, else random initial parameters) and ``blocks``.
        """
        self._validate_params()
        draft = copy.copy(self)  # reading the data may write classes and feature names
        fitted = hasattr(self, "theta_")
        data = draft._read(X, y, sample_weight, reset=not fitted)
        spec = draft._spec() if fitted else draft._new_spec(data)
        normalizer = getattr(self, "target_normalizer_", None)
        if not fitted:
            normalizer = _rows.learn_target_scale(draft, make_loss(spec.loss), data)
        totals = _rows.totals_of_classes(draft, data)
        data = _rows.as_trained_on(draft, data, normalizer, totals)
        streams = Streams.from_random_state(self.random_state)
        if fitted:
            theta = self.theta_
        else:
            theta = spec.initial_parameters(self.init, streams.init, float)
            start_at_the_mean(spec, make_loss(spec.loss), theta, data)
        arrays = data.as_arrays(np.dtype(dtype))
        return Objective(spec, theta.astype(dtype), *arrays, float(self.alpha), streams.dropout)

    def _check_classes(self, classes, y):
        """The classes that a call of partial_fit announces (none for a regressor)."""

    # Data -------------------------------------------------------------------------------------

    def _read(self, X, y, sample_weight, *, reset, classes=None):
        """Validate X, y and the weights, and encode y for the loss."""
        X, y = self._validate(X, y, reset=reset, multi_output=True, y_numeric=self._y_numeric)
        if sample_weight is not None:
            sample_weight = checked_weights(sample_weight, X)
        return Data(_by_row(X), self._encode(y, reset=reset, classes=classes), sample_weight)

    def _validate(self, X, *y, **options):
        """scikit-learn's validation, without the warnings of its own sums over huge numbers."""
        options |= {"accept_sparse": ["csr", "csc"], "dtype": _input_dtype(X)}
        with np.errstate(over="ignore", invalid="ignore"):
            if memory_map(X) is None:
                return validate_data(self, X, *y, **options)
            checked = validate_data(self, X, *y, ensure_all_finite=False, **options)
            for part in parts(checked[0] if y else checked):
                assert_all_finite(part, input_name="X", estimator_name=type(self).__name__)
        return checked

    def _predict_by_blocks(self, X, then):
        """What `then` makes of z[L] of new rows, which are of shape (n_samples, n_outputs).

        So that nothing of that size is made but the result.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        spec = self._spec()
        weights = fold(spec, self.theta_, self.statistics_)
        with blas_threads(block_rows(spec.n_units), spec.n_units):
            return raw_outputs(*weights, spec.activation, _by_row(X), then=then)

    # Architecture -----------------------------------------------------------------------------

    def _new_spec(self, data):
        """The architecture that the parameters ask for, for these data."""
        sizes = hidden_sizes(self.hidden_layer_sizes)
        rates = (float(self.input_dropout), *dropout_rates(self.dropout, len(sizes)))
        if self.solver == "lbfgs" and any(rates):
            raise ValueError(
                "dropout needs a minibatch solver: solver='lbfgs' minimises a fixed function, and "
                f"dropout changes it at every step. Choose one of {sorted(OPTIMIZERS)}, or set "
                "dropout and input_dropout to 0."
            )
        check_scoring_name(self.scoring)
        check_schedule(self.learning_rate)
        loss, n_outputs = self._loss_and_outputs(data.y)
        check_loss(loss, data.y, n_outputs)
        n_units = (data.X.shape[1], *sizes, n_outputs)
        return Architecture(n_units, self.activation, loss, rates, bool(self.batch_norm))

    def _spec(self):
        """The architecture that was fitted."""
        return Architecture.from_plain(self._architecture)

    def _spec_to_continue(self, data):
        """The fitted architecture, if the parameters and the data still ask for the same one."""
        new, old = self._new_spec(data), self._spec()
        for name, now, before in (
            ("hidden_layer_sizes", new.n_units[1:-1], old.n_units[1:-1]),
            ("activation", new.activation, old.activation),
            ("batch_norm", new.batch_norm, old.batch_norm),
            ("loss", new.loss, old.loss),
            ("the number of outputs in y", new.n_units[-1], old.n_units[-1]),
        ):
            if now != before:
                raise ValueError(
                    f"Training cannot go on from the fitted weights: {name} was {before!r} and is "
                    f"now {now!r}. Set it back, or fit anew with warm_start=False."
                )
        return new  # dropout may differ: it has no parameters

    # Fitted attributes ------------------------------------------------------------------------

    def _attributes(self, fitted, n_iter):
        """All that a fitted estimator keeps."""
        spec = fitted.spec
        return {
            "theta_": fitted.point.theta,
            "statistics_": fitted.point.statistics,
            "history_": fitted.progress.history,
            "n_iter_": n_iter,
            "n_layers_": len(spec.n_units),
            "n_outputs_": spec.n_units[-1],
            "out_activation_": make_loss(spec.loss).link,
            "t_": fitted.n_rows_seen,
            "_architecture": spec.to_plain(),
            "_training": fitted.state,
        }

    def _report(self, fitted):
        if fitted.outcome.reason == "interrupted":
            raise KeyboardInterrupt(fitted.outcome.message)
        messages = [message for message in (fitted.outcome.message, *fitted.advice) if message]
        if messages:
            warnings.warn("\n".join(messages), ConvergenceWarning, stacklevel=4)
        return self

    @property
    def blocks_(self):
        """Where the named blocks lie in ``theta_``: name -> slice and shape."""
        return self._spec().blocks

    @property
    def coefs_(self):
        """The weight matrices of the network as it predicts."""
        return fold(self._spec(), self.theta_, self.statistics_)[0]

    @property
    def intercepts_(self):
        """The biases of the network as it predicts."""
        return fold(self._spec(), self.theta_, self.statistics_)[1]

    @property
    def loss_curve_(self):
        """Loss and penalty of each epoch."""
        return [total_loss(row) for row in self.history_]

    @property
    def loss_(self):
        """Loss and penalty of the last epoch."""
        return self.loss_curve_[-1] if self.history_ else np.inf

    @property
    def best_loss_(self):
        """The lowest of all epochs, or None if a validation score decided."""
        return None if self._training["by_score"] else min(self.loss_curve_, default=np.inf)

    @property
    def validation_loss_curve_(self):
        """The loss on the validation set after each epoch, without penalty; None without a set."""
        return self._column("validation_loss")

    @property
    def validation_scores_(self):
        """The score on the validation set after each epoch; None without a set."""
        return self._column("score")

    @property
    def best_validation_score_(self):
        """That of the weights kept: the highest of the last fit, or of the stream."""
        if "best_score" in self._training:
            return self._training["best_score"]
        scores = self.validation_scores_
        return None if scores is None else float(np.nanmax(scores))

    def _column(self, name):
        values = [row[name] for row in self.history_]
        if all(value is None for value in values):
            return None
        return [np.nan if value is None else value for value in values]


def _input_dtype(X):
    """Float data stay as they are; float16 works in float32, all else in float64."""
    if getattr(X, "dtype", None) == np.float16:
        return np.float32
    return [np.float64, np.float32]


def _by_row(X):
    """Sparse data as CSR, whose rows can be taken, without duplicate entries."""
    if not issparse(X):
        return X
    X = csr_array(X)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
