"""The search on workers that die, on Dask, and beside Optuna."""

import os
import signal

import joblib
import numpy as np
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer

from sknn_opt import MLPClassifier
from sknn_opt.search import CoarseToFineSearchCV, LogUniform, LogUniformInt

pytestmark = pytest.mark.filterwarnings("ignore:Training stopped at max_iter")
IRIS = load_iris(return_X_y=True)
SPACE = {"learning_rate_init": LogUniform(1e-4, 1), "batch_size": LogUniformInt(8, 64)}


def deadly(folder, after):
    """Accuracy; but the worker that asks after so many calls is killed.

    A function in a function, because workers cannot import this file.
    """

    def accuracy(estimator, X, y):
        n = len(os.listdir(folder))
        with open(folder / f"{os.getpid()}-{os.urandom(8).hex()}", "w"):
            pass
        if n == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return get_scorer("accuracy")(estimator, X, y)

    return accuracy


def search(**options):
    return CoarseToFineSearchCV(
        MLPClassifier((8,), max_iter=9), SPACE, n_iter=9, cv=2, random_state=0, **options
    )


def assert_same(one, other):
    for name, column in one.cv_results_.items():
        if not any(word in name for word in ("time", "seconds", "ended")):
            np.testing.assert_array_equal(np.asarray(column), np.asarray(other.cv_results_[name]))
    assert one.best_params_ == other.best_params_


def test_a_dead_worker_of_loky_leaves_a_search_that_goes_on(tmp_path):
    (calls := tmp_path / "calls").mkdir()
    path = tmp_path / "search.joblib"
    part = search(scoring=deadly(calls, 8), n_jobs=2, checkpoint=path)
    with pytest.raises(TerminatedWorkerError):
        part.fit(*IRIS)
    known = len(part._study)
    assert known >= 2
    part.fit(*IRIS)  # it goes on from the file
    assert len(part._study) > known
    assert_same(part, search(scoring="accuracy").fit(*IRIS))


def test_dask(tmp_path):
    distributed = pytest.importorskip("distributed")
    whole = search(scoring="accuracy").fit(*IRIS)
    (calls := tmp_path / "calls").mkdir()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        assert_same(search(scoring="accuracy").fit(*IRIS), whole)
        assert_same(search(scoring=deadly(calls, 8)).fit(*IRIS), whole)
    assert len(os.listdir(calls)) > 9


def test_optuna_prunes_networks_epoch_by_epoch():
    """Its pruner sees the validation loss through partial_fit, and drops what is hopeless."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    X, y = IRIS[0][::2], IRIS[1][::2]

    def objective(trial):
        rate = trial.suggest_float("learning_rate_init", 1e-5, 1e-1, log=True)
        net = MLPClassifier((8,), learning_rate_init=rate, batch_size=16, random_state=0)
        for epoch in range(12):
            net.partial_fit(X, y, classes=[0, 1, 2])
            score = net.score(IRIS[0][1::2], IRIS[1][1::2])
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return score

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    study.optimize(objective, n_trials=15)
    states = [trial.state.name for trial in study.trials]
    assert states.count("PRUNED") >= 3
    assert study.best_value > 0.8
