"""scikit-learn's own tests of its MLP, from the installed version, run on our estimators.

Each that does not pass is named with the reason, and must fail: one that passes has to leave the
table. Where parameters are the whole reason, the test must pass with those.
"""

import importlib.util
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
import sklearn.neural_network

import sknn_opt

SOURCE = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FAILS = {
    # private attributes
    "test_fit": "builds a fitted network out of attributes, private ones among them",
    "test_gradient": "_loss_grad_lbfgs",
    "test_learning_rate_warmstart": "_optimizer",
    "test_adaptive_learning_rate": "_optimizer",
    "test_n_iter_no_change": "_no_improvement_count",
    "test_n_iter_no_change_inf": "_no_improvement_count",
    # an error, or NaN, for what works here
    "test_warm_start": "y with some of the classes of the last fit is taken",
    "test_early_stopping_stratified": "a class of one row is trained on, and a warning says so",
    "test_mlp_partial_fit_after_fit": "early_stopping works in partial_fit",
    "test_mlp_diverging_loss": "a training that diverges ends before a score is NaN",
    "test_nonfinite_params": "numbers beyond 1e100 are refused, in other words",
    # a warning for what is silent there
    "test_preserve_feature_names": "a validation part of 2 rows is warned of",
    # other defaults: see PASSES_WITH
    "test_partial_fit_regression": "plain SGD is slower from the smaller weights of init='auto'",
    "test_mlp_param_dtypes[MLPClassifier-float64]": "minibatch solvers train in float32",
    "test_mlp_param_dtypes[MLPRegressor-float64]": "minibatch solvers train in float32",
    "test_predict_proba_multilabel": "log p keeps its digits where p rounds to 1",
}
PASSES_WITH = {
    "test_partial_fit_regression": {"init": "glorot_uniform", "dtype": "float64"},
    "test_mlp_param_dtypes": {"solver": "lbfgs"},
}


def their_tests(**parameters):
    """Name -> test, about estimators with these parameters."""
    ours = {"MLPClassifier": sknn_opt.MLPClassifier, "MLPRegressor": sknn_opt.MLPRegressor}
    if parameters:
        ours = {name: partial(cls, **parameters) for name, cls in ours.items()}
    spec = importlib.util.spec_from_file_location("test_mlp_of_scikit_learn", SOURCE)
    module = importlib.util.module_from_spec(spec)
    with patch.multiple(sklearn.neural_network, **ours):
        spec.loader.exec_module(module)
    return {name: test for name, test in vars(module).items() if name.startswith("test_")}


@pytest.fixture
def global_random_seed():
    """A fixture of scikit-learn's."""
    return 42


@pytest.fixture(autouse=True)
def known_failure(request):
    names = request.node.name, request.node.originalname
    for reason in filter(None, map(FAILS.get, names)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


globals().update(their_tests())
for name, parameters in PASSES_WITH.items():
    if test := their_tests(**parameters).get(name):
        globals()[f"{name}_with_{next(iter(parameters))}"] = test
