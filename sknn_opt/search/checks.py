"""What a search is given, checked before the first trial."""

import warnings
from inspect import isclass

import joblib
import numpy as np
from sklearn.base import clone

from sknn_opt._sklearn import validate_params
from sknn_opt.estimators.spelling import closest
from sknn_opt.search.distributions import Choice, as_distribution


def seeded(estimator, rng):
    """A clone that draws its random numbers from `rng`: so each trial can be repeated."""
    estimator = clone(estimator)
    for name, value in sorted(estimator.get_params(deep=True).items()):
        if value is None and name.rpartition("__")[2] == "random_state":
            estimator.set_params(**{name: int(rng.randint(2**31))})
    return estimator


def checked_space(given, estimator):
    """The distributions of `param_distributions`, by names and within bounds of the estimator.

    Raises
    ------
    ValueError
        If a name is unknown, a range empty, or a value none that the parameter may be.
    """
    if not given:
        raise ValueError("param_distributions is empty: give at least one parameter to search.")
    space = {}
    for name, value in given.items():
        try:
            space[name] = as_distribution(value)
        except (ValueError, TypeError) as error:
            raise type(error)(f"param_distributions[{name!r}] cannot be used: {error}") from error
    _refuse_unknown(space, estimator)
    _refuse_outside(space, estimator)
    if all(isinstance(each, Choice) for each in space.values()):
        warnings.warn(
            "All of param_distributions are lists of choices, so there is no scale to zoom into: "
            "this is a random search that comes to prefer the choices of the best.",
            UserWarning,
            stacklevel=4,
        )
    return space


def _refuse_unknown(space, estimator):
    known = estimator.get_params(deep=True)
    for name in space.keys() - known.keys():
        try:
            clone(estimator).set_params(**{name: _ends(space[name])[0]})
        except (ValueError, AttributeError):
            meant = closest("parameter", name, known)
            hint = f" Did you mean {meant!r}?" if meant else ""
            raise ValueError(
                f"param_distributions has {name!r}, which is no parameter of "
                f"{type(estimator).__name__}.{hint} estimator.get_params() has the names."
            ) from None


def _refuse_outside(space, estimator):
    """Raise ValueError for a value that scikit-learn's validation of its owner refuses."""
    if not _is_valid(estimator):
        return  # it needs the values of the search
    for name, distribution in space.items():
        for value in _ends(distribution):
            probe = clone(estimator).set_params(**{name: clone(value, safe=False)})
            error = _error_of(probe)
            if error:
                raise ValueError(
                    f"param_distributions[{name!r}] = {distribution!r} leaves what the parameter "
                    f"may be, with {value!r}: {error}"
                )


def _ends(distribution):
    support = distribution.support()
    return support if isinstance(distribution, Choice) else tuple(support)


def _is_valid(estimator):
    return _error_of(estimator) is None


def _error_of(estimator):
    """What validation says of an estimator and of those in it; None if it is content."""
    inside = [v for v in estimator.get_params(deep=True).values() if not isclass(v)]
    for each in (estimator, *inside):
        if hasattr(each, "_parameter_constraints") and hasattr(each, "get_params"):
            try:
                validate_params(each)
            except ValueError as error:
                return str(error)
    return None


def origin_of(**what):
    """A hash of everything that results hold for, by its names."""
    return {name: _hash(value) for name, value in what.items()}


def _hash(value):
    try:
        return joblib.hash(value)
    except Exception:  # a function without a name has no pickle
        return joblib.hash(repr(type(value)) + str(np.shape(value)))
