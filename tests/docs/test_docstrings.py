"""Docstrings say the same as the code: names, order, choices and defaults of parameters."""

import ast
import inspect
import re

import pytest

import sknn_opt
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.initializers import INITIALIZERS
from sknn_opt.nn.losses import LOSSES
from sknn_opt.optim import OPTIMIZERS, SCHEDULES

ESTIMATORS = (sknn_opt.MLPClassifier, sknn_opt.MLPRegressor)


def entries(documented, section):
    """The entries of a numpydoc section: name -> (type, description)."""
    text = inspect.getdoc(documented)
    _, _, text = text.partition(f"\n{section}\n{'-' * len(section)}\n")
    text = re.split(r"\n\S.*\n-{3,}\n", text)[0]
    found = {}
    for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]:
        head, _, description = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        found |= {name: (kind, description.strip()) for name in names.split(", ")}
    return found


def choices(kind):
    """The set in braces of a type such as "{'a', 'b'} or callable"."""
    return ast.literal_eval(re.search(r"\{.*?\}", kind)[0])


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_the_two_estimators_describe_what_they_share_word_for_word(section):
    classifier, regressor = (entries(cls, section) for cls in ESTIMATORS)
    shared = [name for name in classifier if name in regressor and name != "loss"]
    assert len(shared) > 15
    assert shared == [name for name in regressor if name in classifier and name != "loss"]
    assert {n: classifier[n] for n in shared} == {n: regressor[n] for n in shared}


def test_the_notes_of_the_two_estimators_are_the_same():
    classifier, regressor = (
        re.search(r"\nNotes\n-----\n(.*?)\nExamples\n", inspect.getdoc(cls), re.DOTALL)[1]
        for cls in ESTIMATORS
    )
    assert "J(θ) =" in classifier
    assert classifier == regressor


@pytest.mark.parametrize(
    ("estimator", "parameter", "names"),
    [
        *((cls, "activation", ACTIVATIONS) for cls in ESTIMATORS),
        *((cls, "init", INITIALIZERS) for cls in ESTIMATORS),
        *((cls, "solver", {*OPTIMIZERS, "lbfgs"}) for cls in ESTIMATORS),
        *((cls, "learning_rate", SCHEDULES) for cls in ESTIMATORS),
        (
            sknn_opt.MLPRegressor,
            "loss",
            [name for name, loss in LOSSES.items() if loss.link in ("identity", "exp")],
        ),
    ],
)
def test_the_choices_are_the_keys_of_the_table(estimator, parameter, names):
    kind, _ = entries(estimator, "Parameters")[parameter]
    assert choices(kind) == set(names)


@pytest.mark.parametrize("estimator", [*ESTIMATORS, sknn_opt.InputNormalizer])
def test_parameters_and_defaults_are_those_of_the_signature(estimator):
    signature = inspect.signature(estimator).parameters
    documented = entries(estimator, "Parameters")
    assert list(documented) == list(signature)
    for name, (kind, _) in documented.items():
        default = ast.literal_eval(kind.partition("default=")[2])
        assert default == signature[name].default, name
        assert type(default) is type(signature[name].default), name
