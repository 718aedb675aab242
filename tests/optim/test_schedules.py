"""Learning rates as functions of where training stands."""

import dataclasses
import math

import numpy as np
import pytest

from sknn_opt.optim import Cosine, Exponential, FadeOut, OneCycle, Schedule, Step, TrainingTime
from sknn_opt.optim.schedules import (
    MINIMUM_ADAPTIVE_RATE,
    SCHEDULES,
    goes_on_when_stalled,
    value_at,
    warm_up,
)

START = TrainingTime(initial_rate=0.1, max_iter=50)
PLANNED = {"cosine", "one_cycle", "exponential", "step"}


def rates(schedule, epochs, **time):
    return [schedule(dataclasses.replace(START, epoch=t, **time)) for t in epochs]


def test_table():
    assert set(SCHEDULES) == {"constant", "invscaling", "adaptive"} | PLANNED


@pytest.mark.parametrize("n_stalls", [0, 3])
@pytest.mark.parametrize("n_rows_seen", [0, 1000])
def test_constant(n_rows_seen, n_stalls):
    time = {"n_rows_seen": n_rows_seen, "n_stalls": n_stalls}
    assert rates(SCHEDULES["constant"], [0, 7.5, 50], **time) == [0.1] * 3


@pytest.mark.parametrize(("seen", "power", "rate"), [(0, 0.5, 0.1), (99, 0.5, 0.01), (9, 2, 1e-3)])
def test_invscaling(seen, power, rate):
    now = dataclasses.replace(START, n_rows_seen=seen, power_t=power)
    assert SCHEDULES["invscaling"](now) == pytest.approx(rate, rel=1e-14)


def test_adaptive():
    expected = [0.1 / 5**k for k in range(4)]
    found = [rates(SCHEDULES["adaptive"], [9], n_stalls=k)[0] for k in range(4)]
    assert found == pytest.approx(expected, rel=1e-14)


def test_cosine_is_half_a_wave():
    epochs = np.linspace(0, 50, 11)
    assert rates(Cosine(), epochs) == pytest.approx(0.05 * (1 + np.cos(math.pi * epochs / 50)))
    assert rates(Cosine(final=0.2), [0, 50, 90]) == pytest.approx([0.1, 0.02, 0.02])


def test_one_cycle_rises_and_falls():
    found = rates(OneCycle(), range(51))
    assert found[0] == pytest.approx(0.1 / 25)
    assert found[15] == max(found) == pytest.approx(0.1)
    assert found[50] == pytest.approx(0.1 / 25 / 1e4)
    assert np.all(np.diff(found[:16]) > 0)
    assert np.all(np.diff(found[15:]) < 0)


def test_one_cycle_without_fall_or_rise():
    assert rates(OneCycle(rise=1.0), [0, 50]) == pytest.approx([0.004, 4e-7])
    assert rates(OneCycle(rise=0.0), [0, 50]) == pytest.approx([0.1, 4e-7])


def test_exponential():
    assert rates(Exponential(0.9), [0, 1, 2.5]) == pytest.approx([0.1, 0.09, 0.1 * 0.9**2.5])
    assert rates(Exponential(), [0, 25, 50]) == pytest.approx([0.1, 0.01, 0.001])


def test_step():
    assert rates(Step(0.5, 10), [0, 9.9, 10, 35]) == pytest.approx([0.1, 0.1, 0.05, 0.0125])
    thirds = rates(Step(), [0, 16, 17, 33, 34, 49.9])
    assert thirds == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_fade_out_stays_and_then_falls_along_a_cosine():
    epochs = np.linspace(0, 50, 21)
    late = np.clip((epochs / 50 - 0.6) / 0.4, 0, 1)
    found = rates(FadeOut(0.3, start=0.6), epochs)
    assert found == pytest.approx(0.15 * (1 + np.cos(math.pi * late)), abs=1e-16)
    assert rates(FadeOut(0.3), [0, 24.9, 25, 37.5, 50, 90]) == pytest.approx(
        [0.3, 0.3, 0.3, 0.15, 0, 0]
    )


def test_fade_out_from_the_start_or_never():
    assert rates(FadeOut(2.0, start=0.0), [0, 25, 50]) == pytest.approx([2, 1, 0])
    assert rates(FadeOut(2.0, start=1.0), [0, 25, 50, 90]) == [2.0] * 4


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "a lot", None, 1.0])
def test_a_value_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match=r"dropout=<.*> returned .* for epoch 0; it must return a"):
        value_at(lambda time: value, START, "dropout", below=1)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("cosine", lambda torch, opt: torch.CosineAnnealingLR(opt, 50)),
        ("exponential", lambda torch, opt: torch.ExponentialLR(opt, 0.01 ** (1 / 50))),
        ("step", lambda torch, opt: torch.StepLR(opt, 10, gamma=0.5)),
        # torch's cycle rises until the step before 30 % and ends at the last one.
        (
            "one_cycle",
            lambda torch, opt: torch.OneCycleLR(opt, 0.1, total_steps=51, pct_start=0.314),
        ),
    ],
)
def test_torch_agrees(name, make):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    theirs, schedule = [], make(torch.optim.lr_scheduler, optimizer)
    for _ in range(50):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    ours = Step(0.5, 10) if name == "step" else SCHEDULES[name]
    assert rates(ours, range(50)) == pytest.approx(theirs, rel=2e-3, abs=1e-9)


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"one_cycle"}))
def test_all_but_the_cycle_start_at_the_initial_rate(name):
    assert SCHEDULES[name](START) == START.initial_rate


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_rates_are_never_negative_and_never_above_the_initial_one(name):
    found = rates(SCHEDULES[name], np.linspace(0, 120, 200), n_rows_seen=77, n_stalls=1)
    assert all(0 <= rate <= 0.1 for rate in found)


def test_adaptive_slows_down_only_so_far():
    assert not goes_on_when_stalled(SCHEDULES["adaptive"], MINIMUM_ADAPTIVE_RATE, by_score=False)
    time, n = dataclasses.replace(START), 0
    while goes_on_when_stalled(SCHEDULES["adaptive"], SCHEDULES["adaptive"](time), by_score=True):
        n = time.n_stalls = n + 1
    assert n == 8  # 0.1 / 5⁸ is the first that is not above 1e-6


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"adaptive"}))
def test_a_planned_rate_outlives_a_stalled_loss_but_not_a_stalled_score(name):
    assert goes_on_when_stalled(SCHEDULES[name], 0.1, by_score=False) == (name in PLANNED)
    assert not goes_on_when_stalled(SCHEDULES[name], 0.1, by_score=True)


def test_a_function_stops_when_stalled_unless_it_says_otherwise():
    assert not goes_on_when_stalled(lambda time: 0.1, 0.1, by_score=False)
    assert goes_on_when_stalled(Schedule(), 0.1, by_score=False)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Step(every=0), "every of Step must be a number of epochs > 0, or None; got 0"),
        (lambda: Step(factor=-1), "factor of Step must be a number >= 0; got -1"),
        (lambda: OneCycle(rise=-1), r"rise of OneCycle must be a share in \[0, 1\]; got -1"),
        (lambda: OneCycle(start=-1), "start of OneCycle must be"),
        (lambda: Cosine(final=-0.1), "final of Cosine must be a number >= 0"),
        (lambda: Cosine(final=None), "final of Cosine must be a number >= 0; got None"),
        (lambda: Cosine(final=np.inf), "final of Cosine must be a number >= 0; got inf"),
        (lambda: OneCycle(rise="a"), r"rise of OneCycle must be a share in \[0, 1\]; got 'a'"),
        (lambda: Step(every="5"), "every of Step must be a number of epochs > 0, or None; got '5'"),
        (lambda: Exponential(decay=0), "decay of Exponential must be a number > 0"),
    ],
)
def test_bad_knobs(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_schedule_without_a_rate_says_so():
    with pytest.raises(NotImplementedError, match="Schedule has no method __call__"):
        Schedule()(TrainingTime(0.1, 10))


def test_warm_up_is_linear_and_moves_from_the_first_step_on():
    assert [warm_up(t, 5) for t in (0.1, 2.5, 5, 80)] == [0.02, 0.5, 1.0, 1.0]
    assert warm_up(0.001, 0) == 1.0
