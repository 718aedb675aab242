"""A few values that lie far from all others, in X or in y."""

import numpy as np

FAR = 1e3  # robust deviations from the median
FEW = 0.05  # the largest share of values that are outliers
NORMAL_RANGE = 1.349  # between the quartiles of a normal distribution of deviation 1
GAP = 300  # the nearest outlier over the farthest of the others


def is_apart(values, q1, median, q3):
    """Whether a few values lie FAR robust deviations away, beyond a gap.

    Heavy tails reach as far, but without a gap.
    """
    distance = np.abs(values - median)
    far = distance > FAR * (q3 - q1) / NORMAL_RANGE
    few = q3 > q1 and 0 < far.mean() <= FEW
    return bool(few and distance[far].min() > GAP * distance[~far].max())


def without_far_targets(rows):
    """All but the 2 % that are farthest from 0, or those far from three quarters of the rows.

    One absurd target can outweigh all others.
    """
    far = np.nan_to_num(np.fmax.reduce(np.abs(rows.of(rows.y)), axis=1))
    most, usual = np.quantile(far, (0.98, 0.75))
    return rows.take(far <= (min(most, FAR * usual) if usual else most))
