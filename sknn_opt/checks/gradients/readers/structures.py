"""Parameters in the very structure that their function takes, laid out in one vector and back.

A structure is a number, an array of any shape, or a dict, list, tuple, named tuple or data class of
structures. The blocks are named by the way to them:

    {"layers": [{"W": W, "b": b}, …], "scale": 2.0}   has   layers[0].W, layers[0].b, …, scale

A list of plain numbers is an array. The gradient has the same structure; that of ``W`` may be
called ``dW``.
"""

import copy
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, fields, is_dataclass, replace
from numbers import Number

import numpy as np
from scipy.sparse import issparse

from sknn_opt.checks.gradients.preflight import as_gradient, detached
from sknn_opt.checks.gradients.readers.frameworks import framework_of, jax_tree, like
from sknn_opt.nn.network import Block, lay_out

MOST_SHAPES = 4  # are listed in a message


class Structure:
    """Parameters as a vector `theta`: `build` makes the structure of one, `pack` does the reverse.

    `layers` gives the layer of each block, where the names tell it.
    """

    def __init__(self, x0):
        self._leaves = []
        self._root = _read(x0, (), self._leaves)
        if not self._leaves:
            raise ValueError(
                f"The {type(x0).__name__} of parameters is empty: x0 needs at least one number."
            )
        names = [leaf.name for leaf in self._leaves]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"Two parameters in x0 are called {name!r}: rename one of them.")
        arrays = [leaf.array for leaf in self._leaves]
        self.blocks = lay_out({leaf.name: leaf.array.shape for leaf in self._leaves})
        for leaf in self._leaves:
            leaf.block = self.blocks[leaf.name]
        self.theta = np.concatenate([array.ravel() for array in arrays]).astype(float)
        self.dtype = _least_precise(arrays)
        kinds = {framework_of(leaf.given) for leaf in self._leaves}
        self.framework = kinds.pop() if len(kinds) == 1 else None  # torch or jax, if all are theirs
        self.integers = np.zeros(self.theta.size, bool)  # where the gradient came as integers
        self.layers = _layers([leaf.path for leaf in self._leaves])

    @property
    def is_array(self):
        """Whether this is a number or one array."""
        return self._root is self._leaves[0]

    @property
    def is_vector(self):
        """Whether this is one array of one dimension."""
        return self.is_array and self._root.array.ndim == 1

    def build(self, x):
        """The structure that holds the elements of a float64 or complex vector, in its dtype."""
        return self._root.build(x)

    def build_in_own_precision(self, x):
        """The same with each array in the dtype that it came with, which x must be real for."""
        if np.iscomplexobj(x):
            raise TypeError("a complex step is lost in single precision")
        return self._root.build(x, cast=True)

    def parts(self, gradient):
        """(path, part, leaf) of each array in a gradient of the same structure.

        ValueError and TypeError tell where it differs.
        """
        if gradient is None:
            raise TypeError("The gradient returned None: is a return missing?")
        for leaf, (path, part) in zip(self._leaves, self._root.parts(gradient, ()), strict=True):
            yield path, part, leaf

    def pack(self, gradient, weigh=None):
        """A gradient of the same structure as one vector; ValueError tells where it differs.

        ``weigh(part, shape, name)`` makes the gradient of an array of what stands in its place.
        """
        parts = []
        for path, part, leaf in self.parts(gradient):
            if weigh is not None:
                part = weigh(part, leaf.block.shape, f" {_named(path)!r}" if path else "")
            part = leaf.read(part, path)
            self.integers[leaf.block.slice] = part.dtype.kind in "iu"
            parts.append(part)
        return np.concatenate([part.ravel() for part in parts]).astype(_least_precise(parts))


def _least_precise(arrays):
    """float32 if one array has it, else what NumPy makes of them all."""
    dtypes = [array.dtype for array in arrays]
    return np.dtype(np.float32) if np.float32 in dtypes else np.result_type(*dtypes)


# Reading ----------------------------------------------------------------------------------------


def _read(node, path, leaves):
    """A structure as Leaf, Group and Row; the leaves are collected in their order."""
    if tree := jax_tree(node):
        steps, parts, _ = tree
        children = [
            _read(part, (*path, *way), leaves) for way, part in zip(steps, parts, strict=True)
        ]
        return _Tree(node, children)
    if isinstance(node, Mapping):
        children = {k: _read(child, (*path, str(k)), leaves) for k, child in node.items()}
        return _Group(node, children)
    if names := _field_names(node):
        children = [_read(getattr(node, name), (*path, name), leaves) for name in names]
        return _Row(node, children)
    if isinstance(node, list | tuple) and not _is_array_like(node):
        return _Row(node, [_read(each, (*path, f"[{k}]"), leaves) for k, each in enumerate(node)])
    leaf = _Leaf(path, node, _real_array(_spoken(path), node))
    leaves.append(leaf)
    return leaf


def _field_names(node):
    """The names in a named tuple or a data class; none in anything else."""
    if is_dataclass(node) and not isinstance(node, type):
        return [field.name for field in fields(node)]
    return list(node._asdict()) if isinstance(node, tuple) and hasattr(node, "_asdict") else []


def _is_array_like(node):
    """Whether a list holds plain numbers, or lists of them, and nothing else."""
    if isinstance(node, list | tuple) and not _field_names(node):
        return all(map(_is_array_like, node))
    return isinstance(node, Number)


def _real_array(name, node):
    """A leaf as an array of floats; integers are floats only where Python wrote them."""
    if str(getattr(node, "dtype", "")) == "torch.bfloat16":
        _refuse_dtype(name, node.dtype, "Tensor")
    if issparse(node):
        raise TypeError(
            f"{name} is a sparse {type(node).__name__}: parameters are taken as dense arrays, and "
            f"only a gradient or a Jacobian may be sparse. Pass its .toarray() or its .data."
        )
    try:
        array = np.asarray(detached(node))
    except ValueError as error:
        raise ValueError(
            f"{name} must be an array of numbers, or a list of such arrays; it is a "
            f"{type(node).__name__} of parts of unequal shapes, {_shapes(node)}. Make each part an "
            "array: [np.array(part) for part in x0]."
        ) from error
    if array.dtype.kind == "i" and _is_plain(node):
        array = array.astype(float)
    kind = type(node).__name__
    if kind == "ndarray" and array.dtype.kind == "O":
        kind = f"an array of objects of shapes {_shapes(array.ravel())}: pass list(x0)"
    _refuse_dtype(name, array.dtype, kind)
    if not array.size:
        raise ValueError(
            f"{name} is empty: its shape is {array.shape}, and it needs at least one element."
        )
    if not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        place = f" in element {where}" if where else ""
        raise ValueError(f"{name} holds NaN or infinity{place}; choose a finite point.")
    return array


def _shapes(parts):
    """The shapes of some parts, in words; the first few are enough."""
    shapes = []
    for part in parts[:MOST_SHAPES]:
        try:
            shapes.append(str(np.shape(part)))
        except ValueError:  # it is of unequal parts itself
            shapes.append("mixed")
    return ", ".join(shapes) + (", ..." if len(parts) > MOST_SHAPES else "")


def _is_plain(node):
    """Whether numbers are Python's own, which have no dtype that one would have to keep."""
    if isinstance(node, list | tuple):
        return all(map(_is_plain, node))
    return isinstance(node, int | float) and not isinstance(node, np.generic)


def _refuse_dtype(name, dtype, kind):
    if dtype in (np.float32, np.float64):
        return
    letter = getattr(dtype, "kind", "f")  # torch's have none
    if letter in "iub":
        raise TypeError(
            f"{name} has dtype {dtype}: small steps of integers round to no step at all. "
            "Pass floats, for example x0.astype(float)."
        )
    text = f"{name} must be float64 or float32; its dtype is {dtype}."
    if letter == "c":
        text += (
            " A real function of complex numbers has gradients by several conventions: make it one "
            "of two real arrays, {'re': z.real, 'im': z.imag}."
        )
    if letter == "O":
        text = (
            f"{name} must be a number or an array of floats, or a dict, list or tuple of them; got "
            f"{kind}."
        )
    raise TypeError(text)


# The parts of a structure -----------------------------------------------------------------------


@dataclass
class _Leaf:
    """An array or a number; `block` is its place in the vector."""

    path: tuple
    given: object
    array: np.ndarray
    block: Block | None = None

    @property
    def name(self):
        return _named(self.path)

    def build(self, x, *, cast=False):
        part = self.block.of(x)
        if cast:
            part = part.astype(self.array.dtype, copy=False)
        return like(self.given, part)

    def parts(self, gradient, path):
        yield path, gradient

    def read(self, part, path):
        """What was given for this array, as an array of its shape."""
        if isinstance(part, Mapping):
            raise TypeError(
                f"{_of(path)} must be an array of shape {self.array.shape}; got a dict."
            )
        return as_gradient(part, _of(path), _spoken(self.path), self.array.shape)


@dataclass
class _Group:
    """A dict of structures."""

    given: Mapping
    children: dict

    def build(self, x, *, cast=False):
        made = {key: child.build(x, cast=cast) for key, child in self.children.items()}
        if type(self.given) is dict:
            return made
        if not isinstance(self.given, MutableMapping):
            return type(self.given)(made)
        other = copy.copy(self.given)  # with what else it holds, such as a default
        other.update(made)
        return other

    def parts(self, gradient, path):
        if not isinstance(gradient, Mapping):
            whose = "With a dict of parameters the gradients" if not path else _of(path)
            raise TypeError(f"{whose} must be a dict as well; got {_kind(gradient)}.")
        found = set()
        for key, child in self.children.items():
            used = f"d{key}"
            if used not in gradient or used in self.children:  # "dx" may be a parameter itself
                used = key
            if used not in gradient:
                raise ValueError(
                    f"{'The gradients have' if not path else _of(path) + ' has'} no entry for "
                    f"{key!r}: neither 'd{key}' nor {key!r} is among their keys "
                    f"{sorted(map(str, gradient))}."
                )
            found.add(used)
            yield from child.parts(gradient[used], (*path, str(used)))
        # What the course keeps beside its gradients (dZ1, A1) lies in the outermost dict.
        for key in gradient if path else ():
            if key not in found:
                raise ValueError(
                    f"{_of(path)} has an entry {key!r} that the parameters, "
                    f"{sorted(map(str, self.children))}, have not."
                )


@dataclass
class _Row:
    """A list, a tuple, a named tuple or a data class of structures."""

    given: object
    children: list

    def build(self, x, *, cast=False):
        made = [child.build(x, cast=cast) for child in self.children]
        if names := _field_names(self.given):
            named = dict(zip(names, made, strict=True))
            is_tuple = isinstance(self.given, tuple)
            return self.given._replace(**named) if is_tuple else replace(self.given, **named)
        return made if type(self.given) is list else type(self.given)(made)

    def parts(self, gradient, path):
        n, names = len(self.children), _field_names(self.given)
        if names and names == _field_names(gradient):
            gradient = [getattr(gradient, name) for name in names]
        is_row = isinstance(gradient, list | tuple) or getattr(gradient, "ndim", 0) > 0
        if not is_row or len(gradient) != n:
            is_list = isinstance(gradient, list | tuple)
            has = f"{_kind(gradient)} of {len(gradient)}" if is_list else _kind(gradient)
            raise (ValueError if is_row else TypeError)(
                f"{_of(path)} must be a {type(self.given).__name__} of {n}, as the parameters are; "
                f"got {has}."
            )
        steps = names or [f"[{k}]" for k in range(n)]
        for name, child, each in zip(steps, self.children, gradient, strict=True):
            yield from child.parts(each, (*path, name))


@dataclass
class _Tree:
    """A class that jax knows as a pytree, with its leaves."""

    given: object
    children: list

    def build(self, x, *, cast=False):
        made = [child.build(x, cast=cast) for child in self.children]
        return jax_tree(self.given)[2].unflatten(made)

    def parts(self, gradient, path):
        (_, _, definition), found = jax_tree(self.given), jax_tree(gradient)
        if not found or found[2] != definition:
            raise TypeError(
                f"{_of(path)} must be a pytree as the parameters are, {definition}; got "
                f"{found[2] if found else _kind(gradient)}."
            )
        for way, child, each in zip(found[0], self.children, found[1], strict=True):
            yield from child.parts(each, (*path, *way))


# Names ------------------------------------------------------------------------------------------


def _named(path):
    """layers[0].W for ("layers", "[0]", "W"); x is the root where it has no name of its own."""
    if not path or path[0].startswith("["):
        path = ("x", *path)
    return "".join(step if step.startswith("[") else f".{step}" for step in path).lstrip(".")


def _spoken(path):
    return repr(_named(path)) if path else "x0"


def _of(path):
    return f"The gradient {_named(path)!r}" if path else "The gradient"


def _kind(what):
    return (
        f"an array of shape {what.shape}" if isinstance(what, np.ndarray) else type(what).__name__
    )


def _layers(paths):
    """The layer of each block, by the first number in its path, where all have one: {} if not.

    The place in a list of arrays says nothing: it may be that of W1, b1, W2, b2.
    """
    layers, owners = {}, {}
    for path in paths:
        steps = [k for k, step in enumerate(path) if re.search(r"\d\]?$", step)]
        if not steps or (len(path) == 1 and path[0].startswith("[")):
            return {}
        first = steps[0]
        number = int(re.search(r"(\d+)\]?$", path[first])[1])
        # conv1 and fc1 are two layers of the same number; W1 and b1 are not
        owner = path[: first + 1] if first + 1 < len(path) else None
        if owners.setdefault(number, owner) != owner:
            return {}
        layers[_named(path)] = number
    return dict(sorted(layers.items(), key=lambda pair: pair[1]))
