"""``solver`` as an object: the same training as by name, with knobs of its own."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from sknn_opt import InputNormalizer, MLPClassifier
from sknn_opt.optim import OPTIMIZERS, SGD, Adam, AdamW, FadeOut, Optimizer, RMSprop

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)


def network(**parameters):
    return MLPClassifier((6,), batch_size=50, **{"max_iter": 4, "random_state": 0} | parameters)


def test_every_optimizer_is_tried():
    assert {type(o) for o in (SGD(), RMSprop(), Adam(), AdamW())} == set(OPTIMIZERS.values())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_object_with_the_same_knobs_trains_the_same_bits(name):
    by_name = network(solver=name).fit(X, Y)
    optimizer = OPTIMIZERS[name]()
    by_object = network(solver=optimizer).fit(X, Y)
    assert np.array_equal(by_name.theta_, by_object.theta_)
    assert optimizer == OPTIMIZERS[name]()  # not changed


@pytest.mark.parametrize(
    ("optimizer", "parameters"),
    [
        (AdamW(weight_decay=0.3), {"solver": "adamw", "weight_decay": 0.3}),
        (
            SGD(momentum=0.5, nesterov=False),
            {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False},
        ),
        (RMSprop(beta_2=0.9, epsilon=1e-4), {"solver": "rmsprop", "beta_2": 0.9, "epsilon": 1e-4}),
        (Adam(0.01, beta_1=0.5), {"solver": "adam", "learning_rate_init": 0.01, "beta_1": 0.5}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_its_own_knobs_count(optimizer, parameters):
    by_object, by_name = network(solver=optimizer).fit(X, Y), network(**parameters).fit(X, Y)
    assert np.array_equal(by_object.theta_, by_name.theta_)
    assert not np.array_equal(by_object.theta_, network().fit(X, Y).theta_)


def test_without_a_learning_rate_it_takes_that_of_the_estimator():
    rates = [
        network(solver=solver, learning_rate_init=0.05).fit(X, Y).history_[-1]["learning_rate"]
        for solver in (Adam(), "adam")
    ]
    assert rates == [0.05, 0.05]


def test_schedules_start_at_its_learning_rate():
    net = network(solver=Adam(0.05), learning_rate="cosine").fit(X, Y)
    expected = network(learning_rate_init=0.05, learning_rate="cosine").fit(X, Y)
    assert np.array_equal(net.theta_, expected.theta_)


def test_two_learning_rates_are_one_too_many():
    net = network(solver=Adam(0.05), learning_rate_init=0.01)
    with pytest.raises(ValueError, match=r"two learning rates; set one of them"):
        net.fit(X, Y)
    assert not hasattr(net, "theta_")
    net.set_params(learning_rate_init=0.05).fit(X, Y)  # the same, said twice


@pytest.mark.parametrize(
    "given",
    [{"weight_decay": FadeOut(0.3)}, {"weight_decay": 0.3}, {"beta_2": 0.9}, {"epsilon": 1e-3}],
)
def test_a_parameter_that_the_solver_brings_itself(given):
    net = network(solver=AdamW(0.05), **given)
    with pytest.raises(
        ValueError, match=r"has no effect beside solver=AdamW.*: set it there alone"
    ):
        net.fit(X, Y)
    (name, value), *_ = given.items()
    net.set_params(solver=AdamW(0.05, **given)).fit(X, Y)  # the same, said twice
    net.set_params(**{name: getattr(network(), name)}).fit(X, Y)
    assert getattr(net.solver, name) == value


def test_names_that_differ():
    with pytest.raises(ValueError, match="nesterovs_momentum=False has no effect"):
        network(solver=SGD(0.05), nesterovs_momentum=False).fit(X, Y)


def test_weight_decay_leaves_biases_alone():
    still = network(solver=AdamW(1e-12, weight_decay=1e10), alpha=0.0, max_iter=1)
    start = network().objective(X, Y)
    still.fit(X, Y)
    for name, block in still.blocks_.items():
        factor = 0.99**3 if name.startswith("W") else 1.0  # three batches
        before = block.of(start.theta)
        np.testing.assert_allclose(block.of(still.theta_), factor * before, rtol=1e-4, atol=1e-9)


def test_a_subclass_of_yours():
    class SignDescent(Optimizer):
        def _step(self, theta, grad, state, rate):
            theta -= rate * np.sign(grad)

    net = network(solver=SignDescent(), learning_rate_init=0.02, max_iter=60).fit(X, Y)
    assert net.score(X, Y) > 0.9


def test_a_stream_goes_on_under_another_name_for_the_same():
    streams = []
    for second in ("adam", Adam()):
        net = network().partial_fit(X, Y, classes=[0, 1, 2])
        streams.append(net.set_params(solver=second).partial_fit(X, Y).theta_)
    assert np.array_equal(*streams)


def test_it_is_cloned_and_searched_over():
    net = network(solver=AdamW(weight_decay=0.1))
    assert clone(net).solver == net.solver
    search = GridSearchCV(net, {"solver": [AdamW(weight_decay=d) for d in (0.0, 0.1)]}, cv=2)
    assert isinstance(search.fit(X, Y).best_params_["solver"], AdamW)


@pytest.mark.parametrize(
    ("solver", "name"),
    [
        (Adam(-1.0), "learning_rate"),
        (Adam(np.nan), "learning_rate"),
        (Adam("fast"), "learning_rate"),
        (Adam(beta_2=1.0), "beta_2"),
        (AdamW(weight_decay=-1.0), "weight_decay"),
        (SGD(momentum=2.0), "momentum"),
        (RMSprop(epsilon=0.0), "epsilon"),
    ],
    ids=str,
)
def test_its_numbers_are_checked_as_parameters_are(solver, name):
    message = f"The '{name}' parameter of {type(solver).__name__} must be"
    with pytest.raises(ValueError, match=message):
        network(solver=solver).fit(X, Y)


def test_a_subclass_with_a_constructor_of_its_own_keeps_what_it_was_given():
    class Scaled(Optimizer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def _step(self, theta, grad, state, rate):
            theta -= self.factor * rate * np.sign(grad)

    slow, fast = (network(solver=Scaled(factor)).fit(X, Y) for factor in (1.0, 10.0))
    assert fast.loss_ < slow.loss_
    assert fast.solver.learning_rate is None


def test_a_pickled_model_trains_on():
    net = network(solver=AdamW(weight_decay=0.1)).fit(X, Y)
    thawed = pickle.loads(pickle.dumps(net))
    assert np.array_equal(thawed.partial_fit(X, Y).theta_, net.partial_fit(X, Y).theta_)


@pytest.mark.parametrize("solver", [AdamW, "adamW", None])
def test_what_is_no_solver(solver):
    with pytest.raises(ValueError, match=r"'solver' parameter.*(?=.*adamw)(?=.*Optimizer)"):
        network(solver=solver).fit(X, Y)
