"""Networks of ours: silent on correct gradients, and a planted bug is found and named."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline

from sknn_opt import InputNormalizer, MLPClassifier, MLPRegressor, check_gradients
from sknn_opt.checks.gradients.numeric import layerwise
from sknn_opt.nn.layers import ActivationLayer, BatchNorm, Dense, Dropout
from sknn_opt.nn.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_IRIS = InputNormalizer().fit_transform(X_IRIS)[::8]
Y_IRIS = Y_IRIS[::8]


def classifier(sizes=(6, 5), **parameters):
    return MLPClassifier(sizes, **{"random_state": 0, "max_iter": 3} | parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"sizes": ()},
        {"sizes": (4,) * 8, "activation": "tanh"},
        {"batch_norm": True},
        {"batch_norm": True, "activation": "identity"},  # some gradients are 0 but for rounding
        {"dropout": 0.4, "input_dropout": 0.2},
        {"dropout": [0.5, 0.1], "batch_norm": True, "activation": "gelu"},
        {"alpha": 10.0},
        {"solver": "lbfgs", "activation": "logistic"},
        {"init": lambda shape, rng, gain: 1e-3 * rng.normal(size=shape)},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_correct_gradients_pass(parameters, weighted):
    weight = np.linspace(0.5, 2, len(Y_IRIS)) if weighted else None
    net = classifier(**parameters)
    report = check_gradients(net, X_IRIS, Y_IRIS, weight)
    assert report.passed, report
    assert {check.point for check in report.blocks} == {"initial weights"}
    report = check_gradients(net.fit(X_IRIS, Y_IRIS), X_IRIS, Y_IRIS, weight)
    assert report.passed, report
    assert {check.point for check in report.blocks} == {"initial weights", "fitted weights"}
    assert report.relative_error < 1e-12


def test_every_kind_of_target():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:15] * 20, y[:15] / 100
    counts = np.round(y * 3)
    for net, target in [
        (MLPRegressor((5,), random_state=0), y),
        (MLPRegressor((5,), random_state=0), np.column_stack([y, -y, y**2])),
        (MLPRegressor((5,), loss="poisson", random_state=0), counts),
        (MLPClassifier((5,), random_state=0), y > 1),
        (MLPClassifier((5,), random_state=0), np.column_stack([y > 1, y > 2]).astype(int)),
    ]:
        assert check_gradients(net, X, target).passed
        assert check_gradients(net, csr_array(X), target).passed


def test_rows_of_zeros_put_units_on_their_kinks():
    X = X_IRIS.copy()
    X[::2] = 0
    for activation in ("relu", "leaky_relu", "selu", "elu"):
        assert check_gradients(classifier(activation=activation), X, Y_IRIS).passed


def wrap(monkeypatch, cls, spoil):
    """Let `spoil(layer, delta, result)` change what cls.backward returns."""
    original = cls.backward

    def backward(self, delta):
        given = delta.copy()
        changed = spoil(self, given, original(self, delta))
        return changed

    monkeypatch.setattr(cls, "backward", backward)


def wrong_blocks(report):
    return {check.block for check in report.blocks if check.verdict == "WRONG"} - {"all"}


def scaled(block, factor):
    def spoil(layer, delta, result):
        if getattr(layer, block) is not None:
            getattr(layer, block)[...] *= factor
        return result

    return spoil


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.99, 1.0001, len(Y_IRIS)])
@pytest.mark.parametrize(("attribute", "block"), [("dW", "W"), ("db", "b")])
def test_a_wrong_factor_is_found_in_its_blocks(monkeypatch, factor, attribute, block):
    wrap(monkeypatch, Dense, scaled(attribute, factor))
    report = check_gradients(classifier(alpha=0.0), X_IRIS, Y_IRIS)
    assert not report.passed
    assert wrong_blocks(report) == {f"{block}[{i}]" for i in (1, 2, 3)}
    assert "WRONG" in str(report)


def test_one_wrong_element_is_found(monkeypatch):
    def spoil(layer, delta, result):
        if layer.W.shape == (6, 5):
            layer.dW.flat[np.abs(layer.dW).argmax()] *= 1.1  # others may be 0: dead units
        return result

    wrap(monkeypatch, Dense, spoil)
    assert wrong_blocks(check_gradients(classifier(), X_IRIS, Y_IRIS)) == {"W[2]"}


def test_an_error_passed_on_shows_in_the_layers_below(monkeypatch):
    def spoil(layer, delta, result):
        return result if layer.W.shape != (6, 5) else result * 1.01

    wrap(monkeypatch, Dense, spoil)
    assert wrong_blocks(check_gradients(classifier(), X_IRIS, Y_IRIS)) == {"W[1]", "b[1]"}


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_a_forgotten_activation_derivative_is_found(monkeypatch, activation):
    monkeypatch.setattr(ActivationLayer, "backward", lambda self, delta: delta)
    report = check_gradients(classifier(activation=activation), X_IRIS, Y_IRIS)
    assert {"W[1]", "W[2]", "b[1]", "b[2]"} <= wrong_blocks(report)
    assert "W[3]" not in wrong_blocks(report)


def test_a_forgotten_penalty_is_found(monkeypatch):
    original = Network.backward
    monkeypatch.setattr(Network, "backward", lambda self, penalty=0.0: original(self, 0.0))
    report = check_gradients(classifier(alpha=1e-2), X_IRIS, Y_IRIS)
    assert wrong_blocks(report) == {"L2"}
    assert report.hints == ["the L2 penalty is missing: the difference is -α/N · W"]
    assert report.first_bad_layer is None
    assert report.fault == "the L2 penalty"


def test_forgotten_masks_are_found(monkeypatch):
    monkeypatch.setattr(Dropout, "backward", lambda self, delta: delta)
    assert not check_gradients(classifier(dropout=0.5), X_IRIS, Y_IRIS).passed


def test_batch_norm_without_its_mean_term_is_found(monkeypatch):
    def backward(self, delta):
        self.dgamma[...] = (delta * self.x_hat).sum(axis=0)
        self.dbeta[...] = delta.sum(axis=0)
        return delta * self.gamma * self._inverse_std

    monkeypatch.setattr(BatchNorm, "backward", backward)
    report = check_gradients(classifier(batch_norm=True), X_IRIS, Y_IRIS)
    assert {"W[1]", "W[2]"} <= wrong_blocks(report)
    assert not {"W[3]", "b[3]", "gamma[2]", "beta[2]"} & wrong_blocks(report)


def test_nan_does_not_pass(monkeypatch):
    wrap(monkeypatch, Dense, scaled("dW", np.nan))
    assert not check_gradients(classifier(), X_IRIS, Y_IRIS).passed


@pytest.mark.parametrize("method", ["elements", "directions"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_both_methods_find_one_wrong_element(monkeypatch, method, dtype, batch_norm):
    net = classifier((15, 14), batch_norm=batch_norm)
    options = {"method": method, "dtype": dtype}
    report = check_gradients(net, X_IRIS, Y_IRIS, **options)
    assert report.passed, report
    assert report.relative_error < (1e-6 if dtype == "float32" else 1e-13)

    def spoil(layer, delta, result):
        if layer.W.shape == (15, 14):
            layer.dW[7, 7] += 1e-3
        return result

    wrap(monkeypatch, Dense, spoil)
    report = check_gradients(net, X_IRIS, Y_IRIS, **options)
    assert wrong_blocks(report) == {"W[2]"}
    (found,) = report.worst(1)
    assert (found["block"], found["index"]) == ("W[2]", (7, 7))
    assert found["error"] == pytest.approx(1e-3, rel=1e-3)
    assert report.first_bad_layer == 2
    assert "is wrong only in element [7, 7]" in report.hints[0]


def test_large_nets_are_checked_along_directions_and_searched(monkeypatch):
    monkeypatch.setattr(layerwise, "MAX_COST", 100)
    net = classifier((15, 14))
    report = check_gradients(net, X_IRIS, Y_IRIS)
    assert "random directions" in str(report)
    assert report.passed

    def spoil(layer, delta, result):
        if layer.W.shape == (15, 14):
            layer.dW[7, 7] += 1e-3
        return result

    wrap(monkeypatch, Dense, spoil)
    report = check_gradients(net, X_IRIS, Y_IRIS)
    (found,) = report.worst()
    assert (found["block"], found["index"]) == ("W[2]", (7, 7))
    assert len(report.hints) == 1
    assert report.hints[0].startswith("W[2] is wrong only in element [7, 7]")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_burn_in_adds_a_point(solver):
    net = classifier(solver=solver, activation="tanh")
    report = check_gradients(net, X_IRIS, Y_IRIS, burn_in=7)
    assert report.passed
    assert [p.name for p in report.points] == ["initial weights", "weights after 7 steps"]
    start, later = (p.theta for p in report.points)
    assert np.abs(start - later).max() > 1e-4
    assert not hasattr(net, "theta_")


def test_a_burned_in_adam_has_taken_so_many_steps():
    net = classifier(learning_rate_init=1e-3)
    for steps in (1, 5):
        start, later = (p.theta for p in check_gradients(net, X_IRIS, Y_IRIS, burn_in=steps).points)
        # the first steps of Adam are the learning rate long
        assert np.abs(start - later).max() == pytest.approx(steps * 1e-3, rel=0.2)


def test_gradients_that_are_zero_but_for_rounding_pass():
    # β of one batch norm below another: it shifts what the next one centers
    net = classifier(batch_norm=True, activation="identity", alpha=0.0)
    report = check_gradients(net, X_IRIS, Y_IRIS)
    assert report.passed, report
    (beta,) = [check for check in report.blocks if check.block == "beta[1]"]
    assert beta.ratio > 1e-3  # nothing but rounding
    assert beta.note == "zero on both sides to rounding"


def test_a_tiny_block_is_resolved_on_its_own_scale(monkeypatch):
    # vanishing: the gradient of W[1] is 1e-12 of the whole
    net = classifier(
        (4,) * 8,
        init=lambda shape, rng, gain: 0.01 * rng.normal(size=shape),
        activation="tanh",
        alpha=0.0,
    )
    report = check_gradients(net, X_IRIS, Y_IRIS)
    first, *_, last = (np.linalg.norm(c.samples[1]) for c in report.blocks if c.block != "all")
    assert 0 < first < 1e-9 * last
    assert report.passed, report

    original = Dense.backward

    def backward(self, delta):
        result = original(self, delta)
        if result is None:  # the first layer
            self.dW *= 1 + 1e-6
        return result

    monkeypatch.setattr(Dense, "backward", backward)
    assert wrong_blocks(check_gradients(net, X_IRIS, Y_IRIS)) == {"W[1]"}


def test_a_forward_that_layerwise_steps_do_not_know_is_still_checked(monkeypatch):
    # Dense as the layerwise scheme knows it is linear in W; here it is not.
    forward, backward = Dense.forward, Dense.backward

    def squared(self, a, weight):
        kept, self.W = self.W, self.W**2
        z = forward(self, a, weight)
        self.W = kept
        return z

    def chain(self, delta):
        kept, self.W = self.W, self.W**2
        result = backward(self, delta)
        self.W = kept
        self.dW *= 2 * kept
        return result

    monkeypatch.setattr(Dense, "forward", squared)
    monkeypatch.setattr(Dense, "backward", chain)
    net = classifier(alpha=0.0, activation="tanh")
    assert check_gradients(net, X_IRIS, Y_IRIS).passed
    monkeypatch.setattr(Dense, "backward", backward)
    assert check_gradients(net, X_IRIS, Y_IRIS).verdict == "WRONG"


def test_a_loss_that_overflows_is_refused():
    net = MLPRegressor((3,), init=lambda shape, rng, gain: np.full(shape, 1e100))
    with pytest.raises(ValueError, match=r"not finite at the initial weights.*Scale X"):
        check_gradients(net, X_IRIS, Y_IRIS)


def test_the_estimator_is_not_changed():
    net = classifier(dropout=0.2, batch_norm=True).fit(X_IRIS, Y_IRIS)
    theta, statistics, attributes = net.theta_.copy(), net.statistics_.copy(), set(vars(net))
    check_gradients(net, X_IRIS, Y_IRIS)
    assert np.array_equal(net.theta_, theta)
    assert np.array_equal(net.statistics_, statistics)
    assert set(vars(net)) == attributes
    unfitted = classifier()
    check_gradients(unfitted, X_IRIS, Y_IRIS)
    assert not hasattr(unfitted, "theta_")
    assert not hasattr(unfitted, "classes_")


@pytest.mark.parametrize("is_fitted", [True, False])
def test_a_network_in_a_pipeline_is_checked_where_it_stands(is_fitted):
    model = make_pipeline(InputNormalizer(), classifier())
    if is_fitted:
        model.fit(X_IRIS, Y_IRIS)
    report = check_gradients(model, X_IRIS, Y_IRIS)
    alone = check_gradients(model[-1], InputNormalizer().fit_transform(X_IRIS), Y_IRIS)
    assert report.passed
    for one, other in zip(report.blocks, alone.blocks, strict=True):
        assert one.block == other.block
        assert one.ratio == pytest.approx(other.ratio, rel=1e-6)
    assert any("copies of its steps" in note for note in report.notes) == (not is_fitted)
    assert ("note: " in str(report)) == (not is_fitted)


@pytest.mark.parametrize("parameters", [{}, {"dropout": 0.3}, {"batch_norm": True}], ids=str)
def test_scipy_agrees(parameters):
    objective = classifier(activation="tanh", **parameters).objective(X_IRIS, Y_IRIS)
    error = check_grad(objective.value, objective.gradient, objective.theta)
    assert error < 1e-5 * np.linalg.norm(objective.gradient(objective.theta))


def test_data_that_fail_validation_fail_as_in_fit():
    bad = X_IRIS.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        check_gradients(classifier(), bad, Y_IRIS)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        check_gradients(classifier(), X_IRIS, Y_IRIS[:-1])
    with pytest.raises(ValueError, match="negative"):
        check_gradients(classifier(), X_IRIS, Y_IRIS, -np.ones(len(Y_IRIS)))
    with pytest.raises(TypeError, match="takes X and y .and sample_weight.; got 1 arguments"):
        check_gradients(classifier(), X_IRIS)
    with pytest.raises(ValueError, match="method must be one of .*'elements'.*got 'real'"):
        check_gradients(classifier(), X_IRIS, Y_IRIS, method="real")
    with pytest.raises(ValueError, match="dtype must be 'float64' or 'float32'"):
        check_gradients(classifier(), X_IRIS, Y_IRIS, dtype="float16")


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "gelu"])
def test_saturated_units_are_no_bug(activation):
    # 1 - a² has lost all its digits: backprop cannot be right there, and is not called wrong
    for seed in range(5):
        net = classifier((8,), activation=activation, random_state=seed)
        for method in ("elements", "directions"):
            report = check_gradients(net, 1000 * X_IRIS, Y_IRIS, method=method)
            assert report.verdict != "WRONG", report


@pytest.mark.parametrize("sizes", [(5, 4), (8, 8, 8)])
def test_zero_but_for_rounding_in_single_precision(sizes):
    for seed in range(5):
        net = classifier(sizes, activation="identity", batch_norm=True, random_state=seed)
        assert check_gradients(net, X_IRIS, Y_IRIS, dtype="float32").passed


@pytest.mark.parametrize("fitted", [False, True])
def test_batch_norm_of_a_single_row(fitted):
    """An objective knows no other batches: the row is normalized by itself."""
    X, y = load_iris(return_X_y=True)
    net = MLPClassifier((5, 4), batch_norm=True, random_state=0, max_iter=200, tol=1e-2)
    net = net.fit(X / 10, y) if fitted else net
    assert check_gradients(net, X[:1] / 10, y[:1]).passed
