"""What a function can reach: arrays in its closure, its globals, its arguments and its objects.

A factor of 400 is a number of rows only where something has 400 rows, and a function that reaches
no random numbers is not random. Nothing is called for that, and only what the code names is seen.
"""

import random
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType

import numpy as np

MOST = 2000  # things that are looked at
LONG = 200  # a list of more is data of another kind
FOREIGN = ("numpy", "scipy", "torch", "jax", "sklearn", "pandas", "builtins")  # no user's objects
RANDOM_WORDS = ("rand", "rng", "dropout", "shuffle", "urandom", "secrets", "noise")


@dataclass
class Reach:
    """Arrays by name, generators of random numbers, and the names that the code reads."""

    arrays: dict = field(default_factory=dict)
    generators: list = field(default_factory=list)
    names: set = field(default_factory=set)

    @property
    def widths(self):
        """{size of an axis: name of an array}."""
        found = {}
        for name, array in self.arrays.items():
            for size in map(int, array.shape):
                found.setdefault(size, name)
        return found

    @property
    def sizes(self):
        """The same, also of arrays as a whole."""
        arrays = self.arrays.items()
        whole = {int(np.prod(each.shape)): name for name, each in arrays if len(each.shape) > 1}
        return whole | self.widths

    @property
    def indices(self):
        """The arrays of integers, by name."""
        return {
            name: array
            for name, array in self.arrays.items()
            if isinstance(array, np.ndarray) and array.dtype.kind in "iu"
        }

    @property
    def may_draw(self):
        """Whether its code names something random."""
        return any(word in name.lower() for name in self.names for word in RANDOM_WORDS)


def look_around(*starts):
    """The Reach of functions."""
    found, queue, seen = Reach(), [("x", start) for start in starts], {}
    while queue and len(seen) < MOST:
        name, thing = queue.pop(0)
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if isinstance(thing, np.random.Generator | np.random.RandomState | random.Random):
            found.generators.append(thing)
        elif isinstance(getattr(thing, "shape", None), tuple):
            found.arrays.setdefault(name, thing)
        else:
            queue.extend(_inside(name, thing, found))
    return found


def _inside(name, thing, found):
    """Pairs of names and things that a thing holds."""
    match thing:
        case MethodType():
            return [(name, thing.__func__), (name, thing.__self__)]
        case FunctionType():
            return _of_function(thing, found)
        case partial():
            return [(name, thing.func), *((name, each) for each in thing.args)]
        case dict():
            return [(str(key), each) for key, each in list(thing.items())[:LONG]]
        case list() | tuple():
            return [(name, each) for each in thing[:LONG]]
        case ModuleType() | type():
            return []
    top = type(thing).__module__.split(".")[0]
    if top in FOREIGN or not hasattr(thing, "__dict__"):
        return []
    inside = list(vars(thing).items())
    if top != "sknn_opt":  # our own methods draw nothing that is asked for
        methods = vars(type(thing)).items()
        inside += [(name, each) for name, each in methods if _is_run(name, each)]
    return inside


def _is_run(name, method):
    return isinstance(method, FunctionType) and name != "__init__"


def _of_function(function, found):
    names = set(_names(function.__code__))
    found.names |= names
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    read = {name: function.__globals__[name] for name in names & function.__globals__.keys()}
    defaults = function.__defaults__ or ()
    return [*_contents(cells), *read.items(), *(("", each) for each in defaults)]


def _names(code):
    """What a function and those inside of it read by name."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _contents(cells):
    for name, cell in cells:
        try:
            yield name, cell.cell_contents
        except ValueError:  # it is not yet filled
            continue


def get_state(generator):
    """The state of a generator of NumPy's or of Python's, or of either module's own."""
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return getattr(generator, "get_state", getattr(generator, "getstate", None))()


def set_state(generator, state):
    """Put it back."""
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        getattr(generator, "set_state", getattr(generator, "setstate", None))(state)
