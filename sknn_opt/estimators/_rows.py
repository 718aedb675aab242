"""From validated rows to those that train and those that validate."""

from dataclasses import replace

import numpy as np

from sknn_opt.arrays.hashing import (
    hash_rows,
    held_out_in_stream,
    merge_equal_rows,
    validation_part,
)
from sknn_opt.estimators import _target_scale
from sknn_opt.estimators._class_weight import class_totals, row_factors
from sknn_opt.optim import OPTIMIZERS
from sknn_opt.training.batches import Data

AUTO_BATCH_SIZE = 200


def batch_size(estimator, n_rows):
    """Rows in a batch of a set of `n_rows`."""
    size = estimator.batch_size
    return min(AUTO_BATCH_SIZE if size == "auto" else int(size), n_rows)


def merge_if_one_batch(estimator, data, key):
    """Equal rows once, in an order of their own, where no batch is drawn anyway."""
    if batch_size(estimator, data.n_rows) < data.n_rows:
        return data.without_zero_weights() if estimator.solver in OPTIMIZERS else data
    return Data(*merge_equal_rows(data.X, data.y, data.weight, key))


def split(estimator, data, key):
    """Training part, validation part, and the codes of classes that the latter lacks."""
    strata, minimum = estimator._strata(data.of_rows(data.y))
    hashes = data.of_rows(hash_rows(key, data.X))
    weight = data.of_rows(data.weight)
    mask = validation_part(hashes, strata, weight, estimator.validation_fraction, minimum)
    if mask.sum() < minimum:
        raise ValueError(
            "early_stopping=True leaves too few rows to validate on: found n_samples = "
            f"{data.n_rows} different rows, validation_fraction={estimator.validation_fraction}. "
            "Give more rows, raise validation_fraction, or set early_stopping=False."
        )
    return data.take(~mask), data.take(mask), np.setdiff1d(strata, strata[mask])


def split_stream(estimator, data, key):
    """Training part and validation part (None if it is too small) of one call of partial_fit."""
    hashes = data.of_rows(hash_rows(key, data.X))
    mask = held_out_in_stream(hashes, estimator.validation_fraction)
    _, enough = estimator._strata(data.y)
    return data.take(~mask), data.take(mask) if mask.sum() >= enough else None


def learn_target_scale(estimator, loss, data):
    """A normalizer of the targets, fitted to these rows; None if there is nothing to normalize."""
    if not getattr(estimator, "normalize_target", False):
        return None
    return _target_scale.learn(loss, data.of_rows(data.y), data.of_rows(data.weight))


def totals_of_classes(estimator, data, before=None):
    """What ``class_weight="balanced"`` goes by: each class's weight, all calls together."""
    if not isinstance(getattr(estimator, "class_weight", None), str):
        return None
    y, weight = data.of_rows(data.y), data.of_rows(data.weight)
    totals = class_totals(y, len(estimator.classes_), weight)
    return totals if before is None else totals + before


def as_trained_on(estimator, data, normalizer, totals):
    """Targets in the network's units, weights times those of the classes."""
    if normalizer is not None:
        data = replace(data, y=_target_scale.apply(normalizer, data.y))
    class_weight = getattr(estimator, "class_weight", None)
    if class_weight is None:
        return data
    factors = row_factors(class_weight, data.y, estimator.classes_, totals)
    return replace(data, weight=factors if data.weight is None else factors * data.weight)


def check_class_weight_leaves_rows(**parts):
    """Raise ValueError if class_weight gives all rows of a part weight zero."""
    for name, data in parts.items():
        if data is not None and data.weight is not None and not data.of_rows(data.weight).any():
            raise ValueError(
                f"class_weight leaves no row of the {name} set with a weight above zero; give at "
                "least one class in it a positive weight."
            )
