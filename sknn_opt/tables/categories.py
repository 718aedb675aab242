"""Categories: text, and whatever else is to count as names only.

Their values are numbered once, by `Codebook`; columns of two values then are numbers, columns of a
few values become `OneHot`, and columns of many are replaced by what they say of y: `Targets`.
"""

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sknn_opt._sklearn import target_encoder
from sknn_opt.estimators.missing import refuse_missing
from sknn_opt.estimators.normalizer import InputNormalizer

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
        value = self.values[j][code]
        return f"{value:g}" if isinstance(value, float) else str(value)


def _counts(codes, n_values, weights):
    """The rows, or their weights, of each value, and of a missing one at the end."""
    return np.bincount(np.where(codes == MISSING, n_values, codes), weights, n_values + 1)


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
        return self

    def _codes(self):
        """(column, code) of each output; None for the rare."""
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
            words = [self._value(*codes[i]) for i in own]
            columns[j] = np.array(words, dtype=object)[Z[:, own].argmax(axis=1)]

    def _value(self, j, code):
        if code is None or code == MISSING:
            return None if code is None else np.nan
        return self.codebook.values[j][code]


class Targets:
    """What a value says of y: the mean of y in its rows, drawn towards the mean of all rows.

    One column for a number or for two classes, else one for each class; and so for each output
    where y has several. They are in standard deviations of y, smoothly clipped. The training rows
    get theirs from the other folds (`cross_fitted`), since their own y would leak into them.
    """

    def __init__(self, columns):
        self.columns = columns

    def fit(self, cells, targets, labels, weights, seed):
        self.labels, codes = labels, cells.codes(self.columns)
        n_folds = min(N_FOLDS, cells.n_rows)
        self.encoders = [target_encoder(n_folds, seed).fit(codes, y) for y in targets.T]
        self.normalizer = InputNormalizer(clip=CLIP, center="mean", scale="std")
        self.normalizer.fit(targets, sample_weight=weights)
        return self

    @property
    def outputs(self):
        said = [f"target_{label}".rstrip("_") for label in self.labels]
        return [(j, label) for j in self.columns for label in said]

    def write(self, cells, out, names):
        codes = cells.codes(self.columns)
        out[:] = self._scaled([encoder.transform(codes) for encoder in self.encoders])

    def cross_fitted(self, cells, targets):
        """The same for the rows that `fit` got, each from the rows of the other folds."""
        codes = cells.codes(self.columns)
        pairs = zip(self.encoders, targets.T, strict=True)
        return self._scaled([encoder.fit_transform(codes, y) for encoder, y in pairs])

    def _scaled(self, means):
        means = np.stack(means, axis=-1)  # rows, columns, targets
        scaled = self.normalizer.transform(means.reshape(-1, len(self.labels)))
        return scaled.reshape(len(means), -1)


def targets_of(y, max_classes):
    """y as columns of numbers, and their labels: numbers stay, classes become indicators.

    Integers count as classes where there are at most `max_classes` different ones.

    Raises
    ------
    ValueError
        If a target is missing.
    """
    refuse_missing(y)
    y = np.asarray(y)
    columns, labels = [], []
    for k, column in enumerate(y.reshape(len(y), -1).T):
        more = "" if y.ndim == 1 or y.shape[1] == 1 else str(k)
        numbers = _as_numbers(column)
        classes, place = np.unique(column if numbers is None else numbers, return_inverse=True)
        whole = numbers is None or (classes == np.round(classes)).all()
        if (whole and len(classes) <= max_classes) or numbers is None:
            chosen = range(1, 2) if len(classes) <= 2 else range(len(classes))
            columns += [(place == c).astype(np.float64) for c in chosen]
            names = [""] if len(classes) <= 2 else [_word(c) for c in classes]
            labels += [f"{more}_{name}".strip("_") for name in names]
        else:
            columns.append(numbers)
            labels.append(more)
    return np.stack(columns, axis=1), labels


def _as_numbers(column):
    """A column of y as floats; None if it is of words."""
    try:
        return column.astype(np.float64)
    except (TypeError, ValueError):
        return None


def _word(value):
    return f"{value:g}" if isinstance(value, float) else str(value)
