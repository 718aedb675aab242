"""The neural network for scikit-learn users that they can trust.

- `MLPClassifier`, `MLPRegressor`: scikit-learn's, with init, dropout, batch norm and more solvers.
- `InputNormalizer`: mean 0 and variance 1, test data by the training set's numbers.
- `check_gradients`: proves backprop, block by block.
"""

__version__ = "0.1.0"

from sknn_opt.checks.gradients import GradientReport, check_gradients
from sknn_opt.estimators.classifier import MLPClassifier
from sknn_opt.estimators.normalizer import InputNormalizer
from sknn_opt.estimators.regressor import MLPRegressor

__all__ = [
    "GradientReport",
    "InputNormalizer",
    "MLPClassifier",
    "MLPRegressor",
    "check_gradients",
]
