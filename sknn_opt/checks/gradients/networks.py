"""Check the backprop of a network of ours, at one point, against complex steps.

The data term is checked block by block, and the L2 penalty apart from it, so that the one cannot
hide behind the other. Small nets are compared element by element; in large ones each block is
compared along random directions, and a block that fails is searched for a wrong element.

A ratio above the tolerance may be rounding: a block whose true gradient is 0 (β below another
batch norm) holds nothing else. So the derivatives are taken again where θ differs in its last
digits: what moves as much as the two differ cannot be called wrong.
"""

from dataclasses import dataclass

import numpy as np

from sknn_opt.checks.gradients.complex_step import Layerwise, Outer, Whole, random_directions
from sknn_opt.checks.gradients.faults import find_fault
from sknn_opt.checks.gradients.hints import Context, Evidence, explain
from sknn_opt.checks.gradients.penalty import check_penalty, explain_penalty
from sknn_opt.checks.gradients.report import INCONCLUSIVE, OK, WRONG, BlockCheck, PointCheck, ratio
from sknn_opt.checks.gradients.search import largest_error, locate
from sknn_opt.nn.network import Block

N_DIRECTIONS = 3
# Elements are compared up to this many numbers of work, at most about half a second.
MAX_COST = 5_000_000
MAX_EVALUATIONS = 20_000
# A right gradient agrees to about 1e-15 (1e-7); a slip of any kind is far above this.
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}
ROUNDINGS = 30  # differences up to this many times the rounding noise mean nothing
BLURRED = 1e-3  # a resolution above this says too little to call a block right ...
NOTHING = 1e-12  # ... unless the block is zero to rounding beside the whole gradient


def check_network(name, objective, method="auto"):
    """Compare backprop with complex steps at ``objective.theta``; returns a PointCheck."""
    return _NetworkCheck(name, objective, method).run()


@dataclass
class _Pair:
    """The two gradients of one block, by element or along `directions`.

    `source` is where the numeric one comes from: layerwise steps, or steps through J itself.
    """

    analytic: np.ndarray
    numeric: np.ndarray
    directions: np.ndarray | Outer | None
    source: Layerwise | Whole

    @property
    def norm(self):
        """‖numeric‖, on the scale of the elements also where directions were taken."""
        share = 1 if self.directions is None else np.sqrt(len(self.directions))
        return np.linalg.norm(self.numeric) / share


class _NetworkCheck:
    def __init__(self, name, objective, method):
        self.name, self.objective, self.data = name, objective, objective.data_term()
        self.theta = np.asarray(objective.theta, float)
        self.rng = np.random.default_rng(0)
        self.n_evaluations = 0
        self.dtype = objective.theta.dtype.name
        self.tolerance = TOLERANCE[self.dtype]
        self.layerwise = self._layerwise_at(self.theta)
        self.whole = Whole(self._count(self.data.value), self.theta, self.data.blocks)
        self.elementwise = method == "elements" or (
            method == "auto" and self.layerwise.cost() <= MAX_COST
        )

        # An error of a share r of the gradient has a ratio of about r / 2. Along three directions
        # of rank one it shows less than a hundredth of itself in one block of 20,000.
        self.resolution = self.tolerance * (2 if self.elementwise else 2 * np.sqrt(3) * 100)

    def _count(self, function):
        def counted(theta):
            self.n_evaluations += 1
            return function(theta)

        return counted

    def _layerwise_at(self, theta):
        data = self.data
        self.n_evaluations += 1
        return Layerwise(data.new_network(theta), data.X, data.y, data.weight, data.scale)

    def run(self):
        value, analytic = self.data.value_and_gradient(self.objective.theta)
        self.analytic = np.asarray(analytic, float)
        if not np.isfinite(value):
            raise ValueError(
                f"The loss is not finite at the {self.name}, so it has no gradient there: the "
                "inputs, the targets or the weights are too large. Scale X (InputNormalizer)."
            )
        with np.errstate(all="ignore"):
            pairs = {
                block: self._pair(block, self.layerwise, elementwise=self.elementwise)
                for block in self.data.blocks
            }
            pairs = self._guard(pairs)
            whole_norm = np.linalg.norm([pair.norm for pair in pairs.values()])
            checks = []
            for block, pair in pairs.items():
                check = self._judge(block, pair, whole_norm)
                if check.verdict == WRONG and pair.directions is not None:
                    pairs[block] = self._by_element(block, pair)
                    check = self._judge(block, pairs[block], whole_norm)
                checks.append(check)
            checks += self._judge_penalty()
            checks.append(self._check_all(pairs, checks))
            return self._point(checks, pairs)

    # The two gradients ----------------------------------------------------------------------------

    def _pair(self, block, source, *, elementwise):
        place = self.data.blocks[block]
        analytic = self.analytic[place.slice]
        if elementwise:
            return _Pair(analytic, source.gradient(block), None, source)
        directions = random_directions(place.shape, N_DIRECTIONS, self.rng)
        return _Pair(directions @ analytic, source.along(block, directions), directions, source)

    def _guard(self, pairs):
        """The layerwise derivatives against J itself along one direction, every block in scale.

        Where they differ, derivatives are taken from J itself.
        """
        blocks = self.data.blocks
        direction, expected = np.zeros_like(self.theta), 0.0
        for block, pair in pairs.items():
            chosen = self._any_direction(pair, blocks[block].size)
            size = pair.norm or 1.0
            np.divide(chosen, size, out=direction[blocks[block].slice])
            expected += self._derivative(pair, chosen) / size
        everything = {"all": Block(slice(None), self.theta.shape)}
        whole = Whole(self._count(self.data.value), self.theta, everything)
        found = whole.along("all", direction[np.newaxis])[0]
        if abs(found - expected) <= 1e-9 * len(pairs):
            return pairs
        return {block: self._guarded(block, pair) for block, pair in pairs.items()}

    def _by_element(self, block, pair):
        """A wrong block element by element, if that is not too much work."""
        if pair.source is self.whole or self.layerwise.cost_of(block) > 20 * MAX_COST:
            return pair
        return self._pair(block, pair.source, elementwise=True)

    def _any_direction(self, pair, size):
        return self.rng.normal(size=size) if pair.directions is None else pair.directions[0]

    def _derivative(self, pair, direction):
        return direction @ pair.numeric if pair.directions is None else pair.numeric[0]

    def _guarded(self, block, pair):
        size = self.data.blocks[block].size
        direction = self._any_direction(pair, size)
        expected = self._derivative(pair, direction)
        found = self.whole.along(block, direction[np.newaxis])[0]
        if abs(found - expected) <= 1e-9 * pair.norm:
            return pair
        elementwise = self.elementwise and size <= MAX_EVALUATIONS
        return self._pair(block, self.whole, elementwise=elementwise)

    # Verdicts -------------------------------------------------------------------------------------

    def _judge(self, block, pair, whole_norm):
        place = self.data.blocks[block]
        value = ratio(pair.analytic, pair.numeric)
        verdict, resolution, note = OK, self.resolution, ""
        if not value < self.tolerance:  # a NaN is not, either
            noise = ROUNDINGS * self._noise(block, pair)
            norm = np.linalg.norm(pair.numeric)
            if not np.linalg.norm(pair.analytic - pair.numeric) <= noise:
                verdict = WRONG
            else:
                resolution = noise / norm if norm else np.inf
                if resolution > BLURRED and noise <= NOTHING * _scale(self.dtype) * whole_norm:
                    note = "zero but for rounding"
                elif resolution > BLURRED:
                    verdict, note = INCONCLUSIVE, "rounding errors are too large to tell"
        index, a, n = self._worst(block, pair, verdict)
        return BlockCheck(
            self.name, block, _layer(block), place.size, verdict, value, resolution,
            index, a, n, passed=verdict == OK, note=note, samples=(pair.analytic, pair.numeric),
            elementwise=pair.directions is None, shape=place.shape,
        )  # fmt: skip

    def _blurred(self, layerwise, block, pair, eps):
        """How far the derivatives at one and the same θ move when they are rounded otherwise."""
        before = _derivatives(layerwise, block, pair)
        layerwise.blur(4 * eps, self.rng)
        return np.linalg.norm(_derivatives(layerwise, block, pair) - before)

    def _noise(self, block, pair):
        """How far either gradient moves when θ, and each f', move in their last digits."""
        eps, place = np.finfo(self.dtype).eps, self.data.blocks[block]
        moved = 0.0
        for _ in range(2):
            theta = self.theta * (1 + 4 * eps * self.rng.uniform(-1, 1, self.theta.size))
            layerwise = source = self._layerwise_at(theta)
            if pair.source is self.whole:
                source = Whole(self._count(self.data.value), theta, self.data.blocks)
                moved = max(moved, self._blurred(layerwise, block, pair, eps))
            else:
                layerwise.blur(4 * eps, self.rng)
            there = _derivatives(source, block, pair)
            backprop = np.asarray(self.data.gradient(theta)[place.slice], float)
            backprop = backprop if pair.directions is None else pair.directions @ backprop
            moved = max(
                moved,
                np.linalg.norm(there - pair.numeric),
                np.linalg.norm(backprop - pair.analytic),
            )
        return moved

    def _worst(self, block, pair, verdict):
        """The worst element: (index, analytic, numeric)."""
        place = self.data.blocks[block]
        if pair.directions is None:
            k = largest_error(pair.analytic, pair.numeric)
            found = k, pair.analytic[k], pair.numeric[k]
        elif verdict == WRONG:
            analytic = self.analytic[place.slice]
            found = locate(lambda d: pair.source.along(block, d), analytic, self.rng)
        else:
            return None, None, None
        k, a, n = found
        return tuple(int(i) for i in np.unravel_index(k, place.shape)), float(a), float(n)

    def _judge_penalty(self):
        if not self.objective.penalty:
            return []
        value = check_penalty(self.objective, self.tolerance)
        verdict = OK if value < self.tolerance else WRONG
        return [
            BlockCheck(
                self.name, "L2", None, self.theta.size, verdict, value, 2 * self.tolerance,
                passed=verdict == OK,
            )
        ]  # fmt: skip

    def _check_all(self, pairs, checks):
        """The whole gradient of J, penalty included."""
        objective = self.objective
        total = np.asarray(objective.gradient(objective.theta), float)
        analytic, numeric = [], []
        for block, pair in pairs.items():
            place = objective.blocks[block]
            penalty = objective.penalty if block.startswith("W") else 0.0
            if pair.directions is None:
                analytic.append(total[place.slice])
                numeric.append(pair.numeric + penalty * self.theta[place.slice])
            else:
                root = np.sqrt(len(pair.directions))
                decay = penalty * (pair.directions @ self.theta[place.slice])
                analytic.append(pair.directions @ total[place.slice] / root)
                numeric.append((pair.numeric + decay) / root)
        value = ratio(np.concatenate(analytic), np.concatenate(numeric))
        inherited = max((c.verdict for c in checks), key=(OK, INCONCLUSIVE, WRONG).index)
        if inherited == OK and not value < self.tolerance:
            # Each block may be zero but for rounding, and then so is their sum.
            zero = all(check.note for check in checks)
            inherited = OK if zero else WRONG
        resolution = max((c.resolution for c in checks if not c.note), default=np.nan)
        return BlockCheck(
            self.name, "all", None, total.size, inherited, value, resolution,
            passed=inherited == OK,
        )  # fmt: skip

    def _point(self, checks, pairs):
        fault = first_bad_layer = None
        hints = ()
        if any(check.verdict == WRONG for check in checks):
            wrong = {check.block for check in checks if check.verdict == WRONG}
            fault, first_bad_layer, details = find_fault(
                self.data, self.layerwise, wrong, self.tolerance, self.rng
            )
            evidence = [
                self._evidence(check, pairs[check.block])
                for check in checks if check.block in pairs and check.verdict == WRONG
            ]  # fmt: skip
            hints = (*details, *explain(evidence, self._context()))
            if "L2" in wrong:
                hint, layer = explain_penalty(self.objective, self.tolerance)
                hints += (hint,)
                first_bad_layer = layer if first_bad_layer is None else first_bad_layer
        method = "by complex step, " + (
            "every element" if self.elementwise else f"{N_DIRECTIONS} random directions a block"
        )
        if self.dtype == "float32":
            method = f"float32 against float64 {method} (tolerance {self.tolerance:g})"
        return PointCheck(
            self.name, method, tuple(checks), fault, first_bad_layer, hints, self.n_evaluations,
            self.objective.value, self.objective.gradient, self.objective.theta,
        )  # fmt: skip

    def _evidence(self, check, pair):
        place = self.data.blocks[check.block]
        element = None
        if check.index is not None:
            element = np.ravel_multi_index(check.index, place.shape), check.numeric
        return Evidence(
            check.block, place.shape, self.analytic[place.slice], self.theta[place.slice],
            pair.numeric, pair.directions, 0.0, element,
        )  # fmt: skip

    def _context(self):
        """N, α/N and the gradients of functions that differ from J by a usual slip."""
        data, n_rows = self.data, self.data.X.shape[0]
        slips = {}
        if n_rows > 1:
            slips["the last row is left out"] = data.without_last_row()
        if data.weight is not None:
            slips["the sample weights are left out"] = data.without_weights()

        def gradient(other):
            layerwise = Layerwise(
                other.new_network(self.theta), other.X, other.y, other.weight, other.scale
            )

            def seen(item):
                if item.directions is None:
                    return layerwise.gradient(item.block)
                return layerwise.along(item.block, item.directions)

            return seen

        alternatives = tuple((text, gradient(other)) for text, other in slips.items())
        return Context(1 / data.scale, self.objective.penalty, alternatives)


def _scale(dtype):
    return np.finfo(dtype).eps / np.finfo(float).eps


def _layer(block):
    return int(block.partition("[")[2].rstrip("]"))


def _derivatives(source, block, pair):
    """Those of `source` that a pair compares: by element, or along its directions."""
    if pair.directions is None:
        return source.gradient(block)
    return source.along(block, pair.directions)
