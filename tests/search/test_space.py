"""Ranges for our estimators: the right names, within bounds, accepted by fit."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterSampler, RandomizedSearchCV
from sklearn.pipeline import make_pipeline

from sknn_opt import (
    InputNormalizer,
    MLPClassifier,
    MLPRegressor,
    TableEncoder,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from sknn_opt.optim import SGD, Adam, AdamW, FadeOut, RMSprop
from sknn_opt.search import Choice, Distribution, LogUniform, LogUniformInt, UniformInt
from sknn_opt.search import search_space as space_of
from sknn_opt.search.space import STAGES, STAGES_OF_LBFGS

IRIS, DIABETES = load_iris(return_X_y=True), load_diabetes(return_X_y=True)
MLPS, TABULAR = (MLPClassifier, MLPRegressor), (TabularMLPClassifier, TabularMLPRegressor)
SOLVERS = ("lbfgs", "sgd", "rmsprop", "adam", "adamw")
QUICK = {"max_iter": 2, "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fit_draws(estimator, space, n=40):
    """Fit so many draws on a small real set."""
    X, y = IRIS if is_classifier(estimator) else DIABETES
    X, y = X[::3], y[::3]
    for params in ParameterSampler(space, n, random_state=0):
        fitted = clone(estimator).set_params(**params).fit(X, y)
        assert np.isfinite(fitted.score(X, y)), params


# Names and stages -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MLPS)
@pytest.mark.parametrize(
    ("solver", "names"),
    [
        ("lbfgs", "alpha width depth"),
        (
            "sgd",
            "learning_rate_init momentum width batch_size depth learning_rate alpha dropout",
        ),
        (
            "rmsprop",
            "learning_rate_init width batch_size depth learning_rate alpha dropout beta_2 epsilon",
        ),
        (
            "adam",
            "learning_rate_init beta_1 width batch_size depth learning_rate alpha dropout beta_2 "
            "epsilon",
        ),
        (
            "adamw",
            "learning_rate_init beta_1 width batch_size depth learning_rate weight_decay dropout "
            "beta_2 epsilon",
        ),
        (
            SGD(momentum=0.5),
            "learning_rate_init width batch_size depth learning_rate alpha dropout",
        ),
        (RMSprop(), "learning_rate_init width batch_size depth learning_rate alpha dropout"),
        (Adam(0.01), "width batch_size depth learning_rate alpha dropout"),
        (AdamW(), "learning_rate_init width batch_size depth learning_rate alpha dropout"),
    ],
    ids=repr,
)
def test_names_of_a_network(kind, solver, names):
    space = space_of(kind(solver=solver))
    assert sorted(space) == sorted(names.split())
    assert all(isinstance(distribution, Distribution) for distribution in space.values())


@pytest.mark.parametrize("estimator", [*(kind() for kind in MLPS + TABULAR)], ids=repr)
def test_stages_grow(estimator):
    spaces = [space_of(estimator, stage) for stage in (1, 2, 3, 4)]
    assert spaces[-1] == space_of(estimator)
    names = [[name.rpartition("params__")[2] for name in space] for space in spaces]
    assert names[0] == ["learning_rate_init"]
    for fewer, more in pairwise(names):
        assert more[: len(fewer)] == fewer
        assert len(more) > len(fewer)
    for at, names_of_stage in enumerate(names, 1):
        assert set(names_of_stage) <= set().union(*STAGES[:at])


def test_the_penalty_is_in_the_second_stage_as_measured():
    assert "alpha" in space_of(MLPClassifier(), stage=2)
    assert "weight_decay" in space_of(MLPClassifier(solver="adamw"), stage=2)
    assert not {"depth", "dropout", "beta_2", "epsilon"} & set(space_of(MLPClassifier(), stage=2))


def test_without_a_rate_the_penalty_comes_first():
    assert [*space_of(MLPClassifier(solver="lbfgs"), 1)] == ["alpha"]
    assert [*space_of(MLPClassifier(solver="lbfgs"))] == [
        name for names in STAGES_OF_LBFGS for name in names if name in {"alpha", "width", "depth"}
    ]


@pytest.mark.parametrize("kind", TABULAR)
def test_names_of_an_estimator_of_tables(kind):
    space = space_of(kind())
    own = {*space_of(MLPClassifier(solver=AdamW()))}
    assert sorted(space) == sorted(["encoder__bins", *(f"network_params__{n}" for n in own)])
    assert space["network_params__width"].cdf(64) == pytest.approx(0.5, abs=0.02)
    assert space["network_params__depth"] == UniformInt(1, 4)
    assert space["network_params__learning_rate_init"] == LogUniform(0.0009, 0.09)
    # Given categories and an encoder exclude each other.
    assert "encoder__bins" not in space_of(kind(categorical_features=[0]))
    assert "encoder__bins" in space_of(kind(encoder=TableEncoder()))
    momentum = space_of(kind(network_params={"solver": "sgd"}))["network_params__momentum"]
    assert momentum.ppf(1) == 0.99


def test_prefixes():
    pipe = make_pipeline(InputNormalizer(), MLPRegressor())
    nested = TransformedTargetRegressor(pipe)
    expected = {f"regressor__mlpregressor__{name}" for name in space_of(MLPRegressor())}
    assert set(space_of(nested)) == expected
    nested.set_params(**{name: d.rvs(random_state=0) for name, d in space_of(nested).items()})
    tables = make_pipeline(TabularMLPClassifier())
    (first, *_) = space_of(tables, 1)
    assert first == "tabularmlpclassifier__network_params__learning_rate_init"
    for meta in (
        CalibratedClassifierCV(MLPClassifier()),
        GridSearchCV(MLPClassifier(), {}),
        RandomizedSearchCV(MLPClassifier(), {}),
    ):
        assert [*space_of(meta, 1)] == ["estimator__learning_rate_init"]


def test_several_of_ours_have_their_ranges_side_by_side():
    features = MLPClassifier(solver="lbfgs")
    pipe = make_pipeline(features, MLPClassifier(solver="sgd"))
    space = space_of(pipe, stage=1)
    assert [*space] == ["mlpclassifier-1__alpha", "mlpclassifier-2__learning_rate_init"]
    voting = VotingClassifier([("a", MLPClassifier()), ("b", LogisticRegression())])
    assert {name.partition("__")[0] for name in space_of(voting)} == {"a"}


# Ranges -----------------------------------------------------------------------------------------


def test_ranges_are_around_what_the_estimator_has():
    mlp = MLPClassifier(
        learning_rate_init=0.02, batch_size=120, depth=3, width=50, beta_1=0.8, alpha=0.5
    )
    space = space_of(mlp)
    for name in ("learning_rate_init", "alpha", "batch_size", "width"):
        middle = space[name].ppf(0.5)
        assert middle == pytest.approx(getattr(mlp, name), rel=0.1), name
    assert space["depth"] == UniformInt(2, 5)
    assert space["beta_1"].cdf(0.8) == pytest.approx(0.5, abs=0.15)


def test_a_list_of_units_gets_lists_like_it():
    space = space_of(MLPClassifier((64, 32)), stage=2)
    assert "width" not in space
    assert space["hidden_layer_sizes"] == Choice(
        [(16, 8), (32, 16), (64, 32), (128, 64), (256, 128)]
    )
    deeper = space_of(MLPClassifier((64, 32)), stage=3)["hidden_layer_sizes"].values
    assert {len(sizes) for sizes in deeper} == {1, 2, 3}
    assert "depth" not in space_of(MLPClassifier((64, 32)))
    assert space_of(MLPClassifier([100]))["width"] == LogUniformInt(16, 512)
    linear = space_of(MLPClassifier(()))
    assert not {"width", "depth", "hidden_layer_sizes"} & set(linear)


def test_the_number_of_layers_stays_where_something_is_said_of_each():
    assert "depth" not in space_of(MLPClassifier(depth=2, dropout=[0.1, 0.2]))
    rates = AdamW(layer_rates={"W[2]": 0.5})
    assert "depth" not in space_of(MLPClassifier(solver=rates))
    assert "depth" in space_of(MLPClassifier(solver=AdamW(layer_rates={"W": 0.5})))


def test_schedules_stay_choices():
    def half(time):
        return time.initial_rate / 2

    assert space_of(MLPClassifier(learning_rate=half))["learning_rate"].values[0] is half
    faded = space_of(MLPClassifier(dropout=FadeOut(0.2)))["dropout"]
    assert faded == Choice([0.0, FadeOut(0.1), FadeOut(0.2), FadeOut(0.4), FadeOut(0.2 * 3)])
    assert "dropout" not in space_of(MLPClassifier(dropout=lambda time: 0.1))
    assert "weight_decay" not in space_of(MLPClassifier(solver="adamw", weight_decay=FadeOut(0.1)))


@pytest.mark.parametrize(
    "params",
    [
        {"learning_rate_init": 1e-8},
        {"alpha": 0.0},
        {"alpha": 1e-12},
        {"dropout": 0.9},
        {"dropout": 0.001},
        {"width": 1},
        {"batch_size": 1},
        {"beta_1": 0.0, "beta_2": 0.0},
        {"beta_1": 0.99999999, "beta_2": 0.99999999},
        {"epsilon": 0.1},
        {"solver": "sgd", "momentum": 0},
        {"solver": "sgd", "momentum": 1},
        {"solver": "sgd", "learning_rate_init": 5.0},
        {"solver": "adamw", "weight_decay": 0},
        {"solver": "adamw", "weight_decay": 5.0},
        {"hidden_layer_sizes": (1,)},
        {"hidden_layer_sizes": [3, 2, 9]},
        {"hidden_layer_sizes": ()},
        {"depth": 0},
        {"depth": 2, "taper": 0.1},
        {"depth": 2, "dropout": [0.1, 0.2], "solver": AdamW(layer_rates={"W[3]": 0.5})},
        {"dropout": FadeOut(0.7)},
        {"learning_rate": "adaptive", "n_members": 2, "batch_norm": True},
        {"early_stopping": True, "warmup_epochs": 1, "average": 0.9},
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", MLPS)
def test_draws_around_unusual_values_are_accepted(kind, params):
    estimator = kind(**QUICK | params)
    for stage in (2, 4):
        fit_draws(estimator, space_of(estimator, stage), 6)


@pytest.mark.parametrize("kind", MLPS)
@pytest.mark.parametrize(
    "solver", [*SOLVERS, SGD(), RMSprop(0.01), Adam(), AdamW(weight_decay=FadeOut(0.1))], ids=repr
)
def test_every_draw_is_accepted(kind, solver):
    estimator = kind(solver=solver, **QUICK)
    fit_draws(estimator, space_of(estimator))


@pytest.mark.parametrize("kind", TABULAR)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"solver": "sgd"},
        {"solver": "lbfgs", "dropout": 0},
        {"hidden_layer_sizes": (9, 5)},
        {"width": 12, "depth": None},
    ],
    ids=repr,
)
def test_every_draw_is_accepted_by_estimators_of_tables(kind, given):
    estimator = kind(
        n_members=2, network_params={"max_iter": 2, "n_members": 2} | given, random_state=0
    )
    fit_draws(estimator, space_of(estimator), 40 if not given else 8)


def test_ends_of_ranges_are_accepted():
    X, y = IRIS
    for solver in SOLVERS:
        mlp = MLPClassifier(solver=solver, **QUICK)
        for q in (0, 1):
            ends = {name: d.ppf(q) for name, d in space_of(mlp).items()}
            clone(mlp).set_params(**ends).fit(X, y)


def test_a_search_takes_it():
    pipe = make_pipeline(InputNormalizer(), MLPClassifier(**QUICK))
    search = RandomizedSearchCV(pipe, space_of(pipe), n_iter=3, cv=2, random_state=0)
    search.fit(*IRIS)
    assert set(search.best_params_) == set(space_of(pipe))


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "stage", "message"),
    [
        (LogisticRegression(), None, "LogisticRegression has none of sknn_opt's networks in it"),
        (make_pipeline(InputNormalizer()), 1, "Pipeline has none of .* write a dict of your own"),
        (MLPClassifier, 1, "estimator must be an estimator"),
        ("mlp", 1, "estimator must be an estimator .* got 'mlp'"),
        (MLPClassifier(), 0, "stage must be None, or a whole number from 1 to 4; got 0"),
        (MLPClassifier(), 5, "stage must be .* got 5"),
        (MLPClassifier(), "1", "stage must be .* got '1'"),
        (MLPClassifier(), True, "stage must be .* got True"),
        (
            MLPClassifier(solver=Adam(0.01)),
            1,
            "nothing to search in MLPClassifier up .* raise stage",
        ),
        (MLPClassifier(alpha=-1), None, "'alpha' parameter"),
        (TabularMLPClassifier(preset="quick"), None, "'preset' parameter"),
        (TabularMLPClassifier(network_params={"alpha": -1}), None, "'alpha' parameter"),
        (TabularMLPClassifier(network_params={"lr": 1}), None, "mean 'learning_rate_init'"),
    ],
    ids=repr,
)
def test_what_is_refused(estimator, stage, message):
    with pytest.raises(ValueError, match=message):
        space_of(estimator, stage)
