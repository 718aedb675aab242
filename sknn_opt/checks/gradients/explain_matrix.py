"""What else can be told of a Jacobian or a Hessian: which of its rows, columns or elements is wrong.

Only v·r is compared with vᵀJ. Where they differ, each column of J is compared with differences of
r, and the causes are those that a wrong matrix of weights may have.
"""

import numpy as np

from sknn_opt.checks.gradients.explain import Explainer
from sknn_opt.checks.gradients.hints import Context, Evidence, name_causes
from sknn_opt.checks.gradients.inputs import is_cut
from sknn_opt.checks.gradients.preflight import Raised

MOST_COLUMNS = 200
STEPS = 1e-4, 1e-5  # of the parameters' size


class MatrixExplainer(Explainer):
    """Looks at each element of the matrix, if it is not too large."""

    name = "the Jacobian"

    def explain(self, compared, wrong):
        fault, layer, hints = super().explain(compared, wrong)
        if any(words in hint for words in self.problem.mistaken for hint in hints):
            return fault, layer, hints
        return fault, layer, tuple(self.causes()) or hints

    def causes(self):
        """The probable causes, of the matrix as a whole."""
        values, claimed = self.problem.matrix()
        if claimed is None or claimed.shape[1] > MOST_COLUMNS:
            return ()
        numeric, error = differences(values, self.problem.x0, self.problem.scale)
        return self.name_causes(claimed, numeric, error)

    def name_causes(self, claimed, numeric, error):
        """The causes of one matrix in place of the other, which is off by `error`."""
        if claimed.dtype.kind in "iu" and is_cut(claimed, numeric):
            return (f"{self.name} is an array of integers, which cuts off fractions",)
        sides = claimed.ravel(), np.zeros(claimed.size), numeric.ravel()
        found = Evidence(self.name, claimed.shape, *sides, None, error)
        return name_causes([found], Context())


def differences(values, x, scale):
    """∂r/∂x by central differences, a column for each element of x, and how far they are off."""
    found = []
    for step in STEPS:
        columns = []
        for k, h in enumerate(step * scale):
            right, left = x.copy(), x.copy()
            right[k] += h
            left[k] -= h
            columns.append((_or_nan(values, right) - _or_nan(values, left)) / (right[k] - left[k]))
        found.append(np.column_stack(columns))
    return found[1], float(np.linalg.norm(found[0] - found[1]))


def _or_nan(values, x):
    try:
        return values(x)
    except Raised:
        return np.nan
