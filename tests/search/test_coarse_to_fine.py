"""The search: what it finds, that it goes on, and what it says."""

import os
import pickle
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import (
    GroupKFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import shuffle
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.parallel import Parallel

from sknn_opt import MLPClassifier, MLPRegressor, TabularMLPClassifier
from sknn_opt._sklearn import SearchTask
from sknn_opt.search import (
    Choice,
    CoarseToFineSearchCV,
    LogUniform,
    LogUniformInt,
    OneMinusLogUniform,
    Uniform,
    ZeroOr,
    coarse_to_fine,
    rounds,
    study,
)

# The network of the best candidate is trained for few epochs.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Training stopped at max_iter"),
    pytest.mark.filterwarnings("ignore:L-BFGS stopped"),
    pytest.mark.filterwarnings("ignore:The network"),
    pytest.mark.filterwarnings("ignore:The features"),
]
IRIS, CANCER = load_iris(return_X_y=True), load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
NET = MLPClassifier((16,), max_iter=18)
SPACE = {
    "learning_rate_init": LogUniform(1e-5, 1),
    "alpha": ZeroOr(LogUniform(1e-6, 1e-1)),
    "beta_1": OneMinusLogUniform(0.5, 0.99),
    "batch_size": LogUniformInt(8, 64),
    "activation": ["relu", "tanh"],
}
FOR_CHECKS = {"n_iter": 3, "cv": 2, "error_score": "raise"}  # as scikit-learn checks its own
TIMES = ("time", "seconds", "ended")


def search(estimator=NET, space=SPACE, **options):
    return CoarseToFineSearchCV(
        estimator, space, **{"n_iter": 12, "cv": 3, "min_share": 0.1, "random_state": 0} | options
    )


def splits_of(results):
    """The scores on each split, (n_candidates, n_splits); NaN where one was not trained."""
    return np.array([results[f"split{i}_test_score"] for i in range(3)]).T


def assert_same(one, other):
    """Equal in everything but times."""
    assert one.cv_results_.keys() == other.cv_results_.keys()
    for name, column in one.cv_results_.items():
        if not any(word in name for word in TIMES):
            assert_array_equal(np.asarray(column), np.asarray(other.cv_results_[name]), name)
    assert one.best_params_ == other.best_params_
    assert one.spaces_ == other.spaces_


@parametrize_with_checks(
    [
        CoarseToFineSearchCV(LogisticRegression(), {"C": LogUniform(0.1, 10)}, **FOR_CHECKS),
        CoarseToFineSearchCV(Ridge(), {"alpha": LogUniform(0.1, 10)}, **FOR_CHECKS),
    ]
)
def test_is_an_estimator(estimator, check):
    check(estimator)


# What it finds ----------------------------------------------------------------------------------


def test_scores_are_those_of_cross_validation():
    """Of those trained to their end: the pauses on the way leave no trace."""
    found = search().fit(*IRIS)
    results = found.cv_results_
    done = np.flatnonzero(results["share"] == 1)
    assert len(done) >= 3
    for i in done:
        model = clone(found.best_estimator_).set_params(**results["params"][i])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            assert results["mean_test_score"][i] == cross_val_score(model, *IRIS, cv=3).mean()


def test_it_comes_nearer_to_the_best():
    """A score with its peak at C = 0.03: each round draws closer to it."""

    def peak(estimator, X, y):
        return -abs(np.log10(estimator.C) - np.log10(0.03))

    space = {"C": LogUniform(1e-6, 1e6)}
    found = search(LogisticRegression(), space, n_iter=60, scoring=peak, cv=2).fit(*IRIS)
    rounds, C = found.cv_results_["round"], np.array([p["C"] for p in found.cv_results_["params"]])
    off = [np.median(np.abs(np.log10(C[rounds == r] / 0.03))) for r in (1, 2, 3)]
    assert off[2] < off[1] < off[0]
    low, high = found.spaces_[2]["C"].support()
    assert low < 0.03 < high
    assert high / low < 1e5
    outside = ((low > C) | (high < C))[rounds == 3]
    assert 0 < outside.mean() <= 0.2


@pytest.mark.parametrize("seed", range(3))
def test_columns(seed):
    found = search(n_iter=13, random_state=seed).fit(*IRIS)
    results = found.cv_results_
    n = len(results["params"])
    assert n == 13
    assert np.bincount(results["round"]).tolist() == [0, 5, 4, 4]
    for number, space in enumerate(found.spaces_, 1):
        mine = results["round"] == number
        assert_array_equal(results["low_alpha"][mine], space["alpha"].support()[0])
        assert_array_equal(results["high_batch_size"][mine], space["batch_size"].support()[1])
    assert np.isnan(results["low_activation"]).all()
    assert set(results["share"]) <= {1 / 9, 1 / 3, 1.0}
    n_splits = np.isfinite(splits_of(results)).sum(axis=1)
    assert (n_splits == np.where(results["share"] == 1, 3, 1)).all()
    assert results["n_epochs"].sum() == pytest.approx(found.n_epochs_)
    assert (results["n_epochs"] <= 18 * n_splits).all()
    assert found.best_index_ == np.argmin(results["rank_test_score"])
    assert results["share"][found.best_index_] == 1
    assert (results["error"] == "").all()
    types = {type(value) for params in results["params"] for value in params.values()}
    assert types <= {int, float, str}
    assert pickle.loads(pickle.dumps(found)).best_params_ == found.best_params_
    assert found.predict(IRIS[0]).shape == (150,)
    assert accuracy_score(IRIS[1], found.predict(IRIS[0])) == found.score(*IRIS)


def test_ranks_put_those_first_that_were_trained_longest():
    results = search().fit(*IRIS).cv_results_
    order = np.argsort(results["rank_test_score"], kind="stable")
    pairs = [(-results["share"][i], -results["mean_test_score"][i]) for i in order]
    assert pairs == sorted(pairs)


def test_the_hopeless_cost_little():
    """At most half of the epochs that scikit-learn's halving takes, which starts anew."""
    found = search(n_iter=27, n_rounds=1).fit(*IRIS)
    anew = 3 * sum(n * share * 18 for n, share in ((27, 1 / 9), (9, 1 / 3), (3, 1)))
    assert found.n_epochs_ == 3 * 18 * (27 / 9 + 9 * (1 / 3 - 1 / 9) + 3 * (1 - 1 / 3))
    assert found.n_epochs_ < 0.8 * anew


def test_splits_that_are_over_are_not_trained_again():
    """Early stopping ends some splits of a candidate before others."""
    net = clone(NET).set_params(early_stopping=True, n_iter_no_change=2, max_iter=40)
    found = search(net, cv=5, scoring=(calls := Calls()), refit=False).fit(*CANCER)
    trained = {(call["n_iter"], call["alpha"], call["rate"], call["mean"]) for call in calls.made}
    assert len(trained) == len(calls.made)
    assert found.n_epochs_ == pytest.approx(found.cv_results_["n_epochs"].sum())


class Calls:
    """Accuracy; notes which network was scored."""

    def __init__(self):
        self.made = []

    def __call__(self, estimator, X, y):
        rate = estimator.learning_rate_init
        told = {"n_iter": estimator.n_iter_, "alpha": estimator.alpha, "rate": rate}
        self.made.append(told | {"mean": float(np.mean(X))})
        return estimator.score(X, y)


def test_states_of_those_that_are_out_are_dropped():
    found = search(n_iter=27, n_rounds=1).fit(*IRIS)
    assert not found._study._states


# Whatever runs it -------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_the_same_on_every_backend(backend):
    alone = search().fit(*IRIS)
    with joblib.parallel_config(backend, n_jobs=2):
        assert_same(search().fit(*IRIS), alone)
    assert_same(search(n_jobs=1, pre_dispatch="all").fit(*IRIS), alone)


def test_warnings_do_not_leak_from_threads():
    before = list(warnings.filters)
    with joblib.parallel_config("threading", n_jobs=2):
        search().fit(*IRIS)
    assert warnings.filters == before


class Breaks(Exception):
    pass


def breaking(after):
    """A scorer that breaks off after so many calls."""
    calls = iter(range(after))

    def scorer(estimator, X, y):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return get_scorer("accuracy")(estimator, X, y)

    return scorer


@pytest.mark.parametrize("after", [0, 1, 10, 17, 23])
def test_a_search_that_was_interrupted_goes_on(after):
    whole = search(scoring="accuracy").fit(*IRIS)
    part = search(scoring=breaking(after), warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        part.fit(*IRIS)
    part._study.origin["scoring"] = joblib.hash("accuracy")
    part.set_params(scoring="accuracy")
    assert len(part._study) == after
    assert_same(part.fit(*IRIS), whole)


@pytest.mark.parametrize("cut", [0, 1, 3000])
def test_a_file_goes_on_after_a_crash(tmp_path, cut):
    """Also where the last result was written in part only."""
    path, whole = tmp_path / "search.joblib", search().fit(*IRIS)
    first = search(checkpoint=path, max_epochs=100)
    first.fit(*IRIS)
    assert len(first.cv_results_["params"]) < 12
    if cut:
        os.truncate(path, os.path.getsize(path) - cut)
    again = search(checkpoint=str(path))
    assert_same(again.fit(*IRIS), whole)
    size = os.path.getsize(path)
    assert_same(search(checkpoint=path).fit(*IRIS), whole)
    assert os.path.getsize(path) == size


def test_a_search_that_goes_on_twice_keeps_its_file(tmp_path):
    path = tmp_path / "search.joblib"
    found = search(checkpoint=path, warm_start=True, n_iter=4, n_rounds=1).fit(*IRIS)
    found.set_params(n_iter=8, n_rounds=2).fit(*IRIS)
    found.set_params(n_iter=12, n_rounds=3).fit(*IRIS)
    kept = study.Study({}, 0, path)
    assert kept._found.keys() == found._study._found.keys()


@pytest.mark.parametrize("size", [1, 20, 60])
def test_a_file_without_a_whole_beginning(tmp_path, size):
    path = tmp_path / "search.joblib"
    search(checkpoint=path, n_iter=2, n_rounds=1).fit(*IRIS)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="is no search"):
        search(checkpoint=path, n_iter=2, n_rounds=1).fit(*IRIS)
    assert path.stat().st_size == size


def test_a_file_may_end_anywhere(tmp_path):
    path = tmp_path / "search.joblib"
    first = search(checkpoint=path, n_iter=2, n_rounds=1).fit(*IRIS)
    whole, n = path.read_bytes(), len(first._study)
    known = set()
    for end in np.linspace(len(whole) // 2, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:end])
        known.add(len(study.Study({}, 0, path)))
        assert path.stat().st_size == end  # nothing is cut off before the search goes on
    assert max(known) == n - 1
    assert min(known) < n - 1


def test_more_candidates_go_on_from_fewer():
    twice = search(n_iter=24, n_rounds=6).fit(*IRIS)
    found = search(warm_start=True).fit(*IRIS)
    n_known = len(found._study)
    found.set_params(n_iter=24, n_rounds=6).fit(*IRIS)
    assert_same(found, twice)
    assert len(found._study) > n_known


def test_a_space_that_was_refused_can_be_mended():
    net = search(space={"alfa": LogUniform(1e-5, 1)}, warm_start=True)
    with pytest.raises(ValueError, match="'alfa', which is no parameter"):
        net.fit(*IRIS)
    net.set_params(param_distributions=SPACE).fit(*IRIS)
    assert_same(net, search(warm_start=False).fit(*IRIS))


def test_a_random_state_that_moves_on_is_no_other_search():
    moving = search(warm_start=True, random_state=np.random.RandomState(0)).fit(*IRIS)
    before = dict(moving.best_params_)
    assert moving.fit(*IRIS).best_params_ == before


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"estimator": MLPClassifier((17,), max_iter=18)}, "estimator"),
        ({"param_distributions": {"alpha": LogUniform(1e-5, 1)}}, "param_distributions"),
        ({"cv": 4}, "data"),
        ({"scoring": "balanced_accuracy"}, "scoring"),
        ({"random_state": 7}, "random_state"),
        ({"factor": 2}, "resource"),
    ],
)
def test_a_file_of_another_search_is_refused(tmp_path, change, word):
    path = tmp_path / "search.joblib"
    search(checkpoint=path, n_iter=2).fit(*IRIS)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=f"search.joblib.*another {word}"):
        search(checkpoint=path, n_iter=2).set_params(**change).fit(*IRIS)
    assert path.read_bytes() == content


def test_a_file_that_is_no_search(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("learning rates I like")
    with pytest.raises(ValueError, match=r"notes\.txt.* is no search"):
        search(checkpoint=path).fit(*IRIS)
    assert path.read_text() == "learning rates I like"


# With other features ----------------------------------------------------------------------------


def test_pipelines_and_early_stopping():
    net = make_pipeline(StandardScaler(), clone(NET).set_params(early_stopping=True))
    space = {f"mlpclassifier__{name}": value for name, value in SPACE.items()}
    found = search(net, space).fit(*CANCER)
    assert found.best_score_ > 0.9
    assert found.cv_results_["share"].min() == 1 / 9


def test_tables():
    model = TabularMLPClassifier("fast", network_params={"max_iter": 9, "min_steps": 0})
    found = search(model, {"n_members": [1, 2], "encoder__bins": LogUniformInt(4, 16)}, n_iter=4)
    found.fit(*IRIS)
    assert len(found.best_estimator_.feature_importances_) == 4


@pytest.mark.parametrize("resource", ["epochs", "rows"])
def test_other_estimators(resource):
    """They cannot pause: compared on one split, and with few rows of it where rows are given."""
    space = {"learning_rate": LogUniform(0.01, 1), "max_leaf_nodes": LogUniformInt(2, 31)}
    model = HistGradientBoostingClassifier(max_iter=5)
    found = search(model, space, n_iter=9, n_rounds=1, resource=resource).fit(*IRIS)
    shares, counts = np.unique(found.cv_results_["share"], return_counts=True)
    assert dict(zip(shares, counts, strict=True)) == {1 / 9: 6, 1 / 3: 2, 1.0: 1}
    best = clone(model).set_params(**found.best_params_)
    assert found.best_score_ == cross_val_score(best, *IRIS, cv=3).mean()
    assert found.n_epochs_ == 5 * (9 + 2 if resource == "epochs" else 9 / 3 + 3 + 2)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_by_rows_networks_go_on(solver):
    net = clone(NET).set_params(solver=solver, learning_rate_init=0.03)
    found = search(net, {"alpha": SPACE["alpha"]}, resource="rows").fit(*IRIS)
    done = found.cv_results_["share"] == 1
    assert 3 <= done.sum() < 12
    if solver != "lbfgs":
        assert (found.cv_results_["n_epochs"][done] <= 3 * 18).all()
        assert (found.cv_results_["n_epochs"][done] < 3 * 18).any()
    assert found.cv_results_["mean_test_score"][done].max() > 0.6


def test_regression_weights_and_groups():
    rng = np.random.default_rng(0)
    weight, groups = rng.random(442), rng.integers(0, 20, 442)
    space = {"learning_rate_init": LogUniform(1e-4, 1e-1)}
    found = search(MLPRegressor(max_iter=10), space, cv=GroupKFold(3), n_iter=6)
    found.fit(*DIABETES, sample_weight=weight, groups=groups)
    assert found.n_splits_ == 3
    assert found.best_score_ > 0


def test_several_metrics():
    found = search(scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss").fit(*IRIS)
    results = found.cv_results_
    assert found.multimetric_
    assert results["rank_test_neg_log_loss"][found.best_index_] == 1
    with pytest.raises(ValueError, match="refit must be set"):
        search(scoring=["accuracy", "neg_log_loss"]).fit(*IRIS)


def test_train_scores_refit_false_and_a_callable():
    found = search(refit=False, return_train_score=True).fit(*IRIS)
    assert not hasattr(found, "best_estimator_")
    assert found.best_params_ == found.cv_results_["params"][found.best_index_]
    assert len(found.cv_results_["mean_train_score"]) == 12
    assert search(refit=lambda results: 3).fit(*IRIS).best_index_ == 3


def test_splits_are_drawn_once():
    """A splitter that draws anew each time would compare candidates on different rows."""
    found = search(cv=ShuffleSplit(2, random_state=None), n_iter=4, factor=1).fit(*IRIS)
    again = found.cv_results_
    assert len(again["split0_test_score"]) == 4


def test_the_estimator_stays_as_it_was():
    net = clone(NET)
    before = net.get_params()
    search(net).fit(*IRIS)
    assert net.get_params() == before
    assert not hasattr(net, "theta_")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_of_scikit_learn(n_jobs, capsys):
    callback = pytest.importorskip("sklearn.callback")
    net = search(n_iter=4, n_jobs=n_jobs).set_callbacks(callback.ProgressBar())
    plain = search(n_iter=4).fit(*IRIS)
    assert_same(net.fit(*IRIS), plain)
    assert "CoarseToFineSearchCV" in capsys.readouterr().out


def test_tasks_are_there_before_a_trial_is_sent(monkeypatch):
    """One that is made while another is pickled changes what is being pickled."""
    made, sent = [], []

    class Recorded(Parallel):
        def __call__(self, calls):
            n_made = len(made)
            for result in super().__call__(calls):
                sent.append(n_made)
                yield result
            assert len(made) == n_made

    trial = SearchTask.trial
    monkeypatch.setattr(SearchTask, "trial", lambda *args: made.append(1) or trial(*args))
    monkeypatch.setattr("sknn_opt.search.trials.Parallel", Recorded)
    search(n_iter=6).fit(*IRIS)
    assert len(sent) == len(made) > 12


# Budgets ----------------------------------------------------------------------------------------


def test_a_budget_of_epochs():
    """It is looked at before each comparison; the largest is that of the first round."""
    for budget in (300, 600):
        found = search(n_iter=None, max_epochs=budget).fit(*IRIS)
        assert budget <= found.n_epochs_ <= budget + 3 * 2 * coarse_to_fine.FIRST


def test_candidates_are_compared_on_the_splits_that_tell_most():
    """Of splits in time it is the last, which has most rows."""
    found = search(cv=TimeSeriesSplit(3), factor=2, min_share=0.5, n_iter=4, n_rounds=1)
    results = found.fit(*shuffle(*IRIS, random_state=0)).cv_results_
    known = np.isfinite(splits_of(results))
    assert set(map(tuple, known)) == {(False, True, True), (True, True, True)}
    for row, scores in enumerate(splits_of(results)):
        own = scores[known[row]]
        assert results["mean_test_score"][row] == own.mean()
        assert results["std_test_score"][row] == own.std()
        assert results["mean_fit_time"][row] > 0


def test_scores_that_are_infinite_are_no_warning_of_numpy():
    def some(estimator, X, y):
        return -np.inf if estimator.alpha > 1e-3 else estimator.score(X, y)

    space = {"alpha": LogUniform(1e-6, 1)}
    found = search(NET, space, scoring=some, n_iter=6, n_rounds=1, min_share=0.3).fit(*IRIS)
    worst = np.array([params["alpha"] > 1e-3 for params in found.cv_results_["params"]])
    assert 0 < worst.sum() < 6
    assert (found.cv_results_["mean_test_score"][worst] == -np.inf).all()
    assert found.best_params_["alpha"] < 1e-3


@pytest.mark.parametrize("n_splits", [1, 2, 3, 4, 5, 10, 30])
@pytest.mark.parametrize("factor", [1, 1.5, 2, 3, 5])
@pytest.mark.parametrize("least", [0.01, 0.1, 0.3, 1 / 3, 1])
def test_ladders(n_splits, factor, least):
    rungs = rounds.ladder(factor, least, n_splits)
    shares = np.array([rung.share for rung in rungs])
    assert (rungs[-1].part, rungs[-1].n_splits, rungs[-1].share) == (1, n_splits, 1)
    assert (np.diff(shares) > 0).all()
    for rung in rungs:
        assert rung.share == rung.part * rung.n_splits / n_splits
        assert rung.part == 1 or rung.n_splits == 1
    assert shares[0] == 1 if factor == 1 else shares[0] >= 0.7 * least


def test_a_budget_below_one_candidate():
    with pytest.warns(ConvergenceWarning, match="max_time=1e-06 was spent before") as caught:
        found = search(max_time=1e-6).fit(*IRIS)
    assert caught[0].filename == __file__
    assert len(found.cv_results_["params"]) == 1
    assert found.cv_results_["share"] == [1]


def test_no_budget():
    with pytest.raises(ValueError, match="n_iter=None searches without end"):
        search(n_iter=None).fit(*IRIS)


# What it says -----------------------------------------------------------------------------------


def test_it_is_quiet(capfd):
    search(n_iter=50, n_jobs=2).fit(*IRIS)
    out, err = capfd.readouterr()
    assert out == err == ""


def test_a_line_for_each_round(capsys):
    search(verbose=1).fit(*IRIS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("round 1: 4 candidates, ")
    assert "learning_rate_init=" in lines[0]


class Fussy(MLPClassifier):
    def fit(self, X, y):
        if self.alpha > 1e-3:
            raise RuntimeError("alpha is not to my taste")
        return super().fit(X, y)


def test_failures_are_one_warning():
    space = {"alpha": LogUniform(1e-6, 1)}
    with pytest.warns(FitFailedWarning) as caught:
        found = search(Fussy((4,), max_iter=3), space).fit(*IRIS)
    caught = [each for each in caught if each.category is FitFailedWarning]
    assert caught[0].filename == __file__  # the caller's line
    assert len(caught) == 1
    failed = found.cv_results_["error"] != ""
    assert f"{failed.sum()} of 12 candidates failed" in str(caught[0].message)
    assert "alpha is not to my taste" in str(caught[0].message)
    assert found.cv_results_["error"][failed][0] == "RuntimeError: alpha is not to my taste"
    assert np.isnan(found.cv_results_["mean_test_score"][failed]).all()
    ranks = found.cv_results_["rank_test_score"]
    assert ranks[failed].min() > ranks[~failed].max()


def test_all_fail():
    with pytest.raises(ValueError, match="All 12 candidates failed.*not to my taste"):
        search(Fussy(), {"alpha": LogUniform(1e-2, 1)}).fit(*IRIS)
    with pytest.raises(RuntimeError, match="not to my taste"):
        search(Fussy(), {"alpha": LogUniform(1e-2, 1)}, error_score="raise").fit(*IRIS)


def test_scores_that_are_nan():
    def some(estimator, X, y):
        return np.nan if estimator.alpha > 1e-3 else estimator.score(X, y)

    space = {"alpha": LogUniform(1e-6, 1)}
    with pytest.warns(FitFailedWarning, match="candidates have a score that is NaN"):
        found = search(NET, space, scoring=some).fit(*IRIS)
    assert found.best_params_["alpha"] < 1e-3
    with pytest.raises(ValueError, match="scores of all 12 candidates are NaN"):
        search(scoring=lambda *_: np.nan).fit(*IRIS)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "param_distributions is empty"),
        ({"learning_rate_int": LogUniform(1e-5, 1)}, "no parameter.*mean 'learning_rate_init'"),
        ({"alpha": []}, r"param_distributions\['alpha'\] cannot be used"),
        ({"alpha": Uniform(-1, 1)}, r"param_distributions\['alpha'\].* with -1"),
        ({"activation": ["relu", "rely"]}, r"param_distributions\['activation'\].* with 'rely'"),
        ({"alpha": 0.1}, r"param_distributions\['alpha'\] cannot be used"),
    ],
)
def test_bad_spaces(space, message):
    with pytest.raises((ValueError, TypeError), match=message):
        search(space=space).fit(*IRIS)


def test_lists_only():
    with pytest.warns(UserWarning, match="no scale to zoom into") as caught:
        found = search(space={"activation": ["relu", "tanh"], "alpha": [0, 1e-3]}).fit(*IRIS)
    assert len(found.cv_results_["params"]) <= 4
    assert isinstance(found.spaces_[-1]["alpha"], Choice)
    assert caught[0].filename == __file__
