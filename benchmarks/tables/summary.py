"""What was measured, compared: by pairs on the same rows, then geometric means over the tables.

The ratio of two models on a table is (a + 0.01) / (b + 0.01) of the means over the splits that both
have, so that a tiny error does not decide; ± is the standard error over the tables, on the
logarithms.
"""

import numpy as np
from speed.reporting import machine, simple_table

from tables.contenders import BOOSTING, SKLEARN
from tables.sets import HALVES, KINDS

SHIFT = 0.01
CLEARLY_WORSE = 1.10
OURS = "balanced"


class Comparison:
    """The measures of contenders on tables.

    Parameters
    ----------
    tables : list of Table
    contenders : list of Contender
    results : Results
    most_rows, splits : int
        What the results were measured with.
    """

    def __init__(self, tables, contenders, results, most_rows, splits):
        self.tables = tables
        self.names = [one.name for one in contenders]
        self._found = {
            (table.name, one.name, seed): results.get(
                table.name, most_rows, seed, one.name, one.version
            )
            for table in tables
            for one in contenders
            for seed in range(splits)
        }
        self._splits = range(splits)

    def pair(self, table, model, rival, measure):
        """Means of a measure over the splits that both have, or None."""
        both = []
        for seed in self._splits:
            a, b = (self._found.get((table.name, name, seed)) for name in (model, rival))
            if a and b and measure in a:
                both.append((a[measure], b[measure]))
        return np.mean(both, axis=0) if both else None

    def pairs(self, model, rival, measure, *, kind=None, half=None):
        """Array of a pair for each table of the kind and half on which both were measured."""
        found = [
            self.pair(table, model, rival, measure)
            for table in self.tables
            if kind in (None, table.kind) and half in (None, table.half)
        ]
        return np.array([pair for pair in found if pair is not None]).reshape(-1, 2)

    def ratio(self, model, rival, measure, **where):
        """Geometric mean ± standard error, as text."""
        pairs = self.pairs(model, rival, measure, **where) + SHIFT
        if not len(pairs):
            return "-"
        logs = np.log(pairs[:, 0] / pairs[:, 1])
        mean, error = np.exp(logs.mean()), logs.std() / max(len(logs) - 1, 1) ** 0.5
        return f"{mean:.3f} ± {mean * error:.3f}"

    def worse(self, model, rival, measure="error", **where):
        """On how many tables, and of how many, a model is clearly worse."""
        pairs = self.pairs(model, rival, measure, **where) + SHIFT
        n_worse = np.sum(pairs[:, 0] > CLEARLY_WORSE * pairs[:, 1])
        return f"{n_worse} of {len(pairs)}"

    def time(self, model, **where):
        """Time of fit and predict over that of scikit-learn's MLP, by table and of all."""
        pairs = sum(self.pairs(model, SKLEARN, part, **where) for part in ("fit", "predict"))
        if not len(pairs):
            return "-", "-"
        by_table = np.exp(np.log(pairs[:, 0] / pairs[:, 1]).mean())
        total = pairs.sum(axis=0)
        return f"{by_table:.2f}", f"{total[0] / total[1]:.2f}"


def over_sklearn(comparison, kind, half):
    """One row for each model: its measures over those of scikit-learn's MLP."""
    where = {"kind": kind, "half": half}
    rows = []
    for model in comparison.names:
        calibration = comparison.pairs(model, model, "calibration", **where)[:, 0]
        rows.append(
            (
                model,
                len(comparison.pairs(model, SKLEARN, "error", **where)),
                comparison.ratio(model, SKLEARN, "error", **where),
                comparison.ratio(model, SKLEARN, "log-loss", **where),
                comparison.ratio(model, SKLEARN, "absolute error", **where),
                f"{calibration.mean():.3f}" if len(calibration) else "-",
                *comparison.time(model, **where),
                comparison.worse(model, BOOSTING, **where),
            )
        )
    header = (
        "model",
        "tables",
        "error",
        "log-loss",
        "absolute error",
        "calibration",
        "time",
        "of all",
        "worse than boosting",
    )
    return simple_table(header, rows)


def ours_over(comparison, model=OURS):
    """One row for each rival: our measures over its."""
    rows = []
    for rival in comparison.names:
        if rival != model and len(comparison.pairs(model, rival, "error")):
            ratios = [
                comparison.ratio(model, rival, measure, half=half)
                for measure in ("error", "log-loss", "absolute error")
                for half in HALVES
            ]
            worse = [comparison.worse(model, rival, measure) for measure in ("error", "log-loss")]
            rows.append((rival, *ratios, *worse))
    short = [half[:4] + "." for half in HALVES]
    header = [f"{name}, {half}" for name in ("error", "log-loss", "abs. error") for half in short]
    return simple_table(("rival", *header, "worse error", "worse log-loss"), rows)


def errors(comparison):
    """One row for each table: the error of each model."""
    rows = []
    for table in comparison.tables:
        each = [comparison.pair(table, name, name, "error") for name in comparison.names]
        cells = ["-" if pair is None else f"{pair[0]:.3f}" for pair in each]
        rows.append((table.name, table.kind, table.half[:4] + ".", *cells))
    return simple_table(("table", "kind", "half", *comparison.names), rows)


def report(tables, contenders, results, most_rows, splits):
    """All of it as text."""
    comparison = Comparison(tables, contenders, results, most_rows, splits)
    parts = []
    for kind in KINDS:
        for half in HALVES:
            title = f"Tables of {kind}" if kind == "numbers" else "Mixed tables"
            parts.append(f"{title}, {half}, over {SKLEARN}")
            parts.append(over_sklearn(comparison, kind, half))
    parts += [f"{OURS} over each rival", ours_over(comparison)]
    parts += ["Errors: 1 - accuracy, or 1 - R²", errors(comparison), machine()]
    return "\n\n".join(parts) + "\n"
