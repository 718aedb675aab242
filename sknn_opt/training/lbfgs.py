"""Full-batch training by scipy's L-BFGS."""

import math
from time import perf_counter

import numpy as np
from scipy.linalg import norm
from scipy.optimize import minimize

from sknn_opt.training.minibatch import print_epoch
from sknn_opt.training.progress import Outcome, Snapshot


class _Descent:
    """J as scipy calls it, the best point it was evaluated at, and the history."""

    def __init__(self, objective, progress, evaluate, watcher, verbose, patience):
        self._objective, self._progress = objective, progress
        self._evaluate, self._watcher = evaluate, watcher
        self._verbose, self._patience = verbose, patience
        self.theta, self.value = objective.theta, math.inf
        self.stopped, self._in_iteration = None, False
        self._started, self._grad_norm = perf_counter(), math.nan

    def __call__(self, theta):
        if self._watcher and not self._in_iteration:
            self._in_iteration = True
            self._watcher.begin(self.point(theta), self._progress)
        value, grad = self._objective.value_and_gradient(theta)
        if value < self.value:
            self.theta, self.value = theta.copy(), value
        grad = grad.astype(np.float64)
        self._grad_norm = float(norm(grad, check_finite=False))  # scaled: squares may overflow
        return value, grad

    def record(self, theta, value):
        """Write the row of an iteration that ended at theta."""
        now, progress = perf_counter(), self._progress
        penalty = self._objective.penalty_at(theta)
        row = {
            "loss": float(value) - penalty, "penalty": penalty, "validation_loss": None,
            "score": None, "learning_rate": None, "gradient_norm": self._grad_norm,
            "seconds": now - self._started,
        }  # fmt: skip
        self._started = now
        looked_at = self._evaluate or self._watcher
        point = self.point(theta) if looked_at else Snapshot(theta, theta[:0])
        progress.record(row | (self._evaluate(point) if self._evaluate else {}), point)
        if self._verbose:
            print_epoch(progress.history[-1])
        return point

    def after_iteration(self, intermediate_result):
        """scipy's callback: an iteration is over."""
        progress = self._progress
        point = self.record(intermediate_result.x, intermediate_result.fun)
        self._in_iteration = False
        if self._watcher and self._watcher.end(point, progress):
            self.stopped = Outcome("stopped")
        elif progress.by_score and progress.n_stalled > self._patience:
            self.stopped = Outcome("converged")
        if self.stopped:
            raise StopIteration

    def close(self):
        """End an iteration that scipy began and did not finish."""
        if self._in_iteration:
            self._watcher.end(None, self._progress)

    def point(self, theta):
        """The network's numbers at theta, as it predicts."""
        theta = theta.astype(self._objective.theta.dtype)
        return Snapshot(theta, self._objective.batch_statistics(theta))


def train_lbfgs(objective, progress, *, max_iter, max_fun, tol, patience, verbose,
                evaluate=None, watcher=None):  # fmt: skip
    """Minimise J from ``objective.theta``. Returns the best point and an `Outcome`.

    `tol` is the largest element of the gradient at which the search ends; with ``by_score`` it
    also ends when the score has not improved for more than `patience` iterations.
    ``progress.history`` gets one row an iteration.
    """
    n_before = len(progress.history)
    descent = _Descent(objective, progress, evaluate, watcher, verbose, patience)
    eps = np.finfo(objective.theta.dtype).eps
    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol, "ftol": max(2.2e-9, 8 * eps)}
    try:
        result = minimize(
            descent,
            objective.theta.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=descent.after_iteration,
            options=options,
        )
    except KeyboardInterrupt:
        if len(progress.history) == n_before:
            raise  # nothing worth keeping yet
        outcome = Outcome("interrupted", "Interrupted; the best weights so far are kept.")
    else:
        outcome = descent.stopped or _outcome(result, descent.value, max_iter, max_fun, progress)
        descent.close()
    if len(progress.history) == n_before and math.isfinite(descent.value):
        descent.record(descent.theta, descent.value)  # the start was already the minimum
    if progress.by_score and progress.best is not None:
        return progress.best, outcome
    point = descent.point(descent.theta)
    if outcome.reason != "diverged" and not np.isfinite(point.statistics).all():
        outcome = _diverged("a variance of batch norm is not finite", progress)
    return None if outcome.reason == "diverged" else point, outcome


def _diverged(finding, progress):
    return Outcome(
        "diverged",
        f"Training diverged in epoch 1: {finding}. Likely cause: the inputs or targets are not "
        f"scaled; put InputNormalizer() before the network. The {progress.at_first} are kept.",
    )


def _outcome(result, best_value, max_iter, max_fun, progress):
    if not math.isfinite(best_value):
        return _diverged(f"the loss of the {progress.at_first} is {result.fun}", progress)
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
