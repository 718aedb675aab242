"""The table of "Coming from scikit-learn's MLP" names every parameter there is, theirs and ours."""

import inspect
import re
from pathlib import Path

import pytest
import sklearn.neural_network

import sknn_opt

PAGE = Path(__file__).parents[2] / "docs" / "from_sklearn.rst"
ESTIMATORS = ("MLPClassifier", "MLPRegressor")


def first_column(heading):
    """The names in the first column of the table below a heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n{heading}\n")[1]
    table = re.split(r"\n\S.*\n[-=]{3,}\n", section)[0]
    cells = re.findall(r"^   \* - (.*)$", table, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"``(\w+)``", cell)}


def parameters(module, estimator):
    return set(inspect.signature(getattr(module, estimator)).parameters)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_parameter_of_scikit_learn_is_in_the_table(estimator):
    theirs = parameters(sklearn.neural_network, estimator)
    assert theirs <= first_column("Every parameter")
    assert theirs <= parameters(sknn_opt, estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_new_parameter_is_in_the_second_table(estimator):
    new = parameters(sknn_opt, estimator) - parameters(sklearn.neural_network, estimator)
    # scikit-learn's regressor has had `loss` since 1.7
    assert new - {"loss"} <= first_column("What is new")


def test_the_tables_name_nothing_else():
    ours = set.union(*(parameters(sknn_opt, estimator) for estimator in ESTIMATORS))
    assert first_column("Every parameter") | first_column("What is new") <= ours


def test_the_page_says_the_same_of_defaults_as_the_code():
    for estimator in ESTIMATORS:
        theirs = inspect.signature(getattr(sklearn.neural_network, estimator)).parameters
        ours = inspect.signature(getattr(sknn_opt, estimator)).parameters
        assert all(ours[name].default == theirs[name].default for name in theirs)
