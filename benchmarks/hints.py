"""Are the hints of check_gradients true?

    python benchmarks/hints.py [choose | confirm]

Functions of six fields with gradients by hand, into which bugs are planted: those that people make
in each (``benchmarks/planted``), and those that any gradient can have, in blocks that are drawn.
Half of the functions were used to choose the limits in ``sknn_opt/checks/gradients/hypotheses``,
the others confirm them. Counted are bugs that are caught, those with a hint, and hints that are
true.

A hint has a fact and often a cause. The fact ("2 times the right one", "wrong only in row 3") is
compared with the correct gradient, the cause with what was planted.
"""

import re
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from planted.case import CASES
from planted.general import CHANGES

from sknn_opt import check_gradients

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from true_hints import fact, is_how, read

FIELDS = ("statistics", "physics", "finance", "vision", "sequences", "networks")
N_CHANGES = 6  # for each function
N_POINTS, UNITS = 20, (1, 1e-8, 1e8)


@dataclass(frozen=True)
class Planted:
    """A function with a wrong gradient, the correct one, and what is true of the bug."""

    name: str
    f: object
    wrong: object
    correct: object
    start: object
    truth: str


def planted_by_hand(case):
    """The bugs of a function's own backward."""
    f, correct, start = case.build(None)
    for bug, truth in case.bugs.items():
        wrong = case.build(bug)[1]
        yield Planted(f"{case.field}: {case.name}, {bug}", f, wrong, correct, start, truth)


def planted_in_blocks(case, rng):
    """Bugs that any gradient can have, in blocks that are drawn."""
    f, correct, start = case.build(None)
    blocks = as_dict(correct(start))
    made = 0
    for k in rng.permutation(len(CHANGES)):
        change = CHANGES[k]
        fitting = [name for name, g in blocks.items() if change.fits(g)]
        if made == N_CHANGES or not fitting:
            continue
        block = fitting[rng.integers(len(fitting))]
        seed = int(rng.integers(2**31))
        wrong = _with_change(correct, start, block, change, seed)
        name = f"{case.field}: {case.name}, {block} {change.name}"
        moved = np.linalg.norm(as_dict(wrong(start))[block] - blocks[block])
        if moved > 1e-6 * np.linalg.norm(blocks[block]):  # the change is one
            made += 1
            yield Planted(name, f, wrong, correct, start, change.truth)


def _with_change(correct, start, block, change, seed):
    def wrong(p):
        found, rng = correct(p), np.random.default_rng(seed)
        if isinstance(start, dict):
            return {**found, block: change.change(found[block], p[block], rng)}
        return change.change(found, p, rng)

    return wrong


def as_dict(gradient):
    return gradient if isinstance(gradient, dict) else {"x": gradient}


# What is true -------------------------------------------------------------------------------------


def is_true(hint, planted):
    """Whether the fact holds for each block that is named, and the cause is that of the bug."""
    found, correct = as_dict(planted.wrong(planted.start)), as_dict(planted.correct(planted.start))
    names, said, cause = read(hint)
    sides = [(found[name], correct[name]) for name in names if name in correct]
    theta = as_dict(planted.start)
    holds = [fact(said, found[k], correct[k], theta[k]) for k in names if k in correct]
    if None in holds or not holds:  # no fact that could be looked up
        return bool(planted.truth and re.search(planted.truth, hint))
    if not all(holds):
        return False
    if not cause or cause.startswith("f does not") or is_how(cause, sides):
        return True
    return bool(planted.truth and re.search(planted.truth, cause))


# What is counted ----------------------------------------------------------------------------------


def count(half, *, show, seed=0):
    """The counts of one half of the functions."""
    counts, rng = Counter(), np.random.default_rng(seed)
    for case in CASES:
        drawn = [*planted_by_hand(case), *planted_in_blocks(case, rng)]
        if case.half == half:
            counts.update(_false_alarms(case))
            for planted in drawn:
                counts.update(_look_at(planted, show=show))
    return counts


def _false_alarms(case):
    """How often the correct gradient is called WRONG, at several points and in several units."""
    rng, counts = np.random.default_rng(1), Counter()
    f, gradient, start = case.build(None)
    for k in range(N_POINTS):
        unit = UNITS[k % len(UNITS)]
        point = as_dict(start)
        if k:
            point = {name: x * rng.uniform(0.9, 1.15, x.shape) for name, x in point.items()}
        if not isinstance(start, dict):
            (point,) = point.values()
        scaled = _in_unit(f, gradient, unit)
        report = check_gradients(*scaled, point)
        counts.update(correct=1, alarms=report.verdict == "WRONG", passed=report.passed)
        if not report.passed:
            print(f"{case.field}: {case.name}, correct, is {report.verdict}", report.hints)
    return counts


def _in_unit(f, gradient, unit):
    def scaled(p):
        found = gradient(p)
        if isinstance(found, dict):
            return {name: unit * g for name, g in found.items()}
        return unit * found

    return lambda p: unit * f(p), scaled


def _look_at(planted, *, show):
    report = check_gradients(planted.f, planted.wrong, planted.start)
    told = [(hint, is_true(hint, planted)) for hint in report.hints]
    if show or report.verdict != "WRONG" or not all(true for _, true in told):
        print(f"{planted.name}: {report.verdict}")
        for hint, true in told:
            print(f"    {'true ' if true else 'FALSE'} {hint}")
    return {
        "bugs": 1,
        "caught": report.verdict == "WRONG",
        "with a hint": bool(told),
        "hints": len(told),
        "true": sum(true for _, true in told),
    }


def main():
    warnings.simplefilter("ignore")
    halves = sys.argv[1:2] or ["choose", "confirm"]
    for field in FIELDS:
        import_module(f"planted.{field}")
    for half in halves:
        counts = count(half, show="-v" in sys.argv)
        share = counts["true"] / max(counts["hints"], 1)
        print(
            f"{half}: {counts['correct']} correct gradients, {counts['alarms']} called WRONG, "
            f"{counts['passed']} passed;"
            f" {counts['bugs']} bugs, {counts['caught']} caught, {counts['with a hint']} with a "
            f"hint; {counts['hints']} hints, {counts['true']} true ({share:.1%})"
        )


if __name__ == "__main__":
    main()
