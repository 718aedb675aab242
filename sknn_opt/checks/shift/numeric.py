"""Have the numbers of new rows left the distribution of the training data?

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
  the other by chance alone (`sknn_opt.checks.shift.spread`);
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

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from scipy.stats import hypergeom, norm
from sklearn.utils.validation import validate_data

from sknn_opt.arrays import moments
from sknn_opt.checks.shift.report import (
    LEAST_MEAN,
    LEAST_RATIO,
    LEAST_SHARE,
    OK,
    SHIFTED,
    UNKNOWN,
    FeatureShift,
)
from sknn_opt.checks.shift.spread import log_ratio, wider
from sknn_opt.checks.shift.training import moments_of

FLOAT32 = float(np.finfo(np.float32).eps)  # new data may come in another precision
BLOCK = 2**18  # numbers looked at together


class NumberTally(NamedTuple):
    """What is kept of new rows: moments, and how many values lie beyond the training range."""

    moments: moments.Moments
    below: Any
    above: Any

    @property
    def n_rows(self):
        """The number of rows."""
        return int(self.moments.total.max())

    def joined(self, other):
        """That of the rows of both."""
        both = moments.joined(self.moments, other.moments)
        return NumberTally(both, self.below + other.below, self.above + other.above)


class NumberObserver:
    """Holds columns to what a normalizer knows of its training data."""

    def __init__(self, normalizer, names):
        self._normalizer, self._names = normalizer, names
        self._training = moments_of(normalizer)
        self.n_features, self.n_training = len(names), float(np.max(self._training.total))

    def tally(self, X):
        """What is kept of the rows of X."""
        X = self.numbers(X)
        # All tallies are seen from the mean of the training data, so that they can be joined.
        shift = np.nan_to_num(moments.mean(self._training))
        nothing = moments.no_moments(X.shape[1])._replace(shift=shift)
        add = moments.add_sparse if issparse(X) else moments.add_dense
        return NumberTally(add(nothing, X), *_beyond_range(X, self._training))

    def numbers(self, X):
        """The rows of X as the normalizer takes them."""
        return checked_for(self._normalizer, X)

    def judged(self, tally, level):
        """A row for each feature, each test held to the level; the shift of a mean that it sees."""
        training, new = self._training, tally.moments
        with np.errstate(all="ignore"):
            tails = tally.below / new.count, tally.above / new.count
            measures = _measures(training, new)
            notes = _findings(training, new, measures, tails, level)
            sees = norm.isf(level) * np.sqrt(1 / new.count + 1 / training.count)
        measures["outside"] = tails[0] + tails[1]
        features = [
            _feature(j, name, training, new, measures, notes[j])
            for j, name in enumerate(self._names)
        ]
        return features, float(sees.max())


def checked_for(normalizer, X):
    """X as an array or CSR matrix that the normalizer could take; NaN may be in it."""
    accepted = {"accept_sparse": "csr", "ensure_all_finite": "allow-nan"}
    return validate_data(normalizer, X, reset=False, **accepted)


def _constant(training):
    """Where the training data have one value only."""
    return moments.scale(training) != moments.deviation(training)


def _beyond_range(X, training):
    """The numbers of values of each column below and above the training range; NaN if unknown."""
    middle, size = np.abs(moments.mean(training)), training.high - training.low
    slack = FLOAT32 * np.where(_constant(training), middle, size)
    low, high = training.low - slack, training.high + slack
    below, above = np.zeros((2, X.shape[1]))
    n_rows = max(1, BLOCK // X.shape[1])
    for start in range(0, X.shape[0], n_rows):
        rows = X[start : start + n_rows]
        rows = rows.toarray() if issparse(rows) else rows
        below += (rows < low).sum(axis=0)
        above += (rows > high).sum(axis=0)
    unknown = np.where(np.isnan(training.low), np.nan, 0.0)
    return below + unknown, above + unknown


def _measures(training, new):
    """Numbers of a `FeatureShift`: a dict of arrays of shape (n_features,)."""
    mu, m, before = moments.mean(training), new.count, moments.missing_share(training)
    known = ~np.isnan(training.low) | (training.count == 0)
    with np.errstate(all="ignore"):
        std = np.where(_constant(training), np.nan, moments.deviation(training))
        return {
            "mean_difference": np.where(m > 0, moments.mean(new) / std - mu / std, np.nan),
            # an unbiased estimate: m / (m - 1)
            "variance_ratio": np.square(moments.deviation(new) / std) * (m / (m - 1)),
            "missing": moments.missing_share(new),
            "missing_in_training": np.where(known, before, np.nan),
        }


def _findings(training, new, measures, tails, level):
    """For each feature what is more than chance, in words."""
    d, v = measures["mean_difference"], measures["variance_ratio"]
    m, n, (below, above) = new.count, training.count, tails
    error = np.sqrt(np.where(v > 1, v, 1.0) * (1 / m + 1 / n))
    far = np.maximum(norm.isf(level) * error, LEAST_MEAN)
    more = measures["missing"] - measures["missing_in_training"]
    words = {
        "mean rose": d > far,
        "mean fell": d < -far,
        "variance grew": wider(new, training, v > LEAST_RATIO, level),
        "variance shrank": wider(training, new, v < 1 / LEAST_RATIO, level),
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
    elif training.count[j] <= 1:
        notes.append("one value in training")
    elif np.isnan(values["mean_difference"]):
        notes.append(f"constant in training: {moments.mean(training)[j]:.6g}")
    elif new.count[j] == 1:
        notes.append("one value: no variance")
    undecided = training.count[j] <= 1 or new.count[j] == 0
    verdict = SHIFTED if found else UNKNOWN if undecided else OK
    return FeatureShift(name, verdict, **values, note=", ".join(notes))
