"""The neural network for scikit-learn users that they can trust.

- `MLPClassifier`, `MLPRegressor`: scikit-learn's, with init, dropout, batch norm and more solvers.
- `InputNormalizer`: mean 0 and variance 1, test data by the training set's numbers.
- `TabularMLPClassifier`, `TabularMLPRegressor`: any table in, a tuned ensemble out, in one line.
- `TableEncoder`: any table, with text, categories, dates and gaps, to a matrix of floats.
- `Loss`: the base of losses of your own.
- `check_gradients`: proves a gradient correct, yours too, or names what is wrong with it.
- `check_hessian`: the same for second derivatives and their products with a vector.
- `LossCurveDisplay`: the picture of a training.
- `check_signals`: why a network does not learn: signals that vanish, explode, saturate or collapse.
  `SignalPropagationDisplay` is the picture.
- `check_shift`: have new data left the distribution of the training data? `ShiftMonitor` asks that
  of rows that arrive a few at a time.
- `NormalizationDisplay`: the features before and after, and new data beside them.
- `LossSurfaceDisplay`: the cost around the weights, and with `record_path` the way to them.
- `SearchDisplay`: what a search of hyperparameters found; `SearchSpaceDisplay`: what it draws from.
- `assert_gradients_close`: `check_gradients` for tests; `GradientCheckDisplay`: its picture.

Public are this module, `sknn_opt.optim`, `sknn_opt.search`: choosing hyperparameters, and
`sknn_opt.records`: the classes of what is handed out.
"""

__version__ = "0.1.0"

import sknn_opt.plots.notebook  # noqa: F401  (a screen of sknn_opt.search)
from sknn_opt.checks.gradients.check import assert_gradients_close, check_gradients
from sknn_opt.checks.gradients.hessian import check_hessian
from sknn_opt.checks.path import record_path
from sknn_opt.checks.shift.check import ShiftMonitor, check_shift
from sknn_opt.checks.signals.check import check_signals
from sknn_opt.estimators.classifier import MLPClassifier
from sknn_opt.estimators.normalizer import InputNormalizer
from sknn_opt.estimators.regressor import MLPRegressor
from sknn_opt.nn.losses import Loss
from sknn_opt.plots.gradient_check import GradientCheckDisplay
from sknn_opt.plots.loss_curve import LossCurveDisplay
from sknn_opt.plots.loss_surface import LossSurfaceDisplay
from sknn_opt.plots.normalization import NormalizationDisplay
from sknn_opt.plots.search import SearchDisplay
from sknn_opt.plots.search_space import SearchSpaceDisplay
from sknn_opt.plots.signal_propagation import SignalPropagationDisplay
from sknn_opt.records import GradientReport, ShiftReport, SignalReport
from sknn_opt.tables.classifier import TabularMLPClassifier
from sknn_opt.tables.encoder import TableEncoder
from sknn_opt.tables.regressor import TabularMLPRegressor

__all__ = [
    "GradientCheckDisplay",
    "GradientReport",
    "InputNormalizer",
    "Loss",
    "LossCurveDisplay",
    "LossSurfaceDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "NormalizationDisplay",
    "SearchDisplay",
    "SearchSpaceDisplay",
    "ShiftMonitor",
    "ShiftReport",
    "SignalPropagationDisplay",
    "SignalReport",
    "TableEncoder",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
    "assert_gradients_close",
    "check_gradients",
    "check_hessian",
    "check_shift",
    "check_signals",
    "record_path",
]
