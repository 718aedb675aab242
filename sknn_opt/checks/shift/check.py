"""Have new data left the distribution of the training data?

A network knows only the region it was trained in. Where the inputs move away from it, which is
called **covariate shift**, its outputs are guesses, and nothing in them tells. But the normalizer
still holds what the training data were like, so new rows can be held to it, feature by feature:

.. math::

    d = \\frac{\\bar x - \\mu}{\\sigma}, \\qquad v = \\frac{s^2}{\\sigma^2}, \\qquad
    \\text{the shares outside } [\\min, \\max] \\text{ and of missing values.}

A feature counts as shifted where a difference matters (|d| > 0.1 [1]_, v outside [4/5, 5/4] [2]_,
a share that moved by more than 0.01) *and* chance cannot explain it. Chance is held to one false
alarm in a thousand reports, so each of the 4 tests on p features, in either direction, gets a level
of 0.001 / (8 p):

- d by its standard error :math:`\\sqrt{\\max(1, v) (1 / m + 1 / n)}`, for m new rows and n of
  training;
- v by an F test that knows the kurtosis, and that a few rare values may be in one sample and not in
  the other by chance alone (`sknn_opt.checks.shift.spread`). If all new values are equal, what
  counts is how probable that is, if others are as rare as the range allows;
- values beyond the training maximum (or minimum): among n + m rows in random order the k largest
  are all new ones with probability :math:`\\binom{m}{k} / \\binom{m + n}{k}`, whatever the
  distribution;
- missing values by Fisher's exact test.

References
----------
.. [1] P. C. Austin, "Balance diagnostics for comparing the distribution of baseline covariates
   between treatment groups in propensity-score matched samples", Statistics in Medicine 28, 2009,
   pp. 3083-3107.
.. [2] D. B. Rubin, "Using propensity scores to help design observational studies: application to
   the tobacco litigation", Health Services and Outcomes Research Methodology 2, 2001, pp. 169-188.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import issparse
from scipy.stats import hypergeom, norm
from sklearn.utils.validation import validate_data

from sknn_opt.arrays import moments
from sknn_opt.arrays.types import Matrix
from sknn_opt.checks.opener import open_normalizer
from sknn_opt.checks.shift.categories import category_shift
from sknn_opt.checks.shift.report import (
    FALSE_ALARMS,
    LEAST_MEAN,
    LEAST_RATIO,
    LEAST_SHARE,
    OK,
    SHIFTED,
    UNKNOWN,
    FeatureShift,
    ShiftReport,
)
from sknn_opt.checks.shift.spread import grew, log_ratio, shrank
from sknn_opt.checks.shift.training import moments_of
from sknn_opt.tables.encoder import TableEncoder

FLOAT32 = float(np.finfo(np.float32).eps)  # new data may come in another precision
BLOCK = 2**18  # numbers looked at together


def check_shift(normalizer: Any, X_new: Matrix) -> ShiftReport:
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

    Returns
    -------
    ShiftReport
        With a verdict for each feature and one for all; prints as a table.

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
    opened = open_normalizer(normalizer, X_new, tables=True)
    if isinstance(opened.part, TableEncoder):
        return _shift_of_table(opened)
    X_new = checked_for(opened.part, opened.X)
    features, n_training, sees = _features(opened.part, X_new, opened.names, X_new.shape[1])
    return ShiftReport(features, X_new.shape[0], n_training, sees, opened.notes)


def _shift_of_table(opened):
    """The report on a table: numbers and dates as numbers, categories by their shares."""
    encoder, names = opened.part, opened.names
    cells, codebook = encoder._cells(opened.X), encoder._codebook
    words = sorted(set() if codebook is None else codebook.values.keys() & encoder._kinds.keys())
    blocks = [block for block, _ in encoder._blocks if getattr(block, "amounts", ())]
    sources = [(block, i, j) for block in blocks for i, j in block.amounts]
    n_features, n_training, sees, found = len(sources) + len(words), 0.0, 0.0, {}
    for block in blocks:
        own = [names[j] for j, _ in block.sources]
        found[block], n_training, at_worst = _features(
            block.normalizer, block.read(cells), own, n_features
        )
        sees = max(sees, at_worst)
    rows = {j: found[block][i] for block, i, j in sources}
    for j in words:
        before, label = codebook.counts[j], partial(codebook.label, j)
        level = FALSE_ALARMS / (8 * n_features)
        rows[j] = category_shift(names[j], cells.codes([j])[:, 0], before, label, level)
        n_training = float(before.sum())
    return ShiftReport(
        tuple(rows[j] for j in sorted(rows)), cells.n_rows, n_training, sees, opened.notes
    )


def _features(normalizer, X_new, names, n_features):
    """The rows of the columns of X, of so many features in all; the training rows; what it sees."""
    training, n = moments_of(normalizer), X_new.shape[1]
    add = moments.add_sparse if issparse(X_new) else moments.add_dense
    new = add(moments.no_moments(n), X_new)
    measures, level = _measures(training, new), FALSE_ALARMS / (8 * n_features)
    with np.errstate(all="ignore"):
        below, above, kurtosis = _tails(X_new, training, new)
        notes = _findings(X_new, training, new, measures, (below, above), kurtosis, level)
        sees = norm.isf(level) * np.sqrt(1 / new.count + 1 / training.count)
    measures["outside"] = below + above
    features = tuple(
        _feature(j, name, training, new, measures, notes[j]) for j, name in enumerate(names)
    )
    return features, float(np.max(training.total)), float(sees.max())


def checked_for(normalizer, X):
    """X as an array or CSR matrix that the normalizer could take; NaN may be in it."""
    accepted = {"accept_sparse": "csr", "ensure_all_finite": "allow-nan"}
    return validate_data(normalizer, X, reset=False, **accepted)


def _constant(training):
    """Where the training data have one value only."""
    return moments.scale(training) != moments.deviation(training)


def _tails(X, training, new):
    """The shares of each column below and above the training range, and its kurtosis."""
    middle, size = np.abs(moments.mean(training)), training.high - training.low
    slack = FLOAT32 * np.where(_constant(training), middle, size)
    low, high = training.low - slack, training.high + slack
    mean, std = moments.mean(new), moments.deviation(new)
    below, above, fourth = np.zeros((3, X.shape[1]))
    n_rows = max(1, BLOCK // X.shape[1])
    for start in range(0, X.shape[0], n_rows):
        rows = X[start : start + n_rows]
        rows = (rows.toarray() if issparse(rows) else rows).astype(np.float64)
        below += (rows < low).sum(axis=0)
        above += (rows > high).sum(axis=0)
        rows = (rows - mean) / std
        fourth += np.nansum(np.square(np.square(rows, out=rows), out=rows), axis=0)
    unknown = np.where(np.isnan(training.low), np.nan, 0.0)
    return (below + unknown) / new.count, (above + unknown) / new.count, fourth / new.count


def _measures(training, new):
    """Numbers of a `FeatureShift`: a dict of arrays of shape (n_features,)."""
    mu, m, before = moments.mean(training), new.count, moments.missing_share(training)
    known = ~np.isnan(training.low) | (training.count == 0)
    with np.errstate(all="ignore"):
        std = np.where(_constant(training), np.nan, moments.deviation(training))
        return {
            "mean_difference": moments.mean(new) / std - mu / std,
            # an unbiased estimate: m / (m - 1)
            "variance_ratio": np.square(moments.deviation(new) / std) * (m / (m - 1)),
            "missing": moments.missing_share(new),
            "missing_in_training": np.where(known, before, np.nan),
        }


def _findings(X, training, new, measures, tails, kurtosis, level):
    """For each feature what is more than chance, in words."""
    d, v = measures["mean_difference"], measures["variance_ratio"]
    m, n, (below, above) = new.count, training.count, tails
    error = np.sqrt(np.where(v > 1, v, 1.0) * (1 / m + 1 / n))
    far = np.maximum(norm.isf(level) * error, LEAST_MEAN)
    spread = training, new, v, kurtosis, level, LEAST_RATIO
    more = measures["missing"] - measures["missing_in_training"]
    words = {
        "mean rose": d > far,
        "mean fell": d < -far,
        "variance grew": grew(X, *spread),
        "variance shrank": shrank(*spread),
        "{0:.1%} below the range": _beyond(below, m, n, level),
        "{1:.1%} above the range": _beyond(above, m, n, level),
        "more is missing": _missing_more(new, training, level) & (more > LEAST_SHARE),
        "less is missing": _missing_more(training, new, level) & (-more > LEAST_SHARE),
    }
    return [
        [word.format(*shares) for word, found in words.items() if found[j]]
        for j, shares in enumerate(zip(*tails, strict=True))
    ]


def _beyond(share, m, n, level):
    """Where so many new values lie beyond the end of the training range by more than chance."""
    return (log_ratio(m, m + n, np.round(share * m)) < np.log(level)) & (share > LEAST_SHARE)


def _missing_more(one, other, level):
    """Where the first sample lacks more values than the second by more than chance: Fisher."""
    rows, others = np.round(one.total), np.round(other.total)
    lacking = np.round(one.total - one.count)
    all_lacking = lacking + np.round(other.total - other.count)
    return hypergeom.sf(lacking - 1, rows + others, all_lacking, rows) < level


def _feature(j, name, training, new, measures, found):
    notes, values = list(found), {key: float(measure[j]) for key, measure in measures.items()}
    if training.count[j] == 0:
        notes.append("no value in training")
    elif new.count[j] == 0:
        notes.append("no value in the new data")
    elif np.isnan(values["mean_difference"]):
        notes.append(f"constant in training: {moments.mean(training)[j]:.6g}")
    elif new.count[j] == 1:
        notes.append("one value: no variance")
    undecided = training.count[j] == 0 or new.count[j] == 0
    verdict = SHIFTED if found else UNKNOWN if undecided else OK
    return FeatureShift(name, verdict, **values, note=", ".join(notes))
