"""The gradient of the L2 penalty alone:  (α / Σw) W  for weights, 0 for all else.

Next to the data term it can be too small to be seen; so it is checked by itself.
"""

import numpy as np

from sknn_opt.checks.gradients.numeric import ratio


def check_penalty(problem):
    """The ratio of the penalty's gradient and its formula."""
    theta, (_, numeric, value) = problem.objective.theta, _compare(problem)
    # That J has this penalty shows by Euler's identity of quadratic forms, ∇P(θ) · θ = 2 P(θ).
    euler, term = theta @ numeric, problem.objective.penalty_term().value(theta)
    return float(max(value, abs(euler / (2 * term) - 1) if euler else 0.0))


def explain_penalty(problem):
    """What is wrong with the penalty's gradient, and the layer if it is wrong in some only."""
    *sides, _ = _compare(problem)
    found = {block: [place.of(side) for side in sides] for block, place in problem.blocks.items()}
    wrong = {b: pair for b, pair in found.items() if not ratio(*pair) < problem.tolerance}
    everywhere = all(b in wrong for b in found if b.startswith("W"))
    where = "" if everywhere else f" of {', '.join(wrong)}"
    layers = [] if everywhere else [problem.layers[b] for b in wrong]
    return f"the L2 penalty{where} {_cause(wrong, problem.objective.scale)}", max(
        layers, default=None
    )


def formula(objective):
    """(α / Σw) W, and 0 for all else."""
    gradient = objective.penalty * objective.theta
    gradient[objective.n_decayed :] = 0
    return gradient


def _compare(problem):
    """The penalty's gradient as it is computed, its formula, and their ratio."""
    term, theta = problem.objective.penalty_term(), problem.objective.theta
    analytic, numeric = term.gradient(theta), formula(term)
    value = ratio(analytic, numeric)
    if not value < problem.tolerance:
        # a bug that adds a constant is none of the penalty
        analytic -= term.data_term().gradient(theta)
        value = ratio(analytic, numeric)
    return analytic, numeric, value


def _cause(wrong, scale):
    if any(not block.startswith("W") for block in wrong):
        return "must be 0: biases, γ and β are not penalized"
    if not wrong:
        return "is not that of the function"
    a, n = (
        np.concatenate([np.ravel(side) for side in sides])
        for sides in zip(*wrong.values(), strict=True)
    )
    if not a.any():
        return "is missing: the difference is -α/N · W"
    c = (a @ n) / (n @ n)
    if not np.allclose(a, c * n, rtol=1e-3):
        return "is wrong in some of its elements"
    known = {2: "is counted twice", -1: "has the wrong sign", 1 / scale: "lacks its 1/N: it is α W"}
    found = [words for factor, words in known.items() if np.isclose(c, factor, rtol=1e-3)]
    return found[0] if found else f"is {c:.6g} times the correct one"
