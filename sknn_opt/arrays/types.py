"""Types for annotations: what users hand over, and what they get."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

Floats = NDArray[np.floating]
Matrix = ArrayLike | sparse.spmatrix | sparse.sparray  # rows and columns, data frames too
RandomState = int | np.random.RandomState | np.random.Generator | None


class Splitter(Protocol):
    """A splitter of scikit-learn."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterable[Any]:
        """Yield (training rows, test rows)."""

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many splits there are."""
