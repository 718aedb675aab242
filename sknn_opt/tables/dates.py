"""The parts of a date that may matter.

The date itself and its year are numbers: they tell what is older. Month, day of the week and hour
come round again, so each is a point on a circle, (sin 2πt, cos 2πt) with t the share of the round
that is over: December lies beside January, and a line cuts off the weekend.
"""

import numpy as np

PARTS = ("", "year")  # of a date, as numbers; "" is the date itself, in days
CYCLES = ("month", "weekday", "hour")
DAY = np.timedelta64(1, "D")


def number(times, part):
    """A part of dates as a number: days since 1970, or the year."""
    if part == "year":
        return _known(times, times.astype("M8[Y]").astype(np.int64) + 1970.0)
    return _known(times, times.astype(np.int64) / DAY.astype("m8[us]").astype(np.int64))


def turn(times, cycle):
    """The share of a cycle that is over, from 0 to 1."""
    days = times.astype("M8[D]")
    if cycle == "month":
        share = times.astype("M8[M]").astype(np.int64) % 12 / 12
    elif cycle == "weekday":
        share = (days.astype(np.int64) + 3) % 7 / 7  # 1970 began on a Thursday
    else:
        share = (times - days) / DAY
    return _known(times, share)


def times_of(days):
    """Dates from days since 1970, to the second."""
    seconds = np.round(np.nan_to_num(days) * 86400).astype("m8[s]")
    times = np.datetime64("1970-01-01", "s") + seconds
    return np.where(np.isnan(days), np.datetime64("NaT"), times)


def _known(times, values):
    """NaN where there is no date."""
    return np.where(np.isnat(times), np.nan, values)
