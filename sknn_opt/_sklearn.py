"""The private names of scikit-learn that we need, in one place.

scikit-learn declares and checks constructor parameters with helpers that are not public, and its
own common test ``check_param_validation`` expects estimators to use them.
Supported and tested: scikit-learn 1.6.1 to 1.9.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions

__all__ = ["Interval", "Options", "StrOptions", "fit_context"]
