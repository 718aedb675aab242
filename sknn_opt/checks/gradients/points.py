"""Several points in one check: the one that is given, and others, random or given as well.

A bug may show at some points only: on the other side of a relu, or away from the zeros of biases.
"""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np

from sknn_opt.checks.gradients.engine import check_problem
from sknn_opt.checks.gradients.preflight import real_number
from sknn_opt.checks.gradients.report import GradientReport

HALVINGS = 12  # how often a random point comes nearer, until the function is finite there


def check_points(problems, method, rtol, points=1, notes=()):
    """The report on all problems, each at as many `points` as are asked for."""
    checked, notes = [], [*notes]
    for first in problems:
        for problem in _at_points(first, points, notes):
            problem.rtol = rtol
            checked.append(check_problem(problem, method))
    notes += [note for problem in problems for note in problem.notes]
    return GradientReport(tuple(checked), tuple(dict.fromkeys(notes)))


def refuse_bad_points(points):
    """What is no number of points, and no list of them."""
    is_number = isinstance(points, Integral) and not isinstance(points, bool)
    if not (isinstance(points, list | tuple) or (is_number and points >= 1)):
        raise ValueError(
            "points must be the number of points, 1 or more, or a list of further points; got "
            f"{points!r}."
        )


def refuse_bad_rtol(rtol):
    """What is no relative accuracy."""
    is_number = isinstance(rtol, Real) and not isinstance(rtol, bool)
    if rtol is not None and not (is_number and 0 < rtol < 1):
        raise ValueError(
            f"rtol must be a number between 0 and 1, or None; got {rtol!r}. It is the relative "
            "accuracy of the function's gradient, for example 1e-6."
        )


def _at_points(problem, points, notes):
    """A problem at its own point and at the others, one by one."""
    yield problem  # what is refused here, is refused in its own words
    if isinstance(points, Integral):
        rest = _random_points(problem, points - 1)
    else:
        rest = [problem.read_point(point) for point in points]
    if (points == 1) or not points:
        return
    if not problem.moves:
        raise ValueError(
            "points= needs a gradient that can be had at several points: pass the function that "
            "computes it, not an array."
        )
    for k, x in enumerate(rest, 2):
        if x is None:
            notes.append(f"point {k} was left out: the function is not finite around x0")
        else:
            yield replace(problem, x0=x, name=f"point {k}")


def _random_points(problem, n):
    """x0 moved by its own size, or by less where f is not finite; None where it is nowhere."""
    rng = np.random.default_rng(0)
    for _ in range(n):
        move, found = problem.scale * rng.normal(size=problem.x0.size), None
        for k in range(HALVINGS):
            x = (problem.x0 + move / 2**k).astype(problem.dtype).astype(float)
            if _is_inside(problem, x):
                found = x
                break
        yield found


def _is_inside(problem, x):
    """Whether f and its gradient exist at x."""
    try:
        with np.errstate(all="ignore"):
            return np.isfinite(real_number(problem.value(x))) and problem.gradient(x) is not None
    except Exception:  # whatever a function does outside of its domain
        return False
