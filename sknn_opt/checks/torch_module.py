"""A torch.nn.Module and its loss as a Problem: a float64 copy, its random numbers frozen."""

import copy

import numpy as np

from sknn_opt.checks.problem import Problem
from sknn_opt.nn.network import Block


def is_torch_module(what):
    """Whether this looks like a torch.nn.Module; torch itself is not imported for the question."""
    return hasattr(what, "named_parameters") and hasattr(what, "register_forward_pre_hook")


def read_torch_module(module, loss):
    """The Problem of ``loss(module)``, a scalar tensor, in the parameters that need gradients."""
    torch = _import_torch()
    if not callable(loss):
        raise TypeError(
            "With a torch module pass its loss as a function of the module: "
            "check_gradients(net, lambda net: criterion(net(X), y))."
        )
    net = copy.deepcopy(module).double()
    for part in net.modules():  # the loss may call a part of the module by itself
        part.register_forward_pre_hook(_cast_inputs, with_kwargs=True)
    parameters = {name: p for name, p in net.named_parameters() if p.requires_grad}
    if not parameters:
        raise ValueError("The module has no parameters that require a gradient.")
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    blocks, start = {}, 0
    for name, parameter in parameters.items():
        blocks[name] = Block(slice(start, start + parameter.numel()), tuple(parameter.shape))
        start += parameter.numel()
    devices = sorted({p.device.index for p in parameters.values() if p.device.type == "cuda"})
    seed = torch.initial_seed()

    def loss_at(theta):
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(torch.from_numpy(np.array(blocks[name].of(theta))))
            for buffer, before in buffers:
                buffer.copy_(before)
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)  # every call draws the same dropout masks
            result = loss(net)
        if not isinstance(result, torch.Tensor) or result.numel() != 1:
            raise TypeError("The loss of a module must be a tensor of one element.")
        return result

    def value(theta):
        with torch.no_grad():
            return loss_at(theta).item()

    def gradient(theta):
        result = loss_at(theta)
        tensors = list(parameters.values())
        found = [None]
        if result.requires_grad:
            found = torch.autograd.grad(result.sum(), tensors, allow_unused=True)
        if all(each is None for each in found):
            raise ValueError(
                "The loss does not depend on the parameters of the module that it is given. Write "
                "it as a function of its argument, which is a float64 copy: "
                "lambda net: criterion(net(X), y)."
            )
        found = [
            torch.zeros_like(p) if g is None else g for p, g in zip(tensors, found, strict=True)
        ]
        return np.concatenate([g.detach().to_dense().cpu().numpy().ravel() for g in found])

    theta0 = np.concatenate([p.detach().cpu().numpy().ravel() for p in parameters.values()])
    layers = {name: name.rpartition(".")[0] or "top" for name in parameters}
    return Problem(
        value, gradient, theta0, blocks, layers, name="module's parameters",
        remedy="use torch's own generator, whose state is held still, not NumPy's or random's",
    )  # fmt: skip


def _cast_inputs(module, args, kwargs):
    """Floating-point inputs in float64, as the copy needs them."""

    def cast(value):
        return value.double() if getattr(value, "is_floating_point", bool)() else value

    return tuple(map(cast, args)), {name: cast(value) for name, value in kwargs.items()}


def _import_torch():
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Checking a torch module needs torch; install it with: pip install torch"
        ) from error
    return torch
