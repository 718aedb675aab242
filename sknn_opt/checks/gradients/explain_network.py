"""What else can be told of a network of ours: whose backward it is, and usual bugs in there.

Backprop hands δ = ∂J/∂signal from layer to layer, the last first. Each δ that it handed over is
compared with complex steps. A layer that got a correct δ, and either passed on a wrong one or wrote
wrong gradients of its own blocks, is at fault; the layers below it only inherit.
"""

import numpy as np

from sknn_opt.checks.gradients.explain import Explainer
from sknn_opt.checks.gradients.numeric import ratio
from sknn_opt.checks.gradients.numeric.layerwise import Layerwise
from sknn_opt.checks.gradients.penalty import explain_penalty
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.layers import ActivationLayer, BatchNorm, Dense, Dropout, ScaledDense

N_DIRECTIONS = 3
LOOSER = 100  # than for the blocks: only they decide whether all is well
KINDS = {  # what a layer is called, and what it passes on
    Dense: ("Dense", "the gradient it passes to the layer below, δ Wᵀ"),
    ScaledDense: ("Dense with input scale", "the gradient it passes to the layer below, δ Wᵀ"),
    BatchNorm: (
        "batch norm",
        "the gradient it passes to the layer below, through its mean and variance",
    ),
    Dropout: ("dropout", "the mask"),
    ActivationLayer: ("activation", "the derivative of {}"),
}


class NetworkExplainer(Explainer):
    """Looks at each layer's backward, at the penalty, and at rows and weights left out."""

    def __init__(self, problem, rng):
        super().__init__(problem, rng)
        self.data = problem.objective.data_term()
        self.layerwise = Layerwise(problem, problem.x0)
        self.layers, self.numbers = self.layerwise.layers, self.layerwise.numbers

    def find_fault(self, wrong):
        fault, number, hints = self._find_layer(wrong)
        if "L2" in wrong:
            hint, of_penalty = explain_penalty(self.problem)
            hints = (*hints, hint)
            number = of_penalty if number is None else number
        return fault, number, hints

    def alternatives(self):
        """The gradients without the last row, and without the sample weights."""
        others = {
            "last row": self.data.without_last_row(),
            "sample weights": self.data.without_weights(),
        }
        for what, data in others.items():
            source = Layerwise(self.problem, self.problem.x0, data=data)
            yield f"leaves out the {what}", source.derivatives

    def _find_layer(self, wrong):
        deltas = _handed_over(self.data)
        correct = {k: self._is_correct(k, delta) for k, delta in deltas.items()}
        number = self.numbers[-1]
        if not correct[len(self.layers)]:
            return f"layer {number}: the gradient of the loss", number, ()
        for k in range(len(self.layers) - 1, min(deltas) - 2, -1):
            kind, passed = KINDS[type(self.layers[k])]
            own = [block for block, place in self.layerwise.places.items() if place == k]
            bad = [f"d{block}" for block in own if block in wrong]
            hints, number = (), self.numbers[k]
            if not correct.get(k, True):
                bad.append(passed.format(_name(self.layers[k])))
                bugs = self._usual_bugs(k, deltas[k + 1])
                hints = tuple(bug for bug, gave in bugs if ratio(deltas[k], gave) < 1e-6)[:1]
            if bad:
                return f"layer {number}: {kind}, {' and '.join(bad)}", number, hints
        return "the L2 penalty", None, ()

    def _is_correct(self, k, delta):
        """Whether δ of signal k agrees with complex steps."""
        moved = self.rng.normal(size=(len(delta), N_DIRECTIONS, delta.shape[1]))
        numeric = self.layerwise.along_signal(k, moved)
        claimed = np.einsum("ndu,nu->d", moved, delta)
        return ratio(claimed, numeric) < LOOSER * self.problem.tolerance

    def _usual_bugs(self, k, got):
        """Pairs of what layer k may have done instead, and what it would pass on."""
        layer = self.layers[k]
        if isinstance(layer, Dense):
            if layer.W.shape[0] == layer.W.shape[1]:
                yield "it multiplies by W where Wᵀ belongs", got @ layer.W
            return
        yield "it passes its gradient on unchanged: its derivative is forgotten", got
        if not isinstance(layer, ActivationLayer):
            return
        for name, function in ACTIVATIONS.items():
            if function is not layer.function:
                text = f"it uses the derivative of {name}, not of {_name(layer)}"
                yield text, got * self.layerwise.slope(k, function)
        for j, other in enumerate(self.layers):
            if isinstance(other, ActivationLayer) and other is not layer:
                slope = self.layerwise.slope(j, other.function)
                if slope.shape == got.shape:
                    text = f"it uses the derivative at layer {self.numbers[j]}, not its own"
                    yield text, got * slope


def _handed_over(data):
    """δ of each signal as backprop computes it: {k: ∂J/∂signal k}."""
    network = data.network_at(data.theta)
    network.loss(data.X, data.y, data.weight, data.scale)
    k, delta = len(network.layers), network.delta
    deltas = {k: delta.astype(float)}
    for layer in network.backward_layers:
        delta = layer.backward(delta)
        k -= 1
        if delta is not None:
            deltas[k] = delta.astype(float)
    return deltas


def _name(layer):
    function = getattr(layer, "function", None)
    return next((name for name, f in ACTIVATIONS.items() if f is function), "")
