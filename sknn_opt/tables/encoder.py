"""From any table to a matrix of floats: `TableEncoder`."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from sknn_opt._sklearn import (
    Interval,
    StrOptions,
    check_feature_names_in,
    fit_context,
    safe_indexing,
)
from sknn_opt.arrays.types import Matrix, RandomState
from sknn_opt.estimators.parameters import DidYouMean, checked_weights, transaction
from sknn_opt.tables import dates
from sknn_opt.tables.categories import Targets, groups_of
from sknn_opt.tables.columns import DATES, NUMBERS, SPANS, TRUTH
from sknn_opt.tables.plan import Plan, chosen_columns
from sknn_opt.tables.table import (
    Cells,
    kinds_of,
    open_table,
    order_of,
    refuse_other_kinds,
    rows_of,
)

# Those inside give arrays, whatever the user wants of this one.
arrays_inside = partial(config_context, transform_output="default")


class TableEncoder(DidYouMean, TransformerMixin, BaseEstimator):
    """From any table to a matrix of floats that a network can learn from.

    Takes data frames of pandas, polars and pyarrow, and arrays, as they come: with text,
    categories, dates and gaps. Each column is treated by what it holds:

    ===========================  ==================================================================
    numbers, time spans          (x - median) / interquartile range, smoothly clipped at ±3 [1]_
    truth values                 as the numbers 0 and 1
    integers of 3 to 9 values    one-hot as well, beside the number
    text, categories             of 2 values: one column, as a number; of more: one-hot, rare and
                                 unseen values together, a missing value as a value of its own
    ... of many or rare values   what each says of y (`TargetEncoder`), in standard deviations of y;
                                 without y the most frequent values one-hot
    ... all different            left out but for gaps, with a warning
    dates                        the date and its year as numbers; month, day of the week and hour
                                 as sine and cosine; the parts that do not vary are left out
    gaps                         the median, and a column that says where they were
    constant or empty            left out: see `dropped_`
    ===========================  ==================================================================

    Parameters
    ----------
    categorical_features : "from_dtype" or array-like of {bool, int, str}, default="from_dtype"
        Which columns are categories: by default text and those whose dtype says so (pandas' and
        polars' categories, dictionaries of pyarrow). A mask, numbers or names of columns make
        others categories too, such as numbers that are codes. Numbers are places of columns.
    max_categories : int, default=30
        Categories with more values are replaced by what each value says of y. So are not those of
        which this would make more columns than that: many classes, or many outputs. Integers in y
        count as classes where there are no more of them than that; `TabularMLPClassifier` and
        `TabularMLPRegressor` know what they are.
    bins : int or None, default=None
        If given, each number also becomes a piecewise-linear encoding of so many bins between its
        quantiles [2]_. That may help with targets that jump; it is much input for few rows.
    dtype : {"float32", "float64"}, default="float32"
        Of the result.
    random_state : int, RandomState instance or None, default=None
        Shuffles the folds of `fit_transform` where there are categories of many values.

    Attributes
    ----------
    origin_ : ndarray of int of shape (n_features_out,)
        From which column of the table each column of the result is.
    is_bin_ : ndarray of bool of shape (n_features_out,)
        Whether each column of the result is one of `bins`.
    dropped_ : dict
        Columns without a part in the result, and why: "constant", "empty", "all different", or
        "all rare", as categories of many values can be without y.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of shape (n_columns,)
        Their names; only if the table is a frame whose names are all strings.

    See Also
    --------
    InputNormalizer : For tables of numbers alone.
    sklearn.compose.ColumnTransformer : For transformers of your own choice.

    Notes
    -----
    `fit_transform` is not `fit` and `transform` where categories of many values are replaced by
    what they say of y: there each training row gets what the rows of the other folds say, because
    its own y would leak into it. Train on the result of `fit_transform`, as a pipeline does.

    A value is rare in fewer than 10 rows; of fewer than 500 rows, in less than a fiftieth of them.
    Values are mostly rare where most rows have a rare one. Text and categories count as all
    different if there are more values than nine for ten rows.
    Integers are one-hot if there are at least 5 rows for each value.

    A sample of weight zero counts as absent. Other weights act on medians, ranges and bins, where a
    weight of two equals two rows; not on what counts as rare, nor on what values say of y.

    Dates with a time zone are read as the clock there shows them.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", NeurIPS 2024 (robust scaling, smooth clipping).
    .. [2] Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in
       tabular deep learning", NeurIPS 2022.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknn_opt import TableEncoder
    >>> X = pd.DataFrame({
    ...     "age": [31, None, 52, 38, 47, 29],
    ...     "color": ["red", "blue", "red", "green", "blue", "red"],
    ...     "joined": pd.to_datetime(["2024-03-01", "2024-03-09"] * 3),
    ...     "country": "NL",
    ... })
    >>> encoder = TableEncoder().fit(X)
    >>> encoder.get_feature_names_out().tolist()  # doctest: +NORMALIZE_WHITESPACE
    ['age', 'joined', 'age_missing', 'joined_weekday_sin', 'joined_weekday_cos',
     'color_blue', 'color_green', 'color_red']
    >>> encoder.transform(X)[:, [0, 2, 5, 6, 7]].round(2)
    array([[-0.43,  0.  ,  0.  ,  0.  ,  1.  ],
           [ 0.  ,  1.  ,  1.  ,  0.  ,  0.  ],
           [ 0.84,  0.  ,  0.  ,  0.  ,  1.  ],
           [ 0.  ,  0.  ,  0.  ,  1.  ,  0.  ],
           [ 0.55,  0.  ,  1.  ,  0.  ,  0.  ],
           [-0.55,  0.  ,  0.  ,  0.  ,  1.  ]], dtype=float32)
    >>> encoder.dropped_
    {'country': 'constant'}
    """

    origin_: NDArray[np.intp]
    is_bin_: NDArray[np.bool_]
    dropped_: dict[Any, str]
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    _parameter_constraints = {  # noqa: RUF012 (scikit-learn's own form)
        "categorical_features": ["array-like", StrOptions({"from_dtype"})],
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "bins": [None, Interval(Integral, 2, None, closed="left")],
        "dtype": [StrOptions({"float32", "float64"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        categorical_features: str | ArrayLike = "from_dtype",
        *,
        max_categories: int = 30,
        bins: int | None = None,
        dtype: str = "float32",
        random_state: RandomState = None,
    ):
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.bins = bins
        self.dtype = dtype
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Matrix, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn what becomes of each column.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table: of pandas, polars or pyarrow, or an array, each column of one kind.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs) or None, default=None
            Numbers or classes. Read only if X has categories of many values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the samples, zero or positive, not all zero.

        Returns
        -------
        self : TableEncoder

        Raises
        ------
        ValueError
            If X has no columns, one row, two columns of one name, a column of several kinds of
            values or of unknown ones, or infinity, or if all columns are constant; if a target is
            needed and missing; or if the weights are negative or all zero. The encoder then stays
            as it was.
        TypeError
            If X is sparse.
        """
        with transaction(self), arrays_inside():
            self._learn(X, y, sample_weight)
        return self

    def fit_transform(
        self, X: Matrix, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Any:
        """Learn what becomes of each column, and encode the training data.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs) or None, default=None
            Numbers or classes. Read only if X has categories of many values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the samples, zero or positive, not all zero.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            As `transform` returns it, but for categories of many values, where each row gets what
            the rows of other folds say.

        Raises
        ------
        ValueError, TypeError
            As for `fit`.
        """
        return self._fit_transform(X, y, sample_weight)

    @fit_context(prefer_skip_nested_validation=True)
    def _fit_transform(self, X, y, sample_weight, classes=None, groups=None):
        """The same where it is known whether y holds `classes`, and which rows are a group."""
        with transaction(self), arrays_inside():
            plan, rows = self._learn(X, y, sample_weight, classes)
            everything = plan.cells
            if rows is not None:
                everything = Cells(open_table(X, self))
                refuse_other_kinds(everything, self._kinds, self._names())
                self._number(everything)
            out = self._write(everything)
            rows = np.arange(len(out)) if rows is None else rows
            groups = groups_of(groups, rows, len(out))
            for block, place in self._blocks:
                if isinstance(block, Targets):
                    out[rows, place] = block.cross_fitted(
                        plan.cells, plan.targets, groups, plan.seed
                    )
        return out

    def transform(self, X: Matrix) -> Any:
        """Encode a table with the columns of the training data; frames may have them in any order.

        Columns of frames are found by name, also where names are numbers or tuples.

        Parameters
        ----------
        X : {data frame, array-like} of shape (n_samples, n_columns)
            The table.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            Of the parameter `dtype`, without NaN; a frame where `set_output` asks for one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If columns are missing or unknown, hold something else than in the training data, or
            infinity.
        """
        check_is_fitted(self)
        with arrays_inside():
            return self._write(self._cells(X))

    def inverse_transform(self, X: ArrayLike) -> NDArray[Any]:
        """The table again, as far as it can be known.

        Numbers come back but for rounding, and NaN where they were missing; dates to the second.
        Of categories the value comes back, but None for a rare or unseen one (where there are two
        values, an unseen one becomes that nearer to the median). Columns that were left out, and
        categories of many values, are NaN throughout.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            What `transform` returned.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Of floats if each column held numbers, else of Python objects.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has another number of columns.
        """
        check_is_fitted(self)
        Z = np.asarray(X)
        if Z.ndim != 2 or Z.shape[1] != len(self.origin_):
            raise ValueError(
                f"X of inverse_transform must be what transform returned, with {len(self.origin_)} "
                f"columns; it has the shape {Z.shape}."
            )
        columns: dict[int, NDArray[Any]] = {}
        for block, place in self._blocks:
            if hasattr(block, "restore"):
                block.restore(Z[:, place], columns)
        numbers = all(kind == NUMBERS for kind, _ in self._kinds.values())
        table = np.full((len(Z), self.n_features_in_), np.nan, float if numbers else object)
        for j, values in columns.items():
            table[:, j] = self._as_it_was(j, values)
        return table

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """The names of the columns of the result, such as "age", "age_missing" and "color_red".

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the table's columns, if it has none itself.

        Returns
        -------
        ndarray of str
            All different.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If they are not the names of the training data, or too few or many.
        """
        check_is_fitted(self)
        names, found = check_feature_names_in(self, input_features), {}
        for j, label in self._labels:
            name = f"{names[j]}_{label}" if label else str(names[j])
            while name in found:
                name += "_"
            found[name] = j
        return np.array(list(found), dtype=object)

    def __sklearn_tags__(self):
        """Return scikit-learn's description of what the estimator accepts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    # Learning -----------------------------------------------------------------------------------

    def _learn(self, X, y, sample_weight, classes=None):
        """Fit all blocks; return their plan, and the rows that they have seen (None: all)."""
        table, rows, weights = open_table(X, self), None, None
        if sample_weight is not None:
            weights = checked_weights(sample_weight, table.X)
            if not weights.all():
                rows = np.flatnonzero(weights)
                table, weights = open_table(rows_of(table.X, rows), self), weights[rows]
                y = None if y is None else safe_indexing(y, rows)
        if y is not None:
            check_consistent_length(table.X, y)
        self._name(table)
        cells, kinds = Cells(table), kinds_of(table)
        chosen = chosen_columns(self.categorical_features, table)
        plan = Plan(cells, kinds, table.names, weights, classes).fit(chosen, y, self)
        self._place(plan.blocks, table)
        self._codebook = plan.codebook
        self._kinds = {j: (kinds[j], table.column(j).zone) for j in set(self.origin_.tolist())}
        self.dropped_ = {
            name: plan.why.get(j) or ("empty" if table.column(j).is_empty() else "constant")
            for j, name in enumerate(table.names)
            if j not in self._kinds
        }
        return plan, rows

    def _name(self, table):
        self.n_features_in_ = table.shape[1]
        self.__dict__.pop("feature_names_in_", None)
        self._labels_in = table.labels
        if table.named is not None:
            self.feature_names_in_ = table.named

    def _place(self, blocks, table):
        """Give each block its place in the result."""
        if not blocks:
            what = "has one row" if table.shape[0] == 1 else "has no column that varies"
            raise ValueError(
                f"X {what} (n_samples={table.shape[0]}, {table.shape[1]} columns): all columns are "
                "constant, empty or all different, and there is nothing to learn from."
            )
        self._labels = [output for block in blocks for output in block.outputs]
        self.origin_ = np.array([j for j, _ in self._labels], dtype=np.intp)
        self.is_bin_ = np.repeat(
            [getattr(block, "are_bins", False) for block in blocks],
            [len(block.outputs) for block in blocks],
        )
        ends = np.cumsum([len(block.outputs) for block in blocks]).tolist()
        places = map(slice, [0, *ends[:-1]], ends)
        self._blocks = list(zip(blocks, places, strict=True))

    # Encoding -----------------------------------------------------------------------------------

    def _names(self):
        return getattr(self, "feature_names_in_", range(self.n_features_in_))

    def _cells(self, X):
        """The columns of the training data in a table of other rows."""
        table = open_table(X, self)
        cells = Cells(table, order_of(table, self))
        refuse_other_kinds(cells, self._kinds, self._names())
        self._number(cells)
        return cells

    def _number(self, cells):
        """Number the categories of cells that are not the training data's."""
        if self._codebook is not None:
            self._codebook.read(cells)

    def _write(self, cells):
        out = np.empty((cells.n_rows, len(self.origin_)), dtype=self.dtype)
        for block, place in self._blocks:
            block.write(cells, out[:, place], self._names())
        return out

    def _as_it_was(self, j, values):
        """The values of a column in the kind that it held."""
        kind = self._kinds[j][0]
        if self._codebook is not None and j in self._codebook.values:
            known = self._codebook.values[j]
            if values.dtype.kind == "O":  # one-hot
                return values
            missing = np.isnan(values)
            codes = np.clip(np.round(np.where(missing, 0, values)), 0, len(known) - 1)
            return np.where(missing, np.nan, known[codes.astype(int)])
        if kind == DATES:
            return dates.times_of(values).astype(object)
        if kind == SPANS:
            missing = np.isnan(values)
            spans = np.round(np.where(missing, 0, values) * 1e6).astype("m8[us]")
            return np.where(missing, None, spans.astype(object))
        if kind == TRUTH:
            return np.where(np.isnan(values), np.nan, (values > 0.5).astype(object))
        return values
