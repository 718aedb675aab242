"""Learning-rate schedules: the rate of the next epoch as a function of what is behind.

A schedule is a function of where training stands. All start at ``learning_rate_init``:

==========  ======================================================================================
constant    η
invscaling  η / (t + 1)^power_t after t rows seen, set anew at each epoch's end
adaptive    the current rate, divided by 5 whenever training has stalled, until it is 1e-6
==========  ======================================================================================
"""

from dataclasses import dataclass

MINIMUM_ADAPTIVE_RATE = 1e-6


@dataclass
class ScheduleInput:
    """What a schedule may look at after an epoch."""

    initial_rate: float
    rate: float
    n_rows_seen: int
    stalled: bool
    power_t: float


def _constant(progress):
    return progress.initial_rate


def _invscaling(progress):
    return progress.initial_rate / (progress.n_rows_seen + 1) ** progress.power_t


def _adaptive(progress):
    return progress.rate / 5 if progress.stalled else progress.rate


SCHEDULES = {"constant": _constant, "invscaling": _invscaling, "adaptive": _adaptive}


def can_slow_down(schedule, rate):
    """Whether a stalled training may go on, at a lower rate, instead of stopping."""
    return schedule == "adaptive" and rate > MINIMUM_ADAPTIVE_RATE
