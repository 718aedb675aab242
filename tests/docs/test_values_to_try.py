"""The values that the docs say to try are those of search_space, in the order of its stages."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import sknn_opt
from sknn_opt.search import search_space
from sknn_opt.search.space import STAGES

GUIDE = Path(__file__).parents[2] / "docs" / "tuning.rst"
ESTIMATORS = (sknn_opt.MLPClassifier, sknn_opt.MLPRegressor)
SHAPE = {"width": "hidden_layer_sizes", "depth": "hidden_layer_sizes"}  # where the text stands
SEARCHED = [
    ("adam", "learning_rate_init"),
    ("sgd", "learning_rate_init"),
    ("sgd", "momentum"),
    ("adam", "beta_1"),
    ("adam", "beta_2"),
    ("adam", "width"),
    ("adam", "depth"),
    ("adam", "batch_size"),
    ("adam", "alpha"),
    ("adam", "dropout"),
]
each = pytest.mark.parametrize(("solver", "name"), SEARCHED, ids="-".join)


def words(solver, name):
    """The range as the docs write it, such as "0.0003 to 0.05"."""
    distribution = search_space(sknn_opt.MLPClassifier(solver=solver))[name]
    inner = getattr(distribution, "distribution", distribution)  # of ZeroOr
    return " to ".join(np.format_float_positional(end, trim="-") for end in inner.support())


@each
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_the_parameter_texts(estimator, solver, name):
    parameter = SHAPE.get(name, name)
    text = re.search(rf"\n{parameter} : .*?\n\n", inspect.getdoc(estimator), re.DOTALL)[0]
    advice = re.search(r"\b[Tt]ry .*", " ".join(text.split()))[0]
    assert words(solver, name) in advice


@each
def test_the_guide(solver, name):
    rows = re.split(r"\n   \* - ", GUIDE.read_text(encoding="utf-8"))
    row = next(row for row in rows if f"``{name}``" in row.partition("\n     - ")[2])
    assert words(solver, name) in row
    stage = next(stage for stage, names in enumerate(STAGES, 1) if name in names)
    assert row.startswith(f"{stage}\n")


def test_the_words_are_those_of_the_ranges():
    assert words("adam", "alpha") == "0.00001 to 10"
    assert words("sgd", "momentum") == "0.5 to 0.99"
    assert words("adam", "width") == "16 to 512"
