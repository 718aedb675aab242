"""The names of scikit-learn that are private or new, in one place.

scikit-learn declares and checks constructor parameters with helpers that are not public, and its
own common test ``check_param_validation`` expects estimators to use them. Callbacks came with
version 1.9, as did the attributes in which an estimator keeps those that were set, here or on an
estimator around it. Supported and tested: scikit-learn 1.6.1 to 1.9.
"""

import numpy as np
from sklearn import get_config
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._array_api import _convert_to_numpy as convert_to_numpy
from sklearn.utils._array_api import _is_numpy_namespace, get_namespace_and_device
from sklearn.utils._array_api import _max_precision_float_dtype as float_dtype
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _get_feature_names as feature_names

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Without callbacks: scikit-learn is older than 1.9."""


def validate_params(estimator):
    """Check the constructor's parameters, as `fit_context` does."""
    estimator._validate_params()


def as_asked_by_set_output(estimator, array, X):
    """The array, or the frame of it that `set_output` asks for, with the index of X."""
    return _wrap_data_with_container("transform", array, X, estimator)


def namespace_and_device(X):
    """Those of an array that array API dispatch leaves where it is; else None and None."""
    if isinstance(X, np.ndarray) or not get_config()["array_api_dispatch"]:
        return None, None
    xp, is_array, device = get_namespace_and_device(X)
    return (xp, device) if is_array and not _is_numpy_namespace(xp) else (None, None)


def callback_context(estimator, n_subtasks):
    """The task of a fit, for an estimator that `CALLBACK_ATTRIBUTES` say is watched."""
    return estimator._init_callback_context(max_subtasks=n_subtasks)


def metric_of(scorer):
    """The metric inside one of scikit-learn's scorers; any other as it is."""
    return getattr(scorer, "_score_func", scorer)


def forget_optimizer(mlp):
    """Let an MLP of scikit-learn start its optimizer anew: it holds on to the weights it had."""
    vars(mlp).pop("_optimizer", None)


CALLBACK_ATTRIBUTES = {"_skl_callbacks", "_parent_callback_ctx"}

__all__ = [
    "CALLBACK_ATTRIBUTES",
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "as_asked_by_set_output",
    "callback_context",
    "check_feature_names_in",
    "check_sample_weight",
    "convert_to_numpy",
    "feature_names",
    "fit_context",
    "float_dtype",
    "forget_optimizer",
    "metric_of",
    "namespace_and_device",
    "safe_indexing",
    "validate_parameter_constraints",
    "validate_params",
]
