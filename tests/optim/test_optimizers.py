"""Optimizers against plain formulas, torch.optim, and as methods of scipy.optimize.minimize."""

import copy
import dataclasses
import json

import numpy as np
import pytest
from scipy.optimize import OptimizeWarning, minimize, rosen, rosen_der

from sknn_opt.kernels.with_numpy import BLOCK
from sknn_opt.optim import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop

KNOBS = {
    "gradient descent": SGD(0.05, momentum=0.0, nesterov=False),
    "nesterov without momentum": SGD(0.05, momentum=0.0, nesterov=True),
    "momentum": SGD(0.05, momentum=0.8, nesterov=False),
    "nesterov": SGD(0.05, momentum=0.8, nesterov=True),
    "rmsprop": RMSprop(0.05, beta_2=0.9, epsilon=1e-3),
    "adam": Adam(0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    "adamw": AdamW(0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.1),
    "adamw on the head": AdamW(0.05, weight_decay=0.1, n_decayed=2),
}


def plain_path(optimizer, theta, gradients, rates=None):
    """The formulas of the docstrings in whole-vector NumPy, sums written out over the past."""
    o, theta = optimizer, theta.astype(float)
    velocity, past = np.zeros_like(theta), []
    path = []
    for t, g in enumerate(gradients, 1):
        g = g.astype(float)
        past.append(g)
        eta = o.learning_rate if rates is None else rates[t - 1]
        if isinstance(o, SGD):
            velocity = o.momentum * velocity - eta * g
            step = o.momentum * velocity - eta * g if o.nesterov else velocity
            theta = theta + step
        elif isinstance(o, RMSprop):
            s = _weighted_mean([g**2 for g in past], o.beta_2)
            theta = theta - eta * g / (np.sqrt(s / (1 - o.beta_2**t)) + o.epsilon)
        else:
            if isinstance(o, AdamW):
                decays = np.arange(len(theta)) < (o.n_decayed or len(theta))
                theta = theta - eta * o.weight_decay * theta * decays
            m = _weighted_mean(past, o.beta_1)
            s = _weighted_mean([g**2 for g in past], o.beta_2)
            rate = eta * np.sqrt(1 - o.beta_2**t) / (1 - o.beta_1**t)
            theta = theta - rate * m / (np.sqrt(s) + o.epsilon)
        path.append(theta)
    return path


def _weighted_mean(values, beta):
    """Σₖ (1 - β) βᵗ⁻ᵏ vₖ: a running mean that starts at 0."""
    t = len(values)
    return sum((1 - beta) * beta ** (t - k) * v for k, v in enumerate(values, 1))


def gradients_for(n, steps=20, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.normal(rng.normal(), 1, n).astype(dtype) for _ in range(steps)]


def run(optimizer, theta, gradients, rates=None):
    theta, state, path = theta.copy(), optimizer.init(theta), []
    for k, g in enumerate(gradients):
        optimizer.step(theta, g, state, None if rates is None else rates[k])
        path.append(theta.copy())
    return path, state


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_equals_the_plain_formula(name):
    theta = np.random.default_rng(1).normal(size=5)
    gradients = gradients_for(5)
    path, state = run(KNOBS[name], theta, gradients)
    np.testing.assert_allclose(path, plain_path(KNOBS[name], theta, gradients), rtol=1e-11)
    assert state["step"] == 20


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_learning_rate_of_a_step_replaces_the_own_one(name):
    theta = np.random.default_rng(1).normal(size=5)
    gradients, rates = gradients_for(5), np.geomspace(0.1, 1e-3, 20)
    path, _ = run(KNOBS[name], theta, gradients, rates)
    np.testing.assert_allclose(path, plain_path(KNOBS[name], theta, gradients, rates), rtol=1e-11)


@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 17])
@pytest.mark.parametrize("name", sorted(KNOBS))
def test_vectors_of_any_number_of_blocks(name, n):
    theta = np.random.default_rng(1).normal(size=n)
    gradients = gradients_for(n, steps=3)
    path, _ = run(KNOBS[name], theta, gradients)
    expected = plain_path(KNOBS[name], theta, gradients)
    np.testing.assert_allclose(path[-1], expected[-1], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("n_decayed", [0, 3, BLOCK + 5, None])
def test_adamw_decays_the_head_only(n_decayed):
    n = BLOCK + 20
    theta, zero = np.ones(n), [np.zeros(n)]
    (moved,), _ = run(AdamW(0.1, weight_decay=0.5, n_decayed=n_decayed), theta, zero)
    expected = np.ones(n)
    expected[:n_decayed] = 0.95
    np.testing.assert_allclose(moved, expected, rtol=1e-15)


@pytest.mark.parametrize(
    "name", ["gradient descent", "momentum", "nesterov", "adam", "adamw", "rmsprop"]
)
def test_equals_torch(name):
    torch = pytest.importorskip("torch")
    ours = KNOBS[name]
    if name in ("adam", "adamw", "rmsprop"):
        # torch adds ε after the correction for the start, ours before: hardly any ε, no difference
        ours = dataclasses.replace(ours, epsilon=1e-14)
    theta = np.random.default_rng(1).normal(size=6)
    x = torch.nn.Parameter(torch.tensor(theta))
    theirs = {
        "gradient descent": lambda: torch.optim.SGD([x], lr=0.05),
        "momentum": lambda: torch.optim.SGD([x], lr=0.05, momentum=0.8),
        "nesterov": lambda: torch.optim.SGD([x], lr=0.05, momentum=0.8, nesterov=True),
        "adam": lambda: torch.optim.Adam([x], lr=0.05, betas=(0.8, 0.95), eps=1e-14),
        "adamw": lambda: torch.optim.AdamW(
            [x], lr=0.05, betas=(0.8, 0.95), eps=1e-14, weight_decay=0.1
        ),
        # RMSprop with the start corrected is Adam that keeps no mean of g
        "rmsprop": lambda: torch.optim.Adam([x], lr=0.05, betas=(0.0, 0.9), eps=1e-14),
    }[name]()
    gradients = gradients_for(6)
    path, _ = run(ours, theta, gradients)
    for g, point in zip(gradients, path, strict=True):
        x.grad = torch.tensor(g)
        theirs.step()
        np.testing.assert_allclose(point, x.detach().numpy(), rtol=1e-9)


SEGMENTS = [(slice(0, 2), 2.0), (slice(2, 3), 1.0), (slice(3, 5), 0.1)]
HEAD = 2  # elements that decay


def _with_segments(name):
    optimizer = dataclasses.replace(KNOBS[name], layer_rates={})
    if isinstance(optimizer, AdamW):
        optimizer.n_decayed = HEAD
    optimizer.segments = SEGMENTS
    return optimizer


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_segments_are_parameter_groups_of_torch(name):
    torch = pytest.importorskip("torch")
    optimizer, theta = _with_segments(name), np.random.default_rng(1).normal(size=5)
    parts = [torch.nn.Parameter(torch.tensor(theta[place])) for place, _ in SEGMENTS]
    groups = [
        {"params": [part], "lr": 0.05 * factor, "weight_decay": 0.0}
        for part, (_, factor) in zip(parts, SEGMENTS, strict=True)
    ]
    o = optimizer
    match o:
        case SGD():
            options = {"momentum": o.momentum, "nesterov": o.nesterov and o.momentum > 0}
            theirs = torch.optim.SGD(groups, **options)
        case RMSprop():
            pytest.skip("torch's starts without the correction")
        case Adam():
            theirs = torch.optim.Adam(groups, betas=(o.beta_1, o.beta_2), eps=0.0)
            optimizer.epsilon = 1e-300
    state = optimizer.init(theta)
    for g in gradients_for(5):
        for part, (place, _) in zip(parts, SEGMENTS, strict=True):
            part.grad = torch.tensor(g[place])
        if isinstance(o, AdamW):  # decays by the rate of all, whatever the segment's
            parts[0].data *= 1 - 0.05 * o.weight_decay
        theirs.step()
        optimizer.step(theta, g, state)
    found = np.concatenate([part.detach().numpy() for part in parts])
    np.testing.assert_allclose(theta, found, rtol=1e-11)
    assert state["step"] == 20


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_equal_factors_change_nothing_but_the_rate(name):
    theta, gradients = np.random.default_rng(1).normal(size=5), gradients_for(5)
    optimizer = _with_segments(name)
    plain = dataclasses.replace(optimizer, layer_rates=None)
    optimizer.segments = [(place, 1.0) for place, _ in SEGMENTS]
    (found, state), (expected, other) = (run(o, theta, gradients) for o in (optimizer, plain))
    assert np.array_equal(found, expected)
    assert all(np.array_equal(state[key], other[key]) for key in other)


def test_layer_rates_need_a_network():
    optimizer = Adam(layer_rates={"b": 0.1})
    with pytest.raises(ValueError, match=r"layer_rates=\{'b': 0.1\} of Adam needs a network"):
        optimizer.step(np.ones(2), np.ones(2), optimizer.init(np.ones(2)))
    with pytest.raises(ValueError, match="for a function of your own leave it out"):
        minimize(rosen, [0.0, 0.0], jac=rosen_der, method=optimizer)


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_state_is_plain_and_apart_from_the_knobs(name):
    optimizer, theta = KNOBS[name], np.ones(4)
    knobs = dataclasses.asdict(optimizer)
    state = optimizer.init(theta)
    assert state["step"] == 0
    assert all(np.all(value == 0) for value in state.values())
    optimizer.step(theta, np.ones(4), state)
    assert type(state) is dict
    assert type(state["step"]) is int
    buffers = {key: value for key, value in state.items() if key != "step"}
    assert all(type(v) is np.ndarray and v.shape == (4,) for v in buffers.values())
    json.dumps({key: value.tolist() for key, value in buffers.items()})
    assert dataclasses.asdict(optimizer) == knobs
    assert vars(optimizer).keys() <= knobs.keys()


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_stopped_and_continued(name):
    theta, gradients = np.ones(4), gradients_for(4)
    whole, _ = run(KNOBS[name], theta, gradients)
    head, state = run(KNOBS[name], theta, gradients[:7])
    state, at, fresh = copy.deepcopy(state), head[-1].copy(), copy.deepcopy(KNOBS[name])
    for g in gradients[7:]:
        fresh.step(at, g, state)
    np.testing.assert_array_equal(at, whole[-1])


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_two_networks_may_share_an_optimizer(name):
    gradients = gradients_for(4)
    alone, _ = run(KNOBS[name], np.ones(4), gradients)
    pair = [np.ones(4), np.zeros(4)]
    states = [KNOBS[name].init(theta) for theta in pair]
    for g in gradients:
        for theta, state in zip(pair, states, strict=True):
            KNOBS[name].step(theta, g, state)
    np.testing.assert_array_equal(pair[0], alone[-1])


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_float32_stays_float32(name):
    # np.float64 knobs, as a grid search hands them over, would promote arrays under NumPy 2
    knobs = {k: np.float64(v) if isinstance(v, float) else v for k, v in vars(KNOBS[name]).items()}
    optimizer = type(KNOBS[name])(**knobs)
    theta = np.random.default_rng(1).normal(size=5).astype(np.float32)
    gradients = gradients_for(5, dtype=np.float32)
    path, state = run(optimizer, theta, gradients, [np.float64(0.05)] * 20)
    assert all(v.dtype == np.float32 for k, v in state.items() if k != "step")
    assert path[-1].dtype == np.float32
    expected = plain_path(KNOBS[name], theta, gradients)[-1]
    np.testing.assert_allclose(path[-1], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_gradient_is_only_read(name):
    theta, g = np.ones(3), np.array([1.0, -2.0, 0.5])
    state = KNOBS[name].init(theta)
    g.flags.writeable = False
    KNOBS[name].step(theta, g, state)
    KNOBS[name].step(theta, g, state)


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_step_is_the_learning_rate_whatever_the_scale_of_the_gradient(name, dtype):
    for scale in (1e-4, 1.0, 1e6, 1e15):
        theta = np.zeros(2, dtype)
        optimizer = type(KNOBS[name])(learning_rate=0.1)
        optimizer.step(theta, np.array([scale, -scale], dtype), optimizer.init(theta))
        np.testing.assert_allclose(theta, [-0.1, 0.1], rtol=5e-3)


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_zero_gradient_moves_nothing(name):
    optimizer = dataclasses.replace(KNOBS[name])
    if hasattr(optimizer, "weight_decay"):
        optimizer.weight_decay = 0.0
    (moved, again), _ = run(optimizer, np.ones(3), [np.zeros(3)] * 2)
    np.testing.assert_array_equal(moved, np.ones(3))
    np.testing.assert_array_equal(again, np.ones(3))


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_no_learning_rate_is_a_thousandth(name):
    none, given = OPTIMIZERS[name](), OPTIMIZERS[name](learning_rate=0.001)
    assert none.learning_rate is None
    gradients, x0 = gradients_for(4, steps=3), np.ones(4)
    np.testing.assert_array_equal(run(none, x0, gradients)[0], run(given, x0, gradients)[0])
    slow, fast = (
        minimize(rosen, x0 / 2, jac=rosen_der, method=method, options={"maxiter": 3}).x
        for method in (none, given)
    )
    np.testing.assert_array_equal(slow, fast)
    np.testing.assert_array_equal(
        run(none, x0, gradients, [0.5] * 3)[0], run(given, x0, gradients, [0.5] * 3)[0]
    )


def test_a_subclass_without_a_step_says_so():
    with pytest.raises(NotImplementedError, match="Optimizer has no method _step"):
        run(Optimizer(), np.ones(1), [np.ones(1)])


def test_table():
    assert list(OPTIMIZERS.values()) == [SGD, RMSprop, Adam, AdamW]
    assert all(issubclass(cls, Optimizer) for cls in OPTIMIZERS.values())


# As methods of scipy.optimize.minimize ----------------------------------------------------------

METHODS = {
    "sgd": SGD(learning_rate=0.02),
    "sgd plain": SGD(learning_rate=0.2, momentum=0.0),
    "rmsprop": RMSprop(learning_rate=0.01),
    "adam": Adam(learning_rate=0.05),
    "adamw": AdamW(learning_rate=0.05, weight_decay=0.0),
}


def parabola(w):
    """The course's example, w² - 10 w + 25, whose minimum is 0 at w = 5."""
    return float(w @ w - 10 * w.sum() + 25)


def parabola_slope(w):
    return 2 * w - 10


@pytest.mark.parametrize("name", sorted(METHODS))
def test_finds_the_minimum_of_the_course(name):
    options = {"maxiter": 3000, "gtol": 1e-5}
    result = minimize(parabola, [0.0], jac=parabola_slope, method=METHODS[name], options=options)
    # RMSprop at a constant rate ends in steps of up to that rate around the minimum.
    assert result.x[0] == pytest.approx(5, abs=0.02 if name == "rmsprop" else 1e-4)
    assert result.fun == pytest.approx(0, abs=1e-3)


def test_rosenbrock_with_adam():
    x0 = np.array([-1.2, 1.0, 0.5])
    result = minimize(
        rosen, x0, jac=rosen_der, method=Adam(learning_rate=0.02), options={"maxiter": 5000}
    )
    assert result.fun < 1e-3 * rosen(x0)
    np.testing.assert_allclose(result.x, 1, atol=0.1)
    np.testing.assert_array_equal(x0, [-1.2, 1.0, 0.5])


def test_result_fields():
    result = minimize(parabola, [4.0], jac=parabola_slope, method=SGD(0.1, momentum=0.0))
    assert result.success is True
    assert result.status == 0
    assert "gtol" in result.message
    assert np.abs(result.jac).max() <= 1e-6
    np.testing.assert_allclose(result.jac, parabola_slope(result.x), atol=1e-12)
    assert result.fun == parabola(result.x)
    assert result.njev == result.nit + 1
    assert result.nfev >= 1
    assert result.x.shape == (1,)


def test_maxiter():
    result = minimize(parabola, [0.0], jac=parabola_slope, method=Adam(), options={"maxiter": 7})
    assert result.nit == 7
    assert result.success is False
    assert result.status == 1
    assert "maxiter" in result.message
    nothing = minimize(parabola, [0.0], jac=parabola_slope, method=Adam(), options={"maxiter": 0})
    assert nothing.nit == 0
    assert nothing.x == 0


def test_starting_at_the_minimum():
    result = minimize(parabola, [5.0], jac=parabola_slope, method=Adam())
    assert result.nit == 0
    assert result.success


@pytest.mark.parametrize("how", ["gtol", "tol"])
def test_gtol_and_tol_are_one(how):
    keywords = {"tol": 0.5} if how == "tol" else {"options": {"gtol": 0.5}}
    result = minimize(
        parabola, [0.0], jac=parabola_slope, method=SGD(0.1, momentum=0.0), **keywords
    )
    assert result.success
    assert 0.3 < abs(result.jac[0]) <= 0.5


def test_args_and_jac_true():
    def fun(w, a, b):
        return float(a * w @ w - b * w.sum()), 2 * a * w - b

    result = minimize(fun, [0.0], args=(2.0, 12.0), jac=True, method=SGD(0.05, momentum=0.0))
    assert result.x[0] == pytest.approx(3, abs=1e-6)
    assert result.fun == pytest.approx(-18)
    apart = minimize(
        lambda w, a: float(a * w @ w),
        [1.0],
        args=(2.0,),
        jac=lambda w, a: 2 * a * w,
        method=SGD(0.05, momentum=0.0),
    )
    assert apart.x[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("jac", [None, "2-point"])
def test_without_a_gradient(jac):
    result = minimize(
        parabola, [0.0], jac=jac, method=SGD(0.2, momentum=0.0), options={"gtol": 1e-4}
    )
    assert result.success
    assert result.x[0] == pytest.approx(5, abs=1e-3)


def test_finite_differences_pass_args_on():
    result = minimize(
        lambda w, a: float((w - a) @ (w - a)),
        [0.0, 0.0],
        args=(np.array([1.0, 2.0]),),
        method=SGD(0.2, momentum=0.0),
        options={"gtol": 1e-4},
    )
    np.testing.assert_allclose(result.x, [1, 2], atol=1e-3)


def test_x0_may_be_a_list_of_integers():
    x0 = [0, 10]
    result = minimize(
        lambda w: float(w @ w), x0, jac=lambda w: 2 * w, method=SGD(0.1, momentum=0.0)
    )
    np.testing.assert_allclose(result.x, 0, atol=1e-6)
    assert x0 == [0, 10]
    assert SGD()(parabola, [4], jac=parabola_slope).x.dtype == np.float64


def test_gradient_may_be_a_list_or_a_strided_array():
    plain = minimize(parabola, [0.0, 1.0], jac=parabola_slope, method=Adam(0.1))
    for wrap in (list, lambda g: np.repeat(g, 2)[::2]):
        other = minimize(
            parabola, [0.0, 1.0], jac=lambda w, wrap=wrap: wrap(parabola_slope(w)), method=Adam(0.1)
        )
        np.testing.assert_array_equal(other.x, plain.x)


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adamw"])
def test_gradient_may_be_theta_itself(name):
    # of w²/2 it is w
    method, options = OPTIMIZERS[name](learning_rate=0.1), {"maxiter": 20}
    if name == "adamw":
        method.weight_decay = 0.5
    ours, theirs = (
        minimize(lambda w: w @ w / 2, [1.0, -2.0], jac=jac, method=method, options=options)
        for jac in (lambda w: w, lambda w: w.copy())
    )
    np.testing.assert_array_equal(ours.x, theirs.x)


def test_callback_sees_every_step_and_owns_what_it_gets():
    seen = []
    minimize(
        parabola,
        [0.0],
        jac=parabola_slope,
        method=SGD(0.1, momentum=0.0),
        callback=seen.append,
        options={"maxiter": 3},
    )
    np.testing.assert_allclose(np.concatenate(seen), [1.0, 1.8, 2.44])


@pytest.mark.parametrize("how", ["StopIteration", "True"])
def test_callback_stops(how):
    calls = []

    def callback(w):
        calls.append(w)
        if len(calls) == 3 and how == "StopIteration":
            raise StopIteration
        return len(calls) == 3

    result = minimize(
        parabola, [0.0], jac=parabola_slope, method=SGD(0.1, momentum=0.0), callback=callback
    )
    assert result.nit == len(calls) == 3
    assert result.success is False
    np.testing.assert_array_equal(result.x, calls[-1])


@pytest.mark.parametrize(
    "limits", [{"bounds": [(0, 3)]}, {"constraints": {"type": "eq", "fun": lambda w: w - 1}}]
)
@pytest.mark.parametrize("name", sorted(METHODS))
def test_bounds_and_constraints_are_refused(name, limits):
    with pytest.raises(ValueError, match="takes no bounds and no constraints"):
        minimize(parabola, [0.0], jac=parabola_slope, method=METHODS[name], **limits)


def test_a_gradient_that_is_not_finite_stops_it():
    result = minimize(
        lambda w: float(w @ w),
        [1.0],
        jac=lambda w: np.where(w < 0.95, np.nan, 2 * w),
        method=SGD(0.01, momentum=0.0),
    )
    assert result.status == 2
    assert result.success is False
    assert "not finite" in result.message
    assert np.isfinite(result.x).all()


def test_the_minimizer_keeps_no_state_between_runs():
    method = Adam(learning_rate=0.1)
    one, two = (
        minimize(parabola, [0.0], jac=parabola_slope, method=method, options={"maxiter": 50})
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.x, two.x)


def test_unknown_options_warn():
    with pytest.warns(OptimizeWarning, match=r"Adam does not know the options \['maxitr'\]"):
        minimize(parabola, [0.0], jac=parabola_slope, method=Adam(0.1), options={"maxitr": 1})


def test_maxiter_none_is_the_default():
    options = {"maxiter": None}
    result = minimize(parabola, [0.0], jac=parabola_slope, method=Adam(0.1), options=options)
    assert result.success


def test_callback_of_the_new_signature_and_counts():
    values = []

    def callback(*, intermediate_result):
        values.append(intermediate_result.fun)
        return len(values) == 5

    result = minimize(
        parabola, [0.0], jac=parabola_slope, method=SGD(0.1, momentum=0.0), callback=callback
    )
    assert len(values) == 5
    assert values == sorted(values, reverse=True)
    assert not result.success
    assert result.message == "The callback asked to stop."
    assert (result.nit, result.njev, result.nfev) == (5, 6, 6)
    numeric = minimize(parabola, [0.0], method=SGD(0.1), options={"maxiter": 3})
    assert numeric.nfev > 2 * numeric.njev > 0


def test_a_value_of_shape_one_becomes_a_number():
    result = minimize(
        lambda w: w * w, [3.0], jac=lambda w: 2 * w, method=SGD(0.1), options={"maxiter": 2}
    )
    assert isinstance(result.fun, float)
