"""The scale of the targets follows a stream, and predictions do not jump with it."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

from sknn_opt import InputNormalizer, Loss, MLPRegressor

X, Y = load_diabetes(return_X_y=True)
X = InputNormalizer().fit_transform(X)
WEIGHT = np.arange(len(X)) % 5 * 0.5
STILL = {"learning_rate_init": 1e-12, "alpha": 0.0}  # what changes is the scale alone


def regressor(**parameters):
    defaults = {"random_state": 0, "learning_rate_init": 0.01, "n_iter_no_change": np.inf}
    return MLPRegressor((20,), **defaults | parameters)


def feed(net, X, y, size=50, weight=None, n_times=1):
    for _ in range(n_times):
        for start in range(0, len(X), size):
            rows = slice(start, start + size)
            net.partial_fit(X[rows], y[rows], None if weight is None else weight[rows])
    return net


def r2(net, X, y):
    return 1 - ((net.predict(X) - y) ** 2).mean(axis=0) / y.var(axis=0)


class LogCosh(Loss):
    normalizes = "mean and scale"

    def __call__(self, z, y):
        r = z - y
        return np.log(np.cosh(r)).sum(axis=1), np.tanh(r)


@pytest.mark.parametrize("size", [1, 7, 442])
def test_it_is_that_of_all_rows_so_far(size):
    net = feed(regressor(), X, Y, size)
    np.testing.assert_allclose(net.target_normalizer_.mean_, Y.mean(), rtol=1e-12)
    np.testing.assert_allclose(net.target_normalizer_.var_, Y.var(), rtol=1e-10)
    weighted = feed(regressor(), X, Y, size, np.maximum(WEIGHT, 0.1))
    expected = np.average(Y, weights=np.maximum(WEIGHT, 0.1))
    np.testing.assert_allclose(weighted.target_normalizer_.mean_, expected, rtol=1e-12)


FIRST_CALLS = {
    "one row": (X[:1], Y[:1]),
    "twice the same target": (X[:2], Y[[0, 0]]),
    "a constant": (X[:20], np.zeros(20)),
    "a huge constant": (X[:20], np.full(20, 1e12)),
    "hardly different ones": (X[:20], 1e-9 * Y[:20]),
    "a thousandth": (X[:20], 1e-3 * Y[:20]),
    "a thousand times as large": (X[:20], 1e3 * Y[:20]),
    "far away": (X[:20], Y[:20] + 1e5),
}


@pytest.mark.filterwarnings(
    "ignore:The targets hardly vary", "ignore:These targets are on another scale"
)
@pytest.mark.parametrize("options", [{}, {"batch_norm": True}, {"solver": "sgd"}, {"average": 0.9}])
@pytest.mark.parametrize("first", FIRST_CALLS)
def test_a_first_call_may_be_unlike_the_others(first, options):
    net = regressor(**options).partial_fit(*FIRST_CALLS[first])
    feed(net, X, Y, n_times=20)
    assert net.score(X, Y) > 0.5


@pytest.mark.filterwarnings("ignore:These targets are on another scale")
@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
@pytest.mark.parametrize("factor", [50.0, 1e4])
def test_a_robust_scale_that_shrinks_row_by_row_does_not_blow_up_the_outputs(loss, factor):
    y = np.tanh(X[:, 2] + X[:, 8])
    net = regressor(loss=loss, learning_rate_init=1e-3).partial_fit(X[:30], factor * y[:30])
    assert feed(net, X, y, 1, n_times=3).score(X, y) > 0.6


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", LogCosh()])
def test_row_by_row_learns_as_all_at_once(loss):
    rows = regressor(loss=loss, learning_rate_init=1e-3)
    all_at_once = regressor(loss=loss, learning_rate_init=1e-3, batch_size=1)
    for epoch in range(5):
        order = np.random.default_rng(epoch).permutation(len(X))
        feed(rows, X[order], Y[order], 1)
        all_at_once.partial_fit(X, Y)
    assert rows.score(X, Y) > all_at_once.score(X, Y) - 0.03


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma"])
@pytest.mark.parametrize("options", [{}, {"batch_norm": True}])
@pytest.mark.parametrize("factor", [1.0, 20.0])
def test_predictions_do_not_jump(loss, options, factor):
    """Nothing is learned in the second call, but the scale becomes another one."""
    net = regressor(loss=loss, dtype="float64", **options)
    feed(net, X[:200], Y[:200], n_times=20)
    net.set_params(**STILL, batch_norm_momentum=1 - 1e-12)
    before, scale = net.predict(X), net.target_normalizer_.scale_
    net.partial_fit(X[200:], factor * Y[200:])
    assert not np.array_equal(net.target_normalizer_.scale_, scale)
    if not options.get("batch_norm"):  # whose running statistics move
        np.testing.assert_allclose(net.predict(X), before, rtol=1e-6)
    else:
        assert np.abs(net.predict(X) - before).mean() < 0.2 * before.std()


def test_of_several_outputs_each_has_its_own():
    targets = np.column_stack([Y, np.full(len(Y), 3.0), 1e6 * X[:, 0], 1e-6 * X[:, 1]])
    net = feed(regressor(), X, targets, n_times=30)
    np.testing.assert_allclose(net.predict(X)[:, 1], 3.0, rtol=1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        assert r2(net, X, targets)[[0, 2, 3]].min() > 0.5
    targets[:, 1] = 3 + X[:, 2]  # at last it varies
    before = net.predict(X)
    net.set_params(**STILL).partial_fit(X, targets)
    moved = np.abs(net.predict(X) - before).max(axis=0) / targets.std(axis=0)
    assert moved[[0, 2, 3]].max() < 1e-4
    net.set_params(learning_rate_init=0.01, alpha=1e-4)
    assert r2(feed(net, X, targets, n_times=60), X, targets).min() > 0.5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("first", ["a constant", "a thousandth", "far away"])
def test_a_warm_start_takes_the_scale_of_its_own_rows(first):
    net = regressor(warm_start=True, max_iter=60, tol=0).fit(X, Y)
    np.testing.assert_array_equal(net.fit(X, Y).target_normalizer_.mean_, Y.mean())
    X_first, y_first = FIRST_CALLS[first]
    other = regressor(warm_start=True, max_iter=60).fit(X_first, y_first).fit(X, Y)
    assert other.score(X, Y) > 0.5
    np.testing.assert_array_equal(other.target_normalizer_.scale_, Y.std())


@pytest.mark.filterwarnings("ignore:Training stopped at max_iter")
def test_a_warm_start_goes_on_from_the_same_predictions():
    net = regressor(warm_start=True, max_iter=20, dtype="float64").fit(X, Y)
    before = net.predict(X)
    net.set_params(**STILL, max_iter=1).fit(X, 3 * Y - 50)
    np.testing.assert_allclose(net.predict(X), before, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Training stopped at max_iter", "ignore:The targets are not")
@pytest.mark.parametrize("switch", [(True, False), (False, True)])  # off keeps the units
def test_switching_it_goes_on_from_the_same_predictions(switch):
    net = regressor(warm_start=True, max_iter=20, dtype="float64", normalize_target=switch[0])
    before = net.fit(X, Y).predict(X)
    net.set_params(**STILL, max_iter=1, normalize_target=switch[1]).fit(X, Y)
    np.testing.assert_allclose(net.predict(X), before, rtol=1e-6)
    assert net.target_normalizer_.mean_[0] == pytest.approx(Y.mean())


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "adamw"])
def test_the_solvers_memory_is_rescaled(solver):
    """A stream in thousands of another unit learns at once, not after the memory has faded."""
    early = feed(regressor(solver=solver), X[:40], 1e-3 * Y[:40], n_times=40)
    feed(early, X, 100 * Y, n_times=25)
    assert early.score(X, 100 * Y) > 0.4


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_stream_that_is_pickled_midway_goes_on_alike(early_stopping, weight, dtype):
    net = regressor(early_stopping=early_stopping, dtype=dtype)
    feed(net, X[:200], 0.1 * Y[:200], 20, None if weight is None else weight[:200])
    thawed = pickle.loads(pickle.dumps(net))
    for each in (net, thawed, copy.deepcopy(net)):
        feed(each, X[200:], Y[200:], 20, None if weight is None else weight[200:])
    np.testing.assert_array_equal(net.predict(X), thawed.predict(X))


def test_a_failing_call_leaves_the_scale():
    net = feed(regressor(), X, Y)
    before, predicted = pickle.dumps(net), net.predict(X)
    held = net.target_normalizer_
    for bad in (np.full(3, np.nan), np.array([1, 2, 1e200])):
        with pytest.raises(ValueError, match="y"):
            net.partial_fit(X[:3], bad)
    assert net.target_normalizer_ is held
    assert pickle.dumps(net) == before
    np.testing.assert_array_equal(net.predict(X), predicted)


def test_a_copy_does_not_change_with_the_stream():
    net = feed(regressor(), X[:100], Y[:100])
    shallow, mean = copy.copy(net), net.target_normalizer_.mean_.copy()
    predicted = net.predict(X)
    feed(net, X, 5 * Y)
    np.testing.assert_array_equal(shallow.target_normalizer_.mean_, mean)
    np.testing.assert_array_equal(shallow.predict(X), predicted)


@pytest.mark.filterwarnings("ignore:These targets are on another scale")
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_a_scale_that_changes_is_noticed(factor):
    """A sensor is replaced: the old rows would count for as many rows again, and longer."""
    net = feed(regressor(), X, Y, n_times=5)
    for _ in range(15):
        feed(net, X, factor * Y)
    np.testing.assert_allclose(net.target_normalizer_.scale_, factor * Y.std(), rtol=0.5)
    assert net.score(X, factor * Y) > 0.4


@pytest.mark.parametrize("draw", ["normal", "exponential", "lognormal"])
def test_a_scale_that_does_not_change_is_that_of_all_rows(draw):
    y, rows = (
        getattr(np.random.default_rng(0), draw)(size=3000),
        np.random.default_rng(1).normal(size=(3000, 1)),
    )
    net = feed(regressor(), rows, y, 20)
    np.testing.assert_allclose(net.target_normalizer_.mean_, y.mean(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson"])
@pytest.mark.parametrize("unit", [1e-2, 1.0, 100.0])
@pytest.mark.parametrize("size", [1, 50])
def test_targets_that_stay_the_same_for_a_while_change_no_scale(loss, unit, size):
    net = feed(regressor(loss=loss, dtype="float64"), X, unit * Y, n_times=10)
    before = net.predict(X)
    net.set_params(**STILL)
    feed(net, X[:200], np.full(200, unit * (0 if loss == "poisson" else 150)), size)
    np.testing.assert_allclose(net.predict(X), before, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:These targets are on another scale")
def test_a_changed_scale_is_noticed_beside_an_output_that_stays_the_same():
    net = regressor()
    for factor in (1, 1e3):
        feed(net, X, np.column_stack([factor * Y, np.full(len(Y), 3.0)]), n_times=6)
    np.testing.assert_allclose(net.target_normalizer_.scale_[0], 1e3 * Y.std(), rtol=0.5)


@pytest.mark.filterwarnings("ignore:The targets are not")
@pytest.mark.parametrize("size", [1, 7, 442])
def test_switched_on_midway_it_waits_for_targets_that_have_a_scale(size):
    net = feed(regressor(normalize_target=False, dtype="float64"), X, Y, n_times=20)
    before = net.predict(X)
    feed(net.set_params(**STILL, normalize_target=True), X, Y, size)
    np.testing.assert_allclose(net.predict(X), before, rtol=1e-6)
    assert net.target_normalizer_.scale_[0] == pytest.approx(Y.std(), rel=0.3)


@pytest.mark.parametrize("size", [1, 20])
def test_targets_that_come_in_blocks_are_no_change_of_scale(size):
    """Within a block they hardly vary, and the network knows of the other blocks."""
    rng = np.random.default_rng(0)
    block = np.arange(10_000) // 200 % 5
    rows = np.column_stack([2 * np.eye(5)[block] - 0.4, rng.normal(size=len(block))])
    y = np.array([0, 50, -50, 100, 20])[block] + rows[:, -1]
    assert feed(regressor(learning_rate_init=1e-3), rows, y, size).score(rows, y) > 0.9


@pytest.mark.parametrize("size", [1, 7])
def test_batch_norm_learns_from_rows_that_come_alone(size):
    net = regressor(batch_norm=True, batch_norm_momentum=0.999, learning_rate_init=1e-3)
    assert feed(net, X, Y, size, n_times=6).score(X, Y) > 0.4
    whole = regressor(batch_norm=True, max_iter=60, tol=0).set_params(batch_size=50)
    for _ in range(20):
        whole.partial_fit(X, Y)
    assert feed(whole.set_params(learning_rate_init=1e-3), X, Y, 1).score(X, Y) > 0.3


@pytest.mark.parametrize("normalizes", [None, "mean and scale"])
def test_a_stream_keeps_no_more_than_the_latest_targets(normalizes):
    class Squares(LogCosh):
        pass

    Squares.normalizes = normalizes
    net = feed(regressor(loss=Squares()), X, Y / 100, 7)
    recent = net._training.recent_targets
    assert recent is None or (normalizes and len(recent) < 100)


@pytest.mark.parametrize("first", ["one row", "a constant", "a thousand times as large"])
def test_early_stopping_goes_on_in_calls_of_one_row(first):
    """Some calls bring a held-out row alone: they judge the weights of the calls before."""
    net = regressor(early_stopping=True, learning_rate_init=1e-3)
    net.partial_fit(*FIRST_CALLS[first])
    feed(net, X, Y, 1, n_times=5)
    assert net.score(X, Y) > 0.4


def test_early_stopping_compares_in_one_unit():
    """The loss of the best epoch so far is that of the units that the others have."""
    net = regressor(early_stopping=True, n_iter_no_change=np.inf)
    feed(net, X[:60], 1e-2 * Y[:60], 60, n_times=30)
    before = net.best_validation_score_
    feed(net, X, Y, n_times=40)
    assert net.score(X, Y) > 0.4
    assert net.best_validation_score_ != before


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=12),
    st.lists(st.integers(1, 4), min_size=12, max_size=12),
)
def test_any_stream_predicts_finite_numbers(targets, sizes):
    y, net, start = np.array(targets), regressor(), 0
    for size in sizes:
        rows = slice(start, start + size)
        if start < len(y):
            net.partial_fit(X[: len(y)][rows], y[rows])
        start += size
    assert np.isfinite(net.predict(X)).all()
    np.testing.assert_allclose(net.target_normalizer_.mean_, y.mean(), rtol=1e-9, atol=1e-9)


def test_the_history_of_a_long_stream_is_bounded():
    net = feed(regressor(), X[:30], Y[:30], 1, n_times=30)
    epochs = [row["epoch"] for row in net.history_]
    assert net.n_iter_ == epochs[-1] == 900
    assert epochs == sorted(set(epochs))
    assert 50 < len(epochs) <= 160
    assert epochs[-40:] == list(range(861, 901))
    assert epochs[0] == 1
    fitted = regressor(max_iter=300, tol=0, n_iter_no_change=300)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        assert len(fitted.fit(X[:30], Y[:30]).history_) == 300  # a fit keeps all
