"""Functions as users have them, of a vector or of a dict of arrays, as a Problem."""

import numpy as np

from sknn_opt.checks.gradients.preflight import as_gradient
from sknn_opt.checks.gradients.problem import Problem
from sknn_opt.nn.network import Block, lay_out


def read_functions(fun, arguments, jac, blocks):
    """(fun, grad, x0), (fun_and_grad, x0) or (fun, x0, jac=grad); x0 a vector or a dict."""
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
    parts = (_lay_out_dict if isinstance(x0, dict) else _lay_out_vector)(x0, blocks)
    return _problem(fun, gradient, *parts)


def _problem(fun, gradient, arrays, blocks, unpack, pack):
    """The Problem of what takes parameters as `unpack` gives them, and gradients as `pack` does."""
    dtype = np.result_type(*(array.dtype for array in arrays))
    theta = np.concatenate([array.ravel() for array in arrays]).astype(float)
    is_pair = gradient is True

    def value(x):
        result = fun(unpack(x))
        return _pair(result)[0] if is_pair else result

    def claimed(x):
        # in its own precision, and the very array where that is float64
        arguments = unpack(x if dtype == np.float64 else x.astype(dtype))
        if is_pair:
            return pack(_pair(fun(arguments))[1])
        return pack(gradient(arguments) if callable(gradient) else gradient)

    moves = is_pair or callable(gradient)
    return Problem(value, claimed, theta, blocks, moves=moves, dtype=dtype)


def _pair(result):
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise TypeError(
            "A function without a separate gradient must return the pair (value, gradient); it "
            f"returned {type(result).__name__}. Or pass the gradient: "
            "check_gradients(fun, grad, x0)."
        )
    return result


def _lay_out_vector(x0, blocks):
    x0 = _real_array("x0", x0)
    if x0.ndim != 1 or not x0.size:
        raise ValueError(
            f"x0 must be a vector of at least one element; it has shape {x0.shape}. For arrays of "
            "other shapes pass a dict: {'W': W, 'b': b}."
        )
    return [x0], _as_blocks(blocks, x0.size), lambda x: x, lambda gradient: gradient


def _as_blocks(blocks, size):
    """What the user names, {name: slice or Block or (slice, shape)}, as Blocks that cover x0."""
    if blocks is None:
        return {"x": Block(slice(0, size), (size,))}
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


def _lay_out_dict(parameters, blocks):
    if blocks is not None:
        raise TypeError("blocks= names the parts of a vector; a dict names its own.")
    if not parameters:
        raise ValueError("The dict of parameters is empty.")
    arrays = {name: _real_array(repr(name), array) for name, array in parameters.items()}
    for name, array in arrays.items():
        if not array.size:
            raise ValueError(f"Parameter {name!r} is empty: its shape is {array.shape}.")
    blocks = lay_out({name: array.shape for name, array in arrays.items()})

    def unpack(x):
        return {name: block.of(x) for name, block in blocks.items()}

    return arrays.values(), blocks, unpack, lambda gradients: _pack(gradients, blocks)


def _pack(gradients, blocks):
    """The gradients of a dict as one vector; of W1 it is called dW1 or W1."""
    if not isinstance(gradients, dict):
        raise TypeError(
            "With a dict of parameters the gradients must be a dict as well; got "
            f"{type(gradients).__name__}."
        )

    parts = []
    for name, block in blocks.items():
        key = f"d{name}"
        if key not in gradients or key in blocks:  # "dx" may be a parameter itself
            key = name
        if key not in gradients:
            raise ValueError(
                f"The gradients have no entry for {name!r}: neither 'd{name}' nor {name!r} is "
                f"among their keys {sorted(map(str, gradients))}."
            )
        who = f"The gradient {key!r}"
        parts.append(as_gradient(gradients[key], who, repr(name), block.shape).ravel())
    return np.concatenate(parts)


def _real_array(name, array):
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers; NumPy says: {error}") from error
    if array.dtype.kind in "iub":
        raise TypeError(
            f"{name} has dtype {array.dtype}: small steps of integers round to no step at all. "
            "Pass floats, for example x0.astype(float)."
        )
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} must be float64 or float32; its dtype is {array.dtype}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity; choose a finite point.")
    return array
