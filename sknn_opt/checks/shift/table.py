"""Have the columns of a table changed? Numbers and dates as numbers, categories by their shares."""

from functools import partial
from typing import NamedTuple

import numpy as np

from sknn_opt.checks.shift.categories import category_shift, counted
from sknn_opt.checks.shift.numeric import NumberObserver


class TableTally(NamedTuple):
    """What is kept of new rows: tallies of the columns of numbers, and counts of categories."""

    n_rows: int
    numbers: list
    counts: dict

    def joined(self, other):
        """That of the rows of both."""
        numbers = [a.joined(b) for a, b in zip(self.numbers, other.numbers, strict=True)]
        counts = {j: count + other.counts[j] for j, count in self.counts.items()}
        return TableTally(self.n_rows + other.n_rows, numbers, counts)


class TableObserver:
    """Holds the columns of a table to what a `TableEncoder` knows of its training data."""

    def __init__(self, encoder, names):
        self._encoder, self._names, codebook = encoder, names, encoder._codebook
        values = {} if codebook is None else codebook.values
        self._words = sorted(values.keys() & encoder._kinds.keys())
        blocks = [block for block, _ in encoder._blocks if getattr(block, "amounts", ())]
        self._blocks = [
            (block, NumberObserver(block.normalizer, [names[j] for j, _ in block.sources]))
            for block in blocks
        ]
        self.n_features = len(self._words) + sum(len(block.amounts) for block in blocks)
        known = [observer.n_training for _, observer in self._blocks]
        known += [float(codebook.counts[j].sum()) for j in self._words]
        self.n_training = max(known, default=0.0)

    def tally(self, X):
        """What is kept of the rows of X."""
        cells, codebook = self._encoder._cells(X), self._encoder._codebook
        numbers = [observer.tally(block.read(cells)) for block, observer in self._blocks]
        counts = {
            j: counted(cells.codes([j])[:, 0], len(codebook.counts[j]) - 1) for j in self._words
        }
        return TableTally(cells.n_rows, numbers, counts)

    def numbers(self, X):
        """The rows of X as the encoder hands them to a network."""
        return np.asarray(self._encoder.transform(X))

    def judged(self, tally, level):
        """A row for each feature, each test held to the level; the shift of a mean that it sees."""
        rows, sees, codebook = {}, 0.0, self._encoder._codebook
        for (block, observer), numbers in zip(self._blocks, tally.numbers, strict=True):
            found, at_worst = observer.judged(numbers, level)
            rows |= {j: found[i] for i, j in block.amounts}
            sees = max(sees, at_worst)
        for j in self._words:
            before, label = codebook.counts[j], partial(codebook.label, j)
            rows[j] = category_shift(self._names[j], tally.counts[j], before, label, level)
        return [rows[j] for j in sorted(rows)], sees
