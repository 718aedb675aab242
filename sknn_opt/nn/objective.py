"""J(θ) as an ordinary function, for scipy and for gradient checks."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknn_opt.arrays.types import Floats, Matrix
from sknn_opt.nn import members
from sknn_opt.nn.losses import constant_loss
from sknn_opt.nn.network import Architecture, Block, Network


class Objective:
    """The function that training descends, with all rows as one batch.

    J(θ) = Σᵢ wᵢ ℓᵢ(θ) / Σᵢ wᵢ  +  α / (2 Σᵢ wᵢ) · Σₗ ‖W[l]‖²

    It is in training mode: batch norm takes the statistics of these rows, and dropout masks are
    drawn once and then held still, so that J is deterministic and its gradient can be checked.

    Of several members it is the sum of theirs, each on all rows; `member` gives that of one.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        A copy of the parameters at which the objective was made.
    blocks : dict of str to Block
        Where ``W[1]``, ``b[1]``, ``gamma[1]``, … lie in θ: ``blocks["W[1]"].slice`` and
        ``.shape``; ``blocks["W[1]"].of(theta)`` is the block as a matrix.
    X : ndarray or CSR array of shape (n_rows, n_features)
        The rows.
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Their targets as the loss takes them.
    weight : ndarray of shape (n_rows,) or (n_members, n_rows), or None
        Their weights, for each member its own or the same for all; None counts each row once.
    scale : float
        1 / Σᵢ wᵢ, the factor of the data term.
    penalty : float
        α / Σᵢ wᵢ, the factor of Σ ‖W‖² / 2.

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

    theta: Floats
    blocks: dict[str, Block]
    X: Any
    y: NDArray[Any]
    weight: Floats | None
    scale: float
    penalty: float

    def __init__(
        self,
        architecture: Architecture,
        theta: ArrayLike,
        X: Matrix,
        y: NDArray[Any],
        weight: Floats | None = None,
        alpha: float = 0.0,
        rng: np.random.Generator | None = None,
    ):
        self.theta = np.array(theta)
        self.blocks = architecture.blocks
        self._architecture = architecture
        self.X, self.y, self.weight = X, y, weight
        if weight is not None and weight.ndim == 2:  # each member's mean is over its own
            totals = weight.sum(axis=1, keepdims=True)
            self.weight = weight = weight * (totals.mean() / totals).astype(weight.dtype)
            self.scale = 1 / totals.mean().item()
        else:
            self.scale = 1 / (X.shape[0] if weight is None else weight.sum().item())
        self.penalty = alpha * self.scale
        self._masks: list[Any] = []
        k = architecture.n_members
        self._packed = (X, y) if k == 1 else (members.repeat(X, k), members.repeat(y, k))
        self._network = self._bind(self.theta.dtype)
        self._network.draw_masks(rng, self._packed[0])
        self._masks = [dropout.mask for dropout in self._network.dropouts]
        self._twins: list[Network] = []  # shared by copies

    def member(self, number: int) -> Objective:
        """The objective of one member, with the same rows and dropout masks.

        Parameters
        ----------
        number : int
            From 0.
        """
        theta, k = members.one_of(self.blocks, self.theta, number), self._architecture.n_members
        one, weight = self._architecture.of_member(number), self.weight
        own = None if weight is None else np.broadcast_to(weight, (k, self.X.shape[0]))[number]
        other = self._with(theta=theta, blocks=one.blocks, weight=own, _architecture=one)
        other._packed, other._twins = (self.X, self.y), []
        other._masks = [members.rows_of(mask, k, number) for mask in self._masks]
        other._network = other._bind(theta.dtype)
        return other

    def data_term(self) -> Objective:
        """Σᵢ wᵢ ℓᵢ(θ) / Σᵢ wᵢ alone, with the same dropout masks."""
        return self._with(penalty=0.0)

    def penalty_term(self) -> Objective:
        """The L2 penalty alone."""
        return self._with(scale=0.0)

    def without_weights(self) -> Objective:
        """The same rows, each counting once."""
        return self._with(weight=None, scale=1 / self.X.shape[0])

    def without_last_row(self) -> Objective:
        """The last row left out of the sum, but not of the mean."""
        weight = np.ones(self.X.shape[0]) if self.weight is None else self.weight.astype(float)
        weight[-1] = 0
        return self._with(weight=weight)

    def of_rows(self, rows: NDArray[np.int_], rng: np.random.Generator) -> Objective:
        """Some of the rows by themselves, with dropout masks of their own, as for a batch.

        Parameters
        ----------
        rows : ndarray of int
            Their numbers.
        rng : Generator
            Draws the masks.
        """
        weight = None if self.weight is None else self.weight[..., rows]
        alpha = self.penalty / self.scale
        data = self.X[rows], self.y[rows], weight, alpha
        return Objective(self._architecture, self.theta, *data, rng)

    def constant_loss(self) -> float:
        """The data term of the best constant prediction."""
        return constant_loss(self._architecture.loss, self.n_outputs, self.y, self.weight)

    @property
    def n_outputs(self) -> int:
        """The outputs of a network."""
        return self._architecture.n_units[-1]

    @property
    def n_members(self) -> int:
        """How many networks J is the sum of."""
        return self._architecture.n_members

    @property
    def n_decayed(self) -> int:
        """How many elements at the head of θ the penalty shrinks."""
        return self._architecture.n_decayed

    def new_network(self, theta: ArrayLike) -> Network:
        """A network of its own, in float64, with the same dropout masks.

        Parameters
        ----------
        theta : array-like of shape (n_parameters,)
            Real.
        """
        network = self._bind(np.float64)
        network.theta[...] = theta
        return network

    def _with(self, **attributes):
        other = copy.copy(self)
        vars(other).update(attributes)
        return other

    def _bind(self, dtype):
        """A network of θ = 0, with the masks of the first one."""
        architecture, sparse = self._architecture, not isinstance(self.X, np.ndarray)
        theta = np.zeros(architecture.n_parameters, dtype)
        statistics = architecture.initial_statistics(dtype)
        network = Network(architecture, theta, statistics, self.X.shape[0], sparse=sparse)
        for dropout, mask in zip(network.dropouts, self._masks, strict=False):
            dropout.mask = mask
        return network

    def network_at(self, theta: ArrayLike) -> Network:
        """The network with its parameters set to theta; the next call reuses it.

        Parameters
        ----------
        theta : array-like of shape (n_parameters,)
            Real or complex.

        Raises
        ------
        ValueError
            If theta has another length.
        """
        theta = np.asarray(theta)
        if theta.shape != self.theta.shape:
            raise ValueError(
                f"theta must have shape {self.theta.shape}, one element for each parameter of the "
                f"network; got shape {theta.shape}."
            )
        network = self._network
        if np.iscomplexobj(theta):
            if not self._twins:
                self._twins.append(self._bind(np.complex128))  # complex64 has no room for 1e-200
            (network,) = self._twins
        network.theta[...] = theta
        return network

    def penalty_at(self, theta: Floats) -> float:
        """The L2 penalty, the part of J that is not the data term.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
            Real.
        """
        weights = theta[: self.n_decayed]
        return 0.5 * self.penalty * float(weights @ weights)

    def _args(self):
        return *self._packed, self._weights(), self.scale, self.penalty

    def _weights(self):
        """The weights of the rows, one member's behind the other's."""
        weight, k = self.weight, self._architecture.n_members
        if weight is None or k == 1:
            return weight
        return np.broadcast_to(weight, (k, self.X.shape[0])).ravel()

    def value(self, theta: ArrayLike) -> float:  # complex for a complex theta
        """J(θ).

        Parameters
        ----------
        theta : array-like of shape (n_parameters,)
            Real, or complex for complex-step differentiation.

        Returns
        -------
        float, or complex for a complex theta
        """
        network = self.network_at(theta)
        with np.errstate(all="ignore"):
            return network.loss(*self._args()) if self.scale else network.penalty(self.penalty)

    def member_losses(self, theta: ArrayLike) -> Floats:
        """Each member's part of the data term.

        Parameters
        ----------
        theta : array-like of shape (n_parameters,)
            Real.

        Returns
        -------
        ndarray of shape (n_members,)
        """
        network = self.network_at(theta)
        with np.errstate(all="ignore"):
            loss = network.loss(*self._args()[:-1])
        return np.array([loss]) if network.n_members == 1 else network.member_losses

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Floats]:
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
        network = self.network_at(np.asarray(theta, self.theta.dtype))
        with np.errstate(all="ignore"):
            value = network.loss_and_gradient(*self._args())
        return value, network.grad.copy()

    def gradient(self, theta: ArrayLike) -> Floats:
        """∇J(θ) by backprop.

        Parameters
        ----------
        theta : array-like of shape (n_parameters,)
            Real.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        return self.value_and_gradient(theta)[1]

    def batch_statistics(self, theta: ArrayLike) -> Floats:
        """Batch norm's statistics of these rows at θ.

        Parameters
        ----------
        theta : array-like of shape (n_parameters,)
            Real.

        Returns
        -------
        ndarray of shape (n_statistics,)
            Means and variances, layer by layer; empty without batch norm.
        """
        network = self.network_at(theta)
        if network.batch_norms:
            with np.errstate(all="ignore"):
                network.forward(self._packed[0], self._weights())
                network.statistics[...] = 0  # the last ones may be infinite, and 0 · inf is NaN
                network.update_running(1.0)
        return network.statistics.copy()
