"""Have new data left the distribution of the training data: a table at once, or a stream of rows?

A stream is judged window by window, and so are stretches of 2, 4, 8, ... windows: what a window is
too short to tell, a stretch tells later. Their tallies join, so that a few numbers a feature are
all that is kept. The promised rate of false alarms is divided among them: window or stretch number
i of :math:`2^j` windows gets the part

.. math::

    \\frac{1}{2^{j + 1}} \\cdot \\frac{6}{\\pi^2 i^2},

and these parts sum to 1, however long the stream (Bonferroni's inequality, and Euler's sum). A part
of a millionth asks for a mean that is 7 standard errors off, instead of 4.
"""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from sknn_opt.arrays.types import Matrix
from sknn_opt.checks.opener import open_normalizer
from sknn_opt.checks.shift.joint import joint_shift
from sknn_opt.checks.shift.numeric import NumberObserver
from sknn_opt.checks.shift.report import FALSE_ALARMS, ShiftReport
from sknn_opt.checks.shift.table import TableObserver
from sknn_opt.tables.encoder import TableEncoder

N_TESTS = 8  # of a feature: mean, variance, range, gaps, each in either direction
N_LENGTHS = 16  # of stretches


def check_shift(normalizer: Any, X_new: Matrix, *, X_train: Matrix | None = None) -> ShiftReport:
    """Tell which features of new data left the distribution that a normalizer was fitted to.

    Parameters
    ----------
    normalizer : InputNormalizer, TableEncoder, StandardScaler, or an estimator with one in it
        Fitted. Of a pipeline the first InputNormalizer or TableEncoder is taken, or else the first
        StandardScaler, and `X_new` goes through the steps before it; of a search the best
        estimator; in a ColumnTransformer its columns are compared. A StandardScaler knows neither
        the range of its training data nor what was missing. Of a TableEncoder categories are
        judged as well: `outside` is the share of values that training had not, and the note tells
        which shares changed.
    X_new : {array-like, sparse matrix} of shape (n_new, n_features)
        New rows, in the unit of the training data; NaN where a value is missing. The rows should
        be independent: a run of neighbors in time varies less than its length says.
    X_train : {array-like, sparse matrix} of shape (n_train, n_features) or None, default=None
        Rows that the normalizer was fitted to, or a sample of them. Then the joint distribution is
        judged as well: a classifier tries to tell new rows from these, which takes about a second.
        Without them each feature is judged by itself.

    Returns
    -------
    ShiftReport
        With a verdict for each feature and one for all; prints as a table.

    See Also
    --------
    ShiftMonitor : The same for rows that arrive a few at a time.

    Raises
    ------
    TypeError
        If there is no normalizer in what was given.
    NotFittedError
        If it is not fitted.
    ValueError
        If `X_new` has no rows, other features than the training data, or holds infinity.

    Notes
    -----
    Training weights count as repetition: they should be about 1, not sum to 1.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sknn_opt import InputNormalizer, check_shift
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> normalizer = InputNormalizer().fit(X[y < 2])
    >>> report = check_shift(normalizer, X[y == 2])
    >>> report.verdict
    'SHIFTED'
    >>> report["flavanoids"].note
    'mean fell, 22.9% below the range'
    >>> check_shift(normalizer, X[y < 2][::3]).verdict
    'OK'
    """
    opened = _open(normalizer, X_new, "X_new")
    observer = _observer_of(opened)
    share = FALSE_ALARMS if X_train is None else FALSE_ALARMS / 2
    report = _report(observer, observer.tally(opened.X), share, opened.notes)
    if X_train is None:
        return report
    training = _open(normalizer, X_train, "X_train")
    again = _report(observer, observer.tally(training.X), FALSE_ALARMS, ())
    if not again.passed:
        note = f"X_train is not like what the normalizer was fitted to ({', '.join(again.shifted)})"
        report = replace(report, notes=(*report.notes, note))
    joint = joint_shift(observer.numbers(training.X), observer.numbers(opened.X), share)
    return replace(report, joint=joint)


class ShiftMonitor:
    """Watch rows that arrive a few at a time for a shift, in a service for instance.

    Rows are gathered to windows. Each window is judged as by `check_shift`, and so is each stretch
    of 2, 4, 8, ... windows, which sees smaller differences. Of rows that have the training
    distribution one stream in a thousand raises an alarm, however long it is. Memory stays
    constant: no rows are kept, but some numbers for each feature.

    Parameters
    ----------
    normalizer : InputNormalizer, TableEncoder, StandardScaler, or an estimator with one in it
        As for `check_shift`; fitted, and not to be fitted again meanwhile.
    window : int, default=500
        A window is judged as soon as it has so many rows.
    false_alarms : float, default=0.001
        The probability that a stream without a shift ever raises an alarm.

    Attributes
    ----------
    n_rows : int
        Number of rows seen.
    report : ShiftReport or None
        The last one; None before the first window is full.
    alarm : ShiftReport or None
        The first that found a shift.

    Raises
    ------
    TypeError
        If there is no normalizer in what was given.
    NotFittedError
        If it is not fitted.
    ValueError
        If `window` is no integer from 2 on, or `false_alarms` is not between 0 and 1.

    See Also
    --------
    check_shift : For a table of new rows.

    Notes
    -----
    A monitor can be pickled, with all it has seen. How features vary together is not looked at.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_opt import InputNormalizer, ShiftMonitor
    >>> rng = np.random.default_rng(0)
    >>> normalizer = InputNormalizer().fit(rng.normal(size=(5000, 3)))
    >>> monitor = ShiftMonitor(normalizer, window=200)
    >>> for _ in range(100):
    ...     report = monitor.update(rng.normal(size=(10, 3)))
    >>> monitor.n_rows, monitor.passed
    (1000, True)
    >>> for _ in range(100):
    ...     report = monitor.update(rng.normal(size=(10, 3)) + [0, 0, 1])
    >>> monitor.alarm.shifted
    ['x2']
    """

    normalizer: Any
    window: int
    false_alarms: float
    n_rows: int
    report: ShiftReport | None
    alarm: ShiftReport | None

    def __init__(self, normalizer: Any, *, window: int = 500, false_alarms: float = FALSE_ALARMS):
        if not isinstance(window, Integral) or window < 2:
            raise ValueError(f"window={window!r}: give the number of rows, an integer from 2 on.")
        if not isinstance(false_alarms, Real) or not 0 < false_alarms < 1:
            raise ValueError(f"false_alarms={false_alarms!r}: give a probability between 0 and 1.")
        open_normalizer(normalizer, None, "ShiftMonitor", tables=True)
        self.normalizer = normalizer
        self.window = window
        self.false_alarms = false_alarms
        self.reset()

    def reset(self) -> None:
        """Forget all rows and alarms: a new stream, with a rate of false alarms of its own."""
        self.n_rows = 0
        self.report = None
        self.alarm = None
        self._observer: Any = None
        self._gathered: Any = None
        self._waiting: list[Any] = [None] * N_LENGTHS
        self._n_judged = [0] * N_LENGTHS

    def update(self, X_new: Matrix) -> ShiftReport | None:
        """Take in more rows.

        Parameters
        ----------
        X_new : {array-like, sparse matrix} of shape (n_new, n_features)
            The next rows, one or more, as for `check_shift`.

        Returns
        -------
        ShiftReport or None
            On the window that these rows fill, or on a longer stretch if only that has shifted;
            None if they fill none.

        Raises
        ------
        ValueError
            As by `check_shift`. The rows then count as not seen.
        """
        opened = _open(self.normalizer, X_new, "X_new", "ShiftMonitor")
        if self._observer is None:
            self._observer = _observer_of(opened)
        tally = self._observer.tally(opened.X)
        self.n_rows += tally.n_rows
        self._gathered = tally if self._gathered is None else self._gathered.joined(tally)
        if self._gathered.n_rows < self.window:
            return None
        full, self._gathered = self._gathered, None
        reports = list(self._judged(full, opened.notes))
        found = [report for report in reports if not report.passed]
        self.report = (found or reports)[0]
        if found and self.alarm is None:
            self.alarm = found[0]
        return self.report

    @property
    def passed(self) -> bool:
        """Whether there was no alarm."""
        return self.alarm is None

    def raise_if_shifted(self) -> None:
        """Raise AssertionError, with the table as its message, if there was an alarm."""
        if self.alarm is not None:
            self.alarm.raise_if_shifted()

    def _judged(self, tally, notes):
        """Reports on a window, and on each stretch that it completes."""
        for j in range(N_LENGTHS):
            self._n_judged[j] += 1
            share = 6 / (np.pi * self._n_judged[j]) ** 2 / 2 ** (j + 1)
            yield _report(self._observer, tally, self.false_alarms * share, notes)
            before, self._waiting[j] = self._waiting[j], tally
            if before is None:
                return
            tally, self._waiting[j] = before.joined(tally), None


def _open(normalizer, X, name, who="check_shift"):
    """The normalizer, and the rows as they reach it."""
    if X is not None and (X.shape[0] if hasattr(X, "shape") and X.shape else len(X)) == 0:
        raise ValueError(
            f"{name} has no rows: {who} needs one at least, and some hundred to see much."
        )
    return open_normalizer(normalizer, X, who, tables=True)


def _observer_of(opened):
    is_table = isinstance(opened.part, TableEncoder)
    return (TableObserver if is_table else NumberObserver)(opened.part, opened.names)


def _report(observer, tally, false_alarms, notes):
    level = false_alarms / (N_TESTS * observer.n_features)
    features, sees = observer.judged(tally, level)
    return ShiftReport(tuple(features), tally.n_rows, observer.n_training, sees, notes)
