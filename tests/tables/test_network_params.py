"""``network_params__NAME``: entries of a dict, as scikit-learn's searches name what is nested."""

import pickle

import pytest
from scipy.stats import randint
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_opt import TableEncoder, TabularMLPClassifier, TabularMLPRegressor

BOTH = pytest.mark.parametrize("kind", [TabularMLPClassifier, TabularMLPRegressor])
QUICK = {"max_iter": 1, "width": 8}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@BOTH
def test_an_entry_is_set_in_a_copy(kind):
    given = {"width": 8}
    estimator = kind(network_params=given)
    assert estimator.set_params(network_params__dropout=0.1, preset="fast") is estimator
    assert estimator.network_params == {"width": 8, "dropout": 0.1}
    assert estimator.preset == "fast"
    assert given == {"width": 8}
    assert kind().set_params(network_params__depth=2).network_params == {"depth": 2}


@BOTH
def test_a_whole_dict_comes_first(kind):
    given = {"width": 8}
    estimator = kind(network_params={"alpha": 1.0})
    for params in (
        {"network_params": given, "network_params__depth": 3},
        {"network_params__depth": 3, "network_params": given},
    ):
        assert clone(estimator).set_params(**params).network_params == {"width": 8, "depth": 3}
    assert given == {"width": 8}


@BOTH
def test_get_params_shows_the_entries(kind):
    estimator = kind(network_params={"width": 8, "alpha": 0.0})
    deep = estimator.get_params()
    assert deep["network_params__width"] == 8
    assert deep["network_params"] == {"width": 8, "alpha": 0.0}
    assert "network_params__width" not in estimator.get_params(deep=False)
    assert not any(name.startswith("network_params__") for name in kind().get_params())
    again = kind().set_params(**deep)
    assert again.get_params() == deep
    assert clone(estimator).get_params() == pickle.loads(pickle.dumps(estimator)).get_params()


@BOTH
def test_beside_an_entry_of_the_encoder(kind):
    estimator = kind().set_params(encoder__bins=4, network_params__width=8)
    assert isinstance(estimator.encoder, TableEncoder)
    assert estimator.get_params()["encoder__bins"] == 4
    assert estimator.get_params()["network_params__width"] == 8


@BOTH
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"network_params__widht": 8}, "has 'widht', which is no parameter of MLP.*mean 'width'"),
        ({"network_params__lr": 8}, "Did you mean 'learning_rate_init'"),
        ({"network_params__zzz": 8}, "See MLP"),
        ({"network_params__solver__beta_1": 0.8}, "'solver__beta_1', which is no parameter"),
        ({"network_params": [1], "network_params__width": 8}, r"must be a dict or None; got \[1\]"),
        ({"network_param__width": 8}, "Did you mean 'network_params'"),
    ],
)
def test_unknown_names_change_nothing(kind, params, message):
    estimator = kind(network_params={"alpha": 0.0})
    with pytest.raises(ValueError, match=message):
        estimator.set_params(preset="best", **params)
    assert estimator.network_params == {"alpha": 0.0}


def test_grid_search():
    estimator = TabularMLPClassifier("fast", network_params=QUICK, random_state=0)
    grid = {"network_params__depth": [1, 3], "encoder__bins": [None, 4]}
    search = GridSearchCV(estimator, grid, cv=2).fit(*load_iris(return_X_y=True))
    best = search.best_estimator_
    assert best.network_.n_layers_ == search.best_params_["network_params__depth"] + 2
    assert best.network_.max_iter == 1
    assert QUICK == {"max_iter": 1, "width": 8}


def test_random_search_through_a_pipeline():
    estimator = TabularMLPRegressor("fast", network_params=QUICK, random_state=0)
    name = "tabularmlpregressor__network_params__width"
    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), estimator),
        {name: randint(3, 9)},
        n_iter=2,
        cv=2,
        random_state=0,
    )
    search.fit(*load_diabetes(return_X_y=True))
    width = search.best_params_[name]
    assert search.best_estimator_[-1].network_.intercepts_[0].shape[-1] == width
