"""The picture of the cost over a plane through the fitted weights, and of the way to them.

For two directions u and v the cost is drawn as the function

.. math:: f(a, b) = J(\\theta + a u + b v)

of two numbers. Near a minimum it is a bowl whose contours are ellipses, and the **condition
number** of its Hessian, the largest curvature over the smallest, says how elongated they are (the
axes of an ellipse are as its square root). Gradient descent is held back by the steepest direction
and crawls along the flattest: its time grows with this number. Inputs of unequal size make it
large; normalized ones do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from sknn_opt.arrays.types import Floats, Matrix, RandomState
from sknn_opt.checks.opener import open_network
from sknn_opt.plots._style import (
    SURFACE,
    Display,
    dress,
    fitted,
    legend_below,
    mark,
    n_letters,
    some,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_LEVELS = 11
DEEPEST = 1e-3  # of the height that is shown: where the contours begin
STEP = 1e-3  # of the span, for second derivatives
SPOT = {"color": "white", "markeredgecolor": "black", "zorder": 4}


@dataclass(eq=False, repr=False)
class LossSurfaceDisplay(Display):
    """The cost over two directions around the fitted weights, with the path that training took.

    Contours are spaced logarithmically above the lowest cost that is shown. All other weights
    stay as fitted, so that a path which leaves the plane is drawn as its projection.

    Parameters
    ----------
    values : ndarray of shape (n_points, n_points)
        The cost; ``values[i, j]`` is that at ``(x[j], y[i])``.
    x, y : ndarray of shape (n_points,)
        The coordinates.
    center : tuple of float
        The fitted weights in these coordinates.
    curvatures : ndarray of shape (2,)
        The eigenvalues of the Hessian in the plane, the smaller first.
    path : ndarray of shape (n_epochs + 1, 2) or None
        The coordinates of the path.
    labels : tuple of str
        What the axes are.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    record_path : Train, and record the path.

    References
    ----------
    .. [1] H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, "Visualizing the loss landscape of
       neural nets", NeurIPS 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_opt import InputNormalizer, LossSurfaceDisplay, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X = InputNormalizer().fit_transform(X)
    >>> net = MLPClassifier((), solver="lbfgs", alpha=1.0).fit(X, y)
    >>> weights = ("W[1]", 0, 0), ("W[1]", 1, 0)
    >>> display = LossSurfaceDisplay.from_estimator(net, X, y, directions=weights)
    >>> round(display.condition_number, 1)
    1.6
    """

    values: Floats
    x: Floats
    y: Floats
    center: tuple[float, ...]
    curvatures: Floats
    path: Floats | None = None
    labels: tuple[str, ...] = ("u", "v")
    _ARTIST: ClassVar[str] = "contour.QuadContourSet"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Matrix,
        y: ArrayLike,
        *,
        directions: str | tuple[tuple, tuple] = "random",
        path: ArrayLike | None = None,
        span: float | None = None,
        n_points: int = 41,
        random_state: RandomState = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the cost of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or an estimator with one in it
            Fitted. Of a pipeline the last step is drawn, for data that went through the others; of
            an ensemble the first network.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows whose cost is drawn, as one batch: see ``estimator.objective``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        directions : "random", "path" or pair of tuples, default="random"
            Two weights such as ``(("W[1]", 0, 0), ("b[1]", 0))``, whose values are then the axes.
            "random": normal directions in which each unit's incoming weights are scaled to the norm
            of the fitted ones, biases and batch norm left alone (Li et al. 2018). "path": the two
            principal directions of the path, in which most of it can be seen.
        path : ndarray of shape (n_snapshots, n_parameters), default=None
            Values of ``theta_`` on the way, for example from `record_path`.
        span : float, default=None
            How far to go from the fitted weights to each side. None: far enough to show the path;
            without a path 1 or, for named weights, 1.5 times the larger of the two. As much less as
            it takes for the cost to be finite at both ends of each direction.
        n_points : int, default=41
            Points along each axis; each of the ``n_points ** 2`` takes one forward pass.
        random_state : int, RandomState instance or None, default=0
            For random directions.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Passed to ``matplotlib.axes.Axes.contourf``, such as ``cmap`` or ``alpha``.

        Returns
        -------
        display : LossSurfaceDisplay
            Drawn.

        Raises
        ------
        TypeError
            If there is no network of ours in the estimator.
        NotFittedError
            If it is not fitted.
        ValueError
            If the directions, the path or the numbers cannot be used.
        """
        cls._pyplot()
        opened = open_network(estimator, X, y, cls.__name__, ours=True, fitted=True)
        objective = opened.part.objective(opened.X, opened.y)
        theta = objective.theta
        path = _checked(span, n_points, path, theta)
        if isinstance(directions, str):
            plane, labels = _drawn_directions(directions, objective, path, random_state)
        else:
            plane, labels = _named_weights(directions, objective, opened.names)
        origin = np.zeros(2) if isinstance(directions, str) else plane @ theta
        steps = None if path is None else (path - theta) @ np.linalg.pinv(plane)
        span = _span(steps, origin, plane, objective) if span is None else float(span)
        grid = np.linspace(-span, span, n_points)
        values = [[objective.value(theta + np.array([a, b]) @ plane) for a in grid] for b in grid]
        curvatures = _curvatures(objective, plane, STEP * span)
        x, y = origin[:, np.newaxis] + grid
        steps = None if path is None else origin + steps
        display = cls(np.array(values), x, y, tuple(origin.tolist()), curvatures, steps, labels)
        return display.plot(ax, **kwargs)

    @property
    def condition_number(self) -> float:
        """The larger curvature over the smaller: inf if that is 0, NaN unless both are positive."""
        small, large = self.curvatures
        if not large > 0 or small < -1e-7 * large:
            return np.nan
        return float(large / small) if small > 1e-14 * large else np.inf

    def _draw(self):
        self._draw_surface()
        if self.path is not None:
            self._draw_path()
        mark(self.ax_, *self.center, label="fitted weights", marker="*", markersize=13, **SPOT)
        self.ax_.set(xlim=self.x[[0, -1]], ylim=self.y[[0, -1]], aspect="equal")
        for axis in (self.ax_.xaxis, self.ax_.yaxis):
            axis.get_major_locator().set_params(nbins=6)  # of long numbers too
        # equal sides: what fits up fits across
        width = n_letters(self.ax_, along="y")
        xlabel, ylabel = fitted(self.labels, width)
        dress(self.ax_, grid=None, xlabel=xlabel, ylabel=ylabel, title=self._title())
        legend_below(self.ax_, self.ax_.get_legend_handles_labels()[0])

    def _title(self):
        number = self.condition_number
        if np.isnan(number):
            return "flat here" if not self.curvatures.any() else "no minimum here"
        return f"condition number {number:,.3g}"

    def _draw_surface(self):
        from matplotlib.colors import LogNorm

        values = np.ma.masked_invalid(self.values)
        excess = values - values.min() if values.count() else values
        highest = excess.max() if excess.count() else 0
        if not highest > 0:
            said = "the cost is the same everywhere" if excess.count() else "no cost is finite here"
            middle = {"transform": self.ax_.transAxes, "ha": "center", "va": "center"}
            self.ax_.text(0.5, 0.35, said, color="0.3", **middle)
            return
        levels = highest * np.geomspace(DEEPEST, 1, N_LEVELS)
        shown, norm = np.ma.maximum(excess, levels[0]), LogNorm(levels[0], highest)
        grid = self.x, self.y
        look = {"levels": levels, "cmap": SURFACE, "norm": norm} | self._kwargs
        filled = self.ax_.contourf(*grid, shown, **look)
        self.ax_.contour(*grid, excess, levels=levels, colors="0.25", linewidths=0.5)
        bar = self.figure_.colorbar(filled, ax=self.ax_, shrink=0.8, format="{x:.3g}")
        bar.set_label("cost above the lowest shown", fontsize="small")
        bar.ax.tick_params(labelsize="small")

    def _draw_path(self):
        from matplotlib.patheffects import Normal, Stroke

        halo = [Stroke(linewidth=3.5, foreground="white"), Normal()]
        line = {"linewidth": 1.2, "path_effects": halo, "color": "black", "zorder": 3}
        dots = {"marker": "o", "markersize": 2.5, "markevery": max(1, len(self.path) // 40)}
        label = f"path of {len(self.path) - 1} epochs"
        self.ax_.plot(*self.path.T, "-", label=label, **line, **dots)
        mark(self.ax_, *self.path[0], label="start", marker="s", markersize=8, **SPOT)


def _checked(span, n_points, path, theta):
    """The path without what is not finite."""
    if span is not None and not (np.isfinite(span) and span > 0):
        raise ValueError(f"span must be a positive number, or None; got {span!r}.")
    if n_points != int(n_points) or n_points < 3:
        raise ValueError(f"n_points must be an integer from 3 on; got {n_points!r}.")
    if not np.isfinite(theta).all():
        raise ValueError(
            "The weights of the estimator are not finite, so that there is no cost to draw: fit it "
            "again with a smaller learning rate."
        )
    if path is None:
        return None
    path = np.asarray(path, dtype=float)
    if path.ndim != 2 or path.shape[1] != theta.size or not len(path):
        raise ValueError(
            f"path must have one row of {theta.size} parameters for each snapshot; got shape "
            f"{path.shape}. record_path returns such an array."
        )
    return path[np.isfinite(path).all(axis=1)]


def _span(steps, origin, plane, objective):
    """Half the width of the picture: less than asked for if the cost there is not finite."""
    if steps is not None and np.abs(steps).max(initial=0) > 0:
        span = 1.15 * float(np.abs(steps).max())
    else:
        span = 1.5 * float(np.abs(origin).max()) or 1.0
    ends = np.vstack([plane, -plane])
    smaller = span / 10.0 ** np.arange(200)
    is_finite = (all(_is_finite(objective, span * end) for end in ends) for span in smaller)
    return next((s for s, fits in zip(smaller, is_finite, strict=True) if fits), span)


def _is_finite(objective, step):
    with np.errstate(all="ignore"):
        return np.isfinite(objective.value(objective.theta + step))


def _curvatures(objective, plane, step):
    """The eigenvalues of the Hessian in the plane, by central differences of the gradient."""
    theta, slope = objective.theta, objective.gradient
    with np.errstate(all="ignore"):
        rows = [plane @ (slope(theta + step * u) - slope(theta - step * u)) for u in plane]
    hessian = np.array(rows) / (2 * step)
    if not np.isfinite(hessian).all():
        return np.full(2, np.nan)
    return np.linalg.eigvalsh((hessian + hessian.T) / 2)


# Directions: arrays of shape (2, n_parameters) --------------------------------------------------


def _named_weights(directions, objective, names):
    """One unit vector for each of two weights."""
    if len(directions) != 2 or any(isinstance(direction, str) for direction in directions):
        raise ValueError(
            "directions must be 'random', 'path', or two weights such as "
            f"(('W[1]', 0, 0), ('W[1]', 1, 0)); got {directions!r}."
        )
    plane = np.zeros((2, objective.theta.size))
    labels = []
    for unit, (block, *index) in zip(plane, directions, strict=True):
        if block not in objective.blocks:
            raise ValueError(
                f"There is no block {block!r}; the network has {some(objective.blocks)}."
            )
        matrix, place = objective.blocks[block].of(unit), tuple(index)
        inside = all(-n <= i < n for i, n in zip(place, matrix.shape, strict=False))
        if len(place) != matrix.ndim or not inside:
            raise ValueError(f"{block} has shape {matrix.shape}; {place} is no element of it.")
        matrix[place] = 1.0
        of = f", weight of {names[place[0]]}" if block == "W[1]" and names is not None else ""
        labels.append(f"{block}[{', '.join(map(str, place))}]{of}")
    if (plane[0] == plane[1]).all():
        raise ValueError(f"The two directions are the same weight, {labels[0]}; name another one.")
    return plane, tuple(labels)


def _drawn_directions(name, objective, path, random_state):
    if name == "random":
        return _random_directions(objective, check_random_state(random_state))
    if name == "path":
        return _principal_directions(objective.theta, path)
    raise ValueError(f"directions must be 'random', 'path' or two weights; got {name!r}.")


def _random_directions(objective, rng):
    """Normal directions, each unit's part as long as its weights (Li et al.)."""
    plane = np.zeros((2, objective.theta.size))
    for name, block in objective.blocks.items():
        if not name.startswith("W["):
            continue
        lengths = np.linalg.norm(block.of(objective.theta), axis=0)
        for direction in plane:
            drawn = rng.normal(size=block.shape)
            block.of(direction)[...] = drawn / np.linalg.norm(drawn, axis=0) * lengths
    if not plane.any():
        raise ValueError(
            "All weights are 0, and random directions are scaled to their norms: name two weights."
        )
    return plane, ("random direction u", "random direction v")


def _principal_directions(theta, path):
    """The two directions in which the path, seen from its end, extends most."""
    if path is None:
        raise ValueError("directions='path' needs a path: pass what record_path returned.")
    _, sizes, directions = np.linalg.svd(path - theta, full_matrices=False)
    if len(sizes) < 2 or not sizes[1] > 1e-12 * sizes[0]:
        raise ValueError("The path lies on a line: directions='path' needs it to span a plane.")
    shares = sizes[:2] ** 2 / np.sum(sizes**2)
    main, second = (f"direction of the path ({share:.0%})" for share in shares)
    return directions[:2], (f"main {main}", f"second {second}")
