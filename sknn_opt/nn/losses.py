"""Losses on raw outputs z: the value and dℓ/dz from one function, so that they cannot disagree.

``losses, gradient = loss(z, y)`` gives ℓ(zᵢ, yᵢ) of each row and ∂ℓ/∂z, which may be z itself,
overwritten. The caller weighs the rows and divides by the batch's size (see `sknn_opt.nn.network`).
Predictions are ŷ = link(z); with r = z - y:

================  ========  =============================================  =======================
name              link      ℓ(z, y), summed over the outputs               ∂ℓ/∂z
================  ========  =============================================  =======================
log_loss          softmax   log Σₖ e^zₖ - z_y                              ŷ - y
binary_log_loss   logistic  log(1 + e^z) - y z                             ŷ - y
squared_error     identity  r² / 2                                         ŷ - y
absolute_error    identity  \\|r\\|                                          sign(r)
huber             identity  r² / 2 if \\|r\\| <= δ, else δ (\\|r\\| - δ / 2)   r, within -δ and δ
quantile          identity  (1 - q) r if r > 0, else -q r                  1 - q or -q
poisson           exp       e^z - y z + y log y - y                        ŷ - y
gamma             exp       z + y e^-z - log y - 1                         1 - y / ŷ
================  ========  =============================================  =======================

The last two are half the deviances. Label smoothing ε replaces a target y of the first two by
(1 - ε) y + ε / K, K being the number of classes (Szegedy et al. 2016, section 7).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, logit, xlogy

from sknn_opt.kernels import fastest
from sknn_opt.kernels import with_numpy as kernels

ROWS_OF_A_CONSTANT = 2**14  # are enough to find the best one


class Loss:
    """A loss on raw outputs; the base of those that you write yourself.

    Give an object of a subclass as the parameter ``loss`` of an estimator, and let
    `check_gradients` prove it.

    Attributes
    ----------
    link : {'identity', 'exp', 'logistic', 'softmax'}
        What turns raw outputs into predictions. A regressor takes the first two. With 'softmax' a
        classifier hands over class codes, of shape (n_rows,), with 'logistic' 0 and 1.
    normalizes : {'mean and scale', 'median and quartiles', 'scale', None}
        What a regressor with ``normalize_target`` may take out of the targets without changing what
        the loss means: center and scale where it depends on z - y alone, and those which outliers
        do not move where the loss is for data with outliers; the scale where the link is 'exp'.
    degree : float
        d, if targets in a unit c times smaller (y' = c y, and outputs alike) make the loss c^d
        times larger: 2 for squares, 1 for sizes. A stream whose scale changes goes by it.

    Examples
    --------
    The loss log cosh(z - y), and the proof that its gradient is correct:

    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sknn_opt import Loss, MLPRegressor, check_gradients
    >>> class LogCosh(Loss):
    ...     normalizes = "mean and scale"
    ...     def __call__(self, z, y):
    ...         r = z - y
    ...         return np.log(np.cosh(r)).sum(axis=1), np.tanh(r)
    >>> X, y = load_diabetes(return_X_y=True)
    >>> check_gradients(MLPRegressor((5,), loss=LogCosh()), X[:20], y[:20]).passed
    True
    """

    link: ClassVar[str] = "identity"
    normalizes: ClassVar[str | None] = None
    degree: ClassVar[float] = 2

    def __call__(self, z: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The loss of each row, and its gradient.

        Parameters
        ----------
        z : ndarray of shape (n_rows, n_outputs)
            Raw outputs, which may be overwritten. Complex in gradient checks: branch on ``z.real``.
        y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            The targets. If some of several are missing, each that is there is a row of its own.

        Returns
        -------
        losses : ndarray of shape (n_rows,)
            Summed over the outputs, of z's dtype.
        gradient : ndarray of shape (n_rows, n_outputs)
            ∂ℓ/∂z.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method __call__(self, z, y)")

    def __eq__(self, other: object) -> bool:
        """Whether both are of one class and have equal attributes."""
        mine, theirs = vars(self), vars(other) if type(self) is type(other) else None
        if theirs is None or mine.keys() != theirs.keys():
            return False
        return all(np.array_equal(mine[name], theirs[name]) for name in mine)

    def __hash__(self) -> int:
        return hash(type(self))

    def check_targets(self, y: NDArray[Any]) -> None:
        """Raise ValueError if a target is outside of what the loss is defined for.

        Parameters
        ----------
        y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            The targets of a regressor, in the units of the user (class codes need no check).
        """


def _smoothed(y, epsilon, n_classes):
    return (1 - epsilon) * y + epsilon / n_classes if epsilon else y


@dataclass(frozen=True)
class LogLoss(Loss):
    """Cross entropy of the softmax of z and class codes y."""

    label_smoothing: float = 0.0
    link: ClassVar[str] = "softmax"

    def __call__(self, z, y):
        row_losses = fastest(kernels.softmax_cross_entropy, z.dtype)
        return row_losses(z, y, float(self.label_smoothing)), z


@dataclass(frozen=True)
class BinaryLogLoss(Loss):
    """Cross entropy of the logistic function of z and y, 0 or 1 per output."""

    label_smoothing: float = 0.0
    link: ClassVar[str] = "logistic"

    def __call__(self, z, y):
        y = _smoothed(y, float(self.label_smoothing), 2)
        losses = fastest(kernels.binary_cross_entropy, z.dtype)(z, y)
        return losses.sum(axis=1), z


@dataclass(frozen=True)
class SquaredError(Loss):
    """(z - y)² / 2, for the mean of y."""

    normalizes: ClassVar[str | None] = "mean and scale"

    def __call__(self, z, y):
        z -= y
        # Not np.vdot or abs: a complex z must stay analytic.
        return 0.5 * np.einsum("ij,ij->i", z, z), z


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """|z - y|, for the median of y."""

    normalizes: ClassVar[str | None] = "median and quartiles"
    degree: ClassVar[float] = 1

    def __call__(self, z, y):
        z -= y
        sign = np.sign(z.real)
        losses = np.einsum("ij,ij->i", sign, z)
        z[...] = sign
        return losses, z


@dataclass(frozen=True)
class Huber(Loss):
    """Quadratic up to |z - y| = delta, linear beyond (Huber 1964)."""

    delta: float = 1.35
    normalizes: ClassVar[str | None] = "median and quartiles"

    def __call__(self, z, y):
        z -= y
        clipped = np.clip(z.real, -float(self.delta), float(self.delta))
        losses = np.einsum("ij,ij->i", clipped, z - 0.5 * clipped)  # r²/2, or δ (|r| - δ/2)
        z[...] = clipped
        return losses, z


@dataclass(frozen=True)
class Quantile(Loss):
    """The pinball loss, for the quantile q of y (Koenker & Bassett 1978).

    Several quantiles are as many outputs, all of the same column of targets.
    """

    quantile: float | tuple[float, ...] = 0.5
    normalizes: ClassVar[str | None] = "median and quartiles"
    degree: ClassVar[float] = 1

    def __call__(self, z, y):
        z -= y
        slope = (z.real > 0).astype(z.real.dtype)
        slope -= np.asarray(self.quantile, slope.dtype)
        losses = np.einsum("ij,ij->i", slope, z)
        z[...] = slope
        return losses, z

    def rearranged(self, predictions):
        """Predictions sorted, so that a higher quantile is never below a lower one.

        The rearrangement of Chernozhukov, Fernández-Val and Galichon (2010), which never increases
        the loss.
        """
        if not isinstance(self.quantile, tuple):
            return predictions
        ranks = np.argsort(np.argsort(self.quantile))
        return np.sort(predictions, axis=1)[:, ranks]


@dataclass(frozen=True)
class Poisson(Loss):
    """Half the Poisson deviance, for the mean of counts and frequencies."""

    link: ClassVar[str] = "exp"
    normalizes: ClassVar[str | None] = "scale"
    degree: ClassVar[float] = 1

    def __call__(self, z, y):
        losses = xlogy(y, y) - y - y * z
        np.exp(z, out=z)
        losses += z
        z -= y
        return losses.sum(axis=1), z

    def check_targets(self, y):
        if y.min() < 0:
            raise ValueError(
                f"loss='poisson' needs targets y >= 0, such as counts; found {y.min():g}. "
                "Use loss='squared_error' for targets of either sign."
            )


@dataclass(frozen=True)
class Gamma(Loss):
    """Half the gamma deviance, for the mean of positive amounts: relative errors count."""

    link: ClassVar[str] = "exp"
    normalizes: ClassVar[str | None] = "scale"
    degree: ClassVar[float] = 0

    def __call__(self, z, y):
        losses = z - np.log(y) - 1
        np.negative(z, out=z)
        np.exp(z, out=z)
        z *= y  # y e^-z
        losses += z
        np.subtract(1, z, out=z)
        return losses.sum(axis=1), z

    def check_targets(self, y):
        if y.min() <= 0:
            raise ValueError(
                f"loss='gamma' needs targets y > 0, such as amounts; found {y.min():g}. "
                "Use loss='poisson' where zeros occur, or loss='squared_error'."
            )


@dataclass(frozen=True)
class Observed(Loss):
    """Another loss, of the targets that are there: NaN is a gap, and adds nothing.

    Each target is handed over as a row of its own; the loss must be a sum over the outputs.
    """

    inner: Loss

    @property
    def link(self):  # type: ignore[override]
        return self.inner.link

    @property
    def normalizes(self):  # type: ignore[override]
        return self.inner.normalizes

    @property
    def degree(self):  # type: ignore[override]
        return self.inner.degree

    def __call__(self, z, y):
        seen = ~np.isnan(y)
        losses, gradient = self.inner(z[seen][:, np.newaxis], y[seen][:, np.newaxis])
        each = np.zeros_like(z)
        each[seen] = losses
        z[...] = 0
        z[seen] = gradient[:, 0]
        return each.sum(axis=1), z


def over_observed(loss, y):
    """The loss for these targets: that of those that are there, where some are missing."""
    return Observed(over_all(loss)) if np.isnan(y).any() else over_all(loss)


def over_all(loss):
    """The loss for targets without gaps."""
    return loss.inner if isinstance(loss, Observed) else loss


LOSSES: dict[str, Loss] = {
    "log_loss": LogLoss(),
    "binary_log_loss": BinaryLogLoss(),
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "quantile": Quantile(),
    "poisson": Poisson(),
    "gamma": Gamma(),
}


def make_loss(loss, **knobs):
    """The loss of a name, with those of the knobs that it has; a `Loss` is returned as it is."""
    if isinstance(loss, Loss):
        return loss
    cls, own = type(LOSSES[loss]), {}
    for field in fields(cls):
        if field.name in knobs:
            knob = knobs[field.name]
            own[field.name] = tuple(map(float, knob)) if np.ndim(knob) else float(knob)
    return cls(**own)


def is_ours(loss):
    """Whether a loss is one of ours, which look at each row by itself, and remember nothing."""
    return any(type(over_all(loss)) is type(ours) for ours in LOSSES.values())


def loss_to_plain(loss):
    """A dict of the name and the knobs of one of our losses, for pickles; others as they are."""
    loss = over_all(loss)  # the next targets say whether there are gaps
    for name, ours in LOSSES.items():
        if type(loss) is type(ours):
            return {"loss": name, **asdict(loss)}
    return loss


def loss_from_plain(plain):
    """Undo `loss_to_plain`."""
    return make_loss(**plain) if isinstance(plain, dict) else plain


def row_losses(loss, z, y):
    """ℓ(zᵢ, yᵢ) of each row; z is overwritten.

    Class codes become indices, all else takes the dtype of z: what losses are written for.
    """
    y = y.astype(np.intp if y.dtype.kind == "i" else z.dtype, copy=False)
    with np.errstate(all="ignore"):
        return loss(z, y)[0]


def constant_loss(loss, n_outputs, y, weight, sample=None):
    """The loss of the best constant prediction: what a network must do better than.

    The constant is that of all targets; with `sample`, some (y, weight), its loss is that of these.
    """
    best = constant_outputs(loss, y, weight, n_outputs)
    y, weight = (y, weight) if sample is None else sample
    return weighted_mean(row_losses(loss, np.tile(best, (len(y), 1)), y), weight)


def weighted_mean(losses, weight):
    """Σ wᵢ ℓᵢ / Σ wᵢ; infinite where that is NaN."""
    with np.errstate(all="ignore"):
        mean = float(np.average(losses, weights=weight))
    return math.inf if math.isnan(mean) else mean


# Links ------------------------------------------------------------------------------------------


def _bounded_exp(z):
    """e^z, at most the largest finite number."""
    largest = np.log(np.finfo(z.dtype).max)  # may have been rounded up
    return np.exp(np.minimum(z, np.nextafter(largest, z.dtype.type(0))))


def _softmax(z):
    """e^z / Σ e^z of each row. scipy's takes as long as the network for a single row."""
    e = np.exp(z - np.maximum.reduce(z, axis=1, keepdims=True))
    return np.divide(e, np.add.reduce(e, axis=1, keepdims=True), out=e)


LINKS = {
    "softmax": _softmax,
    "logistic": expit,
    "identity": lambda z: z,
    "exp": _bounded_exp,
}
LOG_LINKS = {"softmax": lambda z: log_softmax(z, axis=1), "logistic": log_expit}
_INVERSE_LINKS = {
    "softmax": np.log,
    "logistic": logit,
    "identity": lambda mean: mean,
    "exp": np.log,
}


def constant_outputs(loss, y, weight, n_outputs):
    """The raw outputs, of shape (n_outputs,), that are best if they must be the same for all rows.

    What a network must do better than, and where one with the link 'exp' starts. They predict the
    mean, unless the loss is one of z - y that is not squared.
    """
    link = loss.link
    if link == "identity" and not isinstance(over_all(loss), SquaredError):
        return _by_bisection(over_observed(loss, y), y, weight, n_outputs)
    if link == "softmax":
        mean = np.bincount(y, weights=weight, minlength=n_outputs)
        mean = mean / mean.sum()
    else:
        mean = np.average(y.astype(np.float64), axis=0, weights=weight)
        if np.isnan(mean).any():
            observed = np.ma.masked_invalid(y.astype(np.float64))
            mean = np.ma.average(observed, axis=0, weights=weight).filled(0.0)
    if link in ("softmax", "logistic"):
        mean = np.clip(mean, 1e-12, 1 - 1e-12)
    elif link == "exp":
        mean = np.where(mean > 0, mean, 1.0)  # no positive target, and so no scale
    return _INVERSE_LINKS[link](mean)


def _by_bisection(loss, y, weight, n_outputs):
    """The constant at which the mean gradient is 0, such as the median."""
    every = -(-len(y) // ROWS_OF_A_CONSTANT)
    y, weight = y[::every].astype(np.float64), None if weight is None else weight[::every]
    ends = (end.reduce(y, axis=0) for end in (np.fmin, np.fmax))
    low, high = (np.broadcast_to(np.nan_to_num(end), n_outputs) for end in ends)
    for _ in range(50):
        middle = low + (high - low) / 2
        with np.errstate(all="ignore"):
            _, gradient = loss(np.tile(middle, (len(y), 1)), y)
        falls = np.average(gradient, axis=0, weights=weight) < 0
        low, high = np.where(falls, middle, low), np.where(falls, high, middle)
    return low + (high - low) / 2
