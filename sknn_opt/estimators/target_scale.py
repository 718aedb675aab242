"""``normalize_target``: to the units of the network, and back to those of the user.

A fit learns the units from its rows. A stream has no first rows that stand for the others, so its
units follow all rows so far; `sknn_opt.training.rescaling` keeps the predictions where they were.
A first call in other units, or a sensor that is replaced, would count for ever. So where the latest
100 targets agree with each other, but not with all before, and are more than these or outside of
their range, those before are forgotten. Equal targets have no scale, and change none.
"""

import copy

import numpy as np

from sknn_opt.estimators.normalizer import InputNormalizer

FAR = 1e30  # float32 ends at 3e38
LARGEST = {np.dtype(dtype): float(np.finfo(dtype).max) for dtype in (np.float32, np.float64)}
OFFSET = 1e3  # mean / scale beyond which float32 has too few digits
KINDS = {  # of normalizers, by what a loss says of itself
    "mean and scale": {},
    "median and quartiles": {"center": "median", "scale": "iqr"},
    "scale": {"with_mean": False},
}
SAME = 1e-9  # a change of units that is rounding
RECENT = 100  # targets that say together that the scale has changed
CHANGED = 10  # deviations, or times in scale


def follow(units, recent, loss, y, weight):
    """The units of a stream after more rows: those of all rows, unless the stream has changed.

    Parameters
    ----------
    units : InputNormalizer or None
        Those before.
    recent : ndarray of shape (n, n_outputs + 1) or None
        The latest targets, and their weights. The first four rows are ranges of those before.

    Returns
    -------
    units, recent
    """
    if loss.normalizes is None:
        return None, None
    latest = np.column_stack([y, np.ones(len(y)) if weight is None else weight])
    if recent is None:
        recent = latest[:0] if units is None else np.tile(_range(units), (2, 1))
    recent = np.concatenate([recent, latest])
    is_new = units is None  # the network knows other rows, which have had no units
    units = None if is_new else learn(loss, y, weight, units)
    if len(recent) < RECENT:
        return units, recent
    found = learn(loss, recent[:, :-1], recent[:, -1])
    if is_new:
        return found, None
    units = found if _has_changed(units, recent, loss) else units
    low, high = np.fmin(recent[0], recent[2]), np.fmax(recent[1], recent[3])
    return units, np.concatenate([[low, high], _range(found)])


def _range(units):
    """The lowest and the highest targets so far, as two rows of weight 0."""
    return np.column_stack([[units.data_min_, units.data_max_], [0, 0]])


def _has_changed(units, recent, loss):
    """Whether the latest targets agree with each other, but not with all before.

    Where these are more, the latest lie outside of their range as well: they would else be no news,
    but one of the groups or seasons in which a stream may come. The range is that of all targets
    but the latest and the ones just before, among which the change may have come: the first two
    rows of `recent`. The next two are the range of those just before.
    """
    low, high = recent[:2, :-1]
    halves = [learn(loss, part[:, :-1], part[:, -1]) for part in np.array_split(recent[4:], 2)]
    vary = [_varies(each) for each in (units, *halves)]
    if (vary[0] & ~(vary[1] & vary[2])).any():  # a column lately had no targets, or equal ones
        return False
    outnumber = units.n_samples_seen_ < 2 * sum(half.n_samples_seen_ for half in halves)
    below = np.fmax(*(half.data_max_ for half in halves)) < low
    above = np.fmin(*(half.data_min_ for half in halves)) > high
    changed = _apart(units, halves[1], CHANGED, CHANGED) & (outnumber | below | above)
    return bool(changed.any()) and not _apart(*halves, 1, 2).any()


def _apart(one, other, distance, factor):
    """Which columns differ by so many deviations in their means, or so many times in scale."""
    (m1, s1), (m2, s2) = _mean_and_scale(one), _mean_and_scale(other)
    far = np.abs(m1 - m2) > distance * s2
    return far | (np.maximum(s1, s2) > factor * np.minimum(s1, s2))


def range_of(y, before=None):
    """The lowest and the highest of these targets, and of those before, as two rows.

    NaN where there were none.
    """
    ends = np.stack([np.fmin.reduce(y, axis=0), np.fmax.reduce(y, axis=0)]).astype(float)
    if before is None:
        return ends
    return np.stack([np.fmin(before[0], ends[0]), np.fmax(before[1], ends[1])])


def clip(y, ends):
    """Predictions no lower and no higher than the targets were; free where there were none."""
    low, high = ends.astype(y.dtype)
    return np.fmin(np.fmax(y, low), high)


def learn(loss, y, weight, before=None):
    """An `InputNormalizer` of the targets, fitted; None where the loss allows none.

    With the one from `before`, it goes on with what that one has seen.
    """
    if loss.normalizes is None:
        return None
    if loss.normalizes == "scale":
        # About 0: the root mean square, which is no smaller for amounts that are almost equal.
        weight = None if weight is None else np.tile(weight, 2)
        y = np.concatenate([y, -y])
    # A copy: the one before belongs to an estimator that this call must not change.
    normalizer = copy.copy(before) if before else InputNormalizer(**KINDS[loss.normalizes])
    normalizer._learn(y, weight, exact=before is None)
    if np.isnan(normalizer.scale_).any():  # a column had no target yet
        normalizer.scale_ = np.where(np.isnan(normalizer.scale_), 1.0, normalizer.scale_)
        if normalizer.with_mean:
            normalizer.center_ = np.nan_to_num(normalizer.center_)
    return normalizer


def apply(normalizer, y):
    """Targets in the units of the network."""
    mean, scale = _mean_and_scale(normalizer)
    return (y - mean) / scale


def change(before, after):
    """What takes outputs in the units before to those after: z ↦ ratio · z + shift.

    None for a `before` or `after` is the user's own units. A column that was constant had no unit,
    and the ratio is 0. One that still is has none yet, and nothing changes.
    Returns None where nothing changes but the last digits.
    """
    old_mean, old_scale = _predicted_with(before)
    new_mean, new_scale = _predicted_with(after)
    still = new_scale == 0
    new_scale = np.where(still, 1.0, new_scale)
    ratio = np.where(still, 1.0, old_scale / new_scale)
    shift = np.where(still, 0.0, (old_mean - new_mean) / new_scale)
    same = (np.abs(ratio - 1) < SAME) & (np.abs(shift) < SAME)
    return None if same.all() else (ratio, shift)


class Units:
    """From the units of the network to those of the user: a function of predictions.

    They stay in their dtype, unless the units are beyond it. A constant target is predicted as it
    is.
    """

    def __init__(self, normalizer):
        mean, scale = _mean_and_scale(normalizer)
        near = (scale > 1 / FAR) & (scale < FAR) & (np.abs(mean) < OFFSET * scale)
        self._near = bool(near.all())
        self._mean, self._scale = _predicted_with(normalizer)

    def __call__(self, y):
        dtype = y.dtype if self._near else np.dtype(np.float64)
        in_units = y.astype(np.float64)
        in_units *= self._scale
        in_units += self._mean
        bound = LARGEST[dtype]
        np.minimum(in_units, bound, out=in_units)
        return np.maximum(in_units, -bound, out=in_units).astype(dtype, copy=False)


def _mean_and_scale(normalizer):
    scale = normalizer.scale_
    return (normalizer.center_ if normalizer.with_mean else np.zeros_like(scale)), scale


def _predicted_with(normalizer):
    """Mean and scale of predictions: a column with a scale but no variance is constant."""
    if normalizer is None:
        return 0.0, 1.0
    mean, scale = _mean_and_scale(normalizer)
    is_constant = normalizer.with_mean & ~_varies(normalizer)
    return mean, np.where(is_constant, 0.0, scale)


def _varies(normalizer):
    """Which columns have a scale; that of the others, whose variance is 0 or NaN, is 1."""
    return np.sqrt(normalizer.var_) >= 0.1 * normalizer.scale_
