"""Which rows validate: a share whatever repeats, whole groups, the last rows, a splitter's."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.pipeline import Pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor
from sknn_opt.estimators import base

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(150)
X, Y = InputNormalizer().fit_transform(X)[ORDER], Y[ORDER]
X_REG, Y_REG = load_diabetes(return_X_y=True)
GROUPS = np.array([f"patient {k}" for k in np.arange(150) // 6])
# Several batches, so that rows are not merged and their numbers can be compared.
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, "batch_size": 40}


def classifier(**parameters):
    return MLPClassifier(**SMALL | {"early_stopping": True} | parameters)


def regressor(**parameters):
    return MLPRegressor(**SMALL | {"early_stopping": True} | parameters)


@pytest.fixture
def parts(monkeypatch):
    """The (training part, held-out part) of each fit and call of partial_fit."""
    seen = []

    def spy(original):
        def divide(*args):
            seen.append(original(*args))
            return seen[-1]

        return divide

    for name in ("divide", "divide_stream"):
        monkeypatch.setattr(base, name, spy(getattr(base, name)))
    return seen


def said(model, *data, **options):
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(*data, **options)
    return str(caught[0].message)


# A share -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("n", [150, 2000])
def test_a_flag_is_learned(solver, n):
    """In one batch, whose equal rows are merged, and in several."""
    x = np.repeat([0.0, 1.0], [9 * n // 10, n // 10])
    y = np.concatenate([np.arange(9 * n // 10) % 10 == 0, np.arange(n // 10) % 10 > 0]) * 1
    net = MLPClassifier((8,), solver=solver, early_stopping=True, learning_rate_init=0.02)
    proba = net.set_params(random_state=0).fit(x[:, np.newaxis], y).predict_proba([[0.0], [1.0]])
    np.testing.assert_allclose(proba[:, 1], [0.1, 0.9], atol=0.08)


@pytest.mark.parametrize("kind", ["conflicts", "copies", "heavy"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_weights_are_repetitions_to_the_bit(cls, solver, kind):
    rng = np.random.default_rng(0)
    X_few = rng.normal(size=(30, 2)) if kind != "conflicts" else rng.integers(0, 3, (30, 2)) * 1.0
    y = rng.integers(0, 3, 30)
    count = rng.integers(1, 4, 30)
    if kind == "heavy":
        count[:3] = 30
    rows = rng.permutation(np.repeat(np.arange(30), count))
    net = cls((4,), solver=solver, early_stopping=True, max_iter=5, random_state=0)
    net.set_params(validation_fraction=0.2)
    weighted = clone(net).fit(X_few, y, count)
    repeated = clone(net).fit(X_few[rows], y[rows])
    np.testing.assert_array_equal(weighted.theta_, repeated.theta_)
    assert weighted.validation_loss_curve_ == repeated.validation_loss_curve_


def test_a_scorer_sees_every_repetition_that_is_held_out():
    x, y = np.repeat([0.0, 1.0], 90)[:, np.newaxis], np.tile([0, 1, 1], 60)
    sizes = []

    def scorer(estimator, X, y):
        sizes.append((len(X), y.mean()))
        return 0.5

    MLPClassifier((3,), early_stopping=True, scoring=scorer, max_iter=1).fit(x, y)
    assert sizes == [(18, pytest.approx(2 / 3))]


def test_many_classes_too_small_to_be_divided_are_said_once():
    y = np.repeat([f"class {k}" for k in range(300)], 3)
    message = said(classifier(), np.random.default_rng(0).normal(size=(900, 3)), y)
    assert message.count("too small to be divided") == 1
    assert "more are only trained on" in message
    assert len(message) < 600
    assert "in place of validation_fraction" not in message


def test_another_share_than_asked_for_is_said():
    groups = np.repeat([0, 1, 2], 50)
    message = said(classifier(), X, Y, groups=groups)
    assert "has 33.3% of the rows in place of validation_fraction=0.1" in message
    assert "in place of" not in said(classifier(), X, Y)


@pytest.mark.parametrize("size", [1, 7, 150])
def test_passes_over_a_file_hold_out_the_same_rows(parts, size):
    net = classifier(n_iter_no_change=np.inf)
    for _ in range(15):
        for start in range(0, 150, size):
            rows = slice(start, start + size)
            net.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    held = [{row.tobytes() for row in part.of(part.X)} for _, part in parts]
    trained = [{row.tobytes() for row in part.of(part.X)} for part, _ in parts]
    assert not set().union(*held) & set().union(*trained)
    assert 8 < len(set().union(*held)) < 24


def test_a_stream_pickled_midway_goes_on_alike():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (400, 1)) * 1.0
    y = rng.integers(0, 2, 400)
    net = classifier().partial_fit(x[:200], y[:200], classes=[0, 1])
    thawed = pickle.loads(pickle.dumps(net))
    net.partial_fit(x[200:], y[200:])
    thawed.partial_fit(x[200:], y[200:])
    np.testing.assert_array_equal(net.theta_, thawed.theta_)
    assert net.t_ == thawed.t_
    assert 330 < net.t_ < 390


def test_a_failed_call_is_not_seen():
    net = classifier().partial_fit(X, Y, classes=[0, 1, 2])
    before = net._training.sightings.n_rows
    with pytest.raises(ValueError, match="classes"):
        net.partial_fit(X, Y + 7)
    assert net._training.sightings.n_rows == before


def test_streams_without_early_stopping_keep_no_table():
    assert MLPClassifier(**SMALL).partial_fit(X, Y, classes=[0, 1, 2])._training.sightings is None


# The last rows, and splitters --------------------------------------------------------------------

SPLITTERS = [
    KFold(4),
    KFold(4, shuffle=True, random_state=3),
    ShuffleSplit(2, test_size=0.2, random_state=1),
    TimeSeriesSplit(4, gap=3),
    PredefinedSplit(np.where(np.arange(150) % 3 == 0, 0, -1)),
    StratifiedKFold(5),
]


@pytest.mark.parametrize("splitter", SPLITTERS, ids=str)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_last_split_of_a_splitter(parts, splitter, solver):
    weight = np.where(np.arange(150) % 7 == 0, 0.0, 1.5)
    classifier(validation_fraction=splitter, solver=solver).fit(X, Y, weight)
    *_, (train, test) = splitter.split(X, Y)
    training, held_out = parts[0]
    np.testing.assert_array_equal(held_out.chosen, test[weight[test] > 0])
    if solver == "adam":
        np.testing.assert_array_equal(training.chosen, train[weight[train] > 0])
    else:
        assert training.total_weight() == weight[train].sum()  # merged


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_last_rows(parts, solver):
    net = regressor(validation_fraction="last", scoring=None, solver=solver, dtype="float64")
    net.fit(X_REG, Y_REG)
    training, held_out = parts[0]
    np.testing.assert_array_equal(held_out.chosen, np.arange(398, 442))
    assert training.total_weight() == 398
    score = net.score(X_REG[398:], Y_REG[398:])
    assert score == pytest.approx(net.best_validation_score_, rel=1e-9)


@pytest.mark.parametrize("how", ["last", KFold(5)])
def test_what_is_divided_in_order_trains_as_a_weighted_set(how):
    """The order of the training rows still does not matter in a set of one batch."""
    net = MLPClassifier((4,), early_stopping=True, validation_fraction=how, random_state=0)
    n = 135 if how == "last" else 120
    order = np.concatenate([np.random.default_rng(0).permutation(n), np.arange(n, 150)])
    one, other = (clone(net).fit(X[rows], Y[rows]) for rows in (np.arange(150), order))
    np.testing.assert_array_equal(one.theta_, other.theta_)


TABLES = {
    "frame": (pd.DataFrame(X, columns=list("abcd")), pd.Series(Y)),
    "sparse": (csr_array(X), Y),
    "float32": (X.astype(np.float32), Y),
    "labels": (X, np.eye(3, dtype=int)[Y]),
    "strings": (X, np.array(["x", "y", "z"])[Y]),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("how", ["last", 0.2, KFold(3), "groups"])
def test_every_kind_of_table(parts, table, how):
    data = TABLES[table]
    options = {"groups": GROUPS} if how == "groups" else {}
    how = 0.2 if how == "groups" else how
    net = classifier(
        validation_fraction=how, class_weight=None if table == "labels" else "balanced"
    )
    net.fit(*data, **options)
    training, held_out = parts[0]
    assert training.n_rows + held_out.n_rows == 150
    assert len(net.validation_loss_curve_) == net.n_iter_


def test_several_outputs_and_a_warm_start():
    net = regressor(validation_fraction=TimeSeriesSplit(3), warm_start=True)
    y = np.column_stack([Y_REG, -Y_REG])
    assert net.fit(X_REG, y).fit(X_REG, y).predict(X_REG).shape == y.shape


def test_a_splitter_is_cloned_and_searched():
    grid = {"validation_fraction": [0.1, "last", KFold(3), ShuffleSplit(1, random_state=0)]}
    search = GridSearchCV(classifier(), grid, cv=2, error_score="raise").fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# Groups ------------------------------------------------------------------------------------------


def groups_of(part):
    return set(GROUPS[part.chosen])


@pytest.mark.parametrize(
    "how",
    [
        0.1,
        0.3,
        GroupKFold(5),
        StratifiedGroupKFold(5),
        GroupShuffleSplit(1, test_size=0.2, random_state=0),
    ],
    ids=str,
)
def test_groups_stay_together(parts, how):
    classifier(validation_fraction=how).fit(X, Y, groups=GROUPS)
    training, held_out = parts[0]
    assert not groups_of(training) & groups_of(held_out)
    assert training.n_rows + held_out.n_rows == 150
    share = how if isinstance(how, float) else 0.2
    assert held_out.n_rows / 150 == pytest.approx(share, abs=0.05)


def test_which_groups_is_a_matter_of_the_random_state_and_not_of_the_order(parts):
    order = np.random.default_rng(1).permutation(150)
    classifier().fit(X, Y, groups=GROUPS)
    classifier().fit(X[order], Y[order], groups=GROUPS[order])
    classifier(random_state=1).fit(X, Y, groups=GROUPS)
    one, again, other = (held_out.chosen for _, held_out in parts)
    assert set(GROUPS[one]) == set(GROUPS[order][again])
    assert set(GROUPS[one]) != set(GROUPS[other])


def test_groups_are_routed_through_a_pipeline_in_a_search(parts):
    with sklearn.config_context(enable_metadata_routing=True):
        net = classifier(validation_fraction=GroupKFold(3)).set_fit_request(groups=True)
        model = Pipeline([("normalize", InputNormalizer()), ("net", net)])
        search = GridSearchCV(model, {"net__alpha": [1e-4, 1.0]}, cv=GroupKFold(3))
        search.fit(X, Y, groups=GROUPS)
    assert len(parts) == 7
    training, held_out = parts[-1]
    assert not groups_of(training) & groups_of(held_out)


# Bad input ---------------------------------------------------------------------------------------


class Custom:
    """A splitter with one split."""

    def __init__(self, *splits):
        self.splits = splits

    def get_n_splits(self, X=None, y=None, groups=None):
        return len(self.splits)

    def split(self, X, y=None, groups=None):
        yield from self.splits

    def __repr__(self):
        return "Custom()"


ALL = np.arange(150)
BAD = {
    "no training rows": (
        Custom(([], ALL)),
        {},
        r"Custom\(\) leaves no rows .* to train on, of 150",
    ),
    "no rows to validate on": (Custom((ALL, [])), {}, r"leaves no rows .* to validate on"),
    "no split": (Custom(), {}, "leaves no rows"),
    "overlap": (Custom((ALL, [3, 9])), {}, "puts 2 rows on both sides, row 3 among them"),
    "rows that are not there": (Custom((ALL, [150])), {}, "cannot split these rows: index 150"),
    "too many splits": (KFold(151), {}, r"KFold.* cannot split these rows: Cannot have number"),
    "no groups": (GroupKFold(3), {}, r"GroupKFold.*Give fit the groups: fit\(X, y, groups=...\)"),
    "last and groups": ("last", {"groups": GROUPS}, "groups.*'last' takes the last rows"),
    "too few groups": (0.1, {"groups": GROUPS[:9]}, "one entry for each of the 150 .* it has 9"),
    "one group": (0.1, {"groups": np.ones(150)}, "of the 1 groups leaves no rows"),
    "groups of two types": (0.1, {"groups": [None, *GROUPS[1:]]}, "groups must be of one type"),
    "columns of groups": (0.1, {"groups": np.ones((150, 2))}, "1d array"),
    "another name": ("first", {}, "validation_fraction.*'last'"),
    "too large": (1.0, {}, "validation_fraction"),
    "a class": (KFold, {}, "KFold"),
    "groups beside a validation set": (
        0.1,
        {"groups": GROUPS, "X_val": X, "y_val": Y},
        "X_val and y_val are the validation set; leave groups out",
    ),
}


@pytest.mark.parametrize(("how", "options", "message"), BAD.values(), ids=BAD)
def test_bad_input(how, options, message):
    net = classifier(validation_fraction=how)
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(X, Y, **options)
    assert not hasattr(net, "n_features_in_")


def test_rows_of_weight_zero_alone_cannot_validate():
    weight = np.repeat([1.0, 0.0], [120, 30])
    with pytest.raises(ValueError, match="'last' leaves no rows of a weight above zero"):
        classifier(validation_fraction="last").fit(X, Y, weight)


def test_groups_without_early_stopping():
    with pytest.raises(ValueError, match="groups.*early_stopping=False holds out no rows"):
        MLPClassifier(**SMALL).fit(X, Y, groups=GROUPS)


@pytest.mark.parametrize("how", ["last", KFold(3)])
def test_a_stream_takes_a_number(how):
    with pytest.raises(ValueError, match="partial_fit needs a number as validation_fraction"):
        classifier(validation_fraction=how).partial_fit(X, Y, classes=[0, 1, 2])
    classifier(validation_fraction=how, early_stopping=False).partial_fit(X, Y, classes=[0, 1, 2])
