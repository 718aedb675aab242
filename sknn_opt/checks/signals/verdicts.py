"""From what was measured in each layer to a verdict, and to what can be done about it.

What decides is what has become of a signal at the last hidden layer H, and of a gradient at the
first one, whatever the scale of X and of the loss:

===========  ======================================================================================
exploding    rms(a[H]) / rms(X), or the product of the backward gains, is above 1e10 (or infinite)
vanishing    one of the two is below 1e-5
saturated    less than 1e-5 of the paths through the network lead through units that are not flat,
             or more than 90 % of one layer are
dead         a layer in which 75 % of the units have no slope for any row
collapsed    rows differ by less than 1/1000 of what they have in common; or, at initial weights,
             their effective rank is below 1.15: over 93 % of the signal lies in one direction
===========  ======================================================================================

The limits are wide, since Adam, which divides each gradient by its size, trains far beyond what
looks healthy: they are where 360 nets of 2 to 50 layers ceased to learn the digits in 20 epochs
(other nets to try them on: ``benchmarks/signals.py``). Plain gradient descent is choosier, so that
totals beyond 1e±3 are remarked upon. A fitted network may well end in one direction, if it has one
output.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

HEALTHY = "healthy"
VERDICTS = (HEALTHY, "collapsed", "vanishing", "dead", "saturated", "exploding")
EXPLODED, VANISHED = 1e10, 1e-5
REMARKABLE = 1e3
CLOSED, FLAT_LAYER = 1e-5, 0.9
DEAD_LAYER = 0.75
ALIKE, ONE_DIRECTION = 1e-3, 1.15
LARGE_STEP = 0.1  # a first step that changes weights by a tenth of themselves is too long
LARGE_INPUT = 5.0  # rms(X) of standardised features is 1


@dataclass(frozen=True)
class Traits:
    """What the remedies depend on."""

    ours: bool
    init: object
    activation: str
    batch_norm: bool
    solver: str
    fitted: bool = False

    def better_init(self):
        """The remedy that lies in the initial weights; empty if they are as good as can be."""
        if not self.ours:
            return "initial weights that fit the activation (sknn_opt's MLP with init='auto')"
        return "" if self.init == "auto" else "init='auto'"

    def batch_norm_if_absent(self):
        """Batch norm as a remedy."""
        return "batch_norm=True" if self.ours and not self.batch_norm else ""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth a remark.

    Attributes
    ----------
    layer : int
        Where it shows most.
    message : str
        What was found, with numbers.
    remedy : str
        What to try.
    """

    layer: int
    message: str
    remedy: str

    def __str__(self):
        return f"layer {self.layer}: {self.message}. Try {self.remedy}."


def growth(gains):
    """The geometric mean of the gains; NaN where there are none."""
    gains = np.array([gain for gain in gains if 0 < gain < math.inf])
    return float(np.exp(np.log(gains).mean())) if gains.size else math.nan


def depth_limit(rate):
    """After how many layers of a gain float32 underflows or overflows; infinity if never."""
    if not rate > 0 or rate == 1 or not math.isfinite(rate):
        return math.inf
    edge = np.finfo(np.float32).tiny if rate < 1 else np.finfo(np.float32).max
    return math.floor(math.log(edge) / math.log(rate))


def judge(layers, traits):
    """The verdict, and findings that explain it; `layers` begin with the input."""
    found = (
        _overflow(layers)
        or _saturated(layers, traits)
        or _all_dead(layers, traits)
        or _out_of_range(layers, traits)
        or _dead(layers, traits)
        or _collapsed(layers, traits)
    )
    verdict, findings = found or (HEALTHY, _remarks(layers, traits))
    return verdict, (*findings, *_on_steps(layers), *_on_input(layers))


def totals(layers):
    """rms(a[H]) / rms(X), and the product of the backward gains from H to 1."""
    start, *hidden = layers[:-1]
    backward = math.prod(layer.backward_gain for layer in hidden[1:])
    return hidden[-1].a_rms / start.a_rms, backward


def _overflow(layers):
    for layer in layers[1:]:
        if not math.isfinite(layer.a_rms):
            return "exploding", (
                Finding(layer.layer, "its signals overflow", "smaller initial weights, or fewer "
                "layers; and scale X by InputNormalizer()"),
            )  # fmt: skip
    return None


def _saturated(layers, traits):
    hidden = layers[1:-1]
    worst = max(hidden, key=lambda layer: layer.saturated)
    open_paths = math.prod(1 - layer.saturated for layer in hidden)
    # with training, units of a deep network may saturate as they should
    if not (worst.saturated > FLAT_LAYER or (open_paths < CLOSED and not traits.fitted)):
        return None
    message = f"{worst.saturated:.0%} of its activations lie where {traits.activation} is flat"
    if open_paths < CLOSED:
        message += f", and {open_paths:.0e} of the paths through all layers are open"
    scale = "InputNormalizer() before the network" if worst.layer == 1 else ""
    rate = "a lower learning_rate_init" if traits.fitted else traits.better_init()
    remedies = scale, rate, traits.batch_norm_if_absent(), "activation='relu'"
    return "saturated", (Finding(worst.layer, message, _either(remedies)),)


def _all_dead(layers, traits):
    for before, layer in pairwise(layers[:-1]):
        if layer.dead == 1 and before.a_rms / layers[0].a_rms >= VANISHED:
            return _dead(layers, traits)
    return None


def _dead(layers, traits):
    worst = max(layers[1:-1], key=lambda layer: layer.dead)
    if not worst.dead >= DEAD_LAYER:
        return None
    message = f"{worst.dead:.0%} of its units have no slope for any row, and cannot learn"
    other = "leaky_relu" if traits.ours else "tanh"
    rate = "a lower learning_rate_init" if traits.fitted else traits.better_init()
    remedies = rate, f"activation={other!r}", traits.batch_norm_if_absent()
    return "dead", (Finding(worst.layer, message, _either(remedies)),)


def _out_of_range(layers, traits):
    ways = dict(zip(("signals", "gradients"), totals(layers), strict=True))
    for verdict, is_bad in (
        ("vanishing", lambda total: total < VANISHED),
        ("exploding", lambda total: not total <= EXPLODED),
    ):
        bad = {way: total for way, total in ways.items() if is_bad(total)}
        if bad:
            return verdict, tuple(_on_way(layers, traits, way, bad[way]) for way in bad)
    return None


def _on_way(layers, traits, way, total):
    """A finding on the growth of signals or of gradients, at the layer where it is too much."""
    hidden, limit = layers[1:-1], VANISHED if total < 1 else EXPLODED
    if way == "signals":
        gains = [(layer.layer, layer.forward_gain) for layer in hidden]
        where = f"of X at layer {hidden[-1].layer}"
    else:
        gains = [(layer.layer - 1, layer.backward_gain) for layer in hidden[:0:-1]]
        where = f"at layer 1 of what they are at layer {hidden[-1].layer}"
    rate = growth(gain for _, gain in (gains[1:] if way == "signals" else gains) or gains)
    here, product = gains[-1][0], 1.0
    for number, gain in gains:
        product *= gain
        if product < limit if total < 1 else not product <= limit:
            here = number
            break
    message = f"{way} are multiplied by {rate:.3g} a layer, and are {total:.0e} {where}"
    flat = "activation='relu'" if traits.activation == "logistic" else ""
    remedies = traits.better_init(), traits.batch_norm_if_absent(), flat, "fewer layers"
    return Finding(here, message, _either(remedies))


def _collapsed(layers, traits):
    start, *_, last = layers[:-1]
    fewer = "fewer layers" if len(layers) > 3 else ""
    remedies = [traits.batch_norm_if_absent(), fewer]
    if last.spread < ALIKE:
        message = f"its rows differ by {last.spread:.0e} of what they have in common"
        if start.spread < 0.1:
            message += f", and those of X by {start.spread:.0e}"
            remedies.insert(0, "InputNormalizer() before the network")
        return "collapsed", (
            Finding(last.layer, message, _either([traits.better_init(), *remedies])),
        )
    if traits.fitted or not last.effective_rank < ONE_DIRECTION:
        return None
    message = (
        f"rows become alike: their effective rank is {last.effective_rank:.2f} of {last.n_units}, "
        f"their mean cosine {last.cosine:.2f}"
    )
    other = "activation='tanh'" if traits.activation != "tanh" else traits.better_init()
    return "collapsed", (Finding(last.layer, message, _either([*remedies, other])),)


def _remarks(layers, traits):
    """What Adam stands and plain gradient descent may not."""
    found = []
    for way, total in zip(("signals", "gradients"), totals(layers), strict=True):
        if not 1 / REMARKABLE < total < REMARKABLE:
            found.append(_on_way(layers, traits, way, total))
    return found


def _on_steps(layers):
    worst = max(layers[1:], key=lambda layer: np.nan_to_num(layer.update_ratio))
    if worst.update_ratio > LARGE_STEP:
        message = f"the first step changes its weights by {worst.update_ratio:.0%} of their norm"
        yield Finding(worst.layer, message, "a lower learning_rate_init")


def _on_input(layers):
    size = layers[0].a_rms
    if not 1 / 100 < size < LARGE_INPUT:
        message = f"the rms of its inputs is {size:.2g}, that of standardised ones 1"
        yield Finding(1, message, "InputNormalizer() before the network")


def _either(remedies):
    remedies = [remedy for remedy in remedies if remedy]
    *most, last = remedies
    return f"{', '.join(most)}, or {last}" if most else last
