"""Which rows validate: a share by hash, whole groups, the last ones, or what a splitter says.

The rows of a set that fits into one batch are merged: before a share by hash is taken, so that a
weight counts like repetition; after the other ways, which look at the rows as they were given.
"""

from collections import deque
from numbers import Real

import numpy as np
from sklearn.utils.validation import column_or_1d

from sknn_opt.arrays.hashing import hash_rows
from sknn_opt.training import data_symptoms
from sknn_opt.training.holdout import groups_held_out
from sknn_opt.training.sightings import Sightings

LAST = 0.1  # the share that is "last"
SMALL_CLASS = "since they are too small to be divided"
OTHER_CLASS = "since none of their rows is in the validation part"


def divide(estimator, rows, groups, key, advice):
    """The rows to train on, and those to validate on.

    Parameters
    ----------
    rows : Rows
        As the user gave them.
    groups : ndarray of shape (n,) or None
    key : list of int
        Of the hashes.
    """
    how, counted = estimator.validation_fraction, rows.weight is None
    by_hash = isinstance(how, Real) and groups is None
    parts = _by_hash(estimator, rows, key) if by_hash else _as_given(estimator, rows, groups, key)
    training, held_out = parts
    strata = [estimator._strata(part.of(part.y))[0] for part in parts]
    missing = np.setdiff1d(*strata)
    labels = estimator._decode(missing).tolist() if missing.size else []
    sizes = [part.total_weight() if counted else part.n_rows for part in parts]
    advice += data_symptoms.on_validation_part(
        held_out.n_rows,
        labels,
        SMALL_CLASS if by_hash else OTHER_CLASS,
        sizes[1] / sum(sizes),
        how if isinstance(how, Real) else None,
    )
    return training, held_out


def divide_stream(estimator, rows, state):
    """The same for a part of a stream, which becomes known to the state."""
    fraction = estimator.validation_fraction
    if not isinstance(fraction, Real):
        raise ValueError(
            "partial_fit needs a number as validation_fraction, since nobody knows the last row of "
            f"a stream, or can split it as a whole; got {fraction!r}."
        )
    state.sightings = state.sightings or Sightings.nothing()
    return rows.split_stream(state.key, fraction, state.sightings)


def _by_hash(estimator, rows, key):
    """Of each class its share."""
    fraction, rows = estimator.validation_fraction, estimator._weighted_set(rows.that_count(), key)
    strata, minimum = estimator._strata(rows.of(rows.y))
    training, held_out = rows.split(key, strata, fraction, minimum)
    if max(held_out.n_rows, held_out.total_weight()) < minimum:
        raise ValueError(
            "The validation set is too small for early_stopping=True: found n_samples = "
            f"{rows.n_rows} different rows, validation_fraction={fraction}. "
            "Give more rows, raise validation_fraction, or set early_stopping=False."
        )
    return training, held_out


def _as_given(estimator, rows, groups, key):
    """Whole groups, the last rows, or the last split of a splitter."""
    how, n, name = estimator.validation_fraction, rows.n_rows, _name(estimator)
    if isinstance(how, Real):
        codes = np.unique(groups, return_inverse=True)[1]
        held = groups_held_out(hash_rows(key, codes), rows.weight, how)
        sides = np.flatnonzero(~held), np.flatnonzero(held)
        name += f" of the {codes.max() + 1} groups"
    else:
        (sides,) = sides_of(estimator, rows, groups)
    parts = [rows.at(side).that_count() for side in sides]
    for part, use in zip(parts, ("train", "validate"), strict=True):
        if not part.n_rows:
            raise ValueError(
                f"{name} leaves no rows of a weight above zero to {use} on, of {n}; give more "
                "rows or groups, or divide them in another way."
            )
    training, held_out = parts
    return estimator._weighted_set(training, key), held_out


def _name(estimator):
    return f"validation_fraction={estimator.validation_fraction!r}"


def sides_of(estimator, rows, groups, n_splits=1):
    """(rows to train on, rows to validate on): the last rows, or the last splits of a splitter."""
    how, n = estimator.validation_fraction, rows.n_rows
    if isinstance(how, str):
        return [np.split(np.arange(n), [n - max(1, round(LAST * n))])]
    labels, name = estimator._decode(rows.y), _name(estimator)
    try:
        splits = deque(how.split(rows.X, labels, groups), maxlen=n_splits)
        found = [[np.arange(n)[side] for side in sides] for sides in splits] or [[[], []]]
    except (ValueError, TypeError, IndexError) as error:
        without = groups is None and "group" in str(error)
        remedy = " Give fit the groups: fit(X, y, groups=...)." if without else ""
        raise ValueError(f"{name} cannot split these rows: {error}{remedy}") from error
    for sides in found:
        both = np.intersect1d(*sides)
        if both.size:
            raise ValueError(
                f"{name} puts {both.size} rows on both sides, row {both[0]} among them; what "
                "validates must not be trained on."
            )
    return found


def checked_groups(estimator, groups, rows, validation):
    """``groups`` of fit as an array, one for each row.

    Raises
    ------
    ValueError
        If they do not fit the rows, or nothing asks for them.
    """
    useless = None
    if not estimator.early_stopping:
        useless = "early_stopping=False holds out no rows"
    elif validation is not None:
        useless = "X_val and y_val are the validation set"
    elif isinstance(estimator.validation_fraction, str):
        useless = f"validation_fraction={estimator.validation_fraction!r} takes the last rows"
    if useless:
        raise ValueError(
            f"groups say which rows are held out together, but {useless}; leave groups out, or "
            "set early_stopping=True and a number or a splitter as validation_fraction."
        )
    groups = column_or_1d(groups)
    if len(groups) != rows.n_rows:
        raise ValueError(
            f"groups must have one entry for each of the {rows.n_rows} rows of X; it has "
            f"{len(groups)}."
        )
    try:
        np.unique(groups)
    except TypeError as error:
        raise ValueError(
            f"groups must be of one type, all strings or all numbers, without None: {error}."
        ) from error
    return groups
