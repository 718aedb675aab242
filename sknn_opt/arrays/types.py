"""Types for annotations: what users hand over, and what they get."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

Floats = NDArray[np.floating]
Matrix = ArrayLike | sparse.spmatrix | sparse.sparray  # rows and columns, data frames too
RandomState = int | np.random.RandomState | np.random.Generator | None
