"""Have the values of a category changed: new ones, other shares, more or fewer gaps?

A share counts as changed if it moved by more than 0.01 and chance does not explain it. Of m new
rows and n of training, of which a and b hold a value, a alone or more come about with the
probability of Fisher's exact test; that is held to the level of a feature, over the number of
values. Values that training had not are judged together: in a sample of the same distribution their
share is about that of the values that training had once (Good and Turing [1]_).

References
----------
.. [1] I. J. Good, "The population frequencies of species and the estimation of population
   parameters", Biometrika 40, 1953, pp. 237-264.
"""

import numpy as np
from scipy.stats import hypergeom

from sknn_opt.checks.shift.report import LEAST_SHARE, OK, SHIFTED, UNKNOWN, FeatureShift
from sknn_opt.tables.categories import MISSING, UNSEEN

SHOWN = 3  # values that a note names


def counted(codes, k):
    """How often each of k codes comes, then gaps, then values that training had not."""
    places = np.where(codes == MISSING, k, np.where(codes == UNSEEN, k + 1, codes))
    return np.bincount(places, minlength=k + 2)


def category_shift(name, counts, before, label, level):
    """A feature's row, of what was `counted` in new rows, and of counts in training, gaps last."""
    m, n, k = counts.sum(), before.sum(), len(before) - 1
    now, unseen, once = counts[:-1], counts[-1], np.count_nonzero(before[:k] == 1)
    notes = []
    if unseen / m - once / n > LEAST_SHARE and more_than_chance(unseen, m, once, n) < level:
        notes.append(f"{unseen / m:.1%} have values that training had not")
    change = now / m - before / n
    chance = np.where(
        change > 0, more_than_chance(now, m, before, n), more_than_chance(before, n, now, m)
    )
    found = np.flatnonzero((np.abs(change) > LEAST_SHARE) & (chance < level / (k + 1)))
    found = found[np.argsort(-np.abs(change[found]), kind="stable")]
    values = [c for c in found if c != k]
    for c in values[:SHOWN]:
        notes.append(f"{label(c)!r} went from {before[c] / n:.1%} to {now[c] / m:.1%}")
    notes += [f"{len(values) - SHOWN} other shares changed"] if len(values) > SHOWN else []
    notes += ["more is missing" if change[k] > 0 else "less is missing"] if k in found else []
    shifted, known = bool(notes), now[k] < m
    if not known:
        notes.append("no value in the new data")
    verdict = SHIFTED if shifted else OK if known else UNKNOWN
    nan = float("nan")
    shares = (unseen / m, now[k] / m, float(before[k] / n))
    return FeatureShift(name, verdict, nan, nan, *map(float, shares), note=", ".join(notes))


def more_than_chance(a, m, b, n):
    """The probability of a or more among the m, if a + b are spread over m + n rows at random."""
    a, b, m, n = np.round(a), np.round(b), np.round(m), np.round(n)
    return hypergeom.sf(a - 1, m + n, a + b, m)
