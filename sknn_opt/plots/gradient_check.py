"""The picture of a gradient check: analytic against numeric derivatives, block by block."""

from itertools import cycle

import numpy as np

from sknn_opt.checks.gradients.report import OK
from sknn_opt.plots._style import COLOURS, MARKERS, axes_for, dress, legend

MAX_POINTS = 2_000  # for each block
RING = "opposite sign"


class GradientCheckDisplay:
    """Analytic against numeric derivatives on logarithmic axes, one colour for each block.

    Right derivatives lie on the diagonal. The grey band around it is what the check could not
    resolve; it opens towards small derivatives. Derivatives of opposite sign are ringed.

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

    def __init__(self, report, point=-1):
        self.report = report
        self.point = point

    @classmethod
    def from_report(cls, report, *, point=-1):
        """Make the display of a report.

        Parameters
        ----------
        report : GradientReport
            What `check_gradients` returned.
        point : int, default=-1
            Which of its points to draw.

        Returns
        -------
        GradientCheckDisplay
        """
        return cls(report, point)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        GradientCheckDisplay
            Itself, with ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_for(ax, "GradientCheckDisplay.plot")
        self.ax_, self.figure_ = ax, ax.figure
        point = self.report.points[self.point]
        blocks = [check for check in point.blocks if check.block not in ("all", "L2")]
        low, high = _limits(blocks)
        self._draw_band(blocks, low, high)
        looks = zip(blocks, cycle(COLOURS), cycle(MARKERS), strict=False)
        for check, colour, marker in looks:
            self._draw_block(check, colour, marker, low)
        dress(
            ax,
            xscale="log",
            yscale="log",
            xlim=(low, high),
            ylim=(low, high),
            aspect="equal",
            xlabel="|numeric derivative|",
            ylabel="|analytic derivative|",
            title=f"Gradient check {point.title}: {self.report.verdict}",
        )
        legend(ax, loc="upper left")
        return self

    def _draw_band(self, blocks, low, high):
        """The diagonal, and around it what the least resolved block would not have shown."""
        x = np.geomspace(low, high, 400)
        unresolved = [
            c.resolution * np.linalg.norm(c.samples[1]) for c in blocks if np.isfinite(c.resolution)
        ]
        width = max(unresolved, default=0.0)
        self.ax_.fill_between(
            x,
            np.maximum(x - width, low),
            x + width,
            color="0.85",
            linewidth=0,
            label="not resolved",
            zorder=0,
        )
        self.ax_.plot(x, x, color="0.4", linewidth=0.8, zorder=1)

    def _draw_block(self, check, colour, marker, low):
        analytic, numeric = _thin(*check.samples)
        right = check.verdict == OK
        x, y = (np.maximum(np.abs(side), low) for side in (numeric, analytic))
        self.ax_.plot(
            x,
            y,
            linestyle="",
            marker=marker,
            markersize=4 if right else 6,
            color=colour,
            markerfacecolor=colour if right else "none",
            zorder=2 if right else 3,
            label=check.block if right else f"{check.block}: {check.verdict}",
        )
        opposite = analytic * numeric < 0
        if opposite.any():
            drawn = any(line.get_label() == RING for line in self.ax_.lines)
            self.ax_.plot(
                x[opposite],
                y[opposite],
                linestyle="",
                marker="o",
                markersize=9,
                color="black",
                markerfacecolor="none",
                markeredgewidth=0.7,
                zorder=4,
                label="_nolegend_" if drawn else RING,
            )


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
