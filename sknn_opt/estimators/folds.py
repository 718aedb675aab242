"""Which rows each of several members holds out, so that together they lose none.

A share f = ``validation_fraction`` of the rows, but 1 / n_members at most, is held out by each
member, and by no other: of each class its share, or of whole groups, as one network would do it.
Of a splitter each member takes a split, the last member the last one. The last rows in the order of
time are the same for all, since no member may be validated on what came before its training rows.
"""

from functools import partial
from numbers import Real

import numpy as np

from sknn_opt.arrays.hashing import hash_rows
from sknn_opt.estimators import validation
from sknn_opt.training import data_symptoms
from sknn_opt.training.holdout import groups_held_out


def divide_among(estimator, rows, groups, key, advice):
    """The rows twice, to train on and to validate on: their `parts` say which member does what.

    Parameters
    ----------
    rows : Rows
        As the user gave them.
    groups : ndarray of shape (n,) or None
    key : list of int
        Of the hashes.
    """
    k, how = estimator.n_members, estimator.validation_fraction
    fraction = min(how, 1 / k) if isinstance(how, Real) else None
    if fraction is None:
        rows.parts = _by_splits(estimator, rows, groups, k)
    elif groups is None:
        rows = estimator._weighted_set(rows.that_count(), key)
        by_hash, last = (
            partial(_by_hash, estimator, key),
            partial(_known_elsewhere, estimator, rows),
        )
        rows.parts = _by_turns(rows, fraction, k, by_hash, last)
    else:
        codes = hash_rows(key, np.unique(groups, return_inverse=True)[1])
        by_group = partial(_by_group, codes, rows)
        rows.parts = _by_turns(rows, fraction, k, by_group, partial(_last_groups, by_group))
    _check(estimator, rows, groups)
    advice += _advice(estimator, rows, fraction)
    return (rows if estimator.solver == "lbfgs" else rows.that_count()), rows


def _by_turns(rows, fraction, k, hold_out, last):
    """Each member holds out a part of what no member before has held out.

    Where this is all that is left, it is what `last` makes of it.
    """
    left, held, all_rows = rows, np.zeros((k, rows.X.shape[0])), np.arange(rows.X.shape[0])
    for member in range(k):
        turns = 1 / fraction - member if fraction else np.inf
        left, part = hold_out(left, 1 / turns) if turns > 1 + 1e-9 else (left, last(left))
        chosen = part.of(all_rows)
        held[member, chosen] = 1.0
        if part.weight is not None and part.weight is not rows.weight:
            held[member, chosen] = part.weight[chosen] / rows.weight[chosen]
    present = np.zeros(held.shape[1])
    present[rows.of(all_rows)] = 1.0
    parts = present - held, held
    whole = rows.given is None  # no row is divided: an eighth of the memory
    return tuple(part.astype(bool) for part in parts) if whole else parts


def _by_hash(estimator, key, left, fraction):
    """Of each class its share."""
    strata, minimum = estimator._strata(left.of(left.y))
    return left.split(key, strata, fraction, minimum)


def _known_elsewhere(estimator, rows, left):
    """What is left, but for classes of which all rows are left: nothing else would teach them."""
    strata = estimator._strata(rows.y)[0]
    numbers, n = np.arange(len(strata)), len(strata)
    weights = (np.bincount(part.of(numbers), part.of(part.weight), n) for part in (left, rows))
    others = np.less(*weights)  # rows of which a part, or all, is elsewhere
    return left.take(np.isin(left.of(strata), strata[others]))


def _by_group(hashes, rows, left, fraction):
    """Whole groups, whose hashes these are; the first ones again where none is left."""
    left = left if left.n_rows else rows
    held = groups_held_out(left.of(hashes), left.of(left.weight), fraction)
    if left.n_rows < rows.n_rows and not held.any():  # the last group
        held = ~held
    return left.take(~held), left.take(held)


def _last_groups(by_group, left):
    """All groups that are left, or the first one again."""
    return left if left.n_rows else by_group(left, 0.0)[1]


def _by_splits(estimator, rows, groups, k):
    """The last k sides of a splitter, one after the other where there are fewer."""
    parts = np.zeros((2, k, rows.n_rows), bool)
    found = validation.sides_of(estimator, rows, groups, k)
    for member in range(k):
        for part, side in zip(parts, found[member % len(found)], strict=True):
            part[member, side] = True
    return tuple(parts)


def _check(estimator, rows, groups):
    """Raise ValueError if a member has no rows to train on, or too few to validate on."""
    least = estimator._strata(rows.y[:0])[1]
    for part, needed in zip(rows.parts, (1, least), strict=True):
        weight = part if rows.weight is None else part * rows.weight
        weight = rows.of(weight.T)  # a repeated row may stand here once
        if np.maximum((weight > 0).sum(axis=0), weight.sum(axis=0)).min() < needed:
            n_groups = 0 if groups is None else len(np.unique(groups))
            of_groups = f" of {n_groups} group{'s' * (n_groups > 1)}" if n_groups else ""
            raise ValueError(
                f"The validation set is too small for early_stopping=True with n_members="
                f"{len(part)}, each of which holds out {least} or more rows of its own: found "
                f"n_samples = {rows.n_rows} different rows{of_groups}, validation_fraction="
                f"{estimator.validation_fraction!r}. Give more rows, or set fewer members or "
                "early_stopping=False."
            )


def _advice(estimator, rows, fraction):
    """What is to be said of parts that are small, or lack a class that other rows have."""
    strata, held = estimator._strata(rows.of(rows.y))[0], rows.of(rows.parts[1].T)
    missing = np.setdiff1d(strata, strata[held.any(axis=1)])
    labels = estimator._decode(missing).tolist() if missing.size else []
    return data_symptoms.on_validation_part(
        int((held > 0).sum(axis=0).min()), labels, validation.SMALL_CLASS, held.mean(), fraction
    )
