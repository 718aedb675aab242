"""What a search draws hyperparameters from, each on its own scale.

===================  ============================================================  =================
distribution         draws                                                         for example
===================  ============================================================  =================
LogUniform           each power of ten as often as the next                        learning rates
OneMinusLogUniform   1 - x log-uniform: 0.9 to 0.99 as often as 0.99 to 0.999      β, momentum
LogUniformInt        integers, small ones more often than large ones               units, batch size
Uniform              all numbers alike                                             shares
UniformInt           all integers alike                                            layers
Choice               one of a list, perhaps with weights                           activations
ZeroOr               0, or else from another distribution                          dropout, α
===================  ============================================================  =================

A uniform draw from 0.0001 to 1 would spend 90 % of the candidates on 0.1 to 1; a log-uniform one
spends a quarter on each power of ten. For an average over 1 / (1 - β) steps, a change of β from 0.9
to 0.9005 does nothing, one from 0.999 to 0.9995 doubles it.

Each is a plain, unchangeable object on top of one of scipy's distributions. It draws plain Python
values, and ``zoomed`` is the same kind of distribution on a part of its own scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from sknn_opt.search.families import frozen


class Distribution:
    """What all distributions share; for `isinstance`, not for direct use.

    Any search that takes distributions with ``rvs`` takes them: scikit-learn's `RandomizedSearchCV`
    and `HalvingRandomSearchCV`, for example.

    Attributes
    ----------
    axis_scale : {'log', 'one minus log', 'linear', 'category'}
        The axis of a picture on which the draws lie evenly.
    """

    axis_scale: str = "linear"

    @property
    def _scipy(self):
        """The scipy distribution that does the work."""
        raise NotImplementedError(f"{type(self).__name__} has no property _scipy")

    def rvs(
        self, size: int | None = None, random_state: int | np.random.RandomState | None = None
    ) -> Any:
        """Draw at random.

        Parameters
        ----------
        size : int or tuple of int, default=None
            How many; None is one plain Python value.
        random_state : int, RandomState instance or None, default=None
            Where the randomness comes from.

        Returns
        -------
        float, int or ndarray of shape `size`
            Of a `Choice` one of its values, or a list of them.
        """
        return self._valued(check_random_state(random_state).uniform(size=size))

    def ppf(self, q: ArrayLike) -> Any:
        """The value below which the share `q` of the draws lies.

        Parameters
        ----------
        q : float or array-like of float
            In [0, 1].

        Returns
        -------
        float, int or ndarray
            Within the bounds.

        Raises
        ------
        ValueError
            If `q` is outside [0, 1].
        """
        share = np.asarray(q, dtype=float)
        if not ((share >= 0) & (share <= 1)).all():
            raise ValueError(f"q of ppf must be a share in [0, 1]; got {q!r}.")
        return self._valued(share)

    def _valued(self, q):
        """The values at shares that are known to be in [0, 1]."""
        low, high = self.support()
        return _plain(np.clip(self._scipy.ppf(q), low, high))

    def cdf(self, x: ArrayLike) -> Any:
        """The share of the draws that are at most `x`: the place of `x` on the own scale, 0 to 1.

        Parameters
        ----------
        x : float or array-like of float

        Returns
        -------
        float or ndarray
        """
        return _plain(self._scipy.cdf(x))

    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value, both included."""
        return self.low, self.high  # type: ignore[attr-defined]

    def interval(self, confidence: float) -> tuple[Any, Any]:
        """The values between which the middle share of the draws lies.

        Parameters
        ----------
        confidence : float
            That share, in [0, 1].

        Returns
        -------
        low, high : float or int
        """
        return self.ppf((1 - confidence) / 2), self.ppf((1 + confidence) / 2)

    def mean(self) -> float:
        """The mean of the draws."""
        return float(self._scipy.mean())

    def zoomed(self, q_low: float, q_high: float) -> Distribution:
        """The same kind of distribution, between two quantiles of this one.

        Parameters
        ----------
        q_low, q_high : float
            The shares of the draws below the new bounds, 0 <= `q_low` < `q_high` <= 1.

        Returns
        -------
        Distribution
            This one, restricted.

        Raises
        ------
        ValueError
            If they are no such shares.
        """
        _check_shares(q_low, q_high)
        low, high = self.ppf(q_low), self.ppf(q_high)
        if low >= high and isinstance(low, float):
            return self  # no two numbers lie between
        return replace(self, low=low, high=high)  # type: ignore[type-var]

    def __repr__(self):
        values = ", ".join(repr(getattr(self, field.name)) for field in fields(self))
        return f"{type(self).__name__}({values})"


class Continuous(Distribution):
    """Of floats."""

    low: float
    high: float

    def __post_init__(self):
        _check_bounds(self, Real, "finite numbers")
        if self.low == self.high:
            raise ValueError(
                f"{self!r} is an empty range: low must be below high. A fixed value needs no "
                "distribution; set it on the estimator."
            )

    @property
    def _scipy(self):
        return frozen(type(self).__name__, self.low, self.high)

    def pdf(self, x: ArrayLike) -> Any:
        """The density.

        Parameters
        ----------
        x : float or array-like of float

        Returns
        -------
        float or ndarray
        """
        return _plain(self._scipy.pdf(x))


class Discrete(Distribution):
    """Of integers."""

    low: int
    high: int

    def __post_init__(self):
        _check_bounds(self, Integral, "whole numbers")

    @property
    def _scipy(self):
        return frozen(type(self).__name__, self.low, self.high)

    def _valued(self, q):
        return _whole(super()._valued(q))

    def pmf(self, x: ArrayLike) -> Any:
        """The probability of `x`.

        Parameters
        ----------
        x : int or array-like of int

        Returns
        -------
        float or ndarray
        """
        return _plain(self._scipy.pmf(x))


@dataclass(frozen=True, repr=False)
class LogUniform(Continuous):
    """Log-uniform: each power of ten is drawn as often as the next.

    For what acts by its order of magnitude: learning rates, penalties. log x is uniform.

    Parameters
    ----------
    low, high : float
        The bounds, 0 < `low` < `high`.

    Raises
    ------
    ValueError
        If they are no such numbers.

    See Also
    --------
    scipy.stats.loguniform : The same of scipy's, which cannot zoom.

    Examples
    --------
    >>> from sknn_opt.search import LogUniform
    >>> rates = LogUniform(0.0001, 0.1)
    >>> round(rates.ppf(2 / 3), 6), round(rates.cdf(0.001), 6)
    (0.01, 0.333333)
    >>> rates.zoomed(0, 1 / 3).rvs(random_state=0) < 0.001
    True
    """

    low: float
    high: float
    axis_scale = "log"

    def __post_init__(self):
        super().__post_init__()
        _refuse_not_positive(self)


@dataclass(frozen=True, repr=False)
class OneMinusLogUniform(Continuous):
    """1 - x is log-uniform: for β and momentum, whose effect is an average over 1 / (1 - β) steps.

    From 0.9 to 0.999, half of the draws lie below 0.99: averages over 10 to 100 steps come as often
    as those over 100 to 1000. The density is 1 / ((1 - x) log((1 - low) / (1 - high))).

    Parameters
    ----------
    low, high : float
        The bounds, `low` < `high` < 1.

    Raises
    ------
    ValueError
        If they are no such numbers.

    Examples
    --------
    >>> from sknn_opt.search import OneMinusLogUniform
    >>> betas = OneMinusLogUniform(0.9, 0.999)
    >>> round(betas.ppf(0.5), 6), round(betas.cdf(0.99), 6)
    (0.99, 0.5)
    """

    low: float
    high: float
    axis_scale = "one minus log"

    def __post_init__(self):
        super().__post_init__()
        if self.high >= 1:
            raise ValueError(f"{self!r} reaches 1, where 1 - x has no logarithm: set high below 1.")


@dataclass(frozen=True, repr=False)
class LogUniformInt(Discrete):
    """Integers by their order of magnitude: numbers of units, rows in a batch.

    A log-uniform number from `low` - ½ to `high` + ½, rounded.

    Parameters
    ----------
    low, high : int
        The smallest and the largest, both included, 1 <= `low` <= `high`.

    Raises
    ------
    ValueError
        If they are no such numbers.

    Examples
    --------
    >>> from sknn_opt.search import LogUniformInt
    >>> units = LogUniformInt(8, 512)
    >>> units.ppf(0.5), units.rvs(4, random_state=0)
    (62, array([ 76, 154,  96,  75]))
    """

    low: int
    high: int
    axis_scale = "log"

    def __post_init__(self):
        super().__post_init__()
        _refuse_not_positive(self)


@dataclass(frozen=True, repr=False)
class Uniform(Continuous):
    """All numbers alike.

    Parameters
    ----------
    low, high : float
        The bounds, `low` < `high`.

    Raises
    ------
    ValueError
        If they are no such numbers.

    Examples
    --------
    >>> from sknn_opt.search import Uniform
    >>> Uniform(0, 0.5).zoomed(0.5, 1)
    Uniform(0.25, 0.5)
    """

    low: float
    high: float

    def __post_init__(self):
        super().__post_init__()
        if not math.isfinite(self.high - self.low):
            raise ValueError(f"{self!r} is too wide a range for floats: bring its bounds nearer.")


@dataclass(frozen=True, repr=False)
class UniformInt(Discrete):
    """All integers alike.

    Parameters
    ----------
    low, high : int
        The smallest and the largest, both included.

    Raises
    ------
    ValueError
        If they are no whole numbers, or `low` is above `high`.

    Examples
    --------
    >>> from sknn_opt.search import UniformInt
    >>> UniformInt(1, 4).rvs(5, random_state=0)
    array([3, 3, 3, 3, 2])
    """

    low: int
    high: int


@dataclass(frozen=True, repr=False, eq=False)
class Choice(Distribution):
    """One of a list, perhaps with weights.

    Its quantiles, and `cdf`, go by the order of the list.

    Parameters
    ----------
    values : sequence
        What to choose from: any objects, numpy's numbers as plain ones. It is kept as a tuple.
    weights : sequence of float, default=None
        How often each comes, >= 0; kept so that their sum is 1. None is equally often.

    Raises
    ------
    ValueError
        If there is nothing to choose from, or the weights do not fit.

    Examples
    --------
    >>> from sknn_opt.search import Choice
    >>> activations = Choice(["relu", "tanh", "silu"], weights=[2, 1, 1])
    >>> activations.rvs(3, random_state=0), activations.pmf("relu")
    (['tanh', 'tanh', 'tanh'], 0.5)
    """

    values: tuple[Any, ...]
    weights: tuple[float, ...] | None = None
    axis_scale = "category"

    def __post_init__(self):
        if isinstance(self.values, str) or not np.iterable(self.values):
            raise ValueError(f"Choice needs a list of values, such as [1, 2]; got {self.values!r}.")
        object.__setattr__(self, "values", tuple(_unwrapped(v) for v in self.values))
        if not self.values:
            raise ValueError("Choice has no values: give at least one.")
        if self.weights is None:
            return
        weights = np.asarray(self.weights, dtype=float)
        fits = weights.shape == (len(self.values),) and np.isfinite(weights).all()
        if not fits or (weights < 0).any() or not weights.any():
            raise ValueError(
                f"weights of Choice must be {len(self.values)} numbers >= 0, not all 0, one for "
                f"each value; got {self.weights!r}."
            )
        object.__setattr__(self, "weights", tuple((weights / weights.sum()).tolist()))

    @property
    def shares(self) -> tuple[float, ...]:
        """The probability of each value."""
        n = len(self.values)
        return (1 / n,) * n if self.weights is None else self.weights

    def _valued(self, q):
        ends = np.cumsum(self.shares)
        last = int(np.flatnonzero(self.shares)[-1])  # the sum may end below 1
        places = np.minimum(np.searchsorted(ends, q, side="right" if np.ndim(q) else "left"), last)
        if np.ndim(q):
            return _taken(self.values, places)
        return self.values[places]

    def _place(self, x):
        for place, value in enumerate(self.values):
            if _same(value, x):
                return place
        raise ValueError(f"{x!r} is none of the values of {self!r}.")

    def cdf(self, x: Any) -> float:
        """The share of the draws up to the value `x`, in the order of the list.

        Parameters
        ----------
        x : object
            One of the values.

        Returns
        -------
        float
        """
        return min(1.0, math.fsum(self.shares[: self._place(x) + 1]))

    def pmf(self, x: Any) -> float:
        """The probability of the value `x`.

        Parameters
        ----------
        x : object
            One of the values.

        Returns
        -------
        float
        """
        return self.shares[self._place(x)]

    def support(self) -> tuple[Any, ...]:
        """The values."""
        return self.values

    def mean(self) -> float:
        """The mean of the draws, if all values are numbers.

        Raises
        ------
        TypeError
            If they are not.
        """
        if not all(isinstance(v, Real) for v in self.values):
            raise TypeError(f"{self!r} has no mean: not all of its values are numbers.")
        return math.fsum(p * v for p, v in zip(self.shares, self.values, strict=True))

    def zoomed(self, q_low: float, q_high: float) -> Distribution:
        """Categories have no region to zoom into: see `reweighted`.

        Parameters
        ----------
        q_low, q_high : float
            As of other distributions.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(f"{self!r} has no scale to zoom into; use reweighted(values, share).")

    def reweighted(self, values: Sequence[Any], share: float) -> Choice:
        """Draw values more often that turned out well.

        Parameters
        ----------
        values : sequence
            Those of the best candidates, one for each candidate; each is one of `values`.
        share : float
            In [0, 1]: how much of the new weights is the share of each value among them; the rest
            is as before.

        Returns
        -------
        Choice

        Raises
        ------
        ValueError
            If one of them is unknown, or `share` is no such number.
        """
        if not (isinstance(share, Real) and 0 <= share <= 1):
            raise ValueError(f"share of reweighted must be a number in [0, 1]; got {share!r}.")
        counts = np.bincount([self._place(v) for v in values], minlength=len(self.values))
        if not len(values):
            return self
        mixed = (1 - share) * np.array(self.shares) + share * counts / len(values)
        return Choice(self.values, tuple(mixed.tolist()))

    def __eq__(self, other):
        if type(other) is not Choice or len(self.values) != len(other.values):
            return NotImplemented if type(other) is not Choice else False
        alike = all(map(_same, self.values, other.values))
        return alike and self.shares == other.shares

    def __hash__(self):
        return hash((Choice, len(self.values), self.shares))  # values may have no hash

    def __repr__(self):
        weights = "" if self.weights is None else f", {list(self.weights)}"
        return f"Choice({list(self.values)}{weights})"


@dataclass(frozen=True, repr=False)
class ZeroOr(Distribution):
    """0, or else from another distribution: for what may be of no use at all.

    Parameters
    ----------
    distribution : Distribution
        Of numbers above 0; scipy's are taken too.
    p_zero : float, default=0.5
        The probability of 0, in [0, 1].

    Raises
    ------
    ValueError, TypeError
        If they are not.

    Examples
    --------
    >>> from sknn_opt.search import LogUniform, ZeroOr
    >>> decays = ZeroOr(LogUniform(0.0001, 0.1), p_zero=0.25)
    >>> decays.ppf(0.2), decays.cdf(0)
    (0.0, 0.25)
    >>> decays.zoomed(0.25, 1)
    ZeroOr(LogUniform(0.0001, 0.1), 0.0)
    """

    distribution: Distribution
    p_zero: float = 0.5

    def __post_init__(self):
        inner = as_distribution(self.distribution)
        if isinstance(inner, Choice | ZeroOr) or inner.support()[0] <= 0:
            raise ValueError(
                "distribution of ZeroOr must draw numbers above 0, such as LogUniform(0.001, 1); "
                f"got {self.distribution!r}."
            )
        p = self.p_zero
        if not (isinstance(p, Real) and 0 <= p <= 1) or isinstance(p, bool):
            raise ValueError(f"p_zero of ZeroOr must be a number in [0, 1]; got {p!r}.")
        object.__setattr__(self, "distribution", inner)
        object.__setattr__(self, "p_zero", float(p))

    @property
    def axis_scale(self) -> str:  # type: ignore[override]
        """That of the other distribution; 0 stands apart."""
        return self.distribution.axis_scale

    @property
    def _zero(self):
        return 0 if isinstance(self.distribution.support()[0], int) else 0.0

    def _valued(self, q):
        p = self.p_zero
        above = np.clip((q - p) / (1 - p), 0, 1) if p < 1 else np.zeros_like(q)
        values = np.where(np.asarray(q) <= p, self._zero, self.distribution._valued(above))
        # A share of exactly 0 is the smallest number where 0 has no share at all.
        values = np.where((p == 0) & (np.asarray(q) == 0), self.support()[0], values)
        return _plain(values)

    def cdf(self, x: ArrayLike) -> Any:
        """The share of the draws that are at most `x`.

        Parameters
        ----------
        x : float or array-like of float

        Returns
        -------
        float or ndarray
        """
        p = self.p_zero
        return _plain(np.where(np.asarray(x) < 0, 0, p + (1 - p) * self.distribution.cdf(x)))

    def pdf(self, x: ArrayLike) -> Any:
        """The density of what is above 0, whose integral is 1 - `p_zero`.

        Of integers it is their probability.

        Parameters
        ----------
        x : float or array-like of float

        Returns
        -------
        float or ndarray
        """
        inner: Any = self.distribution
        of_inner = inner.pmf if isinstance(inner, Discrete) else inner.pdf
        return _plain((1 - self.p_zero) * np.asarray(of_inner(x)))

    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        low, high = self.distribution.support()
        return (self._zero if self.p_zero else low), (high if self.p_zero < 1 else self._zero)

    def mean(self) -> float:
        """The mean of the draws."""
        return (1 - self.p_zero) * self.distribution.mean()

    def zoomed(self, q_low: float, q_high: float) -> Distribution:
        """Between two quantiles: the part above 0 is zoomed, 0 keeps what lies between them.

        Parameters
        ----------
        q_low, q_high : float
            The shares of the draws below the new bounds, 0 <= `q_low` < `q_high` <= 1.

        Returns
        -------
        ZeroOr
        """
        _check_shares(q_low, q_high)
        p, inner = self.p_zero, self.distribution
        zero = max(0.0, min(p, q_high) - q_low) / (q_high - q_low)
        if q_high > p:
            inner = inner.zoomed(max(0.0, (q_low - p) / (1 - p)), min(1.0, (q_high - p) / (1 - p)))
        return ZeroOr(inner, min(1.0, zero))


@dataclass(frozen=True, repr=False, eq=False)
class Quantiles(Distribution):
    """Another distribution between two of its quantiles: how those of scipy's zoom.

    Parameters
    ----------
    distribution : scipy.stats frozen distribution
        Anything with `ppf` and `cdf`.
    q_low, q_high : float, default=0.0 and 1.0
        The shares of its draws below the bounds.

    Examples
    --------
    >>> from scipy.stats import norm
    >>> from sknn_opt.search import as_distribution
    >>> positive = as_distribution(norm()).zoomed(0.5, 1)
    >>> positive.support()
    (0.0, inf)
    """

    distribution: Any
    q_low: float = 0.0
    q_high: float = 1.0

    def __post_init__(self):
        _check_shares(self.q_low, self.q_high)

    @property
    def axis_scale(self) -> str:  # type: ignore[override]
        """'log' where the middle 90 % of the draws are positive and span a factor of 100."""
        low, high = self.distribution.ppf(0.05), self.distribution.ppf(0.95)
        return "log" if low > 0 and high >= 100 * low else "linear"

    @property
    def _scipy(self):
        return self.distribution

    @property
    def _is_whole(self):
        return hasattr(self.distribution, "pmf")

    def _valued(self, q):
        share = self.q_low + np.asarray(q) * (self.q_high - self.q_low)
        values = _plain(np.maximum(self._scipy.ppf(share), self._least))
        return _whole(values) if self._is_whole else values

    @property
    def _least(self):
        """The smallest value: scipy's discrete ppf(0) lies one below it."""
        return self._scipy.support()[0] if hasattr(self._scipy, "support") else -np.inf

    def cdf(self, x: ArrayLike) -> Any:
        """The share of the draws that are at most `x`.

        Parameters
        ----------
        x : float or array-like of float

        Returns
        -------
        float or ndarray
        """
        share = (self._scipy.cdf(x) - self.q_low) / (self.q_high - self.q_low)
        return _plain(np.clip(share, 0, 1))

    def pdf(self, x: ArrayLike) -> Any:
        """The density; of integers their probability.

        Parameters
        ----------
        x : float or array-like of float

        Returns
        -------
        float or ndarray
        """
        if self._is_whole:
            return _plain(np.asarray(self.cdf(x)) - np.asarray(self.cdf(np.asarray(x) - 1)))
        low, high = self.support()
        density = np.asarray(self._scipy.pdf(x)) / (self.q_high - self.q_low)
        return _plain(np.where((np.asarray(x) < low) | (np.asarray(x) > high), 0, density))

    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        ends = self._scipy.ppf(self.q_low), self._scipy.ppf(self.q_high)
        low, high = (_plain(np.maximum(end, self._least)) for end in ends)
        whole = self._is_whole and math.isfinite(high)
        return (_whole(low), _whole(high)) if whole else (low, high)

    def mean(self) -> float:
        """The mean of the draws, from a thousand quantiles where it is zoomed."""
        if (self.q_low, self.q_high) == (0, 1):
            return float(self._scipy.mean())
        return float(np.mean(self._valued((np.arange(1000) + 0.5) / 1000)))

    def zoomed(self, q_low: float, q_high: float) -> Distribution:
        """The same between two quantiles.

        Parameters
        ----------
        q_low, q_high : float
            The shares of the draws below the new bounds, 0 <= `q_low` < `q_high` <= 1.

        Returns
        -------
        Quantiles
        """
        _check_shares(q_low, q_high)
        width = self.q_high - self.q_low
        ends = self.q_low + q_low * width, min(self.q_low + q_high * width, self.q_high)
        return Quantiles(self.distribution, *ends)

    @property
    def _key(self):
        inner = self.distribution
        named = getattr(getattr(inner, "dist", None), "name", None)
        what = (named, inner.args, tuple(sorted(inner.kwds.items()))) if named else repr(inner)
        return what, self.q_low, self.q_high

    def __eq__(self, other):
        return self._key == other._key if isinstance(other, Quantiles) else NotImplemented

    def __hash__(self):
        return hash(self._key)

    def __repr__(self):
        named = getattr(getattr(self.distribution, "dist", None), "name", None)
        inner = repr(self.distribution)
        if named:
            given = [*map(repr, self.distribution.args)]
            given += [f"{name}={value!r}" for name, value in self.distribution.kwds.items()]
            inner = f"{named}({', '.join(given)})"
        return f"Quantiles({inner}, {self.q_low}, {self.q_high})"


def as_distribution(value: Any) -> Distribution:
    """What a caller gives as a range, as one of our distributions.

    Parameters
    ----------
    value : Distribution, scipy.stats frozen distribution or list
        Ours stay as they are. scipy's loguniform, uniform and randint become `LogUniform`,
        `Uniform` and `UniformInt`, any other with ``ppf`` and ``cdf`` `Quantiles`; a list, tuple
        or array becomes a `Choice`.

    Returns
    -------
    Distribution

    Raises
    ------
    TypeError
        If it is anything else.
    ValueError
        If it is an empty list.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sknn_opt.search import as_distribution
    >>> as_distribution(loguniform(0.001, 1)), as_distribution(["relu", "tanh"])
    (LogUniform(0.001, 1.0), Choice(['relu', 'tanh']))
    """
    if isinstance(value, Distribution):
        return value
    if isinstance(value, list | tuple | np.ndarray | range):
        return Choice(tuple(value))
    if isinstance(value, type) or not (hasattr(value, "ppf") and hasattr(value, "cdf")):
        hint = f"; for this one value set it on the estimator, or give [{value!r}]"
        raise TypeError(
            "A range must be a distribution with ppf and cdf, such as LogUniform(0.0001, 0.1) or "
            f"scipy.stats.uniform(0, 1), or a list of values; got {value!r}"
            f"{'' if hasattr(value, 'rvs') else hint}."
        )
    return _from_scipy(value)


def _from_scipy(value):
    """One of ours where it is the same distribution."""
    name = getattr(getattr(value, "dist", None), "name", "")
    if name == "uniform":
        return Uniform(*map(float, value.support()))
    if name == "randint":
        return UniformInt(*map(int, value.support()))
    if name in ("loguniform", "reciprocal"):
        low, high = map(float, value.support())
        # With loc it is none any more.
        if low > 0 and math.isclose(value.ppf(0.5), math.sqrt(low) * math.sqrt(high)):
            return LogUniform(low, high)
    return Quantiles(value)


# Helpers ----------------------------------------------------------------------------------------


def _check_bounds(distribution, kind, words):
    """Refuse bounds that are no numbers of a kind or inverted, and keep them as plain numbers."""
    bounds = distribution.low, distribution.high
    is_number = [isinstance(b, kind) and not isinstance(b, bool | np.bool_) for b in bounds]
    if not all(is_number) or not all(map(math.isfinite, bounds)):
        raise ValueError(
            f"low and high of {type(distribution).__name__} must be {words}; got {bounds[0]!r} "
            f"and {bounds[1]!r}."
        )
    low, high = (int(b) if kind is Integral else float(b) for b in bounds)
    object.__setattr__(distribution, "low", low)
    object.__setattr__(distribution, "high", high)
    if low > high:
        raise ValueError(
            f"{distribution!r} has its bounds the wrong way around: low must be below high. Did "
            f"you mean {type(distribution).__name__}({high}, {low})?"
        )


def _refuse_not_positive(distribution):
    if distribution.low <= 0:
        raise ValueError(
            f"{distribution!r} begins at {distribution.low}, which has no logarithm: set low above "
            "0, or take ZeroOr of a distribution above 0."
        )


def _check_shares(q_low, q_high):
    shares = all(isinstance(q, Real) for q in (q_low, q_high)) and 0 <= q_low < q_high <= 1
    if not shares:
        raise ValueError(
            f"q_low and q_high must be shares with 0 <= q_low < q_high <= 1; got {q_low!r} and "
            f"{q_high!r}."
        )


def _plain(value):
    """An array as it is, one number as Python's."""
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value


def _whole(value):
    return value.astype(int) if isinstance(value, np.ndarray) else int(value)


def _unwrapped(value):
    """numpy's numbers, strings and truth values as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _same(one, other):
    """Whether two values of a parameter are the same: 1, 1.0 and True are not."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(one, other)
    other = _unwrapped(other)
    return one is other or (type(one) is type(other) and bool(one == other))


def _taken(values, places):
    """The values at an array of places, as nested lists."""
    return [_taken(values, p) if np.ndim(p) else values[p] for p in places]
