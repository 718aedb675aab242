"""Losses and links against scikit-learn's metrics, scipy, torch and complex step."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn._loss.loss import (
    AbsoluteError,
    HalfBinomialLoss,
    HalfGammaLoss,
    HalfMultinomialLoss,
    HalfPoissonLoss,
    HalfSquaredError,
    HuberLoss,
    PinballLoss,
)
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)

from sknn_opt.nn.losses import (
    LINKS,
    LOG_LINKS,
    LOSSES,
    BinaryLogLoss,
    Huber,
    LogLoss,
    Loss,
    Quantile,
    constant_outputs,
    loss_from_plain,
    loss_to_plain,
    make_loss,
)

STEP = 1e-200
NAMES = sorted(LOSSES)
KINKED = ("absolute_error", "quantile", "huber")


def evaluate(name, z, y, weight=None):
    """Σ wᵢ ℓᵢ and its gradient, from a copy of z."""
    losses, delta = make_loss(name)(np.array(z), y)
    assert losses.shape == (len(z),)
    if weight is None:
        return losses.sum().item(), delta
    return (weight @ losses).item(), delta * weight[:, np.newaxis]


def problem(name, n=30, seed=0, dtype=np.float64):
    """Raw outputs, targets and weights that suit a loss."""
    rng = np.random.default_rng(seed)
    k = 4 if name == "log_loss" else 3
    z = rng.normal(scale=2, size=(n, k)).astype(dtype)
    y = {
        "log_loss": rng.integers(k, size=n),
        "binary_log_loss": rng.integers(2, size=(n, k)).astype(dtype),
        "poisson": rng.poisson(2.0, size=(n, k)).astype(dtype),
        "gamma": rng.gamma(2.0, size=(n, k)).astype(dtype),
    }.get(name, rng.normal(size=(n, k)).astype(dtype))
    return z, y, rng.uniform(0.1, 3, size=n).astype(dtype)


def test_softmax_of_the_course():
    z = np.array([[5.0, 2.0, -1.0, 3.0]])
    expected = [0.842, 0.042, 0.002, 0.114]
    np.testing.assert_allclose(LINKS["softmax"](z)[0], expected, atol=5e-4)
    value, delta = evaluate("log_loss", z, np.array([0]))
    assert value == pytest.approx(-math.log(0.842), abs=1e-3)
    np.testing.assert_allclose(delta[0], np.array(expected) - [1, 0, 0, 0], atol=5e-4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_value_equals_the_metric_of_sklearn(name, weighted):
    z, y, weight = problem(name)
    w = weight if weighted else np.ones(len(z))
    value, _ = evaluate(name, z, y, weight if weighted else None)
    if name == "log_loss":
        expected = log_loss(y, softmax(z, axis=1), sample_weight=w)
    elif name == "binary_log_loss":
        columns = range(z.shape[1])
        expected = sum(log_loss(y[:, k], expit(z[:, k]), sample_weight=w) for k in columns)
    elif name in ("poisson", "gamma"):
        deviance = {"poisson": mean_poisson_deviance, "gamma": mean_gamma_deviance}[name]
        columns = range(z.shape[1])
        expected = sum(deviance(y[:, k], np.exp(z[:, k]), sample_weight=w) / 2 for k in columns)
    elif name == "huber":
        r = np.abs(z - y)
        each = np.where(r <= 1.35, r**2 / 2, 1.35 * (r - 1.35 / 2))
        expected = np.average(each.sum(axis=1), weights=w)
    else:
        metric, factor = {
            "squared_error": (mean_squared_error, 0.5),
            "absolute_error": (mean_absolute_error, 1),
            "quantile": (mean_pinball_loss, 1),
        }[name]
        expected = factor * metric(y, z, sample_weight=w, multioutput="raw_values").sum()
    assert isinstance(value, float)
    assert value == pytest.approx(expected * w.sum(), rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_equal_the_losses_inside_sklearn(name, weighted):
    z, y, weight = problem(name)
    weight = weight if weighted else None
    value, delta = evaluate(name, z, y, weight)
    if name == "log_loss":
        theirs, gradient = HalfMultinomialLoss(n_classes=z.shape[1]).loss_gradient(
            y.astype(float), z, weight
        )
        assert value == pytest.approx(theirs.sum(), rel=1e-12)
        np.testing.assert_allclose(delta, gradient, rtol=1e-12, atol=1e-15)
        return
    loss = {
        "binary_log_loss": HalfBinomialLoss(),
        "squared_error": HalfSquaredError(),
        "absolute_error": AbsoluteError(),
        "huber": HuberLoss(delta=1.35),
        "quantile": PinballLoss(quantile=0.5),
        "poisson": HalfPoissonLoss(),
        "gamma": HalfGammaLoss(),
    }[name]
    total = 0.0
    for k in range(z.shape[1]):
        column, target = np.ascontiguousarray(z[:, k]), np.ascontiguousarray(y[:, k])
        theirs, gradient = loss.loss_gradient(target, column, weight)
        total += (theirs + loss.constant_to_optimal_zero(target, weight)).sum()
        np.testing.assert_allclose(delta[:, k], gradient, rtol=1e-12, atol=1e-14)
    assert value == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"quantile", "gamma"}))
def test_torch_agrees(name):
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    z, y, weight = problem(name, seed=1)
    zt = torch.tensor(z, requires_grad=True)
    yt, wt = torch.tensor(y), torch.tensor(weight)
    rows = {
        "log_loss": lambda: f.cross_entropy(zt, yt, reduction="none"),
        "binary_log_loss": lambda: f.binary_cross_entropy_with_logits(zt, yt, reduction="none").sum(
            1
        ),
        "squared_error": lambda: f.mse_loss(zt, yt, reduction="none").sum(1) / 2,
        "absolute_error": lambda: f.l1_loss(zt, yt, reduction="none").sum(1),
        "huber": lambda: f.huber_loss(zt, yt, delta=1.35, reduction="none").sum(1),
        "poisson": lambda: (
            f.poisson_nll_loss(zt, yt, reduction="none").sum(1) + (torch.xlogy(yt, yt) - yt).sum(1)
        ),
    }[name]()
    total = (wt * rows).sum()
    total.backward()
    value, delta = evaluate(name, z, y, weight)
    assert value == pytest.approx(total.item(), rel=1e-12)
    np.testing.assert_allclose(delta, zt.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_gradient_equals_complex_step(name, weighted):
    z, y, weight = problem(name, n=6)
    weight = weight if weighted else None
    value, delta = evaluate(name, z, y, weight)
    for i, j in np.ndindex(z.shape):
        stepped = z.astype(complex)
        stepped[i, j] += 1j * STEP
        at, _ = evaluate(name, stepped, y, weight)
        assert at.real == pytest.approx(value, rel=1e-14)
        assert at.imag / STEP == pytest.approx(delta[i, j], rel=1e-13, abs=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_of_two_is_a_row_twice(name):
    z, y, _ = problem(name)
    count = np.arange(len(z)) % 3
    value, delta = evaluate(name, z, y, count.astype(float))
    repeated, each = evaluate(name, np.repeat(z, count, axis=0), np.repeat(y, count, axis=0))
    assert value == pytest.approx(repeated, rel=1e-13)
    # A row of the gradient holds what its repetitions add up to.
    expected = each * np.repeat(count, count)[:, np.newaxis]
    np.testing.assert_allclose(np.repeat(delta, count, axis=0), expected, rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_weights_scale_rows_of_the_gradient(name):
    z, y, weight = problem(name)
    _, plain = evaluate(name, z, y)
    _, weighted = evaluate(name, z, y, weight)
    np.testing.assert_allclose(weighted, plain * weight[:, np.newaxis], rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_float32_in_float32_out(name):
    z, y, weight = problem(name, dtype=np.float32)
    value, delta = evaluate(name, z, y, weight)
    y64 = y if y.dtype.kind == "i" else y.astype(float)
    expected, gradient = evaluate(name, z.astype(float), y64, weight.astype(float))
    assert delta.dtype == np.float32
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(delta, gradient, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted({*NAMES} - {*KINKED, "gamma"}))
def test_gradient_is_prediction_minus_target(name):
    z, y, _ = problem(name)
    target = np.eye(z.shape[1])[y] if name == "log_loss" else y
    _, delta = evaluate(name, z, y)
    expected = LINKS[LOSSES[name].link](z.copy()) - target
    np.testing.assert_allclose(delta, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_value_is_zero_at_a_perfect_prediction(name):
    if name in ("log_loss", "binary_log_loss"):
        z, y = np.array([[800.0, -800.0]]), np.array([[1.0, 0.0]])
        y = np.array([0]) if name == "log_loss" else y
    else:
        y = np.array([[1.5, 2.0]])
        z = np.log(y) if name in ("poisson", "gamma") else y.copy()
    value, delta = evaluate(name, z, y)
    assert value == pytest.approx(0, abs=1e-15)
    if name == "quantile":  # at the kink any slope from -q to 1 - q will do
        assert np.all(np.abs(delta) <= 0.5)
    else:
        np.testing.assert_allclose(delta, 0, atol=1e-15)


# Knobs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.9])
def test_quantile_is_the_pinball_loss(quantile):
    z, y, weight = problem("quantile")
    value, delta = evaluate(Quantile(quantile), z, y, weight)
    each = mean_pinball_loss(y, z, alpha=quantile, sample_weight=weight, multioutput="raw_values")
    assert value == pytest.approx(each.sum() * weight.sum(), rel=1e-12)
    np.testing.assert_allclose(
        delta, weight[:, np.newaxis] * np.where(z > y, 1 - quantile, -quantile), rtol=1e-14
    )


def test_quantile_of_a_half_is_half_the_absolute_error():
    z, y, _ = problem("quantile")
    assert evaluate("quantile", z, y)[0] == pytest.approx(evaluate("absolute_error", z, y)[0] / 2)


@pytest.mark.parametrize("delta", [0.1, 1.0, 5.0])
def test_huber_is_squared_inside_and_linear_outside(delta):
    z, y, _ = problem("huber")
    value, gradient = evaluate(Huber(delta), z, y)
    r = np.abs(z - y)
    expected = np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).sum()
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, np.clip(z - y, -delta, delta), rtol=1e-14)


@pytest.mark.parametrize("name", ["log_loss", "binary_log_loss"])
@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_label_smoothing_mixes_the_target_with_all_classes(name, epsilon):
    z, y, weight = problem(name)
    if name == "log_loss":
        loss, k = LogLoss(epsilon), z.shape[1]
        target = (1 - epsilon) * np.eye(k)[y] + epsilon / k
        expected = -(target * log_softmax(z, axis=1)).sum(axis=1)
        gradient = softmax(z, axis=1) - target
    else:
        loss, target = BinaryLogLoss(epsilon), (1 - epsilon) * y + epsilon / 2
        expected = -(target * log_expit(z) + (1 - target) * log_expit(-z)).sum(axis=1)
        gradient = expit(z) - target
    value, delta = evaluate(loss, z, y, weight)
    assert value == pytest.approx(weight @ expected, rel=1e-12)
    np.testing.assert_allclose(delta, gradient * weight[:, np.newaxis], rtol=1e-10, atol=1e-14)


def test_label_smoothing_is_that_of_torch():
    torch = pytest.importorskip("torch")
    z, y, _ = problem("log_loss")
    zt = torch.tensor(z, requires_grad=True)
    total = torch.nn.functional.cross_entropy(
        zt, torch.tensor(y), label_smoothing=0.2, reduction="sum"
    )
    total.backward()
    value, delta = evaluate(LogLoss(0.2), z, y)
    assert value == pytest.approx(total.item(), rel=1e-12)
    np.testing.assert_allclose(delta, zt.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("loss", [LogLoss(0.3), BinaryLogLoss(0.3), Quantile(0.8), Huber(0.7)])
def test_gradient_with_knobs_equals_complex_step(loss):
    name = next(k for k, v in LOSSES.items() if type(v) is type(loss))
    z, y, _ = problem(name, n=6)
    value, delta = evaluate(loss, z, y)
    for i, j in np.ndindex(z.shape):
        stepped = z.astype(complex)
        stepped[i, j] += 1j * STEP
        at, _ = evaluate(loss, stepped, y)
        assert at.real == pytest.approx(value, rel=1e-14)
        assert at.imag / STEP == pytest.approx(delta[i, j], rel=1e-12, abs=1e-14)


def test_make_loss_gives_each_loss_its_own_knobs():
    assert make_loss("quantile", quantile=0.9, delta=2.0) == Quantile(0.9)
    assert make_loss("huber", quantile=None, delta=2) == Huber(2.0)
    assert make_loss("poisson", quantile=0.9) == LOSSES["poisson"]
    mine = Loss()
    assert make_loss(mine, quantile=0.9) is mine


@pytest.mark.parametrize("loss", [*LOSSES.values(), Quantile(0.2), LogLoss(0.1), Loss()])
def test_plain_form_and_back(loss):
    plain = loss_to_plain(loss)
    assert loss_from_plain(plain) == loss
    assert isinstance(plain, dict) == (type(loss) is not Loss)


def test_a_loss_without_formula_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="Loss has no method __call__"):
        Loss()(np.zeros((1, 1)), np.zeros((1, 1)))


# The constant prediction ------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_constant_outputs_predict_the_mean(name, weighted):
    _, y, weight = problem(name)
    weight = weight if weighted else None
    link = LOSSES[name].link
    z = constant_outputs(link, y, weight, 4)
    target = np.eye(4)[y] if name == "log_loss" else y
    mean = np.average(target, axis=0, weights=weight)
    np.testing.assert_allclose(LINKS[link](z[np.newaxis])[0], mean, rtol=1e-10)


@pytest.mark.parametrize(
    "name", ["log_loss", "binary_log_loss", "squared_error", "poisson", "gamma"]
)
def test_no_constant_is_better(name):
    _, y, weight = problem(name)
    best = constant_outputs(LOSSES[name].link, y, weight, 4)
    _, delta = evaluate(name, np.tile(best, (len(y), 1)), y, weight)
    np.testing.assert_allclose(delta.sum(axis=0), 0, atol=1e-11)


def test_constant_outputs_without_an_example_are_finite():
    assert np.isfinite(constant_outputs("softmax", np.array([0, 0]), None, 3)).all()
    assert np.isfinite(constant_outputs("logistic", np.array([[0], [0]]), None, 1)).all()
    assert constant_outputs("exp", np.array([[0.0], [0.0]]), None, 1) == 0


def test_poisson_of_target_zero():
    value, delta = evaluate("poisson", np.array([[0.5]]), np.array([[0.0]]))
    assert value == pytest.approx(math.exp(0.5), rel=1e-15)
    assert delta[0, 0] == pytest.approx(math.exp(0.5), rel=1e-15)


# Saturation -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "large"),
    [(np.float64, 1e4), (np.float64, 1e300), (np.float32, 1e4), (np.float32, 1e38)],
)
@pytest.mark.parametrize("name", ["log_loss", "binary_log_loss"])
def test_saturated_logits(name, dtype, large):
    z = np.array([[large, -large], [-large, large]], dtype)
    y = np.array([0, 0]) if name == "log_loss" else np.array([[1, 0], [1, 0]], dtype)
    value, delta = evaluate(name, z, y)  # a warning would be an error
    assert value == pytest.approx(2 * float(dtype(large)), rel=1e-6)
    np.testing.assert_array_equal(delta, [[0, 0], [-1, 1]])


@pytest.mark.parametrize("large", [1e4, 1e300])
def test_links_of_saturated_logits(large):
    z = np.array([[large, -large, 0.0]])
    np.testing.assert_array_equal(LINKS["softmax"](z), [[1, 0, 0]])
    np.testing.assert_array_equal(LINKS["logistic"](z), [[1, 0, 0.5]])
    np.testing.assert_allclose(LOG_LINKS["softmax"](z), [[0, -2 * large, -large]])
    np.testing.assert_allclose(LOG_LINKS["logistic"](z), [[0, -large, -math.log(2)]])


@pytest.mark.parametrize(("dtype", "large"), [(np.float64, 1e300), (np.float32, 1e38)])
def test_exponential_link_is_finite(dtype, large):
    z = np.array([[-large, -80, 0, 1, 88, 89, 710, large]], dtype)
    y = LINKS["exp"](z)
    assert y.dtype == dtype
    assert np.isfinite(y).all()
    np.testing.assert_allclose(y[0, 1:5], np.exp(np.array([-80, 0, 1, 88.0])), rtol=1e-5)
    assert np.all(np.diff(y[0]) >= 0)


@pytest.mark.parametrize("large", [1e4, 1e150])
def test_squared_error_of_large_outputs(large):
    value, delta = evaluate("squared_error", np.array([[large]]), np.array([[0.0]]))
    assert value == pytest.approx(large**2 / 2)
    assert delta[0, 0] == large


# Properties -------------------------------------------------------------------------------------

LOGITS = arrays(np.float64, (4, 3), elements=st.floats(-1e5, 1e5))
QUICK = settings(max_examples=60, deadline=None, derandomize=True)


@QUICK
@given(LOGITS, arrays(np.int64, 4, elements=st.integers(0, 2)), st.floats(-1e3, 1e3))
def test_log_loss_properties(z, y, shift):
    value, delta = evaluate("log_loss", z, y)
    assert value >= 0
    assert value == pytest.approx(
        -log_softmax(z, axis=1)[np.arange(4), y].sum(), rel=1e-9, abs=1e-9
    )
    np.testing.assert_allclose(delta.sum(axis=1), 0, atol=1e-14)
    assert np.all(np.abs(delta) <= 1)
    moved, _ = evaluate("log_loss", z + shift, y)
    assert moved == pytest.approx(value, rel=1e-9, abs=1e-9)


@QUICK
@given(LOGITS, arrays(np.float64, (4, 3), elements=st.sampled_from([0.0, 1.0])))
def test_binary_log_loss_properties(z, y):
    value, delta = evaluate("binary_log_loss", z, y)
    expected = -(y * log_expit(z) + (1 - y) * log_expit(-z)).sum()
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-10)
    np.testing.assert_allclose(delta, expit(z) - y, atol=1e-15)


@QUICK
@given(
    arrays(np.float64, (4, 3), elements=st.floats(-50, 50)),
    arrays(np.float64, (4, 3), elements=st.floats(0, 1e6)),
)
def test_poisson_is_half_the_deviance_and_never_negative(z, y):
    value, delta = evaluate("poisson", z, y)
    scale = np.exp(z).max() + 100 * y.max() + 1
    assert value >= -1e-14 * scale
    np.testing.assert_allclose(delta, np.exp(z) - y, rtol=1e-14, atol=1e-14)


@QUICK
@given(LOGITS, arrays(np.float64, (4, 3), elements=st.floats(-1e5, 1e5)))
def test_squared_error_is_summed_over_outputs(z, y):
    value, delta = evaluate("squared_error", z, y)
    assert value == pytest.approx(((z - y) ** 2).sum() / 2, rel=1e-13)
    np.testing.assert_array_equal(delta, z - y)


def test_losses_are_the_same_by_class_and_attributes():
    """A script that runs again makes another object of the same loss, for partial_fit."""

    class Scaled(Loss):
        def __init__(self, factors):
            self.factors = factors

    assert Scaled(np.arange(3)) == Scaled(np.arange(3))
    assert Scaled(np.arange(3)) != Scaled(np.arange(4))
    assert Scaled(1.0) != make_loss("huber", delta=1.0)
    assert make_loss("huber", delta=1.0) == make_loss("huber", delta=1.0)
    assert make_loss("huber", delta=1.0) != make_loss("huber", delta=2.0)
