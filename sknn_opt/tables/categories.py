"""Categories: text, and whatever else is to count as names only.

Their values are numbered once, by `Codebook`; columns of two values then are numbers, columns of a
few values become `OneHot`, and columns of many are replaced by what they say of y: `Targets`.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from sknn_opt.arrays.extremes import refuse_extremes
from sknn_opt.estimators.missing import refuse_missing, with_gaps
from sknn_opt.estimators.normalizer import InputNormalizer
from sknn_opt.tables.columns import in_words

MISSING, UNSEEN = -1, -2
RARE, RARE_SHARE = 10, 1 / 50  # fewer rows than this number, or this share, are rare
N_FOLDS = 5
CLIP = 3.0  # standard deviations of y


class Codebook:
    """The values of categories, numbered from 0 in their order."""

    def __init__(self, columns):
        self.columns = columns

    def fit(self, cells, weights):
        self.encoder = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=UNSEEN,
            encoded_missing_value=MISSING,
            dtype=np.int32,
        )
        codes = self.encoder.fit_transform(cells.objects(self.columns))
        cells.remember(self.columns, codes)
        self.values = {
            j: np.array([v for v in values if v == v], dtype=object)
            for j, values in zip(self.columns, self.encoder.categories_, strict=True)
        }
        self.counts = {
            j: _counts(own, len(self.values[j]), weights)
            for j, own in zip(self.columns, codes.T, strict=True)
        }
        return self

    def read(self, cells):
        """Number the values of other rows."""
        cells.remember(self.columns, self.encoder.transform(cells.objects(self.columns)))

    def label(self, j, code):
        """A value in words."""
        if code == MISSING:
            return "missing"
        return in_words(self.values[j][code])


def _counts(codes, n_values, weights):
    """The rows, or their weights, of each value, and of a missing one at the end."""
    return np.bincount(np.where(codes == MISSING, n_values, codes), weights, n_values + 1)


def are_mostly_rare(codes):
    """Whether most rows have a rare value, which one-hot columns could not tell from others."""
    counts = np.bincount(codes[codes >= 0])
    return 2 * counts[counts >= rare(len(codes))].sum() < counts.sum()


def rare(n_rows):
    """In how many rows a value must be, lest it counts as rare."""
    return int(min(RARE, np.ceil(n_rows * RARE_SHARE)))


class OneHot:
    """One column a value; rare values share one, and unseen values take it; zeros without it.

    A missing value is a value like the others.
    """

    def __init__(self, columns, codebook):
        self.columns, self.codebook = columns, codebook

    def fit(self, cells, max_values, dtype):
        self.encoder = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=rare(cells.n_rows),
            max_categories=max_values,
            dtype=dtype,
        )
        self.encoder.fit(cells.codes(self.columns))
        told = {j for j, code in self._codes() if code is not None}
        if len(told) < len(self.columns):  # the others have rare values only: all rows are equal
            self.columns = [j for j in self.columns if j in told]
            return self.fit(cells, max_values, dtype) if self.columns else self
        return self

    def _codes(self):
        """(column, code) of each output; None for the rare."""
        if not self.columns:
            return
        both = zip(self.columns, self.encoder.categories_, self._infrequent(), strict=True)
        for j, codes, infrequent in both:
            seldom = set() if infrequent is None else set(infrequent)
            yield from ((j, code) for code in codes if code not in seldom)
            yield from [(j, None)] * bool(seldom)

    def _infrequent(self):
        return getattr(self.encoder, "infrequent_categories_", [None] * len(self.columns))

    @property
    def outputs(self):
        label = self.codebook.label
        return [(j, "infrequent" if c is None else label(j, c)) for j, c in self._codes()]

    def write(self, cells, out, names):
        out[:] = self.encoder.transform(cells.codes(self.columns)).toarray()

    def restore(self, Z, columns):
        """Enter the values of the columns: None where they were rare, NaN where missing."""
        codes = list(self._codes())
        for j in self.columns:
            own = [i for i, (column, _) in enumerate(codes) if column == j]
            words = [*(self._value(*codes[i]) for i in own), None]  # None: it is none of them
            place = np.where(Z[:, own].any(axis=1), Z[:, own].argmax(axis=1), len(own))
            columns[j] = np.array(words, dtype=object)[place]

    def _value(self, j, code):
        if code is None or code == MISSING:
            return None if code is None else np.nan
        return self.codebook.values[j][code]


class Targets:
    """What a value says of y: the mean of y in its rows, drawn towards the mean of all rows.

    One column for a number or for two classes, else one for each class; and so for each output
    where y has several. They are in standard deviations of y, smoothly clipped. The training rows
    get theirs from the other folds (`cross_fitted`), since their own y would leak into them. Rows
    of one group are in one fold. A row without one of several targets says nothing of that.
    """

    def __init__(self, columns):
        self.columns = columns

    def fit(self, cells, targets, labels, weights):
        self.labels, codes = labels, cells.codes(self.columns)
        self.normalizer = InputNormalizer(clip=CLIP, center="mean", scale="std")
        self.normalizer.fit(targets, sample_weight=weights)
        values = [np.unique(column) for column in codes.T]
        self.encoders = [_means(codes, y, values) for y in targets.T]
        return self

    @property
    def outputs(self):
        said = [f"target_{label}".rstrip("_") for label in self.labels]
        return [(j, label) for j in self.columns for label in said]

    def write(self, cells, out, names):
        codes = cells.codes(self.columns)
        out[:] = self._scaled([encoder.transform(codes) for encoder in self.encoders])

    def cross_fitted(self, cells, targets, groups, seed):
        """The same for the rows that `fit` got, each from the rows of the other folds."""
        codes = cells.codes(self.columns)
        means = np.empty((targets.shape[1], *codes.shape))
        for train, test in folds(groups, seed):
            for mean, y, encoder in zip(means, targets.T, self.encoders, strict=True):
                known = train[~np.isnan(y[train])]
                if len(known):
                    encoder = _means(codes[known], y[known], encoder.categories_)
                mean[test] = encoder.transform(codes[test])
        return self._scaled(means)

    def _scaled(self, means):
        means = np.stack(means, axis=-1)  # rows, columns, targets
        scaled = self.normalizer.transform(means.reshape(-1, len(self.labels)))
        return scaled.reshape(len(means), -1)


def _means(codes, y, values):
    """The mean of y of each value, by scikit-learn."""
    known = ~np.isnan(y)
    codes, y = (codes, y) if known.all() else (codes[known], y[known])
    return TargetEncoder(categories=values, target_type="continuous").fit(codes, y)


def folds(groups, seed):
    """Shuffled folds of groups, each with others: rows to learn from, and rows to encode."""
    chosen = np.zeros(groups.max() + 1, dtype=bool)
    k_fold = KFold(min(N_FOLDS, len(chosen)), shuffle=True, random_state=seed)
    for _, test in k_fold.split(chosen):
        chosen[:] = False
        chosen[test] = True
        inside = chosen[groups]
        yield np.flatnonzero(~inside), np.flatnonzero(inside)


def groups_of(groups, rows, n_rows):
    """The groups of some rows, numbered from 0; of one group, and of None, each row is its own."""
    values = [] if groups is None else np.asarray(groups).ravel().tolist()
    place = {}
    if len(values) == n_rows:  # else the network refuses them
        codes = np.array([place.setdefault(values[i], len(place)) for i in rows.tolist()])
    return codes if len(place) > 1 else np.arange(len(rows))


def targets_of(y, max_classes, are_classes=None):
    """y as columns of numbers, and their labels: numbers stay, classes become indicators.

    If it is not said whether they `are_classes`, words are, and integers where there are at most
    `max_classes` different ones.

    Raises
    ------
    ValueError
        If a row has no target, or one is infinite.
    """
    y = y.toarray() if issparse(y) else y
    gaps = with_gaps(y, every_column=True)
    if gaps is None:
        refuse_missing(y)
    y = np.asarray(y) if gaps is None else gaps
    columns, labels = [], []
    for k, column in enumerate(y.reshape(len(y), -1).T):
        more = "" if y.ndim == 1 or y.shape[1] == 1 else str(k)
        values, classes = _classes_of(column, max_classes, are_classes)
        if classes is None:
            columns.append(values)
            labels.append(more)
            continue
        for c in classes if len(classes) > 2 else classes[-1:]:
            columns.append(np.where(values == values, values == c, np.nan).astype(np.float64))
            labels.append(more if len(classes) <= 2 else f"{more}_{in_words(c)}".strip("_"))
    targets = np.stack(columns, axis=1)
    refuse_extremes(targets, "y", allow_nan=True)
    return targets, labels


def _classes_of(column, max_classes, are_classes):
    """A column of y and its classes; None if it counts as amounts."""
    numbers = _as_numbers(column)
    if numbers is not None and not are_classes:
        classes = np.unique(numbers[~np.isnan(numbers)])
        few = len(classes) <= max_classes and (classes == np.round(classes)).all()
        return numbers, classes if few and are_classes is None else None
    try:
        return column, np.unique(column[column == column])
    except TypeError:  # of several types, which a classifier refuses
        return column.astype(str), np.unique(column.astype(str))


def _as_numbers(column):
    """A column of y as floats; None if it is of words."""
    try:
        return column.astype(np.float64)
    except (TypeError, ValueError):
        return None
