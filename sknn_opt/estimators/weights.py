"""The weights of a fitted network, as its user reads and sets them.

Setting them writes arrays of their own, so that copies of the estimator stay as they are, and
training goes on from them: what it remembers of others, such as the optimizer's moments and the
best score of a stream, is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import NotFittedError

from sknn_opt.arrays.extremes import LARGEST
from sknn_opt.arrays.types import Floats
from sknn_opt.nn.network import Block, Weights
from sknn_opt.nn.predictor import fold, unfold
from sknn_opt.training.state import TrainingState


class NetworkWeights:
    """The attributes that are the weights, or views of them; a mixin."""

    _training: TrainingState
    _weights: Weights  # those that predict

    @property
    def theta_(self) -> Floats:
        """All trained parameters in one vector."""
        return self._shown().theta

    @theta_.setter
    def theta_(self, theta: ArrayLike) -> None:
        theta = _checked("theta_", theta, self.theta_)
        self._go_on_from(Weights(theta, self.statistics_))

    @property
    def statistics_(self) -> Floats:
        """The running means and variances of batch norm."""
        return self._shown().statistics

    @statistics_.setter
    def statistics_(self, statistics: ArrayLike) -> None:
        statistics = _checked("statistics_", statistics, self.statistics_)
        for name, block in self._training.architecture.statistics.items():
            if name.startswith("variance") and (block.of(statistics) < 0).any():
                raise ValueError(f"statistics_ has a negative {name}; a variance must be >= 0.")
        self._go_on_from(Weights(self.theta_, statistics))

    @property
    def blocks_(self) -> dict[str, Block]:
        """Where the named blocks lie in ``theta_``: name -> slice and shape."""
        return self._of_fit("_training").architecture.blocks

    @property
    def coefs_(self) -> list[Floats]:
        """The weight matrices of the network as it predicts."""
        return _LayerArrays(self, "coefs_", self._folded()[0])

    @coefs_.setter
    def coefs_(self, coefs: Sequence[ArrayLike]) -> None:
        self._unfold(coefs=_checked_layers("coefs_", coefs, self.coefs_))

    @property
    def intercepts_(self) -> list[Floats]:
        """The biases of the network as it predicts."""
        return _LayerArrays(self, "intercepts_", self._folded()[1])

    @intercepts_.setter
    def intercepts_(self, intercepts: Sequence[ArrayLike]) -> None:
        self._unfold(intercepts=_checked_layers("intercepts_", intercepts, self.intercepts_))

    def _shown(self):
        """The weights that predict, read-only where a change in place would be lost.

        So it would if folded copies of them predict, if others train on, or if their score is
        remembered.
        """
        weights, state = self._of_fit("_weights"), self._training
        architecture = state.architecture
        folded = architecture.statistics or architecture.input_scale
        if folded or state.apart or state.by_score:
            weights.protect()
        return weights

    def _folded(self):
        return fold(self._of_fit("_training").architecture, self.theta_, self.statistics_)

    def _unfold(self, **layers):
        weights = self._weights.copy()
        unfold(self._training.architecture, weights, **layers)
        self._go_on_from(weights)

    def _go_on_from(self, weights):
        self._training, self._weights = self._training.with_weights(weights), weights

    def _of_fit(self, name):
        """What a fit has left."""
        try:
            return vars(self)[name]
        except KeyError:
            raise NotFittedError(
                f"This {type(self).__name__} is not fitted yet and has no weights to read or set: "
                "call fit or partial_fit first; a few rows will do."
            ) from None


class _LayerArrays(list):
    """The arrays of an attribute, one a layer; an array that is put into the list is set."""

    def __init__(self, estimator, name, arrays):
        super().__init__(arrays)
        self._estimator, self._name = estimator, name

    def __setitem__(self, index, array):
        arrays = list(getattr(self._estimator, self._name))
        arrays[index] = array
        setattr(self._estimator, self._name, arrays)
        super().__setitem__(slice(None), getattr(self._estimator, self._name))

    def __reduce__(self):
        return list, (list(self),)  # copies and pickles hold no estimator


def _checked_layers(name, given, fitted):
    """Arrays of the shapes of the fitted ones."""
    given = list(given) if np.iterable(given) else [given]
    if len(given) != len(fitted):
        raise ValueError(
            f"{name} must be a list of {len(fitted)} arrays, one for each layer with weights; got "
            f"{len(given)}."
        )
    return [_checked(f"{name}[{i}]", given[i], array) for i, array in enumerate(fitted)]


def _checked(name: str, given: Any, fitted: NDArray[Any]) -> NDArray[Any]:
    """An array of its own, with the shape and the dtype of the fitted one."""
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.empty(0, object)  # rows of several lengths
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be an array of real numbers; got dtype {array.dtype}.")
    if array.shape != fitted.shape:
        raise ValueError(f"{name} must have the shape {fitted.shape}; got {array.shape}.")
    largest = min(LARGEST, np.float64(np.finfo(fitted.dtype).max))
    wrong = array[~(np.abs(array.astype(np.float64)) <= largest)]
    if wrong.size:
        raise ValueError(
            f"{name} holds {wrong[0]}; all numbers of this {fitted.dtype} network must be finite "
            f"and not beyond {largest:.3g} in size."
        )
    return array.astype(fitted.dtype)
