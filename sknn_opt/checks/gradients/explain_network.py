"""What else can be told of a network of ours: whose backward it is, and usual bugs in there.

Backprop hands δ = ∂J/∂signal from layer to layer, the last first. Each δ that it handed over is
compared with complex steps. A layer that got a correct δ, and either passed on a wrong one or wrote
wrong gradients of its own blocks, is at fault; the layers below it only inherit.
"""

import numpy as np

from sknn_opt.checks.gradients.explain import Explainer
from sknn_opt.checks.gradients.numeric.layerwise import Layerwise
from sknn_opt.checks.gradients.penalty import explain_penalty
from sknn_opt.checks.gradients.report import ratio
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.layers import ActivationLayer, BatchNorm, Dense, Dropout

N_DIRECTIONS = 3
LOOSER = 100  # than for the blocks: only they decide whether all is well
BELOW = "the gradient it passes to the layer below"
KINDS = {  # what a layer is called, and what it passes on
    Dense: ("Dense", f"{BELOW}, δ Wᵀ"),
    BatchNorm: ("batch norm", f"{BELOW}, through its mean and variance"),
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
        """Who is at fault: a sentence, the layer, and hints."""
        fault, number, hints = self._find_layer(wrong)
        if "L2" in wrong:
            hint, of_penalty = explain_penalty(self.problem)
            hints = (*hints, hint)
            number = of_penalty if number is None else number
        return fault, number, hints

    def alternatives(self):
        """The gradients without the last row, and without the sample weights."""
        others = {}
        if self.data.X.shape[0] > 1:
            others["leaves out the last row"] = self.data.without_last_row()
        if self.data.weight is not None:
            others["leaves out the sample weights"] = self.data.without_weights()
        theta = self.problem.x0
        found = {text: Layerwise(self.problem, theta, data=data) for text, data in others.items()}
        return [(text, layerwise.derivatives) for text, layerwise in found.items()]

    def _find_layer(self, wrong):
        deltas = _handed_over(self.data)
        correct = {k: self._is_correct(k, delta) for k, delta in deltas.items()}
        top = len(self.layers)
        if not correct[top]:
            return f"layer {self.numbers[-1]}: the gradient of the loss", self.numbers[-1], ()
        for k in range(top - 1, min(deltas) - 2, -1):
            kind, passed = KINDS[type(self.layers[k])]
            own = [block for block, place in self.layerwise.places.items() if place == k]
            bad = [f"d{block}" for block in own if block in wrong]
            hints = ()
            if correct[k + 1] and not correct.get(k, True):
                bad.append(passed.format(_name(self.layers[k])))
                hints = self._bugs(k, deltas[k + 1], deltas[k])
            if correct[k + 1] and bad:
                number = self.numbers[k]
                return f"layer {number}: {kind}, {' and '.join(bad)}", number, hints
        if wrong == {"L2"}:
            return "the L2 penalty", None, ()
        return super().find_fault(wrong - {"L2"})

    def _is_correct(self, k, delta):
        """Whether δ of signal k agrees with complex steps."""
        moved = self.rng.normal(size=(len(delta), N_DIRECTIONS, delta.shape[1]))
        numeric = self.layerwise.along_signal(k, moved)
        claimed = np.einsum("ndu,nu->d", moved, delta)
        return ratio(claimed, numeric) < LOOSER * self.problem.tolerance

    def _bugs(self, k, got, gave):
        """What layer k may have done instead, tried on the δ that it got."""
        if not np.isfinite(gave).all():
            return ("its result is not finite",)
        tried = self._usual_bugs(k, got)
        return tuple(hint for hint, passed in tried if ratio(gave, passed) < 1e-6)[:1]

    def _usual_bugs(self, k, got):
        """Pairs of a sentence and what the layer would pass on."""
        layer = self.layers[k]
        if isinstance(layer, Dense):
            if layer.W.shape[0] == layer.W.shape[1]:
                yield "it multiplies by W where Wᵀ belongs", got @ layer.W
            return
        yield "it passes its gradient on unchanged: its derivative is forgotten", got
        yield "it passes zeros on", np.zeros_like(got)
        if isinstance(layer, ActivationLayer):
            for name, function in ACTIVATIONS.items():
                if function is not layer.function:
                    text = f"it uses the derivative of {name}, not of {_name(layer)}"
                    yield text, got * self.layerwise.slope(k, function)
        for j, other in enumerate(self.layers):
            if j == k or type(other) is not type(layer) or isinstance(layer, BatchNorm):
                continue
            is_mask = isinstance(layer, Dropout)
            factor = other.mask if is_mask else self.layerwise.slope(j, other.function)
            if factor.shape == got.shape:
                what = "mask of" if is_mask else "derivative at"
                yield f"it uses the {what} layer {self.numbers[j]}, not its own", got * factor


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
    """The name of an activation."""
    function = getattr(layer, "function", None)
    return next((name for name, f in ACTIVATIONS.items() if f is function), "")
