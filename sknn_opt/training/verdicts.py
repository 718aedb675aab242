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
             their effective rank is below 1.15: over 93 % of the signal lies in one direction;
             or all units of a layer have equal weights
exploding    the solver's first step multiplies the loss by more than 10
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
from itertools import accumulate, pairwise, takewhile

import numpy as np

from sknn_opt.nn.signals import measure
from sknn_opt.training import remedies, symptoms
from sknn_opt.training.remedies import FASTER, FEWER_LAYERS, INIT, NORMALIZE, RELU, either

HEALTHY = "healthy"
REMARKABLE = 1e3
CLOSED = 1e-5
ROUNDING = 1e-9
BOTTLENECK = 3  # units, if X has more features
LASTING = symptoms.SATURATED.name, symptoms.DEAD.name
LARGE = 2.0  # of a constant's loss, if it does not fall
NARROW = 0.1  # rows of X that differ by less of what they have in common need a normalizer

# Of a rehearsal of the fit
DIVERGES = symptoms.Symptom(
    "exploding",
    None,
    "the first {n_steps} steps of training make the loss {loss:.3g} times that of the best "
    "constant prediction",
    symptoms.UNSTABLE.remedies,
)
SLOW = symptoms.Symptom(
    "slow",
    0.9,  # of the loss of a constant prediction
    "after {n_steps} steps of training the loss is {loss:.3g} times that of the best constant "
    "prediction, and at this pace {n_steps_of_fit} steps are too few",
    (remedies.FASTER, remedies.ADAM, remedies.INIT, remedies.NORMALIZE, remedies.BATCH_NORM),
)


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


def judge(layers, traits, X, names=None, rehearsal=None):
    """The verdict, and findings that explain it; `layers` begin with the input, X.

    A `rehearsal`, if there is one, knows whether the loss falls all the same.
    """
    symptom, found = symptoms.judge_inputs(X, names)
    scaled = symptom is None and layers[0].spread >= NARROW
    traits = replace(traits, scaled=scaled)
    in_order = (_overflow, _saturated, _all_dead, _out_of_range, _dead, _collapsed, _unstable)
    bad = next(filter(None, (find(layers, traits) for find in in_order)), None)
    verdict, findings = bad or _symmetric(layers) or (HEALTHY, _remarks(layers, traits))
    causes = () if verdict == HEALTHY else (*_on_weights(layers, traits),)
    if causes and verdict != symptoms.DEAD.name:  # what follows from them needs no remedy
        findings = ()
    findings = *causes, *findings, *_on_steps(layers, traits)
    doubted = verdict not in (HEALTHY, symptoms.EXPLODING.name)
    if rehearsal and rehearsal.learns(doubted=doubted):
        # Units that are flat, or equal, remain so while the others learn.
        verdict = verdict if causes or verdict in LASTING else HEALTHY
    elif rehearsal and verdict == HEALTHY:
        verdict, finding = _on_rehearsal(rehearsal, layers, traits)
        findings = finding, *findings
    if symptom:
        findings += (_finding(symptom, 1, traits, found=found),)
    return verdict, findings


def _on_rehearsal(rehearsal, layers, traits):
    """The verdict and the finding where signals are healthy, and the loss does not fall."""
    worst = max(layers[1:], key=lambda layer: np.nan_to_num(layer.update_ratio))
    grows = not rehearsal.loss < max(rehearsal.losses[0], LARGE)
    too_large = grows or worst.update_ratio > symptoms.LARGE_STEP.limit
    symptom = DIVERGES if too_large else SLOW
    traits = replace(traits, by_step=too_large)
    without = (FASTER,) if traits.solver == "lbfgs" else ()
    n_steps, n_all = rehearsal.n_steps, rehearsal.n_steps_of_fit
    numbers = {"n_steps": n_steps, "n_steps_of_fit": f"{n_all:,}", "loss": rehearsal.loss}
    return symptom.name, _finding(symptom, worst.layer, traits, without, **numbers)


def totals(layers):
    """rms(a[H]) / rms(X), and the product of the backward gains from H to 1, by what they tell."""
    start, *hidden = layers[:-1]
    forward = {"signals": hidden[-1].a_rms / start.a_rms}
    if math.isnan(layers[-1].backward_gain):  # nobody went back
        return forward
    return forward | {"gradients": math.prod(layer.backward_gain for layer in hidden[1:])}


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
    worst = max(hidden, key=lambda layer: np.nan_to_num(layer.saturated))
    open_paths = math.prod(1 - np.nan_to_num(layer.saturated) for layer in hidden)
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
    symptom, worst = symptoms.DEAD, max(layers[1:-1], key=lambda layer: np.nan_to_num(layer.dead))
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
    if total == 0:
        at = hidden[-1].layer if way == "signals" else 1
        return _finding(symptoms.ENDED, here, traits, without, way=way, where=f"at layer {at}")
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
    # A bottleneck leaves few directions by design, and of a single feature nothing else can come.
    narrow = min(BOTTLENECK, start.n_units - 1)
    wide = tuple(takewhile(lambda layer: layer.n_units > narrow, layers[1:-1]))
    symptom, last = symptoms.ONE_DIRECTION, wide[-1] if wide else start
    if traits.fitted or math.isnan(last.cosine):
        return None
    if not last.effective_rank < min(symptom.limit, start.effective_rank * (1 - ROUNDING)):
        return None
    without += () if traits.activation == "tanh" else (INIT,)
    found = {"rank": last.effective_rank, "n_units": last.n_units, "cosine": last.cosine}
    return symptom.name, (_finding(symptom, last.layer, traits, without, **found),)


def _unstable(layers, traits):
    """Where the solver's first step destroys what the signals are good for; `_on_steps` tells."""
    symptom = symptoms.UNSTABLE
    return (symptom.name, ()) if layers[-1].loss_growth > symptom.limit else None


def _symmetric(layers):
    """Where units are alike, and remain so; `_on_weights` tells."""
    alike = any(layer.alike for layer in layers[1:-1])
    return (symptoms.COLLAPSED.name, ()) if alike else None


def _on_weights(layers, traits):
    """The first layer whose weights are all 0, or all alike: why signals end and rows collapse."""
    for layer in layers[1:-1]:
        if layer.weight_norm == 0:
            others = all(other.weight_norm == 0 for other in layers[1:])
            also = ", and so are those of all layers" if others else ""
            yield _finding(symptoms.ZERO, layer.layer, traits, also=also)
            return
        if layer.alike:
            yield _finding(symptoms.EQUAL, layer.layer, traits, n_units=layer.n_units)
            return


def _remarks(layers, traits):
    """What Adam stands and plain gradient descent may not."""
    for way, total in totals(layers).items():
        if not 1 / REMARKABLE < total < REMARKABLE:
            yield _on_way(layers, traits, way, total)


def _on_steps(layers, traits):
    worst = max(layers[1:], key=lambda layer: np.nan_to_num(layer.update_ratio))
    share, growth = worst.update_ratio, layers[-1].loss_growth
    if share > symptoms.LARGE_STEP.limit:
        grows = growth > symptoms.UNSTABLE.limit
        symptom = symptoms.UNSTABLE if grows else symptoms.LARGE_STEP
        stepped = replace(traits, by_step=True)
        yield _finding(symptom, worst.layer, stepped, share=share, growth=growth)
