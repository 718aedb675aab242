"""Bring every input feature to center 0 and scale 1.

A network is initialized for inputs of about unit size; a feature in the thousands would saturate
its units and dictate the learning rate. `InputNormalizer` maps

.. math::

    z = \\frac{x - \\mu}{\\sigma}, \\qquad
    y = \\frac{z}{\\sqrt{1 + (z / c)^2}} \\quad \\text{if } \\mathtt{clip} = c,

the second being a smooth clip: it leaves the bulk of a feature nearly as it is and draws outliers
into (-c, c). μ and σ are mean and standard deviation, which `sknn_opt.arrays.moments` finds, or
median and quartile range, which `sknn_opt.arrays.quantiles` finds, of all rows or of a sample
(`sknn_opt.arrays.sketch`). Here they are applied, block by block, so that a value is read from
memory once and written once.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from sknn_opt._sklearn import (
    CALLBACK_ATTRIBUTES,
    CallbackSupportMixin,
    Interval,
    StrOptions,
    as_asked_by_set_output,
    fit_context,
    validate_params,
)
from sknn_opt.arrays import dispatch, moments, quantiles, sketch
from sknn_opt.arrays.extremes import HUGE, LARGEST, has_extremes, refuse_extremes
from sknn_opt.arrays.scaling import apply_steps, forward_steps, inverse_steps
from sknn_opt.arrays.types import Floats, Matrix
from sknn_opt.estimators.frames import refuse_columns, refuse_times
from sknn_opt.estimators.listeners import FitTask
from sknn_opt.estimators.parameters import DidYouMean, checked_weights, transaction

DISPATCHES = get_tags(StandardScaler()).array_api_support  # scikit-learn 1.6 does not yet
FITTED = (
    *("mean_", "var_", "center_", "scale_", "data_min_", "data_max_", "data_missing_"),
    *("n_samples_seen_", "_moments", "_sketch", "_weighted", "_unit"),
)


class InputNormalizer(
    DidYouMean, CallbackSupportMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Bring features to center 0 and scale 1, optionally with a smooth clip.

    Behaves as scikit-learn's `StandardScaler`; it is more exact where the mean of a feature is
    large compared with its deviation, reads memory-mapped data without copying it, and can rein in
    outliers: with `clip`, features get a median of 0 and a quartile range of one unit, as by
    `RobustScaler`. NaN stands for a missing value: it is left out of the statistics and stays NaN.

    Parameters
    ----------
    copy : bool, default=True
        If False, `transform` and `inverse_transform` write into `X` where it is a writeable NumPy
        array or CSR matrix of float32 or float64. Otherwise, and by default, `X` is never changed.
    with_mean : bool, default=True
        Subtract the center. Not possible for sparse input, which would become dense.
    with_std : bool, default=True
        Divide by the scale.
    clip : float or None, default=None
        A bound c > 0, in units of the scale, that no output exceeds: the scaled value z becomes
        ``z / sqrt(1 + (z / c)**2)`` [2]_. With None, outliers pass as they are.
    center : {'auto', 'mean', 'median'}, default='auto'
        What is subtracted. 'auto' is the mean without `clip`, and the median with it: a single
        999999 would move the mean, and its clip would come too late.
    scale : {'auto', 'std', 'iqr'}, default='auto'
        What to divide by: the standard deviation, or the interquartile range over 1.349, which for
        normal data is the standard deviation. 'auto' is 'std' without `clip`, and 'iqr' with it.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,) or None
        Mean of each feature, in its own unit. None if neither `with_mean` nor `with_std`, and for
        sparse data without `with_std`.
    var_ : ndarray of shape (n_features,) or None
        Variance of each feature (divided by n, not n - 1), in its unit squared. None without
        `with_std`.
    center_ : ndarray of shape (n_features,) or None
        What is subtracted: the mean or the median of each feature, in its unit. None without
        `with_mean`.
    scale_ : ndarray of shape (n_features,) or None
        What each feature is divided by, in its unit; 1 for constant features, whose standard
        deviation is at most 8 eps of their mean. None without `with_std`.
    data_min_, data_max_ : ndarray of shape (n_features,)
        Lowest and highest value of each feature, in its unit: the training range, which
        `check_shift` compares new data with.
    data_missing_ : ndarray of shape (n_features,)
        Share of missing values of each feature, from 0 to 1.
    n_samples_seen_ : int, float or ndarray of shape (n_features,)
        Number of samples, or sum of their weights. An array where features differ in it because
        of missing values.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features; only if `X` has names that are all strings.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : The same without `clip`.
    sklearn.preprocessing.RobustScaler : Median and quartiles, without `clip` and streams.
    check_shift : Have new data left the distribution of the training data?

    Notes
    -----
    `fit` and `partial_fit` are transactions: if they raise, whatever the reason, the estimator is
    as it was before the call.

    A sample of weight zero counts as absent, one of weight two as present twice.

    A quartile range is 0 where half of a feature's values are equal. Then the range from the 10th
    to the 90th percentile takes its place, or that from the 5th to the 95th, the 2.5th to the
    97.5th, or the 1st to the 99th, each over its width for N(0, 1); and the standard deviation
    where all of them are 0.

    The quantiles of `fit` are those of all rows. `partial_fit` takes them from a sample of 2,000
    rows (fewer of more than 2,000 features): exact while all rows fit into it; later the standard
    error of the median of normal data is 0.03 standard deviations. A hash of a row's position in
    the stream decides whether it is kept, so neither its values nor the sizes of the calls matter.
    A feature that has fewer than 100 values in a sample of a longer stream gets its mean and its
    standard deviation. The sample is part of the estimator, and of its pickle.

    A table of time spans counts in seconds. Under scikit-learn's array API dispatch, arrays of
    other libraries, such as PyTorch's, stay in their library, in their dtype and on their device,
    and so do the attributes; statistics are found by NumPy.

    Statistics are summed in float64 in shifted coordinates [1]_. Integers become float64, float16
    becomes float32, float32 stays. A feature without any value yet has a mean, variance and scale
    of NaN, and is transformed to NaN. Results beyond the largest number of the dtype are infinite.
    Numbers beyond 1e305 in size are refused; beyond 1e154 `var_` is infinite, and `scale_` is not.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample
       variance: analysis and recommendations", The American Statistician 37(3), 1983, pp. 242-247.
    .. [2] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", NeurIPS 2024 (smooth clipping).

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_opt import InputNormalizer
    >>> X = np.array([[1.0, 100.0], [2.0, 300.0], [3.0, 500.0]])
    >>> normalizer = InputNormalizer().fit(X)
    >>> normalizer.mean_
    array([  2., 300.])
    >>> normalizer.data_min_, normalizer.data_max_
    (array([  1., 100.]), array([  3., 500.]))
    >>> normalizer.transform(X).round(3)
    array([[-1.225, -1.225],
           [ 0.   ,  0.   ],
           [ 1.225,  1.225]])
    >>> clipped = InputNormalizer(clip=3.0).fit(X)
    >>> clipped.transform([[2.0, 1e9]]).round(3)
    array([[0., 3.]])

    One absurd value moves the mean, not the median:

    >>> X[2] = 999999
    >>> InputNormalizer().fit_transform(X).round(3)
    array([[-0.707, -0.707],
           [-0.707, -0.707],
           [ 1.414,  1.414]])
    >>> InputNormalizer(center="median", scale="iqr").fit(X).center_
    array([  2., 300.])
    """

    mean_: Floats | None
    var_: Floats | None
    center_: Floats | None
    scale_: Floats | None
    data_min_: Floats
    data_max_: Floats
    data_missing_: Floats
    n_samples_seen_: int | float | NDArray[Any]
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    _parameter_constraints = {  # noqa: RUF012 (scikit-learn's own form)
        "copy": ["boolean"],
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
        "clip": [None, Interval(Real, 0, None, closed="neither")],
        "center": [StrOptions({"auto", "mean", "median"})],
        "scale": [StrOptions({"auto", "std", "iqr"})],
    }

    def __init__(
        self,
        *,
        copy: bool = True,
        with_mean: bool = True,
        with_std: bool = True,
        clip: float | None = None,
        center: str = "auto",
        scale: str = "auto",
    ):
        self.copy = copy
        self.with_mean = with_mean
        self.with_std = with_std
        self.clip = clip
        self.center = center
        self.scale = scale

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Matrix, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the center and scale of each feature, forgetting earlier data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, each feature in its own unit; sparse only without `with_mean`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), float or None, default=None
            Weights of the samples, zero or positive, not all zero.

        Returns
        -------
        self : InputNormalizer

        Raises
        ------
        ValueError
            If `X` holds infinity, a number beyond 1e305 in size or none at all, or is sparse while
            `with_mean`, or if the weights are negative, all zero, or sum to more than 1e100.
        """
        watched = CALLBACK_ATTRIBUTES & vars(self).keys()
        task = FitTask(self, X, y, sample_weight) if watched else None
        if task:
            task.begin_fit()
        with transaction(self):
            for name in FITTED:
                self.__dict__.pop(name, None)
            self._see(X, sample_weight, exact=True)
        if task:
            task.end_fit(reconstruction_attributes={})
        return self

    def partial_fit(
        self, X: Matrix, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from more samples, as if they had been part of all data seen before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More training data, with the features of the earlier.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), float or None, default=None
            Weights of the samples, zero or positive, not all zero.

        Returns
        -------
        self : InputNormalizer

        Raises
        ------
        ValueError
            As for `fit`, if the features are not those seen before, or if medians or quartiles are
            asked for and the earlier calls were not.
        """
        validate_params(self)  # scikit-learn itself does so in the first call only
        with transaction(self):
            self._see(X, sample_weight, exact=False)
        return self

    def transform(self, X: Matrix, copy: bool | None = None) -> Any:
        """Scale each feature as learned, then clip.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the unit of the training data. Under scikit-learn's array API dispatch an array
            of the library and on the device of the training data, where the result stays.
        copy : bool or None, default=None
            Takes the place of the parameter `copy` unless None.

        Returns
        -------
        X_scaled : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Data in units of the scale. Of a sparse matrix the stored values are scaled.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` holds infinity or a number beyond 1e305 in size, has other features than the
            training data, or is sparse while `with_mean`.
        """
        check_is_fitted(self)
        dispatch.refuse_other(X, self.data_min_, "InputNormalizer.transform")
        checked = self._validate(X, ("csr",), reset=False)
        if dispatch.is_foreign(checked):
            return dispatch.forward(checked, self._operands(), self.clip)
        return self._write(X, checked, copy, forward_steps)

    def inverse_transform(self, X: Matrix, copy: bool | None = None) -> Any:
        """Undo `transform`.

        Without `clip` exact but for rounding. With it, the digits that the clip took from far
        outliers stay lost; values at or beyond the bound, which `transform` never returns, are
        read as the last number below the bound, so the result stays finite.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Scaled data, in units of the scale.
        copy : bool or None, default=None
            Takes the place of the parameter `copy` unless None.

        Returns
        -------
        X_original : {ndarray, CSR matrix, data frame} of shape (n_samples, n_features)
            Data in the unit of the training data; a frame where `set_output` asks for one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` holds infinity or a number beyond 1e305 in size, has another number of features,
            or is sparse while `with_mean`.
        """
        check_is_fitted(self)
        dispatch.refuse_other(X, self.data_min_, "InputNormalizer.inverse_transform")
        checked = check_array(X, accept_sparse="csr", dtype="numeric", ensure_all_finite=False)
        self._refuse_sparse(checked, "uncenter")
        if checked.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {checked.shape[1]} features, but InputNormalizer is expecting "
                f"{self.n_features_in_} features as input: pass the output of transform."
            )
        if dispatch.is_foreign(checked):
            return dispatch.inverse(self._floats(checked), self._operands(), self.clip)
        original = self._write(X, checked, copy, inverse_steps)
        return original if sparse.issparse(original) else as_asked_by_set_output(self, original, X)

    def __sklearn_tags__(self):
        """Return scikit-learn's description of what the estimator accepts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.array_api_support = DISPATCHES
        tags.input_tags.sparse = not self.with_mean
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _see(self, X, sample_weight, *, exact):
        """Validate the rows of X, learn from them, and publish in the library of X."""
        given = self._validate(X, ("csr", "csc"), reset=not hasattr(self, "n_samples_seen_"))
        X, weights = dispatch.to_numpy(given), None
        if sample_weight is not None:
            weights = checked_weights(dispatch.to_numpy(sample_weight), X)
        self._learn(X, weights, exact)
        if dispatch.is_foreign(given):
            for name, value in vars(self).items():
                if name in FITTED and isinstance(value, np.ndarray):
                    setattr(self, name, dispatch.like(given, value))

    def _learn(self, X, weights, exact=False):
        """Add rows that are validated to what is known; `exact` if they are all."""
        first = not hasattr(self, "n_samples_seen_")
        self._weighted = weights is not None or (not first and self._weighted)
        known = moments.no_moments(X.shape[1]) if first else moments.restored(self._moments)
        known, unit = self._add(known, X, weights)

        has_mean = self.with_std or (self.with_mean and not sparse.issparse(X))
        self.mean_ = moments.mean(known) * unit if has_mean else None
        with np.errstate(over="ignore"):
            self.var_ = moments.variance(known) * unit * unit if self.with_std else None
        self.center_ = self.mean_ if self.with_mean else None
        self.scale_ = moments.scale(known, unit) if self.with_std else None
        by_median, by_quartiles = self._robust()
        if by_median or by_quartiles:
            median, spread = self._quantiles(X, weights, first, exact)
            if by_median:
                self.center_ = np.where(np.isnan(median), self.mean_, median)
            if by_quartiles:
                self.scale_ = np.where(spread > 0, spread, self.scale_)
        else:
            self.__dict__.pop("_sketch", None)
        self.data_min_, self.data_max_ = known.low * unit, known.high * unit
        self.data_missing_ = moments.missing_share(known)
        self.n_samples_seen_ = _samples_seen(known.count, self._weighted)
        self._moments = known._asdict()  # plain arrays, which any serializer can load
        return self

    def _add(self, known, X, weights):
        """The moments with the rows of X, and the units of both: 1, but for huge columns."""
        add = moments.add_sparse if sparse.issparse(X) else moments.add_dense
        unit = vars(self).get("_unit", 1.0)
        found = add(known, X if np.ndim(unit) == 0 else _divided(X, unit), weights)
        sizes = np.fmax(np.abs(found.low), np.abs(found.high))
        if has_extremes(sizes):  # infinity is among them
            names = vars(self).get("feature_names_in_")
            refuse_extremes(X, "X", names, allow_nan=True, limit=HUGE)
            larger = np.exp2(np.where(sizes > LARGEST, np.floor(np.log2(sizes)), 0.0))
            self._unit = unit = unit * larger
            found = add(moments.in_unit(known, larger), _divided(X, unit), weights)
        return found, unit

    def _robust(self):
        """Whether the center is the median, and the scale the quartile range."""
        auto = self.clip is not None
        return (
            self.with_mean and (self.center == "median" or (self.center == "auto" and auto)),
            self.with_std and (self.scale == "iqr" or (self.scale == "auto" and auto)),
        )

    def _quantiles(self, X, weights, first, exact):
        """Add the rows of X to the sample. Return median and spread, NaN where unknown."""
        if not first and not hasattr(self, "_sketch"):
            raise ValueError(
                f"partial_fit with center={self.center!r}, scale={self.scale!r}, clip={self.clip} "
                "needs the quartiles of the earlier calls, which kept none: set center='mean' and "
                "scale='std', or start anew with fit."
            )
        sample = sketch.no_rows(X) if first else sketch.Sketch(**self._sketch)
        sample = sketch.add(sample, X, weights)
        self._sketch = sample._asdict()
        if exact:
            return quantiles.median_and_spread(X, weights)
        return sample.median_and_spread()

    def _validate(self, X, formats, *, reset):
        """X as an array or sparse matrix of numbers; time spans count in seconds."""
        given = getattr(X, "dtype", None)  # a frame has dtypes
        if getattr(given, "kind", "M") in "mM":
            refuse_times(X, spans_alone=True)
        options = {"dtype": "numeric", "ensure_all_finite": False}
        try:
            checked = validate_data(self, X, reset=reset, accept_sparse=formats, **options)
            if dispatch.is_foreign(checked):
                return self._floats(checked)
            if checked.dtype.kind == "O":  # of a polars frame
                checked = checked.astype(np.float64)
        except (TypeError, ValueError) as error:
            refuse_columns(X, error)
            raise
        self._refuse_sparse(checked, "center")
        return checked / np.timedelta64(1, "s") if checked.dtype.kind == "m" else checked

    def _floats(self, X):
        """An array of another library, checked as `_write` checks the others."""
        X = dispatch.as_floats(X)
        if dispatch.has_extremes(X):
            names = vars(self).get("feature_names_in_")
            refuse_extremes(dispatch.to_numpy(X), "X", names, allow_nan=True, limit=HUGE)
        return X

    def _operands(self):
        """What is subtracted, and what to divide by; None where nothing is."""
        return self.center_ if self.with_mean else None, self.scale_

    def _refuse_sparse(self, X, verb):
        """Raise if X is sparse and a mean would have to be subtracted or added."""
        if self.with_mean and sparse.issparse(X):
            raise ValueError(
                f"Cannot {verb} sparse matrices: the result would be dense; "
                "pass `with_mean=False`, or a dense array."
            )

    def _write(self, X, checked, copy, make_steps):
        """Apply the steps to the checked X, into a new array or, if asked and possible, into X."""
        copy = self.copy if copy is None else copy
        is_short = checked.dtype.kind == "f" and checked.dtype.itemsize <= 4
        dtype = np.float32 if is_short else np.float64
        values = checked.data if sparse.issparse(checked) else checked
        # Only into what the caller handed over as an array: the memory behind a data frame, say,
        # may belong to others.
        in_place = (
            not copy
            and isinstance(X, np.ndarray | sparse.csr_array | sparse.csr_matrix)
            and values.dtype == dtype
            and values.flags.writeable
        )
        if sparse.issparse(checked):
            out = checked if in_place else checked.astype(dtype, copy=True)
            scale = None if self.scale_ is None else self.scale_[out.indices][np.newaxis]
            steps = make_steps(None, scale, self.clip, dtype)
            done = apply_steps(steps, values[np.newaxis], out.data[np.newaxis])
        else:
            out = checked if in_place else np.empty_like(checked, dtype=dtype, subok=False)
            done = apply_steps(make_steps(*self._operands(), self.clip, dtype), checked, out)
        if not done:
            names = vars(self).get("feature_names_in_")
            refuse_extremes(checked, "X", names, allow_nan=True, limit=HUGE)
        return out


def _divided(X, unit):
    """X in other units of its columns."""
    return X.multiply(1 / unit).tocsr() if sparse.issparse(X) else X / unit


def _samples_seen(count, weighted):
    """Return the count as one number if all features agree, and as integers if unweighted."""
    count = count.copy() if weighted else count.astype(np.int64)
    return count[0].item() if (count == count[0]).all() else count
