"""scikit-learn's own callback protocol."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

callback = pytest.importorskip("sklearn.callback")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*worker.*:UserWarning"),
]

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)


class Recorder:
    """Writes down every hook; asks to stop after the epoch of number `stop`."""

    def __init__(self, stop=None, fails=None):
        self.calls, self.stop, self.fails = [], stop, fails

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, fitted_estimator=None):
        self.calls.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.calls.append(("end", context.task_name, context.task_id))
        if context.task_name != "epoch":
            return False
        self.last = X, y, metadata, fitted_estimator
        if context.task_id == self.fails:
            raise RuntimeError("the hook failed")
        return context.task_id == self.stop


def network(**parameters):
    return MLPClassifier((5,), **{"max_iter": 4, "random_state": 0} | parameters)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_task_for_the_fit_and_one_for_each_epoch(solver):
    recorder = Recorder()
    net = network(solver=solver).set_callbacks(recorder).fit(X, Y)
    epochs = [(hook, "epoch", k) for k in range(4) for hook in ("begin", "end")]
    assert recorder.calls == [
        "setup",
        ("begin", "fit", 0),
        *epochs,
        ("end", "fit", 0),
        "teardown",
    ]
    assert net.n_iter_ == 4


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_returning_true_stops_within_that_epoch(solver, recwarn):
    recorder = Recorder(stop=1)
    net = network(solver=solver, max_iter=50).set_callbacks(recorder).fit(X, Y)
    assert net.n_iter_ == len(net.history_) == 2
    assert recorder.calls[-2:] == [("end", "fit", 0), "teardown"]
    assert not recwarn.list  # it is what the user asked for


def test_the_fitted_estimator_is_usable_and_as_if_fit_had_stopped():
    recorder = Recorder(stop=2)
    weight = np.linspace(1, 2, 150)
    names = np.array(["a", "b", "c"])[Y]
    net = network(max_iter=50).set_callbacks(recorder).fit(X, names, weight)
    X_seen, y_seen, metadata, fitted = recorder.last
    assert X_seen is X
    assert y_seen is names
    assert metadata["sample_weight"] is weight
    assert fitted is not net
    assert np.array_equal(fitted.predict_proba(X), net.predict_proba(X))
    assert fitted.n_iter_ == 3
    assert fitted.loss_curve_ == net.loss_curve_
    assert fitted.score(X, names) == net.score(X, names)


def test_they_change_nothing():
    with_callback = network(dropout=0.2, early_stopping=True).set_callbacks(Recorder()).fit(X, Y)
    without = network(dropout=0.2, early_stopping=True).fit(X, Y)
    assert np.array_equal(with_callback.theta_, without.theta_)


def test_a_hook_that_fails_leaves_the_model_that_was_there():
    net = network().fit(X, Y)
    before, recorder = vars(net).copy(), Recorder(fails=1)
    with pytest.raises(RuntimeError, match="the hook failed"):
        net.set_callbacks(recorder).fit(X[:60], Y[:60])
    assert recorder.calls[-1] == "teardown"
    after = vars(net).copy()
    del after["_skl_callbacks"]
    assert after == before


def test_divergence_ends_the_epoch_without_an_estimator_to_look_at():
    recorder = Recorder()
    net = MLPRegressor((5,), solver="sgd", learning_rate_init=1e30, random_state=0)
    net.set_callbacks(recorder).fit(X, Y)
    *_, fitted = recorder.last
    assert fitted is None
    assert recorder.calls[-2:] == [("end", "fit", 0), "teardown"]


def test_warm_start_begins_anew_and_goes_on():
    recorder = Recorder()
    net = network(warm_start=True, max_iter=2).set_callbacks(recorder).fit(X, Y).fit(X, Y)
    assert recorder.calls.count("setup") == 2
    assert recorder.last[-1].loss_curve_ == net.loss_curve_
    assert recorder.last[-1].n_iter_ == 2


def test_a_start_at_the_minimum_is_one_epoch_that_ends_once():
    recorder = Recorder()
    net = network(solver="lbfgs", tol=1e9).set_callbacks(recorder).fit(X, Y)
    assert net.n_iter_ == 1
    assert [call[:2] for call in recorder.calls[2:-2]] == [("begin", "epoch"), ("end", "epoch")]
    assert np.array_equal(recorder.last[-1].theta_, net.theta_)


def test_a_fit_that_begins_anew_counts_its_rows_anew():
    recorder = Recorder()
    net = network().fit(X, Y).set_callbacks(recorder).fit(X, Y)
    assert recorder.last[-1].t_ == 0
    net.set_params(warm_start=True).fit(X, Y)
    assert recorder.last[-1].t_ == 4 * 150


class TestScikitLearnsOwn:
    def test_scoring_monitor_logs_one_row_an_epoch(self):
        monitor = callback.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
        net = network(max_iter=6).set_callbacks(monitor).fit(X, Y)
        log = monitor.get_logs().data
        assert [row["task_name"] for row in log] == ["epoch"] * 6
        assert log[-1]["accuracy"] == net.score(X, Y)
        assert log[0]["neg_log_loss"] < log[-1]["neg_log_loss"]

    def test_inside_a_pipeline(self):
        monitor = callback.ScoringMonitor(scoring="accuracy")
        model = make_pipeline(InputNormalizer(), network().set_callbacks(monitor)).fit(X, Y)
        log = monitor.get_logs().data
        assert [row["estimator_name"] for row in log] == ["MLPClassifier"] * 4
        assert log[-1]["accuracy"] == model.score(X, Y)

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_inside_a_search(self, n_jobs):
        monitor = callback.ScoringMonitor(scoring="accuracy")
        model = make_pipeline(InputNormalizer(), network().set_callbacks(monitor))
        grid = {"mlpclassifier__alpha": [1e-4, 1e-2]}
        GridSearchCV(model, grid, cv=2, n_jobs=n_jobs).fit(X, Y)
        rows = [row for log in monitor.get_logs(select="all") for row in log.data]
        assert len(rows) == (2 * 2 + 1) * 4

    def test_progress_bar_in_a_search(self, capsys):
        pytest.importorskip("rich")
        bar = callback.ProgressBar(max_propagation_depth=None)
        model = make_pipeline(InputNormalizer(), network())
        grid = {"mlpclassifier__alpha": [1e-4, 1e-2]}
        GridSearchCV(model, grid, cv=2, n_jobs=2).set_callbacks(bar).fit(X, Y)
        shown = capsys.readouterr().out
        assert "GridSearchCV - fit" in shown
        assert "100%" in shown

    def test_a_clone_keeps_them(self):
        recorder = Recorder()
        clone(network().set_callbacks(recorder)).fit(X, Y)
        assert recorder.calls[-1] == "teardown"
