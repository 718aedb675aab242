"""A parameter that is not allowed is answered with what it was meant to be."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor
from sknn_opt.estimators.parameters import CONSTRAINTS
from sknn_opt.estimators.spelling import OTHER_NAMES, did_you_mean
from sknn_opt.optim import AdamW

X, Y = load_iris(return_X_y=True)
MEANT = [
    ("activation", "sigmoid", "'logistic'"),
    ("activation", "ReLU", "'relu'"),
    ("activation", "Leaky-ReLU", "'leaky_relu'"),
    ("activation", "tahn", "'tanh'"),
    ("activation", np.tanh, "'tanh'"),
    ("solver", "adamW", "'adamw'"),
    ("solver", "Adam", "'adam'"),
    ("solver", "L-BFGS", "'lbfgs'"),
    ("solver", AdamW, "AdamW(learning_rate=None"),
    ("init", "he", "'he_normal'"),
    ("init", "kaiming_uniform", "'he_uniform'"),
    ("init", "Xavier", "'xavier'"),
    ("learning_rate", 0.01, "learning_rate_init=0.01"),
    ("learning_rate", "OneCycle", "'one_cycle'"),
    ("learning_rate", "cosine_annealing", "'cosine'"),
    ("hidden_layer_sizes", "100", "100"),
    ("hidden_layer_sizes", "(100, 50)", "(100, 50)"),
    ("hidden_layer_sizes", 100.0, "100"),
    ("batch_size", 32.0, "32"),
    ("batch_size", "32", "32"),
    ("early_stopping", "True", "True"),
    ("early_stopping", "true", "True"),
    ("early_stopping", 1, "True"),
    ("early_stopping", 5, "n_iter_no_change=5"),
    ("dropout", 50, "0.5"),
    ("alpha", (0.1,), "0.1"),
    ("max_iter", 1e3, "1000"),
    ("tol", "1e-4", "0.0001"),
    ("dtype", np.float32, "'float32'"),
    ("random_state", "0", "0"),
    ("scoring", "acuracy", "'accuracy'"),
    ("scoring", "auc", "'roc_auc'"),
]


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(("name", "value", "meant"), MEANT)
def test_what_was_meant(make, name, value, meant):
    net = make(**{name: value})
    before = vars(net).copy()
    with pytest.raises(ValueError, match=re.escape(f"Did you mean {meant}")) as caught:
        net.fit(X, Y)
    if name != "scoring":  # scikit-learn's own sentence comes first, and its class stays
        assert type(caught.value).__name__ == "InvalidParameterError"
        assert str(caught.value).startswith(f"The {name!r} parameter of {make.__name__} must be ")
    assert vars(net) == before


@pytest.mark.parametrize(
    ("make", "loss", "meant"),
    [
        (MLPRegressor, "mse", "Did you mean 'squared_error'?"),
        (MLPRegressor, "MAE", "Did you mean 'absolute_error'?"),
        (MLPRegressor, "squared-error", "Did you mean 'squared_error'?"),
        (MLPClassifier, "cross_entropy", "Did you mean 'log_loss'?"),
        (MLPClassifier, "mse", "MLPRegressor the losses of amounts"),
    ],
)
def test_losses(make, loss, meant):
    with pytest.raises(ValueError, match=re.escape(meant)):
        make(loss=loss).fit(X, Y)


def test_notes_where_nothing_can_be_meant():
    with pytest.raises(ValueError, match="Got 0.5 instead. It is a number of rows"):
        MLPClassifier(batch_size=0.5).fit(X, Y)
    with pytest.raises(ValueError, match="'softmax' instead. The outputs get it by themselves"):
        MLPClassifier(activation="softmax").fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("activation", "wrong"), ("activation", 3), ("alpha", -1), ("alpha", None)),
        *(("max_iter", 0), ("dropout", 1.0), ("shuffle", None), ("batch_norm", "yes")),
        *(
            ("alpha", np.nan),
            ("alpha", -np.inf),
            ("alpha", []),
            ("tol", "small"),
            ("init", 0j),
        ),
    ],
)
def test_no_guess_where_there_is_none(name, value):
    assert did_you_mean(name, value, CONSTRAINTS) == ""


def test_partial_fit_says_the_same():
    with pytest.raises(ValueError, match="Did you mean 'logistic'"):
        MLPClassifier(activation="sigmoid").partial_fit(X, Y, classes=[0, 1, 2])


@pytest.mark.parametrize(
    "name", sorted(OTHER_NAMES.keys() - {"scoring", "class_weight", "parameter", "block"})
)
def test_every_other_name_leads_to_one_that_is_allowed(name):
    for other, meant in OTHER_NAMES[name].items():
        hints = [
            did_you_mean(name, other, make._parameter_constraints)
            for make in (MLPClassifier, MLPRegressor)
        ]
        assert f"Did you mean {meant!r}?" in hints


def test_every_other_name_of_a_parameter_leads_to_one():
    assert set(OTHER_NAMES["parameter"].values()) <= CONSTRAINTS.keys() | {"loss"}


@pytest.mark.parametrize(
    ("estimator", "name", "meant"),
    [
        (MLPClassifier(), "dropuot", "dropout"),
        (MLPClassifier(), "Batch-Norm", "batch_norm"),
        (MLPRegressor(), "lr", "learning_rate_init"),
        (MLPRegressor(), "n_epochs", "max_iter"),
        (InputNormalizer(), "centre", "center"),
        (make_pipeline(InputNormalizer(), MLPClassifier()), "mlpclassifier__alhpa", "alpha"),
    ],
)
def test_the_name_of_a_parameter(estimator, name, meant):
    before = str(estimator.get_params())
    with pytest.raises(ValueError, match=f"Invalid parameter .* Did you mean '{meant}'\\?$"):
        estimator.set_params(**{name: 1})
    assert str(estimator.get_params()) == before
    assert estimator.set_params() is estimator


@pytest.mark.parametrize("name", ["wrong", "n_jobs", "solver__wrong"])
def test_no_guess_at_the_name_of_a_parameter(name):
    net = MLPClassifier(solver=AdamW())
    with pytest.raises((ValueError, AttributeError)) as caught:
        net.set_params(**{name: 1})
    assert "Did you mean" not in str(caught.value)
