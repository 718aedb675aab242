"""A hidden layer's activations as features: the network as a transformer of scikit-learn."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknn_opt.arrays.types import Matrix
from sknn_opt.training.remedies import n_hidden_layers


def has_hidden_layers(estimator):
    """Whether transform exists for the estimator's hidden_layer_sizes."""
    if n_hidden_layers(estimator) == 0:
        by_number = estimator.depth is not None
        raise AttributeError(
            "transform needs a hidden layer, whose activations are the features; "
            f"{'depth=0' if by_number else 'hidden_layer_sizes=()'} has none. Set it to "
            f"{1 if by_number else 100}, for example."
        )
    return True


class _Features(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    def transform(self, X: Matrix) -> NDArray[Any]:
        """The activations of the last hidden layer, as features for another estimator.

        They are those of the network as it predicts: without dropout, batch norm folded in. See
        `activations` for the other layers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_members * n_units)
            In the wider precision of X and the network; a DataFrame after
            ``set_output(transform="pandas")``.

        Raises
        ------
        AttributeError
            If the network has no hidden layer.
        ValueError
            If X has other features than the training data, or holds NaN, infinity or a number
            beyond 1e100 in size.
        """
        return self.activations(X)


class HiddenFeatures(_Features, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """The transformer's part of an estimator; a mixin.

    scikit-learn wraps `transform` where a class defines it, so that `set_output` has its effect,
    and the wrapper would always exist. So the condition goes around the wrapper, in a second class,
    in which nothing is wrapped.
    """

    fit_transform = available_if(has_hidden_layers)(_Features.fit_transform)
    transform = available_if(has_hidden_layers)(_Features.transform)
    get_feature_names_out = available_if(has_hidden_layers)(_Features.get_feature_names_out)

    @property
    def _n_features_out(self):
        architecture = self._training.architecture
        return architecture.n_units[-2] * architecture.n_members

    def activations(self, X: Matrix, layer: int = -1) -> NDArray[Any]:
        """The activations of a hidden layer of the network as it predicts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        layer : int, default=-1
            Which one, as in ``hidden_layer_sizes[layer]``: 0 is the first, -1 the last.

        Returns
        -------
        ndarray of shape (n_samples, n_members * hidden_layer_sizes[layer])
            Those of one member beside those of the other.

        Raises
        ------
        ValueError
            If there is no such layer, or X cannot be used.
        """
        check_is_fitted(self)
        sizes = self._training.architecture.n_units[1:-1]
        if layer not in range(-len(sizes), len(sizes)):
            raise ValueError(
                f"layer={layer!r} is no hidden layer of this network: it must be an index into its "
                f"hidden_layer_sizes, {sizes}."
            )
        return self._outputs(X, lambda a: a, depth=int(layer) % len(sizes) + 1)
