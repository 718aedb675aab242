"""A fit that cannot work, or did not, says so and says what to do; a good one is silent."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.preprocessing import OneHotEncoder

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor
from sknn_opt.nn.activations import ACTIVATIONS

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
X_REG, Y_REG = load_diabetes(return_X_y=True)
X_REG = InputNormalizer().fit_transform(X_REG)


def messages(estimator, X, y, **options):
    """What a fit warns of, max_iter aside: at most one warning, a sentence a line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y, **options)
    assert all(w.category is ConvergenceWarning for w in caught)
    assert len(caught) <= 1
    lines = "\n".join(str(w.message) for w in caught).splitlines()
    return [line for line in lines if not line.startswith("Training stopped at max_iter")]


def classifier(**parameters):
    return MLPClassifier((20,), **{"max_iter": 60, "random_state": 0} | parameters)


# Silence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"dropout": 0.5}, {"batch_norm": True}, {"early_stopping": True}, {"solver": "lbfgs"}],
    ids=str,
)
def test_real_data_behind_the_normalizer_give_no_advice(load, parameters):
    X_real, y = load(return_X_y=True)
    found = messages(classifier(**parameters), InputNormalizer().fit_transform(X_real), y)
    assert not [m for m in found if not m.startswith(("L-BFGS stopped", "The validation part"))]


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_trains_without_advice(activation):
    net = MLPRegressor((20, 20), activation=activation, max_iter=60, random_state=0)
    assert not messages(net, X_REG, Y_REG)


def test_rare_columns_of_a_one_hot_encoding_are_no_matter_of_scale():
    codes = np.random.default_rng(0).geometric(0.05, size=(3000, 2))
    y = (codes[:, 0] > 12).astype(int)
    assert not messages(classifier(), OneHotEncoder().fit_transform(codes), y)


def test_a_sample_without_the_rare_class_is_no_cause_for_alarm():
    rng = np.random.default_rng(1)
    X_wide = rng.normal(size=(1500, 3000))
    total = X_wide[:, :3].sum(axis=1)
    y = (total > np.quantile(total, 0.98)).astype(int)
    assert not messages(classifier(max_iter=25, learning_rate_init=0.003), X_wide, y)


# Inputs -----------------------------------------------------------------------------------------

UNSCALED = {
    "small": (X * 0.03, "feature . does not go beyond 0.0"),
    "years": (
        np.column_stack([X, 1990 + np.arange(150) % 30]),
        r"feature 4 goes up to 2.02e\+03, feature . only to",
    ),
    "a column far from 0": (
        np.column_stack([X, np.full(150, 900.0)]),
        "feature 4 lies far from 0, at 900 to 900",
    ),
    "one large": (X * [1, 1, 1, 5e3], r"feature 3 goes up to 8.56e\+03, feature \d only to"),
    "all large": (X * 1e6, "feature . goes up to"),
    "all small": (X * 1e-6, "feature . does not go beyond"),
    "an offset": (X + 1e6, r"feature . lies far from 0, at 1e\+06 to 1e\+06"),
    "a large rms": (X * 12, r"feature . goes up to \d\d"),
    "a constant column": (np.column_stack([X, np.full(150, 1e8)]), r"feature 4 goes up to 1e\+08"),
    "sparse": (csr_array(X * [1, 1, 1, 5e3]), r"feature 3 goes up to 8.56e\+03"),
    "huge": (X * 1e90, r"feature . goes up to .*e\+90"),
}


@pytest.mark.parametrize("case", UNSCALED)
def test_unscaled_inputs(case):
    X_bad, finding = UNSCALED[case]
    (first, *_) = [m for m in messages(classifier(), X_bad, Y) if "not scaled:" in m]
    with pytest.raises(AssertionError, match=f"The features are not scaled: {finding}"):
        raise AssertionError(first)
    assert "put InputNormalizer() before the network" in first


def test_columns_are_named_as_the_user_names_them():
    frame = load_wine(as_frame=True)
    (message,) = messages(classifier(max_iter=200), frame.data, frame.target)[:1]
    assert "feature 'proline' goes up to" in message


def test_inputs_of_zeros():
    (message, *_) = messages(classifier(), np.zeros((30, 2)), np.arange(30) % 2)
    assert message == "All features are 0: there is nothing to learn from."


def test_the_first_call_of_partial_fit_says_so_too():
    net = classifier()
    with pytest.warns(ConvergenceWarning, match="not scaled"):
        net.partial_fit(X * 1e6, Y, classes=[0, 1, 2])
    net.partial_fit(X * 1e6, Y)  # and only the first


# Results ----------------------------------------------------------------------------------------


def test_a_network_that_learned_nothing():
    rng = np.random.default_rng(0)
    net = MLPRegressor((5,), alpha=1e4, max_iter=300, random_state=0)
    (message,) = messages(net, rng.normal(size=(300, 3)), rng.normal(size=300))
    assert message.startswith("The network learned nothing: its loss on the training set is 0.")
    assert "that of a constant prediction 0.5" in message


@pytest.mark.parametrize("quantile", [0.05, 0.75])
def test_a_flat_prediction_is_found_where_the_mean_is_worse(quantile):
    """A constant quantile has a lower pinball loss than a constant mean."""
    rng = np.random.default_rng(0)
    X_skew = rng.normal(size=(300, 5))
    net = MLPRegressor(
        (10,),
        loss="quantile",
        quantile=quantile,
        alpha=1e7,
        activation="tanh",
        max_iter=200,
        learning_rate_init=0.01,
        random_state=0,
    )
    (message,) = messages(net, X_skew, np.exp(2 * X_skew[:, 0]))
    assert message.startswith("The network learned nothing")


def test_batch_norm_of_huge_inputs():
    net = MLPRegressor((5,), solver="lbfgs", batch_norm=True, random_state=0)
    assert any("not scaled" in m for m in messages(net, X_REG * 1e90, Y_REG))
    assert np.isfinite(net.predict(X_REG * 1e90)).all()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_batch_norm_whose_variance_overflows(early_stopping):
    net = MLPRegressor((5,), solver="lbfgs", batch_norm=True, random_state=0)
    net.set_params(early_stopping=early_stopping)
    X_bad = (X_REG * 1e20).astype(np.float32)
    found = messages(net, X_bad, Y_REG)
    assert any("a variance of batch norm is not finite" in m for m in found)
    assert np.isfinite(net.statistics_).all()
    assert np.isfinite(net.predict(X_bad)).all()


def test_a_network_with_dead_units():
    net = classifier(solver="sgd", learning_rate_init=3.0, max_iter=5)
    found = messages(net, load_digits().data, load_digits().target)
    assert any("units of hidden layer 1 are dead" in m for m in found)


def test_a_network_that_predicts_one_class():
    rng = np.random.default_rng(0)
    X_weak = rng.normal(size=(3000, 3))
    y = (rng.random(3000) < 0.04 + 0.1 * (X_weak[:, 0] > 0)).astype(int)
    net = classifier(learning_rate_init=0.01, alpha=1.0)
    (message,) = messages(net, X_weak, y)
    assert message.startswith("The network predicts one class only, for all training rows; 91%")
    assert "class_weight='balanced'" in message
    assert not messages(net.set_params(class_weight="balanced"), X_weak, y)


def test_a_class_too_rare_to_validate_on():
    rows = np.r_[0:50, 50:100, 100:101]
    names = np.array(["setosa", "versicolor", "virginica"])[Y]
    (message, *_) = messages(classifier(early_stopping=True), X[rows], names[rows])
    assert message.startswith(
        "The classes 'virginica' are only trained on, since they are too small"
    )


def test_a_validation_part_that_is_too_small():
    found = messages(classifier(early_stopping=True), X[::4], Y[::4])
    assert any(m.startswith("The validation part has only") for m in found)
    assert not messages(
        classifier(early_stopping=True, max_iter=200), X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2]
    )


# Everything either trains or warns --------------------------------------------------------------

SCALES = [1e-6, 1e-3, 1.0, 1e3, 1e6, 1e30, 1e90]
SOLVERS = ["adam", "adamw", "rmsprop", "sgd", "lbfgs"]


def spoilt(scale, offset, constant):
    X_bad = X_REG * scale + offset
    return np.column_stack([X_bad, np.full(len(X_bad), 1e8)]) if constant else X_bad


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", SCALES)
def test_inputs_of_any_scale_train_or_warn(scale, solver):
    for offset, constant in ((0, False), (1e6, False), (0, True)):
        X_bad = spoilt(scale, offset, constant)
        net = MLPRegressor((20,), solver=solver, max_iter=100, random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            predicted = net.fit(X_bad, Y_REG).predict(X_bad)
        assert np.isfinite(predicted).all()
        assert caught or r2_score(Y_REG, predicted) > 0.3, (offset, constant)
        assert all(w.category is ConvergenceWarning for w in caught)


@pytest.mark.parametrize("normalize_target", [True, False])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", SCALES)
def test_targets_of_any_scale_train_or_warn(scale, solver, normalize_target):
    for offset in (0, 1e6):
        y = (Y_REG - 150) * scale + offset
        net = MLPRegressor(
            (20,), solver=solver, max_iter=100, normalize_target=normalize_target, random_state=0
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            predicted = net.fit(X_REG, y).predict(X_REG)
        unit = np.abs(y).max()
        assert np.isfinite(predicted).all()
        assert r2_score(y / unit, predicted / unit) > 0.3 or caught, offset
        assert all(w.category is ConvergenceWarning for w in caught)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", SCALES)
def test_a_classifier_of_inputs_of_any_scale_trains_or_warns(scale, solver):
    for offset, column in ((0, []), (1e6, []), (0, [np.full(150, 1e8)]), (900, [])):
        X_bad = np.column_stack([X * scale + offset, *column])
        net = MLPClassifier((20,), solver=solver, max_iter=100, random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            score = net.fit(X_bad, Y).score(X_bad, Y)
        assert caught or score > 0.8, (offset, column)
        assert all(w.category is ConvergenceWarning for w in caught)
