"""All or nothing: an estimator whose fit fails is as it was before."""

from contextlib import contextmanager


@contextmanager
def transaction(estimator):
    """Undo every change of the estimator's attributes if the block raises anything.

    scikit-learn's validation records the number and names of the features before a fit has
    succeeded; without this, a fit that fails would leave a model that no longer predicts.
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
