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

import numpy as np
from planted.case import CASES
from planted.general import CHANGES

from sknn_opt import check_gradients

FIELDS = ("statistics", "physics", "finance", "vision", "sequences", "networks")
N_CHANGES = 6  # for each function
N_POINTS, UNITS = 20, (1, 1e-8, 1e8)
NAMES = r"^[^ ,]+(?:, [^ ,]+)* "


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
    names = re.match(NAMES, hint)[0].strip().split(", ")
    said, _, cause = re.sub(NAMES, "", hint).partition(": ")
    sides = [(found[name], correct[name]) for name in names if name in correct]
    theta = as_dict(planted.start)
    holds = [_fact(said, found[k], correct[k], theta[k]) for k in names if k in correct]
    if None in holds or not holds:  # no fact that could be looked up
        return bool(planted.truth and re.search(planted.truth, hint))
    if not all(holds):
        return False
    if not cause or cause.startswith("f does not") or _how(cause, sides):
        return True
    return bool(planted.truth and re.search(planted.truth, cause))


def _fact(said, a, n, theta):
    """Whether what is said holds, None if it is no such fact."""
    if factor := re.search(r"(?:is|are) ([-\d.e+]+) times the right one(?! without)", said):
        return bool(np.allclose(a, float(factor[1]) * n, rtol=2e-5, atol=1e-9 * np.abs(n).max()))
    if re.search(r"(?:is|are) 1 [+-] [\d.e-]+ times the right one", said):
        return bool(np.allclose(a * (np.vdot(n, n) / np.vdot(a, n)), n))
    if "wrong" in said and (places := _places(said, a.shape)) is not None:
        differs = ~np.isclose(a, n, rtol=1e-6, atol=1e-9 * np.abs(n).max())
        return bool(differs.any() and not (differs & ~places).any())
    if differs := re.search(r"differs? by ([-+\d.e]+) in each element", said):
        return bool(np.allclose(a - n, float(differs[1]), rtol=1e-2))
    if re.search("is all zero", said):
        return not a.any()
    if part := re.search(r"a part along \S+ itself(?: along axis (\d))?, which must", said):
        axis = int(part[1] or 0)
        share = np.sum(a * theta, axis, keepdims=True) / np.sum(theta**2, axis, keepdims=True)
        return bool(np.allclose(a - share * theta, n, rtol=1e-5, atol=1e-5 * np.abs(n).max()))
    if centered := re.search(r"(?:has|have) a mean(?: along axis (\d))?, which must", said):
        return bool(np.allclose(a - a.mean(int(centered[1] or 0), keepdims=True), n, rtol=1e-5))
    if leaves := re.search(r"leave the (length|mean) of each (row|column) alone", said):
        axis = 0 if leaves[2] == "column" else 1
        along = theta if leaves[1] == "length" else np.ones_like(theta)
        shares = [np.abs(np.sum(g * along, axis)).max() / np.linalg.norm(g) for g in (a, n)]
        return shares[1] < 1e-2 * shares[0]
    if count := re.search(r"wrong in (\d+) of (\d+) elements", said):
        differs = ~np.isclose(a, n, rtol=1e-6, atol=1e-9 * np.abs(n).max())
        return int(count[1]) == differs.sum() and int(count[2]) == a.size
    return None


def _places(said, shape):
    """The elements that are said to be wrong, if they are named."""
    inside = np.zeros(shape, bool)
    if element := re.search(r"in element \[([\d, ]*)\]", said):
        inside[tuple(int(i) for i in element[1].split(","))] = True
        return inside
    lines = r"(rows?|columns?|elements|slices? of axis (\d))"
    named = re.search(rf"in (all )?{lines} (?:but )?([\d, and]+)$", said)
    if named:
        axis = int(named[3] or named[2].startswith("column"))
        np.moveaxis(inside, axis, 0)[[int(i) for i in re.findall(r"\d+", named[4])]] = True
        return ~inside if named[1] else inside
    i, j = np.indices(shape) if len(shape) == 2 else (0, 0)
    for words, region in (("on and above", i <= j), ("on and below", i >= j), ("above", i < j)):
        if f"{words} the diagonal" in said:
            return region
    for words, region in (("below", i > j), ("off", i != j), ("on", i == j)):
        if f"{words} the diagonal" in said:
            return region
    return None


def _how(cause, sides):
    """Whether what the wrong elements have in common is so."""
    for a, n in sides:
        wrong = ~np.isclose(a, n, rtol=1e-6, atol=1e-9 * np.abs(n).max())
        a, n = a[wrong], n[wrong]
        factor = re.fullmatch(r"(1 [+-] )?([-\d.e+]+) times", cause)
        holds = {
            "zero": not a.any(),
            "the sign": np.allclose(a, -n, rtol=1e-3),
            "f does not change with it": np.abs(n).max() < 1e-6 * np.abs(a).max(),
        }.get(cause, False)
        if factor and not factor[1]:
            holds = np.allclose(a, float(factor[2]) * n, rtol=1e-2)
        if not holds:
            return False
    return True


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
