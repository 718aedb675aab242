"""What the functions and estimators hand out: the classes, for annotations and `isinstance`.

- `GradientReport`, `PointCheck`, `BlockCheck`: from `check_gradients`.
- `SignalReport`, `PointSignals`, `LayerSignals`, `Finding`: from `check_signals`.
- `ShiftReport`, `FeatureShift`, `JointShift`: from `check_shift`.
- `ImportanceReport`, `ParameterImportance`: from `search.parameter_importances`.
- `RetestReport`, `RetestedCandidate`: from `search.retest`.
- `Objective`: from ``estimator.objective``; `Block`: from its ``blocks`` and from ``blocks_``.
"""

from sknn_opt.checks.gradients.report import BlockCheck, GradientReport, PointCheck
from sknn_opt.checks.shift.report import FeatureShift, JointShift, ShiftReport
from sknn_opt.checks.signals.report import PointSignals, SignalReport
from sknn_opt.nn.network import Block
from sknn_opt.nn.objective import Objective
from sknn_opt.nn.signals import LayerSignals
from sknn_opt.search.importances import ImportanceReport, ParameterImportance
from sknn_opt.search.retest_report import RetestedCandidate, RetestReport
from sknn_opt.training.verdicts import Finding

__all__ = [
    "Block",
    "BlockCheck",
    "FeatureShift",
    "Finding",
    "GradientReport",
    "ImportanceReport",
    "JointShift",
    "LayerSignals",
    "Objective",
    "ParameterImportance",
    "PointCheck",
    "PointSignals",
    "RetestReport",
    "RetestedCandidate",
    "ShiftReport",
    "SignalReport",
]
