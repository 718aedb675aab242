"""The picture of a gradient check: analytic against numeric derivatives, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import Self

import numpy as np

from sknn_opt.checks.gradients.report import OK, GradientReport
from sknn_opt.plots._style import COLORS, MARKERS, Display, dress, legend, mark

MAX_POINTS = 2_000  # for each block
RING = "opposite sign"


@dataclass(eq=False, repr=False)
class GradientCheckDisplay(Display):
    """Analytic against numeric derivatives on logarithmic axes, one color for each block.

    Correct derivatives lie on the diagonal. The gray band around it is what the check could not
    resolve; it opens toward small derivatives. Derivatives of opposite sign are ringed.

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
    >>> display = GradientCheckDisplay.from_report(report).plot()
    >>> display.ax_.get_title()
    'Gradient check at the initial weights: OK'
    """

    report: GradientReport
    point: int = -1

    @classmethod
    def from_report(cls, report: GradientReport, *, point: int = -1) -> Self:
        """Make the display of a report.

        Parameters
        ----------
        report : GradientReport
            What `check_gradients` returned.
        point : int, default=-1
            Which of its points to draw.
        """
        return cls(report, point)

    def _draw(self):
        point = self.report.points[self.point]
        blocks = [check for check in point.blocks if len(check.samples[0])]
        low, high = _limits(blocks)
        self._draw_band(blocks, low, high)
        for look in zip(blocks, cycle(COLORS), cycle(MARKERS), strict=False):
            self._draw_block(*look, low)
        self.ax_.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
        title = f"Gradient check {point.title}: {self.report.verdict}"
        labels = {"xlabel": "|numeric derivative|", "ylabel": "|analytic derivative|"}
        dress(self.ax_, aspect="equal", title=title, **labels)
        legend(self.ax_, loc="upper left")

    def _draw_band(self, blocks, low, high):
        """The diagonal, and around it what the least resolved block would not have shown."""
        x = np.geomspace(low, high, 400)
        known = [check for check in blocks if np.isfinite(check.resolution)]
        width = max((c.resolution * np.linalg.norm(c.samples[1]) for c in known), default=0.0)
        low_end, look = np.maximum(x - width, low), {"color": "0.85", "linewidth": 0, "zorder": 0}
        self.ax_.fill_between(x, low_end, x + width, label="not resolved", **look)
        self.ax_.plot(x, x, color="0.4", linewidth=0.8, zorder=1)

    def _draw_block(self, check, color, marker, low):
        analytic, numeric = _thin(*check.samples)
        x, y = (np.maximum(np.abs(side), low) for side in (numeric, analytic))
        look, label = {"markersize": 4, "zorder": 2}, check.block
        if check.verdict != OK:
            look = {"markersize": 6, "zorder": 3, "markerfacecolor": "none"}
            label += f": {check.verdict}"
        mark(self.ax_, x, y, marker=marker, color=color, label=label, **look)
        opposite = analytic * numeric < 0
        if opposite.any():
            drawn = any(line.get_label() == RING for line in self.ax_.lines)
            look = {"marker": "o", "markersize": 9, "color": "black", "markeredgewidth": 0.7}
            look |= {"markerfacecolor": "none", "label": "_nolegend_" if drawn else RING}
            mark(self.ax_, x[opposite], y[opposite], zorder=4, **look)


def _limits(blocks):
    """A range that shows every derivative but the vanishing ones; zeros lie on its edge."""
    sizes = np.abs(np.concatenate([side for check in blocks for side in check.samples]))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not sizes.size:
        return 1e-12, 1.0
    high = sizes.max()
    return max(sizes.min(), high * 1e-12) / 3, high * 3


def _thin(analytic, numeric):
    """At most MAX_POINTS of the derivatives, the most wrong ones among them."""
    if len(analytic) <= MAX_POINTS:
        return analytic, numeric
    errors = np.nan_to_num(np.abs(analytic - numeric), nan=np.inf)
    order = np.argsort(-errors)
    n_worst, every = MAX_POINTS // 10, -(-len(order) // MAX_POINTS)
    chosen = np.append(order[:n_worst], order[n_worst::every])
    return analytic[chosen], numeric[chosen]
