"""``solver`` as an optimizer object."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from sknn_opt import InputNormalizer, MLPClassifier
from sknn_opt.optim import SGD, Adam, AdamW, Optimizer, RMSprop

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)


def network(solver, **parameters):
    defaults = {"max_iter": 3, "batch_size": 32, "random_state": 0}
    return MLPClassifier((5,), solver=solver, **defaults | parameters)


PAIRS = {
    "sgd": (SGD(momentum=0.5), {"solver": "sgd", "momentum": 0.5}),
    "rmsprop": (RMSprop(beta_2=0.9), {"solver": "rmsprop", "beta_2": 0.9}),
    "adam": (Adam(0.02), {"solver": "adam", "learning_rate_init": 0.02}),
    "adamw": (AdamW(weight_decay=0.1), {"solver": "adamw", "weight_decay": 0.1}),
}


@pytest.mark.parametrize("name", PAIRS)
def test_an_object_trains_as_its_name_does(name):
    solver, parameters = PAIRS[name]
    before = repr(solver)
    ours, named = network(solver).fit(X, Y), network(**parameters).fit(X, Y)
    assert np.array_equal(ours.theta_, named.theta_)
    assert repr(solver) == before
    for net, other in ((ours, parameters), (named, {"solver": solver})):  # its steps go on
        net.set_params(warm_start=True, **other).fit(X, Y)
        assert net._training.moments["step"] == 2 * 3 * 5
    assert np.array_equal(ours.theta_, named.theta_)


def test_it_is_cloned_pickled_and_searched():
    net = network(AdamW(weight_decay=0.1))
    twin = clone(net)
    assert twin.solver == net.solver
    assert twin.solver is not net.solver
    thawed = pickle.loads(pickle.dumps(net.fit(X, Y)))
    assert np.array_equal(thawed.partial_fit(X, Y).theta_, net.partial_fit(X, Y).theta_)
    grid = {"solver": [SGD(1e-9), Adam(0.05), "lbfgs"], "learning_rate_init": [0.001]}
    search = GridSearchCV(network("adam"), grid, cv=2).fit(X, Y)
    assert search.best_params_["solver"] in (Adam(0.05), "lbfgs")


def test_two_learning_rates_are_an_error():
    with pytest.raises(ValueError, match="give two learning rates"):
        network(Adam(0.02), learning_rate_init=0.1).fit(X, Y)


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
        network(solver).fit(X, Y)


class Sign(Optimizer):
    """Steps of one size; its constructor is its own."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def _step(self, theta, grad, state, rate):
        theta -= self.factor * rate * np.sign(grad)


def test_an_optimizer_of_the_users_keeps_what_it_was_given():
    slow, fast = (network(Sign(factor)).fit(X, Y) for factor in (1.0, 10.0))
    assert fast.loss_ < slow.loss_
    assert fast.solver.learning_rate is None
