"""What a fit says of its targets and of a validation set: do they have the scale that they need?

The limits for a validation set on another scale than X were chosen on 17 data sets, raw or scaled,
with 1 to 100 rows of them: 3 false alarms in 14,280 random splits. On 16 others there was 1 in
12,600, and none for sets that came last or had the largest targets. Of sets that had skipped a
`StandardScaler` it found two thirds, of those that had skipped a `RobustScaler` three quarters;
most others were about scaled from the start.
"""

import numpy as np
from scipy.sparse import issparse

from sknn_opt.training.outliers import is_apart
from sknn_opt.training.rows import ranges
from sknn_opt.training.symptoms import (
    CLASS_NOT_VALIDATED,
    FAR_TARGETS,
    FLAT_TARGETS,
    FOREIGN_TARGETS,
    MANY,
    ONE_HOT,
    OTHER_SHARE,
    SAMPLE,
    SMALL_VALIDATION_PART,
    UNSCALED_TARGETS,
    VALIDATION_SCALE,
)

FEW_TARGETS = 10
NAMED = 5  # classes; of more, the number is enough
BEYOND = 0.25  # of the range of a feature in X, that the median in X_val lies outside of it
TIMES = 5  # as wide, or as narrow, between the quartiles
ENOUGH = 20  # rows of X_val that have quartiles


def on_targets(y, normalizer, is_new):
    """Sentences on targets that, as the network gets them, are of a scale it is not made for.

    `is_new` says that the normalizer, if there is one, was fitted to these very targets. Of others,
    a few may be close to each other by chance.
    """
    if y.shape[1] > 1 and np.isnan(y).any():
        y = y[~np.isnan(y)]
    if not y.size or (not is_new and len(y) < FEW_TARGETS):
        return []
    too_flat, found = judge_targets(y, is_new)
    if not found:
        return []
    if normalizer is None:
        return [UNSCALED_TARGETS.say(found=found)]
    if not is_new:
        return [FOREIGN_TARGETS.say(found=found)]
    return [FLAT_TARGETS.say(found=found)] if too_flat else []


def judge_targets(y, is_new=True):
    """Whether targets vary too little, and what is wrong with their scale in words, or ""."""
    low, high = float(y.min()), float(y.max())
    largest = max(abs(low), abs(high))
    spread = float(np.std(y / largest)) * largest if low < high else 0.0
    # In a stream, one target may be absurd.
    size = largest if is_new else float(np.median(np.abs(y)))
    too_large = size > UNSCALED_TARGETS.limit
    too_flat = spread < 1 / UNSCALED_TARGETS.limit and low < high
    if not (too_large or too_flat):
        return False, ""
    return too_flat, f"from {low:.3g} to {high:.3g}, with a standard deviation of {spread:.3g}"


def on_labels(y):
    """Sentences on labels of which each row has exactly one."""
    n_rows, n = y.shape
    return [ONE_HOT.say(n=n)] if n_rows > n and (y.sum(axis=1) == 1).all() else []


def on_far_targets(y):
    """Sentences on targets so far from all others that squared errors see nothing else.

    They are in the units of the user.
    """
    some = _some(y)
    if len(some) < MANY:
        return []
    with np.errstate(invalid="ignore"):
        quantiles = np.quantile(some, (0.25, 0.5, 0.75), axis=0).T
    for column, quartiles in zip(y.T, quantiles, strict=True):
        if is_apart(column, *quartiles):
            farthest = column[np.abs(column - quartiles[1]).argmax()]
            found = {"farthest": farthest, "low": quartiles[0], "high": quartiles[2]}
            return [FAR_TARGETS.say(**found)]
    return []


def on_validation_set(X, X_val, names=None):
    """Sentences on a validation set on another scale than X: did it skip the steps before?"""
    if issparse(X) or issparse(X_val) or len(X) < MANY:
        return []
    (low, high), places = ranges(X), np.median(_some(X_val), axis=0)
    varied, width = low < high, _inner_width(X)
    off = varied & (np.maximum(low - places, places - high) > BEYOND * (high - low))
    if len(X_val) >= ENOUGH:
        width_val = _inner_width(X_val)
        unlike = (width_val > TIMES * width) | (width > TIMES * width_val)
        off |= unlike & (width > 0) & (width_val > 0)
    # The many columns of a one-hot encoding say nothing of a scale.
    n_telling = np.count_nonzero((width > 0) | off)
    if off.sum() < max(min(2, len(off)), VALIDATION_SCALE.limit * n_telling):
        return []
    worst = off.argmax()
    name = f"feature {worst}" if names is None else f"feature {names[worst]!r}"
    found = {"name": name, "low": low[worst], "high": high[worst], "place": places[worst]}
    return [VALIDATION_SCALE.say(n=off.sum(), n_features=len(off), **found)]


def _inner_width(X):
    """From the first quartile to the last of each feature; of flags 0 or 1, and nothing between."""
    first, last = np.quantile(_some(X), (0.25, 0.75), axis=0, method="nearest")
    return last - first


def _some(X):
    """At most SAMPLE numbers of a table, whole rows."""
    return X[:: max(1, X.size // SAMPLE)]


def on_validation_part(n_rows, missing, why, share, fraction):
    """Sentences on a validation part that says little, or has another share than asked for."""
    found = []
    if missing:
        more = [f"{len(missing) - NAMED} more"] if len(missing) > NAMED else []
        names = ", ".join([*map(repr, missing[:NAMED]), *more])
        found.append(CLASS_NOT_VALIDATED.say(missing=names, why=why))
    if n_rows < SMALL_VALIDATION_PART.limit:
        return [*found, SMALL_VALIDATION_PART.say(n_rows=n_rows)]
    if fraction and not fraction / OTHER_SHARE.limit <= share <= fraction * OTHER_SHARE.limit:
        found.append(OTHER_SHARE.say(share=share, fraction=fraction))
    return found
