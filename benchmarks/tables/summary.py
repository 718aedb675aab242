"""What was measured, compared: by pairs on the same rows, then geometric means over the tables.

The ratio of two models on a table is (a + 0.01) / (b + 0.01) of the means over the splits that both
have, so that a tiny error does not decide; ± is the standard error over the tables, on the
logarithms.
"""

from itertools import product

import numpy as np
from speed.reporting import machine, simple_table

from tables.contenders import BOOSTING, SKLEARN
from tables.sets import HALVES, KINDS

SHIFT = 0.01
CLEARLY_WORSE = 1.10
OURS = "balanced"
MEASURES = ("error", "log-loss", "absolute error")


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
        self._splits = range(splits)
        self._found = {}
        for table, one, seed in product(tables, contenders, self._splits):
            found = results.get(table.name, most_rows, seed, one.name, one.version)
            if found:
                self._found[table.name, one.name, seed] = found
        measured = {name for _, name, _ in self._found}
        self.names = [one.name for one in contenders if one.name in measured]

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
                *(comparison.ratio(model, SKLEARN, measure, **where) for measure in MEASURES),
                f"{calibration.mean():.3f}" if len(calibration) else "-",
                *comparison.time(model, **where),
                comparison.worse(model, BOOSTING, **where),
            )
        )
    header = (
        "model",
        "tables",
        *MEASURES,
        "calibration",
        "time",
        "of all",
        "worse than boosting",
    )
    return simple_table(header, rows)


def ours_over(comparison, model=OURS):
    """Our measures over those of each rival, on parts of the tables."""
    parts = {half: {"half": half} for half in HALVES} | {"mixed": {"kind": "mixed"}, "all": {}}
    rows = [
        (
            rival,
            part,
            len(comparison.pairs(model, rival, "error", **where)),
            *(comparison.ratio(model, rival, measure, **where) for measure in MEASURES),
            *(comparison.worse(model, rival, measure, **where) for measure in MEASURES[:2]),
        )
        for rival in comparison.names
        if rival != model
        for part, where in parts.items()
    ]
    header = ("rival", "part", "tables", *MEASURES, "worse error", "worse log-loss")
    return simple_table(header, rows)


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
