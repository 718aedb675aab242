"""Epochs to come back to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sknn_opt.nn.network import Architecture, Weights
from sknn_opt.optim import TrainingTime
from sknn_opt.training.snapshots import MAX_KEPT, Snapshots, forget_stall
from sknn_opt.training.state import Progress, TrainingState

ARCHITECTURE = Architecture((2, 3, 1), "relu", "squared_error", (0.0, 0.0), False)


def weights(value):
    return Weights(np.full(13, value), np.full(4, value))


def state(**values):
    given = {"average": weights(2.0), "moments": {"step": 3, "velocity": np.full(13, 5.0)}} | values
    return TrainingState(ARCHITECTURE, weights(1.0), TrainingTime(0.1, 9), [], {}, {}, **given)


def train(here, epoch, value):
    """Change everything, in place, as a trainer does."""
    here.n_epochs = epoch
    for each in (here.weights, here.average):
        each.theta[...] = each.statistics[...] = value
    here.moments["velocity"][...] = value
    here.moments["step"] += 1
    here.best, here.best_epoch, here.best_value, here.n_stalled = weights(value), epoch, value, 2
    here.time.epoch = epoch
    here.history.append({"epoch": epoch})


def test_everything_goes_back_but_time_and_history():
    here, kept = state(members=[Progress(), Progress()]), Snapshots(1e9)
    arrays = [*vars(here.weights).values(), *vars(here.average).values()]
    kept.take(here)
    train(here, 1, 7.0)
    here.members[1].best_value = 3.0
    kept.take(here)
    train(here, 2, 8.0)
    here.members[1].best_value = 4.0
    kept.put_back(1, here)
    assert [array.flat[0] for array in arrays] == [7.0] * 4  # in place
    assert here.moments["step"] == 4
    assert here.moments["velocity"][0] == 7.0
    assert (here.best.theta[0], here.best_epoch, here.best_value) == (7.0, 1, 7.0)
    assert (here.n_stalled, here.members[1].best_value, here.members[1].n_stalled) == (0, 3.0, 0)
    assert (here.n_epochs, here.time.epoch, len(here.history)) == (2, 2, 2)
    kept.put_back(0, here)
    assert here.best is None
    assert here.best_value == -np.inf
    assert [array.flat[0] for array in arrays] == [1.0, 1.0, 2.0, 2.0]


def test_a_snapshot_can_be_used_again_and_again():
    here, kept = state(), Snapshots(1e9)
    kept.take(here)
    for epoch in (1, 2):
        train(here, epoch, 9.0)
        kept.put_back(0, here)
        assert here.weights.theta[0] == 1.0
        assert here.moments == {"step": 3, "velocity": pytest.approx(np.full(13, 5.0))}


@given(
    n_epochs=st.integers(1, 300),
    room=st.integers(0, 40),
    best=st.integers(0, 300),
)
@settings(max_examples=60, deadline=None)
def test_what_is_kept(n_epochs, room, best):
    here = state(best=weights(0.0), best_epoch=-1)
    one = (13 + 4) * 8 * 2 + 13 * 8 + 8
    kept = Snapshots(room * one)
    for epoch in range(n_epochs + 1):
        here.n_epochs = epoch
        here.best_epoch = min(epoch, best)
        kept.take(here)
    epochs = kept.epochs
    assert len(kept) == len(epochs)
    assert epochs == sorted(epochs)
    assert len(epochs) <= max(room, 4)
    assert {0, max(0, n_epochs - 1), n_epochs, min(best, n_epochs)} <= {*epochs}
    assert kept.nearest(n_epochs + 5) == n_epochs
    assert kept.nearest(-1) is None


def test_the_older_the_fewer():
    kept, here = Snapshots(64 * 1e3), state()
    for here.n_epochs in range(1000):
        kept.take(here)
    gaps = np.diff(kept.epochs)
    assert gaps[-1] == 1
    assert (np.diff(gaps) <= 0).mean() > 0.95
    assert gaps[0] > 4


def test_small_ones_are_bounded_in_number():
    kept, here = Snapshots(np.inf), state()
    for here.n_epochs in range(MAX_KEPT + 50):
        kept.take(here)
    assert MAX_KEPT / 2 < len(kept) <= MAX_KEPT
    kept.clear()
    assert kept.epochs == []


def test_patience_begins_anew_for_each_member():
    here = state(n_stalled=4, members=[Progress(n_stalled=3)])
    forget_stall(here)
    assert (here.n_stalled, here.members[0].n_stalled) == (0, 0)
