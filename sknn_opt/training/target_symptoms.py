"""What a fit says of its targets: their scale, and values far from all others."""

import numpy as np

from sknn_opt.training.symptoms import (
    FAR_TARGETS,
    FLAT_TARGETS,
    FOREIGN_TARGETS,
    MANY,
    SAMPLE,
    UNSCALED_TARGETS,
    is_apart,
)


def on_targets(y, normalizer, is_new):
    """Sentences on targets that, as the network gets them, are of a scale it is not made for.

    `is_new` says that the normalizer, if there is one, was fitted to these very targets.
    """
    too_flat, found = judge_targets(y)
    if not found:
        return []
    if normalizer is None:
        return [UNSCALED_TARGETS.say(found=found)]
    if not is_new:
        return [FOREIGN_TARGETS.say(found=found)]
    return [FLAT_TARGETS.say(found=found)] if too_flat else []


def judge_targets(y):
    """Whether targets vary too little, and what is wrong with their scale in words, or ""."""
    low, high = float(y.min()), float(y.max())
    largest = max(abs(low), abs(high))
    spread = float(np.std(y / largest)) * largest if low < high else 0.0
    too_large = largest > UNSCALED_TARGETS.limit
    too_flat = spread < 1 / UNSCALED_TARGETS.limit and low < high
    if not (too_large or too_flat):
        return False, ""
    return too_flat, f"from {low:.3g} to {high:.3g}, with a standard deviation of {spread:.3g}"


def on_far_targets(y):
    """Sentences on targets so far from all others that squared errors see nothing else.

    They are in the units of the user.
    """
    some = y[:: max(1, y.size // SAMPLE)]
    if len(some) < MANY:
        return []
    for column, quartiles in zip(y.T, np.quantile(some, (0.25, 0.5, 0.75), axis=0).T, strict=True):
        if is_apart(column, *quartiles):
            farthest = column[np.abs(column - quartiles[1]).argmax()]
            found = {"farthest": farthest, "low": quartiles[0], "high": quartiles[2]}
            return [FAR_TARGETS.say(**found)]
    return []
