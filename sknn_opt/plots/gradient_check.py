"""The picture of a gradient check: analytic against numeric derivatives, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import linalg

from sknn_opt.checks.gradients.report import OK, GradientReport
from sknn_opt.plots._style import COLORS, MARKERS, Display, dress, fitted, legend, mark, point_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 2_000  # for each block
MAX_NAMED = 14  # blocks in the legend
MAX_INSIDE = 6  # of them, where it lies in the empty corner of the axes
LETTERS = 28  # of a block's name
LARGEST, SMALLEST = 1e305, 1e-305  # that logarithmic axes can show
MAX_DECADES = 6  # with a text
RING, BAND = "opposite sign", "not resolved"


@dataclass(eq=False, repr=False)
class GradientCheckDisplay(Display):
    """Analytic against numeric derivatives on logarithmic axes, one color for each block.

    Correct derivatives lie on the diagonal. The gray band around it is what the check could not
    resolve; it opens toward small derivatives. Derivatives of opposite sign are ringed. Zeros lie
    on the lower edges, NaN and infinity on the upper ones. The legend names wrong blocks first, and
    of many blocks only some.

    Parameters
    ----------
    report : GradientReport
        What `check_gradients` returned.
    point : int, default=-1
        Which of the report's points to draw: the last is that of the fitted weights, if there are
        any.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_opt import GradientCheckDisplay, MLPClassifier, check_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> report = check_gradients(MLPClassifier((5,), random_state=0), X[::10], y[::10])
    >>> display = GradientCheckDisplay.from_report(report)
    >>> display.ax_.get_title()
    'Gradient check at the initial weights: OK'
    """

    report: GradientReport
    point: int = -1

    @classmethod
    def from_report(
        cls, report: GradientReport, *, point: int = -1, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Draw a report.

        Parameters
        ----------
        report : GradientReport
            What `check_gradients` returned.
        point : int, default=-1
            Which of its points to draw.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Properties of the points, passed to ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        display : GradientCheckDisplay
            Drawn.

        Raises
        ------
        TypeError
            If it is no such report.
        ValueError
            If it has no such point.
        """
        if not isinstance(report, GradientReport):
            got = type(report).__name__
            raise TypeError(f"from_report takes what check_gradients returned; got {got}.")
        point_of(report, point)
        return cls(report, point).plot(ax, **kwargs)

    def _figure_options(self):
        n = len(_parts(point_of(self.report, self.point)))
        return {"figsize": (8.4, 5.2)} if n > MAX_INSIDE else {}

    def _draw(self):
        point = point_of(self.report, self.point)
        blocks = _parts(point)
        low, high = _limits(blocks)
        self._draw_band(blocks, low, high)
        names = fitted([check.block for check in blocks], LETTERS)
        for look in zip(blocks, names, cycle(COLORS), cycle(MARKERS), strict=False):
            self._draw_block(*look, low, high)
        self.ax_.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
        title = f"Gradient check {point.title}: {self.report.verdict}"
        labels = {"xlabel": "|numeric derivative|", "ylabel": "|analytic derivative|"}
        dress(self.ax_, aspect="equal", title=title, **labels)
        _tick_alike(self.ax_, low, high)
        self._name_blocks(blocks)

    def _name_blocks(self, blocks):
        """A legend that names the wrong blocks first, and as many as there is room for."""
        from matplotlib.lines import Line2D

        handles, _ = self.ax_.get_legend_handles_labels()
        others = [handle for handle in handles if handle.get_label() in (BAND, RING)]
        named = [handle for handle in handles if handle not in others]
        order = sorted(range(len(named)), key=lambda i: blocks[i].verdict == OK)
        named = [named[i] for i in order]
        left_out = named[MAX_NAMED:]
        if left_out:
            more = Line2D([], [], linestyle="", label=f"… and {len(left_out)} blocks more")
            named = [*named[:MAX_NAMED], more]
        inside = len(named) <= MAX_INSIDE
        where = {"loc": "upper left"} if inside else {"loc": "center left"}
        where |= {} if inside else {"bbox_to_anchor": (1.02, 0.5), "borderaxespad": 0}
        legend(self.ax_, handles=[*others, *named], **where)

    def _draw_band(self, blocks, low, high):
        """The diagonal, and around it what the least resolved block would not have shown."""
        x = np.geomspace(low, high, 400)
        widths = [check.resolution * linalg.norm(_known(check.samples[1])) for check in blocks]
        width = max((width for width in widths if np.isfinite(width)), default=0.0)
        low_end, look = np.maximum(x - width, low), {"color": "0.85", "linewidth": 0, "zorder": 0}
        self.ax_.fill_between(x, low_end, x + width, label=BAND, **look)
        self.ax_.plot(x, x, color="0.4", linewidth=0.8, zorder=1)

    def _draw_block(self, check, name, color, marker, low, high):
        analytic, numeric = _thin(*check.samples)
        x, y = (_inside(np.abs(side), low, high) for side in (numeric, analytic))
        look, label = {"markersize": 4, "zorder": 2}, name
        if check.verdict != OK:
            look = {"markersize": 6, "zorder": 3, "markerfacecolor": "none"}
            label += f": {check.verdict}"
        look |= {"marker": marker, "color": color, "label": label, "clip_on": False}
        mark(self.ax_, x, y, **look | self._kwargs)
        opposite = (np.sign(analytic) * np.sign(numeric)) < 0
        if opposite.any():
            drawn = any(line.get_label() == RING for line in self.ax_.lines)
            look = {"marker": "o", "markersize": 9, "color": "black", "markeredgewidth": 0.7}
            look |= {"markerfacecolor": "none", "label": "_nolegend_" if drawn else RING}
            mark(self.ax_, x[opposite], y[opposite], zorder=4, **look)


def _parts(point):
    """The blocks that are drawn: not those that sum up others."""
    return [check for check in point.blocks if len(check.samples[0])]


def _known(values):
    values = np.asarray(values, dtype=float)
    return values[np.isfinite(values)]


def _limits(blocks):
    """A range that shows every derivative but the vanishing ones; zeros lie on its edge."""
    sides = [_known(side) for check in blocks for side in check.samples]
    sizes = np.abs(np.concatenate([*sides, []]))
    sizes = sizes[sizes > 0]
    if not sizes.size:
        return 1e-12, 1.0
    high = min(sizes.max(), LARGEST / 3)
    return max(sizes.min(), high * 1e-12, SMALLEST) / 3, high * 3


def _inside(sizes, low, high):
    """Zeros on the lower edge, what is not finite on the upper one."""
    return np.clip(np.where(np.isnan(sizes), high, sizes), low, high)


def _tick_alike(ax, low, high):
    """The same decades along both axes, as many as fit side by side."""
    if high < 10 * low:
        return
    first, last = np.ceil(np.log10(low)), np.floor(np.log10(high))
    decades = np.arange(first, last + 1, max(1, np.ceil((last - first) / MAX_DECADES)))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(10.0**decades)


def _thin(analytic, numeric):
    """At most MAX_POINTS of the derivatives, the most wrong ones among them."""
    analytic, numeric = (np.asarray(side, dtype=float) for side in (analytic, numeric))
    if len(analytic) <= MAX_POINTS:
        return analytic, numeric
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.nan_to_num(np.abs(analytic - numeric), nan=np.inf)
    order = np.argsort(-errors)
    n_worst, every = MAX_POINTS // 10, -(-len(order) // MAX_POINTS)
    chosen = np.append(order[:n_worst], order[n_worst::every])
    return analytic[chosen], numeric[chosen]
