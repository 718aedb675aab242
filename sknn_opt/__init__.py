"""The neural network for scikit-learn users that they can trust.

- `MLPClassifier`, `MLPRegressor`: scikit-learn's, with init, dropout, batch norm and more solvers.
- `InputNormalizer`: mean 0 and variance 1, test data by the training set's numbers.
- `Loss`: the base of losses of your own.
- `check_gradients`: proves a gradient right, yours too, or names what is wrong with it.
- `LossCurveDisplay`: the picture of a training.
- `check_signals`: why a network does not learn: signals that vanish, explode, saturate or collapse.
  `SignalPropagationDisplay` is the picture.
- `assert_gradients_close`: the same for tests; `GradientCheckDisplay`: its picture.
"""

__version__ = "0.1.0"

from sknn_opt.checks.gradients import assert_gradients_close, check_gradients
from sknn_opt.checks.report import GradientReport
from sknn_opt.checks.signal_report import SignalReport
from sknn_opt.checks.signals import check_signals
from sknn_opt.estimators.classifier import MLPClassifier
from sknn_opt.estimators.normalizer import InputNormalizer
from sknn_opt.estimators.regressor import MLPRegressor
from sknn_opt.nn.losses import Loss
from sknn_opt.plots.gradient_check import GradientCheckDisplay
from sknn_opt.plots.loss_curve import LossCurveDisplay
from sknn_opt.plots.signal_propagation import SignalPropagationDisplay

__all__ = [
    "GradientCheckDisplay",
    "GradientReport",
    "InputNormalizer",
    "Loss",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "SignalPropagationDisplay",
    "SignalReport",
    "assert_gradients_close",
    "check_gradients",
    "check_signals",
]
