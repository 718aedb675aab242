"""Full-batch training by scipy's L-BFGS."""

import math
from time import perf_counter

import numpy as np
from scipy.linalg import norm
from scipy.optimize import minimize

from sknn_opt.nn.network import Weights
from sknn_opt.nn.objective import Objective
from sknn_opt.training import diagnosis, randomness, symptoms
from sknn_opt.training.monitor import Outcome, member_columns


def train(state, rows, monitor, settings):
    """Minimize J from the state's weights; the best point is the state's `best`.

    ``settings.tol`` is the largest element of the gradient at which the search ends; the monitor
    ends it too where held-out rows decide.
    """
    n_before, first = state.n_epochs, state.weights
    descent = _Descent(state, rows, monitor, settings)
    eps = np.finfo(first.theta.dtype).eps
    options = {
        "maxfun": settings.max_fun,
        "maxiter": settings.max_iter,
        "gtol": settings.tol,
        "ftol": max(2.2e-9, 8 * eps),
    }
    try:
        result = minimize(
            descent,
            first.theta.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=descent.after_iteration,
            options=options,
        )
    except KeyboardInterrupt:
        if state.n_epochs == n_before:
            raise  # nothing worth keeping yet
        outcome = Outcome("interrupted", "Interrupted; the best weights so far are kept.")
    else:
        outcome = descent.outcome or _outcome(result, descent.value, settings)
        if state.n_epochs == n_before and math.isfinite(descent.value):
            descent.record(descent.theta, descent.value)  # the start was already the minimum
        else:
            descent.close()
    best = state.best if monitor.by_score else None
    best = best or descent.weights(descent.theta)
    found = ""
    if not math.isfinite(descent.value):
        found = f"the loss of the {monitor.at_first} is not finite"
    elif not np.isfinite(best.statistics).all():
        found = "a variance of batch norm is not finite"
    if found:
        args = 1, found, monitor.at_first, state, settings, (rows.X, rows.of(rows.y), None)
        outcome = Outcome("diverged", diagnosis.on_divergence(*args, moved=False))
    state.best = None if found else best
    return outcome


class _Descent:
    """J as scipy calls it, the best point it was evaluated at, and the history."""

    def __init__(self, state, rows, monitor, settings):
        dtype, dropout = state.weights.theta.dtype, randomness.resume(state.dropout)
        self._objective = Objective(
            state.architecture, state.weights.theta, *rows.as_arrays(dtype), settings.alpha, dropout
        )
        self._state, self._monitor = state, monitor
        self.theta, self.value = self._objective.theta, math.inf
        self.outcome, self._in_iteration = None, False
        self._started, self._grad_norm = perf_counter(), math.nan

    def __call__(self, theta):
        if self._monitor.listeners and not self._in_iteration:
            self._in_iteration = True
            self._monitor.begin_epoch(self._state, self.weights(theta))
        value, grad = self._objective.value_and_gradient(theta)
        if value < self.value:
            self.theta, self.value = theta.copy(), value
        grad = grad.astype(np.float64)
        self._grad_norm = float(norm(grad, check_finite=False))  # scaled: squares may overflow
        return value, grad

    def record(self, theta, value):
        """Take in an iteration that ended at theta."""
        now, monitor, k = perf_counter(), self._monitor, self._state.architecture.n_members
        penalty = self._objective.penalty_at(theta)
        row = {
            "loss": (float(value) - penalty) / k,
            "penalty": penalty / k,
            "validation_loss": None,
            "score": None,
            "learning_rate": None,
            "gradient_norm": self._grad_norm / math.sqrt(k),
            "seconds": now - self._started,
        }
        if k > 1:
            row |= member_columns("loss", self._objective.member_losses(theta))
        self._started = now
        looked_at = monitor.evaluate or monitor.listeners
        weights = self.weights(theta) if looked_at else Weights(theta, theta[:0])
        return monitor.finish_epoch(self._state, row, weights)

    def after_iteration(self, intermediate_result):
        """scipy's callback: an iteration is over."""
        self._in_iteration = False
        self.outcome = self.record(intermediate_result.x, intermediate_result.fun)
        if self.outcome:
            raise StopIteration

    def close(self):
        """End an iteration that scipy began and did not finish."""
        if self._in_iteration:
            self._monitor.give_up_epoch(self._state)

    def weights(self, theta):
        """The network's numbers at theta, as it predicts."""
        theta = theta.astype(self._objective.theta.dtype)
        return Weights(theta, self._objective.batch_statistics(theta))


def _outcome(result, best_value, settings):
    if result.status == 1:
        limits = {"max_iter": settings.max_iter, "max_fun": settings.max_fun}
        return Outcome("max_iter", symptoms.LIMIT_REACHED.say(**limits))
    if result.nit == 0 and result.status != 0:
        return Outcome("stuck", symptoms.STUCK.say(loss=best_value))
    return Outcome("converged")
