"""What the functions and estimators hand out: the classes, for annotations and `isinstance`.

- `GradientReport`, `PointCheck`, `BlockCheck`: from `check_gradients`.
- `SignalReport`, `PointSignals`, `LayerSignals`, `Finding`: from `check_signals`.
- `ShiftReport`, `FeatureShift`: from `check_shift`.
- `Objective`: from ``estimator.objective``; `Block`: from its ``blocks`` and from ``blocks_``.
"""

from sknn_opt.checks.gradients.report import BlockCheck, GradientReport, PointCheck
from sknn_opt.checks.shift.report import FeatureShift, ShiftReport
from sknn_opt.checks.signals.report import PointSignals, SignalReport
from sknn_opt.nn.network import Block
from sknn_opt.nn.objective import Objective
from sknn_opt.nn.signals import LayerSignals
from sknn_opt.training.verdicts import Finding

__all__ = [
    "Block",
    "BlockCheck",
    "FeatureShift",
    "Finding",
    "GradientReport",
    "LayerSignals",
    "Objective",
    "PointCheck",
    "PointSignals",
    "ShiftReport",
    "SignalReport",
]
