"""What the pictures share: colors, shapes and lines, texts that fit, and axes to draw on.

Whatever differs in color differs in shape or in line as well, so that a picture can be read in
print, and by the color-blind.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from inspect import signature
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from sknn_opt.checks.texts import told_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colors, told apart by the color-blind; shapes tell them apart in print.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = "osD^vP"  # as many as share no divisor with the colors: 42 looks
LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
SURFACE = "cividis_r"  # light where the cost is low; its lightness falls evenly, as gray too
LETTER = 0.62  # the mean width of a letter, in sizes of its font
BELOW = 38  # points that the ticks and the label of an x axis take


class Display:
    """A picture of what was measured: `plot` draws it, again or elsewhere."""

    ax_: Axes
    figure_: Figure
    _ARTIST: ClassVar[str] = "lines.Line2D"  # what the keywords of `plot` are properties of
    _N_AXES: ClassVar[tuple[int, ...]] = (1,)  # how many axes may be given

    def plot(self, ax: Axes | Sequence[Axes] | None = None, **kwargs: Any) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None. A display of several axes divides its place.
        **kwargs : dict
            Properties of the curves, points, outlines or surface, such as ``alpha=0.5``: they are
            passed to matplotlib.

        Returns
        -------
        display : the display itself
            With the axes in ``ax_`` and their figure in ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `ax` is no such axes, or matplotlib has no such property.
        """
        plt = self._pyplot()
        self._kwargs = _properties(kwargs, self._ARTIST, type(self).__name__)
        if ax is None:
            _, ax = plt.subplots(layout="constrained", **self._figure_options())
        else:
            ax = _checked_axes(ax, self._N_AXES, type(self).__name__)
        self.ax_, self.figure_ = ax, np.ravel(ax)[0].figure
        self._draw()
        return self

    @classmethod
    def _pyplot(cls):
        """Matplotlib, asked for before anything is computed."""
        try:
            return import_module("matplotlib.pyplot")
        except ImportError as error:
            needs = f"{cls.__name__}.plot needs matplotlib"
            message = f"{needs}; install it with: pip install 'sknn_opt[plots]'"
            raise ImportError(message) from error

    def _figure_options(self):
        """The options of `plt.subplots` for a new figure."""
        return {}

    def _draw(self):
        raise NotImplementedError


def _properties(kwargs, artist, who):
    """Keywords under their full names: `lw` is `linewidth`."""
    if not kwargs:
        return {}
    from matplotlib.cbook import normalize_kwargs

    module, name = artist.split(".")
    artist = getattr(import_module(f"matplotlib.{module}"), name)
    kwargs = normalize_kwargs(kwargs, artist)
    known = signature(artist).parameters
    for key in kwargs:
        if key not in known and not hasattr(artist, f"set_{key}"):
            raise TypeError(
                f"{who} has no parameter {key!r}, and matplotlib's {name}, to which keywords are "
                "passed, no such property; give for example color, alpha or linewidth."
            )
    return kwargs


def _checked_axes(ax, numbers, who):
    """One axes, or as many as a display takes."""
    from matplotlib.axes import Axes

    flat = np.ravel(np.asarray(ax, dtype=object))
    if len(flat) in numbers and all(isinstance(each, Axes) for each in flat):
        return flat[0] if len(flat) == 1 else flat
    takes = " or ".join({1: "one matplotlib Axes", 2: "a pair of them"}[n] for n in numbers)
    got = type(ax).__name__
    if all(isinstance(each, Axes) for each in flat):
        got = f"{len(flat)} of them"
    raise TypeError(f"{who}.plot: ax must be {takes}, or None; got {got}.")


def point_of(report, number):
    """One of the points of a report."""
    n = len(report.points)
    if not (isinstance(number, Integral) and -n <= number < n):
        raise ValueError(f"point must be a number from {-n} to {n - 1}; got {number!r}.")
    return report.points[number]


def divide(ax, rows, columns, **options):
    """A grid in the place of axes, which are hidden."""
    ax.set_axis_off()
    place = ax.get_subplotspec()
    if place is not None:
        return place.subgridspec(rows, columns, **options)
    from matplotlib.gridspec import GridSpec

    box, figure = ax.get_position(), ax.figure
    ends = {"left": box.x0, "right": box.x1, "bottom": box.y0, "top": box.y1}
    return GridSpec(rows, columns, figure=figure, **ends, **options)


def dress(ax, *, grid="both", **texts):
    """Give axes the common looks: a light grid behind, two spines, and the texts of `ax.set`."""
    ax.set(**texts)
    ax.title.set_fontsize("medium")
    ax.set_axisbelow(True)
    if grid:
        ax.grid(True, axis=grid, color="0.9", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def mark(ax, x, y, **look):
    return ax.plot(x, y, **{"linestyle": ""} | look)


def legend(ax, **options):
    """A legend without a frame."""
    return ax.legend(**{"fontsize": "small", "frameon": False} | options)


def legend_below(ax, handles, **options):
    """A legend below the label of the x axis, in as many columns as fit."""
    from matplotlib.transforms import ScaledTranslation

    down = ScaledTranslation(0, -BELOW / 72, ax.figure.dpi_scale_trans)
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, n_letters(ax, "small") // (longest + 7))
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 0}
    place |= {"bbox_transform": ax.transAxes + down, "ncols": min(columns, len(handles) or 1)}
    return legend(ax, handles=handles, **place | options)


# Texts ------------------------------------------------------------------------------------------


def plain(text):
    """A user's text as it stands: no formula between dollars, no line breaks, no hidden label."""
    text = " ".join(str(text).split()).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def fitted(texts, width):
    """Plain texts that are not longer than `width`, and still told apart."""
    return [plain(text) for text in told_apart([" ".join(str(t).split()) for t in texts], width)]


def some(names, most=10):
    """Names for a sentence; of many only the first."""
    names = [str(name) for name in names]
    more = f" and {len(names) - most} others" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def inches_of(ax, along="x"):
    """The width or the height of axes, as it is before a layout."""
    box = ax.get_window_extent()
    return (box.width if along == "x" else box.height) / ax.figure.dpi


def letters_of(ax, most):
    """How long a small name along axes may be; no less than tells some apart."""
    return int(np.clip(n_letters(ax, "small"), 10, most))


def n_letters(ax, size="medium", along="x"):
    """About how many letters of a size fit along an axis."""
    from matplotlib.font_manager import FontProperties

    return int(
        72 * inches_of(ax, along) / (LETTER * FontProperties(size=size).get_size_in_points())
    )
