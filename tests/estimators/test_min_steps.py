"""``min_steps``: as many epochs as make so many steps."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_gradients

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def network(**parameters):
    """Three batches an epoch."""
    defaults = {"max_iter": 2, "batch_size": 50, "random_state": 0, "tol": 0}
    return MLPClassifier((4,), **defaults | {"n_iter_no_change": np.inf} | parameters)


@quiet
@pytest.mark.parametrize(
    ("min_steps", "epochs"), [(0, 2), (1, 2), (6, 2), (7, 3), (9, 3), (10, 4), (30, 10)]
)
def test_the_epochs_that_it_takes(min_steps, epochs):
    net = network(min_steps=min_steps).fit(X, Y)
    assert net.n_iter_ == len(net.history_) == epochs
    assert net._training.moments["step"] == 3 * epochs
    assert net.t_ == 150 * epochs


@quiet
@pytest.mark.parametrize("learning_rate", ["constant", "cosine", "step"])
def test_the_same_bits_as_so_many_epochs(learning_rate):
    by_steps = network(min_steps=15, learning_rate=learning_rate, dropout=lambda t: t.fraction / 2)
    by_epochs = network(max_iter=5, learning_rate=learning_rate, dropout=lambda t: t.fraction / 2)
    assert np.array_equal(by_steps.fit(X, Y).theta_, by_epochs.fit(X, Y).theta_)


@quiet
def test_rows_that_are_held_out_make_no_steps():
    net = network(early_stopping=True, validation_fraction=0.4, min_steps=20).fit(X, Y)
    assert net.n_iter_ == 10  # of 90 rows


@quiet
def test_each_fit_of_a_warm_start_takes_so_many():
    net = network(warm_start=True, min_steps=12).fit(X, Y).fit(X, Y)
    assert net.n_iter_ == 4
    assert len(net.history_) == 8


@quiet
def test_a_training_that_stalls_ends_before():
    assert network(min_steps=3000, tol=1.0, n_iter_no_change=3).fit(X, Y).n_iter_ < 20


def test_the_warning_knows_how_many_there_were():
    with pytest.warns(
        ConvergenceWarning, match=r"at max_iter=2 \(4 for min_steps=12\) epochs before"
    ):
        network(min_steps=12).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="stopped at max_iter=2 epochs before"):
        network(min_steps=6).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(min_steps=60, learning_rate="cosine", learning_rate_init=0.01).fit(X, Y)


@quiet
def test_verbose_and_callbacks_know_it_too(capsys):
    network(min_steps=12, verbose=True).fit(X, Y)
    assert capsys.readouterr().out.count("loss =") == 4


@quiet
def test_the_task_of_callbacks_has_so_many_parts():
    pytest.importorskip("sklearn.callback")

    class Bar:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "fit":
                self.n_epochs = context.max_subtasks

        def on_fit_task_end(self, estimator, context):
            pass

    bar = Bar()
    network(min_steps=12).set_callbacks(bar).fit(X, Y)
    assert bar.n_epochs == 4


def test_in_a_stream_a_plan_runs_over_as_many_calls():
    net = network(min_steps=12, learning_rate="cosine")
    for _ in range(4):
        net.partial_fit(X, Y, classes=[0, 1, 2])
    rates = [row["learning_rate"] for row in net.history_]
    steps = np.arange(2, 12, 3) / 12
    np.testing.assert_allclose(rates, 0.0005 * (1 + np.cos(np.pi * steps)))
    with pytest.warns(
        ConvergenceWarning, match=r"plan after max_iter=2 \(4 for min_steps=12\) epochs"
    ):
        net.partial_fit(X, Y)


@quiet
def test_what_has_no_use_for_it():
    plain, other = (
        MLPRegressor((3,), solver="lbfgs", max_iter=3, min_steps=n, random_state=0)
        for n in (0, 900)
    )
    assert np.array_equal(plain.fit(X, Y).theta_, other.fit(X, Y).theta_)
    report = check_gradients(network(min_steps=10**9), X[::5], Y[::5], burn_in=2)
    assert report.passed


@quiet
def test_a_search_over_it():
    net = network(learning_rate_init=0.01)
    search = GridSearchCV(net, {"min_steps": [0, 60]}, cv=2, scoring="neg_log_loss").fit(X, Y)
    assert search.best_params_ == {"min_steps": 60}


@pytest.mark.parametrize("value", [-1, 0.5, None, "many"])
def test_what_is_refused(value):
    with pytest.raises(ValueError, match="'min_steps' parameter of MLPClassifier must be an int"):
        network(min_steps=value).fit(X, Y)
