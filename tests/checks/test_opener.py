"""One opener: the network or the normalizer in whatever holds it, and the data as they reach it."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from sknn_opt import (
    InputNormalizer,
    LossCurveDisplay,
    LossSurfaceDisplay,
    MLPClassifier,
    MLPRegressor,
    NormalizationDisplay,
    check_gradients,
    check_shift,
    check_signals,
    record_path,
)
from sknn_opt.checks.opener import open_network, open_normalizer
from sknn_opt.search import CoarseToFineSearchCV, LogUniform

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FRAME, LABELS = load_iris(return_X_y=True, as_frame=True)
LABELS = LABELS.map(dict(enumerate(["setosa", "versicolor", "virginica"])))
NAMES = list(FRAME.columns)
ROWS = FRAME.to_numpy()
TABLE, TARGET = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
TABLE, TARGET = TABLE[:120], TARGET[:120]
TWO_LABELS = np.column_stack([LABELS, LABELS == "setosa"]).astype(object)
TWO_LABELS[:, 1] = np.where(TWO_LABELS[:, 1], "yes", "no")
TWO_TARGETS = np.column_stack([TARGET, -2 * TARGET])


def net():
    return MLPClassifier((4, 4), max_iter=3, batch_size=30, random_state=0)


def pipe(model=None):
    return make_pipeline(InputNormalizer(), net() if model is None else model)


def regressor():
    model = MLPRegressor((4,), max_iter=3, random_state=0)
    return make_pipeline(InputNormalizer(), model)


def columns():
    return ColumnTransformer(
        [
            ("no", MinMaxScaler(), [0]),
            ("some", make_pipeline(SimpleImputer(), InputNormalizer()), [3, 1]),
        ]
    )


def last(fitted):
    return fitted[-1]


def first_member(fitted):
    return fitted.estimators_[0][-1]


def second_member(fitted):
    return fitted.estimators_[1][-1]


FLOWERS, PATIENTS = (FRAME, LABELS), (TABLE, TARGET)
ONE_BY_ONE = [("line", LogisticRegression(max_iter=999)), ("a", pipe()), ("b", pipe())]
SCALED_TARGET = TransformedTargetRegressor(regressor(), transformer=StandardScaler())
LOG_TARGET = TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp)
LINE_AND_NET = [("line", LinearRegression()), ("net", regressor())]
BAG = BaggingClassifier(pipe(), 3, max_features=0.5, random_state=3)
UNION = make_union(PCA(2), StandardScaler())
THRESHOLD = TunedThresholdClassifierCV(pipe(), cv=2)

# name: (estimator, X, y, the way to its network when fitted, how many it holds)
CONTAINERS = {
    "itself": (net(), *FLOWERS, lambda e: e, 1),
    "scikit-learn's": (pipe(SklearnMLPClassifier((4,))), *FLOWERS, last, 1),
    "pipeline": (make_pipeline(SimpleImputer(), pipe()), *FLOWERS, lambda e: e[1][1], 1),
    "columns": (make_pipeline(columns(), net()), *FLOWERS, last, 1),
    "union": (make_pipeline(UNION, net()), *FLOWERS, last, 1),
    "features": (make_pipeline(*pipe(), LogisticRegression()), *FLOWERS, lambda e: e[1], 1),
    "target": (SCALED_TARGET, *PATIENTS, lambda e: e.regressor_[-1], 1),
    "function of the target": (
        make_pipeline(StandardScaler(), LOG_TARGET),
        *PATIENTS,
        lambda e: e[1].regressor_[-1],
        1,
    ),
    "calibrated": (
        CalibratedClassifierCV(pipe(), cv=3),
        *FLOWERS,
        lambda e: e.calibrated_classifiers_[0].estimator[-1],
        3,
    ),
    "stacking": (StackingClassifier(ONE_BY_ONE, cv=2), *FLOWERS, second_member, 2),
    "stacking regressor": (
        StackingRegressor([("net", regressor())], cv=2),
        *PATIENTS,
        first_member,
        1,
    ),
    "voting": (
        VotingClassifier([("out", "drop"), ("a", pipe()), ("b", pipe())]),
        *FLOWERS,
        first_member,
        2,
    ),
    "voting regressor": (VotingRegressor(LINE_AND_NET), *PATIENTS, second_member, 1),
    "bagging": (BAG, *FLOWERS, first_member, 3),
    "bagging regressor": (BaggingRegressor(regressor(), 2), *PATIENTS, first_member, 2),
    "outputs": (MultiOutputClassifier(pipe()), FRAME, TWO_LABELS, first_member, 2),
    "output regressor": (MultiOutputRegressor(regressor()), TABLE, TWO_TARGETS, first_member, 2),
    "chain": (RegressorChain(regressor(), order=[1, 0]), TABLE, TWO_TARGETS, first_member, 2),
    "one against the rest": (OneVsRestClassifier(pipe()), *FLOWERS, first_member, 3),
    "threshold": (THRESHOLD, FRAME, LABELS == "setosa", lambda e: e.estimator_[-1], 1),
}


@pytest.fixture(scope="module", params=CONTAINERS)
def container(request):
    estimator, X, y, inside, n = CONTAINERS[request.param]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = clone(estimator).fit(X, y)
    return fitted, X, y, inside(fitted), n


def check_that_it_is_its_own(network, X, y):
    """The data are such as the network was trained on: it knows the classes, in its units."""
    assert np.shape(X)[1] == network.n_features_in_
    if hasattr(network, "classes_"):
        np.testing.assert_array_equal(
            np.unique(np.asarray(y).astype(str)), np.asarray(network.classes_).astype(str)
        )


# Networks ----------------------------------------------------------------------------------------


def test_a_fitted_container(container):
    fitted, X, y, network, n = container
    opened = open_network(fitted, X, y)
    assert opened.part is network
    check_that_it_is_its_own(network, opened.X, opened.y)
    assert len(opened.names) == network.n_features_in_
    holds = [note for note in opened.notes if "the first was looked at" in note]
    assert holds == (
        [f"{type(fitted).__name__} holds {n} networks: the first was looked at"] * (n > 1)
    )
    np.testing.assert_allclose(network.predict(opened.X).shape[0], len(X))
    assert len(check_signals(fitted, X, y).points) == 2
    assert check_signals(fitted, X).notes == (
        *opened.notes,
        "without y there are no gradient norms",
    )


def test_a_container_that_is_not_fitted(container):
    fitted, X, y, network, _ = container
    fresh = clone(fitted)
    opened = open_network(fresh, X, y)
    assert type(opened.part) is type(network)
    assert not hasattr(opened.part, "n_features_in_")
    report = check_signals(fresh, X, y)
    assert [point.name for point in report.points] == ["initial weights"]
    has_steps = hasattr(fresh, "steps") or "pipeline" in repr(fresh).lower()
    assert any("copies of its steps" in note for note in report.notes) == has_steps
    with pytest.raises(NotFittedError, match="has no history yet: call fit first"):
        open_network(fresh, X, y, "LossCurveDisplay", fitted=True)


def test_arrays_and_displays(container):
    fitted, X, y, network, _ = container
    if isinstance(network, SklearnMLPClassifier):
        display = LossCurveDisplay.from_estimator(fitted)
        assert [row["loss"] for row in display.history] == network.loss_curve_
        return
    assert LossCurveDisplay.from_estimator(fitted).history is network.history_
    opened = open_network(fitted, X, y)
    surface = LossSurfaceDisplay.from_estimator(fitted, X, y, n_points=3)
    expected = network.objective(opened.X, opened.y).value(network.theta_)
    assert surface.values[1, 1] == pytest.approx(expected)
    arrays = clone(fitted).fit(X.to_numpy(), y)
    again = open_network(arrays, X.to_numpy(), y)
    check_that_it_is_its_own(again.part, again.X, again.y)


def test_the_data_go_through_the_steps():
    model = make_pipeline(columns(), net()).fit(FRAME, LABELS)
    opened = open_network(model, FRAME, LABELS)
    np.testing.assert_array_equal(opened.X, model[0].transform(FRAME))
    assert opened.y is LABELS
    assert opened.names == [f"no__{NAMES[0]}", f"some__{NAMES[3]}", f"some__{NAMES[1]}"]
    without = make_pipeline(FunctionTransformer(np.log1p), InputNormalizer(), net())
    assert open_network(without.fit(FRAME, LABELS), FRAME).names == NAMES
    assert open_network(net(), ROWS).names is None
    assert open_network(net(), FRAME).names == NAMES


def test_the_targets_are_those_of_the_network():
    estimator, *_ = CONTAINERS["target"]
    fitted = clone(estimator).fit(TABLE, TARGET)
    expected = (TARGET - TARGET.mean()) / TARGET.std(ddof=0)
    for model in (fitted, estimator):
        opened = open_network(model, TABLE, TARGET)
        np.testing.assert_allclose(opened.y, expected)
    assert "a copy of the transformer of y was fitted" in opened.notes
    codes = np.unique(LABELS, return_inverse=True)[1]
    for name in ("stacking", "voting", "bagging"):
        fitted = clone(CONTAINERS[name][0]).fit(FRAME, LABELS)
        np.testing.assert_array_equal(open_network(fitted, FRAME, LABELS).y, codes)
    fitted = clone(CONTAINERS["calibrated"][0]).fit(FRAME, LABELS)
    assert open_network(fitted, FRAME, LABELS).y is LABELS
    two = np.column_stack([LABELS == "setosa", LABELS == "virginica"]).astype(int)
    for y in (LABELS, LABELS == "setosa", two):
        model = OneVsRestClassifier(pipe())
        for state in (model, clone(model).fit(FRAME, y)):
            np.testing.assert_array_equal(open_network(state, FRAME, y).y, LABELS == "setosa")
    chain = ClassifierChain(pipe(), order=[1, 0]).fit(FRAME, TWO_LABELS == "yes")
    np.testing.assert_array_equal(open_network(chain, FRAME, TWO_LABELS).y, TWO_LABELS[:, 1])


def test_each_member_of_a_bag_has_its_columns():
    bag = BaggingClassifier(pipe(), 2, max_features=0.5, random_state=3).fit(FRAME, LABELS)
    chosen = bag.estimators_features_[0]
    opened = open_network(bag, FRAME, LABELS)
    assert opened.names == [NAMES[j] for j in chosen]
    expected = bag.estimators_[0][0].transform(ROWS[:, chosen])
    np.testing.assert_array_equal(opened.X, expected)


def test_a_network_on_top_of_a_stack():
    stack = StackingClassifier([("line", LogisticRegression(max_iter=999))], net(), cv=2)
    opened = open_network(stack.fit(FRAME, LABELS), FRAME, LABELS)
    assert opened.part is stack.final_estimator_
    np.testing.assert_array_equal(opened.X, stack.transform(FRAME))
    check_that_it_is_its_own(opened.part, opened.X, opened.y)


@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
def test_searches(search):
    options = {"n_iter": 1} if search is RandomizedSearchCV else {}
    model = search(pipe(), {"mlpclassifier__alpha": [0.1]}, cv=2, **options)
    hint = f"got {search.__name__}; fit it first, or pass the estimator in it"
    for holder in (model, make_pipeline(SimpleImputer(), model)):
        with pytest.raises(TypeError, match=hint):
            open_network(holder, FRAME, LABELS)
        holder = clone(holder).fit(FRAME, LABELS)
        last = holder[-1] if hasattr(holder, "steps") else holder
        assert open_network(holder, FRAME, LABELS).part is last.best_estimator_[-1]


def test_frozen_estimators():
    model = pipe().fit(FRAME, LABELS)
    frozen = CalibratedClassifierCV(FrozenEstimator(model)).fit(FRAME, LABELS)
    opened = open_network(frozen, FRAME, LABELS)
    assert opened.part is model[-1]
    np.testing.assert_array_equal(opened.X, model[0].transform(FRAME))


@pytest.mark.parametrize(
    ("estimator", "found"),
    [
        (3, "int"),
        (LogisticRegression(), "LogisticRegression"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "LogisticRegression"),
        (make_pipeline(StandardScaler(), "passthrough"), "Pipeline"),
        (TransformedTargetRegressor(), "TransformedTargetRegressor"),
        (BaggingClassifier(LogisticRegression()), "LogisticRegression"),
        (
            VotingRegressor([("a", LinearRegression()), ("b", LinearRegression())]),
            "VotingRegressor",
        ),
        (
            OneVsOneClassifier(net()),
            "OneVsOneClassifier; pass the estimator in it",
        ),
    ],
)
def test_where_there_is_no_network(estimator, found):
    if isinstance(estimator, OneVsOneClassifier):  # whose members see some of the rows
        estimator.fit(FRAME, LABELS)
    message = f"takes an MLPClassifier or MLPRegressor of sknn_opt or scikit-learn, .*got {found}"
    with pytest.raises(TypeError, match=message):
        open_network(estimator, FRAME, LABELS)
    with pytest.raises(
        TypeError, match=f"needs a fitted MLP.* of sknn_opt or scikit-learn, or.*got {found}"
    ):
        LossCurveDisplay.from_estimator(estimator)


def test_steps_that_cannot_be_fitted_here():
    with pytest.raises(ValueError, match="copy of its step 'selectkbest'.*pass y too"):
        open_network(make_pipeline(SelectKBest(k=2), net()), FRAME)
    half = make_pipeline(StandardScaler(), net().fit(FRAME, LABELS))
    with pytest.raises(NotFittedError):
        LossSurfaceDisplay.from_estimator(half, FRAME, LABELS)


def test_a_path_is_recorded_in_place_only():
    assert len(record_path(make_pipeline(SimpleImputer(), pipe()), FRAME, LABELS)) == 4
    for estimator, found in (
        (BaggingClassifier(net()), "BaggingClassifier; pass the estimator in it"),
        (GridSearchCV(net(), {}), "GridSearchCV; pass the estimator in it"),
        (pipe(SklearnMLPClassifier()), "scikit-learn's MLPClassifier"),
        (TransformedTargetRegressor(regressor()), "TransformedTargetRegressor"),
    ):
        with pytest.raises(TypeError, match=f"or a pipeline that ends with one; got {found}."):
            record_path(estimator, FRAME, LABELS)


# Normalizers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, np.array, pd.Index])
def test_a_normalizer_of_some_columns(kind):
    for chosen in ([NAMES[3], NAMES[1]], [3, 1]):
        transformer = ColumnTransformer(
            [
                ("no", "passthrough", [0]),
                ("some", make_pipeline(SimpleImputer(), InputNormalizer()), kind(chosen)),
            ]
        )
        model = make_pipeline(transformer, net()).fit(FRAME, LABELS)
        opened = open_normalizer(model, FRAME)
        assert opened.part is model[0].named_transformers_["some"][1]
        assert opened.names == [NAMES[3], NAMES[1]]
        np.testing.assert_array_equal(opened.X, ROWS[:, [3, 1]])
    report = check_shift(model, FRAME[:50])
    plain = InputNormalizer().fit(ROWS[:, [3, 1]])
    assert [f.name for f in report.features] == [NAMES[3], NAMES[1]]
    for one, other in zip(
        report.features, check_shift(plain, ROWS[:50, [3, 1]]).features, strict=True
    ):
        assert one.mean_difference == pytest.approx(other.mean_difference, rel=1e-12)
    assert NormalizationDisplay.from_estimator(model, FRAME).names == [NAMES[3], NAMES[1]]


@pytest.mark.parametrize("which", [slice(1, 3), [False, True, True, False], [1, 2]])
def test_columns_of_arrays_have_their_numbers(which):
    model = ColumnTransformer([("some", InputNormalizer(), which)]).fit(ROWS)
    opened = open_normalizer(model, ROWS)
    assert opened.names == ["x1", "x2"]
    np.testing.assert_array_equal(opened.X, ROWS[:, 1:3])
    assert open_normalizer(model, ROWS.tolist()).names == ["x1", "x2"]


def test_columns_by_selector_and_the_remainder():
    model = ColumnTransformer(
        [("no", MinMaxScaler(), lambda X: [0])], remainder=InputNormalizer()
    ).fit(FRAME)
    assert open_normalizer(model, FRAME).names == NAMES[1:]


def test_two_branches_with_a_normalizer():
    model = ColumnTransformer(
        [("a", StandardScaler(), [0]), ("b", InputNormalizer(), [1]), ("c", InputNormalizer(), [2])]
    ).fit(FRAME)
    opened = open_normalizer(model, FRAME)
    assert opened.names == [NAMES[1]]
    assert opened.notes == ("ColumnTransformer holds 2 normalizers: the first was looked at",)
    assert "note: ColumnTransformer holds 2 normalizers" in str(check_shift(model, FRAME))


def test_the_first_normalizer_of_a_pipeline():
    two = make_pipeline(SimpleImputer(), InputNormalizer(), PCA(2), InputNormalizer()).fit(FRAME)
    assert open_normalizer(two, FRAME).part is two[1]
    later = make_pipeline(StandardScaler(), PCA(2), InputNormalizer()).fit(FRAME)
    opened = open_normalizer(later, FRAME)
    assert opened.part is later[2]
    assert opened.names == ["pca0", "pca1"]
    union = make_pipeline(make_union(PCA(2), StandardScaler())).fit(FRAME)
    assert open_normalizer(union, FRAME).part is union[0].transformer_list[1][1]


def test_the_normalizer_in_a_container(container):
    fitted, X, _, network, _ = container
    if fitted is network:
        with pytest.raises(TypeError, match="got MLPClassifier"):
            open_normalizer(fitted, X)
        return
    opened = open_normalizer(fitted, X)
    assert isinstance(opened.part, InputNormalizer | StandardScaler)
    assert opened.X.shape[1] == len(opened.names) == opened.part.n_features_in_
    with pytest.raises(NotFittedError):
        open_normalizer(clone(fitted), X)


def test_where_there_is_no_normalizer():
    with pytest.raises(TypeError, match="check_shift needs an InputNormalizer, but the pipeline"):
        open_normalizer(make_pipeline(PCA()).fit(FRAME), FRAME)
    two = ColumnTransformer([("a", PCA(), [0]), ("b", MinMaxScaler(), [1])]).fit(FRAME)
    with pytest.raises(TypeError, match="fitted InputNormalizer, or a pipeline.*got ColumnTransf"):
        open_normalizer(two, FRAME)


# Gradients through pipelines and searches ---------------------------------------------------------


NETS = {"ours": net(), "scikit-learn's": SklearnMLPClassifier((4,), max_iter=3, random_state=0)}


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("fitted", [False, True])
def test_gradients_of_the_last_step(kind, fitted):
    model = make_pipeline(SimpleImputer(), make_union(StandardScaler(), PCA(2)), NETS[kind])
    if fitted:
        model.fit(FRAME, LABELS)
    report = check_gradients(model, FRAME[::8], LABELS[::8])
    assert report.passed
    assert report.blocks[0].shape[0] == 6  # the columns as the steps make them
    assert [point.name for point in report.points] == ["initial weights", "fitted weights"][
        : 1 + fitted
    ]
    assert len(report.notes) == (not fitted)
    weighted = check_gradients(model, FRAME[::8], LABELS[::8], sample_weight=np.arange(1, 20))
    assert weighted.passed


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize(
    "search",
    [
        lambda model, name: GridSearchCV(model, {f"{name}alpha": [0.1, 0.2]}, cv=2),
        lambda model, name: RandomizedSearchCV(model, {f"{name}alpha": [0.1]}, n_iter=1, cv=2),
        lambda model, name: CoarseToFineSearchCV(
            model, {f"{name}alpha": LogUniform(1e-3, 1)}, n_iter=4, cv=2, random_state=0
        ),
    ],
    ids=["grid", "random", "coarse to fine"],
)
def test_gradients_of_a_search(kind, search):
    name = f"{type(NETS[kind]).__name__.lower()}__"
    for model in (
        search(pipe(NETS[kind]), name),
        make_pipeline(StandardScaler(), search(NETS[kind], "")),
    ):
        with pytest.raises(TypeError, match="SearchCV; fit it first, or pass the estimator in it"):
            check_gradients(model, FRAME, LABELS)
        model.fit(FRAME, LABELS)
        report = check_gradients(model, FRAME[::8], LABELS[::8])
        assert report.passed
        assert report.points[-1].name == "fitted weights"


def test_a_search_that_keeps_no_estimator():
    search = GridSearchCV(net(), {"alpha": [0.1]}, cv=2, refit=False).fit(FRAME, LABELS)
    message = (
        "got GridSearchCV, which with refit=False keeps no estimator; pass the estimator in it"
    )
    with pytest.raises(TypeError, match=message):
        check_gradients(search, FRAME, LABELS)
