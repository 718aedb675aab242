"""The picture of signals on their way through networks, several side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknn_opt.arrays.types import Matrix, RandomState
from sknn_opt.checks.signals.check import check_signals
from sknn_opt.checks.signals.report import SignalReport
from sknn_opt.plots._scales import tick_decades
from sknn_opt.plots._style import COLORS, Display, divide, fitted, legend, mark, n_letters, point_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKED = 25  # layers up to which each gain has its marker
N_BINS = 61
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
WIDTH, HEIGHT = 3.2, 5.2  # of a column, in inches
COLUMNS, NARROW = 6, 2.2  # side by side at most, and how wide they are if there are so many
LARGEST, SMALLEST = 1e300, 1e-300  # gains that logarithmic axes can show


@dataclass(eq=False, repr=False)
class SignalPropagationDisplay(Display):
    """Gains and activations by layer, one column for each network.

    Above, the gains: what a layer makes of the size of the signals that enter it, and of the
    gradients on their way back. On the gray line, at 1, sizes stay. Below, where the activations
    of a layer lie: the darker, the more of them, on a logarithmic scale of its own. What exceeds
    10 times the root mean square of X is drawn at the edge. Crosses mark layers with NaN or
    infinite values. More than 6 networks have several rows.

    Parameters
    ----------
    reports : dict of str to SignalReport
        What `check_signals` returned, by the names to show.
    point : int, default=0
        Which of the reports' points to draw: 0 is that of the initial weights, -1 that of the
        fitted weights, if there are any.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes of shape (2, n_networks)
        The gains of each network first, its activations second.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknn_opt import MLPClassifier, SignalPropagationDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> nets = {
    ...     init: MLPClassifier((50,) * 10, activation="logistic", init=init, random_state=0)
    ...     for init in ("xavier", "auto")
    ... }
    >>> display = SignalPropagationDisplay.from_estimator(nets, (X - 5) / 6, y)
    >>> [ax.get_title() for ax in display.ax_[0]]
    ['xavier: vanishing', 'auto: healthy']
    """

    ax_: NDArray[Any] = field(init=False)
    reports: dict[str, SignalReport]
    point: int = 0

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Matrix,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        random_state: RandomState = 0,
        point: int = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Check signals, and draw what was found.

        Parameters
        ----------
        estimator : estimator, list of estimators, or dict of str to estimator
            What `check_signals` takes; of several each has its column.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows as for fit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        random_state : int, RandomState instance or None, default=0
            As for `check_signals`.
        point : int, default=0
            Which point to draw: 0 is that of the initial weights, -1 that of fitted weights.
        ax : matplotlib Axes, default=None
            Whose place to divide; a new figure if None.
        **kwargs : dict
            Properties of the curves of gains, passed to ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        display : SignalPropagationDisplay
            Drawn.
        """
        cls._pyplot()
        options = {"sample_weight": sample_weight, "random_state": random_state}
        named = _named(estimator)
        reports = {name: check_signals(each, X, y, **options) for name, each in named.items()}
        return cls.from_report(reports, point=point, ax=ax, **kwargs)

    @classmethod
    def from_report(
        cls, report: Any, *, point: int = 0, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Draw reports.

        Parameters
        ----------
        report : SignalReport, list of SignalReport, or dict of str to SignalReport
            What `check_signals` returned.
        point : int, default=0
            Which of their points to draw.
        ax : matplotlib Axes, default=None
            Whose place to divide; a new figure if None.
        **kwargs : dict
            Properties of the curves of gains, passed to ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        display : SignalPropagationDisplay
            Drawn.

        Raises
        ------
        TypeError
            If anything else is given.
        ValueError
            If there is none, or one has no such point.
        """
        named = _named(report)
        if not named:
            raise ValueError("There is no network to draw: give at least one.")
        for each in named.values():
            if not isinstance(each, SignalReport):
                what = "what check_signals returned, one or several"
                raise TypeError(f"from_report takes {what}; got {type(each).__name__}.")
            point_of(each, point)
        return cls(named, point).plot(ax, **kwargs)

    @property
    def _shape(self):
        """(rows, columns) of networks."""
        n = len(self.reports)
        rows = math.ceil(n / COLUMNS)
        return rows, math.ceil(n / rows)

    def _figure_options(self):
        rows, columns = self._shape
        width = WIDTH if columns < 4 else NARROW
        return {"figsize": (width * max(columns, 1.5), HEIGHT * rows)}

    def _draw(self):
        n, (rows, columns) = len(self.reports), self._shape
        grid = divide(self.ax_, 2 * rows, columns, hspace=0.12, wspace=0.08)
        self.ax_ = _cells(self.figure_, grid, n, columns)
        points = [point_of(report, self.point) for report in self.reports.values()]
        reaches = [_reach(point) for point in points]
        high = max(reach for reach, _ in reaches) or 1.0
        low = -max((reach for reach, both in reaches if both), default=0.0)
        width = n_letters(self.ax_[0, 0]) - 2
        names, crosses = fitted(self.reports, width), []
        for column, name, point in zip(self.ax_.T, names, points, strict=True):
            title = f"{name}: {point.verdict}" if name else point.verdict.capitalize()
            title = title if len(title) <= width else f"{name}:\n{point.verdict}"
            column[0].set_title(title, fontsize="medium")
            _draw_gains(column[0], point, self._kwargs)
            crosses += _draw_activations(column[1], point, low, high)
        for k in range(0, n, columns):
            self.ax_[0, k].set_ylabel("gain of a layer")
            self.ax_[1, k].set_ylabel("activations")
        self._limit_gains()
        curves, _ = self.ax_[0, 0].get_legend_handles_labels()
        legend(self.ax_[0, 0], handles=[*curves, *crosses[:1]])

    def _limit_gains(self):
        """At least a factor of 2 to either side of 1: equal gains are to look equal."""
        lines = [line for ax in self.ax_[0] for line in ax.lines[1:3]]
        gains = np.concatenate([line.get_ydata() for line in lines])
        gains = np.clip(gains[np.isfinite(gains) & (gains > 0)], SMALLEST, LARGEST)
        low, high = min(gains.min(initial=1), 0.5) / 1.3, max(gains.max(initial=1), 2.0) * 1.3
        for ax in self.ax_[0]:
            ax.set_yscale("log", subs=())
            tick_decades(ax.yaxis, np.log10(low), np.log10(high))
            ax.set_ylim(low, high)
            if high < 100 * low:
                ticks = [tick for tick in TICKS if low < tick < high]
                ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def _cells(figure, grid, n, columns):
    """Two axes for each network, one above the other; those side by side share their heights."""
    cells = np.empty((2, n), dtype=object)
    for k in range(n):
        row, column = divmod(k, columns)
        for i in range(2):
            share = {"sharey": cells[i, 0] if k else None, "sharex": cells[0, k] if i else None}
            cells[i, k] = figure.add_subplot(grid[2 * row + i, column], **share)
            cells[i, k].tick_params(labelleft=column == 0, labelbottom=i == 1)
    return cells


def _draw_gains(ax, point, look):
    hidden = point.layers[:-1]
    numbers = [layer.layer for layer in hidden]
    forward, backward = zip(*((x.forward_gain, x.backward_gain) for x in hidden), strict=True)
    has_marks = len(hidden) <= MARKED
    ax.axhline(1, color="0.75", linewidth=1, zorder=0)
    there = {"marker": "o" if has_marks else "", "markersize": 5, "color": COLORS[0]}
    ax.plot(numbers, forward, **there | {"label": "forward: signals"} | look)
    back = {"marker": "s" if has_marks else "", "markersize": 4, "color": COLORS[5]}
    back |= {"linestyle": "--", "markerfacecolor": "white", "label": "backward: gradients"}
    ax.plot(numbers[1:], backward[1:], **back | look)
    ax.margins(x=0.02)


def _reach(point):
    """How far from 0 the activations lie, at most 10 times as far as X; and whether below 0 too."""
    samples = [layer.sample[np.isfinite(layer.sample)] for layer in point.layers[:-1]]
    largest = max((np.quantile(np.abs(a), 0.995) for a in samples if a.size), default=0.0)
    return float(np.fmin(largest, 10 * point.input.a_rms)), any((a < 0).any() for a in samples)


def _draw_activations(ax, point, low, high):
    """Each layer a column: the histogram of its activations, in shades of gray.

    Returns the crosses at layers where not all are finite.
    """
    samples = [np.asarray(layer.sample, dtype=float) for layer in point.layers[:-1]]
    edges = np.linspace(low, high, N_BINS)
    inside = [np.clip(a[~np.isnan(a)], low, high) for a in samples]
    counts = np.array([np.histogram(a, edges)[0] for a in inside], float)
    # logarithms show the tails beside the many zeros of relu
    shades = np.log1p(counts) / np.log1p(np.maximum(counts.max(axis=1, keepdims=True), 1))
    sides = np.arange(len(samples) + 1) + 0.5
    ax.pcolormesh(sides, edges, shades.T, cmap="Greys", vmin=0, vmax=1, rasterized=True)
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if len(samples) == 1:
        ax.set_xticks([1])
    ax.set_xlabel("hidden layer")
    broken = [k for k, a in enumerate(samples, 1) if not np.isfinite(a).all()]
    look = {"marker": "x", "color": COLORS[5], "markersize": 5, "label": "NaN or infinite"}
    return mark(ax, broken, np.full(len(broken), 0.96 * high), **look) if broken else []


def _named(given):
    """One, a list or a dict of things, as a dict of names."""
    if isinstance(given, dict):
        return given
    if isinstance(given, list | tuple):
        return {f"network {number}": each for number, each in enumerate(given, 1)}
    return {"": given}
