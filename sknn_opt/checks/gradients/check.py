"""Gradient checking: is this the gradient of that function, and if not, where and why?

Source: Ng, "Gradient checking", in "Improving deep neural networks".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from sknn_opt.checks.gradients.points import check_points, refuse_bad_points, refuse_bad_rtol
from sknn_opt.checks.gradients.readers.functions import read_functions
from sknn_opt.checks.gradients.readers.networks import read_estimator
from sknn_opt.checks.gradients.readers.sklearn_mlp import read_sklearn_mlp
from sknn_opt.checks.gradients.readers.torch_module import is_torch_module, read_torch_module
from sknn_opt.checks.gradients.report import GradientReport
from sknn_opt.checks.opener import is_ours, open_network


def check_gradients(
    what: Any,
    *inputs: Any,
    sample_weight: ArrayLike | None = None,
    args: Any = (),
    jac: Callable[..., Any] | bool | None = None,
    blocks: Mapping[str, Any] | None = None,
    burn_in: int = 0,
    dtype: DTypeLike = "float64",
    method: str = "auto",
    rtol: float | None = None,
    points: Any = 1,
) -> GradientReport:
    """Check gradients: which layer, which block, which element is wrong, how much, and why.

    It takes four kinds of input::

        check_gradients(estimator, X, y)                 # ours, or scikit-learn's own MLP
        check_gradients(fun, grad, x0)                   # functions of an array, or of a number
        check_gradients(residuals, jacobian, x0)         # dense, sparse or a LinearOperator
        check_gradients(cost, gradients, parameters)     # of dicts, lists and tuples of arrays
        check_gradients(module, loss)                    # torch: loss(module) is a scalar tensor

    An estimator is checked at random initial weights, after `burn_in` steps of training, and if it
    is fitted at its fitted weights: batch norm in training mode, dropout with its masks frozen,
    the data term and the L2 penalty each by itself.

    Parameters
    ----------
    what : estimator, callable or torch.nn.Module
        An MLPClassifier or MLPRegressor, ours or scikit-learn's, fitted or not, or what holds one:
        a pipeline, a fitted search, an ensemble. A function that returns a number, or the pair of
        a number and its gradient, or residuals of any shape that have a Jacobian. Or a torch
        module. It is not changed.
    *inputs : tuple
        For an estimator X, y and, if wanted, sample_weight; 10 to 50 rows are enough and quick.
        For a function its gradient (a function, or what it returns) and the point x0, of floats;
        the gradient is left out if the function returns it too. x0 is a number, an array of any
        shape, or a dict, list, tuple, named tuple or data class of such, also nested. Functions
        get that structure, and the gradient has it too; in a dict that of ``W1`` is called ``dW1``
        or ``W1``. A Jacobian has the shape of the residuals followed by that of x0. Of torch
        tensors or jax arrays the gradient may be left out: that of autograd is checked. For a
        module its loss.
    sample_weight : array-like of shape (n_samples,), default=None
        The weights of an estimator's rows.
    args : tuple, default=()
        Further arguments of a function and of its gradient, as scipy hands them on:
        ``fun(x, *args)``.
    jac : callable or True, default=None
        The gradient in scipy's way: ``check_gradients(fun, x0, jac=grad)``; True says that `fun`
        returns the pair.
    blocks : dict of str to slice, default=None
        Names for the parts of a vector x0; ``objective.blocks`` can be passed on.
    burn_in : int, default=0
        How many steps of training an estimator of ours takes before it is checked once more. A
        bug may show only when the weights have left their small initial values.
    dtype : {'float64', 'float32'}, default='float64'
        The precision of the backprop of an estimator of ours. float32 is compared with float64
        at the same point, to 1e-5.
    method : str, default='auto'
        For estimators of ours 'elements' compares every element, 'directions' each block along
        three random directions; 'auto' chooses by cost. For everything else 'real' uses real
        steps alone, 'complex' complex steps alone (the function must be analytic, with no abs or
        maximum that hides an imaginary part); 'auto' lets real steps decide, and complex ones
        refine the numbers where the function takes them.
    rtol : float, default=None
        For a function that is itself approximate (an ODE or a linear system solved to a tolerance):
        a block is not WRONG if it differs by no more than this share of its norm. By default no
        function or module is called WRONG whose elements each differ by less than 1e-7 of
        themselves. Not for estimators of ours, which are compared to their last digits.
    points : int or list, default=1
        How many points are checked in one call: x0 and random ones around it, moved by its own
        size, less where the function is not finite. Of an estimator so many random initial weights.
        Or a list of further points for a function, each as x0 is. The report says which is worst.

    Returns
    -------
    GradientReport
        With ``passed``, ``verdict``, ``relative_error``, ``blocks``, ``first_bad_layer``,
        ``hints`` and more; ``print(report)`` shows a table.

    Raises
    ------
    TypeError, ValueError
        If the input is none of the four kinds, or the function is random, changes its argument,
        raises at x0, or returns anything but one finite real number there. Where it raises beside
        x0, no error comes out: other steps are taken, or the report says that its domain ends.
    ImportError
        If a torch module is given and torch cannot be imported.

    See Also
    --------
    check_hessian : The same for second derivatives.
    assert_gradients_close : The same for tests: raises with the table.

    Notes
    -----
    Networks of ours are compared with complex-step derivatives, exact to rounding. Any other
    function is evaluated at real points: three random directions a block, on a ladder of steps
    with measured noise. A block is called WRONG only if it differs by more than the steps' own
    error, OK only if an error above the stated resolution would have shown.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_opt import MLPClassifier, check_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> report = check_gradients(MLPClassifier((5,), dropout=0.3, random_state=0), X[::10], y[::10])
    >>> report.passed
    True

    A function and a gradient with a bug, in the style of the course:

    >>> import numpy as np
    >>> def cost(p):
    ...     return np.sum((p["W1"] @ p["W1"].T) ** 2) / 4 + np.sum(p["b1"] ** 2)
    >>> def gradients(p):
    ...     return {"dW1": p["W1"] @ p["W1"].T @ p["W1"], "db1": -2 * p["b1"]}
    >>> rng = np.random.default_rng(0)
    >>> report = check_gradients(cost, gradients, {"W1": rng.normal(size=(4, 4)), "b1": np.ones(4)})
    >>> report.verdict, report.hints
    ('WRONG', ['b1 is -1 times the right one: the sign is wrong'])
    """
    is_estimator, ours, notes = hasattr(what, "get_params"), False, ()
    refuse_bad_points(points)
    if is_estimator:
        _refuse(points=None if isinstance(points, int) else points)
        _refuse(jac=jac, blocks=blocks, args=_or_none(args))
        if isinstance(what, type):
            raise TypeError(f"Pass an instance: check_gradients({what.__name__}(), X, y).")
        X, y, sample_weight = _rows(inputs, sample_weight)
        opened = open_network(what, X, y)
        given, notes = (opened.part, opened.X, opened.y, sample_weight), opened.notes
        ours = is_ours(opened.part)
    else:
        _refuse(sample_weight=sample_weight)
    if not ours:
        refuse_bad_rtol(rtol)
        _refuse(burn_in=burn_in or None, dtype=None if dtype == "float64" else dtype)
    methods = ("auto", *(("elements", "directions") if ours else ("real", "complex")))
    if method not in methods:
        raise ValueError(f"method must be one of {methods} here; got {method!r}.")
    if ours:
        _refuse(rtol=rtol)
        problems = read_estimator(*given, burn_in, dtype, points)
    elif is_estimator:
        problems = read_sklearn_mlp(*given, points)
    else:
        problems = [_read_function(what, inputs, jac, blocks, args)]
    return check_points(problems, method, rtol, 1 if is_estimator else points, notes)


def assert_gradients_close(what: Any, *inputs: Any, **options: Any) -> GradientReport:
    """Assert that gradients are correct; for tests.

    Parameters
    ----------
    what, *inputs, **options
        As for `check_gradients`.

    Returns
    -------
    GradientReport
        Of a check that passed.

    Raises
    ------
    AssertionError
        If the check fails; the message is the report's table, with the fault and the hints.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_opt import assert_gradients_close
    >>> report = assert_gradients_close(lambda x: np.sum(x**3), lambda x: 3 * x**2, [1.0, 2.0])
    """
    report = check_gradients(what, *inputs, **options)
    report.raise_if_failed()
    return report


def _rows(inputs, sample_weight):
    """X, y, sample_weight of an estimator's call."""
    match inputs:
        case (X, y):
            return X, y, sample_weight
        case (X, y, weight) if sample_weight is None:
            return X, y, weight
    raise TypeError(
        "With an estimator check_gradients takes X and y (and sample_weight); got "
        f"{len(inputs)} arguments after the estimator."
    )


def _read_function(what, inputs, jac, blocks, args):
    """The Problem of a torch module or of a function."""
    if is_torch_module(what):
        _refuse(jac=jac, blocks=blocks, args=_or_none(args))
        if len(inputs) != 1:
            raise TypeError(
                "With a torch module check_gradients takes its loss, a function of the module; got "
                f"{len(inputs)} arguments after the module."
            )
        return read_torch_module(what, *inputs)
    if callable(what):
        return read_functions(what, inputs, jac, blocks, args)
    raise TypeError(
        "check_gradients takes an MLPClassifier or MLPRegressor, or what holds one, a function, or "
        f"a torch module; got {type(what).__name__}."
    )


def _or_none(args):
    return None if isinstance(args, tuple) and not args else args


def _refuse(**options):
    for name, value in options.items():
        if value is not None:
            raise TypeError(f"{name}={value!r} does not apply to this kind of input.")
