"""Axes on the scale of a hyperparameter: what is drawn are places, what is written are values.

And the strip above many of them for a legend.
"""

from __future__ import annotations

import numpy as np

from sknn_opt.checks.texts import told_apart

COLUMNS = 4
MAX_TICKS = 5  # with a text
MAX_MINOR = 150  # without one: thousands blur into a bar, and take seconds to draw
MAX_CATEGORIES = 12
LETTERS = 14  # of a category


def dress_axis(axis, scale, low, high, *, letters=LETTERS, absent=None):
    """Put the ticks of a scale on an x or y axis between two places, and set its limits.

    `absent` is the place of what candidates do not have, if there is such a place.
    """
    if scale.kind == "category":
        at, texts = _categories(scale.categories, letters)
        minor, margin = [], 0.6
    else:
        at, texts, minor = _numbers(scale, low, high)
        margin = 0.06 * (high - low) or 0.3 * (abs(low) or 1)
    ends = [low - margin, high + margin]
    if scale.zero is not None:
        at, texts = [scale.zero, *at], ["0", *texts]
        ends[0] = min(ends[0], scale.zero - margin)
    if absent is not None:
        at, texts = [absent, *at], ["none", *texts]
        ends[0] = absent - margin
    axis.set_ticks(at, texts, fontsize="small")
    axis.set_ticks(minor, minor=True)
    getattr(axis.axes, f"set_{axis.axis_name}lim")(*ends)


def n_columns(n):
    """How many panels a row has: up to four."""
    return n if n <= COLUMNS else (3 if n in (5, 6, 9) else COLUMNS)


def below_strip(outer, rows, columns):
    """A strip for the legend, whose height is what the legend needs, and a grid with room below."""
    ratios = [0.01] + [1] * rows
    grid = outer.get_subplotspec().subgridspec(1 + rows, columns, height_ratios=ratios)
    strip = outer.figure.add_subplot(grid[0, :])
    strip.set_axis_off()
    return strip, grid


def lean(ax, categories):
    """Lean the texts of categories that would not fit side by side."""
    letters = sum(min(len(text), 14) + 2 for text in categories[:12])
    if letters > 34:
        for label in ax.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")


def _categories(categories, letters):
    """Every category, or every second and so on where there are too many."""
    step = -(-len(categories) // MAX_CATEGORIES) or 1
    at = list(range(0, len(categories), step))
    texts = told_apart([categories[i] for i in at], letters)
    return at, [text or "''" for text in texts]


def _numbers(scale, low, high):
    """The ticks, their texts, and the minor ticks, as places."""
    from matplotlib.ticker import MaxNLocator

    kind = scale.kind
    if kind == "linear" and low == high:
        return [low], [f"{low:.6g}"], []
    if kind == "linear":
        ticks = MaxNLocator(MAX_TICKS - 1, integer=scale.is_whole, min_n_ticks=1).tick_values(
            low, high
        )
        ticks = _inside(ticks, low, high)
        return list(ticks), [f"{tick:.6g}" for tick in ticks], []
    if low == high:
        return [low], [f"{10.0**low if kind == 'log' else 1 - 10.0**-low:.6g}"], []
    sign = 1 if kind == "log" else -1
    ends = sorted((sign * low, sign * high))
    decades = np.arange(np.floor(ends[0]), np.ceil(ends[1]) + 1)
    fine = np.sort(np.concatenate([decades + np.log10(k) for k in range(1, 10)]))
    for factors in ((1,), (1, 3), (1, 2, 5)):
        ticks = np.sort(np.concatenate([decades + np.log10(k) for k in factors]))
        ticks = _inside(ticks, *ends)
        if len(ticks) >= 3:
            break
    if len(ticks) < 2:  # less than a factor of 2
        x = MaxNLocator(MAX_TICKS - 2).tick_values(*(10.0 ** np.array(ends)))
        ticks = _inside(np.log10(x[x > 0]), *ends)
    step = -(-len(ticks) // MAX_TICKS) or 1
    ticks = ticks[::step] if sign > 0 else ticks[::-1][::step]
    values = 10.0**ticks if sign > 0 else 1 - 10.0**ticks
    texts = [f"{value:.3g}" if sign > 0 else f"{value:.12g}" for value in values]
    if len(fine) > MAX_MINOR:
        fine = decades[:: -(-len(decades) // MAX_MINOR)]
    return list(sign * ticks), texts, list(sign * _inside(fine, *ends))


def _inside(ticks, low, high):
    reach = 0.03 * (high - low) or 1e-9
    return ticks[(ticks >= low - reach) & (ticks <= high + reach)]
