"""What `TabularMLPClassifier` and `TabularMLPRegressor` share: a table in, a model out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from time import perf_counter
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sknn_opt._sklearn import Interval, StrOptions, fit_context
from sknn_opt.arrays.types import Matrix
from sknn_opt.estimators.evaluation import evaluation_of
from sknn_opt.estimators.parameters import DidYouMean, transaction
from sknn_opt.tables.encoder import TableEncoder
from sknn_opt.tables.importances import importances
from sknn_opt.tables.recipe import (
    PRESETS,
    encoder_parameters,
    input_factors,
    network_parameters,
)
from sknn_opt.tables.watchers import Clock, ProgressBar, Watcher


class BaseTabularMLP(DidYouMean, BaseEstimator):
    """Encodes the table, trains the network that suits it, and asks the network.

    Not for direct use.
    """

    encoder_: TableEncoder
    feature_importances_: NDArray[np.float64]
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    _network: ClassVar[Callable[..., Any]]
    _parameter_constraints: ClassVar[dict] = {
        "preset": [StrOptions(set(PRESETS))],
        "categorical_features": ["array-like", StrOptions({"from_dtype"})],
        "n_members": [None, Interval(Integral, 1, None, closed="left")],
        "max_time": [None, Interval(Real, 0, None, closed="neither")],
        "encoder": [None, TableEncoder],
        "network_params": [None, dict],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Encode the table and train the network.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table as it comes, of pandas, polars, pyarrow or an array: see `TableEncoder`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, >= 0.
        X_val : {data frame, array-like} of shape (n_val, n_columns), default=None
            A table that says which epoch is best, in place of the rows that members hold out.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.
        groups : array-like of shape (n_samples,), default=None
            What each row belongs to, such as a patient: the rows of a group are held out together.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data cannot be used. The estimator is then as it was before.
        """
        with transaction(self):
            self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), groups)
        return self

    def _fit(self, X, y, sample_weight, validation, groups):
        started, rng = perf_counter(), check_random_state(self.random_state)
        seeds = rng.randint(2**31, size=3)
        self.encoder_ = self._new_encoder(np.shape(X)[:2], int(seeds[0]))
        Z = self.encoder_.fit_transform(X, y, sample_weight)
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
            if hasattr(self.encoder_, name):
                setattr(self, name, getattr(self.encoder_, name))
        X_val, y_val, sample_weight_val = validation
        if X_val is not None:
            X_val = self.encoder_.transform(X_val)
        network = self._new_network(len(Z), int(seeds[1]), holds_out=X_val is None)
        watcher = Watcher()
        watchers = [watcher, *([ProgressBar()] if self.verbose else [])]
        clock = None if self.max_time is None else Clock(self.max_time, started)
        network._listeners = watchers if clock is None else [clock, *watchers]
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        try:
            network.fit(Z, y, sample_weight, groups=groups, **given)
        finally:
            del network._listeners
        if clock and clock.late:
            warnings.warn(_LATE.format(self.max_time, clock.planned), ConvergenceWarning, 4)
        self.network_ = network
        self._look(Z, y, sample_weight, watcher.evaluate, np.random.default_rng(seeds[2]))

    def _new_encoder(self, shape, seed):
        if self.encoder is None:
            parameters = encoder_parameters(*shape)
            return TableEncoder(self.categorical_features, random_state=seed, **parameters)
        if not isinstance(self.categorical_features, str):
            raise ValueError(
                "categorical_features and encoder are both given, and the encoder has "
                "categorical_features of its own: set them there."
            )
        encoder = clone(self.encoder)
        return (
            encoder if encoder.random_state is not None else encoder.set_params(random_state=seed)
        )

    def _new_network(self, n_rows, seed, *, holds_out):
        """The network that suits a table of so many rows."""
        parameters = network_parameters(self.preset, n_rows)
        parameters |= {"random_state": seed, **self._own_parameters()}
        if not holds_out:
            parameters["early_stopping"] = True
        if self.n_members is not None:
            if self.n_members > n_rows:
                raise ValueError(
                    f"n_members={self.n_members} is more than the {n_rows} rows of X; "
                    "each member holds out rows of its own. Set fewer members."
                )
            parameters["n_members"] = self.n_members
        parameters |= self.network_params or {}
        is_bin = self.encoder_.is_bin_
        if parameters["input_scale"] is True and parameters["n_members"] > 1 and is_bin.any():
            parameters["input_scale"] = input_factors(is_bin, parameters["n_members"])
        return self._network(**parameters)

    def _look(self, Z, y, sample_weight, evaluate, rng):
        """Set what follows from the fit."""
        network, state = self.network_, self.network_._training
        if evaluate is None:  # too few rows to hold any out
            rows = network._read(Z, y, sample_weight, reset=False)
            evaluate = evaluation_of(network, state, rows, False, [], "")
        args = self.encoder_.origin_, self.n_features_in_, rng
        self.feature_importances_ = importances(evaluate.of_each(network._weights), *args)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.non_deterministic = False
        return tags

    @property
    def history_(self) -> list[dict[str, Any]]:
        """One row for each epoch: see `MLPClassifier`."""
        return self.network_.history_

    @property
    def n_iter_(self) -> int:
        """Epochs."""
        return self.network_.n_iter_

    def _encoded(self, X):
        check_is_fitted(self)
        return self.encoder_.transform(X)

    def member_predictions(self, X: Matrix) -> NDArray[Any]:
        """What each member predicts: of classes, the probabilities.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.

        Returns
        -------
        ndarray of shape (n_members, n_samples, ...)
        """
        return self.network_.member_predictions(self._encoded(X))


_LATE = (
    "max_time={} was up after the first of {} epochs, and the network has learned little: give "
    "more time, preset='fast', or fewer rows."
)
