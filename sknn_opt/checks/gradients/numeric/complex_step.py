"""Derivatives by complex steps: exact to rounding, with no step to choose.

    f'(x) = Im f(x + ih) / h,   h = 1e-200

Nothing is subtracted, so nothing cancels; h² underflows to 0, so nothing but the first derivative
is left, and a unit of relu that sits on its kink stays there, whichever way x moves.
Source: Squire & Trapp (1998), "Using complex variables to estimate derivatives of real functions".
"""

import warnings

import numpy as np

from sknn_opt.checks.gradients.numeric import Estimates, Source

STEP = 1e-200
ROUNDINGS = 30  # differences up to this many times the rounding noise mean nothing


class Exact(Source):
    """Sources whose only error is rounding: ``derivatives(block, directions)`` are plain arrays."""

    _neighbors = None

    def along(self, block, directions=None, claimed=None):
        value = self.derivatives(block, directions)
        if claimed is None:
            return Estimates(value, 0.0)
        # ‖a - n‖ / (‖a‖ + ‖n‖) may be as large as the tolerance
        error = 2 * self.problem.tolerance * np.linalg.norm(value)
        found = Estimates(value, error)
        if found.contradict(claimed):
            noise = ROUNDINGS * self._noise(block, directions, value)
            found = Estimates(value, max(error, noise))
        return found

    def _noise(self, block, directions, value):
        """How far either gradient moves when x moves in its last digits.

        One that is truly 0 (β below another batch norm) holds nothing else.
        """
        if self._neighbors is None:
            self._neighbors = [self.at(x, seed) for seed, x in enumerate(self.problem.nearby)]
        moved = [np.linalg.norm(s.derivatives(block, directions) - value) for s in self._neighbors]
        share = 1 if directions is None else np.sqrt(len(directions))
        rounding = self.weights(block) * self.problem.rounding[:, self.blocks[block].slice]
        return np.fmax.reduce([*moved, *share * np.linalg.norm(rounding, axis=1)])


class ComplexStep(Exact):
    """∂f/∂x by complex steps through f itself, one evaluation for one derivative."""

    def __init__(self, f, problem, x=None):
        super().__init__(problem)
        self.f, self.x = f, problem.x0 if x is None else x

    def at(self, x, seed):
        return ComplexStep(self.f, self.problem, x)

    def derivatives(self, block, directions=None):
        """The derivatives along directions of shape (n, size of the block), or of each element."""
        place = self.blocks[block]
        directions = np.eye(place.size) if directions is None else directions
        self.f.block = block
        return np.array([self.derivative(direction, place.slice) for direction in directions])

    def derivative(self, direction, place=slice(None)):
        """The derivative along one direction of a part of x."""
        moved = self.x.astype(complex)
        np.multiply(direction, STEP, out=moved.imag[place])
        return self.f.complex(moved).imag.item() / STEP

    def elements(self, compared):
        if compared.directions is None or not np.isfinite(compared.gradient).all():
            return None
        found = Estimates(self.derivatives(compared.block), 0.0)
        return found if np.isfinite(found.value).all() else None

    def works(self, rng):
        """Whether f gives a finite complex number for a complex argument."""
        direction = rng.normal(size=self.x.size)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # dropping an imaginary part is but a warning
            try:
                result = self.f.complex(self.x + 1j * STEP * direction)
            except Exception:  # whatever a real function does with complex numbers
                return False
        return bool(np.iscomplexobj(result) and np.isfinite(result))

    def describe(self):
        return f"complex step, along random directions, {self.f.n_calls} evaluations"
