"""What becomes of a signal on its way through a network, and of a gradient on its way back.

Let a[0] = X and a[l] = f(z[l]), z[l] = a[l-1] W[l] + b[l]. The **gain** of a layer is the root mean
square of what leaves it over that of what enters it:

    forward   rms(a[l]) / rms(a[l-1])
    backward  rms(δ[l-1]) / rms(δ[l]),   δ[l] = dL/dz[l]

Backward gains are those of a random δ[L] with variance 1 in place of the loss's, since backprop is
linear in δ. After each layer δ is scaled back to rms 1, and cannot underflow.

Gains do not see everything. With relu, rows may become alike while their lengths stay: the mean
cosine between rows tends to 1, and the effective rank (Σσ²)² / Σσ⁴, σ being the singular values of
the activations, to 1. Both are taken of a less its value for X = 0, since what is the same for
all rows tells nothing about a row; the spread is what is left beside it.
Sources: Glorot & Bengio (2010), "Understanding the difficulty of training deep feedforward neural
networks"; Poole et al. (2016), "Exponential expressivity in deep neural networks through transient
chaos"; the effective rank is the participation ratio of the spectrum.
"""

import math
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy.sparse import issparse

from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.layers import ActivationLayer, BatchNorm, Dense

N_ALIKE = 256  # rows that are compared with each other
N_SAMPLE = 4_000  # activations of a layer that are kept for its histogram, all units of some rows
FLAT = 0.01  # a unit whose slope is below this share of f's steepest for all rows is dead
STEEP = 0.1  # a bounded activation is saturated where its slope is below this share
SAME = 1e-6  # of the largest weight: units whose weights differ by less are alike
LARGE_STEP = 0.1  # of the weights' norm: only then the loss after it is looked at
BOUNDED = {ACTIVATIONS["logistic"]: 0.25, ACTIVATIONS["tanh"]: 1.0}  # and their steepest slopes


@dataclass(frozen=True)
class LayerSignals:
    """The signals of one layer.

    Attributes
    ----------
    layer : int
        From 1; the last one is that of the outputs. 0 is the input.
    n_units : int
    z_rms, z_mean : float
        Of the pre-activations (with batch norm, of its outputs).
    a_rms, a_mean : float
        Of the activations; of the raw outputs in the last layer.
    forward_gain : float
        rms(a[l]) / rms(a[l-1]).
    backward_gain : float
        rms(δ[l-1]) / rms(δ[l]); NaN in layer 1, below which there is nothing to learn.
    dead : float
        The share of units with next to no slope for any row: they cannot learn. NaN for outputs.
    saturated : float
        The share of activations of a bounded function that lie where it is flat.
    spread : float
        How much rows differ compared with what they share: rms of a less its mean row, over rms(a).
    cosine : float
        The mean cosine between two rows of a less its value for X = 0; 1 where all are alike.
    effective_rank : float
        Of the same: between 1 and the number of units.
    weight_norm : float
        ‖W[l]‖.
    alike : bool
        Whether all units have the same weights, those of the next layer too: they stay the same.
    gradient_norm : float
        ‖dJ/dW[l]‖ without the penalty, which would hide that it vanishes; NaN without y.
    update_ratio : float
        ‖ΔW[l]‖ / ‖W[l]‖ of the solver's first step; NaN without y, and for lbfgs.
    loss_growth : float
        Of the outputs: J after that step / J before. NaN without a step, or after a small one.
    sample : ndarray
        About 4,000 of the activations, for a histogram: all units, for some rows.
    """

    layer: int
    n_units: int
    z_rms: float = math.nan
    z_mean: float = math.nan
    a_rms: float = math.nan
    a_mean: float = math.nan
    forward_gain: float = math.nan
    backward_gain: float = math.nan
    dead: float = math.nan
    saturated: float = math.nan
    spread: float = math.nan
    cosine: float = math.nan
    effective_rank: float = math.nan
    weight_norm: float = math.nan
    alike: bool = False
    gradient_norm: float = math.nan
    update_ratio: float = math.nan
    loss_growth: float = math.nan
    sample: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)


def rms(x):
    """√(mean x²), also where squares under- or overflow."""
    size, x = math.prod(x.shape), x.data if issparse(x) else x  # zeros of a sparse X count
    square = np.vdot(x, x)
    if 1e-280 < square < math.inf:
        return math.sqrt(square / size)
    largest = float(np.max(np.abs(x), initial=0.0))
    if not 0 < largest < math.inf:
        return largest
    return largest * math.sqrt(np.sum((x / largest) ** 2) / size)


def measure(objective, theta, rng, *, with_loss=False, optimizer=None, max_norm=None):
    """The signals of each layer, the input's first.

    `with_loss` says that the objective's targets are real; then the gradient is taken, and
    `optimizer`, if there is one, makes its first step, with a gradient no longer than `max_norm`.
    Else what they tell is NaN.
    """
    with np.errstate(all="ignore"):
        walk = _Walk(objective, theta)
        walk.forward()
        walk.backward(rng)
        if with_loss:
            walk.descend(optimizer, max_norm)
    return tuple(LayerSignals(**facts) for facts in walk.facts)


class _Walk:
    """One way through a network and back; what was seen lies in `facts`, one dict a layer."""

    def __init__(self, objective, theta):
        self.objective, self.theta = objective, theta
        self.network = objective.network_at(theta)
        self.backs = []  # (layer if Dense, δ -> δ), from the first layer to the last
        self.facts = [{"layer": 0, "n_units": objective.X.shape[1]}]
        self.rests = _at_rest(objective, theta)

    def forward(self):
        """All layers once; what backprop needs stays in them."""
        a, weight = self.objective.X, self.objective.weight
        self.facts[0] |= sizes(a)
        for layer in self.network.layers:
            if isinstance(layer, ActivationLayer):
                self._note_slopes(layer.function, a.copy())
            elif isinstance(layer, BatchNorm):
                self.backs.append((None, _twin(layer, a.copy(), weight).backward))
            elif not isinstance(layer, Dense):
                self.backs.append((None, lambda delta, layer=layer: layer.backward(delta)))
            a = layer.forward(a, weight)
            if isinstance(layer, Dense):
                number = len(self.facts)
                norm = float(np.linalg.norm(self._of(f"W[{number}]")))
                self.facts.append({"layer": number, "n_units": a.shape[1], "weight_norm": norm})
                self.backs.append((number, partial(_through, layer.W)))
            if isinstance(layer, Dense | BatchNorm):
                self.facts[-1] |= {"z_rms": rms(a), "z_mean": float(a.mean())}
            elif isinstance(layer, ActivationLayer):
                self._note_a(a)
        self._note_a(a)
        for facts in self.facts[1:-1]:
            facts["alike"] = self._are_alike(facts["layer"])

    def backward(self, rng):
        """A random δ from the outputs down to the first layer."""
        delta = rng.normal(size=self.outputs.shape)
        for layer, back in reversed(self.backs):
            if layer is not None:  # δ has come to the output of its matrix
                size = rms(delta)
                if layer < len(self.facts) - 1:
                    self.facts[layer + 1]["backward_gain"] = size
                if layer == 1 or not size < math.inf:
                    return
                # Weights that are all 0 let nothing through: what lies below is seen by itself.
                delta = delta / size if size else rng.normal(size=delta.shape)
            delta = back(delta)

    def descend(self, optimizer, max_norm=None):
        """dJ/dθ by backprop, and the optimizer's first step."""
        objective, network = self.objective, self.network
        weight = 1.0 if objective.weight is None else objective.weight[:, np.newaxis]
        delta = network.row_losses(self.outputs.copy(), objective.y)[1]
        network.delta = delta * (objective.scale * weight)
        network.backward()
        moved, grad, n = self.theta.copy(), network.grad.copy(), objective.n_decayed
        grad[:n] += objective.penalty * self.theta[:n]
        if max_norm:
            grad *= min(1.0, max_norm / max(float(np.linalg.norm(grad)), 1e-300))
        if optimizer:
            optimizer.step(moved, grad, optimizer.init(moved))
        for facts in self.facts[1:]:
            block = objective.blocks[f"W[{facts['layer']}]"]
            facts["gradient_norm"] = float(np.linalg.norm(block.of(network.grad)))
            if optimizer and facts["weight_norm"]:
                step = np.linalg.norm(block.of(moved - self.theta))
                facts["update_ratio"] = float(step / facts["weight_norm"])
        steps = [facts.get("update_ratio", 0.0) for facts in self.facts]
        if not all(step <= LARGE_STEP for step in steps):
            growth = objective.value(moved) / objective.value(self.theta)
            self.facts[-1]["loss_growth"] = float(np.nan_to_num(growth, nan=math.inf))

    def _of(self, name):
        """A block of θ."""
        return self.objective.blocks[name].of(self.theta)

    def _are_alike(self, layer):
        """Whether the units of a layer have equal weights, biases, and weights in the next one."""
        W, b, next_W = (f"W[{layer}]", f"b[{layer}]", f"W[{layer + 1}]")
        parts = [self._of(name) for name in (W, b) if name in self.objective.blocks]
        parts = [part.reshape(-1, part.shape[-1]) for part in parts] + [self._of(next_W).T]
        return parts[0].shape[1] > 1 and all(
            np.ptp(part, axis=1).max() <= SAME * np.abs(part).max() for part in parts
        )

    def _note_a(self, a):
        before, facts = self.facts[-2]["a_rms"], self.facts[-1]
        facts |= sizes(a, self.rests[facts["layer"] - 1])
        facts["forward_gain"] = facts["a_rms"] / before if before else math.nan
        facts["sample"] = a[: max(1, N_SAMPLE // a.shape[1])].flatten()
        self.outputs = a

    def _note_slopes(self, function, z):
        """f' of each unit for each row; uses up z."""
        slope, facts = flatness(function, z)
        self.backs.append((None, partial(np.multiply, slope)))
        self.facts[-1] |= facts


def flatness(function, z):
    """f'(z), and the shares of dead units and of saturated activations; uses up z."""
    slope, scratch = np.ones_like(z), np.empty((function.n_scratch, *z.shape))
    function.forward(z, *scratch)
    function.backward(z, slope, *scratch)
    share = np.abs(slope) / BOUNDED.get(function, 1.0)  # all others have about 1
    flat = np.mean(share < STEEP) if function in BOUNDED else 0.0
    dead = np.mean(share.max(axis=0) < FLAT)
    return slope, {"dead": float(dead), "saturated": float(flat)}


def _through(W, delta):
    return delta @ W.T


def _twin(layer, z, weight):
    """A batch norm of its own, whose backward leaves the network's as it is."""
    nothing = {"mean": None, "variance": None}
    grads = {"gamma": np.empty_like(layer.gamma), "beta": np.empty_like(layer.beta)}
    twin = BatchNorm({"gamma": layer.gamma, "beta": layer.beta}, grads, nothing, len(z), z.dtype)
    twin.forward(z, weight)
    return twin


def _at_rest(objective, theta):
    """a[1] … z[L] where X is 0, without dropout."""
    a, rests = np.zeros((1, objective.X.shape[1])), []
    for layer in objective.new_network(theta).layers:
        if isinstance(layer, Dense | BatchNorm | ActivationLayer):
            a = layer.forward(a, None)
            if isinstance(layer, ActivationLayer):
                rests.append(a.copy())
    return [*rests, a]


def sizes(a, rest=0.0):
    """What `LayerSignals` tells of activations; cosine and rank are those of a - rest."""
    rows = a[:N_ALIKE].toarray() if issparse(a) else a[:N_ALIKE]
    size, moved = rms(rows), rows - rest
    spread = rms(rows - rows.mean(axis=0)) / size if size else math.nan
    sizes = {"a_rms": rms(a), "a_mean": float(a.mean()), "spread": spread}
    largest = np.max(np.abs(moved), initial=0.0)
    if not 0 < largest < math.inf:
        return sizes
    moved = moved / largest
    gram = moved @ moved.T if moved.shape[0] < moved.shape[1] else moved.T @ moved
    rank = float(np.trace(gram) ** 2 / np.vdot(gram, gram))
    lengths = np.linalg.norm(moved, axis=1)
    seen = moved[lengths > 0] / lengths[lengths > 0, np.newaxis]
    n, total = len(seen), seen.sum(axis=0)
    # Σ over pairs of cos = ‖Σ rows / ‖row‖‖² - n
    cosine = float((total @ total - n) / (n * (n - 1))) if n > 1 else math.nan
    return sizes | {"cosine": cosine, "effective_rank": rank}
