"""The names of scikit-learn that are private or new, in one place.

scikit-learn declares and checks constructor parameters with helpers that are not public, and its
own common test ``check_param_validation`` expects estimators to use them. Callbacks came with
version 1.9, as did the attribute in which an estimator keeps those that were set.
Supported and tested: scikit-learn 1.6.1 to 1.9.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _get_feature_names as feature_names

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Without callbacks: scikit-learn is older than 1.9."""


def has_callbacks(estimator):
    """Whether callbacks were set, here or on an estimator around this one."""
    return bool(getattr(estimator, "_skl_callbacks", None))


__all__ = [
    "CallbackSupportMixin",
    "Interval",
    "Options",
    "StrOptions",
    "feature_names",
    "fit_context",
    "has_callbacks",
    "safe_indexing",
]
