"""Training that leaves a trace: the weights at the start and after each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sknn_opt.arrays.types import Floats, Matrix
from sknn_opt.checks.opener import open_network


def record_path(estimator: Any, X: Matrix, y: ArrayLike, **fit_params: Any) -> Floats:
    """Fit an estimator, and return the parameters that it passed through.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Pipeline
        Trained in place, as ``estimator.fit(X, y, **fit_params)`` does. A pipeline must end with
        one of the others.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The inputs.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The targets.
    **fit_params : dict
        Passed on to ``fit``.

    Returns
    -------
    path : ndarray of shape (n_epochs + 1, n_parameters)
        The parameters before the first epoch and after each one; with L-BFGS an epoch is an
        iteration. The estimator keeps those of the best epoch, which need not be the last.

    Raises
    ------
    TypeError
        If there is no network of ours in the estimator.

    See Also
    --------
    LossSurfaceDisplay : Draws the path on the cost.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_opt import MLPClassifier, record_path
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((), solver="lbfgs", alpha=0.1, random_state=0)
    >>> path = record_path(net, X, y)
    >>> path.shape == (net.n_iter_ + 1, net.theta_.size)
    True
    """
    net = open_network(estimator, who="record_path", ours=True, in_place=True).part
    path = net._path = []  # read by FitTask
    try:
        estimator.fit(X, y, **fit_params)
    finally:
        vars(net).pop("_path", None)
    return np.array(path)
