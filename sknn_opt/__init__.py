"""The neural network for scikit-learn users that they can trust.

- `MLPClassifier`, `MLPRegressor`: scikit-learn's, with init, dropout, batch norm and more solvers.
- `InputNormalizer`: mean 0 and variance 1, test data by the training set's numbers.
- `Loss`: the base of losses of your own.
- `check_gradients`: proves a gradient right, yours too, or names what is wrong with it.
- `LossCurveDisplay`: the picture of a training.
- `check_shift`: have new data left the distribution of the training data?
- `assert_gradients_close`: the same for tests; `GradientCheckDisplay`: its picture.
"""

__version__ = "0.1.0"

from sknn_opt.checks.gradients import assert_gradients_close, check_gradients
from sknn_opt.checks.report import GradientReport
from sknn_opt.checks.shift import check_shift
from sknn_opt.checks.shift_report import ShiftReport
from sknn_opt.estimators.classifier import MLPClassifier
from sknn_opt.estimators.normalizer import InputNormalizer
from sknn_opt.estimators.regressor import MLPRegressor
from sknn_opt.nn.losses import Loss
from sknn_opt.plots.gradient_check import GradientCheckDisplay
from sknn_opt.plots.loss_curve import LossCurveDisplay

__all__ = [
    "GradientCheckDisplay",
    "GradientReport",
    "InputNormalizer",
    "Loss",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "ShiftReport",
    "assert_gradients_close",
    "check_gradients",
    "check_shift",
]
