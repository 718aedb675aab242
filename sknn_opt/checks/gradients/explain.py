"""After the verdict: which layer is at fault, and what the bug may be."""

from dataclasses import replace

import numpy as np

from sknn_opt.checks.gradients.hints import Context, Evidence, name_causes
from sknn_opt.checks.gradients.judge import UNDECIDED
from sknn_opt.checks.gradients.report import INCONCLUSIVE, KINK, WRONG

N_MORE = 4  # further directions where the cause of a wrong block is looked for
NOISY = 1e-11  # noise of a function, compared with its value, that is worth a word


def explain(problem, compared, checks, source, rng):
    """Whose fault it is (a sentence or None), the layer or None, and hints."""
    wrong, found = [check for check in checks if check.verdict == WRONG], (None, None, ())
    if wrong:
        found = problem.explainer(problem, rng).explain(compared, wrong)
    return *found[:2], (*found[2], *_advice(checks, source))


class Explainer:
    """What can be told of any function, by its blocks."""

    def __init__(self, problem, rng):
        self.problem, self.rng = problem, rng

    def explain(self, compared, wrong):
        """Whose fault the wrong checks are (a sentence or None), the layer or None, and hints."""
        problem, wrong = self.problem, {check.block: check for check in wrong}
        fault, layer, hints = self.find_fault(wrong)
        ordered = [block for block in problem.layers or problem.blocks if block in wrong]
        evidence = [self._evidence(wrong[block], compared[block]) for block in ordered]
        context = Context(problem.n_rows, problem.penalty, tuple(self.alternatives()))
        mistaken = (
            f"{item.block} {words}"
            for words, gradient in problem.mistaken.items()
            for item in evidence
            if item.explains(gradient[problem.blocks[item.block].slice])
        )
        return fault, layer, (*hints, *mistaken, *name_causes(evidence, context))

    def find_fault(self, wrong):
        """The last layer with a wrong block: a sentence, the layer, and hints."""
        blocks, layers = self.problem.blocks, self.problem.layers
        order = list(dict.fromkeys(layers.values()))
        bad = [layer for block, layer in layers.items() if block in wrong]
        if not bad:  # without names of layers, the names of the blocks must do
            named = ", ".join(block for block in blocks if block in wrong)
            return named if len(blocks) > 1 else None, None, ()
        layer = bad[-1]
        below, above = order[: order.index(layer)], order[order.index(layer) + 1 :]
        own = [block for block in blocks if layers[block] == layer]
        text = f"layer {layer}: {', '.join(block for block in own if block in wrong)}"
        if len(own) > 1 and all(b in wrong for b in blocks if layers[b] in (layer, *below)):
            cause = "the gradient of the loss may be"
            if above:
                cause = f"its activation's derivative may be, or what layer {above[0]} passes down"
            text += f" ({cause})"
        return text, layer, ()

    def alternatives(self):
        """Gradients of functions that differ from this one by a usual bug."""
        return ()

    def _evidence(self, check, compared):
        """A wrong block, with derivatives along some more directions."""
        block, source, directions = compared.block, compared.source, compared.directions
        numeric, gradient, estimates = compared.numeric, compared.gradient, compared.estimates
        if isinstance(directions, np.ndarray):
            more = source.directions(block, N_MORE, self.rng)
            known = np.append(numeric, source.along(block, more).smooth)
            seen = np.isfinite(known)
            directions, numeric = np.vstack([directions, more])[seen], known[seen]
        place = self.problem.blocks[block]
        is_exact = estimates.is_exact or estimates.refined is not None
        error = 0.0 if is_exact else np.linalg.norm(estimates.error)
        theta = self.problem.x0[place.slice]
        found = Evidence(block, place.shape, gradient, theta, numeric, directions, error)
        if directions is None or check.index is None:
            return found
        # Is the element that was searched out all that is wrong?
        corrected = gradient.copy()
        corrected.reshape(place.shape)[check.index] = check.numeric
        is_all = found.explains(corrected)
        return replace(found, numeric=corrected, directions=None) if is_all else found


def _advice(checks, source):
    """What to do where no verdict could be reached."""
    is_open = any(check.verdict == INCONCLUSIVE for check in checks)
    noise = source.relative_noise if is_open else 0.0
    if noise > NOISY:
        yield f"the function scatters by {noise:.0e} of its value: compute it in float64"
    if any(check.note == UNDECIDED for check in checks):
        yield "real steps cannot tell; if the function is analytic, method='complex' can"
    if any(check.verdict == KINK and not check.passed for check in checks):
        yield "the point lies on a kink: move it, for example by adding small noise"
