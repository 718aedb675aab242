"""What a fitted network keeps, what is derived from it, and how it is saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sknn_opt.arrays.extremes import LARGEST
from sknn_opt.estimators.features import HiddenFeatures
from sknn_opt.estimators.target_scale import Units
from sknn_opt.estimators.weights import NetworkWeights
from sknn_opt.nn.predictor import Predictor
from sknn_opt.training.monitor import total_loss
from sknn_opt.training.state import TrainingState, unpickled

DERIVED = ("_predictor", "_checked")  # made anew where they are missing


class FittedNetwork(HiddenFeatures, NetworkWeights):
    """The attributes of a fitted estimator; a mixin."""

    history_: list[dict[str, Any]]
    n_iter_: int
    t_: int
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    n_layers_: int
    n_outputs_: int
    out_activation_: str

    def __getstate__(self):
        """Plain values: arrays, numbers, strings, lists and dicts, but no times.

        So equal fits have equal pickles.
        """
        values = {k: v for k, v in super().__getstate__().items() if k not in DERIVED}
        if "_training" in values:
            weights = values.pop("_weights")
            values |= {"theta_": weights.theta, "statistics_": weights.statistics}
            history = [row | {"seconds": None} for row in values["history_"]]
            training = replace(values["_training"], history=history)
            values |= {"history_": history, "_training": training.to_plain()}
        return values

    def __setstate__(self, values):
        if "_training" in values:
            values = dict(values)
            weights = unpickled(values.pop("theta_"), values.pop("statistics_"))
            state = TrainingState.from_plain(values["_training"], weights)
            values |= {"_training": state, "_weights": weights}
        super().__setstate__(values)

    def _outputs(self, X, then, depth=None):
        """What `then` makes of the raw outputs of new rows, of shape (n_samples, n_outputs).

        With `depth`, of the activations of that hidden layer, counted from 1.
        """
        with np.errstate(all="ignore"):
            X = self._prepared(X)
            return self._predictor.outputs(X, then, depth=depth)

    def _prepared(self, X):
        """X as the predictor takes it, which is there then."""
        try:
            known = self._predictor.weights is self._weights
        except AttributeError:
            check_is_fitted(self)
            known = False
        if not known:
            state = self._training
            units = state.target_scale and Units(state.target_scale)
            self._predictor = Predictor(state.architecture, self._weights, units)
        return X if self._is_as_validated(X) else self._validate(X, reset=False)

    def _of_each_member(self, X, then):
        """The same of each member by itself, of shape (n_members, n_samples, ...)."""

        def then_of_each(z):
            return np.stack([then(own) for own in z], axis=1)

        with np.errstate(all="ignore"):
            X = self._prepared(X)
            return np.moveaxis(self._predictor.outputs(X, then_of_each, apart=True), 1, 0)

    def _is_as_validated(self, X):
        """Whether validation would return X as it is: it takes longer than a row of a network."""
        return (
            type(X) is np.ndarray
            and X.dtype.char in "fd"
            and X.dtype.isnative
            and X.ndim == 2
            and X.shape[1] == self.n_features_in_
            and len(X) > 0
            and X.flags.c_contiguous
            and "feature_names_in_" not in vars(self)
            and bool(np.vdot(X, X) < LARGEST**2)  # so that all are finite
        )

    @property
    def loss_curve_(self) -> list[float]:
        """Loss and penalty of each epoch."""
        return [total_loss(row) for row in self.history_]

    @property
    def loss_(self) -> float:
        """Loss and penalty of the last epoch."""
        return self.loss_curve_[-1] if self.history_ else np.inf

    @property
    def best_loss_(self) -> float | None:
        """The lowest of all epochs, or None if a validation score decided."""
        return None if self._training.by_score else min(self.loss_curve_, default=np.inf)

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """The loss on the validation set after each epoch, without penalty; None without a set."""
        return self._column("validation_loss")

    @property
    def validation_scores_(self) -> list[float] | None:
        """The score on the validation set after each epoch; None without a set."""
        return self._column("score")

    @property
    def best_validation_score_(self) -> float | None:
        """That of the weights kept: the highest of the last fit, or of the stream."""
        if self._training.by_score:
            return self._training.best_value
        scores = self.validation_scores_
        return None if scores is None else float(np.nanmax(scores))

    def _column(self, name):
        values = [row[name] for row in self.history_]
        if all(value is None for value in values):
            return None
        return [np.nan if value is None else value for value in values]
