"""The tables by name, in two halves: on one the recipe was chosen, on the other it is confirmed."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from tables import mixed_tables, number_tables

MOST_TESTED = 5000  # rows
FEWEST_OF_A_CLASS = 10  # rows
FEW = 1500  # rows
KINDS = ("numbers", "mixed")
HALVES = ("development", "confirmation")
# Tables that were used before there were halves.
CHOSEN_ON = {
    "breast_cancer",
    "deaths",
    "developer salaries",
    "diabetes",
    "happiness",
    "house prices",
    "led7digit",
    "mammographic",
    "marketing",
    "movement_libras",
    "movie ratings",
    "phoneme",
    "pima",
    "ring",
    "saheart",
    "segment",
    "sonar",
    "spam",
    "texture",
    "votes in Chile",
    "weights of teenagers",
}


@dataclass(frozen=True)
class Table:
    """A table by name.

    Attributes
    ----------
    name : str
    kind : {"numbers", "mixed"}
    has_classes : bool
    load : callable
        Returns a frame and the targets.
    """

    name: str
    kind: str
    has_classes: bool
    load: Callable

    @property
    def half(self):
        """By what the table was used for, else by a hash of its name."""
        is_even = md5(self.name.encode()).digest()[0] % 2 == 0
        return HALVES[not (self.name in CHOSEN_ON or is_even)]

    def rows(self):
        """Frame and targets: amounts, or codes of the classes that have enough rows."""
        X, y = self.load()
        if not self.has_classes:
            return X, np.asarray(y, float)
        codes, labels = pd.factorize(np.asarray(y, str), sort=True)
        kept = np.bincount(codes, minlength=len(labels))[codes] >= FEWEST_OF_A_CLASS
        return X[kept].reset_index(drop=True), pd.factorize(codes[kept], sort=True)[0]


def all_tables():
    """The tables of both kinds."""
    found = []
    for kind, module in zip(KINDS, (number_tables, mixed_tables), strict=True):
        for has_classes, tables in ((False, module.AMOUNTS), (True, module.CLASSES)):
            for name, source in tables.items():
                load = source.load if hasattr(source, "load") else source
                found.append(Table(name, kind, has_classes, load))
    return found


def n_splits(n_rows, most):
    """More of small tables, where the figures of one split say less."""
    return most if n_rows < FEW else min(2, most)


def split(X, y, seed, most_rows, has_classes):
    """X_train, X_test, y_train, y_test; a quarter of the rows is tested, and 5,000 at most."""
    strata = y if has_classes else None
    n_test = min(MOST_TESTED, len(y) // 4)
    n_train = min(most_rows, len(y) - n_test)
    return train_test_split(
        X, y, train_size=n_train, test_size=n_test, random_state=seed, stratify=strata
    )
