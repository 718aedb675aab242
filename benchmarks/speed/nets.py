"""The networks that are measured, and data for them: A to F are those of the speed targets."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sklearn.datasets import load_digits


@dataclass(frozen=True)
class Net:
    """A classifier's units from inputs to classes, its batch size, and what it is trained on."""

    n_units: tuple
    batch_size: int
    n_rows: int
    n_epochs: int = 4  # so that it is epochs that are measured, and little else
    of_digits: bool = False

    @property
    def hidden(self):
        """The hidden layers' sizes."""
        return self.n_units[1:-1]

    @property
    def n_batches(self):
        """Steps in an epoch."""
        return -(-self.n_rows // self.batch_size)

    @property
    def largest_batch(self):
        """Rows in a batch, when an epoch's batches differ by at most one row."""
        return -(-self.n_rows // self.n_batches)

    def __str__(self):
        return "-".join(map(str, self.n_units))


NETS = {
    "A": Net((64, 100, 10), 200, 1_797, n_epochs=30, of_digits=True),
    "B": Net((54, 100, 7), 200, 50_000),
    "C": Net((54, 256, 256, 7), 256, 20_000),
    "D": Net((784, 256, 256, 10), 256, 10_000),
    "E": Net((20, 32, 2), 32, 10_000, n_epochs=8),
    "F": Net((512, 1024, 1024, 10), 512, 5_000),
}


@lru_cache(maxsize=2)
def data(net, dtype="float32"):
    """X and y. Noise does, but for the digits: the time of an epoch does not depend on values."""
    if net.of_digits:
        X, y = load_digits(return_X_y=True)
        return (X / 16).astype(dtype), y
    rng = np.random.default_rng(0)
    X = rng.standard_normal((net.n_rows, net.n_units[0]), np.float32)
    return X.astype(dtype, copy=False), rng.integers(0, net.n_units[-1], net.n_rows)
