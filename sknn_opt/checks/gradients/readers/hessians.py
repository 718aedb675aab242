"""A Hessian, or its product with a vector, as the gradient of one number.

    ∇(v·∇f) = H v   with a random v

So H is checked as any gradient is, and whether it is symmetric besides.
"""

import contextlib
import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator
from scipy.sparse.linalg import norm as sparse_norm

from sknn_opt.checks.gradients.explain_matrix import HessianExplainer
from sknn_opt.checks.gradients.numeric import ratio
from sknn_opt.checks.gradients.preflight import call, detached, is_function
from sknn_opt.checks.gradients.problem import SINGLE, Problem
from sknn_opt.checks.gradients.readers.functions import name_blocks
from sknn_opt.checks.gradients.readers.residuals import as_matrix, random_weights, shape_of, weigh
from sknn_opt.checks.gradients.readers.structures import Structure
from sknn_opt.checks.gradients.report import OK, WRONG, BlockCheck

ASYMMETRIC = 1e-7  # of a Hessian that may itself be approximate
N_PAIRS = 3  # of vectors, by which an operator is found to be symmetric
MOST_PRODUCTS = 200  # by which an operator is made a matrix


def read_hessian(grad, hess, hessp, x0, args, blocks):
    """The Problem of ∇f and its Hessian, or of ``hessp(x, p)``, at x0."""
    structure = Structure(x0)
    asked = _Hessian(grad, hess, hessp, structure, args)
    what = "the Hessian H" if hessp is None else "hessp, which gives H v,"
    problem = HessianProblem(
        *(asked.value, asked.claimed, structure.theta),
        *name_blocks(structure, blocks),
        moves=hess is None or is_function(hess),
        dtype=structure.dtype,
        notes=[f"{what} was checked along a random v: H v is the gradient of v·grad"],
        structure=structure,
        asked=asked,
    )
    # In the parameters' own units all rows of H count alike.
    asked.v = random_weights(structure.theta.shape) * problem.scale
    return problem


@dataclass
class HessianProblem(Problem):
    """v·∇f and H v; `asked` knows all of H."""

    asked: object = None
    explainer = HessianExplainer

    @property
    def mistaken(self):
        return self.asked.mistaken(self.x0)

    def matrix(self):
        """∇f as a function of a vector, and what is claimed to be its Jacobian."""
        return self.asked.gradient, self.asked.matrix(self.x0)

    def more_checks(self):
        """Whether H is symmetric: its worst element beside the one across the diagonal."""
        value, worst = self.asked.asymmetry(self.x0)
        limit = max(SINGLE if self.single else ASYMMETRIC, self.rtol or 0.0)
        passed = bool(value <= limit)
        found = self.x0.size, OK if passed else WRONG, value, limit
        worst = () if passed else worst
        return [BlockCheck(self.name, "symmetry", None, *found, *worst, passed=passed)]


class _Hessian:
    """∇f and H, which take parameters in their structure, as functions of a vector."""

    def __init__(self, grad, hess, hessp, structure, args):
        self._grad, self._hess, self._hessp, self._args = grad, hess, hessp, args
        self._structure, self.v = structure, None

    def value(self, x):
        return np.sum(self.v * self.gradient(x))

    def gradient(self, x):
        """∇f, real or complex as x is."""
        found = call(self._grad, "gradient", self._structure.build(x), self._args)
        _refuse_function(found, self._structure)
        if np.isrealobj(x):
            return self._structure.pack(found)
        parts = [np.ravel(detached(part)) for _, part, _ in self._structure.parts(found)]
        return np.concatenate(parts)

    def claimed(self, x):
        return self._times(self._claim(x), x, self.v)

    def _claim(self, x):
        """H as it is returned; None where only its products are known."""
        if self._hessp is not None:
            return None
        H = self._hess
        if is_function(H):
            H = call(H, "Hessian", self._structure.build_in_own_precision(x), self._args)
        if H is None:
            raise TypeError("The Hessian returned None: is a return missing?")
        return H

    def _times(self, H, x, v):
        """H v, of a matrix, or of a structure of structures."""
        structure, n, found = self._structure, x.size, shape_of(H)
        if H is None:
            x, v = (structure.build_in_own_precision(each) for each in (x, v))
            return structure.pack(call(self._hessp, "hessp", x, (v, *self._args)))
        if found == (n, n):
            return _product(H, v)
        if not structure.is_array:
            rows = [(part, leaf.block.of(v)) for _, part, leaf in structure.parts(H)]
            return sum(
                structure.pack(part, lambda p, *at, v=v: weigh(p, v, *at)) for part, v in rows
            )
        if math.prod(found) != n * n:
            raise ValueError(
                f"The Hessian of {n} parameters must be an array, a sparse array or a "
                f"LinearOperator of shape {(n, n)}; it has shape {found}{_misfit(found, n)}."
            )
        return _product(np.asarray(detached(H)).reshape(n, n), v)

    def matrix(self, x):
        """H as an array, by its products if it is none; None if it is too large."""
        H, n = self._claim(x), x.size
        if self._is_matrix(H, n):
            return as_matrix(H, n, n)
        if n > MOST_PRODUCTS:
            return None
        return np.column_stack([self._times(H, x, e).astype(float) for e in np.eye(n)])

    def _is_matrix(self, H, n):
        """Whether all of H is known: no product, no operator, no structure of structures."""
        found = shape_of(H)
        fits = found == (n, n) or (self._structure.is_array and math.prod(found) == n * n)
        return H is not None and fits and not isinstance(H, LinearOperator)

    def asymmetry(self, x):
        """‖H - Hᵀ‖ / (‖H‖ + ‖Hᵀ‖), and where it is worst: its index, H there, and across."""
        H, n = self._claim(x), x.size
        if issparse(H):
            value = sparse_norm(H - H.T) / (2 * sparse_norm(H) or 1.0)
        elif not self._is_matrix(H, n):
            value = self._asymmetry_of_products(x, H)
        else:
            H = np.asarray(detached(H)).reshape(n, n)
            value = ratio(H, H.T)
        H = self.matrix(x) if value else None
        if H is None:
            return value, ()
        place = np.unravel_index(np.argmax(np.abs(H - H.T)), H.shape)
        return value, (tuple(map(int, place)), float(H[place]), float(H[place[::-1]]))

    def _asymmetry_of_products(self, x, H):
        """The same as uᵀH w beside wᵀH u, of random u and w."""
        rng, size, found = np.random.default_rng(1), np.linalg.norm, [0.0]
        for _ in range(N_PAIRS):
            u, w = np.abs(self.v) * rng.normal(size=(2, x.size))
            Hu, Hw = (self._times(H, x, each).astype(float) for each in (u, w))
            whole = size(u) * size(Hw) + size(w) * size(Hu)
            found.append(abs(u @ Hw - w @ Hu) / (whole or 1.0))
        return float(max(found))

    def mistaken(self, x):
        """Words on H at x, and the right H v if they are true."""
        H, v, found = self.matrix(x), self.v, {}
        if self._hessp is not None:
            with contextlib.suppress(Exception):
                found["is that of hessp(p, x): the order is hessp(x, p)"] = self._times(None, v, x)
        if H is None or not np.isfinite(H).all():
            return found
        for side, part in (("lower", np.tril), ("upper", np.triu)):
            if np.array_equal(part(H), H):
                full = H + H.T - np.diag(np.diag(H))
                found[f"comes of a Hessian of which only the {side} triangle is filled"] = full @ v
        if len(H) <= MOST_PRODUCTS:
            with contextlib.suppress(np.linalg.LinAlgError):
                found["comes of the inverse of the Hessian"] = np.linalg.solve(H, v)
        return found


def _product(H, v):
    """H v, in single precision if that is H's."""
    H = H if issparse(H) or isinstance(H, LinearOperator) else np.asarray(detached(H))
    return np.asarray(H @ v, np.float32 if H.dtype == np.float32 else None)


def _refuse_function(found, structure):
    """The value of a function, or a pair with it, in place of a gradient."""
    if not structure.is_array or isinstance(found, np.ndarray):
        return
    is_pair = isinstance(found, tuple) and len(found) == 2 and np.ndim(found[0]) == 0
    is_pair = is_pair and np.shape(found[1]) == np.shape(structure.build(structure.theta))
    if is_pair or (np.ndim(detached(found)) == 0 and structure.theta.size > 1):
        got = "the pair of the function and its gradient" if is_pair else "a number"
        remedy = ": lambda x: fun(x)[1]" if is_pair else ", not the function"
        raise TypeError(
            f"check_hessian takes the gradient first, and that returned {got}. Pass the gradient "
            f"alone{remedy}."
        )


def _misfit(found, n):
    if found == (n,):
        return ": pass a product with a vector as hessp=, a diagonal as np.diag(...)"
    return ""
