"""A torch.nn.Module and its loss as a Problem: a float64 copy, its random numbers frozen."""

import contextlib

import numpy as np

from sknn_opt.checks.gradients.preflight import call
from sknn_opt.checks.gradients.problem import Problem
from sknn_opt.checks.gradients.readers.torch_state import (
    State,
    copy_of_module,
    doubled,
    hold_power_iterations,
    in_double,
)
from sknn_opt.nn.network import lay_out


def is_torch_module(what):
    """Whether this looks like a torch.nn.Module; torch itself is not imported for the question."""
    return hasattr(what, "named_parameters") and hasattr(what, "register_forward_pre_hook")


def read_torch_module(module, loss):
    """The Problem of ``loss(module)``, a scalar tensor, in the parameters that need gradients."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Checking a torch module needs torch; install it with: pip install torch"
        ) from error
    if not callable(loss):
        raise TypeError(
            "With a torch module pass its loss as a function of the module: "
            "check_gradients(net, lambda net: criterion(net(X), y))."
        )
    frozen = _Frozen(torch, module, loss)
    layers = {name: name.rpartition(".")[0] or "top" for name in frozen.parameters}
    remedy = "use torch's own generator, whose state is held still, not NumPy's or random's"
    function, theta = (frozen.value, frozen.gradient), _flat(frozen.parameters.values())
    name = "module's parameters"
    known = {"remedy": remedy, "notes": frozen.notes}
    return Problem(*function, theta, frozen.blocks, layers, name, **known)


class _Frozen:
    """A float64 copy of a module, whose loss is a function of its parameters alone.

    Each call starts from the same buffers, the same attributes (a hidden state, a counter) and the
    same state of the random generators.
    """

    def __init__(self, torch, module, loss):
        self._torch, self._loss = torch, loss
        self._net = copy_of_module(torch, module)
        self.notes = hold_power_iterations(self._net)
        for part in self._net.modules():  # the loss may call a part of the module by itself
            part.register_forward_pre_hook(_cast_inputs, with_kwargs=True)
        named = self._net.named_parameters()
        self.parameters = {name: p for name, p in named if p.requires_grad}
        if not self.parameters:
            raise ValueError("The module has no parameters that require a gradient.")
        self.blocks = lay_out({name: tuple(p.shape) for name, p in self.parameters.items()})
        self._state = State(torch, self._net)
        devices = {p.device for p in self.parameters.values()}
        self._gpus = sorted(device.index for device in devices if device.type == "cuda")
        self._seed = torch.initial_seed()
        self._precision = self._find_precision()

    def value(self, theta):
        with self._torch.no_grad():
            return self._loss_at(theta).item()

    def gradient(self, theta):
        """Its gradient by autograd; a parameter that it does not depend on has zeros."""
        loss, tensors, found = self._loss_at(theta), list(self.parameters.values()), [None]
        if loss.requires_grad:
            found = self._torch.autograd.grad(loss.sum(), tensors, allow_unused=True)
        if all(each is None for each in found):
            raise ValueError(
                "The loss does not depend on the parameters of the module that it is given. Write "
                "it as a function of its argument, which is a float64 copy: "
                "lambda net: criterion(net(X), y)."
            )
        pairs = zip(tensors, found, strict=True)
        return _flat(self._torch.zeros_like(p) if g is None else g.to_dense() for p, g in pairs)

    def _find_precision(self):
        """The plainest way to have all in float64; where none works, the loss says why."""
        theta = _flat(self.parameters.values())
        for precision in (contextlib.nullcontext, in_double(self._torch)):
            self._precision = precision
            with contextlib.suppress(Exception):
                self.gradient(theta)  # some losses do not mind until backward
                return precision
        return contextlib.nullcontext

    def _loss_at(self, theta):
        torch = self._torch
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(torch.from_numpy(np.array(self.blocks[name].of(theta))))
        self._state.restore()
        with torch.random.fork_rng(self._gpus), self._precision():
            torch.manual_seed(self._seed)  # every call draws the same dropout masks
            result = call(self._loss, "loss", self._net, ())
        if not isinstance(result, torch.Tensor) or result.numel() != 1:
            raise TypeError("The loss of a module must be a tensor of one element.")
        return result


def _flat(tensors):
    return np.concatenate([tensor.detach().cpu().numpy().ravel() for tensor in tensors])


def _cast_inputs(module, args, kwargs):
    """Floating-point inputs in float64, as the copy needs them."""
    return doubled(args), doubled(kwargs)
