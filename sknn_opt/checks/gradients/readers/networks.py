"""Our own estimators as Problems, one for each point at which they are checked.

The blocks are those of the data term, and the L2 penalty is checked apart from it, so that the one
cannot hide behind the other.
"""

import contextlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import numpy as np
from sklearn.base import clone

from sknn_opt.checks.gradients.explain_network import NetworkExplainer
from sknn_opt.checks.gradients.numeric.complex_step import ComplexStep
from sknn_opt.checks.gradients.numeric.layerwise import Layerwise
from sknn_opt.checks.gradients.penalty import check_penalty, formula
from sknn_opt.checks.gradients.problem import Problem
from sknn_opt.checks.gradients.report import OK, WRONG, BlockCheck
from sknn_opt.nn.members import one_of, put
from sknn_opt.nn.objective import Objective


def read_estimator(estimator, X, y, sample_weight, burn_in, dtype, n_draws=1):
    """The Problems at the initial weights, after some steps, and at the fitted weights."""
    if not isinstance(burn_in, Integral) or burn_in < 0:
        raise ValueError(f"burn_in must be a number of steps, 0 or more; got {burn_in!r}.")
    points = {"initial weights": clone(estimator)}
    for k in range(2, n_draws + 1):
        points[f"initial weights, draw {k}"] = clone(estimator).set_params(random_state=k)
    if burn_in:
        trained = _trained(estimator, burn_in, X, y, sample_weight)
        points[f"weights after {burn_in} steps"] = trained
    if hasattr(estimator, "theta_"):
        points["fitted weights"] = estimator
    with contextlib.suppress(TypeError):
        dtype = np.dtype(dtype).name
    if dtype not in ("float64", "float32"):
        raise ValueError(f"dtype must be 'float64' or 'float32'; got {dtype!r}.")
    return [
        problem
        for name, model in points.items()
        for problem in read_members(model.objective(X, y, sample_weight, dtype=dtype), name)
    ]


def read_members(objective, name="x0"):
    """A Problem for each member of an `Objective`: its own J, and backprop through all of them."""
    k = objective.n_members
    if k == 1:
        return [read_objective(objective, name)]
    problems = [read_objective(objective.member(i), f"{name}, member {i + 1}") for i in range(k)]
    for i, problem in enumerate(problems):
        problem.gradient = partial(_by_all_members, objective.data_term(), i)
        problem.packed = partial(_by_all_members, objective, i)
    return problems


def _by_all_members(objective, member, theta):
    """The gradient of one member's J at its θ, from backprop through all of them."""
    of_all = objective.theta.copy()
    put(objective.blocks, of_all, member, theta)
    return one_of(objective.blocks, objective.gradient(of_all), member)


def read_objective(objective, name="x0"):
    """The Problem of an `Objective` at its θ."""
    data, theta = objective.data_term(), np.asarray(objective.theta, float)
    return NetworkProblem(
        *(data.value, data.gradient, theta, data.blocks),
        name=name,
        n_rows=1 / data.scale,
        penalty=objective.penalty,
        dtype=objective.theta.dtype,
        objective=objective,
    )


@dataclass
class NetworkProblem(Problem):
    """The data term of a network of ours, whose layers are known; `objective` is all of J.

    Where it is a member, `gradient` is from backprop through all members at once, and `packed` that
    of all of J.
    """

    objective: Objective | None = None
    packed: Callable | None = None
    exact = True
    explainer = NetworkExplainer

    @property
    def whole(self):
        gradient = self.packed or self.objective.gradient
        return self.objective.value, gradient, self.objective.theta

    def claim(self):
        """The gradient of the data term by backprop, and whether it is of single precision."""
        value, gradient = self.objective.data_term().value_and_gradient(self.objective.theta)
        if not np.isfinite(value):
            raise ValueError(
                f"The loss is not finite at the {self.name}, so it has no gradient there: the "
                "inputs, the targets or the weights are too large. Scale X (InputNormalizer)."
            )
        if self.packed:
            gradient = self.gradient(self.objective.theta)
        return np.asarray(gradient, float), self.dtype == np.float32

    def source(self, f, method, rng):
        """Complex steps through the layers, which those through J watch over."""
        return Layerwise(self, self.x0, ComplexStep(f, self), method)

    def total(self):
        objective = self.objective
        gradient = self.packed or objective.gradient
        return np.asarray(gradient(objective.theta), float), formula(objective)

    def more_checks(self):
        if not self.penalty:
            return []
        value = check_penalty(self)
        verdict = OK if value < self.tolerance else WRONG
        found = self.x0.size, verdict, value, 2 * self.tolerance
        return [BlockCheck(self.name, "L2", None, *found, passed=verdict == OK)]


def _trained(estimator, n_steps, X, y, sample_weight):
    """A clone after some steps over all rows at once."""
    steps = {"max_iter": n_steps, "tol": 0.0, "n_iter_no_change": n_steps + 1}
    whole = {"early_stopping": False, "warm_start": False, "batch_size": len(y), "min_steps": 0}
    model = clone(estimator).set_params(**steps, **whole)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y, sample_weight)
