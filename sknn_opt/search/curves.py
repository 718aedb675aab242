"""Curves of characters: braille cells of 2 x 4 dots, and bars of eight heights."""

import math

import numpy as np

BLANK = "⠀"  # the braille cell without dots
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a cell
BARS = "▁▂▃▄▅▆▇█"
LOG_FROM = 10.0  # values that differ by this factor have a logarithmic axis


def curves(series, width, height):
    """Lines (label, cells) of a picture of one or two series of the same length.

    A cell is a character and the number of the series that it shows. Values are numbers or None;
    the second series is dashed.
    """
    known = [v for values in series for v in values if v is not None and math.isfinite(v)]
    dots = np.zeros((len(series), 4 * height, 2 * width), bool)
    low, high = min(known, default=0.0), max(known, default=1.0)
    log = low > 0 and high > LOG_FROM * low
    scale = np.log if log else np.asarray
    bottom, span = scale(low), (scale(high) - scale(low)) or 1.0
    for canvas, values, dash in zip(dots, series, (0, 6), strict=False):
        columns = resampled(values, 2 * width)
        with np.errstate(invalid="ignore"):
            heights = (scale(columns) - bottom) / span * (4 * height - 1)
        drawn = np.isfinite(heights)
        if dash:
            drawn &= np.arange(2 * width) % dash < dash // 2
        _join(canvas, heights, drawn)
    labels = {0: f"{high:.3g}", height - 1: f"{low:.3g}"}
    return [(labels.get(k, ""), _cells(dots[:, 4 * k : 4 * k + 4])) for k in range(height)]


def sparkline(values, width, *, log=False):
    """Values as bars, at most `width` of them."""
    columns = resampled(values, min(width, max(len(values), 1)))
    if log and min(values) > 0:
        columns = np.log(columns)
    low, high = np.nanmin(columns), np.nanmax(columns)
    shares = (columns - low) / (high - low) if high > low else np.full(len(columns), 0.5)
    return "".join(BARS[round(7 * share)] for share in shares)


def resampled(values, n):
    """The values in n columns, between two of them along a line; NaN where there are none."""
    values = np.array([math.nan if v is None else v for v in values], float)
    places = np.flatnonzero(np.isfinite(values))
    if not len(places):
        return np.full(n, math.nan)
    at = np.linspace(0, len(values) - 1, n)
    return np.interp(at, places, values[places])


def _join(canvas, heights, drawn):
    """Draw dots from the top, each joined to the one before it."""
    last, before = len(canvas) - 1, None
    for column in np.flatnonzero(drawn):
        row = last - round(float(heights[column]))
        joined = before is not None and drawn[column - 1]
        low, high = sorted((row, before if joined else row))
        canvas[max(low, 0) : high + 1, column] = True
        before = row


def _cells(dots):
    """(character, number of the series) of a line of cells; what was drawn first lies on top."""
    cells = []
    for k in range(dots.shape[2] // 2):
        block = dots[:, :, 2 * k : 2 * k + 2]
        shown = next((i for i, each in enumerate(block) if each.any()), 0)
        bits = sum(DOTS[i][j] for i, j in zip(*np.nonzero(block[shown]), strict=True))
        cells.append((chr(ord(BLANK) + bits), shown))
    return cells
