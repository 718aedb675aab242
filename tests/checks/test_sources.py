"""Real steps, complex steps and those through layers: one signature, and the same derivatives."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sknn_opt import InputNormalizer, MLPClassifier, check_gradients
from sknn_opt.checks.gradients.judge import Comparison, decide
from sknn_opt.checks.gradients.numeric import Estimates, Source
from sknn_opt.checks.gradients.numeric.complex_step import ComplexStep
from sknn_opt.checks.gradients.numeric.layerwise import Layerwise
from sknn_opt.checks.gradients.numeric.real_step import RealStep
from sknn_opt.checks.gradients.preflight import Guarded
from sknn_opt.checks.gradients.readers.networks import read_objective

X, Y = load_iris(return_X_y=True)
X, Y = InputNormalizer().fit_transform(X)[::10], Y[::10]

SOURCES = {
    "real": lambda f, problem: RealStep(f, problem, np.random.default_rng(0)),
    "complex": ComplexStep,
    "layerwise": lambda f, problem: Layerwise(problem, problem.x0),
}


@pytest.fixture
def problem():
    problem = read_objective(MLPClassifier((3,), activation="tanh", random_state=0).objective(X, Y))
    problem.look()
    return problem


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_agrees_with_backprop_and_contradicts_a_bug(problem, name):
    source = SOURCES[name](Guarded(problem.value, problem.x0), problem)
    for block, place in problem.blocks.items():
        gradient = problem.claimed[place.slice]
        directions = source.directions(block, 3, np.random.default_rng(1))
        claimed = directions @ gradient
        found = source.along(block, directions, claimed)
        assert np.all(found.error < 1e-6)
        assert not found.contradict(claimed)
        np.testing.assert_allclose(found.value, claimed, rtol=0, atol=1e-6)
        assert source.along(block, directions, 1.001 * claimed).contradict(1.001 * claimed)
        assert source.along(block, None, gradient).value.shape == gradient.shape


@pytest.mark.parametrize(
    ("estimates", "claimed", "verdict"),
    [
        (Estimates(np.ones(3), np.full(3, 1e-9)), np.ones(3), "OK"),
        (Estimates(np.ones(3), np.full(3, 1e-9)), np.array([1, 1, 1 + 1e-8]), "WRONG"),
        (Estimates(np.ones(3), np.full(3, 1e-9)), np.array([1, 1, np.nan]), "WRONG"),
        (Estimates(np.ones(3), np.full(3, 0.1)), np.ones(3), "INCONCLUSIVE"),
        (Estimates(np.ones(3), np.array([1e-9, 1e-9, np.inf])), np.ones(3), "INCONCLUSIVE"),
        (Estimates(np.ones(3), np.full(3, 1e-9), np.arange(3) == 1), np.ones(3), "KINK"),
        (Estimates(np.ones(3), np.full(3, 1e-9), doubt="why"), np.ones(3), "INCONCLUSIVE"),
        (Estimates(np.ones(3), np.full(3, 1e-9), refined=np.ones(3)), np.ones(3), "OK"),
        # zeros are no proof, unless f does not move at all
        (Estimates(np.zeros(3), np.full(3, 1e-9)), np.zeros(3), "INCONCLUSIVE"),
        (Estimates(np.zeros(3), np.zeros(3)), np.zeros(3), "OK"),
        # exact ones: the error is the norm of all
        (Estimates(np.ones(3), 1e-9), np.ones(3) + 0.6e-9, "WRONG"),
        (Estimates(np.ones(3), 1e-9), np.ones(3) + 0.5e-9, "OK"),
        (Estimates(np.full(3, np.nan), np.nan), np.ones(3), "INCONCLUSIVE"),
        (Estimates(np.full(3, 1e-17), 1e-16), np.zeros(3), "OK"),  # of a gradient of norm 1
        (Estimates(np.full(3, 1e-9), 1e-8), np.zeros(3), "INCONCLUSIVE"),
    ],
)
def test_verdicts(problem, estimates, claimed, verdict):
    compared = Comparison("x", claimed, None, claimed, estimates, Source(problem))
    assert decide(problem, compared, whole_norm=1.0)[0] == verdict


@pytest.mark.parametrize("method", ["real", "complex"])
def test_a_gradient_of_rounding_errors_is_not_called_wrong(method):
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(20, 5)), rng.normal(size=20)
    best = np.linalg.lstsq(A, b, rcond=None)[0]

    def f(x):
        return 0.5 * np.sum((A @ x - b) ** 2)

    report = check_gradients(f, lambda x: A.T @ (A @ x) - A.T @ b, best, method=method)
    assert report.relative_error > 1e-9  # nothing but rounding
    assert report.verdict != "WRONG", report
    report = check_gradients(f, lambda x: A.T @ (A @ x), best, method=method)
    assert report.verdict == "WRONG"
