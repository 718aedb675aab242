"""Functions of several values, r, as functions of one number: v·r with random v.

Its gradient is vᵀJ, J being the Jacobian: ∂r/∂x, dense or sparse, or a LinearOperator. Like r and x
it may have any shape; then its own is that of r followed by that of x.
"""

import math

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from sknn_opt.checks.gradients.preflight import detached

LARGEST = 1e6  # elements of a Jacobian that is looked at as a matrix


def random_weights(shape):
    """Weights of both signs and of no two sizes, none of them near 0: no value can hide."""
    rng = np.random.default_rng(0)
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)


def shape_of(what):
    """The shape of an array, a sparse array, a tensor or a LinearOperator; () of anything else."""
    found = getattr(what, "shape", None)
    return tuple(found) if found is not None else np.shape(what)


def is_jacobian(part, values, shape):
    """Whether this is meant as the derivatives of values of this shape by x of that one."""
    found = shape_of(part)
    if found == shape or (math.prod(values) == 1 and not found):
        return False  # a gradient
    return len(found) > 1 or _fits(found, values, shape)


def as_matrix(jacobian, m, n):
    """A dense or sparse Jacobian as a matrix of m rows; None of what is none, or is too large."""
    if isinstance(jacobian, LinearOperator) or m * n > LARGEST:
        return None
    jacobian = np.asarray(detached(jacobian))
    return jacobian.reshape(m, n) if jacobian.size == m * n else None


def weigh(jacobian, v, shape, name=""):
    """vᵀJ, in the shape of x, of a Jacobian by x; in single precision if that is J's."""
    found = shape_of(jacobian)
    if not _fits(found, v.shape, shape):
        what = f"{_count(v.shape, 'residuals')} by {_count(shape, 'parameters')}"
        raise ValueError(
            f"The Jacobian{name} of {what} must have shape {v.shape + shape}; it has shape "
            f"{found}{_turned(found, v.shape, shape)}."
        )
    if isinstance(jacobian, LinearOperator):
        return _rmatvec(jacobian, v).reshape(shape)
    if issparse(jacobian):
        weighed = jacobian.T @ v
    else:
        jacobian = np.asarray(detached(jacobian))
        weighed = np.tensordot(v, jacobian.reshape(v.shape + shape), v.ndim)
    single = jacobian.dtype == np.float32
    return np.asarray(weighed, np.float32 if single else None).reshape(shape)


def _fits(found, values, shape):
    """J may be a matrix where x is none, and a column where x is a number."""
    return found == values + shape or found == (*values, math.prod(shape))


def _rmatvec(operator, v):
    try:
        return operator.rmatvec(v)
    except NotImplementedError as error:
        raise TypeError(
            "The Jacobian is a LinearOperator without rmatvec, by which vᵀJ is checked: give it "
            "one, or pass a dense or sparse array."
        ) from error


def _count(shape, what):
    n = math.prod(shape)
    if len(shape) > 1:
        return f"{what} of shape {shape}"
    return f"{n} {what if n != 1 else what[:-1]}"


def _turned(found, values, shape):
    """What happened to a Jacobian of this shape, and what to do."""
    if found == shape + values or found == (math.prod(shape), *values):
        return ": it is transposed, return its .T"
    if math.prod(found) == math.prod(values + shape):
        return f": return its .reshape{values + shape}"
    return ""
