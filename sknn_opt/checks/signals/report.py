"""What became of the signals: a table for each point, a verdict, findings with remedies."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from sknn_opt.checks.signals.measures import LayerSignals
from sknn_opt.checks.signals.verdicts import HEALTHY, Finding, depth_limit, growth
from sknn_opt.checks.tables import data_frame, html_lines, html_table, text_table

if TYPE_CHECKING:
    from pandas import DataFrame

HEAD = (
    *("layer", "units", "rms z", "mean z", "rms a", "mean a", "forward", "backward", "dead"),
    *("saturated", "cosine", "rank", "‖W‖", "‖dW‖", "step/‖W‖"),
)
SHOWN = 14  # layers in a printed table; of deeper networks the first and the last ones


@dataclass(frozen=True)
class PointSignals:
    """What was found at one point.

    Attributes
    ----------
    name : str
        "initial weights" or "fitted weights".
    input : LayerSignals
        X itself: its rms and mean, cosine and effective rank.
    layers : tuple of LayerSignals
        One for each layer with weights, the outputs last.
    verdict : {"healthy", "vanishing", "exploding", "dead", "saturated", "collapsed"}
    findings : tuple of Finding
        What is wrong, where, and what to try; also remarks on a healthy network.
    """

    name: str
    input: LayerSignals
    layers: tuple[LayerSignals, ...]
    verdict: str
    findings: tuple[Finding, ...]

    @property
    def forward_growth(self) -> float:
        """The mean gain of a hidden layer (geometric, the first apart); NaN if there is one."""
        return growth(layer.forward_gain for layer in self.layers[1:-1])

    @property
    def backward_growth(self) -> float:
        """The same of the gradients on their way back."""
        return growth(layer.backward_gain for layer in self.layers[1:-1])

    @property
    def forward_limit(self) -> float:
        """The depth at which signals that grow so leave float32; infinity if they do not."""
        return depth_limit(self.forward_growth)

    @property
    def backward_limit(self) -> float:
        """The same of the gradients."""
        return depth_limit(self.backward_growth)

    def _rows(self):
        """The table's rows, as text."""
        rows = [_cells(layer) for layer in (self.input, *self.layers)]
        if len(rows) > SHOWN:
            half = SHOWN // 2
            left_out = f"({len(rows) - 2 * half} more)"
            rows[half:-half] = [("…", left_out, *[""] * (len(HEAD) - 2))]
        return rows

    def _growth_lines(self):
        for way, rate, limit in (
            ("signals", self.forward_growth, self.forward_limit),
            ("gradients", self.backward_growth, self.backward_limit),
        ):
            if not math.isnan(rate):
                line = f"{way} are multiplied by {rate:.3g} a layer"
                if limit < 10_000:
                    verb = "underflow" if rate < 1 else "overflow"
                    line += f": float32 would {verb} after {limit} layers"
                yield line


@dataclass(frozen=True, repr=False)
class SignalReport:
    """What `check_signals` found. Prints as a table; a notebook shows it as HTML.

    Attributes
    ----------
    points : tuple of PointSignals
        What was found at the initial weights and, of a fitted estimator, at the fitted ones.
    notes : tuple of str
        What was done to look at the network, for example "copies of its steps were fitted".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_opt import MLPClassifier, check_signals
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((30,) * 10, activation="logistic", init="glorot_uniform")
    >>> report = check_signals(net, X - X.mean(axis=0), y)
    >>> report
    <SignalReport: VANISHING at the initial weights; print it to see the table>
    >>> round(report.points[0].backward_growth, 1)
    0.2
    >>> report.findings[0].layer
    2
    """

    points: tuple[PointSignals, ...]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """ "healthy", or the verdict of the first point that is not."""
        return self._worst.verdict

    @property
    def passed(self) -> bool:
        """Whether the signals are healthy at every point."""
        return self.verdict == HEALTHY

    @property
    def findings(self) -> list[Finding]:
        """A list of what was found, the cause of the verdict first."""
        return list(self._worst.findings)

    @property
    def layers(self) -> tuple[LayerSignals, ...]:
        """The layers at the point that gave the verdict."""
        return self._worst.layers

    @property
    def _worst(self):
        """The first point that is not healthy, else the last."""
        return next((p for p in self.points if p.verdict != HEALTHY), self.points[-1])

    def to_frame(self) -> DataFrame:
        """The layers as a pandas DataFrame, one row each.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        names = [field.name for field in fields(LayerSignals) if field.name != "sample"]
        return data_frame(
            [
                {"point": point.name} | {name: getattr(layer, name) for name in names}
                for point in self.points
                for layer in point.layers
            ]
        )

    def _closing_lines(self):
        """The verdict, the findings and the notes."""
        worst = self._worst
        yield f"{worst.verdict.upper()} at the {worst.name}"
        for point in self.points:
            where = f"at the {point.name}, " if len(self.points) > 1 else ""
            yield from (f"{where}{finding}" for finding in point.findings)
        yield from (f"note: {note}" for note in self.notes)

    def __repr__(self):
        return f"<SignalReport: {next(self._closing_lines())}; print it to see the table>"

    def __str__(self):
        lines = []
        for point in self.points:
            lines += [f"at the {point.name}", *text_table(HEAD, point._rows())]
            lines += [*point._growth_lines(), ""]
        return "\n".join([*lines, *self._closing_lines()])

    def _repr_html_(self):
        tables = [
            html_table(f"at the {point.name}", HEAD, point._rows())
            + html_lines(f"at the {point.name}: {point.verdict}", [*point._growth_lines()])
            for point in self.points
        ]
        first, *rest = self._closing_lines()
        return "".join([*tables, html_lines(first, rest)])


def _cells(layer):
    """A row of the table, as text; empty where there is nothing to say."""

    def number(value, form=".2g"):
        return "" if math.isnan(value) else format(value, form)

    def share(value):
        return "" if math.isnan(value) else f"{value:.0%}"

    return (
        str(layer.layer) if layer.layer else "X", f"{layer.n_units:,}",
        number(layer.z_rms), number(layer.z_mean), number(layer.a_rms), number(layer.a_mean),
        number(layer.forward_gain, ".3g"), number(layer.backward_gain, ".3g"),
        share(layer.dead), share(layer.saturated), number(layer.cosine, ".2f"),
        number(layer.effective_rank, ".1f"), number(layer.weight_norm),
        number(layer.gradient_norm), number(layer.update_ratio),
    )  # fmt: skip
