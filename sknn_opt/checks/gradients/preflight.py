"""A look at the user's function before it is checked, and at each of its results.

Every call of it goes through `Guarded`.
"""

import numpy as np


class Guarded:
    """The user's f: its result validated, its calls counted, its errors told where they arose."""

    def __init__(self, function):
        self._function = function
        self.n_calls, self.block = 0, None

    def __call__(self, x):
        return real_number(self._call(x))

    def complex(self, x):
        """f(x) of a complex x, as an array of no dimension; real if f drops what is imaginary."""
        return np.asarray(self._call(x)).reshape(())

    def _call(self, x):
        self.n_calls += 1
        try:
            return self._function(x)
        except Exception as error:
            if self.block is not None:
                error.add_note(f"raised by the function while block {self.block!r} was checked")
            raise


def preflight(problem):
    """Call f and its gradient twice at x0, and refuse what cannot be checked.

    Returns the gradient as a float64 vector, and whether it is one of single precision.
    """
    x = problem.x0
    given = x.copy()
    values, gradients = [], []
    for _ in range(2):
        value = problem.value(given)
        _refuse_changes(x, given, "the function")
        values.append(real_number(value))
        gradient = problem.gradient(given)
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
    _refuse_randomness("function", *values, problem.remedy)
    differs = ~np.isclose(*gradients, rtol=0, atol=0, equal_nan=True)
    for k in np.flatnonzero(differs)[:1]:
        _refuse_randomness("gradient", gradients[0][k], gradients[1][k], problem.remedy)
    return gradients[0], np.float32 in (problem.dtype, np.asarray(gradient).dtype)


def real_number(value):
    if value is None:
        raise TypeError("The function returned None: is a return missing?")
    array = np.asarray(value)
    if array.dtype.kind == "c":
        raise TypeError(
            f"The function must return a real number; it returned {value!r}. Return value.real, or "
            "do not step into the complex plane."
        )
    if array.dtype.kind not in "fiub" or array.size != 1:
        shown = f"an array of shape {array.shape}" if array.ndim else f"{type(value).__name__}"
        raise TypeError(
            f"The function must return one real number, the loss; it returned {shown}. Sum or "
            "average over the rows."
        )
    return float(array.reshape(()))


def as_gradient(array, who, what, shape):
    """The array, if it has real numbers and the shape of the parameters."""
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise ValueError(f"{who} is not one array of numbers: {error}") from error
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{who} must be real numbers; it has dtype {array.dtype}.")
    if array.shape != shape:
        raise ValueError(
            f"{who} must have the shape of {what}, {shape}; it has shape {array.shape}."
        )
    return array


def _refuse_changes(x, given, who):
    changed = np.flatnonzero(x != given)
    if changed.size:
        k = changed[0]
        raise ValueError(
            f"{who.capitalize()} changes its argument in place: element {k} was {x[k]:g} and is "
            f"{given[k]:g} after the call. Work on a copy."
        )


def _refuse_randomness(what, first, second, remedy):
    if first != second:
        raise ValueError(
            f"The {what} is random: two calls at the same point gave {first!r} and {second!r}. "
            f"A gradient can only be checked with its randomness frozen: {remedy}."
        )
