"""Functions as users have them, of numbers, arrays or structures of them, as a Problem."""

import contextlib
import math
from dataclasses import dataclass

import numpy as np

from sknn_opt.checks.gradients.explain_matrix import MatrixExplainer
from sknn_opt.checks.gradients.preflight import call, detached, is_function
from sknn_opt.checks.gradients.problem import Problem
from sknn_opt.checks.gradients.readers.frameworks import TOOLS, differentiate, has_double
from sknn_opt.checks.gradients.readers.residuals import (
    as_matrix,
    is_jacobian,
    random_weights,
    weigh,
)
from sknn_opt.checks.gradients.readers.structures import Structure
from sknn_opt.nn.network import Block


def read_functions(fun, arguments, jac, blocks, args=()):
    """(fun, grad, x0), (fun_and_grad, x0) or (fun, x0, jac=grad); both get args after x0."""
    args = args if isinstance(args, tuple) else (args,)  # as scipy does
    match arguments:
        case (gradient, x0) if jac is None:
            pass
        case (x0,):
            gradient = True if jac is None else jac
        case _:
            raise TypeError(
                "check_gradients takes (fun, grad, x0), or (fun_and_grad, x0) with a function that "
                f"returns the pair; got {len(arguments)} arguments after the function"
                + (" and jac." if jac is not None else ".")
            )
    if gradient is False:
        raise TypeError("jac=False leaves no gradient to check; pass the gradient or jac=True.")
    if callable(x0):
        raise TypeError(
            "The last argument must be the point x0, and is a function: the order is "
            "check_gradients(fun, grad, x0)."
        )
    structure = Structure(x0)
    asked = _Functions(fun, gradient, structure, args)
    return FunctionProblem(
        *(asked.value, asked.claimed, structure.theta),
        *name_blocks(structure, blocks),
        moves=gradient is True or is_function(gradient),
        dtype=asked.dtype,
        integers=structure.integers,
        notes=asked.notes,
        structure=structure,
        asked=asked,
    )


@dataclass
class FunctionProblem(Problem):
    """A function of parameters in their structure; `asked` knows whether it has several values."""

    asked: object = None
    explainer = MatrixExplainer

    @property
    def mistaken(self):
        return self.asked.mistaken(self.x0)

    def matrix(self):
        """The residuals as a function of a vector, and what is claimed to be their Jacobian."""
        return self.asked.matrix(self.x0)


def name_blocks(structure, blocks):
    """The blocks and their layers: a vector may have names of the user's for its parts."""
    if blocks is None:
        return structure.blocks, structure.layers
    if not structure.is_vector:
        raise TypeError(
            "blocks= names the parts of a vector; a dict names its own, as other structures do, "
            "and a number or a matrix is one block."
        )
    return _as_blocks(blocks, structure.theta.size), None


class _Functions:
    """What takes parameters in their structure, and gradients likewise, as functions of a vector.

    Residuals r with their Jacobian J are weighed at random: v·r has the gradient vᵀJ. `notes` are
    the report's.
    """

    def __init__(self, fun, gradient, structure, args):
        self._fun, self._gradient, self._args = fun, gradient, args
        self._structure, self._build = structure, structure.build
        self._weights, self._is_read, self.notes = None, False, []
        self.dtype = structure.dtype
        result = self._try_double_precision()
        framework, self._is_automatic = structure.framework, False
        if gradient is True and framework and not _is_pair(result):
            self._is_automatic = True
            self.notes.append(f"no gradient was given: that of {TOOLS[framework]} was checked")
            if self._build == structure.build and has_double(framework):
                self.dtype = np.dtype(float)
        if not has_double(framework):
            self.notes.append(
                "jax computes in float32 here; with jax.config.update('jax_enable_x64', True) more "
                "could be seen"
            )

    def _try_double_precision(self):
        """Values are taken in double precision, if the function does; returns one, or None."""
        x, structure = self._structure.theta, self._structure
        if structure.framework is None and structure.dtype == float:
            return None  # there is nothing to try
        for build in (structure.build, structure.build_in_own_precision):
            self._build = build
            with contextlib.suppress(Exception):
                return self._called(x)
        return None

    def _called(self, x):
        return call(self._fun, "function", self._build(x), self._args)

    def value(self, x):
        result = self._values(x)
        if not self._is_read and np.isrealobj(x):
            self._weights, self._is_read = self._weights_of(np.shape(result), x), True
        return result if self._weights is None else np.sum(self._weights * np.asarray(result))

    def claimed(self, x):
        v = self._weights
        if self._is_automatic:
            return self._structure.pack(
                differentiate(self._fun, self._build(x), self._args, self._structure, v)
            )
        ways = {} if v is None else {"weigh": lambda part, *known: weigh(part, v, *known)}
        return self._structure.pack(self._claim(x), **ways)

    def mistaken(self, x):
        """Words on the claim at x, and what is right if they are true."""
        jacobian = self.matrix(x)[1]
        if jacobian is None or jacobian.shape != jacobian.shape[::-1]:
            return {}
        return {"comes of a transposed Jacobian": self._weights.ravel() @ jacobian.T}

    def matrix(self, x):
        """The residuals as a function of a vector, and what is claimed to be their Jacobian."""
        if self._weights is None or self._is_automatic or not self._structure.is_array:
            return None, None
        jacobian = as_matrix(self._claim(x), self._weights.size, x.size)
        return lambda x: np.ravel(np.asarray(self._values(x), float)), jacobian

    def _values(self, x):
        result = self._called(x)
        is_pair = self._gradient is True and not self._is_automatic
        return detached(_pair(result)[0] if is_pair else result)

    def _claim(self, x):
        """The gradient or the Jacobian as it is returned."""
        point = self._structure.build_in_own_precision(x)
        if self._gradient is True:
            return _pair(call(self._fun, "function", point, self._args))[1]
        if is_function(self._gradient):
            return call(self._gradient, "gradient", point, self._args)
        return self._gradient

    def _weights_of(self, shape, x):
        """Weights for values of this shape, if what is claimed of them is a Jacobian; else None."""
        if not shape:
            return None
        if self._is_automatic:
            return random_weights(shape)
        _, part, leaf = next(self._structure.parts(self._claim(x)))
        if not is_jacobian(part, shape, leaf.block.shape):
            return None
        self.notes.append(
            f"{math.prod(shape)} residuals r with their Jacobian were checked as one function, v·r "
            "with a random v"
        )
        return random_weights(shape)


def _is_pair(result):
    return isinstance(result, tuple | list) and len(result) == 2


def _pair(result):
    if not _is_pair(result):
        raise TypeError(
            "A function without a separate gradient must return the pair (value, gradient); it "
            f"returned {type(result).__name__}. Or pass the gradient: "
            "check_gradients(fun, grad, x0)."
        )
    return result


def _as_blocks(blocks, size):
    """What the user names, {name: slice or Block or (slice, shape)}, as Blocks that cover x0."""
    if not isinstance(blocks, dict):
        raise TypeError(
            f"blocks must be a dict of names and slices of x0; got {type(blocks).__name__}."
        )
    named, covered = {}, np.zeros(size, int)
    for name, block in blocks.items():
        if not isinstance(block, slice | tuple):
            raise TypeError(f"Block {name!r} must be a slice of x0; got {type(block).__name__}.")
        place, shape = block if isinstance(block, tuple) else (block, None)
        start, stop, step = place.indices(size)
        if step != 1 or stop <= start:
            raise ValueError(f"Block {name!r} must be a slice of x0 with step 1, not {place}.")
        shape = (stop - start,) if shape is None else tuple(shape)
        named[name] = Block(slice(start, stop), shape)
        if named[name].size != stop - start:
            raise ValueError(
                f"Block {name!r} has {stop - start} elements, which do not fit shape {shape}."
            )
        covered[start:stop] += 1
    if (covered != 1).any():
        k = int(np.argmax(covered != 1))
        raise ValueError(
            f"The blocks must cover each element of x0 once; element {k} lies in {covered[k]} "
            "blocks."
        )
    return named
