"""Which block takes which column, by what the column holds."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sknn_opt.estimators.spelling import closest
from sknn_opt.tables import dates
from sknn_opt.tables.blocks import Bins, Cycles, Integers, Numbers, in_chunks
from sknn_opt.tables.categories import Codebook, OneHot, Targets, targets_of
from sknn_opt.tables.columns import DATES, EMPTY, NUMBERS, TEXT
from sknn_opt.tables.table import listed

SINGLE = 0.9  # categories with more values than this share of the rows say nothing of other rows


@dataclass
class Plan:
    """The blocks that columns go to, fitted one after the other.

    `why` says of some columns why they are left out; `targets` are what a block was fitted to.
    """

    cells: Any
    kinds: list
    names: list
    weights: Any
    blocks: list = field(default_factory=list)
    codebook: Any = None
    targets: Any = None
    why: dict = field(default_factory=dict)

    def add(self, block):
        """Keep a fitted block that has something to write."""
        if block.outputs:
            self.blocks.append(block)

    def fit(self, chosen, y, estimator):
        """Fit everything; `chosen` are columns that are to be categories, whatever they hold."""
        columns = range(len(self.kinds))
        here = [j for j in columns if self.kinds[j] != EMPTY]
        words = {j for j in here if self.kinds[j] == TEXT or self.cells.column(j).is_category}
        categories = sorted(words | (chosen & set(here)))
        others = [j for j in here if j not in categories]
        times = [j for j in others if self.kinds[j] == DATES]
        few, many = self._number(categories, estimator.max_categories)
        sources = [(j, "value") for j in others if j not in times]
        sources += [(j, part) for j in times for part in dates.PARTS]
        sources += [(j, "second") for j in categories if len(self.codebook.values[j]) in (1, 2)]
        self._fit_numbers(sources, estimator)
        self.add(Cycles(times).fit(self.cells))
        self._fit_categories(few, estimator.max_categories, estimator.dtype)
        self._fit_many(many, y, estimator)
        return self

    def _number(self, categories, max_categories):
        """Number the values of categories; return those of a few values, and of many."""
        if categories:
            self.codebook = Codebook(categories).fit(self.cells, self.weights)
        few, many = [], []
        for j in categories:
            n_values = len(self.codebook.values[j])
            if n_values > 2:
                (few if n_values <= max_categories else many).append(j)
        return few, self._without_singles(many)

    def _without_singles(self, many):
        """Categories without those that hold another value in nearly every row."""
        single = []
        for j in many:
            known = np.count_nonzero(self.cells.codes([j]) >= 0)
            if len(self.codebook.values[j]) > SINGLE * known:
                single.append(j)
                self.why[j] = "all different"
        if single:
            said = listed([self.names[j] for j in single])
            warnings.warn(
                f"Columns of X hold another text in nearly every row, and are left out: {said}. "
                "Make features of them, or drop them.",
                UserWarning,
                stacklevel=6,
            )
        return [j for j in many if j not in single]

    def _fit_numbers(self, sources, estimator):
        n_rows, few = self.cells.n_rows, {}
        for chunk in in_chunks(sources, n_rows):
            numbers = Numbers(chunk).fit(self.cells, self.weights, self.names)
            self.add(numbers)
            few |= numbers.few_integers(self.cells) if NUMBERS in self.kinds else {}
            if estimator.bins:
                values = [j for j, part in numbers.sources if part == "value"]
                self.add(Bins(values, estimator.bins).fit(self.cells, self.weights))
        for chunk in in_chunks(list(few), n_rows, 9):
            integers = Integers({j: few[j] for j in chunk})
            self.add(integers.fit(self.cells, estimator.dtype))

    def _fit_categories(self, columns, max_values, dtype):
        for chunk in in_chunks(columns, self.cells.n_rows, max_values):
            one_hot = OneHot(chunk, self.codebook)
            self.add(one_hot.fit(self.cells, max_values + 1, dtype))

    def _fit_many(self, many, y, estimator):
        """By what the values say of y; else the most frequent of them."""
        if not many:
            return
        limit = estimator.max_categories
        if y is not None:
            targets, labels = targets_of(y, limit)
            if 0 < len(labels) <= limit:
                seed = check_random_state(estimator.random_state).randint(2**31 - 1)
                block = Targets(many)
                self.add(block.fit(self.cells, targets, labels, self.weights, seed))
                self.targets = targets
                return
        self._fit_categories(many, limit, estimator.dtype)


def chosen_columns(categorical_features, table):
    """The numbers of the columns that the parameter makes categories.

    Raises
    ------
    ValueError
        If it names a column that there is not.
    """
    if isinstance(categorical_features, str):
        return set()
    asked = np.atleast_1d(np.asarray(categorical_features))
    n = table.shape[1]
    if asked.dtype.kind == "b" and len(asked) == n:
        return set(np.flatnonzero(asked).tolist())
    if asked.dtype.kind in "iu" and ((asked >= -n) & (asked < n)).all():
        return set((asked % n).tolist())
    if not len(asked):
        return set()
    if asked.dtype.kind in "UO" and table.named is not None:
        place = {name: j for j, name in enumerate(table.names)}
        unknown = [name for name in asked.tolist() if name not in place]
        if not unknown:
            return {place[name] for name in asked.tolist()}
        meant = closest("", str(unknown[0]), set(place))
        hint = f" Did you mean {meant!r}?" if meant else ""
        raise ValueError(f"categorical_features has {listed(unknown)}, which X has not.{hint}")
    has = "names" if table.named is not None else "no names"
    raise ValueError(
        f"categorical_features must be 'from_dtype', a mask of the {n} columns of X, their numbers "
        f"from 0 to {n - 1}, or names of them (X has {has}); got {categorical_features!r}."
    )
