"""The picture of a search: scores by hyperparameter, in pairs, and by what they cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from sknn_opt.checks.texts import short_names
from sknn_opt.plots._scales import below_strip, dress_axis, lean, n_columns
from sknn_opt.plots._style import (
    COLORS,
    LINES,
    MARKERS,
    SURFACE,
    Display,
    dress,
    fitted,
    legend,
    letters_of,
    mark,
    plain,
    some,
)
from sknn_opt.search.results import Results, read_results
from sknn_opt.search.scales import APART

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PANELS = {"scores": 12, "pairs": 5, "cost": 12}
KINDS = tuple(MAX_PANELS)
LETTERS = 26  # of a name
FAR = 4.0  # a score farther below the median than so many times the way up to the best: at the edge
FLOOR = 0.12  # of the height, below the scores, for candidates that have none
JITTER = 0.22  # of categories, to either side
MAX_LEGEND = 7  # rounds


@dataclass(eq=False, repr=False)
class SearchDisplay(Display):
    """What a search found: its scores by hyperparameter, each on the scale it was drawn on.

    Rounds differ in color and in shape, and the region that a round drew from is shaded in its
    color. The best candidate is ringed; those that were stopped early are small and pale.
    Candidates that failed are crosses at the lower edge;
    scores far below all others are triangles there, so that they do not squeeze the rest.
    Logarithmic scales set 0 apart, and what a candidate does not have is at "none".

    Parameters
    ----------
    results : Results
        What was read from the search.
    names : list of str
        The hyperparameters to show.
    kind : {'scores', 'pairs', 'cost'}, default='scores'
        What to draw.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
        One for each hyperparameter ("scores"), for each pair below the diagonal ("pairs": a square
        array, None above), or a single one ("cost").
    figure_ : matplotlib Figure

    See Also
    --------
    sknn_opt.search.parameter_importances : Which hyperparameters decided the scores.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import RandomizedSearchCV
    >>> from sklearn.svm import SVC
    >>> from sknn_opt import SearchDisplay
    >>> from sknn_opt.search import LogUniform
    >>> space = {"C": LogUniform(0.01, 100), "gamma": LogUniform(0.001, 10)}
    >>> search = RandomizedSearchCV(SVC(), space, n_iter=20, random_state=0)
    >>> display = SearchDisplay.from_search(search.fit(*load_iris(return_X_y=True))).plot()
    >>> [ax.get_xlabel() for ax in display.ax_]
    ['C', 'gamma']
    """

    ax_: NDArray[Any] = field(init=False)
    results: Results
    names: list[str]
    kind: str = "scores"

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        params: Sequence[str] | str | None = None,
        kind: Literal["scores", "pairs", "cost"] = "scores",
        metric: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a fitted search.

        Parameters
        ----------
        search : fitted search
            Any of scikit-learn's, or another object with `cv_results_`.
        params : str or list of str, default=None
            Which hyperparameters to show; None shows the first 12, of pairs the first 5.
        kind : {'scores', 'pairs', 'cost'}, default='scores'
            "scores": the score by each hyperparameter. "pairs": two at a time, the darker the
            better. "cost": the best so far by epochs, or by seconds where none were counted.
        metric : str, default=None
            Which of several metrics of the search; None is that of `refit`.
        ax : matplotlib Axes, default=None
            Where to draw, or whose place to divide; a new figure if None.
        **kwargs : dict
            Properties of the marks of candidates, passed to ``matplotlib.axes.Axes.plot``, for
            "pairs" to ``matplotlib.axes.Axes.scatter``.

        Returns
        -------
        display : SearchDisplay
            Drawn.

        Raises
        ------
        TypeError
            If it is no search.
        NotFittedError
            If it is not fitted.
        ValueError
            If there is no such hyperparameter, kind or metric.
        """
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {kind!r}.")
        cls._pyplot()
        results = read_results(search, cls.__name__, metric)
        names = _chosen(params, [p.name for p in results.parameters], MAX_PANELS[kind])
        if kind == "pairs" and len(names) < 2:
            raise ValueError(
                f"kind='pairs' needs two hyperparameters or more; got {', '.join(names)}."
            )
        return cls(results, names, kind).plot(ax, **kwargs)

    @property
    def _shown(self):
        by_name = {p.name: p for p in self.results.parameters}
        return [by_name[name] for name in self.names]

    def _figure_options(self):
        n = len(self.names)
        if self.kind == "cost" or n == 0:
            return {"figsize": (6.4, 4)}
        if self.kind == "pairs":
            side = 1.2 + 2.2 * (n - 1)
            return {"figsize": (max(side + 1, 5.0), max(side, 4.0))}
        columns = n_columns(n)
        return {"figsize": (max(2.9 * columns, 4.5), 0.8 + 2.5 * math.ceil(n / columns))}

    def _draw(self):
        if self.kind == "cost" or not self.names:
            self.ax_ = np.array([self.ax_], dtype=object)
            self._draw_cost(self.ax_[0])
        elif self.kind == "scores":
            self._draw_scores()
        else:
            self._draw_pairs()

    def _short_names(self, ax):
        """The names of all hyperparameters, as they fit along an axis."""
        names = [p.name for p in self.results.parameters]
        short = short_names(names, letters_of(ax, LETTERS))
        return {name: plain(text) for name, text in short.items()}

    # Scores ---------------------------------------------------------------------------------------

    def _draw_scores(self):
        n, outer = len(self.names), self.ax_
        columns = n_columns(n)
        rows = math.ceil(n / columns)
        strip, grid = below_strip(outer, rows, columns)
        cells = [outer.figure.add_subplot(grid[1 + i // columns, i % columns]) for i in range(n)]
        self.ax_ = np.array(cells, dtype=object)
        floor, short = _Floor(self.results.scores), self._short_names(cells[0])
        for i, (ax, parameter) in enumerate(zip(cells, self._shown, strict=True)):
            x, ends, absent = _laid_out(parameter)
            _shade(ax, parameter)
            self._mark_rounds(ax, x, floor)
            dress(ax)
            ax.set_xlabel(short[parameter.name], fontsize="small")
            dress_axis(ax.xaxis, parameter.scale, *ends, absent=absent)
            if parameter.scale.kind == "category":
                lean(ax, parameter.scale.categories)
            floor.dress(ax, self.results.metric if i % columns == 0 else None)
        self._legend_above(strip, cells[0])

    def _legend_above(self, strip, ax):
        """One legend above all panels, which also says that some are left out."""
        handles, labels = ax.get_legend_handles_labels()
        n, of = len(self.names), len(self.results.parameters)
        title = f"{n} of {of} hyperparameters" if n < of else None
        if labels != ["candidate"] or title:
            columns = max(2, int(strip.figure.get_figwidth() / 1.2))
            options = {"ncols": min(len(labels), columns), "title": title}
            options |= {"handletextpad": 0.3, "columnspacing": 1.2, "borderaxespad": 0}
            anchor = {"loc": "lower center", "bbox_to_anchor": (0.5, 0)}
            legend(strip, handles=handles, labels=labels, **options, **anchor)

    def _mark_rounds(self, ax, x, floor):
        """The candidates of each round, those at the lower edge, and the best."""
        results, y = self.results, floor.y
        for look, number in enumerate(_rounds(results)):
            own = (results.rounds == number) & np.isfinite(y) & ~floor.is_far
            done, style = own & results.is_done, _look(look) | self._kwargs
            if done.any():
                mark(ax, x[done], y[done], label=_round_name(results, number), **style)
            if (own & ~done).any():
                style |= {"markersize": 3, "alpha": 0.35}
                mark(ax, x[own & ~done], y[own & ~done], **style)
        if floor.is_far.any():
            far = {"marker": "v", "color": "0.35", "markerfacecolor": "white", "markersize": 5}
            mark(ax, x[floor.is_far], y[floor.is_far], label="far below", **far)
        failed = np.isnan(results.scores)
        if failed.any():
            cross = {"marker": "x", "color": COLORS[5], "markersize": 5, "label": "failed"}
            mark(ax, x[failed], np.full(failed.sum(), floor.edge), **cross)
        best = _best(results)
        if best is not None:
            mark(ax, [x[best]], [y[best]], label="best", **RING)

    # Pairs ----------------------------------------------------------------------------------------

    def _draw_pairs(self):
        shown, outer = self._shown, self.ax_
        n = len(shown) - 1
        strip, grid = below_strip(outer, n, n)
        self.ax_ = np.full((n, n), None, dtype=object)
        laid = [_laid_out(p) for p in shown]
        points = short = None
        for i, j in zip(*np.tril_indices(n), strict=True):
            ax = self.ax_[i, j] = outer.figure.add_subplot(grid[1 + i, j])
            short = short or self._short_names(ax)
            (x, x_ends, x_none), (y, y_ends, y_none) = laid[j], laid[i + 1]
            points = self._mark_pair(ax, x, y) or points
            _frame(ax, shown[j], shown[i + 1])
            dress(ax)
            dress_axis(ax.xaxis, shown[j].scale, *x_ends, absent=x_none)
            dress_axis(ax.yaxis, shown[i + 1].scale, *y_ends, absent=y_none, letters=10)
            ax.tick_params(axis="x", labelrotation=35)
            for label in ax.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
            ax.tick_params(labelbottom=i == n - 1, labelleft=j == 0)
            if i == n - 1:
                ax.set_xlabel(short[shown[j].name], fontsize="small")
            if j == 0:
                ax.set_ylabel(short[shown[i + 1].name], fontsize="small")
        if points is not None:
            panels = [ax for ax in self.ax_.ravel() if ax is not None]
            bar = outer.figure.colorbar(points, ax=panels, shrink=0.7, pad=0.02)
            bar.set_label(self.results.metric)
        self._legend_above(strip, self.ax_[0, 0])

    def _mark_pair(self, ax, x, y):
        """The candidates, the best last; the shapes tell rounds, the shades scores."""
        results, points = self.results, None
        shades = _Floor(results.scores).y
        alive = np.isfinite(shades)
        failed = ~alive
        if failed.any():
            cross = {"marker": "x", "color": COLORS[5], "markersize": 4, "label": "failed"}
            mark(ax, x[failed], y[failed], **cross)
        if not alive.any():
            return None
        limits = {"vmin": shades[alive].min(), "vmax": shades[alive].max(), "cmap": SURFACE}
        for look, number in enumerate(_rounds(results)):
            own = np.flatnonzero(alive & (results.rounds == number))
            own = own[np.argsort(shades[own], kind="stable")]
            style = {"marker": MARKERS[look % len(MARKERS)], "s": 26, "edgecolors": "0.4"}
            label = _round_name(results, number)
            style |= {"linewidths": 0.4, "label": label, "c": shades[own]} | limits
            points = ax.scatter(x[own], y[own], **style | self._kwargs)
        best = _best(results)
        mark(ax, [x[best]], [y[best]], label="best", **RING)
        return points

    # Cost -----------------------------------------------------------------------------------------

    def _draw_cost(self, ax):
        results = self.results
        unit = next(iter(results.costs), None)
        each = results.costs[unit] if unit else np.ones(len(results.scores))
        spent = np.cumsum(each)
        floor = _Floor(results.scores)
        self._mark_rounds(ax, spent, floor)
        scores = np.where(results.is_done, floor.y, np.nan)
        # Scores of unequal resources are not compared: then each iteration begins anew.
        parts = [np.arange(len(spent))]
        if results.resources is not None:
            parts = [np.flatnonzero(results.rounds == number) for number in _rounds(results)]
        for i, part in enumerate(parts):
            best = np.fmax.accumulate(scores[part]) if len(part) else []
            look = {"color": "0.25", "linewidth": 1.5, "linestyle": LINES[0], "zorder": 1}
            label = {"label": "best so far"} if i == 0 and np.isfinite(best).any() else {}
            ax.step(spent[part], best, where="post", **look, **label)
        names = {"epochs": "epochs, all splits together", "seconds": "seconds of computing"}
        dress(ax, xlabel=names.get(unit, "candidates"))
        total = spent[-1] or 1.0
        ax.set_xlim(-0.03 * total, 1.03 * total)
        floor.dress(ax, results.metric)
        legend(ax, loc="center left", bbox_to_anchor=(1.01, 0.5))


RING = {
    "marker": "o",
    "color": "black",
    "markerfacecolor": "none",
    "markersize": 11,
    "markeredgewidth": 1.6,
}


class _Floor:
    """Scores as they are drawn: those far below all others, and the failed, at the lower edge."""

    def __init__(self, scores):
        alive = scores[np.isfinite(scores)]
        self.y, self.is_far = scores.copy(), np.zeros(len(scores), dtype=bool)
        if not len(alive):
            self.low, self.high, self.edge = 0.0, 1.0, 0.0
            return
        high, middle = alive.max(), np.median(alive)
        way = max(high - middle, middle - np.quantile(alive, 0.25))
        near = alive[alive >= middle - FAR * way] if way > 0 else alive
        self.low, self.high = near.min(), high
        height = (high - self.low) or abs(high) * 0.1 or 1.0
        self.is_far = scores < self.low
        self.edge = self.low - FLOOR * height
        self.y[self.is_far] = self.edge
        if high == self.low:
            self.low, self.high = self.low - height / 2, self.high + height / 2

    def dress(self, ax, label):
        """The same limits for all panels; numbers on the left ones only."""
        height = self.high - self.low
        used = self.is_far.any() or np.isnan(self.y).any()
        bottom = (self.edge if used else self.low) - 0.05 * height
        ax.set_ylim(bottom, self.high + 0.08 * height)
        if label is None:
            ax.tick_params(labelleft=False)
        else:
            ax.set_ylabel(fitted([label], LETTERS)[0])
        if np.isnan(self.y).all():
            ax.set_yticks([])


def _chosen(params, names, most):
    """The names to show."""
    if params is None:
        return names[:most]
    chosen = [params] if np.ndim(params) == 0 else list(params)
    for name in chosen:
        if name not in names:
            raise ValueError(
                f"There is no hyperparameter {name!r} in the search; there are {some(names)}."
            )
    if not chosen:
        raise ValueError("params is empty; name at least one hyperparameter, or pass None.")
    return list(dict.fromkeys(chosen))


def _rounds(results):
    return np.unique(results.rounds)


def _round_name(results, number):
    """For the legend, which has room for some only."""
    rounds = _rounds(results)
    if len(rounds) == 1:
        return "candidate"
    place = int(np.searchsorted(rounds, number))
    if len(rounds) > MAX_LEGEND and 3 <= place < len(rounds) - 2:
        return "_"
    word = "round" if results.resources is None else "iteration"
    return f"{word} {number}"


def _look(number):
    color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
    return {"color": color, "marker": marker, "markersize": 5, "markeredgewidth": 0, "alpha": 0.8}


def _best(results):
    """The best candidate; of a halving search the best of the last iteration. None: all failed."""
    scores = np.where(results.is_done, results.scores, np.nan)
    if results.resources is not None:
        scored = results.rounds[np.isfinite(scores)]
        scores = np.where(results.rounds == scored.max(initial=0), scores, np.nan)
    return None if np.isnan(scores).all() else int(np.nanargmax(scores))


def _laid_out(parameter):
    """(places of all candidates, the ends of the scale, the place of those without a value)."""
    x, scale = parameter.places.copy(), parameter.scale
    ends = [end for bound in parameter.bounds.values() for end in bound]
    values = [place for place in [*x[np.isfinite(x)], *ends] if place != scale.zero]
    low, high = min(values, default=0.0), max(values, default=0.0)
    if scale.kind == "category":
        low, high = 0, len(scale.categories) - 1
        # The golden ratio spreads neighbors, without chance.
        steps = (np.arange(len(x)) * 0.618034) % 1 - 0.5
        x += 2 * JITTER * steps
    lonely, absent = np.isnan(parameter.places), None
    if lonely.any():
        first = low if scale.zero is None else min(low, scale.zero)
        absent = first - (1.0 if scale.kind == "category" else max(APART * (high - low), 0.1))
        x[lonely] = absent
    return x, (low, high), absent


def _shade(ax, parameter):
    """The region of each round, darker where they overlap."""
    for look, (_, (low, high)) in enumerate(sorted(parameter.bounds.items())):
        color = COLORS[look % len(COLORS)]
        alpha = min(0.09, 0.3 / len(parameter.bounds))
        ax.axvspan(low, high, color=color, alpha=alpha, linewidth=0, zorder=0)
        for end in (low, high):
            line = LINES[look % len(LINES)]
            ax.axvline(end, color=color, linewidth=0.8, linestyle=line, alpha=0.6, zorder=0)


def _frame(ax, across, up):
    """The region of each round of a pair, as a rectangle."""
    for look, number in enumerate(sorted(across.bounds)):
        if number in up.bounds:
            (left, right), (low, high) = across.bounds[number], up.bounds[number]
            x, y = [left, right, right, left, left], [low, low, high, high, low]
            line = {"color": COLORS[look % len(COLORS)], "linestyle": LINES[look % len(LINES)]}
            ax.plot(x, y, linewidth=0.9, zorder=0, **line)
