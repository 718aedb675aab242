"""Which block takes which column, by what the column holds."""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sknn_opt.estimators.spelling import closest
from sknn_opt.tables import dates
from sknn_opt.tables.blocks import Bins, Cycles, Integers, Numbers, in_chunks
from sknn_opt.tables.caller import warn_caller
from sknn_opt.tables.categories import Codebook, OneHot, Targets, are_mostly_rare, targets_of
from sknn_opt.tables.columns import DATES, EMPTY, NUMBERS, TEXT
from sknn_opt.tables.table import listed

SINGLE = 0.9  # categories with more values than this share of the rows say nothing of other rows


@dataclass
class Plan:
    """The blocks that columns go to, fitted one after the other.

    `classes` is whether y holds classes, None if that is not known. `why` says of some columns why
    they are left out; `targets` are what a block was fitted to, and `seed` that of its folds.
    """

    cells: Any
    kinds: list
    names: list
    weights: Any
    classes: bool | None = None
    blocks: list = field(default_factory=list)
    codebook: Any = None
    targets: Any = None
    seed: int = 0
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
        kept = [j for j in categories if j not in self.why]
        sources += [(j, "second") for j in kept if len(self.codebook.values[j]) in (1, 2)]
        sources += [(j, "known") for j in self.why]
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
        several = [j for j in categories if len(self.codebook.values[j]) > 2]
        for j in self._without_singles(several):
            too_many = len(self.codebook.values[j]) > max_categories
            (many if too_many or are_mostly_rare(self.cells.codes([j])[:, 0]) else few).append(j)
        if self.why:  # those left out need not be remembered, text by text
            kept = [j for j in categories if j not in self.why]
            self.codebook = Codebook(kept).fit(self.cells, self.weights) if kept else None
        return few, many

    def _without_singles(self, categories):
        """Categories without those that hold another value in nearly every row."""
        single = []
        for j in categories:
            known = np.count_nonzero(self.cells.codes([j]) >= 0)
            if len(self.codebook.values[j]) > SINGLE * known:
                single.append(j)
                self.why[j] = "all different"
        if single:
            said = listed([self.names[j] for j in single])
            warn_caller(
                "Columns of X hold another text in nearly every row, and are left out but for "
                f"where they are missing: {said}. Make features of them (dates by "
                "pandas.to_datetime), or drop them.",
                UserWarning,
            )
        return [j for j in categories if j not in single]

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
            one_hot = OneHot(chunk, self.codebook).fit(self.cells, max_values + 1, dtype)
            self.add(one_hot)
            self.why |= {j: "all rare" for j in chunk if j not in one_hot.columns}

    def _fit_many(self, many, y, estimator):
        """By what the values say of y; else the most frequent of them."""
        if not many:
            return
        limit = estimator.max_categories
        if y is not None:
            targets, labels = targets_of(y, limit, self.classes)
            if len(labels) <= limit:
                self.seed = check_random_state(estimator.random_state).randint(2**31 - 1)
                self.add(Targets(many).fit(self.cells, targets, labels, self.weights))
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
    if asked.dtype.kind in "iu" and set(table.names) - set(range(n)) and _are_numbers(table.names):
        raise ValueError(
            f"categorical_features={categorical_features!r} may be places of columns or their "
            f"names, since X has columns named {listed(table.names)}: name the columns by strings, "
            "or give a mask."
        )
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


def _are_numbers(names):
    return any(isinstance(name, Integral) for name in names)
