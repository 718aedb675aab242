"""Check any gradient against evaluations of its function, block by block.

The verdict rests on real evaluations: each block is compared along random directions, whose
derivatives come with their errors (see `real_step`), and is called wrong only where
the two differ by more. A function that takes complex arguments, which is found out by comparing
one with the other, gives exact numbers as well, which refine what is reported.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np

from sknn_opt.checks.gradients.complex_step import STEP
from sknn_opt.checks.gradients.hints import Context, Evidence, explain
from sknn_opt.checks.gradients.problem import Guarded, preflight
from sknn_opt.checks.gradients.real_step import SAFETY, START, RealStep
from sknn_opt.checks.gradients.report import (
    INCONCLUSIVE,
    KINK,
    OK,
    VERDICTS,
    WRONG,
    BlockCheck,
    PointCheck,
    ratio,
)
from sknn_opt.checks.gradients.search import largest_error, locate

N_DIRECTIONS = 3
N_MORE = 4  # further ones where a block is wrong and the cause is looked for
FEW = 3  # blocks of so few elements are compared element by element
EXACT = 1e-9  # a right gradient agrees so well with complex steps
SINGLE = 1e-5  # a right float32 gradient so well with anything
UNSEEN = 20  # along three directions an error shows less than 1/20 of itself in 1 of 10,000 blocks
BLURRED = 1e-3  # a resolution above this says too little to call a block right
SPREAD = 1.0  # standard deviation of log10 |x|, above which elements have scales of their own
NOISY = 1e-11  # noise of a function, beside its value, that is worth a word
ASIDE = 1e-2  # how far beside a kink the gradient is checked, of the parameters' size
UNDECIDED = "complex step agrees"


def check_function(problem, method="auto"):
    """Compare the gradient with evaluations at x0; returns a PointCheck."""
    with np.errstate(all="ignore"):  # what overflows is judged, not warned of
        return _FunctionCheck(problem, method).run()


@dataclass(frozen=True)
class Measured:
    """A block's derivatives along some directions: claimed, by real steps, and by complex ones.

    The real ones are taken along `sizes` times the directions; `weights` says how much the
    elements take part in them. `exact` is None where f is real.
    """

    gradient: np.ndarray
    weights: np.ndarray
    directions: np.ndarray
    estimates: tuple
    sizes: np.ndarray
    exact: np.ndarray | None
    slack: float
    is_felt: bool = True

    @property
    def claimed(self):
        """The derivatives by the analytic gradient."""
        # not the product for elements: 0 · NaN is NaN
        return self.gradient if self.elementwise else self.directions @ self.gradient

    @property
    def elementwise(self):
        """Whether the directions are the elements."""
        return len(self.gradient) <= FEW

    @property
    def real(self):
        """The derivatives by real steps."""
        return np.array([e.value for e in self.estimates]) / self.sizes

    @property
    def errors(self):
        """How far the real ones may be off."""
        errors = SAFETY * np.array([e.error for e in self.estimates]) / self.sizes
        return errors + self.slack

    @property
    def kinks(self):
        """Which directions lead over a kink at x0."""
        return np.array([e.kink for e in self.estimates])

    @property
    def numeric(self):
        """The best that is known."""
        return self.real if self.exact is None else self.exact

    @property
    def told(self):
        """Which directions real steps can tell something about."""
        return np.isfinite(self.errors) & ~self.kinks

    @property
    def complex_agrees(self):
        """Whether complex steps and real ones say the same, as far as can be seen."""
        return bool(np.all(np.abs(self.exact - self.real)[self.told] <= self.errors[self.told]))

    @property
    def resolution(self):
        """The smallest error that would have been seen, as a share of the block's norm."""
        told = ~self.kinks
        if not told.any():
            return np.nan
        norm = max(np.linalg.norm(self.weights * self.gradient), _rms(self.real[told]))
        seen = np.sqrt(len(self.directions)) if self.elementwise else UNSEEN
        return float(seen * self.errors[told].max() / norm) if norm else np.nan

    @property
    def verdict(self):
        """By real steps alone."""
        told = self.told
        if (not np.isfinite(self.gradient).all()
                or np.any(np.abs(self.claimed - self.real)[told] > self.errors[told])):  # fmt: skip
            return WRONG
        if self.kinks.any():
            return KINK
        if not self.gradient.any() and not self.is_felt:
            return OK
        # A gradient of zeros is right only if all is 0: else it is small, and nobody knows.
        return OK if self.gradient.any() and self.resolution <= BLURRED else INCONCLUSIVE


class _FunctionCheck:
    def __init__(self, problem, method):
        self.problem, self.method = problem, method
        self.gradient, self.single = preflight(problem)
        self.rng = np.random.default_rng(0)
        self.rounding = self._measure_rounding() if self.single else np.zeros_like(problem.x0)
        self.f = Guarded(problem.value)
        self.scale = np.empty_like(problem.x0)
        for place in problem.blocks.values():
            self.scale[place.slice] = _scales(problem.x0[place.slice], problem.x0)
        self.real = None
        if method != "complex":
            self.real = RealStep(self.f, problem.x0, self.scale, self.rng)
        self.takes_complex = method != "real" and self._takes_complex()
        if method == "complex" and not self.takes_complex:
            raise ValueError(
                "method='complex' needs a function that takes complex arguments and returns a "
                "complex number; this one does not. Use method='real' or 'auto'."
            )

    def run(self):
        problem = self.problem
        measured = {block: self._measure(block) for block in problem.blocks}
        if self.method != "complex" and self.takes_complex:
            # Where the two disagree, f only seems to take complex arguments; where real steps
            # cannot tell, nothing vouches for the complex ones.
            self.takes_complex = all(m.complex_agrees for m in measured.values())
            measured = {
                block: m if self.takes_complex and m.told.any() else replace(m, exact=None)
                for block, m in measured.items()
            }
        self.too_fine = self.real is not None and self.real.varies_below_the_steps()
        checks = [self._judge(block, m) for block, m in measured.items()]
        checks = self._look_beside_kinks(checks)
        wrong = [check for check in checks if check.verdict == WRONG]
        if problem.layers:  # as backprop goes, the last layer first
            wrong.sort(key=lambda check: -problem.order.index(check.layer))
        fault, layer = _find_fault(problem, {check.block for check in wrong})
        hints = explain(
            [self._evidence(check, measured[check.block]) for check in wrong],
            Context(problem.n_rows, problem.penalty),
        )
        noise = 0.0 if self.real is None else self.real.noise / (abs(self.real.f0) or 1.0)
        if noise > NOISY and any(check.verdict == INCONCLUSIVE for check in checks):
            hints += (f"the function scatters by {noise:.0e} of its value: compute it in float64",)
        if any(check.note == UNDECIDED for check in checks):
            hints += ("real steps cannot tell; if the function is analytic, method='complex' can",)
        if any(check.verdict == KINK and not check.passed for check in checks):
            hints += ("the point lies on a kink: move it, for example by adding small noise",)
        checks.append(self._check_all(checks, measured))
        return PointCheck(
            problem.name, self._describe(), tuple(checks), fault, layer, hints, self.f.n_calls,
            problem.value, problem.gradient, problem.x0,
        )  # fmt: skip

    def _describe(self):
        step = "complex step" if self.method == "complex" else "real steps"
        if self.takes_complex and self.method == "auto":
            step += " and complex step"
        text = f"by {step}, along random directions, {self.f.n_calls} evaluations"
        return f"float32 against float64 {text} (tolerance {SINGLE:g})" if self.single else text

    # Measuring ------------------------------------------------------------------------------------

    def _takes_complex(self):
        """Whether f gives a finite complex number for a complex argument."""
        direction = self.rng.normal(size=self.problem.x0.size)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # dropping an imaginary part is but a warning
            try:
                result = self.f.complex(self.problem.x0 + 1j * STEP * direction)
            except Exception:  # whatever a real function does with complex numbers
                return False
        return bool(np.iscomplexobj(result) and np.isfinite(result))

    def _measure(self, block):
        """Derivatives of f along a few directions of one block."""
        place = self.problem.blocks[block]
        self.f.block = block
        gradient, scales = self.gradient[place.slice], self.scale[place.slice]
        if place.size <= FEW:
            directions, sizes, weights = np.eye(place.size), scales, np.ones(place.size)
        else:
            weights = scales / _rms(scales)
            directions = weights * self.rng.normal(size=(N_DIRECTIONS, place.size))
            sizes = np.full(N_DIRECTIONS, _rms(scales))
        slack = np.linalg.norm(self.rounding[place.slice])
        slack += self.single * SINGLE * np.linalg.norm(gradient)
        estimates, start = [], START
        for direction, size in zip(directions, sizes, strict=True) if self.real is not None else ():
            moved, expected = self._whole(block, size * direction), size * (direction @ gradient)
            estimates.append(self.real.derivative(moved, expected, start, size * slack))
            start = estimates[-1].rung
        exact = self._complex_along(block, directions) if self.takes_complex else None
        is_felt = gradient.any() or self.real is None or any(e.value for e in estimates)
        is_felt = is_felt or self._is_felt(block, directions * sizes[:, np.newaxis])
        return Measured(
            gradient, weights, directions, tuple(estimates), sizes, exact, slack, is_felt
        )

    def _is_felt(self, block, directions):
        """Whether f moves at all with a block, even over long ways."""
        values = {
            self.f(self.problem.x0 + self._whole(block, way * direction))
            for direction in directions
            for way in (1.0, -1.0, 1e3)
        }
        return values != {self.real.f0}

    def _measure_rounding(self):
        """How far a gradient of single precision moves as x0 moves in its last digits."""
        problem, eps = self.problem, np.finfo(np.float32).eps
        moved = np.zeros_like(self.gradient)
        for _ in range(2 * problem.moves):
            x = problem.x0 * (1 + 4 * eps * self.rng.uniform(-1, 1, problem.x0.size))
            there = np.asarray(problem.gradient(x), float)
            moved = np.fmax(moved, np.abs(there - self.gradient))
        return 3 * moved

    def _complex_along(self, block, directions):
        with np.errstate(all="ignore"):
            steps = [1j * STEP * self._whole(block, direction) for direction in directions]
            return np.array([self.f.complex(self.problem.x0 + s).imag.item() for s in steps]) / STEP

    def _along(self, block, directions, measured):
        """More derivatives of a block, NaN on a kink."""
        self.f.block = block
        if measured.exact is not None:
            return self._complex_along(block, directions)
        rung, size = max(e.rung for e in measured.estimates), measured.sizes[0]
        # The block is wrong, and nothing is expected of its parts: no doubts to follow up.
        estimates = [
            self.real.derivative(self._whole(block, size * d), np.nan, rung) for d in directions
        ]
        return np.array([np.nan if e.kink else e.value / size for e in estimates])

    def _whole(self, block, direction):
        whole = np.zeros(self.problem.x0.size)
        whole[self.problem.blocks[block].slice] = direction
        return whole

    # Verdicts -------------------------------------------------------------------------------------

    def _judge(self, block, measured):
        place = self.problem.blocks[block]
        value = ratio(measured.claimed, measured.numeric)
        exact = measured.exact is not None and value < (SINGLE if self.single else EXACT)
        note = ""
        if self.real is not None:
            verdict, resolution = measured.verdict, measured.resolution
        if self.real is None:
            verdict = OK if exact else WRONG
            if np.isnan(measured.exact).any() and not np.isnan(measured.claimed).any():
                verdict = INCONCLUSIVE
            resolution = 2 * np.sqrt(N_DIRECTIONS) * UNSEEN * EXACT
        elif verdict == OK and self.too_fine:
            verdict, note = INCONCLUSIVE, "the function varies below the steps"
        elif exact and verdict == INCONCLUSIVE:
            note = UNDECIDED
        elif verdict == OK and measured.exact is not None and not exact:
            verdict, note = INCONCLUSIVE, "complex step differs, by less than real steps can see"
        index, a, n = self._worst(block, measured, verdict)
        return BlockCheck(
            self.problem.name, block, self.problem.layers.get(block), place.size, verdict, value,
            resolution, index, a, n, passed=verdict == OK, note=note,
            samples=(measured.claimed, measured.numeric), elementwise=measured.elementwise,
            shape=place.shape,
        )  # fmt: skip

    def _worst(self, block, measured, verdict):
        """The worst element known: (index, analytic, numeric)."""
        if measured.elementwise:
            k = largest_error(measured.claimed, measured.numeric)
            found = k, measured.claimed[k], measured.numeric[k]
        elif verdict == WRONG:
            weights = measured.weights
            k, a, n = locate(
                lambda directions: self._along(block, weights * directions, measured),
                weights * measured.gradient, self.rng,
            )  # fmt: skip
            found = k, a / weights[k], n / weights[k]
        else:
            return None, None, None
        k, a, n = found
        shape = self.problem.blocks[block].shape
        return tuple(int(i) for i in np.unravel_index(k, shape)), float(a), float(n)

    def _look_beside_kinks(self, checks):
        """Where x0 lies on a kink, check the gradient a little beside it, where it has one."""
        problem = self.problem
        kinks = {c.block for c in checks if c.verdict == KINK and not c.passed}
        if not kinks or not problem.moves:
            return checks
        aside = ASIDE * self.scale * self.rng.normal(size=problem.x0.size)
        if not np.isfinite(self.f(problem.x0 + aside)):
            return checks
        beside = _FunctionCheck(replace(problem, x0=problem.x0 + aside), "real")
        found = {block: beside._measure(block).verdict for block in kinks}
        self.f.n_calls += beside.f.n_calls
        consequences = {
            OK: {"passed": True, "note": "right a little beside it"},
            WRONG: {"verdict": WRONG, "note": "a kink here, and wrong a little beside it"},
        }
        return [replace(c, **consequences.get(found.get(c.block), {})) for c in checks]

    def _evidence(self, check, measured):
        place = self.problem.blocks[check.block]
        directions, numeric, element = None, measured.numeric, None
        if not measured.elementwise:
            more = measured.weights * self.rng.normal(size=(N_MORE, place.size))
            known = np.append(numeric, self._along(check.block, more, measured))
            seen = np.isfinite(known)
            directions, numeric = np.vstack([measured.directions, more])[seen], known[seen]
            if check.index is not None:
                element = np.ravel_multi_index(check.index, place.shape), check.numeric
        error = 0.0 if measured.exact is not None else np.linalg.norm(measured.errors)
        return Evidence(
            check.block, place.shape, measured.gradient, self.problem.x0[place.slice],
            numeric, directions, error, element,
        )  # fmt: skip

    def _check_all(self, checks, measured):
        """The whole gradient: the blocks together, each direction counting as the whole block."""
        # A block on a kink has no gradient that the ratio could be taken of.
        measured = {
            block: m for block, m in measured.items() if m.exact is not None or not m.kinks.any()
        } or measured
        shares = [1 if m.elementwise else np.sqrt(N_DIRECTIONS) for m in measured.values()]
        analytic, numeric = (
            np.concatenate(
                [getattr(m, kind) / s for m, s in zip(measured.values(), shares, strict=True)]
            )
            for kind in ("claimed", "numeric")
        )
        gravest = max((check.verdict for check in checks), key=VERDICTS.index)
        return BlockCheck(
            self.problem.name, "all", None, self.gradient.size, gravest, ratio(analytic, numeric),
            float(np.max([check.resolution for check in checks])),
            passed=all(check.passed for check in checks),
        )  # fmt: skip


def _find_fault(problem, wrong):
    """The last layer with a wrong block, and what that tells."""
    order = problem.order
    # without names of layers, the names of the blocks must do
    bad = [layer for layer in order if any(problem.layers[b] == layer for b in wrong)]
    if not bad:
        named = ", ".join(block for block in problem.blocks if block in wrong)
        return (named or None) if len(problem.blocks) > 1 else None, None
    layer = bad[-1]
    own = [block for block in problem.blocks if problem.layers[block] == layer]
    named = ", ".join(block for block in own if block in wrong)
    below = order[: order.index(layer)]
    inherited = all(block in wrong for block in problem.blocks if problem.layers[block] in below)
    text = f"layer {layer}: {named}"
    if set(own) <= wrong and (inherited or not below):
        if layer == order[-1]:
            cause = "the gradient of the loss may be"
        else:
            above = order[order.index(layer) + 1]
            cause = f"its activation's derivative may be, or what layer {above} passes down"
        text += f" ({cause})" if len(own) > 1 else ""
    return text, layer


def _scales(block, x0):
    """The size of steps for each element of a block: that of the whole block.

    Where its elements differ by orders of magnitude, it is each element's own.
    """
    known = np.abs(block[block != 0])
    if not known.size:
        return np.full(block.size, _rms(x0) or 1.0)
    if np.std(np.log10(known)) <= SPREAD:
        return np.full(block.size, _rms(block))
    return np.where(block == 0, np.median(known), np.abs(block))


def _rms(x):
    return float(np.sqrt(np.mean(x**2)))
