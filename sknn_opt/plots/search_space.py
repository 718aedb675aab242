"""The picture of a search space: what each distribution draws, on its own scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from sknn_opt.arrays.types import RandomState
from sknn_opt.checks.texts import short_names
from sknn_opt.plots._scales import below_strip, dress_axis, lean, n_columns
from sknn_opt.plots._style import COLORS, LINES, Display, dress, legend, letters_of, plain, some
from sknn_opt.search.distributions import Choice, Distribution, ZeroOr, as_distribution
from sknn_opt.search.scales import scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PANELS, LETTERS = 12, 26
N_BINS = 24
FEW = 25  # whole numbers that have a bar each
N_DRAWS = 60
EDGES = ("color", "linewidth", "linestyle")  # what an outline takes over from its shape
RARE = 0.001  # where distributions without end are cut off


@dataclass(eq=False, repr=False)
class SearchSpaceDisplay(Display):
    """What each distribution of a search space draws, on the scale it draws evenly on.

    A shape shows how often a region is drawn; bars show categories and whole numbers. The ticks
    below are draws. Several spaces, those of the rounds of a search for example, lie over each
    other.

    Parameters
    ----------
    spaces : list of dict of str to Distribution
        One, or several to compare.
    names : list of str
        The hyperparameters to show.
    random_state : int, RandomState instance or None, default=0
        Of the draws.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
        One for each hyperparameter.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sknn_opt import SearchSpaceDisplay
    >>> from sknn_opt.search import LogUniform, OneMinusLogUniform
    >>> space = {"alpha": LogUniform(1e-6, 1), "beta_1": OneMinusLogUniform(0.5, 0.999)}
    >>> display = SearchSpaceDisplay.from_space(space)
    >>> [label.get_text() for label in display.ax_[1].get_xticklabels()]
    ['0.9', '0.99', '0.999']
    """

    ax_: NDArray[Any] = field(init=False)
    spaces: list[dict[str, Distribution]]
    names: list[str]
    random_state: RandomState = 0
    _ARTIST: ClassVar[str] = "patches.Patch"

    @classmethod
    def from_space(
        cls,
        space: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        params: Sequence[str] | str | None = None,
        random_state: RandomState = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a space.

        Parameters
        ----------
        space : dict of str to distribution, or a list of such dicts
            What a search takes as `param_distributions` or `param_grid`: our distributions,
            scipy's, or lists. ``search.spaces_`` shows how the rounds zoom in.
        params : str or list of str, default=None
            Which hyperparameters to show; None shows the first 12.
        random_state : int, RandomState instance or None, default=0
            Of the draws.
        ax : matplotlib Axes, default=None
            Whose place to divide; a new figure if None.
        **kwargs : dict
            Properties of the shapes and bars (``matplotlib.patches.Patch``), such as ``alpha``.

        Returns
        -------
        display : SearchSpaceDisplay
            Drawn.

        Raises
        ------
        TypeError
            If it is no such dict, or has a value that is no distribution.
        ValueError
            If it is empty, or there is no such hyperparameter.
        """
        cls._pyplot()
        given = [space] if isinstance(space, Mapping) else space
        is_list = isinstance(given, list | tuple)
        if not is_list or not all(isinstance(each, Mapping) for each in given):
            kind = type(space).__name__
            what = "a dict of names and distributions, or a list of them"
            raise TypeError(f"from_space takes {what}; got {kind}.")
        spaces = [{n: as_distribution(v) for n, v in each.items()} for each in given]
        names = list(dict.fromkeys(name for each in spaces for name in each))
        if not names:
            raise ValueError("space is empty: give at least one name and distribution.")
        chosen = [params] if params is not None and np.ndim(params) == 0 else params
        for name in chosen or ():
            if name not in names:
                raise ValueError(
                    f"There is no hyperparameter {name!r} in the space; there are {some(names)}."
                )
        if chosen is not None and not len(chosen):
            raise ValueError("params is empty; name at least one hyperparameter, or pass None.")
        shown = names[:MAX_PANELS] if chosen is None else list(dict.fromkeys(chosen))
        return cls(spaces, shown, random_state).plot(ax, **kwargs)

    def _figure_options(self):
        columns = n_columns(len(self.names))
        rows = math.ceil(len(self.names) / columns)
        return {"figsize": (max(2.9 * columns, 3.6), 0.5 + 1.9 * rows)}

    def _draw(self):
        outer, n = self.ax_, len(self.names)
        columns = n_columns(n)
        strip, grid = below_strip(outer, math.ceil(n / columns), columns)
        cells = [outer.figure.add_subplot(grid[1 + i // columns, i % columns]) for i in range(n)]
        self.ax_ = np.array(cells, dtype=object)
        names = list(dict.fromkeys(name for each in self.spaces for name in each))
        short = short_names(names, letters_of(cells[0], LETTERS))
        rng = check_random_state(self.random_state)
        for ax, name in zip(cells, self.names, strict=True):
            own = {i: each[name] for i, each in enumerate(self.spaces) if name in each}
            _draw_panel(ax, own, len(self.spaces), rng, self._kwargs)
            ax.set_title(plain(short[name]), fontsize="small")
        self._legend_above(strip)

    def _legend_above(self, strip):
        """Which space is which, and whether hyperparameters are left out."""
        of = len({name for each in self.spaces for name in each})
        title = f"{len(self.names)} of {of} hyperparameters" if len(self.names) < of else None
        lines = []
        if len(self.spaces) > 1:
            for i in range(len(self.spaces)):
                lines += strip.plot([], [], label=f"space {i + 1}", **_edge(i))
        if lines or title:
            options = {"ncols": min(len(lines) or 1, 6), "title": title, "borderaxespad": 0}
            anchor = {"loc": "lower center", "bbox_to_anchor": (0.5, 0)}
            legend(strip, handles=lines, **options, **anchor)


def _draw_panel(ax, distributions, n_spaces, rng, given):
    """What the distributions of one hyperparameter draw."""
    scale = _common_scale(distributions.values())
    ends = []
    for number, distribution in distributions.items():
        edge = _edge(number) | {key: given[key] for key in EDGES if key in given}
        color = edge["color"]
        look = {"color": color, "alpha": 0.35 if n_spaces == 1 else 0.18} | given
        ends += _draw_shape(ax, distribution, scale, look, edge)
        if number == max(distributions):
            draws = distribution.rvs(N_DRAWS, random_state=rng)
            places = scale.places(draws if isinstance(draws, list) else draws.tolist())
            if scale.kind == "category":
                places = places + rng.uniform(-0.3, 0.3, N_DRAWS)
            if isinstance(distribution, ZeroOr) and distribution.p_zero:
                p = distribution.p_zero
                text = {"ha": "center", "va": "bottom", "fontsize": "x-small", "color": color}
                ax.text(_zero(scale), p, f"{p:.0%}", **text)
            ax.plot(places, np.full(N_DRAWS, -0.06), "|", color=color, markersize=5, alpha=0.6)
    dress(ax, grid="x")
    dress_axis(ax.xaxis, scale, min(ends), max(ends))
    ax.set_ylim(-0.13, 1.08)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    if scale.kind == "category":
        lean(ax, scale.categories)


def _edge(number):
    """The outline of a space."""
    color, line = COLORS[number % len(COLORS)], LINES[number % len(LINES)]
    return {"color": color, "linewidth": 1.2, "linestyle": line}


def _common_scale(distributions):
    """The scale of the first, with the values of all."""
    first, *_ = distributions
    if not isinstance(first, Choice):
        return scale_of([v for d in distributions for v in _some(d)], first)
    return scale_of([v for d in distributions if isinstance(d, Choice) for v in d.values], first)


def _some(distribution):
    """Values that span a distribution."""
    if isinstance(distribution, Choice):
        return list(distribution.values)
    if isinstance(distribution, ZeroOr):
        zero = [0] if distribution.p_zero else []
        return zero + _some(distribution.distribution)
    low, high = distribution.support()
    low = low if math.isfinite(low) else distribution.ppf(RARE)
    high = high if math.isfinite(high) else distribution.ppf(1 - RARE)
    return [int(low), high] if isinstance(high, int) else [low, high]


def _draw_shape(ax, distribution, scale, look, edge):
    """Bars of shares or a shape of densities, the highest 1; returns the ends of the scale."""
    if isinstance(distribution, Choice):
        at = scale.places(distribution.values)
        return _draw_bars(ax, at, np.array(distribution.shares), scale, look, edge)
    if isinstance(distribution, ZeroOr):
        ends = _draw_shape(ax, distribution.distribution, scale, look, edge)
        if distribution.p_zero:
            at = _zero(scale)
            width = 0.06 * (max(ends) - min(ends))
            # As high as the share of 0 is, of a whole of 1.
            ax.bar([at], [distribution.p_zero], width, **look)
            ends = [*ends, at] if scale.zero is None else ends
        return ends
    low, high = _some(distribution)
    if scale.kind == "category":
        return [0, len(scale.categories) - 1]
    whole = isinstance(low, int) and isinstance(high, int)
    if whole and high - low < FEW and scale.kind == "linear":
        numbers = np.arange(low, high + 1)
        shares = np.diff(distribution.cdf(np.arange(low - 1, high + 1)))
        return _draw_bars(ax, numbers, shares, scale, look, edge)
    return _draw_density(ax, distribution, scale, look, edge)


def _zero(scale):
    """Where 0 is drawn: apart, or on a linear scale at its own place."""
    return 0.0 if scale.zero is None else scale.zero


def _draw_bars(ax, at, shares, scale, look, edge):
    """A bar for each value, the most frequent as high as the panel."""
    width = 0.6 * min(np.diff(np.unique(at)), default=1.0)
    ax.bar(at, shares / shares.max(), width, **{"edgecolor": edge["color"]} | look)
    if scale.kind == "category":
        return [0, len(scale.categories) - 1]
    return [at.min() - width / 2, at.max() + width / 2]


def _draw_density(ax, distribution, scale, look, edge):
    """Shares of equal parts of the scale, as steps."""
    low, high = _some(distribution)
    whole = isinstance(low, int) and isinstance(high, int)
    if whole:  # a number stands for all that round to it
        low, high = low - 0.5, high + 0.5
    ends = scale.places([low, high])
    places = np.linspace(*ends, N_BINS + 1)
    edges = _values(scale.kind, places)
    edges[0], edges[-1] = low, high
    if whole:
        edges = np.unique(np.floor(edges) + 0.5)
        places = scale.places(edges)
    shares = np.diff(distribution.cdf(edges)) / np.diff(places)
    top = shares.max() or 1.0
    ax.stairs(shares / top, places, fill=True, **look)
    ax.stairs(shares / top, places, **edge)
    return list(ends)


def _values(kind, places):
    """The values at places."""
    if kind == "log":
        return 10.0**places
    return 1 - 10.0**-places if kind == "one minus log" else places.copy()
