"""After the verdict: which layer is at fault, and what the bug may be."""

import re
from dataclasses import replace

import numpy as np

from sknn_opt.checks.gradients.hints import HAS_TO_BE_ZERO, cause_of, name_causes
from sknn_opt.checks.gradients.hypotheses.evidence import Context, Evidence
from sknn_opt.checks.gradients.hypotheses.places import part
from sknn_opt.checks.gradients.judge import UNDECIDED
from sknn_opt.checks.gradients.numeric.noise import jump_of
from sknn_opt.checks.gradients.preflight import real_number
from sknn_opt.checks.gradients.reach import look_around
from sknn_opt.checks.gradients.report import INCONCLUSIVE, KINK, WRONG

N_MORE = 4  # further directions where the cause of a wrong block is looked for
NORMS = re.compile(r"gamma|beta|γ|β|(^|[._])(bn|ln|norm)")  # blocks of a normalization
STEPS = (
    "f is flat in {} at this point and jumps farther off, as rounding, signs and thresholds do: a "
    "surrogate of its gradient (straight-through) cannot agree"
)
ARRAY = "x"  # the name of what has none
MOST_ROWS = 300  # of a matrix that is looked at row by row
FAR, JUMP = (0.1, 1.0, 10.0), 1e-2  # where a jump is looked for, and how large
COARSE = 1e-6  # of f; what scatters by more is not computed in single precision
ROUNDING = 1e-10  # of the whole gradient
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
        context = self._context()
        mistaken = (
            f"{item.block} {words}"
            for words, gradient in problem.mistaken.items()
            for item in evidence
            if item.explains(gradient[problem.blocks[item.block].slice])
        )
        rows = (
            f"{item.block} {words}"
            for item in evidence
            if not item.listed and cause_of(item, context) is None
            if (words := self._by_row(item, compared[item.block].source, context))
        )
        steps = (
            STEPS.format(item.block)
            for item in evidence
            if cause_of(item, context) == HAS_TO_BE_ZERO and self._jumps(compared[item.block])
        )
        return fault, layer, (*hints, *mistaken, *name_causes(evidence, context), *rows, *steps)

    def _by_row(self, item, source, context):
        """Which rows are wrong in a matrix too large to be compared by element, in words."""
        if len(item.shape) < 2 or not 1 < item.shape[0] <= MOST_ROWS:
            return None
        each = np.zeros((2, *item.shape))
        seen = []
        for k in range(item.shape[0]):
            each[:] = 0
            each[:, k] = self.rng.normal(size=(2, *item.shape[1:]))
            directions = each.reshape(2, -1)
            found = source.along(item.block, directions)
            error = 0.0 if found.is_exact else found.error
            seen.append((directions @ item.analytic, found.smooth, error + np.zeros(2)))
        analytic, numeric, error = (np.concatenate(side) for side in zip(*seen, strict=True))
        if not np.isfinite(numeric).all():
            return None
        shape = (item.shape[0], 2)
        known = {"analytic": analytic, "numeric": numeric, "error": error, "weights": 1.0}
        return part(replace(item, shape=shape, directions=None, **known), context)

    def _jumps(self, compared):
        """Whether f, which is flat at x0, jumps where it changes: as rounding and thresholds do."""
        f, place, x0 = compared.source.f, self.problem.blocks[compared.block].slice, self.problem.x0
        move = np.zeros(x0.size)
        move[place] = self.problem.scale[place] * self.rng.normal(size=place.stop - place.start)
        return any(jump_of(f, x0, f(x0), way * move) > JUMP for way in FAR)

    def find_fault(self, wrong):
        """The last layer with a wrong block: a sentence, the layer, and hints."""
        blocks, layers = self.problem.blocks, self.problem.layers
        order = list(dict.fromkeys(layers.values()))
        bad = [layer for block, layer in layers.items() if block in wrong]
        if not bad:  # without names of layers, the names of the blocks must do
            named = ", ".join(block for block in blocks if block in wrong)
            text = named + self._between(list(blocks), wrong)
            return None if list(blocks) == [ARRAY] else text, None, ()
        layer = bad[-1]
        below, above = order[: order.index(layer)], order[order.index(layer) + 1 :]
        own = [block for block in blocks if layers[block] == layer]
        text = f"layer {layer}: {', '.join(block for block in own if block in wrong)}"
        higher = [block for block in blocks if above and layers[block] == above[0]]
        if between := self._between(own, wrong, higher):
            text += between
        elif len(own) > 1 and all(b in wrong for b in blocks if layers[b] in (layer, *below)):
            cause = "the gradient of the loss may be"
            if above:
                cause = f"its activation's derivative may be, or what layer {above[0]} passes down"
            text += f" ({cause})"
        return text, layer, ()

    def _between(self, own, wrong, higher=()):
        """What lies between wrong blocks and the γ and β above them, which are correct."""
        last = max(own.index(block) for block in own if block in wrong)
        above = [block for block in (*own[last + 1 :], *higher) if NORMS.search(block)]
        norms = {block for block in own if NORMS.search(block)}
        if not above or norms & wrong.keys() or self._has_others(set(own) - norms - wrong.keys()):
            return ""
        verb = "is" if len(above) == 1 else "are"
        return (
            f" (the fault lies between {', '.join(above)}, which {verb} correct, and {own[last]}: "
            "the normalization's own backward may be wrong)"
        )

    def _has_others(self, correct):
        """Whether blocks that are correct hold more than rounding: then all above them is."""
        problem = self.problem
        least = ROUNDING * np.linalg.norm(problem.claimed)
        return any(
            np.linalg.norm(problem.claimed[problem.blocks[b].slice]) > least for b in correct
        )

    def _context(self):
        """What else is known. Sizes count where the number of rows is not known."""
        problem, known = self.problem, {}
        if problem.n_rows is None:
            reach = look_around(problem.value)
            known = {"sizes": reach.sizes, "widths": reach.widths, "indices": reach.indices}
        claims = {block: problem.claimed[place.slice] for block, place in problem.blocks.items()}
        norm = float(np.linalg.norm(problem.claimed))
        size = abs(real_number(problem.value(problem.x0))) or np.inf
        known |= {"claims": claims, "whole_norm": norm, "size_of_f": size}
        return Context(problem.n_rows, problem.penalty, tuple(self.alternatives()), **known)

    def alternatives(self):
        """Gradients of functions that differ from this one by a usual bug."""
        return ()

    def _evidence(self, check, compared):
        """A wrong block, with derivatives along some more directions."""
        block, source, directions = compared.block, compared.source, compared.directions
        numeric, gradient, estimates = compared.numeric, compared.gradient, compared.estimates
        error = 0.0 if estimates.is_exact or estimates.refined is not None else estimates.error
        if isinstance(directions, np.ndarray):
            more = source.directions(block, N_MORE, self.rng)
            known = np.append(numeric, source.along(block, more).smooth)
            seen = np.isfinite(known)
            directions, numeric = np.vstack([directions, more])[seen], known[seen]
            error = float(np.linalg.norm(error))
        place = self.problem.blocks[block]
        if self.problem.single:
            error = np.maximum(error, self.problem.tolerance * np.abs(numeric).max())
        theta = self.problem.x0[place.slice]
        sides = gradient, theta, numeric, directions, error
        weights = source.weights(block)
        found = Evidence(block, place.shape, *sides, weights if np.ptp(weights) else 1.0)
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
    if noise > NOISY and source.is_steep:
        yield (
            f"the function is so steep here that rounding of x moves it by {noise:.0e} of its "
            "value: check at a point farther from its pole"
        )
    elif noise > COARSE and source.is_flat:
        yield (
            f"the function is flat at this point and jumps by {noise:.0e} of its value far off, "
            "as rounding, signs and thresholds do: its derivative is 0, and a surrogate of it "
            "(straight-through) is another"
        )
    elif noise > NOISY:
        yield f"the function scatters by {noise:.0e} of its value: compute it in float64"
    if any(check.note == UNDECIDED for check in checks):
        yield "real steps cannot tell; if the function is analytic, method='complex' can"
    if any(check.verdict == KINK and not check.passed for check in checks):
        yield "the point lies on a kink: move it, for example by adding small noise"
