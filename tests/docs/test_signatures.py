"""Docstrings and annotations say the same as the code: parameters, choices, attributes."""

import ast
import inspect
import re
from dataclasses import fields, is_dataclass

import pytest

import sknn_opt
import sknn_opt.optim
import sknn_opt.records
import sknn_opt.search
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


def public_members():
    """Name -> class, function or property: all public ones, and those of the classes."""
    found = {}
    for module in (sknn_opt, sknn_opt.optim, sknn_opt.records, sknn_opt.search):
        public = {name: getattr(module, name) for name in module.__all__}
        found |= {name: obj for name, obj in public.items() if callable(obj)}
    for name, cls in [item for item in found.items() if inspect.isclass(item[1])]:
        for member in (member for member in dir(cls) if not member.startswith("_")):
            obj = inspect.getattr_static(cls, member)
            obj = getattr(obj, "fget", None) or getattr(obj, "func", None) or getattr(cls, member)
            if (getattr(obj, "__module__", None) or "").startswith("sknn_opt"):
                found[f"{name}.{member}"] = obj
    return found


MEMBERS = public_members()
CLASSES = {name: obj for name, obj in MEMBERS.items() if inspect.isclass(obj)}


def signature_of(obj):
    """The parameters by name, without self."""
    parameters = dict(inspect.signature(obj).parameters)
    parameters.pop("self", None)
    return parameters


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


@pytest.mark.parametrize("name", sorted(MEMBERS.keys() - sknn_opt.records.__all__))
def test_the_docstring_has_the_parameters_of_the_signature(name):
    marks = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
    parameters = signature_of(MEMBERS[name]).values()
    expected = [marks.get(p.kind.name, "") + p.name for p in parameters]
    assert list(entries(MEMBERS[name], "Parameters")) == expected


@pytest.mark.parametrize("name", sorted(sknn_opt.records.__all__))
def test_the_docstring_of_a_record_has_its_fields(name):
    record = getattr(sknn_opt.records, name)
    names = [f.name for f in fields(record)] if is_dataclass(record) else record.__annotations__
    public = [name for name in names if not name.startswith("_")]
    assert list(entries(record, "Attributes")) == public


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_everything_public_is_annotated(name):
    obj = MEMBERS[name]
    missing = [p.name for p in signature_of(obj).values() if p.annotation is p.empty]
    assert missing == []
    if not inspect.isclass(obj):
        assert inspect.signature(obj).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_documented_attribute_is_annotated(name):
    cls = CLASSES[name]
    annotated = {key for base in cls.__mro__ for key in inspect.get_annotations(base)}
    properties = {key for key in dir(cls) if isinstance(getattr(cls, key, None), property)}
    assert set(entries(cls, "Attributes")) - annotated - properties == set()
