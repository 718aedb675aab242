"""What became of the signals: a table for each point, a verdict, findings with remedies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sknn_opt.checks.report import Report, record
from sknn_opt.nn.signals import LayerSignals
from sknn_opt.training.verdicts import HEALTHY, Finding, depth_limit, growth

# heading of a column, what stands in it, and its format
COLUMNS = (
    ("layer", "layer", "d"),
    ("units", "n_units", ",d"),
    ("rms z", "z_rms", ".2g"),
    ("mean z", "z_mean", ".2g"),
    ("rms a", "a_rms", ".2g"),
    ("mean a", "a_mean", ".2g"),
    ("forward", "forward_gain", ".3g"),
    ("backward", "backward_gain", ".3g"),
    ("dead", "dead", ".0%"),
    ("saturated", "saturated", ".0%"),
    ("cosine", "cosine", ".2f"),
    ("rank", "effective_rank", ".1f"),
    ("‖W‖", "weight_norm", ".2g"),
    ("‖dW‖", "gradient_norm", ".2g"),
    ("step/‖W‖", "update_ratio", ".2g"),
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
    verdict : {"healthy", "vanishing", "exploding", "dead", "saturated", "collapsed", "slow"}
    findings : tuple of Finding
        What is wrong, where, and what to try; also remarks on a healthy network.
    """

    name: str
    input: LayerSignals
    layers: tuple[LayerSignals, ...]
    verdict: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether its verdict is "healthy"."""
        return self.verdict == HEALTHY

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

    def cells(self) -> list[tuple[str, ...]]:
        """The table's rows, as text."""
        rows = [_cells(layer) for layer in (self.input, *self.layers)]
        if len(rows) > SHOWN:
            half = SHOWN // 2
            left_out = f"({len(rows) - 2 * half} more)"
            rows[half:-half] = [("…", left_out, *[""] * (len(COLUMNS) - 2))]
        return rows

    def growth_lines(self) -> Iterator[str]:
        """What a layer makes of signals and gradients, and how many float32 stands."""
        rates = {"signals": self.forward_growth, "gradients": self.backward_growth}
        for way, rate in rates.items():
            if not math.isnan(rate):
                line, limit = f"{way} are multiplied by {rate:.3g} a layer", depth_limit(rate)
                if limit < 10_000:
                    verb = "underflow" if rate < 1 else "overflow"
                    line += f": float32 would {verb} after {limit} layers"
                yield line


@dataclass(frozen=True, repr=False)
class SignalReport(Report):
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

    _HEAD = tuple(heading for heading, _, _ in COLUMNS)

    @property
    def verdict(self) -> str:
        """ "healthy", or the verdict of the first point that is not."""
        return self._worst.verdict

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
        return next((point for point in self.points if not point.passed), self.points[-1])

    def _rows(self):
        return self.points

    def _records(self):
        points = self.points
        return [{"point": p.name} | record(layer) for p in points for layer in p.layers]

    def _tables(self):
        for point in self.points:
            yield f"at the {point.name}", point.cells(), list(point.growth_lines())

    def _verdict_lines(self):
        worst = self._worst
        yield f"{worst.verdict.upper()} at the {worst.name}"
        for point in self.points:
            where = f"at the {point.name}, " if len(self.points) > 1 else ""
            yield from (f"{where}{finding}" for finding in point.findings)


def _cells(layer):
    """A row of the table, as text; empty where there is nothing to say."""
    values = [(getattr(layer, name), form) for _, name, form in COLUMNS]
    cells = ["" if math.isnan(value) else format(value, form) for value, form in values]
    return (cells[0] if layer.layer else "X", *cells[1:])
