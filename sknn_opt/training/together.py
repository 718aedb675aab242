"""Several trainings at once: each goes the way it would go alone, in one packed network.

A step of a small network is mostly overhead, which k networks of one architecture share. Each
keeps its own state, monitor and settings: rates, decays, dropout, schedules, seeds, and when to
stop. One that is over leaves the others.
"""

import math
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from sknn_opt.nn.network import Weights
from sknn_opt.nn.stacked import StackedNetwork
from sknn_opt.training import minibatch
from sknn_opt.training.batches import Minibatches
from sknn_opt.training.minibatch import Course
from sknn_opt.training.monitor import Outcome
from sknn_opt.training.rows import Rows


def train_together(plans):
    """Train the states of plans that are alike, as `minibatch.train` would train each.

    Returns
    -------
    list of Outcome
    """
    outcomes = [
        Outcome("paused") if plan.state.time.epoch >= plan.settings.pause_at else None
        for plan in plans
    ]
    rates = [None] * len(plans)
    with np.errstate(all="ignore"):  # overflow shows as a loss that is not finite
        while None in outcomes:
            going = [i for i, outcome in enumerate(outcomes) if outcome is None]
            if len(going) == 1:
                (last,) = going
                outcomes[last] = minibatch.train(*vars(plans[last]).values(), rates[last])
                break
            pack = _Pack([plans[i] for i in going], [rates[i] for i in going])
            over = [None]
            while not any(over):
                over = pack.epoch()
            pack.release()
            for i, outcome, member in zip(going, over, pack.members, strict=True):
                outcomes[i], rates[i] = outcome, member.rate
    return outcomes


class _Pack:
    """The stacked network that carries the weights of several states, and moves them."""

    def __init__(self, plans, rates):
        states = [plan.state for plan in plans]
        self.states, self.monitors = states, [plan.monitor for plan in plans]
        first, k = plans[0], len(plans)
        self.theta = np.stack([state.weights.theta for state in states])
        self.statistics = np.stack([state.weights.statistics for state in states])
        for state, own in zip(states, zip(self.theta, self.statistics, strict=True), strict=True):
            state.weights = Weights(*own)
        self.network = StackedNetwork(
            [state.architecture for state in states],
            self.theta,
            self.statistics,
            first.settings.batch_size,
        )
        rows = _rows_of_each([plan.rows for plan in plans])
        dtype, size = self.theta.dtype, first.settings.batch_size
        self.batches = Minibatches(rows, size, dtype, 1.0, k)
        self.members = [
            _Member(plan, self.batches, rate) for plan, rate in zip(plans, rates, strict=True)
        ]
        for j, member in enumerate(self.members):
            if member.settings.dropout:
                member.fade([layer.masks.each[j] for layer in self.network.dropouts])
        self.scheduled = [one for one in self.members if one.settings.schedule or one.follows]
        self.shuffles = _Shuffles([member.shuffle for member in self.members])

    def epoch(self):
        """Train all for one epoch. Returns the outcome of each, None if it goes on."""
        started = perf_counter()
        for member in self.members:
            member.begin()
        shuffles = self.shuffles if self.members[0].shuffle is not None else None
        for number, (X, y, _) in enumerate(self.batches.epoch(shuffles)):
            self._step(number, X, y)
        for j, member in enumerate(self.members):
            member.see(self._part(j, X, y))
        seconds = (perf_counter() - started) / len(self.members)
        outcomes = []
        for member, monitor in zip(self.members, self.monitors, strict=True):
            member.seconds = seconds
            outcomes.append(member.epoch(monitor))
        return outcomes

    def _step(self, number, X, y):
        """A step of all whose loss is finite so far."""
        network, members, m = self.network, self.members, len(y) // len(self.members)
        for member in self.scheduled:
            member.follow(number)
        if network.dropouts:
            network.draw_masks([None if one.is_broken else one.dropout for one in members], X)
        found = network.losses_and_gradients(
            X, y, 1 / m, [one.settings.alpha / m for one in members]
        )
        share = m / self.batches.n_rows
        for member, gradient, numbers in zip(members, network.gradients, found, strict=True):
            if not (member.is_broken or member.move(gradient, share, *numbers)):
                member.break_off(numbers[0], self._part(members.index(member), X, y))

    def _part(self, j, X, y):
        """What network j has of a batch."""
        m = len(y) // len(self.members)
        return X[j * m : (j + 1) * m], y[j * m : (j + 1) * m], None

    def release(self):
        """Give each state weights of its own again."""
        for state in self.states:
            state.weights = state.weights.copy()


class _Member(Course):
    """One of the trainings in a pack, which hands it loss and gradient of each step."""

    def __init__(self, plan, batches, rate):
        super().__init__(plan.state, plan.settings, plan.rows.n_rows)
        self.batches, self.seconds, self.rate = batches, 0.0, rate

    def begin(self):
        """An epoch begins."""
        self._found, self._before = [0.0, 0.0, 0.0], self.state.time.epoch
        self.is_broken, self._batch = False, None

    def follow(self, number):
        """What follows a schedule is set for a step of this number."""
        self.state.time.epoch = self._before + number / self.batches.n_batches
        if self.follows and not self.is_broken:
            self.follow_schedules()

    def move(self, gradient, share, total, penalty, norm):
        """Take one step. Returns whether the loss allows it."""
        state, settings, found = self.state, self.settings, self._found
        if not math.isfinite(total):
            return False
        limit = settings.max_grad_norm
        if limit and norm > limit:
            gradient *= float(limit) / norm
        self.rate = rate = self._rate() if settings.schedule else state.time.initial_rate
        settings.optimizer.step(state.weights.theta, gradient, state.moments, rate)
        if state.average:
            self._update_average()
        found[0] += (total - penalty) * share
        found[1] += penalty * share
        found[2] += norm / self.batches.n_batches
        return True

    def break_off(self, total, batch):
        """The loss on a batch is not finite: the epoch comes to nothing."""
        X, y, _ = batch
        self._found[0], self.is_broken, self._batch = total, True, (X.copy(), y.copy(), None)

    def see(self, batch):
        """This batch was the last one of the epoch."""
        if not self.is_broken:
            self._batch = batch

    def _pass(self):
        """What the steps of this epoch came to."""
        self.state.time.epoch = self._before + 1
        return (*self._found, self.seconds), self._batch, {}


class _Shuffles:
    """A generator for each network, which puts its rows in an order of their own."""

    def __init__(self, generators):
        self.generators = generators

    def permuted(self, numbers, axis):
        """Each row of `numbers` in another order."""
        pairs = zip(self.generators, numbers, strict=True)
        return np.stack([rng.permuted(own, axis=axis) for rng, own in pairs])


@dataclass
class _RowsOfEach(Rows):
    """Rows of one table; `numbers` are those that each trains on, in an order of its own."""

    numbers: np.ndarray | None = None

    def of_members(self, n_members, mean_weight):
        """As in `Rows`."""
        return self.numbers, None, mean_weight


def _rows_of_each(each):
    """The rows of one table that each trains on, as those of members."""
    first = each[0]
    numbers = [rows.of(np.arange(first.X.shape[0])) for rows in each]
    return _RowsOfEach(first.X, first.y, numbers=np.stack(numbers))
