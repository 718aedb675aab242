"""What the pictures share: colors, shapes and lines, and axes to draw on.

Whatever differs in color differs in shape or in line as well, so that a picture can be read in
print, and by the color-blind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colors, told apart by the color-blind; shapes tell them apart in print.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = "osD^vP"  # as many as share no divisor with the colors: 42 looks
LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
SURFACE = "cividis_r"  # light where the cost is low; its lightness falls evenly, as gray too


class Display:
    """A picture of what was measured: `plot` draws it."""

    ax_: Any
    figure_: Figure

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None. A display of several axes divides its place.

        Returns
        -------
        display : the display itself
            With the axes in ``ax_`` and their figure in ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = axes_for(ax, f"{type(self).__name__}.plot", **self._figure_options())
        self.figure_ = np.ravel(self.ax_)[0].figure
        self._draw()
        return self

    def _figure_options(self):
        """The options of `plt.subplots` for a new figure."""
        return {}

    def _draw(self):
        """Draw on `ax_`."""
        raise NotImplementedError


def axes_for(ax, who, **options):
    """`ax`, or the axes of a new figure if it is None, made with the options of `plt.subplots`.

    Raises
    ------
    ImportError
        If matplotlib is not installed; `who` says what needs it.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{who} needs matplotlib; install it with: pip install 'sknn_opt[plots]'"
        ) from error
    return plt.subplots(layout="constrained", **options)[1]


def dress(ax, *, grid="both", **texts):
    """Give axes the common looks: a light grid behind, two spines, and the texts of `ax.set`."""
    ax.set(**texts)
    ax.title.set_fontsize("medium")
    ax.set_axisbelow(True)
    if grid:
        ax.grid(True, axis=grid, color="0.9", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def mark(ax, x, y, **look):
    """Markers without a line."""
    return ax.plot(x, y, linestyle="", **look)


def legend(ax, **options):
    """A legend without a frame."""
    return ax.legend(**{"fontsize": "small", "frameon": False} | options)


def sparse_marks(n):
    """`markevery` for a curve of n points: about ten marks tell it apart in print."""
    return max(1, n // 10)
