"""Functions as users have them, of numbers, arrays or structures of them, as a Problem."""

import numpy as np

from sknn_opt.checks.gradients.preflight import call, detached
from sknn_opt.checks.gradients.problem import Problem
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
    blocks, layers = _name_blocks(structure, blocks)
    asked = _Functions(fun, gradient, structure, args)
    known = {"moves": gradient is True or callable(gradient), "dtype": structure.dtype}
    known |= {"integers": structure.integers, "mistaken": asked.mistaken, "notes": asked.notes}
    return Problem(asked.value, asked.claimed, structure.theta, blocks, layers, **known)


def _name_blocks(structure, blocks):
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

    Residuals r with their Jacobian J are weighed at random: v·r has the gradient vᵀJ.
    `mistaken` has what would be right if a usual mistake was made; `notes` are the report's.
    """

    def __init__(self, fun, gradient, structure, args):
        self._fun, self._gradient, self._args = fun, gradient, args
        self._structure, self._build = structure, structure.build
        self._weights, self.mistaken, self.notes = None, {}, []
        if structure.dtype != float:  # double precision is better, where it is taken
            try:
                fun(structure.build(structure.theta), *args)
            except Exception:
                self._build = structure.build_in_own_precision

    def value(self, x):
        result = call(self._fun, "function", self._build(x), self._args)
        result = detached(_pair(result)[0] if self._gradient is True else result)
        if self._weights is None and np.ndim(result) == 1 and self._structure.is_vector:
            self._weights = self._weights_of(len(result), x)
        return result if self._weights is None else self._weights @ np.asarray(result)

    def claimed(self, x):
        found = self._claim(x)
        if self._weights is not None:
            found = np.asarray(detached(found))
            if found.shape == found.shape[::-1]:
                # where it is asked first, at x0
                self.mistaken.setdefault("comes of a transposed Jacobian", self._weights @ found.T)
            found = self._weights @ found
        return self._structure.pack(found)

    def _claim(self, x):
        """The gradient or the Jacobian as it is returned."""
        point = self._structure.build_in_own_precision(x)
        if self._gradient is True:
            return _pair(call(self._fun, "function", point, self._args))[1]
        if callable(self._gradient):
            return call(self._gradient, "gradient", point, self._args)
        return self._gradient

    def _weights_of(self, m, x):
        """Weights for m residuals, if what is claimed of them is a Jacobian; else None."""
        found, n = np.shape(detached(self._claim(x))) if np.isrealobj(x) else (), x.size
        if len(found) != 2:
            return None
        if found != (m, n):
            turned = ": it is transposed, return its .T" if found == (n, m) else ""
            raise ValueError(
                f"The Jacobian of {m} residuals by {n} parameters must have shape {(m, n)}; it has "
                f"shape {found}{turned}."
            )
        self.notes.append(
            f"{m} residuals r with their Jacobian were checked as one function, v·r with a random v"
        )
        return np.random.default_rng(0).normal(size=m)


def _pair(result):
    if not isinstance(result, tuple | list) or len(result) != 2:
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
