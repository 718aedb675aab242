"""What became of the signals: a table for each point, a verdict, findings with remedies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sknn_opt.checks.layout import Column, Table
from sknn_opt.checks.report import Report, record
from sknn_opt.nn.signals import FLAT, STEEP, LayerSignals
from sknn_opt.training import symptoms
from sknn_opt.training.verdicts import HEALTHY, SLOW, Finding, depth_limit, growth

# A column, what stands in it, and its format.
COLUMNS = (
    (
        Column("layer", "From 1; the last is that of the outputs. X is the input.", left=True),
        "layer",
        "d",
    ),
    (Column("units", "How many units it has; of X the features.", 4), "n_units", ",d"),
    (Column("rms z", "Root mean square of the pre-activations z = a W + b.", 9), "z_rms", ".2g"),
    (Column("mean z", "Their mean.", 11), "z_mean", ".2g"),
    (
        Column("rms a", "Root mean square of the activations, of X, and of the raw outputs.", 3),
        "a_rms",
        ".2g",
    ),
    (Column("mean a", "Their mean.", 10), "a_mean", ".2g"),
    (
        Column("forward", "The gain of the signal: rms a over that of the layer below."),
        "forward_gain",
        ".3g",
    ),
    (
        Column("backward", "The gain of a random gradient on its way back through the layer."),
        "backward_gain",
        ".3g",
    ),
    (
        Column(
            "dead",
            f"Share of the units whose slope is below {FLAT:g} of the steepest for all rows: they "
            "cannot learn.",
            2,
        ),
        "dead",
        ".0%",
    ),
    (
        Column(
            "saturated",
            "Share of the activations of tanh or the logistic function where its slope is below "
            f"{STEEP:g} of the steepest.",
            2,
        ),
        "saturated",
        ".0%",
    ),
    (
        Column(
            "cosine", "Mean cosine between two rows, less what is the same for all; 1 if alike.", 8
        ),
        "cosine",
        ".2f",
    ),
    (
        Column("rank", "Effective rank of the rows: 1 if they lie in one direction.", 2),
        "effective_rank",
        ".1f",
    ),
    (Column("‖W‖", "Norm of the weights.", 6), "weight_norm", ".2g"),
    (Column("‖dW‖", "Norm of their gradient, without the penalty.", 7), "gradient_norm", ".2g"),
    (
        Column(
            "step/‖W‖", "How far the solver's first step moves them, as a share of their norm.", 5
        ),
        "update_ratio",
        ".2g",
    ),
)
MEANINGS = {
    "healthy": "None of these, or the loss falls all the same. There may be remarks.",
    "vanishing": "Over all layers a signal or a gradient shrinks below "
    f"{symptoms.VANISHING.limit:g}.",
    "exploding": f"Over all layers it grows beyond {symptoms.EXPLODING.limit:g} or overflows, or "
    f"the solver's first step multiplies the loss by more than {symptoms.UNSTABLE.limit:g}, or "
    "the loss grows in a rehearsal of the fit.",
    "dead": f"In some layer {symptoms.DEAD.limit:.0%} of the units have no slope for any row.",
    "saturated": f"More than {symptoms.SATURATED.limit:.0%} of the activations of a layer lie "
    "where tanh or the logistic function is flat, or next to no path through all layers is open.",
    "collapsed": "The rows have become alike: they differ by less than "
    f"{symptoms.COLLAPSED.limit:g} of what they have in common, or their effective rank is below "
    f"{symptoms.ONE_DIRECTION.limit:g}; or all units of a layer have equal weights.",
    "slow": f"In a rehearsal of the fit the loss does not come below {SLOW.limit:g} of that of a "
    "constant prediction, and would not at this pace.",
}
MILD = 2.0  # a gain between 1/2 and 2 is no reason to show a layer first


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

    def growth_lines(self) -> Iterator[str]:
        """What a layer makes of signals and gradients, and how many float32 stands."""
        rates = {"signals": self.forward_growth, "gradients": self.backward_growth}
        for way, rate in rates.items():
            if not math.isnan(rate):
                line, limit = f"{way} times {rate:.3g} a layer", depth_limit(rate)
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
    <SignalReport: VANISHING: at the initial weights; print it to see the table>
    >>> round(report.points[0].backward_growth, 1)
    0.2
    >>> report.findings[0].layer
    2
    """

    points: tuple[PointSignals, ...]
    notes: tuple[str, ...] = ()

    _COLUMNS = tuple(column for column, _, _ in COLUMNS)
    _VERDICTS = MEANINGS
    _REMARKS = (
        "The layers that a finding names are first, then those that are worse than others. The "
        "gain of a layer is the rms of what leaves it over the rms of what enters it: a gain of g "
        "in each of L layers makes g^L. Gains depend neither on the scale of X or of the loss nor "
        "on how y is coded.",
    )

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
            rows, below = (point.input, *point.layers), tuple(point.growth_lines())
            gravity = partial(_gravity, point, point is self._worst)
            yield Table(f"at the {point.name}", rows, gravity, below)

    def _cells(self, row):
        """Empty where there is nothing to say."""
        values = [(getattr(row, name), form) for _, name, form in COLUMNS]
        cells = ["" if math.isnan(value) else format(value, form) for value, form in values]
        return (cells[0] if row.layer else "X", *cells[1:])

    def _verdict_lines(self):
        worst = self._worst
        yield f"{worst.verdict.upper()}: at the {worst.name}"
        for point in self.points:
            where = f"at the {point.name}, " if len(self.points) > 1 else ""
            yield from (f"{where}{finding}" for finding in point.findings)


def _gravity(point, is_worst, layer):
    """How bad a layer is; those of a healthy network keep their order."""
    named = any(finding.layer == layer.layer for finding in point.findings)
    if point.passed:
        return is_worst, named, 0.0
    gains = (layer.forward_gain, layer.backward_gain)
    inside = layer is not point.layers[-1]  # the outputs have a width of their own
    bad = [_distance(gain) for gain in gains if inside and not math.isnan(gain)]
    bad += [share for share in (layer.dead, layer.saturated) if share > 0.5]
    return is_worst, named, max(bad, default=0.0)


def _distance(gain):
    """How many powers of 2 a gain is away from 1; 0 if it is mild."""
    size = abs(math.log2(gain)) if 0 < gain < math.inf else math.inf
    return round(size, 0) if size > math.log2(MILD) else 0.0
