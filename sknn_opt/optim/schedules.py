"""Learning-rate schedules: that of the next step as a function of what is behind.

A schedule is a function of a `TrainingTime`. With η = ``learning_rate_init``, t epochs of T behind
and p = t / T:

===========  =====================================================================================
constant     η
invscaling   η / (n + 1)^power_t after n rows seen, set anew at each epoch's end
adaptive     η / 5^k after training has stalled k times, until it is 1e-6
cosine       η (1 + cos πp) / 2, from η to 0 (Loshchilov & Hutter 2017)
one_cycle    up from η / 25 for the first 30 %, then down to η / 250,000, along cosines (Smith 2018)
exponential  η dᵗ, with d = 0.01^(1/T) unless you say so: from η to η / 100
step         η f^k after k steps down by f = 0.1, one each third of T unless you say so
===========  =====================================================================================

The last four run their course: training does not stop before the last epoch because the loss
stalls, and reaching it is no failure. Only early stopping on held-out rows cuts them short.

Dropout and weight decay may follow a schedule as well. `FadeOut` is one for them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

MINIMUM_ADAPTIVE_RATE = 1e-6


@dataclass
class TrainingTime:
    """Where training stands: what a schedule may look at.

    Parameters
    ----------
    initial_rate : float
        ``learning_rate_init``.
    max_iter : int
        The epochs that training may take, T.
    epoch : float, default=0.0
        The epochs behind, t; between two steps of an epoch a fraction.
    n_rows_seen : int, default=0
        Rows seen up to the end of the last epoch, equal ones once if they were merged.
    n_stalls : int, default=0
        How often ``n_iter_no_change`` epochs passed without an improvement.
    power_t : float, default=0.5
        The parameter of that name.
    """

    initial_rate: float
    max_iter: int
    epoch: float = 0.0
    n_rows_seen: int = 0
    n_stalls: int = 0
    power_t: float = 0.5

    @property
    def fraction(self) -> float:
        """p = t / T, at most 1."""
        return min(1.0, self.epoch / self.max_iter)


def _is_number(value):
    """Whether a value is a finite number >= 0."""
    return isinstance(value, Real) and math.isfinite(value) and value >= 0


def _is_positive_or_none(value):
    return value is None or (_is_number(value) and value > 0)


NUMBER = "a number >= 0", _is_number
EPOCHS = "a number of epochs > 0, or None", _is_positive_or_none
SHARE = "a share in [0, 1]", lambda value: _is_number(value) and value <= 1


class Schedule:
    """The base of our schedules; any function of a `TrainingTime` can take their place.

    Attributes
    ----------
    runs_its_course : bool
        Whether the learning rate is planned over all epochs, so that a stalled loss is no reason
        to stop.
    """

    runs_its_course: ClassVar[bool] = True
    _allowed: ClassVar[dict[str, tuple]] = {}  # for each parameter: words, and a test of it

    def __post_init__(self):
        for name, (words, is_allowed) in self._allowed.items():
            value = getattr(self, name)
            if not is_allowed(value):
                kind = type(self).__name__
                raise ValueError(f"{name} of {kind} must be {words}; got {value!r}.")

    def __call__(self, time: TrainingTime) -> float:
        """The learning rate of the next step."""
        raise NotImplementedError(f"{type(self).__name__} has no method __call__(self, time)")


def constant(time):
    """η."""
    return time.initial_rate


def inverse_scaling(time):
    """η / (n + 1)^power_t after n rows."""
    return time.initial_rate / (time.n_rows_seen + 1) ** time.power_t


def adaptive(time):
    """η / 5^k after k stalls."""
    return time.initial_rate / 5**time.n_stalls


@dataclass(frozen=True)
class Cosine(Schedule):
    """From η down to `final` · η along half a cosine wave.

    Parameters
    ----------
    final : float, default=0.0
        The last learning rate as a share of η.

    Examples
    --------
    >>> from sknn_opt.optim import Cosine, TrainingTime
    >>> schedule = Cosine(final=0.1)
    >>> [round(schedule(TrainingTime(1.0, 100, epoch)), 3) for epoch in (0, 50, 100)]
    [1.0, 0.55, 0.1]
    """

    final: float = 0.0

    _allowed: ClassVar = {"final": NUMBER}

    def __call__(self, time: TrainingTime) -> float:
        return time.initial_rate * _along_cosine(1.0, self.final, time.fraction)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to η and down again, along cosines.

    Parameters
    ----------
    rise : float, default=0.3
        The share of the epochs in which the learning rate rises.
    start, final : float, default=1/25 and 4e-6
        The first and the last learning rate as shares of η.

    Examples
    --------
    >>> from sknn_opt.optim import OneCycle, TrainingTime
    >>> [round(OneCycle()(TrainingTime(1.0, 100, epoch)), 3) for epoch in (0, 30, 65, 100)]
    [0.04, 1.0, 0.5, 0.0]
    """

    rise: float = 0.3
    start: float = 1 / 25
    final: float = 4e-6

    _allowed: ClassVar = {"rise": SHARE, "start": NUMBER, "final": NUMBER}

    def __call__(self, time: TrainingTime) -> float:
        p, rise = time.fraction, self.rise
        if p < rise:
            return time.initial_rate * _along_cosine(self.start, 1.0, p / rise)
        down = (p - rise) / (1 - rise) if rise < 1 else 1.0
        return time.initial_rate * _along_cosine(1.0, self.final, down)


@dataclass(frozen=True)
class Exponential(Schedule):
    """η · decay^t after t epochs.

    Parameters
    ----------
    decay : float, default=None
        The factor of one epoch; None is 0.01^(1/T).

    Examples
    --------
    >>> from sknn_opt.optim import Exponential, TrainingTime
    >>> round(Exponential(decay=0.95)(TrainingTime(1.0, 100, epoch=2)), 4)
    0.9025
    """

    decay: float | None = None

    _allowed: ClassVar = {"decay": ("a number > 0, or None", _is_positive_or_none)}

    def __call__(self, time: TrainingTime) -> float:
        decay = 0.01 ** (1 / time.max_iter) if self.decay is None else self.decay
        return time.initial_rate * decay**time.epoch


@dataclass(frozen=True)
class Step(Schedule):
    """η · factor^k after k times `every` epochs.

    Parameters
    ----------
    factor : float, default=0.1
        The factor of one step down.
    every : float, default=None
        Epochs between two steps; None is a third of T.

    Examples
    --------
    >>> from sknn_opt.optim import Step, TrainingTime
    >>> [Step(factor=0.5, every=10)(TrainingTime(1.0, 100, epoch)) for epoch in (9, 10, 25)]
    [1.0, 0.5, 0.25]
    """

    factor: float = 0.1
    every: float | None = None

    _allowed: ClassVar = {"factor": NUMBER, "every": EPOCHS}

    def __call__(self, time: TrainingTime) -> float:
        # of the thirds of T the last step would come at the end
        steps = 3 * time.fraction if self.every is None else time.epoch / self.every
        return time.initial_rate * self.factor ** math.floor(steps)


@dataclass(frozen=True)
class FadeOut(Schedule):
    """A value that stays for a time, and then falls to 0 along half a cosine wave.

    For dropout and weight decay: what keeps a network from overfitting at first would keep it from
    settling at the end.

    Parameters
    ----------
    value : float
        The value at first.
    start : float, default=0.5
        The share of the epochs after which it falls.

    Examples
    --------
    >>> from sknn_opt.optim import FadeOut, TrainingTime
    >>> schedule = FadeOut(0.2, start=0.5)
    >>> [round(schedule(TrainingTime(1.0, 100, epoch)), 3) for epoch in (0, 50, 75, 100)]
    [0.2, 0.2, 0.1, 0.0]
    """

    value: float
    start: float = 0.5

    _allowed: ClassVar = {"value": NUMBER, "start": SHARE}

    def __call__(self, time: TrainingTime) -> float:
        if time.fraction <= self.start:
            return self.value
        return _along_cosine(self.value, 0.0, (time.fraction - self.start) / (1 - self.start))


def _along_cosine(first, last, p):
    """From `first` at p = 0 to `last` at p = 1."""
    return last + (first - last) * (1 + math.cos(math.pi * p)) / 2


SCHEDULES: dict[str, Callable[[TrainingTime], float]] = {
    "constant": constant,
    "invscaling": inverse_scaling,
    "adaptive": adaptive,
    "cosine": Cosine(),
    "one_cycle": OneCycle(),
    "exponential": Exponential(),
    "step": Step(),
}


def runs_its_course(schedule):
    """Whether the rate is planned over all epochs."""
    return getattr(schedule, "runs_its_course", False)


def value_at(schedule, time, name, below=math.inf):
    """The value of a parameter that follows a schedule.

    Raises
    ------
    ValueError
        If it is no number from 0 to `below`.
    """
    value = schedule(time)
    if not (isinstance(value, (float, int, Real)) and 0 <= value < below):  # float is fast
        allowed = "a finite number >= 0" if below == math.inf else f"a number in [0, {below})"
        raise ValueError(
            f"{name}={schedule!r} returned {value!r} for epoch {time.epoch:g}; it must return "
            f"{allowed}."
        )
    return float(value)


def goes_on_when_stalled(schedule, rate, by_score):
    """Whether a stalled training may go on; `by_score` says that held-out rows decide."""
    if schedule is adaptive:
        return rate > MINIMUM_ADAPTIVE_RATE
    return runs_its_course(schedule) and not by_score


def warm_up(epoch, warmup_epochs):
    """The factor in (0, 1] by which the rate is lowered at first, growing linearly with `epoch`."""
    return min(1.0, epoch / warmup_epochs) if warmup_epochs else 1.0
