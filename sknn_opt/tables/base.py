"""What `TabularMLPClassifier` and `TabularMLPRegressor` share: a table in, a model out."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sknn_opt._sklearn import CALLBACK_ATTRIBUTES, CallbackSupportMixin, fit_context
from sknn_opt.arrays.types import Matrix
from sknn_opt.estimators import spelling
from sknn_opt.estimators.parameters import DidYouMean, transaction
from sknn_opt.tables import importances
from sknn_opt.tables.encoder import TableEncoder
from sknn_opt.tables.parts import CONSTRAINTS, new_encoder, new_network, refuse_unknown
from sknn_opt.tables.watchers import TableTask, fit_in_time

OF_NETWORK = "network_params__"


class BaseTabularMLP(DidYouMean, CallbackSupportMixin, BaseEstimator):
    """Encodes the table, trains the network that suits it, and asks the network.

    Not for direct use.
    """

    encoder_: TableEncoder
    feature_importances_: NDArray[np.float64]
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    _network: ClassVar[Callable[..., Any]]
    _parameter_constraints: ClassVar[dict] = CONSTRAINTS
    _can_pause: ClassVar[tuple[str, ...]] = (
        "epochs",
    )  # of more rows the encoder makes other columns

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by their names, as in scikit-learn.

        Parameters
        ----------
        deep : bool, default=True
            Whether to give also those of the encoder, as ``encoder__bins``, and the entries of
            `network_params`, as ``network_params__dropout``.

        Returns
        -------
        dict
        """
        params = super().get_params(deep)
        given = self.network_params  # type: ignore[attr-defined]
        if deep and isinstance(given, dict):
            params |= {f"{OF_NETWORK}{name}": value for name, value in given.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by their names, as in scikit-learn.

        Parameters
        ----------
        **params : dict
            Their new values. ``encoder__bins=8`` and the like make a `TableEncoder` where there is
            none yet, whose other parameters are its own defaults: bins=None, max_categories=30.
            ``network_params__dropout=0.1`` and the like set one entry of a copy of
            `network_params`; the dict that was given stays as it is.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no parameter of such a name.
        """
        if self.encoder is None and any(name.startswith("encoder__") for name in params):
            params = {"encoder": TableEncoder(), **params}
        entries = {k: params.pop(k) for k in [*params] if k.startswith(OF_NETWORK)}
        if entries:
            params["network_params"] = self._with_entries(entries, params)
        return super().set_params(**params)

    def _with_entries(self, entries, params):
        """`network_params` with some more entries."""
        given = params.get("network_params", self.network_params)
        if not isinstance(given, dict | None):
            raise ValueError(f"network_params must be a dict or None; got {given!r}.")
        entries = {name.removeprefix(OF_NETWORK): value for name, value in entries.items()}
        refuse_unknown(entries, self._network())
        return (given or {}) | entries

    def _validate_params(self):
        try:
            super()._validate_params()
        except ValueError as error:
            raise spelling.with_hint(error, self) from None

    @fit_context(prefer_skip_nested_validation=False)  # network_params are the user's
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
            What each row belongs to, such as a patient: the rows of a group are held out together,
            and what categories of many values say of y is learned from other groups.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data cannot be used. The estimator is then as it was before.
        """
        watched = CALLBACK_ATTRIBUTES & vars(self).keys()
        task = TableTask(self, X, y, sample_weight) if watched else None
        with transaction(self):
            self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), groups, task)
        if task:
            task.end_fit()
        return self

    def _fit(self, X, y, sample_weight, validation, groups, task):
        started, rng = perf_counter(), check_random_state(self.random_state)
        seeds = rng.randint(2**31, size=3)
        self.encoder_ = new_encoder(self, X, int(seeds[0]))
        Z = self.encoder_._fit_transform(X, y, sample_weight, is_classifier(self), groups)
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
            if hasattr(self.encoder_, name):
                setattr(self, name, getattr(self.encoder_, name))
        X_val, y_val, sample_weight_val = validation
        if X_val is not None:
            X_val = self._encoded_validation_set(X_val)
        holds_out, own = X_val is None, self._own_parameters()
        network = new_network(self, Z, sample_weight, int(seeds[1]), own, holds_out=holds_out)
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        given["groups"] = groups if network.early_stopping else None
        pause = network._pause = vars(self).get("_pause")
        evaluate = fit_in_time(self, network, started, (Z, y, sample_weight), given, task)
        del network._pause
        if evaluate is None:  # too few rows to hold any out
            evaluate = importances.on_training_rows(network, Z, y, sample_weight)
        if not (pause and pause.state):
            of_each, rng = evaluate.of_each(network._weights), np.random.default_rng(seeds[2])
            work = importances.work_in(self.max_time)
            args = self.encoder_.origin_, self.n_features_in_, rng, work
            self.feature_importances_ = importances.importances(of_each, *args)
        # It predicts in double precision: in single, digits depend on the rows that come together.
        network._weights = network._weights.astype(np.float64)
        self.network_ = network

    def _encoded_validation_set(self, X_val):
        try:
            return self._encoded(X_val)
        except ValueError as error:
            raise ValueError(f"X_val cannot be used: {error}") from error

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

    def _ask(self, method, X, *args, **options):
        """What the network says of a table."""
        check_is_fitted(self)
        return getattr(self.network_, method)(self._encoded(X), *args, **options)

    def _encoded(self, X):
        """A matrix, also where transformers are to give frames."""
        return np.asarray(self.encoder_.transform(X))

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
        return self._ask("member_predictions", X)
