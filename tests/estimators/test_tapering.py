"""Hidden layers from plain numbers: depth, width and taper."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sknn_opt import MLPClassifier, MLPRegressor, TabularMLPClassifier, check_signals
from sknn_opt.estimators.parameters import hidden_sizes

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(*sizes, **parameters):
    return MLPClassifier(*sizes, max_iter=3, random_state=0, **parameters)


@pytest.mark.parametrize(
    ("numbers", "sizes"),
    [
        ({}, (100,)),
        ({"depth": 2}, (100, 100)),
        ({"width": 7}, (7,)),
        ({"depth": 0}, ()),
        ({"depth": 0, "width": 5}, ()),
        ({"depth": 3, "width": 40, "taper": 0.5}, (40, 20, 10)),
        ({"depth": 4, "width": 10, "taper": 0.1}, (10, 1, 1, 1)),
        ({"depth": 3, "width": 4, "taper": 2}, (4, 8, 16)),
        ({"depth": 2, "width": 9, "taper": 0.4}, (9, 4)),
        ({"depth": np.int64(2), "width": np.int32(3), "taper": np.float32(1)}, (3, 3)),
    ],
)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_sizes(kind, numbers, sizes):
    assert hidden_sizes(kind(**numbers)) == sizes
    mlp = kind(**numbers, max_iter=1, random_state=0).fit(X, Y)
    assert [b.shape[-1] for b in mlp.intercepts_[:-1]] == list(sizes)


@settings(deadline=None)
@given(
    depth=st.integers(0, 8),
    width=st.integers(1, 1000),
    taper=st.floats(0, 2, exclude_min=True),
)
def test_every_layer_is_rounded_from_the_formula(depth, width, taper):
    sizes = hidden_sizes(MLPClassifier(depth=depth, width=width, taper=taper))
    assert len(sizes) == depth
    assert all(type(n) is int and n >= 1 for n in sizes)
    assert all(abs(n - width * taper**i) <= 0.5 or n == 1 for i, n in enumerate(sizes))
    assert depth == 0 or sizes[0] == width


def test_the_network_is_that_of_the_sizes():
    by_numbers = classifier(depth=3, width=8, taper=0.5).fit(X, Y)
    by_list = classifier((8, 4, 2)).fit(X, Y)
    assert np.array_equal(by_numbers.theta_, by_list.theta_)
    assert classifier([100], width=100).fit(X, Y).n_layers_ == 3  # the default, in other words
    assert classifier((8, 4), depth=2, width=8, taper=0.5).fit(X, Y).n_layers_ == 4  # they agree


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"hidden_layer_sizes": (50,), "depth": 2},
            r"hidden_layer_sizes=\(50,\) has no effect bes",
        ),
        ({"hidden_layer_sizes": 50, "width": 20}, r"beside depth=None, width=20, taper=1.0, which"),
        ({"hidden_layer_sizes": np.array([50, 20]), "width": 20}, r"which ask for \(20,\)"),
        ({"hidden_layer_sizes": (), "width": 20}, r"hidden_layer_sizes=\(\) has no effect"),
        ({"taper": 0.5}, "taper=0.5 has no effect without depth or width"),
        ({"depth": -1}, "'depth' parameter .* Got -1"),
        ({"depth": 1.5}, "'depth' parameter"),
        ({"width": 0}, "'width' parameter"),
        ({"width": 10, "taper": 0}, "'taper' parameter"),
        ({"width": 10, "taper": 2.5}, "'taper' parameter"),
        ({"depth": 3, "dropout": [0.1, 0.2]}, "each of the 3 hidden layers"),
    ],
)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_what_is_refused(kind, parameters, message):
    mlp = kind(**parameters)
    with pytest.raises(ValueError, match=message):
        mlp.fit(X, Y)
    assert not hasattr(mlp, "theta_")


def test_did_you_mean():
    with pytest.raises(ValueError, match="Did you mean 'depth'"):
        MLPClassifier().set_params(dpth=2)


def test_searchers_see_plain_numbers():
    grid = {"depth": [1, 2], "width": [4, 6], "taper": [0.5, 1.0]}
    search = GridSearchCV(classifier(), grid, cv=2).fit(X, Y)
    assert {type(value) for value in search.best_params_.values()} == {int, float}
    assert clone(search.best_estimator_).get_params().items() >= search.best_params_.items()


def test_going_on_needs_the_same_shape():
    mlp = classifier(depth=2, width=5, warm_start=True).fit(X, Y)
    mlp.set_params(depth=None, width=None, hidden_layer_sizes=(5, 5)).fit(X, Y)
    mlp.set_params(hidden_layer_sizes=(100,), depth=1, width=5)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes was \(5, 5\) and is now \(5,\)"):
        mlp.fit(X, Y)
    assert mlp.predict(X).shape == (150,)


def test_transform_and_activations():
    mlp = classifier(depth=2, width=6, taper=0.5).fit(X, Y)
    assert mlp.transform(X).shape == (150, 3)
    assert mlp.activations(X, 0).shape == (150, 6)
    with pytest.raises(AttributeError) as caught:
        _ = classifier(depth=0).transform
    assert "depth=0 has none" in str(caught.value.__cause__ or caught.value)


def test_dropout_of_each_layer():
    fading = [lambda time: 0.1, 0.2, 0.0]
    assert classifier(depth=3, width=9, dropout=fading).fit(X, Y).n_layers_ == 5


def test_signals_know_the_number_of_layers():
    by_numbers, by_list = classifier(depth=4, width=9), classifier((9, 9, 9, 9))
    assert str(check_signals(by_numbers, X, Y)) == str(check_signals(by_list, X, Y))
    with pytest.raises(ValueError, match="or depth is 0"):
        check_signals(classifier(depth=0), X, Y)


def test_advice_names_remedies_that_are_left():
    """Init is a remedy for many layers alone, however these are counted."""
    X_far, y = load_diabetes(return_X_y=True)
    said = []
    for shape in ({"hidden_layer_sizes": (8,) * 9}, {"depth": 9, "width": 8}):
        mlp = MLPRegressor(**shape, activation="logistic", max_iter=2, random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            mlp.fit(X_far, y)
        said.append([str(warning.message) for warning in caught])
    assert said[0] == said[1] != []


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ({"depth": 3}, [64, 64, 64]),
        ({"width": 16}, [16, 16]),
        ({"depth": 1, "width": 9}, [9]),
        ({"width": 8, "taper": 0.5}, [8, 4]),
        ({"taper": 0.5}, [64, 32]),
        ({"depth": None, "width": 5}, [5, 5]),
        ({"depth": None, "width": None, "taper": 1.0}, [64, 64]),
        ({"hidden_layer_sizes": (4,), "depth": None}, [4]),
    ],
)
def test_tables_change_the_shape_of_the_preset(given, sizes):
    clf = TabularMLPClassifier("fast", network_params=given | {"max_iter": 1}, random_state=0)
    clf.fit(X, Y)
    assert [b.shape[-1] for b in clf.network_.intercepts_[:-1]] == sizes


def test_tables_refuse_two_shapes():
    given = {"hidden_layer_sizes": (4,), "depth": 2}
    with pytest.raises(ValueError, match="has no effect beside"):
        TabularMLPClassifier("fast", network_params=given).fit(X, Y)
