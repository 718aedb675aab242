"""The training loop against a plain one: rates, clipping, averages, running statistics."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

from sknn_opt import InputNormalizer, MLPClassifier
from sknn_opt.optim import Cosine, Exponential, Schedule, TrainingTime
from sknn_opt.optim.schedules import SCHEDULES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = InputNormalizer().fit_transform(X)
N_BATCHES, EPOCHS = 3, 4


def network(**parameters):
    defaults = {
        "activation": "tanh",
        "solver": "sgd",
        "momentum": 0.0,
        "shuffle": False,
        "batch_size": 50,
        "dtype": "float64",
        "learning_rate_init": 0.5,
        "max_iter": EPOCHS,
        "alpha": 0.0,
        "tol": 0.0,
        "random_state": 0,
    }
    return MLPClassifier((4,), **defaults | parameters)


def plain_descent(net, rates, max_grad_norm=math.inf):
    """θ and the norm of the gradient at each step of gradient descent, batch by batch."""
    parts = np.array_split(np.arange(150), N_BATCHES)
    theta = net.objective(X, Y).theta
    path, norms = [theta], []
    for k, rate in enumerate(rates):
        weight = np.isin(np.arange(150), parts[k % N_BATCHES]).astype(float)
        gradient = net.objective(X, Y, weight).gradient(theta)
        norms.append(np.linalg.norm(gradient))
        theta = theta - rate * gradient * min(1, max_grad_norm / norms[-1])
        path.append(theta)
    return path, norms


STEPS = [(epoch + k / N_BATCHES) for epoch in range(EPOCHS) for k in range(N_BATCHES)]


@pytest.mark.parametrize("warmup_epochs", [0, 1.5])
@pytest.mark.parametrize("schedule", [*SCHEDULES, Exponential(0.5), lambda t: 0.1 / (1 + t.epoch)])
def test_the_rate_of_every_step(schedule, warmup_epochs):
    net = network(learning_rate=schedule, warmup_epochs=warmup_epochs)
    rates = []
    for epoch in STEPS:
        time = TrainingTime(0.5, EPOCHS, epoch, 150 * math.floor(epoch))
        rate = SCHEDULES.get(schedule, schedule)(time)
        ramp = min(1, (epoch + 1 / N_BATCHES) / warmup_epochs) if warmup_epochs else 1
        rates.append(rate * ramp)
    path, _ = plain_descent(net, rates)
    net.fit(X, Y)
    np.testing.assert_allclose(net.theta_, path[-1], rtol=1e-9, atol=1e-12)
    last = [row["learning_rate"] for row in net.history_]
    assert last == pytest.approx(rates[N_BATCHES - 1 :: N_BATCHES], rel=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "rmsprop", "adam", "adamw"])
def test_schedules_serve_every_solver(solver):
    slow, fast = (
        network(solver=solver, learning_rate=rate, learning_rate_init=0.01).fit(X, Y)
        for rate in (lambda t: 0.0, "cosine")
    )
    start = network().objective(X, Y).theta
    if solver != "adamw":
        assert np.array_equal(slow.theta_, start)
    assert np.abs(fast.theta_ - start).max() > 0.01


def test_gradients_are_clipped_as_a_whole():
    net = network(max_grad_norm=1.2)
    path, norms = plain_descent(net, [0.5] * len(STEPS), 1.2)
    assert min(norms) < 1.2 < max(norms)
    net.fit(X, Y)
    np.testing.assert_allclose(net.theta_, path[-1], rtol=1e-9, atol=1e-12)
    found = [row["gradient_norm"] for row in net.history_]
    assert found == pytest.approx(np.reshape(norms, (EPOCHS, N_BATCHES)).mean(axis=1), rel=1e-9)


def test_clipping_is_that_of_torch():
    torch = pytest.importorskip("torch")
    net = network(max_grad_norm=0.2, max_iter=1, batch_size=150)
    objective = net.objective(X, Y)
    weights = torch.nn.Parameter(torch.tensor(objective.theta))
    weights.grad = torch.tensor(objective.gradient(objective.theta))
    torch.nn.utils.clip_grad_norm_([weights], 0.2)
    expected = objective.theta - 0.5 * weights.grad.numpy()
    np.testing.assert_allclose(net.fit(X, Y).theta_, expected, atol=1e-6)


def test_clipping_saves_a_training_that_kills_its_units():
    X_raw, y = load_digits(return_X_y=True)
    score = {}
    for norm in (None, 1.0):
        net = MLPClassifier(
            (50, 50),
            solver="sgd",
            learning_rate_init=0.1,
            max_iter=10,
            max_grad_norm=norm,
            random_state=0,
        )
        score[norm] = net.fit(X_raw, y).score(X_raw, y)
    assert score[None] < 0.2
    assert score[1.0] > 0.95


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_the_average_predicts(decay):
    net = network(average=decay)
    path, _ = plain_descent(net, [0.5] * len(STEPS))
    average, epochs = path[0], []
    for t, theta in enumerate(path[1:], 1):
        d = min(decay, (1 + t) / (10 + t))
        average = d * average + (1 - d) * theta
        epochs.append(average)
    net.fit(X, Y)
    best = int(np.argmin(net.loss_curve_))
    expected = epochs[best * N_BATCHES + N_BATCHES - 1]
    np.testing.assert_allclose(net.theta_, expected, rtol=1e-9, atol=1e-12)


def test_the_average_goes_on_in_partial_fit():
    whole = network(average=0.9, max_iter=3).fit(X, Y)
    parts = network(average=0.9)
    for _ in range(3):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert whole.loss_curve_ == pytest.approx(parts.loss_curve_, rel=1e-12)
    np.testing.assert_allclose(parts.theta_, whole.theta_, rtol=1e-12)


def test_running_statistics_weigh_rows_alike_over_calls_of_any_size():
    """The first call replaces the initial values; a call of one row hardly moves the statistics."""
    net = network(batch_norm=True, learning_rate=lambda t: 0.0, batch_norm_momentum=0.9)
    total = mean = variance = 0.0
    for rows in (slice(0, 120), slice(120, 121), slice(100, 107), slice(0, 150)):
        net.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
        W = net.blocks_["W[1]"].of(net.theta_)
        for part in np.array_split(X[rows], -(-len(X[rows]) // 50)):
            total = 0.9 * total + len(part)
            share = len(part) / total
            # A row alone has no variance but its distance from the mean.
            found = (1 - share) * (part @ W - mean)[0] ** 2 if len(part) == 1 else (part @ W).var(0)
            mean = (1 - share) * mean + share * (part @ W).mean(axis=0)
            variance = (1 - share) * variance + share * found
        statistics = {
            name: b.of(net.statistics_) for name, b in net._training.architecture.statistics.items()
        }
        np.testing.assert_allclose(statistics["mean[1]"], mean, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(statistics["variance[1]"], variance, rtol=1e-9)


def test_running_statistics_of_weights_are_those_of_repetitions():
    count = np.random.default_rng(0).integers(1, 4, 150)
    fits = []
    for rows, weight in ((np.arange(150), count), (np.repeat(np.arange(150), count), None)):
        net = network(batch_norm=True, batch_size=1000, max_iter=3)
        fits.append(net.fit(X[rows], Y[rows], weight).statistics_)
    assert np.array_equal(*fits)


class TestHistory:
    def test_one_row_an_epoch_that_fits_a_data_frame(self):
        net = network(alpha=1.0).fit(X, Y, X_val=X[::5], y_val=Y[::5])
        assert [row["epoch"] for row in net.history_] == [1, 2, 3, 4]
        assert list(net.history_[0]) == [
            "epoch",
            "loss",
            "penalty",
            "validation_loss",
            "score",
            "learning_rate",
            "gradient_norm",
            "seconds",
        ]
        assert all(row["seconds"] > 0 for row in net.history_)
        totals = [row["loss"] + row["penalty"] for row in net.history_]
        assert net.loss_curve_ == totals
        assert net.loss_ == totals[-1]
        assert net.history_[0]["penalty"] > 0

    def test_loss_and_penalty_apart(self):
        net = network(alpha=1.0, batch_size=150, max_iter=1)
        objective = net.objective(X, Y)
        row = net.fit(X, Y).history_[0]
        assert row["penalty"] == pytest.approx(objective.penalty_at(objective.theta), rel=1e-12)
        assert row["loss"] == pytest.approx(objective.data_term().value(objective.theta), rel=1e-9)

    def test_lbfgs_writes_it_too(self):
        net = network(solver="lbfgs", alpha=1.0, max_iter=50, tol=1e-5).fit(X, Y)
        objective = network(solver="lbfgs", alpha=1.0).objective(X, Y)
        last = net.history_[-1]
        assert len(net.history_) == net.n_iter_
        assert last["penalty"] == pytest.approx(objective.penalty_at(net.theta_), rel=1e-9)
        assert net.loss_ == pytest.approx(objective.value(net.theta_), rel=1e-9)
        assert last["learning_rate"] is None
        assert net.history_[0]["gradient_norm"] > last["gradient_norm"] > 0

    def test_it_goes_on_with_warm_start(self):
        net = network(warm_start=True, max_iter=2).fit(X, Y).fit(X, Y)
        assert [row["epoch"] for row in net.history_] == [1, 2, 3, 4]
        assert net.n_iter_ == 2


def test_a_planned_rate_runs_to_its_end_without_complaint(recwarn):
    """Reaching max_iter is what a cosine is for, and a stalled loss does not cut it short."""
    net = network(learning_rate="cosine", tol=10.0, n_iter_no_change=1, max_iter=20).fit(X, Y)
    assert net.n_iter_ == 20
    assert not recwarn.list
    stopped = network(tol=10.0, n_iter_no_change=1, max_iter=20).fit(X, Y)
    assert stopped.n_iter_ == 3


def test_early_stopping_cuts_a_planned_rate_short():
    net = network(learning_rate="cosine", early_stopping=True, tol=10.0, n_iter_no_change=1)
    assert net.set_params(max_iter=20).fit(X, Y).n_iter_ == 3


def test_a_schedule_of_ones_own_may_say_that_it_runs_its_course():
    class Sawtooth(Schedule):
        def __call__(self, time):
            return time.initial_rate * (1 - time.epoch % 1)

    net = network(learning_rate=Sawtooth(), tol=10.0, n_iter_no_change=1, max_iter=6).fit(X, Y)
    assert net.n_iter_ == 6


def test_a_person_may_change_the_rate_between_calls():
    """The optimizer's state goes on, as with one function of the time."""
    by_hand = network(solver="adam", learning_rate_init=0.01)
    for epoch in range(4):
        by_hand.set_params(learning_rate_init=0.01 if epoch < 2 else 0.002)
        by_hand.partial_fit(X, Y, classes=[0, 1, 2])
    planned = network(solver="adam", learning_rate=lambda t: 0.01 if t.epoch < 2 else 0.002)
    for _ in range(4):
        planned.partial_fit(X, Y, classes=[0, 1, 2])
    assert np.array_equal(by_hand.theta_, planned.theta_)


def test_a_class_in_place_of_a_schedule():
    with pytest.raises(ValueError, match=r"is a class; it must be an object, such as Cosine\(\)"):
        network(learning_rate=Cosine).fit(X, Y)


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf, None, "fast"])
def test_a_schedule_that_returns_no_rate(rate):
    net = network(learning_rate=lambda t: rate)
    message = r"learning_rate returned .* for epoch 0; .* a finite number >= 0"
    with pytest.raises(ValueError, match=message):
        net.fit(X, Y)
    assert not hasattr(net, "theta_")
