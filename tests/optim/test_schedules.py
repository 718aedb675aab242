"""Learning rates as functions of where training stands."""

import dataclasses

import pytest

from sknn_opt.optim.schedules import MINIMUM_ADAPTIVE_RATE, SCHEDULES, ScheduleInput, can_slow_down

START = ScheduleInput(initial_rate=0.1, rate=0.02, n_rows_seen=0, stalled=False, power_t=0.5)


def test_table():
    assert set(SCHEDULES) == {"constant", "invscaling", "adaptive"}


@pytest.mark.parametrize("stalled", [False, True])
@pytest.mark.parametrize("n_rows_seen", [0, 1000])
def test_constant(n_rows_seen, stalled):
    now = dataclasses.replace(START, n_rows_seen=n_rows_seen, stalled=stalled)
    assert SCHEDULES["constant"](now) == 0.1


@pytest.mark.parametrize(("seen", "power", "rate"), [(0, 0.5, 0.1), (99, 0.5, 0.01), (9, 2, 1e-3)])
def test_invscaling(seen, power, rate):
    now = dataclasses.replace(START, n_rows_seen=seen, power_t=power)
    assert SCHEDULES["invscaling"](now) == pytest.approx(rate, rel=1e-14)
    assert SCHEDULES["invscaling"](dataclasses.replace(now, stalled=True)) == pytest.approx(rate)


def test_adaptive():
    assert SCHEDULES["adaptive"](START) == 0.02
    stalled = dataclasses.replace(START, stalled=True)
    assert SCHEDULES["adaptive"](stalled) == pytest.approx(0.004)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_all_start_at_the_initial_rate(name):
    now = dataclasses.replace(START, rate=START.initial_rate)
    assert SCHEDULES[name](now) == START.initial_rate


def test_only_adaptive_slows_down_and_only_so_far():
    assert not can_slow_down("constant", 0.1)
    assert not can_slow_down("invscaling", 0.1)
    assert not can_slow_down("adaptive", MINIMUM_ADAPTIVE_RATE)
    rate, n = 0.1, 0
    while can_slow_down("adaptive", rate):
        rate, n = SCHEDULES["adaptive"](dataclasses.replace(START, rate=rate, stalled=True)), n + 1
    assert n == 8  # 0.1 / 5⁸ is the first that is not above 1e-6
    assert rate == pytest.approx(0.1 / 5**8)
