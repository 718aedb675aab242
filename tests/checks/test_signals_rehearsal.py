"""Rehearsals: what a few steps foretell, and remedies that are not yet so."""

import math
import re
from itertools import islice

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_signals
from sknn_opt.checks.signals.rehearsal import Rehearsal, _by_lbfgs, rehearse
from sknn_opt.checks.signals.sources import first_optimizer
from sknn_opt.nn.activations import ACTIVATIONS

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Training stopped"),
    pytest.mark.filterwarnings("ignore:The network learned nothing"),
]

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)


def normal(scale):
    return lambda shape, rng, gain: rng.normal(0, scale, shape)


@pytest.mark.parametrize(
    ("losses", "explained", "doubted", "learns"),
    [
        ((1.0, 0.9, 0.8), (0.0, 0.1, 0.2), True, True),
        ((0.5, 2.0, 3.0), (0.5, -1.0, -2.0), True, True),  # it came down once
        ((1.0, 1.0, 1.0), (1e-3, 2e-3, 4e-3), True, True),  # a plateau that will end
        ((1.0, 1.0, 1.0), (1e-3, 1e-3, 1e-3), False, False),  # one that will not
        ((1.0, 1.0, 1.0), (1e-6, 2e-6, 4e-6), False, False),  # chance
        ((1.0, 1.0, 1.0), (1e-3, 2e-3, 3e-3), False, False),  # even progress, no plateau
        ((1.0, 0.98, 0.96), (0.01, 0.012, 0.014), False, False),
        ((1.0, 0.95, 0.94), (0.05, 0.07, 0.078), False, False),  # it fades
        ((8.0, 4.0, 2.0), (-7.0, -3.0, -1.0), False, True),  # falls as a power of the steps
        ((8.0, 4.0, 2.0), (-7.0, -3.0, -1.0), True, False),
        ((8.0, 7.9, 7.8), (-7.0, -6.9, -6.8), False, False),
        ((1.0, math.inf, math.inf), (0.0, -math.inf, -math.inf), False, False),
        ((1.0, 1.1, math.nan), (0.0, 0.0, math.nan), False, False),
    ],
)
def test_what_losses_foretell(losses, explained, doubted, learns):
    assert Rehearsal(100, 1000, losses, explained).learns(doubted=doubted) == learns


@pytest.mark.parametrize(
    ("parameters", "n_steps"),
    [
        ({"learning_rate_init": 0.01}, 75),  # it is clear even before the first 100 are over
        ({"solver": "sgd", "learning_rate_init": 1e-5}, 200),
        ({"learning_rate_init": 100.0}, 100),  # it explodes: no need to go on
    ],
)
def test_rehearsals_go_on_where_nothing_is_settled(parameters, n_steps):
    model = MLPClassifier((20, 20), random_state=0, max_iter=20).set_params(**parameters)
    rng = np.random.default_rng(0)
    assert rehearse(model, model.objective(X, Y), len(X), rng).n_steps == n_steps


def test_lbfgs_goes_on_from_where_it_was():
    objective = MLPClassifier((20, 20), solver="lbfgs", random_state=0).objective(X, Y)
    losses = [objective.value(theta) for theta in islice(_by_lbfgs(objective, 5), 12)]
    assert len(losses) == 12
    assert np.all(np.diff(losses) <= 0)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "gelu"])
@pytest.mark.parametrize("init", ["auto", "he_normal", "orthogonal"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_networks_that_train_are_healthy(activation, init, solver):
    model = MLPClassifier((20, 20), activation=activation, init=init, solver=solver, random_state=0)
    assert check_signals(model, X, Y).passed
    assert model.set_params(max_iter=1000).fit(X, Y).loss_ < 0.5 * np.log(3)


@pytest.mark.parametrize(
    ("parameters", "verdict"),
    [
        ({"solver": "sgd", "learning_rate_init": 1e-6}, "slow"),
        ({"learning_rate_init": 1e-7}, "slow"),
        ({"learning_rate_init": 100.0}, "exploding"),
        ({"init": normal(0.01), "hidden_layer_sizes": (20,) * 10}, "vanishing"),
    ],
)
@pytest.mark.parametrize("to", [np.asarray, csr_array])
def test_networks_that_do_not_train_are_flagged(parameters, verdict, to):
    model = MLPClassifier((20, 20), random_state=0, max_iter=20).set_params(**parameters)
    assert check_signals(model, to(X), Y).verdict == verdict
    assert check_signals(make_pipeline("passthrough", model), to(X), Y).verdict == verdict
    assert model.fit(to(X), Y).loss_ > 0.9 * np.log(3)


def test_scikit_learns_own_network_is_rehearsed():
    model = SklearnMLPClassifier((20, 20), random_state=1)  # 0 begins below the loss of a constant
    assert check_signals(model, X, Y).passed
    report = check_signals(model.set_params(solver="sgd", learning_rate_init=1e-6), X, Y)
    assert report.verdict == "slow"
    assert "solver='adam'" in report.findings[0].remedy
    assert "batch_norm" not in report.findings[0].remedy  # it has none


@pytest.mark.parametrize("sample_weight", [None, np.linspace(0.5, 2, 150)])
def test_targets_that_do_not_depend_on_x_are_no_fault(sample_weight):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(600, 3)), rng.normal(size=600)
    weight = None if sample_weight is None else np.tile(sample_weight, 4)
    model = MLPRegressor((20,), random_state=0)
    assert check_signals(model, *noise, sample_weight=weight).passed
    assert check_signals(model, noise[0], np.ones(600), sample_weight=weight).passed


def test_weights_that_have_learned_need_no_rehearsal(monkeypatch):
    model = MLPClassifier((20,) * 12, init="he_normal", random_state=0).fit(X, Y)
    monkeypatch.setattr("sknn_opt.checks.signals.points.rehearse", None)
    assert check_signals(model, X, Y).passed


def test_the_first_step_follows_the_schedule():
    model = MLPClassifier((20,), learning_rate="one_cycle", learning_rate_init=0.5, random_state=0)
    objective = model.objective(X, Y)
    assert first_optimizer(model, objective, 150).learning_rate == pytest.approx(0.02)
    theirs = SklearnMLPClassifier((20,), learning_rate="invscaling", learning_rate_init=0.5)
    assert first_optimizer(theirs, objective, 150).learning_rate == 0.5


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize("init", ["auto", "he_normal", normal(0.01), normal(2.0)])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_remedies_are_not_yet_so(activation, init, batch_norm, solver):
    model = MLPClassifier(
        (20,) * 12,
        activation=activation,
        init=init,
        batch_norm=batch_norm,
        solver=solver,
        max_grad_norm=1.0,
        learning_rate_init=1e-5,
        random_state=0,
    )
    has = model.get_params()
    for data in (X, 100 * X):
        for finding in check_signals(model, data, Y).findings:
            for name, value in re.findall(r"(\w+)=('?\w+'?)", finding.remedy):
                assert str(has[name]) != value.strip("'"), finding
            assert "InputNormalizer" not in finding.remedy or data is not X


def test_activations_are_all_rehearsed():
    for activation in ACTIVATIONS:
        model = MLPClassifier((16, 16), activation=activation, random_state=0)
        assert check_signals(model, X, Y).passed, activation
