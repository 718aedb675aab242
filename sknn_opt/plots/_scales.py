"""Scales that hold what is drawn on them: numbers of any size, and hyperparameters.

On the axis of a hyperparameter what is drawn are places, what is written are values. And the strip
above many of them for a legend.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sknn_opt.plots._style import divide, fitted, inches_of, n_letters

COLUMNS = 4
MAX_TICKS = 5  # with a text
MAX_MINOR = 150  # without one: thousands blur into a bar, and take seconds to draw
MAX_CATEGORIES = 12
LETTERS = 14  # of a category
LEANING, UPRIGHT = 0.28, 0.17  # inches that a category takes, by its text
LOG_FROM = 10.0  # positive values that differ by this factor are drawn on a logarithmic axis
SYMLOG_FROM = 1e3  # and others, where their sizes do
WIDE = 2.8  # inches in which seven such ticks fit side by side
MANY = 30  # decades
DECADES = MANY  # around 0 that such an axis shows at most, to either side


def dress_axis(axis, scale, low, high, *, letters=LETTERS, absent=None):
    """Put the ticks of a scale on an x or y axis between two places, and set its limits.

    `absent` is the place of what candidates do not have, if there is such a place.
    """
    if scale.kind == "category":
        at, texts = _categories(scale.categories, letters, _most(axis, scale.categories))
        minor, margin = [], 0.6
    else:
        at, texts, minor = _numbers(scale, low, high)
        margin = 0.06 * (high - low) or 0.3 * (abs(low) or 1)
    ends = [low - margin, high + margin]
    apart = {}
    if scale.zero is not None:
        apart[scale.zero] = "0"
        ends[0] = min(ends[0], scale.zero - margin)
    if absent is not None:
        apart = {absent: "none"} | apart
        ends[0] = absent - margin
    if scale.kind != "category" and axis.axis_name == "x":
        at, texts = _with_room(axis, at, texts, apart, ends[1] - ends[0])
    axis.set_ticks([*apart, *at], [*apart.values(), *texts], fontsize="small")
    axis.set_ticks(minor, minor=True)
    getattr(axis.axes, f"set_{axis.axis_name}lim")(*ends)


def _with_room(axis, at, texts, apart, width):
    """So many of the ticks that their texts do not touch."""
    room = n_letters(axis.axes, "small") / width
    for step in range(1, len(at) + 1):
        places = [*apart, *at[::step]]
        halves = [(len(text) + 1) / 2 for text in (*apart.values(), *texts[::step])]
        ranked = sorted(zip(places, halves, strict=True))
        if all(room * (b - a) >= i + j for (a, i), (b, j) in pairwise(ranked)):
            return at[::step], texts[::step]
    return at[-1:], texts[-1:]


def _most(axis, categories):
    """How many categories have room for their texts."""
    is_x = axis.axis_name == "x"
    if is_x and not _leans(categories):
        return MAX_CATEGORIES
    each = LEANING if is_x else UPRIGHT
    return int(np.clip(inches_of(axis.axes, axis.axis_name) / each, 2, MAX_CATEGORIES))


def spread_out(axis, values, *, log_from=LOG_FROM, symlog_from=SYMLOG_FROM):
    """Set a scale on which all finite values can be told apart; linear where that will do."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    sizes = np.abs(values[values != 0])
    if not len(sizes):
        return
    low, high = np.log10(sizes.min()), np.log10(sizes.max())  # 1e250 / 1e-250 is no float
    set_scale = getattr(axis.axes, f"set_{axis.axis_name}scale")
    if values.min() > 0:
        if high - low > np.log10(log_from):
            set_scale("log")
            tick_decades(axis, low, high)
    elif high - low > np.log10(symlog_from):
        around_zero(axis, low, high)


def around_zero(axis, low, high):
    """A scale for both signs: linear up to 10 to the `low`, logarithmic up to 10 to the `high`."""
    low = np.floor(max(low, high - DECADES))
    getattr(axis.axes, f"set_{axis.axis_name}scale")("symlog", linthresh=10.0**low)
    _tick_both_sides(axis, low, high)


def tick_decades(axis, low, high):
    """So many decades that matplotlib would compute ticks beyond the largest number."""
    if high - low > MANY:
        stride = np.ceil((high - low) / (MAX_TICKS + 2))
        decades = stride * np.arange(np.ceil(low / stride), high / stride)
        axis.set_ticks(10.0**decades)
        axis.set_ticks([], minor=True)


def _tick_both_sides(axis, low, high):
    """0, and decades to both sides, as far from each other as the first ones are from 0."""
    is_narrow = axis.axis_name == "x" and inches_of(axis.axes) < WIDE
    stride = np.ceil((high - low + 1) / (2 if is_narrow else 3))
    decades = np.arange(low + stride - 1, high + 1, stride)
    axis.set_ticks([*-(10.0 ** decades[::-1]), 0, *10.0**decades])
    axis.set_ticks([], minor=True)


def n_columns(n):
    """How many panels a row has: up to four."""
    return n if n <= COLUMNS else (3 if n in (5, 6, 9) else COLUMNS)


def below_strip(outer, rows, columns):
    """A strip for the legend, whose height is what the legend needs, and a grid with room below."""
    grid = divide(outer, 1 + rows, columns, height_ratios=[0.01] + [1] * rows)
    strip = outer.figure.add_subplot(grid[0, :])
    strip.set_axis_off()
    return strip, grid


def lean(ax, categories):
    """Lean the texts of categories that would not fit side by side."""
    if _leans(categories):
        for label in ax.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")


def _leans(categories):
    return sum(min(len(text), 14) + 2 for text in categories[:12]) > 34


def _categories(categories, letters, most):
    """Every category, or every second and so on where there are too many."""
    step = -(-len(categories) // most) or 1
    at = list(range(0, len(categories), step))
    texts = fitted([categories[i] for i in at], letters)
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
