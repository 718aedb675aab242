"""``layer_rates`` of an optimizer: names of blocks to segments of θ, each with its factor.

An optimizer moves θ and knows no layers. So the names are looked up where both are known, and what
it gets are the segments of θ that share a factor: neighbors of the same factor are one.
"""

import math
from collections.abc import Mapping
from numbers import Real

from sknn_opt.estimators.spelling import closest

KINDS = ("W", "b", "gamma", "beta", "scale")
FAN_IN = 16.0  # / √n_in: 1 for a layer with 256 inputs


def segments_of(layer_rates, blocks):
    """The segments of θ, in order, and the factors of their learning rates.

    Raises
    ------
    ValueError
        If there is no block of a name, or a factor is none.
    """
    _check(layer_rates, blocks)
    segments = []
    for name, block in blocks.items():
        kind, layer = name[:-1].split("[")
        factor = layer_rates.get(name, layer_rates.get(kind, 1.0))
        if factor == "fan_in":
            factor = FAN_IN / math.sqrt(blocks[f"W[{layer}]"].shape[-2])
        start, stop = block.slice.start, block.slice.stop
        if segments and segments[-1][1] == factor:
            start = segments.pop()[0].start
        segments.append((slice(start, stop), float(factor)))
    return segments


def _check(layer_rates, blocks):
    if not isinstance(layer_rates, Mapping):
        raise ValueError(
            f"layer_rates must be a dict of names of blocks and factors, such as {{'b': 0.1}}; got "
            f"{layer_rates!r}."
        )
    for name, factor in layer_rates.items():
        if name not in KINDS and name not in blocks:
            meant = closest("block", str(name), {*KINDS, *blocks})
            hint = f" Did you mean {meant!r}?" if meant else ""
            raise ValueError(
                f"layer_rates has {name!r}, which is no block of this network; it may have "
                f"{', '.join(map(repr, KINDS))}, or one of {', '.join(blocks)}.{hint}"
            )
        is_number = isinstance(factor, Real) and 0 <= factor < math.inf
        if not is_number and factor != "fan_in":
            raise ValueError(
                f"layer_rates[{name!r}] must be a number >= 0 or 'fan_in'; got {factor!r}."
            )
