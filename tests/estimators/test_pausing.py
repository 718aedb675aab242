"""A fit that pauses and goes on is, to the bit, one fit: whatever the features."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_opt import MLPClassifier, MLPRegressor, TabularMLPClassifier, TabularMLPRegressor
from sknn_opt.estimators.pausing import Pause, pausable
from sknn_opt.optim import AdamW, FadeOut

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS, CANCER = load_iris(return_X_y=True), load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
BASE = {"hidden_layer_sizes": (9, 7), "max_iter": 12, "random_state": 3}
CASES = {
    "plain": {},
    "sgd": {"solver": "sgd", "momentum": 0.8, "learning_rate": "invscaling"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.1},
    "early stopping": {"early_stopping": True},
    "stops early": {"early_stopping": True, "n_iter_no_change": 1, "tol": 0.5},
    "members": {"n_members": 3, "early_stopping": True, "dropout": 0.2},
    "cosine": {"learning_rate": "cosine", "warmup_epochs": 2},
    "one cycle": {"learning_rate": "one_cycle"},
    "average": {"average": 0.9},
    "average, early stopping": {"average": 0.9, "early_stopping": True},
    "batch norm, dropout": {"batch_norm": True, "dropout": FadeOut(0.4), "input_dropout": 0.1},
    "init from data": {"init": "data", "activation": "silu", "input_scale": True},
    "decay": {"solver": AdamW(weight_decay=FadeOut(0.3), layer_rates={"b": 0.1})},
    "least steps": {"min_steps": 40},
    "double": {"dtype": "float64"},
    "one batch": {"batch_size": 1000},
    "no shuffle": {"shuffle": False},
    "lbfgs": {"solver": "lbfgs"},
}
CLASSES = {
    "balanced": {"class_weight": "balanced", "early_stopping": True},
    "score": {"early_stopping": True, "scoring": "accuracy"},
}
FITS = {"lbfgs": 1, "stops early": 2}  # that it takes, where not all three
AMOUNTS = {
    "poisson": {"loss": "poisson"},
    "quantiles": {"loss": "quantile", "quantile": [0.1, 0.9]},
    "score": {"early_stopping": True, "scoring": "r2"},
}


def in_parts(model, data, shares, **given):
    """Fit until each share of the epochs in turn, each time in a new and unpickled estimator."""
    state, fits = None, 0
    for share in shares:
        part = clone(model)
        pausable(part)._pause = Pause(share, pickle.loads(pickle.dumps(state)))
        part.fit(*data, **given)
        fits += 1
        state = pausable(part)._pause.state
        if state is None:
            break
    return part, fits


def assert_same(one, other):
    one, other = (getattr(each, "network_", each) for each in (one, other))
    assert_array_equal(one.theta_, other.theta_)
    assert one.n_iter_ == other.n_iter_
    assert one.t_ == other.t_
    unlike = {"seconds"}
    for a, b in zip(one.history_, other.history_, strict=True):
        assert {k: a[k] for k in a.keys() - unlike} == {k: b[k] for k in b.keys() - unlike}


@pytest.mark.parametrize("case", [*CASES, *CLASSES])
def test_classifiers(case):
    model = MLPClassifier(**BASE | (CASES | CLASSES)[case])
    part, fits = in_parts(model, IRIS, (0.1, 0.5, 1))
    assert_same(part, clone(model).fit(*IRIS))
    assert fits == FITS.get(case, 3)


@pytest.mark.parametrize("case", [*CASES, *AMOUNTS])
def test_regressors(case):
    model = MLPRegressor(**BASE | (CASES | AMOUNTS)[case])
    weight = np.arange(len(DIABETES[1])) % 3
    part, _ = in_parts(model, DIABETES, (0.3, 0.6, 1), sample_weight=weight)
    assert_same(part, clone(model).fit(*DIABETES, sample_weight=weight))


@pytest.mark.parametrize(
    ("model", "data"), [(TabularMLPClassifier, CANCER), (TabularMLPRegressor, DIABETES)]
)
def test_tables(model, data):
    model = model("fast", random_state=0, network_params={"max_iter": 6, "min_steps": 0})
    part, fits = in_parts(model, data, (0.4, 1))
    whole = clone(model).fit(*data)
    assert fits == 2
    assert_same(part, whole)
    assert_array_equal(part.feature_importances_, whole.feature_importances_)


def test_a_pipeline_pauses_its_last_step():
    model = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), MLPClassifier(**BASE)))
    part, _ = in_parts(model, IRIS, (0.5, 1))
    assert_array_equal(part.predict_proba(IRIS[0]), clone(model).fit(*IRIS).predict_proba(IRIS[0]))


def test_a_paused_network_predicts_and_says_nothing(recwarn):
    model = MLPClassifier(**BASE | {"max_iter": 50})
    model._pause = Pause(0.1)
    model.fit(*IRIS)
    assert model.n_iter_ == 5
    assert model.predict_proba(IRIS[0]).shape == (150, 3)
    assert not recwarn.list


def test_what_cannot_pause():
    assert pausable(StandardScaler()) is None
    assert pausable(GridSearchCV(MLPClassifier(), {})) is None
    assert pausable(make_pipeline(MLPClassifier(), "passthrough")) is None
