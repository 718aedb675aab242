"""Where values lie on the scale of their own: a number for each value, for pictures and forests.

===================  =============================================
scale                place of x
===================  =============================================
log                  log10 x
one minus log        -log10 (1 - x): 0.9, 0.99, 0.999 are 1, 2, 3
linear               x
category             its number in the list
===================  =============================================

On a logarithmic scale 0 has a place apart, below all others. What a candidate does not have, as in
a space of several parts, is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from sknn_opt.search.distributions import Choice, ZeroOr, as_distribution

ABSENT = type("Absent", (), {"__repr__": lambda self: "absent"})()  # a value that is not there
WIDE = 20.0  # listed numbers whose ratio is at least this are on a logarithmic scale
APART = 0.2  # of the width of the scale lies between 0 and the smallest value above it


@dataclass(frozen=True)
class Scale:
    """The scale of one hyperparameter; `categories` are texts, `zero` is where 0 stands apart."""

    kind: str
    categories: tuple[str, ...] = ()
    zero: float | None = None
    is_whole: bool = False

    def places(self, values: Any) -> np.ndarray:
        """The places of values; NaN for those that are absent or outside of the scale."""
        if self.kind == "category":
            number = {text: i for i, text in enumerate(self.categories)}
            return np.array([number.get(spelled(v), np.nan) for v in values], dtype=float)
        x = np.array([float(v) if _is_number(v) else np.nan for v in values])
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.kind == "log":
                places = np.log10(x)
            elif self.kind == "one minus log":
                places = -np.log10(1 - x)
            else:
                return x
        if self.zero is not None:
            places[x == 0] = self.zero
        return np.where(np.isfinite(places), places, np.nan)


def scale_of(values: Any, given: Any = None) -> Scale:
    """The scale of the values of a hyperparameter, by its distribution if one is given.

    Parameters
    ----------
    values : list
        Of all candidates, `ABSENT` where one has none.
    given : distribution or list, default=None
        What they were drawn from.
    """
    listed, kind = [], None
    try:
        distribution = as_distribution(given)
    except (TypeError, ValueError):  # nothing is given, or what only that search understands
        distribution = None
    if isinstance(distribution, Choice):
        listed = list(distribution.values)
    elif distribution is not None:
        kind = distribution.axis_scale
    seen = [v for v in [*listed, *values] if v is not ABSENT]
    if not all(map(_is_number, seen)):
        kind = "category"
    kind = kind or guessed_kind(seen)
    if kind == "category":
        return Scale(kind, tuple(dict.fromkeys(map(spelled, seen))))
    whole = all(isinstance(v, Integral) for v in seen)
    inner = distribution
    if isinstance(distribution, ZeroOr):
        inner, seen = distribution.distribution, [*seen, 0] if distribution.p_zero else seen
    if kind == "linear" or not any(v == 0 for v in seen):
        return Scale(kind, is_whole=whole)
    ends = [] if inner is None or isinstance(inner, Choice) else inner.support()
    places = Scale(kind).places([v for v in [*seen, *ends] if v != 0])
    low, high = (np.nanmin(places), np.nanmax(places)) if np.isfinite(places).any() else (0, 0)
    return Scale(kind, zero=float(low - APART * max(high - low, 1)), is_whole=whole)


def guessed_kind(numbers: Any) -> str:
    """The scale of a list of numbers, by how far they are apart."""
    above = [float(v) for v in numbers if v != 0]
    if not above or not all(map(math.isfinite, above)):
        return "linear"
    low, high = min(above), max(above)
    if low > 0 and high >= WIDE * low:
        return "log"
    if low >= 0.5 and high < 1 and 1 - low >= 9.99 * (1 - high) and len(above) == len(numbers):
        return "one minus log"
    return "linear"


def spelled(value: Any) -> str:
    """A value as text: what two candidates share is spelled alike."""
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    name = getattr(value, "__name__", None)
    return name if callable(value) and name else " ".join(repr(value).split())


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
