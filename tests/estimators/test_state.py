"""What an estimator keeps: enough to go on, nothing of the data, and never half of a failed fit."""

import copy
import pickle
import threading
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning

from sknn_opt import MLPClassifier, MLPRegressor
from sknn_opt.optim import Adam

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X = X / 16
VARIANTS = [
    {},
    {"solver": "lbfgs"},
    {"batch_norm": True, "dropout": 0.2},
    {"early_stopping": True},
    {"solver": "sgd", "learning_rate": "invscaling"},
]


def classifier(**parameters):
    return MLPClassifier((20,), **{"max_iter": 3, "random_state": 0} | parameters)


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
@pytest.mark.parametrize(
    "duplicate",
    [lambda net: pickle.loads(pickle.dumps(net)), copy.deepcopy, lambda net: clone(net).fit(X, Y)],
    ids=["pickle", "deepcopy", "clone"],
)
def test_copies_predict_and_go_on_alike(parameters, duplicate):
    net = classifier(**parameters).fit(X, Y)
    twin = duplicate(net)
    assert np.array_equal(net.predict_proba(X), twin.predict_proba(X))
    if hasattr(net, "partial_fit"):
        net.partial_fit(X, Y)
        twin.partial_fit(X, Y)
        assert np.array_equal(net.theta_, twin.theta_)


def test_a_memory_mapped_model_trains_on(tmp_path):
    net = classifier().fit(X, Y)
    joblib.dump(net, tmp_path / "net")
    mapped = joblib.load(tmp_path / "net", mmap_mode="r")
    assert not mapped.theta_.flags.writeable
    mapped.partial_fit(X, Y)
    assert np.array_equal(mapped.theta_, net.partial_fit(X, Y).theta_)


def test_a_pickle_holds_the_parameters_and_adams_state_alone():
    rng = np.random.default_rng(0)
    net = MLPClassifier((256, 256), max_iter=1, random_state=0)
    net.fit(rng.normal(size=(3000, 784)), rng.integers(0, 10, 3000))
    assert len(pickle.dumps(net)) <= 3.2 * net.theta_.nbytes


def test_joblib_holds_them_once_as_well(tmp_path):
    net = MLPClassifier((256, 256), max_iter=1, random_state=0).fit(X, Y)
    joblib.dump(net, tmp_path / "net")
    assert (tmp_path / "net").stat().st_size <= 3.2 * net.theta_.nbytes


DUPLICATES = [lambda net: net, copy.copy, lambda net: pickle.loads(pickle.dumps(net))]


@pytest.mark.parametrize("duplicate", DUPLICATES, ids=["itself", "copy", "pickle"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_no_change_in_place_is_lost(batch_norm, duplicate):
    net = duplicate(classifier(batch_norm=batch_norm).fit(X, Y))
    before = net.predict_proba(X)
    for array in (net.theta_, net.statistics_, *net.coefs_, *net.intercepts_):
        if batch_norm:  # predictions use folded copies
            with pytest.raises(ValueError, match="read-only"):
                array += 1
        elif array.size:
            array += 1
            assert not np.array_equal(net.predict_proba(X), before)
            array -= 1


@pytest.mark.parametrize("parameters", [{"early_stopping": True}, {"average": 0.5}, {}], ids=str)
def test_partial_fit_goes_on_from_weights_set_after_fit(parameters):
    net = classifier(solver="sgd", momentum=0.0, **parameters).fit(X, Y)
    net.theta_ = np.zeros_like(net.theta_)
    net.set_params(learning_rate_init=1e-9).partial_fit(X, Y)
    assert np.abs(net.theta_).max() < 1e-6


def test_a_fit_that_diverged_leaves_no_momentum():
    net = MLPRegressor((5,), solver="sgd", warm_start=True, max_iter=5, random_state=0)
    net.fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        net.set_params(learning_rate_init=1e30).fit(X, Y)
    loss = net.loss_
    assert net.set_params(learning_rate_init=1e-3).fit(X, Y).loss_ < loss


def test_a_model_of_another_version_says_so_in_one_sentence():
    saved = classifier().fit(X, Y).__getstate__()
    saved["_training"] = {"unit": 2.3, "by_score": False, "solver": "adam"}  # as version 0.1.0
    with pytest.raises(ValueError, match=r"^This model was saved by another version of sknn_opt"):
        MLPClassifier.__new__(MLPClassifier).__setstate__(saved)


def test_skops_trusts_all_but_our_class():
    skops_io = pytest.importorskip("skops.io")
    for parameters in VARIANTS:
        net = classifier(**parameters).fit(X, Y)
        data = skops_io.dumps(net)
        unknown = skops_io.get_untrusted_types(data=data)
        assert unknown == ["sknn_opt.estimators.classifier.MLPClassifier"]
        twin = skops_io.loads(data, trusted=unknown)
        assert np.array_equal(net.predict_proba(X), twin.predict_proba(X))


def leaves(value):
    if isinstance(value, dict):
        assert all(isinstance(key, str) for key in value)
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_the_state_is_plain(parameters):
    net = classifier(**parameters).fit(X, Y)
    fitted = {k: v for k, v in net.__getstate__().items() if k not in net.get_params()}
    for leaf in leaves(fitted):
        assert leaf is None or isinstance(leaf, bool | int | float | str | np.ndarray | np.generic)
        if isinstance(leaf, np.ndarray):
            assert leaf.size < len(X)  # no row of the data, no index of rows
            assert leaf.base is None or leaf.base.size == leaf.size


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_a_seed_gives_the_same_bits(parameters):
    first, second = (classifier(**parameters).fit(X, Y).theta_ for _ in range(2))
    assert np.array_equal(first, second)
    other = classifier(**parameters | {"random_state": 1}).fit(X, Y).theta_
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_generators_as_random_state(make):
    def theta(state):
        return classifier(random_state=state).fit(X, Y).theta_

    assert np.array_equal(theta(make(3)), theta(make(3)))
    moving = make(3)
    assert not np.array_equal(theta(moving), theta(moving))


def test_fits_in_threads_equal_serial_fits():
    def fit(seed):
        return classifier(random_state=seed, dropout=0.2).fit(X, Y).theta_

    serial = [fit(seed) for seed in range(4)]
    parallel = [None] * 4

    def work(seed):
        with warnings.catch_warnings():
            parallel[seed] = fit(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(serial, parallel, strict=True):
        assert np.array_equal(one, other)


def test_partial_fit_continues_the_random_stream():
    """Two calls are two epochs of a fit: other shuffles, the same optimizer."""
    net = classifier(max_iter=2, tol=0).fit(X, Y)
    parts = classifier()
    for _ in range(2):
        parts.partial_fit(X, Y, classes=range(10))
    assert np.array_equal(net.theta_, parts.theta_)
    assert parts.loss_curve_ == net.loss_curve_
    assert parts.n_iter_ == 2
    assert parts.t_ == net.t_ == 2 * len(X)


def test_partial_fit_exists_for_minibatch_solvers_only():
    assert not hasattr(classifier(solver="lbfgs"), "partial_fit")
    assert hasattr(MLPRegressor(solver="sgd"), "partial_fit")
    with pytest.raises(AttributeError) as error:
        _ = classifier(solver="lbfgs").partial_fit
    assert "partial_fit needs a minibatch solver" in str(error.value.__cause__)


class TestWarmStart:
    def fitted(self, **parameters):
        return classifier(warm_start=True, **parameters).fit(X, Y)

    def test_goes_on(self):
        net = self.fitted()
        loss = net.loss_
        net.fit(X, Y)
        assert net.loss_ < loss
        assert net.n_iter_ == 3
        assert len(net.loss_curve_) == 6
        assert np.array_equal(net.theta_, classifier(max_iter=6).fit(X, Y).theta_)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"hidden_layer_sizes": (30,)}, r"hidden_layer_sizes was \(20,\) and is now \(30,\)"),
            ({"hidden_layer_sizes": (20, 5)}, "hidden_layer_sizes was"),
            ({"activation": "tanh"}, "activation was 'relu' and is now 'tanh'"),
            ({"batch_norm": True}, "batch_norm was False and is now True"),
        ],
    )
    def test_another_architecture_says_why_not(self, change, message):
        net = self.fitted()
        before = net.predict_proba(X)
        with pytest.raises(ValueError, match=message + r".*fit anew with warm_start=False"):
            net.set_params(**change).fit(X, Y)
        assert np.array_equal(net.predict_proba(X), before)

    def test_other_classes_say_why_not(self):
        net = self.fitted()
        with pytest.raises(ValueError, match="not among the known classes.*fit anew"):
            net.fit(X, Y + 1)
        assert net.score(X, Y) > 0

    @pytest.mark.parametrize("solver", ["lbfgs", "sgd", "rmsprop", "adamw"])
    def test_another_solver_goes_on_from_the_weights(self, solver):
        net = self.fitted(max_iter=10)
        score = net.score(X, Y)
        assert net.set_params(solver=solver).fit(X, Y).score(X, Y) > score - 0.05

    def test_new_data_after_convergence_train_again(self):
        net = classifier(warm_start=True, max_iter=200, tol=1e-2, n_iter_no_change=2)
        net.fit(X[:500], Y[:500])
        assert net.n_iter_ < 200
        theta = net.theta_
        net.fit(X[500:], Y[500:])
        assert net.n_iter_ > 2
        assert not np.array_equal(net.theta_, theta)


def interrupt_after(monkeypatch, n_steps):
    step, count = Adam._step, iter(range(n_steps))

    def interrupted(self, *args):
        if next(count, None) is None:
            raise KeyboardInterrupt
        step(self, *args)

    monkeypatch.setattr(Adam, "_step", interrupted)


class TestInterrupt:
    def test_keeps_the_best_weights_and_ends(self, monkeypatch):
        interrupt_after(monkeypatch, 30)  # nine batches an epoch
        net = classifier(max_iter=50)
        with pytest.raises(KeyboardInterrupt, match="Interrupted; the weights of epoch 3 are kept"):
            net.fit(X, Y)
        assert net.n_iter_ == 3
        monkeypatch.undo()
        assert np.array_equal(net.theta_, classifier(max_iter=3).fit(X, Y).theta_)

    def test_in_the_first_epoch_leaves_no_trace(self, monkeypatch):
        fresh, fitted = classifier(), classifier().fit(X, Y)
        before = fitted.predict_proba(X)
        interrupt_after(monkeypatch, 5)
        with pytest.raises(KeyboardInterrupt):
            fresh.fit(X, Y)
        assert set(vars(fresh)) == set(fresh.get_params())
        interrupt_after(monkeypatch, 5)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X[:, :5], Y)
        assert np.array_equal(fitted.predict_proba(X), before)

    def test_in_partial_fit_leaves_the_model(self, monkeypatch):
        net = classifier().fit(X, Y)
        twin = copy.deepcopy(net)
        interrupt_after(monkeypatch, 5)
        with pytest.raises(KeyboardInterrupt):
            net.partial_fit(X, Y)
        monkeypatch.undo()
        assert np.array_equal(net.partial_fit(X, Y).theta_, twin.partial_fit(X, Y).theta_)

    def test_in_lbfgs_keeps_the_best_weights(self, monkeypatch):
        from sknn_opt.nn.objective import Objective

        evaluate, count = Objective.value_and_gradient, iter(range(20))

        def interrupted(self, theta):
            if next(count, None) is None:
                raise KeyboardInterrupt
            return evaluate(self, theta)

        monkeypatch.setattr(Objective, "value_and_gradient", interrupted)
        net = classifier(solver="lbfgs", max_iter=100)
        with pytest.raises(KeyboardInterrupt, match="best weights"):
            net.fit(X, Y)
        assert net.score(X, Y) > 0.5


def test_a_poisoned_batch_leaves_the_stream_as_it_was():
    X_iris, y_iris = load_iris(return_X_y=True)
    net, twin = (MLPClassifier((5,), random_state=0) for _ in range(2))
    for model in (net, twin):
        model.partial_fit(X_iris, y_iris, classes=[0, 1, 2])
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 2.*weights of the last call"):
        net.partial_fit(X_iris * 1e99, y_iris)
    assert np.array_equal(net.predict_proba(X_iris), twin.predict_proba(X_iris))
    with pytest.raises(ValueError, match="NaN"):
        net.partial_fit(X_iris * np.nan, y_iris)
    assert np.array_equal(net.theta_, twin.theta_)


def test_dropout_draws_from_a_stream_of_its_own():
    """Switching it on changes neither the initial weights nor the order of the batches."""
    plain, dropped = classifier(), classifier(dropout=0.5)
    assert np.array_equal(plain.objective(X, Y).theta, dropped.objective(X, Y).theta)
    one, other = (net.fit(X, Y)._training for net in (plain, dropped))
    assert one.shuffle == other.shuffle
    assert one.dropout != other.dropout


@pytest.mark.parametrize("kind", ["fit", "batch norm", "early stopping", "lbfgs", "stream"])
def test_equal_fits_have_equal_pickles_and_hashes(kind):
    more = {
        "batch norm": {"batch_norm": True},
        "early stopping": {"early_stopping": True},
        "lbfgs": {"solver": "lbfgs"},
        "stream": {"early_stopping": True, "average": 0.9},
    }

    def fitted():
        net = MLPClassifier((5,), max_iter=3, random_state=0, **more.get(kind, {}))
        if kind != "stream":
            return net.fit(X, Y)
        for part in np.array_split(np.random.default_rng(0).permutation(len(X)), 5):
            net.partial_fit(X[part], Y[part], classes=np.unique(Y))
        return net

    one, other = fitted(), fitted()
    assert pickle.dumps(one) == pickle.dumps(other)
    for copied in (other, pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert joblib.hash(copied) == joblib.hash(one)
