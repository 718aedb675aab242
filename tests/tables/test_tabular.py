"""`TabularMLPClassifier` and `TabularMLPRegressor`: a table in, a model out, whatever the table."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_pinball_loss, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknn_opt import (
    LossCurveDisplay,
    LossSurfaceDisplay,
    MLPClassifier,
    SignalPropagationDisplay,
    TableEncoder,
    TabularMLPClassifier,
    TabularMLPRegressor,
    check_gradients,
    check_shift,
    check_signals,
    record_path,
)
from sknn_opt.tables.recipe import PRESETS, network_parameters

pa = pytest.importorskip("pyarrow", exc_type=ImportError)


def table_of(n=240, seed=0):
    """A frame of numbers, categories, text, dates, truth values and gaps, and what follows of it.

    Half of the amount is the color's, half is the age's; the rest of the columns say nothing.
    """
    rng = np.random.default_rng(seed)
    days = pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    X = pd.DataFrame(
        {
            "noise": rng.normal(size=n),
            "color": rng.choice(["red", "green", "blue"], n),
            "member": rng.random(n) < 0.3,
            "size": pd.Categorical(rng.choice(list("SML"), n)),
            "joined": pd.Timestamp("2023-05-01") + days,
            "age": rng.normal(40, 12, n),
            "country": "NL",
        }
    )
    amount = 12 * (X["color"] == "red") + 0.5 * X["age"]
    for j, name in enumerate(["noise", "size", "joined"]):
        X.loc[j::17, name] = None
    return X, amount.to_numpy()


QUICK = {"preset": "fast", "random_state": 0}
X, AMOUNT = table_of()
MIDDLE = np.median(AMOUNT)
Y = np.where(AMOUNT > MIDDLE, "yes", "no")
NEW, NEW_AMOUNT = table_of(seed=1)
NEW_Y = np.where(NEW_AMOUNT > MIDDLE, "yes", "no")


FEW_EPOCHS = pytest.mark.filterwarnings(
    "ignore:.*learned nothing:sklearn.exceptions.ConvergenceWarning"
)


def quick(kind, n=10, **options):
    """An estimator that trains for a few epochs."""
    params = {"min_steps": 0, "max_iter": n, "n_iter_no_change": n}
    params |= options.pop("network_params", {})
    return kind(**{**QUICK, "network_params": params, **options})


@pytest.fixture(scope="module")
def classifier():
    return TabularMLPClassifier(**QUICK).fit(X, Y)


@pytest.fixture(scope="module")
def regressor():
    return TabularMLPRegressor(**QUICK).fit(X, AMOUNT)


# Tables -------------------------------------------------------------------------------------------


def test_a_mixed_table_is_learned(classifier, regressor):
    assert classifier.score(NEW, NEW_Y) > 0.9
    assert regressor.score(NEW, NEW_AMOUNT) > 0.9
    assert classifier.classes_.tolist() == ["no", "yes"]
    assert classifier.feature_names_in_.tolist() == list(X)
    assert classifier.n_features_in_ == 7
    assert classifier.encoder_.dropped_ == {"country": "constant"}
    assert classifier.n_iter_ == len(classifier.history_)


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas, lambda X: X])
def test_frames_of_all_libraries_give_the_same_model(convert, classifier):
    model = clone(classifier).fit(convert(X), Y)
    again = convert(NEW[NEW.columns[::-1]])  # in another order
    assert_array_equal(model.predict_proba(again), classifier.predict_proba(NEW))


@pytest.mark.parametrize("kind", [TabularMLPClassifier, TabularMLPRegressor])
def test_an_array_and_a_list_of_rows(kind):
    data = X[["noise", "age"]].fillna(0.0)
    y = AMOUNT if kind is TabularMLPRegressor else Y
    model = quick(kind).fit(data.to_numpy(), y)
    assert not hasattr(model, "feature_names_in_")
    expected = model.predict(data.to_numpy())
    assert_array_equal(
        quick(kind).fit(data.to_numpy().tolist(), y.tolist()).predict(data.to_numpy()), expected
    )
    named = model.fit(data, y)
    assert named.feature_names_in_.tolist() == ["noise", "age"]
    assert_array_equal(named.predict(data), expected)


def test_a_second_fit_forgets_the_names_of_the_first(classifier):
    model = quick(TabularMLPClassifier).fit(X, Y).fit(X[["age", "noise"]].fillna(0).to_numpy(), Y)
    assert not hasattr(model, "feature_names_in_")
    assert model.feature_importances_.shape == (2,)


def test_columns_with_gaps_are_predicted_where_all_is_missing(regressor):
    empty = NEW.assign(age=np.nan, joined=pd.NaT, color=None)
    assert np.isfinite(regressor.predict(empty)).all()


def test_other_columns_are_refused(classifier):
    with pytest.raises(ValueError, match="lacks 'age'"):
        classifier.predict(NEW.drop(columns="age"))


# Targets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [(0, 1), ("a", "b"), (False, True), (-1, 1), (2.0, 5.0)])
def test_two_classes(labels):
    y = np.array(labels)[(Y == "yes").astype(int)]
    model = quick(TabularMLPClassifier).fit(X, y)
    assert_array_equal(model.classes_, np.unique(y))
    proba = model.predict_proba(X)
    assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert_allclose(model.predict_log_proba(X), np.log(proba), rtol=1e-6, atol=1e-12)
    assert_array_equal(model.decision_function(X) > 0, proba[:, 1] > 0.5)


def test_many_classes():
    y = pd.Series(np.array(list("abcdefgh"))[np.argsort(np.argsort(AMOUNT)) * 8 // len(X)])
    model = TabularMLPClassifier(**QUICK).fit(X, y)
    assert model.score(X, y) > 0.7
    assert model.predict_proba(X).shape == (len(X), 8)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_several_labels():
    labels = np.column_stack([X["color"] == "red", X["age"] > 40]).astype(int)
    model = TabularMLPClassifier(**QUICK).fit(X, labels)
    truth = np.column_stack([NEW["color"] == "red", NEW["age"] > 40])
    assert (model.predict(NEW) == truth).mean() > 0.95
    assert model.predict_proba(NEW).shape == (len(NEW), 2)
    assert model.score(NEW, truth.astype(int)) > 0.9


def test_several_outputs_with_gaps():
    targets = np.column_stack([AMOUNT, -3 * AMOUNT])
    targets[::5, 0] = targets[1::5, 1] = np.nan
    model = TabularMLPRegressor(**QUICK).fit(X, targets)
    y = model.predict(NEW)
    assert y.dtype == np.float64
    truth = np.column_stack([NEW_AMOUNT, -3 * NEW_AMOUNT])
    assert (((y - truth) ** 2).mean(axis=0) < 0.1 * truth.var(axis=0)).all()
    assert (y.max(axis=0) <= np.nanmax(targets, axis=0) + 1e-3).all()


def test_quantiles():
    noise = np.random.default_rng(0).normal(size=len(X)) * 4
    model = TabularMLPRegressor(loss="quantile", quantile=[0.1, 0.5, 0.9], **QUICK)
    low, middle, high = model.fit(X, AMOUNT + noise).predict(NEW).T
    assert (low <= middle).all()
    assert (middle <= high).all()
    truth = NEW_AMOUNT + np.random.default_rng(1).normal(size=len(X)) * 4
    for q, y in ((0.1, low), (0.5, middle), (0.9, high)):
        constant = np.full(len(y), np.quantile(AMOUNT + noise, q))
        assert mean_pinball_loss(truth, y, alpha=q) < mean_pinball_loss(truth, constant, alpha=q)


def test_counts():
    rate = np.exp(X["age"].to_numpy() / 20)
    y = np.random.default_rng(0).poisson(rate)
    model = TabularMLPRegressor(loss="poisson", **QUICK).fit(X, y)
    truth, counts = np.exp(NEW["age"] / 20), model.predict(NEW)
    assert (counts > 0).all()
    constant = np.full(len(NEW), y.mean())
    assert mean_poisson_deviance(truth, counts) < 0.3 * mean_poisson_deviance(truth, constant)


def test_predictions_stay_in_the_range_of_the_targets(regressor):
    far = NEW.assign(age=NEW["age"] * 100)
    assert regressor.predict(far).max() <= AMOUNT.max() * (1 + 1e-6)
    assert regressor.predict(far).min() >= AMOUNT.min() * (1 - 1e-6)


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_the_unit_of_a_target_changes_nothing(factor, regressor):
    other = clone(regressor).fit(X, AMOUNT * factor)
    assert_allclose(other.predict(NEW) / factor, regressor.predict(NEW), rtol=1e-2)


def test_spread_of_the_members(classifier, regressor):
    k = PRESETS["fast"].n_members
    each = regressor.member_predictions(NEW)
    y, std = regressor.predict(NEW, return_std=True)
    assert each.shape == (k, len(NEW))
    assert_allclose(std, each.std(axis=0, ddof=1), rtol=1e-6, atol=1e-12)
    assert_allclose(y, each.mean(axis=0), rtol=1e-6)
    proba = classifier.member_predictions(NEW)
    assert_allclose(proba.mean(axis=0), classifier.predict_proba(NEW), rtol=1e-6, atol=1e-12)


# Weights ------------------------------------------------------------------------------------------


@FEW_EPOCHS
@pytest.mark.parametrize("n", [12, 40])
def test_weights_of_small_tables_count_like_repetition(n):
    rng = np.random.default_rng(n)
    data, w = rng.normal(size=(n, 3)), rng.integers(0, 4, n)
    for kind, y in ((TabularMLPRegressor, data[:, 0]), (TabularMLPClassifier, data[:, 0] > 0)):
        model = quick(kind).fit(data, y, sample_weight=w)
        repeated = clone(model).fit(np.repeat(data, w, axis=0), np.repeat(y, w))
        method = "predict_proba" if kind is TabularMLPClassifier else "predict"
        of_weights, of_copies = (getattr(m, method)(data) for m in (model, repeated))
        assert_allclose(of_weights, of_copies, rtol=1e-4, atol=1e-5)


@FEW_EPOCHS
def test_weights_pull_predictions():
    data, y = (
        np.random.default_rng(0).normal(size=(300, 1)),
        np.arange(300) % 2 * 10.0,
    )  # noise: only the mean is there
    w = np.where(y > 0, 9.0, 1.0)
    model = TabularMLPRegressor(**QUICK)
    assert model.fit(data, y).predict(data).mean() == pytest.approx(5, abs=1)
    assert model.fit(data, y, w).predict(data).mean() == pytest.approx(9, abs=1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # a rare class
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # one class only
def test_class_weights_find_the_rare_class():
    rare = np.random.default_rng(0).random(len(X)) < np.where(X["age"] > 50, 0.4, 0.02)
    plain, balanced = (
        TabularMLPClassifier(class_weight=w, **QUICK).fit(X, rare) for w in (None, "balanced")
    )
    assert balanced.predict(X)[rare].mean() > plain.predict(X)[rare].mean()
    assert balanced.predict_proba(X)[:, 1].mean() > 1.5 * plain.predict_proba(X)[:, 1].mean()


# Validation ---------------------------------------------------------------------------------------


def test_a_validation_table_chooses_the_epoch():
    model = TabularMLPClassifier(**QUICK).fit(X, Y, X_val=NEW[NEW.columns[::-1]], y_val=NEW_Y)
    each = model.member_predictions(NEW)
    losses = [log_loss(NEW_Y, proba) for proba in each]
    for i, loss in enumerate(losses, 1):
        column = [row[f"validation_loss[{i}]"] for row in model.history_]
        assert min(column) == pytest.approx(loss, rel=1e-4)
    weighted = clone(model).fit(
        X, Y, X_val=NEW, y_val=NEW_Y, sample_weight_val=np.where(NEW_Y == "yes", 1.0, 3.0)
    )
    assert weighted.history_[0]["validation_loss"] != model.history_[0]["validation_loss"]


def test_a_validation_table_that_does_not_fit():
    with pytest.raises(ValueError, match=r"^X_val cannot be used: .* lacks 'age'"):
        quick(TabularMLPClassifier).fit(X, Y, X_val=NEW.drop(columns="age"), y_val=NEW_Y)
    with pytest.raises(ValueError, match="needs both X_val and y_val"):
        quick(TabularMLPClassifier).fit(X, Y, X_val=NEW)
    with pytest.raises(ValueError, match="y_val|validation set"):
        quick(TabularMLPClassifier).fit(X, Y, X_val=NEW, y_val=NEW_Y[:3])


@pytest.mark.parametrize(("n", "n_groups"), [(240, 24), (240, 3), (12, 4)])
def test_groups_are_held_out_together(n, n_groups):
    groups = np.arange(n) % n_groups
    seen = {}

    class Spy(MLPClassifier):
        def _to_network(self, state, rows, learn, advice):
            seen.setdefault("parts", rows.parts)
            return super()._to_network(state, rows, learn, advice)

    class Table(TabularMLPClassifier):
        _network = Spy

    quick(Table, n_members=4).fit(X[:n], Y[:n], groups=groups)
    if seen["parts"] is None:
        assert n < 16  # too few to hold any out
        return
    _, held = seen["parts"]
    assert held.any(axis=1).all()
    for group in range(n_groups):
        assert len(np.unique(held[:, groups == group], axis=1).T) == 1


# scikit-learn's tools -----------------------------------------------------------------------------


def test_parameters_are_copied_and_set():
    model = TabularMLPRegressor("best", encoder=TableEncoder(bins=4), network_params={"alpha": 1.0})
    copy = clone(model)
    assert copy.get_params()["encoder__bins"] == 4
    assert copy.encoder is not model.encoder
    assert repr(copy) == repr(model)
    copy.set_params(encoder__bins=8, preset="fast", max_time=2)
    assert (copy.encoder.bins, copy.preset, model.encoder.bins) == (8, "fast", 4)


def test_parameters_of_an_encoder_that_is_not_there_yet():
    model = TabularMLPRegressor().set_params(encoder__bins=8)
    assert model.encoder.bins == 8
    with pytest.raises(ValueError, match="Invalid parameter 'pins'"):
        TabularMLPRegressor().set_params(encoder__pins=8)
    with pytest.raises(ValueError, match="Did you mean 'preset'"):
        TabularMLPRegressor().set_params(pre_set="fast")


@FEW_EPOCHS
def test_search_over_the_parts():
    grid = {
        "encoder__bins": [None, 4],
        "preset": ["fast", "best"],
        "network_params": [{"min_steps": 0, "max_iter": n} for n in (1, 20)],
    }
    search = GridSearchCV(TabularMLPRegressor(random_state=0), grid, cv=2).fit(X, AMOUNT)
    assert search.best_params_["network_params"]["max_iter"] == 20
    assert search.best_estimator_.encoder_.bins == search.best_params_["encoder__bins"]
    assert_array_equal(search.predict(NEW), search.best_estimator_.predict(NEW))


def test_cross_validation():
    scores = cross_val_score(TabularMLPClassifier(**QUICK), X, Y, cv=3)
    assert scores.mean() > 0.85
    groups = np.arange(len(X)) // 10
    quick_one = quick(TabularMLPClassifier)
    assert len(cross_val_score(quick_one, X, Y, groups=groups, cv=GroupKFold(3))) == 3


def test_inside_other_estimators():
    pipeline = make_pipeline(
        FunctionTransformer(lambda X: X.assign(old=X["age"] > 40)), quick(TabularMLPClassifier, 30)
    )
    assert pipeline.fit(X, Y).score(NEW, NEW_Y) > 0.8
    assert "old" in pipeline[-1].feature_names_in_
    calibrated = CalibratedClassifierCV(quick(TabularMLPClassifier), cv=2).fit(X, Y)
    assert calibrated.predict_proba(NEW).shape == (len(NEW), 2)
    target = TransformedTargetRegressor(
        quick(TabularMLPRegressor, 30), func=np.log, inverse_func=np.exp
    )
    assert target.fit(X, AMOUNT).score(NEW, NEW_AMOUNT) > 0.5
    stack = StackingClassifier([("mlp", quick(TabularMLPClassifier))], LogisticRegression(), cv=2)
    assert stack.fit(X, Y).score(NEW, NEW_Y) > 0.6


@pytest.mark.parametrize("kind", [TabularMLPClassifier, TabularMLPRegressor])
def test_pickles(kind):
    y = Y if kind is TabularMLPClassifier else AMOUNT
    one, other = (quick(kind, verbose=False).fit(X, y) for _ in range(2))
    assert pickle.dumps(one) == pickle.dumps(other)
    loaded = pickle.loads(pickle.dumps(one))
    assert pickle.dumps(loaded) == pickle.dumps(pickle.loads(pickle.dumps(loaded)))
    assert_array_equal(loaded.predict(NEW), one.predict(NEW))
    assert_array_equal(loaded.member_predictions(NEW), one.member_predictions(NEW))
    assert_array_equal(loaded.fit(X, y).predict(NEW), one.predict(NEW))


def test_same_seed_same_bits():
    fits = [quick(TabularMLPRegressor, random_state=seed).fit(X, AMOUNT) for seed in (1, 1, 2)]
    same, again, other = (model.predict(NEW) for model in fits)
    assert_array_equal(same, again)
    assert not np.allclose(same, other)
    assert_array_equal(fits[0].feature_importances_, fits[1].feature_importances_)
    free = [quick(TabularMLPRegressor, random_state=None).fit(X, AMOUNT) for _ in range(2)]
    assert not np.allclose(*(model.predict(NEW) for model in free))
    source = np.random.RandomState(0)
    drawn = [quick(TabularMLPRegressor, random_state=source).fit(X, AMOUNT) for _ in range(2)]
    assert not np.allclose(*(model.predict(NEW) for model in drawn))


# Checks and Displays ------------------------------------------------------------------------------


def wrapped(model, X, y):
    """The model itself, in a pipeline, and in a search."""
    yield model
    yield make_pipeline(FunctionTransformer(), model).fit(X, y)
    yield GridSearchCV(model, {"n_members": [2]}, cv=2).fit(X, y)


@pytest.mark.parametrize(
    ("kind", "y"), [(TabularMLPClassifier, Y), (TabularMLPRegressor, AMOUNT)], ids=["c", "r"]
)
def test_checks_and_displays_see_the_network(kind, y):
    for model in wrapped(quick(kind).fit(X, y), X, y):
        report = check_gradients(model, X[:40], y[:40])
        assert report.passed
        assert any(check.block == "scale[1]" for check in report.blocks)
        names = [point.name for point in check_signals(model, X, y).points]
        assert "fitted weights, member 2" in names
        shift = check_shift(model, NEW.assign(color="red"))
        assert shift["color"].verdict == "SHIFTED"
        assert shift["age"].verdict == "OK"
        assert len(LossCurveDisplay.from_estimator(model).history) == 10
        LossSurfaceDisplay.from_estimator(model, X[:40], y[:40])
        SignalPropagationDisplay.from_estimator(model, X, y)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_transformers_that_give_frames(output, classifier):
    """What `set_config` asks of transformers is none of the parts' business."""
    with config_context(transform_output=output):
        model = clone(classifier).fit(X, Y, X_val=NEW, y_val=NEW_Y)
        proba = model.predict_proba(NEW)
        few = clone(classifier).set_params(network_params={"max_iter": 5, "min_steps": 0}).fit(X, Y)
        assert check_gradients(few, X[:40], Y[:40]).passed
    assert_array_equal(
        proba, clone(classifier).fit(X, Y, X_val=NEW, y_val=NEW_Y).predict_proba(NEW)
    )


def test_metadata_routing():
    weight, groups = np.arange(len(X)) % 3, np.arange(len(X)) // 4
    with config_context(enable_metadata_routing=True):
        model = quick(TabularMLPRegressor).set_fit_request(groups=True, sample_weight=True)
        model.set_score_request(sample_weight=True)
        params = {"groups": groups, "sample_weight": weight}
        found = cross_validate(model, X, AMOUNT, cv=GroupKFold(3), params=params)
    assert np.isfinite(found["test_score"]).all()


@pytest.mark.parametrize(
    "check", [check_gradients, check_signals, LossSurfaceDisplay.from_estimator]
)
def test_checks_ask_for_a_fit(check):
    with pytest.raises(TypeError, match="got TabularMLPClassifier; fit it first"):
        check(TabularMLPClassifier(), X, Y)
    with pytest.raises(TypeError, match="got TabularMLPClassifier; fit it first"):
        check_shift(TabularMLPClassifier(), X)
    with pytest.raises(TypeError, match=r"got TabularMLPClassifier\.$"):
        record_path(TabularMLPClassifier(), X, Y)


# Warnings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_diabetes])
def test_ordinary_data_give_no_warning(load, preset):
    kind = TabularMLPRegressor if load is load_diabetes else TabularMLPClassifier
    data, y = load(return_X_y=True, as_frame=True)
    model = kind(preset, random_state=0, network_params={"min_steps": 60})
    assert model.fit(data[::2], y[::2]).score(data[1::2], y[1::2]) > 0.3


@pytest.mark.parametrize("n", [2, 3, 5, 20, 60])
def test_few_rows_give_no_warning(n):
    data = np.random.default_rng(0).normal(size=(n, 4))
    assert TabularMLPRegressor(**QUICK).fit(data, data[:, 0]).score(data, data[:, 0]) > 0.8
    y = np.arange(n) % 2
    assert quick(TabularMLPClassifier, 40).fit(data + 9 * y[:, np.newaxis], y).n_iter_ == 40


def test_the_share_that_the_user_chose_is_spoken_of():
    with pytest.warns(ConvergenceWarning, match=r"The validation part has only \d rows"):
        quick(TabularMLPRegressor, network_params={"validation_fraction": 0.05}).fit(
            X[:60], AMOUNT[:60]
        )


def test_a_fit_that_learned_nothing_says_so():
    model = quick(TabularMLPClassifier, network_params={"learning_rate_init": 1e-9})
    with pytest.warns(ConvergenceWarning, match="The network learned nothing") as caught:
        model.fit(X, Y)
    assert [w.filename for w in caught] == [__file__]  # the line that asked for the fit


# Bad input ----------------------------------------------------------------------------------------

INFINITE = X.assign(age=np.r_[np.inf, X["age"][1:]])
GAPS = AMOUNT.copy()
GAPS[3] = np.nan
BAD = {
    "no columns": ({}, X[[]], AMOUNT, "X has no columns"),
    "no rows": ({}, X[:0], AMOUNT[:0], "X has no rows"),
    "one row": ({}, X[:1], AMOUNT[:1], "X has one row"),
    "constant": ({}, X[["country"]], AMOUNT, "X has no column that varies"),
    "lists": ({}, X.assign(age=[[1]] * len(X)), AMOUNT, "Column 'age' of X holds values of type"),
    "twice": ({}, X[["age", "age"]], AMOUNT, "X has several columns named 'age'"),
    "mixed": ({}, X.assign(age=[1, "a"] * (len(X) // 2)), AMOUNT, "mixes numbers and text"),
    "infinite": ({}, INFINITE, AMOUNT, "infinity"),
    "gap in y": ({}, X, GAPS, "there is no target (NaN, None or NA) in 1 of 240 rows"),
    "infinite y": ({}, X, np.r_[np.inf, AMOUNT[1:]], "infinity"),
    "no y": ({}, X, None, "requires y"),
    "short y": ({}, X, AMOUNT[:5], "inconsistent numbers of samples"),
    "words": ({}, X, Y, "y"),
    "no members": ({"n_members": 0}, X, AMOUNT, "'n_members' parameter"),
    "too many": ({"n_members": 241}, X, AMOUNT, "n_members=241 is more than the 240 rows"),
    "no time": ({"max_time": 0}, X, AMOUNT, "'max_time' parameter"),
    "preset": ({"preset": "Fast"}, X, AMOUNT, "Did you mean 'fast'?"),
    "loss": ({"loss": "mse"}, X, AMOUNT, "Did you mean 'squared_error'?"),
    "misspelled": (
        {"network_params": {"dropuot": 0.1}},
        X,
        AMOUNT,
        "network_params has 'dropuot', which is no parameter of MLPRegressor. Did you mean "
        "'dropout'?",
    ),
    "value": ({"network_params": {"dropout": 7}}, X, AMOUNT, "The 'dropout' parameter of MLPReg"),
    "twice categories": (
        {"encoder": TableEncoder(), "categorical_features": ["color"]},
        X,
        AMOUNT,
        "categorical_features and encoder are both given",
    ),
    "unknown category": ({"categorical_features": ["colour"]}, X, AMOUNT, "Did you mean 'color'?"),
    "bad encoder": (
        {"encoder": TableEncoder(bins=1)},
        X,
        AMOUNT,
        "The 'bins' parameter of TableEncoder",
    ),
    "another encoder": ({"encoder": Ridge()}, X, AMOUNT, "'encoder' parameter"),
    "amounts": ({"loss": "gamma"}, X, AMOUNT - 50, "loss='gamma' needs targets y > 0"),
    "weights": ({}, X, AMOUNT, "negative"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    params, data, y, said = BAD[name]
    model = quick(TabularMLPRegressor, 10).fit(X, AMOUNT)
    before, state = model.predict(NEW), dict(vars(model))
    weights = {"sample_weight": -np.ones(len(X))} if name == "weights" else {}
    with pytest.raises((ValueError, TypeError), match=re.escape(said)) as caught:
        model.set_params(**params).fit(data, y, **weights)
    assert "\n" not in str(caught.value)
    assert {k: v for k, v in vars(model).items() if k.endswith("_")} == {
        k: v for k, v in state.items() if k.endswith("_")
    }
    assert_array_equal(model.predict(NEW), before)


def test_gaps_in_classes():
    y = Y.astype(object)
    y[3] = None
    with pytest.raises(ValueError, match="1 of 240 rows, the first of them row 3"):
        quick(TabularMLPClassifier).fit(X, y)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "score"])
def test_questions_before_fit(method):
    with pytest.raises(NotFittedError, match="TabularMLPClassifier instance is not fitted"):
        getattr(TabularMLPClassifier(), method)(X, *([Y] if method == "score" else []))


def test_one_class_is_what_it_is_for_mlpclassifier():
    y = np.full(len(X), "all")
    with pytest.warns(ConvergenceWarning):
        other = MLPClassifier(max_iter=2).fit(X[["age"]].to_numpy(), y)
    model = quick(TabularMLPClassifier).fit(X, y)
    assert_array_equal(model.predict(NEW), other.predict(NEW[["age"]].to_numpy()))
    assert_array_equal(model.predict_proba(NEW), other.predict_proba(NEW[["age"]].to_numpy()))
    constant = quick(TabularMLPRegressor).fit(X, np.full(len(X), 7.0))
    assert_allclose(constant.predict(NEW), 7.0)


def test_a_class_of_one_row_is_trained_by_all_members():
    y = np.where(np.arange(len(X)) == 5, "rare", Y)
    with pytest.warns(ConvergenceWarning, match="The classes 'rare' are only trained on"):
        model = quick(TabularMLPClassifier).fit(X, y)
    assert model.predict_proba(X).shape == (len(X), 3)


@FEW_EPOCHS
def test_more_columns_than_rows():
    wide = np.random.default_rng(0).normal(size=(30, 200))
    assert np.isfinite(quick(TabularMLPRegressor).fit(wide, wide[:, 0]).predict(wide)).all()


def test_a_category_of_100_000_values_stays_small():
    n = 120_000
    codes = np.r_[np.arange(100_000), np.random.default_rng(0).integers(0, 100_000, n - 100_000)]
    data = pd.DataFrame({"customer": [f"c{code}" for code in codes], "x": codes % 7})
    model = quick(TabularMLPRegressor, 1, network_params={"batch_size": 4096})
    model.fit(data, data["x"] * 1.0)
    assert len(model.encoder_.origin_) < 40
    assert np.isfinite(model.predict(data[:9].assign(customer="new"))).all()


@pytest.mark.parametrize("data", [np.arange(1000) % 4, np.arange(1000) % 2 > 0])
def test_many_rows_of_which_few_are_different(data):
    y = (data > 0).astype(float)
    model = quick(TabularMLPRegressor, 30).fit(data[:, np.newaxis], y)
    assert model.score(data[:, np.newaxis], y) > 0.8
    assert (
        quick(TabularMLPClassifier, 30)
        .fit(data[:, np.newaxis], y > 0)
        .score(data[:, np.newaxis], y > 0)
        > 0.9
    )


# Presets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("n_rows", [2, 10, 63, 500, 5000, 10**6])
def test_a_preset_is_a_network_for_each_size(preset, n_rows):
    for kind in (TabularMLPClassifier, TabularMLPRegressor):
        parameters = network_parameters(preset, n_rows)
        network = kind._network(**parameters)
        network._validate_params()
        assert 1 <= network.batch_size <= n_rows
        assert network.n_members == PRESETS[preset].n_members


def test_what_is_given_takes_the_place_of_the_preset():
    model = quick(TabularMLPRegressor, n_members=3, network_params={"activation": "tanh"})
    network = model.fit(X, AMOUNT).network_
    assert (network.activation, network.n_members, network.max_iter) == ("tanh", 3, 10)
    assert np.any(network.input_scale)
    encoder = TableEncoder(bins=5)
    model = quick(TabularMLPRegressor, encoder=encoder, network_params={"n_members": 1})
    assert model.fit(X, AMOUNT).encoder_.bins == 5
    assert model.encoder_ is not encoder
    assert len(model.member_predictions(NEW)) == 1


@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": False},
        {"n_iter_no_change": 2},
        {"scoring": "r2"},
        {"solver": "adam", "weight_decay": 0.0},
        {"dropout": 0.0},
        {"average": 0.9},
        {"batch_norm": True},
        {"dtype": "float64"},
        {"hidden_layer_sizes": (8,)},
        {"solver": "lbfgs", "dropout": 0.0, "weight_decay": 0.0, "tol": 0.1},
    ],
    ids=str,
)
def test_parameters_of_the_network(params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # limits of so few epochs
        model = quick(TabularMLPRegressor, 30, network_params=params).fit(X, AMOUNT)
    assert model.score(NEW, NEW_AMOUNT) > 0.3
    assert model.feature_importances_.argmax() in (1, 5)


@pytest.mark.parametrize("n", [20, 100])
def test_small_tables_are_learned(n):
    rng = np.random.default_rng(3)
    data, new = rng.normal(size=(n, 3)), rng.normal(size=(500, 3))
    model = TabularMLPRegressor(random_state=0).fit(data, data[:, 0])
    assert model.score(new, new[:, 0]) > 0.6
