"""Gradient checking: backprop against an independent derivative, block by block.

The complex step differentiates without subtracting:  ∂J/∂θₖ = Im J(θ + i h eₖ) / h  is exact to
rounding for any tiny h, so there is no step to choose, and no kink of relu to step over. h is
1e-200, so that h² is 0: second-order terms cannot move a unit that sits exactly on its kink.
Source: Squire & Trapp (1998), "Using complex variables to estimate derivatives of real functions".

The measure is the course's ratio  ‖dθ_approx - dθ‖ / (‖dθ_approx‖ + ‖dθ‖).
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

STEP = 1e-200
# A right gradient agrees to about 1e-15; a slip of any kind is far above this.
TOLERANCE = 1e-9
# A block whose true gradient is 0 (β ahead of another batch norm) holds only rounding errors: its
# norms count as at least this share of the whole gradient's.
NEGLIGIBLE = 1e-5
# Up to this many parameters each is differentiated; in larger nets, random directions by block.
MAX_COMPONENTS = 20_000
N_DIRECTIONS = 8


@dataclass(frozen=True)
class BlockCheck:
    """The comparison of one block of θ at one point.

    Attributes
    ----------
    point : str
        Where: "initial weights" or "fitted weights".
    block : str
        For example ``W[1]``; "all" is the whole gradient.
    n_parameters : int
    norm : float
        ‖dθ‖ of the block by backprop.
    ratio : float
        ‖dθ_approx - dθ‖ / (‖dθ_approx‖ + ‖dθ‖).
    passed : bool
    """

    point: str
    block: str
    n_parameters: int
    norm: float
    ratio: float
    passed: bool


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradients` found. Prints as a table.

    Attributes
    ----------
    blocks : list of BlockCheck
        One entry for each block at each point, and one for the whole gradient at each point.
    """

    blocks: list

    @property
    def passed(self):
        """Whether every block agrees."""
        return all(check.passed for check in self.blocks)

    @property
    def relative_error(self):
        """The largest ratio of a whole gradient."""
        return max(check.ratio for check in self.blocks if check.block == "all")

    def __str__(self):
        head = f"{'point':<16}  {'block':<9}{'parameters':>11}{'norm':>11}{'ratio':>10}  verdict"
        rows = [
            f"{c.point:<16}  {c.block:<9}{c.n_parameters:>11,}{c.norm:>11.2e}{c.ratio:>10.1e}  "
            + ("ok" if c.passed else "WRONG")
            for c in self.blocks
        ]
        verdict = "right" if self.passed else "WRONG"
        summary = f"backprop is {verdict}: relative error {self.relative_error:.1e}"
        return "\n".join([head, "-" * len(head), *rows, summary])


def check_gradients(estimator, X, y, sample_weight=None):
    """Check an estimator's backprop against complex-step differentiation.

    The whole training objective is checked: the data term, the L2 penalty, dropout with its masks
    frozen, and batch norm in training mode; at random initial weights, and if the estimator is
    fitted also at its fitted weights.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted or not; it is not changed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        A few rows (10 to 50) are enough and quick.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    sample_weight : array-like of shape (n_samples,), default=None
        Their weights.

    Returns
    -------
    GradientReport
        With ``passed``, ``relative_error`` and ``blocks``; ``print(report)`` shows a table.

    Raises
    ------
    TypeError
        If `estimator` has no `objective` method, as a Pipeline has not: pass its last step, and X
        as the steps before transform it.

    Notes
    -----
    Up to 20,000 parameters each component is differentiated. In larger nets each block is
    differentiated along 8 random directions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_opt import MLPClassifier, check_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> report = check_gradients(MLPClassifier((5,), dropout=0.3, random_state=0), X[::10], y[::10])
    >>> report.passed
    True
    """
    if not hasattr(estimator, "objective"):
        raise TypeError(
            "check_gradients takes an MLPClassifier or MLPRegressor; got "
            f"{type(estimator).__name__}. Of a Pipeline pass the last step, and X as the steps "
            "before transform it."
        )
    points = {"initial weights": clone(estimator)}
    if hasattr(estimator, "theta_"):
        points["fitted weights"] = estimator
    checks = []
    for point, model in points.items():
        objective = model.objective(X, y, sample_weight)
        checks += _check_objective(point, objective, objective.theta)
    return GradientReport(checks)


def _check_objective(point, objective, theta):
    backprop = objective.gradient(theta)
    blocks = {name: block.slice for name, block in objective.blocks.items()}
    if theta.size <= MAX_COMPONENTS:
        exact = np.array([_derivative(objective, theta, k) for k in range(theta.size)])
        pairs = {name: (exact[s], backprop[s]) for name, s in blocks.items()}
    else:
        pairs = {
            name: _along_directions(objective, theta, backprop, s) for name, s in blocks.items()
        }
    pairs["all"] = tuple(np.concatenate(parts) for parts in zip(*pairs.values(), strict=True))
    floor = NEGLIGIBLE * np.linalg.norm(pairs["all"][0])
    sizes = {name: s.stop - s.start for name, s in blocks.items()} | {"all": theta.size}
    return [_compare(point, name, sizes[name], *pair, floor) for name, pair in pairs.items()]


def _derivative(objective, theta, direction):
    """Im J(θ + i h d) / h, d a vector or the number of a component."""
    moved = theta.astype(complex)
    if np.ndim(direction):
        moved += 1j * STEP * direction
    else:
        moved[direction] += 1j * STEP
    return objective.value(moved).imag / STEP


def _along_directions(objective, theta, backprop, block):
    """Derivatives of one block along random directions, by complex step and by backprop."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(N_DIRECTIONS, block.stop - block.start))
    exact = np.empty(N_DIRECTIONS)
    for k, direction in enumerate(directions):
        whole = np.zeros_like(theta)
        whole[block] = direction
        exact[k] = _derivative(objective, theta, whole)
    return exact, directions @ backprop[block]


def _compare(point, name, size, exact, backprop, floor):
    norms = np.linalg.norm(exact), np.linalg.norm(backprop)
    scale = max(sum(norms), floor)
    ratio = float(np.linalg.norm(exact - backprop) / scale) if scale else 0.0
    # Not "<=": a NaN must not pass.
    return BlockCheck(point, name, size, float(norms[1]), ratio, ratio < TOLERANCE)
