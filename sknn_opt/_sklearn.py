"""The names of scikit-learn that are private or new, in one place.

scikit-learn declares and checks constructor parameters with helpers that are not public, and its
own common test ``check_param_validation`` expects estimators to use them. Callbacks came with
version 1.9, as did the attribute in which an estimator keeps those that were set.
Supported and tested: scikit-learn 1.6.1 to 1.9.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Without callbacks: scikit-learn is older than 1.9."""


def has_callbacks(estimator):
    """Whether callbacks were set, here or on an estimator around this one."""
    return bool(getattr(estimator, "_skl_callbacks", None))


def forget_optimizer(mlp):
    """Let an MLP of scikit-learn start its optimizer anew: it holds on to the weights it had."""
    vars(mlp).pop("_optimizer", None)


__all__ = [
    "CallbackSupportMixin",
    "Interval",
    "Options",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "forget_optimizer",
    "has_callbacks",
]
