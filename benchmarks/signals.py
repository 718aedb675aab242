"""Does check_signals foresee which networks will not train?

    python benchmarks/signals.py [nets]

Networks are drawn by chance: initial weights × activation × depth × width × solver × learning rate,
on real and synthetic data, with and without a bottleneck and batch norm. check_signals judges the
initial weights; then each network is trained for 1,000 steps. It fails if its training loss is then
not below 0.9 of that of the best constant prediction, on data where others of the draw come below
half of it. A good verdict flags those that fail and leaves the others alone.

The limits in sknn_opt/training/symptoms.py were chosen on the first half of the draws (400
networks); the second half, 200 others, confirms them, and is what this prints and writes to
docs/_static/signals.txt. Run with ``make bench``.
"""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.metrics import log_loss, mean_squared_error
from speed.reporting import simple_table

from sknn_opt import MLPClassifier, MLPRegressor, check_signals
from sknn_opt.nn.activations import ACTIVATIONS
from sknn_opt.nn.initializers import INITIALIZERS

FIRST, N_NETS = 1_000_000, 200  # the seed of the first confirming network, and their number
DEPTHS, WIDTHS = (1, 2, 3, 5, 8, 12, 20, 30), (4, 8, 16, 32, 64)
N_ROWS, BATCH, N_STEPS, FAILED = 400, 100, 1000, 0.9
FILE = Path(__file__).parents[1] / "docs" / "_static" / "signals.txt"


@dataclass(frozen=True)
class Normal:
    """Weights from N(0, scale²), whatever the shape."""

    scale: float

    def __call__(self, shape, rng, gain):
        return rng.normal(0, self.scale, shape)

    def __str__(self):
        return f"N(0, {self.scale:g}²)"


@dataclass(frozen=True)
class Constant:
    """All weights alike."""

    value: float

    def __call__(self, shape, rng, gain):
        return np.full(shape, self.value)

    def __str__(self):
        return f"all {self.value:g}"


NORMALS = [Normal(scale) for scale in (0.01, 0.1, 0.3, 1.0)]
INITS = (*INITIALIZERS, *NORMALS, Constant(0.0), Constant(0.1))


def data_sets():
    """Name -> X, y, whether y has classes; real and synthetic, some with few directions."""
    rng, found = np.random.default_rng(0), {}
    for load in (load_digits, load_iris, load_wine, load_breast_cancer, load_diabetes):
        X, y = load(return_X_y=True)
        rows = rng.permutation(len(X))[:N_ROWS]
        X, y, name = X[rows], y[rows], load.__name__.removeprefix("load_")
        found[name] = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9), y, load is not load_diabetes
        if name == "iris":
            found["iris, raw"] = X, y, True
    X = rng.normal(size=(N_ROWS, 20))
    hidden = np.tanh(X[:, :5] @ rng.normal(size=(5, 3)))
    found["normal"] = X, hidden @ [1.0, -2.0, 1.0], False
    found["normal, classes"] = X, hidden.argmax(axis=1), True
    x = np.linspace(-3, 3, N_ROWS)[:, np.newaxis]
    found["sine"] = x, np.sin(x.ravel()), False
    Z = rng.normal(size=(N_ROWS, 2))
    found["rank 2"] = Z @ rng.normal(size=(2, 30)), Z[:, 0] + np.abs(Z[:, 1]), False
    flags = np.eye(12)[rng.integers(12, size=N_ROWS)]
    found["flags"] = flags, flags @ rng.normal(size=12), False
    return found


def draw(seed, data):
    """A network, and the name of the data that it is to learn."""
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(data)))
    X, _, has_classes = data[name]
    depth, width = int(rng.choice(DEPTHS)), int(rng.choice(WIDTHS))
    sizes = [width] * depth
    if rng.random() < 0.15:
        sizes[rng.integers(depth)] = int(rng.integers(1, 4))
    solver = str(rng.choice(["adam", "adam", "sgd", "sgd", "rmsprop", "adamw", "lbfgs"]))
    n_rows = len(X)
    size = min(BATCH, n_rows)
    kind = MLPClassifier if has_classes else MLPRegressor
    net = kind(
        sizes,
        activation=str(rng.choice(list(ACTIVATIONS))),
        init=INITS[rng.integers(len(INITS))],
        batch_norm=bool(rng.random() < 0.15),
        solver=solver,
        learning_rate_init=float(10 ** rng.uniform(-4, 0)) if rng.random() < 0.5 else 0.001,
        momentum=float(rng.choice([0.0, 0.9])),
        batch_size=size,
        max_iter=-(-N_STEPS // -(-n_rows // size)),
        n_iter_no_change=np.inf,
        random_state=seed,
    )
    return name, net


def trained_loss(net, X, y):
    """The training loss after all steps, over that of the best constant; inf if it diverged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X, y)
    if any("diverged" in str(warning.message) for warning in caught):
        return np.inf
    if isinstance(net, MLPRegressor):
        return mean_squared_error(y, net.predict(X)) / np.var(y)
    shares = np.bincount(y) / len(y)
    return log_loss(y, net.predict_proba(X)) / -(shares @ np.log(shares))
