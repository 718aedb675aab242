"""partial_fit where calls are small, one-sided or change their mind: the stream goes on."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sknn_opt import MLPClassifier, MLPRegressor
from sknn_opt.optim import Cosine, Exponential, Step

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4))
Y = (X[:, 0] + X[:, 1] > 0.8).astype(int)
TARGET = X[:, 0] ** 2 + X[:, 1]


def classifier(**parameters):
    return MLPClassifier((5,), **{"random_state": 0, "learning_rate_init": 0.01} | parameters)


def feed(net, size, X=X, y=Y, **options):
    for start in range(0, len(X), size):
        net.partial_fit(X[start : start + size], y[start : start + size], **options)
        options = {}
    return net


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 0.0}])
@pytest.mark.parametrize("size", [1, 2, 20])
def test_calls_that_are_held_out_or_weigh_nothing(size, class_weight):
    net = classifier(early_stopping=True, class_weight=class_weight, n_iter_no_change=np.inf)
    feed(net, size, classes=[0, 1])
    epochs = [row["epoch"] for row in net.history_]
    assert epochs == sorted(set(epochs))
    assert epochs[-1] == net.n_iter_ <= 2 * len(epochs)
    assert all(np.isfinite(row["loss"]) for row in net.history_)


@pytest.mark.parametrize("scoring", ["roc_auc", "neg_log_loss"])
def test_a_score_undefined_for_a_call_decides_nothing(scoring):
    net = classifier(early_stopping=True, scoring=scoring, n_iter_no_change=np.inf)
    feed(net, 20, classes=[0, 1])
    feed(net, 150)
    assert np.isnan(net.validation_scores_).any()
    assert net.best_validation_score_ == np.nanmax(net.validation_scores_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_an_undefined_score_is_not_passed_over_in_silence():
    net = classifier(early_stopping=True, scoring="roc_auc")
    with pytest.warns(ConvergenceWarning, match=r"This call decides nothing .* scoring='roc_auc'"):
        feed(net, 20, classes=[0, 1])


def test_a_regressor_learns_its_scale_from_the_first_rows_it_trains_on():
    for seed in range(200):
        net = MLPRegressor(
            (20,),
            random_state=seed,
            early_stopping=True,
            learning_rate_init=0.01,
            n_iter_no_change=np.inf,
        )
        if not net.partial_fit(X[:1], 1e6 * TARGET[:1]).history_:
            break
    else:
        pytest.fail("no seed holds out the first row")
    assert net.target_normalizer_ is None
    for _ in range(100):
        net.partial_fit(X, 1e6 * TARGET)
    assert net.target_normalizer_.scale_[0] > 1e5
    assert net.score(X, 1e6 * TARGET) > 0.8


@pytest.mark.parametrize("scoring", ["loss", None])
@pytest.mark.parametrize("regression", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_the_first_calls_may_all_be_held_out(size, regression, scoring):
    options = {"early_stopping": True, "validation_fraction": 0.9, "n_iter_no_change": np.inf}
    if regression:
        net = MLPRegressor((5,), random_state=1, scoring=scoring, **options)
        feed(net, size, y=TARGET)
    else:
        net = feed(classifier(scoring=scoring, **options), size, classes=[0, 1])
    judged = size > 1 or not regression or scoring == "loss"  # R² needs two rows
    assert np.isfinite(net.best_validation_score_) == judged
    assert 1 <= net.n_iter_ < 150


def test_early_stopping_switched_on_later_starts_to_count_then():
    net = classifier(n_iter_no_change=5, learning_rate_init=1e-9)
    for _ in range(30):
        net.partial_fit(X, Y, classes=[0, 1])
    net.set_params(early_stopping=True, learning_rate_init=0.01).partial_fit(X, Y)
    assert net.n_iter_ == 31
    assert net.best_validation_score_ < 0  # minus a loss


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_best_weights_take_a_new_dtype(early_stopping):
    net = classifier(early_stopping=early_stopping, learning_rate_init=0.1)
    feed(net, 150, classes=np.unique(Y))
    for dtype in ("float64", "float32"):
        net.set_params(dtype=dtype, learning_rate_init=1e3)  # worse than before
        assert net.partial_fit(X, Y).theta_.dtype == dtype


def test_scores_of_another_kind_are_not_compared():
    net = classifier(early_stopping=True, scoring="accuracy", n_iter_no_change=20)
    for _ in range(10):
        net.partial_fit(X, Y, classes=[0, 1])
    before = net.theta_.copy()
    net.set_params(scoring="loss")
    for _ in range(5):
        net.partial_fit(X, Y)
    assert not np.array_equal(net.theta_, before)
    assert net.best_validation_score_ == max(net.validation_scores_[-5:]) < 0


def test_it_goes_on_from_fit_with_weights_and_classes_seen_there():
    net = classifier(class_weight="balanced", max_iter=2).fit(X, Y)
    net.partial_fit(X[Y == 1], Y[Y == 1])
    expected = np.bincount(Y) + [0, Y.sum()]
    assert np.array_equal(net._training.class_totals, [expected])
    heavy = classifier(max_iter=1, solver="sgd").fit(X, Y, np.full(150, 100.0))
    light = clone(heavy).fit(X, Y)
    heavy.partial_fit(X[:50], Y[:50], np.full(50, 100.0))
    light.partial_fit(X[:50], Y[:50])
    np.testing.assert_allclose(heavy.loss_, light.loss_, rtol=1e-4)


def test_running_statistics_of_weights_are_those_of_repetitions_from_call_to_call():
    nets = []
    for times, rows in ((3.0, slice(None)), (None, np.repeat(np.arange(150), 3))):
        net = MLPRegressor(
            (5,),
            batch_norm=True,
            solver="sgd",
            learning_rate=lambda t: 0.0,
            dtype="float64",
            batch_size=1000,
            random_state=0,
        )
        net.partial_fit(X, TARGET)
        weight = None if times is None else np.full(150, times)
        nets.append(net.partial_fit(X[rows] + 1, TARGET[rows], weight))
    np.testing.assert_allclose(nets[0].statistics_, nets[1].statistics_, rtol=1e-12)


def test_a_plan_that_is_over_says_so():
    net = classifier(learning_rate="cosine", max_iter=3)
    for _ in range(3):
        net.partial_fit(X, Y, classes=[0, 1])
    with pytest.warns(ConvergenceWarning, match="end of its plan after max_iter=3 epochs"):
        net.partial_fit(X, Y)


def test_the_clock_of_schedules_knows_no_repetitions():
    count = np.random.default_rng(1).integers(0, 3, 150)
    count[90:] = 0
    rows = np.repeat(np.arange(150), count)
    net = classifier(learning_rate="invscaling", max_iter=10)
    assert np.array_equal(net.fit(X, Y, count).theta_, clone(net).fit(X[rows], Y[rows]).theta_)


def test_a_checkpoint_taken_by_a_callback_can_go_on():
    callback = pytest.importorskip("sklearn.callback")
    taken = []

    class Checkpoint:
        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if fitted_estimator is not None:
                taken.append(fitted_estimator)

    assert isinstance(Checkpoint(), callback.FitCallback)
    net = classifier(max_iter=3, average=0.5).set_callbacks(Checkpoint()).fit(X, Y)
    assert [other.best_loss_ for other in taken] == np.minimum.accumulate(net.loss_curve_).tolist()
    first = taken[0].set_callbacks().set_params(average=0.0)
    assert first.partial_fit(X, Y).n_iter_ == 2
    assert np.isfinite(first.theta_).all()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_second_fit_that_diverges_keeps_the_weights_of_the_first(solver):
    net = MLPRegressor((5,), solver=solver, warm_start=True, random_state=0, max_iter=5)
    net.set_params(normalize_target=False, dtype="float32").fit(X, TARGET)
    before = net.theta_.copy()
    with pytest.warns(ConvergenceWarning, match="The weights of the last fit are kept"):
        net.fit(X, 1e30 * TARGET)
    np.testing.assert_array_equal(net.theta_, before)


@pytest.mark.parametrize(
    "schedule", [Exponential(decay=0.999), Step(every=1000), Cosine(final=0.5)], ids=str
)
def test_a_plan_that_leaves_a_rate_is_not_over(schedule, recwarn):
    feed(classifier(learning_rate=schedule, max_iter=2), 30, classes=[0, 1])
    assert not [w for w in recwarn if "end of its plan" in str(w.message)]
