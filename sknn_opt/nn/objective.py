"""J(θ) as an ordinary function, for scipy and for gradient checks."""

import numpy as np

from sknn_opt.nn.network import Network


class Objective:
    """The function that training descends, with all rows as one batch.

    J(θ) = Σᵢ wᵢ ℓᵢ(θ) / Σᵢ wᵢ  +  α / (2 Σᵢ wᵢ) · Σₗ ‖W[l]‖²

    It is in training mode: batch norm takes the statistics of these rows, and dropout masks are
    drawn once and then held still, so that J is deterministic and its gradient can be checked.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        A copy of the parameters at which the objective was made.
    blocks : dict of str to Block
        Where ``W[1]``, ``b[1]``, ``gamma[1]``, … lie in θ: ``blocks["W[1]"].slice`` and
        ``.shape``; ``blocks["W[1]"].of(theta)`` is the block as a matrix.

    Examples
    --------
    >>> from scipy.optimize import check_grad
    >>> from sklearn.datasets import load_iris
    >>> from sknn_opt import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> objective = MLPClassifier((5,), random_state=0).objective(X, y)
    >>> bool(check_grad(objective.value, objective.gradient, objective.theta) < 1e-5)
    True
    """

    def __init__(self, architecture, theta, X, y, weight=None, alpha=0.0, rng=None):
        self.theta = np.array(theta)
        self.blocks = architecture.blocks
        self._architecture = architecture
        self._X, self._y, self._weight = X, y, weight
        self._scale = 1 / (X.shape[0] if weight is None else weight.sum().item())
        self._penalty = alpha * self._scale
        self._network = self._bind(self.theta.dtype)
        self._network.draw_masks(rng, X)
        self._twin = None

    def _bind(self, dtype):
        spec = self._architecture
        return Network(
            spec,
            np.zeros(spec.n_parameters, dtype),
            spec.initial_statistics(dtype),
            self._X.shape[0],
            sparse=not isinstance(self._X, np.ndarray),
        )

    def _complex_twin(self):
        """The same network in complex arithmetic, with the same masks."""
        if self._twin is None:
            self._twin = self._bind(np.complex128)  # complex64 has no room for a step of 1e-200
            for ours, theirs in zip(self._network.dropouts, self._twin.dropouts, strict=True):
                theirs.mask = ours.mask
        return self._twin

    def _at(self, theta):
        theta = np.asarray(theta)
        network = self._complex_twin() if theta.dtype.kind == "c" else self._network
        if theta.shape != self.theta.shape:
            raise ValueError(
                f"theta must have shape {self.theta.shape}, one element for each parameter of the "
                f"network; got shape {theta.shape}."
            )
        network.theta[...] = theta
        return network

    def _args(self):
        return self._X, self._y, self._weight, self._scale, self._penalty

    def value(self, theta):
        """J(θ).

        Parameters
        ----------
        theta : array-like of shape (n_parameters,)
            Real, or complex for complex-step differentiation.

        Returns
        -------
        float, or complex for a complex theta
        """
        with np.errstate(all="ignore"):
            return self._at(theta).loss(*self._args())

    def value_and_gradient(self, theta):
        """J(θ) and ∇J(θ) by backprop.

        Parameters
        ----------
        theta : array-like of shape (n_parameters,)
            Real.

        Returns
        -------
        value : float
        gradient : ndarray of shape (n_parameters,)
            A new array: scipy's optimizers keep what they are given.

        Raises
        ------
        TypeError
            If theta is complex.
        """
        if np.iscomplexobj(theta):
            raise TypeError("theta must be real for a gradient; value(theta) takes a complex one.")
        network = self._at(np.asarray(theta, self.theta.dtype))
        with np.errstate(all="ignore"):
            value = network.loss_and_gradient(*self._args())
        return value, network.grad.copy()

    def gradient(self, theta):
        """∇J(θ) by backprop, of shape (n_parameters,)."""
        return self.value_and_gradient(theta)[1]

    def batch_statistics(self, theta):
        """Batch norm's statistics of these rows at θ, as one vector (empty without batch norm)."""
        network = self._at(theta)
        with np.errstate(all="ignore"):
            network.forward(self._X, self._weight)
        network.update_running(1.0)
        return network.statistics.copy()
