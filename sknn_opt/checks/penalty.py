"""The gradient of the L2 penalty alone:  (α / Σw) W  for weights, 0 for all else.

Beside the data term it can be too small to be seen; so it is checked by itself.
"""

from dataclasses import dataclass

import numpy as np

from sknn_opt.checks.complex_step import Whole
from sknn_opt.checks.report import ratio
from sknn_opt.nn.network import Block


@dataclass(frozen=True)
class PenaltyCheck:
    """Both gradients of the penalty, their ratio, and the blocks where they differ."""

    analytic: np.ndarray
    numeric: np.ndarray
    ratio: float
    wrong: tuple
    n_evaluations: int = 1


def check_penalty(objective, tolerance, rng):
    """Compare the gradient of an objective's penalty with its formula, and that with J itself."""
    term, theta = objective.penalty_term(), objective.theta.astype(float)
    # less what is left without any term: a slip that adds a constant is no slip of the penalty
    nothing = term.data_term().gradient(objective.theta).astype(float)
    analytic = term.gradient(objective.theta).astype(float) - nothing
    numeric = np.zeros_like(theta)
    for block, place in objective.blocks.items():
        if block.startswith("W"):
            numeric[place.slice] = objective.penalty * theta[place.slice]
    direction = rng.normal(size=theta.size)
    whole = Whole(term.value, theta, {"all": Block(slice(None), theta.shape)})
    along = whole.along("all", direction[np.newaxis])
    value = max(
        ratio(analytic, numeric), ratio(np.append(numeric, direction @ numeric), [*numeric, *along])
    )
    wrong = tuple(
        block
        for block, place in objective.blocks.items()
        if not ratio(analytic[place.slice], numeric[place.slice]) < tolerance
    )
    return PenaltyCheck(analytic, numeric, value, wrong)


def explain_penalty(check, objective):
    """What is wrong with the penalty, and the layer if it is wrong in some layers only."""
    layers = {int(block[block.index("[") + 1 : -1]) for block in check.wrong}
    everywhere = all(b in check.wrong for b in objective.blocks if b.startswith("W"))
    layer = None if everywhere or not layers else max(layers)
    where = "" if everywhere else f" of {', '.join(check.wrong)}"
    return f"the L2 penalty{where} {_cause(check, objective)}", layer


def _cause(check, objective):
    others = [b for b in check.wrong if not b.startswith("W")]
    if others:
        return "must be 0: biases, γ and β are not penalised"
    places = [objective.blocks[block].slice for block in check.wrong]
    if not places:
        return "is not that of the function"
    a = np.concatenate([check.analytic[place] for place in places])
    n = np.concatenate([check.numeric[place] for place in places])
    if not a.any():
        return "is missing: the difference is -α/N · W"
    c = (a @ n) / (n @ n)
    if not np.allclose(a, c * n, rtol=1e-3):
        return "is wrong in some of its elements"
    known = {
        2: "is counted twice",
        -1: "has the wrong sign",
        1 / objective.scale: "lacks its 1/N: it is α W",
        objective.scale: "is divided by N twice",
    }
    return next((w for k, w in known.items() if np.isclose(c, k, rtol=1e-3)),
                f"is {c:.6g} times the right one")  # fmt: skip
