"""Signals: the measures against plain formulas, the verdicts on nets whose fate is known."""

import pickle
import re
import warnings
from functools import cache

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sknn_opt.nn.signals as measures
from sknn_opt import (
    InputNormalizer,
    Loss,
    MLPClassifier,
    MLPRegressor,
    SignalReport,
    check_signals,
)
from sknn_opt.nn.layers import Dense
from sknn_opt.nn.losses import LogLoss
from sknn_opt.training.verdicts import depth_limit

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Training stopped"),
]

X, Y = load_digits(return_X_y=True)
X = InputNormalizer().fit_transform(X)[:300]
Y = Y[:300]
D, T = load_diabetes(return_X_y=True)
D = 20 * D


LETTERS = np.array(list("jihgfedcba"))


def normal(scale):
    return lambda shape, rng, gain: rng.normal(0, scale, shape)


def eye(scale):
    return lambda shape, rng, gain: scale * np.eye(*shape)


def net(depth=20, width=128, **parameters):
    return MLPClassifier((width,) * depth, **{"random_state": 0} | parameters)


def rms(x):
    return np.sqrt(np.mean(np.square(x)))


FOUR_NETS = {
    "N(0, 0.01²) relu": (net(init=normal(0.01)), "vanishing"),
    "Glorot sigmoid": (net(init="glorot_uniform", activation="logistic"), "vanishing"),
    "He relu": (net(init="he_normal"), "collapsed"),
    "Glorot tanh": (net(init="glorot_uniform", activation="tanh"), "healthy"),
}
NARROW = {  # quick, where a report is compared with another one
    name: clone(model).set_params(hidden_layer_sizes=(32,) * 20)
    for name, (model, _) in FOUR_NETS.items()
}

# The measures ----------------------------------------------------------------------------------


def test_forward_against_the_plain_formula():
    model = net(3, 30, activation="tanh", init="glorot_uniform")
    layers = check_signals(model, X, Y).layers
    objective, a = model.objective(X, Y), X
    for number, layer in enumerate(layers, 1):
        W, b = (objective.blocks[f"{n}[{number}]"].of(objective.theta) for n in ("W", "b"))
        z = a @ W + b
        out = np.tanh(z) if number < len(layers) else z
        assert layer.z_rms == pytest.approx(rms(z))
        assert layer.z_mean == pytest.approx(z.mean())
        assert layer.a_rms == pytest.approx(rms(out))
        assert layer.a_mean == pytest.approx(out.mean())
        assert layer.forward_gain == pytest.approx(rms(out) / rms(a))
        assert layer.weight_norm == pytest.approx(np.linalg.norm(W))
        a = out
        if number < len(layers):
            assert layer.saturated == pytest.approx(np.mean(1 - a**2 < 0.1))
        rows = a[:256]
        size = np.linalg.norm(rows, axis=1)
        cosines = (rows @ rows.T) / np.outer(size, size)
        assert layer.cosine == pytest.approx(cosines[~np.eye(256, dtype=bool)].mean())
        power = np.linalg.svd(rows, compute_uv=False) ** 2
        assert layer.effective_rank == pytest.approx(power.sum() ** 2 / (power**2).sum())


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu", "logistic"])
def test_backward_gains_against_backprop_of_a_linear_loss(activation, batch_norm):
    """With ℓ = Σ c z the gradient at the outputs is c, and b's gradient is Σ δ."""
    model = net(4, 25, activation=activation, batch_norm=batch_norm)
    objective = model.objective(X, Y)
    walk = measures._Walk(objective, objective.theta)
    walk.forward()
    walk.backward(np.random.default_rng(5))
    c = np.random.default_rng(5).normal(size=(len(X), 10))
    network = objective.network_at(objective.theta)
    network.forward(X)
    delta, seen = c, []
    for layer in network.backward_layers:
        if isinstance(layer, Dense):
            seen.append(rms(delta))
        delta = layer.backward(delta.copy())
    expected = np.divide(seen[1:], seen[:-1])
    found = [facts["backward_gain"] for facts in walk.facts[:1:-1]]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("parameters", [{}, {"batch_norm": True, "activation": "tanh"}])
def test_gradient_norms_are_those_of_the_objective(parameters):
    model = net(3, 20, **parameters)
    objective = model.objective(X, Y)
    gradient = objective.data_term().gradient(objective.theta)
    for layer in check_signals(model, X, Y).layers:
        block = objective.blocks[f"W[{layer.layer}]"].of(gradient)
        assert layer.gradient_norm == pytest.approx(np.linalg.norm(block))


def test_update_ratio_of_plain_gradient_descent():
    model = net(2, 20, solver="sgd", momentum=0.0, learning_rate_init=0.25)
    for layer in check_signals(model, X, Y).layers:
        expected = 0.25 * layer.gradient_norm / layer.weight_norm
        assert layer.update_ratio == pytest.approx(expected)


def test_update_ratio_of_the_first_step_of_adam_is_its_rate():
    (first, *_) = check_signals(net(2, 20, learning_rate_init=0.5), X, Y).layers
    used = (X != 0).any(axis=0).mean()
    expected = 0.5 * np.sqrt(used * 64 * 20) / first.weight_norm
    assert first.update_ratio == pytest.approx(expected, rel=0.01)
    report = check_signals(net(2, 20, learning_rate_init=0.5), X, Y)
    assert any("lower learning_rate_init" in str(finding) for finding in report.findings)


def test_lbfgs_has_no_rate():
    layers = check_signals(net(2, 20, solver="lbfgs"), X, Y).layers
    assert all(np.isnan(layer.update_ratio) for layer in layers)
    assert all(layer.gradient_norm > 0 for layer in layers)


def test_dead_units_of_relu():
    class Halved:
        def __call__(self, shape, rng, gain):
            W = np.abs(rng.normal(0, 1, shape))
            W[:, : shape[1] // 4] *= -1  # positive inputs never open these
            return W

    layers = check_signals(net(2, 40, init=Halved()), np.abs(X), Y).layers
    assert layers[0].dead == layers[1].dead == 0.25
    assert np.isnan(layers[-1].dead)


def test_the_depth_at_which_float32_gives_up():
    assert depth_limit(0.5) == 126 - 1 + (np.float32(0.5) ** 126 >= np.finfo(np.float32).tiny)
    assert depth_limit(1.5) == int(np.log(np.finfo(np.float32).max) / np.log(1.5)) == 218
    assert depth_limit(1.0) == depth_limit(np.nan) == np.inf


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_root_mean_squares_do_not_underflow(scale):
    x = np.array([[3.0, 4.0], [0.0, 5.0]])
    assert measures.rms(scale * x) == pytest.approx(scale * rms(x))
    assert measures.rms(csr_array(x)) == pytest.approx(rms(x))
    assert measures.rms(np.zeros(3)) == 0
    assert measures.rms(np.array([1.0, np.inf])) == np.inf


def test_it_costs_at_most_three_gradients(monkeypatch):
    """In multiplications: forward and δ are one product of a layer each, a gradient is three."""
    model = net(5, 40, max_iter=30).fit(X, Y)  # it has learned: there is nothing to rehearse
    cost = 0

    def counted(function, products):
        def call(first, second, *rest):
            nonlocal cost
            cost += products * len(second)
            return function(first, second, *rest)

        return call

    monkeypatch.setattr(Dense, "forward", counted(Dense.forward, 1))
    monkeypatch.setattr(Dense, "backward", counted(Dense.backward, 2))
    monkeypatch.setattr(measures, "_through", counted(measures._through, 1))
    objective = model.objective(X, Y)
    objective.gradient(objective.theta)
    one, cost = cost, 0
    report = check_signals(model, X, Y)
    assert [point.name for point in report.points] == ["initial weights", "fitted weights"]
    assert cost < 3 * one


# The verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "verdict"), FOUR_NETS.values(), ids=FOUR_NETS)
@pytest.mark.parametrize("with_y", [True, False])
def test_the_four_nets(model, verdict, with_y):
    report = check_signals(model, X, Y if with_y else None)
    assert bool(report.findings) == (verdict != "healthy")
    if with_y and verdict == "collapsed":  # Adam trains it all the same
        assert clone(model).set_params(max_iter=20).fit(X, Y).score(X, Y) > 0.8
        verdict = "healthy"
    assert report.verdict == verdict, report
    assert report.passed == (verdict == "healthy")


def test_their_gains():
    points = {n: check_signals(model, X).points[0] for n, (model, _) in FOUR_NETS.items()}
    small, sigmoid, he, tanh = points.values()
    assert small.forward_growth == pytest.approx(0.081, abs=0.003)
    assert small.backward_growth == pytest.approx(0.081, abs=0.003)
    assert sigmoid.forward_growth == pytest.approx(1.0, abs=0.01)
    assert sigmoid.backward_growth == pytest.approx(0.235, abs=0.01)
    assert he.forward_growth == pytest.approx(1.0, abs=0.03)
    assert he.layers[-2].cosine == pytest.approx(0.94, abs=0.05)
    assert he.layers[-2].effective_rank == pytest.approx(1.1, abs=0.1)
    assert tanh.backward_growth == pytest.approx(0.93, abs=0.03)


@pytest.mark.parametrize(
    ("scale", "verdict", "limit"), [(1.5, "exploding", 218), (0.5, "vanishing", 125)]
)
def test_the_linear_nets_of_the_course(scale, verdict, limit):
    model = net(150, 64, init=eye(scale), activation="identity")
    report = check_signals(model, X, Y)
    (point,) = report.points
    assert report.verdict == verdict
    assert point.forward_growth == pytest.approx(scale)
    assert point.backward_growth == pytest.approx(scale)
    # 0.5^126 is the smallest normal number: the last digit of the gain decides.
    assert point.forward_limit == pytest.approx(limit, abs=1)
    assert point.backward_limit == pytest.approx(limit, abs=1)
    assert f"{scale:g} a layer" in str(report)


@pytest.mark.parametrize(("scale", "verdict"), [(1.5, "exploding"), (0.5, "vanishing")])
def test_the_linear_nets_in_scikit_learn(scale, verdict):
    mlp = SklearnMLPClassifier((64,) * 150, activation="identity", max_iter=1, random_state=0)
    mlp.fit(X[:20], Y[:20])
    mlp.coefs_[:-1] = [scale * np.eye(64)] * 150
    fitted = check_signals(mlp, X, Y).points[-1]
    assert (fitted.name, fitted.verdict) == ("fitted weights", verdict)


@cache
def report_of(name):
    """That of one of the narrow nets, checked once."""
    return check_signals(NARROW[name], X, Y)


@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_the_scale_of_the_loss_changes_nothing(factor):
    class Scaled(LogLoss):
        def __call__(self, z, y):
            losses, gradient = super().__call__(z, y)
            return factor * losses, factor * gradient

    for name, model in NARROW.items():
        before = report_of(name)
        after = check_signals(clone(model).set_params(loss=Scaled()), X, Y)
        assert after.verdict == before.verdict
        assert [str(finding) for finding in after.findings] == [*map(str, before.findings)]
        for one, other in zip(before.layers, after.layers, strict=True):
            assert one.forward_gain == other.forward_gain
            np.testing.assert_equal(one.backward_gain, other.backward_gain)
            assert other.gradient_norm / one.gradient_norm == pytest.approx(factor, rel=0.3)


@pytest.mark.parametrize(
    "code",
    [lambda y: y * 100 - 7, lambda y: (y * 3) % 10, lambda y: LETTERS[y], lambda y: y > 4],
)
def test_the_coding_of_y_changes_nothing(code):
    for name, model in NARROW.items():
        before, after = report_of(name), check_signals(model, X, code(Y))
        assert after.verdict == before.verdict
        assert len(after.findings) == len(before.findings)


@pytest.mark.parametrize("factor", [1e-4, 1e4])
@pytest.mark.parametrize("normalize", [True, False])
def test_the_scale_of_targets_changes_nothing(factor, normalize):
    model = MLPRegressor((50,) * 10, activation="tanh", normalize_target=normalize, random_state=0)
    verdicts = [check_signals(model, D, target).verdict for target in (T, factor * T, None)]
    assert verdicts == ["healthy"] * 3


@pytest.mark.parametrize(
    ("parameters", "factor", "verdict", "layer", "remedy"),
    [
        ({"activation": "tanh"}, 1e3, "saturated", 1, "InputNormalizer"),
        ({"activation": "tanh", "init": normal(1.0)}, 1, "saturated", None, "init='auto'"),
        ({"init": normal(1.0)}, 1, "exploding", None, "init='auto'"),
        ({"init": eye(0.0)}, 1, "dead", 1, "leaky_relu"),
        ({"init": eye(0.0), "activation": "tanh"}, 1, "vanishing", 1, "init='auto'"),
        ({"init": normal(1e30)}, 1, "exploding", None, "smaller initial weights"),
        ({"activation": "logistic", "init": normal(0.1)}, 1, "vanishing", None, "'relu'"),
    ],
)
def test_other_verdicts_and_their_remedies(parameters, factor, verdict, layer, remedy):
    report = check_signals(net(20, 50, **parameters), factor * X, Y)
    assert report.verdict == verdict, report
    assert layer in (None, report.findings[0].layer)
    assert any(remedy in finding.remedy for finding in report.findings), report


def test_rows_that_are_alike_in_X():
    report = check_signals(net(2, 50), 1e6 + X, Y)
    assert report.verdict == "collapsed"
    assert "InputNormalizer() before the network" in report.findings[0].remedy


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_single_feature_has_one_direction_from_the_start(batch_norm):
    model = MLPRegressor((20,), activation="tanh", batch_norm=batch_norm, random_state=0)
    assert check_signals(model, D[:, :1], T).passed


def constant(value):
    return lambda shape, rng, gain: np.full(shape, value)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "logistic", "selu"])
@pytest.mark.parametrize("value", [0.0, 0.1, -0.1])
@pytest.mark.parametrize("depth", [1, 2, 6])
def test_equal_weights_are_named(activation, value, depth):
    report = check_signals(net(depth, 30, init=constant(value), activation=activation), X, Y)
    assert not report.passed
    assert "nan" not in str(report)
    first = report.findings[0]
    assert first.layer == 1
    assert ("weights are all 0" if value == 0 else "30 units have equal weights") in first.message
    assert first.remedy == "init='auto'"


def test_zero_weights_of_one_layer():
    def but(zero):
        return lambda shape, rng, gain: rng.normal(0, shape[0] ** -0.5, shape) * (shape[1] != zero)

    def deep(zero):
        return MLPClassifier((30, 31, 30), activation="tanh", init=but(zero), random_state=0)

    assert check_signals(deep(10), X, Y).passed  # the outputs: their own gradient is not 0
    report = check_signals(deep(31), X, Y)
    assert report.verdict == "vanishing"
    assert [f.message for f in report.findings] == ["its weights are all 0"]
    assert report.findings[0].layer == 2
    fitted = SklearnMLPClassifier((20,), random_state=0, max_iter=3).fit(X, Y)
    fitted.coefs_[0][:] = 0
    finding = check_signals(fitted, X, Y).findings[0]
    assert finding.message == "its weights are all 0"
    assert finding.remedy.endswith("or a lower alpha")


EXPLODING_STEP = {"init": normal(1.0), "solver": "sgd", "learning_rate_init": 0.01}


@pytest.mark.parametrize(
    ("parameters", "verdict", "remedies"),
    [
        (EXPLODING_STEP, "exploding", ["learning_rate_init", "init='auto'", "max_grad_norm=1"]),
        (EXPLODING_STEP | {"max_grad_norm": 1.0}, "healthy", []),
        (EXPLODING_STEP | {"init": "auto"}, "healthy", []),
        (EXPLODING_STEP | {"learning_rate_init": 1e-9}, "slow", ["solver='adam'", "init='auto'"]),
        ({"learning_rate_init": 10.0}, "exploding", ["a lower learning_rate_init"]),
        ({"learning_rate_init": 10.0, "warmup_epochs": 100_000}, "healthy", []),
    ],
)
def test_the_first_step_of_the_solver_counts(parameters, verdict, remedies):
    report = check_signals(net(6, 100, **parameters), X, Y)
    assert report.verdict == verdict, report
    said = report.findings[0].remedy if remedies else ""
    assert all(remedy in said for remedy in remedies)
    assert ("init=" in said) == ("init='auto'" in remedies)  # never what is so already
    assert ("max_grad_norm" in said) == ("max_grad_norm=1" in remedies)
    assert check_signals(net(6, 100, **parameters), X).passed  # without y there is no step


def test_a_diverged_fit_is_not_healthy():
    model = net(6, 100, max_iter=3, **EXPLODING_STEP)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, Y)
    report = check_signals(model, X, Y)
    assert [point.verdict for point in report.points] == ["exploding", "exploding"]
    assert "multiplies the loss by" in report.findings[0].message
    assert "a lower learning_rate_init" in report.findings[0].remedy


@pytest.mark.parametrize("sizes", [(64, 1, 64), (64, 2, 64), (50, 3, 3), (1,), (32, 1), (2,)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_a_bottleneck_is_no_fault(sizes, activation):
    model = MLPClassifier(sizes, activation=activation, random_state=0)
    assert check_signals(model, X, Y).passed
    assert check_signals(model.set_params(max_iter=20).fit(X, Y), X, Y).passed


def test_what_collapses_before_a_bottleneck_is_found():
    model = MLPClassifier((128,) * 20 + (2,), init="he_normal", random_state=0)
    report = check_signals(model, X)
    assert (report.verdict, report.findings[0].layer) == ("collapsed", 20)


@pytest.mark.parametrize("to", [np.asarray, csr_array])
def test_few_rows_that_are_not_zero(to):
    rows = np.zeros((5000, 64))
    rows[17] = 1
    report = check_signals(net(2, 20), to(rows), np.arange(5000) % 3)
    assert report.layers[0].a_rms > 0
    assert "nan" not in str(report)


def test_inputs_are_judged_as_a_fit_judges_them():
    (finding, *_) = check_signals(net(2, 50), 40 * X, Y).findings
    assert finding.message.startswith("the features are not scaled: feature ")
    assert finding.remedy == "InputNormalizer() before the network"
    with pytest.warns(UserWarning, match=re.escape(finding.message[1:])):
        net(2, 50, max_iter=1).fit(40 * X, Y)


def test_auto_is_healthy_and_batch_norm_heals():
    for activation in ("relu", "tanh", "logistic", "selu", "gelu"):
        assert check_signals(net(5, 50, activation=activation), X, Y).passed
    sick = net(20, 50, init=normal(0.01))
    assert not check_signals(sick, X, Y).passed
    assert check_signals(sick.set_params(batch_norm=True), X, Y).passed


def test_trained_networks_are_healthy():
    for model, data, target in (
        (net(2, 40, max_iter=30), X, Y),
        (net(2, 40, max_iter=30), X, Y > 4),
        (net(2, 40, max_iter=30, batch_norm=True, dropout=0.2), X, Y),
        (MLPRegressor((40, 40), max_iter=60, random_state=0), D, T),
        (MLPRegressor((40, 40), max_iter=60, activation="tanh", random_state=0), D, T),
    ):
        report = check_signals(model.fit(data, target), data, target)
        assert len(report.points) == 2
        assert report.passed, report


def test_units_that_died_in_training():
    model = net(2, 40, max_iter=2).fit(X, Y)
    model.theta_[model.blocks_["b[2]"].slice] = -100
    report = check_signals(model, X, Y)
    assert [point.verdict for point in report.points] == ["healthy", "dead"]
    assert report.verdict == "dead"
    assert report.findings[0].layer == 2
    assert "learning_rate_init" in report.findings[0].remedy


# What it takes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("with_y", [False, True])
@pytest.mark.parametrize(
    ("model", "data", "target"),
    [
        (MLPClassifier((15, 15), batch_norm=True, dropout=0.3, input_dropout=0.1), X, Y),
        (MLPClassifier((15, 15)), X, Y > 4),
        (MLPClassifier((15, 15)), X, np.column_stack([Y > 3, Y > 6, Y < 2]).astype(int)),
        (MLPClassifier((15, 15), class_weight="balanced", input_dropout=0.1), csr_array(X), Y),
        (MLPClassifier((15, 15), class_weight={"a": 2.0}), X, np.array(list("ab"))[Y % 2]),
        (MLPRegressor((15, 15), loss="poisson"), D, np.round(T)),
        (MLPRegressor((15,), loss="gamma"), D, T),
        (MLPRegressor((15, 15), loss="huber", solver="lbfgs"), D, np.column_stack([T, -T])),
        (SklearnMLPClassifier((15, 15)), X, Y),
        (SklearnMLPClassifier((15, 15), solver="lbfgs"), X, Y > 4),
        (SklearnMLPClassifier((15, 15)), csr_array(X), np.array(list("ab"))[Y % 2]),
        (SklearnMLPClassifier((15, 15)), X, np.column_stack([Y > 3, Y > 6]).astype(int)),
        (SklearnMLPRegressor(hidden_layer_sizes=(15,), solver="sgd"), D, T / 100),
        (SklearnMLPRegressor(hidden_layer_sizes=(15,)), D, np.column_stack([T, -T])),
    ],
)
def test_every_kind_of_estimator(model, data, target, with_y, fitted):
    model = clone(model).set_params(max_iter=3)
    if fitted:
        model.fit(data, target)
    state = pickle.dumps(model)
    report = check_signals(model, data, target if with_y else None)
    assert isinstance(report, SignalReport)
    assert len(report.points) == 1 + fitted
    assert pickle.dumps(model) == state
    for layer in report.layers:
        assert layer.forward_gain > 0
        assert layer.layer == 1 or layer.backward_gain > 0
        assert (layer.gradient_norm > 0) == with_y
    if with_y or fitted:
        expected = np.unique(target).size if target.ndim == 1 else target.shape[1]
        if target.ndim == 1 and (expected == 2 or target.dtype.kind == "f"):
            expected = 1
        assert report.layers[-1].n_units == expected


@pytest.mark.parametrize(
    ("mlp", "data", "target"),
    [
        (SklearnMLPClassifier((15, 15), random_state=0, max_iter=3), X, Y),
        (SklearnMLPClassifier((15,), random_state=0, max_iter=3, alpha=1.0), X, Y > 4),
        (SklearnMLPRegressor(hidden_layer_sizes=(15,), random_state=0, max_iter=3), D, T / 100),
    ],
)
def test_gradients_of_scikit_learn_are_its_own(mlp, data, target):
    from sknn_opt.checks.gradients.readers.sklearn_mlp import read_sklearn_mlp

    mlp.fit(data, target)
    report = check_signals(mlp, data, target)
    for point, problem in zip(report.points, read_sklearn_mlp(mlp, data, target), strict=True):
        gradient = problem.gradient(problem.x0)
        for layer in point.layers:
            block = problem.blocks[f"W[{layer.layer}]"]
            data_term = block.of(gradient) - problem.penalty * block.of(problem.x0)
            assert layer.gradient_norm == pytest.approx(np.linalg.norm(data_term))


def test_a_fitted_pipeline_passes_the_rows_on():
    model = net(2, 20, max_iter=2)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, Y)
    report = check_signals(pipeline, X, Y)
    direct = check_signals(pipeline[-1], pipeline[0].transform(X), Y)
    assert str(report) == str(direct)
    assert len(report.points) == 2


def test_an_unfitted_pipeline_is_fitted_in_copies():
    pipeline = make_pipeline("passthrough", SimpleImputer(), StandardScaler(), net(2, 20))
    holes = X.copy()
    holes[0, 5] = np.nan
    report = check_signals(pipeline, holes, Y)
    assert report.points[0].input.a_rms == pytest.approx(1, abs=0.1)
    assert "copies of its steps (simpleimputer, standardscaler) were fitted" in " ".join(
        str(report).split()
    )
    assert not hasattr(pipeline[1], "statistics_")


def test_a_step_that_needs_y():
    pipeline = make_pipeline(SelectKBest(mutual_info_classif, k=20), net(2, 20))
    assert check_signals(pipeline, X, Y).points[0].input.n_units == 20
    with pytest.raises(
        ValueError, match="not fitted, and a copy of its step 'selectkbest'.*pass y"
    ):
        check_signals(pipeline, X)


def test_a_search_stands_for_its_best():
    search = GridSearchCV(net(2, 10, max_iter=2), {"alpha": [0.1]}, cv=2)
    with pytest.raises(TypeError, match="got GridSearchCV; fit it first"):
        check_signals(search, X, Y)
    search.fit(X, Y)
    assert str(check_signals(search, X, Y)) == str(check_signals(search.best_estimator_, X, Y))


def test_data_frames_and_many_rows():
    pandas = pytest.importorskip("pandas")
    many = np.tile(X, (4, 1))
    frame = pandas.DataFrame(many, columns=[f"p{i}" for i in range(64)])
    labels = pandas.Series(np.array(list("abcdefghij"))[np.tile(Y, 4)])
    labels.iloc[7] = "rare"
    weight = np.ones(len(frame))
    model = net(2, 10, max_iter=2).fit(frame, labels)
    report = check_signals(model, frame, labels, sample_weight=weight)
    assert "500 of 1,200 rows" in str(report)
    assert report.points[0].layers[-1].n_units == 11  # the rare class is among them
    table = report.to_frame()
    assert len(table) == 6
    assert table["forward_gain"].notna().all()


@pytest.mark.parametrize("kind", [float, csr_array])
@pytest.mark.parametrize("model", [net(2, 10), SklearnMLPClassifier((10, 10), random_state=0)])
def test_labels_of_other_types(model, kind):
    labels = np.column_stack([Y > 3, Y > 6]).astype(int) if kind is csr_array else Y
    labels = kind(labels) if kind is csr_array else labels.astype(kind)
    report = check_signals(model, np.tile(X, (2, 1))[: len(Y)], labels)
    assert report.layers[-1].n_units == (2 if kind is csr_array else 10)


def test_whole_numbers_as_targets_are_no_classes():
    many = np.tile(D, (3, 1))
    report = check_signals(MLPRegressor((10, 10)), many, np.arange(len(many)))
    assert f"500 of {len(many):,} rows" in str(report)


def test_lists():
    assert check_signals(net(2, 10), X[:50].tolist(), Y[:50].tolist()).passed


def test_weights_of_the_initial_net_are_those_of_fit():
    model = MLPClassifier((10, 10), random_state=7, max_iter=1, learning_rate_init=1e-12)
    model.fit(X, Y)
    first, second = check_signals(model, X, Y).points
    assert first.layers[1].weight_norm == pytest.approx(second.layers[1].weight_norm, rel=1e-5)


def test_random_states():
    model = MLPClassifier((10, 10))
    reports = [str(check_signals(model, X, Y, random_state=seed)) for seed in (1, 1, 2)]
    assert reports[0] == reports[1] != reports[2]


# The report --------------------------------------------------------------------------------------


def test_the_printed_report():
    report = check_signals(FOUR_NETS["N(0, 0.01²) relu"][0], X, Y)
    text = str(report)
    assert text.startswith(
        "VANISHING: at the initial weights\nlayer 5: signals are multiplied by 0.08"
    )
    assert re.search(r"\n-+\n5  ", text)
    assert re.search(r"\nnot shown: \d+ of 22 rows, 5 columns; all: report.full\(\)\n", text)
    assert "float32 would underflow after 34 layers" in text
    assert repr(report).startswith("<SignalReport: VANISHING: at the initial weights")
    page = report._repr_html_()
    assert "<table>" in page
    assert "VANISHING" in page
    assert str(pickle.loads(pickle.dumps(report))) == text


def test_a_healthy_report_without_y():
    report = check_signals(net(2, 10), X)
    assert "‖dW‖" not in str(report)
    assert "note: without y there are no gradient norms" in str(report)
    assert np.isnan(check_signals(net(1, 10), X).points[0].forward_growth)


def test_remarks_on_what_adam_stands():
    report = check_signals(net(10, 75, activation="identity", init=normal(0.3)), X, Y)
    assert report.passed
    assert any("signals are multiplied by 2." in finding.message for finding in report.findings)


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [net(2, 10), SklearnMLPClassifier((10,))], ids=["ours", "theirs"])
@pytest.mark.parametrize(
    ("data", "target", "message"),
    [
        (X[:1], Y[:1], r"X has 1 row, and variances over rows are undefined below 2; pass 2 rows"),
        (X[:0], Y[:0], r"X has 0 rows, and variances"),
        (0 * X, Y, r"X is zero everywhere, so there is no signal to follow; pass real rows"),
        (csr_array(0 * X), Y, r"X is zero everywhere"),
        (np.where(X > 1, np.nan, X), Y, r"X contains NaN; remove or impute them first"),
        (np.where(X > 1, np.inf, X), Y, r"X contains infinite values; remove"),
        (X, Y[:-1], r"inconsistent numbers of samples"),
    ],
)
def test_bad_data(model, data, target, message):
    with warnings.catch_warnings(), pytest.raises(ValueError, match=message):
        check_signals(model, data, target)


@pytest.mark.parametrize("model", [net(2, 10), SklearnMLPClassifier((10,))], ids=["ours", "theirs"])
def test_another_width(model):
    fitted = clone(model).set_params(max_iter=2).fit(X, Y)
    with pytest.raises(
        ValueError, match=r"X has 5 features, but this MLPClassifier was fitted to 64"
    ):
        check_signals(fitted, X[:, :5], Y)
    with pytest.raises(ValueError, match="X has 5 features, but StandardScaler is expecting 64"):
        check_signals(make_pipeline(StandardScaler(), model).fit(X, Y), X[:, :5], Y)


@pytest.mark.parametrize("model", [MLPClassifier(()), SklearnMLPClassifier(())])
def test_no_hidden_layer(model):
    with pytest.raises(ValueError, match="hidden_layer_sizes is empty.*no gains to show; give"):
        check_signals(model, X, Y)


@pytest.mark.parametrize(
    ("estimator", "found"),
    [
        (LogisticRegression(), "LogisticRegression"),
        (None, "NoneType"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "LogisticRegression"),
    ],
)
def test_no_network(estimator, found):
    with pytest.raises(TypeError, match=f"check_signals takes an MLPClassifier.*got {found}"):
        check_signals(estimator, X, Y)
    with pytest.raises(
        TypeError, match=r"Pass an instance: check_signals\(MLPClassifier\(\), X, y"
    ):
        check_signals(MLPClassifier, X, Y)


def test_pandas_missing(monkeypatch):
    report = check_signals(net(2, 10), X)
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        report.to_frame()


def test_a_loss_of_the_users_without_y():
    class Own(Loss):
        normalizes = "mean and scale"

        def __call__(self, z, y):
            r = z - y
            return (r * r).sum(axis=1), 2 * r

    assert check_signals(MLPRegressor((20, 20), loss=Own(), random_state=0), D).passed
