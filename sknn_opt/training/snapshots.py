"""Epochs to come back to: copies of all that a training changes, as many as fit into memory.

What goes back: weights, running statistics, average, the optimizer's moments, and what was judged
(the best epoch, of each member too), as if the epochs given up had never been. What goes on: the
time, so that no schedule and no limit of epochs starts over; the history; and the generators, so
that the rows come in another order than before.
"""

import numpy as np

JUDGED = ("best", "best_value", "best_epoch", "lowest_loss")
CARRIED = ("running_weight", "n_averaged", *JUDGED)
MAX_KEPT = 1000  # snapshots, however small


class Snapshots:
    """Copies of a `TrainingState` by their epochs, in at most `limit` bytes.

    Where they are too many, every second of the older half is left out: the further back, the
    fewer. The first, the latest two and the best one stay.
    """

    def __init__(self, limit):
        self._limit, self._kept, self._size = limit, {}, 0

    def __len__(self):
        return len(self._kept)

    @property
    def epochs(self):
        """The epochs that are kept, in order."""
        return list(self._kept)

    def take(self, state):
        """Keep a copy of the state as it is after its latest epoch."""
        snapshot = state.copy()
        snapshot.history, size = [], _size(snapshot)
        self._kept[state.n_epochs] = snapshot, size
        self._size += size
        while len(self._kept) > 4 and (self._size > self._limit or len(self._kept) > MAX_KEPT):
            self._thin(state.best_epoch)

    def nearest(self, epoch):
        """The latest epoch kept that is not after this one; None if all are."""
        return max((kept for kept in self._kept if kept <= epoch), default=None)

    def put_back(self, epoch, state):
        """Change the state in place: its trainer holds on to its arrays."""
        snapshot, _ = self._kept[epoch]
        for name in ("weights", "average"):
            if here := getattr(state, name):
                here.theta[...] = getattr(snapshot, name).theta
                here.statistics[...] = getattr(snapshot, name).statistics
        copied = snapshot.copy()
        state.moments, state.members = copied.moments, copied.members
        for name in CARRIED:
            setattr(state, name, getattr(snapshot, name))
        forget_stall(state)

    def clear(self):
        """Free the memory."""
        self._kept, self._size = {}, 0

    def _thin(self, best):
        """Leave out every second of the older half; at least one goes."""
        epochs = self.epochs
        older = epochs[: max(3, len(epochs) // 2)]
        for some in (older[1::2], older[2:]):
            gone = [epoch for epoch in some if epoch != best]
            if gone:
                break
        for epoch in gone:
            self._size -= self._kept.pop(epoch)[1]


def forget_stall(state):
    """Give a training that somebody changed as much patience as a new one."""
    for each in (state, *(state.members or ())):
        each.n_stalled = 0


def _size(state):
    """The bytes of a copy; the best weights count where they are its own."""
    held = [state.weights, state.average]
    if state.best and (state.members or state.best_epoch == state.n_epochs):
        held.append(state.best)
    arrays = [array for weights in held if weights for array in vars(weights).values()]
    return sum(array.nbytes for array in [*arrays, *map(np.asarray, state.moments.values())])
