"""``class_weight``: a factor for the weight of each row, by its class."""

from difflib import get_close_matches
from numbers import Real

import numpy as np


def row_factors(class_weight, y, classes, totals):
    """The factor of each row.

    Parameters
    ----------
    class_weight : dict, list of dict or 'balanced'
        As the estimator takes it.
    y : ndarray of int of shape (n,) or (n, n_columns)
        Class codes of one output; with several columns, 0 and 1 of several labels.
    classes : ndarray
        The class of each code. Labels have the classes 0 and 1.
    totals : ndarray of shape (n_columns, n_classes)
        The weight that each class has in the training set; see `class_totals`.

    Returns
    -------
    ndarray of shape (n,)
        With several labels the product of the factors of all, as scikit-learn has it.
    """
    columns = _columns(y)
    if len(columns) > 1:
        classes = np.arange(2)
    if isinstance(class_weight, str):
        factors = [_balanced(total) for total in totals]
    else:
        each = class_weight if isinstance(class_weight, list | tuple) else [class_weight]
        if len(each) != len(columns):
            allowed = (
                f"a list of {len(columns)} dicts, one for each label"
                if len(columns) > 1
                else "one dict {class: weight}"
            )
            raise ValueError(
                f"class_weight must be {allowed}, 'balanced' or None for these targets; "
                f"got {class_weight!r}."
            )
        factors = [_from_dict(weights, classes) for weights in each]
    # The last factor is that of a label that is missing.
    found = [np.append(f, 1.0)[codes] for f, codes in zip(factors, columns, strict=True)]
    return np.prod(found, axis=0)


def _columns(y):
    """The codes of each column; -1 where the label is missing."""
    columns = y.reshape(len(y), -1).T
    return np.where(np.isnan(columns), -1, columns).astype(int)


def class_totals(y, n_classes, weight):
    """Σw of each class in each column of codes, of shape (n_columns, n_classes)."""
    columns = _columns(y) + 1  # the first count is that of missing labels
    n = 1 + (max(n_classes, 2) if len(columns) == 1 else 2)
    counts = [np.bincount(codes, weights=weight, minlength=n)[1:] for codes in columns]
    return np.array(counts, float)


def _balanced(total):
    """Σw / (K Σw of the class), K being the number of classes that occur."""
    occurs = total > 0
    factors = np.ones(len(total))
    factors[occurs] = total.sum() / (occurs.sum() * total[occurs])
    return factors


def _from_dict(weights, classes):
    if not isinstance(weights, dict):
        raise ValueError(
            f"class_weight must be a dict {{class: weight}}, a list of such dicts, 'balanced' or "
            f"None; got {weights!r} in place of a dict."
        )
    known = classes.tolist()
    unknown = [label for label in weights if label not in known]
    if unknown and any(label not in weights for label in known):  # else y lacks classes
        raise ValueError(
            f"class_weight has weights for {unknown}, which are not among the classes {known}; "
            f"use the labels as they are in y{_meant(unknown, known, weights)}."
        )
    for label, weight in weights.items():
        if not (isinstance(weight, Real) and 0 <= weight < np.inf):
            raise ValueError(
                f"class_weight[{label!r}] is {weight!r}; it must be a finite number >= 0."
            )
    return np.array([float(weights.get(label, 1.0)) for label in known])


def _meant(unknown, known, weights):
    """Which label without a weight an unknown one may be a misspelling of, in words."""
    unnamed = {str(label): label for label in known if label not in weights}
    for label in unknown:
        for close in get_close_matches(str(label), unnamed, n=1):
            return f" (did you mean {unnamed[close]!r} in place of {label!r}?)"
    return ""
