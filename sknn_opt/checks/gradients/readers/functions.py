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
    return _problem(fun, gradient, structure, _name_blocks(structure, blocks), args)


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


def _problem(fun, gradient, structure, named, args):
    """The Problem of what takes parameters in their structure, and gradients likewise."""
    is_pair = gradient is True
    build = structure.build
    if structure.dtype != float:  # double precision is better, where it is taken
        try:
            fun(build(structure.theta), *args)
        except Exception:
            build = structure.build_in_own_precision

    def value(x):
        result = call(fun, "function", build(x), args)
        return detached(_pair(result)[0] if is_pair else result)

    def claimed(x):
        point = structure.build_in_own_precision(x)
        if is_pair:
            found = _pair(call(fun, "function", point, args))[1]
        else:
            found = call(gradient, "gradient", point, args) if callable(gradient) else gradient
        return structure.pack(found)

    moves, (blocks, layers) = is_pair or callable(gradient), named
    known = {"dtype": structure.dtype, "integers": structure.integers}
    return Problem(value, claimed, structure.theta, blocks, layers, moves=moves, **known)


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
