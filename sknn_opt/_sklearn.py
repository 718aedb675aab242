"""The names of scikit-learn that are private or new, in one place.

scikit-learn declares and checks constructor parameters with helpers that are not public, and its
own common test ``check_param_validation`` expects estimators to use them. Callbacks came with
version 1.9, as did the attributes in which an estimator keeps those that were set, here or on an
estimator around it. Supported and tested: scikit-learn 1.6.1 to 1.9.
"""

from inspect import signature

import numpy as np
from sklearn import get_config
from sklearn.base import _fit_context as fit_context
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import _fit_and_score, _insert_error_scores
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
from sklearn.utils.validation import _check_method_params as check_method_params
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


class SearchTask:
    """The task of a search's fit, and the tasks in it, as callbacks see them; without, nothing."""

    def __init__(self, search, X, y, sample_weight):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._seen = {"estimator": search, "X": X, "y": y, "metadata": metadata}
        self._fit = self._trials = None
        if hasattr(search, "_init_callback_context"):
            self._fit = search._init_callback_context(max_subtasks=1 + (search.refit is not False))
            self._fit.call_on_fit_task_begin(**self._seen)
            options = {"max_subtasks": None, "sequential_subtasks": False}
            self._trials = self._fit.subcontext(task_name="search", **options)
            self._trials.call_on_fit_task_begin(**self._seen)

    @property
    def is_watched(self):
        """Whether callbacks of the search see what its estimators do."""
        return bool(callbacks_of(self._seen["estimator"]))

    def trial(self, number):
        """The task of one trial, for `fit_and_score`."""
        if self._trials is None:
            return None
        return self._trials.subcontext(task_name="candidate-split-evaluation", task_id=number)

    def refit(self, estimator, fit):
        """Call `fit`, which fits the estimator, as a task."""
        if self._fit is None:
            fit()
            return
        task = self._fit.subcontext(task_name="refit-with-best-params")
        with task.propagate_callback_context(estimator):
            task.call_on_fit_task_begin(**self._seen)
            fit()
        task.call_on_fit_task_end(**self._seen)

    def end_trials(self):
        """There are no more trials."""
        if self._trials:
            self._trials.call_on_fit_task_end(**self._seen)

    def end(self):
        """The search is over."""
        if self._fit:
            self._fit.call_on_fit_task_end(**self._seen)


def scorers_of(search):
    """What a search scores by, and the name of the metric that decides."""
    scorers, metric = search._get_scorers()
    return scorers, search.refit if isinstance(search.refit, str) else metric


def by_name(scorers):
    """A dict of several scorers, or the only one."""
    return getattr(scorers, "_scorers", scorers)


def routed_for_fit(search, params):
    """The parameters of a search's fit, by who is to have them."""
    return search._get_routed_params_for_fit(params)


def formatted_results(search, params, results, columns):
    """`cv_results_` of candidates, from what was found on each split, and more columns."""
    found = search._format_results(params, search.n_splits_, results, columns)
    if isinstance(results[0]["test_scores"], dict):
        search._check_refit_for_multimetric(results[0]["test_scores"])
    return found


def best_index(search, metric, results):
    """The place of the best candidate, by the search's `refit`."""
    return search._select_best_index(search.refit, metric, results)


def fit_and_score(estimator, X, y, task=None, caller=None, **options):
    """Fit an estimator to a split and score it, as scikit-learn's searches do."""
    if "callback_ctx" in signature(_fit_and_score).parameters:
        options |= {"caller": caller, "callback_ctx": task}
    return _fit_and_score(estimator, X, y, parameters=None, **options)


def insert_error_scores(results, error_score):
    """Give fits that failed the score of an error for each metric that the others have."""
    _insert_error_scores(results, error_score)


def callbacks_of(estimator):
    """The callbacks that were set on an estimator, or handed on to it by one around it."""
    return vars(estimator).get("_skl_callbacks", ())


def metric_of(scorer):
    """The metric inside one of scikit-learn's scorers; any other as it is."""
    return getattr(scorer, "_score_func", scorer)


def forget_optimizer(mlp):
    """Let an MLP of scikit-learn start its optimizer anew: it holds on to the weights it had."""
    vars(mlp).pop("_optimizer", None)


CALLBACK_ATTRIBUTES = {"_skl_callbacks", "_parent_callback_ctx"}

__all__ = [
    "CALLBACK_ATTRIBUTES",
    "BaseSearchCV",
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "Options",
    "SearchTask",
    "StrOptions",
    "as_asked_by_set_output",
    "best_index",
    "by_name",
    "callback_context",
    "callbacks_of",
    "check_feature_names_in",
    "check_method_params",
    "check_sample_weight",
    "convert_to_numpy",
    "feature_names",
    "fit_and_score",
    "fit_context",
    "float_dtype",
    "forget_optimizer",
    "formatted_results",
    "insert_error_scores",
    "metric_of",
    "namespace_and_device",
    "routed_for_fit",
    "safe_indexing",
    "scorers_of",
    "validate_parameter_constraints",
    "validate_params",
]
