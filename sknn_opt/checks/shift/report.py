"""What `check_shift` found: a row for each feature, and a verdict on all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sknn_opt.checks.layout import LINES, Column, Table
from sknn_opt.checks.report import Report, record
from sknn_opt.checks.texts import number

FALSE_ALARMS = 0.001  # of reports on rows of the training distribution
LEAST_MEAN, LEAST_RATIO, LEAST_SHARE = 0.1, 1.25, 0.01  # smaller differences do not matter

OK, UNKNOWN, SHIFTED = VERDICTS = ("OK", "UNKNOWN", "SHIFTED")  # from the mildest to the gravest
MEANINGS = {
    OK: "No difference that matters is more than chance.",
    UNKNOWN: "Nothing is known: the training data or the new data have no value at all.",
    SHIFTED: "A difference that matters, and that chance does not explain: the mean moved by more "
    f"than {LEAST_MEAN:g} standard deviations, the variance by a factor of more than "
    f"{LEAST_RATIO:g}, or a share by more than {LEAST_SHARE:g}. Chance makes such a report once in "
    f"{1 / FALSE_ALARMS:,.0f}.",
}
REMEDY = (
    "Look at the unit, the coding and the source of these features; if they are correct, train "
    "again with such rows."
)
COLUMNS = (
    Column("feature", "The name of the feature.", left=True),
    Column("verdict", "OK, UNKNOWN or SHIFTED: see below.", left=True),
    Column(
        "mean",
        "How far the mean moved, in standard deviations σ of the training data; - for categories, "
        "and where the training data were constant.",
    ),
    Column("variance", "The variance of the new data is so many times that of training.", 5),
    Column(
        "outside",
        "Share of the new values below the lowest or above the highest of training; of a category "
        "the share of values that training had not.",
        6,
    ),
    Column("missing", "Share of the new rows without a value.", 7),
    Column("before", "Share of the training rows without a value.", 7),
    Column("note", "What is more than chance.", 4, True, 32),
)


@dataclass(frozen=True)
class FeatureShift:
    """One feature of new data compared with the training data.

    Attributes
    ----------
    name : str
    verdict : {"OK", "SHIFTED", "UNKNOWN"}
        UNKNOWN: either sample has no value at all.
    mean_difference : float
        (mean of the new data - mean of the training data) / standard deviation of the training
        data. NaN for features that were constant in training.
    variance_ratio : float
        Variance of the new data / that of the training data; NaN for a single new value.
    outside : float
        Share of the new values below the lowest or above the highest training value.
    missing, missing_in_training : float
        Share of the rows without a value.
    note : str
        What is more than chance, in words.
    """

    name: str
    verdict: str
    mean_difference: float
    variance_ratio: float
    outside: float
    missing: float
    missing_in_training: float
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is not known to have shifted."""
        return self.verdict != SHIFTED

    def cells(self) -> tuple[str, ...]:
        """The table's row, as text."""
        moved, shares = self.mean_difference, (self.outside, self.missing, self.missing_in_training)
        return (
            self.name,
            self.verdict,
            "-" if math.isnan(moved) else f"{number(moved, '+.2f')} σ",
            "-" if math.isnan(self.variance_ratio) else f"x {self.variance_ratio:.3g}",
            *("-" if math.isnan(share) else f"{share:.1%}" for share in shares),
            self.note,
        )


@dataclass(frozen=True)
class JointShift:
    """What a classifier says that tries to tell new rows from rows of training.

    Attributes
    ----------
    verdict : {"OK", "SHIFTED", "UNKNOWN"}
        UNKNOWN: fewer than 8 rows of either kind.
    area : float
        Under the ROC curve, on rows that it has not learned from: the probability that a new row
        looks newer than a row of training. 0.5 if it cannot tell them apart.
    chance : float
        The probability that chance alone makes an area so large.
    """

    verdict: str
    area: float
    chance: float

    @property
    def passed(self) -> bool:
        """Whether it is not known to have shifted."""
        return self.verdict != SHIFTED

    def text(self) -> str:
        """What it found, in words."""
        if self.verdict == UNKNOWN:
            return "too few rows to learn from"
        return f"a classifier tells new rows from training rows with an AUC of {self.area:.2f}"


@dataclass(frozen=True, repr=False)
class ShiftReport(Report):
    """What `check_shift` found. Prints as a table; a notebook shows it as HTML.

    ``report["age"]`` is the row of the feature of that name.

    Attributes
    ----------
    features : tuple of FeatureShift
        In the order of the columns.
    n_new : int
        Number of new rows.
    n_training : float
        Number of training rows, or sum of their weights.
    sees_above : float
        A shift of a mean by more standard deviations than this would have been seen in every
        feature. Few rows leave it large.
    notes : tuple of str
        What was done to find the normalizer.
    joint : JointShift or None
        Whether the features vary together as in training; None without `X_train`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknn_opt import InputNormalizer, check_shift
    >>> X, _ = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> old = X["age"] > 60
    >>> report = check_shift(InputNormalizer().fit(X[~old]), X.loc[old])
    >>> report
    <ShiftReport: SHIFTED: 4 of 10 features (age, s5, bp, s1); print it to see the table>
    >>> report.verdict, report.passed
    ('SHIFTED', False)
    >>> round(report["age"].mean_difference, 1)
    2.0
    """

    features: tuple[FeatureShift, ...]
    n_new: int
    n_training: float
    sees_above: float
    notes: tuple[str, ...] = ()
    joint: JointShift | None = None

    _COLUMNS = COLUMNS
    _VERDICTS = MEANINGS
    _REMARKS = (
        "The worst feature is first: the one whose largest difference is most times as large as "
        "what matters.",
        "The joint distribution is what a classifier sees that tries to tell new rows from rows of "
        "training: an AUC of 0.5 is that it cannot.",
    )
    _INDEX = "name"

    @property
    def shifted(self) -> list[str]:
        """The names of the features that have shifted."""
        return [feature.name for feature in self.features if feature.verdict == SHIFTED]

    def __getitem__(self, name: str) -> FeatureShift:
        """The row of a feature."""
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(f"There is no feature {name!r}: ask one of report.features for its name.")

    def raise_if_shifted(self) -> None:
        """Raise AssertionError, with the table as its message, if anything has shifted."""
        self.raise_if_failed()

    def _rows(self):
        return self.features if self.joint is None else (*self.features, self.joint)

    def _records(self):
        return [record(feature) for feature in self.features]

    def _tables(self):
        rows = "row" if self.n_new == 1 else "rows"
        caption = f"{self.n_new:,} new {rows} compared with {self.n_training:,.7g} of training"
        yield Table(caption, self.features, _gravity)

    def _names(self):
        return [feature.name for feature in self.worst(LINES)]  # no other is printed

    def worst(self, k: int = 5) -> list[FeatureShift]:
        """The k worst features.

        Parameters
        ----------
        k : int, default=5
            How many.

        Returns
        -------
        list of FeatureShift
            Those that have shifted first, by how many times the least difference that matters
            theirs is.

        Examples
        --------
        >>> import numpy as np
        >>> from sknn_opt import InputNormalizer, check_shift
        >>> X = np.random.default_rng(0).normal(size=(500, 20))
        >>> report = check_shift(InputNormalizer().fit(X), X + 3 * (np.arange(20) == 7))
        >>> [feature.name for feature in report.worst(1)]
        ['x7']
        """
        return sorted(self.features, key=_gravity, reverse=True)[:k]

    def _verdict_lines(self):
        names = self.shifted
        if names:
            worst = [feature.name for feature in self.worst(min(5, len(names)))]
            some = ", ".join(worst) + (", …" if len(names) > 5 else "")
            yield f"SHIFTED: {len(names)} of {len(self.features)} features ({some})"
            yield REMEDY
        elif not self.passed:
            yield "SHIFTED: no feature by itself, but the joint distribution"
        else:
            yield f"{self.verdict}: no feature is known to have shifted"
        if self.joint is not None:
            yield f"joint distribution {self.joint.verdict}: {self.joint.text()}"
        elif len(self.features) > 1:
            yield "each feature is judged by itself; with X_train= also how they vary together"
        if self.n_new == 1:
            yield "one row has no variance: only its values can be judged"
        if math.isfinite(self.sees_above):
            yield f"the mean of any feature would be seen to move from {self.sees_above:.2g} σ on"


def _gravity(feature):
    """How bad a feature is: its verdict, then its largest difference over what matters."""
    ratio = feature.variance_ratio
    sizes = (
        abs(feature.mean_difference) / LEAST_MEAN,
        abs(math.log(ratio or math.ulp(0.0))) / math.log(LEAST_RATIO) if ratio >= 0 else math.nan,
        feature.outside / LEAST_SHARE,
        abs(feature.missing - feature.missing_in_training) / LEAST_SHARE,
    )
    return VERDICTS.index(feature.verdict), max((size for size in sizes if size > 0), default=0.0)
