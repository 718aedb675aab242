"""The network in what a user hands over, and the data as they reach it."""

from sklearn.exceptions import NotFittedError


def network_of(estimator, who):
    """The fitted network in a pipeline or a search."""
    if hasattr(estimator, "best_estimator_"):
        return network_of(estimator.best_estimator_, who)
    if hasattr(estimator, "steps"):
        return network_of(estimator.steps[-1][1], who)
    if not hasattr(estimator, "early_stopping") or not hasattr(estimator, "scoring"):
        raise TypeError(
            f"{who} needs a fitted MLPClassifier or MLPRegressor of sknn_opt, or a "
            f"pipeline or a search that ends with one; got {type(estimator).__name__}."
        )
    if not hasattr(estimator, "history_"):
        raise NotFittedError(f"This {type(estimator).__name__} has no history yet: call fit first.")
    return estimator


def data_for(estimator, X):
    """X as it reaches the network, and the names of its columns or None."""
    if hasattr(estimator, "best_estimator_"):
        return data_for(estimator.best_estimator_, X)
    if not hasattr(estimator, "steps"):
        return X, getattr(estimator, "feature_names_in_", None)
    before = estimator[:-1]
    if not before.steps:
        return data_for(estimator.steps[-1][1], X)
    X = before.transform(X)
    try:
        names = before.get_feature_names_out() if hasattr(before, "feature_names_in_") else None
    except (AttributeError, ValueError):  # a step has no names for its outputs
        names = None
    return X, names
