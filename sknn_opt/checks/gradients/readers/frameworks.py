"""Arrays of torch, jax and pandas: made like those that came, differentiated by their own tools.

None of them is imported unless such an array has come.
"""

import sys
from collections.abc import Mapping

import numpy as np

from sknn_opt.checks.gradients.preflight import call


def framework_of(node):
    """ "torch" or "jax", if it is an array of theirs."""
    if hasattr(node, "detach"):
        return "torch"
    jax = sys.modules.get("jax")
    return "jax" if jax is not None and isinstance(node, jax.Array) else None


TOOLS = {"torch": "torch.autograd", "jax": "jax.grad"}


def has_double(framework):
    """Whether a framework takes float64 as it is set; jax is not to be set otherwise midway."""
    return framework != "jax" or bool(sys.modules["jax"].config.jax_enable_x64)


def like(given, part):
    """An array as what was given: a number, a frame or series of pandas, a tensor of torch."""
    if isinstance(given, np.generic):
        return part[()]
    if isinstance(given, int | float):
        return part.item()
    if isinstance(given, np.matrix):
        return np.asmatrix(part)
    if hasattr(given, "iloc"):
        return type(given)(part, *given.axes)
    if framework_of(given) == "jax":
        from jax import numpy

        return numpy.asarray(part)
    if hasattr(given, "detach"):
        import torch

        tensor = torch.from_numpy(np.array(part)).to(given.device)
        return tensor.requires_grad_(given.requires_grad)
    return part


def differentiate(fun, point, args, structure, v):
    """The gradient of a function, or of v·function, by the framework that the point is made with.

    It has the structure of the point.
    """
    if structure.framework == "jax":
        import jax

        def weighed(p):
            value = call(fun, "function", p, args)
            return value if v is None else jax.numpy.sum(v * value)

        return jax.grad(weighed)(point)
    import torch

    leaves = [leaf.requires_grad_() for _, leaf, _ in structure.parts(point)]
    value = call(fun, "function", point, args)
    if not getattr(value, "requires_grad", False):
        raise TypeError(
            "The function returns what autograd cannot follow back to x0: a number, or a tensor "
            "that was detached. Return a tensor, or pass the gradient."
        )
    value = value.sum() if v is None else (torch.as_tensor(v, device=value.device) * value).sum()
    found = torch.autograd.grad(value, leaves, allow_unused=True)
    pairs = zip(leaves, found, strict=True)
    flat = [torch.zeros_like(leaf) if g is None else g.to_dense() for leaf, g in pairs]
    return structure.build(np.concatenate([g.detach().cpu().numpy().ravel() for g in flat]))


def jax_tree(node):
    """(ways, leaves, definition) of a class that jax knows as a pytree; None of all else."""
    jax = sys.modules.get("jax")
    plain = node is None or isinstance(node, list | tuple | Mapping | np.ndarray)
    if jax is None or plain or jax.tree_util.all_leaves([node]):
        return None
    pairs, definition = jax.tree_util.tree_flatten_with_path(node)
    ways = [[_step(key) for key in way] for way, _ in pairs]
    return ways, [leaf for _, leaf in pairs], definition


def _step(key):
    """A step of a path as it is written in names of blocks."""
    name = getattr(key, "name", getattr(key, "key", None))
    return f"[{key.idx}]" if name is None else f"[{name}]" if isinstance(name, int) else str(name)
