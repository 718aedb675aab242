"""Some thirty bugs of backprop, planted in each layer: caught, placed, and named."""

import re

import numpy as np
import pytest
from planted_bugs import BUGS, N_ROWS, RARE
from sklearn.datasets import load_iris

from sknn_opt import InputNormalizer, MLPClassifier, check_gradients
from sknn_opt.checks.gradients.engine import check_problem
from sknn_opt.checks.gradients.readers.networks import read_objective
from sknn_opt.checks.gradients.report import GradientReport

X, Y = load_iris(return_X_y=True)
X, Y = InputNormalizer().fit_transform(X)[::9], Y[::9]
N_LAYERS = 4
CASES = [(bug, layer) for bug in BUGS for layer in bug.layers(N_LAYERS)]
NAMES = [f"{bug.name}-{layer}" for bug, layer in CASES]
RARE_CASES = [(bug, layer) for bug in RARE for layer in bug.layers(N_LAYERS)]
RARE_NAMES = [f"{bug.name}-{layer}" for bug, layer in RARE_CASES]


def objective_of(bug, activation):
    """A network in general position: biases, γ and β are not at their initial values."""
    needs = dict(bug.needs)
    weight = np.linspace(0.5, 2, len(Y)) if needs.pop("weights", None) else None
    net = MLPClassifier((8, 8, 8), activation=activation, alpha=0.01, random_state=1, **needs)
    objective = net.objective(X, Y, weight)
    objective.theta += 0.1 * np.random.default_rng(0).normal(size=objective.theta.size)
    return objective


def test_there_are_enough_kinds():
    assert len(BUGS) >= 20
    assert len({bug.name for bug in BUGS + RARE}) == len(BUGS + RARE)
    assert len(Y) == N_ROWS


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(("bug", "layer"), CASES + RARE_CASES, ids=NAMES + RARE_NAMES)
def test_networks(bug, layer, activation):
    for method in ("elements", "directions"):
        with bug.planted(layer):
            check = check_problem(read_objective(objective_of(bug, activation)), method)
        report = GradientReport((check,))
        assert report.verdict == "WRONG"
        assert not report.passed
        assert report.first_bad_layer == layer, report
        if bug.hint:
            assert any(re.search(bug.hint, hint) for hint in report.hints), report
        if layer is not None and report.fault != "the L2 penalty":
            assert f"layer {layer}" in report.fault


@pytest.mark.parametrize(("bug", "layer"), CASES, ids=NAMES)
def test_the_same_as_functions_of_a_vector(bug, layer):
    with bug.planted(layer):
        objective = objective_of(bug, "relu")
        report = check_gradients(
            objective.value,
            objective.gradient,
            objective.theta,
            blocks=objective.blocks,
            method="real",
        )
    assert report.verdict == "WRONG"
    # From outside, what a layer passes down looks like a bug of the layer below.
    assert report.first_bad_layer in (layer, layer - 1) if layer else report.first_bad_layer
    if bug.hint and re.match("dW x|dW N|dW d|d. of the wrong|d. zero|db as|L2", bug.name):
        expected = {"is missing": "is missing", "mean": "times too small"}.get(bug.hint, bug.hint)
        expected = {"all zero": "all zero", "1/N is missing": "the 1/N is missing"}.get(
            bug.hint, expected
        )
        assert any(re.search(expected, hint) for hint in report.hints), report


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_without_a_bug_nothing_is_found(activation):
    plain, norm, dropout = (), (("batch_norm", True),), (("dropout", 0.4),)
    for needs in (plain, norm, dropout):
        bug = type(BUGS[0])("none", None, needs=needs)
        objective = objective_of(bug, activation)
        for method in ("elements", "directions"):
            assert GradientReport((check_problem(read_objective(objective), method),)).passed
        report = check_gradients(objective.value, objective.gradient, objective.theta)
        assert report.passed
