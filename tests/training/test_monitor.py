"""When training has stalled, and which epoch was the best."""

import numpy as np
import pytest

from sknn_opt.nn.network import Architecture, Weights
from sknn_opt.optim import TrainingTime
from sknn_opt.optim.schedules import SCHEDULES
from sknn_opt.training.monitor import Monitor
from sknn_opt.training.state import TrainingState


def new_state(unit=1.0):
    spec = Architecture((1, 1), "relu", "squared_error", (0.0,), False)
    return TrainingState(spec, weights(0), TrainingTime(1.0, 99), [], {}, {}, unit=unit)


def weights(k):
    return Weights(np.full(2, float(k)), np.full(1, float(k)))


def row(loss=1.0, score=None, penalty=0.0, validation_loss=1.0):
    return {
        "loss": loss,
        "penalty": penalty,
        "score": score,
        "validation_loss": validation_loss,
        "learning_rate": 0.1,
    }


def run(monitor, values, *, unit=1.0, scores=False):
    """The count of stalled epochs after each, and the state."""
    stalled, state = [], new_state(unit)
    for k, value in enumerate(values, 1):
        assert (
            monitor.finish_epoch(state, row(score=value) if scores else row(value), weights(k))
            is None
        )
        stalled.append(state.n_stalled)
    return stalled, state


def test_an_improvement_is_a_share_of_the_unit():
    assert run(Monitor(tol=0.1), [9, 8.5, 7.4, 6.5, 5], unit=10.0)[0] == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e9])
def test_the_unit_of_the_loss_does_not_matter(factor):
    losses = [5, 4, 4.0001, 3.99999, 3, 3, 2.9999]
    expected, _ = run(Monitor(tol=1e-3), losses, unit=7.0)
    scaled, _ = run(Monitor(tol=1e-3), [factor * v for v in losses], unit=7.0 * factor)
    assert scaled == expected
    scores = [-v * factor for v in losses]
    relative, _ = run(Monitor(tol=1e-3, by_score=True, is_loss=False), scores, scores=True)
    assert relative == [0, 0, 1, 2, 0, 1, 2]


def test_the_last_of_equals_wins():
    monitor = Monitor(tol=1e-4, by_score=True, is_loss=False)
    _, state = run(monitor, [0.5, 0.9, 0.9, 0.8, 0.9, 0.7], scores=True)
    assert state.best_epoch == 5
    assert state.best.theta[0] == 5
    assert state.best_value == 0.9
    assert state.n_stalled == 4
    assert monitor.kept(state) == "weights of epoch 5"


def test_a_score_that_stays_at_its_best_is_no_stall_while_the_loss_falls():
    monitor, state, stalled = Monitor(0.01, by_score=True, is_loss=False), new_state(2.0), []
    for score, loss in ((0.9, 1.0), (1.0, 0.9), (1.0, 0.8), (1.0, 0.79), (0.9, 0.5), (1.0, 0.4)):
        monitor.finish_epoch(state, row(score=score, validation_loss=loss), weights(1))
        stalled.append(state.n_stalled)
    assert stalled == [0, 0, 0, 1, 2, 0]


def test_no_gain_is_no_improvement_even_without_tolerance():
    assert run(Monitor(tol=0.0), [1.0, 1.0, 0.9, 0.9])[0] == [0, 1, 0, 1]


def test_the_penalty_counts_for_the_loss_that_decides():
    monitor, state = Monitor(tol=0.0), new_state()
    monitor.finish_epoch(state, row(1.0, penalty=0.5), weights(1))
    monitor.finish_epoch(state, row(0.9, penalty=0.7), weights(2))
    assert state.best_epoch == 1
    assert [r["epoch"] for r in state.history] == [1, 2]


def test_epochs_without_a_score_decide_nothing():
    _, state = run(Monitor(tol=1e-4, by_score=True), [None, 0.5, None, 0.4], scores=True)
    assert (state.best_epoch, state.n_stalled) == (2, 1)


def test_the_best_weights_are_a_copy():
    state, now = new_state(), weights(1)
    Monitor(tol=0.0).finish_epoch(state, row(), now)
    now.theta[:] = 7
    assert state.best.theta[0] == 1


def test_training_ends_after_more_than_patience_epochs():
    monitor, state = Monitor(tol=0.0, patience=2), new_state()
    ends = [monitor.finish_epoch(state, row(1.0), weights(k)) for k in range(4)]
    assert ends[:3] == [None] * 3
    assert ends[3].reason == "converged"


def test_a_rate_that_falls_when_training_stalls_falls_first():
    monitor, state = Monitor(tol=0.0, patience=1), new_state()
    for k in range(5):
        assert monitor.finish_epoch(state, row(1.0), weights(k), SCHEDULES["adaptive"]) is None
    assert (state.time.n_stalls, state.n_stalled) == (2, 0)


class Listener:
    def __init__(self, stops_at):
        self.told, self.stops_at = [], stops_at

    def begin(self, state, weights):
        self.told.append(("begin", len(state.history)))

    def end(self, state, weights):
        self.told.append(("end", len(state.history), weights is None))
        return len(state.history) == self.stops_at


def test_every_listener_is_told_and_any_may_stop():
    listeners = Listener(2), Listener(None)
    monitor, state = Monitor(tol=0.0, listeners=listeners), new_state()
    ends = []
    for k in range(2):
        monitor.begin_epoch(state, weights(k))
        ends.append(monitor.finish_epoch(state, row(), weights(k)))
    monitor.begin_epoch(state, weights(2))
    monitor.give_up_epoch(state)
    assert ends[0] is None
    assert ends[1].reason == "stopped"
    told = [("begin", 0), ("end", 1, False), ("begin", 1), ("end", 2, False)]
    assert listeners[0].told == listeners[1].told == [*told, ("begin", 2), ("end", 2, True)]


def test_what_held_out_rows_say_stands_in_the_history():
    state = new_state()
    monitor = Monitor(0.0, by_score=True, evaluate=lambda w: {"score": w.theta[0]})
    monitor.finish_epoch(state, row(), weights(3))
    assert state.history[0]["score"] == 3
