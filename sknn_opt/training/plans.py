"""What trainers are given, and which of it one packed network can train."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import issparse

from sknn_opt.training.monitor import Monitor
from sknn_opt.training.rows import Rows
from sknn_opt.training.settings import Settings
from sknn_opt.training.state import TrainingState

LARGEST = 2**18  # multiplications of a step's largest product, beyond which packing gains nothing
FEWEST = 4  # networks in a pack that gains something


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
        return (
            settings.optimizer is not None
            and state.architecture.n_members == 1
            and not state.architecture.batch_norm
            and rows.weight is None
            and not issparse(rows.X)
            and not isinstance(rows.X, np.memmap)
            and product <= LARGEST
        )

    def is_like(self, other):
        """Whether one packed network can train both."""
        return (
            self._shape() == other._shape()
            and np.array_equal(self.rows.X, other.rows.X)
            and np.array_equal(self.rows.y, other.rows.y, equal_nan=self.rows.y.dtype.kind == "f")
        )

    def _shape(self):
        """What must be equal, but for the data."""
        architecture, settings = self.state.architecture, self.settings
        drops = tuple(map(bool, architecture.dropout))
        return (
            replace(architecture, dropout=drops),
            self.state.weights.theta.dtype,
            (self.rows.n_rows, settings.batch_size, bool(settings.shuffle)),
        )


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
