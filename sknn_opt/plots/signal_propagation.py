"""The picture of signals on their way through networks, several side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknn_opt.arrays.types import Matrix, RandomState
from sknn_opt.checks.signals.check import check_signals
from sknn_opt.checks.signals.report import SignalReport
from sknn_opt.plots._style import COLORS, Display, legend

MARKED = 25  # layers up to which each gain has its marker
N_BINS = 61
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
WIDTH, HEIGHT = 3.2, 5.2  # of a column, in inches


@dataclass(eq=False, repr=False)
class SignalPropagationDisplay(Display):
    """Gains and activations by layer, one column for each network.

    Above, the gains: what a layer makes of the size of the signals that enter it, and of the
    gradients on their way back. On the gray line, at 1, sizes stay. Below, where the activations
    of a layer lie: the darker, the more of them, on a logarithmic scale of its own. What exceeds
    10 times the root mean square of X is drawn at the edge.

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
        The gains in the first row, the activations in the second.
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
    >>> display = SignalPropagationDisplay.from_estimator(nets, (X - 5) / 6, y).plot()
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
    ) -> Self:
        """Check signals, and make the display of what was found.

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
        """
        options = {"sample_weight": sample_weight, "random_state": random_state}
        named = _named(estimator)
        reports = {name: check_signals(each, X, y, **options) for name, each in named.items()}
        return cls(reports, point)

    @classmethod
    def from_report(cls, report: Any, *, point: int = 0) -> Self:
        """Make the display of reports.

        Parameters
        ----------
        report : SignalReport, list of SignalReport, or dict of str to SignalReport
            What `check_signals` returned.
        point : int, default=0
            Which of their points to draw.

        Raises
        ------
        TypeError
            If anything else is given.
        """
        named = _named(report)
        for each in named.values():
            if not isinstance(each, SignalReport):
                what = "what check_signals returned, one or several"
                raise TypeError(f"from_report takes {what}; got {type(each).__name__}.")
        return cls(named, point)

    def _figure_options(self):
        return {"figsize": (WIDTH * max(len(self.reports), 1.5), HEIGHT)}

    def _draw(self):
        n = len(self.reports)
        self.ax_.set_axis_off()
        grid = self.ax_.get_subplotspec().subgridspec(2, n, hspace=0.12, wspace=0.08)
        self.ax_ = grid.subplots(sharex="col", sharey="row" if n > 1 else False, squeeze=False)
        points = [report.points[self.point] for report in self.reports.values()]
        reaches = [_reach(point) for point in points]
        high = max(reach for reach, _ in reaches) or 1.0
        low = -max((reach for reach, both in reaches if both), default=0.0)
        for column, name, point in zip(self.ax_.T, self.reports, points, strict=True):
            title = f"{name}: {point.verdict}" if name else point.verdict.capitalize()
            column[0].set_title(title, fontsize="medium")
            _draw_gains(column[0], point)
            _draw_activations(column[1], point, low, high)
        self.ax_[0, 0].set_ylabel("gain of a layer")
        legend(self.ax_[0, 0])
        self.ax_[1, 0].set_ylabel("activations")
        self._limit_gains()

    def _limit_gains(self):
        """At least a factor of 2 to either side of 1: equal gains are to look equal."""
        lines = [line for ax in self.ax_[0] for line in ax.lines[1:]]
        gains = np.concatenate([line.get_ydata() for line in lines])
        gains = gains[np.isfinite(gains) & (gains > 0)]
        low, high = min(gains.min(initial=1), 0.5) / 1.3, max(gains.max(initial=1), 2.0) * 1.3
        for ax in self.ax_[0]:
            ax.set_yscale("log", subs=())
            ax.set_ylim(low, high)
            if high < 100 * low:
                ticks = [tick for tick in TICKS if low < tick < high]
                ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def _draw_gains(ax, point):
    hidden = point.layers[:-1]
    numbers = [layer.layer for layer in hidden]
    forward, backward = zip(*((x.forward_gain, x.backward_gain) for x in hidden), strict=True)
    circle, square = ("-o", "--s") if len(hidden) <= MARKED else ("-", "--")
    ax.axhline(1, color="0.75", linewidth=1, zorder=0)
    ax.plot(numbers, forward, circle, markersize=5, color=COLORS[0], label="forward: signals")
    look = {"markersize": 4, "color": COLORS[5], "markerfacecolor": "white"}
    ax.plot(numbers[1:], backward[1:], square, label="backward: gradients", **look)
    ax.margins(x=0.02)


def _reach(point):
    """How far from 0 the activations lie, at most 10 times as far as X; and whether below 0 too."""
    samples = [layer.sample[np.isfinite(layer.sample)] for layer in point.layers[:-1]]
    largest = max((np.quantile(np.abs(a), 0.995) for a in samples if a.size), default=0.0)
    return min(largest, 10 * point.input.a_rms), any((a < 0).any() for a in samples)


def _draw_activations(ax, point, low, high):
    """Each layer a column: the histogram of its activations, in shades of gray."""
    samples = [np.nan_to_num(layer.sample) for layer in point.layers[:-1]]
    edges = np.linspace(low, high, N_BINS)
    counts = np.array([np.histogram(np.clip(a, low, high), edges)[0] for a in samples], float)
    # logarithms show the tails beside the many zeros of relu
    shades = np.log1p(counts) / np.log1p(np.maximum(counts.max(axis=1, keepdims=True), 1))
    sides = np.arange(len(samples) + 1) + 0.5
    ax.pcolormesh(sides, edges, shades.T, cmap="Greys", vmin=0, vmax=1, rasterized=True)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("hidden layer")


def _named(given):
    """One, a list or a dict of things, as a dict of names."""
    if isinstance(given, dict):
        return given
    if isinstance(given, list | tuple):
        return {f"network {number}": each for number, each in enumerate(given, 1)}
    return {"": given}
