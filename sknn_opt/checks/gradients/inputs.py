"""Hints that follow from how a function and its gradient came in."""

import numpy as np

from sknn_opt.checks.gradients.report import INCONCLUSIVE, WRONG

NEAR = 1e-3  # a domain that ends within this share of the parameters' size leaves few steps
ROUNDED = 1e-2  # how far a real step may be off where an integer is compared with it


def hints_of_inputs(problem, edge, checks):
    """Where the domain of f ends near x0, and which gradients are cut off to integers."""
    distance, what = edge
    undecided = any(check.verdict == INCONCLUSIVE for check in checks)
    if undecided and distance < NEAR * np.linalg.norm(problem.scale):
        yield (
            f"the domain of the function ends near x0: {distance:.0e} beside it, it {what}. Check "
            "at a point further inside"
        )
    whole = np.zeros(problem.x0.size, bool) | problem.integers
    for check in checks:
        place = problem.blocks.get(check.block)
        if check.verdict == WRONG and place and whole[place.slice].all() and _is_cut(check):
            yield (
                f"the gradient of {check.block} is an array of integers, which cuts off fractions: "
                "make it one of floats, as np.zeros(n) is"
            )


def _is_cut(check):
    """Whether the elements that are known are what is left of the derivatives without fractions."""
    known = check.elements(check.n_parameters)
    return is_cut(*(np.array([each[side] for each in known]) for side in ("analytic", "numeric")))


def is_cut(whole, numeric):
    """Whether integers are what is left of numbers without their fractions."""
    left = (numeric - whole) * np.sign(numeric)
    return bool(np.all((left > -ROUNDED) & (left < 1)))
