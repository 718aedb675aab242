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

The limits, which `sknn_opt.training.symptoms` holds, are wide, since Adam, which divides each
gradient by its size, trains far beyond what looks healthy: they are where 360 nets of 2 to 50
layers ceased to learn the digits in 20 epochs (other nets to try them on:
``benchmarks/signals.py``). Plain gradient descent is choosier, so that totals beyond 1e±3 are
remarked upon. A fitted network may well end in one direction, if it has one output.
"""

import math
import operator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np

from sknn_opt.nn.signals import measure
from sknn_opt.training import symptoms
from sknn_opt.training.remedies import FEWER_LAYERS, INIT, NORMALIZE, RELU, either

HEALTHY = "healthy"
REMARKABLE = 1e3
CLOSED = 1e-5
NARROW = 0.1  # rows of X that differ by less of what they have in common need a normalizer


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


def verdict_on(objective, traits):
    """The verdict and the findings on an objective at its θ."""
    layers = measure(objective, objective.theta, np.random.default_rng(0))
    return judge(layers, traits, objective.X)


def judge(layers, traits, X, names=None):
    """The verdict, and findings that explain it; `layers` begin with the input, X."""
    symptom, found = symptoms.judge_inputs(X, names)
    scaled = symptom is None and layers[0].spread >= NARROW
    traits = replace(traits, scaled=scaled)
    in_order = (_overflow, _saturated, _all_dead, _out_of_range, _dead, _collapsed)
    bad = next(filter(None, (find(layers, traits) for find in in_order)), None)
    verdict, findings = bad or (HEALTHY, _remarks(layers, traits))
    findings = *findings, *_on_steps(layers)
    if symptom:
        findings += (_finding(symptom, 1, traits, found=found),)
    return verdict, findings


def totals(layers):
    """rms(a[H]) / rms(X), and the product of the backward gains from H to 1, by what they tell."""
    start, *hidden = layers[:-1]
    backward = math.prod(layer.backward_gain for layer in hidden[1:])
    return {"signals": hidden[-1].a_rms / start.a_rms, "gradients": backward}


def _finding(symptom, layer, traits=None, without=(), **found):
    """What was found, with the remedies that the network can take, or without traits all."""
    choose = traits.choose if traits else lambda remedies, _: either(remedies)
    remedy = choose(symptom.remedies, without)
    return Finding(layer, symptom.sentence.format(**found), remedy)


def _overflow(layers, traits):
    for layer in layers[1:]:
        if not math.isfinite(layer.a_rms):
            symptom = symptoms.NOT_FINITE
            return symptom.name, (_finding(symptom, layer.layer, traits),)
    return None


def _saturated(layers, traits):
    symptom, hidden = symptoms.SATURATED, layers[1:-1]
    worst = max(hidden, key=lambda layer: layer.saturated)
    open_paths = math.prod(1 - layer.saturated for layer in hidden)
    is_closed = open_paths < CLOSED
    # with training, units of a deep network may saturate as they should
    if not (worst.saturated > symptom.limit or (is_closed and not traits.fitted)):
        return None
    also = f", and {open_paths:.0e} of the paths through all layers are open" if is_closed else ""
    found = {"share": worst.saturated, "activation": traits.activation, "also": also}
    without = () if worst.layer == 1 else (NORMALIZE,)
    return symptom.name, (_finding(symptom, worst.layer, traits, without, **found),)


def _all_dead(layers, traits):
    for before, layer in pairwise(layers[:-1]):
        if layer.dead == 1 and before.a_rms / layers[0].a_rms >= symptoms.VANISHING.limit:
            return _dead(layers, traits)
    return None


def _dead(layers, traits):
    symptom, worst = symptoms.DEAD, max(layers[1:-1], key=lambda layer: layer.dead)
    if not worst.dead >= symptom.limit:
        return None
    found = {"n": round(worst.dead * worst.n_units), "n_units": worst.n_units, "where": ""}
    return symptom.name, (_finding(symptom, worst.layer, traits, **found),)


def _out_of_range(layers, traits):
    for symptom in (symptoms.VANISHING, symptoms.EXPLODING):
        bad = {way: t for way, t in totals(layers).items() if _is_beyond(t, symptom)}
        if bad:
            return symptom.name, tuple(_on_way(layers, traits, way, bad[way]) for way in bad)
    return None


def _is_beyond(total, symptom):
    vanishes = symptom is symptoms.VANISHING
    return total < symptom.limit if vanishes else not total <= symptom.limit


def _on_way(layers, traits, way, total):
    """A finding on the growth of signals or of gradients, at the layer where it is too much."""
    hidden, symptom = layers[1:-1], symptoms.VANISHING if total < 1 else symptoms.EXPLODING
    if way == "signals":
        gains = {layer.layer: layer.forward_gain for layer in hidden}
        where = f"of X at layer {hidden[-1].layer}"
    else:
        gains = {layer.layer - 1: layer.backward_gain for layer in hidden[:0:-1]}
        where = f"at layer 1 of what they are at layer {hidden[-1].layer}"
    sizes = list(gains.values())
    rate = growth(sizes[1:] if way == "signals" and sizes[1:] else sizes)
    products = zip(gains, accumulate(sizes, operator.mul), strict=True)
    here = next((n for n, product in products if _is_beyond(product, symptom)), [*gains][-1])
    found = {"way": way, "rate": rate, "total": total, "where": where}
    without = () if traits.activation == "logistic" else (RELU,)
    return _finding(symptom, here, traits, without, **found)


def _collapsed(layers, traits):
    start, *_, last = layers[:-1]
    without = () if len(layers) > 3 else (FEWER_LAYERS,)
    symptom = symptoms.COLLAPSED
    if last.spread < symptom.limit:
        narrow = start.spread < NARROW
        also = f", and those of X by {start.spread:.0e}" if narrow else ""
        without += () if narrow else (NORMALIZE,)
        found = {"spread": last.spread, "also": also}
        return symptom.name, (_finding(symptom, last.layer, traits, without, **found),)
    symptom = symptoms.ONE_DIRECTION
    # of a single feature nothing else can come
    if traits.fitted or not last.effective_rank < min(symptom.limit, start.effective_rank):
        return None
    without += () if traits.activation == "tanh" else (INIT,)
    found = {"rank": last.effective_rank, "n_units": last.n_units, "cosine": last.cosine}
    return symptom.name, (_finding(symptom, last.layer, traits, without, **found),)


def _remarks(layers, traits):
    """What Adam stands and plain gradient descent may not."""
    for way, total in totals(layers).items():
        if not 1 / REMARKABLE < total < REMARKABLE:
            yield _on_way(layers, traits, way, total)


def _on_steps(layers):
    worst = max(layers[1:], key=lambda layer: np.nan_to_num(layer.update_ratio))
    if worst.update_ratio > symptoms.LARGE_STEP.limit:
        yield _finding(symptoms.LARGE_STEP, worst.layer, share=worst.update_ratio)
