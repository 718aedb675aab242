"""What else can be told of a Jacobian or a Hessian: which row, column or element is wrong.

Only v·r is compared with vᵀJ. Where they differ, each column of J is compared with differences of
r, and the causes are those that a wrong matrix of weights may have.
"""

import numpy as np

from sknn_opt.checks.gradients.explain import Explainer
from sknn_opt.checks.gradients.hints import name_causes
from sknn_opt.checks.gradients.hypotheses.evidence import Context, Evidence
from sknn_opt.checks.gradients.inputs import is_cut
from sknn_opt.checks.gradients.numeric import rms
from sknn_opt.checks.gradients.preflight import Raised

MOST_COLUMNS = 200
CLOSE = 1e-5
FELT = 1e-3  # of the largest element of the diagonal: what is smaller tells nothing of a penalty
WIDE = 1e3  # rows whose sizes differ by more are compared each in its own unit
SEEN, LEAST = 20, 1e-2  # an element is wrong by so many errors, and by this share of itself
STEPS = 1e-4, 1e-5  # of the parameters' size


class MatrixExplainer(Explainer):
    """Looks at each element of the matrix, if it is not too large."""

    name = "the Jacobian"

    def explain(self, compared, wrong):
        fault, layer, hints = super().explain(compared, wrong)
        told = [hint for hint in hints if any(words in hint for words in self.problem.mistaken)]
        if told or not any(check.block in self.problem.blocks for check in wrong):
            return fault, layer, tuple(told) or hints
        return fault, layer, tuple(self.causes()) or hints

    def causes(self):
        """The probable causes, of the matrix as a whole."""
        values, claimed = self.problem.matrix()
        if claimed is None or claimed.shape[1] > MOST_COLUMNS or not np.isfinite(claimed).all():
            return ()
        numeric, error = differences(values, self.problem.x0, self.problem.scale)
        if claimed.dtype.kind in "iu" and is_cut(claimed, numeric):
            return (f"{self.name} is an array of integers, which cuts off fractions",)
        unit = self.units(numeric)
        claimed, numeric, error = claimed * unit, numeric * unit, error * unit
        found = self.name_causes(claimed, numeric, float(np.linalg.norm(error)), unit)
        return found or self.worst_element(claimed, numeric, error)

    def own_sizes(self):
        """Those of the parameters, where they differ by orders of magnitude; else ones."""
        scale = self.problem.scale
        return scale / rms(scale) if scale.max() > WIDE * scale.min() else np.ones(scale.size)

    def units(self, numeric):
        """In which small parameters and small rows count as much as large ones."""
        own = self.own_sizes()
        size = np.linalg.norm(numeric * own, axis=1, keepdims=True)
        rows = np.where(size == 0, 1.0, size) if size.max() > WIDE * size.min() else 1.0
        return own / rows

    def name_causes(self, claimed, numeric, error, unit):
        """The causes of one matrix in place of the other, which is off by `error`."""
        sides = claimed.ravel(), np.zeros(claimed.size), numeric.ravel()
        found = Evidence(self.name, claimed.shape, *sides, None, error)
        return name_causes([found], Context())

    def worst_element(self, claimed, numeric, error):
        """The element that is off by most, as a share of itself."""
        gap = np.abs(claimed - numeric)
        share = np.where(gap > SEEN * error, gap, 0) / np.maximum(np.abs(claimed), np.abs(numeric))
        if not np.nanmax(share, initial=0.0) > LEAST:
            return ()
        i, j = np.unravel_index(np.nanargmax(share), share.shape)
        n_wrong = np.count_nonzero(share > LEAST)
        where = f"{n_wrong} of {share.size} elements, most in" if n_wrong > 1 else "element"
        off = f"{claimed[i, j] / numeric[i, j]:.6g} times" if numeric[i, j] else "in place of 0"
        return (f"{self.name} is wrong in {where} [{i}, {j}]: {off}",)


class HessianExplainer(MatrixExplainer):
    """Knows that a Hessian is symmetric, and what a penalty adds to it."""

    name = "the Hessian"

    def explain(self, compared, wrong):
        fault, layer, hints = super().explain(compared, wrong)
        for check in wrong:
            if check.block == "symmetry":
                where = f" in element {[*check.index]}" if check.index else ""
                hints = (*hints, f"{self.name} is not symmetric{where}")
        return fault, layer, hints

    def units(self, numeric):
        """As for a Jacobian; rows count as columns do, so that what is symmetric stays so."""
        own = self.own_sizes()
        size = np.linalg.norm(np.outer(own, own) * numeric, axis=1)
        if size.max() > WIDE * size.min():
            own = own / np.sqrt(np.where(size == 0, 1.0, size))
        return np.outer(own, own)

    def name_causes(self, claimed, numeric, error, unit):
        gap, own = claimed - numeric, np.diag(unit)
        c, is_felt = np.trace(gap) / own.sum(), np.sum(own > FELT * own.max()) > 1
        rest, least = np.linalg.norm(gap - c * np.diag(own)), abs(c) * own.max()
        if is_felt and least > SEEN * error and rest <= max(error, CLOSE * least * len(own)):
            kind = "missing or too small" if c < 0 else "counted twice or too large"
            return (f"{self.name} differs by {c:+.3g} I: the L2 penalty is {kind}",)
        skew = np.linalg.norm(claimed - claimed.T)
        is_skew = min(skew, np.linalg.norm(numeric - numeric.T)) > SEEN * error
        if np.linalg.norm(gap) <= error and is_skew:
            return (f"{self.name} is that of grad, which is the gradient of no function",)
        return super().name_causes(claimed, numeric, error, unit)


def differences(values, x, scale):
    """∂r/∂x by central differences, a column for each element of x, and how far each is off."""
    found, at_x = [], values(x)

    def moved(k, h):
        x_new = x.copy()
        x_new[k] += h
        try:
            return values(x_new), x_new[k]
        except Raised:  # outside of the domain
            return np.full_like(at_x, np.nan), x_new[k]

    for step in STEPS:
        columns = []
        for k, h in enumerate(step * scale):
            (right, above), (left, below) = moved(k, h), moved(k, -h)
            columns.append((right - left) / (above - below))
        found.append(np.column_stack(columns))
    rounding = np.finfo(float).eps * np.abs(at_x).reshape(-1, 1) / (STEPS[-1] * scale)
    return found[1], np.abs(found[0] - found[1]) + rounding
