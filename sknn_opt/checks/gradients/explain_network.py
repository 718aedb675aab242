"""What can be told of a network of ours, besides: whose backward it is, and usual bugs."""

from sknn_opt.checks.gradients.explain import Explainer
from sknn_opt.checks.gradients.faults import find_fault
from sknn_opt.checks.gradients.numeric.layerwise import Layerwise
from sknn_opt.checks.gradients.penalty import explain_penalty


class NetworkExplainer(Explainer):
    """Looks at each layer's backward, at the penalty, and at rows and weights left out."""

    def find_fault(self, wrong):
        """The layer whose backward is at fault: a sentence, the layer, and hints."""
        data = self.problem.objective.data_term()
        layerwise = Layerwise(data, self.problem.x0)
        fault, layer, hints = find_fault(data, layerwise, wrong, self.claim.tolerance, self.rng)
        if "L2" in wrong:
            hint, of_penalty = explain_penalty(self.problem.objective, self.claim.tolerance)
            hints = (*hints, hint)
            layer = of_penalty if layer is None else layer
        return fault, layer, hints

    def alternatives(self):
        """The gradients without the last row, and without the sample weights."""
        data = self.problem.objective.data_term()
        others = {}
        if data.X.shape[0] > 1:
            others["leaves out the last row"] = data.without_last_row()
        if data.weight is not None:
            others["leaves out the sample weights"] = data.without_weights()
        return tuple((text, self._gradient(other)) for text, other in others.items())

    def _gradient(self, data):
        layerwise = Layerwise(data, self.problem.x0)
        return lambda item: layerwise.derivatives(item.block, item.directions)
