"""When training has stalled, and which epoch was the best."""

import numpy as np
import pytest

from sknn_opt.training.averaging import Average
from sknn_opt.training.progress import Progress, Snapshot


def point(k):
    return Snapshot(np.full(2, float(k)), np.full(1, float(k)))


def row(loss=1.0, score=None, penalty=0.0, validation_loss=1.0):
    return {
        "loss": loss, "penalty": penalty, "score": score, "validation_loss": validation_loss
    }  # fmt: skip


def run(progress, values, *, scores=False):
    stalled = []
    for k, value in enumerate(values, 1):
        progress.record(row(score=value) if scores else row(value), point(k))
        stalled.append(progress.n_stalled)
    return stalled


def test_an_improvement_is_a_share_of_the_unit():
    assert run(Progress(tol=0.1, unit=10.0), [9, 8.5, 7.4, 6.5, 5]) == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e9])
def test_the_unit_of_the_loss_does_not_matter(factor):
    losses = [5, 4, 4.0001, 3.99999, 3, 3, 2.9999]
    expected = run(Progress(tol=1e-3, unit=7.0), losses)
    assert run(Progress(tol=1e-3, unit=7.0 * factor), [factor * v for v in losses]) == expected
    scores = [-v * factor for v in losses]
    relative = run(Progress(tol=1e-3, by_score=True, is_loss=False), scores, scores=True)
    assert relative == [0, 0, 1, 2, 0, 1, 2]


def test_the_last_of_equals_wins():
    progress = Progress(tol=1e-4, by_score=True, is_loss=False)
    run(progress, [0.5, 0.9, 0.9, 0.8, 0.9, 0.7], scores=True)
    assert progress.best_epoch == 5
    assert progress.best.theta[0] == 5
    assert progress.best_value == 0.9
    assert progress.n_stalled == 4


def test_a_score_that_stays_at_its_best_is_no_stall_while_the_loss_falls():
    progress, stalled = Progress(tol=0.01, unit=2.0, by_score=True, is_loss=False), []
    for score, loss in ((0.9, 1.0), (1.0, 0.9), (1.0, 0.8), (1.0, 0.79), (0.9, 0.5), (1.0, 0.4)):
        progress.record(row(score=score, validation_loss=loss), point(1))
        stalled.append(progress.n_stalled)
    assert stalled == [0, 0, 0, 1, 2, 0]


def test_no_gain_is_no_improvement_even_without_tolerance():
    assert run(Progress(tol=0.0), [1.0, 1.0, 0.9, 0.9]) == [0, 1, 0, 1]


def test_the_penalty_counts_for_the_loss_that_decides():
    progress = Progress(tol=0.0)
    progress.record(row(1.0, penalty=0.5), point(1))
    progress.record(row(0.9, penalty=0.7), point(2))
    assert progress.best_epoch == 1
    assert [r["epoch"] for r in progress.history] == [1, 2]


def test_epochs_without_a_score_decide_nothing():
    progress = Progress(tol=1e-4, by_score=True)
    run(progress, [None, 0.5, None, 0.4], scores=True)
    assert (progress.best_epoch, progress.n_stalled) == (2, 1)


def test_the_best_point_is_a_copy():
    progress, now = Progress(tol=0.0), point(1)
    progress.record(row(), now)
    now.theta[:] = 7
    assert progress.best.theta[0] == 1


class _Net:
    def __init__(self, theta):
        self.theta, self.statistics = theta, np.array([theta.sum()])


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_average_equals_the_sum_of_its_definition(decay):
    rng = np.random.default_rng(0)
    path = rng.normal(size=(60, 3))
    average = Average(Snapshot(path[0].copy(), np.array([path[0].sum()])), decay)
    for theta in path[1:]:
        average.update(_Net(theta))
    decays = [min(decay, (1 + t) / (10 + t)) for t in range(1, 60)]
    shares = [np.prod(decays[k:]) * (1 - decays[k - 1]) for k in range(1, 60)]
    expected = np.prod(decays) * path[0] + np.array(shares) @ path[1:]
    np.testing.assert_allclose(average.point.theta, expected, rtol=1e-12)
    np.testing.assert_allclose(average.point.statistics, expected.sum(), rtol=1e-12)
