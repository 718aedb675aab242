"""The picture of a normalizer: features before and after, new data against training data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from sknn_opt.arrays.types import Floats, Matrix
from sknn_opt.checks.opener import open_normalizer
from sknn_opt.checks.shift.check import check_shift
from sknn_opt.checks.shift.numeric import checked_for
from sknn_opt.checks.shift.report import ShiftReport
from sknn_opt.plots._style import COLORS, Display, dress, legend, mark

MAX_FEATURES = 20
MAX_ROWS = 50_000  # enough for quantiles that are looked at
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
# of training data and of new data: color, marker, line, and what fills the marker
LOOKS = (COLORS[0], "o", "-", COLORS[0]), (COLORS[5], "D", (0, (3, 1.5)), "white")
WIDE = 100.0  # spreads that differ by this factor have no common linear axis


@dataclass(eq=False, repr=False)
class NormalizationDisplay(Display):
    """Each feature before and after normalization, as a bar of its quantiles.

    Thick is the middle half of the values, thin reaches from their 1st to their 99th percentile, a
    mark is the median. New data are drawn below, and features that `check_shift` calls shifted are
    printed bold, with an arrow. Features of very unequal size share a logarithmic axis before (or
    one that is linear around zero, where values are negative); after, one linear axis serves all.
    `plot` also takes a pair of axes.

    Parameters
    ----------
    names : list of str, of length n_shown
        The features.
    before, after : dict of str to ndarray of shape (5, n_shown)
        The quantiles of "training data" and, if there are any, "new data".
    report : ShiftReport or None
        Whether new data have shifted.
    n_features : int, default=None
        How many features there are, if not all are shown.

    Attributes
    ----------
    ax_ : ndarray of two matplotlib Axes
        Before, and after.
    figure_ : matplotlib Figure

    See Also
    --------
    check_shift : The same question, answered with numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sknn_opt import InputNormalizer, NormalizationDisplay
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> normalizer = InputNormalizer().fit(X[y < 2])
    >>> display = NormalizationDisplay.from_estimator(
    ...     normalizer, X[y < 2], ["alcohol", "hue"], X_new=X[y == 2]
    ... ).plot()
    >>> [label.get_text() for label in display.ax_[0].get_yticklabels()]
    ['alcohol', '→ hue']
    """

    ax_: NDArray[Any] = field(init=False)
    names: list[str]
    before: dict[str, Floats]
    after: dict[str, Floats]
    report: ShiftReport | None = None
    n_features: int | None = None

    @classmethod
    def from_estimator(
        cls,
        normalizer: Any,
        X: Matrix,
        features: Sequence[int | str] | int | str | None = None,
        *,
        X_new: Matrix | None = None,
    ) -> Self:
        """Measure the data before and after a fitted normalizer.

        Parameters
        ----------
        normalizer : InputNormalizer, StandardScaler, or an estimator with one in it
            Fitted. Of a pipeline the normalizer in it is shown, with the data that reach it.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training data.
        features : list of int or str, default=None
            Which features to show, by number or name; None shows the first 20.
        X_new : {array-like, sparse matrix} of shape (n_new, n_features), default=None
            New data to compare with them.

        Raises
        ------
        TypeError
            If there is no normalizer in what was given.
        NotFittedError
            If it is not fitted.
        ValueError
            If a feature is unknown, or the data cannot be used.
        """
        report = None if X_new is None else check_shift(normalizer, X_new)
        before, after = {}, {}
        sets = {"training data": X} | ({} if X_new is None else {"new data": X_new})
        for label, data in sets.items():
            opened = open_normalizer(normalizer, data, cls.__name__)
            names, data = opened.names, checked_for(opened.part, opened.X)
            chosen = _chosen(features, names)
            data = data[:: -(-data.shape[0] // MAX_ROWS)]
            with warnings.catch_warnings():  # the names were checked, and are lost
                warnings.filterwarnings("ignore", "X does not have valid feature names")
                warnings.filterwarnings("ignore", "All-NaN slice")
                turned = opened.part.transform(data)
                before[label], after[label] = (_quantiles(each, chosen) for each in (data, turned))
        return cls([names[j] for j in chosen], before, after, report, len(names))

    def _figure_options(self):
        height = 0.32 * len(self.names) * (1 if self.report is None else 1.4)
        return {"ncols": 2, "figsize": (10, 1.6 + height)}

    def _draw(self):
        if np.ndim(self.ax_) == 0:
            self.ax_.set_axis_off()
            self.ax_ = [self.ax_.inset_axes([left, 0, 0.47, 1]) for left in (0, 0.53)]
        self.ax_ = np.asarray(self.ax_, dtype=object)
        n, of = len(self.names), self.n_features or 0
        before = f"Before: {n} of {of} features" if 0 < n < of else "Before"
        left, right = self.ax_
        self._draw_bars(left, self.before)
        self._draw_bars(right, self.after)
        dress(left, title=before, xlabel="in the feature's own unit")
        dress(right, title="After", xlabel="in units of the scale of the training data")
        _choose_scale(left, self.before["training data"])
        right.tick_params(labelleft=False)
        if len(self.before) > 1:
            legend(right, loc="lower right", bbox_to_anchor=(1, 0.99), ncols=2)
            right.set_title("After", fontsize="medium", loc="left")
            right.set_title("")

    def _draw_bars(self, ax, quantiles):
        """The bars of each set of data, one set below the other."""
        offsets = (0,) if len(quantiles) == 1 else (-0.17, 0.17)
        looks = zip(quantiles.items(), offsets, LOOKS, strict=False)
        for (label, q), offset, (color, marker, line, inside) in looks:
            rows = np.arange(q.shape[1]) + offset
            ax.hlines(rows, q[0], q[4], color=color, linewidth=1.2, linestyle=line)
            ax.hlines(rows, q[1], q[3], color=color, linewidth=4.5, alpha=0.55)
            look = {"marker": marker, "markersize": 5, "markerfacecolor": inside}
            mark(ax, q[2], rows, color=color, label=label, **look)
        ax.set_ylim(len(self.names) - 0.4, -0.6)
        shifted = self.report.shifted if self.report else ()
        labels = [f"→ {name}" if name in shifted else name for name in self.names]
        ax.set_yticks(range(len(labels)), labels)
        for name, text in zip(self.names, ax.get_yticklabels(), strict=True):
            text.set_fontweight("bold" if name in shifted else "normal")


def _chosen(features, names):
    """The numbers of the features to show."""
    if features is None:
        return list(range(min(len(names), MAX_FEATURES)))
    chosen = []
    for feature in [features] if isinstance(features, str | int) else features:
        if isinstance(feature, str):
            if feature not in names:
                raise ValueError(f"There is no feature {feature!r}; there are {', '.join(names)}.")
            chosen.append(names.index(feature))
        elif -len(names) <= feature < len(names):
            chosen.append(int(feature) % len(names))
        else:
            raise ValueError(f"There is no feature {feature}; X has {len(names)} features.")
    if not chosen:
        raise ValueError("features is empty; name at least one, or pass None.")
    return chosen


def _quantiles(X, chosen):
    """The quantiles of some columns; NaN for a column without values."""
    X = np.asarray(X[:, chosen].toarray() if issparse(X) else np.asarray(X)[:, chosen], dtype=float)
    return np.nanquantile(X, QUANTILES, axis=0)


def _choose_scale(ax, quantiles):
    """A logarithmic axis for features of very unequal size."""
    spreads = quantiles[4] - quantiles[0]
    spreads = spreads[spreads > 0]  # NaN is not
    if not len(spreads) or spreads.max() < WIDE * spreads.min():
        return
    if np.nanmin(quantiles) > 0:
        ax.set_xscale("log")
    else:
        ax.set_xscale("symlog", linthresh=10 ** np.floor(np.log10(spreads.min())))
