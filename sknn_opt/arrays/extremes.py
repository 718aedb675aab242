"""Numbers that no table holds: beyond 1e100, squares and their weighted sums could leave float64.

Networks refuse them, so that no formula has to mind them. Sentinels such as float32's largest,
3.4e38, are well inside. `InputNormalizer` measures them in a larger unit, up to 1e305.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite

LARGEST = np.float64(1e100)  # a NumPy scalar: float32 numbers are compared with it in float64
HUGE = np.float64(1e305)  # what differences of two numbers allow, where nothing is squared


def has_extremes(x, limit=LARGEST):
    """Tell whether a float array holds infinity or a number beyond a limit; NaN is passed over."""
    return max(np.fmax.reduce(x, axis=None), -np.fmin.reduce(x, axis=None)) > limit


def refuse_extremes(X, name, names=None, owner=None, allow_nan=False, limit=LARGEST):
    """Raise ValueError if X, dense or sparse, holds infinity, NaN or a number beyond a limit.

    Infinity in the words of scikit-learn; NaN with the remedy for X of a network, the `owner`.
    Columns are called by their `names`, where there are any.
    """
    values = X.data if issparse(X) else X
    try:
        assert_all_finite(values, allow_nan=allow_nan or owner is not None, input_name=name)
    except ValueError as error:
        if "infinity" not in str(error):
            raise
        row, _, column = _first(abs(X) == np.inf, names)
        raise ValueError(f"{str(error).rstrip('.')}, first in {column} at row {row}.") from None
    if owner is not None and np.isnan(values).any():
        row, _, column = _first(X != X, names)
        raise ValueError(
            f"Input {name} contains NaN, first in {column} at row {row}: let TabularMLPClassifier "
            "or TabularMLPRegressor take the table as it is, or fill in what is missing, by "
            f"make_pipeline(SimpleImputer(), InputNormalizer(), {owner.__name__}())."
        )
    if values.size and has_extremes(values, limit):
        row, j, column = _first(abs(X) > limit, names)
        raise ValueError(
            f"{name} holds {X[row, j]:g} in {column}; no number may be beyond {limit:g} in size: "
            "correct it, or divide the column by a constant."
        )


def _first(found, names):
    """Row and column of the first column with an element that is true, and what to call it."""
    rows, columns = found.nonzero()
    j = columns.min()
    return rows[columns == j].min(), j, f"column {j}" if names is None else f"feature {names[j]!r}"
