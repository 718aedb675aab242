"""Targets as the user has them, and as the network gets them: codes of classes, scaled amounts."""

from dataclasses import replace

import numpy as np
from scipy.sparse import issparse
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from sknn_opt.arrays.extremes import has_extremes, refuse_extremes
from sknn_opt.estimators import target_scale
from sknn_opt.estimators.class_weight import row_factors
from sknn_opt.estimators.missing import mean_r2, refuse_missing, subset_accuracy, with_gaps
from sknn_opt.estimators.parameters import quantile_levels
from sknn_opt.nn.losses import LOSSES, Loss, make_loss
from sknn_opt.training.growth import with_more_classes
from sknn_opt.training.rescaling import rescale

LABELS = "multilabel-indicator"
KINDS = ("binary", "multiclass", LABELS)
ROWS_AT_A_TIME = 2**18  # labels of many rows are not copied as a whole
TIMES = {  # whose numbers depend on a unit that nobody sees
    "m": 'y holds time spans: make numbers of them by y = y / numpy.timedelta64(1, "h").',
    "M": "y holds dates: make numbers of them by "
    'y = (y - numpy.datetime64("1970-01-01")) / numpy.timedelta64(1, "D").',
}
REGRESSION_LOSSES = [name for name, loss in LOSSES.items() if loss.link in ("identity", "exp")]


class Targets:
    """What both know: targets may be missing."""

    _with_gaps = staticmethod(with_gaps)

    def _refuse(self, y):
        """Say what is wrong with targets that cannot be used, if it is clear."""
        refuse_missing(y)


class ClassTargets(Targets):
    """The part of a classifier that knows classes: one column of them, or several labels."""

    _y_numeric = False
    _subset_accuracy = staticmethod(subset_accuracy)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.classifier_tags.multi_label = True
        return tags

    def _check_classes(self, classes, y):
        """The classes that a call of partial_fit announces, sorted; None where none is new."""
        first = not hasattr(self, "theta_")
        labels = np.ndim(y) == 2 and np.shape(y)[1] > 1
        if classes is None:
            if first and not labels:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit: later rows may bring "
                    "classes that this call does not have."
                )
            return None
        classes = np.unique(classes)
        if classes.dtype.kind == "f" and np.isnan(classes).any():
            raise ValueError(
                f"classes={classes.tolist()} holds NaN, which is no label; leave it out."
            )
        if first or np.array_equal(classes, self.classes_):
            return classes if first else None
        lacking = sorted(set(self.classes_.tolist()) - set(classes.tolist()), key=str)
        if lacking:
            raise ValueError(
                f"classes={classes.tolist()} lacks {lacking}, which the network knows. A later "
                "call may announce further classes, and names the known ones as well; leave "
                "classes out where none is new."
            )
        if labels or (self.out_activation_ == "logistic" and self.n_outputs_ > 1):
            raise ValueError(
                f"classes={classes.tolist()} cannot be taken in: a network for several labels, "
                "one for each column of y, has no classes to add. Leave classes out."
            )
        return classes

    def _take_in(self, known, y):
        """Let the network grow by the classes that are not among the known ones."""
        loss, _ = self._loss_and_outputs(y)
        places = np.searchsorted(self.classes_, known)
        predicting = self.theta_, self.statistics_
        grown = with_more_classes(self._training, predicting, loss, places, len(self.classes_))
        vars(self).update(self._attributes(*grown, self.n_iter_, self.t_))

    def _encode(self, y, *, reset, classes=None):
        """Class codes of shape (n,); 0 and 1 of shape (n, 1) or (n, n_labels) for binary ones.

        Labels that are missing stay NaN.
        """
        y = y.toarray() if issparse(y) else y
        y = _as_one_type(y) if y.dtype.kind == "O" else y
        has_gaps = y.dtype.kind == "f" and y.ndim == 2 and np.isnan(y).any()
        kind = LABELS if has_gaps else type_of_target(y, input_name="y")
        if kind not in KINDS:
            _refuse_kind(kind, y)
        if kind == LABELS:
            values = y[~np.isnan(y)] if has_gaps else y
            if not np.isin(values, (0, 1)).all():
                raise ValueError(
                    "y is a matrix of labels with the values "
                    f"{np.unique(values)[:9].tolist()}; they must be 0 and 1: pass "
                    "(y > 0).astype(int), for example."
                )
            if reset:
                self.classes_ = np.arange(y.shape[1])
            return y.astype(np.float32 if has_gaps else np.uint8)
        y = column_or_1d(y, warn=True)
        if reset:
            self.classes_ = LabelEncoder().fit(y).classes_ if classes is None else classes
        elif classes is not None:
            self.classes_ = classes
        codes = _codes(y, self.classes_)
        one_output = len(self.classes_) == 2 and getattr(self.loss, "link", None) != "softmax"
        return codes.astype(np.uint8)[:, np.newaxis] if one_output else codes

    def _decode(self, y):
        """Labels from what `_encode` made of them."""
        if y.ndim == 2 and y.shape[1] > 1:
            return y
        return self.classes_[y.ravel()]

    def _loss_and_outputs(self, y):
        link, name, n_outputs = "logistic", "binary_log_loss", y.shape[-1]
        if y.ndim == 1:
            link, name, n_outputs = "softmax", "log_loss", len(self.classes_)
        if isinstance(self.loss, Loss) and self.loss.link != link:
            raise ValueError(
                f"loss={self.loss!r} has the link {self.loss.link!r}, but these targets need "
                f"{link!r}; see the attribute link of sknn_opt.Loss."
            )
        loss = self.loss if isinstance(self.loss, Loss) else name
        return make_loss(loss, label_smoothing=self.label_smoothing), n_outputs

    def _strata(self, y):
        """The stratum of each row, and how many rows of each are held out at least."""
        return (y.ravel() if y.ndim == 1 or y.shape[1] == 1 else np.zeros(len(y), int)), 1

    def _for_network(self, rows, state, learn=None):
        """The rows with weights times those of the classes."""
        if self.class_weight is None:
            return rows
        totals = state.class_totals
        return rows.weighted_by(row_factors(self.class_weight, rows.y, self.classes_, totals))


class AmountTargets(Targets):
    """The part of a regressor that knows amounts and their scale."""

    _y_numeric = True
    _mean_r2 = staticmethod(mean_r2)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss in ("poisson", "gamma")
        return tags

    def _check_classes(self, classes, y):
        """There are none."""

    def _refuse(self, y):
        super()._refuse(y)
        try:
            if np.asarray(y).dtype.kind in "OSU":
                np.asarray(y, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"MLPRegressor takes numbers in y ({error}); MLPClassifier takes classes."
            ) from error

    def _encode(self, y, *, reset, classes=None):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.dtype.kind in TIMES:
            raise ValueError(TIMES[y.dtype.kind])
        y = y if y.dtype == np.float32 else y.astype(np.float64, copy=False)
        y = y[:, np.newaxis] if y.ndim == 1 else y
        has_gaps = y.shape[1] > 1 and np.isnan(y).any()
        loss = self.loss if isinstance(self.loss, Loss) else LOSSES[self.loss]
        loss.check_targets(y[~np.isnan(y)] if has_gaps else y)
        if has_extremes(y):
            refuse_extremes(y, "y", allow_nan=y.shape[1] > 1)
        return y

    def _decode(self, y):
        """Targets as the user has them."""
        return y.ravel() if y.shape[1] == 1 else y

    def _loss_and_outputs(self, y):
        levels = quantile_levels(self.quantile) if self.loss == "quantile" else None
        if levels is None and np.ndim(self.quantile):
            raise ValueError(
                f"quantile={self.quantile!r} asks for several quantiles, which loss='quantile' "
                f"predicts; loss is {self.loss!r}. Set loss='quantile', or leave quantile out."
            )
        if isinstance(levels, tuple):
            self._check_quantiles(levels, y)
        loss = make_loss(self.loss, quantile=levels, delta=self.huber_delta)
        if loss.link not in ("identity", "exp"):
            raise ValueError(
                f"loss={loss!r} has the link {loss.link!r}; MLPRegressor takes losses with the "
                "link 'identity' or 'exp'. Use MLPClassifier for the others."
            )
        return loss, len(levels) if isinstance(levels, tuple) else y.shape[1]

    def _check_quantiles(self, levels, y):
        """Raise ValueError where the quantiles of one column cannot be had."""
        if y.shape[1] > 1:
            raise ValueError(
                f"quantile has {len(levels)} numbers and y has {y.shape[1]} columns; several "
                "quantiles are those of one column. Fit one network for each column "
                "(sklearn.multioutput.MultiOutputRegressor), or give one quantile."
            )
        if isinstance(self.scoring, str) and self.scoring != "loss":
            raise ValueError(
                f"scoring={self.scoring!r} compares one prediction with each target, and quantile "
                f"has {len(levels)} numbers. Use scoring='loss', None for the mean D² of the "
                "quantiles, or a callable (estimator, X, y)."
            )

    def _strata(self, y):
        """One stratum, of which at least two rows are held out: R² needs them."""
        return np.zeros(len(y), int), 2

    def _for_network(self, rows, state, learn=None):
        """The rows with targets in the network's units, which they teach where `learn` says so."""
        if learn:
            known, counting = state.target_range if learn == "follow" else None, rows.that_count()
            state.target_range = target_scale.range_of(counting.of(counting.y), known)
        if learn and self.normalize_target:
            self._learn_units(rows, state, learn)
        scale = state.target_scale
        return rows if scale is None else replace(rows, y=target_scale.apply(scale, rows.y))

    def _in_range(self, y):
        """Predictions within the range of the training targets."""
        return target_scale.clip(y, self._training.target_range)

    def _learn_units(self, rows, state, learn):
        """Set the units of the network, or let them follow; what is predicted stays."""
        loss, before = state.architecture.loss, state.target_scale
        y, weight = rows.of(rows.y), rows.of(rows.weight)
        if learn == "follow":
            found = target_scale.follow(before, state.recent_targets, loss, y, weight)
        else:
            found = target_scale.learn(loss, y, weight), None
        state.target_scale, state.recent_targets = found
        change = learn != "first" and target_scale.change(before, state.target_scale)
        if change:
            rescale(state, *change)


def _as_one_type(y):
    """Labels of an object column: strings as they are, numbers in a dtype of their own."""
    types = {type(label) for label in y.flat}
    if all(issubclass(each, str) for each in types):
        return y
    if all(issubclass(each, int | float | np.number | np.bool_) for each in types):
        return np.array(y.tolist())
    raise TypeError(
        "y must hold labels of one type, all strings or all numbers; its dtype is object, with "
        f"values of the types {sorted(each.__name__ for each in types)}. Pass y.astype(str), for "
        "example; several labels a row are a matrix of 0 and 1 "
        "(sklearn.preprocessing.MultiLabelBinarizer)."
    )


def _refuse_kind(kind, y):
    """Raise ValueError: these are no classes, or several columns of them."""
    if kind == "multiclass-multioutput":
        raise ValueError(
            "y has several columns with several classes each; MLPClassifier takes one column "
            "of classes, or a label indicator matrix of 0 and 1. "
            "sklearn.multioutput.MultiOutputClassifier fits one classifier per column."
        )
    raise ValueError(
        f"Unknown label type: {kind}. y holds {np.unique(y).size} different values, such as "
        f"{y.flat[0]}; MLPClassifier takes classes. Use MLPRegressor for amounts, or make classes "
        "of them: numpy.digitize(y, bins), or pandas.cut(y, bins, labels=False)."
    )


def _codes(y, classes):
    """The position of each label among the sorted classes."""
    codes = np.empty(len(y), np.min_scalar_type(-len(classes)))
    known = np.empty(len(y), bool)
    for start in range(0, len(y), ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        try:
            found = np.searchsorted(classes, y[block])
        except TypeError:  # labels of another type
            known[block] = False
            continue
        codes[block] = found
        known[block] = classes[np.minimum(found, len(classes) - 1)] == y[block]
    if not known.all():
        unknown = sorted(set(y[~known].tolist()), key=str)
        raise ValueError(
            f"y has the classes {unknown}, which are not among the known classes "
            f"{classes.tolist()}. Leave such rows out, fit anew on all classes, or announce them: "
            "partial_fit(X, y, classes=...) takes further classes where it names the known ones, "
            "too."
        )
    return codes
