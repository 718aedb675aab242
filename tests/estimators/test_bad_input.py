"""Bad input: one clear sentence with the name, the finding and the remedy, and nothing is lost."""

import re
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Training stopped at max_iter")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
X_REG, Y_REG = load_diabetes(return_X_y=True)


def classifier(**parameters):
    return MLPClassifier(
        **{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0} | parameters
    )


def regressor(**parameters):
    return MLPRegressor(
        **{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0} | parameters
    )


def fails(estimator, X, y, message, error=ValueError, **fit):
    """Assert the error on a fresh estimator and on a fitted one, and that neither is changed."""
    fresh = estimator()
    state = vars(fresh).copy()
    with pytest.raises(error, match=message):
        fresh.fit(X, y, **fit)
    assert vars(fresh) == state
    with pytest.raises(NotFittedError):
        fresh.predict(X_REG)


BAD_PARAMETERS = [
    ({"dropout": 1.0}, r"'dropout' parameter.*in the range \[0\.0, 1\.0\).*Got 1\.0"),
    ({"dropout": -0.1}, r"'dropout' parameter.*in the range \[0\.0, 1\.0\).*Got -0\.1"),
    ({"dropout": [0.1, 1.5]}, r"dropout must be one rate in the range.*got \[0\.1, 1\.5\]"),
    (
        {"dropout": [0.1, 0.2]},
        r"dropout.*one rate for each of the 1 hidden layers; got a list of 2",
    ),
    ({"input_dropout": 1.0}, r"'input_dropout' parameter.*Got 1\.0"),
    ({"init": "wrong"}, "'init' parameter.*(?=.*he_normal)(?=.*orthogonal).*Got 'wrong'"),
    ({"activation": "wrong"}, "'activation' parameter.*(?=.*relu)(?=.*mish).*Got 'wrong'"),
    ({"solver": "wrong"}, "'solver' parameter.*(?=.*lbfgs)(?=.*adamw).*Got 'wrong'"),
    ({"init": lambda shape, rng, gain: np.zeros(3)}, r"init must return.*\(4, 5\).*shape \(3,\)"),
    ({"init": lambda shape, rng, gain: [[1.0], [1.0, 2.0]]}, "init must return.*list that is no"),
    ({"init": lambda shape, rng, gain: "he"}, "init must return.*str that is no array"),
    (
        {"init": lambda shape, rng, gain: np.full(shape, np.nan)},
        "init must return an array of finite numbers.*not finite",
    ),
    ({"hidden_layer_sizes": 0}, "'hidden_layer_sizes' parameter.*Got 0"),
    ({"hidden_layer_sizes": (5, 0)}, r"hidden_layer_sizes must be.*positive.*got \(5, 0\)"),
    ({"hidden_layer_sizes": (-5,)}, r"hidden_layer_sizes must be.*positive.*got \(-5,\)"),
    ({"hidden_layer_sizes": (8.0,)}, r"hidden_layer_sizes must be.*flat list.*got \(8\.0,\)"),
    ({"hidden_layer_sizes": [[8]]}, r"hidden_layer_sizes must be.*flat list.*got \[\[8\]\]"),
    ({"hidden_layer_sizes": (True,)}, r"hidden_layer_sizes must be.*got \(True,\)"),
    ({"max_iter": 0}, r"'max_iter' parameter.*\[1, inf\)\. Got 0"),
    ({"solver": "lbfgs", "dropout": 0.5}, "dropout needs a minibatch solver.*adam"),
    ({"random_state": "seed"}, "'random_state' parameter.*Got 'seed'"),
]


@pytest.mark.parametrize(("parameters", "message"), BAD_PARAMETERS)
@pytest.mark.parametrize("make", [classifier, regressor])
def test_bad_parameter(make, parameters, message):
    fails(lambda: make(**parameters), X, Y, message)
    if make(**parameters).solver != "lbfgs":
        with pytest.raises(ValueError, match=message):
            make(**parameters).partial_fit(
                X, Y, **({"classes": [0, 1, 2]} if make is classifier else {})
            )


@pytest.mark.parametrize("parameters", [{"dropout": 2.0}, {"init": "wrong"}, {"alpha": -1}])
def test_a_parameter_made_bad_later_is_found_by_partial_fit(parameters):
    net = classifier().fit(X, Y)
    before = net.predict_proba(X)
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter"):
        net.set_params(**parameters).partial_fit(X, Y)
    assert np.array_equal(net.predict_proba(X), before)


def spoiled(array, value):
    array = array.astype(type(value) if isinstance(value, complex) else float)
    array[3] = value
    return array


BAD_DATA = {
    "X with NaN": (spoiled(X, np.nan), Y, {}, "Input X contains NaN"),
    "X with inf": (spoiled(X, np.inf), Y, {}, "infinity .*, first in column 0 at row 3.$"),
    "complex X": (spoiled(X, 1j), Y, {}, "Complex data not supported"),
    "empty X": (X[:0], Y[:0], {}, r"0 sample\(s\)"),
    "one-dimensional X": (X[:, 0], Y, {}, "Expected 2D array"),
    "y with NaN": (X, spoiled(Y, np.nan), {}, "Input y contains NaN"),
    "y with inf": (X, spoiled(Y, np.inf), {}, "Input y contains infinity"),
    "no y": (X, None, {}, "requires y to be passed"),
    "X too large": (spoiled(X, 1e101), Y, {}, r"X holds 1e\+101 in column \d; .* beyond 1e\+100"),
    "lengths that differ": (X, Y[:-1], {}, r"inconsistent numbers of samples: \[150, 149\]"),
    "negative weights": (
        X,
        Y,
        {"sample_weight": spoiled(np.ones(150), -2)},
        r"is negative \(-2\) at row 3",
    ),
    "zero weights": (X, Y, {"sample_weight": np.zeros(150)}, "(?i)sample.?weight.*zero"),
    "weights with NaN": (X, Y, {"sample_weight": spoiled(np.ones(150), np.nan)}, "NaN"),
    "weights of another length": (X, Y, {"sample_weight": np.ones(3)}, r"sample_weight.*\(3,\)"),
}


@pytest.mark.parametrize("case", BAD_DATA)
@pytest.mark.parametrize("make", [classifier, regressor])
def test_bad_data_changes_nothing(make, case):
    bad_X, bad_y, fit, message = BAD_DATA[case]
    fails(make, bad_X, bad_y, message, **fit)
    net = make().fit(X, Y)
    before, state = net.predict(X), vars(net).copy()
    for method in (net.fit, net.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(bad_X, bad_y, **fit)
        assert np.array_equal(net.predict(X), before)
        assert vars(net).keys() == state.keys()
        assert all(vars(net)[key] is state[key] for key in state)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_features_that_differ():
    frame = load_iris(as_frame=True).data
    net = classifier().fit(frame, Y)
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):
        net.predict(X[:, :3])
    with pytest.raises(ValueError, match=r"feature names should match(.|\n)*wrong"):
        net.predict(frame.rename(columns={"petal width (cm)": "wrong"}))
    with pytest.raises(ValueError, match="feature names should match"):
        net.partial_fit(frame[frame.columns[::-1]], Y)
    # A failed fit on other columns does not forget the old ones.
    with pytest.raises(ValueError, match="NaN"):
        net.fit(frame.iloc[:, :2] * np.nan, Y)
    assert net.n_features_in_ == 4
    assert net.score(frame, Y) > 0.1


@pytest.mark.parametrize("of", [np.asarray, np.asfortranarray, csr_array, lambda X: X[:, ::2]])
@pytest.mark.parametrize("value", [1.01e100, -1e160, 1e308])
def test_numbers_that_are_too_large_for_a_network(of, value):
    huge = spoiled(X, 1e100)  # still allowed
    net = classifier().partial_fit(of(X), Y, classes=[0, 1, 2])
    assert np.isfinite(net.predict_proba(of(huge))).all()
    huge[-1, 2] = value
    column = 1 if of(X).shape[1] == 2 else 2
    message = re.escape(f"X holds {value:g} in column {column}; no number may be beyond 1e+100")
    for call in (net.predict, net.predict_proba):
        with pytest.raises(ValueError, match=message):
            call(of(huge))
    for call in (net.fit, net.partial_fit, net.objective):
        with pytest.raises(ValueError, match=message):
            call(of(huge), Y)
    with pytest.raises(ValueError, match=f"validation set.*{message}"):
        net.fit(of(X), Y, X_val=of(huge), y_val=Y)


def test_the_feature_that_is_too_large_is_named():
    frame = load_iris(as_frame=True).data
    net = classifier().fit(frame, Y)
    frame.iloc[7, 1] = -1e200
    for call in (net.predict, lambda frame: net.partial_fit(frame, Y)):
        with pytest.raises(ValueError, match=r"X holds -1e\+200 in feature 'sepal width \(cm\)'"):
            call(frame)


@pytest.mark.parametrize("normalize_target", [True, False])
def test_targets_that_are_too_large(normalize_target):
    targets = np.column_stack([Y, spoiled(Y, -1e101)])
    net = regressor(normalize_target=normalize_target)
    for y, column in ((targets, 1), (targets[:, 1], 0)):
        for call in (net.fit, net.partial_fit, net.objective):
            with pytest.raises(ValueError, match=rf"y holds -1e\+101 in column {column}; no .*:"):
                call(X, y)


class TestClasses:
    def test_a_class_that_was_never_announced(self):
        net = classifier().partial_fit(X[:100], Y[:100], classes=[0, 1])
        before = net.predict_proba(X)
        with pytest.raises(ValueError, match=r"y has the classes \[2\].*announce them"):
            net.partial_fit(X, Y)
        assert np.array_equal(net.predict_proba(X), before)

    def test_no_classes_in_the_first_call(self):
        net = classifier()
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            net.partial_fit(X, Y)
        assert not hasattr(net, "classes_")

    def test_other_classes_later(self):
        net = classifier().partial_fit(X, Y, classes=[0, 1, 2])
        with pytest.raises(ValueError, match=r"classes=\[0, 1\] lacks \[2\], which the"):
            net.partial_fit(X, Y, classes=[0, 1])

    @pytest.mark.parametrize("label", [7, "only", True])
    def test_one_class_is_predicted_with_certainty(self, label):
        y = np.full(len(X), label)
        for net in (
            classifier(tol=1).fit(X, y),
            classifier().partial_fit(X, y, classes=[label]),
            classifier(solver="lbfgs").fit(X, y),
        ):
            assert np.array_equal(net.predict(X), y)
            assert np.array_equal(net.predict_proba(X), np.ones((len(X), 1)))
            assert np.array_equal(net.predict_log_proba(X), np.zeros((len(X), 1)))

    def test_continuous_labels(self):
        fails(classifier, X, Y + 0.5, "Unknown label type: continuous")

    def test_several_columns_of_classes(self):
        fails(classifier, X, np.column_stack([Y, Y]), "MultiOutputClassifier")

    def test_labels_of_mixed_types(self):
        mixed = np.array(["a", 1, "b"] * 50, dtype=object)
        fails(classifier, X, mixed, "labels of one type.*'int', 'str'", error=TypeError)


def test_negative_counts():
    fails(
        lambda: regressor(loss="poisson"), X, Y - 1.0, r"poisson.*y >= 0.*found -1.*squared_error"
    )


class TestThisWorks:
    """What looks odd and is none the less meant to work."""

    @pytest.mark.parametrize("size", [1000, 150, 149, 1])
    @pytest.mark.parametrize("batch_norm", [False, True])
    def test_batch_sizes(self, size, batch_norm):
        net = classifier(batch_size=size, batch_norm=batch_norm).fit(X, Y)
        assert np.isfinite(net.predict_proba(X)).all()
        if size == 1000:
            whole = classifier(batch_size=150, batch_norm=batch_norm).fit(X, Y)
            assert np.array_equal(net.theta_, whole.theta_)

    def test_one_row_with_batch_norm(self):
        net = regressor(batch_norm=True).fit(X[:1], [2.0])
        assert np.isfinite(net.predict(X)).all()

    def test_half_precision(self):
        net = classifier().fit(X.astype(np.float16), Y)
        assert net.theta_.dtype == np.float32
        assert net.predict_proba(X.astype(np.float16)).dtype == np.float32

    def test_lists_and_integers(self):
        assert classifier().fit((X * 10).astype(int).tolist(), Y.tolist()).score(X * 10, Y) >= 0


DIVERGING = {
    "learning rate": (
        {"learning_rate_init": 1e30},
        X,
        Y,
        "learning rate of 1e[+]30 is too large.*lower learning_rate_init",
    ),
    "sgd": ({"solver": "sgd", "learning_rate_init": 1e8}, X, Y, "learning rate of 1e[+]08"),
    "inputs": ({}, X * 1e90, Y, r"features are not scaled.*InputNormalizer\(\)"),
    "targets": ({"normalize_target": False}, X, Y * 1e90, "targets are not scaled.*divide y"),
    "lbfgs inputs": ({"solver": "lbfgs"}, X * 1e90, Y, "InputNormalizer"),
    "lbfgs targets": (
        {"solver": "lbfgs", "normalize_target": False},
        X,
        Y * 1e90,
        "targets are not scaled",
    ),
}


@pytest.mark.parametrize("case", DIVERGING)
def test_divergence_warns_once_and_keeps_finite_weights(case):
    parameters, bad_X, bad_y, cause = DIVERGING[case]
    net = regressor(**{"max_iter": 20, "batch_size": 20} | parameters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(bad_X, bad_y)
        predictions = net.predict(X), net.predict(X * 1e99)
    assert [w.category for w in caught] == [ConvergenceWarning]
    assert "lbfgs" in case or "diverged in epoch" in str(caught[0].message)
    assert caught[0].filename == __file__
    with pytest.raises(AssertionError, match=cause):
        raise AssertionError(str(caught[0].message))
    assert np.isfinite(net.theta_).all()
    assert all(np.isfinite(p).all() for p in predictions)


def test_divergence_keeps_the_best_epoch():
    """The rate explodes in the third epoch: what the second had learned stays."""
    net = classifier(
        solver="sgd", learning_rate_init=0.1, batch_size=15, max_iter=2, warm_start=True
    )
    net.fit(X, Y)
    good = net.score(X, Y)
    net.set_params(learning_rate_init=1e25, max_iter=30)
    with pytest.warns(
        ConvergenceWarning, match=r"diverged in epoch 3.*weights of the last fit are kept"
    ):
        net.fit(X, Y)
    assert net.score(X, Y) == good


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh", "selu"])
def test_predictions_are_finite_for_any_finite_input(activation):
    net = classifier(hidden_layer_sizes=(5, 5), activation=activation).fit(X, Y)
    for scale in (1e99, -1e99):
        for method in (net.predict_proba, net.predict_log_proba, net.decision_function):
            assert np.isfinite(method(X * scale)).all()
    assert np.isfinite(net.predict_proba((X * 1e38).astype(np.float32))).all()


@pytest.mark.parametrize("values", [(-1, 1), (0, 2), (0, 256)])
def test_a_label_matrix_of_other_numbers(values):
    X = np.random.default_rng(0).normal(size=(30, 3))
    Y = np.where(X > 0, *values[::-1])
    with pytest.raises(ValueError, match=r"matrix of labels with the values .*must be 0 and 1"):
        MLPClassifier((3,)).fit(X, Y)


def test_labels_of_another_type_than_those_of_the_first_call():
    X, y = np.eye(4), np.array(["a", "b", "a", "b"], dtype=object)
    net = MLPClassifier((3,), random_state=0).partial_fit(X, y, classes=["a", "b"])
    net.classes_ = net.classes_.astype(object)
    with pytest.raises(ValueError, match=r"y has the classes \[0, 1\], which are not among"):
        net.partial_fit(X, np.array([0, 1, 0, 1]))
