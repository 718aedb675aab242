"""The picture of a normalizer: features before and after, new data against training data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.stats import norm

from sknn_opt.arrays.types import Floats, Matrix
from sknn_opt.checks.opener import open_normalizer
from sknn_opt.checks.shift.check import check_shift
from sknn_opt.checks.shift.numeric import checked_for
from sknn_opt.checks.shift.report import VERDICTS, ShiftReport
from sknn_opt.plots._scales import around_zero, spread_out
from sknn_opt.plots._style import (
    COLORS,
    Display,
    divide,
    dress,
    fitted,
    legend,
    legend_below,
    mark,
    n_letters,
    some,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_FEATURES = 20
MAX_ROWS = 50_000  # enough for quantiles that are looked at
MAX_RANKED, AT_ONCE = 2_000, 1_000  # rows and columns, to find the worst features
LETTERS = 34  # of a name
BESIDE = 42  # letters that a title takes with the legend beside it
SHARED = ("color", "alpha", "zorder")  # what bars have in common with marks
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
# of training data and of new data: color, marker, line, and what fills the marker
LOOKS = (COLORS[0], "o", "-", COLORS[0]), (COLORS[5], "D", (0, (3, 1.5)), "white")
WIDE = 100.0  # spreads that differ by this factor have no common linear axis
FAR = 1000.0  # standard deviations that a linear axis can show beside 1


@dataclass(eq=False, repr=False)
class NormalizationDisplay(Display):
    """Each feature before and after normalization, as a bar of its quantiles.

    Thick is the middle half of the values, thin reaches from their 1st to their 99th percentile, a
    mark is the median. New data are drawn below, and features that `check_shift` calls shifted are
    printed bold, with an arrow. Features of very unequal size share a logarithmic axis before (or
    one that is linear around zero, where values are negative); after, one linear axis serves all
    that are not far off. Of many features the 20 worst are shown: those that have shifted most or,
    without new data, those whose quantiles after normalization are farthest from those of a normal
    distribution. `plot` also takes a pair of axes.

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
    ...     normalizer, X[y < 2], features=["alcohol", "hue"], X_new=X[y == 2]
    ... )
    >>> [label.get_text() for label in display.ax_[0].get_yticklabels()]
    ['alcohol', '→ hue']
    """

    ax_: NDArray[Any] = field(init=False)
    names: list[str]
    before: dict[str, Floats]
    after: dict[str, Floats]
    report: ShiftReport | None = None
    n_features: int | None = None
    _N_AXES: ClassVar[tuple[int, ...]] = (1, 2)

    @classmethod
    def from_estimator(
        cls,
        normalizer: Any,
        X: Matrix,
        *,
        features: Sequence[int | str] | int | str | None = None,
        X_new: Matrix | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the data before and after a fitted normalizer.

        Parameters
        ----------
        normalizer : InputNormalizer, StandardScaler, or an estimator with one in it
            Fitted. Of a pipeline the normalizer in it is shown, with the data that reach it.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training data.
        features : list of int or str, default=None
            Which features to show, by number or name; None shows all or, of more than 20, the
            worst.
        X_new : {array-like, sparse matrix} of shape (n_new, n_features), default=None
            New data to compare with them.
        ax : matplotlib Axes, or a pair of them, default=None
            Where to draw, or whose place to divide; a new figure if None.
        **kwargs : dict
            Properties of the marks, passed to ``matplotlib.axes.Axes.plot``; the bars share color,
            alpha and zorder with them.

        Returns
        -------
        display : NormalizationDisplay
            Drawn.

        Raises
        ------
        TypeError
            If there is no normalizer in what was given, or a feature is neither name nor number.
        NotFittedError
            If it is not fitted.
        ValueError
            If a feature is unknown, or the data cannot be used.
        """
        cls._pyplot()
        report = None if X_new is None else check_shift(normalizer, X_new)
        before, after, chosen = {}, {}, None
        sets = {"training data": X} | ({} if X_new is None else {"new data": X_new})
        for label, data in sets.items():
            opened = open_normalizer(normalizer, data, cls.__name__)
            names, data = opened.names, checked_for(opened.part, opened.X)
            data = data[:: -(-data.shape[0] // MAX_ROWS)]
            with warnings.catch_warnings():  # the names were checked, and are lost
                warnings.filterwarnings("ignore", "X does not have valid feature names")
                warnings.filterwarnings("ignore", "All-NaN slice")
                turned = opened.part.transform(data)
                if chosen is None:
                    chosen = _chosen(features, names, turned, report)
                before[label], after[label] = (_quantiles(each, chosen) for each in (data, turned))
        shown = [names[j] for j in chosen]
        return cls(shown, before, after, report, len(names)).plot(ax, **kwargs)

    def _figure_options(self):
        height = 0.32 * len(self.names) * (1 if self.report is None else 1.4)
        return {"ncols": 2, "figsize": (10, 1.6 + height)}

    def _draw(self):
        if np.ndim(self.ax_) == 0:
            grid = divide(self.ax_, 1, 2)
            self.ax_ = [self.figure_.add_subplot(grid[0, k]) for k in range(2)]
        self.ax_ = np.asarray(self.ax_, dtype=object)
        left, right = self.ax_
        self._draw_bars(left, self.before)
        self._draw_bars(right, self.after)
        dress(left, title=self._title(), xlabel="in the feature's own unit")
        unit = "in units of the scale of the training data"
        unit = unit if len(unit) < 1.1 * n_letters(right) else "in scales of training"
        dress(right, title="After", xlabel=unit)
        _choose_scale(left.xaxis, np.hstack([*self.before.values()]))
        sizes = np.abs(np.hstack([*self.after.values()]))
        if (largest := _largest(sizes)) > FAR:
            around_zero(right.xaxis, 0, np.log10(largest))
        right.tick_params(labelleft=False)
        if len(self.before) > 1 and n_letters(right, "small") < BESIDE:
            legend_below(right, right.get_legend_handles_labels()[0])
        elif len(self.before) > 1:
            legend(right, loc="lower right", bbox_to_anchor=(1, 0.99), ncols=2)
            right.set_title("After", fontsize="medium", loc="left")
            right.set_title("")

    def _title(self):
        """Which features these are."""
        n, of = len(self.names), self.n_features or 0
        return f"Before: {n} of {of} features" if 0 < n < of else "Before"

    def _draw_bars(self, ax, quantiles):
        """The bars of each set of data, one set below the other."""
        offsets = (0,) if len(quantiles) == 1 else (-0.17, 0.17)
        looks = zip(quantiles.items(), offsets, LOOKS, strict=False)
        shared = {key: self._kwargs[key] for key in SHARED if key in self._kwargs}
        for (label, q), offset, (color, marker, line, inside) in looks:
            rows = np.arange(q.shape[1]) + offset
            thin = {"color": color, "linewidth": 1.2, "linestyle": line}
            ax.hlines(rows, q[0], q[4], **thin | shared)
            ax.hlines(
                rows, q[1], q[3], **{"color": color, "linewidth": 4.5, "alpha": 0.55} | shared
            )
            look = {"marker": marker, "markersize": 5, "markerfacecolor": inside, "color": color}
            mark(ax, q[2], rows, **look | {"label": label} | self._kwargs)
        for row in np.flatnonzero(np.isnan(np.vstack([*quantiles.values()])).all(axis=0)):
            middle = {"transform": ax.get_yaxis_transform(), "ha": "center", "va": "center"}
            ax.text(0.5, row, "no values", color="0.5", fontsize="small", **middle)
        ax.set_ylim(len(self.names) - 0.4, -0.6)
        shifted = [name in (self.report.shifted if self.report else ()) for name in self.names]
        width = int(np.clip(n_letters(ax), 10, LETTERS))
        labels = zip(shifted, fitted(self.names, width), strict=True)
        labels = [f"→ {name}" if is_shifted else name for is_shifted, name in labels]
        ax.set_yticks(range(len(labels)), labels)
        for is_shifted, text in zip(shifted, ax.get_yticklabels(), strict=True):
            text.set_fontweight("bold" if is_shifted else "normal")


def _chosen(features, names, turned, report):
    """The numbers of the features to show."""
    if features is None:
        return _worst(turned, report) if len(names) > MAX_FEATURES else list(range(len(names)))
    chosen = []
    for feature in [features] if np.ndim(features) == 0 else features:
        if isinstance(feature, str):
            if feature not in names:
                raise ValueError(f"There is no feature {feature!r}; there are {some(names)}.")
            chosen.append(names.index(feature))
        elif isinstance(feature, bool | np.bool_) or not isinstance(feature, Integral):
            raise TypeError(
                f"features must be names or numbers of columns, or None; got {feature!r}."
            )
        elif -len(names) <= feature < len(names):
            chosen.append(int(feature) % len(names))
        else:
            raise ValueError(f"There is no feature {feature}; X has {len(names)} features.")
    if not chosen:
        raise ValueError("features is empty; name at least one, or pass None.")
    return chosen


def _worst(turned, report):
    """The features that have shifted most, or else are the least normal; the worst first."""
    badness = _unlike_normal(turned) if report is None else [*map(_shift, report.features)]
    order = sorted(range(len(badness)), key=lambda j: badness[j], reverse=True)
    return order[:MAX_FEATURES]


def _shift(feature):
    """The verdict on a feature first, then by how much its mean, spread or gaps have changed."""
    with np.errstate(divide="ignore"):
        spread = np.log(feature.variance_ratio) / 2
    changes = feature.mean_difference, spread, feature.missing - feature.missing_in_training
    return VERDICTS.index(feature.verdict), np.nan_to_num(np.abs(changes), posinf=np.inf).max()


def _unlike_normal(turned):
    """By how much the quantiles of each column miss those of a normal distribution at most."""
    rows = turned[:: -(-turned.shape[0] // MAX_RANKED)]
    parts = [
        _quantiles(rows, slice(first, first + AT_ONCE))
        for first in range(0, rows.shape[1], AT_ONCE)
    ]
    missed = np.abs(np.hstack(parts) - norm.ppf(QUANTILES)[:, np.newaxis]).max(axis=0)
    return np.nan_to_num(missed, nan=-1.0)  # a column without values shows nothing


def _quantiles(X, chosen):
    """The quantiles of some columns; NaN for a column without values."""
    X = np.asarray(X[:, chosen].toarray() if issparse(X) else np.asarray(X)[:, chosen], dtype=float)
    return np.nanquantile(X, QUANTILES, axis=0)


def _largest(sizes):
    """The largest finite one."""
    return sizes[np.isfinite(sizes)].max(initial=0.0)


def _choose_scale(axis, quantiles):
    """A logarithmic axis for features of very unequal size, or far off."""
    with np.errstate(over="ignore"):
        spreads = quantiles[4] - quantiles[0]
    spreads = spreads[spreads > 0]  # NaN is not
    largest = _largest(np.abs(quantiles))
    if not len(spreads) or largest / WIDE < spreads.min():
        return
    if np.nanmin(quantiles) > 0:
        spread_out(axis, quantiles)
    else:
        around_zero(axis, np.log10(spreads.min()), np.log10(largest))
