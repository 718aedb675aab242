"""Which rows of a stream are held out.

A row is held out if its hash lies in the lowest `fraction`: so it always is or never is, without a
store of rows, and passing over a file again leaks nothing. Rows that come again and again for
another reason than a new pass are decided at each occurrence: those of a flag or a category would
otherwise never be learned, or never be validated on. A bounded table of the rows seen tells them:

- rows that come with different targets are observations, not copies;
- rows that make up a noticeable part of what has come lately are a category.

The table has four columns of slots; in each a row has one slot, and it takes the first that is
free. At regular numbers of rows counts are halved, and slots whose rows have ceased to come are
free again. A decision depends on the rows before, but not on the calls in which they came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknn_opt.arrays.hashing import held_out_in_stream, renumbered

COLUMNS, SLOTS = 4, 2**10
PERIOD = COLUMNS * SLOTS  # rows after which counts are halved
FREQUENT = 0.25  # times the fraction, of the rows that came lately


@dataclass
class Sightings:
    """The rows seen in a stream.

    Attributes
    ----------
    x, y : ndarray of uint64 of shape (PERIOD,)
        The hash of the row to which a slot belongs, or 0, and of the target with which it came
        first.
    count : ndarray of int of shape (PERIOD,)
        How often it came lately.
    conflict : ndarray of bool of shape (PERIOD,)
        Whether it came with another target as well.
    n_rows, n_recent : int and float
        How many rows have come, and lately.
    """

    x: np.ndarray
    y: np.ndarray
    count: np.ndarray
    conflict: np.ndarray
    n_rows: int = 0
    n_recent: float = 0.0

    @classmethod
    def nothing(cls) -> Sightings:
        """Those at the start of a stream."""
        x, y, count = (np.zeros(PERIOD, dtype) for dtype in (np.uint64, np.uint64, np.int32))
        return cls(x, y, count, np.zeros(PERIOD, bool))

    def copy(self) -> Sightings:
        """Sightings of their own."""
        return Sightings(**{k: v.copy() if np.ndim(v) else v for k, v in vars(self).items()})

    def held_out(self, x, y, fraction):
        """Which of the next rows, with these hashes of inputs and targets, are held out."""
        numbers, again, start = self.n_rows + np.arange(len(x)), np.zeros(len(x), bool), 0
        while start < len(x):
            part = slice(start, start + PERIOD - self.n_rows % PERIOD)  # up to where counts fade
            again[part] = self._see(x[part], y[part], fraction)
            start = part.stop
        return held_out_in_stream(np.where(again, renumbered(x, numbers), x), fraction)

    def _see(self, x, y, fraction):
        """Take rows into the table. Returns which of them are to be decided at each occurrence."""
        again, rest = np.zeros(len(x), bool), np.arange(len(x))
        for column in range(COLUMNS):
            bits = x[rest] >> np.uint64(10 * column)
            slot = column * SLOTS + (bits % np.uint64(SLOTS)).astype(int)
            order = np.argsort(slot, kind="stable")
            rest, slot = rest[order], slot[order]
            is_first = np.concatenate([[True], slot[1:] != slot[:-1]])
            free = is_first & (self.x[slot] == 0)
            self.x[slot[free]], self.y[slot[free]] = x[rest[free]], y[rest[free]]
            known = self.x[slot] == x[rest]
            if known.any():
                again[rest[known]] = self._count(slot[known], y[rest[known]], rest[known], fraction)
            rest = np.sort(rest[~known])
            if not len(rest):
                break
        self.n_rows, self.n_recent = self.n_rows + len(x), self.n_recent + len(x)
        if self.n_rows % PERIOD == 0:
            self._fade()
        return again

    def _count(self, slot, y, place, fraction):
        """Count known rows, sorted by slot; `place` is where they stand among those that came."""
        starts = np.flatnonzero(np.concatenate([[True], slot[1:] != slot[:-1]]))
        sizes = np.diff(starts, append=len(slot))
        count = self.count[slot] + 1 + np.arange(len(slot)) - np.repeat(starts, sizes)
        others = np.cumsum(y != self.y[slot])
        before = np.concatenate([[0], others])[starts]
        conflict = self.conflict[slot] | (others > np.repeat(before, sizes))
        ends = starts + sizes - 1
        self.count[slot[ends]], self.conflict[slot[ends]] = count[ends], conflict[ends]
        many = fraction * count >= 1
        return conflict | (many & (count > FREQUENT * fraction * (self.n_recent + 1 + place)))

    def _fade(self):
        """Halve the counts; what has not come twice leaves."""
        self.count //= 2
        self.n_recent /= 2
        gone = self.count == 0
        self.x[gone] = 0
        self.conflict[gone] = False
