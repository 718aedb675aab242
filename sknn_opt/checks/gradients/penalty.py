"""The gradient of the L2 penalty alone:  (α / Σw) W  for weights, 0 for all else.

Next to the data term it can be too small to be seen; so it is checked by itself.
"""

import numpy as np

from sknn_opt.checks.gradients.report import ratio


def check_penalty(objective, tolerance):
    """The ratio of the penalty's gradient and its formula."""
    theta, n, penalty = objective.theta, objective.n_decayed, objective.penalty
    term = objective.penalty_term()
    value = _distance(term.gradient(theta), objective)
    if not value < tolerance:
        value = _distance(_gradient(objective), objective)
    # That J has this penalty shows by Euler's identity of quadratic forms, ∇P(θ) · θ = 2 P(θ).
    euler = penalty * (theta[:n] @ theta[:n])
    return float(max(value, abs(euler / (2 * term.value(theta)) - 1) if euler else 0.0))


def _distance(gradient, objective):
    """The ratio of a gradient and (α / Σw) W; overwrites the gradient, which may be large."""
    weights = objective.theta[: objective.n_decayed]
    norms = np.linalg.norm(gradient) + objective.penalty * np.linalg.norm(weights)
    gradient[: objective.n_decayed] += weights * weights.dtype.type(-objective.penalty)
    return np.linalg.norm(gradient) / norms if norms else 0.0


def explain_penalty(objective, tolerance):
    """What is wrong with the penalty's gradient, and the layer if it is wrong in some only."""
    analytic = _gradient(objective)
    numeric = objective.penalty * objective.theta
    numeric[objective.n_decayed :] = 0
    wrong = [
        block
        for block, place in objective.blocks.items()
        if not ratio(analytic[place.slice], numeric[place.slice]) < tolerance
    ]
    layers = {int(block[block.index("[") + 1 : -1]) for block in wrong}
    everywhere = all(b in wrong for b in objective.blocks if b.startswith("W"))
    layer = None if everywhere or not layers else max(layers)
    where = "" if everywhere else f" of {', '.join(wrong)}"
    return f"the L2 penalty{where} {_cause(objective, wrong, analytic, numeric)}", layer


def _gradient(objective):
    """Less what is left without any term: a bug that adds a constant is none of the penalty."""
    term = objective.penalty_term()
    gradient = term.gradient(objective.theta)
    gradient -= term.data_term().gradient(objective.theta)
    return gradient


def _cause(objective, wrong, analytic, numeric):
    if any(not block.startswith("W") for block in wrong):
        return "must be 0: biases, γ and β are not penalized"
    if not wrong:
        return "is not that of the function"
    places = [objective.blocks[block].slice for block in wrong]
    a = np.concatenate([analytic[place] for place in places])
    n = np.concatenate([numeric[place] for place in places])
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
    words = [words for factor, words in known.items() if np.isclose(c, factor, rtol=1e-3)]
    return words[0] if words else f"is {c:.6g} times the correct one"
