"""A torch.nn.Module: its layers as they are called, seen through forward hooks."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sknn_opt.checks.signals.recorded import Passage, Recorded

NORM = "Norm"  # in the names of torch's normalizing modules


@dataclass
class _Call:
    """One call of a module with a weight matrix; `z` is `out`, or what a norm makes of it."""

    name: str
    module: Any
    x: Any
    out: Any
    z: Any
    axis: int  # that of the units


@dataclass
class _Walk:
    """Hooks on a module, and the calls that they saw."""

    calls: list[_Call] = field(default_factory=list)
    has_norm: bool = False

    def hook(self, net):
        """Watch all parts of a module."""
        for name, part in net.named_modules():
            weight = getattr(part, "weight", None)
            if NORM in type(part).__name__:
                part.register_forward_hook(self._after_norm)
            elif getattr(weight, "ndim", 0) >= 2 and "Embedding" not in type(part).__name__:
                part.register_forward_hook(self._after_layer(name or "module"))

    def _after_layer(self, name):
        def hook(module, inputs, output):
            axis = 1 if hasattr(module, "kernel_size") else -1
            self.calls.append(_Call(name, module, inputs[0], output, output, axis))
            return output.clone()  # what follows may work in place

        return hook

    def _after_norm(self, module, inputs, output):
        self.has_norm = True
        last = self.calls[-1] if self.calls else None
        if last and output.shape == last.z.shape:
            last.z = output
            return output.clone()
        return None


def pass_through(module, X, y, loss, seed):
    """One pass through a float64 copy of a module, and back.

    Raises
    ------
    TypeError
        If the module does not return a tensor.
    ValueError
        If it has no hidden layer, or if the loss is no tensor of one element.
    """
    import torch

    net, walk, X = _copied(torch, module).double().train(), _Walk(), _tensor(torch, X)
    parameters = [*net.parameters()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    walk.hook(net)
    X = X.to(parameters[0].device) if parameters else X
    with torch.random.fork_rng([X.device.index] if X.is_cuda else []):
        torch.manual_seed(seed)
        rests = _at_rest(torch, net, walk, X) if X.is_floating_point() else []
        out = net(X)
        _check(torch, module, out, walk.calls)
        delta = torch.randn(out.shape, dtype=out.dtype).to(out.device)
    ends = [call.out for call in walk.calls]
    seen = torch.autograd.grad(out, ends, delta, retain_graph=True, allow_unused=True)
    slopes = _gradients(torch, out, y, loss, [call.module.weight for call in walk.calls])
    layers = [
        Recorded(
            call.name,
            _matrix(call),
            _array(call.z, call.axis),
            _array(after, call.axis if after.ndim == call.z.ndim else -1),
            None if back is None else _array(back, call.axis),
            None if slope is None else _array(slope, -1),
            rest,
        )
        for call, after, back, slope, rest in zip(
            walk.calls,
            _afters(walk.calls, out),
            seen,
            slopes,
            rests or [0.0] * len(ends),
            strict=True,
        )
    ]
    return Passage(_array(walk.calls[0].x, walk.calls[0].axis), layers, walk.has_norm)


def _copied(torch, module):
    """A copy; tensors that a module computed and kept are copied without their graph."""
    kept = [value for part in module.modules() for value in vars(part).values()]
    kept = [value for value in kept if isinstance(value, torch.Tensor) and not value.is_leaf]
    return copy.deepcopy(module, {id(value): value.detach().clone() for value in kept})


def _afters(calls, out):
    """What enters the next layer, or leaves the last one."""
    return [*(call.x for call in calls[1:]), out]


def _gradients(torch, out, y, loss, weights):
    """Those of the loss with respect to the weights; None for each without y or loss."""
    if y is None or loss is None:
        return [None] * len(weights)
    value = loss(out, _tensor(torch, y).to(out.device))
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        raise ValueError("loss(module(X), y) must be a tensor of one element.")
    return torch.autograd.grad(value.sum(), weights, allow_unused=True)


def _at_rest(torch, net, walk, X):
    """The activations of all layers where X is 0, a row of each."""
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    with torch.no_grad():
        out = net(torch.zeros_like(X[:2]))
        for buffer, before in buffers:
            buffer.copy_(before)
    calls = [*walk.calls]
    walk.calls.clear()
    if not isinstance(out, torch.Tensor):
        return []
    pairs = zip(calls, _afters(calls, out), strict=True)
    ends = [_array(after, c.axis if after.ndim == c.z.ndim else -1) for c, after in pairs]
    return [end[:1].reshape(1, -1) for end in ends]


def _check(torch, module, out, calls):
    name = type(module).__name__
    if not isinstance(out, torch.Tensor):
        raise TypeError(
            f"{name} returns {type(out).__name__}; check_signals needs a module that returns one "
            "tensor. Wrap it in one that does."
        )
    if len(calls) < 2:
        raise ValueError(
            f"{name} called {len(calls)} layers with weights: a network without hidden layers has "
            "no gains to show; give at least one hidden layer."
        )


def _tensor(torch, values):
    """Floating-point numbers in float64, all others as they are."""
    if not isinstance(values, torch.Tensor):
        values = torch.as_tensor(np.array(values))
    values = values.detach()
    return values.double() if values.is_floating_point() else values


def _array(tensor, axis):
    """As an array with the units last."""
    found = tensor.detach().cpu().numpy()
    return np.moveaxis(found, axis, -1) if found.ndim > 1 else found[:, np.newaxis]


def _matrix(call):
    """The weights, a row for each unit."""
    weight = call.module.weight.detach().cpu().numpy()
    if getattr(call.module, "transposed", False):
        weight = np.swapaxes(weight, 0, 1)
    return weight.reshape(len(weight), -1)
