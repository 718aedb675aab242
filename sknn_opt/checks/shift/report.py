"""What `check_shift` found: a row for each feature, and a verdict on all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sknn_opt.checks.report import Report, record

OK, UNKNOWN, SHIFTED = VERDICTS = ("OK", "UNKNOWN", "SHIFTED")  # from the mildest to the gravest
LONGEST = 40  # features in a printed table; of more than that only those that are not OK


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
        shares = (self.outside, self.missing, self.missing_in_training)
        return (
            self.name,
            self.verdict,
            "-" if math.isnan(self.mean_difference) else f"{self.mean_difference:+.2f} σ",
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
    <ShiftReport: SHIFTED: 4 of 10 features (age, bp, s1, s5); print it to see the table>
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

    _HEAD = ("feature", "verdict", "mean", "variance", "outside", "missing", "before", "note")
    _LEFT = (0, 1, 7)
    _VERDICTS = VERDICTS
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
        shown, rows = self.features, "row" if self.n_new == 1 else "rows"
        if len(shown) > LONGEST:
            shown = [feature for feature in shown if feature.verdict != OK][:LONGEST]
        n_left_out = len(self.features) - len(shown)
        caption = f"{self.n_new:,} new {rows} compared with {self.n_training:,.7g} of training"
        below = [f"… and {n_left_out:,} features more"] if n_left_out else []
        yield caption, [feature.cells() for feature in shown], below

    def _verdict_lines(self):
        names = self.shifted
        if names:
            some = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            yield f"SHIFTED: {len(names)} of {len(self.features)} features ({some})"
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
