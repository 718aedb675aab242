"""A search whose trials are trained in packs finds what it finds without them."""

import sys
import types
import weakref

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_opt import MLPClassifier, MLPRegressor, TabularMLPClassifier
from sknn_opt.search import Choice, CoarseToFineSearchCV, LogUniform, Uniform, UniformInt, trials
from sknn_opt.search.packs import can_be_packed, kind_of
from sknn_opt.search.study import Study

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning"),
]


@pytest.fixture(autouse=True)
def short_trainings_too(monkeypatch):
    monkeypatch.setattr("sknn_opt.training.plans.FEWEST_STEPS", 0)


IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
NET = MLPClassifier((8,), batch_size=16, max_iter=9)
SPACE = {"learning_rate_init": LogUniform(1e-4, 1), "alpha": LogUniform(1e-6, 1)}


@pytest.fixture
def packs(monkeypatch):
    """The sizes of the packs that were trained, as they come."""
    from sknn_opt.search import packs as module

    sizes, train_together = [], module.train_together

    def noted(plans):
        sizes.append(len(plans))
        return train_together(plans)

    monkeypatch.setattr(module, "train_together", noted)
    return sizes


def search(estimator=NET, space=SPACE, **options):
    options = {"n_iter": 14, "n_rounds": 2, "cv": 2, "random_state": 0} | options
    return CoarseToFineSearchCV(estimator, space, **options)


def assert_same(one, other):
    assert one.cv_results_.keys() == other.cv_results_.keys()
    for name, column in one.cv_results_.items():
        if not any(word in name for word in ("time", "seconds", "ended")):
            np.testing.assert_array_equal(np.asarray(column), np.asarray(other.cv_results_[name]))
    assert one.best_params_ == other.best_params_
    assert one.n_epochs_ == other.n_epochs_


def one_by_one(monkeypatch, *args, data=IRIS, **options):
    with monkeypatch.context() as patch:
        patch.setattr(trials, "can_be_packed", lambda estimator: False)
        return search(*args, **options).fit(*data)


@pytest.mark.parametrize(
    ("estimator", "space", "options"),
    [
        (NET, SPACE, {}),
        (NET, SPACE, {"resource": "rows"}),
        (
            NET,
            {"alpha": LogUniform(1e-6, 1), "max_iter": UniformInt(1, 9)},
            {"resource": "rows", "random_state": 1, "cv": 3},
        ),
        (NET, SPACE, {"scoring": ["accuracy", "neg_log_loss"], "refit": "accuracy"}),
        (NET, SPACE, {"return_train_score": True, "n_iter": 30}),
        (NET, SPACE | {"random_state": UniformInt(0, 100)}, {}),
        (NET, SPACE | {"activation": Choice(["relu", "tanh"])}, {"n_iter": 24}),
        (NET, SPACE | {"dropout": Uniform(0.1, 0.5)}, {}),
        (NET, SPACE | {"solver": Choice(["adam", "lbfgs"])}, {"n_iter": 24}),
        (NET, {"learning_rate_init": LogUniform(1e-3, 1e38)}, {}),  # most diverge
        (make_pipeline(StandardScaler(), NET), {"mlpclassifier__alpha": LogUniform(1e-6, 1)}, {}),
        (clone(NET).set_params(early_stopping=True), SPACE, {}),
    ],
    ids=range(12),
)
def test_it_finds_the_same(monkeypatch, packs, estimator, space, options):
    found = search(estimator, space, **options).fit(*IRIS)
    assert max(packs) >= 4
    packs.clear()
    assert_same(found, one_by_one(monkeypatch, estimator, space, **options))
    assert not packs


def test_sparse_data_and_weights_are_trained_one_by_one(packs):
    search().fit(csr_array(IRIS[0]), IRIS[1])
    search().fit(*IRIS, sample_weight=np.arange(150) % 3 + 1.0)
    assert not packs


def test_regressors(monkeypatch, packs):
    net = MLPRegressor((8,), batch_size=32, max_iter=9)
    found = search(net).fit(*DIABETES)
    assert packs
    assert_same(found, one_by_one(monkeypatch, net, data=DIABETES))


def test_times_count_the_training(packs):
    found = search(n_iter=14, n_rounds=1).fit(*IRIS)
    assert max(packs) == 14
    assert (found.cv_results_["mean_fit_time"] > 0).all()


def test_several_threads():
    """Processes are in test_coarse_to_fine."""
    alone = search().fit(*IRIS)
    with joblib.parallel_config("threading", n_jobs=2):
        assert_same(search().fit(*IRIS), alone)


def test_a_file_goes_on_in_the_middle_of_what_was_a_pack(tmp_path, packs):
    path, whole = tmp_path / "search.joblib", search().fit(*IRIS)
    first = search(checkpoint=path)
    first.fit(*IRIS)
    parts, size = list(packs), path.stat().st_size
    for share in (0.3, 0.5, 0.8):
        path.write_bytes(path.read_bytes()[: int(share * size)])
        packs.clear()
        assert_same(search(checkpoint=path).fit(*IRIS), whole)
        assert packs != parts


def fails_late(time):
    if time.epoch > 0.5:
        raise ValueError("no rate any more")
    return 0.01


def test_one_that_fails_in_training_fails_alone(monkeypatch):
    rates = Choice(["constant", "cosine", fails_late])
    options = {"n_iter": 24, "n_rounds": 1, "error_score": -1.0}
    found = search(NET, SPACE | {"learning_rate": rates}, **options).fit(*IRIS)
    failed = found.cv_results_["mean_test_score"] == -1
    assert 0 < failed.sum() < 24
    assert_same(found, one_by_one(monkeypatch, NET, SPACE | {"learning_rate": rates}, **options))


def test_a_parameter_that_cannot_be_used_is_that_of_its_own_trial():
    space = {"alpha": Choice([1e-3, 1e-2, 1e-1, 1.0]), "dropout": Choice([0.0, [0.1, 0.2]])}
    found = search(NET, space, n_iter=8, n_rounds=1, error_score=-1.0)
    with pytest.warns(UserWarning, match="All of param_distributions are lists"):
        found.fit(*IRIS)
    refused = [params["dropout"] != 0 for params in found.cv_results_["params"]]
    np.testing.assert_array_equal(found.cv_results_["mean_test_score"] == -1, refused)


def test_what_cannot_be_packed():
    assert can_be_packed(NET)
    assert can_be_packed(make_pipeline(StandardScaler(), NET))
    for other in (
        MLPClassifier(n_members=2),
        MLPClassifier(verbose=True),
        TabularMLPClassifier(),
        StandardScaler(),
        make_pipeline(StandardScaler()),
    ):
        assert not can_be_packed(other)


def test_watched_trainings_are_not_packed(packs):
    callback = pytest.importorskip("sklearn.callback")
    net = MLPClassifier((8,), batch_size=16, max_iter=9).set_callbacks(callback.ProgressBar())
    assert not can_be_packed(net)
    watched = search(NET)
    watched.set_callbacks(callback.ProgressBar()).fit(*IRIS)
    assert not packs


def test_kinds():
    pipe = make_pipeline(StandardScaler(), NET)
    own = {"alpha": 0.1, "dropout": 0.2, "random_state": 3}
    assert kind_of(NET, own) == kind_of(NET, {"alpha": 1.0})
    assert kind_of(NET, {"activation": "relu"}) != kind_of(NET, {"activation": "tanh"})
    inside = {f"mlpclassifier__{name}": value for name, value in own.items()}
    assert kind_of(pipe, inside) == kind_of(pipe, {})
    with_mean = {"standardscaler__with_mean": False}
    assert kind_of(pipe, with_mean) != kind_of(pipe, {})


class Counted(SGDClassifier):
    fits = 0

    def fit(self, X, y):
        Counted.fits += 1
        return super().fit(X, y)


@pytest.mark.parametrize("inside", [False, True])
def test_what_is_not_packed_is_fitted_once(monkeypatch, inside):
    monkeypatch.setattr(Counted, "fits", 0)
    estimator, space = Counted(), {"alpha": LogUniform(1e-6, 1)}
    if inside:  # in place of a network, which could be
        estimator = make_pipeline(StandardScaler(), NET)
        space = {"mlpclassifier": [Counted()], "mlpclassifier__alpha": LogUniform(1e-6, 1)}
    search(estimator, space, n_iter=12, n_rounds=1, refit=False).fit(*IRIS)
    assert Counted.fits == 12 + 4  # on one split, and the better third on the other


class Turning(StandardScaler):
    """Turns around once eight were fitted."""

    fits = 0

    def fit(self, X, y=None):
        self.sign_ = 1 - 2 * (Turning.fits // 8 % 2)
        Turning.fits += 1
        return super().fit(X, y)

    def transform(self, X):
        return self.sign_ * super().transform(X)


def test_a_network_is_not_scored_on_what_another_one_was_trained_on(monkeypatch, packs):
    pipe, space = make_pipeline(Turning(), NET), {"mlpclassifier__alpha": LogUniform(1e-6, 1)}
    options = {"n_iter": 8, "n_rounds": 1, "min_share": 1.0, "refit": False}
    monkeypatch.setattr(Turning, "fits", 0)
    found = search(pipe, space, **options).fit(*IRIS)
    assert packs == [8, 8]
    monkeypatch.setattr(Turning, "fits", 8)
    expected = one_by_one(
        monkeypatch, pipe, space, cv=[next(StratifiedKFold(2).split(*IRIS))], **options
    )
    scores = [each.cv_results_["split0_test_score"] for each in (found, expected)]
    np.testing.assert_array_equal(*scores)


class Noted(StandardScaler):
    made = ()

    def transform(self, X):
        found = super().transform(X)
        Noted.made += (weakref.ref(found),)
        return found


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_pack_holds_its_data_once(monkeypatch, solver):
    alive = []

    class Network(MLPClassifier):
        def fit(self, X, y):
            alive.append(sum(ref() is not None for ref in Noted.made))
            return super().fit(X, y)

    monkeypatch.setattr(Noted, "made", ())
    pipe = make_pipeline(Noted(), Network((8,), batch_size=16, max_iter=3, solver=solver))
    options = {"n_iter": 12, "n_rounds": 1, "factor": 1, "refit": False}
    search(pipe, {"network__alpha": LogUniform(1e-6, 1)}, **options).fit(*IRIS)
    assert len(alive) > 24
    assert max(alive) <= 2


def test_no_worker_waits_for_a_pack(packs):
    with joblib.parallel_config("threading", n_jobs=4):
        search(n_iter=12, n_rounds=1, factor=100).fit(*IRIS)
    assert max(packs) == 6


def test_callbacks_anywhere_in_a_pipeline_see_their_trainings():
    callback = pytest.importorskip("sklearn.callback")
    inner = make_pipeline(StandardScaler(), NET).set_callbacks(callback.ProgressBar())
    assert not can_be_packed(make_pipeline(StandardScaler(), inner))


def test_a_file_that_is_gone_is_begun_anew(tmp_path):
    path = tmp_path / "search.joblib"
    options = {"checkpoint": path, "n_rounds": 1, "n_iter": 4}
    first = search(warm_start=True, **options).fit(*IRIS)
    path.unlink()
    first.set_params(n_iter=6).fit(*IRIS)
    size = path.stat().st_size
    search(**options).fit(*IRIS)  # it can be read
    assert path.stat().st_size >= size


def test_what_others_append_meanwhile_is_kept(tmp_path):
    path = tmp_path / "study.joblib"
    studies = [Study({}, 0, path) for _ in range(3)]
    for number, study in enumerate(studies):
        study.add((f"candidate {number}", 0, 1.0), {})
        study.close()
    path.write_bytes(path.read_bytes()[:-1])
    assert len(Study({}, 0, path)) == 2


class Gone:
    """What a module of this name has that is no longer there."""

    def __reduce__(self):
        return Gone, ()


def test_results_that_cannot_be_imported_are_not_cut_off(tmp_path, monkeypatch):
    path, module = tmp_path / "study.joblib", types.ModuleType("gone_module")
    monkeypatch.setitem(sys.modules, "gone_module", module)
    monkeypatch.setattr(Gone, "__module__", "gone_module")
    module.Gone = Gone
    study = Study({}, 0, path)
    study.add(("candidate", 0, 0.5), {}, Gone())
    study.close()
    before = path.read_bytes()
    monkeypatch.delitem(sys.modules, "gone_module")
    with pytest.raises(ImportError, match="gone_module"):
        Study({}, 0, path)
    assert path.read_bytes() == before
