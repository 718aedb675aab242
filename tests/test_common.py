"""Every check that scikit-learn has for estimators, with no exceptions.

``make test`` runs those of the array API with SCIPY_ARRAY_API=1 in the environment, and then all
without it; ``.ci/run`` runs all with it as well.
"""

import inspect
import warnings

import pytest
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sknn_opt import (
    MLPClassifier,
    MLPRegressor,
    TableEncoder,
    TabularMLPClassifier,
    TabularMLPRegressor,
)

VARIANTS = [
    {},
    {"solver": "lbfgs"},
    {"solver": "sgd", "learning_rate_init": 0.02, "learning_rate": "adaptive"},
    {"solver": "rmsprop"},
    {"solver": "adamw", "dtype": "float64"},
    {"early_stopping": True, "max_iter": 150},
    {"batch_norm": True},
    {"dropout": 0.2, "input_dropout": 0.05, "max_iter": 300},
    {"hidden_layer_sizes": (), "learning_rate_init": 0.02},
    {"hidden_layer_sizes": (20, 10), "activation": "tanh", "init": "orthogonal"},
    {"n_members": 3},
    {"n_members": 2, "early_stopping": True, "batch_norm": True, "max_iter": 150},
]
OF_CLASSIFIER = [
    {"class_weight": "balanced", "label_smoothing": 0.05},
    {"early_stopping": True, "scoring": None, "max_iter": 150},
    {"average": 0.9, "learning_rate": "one_cycle", "max_grad_norm": 1.0, "warmup_epochs": 3},
]
OF_REGRESSOR = [
    {"loss": "absolute_error"},
    {"loss": "huber", "learning_rate": "cosine"},
    {"loss": "quantile", "quantile": 0.5, "average": 0.9},
    {"normalize_target": False, "early_stopping": True, "solver": "lbfgs"},
]
ENCODERS = [TableEncoder(), TableEncoder(bins=4, dtype="float64", random_state=0)]
QUICK = {"preset": "fast", "network_params": {"min_steps": 0, "max_iter": 20}}
OF_TABLES = [TabularMLPClassifier(**QUICK), TabularMLPRegressor(**QUICK)]
ESTIMATORS = [MLPClassifier(**kw) for kw in VARIANTS + OF_CLASSIFIER]
ESTIMATORS += [MLPRegressor(**kw) for kw in VARIANTS + OF_REGRESSOR]


def _name(estimator):
    return str(estimator).replace(" ", "")


@parametrize_with_checks(ESTIMATORS + ENCODERS + OF_TABLES)
def test_estimator_checks(estimator, check):
    with warnings.catch_warnings():
        # The checks fit for a few epochs, and hand in columns as (n, 1): both rightly warn.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataConversionWarning)
        check(estimator)


# What scikit-learn asks of its own estimators beyond check_estimator.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "check",
    [checks.check_param_validation, checks.check_dataframe_column_names_consistency],
    ids=lambda check: check.__name__,
)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=_name)
def test_checks_of_scikit_learns_own_estimators(estimator, check):
    check(type(estimator).__name__, estimator)


# Columns of tables may come in another order, which the other check forbids.
@pytest.mark.parametrize("estimator", ENCODERS + OF_TABLES, ids=_name)
def test_parameters_of_estimators_of_tables_are_validated(estimator):
    checks.check_param_validation(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS[:1] + ESTIMATORS[-1:] + OF_TABLES, ids=_name)
def test_tags_claim_what_is_supported(estimator):
    tags = estimator.__sklearn_tags__()
    assert tags.input_tags.sparse != (estimator in OF_TABLES)
    assert tags.input_tags.categorical == tags.input_tags.allow_nan == (estimator in OF_TABLES)
    assert tags.target_tags.required
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags._skip_test
    if is_classifier(estimator):
        assert tags.classifier_tags.multi_label
        assert tags.classifier_tags.multi_class
        assert not tags.classifier_tags.poor_score
    else:
        assert tags.target_tags.multi_output
        assert not tags.regressor_tags.poor_score


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_every_parameter_of_scikit_learns_mlp_is_here_with_its_default(cls):
    from sklearn import neural_network

    theirs = inspect.signature(getattr(neural_network, cls.__name__)).parameters
    ours = inspect.signature(cls).parameters
    assert set(theirs) <= set(ours)
    assert {k: p.default for k, p in theirs.items()} == {k: ours[k].default for k in theirs}
    keyword_only = [k for k, p in ours.items() if p.kind is p.KEYWORD_ONLY]
    assert set(ours) - set(keyword_only) == {"hidden_layer_sizes"}


@pytest.mark.parametrize(
    "cls", [MLPClassifier, MLPRegressor, TabularMLPClassifier, TabularMLPRegressor]
)
def test_docstring_and_signature_agree(cls):
    text = inspect.getdoc(cls).split("Attributes\n")[0]
    described = [
        line.split(" : ")[0] for line in text.splitlines() if " : " in line and line[0] != " "
    ]
    assert sorted(described) == sorted(inspect.signature(cls).parameters)
