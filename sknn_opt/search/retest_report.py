"""What `retest` found: a row for each candidate, and a verdict in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sknn_opt.checks.layout import Column, Table
from sknn_opt.checks.report import Report
from sknn_opt.checks.texts import number, shortened
from sknn_opt.search.results import described

OLD_BEST, LEVEL, WORSE, BETTER, FAILED = "OLD BEST", "LEVEL", "WORSE", "BETTER", "FAILED"
LEVEL_OF_ERROR = 0.05
WIDEST = 60  # letters of a candidate in a sentence
COLUMNS = (
    Column(
        "old", "Rank in the search, among the candidates of the retest; 1 is the best.", least=8
    ),
    Column("new", "Rank on the new data.", least=8),
    Column("old score", "Mean score over the splits of the search.", 4),
    Column("new score", "Mean score over the splits of the new data.", 2),
    Column("to old best", "How much better it is than the old best on the new data.", 3),
    Column("error", "Standard error of that.", 5),
    Column(
        "verdict",
        "OLD BEST is the first of the search. LEVEL: as good as that within the error. BETTER or "
        "WORSE: by more than it. FAILED: no score on the new data.",
        1,
        True,
    ),
    Column("candidate", "Its hyperparameters.", left=True, least=32),
)
MEANINGS = {
    "still first": "The ranks agree (Kendall's τ above 0, with a chance of at most "
    f"{LEVEL_OF_ERROR:g} if the orders had nothing in common), and none is BETTER.",
    "cannot say": "Neither of the other two: more new rows help.",
    "stale": "The old best loses more than it would by chance if nothing had changed (a chance of "
    f"at most {LEVEL_OF_ERROR:g}), or it fails.",
}


@dataclass(frozen=True)
class RetestedCandidate:
    """One candidate.

    Attributes
    ----------
    old_rank, new_rank : int
        Among the candidates of the retest, 1 is the best.
    verdict : {"OLD BEST", "LEVEL", "WORSE", "BETTER", "FAILED"}
        Compared with the old best on the new data; LEVEL: their scores differ by less than their
        errors can tell.
    old_score, new_score : float
        Means over the splits.
    difference, error : float
        How much better than the old best it is on the new data, and the standard error of that.
    params : dict
        Its hyperparameters.
    """

    old_rank: int
    new_rank: int
    verdict: str
    old_score: float
    new_score: float
    difference: float
    error: float
    params: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether it does not beat the old best."""
        return self.verdict != BETTER

    def cells(self) -> tuple[str, ...]:
        """The table's row, as text."""
        difference, error = number(self.difference, "+.4f"), f"± {number(self.error, '.4f')}"
        apart = self.verdict != OLD_BEST and not math.isnan(self.difference)
        return (
            str(self.old_rank),
            str(self.new_rank),
            number(self.old_score, ".4f"),
            "-" if math.isnan(self.new_score) else number(self.new_score, ".4f"),
            difference if apart else "",
            error if apart and not math.isnan(self.error) else "",
            self.verdict,
            described(self.params),
        )


@dataclass(frozen=True, repr=False)
class RetestReport(Report):
    """What `retest` found. Prints as a table; a notebook shows it as HTML.

    Attributes
    ----------
    candidates : tuple of RetestedCandidate
        The old best first.
    tau : float
        Kendall's rank correlation of old and new order; 1 is the same order, 0 none in common.
    tau_error : float
        Its standard error, from a bootstrap over the candidates.
    p_tau : float
        The chance of such a correlation if the orders had nothing in common.
    p_loss : float
        The chance of such a loss of the old best if nothing had changed; NaN if it is not known.
    metric : str
        What the scores are called.
    n_new : int
        Number of new rows.
    n_splits : int
        Number of splits.
    notes : tuple of str
        What was done to find out.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sknn_opt.search import retest
    >>> X, y = load_digits(return_X_y=True)
    >>> search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 4, 8, 16, 32, 64]})
    >>> report = retest(search.fit(X[::2], y[::2]), X[1::2], y[1::2])
    >>> report.passed, report.candidates[0].new_rank
    (True, 1)
    """

    candidates: tuple[RetestedCandidate, ...]
    tau: float
    tau_error: float
    p_tau: float
    p_loss: float
    metric: str
    n_new: int
    n_splits: int
    notes: tuple[str, ...] = ()

    _COLUMNS = COLUMNS
    _VERDICTS = MEANINGS
    _REMARKS = ("The old best is first, then those that are better now, by their new ranks.",)

    @property
    def old_best(self) -> RetestedCandidate:
        """The first of the search."""
        return self.candidates[0]

    @property
    def new_best(self) -> RetestedCandidate:
        """The first on the new data."""
        return min(self.candidates, key=lambda row: row.new_rank)

    @property
    def loss(self) -> float:
        """What keeping the old best costs against the new best; NaN if it fails by now."""
        return self.new_best.new_score - self.old_best.new_score

    @property
    def verdict(self) -> str:
        """ "still first", "stale" or "cannot say"."""
        if self.p_loss <= LEVEL_OF_ERROR:
            return "stale"
        beaten = any(row.verdict == BETTER for row in self.candidates)
        if self.p_tau <= LEVEL_OF_ERROR and not beaten and math.isfinite(self.p_loss):
            return "still first"
        return "cannot say"

    @property
    def passed(self) -> bool:
        """Whether the old best is not known to be stale."""
        return self.verdict != "stale"

    def _rows(self):
        return self.candidates

    def _tables(self):
        caption = f"{self.metric} on {self.n_new:,} new rows, {self.n_splits} splits"
        yield Table(caption, self.candidates, _gravity)

    def _verdict_lines(self) -> Iterator[str]:
        yield f"{self.verdict.upper()}: {self._reason()}"
        if math.isfinite(self.tau):
            yield (
                f"ranks of {len(self.candidates)} candidates: Kendall's τ = {self.tau:.2f} ± "
                f"{self.tau_error:.2f} (1 is the same order)"
            )
        if self.new_best is not self.old_best:
            what = shortened(described(self.new_best.params), WIDEST)
            yield f"best on the new data: {what}"

    def _reason(self):
        """Why this verdict."""
        old, best = self.old_best, self.new_best
        if old.verdict == FAILED:
            return "the old best fails on the new data"
        rank = f"the old best ranks {old.new_rank} of {len(self.candidates)} on the new data"
        loss = number(self.loss, ".4f")
        cost = f"{loss} ± {number(best.error, '.4f')}"
        if self.verdict == "stale":
            chance = f"a chance of {self.p_loss:.1%} if nothing had changed"
            return f"{rank}, and keeping it costs {cost}, which has {chance}"
        if self.verdict == "still first":
            level = "" if best is old else f", {loss} behind the first, within its error"
            return f"{rank}{level}, and the order of the others holds"
        if not math.isfinite(self.p_loss):
            return f"{rank}, but a single split has no error: give cv two splits or more"
        if any(row.verdict == BETTER for row in self.candidates):
            return f"{rank}, {cost} behind the first, which may have been better before"
        return f"{rank}, but the scores differ by too little for their errors; more rows would tell"


def _gravity(row):
    """The old best, then by the new rank."""
    return row.verdict == OLD_BEST or row.old_rank == 1, -row.new_rank
