"""Do two sets of scores of the same candidates agree, given their errors?

The error of a mean over K splits of the same rows is larger than σ / √K, because the splits share
rows: σ √(1/K + n_test/n_train). Source: Nadeau and Bengio (2003), "Inference for the generalization
error". What a split does to all candidates alike is taken out of σ first.

The best of many candidates has been lucky too, so on new data it loses a little even where nothing
has changed. How much is seen by drawing: true scores, the same for old and new data, with the
errors of each; the old best is chosen anew in every draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from sknn_opt.arrays.types import Floats

N_DRAWS = 4000
PRIOR = 4.0  # degrees of freedom with which the variance of a candidate leans on that of the others
N_RESAMPLES = 300


@dataclass(frozen=True)
class Measured:
    """Scores of candidates and their errors; `share` is rows for test over rows for training."""

    splits: Floats  # (n_candidates, n_splits)
    share: float

    @property
    def means(self) -> Floats:
        """The score of each candidate."""
        return self.splits.mean(axis=1)

    @property
    def factor(self) -> float:
        """The squared error of a mean over the variance of one split."""
        return 1 / self.splits.shape[1] + self.share

    @property
    def errors(self) -> Floats:
        """The standard error of each, beside what all have in common; NaN of a single split."""
        n, n_splits = self.splits.shape
        if n_splits < 2 or n < 2:
            return np.full(n, np.nan)
        rest = self.splits - self.means[:, None] - self.splits.mean(axis=0) + self.splits.mean()
        variances = (rest**2).sum(axis=1) / ((n_splits - 1) * (1 - 1 / n))
        leaning = (n_splits - 1) * variances + PRIOR * np.median(variances)
        return np.sqrt(self.factor * leaning / (n_splits - 1 + PRIOR))


def chance_of_loss(old: Measured, new: Measured, best: int, rng: np.random.RandomState) -> float:
    """How often the old best loses as much where nothing has changed.

    Parameters
    ----------
    old, new : Measured
        Of the same candidates in the same order.
    best : int
        The old best.
    rng : RandomState

    Returns
    -------
    p : float
        NaN if an error is not known.
    """
    errors = old.errors, new.errors
    if not np.isfinite(errors).all():
        return float("nan")
    loss = new.means.max() - new.means[best]
    truth = _truth(old, new)
    seen, again = (truth + error * rng.standard_normal((N_DRAWS, len(truth))) for error in errors)
    chosen = np.take_along_axis(again, seen.argmax(axis=1)[:, None], axis=1)[:, 0]
    return float((1 + np.sum(again.max(axis=1) - chosen >= loss)) / (1 + N_DRAWS))


def _truth(old, new):
    """One score for each candidate from both data, drawn together by as much as errors spread."""
    weights = np.array([old.errors, new.errors]) ** -2.0 if np.all(new.errors > 0) else None
    both = np.array([m.means - m.means.mean() for m in (old, new)])
    if weights is None or not np.isfinite(weights).all():
        return both.mean(axis=0)
    pooled = (weights * both).sum(axis=0) / weights.sum(axis=0)
    noise = np.mean(1 / weights.sum(axis=0))
    spread = pooled.var(ddof=1) if len(pooled) > 1 else 0.0
    kept = max(0.0, 1 - noise / spread) if spread else 0.0
    return pooled.mean() + kept * (pooled - pooled.mean())


def differences(new: Measured, best: int) -> tuple[Floats, Floats]:
    """How much better than the old best each candidate is on new data, and the standard errors."""
    gains = new.splits - new.splits[best]
    if gains.shape[1] < 2:
        return gains.mean(axis=1), np.full(len(gains), np.nan)
    variances = gains.var(axis=1, ddof=1)
    others = np.delete(variances, best)
    n_splits = gains.shape[1]
    leaning = (n_splits - 1) * variances + PRIOR * np.median(others)
    errors = np.sqrt(new.factor * leaning / (n_splits - 1 + PRIOR))
    errors[best] = 0.0
    return gains.mean(axis=1), errors


def critical(n_splits: int, n_others: int, level: float) -> float:
    """The t that a difference must exceed; of several candidates, all together (Bonferroni)."""
    return float(stats.t.isf(level / n_others, n_splits - 1 + PRIOR))


def rank_correlation(old: Floats, new: Floats, rng: np.random.RandomState) -> tuple[float, ...]:
    """Kendall's τ of two orders, its error by a bootstrap over candidates, and p of τ <= 0.

    Parameters
    ----------
    old, new : ndarray of shape (n_candidates,)
        Large is good.
    rng : RandomState

    Returns
    -------
    tau, error, p : float
        NaN if all are equal.
    """
    found = stats.kendalltau(old, new, alternative="greater")
    if not np.isfinite(found.statistic):
        return float("nan"), float("nan"), 1.0
    draws = rng.randint(len(old), size=(N_RESAMPLES, len(old)))
    again = [_tau(old[draw], new[draw]) for draw in draws]
    return float(found.statistic), float(np.nanstd(again, ddof=1)), float(found.pvalue)


def _tau(old, new):
    """NaN where a draw holds one candidate only."""
    if np.ptp(old) == 0 or np.ptp(new) == 0:
        return np.nan
    return stats.kendalltau(old, new).statistic
