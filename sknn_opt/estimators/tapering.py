"""Hidden layers from plain numbers, for searchers: layer i has width · taperⁱ units."""

from inspect import signature
from numbers import Integral, Real

from sknn_opt._sklearn import Interval

CONSTRAINTS = {
    "depth": [Interval(Integral, 0, None, closed="left"), None],
    "width": [Interval(Integral, 1, None, closed="left"), None],
    "taper": [Interval(Real, 0, 2, closed="right")],  # of twice the width each layer, few fit
}
NUMBERS = ("depth", "width", "taper")


def sizes_by_numbers(estimator, given):
    """The units of the hidden layers; `given` are those that ``hidden_layer_sizes`` asks for.

    Raises
    ------
    ValueError
        If both say something, and differ, or if a taper has nothing to taper.
    """
    default = signature(type(estimator)).parameters["hidden_layer_sizes"].default
    depth, width, taper = (getattr(estimator, name) for name in NUMBERS)
    if depth is None and width is None:
        raise ValueError(
            f"taper={taper!r} has no effect without depth or width, whose layers it tapers: set "
            "one of them, or leave it at 1."
        )
    n_layers = len(default) if depth is None else int(depth)
    first = default[0] if width is None else int(width)
    # round(width · taperⁱ), at least 1
    sizes = tuple(max(1, round(first * float(taper) ** i)) for i in range(n_layers))
    if given not in (default, sizes):
        both = ", ".join(f"{n}={v!r}" for n, v in zip(NUMBERS, (depth, width, taper), strict=True))
        raise ValueError(
            f"hidden_layer_sizes={estimator.hidden_layer_sizes!r} has no effect beside {both}, "
            f"which ask for {sizes}: leave out hidden_layer_sizes, or set depth and width to None "
            "and taper to 1."
        )
    return sizes
