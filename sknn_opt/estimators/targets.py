"""Targets as the user has them, and as the network gets them: codes of classes, scaled amounts."""

from dataclasses import replace

import numpy as np
from scipy.sparse import issparse
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from sknn_opt.arrays.extremes import refuse_extremes
from sknn_opt.estimators import target_scale
from sknn_opt.estimators.class_weight import row_factors
from sknn_opt.nn.losses import LOSSES, Loss, make_loss
from sknn_opt.training.rescaling import rescale

KINDS = ("binary", "multiclass", "multiclass-multioutput", "multilabel-indicator")
ROWS_AT_A_TIME = 2**18  # labels of many rows are not copied as a whole
REGRESSION_LOSSES = [name for name, loss in LOSSES.items() if loss.link in ("identity", "exp")]


class ClassTargets:
    """The part of a classifier that knows classes: one column of them, or several labels."""

    _y_numeric = False

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.classifier_tags.multi_label = True
        return tags

    def _check_classes(self, classes, y):
        """The classes that a call of partial_fit announces, sorted; None where there are none."""
        first = not hasattr(self, "theta_")
        if classes is not None:
            classes = np.unique(classes)
            if not first and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"classes={classes.tolist()} differs from the classes of the first call, "
                    f"{self.classes_.tolist()}. Leave classes out after the first call."
                )
        elif first and not type_of_target(y, input_name="y").startswith("multilabel"):
            raise ValueError(
                "classes must be passed on the first call to partial_fit: later rows may bring "
                "classes that this call does not have."
            )
        return classes

    def _encode(self, y, *, reset, classes=None):
        """Class codes of shape (n,); 0 and 1 of shape (n, 1) or (n, n_labels) for binary ones."""
        try:
            kind = type_of_target(y, input_name="y")
            if kind not in KINDS:
                check_classification_targets(y)  # says what is wrong
        except TypeError as error:
            raise TypeError(
                "y must hold labels of one type, all strings or all numbers, without None; "
                f"sorting them failed: {error}."
            ) from error
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y has several columns with several classes each; MLPClassifier takes one column "
                "of classes, or a label indicator matrix of 0 and 1. "
                "sklearn.multioutput.MultiOutputClassifier fits one classifier per column."
            )
        if kind == "multilabel-indicator":
            y = y.toarray() if issparse(y) else y
            if not np.isin(y, (0, 1)).all():
                raise ValueError(
                    f"y is a matrix of labels with the values {np.unique(y).tolist()}; they must "
                    "be 0 and 1: pass (y > 0).astype(int), for example."
                )
            if reset:
                self.classes_ = np.arange(y.shape[1])
            return y.astype(np.uint8)
        y = column_or_1d(y, warn=True)
        if reset:
            self.classes_ = LabelEncoder().fit(y).classes_ if classes is None else classes
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


class AmountTargets:
    """The part of a regressor that knows amounts and their scale."""

    _y_numeric = True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss in ("poisson", "gamma")
        return tags

    def _check_classes(self, classes, y):
        """There are none."""

    def _encode(self, y, *, reset, classes=None):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        loss = self.loss if isinstance(self.loss, Loss) else LOSSES[self.loss]
        loss.check_targets(y)
        y = y if y.dtype == np.float32 else y.astype(np.float64, copy=False)
        y = y[:, np.newaxis] if y.ndim == 1 else y
        refuse_extremes(y, "y")
        return y

    def _decode(self, y):
        """Targets as the user has them."""
        return y.ravel() if y.shape[1] == 1 else y

    def _loss_and_outputs(self, y):
        if self.loss == "quantile" and self.quantile is None:
            raise ValueError(
                "loss='quantile' needs the parameter quantile, a number in (0, 1) such as 0.9; "
                "it is None."
            )
        loss = make_loss(self.loss, quantile=self.quantile, delta=self.huber_delta)
        if loss.link not in ("identity", "exp"):
            raise ValueError(
                f"loss={loss!r} has the link {loss.link!r}; MLPRegressor takes losses with the "
                "link 'identity' or 'exp'. Use MLPClassifier for the others."
            )
        return loss, y.shape[1]

    def _strata(self, y):
        """One stratum, of which at least two rows are held out: R² needs them."""
        return np.zeros(len(y), int), 2

    def _for_network(self, rows, state, learn=None):
        """The rows with targets in the network's units, which they teach where `learn` says so."""
        if learn and self.normalize_target:
            self._learn_units(rows, state, learn)
        scale = state.target_scale
        return rows if scale is None else replace(rows, y=target_scale.apply(scale, rows.y))

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
            f"{classes.tolist()}. Leave such rows out, fit anew on all classes, or announce them "
            "in the first call of partial_fit(X, y, classes=...)."
        )
    return codes
