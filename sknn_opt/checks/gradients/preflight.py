"""A look at the user's function before it is checked, and at each of its results.

Every call of it goes through `Guarded`.
"""

import copy
import random

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from sknn_opt.checks.gradients.reach import get_state, look_around, set_state

N_MORE = 4  # further calls that ought to draw other numbers
SETTLED = 0.1  # of a change, by which state dies out and chance seldom does


class Raised(ValueError):
    """The user's function or gradient raised, and `__cause__` is what."""


def is_function(what):
    """Whether this is to be called with a point; an operator of scipy is called with a vector."""
    return callable(what) and not isinstance(what, LinearOperator)


def call(function, who, x, args):
    """function(x, *args), for `who` it is; its own errors are told apart from ours."""
    try:
        return function(x, *args)
    except Exception as error:
        raise Raised(f"The {who} raised {_told(error)}") from error


def _told(error):
    """An error in a few words."""
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__} ({text})" if text else type(error).__name__


class Guarded:
    """The user's f: its result validated, its calls counted, NaN where it raises.

    Beside x0 may lie the end of its domain. If f raises at x0 as well, where it did not before, its
    own error is raised. `edge` is the least distance from x0 at which f had no finite value, and
    what f did there.
    """

    def __init__(self, function, x0):
        self._function, self._x0, self._raised = function, x0, False
        self.n_calls, self.block, self.edge = 0, None, (np.inf, "")

    def __call__(self, x):
        try:
            value = real_number(self._call(x))
        except Exception as error:
            self._insist_on_x0(error)
            self._see_edge(x, f"raises {_told(_cause(error))}")
            return np.nan
        if not np.isfinite(value):
            self._see_edge(x, f"is {value}")
        return value

    def complex(self, x):
        """f(x) of a complex x, as an array of no dimension; real if f drops what is imaginary."""
        try:
            return np.asarray(detached(self._call(x))).reshape(())
        except Exception:  # whatever a real function does with complex numbers
            return np.asarray(complex(np.nan, np.nan))

    def _call(self, x):
        self.n_calls += 1
        return self._function(x)

    def _insist_on_x0(self, error):
        if self._raised:
            return  # it has been asked
        self._raised = True
        try:
            real_number(self._call(self._x0))
        except Exception:
            error = _cause(error)
            if self.block is not None:
                error.add_note(f"raised by the function while block {self.block!r} was checked")
            raise error from None

    def _see_edge(self, x, what):
        self.edge = min(self.edge, (float(np.linalg.norm(x - self._x0)), what))


def _cause(error):
    return error.__cause__ if isinstance(error, Raised) else error


def preflight(problem):
    """Call f and its gradient twice at x0, and refuse what cannot be checked.

    Returns the gradient as a float64 vector, and whether it is one of single precision.
    """
    try:
        return _look(problem)
    except Raised as error:
        if problem.name == "x0":
            rest = (
                "x0, so it cannot be checked there. See that it runs with x0 alone (and args), or"
            )
        else:
            rest = f"the {problem.name}, so it cannot be checked there. Mend it, or"
        raise Raised(f"{error} at {rest} choose another point.") from error.__cause__


def _look(problem):
    x = problem.x0
    given = x.copy()
    values, gradients = [], []
    for _ in range(2):
        value = problem.value(given)
        _refuse_changes(x, given, "the function")
        values.append(real_number(value))
        try:
            gradient = problem.gradient(given)
        finally:  # what it gives may be refused because of that
            _refuse_changes(x, given, "the gradient")
        if gradient is None:
            raise TypeError("The gradient returned None: is a return missing?")
        gradients.append(as_gradient(gradient, "The gradient", "x0", x.shape).astype(float))
    if not np.isfinite(values[0]):
        where = "x0" if problem.name == "x0" else f"the {problem.name}"
        raise ValueError(
            f"The function is {values[0]} at {where}, so it has no gradient there. Choose "
            "a point where it is finite."
        )
    if values[0] != values[1]:
        _refuse_changing("function", values, lambda: real_number(problem.value(given)), problem)
    differs = ~np.isclose(*gradients, rtol=0, atol=0, equal_nan=True)
    for k in np.flatnonzero(differs)[:1]:
        found = [float(gradient[k]) for gradient in gradients]
        _refuse_changing("gradient", found, lambda: _element(problem, given, k), problem)  # noqa: B023
    return gradients[0], np.float32 in (problem.dtype, np.asarray(gradient).dtype)


def detached(value):
    """A torch tensor, or a sparse array, as an array of NumPy; anything else as it is."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().to_dense()
        return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    return value.toarray() if issparse(value) else value


def real_number(value):
    if value is None:
        raise TypeError("The function returned None: is a return missing?")
    array = np.asarray(detached(value))
    if array.dtype.kind == "c":
        raise TypeError(
            f"The function must return a real number; it returned {value!r}. Return value.real, or "
            "do not step into the complex plane."
        )
    if array.dtype.kind not in "fiub" or array.size != 1:
        shown = f"an array of shape {array.shape}" if array.ndim else f"{type(value).__name__}"
        raise TypeError(
            f"The function must return one real number, the loss; it returned {shown}. Sum or "
            "average over the rows, or pass the Jacobian of residuals as the gradient; that of a "
            "function of each element by itself is np.diag(derivative)."
        )
    return float(array.reshape(()))


def as_gradient(array, who, what, shape):
    """The array, if it has real numbers and the shape of the parameters."""
    if array is None:
        raise TypeError(f"{who} is None: it was never computed, or a return is missing.")
    is_sparse = issparse(array)
    try:
        array = np.asarray(detached(array))
    except ValueError as error:
        raise ValueError(f"{who} is not one array of numbers: {error}") from error
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{who} must be real numbers; it has dtype {array.dtype}{_why_not(array)}.")
    if is_sparse and len(shape) == 1 and array.shape in ((1, *shape), (*shape, 1)):
        return array.ravel()  # sparse matrices have two dimensions
    if array.shape == shape:
        return array
    if array.size == np.prod(shape) == 1 and () in (array.shape, shape):
        return array.reshape(shape)  # a number and an array of one element
    raise ValueError(
        f"{who} must have the shape of {what}, {shape}; it has shape {array.shape}"
        f"{_reshaping(array.shape, shape)}."
    )


def _why_not(array):
    if array.dtype.kind != "c":
        return ""
    if array.imag.any():
        return ", and its imaginary part is not 0. Take the gradient in real parameters"
    return ", though its imaginary part is 0: return its .real"


def _reshaping(found, shape):
    """What may have happened to a gradient of this shape, and what to do."""
    if len(found) > 1 and found == shape[::-1]:
        return ": it is transposed, return its .T"
    if np.prod(found) == np.prod(shape):
        return f": return its .reshape{shape}" if len(shape) > 1 else ": return its .ravel()"
    if len(found) == len(shape) + 1 and found[1:] == shape:
        return ", one gradient for each row: sum or average over the rows"
    if len(found) == len(shape) + 1 and found[:-1] == shape:
        return ", one gradient for each column, a transposed Jacobian: sum or average over them"
    return ""


def _refuse_changes(x, given, who):
    changed = np.flatnonzero(x != given)
    if changed.size:
        k = changed[0]
        raise ValueError(
            f"{who.capitalize()} changes its argument in place: element {k} was {x[k]:g} and is "
            f"{given[k]:g} after the call. Work on a copy."
        )


def _element(problem, x, k):
    """Element k of the gradient, from another call."""
    return float(as_gradient(problem.gradient(x), "The gradient", "x0", x.shape)[k])


def _refuse_changing(what, values, call_again, problem):
    """A third call, and two from the same random numbers, tell what changes from call to call."""
    function = problem.value if what == "function" else problem.gradient
    reach = look_around(function)
    values = [*values, call_again()]
    shown = ", ".join(map(repr, values[:-1])) + f" and {values[-1]!r}"
    drawn = _is_drawn(call_again, reach.generators)
    if drawn or (reach.may_draw and not _settles(values)):
        raise ValueError(
            f"The {what} is random: calls at the same point gave {shown}. A gradient can only be "
            f"checked with its randomness frozen: {problem.remedy}."
        )
    grows = (
        what == "gradient" and values[0] and np.allclose(np.divide(values, values[0]), [1, 2, 3])
    )
    if grows:
        raise ValueError(
            f"The gradient adds up from call to call: calls at the same point gave {shown}. Set it "
            "to zero at the start of each call."
        )
    raise ValueError(
        f"The {what} carries state over from one call to the next: calls at the same point gave "
        f"{shown}, and no generator of random numbers explains it. Reset its state (hidden states, "
        "counters, caches, running averages) at the start of each call."
    )


def _is_drawn(call, generators):
    """Whether calls from one state of all generators agree, and others do not."""
    saved = [(each, get_state(each)) for each in (random, np.random, *generators)]
    found = []
    for _ in range(2):
        for each, state in saved:
            set_state(each, copy.deepcopy(state))
        found.append(call())
    return found[0] == found[1] and any(call() != found[0] for _ in range(N_MORE))


def _settles(values):
    """Whether the later of three calls agree, or the changes die out: chance does neither."""
    first, second, third = values
    return third in (first, second) or abs(third - second) < SETTLED * abs(second - first)
