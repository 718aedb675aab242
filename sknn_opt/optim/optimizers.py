"""First-order optimizers on one flat vector.

An optimizer holds its knobs; what changes from step to step lies in a state apart, a dict of plain
arrays and a step count, so that a model can be stopped, stored and continued:

    state = optimizer.init(theta)
    optimizer.step(theta, grad, state)        # moves theta in place
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import OptimizeResult, OptimizeWarning, approx_fprime

from sknn_opt.arrays.types import Floats
from sknn_opt.kernels import fastest
from sknn_opt.kernels import with_numpy as kernels
from sknn_opt.optim.schedules import TrainingTime

MAX_STEPS = 10_000
DEFAULT_RATE = 0.001
MESSAGES = {
    0: "The gradient is below gtol.",
    1: "Stopped before the gradient fell below gtol: raise maxiter or the learning rate.",
    2: "The gradient is not finite: lower the learning rate.",
    99: "The callback asked to stop.",
}

State = dict[str, Any]  # the step count and the buffers
LayerRates = Mapping[str, float | str]
Segments = Sequence[tuple[slice, float]]  # parts of θ, and the factors of their learning rates


@dataclass
class Optimizer:
    """What all optimizers share: a learning rate, a state, and the scipy interface.

    Parameters
    ----------
    learning_rate : float, default=None
        The step size η. None is 0.001, in an estimator its ``learning_rate_init``.
    layer_rates : dict, default=None
        Factors of the learning rate by block of θ: ``{"b": 0.1, "W[1]": 2.0}``. Names are "W", "b",
        "gamma", "beta" and "scale", or those of one layer, such as "W[1]", which go first; other
        blocks have 1. A factor is a number >= 0, where 0 keeps a block as it is (but for the weight
        decay of `AdamW`, which goes by the rate of all), or "fan_in", which is 16 / √n_in: the
        larger a layer's input, the smaller its steps. For estimators, which know the blocks.

    Attributes
    ----------
    segments : list of (slice, float) or None
        What `layer_rates` come to for the θ of a network: its parts, and their factors.

    Notes
    -----
    As ``minimize(fun, x0, jac=grad, method=optimizer, options=…)`` it takes the options
    ``maxiter`` (10,000 steps) and ``gtol`` (1e-6: stop where no element of the gradient is larger),
    and ``tol`` as another name of ``gtol``.
    """

    learning_rate: float | None = None
    layer_rates: LayerRates | None = field(default=None, kw_only=True)
    segments: Segments | None = field(default=None, init=False, repr=False, compare=False)

    _buffers: ClassVar[tuple[str, ...]] = ()  # names of the arrays in the state

    def init(self, theta: Floats) -> State:
        """The state before the first step: zero buffers of theta's shape and the step count.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
        """
        state: State = {"step": 0}
        for name in self._buffers:
            state[name] = np.zeros_like(theta)
        return state

    def step(
        self, theta: Floats, grad: Floats, state: State, learning_rate: float | None = None
    ) -> None:
        """Move `theta` by one step, in place.

        Parameters
        ----------
        theta, grad : ndarray of shape (n_parameters,)
            Contiguous, of one floating dtype.
        state : dict
            From `init`; updated in place.
        learning_rate : float, default=None
            Replaces the optimizer's own for this step.
        """
        state["step"] += 1
        if learning_rate is None:
            learning_rate = self._own_rate()
        if self.layer_rates is None:
            self._step(theta, grad, state, float(learning_rate))
        else:
            self._step_by_segments(theta, grad, state, float(learning_rate))

    def _own_rate(self):
        return DEFAULT_RATE if self.learning_rate is None else self.learning_rate

    def _step_by_segments(self, theta, grad, state, rate):
        """The same step with a learning rate for each segment of θ."""
        if self.segments is None:
            raise ValueError(self._needs_network("layer_rates"))
        for place, factor in self.segments:
            views = {k: v[place] if isinstance(v, np.ndarray) else v for k, v in state.items()}
            self._step(theta[place], grad[place], views, rate * factor)

    def _needs_network(self, name):
        return (
            f"{name}={getattr(self, name)!r} of {type(self).__name__} needs a network, whose "
            "estimator takes the optimizer as its solver; for a function of your own leave it out."
        )

    def _step(self, theta, grad, state, rate):
        raise NotImplementedError(f"{type(self).__name__} has no method _step")

    def __call__(
        self,
        fun: Callable[..., Any],
        x0: ArrayLike,
        args: tuple = (),
        jac: Callable[..., Any] | None = None,
        bounds: object = None,
        constraints: Any = (),
        callback: Callable[..., Any] | None = None,
        maxiter: int | None = None,
        gtol: float = 1e-6,
        tol: float | None = None,
        **unknown: object,
    ) -> OptimizeResult:
        """Minimize `fun` from `x0` with `scipy.optimize.minimize`'s calling convention."""
        name = type(self).__name__
        if bounds is not None or constraints:
            raise ValueError(
                f"{name} takes no bounds and no constraints; "
                "use a method of scipy.optimize that does, such as 'L-BFGS-B' or 'SLSQP'."
            )
        if self.layer_rates is not None:
            raise ValueError(self._needs_network("layer_rates"))
        options = sorted(unknown.keys() - {"hess", "hessp"})  # which scipy always passes
        if options:
            message = f"{name} does not know the options {options}; it takes maxiter and gtol."
            warnings.warn(message, OptimizeWarning, stacklevel=3)
        maxiter = MAX_STEPS if maxiter is None else maxiter
        gtol = gtol if tol is None else tol
        counted = _Counted(fun, jac, args)
        theta = np.array(x0, dtype=float)
        state, stopped = self.init(theta), False
        while True:
            grad = counted.gradient(theta)
            converged = bool(np.abs(grad).max(initial=0.0) <= gtol)
            if converged or stopped or state["step"] >= maxiter or not np.isfinite(grad).all():
                break
            self.step(theta, grad, state)
            stopped = callback is not None and _call_back(callback, theta, counted)
        return _scipy_result(counted, theta, grad, state["step"], converged, stopped)


class _Counted:
    """A function and its gradient as scipy passes them, counting their calls."""

    def __init__(self, fun, jac, args):
        self._fun, self._jac, self._args = fun, jac, args
        self.n_values = self.n_gradients = 0

    def value(self, theta):
        self.n_values += 1
        return np.asarray(self._fun(theta, *self._args)).item()

    def gradient(self, theta):
        self.n_gradients += 1
        if self._jac is None:
            return approx_fprime(theta, self.value)
        # A copy: what comes back could be theta itself.
        return np.array(self._jac(theta, *self._args), dtype=float)


def _call_back(callback, theta, counted):
    """Whether the callback, of either of scipy's two signatures, asks to stop."""
    try:
        if set(signature(callback).parameters) == {"intermediate_result"}:
            result = OptimizeResult(x=theta.copy(), fun=counted.value(theta))
            return bool(callback(intermediate_result=result))
        return bool(callback(theta.copy()))
    except StopIteration:
        return True


def _scipy_result(counted, theta, grad, n_steps, converged, stopped):
    status = 0 if converged else 99 if stopped else 1 if np.isfinite(grad).all() else 2
    value = counted.value(theta)
    counts = {"nit": n_steps, "nfev": counted.n_values, "njev": counted.n_gradients}
    ended = {"status": status, "success": converged, "message": MESSAGES[status]}
    return OptimizeResult(x=theta, fun=value, jac=grad, **counts, **ended)


@dataclass
class SGD(Optimizer):
    """Gradient descent, with momentum or Nesterov's look-ahead.

    v ← μ v - η g;   θ ← θ + v,   with Nesterov   θ ← θ + μ v - η g.

    Parameters
    ----------
    learning_rate : float, default=None
        η; None is 0.001, in an estimator its ``learning_rate_init``.
    momentum : float, default=0.9
        μ, the share of the last step that goes on; 0 is plain gradient descent.
    nesterov : bool, default=True
        Whether to look ahead (Sutskever et al. 2013); without effect at momentum 0.
    layer_rates : dict, default=None
        Factors of the learning rate by block; see `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_opt.optim import SGD
    >>> theta, optimizer = np.array([1.0]), SGD(learning_rate=0.1, momentum=0.0)
    >>> optimizer.step(theta, grad=np.array([2.0]), state=optimizer.init(theta))
    >>> theta
    array([0.8])
    """

    momentum: float = 0.9
    nesterov: bool = True

    _buffers: ClassVar[tuple[str, ...]] = ("velocity",)

    def init(self, theta: Floats) -> State:
        return super().init(theta) if self.momentum else {"step": 0}

    def _step(self, theta, grad, state, rate):
        mu = float(self.momentum)
        if mu:
            move = fastest(kernels.descend_with_momentum, theta.dtype)
            move(theta, grad, state["velocity"], mu, rate, bool(self.nesterov))
        else:
            fastest(kernels.descend, theta.dtype)(theta, grad, rate)


@dataclass
class RMSprop(Optimizer):
    """Gradient descent divided by the recent root mean square of each gradient element.

    s ← β s + (1 - β) g²;   θ ← θ - η g / (√(s / (1 - βᵗ)) + ε).
    Source: Tieleman & Hinton (2012), lecture 6.5. Its first steps are 1/√(1 - β) times too long,
    since s starts at 0; the division by 1 - βᵗ mends that.

    Parameters
    ----------
    learning_rate : float, default=None
        η; None is 0.001, in an estimator its ``learning_rate_init``.
    beta_2 : float, default=0.999
        β, how slowly the mean of g² forgets.
    epsilon : float, default=1e-8
        ε, against division by 0.
    layer_rates : dict, default=None
        Factors of the learning rate by block; see `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_opt.optim import RMSprop
    >>> theta, optimizer = np.array([1.0]), RMSprop(learning_rate=0.1)
    >>> optimizer.step(theta, grad=np.array([50.0]), state=optimizer.init(theta))
    >>> theta.round(6)
    array([0.9])
    """

    beta_2: float = 0.999
    epsilon: float = 1e-8

    _buffers: ClassVar[tuple[str, ...]] = ("second_moment",)

    def _step(self, theta, grad, state, rate):
        beta = float(self.beta_2)
        # The buffer holds s / (1 - β), which saves a pass over memory.
        unbias = ((1 - beta) / (1 - beta ** state["step"])) ** 0.5
        eps, rate = float(self.epsilon) / unbias, rate / unbias
        fastest(kernels.rmsprop, theta.dtype)(theta, grad, state["second_moment"], beta, eps, rate)


@dataclass
class Adam(Optimizer):
    """Momentum and RMSprop together, both corrected for their start at zero.

    m ← β₁ m + (1 - β₁) g;   s ← β₂ s + (1 - β₂) g²;
    θ ← θ - η √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√s + ε).
    Source: Kingma & Ba (2015), the efficient form at the end of their section 2, as
    scikit-learn has it.

    Parameters
    ----------
    learning_rate : float, default=None
        η; None is 0.001, in an estimator its ``learning_rate_init``.
    beta_1, beta_2 : float, default=0.9 and 0.999
        β₁, β₂, how slowly the means of g and g² forget.
    epsilon : float, default=1e-8
        ε, against division by 0.
    layer_rates : dict, default=None
        Factors of the learning rate by block; see `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_opt.optim import Adam
    >>> theta, optimizer = np.array([1.0]), Adam(learning_rate=0.1)
    >>> optimizer.step(theta, grad=np.array([50.0]), state=optimizer.init(theta))
    >>> theta.round(6)
    array([0.9])
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    _buffers: ClassVar[tuple[str, ...]] = ("first_moment", "second_moment")

    def _step(self, theta, grad, state, rate):
        b1, b2, t = float(self.beta_1), float(self.beta_2), state["step"]
        # The buffers hold m / (1 - β₁) and s / (1 - β₂): two passes over memory less. Their
        # factors go into the rate and into ε.
        eps = float(self.epsilon) / (1 - b2) ** 0.5
        rate *= (1 - b2**t) ** 0.5 / (1 - b1**t) * (1 - b1) / (1 - b2) ** 0.5
        move = fastest(kernels.adam, theta.dtype)
        move(theta, grad, state["first_moment"], state["second_moment"], b1, b2, eps, rate)


@dataclass
class AdamW(Adam):
    """Adam with weight decay of its own, apart from the gradient.

    θ ← θ - η λ θ, then Adam's step, which alone knows `layer_rates`. Source: Loshchilov & Hutter
    (2019), "Decoupled weight decay regularization".

    Parameters
    ----------
    learning_rate : float, default=None
        η; None is 0.001, in an estimator its ``learning_rate_init``.
    beta_1, beta_2 : float, default=0.9 and 0.999
        β₁, β₂, how slowly the means of g and g² forget.
    epsilon : float, default=1e-8
        ε, against division by 0.
    weight_decay : float or callable, default=0.01
        λ. In an estimator also a schedule, such as `FadeOut`, or any function of a `TrainingTime`.
    n_decayed : int, default=None
        How many elements at the head of θ decay; None is all of them. Networks put their weights
        first and leave biases alone.
    layer_rates : dict, default=None
        Factors of the learning rate by block; see `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_opt.optim import AdamW
    >>> theta, optimizer = np.array([1.0]), AdamW(learning_rate=0.1, weight_decay=0.5)
    >>> optimizer.step(theta, grad=np.array([50.0]), state=optimizer.init(theta))
    >>> theta.round(6)
    array([0.85])
    """

    weight_decay: float | Callable[[TrainingTime], float] = 0.01
    n_decayed: int | None = None

    def step(
        self, theta: Floats, grad: Floats, state: State, learning_rate: float | None = None
    ) -> None:
        rate = float(self._own_rate() if learning_rate is None else learning_rate)
        if callable(self.weight_decay):
            raise ValueError(self._needs_network("weight_decay"))
        # All layers decay alike, whatever their rates.
        theta[: self.n_decayed] *= 1 - rate * float(self.weight_decay)
        super().step(theta, grad, state, rate)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    each.__name__.lower(): each for each in (SGD, RMSprop, Adam, AdamW)
}
