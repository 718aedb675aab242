"""Full-batch training by scipy's L-BFGS."""

import math

import numpy as np
from scipy.optimize import minimize

from sknn_opt.training.progress import Outcome


class _BestPoint:
    """J as scipy calls it, remembering the best point it was evaluated at."""

    def __init__(self, objective):
        self._objective = objective
        self.theta, self.value = objective.theta, math.inf

    def __call__(self, theta):
        value, grad = self._objective.value_and_gradient(theta)
        if value < self.value:
            self.theta, self.value = theta.copy(), value
        return value, grad.astype(np.float64)


def train_lbfgs(objective, progress, *, max_iter, max_fun, tol, verbose):
    """Minimise J from ``objective.theta``. Returns the best θ and an `Outcome`.

    `tol` is the largest element of the gradient at which the search ends. ``progress.losses`` gets
    one entry an iteration.
    """
    best = _BestPoint(objective)

    def after_iteration(intermediate_result):
        progress.losses.append(float(intermediate_result.fun))
        if verbose:
            print(f"Iteration {len(progress.losses)}, loss = {progress.losses[-1]:.8f}")

    eps = np.finfo(objective.theta.dtype).eps
    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol, "ftol": max(2.2e-9, 8 * eps)}
    try:
        result = minimize(
            best,
            objective.theta.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options=options,
        )
    except KeyboardInterrupt:
        if not progress.losses:
            raise  # nothing worth keeping yet
        outcome = Outcome("interrupted", "Interrupted; the best weights so far are kept.")
    else:
        outcome = _outcome(result, best.value, max_iter, max_fun)
    if not progress.losses and math.isfinite(best.value):
        progress.losses.append(float(best.value))  # the start was already the minimum
    progress.best_loss = best.value
    return best.theta, outcome


def _outcome(result, best_value, max_iter, max_fun):
    if not math.isfinite(best_value):
        return Outcome(
            "diverged",
            f"Training diverged in epoch 1: the loss of the initial weights is {result.fun}. "
            "Likely cause: the inputs or targets are not scaled; put InputNormalizer() before the "
            "network. The initial weights are kept.",
        )
    if result.status == 1:
        return Outcome(
            "max_iter",
            f"L-BFGS stopped at a limit (max_iter={max_iter}, max_fun={max_fun}) before it "
            "converged. Raise it, or scale the inputs with InputNormalizer().",
        )
    if result.nit == 0 and result.status != 0:
        return Outcome(
            "stuck",
            f"L-BFGS found no step that lowers the loss from its initial {best_value:.3g}: nothing "
            "was learned. Scale the inputs with InputNormalizer(), and the targets.",
        )
    return Outcome("converged")
