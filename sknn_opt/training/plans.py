"""What trainers are given, and which of it one packed network can train."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import issparse

from sknn_opt.training.monitor import Monitor
from sknn_opt.training.rows import Rows
from sknn_opt.training.settings import Settings
from sknn_opt.training.state import TrainingState

LARGEST = 2**18  # multiplications of a step's largest product, beyond which packing gains nothing
MOST_ROWS = 2**19  # of a training: each in a pack has an order of them, eight bytes a row
FEWEST = 4  # networks in a pack that gains something
FEWEST_STEPS = 150  # of each: to prepare a pack takes as long as some dozens


@dataclass
class Plan:
    """What a trainer is given."""

    state: TrainingState
    rows: Rows
    monitor: Monitor
    settings: Settings

    def pays(self):
        """Whether a packed network can train it, and is faster."""
        state, rows, settings = self.state, self.rows, self.settings
        product = settings.batch_size * state.architecture.largest_product
        epochs = min(settings.max_iter, settings.pause_at) - state.time.epoch
        return (
            settings.optimizer is not None
            and state.architecture.n_members == 1
            and not state.architecture.batch_norm
            and rows.weight is None
            and not issparse(rows.X)
            and not isinstance(rows.X, np.memmap)
            and rows.n_rows <= MOST_ROWS
            and product <= LARGEST
            and epochs * -(-rows.n_rows // settings.batch_size) >= FEWEST_STEPS
        )

    def is_like(self, other):
        """Whether one packed network can train both."""
        return self._shape() == other._shape() and have_same_data(self.rows, other.rows)

    def share(self, known):
        """Hold no data that equal data in `known`, a list of `Rows`; what is new goes there.

        Nobody listens from now on: listeners hold X and y as well.
        """
        traits, evaluate = self.settings.traits(), self.monitor.evaluate
        self.settings.traits, self.monitor.listeners = lambda: traits, ()  # they held X
        self.rows = _shared(self.rows, known)
        if evaluate:
            evaluate.rows = _shared(evaluate.rows, known)

    def _shape(self):
        """What must be equal, but for the data."""
        architecture, settings = self.state.architecture, self.settings
        drops = tuple(map(bool, architecture.dropout))
        return (
            replace(architecture, dropout=drops),
            self.state.weights.theta.dtype,
            (self.rows.n_rows, settings.batch_size, bool(settings.shuffle)),
        )


def have_same_data(rows, other):
    """Whether X and y are equal, and lie in memory alike."""
    for mine, theirs in ((rows.X, other.X), (rows.y, other.y)):
        if mine is theirs:
            continue
        if issparse(mine) or issparse(theirs):
            return False
        if (mine.dtype, mine.strides) != (theirs.dtype, theirs.strides):
            return False
        if not np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"):
            return False
    return True


def _shared(rows, known):
    """The same rows, of known data if these are equal."""
    same = next((other for other in known if have_same_data(rows, other)), None)
    if same is None:
        known.append(same := Rows(rows.X, rows.y))
    return replace(rows, X=same.X, y=same.y, frame=None)


def alike(plans):
    """Groups of plans, by their numbers, that one packed network trains faster.

    A plan may be None, which is in no group.
    """
    groups = []
    for i, plan in enumerate(plans):
        if plan is None or not plan.pays():
            continue
        for group in groups:
            if plan.is_like(plans[group[0]]):
                group.append(i)
                break
        else:
            groups.append([i])
    return [group for group in groups if len(group) >= FEWEST]
