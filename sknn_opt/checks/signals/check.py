"""Signal checking: why does this network not learn?

Source: Ng, "Vanishing / exploding gradients" and "Weight initialization for deep networks", in
"Improving deep neural networks". What is measured is explained in
`sknn_opt.nn.signals`, the verdict in `sknn_opt.training.verdicts`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from sknn_opt.arrays.types import Matrix, RandomState
from sknn_opt.checks.opener import open_network
from sknn_opt.checks.signals.modules import is_module, module_report
from sknn_opt.checks.signals.points import look_at
from sknn_opt.checks.signals.report import SignalReport
from sknn_opt.checks.signals.sources import MAX_ROWS, check_input, choose_rows, objectives


def check_signals(
    estimator: Any,
    X: Matrix,
    y: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    random_state: RandomState = 0,
    loss: Callable[..., Any] | None = None,
) -> SignalReport:
    """Follow the signals through a network and the gradients back: do they vanish or explode?

    In each layer the gain is rms out / rms in, forward of the activations, backward of a random
    gradient of variance 1 at the outputs. So neither the scale of X and of the loss nor the
    targets can change them. A gain of 1.5 or 0.5 in each of L layers makes 1.5^L or 0.5^L.

    Parameters
    ----------
    estimator : estimator
        An MLPClassifier or MLPRegressor, ours or scikit-learn's, fitted or not; a pipeline, a
        fitted search or an ensemble with one in it. It is not changed. Of a pipeline that is not
        fitted, copies of the steps before the network are fitted to X, and a note says so; of an
        ensemble the first network is looked at. Or a torch module, or a Keras model: its layers are
        those with a weight matrix or a kernel, in the order in which they are called.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows as for fit; of more than 500 a random part is looked at.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets. Without them there are no gradient norms and no update-to-weight ratios, and
        an estimator that is not fitted counts as one with a single output.
    sample_weight : array-like of shape (n_samples,), default=None
        How much each row counts in the gradient and for batch norm.
    random_state : int, RandomState instance or None, default=0
        Draws the random gradient, the rows, and the initial weights of an estimator whose own
        ``random_state`` is None.
    loss : callable, default=None
        For a torch module: ``loss(module(X), y)``, a tensor of one element. With it and y there are
        gradient norms.

    Returns
    -------
    SignalReport
        With ``verdict``, ``passed``, ``findings``, ``points`` and ``layers``; ``print(report)``
        shows a table.

    Raises
    ------
    TypeError
        If there is no network in the estimator.
    ValueError
        If X cannot be looked at (another width than in fit, a single row, NaN, zeros alone), if
        the network has no hidden layer, or if a step of an unfitted pipeline cannot be fitted.

    See Also
    --------
    SignalPropagationDisplay : The picture.
    check_gradients : Is the gradient correct?

    Notes
    -----
    Initial and fitted weights together take fewer multiplications than three gradients of the same
    rows: a pass forward, one back for δ alone, and with y one for the gradient. All is computed in
    float64, so that what float32 would lose can be seen; batch norm and dropout are in training
    mode.

    With y the solver rehearses the fit, unless there are fitted weights that have learned
    something: up to 100 steps of up to 100 rows from the initial weights, up to 200 if the first
    100 do not bring the loss below 0.9 of that of a constant prediction. Where the loss falls,
    signals that look bad are remarked upon, and the verdict is "healthy"; where it does not, and
    would not, although a small network with Adam learns the same rows, the verdict is "slow".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknn_opt import InputNormalizer, MLPClassifier, check_signals
    >>> X, y = load_digits(return_X_y=True)
    >>> deep = MLPClassifier((50,) * 10, activation="logistic", init="xavier", random_state=0)
    >>> report = check_signals(make_pipeline(InputNormalizer(), deep), X, y)
    >>> report.verdict
    'vanishing'
    >>> print(report.findings[0])  # doctest: +ELLIPSIS
    layer 2: gradients are multiplied by 0.2... a layer, ... Try init='auto', batch_norm=True, ...
    >>> check_signals(deep.set_params(init="auto"), (X - 5) / 6).verdict
    'healthy'
    """
    seed = int(check_random_state(random_state).randint(2**31))
    if is_module(estimator):
        if sample_weight is not None:
            raise TypeError("sample_weight does not apply to modules; let the loss weigh the rows.")
        return module_report(estimator, X, y, loss, seed)
    if loss is not None:
        raise TypeError(
            f"loss is for torch modules; a {type(estimator).__name__} has its own. Leave it out."
        )
    return signal_report(estimator, X, y, sample_weight, seed)


def signal_report(estimator, X, y, sample_weight=None, random_state=0, *, initial=True):
    """What `check_signals` returns; with `initial` also of the weights before a fit."""
    seed = int(check_random_state(random_state).randint(2**31))
    opened = open_network(estimator, X, y, "check_signals")
    mlp, y, notes = opened.part, opened.y, opened.notes
    X, n_rows = check_input(mlp, opened.X, y, sample_weight)
    if n_rows > MAX_ROWS:
        notes += (f"{MAX_ROWS:,} of {n_rows:,} rows were looked at",)
    X, y, sample_weight = choose_rows(mlp, X, y, sample_weight, np.random.default_rng(seed))
    if y is None:
        notes += ("without y there are no gradient norms",)
    points = objectives(mlp, X, y, sample_weight, seed, initial=initial)
    seen = mlp, n_rows if y is not None else None, seed, opened.names
    looked = (look_at(name, points, *seen) for name in points)
    return SignalReport(tuple(looked), notes)
