"""What a gradient check found: a verdict for each block, where the worst element lies, and why.

The measure is the course's ratio  ‖a - n‖ / (‖a‖ + ‖n‖)  of the analytic gradient a and the numeric
one n, with its bands: below 1e-7 great, below 1e-5 worth a look, else worrying.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import check_grad

from sknn_opt.checks.gradients.numeric import error_size
from sknn_opt.checks.layout import Column, Table
from sknn_opt.checks.report import Report

GREAT, LOOK = 1e-7, 1e-5  # the course's bands of the ratio
BLURRED = 1e-3  # a resolution above this says too little to call a block correct
CLOSE = 1e-7  # an element that differs by a smaller share of itself is not wrong
# From the mildest to the gravest.
OK, KINK, INCONCLUSIVE, WRONG = VERDICTS = ("OK", "KINK", "INCONCLUSIVE", "WRONG")
MEANINGS = {
    OK: "An error above the resolution would have shown; or the block is zero on both sides to "
    "rounding, which its note says.",
    KINK: "Left and right derivatives differ, so that there is no derivative, as at the kink of "
    "relu. It passes if the gradient is correct a little beside it.",
    INCONCLUSIVE: "The function is too noisy, or too flat: an error of "
    f"{BLURRED:g} of the block would not have been seen.",
    WRONG: "The two differ by more than the error of the numeric derivative, and, of functions "
    f"that no complex step can take, by more than {CLOSE:g} of an element, or by more than rtol.",
}
COLUMNS = (
    Column(
        "block", "Which parameters. all is the whole gradient; L2 the penalty alone.", left=True
    ),
    Column("size", "How many parameters.", 7),
    Column("verdict", "OK, KINK, INCONCLUSIVE or WRONG: see below.", left=True),
    Column(
        "ratio",
        "|a - n| / (|a| + |n|), a being the analytic gradient and n the numeric one, over the "
        "elements or directions that were compared. The course calls a ratio below "
        f"{GREAT:g} great, below {LOOK:g} worth a look, and above that worrying.",
    ),
    Column(
        "sees above",
        "The resolution: an error above this share of the block's norm would have been seen.",
        5,
    ),
    Column(
        "worst at", "Where the element lies that differs most, if the block is not OK.", 3, True
    ),
    Column("analytic", "Its derivative by the gradient that was checked.", 4),
    Column("numeric", "Its derivative by steps.", 4),
    Column("note", "What else decided the verdict.", 6, True),
)


MANY_POINTS = 3  # more than these are counted by verdict


def band(value, verdict=None):
    """The course's word for a ratio, as far as it goes with the verdict."""
    word = "great" if value < GREAT else "worth a look" if value < LOOK else "worrying"
    told = {INCONCLUSIVE: "too little can be seen", KINK: "left and right derivatives differ"}
    if verdict == OK and word != "great":
        return "within its rounding and noise"
    if verdict == WRONG and word != "worrying":
        return "small, yet wrong"
    return told.get(verdict, word)


@dataclass(frozen=True)
class BlockCheck:
    """The comparison of one block of parameters.

    Attributes
    ----------
    point : str
        Where: for example "initial weights" or "x0".
    block : str
        For example ``W[1]``; "all" is the whole gradient, "L2" the gradient of the penalty alone
        (then the blocks are those of the data term).
    layer : int, str or None
        The layer that the block belongs to.
    n_parameters : int
    verdict : {"OK", "WRONG", "KINK", "INCONCLUSIVE"}
        KINK: left and right derivatives differ, so that there is no derivative to compare with.
        INCONCLUSIVE: the function is too noisy, or too flat, to tell.
    ratio : float
        ‖a - n‖ / (‖a‖ + ‖n‖), over the elements or over the directions that were compared.
    resolution : float
        An error above this share of the block's norm would have been seen.
    index : tuple of int or None
        The worst element that was found, with its `analytic` and `numeric` derivative.
    analytic, numeric : float or None
    passed : bool
        Whether the block counts as correct: OK, or KINK and correct by other evidence (see `note`).
    note : str
    samples : tuple of two ndarrays
        The analytic and numeric derivatives that were compared, by element or by direction.
    elementwise : bool
        Whether `samples` are elements, in the order of the block.
    shape : tuple of int
        Of the block.
    """

    point: str
    block: str
    layer: int | str | None
    n_parameters: int
    verdict: str
    ratio: float
    resolution: float
    index: tuple[int, ...] | None = None
    analytic: float | None = None
    numeric: float | None = None
    passed: bool = True
    note: str = ""
    samples: tuple[Any, Any] = field(default=((), ()), repr=False)
    elementwise: bool = field(default=False, repr=False)
    shape: tuple[int, ...] = field(default=(), repr=False)

    def elements(self, k: int) -> list[dict[str, Any]]:
        """The worst elements that are known.

        Parameters
        ----------
        k : int
            How many.

        Returns
        -------
        list of dict
            With keys point, block, index, analytic, numeric, error.
        """
        known: Iterable[tuple] = ()
        if self.elementwise:
            errors = error_size(self.samples[0] - self.samples[1])
            order = np.argsort(-errors)[:k]
            places = [map(int, np.unravel_index(place, self.shape)) for place in order]
            known = zip(places, *(side[order].tolist() for side in self.samples), strict=True)
        elif self.index is not None:
            known = [(self.index, self.analytic, self.numeric)]
        where = {"point": self.point, "block": self.block}
        return [
            {**where, "index": tuple(index), "analytic": a, "numeric": n, "error": a - n}
            for index, a, n in known
        ]

    def cells(self) -> tuple[str, ...]:
        """The table's row, as text."""
        found = "", "", ""
        if self.index is not None and self.verdict != OK:
            found = (
                str([*self.index]) if self.index else "",
                f"{self.analytic:+.6e}",
                f"{self.numeric:+.6e}",
            )
        sees = "-" if math.isnan(self.resolution) else f"{self.resolution:.0e}"
        size, value = f"{self.n_parameters:,}", f"{self.ratio:.1e}"
        return (self.block, size, self.verdict, value, sees, *found, self.note)


@dataclass(frozen=True)
class PointCheck:
    """All that was found at one point.

    Attributes
    ----------
    name : str
        Where: for example "initial weights" or "x0".
    method : str
        What the gradient was compared with, in words.
    blocks : tuple of BlockCheck
        One for each block, and one, "all", for the whole gradient.
    fault : str or None
        What is at fault, in words.
    first_bad_layer : int, str or None
        The layer whose own backward is at fault.
    hints : tuple of str
        Probable causes, in words, the likeliest first.
    n_evaluations : int
        How often the function was evaluated.
    value, gradient : callable
        The function and its gradient, of a vector; None in a report that was pickled.
    theta : ndarray of shape (n_parameters,)
        The point.
    """

    name: str
    method: str
    blocks: tuple[BlockCheck, ...]
    fault: str | None
    first_bad_layer: int | str | None
    hints: tuple[str, ...]
    n_evaluations: int
    value: Callable[..., Any] = field(repr=False)
    gradient: Callable[..., Any] = field(repr=False)
    theta: np.ndarray = field(repr=False)

    def __getstate__(self):
        """All but the functions, which may hold what cannot be pickled."""
        return vars(self) | {"value": None, "gradient": None}

    @property
    def title(self) -> str:
        """One line: where and how."""
        return f"at {'' if re.match('x0|point', self.name) else 'the '}{self.name}"


@dataclass(frozen=True, repr=False)
class GradientReport(Report):
    """What `check_gradients` found. Prints as a table; a notebook shows it as HTML.

    Attributes
    ----------
    points : tuple of PointCheck
        What was found at each point that was checked.
    notes : tuple of str
        What was done to find the network in an estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_opt import check_gradients
    >>> report = check_gradients(
    ...     lambda p: np.sum(p["W1"] ** 2) / 2 + np.sum(p["b1"]),
    ...     lambda p: {"dW1": p["W1"], "db1": -np.ones(3)},
    ...     {"W1": np.eye(3), "b1": np.ones(3)},
    ... )
    >>> report  # doctest: +ELLIPSIS
    <GradientReport: WRONG: relative error 6.3e-01, 1.0e+00 in b1 (worrying); print it to see ...>
    >>> [(check.block, check.verdict) for check in report.blocks]
    [('W1', 'OK'), ('b1', 'WRONG'), ('all', 'WRONG')]
    >>> report.fault, report.hints
    ('layer 1: b1', ['b1 is -1 times the right one: the sign is wrong'])
    """

    points: tuple[PointCheck, ...]
    notes: tuple[str, ...] = ()

    _COLUMNS = COLUMNS
    _VERDICTS = MEANINGS
    _LONGEST = 22
    _REMARKS = (
        "The relative error in the first line is the largest ratio of a whole gradient. First at "
        "fault is the block or layer whose own backward is wrong: those that backprop passes later "
        "inherit its error. Hints are causes that explain the numbers, the likeliest first.",
    )

    @property
    def blocks(self) -> list[BlockCheck]:
        """A `BlockCheck` for each block at each point, and one, "all", for the whole gradient."""
        return [check for point in self.points for check in point.blocks]

    @property
    def relative_error(self) -> float:
        """The largest ratio of a whole gradient; NaN counts as the largest."""
        return float(np.max([check.ratio for check in self.blocks if check.block == "all"]))

    @property
    def first_bad_layer(self) -> int | str | None:
        """The layer whose own backward is at fault, None if none is.

        Backprop runs from the last layer to the first, so the layers below a fault inherit its
        error: this is the first one that backprop passed.
        """
        return next((p.first_bad_layer for p in self.points if p.first_bad_layer is not None), None)

    @property
    def fault(self) -> str | None:
        """What is at fault, in words; None if nothing is."""
        return next((point.fault for point in self.points if point.fault), None)

    @property
    def hints(self) -> list[str]:
        """Probable causes, in words, the likeliest first."""
        return list(dict.fromkeys(hint for point in self.points for hint in point.hints))

    @property
    def n_evaluations(self) -> int:
        """How often the function was evaluated; steps through a part of a network do not count."""
        return sum(point.n_evaluations for point in self.points)

    @cached_property
    def scipy_check_grad(self) -> float:
        """`scipy.optimize.check_grad` at the last point: ‖a - n‖ by forward differences.

        Computed when first asked for: it takes one evaluation for each parameter.
        """
        point = self.points[-1]
        if point.value is None:
            raise AttributeError(
                "A report that was pickled no longer holds the function: ask for scipy_check_grad "
                "beforehand, or check again."
            )
        return float(check_grad(point.value, point.gradient, point.theta))

    def worst(self, k: int = 5) -> list[dict[str, Any]]:
        """The k worst elements.

        Parameters
        ----------
        k : int, default=5
            How many.

        Returns
        -------
        list of dict
            With keys point, block, index, analytic, numeric, error; the largest absolute error
            first. Of blocks compared along directions only the element that was searched out.
        """
        found = [element for check in self.blocks for element in check.elements(k)]
        return sorted(found, key=lambda element: error_size(element["error"]), reverse=True)[:k]

    def _rows(self):
        return self.blocks

    @property
    def worst_point(self) -> PointCheck:
        """The point with the gravest verdict and, of those, the largest ratio."""
        return max(self.points, key=lambda point: max(map(_gravity, point.blocks)))

    def _tables(self):
        for point in self.points:
            yield Table(f"{point.title}, {point.method}", point.blocks, _gravity)

    def _names(self):
        return [check.block for check in self.blocks]

    def _verdict_lines(self):
        """The verdict, the fault and the hints."""
        error = self.relative_error
        wrong = [check for check in self.blocks if check.verdict == WRONG and check.block != "all"]
        if wrong:
            worst = max(wrong, key=lambda check: np.nan_to_num(check.ratio, nan=np.inf))
            words = band(np.max([error, worst.ratio]), WRONG)
            yield f"WRONG: relative error {error:.1e}, {worst.ratio:.1e} in {worst.block} ({words})"
        else:
            yield f"{self.verdict}: relative error {error:.1e} ({band(error, self.verdict)})"
        if len(self.points) > MANY_POINTS:
            verdicts = [max((c.verdict for c in p.blocks), key=VERDICTS.index) for p in self.points]
            counts = ", ".join(f"{verdicts.count(v)} {v}" for v in VERDICTS if v in verdicts)
            yield f"{len(self.points)} points: {counts}; the worst is first"
        if self.fault:
            yield f"first at fault: {self.fault}"
        yield from (f"hint: {hint}" for hint in self.hints)


def _gravity(check):
    """How bad a block is; blocks that are as good as can be keep their order."""
    ratio = np.nan_to_num(check.ratio, nan=np.inf)
    return VERDICTS.index(check.verdict), not check.passed, max(float(ratio), GREAT)
