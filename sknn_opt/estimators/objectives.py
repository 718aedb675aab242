"""The function that an estimator's training descends."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sknn_opt._sklearn import validate_params
from sknn_opt.arrays.types import Matrix
from sknn_opt.estimators.parameters import architecture_of
from sknn_opt.nn.network import Weights
from sknn_opt.nn.objective import Objective
from sknn_opt.optim import TrainingTime
from sknn_opt.training import randomness
from sknn_opt.training.state import TrainingState


class WithObjective:
    """A mixin of `BaseMLP`."""

    def objective(
        self: Any,
        X: Matrix,
        y: Matrix,
        sample_weight: ArrayLike | None = None,
        *,
        dtype: DTypeLike = "float64",
    ) -> Objective:
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
        validate_params(self)
        draft = copy.copy(self)  # reading the data may write classes and feature names
        before = self._training if hasattr(self, "theta_") else None
        rows = draft._read(X, y, sample_weight, reset=before is None)
        init, _, dropout, key = randomness.generators(self.random_state)
        if before:
            architecture = before.architecture.for_targets(rows.y)
            state = replace(before, architecture=architecture, weights=self._weights)
        else:
            architecture = architecture_of(draft, rows)
            theta = architecture.initial_parameters(self.init, init, float)
            weights = Weights(theta, architecture.initial_statistics(float))
            state = TrainingState(architecture, weights, TrainingTime(1.0, 1), key, {}, {})
        state.class_totals = None
        draft._count_classes(state, rows)
        rows = draft._as_trained_on(state, rows, None if before else "first")
        X, y, weight = rows.as_arrays(np.dtype(dtype))
        theta = state.weights.theta.astype(dtype)
        return Objective(state.architecture, theta, X, y, weight, float(self.alpha), dropout)
