"""What a user writes with annotations; `make lint` also lets mypy read it."""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from sknn_opt import (
    InputNormalizer,
    Loss,
    MLPClassifier,
    MLPRegressor,
    check_gradients,
    check_shift,
    check_signals,
)
from sknn_opt.optim import SGD, Cosine, TrainingTime
from sknn_opt.records import Block, BlockCheck, Finding, GradientReport, Objective


class LogCosh(Loss):
    normalizes = "mean and scale"

    def __call__(self, z: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return np.log(np.cosh(z - y)).sum(axis=1), np.tanh(z - y)


def test_estimators_and_checks() -> None:
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    half: Callable[[TrainingTime], float] = lambda time: time.initial_rate / 2  # noqa: E731
    clf = MLPClassifier((3, 2), learning_rate=half, max_iter=1, tol=1.0, random_state=0)
    proba: NDArray[Any] = clf.partial_fit(X, y, classes=[0, 1]).predict_proba(X)
    assert proba.shape == (20, 2)
    objective: Objective = MLPRegressor(loss=LogCosh(), random_state=0).objective(X, y)
    block = assert_type(objective.blocks["W[1]"], Block)
    assert assert_type(block.size, int) == 200
    assert assert_type(objective.value(objective.theta), float) > 0

    report = assert_type(check_gradients(clf, X, y), GradientReport)
    worst: BlockCheck = max(report.blocks, key=lambda check: check.ratio)
    finding: Finding = check_signals(clf, X, y).findings[0]
    shifted: list[str] = check_shift(InputNormalizer(clip=3.0).fit(X), X).shifted
    assert (worst.passed, report.passed, shifted) == (True, True, [])
    assert finding.remedy


def test_optimizers_and_schedules() -> None:
    theta, optimizer = np.array([1.0]), SGD(learning_rate=0.1, momentum=0.0)
    optimizer.step(theta, np.array([2.0]), optimizer.init(theta))
    assert theta == 0.8
    assert assert_type(Cosine(final=0.5)(TrainingTime(1.0, 10, epoch=10)), float) == 0.5
