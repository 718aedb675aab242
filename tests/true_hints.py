"""Whether what a hint says is so: each fact is compared with the correct gradient."""

import re

import numpy as np

NAMES = r"^[^ ,]+(?:, [^ ,]+)* "


def read(hint):
    """The blocks that a hint names, what it says of them, and the cause that it gives."""
    names = re.match(NAMES, hint)[0].strip().split(", ")
    said, _, cause = re.sub(NAMES, "", hint).partition(": ")
    return names, said, cause


def fact(said, a, n, theta):
    """Whether what is said holds, None if it is no such fact."""
    if factor := re.search(r"(?:is|are) ([-\d.e+]+) times the right one(?! without)", said):
        return bool(np.allclose(a, float(factor[1]) * n, rtol=2e-5, atol=1e-9 * np.abs(n).max()))
    if re.search(r"(?:is|are) 1 [+-] [\d.e-]+ times the right one", said):
        return bool(np.allclose(a * (np.vdot(n, n) / np.vdot(a, n)), n))
    if re.search("(?:has|have) to be zero", said):
        return bool(np.abs(n).max() < 1e-12 < np.abs(a).max())
    if re.search("in the wrong order|is shifted|is flipped|is reversed|is transposed", said):
        same = np.allclose(np.sort(a, axis=None), np.sort(n, axis=None))
        return bool(same and not np.allclose(a, n))
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
    if count := re.search(r"wrong in (\d+) of (\d+) (rows|columns)", said):
        differs = ~np.isclose(a, n, rtol=1e-6, atol=1e-9 * np.abs(n).max())
        lines = differs.any(axis=1 if count[3] == "rows" else 0)
        return (int(count[1]), int(count[2])) == (lines.sum(), len(lines))
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


def is_how(cause, sides):
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


def is_true(hint, claimed, correct, point):
    """Whether the fact of a hint holds for each block that it names; unknown hints are not true.

    What the wrong elements have in common is a fact as well; a cause is left to the reader.
    """
    names, said, cause = read(hint)
    if not all(name in correct for name in names):
        return False
    holds = all(fact(said, claimed[name], correct[name], point[name]) for name in names)
    if holds and "wrong" in said and cause and not cause.startswith("those that"):
        return is_how(cause, [(claimed[name], correct[name]) for name in names])
    return holds
