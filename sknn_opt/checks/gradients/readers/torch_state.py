"""A torch module as it is now: a copy in float64, and back to this state before each call.

Modules that were used before keep tensors with a graph (a hidden state, weights of spectral or
weight norm), which cannot be copied as they are. What a module keeps from call to call would make
its loss another function at each call.
"""

import contextlib
import copy
import warnings
from collections import deque
from types import FunctionType, ModuleType

FIXED = bool, int, float, str, type(None)  # as most attributes of modules are
POWER = "n_power_iterations"  # of spectral norm, both of the parametrization and of the old hook


def copy_of_module(torch, module):
    """A float64 copy, whose tensors have no graph."""
    _refuse_unknown(torch, module)
    plain = _plain_tensors(torch, module)
    try:
        # what the memo holds counts as copied
        memo = {id(tensor): doubled(tensor.detach().clone()) for tensor in plain}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return copy.deepcopy(module, memo).double()
    except Exception as error:
        raise TypeError(
            f"The module is checked on a copy, and cannot be copied: {error}. Keep what cannot be "
            "copied (a file, a lock, a generator) out of its attributes."
        ) from error


def hold_power_iterations(net):
    """Spectral norm with its vectors held still, as autograd takes them; returns notes."""
    found = []
    for part in net.modules():
        kept = [each for each in vars(part).values() if isinstance(each, dict)]
        hooks = [hook for each in kept for hook in each.values()]
        for owner in (part, *hooks):
            if getattr(owner, POWER, 0):
                setattr(owner, POWER, 0)
                found.append(owner)
    return ["spectral norm was checked with the vectors u and v of its last call"] if found else []


class State:
    """What a module keeps beside its parameters: buffers and plain attributes."""

    def __init__(self, torch, net):
        self._base, self._net, self._torch = vars(torch.nn.Module()).keys(), net, torch
        kept = [*net.parameters(), *net.buffers(), *net.modules()]
        self._shared = {id(each): each for each in kept}  # not to be copied
        parts = list(net.modules())
        self._buffers = [
            (part, name, buffer, buffer.clone())
            for part in parts
            for name, buffer in part.named_buffers(recurse=False)
        ]
        self._attributes = [(part, *self._split(part)) for part in parts]

    def restore(self):
        """Back to what it was at first."""
        for part, name, buffer, before in self._buffers:
            with self._torch.no_grad():
                buffer.detach_().copy_(before)
            if getattr(part, name) is not buffer:
                setattr(part, name, buffer)
        for part, fixed, rest in self._attributes:
            now = vars(part)
            for name in now.keys() - self._base - fixed.keys() - rest.keys():
                del now[name]
            now.update(fixed)
            if rest:
                now.update(self._copied(rest))

    def _split(self, part):
        """The attributes that cannot be changed in place, or not copied, and copies of others."""
        fixed, rest = {}, {}
        for name, each in vars(part).items():
            if name in self._base:
                continue
            fixed[name] = each
            if not isinstance(each, FIXED):
                with contextlib.suppress(Exception):  # then it is put back as it is
                    rest[name] = self._copied(each)
                    del fixed[name]
        return fixed, rest

    def _copied(self, what):
        return copy.deepcopy(what, dict(self._shared))


def doubled(value):
    """Floating-point tensors in float64, also in lists, tuples and dicts."""
    if isinstance(value, dict):
        return {name: doubled(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        made = map(doubled, value)
        return type(value)(*made) if hasattr(value, "_asdict") else type(value)(made)
    return value.double() if getattr(value, "is_floating_point", bool)() else value


def in_double(torch):
    """A context in which all tensors are taken in float64, also those of the user's loss."""
    from torch.overrides import TorchFunctionMode

    class Doubled(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            return function(*doubled(args), **doubled(kwargs or {}))

    @contextlib.contextmanager
    def context():
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)  # of zeros for a hidden state
        try:
            with Doubled():
                yield
        finally:
            torch.set_default_dtype(before)

    return context


def _refuse_unknown(torch, module):
    """Parameters without a shape yet, and complex ones; scripts, whose copies keep their own."""
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise TypeError(
            "The module is a script of torch.jit: pass the module that it was made of, which is "
            "copied and computed in float64."
        )
    for name, parameter in module.named_parameters():
        if torch.nn.parameter.is_lazy(parameter):
            raise ValueError(
                f"The parameter {name!r} of the module has no shape yet: call the module once, as "
                "in net(X), before it is checked."
            )
        if parameter.is_complex() and parameter.requires_grad:
            raise TypeError(
                f"The parameter {name!r} of the module is complex ({parameter.dtype}). A real "
                "function of complex numbers has gradients by several conventions: make it two "
                "real parameters, and join them with torch.complex."
            )


def _plain_tensors(torch, module):
    """The tensors in the attributes of all modules that are no parameters."""
    stack, seen, found = list(module.modules()), set(), []
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, type | FunctionType | ModuleType):
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            if not isinstance(value, torch.nn.Parameter):
                found.append(value)
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list | tuple | set | deque):
            stack += value
        else:
            stack += getattr(value, "__dict__", {}).values()
    return found
