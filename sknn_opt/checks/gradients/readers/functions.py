"""Functions as users have them, of a vector or of a dict of arrays, as a Problem."""

import numpy as np

from sknn_opt.checks.gradients.preflight import as_gradient
from sknn_opt.checks.gradients.problem import Problem, numbered_layers
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
    reader = _read_dict if isinstance(x0, dict) else _read_vector
    return reader(fun, gradient, x0, blocks)


# Of one vector ------------------------------------------------------------------------------------


def _read_vector(fun, gradient, x0, blocks):
    x0 = _real_array("x0", x0)
    if x0.ndim != 1 or not x0.size:
        raise ValueError(
            f"x0 must be a vector of at least one element; it has shape {x0.shape}. For arrays of "
            "other shapes pass a dict: {'W': W, 'b': b}."
        )
    dtype, theta = x0.dtype, x0.astype(float)
    blocks = _as_blocks(blocks, theta.size)
    value, gradient, moves = _split(fun, gradient, lambda x: x, dtype)
    layers = numbered_layers(blocks)
    return Problem(value, gradient, theta, blocks, layers, moves=moves, dtype=dtype)


def _split(fun, gradient, unpack, dtype):
    """value(x), gradient(x) and whether the gradient is a function."""

    def at_dtype(x):
        """x for the gradient: in its own precision, the very array where that is float64."""
        return unpack(x if dtype == np.float64 else x.astype(dtype))

    if gradient is True:
        return (lambda x: _pair(fun(unpack(x)))[0]), (lambda x: _pair(fun(at_dtype(x)))[1]), True
    if callable(gradient):
        return (lambda x: fun(unpack(x))), (lambda x: gradient(at_dtype(x))), True
    return (lambda x: fun(unpack(x))), (lambda x: gradient), False


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
    if blocks is None:
        return {"x": Block(slice(0, size), (size,))}
    if not isinstance(blocks, dict):
        raise TypeError(
            f"blocks must be a dict of names and slices of x0; got {type(blocks).__name__}."
        )
    named = {}
    for name, block in blocks.items():
        if not isinstance(block, slice | tuple):
            raise TypeError(f"Block {name!r} must be a slice of x0; got {type(block).__name__}.")
        place, shape = block if isinstance(block, tuple) else (block, None)
        start, stop, step = place.indices(size)
        if step != 1 or stop <= start:
            raise ValueError(f"Block {name!r} must be a slice of x0 with step 1, not {place}.")
        shape = (stop - start,) if shape is None else tuple(shape)
        if int(np.prod(shape)) != stop - start:
            raise ValueError(
                f"Block {name!r} has {stop - start} elements, which do not fit shape {shape}."
            )
        named[name] = Block(slice(start, stop), shape)
    covered = np.zeros(size, int)
    for block in named.values():
        covered[block.slice] += 1
    if (covered != 1).any():
        k = int(np.argmax(covered != 1))
        raise ValueError(
            f"The blocks must cover each element of x0 once; element {k} lies in {covered[k]} "
            "blocks."
        )
    return named


# Of a dict of arrays ------------------------------------------------------------------------------


def _read_dict(fun, gradient, parameters, blocks):
    if blocks is not None:
        raise TypeError("blocks= names the parts of a vector; a dict names its own.")
    if not parameters:
        raise ValueError("The dict of parameters is empty.")
    arrays = {name: _real_array(repr(name), array) for name, array in parameters.items()}
    for name, array in arrays.items():
        if not array.size:
            raise ValueError(f"Parameter {name!r} is empty: its shape is {array.shape}.")
    laid_out = lay_out({name: array.shape for name, array in arrays.items()})
    dtype = np.result_type(*(array.dtype for array in arrays.values()))
    theta = np.concatenate([array.ravel() for array in arrays.values()]).astype(float)

    def unpack(x):
        return {name: block.of(x) for name, block in laid_out.items()}

    value, claimed, moves = _split(fun, gradient, unpack, dtype)

    def packed(x):
        return _pack(claimed(x), laid_out)

    layers = numbered_layers(laid_out)
    return Problem(value, packed, theta, laid_out, layers, moves=moves, dtype=dtype)


def _pack(gradients, blocks):
    """The gradients of a dict as one vector; of W1 it is called dW1 or W1."""
    if not isinstance(gradients, dict):
        raise TypeError(
            "With a dict of parameters the gradients must be a dict as well; got "
            f"{type(gradients).__name__}."
        )

    def key_of(name):
        # "dx" is the gradient of "x", unless it is a parameter itself
        marked = f"d{name}"
        return marked if marked in gradients and marked not in blocks else name

    missing = [name for name in blocks if key_of(name) not in gradients]
    if missing:
        name = missing[0]
        raise ValueError(
            f"The gradients have no entry for {name!r}: neither 'd{name}' nor {name!r} is among "
            f"their keys {sorted(map(str, gradients))}."
        )
    parts = []
    for name, block in blocks.items():
        key = key_of(name)
        who, array = f"The gradient {key!r}", np.asarray(gradients[key])
        parts.append(as_gradient(array, who, repr(name), block.shape).ravel())
    return np.concatenate(parts)


# Both ---------------------------------------------------------------------------------------------


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
