"""Hessian checking: is this the second derivative of that function?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sknn_opt.checks.gradients.points import check_points, refuse_bad_points, refuse_bad_rtol
from sknn_opt.checks.gradients.readers.hessians import read_hessian
from sknn_opt.checks.gradients.report import GradientReport


def check_hessian(
    grad: Callable[..., Any],
    *inputs: Any,
    hess: Any = None,
    hessp: Callable[..., Any] | None = None,
    args: Any = (),
    blocks: Mapping[str, Any] | None = None,
    method: str = "auto",
    rtol: float | None = None,
    points: Any = 1,
) -> GradientReport:
    """Check a Hessian, or its product with a vector, against a gradient.

    It is called in one of three ways; the names are scipy's::

        check_hessian(grad, hess, x0)             # hess(x): dense, sparse or a LinearOperator
        check_hessian(grad, x0, hess=hess)
        check_hessian(grad, x0, hessp=hessp)      # hessp(x, p): the product of the Hessian and p

    Check the gradient first, with `check_gradients`: here it counts as correct.

    Parameters
    ----------
    grad : callable
        The gradient of the function, ``grad(x, *args)``.
    *inputs : tuple
        The Hessian, unless it is named, and the point x0, of floats: a number, an array of any
        shape, or a structure of such, as `check_gradients` takes it.
    hess : callable or array-like, default=None
        ``hess(x, *args)`` returns an array, a sparse array or a LinearOperator of shape
        (n_parameters, n_parameters). For a structure it may return the structure of structures
        that ``jax.hessian`` returns. An array is the Hessian at x0.
    hessp : callable, default=None
        ``hessp(x, p, *args)`` returns the product of the Hessian at x and p; p and the product
        have the structure of x.
    args : tuple, default=()
        Further arguments of all functions.
    blocks : dict of str to slice, default=None
        Names for the parts of a vector x0.
    method, rtol, points
        As for `check_gradients`.

    Returns
    -------
    GradientReport
        With a block "symmetry" besides those of the parameters.

    Raises
    ------
    TypeError, ValueError
        If there is no Hessian, or two, or what the functions return does not fit x0.

    See Also
    --------
    check_gradients : The same for first derivatives; residuals may come with their Jacobian.

    Notes
    -----
    With a random vector v the gradient of v·∇f(x) is H v. So one number has its gradient checked,
    and it takes as few evaluations as any. v has the size of the parameters and no small element:
    no row can hide. Where H is wrong and not too large, all its elements are compared.
    That H is symmetric is checked on its elements, or, if they are not known, by uᵀH w = wᵀH u.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.optimize import rosen_der, rosen_hess, rosen_hess_prod
    >>> from sknn_opt import check_hessian
    >>> x0 = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    >>> check_hessian(rosen_der, rosen_hess, x0).verdict
    'OK'
    >>> check_hessian(rosen_der, x0, hessp=rosen_hess_prod).verdict
    'OK'
    >>> check_hessian(rosen_der, lambda x: np.tril(rosen_hess(x)), x0).hints[0]
    'x comes of a Hessian of which only the lower triangle is filled'
    """
    if not callable(grad):
        raise TypeError(
            "check_hessian takes the gradient first, a function of x; got "
            f"{type(grad).__name__}. Its forms are (grad, hess, x0) and (grad, x0, hessp=hessp)."
        )
    hess, x0 = _hessian_and_point(inputs, hess, hessp)
    refuse_bad_rtol(rtol)
    refuse_bad_points(points)
    args = args if isinstance(args, tuple) else (args,)  # as scipy does
    problem = read_hessian(grad, hess, hessp, x0, args, blocks)
    return check_points([problem], method, rtol, points)


def _hessian_and_point(inputs, hess, hessp):
    match inputs:
        case (found, x0) if hess is None and hessp is None:
            hess = found
        case (x0,) if (hess is None) != (hessp is None):
            pass
        case _:
            named = [
                name for name, given in (("hess", hess), ("hessp", hessp)) if given is not None
            ]
            raise TypeError(
                "check_hessian takes (grad, hess, x0), (grad, x0, hess=hess) or (grad, x0, "
                f"hessp=hessp); got {len(inputs)} arguments after the gradient"
                + (f" and {' and '.join(named)}." if named else ".")
            )
    if callable(x0):
        raise TypeError(
            "The last argument must be the point x0, and is a function: the order is "
            "check_hessian(grad, hess, x0)."
        )
    if hessp is None and (isinstance(hess, str) or hasattr(hess, "get_matrix")):
        raise TypeError(
            f"hess={hess!r} is an approximation that scipy makes by itself: there is no Hessian of "
            "yours to check."
        )
    return hess, x0
