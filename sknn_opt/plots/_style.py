"""What the pictures share: colors, shapes and lines, and axes to draw on.

Whatever differs in color differs in shape or in line as well, so that a picture can be read in
print, and by the color-blind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

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

    ax_: Axes
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
        if ax is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError as error:
                needs = f"{type(self).__name__}.plot needs matplotlib"
                message = f"{needs}; install it with: pip install 'sknn_opt[plots]'"
                raise ImportError(message) from error
            _, ax = plt.subplots(layout="constrained", **self._figure_options())
        self.ax_, self.figure_ = ax, np.ravel(ax)[0].figure
        self._draw()
        return self

    def _figure_options(self):
        """The options of `plt.subplots` for a new figure."""
        return {}

    def _draw(self):
        raise NotImplementedError


def dress(ax, *, grid="both", **texts):
    """Give axes the common looks: a light grid behind, two spines, and the texts of `ax.set`."""
    ax.set(**texts)
    ax.title.set_fontsize("medium")
    ax.set_axisbelow(True)
    if grid:
        ax.grid(True, axis=grid, color="0.9", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def mark(ax, x, y, **look):
    return ax.plot(x, y, linestyle="", **look)


def legend(ax, **options):
    """A legend without a frame."""
    return ax.legend(**{"fontsize": "small", "frameon": False} | options)
