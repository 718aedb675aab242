"""scikit-learn's callbacks of an estimator of tables see the epochs of its network."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknn_opt import TabularMLPClassifier, TabularMLPRegressor

callback = pytest.importorskip("sklearn.callback")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_wine(return_X_y=True, as_frame=True)
X = X.assign(strong=np.where(X["alcohol"] > 13, "yes", "no"))


def table(**parameters):
    return TabularMLPClassifier(
        "fast", network_params={"max_iter": 6}, random_state=0, **parameters
    )


class Recorder:
    """Writes down every hook; asks to stop after the epoch of number `stop`."""

    def __init__(self, stop=None, fails=None):
        self.calls, self.stop, self.fails = [], stop, fails

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.calls.append(("end", context.task_name, context.task_id))
        if context.task_name != "epoch":
            return False
        self.last = X, y, fitted_estimator
        if context.task_id == self.fails:
            raise RuntimeError("the hook failed")
        return context.task_id == self.stop


def test_a_task_for_the_fit_and_one_for_each_epoch():
    recorder = Recorder()
    table().set_callbacks(recorder).fit(X, Y)
    epochs = [(hook, "epoch", k) for k in range(6) for hook in ("begin", "end")]
    assert recorder.calls == ["setup", ("begin", "fit", 0), *epochs, ("end", "fit", 0), "teardown"]


def test_hooks_get_the_table_and_a_fitted_estimator_of_tables():
    recorder = Recorder(stop=2)
    fitted = table().set_callbacks(recorder).fit(X, Y)
    assert recorder.last[0] is X
    assert recorder.last[1] is Y
    stopped = recorder.last[2]
    assert type(stopped) is TabularMLPClassifier
    assert stopped.n_iter_ == fitted.n_iter_ == 3
    assert stopped.history_ == fitted.history_
    # all members were at their best in the last epoch, or else it predicts as of then
    assert (stopped.predict(X) == fitted.predict(X)).mean() > 0.9
    assert stopped.score(X, Y) > 0.5


def test_they_change_nothing():
    watched, plain = table().set_callbacks(Recorder()).fit(X, Y), table().fit(X, Y)
    assert np.array_equal(watched.predict_proba(X), plain.predict_proba(X))
    assert np.array_equal(watched.feature_importances_, plain.feature_importances_)
    assert not {"_listeners", "_path"} & vars(watched.network_).keys()


def test_a_hook_that_fails_leaves_the_model_that_was_there():
    fitted = table().fit(X, Y)
    before, recorder = fitted.network_, Recorder(fails=1)
    with pytest.raises(RuntimeError, match="the hook failed"):
        fitted.set_callbacks(recorder).fit(X[:90], Y[:90])
    assert fitted.network_ is before
    assert recorder.calls[-1] == "teardown"


def test_a_score_for_each_epoch_also_of_a_regressor_in_a_pipeline():
    monitor = callback.ScoringMonitor(scoring="r2")
    reg = TabularMLPRegressor("fast", network_params={"max_iter": 4}, random_state=0)
    make_pipeline("passthrough", reg.set_callbacks(monitor)).fit(X, Y)
    rows = monitor.get_logs().data
    assert [row["estimator_name"] for row in rows] == ["TabularMLPRegressor"] * 4
    assert rows[-1]["r2"] > rows[0]["r2"]


def test_a_progress_bar_follows_a_search_down_to_the_epochs(capsys):
    pytest.importorskip("rich")
    bar = callback.ProgressBar(max_propagation_depth=None)
    search = GridSearchCV(table(), {"n_members": [1, 2]}, cv=2).set_callbacks(bar)
    search.fit(X, Y)
    assert "TabularMLPClassifier" in capsys.readouterr().out
    assert "_skl_callbacks" not in vars(clone(search.best_estimator_))


def test_max_time_and_callbacks_together():
    recorder = Recorder()
    fitted = table(max_time=1e-3).set_callbacks(recorder).fit(X, Y)
    assert fitted.n_iter_ == 1
    assert recorder.calls[-2:] == [("end", "fit", 0), "teardown"]
