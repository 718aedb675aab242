"""Trainings at once in one packed network go, to the bit, the way that each goes alone."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.model_selection import ShuffleSplit

from sknn_opt import Loss, MLPClassifier, MLPRegressor
from sknn_opt.estimators.pausing import Pause
from sknn_opt.nn.network import Network, Weights
from sknn_opt.nn.stacked import StackedNetwork
from sknn_opt.optim import SGD, AdamW, FadeOut
from sknn_opt.search.packs import rehearse
from sknn_opt.training.plans import FEWEST, LARGEST, MOST_ROWS, Plan, alike
from sknn_opt.training.together import train_together

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def short_trainings_too(monkeypatch):
    monkeypatch.setattr("sknn_opt.training.plans.FEWEST_STEPS", 0)


IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
LABELS = IRIS[0], np.column_stack([IRIS[1] == 0, IRIS[1] > 1]).astype(int)
WITH_GAPS = DIABETES[0], np.column_stack([DIABETES[1], DIABETES[1] ** 2])
WITH_GAPS[1][::7, 0] = np.nan


class LogCosh(Loss):
    def __call__(self, z, y):
        return np.log(np.cosh(z - y)).sum(axis=1), np.tanh(z - y)


def plan_of(net, X, y, share=1.0, state=None, **fit_params):
    """What `net` would train, given as `fit` gives it to a trainer."""
    net = clone(net)
    return rehearse(net, Pause(share, state), lambda: net.fit(X, y, **fit_params))


def assert_same(one, other):
    """The states of two trainings are equal to the bit, but for the seconds."""
    for name, value in vars(one.weights).items():
        np.testing.assert_array_equal(value, getattr(other.weights, name))
    for name in ("best", "average"):
        if getattr(one, name) is None:
            assert getattr(other, name) is None
        else:
            np.testing.assert_array_equal(getattr(one, name).theta, getattr(other, name).theta)
    for name, value in one.moments.items():
        np.testing.assert_array_equal(value, other.moments[name])
    rows = [[{**row, "seconds": 0} for row in state.history] for state in (one, other)]
    assert rows[0] == rows[1]
    for name in ("shuffle", "dropout", "n_epochs", "best_epoch", "n_stalled", "best_value"):
        assert getattr(one, name) == getattr(other, name)
    assert (one.time.epoch, one.time.n_rows_seen) == (other.time.epoch, other.time.n_rows_seen)


def assert_each_goes_its_way(nets, data, **fit_params):
    """Returns the outcomes."""
    alone = [plan_of(net, *data, **fit_params) for net in nets]
    together = [plan_of(net, *data, **fit_params) for net in nets]
    assert alike(together) == [list(range(len(nets)))]
    expected = [train_alone(plan) for plan in alone]
    found = train_together(together)
    assert found == expected
    for one, other in zip(alone, together, strict=True):
        assert_same(one.state, other.state)
    return found


def train_alone(plan):
    from sknn_opt.training import minibatch

    return minibatch.train(plan.state, plan.rows, plan.monitor, plan.settings)


def classifiers(*each, **common):
    common = {"max_iter": 6, "batch_size": 16, "random_state": 0} | common
    return [MLPClassifier((12, 5), **common | own) for own in each]


RATES = [{"learning_rate_init": rate} for rate in (1e-4, 1e-3, 1e-2, 0.1)]


@pytest.mark.parametrize(
    "common",
    [
        {}, {"dtype": "float64"}, {"solver": "sgd"}, {"solver": "rmsprop"}, {"average": 0.9},
        {"solver": "adamw", "weight_decay": 0.01}, {"shuffle": False}, {"max_grad_norm": 0.1},
        {"learning_rate": "one_cycle"}, {"learning_rate": "adaptive", "solver": "sgd"},
        {"learning_rate": "cosine", "warmup_epochs": 2}, {"activation": "gelu"},
        {"early_stopping": True, "max_iter": 20}, {"early_stopping": True, "scoring": "accuracy"},
        {"dropout": 0.3}, {"input_dropout": 0.2, "dropout": [0.0, 0.4]}, {"input_scale": True},
        {"dropout": FadeOut(0.3)}, {"solver": AdamW(weight_decay=FadeOut(0.1))}, {"tol": 0.1},
        {"solver": SGD(layer_rates={"b": 0.1})}, {"label_smoothing": 0.1}, {"init": "data"},
        {"n_iter_no_change": 1, "max_iter": 50}, {"min_steps": 100}, {"batch_size": 149},
    ],
    ids=str,
)  # fmt: skip
def test_with_every_parameter(common):
    assert_each_goes_its_way(classifiers(*RATES, **common), IRIS)


def test_each_has_its_own():
    own = [
        {"alpha": 1.0, "dropout": 0.1, "random_state": 1},
        {"solver": "adamw", "weight_decay": 0.1, "dropout": 0.2, "max_iter": 3},
        {"solver": "sgd", "momentum": 0.5, "dropout": FadeOut(0.5), "average": 0.5},
        {"learning_rate": "cosine", "dropout": 0.5, "n_iter_no_change": 1, "tol": 1.0},
        {"beta_1": 0.5, "epsilon": 1e-3, "dropout": 0.01, "max_grad_norm": 0.01},
    ]
    assert_each_goes_its_way(classifiers(*own, max_iter=8), IRIS)


def test_each_holds_out_its_own_rows():
    seeds = [{"random_state": seed, "early_stopping": True} for seed in range(5)]
    nets = classifiers(*seeds, max_iter=30, n_iter_no_change=3, learning_rate_init=0.01)
    X, y = np.unique(IRIS[0], axis=0, return_index=True)
    plans = [plan_of(net, X, IRIS[1][y]) for net in nets]
    for group in alike(plans):
        assert len({plans[i].rows.n_rows for i in group}) == 1
    assert_each_goes_its_way(nets, (X[:140], IRIS[1][y][:140] // 2))


@pytest.mark.parametrize("data", [DIABETES, WITH_GAPS], ids=["one output", "gaps"])
@pytest.mark.parametrize("loss", ["squared_error", "huber", LogCosh()])
def test_regressors(loss, data):
    common = {"loss": loss, "max_iter": 5, "batch_size": 32, "random_state": 3}
    nets = [MLPRegressor((9,), **common, alpha=alpha) for alpha in (0, 1e-3, 0.1, 10)]
    assert_each_goes_its_way(nets, data)


def test_several_labels():
    assert_each_goes_its_way(classifiers(*RATES), LABELS)


def test_without_hidden_layers():
    nets = [MLPClassifier((), max_iter=4, batch_size=30, random_state=seed) for seed in range(4)]
    assert_each_goes_its_way(nets, IRIS)


def test_with_a_validation_set():
    nets = classifiers(*RATES, early_stopping=True)
    assert_each_goes_its_way(nets, IRIS, X_val=IRIS[0][::3], y_val=IRIS[1][::3])


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_one_that_diverges_leaves_the_others_alone(dropout):
    rates = [{"learning_rate_init": rate} for rate in (1e-3, 1e30, 1e-2, 1e18)]
    found = assert_each_goes_its_way(classifiers(*rates, solver="sgd", dropout=dropout), IRIS)
    assert [each.reason for each in found] == ["max_iter", "diverged", "max_iter", "diverged"]


@pytest.mark.parametrize("ends", [(1, 1, 1, 1), (1, 2, 3, 4), (7, 1, 7, 7)])
def test_they_end_when_they_like(ends):
    own = [{"max_iter": n, "random_state": n} for n in ends]
    assert_each_goes_its_way(classifiers(*own), IRIS)


def test_they_pause_and_go_on():
    """Half of them in a pack, then in another one, are as those of one fit."""
    nets = classifiers(*RATES, dropout=0.2, max_iter=10)
    first = [plan_of(net, *IRIS, share=0.5) for net in nets]
    assert {each.reason for each in train_together(first)} == {"paused"}
    then = [plan_of(net, *IRIS, state=plan.state) for net, plan in zip(nets, first, strict=True)]
    train_together(then[::-1])
    whole = [plan_of(net, *IRIS) for net in nets]
    for plan, other in zip(whole, then, strict=True):
        train_alone(plan)
        assert_same(plan.state, other.state)
    again = [
        plan_of(net, *IRIS, share=0.5, state=p.state) for net, p in zip(nets, first, strict=True)
    ]
    before = [plan.state.weights.theta.copy() for plan in again]
    assert {each.reason for each in train_together(again)} == {"paused"}  # they are there already
    for plan, theta in zip(again, before, strict=True):
        np.testing.assert_array_equal(plan.state.weights.theta, theta)


def test_states_do_not_share_memory_in_the_end():
    plans = [plan_of(net, *IRIS) for net in classifiers(*RATES)]
    train_together(plans)
    for plan in plans:
        weights = plan.state.weights
        assert weights.theta.base is None or weights.theta.base.size == weights.theta.size


def test_short_trainings_are_not_packed(monkeypatch):
    monkeypatch.setattr("sknn_opt.training.plans.FEWEST_STEPS", 10 * 60)
    for epochs, pays in ((59, False), (60, True)):
        plan = plan_of(MLPClassifier((8,), batch_size=15, max_iter=epochs, random_state=0), *IRIS)
        assert plan.pays() == pays
        if pays:
            assert not plan_of(
                MLPClassifier((8,), batch_size=15, max_iter=epochs, random_state=0),
                *IRIS,
                share=0.9,
            ).pays()


def test_what_is_not_alike_is_not_packed():
    base = {"max_iter": 2, "batch_size": 16, "random_state": 0}

    def groups(*each, data=IRIS, **fit_params):
        nets = [MLPClassifier(**{"hidden_layer_sizes": (8,)} | base | own) for own in each]
        return alike([plan_of(net, *data, **fit_params) for net in nets])

    same = [{}] * FEWEST
    assert groups(*same) == [list(range(FEWEST))]
    assert groups(*same[1:]) == []
    for other in (
        {"hidden_layer_sizes": (9,)}, {"activation": "tanh"}, {"batch_size": 15}, {"dropout": 0.1},
        {"dtype": "float64"}, {"shuffle": False}, {"label_smoothing": 0.1}, {"input_scale": True},
        {"early_stopping": True}, {"solver": "lbfgs"}, {"batch_norm": True}, {"n_members": 2},
    ):  # fmt: skip
        assert groups(*same, other) == [list(range(FEWEST))]
    for never in ({"solver": "lbfgs"}, {"batch_norm": True}, {"n_members": 2}):
        assert groups(*[never] * FEWEST) == []
    assert groups(*same, sample_weight=np.arange(150.0)) == []
    assert groups(*same, data=(csr_array(IRIS[0]), IRIS[1])) == []
    assert groups(*[{"batch_size": 200}] * FEWEST) == []  # one batch of merged rows
    width = LARGEST // 64
    assert (
        groups(*[{"hidden_layer_sizes": (width,)}] * FEWEST, data=load_digits(return_X_y=True))
        == []
    )
    plans = [plan_of(MLPClassifier(**base), *IRIS) for _ in range(FEWEST)]
    plans.insert(1, None)
    plans.append(plan_of(MLPClassifier(**base), IRIS[0][::-1], IRIS[1]))
    plans.append(plan_of(MLPClassifier(**base), IRIS[0], IRIS[1][::-1]))
    assert alike(plans) == [[0, 2, 3, 4][:FEWEST]]


def test_the_stacked_network_is_several_networks():
    """Losses, penalties and gradients, each by the network alone."""
    plans = [plan_of(net, *IRIS) for net in classifiers(*RATES)]
    rng = np.random.default_rng(0)
    each = [plan.state.weights for plan in plans]
    for weights in each:
        weights.theta[:] = rng.normal(size=weights.theta.size)
    architectures = [plan.state.architecture for plan in plans]
    theta = np.stack([weights.theta for weights in each])
    stacked = StackedNetwork(architectures, theta, np.stack([w.statistics for w in each]), 10)
    X = rng.normal(size=(40, 4)).astype(np.float32)
    y = rng.integers(3, size=40)
    found = stacked.losses_and_gradients(X, y, 0.1, [0.0, 0.5, 1.0, 2.0])
    for j, (weights, penalty) in enumerate(zip(each, [0.0, 0.5, 1.0, 2.0], strict=True)):
        own = slice(10 * j, 10 * j + 10)
        alone = Network(architectures[j], weights.theta, weights.statistics, 10)
        total = alone.loss_and_gradient(X[own], y[own], None, 0.1, penalty)
        assert found[j] == (total, alone.penalty_term, alone.grad_norm)
        np.testing.assert_array_equal(stacked.gradients[j], alone.grad)
        assert np.shares_memory(stacked.gradients[j], stacked.grad)


def test_gradients_beyond_the_range_of_squares_have_a_norm():
    plans = [plan_of(net, *IRIS) for net in classifiers(*RATES, dtype="float64")]
    each = [plan.state.weights for plan in plans]
    theta, statistics = (np.stack([getattr(w, n) for w in each]) for n in vars(Weights(0, 0)))
    stacked = StackedNetwork([p.state.architecture for p in plans], theta, statistics, 10)
    X, y = np.ones((40, 4)), np.zeros(40, int)
    for scale in (1e-200, 1e200):
        with np.errstate(all="ignore"):  # as in training
            found = stacked.losses_and_gradients(X, y, scale, [0.0] * 4)
        norms = [norm for *_, norm in found]
        lengths = [np.linalg.norm(g / scale) for g in stacked.gradients]
        np.testing.assert_allclose(norms, scale * np.array(lengths), rtol=1e-12)


def test_a_plan_is_what_a_trainer_is_given():
    plan = plan_of(MLPClassifier(), *IRIS)
    assert [*vars(plan)] == ["state", "rows", "monitor", "settings"]
    assert isinstance(plan, Plan)


class Bootstrap:
    """Trains on rows in no order, some of them twice."""

    def split(self, X, y=None, groups=None):
        n = len(X)
        yield np.random.default_rng(0).integers(n // 2, size=n // 2), np.arange(n // 2, n)

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1

    def __repr__(self):
        return "Bootstrap()"


@pytest.mark.parametrize("splitter", [ShuffleSplit(1, random_state=0), Bootstrap()], ids=repr)
def test_rows_in_the_order_of_a_splitter(splitter):
    common = {"early_stopping": True, "validation_fraction": splitter}
    assert_each_goes_its_way(classifiers(*RATES, **common), IRIS)


class Centered(Loss):
    """Looks at all rows of a batch."""

    def __call__(self, z, y):
        r = z - y - (z - y).mean(axis=0) / 2
        return (r**2).sum(axis=1) / 2, r


class Weary(Loss):
    """Remembers how often it was called."""

    def __init__(self):
        self.n = 0

    def __call__(self, z, y):
        self.n += 1
        return ((z - y) ** 2).sum(axis=1) / 2 / self.n, (z - y) / self.n


@pytest.mark.parametrize("loss", [Centered(), Weary()])
def test_a_loss_sees_the_batches_of_its_own_network_alone(loss):
    common = {"batch_size": 32, "random_state": 0, "early_stopping": True}
    nets = [MLPRegressor((9,), loss=loss, max_iter=n, **common) for n in (3, 4, 5, 6)]
    assert_each_goes_its_way(nets, DIABETES)


@pytest.mark.parametrize("others", [(1, 3, 3), (1, 1, 1)])
@pytest.mark.parametrize("rate", [1e30, 1e300])
def test_divergence_has_the_cause_that_it_has_alone(rate, others):
    """After the last step of an epoch, and in an epoch after which another training ended."""
    own = [{"max_iter": n, "random_state": n} for n in others]
    own.append({"learning_rate": lambda time: rate if time.epoch % 1 >= 0.5 else 1e-3})
    found = assert_each_goes_its_way(classifiers(*own, batch_size=75, max_iter=4), IRIS)
    assert found[-1].reason == "diverged"
    assert "learning rate" in found[-1].message


def test_an_order_of_rows_is_small_beside_the_rows():
    X, y = np.zeros((MOST_ROWS + 1, 1), np.float32), np.zeros(MOST_ROWS + 1)
    net = MLPRegressor((3,), normalize_target=False)
    assert not plan_of(net, X, y).pays()
    assert plan_of(net, X[:-1], y[:-1]).pays()


def test_equal_data_are_held_once():
    nets, known = classifiers(*RATES, early_stopping=True), []
    plans = [plan_of(net, IRIS[0].copy(), IRIS[1]) for net in nets]
    for plan in plans:
        plan.share(known)
    assert len({id(plan.rows.X) for plan in plans}) == len({id(plan.rows.y) for plan in plans}) == 1
    assert {id(plan.monitor.evaluate.rows.X) for plan in plans} == {id(plans[0].rows.X)}
    alone = [plan_of(net, *IRIS) for net in nets]
    assert train_together(plans) == [train_alone(plan) for plan in alone]
    for plan, other in zip(plans, alone, strict=True):
        assert_same(plan.state, other.state)
